"""The table of the chameleon benchmark: a list of dicts, then one string for all of it."""

import time


def main(args):
    num_of_rows = int(args["num_of_rows"])
    num_of_cols = int(args["num_of_cols"])
    start = time.time()
    data = {}
    for i in range(num_of_cols):
        data[str(i)] = i
    table = [data for _ in range(num_of_rows)]
    cells = []
    for row in table:
        cells.append("<tr>" + "".join("<td>%s</td>" % value for value in row.values()) + "</tr>")
    page = "<table>" + "".join(cells) + "</table>"
    return {"latency": time.time() - start, "data": page}
