//! Diagnostics for people: source excerpt, reason, next step.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity};

/// How to draw.
#[derive(Clone, Copy, Debug, Default)]
pub struct RenderOptions {
    /// ANSI colours.
    pub colour: bool,
}

/// Longest excerpt drawn, in characters; a longer line is shown by its place alone.
const LONGEST_EXCERPT: usize = 400;

/// Draws one diagnostic, ending in a new line.
pub fn render(diagnostic: &Diagnostic, options: RenderOptions) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.kind.id());
    let path = diagnostic.file.as_ref().map(|file| file.display().to_string());
    let mut group = Group::with_title(title);
    if let Some(path) = &path {
        group = match (diagnostic.span, &diagnostic.excerpt) {
            (Some(span), Some(line)) if line.chars().count() <= LONGEST_EXCERPT => {
                let byte = |column: u32| {
                    line.char_indices().nth(column.saturating_sub(1) as usize).map_or(line.len(), |(at, _)| at)
                };
                let start = byte(span.column);
                let end = if span.end_line > span.line { line.len() } else { byte(span.end_column) };
                group.element(
                    Snippet::source(line.as_str())
                        .line_start(span.line as usize)
                        .path(path.as_str())
                        .annotation(AnnotationKind::Primary.span(start..end.max(start))),
                )
            }
            (Some(span), _) => group.element(
                annotate_snippets::Origin::path(path.as_str())
                    .line(span.line as usize)
                    .char_column(span.column as usize),
            ),
            (None, _) => group.element(annotate_snippets::Origin::path(path.as_str())),
        };
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if options.colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.render(&[group]);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
