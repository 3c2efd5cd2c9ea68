//! Puts the shipped contracts (`interfaces/*.toml`) into the program: their text, and an index by name, so that a
//! contract is parsed when a call first asks for it and not before.

#[path = "src/contracts/names.rs"]
mod names;

use std::fmt::Write;
use std::path::Path;

use toml::de::{DeTable, DeValue};

fn main() {
    println!("cargo:rerun-if-changed=interfaces");
    println!("cargo:rerun-if-changed=src/contracts/names.rs");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("interfaces");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("interfaces/ is part of the package")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    // What was learned comes behind what people wrote, in an index of its own.
    let declared = paths.len();
    let mut learned_paths: Vec<_> = std::fs::read_dir(folder.join("learned"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    learned_paths.retain(|path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "toml"));
    learned_paths.sort();
    paths.append(&mut learned_paths);

    let mut libraries = String::new();
    let mut pieces = String::new();
    let mut count = 0usize;
    // (name, piece), in the order of the files; sorted below, stably.
    let mut callables: Vec<(String, usize)> = Vec::new();
    let mut learned: Vec<(String, usize)> = Vec::new();
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for (library, path) in paths.iter().enumerate() {
        let text = std::fs::read_to_string(path).expect("a readable file");
        let name = path.file_name().expect("a name").to_string_lossy();
        let file = if library < declared { name.into_owned() } else { format!("learned/{name}") };
        let full = path.display().to_string();
        writeln!(libraries, "    ({file:?}, include_str!({full:?})),").expect("memory");
        for piece in tables(&text) {
            if piece.header == "library" {
                continue;
            }
            let part = &text[piece.start..piece.end];
            let line = text[..piece.start].matches('\n').count() + 1;
            let names = names_of(part, &piece.header).unwrap_or_else(|reason| panic!("{full}:{line}: {reason}"));
            for name in names {
                let into = match piece.header.as_str() {
                    "kind" => &mut kinds,
                    _ if library < declared => &mut callables,
                    _ => &mut learned,
                };
                into.push((name, count));
            }
            writeln!(pieces, "    ({library}, {}, {}),", piece.start, piece.end).expect("memory");
            count += 1;
        }
    }
    let index = |mut names: Vec<(String, usize)>| {
        names.sort_by(|a, b| a.0.cmp(&b.0));
        names.iter().fold(String::new(), |text, (name, piece)| text + &format!("    ({name:?}, {piece}),\n"))
    };
    let code = format!(
        "/// File name and text of each shipped file.\npub static FILES: &[(&str, &str)] = &[\n{libraries}];\n\
         /// Tables of the files: file, first byte, byte behind the last.\npub static PIECES: &[(u16, u32, u32)] = &[\n{pieces}];\n\
         /// Callables by name, and the piece that each is in.\npub static CALLABLES: &[(&str, u32)] = &[\n{}];\n\
         /// Callables that were learned, by name.\npub static LEARNED: &[(&str, u32)] = &[\n{}];\n\
         /// Kinds by name.\npub static KINDS: &[(&str, u32)] = &[\n{}];\n",
        index(callables),
        index(learned),
        index(kinds)
    );
    workloads(&folder.join("workloads"));
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("contracts.rs");
    std::fs::write(out, code).expect("the build folder can be written");
}

/// The workloads that `learn` ships with: name and text.
fn workloads(folder: &Path) {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.retain(|path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "py"));
    paths.sort();
    let mut code =
        String::from("/// Name and text of each shipped workload file.\npub static WORKLOADS: &[(&str, &str)] = &[\n");
    for path in &paths {
        let text = std::fs::read_to_string(path).expect("a readable file");
        if !text.contains("meminterface_workloads") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        writeln!(code, "    ({name:?}, include_str!({:?})),", path.display().to_string()).expect("memory");
    }
    code.push_str("];\n");
    let out = Path::new(&std::env::var("OUT_DIR").expect("cargo sets it")).join("workloads.rs");
    std::fs::write(out, code).expect("the build folder can be written");
}

/// The names that a `[[kind]]` or `[[callable]]` defines.
fn names_of(part: &str, header: &str) -> Result<Vec<String>, String> {
    let parsed = DeTable::parse(part).map_err(|error| error.to_string())?;
    let table = parsed.get_ref().get(header).and_then(|value| match value.get_ref() {
        DeValue::Array(tables) => tables.iter().next()?.get_ref().as_table(),
        _ => None,
    });
    let table = table.ok_or("not a table")?;
    let mut names = Vec::new();
    if let Some(name) = table.get("name").and_then(|value| value.get_ref().as_str()) {
        names.extend(names::expand(name));
    }
    if let Some(list) = table.get("names").and_then(|value| value.get_ref().as_array()) {
        names.extend(list.iter().filter_map(|value| value.get_ref().as_str()).flat_map(names::expand));
    }
    if names.is_empty() { Err("neither `name` nor `names`".to_owned()) } else { Ok(names) }
}

/// A table of a contract file: its header (`kind`, `callable` or `library`), and where it stands.
struct Piece {
    /// The name in the header, without brackets.
    header: String,
    /// First byte.
    start: usize,
    /// Byte behind the last.
    end: usize,
}

/// Cuts a contract file before each `[library]`, `[[kind]]` and `[[callable]]`.
fn tables(text: &str) -> Vec<Piece> {
    let mut found: Vec<Piece> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let header = match line.trim_end() {
            "[library]" => Some("library"),
            "[[kind]]" => Some("kind"),
            "[[callable]]" => Some("callable"),
            _ => None,
        };
        if let Some(header) = header {
            if let Some(last) = found.last_mut() {
                last.end = at;
            }
            found.push(Piece { header: header.to_owned(), start: at, end: text.len() });
        }
        at += line.len();
    }
    found
}
