"""Writes src/expression/unicode.rs: what CPython's `str` methods know of characters that Rust's `char` does not.

Run with CPython 3.12: python3.12 tests/vectors/unicode.py > src/expression/unicode.rs
"""

import sys
import unicodedata

ALL = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    out = []
    for c in ALL:
        if test(c):
            if out and out[-1][1] == ord(c) - 1:
                out[-1][1] = ord(c)
            else:
                out.append([ord(c), ord(c)])
    return out


def wrapped(items):
    line = "   "
    for item in items:
        if len(line) + len(item) + 2 > 118:
            print(line)
            line = "   "
        line += " " + item + ","
    print(line)


def table(name, doc, test):
    rows = ranges(test)
    print(f"\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: &[(u32, u32)] = &[")
    wrapped(f"(0x{a:x}, 0x{b:x})" for a, b in rows)
    print("];")


def mapping(name, doc, items):
    print(f"\n/// {doc}\n#[rustfmt::skip]\npub(super) const {name}: &[(char, &str)] = &[")
    wrapped("('\\u{%x}', \"%s\")" % (ord(k), "".join("\\u{%x}" % ord(c) for c in v)) for k, v in items)
    print("];")


print(
    f"""//! Character properties of CPython {sys.version_info[0]}.{sys.version_info[1]} (Unicode {unicodedata.unidata_version}).
//!
//! Written by tests/vectors/unicode.py; sorted ranges, both ends included. Depends on nothing.

/// Whether a sorted table of ranges holds a character.
pub(super) fn holds(table: &[(u32, u32)], c: char) -> bool {{
    let c = c as u32;
    let at = table.partition_point(|(_, last)| *last < c);
    table.get(at).is_some_and(|(first, _)| *first <= c)
}}

/// The value of a decimal digit of any script.
pub(super) fn decimal(c: char) -> Option<u32> {{
    if c.is_ascii() {{
        return c.to_digit(10);
    }}
    let at = DECIMAL.partition_point(|zero| *zero + 9 < c as u32);
    DECIMAL.get(at).and_then(|zero| (c as u32).checked_sub(*zero))
}}"""
)
table("ALPHA", "`str.isalpha`", str.isalpha)
table("NUMERIC", "`str.isnumeric`", str.isnumeric)
table("DIGIT", "`str.isdigit`", str.isdigit)
table("UNPRINTABLE", "Not `str.isprintable`: escaped by `repr`", lambda c: not c.isprintable())
table("CASED", "What `str.title` takes for a cased letter", lambda c: (c + "a").title()[-1] == "a")
zeros = [c for c in ALL if unicodedata.decimal(c, None) == 0]
assert all(unicodedata.decimal(chr(ord(z) + i), None) == i for z in zeros for i in range(10))
assert sum(unicodedata.decimal(c, None) is not None for c in ALL) == 10 * len(zeros)
print("\n/// The zeros of all decimal digits; nine digits follow each.\n#[rustfmt::skip]\nconst DECIMAL: &[u32] = &[")
wrapped(f"0x{ord(z):x}" for z in zeros)
print("];")
mapping("TITLE", "Title case, where it is not upper case.", [(c, c.title()) for c in ALL if c.title() != c.upper()])
mapping("FOLD", "Case folding, where it is not lower case.", [(c, c.casefold()) for c in ALL if c.casefold() != c.lower()])
