//! The command line, one file a verb. The only code that prints, exits or reads the environment.
//!
//! A new verb is a file here, a variant of `Verb`, a line of `dispatch`, and examples in `examples.rs`
//! (a test demands them); `UPDATE_DOCS=1 cargo test --test docs` then writes docs/CLI.md.

mod apply;
mod calls;
mod cfg;
pub mod check;
mod completions;
pub mod contracts;
mod crash;
pub mod debloat;
mod examples;
mod extract;
mod footprint;
pub mod formula;
mod handlers;
pub mod learn;
pub mod listing;
pub mod measure;
mod output;
pub mod predict;
pub mod recommend;
mod record;
mod revision;
pub mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use examples::examples;
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
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Extract(extract::ExtractArguments),
    Cfg(cfg::CfgArguments),
    Handlers(handlers::HandlersArguments),
    Formula(formula::FormulaArguments),
    Calls(calls::CallsArguments),
    Measure(Box<measure::MeasureArguments>),
    Recommend(Box<recommend::RecommendArguments>),
    Validate(Box<validate::ValidateArguments>),
    Debloat(Box<debloat::DebloatArguments>),
    Predict(predict::PredictArguments),
    Check(Box<check::CheckArguments>),
    Listing(Box<listing::ListingArguments>),
    Contracts(contracts::ContractsArguments),
    Learn(Box<learn::LearnArguments>),
    Completions(completions::CompletionsArguments),
    /// The child process that does algebra; not for people.
    #[command(name = "__algebra", hide = true)]
    Algebra,
}

fn dispatch(verb: Verb, output: &mut Output) -> Exit {
    match verb {
        Verb::Extract(arguments) => extract::run(&arguments, output),
        Verb::Cfg(arguments) => cfg::run(&arguments, output),
        Verb::Handlers(arguments) => handlers::run(&arguments, output),
        Verb::Formula(arguments) => formula::run(&arguments, output),
        Verb::Calls(arguments) => calls::run(&arguments, output),
        Verb::Measure(arguments) => measure::run(&arguments, output),
        Verb::Recommend(arguments) => recommend::run(&arguments, output),
        Verb::Validate(arguments) => validate::run(&arguments, output),
        Verb::Debloat(arguments) => debloat::run(&arguments, output),
        Verb::Predict(arguments) => predict::run(&arguments, output),
        Verb::Check(arguments) => check::run(&arguments, output),
        Verb::Listing(arguments) => listing::run(&arguments, output),
        Verb::Contracts(arguments) => contracts::run(&arguments, output),
        Verb::Learn(arguments) => learn::run(&arguments, output),
        Verb::Algebra => formula::serve(output),
        Verb::Completions(arguments) => completions::run(&arguments, output),
    }
}

/// The whole command line with its help: what `--help`, the shell completions and docs/CLI.md are made from.
pub fn command() -> clap::Command {
    examples::teach(Arguments::command())
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()) as u8)
}

/// Runs a command with the given words (the first is the program's own name), and says how the process should exit.
///
/// Never panics: a bug of this tool is reported as one message, with [`Exit::Internal`].
pub fn run(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    crash::guard(|| {
        let parsed = command().try_get_matches_from(words).and_then(|matches| Arguments::from_arg_matches(&matches));
        match parsed {
            Ok(arguments) => dispatch(arguments.verb, &mut Output::default()),
            Err(error) => {
                // A reader of the help that went away (`--help | head`) is no error, as in `Output::text`.
                let _ = error.print();
                if error.use_stderr() { Exit::BadInput } else { Exit::Done }
            }
        }
    })
}
