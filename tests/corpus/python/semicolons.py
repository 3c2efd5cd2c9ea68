import a; from b import c; x = 1; def_ = 2;
def handler(event, context): a = 1; b = 2; return a + b;
if x: pass; a = 1
class C: x = 1; y = 2;
for i in x: a(); b(); break
try: a(); b()
except E: c(); d()
finally: e(); f()
with a: b(); c()
