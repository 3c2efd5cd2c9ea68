"""Lines and sums of an invoice."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


class BadUsage(ValueError):
    pass


@dataclass(frozen=True)
class Line:
    day: date
    meter: str
    amount: Decimal
    price: Decimal

    @property
    def total(self) -> Decimal:
        return (self.amount * self.price).quantize(CENT, ROUND_HALF_UP)


@dataclass
class Invoice:
    number: str
    customer: dict
    vat: Decimal
    lines: list = field(default_factory=list)

    @classmethod
    def from_event(cls, data, vat):
        invoice = cls(number=data["number"], customer=dict(data["customer"]), vat=vat)
        for line in data.get("lines", []):
            invoice.add(date.fromisoformat(line["day"]), line["meter"], line["amount"], line["price"])
        if usage := data.get("usage"):
            invoice.add_usage(**usage)
        if not invoice.lines:
            raise BadUsage("nothing to invoice")
        return invoice

    def add(self, day, meter, amount, price):
        amount, price = Decimal(str(amount)), Decimal(str(price))
        if amount < 0 or price < 0:
            raise BadUsage(f"negative amount for {meter} on {day}")
        self.lines.append(Line(day, meter, amount, price))

    def add_usage(self, first, days, meters):
        """A line a day and meter, with a made-up amount that depends on both."""
        start = date.fromisoformat(first)
        for offset in range(days):
            for position, (meter, price) in enumerate(sorted(meters.items())):
                amount = (offset * 37 + position * 101) % 997
                if amount == 0:
                    continue
                self.add(start + timedelta(days=offset), meter, amount, price)

    @property
    def net(self):
        return sum((line.total for line in self.lines), start=Decimal(0))

    @property
    def gross(self):
        return (self.net * (1 + self.vat)).quantize(CENT, ROUND_HALF_UP)

    def by_meter(self):
        totals = {}
        for line in self.lines:
            totals.setdefault(line.meter, Decimal(0))
            totals[line.meter] += line.total
        return totals
