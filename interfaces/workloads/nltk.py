"""nltk: what needs no downloaded data. Texts of words in the proportions of a language (Zipf)."""

import itertools

import nltk
import nltk.collocations
import nltk.stem
import nltk.tokenize
import nltk.util
from meminterface_workloads import call, kind, sizes, workload
from nltk.metrics import edit_distance, jaccard_distance  # the attribute `nltk.metrics` is another module

WORDS = [f"{a}{b}{c}" for a in ("mem", "in", "re", "pro", "trans") for b in ("or", "fa", "ta", "li", "gre") for c in ("y", "ces", "ble", "ing", "ed", "s")]
WORDS += [f"{word}{n}" for word in WORDS for n in range(30)]
WEIGHTS = list(itertools.accumulate(1 / (n + 1) for n in range(len(WORDS))))
N = sizes(3000, 300_000, edges=(0,))


def words(rng, count):
    return rng.choices(WORDS, cum_weights=WEIGHTS, k=count)


def text(rng, count):
    parts = words(rng, count)
    return " ".join(part + (". " if n % 12 == 11 else "") for n, part in enumerate(parts))


kind(nltk.FreqDist, "nltk.FreqDist", length=len)

for name in ("wordpunct_tokenize", "regexp_tokenize", "blankline_tokenize"):
    more = (r"\w+",) if name == "regexp_tokenize" else ()
    workload(f"nltk.tokenize.{name}", n=N)(
        lambda rng, n, f=getattr(nltk.tokenize, name), more=more: call(f, text(rng, n), *more))
workload("nltk.FreqDist", n=N, parameters=["samples=None"])(lambda rng, n: call(nltk.FreqDist, words(rng, n)))
workload("nltk.stem.PorterStemmer.stem", n=sizes(3, 60, edges=()))(
    lambda rng, n: call(nltk.stem.PorterStemmer().stem, (rng.choice(WORDS) * 20)[:n]))
workload("nltk.collocations.BigramCollocationFinder.from_words", n=N)(
    lambda rng, n: call(nltk.collocations.BigramCollocationFinder.from_words, words(rng, n)))
workload("nltk.metrics.edit_distance", n=sizes(30, 1000, edges=(0,)), m=sizes(30, 1000, edges=()))(
    lambda rng, n, m: call(edit_distance, "".join(rng.choices("abcdef", k=n)), "".join(rng.choices("abcdef", k=m))))
workload("nltk.metrics.jaccard_distance", n=N)(
    lambda rng, n: call(jaccard_distance, set(words(rng, n)), set(words(rng, n))))
