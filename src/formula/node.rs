//! The shared graph of formulas: nodes, interning, the structural order, and dropping without recursion.
//!
//! Invariants:
//! - Two formulas are equal exactly when they are the same node (hash-consing), so equality is one comparison of
//!   pointers. The hash only finds candidates; nodes are compared field by field, so a collision cannot merge them.
//! - The order of formulas comes from structure alone, never from addresses or hashes: it is the same in every run,
//!   on every machine, on any number of threads.
//! - Nothing here recurses along the depth of a formula.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use rustc_hash::{FxBuildHasher, FxHasher};

use super::function::Function;
use super::{Comparison, Text};

/// A formula: a number of bytes as an expression over named sizes. Cheap to clone, equal in constant time.
///
/// The operators `+ - * /` and unary `-` build formulas; like terms merge as they are built.
#[derive(Clone)]
pub struct Formula(pub(super) Arc<Node>);

/// An argument of an uninterpreted call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argument {
    /// The keyword, of a keyword argument. (`*a` and `**k` are literals without keyword.)
    pub keyword: Option<Text>,
    /// The value: a formula or a literal.
    pub value: Formula,
}

/// A term of a sum: `coefficient * of`. `of` is neither a number nor a sum that could be merged into this one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub coefficient: BigRational,
    pub of: Formula,
}

/// A factor of a product: `base ** exponent`, the exponent not 0.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Factor {
    pub base: Formula,
    pub exponent: i64,
}

/// Why an expression has no value, whatever its symbols are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Undefined {
    DivisionByZero,
    TooLarge,
}

/// What a node is. Constructors (`build.rs`) keep these canonical; nothing else makes nodes.
pub(super) enum Kind {
    Number(BigRational),
    /// A condition that is decided.
    Boolean(bool),
    Symbol(Text),
    /// Python text that formulas do not look into. `atomic`: needs no parentheses beside an operator.
    Literal {
        text: Text,
        atomic: bool,
    },
    Apply {
        name: Text,
        arguments: Vec<Argument>,
    },
    /// `terms + constant`, at least two summands, or one term whose coefficient is not 1. Sorted.
    Sum {
        terms: Vec<Term>,
        constant: BigRational,
    },
    /// At least two factors, or one whose exponent is not 1. Sorted; a base is neither number nor product.
    Product(Vec<Factor>),
    /// A power whose exponent is not a small integer.
    Power {
        base: Formula,
        exponent: Formula,
    },
    Call {
        function: &'static Function,
        arguments: Vec<Formula>,
    },
    /// `max` or `min` of at least two, sorted, distinct.
    Extreme {
        max: bool,
        operands: Vec<Formula>,
    },
    Modulo(Formula, Formula),
    Conditional {
        condition: Formula,
        then: Formula,
        otherwise: Formula,
    },
    /// `sum(body for index in range(start, stop, step))`
    Series {
        body: Formula,
        index: Text,
        start: Formula,
        stop: Formula,
        step: Formula,
    },
    Compare {
        operator: Comparison,
        left: Formula,
        right: Formula,
    },
    /// `and` or `or` of at least two conditions, in the order they were written.
    Junction {
        and: bool,
        operands: Vec<Formula>,
    },
    Not(Formula),
    Undefined(Undefined),
}

/// A node of the graph, with what is asked of it often.
pub(super) struct Node {
    pub kind: Kind,
    hash: u64,
    /// Polynomial degree, roughly: it orders terms, and decides nothing.
    degree: i64,
    /// The highest exponent of a factor: `n**2` stands before `m*n`.
    peak: i64,
    /// Nodes of the tree that it prints as, shared parts counted each time. Saturates.
    size: u64,
    /// How deep sums over an index are nested.
    pub series_depth: u32,
    /// Never negative, whatever its symbols are.
    pub nonnegative: bool,
    /// Never negative while every symbol is not.
    pub nonnegative_sizes: bool,
}

/// Degree of what grows faster than any polynomial.
const EXPONENTIAL: i64 = 1 << 20;

impl Formula {
    pub(super) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// Nodes of the tree that this prints as: shared parts are counted each time that they appear. Saturates.
    pub fn size(&self) -> u64 {
        self.0.size
    }

    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The only way to make a node: finds the one that is there, or adds it.
    pub(super) fn intern(kind: Kind) -> Self {
        let hash = shallow_hash(&kind);
        let mut shard = shard(hash);
        // Candidates are let go of only after the lock: dropping the last reference takes the lock again.
        let mut others: Vec<Arc<Node>> = Vec::new();
        let bucket = shard.entry(hash).or_default();
        for weak in bucket.iter() {
            if let Some(node) = weak.upgrade() {
                if shallow_equal(&node.kind, &kind) {
                    drop(shard);
                    return Self(node);
                }
                others.push(node);
            }
        }
        let node = Arc::new(describe(kind, hash));
        bucket.push(Arc::downgrade(&node));
        drop(shard);
        drop(others);
        Self(node)
    }
}

type Shard = HashMap<u64, Vec<Weak<Node>>, FxBuildHasher>;

const SHARDS: usize = 64;

static INTERNER: LazyLock<Vec<Mutex<Shard>>> =
    LazyLock::new(|| (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect());

fn shard(hash: u64) -> std::sync::MutexGuard<'static, Shard> {
    let at = usize::try_from(hash >> 58).unwrap_or(0) % SHARDS;
    // A poisoned shard is whole: every change to it is a single push or retain.
    INTERNER[at].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes a node that is going away, by the address that it was interned at.
fn forget(hash: u64, address: usize) {
    let mut shard = shard(hash);
    if let Some(bucket) = shard.get_mut(&hash) {
        bucket.retain(|weak| weak.as_ptr().addr() != address);
        if bucket.is_empty() {
            shard.remove(&hash);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        forget(self.hash, std::ptr::from_ref(self).addr());
        let mut pending = Vec::new();
        take_children(self, &mut pending);
        while let Some(Formula(child)) = pending.pop() {
            let address = Arc::as_ptr(&child).addr();
            // The last owner takes the node apart here, so that its own drop finds no children.
            if let Some(mut node) = Arc::into_inner(child) {
                forget(node.hash, address);
                take_children(&mut node, &mut pending);
            }
        }
    }
}

fn take_children(node: &mut Node, into: &mut Vec<Formula>) {
    match std::mem::replace(&mut node.kind, Kind::Boolean(false)) {
        Kind::Number(_) | Kind::Boolean(_) | Kind::Symbol(_) | Kind::Literal { .. } | Kind::Undefined(_) => {}
        Kind::Apply { arguments, .. } => into.extend(arguments.into_iter().map(|argument| argument.value)),
        Kind::Sum { terms, .. } => into.extend(terms.into_iter().map(|term| term.of)),
        Kind::Product(factors) => into.extend(factors.into_iter().map(|factor| factor.base)),
        Kind::Power { base, exponent } => into.extend([base, exponent]),
        Kind::Call { arguments, .. } => into.extend(arguments),
        Kind::Extreme { operands, .. } | Kind::Junction { operands, .. } => into.extend(operands),
        Kind::Modulo(a, b) => into.extend([a, b]),
        Kind::Conditional { condition, then, otherwise } => into.extend([condition, then, otherwise]),
        Kind::Series { body, start, stop, step, .. } => into.extend([body, start, stop, step]),
        Kind::Compare { left, right, .. } => into.extend([left, right]),
        Kind::Not(inner) => into.push(inner),
    }
}

impl Kind {
    /// The operands, in order.
    pub fn children(&self) -> Vec<&Formula> {
        match self {
            Self::Number(_) | Self::Boolean(_) | Self::Symbol(_) | Self::Literal { .. } | Self::Undefined(_) => {
                Vec::new()
            }
            Self::Apply { arguments, .. } => arguments.iter().map(|argument| &argument.value).collect(),
            Self::Sum { terms, .. } => terms.iter().map(|term| &term.of).collect(),
            Self::Product(factors) => factors.iter().map(|factor| &factor.base).collect(),
            Self::Power { base, exponent } => vec![base, exponent],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Extreme { operands, .. } | Self::Junction { operands, .. } => operands.iter().collect(),
            Self::Modulo(a, b) => vec![a, b],
            Self::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
            Self::Series { body, start, stop, step, .. } => vec![body, start, stop, step],
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Not(inner) => vec![inner],
        }
    }

    /// Place of the kind in the order of factors, and of terms of one degree.
    fn rank(&self) -> u8 {
        match self {
            Self::Symbol(_) => 0,
            Self::Product(_) => 1,
            Self::Power { .. } => 2,
            Self::Call { .. } => 3,
            Self::Extreme { .. } => 4,
            Self::Modulo(..) => 5,
            Self::Conditional { .. } => 6,
            Self::Series { .. } => 7,
            Self::Apply { .. } => 8,
            Self::Sum { .. } => 9,
            Self::Compare { .. } => 10,
            Self::Junction { .. } => 11,
            Self::Not(_) => 12,
            Self::Literal { .. } => 13,
            Self::Boolean(_) => 14,
            Self::Number(_) => 15,
            Self::Undefined(_) => 16,
        }
    }
}

/// The hash of a node by the addresses of its children: equal nodes have equal ones while they live.
fn shallow_hash(kind: &Kind) -> u64 {
    let mut hasher = FxHasher::default();
    kind.rank().hash(&mut hasher);
    for child in kind.children() {
        child.address().hash(&mut hasher);
    }
    match kind {
        Kind::Number(number) => number.hash(&mut hasher),
        Kind::Boolean(value) => value.hash(&mut hasher),
        Kind::Symbol(text) | Kind::Literal { text, .. } => text.hash(&mut hasher),
        Kind::Apply { name, arguments } => {
            name.hash(&mut hasher);
            arguments.iter().for_each(|argument| argument.keyword.hash(&mut hasher));
        }
        Kind::Sum { terms, constant } => {
            terms.iter().for_each(|term| term.coefficient.hash(&mut hasher));
            constant.hash(&mut hasher);
        }
        Kind::Product(factors) => factors.iter().for_each(|factor| factor.exponent.hash(&mut hasher)),
        Kind::Call { function, .. } => function.name.hash(&mut hasher),
        Kind::Extreme { max, .. } => max.hash(&mut hasher),
        Kind::Series { index, .. } => index.hash(&mut hasher),
        Kind::Compare { operator, .. } => operator.hash(&mut hasher),
        Kind::Junction { and, .. } => and.hash(&mut hasher),
        Kind::Undefined(why) => why.hash(&mut hasher),
        Kind::Power { .. } | Kind::Modulo(..) | Kind::Conditional { .. } | Kind::Not(_) => {}
    }
    hasher.finish()
}

fn shallow_equal(a: &Kind, b: &Kind) -> bool {
    match (a, b) {
        (Kind::Number(a), Kind::Number(b)) => a == b,
        (Kind::Boolean(a), Kind::Boolean(b)) => a == b,
        (Kind::Symbol(a), Kind::Symbol(b)) => a == b,
        (Kind::Literal { text: a, .. }, Kind::Literal { text: b, .. }) => a == b,
        (Kind::Apply { name: a, arguments: x }, Kind::Apply { name: b, arguments: y }) => a == b && x == y,
        (Kind::Sum { terms: a, constant: x }, Kind::Sum { terms: b, constant: y }) => a == b && x == y,
        (Kind::Product(a), Kind::Product(b)) => a == b,
        (Kind::Power { base: a, exponent: x }, Kind::Power { base: b, exponent: y }) => a == b && x == y,
        (Kind::Call { function: a, arguments: x }, Kind::Call { function: b, arguments: y }) => {
            a.name == b.name && x == y
        }
        (Kind::Extreme { max: a, operands: x }, Kind::Extreme { max: b, operands: y }) => a == b && x == y,
        (Kind::Modulo(a, x), Kind::Modulo(b, y)) => a == b && x == y,
        (
            Kind::Conditional { condition: a, then: x, otherwise: u },
            Kind::Conditional { condition: b, then: y, otherwise: v },
        ) => a == b && x == y && u == v,
        (
            Kind::Series { body: a, index: i, start: p, stop: q, step: r },
            Kind::Series { body: b, index: j, start: s, stop: t, step: u },
        ) => a == b && i == j && p == s && q == t && r == u,
        (Kind::Compare { operator: a, left: x, right: u }, Kind::Compare { operator: b, left: y, right: v }) => {
            a == b && x == y && u == v
        }
        (Kind::Junction { and: a, operands: x }, Kind::Junction { and: b, operands: y }) => a == b && x == y,
        (Kind::Not(a), Kind::Not(b)) => a == b,
        (Kind::Undefined(a), Kind::Undefined(b)) => a == b,
        (_, _) => false,
    }
}

/// Computes what a node carries, from its children.
fn describe(kind: Kind, hash: u64) -> Node {
    let children = kind.children();
    let size = children.iter().fold(1u64, |sum, child| sum.saturating_add(child.0.size));
    let nested = children.iter().map(|child| child.0.series_depth).max().unwrap_or(0);
    let degrees = || children.iter().map(|child| child.0.degree).max().unwrap_or(0);
    let (degree, peak) = match &kind {
        Kind::Symbol(_) => (1, 1),
        Kind::Product(factors) => (
            factors
                .iter()
                .fold(0i64, |sum, factor| sum.saturating_add(factor.base.0.degree.saturating_mul(factor.exponent))),
            factors.iter().map(|factor| factor.exponent).max().unwrap_or(0),
        ),
        Kind::Power { exponent, .. } => (if exponent.0.degree > 0 { EXPONENTIAL } else { 1 }, 1),
        Kind::Call { function, .. } => (if function.logarithmic { 0 } else { degrees() }, 1),
        Kind::Sum { .. } | Kind::Extreme { .. } | Kind::Modulo(..) => (degrees(), 1),
        Kind::Conditional { then, otherwise, .. } => (then.0.degree.max(otherwise.0.degree), 1),
        Kind::Series { body, stop, .. } => (body.0.degree.saturating_add(stop.0.degree.max(0)), 1),
        Kind::Number(_)
        | Kind::Boolean(_)
        | Kind::Literal { .. }
        | Kind::Apply { .. }
        | Kind::Compare { .. }
        | Kind::Junction { .. }
        | Kind::Not(_)
        | Kind::Undefined(_) => (0, 0),
    };
    let nonnegative = is_nonnegative(&kind, false);
    let nonnegative_sizes = nonnegative || is_nonnegative(&kind, true);
    let series_depth = nested + u32::from(matches!(kind, Kind::Series { .. }));
    Node { hash, degree, peak, size, series_depth, nonnegative, nonnegative_sizes, kind }
}

fn is_nonnegative(kind: &Kind, sizes: bool) -> bool {
    let known = |formula: &Formula| if sizes { formula.0.nonnegative_sizes } else { formula.0.nonnegative };
    match kind {
        Kind::Number(number) => !number.is_negative(),
        Kind::Symbol(_) => sizes,
        // An uninterpreted call stands for the memory that it takes.
        Kind::Apply { .. } => true,
        Kind::Sum { terms, constant } => {
            !constant.is_negative() && terms.iter().all(|term| !term.coefficient.is_negative() && known(&term.of))
        }
        Kind::Product(factors) => factors.iter().all(|factor| factor.exponent % 2 == 0 || known(&factor.base)),
        Kind::Power { base, .. } => known(base),
        Kind::Call { function, arguments } => {
            function.nonnegative || (function.keeps_sign && arguments.iter().all(known))
        }
        Kind::Extreme { max: true, operands } => operands.iter().any(known),
        Kind::Extreme { max: false, operands } => operands.iter().all(known),
        Kind::Modulo(_, divisor) => known(divisor),
        Kind::Conditional { then, otherwise, .. } => known(then) && known(otherwise),
        // The index is a symbol of the body, so it must not be negative where symbols are taken not to be.
        Kind::Series { body, start, .. } => known(body) && (!sizes || known(start) || body.0.nonnegative),
        Kind::Boolean(_)
        | Kind::Literal { .. }
        | Kind::Compare { .. }
        | Kind::Junction { .. }
        | Kind::Not(_)
        | Kind::Undefined(_) => false,
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Formula {}

impl Hash for Formula {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl PartialOrd for Formula {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Formula {
    /// The order that sums are printed in: higher degree first, then by kind and names, constants last.
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self, other, true)
    }
}

/// The order that products are printed in: names, then calls, then sums in parentheses.
pub(super) fn factor_order(a: &Factor, b: &Factor) -> Ordering {
    compare(&a.base, &b.base, false).then_with(|| b.exponent.cmp(&a.exponent))
}

/// Structural comparison. Equal children are the same node, so the first pair of children that differ decides:
/// the comparison goes down one path only, and needs no stack.
fn compare(a: &Formula, b: &Formula, by_degree: bool) -> Ordering {
    let (mut a, mut b, mut by_degree) = (a, b, by_degree);
    loop {
        if a == b {
            return Ordering::Equal;
        }
        let degree = || b.0.degree.cmp(&a.0.degree).then_with(|| b.0.peak.cmp(&a.0.peak));
        let rank = || a.kind().rank().cmp(&b.kind().rank());
        let first = if by_degree { degree().then_with(rank) } else { rank().then_with(degree) };
        if first != Ordering::Equal {
            return first;
        }
        match differ(a, b) {
            Difference::Decided(ordering) => return ordering,
            Difference::Child(x, y, degrees) => (a, b, by_degree) = (x, y, degrees),
        }
    }
}

enum Difference<'a> {
    Decided(Ordering),
    /// The first children that differ, and whether their degree comes first.
    Child(&'a Formula, &'a Formula, bool),
}

/// Compares two different nodes of one rank by their own fields, up to the first pair of children that differ.
fn differ<'a>(a: &'a Formula, b: &'a Formula) -> Difference<'a> {
    use Difference::{Child, Decided};

    fn children<'a>(
        a: impl ExactSizeIterator<Item = &'a Formula>,
        b: impl ExactSizeIterator<Item = &'a Formula>,
        by_degree: bool,
    ) -> Difference<'a> {
        let lengths = b.len().cmp(&a.len());
        for (x, y) in a.zip(b) {
            if x != y {
                return Child(x, y, by_degree);
            }
        }
        Decided(lengths)
    }
    fn decided_or<'a>(ordering: Ordering, then: impl FnOnce() -> Difference<'a>) -> Difference<'a> {
        if ordering == Ordering::Equal { then() } else { Decided(ordering) }
    }
    fn then<'a>(first: Difference<'a>, otherwise: impl FnOnce() -> Ordering) -> Difference<'a> {
        match first {
            Decided(Ordering::Equal) => Decided(otherwise()),
            other => other,
        }
    }

    match (a.kind(), b.kind()) {
        (Kind::Number(x), Kind::Number(y)) => Decided(x.cmp(y)),
        (Kind::Boolean(x), Kind::Boolean(y)) => Decided(x.cmp(y)),
        (Kind::Symbol(x), Kind::Symbol(y)) | (Kind::Literal { text: x, .. }, Kind::Literal { text: y, .. }) => {
            Decided(x.cmp(y))
        }
        (Kind::Apply { name: x, arguments: p }, Kind::Apply { name: y, arguments: q }) => decided_or(x.cmp(y), || {
            let values = children(p.iter().map(|a| &a.value), q.iter().map(|a| &a.value), false);
            then(values, || p.iter().map(|a| &a.keyword).cmp(q.iter().map(|a| &a.keyword)))
        }),
        (Kind::Sum { terms: p, constant: x }, Kind::Sum { terms: q, constant: y }) => {
            then(children(p.iter().map(|t| &t.of), q.iter().map(|t| &t.of), true), || {
                q.iter().map(|t| &t.coefficient).cmp(p.iter().map(|t| &t.coefficient)).then_with(|| y.cmp(x))
            })
        }
        (Kind::Product(p), Kind::Product(q)) => {
            // By base, then by exponent, factor by factor: `n**2*m` stands beside `n**2*k`.
            for (x, y) in p.iter().zip(q) {
                if x.base != y.base {
                    return Child(&x.base, &y.base, false);
                }
                if x.exponent != y.exponent {
                    return Decided(y.exponent.cmp(&x.exponent));
                }
            }
            Decided(q.len().cmp(&p.len()))
        }
        (Kind::Call { function: x, arguments: p }, Kind::Call { function: y, arguments: q }) => {
            decided_or(x.name.cmp(y.name), || children(p.iter(), q.iter(), true))
        }
        (Kind::Extreme { max: x, operands: p }, Kind::Extreme { max: y, operands: q })
        | (Kind::Junction { and: x, operands: p }, Kind::Junction { and: y, operands: q }) => {
            decided_or(y.cmp(x), || children(p.iter(), q.iter(), true))
        }
        (Kind::Compare { operator: x, left: p, right: q }, Kind::Compare { operator: y, left: r, right: s }) => {
            then(children([p, q].into_iter(), [r, s].into_iter(), false), || x.cmp(y))
        }
        (
            Kind::Series { body, index, start, stop, step },
            Kind::Series { body: body2, index: index2, start: start2, stop: stop2, step: step2 },
        ) => {
            let ours = [body, start, stop, step];
            let theirs = [body2, start2, stop2, step2];
            then(children(ours.into_iter(), theirs.into_iter(), false), || index.cmp(index2))
        }
        (Kind::Undefined(x), Kind::Undefined(y)) => Decided(x.cmp(y)),
        (
            Kind::Power { .. } | Kind::Modulo(..) | Kind::Conditional { .. } | Kind::Not(_),
            Kind::Power { .. } | Kind::Modulo(..) | Kind::Conditional { .. } | Kind::Not(_),
        ) => children(a.kind().children().into_iter(), b.kind().children().into_iter(), false),
        // Kinds of different rank were told apart before.
        (_, _) => Decided(Ordering::Equal),
    }
}

/// The nodes below a formula, each once, children before parents. Does not recurse.
pub(super) fn post_order(root: &Formula) -> Vec<Formula> {
    let mut seen = rustc_hash::FxHashSet::default();
    let mut done = Vec::new();
    let mut stack = vec![(root.clone(), false)];
    while let Some((formula, opened)) = stack.pop() {
        if opened {
            done.push(formula);
        } else if seen.insert(formula.address()) {
            let children: Vec<Formula> = formula.kind().children().into_iter().rev().cloned().collect();
            stack.push((formula, true));
            stack.extend(children.into_iter().map(|child| (child, false)));
        }
    }
    done
}

/// Whether a number is one.
pub(super) fn is_one(number: &BigRational) -> bool {
    number.is_one()
}

/// Whether a number is zero.
pub(super) fn is_zero(number: &BigRational) -> bool {
    number.is_zero()
}
