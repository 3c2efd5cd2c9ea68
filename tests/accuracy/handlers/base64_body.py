"""Takes a base64 body, changes its bytes, answers with base64."""

import base64


def lambda_handler(event, context):
    raw = base64.b64decode(event["body"]) if event.get("isBase64Encoded") else event["body"].encode()
    changed = bytes(byte ^ 0x5A for byte in raw)
    return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(changed).decode()}
