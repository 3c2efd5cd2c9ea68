"""boto3: S3, DynamoDB and SQS of a moto server on loopback. The clients are made anew for each call, as handlers have them."""

import functools
import sys

import boto3
from meminterface_workloads import call, server, sizes, workload

BODY = sizes(1000, 8_000_000, edges=(0,))
OBJECT = {"object_bytes": "size of the object in S3"}


@functools.lru_cache
def client(service):
    port = server(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}")
    return boto3.client(service, endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
                        aws_access_key_id="none", aws_secret_access_key="none")


@functools.lru_cache
def s3():
    client("s3").create_bucket(Bucket="traces")
    return client("s3")


@functools.lru_cache
def table():
    client("dynamodb").create_table(
        TableName="traces", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST")
    return client("dynamodb")


@functools.lru_cache
def queue():
    return client("sqs").create_queue(QueueName="traces")["QueueUrl"]


def item(rng, key, n, size):
    return {"id": {"S": key}, "n": {"N": str(n)}, "text": {"S": "".join(rng.choices("abcdefgh ", k=size))}, "price": {"N": "1.5"}}


@workload("boto3.client.s3.put_object", size=BODY, parameters=["**kwargs"], library="boto3")
def _(rng, size):
    return call(s3().put_object, Bucket="traces", Key=f"put-{size}", Body=rng.randbytes(size)).on(None)


@workload("boto3.client.s3.get_object", size=BODY, parameters=["**kwargs"], externals=OBJECT, library="boto3")
def _(rng, size):
    s3().put_object(Bucket="traces", Key=f"get-{size}", Body=rng.randbytes(size))
    return call(s3().get_object, Bucket="traces", Key=f"get-{size}").on(None).given(object_bytes=size)


@workload("boto3.client.s3.list_objects_v2", count=sizes(5, 900, edges=()), parameters=["**kwargs"],
          externals={"object_count": "objects in the bucket"}, library="boto3")
def _(rng, count):
    for n in range(count):
        s3().put_object(Bucket="traces", Key=f"list-{count}/{n:06d}", Body=b"x")
    return call(s3().list_objects_v2, Bucket="traces", Prefix=f"list-{count}/").on(None).given(object_count=count)


@workload("boto3.client.dynamodb.query", count=sizes(2, 300, edges=()), parameters=["**kwargs"],
          externals={"item_count": "items that are found"}, library="boto3")
def _(rng, count):
    for n in range(count):
        table().put_item(TableName="traces", Item=item(rng, f"key-{count}", n, 200))
    return call(table().query, TableName="traces", KeyConditionExpression="id = :id",
                ExpressionAttributeValues={":id": {"S": f"key-{count}"}}).on(None).given(item_count=count)


@workload("boto3.client.dynamodb.put_item", size=sizes(10, 300_000, edges=()), parameters=["**kwargs"],
          externals={"item_bytes": "bytes of the item"}, library="boto3")
def _(rng, size):
    return call(table().put_item, TableName="traces", Item=item(rng, "one", 1, size)).on(None).given(item_bytes=size)


@workload("boto3.client.sqs.send_message", size=sizes(10, 200_000, edges=()), parameters=["**kwargs"],
          externals={"message_bytes": "bytes of the message"}, library="boto3")
def _(rng, size):
    body = "".join(rng.choices("abcdefgh ", k=size))
    url = queue()
    return call(client("sqs").send_message, QueueUrl=url, MessageBody=body).on(None).given(message_bytes=size)
