"""PageRank by power iteration on dicts."""

from collections import defaultdict


def make_links(pages):
    links = defaultdict(list)
    for page in range(pages):
        for step in (1, 7, 31):
            links[page].append((page * step + step) % pages)
    return links


def pagerank(links, pages, rounds, damping=0.85):
    rank = {page: 1.0 / pages for page in range(pages)}
    for _ in range(rounds):
        new = {page: (1 - damping) / pages for page in range(pages)}
        for page, targets in links.items():
            share = damping * rank[page] / len(targets)
            for target in targets:
                new[target] += share
        rank = new
    return rank


def handler(event, context):
    pages = event["pages"]
    links = make_links(pages)
    rank = pagerank(links, pages, event.get("rounds", 3))
    return {"best": max(rank, key=rank.get)}
