//! Rules of the code base that no compiler checks: who prints, who reads files, which way dependencies point.

use std::path::{Path, PathBuf};

/// The parts of the crate, and the parts that each may use. `cli` may use all, `python` all but `cli`'s verbs.
/// Lower parts come first; a part never uses one below it in this list.
const LAYERS: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("draws", &[]),
    ("formula", &["diagnostic"]),
    ("expression", &["diagnostic", "formula"]),
    ("project", &["diagnostic"]),
    ("cfg", &["diagnostic", "project"]),
    ("flow", &["diagnostic", "project", "cfg"]),
    ("calls", &["diagnostic", "project", "cfg", "flow"]),
    ("names", &["expression", "calls"]),
    ("contracts", &["diagnostic", "formula", "expression"]),
    ("learning", &["diagnostic", "formula", "expression", "contracts"]),
    (
        "memory",
        &["diagnostic", "draws", "formula", "expression", "project", "cfg", "flow", "calls", "names", "contracts"],
    ),
    (
        "interface",
        &["diagnostic", "formula", "expression", "project", "cfg", "flow", "calls", "names", "memory", "contracts"],
    ),
    ("measure", &["diagnostic", "project"]),
    ("workload", &["diagnostic", "draws", "formula"]),
    ("recommend", &["diagnostic"]),
    ("footprint", &["expression", "formula", "project", "memory", "recommend"]),
    (
        "prediction",
        &[
            "diagnostic",
            "formula",
            "expression",
            "project",
            "calls",
            "contracts",
            "learning",
            "memory",
            "interface",
            "workload",
            "recommend",
            "footprint",
        ],
    ),
    ("debloat", &["diagnostic", "project", "names", "measure", "recommend"]),
    (
        "check",
        &[
            "diagnostic",
            "formula",
            "expression",
            "project",
            "calls",
            "contracts",
            "memory",
            "interface",
            "workload",
            "recommend",
            "footprint",
        ],
    ),
    (
        "listing",
        &[
            "diagnostic",
            "formula",
            "expression",
            "project",
            "calls",
            "contracts",
            "memory",
            "interface",
            "workload",
            "recommend",
            "footprint",
            "check",
        ],
    ),
];

/// Parts at the top, which may use everything below.
const TOP: &[&str] = &["cli", "python"];

/// Parts that may touch the file system (docs/ARCHITECTURE.md).
const READS_FILES: &[&str] = &["project", "contracts", "measure", "learning", "debloat", "check", "listing", "cli"];

/// Files below that which start processes.
const STARTS_PROCESSES: &[&str] = &["measure", "learning", "debloat"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, extension, into);
        } else if path.extension().is_some_and(|e| e == extension) {
            into.push(path);
        }
    }
    into.sort();
}

/// Each source file of the crate: its path from src/, its part (the first folder), its text.
fn sources() -> Vec<(String, String, String)> {
    let mut paths = Vec::new();
    files_below(&root().join("src"), "rs", &mut paths);
    assert!(paths.len() > 10, "src/ was not found");
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root().join("src")).expect("below src").to_string_lossy().replace('\\', "/");
            let part = name.split(['/', '.']).next().unwrap_or_default().to_owned();
            let text = std::fs::read_to_string(&path).expect("a text");
            (name, part, text)
        })
        .collect()
}

/// The code of a file: without comments, and without the unit tests at its end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .enumerate()
        .map(|(n, line)| (n + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    let missing: Vec<String> = sources()
        .into_iter()
        .filter(|(_, _, text)| !text.starts_with("//! "))
        .map(|(name, _, _)| format!("src/{name}: no `//!` at its top"))
        .collect();
    report(&missing);
}

#[test]
fn only_the_command_line_prints_exits_or_reads_the_environment() {
    let forbidden = [
        "println!(",
        "eprintln!(",
        "print!(",
        "eprint!(",
        "dbg!(",
        "io::stdout()",
        "io::stderr()",
        "process::exit(",
        "process::abort(",
        "env::var",
        "env::args",
    ];
    let mut complaints = Vec::new();
    for (name, part, text) in sources() {
        if part == "cli" {
            continue;
        }
        for (line, code) in code(&text) {
            if let Some(word) = forbidden.iter().find(|word| code.contains(**word)) {
                complaints.push(format!("src/{name}:{line}: `{word}` belongs to src/cli"));
            }
        }
    }
    report(&complaints);
}

#[test]
fn files_and_processes_are_touched_where_the_architecture_says() {
    let mut complaints = Vec::new();
    for (name, part, text) in sources() {
        for (line, code) in code(&text) {
            let touches = ["fs_err::", "std::fs", "fs::File", "File::open("].iter().any(|word| code.contains(word));
            // The algebra child runs once on a machine: its parent holds a lock file.
            let is_algebra = part == "formula" && name.contains("algebra");
            if touches && !is_algebra && !READS_FILES.contains(&part.as_str()) {
                complaints.push(format!("src/{name}:{line}: the file system is not for `{part}`"));
            }
            let starts = ["process::Command", "Command::new("].iter().any(|word| code.contains(word));
            let is_clap = code.contains("clap");
            if starts && !is_clap && !is_algebra && !STARTS_PROCESSES.contains(&part.as_str()) && part != "cli" {
                complaints.push(format!("src/{name}:{line}: starting processes is not for `{part}`"));
            }
        }
    }
    report(&complaints);
}

/// The first words after each `crate::` of a line (`crate::{a, b::c}` gives both).
fn used_parts(line: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        // `$crate::` and `some_crate::` are not ours.
        if line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &line[at + "crate::".len()..];
        let word =
            |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(list) => parts.extend(list.split('}').next().unwrap_or("").split(',').map(word)),
            None => parts.push(word(rest)),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[test]
fn dependencies_point_one_way() {
    // The table itself has no way back.
    for (n, (part, uses)) in LAYERS.iter().enumerate() {
        for used in *uses {
            assert!(
                LAYERS[..n].iter().any(|(lower, _)| lower == used),
                "{part} may not use {used}: it is not below it"
            );
        }
    }
    let mut complaints = Vec::new();
    for (name, part, text) in sources() {
        if TOP.contains(&part.as_str()) || part == "lib" || part == "main" {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == part) else {
            complaints.push(format!("src/{name}: `{part}` is in no layer: add it to LAYERS in tests/tidy.rs"));
            continue;
        };
        for (line, code) in code(&text) {
            for used in used_parts(code) {
                let known = LAYERS.iter().any(|(layer, _)| *layer == used) || TOP.contains(&used.as_str());
                if known && used != part && !allowed.contains(&used.as_str()) {
                    complaints.push(format!("src/{name}:{line}: `{part}` may not use `{used}`"));
                }
            }
        }
    }
    report(&complaints);
}

/// A path of one developer's machine in a committed file is of no use on another.
#[test]
fn no_paths_of_one_machine() {
    let mut paths = Vec::new();
    for folder in ["src", "tests", "fuzz/fuzz_targets", "benches"] {
        files_below(&root().join(folder), "rs", &mut paths);
    }
    for folder in ["python", "tests/python", "examples"] {
        for extension in ["py", "pyi"] {
            files_below(&root().join(folder), extension, &mut paths);
        }
    }
    for folder in ["docs", "examples", "tests"] {
        files_below(&root().join(folder), "md", &mut paths);
    }
    for name in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "pyproject.toml", "run-tests", ".ci/run"]
    {
        paths.push(root().join(name));
    }
    // Written apart, so that this file passes its own rule.
    let forbidden = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("C:\\", "Users")];
    let mut complaints = Vec::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (n, line) in text.lines().enumerate() {
            if forbidden.iter().any(|word| line.contains(word)) {
                complaints.push(format!("{}:{}: {}", path.display(), n + 1, line.trim()));
            }
        }
    }
    report(&complaints);
}

#[test]
fn the_rules_see_what_they_look_for() {
    assert_eq!(used_parts("use crate::{diagnostic::Kind, project};"), ["diagnostic", "project"]);
    assert_eq!(used_parts("    crate::cfg::build(crate::project::Source)"), ["cfg", "project"]);
    assert!(used_parts("use other_crate::cli;").is_empty());
    let text = "//! x\n// println!()\nfn f() {}\n#[cfg(test)]\nmod tests { println!() }\n";
    assert_eq!(code(text).collect::<Vec<_>>(), [(3, "fn f() {}")]);
}
