"""Stores the orders of an SQS batch in DynamoDB and reports the messages that failed."""

import json
import logging
import os
import time
from decimal import Decimal

from model import InvalidOrder, Order
from table import Duplicate, OrderTable

logger = logging.getLogger()
logger.setLevel(os.getenv("LOG_LEVEL", "ERROR"))

RETRIES = int(os.environ.get("RETRIES", "3"))
FAIL_FAST = os.environ.get("FAIL_FAST", "") == "true"
table = OrderTable(os.environ.get("TABLE_NAME", "orders"))


def parse(record) -> Order:
    body = json.loads(record["body"], parse_float=Decimal)
    if isinstance(body, dict) and "Message" in body:  # came through SNS
        body = json.loads(body["Message"], parse_float=Decimal)
    return Order.from_dict(body)


def store(order):
    """Tries a few times; gives whether the order is new."""
    delay = 0.01
    for attempt in range(1, RETRIES + 1):
        try:
            table.put(order)
        except Duplicate:
            return False
        except table.throttled:
            if attempt == RETRIES:
                raise
            time.sleep(delay)
            delay *= 2
        else:
            return True
    return False


def lambda_handler(event, context):
    failures = []
    stored = duplicates = 0
    customers = {}
    for record in event["Records"]:
        message_id = record["messageId"]
        try:
            order = parse(record)
            if store(order):
                stored += 1
            else:
                duplicates += 1
            customers.setdefault(order.customer, []).append(order.total)
        except (InvalidOrder, json.JSONDecodeError) as error:
            logger.warning("message %s: %s", message_id, error)
            failures.append({"itemIdentifier": message_id})
            if FAIL_FAST:
                break
        except Exception:
            logger.exception("message %s", message_id)
            failures.append({"itemIdentifier": message_id})
        finally:
            logger.info("message %s done", message_id)

    if customers:
        table.add_totals({customer: sum(totals) for customer, totals in customers.items()})
    return {
        "batchItemFailures": failures,
        "stored": stored,
        "duplicates": duplicates,
        "customers": len(customers),
    }
