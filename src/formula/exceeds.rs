//! The smallest size at which a formula exceeds a limit, by exact arithmetic.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use rustc_hash::FxHashMap;

use super::evaluate::{Environment, EvaluateError, Value};
use super::node::{Formula, Kind};
use super::series::{is_integral, polynomial};
use super::walk::{Dependents, scope_order};
use super::{Text, normalize};

/// Sizes that are tried one by one where a formula neither grows steadily nor is a polynomial.
const MOST_TRIED: i64 = 1 << 20;

/// Largest size that is looked at, as a power of two.
const MOST_BITS: u64 = 128;

/// Highest degree of a polynomial whose places are computed.
const MOST_DEGREE: usize = 64;

/// Why the smallest size cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExceedsError {
    /// The formula has no value there.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The formula rises and falls, and stays below the limit for the sizes tried.
    #[error("`{0}` rises and falls: it does not exceed the limit up to {MOST_TRIED}, and nothing is known beyond")]
    Undecided(Text),
}

impl Formula {
    /// The smallest integer `variable >= 0` for which the value exceeds `limit` bytes; none if there is none (up to
    /// 2**128). Other symbols take their values from the environment.
    ///
    /// Exact: by bisection where the formula never falls, by the roots of the polynomial where it is one, otherwise
    /// by trying.
    ///
    /// # Errors
    /// A name without value, no value at some size, or a formula that rises and falls.
    pub fn exceeds(
        &self,
        limit: &BigInt,
        variable: &str,
        environment: &Environment,
    ) -> Result<Option<BigInt>, ExceedsError> {
        let variable = normalize(variable);
        let numbers: BTreeMap<Text, Formula> = environment
            .iter()
            .filter(|(name, _)| ***name != *variable)
            .map(|(name, value)| {
                let value = match value {
                    Value::Number(number) => Formula::rational(number.clone()),
                    Value::Literal(text) => Formula::literal(text),
                };
                (name.clone(), value)
            })
            .collect();
        let formula = self.substitute(&numbers);
        let missing = formula.missing(|name| name == variable);
        if !missing.is_empty() {
            return Err(EvaluateError::Unknown(missing).into());
        }
        let limit_number = BigRational::from_integer(limit.clone());
        let above = |n: &BigInt| -> Result<bool, EvaluateError> {
            let environment = Environment::new().with(&variable, n.clone());
            match formula.evaluate(&environment) {
                Ok(value) => Ok(value > limit_number),
                Err(error) => Err(error),
            }
        };
        if !formula.depends_on(&variable) {
            return Ok(above(&BigInt::zero())?.then(BigInt::zero));
        }
        if never_falls(&formula, &variable) {
            // A value too large to compute is above any limit that can be written.
            let above = |n: &BigInt| match above(n) {
                Err(EvaluateError::TooLarge(_)) => Ok(true),
                // `log2` of a size that is still zero.
                Err(EvaluateError::LogDomain(_) | EvaluateError::DivisionByZero(_)) => Ok(false),
                other => other,
            };
            let mut high = BigInt::zero();
            while !above(&high)? {
                high = (high << 1u32) + BigInt::one();
                if high.bits() > MOST_BITS {
                    return Ok(None);
                }
            }
            let mut low: BigInt = -BigInt::one();
            while &high - &low > BigInt::one() {
                let middle: BigInt = (&low + &high) >> 1u32;
                if above(&middle)? { high = middle } else { low = middle }
            }
            return Ok(Some(high));
        }
        if let Some(coefficients) = numeric_polynomial(&formula, &variable) {
            return Ok(first_above(coefficients, &limit_number));
        }
        let mut failed = None;
        let program = formula.compile(&[Text::from(variable.as_str())]).ok();
        let near = limit.to_f64().map(|limit| limit - limit.abs() * 1e-6 - 1.0);
        for n in 0..MOST_TRIED {
            // The program is only close, so that the exact value decides.
            if let (Some(program), Some(near), Some(n)) = (&program, near, n.to_f64())
                && program.run(&[n]) < near
            {
                continue;
            }
            let n = BigInt::from(n);
            match above(&n) {
                Ok(true) => return Ok(Some(n)),
                Ok(false) => {}
                Err(error @ EvaluateError::TooManySteps) => return Err(error.into()),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Err(ExceedsError::Undecided(Text::from(variable))),
        }
    }
}

/// Whether a formula certainly never falls when a symbol grows, judged from its structure.
fn never_falls(root: &Formula, variable: &str) -> bool {
    #[derive(Clone, Copy)]
    struct Course {
        rises: bool,
        falls: bool,
    }
    const STAYS: Course = Course { rises: true, falls: true };
    const UNKNOWN: Course = Course { rises: false, falls: false };
    let both = |a: Course, b: Course| Course { rises: a.rises && b.rises, falls: a.falls && b.falls };
    let turned = |a: Course| Course { rises: a.falls, falls: a.rises };
    let dependents = Dependents::new(root, variable);
    let mut memo: FxHashMap<usize, Course> = FxHashMap::default();
    for formula in scope_order(root) {
        let get = |child: &Formula| memo.get(&child.address()).copied().unwrap_or(UNKNOWN);
        let course = if !dependents.contains(&formula) {
            STAYS
        } else {
            match formula.kind() {
                Kind::Symbol(path) if **path == *variable => Course { rises: true, falls: false },
                Kind::Sum { terms, .. } => terms.iter().fold(STAYS, |all, term| {
                    let own = get(&term.of);
                    both(all, if term.coefficient.is_negative() { turned(own) } else { own })
                }),
                Kind::Product(factors) if factors.iter().all(|f| is_nonnegative_at_integers(&f.base)) => {
                    factors.iter().fold(STAYS, |all, factor| {
                        let own = get(&factor.base);
                        both(all, if factor.exponent < 0 { turned(own) } else { own })
                    })
                }
                Kind::Power { base, exponent } => match (base.as_number(), exponent.as_number()) {
                    (Some(base), _) if *base >= BigRational::one() => get(exponent),
                    (_, Some(exponent)) if base.is_nonnegative() && exponent.is_positive() => get(base),
                    _ => UNKNOWN,
                },
                Kind::Call { function, arguments } if function.nondecreasing => {
                    arguments.iter().fold(STAYS, |all, argument| both(all, get(argument)))
                }
                Kind::Extreme { operands, .. } => operands.iter().fold(STAYS, |all, operand| both(all, get(operand))),
                Kind::Series { body, start, stop, step, .. } => {
                    let steady = !dependents.contains(start)
                        && !dependents.contains(step)
                        && step.as_number().is_some_and(Signed::is_positive)
                        && get(stop).rises
                        && body.is_nonnegative()
                        && never_falls(body, variable);
                    Course { rises: steady, falls: false }
                }
                _ => UNKNOWN,
            }
        };
        memo.insert(formula.address(), course);
    }
    memo.get(&root.address()).is_some_and(|course| course.rises)
}

/// Whether a formula is nowhere negative while its symbol is a size: also `log2(n)`, wherever it has a value.
fn is_nonnegative_at_integers(formula: &Formula) -> bool {
    formula.is_nonnegative()
        || match formula.kind() {
            Kind::Call { function, arguments } => {
                function.name == "log2" && arguments.iter().all(|n| n.is_nonnegative() && is_integral(n))
            }
            _ => false,
        }
}

/// The coefficients, lowest power first, where a formula is a polynomial with numbers as coefficients.
fn numeric_polynomial(formula: &Formula, variable: &str) -> Option<Vec<BigRational>> {
    let dependents = Dependents::new(formula, variable);
    let coefficients = polynomial(formula, variable, &dependents, MOST_DEGREE, 0)?;
    coefficients.iter().map(|coefficient| coefficient.as_number().cloned()).collect()
}

fn value_at(coefficients: &[BigRational], n: &BigInt) -> BigRational {
    let n = BigRational::from_integer(n.clone());
    coefficients.iter().rev().fold(BigRational::zero(), |value, coefficient| value * &n + coefficient)
}

/// The smallest integer `n >= 0` where a polynomial exceeds a limit.
fn first_above(mut coefficients: Vec<BigRational>, limit: &BigRational) -> Option<BigInt> {
    if let Some(constant) = coefficients.first_mut() {
        *constant -= limit;
    }
    // Above here the sign of the polynomial and of its derivatives is that of the leading coefficient (Cauchy).
    while coefficients.last().is_some_and(Zero::is_zero) {
        coefficients.pop();
    }
    let leading = coefficients.last()?.abs();
    let largest = coefficients.iter().map(Signed::abs).max()?;
    let bound = (largest / leading).ceil().to_integer() + BigInt::from(2);
    let mut derivatives = vec![coefficients];
    while let Some(last) = derivatives.last() {
        if last.len() <= 2 {
            break;
        }
        let next = last
            .iter()
            .enumerate()
            .skip(1)
            .map(|(power, coefficient)| coefficient * BigRational::from_integer(power.into()))
            .collect();
        derivatives.push(next);
    }
    // The integers before which the derivative may change its sign cut the line into steady pieces; from the last
    // derivative up to the polynomial itself.
    let mut cuts = vec![BigInt::zero(), bound];
    for polynomial in derivatives.iter().rev() {
        let is_root_function = polynomial.len() == derivatives.first().map_or(0, Vec::len);
        let mut next = cuts.clone();
        for pair in cuts.windows(2) {
            let [low, high] = pair else { continue };
            if is_root_function && value_at(polynomial, low).is_positive() {
                return Some(low.clone());
            }
            if let Some(at) = sign_change(polynomial, low, high) {
                if is_root_function && value_at(polynomial, &at).is_positive() {
                    return Some(at);
                }
                next.push(&at - BigInt::one());
                next.push(at);
            }
        }
        next.sort();
        next.dedup();
        cuts = next;
    }
    let polynomial = derivatives.first()?;
    cuts.into_iter().find(|cut| value_at(polynomial, cut).is_positive())
}

/// The first integer in `(low, high]` at which the sign is not that at `low`, for a polynomial that is steady
/// between the two.
fn sign_change(polynomial: &[BigRational], low: &BigInt, high: &BigInt) -> Option<BigInt> {
    let positive = |n: &BigInt| value_at(polynomial, n).is_positive();
    let first = positive(low);
    if positive(high) == first {
        return None;
    }
    let (mut low, mut high) = (low.clone(), high.clone());
    while &high - &low > BigInt::one() {
        let middle = (&low + &high).div_floor(&BigInt::from(2));
        if positive(&middle) == first { low = middle } else { high = middle }
    }
    Some(high)
}
