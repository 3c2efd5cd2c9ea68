//! Exact evaluation: integers and rationals, one ceiling at the end.
//!
//! Only what the value depends on is evaluated: of a conditional one branch, of `and`/`or` up to the operand that
//! decides. Works on a stack of its own; recurses only into bodies of sums, whose nesting is bounded.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use rustc_hash::FxHashMap;

use super::build::{decide, number_power};
use super::function::Fault;
use super::node::{Formula, Kind, Undefined};
use super::walk::Dependents;
use super::{Condition, Text, parse};

/// Most nodes that one evaluation visits; sums over an index visit their body once a round.
const MOST_STEPS: u64 = 4_000_000;

/// Largest number that an evaluation computes, in bits.
const MOST_BITS: u64 = 1 << 17;

/// The value of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(BigRational),
    /// Something else, as Python text: `"zip"`, `None`, `True`.
    Literal(Text),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(BigRational::from_integer(value.into()))
    }
}

impl From<BigInt> for Value {
    fn from(value: BigInt) -> Self {
        Self::Number(BigRational::from_integer(value))
    }
}

impl From<BigRational> for Value {
    fn from(value: BigRational) -> Self {
        Self::Number(value)
    }
}

/// Values by name: of symbols by their path (`a.shape[0]`), of uninterpreted calls by their text (`f(x)`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<Text, Value>);

impl Environment {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a value to a name. The name is normalised as symbols and calls are.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(Text::from(parse::normalize(name)), value.into());
    }

    /// With one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The names and values, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Value)> {
        self.0.iter()
    }
}

impl<N: AsRef<str>, V: Into<Value>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut environment = Self::new();
        for (name, value) in pairs {
            environment.set(name.as_ref(), value);
        }
        environment
    }
}

/// Why a formula has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// Symbols or uninterpreted calls without value, sorted.
    #[error("no value for {}", list(.0))]
    Unknown(Vec<Text>),
    /// A division by zero, and the divisor.
    #[error("division by zero: `{0}` is 0")]
    DivisionByZero(String),
    /// The logarithm of zero or of a negative number, and its argument.
    #[error("log2 of a number that is not positive: `{0}`")]
    LogDomain(String),
    /// A number too large to compute with.
    #[error("a number too large to compute with: `{0}`")]
    TooLarge(String),
    /// A power that is no rational number.
    #[error("`{0}` is not a rational number")]
    NotExact(String),
    /// A literal where a number is needed, or values that cannot be compared.
    #[error("`{0}` cannot be evaluated: its value is not a number")]
    NotANumber(String),
    /// A sum of too many rounds.
    #[error("a sum of more than {MOST_STEPS} steps: write it in closed form")]
    TooManySteps,
    /// An amount of memory below zero.
    #[error("the result is negative: {0} bytes")]
    Negative(BigInt),
}

fn list(names: &[Text]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Longest excerpt of a formula in an error, in characters.
const LONGEST_EXCERPT: usize = 60;

fn excerpt(formula: &Formula) -> String {
    if formula.size() > 200 {
        return "…".to_owned();
    }
    let text = formula.to_string();
    match text.char_indices().nth(LONGEST_EXCERPT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A value during evaluation.
#[derive(Clone)]
enum Current {
    Number(BigRational),
    Boolean(bool),
    Literal(Text),
}

impl Formula {
    /// The exact value.
    ///
    /// # Errors
    /// See [`EvaluateError`]; for names without value all that the formula mentions are listed.
    pub fn evaluate(&self, environment: &Environment) -> Result<BigRational, EvaluateError> {
        let mut evaluator = Evaluator { environment, bound: Vec::new(), steps: MOST_STEPS };
        evaluator.number(self).map_err(|error| match error {
            EvaluateError::Unknown(_) => {
                let missing = self.missing(|name| environment.get(name).is_some());
                if missing.is_empty() { error } else { EvaluateError::Unknown(missing) }
            }
            other => other,
        })
    }

    /// The value in bytes, rounded up once.
    ///
    /// # Errors
    /// As [`Formula::evaluate`]; also a negative result.
    pub fn bytes(&self, environment: &Environment) -> Result<BigInt, EvaluateError> {
        let bytes = self.evaluate(environment)?.ceil().to_integer();
        if bytes.is_negative() { Err(EvaluateError::Negative(bytes)) } else { Ok(bytes) }
    }

    /// Symbols and uninterpreted calls that are not known, sorted. Of a call that is known, nothing is needed.
    pub(super) fn missing(&self, known: impl Fn(&str) -> bool) -> Vec<Text> {
        let mut missing = std::collections::BTreeSet::new();
        let calls: BTreeMap<Text, Self> =
            self.terms().into_iter().map(|call| (Text::from(call.to_string()), Self::zero())).collect();
        missing.extend(calls.keys().filter(|call| !known(call)).cloned());
        // Symbols inside of calls belong to the call's name.
        missing.extend(self.substitute_calls(&calls).symbols().into_iter().filter(|name| !known(name)));
        missing.into_iter().collect()
    }

    fn substitute_calls(&self, calls: &BTreeMap<Text, Self>) -> Self {
        // 1 keeps what stands beside a call in a product.
        super::walk::rewrite(self, &|formula| match formula.kind() {
            Kind::Apply { .. } if calls.contains_key(formula.to_string().as_str()) => Some(Self::one()),
            _ => None,
        })
    }
}

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    pub fn evaluate(&self, environment: &Environment) -> Result<bool, EvaluateError> {
        let mut evaluator = Evaluator { environment, bound: Vec::new(), steps: MOST_STEPS };
        let value = evaluator.run(&self.0)?;
        truth(&value, &self.0)
    }
}

struct Evaluator<'a> {
    environment: &'a Environment,
    /// Indices of the sums around, innermost last.
    bound: Vec<(Text, BigRational)>,
    steps: u64,
}

type Memo = FxHashMap<usize, Current>;

/// What a node needs before it can be computed.
enum Step {
    Done(Current),
    Needs(Vec<Formula>),
}

impl Evaluator<'_> {
    fn number(&mut self, formula: &Formula) -> Result<BigRational, EvaluateError> {
        match self.run(formula)? {
            Current::Number(number) => Ok(number),
            Current::Boolean(value) => Ok(if value { BigRational::one() } else { BigRational::zero() }),
            Current::Literal(_) => Err(EvaluateError::NotANumber(excerpt(formula))),
        }
    }

    fn run(&mut self, root: &Formula) -> Result<Current, EvaluateError> {
        let mut memo = Memo::default();
        let mut stack = vec![root.clone()];
        loop {
            let Some(formula) = stack.last().cloned() else {
                return memo.remove(&root.address()).ok_or(EvaluateError::TooManySteps);
            };
            if memo.contains_key(&formula.address()) {
                stack.pop();
                continue;
            }
            self.steps = self.steps.checked_sub(1).ok_or(EvaluateError::TooManySteps)?;
            match self.step(&formula, &memo)? {
                Step::Done(value) => {
                    memo.insert(formula.address(), value);
                    stack.pop();
                }
                Step::Needs(children) => stack.extend(children),
            }
        }
    }

    fn step(&mut self, formula: &Formula, memo: &Memo) -> Result<Step, EvaluateError> {
        let done = |value: BigRational| Ok(Step::Done(Current::Number(value)));
        let get = |child: &Formula| memo.get(&child.address());
        match formula.kind() {
            Kind::Conditional { condition, then, otherwise } => {
                let Some(value) = get(condition) else { return Ok(Step::Needs(vec![condition.clone()])) };
                let branch = if truth(value, condition)? { then } else { otherwise };
                return Ok(match get(branch) {
                    Some(value) => Step::Done(value.clone()),
                    None => Step::Needs(vec![branch.clone()]),
                });
            }
            Kind::Junction { and, operands } => {
                for operand in operands {
                    let Some(value) = get(operand) else { return Ok(Step::Needs(vec![operand.clone()])) };
                    if truth(value, operand)? != *and {
                        return Ok(Step::Done(Current::Boolean(!and)));
                    }
                }
                return Ok(Step::Done(Current::Boolean(*and)));
            }
            Kind::Symbol(path) => return Ok(Step::Done(self.symbol(path)?)),
            Kind::Apply { .. } => return Ok(Step::Done(self.call(formula)?)),
            Kind::Literal { text, .. } => return Ok(Step::Done(Current::Literal(text.clone()))),
            _ => {}
        }
        let operands = match formula.kind() {
            Kind::Series { start, stop, step, .. } => vec![start, stop, step],
            kind => kind.children(),
        };
        let missing: Vec<Formula> =
            operands.iter().filter(|child| get(child).is_none()).map(|child| (*child).clone()).collect();
        if !missing.is_empty() {
            return Ok(Step::Needs(missing));
        }
        let number = |child: &Formula| match get(child) {
            Some(Current::Number(number)) => Ok(number.clone()),
            Some(Current::Boolean(value)) => Ok(if *value { BigRational::one() } else { BigRational::zero() }),
            Some(Current::Literal(text)) if &**text == "True" => Ok(BigRational::one()),
            Some(Current::Literal(text)) if &**text == "False" => Ok(BigRational::zero()),
            _ => Err(EvaluateError::NotANumber(excerpt(child))),
        };
        let checked = |value: BigRational| {
            if value.numer().bits().max(value.denom().bits()) > MOST_BITS {
                Err(EvaluateError::TooLarge(excerpt(formula)))
            } else {
                Ok(Step::Done(Current::Number(value)))
            }
        };
        match formula.kind() {
            Kind::Number(value) => done(value.clone()),
            Kind::Boolean(value) => Ok(Step::Done(Current::Boolean(*value))),
            Kind::Undefined(Undefined::DivisionByZero) => Err(EvaluateError::DivisionByZero("0".to_owned())),
            Kind::Undefined(Undefined::TooLarge) => Err(EvaluateError::TooLarge(excerpt(formula))),
            Kind::Sum { terms, constant } => {
                let mut sum = constant.clone();
                for term in terms {
                    sum += number(&term.of)? * &term.coefficient;
                }
                checked(sum)
            }
            Kind::Product(factors) => {
                let mut product = BigRational::one();
                for factor in factors {
                    product *= power(&number(&factor.base)?, factor.exponent, &factor.base)?;
                    if product.numer().bits().max(product.denom().bits()) > MOST_BITS {
                        return Err(EvaluateError::TooLarge(excerpt(formula)));
                    }
                }
                checked(product)
            }
            Kind::Power { base, exponent } => {
                let (x, e) = (number(base)?, number(exponent)?);
                checked(rational_power(&x, &e, formula, base)?)
            }
            Kind::Call { function, arguments } => {
                let values = arguments.iter().map(number).collect::<Result<Vec<_>, _>>()?;
                match (function.exact)(&values) {
                    Ok(value) => checked(value),
                    Err(Fault::Domain) => {
                        Err(EvaluateError::LogDomain(arguments.first().map(excerpt).unwrap_or_default()))
                    }
                    Err(Fault::TooLarge) => Err(EvaluateError::TooLarge(excerpt(formula))),
                }
            }
            Kind::Extreme { max, operands } => {
                let mut best: Option<BigRational> = None;
                for operand in operands {
                    let value = number(operand)?;
                    best = Some(match best {
                        Some(best) if (best >= value) == *max => best,
                        _ => value,
                    });
                }
                done(best.unwrap_or_else(BigRational::zero))
            }
            Kind::Modulo(value, divisor) => {
                let (x, d) = (number(value)?, number(divisor)?);
                if d.is_zero() {
                    return Err(EvaluateError::DivisionByZero(excerpt(divisor)));
                }
                let quotient = (&x / &d).floor();
                checked(x - d * quotient)
            }
            Kind::Compare { operator, left, right } => {
                let side = |child: &Formula| match get(child) {
                    Some(Current::Number(number)) => Ok(Formula::rational(number.clone())),
                    Some(Current::Literal(text)) => Ok(Formula::opaque(text, true)),
                    _ => Err(EvaluateError::NotANumber(excerpt(child))),
                };
                decide(&side(left)?, *operator, &side(right)?)
                    .map(|value| Step::Done(Current::Boolean(value)))
                    .ok_or_else(|| EvaluateError::NotANumber(excerpt(formula)))
            }
            Kind::Not(inner) => {
                let value = get(inner).ok_or(EvaluateError::TooManySteps)?;
                Ok(Step::Done(Current::Boolean(!truth(value, inner)?)))
            }
            Kind::Series { body, index, start, stop, step } => {
                let (start, stop, step) = (number(start)?, number(stop)?, number(step)?);
                if step.is_zero() {
                    return Err(EvaluateError::DivisionByZero("the step of a range".to_owned()));
                }
                let rounds = ((&stop - &start) / &step).ceil().to_integer();
                if !rounds.is_positive() {
                    return done(BigRational::zero());
                }
                if !Dependents::new(body, index).contains(body) {
                    let once = self.number(body)?;
                    return checked(once * BigRational::from_integer(rounds));
                }
                let rounds = rounds.to_u64().filter(|n| *n <= self.steps).ok_or(EvaluateError::TooManySteps)?;
                let mut sum = BigRational::zero();
                let mut at = start;
                for _ in 0..rounds {
                    self.bound.push((index.clone(), at.clone()));
                    let value = self.number(body);
                    self.bound.pop();
                    sum += value?;
                    at += &step;
                }
                checked(sum)
            }
            Kind::Symbol(_)
            | Kind::Literal { .. }
            | Kind::Apply { .. }
            | Kind::Conditional { .. }
            | Kind::Junction { .. } => Err(EvaluateError::NotANumber(excerpt(formula))),
        }
    }

    fn symbol(&self, path: &Text) -> Result<Current, EvaluateError> {
        if let Some((_, value)) = self.bound.iter().rev().find(|(name, _)| name == path) {
            return Ok(Current::Number(value.clone()));
        }
        self.given(path)
    }

    fn given(&self, name: &str) -> Result<Current, EvaluateError> {
        match self.environment.get(name) {
            Some(Value::Number(number)) => Ok(Current::Number(number.clone())),
            Some(Value::Literal(text)) => Ok(Current::Literal(text.clone())),
            None => Err(EvaluateError::Unknown(vec![Text::from(name)])),
        }
    }

    /// An uninterpreted call is known by its text; inside of sums, by the text with the index put in.
    fn call(&self, formula: &Formula) -> Result<Current, EvaluateError> {
        if self.bound.is_empty() {
            return self.given(&formula.to_string());
        }
        let indices: BTreeMap<Text, Formula> =
            self.bound.iter().map(|(name, value)| (name.clone(), Formula::rational(value.clone()))).collect();
        self.given(&formula.substitute(&indices).to_string())
    }
}

fn truth(value: &Current, formula: &Formula) -> Result<bool, EvaluateError> {
    match value {
        Current::Boolean(value) => Ok(*value),
        Current::Number(number) => Ok(!number.is_zero()),
        Current::Literal(text) => parse::literal_truth(text).ok_or_else(|| EvaluateError::NotANumber(excerpt(formula))),
    }
}

fn power(base: &BigRational, exponent: i64, formula: &Formula) -> Result<BigRational, EvaluateError> {
    if base.is_zero() && exponent < 0 {
        return Err(EvaluateError::DivisionByZero(excerpt(formula)));
    }
    number_power(base, exponent).ok_or_else(|| EvaluateError::TooLarge(format!("{}**{exponent}", excerpt(formula))))
}

/// `base ** exponent` for a rational exponent, if the result is rational.
fn rational_power(
    base: &BigRational,
    exponent: &BigRational,
    formula: &Formula,
    base_formula: &Formula,
) -> Result<BigRational, EvaluateError> {
    let too_large = || EvaluateError::TooLarge(excerpt(formula));
    if base.is_one() || exponent.is_zero() {
        return Ok(BigRational::one());
    }
    if base.is_zero() && exponent.is_positive() {
        return Ok(BigRational::zero());
    }
    let root = exponent.denom().to_u32();
    let rooted = match root {
        Some(1) => base.clone(),
        Some(root) if !base.is_negative() => {
            let take = |n: &BigInt| {
                let r = n.nth_root(root);
                (r.pow(root) == *n).then_some(r)
            };
            match (take(base.numer()), take(base.denom())) {
                (Some(n), Some(d)) => BigRational::new(n, d),
                _ => return Err(EvaluateError::NotExact(excerpt(formula))),
            }
        }
        _ => return Err(EvaluateError::NotExact(excerpt(formula))),
    };
    if rooted.is_integer() && rooted.numer().bits() <= 1 {
        // ±1: only whether the exponent is even matters.
        let odd = exponent.numer().bit(0);
        return power(&rooted, if odd { 1 } else { 2 }, base_formula);
    }
    let exponent = exponent.numer().to_i64().ok_or_else(too_large)?;
    power(&rooted, exponent, base_formula)
}
