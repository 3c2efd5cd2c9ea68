//! `meminterface learn` as a user runs it on traces and logs that are there: what comes out, and what is left out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("learning").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("traces")).expect("a folder");
    folder
}

fn run(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .args(words)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Traces of a call with an array of `rows` by `columns`: the peak is what `peak` says, the result an array as large.
fn traces(name: &str, peak: impl Fn(f64, f64) -> f64) -> String {
    let mut lines = String::new();
    for n in 0..40u32 {
        let share = |ratio: f64| (0.5 + f64::from(n + 1) * ratio).fract();
        let rows = (10.0 * 200f64.powf(share(0.754_877_666))).round();
        let columns = (10.0 * 100f64.powf(share(0.569_840_291))).round();
        let bytes = peak(rows, columns).round();
        let line = json!({
            "callable": name, "library": "mylib", "library_version": "2.1.0", "python": "3.12.1", "platform": "linux-x86_64",
            "method": "memray", "unit": "bytes", "outcome": "returned", "parameters": ["table", "width=5"],
            "features": {"table.rows": rows, "table.columns": columns}, "axes": {"rows": rows, "columns": columns},
            "demand_bytes": bytes + 500.0, "peak_bytes": bytes, "result_bytes": bytes, "retained_bytes": 0, "grown_bytes": 0,
            "resident_peak_bytes": bytes,
            "call": {"callable": name, "positional": [{"kind": "mylib.Table", "features": {"rows": rows, "columns": columns}}],
                     "keywords": {}, "values": {}},
            "result": {"kind": "mylib.Table", "features": {"rows": rows, "columns": columns + 1.0}},
        });
        let _ = writeln!(lines, "{line}");
    }
    lines
}

fn learned(name: &str, lines: &str, more: &[&str]) -> (PathBuf, Output) {
    let folder = folder(name);
    std::fs::write(folder.join("traces/one.jsonl"), lines).expect("a file");
    let words: Vec<&str> = ["learn", "--traces", "traces", "-o", "out"].iter().chain(more).copied().collect();
    let output = run(&folder, &words);
    (folder, output)
}

#[test]
fn a_formula_that_made_the_traces_is_the_contract() {
    let (folder, output) =
        learned("exact", &traces("mylib.smooth", |rows, columns| 8.0 * rows * columns + 1_200.0), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("8*table.columns*table.rows + 1200"), "{table}");
    assert!(table.contains("1 callables learned, 1 of them good"), "{table}");
    let file = std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract");
    assert!(file.contains("peak = \"8*table.columns*table.rows + 1200\""), "{file}");
    assert!(
        file.contains("result = { kind = \"mylib.Table\", columns = \"table.columns + 1\", rows = \"table.rows\""),
        "{file}"
    );

    // It is a contract like any other: checked, listed with its origin, and applied.
    let checked = run(&folder, &["contracts", "check", "out/mylib.toml"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let listed = run(&folder, &["contracts", "list", "mylib", "--contracts", "out", "--format", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let entry = &listed["contracts"][0];
    assert_eq!(entry["name"], "mylib.smooth");
    assert_eq!(entry["origin"], "learned");
    assert_eq!(entry["library_version"], "2.1.0");
    assert_eq!(entry["traces"], 40);
    assert!(entry["heldout_p95_error"].as_f64().expect("a number") < 0.01, "{entry}");
    assert!(entry["range"]["table.rows"][1].as_f64().expect("a number") > 1000.0, "{entry}");
}

#[test]
fn what_is_learned_is_the_same_every_time() {
    let lines = traces("mylib.smooth", |rows, columns| 24.0 * rows * (1.0 + 0.02 * (columns % 3.0)) + 64.0 * columns);
    let (first, _) = learned("same-1", &lines, &[]);
    let (second, _) = learned("same-2", &lines, &[]);
    let read = |folder: PathBuf| std::fs::read(folder.join("out/mylib.toml")).expect("the contract");
    assert_eq!(read(first), read(second));
}

#[test]
fn noise_becomes_a_distribution() {
    let noise = |rows: f64, columns: f64| 1.0 + 0.05 * ((rows * 7.3 + columns * 3.1).sin());
    let lines = traces("mylib.smooth", |rows, columns| 16.0 * rows * columns * noise(rows, columns));
    let (folder, output) = learned("noise", &lines, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let entry = &report["callables"][0]["entries"][0];
    assert!(entry["heldout_median_error"].as_f64().expect("a number") < 0.08, "{entry}");
    let file = std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract");
    assert!(file.contains("residual = { peak = { distribution = "), "{file}");
    assert!(!file.contains("distribution = \"exact\", n = 40 }, demand"), "{file}");
}

#[test]
fn kinds_that_take_different_amounts_get_entries_of_their_own() {
    let mut lines = String::new();
    for (mode, width) in [("wide", 8.0), ("narrow", 1.0)] {
        for line in traces("mylib.convert", |rows, columns| width * rows * columns + 4_000.0).lines() {
            let mut line: Value = serde_json::from_str(line).expect("JSON");
            line["texts"] = json!({"width": format!("'{mode}'")});
            line["features"]["width.length"] = json!(mode.len());
            let _ = writeln!(lines, "{line}");
        }
    }
    let (folder, output) = learned("kinds", &lines, &[]);
    let file = std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract");
    assert!(file.contains("when = { width = { literal = \"wide\" } }"), "{file}\n{}", text(&output.stderr));
    assert!(file.contains("when = { width = { literal = \"narrow\" } }"), "{file}");
    assert!(file.contains("peak = \"8*table.columns*table.rows + 4000\""), "{file}");
}

#[test]
fn bad_traces_are_named_counted_and_left_out() {
    let mut lines = traces("mylib.smooth", |rows, columns| 8.0 * rows * columns);
    lines.push_str("{\"callable\": \"mylib.smooth\", \"features\": {\"table.rows\": 3}}\n");
    lines.push_str("{\"callable\": \"mylib.smooth\", \"features\": {\"table.rows\": NaN}, \"peak_bytes\": 3}\n");
    lines.push_str("{\"callable\": \"mylib.smooth\", \"features\": {\"table.rows\": 3}, \"peak_bytes\": -3}\n");
    lines.push_str("{\"callable\": \"mylib.smooth\", \"features\": {\"table.rows\": 3}, \"peak_mb\": 3}\n");
    lines.push_str(
        "{\"callable\": \"mylib.smooth\", \"features\": {\"table.rows\": 3}, \"peak_bytes\": 3, \"unit\": \"MiB\"}\n",
    );
    lines.push_str("no trace at all\n");
    let (folder, output) = learned("bad", &lines, &[]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for part in
        ["`peak_bytes` is missing", "NaN", "negative", "`peak_mb` is not in bytes", "`unit` is \"MiB\"", "not JSON"]
    {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(errors.contains("one.jsonl:41"), "{errors}");
    // The good ones are learned from all the same.
    assert!(folder.join("out/mylib.toml").is_file());
}

#[test]
fn calls_that_failed_are_told_and_those_at_edges_are_not() {
    let mut lines = traces("mylib.smooth", |rows, columns| 8.0 * rows * columns);
    let failed = |edge: bool| json!({"callable": "mylib.smooth", "library": "mylib", "outcome": "raised", "detail": "ValueError: no", "edge": edge});
    let _ = writeln!(lines, "{}", failed(true));
    let (_, output) = learned("edge", &lines, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let _ = writeln!(lines, "{}\n{}", failed(false), failed(false));
    let (_, output) = learned("failed", &lines, &[]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("mylib.smooth: 2 calls did not return: raised: ValueError: no"), "{errors}");
}

#[test]
fn an_earlier_contract_is_never_lost() {
    let (folder, _) = learned("beside", &traces("mylib.smooth", |rows, columns| 8.0 * rows * columns), &[]);
    let first = std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract");
    std::fs::write(folder.join("traces/one.jsonl"), traces("mylib.sharpen", |rows, columns| 16.0 * rows * columns))
        .expect("a file");
    let output = run(&folder, &["learn", "--traces", "traces", "-o", "out", "--diff"]);
    assert!(text(&output.stdout).contains("`--replace` renames it"), "{}", text(&output.stdout));
    assert_eq!(std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract"), first);
    run(&folder, &["learn", "--traces", "traces", "-o", "out", "--replace"]);
    let both = std::fs::read_to_string(folder.join("out/mylib.toml")).expect("the contract");
    assert!(both.contains("mylib.smooth") && both.contains("mylib.sharpen"), "{both}");
    assert_eq!(std::fs::read_to_string(folder.join("out/mylib.toml.old")).expect("the old one"), first);
}

#[test]
fn a_contract_that_does_not_fit_any_more_fails_the_check() {
    let (folder, _) = learned("check", &traces("mylib.smooth", |rows, columns| 8.0 * rows * columns), &[]);
    let check = ["learn", "--traces", "traces", "--contracts", "out", "--check"];
    let output = run(&folder, &check);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    std::fs::write(folder.join("traces/one.jsonl"), traces("mylib.smooth", |rows, columns| 12.0 * rows * columns))
        .expect("a file");
    let output = run(&folder, &check);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("does not fit"), "{}", text(&output.stdout));
}

const REPORT: &str = "Duration: 102.25 ms\tBilled Duration: 103 ms\tMemory Size: 512 MB\tMax Memory Used: ";

#[test]
fn a_contract_is_drawn_with_its_traces() {
    let uneven = |rows: f64, columns: f64| 8.0 * rows * columns * (1.0 + 0.02 * (rows * 7.3).sin());
    let (folder, output) = learned("drawn", &traces("mylib.smooth", uneven), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let draw = |words: &[&str]| {
        let words = [&["contracts", "show", "mylib.smooth", "--contracts", "out", "--plot"], words].concat();
        run(&folder, &words)
    };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file");

    // A point for each of the 40 calls, the band, the line, and the histogram with its distribution.
    let drawn = draw(&["fit.svg", "--traces", "traces"]);
    assert_eq!(drawn.status.code(), Some(0), "{}", text(&drawn.stderr));
    assert_eq!(text(&drawn.stdout), "fit.svg: 40 measured calls\n");
    let svg = read("fit.svg");
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    let count = |part: &str| svg.matches(part).count();
    assert_eq!([count("class=\"point\""), count("class=\"band\""), count("class=\"fit\"")], [40, 1, 1]);
    assert!(count("class=\"bar\"") > 3 && count("class=\"expected\"") == 1, "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    draw(&["again.svg", "--traces", "traces"]);
    assert_eq!(svg, read("again.svg"));

    // Without traces: the formula over the range that it was learned on. HTML holds the same.
    assert_eq!(draw(&["range.html"]).status.code(), Some(0));
    let page = read("range.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("class=\"fit\"") && !page.contains("class=\"point\""));

    // As pixels, two for one each way (960 across in the SVG file): the dots are there in their colour, and texts are drawn.
    assert_eq!(draw(&["fit.png", "--traces", "traces"]).status.code(), Some(0));
    let drawn = resvg::tiny_skia::Pixmap::decode_png(&std::fs::read(folder.join("fit.png")).expect("a file"));
    let drawn = drawn.expect("a picture");
    assert_eq!(drawn.width(), 1920);
    let coloured = |red: u8, green: u8, blue: u8| {
        let same = |pixel: &&resvg::tiny_skia::PremultipliedColorU8| {
            [pixel.red(), pixel.green(), pixel.blue()] == [red, green, blue]
        };
        drawn.pixels().iter().filter(same).count()
    };
    assert!(coloured(0x1f, 0x5f, 0xa8) > 1000 && coloured(0x22, 0x22, 0x22) > 1000, "line and texts");

    // What cannot be drawn is said.
    let refused = draw(&["fit.gif", "--traces", "traces"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("draws .svg, .html and .png files"), "{}", text(&refused.stderr));
    let declared = run(&folder, &["contracts", "show", "numpy.zeros", "--plot", "zeros.svg"]);
    assert_eq!(declared.status.code(), Some(2), "{}", text(&declared.stdout));
}

#[test]
fn logs_of_a_deployed_function_calibrate_its_formula() {
    let folder = folder("logs");
    let (mut log, mut events) = (String::new(), String::new());
    for n in 0..30u32 {
        let used = 80 + n * 4;
        let _ = writeln!(log, "2026-11-20T10:00:00Z START RequestId: id-{n} Version: 1");
        match n % 3 {
            0 => {
                let _ = writeln!(log, "REPORT RequestId: id-{n}\t{REPORT}{used} MB\tInit Duration: 200.10 ms");
            }
            1 => {
                let record = json!({"type": "platform.report", "record": {"requestId": format!("id-{n}"),
                    "metrics": {"durationMs": 12.5, "memorySizeMB": 512, "maxMemoryUsedMB": used}}});
                let _ = writeln!(log, "{record}");
            }
            _ => {
                let message = format!("REPORT RequestId: id-{n}\t{REPORT}{used} MB\t\n");
                let _ = writeln!(log, "{}", json!({"timestamp": 1, "message": message, "logStreamName": "s"}));
            }
        }
        let _ = writeln!(events, "{}", json!({"requestId": format!("id-{n}"), "event": {"size": n * 2_097_152}}));
    }
    std::fs::write(folder.join("report.log"), &log).expect("a file");
    std::fs::write(folder.join("events.jsonl"), events).expect("a file");
    let words = [
        "learn",
        "--from-logs",
        "report.log",
        "--events",
        "events.jsonl",
        "--formula",
        "event[\"size\"]",
        "--format",
        "json",
    ];
    let output = run(&folder, &words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["reports"], 30);
    assert_eq!(found["joined"], 30);
    assert_eq!(found["cold"], 10);
    assert!((found["scale"].as_f64().expect("a number") - 2.0).abs() < 0.01, "{found}");
    assert!((found["baseline_bytes"].as_f64().expect("a number") / 1_048_576.0 - 80.0).abs() < 1.0, "{found}");
    assert_eq!(found["residual"]["distribution"], "exact");
}

#[test]
fn contradictory_logs_are_named_and_left_out() {
    let folder = folder("contradictory");
    let log = format!(
        "REPORT RequestId: a\t{REPORT}90 MB\nREPORT RequestId: b\t{REPORT}80 MB\nREPORT RequestId: b\t{REPORT}95 MB\n\
         REPORT RequestId: c\t{REPORT}900 MB\nREPORT RequestId: d\t{REPORT}-4 MB\nREPORT RequestId: e\tDuration: 3 ms\n"
    );
    std::fs::write(folder.join("report.log"), log).expect("a file");
    let output = run(&folder, &["learn", "--from-logs", "report.log"]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    for part in ["say different things", "than the setting allows", "negative", "`Memory Size` is missing"] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(text(&output.stdout).contains("reports   1 (0 cold starts)"), "{}", text(&output.stdout));
    let none = folder.join("none.log");
    std::fs::write(&none, "nothing here\n").expect("a file");
    let output = run(&folder, &["learn", "--from-logs", "none.log"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = folder("usage");
    let output = run(&folder, &["learn", "--traces", "traces"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the folder has no traces"), "{}", text(&output.stderr));
    let output = run(&folder, &["learn", "--traces", "nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    if cfg!(target_os = "linux") {
        let output = run(&folder, &["learn", "netwerkx"]);
        assert!(text(&output.stderr).contains("did you mean `networkx`?"), "{}", text(&output.stderr));
        let output = run(&folder, &["learn", "networkx", "--python", "no-such-python"]);
        assert!(text(&output.stderr).contains("no-interpreter"), "{}", text(&output.stderr));
    }
}
