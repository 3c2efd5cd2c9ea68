//! `meminterface calls`: prints the call graph.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Exit, Output};
use crate::calls::Program;
use crate::diagnostic::{Diagnostic, Kind};
use crate::project::modules::dotted_name;
use crate::project::source::with_stack;
use crate::project::{LoadOptions, Project};

/// How the graph is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// An object: each caller with the list of what it calls.
    Json,
    /// A line for each caller, with what it calls indented below it.
    Text,
}

/// Print the call graph of files and of the modules of their project that they import.
///
/// Every module, function and method is a key, as is everything that is called: `main.Class.method`, `main.<lambda1>`,
/// `<builtin>.len`, `numpy.zeros`. Nothing of the code is run.
#[derive(Args, Debug)]
pub struct CallsArguments {
    /// Python files: the entries.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Folder that imports start from, and that module names are relative to. Without it: the folder of the files,
    /// where packages that an installer put beside them are not followed.
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// How to write the graph.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

/// Runs the verb.
pub fn run(arguments: &CallsArguments, output: &mut Output) -> Exit {
    let roots = roots(&arguments.files, arguments.package.as_deref());
    let mut entries: Vec<(PathBuf, String)> = Vec::new();
    for file in &arguments.files {
        let name = roots.iter().find_map(|root| dotted_name(root, file));
        match name {
            Some(name) => entries.push((file.clone(), name)),
            // The `__init__.py` of the folder that imports start from has no name that an import could use.
            None if file.file_stem().is_some_and(|stem| stem == "__init__") && arguments.files.len() > 1 => {}
            None => entries.push((file.clone(), folder_name(file))),
        }
    }
    let options = LoadOptions { roots, installed: arguments.package.is_some(), ..LoadOptions::default() };
    let (graph, complete, diagnostics) = with_stack(|| {
        let (project, diagnostics) = Project::load(&entries, &options);
        let program = Program::analyse(&project);
        (program.adjacency().clone(), program.is_complete(), diagnostics)
    });
    for diagnostic in &diagnostics {
        output.report(diagnostic);
    }
    if !complete {
        output.report(
            &Diagnostic::new(
                Kind::IncompleteCallGraph,
                "the call graph may lack calls: the analysis reached its limit of work",
            )
            .help("analyse fewer files at a time"),
        );
    }
    let text = match arguments.format {
        Format::Json => serde_json::to_string_pretty(&graph).map(|text| text + "\n").unwrap_or_default(),
        Format::Text => {
            let mut text = String::new();
            for (caller, callees) in &graph {
                let _ = writeln!(text, "{caller}");
                for callee in callees {
                    let _ = writeln!(text, "    {callee}");
                }
            }
            text
        }
    };
    output.text(&text);
    output.exit()
}

/// The folders that imports start from: the package if given, then the folders of the files; without a package the
/// deepest folder that all files share comes first.
fn roots(files: &[PathBuf], package: Option<&Path>) -> Vec<PathBuf> {
    let folders: BTreeSet<PathBuf> = files
        .iter()
        .map(|file| match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        })
        .collect();
    let mut roots = Vec::new();
    match package {
        Some(package) => roots.push(package.to_path_buf()),
        None => {
            let mut shared = folders.first().cloned();
            for folder in &folders {
                while let Some(candidate) = &shared
                    && !folder.starts_with(candidate)
                {
                    shared = candidate.parent().map(Path::to_path_buf);
                }
            }
            roots.extend(shared.filter(|shared| !shared.as_os_str().is_empty()));
        }
    }
    for folder in folders {
        if !roots.contains(&folder) {
            roots.push(folder);
        }
    }
    roots
}

fn folder_name(file: &Path) -> String {
    let is_package = file.file_stem().is_some_and(|stem| stem == "__init__");
    let named = if is_package { file.parent().and_then(Path::file_name) } else { file.file_stem() };
    named.map_or_else(|| "__main__".to_owned(), |name| name.to_string_lossy().into_owned())
}
