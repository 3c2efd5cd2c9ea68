"""Finds the shortest route through a generated maze."""

import os

from maze import Maze, MazeError
from search import SEARCHES

MAX_CELLS = int(os.environ.get("MAX_CELLS", "4000000"))


class Handler:
    """Callable, so that one object serves all invocations; keeps the last few mazes."""

    def __init__(self, cache_size):
        self.cache_size = cache_size
        self.mazes = {}

    def maze(self, width, height, seed, openness):
        key = (width, height, seed, openness)
        if key not in self.mazes:
            while len(self.mazes) >= max(1, self.cache_size):
                self.mazes.pop(next(iter(self.mazes)))
            self.mazes[key] = Maze.generate(width, height, seed, openness)
        return self.mazes[key]

    def __call__(self, event, context):
        width, height = event["width"], event.get("height", event["width"])
        if width * height > MAX_CELLS:
            raise MazeError(f"more than {MAX_CELLS} cells")
        maze = self.maze(width, height, event.get("seed", 1), event.get("openness", 0.1))
        search = SEARCHES[event.get("search", "breadth")](maze)
        start, goal = tuple(event.get("start", (0, 0))), tuple(event.get("goal", (width - 1, height - 1)))

        route = search.route(start, goal)
        if route is None:
            return {"found": False, "visited": search.visited}
        answer = {"found": True, "length": len(route) - 1, "visited": search.visited, "cached": len(self.mazes)}
        if event.get("directions"):
            answer["directions"] = compress(directions(route))
        if event.get("picture"):
            answer["picture"] = maze.picture(set(route))
        return answer


def directions(route):
    names = {(1, 0): "E", (-1, 0): "W", (0, 1): "S", (0, -1): "N"}
    for (x, y), (next_x, next_y) in zip(route, route[1:]):
        yield names[next_x - x, next_y - y]


def compress(letters):
    """EEENN -> 3E2N"""
    parts, previous, count = [], None, 0

    def flush():
        nonlocal count
        if count:
            parts.append(f"{count}{previous}")
        count = 0

    for letter in letters:
        if letter != previous:
            flush()
            previous = letter
        count += 1
    flush()
    return "".join(parts)


lambda_handler = Handler(cache_size=int(os.environ.get("MAZE_CACHE", "2")))
