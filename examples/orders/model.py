"""What an order is."""

from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation


class InvalidOrder(ValueError):
    pass


@dataclass
class Item:
    sku: str
    quantity: int
    price: Decimal

    def __post_init__(self):
        if self.quantity <= 0:
            raise InvalidOrder(f"{self.sku}: quantity {self.quantity}")


@dataclass
class Order:
    id: str
    customer: str
    items: list

    @classmethod
    def from_dict(cls, data):
        try:
            items = [Item(item["sku"], int(item["quantity"]), Decimal(item["price"])) for item in data["items"]]
            return cls(id=str(data["id"]), customer=str(data["customer"]), items=items)
        except (KeyError, TypeError, InvalidOperation) as error:
            raise InvalidOrder(f"{type(error).__name__}: {error}") from error

    @property
    def total(self) -> Decimal:
        total = Decimal("0")
        for item in self.items:
            total += item.quantity * item.price
        return total

    def to_item(self) -> dict:
        return {"pk": f"ORDER#{self.id}", **asdict(self), "total": self.total}
