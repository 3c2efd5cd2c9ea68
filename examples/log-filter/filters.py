"""Which lines are wanted, and what is kept of them."""

import re
from collections import Counter

# address - user [time] "GET /path HTTP/1.1" status bytes
LINE = re.compile(r'^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d{3}) (\d+|-)')


class LineFilter:
    def __init__(self, pattern=None, status=None, methods=()):
        self.pattern = re.compile(pattern) if pattern else None
        self.status = status
        self.methods = frozenset(methods)

    @classmethod
    def from_event(cls, options):
        return cls(options.get("pattern"), options.get("status"), options.get("methods", ()))

    def __call__(self, line):
        if self.pattern is not None and not self.pattern.search(line):
            return False
        if self.status is None and not self.methods:
            return True
        if (match := LINE.match(line)) is None:
            return False
        if self.status is not None and match[5][0] != str(self.status)[0]:
            return False
        return not self.methods or match[3] in self.methods


class Summary:
    def __init__(self, max_samples):
        self.lines = self.matched = self.bytes = 0
        self.addresses = Counter()
        self.samples = []
        self.max_samples = max_samples

    def add(self, line):
        self.matched += 1
        if len(self.samples) < self.max_samples:
            self.samples.append(line)
        if match := LINE.match(line):
            self.addresses[match[1]] += 1
            self.bytes += 0 if match[6] == "-" else int(match[6])

    def to_dict(self):
        return {
            "lines": self.lines,
            "matched": self.matched,
            "bytes": self.bytes,
            "addresses": len(self.addresses),
            "busiest": self.addresses.most_common(3),
            "samples": self.samples,
        }
