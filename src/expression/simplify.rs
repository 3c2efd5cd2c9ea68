//! Expressions made smaller without changing what they mean: normal form, partial evaluation, substitution; and what
//! can be said of an expression without evaluating it.
//!
//! Depends on [`super::evaluate`] and the syntax of [`super`].

use std::collections::BTreeSet;

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::evaluate::{Budget, Environment, Outcome, evaluate_metered};
use super::value::Meter;
use super::visit::{is_value_part, rename, rename_target, visit_names, visit_parts, visit_target, visit_values};
use super::{
    BinaryOperator, BooleanOperator, Clause, CompareOperator, ComprehensionKind, Expr, FormatPart, Text, UnaryOperator,
    Value,
};

/// Largest value that partial evaluation writes into an expression, in elements (and 16-byte pieces of text).
const LARGEST: u64 = 200;

/// Work that one partial evaluation does in all, and for one part of the expression.
const WORK: (u64, u64) = (400_000, 100_000);

// ---- names ----------------------------------------------------------------------------------------------------------

/// The free names of an expression, in order of evaluation, each once. What a comprehension binds is not free.
pub fn names(expr: &Expr) -> Vec<Text> {
    let mut out = Free { seen: BTreeSet::new(), order: Vec::new() };
    out.expr(expr, &mut Vec::new());
    out.order
}

struct Free {
    seen: BTreeSet<Text>,
    order: Vec<Text>,
}

impl Free {
    fn expr(&mut self, expr: &Expr, bound: &mut Vec<Text>) {
        match expr {
            Expr::Name(name) => {
                if !bound.contains(name) && self.seen.insert(name.clone()) {
                    self.order.push(name.clone());
                }
            }
            Expr::Comprehension { clauses, .. } => {
                let outer = bound.len();
                let mut parts = Vec::new();
                visit_parts(expr, &mut |part| parts.push(part));
                // The first iterable belongs to the scope outside.
                let mut parts = parts.into_iter();
                if let Some(iterable) = parts.next() {
                    self.expr(iterable, bound);
                }
                bound.extend(targets(clauses));
                for part in parts {
                    self.expr(part, bound);
                }
                bound.truncate(outer);
            }
            _ => visit_values(expr, &mut |part| self.expr(part, bound)),
        }
    }
}

/// The names that the clauses of a comprehension bind.
fn targets(clauses: &[Clause]) -> Vec<Text> {
    let mut out = Vec::new();
    for clause in clauses {
        visit_target(&clause.target, &mut |name| out.push(name.clone()));
    }
    out
}

/// The modules that the text of an expression needs imported, sorted.
pub fn imports(expr: &Expr) -> BTreeSet<Text> {
    fn collect(expr: &Expr, out: &mut BTreeSet<Text>) {
        if let Expr::Call(name, ..) = expr
            && let Some((module, _)) = name.rsplit_once('.')
        {
            out.insert(module.into());
        }
        visit_parts(expr, &mut |part| collect(part, out));
    }
    let mut out = BTreeSet::new();
    collect(expr, &mut out);
    out
}

/// A copy of an expression with other texts for those that `new` gives one for.
pub fn with_texts(expr: &Expr, new: &dyn Fn(&Text) -> Option<Text>) -> Expr {
    match expr {
        Expr::Constant(Value::Str(text)) => Expr::Constant(Value::Str(new(text).unwrap_or_else(|| text.clone()))),
        _ => map(expr, &mut |part| with_texts(part, new)),
    }
}

/// How deep an expression nests; 1 for a name or a constant.
pub fn depth(expr: &Expr) -> usize {
    let mut deepest = 0;
    visit_parts(expr, &mut |part| deepest = deepest.max(depth(part)));
    deepest + 1
}

// ---- rebuilding -----------------------------------------------------------------------------------------------------

/// A copy of an expression with its direct parts replaced, in the order of [`visit_parts`].
fn map(expr: &Expr, new: &mut dyn FnMut(&Expr) -> Expr) -> Expr {
    let mut boxed = |expr: &Expr| Box::new(new(expr));
    match expr {
        Expr::Name(_) | Expr::Constant(_) => expr.clone(),
        Expr::Unary(operator, operand) => Expr::Unary(*operator, boxed(operand)),
        Expr::Binary(operator, left, right) => {
            let left = boxed(left);
            Expr::Binary(*operator, left, boxed(right))
        }
        Expr::Boolean(operator, operands) => Expr::Boolean(*operator, operands.iter().map(new).collect()),
        Expr::Compare(first, rest) => {
            let first = boxed(first);
            Expr::Compare(first, rest.iter().map(|(operator, operand)| (*operator, new(operand))).collect())
        }
        Expr::If { test, then, otherwise } => {
            let test = boxed(test);
            let then = boxed(then);
            Expr::If { test, then, otherwise: boxed(otherwise) }
        }
        Expr::Index(value, index) => {
            let value = boxed(value);
            Expr::Index(value, boxed(index))
        }
        Expr::Slice { value, start, stop, step } => {
            let value = boxed(value);
            let [start, stop, step] = [start, stop, step].map(|bound| bound.as_deref().map(&mut boxed));
            Expr::Slice { value, start, stop, step }
        }
        Expr::Call(name, arguments, keywords) => {
            let arguments = arguments.iter().map(&mut *new).collect();
            Expr::Call(name.clone(), arguments, map_keywords(keywords, new))
        }
        Expr::Method(receiver, name, arguments, keywords) => {
            let receiver = boxed(receiver);
            let arguments = arguments.iter().map(&mut *new).collect();
            Expr::Method(receiver, name.clone(), arguments, map_keywords(keywords, new))
        }
        Expr::List(items) => Expr::List(items.iter().map(new).collect()),
        Expr::Tuple(items) => Expr::Tuple(items.iter().map(new).collect()),
        Expr::Set(items) => Expr::Set(items.iter().map(new).collect()),
        Expr::Dict(entries) => Expr::Dict(
            entries
                .iter()
                .map(|(key, value)| {
                    let key = key.as_ref().map(&mut *new);
                    (key, new(value))
                })
                .collect(),
        ),
        Expr::Format(parts) => Expr::Format(map_format(parts, new)),
        Expr::Comprehension { kind, element, key, clauses } => {
            let clauses = clauses
                .iter()
                .map(|clause| Clause {
                    target: clause.target.clone(),
                    iterable: new(&clause.iterable),
                    conditions: clause.conditions.iter().map(&mut *new).collect(),
                })
                .collect();
            let key = key.as_deref().map(|key| Box::new(new(key)));
            Expr::Comprehension { kind: *kind, element: Box::new(new(element)), key, clauses }
        }
    }
}

fn map_keywords(keywords: &[(Text, Expr)], new: &mut dyn FnMut(&Expr) -> Expr) -> Vec<(Text, Expr)> {
    keywords.iter().map(|(name, value)| (name.clone(), new(value))).collect()
}

fn map_format(parts: &[FormatPart], new: &mut dyn FnMut(&Expr) -> Expr) -> Vec<FormatPart> {
    parts
        .iter()
        .map(|part| match part {
            FormatPart::Text(text) => FormatPart::Text(text.clone()),
            FormatPart::Value { value, conversion, specification } => {
                let value = new(value);
                FormatPart::Value { value, conversion: *conversion, specification: map_format(specification, new) }
            }
        })
        .collect()
}

// ---- normal form ----------------------------------------------------------------------------------------------------

/// The form that [`super::parse`] gives for the text of an expression: displays of constants are constants, signed
/// numbers are numbers, the texts of an f-string are joined. It means the same.
pub fn normal(expr: &Expr) -> Expr {
    canonical(map(expr, &mut normal))
}

/// [`normal`] of an expression whose parts are in normal form.
pub(super) fn canonical(expr: Expr) -> Expr {
    match expr {
        Expr::Unary(UnaryOperator::Minus, operand) => match *operand {
            Expr::Constant(Value::Int(number)) => Expr::Constant(Value::Int(-number)),
            Expr::Constant(Value::Float(number)) => Expr::Constant(Value::Float(-number)),
            operand => Expr::Unary(UnaryOperator::Minus, Box::new(operand)),
        },
        Expr::Boolean(operator, mut operands) => match operands.len() {
            0 => Expr::Constant(Value::Bool(operator == BooleanOperator::And)),
            1 => operands.remove(0),
            _ => Expr::Boolean(operator, operands),
        },
        Expr::Compare(first, rest) if rest.is_empty() => *first,
        Expr::Format(parts) => {
            let parts = canonical_format(parts);
            match &*parts {
                [] => Expr::Constant(Value::text("")),
                [FormatPart::Text(text)] => Expr::Constant(Value::Str(text.clone())),
                _ => Expr::Format(parts),
            }
        }
        Expr::Set(items) if items.is_empty() => Expr::Constant(Value::Set(std::sync::Arc::default())),
        Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) | Expr::Dict(_) => {
            let mut constant = true;
            visit_parts(&expr, &mut |part| constant &= matches!(part, Expr::Constant(_)));
            if constant && let Ok(value) = super::evaluate(&expr, &(), Budget::default()) {
                return Expr::Constant(value);
            }
            expr
        }
        Expr::Call(name, arguments, keywords) => {
            if keywords.is_empty()
                && let Some(value) = literal_call(&name, &arguments)
            {
                return Expr::Constant(value);
            }
            Expr::Call(name, arguments, keywords)
        }
        Expr::Name(_)
        | Expr::Constant(_)
        | Expr::Unary(..)
        | Expr::Binary(..)
        | Expr::Compare(..)
        | Expr::If { .. }
        | Expr::Index(..)
        | Expr::Slice { .. }
        | Expr::Method(..)
        | Expr::Comprehension { .. } => expr,
    }
}

/// The value of a call that stands for a literal: `float("inf")`, `set()`, `range(3)`.
fn literal_call(name: &str, arguments: &[Expr]) -> Option<Value> {
    let int = |expr: &Expr| match expr {
        Expr::Constant(Value::Int(number)) => Some(number.clone()),
        _ => None,
    };
    match (name, arguments) {
        ("set", []) => Some(Value::Set(std::sync::Arc::default())),
        ("float", [Expr::Constant(Value::Str(text))]) => match &**text {
            "inf" => Some(Value::Float(f64::INFINITY)),
            "-inf" => Some(Value::Float(f64::NEG_INFINITY)),
            "nan" => Some(Value::Float(f64::NAN)),
            _ => None,
        },
        ("range", [stop]) => Some(Value::Range(BigInt::zero(), int(stop)?, BigInt::one())),
        ("range", [start, stop]) => Some(Value::Range(int(start)?, int(stop)?, BigInt::one())),
        ("range", [start, stop, step]) => {
            let step = int(step)?;
            if step.is_zero() { None } else { Some(Value::Range(int(start)?, int(stop)?, step)) }
        }
        _ => None,
    }
}

/// Joins texts, drops empty ones, and makes `{repr(x)}` `{x!r}`.
fn canonical_format(parts: Vec<FormatPart>) -> Vec<FormatPart> {
    let mut out: Vec<FormatPart> = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            FormatPart::Text(text) if text.is_empty() => {}
            FormatPart::Text(text) => match out.last_mut() {
                Some(FormatPart::Text(before)) => *before = format!("{before}{text}").into(),
                _ => out.push(FormatPart::Text(text)),
            },
            FormatPart::Value { value, conversion, specification } => {
                let (value, conversion) = converted(value, conversion);
                out.push(FormatPart::Value { value, conversion, specification: canonical_format(specification) });
            }
        }
    }
    out
}

fn converted(value: Expr, conversion: Option<char>) -> (Expr, Option<char>) {
    match value {
        Expr::Call(name, mut arguments, keywords)
            if conversion.is_none() && arguments.len() == 1 && keywords.is_empty() =>
        {
            let conversion = match &*name {
                "repr" => 'r',
                "str" => 's',
                "ascii" => 'a',
                _ => return (Expr::Call(name, arguments, keywords), None),
            };
            (arguments.remove(0), Some(conversion))
        }
        value => (value, conversion),
    }
}

// ---- substitution ---------------------------------------------------------------------------------------------------

/// Replaces free names. What a comprehension binds is renamed (`x` to `x_2`) where a replacement would be captured.
pub fn substitute(expr: &Expr, new: &dyn Fn(&str) -> Option<Expr>) -> Expr {
    substitute_in(expr, new, &mut Vec::new())
}

fn substitute_in(expr: &Expr, new: &dyn Fn(&str) -> Option<Expr>, bound: &mut Vec<Text>) -> Expr {
    match expr {
        Expr::Name(name) => {
            if bound.contains(name) {
                return expr.clone();
            }
            new(name).unwrap_or_else(|| expr.clone())
        }
        Expr::Comprehension { .. } => {
            let mut renamed = expr.clone();
            avoid_capture(&mut renamed, new, bound);
            let Expr::Comprehension { clauses, .. } = &renamed else { return renamed };
            let outer = bound.len();
            let inner = targets(clauses);
            let mut first = true;
            let substituted = map(&renamed, &mut |part| {
                let part = substitute_in(part, new, bound);
                // The first iterable belongs to the scope outside; all that follow see the targets.
                if std::mem::take(&mut first) {
                    bound.extend(inner.iter().cloned());
                }
                part
            });
            bound.truncate(outer);
            substituted
        }
        _ => {
            let mut at = 0..;
            map(expr, &mut |part| {
                let is_value = at.next().is_some_and(|at| is_value_part(expr, at));
                if is_value { substitute_in(part, new, bound) } else { part.clone() }
            })
        }
    }
}

/// Renames the targets of a comprehension that occur in what its free names are replaced by.
fn avoid_capture(expr: &mut Expr, new: &dyn Fn(&str) -> Option<Expr>, bound: &[Text]) {
    let Expr::Comprehension { element, key, clauses, .. } = expr else { return };
    let targets = targets(clauses);
    let mut inside = Free { seen: BTreeSet::new(), order: Vec::new() };
    let mut hidden = targets.clone();
    hidden.extend(bound.iter().cloned());
    let mut all: BTreeSet<Text> = targets.iter().cloned().collect();
    for (at, clause) in clauses.iter().enumerate() {
        if at > 0 {
            inside.expr(&clause.iterable, &mut hidden);
        }
        visit_names(&clause.iterable, &mut |name| {
            all.insert(name.into());
        });
        for condition in &clause.conditions {
            inside.expr(condition, &mut hidden);
            visit_names(condition, &mut |name| {
                all.insert(name.into());
            });
        }
    }
    for part in key.iter().chain([&*element]) {
        inside.expr(part, &mut hidden);
        visit_names(part, &mut |name| {
            all.insert(name.into());
        });
    }
    let mut incoming = BTreeSet::new();
    for name in &inside.order {
        if let Some(replacement) = new(name) {
            incoming.extend(names(&replacement));
        }
    }
    let clashes: BTreeSet<&Text> = targets.iter().filter(|name| incoming.contains(*name)).collect();
    if clashes.is_empty() {
        return;
    }
    all.extend(incoming.iter().cloned());
    all.extend(bound.iter().cloned());
    let mut fresh: Vec<(Text, Text)> = Vec::new();
    for name in clashes {
        let mut number = 2u64;
        let unused = loop {
            let candidate: Text = format!("{name}_{number}").into();
            if all.insert(candidate.clone()) {
                break candidate;
            }
            number += 1;
        };
        fresh.push((name.clone(), unused));
    }
    // Renaming goes into inner comprehensions too, targets and all: that keeps what they mean.
    let renamed = |name: &str| fresh.iter().find(|(old, _)| &**old == name).map(|(_, new)| new.clone());
    for (at, clause) in clauses.iter_mut().enumerate() {
        rename_target(&mut clause.target, &renamed);
        if at > 0 {
            rename(&mut clause.iterable, &renamed);
        }
        clause.conditions.iter_mut().for_each(|condition| rename(condition, &renamed));
    }
    for part in key.iter_mut().chain([element]) {
        rename(part, &renamed);
    }
}

// ---- partial evaluation ---------------------------------------------------------------------------------------------

/// An expression of which all is computed that the environment allows.
///
/// For every environment that adds to this one, the result evaluates to what the expression does. What raises stays
/// and raises later; what is decided by a part (`and`, `or`, `if`, a chain of comparisons) is decided. Values of more
/// than some 200 elements are not written out: the name, or the operation, that gives them stays.
pub fn partial(expr: &Expr, environment: &dyn Environment) -> Expr {
    Folder { environment, bound: Vec::new(), work: WORK.0 }.part(expr).expr
}

/// A part that has been folded.
struct Part {
    expr: Expr,
    /// Its value, if known. It may be too large for `expr`.
    value: Option<Value>,
}

impl Part {
    fn unknown(expr: Expr) -> Self {
        Self { expr, value: None }
    }

    fn known(value: Value) -> Self {
        Self { expr: Expr::Constant(value.clone()), value: Some(value) }
    }

    /// A part whose value is known, and written out if that is short.
    fn valued(expr: Expr, value: Value) -> Self {
        if is_writable(&value) { Self::known(value) } else { Self { expr, value: Some(value) } }
    }

    fn truth(&self) -> Option<bool> {
        self.value.as_ref().map(Value::is_true)
    }
}

/// Whether a value may stand in an expression: it is small, and no iterator is in it.
fn is_writable(value: &Value) -> bool {
    fn has_iterable(value: &Value) -> bool {
        match value {
            Value::Iterable(..) => true,
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().any(has_iterable),
            Value::Dict(entries) => entries.iter().any(|(key, value)| has_iterable(key) || has_iterable(value)),
            Value::None
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Str(_)
            | Value::Bytes(_)
            | Value::Range(..) => false,
        }
    }
    value.weight(LARGEST + 1) <= LARGEST && !has_iterable(value)
}

struct Folder<'e> {
    environment: &'e dyn Environment,
    /// What the comprehensions around bind.
    bound: Vec<Text>,
    /// What is left of [`WORK`].
    work: u64,
}

/// The environment, less what the comprehensions around bind.
struct Visible<'f>(&'f dyn Environment, &'f [Text]);

impl Environment for Visible<'_> {
    fn value(&self, name: &str) -> Option<Value> {
        if self.1.iter().any(|bound| &**bound == name) { None } else { self.0.value(name) }
    }
}

impl Folder<'_> {
    fn evaluate(&mut self, expr: &Expr) -> Outcome {
        let work = self.work.min(WORK.1);
        let mut meter = Meter::new(Budget { work });
        let value = evaluate_metered(expr, &Visible(self.environment, &self.bound), &mut meter);
        self.work -= work.saturating_sub(meter.left());
        value
    }

    fn part(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::Constant(value) => Part { expr: expr.clone(), value: Some(value.clone()) },
            Expr::Name(name) => match Visible(self.environment, &self.bound).value(name) {
                Some(value) => Part::valued(expr.clone(), value),
                None => Part::unknown(expr.clone()),
            },
            Expr::Boolean(operator, operands) => self.boolean(*operator, operands),
            Expr::If { test, then, otherwise } => {
                let test = self.part(test);
                match test.truth() {
                    Some(true) => self.part(then),
                    Some(false) => self.part(otherwise),
                    None => Part::unknown(Expr::If {
                        test: Box::new(test.expr),
                        then: Box::new(self.part(then).expr),
                        otherwise: Box::new(self.part(otherwise).expr),
                    }),
                }
            }
            Expr::Compare(first, rest) => self.compare(first, rest),
            Expr::Format(parts) => {
                let parts = self.format(parts);
                match canonical(Expr::Format(parts)) {
                    Expr::Constant(value) => Part::valued(expr.clone(), value),
                    folded => Part::unknown(folded),
                }
            }
            Expr::Comprehension { kind, element, key, clauses } => {
                self.comprehension(expr, *kind, element, key.as_deref(), clauses)
            }
            Expr::Unary(..)
            | Expr::Binary(..)
            | Expr::Index(..)
            | Expr::Slice { .. }
            | Expr::Call(..)
            | Expr::Method(..)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Set(_)
            | Expr::Dict(_) => self.operation(expr),
        }
    }

    /// An operation that needs all its operands.
    fn operation(&mut self, expr: &Expr) -> Part {
        let mut operands = Vec::new();
        let mut at = 0..;
        let folded = map(expr, &mut |operand| {
            if !at.next().is_some_and(|at| is_value_part(expr, at)) {
                operands.push(Some(operand.clone()));
                return operand.clone();
            }
            if let Expr::Comprehension { kind: kind @ ComprehensionKind::Generator, element, key, clauses } = operand {
                // It is run by who uses it, and may not be to its end (`any`).
                let folded = self.clauses(*kind, element, key.as_deref(), clauses);
                operands.push(Some(folded.clone()));
                return folded;
            }
            let part = self.part(operand);
            operands.push(part.value.map(Expr::Constant));
            part.expr
        });
        let Some(operands) = operands.into_iter().collect::<Option<Vec<Expr>>>() else {
            return Part::unknown(canonical(folded));
        };
        let mut operands = operands.into_iter();
        let probe = map(expr, &mut |operand| operands.next().unwrap_or_else(|| operand.clone()));
        match self.evaluate(&probe) {
            Ok(value) => Part::valued(folded, value),
            Err(_) => Part::unknown(canonical(folded)),
        }
    }

    fn boolean(&mut self, operator: BooleanOperator, operands: &[Expr]) -> Part {
        if operands.is_empty() {
            return Part::known(Value::Bool(operator == BooleanOperator::And));
        }
        let decisive = operator == BooleanOperator::Or;
        let mut kept: Vec<Part> = Vec::new();
        for (at, operand) in operands.iter().enumerate() {
            let part = self.part(operand);
            match part.truth() {
                Some(truth) if truth == decisive => {
                    kept.push(part);
                    break;
                }
                // It passes on to the next.
                Some(_) if at + 1 < operands.len() => {}
                _ => kept.push(part),
            }
        }
        if kept.len() == 1
            && let Some(only) = kept.pop()
        {
            return only;
        }
        Part::unknown(canonical(Expr::Boolean(operator, kept.into_iter().map(|part| part.expr).collect())))
    }

    fn compare(&mut self, first: &Expr, rest: &[(CompareOperator, Expr)]) -> Part {
        let mut left = self.part(first);
        let mut first = left.expr.clone();
        let mut kept: Vec<(CompareOperator, Expr)> = Vec::new();
        // How many comparisons at the end are known to be true.
        let mut true_at_end = 0;
        for (operator, operand) in rest {
            let right = self.part(operand);
            let outcome = match (&left.value, &right.value) {
                (Some(a), Some(b)) => {
                    let constant = |value: &Value| Expr::Constant(value.clone());
                    let probe = Expr::Compare(Box::new(constant(a)), vec![(*operator, constant(b))]);
                    self.evaluate(&probe).ok().map(|value| value.is_true())
                }
                _ => None,
            };
            match outcome {
                Some(true) if kept.is_empty() => first = right.expr.clone(),
                // Nothing before it can raise, and what follows is not evaluated.
                Some(false) if kept.is_empty() => return Part::known(Value::Bool(false)),
                Some(true) => {
                    true_at_end += 1;
                    kept.push((*operator, right.expr.clone()));
                }
                Some(false) => {
                    kept.push((*operator, right.expr.clone()));
                    true_at_end = 0;
                    break;
                }
                None => {
                    true_at_end = 0;
                    kept.push((*operator, right.expr.clone()));
                }
            }
            left = right;
        }
        if kept.is_empty() {
            // All true, or no comparison at all.
            return if rest.is_empty() { left } else { Part::known(Value::Bool(true)) };
        }
        kept.truncate(kept.len() - true_at_end);
        Part::unknown(Expr::Compare(Box::new(first), kept))
    }

    fn format(&mut self, parts: &[FormatPart]) -> Vec<FormatPart> {
        let mut out = Vec::with_capacity(parts.len());
        for part in parts {
            let FormatPart::Value { value, conversion, specification } = part else {
                out.push(part.clone());
                continue;
            };
            let value = self.part(value);
            let specification = canonical_format(self.format(specification));
            if let Some(known) = &value.value
                && specification.iter().all(|part| matches!(part, FormatPart::Text(_)))
            {
                let probe = Expr::Format(vec![FormatPart::Value {
                    value: Expr::Constant(known.clone()),
                    conversion: *conversion,
                    specification: specification.clone(),
                }]);
                if let Ok(Value::Str(text)) = self.evaluate(&probe)
                    && is_writable(&Value::Str(text.clone()))
                {
                    out.push(FormatPart::Text(text));
                    continue;
                }
            }
            out.push(FormatPart::Value { value: value.expr, conversion: *conversion, specification });
        }
        out
    }

    fn comprehension(
        &mut self,
        expr: &Expr,
        kind: ComprehensionKind,
        element: &Expr,
        key: Option<&Expr>,
        clauses: &[Clause],
    ) -> Part {
        // Names that are not known do not matter if none is met.
        let value = self.evaluate(expr).ok();
        if let Some(value) = &value
            && is_writable(value)
        {
            return Part::known(value.clone());
        }
        Part { expr: self.clauses(kind, element, key, clauses), value }
    }

    /// A comprehension with its parts folded.
    fn clauses(&mut self, kind: ComprehensionKind, element: &Expr, key: Option<&Expr>, clauses: &[Clause]) -> Expr {
        let outer = self.bound.len();
        let inner = targets(clauses);
        let mut folded = Vec::with_capacity(clauses.len());
        for (at, clause) in clauses.iter().enumerate() {
            let iterable = self.part(&clause.iterable).expr;
            if at == 0 {
                self.bound.extend(inner.iter().cloned());
            }
            let conditions = clause.conditions.iter().map(|condition| self.part(condition));
            let conditions = conditions.filter(|part| part.truth() != Some(true)).map(|part| part.expr).collect();
            folded.push(Clause { target: clause.target.clone(), iterable, conditions });
        }
        let key = key.map(|key| Box::new(self.part(key).expr));
        let element = Box::new(self.part(element).expr);
        self.bound.truncate(outer);
        Expr::Comprehension { kind, element, key, clauses: folded }
    }
}

// ---- exceptions -----------------------------------------------------------------------------------------------------

/// Whether evaluating an expression may raise, its names being bound to whatever JSON holds. `false` is certain, with
/// one licence: a name on which `.get` is called is taken for a dict, and what it is asked for as hashable.
pub fn can_raise(expr: &Expr) -> bool {
    raises(&partial(expr, &()))
}

/// The type of an expression's value, if it has one, as `type(x).__name__`.
fn type_of(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Constant(value) => Some(value.type_name()),
        Expr::Format(_) => Some("str"),
        Expr::Compare(_, rest) if !rest.is_empty() => Some("bool"),
        Expr::Unary(UnaryOperator::Not, _) => Some("bool"),
        Expr::List(_) => Some("list"),
        Expr::Tuple(_) => Some("tuple"),
        Expr::Set(_) => Some("set"),
        Expr::Dict(_) => Some("dict"),
        Expr::Comprehension { kind, .. } => Some(match kind {
            ComprehensionKind::List => "list",
            ComprehensionKind::Set => "set",
            ComprehensionKind::Dict => "dict",
            ComprehensionKind::Generator => "generator",
        }),
        Expr::Boolean(_, operands) => {
            let first = operands.first().and_then(type_of)?;
            operands.iter().skip(1).all(|operand| type_of(operand) == Some(first)).then_some(first)
        }
        Expr::If { then, otherwise, .. } => type_of(then).filter(|type_| type_of(otherwise) == Some(type_)),
        Expr::Binary(operator, left, right) => match (type_of(left)?, type_of(right)?) {
            ("int" | "bool", "int" | "bool") if is_ring(*operator) => Some("int"),
            ("float", "float") if is_ring(*operator) => Some("float"),
            ("str", "str") if *operator == BinaryOperator::Add => Some("str"),
            ("list", "list") if *operator == BinaryOperator::Add => Some("list"),
            ("tuple", "tuple") if *operator == BinaryOperator::Add => Some("tuple"),
            _ => None,
        },
        Expr::Slice { value, .. } => {
            type_of(value).filter(|type_| matches!(*type_, "str" | "bytes" | "list" | "tuple"))
        }
        Expr::Call(name, ..) => match &**name {
            "str" | "repr" | "ascii" | "format" | "chr" | "hex" | "oct" | "bin" => Some("str"),
            "len" | "int" | "ord" => Some("int"),
            "bool" | "isinstance" | "any" | "all" => Some("bool"),
            "float" => Some("float"),
            "list" | "sorted" => Some("list"),
            "tuple" => Some("tuple"),
            "set" => Some("set"),
            "dict" => Some("dict"),
            "range" => Some("range"),
            _ => None,
        },
        Expr::Method(receiver, name, ..) => match &**name {
            "lower" | "upper" | "strip" | "lstrip" | "rstrip" | "title" | "capitalize" | "casefold" | "swapcase"
            | "replace"
                if type_of(receiver) == Some("str") =>
            {
                Some("str")
            }
            "keys" if type_of(receiver) == Some("dict") => Some("dict_keys"),
            "values" if type_of(receiver) == Some("dict") => Some("dict_values"),
            "items" if type_of(receiver) == Some("dict") => Some("dict_items"),
            _ => None,
        },
        Expr::Name(_) | Expr::Compare(..) | Expr::Unary(..) | Expr::Index(..) => None,
    }
}

/// The operators that never fail on numbers of one kind.
fn is_ring(operator: BinaryOperator) -> bool {
    matches!(operator, BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply)
}

fn is_hashable_type(type_: Option<&str>) -> bool {
    matches!(type_, Some("NoneType" | "bool" | "int" | "float" | "str" | "bytes" | "range"))
}

fn is_hashable(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(value) => value.is_hashable(),
        Expr::Tuple(items) => items.iter().all(is_hashable),
        other => is_hashable_type(type_of(other)),
    }
}

fn is_sized(type_: Option<&str>) -> bool {
    matches!(
        type_,
        Some(
            "str" | "bytes" | "list" | "tuple" | "set" | "dict" | "range" | "dict_keys" | "dict_values" | "dict_items"
        )
    )
}

/// [`can_raise`] of an expression without parts that can be computed.
fn raises(expr: &Expr) -> bool {
    let mut part_raises = false;
    visit_parts(expr, &mut |part| part_raises = part_raises || raises(part));
    if part_raises {
        return true;
    }
    match expr {
        Expr::Name(_)
        | Expr::Constant(_)
        | Expr::Boolean(..)
        | Expr::If { .. }
        | Expr::List(_)
        | Expr::Tuple(_)
        | Expr::Unary(UnaryOperator::Not, _) => false,
        Expr::Unary(UnaryOperator::Minus | UnaryOperator::Plus, operand) => {
            !matches!(type_of(operand), Some("int" | "bool" | "float"))
        }
        Expr::Unary(UnaryOperator::Invert, operand) => !matches!(type_of(operand), Some("int" | "bool")),
        Expr::Binary(..) => type_of(expr).is_none(),
        Expr::Compare(first, rest) => {
            let mut left = &**first;
            rest.iter().any(|(operator, right)| {
                let left = std::mem::replace(&mut left, right);
                comparison_raises(*operator, left, right)
            })
        }
        Expr::Index(..) => true,
        Expr::Slice { start, stop, step, .. } => {
            let is_bound = |bound: &Option<Box<Expr>>| {
                bound.as_deref().is_none_or(|bound| matches!(type_of(bound), Some("int" | "bool" | "NoneType")))
            };
            type_of(expr).is_none() || !is_bound(start) || !is_bound(stop) || step.is_some()
        }
        Expr::Call(name, arguments, keywords) => {
            !keywords.is_empty()
                || match (&**name, &**arguments) {
                    ("isinstance", [_, _]) | ("bool" | "str" | "repr" | "type", [_]) => false,
                    ("len", [only]) => !is_sized(type_of(only)),
                    ("list" | "tuple", [only]) => !is_sized(type_of(only)),
                    _ => true,
                }
        }
        Expr::Method(receiver, name, arguments, keywords) => {
            !keywords.is_empty()
                || match (&**name, type_of(receiver), &**arguments) {
                    ("get", type_, [key] | [key, _]) => {
                        let is_dict = type_ == Some("dict") || matches!(**receiver, Expr::Name(_));
                        !(is_dict && (is_hashable(key) || type_of(key).is_none()))
                    }
                    ("keys" | "values" | "items", Some("dict"), []) => false,
                    (
                        "lower" | "upper" | "strip" | "lstrip" | "rstrip" | "title" | "capitalize" | "casefold"
                        | "swapcase" | "isdigit" | "isalpha" | "isalnum" | "isspace" | "split" | "splitlines",
                        Some("str"),
                        [],
                    ) => false,
                    ("startswith" | "endswith", Some("str"), [only]) => type_of(only) != Some("str"),
                    ("replace", Some("str"), [old, new]) => type_of(old) != Some("str") || type_of(new) != Some("str"),
                    _ => true,
                }
        }
        Expr::Set(items) => !items.iter().all(is_hashable),
        Expr::Dict(entries) => !entries.iter().all(|(key, value)| match key {
            Some(key) => is_hashable(key),
            None => type_of(value) == Some("dict"),
        }),
        Expr::Format(parts) => parts.iter().any(|part| match part {
            FormatPart::Text(_) => false,
            FormatPart::Value { specification, .. } => !specification.is_empty(),
        }),
        Expr::Comprehension { kind, element, key, clauses } => {
            reads_unbound(clauses)
                || clauses.iter().any(|clause| {
                    !matches!(clause.target, super::Target::Name(_))
                        || !(is_sized(type_of(&clause.iterable)) || type_of(&clause.iterable) == Some("generator"))
                })
                || match kind {
                    ComprehensionKind::List | ComprehensionKind::Generator => false,
                    ComprehensionKind::Set => !is_hashable(element),
                    ComprehensionKind::Dict => !is_hashable(key.as_deref().unwrap_or(element)),
                }
        }
    }
}

/// Whether a clause may read a target that only it or a later one binds: all targets are local from the start.
fn reads_unbound(clauses: &[Clause]) -> bool {
    let mut unbound = targets(clauses);
    clauses.iter().enumerate().any(|(at, clause)| {
        let mut reads = false;
        if at > 0 {
            visit_names(&clause.iterable, &mut |name| reads |= unbound.iter().any(|target| &**target == name));
        }
        let own = targets(std::slice::from_ref(clause));
        unbound.retain(|target| !own.contains(target));
        for condition in &clause.conditions {
            visit_names(condition, &mut |name| reads |= unbound.iter().any(|target| &**target == name));
        }
        reads
    })
}

fn comparison_raises(operator: CompareOperator, left: &Expr, right: &Expr) -> bool {
    match operator {
        CompareOperator::Equal | CompareOperator::NotEqual | CompareOperator::Is | CompareOperator::IsNot => false,
        CompareOperator::In | CompareOperator::NotIn => match type_of(right) {
            Some("list" | "tuple" | "range" | "dict_values") => false,
            Some("str") => type_of(left) != Some("str"),
            Some("set" | "dict" | "dict_keys") => !is_hashable(left),
            _ => true,
        },
        CompareOperator::Less
        | CompareOperator::LessEqual
        | CompareOperator::Greater
        | CompareOperator::GreaterEqual => !matches!(
            (type_of(left), type_of(right)),
            (Some("int" | "bool" | "float"), Some("int" | "bool" | "float"))
                | (Some("str"), Some("str"))
                | (Some("bytes"), Some("bytes"))
                | (Some("set"), Some("set"))
        ),
    }
}
