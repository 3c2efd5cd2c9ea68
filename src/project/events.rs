//! Events, in every form that a user may have them in: one JSON event, JSON lines, and `{"tests": […]}`.
//!
//! Every verb that takes events reads them here. Depends on `diagnostic`.
//!
//! Invariant: an event is kept as it was written. A number that no 64-bit float holds reaches the handler unchanged.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::diagnostic::{Diagnostic, Kind, Span};

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its name, where the file gives one.
    pub name: Option<String>,
    /// The event, as JSON.
    pub json: Box<RawValue>,
    /// What the context object is to hold, where the file says so.
    pub context: Option<serde_json::Map<String, serde_json::Value>>,
}

/// How the events of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON event, or a list of tests.
    Document,
    /// An event a line.
    Lines,
    /// Whichever it is.
    Any,
}

#[derive(Deserialize)]
struct Test {
    name: Option<String>,
    event: Box<RawValue>,
    context: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Test>,
}

/// Largest file of events, in bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the events of a file.
///
/// # Errors
/// `cannot-read`, `file-too-large`, `undecodable`, or `invalid-event` with its line and column.
pub fn read(path: &Path, form: Form) -> Result<Vec<Event>, Diagnostic> {
    let unreadable = |error: std::io::Error| {
        Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
            .in_file(path)
            .help("check the path and its permissions")
    };
    let length = fs_err::metadata(path).map_err(unreadable)?.len();
    if length > MAX_BYTES {
        return Err(Diagnostic::new(Kind::FileTooLarge, "holds more than 1 GiB of events").in_file(path));
    }
    let bytes = fs_err::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        Diagnostic::new(Kind::Undecodable, format!("is not UTF-8: {error}")).in_file(path).help("save it as UTF-8")
    })?;
    parse(path, &text, form)
}

/// Reads the events of a text; `path` is for messages.
///
/// # Errors
/// `invalid-event` with its line and column.
pub fn parse(path: &Path, text: &str, form: Form) -> Result<Vec<Event>, Diagnostic> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let found = match form {
        Form::Document => document(text).map_err(|error| invalid(path, &error, 1)),
        Form::Lines => lines(path, text),
        Form::Any => match document(text) {
            Ok(events) => Ok(events),
            // A second value after the first: lines, if each line is a value.
            Err(first) => lines(path, text).map_err(|of_lines| {
                let several = text.lines().filter(|line| !line.trim().is_empty()).count() > 1;
                let one_line = text.lines().next().is_some_and(|line| serde_json::from_str::<&RawValue>(line).is_ok());
                if several && one_line { of_lines } else { invalid(path, &first, 1) }
            }),
        },
    }?;
    if found.is_empty() {
        let message = "holds no event";
        return Err(Diagnostic::new(Kind::InvalidEvent, message).in_file(path).help("write one JSON value a line"));
    }
    Ok(found)
}

/// One event, or `{"tests": […]}`.
fn document(text: &str) -> Result<Vec<Event>, serde_json::Error> {
    let raw: Box<RawValue> = serde_json::from_str(text)?;
    // An event may well have a key of that name: it is a list of tests only if each has an event.
    if let Ok(tests) = serde_json::from_str::<Tests>(text)
        && !tests.tests.is_empty()
    {
        let event = |test: Test| Event { name: test.name, json: test.event, context: test.context };
        return Ok(tests.tests.into_iter().map(event).collect());
    }
    Ok(vec![Event { name: None, json: raw, context: None }])
}

fn lines(path: &Path, text: &str) -> Result<Vec<Event>, Diagnostic> {
    let mut events = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let first = u32::try_from(number + 1).unwrap_or(u32::MAX);
        match serde_json::from_str::<Box<RawValue>>(line) {
            Ok(json) => events.push(Event { name: None, json, context: None }),
            Err(error) => return Err(invalid(path, &error, first)),
        }
    }
    Ok(events)
}

fn invalid(path: &Path, error: &serde_json::Error, first_line: u32) -> Diagnostic {
    let line = u32::try_from(error.line()).unwrap_or(1).max(1);
    let column = u32::try_from(error.column()).unwrap_or(1).max(1);
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or("").to_owned();
    Diagnostic::new(Kind::InvalidEvent, format!("is not JSON: {said}"))
        .in_file(path)
        .at(Span::point(first_line.saturating_add(line - 1), column))
        .help("an event file is one JSON value, a value a line, or {\"tests\": [{\"name\", \"event\", \"context\"}]}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, form: Form) -> Result<Vec<String>, Diagnostic> {
        parse(Path::new("e.json"), text, form).map(|all| all.iter().map(|e| e.json.get().to_owned()).collect())
    }

    #[test]
    fn every_form_is_read_and_nothing_of_an_event_changes() {
        let one = ["{\"n\": 12345678901234567890.5}"].map(str::to_owned).to_vec();
        assert_eq!(texts("\u{feff}{\"n\": 12345678901234567890.5}", Form::Any), Ok(one));
        let two = ["1", "[2,\t3]"].map(str::to_owned).to_vec();
        assert_eq!(texts("1\n\n[2,\t3]\r\n", Form::Any), Ok(two.clone()));
        assert_eq!(texts("1\n[2,\t3]\n", Form::Lines), Ok(two));
        let tests = "{\"tests\": [{\"name\": \"a\", \"event\": {}}, {\"event\": null, \"context\": {\"x\": 1}}]}";
        let read = parse(Path::new("e"), tests, Form::Any).unwrap_or_default();
        assert_eq!(read.iter().map(|e| e.json.get()).collect::<Vec<_>>(), ["{}", "null"]);
        assert_eq!(read.first().and_then(|e| e.name.as_deref()), Some("a"));
        // An event of its own that has a key `tests`.
        assert_eq!(texts("{\"tests\": 3}", Form::Any).map(|all| all.len()), Ok(1));
        assert_eq!(texts("{\"tests\": []}", Form::Any).map(|all| all.len()), Ok(1));
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let place = |text, form| texts(text, form).map_err(|d| d.span.map(|s| (s.line, s.column)));
        assert_eq!(place("{\n  \"a\": }", Form::Any), Err(Some((2, 8))));
        assert_eq!(place("1\n2\n{,}\n", Form::Any), Err(Some((3, 2))));
        assert_eq!(place("", Form::Lines), Err(None));
        assert!(place("", Form::Any).is_err());
        assert!(place(&"[".repeat(100_000), Form::Any).is_err());
    }
}
