"""Parses an uploaded CSV body to a list of dicts and sums a column."""

import csv
import io
import json


def lambda_handler(event, context):
    body = event["body"]
    reader = csv.DictReader(io.StringIO(body))
    records = []
    for row in reader:
        row["amount"] = float(row["amount"])
        records.append(row)
    total = sum(record["amount"] for record in records)
    by_country = {}
    for record in records:
        by_country[record["country"]] = by_country.get(record["country"], 0) + record["amount"]
    return {"statusCode": 200, "body": json.dumps({"rows": len(records), "total": total, "by_country": by_country})}
