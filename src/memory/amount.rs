//! Amounts: numbers that are plain where they are known, and formulas where they are not.
//!
//! The abstract machine adds up millions of small numbers; only what depends on an input becomes a node of the shared
//! graph of formulas. Depends on `formula` alone.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use crate::formula::{Comparison, Condition, Formula};

/// A number, or a formula over inputs and unknowns. Bytes, counts and lengths are amounts.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// A number.
    Int(i128),
    /// What depends on inputs, or is no integer that fits.
    Formula(Formula),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self::Int(0);
    /// One.
    pub const ONE: Self = Self::Int(1);

    /// A named quantity.
    pub fn symbol(name: &str) -> Self {
        Self::Formula(Formula::symbol(name))
    }

    /// The number, where it is one.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Formula(_) => None,
        }
    }

    /// A length or count that is known and can be counted to.
    pub fn as_usize(&self) -> Option<usize> {
        self.as_int().and_then(|int| usize::try_from(int).ok())
    }

    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// As a formula.
    pub fn to_formula(&self) -> Formula {
        match self {
            Self::Int(int) => Formula::integer(*int),
            Self::Formula(formula) => formula.clone(),
        }
    }

    /// The larger one.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(*a.max(b)),
            _ if self == other => self.clone(),
            _ => Formula::max(vec![self.to_formula(), other.to_formula()]).into(),
        }
    }

    /// The smaller one.
    #[must_use]
    pub fn min(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Self::Int(*a.min(b)),
            _ if self == other => self.clone(),
            _ => Formula::min(vec![self.to_formula(), other.to_formula()]).into(),
        }
    }

    /// It, or nothing if it is negative.
    #[must_use]
    pub fn at_least_zero(&self) -> Self {
        match self {
            Self::Formula(formula) if formula.is_nonnegative() => self.clone(),
            _ => self.max(&Self::ZERO),
        }
    }

    /// Python's `//`.
    #[must_use]
    pub fn floor_div(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) => {
                let quotient = a.div_euclid(*b);
                // Euclid rounds towards the sign of the divisor; Python rounds down.
                Some(Self::Int(if *b < 0 && a.rem_euclid(*b) != 0 { quotient - 1 } else { quotient }))
            }
            _ => Some(self.to_formula().floor_div(&other.to_formula()).into()),
        }
    }

    /// The quotient rounded up.
    #[must_use]
    pub fn ceil_div(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) if *a >= 0 && *b > 0 => Some(Self::Int((a + b - 1) / b)),
            _ => Some((self.to_formula() / other.to_formula()).ceil().into()),
        }
    }

    /// Python's `%`.
    #[must_use]
    pub fn modulo(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) if *b > 0 => Some(Self::Int(a.rem_euclid(*b))),
            _ => Some(self.to_formula().modulo(&other.to_formula()).into()),
        }
    }

    /// The quotient, exact.
    #[must_use]
    pub fn divide(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Int(0)) => None,
            (Self::Int(a), Self::Int(b)) if a % b == 0 => Some(Self::Int(a / b)),
            _ => Some((self.to_formula() / other.to_formula()).into()),
        }
    }

    /// A number of bytes: a known one that is no integer is rounded up. The machine adds up many of them, and fractions
    /// of a byte are not worth a formula.
    #[must_use]
    pub fn whole(self) -> Self {
        match &self {
            Self::Formula(formula) if formula.as_number().is_some() => formula.ceil().into(),
            _ => self,
        }
    }

    /// One half.
    #[must_use]
    pub fn half() -> Self {
        Self::Formula(Formula::rational(BigRational::new(1.into(), 2.into())))
    }

    /// The product of a shape's sides: how many items it has.
    #[must_use]
    pub fn product(sides: &[Self]) -> Self {
        sides.iter().fold(Self::ONE, |size, side| size * side.clone())
    }

    /// Of how many parts its formula is made.
    #[must_use]
    pub fn parts(&self) -> u64 {
        match self {
            Self::Int(_) => 1,
            Self::Formula(formula) => formula.size(),
        }
    }

    /// Rounded down to an integer.
    #[must_use]
    pub fn floor(&self) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Formula(formula) => formula.floor().into(),
        }
    }

    /// How the two compare, where that is known whatever the symbols are; else the condition.
    pub fn compare(&self, operator: Comparison, other: &Self) -> Result<bool, Condition> {
        if let (Self::Int(a), Self::Int(b)) = (self, other) {
            let holds = match operator {
                Comparison::Equal | Comparison::Is => a == b,
                Comparison::NotEqual | Comparison::IsNot => a != b,
                Comparison::Less => a < b,
                Comparison::LessEqual => a <= b,
                Comparison::Greater => a > b,
                Comparison::GreaterEqual => a >= b,
                Comparison::In | Comparison::NotIn => false,
            };
            return Ok(holds);
        }
        let condition = Condition::compare(self.to_formula(), operator, other.to_formula());
        condition.decided().ok_or(condition)
    }

    /// With symbols replaced.
    #[must_use]
    pub fn substitute(&self, map: &std::collections::BTreeMap<crate::formula::Text, Formula>) -> Self {
        match self {
            Self::Int(_) => self.clone(),
            Self::Formula(formula) => formula.substitute(map).into(),
        }
    }

    /// Whether a symbol occurs in it.
    pub fn depends_on(&self, symbol: &str) -> bool {
        match self {
            Self::Int(_) => false,
            Self::Formula(formula) => formula.depends_on(symbol),
        }
    }

    /// `sum(self for index in range(start, stop))`.
    #[must_use]
    pub fn sum(&self, index: &str, start: &Self, stop: &Self) -> Self {
        if !self.depends_on(index) {
            let count = (stop.clone() - start.clone()).at_least_zero();
            return self.clone() * count;
        }
        Formula::sum(self.to_formula(), index, start.to_formula(), stop.to_formula(), Formula::one()).into()
    }
}

impl From<Formula> for Amount {
    fn from(formula: Formula) -> Self {
        match formula.as_number() {
            Some(number) if number.is_integer() => match number.to_integer().to_i128() {
                Some(int) => Self::Int(int),
                None => Self::Formula(formula),
            },
            _ => Self::Formula(formula),
        }
    }
}

impl From<i128> for Amount {
    fn from(int: i128) -> Self {
        Self::Int(int)
    }
}

impl From<u64> for Amount {
    fn from(int: u64) -> Self {
        Self::Int(i128::from(int))
    }
}

impl From<usize> for Amount {
    fn from(int: usize) -> Self {
        Self::Int(i128::try_from(int).unwrap_or(i128::MAX))
    }
}

impl From<&BigInt> for Amount {
    fn from(int: &BigInt) -> Self {
        match int.to_i128() {
            Some(int) => Self::Int(int),
            None => Self::Formula(Formula::integer(int.clone())),
        }
    }
}

impl TryFrom<f64> for Amount {
    type Error = ();

    fn try_from(float: f64) -> Result<Self, ()> {
        match BigRational::from_float(float) {
            Some(exact) => Ok(Formula::rational(exact).into()),
            None => Err(()),
        }
    }
}

macro_rules! operator {
    ($trait:ident, $method:ident, $checked:ident, $operator:tt) => {
        impl std::ops::$trait for Amount {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                if let (Self::Int(a), Self::Int(b)) = (&self, &other)
                    && let Some(int) = a.$checked(*b)
                {
                    return Self::Int(int);
                }
                (self.to_formula() $operator other.to_formula()).into()
            }
        }

        impl std::ops::$trait<&Amount> for &Amount {
            type Output = Amount;

            fn $method(self, other: &Amount) -> Amount {
                self.clone() $operator other.clone()
            }
        }
    };
}

operator!(Add, add, checked_add, +);
operator!(Sub, sub, checked_sub, -);
operator!(Mul, mul, checked_mul, *);

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        if !other.is_zero() {
            let old = std::mem::replace(self, Self::ZERO);
            *self = old + other;
        }
    }
}

impl std::ops::SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        if !other.is_zero() {
            let old = std::mem::replace(self, Self::ZERO);
            *self = old - other;
        }
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(int) => write!(out, "{int}"),
            Self::Formula(formula) => write!(out, "{formula}"),
        }
    }
}

/// Bytes as the program asks for them, and as the system counts them once they are touched.
#[derive(Clone, Debug, PartialEq)]
pub struct Bytes {
    /// What is asked of the allocator.
    pub requested: Amount,
    /// What of that is resident: rounded to the allocator's blocks, untouched pages left out.
    pub resident: Amount,
}

impl Bytes {
    /// None.
    pub const ZERO: Self = Self { requested: Amount::ZERO, resident: Amount::ZERO };

    /// The same both ways.
    pub fn touched(bytes: Amount) -> Self {
        Self { resident: bytes.clone(), requested: bytes }
    }

    /// Whether there are none.
    pub fn is_zero(&self) -> bool {
        self.requested.is_zero() && self.resident.is_zero()
    }

    /// So many times.
    #[must_use]
    pub fn times(&self, count: &Amount) -> Self {
        Self { requested: (&self.requested * count).whole(), resident: (&self.resident * count).whole() }
    }

    /// What some of so many have, where all have the same. Nothing of none.
    #[must_use]
    pub fn share(&self, some: &Amount, of: &Amount) -> Self {
        self.map(|bytes| match (bytes, some, of) {
            (Amount::Int(bytes), Amount::Int(some), Amount::Int(of)) if *of > 0 && *bytes >= 0 && *some >= 0 => {
                Amount::Int((bytes * some + of - 1) / of)
            }
            _ => (bytes * some).divide(of).unwrap_or(Amount::ZERO),
        })
    }

    /// Each part through a function.
    #[must_use]
    pub fn map(&self, mut change: impl FnMut(&Amount) -> Amount) -> Self {
        Self { requested: change(&self.requested).whole(), resident: change(&self.resident).whole() }
    }

    /// Part by part.
    #[must_use]
    pub fn zip(&self, other: &Self, mut join: impl FnMut(&Amount, &Amount) -> Amount) -> Self {
        Self {
            requested: join(&self.requested, &other.requested).whole(),
            resident: join(&self.resident, &other.resident).whole(),
        }
    }

    /// The larger, part by part.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        self.zip(other, Amount::max)
    }
}

/// The largest of many amounts of bytes, some of which depend on inputs: those of which none is known to be less than
/// another.
#[derive(Clone, Debug, Default)]
pub struct HighWater {
    requested: Vec<Amount>,
    resident: Vec<Amount>,
}

impl HighWater {
    /// Candidates that are kept apart; more become one `max`.
    const MOST: usize = 24;

    /// Of one amount.
    pub fn of(bytes: &Bytes) -> Self {
        Self { requested: vec![bytes.requested.clone()], resident: vec![bytes.resident.clone()] }
    }

    /// The requested bytes, where they are a number.
    pub(super) fn number(&self) -> Option<i128> {
        match self.requested.as_slice() {
            [] => Some(0),
            [Amount::Int(int)] => Some(*int),
            _ => None,
        }
    }

    /// Nodes of its formulas, as work: each new amount is held against all of them.
    pub(super) fn effort(&self) -> u64 {
        let all = self.requested.iter().chain(&self.resident);
        let nodes = all.map(|amount| match amount {
            Amount::Int(_) => 0,
            Amount::Formula(formula) => formula.size().min(1 << 20),
        });
        nodes.sum::<u64>() / 16
    }

    /// Takes one more.
    pub fn raise(&mut self, bytes: &Bytes) {
        Self::raise_one(&mut self.requested, &bytes.requested);
        Self::raise_one(&mut self.resident, &bytes.resident);
    }

    /// Takes those of another.
    pub fn raise_all(&mut self, other: &Self) {
        for amount in &other.requested {
            Self::raise_one(&mut self.requested, amount);
        }
        for amount in &other.resident {
            Self::raise_one(&mut self.resident, amount);
        }
    }

    /// Formulas of so many parts are not held against each other: subtracting them takes longer than it is worth.
    const MOST_COMPARED: u64 = 1_000;

    fn raise_one(candidates: &mut Vec<Amount>, new: &Amount) {
        // Two ways of a branch have most candidates in common, and equal formulas are the same node.
        if candidates.contains(new) {
            return;
        }
        let size = |amount: &Amount| match amount {
            Amount::Int(_) => 0,
            Amount::Formula(formula) => formula.size(),
        };
        let own = size(new);
        for old in candidates.iter_mut().rev() {
            if own.saturating_add(size(old)) > Self::MOST_COMPARED {
                continue;
            }
            match (&*old, new) {
                (Amount::Int(before), Amount::Int(now)) => {
                    if now > before {
                        *old = new.clone();
                    }
                    return;
                }
                (before, now) if before == now => return,
                // Nothing is less than nothing.
                (Amount::Int(0), Amount::Formula(now)) if now.is_nonnegative() => {
                    *old = new.clone();
                    return;
                }
                (before, now) => match now - before {
                    Amount::Int(more) => {
                        if more > 0 {
                            *old = new.clone();
                        }
                        return;
                    }
                    Amount::Formula(more) if more.is_nonnegative() => {
                        *old = new.clone();
                        return;
                    }
                    Amount::Formula(more) if (-more.clone()).is_nonnegative() => return,
                    Amount::Formula(_) => {}
                },
            }
        }
        candidates.push(new.clone());
        if candidates.len() > Self::MOST {
            let all = candidates.drain(..).map(|amount| amount.to_formula()).collect();
            candidates.push(Formula::max(all).into());
        }
    }

    /// The largest.
    pub fn value(&self) -> Bytes {
        let most = |candidates: &[Amount]| match candidates {
            [] => Amount::ZERO,
            [one] => one.clone(),
            all => Formula::max(all.iter().map(Amount::to_formula).collect()).into(),
        };
        Bytes { requested: most(&self.requested), resident: most(&self.resident) }
    }

    /// The largest of what a function makes of each: one of requested, one of resident bytes.
    #[must_use]
    pub fn map(&self, requested: impl Fn(&Amount) -> Amount, resident: impl Fn(&Amount) -> Amount) -> Self {
        let mut out = Self::default();
        for amount in &self.requested {
            Self::raise_one(&mut out.requested, &requested(amount));
        }
        for amount in &self.resident {
            Self::raise_one(&mut out.resident, &resident(amount));
        }
        out
    }
}

/// Adds up many amounts at once.
#[derive(Default)]
pub struct Total {
    known: i128,
    formulas: Vec<Formula>,
}

impl Total {
    /// Adds one.
    pub fn add(&mut self, amount: &Amount) {
        match amount {
            Amount::Int(int) => match self.known.checked_add(*int) {
                Some(sum) => self.known = sum,
                None => self.formulas.push(Formula::integer(*int)),
            },
            Amount::Formula(formula) => self.formulas.push(formula.clone()),
        }
    }

    /// The sum.
    pub fn value(self) -> Amount {
        if self.formulas.is_empty() {
            return Amount::Int(self.known);
        }
        Formula::total(self.formulas.into_iter().chain([Formula::integer(self.known)])).into()
    }
}

impl std::ops::AddAssign<&Bytes> for Bytes {
    fn add_assign(&mut self, other: &Self) {
        self.requested += other.requested.clone();
        self.resident += other.resident.clone();
    }
}

impl std::ops::SubAssign<&Bytes> for Bytes {
    fn sub_assign(&mut self, other: &Self) {
        self.requested -= other.requested.clone();
        self.resident -= other.resident.clone();
    }
}

impl std::ops::Add<&Bytes> for &Bytes {
    type Output = Bytes;

    fn add(self, other: &Bytes) -> Bytes {
        self.zip(other, |a, b| a + b)
    }
}

impl std::ops::Sub<&Bytes> for &Bytes {
    type Output = Bytes;

    fn sub(self, other: &Bytes) -> Bytes {
        self.zip(other, |a, b| a - b)
    }
}
