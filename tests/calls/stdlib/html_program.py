# Copied beside this program: html _markupbase.py
import html
from html.parser import HTMLParser

class P(HTMLParser):

    def handle_starttag(self, t, a):
        self.note(t)

    def handle_endtag(self, t):
        self.note(t)

    def handle_data(self, d):
        self.note(d)

    def note(self, x):
        print(x)
p = P()
p.feed('<a href="x&amp;">t</a><!-- c --><br/><!DOCTYPE html>')
p.close()
print(html.escape('<'), html.unescape('&lt;&#60;'))
