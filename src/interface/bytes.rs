//! What an interface knows in bytes: demand, peak, resident peak and retained memory as formulas over the arguments,
//! as far as code and contracts give sizes. Computed by the memory model, written beside the interface.

use std::fmt::Write as _;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr as Ast, ExprContext};
use serde_json::{Value, json};

use crate::calls::{FunctionId, Program};
use crate::formula::Formula;
use crate::memory::cpython::Version;
use crate::memory::predict::Outcome;
use crate::memory::unknown::{Known, Unknown, UnknownKind};
use crate::memory::{self, Options};
use crate::project::Project;

use super::tree::Mcv;

/// Statements, and work on formulas, that go into a formula over arguments that are not known. Beyond, calls are
/// followed no more and become unknowns.
const MAX_WORK: u64 = 20_000;

/// Longest formula that the Python file shows, in characters. Longer ones help nobody: `predict` evaluates them.
const MAX_FORMULA: usize = 4_000;

/// Built-in functions that the text of a value may call.
const CALLABLE: &[&str] = &["abs", "bool", "float", "int", "isinstance", "len", "max", "min", "str"];

/// An interface in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct InBytes {
    /// The version of CPython whose objects are counted.
    pub version: Version,
    /// The formulas, unknowns and growth.
    pub outcome: Outcome,
}

impl InBytes {
    /// Follows a handler whose arguments are not known. Unknowns take the names of the interface's variables at the
    /// same place.
    pub fn of(project: &Project, program: &Program<'_>, handler: FunctionId, mcvs: &[Mcv], options: &Options) -> Self {
        let outcome = memory::run_bounded(project, program, handler, None, known(mcvs), options, MAX_WORK);
        Self { version: options.version, outcome }
    }

    /// The four formulas: what their function's name ends in, what they are, and they themselves.
    fn formulas(&self) -> [(&'static str, &'static str, &Formula); 4] {
        [
            ("demand", "Bytes that are asked for, nothing reclaimed", &self.outcome.demand),
            ("peak", "Bytes requested at the highest, beyond those at entry", &self.outcome.peak),
            ("resident_peak", "Bytes resident at the highest, beyond those at entry", &self.outcome.resident_peak),
            ("retained", "Bytes that stay when the handler has returned", &self.outcome.retained),
        ]
    }

    /// As JSON: the part `bytes` of docs/schemas/interface.schema.json.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "python_version": self.version.to_string(),
            "demand": self.outcome.demand.to_string(),
            "peak": self.outcome.peak.to_string(),
            "resident_peak": self.outcome.resident_peak.to_string(),
            "retained": self.outcome.retained.to_string(),
            "unknown": self.outcome.unknown_json(),
            "growth": self.outcome.growth_json(),
            "assumptions": self.outcome.assumptions,
        })
    }

    /// As functions of Python beside `<handler>_interface`, with the handler's parameters. `head` are those as the
    /// interface writes them, `names` their names.
    pub(super) fn to_python(&self, handler: &str, head: &[String], names: &[&str]) -> String {
        let mut out = String::new();
        for (suffix, about, formula) in self.formulas() {
            let text = formula.to_string();
            if text.chars().count() > MAX_FORMULA {
                let _ = write!(
                    out,
                    "\n\n# {handler}_{suffix}: a formula of {} characters; `meminterface predict` evaluates it.\n",
                    text.chars().count()
                );
                continue;
            }
            let mut keywords: Vec<String> = Vec::new();
            let mut values: Vec<(String, String)> = Vec::new();
            for symbol in formula.symbols() {
                match self.outcome.unknown.iter().find(|unknown| unknown.name == symbol) {
                    Some(unknown) => {
                        keywords.push(format!("{symbol}=None"));
                        values.push((symbol.to_string(), value_of(unknown, names)));
                    }
                    None if reads_only(&symbol, names) => values.push((symbol.to_string(), symbol.to_string())),
                    None => {}
                }
            }
            let mut parameters = head.to_vec();
            let has_keywords = parameters.last().is_some_and(|part| part.starts_with("**"));
            let rest = if has_keywords { parameters.pop() } else { None };
            if !keywords.is_empty() && !parameters.iter().any(|part| part.starts_with('*')) {
                parameters.push("*".to_owned());
            }
            parameters.extend(keywords);
            // Other variables of the interface may be given too.
            parameters.push(rest.unwrap_or_else(|| "**_".to_owned()));
            let one_line = format!("def {handler}_{suffix}({}):", parameters.join(", "));
            let definition = match one_line.chars().count() <= 100 {
                true => one_line,
                false => format!("def {handler}_{suffix}(\n    {},\n):", parameters.join(",\n    ")),
            };
            let _ = writeln!(out, "\n\n{definition}\n    \"\"\"{about} (CPython {}).\"\"\"", self.version);
            let lines: Vec<String> = wrapped(&text).iter().map(|line| literal(line)).collect();
            let _ = writeln!(out, "    return amount(\n        {},\n        {{", lines.join("\n        "));
            for (symbol, value) in values {
                let _ = writeln!(out, "            {}: lambda: {value},", literal(&symbol));
            }
            let _ = writeln!(out, "        }},\n    )");
        }
        out
    }
}

/// Variables of an interface, for the memory model to name its unknowns after.
pub(super) fn known(mcvs: &[Mcv]) -> Vec<Known> {
    let known = |mcv: &Mcv| Known {
        name: mcv.name.clone(),
        meaning: mcv.meaning.clone(),
        file: mcv.file.clone(),
        line: mcv.line,
    };
    mcvs.iter().map(known).collect()
}

/// The value of an unknown: what the caller gives, or what the source computes from the arguments alone.
fn value_of(unknown: &Unknown, parameters: &[&str]) -> String {
    if unknown.kind == UnknownKind::Condition && reads_only(&unknown.meaning, parameters) {
        return format!("({}) if {name} is None else {name}", unknown.meaning, name = unknown.name);
    }
    unknown.name.to_string()
}

/// Whether a text is a Python expression on one line that reads nothing but these names.
fn reads_only(text: &str, parameters: &[&str]) -> bool {
    struct Names<'a> {
        parameters: &'a [&'a str],
        only: bool,
    }
    impl<'a> Visitor<'a> for Names<'_> {
        fn visit_expr(&mut self, expr: &'a Ast) {
            match expr {
                Ast::Name(name) => {
                    let known = self.parameters.contains(&&*name.id) || CALLABLE.contains(&&*name.id);
                    self.only &= known && name.ctx == ExprContext::Load;
                }
                Ast::Lambda(_)
                | Ast::Named(_)
                | Ast::Await(_)
                | Ast::Yield(_)
                | Ast::YieldFrom(_)
                | Ast::ListComp(_)
                | Ast::SetComp(_)
                | Ast::DictComp(_)
                | Ast::Generator(_) => self.only = false,
                _ => visitor::walk_expr(self, expr),
            }
        }
    }
    if text.contains('\n') {
        return false;
    }
    let Ok(parsed) = ruff_python_parser::parse_expression(text) else { return false };
    let mut names = Names { parameters, only: true };
    names.visit_expr(parsed.expr());
    names.only
}

/// A text in lines of some hundred characters, broken at spaces, which stay.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        if let Some(last) = lines.last_mut() {
            if last.chars().count() + word.chars().count() > 96 && !last.is_empty() {
                lines.push(word.to_owned());
            } else {
                last.push_str(word);
            }
        }
    }
    lines
}

/// A text as Python's literal.
fn literal(text: &str) -> String {
    if !text.contains(['\'', '\\']) && !text.contains(|c: char| c.is_control()) {
        return format!("'{text}'");
    }
    // JSON's escapes are Python's too.
    serde_json::to_string(text).unwrap_or_default()
}
