"""CSV to Parquet: the whole table in memory, or a few thousand rows at a time."""

import io
import os
import tempfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from schema import EmptyTable, tidy

WHOLE, STREAM = "whole", "stream"
ROWS_A_CHUNK = int(os.environ.get("ROWS_A_CHUNK", "20000"))
COMPRESSION = os.environ.get("COMPRESSION", "zstd")


def convert_whole(data, columns):
    try:
        frame = pd.read_csv(io.BytesIO(data), usecols=columns)
    except pd.errors.EmptyDataError as error:
        raise EmptyTable(str(error)) from error
    frame = tidy(frame)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=COMPRESSION)
    return buffer.getvalue(), table.num_rows, table.num_columns


def convert_stream(body, columns):
    """Writes to a file; the first chunk decides the schema."""
    handle, path = tempfile.mkstemp(suffix=".parquet")
    os.close(handle)
    writer, rows = None, 0
    try:
        with pd.read_csv(body, usecols=columns, chunksize=ROWS_A_CHUNK) as reader:
            for frame in reader:
                table = pa.Table.from_pandas(tidy(frame), preserve_index=False)
                if writer is None:
                    writer = pq.ParquetWriter(path, table.schema, compression=COMPRESSION)
                else:
                    table = table.cast(writer.schema)
                writer.write_table(table)
                rows += table.num_rows
    except pd.errors.EmptyDataError as error:
        os.unlink(path)
        raise EmptyTable(str(error)) from error
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        os.unlink(path)
        raise EmptyTable("no rows")
    return path, rows, len(writer.schema)
