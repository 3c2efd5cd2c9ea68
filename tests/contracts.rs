//! `meminterface contracts` as a user runs it: what ships is right, files are checked, the nearer file wins.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str]) -> Output {
    run_with(arguments, "")
}

fn run_with(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .arg("contracts")
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the command reads");
    child.wait_with_output().expect("the command ends")
}

fn shipped() -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("interfaces");
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries(folder.clone()).chain(entries(folder.join("learned"))).map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "toml")).map(|path| path.display().to_string()).collect()
}

/// Writes a contract file of its own folder, and gives both.
fn file(name: &str, text: &str) -> (PathBuf, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("contracts").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("own.toml");
    std::fs::write(&path, text).expect("a file");
    (folder, path.display().to_string())
}

#[track_caller]
fn refuses(name: &str, entries: &str, place: &str, part: &str) {
    let (_, path) = file(name, &format!("[library]\nname = \"own\"\n{entries}"));
    let output = run(&["check", &path]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(part), "{errors}");
    assert!(errors.contains(&format!("own.toml:{place}")), "{errors}");
    assert_eq!(output.status.code(), Some(2), "{errors}");
}

/// What contracts say of a call that is described in JSON.
fn apply(call: &str, more: &[&str]) -> serde_json::Value {
    let arguments: Vec<&str> = ["apply"].iter().chain(more).copied().collect();
    let output = run_with(&arguments, &format!("{call}\n"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn all_shipped_files_are_right() {
    let files = shipped();
    assert!(files.len() >= 5, "{files:?}");
    let arguments: Vec<&str> = ["check"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn shipped_contracts_are_listed_and_shown() {
    let output = run(&["list", "numpy.linalg", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names: Vec<&str> = document["libraries"][0]["callables"]
        .as_array()
        .expect("names")
        .iter()
        .filter_map(|name| name.as_str())
        .collect();
    assert!(names.contains(&"numpy.linalg.solve"), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("numpy.linalg")), "{names:?}");

    let output = run(&["show", "numpy.linalg.solve"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("# numpy.toml:") && text.contains("transient ="), "{text}");

    let output = run(&["show", "numpy.linalg.slove"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("numpy.linalg.solve"));
}

#[test]
fn sizes_follow_from_shape_and_type() {
    let zeros = r#"{"callable": "numpy.zeros", "positional": [{"value": [100, 50]}], "keywords": {"dtype": {"value": "float32"}}}"#;
    let answer = apply(zeros, &[]);
    assert_eq!(answer["peak"]["bytes"], 4 * 100 * 50 + 112);
    // Memory from calloc is not resident until it is written.
    assert_eq!(answer["resident_peak"]["bytes"], 0);

    let image = r#"{"callable": "PIL.Image.new", "positional": [{"value": "L"}, {"kind": "tuple", "items": [{"value": 640}, {"value": 480}]}]}"#;
    let grey = apply(image, &[])["peak"]["bytes"].as_i64().expect("a number");
    let colour = apply(&image.replace("\"L\"", "\"RGB\""), &[])["peak"]["bytes"].as_i64().expect("a number");
    assert_eq!(colour - grey, 3 * 640 * 480);
}

#[test]
fn the_users_file_wins_over_the_shipped_one_and_the_later_folder_over_the_earlier() {
    let entry = |bytes: i64| {
        format!(
            "[library]\nname = \"own\"\n\n[[callable]]\nname = \"numpy.zeros\"\nparameters = [\"shape\"]\npeak = \"{bytes}\"\n"
        )
    };
    let (first, _) = file("first", &entry(1111));
    let (second, _) = file("second", &entry(2222));
    let (first, second) = (first.display().to_string(), second.display().to_string());
    let call = r#"{"callable": "numpy.zeros", "positional": [{"value": 8}]}"#;
    assert_eq!(apply(call, &[])["peak"]["bytes"], 8 * 8 + 112);
    assert_eq!(apply(call, &["--contracts", &first])["peak"]["bytes"], 1111);
    assert_eq!(apply(call, &["--contracts", &first, "--contracts", &second])["peak"]["bytes"], 2222);
    assert_eq!(apply(call, &["--contracts", &second, "--contracts", &first])["peak"]["bytes"], 1111);
}

#[test]
fn symbols_must_be_known() {
    refuses(
        "unknown",
        "[[callable]]\nname = \"own.f\"\nparameters = [\"data\"]\npeak = \"8*dta.length\"\n",
        "6:",
        "did you mean `data`?",
    );
}

#[test]
fn names_must_not_need_themselves() {
    refuses(
        "circle",
        "[[callable]]\nname = \"own.f\"\nparameters = [\"n\"]\nlet = { a = \"b + 1\", b = \"a + n\" }\npeak = \"a\"\n",
        "6:",
        "circular: ",
    );
}

#[test]
fn sizes_must_not_be_negative() {
    refuses(
        "negative",
        "[[callable]]\nname = \"own.f\"\nparameters = [\"n\"]\npeak = \"8*n - 100\"\n",
        "6:",
        "is negative",
    );
}

#[test]
fn entries_must_not_contradict_one_another() {
    refuses(
        "twice",
        "[[callable]]\nname = \"own.f\"\npeak = \"1\"\n[[callable]]\nname = \"own.f\"\npeak = \"2\"\n",
        "6:",
        "described twice",
    );
    refuses(
        "less",
        "[[callable]]\nname = \"own.f\"\nparameters = [\"n\"]\ndemand = \"8\"\npeak = \"8*n\"\n",
        "",
        "peak is more than demand",
    );
}

#[test]
fn broken_files_are_named_with_their_place() {
    refuses("toml", "[[callable]\nname = \"own.f\"\n", "3:", "not TOML");
    refuses("key", "[[callable]]\nname = \"own.f\"\npaek = \"1\"\n", "5:", "did you mean `peak`?");
    refuses("formula", "[[callable]]\nname = \"own.f\"\npeak = \"8*\"\n", "5:", "");
    let output = run(&["check", "no-such-file.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["list", "--contracts", "no-such-folder"]);
    assert_eq!(output.status.code(), Some(2));
}
