//! Helpers that run for a moment: the interpreter's probe, `pip`, `mkfs`. Linux only.
//!
//! Depends on nothing of the crate. A helper that takes too long, or whose result is not wanted any more, is killed.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Why a helper gave no result.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started.
    NotStarted(std::io::Error),
    /// It took too long.
    TooSlow,
    /// The user asked for an end.
    Interrupted,
    /// It ended with this status, and this on standard error.
    Failed(String, String),
}

impl Failure {
    /// In words for people: the status, and the last line that it wrote.
    pub fn words(&self) -> String {
        match self {
            Failure::NotStarted(error) => error.to_string(),
            Failure::TooSlow => "it took too long".to_owned(),
            Failure::Interrupted => "it was interrupted".to_owned(),
            Failure::Failed(status, errors) => {
                let lines: Vec<&str> = errors.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                // pip ends with advice; what it says is wrong comes before.
                let line = lines.iter().rev().find(|line| line.starts_with("ERROR")).or(lines.last());
                line.map_or_else(|| status.clone(), |line| (*line).to_owned())
            }
        }
    }
}

/// Runs a helper to its end and gives its standard output.
///
/// # Errors
/// See [`Failure`].
pub fn run(mut command: Command, most: Duration, cancelled: &dyn Fn() -> bool) -> Result<Vec<u8>, Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::NotStarted)?;
    let out = collect(child.stdout.take());
    let errors = collect(child.stderr.take());
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if cancelled() => return Err(end(&mut child, Failure::Interrupted)),
            Ok(None) if start.elapsed() > most => return Err(end(&mut child, Failure::TooSlow)),
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(end(&mut child, Failure::NotStarted(error))),
        }
    };
    let text =
        |thread: Option<std::thread::JoinHandle<Vec<u8>>>| thread.and_then(|t| t.join().ok()).unwrap_or_default();
    let (out, errors) = (text(out), text(errors));
    if status.success() {
        Ok(out)
    } else {
        Err(Failure::Failed(status.to_string(), String::from_utf8_lossy(&errors).into_owned()))
    }
}

fn end(child: &mut Child, why: Failure) -> Failure {
    let _ = child.kill();
    let _ = child.wait();
    why
}

/// Reads a pipe in a thread of its own: a helper that writes much must not wait for us.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Option<std::thread::JoinHandle<Vec<u8>>> {
    let mut pipe = pipe?;
    Some(std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(16 << 20).read_to_end(&mut bytes);
        bytes
    }))
}
