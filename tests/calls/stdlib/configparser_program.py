# Copied beside this program: configparser.py
import configparser
c = configparser.ConfigParser()
c.read_string('[a]\nx=1\ny=%(x)s2\n[b]\nz=true\n')
print(c.sections(), c['a']['y'], c.getint('a', 'x'), c.getboolean('b', 'z'), c.has_option('a', 'q'))
c.set('a', 'w', '5')
c.add_section('n')
import io
c.write(io.StringIO())
print(dict(c['a']))
print(c.items('a'))
