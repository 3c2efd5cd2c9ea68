//! Which of several entries speaks of a call: `when` conditions against the arguments.

use super::format::{Contract, Test};
use super::{Applied, Arguments, Contracts, Text};
use crate::expression::Value;
use crate::formula::Formula;

/// A contract that speaks of a call.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The entry.
    pub contract: &'a Contract,
    pub(super) contracts: &'a Contracts,
}

impl Match<'_> {
    /// What the call does.
    pub fn apply(&self, arguments: &dyn Arguments) -> Applied {
        super::apply::apply(self.contract, self.contracts, arguments)
    }

    /// The sizes that the formulas were learned on: each with its value in this call, the least and the largest.
    pub fn range(&self, arguments: &dyn Arguments) -> Vec<(Text, Formula, f64, f64)> {
        match &self.contract.provenance {
            Some(provenance) if !provenance.range.is_empty() => {
                super::apply::values(self.contract, self.contracts, arguments, &provenance.range)
            }
            _ => Vec::new(),
        }
    }
}

/// The entry whose conditions hold: the one with most of them, then the first.
pub(super) fn best<'a>(
    entries: &[&'a Contract],
    arguments: &dyn Arguments,
    contracts: &Contracts,
) -> Option<&'a Contract> {
    let mut best: Option<&Contract> = None;
    for entry in entries {
        let better = best.is_none_or(|best| weight(&entry.when) > weight(&best.when));
        if better && entry.when.iter().all(|test| holds(test, entry, arguments, contracts)) {
            best = Some(entry);
        }
    }
    best
}

/// How many conditions a list of tests has.
pub(super) fn weight(tests: &[Test]) -> usize {
    let count = |test: &Test| {
        usize::from(test.literal.is_some())
            + usize::from(test.kind.is_some())
            + usize::from(test.given.is_some())
            + usize::from(test.ndim.is_some())
            + test.texts.len()
    };
    tests.iter().map(count).sum()
}

/// Whether a condition certainly holds.
fn holds(test: &Test, contract: &Contract, arguments: &dyn Arguments, contracts: &Contracts) -> bool {
    let path = &*test.path;
    if let Some(given) = test.given
        && arguments.given(path) != given
    {
        return false;
    }
    if let Some(wanted) = &test.literal {
        let value = arguments.literal(path).or_else(|| {
            let parameter = contract.parameters.get(path).filter(|_| !arguments.given(path))?;
            parameter.default.clone()
        });
        let equal = match value {
            Some(value) => wanted.iter().any(|wanted| same(wanted, &value)),
            None => arguments.reference(path).is_some_and(|name| wanted.iter().any(|wanted| is_called(wanted, &name))),
        };
        if !equal {
            return false;
        }
    }
    if let Some(wanted) = &test.kind {
        let Some(kind) = arguments.kind(path) else { return false };
        let lineage = contracts.lineage(&kind);
        if !wanted.iter().any(|wanted| lineage.contains(wanted)) {
            return false;
        }
    }
    if let Some(ndim) = test.ndim
        && arguments.shape(path).is_none_or(|shape| i64::try_from(shape.len()) != Ok(ndim))
    {
        return false;
    }
    test.texts.iter().all(|(feature, wanted)| arguments.text(path, feature).is_some_and(|text| wanted.contains(&text)))
}

/// Equality of values of one type: `1` is not `True`.
fn same(a: &Value, b: &Value) -> bool {
    a.type_name() == b.type_name() && a.equals(b)
}

/// Whether a text names a thing: `"float32"` is `numpy.float32`.
fn is_called(wanted: &Value, name: &Text) -> bool {
    let Value::Str(wanted) = wanted else { return false };
    wanted == name || name.rsplit('.').next() == Some(&**wanted)
}
