"""Renders a table with += on one string."""


def lambda_handler(event, context):
    num_rows = event["rows"]
    num_cols = event["cols"]
    html = "<table>"
    for r in range(num_rows):
        html += "<tr>"
        for c in range(num_cols):
            html += "<td>" + str(r * num_cols + c) + "</td>"
        html += "</tr>"
    html += "</table>"
    return {"statusCode": 200, "body": html}
