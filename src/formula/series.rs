//! Sums over an index: closed forms, and the polynomials that they need.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use rustc_hash::FxHashMap;

use super::build::{MOST_NESTED_SUMS, summands};
use super::node::{Formula, Kind, Undefined, post_order};
use super::walk::{Dependents, rebuild, rewrite};
use super::{Text, parse};

/// Highest power of the index that is summed in closed form.
const MOST_DEGREE: usize = 12;

/// Most terms of an expansion; a product that would have more stays a product.
const MOST_TERMS: usize = 5_000;

/// Highest power of a sum that is multiplied out.
const MOST_EXPANDED: i64 = 64;

/// Deepest nesting of sums in products that is looked into for a polynomial.
const MOST_NESTED: usize = 64;

impl Formula {
    /// `sum(body for index in range(start, stop, step))`.
    ///
    /// The closed form where there is one: a body without the index is multiplied by the number of rounds, powers
    /// of the index are summed (Faulhaber). The number of rounds is `max(stop - start, 0)`, or `stop - start` where
    /// that cannot be negative: symbols stand for sizes, so `range(n)` has `n` rounds. What has no closed form
    /// stays a sum, one for each term of the body.
    pub fn sum(body: Self, index: &str, start: Self, stop: Self, step: Self) -> Self {
        let operands = [&body, &start, &stop, &step];
        if let Some(undefined) = operands.iter().find(|operand| operand.is_undefined()) {
            return (*undefined).clone();
        }
        if step.is_zero() {
            return Self::undefined(Undefined::DivisionByZero);
        }
        if body.0.series_depth >= MOST_NESTED_SUMS {
            return Self::undefined(Undefined::TooLarge);
        }
        if body.is_zero() {
            return Self::zero();
        }
        let index = parse::normalize(index);
        let range = Range { rounds: rounds(&start, &stop, &step), start, stop, step };
        if range.rounds.as_ref().is_some_and(Self::is_zero) {
            return Self::zero();
        }
        let body = if Dependents::new(&body, &index).contains(&body) {
            without_needless_clamps(&body, &index, &range)
        } else {
            body
        };
        let dependents = Dependents::new(&body, &index);
        let (terms, constant) = summands(&body);
        let mut total: Vec<Self> = Vec::with_capacity(terms.len() + 1);
        let constant = Self::rational(constant);
        if !constant.is_zero() {
            total.push(range.series(&constant, &index, &dependents));
        }
        for (coefficient, of) in terms {
            total.push(range.term(of, &index, &dependents).scale(&coefficient));
        }
        Self::total(total)
    }

    /// Multiplies out products and powers of sums, everywhere in the formula. A product of more than some thousand
    /// terms stays as it is.
    #[must_use]
    pub fn expand(&self) -> Self {
        let mut new: FxHashMap<usize, Self> = FxHashMap::default();
        for formula in post_order(self) {
            let built =
                rebuild(&formula, &mut |child| new.get(&child.address()).cloned().unwrap_or_else(|| child.clone()));
            new.insert(formula.address(), expand_product(&built).unwrap_or(built));
        }
        new.remove(&self.address()).unwrap_or_else(|| self.clone())
    }
}

fn expand_product(formula: &Formula) -> Option<Formula> {
    let (coefficient, product) = match formula.kind() {
        Kind::Product(_) => (BigRational::one(), formula),
        // A sum of products that were built from expanded parts.
        Kind::Sum { terms, constant } => {
            if !terms.iter().any(|term| matches!(term.of.kind(), Kind::Product(_))) {
                return None;
            }
            let mut parts = Vec::with_capacity(terms.len() + 1);
            for term in terms {
                let of = expand_product(&term.of).unwrap_or_else(|| term.of.clone());
                parts.push(of.scale(&term.coefficient));
            }
            parts.push(Formula::rational(constant.clone()));
            return Some(Formula::total(parts));
        }
        _ => return None,
    };
    let Kind::Product(factors) = product.kind() else { return None };
    if !factors.iter().any(|factor| factor.exponent > 0 && matches!(factor.base.kind(), Kind::Sum { .. })) {
        return None;
    }
    let mut expanded = Formula::rational(coefficient);
    let mut rest = Vec::new();
    for factor in factors {
        if factor.exponent > 0 && matches!(factor.base.kind(), Kind::Sum { .. }) {
            if factor.exponent > MOST_EXPANDED {
                return None;
            }
            for _ in 0..factor.exponent {
                expanded = distribute(&expanded, &factor.base)?;
            }
        } else {
            rest.push(factor.base.pow(factor.exponent));
        }
    }
    distribute(&expanded, &Formula::product(rest))
}

/// The product of two sums, term by term, if it is not too long.
fn distribute(a: &Formula, b: &Formula) -> Option<Formula> {
    let (a_terms, a_constant) = summands(a);
    let (b_terms, b_constant) = summands(b);
    if a_terms.len().saturating_mul(b_terms.len()) > MOST_TERMS {
        return None;
    }
    let mut products = Vec::with_capacity((a_terms.len() + 1) * (b_terms.len() + 1));
    for (c, x) in &a_terms {
        for (d, y) in &b_terms {
            products.push((*x * *y).scale(&(c * d)));
        }
        products.push(x.scale(&(c * &b_constant)));
    }
    for (d, y) in &b_terms {
        products.push(y.scale(&(d * &a_constant)));
    }
    products.push(Formula::rational(a_constant * b_constant));
    Some(Formula::total(products))
}

/// The number of rounds of a range whose step is a number.
fn rounds(start: &Formula, stop: &Formula, step: &Formula) -> Option<Formula> {
    let step = step.as_number()?;
    let span = (stop - start).scale(&step.recip());
    let count = if is_integral(&span) { span } else { span.ceil() };
    Some(if count.is_nonnegative() { count } else { Formula::max(vec![count, Formula::zero()]) })
}

/// Whether a formula is an integer when its symbols are.
pub(super) fn is_integral(formula: &Formula) -> bool {
    let (terms, constant) = summands(formula);
    let simple = |formula: &Formula| match formula.kind() {
        Kind::Symbol(_) | Kind::Extreme { .. } | Kind::Series { .. } | Kind::Apply { .. } => true,
        Kind::Call { function, .. } => function.name != "log2",
        Kind::Conditional { .. } => true,
        _ => false,
    };
    constant.is_integer()
        && terms.iter().all(|(coefficient, of)| {
            coefficient.is_integer()
                && match of.kind() {
                    Kind::Product(factors) => {
                        factors.iter().all(|f| f.exponent > 0 && (simple(&f.base) || is_integral_sum(&f.base)))
                    }
                    _ => simple(of),
                }
        })
}

fn is_integral_sum(formula: &Formula) -> bool {
    match formula.kind() {
        Kind::Sum { terms, constant } => {
            constant.is_integer()
                && terms.iter().all(|t| t.coefficient.is_integer() && matches!(t.of.kind(), Kind::Symbol(_)))
        }
        _ => false,
    }
}

/// Takes `max(e, 0)` for `e` where `e` cannot be negative in the range: `max(n - i, 0)` for `i` in `range(n)`.
fn without_needless_clamps(body: &Formula, index: &str, range: &Range) -> Formula {
    if *range.step.as_number().unwrap_or(&BigRational::zero()) != BigRational::one() {
        return body.clone();
    }
    let zero = Formula::zero();
    rewrite(body, &|formula| {
        let Kind::Extreme { max: true, operands } = formula.kind() else { return None };
        let [inner, clamp] = operands.as_slice() else { return None };
        if *clamp != zero {
            return None;
        }
        let dependents = Dependents::new(inner, index);
        let coefficients = polynomial(inner, index, &dependents, 1, 0)?;
        let at = |value: &Formula| {
            Formula::total(
                coefficients.iter().enumerate().map(|(power, c)| c * &value.pow(i64::try_from(power).unwrap_or(0))),
            )
        };
        // A linear function is not negative between two places where it is not.
        let last = &range.stop - &Formula::one();
        (at(&range.start).is_nonnegative() && at(&last).is_nonnegative()).then(|| inner.clone())
    })
}

struct Range {
    start: Formula,
    stop: Formula,
    step: Formula,
    /// How often the body is added; none where the step is not a number.
    rounds: Option<Formula>,
}

impl Range {
    /// The sum of one term of the body.
    fn term(&self, of: &Formula, index: &str, dependents: &Dependents) -> Formula {
        let Kind::Product(factors) = of.kind() else {
            return self.series(of, index, dependents);
        };
        // Factors without the index stand before the sum.
        let (inside, outside): (Vec<_>, Vec<_>) = factors.iter().partition(|factor| dependents.contains(&factor.base));
        let build = |factors: Vec<&super::node::Factor>| {
            Formula::product(factors.into_iter().map(|factor| factor.base.pow(factor.exponent)))
        };
        if outside.is_empty() {
            return self.series(of, index, dependents);
        }
        let inside = build(inside);
        let dependents = Dependents::new(&inside, index);
        let (coefficient, inside) = match inside.kind() {
            Kind::Sum { .. } => return self.sum_again(&inside, index) * build(outside),
            _ => (BigRational::one(), inside),
        };
        (self.series(&inside, index, &dependents) * build(outside)).scale(&coefficient)
    }

    fn sum_again(&self, body: &Formula, index: &str) -> Formula {
        Formula::sum(body.clone(), index, self.start.clone(), self.stop.clone(), self.step.clone())
    }

    /// The closed form, or the sum itself.
    fn series(&self, body: &Formula, index: &str, dependents: &Dependents) -> Formula {
        self.closed(body, index, dependents).unwrap_or_else(|| {
            Formula::intern(Kind::Series {
                body: body.clone(),
                index: Text::from(index),
                start: self.start.clone(),
                stop: self.stop.clone(),
                step: self.step.clone(),
            })
        })
    }

    fn closed(&self, body: &Formula, index: &str, dependents: &Dependents) -> Option<Formula> {
        let rounds = self.rounds.as_ref()?;
        let coefficients = polynomial(body, index, dependents, MOST_DEGREE, 0)?;
        // In terms of the round, counted from 0: index = start + step * round.
        let mut by_round = vec![Vec::new(); coefficients.len()];
        for (power, coefficient) in coefficients.iter().enumerate() {
            for (lower, terms) in by_round.iter_mut().enumerate().take(power + 1) {
                let binomial = BigRational::from_integer(binomial(power, lower));
                let exponent = |n: usize| i64::try_from(n).unwrap_or(0);
                let part = coefficient * &self.start.pow(exponent(power - lower)) * self.step.pow(exponent(lower));
                terms.push(part.scale(&binomial));
            }
        }
        let sums =
            by_round.into_iter().enumerate().map(|(power, terms)| Formula::total(terms) * power_sum(power, rounds));
        let total = Formula::total(sums);
        (!total.is_undefined()).then_some(total)
    }
}

/// The coefficients of a formula as a polynomial in a name, lowest power first, if it is one of at most this
/// degree. The coefficients do not depend on the name.
pub(super) fn polynomial(
    formula: &Formula,
    name: &str,
    dependents: &Dependents,
    degree: usize,
    depth: usize,
) -> Option<Vec<Formula>> {
    if !dependents.contains(formula) {
        return Some(vec![formula.clone()]);
    }
    if depth > MOST_NESTED {
        return None;
    }
    match formula.kind() {
        Kind::Symbol(text) if **text == *name && degree > 0 => Some(vec![Formula::zero(), Formula::one()]),
        Kind::Sum { terms, constant } => {
            let mut sums: Vec<Vec<Formula>> = vec![vec![Formula::rational(constant.clone())]];
            for term in terms {
                let coefficients = polynomial(&term.of, name, dependents, degree, depth + 1)?;
                for (power, coefficient) in coefficients.into_iter().enumerate() {
                    if sums.len() <= power {
                        sums.push(Vec::new());
                    }
                    sums.get_mut(power)?.push(coefficient.scale(&term.coefficient));
                }
            }
            Some(sums.into_iter().map(Formula::total).collect())
        }
        Kind::Product(factors) => {
            let mut product = vec![Formula::one()];
            for factor in factors {
                if !dependents.contains(&factor.base) {
                    let constant = factor.base.pow(factor.exponent);
                    product = product.into_iter().map(|coefficient| coefficient * &constant).collect();
                    continue;
                }
                if factor.exponent < 0 || factor.exponent > i64::try_from(degree).ok()? {
                    return None;
                }
                let base = polynomial(&factor.base, name, dependents, degree, depth + 1)?;
                for _ in 0..factor.exponent {
                    if product.len() + base.len() - 2 > degree {
                        return None;
                    }
                    let mut next = vec![Vec::new(); product.len() + base.len() - 1];
                    for (i, a) in product.iter().enumerate() {
                        for (j, b) in base.iter().enumerate() {
                            next.get_mut(i + j)?.push(a * b);
                        }
                    }
                    product = next.into_iter().map(Formula::total).collect();
                }
            }
            Some(product)
        }
        _ => None,
    }
}

/// `0**k + 1**k + … + (n - 1)**k` as a polynomial in `n` (Faulhaber's formula).
fn power_sum(k: usize, n: &Formula) -> Formula {
    let bernoulli = bernoulli(k);
    let scale = BigRational::new(BigInt::one(), BigInt::from(k + 1));
    Formula::total(bernoulli.iter().enumerate().filter(|(_, b)| !b.is_zero()).map(|(r, b)| {
        let exponent = i64::try_from(k + 1 - r).unwrap_or(1);
        n.pow(exponent).scale(&(&scale * b * BigRational::from_integer(binomial(k + 1, r))))
    }))
}

/// The Bernoulli numbers up to the k-th, with B₁ = -1/2.
fn bernoulli(k: usize) -> Vec<BigRational> {
    let mut numbers: Vec<BigRational> = vec![BigRational::one()];
    for m in 1..=k {
        let sum = numbers
            .iter()
            .enumerate()
            .fold(BigRational::zero(), |sum, (j, b)| sum + b * BigRational::from_integer(binomial(m + 1, j)));
        numbers.push(-sum / BigRational::from_integer(BigInt::from(m + 1)));
    }
    numbers
}

fn binomial(n: usize, k: usize) -> BigInt {
    (0..k).fold(BigInt::one(), |product, i| (product * BigInt::from(n - i)).div_floor(&BigInt::from(i + 1))).abs()
}
