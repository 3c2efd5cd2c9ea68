"""The invoice on paper."""

import io

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

STYLES = getSampleStyleSheet()
GRID = TableStyle(
    [
        ("FONTSIZE", (0, 0), (-1, -1), 8),
        ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.grey),
        ("ALIGN", (2, 1), (-1, -1), "RIGHT"),
    ]
)


class PageCounter:
    def __init__(self, number):
        self.number = number
        self.pages = 0

    def __call__(self, canvas, document):
        self.pages += 1
        canvas.saveState()
        canvas.setFont("Helvetica", 7)
        canvas.drawString(20 * mm, 10 * mm, f"Invoice {self.number}, page {document.page}")
        canvas.restoreState()


def heading(invoice):
    yield Paragraph(f"Invoice {invoice.number}", STYLES["Title"])
    for key in ("name", "street", "city"):
        if value := invoice.customer.get(key):
            yield Paragraph(value, STYLES["Normal"])
    yield Spacer(1, 8 * mm)


def details(invoice):
    rows = [["Day", "Meter", "Amount", "Price", "Total"]]
    rows += [
        [line.day.isoformat(), line.meter, f"{line.amount:,}", f"{line.price}", f"{line.total:,}"]
        for line in invoice.lines
    ]
    return Table(rows, repeatRows=1, style=GRID)


def summary(invoice):
    rows = [["Meter", "", "Total"], *([meter, "", f"{total:,}"] for meter, total in sorted(invoice.by_meter().items()))]
    rows.append(["Net", "", f"{invoice.net:,}"])
    rows.append([f"Gross ({invoice.vat:.0%} VAT)", "", f"{invoice.gross:,}"])
    return Table(rows, style=GRID)


def render(invoice, with_details):
    """The bytes of the document and its number of pages."""
    buffer = io.BytesIO()
    document = SimpleDocTemplate(buffer, pagesize=A4, title=f"Invoice {invoice.number}", invariant=1)
    story = list(heading(invoice))
    story.append(summary(invoice))
    if with_details:
        story.append(Spacer(1, 6 * mm))
        story.append(details(invoice))
    counter = PageCounter(invoice.number)
    document.build(story, onFirstPage=counter, onLaterPages=counter)
    return buffer.getvalue(), counter.pages
