"""The events that each handler of the accuracy bench is measured with: a list of (label, event), smallest first.

The handlers do not know of this file: they look like what people deploy. What an event needs (a text, an image) is made
here, with a fixed seed, so that every run measures the same.
"""

import base64
import io
import json
import random

from registry import Registry

REGISTRY = Registry()
events, parameter = REGISTRY.register, REGISTRY.parameter

WORDS = (
    "memory interface handler event cloud function python list dict bytes array image matrix vector graph vertex edge "
    "cache stream buffer record order invoice customer product price stock queue topic bucket object region account "
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which"
).split()


def text(words, seed=1):
    """Words of a small vocabulary with a tail of rare ones, and punctuation."""
    rng = random.Random(seed)
    parts = []
    for _ in range(words):
        word = rng.choice(WORDS) if rng.random() < 0.9 else f"{rng.choice(WORDS)}{rng.randrange(words)}"
        parts.append(word + rng.choice(("", "", "", "", ",", ".")))
    return " ".join(parts)


def picture(width, height, kind="PNG", mode="RGB"):
    """A gradient with structure, so that it compresses as a photograph that was scaled up does."""
    from PIL import Image

    small = Image.new("RGB", (64, 64))
    rng = random.Random(width)
    small.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(64 * 64)])
    buffer = io.BytesIO()
    small.resize((width, height), Image.BICUBIC).convert(mode).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


# Linear algebra, without libraries
parameter("matmul_pure", "n", [60, 220, 260, 300, 340, 380])
parameter("matmul_zip", "rows", [100, 450, 600, 800, 1000, 1300], inner=8)
parameter("gauss_solve", "size", [50, 260, 300, 340, 380, 420])

# Rendering and reports
parameter("html_table", "rows", [1000, 30_000, 60_000, 120_000, 200_000, 350_000])
events("html_concat", [(100, 10), (8000, 20), (15_000, 30), (25_000, 40), (40_000, 40), (60_000, 50)],
       ["100x10", "8000x20", "15000x30", "25000x40", "40000x40", "60000x50"])(
    lambda size: {"rows": size[0], "cols": size[1]})
events("table_dicts", [(100, 10), (2000, 40), (4000, 60), (8000, 80), (12_000, 100), (30_000, 60)],
       ["100x10", "2000x40", "4000x60", "8000x80", "12000x100", "30000x60"])(
    lambda size: {"num_of_rows": size[0], "num_of_cols": size[1]})
parameter("csv_report", "orders", [500, 40_000, 80_000, 150_000, 300_000, 500_000])


@events("csv_parse", [100, 10_000, 25_000, 50_000, 90_000, 140_000])
def _(rows):
    lines = ["id,name,country,amount"]
    countries = ("DE", "FR", "IT", "ES", "PL")
    lines += [f"{i},Customer number {i},{countries[i % 5]},{i * 1.75:.2f}" for i in range(rows)]
    return {"body": "\n".join(lines)}


parameter("json_records", "count", [100, 8_000, 20_000, 40_000, 70_000, 110_000])


@events("json_body", [50, 10_000, 20_000, 40_000, 60_000, 90_000])
def _(items):
    body = {"items": [{"sku": f"SKU-{i:06d}", "price": i * 0.5 + 0.99, "quantity": i % 7 + 1} for i in range(items)]}
    return {"httpMethod": "POST", "path": "/price", "body": json.dumps(body)}


# Graphs
events("bfs_graph", [500, 30_000, 60_000, 100_000, 150_000, 220_000])(lambda n: {"vertices": n, "degree": 4, "seed": 7})
parameter("adjacency_matrix", "size", [100, 900, 1200, 1600, 2200, 3000])
parameter("floyd_warshall", "n", [50, 450, 550, 650, 750, 900])
parameter("dijkstra", "side", [20, 110, 150, 200, 250, 300])
events("kruskal", [1000, 40_000, 80_000, 140_000, 200_000, 300_000])(lambda n: {"vertices": n // 4, "edges": n})
parameter("pagerank", "pages", [500, 15_000, 30_000, 60_000, 100_000, 150_000])

# Text
events("word_count", [1000, 80_000, 150_000, 300_000, 500_000, 800_000])(lambda n: {"text": text(n)})
events("ngrams", [1000, 30_000, 60_000, 120_000, 200_000, 300_000])(lambda n: {"document": text(n, 2), "n": 3})
parameter("regex_logs", "lines", [500, 12_000, 25_000, 50_000, 90_000, 140_000])
events("caesar", [2000, 80_000, 150_000, 300_000, 500_000, 900_000])(lambda n: {"text": text(n // 6, 3)})
events("string_reverse", [2000, 2_000_000, 4_000_000, 8_000_000, 12_000_000, 20_000_000])(
    lambda n: {"text": ("some words\tand a tab\n" * (n // 21 + 1))[:n]})
parameter("string_join", "n", [1000, 80_000, 150_000, 300_000, 600_000, 1_000_000])
parameter("unicode_text", "repeat", [100, 20_000, 40_000, 80_000, 150_000, 250_000])
events("inverted_index", [20, 400, 800, 1500, 2500, 4000])(
    lambda n: {"documents": [text(100, seed) for seed in range(n)]})
events("trie", [200, 4_000, 8_000, 15_000, 25_000, 40_000])(
    lambda n: {"words": [f"{WORDS[i % len(WORDS)]}{i * 7919 % 1_000_003}" for i in range(n)]})

# Caches that grow
parameter("cache_dict", "keys", [100, 3_000, 6_000, 12_000, 20_000, 30_000], first=1000)
parameter("cache_lru", "n", [20, 160, 220, 300, 400, 500])


@events("cache_list", [10, 2_000, 4_000, 8_000, 14_000, 20_000])
def _(records):
    body = [json.dumps({"id": i, "kind": "click", "page": f"/article/{i}", "value": i * 0.1, "tags": ["x", "y", str(i)]})
            for i in range(records)]
    return {"Records": [{"messageId": f"m-{i}", "eventSource": "aws:sqs", "body": b} for i, b in enumerate(body)]}


# Files: as a whole and streamed
parameter("file_whole", "lines", [1000, 40_000, 80_000, 150_000, 250_000, 400_000])
parameter("file_readlines", "count", [1000, 80_000, 150_000, 300_000, 500_000, 800_000])
parameter("file_stream", "lines", [1000, 50_000, 100_000, 200_000, 400_000])
parameter("chunk_hash", "chunk_kb", [64, 4096, 8192, 16_384, 32_768, 65_536], chunks=4)
parameter("generator_sum", "count", [1000, 10_000, 100_000, 500_000, 1_000_000])
events("heap_topk", [(100, 10_000), (30_000, 100_000), (60_000, 200_000), (120_000, 300_000), (200_000, 400_000),
                     (300_000, 500_000)], ["100", "30000", "60000", "120000", "200000", "300000"])(
    lambda size: {"k": size[0], "count": size[1]})

# Encodings and compression
parameter("base64_roundtrip", "size", [10_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 40_000_000])
events("base64_body", [1000, 1_500_000, 3_000_000, 6_000_000, 9_000_000, 12_000_000])(
    lambda n: {"body": base64.b64encode(random.Random(n).randbytes(n)).decode("ascii"), "isBase64Encoded": True})
parameter("zlib_compress", "lines", [500, 50_000, 100_000, 200_000, 350_000, 500_000])
parameter("gzip_buffer", "records", [500, 120_000, 250_000, 350_000, 500_000, 700_000])
parameter("struct_pack", "records", [500, 80_000, 150_000, 300_000, 500_000, 800_000])

# Numbers, tables, recursion
parameter("sieve_bytearray", "limit", [10_000, 4_000_000, 8_000_000, 16_000_000, 30_000_000, 50_000_000])
parameter("sieve_list", "limit", [10_000, 800_000, 1_500_000, 3_000_000, 5_000_000, 8_000_000])
events("lcs_table", [100, 800, 1000, 1300, 1600, 2000])(
    lambda n: {"first": text(n)[:n], "second": text(n, 9)[:n]})
events("knapsack", [(20, 500), (60, 12_000), (100, 15_000), (120, 20_000), (150, 30_000), (200, 30_000)],
       ["20x500", "60x12000", "100x15000", "120x20000", "150x30000", "200x30000"])(
    lambda size: {"items": size[0], "capacity": size[1]})
parameter("memo_paths", "side", [30, 180, 240, 320, 400, 500])
parameter("fibonacci_list", "n", [500, 11_000, 15_000, 20_000, 28_000, 40_000])
events("life", [60, 700, 900, 1100, 1400, 1700])(lambda n: {"width": n, "height": n, "generations": 2})

# Sorting, containers, objects
parameter("sort_floats", "n", [1000, 150_000, 300_000, 600_000, 1_000_000, 1_500_000])


@events("sort_records", [100, 120_000, 200_000, 300_000, 400_000, 500_000])
def _(count):
    rng = random.Random(4)
    return {"people": [{"first": rng.choice(WORDS), "last": f"{rng.choice(WORDS).title()}{rng.randrange(count)}"}
                       for _ in range(count)]}


parameter("merge_sort", "n", [1000, 80_000, 150_000, 250_000, 400_000, 600_000])
parameter("comprehensions", "n", [1000, 30_000, 60_000, 120_000, 200_000, 350_000])
parameter("classes_plain", "particles", [500, 30_000, 60_000, 120_000, 200_000, 300_000])
parameter("classes_slots", "particles", [500, 40_000, 80_000, 150_000, 250_000, 400_000])
parameter("dataclass_orders", "orders", [100, 8_000, 15_000, 30_000, 50_000, 80_000], lines=5)
parameter("namedtuples", "points", [500, 40_000, 80_000, 150_000, 250_000, 400_000])
events("deque_window", [(100, 1000), (50_000, 120_000), (100_000, 250_000), (200_000, 400_000), (300_000, 600_000),
                        (400_000, 900_000)], ["1000", "120000", "250000", "400000", "600000", "900000"])(
    lambda size: {"window": size[0], "samples": size[1]})
parameter("nested_dicts", "readings", [1000, 150_000, 300_000, 500_000, 800_000, 1_200_000], sensors=50)
parameter("set_operations", "n", [1000, 30_000, 60_000, 120_000, 250_000, 400_000])
parameter("itertools_pairs", "n", [50, 350, 500, 700, 900, 1200])
parameter("linked_list", "nodes", [500, 25_000, 50_000, 80_000, 120_000, 200_000])

# Threads
parameter("thread_pool", "part_size", [100_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000, 24_000_000], workers=4, parts=12)
parameter("thread_results", "count", [1000, 60_000, 120_000, 200_000, 300_000, 500_000], threads=4)

# numpy
parameter("np_matmul", "n", [50, 500, 800, 1200, 1600, 2000])
parameter("np_solve", "n", [50, 700, 1000, 1300, 1600, 2000])
parameter("np_fft", "samples", [10_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 5_000_000])
parameter("np_outer", "size", [100, 900, 1400, 2000, 3000, 4000])
parameter("np_mask", "n", [10_000, 400_000, 1_000_000, 2_000_000, 4_000_000, 7_000_000])
parameter("np_cumsum", "n", [10_000, 400_000, 1_000_000, 2_000_000, 4_000_000, 7_000_000])
parameter("np_float32", "rows", [500, 15_000, 40_000, 80_000, 150_000, 250_000], features=64)
events("np_uint8", [(320, 240), (640, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160)],
       ["320x240", "640x480", "1280x720", "1920x1080", "2560x1440", "3840x2160"])(
    lambda size: {"width": size[0], "height": size[1]})
parameter("np_stack", "chunks", [2, 8, 16, 30, 50, 80], rows=2000, columns=64)
parameter("np_views", "n", [40, 160, 240, 340, 450, 600])
parameter("np_inplace", "n", [10_000, 700_000, 1_500_000, 3_000_000, 6_000_000, 10_000_000], mode="inplace")
parameter("np_sort", "n", [10_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000])
events("np_montecarlo", [10_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000])(
    lambda n: {"httpMethod": "POST", "body": json.dumps({"samples": n})})
parameter("np_distances", "points", [500, 10_000, 20_000, 40_000, 60_000, 90_000], centres=32)
parameter("np_untouched", "n", [100, 800, 1600, 3000, 5000, 8000])
parameter("np_covariance", "rows", [500, 12_000, 30_000, 60_000, 100_000, 160_000], columns=50)
parameter("np_lists", "n", [1000, 100_000, 200_000, 400_000, 700_000, 1_000_000])
parameter("np_image_tiles", "tiles", [10, 60, 80, 110, 150, 200])

# PIL
parameter("pil_canvas", "width", [200, 1500, 2200, 3000, 4000, 5500])
events("pil_thumbnail", [(300, 200), (1600, 1200), (2400, 1600), (3000, 2000), (4000, 3000), (5000, 4000)],
       ["300x200", "1600x1200", "2400x1600", "3000x2000", "4000x3000", "5000x4000"])(
    lambda size: {"body": picture(*size), "isBase64Encoded": True})
parameter("pil_pipeline", "side", [200, 1200, 1800, 2500, 3200, 4200])
events("pil_filters", [(200, 100), (1400, 1000), (2000, 1500), (2600, 2000), (3400, 2400), (4600, 3000)],
       ["200x100", "1400x1000", "2000x1500", "2600x2000", "3400x2400", "4600x3000"])(
    lambda size: {"width": size[0], "height": size[1]})
events("pil_collage", [(2, 2), (8, 6), (12, 8), (16, 12), (20, 16), (26, 20)],
       ["2x2", "8x6", "12x8", "16x12", "20x16", "26x20"])(lambda size: {"columns": size[0], "rows": size[1]})
parameter("pil_numpy", "side", [200, 800, 1200, 1800, 2400, 3200])
parameter("pil_jpeg", "width", [200, 1000, 1600, 2400, 3200, 4400])

# The example applications that need neither AWS nor more than numpy
events("example_matrix", [50, 500, 800, 1200, 1600, 2000], file=("examples/matrix/app.py", "handler"))(
    lambda n: {"n": n, "rhs": 1})
events("example_text_stats", [1000, 40_000, 80_000, 150_000, 250_000, 400_000],
       file=("examples/text-stats/app.py", "handler"))(
    lambda n: {"generate": {"words": n, "vocabulary": n // 4, "seed": 2}, "bigrams": True})
events("example_routes", [20, 150, 200, 300, 400, 500], file=("examples/routes/app.py", "lambda_handler"))(
    lambda n: {"width": n, "seed": 5, "openness": 0.3})
events("example_dna", [1000, 100_000, 250_000, 500_000, 1_000_000, 2_000_000],
       file=("examples/dna/app.py", "lambda_handler"))(lambda n: {"length": n, "seed": 4})
