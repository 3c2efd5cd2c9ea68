"""Reads a CSV text of the event and sums by region."""

import io

import pandas as pd


def handler(event, context):
    df = pd.read_csv(io.StringIO(event["csv"]))
    df["total"] = df["price"] * df["quantity"]
    by_region = df.groupby("region")["total"].agg(["sum", "mean"])
    return {"rows": len(df), "regions": by_region.to_dict()}
