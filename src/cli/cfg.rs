//! `meminterface cfg`: prints control-flow graphs.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cfg::{build, dot, json, mermaid};
use crate::diagnostic::Diagnostic;
use crate::project::Source;
use crate::project::source::with_stack;

use super::{Exit, Output};

/// How graphs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON document (docs/schemas/cfg.schema.json).
    Json,
    /// Graphviz, a digraph for each file.
    Dot,
    /// Mermaid, a flow chart for each file.
    Mermaid,
}

/// Print the control-flow graph of each function of a file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  meminterface cfg handler.py                                  every graph, as JSON
  meminterface cfg handler.py --format dot | dot -Tsvg > g.svg a picture, with Graphviz
  meminterface cfg src/*.py --format mermaid                   for Markdown

The kinds of edge are explained in docs/CFG.md.")]
pub struct CfgArguments {
    /// Python files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to write the graphs.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

enum Rendered {
    Json(Vec<json::Function>),
    Text(String),
}

/// Runs the verb.
pub fn run(arguments: &CfgArguments, output: &mut Output) -> Exit {
    let mut functions = Vec::new();
    for (number, file) in arguments.files.iter().enumerate() {
        match with_stack(|| render(file, arguments.format, number)) {
            Ok(Rendered::Json(more)) => functions.extend(more),
            Ok(Rendered::Text(text)) => output.text(&text),
            Err(error) => output.report(&error),
        }
    }
    if arguments.format == Format::Json {
        output.text(&json::render(&json::document(functions)));
    }
    output.exit()
}

fn render(file: &Path, format: Format, number: usize) -> Result<Rendered, Diagnostic> {
    let source = Source::load(file)?;
    let graphs = build(&source, &module_name(file));
    // Nodes of several files must differ, and those of one file should be short.
    let prefix = if number == 0 { String::new() } else { format!("m{number}") };
    Ok(match format {
        Format::Json => {
            let file = file.display().to_string();
            Rendered::Json(graphs.iter().map(|graph| json::function(graph, &file)).collect())
        }
        Format::Dot => Rendered::Text(dot::render(&source, &graphs, &prefix)),
        Format::Mermaid => Rendered::Text(mermaid::render(&source, &graphs, &prefix)),
    })
}

/// The name of a module by its file alone: `handler` for `src/handler.py`, `app` for `app/__init__.py`.
fn module_name(file: &Path) -> String {
    let name = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = name(file.file_stem()).unwrap_or_default();
    if stem == "__init__" {
        return name(file.parent().and_then(Path::file_name)).filter(|name| !name.is_empty()).unwrap_or(stem);
    }
    stem
}
