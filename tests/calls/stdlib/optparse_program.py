# Copied beside this program: optparse.py
import optparse
p = optparse.OptionParser(usage='%prog')
p.add_option('-n', '--num', type='int', default=2, help='n %default')
p.add_option('-v', action='store_true')
p.add_option('--c', action='callback', callback=lambda o, s, v, p: None)
print(p.parse_args(['-n', '3', 'x', '-v', '--c']))
print(p.format_help())
