//! Every verb survives every file of tests/corpus: each file gives a result, or a diagnostic with the file and line.
//! Never a panic, a signal, an internal error or silence.
//!
//! A new verb is one line of [`VERBS`]; a new nasty file goes into a folder of tests/corpus.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// What a verb reads.
#[derive(Clone, Copy, PartialEq)]
enum Input {
    /// The path of each file of this folder.
    Files(&'static str),
    /// The text of each file of this folder, as one word of the command line.
    Texts(&'static str),
}

use Input::{Files, Texts};

/// The words before the input, and the input.
const VERBS: &[(&[&str], Input)] = &[
    (&["cfg", "--format", "json"], Files("python")),
    (&["cfg", "--format", "dot"], Files("python")),
    (&["cfg", "--format", "mermaid"], Files("python")),
    (&["calls", "--format", "json"], Files("python")),
    (&["calls", "--format", "text"], Files("python")),
    (&["handlers", "--format", "json"], Files("python")),
    (&["handlers", "--format", "json"], Files("templates")),
    (&["extract"], Files("python")),
    (&["extract", "--format", "json"], Files("python")),
    (&["extract", "--symbols", "sympy"], Files("python")),
    (&["extract", "--paths", "--max-paths", "20"], Files("python")),
    (&["extract", "--format", "json"], Files("templates")),
    (&["formula", "--format", "json"], Texts("formulas")),
    (&["formula", "--growth", "--latex"], Texts("formulas")),
];

/// A file takes milliseconds, also in a debug build on a loaded machine; this only tells "slow" from "without end".
const WITHOUT_END: Duration = Duration::from_secs(60);

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder(name)).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn meminterface(words: &[&str], last: &std::ffi::OsStr) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meminterface")).args(words).arg(last).output().expect("the command starts")
}

/// What is wrong with how the command ended, if anything.
fn complaint(words: &[&str], input: Input, output: &Output) -> Option<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    let shown = || errors.lines().take(6).collect::<Vec<_>>().join("\n    ");
    match output.status.code() {
        Some(0) if output.stdout.is_empty() => Some("exit code 0, and nothing printed".to_owned()),
        Some(0) if words.contains(&"json") => {
            let parsed = serde_json::from_slice::<serde_json::Value>(&output.stdout);
            match parsed {
                Ok(value) if is_tagged(&value["schema"]) || words[0] == "calls" => None,
                Ok(_) => Some("JSON without a schema".to_owned()),
                Err(error) => Some(format!("not JSON: {error}")),
            }
        }
        Some(0) => None,
        // `--> file:line:column` is how a place is drawn. A file without a handler has no line to show.
        Some(2) if matches!(input, Files(_)) => {
            let placed = errors.lines().any(|line| {
                line.trim_start().strip_prefix("--> ").is_some_and(|place| {
                    let mut parts = place.rsplitn(3, ':');
                    let (column, line) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
                    parts.next().is_some() && line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok()
                })
            });
            (!placed && !errors.contains("[no-handler]")).then(|| format!("no place in:\n    {}", shown()))
        }
        Some(2) => (!errors.contains("error")).then(|| "exit code 2, and no error printed".to_owned()),
        Some(code) => Some(format!("exit code {code}:\n    {}", shown())),
        None => Some(format!("killed ({}):\n    {}", output.status, shown())),
    }
}

/// Every JSON output says its form in one way: name and version. (The call graph has PyCG's form.)
fn is_tagged(schema: &serde_json::Value) -> bool {
    schema["name"].as_str().is_some_and(|name| name.starts_with("meminterface.")) && schema["version"].is_u64()
}

fn run_all(threads: usize) -> Vec<String> {
    let jobs: Vec<(&[&str], Input, PathBuf)> = VERBS
        .iter()
        .flat_map(|(words, input)| {
            let (Files(name) | Texts(name)) = *input;
            files(name).into_iter().map(move |file| (*words, *input, file))
        })
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let complaints = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((words, input, file)) = jobs.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let text;
                    let last = match input {
                        Files(_) => file.as_os_str(),
                        Texts(_) => {
                            // No program can be given a NUL byte, or a text of any length, as a word.
                            text = std::fs::read_to_string(file).expect("a text").replace('\0', "");
                            std::ffi::OsStr::new(&text)
                        }
                    };
                    let start = Instant::now();
                    let output = meminterface(words, last);
                    let mut found = complaint(words, *input, &output);
                    if start.elapsed() > WITHOUT_END {
                        found = Some(format!("took {:?}", start.elapsed()));
                    }
                    if let Some(found) = found {
                        let name = file.file_name().unwrap_or_default().to_string_lossy();
                        complaints.lock().expect("the list").push(format!("{} {name}: {found}", words.join(" ")));
                    }
                }
            });
        }
    });
    let mut complaints = complaints.into_inner().expect("the list");
    complaints.sort();
    complaints
}

#[test]
fn every_file_gives_a_result_or_a_placed_diagnostic() {
    let complaints = run_all(std::thread::available_parallelism().map_or(2, usize::from));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// One broken file does not keep the others from being done.
#[test]
fn a_broken_file_among_good_ones() {
    for (words, input) in VERBS {
        if !matches!(input, Files("python")) {
            continue;
        }
        let good = folder("python").join("inheritance_cycle.py");
        let alone = meminterface(words, good.as_os_str());
        let output = Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .args(*words)
            .arg(folder("python").join("broken_string.py"))
            .arg(good)
            .arg("no/such/file.py")
            .output()
            .expect("the command starts");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(!output.stdout.is_empty() && !alone.stdout.is_empty(), "{words:?}: the good file gave nothing");
        let errors = String::from_utf8_lossy(&output.stderr);
        for expected in ["syntax-error", "broken_string.py:2:", "cannot-read", "no/such/file.py"] {
            assert!(errors.contains(expected), "{words:?}: no {expected:?} in\n{errors}");
        }
    }
}

/// The corpus is only worth something while it has both files that are Python and files that are not.
#[test]
fn the_corpus_has_good_and_broken_files() {
    let (mut good, mut broken) = (0, 0);
    for file in files("python") {
        match meminterface::project::source::with_stack(|| meminterface::project::Source::load(&file).is_ok()) {
            true => good += 1,
            false => broken += 1,
        }
    }
    assert!(good >= 60, "{good} good files");
    assert!(broken >= 40, "{broken} broken files");
}
