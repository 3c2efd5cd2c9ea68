"""Orders and totals in one DynamoDB table."""

import boto3
from botocore.exceptions import ClientError


class Duplicate(Exception):
    pass


class Table:
    def __init__(self, name):
        self.resource = boto3.resource("dynamodb")
        self.table = self.resource.Table(name)
        self.throttled = self.resource.meta.client.exceptions.ProvisionedThroughputExceededException

    def put_once(self, item, key="pk"):
        try:
            self.table.put_item(Item=item, ConditionExpression=f"attribute_not_exists({key})")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise Duplicate(item[key]) from error
            raise


class OrderTable(Table):
    def put(self, order):
        super().put_once(order.to_item())

    def add_totals(self, totals):
        with self.table.batch_writer(overwrite_by_pkeys=["pk"]) as batch:
            for customer, total in totals.items():
                batch.put_item(Item={"pk": f"CUSTOMER#{customer}", "last_batch_total": total})
