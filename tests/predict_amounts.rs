//! How many bytes `meminterface predict` says, for handlers whose bytes are known: from CPython's sizes, worked out
//! beside each case, or from measurements that are named there. Python is 3.11 throughout.

use std::fs;
use std::process::Command;

use serde_json::Value;

/// The prediction for a handler and an event, with further words of the command.
fn predict(name: &str, python: &str, event: &str, words: &[&str]) -> Value {
    predict_of("3.11", name, python, event, words)
}

fn predict_of(version: &str, name: &str, python: &str, event: &str, words: &[&str]) -> Value {
    let folder = std::env::temp_dir().join(format!("meminterface-amounts-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("app.py"), python).expect("written");
    fs::write(folder.join("event.json"), event).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .args(["predict", "app.py", "--event", "event.json", "--format", "json", "--python-version", version])
        .args(words)
        .current_dir(&folder)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}{errors}"));
    let _ = fs::remove_dir_all(&folder);
    answer
}

fn resident(answer: &Value, which: &str) -> f64 {
    answer["resident_peak_bytes"][which].as_f64().unwrap_or(f64::NAN)
}

/// An expected amount is within some per cent of what it is to be.
#[track_caller]
fn assert_near(name: &str, answer: &Value, amount: &str, bytes: f64, per_cent: f64) {
    let expected = answer[amount]["expected"].as_f64().unwrap_or(f64::NAN);
    let error = 100.0 * (expected - bytes) / bytes;
    assert!(error.abs() <= per_cent, "{name}: {expected} is {error:+.1} % off {bytes}: {:#}", answer["unknown"]);
}

/// The expected resident peak is within some per cent of an amount, and the bound is not below it.
#[track_caller]
fn assert_resident(name: &str, python: &str, event: &str, bytes: f64, per_cent: f64) {
    let answer = predict(name, python, event, &[]);
    let most = resident(&answer, "max");
    assert_near(name, &answer, "resident_peak_bytes", bytes, per_cent);
    assert!(most >= bytes, "{name}: the bound {most} is below {bytes}");
}

#[test]
fn nested_loops_of_any_length_are_carried_on() {
    // 1,000 lists: 56 bytes in a block of 64, and 8 bytes a slot with what appends leave over (a comprehension's list
    // grows by appends: 1,000 items have room for 1,112). 1,000,000 floats of 24 bytes, in blocks of 32.
    let rows = 1_000.0 * (64.0 + 8.0 * 1_112.0) + 1_000_000.0 * 32.0;
    let python = "def handler(event, context):\n    n = event['n']\n    m = [[i * 0.5 + j for j in range(n)] for i in range(n)]\n    return len(m)\n";
    assert_resident("nested", python, r#"{"n": 1000}"#, rows, 2.0);
}

#[test]
fn growth_that_follows_the_round_is_a_trend() {
    // Row i has i floats of its own: half a square. Measured on CPython 3.11 and 3.13: 81.1 MB; 5 % less is predicted.
    let python = "def handler(event, context):\n    rows = []\n    for i in range(event['n']):\n        row = []\n        for j in range(i):\n            row.append(j * 0.5)\n        rows.append(row)\n    return len(rows)\n";
    assert_resident("triangle", python, r#"{"n": 2000}"#, 81.1e6, 6.0);
}

#[test]
fn a_number_that_is_read_from_a_container_is_not_made_anew() {
    // The second list has slots only: 8 bytes each, with what appends leave over.
    let python = "def handler(event, context):\n    xs = [i * 0.5 for i in range(event['n'])]\n    ys = []\n    for i in range(len(xs)):\n        ys.append(xs[i])\n    return len(ys)\n";
    assert_resident("shared", python, r#"{"n": 300000}"#, 300_000.0 * (32.0 + 8.0 + 8.0), 3.0);
}

#[test]
fn a_dict_has_the_table_of_its_final_length() {
    // Measured on CPython 3.11 and 3.13: 26.9 MB; 5 % less is predicted.
    let python = "def handler(event, context):\n    d = {}\n    for i in range(event['n']):\n        d[i] = i * 0.5\n    return len(d)\n";
    assert_resident("table", python, r#"{"n": 200000}"#, 26.9e6, 8.0);
}

#[test]
fn a_search_ends_and_visits_each_vertex_once() {
    let python = "import random\nfrom collections import deque\n\ndef handler(event, context):\n    n = event['n']\n    rng = random.Random(1)\n    graph = {v: [rng.randrange(n) for _ in range(4)] for v in range(n)}\n    seen = {0}\n    queue = deque([0])\n    while queue:\n        v = queue.popleft()\n        for w in graph[v]:\n            if w not in seen:\n                seen.add(w)\n                queue.append(w)\n    return len(seen)\n";
    // Measured on CPython 3.11: 6.23 MB.
    assert_resident("search", python, r#"{"n": 20000}"#, 6.23e6, 4.0);
}

#[test]
fn cached_results_are_kept_with_their_arguments() {
    // 90,000 entries: a table of 2**18 slots; a tuple of two (56 bytes, in a block of 64), a float.
    let table = 262_144.0 * 4.0 + 174_762.0 * 24.0;
    let python = "from functools import lru_cache\n\n@lru_cache(maxsize=None)\ndef cost(a, b):\n    return a * 0.5 + b\n\ndef handler(event, context):\n    n = event['n']\n    total = 0.0\n    for a in range(n):\n        for b in range(n):\n            total += cost(a, b)\n    return total\n";
    let answer = predict("cached", python, r#"{"n": 300}"#, &[]);
    let expected = resident(&answer, "expected");
    let least = table + 90_000.0 * (64.0 + 32.0);
    assert!((least..least * 1.5).contains(&expected), "{expected} and {least}");
}

#[test]
fn named_tuples_are_tuples() {
    // 48 and 8 bytes an item (72, in a block of 80), two floats, a slot.
    let python = "from collections import namedtuple\n\nPoint = namedtuple('Point', 'x y')\n\ndef handler(event, context):\n    points = [Point(i * 0.5, i * 0.25) for i in range(event['n'])]\n    return points[0].x + points[-1].y\n";
    assert_resident("named", python, r#"{"n": 100000}"#, 100_000.0 * (64.0 + 64.0 + 8.5), 8.0);
}

#[test]
fn the_largest_of_a_generator_are_kept_as_tuples() {
    // Lib/heapq.py keeps (item, place): 56 bytes in a block of 64, two ints of 32; a list, and another of the result.
    let python = "import heapq\n\ndef stream(n):\n    for i in range(n):\n        yield (i * 7919) % 1000003 + 1000\n\ndef handler(event, context):\n    return len(heapq.nlargest(event['k'], stream(event['n'])))\n";
    assert_resident("heap", python, r#"{"k": 50000, "n": 200000}"#, 50_000.0 * (64.0 + 32.0 + 32.0 + 16.0), 8.0);
}

#[test]
fn a_stream_is_not_kept_and_a_whole_file_is() {
    let write = "    with open('/tmp/data.txt', 'w') as file:\n        for i in range(event['lines']):\n            file.write(f'{i:08d} some text\\n')\n";
    let stream = format!(
        "def handler(event, context):\n{write}    total = 0\n    with open('/tmp/data.txt') as file:\n        for line in file:\n            total += len(line)\n    return total\n"
    );
    let whole = format!(
        "def handler(event, context):\n{write}    with open('/tmp/data.txt') as file:\n        lines = file.readlines()\n    return len(lines)\n"
    );
    let streamed = predict("stream", &stream, r#"{"lines": 200000}"#, &[]);
    assert!(resident(&streamed, "expected") < 200_000.0, "{streamed:#}");
    // Lines of 19 characters: 49 and 19 bytes, in blocks of 80, and a slot.
    assert_resident("whole", &whole, r#"{"lines": 200000}"#, 200_000.0 * (80.0 + 8.5), 8.0);
}

#[test]
fn numpy_writes_over_temporaries_and_loads_random_on_first_use() {
    let python = "import numpy as np\n\ndef handler(event, context):\n    n = event['n']\n    a = np.random.rand(n, n)\n    b = np.random.rand(n, n)\n    c = (a + b) * 0.5 - 1.0\n    return float(c.sum())\n";
    // Three arrays and no fourth one; numpy.random took 6.9 MiB when it was first used (interfaces/numpy.toml).
    assert_resident("elided", python, r#"{"n": 1500}"#, 3.0 * 8.0 * 2_250_000.0 + 7.2e6, 3.0);
}

#[test]
fn a_product_of_matrices_has_its_result() {
    let python = "import numpy as np\n\ndef handler(event, context):\n    n = event['n']\n    a = np.ones((n, n))\n    b = np.ones((n, n))\n    c = a @ b\n    return float(c[0, 0])\n";
    let answer = predict("product", python, r#"{"n": 1200}"#, &[]);
    let three = 3.0 * 8.0 * 1_440_000.0;
    assert!((three..three * 1.2).contains(&resident(&answer, "expected")), "{answer:#}");
}

#[test]
fn a_contract_of_the_user_wins_over_what_is_known_of_python() {
    let folder = std::env::temp_dir().join(format!("meminterface-own-contracts-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let contract = "[library]\nname = \"own\"\n\n[[callable]]\nname = \"json.dumps\"\nparameters = [\"obj\", \"**kwargs\"]\nresult = \"None\"\ntransient = \"123_000_000\"\n";
    fs::write(folder.join("own.toml"), contract).expect("written");
    let python = "import json\n\ndef handler(event, context):\n    return json.dumps([1, 2, 3])\n";
    let words = ["--contracts", folder.to_str().expect("a path")];
    let answer = predict("own", python, "{}", &words);
    assert!(resident(&answer, "expected") >= 123_000_000.0, "{answer:#}");
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn work_is_bounded_whatever_the_handler() {
    let deep = "def handler(event, context):\n    n = event['n']\n    out = []\n    for a in range(n):\n        for b in range(n):\n            for c in range(n):\n                for d in range(n):\n                    for e in range(n):\n                        if (a * b + c) % 7 == d % 5:\n                            out.append((a, e))\n    return len(out)\n";
    let recursive = "def paths(x, y, memo):\n    if x == 0 or y == 0:\n        return 1\n    if (x, y) in memo:\n        return memo[(x, y)]\n    memo[(x, y)] = paths(x - 1, y, memo) + paths(x, y - 1, memo)\n    return memo[(x, y)]\n\ndef handler(event, context):\n    return paths(event['n'], event['n'], {})\n";
    let digits = "def handler(event, context):\n    numbers = [0, 1]\n    for i in range(2, event['n'] * 100):\n        numbers.append(numbers[i - 1] + numbers[i - 2])\n    return len(numbers)\n";
    for (name, python, n) in [("deep", deep, 1_000), ("recursive", recursive, 400), ("digits", digits, 200)] {
        // Without a bound on work these take hours.
        let answer = predict(name, python, &format!("{{\"n\": {n}}}"), &[]);
        assert!(resident(&answer, "max") > 0.0, "{name}: {answer:#}");
    }
}

#[test]
fn a_joined_text_is_as_long_as_the_texts_that_it_is_made_of() {
    // 500,000 lines of 51 characters and 1 to 6 digits are 28.39 MB; the list that they were in is gone when the buffer
    // is made, which is touched at once.
    let python = "def handler(event, context):\n    text = ''.join(f'line {i}: the quick brown fox jumps over the lazy dog\\n' for i in range(event['n']))\n    return bytearray(10 * len(text))\n";
    assert_resident("lines", python, r#"{"n": 500000}"#, 11.0 * 28.39e6, 2.0);
}

#[test]
fn a_deque_with_a_largest_length_keeps_no_more() {
    // 50,000 floats in blocks of 32 bytes, and 8 bytes a slot.
    let python = "from collections import deque\n\ndef handler(event, context):\n    last = deque(maxlen=event['keep'])\n    for i in range(event['n']):\n        last.append(i * 0.5)\n    return len(last)\n";
    assert_resident("deque", python, r#"{"n": 3000000, "keep": 50000}"#, 50_000.0 * 40.0, 6.0);
}

#[test]
fn a_sum_of_large_ints_has_room_for_one_digit_more() {
    // `x_add` makes three digits of 4 bytes for two operands of two: 36 bytes in a block of 48, where 32 would do; and
    // 8 bytes a slot with what appends leave over. Measured on CPython 3.11: 57.6 bytes an item of two million.
    let python =
        "def handler(event, context):\n    big = 1 << 40\n    return len([big + i for i in range(event['n'])])\n";
    assert_resident("digits", python, r#"{"n": 2000000}"#, 2e6 * 56.6, 3.0);
}

#[test]
fn what_numpy_broadcasts_is_not_written_over() {
    // The table, the temporary less the mean, and the quotient: three times 80 MB. (`can_elide_temp` wants equal shapes.)
    let python = "import numpy as np\n\ndef handler(event, context):\n    table = np.ones((event['n'], 100))\n    scaled = (table - table[0]) / (table[1] + 1.0)\n    return scaled.nbytes\n";
    assert_resident("broadcast", python, r#"{"n": 100000}"#, 240e6, 2.0);
    // A new axis by its name in numpy, and as many counts as centres at most.
    let python = "import numpy as np\n\ndef handler(event, context):\n    points = np.ones((event['n'], 3))\n    table = points[:, np.newaxis, :] - np.ones((32, 3))\n    return int(np.bincount(table.sum(axis=2).argmin(axis=1)).max())\n";
    let answer = predict("newaxis", python, r#"{"n": 100000}"#, &[]);
    // 2.4 MB, 76.8 MB, and 25.6 MB of sums.
    let least = resident(&answer, "min");
    assert!((104.8e6..107e6).contains(&least), "{least}");
    assert!(resident(&answer, "max") < 1.25 * least, "{answer:#}");
}

#[test]
fn tests_for_one_float_do_not_split_the_way() {
    // 200 lists of 200 floats, and copies that get floats of their own but for the first: a float is in a block of 32 bytes.
    let python = "import random\n\ndef handler(event, context):\n    n = event['n']\n    rng = random.Random(1)\n    rows = [[rng.random() for _ in range(n)] for _ in range(n)]\n    work = [row[:] for row in rows]\n    for column in range(n):\n        for at in range(column + 1, n):\n            factor = work[at][column] / work[column][column]\n            if factor == 0:\n                continue\n            for k in range(column, n):\n                work[at][k] -= factor * work[column][k]\n    return n\n";
    assert_resident("elimination", python, r#"{"n": 200}"#, 40_000.0 * (8.0 + 32.0) + 39_800.0 * 32.0 + 320e3, 3.0);
}

/// A handler of the accuracy bench, and what was measured on CPython 3.11.
macro_rules! assert_handler {
    ($name:literal, $event:literal, $measured:expr, $within:expr) => {
        assert_resident($name, include_str!(concat!("accuracy/handlers/", $name, ".py")), $event, $measured, $within)
    };
}

#[test]
fn a_heap_gives_the_least_first() {
    // 2,500 vertices in the order of their distance: whoever takes them in another order visits many again.
    assert_handler!("dijkstra", r#"{"side": 50}"#, 1.19e6, 10.0);
}

#[test]
fn items_of_a_repeated_list_are_told_apart_once_one_is_replaced() {
    let python = "def handler(event, context):\n    n = event['n']\n    flags = [True] * n\n    for i in range(2, int(n ** 0.5) + 1):\n        if flags[i]:\n            for k in range(i * i, n, i):\n                flags[k] = False\n    return len([i for i, flag in enumerate(flags) if flag])\n";
    // 9,592 primes below 100,000: their ints in a list, beside the flags.
    let flags_and_primes = 800_056.0 + 9_592.0 * (32.0 + 9.0);
    assert_resident("sieve", python, r#"{"n": 100000}"#, flags_and_primes, 3.0);
    let python = include_str!("accuracy/handlers/knapsack.py");
    assert_resident("knapsack", python, r#"{"items": 20, "capacity": 500}"#, 0.27e6, 12.0);
}

#[test]
fn where_a_loop_was_estimated_the_event_is_run_round_by_round_if_that_can_be() {
    // The ints of the first 257 nodes take nothing, and those of the others do.
    assert_handler!("linked_list", r#"{"nodes": 10000}"#, 1.76e6, 5.0);
    // All keys of the first rounds are new, and none of the later ones.
    assert_handler!("nested_dicts", r#"{"readings": 60000, "sensors": 50}"#, 6.24e6, 6.0);
}

#[test]
fn what_is_too_large_for_that_is_carried_on_from_smaller_events() {
    // Measured on CPython 3.11: 14.1 MB.
    let python = include_str!("accuracy/handlers/gauss_solve.py");
    let answer = predict("gauss", python, r#"{"size": 420}"#, &[]);
    assert!((13.0e6..15.5e6).contains(&resident(&answer, "expected")), "{answer:#}");
    let assumptions = answer["assumptions"].to_string();
    assert!(assumptions.contains("events with halved sizes, the largest at 1/4 of the size"), "{assumptions}");
}

/// The expected requested peak is within 3 % of what `tracemalloc` measured on CPython 3.11.
#[track_caller]
fn assert_requested(name: &str, python: &str, event: &str, measured: f64) {
    assert_near(name, &predict(name, python, event, &[]), "peak_bytes", measured, 3.0);
}

#[test]
fn a_number_that_several_containers_keep_is_counted_once() {
    let both = "def handler(event, context):\n    a = []\n    d = {}\n    for i in range(event['n']):\n        a.append(i)\n        d[i] = i\n    return len(a)\n";
    assert_requested("both", both, r#"{"n": 30000}"#, 2_786_104.0);
    let outer = "def handler(event, context):\n    out = []\n    for i in range(event['n']):\n        for j in range(100):\n            out.append((i, j))\n    return len(out)\n";
    assert_requested("outer", outer, r#"{"n": 300}"#, 1_927_120.0);
    let row = "def handler(event, context):\n    rows = []\n    for i in range(event['n']):\n        value = i * 1.5\n        rows.append({'value': value, 'double': value * 2, 'same': value})\n    return len(rows)\n";
    assert_requested("row", row, r#"{"n": 30000}"#, 7_196_304.0);
    let class = "class Node:\n    def __init__(self, v, w):\n        self.v = v\n        self.w = w\n\ndef handler(event, context):\n    nodes = []\n    by = {}\n    for i in range(event['n']):\n        v = i + 1000\n        node = Node(v, v * 2.0)\n        nodes.append(node)\n        by[v] = node\n    return len(nodes)\n";
    assert_requested("class", class, r#"{"n": 3000}"#, 640_736.0);
    // Keys that are seen again: the set and the list refer to the same ints.
    let seen = "def handler(event, context):\n    seen = set()\n    order = []\n    for i in range(event['n']):\n        key = i * 7919 % 100003\n        if key not in seen:\n            seen.add(key)\n            order.append(key)\n    return len(order)\n";
    assert_requested("seen", seen, r#"{"n": 150000}"#, 9_434_632.0);
}

#[test]
fn sums_and_named_tuples_have_a_place_to_spare() {
    // Running sums of two digits have room for a third; an instance of a subclass of tuple ends in a sentinel.
    let sums = "import itertools\n\ndef handler(event, context):\n    pairs = list(itertools.combinations(range(event['n']), 2))\n    running = list(itertools.accumulate(a * b for a, b in pairs))\n    return len(running)\n";
    assert_requested("sums", sums, r#"{"n": 500}"#, 13_263_136.0);
    let points = "from collections import namedtuple\nP = namedtuple('P', ['x', 'y', 'label'])\n\ndef handler(event, context):\n    out = [P(i * 0.1, i * 0.2, 'p%d' % i) for i in range(event['n'])]\n    return len(out)\n";
    assert_requested("points", points, r#"{"n": 30000}"#, 5_485_539.0);
}

#[test]
fn what_is_known_stays_known_in_joined_texts_slices_and_sets() {
    // 1,000 different parts, however long the text.
    let text = "def handler(event, context):\n    line = ','.join(str(i % 1000) for i in range(event['n']))\n    counts = {}\n    for part in line.split(','):\n        counts[part] = counts.get(part, 0) + 1\n    return bytes(1000 * len(counts))\n";
    let answer = predict("text", text, r#"{"n": 20000}"#, &[]);
    assert_eq!(answer["unknown"], serde_json::json!([]), "{answer:#}");
    let grams = "def handler(event, context):\n    words = event['text'].split(' ')\n    seen = {}\n    for at in range(len(words) - 1):\n        seen[tuple(words[at:at + 2])] = at\n    return bytes(1000 * len(seen))\n";
    let words = "a b c d ".repeat(40);
    let answer = predict("grams", grams, &format!("{{\"text\": \"{}\"}}", words.trim()), &[]);
    // Four pairs follow each other again and again.
    let most = resident(&answer, "expected");
    assert!(most < 40_000.0, "{answer:#}");
    let sets = "def handler(event, context):\n    threes = set(range(0, event['n'] * 3, 3))\n    fives = set(range(0, event['n'] * 5, 5))\n    return len(threes & fives), len(threes - fives)\n";
    assert_requested("sets", sets, r#"{"n": 3000}"#, 614_216.0);
}

#[test]
fn a_key_says_which_item_is_the_largest() {
    // 119 % 20 is the largest of the remainders.
    let python = "def handler(event, context):\n    rows = [[i * 7 % 20, i] for i in range(event['n'])]\n    at = max(range(event['n']), key=lambda i: rows[i][0])\n    return len(bytearray(at * 100000))\n";
    assert_resident("largest", python, r#"{"n": 20}"#, 1.7e6, 2.0);
}

#[test]
fn of_many_rounds_some_take_the_way_that_needs_more() {
    // What a round of a `while` makes where a test that is not known holds: 2 MB, and its copy.
    let python = "def handler(event, context):\n    n = event['n']\n    sieve = bytearray([1]) * n\n    i = 2\n    while i * i <= n:\n        if sieve[i]:\n            sieve[i * i :: i] = bytes(len(range(i * i, n, i)))\n        i += 1\n    return sum(sieve)\n";
    assert_requested("sieve_bytes", python, r#"{"n": 4000000}"#, 8_000_000.0);
}

#[test]
fn a_handler_that_is_an_object_knows_its_attributes() {
    let python = "class App:\n    def __init__(self):\n        self.size = 3_000_000\n\n    def __call__(self, event, context):\n        return len(bytearray(self.size * event['n']))\n\nhandler = App()\n";
    assert_resident("object", python, r#"{"n": 2}"#, 6e6, 1.0);
}

#[test]
fn the_else_of_a_loop_that_may_have_ended_by_break_is_not_certain() {
    // Which side is drawn is not known, so that neither `break` nor `raise` is.
    let python = "import random\n\ndef connect(side):\n    for bit in (1, 2, 4):\n        if bit == side:\n            break\n    else:\n        raise ValueError('no such side')\n\ndef handler(event, context):\n    connect(random.choice(event['sides']))\n    return len(bytearray(4_000_000))\n";
    let answer = predict("sides", python, r#"{"sides": [1, 4]}"#, &[]);
    assert!(!answer["assumptions"].to_string().contains("raises"), "{answer:#}");
    let most = resident(&answer, "max").max(resident(&answer, "min"));
    assert!(most >= 4e6, "{answer:#}");
}

#[test]
fn a_list_that_was_written_down_has_room_to_spare_after_its_first_append() {
    let lists = "def handler(event, context):\n    nodes = [[] for i in range(event['n'])]\n    for node in nodes:\n        node.append(nodes[0])\n        node.append(nodes[1])\n    return len(nodes)\n";
    assert_requested("lists", lists, r#"{"n": 20000}"#, 1_931_652.0);
}

#[test]
fn objects_that_are_equal_to_themselves_alone_are_told_apart_as_keys() {
    let walk = "class Node:\n    def __init__(self, key):\n        self.key = key\n        self.edges = []\n\ndef handler(event, context):\n    n = event['n']\n    nodes = [Node(i) for i in range(n)]\n    for i, node in enumerate(nodes):\n        node.edges.append(nodes[(i * 7 + 1) % n])\n        node.edges.append(nodes[(i * 3 + 2) % n])\n    seen = set()\n    order = []\n    stack = [nodes[0]]\n    while stack:\n        node = stack.pop()\n        if node in seen:\n            continue\n        seen.add(node)\n        order.append(node.key)\n        for other in node.edges:\n            if other not in seen:\n                stack.append(other)\n    return len(order)\n";
    assert_requested("walk", walk, r#"{"n": 20000}"#, 5_061_588.0);
    let depths = "class Node:\n    def __init__(self, key):\n        self.key = key\n        self.edges = []\n\ndef handler(event, context):\n    nodes = [Node(i) for i in range(event['n'])]\n    depth = {node: node.key % 7 for node in nodes}\n    return sum(depth.values())\n";
    assert_requested("depths", depths, r#"{"n": 20000}"#, 4_571_872.0);
}

#[test]
fn matrices_of_lists_are_multiplied() {
    let loops = "def handler(event, context):\n    n = event['n']\n    a = [[(i * j) % 7 + 0.5 for j in range(n)] for i in range(n)]\n    b = [[(i + j) % 5 + 0.25 for j in range(n)] for i in range(n)]\n    c = [[0.0] * n for _ in range(n)]\n    for i in range(n):\n        for j in range(n):\n            total = 0.0\n            for k in range(n):\n                total += a[i][k] * b[k][j]\n            c[i][j] = total\n    return sum(c[i][i] for i in range(n))\n";
    assert_requested("loops", loops, r#"{"n": 30}"#, 93_072.0);
    assert_requested("loops", loops, r#"{"n": 250}"#, 6_120_336.0);
    let sums = "def handler(event, context):\n    n = event['n']\n    a = [[(i * j) % 7 + 0.5 for j in range(n)] for i in range(n)]\n    c = [[sum(x * y for x, y in zip(row, col)) for col in a] for row in a]\n    return len(c)\n";
    assert_requested("sums", sums, r#"{"n": 60}"#, 242_512.0);
    assert_requested("sums", sums, r#"{"n": 250}"#, 4_104_816.0);
}

#[test]
fn a_key_that_was_there_already_keeps_no_number() {
    let graph = "def handler(event, context):\n    graph = {}\n    for u in range(event['n']):\n        for k in range(4):\n            v = (u * 31 + k * 17 + 7) % event['n']\n            graph.setdefault(u, []).append(v)\n            graph.setdefault(v, []).append(u)\n    return len(graph)\n";
    assert_requested("both_ways", graph, r#"{"n": 3000}"#, 946_520.0);
}

#[test]
fn patterns_find_in_known_texts_what_they_find() {
    let text = serde_json::json!({"text": "the quick brown fox jumps over the lazy dog ".repeat(3000)}).to_string();
    let words = "import re\nfrom collections import Counter\n\ndef handler(event, context):\n    words = re.findall(r'[a-z]+', event['text'].lower())\n    return Counter(words).most_common(5)\n";
    assert_requested("words", words, &text, 1_780_791.0);
    let text = serde_json::json!({"text": "Alpha beta. Gamma delta epsilon! Zeta? ".repeat(1500)}).to_string();
    let pairs = "import re\nfrom collections import Counter\n\ndef handler(event, context):\n    tokens = [m.group(0).lower() for m in re.finditer(r'\\w+', event['text'])]\n    return Counter(zip(tokens, tokens[1:])).most_common(3)\n";
    assert_requested("pairs", pairs, &text, 638_088.0);
    // Whether a pattern fits decides which way is taken.
    let fits = "import re\n\nLINE = re.compile(r'(?P<code>\\d+) (?P<rest>.*)')\n\ndef handler(event, context):\n    found = LINE.match(event['line'])\n    if found:\n        return len(bytearray(int(found.group('code'))))\n    return len(bytearray(9_000_000))\n";
    assert_requested("fits", fits, r#"{"line": "400000 bytes"}"#, 400_057.0);
    assert_requested("misfits", fits, r#"{"line": "no number"}"#, 9_000_057.0);
}

#[test]
fn a_text_that_outlives_the_list_it_was_split_into_is_counted() {
    let lines: Vec<String> = (0..1500).map(|i| format!("alpha{i} beta{} gamma{}", i * 7, i * 13)).collect();
    let event = serde_json::json!({"text": lines.join("\n"), "docs": lines}).to_string();
    let words = "def handler(event, context):\n    out = []\n    for line in event['text'].splitlines():\n        for word in line.split():\n            out.append(word)\n    return len(out)\n";
    assert_requested("words", words, &event, 424_018.0);
    let keys = "def handler(event, context):\n    out = {}\n    for line in event['text'].splitlines():\n        for word in line.split():\n            out[word] = 1\n    return len(out)\n";
    assert_requested("keys", keys, &event, 490_602.0);
    let set = "def handler(event, context):\n    out = set()\n    for doc in event['docs']:\n        out.update(doc.split())\n    return len(out)\n";
    assert_requested("set", set, &event, 390_425.0);
    let second = "def handler(event, context):\n    out = []\n    for doc in event['docs']:\n        parts = doc.split()\n        out.append(parts[1])\n    return len(out)\n";
    assert_requested("second", second, &event, 98_669.0);
}

#[test]
fn a_break_of_an_inner_loop_leaves_the_else_of_the_outer_one_certain() {
    let python = "import random\n\ndef handler(event, context):\n    for i in range(3):\n        left = 4\n        while left > 0:\n            if random.choice(event['sides']) == 1:\n                break\n            left -= 1\n    else:\n        return len(bytearray(4_000_000))\n    return 0\n";
    let answer = predict("inner", python, r#"{"sides": [1, 4]}"#, &[]);
    assert!(resident(&answer, "min") >= 4e6, "{answer:#}");
}

// What follows is known to be wrong today (docs/ACCURACY.md says why): when one of these fails for the better, take the new
// value, and the line out of the docs.

#[test]
fn numbers_that_stop_to_grow_behind_the_largest_event_that_is_run_are_not_foreseen() {
    // The best value grows with the capacity until all items fit in: beyond 5,000 or so nothing new is put into the table.
    // Measured: 230 MB.
    let python = include_str!("accuracy/handlers/knapsack.py");
    let answer = predict("knapsack", python, r#"{"items": 200, "capacity": 30000}"#, &[]);
    assert!(resident(&answer, "expected") > 1.2 * 230e6, "{answer:#}");
}

/// Two callables of a library, each with a ratio of measured to predicted memory that is normal, with 10 %.
const LEARNED: &str = r#"
[library]
name = "mylib"

[[callable]]
name = "mylib.smooth"
parameters = ["n"]
result = "None"
peak = "1000*n"
residual = { peak = { distribution = "normal", mu = 1, sigma = 0.1, n = 40 } }
provenance = { library = "2.0", python = "3.12", method = "memray", traces = 40, range = { n = [10, 20000] } }

[[callable]]
name = "mylib.sharpen"
parameters = ["n"]
result = "None"
peak = "1000*n"
residual = { peak = { distribution = "normal", mu = 1, sigma = 0.1, n = 40 } }
provenance = { library = "2.0", python = "3.12", method = "memray", traces = 40, range = { n = [10, 20000] } }
"#;

/// The prediction for a workload with these learned contracts, with or without an event.
fn drawn(name: &str, body: &str, workload: &str, event: Option<&str>, words: &[&str]) -> Value {
    let folder = std::env::temp_dir().join(format!("meminterface-drawn-{}-{name}", std::process::id()));
    fs::create_dir_all(folder.join("contracts")).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("contracts/mylib.toml", LEARNED);
    write("w.toml", workload);
    write("app.py", &format!("import mylib\n\n\ndef handler(event, context):\n{body}"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
    command.current_dir(&folder).args(["predict", "app.py", "--contracts", "contracts", "--workload", "w.toml"]);
    command.args(["--format", "json", "--python-version", "3.11"]).args(words);
    if let Some(event) = event {
        write("event.json", event);
        command.args(["--event", "event.json"]);
    }
    let output = command.output().expect("it runs");
    let _ = fs::remove_dir_all(&folder);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}: {errors}"))
}

fn quantile(answer: &Value, amount: &str, name: &str) -> f64 {
    let all = answer[amount]["quantiles"].as_array().expect("quantiles");
    let one = all.iter().find(|one| one["name"] == name).expect("the quantile");
    one["bytes"].as_f64().expect("a number")
}

#[test]
fn calls_of_one_callable_have_one_ratio_and_those_of_others_another() {
    let demand = |name: &str, body: &str, formula: f64, words: &[&str]| {
        let answer = drawn(name, body, "samples = 20000\n[inputs.n]\nvalue = 10000\n", None, words);
        ["p50", "p99"].map(|share| quantile(&answer, "demand_bytes", share) / formula)
    };
    let near = |found: [f64; 2], wanted: [f64; 2]| {
        let off = |n: usize| (found[n] - wanted[n]).abs();
        assert!(off(0) < 0.004 && off(1) < 0.01, "{found:?} is not {wanted:?}");
    };
    // The 99th percentile of a normal distribution is 2.326 deviations above its mean.
    let one = "    mylib.smooth(event['n'])\n";
    near(demand("one", one, 10_000_000.0, &[]), [1.0, 1.2326]);
    // Ten calls, one draw.
    let ten = "    for i in range(10):\n        mylib.smooth(event['n'])\n";
    near(demand("ten", ten, 100_000_000.0, &[]), [1.0, 1.2326]);
    // Two callables, two draws: the deviation of the sum is 10 % / sqrt(2) of it.
    let two = "    mylib.smooth(event['n'])\n    mylib.sharpen(event['n'])\n";
    near(demand("two", two, 20_000_000.0, &[]), [1.0, 1.1645]);
    // Another seed draws other samples, the same seed the same ones; formulas as they are leave nothing to draw.
    let (a, b) = (demand("a", one, 1.0, &["--seed", "1"]), demand("b", one, 1.0, &["--seed", "2"]));
    assert_ne!(a, b);
    assert_eq!(a, demand("c", one, 1.0, &["--seed", "1"]));
    assert_eq!(demand("symbolic", one, 1.0, &["--symbolic"]), [10_000_000.0; 2]);
}

#[test]
fn draws_are_the_same_by_formula_and_by_runs() {
    // A part of the event that is drawn makes each sample a run of its own.
    let body = "    mylib.smooth(event['n'])\n    mylib.sharpen(event['n'])\n";
    let workload = "samples = 300\n[inputs.n]\nmin = 100\nmax = 10000\n";
    let runs = drawn("runs", body, workload, Some(r#"{"n": 1}"#), &[]);
    let formula = drawn("formula", body, workload, None, &[]);
    assert_eq!((&runs["workload"]["method"], &formula["workload"]["method"]), (&"runs".into(), &"formula".into()));
    for share in ["p50", "p99", "max"] {
        let [one, other] = [&runs, &formula].map(|answer| quantile(answer, "peak_bytes", share));
        assert!((one - other).abs() <= 2.0, "{share}: {one} is not {other}");
    }
}

#[test]
fn tables_share_columns_and_copy_what_a_condition_selects() {
    // Three columns of 8 MB; the product is kept as a fourth; the columns that it is made of are shared. Sorted: a copy of
    // four columns with the places of its rows, and the order itself (8 bytes a row each). The first table of a process
    // brings in 5.5 MB, and `import pandas` numpy.random (interfaces/pandas.toml).
    let python = "import numpy as np\nimport pandas as pd\n\ndef handler(event, context):\n    n = event['n']\n    df = pd.DataFrame({'a': np.random.rand(n), 'b': np.random.rand(n), 'c': np.random.rand(n)})\n    df['total'] = df['a'] * df['b']\n    top = df.sort_values('total').head(10)\n    return float(top['total'].sum())\n";
    assert_resident("table", python, r#"{"n": 1000000}"#, 32e6 + 40e6 + 8e6 + 5.5e6, 3.0);
    // Half of the rows are expected where a condition selects; all of them are the most. The mask is a byte a row.
    let python = "import numpy as np\nimport pandas as pd\n\ndef handler(event, context):\n    df = pd.DataFrame(np.ones((event['n'], 4)))\n    part = df[df[0] > 0.5]\n    return len(part)\n";
    let answer = predict("mask", python, r#"{"n": 1000000}"#, &[]);
    let (expected, most) = (resident(&answer, "expected"), resident(&answer, "max"));
    // The array is copied into the table, and is gone when rows are selected. Measured on pandas 3.1: 63.9 MB.
    let of = |selected: f64| 64e6_f64.max(32e6 + 1e6 + selected * (32.0 + 8.0 + 8.0)) + 5.5e6;
    assert!((expected / of(0.5e6) - 1.0).abs() < 0.03, "{expected}: {:#}", answer["unknown"]);
    assert!(most >= of(1e6) && most < 1.25 * of(1e6), "{most}");
}

#[test]
fn estimators_know_what_they_were_made_with() {
    // Distances of all samples to all centres, 11 bytes each, beside a copy of the samples; labels of 4 bytes stay.
    let python = "import numpy as np\nfrom sklearn.cluster import KMeans\n\ndef handler(event, context):\n    X = np.random.rand(event['n'], 4)\n    model = KMeans(n_clusters=20, n_init=1).fit(X)\n    return int(model.labels_.max())\n";
    assert_resident("clusters", python, r#"{"n": 100000}"#, 3.2e6 + 3.2e6 + 22e6 + 1e6, 5.0);
    // Four parts of the samples and their targets.
    let python = "import numpy as np\nfrom sklearn.model_selection import train_test_split\n\ndef handler(event, context):\n    n = event['n']\n    X = np.ones((n, 10))\n    y = np.ones(n)\n    a, b, c, d = train_test_split(X, y, test_size=0.2)\n    return [len(a), len(b), len(c), len(d)]\n";
    assert_resident("parts", python, r#"{"n": 500000}"#, 2.0 * 500_000.0 * 88.0 + 500_000.0 * 8.0, 4.0);
}

#[test]
fn numbers_stay_with_the_containers_that_still_have_them() {
    // Requested bytes by tracemalloc on CPython 3.11.7, in a second call.
    let cases = [
        (
            "filtered",
            "    ys = [i * 1.5 for i in range(2000)]\n    ys = [y for y in ys if y > 10]\n    return [0.5 * y for y in ys]\n",
            128_024.0,
        ),
        (
            "concatenated",
            "    acc = []\n    for i in range(200):\n        acc = acc + [i * 1.5]\n    return [0.5 * y for y in acc]\n",
            12_960.0,
        ),
        (
            "sorted",
            "    ys = [i * 1.5 for i in range(2000)]\n    ys = sorted(ys)\n    zs = [0.5 * y for y in ys]\n    ws = [0.5 * y for y in ys]\n    return zs\n",
            192_288.0,
        ),
        (
            "appended",
            "    ys = [i * 1.5 for i in range(2000)]\n    out = []\n    for y in ys:\n        if y > 3:\n            out.append(y)\n    ys = None\n    zs = [0.5 * y for y in out]\n    ws = [0.5 * y for y in out]\n    return zs\n",
            192_200.0,
        ),
        (
            "transposed",
            "    n = 100\n    m = [[i * j * 0.5 for j in range(n)] for i in range(n)]\n    m = [[m[j][i] for j in range(n)] for i in range(n)]\n    k = [list(r) for r in zip(*m)]\n    del m\n    return [[v + 1.5 for v in r] for r in k]\n",
            659_824.0,
        ),
        (
            "popped",
            "    stack = [i * 1.5 for i in range(2000)]\n    out = []\n    while stack:\n        out.append(stack.pop())\n    return out\n",
            72_832.0,
        ),
    ];
    for (name, body, bytes) in cases {
        let answer = predict(name, &format!("def handler(event, context):\n{body}"), "{}", &[]);
        assert_near(name, &answer, "peak_bytes", bytes, 1.5);
    }
}

#[test]
fn the_order_of_items_is_the_one_that_cpython_gives() {
    // What is made depends on which item is where. Requested bytes by tracemalloc on CPython 3.11.7, in a second call.
    let cases = [
        (
            "reversed",
            "",
            "    xs = [3, 1, 2]\n    xs.sort(reverse=True)\n    return [0.5] * (xs[0] * 1000)\n",
            24_184.0,
        ),
        (
            "by_length",
            "",
            "    xs = sorted(['aaa', 'b', 'cc'], key=lambda w: -len(w))\n    return [0.5] * (len(xs[0]) * 1000)\n",
            24_128.0,
        ),
        (
            "by_name",
            "",
            "    ws = ['W' * (i * 37 % 100) for i in range(300)]\n    ws.sort(key=len)\n    return ws[-1] * 1000\n",
            130_766.0,
        ),
        (
            "inserted",
            "",
            "    xs = []\n    for i in range(300):\n        xs.insert(0, i)\n    xs.reverse()\n    return [0] * (xs[10] * 1000)\n",
            83_992.0,
        ),
        (
            "insort",
            "import bisect\n",
            "    xs = []\n    for i in range(300):\n        bisect.insort(xs, i * 37 % 101)\n    return [0.5] * xs[-1] * 100\n",
            83_408.0,
        ),
        (
            "largest",
            "import heapq\n",
            "    xs = [i * 37 % 1001 for i in range(300)]\n    t = heapq.nlargest(5, xs)\n    return [0] * t[0] * 50\n",
            417_392.0,
        ),
        (
            "found",
            "",
            "    xs = [i * 37 % 1001 for i in range(300)]\n    return [0] * (xs.index(37 * 20 % 1001) * 100 + xs.count(0))\n",
            25_672.0,
        ),
        (
            "spliced",
            "",
            "    xs = [i * 1000 for i in range(2000)]\n    xs[10:20] = [j * 1.5 for j in range(1000)]\n    del xs[100:2000]\n    return [0] * (len(xs) * 50)\n",
            482_328.0,
        ),
    ];
    for (name, imports, body, bytes) in cases {
        let answer = predict(name, &format!("{imports}\n\ndef handler(event, context):\n{body}"), "{}", &[]);
        assert_near(name, &answer, "peak_bytes", bytes, 1.5);
    }
}

#[test]
fn sieves_and_transforms_are_followed_value_by_value() {
    // Requested bytes by tracemalloc on CPython 3.11.7, in a second call.
    let sieve = "def handler(event, context):\n    n = event['n']\n    s = bytearray([1]) * (n + 1)\n    s[0:2] = b'\\x00\\x00'\n    i = 2\n    while i * i <= n:\n        if s[i]:\n            s[i*i::i] = bytearray(len(range(i*i, n + 1, i)))\n        i += 1\n    return [i for i in range(n + 1) if s[i]]\n";
    assert_near("sieve", &predict("sieve", sieve, r#"{"n": 200000}"#, &[]), "peak_bytes", 927_850.0, 1.0);
    let fft = "import cmath\n\ndef fft(x):\n    n = len(x)\n    if n <= 1:\n        return x\n    even = fft(x[0::2])\n    odd = fft(x[1::2])\n    t = [cmath.exp(-2j * cmath.pi * k / n) * odd[k] for k in range(n // 2)]\n    return [even[k] + t[k] for k in range(n // 2)] + [even[k] - t[k] for k in range(n // 2)]\n\ndef handler(event, context):\n    xs = [complex(i % 7, 0) for i in range(event['n'])]\n    return abs(fft(xs)[1])\n";
    assert_near("fft", &predict("fft", fft, r#"{"n": 512}"#, &[]), "peak_bytes", 77_100.0, 2.0);
}

#[test]
fn json_is_written_in_pieces() {
    // Requested bytes by tracemalloc on CPython 3.11.7, in a second call: a list of all pieces, joined at the end.
    let cases = [
        ("numbers", "[1000 + i for i in range(5000)]", "", 582_700.0),
        ("records", "[{'id': 1000, 'b': 2000}] * 5000", "", 1_665_311.0),
        ("names", "{'k%d' % i: 1000 + i for i in range(5000)}", "", 1_568_671.0),
        ("lines", "[1000 + i for i in range(5000)]", ", indent=1", 560_987.0),
        ("columns", "[{'id': 1000}] * 5000", ", indent=1", 1_538_635.0),
    ];
    for (name, data, words, bytes) in cases {
        let python = format!("import json\n\ndef handler(event, context):\n    return json.dumps({data}{words})\n");
        assert_near(name, &predict(name, &python, "{}", &[]), "peak_bytes", bytes, 1.0);
    }
}

#[test]
fn temporary_arrays_are_written_over_and_mixed_products_go_over_copies() {
    // Requested bytes by tracemalloc on CPython 3.11.7 with numpy 2.4.6, in a second call.
    // `temporary ** 2` takes no array of its own: 500 x 500 x 3 floats, and their sums.
    let distances = "import numpy as np\n\ndef handler(event, context):\n    P = np.ones((500, 3))\n    D = np.sqrt(((P[:, None, :] - P[None, :, :]) ** 2).sum(axis=-1))\n    return float(D.max())\n";
    assert_near("distances", &predict("distances", distances, "{}", &[]), "peak_bytes", 8_013_216.0, 1.0);
    // Bytes by floats: 480,000 bytes as floats beside the product.
    let grey = "import numpy as np\n\ndef handler(event, context):\n    rgb = np.ones((400, 400, 3), dtype=np.uint8)\n    return float((rgb @ np.array([0.299, 0.587, 0.114])).sum())\n";
    assert_near("grey", &predict("grey", grey, "{}", &[]), "peak_bytes", 5_600_872.0, 1.0);
}

#[test]
fn numbers_of_a_known_seed_are_those_of_cpython() {
    // `n` by CPython 3.11.7; the text takes 49 bytes more.
    let cases = [
        ("unit", "r = random.Random(7)\n    n = int(r.random() * 1e6) + int(r.uniform(5, 9) * 1000)", 329_435.0),
        (
            "randint",
            "random.seed(12345678901234567890)\n    n = random.randint(10, 10**6) + random.randrange(5, 10**6, 7)",
            1_358_151.0,
        ),
        ("text", "r = random.Random('seed')\n    n = r.randrange(10**6)", 144_950.0),
        ("bits", "r = random.Random(-3)\n    n = r.getrandbits(50) % 1000003", 498_211.0),
        (
            "choices",
            "r = random.Random(1)\n    n = sum(r.choices(range(10000), k=20)) + sum(r.choices([1, 10, 100], [5, 3, 2], k=50))",
            99_114.0,
        ),
        (
            "sample",
            "r = random.Random(2)\n    n = sum(r.sample(range(100000), 10)) + sum(r.sample([3, 1, 4, 1, 5], 3))",
            437_066.0,
        ),
        (
            "shuffle",
            "r = random.Random(3)\n    xs = [i * i for i in range(100)]\n    r.shuffle(xs)\n    n = xs[0] * 100 + xs[50]",
            122_669.0,
        ),
        (
            "normal",
            "r = random.Random(4)\n    n = int(1000 * abs(r.gauss(5, 2) + r.gauss(5, 2) + r.normalvariate(100, 3) + r.expovariate(0.1) + r.triangular(1, 5, 2) + r.paretovariate(3) + r.weibullvariate(2, 3) + r.lognormvariate(1, 0.5)))",
            121_674.0,
        ),
        (
            "letters",
            "r = random.Random(5)\n    n = 1000 * len(''.join(r.choice(string.ascii_letters) for _ in range(200)).strip('abcxyzABCXYZ')) + 7",
            200_007.0,
        ),
    ];
    for (name, body, n) in cases {
        let python = format!(
            "import random\nimport string\n\ndef made(n):\n    return 'x' * n\n\ndef handler(event, context):\n    {body}\n    n = int(n)\n    random = r = xs = None\n    return made(n)\n"
        );
        let python =
            if body.contains("random.seed") { python.replace("random = r = xs = None", "pass") } else { python };
        let answer = predict(name, &python, "{}", &[]);
        let peak = answer["peak_bytes"]["expected"].as_f64().unwrap_or(f64::NAN);
        // What the list of the case itself takes is less than the text.
        assert!((peak - (n + 49.0)).abs() <= 3_000.0, "{name}: {peak}, and not {n}: {:#}", answer["unknown"]);
    }
    // Of a seed that is not known nothing is, and in one branch of two that are open neither.
    let unknown = "import random\n\ndef handler(event, context):\n    random.seed()\n    return 'x' * random.randint(10, 10**6)\n";
    assert_eq!(predict("unseeded", unknown, "{}", &[])["peak_bytes"]["expected"], Value::Null);
}

#[test]
fn parts_of_a_tuple_that_is_taken_apart_are_the_numbers_of_what_keeps_them() {
    // Requested bytes by tracemalloc on CPython 3.11.7: the numbers stay when the tuple goes.
    let assigned = "def handler(event, context):\n    out = []\n    for i in range(5000):\n        a, b = i * 1000, i * 7777\n        out.append((b, a))\n    return out\n";
    assert_near("assigned", &predict("assigned", assigned, "{}", &[]), "peak_bytes", 640_160.0, 1.0);
    let returned = "def f(i):\n    return i * 1000, i * 7777\n\ndef handler(event, context):\n    out = []\n    for i in range(5000):\n        a, b = f(i)\n        out.append(a)\n    return out\n";
    assert_near("returned", &predict("returned", returned, "{}", &[]), "peak_bytes", 202_088.0, 1.0);
}

#[test]
fn tuples_of_constants_are_constants() {
    // 5,000 slots of the table's key and value, and ints from 257 on; no tuple.
    let python = "def handler(event, context):\n    return {i: ('a', -1, (None, 2.5)) for i in range(5000)}\n";
    assert_near("constants", &predict("constants", python, "{}", &[]), "peak_bytes", 300_440.0, 1.0);
}

#[test]
fn neighbours_are_counted_pair_by_pair() {
    // Requested bytes by tracemalloc on CPython 3.11.7: 1,249 different pairs.
    let pairs = "import collections\n\ndef handler(event, context):\n    tokens = [str((i * i) % 1249) for i in range(5000)]\n    c = {}\n    for p in zip(tokens, tokens[1:]):\n        c[p] = c.get(p, 0) + 1\n    return len(c)\n";
    assert_near("pairs", &predict("pairs", pairs, "{}", &[]), "peak_bytes", 447_840.0, 1.0);
}

#[test]
fn functions_and_classes_know_their_names() {
    let python = "class Steps:\n    def up(self, n):\n        return [0.5] * n\n    def down(self, n):\n        return [0.5] * (2 * n)\n\ndef one(n):\n    return Steps().up(n)\n\ndef two(n):\n    return Steps().down(n)\n\nWAYS = {f.__name__: f for f in (one, two)}\n\ndef handler(event, context):\n    return WAYS['one'](10000) if Steps.up.__qualname__ == 'Steps.up' else None\n";
    assert_near("names", &predict("names", python, "{}", &[]), "peak_bytes", 80_200.0, 1.0);
}

#[test]
fn what_is_written_to_a_text_in_memory_is_read_from_it_again() {
    // Requested bytes by tracemalloc on CPython 3.11.7. Read line by line, the text has four bytes a character.
    let lines = "import io\n\ndef handler(event, context):\n    b = io.StringIO()\n    for i in range(3000):\n        b.write('line %d\\n' % (i * i))\n    b.seek(0)\n    return [l.strip() for l in b]\n";
    assert_near("lines", &predict("lines", lines, "{}", &[]), "peak_bytes", 358_060.0, 2.0);
    // The columns have their names, so nothing raises; rows stand for one another: 5.5 % less is predicted.
    let table = "import csv\nimport io\n\ndef handler(event, context):\n    buf = io.StringIO()\n    w = csv.DictWriter(buf, fieldnames=['id', 'name', 'score'])\n    w.writeheader()\n    for i in range(5000):\n        w.writerow({'id': i, 'name': 'n%d' % (i % 1000), 'score': i / 7})\n    buf.seek(0)\n    rows = list(csv.DictReader(buf))\n    return sum(float(r['score']) for r in rows)\n";
    let answer = predict("table", table, "{}", &[]);
    let assumptions = answer["assumptions"].to_string();
    assert!(!assumptions.contains("raises"), "{assumptions}");
    assert_near("table", &answer, "peak_bytes", 2_500_598.0, 7.0);
    // Constants that are printed are slots of the list of pieces, which are not counted: 18 % less is predicted.
    let printed = "import io\n\ndef handler(event, context):\n    b = io.StringIO()\n    for i in range(2000):\n        print('value', i * 1000, file=b, sep='=')\n    return b.getvalue().count('=') * [0]\n";
    assert_near("printed", &predict("printed", printed, "{}", &[]), "peak_bytes", 205_167.0, 20.0);
}

#[test]
fn a_version_that_was_not_run_is_marked_so() {
    let python = "def handler(event, context):\n    return [0.5] * 1000\n";
    let is_marked = |version: &str| {
        let answer = predict_of(version, &format!("version-{version}"), python, "{}", &[]);
        answer["assumptions"].to_string().contains("were not measured by running it")
    };
    assert!(is_marked("3.14"));
    assert!(!is_marked("3.13"));
}
