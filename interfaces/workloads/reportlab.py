"""reportlab: PDF pages by lines of text."""

import io

from meminterface_workloads import call, kind, sizes, workload
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

kind(Canvas, "reportlab.pdfgen.canvas.Canvas", pages=lambda c: c.getPageNumber())
kind(SimpleDocTemplate, "reportlab.platypus.SimpleDocTemplate")
STYLE = getSampleStyleSheet()["Normal"]


def canvas(rng, pages, lines):
    made = Canvas(io.BytesIO())
    for _ in range(pages):
        for n in range(lines):
            made.drawString(50, 800 - 12 * (n % 60), f"line {n} {rng.random()}")
        made.showPage()
    return made


workload("reportlab.pdfgen.canvas.Canvas.save", pages=sizes(5, 200, edges=()), lines=sizes(5, 60, edges=()))(
    lambda rng, pages, lines: call(canvas(rng, pages, lines).save).described(self__lines=pages * lines))
workload("reportlab.platypus.SimpleDocTemplate.build", paragraphs=sizes(10, 500, edges=()))(
    lambda rng, paragraphs: call(SimpleDocTemplate(io.BytesIO()).build, [Paragraph("word " * 40, STYLE) for _ in range(paragraphs)]))
workload("reportlab.platypus.Paragraph", words=sizes(100, 10_000, edges=()), parameters=["text", "style=None", "**kwargs"])(
    lambda rng, words: call(Paragraph, " ".join(f"word{rng.randrange(99)}" for _ in range(words)), STYLE))
workload("reportlab.platypus.Table", rows=sizes(50, 4000, edges=()), columns=sizes(2, 12, edges=()), parameters=["data", "**kwargs"])(
    lambda rng, rows, columns: call(Table, [[f"{rng.random():.4f}" for _ in range(columns)] for _ in range(rows)]))
for path, make in {
    "reportlab.pdfgen.canvas.Canvas": lambda: Canvas(io.BytesIO()),
    "reportlab.platypus.SimpleDocTemplate": lambda: SimpleDocTemplate(io.BytesIO()),
}.items():
    workload(path, repetitions=3, parameters=["*args", "**kwargs"])(lambda rng, make=make: call(make))
