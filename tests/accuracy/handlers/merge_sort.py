"""Merge sort with slices."""

import random


def merge_sort(values):
    if len(values) <= 1:
        return values
    middle = len(values) // 2
    left = merge_sort(values[:middle])
    right = merge_sort(values[middle:])
    merged = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    merged.extend(left[i:])
    merged.extend(right[j:])
    return merged


def handler(event, context):
    rng = random.Random(0)
    values = [rng.randint(0, 10_000_000) for _ in range(event["n"])]
    ordered = merge_sort(values)
    return {"smallest": ordered[0], "largest": ordered[-1]}
