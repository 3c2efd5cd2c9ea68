# Copied beside this program: difflib.py
import difflib
s = difflib.SequenceMatcher(None, 'abcd', 'bcde')
print(s.ratio(), s.get_opcodes(), s.quick_ratio())
print(list(difflib.unified_diff(['a', 'b'], ['a', 'c'])))
print(list(difflib.ndiff(['a\n', 'bxx\n'], ['a\n', 'bxy\n'])))
print(difflib.get_close_matches('appel', ['ape', 'apple']))
print(difflib.HtmlDiff().make_table(['a', 'b'], ['a', 'c']))
