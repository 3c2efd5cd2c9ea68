//! Expressions as Python source that every Python from 3.9 on reads, in the style of `black`.
//!
//! Invariant: [`super::parse`] of the text gives back [`super::normal`] of the expression. Depends on the syntax of
//! [`super`] and on the literals of [`super::value`] only.

use std::fmt;

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use super::value::{float_repr, push_escaped, push_escaped_byte};
use super::{
    BinaryOperator, BooleanOperator, Clause, CompareOperator, ComprehensionKind, Expr, FormatPart, Target,
    UnaryOperator, Value,
};

/// Decimal digits that every CPython reads in a literal (3.11 and later refuse more); longer ones are hexadecimal.
const MAX_DECIMAL_BITS: u64 = 14_000;

/// How tightly an expression binds: its place in Python's grammar, the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    /// `a if b else c`
    If,
    /// `a or b`
    Or,
    /// `a and b`
    And,
    /// `not a`
    Not,
    /// `a < b`, `a in b`, `a is b`
    Compare,
    /// `a | b`
    BitOr,
    /// `a ^ b`
    BitXor,
    /// `a & b`
    BitAnd,
    /// `a << b`
    Shift,
    /// `a + b`
    Sum,
    /// `a * b`
    Product,
    /// `-a`
    Sign,
    /// `a ** b`
    Power,
    /// What may stand before `.name`, `[…]` and `(…)`.
    Primary,
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::default();
        // Only what stands inside the braces of an f-string can fail to fit.
        let _ = printer.expr(self, Precedence::If);
        f.write_str(&printer.out)
    }
}

/// As Python source; what cannot be written as a literal (an iterator) as a list.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::default();
        let _ = printer.value(self);
        f.write_str(&printer.out)
    }
}

/// As Python source: a name, or `a, b`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer::default();
        printer.target(self, false);
        f.write_str(&printer.out)
    }
}

impl UnaryOperator {
    /// The operator as Python writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Minus => "-",
            Self::Plus => "+",
            Self::Invert => "~",
            Self::Not => "not",
        }
    }
}

impl BinaryOperator {
    /// The operator as Python writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
            Self::Power => "**",
            Self::LeftShift => "<<",
            Self::RightShift => ">>",
            Self::And => "&",
            Self::Or => "|",
            Self::Xor => "^",
        }
    }

    fn precedence(self) -> Precedence {
        match self {
            Self::Add | Self::Subtract => Precedence::Sum,
            Self::Multiply | Self::Divide | Self::FloorDivide | Self::Modulo => Precedence::Product,
            Self::Power => Precedence::Power,
            Self::LeftShift | Self::RightShift => Precedence::Shift,
            Self::And => Precedence::BitAnd,
            Self::Or => Precedence::BitOr,
            Self::Xor => Precedence::BitXor,
        }
    }
}

impl BooleanOperator {
    /// The operator as Python writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Or => "or",
        }
    }
}

impl CompareOperator {
    /// The operator as Python writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Is => "is",
            Self::IsNot => "is not",
        }
    }
}

/// The precedence of an expression's text.
fn precedence(expr: &Expr) -> Precedence {
    match expr {
        Expr::If { .. } => Precedence::If,
        Expr::Boolean(_, operands) if operands.len() < 2 => operands.first().map_or(Precedence::Primary, precedence),
        Expr::Boolean(BooleanOperator::Or, _) => Precedence::Or,
        Expr::Boolean(BooleanOperator::And, _) => Precedence::And,
        Expr::Unary(UnaryOperator::Not, _) => Precedence::Not,
        Expr::Compare(first, rest) if rest.is_empty() => precedence(first),
        Expr::Compare(..) => Precedence::Compare,
        Expr::Binary(operator, ..) => operator.precedence(),
        Expr::Unary(UnaryOperator::Minus | UnaryOperator::Plus | UnaryOperator::Invert, _) => Precedence::Sign,
        Expr::Constant(Value::Int(number)) if number.is_negative() => Precedence::Sign,
        Expr::Constant(Value::Float(number)) if number.is_finite() && number.is_sign_negative() => Precedence::Sign,
        Expr::Name(_)
        | Expr::Constant(_)
        | Expr::Index(..)
        | Expr::Slice { .. }
        | Expr::Call(..)
        | Expr::Method(..)
        | Expr::List(_)
        | Expr::Tuple(_)
        | Expr::Set(_)
        | Expr::Dict(_)
        | Expr::Format(_)
        | Expr::Comprehension { .. } => Precedence::Primary,
    }
}

/// The only operand of an `and`, `or` or comparison without an operator: that is how it is printed.
fn plain(expr: &Expr) -> &Expr {
    match expr {
        Expr::Boolean(_, operands) => match &**operands {
            [only] => plain(only),
            _ => expr,
        },
        Expr::Compare(first, rest) if rest.is_empty() => plain(first),
        _ => expr,
    }
}

/// Names and numbers, which `black` writes close to `**`.
fn is_simple(expr: &Expr) -> bool {
    matches!(plain(expr), Expr::Name(_) | Expr::Constant(Value::Int(_) | Value::Float(_) | Value::Bool(_)))
}

/// What cannot stand inside the braces of an f-string before Python 3.12.
struct DoesNotFit;

type Fit = Result<(), DoesNotFit>;

#[derive(Default)]
struct Printer {
    out: String,
    /// The quotes of the f-string whose braces are being filled: neither they nor a backslash may appear.
    delimiter: Option<&'static str>,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// An expression where the grammar asks for at least `least`.
    fn expr(&mut self, expr: &Expr, least: Precedence) -> Fit {
        if precedence(expr) < least {
            self.push("(");
            self.bare(expr)?;
            self.push(")");
            return Ok(());
        }
        self.bare(expr)
    }

    fn bare(&mut self, expr: &Expr) -> Fit {
        match expr {
            Expr::Name(name) => self.push(name),
            Expr::Constant(value) => self.value(value)?,
            Expr::Unary(operator, operand) => {
                self.push(operator.symbol());
                if *operator == UnaryOperator::Not {
                    self.push(" ");
                }
                self.expr(operand, precedence(expr))?;
            }
            Expr::Binary(BinaryOperator::Power, left, right) => {
                let close = is_simple(left) && precedence(left) == Precedence::Primary && is_simple(right);
                // `-2 ** 2` is `-(2 ** 2)`, and `2 ** -2` needs no brackets.
                self.expr(left, Precedence::Primary)?;
                self.push(if close { "**" } else { " ** " });
                self.expr(right, Precedence::Sign)?;
            }
            Expr::Binary(operator, left, right) => {
                let own = operator.precedence();
                self.expr(left, own)?;
                self.push(" ");
                self.push(operator.symbol());
                self.push(" ");
                self.expr(right, tighter(own))?;
            }
            Expr::Boolean(operator, operands) => {
                if let [only] = &**operands {
                    return self.bare(only);
                }
                if operands.is_empty() {
                    return self.value(&Value::Bool(*operator == BooleanOperator::And));
                }
                let own = precedence(expr);
                for (at, operand) in operands.iter().enumerate() {
                    if at > 0 {
                        self.push(" ");
                        self.push(operator.symbol());
                        self.push(" ");
                    }
                    self.expr(operand, tighter(own))?;
                }
            }
            Expr::Compare(first, rest) => {
                if rest.is_empty() {
                    return self.bare(first);
                }
                self.expr(first, Precedence::BitOr)?;
                for (operator, operand) in rest {
                    self.push(" ");
                    self.push(operator.symbol());
                    self.push(" ");
                    self.expr(operand, Precedence::BitOr)?;
                }
            }
            Expr::If { test, then, otherwise } => {
                self.expr(then, Precedence::Or)?;
                self.push(" if ");
                self.expr(test, Precedence::Or)?;
                self.push(" else ");
                self.expr(otherwise, Precedence::If)?;
            }
            Expr::Index(value, index) => {
                self.primary(value)?;
                self.push("[");
                self.expr(index, Precedence::If)?;
                self.push("]");
            }
            Expr::Slice { value, start, stop, step } => {
                self.primary(value)?;
                self.push("[");
                self.slice([start, stop, step].map(Option::as_deref))?;
                self.push("]");
            }
            Expr::Call(name, arguments, keywords) => {
                self.push(name);
                self.arguments(arguments, keywords)?;
            }
            Expr::Method(receiver, name, arguments, keywords) => {
                self.primary(receiver)?;
                self.push(".");
                self.push(name);
                self.arguments(arguments, keywords)?;
            }
            Expr::List(items) => self.exprs("[", items, "]")?,
            Expr::Tuple(items) => self.exprs("(", items, if items.len() == 1 { ",)" } else { ")" })?,
            Expr::Set(items) if items.is_empty() => self.push("set()"),
            Expr::Set(items) => self.exprs("{", items, "}")?,
            Expr::Dict(entries) => {
                self.push("{");
                for (at, (key, value)) in entries.iter().enumerate() {
                    self.comma(at);
                    match key {
                        Some(key) => {
                            self.expr(key, Precedence::If)?;
                            self.push(": ");
                            self.expr(value, Precedence::If)?;
                        }
                        None => {
                            self.push("**");
                            self.expr(value, Precedence::BitOr)?;
                        }
                    }
                }
                self.push("}");
            }
            Expr::Format(parts) => self.format(parts)?,
            Expr::Comprehension { kind, element, key, clauses } => {
                let (open, close) = match kind {
                    ComprehensionKind::List => ("[", "]"),
                    ComprehensionKind::Set | ComprehensionKind::Dict => ("{", "}"),
                    ComprehensionKind::Generator => ("(", ")"),
                };
                self.push(open);
                self.comprehension(*kind, element, key.as_deref(), clauses)?;
                self.push(close);
            }
        }
        Ok(())
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.push(", ");
        }
    }

    fn exprs(&mut self, open: &str, items: &[Expr], close: &str) -> Fit {
        self.push(open);
        for (at, item) in items.iter().enumerate() {
            self.comma(at);
            self.expr(item, Precedence::If)?;
        }
        self.push(close);
        Ok(())
    }

    /// What stands before `.name` or `[…]`. The dot behind an integer would be read as a part of the number.
    fn primary(&mut self, expr: &Expr) -> Fit {
        let expr = plain(expr);
        if matches!(expr, Expr::Constant(Value::Int(number)) if !number.is_negative()) {
            self.push("(");
            self.bare(expr)?;
            self.push(")");
            return Ok(());
        }
        self.expr(expr, Precedence::Primary)
    }

    /// Bounds of a slice; the colon has spaces around it where a bound is an operation.
    fn slice(&mut self, bounds: [Option<&Expr>; 3]) -> Fit {
        let wide = bounds.iter().flatten().any(|bound| !matches!(bound, Expr::Name(_) | Expr::Constant(_)));
        for (at, bound) in bounds.into_iter().enumerate() {
            match at {
                0 => {}
                2 if bound.is_none() => continue,
                _ => {
                    if wide && !self.out.ends_with(['[', ':']) {
                        self.push(" ");
                    }
                    self.push(":");
                    if wide && bound.is_some() {
                        self.push(" ");
                    }
                }
            }
            if let Some(bound) = bound {
                self.expr(bound, Precedence::If)?;
            }
        }
        Ok(())
    }

    fn arguments(&mut self, arguments: &[Expr], keywords: &[(super::Text, Expr)]) -> Fit {
        self.push("(");
        if let ([Expr::Comprehension { kind: ComprehensionKind::Generator, element, key, clauses }], []) =
            (arguments, keywords)
        {
            self.comprehension(ComprehensionKind::Generator, element, key.as_deref(), clauses)?;
        } else {
            for (at, argument) in arguments.iter().enumerate() {
                self.comma(at);
                self.expr(argument, Precedence::If)?;
            }
            for (at, (name, value)) in keywords.iter().enumerate() {
                self.comma(at + arguments.len());
                self.push(name);
                self.push("=");
                self.expr(value, Precedence::If)?;
            }
        }
        self.push(")");
        Ok(())
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &Expr,
        key: Option<&Expr>,
        clauses: &[Clause],
    ) -> Fit {
        if kind == ComprehensionKind::Dict {
            self.expr(key.unwrap_or(element), Precedence::If)?;
            self.push(": ");
        }
        self.expr(element, Precedence::If)?;
        for Clause { target, iterable, conditions } in clauses {
            self.push(" for ");
            self.target(target, false);
            self.push(" in ");
            self.expr(iterable, Precedence::Or)?;
            for condition in conditions {
                self.push(" if ");
                self.expr(condition, Precedence::Or)?;
            }
        }
        Ok(())
    }

    fn target(&mut self, target: &Target, nested: bool) {
        match target {
            Target::Name(name) => self.push(name),
            Target::Tuple(targets) => {
                let brackets = nested || targets.len() < 2;
                if brackets {
                    self.push("(");
                }
                for (at, target) in targets.iter().enumerate() {
                    self.comma(at);
                    self.target(target, true);
                }
                if targets.len() == 1 {
                    self.push(",");
                }
                if brackets {
                    self.push(")");
                }
            }
        }
    }

    fn value(&mut self, value: &Value) -> Fit {
        match value {
            Value::None => self.push("None"),
            Value::Bool(true) => self.push("True"),
            Value::Bool(false) => self.push("False"),
            Value::Int(number) => self.int(number),
            Value::Float(number) if number.is_finite() => self.push(&float_repr(*number)),
            Value::Float(number) => {
                self.push("float(");
                self.text(&float_repr(*number))?;
                self.push(")");
            }
            Value::Str(text) => self.text(text)?,
            Value::Bytes(bytes) => self.bytes(bytes)?,
            Value::List(items) | Value::Iterable(_, items) => self.values("[", items, "]")?,
            Value::Tuple(items) => self.values("(", items, if items.len() == 1 { ",)" } else { ")" })?,
            Value::Set(items) if items.is_empty() => self.push("set()"),
            Value::Set(items) => self.values("{", items, "}")?,
            Value::Dict(entries) => {
                self.push("{");
                for (at, (key, value)) in entries.iter().enumerate() {
                    self.comma(at);
                    self.value(key)?;
                    self.push(": ");
                    self.value(value)?;
                }
                self.push("}");
            }
            Value::Range(start, stop, step) => {
                self.push("range(");
                if !start.is_zero() || !step.is_one() {
                    self.int(start);
                    self.push(", ");
                }
                self.int(stop);
                if !step.is_one() {
                    self.push(", ");
                    self.int(step);
                }
                self.push(")");
            }
        }
        Ok(())
    }

    fn values(&mut self, open: &str, items: &[Value], close: &str) -> Fit {
        self.push(open);
        for (at, item) in items.iter().enumerate() {
            self.comma(at);
            self.value(item)?;
        }
        self.push(close);
        Ok(())
    }

    fn int(&mut self, number: &BigInt) {
        if number.bits() > MAX_DECIMAL_BITS {
            self.push(if number.is_negative() { "-0x" } else { "0x" });
            let digits = number.magnitude().to_str_radix(16);
            self.push(&digits);
        } else {
            self.push(&number.to_string());
        }
    }

    /// A text literal.
    fn text(&mut self, text: &str) -> Fit {
        let quotes = |quote: char| text.chars().filter(|c| *c == quote).count();
        let quote = self.quote(quotes('\''), quotes('"'))?;
        let start = self.out.len();
        self.out.push(quote);
        for c in text.chars() {
            push_escaped(&mut self.out, c, quote);
        }
        self.out.push(quote);
        self.admit(start)
    }

    /// A bytes literal.
    fn bytes(&mut self, bytes: &[u8]) -> Fit {
        let quotes = |quote: u8| bytes.iter().filter(|byte| **byte == quote).count();
        let quote = self.quote(quotes(b'\''), quotes(b'"'))?;
        let start = self.out.len();
        self.out.push('b');
        self.out.push(quote);
        for byte in bytes {
            push_escaped_byte(&mut self.out, *byte, if quote == '"' { b'"' } else { b'\'' });
        }
        self.out.push(quote);
        self.admit(start)
    }

    /// The quotes for a literal that holds so many single and double ones: double ones, unless that takes more
    /// backslashes; inside an f-string those that it does not use itself.
    fn quote(&self, single: usize, double: usize) -> Result<char, DoesNotFit> {
        match self.delimiter {
            None => Ok(if double > single { '\'' } else { '"' }),
            Some("\"") if single == 0 => Ok('\''),
            Some("'") if double == 0 => Ok('"'),
            Some("\"\"\"") if single == 0 => Ok('\''),
            Some("\"\"\"") if double == 0 => Ok('"'),
            Some(_) => Err(DoesNotFit),
        }
    }

    /// Whether the literal from `start` on may stand inside the f-string that is being written.
    fn admit(&self, start: usize) -> Fit {
        let literal = self.out.get(start..).unwrap_or_default();
        match self.delimiter {
            Some(delimiter) if literal.contains('\\') || literal.contains(delimiter) => Err(DoesNotFit),
            _ => Ok(()),
        }
    }

    /// An f-string; what does not fit into one before Python 3.12 as `"".join(("a", format(b)))`.
    fn format(&mut self, parts: &[FormatPart]) -> Fit {
        let mut text = String::new();
        let mut all_text = true;
        for part in parts {
            match part {
                FormatPart::Text(part) => text.push_str(part),
                FormatPart::Value { .. } => all_text = false,
            }
        }
        if all_text {
            return self.text(&text);
        }
        if self.delimiter.is_some() {
            return Err(DoesNotFit);
        }
        let quotes = |quote: char| text.chars().filter(|c| *c == quote).count();
        let delimiters = if quotes('"') > quotes('\'') { ["'", "\"", "\"\"\""] } else { ["\"", "'", "\"\"\""] };
        let start = self.out.len();
        for delimiter in delimiters {
            if self.fstring(parts, delimiter).is_ok() {
                return Ok(());
            }
            self.delimiter = None;
            self.out.truncate(start);
        }
        self.join(parts)
    }

    fn fstring(&mut self, parts: &[FormatPart], delimiter: &'static str) -> Fit {
        let quote = if delimiter == "'" { '\'' } else { '"' };
        self.push("f");
        self.push(delimiter);
        for part in parts {
            match part {
                FormatPart::Text(text) => {
                    for c in text.chars() {
                        match c {
                            '{' => self.push("{{"),
                            '}' => self.push("}}"),
                            c => push_escaped(&mut self.out, c, quote),
                        }
                    }
                }
                FormatPart::Value { value, conversion, specification } => {
                    self.replacement(value, *conversion, specification, delimiter, true)?;
                }
            }
        }
        self.push(delimiter);
        Ok(())
    }

    /// `{value!conversion:specification}`
    fn replacement(
        &mut self,
        value: &Expr,
        conversion: Option<char>,
        specification: &[FormatPart],
        delimiter: &'static str,
        outermost: bool,
    ) -> Fit {
        self.push("{");
        let start = self.out.len();
        self.delimiter = Some(delimiter);
        self.expr(value, Precedence::If)?;
        self.delimiter = None;
        // `{{` and `}}` are braces of the text.
        if self.out.get(start..).is_some_and(|text| text.starts_with('{')) {
            self.out.insert(start, ' ');
        }
        if self.out.ends_with('}') {
            self.push(" ");
        }
        if let Some(conversion) = conversion {
            self.push("!");
            self.out.push(conversion);
        }
        if specification.iter().any(|part| !matches!(part, FormatPart::Text(text) if text.is_empty())) {
            self.push(":");
            for part in specification {
                match part {
                    FormatPart::Text(text) => {
                        let start = self.out.len();
                        for c in text.chars() {
                            if matches!(c, '{' | '}' | '"' | '\'') {
                                return Err(DoesNotFit);
                            }
                            push_escaped(&mut self.out, c, '"');
                        }
                        if self.out.get(start..).is_some_and(|text| text.contains('\\')) {
                            return Err(DoesNotFit);
                        }
                    }
                    FormatPart::Value { value, conversion, specification } if outermost => {
                        self.replacement(value, *conversion, specification, delimiter, false)?;
                    }
                    // Python nests replacements two deep.
                    FormatPart::Value { .. } => return Err(DoesNotFit),
                }
            }
        }
        self.push("}");
        Ok(())
    }

    /// `"".join(("a", format(b, ">10")))`: what an f-string means, in words that nest.
    fn join(&mut self, parts: &[FormatPart]) -> Fit {
        self.push("\"\".join((");
        // An empty text says nothing.
        let parts: Vec<_> =
            parts.iter().filter(|part| !matches!(part, FormatPart::Text(text) if text.is_empty())).collect();
        for (at, part) in parts.iter().enumerate() {
            self.comma(at);
            match part {
                FormatPart::Text(text) => self.text(text)?,
                FormatPart::Value { value, conversion, specification } => {
                    self.push("format(");
                    let function = match conversion {
                        Some('r') => "repr",
                        Some('a') => "ascii",
                        Some('s') => "str",
                        _ => "",
                    };
                    if function.is_empty() {
                        self.expr(value, Precedence::If)?;
                    } else {
                        self.push(function);
                        self.arguments(std::slice::from_ref(value), &[])?;
                    }
                    if !specification.is_empty() {
                        self.push(", ");
                        self.format(specification)?;
                    }
                    self.push(")");
                }
            }
        }
        self.push(if parts.len() == 1 { ",))" } else { "))" });
        Ok(())
    }
}

/// The next tighter precedence: what the operand behind an operator needs, so that a chain is read from the left.
fn tighter(precedence: Precedence) -> Precedence {
    match precedence {
        Precedence::If => Precedence::Or,
        Precedence::Or => Precedence::And,
        Precedence::And => Precedence::Not,
        Precedence::Not => Precedence::Compare,
        Precedence::Compare => Precedence::BitOr,
        Precedence::BitOr => Precedence::BitXor,
        Precedence::BitXor => Precedence::BitAnd,
        Precedence::BitAnd => Precedence::Shift,
        Precedence::Shift => Precedence::Sum,
        Precedence::Sum => Precedence::Product,
        Precedence::Product => Precedence::Sign,
        Precedence::Sign => Precedence::Power,
        Precedence::Power | Precedence::Primary => Precedence::Primary,
    }
}
