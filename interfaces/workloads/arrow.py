"""pyarrow: tables by rows and columns, Parquet and CSV in memory."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.ipc
import pyarrow.json
import pyarrow.parquet
from meminterface_workloads import call, kind, sizes, workload

kind(pa.Table, "pyarrow.Table", rows=lambda t: t.num_rows, columns=lambda t: t.num_columns)
kind(pa.Array, "pyarrow.Array", length=lambda a: len(a))
kind(pa.ChunkedArray, "pyarrow.ChunkedArray", length=lambda a: len(a))
pa.set_cpu_count(1)
R, C = sizes(4000, 300_000, edges=(0,)), sizes(2, 16, edges=())
N = sizes(8000, 2_000_000, edges=(0,))


def table(rng, rows, columns):
    random = np.random.default_rng(rng.getrandbits(32))
    return pa.table({f"c{n}": random.random(rows) for n in range(columns)})


def array(rng, n):
    return pa.array(np.random.default_rng(rng.getrandbits(32)).random(n))


def parquet(rng, rows, columns):
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table(rng, rows, columns), buffer)
    buffer.seek(0)
    return buffer


SHAPE = {"row_count": "rows of the file", "column_count": "columns of the file"}
workload("pyarrow.parquet.read_table", library="pyarrow", rows=R, columns=C, externals=SHAPE)(
    lambda rng, rows, columns: call(pyarrow.parquet.read_table, parquet(rng, rows, columns), use_threads=False)
    .given(row_count=rows, column_count=columns))
workload("pyarrow.parquet.write_table", library="pyarrow", rows=R, columns=C)(
    lambda rng, rows, columns: call(pyarrow.parquet.write_table, table(rng, rows, columns), io.BytesIO()))
workload("pyarrow.csv.write_csv", library="pyarrow", rows=sizes(1000, 60_000, edges=(0,)), columns=C)(
    lambda rng, rows, columns: call(pyarrow.csv.write_csv, table(rng, rows, columns), io.BytesIO()))


def csv(rng, rows, columns):
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table(rng, rows, columns), buffer)
    return buffer.getvalue()


workload("pyarrow.csv.read_csv", library="pyarrow", rows=sizes(1000, 60_000, edges=()), columns=C,
         externals={"file_bytes": "bytes of the file", **SHAPE})(
    lambda rng, rows, columns: (lambda text: call(pyarrow.csv.read_csv, io.BytesIO(text), pyarrow.csv.ReadOptions(use_threads=False))
                                .given(file_bytes=len(text), row_count=rows, column_count=columns))(csv(rng, rows, columns)))
workload("pyarrow.feather.write_feather", library="pyarrow", rows=R, columns=C)(
    lambda rng, rows, columns: call(pyarrow.feather.write_feather, table(rng, rows, columns), io.BytesIO()))
for name in ("to_pandas", "to_pydict", "to_pylist"):
    small = sizes(500, 20_000, edges=(0,))
    workload(f"pyarrow.Table.{name}", rows=R if name == "to_pandas" else small, columns=C)(
        lambda rng, rows, columns, name=name: call(getattr(table(rng, rows, columns), name)))
workload("pyarrow.Table.combine_chunks", rows=R, columns=C)(
    lambda rng, rows, columns: call(pa.concat_tables([table(rng, rows, columns), table(rng, rows, columns)]).combine_chunks))
workload("pyarrow.Table.filter", rows=R, columns=C)(
    lambda rng, rows, columns: (lambda t: call(t.filter, pc.greater(t["c0"], 0.5)))(table(rng, rows, columns)))
workload("pyarrow.Table.take", rows=R, columns=C)(
    lambda rng, rows, columns: call(table(rng, rows, columns).take, pa.array(range(0, rows, 2))))
workload("pyarrow.Table.sort_by", rows=R, columns=C)(
    lambda rng, rows, columns: call(table(rng, rows, columns).sort_by, "c0"))
workload("pyarrow.array", n=sizes(2000, 200_000, edges=(0,)))(lambda rng, n: call(pa.array, [rng.random() for _ in range(n)]))
workload("pyarrow.Array.to_pylist", n=sizes(2000, 200_000, edges=(0,)))(lambda rng, n: call(array(rng, n).to_pylist))
workload("pyarrow.Array.to_numpy", n=N)(lambda rng, n: call(array(rng, n).to_numpy))
for name in ("sqrt", "negate", "is_null", "abs", "round", "sort_indices", "unique"):
    workload(f"pyarrow.compute.{name}", library="pyarrow", n=N, parameters=["x", "*", "options=None", "memory_pool=None"])(
        lambda rng, n, f=getattr(pc, name): call(f, array(rng, n)))
for name in ("add", "multiply", "greater"):
    workload(f"pyarrow.compute.{name}", library="pyarrow", n=N, parameters=["x", "y", "*", "memory_pool=None"])(
        lambda rng, n, f=getattr(pc, name): call(f, array(rng, n), array(rng, n)))
