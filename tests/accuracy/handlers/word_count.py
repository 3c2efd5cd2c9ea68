"""Counts the words of a text."""

import json
from collections import Counter


def lambda_handler(event, context):
    text = event["text"]
    words = text.lower().split()
    counts = Counter(words)
    return {"statusCode": 200, "body": json.dumps({"words": len(words), "top": counts.most_common(10)})}
