//! What an expression means: CPython 3.12's answer, or why there is none.
//!
//! Invariant: [`evaluate`] ends. Every step, element and piece of text is paid from a [`Budget`], and an operation
//! whose result would not fit is refused before it starts. Depends on no other module of the crate.
//!
//! Known differences from CPython: a set keeps insertion order; objects have no identity (`is` answers only where a
//! singleton or two types decide it, and a NaN in a container is not equal to itself); complex numbers and lone
//! surrogates do not exist. What cannot be answered truly is [`Failure::Unsupported`], never a guess.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::value::{self, DictBuilder, Meter, equal, lookup, order, range_length};
use super::visit::visit_target;
use super::{
    BooleanOperator, Clause, CompareOperator, ComprehensionKind, Expr, FormatPart, IterableKind, Raised, Target, Text,
    UnaryOperator, Value, format, functions, methods, operators,
};

/// Deepest nesting that is evaluated.
const MAX_DEPTH: usize = 4_000;

/// How much an evaluation may do. A unit is a step, an element of a container, or 16 bytes of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Units of work.
    pub work: u64,
}

impl Default for Budget {
    /// Four million units: under a second, and a few hundred MiB at the worst.
    fn default() -> Self {
        Self { work: 4_000_000 }
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Python raises.
    #[error("{0}")]
    Raised(Raised),
    /// A name that the environment does not know.
    #[error("`{0}` is not known")]
    UnknownName(Text),
    /// The result, or the work for it, is over the budget.
    #[error("too large to compute")]
    TooLarge,
    /// Python has an answer that this language has not; says which.
    #[error("not supported: {0}")]
    Unsupported(String),
}

/// A value, or why there is none.
pub type Outcome<T = Value> = Result<T, Failure>;

/// The values of names.
pub trait Environment {
    /// The value of a name, if it is known.
    fn value(&self, name: &str) -> Option<Value>;
}

impl<S: BuildHasher> Environment for HashMap<String, Value, S> {
    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

impl Environment for BTreeMap<String, Value> {
    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

impl Environment for BTreeMap<Text, Value> {
    fn value(&self, name: &str) -> Option<Value> {
        self.get(name).cloned()
    }
}

/// A function of names.
impl<F: Fn(&str) -> Option<Value>> Environment for F {
    fn value(&self, name: &str) -> Option<Value> {
        self(name)
    }
}

/// No name is known.
impl Environment for () {
    fn value(&self, _: &str) -> Option<Value> {
        None
    }
}

/// An exception of a class.
pub(super) fn raise<T>(exception: &str, message: impl Into<String>) -> Outcome<T> {
    Err(Failure::Raised(Raised { exception: exception.into(), message: message.into() }))
}

/// The value of an expression.
///
/// # Errors
/// See [`Failure`].
pub fn evaluate(expr: &Expr, environment: &dyn Environment, budget: Budget) -> Outcome {
    evaluate_metered(expr, environment, &mut Meter::new(budget))
}

/// [`evaluate`], paid from a meter.
pub(super) fn evaluate_metered(expr: &Expr, environment: &dyn Environment, meter: &mut Meter) -> Outcome {
    let meter_now = std::mem::replace(meter, Meter::new(Budget { work: 0 }));
    let mut machine = Machine { environment, locals: Vec::new(), depth: 0, meter: meter_now };
    let value = machine.value(expr);
    *meter = machine.meter;
    value
}

/// One evaluation.
pub(super) struct Machine<'e> {
    environment: &'e dyn Environment,
    /// Targets of the comprehensions that are running, innermost last; `None` until they are bound.
    locals: Vec<(Text, Option<Value>)>,
    depth: usize,
    pub(super) meter: Meter,
}

impl Machine<'_> {
    pub(super) fn value(&mut self, expr: &Expr) -> Outcome {
        self.meter.charge(1)?;
        if self.depth >= MAX_DEPTH {
            return Err(Failure::TooLarge);
        }
        self.depth += 1;
        let result = self.dispatch(expr);
        self.depth -= 1;
        result
    }

    fn dispatch(&mut self, expr: &Expr) -> Outcome {
        match expr {
            Expr::Name(name) => {
                let value = self.name(name)?;
                self.meter.charge(value::footprint(&value))?;
                Ok(value)
            }
            Expr::Constant(value) => Ok(value.clone()),
            Expr::Unary(UnaryOperator::Not, operand) => Ok(Value::Bool(!self.value(operand)?.is_true())),
            Expr::Unary(operator, operand) => {
                let operand = self.value(operand)?;
                operators::unary(*operator, &operand, &mut self.meter)
            }
            Expr::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                operators::binary(*operator, left, &right, &mut self.meter)
            }
            Expr::Boolean(operator, operands) => self.boolean(*operator, operands),
            Expr::Compare(first, rest) => self.compare(first, rest),
            Expr::If { test, then, otherwise } => {
                if self.value(test)?.is_true() {
                    self.value(then)
                } else {
                    self.value(otherwise)
                }
            }
            Expr::Index(value, index) => {
                let value = self.value(value)?;
                let index = self.value(index)?;
                get_item(&value, &index, &mut self.meter)
            }
            Expr::Slice { value, start, stop, step } => {
                let value = self.value(value)?;
                let mut bound = |bound: &Option<Box<Expr>>| bound.as_deref().map(|b| self.value(b)).transpose();
                let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?);
                slice(&value, start.as_ref(), stop.as_ref(), step.as_ref(), &mut self.meter)
            }
            Expr::Call(name, arguments, keywords) => functions::call(self, name, arguments, keywords),
            Expr::Method(receiver, name, arguments, keywords) => {
                let receiver = self.value(receiver)?;
                // The attribute is looked up before the arguments are evaluated.
                methods::check(&receiver, name)?;
                let arguments = self.values(arguments)?;
                let keywords = self.keywords(keywords)?;
                methods::call(receiver, name, &arguments, &keywords, &mut self.meter)
            }
            Expr::List(items) => Ok(Value::list(self.elements(items)?)),
            Expr::Tuple(items) => Ok(Value::tuple(self.elements(items)?)),
            Expr::Set(items) => {
                let items = self.elements(items)?;
                value::set(items, &mut self.meter)
            }
            Expr::Dict(entries) => self.dict(entries),
            Expr::Format(parts) => self.format(parts),
            Expr::Comprehension { kind, element, key, clauses } => {
                self.comprehension(*kind, element, key.as_deref(), clauses)
            }
        }
    }

    fn name(&self, name: &Text) -> Outcome {
        match self.locals.iter().rev().find(|(local, _)| local == name) {
            Some((_, Some(value))) => return Ok(value.clone()),
            Some((_, None)) => {
                return raise(
                    "UnboundLocalError",
                    format!("cannot access local variable '{name}' where it is not associated with a value"),
                );
            }
            None => {}
        }
        self.environment.value(name).ok_or_else(|| Failure::UnknownName(name.clone()))
    }

    pub(super) fn values(&mut self, exprs: &[Expr]) -> Outcome<Vec<Value>> {
        exprs.iter().map(|expr| self.value(expr)).collect()
    }

    pub(super) fn keywords(&mut self, keywords: &[(Text, Expr)]) -> Outcome<Vec<(Text, Value)>> {
        keywords.iter().map(|(name, expr)| Ok((name.clone(), self.value(expr)?))).collect()
    }

    /// The elements of a display. An iterator in a container could be used twice, and would be empty then.
    fn elements(&mut self, exprs: &[Expr]) -> Outcome<Vec<Value>> {
        exprs.iter().map(|expr| self.value(expr).and_then(storable)).collect()
    }

    fn boolean(&mut self, operator: BooleanOperator, operands: &[Expr]) -> Outcome {
        let mut last = Value::Bool(operator == BooleanOperator::And);
        for operand in operands {
            last = self.value(operand)?;
            if last.is_true() == (operator == BooleanOperator::Or) {
                break;
            }
        }
        Ok(last)
    }

    fn compare(&mut self, first: &Expr, rest: &[(CompareOperator, Expr)]) -> Outcome {
        let mut left = self.value(first)?;
        for (operator, right) in rest {
            let right = self.value(right)?;
            if !compare(*operator, &left, &right, &mut self.meter)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn dict(&mut self, entries: &[(Option<Expr>, Expr)]) -> Outcome {
        let mut out = DictBuilder::default();
        // Python evaluates all keys and values up to the next `**` before it hashes the first key.
        let mut waiting: Vec<(Value, Value)> = Vec::new();
        for (key, value) in entries {
            match key {
                Some(key) => {
                    let key = self.value(key)?;
                    let value = storable(self.value(value)?)?;
                    waiting.push((key, value));
                }
                None => {
                    for (key, value) in waiting.drain(..) {
                        out.insert(key, value, &mut self.meter)?;
                    }
                    let other = self.value(value)?;
                    let Value::Dict(other) = &other else {
                        return raise("TypeError", format!("'{}' object is not a mapping", other.type_name()));
                    };
                    for (key, value) in other.iter() {
                        out.insert(key.clone(), value.clone(), &mut self.meter)?;
                    }
                }
            }
        }
        for (key, value) in waiting {
            out.insert(key, value, &mut self.meter)?;
        }
        Ok(out.finish())
    }

    fn format(&mut self, parts: &[FormatPart]) -> Outcome {
        Ok(Value::Str(self.formatted(parts)?.into()))
    }

    fn formatted(&mut self, parts: &[FormatPart]) -> Outcome<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                FormatPart::Text(text) => {
                    self.meter.charge_bytes(text.len())?;
                    out.push_str(text);
                }
                FormatPart::Value { value, conversion, specification } => {
                    let value = self.value(value)?;
                    let value = format::converted(value, *conversion, &mut self.meter)?;
                    let specification = self.formatted(specification)?;
                    out.push_str(&format::format(&value, &specification, &mut self.meter)?);
                }
            }
        }
        Ok(out)
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &Expr,
        key: Option<&Expr>,
        clauses: &[Clause],
    ) -> Outcome {
        match kind {
            ComprehensionKind::Dict => {
                let mut out = DictBuilder::default();
                let key = key.unwrap_or(element);
                self.each(clauses, &mut |machine| {
                    let key = machine.value(key)?;
                    let value = storable(machine.value(element)?)?;
                    out.insert(key, value, &mut machine.meter)?;
                    Ok(true)
                })?;
                Ok(out.finish())
            }
            ComprehensionKind::List | ComprehensionKind::Set | ComprehensionKind::Generator => {
                let mut out = Vec::new();
                self.each(clauses, &mut |machine| {
                    let item = storable(machine.value(element)?)?;
                    if kind == ComprehensionKind::Set && !item.is_hashable() {
                        value::set([item], &mut machine.meter)?;
                        return Ok(true);
                    }
                    out.push(item);
                    Ok(true)
                })?;
                match kind {
                    ComprehensionKind::Set => value::set(out, &mut self.meter),
                    ComprehensionKind::Generator => Ok(Value::Iterable(IterableKind::Generator, Arc::new(out))),
                    ComprehensionKind::List | ComprehensionKind::Dict => Ok(Value::list(out)),
                }
            }
        }
    }

    /// Runs `body` for each binding of the clauses, until it says `false`.
    pub(super) fn each(
        &mut self,
        clauses: &[Clause],
        body: &mut dyn FnMut(&mut Self) -> Outcome<bool>,
    ) -> Outcome<bool> {
        let Some(first) = clauses.first() else { return body(self) };
        let depth = self.locals.len();
        // All targets are local from the start, but the first iterable belongs to the scope outside.
        let iterable = self.value(&first.iterable)?;
        for clause in clauses {
            visit_target(&clause.target, &mut |name| self.locals.push((name.clone(), None)));
        }
        let go_on = self.each_of(iterable, clauses, body)?;
        self.locals.truncate(depth);
        Ok(go_on)
    }

    /// [`Machine::each`], the first iterable being known.
    fn each_of(
        &mut self,
        iterable: Value,
        clauses: &[Clause],
        body: &mut dyn FnMut(&mut Self) -> Outcome<bool>,
    ) -> Outcome<bool> {
        let Some((clause, inner)) = clauses.split_first() else { return body(self) };
        let depth = self.locals.len();
        // A range is walked without building it.
        let mut range = match &iterable {
            Value::Range(start, stop, step) => Some((start.clone(), range_length(start, stop, step), step.clone())),
            _ => None,
        };
        let items = if range.is_some() { Arc::default() } else { shared_items(iterable, &mut self.meter)? };
        let mut items = items.iter();
        loop {
            let item = match &mut range {
                Some((_, left, _)) if left.is_zero() => break,
                Some((next, left, step)) => {
                    let item = Value::Int(next.clone());
                    *next += &*step;
                    *left -= 1u32;
                    item
                }
                None => match items.next() {
                    Some(item) => item.clone(),
                    None => break,
                },
            };
            self.meter.charge(value::footprint(&item))?;
            self.bind(&clause.target, item)?;
            let mut admitted = true;
            for condition in &clause.conditions {
                admitted = self.value(condition)?.is_true();
                if !admitted {
                    break;
                }
            }
            let go_on = !admitted
                || match inner.first() {
                    None => body(self)?,
                    Some(next) => {
                        let iterable = self.value(&next.iterable)?;
                        self.each_of(iterable, inner, body)?
                    }
                };
            self.locals.truncate(depth);
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn bind(&mut self, target: &Target, value: Value) -> Outcome<()> {
        match target {
            Target::Name(name) => self.locals.push((name.clone(), Some(storable(value)?))),
            Target::Tuple(targets) => {
                if matches!(value, Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                    return raise("TypeError", format!("cannot unpack non-iterable {} object", value.type_name()));
                }
                let items = shared_items(value, &mut self.meter)?;
                let (want, have) = (targets.len(), items.len());
                if have > want {
                    return raise("ValueError", format!("too many values to unpack (expected {want})"));
                }
                if have < want {
                    return raise("ValueError", format!("not enough values to unpack (expected {want}, got {have})"));
                }
                for (target, item) in targets.iter().zip(items.iter()) {
                    self.bind(target, item.clone())?;
                }
            }
        }
        Ok(())
    }
}

/// Refuses an iterator that would be kept: its second use would find it empty.
fn storable(value: Value) -> Outcome {
    match &value {
        Value::Iterable(kind, _) if !kind.is_view() => {
            Err(Failure::Unsupported(format!("a {} that is kept", kind.type_name())))
        }
        _ => Ok(value),
    }
}

/// The elements of a value, without a copy where it has a list of them.
pub(super) fn shared_items(value: Value, meter: &mut Meter) -> Outcome<Arc<Vec<Value>>> {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::Iterable(_, items) => Ok(items),
        other => iterate(&other, meter).map(Arc::new),
    }
}

/// The elements that `for x in value` visits.
///
/// # Errors
/// `TypeError` for what cannot be iterated.
pub(super) fn iterate(value: &Value, meter: &mut Meter) -> Outcome<Vec<Value>> {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            raise("TypeError", format!("'{}' object is not iterable", value.type_name()))
        }
        Value::Str(text) => {
            meter.charge(text.len())?;
            Ok(text.chars().map(|c| Value::Str(c.encode_utf8(&mut [0; 4]).into())).collect())
        }
        Value::Bytes(bytes) => {
            meter.charge(bytes.len())?;
            Ok(bytes.iter().map(|byte| Value::int(*byte)).collect())
        }
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::Iterable(_, items) => {
            meter.charge(items.iter().map(value::footprint).sum())?;
            Ok(items.to_vec())
        }
        Value::Dict(entries) => {
            meter.charge(entries.len())?;
            Ok(entries.iter().map(|(key, _)| key.clone()).collect())
        }
        Value::Range(start, stop, step) => {
            let length = range_length(start, stop, step).to_usize().unwrap_or(usize::MAX);
            meter.charge(length.saturating_mul(value::footprint(value)))?;
            let mut next = start.clone();
            let mut out = Vec::with_capacity(length);
            for _ in 0..length {
                out.push(Value::Int(next.clone()));
                next += step;
            }
            Ok(out)
        }
    }
}

/// One comparison.
pub(super) fn compare(operator: CompareOperator, left: &Value, right: &Value, meter: &mut Meter) -> Outcome<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordered = |symbol: &str, admits: &[std::cmp::Ordering], meter: &mut Meter| {
        if let (Some(a), Some(b)) = (as_set(left), as_set(right)) {
            let (smaller, larger) = if admits.contains(&Less) { (a, b) } else { (b, a) };
            return Ok((admits.contains(&Equal) || smaller.len() < larger.len())
                && smaller.len() <= larger.len()
                && value::is_subset(smaller, larger, meter)?);
        }
        Ok(order(left, right, symbol, meter)?.is_some_and(|order| admits.contains(&order)))
    };
    match operator {
        CompareOperator::Equal => equal_or_unknown(left, right, meter),
        CompareOperator::NotEqual => equal_or_unknown(left, right, meter).map(|equal| !equal),
        CompareOperator::Less => ordered("<", &[Less], meter),
        CompareOperator::LessEqual => ordered("<=", &[Less, Equal], meter),
        CompareOperator::Greater => ordered(">", &[Greater], meter),
        CompareOperator::GreaterEqual => ordered(">=", &[Greater, Equal], meter),
        CompareOperator::In => contains(right, left, meter),
        CompareOperator::NotIn => contains(right, left, meter).map(|contains| !contains),
        CompareOperator::Is => identical(left, right),
        CompareOperator::IsNot => identical(left, right).map(|same| !same),
    }
}

fn as_set(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Set(items) => Some(items),
        Value::Iterable(kind, items) if kind.is_set() => Some(items),
        _ => None,
    }
}

/// `==`, where two iterators or `dict.values()` are equal only if they are the same object.
fn equal_or_unknown(left: &Value, right: &Value, meter: &mut Meter) -> Outcome<bool> {
    if let (Value::Iterable(a, _), Value::Iterable(b, _)) = (left, right)
        && a == b
        && as_set(left).is_none()
    {
        return Err(Failure::Unsupported(format!("the identity of a {}", a.type_name())));
    }
    equal(left, right, meter)
}

/// `is`, where a singleton or two types decide it.
fn identical(left: &Value, right: &Value) -> Outcome<bool> {
    match (left, right) {
        (Value::None, Value::None) => Ok(true),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        _ if left.type_name() != right.type_name() => Ok(false),
        _ => Err(Failure::Unsupported(format!("the identity of a {}", left.type_name()))),
    }
}

/// `needle in haystack`.
fn contains(haystack: &Value, needle: &Value, meter: &mut Meter) -> Outcome<bool> {
    match haystack {
        Value::Str(text) => match needle {
            Value::Str(part) => {
                meter.charge_bytes(text.len())?;
                Ok(text.contains(&**part))
            }
            _ => {
                raise("TypeError", format!("'in <string>' requires string as left operand, not {}", needle.type_name()))
            }
        },
        Value::Bytes(bytes) => match needle {
            Value::Bytes(part) => {
                meter.charge(bytes.len())?;
                Ok(operators::find_bytes(bytes, part).is_some())
            }
            Value::Bool(_) | Value::Int(_) => match needle.as_small().map(u8::try_from) {
                Some(Ok(byte)) => Ok(bytes.contains(&byte)),
                _ => raise("ValueError", "byte must be in range(0, 256)"),
            },
            _ => raise("TypeError", format!("a bytes-like object is required, not '{}'", needle.type_name())),
        },
        Value::Dict(entries) => Ok(lookup(entries, needle, meter)?.is_some()),
        Value::Iterable(IterableKind::Keys | IterableKind::FrozenSet, _) | Value::Set(_) if !needle.is_hashable() => {
            // A set as needle is looked up by its frozen copy.
            match (haystack, needle) {
                (Value::Set(_) | Value::Iterable(IterableKind::FrozenSet, _), Value::Set(set)) => {
                    let frozen = Value::Iterable(IterableKind::FrozenSet, set.clone());
                    contains(haystack, &frozen, meter)
                }
                _ => raise(
                    "TypeError",
                    format!("unhashable type: '{}'", needle.unhashable().unwrap_or(needle.type_name())),
                ),
            }
        }
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::Iterable(_, items) => {
            for item in items.iter() {
                meter.charge(1)?;
                if equal(item, needle, meter)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Range(start, stop, step) => {
            let whole = match needle {
                Value::Float(number) if number.fract() == 0.0 => operators::int_of_float(*number),
                _ => needle.as_int(),
            };
            Ok(whole.is_some_and(|n| in_range(&n, start, stop, step)))
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
            raise("TypeError", format!("argument of type '{}' is not iterable", haystack.type_name()))
        }
    }
}

/// Whether a range holds an integer.
pub(super) fn in_range(number: &BigInt, start: &BigInt, stop: &BigInt, step: &BigInt) -> bool {
    let inside = if step.is_positive() { start <= number && number < stop } else { stop < number && number <= start };
    inside && !step.is_zero() && ((number - start) % step).is_zero()
}

/// `value[index]`.
pub(super) fn get_item(value: &Value, index: &Value, meter: &mut Meter) -> Outcome {
    let wrong_index = |what: &str| raise("TypeError", format!("{what}, not {}", index.type_name()));
    let position = |length: usize| -> Option<Option<usize>> {
        let number = index.as_int()?;
        let at = if number.is_negative() { number + length } else { number };
        Some(at.to_usize().filter(|at| *at < length))
    };
    let too_wide = |index: &Value| index.as_int().is_some_and(|number| number.to_i64().is_none());
    match value {
        Value::Dict(entries) => match lookup(entries, index, meter)? {
            Some((_, item)) => Ok(item.clone()),
            None => raise("KeyError", value::repr(index, meter)?),
        },
        _ if too_wide(index) && matches!(value, Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Bytes(_)) => {
            raise("IndexError", "cannot fit 'int' into an index-sized integer")
        }
        Value::List(items) => match position(items.len()) {
            None => wrong_index("list indices must be integers or slices"),
            Some(None) => raise("IndexError", "list index out of range"),
            Some(Some(at)) => Ok(items.get(at).cloned().unwrap_or(Value::None)),
        },
        Value::Tuple(items) => match position(items.len()) {
            None => wrong_index("tuple indices must be integers or slices"),
            Some(None) => raise("IndexError", "tuple index out of range"),
            Some(Some(at)) => Ok(items.get(at).cloned().unwrap_or(Value::None)),
        },
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            match position(value::char_count(text)) {
                None => raise("TypeError", format!("string indices must be integers, not '{}'", index.type_name())),
                Some(None) => raise("IndexError", "string index out of range"),
                Some(Some(at)) => {
                    Ok(text.chars().nth(at).map_or(Value::None, |c| Value::Str(c.encode_utf8(&mut [0; 4]).into())))
                }
            }
        }
        Value::Bytes(bytes) => match position(bytes.len()) {
            None => wrong_index("byte indices must be integers or slices"),
            Some(None) => raise("IndexError", "index out of range"),
            Some(Some(at)) => Ok(bytes.get(at).map_or(Value::None, |byte| Value::int(*byte))),
        },
        Value::Range(start, stop, step) => {
            let length = range_length(start, stop, step);
            let Some(number) = index.as_int() else {
                return wrong_index("range indices must be integers or slices");
            };
            let at = if number.is_negative() { number + &length } else { number };
            if at.is_negative() || at >= length {
                return raise("IndexError", "range object index out of range");
            }
            Ok(Value::Int(start + at * step))
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Set(_) | Value::Iterable(..) => {
            raise("TypeError", format!("'{}' object is not subscriptable", value.type_name()))
        }
    }
}

/// `value[start:stop:step]`.
fn slice(
    value: &Value,
    start: Option<&Value>,
    stop: Option<&Value>,
    step: Option<&Value>,
    meter: &mut Meter,
) -> Outcome {
    let length = match value {
        Value::List(items) | Value::Tuple(items) => BigInt::from(items.len()),
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            BigInt::from(value::char_count(text))
        }
        Value::Bytes(bytes) => BigInt::from(bytes.len()),
        Value::Range(start, stop, step) => range_length(start, stop, step),
        Value::Dict(_) => {
            // Slices are hashable from 3.12 on, and then they are keys that no JSON has.
            let part = |bound: Option<&Value>| bound.map_or(Ok("None".to_owned()), |b| value::repr(b, &mut *meter));
            let mut part = part;
            return match [start, stop, step].into_iter().flatten().find_map(Value::unhashable) {
                Some(name) => raise("TypeError", format!("unhashable type: '{name}'")),
                None => raise("KeyError", format!("slice({}, {}, {})", part(start)?, part(stop)?, part(step)?)),
            };
        }
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Set(_) | Value::Iterable(..) => {
            return raise("TypeError", format!("'{}' object is not subscriptable", value.type_name()));
        }
    };
    let number = |bound: Option<&Value>| match bound {
        None | Some(Value::None) => Ok(None),
        Some(bound) => match bound.as_int() {
            Some(number) => Ok(Some(number)),
            None => raise("TypeError", "slice indices must be integers or None or have an __index__ method"),
        },
    };
    let step = number(step)?.unwrap_or_else(BigInt::one);
    if step.is_zero() {
        return raise("ValueError", "slice step cannot be zero");
    }
    let (low, high) =
        if step.is_negative() { (BigInt::from(-1), &length - 1u32) } else { (BigInt::zero(), length.clone()) };
    let clamp = |bound: Option<BigInt>, default: &BigInt| match bound {
        None => default.clone(),
        Some(bound) if bound.is_negative() => (bound + &length).max(low.clone()),
        Some(bound) => bound.min(high.clone()),
    };
    let (first, last) = if step.is_negative() { (&high, &low) } else { (&low, &high) };
    let start = clamp(number(start)?, first);
    let stop = clamp(number(stop)?, last);
    if let Value::Range(base, _, width) = value {
        return Ok(Value::Range(base + &start * width, base + &stop * width, step * width));
    }
    let count = range_length(&start, &stop, &step).to_usize().unwrap_or(0);
    let start = start.to_usize().unwrap_or(0);
    // A step beyond the length selects one element.
    let step = step.to_isize().unwrap_or(isize::MAX);
    let positions = || (0..count).map_while(move |at| start.checked_add_signed(step.checked_mul(at as isize)?));
    match value {
        Value::List(items) | Value::Tuple(items) => {
            meter.charge(count)?;
            let picked = if step == 1 {
                items.get(start..start + count).unwrap_or_default().to_vec()
            } else {
                positions().filter_map(|at| items.get(at).cloned()).collect()
            };
            Ok(if matches!(value, Value::List(_)) { Value::list(picked) } else { Value::tuple(picked) })
        }
        Value::Str(text) => Ok(Value::text(if step == 1 {
            if text.is_ascii() {
                text.get(start..start + count).unwrap_or_default().to_owned()
            } else {
                text.chars().skip(start).take(count).collect::<String>()
            }
        } else {
            let chars: Vec<char> = text.chars().collect();
            positions().filter_map(|at| chars.get(at)).collect::<String>()
        })),
        Value::Bytes(bytes) => {
            meter.charge_bytes(count)?;
            Ok(Value::bytes(positions().filter_map(|at| bytes.get(at).copied()).collect::<Vec<u8>>()))
        }
        _ => Ok(Value::None),
    }
}
