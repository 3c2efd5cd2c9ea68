"""Word statistics of documents. It has the kind of bug that only warm invocations show: its caches never shrink."""

import collections
import os
import time

import words

TOP = int(os.environ.get("TOP", "10"))
KEEP_HISTORY = os.environ.get("KEEP_HISTORY", "1") != "0"

_history = []  # every answer of this process: grows without limit
_vocabulary = set()  # every word of this process: grows with every new word


class Statistics:
    """Counts of one or more documents."""

    def __init__(self):
        self.counts = collections.Counter()
        self.lengths = collections.defaultdict(int)
        self.sentences = 0
        self.first_seen = {}

    def add(self, name, text):
        position = 0
        for sentence in words.sentences(text):
            self.sentences += 1
            for word in words.tokens(sentence):
                stem = words.stem(word)
                self.counts[stem] += 1
                self.lengths[len(word)] += 1
                if stem not in self.first_seen:
                    self.first_seen[stem] = (name, position)
                position += 1
        return position

    @property
    def total(self):
        return sum(self.counts.values())

    def bigrams(self, text):
        tokens = list(words.tokens(text))
        return collections.Counter(zip(tokens, tokens[1:])).most_common(TOP)


def documents(event):
    if "text" in event:
        yield "text", event["text"]
    for number, document in enumerate(event.get("documents", ())):
        yield document.get("name", f"document-{number}"), document["text"]
    if generate := event.get("generate"):
        for number in range(generate.get("documents", 1)):
            seed = generate.get("seed", 0) + number
            yield f"generated-{number}", words.generate(generate["words"], generate["vocabulary"], seed)


def handler(event, context):
    begin = time.monotonic()
    statistics = Statistics()
    per_document, pairs = {}, []
    for name, text in documents(event):
        per_document[name] = statistics.add(name, text)
        if event.get("bigrams"):
            pairs = [[*pair, count] for pair, count in statistics.bigrams(text)]

    new = [stem for stem in statistics.counts if stem not in _vocabulary]
    _vocabulary.update(new)
    answer = {
        "documents": per_document,
        "words": statistics.total,
        "distinct": len(statistics.counts),
        "sentences": statistics.sentences,
        "new": len(new),
        "top": [
            [stem, count]
            for stem, count in sorted(statistics.counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        ],
        "mean_length": round(sum(k * v for k, v in statistics.lengths.items()) / statistics.total, 3)
        if statistics.total
        else 0,
        "bigrams": pairs,
    }
    if KEEP_HISTORY:
        # Keeps the statistics of every request, for a report that nobody reads.
        _history.append((context.aws_request_id, statistics, answer))
    answer["warm"] = {
        "history": len(_history),
        "vocabulary": len(_vocabulary),
        "stems": words.stem.cache_info().currsize,
    }
    answer["seconds"] = round(time.monotonic() - begin, 6)
    return answer
