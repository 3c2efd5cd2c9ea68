//! Builds formulas: every constructor returns the canonical form, so that equal formulas become the same node.
//!
//! What is canonical: sums and products are flat and sorted, like terms and equal factors merge, numbers fold,
//! a number times a sum is distributed, a sum inside a product has no common numeric factor. Products of sums are
//! not expanded (see `series.rs` for [`Formula::expand`]).
//!
//! Two things that algebra takes for granted: a factor that cancels is not zero, and `0 * x` is 0.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::Arc;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Pow, Signed, ToPrimitive, Zero};
use rustc_hash::FxHashMap;

use super::function::{self, Function};
use super::node::{Argument, Factor, Formula, Kind, Term, Undefined, factor_order, is_one, is_zero};
use super::{Comparison, Condition, Text, parse};

/// Largest number that is computed while building, in bits; a larger power stays a power, other results have no
/// value ("too large").
pub(super) const MOST_BITS: u64 = 1 << 16;

/// Largest exponent that products keep as a number.
const MOST_EXPONENT: i64 = 1 << 31;

/// Deepest nesting of sums over an index.
pub(super) const MOST_NESTED_SUMS: u32 = 64;

/// Most operands of `max` and `min` that are compared in pairs.
const MOST_COMPARED: usize = 24;

impl Formula {
    /// 0.
    pub fn zero() -> Self {
        Self::rational(BigRational::zero())
    }

    /// 1.
    pub fn one() -> Self {
        Self::rational(BigRational::one())
    }

    /// An integer.
    pub fn integer(value: impl Into<BigInt>) -> Self {
        Self::rational(BigRational::from_integer(value.into()))
    }

    /// A rational number.
    pub fn rational(value: BigRational) -> Self {
        if value.numer().bits().max(value.denom().bits()) > MOST_BITS {
            return Self::undefined(Undefined::TooLarge);
        }
        Self::intern(Kind::Number(value))
    }

    /// A named size, count or length: `n`, `a.shape[0]`, `event["n"]`. In arithmetic a symbol is taken to be a
    /// non-negative number; in conditions nothing is taken for granted.
    ///
    /// The text is a Python name or path with constant subscripts; white space and quotes are normalised.
    pub fn symbol(path: &str) -> Self {
        Self::intern(Kind::Symbol(Text::from(parse::normalize(path))))
    }

    /// An argument or a side of a comparison, as Python text: `None`, `"zip"`, `[1, 2]`, `lambda x: x`.
    /// What is a formula becomes one (`3`, `n + 1`, `rows.size`); the rest is not looked into.
    pub fn literal(text: &str) -> Self {
        parse::argument(text)
    }

    /// A string literal with this content.
    pub fn string(content: &str) -> Self {
        Self::opaque(&parse::quote(content), true)
    }

    pub(super) fn opaque(text: &str, atomic: bool) -> Self {
        Self::intern(Kind::Literal { text: Text::from(text), atomic })
    }

    /// An uninterpreted call: the memory of a callable that nothing is known of. `name` is a Python expression that
    /// can be called (`igraph.Graph.Barabasi`, `boto3.client("s3").get_object`, `f()`).
    ///
    /// A name that the language itself defines (`max`, `ceil`, `py_list` …) is written with its module
    /// (`builtins.max`, `math.ceil`), so that the two cannot be taken for each other.
    pub fn apply(name: &str, arguments: Vec<Argument>) -> Self {
        let mut name = parse::normalize(name);
        if function::is_taken(&name) {
            let module = match name.as_str() {
                "ceil" | "floor" | "log2" => "math",
                _ if name.starts_with("py_") => "__main__",
                _ => "builtins",
            };
            name = format!("{module}.{name}");
        }
        Self::intern(Kind::Apply { name: Text::from(name), arguments })
    }

    pub(super) fn undefined(why: Undefined) -> Self {
        Self::intern(Kind::Undefined(why))
    }

    /// The number that this is, if it is one.
    pub fn as_number(&self) -> Option<&BigRational> {
        match self.kind() {
            Kind::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Whether this is 0.
    pub fn is_zero(&self) -> bool {
        self.as_number().is_some_and(is_zero)
    }

    /// Whether this is never negative while its symbols are not.
    pub fn is_nonnegative(&self) -> bool {
        self.0.nonnegative_sizes
    }

    fn first_undefined<'a>(operands: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        operands.into_iter().find(|operand| matches!(operand.kind(), Kind::Undefined(_))).cloned()
    }

    // ---- Sums ----

    /// The sum of many summands at once: one sort, where repeated `+` would copy the sum each time.
    pub fn total(summands: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Summands::default();
        for summand in summands {
            if let Err(undefined) = sum.add(&BigRational::one(), &summand) {
                return undefined;
            }
        }
        sum.finish()
    }

    /// The number times the formula.
    pub fn scale(&self, by: &BigRational) -> Self {
        if let Some(undefined) = Self::first_undefined([self]) {
            return undefined;
        }
        if by.is_one() {
            return self.clone();
        }
        if by.is_zero() {
            return Self::zero();
        }
        match self.kind() {
            Kind::Number(number) => Self::rational(number * by),
            Kind::Sum { terms, constant } => Self::sum_node(
                terms.iter().map(|term| Term { coefficient: &term.coefficient * by, of: term.of.clone() }).collect(),
                constant * by,
            ),
            _ => Self::sum_node(vec![Term { coefficient: by.clone(), of: self.clone() }], BigRational::zero()),
        }
    }

    /// A sum of sorted distinct terms with coefficients other than 0.
    fn sum_node(mut terms: Vec<Term>, constant: BigRational) -> Self {
        let large = |number: &BigRational| number.numer().bits().max(number.denom().bits()) > MOST_BITS;
        if large(&constant) || terms.iter().any(|term| large(&term.coefficient)) {
            return Self::undefined(Undefined::TooLarge);
        }
        match terms.as_slice() {
            [] => Self::rational(constant),
            [only] if constant.is_zero() && only.coefficient.is_one() => terms.remove(0).of,
            _ => Self::intern(Kind::Sum { terms, constant }),
        }
    }

    // ---- Products ----

    /// The product of many factors at once.
    pub fn product(factors: impl IntoIterator<Item = Self>) -> Self {
        let mut product = Factors::default();
        for factor in factors {
            if let Err(undefined) = product.multiply(&factor, 1) {
                return undefined;
            }
        }
        product.finish()
    }

    /// `self ** exponent`.
    pub fn power(&self, exponent: &Self) -> Self {
        if let Some(undefined) = Self::first_undefined([self, exponent]) {
            return undefined;
        }
        let (base, number) = match (self.kind(), exponent.as_number()) {
            (_, Some(number)) if number.is_zero() => return Self::one(),
            (_, Some(number)) => (self, number),
            (Kind::Number(base), None) if base.is_one() => return Self::one(),
            (_, None) => {
                return Self::intern(Kind::Power { base: self.clone(), exponent: exponent.clone() });
            }
        };
        let small = if number.is_integer() { number.to_integer().to_i64() } else { None };
        match small.filter(|small| small.abs() < MOST_EXPONENT) {
            Some(small) => {
                if base.as_number().is_some_and(|base| base.is_zero() && small < 0) {
                    return Self::undefined(Undefined::DivisionByZero);
                }
                if base.as_number().is_some_and(|base| number_power(base, small).is_none()) {
                    return Self::intern(Kind::Power { base: self.clone(), exponent: exponent.clone() });
                }
                let mut product = Factors::default();
                match product.multiply(base, small) {
                    Ok(()) => product.finish(),
                    Err(undefined) => undefined,
                }
            }
            None => match base.as_number() {
                Some(base) if base.is_one() => Self::one(),
                Some(base) if base.is_zero() && number.is_positive() => Self::zero(),
                Some(base) if base.is_zero() => Self::undefined(Undefined::DivisionByZero),
                Some(_) | None => Self::intern(Kind::Power { base: self.clone(), exponent: exponent.clone() }),
            },
        }
    }

    /// `self ** exponent` for an integer exponent.
    pub fn pow(&self, exponent: i64) -> Self {
        self.power(&Self::integer(exponent))
    }

    // ---- Functions ----

    /// A function of the table.
    pub(super) fn call(function: &'static Function, arguments: Vec<Self>) -> Self {
        if let Some(undefined) = Self::first_undefined(&arguments) {
            return undefined;
        }
        let numbers: Option<Vec<BigRational>> = arguments.iter().map(|a| a.as_number().cloned()).collect();
        if let Some(Ok(value)) = numbers.map(|numbers| (function.exact)(&numbers)) {
            return Self::rational(value);
        }
        if let ([inner], "ceil" | "floor") = (arguments.as_slice(), function.name)
            && let Kind::Call { function: applied, .. } = inner.kind()
            && applied.name != "log2"
        {
            // Rounding what is an integer already.
            return inner.clone();
        }
        Self::intern(Kind::Call { function, arguments })
    }

    /// A function of the table, of one argument: `named(function("py_list")?, n)`.
    pub fn named(function: &'static Function, argument: &Self) -> Self {
        Self::call(function, vec![argument.clone()])
    }

    /// The smallest integer not below.
    pub fn ceil(&self) -> Self {
        Self::call(function::CEIL, vec![self.clone()])
    }

    /// The largest integer not above.
    pub fn floor(&self) -> Self {
        Self::call(function::FLOOR, vec![self.clone()])
    }

    /// The logarithm to base 2.
    pub fn log2(&self) -> Self {
        Self::call(function::LOG2, vec![self.clone()])
    }

    /// `self // divisor`, which is `floor(self / divisor)`.
    pub fn floor_div(&self, divisor: &Self) -> Self {
        (self / divisor).floor()
    }

    /// `self % divisor`, with the sign of the divisor as in Python.
    pub fn modulo(&self, divisor: &Self) -> Self {
        if let Some(undefined) = Self::first_undefined([self, divisor]) {
            return undefined;
        }
        match (self.as_number(), divisor.as_number()) {
            (_, Some(divisor)) if divisor.is_zero() => Self::undefined(Undefined::DivisionByZero),
            (Some(value), Some(divisor)) => Self::rational(value - divisor * (value / divisor).floor()),
            (Some(value), None) if value.is_zero() => Self::zero(),
            (_, _) => Self::intern(Kind::Modulo(self.clone(), divisor.clone())),
        }
    }

    /// The largest of the operands (of none: 0).
    ///
    /// An operand that another one certainly reaches goes away (`max(n, 2*n)` is `2*n`), symbols being taken as
    /// non-negative; but a bare number stays beside what is not certainly above it for any value of the symbols:
    /// `max(n, 0)` says that `n` may be negative.
    pub fn max(operands: Vec<Self>) -> Self {
        Self::extreme(true, operands)
    }

    /// The smallest of the operands (of none: 0).
    pub fn min(operands: Vec<Self>) -> Self {
        Self::extreme(false, operands)
    }

    fn extreme(max: bool, operands: Vec<Self>) -> Self {
        if let Some(undefined) = Self::first_undefined(&operands) {
            return undefined;
        }
        let mut flat: Vec<Self> = Vec::with_capacity(operands.len());
        let mut number: Option<BigRational> = None;
        for operand in operands {
            match operand.kind() {
                Kind::Extreme { max: same, operands } if *same == max => flat.extend(operands.iter().cloned()),
                _ => flat.push(operand),
            }
        }
        flat.retain(|operand| {
            let Some(value) = operand.as_number() else { return true };
            number = Some(match number.take() {
                Some(best) if (best > *value) == max => best,
                _ => value.clone(),
            });
            false
        });
        flat.extend(number.map(Self::rational));
        flat.sort();
        flat.dedup();
        if flat.len() <= MOST_COMPARED {
            let mut at = 0;
            while at < flat.len() {
                let reached = flat.iter().enumerate().any(|(other, kept)| {
                    other != at && if max { at_least(kept, &flat[at]) } else { at_least(&flat[at], kept) }
                });
                if reached {
                    flat.remove(at);
                } else {
                    at += 1;
                }
            }
        }
        match flat.len() {
            0 => Self::zero(),
            1 => flat.remove(0),
            _ => Self::intern(Kind::Extreme { max, operands: flat }),
        }
    }

    /// `then if condition else otherwise`.
    pub fn conditional(condition: Condition, then: Self, otherwise: Self) -> Self {
        if then == otherwise {
            return then;
        }
        match condition.0.kind() {
            Kind::Boolean(true) => then,
            Kind::Boolean(false) => otherwise,
            Kind::Not(inner) => Self::conditional(Condition(inner.clone()), otherwise, then),
            _ => Self::intern(Kind::Conditional { condition: condition.0, then, otherwise }),
        }
    }
}

/// Whether `a >= b` certainly, judged term by term without building the difference. Against a bare number, symbols
/// may be negative; otherwise they are taken not to be.
fn at_least(a: &Formula, b: &Formula) -> bool {
    let sizes = a.as_number().is_none() && b.as_number().is_none();
    let known = |formula: &Formula| if sizes { formula.0.nonnegative_sizes } else { formula.0.nonnegative };
    let (a_terms, a_constant) = summands(a);
    let (b_terms, b_constant) = summands(b);
    if a_constant < b_constant {
        return false;
    }
    let (mut i, mut j) = (0, 0);
    loop {
        let difference = match (a_terms.get(i), b_terms.get(j)) {
            (None, None) => return true,
            (Some((c, x)), Some((d, y))) if x == y => {
                (i, j) = (i + 1, j + 1);
                (c - d, *x)
            }
            (Some((c, x)), Some((_, y))) if x < y => {
                i += 1;
                (c.clone(), *x)
            }
            (Some((c, x)), None) => {
                i += 1;
                (c.clone(), *x)
            }
            (_, Some((d, y))) => {
                j += 1;
                (-d, *y)
            }
        };
        match difference {
            (difference, _) if difference.is_zero() => {}
            (difference, of) if difference.is_positive() && known(of) => {}
            (_, _) => return false,
        }
    }
}

/// The terms and the constant of a formula seen as a sum.
pub(super) fn summands(formula: &Formula) -> (Vec<(BigRational, &Formula)>, BigRational) {
    match formula.kind() {
        Kind::Number(number) => (Vec::new(), number.clone()),
        Kind::Sum { terms, constant } => {
            (terms.iter().map(|term| (term.coefficient.clone(), &term.of)).collect(), constant.clone())
        }
        _ => (vec![(BigRational::one(), formula)], BigRational::zero()),
    }
}

/// A sum being built.
#[derive(Default)]
struct Summands {
    terms: FxHashMap<Formula, usize>,
    order: Vec<Term>,
    constant: BigRational,
}

impl Summands {
    /// Adds `times * summand`. An error is what makes the whole sum undefined.
    fn add(&mut self, times: &BigRational, summand: &Formula) -> Result<(), Formula> {
        match summand.kind() {
            Kind::Undefined(_) => return Err(summand.clone()),
            Kind::Number(number) => self.constant += number * times,
            Kind::Sum { terms, constant } => {
                for term in terms {
                    self.add_term(&term.coefficient * times, &term.of);
                }
                self.constant += constant * times;
            }
            _ => self.add_term(times.clone(), summand),
        }
        Ok(())
    }

    fn add_term(&mut self, coefficient: BigRational, of: &Formula) {
        if let Some(at) = self.terms.get(of) {
            self.order[*at].coefficient += coefficient;
        } else {
            self.terms.insert(of.clone(), self.order.len());
            self.order.push(Term { coefficient, of: of.clone() });
        }
    }

    fn finish(self) -> Formula {
        let mut terms = self.order;
        terms.retain(|term| !term.coefficient.is_zero());
        terms.sort_by(|a, b| a.of.cmp(&b.of));
        Formula::sum_node(terms, self.constant)
    }
}

/// A product being built.
struct Factors {
    coefficient: BigRational,
    bases: FxHashMap<Formula, usize>,
    order: Vec<Factor>,
}

impl Default for Factors {
    fn default() -> Self {
        Self { coefficient: BigRational::one(), bases: FxHashMap::default(), order: Vec::new() }
    }
}

impl Factors {
    /// Multiplies by `factor ** exponent`. An error is what makes the whole product undefined.
    fn multiply(&mut self, factor: &Formula, exponent: i64) -> Result<(), Formula> {
        match factor.kind() {
            Kind::Undefined(_) => return Err(factor.clone()),
            Kind::Number(number) => self.multiply_number(number, exponent)?,
            Kind::Product(factors) => {
                for factor in factors {
                    match factor.exponent.checked_mul(exponent).filter(|e| e.abs() < MOST_EXPONENT) {
                        Some(exponent) => self.multiply_base(&factor.base, exponent),
                        None => return Err(Formula::undefined(Undefined::TooLarge)),
                    }
                }
            }
            Kind::Sum { terms, constant } => {
                if let ([only], true) = (terms.as_slice(), constant.is_zero()) {
                    // One term with a coefficient, not a sum: the term may be a product, but not a sum again.
                    self.multiply_number(&only.coefficient, exponent)?;
                    return self.multiply(&only.of, exponent);
                }
                let content = content(terms, constant);
                self.multiply_number(&content, exponent)?;
                self.multiply_base(&factor.scale(&content.recip()), exponent);
            }
            _ => self.multiply_base(factor, exponent),
        }
        Ok(())
    }

    fn multiply_number(&mut self, number: &BigRational, exponent: i64) -> Result<(), Formula> {
        if number.is_zero() && exponent < 0 {
            return Err(Formula::undefined(Undefined::DivisionByZero));
        }
        let power = number_power(number, exponent).ok_or_else(|| Formula::undefined(Undefined::TooLarge))?;
        self.coefficient *= power;
        if self.coefficient.numer().bits().max(self.coefficient.denom().bits()) > MOST_BITS {
            return Err(Formula::undefined(Undefined::TooLarge));
        }
        Ok(())
    }

    fn multiply_base(&mut self, base: &Formula, exponent: i64) {
        if let Some(at) = self.bases.get(base) {
            self.order[*at].exponent = self.order[*at].exponent.saturating_add(exponent);
        } else {
            self.bases.insert(base.clone(), self.order.len());
            self.order.push(Factor { base: base.clone(), exponent });
        }
    }

    fn finish(self) -> Formula {
        let mut factors = self.order;
        factors.retain(|factor| factor.exponent != 0);
        if factors.iter().any(|factor| factor.exponent.abs() >= MOST_EXPONENT) {
            return Formula::undefined(Undefined::TooLarge);
        }
        factors.sort_by(factor_order);
        let product = match factors.as_slice() {
            [] => return Formula::rational(self.coefficient),
            [only] if only.exponent == 1 => only.base.clone(),
            _ => Formula::intern(Kind::Product(factors)),
        };
        product.scale(&self.coefficient)
    }
}

/// The largest positive number that all coefficients are integer multiples of.
fn content(terms: &[Term], constant: &BigRational) -> BigRational {
    let mut numerator = constant.numer().abs();
    let mut denominator = constant.denom().clone();
    for term in terms {
        numerator = numerator.gcd(term.coefficient.numer());
        denominator = denominator.lcm(term.coefficient.denom());
    }
    if numerator.is_zero() { BigRational::one() } else { BigRational::new(numerator, denominator) }
}

/// `base ** exponent`, unless it has more than [`MOST_BITS`] bits (or divides by zero).
pub(super) fn number_power(base: &BigRational, exponent: i64) -> Option<BigRational> {
    if is_one(base) || exponent == 0 {
        return Some(BigRational::one());
    }
    if is_zero(base) {
        return (exponent > 0).then(BigRational::zero);
    }
    if base.is_integer() && (-base).is_one() {
        return Some(if exponent % 2 == 0 { BigRational::one() } else { base.clone() });
    }
    let bits = base.numer().bits().max(base.denom().bits());
    if bits.saturating_sub(1).max(1).saturating_mul(exponent.unsigned_abs()) > MOST_BITS {
        return None;
    }
    let power = u32::try_from(exponent.unsigned_abs()).ok()?;
    let result = BigRational::new_raw(Pow::pow(base.numer(), power), Pow::pow(base.denom(), power));
    Some(if exponent < 0 { result.recip() } else { result })
}

// ---- Conditions ----

impl Condition {
    /// A condition that is decided.
    pub fn constant(value: bool) -> Self {
        Self(Formula::intern(Kind::Boolean(value)))
    }

    /// Whether a value is true as Python sees it: a number other than 0, a text that is not empty.
    pub fn truth(value: Formula) -> Self {
        match value.kind() {
            Kind::Number(number) => Self::constant(!number.is_zero()),
            Kind::Literal { text, .. } => match parse::literal_truth(text) {
                Some(truth) => Self::constant(truth),
                None => Self(value),
            },
            _ => Self(value),
        }
    }

    /// A comparison. Numbers are compared; so are literals whose values are known.
    pub fn compare(left: Formula, operator: Comparison, right: Formula) -> Self {
        if let Some(decided) = decide(&left, operator, &right) {
            return Self::constant(decided);
        }
        Self(Formula::intern(Kind::Compare { operator, left, right }))
    }

    /// All of the conditions (of none: true).
    pub fn all(conditions: Vec<Self>) -> Self {
        Self::junction(true, conditions)
    }

    /// Any of the conditions (of none: false).
    pub fn any(conditions: Vec<Self>) -> Self {
        Self::junction(false, conditions)
    }

    fn junction(and: bool, conditions: Vec<Self>) -> Self {
        let mut operands: Vec<Formula> = Vec::with_capacity(conditions.len());
        let mut seen = rustc_hash::FxHashSet::default();
        for condition in conditions {
            match condition.0.kind() {
                Kind::Boolean(value) if *value == and => {}
                // What stands before may fail to evaluate, so that it stays; nothing behind is ever asked.
                Kind::Boolean(_) if operands.is_empty() => return condition,
                Kind::Boolean(_) => {
                    operands.push(condition.0.clone());
                    break;
                }
                Kind::Junction { and: same, operands: inner } if *same == and => {
                    operands.extend(inner.iter().filter(|operand| seen.insert((*operand).clone())).cloned());
                }
                _ => {
                    if seen.insert(condition.0.clone()) {
                        operands.push(condition.0);
                    }
                }
            }
        }
        match operands.len() {
            0 => Self::constant(and),
            1 => Self(operands.remove(0)),
            _ => Self(Formula::intern(Kind::Junction { and, operands })),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(&self) -> Self {
        match self.0.kind() {
            Kind::Boolean(value) => Self::constant(!value),
            Kind::Not(inner) => Self(inner.clone()),
            Kind::Compare { operator, left, right } => Self::compare(left.clone(), operator.opposite(), right.clone()),
            _ => Self(Formula::intern(Kind::Not(self.0.clone()))),
        }
    }

    /// Its value, if it is decided.
    pub fn decided(&self) -> Option<bool> {
        match self.0.kind() {
            Kind::Boolean(value) => Some(*value),
            _ => None,
        }
    }
}

/// Compares two values that are known.
pub(super) fn decide(left: &Formula, operator: Comparison, right: &Formula) -> Option<bool> {
    use Comparison::{Equal, Greater, GreaterEqual, In, Is, IsNot, Less, LessEqual, NotEqual, NotIn};
    let number = |formula: &Formula| match formula.kind() {
        Kind::Number(number) => Some(number.clone()),
        Kind::Literal { text, .. } => match &**text {
            "True" => Some(BigRational::one()),
            "False" => Some(BigRational::zero()),
            _ => None,
        },
        _ => None,
    };
    if let (Kind::Number(_), _) | (_, Kind::Number(_)) = (left.kind(), right.kind())
        && let (Some(a), Some(b)) = (number(left), number(right))
    {
        return match operator {
            Equal => Some(a == b),
            NotEqual => Some(a != b),
            Less => Some(a < b),
            LessEqual => Some(a <= b),
            Greater => Some(a > b),
            GreaterEqual => Some(a >= b),
            Is | IsNot | In | NotIn => None,
        };
    }
    if left == right && !matches!(left.kind(), Kind::Literal { .. } | Kind::Undefined(_)) {
        return match operator {
            Equal | LessEqual | GreaterEqual => Some(true),
            NotEqual | Less | Greater => Some(false),
            Is | IsNot | In | NotIn => None,
        };
    }
    let plain = |formula: &Formula| match formula.kind() {
        Kind::Number(_) => Some(None),
        Kind::Literal { text, .. } if parse::is_plain_literal(text) => Some(Some(text.clone())),
        _ => None,
    };
    let (a, b) = (plain(left)?, plain(right)?);
    match operator {
        Equal | Is => Some(a == b),
        NotEqual | IsNot => Some(a != b),
        In | NotIn => {
            let (a, b) = (parse::unquote(a.as_deref()?)?, parse::unquote(b.as_deref()?)?);
            Some(b.contains(&*a) == (operator == In))
        }
        Less | LessEqual | Greater | GreaterEqual => {
            let (a, b) = (parse::unquote(a.as_deref()?)?, parse::unquote(b.as_deref()?)?);
            Some(match operator {
                Less => a < b,
                LessEqual => a <= b,
                Greater => a > b,
                _ => a >= b,
            })
        }
    }
}

// ---- Operators ----

fn add(a: &Formula, b: &Formula, sign: i64) -> Formula {
    let mut sum = Summands::default();
    let result = sum.add(&BigRational::one(), a).and_then(|()| sum.add(&BigRational::from_integer(sign.into()), b));
    match result {
        Ok(()) => sum.finish(),
        Err(undefined) => undefined,
    }
}

fn multiply(a: &Formula, b: &Formula, exponent: i64) -> Formula {
    let mut product = Factors::default();
    match product.multiply(a, 1).and_then(|()| product.multiply(b, exponent)) {
        Ok(()) => product.finish(),
        Err(undefined) => undefined,
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $body:expr) => {
        impl $trait<&Formula> for &Formula {
            type Output = Formula;
            fn $method(self, other: &Formula) -> Formula {
                let ($a, $b) = (self, other);
                $body
            }
        }
        impl $trait<Formula> for Formula {
            type Output = Formula;
            fn $method(self, other: Formula) -> Formula {
                $trait::$method(&self, &other)
            }
        }
        impl $trait<&Formula> for Formula {
            type Output = Formula;
            fn $method(self, other: &Formula) -> Formula {
                $trait::$method(&self, other)
            }
        }
        impl $trait<Formula> for &Formula {
            type Output = Formula;
            fn $method(self, other: Formula) -> Formula {
                $trait::$method(self, &other)
            }
        }
    };
}

operator!(Add, add, |a, b| add(a, b, 1));
operator!(Sub, sub, |a, b| add(a, b, -1));
operator!(Mul, mul, |a, b| multiply(a, b, 1));
operator!(Div, div, |a, b| multiply(a, b, -1));

impl Neg for &Formula {
    type Output = Formula;
    fn neg(self) -> Formula {
        self.scale(&-BigRational::one())
    }
}

impl Neg for Formula {
    type Output = Formula;
    fn neg(self) -> Formula {
        -&self
    }
}

impl std::iter::Sum for Formula {
    fn sum<I: Iterator<Item = Formula>>(iter: I) -> Formula {
        Self::total(iter)
    }
}

impl From<i64> for Formula {
    fn from(value: i64) -> Self {
        Self::integer(value)
    }
}

impl Argument {
    /// A positional argument.
    pub fn positional(value: Formula) -> Self {
        Self { keyword: None, value }
    }

    /// A keyword argument.
    pub fn keyword(name: &str, value: Formula) -> Self {
        Self { keyword: Some(Arc::from(name)), value }
    }
}
