//! The format of contract files: TOML into [`Contract`]s and [`Kind`]s, every complaint with its place.
//!
//! Depends on `formula`, `expression` and `diagnostic`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::learned::{Distribution, Provenance, Residual};
use super::names::expand;
use super::rule::Rule;
use crate::diagnostic::{Diagnostic, Kind as Complaint, Span, near_names};
use crate::expression::Value;
use crate::formula::{Formula, Text};

/// Where something stands: a file, and a byte in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: Text,
    /// Line, from 1.
    pub line: u32,
}

/// A formula and the byte of the file that it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expression {
    pub formula: Formula,
    pub at: usize,
}

/// A rule and the byte of the file that it begins at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed<T> {
    pub value: T,
    pub at: usize,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// By position or by name.
    Normal,
    /// By name only.
    KeywordOnly,
    /// All other positional arguments: `*args`. They are `args[0]`, `args[1]` …
    Rest,
    /// All other keywords: `**kwargs`.
    Keywords,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Text,
    /// How it takes arguments.
    pub kind: ParameterKind,
    /// Its default, where that is a plain value.
    pub default: Option<Value>,
    /// Whether it has any default.
    pub optional: bool,
}

/// The parameters of a callable, without `self`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(pub Vec<Parameter>);

impl Parameters {
    /// The parameter that the positional argument of this index goes to, and its path (`args[2]`).
    pub fn positional(&self, index: usize) -> Option<(&Parameter, Text)> {
        let mut at = 0;
        for parameter in &self.0 {
            match parameter.kind {
                ParameterKind::Normal if at == index => return Some((parameter, parameter.name.clone())),
                ParameterKind::Normal => at += 1,
                ParameterKind::Rest => {
                    return Some((parameter, Text::from(format!("{}[{}]", parameter.name, index - at))));
                }
                ParameterKind::KeywordOnly | ParameterKind::Keywords => {}
            }
        }
        None
    }

    /// The parameter that a keyword argument goes to.
    pub fn keyword(&self, name: &str) -> Option<&Parameter> {
        let named = |parameter: &&Parameter| {
            &*parameter.name == name && matches!(parameter.kind, ParameterKind::Normal | ParameterKind::KeywordOnly)
        };
        self.0.iter().find(named).or_else(|| self.0.iter().find(|p| p.kind == ParameterKind::Keywords))
    }

    /// The parameter of a name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.0.iter().find(|parameter| &*parameter.name == name)
    }
}

/// A condition on an argument.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Test {
    pub path: Text,
    /// Any of these values.
    pub literal: Option<Vec<Value>>,
    /// Any of these kinds.
    pub kind: Option<Vec<Text>>,
    pub given: Option<bool>,
    pub ndim: Option<i64>,
    /// A text feature with any of these values.
    pub texts: Vec<(Text, Vec<Text>)>,
}

/// A shape: by a rule, or dimension by dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ShapeSpec {
    Rule(Placed<Rule>),
    Dimensions(Vec<Expression>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ResultSpec {
    None,
    Unknown,
    Argument(Text),
    Number { kind: Text, value: Option<Expression> },
    Object(Box<ObjectSpec>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObjectSpec {
    pub kind: Text,
    pub view: Option<Text>,
    pub holds: Vec<Text>,
    pub shape: Option<ShapeSpec>,
    pub dtype: Option<Placed<Rule>>,
    pub features: Vec<(Text, Expression)>,
    pub texts: Vec<(Text, Placed<Rule>)>,
    pub bytes: Option<Expression>,
    pub touched: Option<Expression>,
    pub content: ContentSpec,
    pub at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ContentSpec {
    Opaque,
    Items(Vec<ResultSpec>),
    Many(Box<ResultSpec>),
    Keys(Vec<(Text, ResultSpec)>),
    /// A tuple of the numbers of a shape.
    Numbers(Placed<Rule>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct EffectSpec {
    pub on: Text,
    pub grow: Option<Expression>,
    pub touched: Option<Expression>,
    pub set: Vec<(Text, Expression)>,
    pub release: bool,
    pub holds: Vec<Text>,
    pub at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct CallbackSpec {
    pub parameter: Text,
    pub times: Option<Expression>,
    pub concurrency: Option<Expression>,
    pub processes: bool,
    pub items: Option<Text>,
    pub at: usize,
}

/// A contract: one entry of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// The callables that it speaks of, by qualified name.
    pub names: Vec<Text>,
    /// Their parameters.
    pub parameters: Parameters,
    /// An attribute rather than something to call: `numpy.ndarray.T`.
    pub attribute: bool,
    /// Where it stands.
    pub place: Place,
    /// What people should know about it.
    pub note: Option<Text>,
    pub(super) at: usize,
    pub(super) when: Vec<Test>,
    pub(super) lets: Vec<(Text, Expression)>,
    pub(super) result: ResultSpec,
    pub(super) demand: Option<Expression>,
    pub(super) peak: Option<Expression>,
    pub(super) resident_peak: Option<Expression>,
    pub(super) retained: Option<Expression>,
    pub(super) transient: Option<Expression>,
    pub(super) resident_transient: Option<Expression>,
    pub(super) loads: Vec<Text>,
    pub(super) effects: Vec<EffectSpec>,
    pub(super) externals: Vec<super::External>,
    /// Of an external size, its largest value and what it usually is.
    pub(super) bounds: Vec<(Text, Option<Expression>, Option<Expression>)>,
    pub(super) calls: Vec<CallbackSpec>,
    pub(super) raises: Vec<Text>,
    /// What the formulas leave over, by amount (`peak`, `demand`, `resident_peak`); empty for declared contracts.
    pub residuals: Vec<(Text, Residual)>,
    /// Where it comes from; none for declared contracts.
    pub provenance: Option<Provenance>,
}

impl Contract {
    /// What the formula of an amount (`peak`, `demand`, `resident_peak`) leaves over, if the contract was learned.
    pub fn residual(&self, amount: &str) -> Option<&Residual> {
        self.residuals.iter().find(|(name, _)| &**name == amount).map(|(_, residual)| residual)
    }

    /// The formula of the peak over sizes of the arguments, with its `let`s put in; none where the peak follows from result
    /// and transient.
    pub fn peak_formula(&self) -> Option<Formula> {
        let mut formula = self.peak.as_ref()?.formula.clone();
        // A `let` may rest on others; circles are refused when files are read.
        for _ in 0..=self.lets.len() {
            let symbols = formula.symbols();
            let used = self.lets.iter().filter(|(name, _)| symbols.contains(name));
            let map: BTreeMap<Text, Formula> =
                used.map(|(name, expression)| (name.clone(), expression.formula.clone())).collect();
            if map.is_empty() {
                break;
            }
            formula = formula.substitute(&map);
        }
        Some(formula)
    }

    /// Its conditions in words; empty if it has none.
    pub fn conditions(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for test in &self.when {
            let path = &test.path;
            if let Some(values) = &test.literal {
                let values: Vec<String> = values.iter().map(Value::repr).collect();
                words.push(format!("{path} is {}", values.join(" or ")));
            }
            if let Some(kinds) = &test.kind {
                words.push(format!("{path} is a {}", kinds.join(" or ")));
            }
            match test.given {
                Some(true) => words.push(format!("{path} is given")),
                Some(false) => words.push(format!("{path} is not given")),
                None => {}
            }
            if let Some(count) = test.ndim {
                words.push(format!("{path} has {count} dimensions"));
            }
            words.extend(test.texts.iter().map(|(name, values)| format!("{path}.{name} is {}", values.join(" or "))));
        }
        words.join(" and ")
    }

    /// The summands of the formula that the peak rests on, for people: of `peak` or of `transient`.
    pub fn terms(&self) -> Vec<String> {
        let of = |expression: &Expression| -> Formula {
            let symbol = expression.formula.as_symbol();
            let named = symbol.and_then(|name| self.lets.iter().find(|(other, _)| &**other == name));
            named.map_or_else(|| expression.formula.clone(), |(_, expression)| expression.formula.clone())
        };
        let found = self.peak.as_ref().or(self.transient.as_ref()).map(of);
        found.map(|formula| formula.terms().iter().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

/// A sort of object that a library makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Its qualified name: the class's.
    pub name: Text,
    /// The kind whose methods it has too.
    pub base: Option<Text>,
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub about: Option<Text>,
    pub(super) at: usize,
    /// Features that the contracts which make it may give.
    pub(super) features: Vec<Text>,
    /// Features that are texts.
    pub(super) texts: Vec<Text>,
    /// Features that follow from others.
    pub(super) derived: Vec<(Text, Expression)>,
    /// Features that follow from a text, by table.
    pub(super) lookups: Vec<Lookup>,
    pub(super) bytes: Option<Expression>,
    pub(super) touched: Option<Expression>,
    /// The extents of one whose shape the contract that makes it does not give, by its features.
    pub(super) shape: Vec<Expression>,
    /// One of shape `()` is a number.
    pub(super) scalar: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lookup {
    pub feature: Text,
    pub of: Text,
    pub values: Vec<(Text, Expression)>,
    pub default: Option<Expression>,
}

/// A parsed file.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// Name of the library.
    pub name: Option<Text>,
    /// Versions that the contracts were checked with.
    pub versions: Option<Text>,
    /// In the order of the file.
    pub contracts: Vec<Arc<Contract>>,
    /// In the order of the file.
    pub kinds: Vec<Arc<Kind>>,
}

/// Reads a contract file. What has a place in it is good; the rest is complained about.
pub fn parse_file(file: &Path, text: &str) -> (Parsed, Vec<Diagnostic>) {
    let name = file.display().to_string();
    let mut reader = Reader { file: &name, text, line: 1, diagnostics: Vec::new() };
    let parsed = reader.document();
    (parsed, reader.diagnostics)
}

/// Reads one table of a file that is known to be good; `line` is the line that it begins at.
pub(super) fn parse_piece(file: &str, text: &str, line: u32) -> Parsed {
    Reader { file, text, line, diagnostics: Vec::new() }.document()
}

/// A complaint about a byte of a text.
pub(super) fn complain(file: &str, text: &str, at: usize, end: usize, message: impl Into<String>) -> Diagnostic {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let line = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX).saturating_add(1);
    let column = u32::try_from(text[line_start..at].chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    let excerpt = text[line_start..].lines().next().unwrap_or_default();
    let stop = end.clamp(at, line_start + excerpt.len().max(at - line_start));
    let width = text.get(at..stop).map_or(0, |piece| piece.chars().count());
    let span =
        Span { line, column, end_line: line, end_column: column.saturating_add(u32::try_from(width).unwrap_or(0)) };
    Diagnostic::new(Complaint::InvalidContract, message).in_file(file).at(span).excerpt(excerpt)
}

type Item<'a> = Spanned<DeValue<'a>>;

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    line: u32,
    diagnostics: Vec<Diagnostic>,
}

const CALLABLE_KEYS: &[&str] = &[
    "name",
    "names",
    "parameters",
    "attribute",
    "when",
    "let",
    "result",
    "demand",
    "peak",
    "resident_peak",
    "retained",
    "transient",
    "resident_transient",
    "loads",
    "effects",
    "externals",
    "calls",
    "raises",
    "note",
    "residual",
    "provenance",
];
const KIND_KEYS: &[&str] = &[
    "name", "names", "base", "about", "features", "texts", "derived", "lookup", "bytes", "touched", "shape", "scalar",
];
/// Keys of a result that are not features.
const RESULT_KEYS: &[&str] = &[
    "kind", "view", "holds", "shape", "dtype", "bytes", "touched", "tuple", "item", "dict", "value", "numbers", "text",
];
/// Python's own kinds, and the features that they have.
pub(super) const PYTHON_KINDS: &[&str] = &[
    "str",
    "bytes",
    "bytearray",
    "memoryview",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "deque",
    "iterator",
    "object",
    "file",
    "NoneType",
    "array",
];

impl<'a> Reader<'a> {
    fn complain(&mut self, range: std::ops::Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let diagnostic = complain(self.file, self.text, range.start, range.end, message);
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or_default().matches('\n').count();
        Place { file: Text::from(self.file), line: self.line.saturating_add(u32::try_from(before).unwrap_or(0)) }
    }

    fn document(&mut self) -> Parsed {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.complain(span, format!("not TOML: {}", error.message().trim()));
        }
        let mut parsed = Parsed::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "library" => match value.get_ref() {
                    DeValue::Table(library) => {
                        self.keys(library, &["name", "versions", "about"]);
                        parsed.name = self.text_of(library, "name");
                        parsed.versions = self.text_of(library, "versions");
                        let _ = self.text_of(library, "about");
                    }
                    other => {
                        let kind = other.type_str();
                        self.complain(value.span(), format!("`[library]` is a table, not {kind}"));
                    }
                },
                "kind" => {
                    for (table, span) in self.tables(value) {
                        for kind in self.kind(table, span) {
                            parsed.kinds.push(Arc::new(kind));
                        }
                    }
                }
                "callable" => {
                    for (table, span) in self.tables(value) {
                        if let Some(contract) = self.callable(table, span) {
                            parsed.contracts.push(Arc::new(contract));
                        }
                    }
                }
                other => {
                    let message = format!("`{other}` is nothing that a contract file has");
                    self.complain(key.span(), message).help =
                        Some("it has `[library]`, `[[kind]]` and `[[callable]]`".to_owned());
                }
            }
        }
        parsed
    }

    /// The tables of `[[name]]`, each with its place.
    fn tables<'t>(&mut self, value: &'t Item<'a>) -> Vec<(&'t DeTable<'a>, std::ops::Range<usize>)> {
        let DeValue::Array(items) = value.get_ref() else {
            self.complain(value.span(), "an array of tables is expected: write `[[…]]`");
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => found.push((table, item.span())),
                _ => {
                    self.complain(item.span(), "a table is expected");
                }
            }
        }
        found
    }

    /// Complains about keys that are not allowed.
    fn keys(&mut self, table: &DeTable<'a>, allowed: &[&str]) {
        for (key, _) in table {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let near = near_names(name, allowed.iter().copied());
                let help = match near.first() {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known are: {}", allowed.join(", ")),
                };
                self.complain(key.span(), format!("unknown key `{name}`")).help = Some(help);
            }
        }
    }

    fn string(&mut self, value: &Item<'a>) -> Option<Text> {
        match value.get_ref() {
            DeValue::String(text) => Some(Text::from(text.as_ref())),
            other => {
                let kind = other.type_str();
                self.complain(value.span(), format!("a text is expected, not {kind}"));
                None
            }
        }
    }

    fn text_of(&mut self, table: &DeTable<'a>, key: &str) -> Option<Text> {
        table.get(key).and_then(|value| self.string(value))
    }

    fn boolean(&mut self, table: &DeTable<'a>, key: &str) -> Option<bool> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.complain(value.span(), "`true` or `false` is expected");
                None
            }
        }
    }

    /// A text or a list of texts.
    fn strings(&mut self, value: &Item<'a>) -> Vec<Text> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.string(item)).collect(),
            _ => self.string(value).into_iter().collect(),
        }
    }

    fn strings_of(&mut self, table: &DeTable<'a>, key: &str) -> Vec<Text> {
        table.get(key).map(|value| self.strings(value)).unwrap_or_default()
    }

    fn formula(&mut self, value: &Item<'a>) -> Option<Expression> {
        let (text, at) = match value.get_ref() {
            DeValue::String(text) => (text.to_string(), value.span().start + 1),
            DeValue::Integer(number) => (number.to_string(), value.span().start),
            DeValue::Float(number) => (number.to_string(), value.span().start),
            other => {
                let kind = other.type_str();
                self.complain(value.span(), format!("a formula is expected, not {kind}"));
                return None;
            }
        };
        match Formula::parse(&text) {
            Ok(formula) => Some(Expression { formula, at }),
            Err(error) => {
                let place = error.diagnostic(&text);
                let column = place.span.map_or(1, |span| span.column);
                let at = at + usize::try_from(column.saturating_sub(1)).unwrap_or(0);
                self.complain(at..value.span().end.saturating_sub(1).max(at), place.message).help = place.help;
                None
            }
        }
    }

    fn formula_of(&mut self, table: &DeTable<'a>, key: &str) -> Option<Expression> {
        table.get(key).and_then(|value| self.formula(value))
    }

    fn formulas(&mut self, table: &DeTable<'a>, key: &str) -> Vec<(Text, Expression)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Table(members) => members
                .iter()
                .filter_map(|(name, value)| Some((Text::from(name.get_ref().as_ref()), self.formula(value)?)))
                .collect(),
            _ => {
                self.complain(value.span(), "a table of names and formulas is expected");
                Vec::new()
            }
        }
    }

    fn rule(&mut self, value: &Item<'a>) -> Option<Placed<Rule>> {
        let text = self.string(value)?;
        let at = value.span().start + 1;
        match Rule::parse(&text) {
            Ok(rule) => Some(Placed { value: rule, at }),
            Err((offset, reason)) => {
                self.complain(at + offset..value.span().end, reason);
                None
            }
        }
    }

    fn rule_of(&mut self, table: &DeTable<'a>, key: &str) -> Option<Placed<Rule>> {
        table.get(key).and_then(|value| self.rule(value))
    }

    /// `name` and `names`, alternatives expanded.
    fn names(&mut self, table: &DeTable<'a>, span: std::ops::Range<usize>) -> Vec<Text> {
        let mut names = self.strings_of(table, "name");
        names.extend(self.strings_of(table, "names"));
        let names: Vec<Text> = names.iter().flat_map(|name| expand(name)).map(Text::from).collect();
        if names.is_empty() {
            self.complain(span, "this entry has neither `name` nor `names`");
        } else if let Some(bad) = names.iter().find(|name| !is_path(name)) {
            let message = format!("`{bad}` is not a qualified name");
            self.complain(span, message).help = Some("write module, class and name with dots: `numpy.zeros`".into());
        }
        names
    }

    fn parameters(&mut self, table: &DeTable<'a>) -> Parameters {
        let mut list: Vec<Parameter> = Vec::new();
        let Some(value) = table.get("parameters") else { return Parameters::default() };
        let DeValue::Array(items) = value.get_ref() else {
            self.complain(value.span(), "a list of parameters is expected: `[\"shape\", \"dtype=None\"]`");
            return Parameters::default();
        };
        let mut keyword_only = false;
        for item in items {
            let Some(text) = self.string(item) else { continue };
            let (name, default) = match text.split_once('=') {
                Some((name, default)) => (name.trim(), Some(default.trim())),
                None => (text.trim(), None),
            };
            if name == "*" {
                keyword_only = true;
                continue;
            }
            let (name, kind) = if let Some(name) = name.strip_prefix("**") {
                (name, ParameterKind::Keywords)
            } else if let Some(name) = name.strip_prefix('*') {
                keyword_only = true;
                (name, ParameterKind::Rest)
            } else if keyword_only {
                (name, ParameterKind::KeywordOnly)
            } else {
                (name, ParameterKind::Normal)
            };
            if !is_name(name) || matches!(name, "self" | "result") {
                self.complain(item.span(), format!("`{name}` cannot be the name of a parameter")).help =
                    Some("`self` is there without being listed; `result` is what the call gives".to_owned());
                continue;
            }
            if list.iter().any(|other| &*other.name == name) {
                self.complain(item.span(), format!("there are two parameters `{name}`"));
                continue;
            }
            let value = default.and_then(plain);
            list.push(Parameter { name: Text::from(name), kind, default: value, optional: default.is_some() });
        }
        Parameters(list)
    }

    fn literal(&mut self, value: &Item<'a>) -> Option<Value> {
        Some(match value.get_ref() {
            DeValue::String(text) => Value::text(text),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(number) => plain(&number.to_string())?,
            DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
            DeValue::Array(_) | DeValue::Table(_) | DeValue::Datetime(_) => {
                self.complain(value.span(), "a text, a number or a truth value is expected");
                return None;
            }
        })
    }

    /// One value, or a list of which any will do.
    fn literals(&mut self, value: &Item<'a>) -> Vec<Value> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.literal(item)).collect(),
            _ => self.literal(value).into_iter().collect(),
        }
    }

    fn when(&mut self, table: &DeTable<'a>) -> Vec<Test> {
        let Some(value) = table.get("when") else { return Vec::new() };
        let DeValue::Table(tests) = value.get_ref() else {
            self.complain(value.span(), "`when` is a table: `{ dtype = \"float32\", out = { given = true } }`");
            return Vec::new();
        };
        let mut found = Vec::new();
        for (path, value) in tests {
            let mut test = Test { path: Text::from(path.get_ref().as_ref()), ..Test::default() };
            if let DeValue::Table(conditions) = value.get_ref() {
                self.keys(conditions, &["literal", "kind", "given", "ndim", "text"]);
                test.literal = conditions.get("literal").map(|value| self.literals(value));
                test.kind = conditions.get("kind").map(|value| self.strings(value));
                test.given = self.boolean(conditions, "given");
                if let Some(value) = conditions.get("ndim") {
                    match self.literal(value) {
                        Some(Value::Int(number)) => test.ndim = i64::try_from(number).ok(),
                        _ => {
                            self.complain(value.span(), "a number of dimensions is expected");
                        }
                    }
                }
                if let Some(value) = conditions.get("text") {
                    match value.get_ref() {
                        DeValue::Table(texts) => {
                            for (feature, value) in texts {
                                let values = self.strings(value);
                                test.texts.push((Text::from(feature.get_ref().as_ref()), values));
                            }
                        }
                        _ => {
                            self.complain(value.span(), "a table of features and their texts is expected");
                        }
                    }
                }
            } else {
                test.literal = Some(self.literals(value));
            }
            found.push(test);
        }
        found
    }

    fn result(&mut self, value: &Item<'a>) -> ResultSpec {
        match value.get_ref() {
            DeValue::String(text) => match text.as_ref() {
                "None" => ResultSpec::None,
                "unknown" => ResultSpec::Unknown,
                kind if is_number(kind) => ResultSpec::Number { kind: Text::from(kind), value: None },
                other => ResultSpec::Argument(Text::from(other)),
            },
            DeValue::Table(table) => self.object(table, value.span()),
            other => {
                let kind = other.type_str();
                self.complain(value.span(), format!("a result is a text or a table, not {kind}"));
                ResultSpec::Unknown
            }
        }
    }

    fn object(&mut self, table: &DeTable<'a>, span: std::ops::Range<usize>) -> ResultSpec {
        let mut content = ContentSpec::Opaque;
        let mut kind = self.text_of(table, "kind");
        let mut contents = 0;
        if let Some(value) = table.get("tuple") {
            contents += 1;
            kind = kind.or_else(|| Some(Text::from("tuple")));
            match value.get_ref() {
                DeValue::Array(items) => {
                    content = ContentSpec::Items(items.iter().map(|item| self.result(item)).collect());
                }
                _ => {
                    self.complain(value.span(), "a list of results is expected");
                }
            }
        }
        if let Some(value) = table.get("dict") {
            contents += 1;
            kind = kind.or_else(|| Some(Text::from("dict")));
            match value.get_ref() {
                DeValue::Table(items) => {
                    let keys = items.iter();
                    let keys =
                        keys.map(|(key, value)| (Text::from(key.get_ref().as_ref()), self.result(value))).collect();
                    content = ContentSpec::Keys(keys);
                }
                _ => {
                    self.complain(value.span(), "a table of keys and results is expected");
                }
            }
        }
        if let Some(value) = table.get("item") {
            contents += 1;
            kind = kind.or_else(|| Some(Text::from("list")));
            content = ContentSpec::Many(Box::new(self.result(value)));
            if !table.contains_key("length") {
                self.complain(span.clone(), "a result with an `item` needs a `length`: how many of them");
            }
        }
        if let Some(rule) = self.rule_of(table, "numbers") {
            contents += 1;
            kind = kind.or_else(|| Some(Text::from("tuple")));
            content = ContentSpec::Numbers(rule);
        }
        if contents > 1 {
            self.complain(span.clone(), "`tuple`, `dict`, `item` and `numbers` exclude one another");
        }
        let Some(kind) = kind else {
            self.complain(span, "a result needs a `kind`");
            return ResultSpec::Unknown;
        };
        if is_number(&kind) {
            self.keys(table, &["kind", "value"]);
            return ResultSpec::Number { kind, value: self.formula_of(table, "value") };
        }
        if table.contains_key("value") {
            let message = format!("only a number has a `value`, and `{kind}` is none");
            self.complain(span.clone(), message);
        }
        let shape = table.get("shape").and_then(|value| match self.formula_list(value) {
            Some(dimensions) => Some(ShapeSpec::Dimensions(dimensions)),
            None => self.rule(value).map(ShapeSpec::Rule),
        });
        let mut texts = Vec::new();
        if let Some(value) = table.get("text") {
            match value.get_ref() {
                DeValue::Table(members) => {
                    for (name, value) in members {
                        texts.extend(self.rule(value).map(|rule| (Text::from(name.get_ref().as_ref()), rule)));
                    }
                }
                _ => {
                    self.complain(value.span(), "a table of features and rules is expected");
                }
            }
        }
        let mut features = Vec::new();
        for (key, value) in table {
            if !RESULT_KEYS.contains(&key.get_ref().as_ref()) {
                features.extend(self.formula(value).map(|formula| (Text::from(key.get_ref().as_ref()), formula)));
            }
        }
        ResultSpec::Object(Box::new(ObjectSpec {
            kind,
            view: self.text_of(table, "view"),
            holds: self.strings_of(table, "holds"),
            shape,
            dtype: self.rule_of(table, "dtype"),
            features,
            texts,
            bytes: self.formula_of(table, "bytes"),
            touched: self.formula_of(table, "touched"),
            content,
            at: span.start,
        }))
    }

    /// The inline tables of a list, or one of them alone.
    fn members<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        key: &str,
        allowed: &[&str],
    ) -> Vec<(&'t DeTable<'a>, std::ops::Range<usize>)> {
        let Some(value) = table.get(key) else { return Vec::new() };
        let found = match value.get_ref() {
            DeValue::Table(table) => vec![(table, value.span())],
            _ => self.tables(value),
        };
        for (table, _) in &found {
            self.keys(table, allowed);
        }
        found
    }

    fn callable(&mut self, table: &DeTable<'a>, span: std::ops::Range<usize>) -> Option<Contract> {
        self.keys(table, CALLABLE_KEYS);
        let span = header(self.text, span);
        let names = self.names(table, span.clone());
        if names.is_empty() {
            return None;
        }
        let mut effects = Vec::new();
        for (member, span) in self.members(table, "effects", &["on", "grow", "touched", "set", "release", "holds"]) {
            let Some(on) = self.text_of(member, "on") else {
                self.complain(span, "an effect needs `on`: the argument that it changes");
                continue;
            };
            effects.push(EffectSpec {
                on,
                grow: self.formula_of(member, "grow"),
                touched: self.formula_of(member, "touched"),
                set: self.formulas(member, "set"),
                release: self.boolean(member, "release").unwrap_or(false),
                holds: self.strings_of(member, "holds"),
                at: span.start,
            });
        }
        let mut externals = Vec::new();
        let mut bounds = Vec::new();
        for (member, span) in self.members(table, "externals", &["name", "meaning", "event", "most", "typical"]) {
            let name = self.text_of(member, "name").filter(|name| is_name(name));
            let Some(symbol) = name else {
                self.complain(span, "an external size needs a `name` that is a Python name");
                continue;
            };
            let meaning = self.text_of(member, "meaning").unwrap_or_else(|| symbol.clone());
            externals.push(super::External {
                symbol: symbol.clone(),
                meaning,
                event: self.strings_of(member, "event"),
            });
            let (most, typical) = (self.formula_of(member, "most"), self.formula_of(member, "typical"));
            bounds.push((symbol, most, typical));
        }
        let mut calls = Vec::new();
        for (member, span) in self.members(table, "calls", &["parameter", "times", "concurrency", "processes", "items"])
        {
            let Some(parameter) = self.text_of(member, "parameter") else {
                self.complain(span, "`calls` needs the `parameter` that the function is passed as");
                continue;
            };
            calls.push(CallbackSpec {
                parameter,
                times: self.formula_of(member, "times"),
                concurrency: self.formula_of(member, "concurrency"),
                processes: self.boolean(member, "processes").unwrap_or(false),
                items: self.text_of(member, "items"),
                at: span.start,
            });
        }
        Some(Contract {
            names,
            parameters: self.parameters(table),
            attribute: self.boolean(table, "attribute").unwrap_or(false),
            place: self.place(span.start),
            note: self.text_of(table, "note"),
            at: span.start,
            when: self.when(table),
            lets: self.formulas(table, "let"),
            result: table.get("result").map_or(ResultSpec::None, |value| self.result(value)),
            demand: self.formula_of(table, "demand"),
            peak: self.formula_of(table, "peak"),
            resident_peak: self.formula_of(table, "resident_peak"),
            retained: self.formula_of(table, "retained"),
            transient: self.formula_of(table, "transient"),
            resident_transient: self.formula_of(table, "resident_transient"),
            loads: self.strings_of(table, "loads"),
            effects,
            externals,
            bounds,
            calls,
            raises: self.strings_of(table, "raises"),
            residuals: self.residuals(table),
            provenance: self.provenance(table),
        })
    }

    fn number(&mut self, value: &Item<'a>) -> Option<f64> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.to_string().parse::<f64>().ok(),
            DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        if number.is_none() {
            self.complain(value.span(), "a finite number is expected");
        }
        number
    }

    fn number_of(&mut self, table: &DeTable<'a>, key: &str) -> Option<f64> {
        table.get(key).and_then(|value| self.number(value))
    }

    fn count_of(&mut self, table: &DeTable<'a>, key: &str) -> u64 {
        self.number_of(table, key).map_or(0, |number| number.max(0.0) as u64)
    }

    fn numbers_of(&mut self, table: &DeTable<'a>, key: &str) -> Vec<f64> {
        match table.get(key).map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::Array(items), _)) => items.iter().filter_map(|item| self.number(item)).collect(),
            Some((_, span)) => {
                self.complain(span, format!("`{key}` is a list of numbers"));
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// `residual = { peak = { distribution = "lognormal", mu = 0.004, sigma = 0.011, n = 240 } }`
    fn residuals(&mut self, table: &DeTable<'a>) -> Vec<(Text, Residual)> {
        let Some(value) = table.get("residual") else { return Vec::new() };
        let DeValue::Table(amounts) = value.get_ref() else {
            self.complain(
                value.span(),
                "`residual` is a table by amount: `{ peak = { distribution = \"normal\", … } }`",
            );
            return Vec::new();
        };
        self.keys(amounts, &["peak", "demand", "resident_peak"]);
        let mut found = Vec::new();
        for (amount, value) in amounts {
            let DeValue::Table(members) = value.get_ref() else {
                self.complain(value.span(), "a table with a `distribution` is expected");
                continue;
            };
            let allowed = ["distribution", "mu", "sigma", "shape", "rate", "probabilities", "quantiles", "n", "ks"];
            self.keys(members, &allowed);
            let name = self.text_of(members, "distribution");
            let (mu, sigma) = (self.number_of(members, "mu"), self.number_of(members, "sigma"));
            let (shape, rate) = (self.number_of(members, "shape"), self.number_of(members, "rate"));
            let probabilities = self.numbers_of(members, "probabilities");
            let quantiles = self.numbers_of(members, "quantiles");
            let ascending = |list: &[f64]| list.windows(2).all(|pair| pair[0] <= pair[1]);
            let distribution = match (name.as_deref(), mu, sigma, shape, rate) {
                (Some("exact"), ..) => Some(Distribution::Exact),
                (Some("normal"), Some(mu), Some(sigma), ..) if sigma > 0.0 => Some(Distribution::Normal { mu, sigma }),
                (Some("lognormal"), Some(mu), Some(sigma), ..) if sigma > 0.0 => {
                    Some(Distribution::LogNormal { mu, sigma })
                }
                (Some("gamma"), _, _, Some(shape), Some(rate)) if shape > 0.0 && rate > 0.0 => {
                    Some(Distribution::Gamma { shape, rate })
                }
                (Some("empirical"), ..)
                    if !quantiles.is_empty()
                        && quantiles.len() == probabilities.len()
                        && ascending(&probabilities)
                        && ascending(&quantiles) =>
                {
                    Some(Distribution::Empirical { probabilities, quantiles })
                }
                _ => None,
            };
            let Some(distribution) = distribution else {
                let message = "this is no distribution: `exact`; `normal` and `lognormal` with mu and sigma > 0; `gamma` \
                               with shape and rate > 0; `empirical` with ascending probabilities and quantiles";
                self.complain(value.span(), message);
                continue;
            };
            let (traces, ks) = (self.count_of(members, "n"), self.number_of(members, "ks"));
            found.push((Text::from(amount.get_ref().as_ref()), Residual { distribution, traces, ks }));
        }
        found
    }

    fn provenance(&mut self, table: &DeTable<'a>) -> Option<Provenance> {
        let value = table.get("provenance")?;
        let DeValue::Table(members) = value.get_ref() else {
            self.complain(value.span(), "`provenance` is a table");
            return None;
        };
        let allowed = [
            "library",
            "python",
            "platform",
            "method",
            "traces",
            "heldout",
            "heldout_median_error",
            "heldout_p95_error",
            "heldout_p99_coverage",
            "above_mib",
            "weak",
            "range",
        ];
        self.keys(members, &allowed);
        let mut range = Vec::new();
        match members.get("range").map(|value| (value.get_ref(), value.span())) {
            Some((DeValue::Table(features), _)) => {
                for (name, _) in features {
                    let name = name.get_ref().as_ref();
                    match self.numbers_of(features, name).as_slice() {
                        [low, high] if low <= high => range.push((Text::from(name), *low, *high)),
                        _ => {
                            self.complain(value.span(), format!("the range of `{name}` is `[least, most]`"));
                        }
                    }
                }
            }
            Some((_, span)) => {
                self.complain(span, "`range` is a table: `{ \"a.size\" = [16, 4096] }`");
            }
            None => {}
        }
        Some(Provenance {
            library_version: self.text_of(members, "library"),
            python: self.text_of(members, "python"),
            platform: self.text_of(members, "platform"),
            method: self.text_of(members, "method"),
            traces: self.count_of(members, "traces"),
            heldout: self.count_of(members, "heldout"),
            heldout_median_error: self.number_of(members, "heldout_median_error"),
            heldout_p95_error: self.number_of(members, "heldout_p95_error"),
            heldout_p99_coverage: self.number_of(members, "heldout_p99_coverage"),
            above_mib: self.boolean(members, "above_mib").unwrap_or(false),
            weak: self.text_of(members, "weak"),
            range,
        })
    }

    fn kind(&mut self, table: &DeTable<'a>, span: std::ops::Range<usize>) -> Vec<Kind> {
        self.keys(table, KIND_KEYS);
        let span = header(self.text, span);
        let names = self.names(table, span.clone());
        let mut lookups = Vec::new();
        if let Some(value) = table.get("lookup") {
            match value.get_ref() {
                DeValue::Table(members) => {
                    for (feature, value) in members {
                        lookups.extend(self.lookup(Text::from(feature.get_ref().as_ref()), value));
                    }
                }
                _ => {
                    self.complain(value.span(), "`[kind.lookup.FEATURE]` is a table");
                }
            }
        }
        let kind = Kind {
            name: Text::from(""),
            base: self.text_of(table, "base"),
            place: self.place(span.start),
            about: self.text_of(table, "about"),
            at: span.start,
            features: self.strings_of(table, "features"),
            texts: self.strings_of(table, "texts"),
            derived: self.formulas(table, "derived"),
            lookups,
            bytes: self.formula_of(table, "bytes"),
            touched: self.formula_of(table, "touched"),
            shape: self.extents(table),
            scalar: self.boolean(table, "scalar").unwrap_or(false),
        };
        names.into_iter().map(|name| Kind { name, ..kind.clone() }).collect()
    }

    /// `shape = ["rows", "columns"]` of a kind.
    fn extents(&mut self, table: &DeTable<'a>) -> Vec<Expression> {
        let Some(value) = table.get("shape") else { return Vec::new() };
        self.formula_list(value).unwrap_or_else(|| {
            self.complain(value.span(), "`shape` of a kind is a list of formulas over its features");
            Vec::new()
        })
    }

    /// A list of formulas, if it is a list.
    fn formula_list(&mut self, value: &Item<'a>) -> Option<Vec<Expression>> {
        let DeValue::Array(items) = value.get_ref() else { return None };
        Some(items.iter().filter_map(|item| self.formula(item)).collect())
    }

    fn lookup(&mut self, feature: Text, value: &Item<'a>) -> Option<Lookup> {
        let DeValue::Table(table) = value.get_ref() else {
            self.complain(value.span(), "a table with `of`, `values` and `default` is expected");
            return None;
        };
        self.keys(table, &["of", "values", "default"]);
        let Some(of) = self.text_of(table, "of") else {
            self.complain(value.span(), "`of` is missing: the text that the value follows from");
            return None;
        };
        let values = self.formulas(table, "values");
        Some(Lookup { feature, of, values, default: self.formula_of(table, "default") })
    }
}

/// The header line of a table, where its span is the whole of it or nothing.
fn header(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let end = text.get(span.start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |n| span.start + n);
    span.start..end
}

/// A plain default: a number, a quoted text, `None`, `True`, `False`.
fn plain(text: &str) -> Option<Value> {
    let quoted = |c: char| text.len() >= 2 && text.starts_with(c) && text.ends_with(c);
    match text {
        "None" => Some(Value::None),
        "True" => Some(Value::Bool(true)),
        "False" => Some(Value::Bool(false)),
        _ if quoted('\'') || quoted('"') => text.get(1..text.len() - 1).map(Value::text),
        _ => match text.parse::<num_bigint::BigInt>() {
            Ok(number) => Some(Value::Int(number)),
            Err(_) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => text.parse().ok().map(Value::Float),
            Err(_) => None,
        },
    }
}

/// Whether a kind is a number.
pub(super) fn is_number(kind: &str) -> bool {
    matches!(kind, "int" | "float" | "bool" | "complex")
}

/// Whether a text is a Python name.
pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_')
}

fn is_path(text: &str) -> bool {
    text.split('.').all(is_name)
}
