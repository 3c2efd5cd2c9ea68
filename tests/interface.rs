//! What the interface of a handler looks like, as documentation: tests/interface/*.md.
//!
//! A section is a heading, prose, a `python` block (the handler's file), and blocks with what is expected of it:
//! - `interface`: the generated function, its docstring left out;
//! - `sympy`: the same with `--symbols sympy`;
//! - `mcvs`: a line for each memory-critical variable, `name: type; kind; meaning`;
//! - `paths`: a line for each path, `conditions => formula`;
//! - `evaluate`: lines `name=value … => formula`, values as JSON;
//! - `notes`: what could not be followed.
//!
//! `UPDATE_EXPECT=1 cargo test --test interface` writes what is there today into the files: read it before you commit.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meminterface::expression::{Text, Value};
use meminterface::interface::{ExtractOptions, Interface, Symbols, extract_from};
use meminterface::project::Source;
use meminterface::project::discover::discover;
use meminterface::project::source::with_stack;

#[path = "common/fences.rs"]
mod fences;
use fences::sections;

fn interface_of(source: &str) -> Interface {
    let folder = std::env::temp_dir().join(format!("meminterface-test-{}-{:p}", std::process::id(), &source));
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    let file = folder.join("app.py");
    std::fs::write(&file, source).expect("the handler's file");
    let (handlers, diagnostics) = discover(&[file], None);
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    let handler = handlers.first().unwrap_or_else(|| panic!("no handler: {diagnostics:?}"));
    let mut handler = handler.clone();
    handler.file = PathBuf::from("app.py");
    let source = source.to_owned();
    with_stack(move || {
        let source = Source::parse(Path::new("app.py"), source).expect("the handler parses");
        let (mut interfaces, diagnostics) = extract_from(source, &[&handler], &ExtractOptions::default());
        assert!(interfaces.len() == 1, "{diagnostics:?}");
        interfaces.remove(0)
    })
}

/// The generated function alone, without its docstring.
fn function(file: &str) -> String {
    let from = file.find("def ").unwrap_or(0);
    let mut out = String::new();
    let mut in_docstring = false;
    for line in file[from..].lines() {
        let quotes = line.matches("\"\"\"").count();
        if quotes > 0 && (in_docstring || line.trim_start().starts_with("\"\"\"")) {
            if quotes == 1 {
                in_docstring = !in_docstring;
            }
            continue;
        }
        if !in_docstring {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn value(text: &str) -> Value {
    Value::from_json(&serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

/// `name=value name=value`: values are JSON without blanks outside of quotes and brackets.
fn bindings(text: &str) -> BTreeMap<Text, Value> {
    let mut out = BTreeMap::new();
    let mut depth = 0i32;
    let mut quoted = false;
    let mut word = String::new();
    let mut words = Vec::new();
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            ' ' if !quoted && depth == 0 => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    words.push(word);
    for word in words.iter().filter(|word| !word.is_empty()) {
        let (name, text) = word.split_once('=').unwrap_or_else(|| panic!("{word}: name=value is expected"));
        out.insert(Arc::from(name), value(text));
    }
    out
}

fn expected(kind: &str, old: &str, interface: &Interface) -> String {
    let mut out = String::new();
    match kind {
        "interface" => out = function(&interface.to_python(Symbols::Meminterface)),
        "sympy" => out = interface.to_python(Symbols::Sympy),
        "mcvs" => {
            for mcv in &interface.mcvs {
                let values = if mcv.values.is_empty() { String::new() } else { format!(" {:?}", mcv.values) };
                let _ = writeln!(
                    out,
                    "{}: {}; {}; {}{values}",
                    mcv.name,
                    mcv.type_.python(),
                    mcv.kind.words(),
                    mcv.meaning
                );
            }
        }
        "notes" => {
            for note in &interface.notes {
                let _ = writeln!(out, "{}: {}", note.line, note.message);
            }
        }
        "paths" => match interface.paths(&BTreeMap::new(), 100) {
            Ok((paths, more)) => {
                for path in paths {
                    let conditions =
                        if path.conditions.is_empty() { "always".to_owned() } else { path.conditions.join(" and ") };
                    let _ = writeln!(out, "{conditions} => {}", path.formula);
                }
                if more {
                    out.push_str("…\n");
                }
            }
            Err(error) => {
                let _ = writeln!(out, "{error}");
            }
        },
        "evaluate" => {
            for line in old.lines() {
                let given = line.split("=> ").next().unwrap_or(line).trim();
                let result = match interface.evaluate(&bindings(given)) {
                    Ok(formula) => formula.to_string(),
                    Err(error) => format!("{error}"),
                };
                let _ = writeln!(out, "{}{}=> {result}", given, if given.is_empty() { "" } else { " " });
            }
        }
        other => panic!("a block of kind {other} is not known"),
    }
    out
}

#[test]
fn interfaces_are_as_documented() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interface");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("tests/interface").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let (mut checked, mut failures) = (0, String::new());
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "md")) {
        let markdown = std::fs::read_to_string(file).expect("a test file");
        let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for (title, fences) in sections(&markdown) {
            let Some(python) = fences.iter().find(|fence| fence.kind == "python") else { continue };
            let interface = interface_of(&python.text);
            for fence in fences.iter().filter(|fence| fence.kind != "python") {
                checked += 1;
                let now = expected(&fence.kind, &fence.text, &interface);
                if now != fence.text {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    let _ = writeln!(
                        failures,
                        "{name}: {title} ({}):\n--- expected\n{}--- now\n{now}",
                        fence.kind, fence.text
                    );
                    edits.push((fence.range.clone(), now));
                }
            }
        }
        if update && !edits.is_empty() {
            let mut new = markdown.clone();
            for (range, text) in edits.into_iter().rev() {
                new.replace_range(range, &text);
            }
            std::fs::write(file, new).expect("the test file can be written");
        }
    }
    assert!(checked > 20, "only {checked} expectations were found");
    assert!(update || failures.is_empty(), "\n{failures}");
}
