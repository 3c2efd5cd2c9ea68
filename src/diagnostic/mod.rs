//! What went wrong with a user's input: where, why, and what to do next.
//!
//! One [`Diagnostic`] type serves every part of the tool. This module knows no other module of the crate,
//! and prints nothing: renderers turn diagnostics into text, one file a format.

mod kind;
mod schema;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use kind::Kind;
pub use schema::Schema;
pub use text::{RenderOptions, render};

/// How bad it is. Errors make the command exit with 2; warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something that the user may want to know.
    Note,
    /// The output stands, but says less than the user may think.
    Warning,
    /// The input that the diagnostic names was not used.
    Error,
}

/// A place in a file. Lines and columns count from 1, columns in Unicode code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Line of the last character.
    pub end_line: u32,
    /// Column just behind the last character.
    pub end_column: u32,
}

impl Span {
    /// A span of no width.
    pub fn point(line: u32, column: u32) -> Self {
        Self { line, column, end_line: line, end_column: column }
    }
}

/// One thing to tell the user: its kind, its place, the reason and the next step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Diagnostic {
    /// The kebab-case id, explained in docs/DIAGNOSTICS.md.
    #[serde(rename = "id")]
    pub kind: Kind,
    /// How bad it is.
    pub severity: Severity,
    /// The file as the user named it.
    pub file: Option<PathBuf>,
    /// The place in that file.
    #[serde(flatten)]
    pub span: Option<Span>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The source line that the span starts in, for the renderer.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl Diagnostic {
    /// A diagnostic of the kind's own severity, without a place.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            file: None,
            span: None,
            message: message.into(),
            help: None,
            excerpt: None,
        }
    }

    /// Names the file.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        self.file = Some(file.as_ref().to_path_buf());
        self
    }

    /// Names the place in the file.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Shows the source line that the span starts in.
    #[must_use]
    pub fn excerpt(mut self, line: impl Into<String>) -> Self {
        self.excerpt = Some(line.into());
        self
    }

    /// Whether the input that it names was not used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(span) = self.span {
                write!(f, "{}:{}:", span.line, span.column)?;
            }
            write!(f, " ")?;
        }
        write!(f, "{} ({})", self.message, self.kind.id())
    }
}

impl std::error::Error for Diagnostic {}

/// Line and column of an offset of a text, both from 1, the column in characters.
pub fn position(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The text of a formula for people: one that nobody would read is named by its length.
pub fn shortened(text: String) -> String {
    match text.chars().count() {
        count if count > 2_000 => format!("a formula of {count} characters (`--format json` has it)"),
        _ => text,
    }
}

/// The help for a name that is not there: the names near to it, or else other words.
pub fn near_help<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    match near_names(wanted, names).as_slice() {
        [] => otherwise(),
        near => format!("is one of these meant: {}?", near.join(", ")),
    }
}

/// The names nearest to a name that is not there, best first, three at the most.
pub fn near_names<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&wanted.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.7)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}
