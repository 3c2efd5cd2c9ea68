"""A linked list and a binary search tree of nodes."""

import random


class Node:
    def __init__(self, key, value):
        self.key = key
        self.value = value
        self.left = None
        self.right = None


class Tree:
    def __init__(self):
        self.root = None
        self.count = 0

    def insert(self, key, value):
        self.count += 1
        if self.root is None:
            self.root = Node(key, value)
            return
        node = self.root
        while True:
            if key < node.key:
                if node.left is None:
                    node.left = Node(key, value)
                    return
                node = node.left
            else:
                if node.right is None:
                    node.right = Node(key, value)
                    return
                node = node.right


def handler(event, context):
    rng = random.Random(11)
    tree = Tree()
    for number in range(event["nodes"]):
        tree.insert(rng.random(), number)
    return {"nodes": tree.count}
