//! YAML and JSON with tags and places.
//!
//! Built on the events of saphyr's parser, not on its tree: templates come from strangers, and a tree must stay
//! small whatever they hold. An alias shares its node (never copies it), and the height of every node is bounded by
//! [`MAX_HEIGHT`], so that walks and drops may recurse. JSON has a reader of its own, because JSON allows what YAML
//! does not (tabs, keys longer than 1,024 characters).
//!
//! Depends on `diagnostic` alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::diagnostic::Span;

/// Deepest nesting of a template. CloudFormation's own templates stay far below.
pub const MAX_HEIGHT: usize = 200;

/// Most nodes of a file.
const MAX_NODES: usize = 2_000_000;

/// A value of a template, with its tag and its place.
#[derive(Debug)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// The name of a local tag: `Ref` for `!Ref`.
    pub tag: Option<String>,
    /// Where it stands.
    pub span: Span,
    /// Levels below this one.
    height: usize,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// A text, a number, a truth value or nothing, as written.
    Scalar {
        /// The text, without quotes.
        text: String,
        /// Whether it was quoted or a block: then it is a text, whatever it looks like.
        quoted: bool,
        /// Whether it is a block scalar, whose text starts on the line behind its mark.
        block: bool,
    },
    /// A sequence.
    List(Vec<Arc<Node>>),
    /// A mapping, in the order of the file; keys are unique (the last wins).
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Arc<Node>,
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One sentence without a full stop.
    pub message: String,
    /// The place.
    pub span: Span,
    /// Whether the file could still be read.
    pub readable: bool,
}

impl Problem {
    fn fatal(message: impl Into<String>, span: Span) -> Self {
        Self { message: message.into(), span, readable: false }
    }
}

impl Node {
    fn new(value: Value, tag: Option<String>, span: Span) -> Self {
        let below = match &value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(|item| item.height + 1).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.height + 1).max().unwrap_or(0),
        };
        Self { value, tag, span, height: below }
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value behind several keys.
    pub fn at(&self, path: &[&str]) -> Option<&Arc<Node>> {
        let (last, first) = path.split_last()?;
        let mut node = self;
        for key in first {
            node = node.get(key)?;
        }
        node.get(last)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    /// The items of a sequence; none for anything else.
    pub fn items(&self) -> &[Arc<Node>] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => &[],
        }
    }

    /// The text of an untagged scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        if self.tag.is_some() { None } else { self.scalar() }
    }

    /// The text of a scalar that is not null, whatever its tag.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether it is an empty or `null` scalar.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, quoted: false, .. }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Reads a file: JSON when its name ends in `.json` (or YAML if it is none after all), YAML otherwise.
/// Returns the documents that could be read, and what is wrong.
pub fn load(text: &str, is_json: bool) -> (Vec<Arc<Node>>, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if is_json || text.trim_start().starts_with('{') {
        match Json::load(text) {
            Ok((node, problems)) => return (vec![node], problems),
            Err(problem) if is_json => return (Vec::new(), vec![problem]),
            // `{a: b}` is YAML.
            Err(_) => {}
        }
    }
    load_yaml(text)
}

/// An open collection.
enum Open {
    List(Vec<Arc<Node>>),
    Map { entries: Vec<Entry>, places: HashMap<String, usize>, key: Option<(String, Span)>, merges: Vec<Arc<Node>> },
}

struct Frame {
    open: Open,
    anchor: usize,
    tag: Option<String>,
    start: Marker,
}

fn local_tag(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    if tag.is_yaml_core_schema() || tag.suffix.is_empty() { None } else { Some(tag.suffix.clone()) }
}

/// Most lines of a file that are read as if they stood further right.
const MAX_SHIFTS: usize = 64;

/// How far such a line is moved, in columns.
const SHIFT: usize = 100;

/// Reads YAML. Brackets may go on to the left of the block that they are in: the specification forbids it, the
/// readers of SAM and Serverless Framework allow it, and deployed templates do it. Such a line is moved to the right,
/// and its columns are counted back.
fn load_yaml(text: &str) -> (Vec<Arc<Node>>, Vec<Problem>) {
    let mut shifted: Option<String> = None;
    let mut shifts: BTreeSet<u32> = BTreeSet::new();
    loop {
        let (documents, mut problems) = read_yaml(shifted.as_deref().unwrap_or(text), &shifts);
        let outdented = problems
            .iter()
            .find(|problem| !problem.readable && problem.message.starts_with("invalid indentation"))
            .map(|problem| problem.span.line);
        match outdented {
            Some(line) if shifts.len() < MAX_SHIFTS && shifts.insert(line) => {
                let mut moved = String::with_capacity(text.len() + shifts.len() * SHIFT);
                for (index, content) in text.split_inclusive('\n').enumerate() {
                    if shifts.contains(&number(index + 1)) {
                        moved.push_str(&" ".repeat(SHIFT));
                    }
                    moved.push_str(content);
                }
                shifted = Some(moved);
            }
            _ => {
                problems.sort_by_key(|problem| (problem.span.line, problem.span.column));
                return (documents, problems);
            }
        }
    }
}

fn read_yaml(text: &str, shifts: &BTreeSet<u32>) -> (Vec<Arc<Node>>, Vec<Problem>) {
    let column = |marker: &Marker| {
        let column = marker.col() + 1;
        let moved = shifts.contains(&number(marker.line()));
        number(if moved { column.saturating_sub(SHIFT).max(1) } else { column })
    };
    let place = |start: &Marker, end: &Marker| Span {
        line: number(start.line()),
        column: column(start),
        end_line: number(end.line()),
        end_column: column(end),
    };
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let mut stack: Vec<Frame> = Vec::new();
    let mut anchors: HashMap<usize, Arc<Node>> = HashMap::new();
    let mut count = 0usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = place(error.marker(), error.marker());
                let message = if tab_at(text, at) {
                    "a tab indents this line: YAML allows spaces only".to_owned()
                } else {
                    error.info().to_owned()
                };
                problems.push(Problem::fatal(message, at));
                return (documents, problems);
            }
        };
        count += 1;
        if count > MAX_NODES {
            problems.push(Problem::fatal(
                format!("the file has more than {MAX_NODES} values"),
                place(&span.start, &span.end),
            ));
            return (documents, problems);
        }
        let (node, anchor) = match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => continue,
            Event::DocumentStart(_) => {
                anchors.clear();
                continue;
            }
            Event::SequenceStart(anchor, tag) => {
                stack.push(Frame {
                    open: Open::List(Vec::new()),
                    anchor,
                    tag: local_tag(tag.as_deref()),
                    start: span.start,
                });
                if stack.len() > MAX_HEIGHT {
                    problems.push(too_deep(place(&span.start, &span.end)));
                    return (documents, problems);
                }
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                stack.push(Frame {
                    open: Open::Map { entries: Vec::new(), places: HashMap::new(), key: None, merges: Vec::new() },
                    anchor,
                    tag: local_tag(tag.as_deref()),
                    start: span.start,
                });
                if stack.len() > MAX_HEIGHT {
                    problems.push(too_deep(place(&span.start, &span.end)));
                    return (documents, problems);
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = stack.pop() else { continue };
                let value = match frame.open {
                    Open::List(items) => Value::List(items),
                    Open::Map { entries, places, merges, .. } => Value::Map(merge(entries, places, &merges)),
                };
                (Arc::new(Node::new(value, frame.tag, place(&frame.start, &span.end))), frame.anchor)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain
                    || tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let value = Value::Scalar { text: text.into_owned(), quoted, block };
                let node = Node::new(value, local_tag(tag.as_deref()), place(&span.start, &span.end));
                (Arc::new(node), anchor)
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => (Arc::clone(node), 0),
                None => {
                    problems.push(Problem::fatal("an alias of a value that holds it", place(&span.start, &span.end)));
                    return (documents, problems);
                }
            },
        };
        if anchor != 0 {
            anchors.insert(anchor, Arc::clone(&node));
        }
        // Aliases make a tree higher than the text is deep.
        if node.height + stack.len() > 2 * MAX_HEIGHT || node.height > MAX_HEIGHT {
            problems.push(too_deep(place(&span.start, &span.end)));
            return (documents, problems);
        }
        match stack.last_mut().map(|frame| &mut frame.open) {
            None => documents.push(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map { entries, places, key, merges }) => match key.take() {
                None => *key = Some((key_text(&node), place(&span.start, &span.end))),
                Some((name, _)) if name == "<<" => merges.push(node),
                Some((name, key_span)) => {
                    let entry = Entry { key: name, key_span, value: node };
                    if let Some(problem) = insert(entries, places, entry) {
                        problems.push(problem);
                    }
                }
            },
        }
    }
    (documents, problems)
}

fn too_deep(span: Span) -> Problem {
    Problem::fatal(format!("nested more than {MAX_HEIGHT} levels deep"), span)
}

/// Whether the indentation of the line of a place, or of the line above it, holds a tab.
fn tab_at(text: &str, at: Span) -> bool {
    let line = at.line.max(1) as usize;
    text.lines().skip(line.saturating_sub(2)).take(2).any(|line| {
        let indent = line.len() - line.trim_start().len();
        line.get(..indent).is_some_and(|indent| indent.contains('\t'))
    })
}

fn key_text(node: &Node) -> String {
    match &node.value {
        Value::Scalar { text, .. } => text.clone(),
        Value::List(_) | Value::Map(_) => String::from("?"),
    }
}

/// Adds an entry; the last of several with one key wins, and that is told.
fn insert(entries: &mut Vec<Entry>, places: &mut HashMap<String, usize>, entry: Entry) -> Option<Problem> {
    match places.get(&entry.key).and_then(|at| entries.get_mut(*at)) {
        None => {
            places.insert(entry.key.clone(), entries.len());
            entries.push(entry);
            None
        }
        Some(earlier) => {
            let message = format!("`{}` is given twice (first in line {})", entry.key, earlier.key_span.line);
            let span = entry.key_span;
            *earlier = entry;
            Some(Problem { message, span, readable: true })
        }
    }
}

/// Adds the entries of merge keys (`<<: *base`) behind those that the mapping gives itself; the first wins.
fn merge(mut entries: Vec<Entry>, mut places: HashMap<String, usize>, merges: &[Arc<Node>]) -> Vec<Entry> {
    let mut bases: Vec<&Arc<Node>> = Vec::new();
    for node in merges {
        match &node.value {
            Value::List(items) => bases.extend(items),
            Value::Map(_) | Value::Scalar { .. } => bases.push(node),
        }
    }
    for base in bases {
        for entry in base.entries() {
            if !places.contains_key(&entry.key) {
                places.insert(entry.key.clone(), entries.len());
                entries.push(entry.clone());
            }
        }
    }
    entries
}

/// A reader of JSON that keeps places.
struct Json<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
    problems: Vec<Problem>,
    nodes: usize,
}

impl<'a> Json<'a> {
    fn load(text: &'a str) -> Result<(Arc<Node>, Vec<Problem>), Problem> {
        let mut json = Json { rest: text.chars().peekable(), line: 1, column: 1, problems: Vec::new(), nodes: 0 };
        let node = json.value(0)?;
        json.space();
        if json.rest.peek().is_some() {
            return Err(json.error("text behind the end of the JSON value"));
        }
        Ok((node, json.problems))
    }

    fn here(&self) -> Span {
        Span::point(number(self.line), number(self.column))
    }

    fn error(&self, message: &str) -> Problem {
        Problem::fatal(message, self.here())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn space(&mut self) {
        while self.rest.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn spanned(&self, start: Span, value: Value) -> Arc<Node> {
        let span = Span { end_line: number(self.line), end_column: number(self.column), ..start };
        Arc::new(Node::new(value, None, span))
    }

    fn value(&mut self, depth: usize) -> Result<Arc<Node>, Problem> {
        self.space();
        let start = self.here();
        self.nodes += 1;
        if depth > MAX_HEIGHT || self.nodes > MAX_NODES {
            return Err(too_deep(start));
        }
        match self.rest.peek() {
            Some('{') => {
                self.next();
                let (mut entries, mut places) = (Vec::new(), HashMap::new());
                self.space();
                if self.rest.peek() == Some(&'}') {
                    self.next();
                    return Ok(self.spanned(start, Value::Map(entries)));
                }
                loop {
                    self.space();
                    let at = self.here();
                    if self.rest.peek() != Some(&'"') {
                        return Err(self.error("a key in double quotes is expected here"));
                    }
                    let key = self.string()?;
                    let key_span = Span { end_line: number(self.line), end_column: number(self.column), ..at };
                    self.space();
                    if self.rest.peek() != Some(&':') {
                        return Err(self.error("`:` is expected here"));
                    }
                    self.next();
                    let value = self.value(depth + 1)?;
                    if let Some(problem) = insert(&mut entries, &mut places, Entry { key, key_span, value }) {
                        self.problems.push(problem);
                    }
                    self.space();
                    match self.rest.peek() {
                        Some(',') => self.next(),
                        Some('}') => {
                            self.next();
                            return Ok(self.spanned(start, Value::Map(entries)));
                        }
                        _ => return Err(self.error("`,` or `}` is expected here")),
                    };
                }
            }
            Some('[') => {
                self.next();
                let mut items = Vec::new();
                self.space();
                if self.rest.peek() == Some(&']') {
                    self.next();
                    return Ok(self.spanned(start, Value::List(items)));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    self.space();
                    match self.rest.peek() {
                        Some(',') => self.next(),
                        Some(']') => {
                            self.next();
                            return Ok(self.spanned(start, Value::List(items)));
                        }
                        _ => return Err(self.error("`,` or `]` is expected here")),
                    };
                }
            }
            Some('"') => {
                let text = self.string()?;
                Ok(self.spanned(start, Value::Scalar { text, quoted: true, block: false }))
            }
            Some(c) if c.is_ascii_alphanumeric() || *c == '-' => {
                let mut text = String::new();
                while let Some(c) = self.rest.peek().filter(|c| c.is_ascii_alphanumeric() || "+-.".contains(**c)) {
                    text.push(*c);
                    self.next();
                }
                if matches!(text.as_str(), "true" | "false" | "null") || text.parse::<f64>().is_ok() {
                    Ok(self.spanned(start, Value::Scalar { text, quoted: false, block: false }))
                } else {
                    Err(Problem::fatal(format!("`{text}` is not a JSON value"), start))
                }
            }
            Some(_) => Err(self.error("a JSON value is expected here")),
            None => Err(self.error("the file ends where a JSON value is expected")),
        }
    }

    fn string(&mut self) -> Result<String, Problem> {
        let start = self.here();
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None | Some('\n') => return Err(Problem::fatal("a text without its closing quote", start)),
                Some('"') => return Ok(text),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => {
                        let mut unit = self.hex()?;
                        if (0xd800..0xdc00).contains(&unit) && self.rest.peek() == Some(&'\\') {
                            self.next();
                            if self.next() != Some('u') {
                                return Err(self.error("half of a surrogate pair"));
                            }
                            let low = self.hex()?;
                            unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low.wrapping_sub(0xdc00) & 0x3ff);
                        }
                        text.push(char::from_u32(unit).unwrap_or('\u{fffd}'));
                    }
                    Some(c @ ('"' | '\\' | '/')) => text.push(c),
                    _ => return Err(self.error("an escape that JSON does not have")),
                },
                Some(c) => text.push(c),
            }
        }
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|c| c.to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.error("four hexadecimal digits are expected here"))?;
        }
        Ok(unit)
    }
}

impl Node {
    /// A plain text that no file holds.
    pub fn of_text(text: String, span: Span) -> Arc<Node> {
        Arc::new(Node::new(Value::Scalar { text, quoted: false, block: false }, None, span))
    }
}
