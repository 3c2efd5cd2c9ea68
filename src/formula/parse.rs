//! Reads formulas: Python's own syntax, through ruff's parser, turned into canonical formulas.
//!
//! Invariant: reading what was printed gives the same formula. The parser recurses on nesting, so the nesting of a
//! text is bounded before it is parsed, and deep texts are parsed on a thread with the stack that they need.

use std::borrow::Cow;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow, Zero};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{self as ast, CmpOp, Expr, Operator, UnaryOp};
use ruff_python_parser::{Mode, ParseOptions, lexer};
use ruff_text_size::Ranged;

use super::function::{self, RESERVED, SYNTAX};
use super::node::{Argument, Formula, Kind, Undefined};
use super::{Comparison, Condition, Text};
use crate::diagnostic::{Diagnostic, Span, near_names};

/// Longest text that is read as a formula, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// Deepest nesting of brackets and of operators that group to the right.
const MOST_NESTED: usize = 1_000;

/// Most operators in one chain (`a + b + c …`).
const MOST_CHAINED: usize = 200_000;

/// Nesting that any thread's stack carries.
const SHALLOW: usize = 6;

/// Chains that any thread's stack carries.
const SHORT: usize = 1_000;

/// Stack that a level of nesting takes while parsing and converting, in a debug build, from above.
const STACK_A_LEVEL: usize = 160 << 10;

/// Stack that an operator of a chain takes while its tree is dropped, in a debug build, from above.
const STACK_AN_OPERATOR: usize = 2 << 10;

/// Largest decimal exponent of a number.
const MOST_DECIMALS: i64 = 10_000;

/// Most digits of a number.
const MOST_DIGITS: usize = 20_000;

/// What is wrong with a text as a formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The place, in bytes from the start of the text.
    pub offset: usize,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ParseError {
    fn new(offset: impl Into<usize>, message: impl Into<String>) -> Self {
        Self { offset: offset.into(), message: message.into(), help: None }
    }

    fn at(place: &impl Ranged, message: impl Into<String>) -> Self {
        Self::new(place.start(), message)
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the place, both from 1, the column in code points.
    pub fn position(&self, text: &str) -> (u32, u32) {
        let before = &text[..text.floor_char_boundary(self.offset.min(text.len()))];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (number(before.matches('\n').count() + 1), number(before[line_start..].chars().count() + 1))
    }

    /// The diagnostic for a formula that the user gave as `text`.
    pub fn diagnostic(&self, text: &str) -> Diagnostic {
        let (line, column) = self.position(text);
        let excerpt = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
        let mut diagnostic = Diagnostic::new(crate::diagnostic::Kind::InvalidFormula, self.message.clone())
            .in_file("<formula>")
            .at(Span::point(line, column))
            .excerpt(excerpt);
        if let Some(help) = &self.help {
            diagnostic = diagnostic.help(help.clone());
        }
        diagnostic
    }
}

impl Formula {
    /// Reads a formula in which every call is a function of the language.
    ///
    /// # Errors
    /// The place and the reason; an unknown function comes with the near names.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        read(text, |expression| Converter { text, permissive: false }.value(expression))
    }

    /// Reads a formula of an interface: a call of anything else is an uninterpreted term.
    ///
    /// # Errors
    /// The place and the reason.
    pub fn parse_permissive(text: &str) -> Result<Self, ParseError> {
        read(text, |expression| Converter { text, permissive: true }.value(expression))
    }
}

impl Condition {
    /// Reads a condition; calls that the language does not know are uninterpreted.
    ///
    /// # Errors
    /// The place and the reason.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        read(text, |expression| Converter { text, permissive: true }.condition(expression))
    }
}

impl std::str::FromStr for Formula {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse_permissive(text)
    }
}

/// Reads an argument of an uninterpreted call: a formula where the text is one, otherwise a literal.
pub(super) fn argument(text: &str) -> Formula {
    read(text, |expression| Ok(Converter { text, permissive: true }.argument(expression)))
        .unwrap_or_else(|_| Formula::opaque(&collapse(text), false))
}

/// Parses a text on a stack that carries it, and hands the tree to `work`.
fn read<T: Send>(text: &str, work: impl FnOnce(&Expr) -> Result<T, ParseError> + Send) -> Result<T, ParseError> {
    on_stack(text, || {
        let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(Mode::ParenthesizedExpression));
        if let Some(error) = parsed.errors().first() {
            let mut message = error.error.to_string();
            if text.trim().is_empty() {
                message = "a formula is expected here".to_owned();
            }
            return Err(ParseError::at(&error.location, message));
        }
        match parsed.syntax() {
            ast::Mod::Expression(module) => work(&module.body),
            ast::Mod::Module(_) => Err(ParseError::new(0usize, "not an expression")),
        }
    })
}

/// Runs `work`, which recurses over the tree of `text`, on a stack that carries it.
fn on_stack<T: Send>(text: &str, work: impl FnOnce() -> Result<T, ParseError> + Send) -> Result<T, ParseError> {
    if text.len() > MOST_BYTES {
        return Err(ParseError::new(0usize, format!("a formula of {} bytes: too long", text.len()))
            .help("name parts of it, and give each its own line"));
    }
    // A tree cannot be deeper than its text is long.
    let (nested, chained) = if text.len() <= SHALLOW { (0, 0) } else { weigh(text) };
    if nested > MOST_NESTED || chained > MOST_CHAINED {
        return Err(ParseError::new(0usize, "nested too deep to be read")
            .help("name parts of the formula, and give each its own line"));
    }
    if nested <= SHALLOW && chained <= SHORT {
        return work();
    }
    let stack = (1 << 20) + nested * STACK_A_LEVEL + chained * STACK_AN_OPERATOR;
    std::thread::scope(|scope| match std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, work) {
        Ok(thread) => match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        },
        Err(error) => Err(ParseError::new(0usize, format!("no memory to read a formula nested this deep: {error}"))),
    })
}

/// How deep the parser would recurse, and how long the longest chain of operators is, from above.
fn weigh(text: &str) -> (usize, usize) {
    let mut lexer = lexer::lex(text, Mode::ParenthesizedExpression);
    // Levels that end with the bracket, one entry an open bracket.
    let mut levels = vec![0usize];
    let (mut nested, mut deepest, mut chained) = (0usize, 0usize, 0usize);
    let mut after_operand = false;
    loop {
        let kind = lexer.next_token();
        let mut recurses = false;
        match kind {
            TokenKind::EndOfFile => return (deepest, chained),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                nested += 1;
                levels.push(1);
                chained += 1;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if levels.len() > 1 => {
                nested -= levels.pop().unwrap_or(0);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {}
            TokenKind::Comma => {
                // Of the bracket itself, one level stays.
                let inside = usize::from(levels.len() > 1);
                if let Some(last) = levels.last_mut() {
                    nested -= last.saturating_sub(inside);
                    *last = (*last).min(inside);
                }
            }
            TokenKind::DoubleStar
            | TokenKind::Not
            | TokenKind::If
            | TokenKind::Else
            | TokenKind::Lambda
            | TokenKind::Await
            | TokenKind::For
            | TokenKind::ColonEqual
            | TokenKind::Yield
            | TokenKind::Tilde => recurses = true,
            TokenKind::Plus | TokenKind::Minus | TokenKind::Star => {
                recurses = !after_operand;
                chained += 1;
            }
            kind if kind.is_operator() || kind.is_keyword() => chained += 1,
            _ => {}
        }
        if recurses {
            nested += 1;
            if let Some(last) = levels.last_mut() {
                *last += 1;
            }
        }
        deepest = deepest.max(nested);
        after_operand = !(recurses
            || matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace | TokenKind::Comma)
            || (kind.is_operator() && !matches!(kind, TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace))
            || kind.is_keyword() && !matches!(kind, TokenKind::True | TokenKind::False | TokenKind::None));
    }
}

/// Turns a tree into a formula.
struct Converter<'a> {
    text: &'a str,
    /// Whether unknown calls are uninterpreted terms rather than errors.
    permissive: bool,
}

impl Converter<'_> {
    fn slice(&self, place: &impl Ranged) -> &str {
        self.text.get(place.range().to_std_range()).unwrap_or_default()
    }

    fn value(&self, expression: &Expr) -> Result<Formula, ParseError> {
        let formula = self.convert(expression)?;
        match formula.kind() {
            Kind::Undefined(Undefined::DivisionByZero) => Err(ParseError::at(expression, "division by zero")),
            Kind::Undefined(Undefined::TooLarge) => {
                Err(ParseError::at(expression, "a number too large to compute with"))
            }
            _ => Ok(formula),
        }
    }

    fn convert(&self, expression: &Expr) -> Result<Formula, ParseError> {
        match expression {
            Expr::NumberLiteral(number) => self.number(number),
            Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => self.symbol(expression),
            Expr::BinOp(_) => self.chain(expression),
            Expr::UnaryOp(unary) => match unary.op {
                UnaryOp::USub => Ok(-self.value(&unary.operand)?),
                UnaryOp::UAdd => self.value(&unary.operand),
                UnaryOp::Not => Err(condition_as_number(expression)),
                UnaryOp::Invert => Err(ParseError::at(expression, "`~` is not an operator of formulas")),
            },
            Expr::If(choice) => Ok(Formula::conditional(
                self.condition(&choice.test)?,
                self.value(&choice.body)?,
                self.value(&choice.orelse)?,
            )),
            Expr::Call(call) => self.call(call),
            Expr::Compare(_) | Expr::BoolOp(_) | Expr::BooleanLiteral(_) => Err(condition_as_number(expression)),
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::FString(_)
            | Expr::TString(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_) => Err(ParseError::at(expression, "a number is expected here, not a literal")
                .help("literals stand in arguments of calls and in comparisons only")),
            Expr::Named(_)
            | Expr::Lambda(_)
            | Expr::Dict(_)
            | Expr::Set(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_)
            | Expr::Await(_)
            | Expr::Yield(_)
            | Expr::YieldFrom(_)
            | Expr::Starred(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Slice(_)
            | Expr::IpyEscapeCommand(_) => Err(ParseError::at(expression, "this does not belong into a formula")
                .help("formulas have numbers, names, + - * / // % **, conditionals and functions")),
        }
    }

    fn number(&self, number: &ast::ExprNumberLiteral) -> Result<Formula, ParseError> {
        let digits: String = self.slice(number).chars().filter(|c| *c != '_').collect::<String>().to_lowercase();
        let bad = || ParseError::at(number, "a number too large to compute with");
        if digits.len() > MOST_DIGITS {
            return Err(bad());
        }
        let integer = |digits: &str, radix: u32| BigInt::parse_bytes(digits.as_bytes(), radix);
        let value = match number.value {
            ast::Number::Complex { .. } => {
                return Err(ParseError::at(number, "formulas have no complex numbers"));
            }
            ast::Number::Int(_) => {
                let value = match digits.get(..2) {
                    Some("0x") => integer(&digits[2..], 16),
                    Some("0o") => integer(&digits[2..], 8),
                    Some("0b") => integer(&digits[2..], 2),
                    _ => integer(&digits, 10),
                };
                BigRational::from_integer(value.ok_or_else(bad)?)
            }
            // The decimal itself, not the float nearest to it.
            ast::Number::Float(_) => {
                let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                let all = integer(&format!("0{whole}{fraction}"), 10).ok_or_else(bad)?;
                let places = i64::try_from(fraction.len()).map_err(|_| bad())?;
                let exponent = exponent.parse::<i64>().map_err(|_| bad())?.checked_sub(places).ok_or_else(bad)?;
                if all.is_zero() {
                    BigRational::zero()
                } else if exponent.abs() > MOST_DECIMALS {
                    return Err(bad());
                } else {
                    let power = Pow::pow(BigInt::from(10), exponent.unsigned_abs());
                    if exponent < 0 {
                        BigRational::new(all, power)
                    } else {
                        BigRational::new(all * power, BigInt::one())
                    }
                }
            }
        };
        Ok(Formula::rational(value))
    }

    /// A name, or a path of attributes and constant subscripts.
    fn symbol(&self, expression: &Expr) -> Result<Formula, ParseError> {
        let mut at = expression;
        loop {
            match at {
                Expr::Name(_) => return Ok(Formula::symbol(self.slice(expression))),
                Expr::Attribute(attribute) => at = &attribute.value,
                Expr::Subscript(subscript) if is_constant(&subscript.slice) => at = &subscript.value,
                Expr::Subscript(subscript) => {
                    return Err(ParseError::at(&*subscript.slice, "a subscript must be a constant"));
                }
                _ => return Err(ParseError::at(expression, "this is not a name of a size")),
            }
        }
    }

    /// A chain of operators that group to the left, without recursion along the chain.
    fn chain(&self, expression: &Expr) -> Result<Formula, ParseError> {
        let mut steps = Vec::new();
        let mut at = expression;
        while let Expr::BinOp(binary) = at {
            steps.push(binary);
            if binary.op == Operator::Pow {
                break;
            }
            at = &binary.left;
        }
        let mut value = match steps.last() {
            Some(binary) if binary.op == Operator::Pow => {
                let power = self.value(&binary.left)?.power(&self.value(&binary.right)?);
                steps.pop();
                Running::Value(self.defined(power, expression)?)
            }
            // `-(a - b)*c` is -1 times the product: the minus does not go into the parentheses.
            _ => match at {
                Expr::UnaryOp(unary) if unary.op == UnaryOp::USub => {
                    Running::Product(vec![Formula::integer(-1), self.value(&unary.operand)?])
                }
                _ => Running::Value(self.value(at)?),
            },
        };
        for binary in steps.into_iter().rev() {
            let right = self.value(&binary.right)?;
            value = match binary.op {
                Operator::Add => value.plus(right),
                Operator::Sub => value.plus(-right),
                Operator::Mult => value.times(right),
                Operator::Div if right.is_zero() => {
                    return Err(ParseError::at(&*binary.right, "division by zero"));
                }
                Operator::Div => value.times(right.pow(-1)),
                Operator::FloorDiv => Running::Value(self.divided(value.finish().floor_div(&right), binary)?),
                Operator::Mod => Running::Value(self.divided(value.finish().modulo(&right), binary)?),
                Operator::Pow => Running::Value(self.defined(value.finish().power(&right), expression)?),
                Operator::MatMult
                | Operator::LShift
                | Operator::RShift
                | Operator::BitOr
                | Operator::BitXor
                | Operator::BitAnd => {
                    return Err(ParseError::at(
                        &*binary.right,
                        format!("`{}` is not an operator of formulas", binary.op.as_str()),
                    )
                    .help("shifts are `* 2**k` and `// 2**k`"));
                }
            };
        }
        Ok(value.finish())
    }

    fn divided(&self, value: Formula, binary: &ast::ExprBinOp) -> Result<Formula, ParseError> {
        match value.kind() {
            Kind::Undefined(Undefined::DivisionByZero) => Err(ParseError::at(&*binary.right, "division by zero")),
            _ => Ok(value),
        }
    }

    fn defined(&self, value: Formula, place: &Expr) -> Result<Formula, ParseError> {
        match value.kind() {
            Kind::Undefined(Undefined::DivisionByZero) => Err(ParseError::at(place, "division by zero")),
            Kind::Undefined(Undefined::TooLarge) => Err(ParseError::at(place, "a number too large to compute with")),
            _ => Ok(value),
        }
    }

    fn condition(&self, expression: &Expr) -> Result<Condition, ParseError> {
        match expression {
            Expr::BooleanLiteral(literal) => Ok(Condition::constant(literal.value)),
            Expr::BoolOp(operation) => {
                let operands =
                    operation.values.iter().map(|value| self.condition(value)).collect::<Result<Vec<_>, _>>()?;
                Ok(match operation.op {
                    ast::BoolOp::And => Condition::all(operands),
                    ast::BoolOp::Or => Condition::any(operands),
                })
            }
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => Ok(self.condition(&unary.operand)?.negate()),
            Expr::Compare(comparison) => {
                let mut conditions = Vec::with_capacity(comparison.ops.len());
                let mut left = &*comparison.left;
                for (operator, right) in comparison.ops.iter().zip(&comparison.comparators) {
                    conditions.push(self.compare(left, *operator, right)?);
                    left = right;
                }
                Ok(Condition::all(conditions))
            }
            _ => Ok(Condition::truth(self.side(expression)?)),
        }
    }

    fn compare(&self, left: &Expr, operator: CmpOp, right: &Expr) -> Result<Condition, ParseError> {
        let operator = match operator {
            CmpOp::Eq => Comparison::Equal,
            CmpOp::NotEq => Comparison::NotEqual,
            CmpOp::Lt => Comparison::Less,
            CmpOp::LtE => Comparison::LessEqual,
            CmpOp::Gt => Comparison::Greater,
            CmpOp::GtE => Comparison::GreaterEqual,
            CmpOp::Is => Comparison::Is,
            CmpOp::IsNot => Comparison::IsNot,
            CmpOp::In => Comparison::In,
            CmpOp::NotIn => Comparison::NotIn,
        };
        let elements = match right {
            Expr::Tuple(tuple) => Some(&tuple.elts),
            Expr::List(list) => Some(&list.elts),
            Expr::Set(set) => Some(&set.elts),
            _ => None,
        };
        if let (Comparison::In | Comparison::NotIn, Some(elements)) = (operator, elements)
            && !elements.iter().any(Expr::is_starred_expr)
        {
            // `x in ("a", "b")` asks for equality with one of them.
            let left = self.side(left)?;
            let any = elements
                .iter()
                .map(|element| Ok(Condition::compare(left.clone(), Comparison::Equal, self.side(element)?)))
                .collect::<Result<Vec<_>, ParseError>>()?;
            let any = Condition::any(any);
            return Ok(if operator == Comparison::In {
                any
            } else {
                // Negated one by one, so that the result prints without `not`.
                match any.0.kind() {
                    Kind::Junction { and: false, operands } => {
                        Condition::all(operands.iter().map(|operand| Condition(operand.clone()).negate()).collect())
                    }
                    _ => any.negate(),
                }
            });
        }
        Ok(Condition::compare(self.side(left)?, operator, self.side(right)?))
    }

    /// A side of a comparison, or what is asked for its truth: a formula or a literal.
    fn side(&self, expression: &Expr) -> Result<Formula, ParseError> {
        if let Some(literal) = plain(expression) {
            return Ok(literal);
        }
        match self.value(expression) {
            Ok(formula) => Ok(formula),
            Err(error) if is_constant_display(expression) || self.permissive => {
                let _ = error;
                Ok(self.opaque(expression))
            }
            Err(error) => Err(error),
        }
    }

    /// An argument of an uninterpreted call.
    fn argument(&self, expression: &Expr) -> Formula {
        if let Some(literal) = plain(expression) {
            return literal;
        }
        self.value(expression).unwrap_or_else(|_| self.opaque(expression))
    }

    /// What is called: its text, in parentheses where a call binds tighter than the expression does.
    fn callee(&self, expression: &Expr) -> String {
        let literal = self.opaque(expression);
        match literal.kind() {
            Kind::Literal { text, atomic: true } => text.to_string(),
            _ => format!("({})", normalize(self.slice(expression))),
        }
    }

    /// A literal with the expression's own text.
    fn opaque(&self, expression: &Expr) -> Formula {
        let text = normalize(self.slice(expression));
        let atomic = match expression {
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::FString(_)
            | Expr::TString(_)
            | Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::Attribute(_)
            | Expr::Subscript(_)
            | Expr::Call(_)
            | Expr::Name(_)
            | Expr::List(_)
            | Expr::Set(_)
            | Expr::Dict(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_) => true,
            Expr::Tuple(tuple) => tuple.parenthesized,
            Expr::Generator(generator) => generator.parenthesized,
            Expr::Named(_) | Expr::Yield(_) | Expr::YieldFrom(_) => {
                // These need their parentheses everywhere, and the tree's range leaves them out.
                return Formula::opaque(&format!("({text})"), true);
            }
            Expr::BoolOp(_)
            | Expr::BinOp(_)
            | Expr::UnaryOp(_)
            | Expr::Lambda(_)
            | Expr::If(_)
            | Expr::Await(_)
            | Expr::Compare(_)
            | Expr::Starred(_)
            | Expr::Slice(_)
            | Expr::IpyEscapeCommand(_) => false,
        };
        Formula::opaque(&text, atomic)
    }

    fn call(&self, call: &ast::ExprCall) -> Result<Formula, ParseError> {
        let name = self.callee(&call.func);
        let positional = &call.arguments.args;
        let plain_arguments = call.arguments.keywords.is_empty()
            && !positional.iter().any(|argument| argument.is_starred_expr() || argument.is_generator_expr());
        match name.as_str() {
            "sum" => {
                if let [one] = &**positional
                    && call.arguments.keywords.is_empty()
                {
                    let parts = match one {
                        Expr::Generator(generator) => Some((&*generator.elt, &generator.generators)),
                        Expr::ListComp(list) => Some((&*list.elt, &list.generators)),
                        _ => None,
                    };
                    if let Some((element, clauses)) = parts {
                        match self.series(element, clauses) {
                            Err(_) if self.permissive => return Ok(self.uninterpreted(&name, call)),
                            result => return result,
                        }
                    }
                }
                if self.permissive {
                    return Ok(self.uninterpreted(&name, call));
                }
                Err(ParseError::at(call, "`sum` takes one generator over a range")
                    .help("write it as `sum(8*i for i in range(n))`"))
            }
            "max" | "min" if plain_arguments && !positional.is_empty() => {
                let operands = positional.iter().map(|operand| self.value(operand)).collect::<Result<Vec<_>, _>>();
                match operands {
                    Ok(operands) if name == "max" => Ok(Formula::max(operands)),
                    Ok(operands) => Ok(Formula::min(operands)),
                    Err(_) if self.permissive => Ok(self.uninterpreted(&name, call)),
                    Err(error) => Err(error),
                }
            }
            "max" | "min" if !self.permissive => {
                Err(ParseError::at(call, format!("`{name}` takes one or more numbers")))
            }
            _ => {
                let short = name.strip_prefix("math.").filter(|name| matches!(*name, "ceil" | "floor" | "log2"));
                if let Some(function) = function::function(short.unwrap_or(&name)) {
                    return self.known(function, call, plain_arguments);
                }
                if RESERVED.contains(&name.as_str()) {
                    return Err(ParseError::at(
                        call,
                        format!("`{name}` is reserved for a later version of the language"),
                    ));
                }
                if self.permissive {
                    return Ok(self.uninterpreted(&name, call));
                }
                Err(self.unknown(call, &name))
            }
        }
    }

    fn known(
        &self,
        function: &'static function::Function,
        call: &ast::ExprCall,
        plain_arguments: bool,
    ) -> Result<Formula, ParseError> {
        if !plain_arguments || call.arguments.args.len() != function.parameters.len() {
            return Err(ParseError::at(
                call,
                format!(
                    "`{}` takes {} argument{}: {}",
                    function.name,
                    function.parameters.len(),
                    if function.parameters.len() == 1 { "" } else { "s" },
                    function.parameters.join(", ")
                ),
            ));
        }
        let arguments =
            call.arguments.args.iter().map(|argument| self.value(argument)).collect::<Result<Vec<_>, _>>()?;
        Ok(Formula::call(function, arguments))
    }

    fn unknown(&self, call: &ast::ExprCall, name: &str) -> ParseError {
        let all: Vec<&str> = SYNTAX.iter().copied().chain(function::FUNCTIONS.iter().map(|f| f.name)).collect();
        let near = near_names(name, all.iter().copied());
        let error = ParseError::at(call, format!("unknown function `{name}`"));
        match near.as_slice() {
            [] => error.help(format!("the functions are {}", all.join(", "))),
            near => error.help(format!("did you mean `{}`?", near.join("`, `"))),
        }
    }

    fn uninterpreted(&self, name: &str, call: &ast::ExprCall) -> Formula {
        let mut arguments: Vec<Argument> = call
            .arguments
            .args
            .iter()
            .map(|value| {
                Argument::positional(match value {
                    Expr::Starred(_) => Formula::opaque(&normalize(self.slice(value)), true),
                    _ => self.argument(value),
                })
            })
            .collect();
        arguments.extend(call.arguments.keywords.iter().map(|keyword| match &keyword.arg {
            Some(name) => Argument::keyword(name.as_str(), self.argument(&keyword.value)),
            None => Argument::positional(Formula::opaque(&normalize(self.slice(keyword)), true)),
        }));
        Formula::apply(name, arguments)
    }

    fn series(&self, element: &Expr, clauses: &[ast::Comprehension]) -> Result<Formula, ParseError> {
        let mut body = self.value(element)?;
        for clause in clauses.iter().rev() {
            for test in clause.ifs.iter().rev() {
                body = Formula::conditional(self.condition(test)?, body, Formula::zero());
            }
            let Expr::Name(index) = &clause.target else {
                return Err(ParseError::at(&clause.target, "the index of a sum is one name"));
            };
            let bad = || {
                ParseError::at(&clause.iter, "a sum runs over a `range`")
                    .help("write it as `sum(8*i for i in range(n))`")
            };
            let Expr::Call(range) = &clause.iter else { return Err(bad()) };
            if clause.is_async || self.slice(&*range.func) != "range" || !range.arguments.keywords.is_empty() {
                return Err(bad());
            }
            let bounds = range.arguments.args.iter().map(|bound| self.value(bound)).collect::<Result<Vec<_>, _>>()?;
            let (start, stop, step) = match bounds.as_slice() {
                [stop] => (Formula::zero(), stop.clone(), Formula::one()),
                [start, stop] => (start.clone(), stop.clone(), Formula::one()),
                [start, stop, step] => (start.clone(), stop.clone(), step.clone()),
                _ => return Err(bad()),
            };
            if step.is_zero() {
                return Err(ParseError::at(range, "the step of a range must not be zero"));
            }
            body = Formula::sum(body, index.id.as_str(), start, stop, step);
            body = self.defined(body, &clause.iter)?;
        }
        Ok(body)
    }
}

/// A chain of additions or of multiplications that is collected before it is built.
enum Running {
    Value(Formula),
    Sum(Vec<Formula>),
    Product(Vec<Formula>),
}

impl Running {
    fn plus(self, summand: Formula) -> Self {
        match self {
            Self::Sum(mut summands) => {
                summands.push(summand);
                Self::Sum(summands)
            }
            Self::Value(_) | Self::Product(_) => Self::Sum(vec![self.finish(), summand]),
        }
    }

    fn times(self, factor: Formula) -> Self {
        match self {
            Self::Product(mut factors) => {
                factors.push(factor);
                Self::Product(factors)
            }
            Self::Value(_) | Self::Sum(_) => Self::Product(vec![self.finish(), factor]),
        }
    }

    fn finish(self) -> Formula {
        match self {
            Self::Value(value) => value,
            Self::Sum(summands) => Formula::total(summands),
            Self::Product(factors) => Formula::product(factors),
        }
    }
}

fn condition_as_number(expression: &Expr) -> ParseError {
    ParseError::at(expression, "a condition cannot stand for a number").help("write `1 if … else 0`")
}

/// A literal whose value is known.
fn plain(expression: &Expr) -> Option<Formula> {
    match expression {
        Expr::StringLiteral(literal) => Some(Formula::string(literal.value.to_str())),
        Expr::NoneLiteral(_) => Some(Formula::opaque("None", true)),
        Expr::BooleanLiteral(literal) => Some(Formula::opaque(if literal.value { "True" } else { "False" }, true)),
        _ => None,
    }
}

/// Whether a subscript is a constant: a text, an integer, or a negative integer.
fn is_constant(expression: &Expr) -> bool {
    match expression {
        Expr::StringLiteral(_) => true,
        Expr::NumberLiteral(number) => matches!(number.value, ast::Number::Int(_)),
        Expr::UnaryOp(unary) => {
            unary.op == UnaryOp::USub
                && matches!(&*unary.operand, Expr::NumberLiteral(n) if matches!(n.value, ast::Number::Int(_)))
        }
        _ => false,
    }
}

fn is_constant_display(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::BytesLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Set(_)
            | Expr::Dict(_)
    )
}

// ---- Text ----

/// One form for Python text that means the same: single spaces, no line breaks, strings in double quotes.
/// Text that is not Python keeps its words with single spaces.
pub fn normalize(text: &str) -> String {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.') {
        return text.to_owned();
    }
    on_stack(text, || {
        let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(Mode::ParenthesizedExpression));
        // Starred arguments are no expressions of their own; their tokens are right nevertheless.
        Ok(join_tokens(text, parsed.tokens()))
    })
    .unwrap_or_else(|_| collapse(text))
}

fn join_tokens(text: &str, tokens: &[ast::token::Token]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous: Option<(TokenKind, usize)> = None;
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        let (kind, range) = (token.kind(), token.range().to_std_range());
        if matches!(kind, TokenKind::Newline | TokenKind::NonLogicalNewline | TokenKind::Comment | TokenKind::EndOfFile)
        {
            continue;
        }
        let mut end = range.end;
        let mut last = kind;
        let piece: Cow<'_, str> = match kind {
            TokenKind::FStringStart | TokenKind::TStringStart => {
                // Kept as it is, with all that it nests.
                let mut open = 1;
                while open > 0 {
                    let Some(token) = tokens.next() else { break };
                    match token.kind() {
                        TokenKind::FStringStart | TokenKind::TStringStart => open += 1,
                        TokenKind::FStringEnd | TokenKind::TStringEnd => open -= 1,
                        _ => {}
                    }
                    end = token.range().to_std_range().end;
                }
                last = TokenKind::String;
                Cow::Borrowed(text.get(range.start..end).unwrap_or_default())
            }
            TokenKind::String => string_token(text.get(range.clone()).unwrap_or_default()),
            _ => Cow::Borrowed(text.get(range.clone()).unwrap_or_default()),
        };
        if let Some((before, at)) = previous
            && space_between(before, kind, at < range.start)
        {
            out.push(' ');
        }
        out.push_str(&piece);
        previous = Some((last, end));
    }
    out
}

fn space_between(before: TokenKind, after: TokenKind, spaced: bool) -> bool {
    use TokenKind::{Colon, Comma, Dot, Lbrace, Lpar, Lsqb, Name, Rbrace, Rpar, Rsqb, String};
    match (before, after) {
        (Lpar | Lsqb | Lbrace | Dot, _) | (_, Rpar | Rsqb | Rbrace | Comma | Colon | Dot) => false,
        (Comma, _) => true,
        (Name | Rpar | Rsqb | Rbrace | String, Lpar | Lsqb) => false,
        _ => spaced,
    }
}

/// A string token in double quotes, if it is plain text.
fn string_token(token: &str) -> Cow<'_, str> {
    if is_plain_literal(token) {
        return Cow::Borrowed(token);
    }
    if !token.starts_with(['"', '\'']) {
        return Cow::Borrowed(token);
    }
    match ruff_python_parser::parse_expression(token).map(|parsed| parsed.into_expr()) {
        Ok(Expr::StringLiteral(literal)) => Cow::Owned(quote(literal.value.to_str())),
        _ => Cow::Borrowed(token),
    }
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A Python string literal in double quotes.
pub fn quote(content: &str) -> String {
    let mut out = String::with_capacity(content.len() + 2);
    out.push('"');
    for c in content.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The content of a literal that [`quote`] wrote; none of anything else.
pub(super) fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => match chars.next()? {
                '"' => out.push('"'),
                '\\' => out.push('\\'),
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'u' => {
                    let digits: String = chars.by_ref().take(4).collect();
                    out.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                _ => return None,
            },
            c => out.push(c),
        }
    }
    Some(out)
}

/// Whether a literal is `None`, `True`, `False` or a text as [`quote`] writes it, so that its value is its text.
pub(super) fn is_plain_literal(text: &str) -> bool {
    matches!(text, "None" | "True" | "False") || unquote(text).is_some_and(|content| quote(&content) == text)
}

/// Whether a literal is true, where that is known.
pub(super) fn literal_truth(text: &str) -> Option<bool> {
    match text {
        "None" | "False" | "\"\"" | "()" | "[]" | "{}" => Some(false),
        "True" => Some(true),
        _ => is_plain_literal(text).then_some(true),
    }
}

/// The identifiers of a Python text, but not the names of attributes.
pub(super) fn identifiers(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut attribute = false;
    while let Some(c) = rest.chars().next() {
        if c.is_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            if !attribute {
                found.push(&rest[..end]);
            }
            attribute = false;
            rest = &rest[end..];
        } else {
            attribute = c == '.' || (attribute && c.is_whitespace());
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// Replaces names in a Python text by other texts. Names that the text itself binds stay, and the result is a text
/// of the same kind. Returns none where nothing changes, or the text cannot be read.
pub(super) fn replace_names(text: &str, replacement: &(dyn Fn(&str) -> Option<String> + Sync)) -> Option<String> {
    use ruff_python_ast::visitor::{Visitor, walk_expr, walk_parameter};

    #[derive(Default)]
    struct Names {
        used: Vec<(std::ops::Range<usize>, String)>,
        bound: rustc_hash::FxHashSet<String>,
    }
    impl<'a> Visitor<'a> for Names {
        fn visit_expr(&mut self, expression: &'a Expr) {
            if let Expr::Name(name) = expression {
                if name.ctx.is_load() {
                    self.used.push((name.range.to_std_range(), name.id.to_string()));
                } else {
                    self.bound.insert(name.id.to_string());
                }
            }
            walk_expr(self, expression);
        }
        fn visit_parameter(&mut self, parameter: &'a ast::Parameter) {
            self.bound.insert(parameter.name.to_string());
            walk_parameter(self, parameter);
        }
    }

    // A starred argument is read without its stars.
    let stars = text.len() - text.trim_start_matches('*').len();
    let body = &text[stars..];
    let mut names = on_stack(body, || {
        let parsed = ruff_python_parser::parse_unchecked(body, ParseOptions::from(Mode::ParenthesizedExpression));
        let mut names = Names::default();
        if let (true, ast::Mod::Expression(module)) = (parsed.errors().is_empty(), parsed.syntax()) {
            names.visit_expr(&module.body);
        }
        Ok(names)
    })
    .ok()?;
    names.used.sort_by_key(|(range, _)| range.start);
    let mut out = text[..stars].to_owned();
    let mut at = 0;
    for (range, name) in names.used {
        if names.bound.contains(&name) || range.start < at {
            continue;
        }
        if let Some(new) = replacement(&name) {
            out.push_str(&body[at..range.start]);
            out.push_str(&new);
            at = range.end;
        }
    }
    if at == 0 {
        return None;
    }
    out.push_str(&body[at..]);
    Some(out)
}

/// The text of a symbol with another root: `a.shape[0]` with root `image` is `image.shape[0]`.
pub(super) fn with_root(path: &Text, root: &str, new: &str) -> Option<String> {
    let rest = path.strip_prefix(root)?;
    rest.starts_with(['.', '[']).then(|| format!("{new}{rest}"))
}
