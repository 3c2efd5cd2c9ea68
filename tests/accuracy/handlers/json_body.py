"""Takes a JSON body from API Gateway, transforms each item, answers with JSON."""

import json


def lambda_handler(event, context):
    payload = json.loads(event["body"])
    items = payload["items"]
    result = []
    for item in items:
        result.append({"sku": item["sku"], "net": item["price"] * item["quantity"], "gross": round(item["price"] * item["quantity"] * 1.19, 2)})
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"count": len(result), "items": result}),
    }
