//! What parts of the event are, where no event is given: texts, lists or numbers, as the code uses them.
//!
//! `event["a"] + event["b"]` and `event["a"] * 2` are numbers or sequences: the operation alone does not say. The run
//! notes such operations, and what else is done with their operands and results (`len(x)`, `x.upper()`, `x[1:]`,
//! `for … in x`, `x + "text"`). If that tells that one of them is no number, the handler is run once more with that
//! knowledge. What nothing tells is taken for a number, and said to be.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::Operator;
use ruff_text_size::Ranged;

use crate::expression::Text;

use super::amount::Amount;
use super::machine::{Flow, Machine};
use super::value::{NumberKind, Value};

/// A type of sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sequence {
    /// Whatever has a length: a text, unless something says more.
    Any,
    /// Something that is iterated over: a list, unless it is used as a text.
    List,
    /// `str`
    Text,
}

/// What was learned of the parts of the arguments.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    /// What an earlier run told.
    pub(super) known: BTreeMap<Text, Sequence>,
    /// Parts that are used as sequences; as lists, if anything says so.
    seen: BTreeMap<Text, Sequence>,
    /// Parts that are used as nothing but numbers can be.
    numbers: BTreeSet<Text>,
    /// Operands of operations that numbers and sequences have.
    doubtful: BTreeSet<Text>,
}

impl Inputs {
    /// What another run would know beside this one: nothing, if no operation was in doubt.
    pub(super) fn learned(&self) -> Option<BTreeMap<Text, Sequence>> {
        let mut all = self.known.clone();
        for (path, kind) in self.seen.iter().filter(|(path, _)| self.doubtful.contains(*path)) {
            let known = all.entry(path.clone()).or_insert(*kind);
            *known = (*known).max(*kind);
        }
        (all != self.known).then_some(all)
    }

    /// Parts that are taken for numbers though nothing says that they are.
    pub(super) fn taken_for_numbers(&self) -> impl Iterator<Item = &Text> {
        self.doubtful.iter().filter(|path| !self.numbers.contains(*path) && !self.known.contains_key(*path))
    }
}

impl Machine<'_> {
    /// The parts of the arguments that a value is, or that it was computed from by doubtful operations.
    fn input_parts(&self, value: &Value) -> Vec<Text> {
        match value {
            Value::Input(path) => vec![path.clone()],
            Value::Number(number) if !self.inputs.doubtful.is_empty() => {
                let symbols = number.amount.as_ref().map(|amount| amount.to_formula().symbols()).unwrap_or_default();
                symbols.into_iter().filter(|symbol| self.inputs.doubtful.contains(symbol)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A value is used as only sequences can be.
    pub(super) fn used_as(&mut self, kind: Sequence, value: &Value) {
        for path in self.input_parts(value) {
            let seen = self.inputs.seen.entry(path).or_insert(kind);
            *seen = (*seen).max(kind);
        }
    }

    /// Whether a number may be none: it was computed by an operation that sequences have too.
    pub(super) fn is_in_doubt(&self, value: &Value) -> bool {
        matches!(value, Value::Number(_)) && !self.input_parts(value).is_empty()
    }

    fn used_as_number(&mut self, value: &Value) {
        let parts = self.input_parts(value);
        self.inputs.numbers.extend(parts);
    }

    /// The type of sequence that a value is, if it is one.
    pub(super) fn sequence_of(&self, value: &Value) -> Option<Text> {
        match value {
            Value::Input(path) => self.inputs.known.get(path).map(|kind| {
                Text::from(match kind {
                    Sequence::Any | Sequence::Text => "str",
                    Sequence::List => "list",
                })
            }),
            other => {
                let name = self.type_name(other)?;
                matches!(&*name, "str" | "bytes" | "list" | "tuple").then_some(name)
            }
        }
    }

    /// A slice of a part of the event whose type is not known yet: a value that stands for the part, so that what is
    /// done with it tells the type to the next run.
    pub(super) fn sliced_input(&mut self, value: &Value) -> Option<Value> {
        let Value::Input(path) = value else { return None };
        self.inputs.doubtful.insert(path.clone());
        if self.inputs.known.contains_key(path) {
            return None;
        }
        Some(Value::computed(NumberKind::Int, Some(Amount::symbol(path))))
    }

    /// An operation with a part of the event that is not given: none if it is one of numbers.
    pub(super) fn input_operator(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let open = |value: &Value| matches!(value, Value::Input(_) | Value::Unknown(_)) || self.is_in_doubt(value);
        if !open(left) && !open(right) {
            return Ok(None);
        }
        match operator {
            Operator::Add => {
                // What is put to a sequence is one of its type.
                let Some(kind) = self.sequence_of(left).or_else(|| self.sequence_of(right)) else {
                    self.in_doubt(&[left, right]);
                    return Ok(None);
                };
                let as_kind = if matches!(&*kind, "list" | "tuple") { Sequence::List } else { Sequence::Text };
                if !matches!(&*kind, "bytes") {
                    self.used_as(as_kind, left);
                    self.used_as(as_kind, right);
                }
                self.concatenate_as(&kind, left, right, node).map(Some)
            }
            Operator::Mult => {
                let (items, count) = match (self.sequence_of(left), self.sequence_of(right)) {
                    (Some(kind), _) if matches!(left, Value::Input(_)) => ((left, kind), right),
                    (_, Some(kind)) if matches!(right, Value::Input(_)) => ((right, kind), left),
                    _ => {
                        self.in_doubt(&[left, right]);
                        return Ok(None);
                    }
                };
                let count = self.repetitions(count, node);
                self.repeat_as(&items.1, items.0, &count, node).map(Some)
            }
            Operator::Mod => Ok(None),
            Operator::Sub
            | Operator::Div
            | Operator::FloorDiv
            | Operator::Pow
            | Operator::LShift
            | Operator::RShift
            | Operator::BitAnd
            | Operator::BitOr
            | Operator::BitXor
            | Operator::MatMult => {
                self.used_as_number(left);
                self.used_as_number(right);
                Ok(None)
            }
        }
    }

    /// Notes the parts of the event among operands that may be numbers or sequences.
    fn in_doubt(&mut self, operands: &[&Value]) {
        // Beside a number that is no result of such an operation itself, `+` is one of numbers.
        let is_number = |value: &Value| match value {
            Value::Float(_) => true,
            Value::Number(number) => number.kind == NumberKind::Float,
            _ => false,
        };
        if operands.iter().any(|value| is_number(value)) {
            operands.iter().for_each(|value| self.used_as_number(value));
            return;
        }
        for value in operands {
            if let Value::Input(path) = value {
                self.inputs.doubtful.insert(path.clone());
            }
        }
    }
}
