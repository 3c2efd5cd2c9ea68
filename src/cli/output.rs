//! Standard output and standard error of a verb.

use std::io::{IsTerminal, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use crate::diagnostic::{Diagnostic, Kind, RenderOptions, render};

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

    /// A progress bar on a terminal; nothing in a pipe.
    pub fn progress(&self, total: usize, what: &str) -> ProgressBar {
        if total < 2 || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar
    }

    /// What is being done, on a terminal; nothing in a pipe.
    pub fn spinner(&self) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        bar
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

/// Writes a file: under a temporary name first, so that a reader never sees half of it. Makes its folder.
///
/// # Errors
/// `cannot-write`.
pub fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::new(Kind::CannotWrite, format!("cannot be written: {error}"))
            .in_file(path)
            .help("check the folder, its permissions and the space left")
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs_err::create_dir_all(folder).map_err(failed)?;
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    fs_err::write(&temporary, content).map_err(failed)?;
    fs_err::rename(&temporary, path).map_err(|error| {
        let _ = fs_err::remove_file(&temporary);
        failed(error)
    })
}
