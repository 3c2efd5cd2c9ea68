//! What `meminterface predict` says, as documentation: tests/predict/*.md.
//!
//! A section is a heading, prose, a `python` block (the handler's file), optionally an `event` block (JSON) and an
//! `arguments` block (further words of the command, a line each), a `contract` block (a file of a folder of `--contracts`),
//! and blocks with what is expected:
//! - `growth`: a line for each place where memory stays from one invocation to the next, `line: what`;
//! - `unknown`: a line for each unknown, `name (line)`;
//! - `output`: what the command prints after its first line.
//!
//! `UPDATE_EXPECT=1 cargo test --test predict` writes what is there today into the files: read it before you commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "common/fences.rs"]
mod fences;
use fences::{Fence, sections};

fn block<'a>(fences: &'a [Fence], kind: &str) -> Option<&'a str> {
    fences.iter().find(|fence| fence.kind == kind).map(|fence| fence.text.as_str())
}

/// Standard output of `predict` for a section, and standard error.
fn predict(fences: &[Fence], format: &str) -> (String, String) {
    let folder = std::env::temp_dir().join(format!("meminterface-predict-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("written");
    write("app.py", block(fences, "python").expect("a `python` block"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
    command.current_dir(&folder).args(["predict", "app.py", "--python-version", "3.12", "--format", format]);
    for (kind, option) in [("event", "--event"), ("events", "--events"), ("workload", "--workload")] {
        if let Some(text) = block(fences, kind) {
            let name = if kind == "workload" { "workload.toml".to_owned() } else { format!("{kind}.json") };
            write(&name, text);
            command.args([option, &name]);
        }
    }
    if let Some(text) = block(fences, "contract") {
        fs::create_dir_all(folder.join("contracts")).expect("a folder");
        write("contracts/mylib.toml", text);
        command.args(["--contracts", "contracts"]);
    }
    command.args(block(fences, "arguments").unwrap_or_default().lines());
    let output = command.output().expect("it starts");
    fs::remove_dir_all(&folder).expect("removed");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

fn lines(document: &Value, list: &str, line: impl Fn(&Value) -> String) -> String {
    document[list].as_array().expect(list).iter().map(|one| line(one) + "\n").collect()
}

fn found(fences: &[Fence], kind: &str) -> Option<String> {
    let json = || {
        let (output, errors) = predict(fences, "json");
        serde_json::from_str::<Value>(&output).unwrap_or_else(|error| panic!("{error}: {output}{errors}"))
    };
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    Some(match kind {
        "growth" => lines(&json(), "growth", |one| format!("{}: {}", one["line"], text(&one["message"]))),
        "unknown" => lines(&json(), "unknown", |one| format!("{} ({})", text(&one["symbol"]), one["line"])),
        "output" => {
            let (output, errors) = predict(fences, "text");
            output.split_inclusive('\n').skip(1).chain([errors.as_str()]).collect()
        }
        _ => return None,
    })
}

#[test]
fn predictions_are_as_documented() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/predict");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("tests/predict").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let markdown = fs::read_to_string(&file).expect("a text");
        let mut updated = markdown.clone();
        let mut edits = Vec::new();
        for (title, fences) in sections(&markdown) {
            for fence in &fences {
                let Some(found) = found(&fences, &fence.kind) else { continue };
                if found != fence.text {
                    wrong.push(format!("{} / {title} / {}:\n{found}", file.display(), fence.kind));
                    edits.push((fence.range.clone(), found));
                }
            }
        }
        if update {
            for (range, text) in edits.into_iter().rev() {
                updated.replace_range(range, &text);
            }
            fs::write(&file, updated).expect("written");
        }
    }
    assert!(update || wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The form of the JSON output is documented: `UPDATE_DOCS=1 cargo test --test predict` writes the page anew.
#[test]
fn the_schema_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/prediction.schema.json");
    let text = format!("{:#}\n", meminterface::cli::predict::json_schema());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        fs::write(&path, &text).expect("written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "run with UPDATE_DOCS=1");
}
