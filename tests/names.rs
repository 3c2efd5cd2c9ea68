//! The names of memory-critical variables and derived values stay under edits that have nothing to do with them, so that
//! a workload written for yesterday's version of a handler still fits. And what is written is the same on every run.

use std::path::{Path, PathBuf};
use std::process::Command;

const HANDLER: &str = r#"import boto3

client = boto3.client("s3")


def count(key):
    rows = client.select(key)
    if rows.total > 3:
        return rows.total
    return 0


def size(key):
    head = client.head_object(Key=key)
    return head["ContentLength"]


def handler(event, context):
    width = int(event.get("width", 10))
    for record in event["Records"]:
        key = record["key"]
        if size(key) > 100:
            compress(key, width)
        try:
            upload(key)
        except IOError:
            retry(key)
    while client.more():
        step()
    if count(event["name"]):
        finish(width)
    status = check()
    if status == "late":
        remind()
"#;

/// A file of our own that is removed at the end.
struct File(PathBuf);

impl File {
    fn new(test: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("meminterface-names-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("app.py"), text).expect("a file");
        Self(folder)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn extract(folder: &Path, format: &str) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .args(["extract", "app.py", "--format", format])
        .current_dir(folder)
        .output()
        .expect("the command starts");
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// The names that a caller may give, sorted.
fn names(test: &str, text: &str) -> Vec<String> {
    let file = File::new(test, text);
    let document: serde_json::Value = serde_json::from_str(&extract(&file.0, "json")).expect("JSON");
    let mut names: Vec<String> = ["mcvs", "derived"]
        .iter()
        .flat_map(|list| document[list].as_array().expect("a list"))
        .map(|entry| entry["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// The handler with pieces of it replaced. Each must be there.
fn edited(edits: &[(&str, &str)]) -> String {
    edits.iter().fold(HANDLER.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    })
}

#[test]
fn what_the_names_are() {
    assert_eq!(
        names("base", HANDLER),
        ["count_rows_total", "key", "size_head_content_length", "status", "step_trips", "try_upload_raised", "width"]
    );
}

/// Edits after which all names are the same, and there are no others.
#[test]
fn unrelated_edits_keep_all_names() {
    let count = &HANDLER[HANDLER.find("def count").expect("count")..HANDLER.find("def size").expect("size")];
    let moved = format!("{}\n\n{}", HANDLER.replacen(count, "", 1), count.trim_end());
    let edits = [
        (
            "comments",
            edited(&[
                ("def count", "# How many there are.\n\n\n\ndef count"),
                ("    status", "    # soon\n    status"),
            ]),
        ),
        ("docstrings", edited(&[("(event, context):\n", "(event, context):\n    \"\"\"Does the work.\"\"\"\n")])),
        ("annotations", edited(&[("def size(key):", "def size(key: str) -> int:"), ("status =", "status: str =")])),
        ("functions moved", moved),
        (
            "a function added",
            edited(&[("def size", "def other(status):\n    if status:\n        size(1)\n\n\ndef size")]),
        ),
        ("imports added", edited(&[("import boto3\n", "import os\nimport json\n\nimport boto3\n")])),
        (
            "calls added",
            edited(&[
                ("        if size(key)", "        print(key)\n        if size(key)"),
                ("    status", "    log()\n    status"),
            ]),
        ),
        ("a local renamed", edited(&[("for record in", "for item in"), ("record[\"key\"]", "item[\"key\"]")])),
        ("a parameter renamed", edited(&[("count(key)", "count(which)"), ("select(key)", "select(which)")])),
        (
            "lines joined",
            edited(&[(
                "            compress(key, width)\n",
                "            compress(\n                key,\n                width,\n            )\n",
            )]),
        ),
        (
            "a condition on the event",
            edited(&[("    status", "    if event[\"verbose\"]:\n        tell()\n    status")]),
        ),
        (
            "a branch turned around",
            edited(&[("        finish(width)\n", "        finish(width)\n    else:\n        wait()\n")]),
        ),
    ];
    let before = names("kept", HANDLER);
    for (what, text) in edits {
        assert_eq!(names("kept", &text), before, "{what}:\n{text}");
    }
}

/// Edits that ask for more: the names that were there are still there, and mean the same.
#[test]
fn new_unknowns_leave_the_others_their_names() {
    let before = names("more", HANDLER);
    let edits = [
        ("another condition", edited(&[("    status", "    if weather() == \"rain\":\n        wait()\n    status")])),
        (
            "another try",
            edited(&[("    status", "    try:\n        save()\n    except OSError:\n        wait()\n    status")]),
        ),
        ("another loop", edited(&[("    status", "    while busy():\n        wait()\n    status")])),
    ];
    for (what, text) in edits {
        let after = names("more", &text);
        assert!(after.len() > before.len(), "{what}: {after:?}");
        for name in &before {
            assert!(after.contains(name), "{what}: {name} is not among {after:?}");
        }
    }
}

/// A name is the source's own: where it is made from a local, it follows the local.
#[test]
fn a_name_follows_the_local_that_it_is_made_from() {
    let before = names("follows", HANDLER);
    let after = names("follows", &edited(&[("head = ", "answer = "), ("head[", "answer[")]));
    assert!(after.contains(&"size_answer_content_length".to_owned()), "{after:?}");
    assert_eq!(before.iter().filter(|name| !after.contains(name)).collect::<Vec<_>>(), ["size_head_content_length"]);
}

#[test]
fn two_runs_write_the_same_bytes() {
    let file = File::new("runs", HANDLER);
    for format in ["python", "json"] {
        let first = extract(&file.0, format);
        assert!(first.len() > 500);
        for _ in 0..4 {
            assert!(extract(&file.0, format) == first, "{format} differs");
        }
    }
}
