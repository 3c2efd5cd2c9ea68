import a
import a.b.c
import a.b as b, c as d
from a import b
from a.b import c as d, e
from . import x
from .. import y
from ... import z
from .... import w
from .x import *
from ..x.y import (z as q)
from __future__ import annotations
if x:
    import late
try:
    import ujson as json
except ImportError:
    import json


def handler(event, context):
    import boto3
    from botocore.exceptions import ClientError
    return boto3.client("s3").get_object(**event)
