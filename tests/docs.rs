//! The generated pages of docs/ say what the code says. `UPDATE_DOCS=1 cargo test --test docs` writes them anew.

use std::fmt::Write;
use std::path::Path;

use clap::builder::styling::Styles;
use meminterface::diagnostic::{Kind, Severity};

/// Compares a page with what the code says, or writes it.
fn check(page: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, expected).expect("the page can be written");
        return;
    }
    let actual = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    if actual != expected {
        let different = actual.lines().zip(expected.lines()).position(|(a, b)| a != b);
        let line = different.unwrap_or_else(|| actual.lines().count().min(expected.lines().count()));
        panic!(
            "docs/{page} is out of date from line {}:\n  page: {}\n  code: {}\nrun: UPDATE_DOCS=1 cargo test --test docs",
            line + 1,
            actual.lines().nth(line).unwrap_or("(ends)"),
            expected.lines().nth(line).unwrap_or("(ends)"),
        );
    }
}

#[test]
fn diagnostics_page() {
    let mut page = String::from(
        "# Diagnostics\n\n\
         Each message of `meminterface` carries the id of its kind in brackets: `error[syntax-error]: …`. In JSON it is the\n\
         field `id`, and in Python the attribute `.id` of the exception.\n\n\
         An *error* names an input that was not used: the command exits with 2, and other files go on.\n\
         A *warning* or *note* says what the output leaves out: the exit code stays 0.\n\n\
         Generated from `src/diagnostic/kind.rs`.\n",
    );
    for kind in Kind::ALL {
        let severity = match kind.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let text: Vec<&str> = kind.explanation().lines().map(str::trim).collect();
        write!(page, "\n## {}\n\n*{severity}*\n\n{}\n", kind.id(), text.join("\n").trim()).expect("a string grows");
    }
    check("DIAGNOSTICS.md", &page);
}

#[test]
fn learned_contracts_page() {
    let contracts = meminterface::contracts::Contracts::shipped();
    let table = meminterface::cli::contracts::summary_table(&meminterface::cli::contracts::summaries(&[], contracts));
    check(
        "LEARNED.md",
        &format!(
            "# How good the learned contracts are\n\n\
             What `meminterface contracts list --summary` prints: learned contracts that ship, by library, and how they do on\n\
             sizes that they were not fitted to (the largest quarter of each size). *Good* is a median error of at most 3 % and a\n\
             95th percentile of at most 10 % of the peak; `contracts list` names each callable with its figures. Generated.\n\n\
             {table}"
        ),
    );
}

#[test]
fn diagnostic_ids_are_kebab_case_and_unique() {
    let ids: Vec<&str> = Kind::ALL.iter().map(|kind| kind.id()).collect();
    for (n, id) in ids.iter().enumerate() {
        assert!(id.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric())), "{id}");
        assert!(!ids[..n].contains(id), "{id} twice");
    }
    for kind in Kind::ALL {
        assert!(kind.explanation().trim().len() > 20, "{} says too little", kind.id());
    }
}

#[test]
fn command_line_page() {
    let mut page = String::from(
        "# Command line\n\n\
         What `--help` says, for every verb. Generated from the command itself.\n",
    );
    let command = meminterface::cli::command().term_width(100).styles(Styles::plain());
    section(&mut page, &command, "meminterface");
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        section(&mut page, verb, &format!("meminterface {}", verb.get_name()));
    }
    check("CLI.md", &page);
}

fn section(page: &mut String, command: &clap::Command, name: &str) {
    let help = command.clone().bin_name(name).term_width(100).styles(Styles::plain()).render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end()).expect("a string grows");
}
