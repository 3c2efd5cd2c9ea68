"""Mazes on a grid: a bytearray with four bits a cell, one for each open side."""

import random

EAST, WEST, SOUTH, NORTH = 1, 2, 4, 8
MOVES = ((EAST, WEST, 1, 0), (WEST, EAST, -1, 0), (SOUTH, NORTH, 0, 1), (NORTH, SOUTH, 0, -1))


class MazeError(ValueError):
    pass


class Maze:
    def __init__(self, width, height):
        if width < 1 or height < 1:
            raise MazeError("a maze has at least one cell")
        self.width = width
        self.height = height
        self.cells = bytearray(width * height)

    @classmethod
    def generate(cls, width, height, seed, openness):
        maze = cls(width, height)
        generator = random.Random(seed)
        maze._divide(0, 0, width, height, generator)
        maze._open_walls(int(width * height * openness), generator)
        return maze

    def _divide(self, left, top, width, height, generator):
        """Divides a room by a wall with one gap, again and again; as deep as the logarithm of its area."""
        if width == 1 and height == 1:
            return
        if width >= height:
            split = width // 2
            self._divide(left, top, split, height, generator)
            self._divide(left + split, top, width - split, height, generator)
            row = top + generator.randrange(height)
            self._connect(left + split - 1, row, EAST)
        else:
            split = height // 2
            self._divide(left, top, width, split, generator)
            self._divide(left, top + split, width, height - split, generator)
            column = left + generator.randrange(width)
            self._connect(column, top + split - 1, SOUTH)

    def _open_walls(self, count, generator):
        opened = tries = 0
        while opened < count:
            tries += 1
            if tries > 20 * count:
                break
            x, y = generator.randrange(self.width), generator.randrange(self.height)
            side = generator.choice((EAST, SOUTH))
            if (side == EAST and x == self.width - 1) or (side == SOUTH and y == self.height - 1):
                continue
            self._connect(x, y, side)
            opened += 1

    def _connect(self, x, y, side):
        for bit, opposite, dx, dy in MOVES:
            if bit == side:
                self.cells[y * self.width + x] |= bit
                self.cells[(y + dy) * self.width + x + dx] |= opposite
                break
        else:
            raise MazeError(f"no such side: {side}")

    def neighbours(self, cell):
        x, y = cell
        open_sides = self.cells[y * self.width + x]
        for bit, _, dx, dy in MOVES:
            if open_sides & bit:
                yield x + dx, y + dy

    def picture(self, marked):
        rows = ["".join("*" if (x, y) in marked else "." for x in range(self.width)) for y in range(self.height)]
        return "\n".join(rows)
