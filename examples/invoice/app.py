"""Writes an invoice for metered usage as PDF."""

import base64
import os
from decimal import Decimal

from billing import BadUsage, Invoice
from layout import render

BUCKET = os.environ.get("INVOICE_BUCKET", "")
INLINE_LIMIT_BYTES = int(os.environ.get("INLINE_LIMIT_BYTES", str(4 * 1024 * 1024)))
VAT = Decimal(os.environ.get("VAT", "0.20"))


def deliver(number, document):
    """Small documents go back with the answer, large ones (or all, with a bucket) to S3."""
    if BUCKET:
        import boto3

        key = f"invoices/{number}.pdf"
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=document, ContentType="application/pdf")
        return {"bucket": BUCKET, "key": key}
    if len(document) > INLINE_LIMIT_BYTES:
        raise OverflowError(f"{len(document)} bytes are too many for an answer")
    return {"pdf": base64.b64encode(document).decode()}


def handler(event, context):
    try:
        invoice = Invoice.from_event(event["invoice"], vat=VAT)
    except (BadUsage, KeyError) as error:
        return {"status": "rejected", "reason": repr(error)}
    document, pages = render(invoice, with_details=event.get("details", True))
    answer = {
        "status": "done",
        "number": invoice.number,
        "lines": len(invoice.lines),
        "net": str(invoice.net),
        "gross": str(invoice.gross),
        "pages": pages,
        "bytes": len(document),
    }
    answer |= deliver(invoice.number, document)
    return answer
