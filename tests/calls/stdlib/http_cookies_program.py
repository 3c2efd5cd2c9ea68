# Copied beside this program: http/__init__.py http/cookies.py
from http import cookies
c = cookies.SimpleCookie()
c['a'] = '1'
c['a']['path'] = '/'
print(c.output())
c.load('x=y; z="q"')
print(c['z'].value)
