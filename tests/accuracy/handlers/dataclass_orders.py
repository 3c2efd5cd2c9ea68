"""Dataclasses built from the items of an event."""

from dataclasses import dataclass, field


@dataclass
class Line:
    sku: str
    quantity: int
    price: float

    @property
    def total(self) -> float:
        return self.quantity * self.price


@dataclass
class Order:
    number: int
    lines: list = field(default_factory=list)


def handler(event, context):
    orders = []
    for number in range(event["orders"]):
        order = Order(number)
        for line in range(event.get("lines", 5)):
            order.lines.append(Line(f"SKU-{line}", line + 1, 9.99 * (line + 1)))
        orders.append(order)
    return {"total": sum(line.total for order in orders for line in order.lines)}
