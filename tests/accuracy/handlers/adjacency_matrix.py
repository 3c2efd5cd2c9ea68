"""Connected components on an adjacency matrix."""

import random


def handler(event, context):
    n = event["size"]
    matrix = [[0 for _ in range(n)] for _ in range(n)]
    rng = random.Random(3)
    for _ in range(2 * n):
        a, b = rng.randrange(n), rng.randrange(n)
        matrix[a][b] = 1
        matrix[b][a] = 1
    seen = [False] * n
    components = 0
    for start in range(n):
        if seen[start]:
            continue
        components += 1
        stack = [start]
        seen[start] = True
        while stack:
            v = stack.pop()
            for w, connected in enumerate(matrix[v]):
                if connected and not seen[w]:
                    seen[w] = True
                    stack.append(w)
    return {"components": components}
