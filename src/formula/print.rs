//! Writes formulas as Python and as LaTeX.
//!
//! Printing follows the structural order, so it is the same everywhere, and puts as few parentheses as Python's
//! precedence allows. It works on a stack of its own: a formula may be deeper than the thread's.

use std::borrow::Cow;
use std::fmt;

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};
use rustc_hash::FxHashMap;

use super::node::{Factor, Formula, Kind, Term, Undefined, post_order};
use super::{Condition, Text};

// Precedences of Python, higher binds tighter.
const ANY: u8 = 0;
const CHOICE: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const NOT: u8 = 4;
const COMPARE: u8 = 5;
const SUM: u8 = 10;
const PRODUCT: u8 = 11;
const UNARY: u8 = 12;
const POWER: u8 = 13;
const ATOM: u8 = 14;

/// What is still to be written.
enum Item {
    Text(Cow<'static, str>),
    /// A formula that stands where this precedence is needed.
    Formula(Formula, u8),
}

impl Item {
    fn owned(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }
}

fn word(text: &'static str) -> Item {
    Item::Text(Cow::Borrowed(text))
}

/// How a formula is written, one node at a time.
trait Style {
    /// The parts of a node, and its precedence.
    fn parts(&self, formula: &Formula) -> (Vec<Item>, u8);
    fn parentheses(&self) -> (&'static str, &'static str);
}

fn write_all(style: &dyn Style, root: &Formula, precedence: u8, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut stack = vec![Item::Formula(root.clone(), precedence)];
    while let Some(item) = stack.pop() {
        match item {
            Item::Text(text) => out.write_str(&text)?,
            Item::Formula(formula, needed) => {
                let (parts, precedence) = style.parts(&formula);
                let (open, close) = style.parentheses();
                let wrap = precedence < needed;
                if wrap {
                    stack.push(word(close));
                }
                stack.extend(parts.into_iter().rev());
                if wrap {
                    stack.push(word(open));
                }
            }
        }
    }
    Ok(())
}

impl fmt::Display for Formula {
    /// Python text that [`Formula::parse_permissive`] reads back as the same formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(&Python { locals: None }, self, ANY, f)
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Condition {
    /// Python text that [`Condition::parse`] reads back as the same condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Formula {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl serde::Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Formula {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        Self::parse_permissive(&text).map_err(serde::de::Error::custom)
    }
}

impl Formula {
    /// As LaTeX, without dollar signs.
    pub fn to_latex(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write_all(&Latex, self, ANY, &mut out);
        out
    }

    /// As Python text for a place where an operand of `*` may stand: in parentheses if it needs them.
    pub fn to_operand(&self) -> String {
        let mut out = String::new();
        let _ = write_all(&Python { locals: None }, self, UNARY, &mut out);
        out
    }
}

/// The factors above and below the fraction bar, with positive exponents.
type Factors = Vec<(Formula, i64)>;

fn fraction(of: &Formula) -> (Factors, Factors) {
    let (mut above, mut below) = (Vec::new(), Vec::new());
    match of.kind() {
        Kind::Product(factors) => {
            for Factor { base, exponent } in factors {
                if *exponent > 0 {
                    above.push((base.clone(), *exponent));
                } else {
                    below.push((base.clone(), -exponent));
                }
            }
        }
        _ => above.push((of.clone(), 1)),
    }
    (above, below)
}

/// `numerator // denominator` for the argument of `floor`, where it is a fraction.
fn quotient(argument: &Formula) -> Option<(Formula, Formula)> {
    let (numerator, denominator) = match argument.kind() {
        Kind::Sum { terms, constant } if terms.len() > 1 || !constant.is_zero() => {
            let common =
                terms.iter().fold(constant.denom().clone(), |common, term| common.lcm(term.coefficient.denom()));
            (argument.scale(&BigRational::from_integer(common.clone())), Formula::integer(common))
        }
        Kind::Sum { terms, .. } => {
            let term = terms.first()?;
            split(&term.coefficient, &term.of)
        }
        Kind::Product(_) => split(&BigRational::one(), argument),
        _ => return None,
    };
    // Only where reading it back gives the same argument.
    (denominator != Formula::one() && &numerator / &denominator == *argument).then_some((numerator, denominator))
}

fn split(coefficient: &BigRational, of: &Formula) -> (Formula, Formula) {
    let (above, below) = fraction(of);
    let build = |number: &BigInt, factors: Factors| {
        Formula::product(
            std::iter::once(Formula::integer(number.clone()))
                .chain(factors.into_iter().map(|(base, exponent)| base.pow(exponent))),
        )
    };
    (build(coefficient.numer(), above), build(coefficient.denom(), below))
}

/// The summands in the order of the sum; but a sum does not begin with a minus that a later summand could spare it:
/// `n - m`, not `-m + n`. The constant has no formula.
fn reading_order<'a>(terms: &'a [Term], constant: &BigRational) -> Vec<(BigRational, Option<&'a Formula>)> {
    let mut summands: Vec<_> = terms.iter().map(|term| (term.coefficient.clone(), Some(&term.of))).collect();
    if !constant.is_zero() {
        summands.push((constant.clone(), None));
    }
    if let Some(first) = summands.iter().position(|(coefficient, _)| coefficient.is_positive()) {
        summands[..=first].rotate_right(1);
    }
    summands
}

fn sign(negative: bool, first: bool) -> &'static str {
    match (first, negative) {
        (true, false) => "",
        (true, true) => "-",
        (false, false) => " + ",
        (false, true) => " - ",
    }
}

fn number_precedence(number: &BigRational) -> u8 {
    match (number.is_integer(), number.is_negative()) {
        (false, _) => PRODUCT,
        (true, true) => UNARY,
        (true, false) => ATOM,
    }
}

// ---- Python ----

struct Python<'a> {
    /// Names that stand for shared parts.
    locals: Option<&'a FxHashMap<Formula, Text>>,
}

impl Python<'_> {
    fn factors(&self, number: &BigInt, factors: &[(Formula, i64)], parts: &mut Vec<Item>) {
        let mut first = true;
        if !number.is_one() || factors.is_empty() {
            parts.push(Item::owned(number.to_string()));
            first = false;
        }
        for (base, exponent) in factors {
            if !first {
                parts.push(word("*"));
            }
            first = false;
            if *exponent == 1 {
                parts.push(Item::Formula(base.clone(), UNARY));
            } else {
                parts.push(Item::Formula(base.clone(), ATOM));
                parts.push(Item::owned(format!("**{exponent}")));
            }
        }
    }

    /// `coefficient * of`, the coefficient positive.
    fn monomial(&self, coefficient: &BigRational, of: &Formula, parts: &mut Vec<Item>) {
        let is_local = self.locals.is_some_and(|locals| locals.contains_key(of));
        let (above, below) = if is_local { (vec![(of.clone(), 1)], Vec::new()) } else { fraction(of) };
        self.factors(coefficient.numer(), &above, parts);
        let below_parts = below.len() + usize::from(!coefficient.denom().is_one());
        if below_parts > 0 {
            parts.push(word(if below_parts > 1 { "/(" } else { "/" }));
            self.factors(coefficient.denom(), &below, parts);
            if below_parts > 1 {
                parts.push(word(")"));
            }
        }
    }

    fn call(name: &str, arguments: &[Formula]) -> Vec<Item> {
        let mut parts = vec![Item::owned(format!("{name}("))];
        for (at, argument) in arguments.iter().enumerate() {
            if at > 0 {
                parts.push(word(", "));
            }
            parts.push(Item::Formula(argument.clone(), CHOICE));
        }
        parts.push(word(")"));
        parts
    }
}

impl Style for Python<'_> {
    fn parentheses(&self) -> (&'static str, &'static str) {
        ("(", ")")
    }

    fn parts(&self, formula: &Formula) -> (Vec<Item>, u8) {
        if let Some(name) = self.locals.and_then(|locals| locals.get(formula)) {
            return (vec![Item::owned(name.to_string())], ATOM);
        }
        match formula.kind() {
            Kind::Number(number) => (vec![Item::owned(number.to_string())], number_precedence(number)),
            Kind::Boolean(value) => (vec![word(if *value { "True" } else { "False" })], ATOM),
            Kind::Symbol(text) => (vec![Item::owned(text.to_string())], ATOM),
            Kind::Literal { text, atomic } => (vec![Item::owned(text.to_string())], if *atomic { ATOM } else { ANY }),
            Kind::Apply { name, arguments } => {
                let mut parts = vec![Item::owned(format!("{name}("))];
                for (at, argument) in arguments.iter().enumerate() {
                    if at > 0 {
                        parts.push(word(", "));
                    }
                    if let Some(keyword) = &argument.keyword {
                        parts.push(Item::owned(format!("{keyword}=")));
                    }
                    parts.push(Item::Formula(argument.value.clone(), ANY));
                }
                parts.push(word(")"));
                (parts, ATOM)
            }
            Kind::Sum { terms, constant } => {
                let (mut parts, summands) = (Vec::new(), reading_order(terms, constant));
                for (coefficient, of) in &summands {
                    parts.push(word(sign(coefficient.is_negative(), parts.is_empty())));
                    match of {
                        Some(of) => self.monomial(&coefficient.abs(), of, &mut parts),
                        None => parts.push(Item::owned(coefficient.abs().to_string())),
                    }
                }
                (parts, if summands.len() > 1 { SUM } else { PRODUCT })
            }
            Kind::Product(factors) => {
                let mut parts = Vec::new();
                self.monomial(&BigRational::one(), formula, &mut parts);
                let power = matches!(factors.as_slice(), [only] if only.exponent > 0);
                (parts, if power { POWER } else { PRODUCT })
            }
            Kind::Power { base, exponent } => {
                (vec![Item::Formula(base.clone(), ATOM), word("**"), Item::Formula(exponent.clone(), UNARY)], POWER)
            }
            Kind::Call { function, arguments } => {
                if let ("floor", [argument]) = (function.name, arguments.as_slice())
                    && let Some((numerator, denominator)) = quotient(argument)
                {
                    return (
                        vec![Item::Formula(numerator, PRODUCT), word("//"), Item::Formula(denominator, UNARY)],
                        PRODUCT,
                    );
                }
                (Self::call(function.name, arguments), ATOM)
            }
            Kind::Extreme { max, operands } => (Self::call(if *max { "max" } else { "min" }, operands), ATOM),
            Kind::Modulo(value, divisor) => {
                (vec![Item::Formula(value.clone(), PRODUCT), word("%"), Item::Formula(divisor.clone(), UNARY)], PRODUCT)
            }
            Kind::Conditional { condition, then, otherwise } => (
                vec![
                    Item::Formula(then.clone(), OR),
                    word(" if "),
                    Item::Formula(condition.clone(), OR),
                    word(" else "),
                    Item::Formula(otherwise.clone(), CHOICE),
                ],
                CHOICE,
            ),
            Kind::Series { body, index, start, stop, step } => {
                let mut parts =
                    vec![word("sum("), Item::Formula(body.clone(), CHOICE), Item::owned(format!(" for {index} in "))];
                let bounds = if *step != Formula::one() {
                    vec![start.clone(), stop.clone(), step.clone()]
                } else if !start.is_zero() {
                    vec![start.clone(), stop.clone()]
                } else {
                    vec![stop.clone()]
                };
                parts.extend(Self::call("range", &bounds));
                parts.push(word(")"));
                (parts, ATOM)
            }
            Kind::Compare { operator, left, right } => (
                vec![
                    Item::Formula(left.clone(), SUM),
                    Item::owned(format!(" {} ", operator.as_str())),
                    Item::Formula(right.clone(), SUM),
                ],
                COMPARE,
            ),
            Kind::Junction { and, operands } => {
                let (joint, inner, own) = if *and { (" and ", NOT, AND) } else { (" or ", AND, OR) };
                let mut parts = Vec::new();
                for (at, operand) in operands.iter().enumerate() {
                    if at > 0 {
                        parts.push(word(joint));
                    }
                    parts.push(Item::Formula(operand.clone(), inner));
                }
                (parts, own)
            }
            Kind::Not(inner) => (vec![word("not "), Item::Formula(inner.clone(), NOT)], NOT),
            Kind::Undefined(Undefined::DivisionByZero) => (vec![word("1/0")], PRODUCT),
            Kind::Undefined(Undefined::TooLarge) => (vec![word("2**2**64")], POWER),
        }
    }
}

// ---- Locals ----

/// Formulas printed with names for the parts that they share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locals {
    /// Name and text of each shared part, in an order in which each uses only names before it.
    pub locals: Vec<(Text, String)>,
    /// The text of each formula.
    pub texts: Vec<String>,
}

/// Smallest part that gets a name, in nodes.
const SMALLEST_LOCAL: u64 = 6;

/// Writes formulas with a name for each larger part that appears more than once in them. `name` makes the names
/// (`0` for the first); it must not return a symbol of the formulas.
pub fn with_locals(formulas: &[Formula], mut name: impl FnMut(usize) -> String) -> Locals {
    // Uses of a node by its parents, every parent counted once; parts of sums over an index stay inside of them.
    let mut uses: FxHashMap<Formula, usize> = FxHashMap::default();
    let mut order: Vec<Formula> = Vec::new();
    for formula in formulas {
        *uses.entry(formula.clone()).or_default() += 1;
        for node in post_order(formula) {
            if uses.get(&node).is_some_and(|n| *n & SEEN != 0) {
                continue;
            }
            *uses.entry(node.clone()).or_default() |= SEEN;
            for child in node.kind().children() {
                *uses.entry(child.clone()).or_default() += 1;
            }
            order.push(node);
        }
    }
    let mut bound = rustc_hash::FxHashSet::default();
    for node in &order {
        if let Kind::Series { body, .. } = node.kind() {
            bound.extend(post_order(body));
        }
    }
    let mut names: FxHashMap<Formula, Text> = FxHashMap::default();
    let mut locals = Vec::new();
    for node in &order {
        let shared = uses.get(node).is_some_and(|n| n & !SEEN > 1);
        let value = matches!(
            node.kind(),
            Kind::Sum { .. }
                | Kind::Product(_)
                | Kind::Power { .. }
                | Kind::Call { .. }
                | Kind::Extreme { .. }
                | Kind::Modulo(..)
                | Kind::Conditional { .. }
                | Kind::Series { .. }
        );
        if shared && value && node.size() >= SMALLEST_LOCAL && !bound.contains(node) {
            let mut text = String::new();
            let _ = write_all(&Python { locals: Some(&names) }, node, ANY, &mut text);
            let name: Text = Text::from(name(locals.len()));
            locals.push((name.clone(), text));
            names.insert(node.clone(), name);
        }
    }
    let texts = formulas
        .iter()
        .map(|formula| {
            let mut text = String::new();
            let _ = write_all(&Python { locals: Some(&names) }, formula, ANY, &mut text);
            text
        })
        .collect();
    Locals { locals, texts }
}

/// Marks a node whose children are counted.
const SEEN: usize = 1 << (usize::BITS - 1);

// ---- LaTeX ----

struct Latex;

fn latex_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '_' | '{' | '}' | '$' | '&' | '#' | '%' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\backslash "),
            '^' => out.push_str("\\hat{\\ }"),
            '~' => out.push_str("\\sim "),
            ' ' => out.push_str("\\ "),
            c => out.push(c),
        }
    }
    out
}

fn latex_name(text: &str) -> String {
    let single = text.chars().count() == 1 && text.chars().all(char::is_alphabetic);
    if single { text.to_owned() } else { format!("\\mathrm{{{}}}", latex_text(text)) }
}

fn latex_number(number: &BigRational) -> String {
    if number.is_integer() {
        number.to_string()
    } else {
        let sign = if number.is_negative() { "-" } else { "" };
        format!("{sign}\\frac{{{}}}{{{}}}", number.numer().abs(), number.denom())
    }
}

impl Latex {
    fn factors(number: &BigInt, factors: &[(Formula, i64)], parts: &mut Vec<Item>) {
        let mut first = true;
        if !number.is_one() || factors.is_empty() {
            parts.push(Item::owned(number.to_string()));
            first = false;
        }
        for (base, exponent) in factors {
            if !first {
                parts.push(word(" \\, "));
            }
            first = false;
            if *exponent == 1 {
                parts.push(Item::Formula(base.clone(), UNARY));
            } else {
                parts.push(Item::Formula(base.clone(), ATOM));
                parts.push(Item::owned(format!("^{{{exponent}}}")));
            }
        }
    }

    fn monomial(coefficient: &BigRational, of: &Formula, parts: &mut Vec<Item>) {
        let (above, below) = fraction(of);
        if below.is_empty() && coefficient.is_integer() {
            Self::factors(coefficient.numer(), &above, parts);
            return;
        }
        parts.push(word("\\frac{"));
        Self::factors(coefficient.numer(), &above, parts);
        parts.push(word("}{"));
        Self::factors(coefficient.denom(), &below, parts);
        parts.push(word("}"));
    }

    fn call(open: impl Into<String>, arguments: &[Formula], close: &'static str) -> Vec<Item> {
        let mut parts = vec![Item::owned(open)];
        for (at, argument) in arguments.iter().enumerate() {
            if at > 0 {
                parts.push(word(", "));
            }
            parts.push(Item::Formula(argument.clone(), ANY));
        }
        parts.push(word(close));
        parts
    }
}

impl Style for Latex {
    fn parentheses(&self) -> (&'static str, &'static str) {
        ("\\left(", "\\right)")
    }

    fn parts(&self, formula: &Formula) -> (Vec<Item>, u8) {
        match formula.kind() {
            Kind::Number(number) => (vec![Item::owned(latex_number(number))], number_precedence(number)),
            Kind::Boolean(value) => (vec![word(if *value { "\\mathrm{True}" } else { "\\mathrm{False}" })], ATOM),
            Kind::Symbol(text) => (vec![Item::owned(latex_name(text))], ATOM),
            Kind::Literal { text, .. } => (vec![Item::owned(format!("\\texttt{{{}}}", latex_text(text)))], ATOM),
            Kind::Apply { name, arguments } => {
                let mut parts = vec![Item::owned(format!("{}\\left(", latex_name(name)))];
                for (at, argument) in arguments.iter().enumerate() {
                    if at > 0 {
                        parts.push(word(", "));
                    }
                    if let Some(keyword) = &argument.keyword {
                        parts.push(Item::owned(format!("{}=", latex_name(keyword))));
                    }
                    parts.push(Item::Formula(argument.value.clone(), ANY));
                }
                parts.push(word("\\right)"));
                (parts, ATOM)
            }
            Kind::Sum { terms, constant } => {
                let (mut parts, summands) = (Vec::new(), reading_order(terms, constant));
                for (coefficient, of) in &summands {
                    parts.push(word(sign(coefficient.is_negative(), parts.is_empty())));
                    match of {
                        Some(of) => Self::monomial(&coefficient.abs(), of, &mut parts),
                        None => parts.push(Item::owned(latex_number(&coefficient.abs()))),
                    }
                }
                (parts, if summands.len() > 1 { SUM } else { PRODUCT })
            }
            Kind::Product(factors) => {
                let mut parts = Vec::new();
                Self::monomial(&BigRational::one(), formula, &mut parts);
                let power = matches!(factors.as_slice(), [only] if only.exponent > 0);
                (parts, if power { POWER } else { PRODUCT })
            }
            Kind::Power { base, exponent } => (
                vec![Item::Formula(base.clone(), ATOM), word("^{"), Item::Formula(exponent.clone(), ANY), word("}")],
                POWER,
            ),
            Kind::Call { function, arguments } => {
                let parts = match function.name {
                    "floor" => Self::call("\\left\\lfloor ", arguments, " \\right\\rfloor"),
                    "ceil" => Self::call("\\left\\lceil ", arguments, " \\right\\rceil"),
                    "log2" => Self::call("\\log_{2}\\left(", arguments, "\\right)"),
                    name => Self::call(format!("\\operatorname{{{}}}\\left(", latex_text(name)), arguments, "\\right)"),
                };
                (parts, ATOM)
            }
            Kind::Extreme { max, operands } => {
                let open = if *max { "\\max\\left(" } else { "\\min\\left(" };
                (Self::call(open, operands, "\\right)"), ATOM)
            }
            Kind::Modulo(value, divisor) => (
                vec![Item::Formula(value.clone(), UNARY), word(" \\bmod "), Item::Formula(divisor.clone(), UNARY)],
                PRODUCT,
            ),
            Kind::Conditional { condition, then, otherwise } => (
                vec![
                    word("\\begin{cases} "),
                    Item::Formula(then.clone(), ANY),
                    word(" & \\text{if } "),
                    Item::Formula(condition.clone(), ANY),
                    word(" \\\\ "),
                    Item::Formula(otherwise.clone(), ANY),
                    word(" & \\text{otherwise} \\end{cases}"),
                ],
                CHOICE,
            ),
            Kind::Series { body, index, start, stop, step } => {
                let mut parts =
                    vec![Item::owned(format!("\\sum_{{{} = ", latex_name(index))), Item::Formula(start.clone(), ANY)];
                if *step != Formula::one() {
                    parts.extend([
                        Item::owned(format!(",\\ {} \\mathrel{{+}}= ", latex_name(index))),
                        Item::Formula(step.clone(), ANY),
                    ]);
                }
                parts.push(word("}^{"));
                if *step == Formula::one() {
                    parts.push(Item::Formula(stop - &Formula::one(), ANY));
                } else {
                    parts.extend([word("< "), Item::Formula(stop.clone(), ANY)]);
                }
                parts.extend([word("} "), Item::Formula(body.clone(), PRODUCT)]);
                (parts, PRODUCT)
            }
            Kind::Compare { operator, left, right } => {
                use super::Comparison::{
                    Equal, Greater, GreaterEqual, In, Is, IsNot, Less, LessEqual, NotEqual, NotIn,
                };
                let sign = match operator {
                    Equal => " = ",
                    NotEqual => " \\neq ",
                    Less => " < ",
                    LessEqual => " \\leq ",
                    Greater => " > ",
                    GreaterEqual => " \\geq ",
                    Is => " \\mathrel{\\text{is}} ",
                    IsNot => " \\mathrel{\\text{is not}} ",
                    In => " \\in ",
                    NotIn => " \\notin ",
                };
                (vec![Item::Formula(left.clone(), SUM), word(sign), Item::Formula(right.clone(), SUM)], COMPARE)
            }
            Kind::Junction { and, operands } => {
                let (joint, inner, own) = if *and { (" \\land ", NOT, AND) } else { (" \\lor ", AND, OR) };
                let mut parts = Vec::new();
                for (at, operand) in operands.iter().enumerate() {
                    if at > 0 {
                        parts.push(word(joint));
                    }
                    parts.push(Item::Formula(operand.clone(), inner));
                }
                (parts, own)
            }
            Kind::Not(inner) => (vec![word("\\lnot "), Item::Formula(inner.clone(), NOT)], NOT),
            Kind::Undefined(_) => (vec![word("\\text{undefined}")], ATOM),
        }
    }
}
