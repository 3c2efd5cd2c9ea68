"""Conway's game of life on lists of lists."""


def step(grid, width, height):
    new = []
    for y in range(height):
        row = []
        up, here, down = grid[y - 1], grid[y], grid[(y + 1) % height]
        for x in range(width):
            left, right = x - 1, (x + 1) % width
            count = up[left] + up[x] + up[right] + here[left] + here[right] + down[left] + down[x] + down[right]
            row.append(1 if count == 3 or (count == 2 and here[x]) else 0)
        new.append(row)
    return new


def handler(event, context):
    width = event["width"]
    height = event["height"]
    grid = [[(x * y + x) % 3 == 0 for x in range(width)] for y in range(height)]
    for _ in range(event.get("generations", 2)):
        grid = step(grid, width, height)
    return {"alive": sum(map(sum, grid))}
