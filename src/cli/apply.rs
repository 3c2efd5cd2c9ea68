//! `recommend --apply`: writes a memory setting into a template, and changes nothing else of it.
//!
//! The edit is of one line, by its place. The result is read again: if anything but the wanted settings differs, the
//! template is put back as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Kind};
use crate::project::discover::{Handler, Origin, discover};

/// An edit of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Edit {
    /// Replaces a value on one line: line, first column, column behind the last (from 1, in code points), the text.
    Replace(u32, u32, u32, String),
    /// A new line behind this one, with its indentation.
    After(u32, String),
}

fn refused(file: &Path, why: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::CannotApply, why).in_file(file).help("write the setting by hand: nothing was changed")
}

/// Writes the settings; gives a line for people for each file and handler.
///
/// # Errors
/// `cannot-apply` if a template cannot be edited safely, `cannot-read`, `cannot-write`. Files before the failing one are
/// written.
pub fn apply(wanted: &[(&Handler, u64)], path: &Path) -> Result<Vec<String>, Diagnostic> {
    let mut by_file: BTreeMap<PathBuf, Vec<(&Handler, u64)>> = BTreeMap::new();
    let mut notes = Vec::new();
    for (handler, memory) in wanted {
        match &handler.origin {
            Origin::Template { file, .. } => by_file.entry(file.clone()).or_default().push((handler, *memory)),
            Origin::FunctionJson { .. }
            | Origin::Decorator
            | Origin::Signature
            | Origin::Option
            | Origin::Assignment => {
                return Err(refused(path, format!("no template sets the memory of `{}`", handler.name())));
            }
        }
    }
    for (file, handlers) in by_file {
        let text = fs_err::read_to_string(&file)
            .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(&file))?;
        let (before, _) = discover(std::slice::from_ref(&file), None);
        let mut edits = Vec::new();
        for (handler, memory) in &handlers {
            if handler.settings.memory_mb.as_ref().is_some_and(|set| set.value == *memory) {
                notes.push(format!("{}: {} has {memory} MB already", file.display(), handler.name()));
                continue;
            }
            edits.push(edit(&file, &text, handler, *memory, &before)?);
            notes.push(format!("{}: {} now has {memory} MB", file.display(), handler.name()));
        }
        if edits.is_empty() {
            continue;
        }
        let changed = edited(&text, edits)
            .ok_or_else(|| refused(&file, "the template has another form than it was read with"))?;
        super::output::write_file(&file, &changed)?;
        if let Err(problem) = verify(&file, &before, &handlers) {
            super::output::write_file(&file, &text)?;
            return Err(problem);
        }
    }
    Ok(notes)
}

/// The edit that gives a handler its setting.
fn edit(file: &Path, text: &str, handler: &Handler, memory: u64, all: &[Handler]) -> Result<Edit, Diagnostic> {
    if let Some(set) = &handler.settings.memory_mb {
        let users = all
            .iter()
            .filter(|other| {
                other.settings.memory_mb.as_ref().is_some_and(|of| of.file == set.file && of.span == set.span)
            })
            .count();
        let same_line = set.span.line == set.span.end_line;
        // A value of `Globals` that nothing else uses may be edited there; so may the function's own.
        if set.is_literal && set.file == file && same_line && users <= 1 {
            return Ok(Edit::Replace(set.span.line, set.span.column, set.span.end_column, memory.to_string()));
        }
    }
    if file.extension().is_some_and(|extension| extension == "json") {
        return Err(refused(
            file,
            format!("`{}` has no memory setting of its own, and a JSON template gets no new line", handler.name()),
        ));
    }
    let (line, key) = place_of_handler(text, handler)
        .ok_or_else(|| refused(file, format!("the place of the `Handler` of `{}` was not found", handler.name())))?;
    Ok(Edit::After(line, format!("{key}: {memory}")))
}

/// The line of the function's `Handler:` (or `handler:`) within its entry, and the name of the setting beside it.
fn place_of_handler(text: &str, handler: &Handler) -> Option<(u32, &'static str)> {
    let Origin::Template { span, .. } = &handler.origin else { return None };
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = text.lines().collect();
    let first = usize::try_from(span.line).ok()?.checked_sub(1)?;
    // The entry's place is its name or its value: the enclosing block is what is indented deeper than its first line.
    let start = if lines.get(first)?.trim_end().ends_with(':') { first } else { first.saturating_sub(1) };
    let outer = indent_of(lines.get(start)?);
    for (number, line) in lines.iter().enumerate().skip(start + 1) {
        let plain = line.trim();
        if plain.is_empty() || plain.starts_with('#') {
            continue;
        }
        if indent_of(line) <= outer {
            return None;
        }
        for (name, key) in [("Handler:", "MemorySize"), ("handler:", "memorySize")] {
            let value = plain.strip_prefix(name).map(str::trim);
            // A block scalar or a mapping goes on in the next line: nothing may come between.
            if value.is_some_and(|value| !value.is_empty() && !value.starts_with(['|', '>', '{', '[', '&'])) {
                return Some((u32::try_from(number).ok()? + 1, key));
            }
        }
    }
    None
}

/// The text with the edits. `None` if a place is not there.
fn edited(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    // From the end, so that lines keep their numbers.
    edits.sort_by_key(|edit| match edit {
        Edit::Replace(line, ..) | Edit::After(line, _) => std::cmp::Reverse(*line),
    });
    for edit in edits {
        match edit {
            Edit::Replace(line, from, to, value) => {
                let at = usize::try_from(line).ok()?.checked_sub(1)?;
                let old = lines.get_mut(at)?;
                let (from, to) =
                    (usize::try_from(from).ok()?.checked_sub(1)?, usize::try_from(to).ok()?.checked_sub(1)?);
                let characters: Vec<char> = old.chars().collect();
                let (head, tail) = (characters.get(..from)?, characters.get(to..)?);
                *old = head.iter().copied().chain(value.chars()).chain(tail.iter().copied()).collect();
            }
            Edit::After(line, setting) => {
                let at = usize::try_from(line).ok()?;
                let above = lines.get_mut(at.checked_sub(1)?)?;
                let indent: String = above.chars().take_while(|c| *c == ' ').collect();
                if !above.ends_with('\n') {
                    above.push_str(ending);
                }
                lines.insert(at, format!("{indent}{setting}{ending}"));
            }
        }
    }
    Some(lines.concat())
}

/// What of a handler an edit must leave as it is.
fn rest(handler: &Handler) -> (String, String, Option<u64>, Vec<String>, usize) {
    let settings = &handler.settings;
    let layers = settings.layers.clone();
    (
        handler.name(),
        handler.entry.clone(),
        settings.timeout_s.as_ref().map(|t| t.value),
        layers,
        settings.environment.len(),
    )
}

/// Reads the changed template and compares it with what it was.
fn verify(file: &Path, before: &[Handler], wanted: &[(&Handler, u64)]) -> Result<(), Diagnostic> {
    let (after, _) = discover(&[file.to_path_buf()], None);
    let differs = || refused(file, "the edited template would not be read as it should");
    if before.len() != after.len() {
        return Err(differs());
    }
    for (old, new) in before.iter().zip(&after) {
        let memory = wanted
            .iter()
            .find(|(handler, _)| handler.origin == old.origin && handler.name() == old.name())
            .map(|(_, memory)| *memory)
            .or(old.settings.memory_mb.as_ref().map(|set| set.value));
        if rest(old) != rest(new) || new.settings.memory_mb.as_ref().map(|set| set.value) != memory {
            return Err(differs());
        }
    }
    Ok(())
}
