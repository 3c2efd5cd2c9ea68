# Copied beside this program: sched.py
import sched
t = [0]

def now():
    return t[0]

def wait(n):
    t[0] += n

def job(x):
    print(x)
s = sched.scheduler(now, wait)
s.enter(1, 1, job, (1,))
e = s.enterabs(5, 1, job, argument=(2,))
s.cancel(e)
s.run()
