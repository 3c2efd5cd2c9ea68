"""Packs records into one binary buffer and reads them back."""

import struct

RECORD = struct.Struct("<IdH")


def handler(event, context):
    buffer = bytearray()
    for i in range(event["records"]):
        buffer += RECORD.pack(i, i * 0.5, i % 65536)
    data = bytes(buffer)
    values = [value for _, value, _ in RECORD.iter_unpack(data)]
    return {"bytes": len(data), "sum": sum(values)}
