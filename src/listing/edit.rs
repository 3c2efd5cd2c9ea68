//! Writes the metadata block into a template, and changes nothing else of it: comments, layout and line ends stay.
//!
//! The edit is of lines, by the places of the syntax tree. The result is read again before it is handed out: if anything
//! but the block differs, there is none.

use std::path::Path;
use std::sync::Arc;

use super::sar::{self, Application, Field, KEY, Origin, Property};
use crate::diagnostic::{Diagnostic, Kind};
use crate::project::discover::template::Template;
use crate::project::discover::yaml::{Node, Value};

/// A text as a YAML scalar on one line.
pub fn scalar(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:@+,()".contains(c))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !text.contains("  ")
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
        )
        && text.parse::<f64>().is_err();
    if is_plain {
        return text.to_owned();
    }
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    // JSON's texts are double-quoted scalars of YAML.
    serde_json::Value::String(text.to_owned()).to_string()
}

fn value_text(field: &Field) -> String {
    match field.property {
        Property::Labels => {
            let all: Vec<String> = field.values.iter().map(|label| flow(label)).collect();
            format!("[{}]", all.join(", "))
        }
        _ => scalar(field.values.first().map_or("", String::as_str)),
    }
}

/// A text within brackets: what may be taken for a separator is in quotes.
fn flow(text: &str) -> String {
    if text.contains([',', ':', '@']) { format!("'{}'", text.replace('\'', "''")) } else { scalar(text) }
}

/// The block as YAML, as it stands below `Metadata:`; each line begins with `indent`.
pub fn block(application: &Application, indent: &str, step: &str) -> String {
    let mut text = format!("{indent}{KEY}:\n");
    for field in &application.fields {
        text.push_str(&format!("{indent}{step}{}: {}\n", field.property.key(), value_text(field)));
    }
    text
}

/// The block as an entry of a JSON object.
fn json_block(application: &Application, indent: &str, step: &str) -> String {
    let rows: Vec<String> = application
        .fields
        .iter()
        .map(|field| {
            let value = match field.property {
                Property::Labels => serde_json::json!(field.values),
                _ => serde_json::json!(field.values.first()),
            };
            format!("{indent}{step}\"{}\": {value}", field.property.key())
        })
        .collect();
    format!("{indent}\"{KEY}\": {{\n{}\n{indent}}}", rows.join(",\n"))
}

/// The template's text with the block.
///
/// # Errors
/// `cannot-apply`, with the block to put in by hand.
pub fn apply(template: &Template, document: &Arc<Node>, application: &Application) -> Result<String, Diagnostic> {
    let refused = |why: &str| {
        Diagnostic::new(Kind::CannotApply, why.to_owned()).in_file(&template.path).help(format!(
            "nothing was changed; by hand it is:\nMetadata:\n{}",
            block(application, "  ", "  ").trim_end()
        ))
    };
    let is_json = template.text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let changed =
        if is_json { in_json(template, document, application) } else { in_yaml(template, document, application) };
    let changed = changed.map(|changed| with_its_end(&template.text, changed));
    let changed = changed.ok_or_else(|| refused("the block cannot be put into this layout"))?;
    if !is_as_wanted(&template.path, &template.text, &changed, application) {
        return Err(refused("the edited template would not be read as it should"));
    }
    Ok(changed)
}

/// A text whose last line is that of the template, ended as it is there.
fn with_its_end(before: &str, after: String) -> String {
    let last = before.rsplit('\n').next().unwrap_or("");
    let ended = after.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    match ended {
        Some(text) if !last.is_empty() && text.rsplit('\n').next() == Some(last) => text.to_owned(),
        _ => after,
    }
}

fn in_yaml(template: &Template, document: &Arc<Node>, application: &Application) -> Option<String> {
    let text = template.text.as_str();
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push_str(ending);
    }
    let indent_of = |line: &str| line.chars().take_while(|c| *c == ' ').collect::<String>();
    let place = |line: u32| usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
    let metadata = document.entries().iter().find(|entry| entry.key == "Metadata");
    let existing = metadata.and_then(|entry| entry.value.entries().iter().find(|entry| entry.key == KEY));
    let step = "  ";
    if let Some(entry) = existing.filter(|entry| !entry.value.entries().is_empty()) {
        // One by one, from the end, so that lines keep their numbers.
        let entries = entry.value.entries();
        let first = entries.first()?;
        let indent = indent_of(lines.get(place(first.key_span.line)?)?);
        if indent.chars().count() + 1 != first.key_span.column as usize {
            return None;
        }
        let mut edits: Vec<(usize, Option<usize>, String)> = Vec::new();
        let mut last_known = None;
        for field in &application.fields {
            let known = entries.iter().find(|entry| entry.key == field.property.key());
            match known {
                Some(known) => {
                    last_known = Some(known);
                    if matches!(field.origin, Origin::Template(_)) {
                        continue;
                    }
                    // Only a value on the line of its key, with what comes after it kept.
                    let at = place(known.key_span.line)?;
                    let span = known.value.span;
                    let is_flow = lines.get(at)?.trim_end().ends_with(']');
                    let is_one_line = span.line == known.key_span.line
                        && match &known.value.value {
                            Value::Scalar { block, .. } => !block && span.end_line == span.line,
                            Value::List(_) => is_flow,
                            Value::Map(_) => false,
                        };
                    if !is_one_line {
                        return None;
                    }
                    let characters: Vec<char> = lines.get(at)?.chars().collect();
                    let from = usize::try_from(span.column).ok()?.checked_sub(1)?;
                    let to = match &known.value.value {
                        Value::List(_) => characters.iter().rposition(|c| *c == ']')? + 1,
                        Value::Scalar { .. } | Value::Map(_) => {
                            usize::try_from(span.end_column).ok()?.checked_sub(1)?
                        }
                    };
                    let head: String = characters.get(..from)?.iter().collect();
                    let tail: String = characters.get(to..)?.iter().collect();
                    edits.push((at, Some(at), format!("{head}{}{tail}", value_text(field))));
                }
                None => {
                    // Behind the property that comes before it, or else before the first.
                    let row = format!("{indent}{}: {}{ending}", field.property.key(), value_text(field));
                    let at = match last_known {
                        Some(known) => end_of(&lines, place(known.key_span.line)?, indent.len())?,
                        None => place(first.key_span.line)?,
                    };
                    edits.push((at, None, row));
                }
            }
        }
        // Rows that go to the same line keep their order: the last comes first.
        for (at, replaced, row) in edits.into_iter().rev().collect::<Vec<_>>().into_iter().fold(Vec::new(), ordered) {
            match replaced {
                Some(at) => *lines.get_mut(at)? = row,
                None => lines.insert(at.min(lines.len()), row),
            }
        }
        return Some(lines.concat());
    }
    let put = |lines: &mut Vec<String>, at: usize, text: &str| {
        let text = text.replace('\n', ending);
        lines.insert(at.min(lines.len()), text);
    };
    if let Some(entry) = existing {
        // The key is there, without a value.
        let at = place(entry.key_span.line)?;
        let indent = indent_of(lines.get(at)?);
        if !lines.get(at)?.trim().starts_with(KEY) {
            return None;
        }
        lines.remove(at);
        put(&mut lines, at, &block(application, &indent, step));
        return Some(lines.concat());
    }
    if let Some(entry) = metadata {
        let at = place(entry.key_span.line)?;
        match entry.value.entries().first() {
            Some(first) if first.key_span.line > entry.key_span.line => {
                let indent = indent_of(lines.get(place(first.key_span.line)?)?);
                put(&mut lines, at + 1, &block(application, &indent, step));
            }
            Some(_) => return None,
            None => {
                let line = lines.get(at)?.trim_end().to_owned();
                if !matches!(line.as_str(), "Metadata:" | "Metadata: {}" | "Metadata: null" | "Metadata: ~") {
                    return None;
                }
                *lines.get_mut(at)? = format!("Metadata:{ending}");
                put(&mut lines, at + 1, &block(application, step, step));
            }
        }
        return Some(lines.concat());
    }
    // A new section: before the one that follows the header.
    let header = ["AWSTemplateFormatVersion", "Transform", "Description"];
    let next = document.entries().iter().find(|entry| !header.contains(&entry.key.as_str()));
    let mut at = match next {
        Some(entry) if entry.key_span.column == 1 => place(entry.key_span.line)?,
        Some(_) => return None,
        None => lines.len(),
    };
    // Comments right above a section belong to it.
    while at > 0 && lines.get(at - 1).is_some_and(|line| line.starts_with('#')) {
        at -= 1;
    }
    put(&mut lines, at, &format!("Metadata:\n{}\n", block(application, step, step)));
    Some(lines.concat())
}

/// Edits in the order in which they can be made: from the last line to the first.
fn ordered(
    mut all: Vec<(usize, Option<usize>, String)>,
    one: (usize, Option<usize>, String),
) -> Vec<(usize, Option<usize>, String)> {
    // A stable place: behind all edits of the same or a later line.
    let at = all.iter().position(|known| known.0 < one.0).unwrap_or(all.len());
    all.insert(at, one);
    all
}

/// The line behind an entry: behind what is indented deeper than it, or is a list at its own depth.
fn end_of(lines: &[String], start: usize, indent: usize) -> Option<usize> {
    let mut end = start + 1;
    let mut at = end;
    while let Some(line) = lines.get(at) {
        let plain = line.trim();
        let depth = line.len() - line.trim_start().len();
        if plain.is_empty() {
            at += 1;
            continue;
        }
        let belongs = depth > indent || (depth == indent && plain.starts_with("- "));
        if !belongs {
            break;
        }
        at += 1;
        end = at;
    }
    Some(end)
}

fn in_json(template: &Template, document: &Arc<Node>, application: &Application) -> Option<String> {
    let text = template.text.as_str();
    let metadata = document.entries().iter().find(|entry| entry.key == "Metadata");
    if metadata.is_some_and(|entry| entry.value.get(KEY).is_some()) {
        let is_same = application.fields.iter().all(|field| matches!(field.origin, Origin::Template(_)));
        return is_same.then(|| text.to_owned());
    }
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let first = document.entries().first()?;
    // The step is the depth of the first key, if it has a line of its own.
    let row = text.lines().nth(usize::try_from(first.key_span.line).ok()?.checked_sub(1)?)?;
    let step: String = row.chars().take_while(|c| c.is_whitespace()).collect();
    let step = if first.key_span.line > 1 && !step.is_empty() { step } else { "  ".to_owned() };
    let offset = |line: u32, column: u32| -> Option<usize> {
        let start: usize =
            text.split_inclusive('\n').take(usize::try_from(line).ok()?.checked_sub(1)?).map(str::len).sum();
        let skip: usize =
            text.get(start..)?.chars().take(usize::try_from(column).ok()?.checked_sub(1)?).map(char::len_utf8).sum();
        Some(start + skip)
    };
    let (at, inserted) = match metadata {
        Some(entry) => {
            let start = offset(entry.value.span.line, entry.value.span.column)?;
            if !text.get(start..)?.starts_with('{') {
                return None;
            }
            let comma = if entry.value.entries().is_empty() { "" } else { "," };
            let inner = json_block(application, &step.repeat(2), &step);
            let close = if comma.is_empty() { format!("\n{step}") } else { String::new() };
            (start + 1, format!("\n{inner}{comma}{close}"))
        }
        None => {
            let start = text.find('{')?;
            let inner = json_block(application, &step.repeat(2), &step);
            (start + 1, format!("\n{step}\"Metadata\": {{\n{inner}\n{step}}},"))
        }
    };
    let (head, tail) = (text.get(..at)?, text.get(at..)?);
    Some(format!("{head}{}{tail}", inserted.replace('\n', ending)))
}

/// Whether a text is the template with this block, and nothing else changed.
fn is_as_wanted(path: &Path, before: &str, after: &str, application: &Application) -> bool {
    let read = |text: &str| Template::parse(path, text.to_owned(), &mut Vec::new());
    let (Some(old), Some(new)) = (read(before), read(after)) else { return false };
    if old.documents.len() != new.documents.len() {
        return false;
    }
    let Ok(document) = sar::document(&new) else { return false };
    let block = document.at(&["Metadata", KEY]);
    let holds = application.fields.iter().all(|field| {
        let node = block.and_then(|block| block.get(field.property.key()));
        node.is_some_and(|node| match &node.value {
            Value::List(items) => {
                items.len() == field.values.len()
                    && items.iter().zip(&field.values).all(|(item, value)| item.scalar() == Some(value))
            }
            Value::Scalar { text, .. } => field.values.first() == Some(text),
            Value::Map(_) => false,
        })
    });
    holds && old.documents.iter().zip(&new.documents).all(|(old, new)| is_same_but_block(old, new))
}

fn is_same_but_block(old: &Node, new: &Node) -> bool {
    let rest = |node: &Node| -> Vec<(String, Arc<Node>)> {
        node.entries()
            .iter()
            .filter(|entry| entry.key != "Metadata")
            .map(|entry| (entry.key.clone(), Arc::clone(&entry.value)))
            .collect()
    };
    let inner = |node: &Node| -> Vec<(String, Arc<Node>)> {
        let metadata = node.get("Metadata").map(|node| node.entries()).unwrap_or_default();
        metadata
            .iter()
            .filter(|entry| entry.key != KEY)
            .map(|entry| (entry.key.clone(), Arc::clone(&entry.value)))
            .collect()
    };
    let same = |a: &[(String, Arc<Node>)], b: &[(String, Arc<Node>)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && is_same(&a.1, &b.1))
    };
    same(&rest(old), &rest(new)) && same(&inner(old), &inner(new))
}

fn is_same(a: &Node, b: &Node) -> bool {
    a.tag == b.tag
        && match (&a.value, &b.value) {
            (Value::Scalar { text: a, quoted: p, .. }, Value::Scalar { text: b, quoted: q, .. }) => a == b && p == q,
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
            (Value::Map(a), Value::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && is_same(&a.value, &b.value))
            }
            _ => false,
        }
}
