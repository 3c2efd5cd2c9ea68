//! Debloating: a trimmed copy of an application whose handler behaves the same, and the proof.
//!
//! [`debloat`] makes the package in a folder beside its destination and renames it when it is whole; nothing of the
//! user's is changed. One concern a file: `tree` (files and the rules that leave some out), `archive` (zip files), `image` (container images), `rewrite` (a module without
//! some of its names), `later` (which of them give the same when they run later), `search` (which), `runner` and `oracle` (whether a candidate does the same), `proof` (what was
//! gained), `report` (what is said), `restore` (back again). docs/DEBLOATING.md tells how and why.
//!
//! Works on Linux; elsewhere [`debloat`] says how to get there. Depends on `diagnostic`, `project`, `measure` and
//! `recommend`.

pub mod archive;
pub mod image;
#[cfg(target_os = "linux")]
mod later;
#[cfg(target_os = "linux")]
mod oracle;
#[cfg(target_os = "linux")]
mod pipeline;
#[cfg(target_os = "linux")]
mod proof;
pub mod report;
pub mod restore;
#[cfg(target_os = "linux")]
pub mod rewrite;
#[cfg(target_os = "linux")]
mod runner;
#[cfg(target_os = "linux")]
mod search;
pub mod tree;

use std::path::PathBuf;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::measure::{Cancelled, Plan};

pub use report::{Manifest, Report};

/// Says what is being done.
pub type Progress<'a> = &'a dyn Fn(&str);

/// Where side files lie in a package.
pub const SIDE_FOLDER: &str = "_meminterface";

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the package goes.
    pub out: PathBuf,
    /// Whether files that no run loads are left out.
    pub files: bool,
    /// Whether names are taken out of modules.
    pub attributes: bool,
    /// Whether bodies of functions are moved.
    pub functions: bool,
    /// Only the first modules of the ranking are changed.
    pub top: Option<usize>,
    /// How many candidates are tried at a time.
    pub jobs: usize,
    /// When the search has to stop.
    pub budget: Option<Duration>,
    /// What stays: modules, names of modules, with `*` and `?`.
    pub keep: Vec<String>,
    /// Rules of files that are not applied.
    pub keep_files: Vec<String>,
    /// Whether what was taken out is not to be loaded on demand.
    pub strict: bool,
    /// Whether what an earlier run of the same found out is used.
    pub resume: bool,
    /// How many runs the proof rests on.
    pub runs: usize,
    /// A Python file that every process runs before anything else: recordings in the place of the network.
    pub stubs: Option<PathBuf>,
    /// Folders of packages besides the interpreter's, which they come before.
    pub packages: Vec<PathBuf>,
    /// Whether [`Options::packages`] stay where they are on the platform, behind the package: of an image.
    pub behind: bool,
    /// Whether the interpreter's own packages belong to the application.
    pub interpreter_packages: bool,
    /// The version of Python that the application has to run on.
    pub python: Option<(u8, u8)>,
    /// What the report says besides.
    pub notes: Vec<String>,
}

impl Options {
    /// The defaults.
    pub fn new(out: PathBuf) -> Self {
        Self {
            out,
            files: true,
            attributes: true,
            functions: true,
            top: None,
            jobs: 1,
            budget: None,
            keep: Vec::new(),
            keep_files: Vec::new(),
            strict: false,
            resume: false,
            runs: 10,
            stubs: None,
            packages: Vec::new(),
            behind: false,
            interpreter_packages: true,
            python: None,
            notes: Vec::new(),
        }
    }
}

/// Makes a trimmed package. When `cancelled` says so the best that was found is made to the end, unmeasured, if there is
/// any; when `insisted` does too, that ends at once, and nothing is left.
///
/// # Errors
/// `cannot-debloat` with the cause, and those of [`crate::measure::measure`]. Nothing half-made is left.
#[cfg(target_os = "linux")]
pub fn debloat(
    plan: &Plan,
    options: &Options,
    progress: Progress<'_>,
    cancelled: Cancelled<'_>,
    insisted: Cancelled<'_>,
) -> Result<Report, Diagnostic> {
    pipeline::run(plan, options, progress, cancelled, insisted)
}

/// Says how to get to Linux.
///
/// # Errors
/// `needs-linux`, always.
#[cfg(not(target_os = "linux"))]
pub fn debloat(
    plan: &Plan,
    _options: &Options,
    _progress: Progress<'_>,
    cancelled: Cancelled<'_>,
    _insisted: Cancelled<'_>,
) -> Result<Report, Diagnostic> {
    crate::measure::measure(plan, cancelled).and_then(|_| {
        Err(Diagnostic::new(crate::diagnostic::Kind::NeedsLinux, "debloating needs Linux: it runs the handler"))
    })
}
