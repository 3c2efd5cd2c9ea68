//! `meminterface formula`: reads a formula, works on it, prints it.

use std::io::BufReader;

use clap::{Args, ValueEnum};
use num_bigint::BigInt;
use num_rational::BigRational;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Exit, Output};
use crate::diagnostic::{Diagnostic, Kind, Schema, near_names};
use crate::formula::algebra::{self, AlgebraError, Session};
use crate::formula::{self, Environment, Formula, Value, parse_bytes};

/// How the answer is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// JSON with a schema.
    Json,
}

/// Read a formula in bytes, work on it, print it in canonical form.
///
/// Formulas are Python expressions over named sizes: + - * / // % **, max min ceil floor log2, `a if c else b`,
/// `sum(e for i in range(n))`, and py_list, py_dict, py_dict_str, py_set for the growth of CPython's containers.
/// Calls of anything else stand for an unknown amount of memory.
#[derive(Args, Debug)]
pub struct FormulaArguments {
    /// The formula.
    #[arg(value_name = "EXPR", allow_hyphen_values = true, required_unless_present = "growth")]
    expression: Option<String>,
    /// Print the shortest form that algebra finds.
    #[arg(long)]
    simplify: bool,
    /// Print the derivative by this symbol.
    #[arg(long, value_name = "NAME")]
    derivative: Option<String>,
    /// Print the order of growth, in this symbol or in all.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    growth: Option<String>,
    /// Print the smallest size at which the formula exceeds this much (512MB; 1 MB is 1,048,576 bytes).
    #[arg(long, value_name = "SIZE")]
    exceeds: Option<String>,
    /// The symbol whose size `--exceeds` looks for.
    #[arg(long = "for", value_name = "NAME", requires = "exceeds")]
    variable: Option<String>,
    /// Print the value in bytes for these sizes (with `--exceeds`: the other symbols' values). Texts are in quotes.
    #[arg(long, value_name = "NAME=VALUE,…", allow_hyphen_values = true)]
    evaluate: Vec<String>,
    /// Print formulas as LaTeX.
    #[arg(long)]
    latex: bool,
    /// How to write the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What `meminterface formula --format json` writes (docs/schemas/formula.schema.json).
#[derive(Debug, Serialize, JsonSchema)]
pub struct FormulaReport {
    /// Name and version of this form.
    pub schema: Schema,
    /// The formula, after `--simplify` and `--derivative`.
    pub formula: String,
    /// The same as LaTeX.
    pub latex: String,
    /// The symbols that it depends on, sorted.
    pub symbols: Vec<String>,
    /// The calls in it that stand for unknown amounts of memory.
    pub terms: Vec<String>,
    /// The order of growth, with `--growth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<GrowthReport>,
    /// The smallest size above the limit, with `--exceeds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceeds: Option<ExceedsReport>,
    /// The value, with `--evaluate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueReport>,
}

/// An order of growth.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GrowthReport {
    /// The symbol that grows; null when all of them do.
    pub variable: Option<String>,
    /// `O(…)`.
    pub order: String,
}

/// Where a formula passes a limit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExceedsReport {
    /// The limit.
    #[schemars(with = "serde_json::Number")]
    pub limit_bytes: Box<RawValue>,
    /// The symbol.
    pub variable: String,
    /// The smallest size above the limit; null where there is none.
    #[schemars(with = "Option<serde_json::Number>")]
    pub smallest: Option<Box<RawValue>>,
}

/// A value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ValueReport {
    /// Rounded up to whole bytes.
    #[schemars(with = "serde_json::Number")]
    pub bytes: Box<RawValue>,
    /// The exact rational number.
    pub exact: String,
}

/// The JSON Schema of [`FormulaReport`].
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(FormulaReport).to_value()
}

/// Largest formula that is printed, in nodes.
const MOST_PRINTED: u64 = 2_000_000;

fn integer(value: &BigInt) -> Box<RawValue> {
    // An integer's digits are JSON, whatever its size.
    RawValue::from_string(value.to_string()).unwrap_or_default()
}

/// Runs the verb.
pub fn run(arguments: &FormulaArguments, output: &mut Output) -> Exit {
    match report(arguments, output) {
        Ok(report) => match arguments.format {
            Format::Text => output.text(&text(arguments, &report)),
            Format::Json => match serde_json::to_string_pretty(&report) {
                Ok(json) => output.text(&format!("{json}\n")),
                Err(error) => {
                    output.note(&format!("meminterface: {error}\n"));
                    return Exit::Internal;
                }
            },
        },
        Err(diagnostic) => output.report(&diagnostic),
    }
    output.exit()
}

fn report(arguments: &FormulaArguments, output: &mut Output) -> Result<FormulaReport, Diagnostic> {
    // `--growth EXPR`: the formula stands where the symbol could.
    let (text, growing) = match (&arguments.expression, &arguments.growth) {
        (Some(text), growing) => (text.as_str(), growing.as_deref()),
        (None, Some(text)) => (text.as_str(), Some("")),
        (None, None) => ("", None),
    };
    let mut formula = Formula::parse_permissive(text).map_err(|error| error.diagnostic(text))?;
    warn_of_near_names(&formula, output);
    if arguments.simplify || arguments.derivative.is_some() {
        output.note(&format!("{}\n", algebra::NOTICE));
        let unavailable = |error: AlgebraError| error.diagnostic();
        let mut session = Session::start(None).map_err(unavailable)?;
        if let Some(by) = &arguments.derivative {
            formula = formula.derivative(symbol(by)?.as_str(), &mut session).map_err(unavailable)?;
        }
        if arguments.simplify {
            formula = formula.simplify(&mut session).map_err(unavailable)?;
        }
    }
    if formula.size() > MOST_PRINTED {
        return Err(Diagnostic::new(Kind::InvalidFormula, "the formula is too long to be printed"));
    }
    let environment = environment(&arguments.evaluate)?;
    let growth = match growing {
        None => None,
        Some("") => Some(GrowthReport { variable: None, order: format!("O({})", formula.growth(None)) }),
        Some(name) => {
            let name = symbol(name)?;
            let order = format!("O({})", formula.growth(Some(&name)));
            Some(GrowthReport { variable: Some(name), order })
        }
    };
    let exceeds = match &arguments.exceeds {
        None => None,
        Some(size) => Some(exceeds(arguments, &formula, size, &environment)?),
    };
    let value = if exceeds.is_none() && !arguments.evaluate.is_empty() {
        let invalid = |error: formula::EvaluateError| {
            Diagnostic::new(Kind::InvalidFormula, error.to_string())
                .help("give each name a value: `--evaluate n=1000,m=4`")
        };
        let exact = formula.evaluate(&environment).map_err(invalid)?;
        let bytes = formula.bytes(&environment).map_err(invalid)?;
        Some(ValueReport { bytes: integer(&bytes), exact: exact.to_string() })
    } else {
        None
    };
    Ok(FormulaReport {
        schema: Schema::FORMULA,
        latex: formula.to_latex(),
        symbols: formula.symbols().iter().map(ToString::to_string).collect(),
        terms: formula.terms().iter().map(ToString::to_string).collect(),
        formula: formula.to_string(),
        growth,
        exceeds,
        value,
    })
}

fn exceeds(
    arguments: &FormulaArguments,
    formula: &Formula,
    size: &str,
    environment: &Environment,
) -> Result<ExceedsReport, Diagnostic> {
    let limit = parse_bytes(size).map_err(|error| Diagnostic::new(Kind::Usage, error.to_string()))?;
    let variable = match &arguments.variable {
        Some(name) => symbol(name)?,
        None => {
            let free: Vec<String> = formula
                .symbols()
                .iter()
                .filter(|name| environment.get(name).is_none())
                .map(ToString::to_string)
                .collect();
            match free.as_slice() {
                [only] => only.clone(),
                _ => {
                    return Err(Diagnostic::new(Kind::Usage, "`--exceeds` needs the symbol to look for")
                        .help(format!("add `--for NAME`; the formula has {}", listed(&free))));
                }
            }
        }
    };
    let smallest = formula.exceeds(&limit, &variable, environment).map_err(|error| {
        Diagnostic::new(Kind::InvalidFormula, error.to_string())
            .help("give the other names their values with `--evaluate`")
    })?;
    Ok(ExceedsReport { limit_bytes: integer(&limit), variable, smallest: smallest.as_ref().map(integer) })
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no symbols".to_owned() } else { names.join(", ") }
}

/// The name of a symbol that a user gave.
fn symbol(name: &str) -> Result<String, Diagnostic> {
    match Formula::parse(name) {
        Ok(formula) if formula.as_symbol().is_some() => Ok(formula.to_string()),
        _ => Err(Diagnostic::new(Kind::Usage, format!("`{name}` is not the name of a size"))
            .help("a name is written as in the formula: `n`, `a.shape[0]`, `event[\"n\"]`")),
    }
}

/// Reads `n=3,m=4`: names as in formulas, values as numbers or literals.
fn environment(values: &[String]) -> Result<Environment, Diagnostic> {
    let mut environment = Environment::new();
    for list in values {
        for pair in split(list) {
            let bad = || {
                Diagnostic::new(Kind::Usage, format!("`{pair}` gives no name a value"))
                    .help("write it as `--evaluate n=1000,m=4`")
            };
            let (name, value) = assignment(pair).ok_or_else(bad)?;
            let name = Formula::parse_permissive(name)
                .ok()
                .filter(|name| name.as_symbol().is_some() || name.as_call().is_some())
                .ok_or_else(bad)?;
            let value = Formula::literal(value);
            let value: Value = match (value.as_number(), value.as_literal()) {
                (Some(number), _) => Value::Number(BigRational::clone(number)),
                (None, Some(literal)) => Value::Literal(literal.into()),
                (None, None) => return Err(bad()),
            };
            environment.set(&name.to_string(), value);
        }
    }
    Ok(environment)
}

/// Splits at the commas that stand outside of brackets and quotes.
fn split(list: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0usize, None);
    for (at, c) in list.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(&list[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// The name and the value around the first `=` outside of brackets and quotes.
fn assignment(pair: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in pair.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '=') if depth == 0 => return Some((pair[..at].trim(), pair[at + 1..].trim())),
            (None, _) => {}
        }
    }
    None
}

/// A call that looks like a misspelt function is read as an unknown amount of memory: that may surprise.
fn warn_of_near_names(formula: &Formula, output: &mut Output) {
    let known: Vec<&str> = formula::function::SYNTAX
        .iter()
        .copied()
        .chain(formula::function::FUNCTIONS.iter().map(|function| function.name))
        .collect();
    for term in formula.terms() {
        let Some((name, _)) = term.as_call() else { continue };
        if name.contains(['.', '(', '[']) || name.len() < 3 {
            continue;
        }
        if let Some(near) = near_names(name, known.iter().copied()).first() {
            let mut warning = Diagnostic::new(
                Kind::InvalidFormula,
                format!("`{name}` is no function of formulas: it stands for an unknown amount of memory"),
            )
            .help(format!("did you mean `{near}`?"));
            warning.severity = crate::diagnostic::Severity::Warning;
            output.report(&warning);
        }
    }
}

fn text(arguments: &FormulaArguments, report: &FormulaReport) -> String {
    let mut lines = Vec::new();
    if let Some(growth) = &report.growth {
        lines.push(growth.order.clone());
    }
    if let Some(exceeds) = &report.exceeds {
        lines.push(match &exceeds.smallest {
            Some(smallest) => format!("{} = {smallest}", exceeds.variable),
            None => format!("no {}: the formula never exceeds {} bytes", exceeds.variable, exceeds.limit_bytes),
        });
    }
    if let Some(value) = &report.value {
        lines.push(format!("{} bytes", value.bytes));
    }
    if lines.is_empty() {
        lines.push(if arguments.latex { report.latex.clone() } else { report.formula.clone() });
    }
    lines.join("\n") + "\n"
}

/// Runs the child that does algebra (see [`algebra`]).
pub fn serve(output: &mut Output) -> Exit {
    algebra::serve(BufReader::new(std::io::stdin().lock()), |line| output.text(&format!("{line}\n")));
    Exit::Done
}
