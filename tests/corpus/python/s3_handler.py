import boto3, json, os, io
s3 = boto3.client("s3")
BUCKET = os.environ.get("BUCKET", "default")
TABLE = os.environ["TABLE"]
def handler(event, context):
    total = 0
    for record in event["Records"]:
        body = json.loads(record["body"])
        key = body.get("key") or "none"
        try:
            data = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey as error:
            continue
        except Exception:
            raise
        buffer = io.BytesIO(data)
        total += len(data) * int(event.get("factor", 10)) // 3
        s3.put_object(Bucket=BUCKET, Key=f"{key}.copy", Body=buffer.getvalue()[: total % 7])
    return {"statusCode": 200, "body": json.dumps({"total": total})}
