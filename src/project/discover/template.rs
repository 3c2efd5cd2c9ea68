//! What all kinds of templates share: reading the file, and the entries that they name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::yaml::{self, Node};
use super::{Origin, Platform, Settings, paths};
use crate::diagnostic::{Diagnostic, Kind, Severity, Span};
use crate::project::source::read_text;

/// A template that could be read.
#[derive(Debug)]
pub struct Template {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its documents; a template has one, mostly.
    pub documents: Vec<Arc<Node>>,
}

/// A function that a template names, before its Python is looked up.
#[derive(Debug)]
pub struct Entry {
    /// The template.
    pub template: PathBuf,
    /// The name that the template gives to the function.
    pub id: String,
    /// The place to point at when the handler is not there.
    pub span: Span,
    /// How it was found.
    pub origin: Origin,
    /// Where it runs.
    pub platform: Platform,
    /// The code.
    pub target: Target,
    /// Folders that imports may start from, the likeliest first.
    pub roots: Vec<PathBuf>,
    /// Its settings.
    pub settings: Settings,
    /// Why its code cannot be found; then nothing is looked up.
    pub unresolved: Option<Diagnostic>,
    /// Whether the template does not say that it is Python: then a missing file is no error.
    pub outside_python: bool,
}

/// Where the code of an entry is.
#[derive(Clone, Debug)]
pub enum Target {
    /// `module.function` or `path/module.function`, below one of the roots.
    Dotted(String),
    /// A function of a file.
    File {
        /// The file.
        file: PathBuf,
        /// The function.
        function: String,
    },
    /// Code that the template holds.
    Inline {
        /// The source, with empty lines before it so that its lines are those of the template.
        text: String,
        /// The function.
        function: String,
    },
    /// None: the entry is unresolved.
    Nowhere,
}

impl Template {
    /// Reads a file. What is wrong with it goes to `diagnostics`; none when nothing of it can be used.
    pub fn read(path: &Path, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        match read_text(path) {
            Ok(text) => Self::parse(path, text, diagnostics),
            Err(error) => {
                diagnostics.push(error);
                None
            }
        }
    }

    /// Parses a text that stands for the file `path`.
    pub fn parse(path: &Path, text: String, diagnostics: &mut Vec<Diagnostic>) -> Option<Self> {
        let is_json = paths::extension(path) == "json";
        let (documents, problems) = yaml::load(&text, is_json);
        let template = Self { path: path.to_path_buf(), text, documents };
        let mut is_usable = true;
        for problem in problems {
            is_usable &= problem.readable;
            let help = if problem.readable {
                "the last one counts here; other readers take the first, or refuse the file: remove one"
            } else if is_json {
                "correct the JSON at this place, then run the tool again"
            } else {
                "correct the YAML at this place (brackets, quotes, indentation), then run the tool again"
            };
            let diagnostic = Diagnostic::new(Kind::InvalidTemplate, problem.message).help(help);
            let diagnostic = template.diagnostic(problem.span, diagnostic);
            diagnostics.push(if problem.readable { soften(diagnostic) } else { diagnostic });
        }
        is_usable.then_some(template)
    }

    /// Places a diagnostic in this file.
    pub fn diagnostic(&self, span: Span, diagnostic: Diagnostic) -> Diagnostic {
        let diagnostic = diagnostic.in_file(&self.path).at(span);
        match self.text.lines().nth(span.line.saturating_sub(1) as usize) {
            Some(line) => diagnostic.excerpt(line.chars().take(400).collect::<String>()),
            None => diagnostic,
        }
    }

    /// A warning that something cannot be followed.
    pub fn unresolved(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        let diagnostic = Diagnostic::new(Kind::UnresolvedTemplate, message)
            .help("name the Python file and its handler instead: `FILE.py --handler NAME`");
        self.diagnostic(span, diagnostic)
    }
}

/// Makes errors of a file that the user did not name into warnings.
pub fn soften(mut diagnostic: Diagnostic) -> Diagnostic {
    if diagnostic.severity == Severity::Error {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic
}

/// `python3.12` as (3, 12).
pub fn runtime(text: &str) -> Option<(u8, u8)> {
    let version = text.trim().to_lowercase();
    let version = version.strip_prefix("python")?.trim_start_matches([':', '-', ' ']).to_owned();
    if let Some((major, minor)) = version.split_once('.') {
        return Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?));
    }
    // Google writes `python312`.
    let (major, minor) = version.split_at_checked(1)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether a runtime is some Python.
pub fn is_python(runtime: &str) -> bool {
    runtime.trim().to_lowercase().starts_with("python")
}

/// A number of a template: digits, maybe with a fraction of zero.
pub fn whole_number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}
