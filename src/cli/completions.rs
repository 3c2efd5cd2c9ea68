//! `meminterface completions`: prints the completion script of a shell.

use clap::Args;
use clap_complete::Shell;

use super::{Exit, Output};

/// Print the script that completes this command's verbs and options in a shell.
#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// The shell to complete in.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the verb.
pub fn run(arguments: &CompletionsArguments, output: &mut Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "meminterface", &mut script);
    output.text(&String::from_utf8_lossy(&script));
    output.exit()
}
