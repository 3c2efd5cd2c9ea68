//! Standard output and standard error of a verb.

use std::io::{IsTerminal, Write};

use crate::diagnostic::{Diagnostic, RenderOptions, render};

use super::Exit;

/// Where a verb writes, and what it has reported so far.
#[derive(Debug)]
pub struct Output {
    colour: bool,
    errors: usize,
}

impl Default for Output {
    fn default() -> Self {
        // https://no-color.org: any value but the empty one turns colours off.
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !no_colour && std::io::stderr().is_terminal(), errors: 0 }
    }
}

impl Output {
    /// Writes to standard output. A reader that went away (`| head`) ends the process quietly: it is no error.
    pub fn text(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                std::process::exit(0);
            }
            self.errors += 1;
            self.note(&format!("meminterface: cannot write to standard output: {error}\n"));
        }
    }

    /// Writes to standard error.
    pub fn note(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Reports a diagnostic on standard error.
    pub fn report(&mut self, diagnostic: &Diagnostic) {
        if diagnostic.is_error() {
            self.errors += 1;
        }
        self.note(&render(diagnostic, RenderOptions { colour: self.colour }));
    }

    /// How the verb ended, by what was reported.
    pub fn exit(&self) -> Exit {
        if self.errors == 0 { Exit::Done } else { Exit::BadInput }
    }
}
