"""pandas: tables by rows and columns, of numbers, of texts, with few and many different values."""

import io



import numpy as np
import pandas as pd
from meminterface_workloads import call, kind, sizes, workload

kind(pd.DataFrame, "pandas.DataFrame", rows=lambda f: f.shape[0], columns=lambda f: f.shape[1])
kind(pd.Series, "pandas.Series", rows=lambda s: s.shape[0])
kind(pd.Index, "pandas.Index", rows=lambda s: s.shape[0])

R, C = sizes(4000, 300_000, edges=(0,)), sizes(2, 16, edges=())
TEXT = sizes(1000, 80_000, edges=(0,))


def numbers(rng, rows, columns):
    random = np.random.default_rng(rng.getrandbits(32))
    return pd.DataFrame({f"c{n}": random.random(rows) for n in range(columns)})


def mixed(rng, rows, columns):
    """A key of few values, and numbers."""
    frame = numbers(rng, rows, columns)
    frame.insert(0, "key", np.random.default_rng(rng.getrandbits(32)).integers(0, 50, rows))
    return frame


def series(rng, rows):
    return pd.Series(np.random.default_rng(rng.getrandbits(32)).random(rows))


def order(rng, rows):
    """Each row's number, shuffled: keys that are sorted alike on both sides are joined without moving a row."""
    return np.random.default_rng(rng.getrandbits(32)).permutation(rows)


def csv(rng, rows, columns):
    head = ",".join(f"c{n}" for n in range(columns))
    lines = (",".join(f"{rng.random():.6f}" for _ in range(columns)) for _ in range(rows))
    return head + "\n" + "\n".join(lines) + "\n"


def frame_method(name, *args, make=numbers, rows=R, columns=C, **kwargs):
    workload(f"pandas.DataFrame.{name}", rows=rows, columns=columns)(
        lambda rng, rows, columns: call(getattr(make(rng, rows, columns), name), *args, **kwargs))


for name in ("copy", "sum", "mean", "std", "median", "describe", "cumsum", "diff", "rank", "isna", "dropna", "abs",
             "reset_index", "corr", "to_numpy", "max", "var", "drop_duplicates", "nunique", "notna", "round", "shift",
             "pct_change", "transpose"):
    frame_method(name)
frame_method("fillna", 0.0)
frame_method("sort_values", "c0")
frame_method("astype", "float32")
frame_method("head", 50)
frame_method("sample", frac=0.5, random_state=1)
frame_method("set_index", "c0")
frame_method("melt", rows=sizes(1000, 80_000))
frame_method("quantile", 0.9)
workload("pandas.DataFrame.rename", rows=R, columns=C)(
    lambda rng, rows, columns: call(numbers(rng, rows, columns).rename, columns={"c0": "first"}))
frame_method("clip", 0.1, 0.9)
frame_method("nlargest", 100, "c0")
frame_method("to_csv", rows=sizes(2000, 200_000))
frame_method("to_json", rows=sizes(500, 40_000))
frame_method("to_dict", rows=sizes(500, 20_000))
frame_method("to_records")
frame_method("memory_usage")
frame_method("query", "c0 > 0.5")


def series_method(name, *args, **kwargs):
    workload(f"pandas.Series.{name}", rows=sizes(8000, 2_000_000, edges=(0,)))(
        lambda rng, rows: call(getattr(series(rng, rows), name), *args, **kwargs))


for name in ("copy", "sort_values", "unique", "cumsum", "rank", "to_numpy", "std", "median", "duplicated", "to_list",
             "argsort", "value_counts", "describe"):
    series_method(name)
series_method("rolling", 20)
series_method("quantile", 0.9)
workload("pandas.Series.map", rows=TEXT)(lambda rng, rows: call(series(rng, rows).map, lambda x: x * 2))
workload("pandas.Series.apply", rows=TEXT)(lambda rng, rows: call(series(rng, rows).apply, lambda x: x * 2))


@workload("pandas.DataFrame.merge", rows=sizes(2000, 150_000), columns=sizes(1, 8, edges=()))
def _(rng, rows, columns):
    left, right = numbers(rng, rows, columns), numbers(rng, rows, columns)
    left["id"], right["id"] = order(rng, rows), order(rng, rows)
    return call(left.merge, right, on="id")


@workload("pandas.merge", rows=sizes(2000, 150_000), columns=sizes(1, 8, edges=()))
def _(rng, rows, columns):
    left, right = numbers(rng, rows, columns), numbers(rng, rows, columns)
    left["id"], right["id"] = order(rng, rows), order(rng, rows)
    return call(pd.merge, left, right, on="id")


@workload("pandas.concat", rows=R, columns=C)
def _(rng, rows, columns):
    return call(pd.concat, [numbers(rng, rows, columns), numbers(rng, rows, columns)])


@workload("pandas.get_dummies", rows=sizes(2000, 100_000), distinct=sizes(4, 60, edges=()), externals={"distinct_values": "different values of the data"})
def _(rng, rows, distinct):
    data = pd.Series([f"value {rng.randrange(distinct)}" for _ in range(rows)])
    return call(pd.get_dummies, data).given(distinct_values=distinct)


@workload("pandas.pivot_table", rows=sizes(4000, 500_000, edges=()))
def _(rng, rows):
    return call(pd.pivot_table, mixed(rng, rows, 1), values="c0", index="key")


@workload("pandas.cut", rows=R)
def _(rng, rows):
    return call(pd.cut, series(rng, rows), 10)


@workload("pandas.to_datetime", rows=TEXT)
def _(rng, rows):
    return call(pd.to_datetime, pd.Series([f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(rows)]))


@workload("pandas.to_numeric", rows=TEXT)
def _(rng, rows):
    return call(pd.to_numeric, pd.Series([f"{rng.random():.6f}" for n in range(rows)]))


@workload("pandas.date_range", periods=sizes(2000, 2_000_000), parameters=["start=None", "end=None", "periods=None", "freq=None"])
def _(rng, periods):
    return call(pd.date_range, "2024-01-01", periods=periods, freq="min")


# Columns or rows, by what it is made of: interfaces/pandas.toml tells these apart, `learn --check` holds it to them.
@workload("pandas.DataFrame", rows=TEXT, columns=sizes(1, 10, edges=()))
def _(rng, rows, columns):
    return call(pd.DataFrame, [[rng.random() for _ in range(columns)] for _ in range(rows)])


@workload("pandas.DataFrame", rows=TEXT, columns=sizes(1, 10, edges=()))
def _(rng, rows, columns):
    return call(pd.DataFrame, {f"c{n}": [rng.random() for _ in range(rows)] for n in range(columns)})


@workload("pandas.DataFrame", rows=TEXT, columns=sizes(1, 10, edges=()))
def _(rng, rows, columns):
    return call(pd.DataFrame, [{f"c{n}": rng.random() for n in range(columns)} for _ in range(rows)])


@workload("pandas.DataFrame", rows=R, columns=C)
def _(rng, rows, columns):
    return call(pd.DataFrame, np.random.default_rng(rng.getrandbits(32)).random((rows, columns)))


@workload("pandas.DataFrame.from_records", rows=sizes(500, 30_000), columns=sizes(1, 10, edges=()))
def _(rng, rows, columns):
    return call(pd.DataFrame.from_records, [{f"c{n}": rng.random() for n in range(columns)} for _ in range(rows)])


@workload("pandas.read_csv", rows=sizes(2000, 120_000), columns=C, externals={"file_bytes": "bytes of the file", "column_count": "columns of the file"})
def _(rng, rows, columns):
    text = csv(rng, rows, columns)
    return call(pd.read_csv, io.StringIO(text)).given(file_bytes=len(text), column_count=columns)


@workload("pandas.read_json", rows=sizes(500, 20_000), columns=sizes(1, 10, edges=()), externals={"file_bytes": "bytes of the file"})
def _(rng, rows, columns):
    text = numbers(rng, rows, columns).to_json(orient="records")
    return call(pd.read_json, io.StringIO(text)).given(file_bytes=len(text))


@workload("pandas.read_parquet", rows=R, columns=C, externals={"row_count": "rows of the file", "column_count": "columns of the file"})
def _(rng, rows, columns):
    buffer = io.BytesIO()
    numbers(rng, rows, columns).to_parquet(buffer)
    buffer.seek(0)
    return call(pd.read_parquet, buffer).given(row_count=rows, column_count=columns)
