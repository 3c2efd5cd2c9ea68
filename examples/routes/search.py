"""Searches. They differ in the frontier; all remember where each visited cell was reached from."""

import heapq
from abc import ABC, abstractmethod
from collections import deque


class Search(ABC):
    def __init__(self, maze):
        self.maze = maze
        self.visited = 0

    @abstractmethod
    def push(self, cell, distance): ...

    @abstractmethod
    def pop(self): ...

    def prepare(self, start, goal):
        self.goal = goal
        self.push(start, 0)

    def route(self, start, goal):
        came_from = {start: None}
        distances = {start: 0}
        self.prepare(start, goal)
        while (cell := self.pop()) is not None:
            self.visited += 1
            if cell == goal:
                break
            for neighbour in self.maze.neighbours(cell):
                distance = distances[cell] + 1
                if neighbour in distances and distances[neighbour] <= distance:
                    continue
                distances[neighbour] = distance
                came_from[neighbour] = cell
                self.push(neighbour, distance)
        else:
            return None
        return self._walk_back(came_from, goal)

    @staticmethod
    def _walk_back(came_from, cell):
        route = []
        while cell is not None:
            route.append(cell)
            cell = came_from[cell]
        route.reverse()
        return route


class BreadthFirst(Search):
    def __init__(self, maze):
        super().__init__(maze)
        self.frontier = deque()

    def push(self, cell, distance):
        self.frontier.append(cell)

    def pop(self):
        return self.frontier.popleft() if self.frontier else None


class Dijkstra(Search):
    def __init__(self, maze):
        super().__init__(maze)
        self.heap = []

    def estimate(self, cell):
        return 0

    def push(self, cell, distance):
        heapq.heappush(self.heap, (distance + self.estimate(cell), distance, cell))

    def pop(self):
        try:
            return heapq.heappop(self.heap)[2]
        except IndexError:
            return None


class AStar(Dijkstra):
    def estimate(self, cell):
        return abs(self.goal[0] - cell[0]) + abs(self.goal[1] - cell[1])


SEARCHES = {"breadth": BreadthFirst, "dijkstra": Dijkstra, "astar": AStar}
