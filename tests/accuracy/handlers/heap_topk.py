"""The k largest of a stream: the stream is never kept."""

import heapq


def stream(count):
    state = 12345
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2147483648
        yield state


def handler(event, context):
    largest = heapq.nlargest(event["k"], stream(event["count"]))
    return {"kth": largest[-1]}
