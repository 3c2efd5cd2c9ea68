"""Renders a table as an HTML page: f-strings, a list of rows, one join."""

import html


def render_row(number, name, price, stock):
    return (
        f"<tr><td>{number}</td><td>{html.escape(name)}</td>"
        f"<td class='price'>{price:.2f}</td><td>{stock}</td></tr>"
    )


def handler(event, context):
    rows = int(event.get("rows", 1000))
    lines = []
    for i in range(rows):
        lines.append(render_row(i, f"Product <{i}>", i * 1.25, i % 40))
    body = "\n".join(lines)
    page = f"<html><head><title>Stock</title></head><body><table>{body}</table></body></html>"
    return {"statusCode": 200, "headers": {"Content-Type": "text/html"}, "body": page}
