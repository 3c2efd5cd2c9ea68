//! Expressions from Python source, or from the parser's syntax tree.
//!
//! What is read is in normal form ([`super::normal`]): literals, and displays of literals, are constants. Whatever
//! the language lacks (lambdas, attributes, calls of anything else, complex numbers, lone surrogates) is refused,
//! never approximated. Depends on the syntax of [`super`] and on the parser.

use num_bigint::BigInt;
use ruff_python_ast as ast;
use ruff_python_ast::name::UnqualifiedName;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};
use ruff_text_size::Ranged;

use super::simplify::canonical;
use super::value::MAX_INT_DIGITS;
use super::{
    BinaryOperator, BooleanOperator, Clause, CompareOperator, ComprehensionKind, Expr, FormatPart, Target, Text,
    UnaryOperator, Value, is_function, is_method, visit_target,
};

/// Deepest nesting of brackets and operators in a text that is parsed.
const MAX_DEPTH: usize = 1_000;

/// Nesting that any thread's stack carries: the parser and the reader take under 8 KiB a level in a debug build.
const SHALLOW: usize = 64;

/// Stack of the thread that parses deeper texts, in bytes. Address space, not memory.
const STACK_BYTES: usize = 64 << 20;

/// Why a text is no expression of the language. Offsets are in bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not an expression of Python.
    #[error("{message} (at byte {offset})")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Where.
        offset: usize,
    },
    /// Python, but outside the language.
    #[error("`{text}` is not an expression of the language (at byte {offset})")]
    Unsupported {
        /// The smallest part that is refused, shortened.
        text: String,
        /// Where it starts.
        offset: usize,
    },
    /// Nested deeper than [`parse`] goes.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// The expression that a text is.
///
/// # Errors
/// See [`ParseError`].
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let trimmed = text.trim_start();
    let skipped = text.len() - trimmed.len();
    parse_trimmed(trimmed).map_err(|error| match error {
        ParseError::Syntax { message, offset } => ParseError::Syntax { message, offset: offset + skipped },
        ParseError::Unsupported { text, offset } => ParseError::Unsupported { text, offset: offset + skipped },
        ParseError::TooDeep => ParseError::TooDeep,
    })
}

fn parse_trimmed(text: &str) -> Result<Expr, ParseError> {
    match depth(text) {
        None => Err(ParseError::TooDeep),
        Some(depth) if depth <= SHALLOW => parse_here(text),
        Some(_) => std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            match thread.spawn_scoped(scope, || parse_here(text)).map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread to be had: no stack for the text.
                Err(_) => Err(ParseError::TooDeep),
            }
        }),
    }
}

fn parse_here(text: &str) -> Result<Expr, ParseError> {
    // The parser reads a `\ud800` as U+FFFD.
    if let Some(offset) = surrogate_at(text) {
        return Err(ParseError::Unsupported { text: excerpt(text.get(offset..).unwrap_or_default()), offset });
    }
    let parsed = ruff_python_parser::parse_expression(text).map_err(|error| ParseError::Syntax {
        message: error.error.to_string(),
        offset: error.location.start().to_usize(),
    })?;
    let mut reader = Reader { replacement_characters: true, refused: None, bound: Vec::new() };
    reader.expr(parsed.expr()).ok_or_else(|| {
        let range = reader.refused.unwrap_or_else(|| parsed.expr().range());
        let part = text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
        ParseError::Unsupported { text: excerpt(part), offset: range.start().to_usize() }
    })
}

/// The expression that a syntax tree is, if the language has it. Names of functions are taken as they stand: who
/// calls sees to it that `len` is the built-in one.
///
/// A text with U+FFFD is refused: it may have been written as a lone surrogate, which the tree does not keep.
pub fn read(expr: &ast::Expr) -> Option<Expr> {
    Reader { replacement_characters: false, refused: None, bound: Vec::new() }.expr(expr)
}

/// The beginning of a text.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Where a text spells a lone surrogate (`\ud800`).
fn surrogate_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        let start = at + found;
        let digits = match bytes.get(start + 1) {
            Some(b'u') => bytes.get(start + 2..start + 6),
            Some(b'U') if bytes.get(start + 2..start + 6) == Some(b"0000") => bytes.get(start + 6..start + 10),
            _ => None,
        };
        if let Some([b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..]) = digits {
            return Some(start);
        }
        // The escaped character is no backslash that escapes another.
        at = start + 2;
    }
    None
}

/// How deep a text nests, from above: each open bracket is a level, and so is each operator, keyword and dot up to
/// the next comma. `None` above [`MAX_DEPTH`].
fn depth(text: &str) -> Option<usize> {
    // A tree cannot be deeper than its text is long.
    if text.len() <= SHALLOW {
        return Some(text.len());
    }
    let mut lexer = lexer::lex(text, Mode::Expression);
    // Chain lengths, one an open bracket; the last is the innermost.
    let mut chains: Vec<usize> = vec![0];
    let mut total = 0usize;
    let mut deepest = 0;
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => return Some(deepest),
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                if let Some(last) = chains.last_mut() {
                    *last += 1;
                }
                chains.push(1);
                total += 2;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd
                if chains.len() > 1 =>
            {
                total -= chains.pop().unwrap_or(0);
            }
            TokenKind::Comma => {
                if let Some(last) = chains.last_mut() {
                    total -= *last;
                    *last = 0;
                }
            }
            kind if kind.is_operator() || kind.is_keyword() => {
                if let Some(last) = chains.last_mut() {
                    *last += 1;
                    total += 1;
                }
            }
            _ => {}
        }
        deepest = deepest.max(total);
        if deepest > MAX_DEPTH {
            return None;
        }
    }
}

struct Reader {
    /// Whether U+FFFD in a text is known to be meant.
    replacement_characters: bool,
    /// The smallest part that was refused.
    refused: Option<ruff_text_size::TextRange>,
    /// Names that the comprehensions around bind: what they hide of functions is not called.
    bound: Vec<Text>,
}

impl Reader {
    fn expr(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let read = self.part(expr).map(canonical);
        if read.is_none() && self.refused.is_none() {
            self.refused = Some(expr.range());
        }
        read
    }

    fn boxed(&mut self, expr: &ast::Expr) -> Option<Box<Expr>> {
        self.expr(expr).map(Box::new)
    }

    fn exprs(&mut self, exprs: &[ast::Expr]) -> Option<Vec<Expr>> {
        exprs.iter().map(|expr| self.expr(expr)).collect()
    }

    fn part(&mut self, expr: &ast::Expr) -> Option<Expr> {
        Some(match expr {
            ast::Expr::Name(name) => Expr::Name(name.id.as_str().into()),
            ast::Expr::NoneLiteral(_) => Expr::Constant(Value::None),
            ast::Expr::BooleanLiteral(literal) => Expr::Constant(Value::Bool(literal.value)),
            ast::Expr::NumberLiteral(literal) => Expr::Constant(number(&literal.value)?),
            ast::Expr::StringLiteral(literal) => Expr::Constant(Value::Str(self.text(literal.value.to_str())?)),
            ast::Expr::BytesLiteral(literal) => {
                Expr::Constant(Value::bytes(literal.value.bytes().collect::<Vec<u8>>()))
            }
            ast::Expr::FString(literal) => self.fstring(literal)?,
            ast::Expr::UnaryOp(operation) => {
                let operator = match operation.op {
                    ast::UnaryOp::USub => UnaryOperator::Minus,
                    ast::UnaryOp::UAdd => UnaryOperator::Plus,
                    ast::UnaryOp::Invert => UnaryOperator::Invert,
                    ast::UnaryOp::Not => UnaryOperator::Not,
                };
                Expr::Unary(operator, self.boxed(&operation.operand)?)
            }
            ast::Expr::BinOp(operation) => {
                let operator = match operation.op {
                    ast::Operator::Add => BinaryOperator::Add,
                    ast::Operator::Sub => BinaryOperator::Subtract,
                    ast::Operator::Mult => BinaryOperator::Multiply,
                    ast::Operator::Div => BinaryOperator::Divide,
                    ast::Operator::FloorDiv => BinaryOperator::FloorDivide,
                    ast::Operator::Mod => BinaryOperator::Modulo,
                    ast::Operator::Pow => BinaryOperator::Power,
                    ast::Operator::LShift => BinaryOperator::LeftShift,
                    ast::Operator::RShift => BinaryOperator::RightShift,
                    ast::Operator::BitAnd => BinaryOperator::And,
                    ast::Operator::BitOr => BinaryOperator::Or,
                    ast::Operator::BitXor => BinaryOperator::Xor,
                    ast::Operator::MatMult => return None,
                };
                Expr::Binary(operator, self.boxed(&operation.left)?, self.boxed(&operation.right)?)
            }
            ast::Expr::BoolOp(operation) => {
                let operator = match operation.op {
                    ast::BoolOp::And => BooleanOperator::And,
                    ast::BoolOp::Or => BooleanOperator::Or,
                };
                Expr::Boolean(operator, self.exprs(&operation.values)?)
            }
            ast::Expr::Compare(comparison) => {
                let first = self.boxed(&comparison.left)?;
                let mut rest = Vec::with_capacity(comparison.ops.len());
                for (operator, operand) in comparison.ops.iter().zip(&comparison.comparators) {
                    let operator = match operator {
                        ast::CmpOp::Eq => CompareOperator::Equal,
                        ast::CmpOp::NotEq => CompareOperator::NotEqual,
                        ast::CmpOp::Lt => CompareOperator::Less,
                        ast::CmpOp::LtE => CompareOperator::LessEqual,
                        ast::CmpOp::Gt => CompareOperator::Greater,
                        ast::CmpOp::GtE => CompareOperator::GreaterEqual,
                        ast::CmpOp::Is => CompareOperator::Is,
                        ast::CmpOp::IsNot => CompareOperator::IsNot,
                        ast::CmpOp::In => CompareOperator::In,
                        ast::CmpOp::NotIn => CompareOperator::NotIn,
                    };
                    rest.push((operator, self.expr(operand)?));
                }
                Expr::Compare(first, rest)
            }
            ast::Expr::If(choice) => {
                // In order of evaluation: the first part that is refused is the one to name.
                let test = self.boxed(&choice.test)?;
                Expr::If { test, then: self.boxed(&choice.body)?, otherwise: self.boxed(&choice.orelse)? }
            }
            ast::Expr::Subscript(subscript) => {
                let value = self.boxed(&subscript.value)?;
                match &*subscript.slice {
                    ast::Expr::Slice(slice) => {
                        let mut bound = |bound: &Option<Box<ast::Expr>>| match bound {
                            Some(bound) => self.boxed(bound).map(Some),
                            None => Some(None),
                        };
                        Expr::Slice {
                            value,
                            start: bound(&slice.lower)?,
                            stop: bound(&slice.upper)?,
                            step: bound(&slice.step)?,
                        }
                    }
                    index => Expr::Index(value, self.boxed(index)?),
                }
            }
            ast::Expr::Call(call) => self.call(call)?,
            ast::Expr::List(list) => Expr::List(self.exprs(&list.elts)?),
            ast::Expr::Tuple(tuple) => Expr::Tuple(self.exprs(&tuple.elts)?),
            ast::Expr::Set(set) => Expr::Set(self.exprs(&set.elts)?),
            ast::Expr::Dict(dict) => {
                let mut entries = Vec::with_capacity(dict.items.len());
                for item in &dict.items {
                    let key = match &item.key {
                        Some(key) => Some(self.expr(key)?),
                        None => None,
                    };
                    entries.push((key, self.expr(&item.value)?));
                }
                Expr::Dict(entries)
            }
            ast::Expr::ListComp(comprehension) => {
                self.comprehension(ComprehensionKind::List, None, &comprehension.elt, &comprehension.generators)?
            }
            ast::Expr::SetComp(comprehension) => {
                self.comprehension(ComprehensionKind::Set, None, &comprehension.elt, &comprehension.generators)?
            }
            ast::Expr::DictComp(comprehension) => self.comprehension(
                ComprehensionKind::Dict,
                Some(comprehension.key.as_deref()?),
                &comprehension.value,
                &comprehension.generators,
            )?,
            ast::Expr::Generator(comprehension) => {
                self.comprehension(ComprehensionKind::Generator, None, &comprehension.elt, &comprehension.generators)?
            }
            ast::Expr::Named(_)
            | ast::Expr::Lambda(_)
            | ast::Expr::Await(_)
            | ast::Expr::Yield(_)
            | ast::Expr::YieldFrom(_)
            | ast::Expr::TString(_)
            | ast::Expr::EllipsisLiteral(_)
            | ast::Expr::Attribute(_)
            | ast::Expr::Starred(_)
            | ast::Expr::Slice(_)
            | ast::Expr::IpyEscapeCommand(_) => return None,
        })
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| &**bound == name)
    }

    /// Whether one of the types that an operand of `isinstance` names is another thing here.
    fn hides(&self, types: &ast::Expr) -> bool {
        match types {
            ast::Expr::Name(name) => self.is_bound(name.id.as_str()),
            ast::Expr::Tuple(tuple) => tuple.elts.iter().any(|item| self.hides(item)),
            ast::Expr::BinOp(operation) => self.hides(&operation.left) || self.hides(&operation.right),
            _ => false,
        }
    }

    fn text(&self, text: &str) -> Option<Text> {
        (self.replacement_characters || !text.contains(char::REPLACEMENT_CHARACTER)).then(|| text.into())
    }

    fn call(&mut self, call: &ast::ExprCall) -> Option<Expr> {
        if let Some(parts) = self.joined(call) {
            return Some(Expr::Format(parts));
        }
        // A name of a function is not a value, so a part that is refused is the whole call.
        if let Some(name) = UnqualifiedName::from_expr(&call.func).map(|name| name.to_string())
            && is_function(&name)
        {
            let head = name.split('.').next().unwrap_or_default();
            // `isinstance` takes names of types, which may be hidden as well.
            if self.is_bound(head)
                || (name == "isinstance" && call.arguments.args.iter().skip(1).any(|t| self.hides(t)))
            {
                return None;
            }
            let (arguments, keywords) = self.arguments(&call.arguments)?;
            return Some(Expr::Call(name.into(), arguments, keywords));
        }
        let ast::Expr::Attribute(attribute) = &*call.func else { return None };
        if !is_method(&attribute.attr) {
            return None;
        }
        let receiver = self.boxed(&attribute.value)?;
        let (arguments, keywords) = self.arguments(&call.arguments)?;
        Some(Expr::Method(receiver, attribute.attr.as_str().into(), arguments, keywords))
    }

    #[allow(clippy::type_complexity)]
    fn arguments(&mut self, arguments: &ast::Arguments) -> Option<(Vec<Expr>, Vec<(Text, Expr)>)> {
        let positional = self.exprs(&arguments.args)?;
        let mut keywords = Vec::with_capacity(arguments.keywords.len());
        for keyword in &arguments.keywords {
            let name: Text = keyword.arg.as_ref()?.as_str().into();
            keywords.push((name, self.expr(&keyword.value)?));
        }
        Some((positional, keywords))
    }

    /// `"".join(("a", format(b, ">10")))`: the other way to write an f-string (see print.rs).
    fn joined(&mut self, call: &ast::ExprCall) -> Option<Vec<FormatPart>> {
        let ast::Expr::Attribute(attribute) = &*call.func else { return None };
        let ([ast::Expr::Tuple(tuple)], []) = (&*call.arguments.args, &*call.arguments.keywords) else { return None };
        if attribute.attr.as_str() != "join"
            || self.is_bound("format")
            || !matches!(&*attribute.value, ast::Expr::StringLiteral(separator) if separator.value.is_empty())
            || !tuple.elts.iter().any(|item| format_arguments(item).is_some())
            || !tuple.elts.iter().all(|item| item.is_string_literal_expr() || format_arguments(item).is_some())
        {
            return None;
        }
        let mut parts = Vec::with_capacity(tuple.elts.len());
        for item in &tuple.elts {
            parts.push(match (item, format_arguments(item)) {
                (_, Some((value, specification))) => FormatPart::Value {
                    value: self.expr(value)?,
                    conversion: None,
                    specification: match specification.map(|specification| self.expr(specification)) {
                        None => Vec::new(),
                        Some(Some(Expr::Constant(Value::Str(text)))) => vec![FormatPart::Text(text)],
                        Some(Some(Expr::Format(parts))) => parts,
                        // `format(x, y)` needs a text where an f-string makes one.
                        Some(_) => return None,
                    },
                },
                (ast::Expr::StringLiteral(literal), None) => FormatPart::Text(self.text(literal.value.to_str())?),
                _ => return None,
            });
        }
        Some(parts)
    }

    fn fstring(&mut self, literal: &ast::ExprFString) -> Option<Expr> {
        let mut parts = Vec::new();
        for part in &literal.value {
            match part {
                ast::FStringPart::Literal(literal) => parts.push(FormatPart::Text(self.text(literal.as_str())?)),
                ast::FStringPart::FString(literal) => self.elements(&literal.elements, &mut parts)?,
            }
        }
        Some(Expr::Format(parts))
    }

    fn elements(&mut self, elements: &[ast::InterpolatedStringElement], parts: &mut Vec<FormatPart>) -> Option<()> {
        for element in elements {
            match element {
                ast::InterpolatedStringElement::Literal(literal) => {
                    parts.push(FormatPart::Text(self.text(&literal.value)?));
                }
                ast::InterpolatedStringElement::Interpolation(element) => {
                    let value = self.expr(&element.expression)?;
                    let mut conversion = element.conversion.to_char();
                    if let Some(debug) = &element.debug_text {
                        parts.push(FormatPart::Text(self.text(debug.as_str())?));
                        if conversion.is_none() && element.format_spec.is_none() {
                            conversion = Some('r');
                        }
                    }
                    let mut specification = Vec::new();
                    if let Some(elements) = &element.format_spec {
                        self.elements(&elements.elements, &mut specification)?;
                    }
                    parts.push(FormatPart::Value { value, conversion, specification });
                }
            }
        }
        Some(())
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        key: Option<&ast::Expr>,
        element: &ast::Expr,
        generators: &[ast::Comprehension],
    ) -> Option<Expr> {
        let depth = self.bound.len();
        let mut targets = Vec::with_capacity(generators.len());
        for generator in generators {
            if generator.is_async {
                return None;
            }
            targets.push(target(&generator.target)?);
        }
        let mut clauses = Vec::with_capacity(generators.len());
        for (at, generator) in generators.iter().enumerate() {
            let iterable = self.expr(&generator.iter)?;
            // The first iterable is read outside; within, the targets of all clauses are local.
            if at == 0 {
                targets.iter().for_each(|target| visit_target(target, &mut |name| self.bound.push(name.clone())));
            }
            let conditions = self.exprs(&generator.ifs)?;
            clauses.push((iterable, conditions));
        }
        let key = match key {
            Some(key) => Some(self.boxed(key)?),
            None => None,
        };
        let element = self.boxed(element)?;
        self.bound.truncate(depth);
        let clauses = targets
            .into_iter()
            .zip(clauses)
            .map(|(target, (iterable, conditions))| Clause { target, iterable, conditions })
            .collect();
        Some(Expr::Comprehension { kind, element, key, clauses })
    }
}

/// The arguments of `format(value)` and `format(value, specification)`.
fn format_arguments(expr: &ast::Expr) -> Option<(&ast::Expr, Option<&ast::Expr>)> {
    let ast::Expr::Call(call) = expr else { return None };
    let ast::Expr::Name(name) = &*call.func else { return None };
    if name.id.as_str() != "format" || !call.arguments.keywords.is_empty() {
        return None;
    }
    match &*call.arguments.args {
        [value] => Some((value, None)),
        [value, specification] => Some((value, Some(specification))),
        _ => None,
    }
}

fn target(expr: &ast::Expr) -> Option<Target> {
    match expr {
        ast::Expr::Name(name) => Some(Target::Name(name.id.as_str().into())),
        ast::Expr::Tuple(ast::ExprTuple { elts, .. }) | ast::Expr::List(ast::ExprList { elts, .. }) => {
            elts.iter().map(target).collect::<Option<_>>().map(Target::Tuple)
        }
        _ => None,
    }
}

/// The value of a number literal; `None` for complex ones, and for what CPython refuses.
fn number(number: &ast::Number) -> Option<Value> {
    match number {
        ast::Number::Int(int) => int.as_u64().map(Value::int).or_else(|| big(&int.to_string())),
        ast::Number::Float(float) => Some(Value::Float(*float)),
        ast::Number::Complex { .. } => None,
    }
}

/// The value of an integer literal of any size.
fn big(literal: &str) -> Option<Value> {
    let digits = literal.replace('_', "");
    let prefix = digits.get(..2).unwrap_or_default().to_ascii_lowercase();
    let radix = match &*prefix {
        "0x" => 16,
        "0o" => 8,
        "0b" => 2,
        _ if digits.len() > MAX_INT_DIGITS => return None,
        _ => return BigInt::parse_bytes(digits.as_bytes(), 10).map(Value::Int),
    };
    BigInt::parse_bytes(digits.get(2..)?.as_bytes(), radix).map(Value::Int)
}

/// As its text.
impl serde::Serialize for Expr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From its text, by [`parse`].
impl<'de> serde::Deserialize<'de> for Expr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        parse(&text).map_err(serde::de::Error::custom)
    }
}
