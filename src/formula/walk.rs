//! Walks over formulas: free symbols, uninterpreted terms, substitution.
//!
//! A sum binds its index in its body. Walks use stacks of their own, and recurse only into bodies of sums, whose
//! nesting is bounded.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use super::node::{Argument, Formula, Kind, Undefined, post_order};
use super::{Condition, Text, parse};

/// The nodes below a formula, each once, children before parents; bodies of sums are left out.
pub(super) fn scope_order(root: &Formula) -> Vec<Formula> {
    let mut seen = FxHashSet::default();
    let mut done = Vec::new();
    let mut stack = vec![(root.clone(), false)];
    while let Some((formula, opened)) = stack.pop() {
        if opened {
            done.push(formula);
        } else if seen.insert(formula.address()) {
            let children: Vec<Formula> = match formula.kind() {
                Kind::Series { start, stop, step, .. } => vec![start.clone(), stop.clone(), step.clone()],
                kind => kind.children().into_iter().cloned().collect(),
            };
            stack.push((formula, true));
            stack.extend(children.into_iter().rev().map(|child| (child, false)));
        }
    }
    done
}

/// The nodes below a formula whose value depends on a name, by address.
pub(super) struct Dependents(FxHashSet<usize>);

impl Dependents {
    pub fn new(root: &Formula, name: &str) -> Self {
        let mut found = FxHashSet::default();
        for formula in post_order(root) {
            let own = match formula.kind() {
                Kind::Symbol(text) => mentions(text, name),
                Kind::Literal { text, .. } => !parse::is_plain_literal(text) && mentions(text, name),
                Kind::Apply { name: callee, .. } => mentions(callee, name),
                Kind::Number(_)
                | Kind::Boolean(_)
                | Kind::Sum { .. }
                | Kind::Product(_)
                | Kind::Power { .. }
                | Kind::Call { .. }
                | Kind::Extreme { .. }
                | Kind::Modulo(..)
                | Kind::Conditional { .. }
                | Kind::Series { .. }
                | Kind::Compare { .. }
                | Kind::Junction { .. }
                | Kind::Not(_)
                | Kind::Undefined(_) => false,
            };
            let below = |child: &&Formula| found.contains(&child.address());
            let depends = own
                || match formula.kind() {
                    // The sum's own index hides the name in its body.
                    Kind::Series { index, start, stop, step, .. } if **index == *name => {
                        [start, stop, step].iter().any(below)
                    }
                    kind => kind.children().iter().any(below),
                };
            if depends {
                found.insert(formula.address());
            }
        }
        Self(found)
    }

    pub fn contains(&self, formula: &Formula) -> bool {
        self.0.contains(&formula.address())
    }
}

fn mentions(text: &str, name: &str) -> bool {
    text == name || (text.contains(name) && parse::identifiers(text).contains(&name))
}

/// Builds a node again from other children. `child` gives the child that takes a child's place.
pub(super) fn rebuild(formula: &Formula, child: &mut dyn FnMut(&Formula) -> Formula) -> Formula {
    match formula.kind() {
        Kind::Number(_) | Kind::Boolean(_) | Kind::Symbol(_) | Kind::Literal { .. } | Kind::Undefined(_) => {
            formula.clone()
        }
        Kind::Apply { name, arguments } => Formula::intern(Kind::Apply {
            name: name.clone(),
            arguments: arguments
                .iter()
                .map(|argument| Argument { keyword: argument.keyword.clone(), value: child(&argument.value) })
                .collect(),
        }),
        Kind::Sum { terms, constant } => Formula::total(
            terms
                .iter()
                .map(|term| child(&term.of).scale(&term.coefficient))
                .chain([Formula::rational(constant.clone())])
                .collect::<Vec<_>>(),
        ),
        Kind::Product(factors) => {
            Formula::product(factors.iter().map(|factor| child(&factor.base).pow(factor.exponent)).collect::<Vec<_>>())
        }
        Kind::Power { base, exponent } => child(base).power(&child(exponent)),
        Kind::Call { function, arguments } => Formula::call(function, arguments.iter().map(child).collect()),
        Kind::Extreme { max, operands } => {
            let operands = operands.iter().map(child).collect();
            if *max { Formula::max(operands) } else { Formula::min(operands) }
        }
        Kind::Modulo(value, divisor) => child(value).modulo(&child(divisor)),
        Kind::Conditional { condition, then, otherwise } => {
            Formula::conditional(Condition::truth(child(condition)), child(then), child(otherwise))
        }
        Kind::Series { body, index, start, stop, step } => {
            Formula::sum(child(body), index, child(start), child(stop), child(step))
        }
        Kind::Compare { operator, left, right } => Condition::compare(child(left), *operator, child(right)).0,
        Kind::Junction { and, operands } => {
            let operands = operands.iter().map(|operand| Condition::truth(child(operand))).collect();
            if *and { Condition::all(operands).0 } else { Condition::any(operands).0 }
        }
        Kind::Not(inner) => Condition::truth(child(inner)).negate().0,
    }
}

/// Puts other nodes into the places of some, all the way up.
pub(super) fn rewrite(root: &Formula, replace: &dyn Fn(&Formula) -> Option<Formula>) -> Formula {
    let mut new: FxHashMap<usize, Formula> = FxHashMap::default();
    for formula in post_order(root) {
        let changed = formula
            .kind()
            .children()
            .iter()
            .any(|child| new.get(&child.address()).is_some_and(|replaced| replaced != *child));
        let built = if changed {
            rebuild(&formula, &mut |child| new.get(&child.address()).cloned().unwrap_or_else(|| child.clone()))
        } else {
            formula.clone()
        };
        let built = replace(&built).unwrap_or(built);
        new.insert(formula.address(), built);
    }
    new.remove(&root.address()).unwrap_or_else(|| root.clone())
}

impl Formula {
    /// The names of the sizes that the value depends on, without those that sums bind. Names inside literals and
    /// names of calls are not symbols.
    pub fn symbols(&self) -> BTreeSet<Text> {
        let mut found = BTreeSet::new();
        collect_symbols(self, &mut Vec::new(), &mut found);
        found
    }

    /// The uninterpreted calls, each once, in structural order.
    pub fn terms(&self) -> Vec<Formula> {
        let mut found: Vec<Formula> = Vec::new();
        // A call inside the arguments of another is part of that one's name, not a term.
        let mut seen = FxHashSet::default();
        let mut stack = vec![self.clone()];
        while let Some(formula) = stack.pop() {
            if !seen.insert(formula.address()) {
                continue;
            }
            if matches!(formula.kind(), Kind::Apply { .. }) {
                found.push(formula);
            } else {
                stack.extend(formula.kind().children().into_iter().cloned());
            }
        }
        found.sort();
        found
    }

    /// Name and arguments of an uninterpreted call.
    pub fn as_call(&self) -> Option<(&str, &[Argument])> {
        match self.kind() {
            Kind::Apply { name, arguments } => Some((name, arguments)),
            _ => None,
        }
    }

    /// The path of a symbol.
    pub fn as_symbol(&self) -> Option<&str> {
        match self.kind() {
            Kind::Symbol(path) => Some(path),
            _ => None,
        }
    }

    /// The Python text of a literal.
    pub fn as_literal(&self) -> Option<&str> {
        match self.kind() {
            Kind::Literal { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether there is no value for any symbols: a division by zero, or a number too large.
    pub fn is_undefined(&self) -> bool {
        matches!(self.kind(), Kind::Undefined(_))
    }

    /// Whether the value depends on a name, also where it stands inside a literal or in the name of a call.
    pub fn depends_on(&self, name: &str) -> bool {
        Dependents::new(self, name).contains(self)
    }

    /// Puts formulas into the places of symbols, all at once. Also known by their text are uninterpreted calls
    /// (`f(x)`). A symbol whose root is replaced by another symbol moves along (`a.shape[0]` with `a` ↦ `image`);
    /// names inside literals and names of calls are replaced as text. Indices of sums are renamed where a formula
    /// that is put in would be caught by them.
    #[must_use]
    pub fn substitute(&self, map: &BTreeMap<Text, Formula>) -> Formula {
        if map.is_empty() { self.clone() } else { substitute(self, map) }
    }
}

impl Condition {
    /// As [`Formula::substitute`].
    #[must_use]
    pub fn substitute(&self, map: &BTreeMap<Text, Formula>) -> Condition {
        Condition::truth(self.0.substitute(map))
    }

    /// As [`Formula::symbols`].
    pub fn symbols(&self) -> BTreeSet<Text> {
        self.0.symbols()
    }
}

fn collect_symbols(root: &Formula, bound: &mut Vec<Text>, found: &mut BTreeSet<Text>) {
    for formula in scope_order(root) {
        match formula.kind() {
            Kind::Symbol(text) if !bound.contains(text) => {
                found.insert(text.clone());
            }
            Kind::Series { body, index, .. } => {
                bound.push(index.clone());
                collect_symbols(body, bound, found);
                bound.pop();
            }
            _ => {}
        }
    }
}

fn substitute(root: &Formula, map: &BTreeMap<Text, Formula>) -> Formula {
    let mut new: FxHashMap<usize, Formula> = FxHashMap::default();
    let as_text = |name: &str| map.get(name).map(Formula::to_operand);
    for formula in scope_order(root) {
        let mut get = |child: &Formula| new.get(&child.address()).cloned().unwrap_or_else(|| child.clone());
        let built = match formula.kind() {
            Kind::Symbol(path) => match map.get(path) {
                Some(value) => value.clone(),
                None => moved(path, map).unwrap_or_else(|| formula.clone()),
            },
            Kind::Literal { text, .. } if !parse::is_plain_literal(text) => {
                if parse::identifiers(text).iter().any(|name| map.contains_key(*name)) {
                    match parse::replace_names(text, &as_text) {
                        Some(new) if new.starts_with('*') => Formula::opaque(&parse::normalize(&new), true),
                        Some(new) => parse::argument(&new),
                        None => formula.clone(),
                    }
                } else {
                    formula.clone()
                }
            }
            Kind::Apply { name, arguments } => {
                let new_name = parse::identifiers(name)
                    .iter()
                    .any(|part| map.contains_key(*part))
                    .then(|| parse::replace_names(name, &as_text))
                    .flatten();
                let arguments: Vec<Argument> = arguments
                    .iter()
                    .map(|argument| Argument { keyword: argument.keyword.clone(), value: get(&argument.value) })
                    .collect();
                match (new_name, map.get(formula.to_string().as_str())) {
                    (_, Some(value)) => value.clone(),
                    (Some(name), None) => Formula::apply(&name, arguments),
                    (None, None) => Formula::intern(Kind::Apply { name: name.clone(), arguments }),
                }
            }
            Kind::Series { body, index, start, stop, step } => {
                let (start, stop, step) = (get(start), get(stop), get(step));
                let mut inner = map.clone();
                inner.remove(index);
                let caught = inner.iter().any(|(name, value)| body.depends_on(name) && value.depends_on(index));
                let index = if caught { fresh(index, body, &inner) } else { index.clone() };
                if let (true, Kind::Series { index: old, .. }) = (caught, formula.kind()) {
                    inner.insert(old.clone(), Formula::symbol(&index));
                }
                let body = if inner.is_empty() { body.clone() } else { substitute(body, &inner) };
                Formula::sum(body, &index, start, stop, step)
            }
            _ => rebuild(&formula, &mut get),
        };
        new.insert(formula.address(), built);
    }
    new.remove(&root.address()).unwrap_or_else(|| Formula::undefined(Undefined::TooLarge))
}

/// A path whose root is replaced by another path.
fn moved(path: &Text, map: &BTreeMap<Text, Formula>) -> Option<Formula> {
    let mut end = path.len();
    // The longest beginning of the path that is replaced.
    while let Some(at) = path[..end].rfind(['.', '[']) {
        let root = &path[..at];
        if let Some(value) = map.get(root) {
            let new = value.as_symbol()?;
            return parse::with_root(path, root, new).map(|path| Formula::symbol(&path));
        }
        end = at;
    }
    None
}

/// An index that neither the body nor what is put into it uses.
fn fresh(index: &str, body: &Formula, map: &BTreeMap<Text, Formula>) -> Text {
    let stem = index.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut number = 2u64;
    loop {
        let name = format!("{stem}{number}");
        if !body.depends_on(&name) && !map.contains_key(name.as_str()) && !map.values().any(|v| v.depends_on(&name)) {
            return Text::from(name);
        }
        number += 1;
    }
}
