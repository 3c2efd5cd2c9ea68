"""Threads that fill a shared dict with their results."""

import threading


def compute(name, count, results):
    results[name] = [i * i + name for i in range(count)]


def handler(event, context):
    results = {}
    threads = []
    for name in range(event.get("threads", 4)):
        thread = threading.Thread(target=compute, args=(name, event["count"], results))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return {"total": sum(len(values) for values in results.values())}
