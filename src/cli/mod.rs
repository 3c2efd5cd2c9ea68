//! The command line, one file a verb. The only code that prints, exits or reads the environment.

mod calls;
mod cfg;
mod extract;
mod handlers;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::Output;

/// How a verb ended; the process exits with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All done.
    Done = 0,
    /// A check failed: a budget exceeded, a validation not passed.
    CheckFailed = 1,
    /// Bad usage or bad input; what could be done is done.
    BadInput = 2,
    /// A bug of this tool.
    Internal = 3,
}

/// Read a Python serverless handler, know its memory before it runs.
#[derive(Debug, Parser)]
#[command(name = "meminterface", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Extract(extract::ExtractArguments),
    Cfg(cfg::CfgArguments),
    Handlers(handlers::HandlersArguments),
    Calls(calls::CallsArguments),
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs a command with the given words (the first is the program's own name).
pub fn run(words: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::BadInput as u8 } else { 0 });
        }
    };
    let mut output = Output::default();
    let exit = match arguments.verb {
        Verb::Extract(arguments) => extract::run(&arguments, &mut output),
        Verb::Cfg(arguments) => cfg::run(&arguments, &mut output),
        Verb::Handlers(arguments) => handlers::run(&arguments, &mut output),
        Verb::Calls(arguments) => calls::run(&arguments, &mut output),
    };
    ExitCode::from(exit as u8)
}
