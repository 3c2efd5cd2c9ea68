# Copied beside this program: tomllib
import tomllib
print(tomllib.loads('a=1\nb="x"\n[t]\nc=[1,2]\nd={e=1.5}\n[[q]]\nz=2020-01-01\n'))
