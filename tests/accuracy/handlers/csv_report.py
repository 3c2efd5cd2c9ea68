"""Builds a CSV report in memory."""

import csv
import io


def handler(event, context):
    count = event["orders"]
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["order", "customer", "total", "currency"])
    for number in range(count):
        writer.writerow([f"ORD-{number:08d}", f"customer{number % 997}@example.com", number * 3 % 10007, "EUR"])
    text = buffer.getvalue()
    return {"statusCode": 200, "body": text, "headers": {"Content-Type": "text/csv"}}
