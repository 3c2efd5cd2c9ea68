# Copied beside this program: cmd.py
import cmd

class C(cmd.Cmd):

    def do_hi(self, a):
        self.say(a)

    def say(self, a):
        print(a)

    def help_hi(self):
        print('h')

    def do_quit(self, a):
        return True
c = C()
c.onecmd('hi x')
c.onecmd('help hi')
c.onecmd('help')
c.onecmd('nope')
print(c.completenames('h'))
