//! Expressions, and what is decided by them.

use std::rc::Rc;

use num_bigint::BigInt;
use num_traits::ToPrimitive as _;
use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::Ranged;

use crate::expression::{
    self, BinaryOperator, Budget, CompareOperator, Expr, Failure, FormatPart, Text, UnaryOperator, Value as Plain,
};
use crate::formula::{Comparison, Condition, Formula};

use super::amount::{Amount, Bytes};
use super::machine::{Eval, Flow, Holds, MAX_CONTENT, Machine, NodeRef, Weight};
use super::texts::Marks;
use super::unknown::UnknownKind;
use super::value::{Code, Growth, Kind, Number, NumberKind, Object, Rest, Source, Value};

/// Work that exact evaluation of one operation may take.
const BUDGET: Budget = Budget { work: 4_000_000 };
/// Parts of the longest formula of a number that is kept; one that is longer is not known.
const LONGEST_NUMBER: u64 = 400;
/// Pairs of parts of two numbers that arithmetic looks at.
const LONGEST_PRODUCT: u64 = 4_000;

/// Parts of expressions that count as a statement in a run that carries nothing on.
const NODES_A_STEP: u64 = 8;

/// Items of a repeated list that are known one by one.
const MOST_REPEATED: i128 = 256;

/// Characters of a repeated text that are known.
const MOST_REPEATED_TEXT: i128 = 1 << 14;

impl<'p> Machine<'p> {
    /// Runs an expression.
    pub(super) fn expression(&mut self, expr: &'p Ast) -> Eval {
        if self.is_round_by_round() {
            // Statements alone do not say how long such a run takes.
            self.nodes += 1;
            self.steps += u64::from(self.nodes.is_multiple_of(NODES_A_STEP));
        }
        Ok(match expr {
            Ast::BooleanLiteral(literal) => Value::bool(literal.value),
            Ast::NoneLiteral(_) => Value::NONE,
            Ast::NumberLiteral(literal) => match &literal.value {
                ast::Number::Int(int) => match int.as_u64() {
                    Some(small) => Value::Plain(Plain::int(small)),
                    None => match int.to_string().parse::<BigInt>() {
                        Ok(int) => Value::Plain(Plain::Int(int)),
                        Err(_) => Value::number(NumberKind::Int),
                    },
                },
                ast::Number::Float(float) => Value::Plain(Plain::Float(*float)),
                ast::Number::Complex { real, imag } => self.complex(Some([*real, *imag]), literal),
            },
            Ast::StringLiteral(literal) => Value::text(literal.value.to_str()),
            Ast::BytesLiteral(literal) => {
                let bytes: Vec<u8> = literal.value.bytes().collect();
                Value::Plain(Plain::bytes(bytes))
            }
            Ast::EllipsisLiteral(_) | Ast::IpyEscapeCommand(_) => Value::NONE,
            Ast::Name(name) => self.name(name),
            Ast::Attribute(attribute) => {
                let receiver = self.expression(&attribute.value)?;
                let value = self.attribute(&receiver, attribute.attr.as_str(), attribute)?;
                if holds_through(&value, &receiver) {
                    return Ok(value);
                }
                self.state.keep(&value);
                self.state.settle(&receiver);
                self.state.unkeep(&value);
                value
            }
            Ast::Subscript(subscript) => self.subscript(subscript)?,
            Ast::Call(call) => self.call(call)?,
            Ast::BinOp(operation) => {
                if let Some(folded) = self.folded(operation) {
                    return Ok(folded);
                }
                let left = self.expression(&operation.left)?;
                self.state.keep(&left);
                let right = self.expression(&operation.right)?;
                self.state.unkeep(&left);
                let value = self.binary(operation.op, &left, &right, operation)?;
                self.settle_operands(&value, &[left, right]);
                value
            }
            Ast::UnaryOp(operation) => {
                let operand = self.expression(&operation.operand)?;
                let value = self.unary(operation, &operand)?;
                self.settle_operands(&value, &[operand]);
                value
            }
            Ast::BoolOp(operation) => self.boolean(operation.op, &operation.values)?,
            Ast::Compare(comparison) => self.comparison(comparison)?,
            Ast::If(ternary) => {
                let test = self.expression(&ternary.test)?;
                self.choose(&test, &ternary.test, &ternary.body, &ternary.orelse)?
            }
            Ast::Named(named) => {
                let value = self.expression(&named.value)?;
                self.assign(&named.target, value.clone())?;
                value
            }
            Ast::List(list) => self.display(Kind::List, &list.elts, expr)?,
            Ast::Set(set) => self.display(Kind::Set, &set.elts, expr)?,
            Ast::Tuple(tuple) => match self.constant_tuple(tuple) {
                Some(constant) => Value::Plain(constant),
                None => self.display(Kind::Tuple, &tuple.elts, expr)?,
            },
            Ast::Dict(dict) => self.dict_display(dict)?,
            Ast::FString(string) => self.format_string(string)?,
            Ast::TString(_) => self.unknown(expr, UnknownKind::Result, "a template string"),
            Ast::ListComp(comprehension) => {
                self.comprehension(Kind::List, &comprehension.elt, None, &comprehension.generators, expr)?
            }
            Ast::SetComp(comprehension) => {
                self.comprehension(Kind::Set, &comprehension.elt, None, &comprehension.generators, expr)?
            }
            Ast::DictComp(comprehension) => {
                let key = comprehension.key.as_deref();
                self.comprehension(Kind::Dict, &comprehension.value, key, &comprehension.generators, expr)?
            }
            Ast::Generator(generator) => {
                self.generators.push(generator);
                let node = NodeRef(self.generators.len() - 1);
                let mut object = Object::new(Kind::Iterator, super::sizes::object(208));
                // The outermost iterable is evaluated at once.
                if let Some(first) = generator.generators.first() {
                    let over = self.expression(&first.iter)?;
                    object.fields.insert(Text::from("<over>"), over);
                }
                object.source = Some(Rc::new(Source::Expression(node, self.frame())));
                self.allocate(object, expr)
            }
            Ast::Lambda(lambda) => match self.program.function_of(crate::calls::Definition::Lambda(lambda)) {
                Some(id) => {
                    if let Some(parameters) = &lambda.parameters {
                        self.defaults(id, parameters)?;
                    }
                    Value::Code(Code::Function(id, self.closure_frame()))
                }
                None => self.unknown(expr, UnknownKind::Result, "a lambda"),
            },
            Ast::Await(awaited) => {
                // `await f()`: nothing else of this coroutine runs until it is done.
                self.awaited = matches!(&*awaited.value, Ast::Call(_));
                let value = self.expression(&awaited.value);
                self.awaited = false;
                self.awaited_value(value?)
            }
            Ast::Yield(yielded) => {
                let value = match &yielded.value {
                    Some(value) => self.expression(value)?,
                    None => Value::NONE,
                };
                self.consume(value)?;
                Value::NONE
            }
            Ast::YieldFrom(yielded) => {
                let value = self.expression(&yielded.value)?;
                self.consume_all(&value, super::loops::Place::of(&*yielded.value))?;
                Value::NONE
            }
            Ast::Starred(starred) => self.expression(&starred.value)?,
            Ast::Slice(slice) => {
                self.slice_bounds(slice)?;
                Value::NONE
            }
        })
    }

    /// Operands of an operation go where nothing else holds them, unless they are its result.
    pub(super) fn settle_operands(&mut self, result: &Value, operands: &[Value]) {
        self.state.keep(result);
        for operand in operands {
            self.state.settle(operand);
        }
        self.state.unkeep(result);
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    fn name(&mut self, name: &'p ast::ExprName) -> Value {
        if let Some(value) = self.lookup(&name.id) {
            return value;
        }
        if crate::calls::is_builtin(&name.id) {
            return Value::external(name.id.as_str());
        }
        self.unknown(name, UnknownKind::Result, "a name that nothing binds on this way")
    }

    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        let here = self.here()?;
        let mut frame = here.frame;
        if !here.names.global.contains(name) {
            loop {
                if let Some(value) = self.state.get(frame, name) {
                    return Some(value.clone());
                }
                match self.closures.get(&frame) {
                    Some(outer) => frame = *outer,
                    None => break,
                }
            }
        }
        let module = self.state.modules.get(&here.module)?;
        self.state.get(*module, name).cloned()
    }

    // ---- decisions ----------------------------------------------------------------------------------------------------

    /// Whether a value counts as true, or how much of what follows it decides.
    pub(super) fn decide(&mut self, value: &Value, node: &'p Ast) -> Result<bool, Weight> {
        match value {
            Value::Plain(plain) => return Ok(plain.is_true()),
            Value::Code(_) => return Ok(true),
            Value::Number(Number { amount: Some(amount), .. }) => {
                return amount.compare(Comparison::NotEqual, &Amount::ZERO).map_err(|condition| self.weight(condition));
            }
            Value::Object(id) => {
                let Some(object) = self.state.object(*id) else { return Err(self.condition_share(node)) };
                if matches!(object.kind, Kind::Named(_)) && object.length.is_none() {
                    return Ok(true);
                }
                if matches!(object.kind, Kind::Instance(_) | Kind::Iterator) {
                    return Ok(true);
                }
                if let Some(length) = object.length.clone() {
                    return length
                        .compare(Comparison::Greater, &Amount::ZERO)
                        .map_err(|condition| self.weight(condition));
                }
            }
            Value::Input(path) => return Err(self.weight(Condition::truth(Formula::symbol(path)))),
            Value::Float(_) | Value::Number(_) => {
                if let Some(float) = value.as_float() {
                    return Ok(float != 0.0);
                }
            }
            Value::Unknown(_) => {}
        }
        Err(self.condition_share(node))
    }

    /// A condition that formulas can say.
    fn weight(&mut self, condition: Condition) -> Weight {
        Weight::Condition(condition)
    }

    /// A condition that nothing is known of: 0 or 1, or a share of a loop's rounds.
    pub(super) fn condition_share(&mut self, node: &impl Ranged) -> Weight {
        let hint = self.hint(node);
        let cause = if self.summing > 0 {
            "how often the condition holds is not known"
        } else {
            "whether the condition holds is not known"
        };
        let share = self.quantity(node, &hint, UnknownKind::Condition, cause, Some(Amount::ONE));
        // Of many rounds, half are expected to pass a test that nothing is known of.
        if self.summing > 0 || self.repeated > 0 {
            self.set_typical(&share, Amount::half());
        }
        Weight::Share(share)
    }

    fn boolean(&mut self, operator: ast::BoolOp, operands: &'p [Ast]) -> Eval {
        let Some((first, rest)) = operands.split_first() else { return Ok(Value::NONE) };
        let left = self.expression(first)?;
        if rest.is_empty() {
            return Ok(left);
        }
        let and = operator == ast::BoolOp::And;
        match self.decide(&left, first) {
            Ok(truth) if truth == and => {
                self.state.settle(&left);
                self.boolean(operator, rest)
            }
            Ok(_) => Ok(left),
            Err(weight) => {
                let weight = if and { weight } else { weight.negate() };
                self.either(weight, |machine| machine.boolean(operator, rest), move |_| Ok(left))
            }
        }
    }

    fn choose(&mut self, test: &Value, node: &'p Ast, then: &'p Ast, otherwise: &'p Ast) -> Eval {
        match self.decide(test, node) {
            Ok(true) => self.expression(then),
            Ok(false) => self.expression(otherwise),
            Err(weight) => {
                self.either(weight, |machine| machine.expression(then), |machine| machine.expression(otherwise))
            }
        }
    }

    /// One of two expressions.
    pub(super) fn either(
        &mut self,
        weight: Weight,
        then: impl FnOnce(&mut Self) -> Eval,
        otherwise: impl FnOnce(&mut Self) -> Eval,
    ) -> Eval {
        self.state.forget_free_places();
        let entry = self.state.clone();
        let places = entry.places();
        let a = then(self);
        let state = std::mem::replace(&mut self.state, entry);
        let b = otherwise(self);
        match (a, b) {
            (Ok(a), Ok(b)) => Ok(self.join_values(&weight, state, a, b, places)),
            (Ok(a), Err(flow)) => {
                let left = std::mem::replace(&mut self.state, state);
                self.exits.push(super::machine::Exit { weight: weight.negate(), state: left, flow });
                Ok(a)
            }
            (Err(flow), Ok(b)) => {
                self.exits.push(super::machine::Exit { weight, state, flow });
                Ok(b)
            }
            (Err(flow), Err(_)) => Err(flow),
        }
    }

    fn comparison(&mut self, comparison: &'p ast::ExprCompare) -> Eval {
        let mut left = self.expression(&comparison.left)?;
        let mut conditions: Vec<Condition> = Vec::new();
        let mut unknown = false;
        for (operator, node) in comparison.ops.iter().zip(&comparison.comparators) {
            self.state.keep(&left);
            let right = self.expression(node)?;
            self.state.unkeep(&left);
            if comparison.ops.len() == 1
                && !matches!(operator, ast::CmpOp::Is | ast::CmpOp::IsNot | ast::CmpOp::In | ast::CmpOp::NotIn)
                && let Some(array) = self.array_comparison(&left, &right, comparison)
            {
                self.settle_operands(&array, &[left, right]);
                return Ok(array);
            }
            match self.compare(*operator, &left, &right, comparison) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => {
                    self.settle_operands(&Value::NONE, &[left, right]);
                    return Ok(Value::bool(false));
                }
                Some(Err(condition)) => conditions.push(condition),
                None => unknown = true,
            }
            self.settle_operands(&right, &[left]);
            left = right;
        }
        self.state.settle(&left);
        if unknown {
            return Ok(Value::number(NumberKind::Bool));
        }
        if conditions.is_empty() {
            return Ok(Value::bool(true));
        }
        let condition = Condition::all(conditions);
        let one = Formula::one();
        let amount = Formula::conditional(condition, one, Formula::zero());
        Ok(Value::computed(NumberKind::Bool, Some(amount.into())))
    }

    /// One comparison: known, a condition, or neither.
    pub(super) fn compare(
        &mut self,
        operator: ast::CmpOp,
        left: &Value,
        right: &Value,
        node: &impl Ranged,
    ) -> Option<Result<bool, Condition>> {
        let none = Value::NONE;
        if matches!(operator, ast::CmpOp::Is | ast::CmpOp::IsNot) && (*left == none || *right == none) {
            let other = if *left == none { right } else { left };
            let same = match other {
                Value::Plain(plain) => *plain == Plain::None,
                Value::Object(_) | Value::Number(_) | Value::Float(_) | Value::Code(_) => false,
                Value::Input(path) => {
                    let condition = Condition::compare(
                        Formula::symbol(path),
                        if operator == ast::CmpOp::Is { Comparison::Is } else { Comparison::IsNot },
                        Formula::literal("None"),
                    );
                    return Some(condition.decided().ok_or(condition));
                }
                Value::Unknown(_) => return None,
            };
            return Some(Ok(same == (operator == ast::CmpOp::Is)));
        }
        if matches!(operator, ast::CmpOp::Is | ast::CmpOp::IsNot)
            && let (Value::Object(a), Value::Object(b)) = (left, right)
        {
            return Some(Ok((a == b) == (operator == ast::CmpOp::Is)));
        }
        if let Some(known) = quick_comparison(operator, left, right) {
            return Some(Ok(known));
        }
        let compare = match operator {
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
        if let (Some(a), Some(b)) = (self.plain(left), self.plain(right)) {
            let expr = Expr::Compare(Box::new(Expr::Constant(a)), vec![(compare, Expr::Constant(b))]);
            return match self.exact(&expr) {
                Some(Ok(value)) => Some(Ok(value.is_true())),
                _ => None,
            };
        }
        // `if factor == 0: continue`: of all the values that a computed float may have, it is not this one.
        let open_float = |value: &Value| {
            matches!(value, Value::Number(Number { kind: NumberKind::Float, amount: None, float: None, .. }))
        };
        if matches!(operator, ast::CmpOp::Eq | ast::CmpOp::NotEq)
            && (open_float(left) && quick(right).is_some() || open_float(right) && quick(left).is_some())
        {
            self.assume("a computed float whose value is not known is taken to differ from any one number");
            return Some(Ok(operator == ast::CmpOp::NotEq));
        }
        // Known keys of a container decide what is in it.
        if matches!(operator, ast::CmpOp::In | ast::CmpOp::NotIn) {
            if let (Some(wanted), Value::Object(id)) = (self.key_of(left), right)
                && let Some(object) = self.state.object(*id)
                && object.known.is_none()
                && matches!(object.kind, Kind::Dict | Kind::Set | Kind::List | Kind::Tuple | Kind::Deque)
            {
                return self.has_entry(object, &wanted).map(|found| Ok(found == (operator == ast::CmpOp::In)));
            }
            return None;
        }
        let order = match compare {
            CompareOperator::Equal => Comparison::Equal,
            CompareOperator::NotEqual => Comparison::NotEqual,
            CompareOperator::Less => Comparison::Less,
            CompareOperator::LessEqual => Comparison::LessEqual,
            CompareOperator::Greater => Comparison::Greater,
            CompareOperator::GreaterEqual => Comparison::GreaterEqual,
            CompareOperator::Is | CompareOperator::IsNot | CompareOperator::In | CompareOperator::NotIn => return None,
        };
        // Texts of the input are compared by path.
        if let (Value::Input(path), Value::Plain(Plain::Str(text))) = (left, right) {
            let condition = Condition::compare(Formula::symbol(path), order, Formula::string(text));
            return Some(condition.decided().ok_or(condition));
        }
        let numeric =
            |value: &Value| matches!(value, Value::Number(_) | Value::Float(_) | Value::Plain(_) | Value::Input(_));
        if !numeric(left) || !numeric(right) {
            return None;
        }
        let (a, b) = (self.amount(left, node)?, self.amount(right, node)?);
        Some(a.compare(order, &b))
    }

    // ---- exact evaluation ---------------------------------------------------------------------------------------------

    /// The value of an expression of constants: `None` where it is too large to be worth it.
    pub(super) fn exact(&self, expr: &Expr) -> Option<Result<Plain, Text>> {
        match expression::evaluate(expr, &(), BUDGET) {
            Ok(value) => Some(Ok(value)),
            Err(Failure::Raised(raised)) => Some(Err(raised.exception)),
            Err(_) => None,
        }
    }

    /// The value of a method or a function of known values, as an object.
    pub(super) fn exactly(&mut self, expr: &Expr, node: &impl Ranged) -> Option<Eval> {
        self.exactly_holding(expr, Holds::New, node)
    }

    fn exactly_holding(&mut self, expr: &Expr, holds: Holds, node: &impl Ranged) -> Option<Eval> {
        Some(match self.exact(expr)? {
            Ok(plain) => Ok(self.materialise_holding(plain, holds, node)),
            Err(exception) => Err(Flow::Raise(exception)),
        })
    }

    // ---- operators ----------------------------------------------------------------------------------------------------

    fn unary(&mut self, operation: &'p ast::ExprUnaryOp, operand: &Value) -> Eval {
        if operation.op == ast::UnaryOp::Not {
            return Ok(match self.decide(operand, &operation.operand) {
                Ok(truth) => Value::bool(!truth),
                Err(Weight::Condition(condition)) => {
                    let one = Formula::one();
                    let amount = Formula::conditional(condition, Formula::zero(), one);
                    Value::computed(NumberKind::Bool, Some(amount.into()))
                }
                Err(Weight::Share(share)) => Value::computed(NumberKind::Bool, Some(Amount::ONE - share)),
            });
        }
        if self.is_array(operand) || self.has_operator(operand, "__neg__") {
            return self.operator_of_kind(operand, "__neg__", &[], operation);
        }
        if let Some(value) = self.complex_sign(operation.op, operand, operation) {
            return Ok(value);
        }
        let operator = match operation.op {
            ast::UnaryOp::USub => UnaryOperator::Minus,
            ast::UnaryOp::UAdd => UnaryOperator::Plus,
            ast::UnaryOp::Invert | ast::UnaryOp::Not => UnaryOperator::Invert,
        };
        if let Some(plain) = self.plain(operand)
            && let Some(value) = self.exactly(&Expr::Unary(operator, Box::new(Expr::Constant(plain))), operation)
        {
            return value;
        }
        if operation.op == ast::UnaryOp::USub
            && let Some(amount) = self.amount(operand, operation)
        {
            return Ok(self.number_like(&[operand], Some(Amount::ZERO - amount)));
        }
        Ok(self.number_like(&[operand], None))
    }

    /// A number of the type that operands give.
    fn number_like(&self, operands: &[&Value], amount: Option<Amount>) -> Value {
        let float = operands.iter().any(|operand| {
            matches!(
                operand,
                Value::Number(Number { kind: NumberKind::Float, .. }) | Value::Float(_) | Value::Plain(Plain::Float(_))
            )
        });
        Value::computed(if float { NumberKind::Float } else { NumberKind::Int }, amount)
    }

    /// `a op b`
    pub(super) fn binary(&mut self, operator: ast::Operator, left: &Value, right: &Value, node: &impl Ranged) -> Eval {
        if let Some(value) = quick_arithmetic(operator, left, right) {
            return Ok(value);
        }
        if let Some(value) = self.complex_operator(operator, left, right, node) {
            return Ok(value);
        }
        if let Some(value) = self.special_operator(operator, left, right, node)? {
            return Ok(value);
        }
        if let Some(value) = self.input_operator(operator, left, right, node)? {
            return Ok(value);
        }
        let exact = match operator {
            ast::Operator::Add => Some(BinaryOperator::Add),
            ast::Operator::Sub => Some(BinaryOperator::Subtract),
            ast::Operator::Mult => Some(BinaryOperator::Multiply),
            ast::Operator::Div => Some(BinaryOperator::Divide),
            ast::Operator::FloorDiv => Some(BinaryOperator::FloorDivide),
            ast::Operator::Mod => Some(BinaryOperator::Modulo),
            ast::Operator::Pow => Some(BinaryOperator::Power),
            ast::Operator::LShift => Some(BinaryOperator::LeftShift),
            ast::Operator::RShift => Some(BinaryOperator::RightShift),
            ast::Operator::BitAnd => Some(BinaryOperator::And),
            ast::Operator::BitOr => Some(BinaryOperator::Or),
            ast::Operator::BitXor => Some(BinaryOperator::Xor),
            ast::Operator::MatMult => None,
        };
        let sequence = |machine: &Self, value: &Value| match value {
            Value::Plain(Plain::Str(_) | Plain::Bytes(_) | Plain::List(_) | Plain::Tuple(_)) => true,
            Value::Object(id) => machine.state.object(*id).is_some_and(|object| {
                matches!(
                    object.kind,
                    Kind::Str { .. } | Kind::Bytes | Kind::List | Kind::Tuple | Kind::ByteArray | Kind::Deque
                )
            }),
            _ => false,
        };
        let large = match (operator, self.is_repetition(left, right)) {
            (ast::Operator::Mult, Some(length)) => {
                let is_text = |value| matches!(self.type_name(value).as_deref(), Some("str" | "bytes"));
                let most = if is_text(left) || is_text(right) { MOST_REPEATED_TEXT } else { MOST_REPEATED };
                length.as_int().is_none_or(|length| length > most)
            }
            _ => false,
        };
        if let (Some(exact), Some(a), Some(b), false) = (exact, self.plain(left), self.plain(right), large) {
            let items =
                |plain: &Plain| matches!(plain, Plain::List(_) | Plain::Tuple(_) | Plain::Dict(_) | Plain::Set(_));
            // Containers keep their items apart: what they hold is shared, not copied.
            if !(items(&a) && items(&b) && (sequence(self, left) || sequence(self, right)))
                || matches!(operator, ast::Operator::Mod)
            {
                // All items of a list that is repeated are those of the list.
                let is_repeated = operator == ast::Operator::Mult && (items(&a) || items(&b));
                let holds = if is_repeated { Holds::Shared } else { Holds::New };
                let expr = Expr::Binary(exact, Box::new(Expr::Constant(a)), Box::new(Expr::Constant(b)));
                if let Some(value) = self.exactly_holding(&expr, holds, node) {
                    return value;
                }
            }
        }
        match operator {
            ast::Operator::Add if sequence(self, left) && sequence(self, right) => {
                let kind = self.type_name(left).unwrap_or_default();
                return self.concatenate_as(&kind, left, right, node);
            }
            ast::Operator::Mult if sequence(self, left) || sequence(self, right) => {
                let (items, count) = if sequence(self, left) { (left, right) } else { (right, left) };
                let count = self.repetitions(count, node);
                let kind = self.type_name(items).unwrap_or_default();
                return self.repeat_as(&kind, items, &count, node);
            }
            ast::Operator::Mod if self.type_name(left).as_deref() == Some("str") => {
                return Ok(self.printf(left, right, node));
            }
            ast::Operator::BitOr | ast::Operator::BitAnd | ast::Operator::Sub | ast::Operator::BitXor
                if self.is_set_or_dict(left) =>
            {
                return self.set_operation(operator, left, right, node);
            }
            _ => {}
        }
        if matches!(left, Value::Unknown(_)) || matches!(right, Value::Unknown(_)) {
            // Arithmetic with something unknown: most likely a number.
            let known = [left, right].into_iter().all(|value| {
                matches!(
                    value,
                    Value::Unknown(_)
                        | Value::Number(_)
                        | Value::Float(_)
                        | Value::Plain(Plain::Int(_) | Plain::Float(_))
                        | Value::Input(_)
                )
            });
            if !known {
                return Ok(self.unknown(node, UnknownKind::Result, "an operation with something unknown"));
            }
        }
        let (a, b) = (self.amount(left, node), self.amount(right, node));
        let amount = match (a, b) {
            // A product has a term for each pair of terms: what is too long to be kept is not worked out.
            (Some(a), Some(b)) if a.parts().saturating_mul(b.parts()) > LONGEST_PRODUCT => None,
            (Some(a), Some(b)) => match operator {
                ast::Operator::Add => Some(a + b),
                ast::Operator::Sub => Some(a - b),
                ast::Operator::Mult => Some(a * b),
                ast::Operator::Div => a.divide(&b),
                ast::Operator::FloorDiv => a.floor_div(&b),
                ast::Operator::Mod => a.modulo(&b),
                ast::Operator::Pow => match b.as_int() {
                    Some(exponent @ 0..=64) => Some(a.to_formula().pow(exponent as i64).into()),
                    _ => Some(a.to_formula().power(&b.to_formula()).into()),
                },
                ast::Operator::LShift => match b.as_int() {
                    Some(shift @ 0..=64) => Some(a * Amount::Int(1_i128 << shift)),
                    _ => None,
                },
                ast::Operator::RShift => match b.as_int() {
                    Some(shift @ 0..=64) => a.floor_div(&Amount::Int(1_i128 << shift)),
                    _ => None,
                },
                ast::Operator::BitAnd | ast::Operator::BitOr | ast::Operator::BitXor | ast::Operator::MatMult => None,
            },
            _ => None,
        };
        let amount = amount.filter(
            |amount| !matches!(amount, Amount::Formula(formula) if formula.size() > LONGEST_NUMBER || formula.is_undefined()),
        );
        let value = self.number_like(&[left, right], amount.clone());
        Ok(if operator == ast::Operator::Div { Value::computed(NumberKind::Float, amount) } else { value })
    }

    /// `template % values`: each directive gives way to what a value takes as text.
    fn printf(&mut self, template: &Value, values: &Value, node: &impl Ranged) -> Value {
        let parts = self.items_apart(values).unwrap_or_else(|| vec![values.clone()]);
        let mut length = self.text_length(template, node);
        let mut width = self.width(template);
        if let Some(Plain::Str(text)) = self.plain(template) {
            length -= Amount::from(directives(&text));
        }
        for part in &parts {
            length += self.text_length(part, node);
            width = width.max(self.width(part));
        }
        let marks = self.marks_of_all(parts.iter().chain([template]));
        self.new_str_with(width, length, marks, node)
    }

    /// `("a", 1)`: the compiler makes a constant of it (`fold_tuple` in Python/ast_opt.c).
    fn constant_tuple(&mut self, tuple: &'p ast::ExprTuple) -> Option<Plain> {
        if !tuple.elts.iter().all(is_constant) {
            return None;
        }
        let items: Option<Vec<Plain>> = tuple
            .elts
            .iter()
            .map(|item| {
                let value = self.expression(item).ok()?;
                self.plain(&value)
            })
            .collect();
        Some(Plain::Tuple(items?.into()))
    }

    /// `"-" * 80`: the compiler makes a constant of it (`safe_multiply` in Python/ast_opt.c).
    fn folded(&self, operation: &ast::ExprBinOp) -> Option<Value> {
        const LONGEST: usize = 4_096;
        if operation.op != ast::Operator::Mult {
            return None;
        }
        let (text, count) = match (&*operation.left, &*operation.right) {
            (text, Ast::NumberLiteral(count)) => (text, count),
            (Ast::NumberLiteral(count), text) => (text, count),
            _ => return None,
        };
        let ast::Number::Int(count) = &count.value else { return None };
        let count = count.as_u64().and_then(|count| usize::try_from(count).ok())?;
        let fits = |length: usize| length.checked_mul(count).is_some_and(|length| length <= LONGEST);
        Some(Value::Plain(match text {
            Ast::StringLiteral(text) if fits(text.value.to_str().chars().count()) => {
                Plain::text(text.value.to_str().repeat(count))
            }
            Ast::BytesLiteral(bytes) => {
                let bytes: Vec<u8> = bytes.value.bytes().collect();
                if !fits(bytes.len()) {
                    return None;
                }
                Plain::Bytes(bytes.repeat(count).into())
            }
            _ => return None,
        }))
    }

    /// How long `items * count` is, if that is what two operands make.
    fn is_repetition(&mut self, left: &Value, right: &Value) -> Option<Amount> {
        let count = |value: &Value| match value {
            Value::Plain(Plain::Int(int)) => Some(Amount::from(int)),
            Value::Number(number) => number.amount.clone(),
            _ => None,
        };
        let items = |value: &Value| match value {
            Value::Plain(plain @ (Plain::Str(_) | Plain::Bytes(_) | Plain::List(_) | Plain::Tuple(_))) => {
                plain.iterations().map(|length| Amount::from(&length))
            }
            Value::Object(id) => self.state.object(*id)?.length.clone(),
            _ => None,
        };
        match (items(left), count(right), items(right), count(left)) {
            (Some(length), Some(times), _, _) | (_, _, Some(length), Some(times)) => Some(length * times),
            _ => None,
        }
    }

    /// `x op= y` where it is not done in place.
    pub(super) fn augmented_value(
        &mut self,
        operator: ast::Operator,
        old: &Value,
        change: &Value,
        node: &impl Ranged,
    ) -> Eval {
        // CPython extends a text in place where nothing else holds it.
        if operator == ast::Operator::Add
            && let Value::Object(id) = old
            && let Some(object) = self.state.object(*id)
            && matches!(object.kind, Kind::Str { .. })
            && object.refs <= 1
        {
            let known = match (self.plain(old), self.plain(change)) {
                (Some(Plain::Str(a)), Some(Plain::Str(b))) if a.len() + b.len() <= 65_536 => {
                    Some(Plain::text(format!("{a}{b}")))
                }
                _ => None,
            };
            let added = self.text_length(change, node);
            let width = self.width(old).max(self.width(change));
            let marks = self.marks_of_all([old, change]);
            let Some(object) = self.state.object(*id) else { return Ok(old.clone()) };
            let length = object.length.clone().unwrap_or(Amount::ZERO) + added;
            let own = self.sizes.str(width, &length);
            self.state.note(*id, |object| {
                object.length = Some(length);
                object.known = known;
                object.kind = Kind::Str { width };
                object.growth = Growth::Appended;
            });
            self.state.resize(*id, own);
            self.set_marks(old, marks);
            return Ok(old.clone());
        }
        self.binary(operator, old, change, node)
    }

    /// How often a sequence is repeated.
    pub(super) fn repetitions(&mut self, count: &Value, node: &impl Ranged) -> Amount {
        match self.amount(count, node) {
            Some(count) => count.at_least_zero(),
            None => self.quantity(node, "repetitions", UnknownKind::Size, "a count that is not known", None),
        }
    }

    /// Two sequences of a type, one after the other.
    pub(super) fn concatenate_as(&mut self, kind: &str, left: &Value, right: &Value, node: &impl Ranged) -> Eval {
        let kind = match kind {
            "str" => {
                let length = self.text_length(left, node) + self.text_length(right, node);
                let width = self.width(left).max(self.width(right));
                let marks = self.marks_of_all([left, right]);
                return Ok(self.new_str_with(width, length, marks, node));
            }
            "bytes" => {
                let length =
                    self.length(left, node).unwrap_or(Amount::ZERO) + self.length(right, node).unwrap_or(Amount::ZERO);
                return Ok(self.new_bytes(length, node));
            }
            "tuple" => Kind::Tuple,
            _ => Kind::List,
        };
        let list = self.new_container(kind, node);
        let Value::Object(id) = list else { return Ok(list) };
        self.extend_container(id, left, node)?;
        self.extend_container(id, right, node)?;
        self.state.note(id, |object| object.growth = Growth::Exact);
        self.resize_container(id);
        Ok(list)
    }

    /// A sequence of a type, again and again.
    pub(super) fn repeat_as(&mut self, kind: &str, items: &Value, count: &Amount, node: &impl Ranged) -> Eval {
        let length = self.length(items, node).unwrap_or(Amount::ZERO) * count.clone();
        match kind {
            "str" => {
                let width = self.width(items);
                let marks = self.marks(items).map(|marks| marks.times(count));
                Ok(self.new_str_with(width, length, marks, node))
            }
            "bytes" => Ok(self.new_bytes(length, node)),
            "bytearray" => {
                let unit = self.plain(items);
                let mut object = Object::new(Kind::ByteArray, self.sizes.bytearray(&length));
                let content = match (unit, count.as_usize()) {
                    (Some(Plain::Bytes(unit)), Some(count)) if self.follows_bytes(&length) => Some(unit.repeat(count)),
                    _ => None,
                };
                object.known = content.map(|content| Plain::Bytes(content.into()));
                object.length = Some(length);
                Ok(self.allocate(object, node))
            }
            other => {
                let kind = if other == "tuple" { Kind::Tuple } else { Kind::List };
                // The items are the same objects, however often they stand in it.
                let item = self.sample(items);
                let own = if kind == Kind::Tuple { self.sizes.tuple(&length) } else { self.sizes.list_exact(&length) };
                let mut object = Object::new(kind, own);
                object.growth = Growth::Exact;
                object.length = Some(length.clone());
                let payload = item.as_ref().map(|item| self.charge(item)).unwrap_or(Bytes::ZERO);
                object.rest =
                    Some(Box::new(Rest { count: length, value: item, payload, alike: true, ..Rest::default() }));
                Ok(self.allocate(object, node))
            }
        }
    }

    // ---- texts --------------------------------------------------------------------------------------------------------

    /// Bytes a character.
    pub(super) fn width(&self, value: &Value) -> u8 {
        match value {
            Value::Plain(Plain::Str(text)) => super::sizes::width_of(text),
            Value::Object(id) => match self.state.object(*id).map(|object| &object.kind) {
                Some(Kind::Str { width }) => *width,
                _ => 1,
            },
            _ => 1,
        }
    }

    /// Characters that a value takes as text.
    pub(super) fn text_length(&mut self, value: &Value, node: &impl Ranged) -> Amount {
        match value {
            Value::Plain(Plain::Str(text)) => Amount::from(text.chars().count()),
            Value::Plain(plain) => {
                let expr = Expr::Call(Text::from("str"), vec![Expr::Constant(plain.clone())], Vec::new());
                match self.exact(&expr) {
                    Some(Ok(Plain::Str(text))) => Amount::from(text.chars().count()),
                    _ => Amount::Int(16),
                }
            }
            Value::Float(float) => self.text_length(&Value::Plain(Plain::Float(*float)), node),
            Value::Number(Number { float: Some(float), .. }) => {
                self.text_length(&Value::Plain(Plain::Float(*float)), node)
            }
            Value::Number(number) => match (&number.kind, &number.amount) {
                (NumberKind::Bool, _) => Amount::Int(5),
                // As `repr` of most floats: 16 or 17 digits and a point.
                (NumberKind::Float, _) => Amount::Int(18),
                (NumberKind::Int, Some(Amount::Int(int))) => Amount::from(int.to_string().len()),
                (NumberKind::Int, Some(amount)) => self.digits(amount),
                // Of unknown value: as many digits as a count usually has.
                (NumberKind::Int, None) => Amount::Int(6),
            },
            Value::Object(id) => {
                let Some(object) = self.state.object(*id) else { return Amount::ZERO };
                match (&object.kind.clone(), &object.length.clone()) {
                    (Kind::Str { .. } | Kind::Bytes, Some(length)) => length.clone(),
                    (Kind::List | Kind::Tuple | Kind::Set | Kind::Dict | Kind::Deque, Some(length)) => {
                        let each = match self.sample(value) {
                            Some(item) if item.object() != Some(*id) => self.text_length(&item, node),
                            _ => Amount::Int(8),
                        };
                        length * &(each + Amount::Int(2)) + Amount::Int(2)
                    }
                    _ => Amount::Int(32),
                }
            }
            Value::Input(path) => Amount::symbol(&format!("len({path})")),
            Value::Code(_) => Amount::Int(32),
            Value::Unknown(_) => self.length(value, node).unwrap_or(Amount::Int(16)),
        }
    }

    /// Digits of an int: those of the last round, where it counts the rounds of a loop, which most of them have.
    fn digits(&self, amount: &Amount) -> Amount {
        match amount.substitute(&self.last_rounds) {
            Amount::Int(int) => Amount::from(int.to_string().len()),
            Amount::Formula(formula) => {
                // log10(v) = log2(v) * log10(2), to seven digits.
                let least = Formula::max(vec![formula, Formula::one()]);
                let scale = Formula::integer(3_010_300) / Formula::integer(10_000_000);
                ((least.log2() * scale).floor() + Formula::one()).into()
            }
        }
    }

    fn format_string(&mut self, string: &'p ast::ExprFString) -> Eval {
        let mut parts = Vec::new();
        let mut length = Amount::ZERO;
        let mut width = 1;
        let mut exact = true;
        let mut temporaries = Vec::new();
        let mut literals = Marks::none();
        for part in &string.value {
            match part {
                ast::FStringPart::Literal(literal) => {
                    length += Amount::from(literal.value.chars().count());
                    width = width.max(super::sizes::width_of(&literal.value));
                    literals = literals.and(Marks::of(&literal.value));
                    parts.push(FormatPart::Text(Text::from(&*literal.value)));
                }
                ast::FStringPart::FString(fstring) => {
                    for element in &fstring.elements {
                        match element {
                            ast::InterpolatedStringElement::Literal(literal) => {
                                length += Amount::from(literal.value.chars().count());
                                width = width.max(super::sizes::width_of(&literal.value));
                                literals = literals.and(Marks::of(&literal.value));
                                parts.push(FormatPart::Text(Text::from(&*literal.value)));
                            }
                            ast::InterpolatedStringElement::Interpolation(interpolation) => {
                                let value = self.expression(&interpolation.expression)?;
                                let specification = interpolation
                                    .format_spec
                                    .as_ref()
                                    .map(|spec| self.project.module(self.module()).source.slice(&**spec).to_owned());
                                let own = self.text_length(&value, &*interpolation.expression);
                                length += match specification.as_deref().and_then(minimal_width) {
                                    Some(least) => own.max(&Amount::Int(least)),
                                    None => own,
                                };
                                width = width.max(self.width(&value));
                                match (
                                    self.plain(&value),
                                    interpolation.format_spec.is_some(),
                                    interpolation.conversion,
                                ) {
                                    (Some(plain), plain_spec, ast::ConversionFlag::None)
                                        if !plain_spec || is_literal(specification.as_deref()) =>
                                    {
                                        let specification = specification
                                            .as_deref()
                                            .map(|text| {
                                                vec![FormatPart::Text(Text::from(text.trim_start_matches(':')))]
                                            })
                                            .unwrap_or_default();
                                        parts.push(FormatPart::Value {
                                            value: Expr::Constant(plain),
                                            conversion: None,
                                            specification,
                                        });
                                    }
                                    _ => exact = false,
                                }
                                self.state.keep(&value);
                                temporaries.push(value);
                            }
                        }
                    }
                }
            }
        }
        let short = length.as_int().is_some_and(|length| length < MAX_CONTENT as i128);
        let value = match (exact && short).then(|| self.exactly(&Expr::Format(parts), string)).flatten() {
            Some(Ok(value)) => value,
            _ => {
                let marks = self.marks_of_all(&temporaries).map(|marks| marks.and(literals));
                self.new_str_with(width, length, marks, string)
            }
        };
        for temporary in temporaries {
            self.state.unkeep(&temporary);
            self.settle_operands(&value, &[temporary]);
        }
        Ok(value)
    }

    // ---- displays -----------------------------------------------------------------------------------------------------

    fn display(&mut self, kind: Kind, elements: &'p [Ast], node: &'p Ast) -> Eval {
        // A tuple is often made to look something up, and kept by nobody.
        let is_kept = kind != Kind::Tuple;
        let container = self.new_container(kind, node);
        let Value::Object(id) = container else { return Ok(container) };
        self.state.keep(&container);
        for element in elements {
            let value = self.expression(element)?;
            if matches!(element, Ast::Starred(_)) {
                self.extend_container(id, &value, element)?;
                self.state.settle(&value);
            } else {
                self.push_item(id, None, value, element);
                if is_kept {
                    self.keep_numbers(element);
                }
            }
        }
        self.state.note(id, |object| object.growth = Growth::Exact);
        self.resize_container(id);
        self.state.unkeep(&container);
        Ok(container)
    }

    fn dict_display(&mut self, dict: &'p ast::ExprDict) -> Eval {
        let container = self.new_container(Kind::Dict, dict);
        let Value::Object(id) = container else { return Ok(container) };
        self.state.keep(&container);
        for item in &dict.items {
            match &item.key {
                Some(node) => {
                    let key = self.expression(node)?;
                    self.state.keep(&key);
                    let value = self.expression(&item.value)?;
                    self.state.unkeep(&key);
                    self.store(id, key, value, &item.value);
                    self.keep_numbers(node);
                    self.keep_numbers(&item.value);
                }
                None => {
                    let value = self.expression(&item.value)?;
                    self.update_dict(id, &value, &item.value)?;
                    self.state.settle(&value);
                }
            }
        }
        self.state.unkeep(&container);
        Ok(container)
    }

    // ---- subscripts -----------------------------------------------------------------------------------------------------

    pub(super) fn slice_bounds(&mut self, slice: &'p ast::ExprSlice) -> Result<[Option<Value>; 3], Flow> {
        let mut bounds = [None, None, None];
        for (slot, part) in bounds.iter_mut().zip([&slice.lower, &slice.upper, &slice.step]) {
            if let Some(part) = part {
                *slot = Some(self.expression(part)?);
            }
        }
        Ok(bounds)
    }

    fn subscript(&mut self, subscript: &'p ast::ExprSubscript) -> Eval {
        let receiver = self.expression(&subscript.value)?;
        self.state.keep(&receiver);
        let value = if self.is_array(&receiver) {
            self.index_array(&receiver, &subscript.slice, subscript)?
        } else if let Ast::Slice(slice) = &*subscript.slice {
            let bounds = self.slice_bounds(slice)?;
            self.slice(&receiver, &bounds, subscript)?
        } else {
            let key = self.expression(&subscript.slice)?;
            let value = self.item(&receiver, &key, subscript)?;
            self.settle_operands(&value, &[key]);
            value
        };
        self.state.unkeep(&receiver);
        self.settle_operands(&value, &[receiver]);
        Ok(value)
    }

    /// `receiver[start:stop:step]`
    fn slice(&mut self, receiver: &Value, bounds: &[Option<Value>; 3], node: &impl Ranged) -> Eval {
        let [start, stop, step] = bounds;
        let plains: Vec<Option<Plain>> =
            bounds.iter().map(|bound| bound.as_ref().map_or(Some(Plain::None), |bound| self.plain(bound))).collect();
        if let (Some(whole), [Some(start), Some(stop), Some(step)]) = (self.plain(receiver), plains.as_slice())
            && !matches!(whole, Plain::List(_) | Plain::Tuple(_))
        {
            let part = |plain: &Plain| Some(Box::new(Expr::Constant(plain.clone())));
            let expr = Expr::Slice {
                value: Box::new(Expr::Constant(whole)),
                start: part(start),
                stop: part(stop),
                step: part(step),
            };
            if let Some(value) = self.exactly(&expr, node) {
                return value;
            }
        }
        let Some(length) = self.length(receiver, node) else {
            return Ok(self.unknown(node, UnknownKind::Result, "a part of something unknown"));
        };
        let count = self.slice_length(&length, start.as_ref(), stop.as_ref(), step.as_ref(), node);
        if let Some(value) = self.sliced_input(receiver) {
            return Ok(value);
        }
        // `table[:10]`: the contract is asked with a slice that has a length.
        if self.has_operator(receiver, "__getitem__")
            && let Some(kind) = self.type_name(receiver)
        {
            let mut object = Object::new(Kind::Named(Text::from("slice")), super::sizes::object(56));
            object.length = Some(count);
            let part = self.allocate(object, node);
            let value = self.call_special((&kind, "__getitem__"), receiver, vec![part.clone()], node, "a part")?;
            self.settle_operands(&value, &[part]);
            return Ok(value);
        }
        match self.type_name(receiver).or_else(|| self.sequence_of(receiver)).as_deref() {
            Some("str") => {
                let width = self.width(receiver);
                Ok(self.new_str(width, count, node))
            }
            Some("bytes") => Ok(self.new_bytes(count, node)),
            Some("bytearray") => {
                let mut object = Object::new(Kind::ByteArray, self.sizes.bytearray(&count));
                object.length = Some(count);
                Ok(self.allocate(object, node))
            }
            Some("memoryview") => {
                let mut object = Object::new(Kind::MemoryView, super::sizes::object(184));
                object.length = Some(count);
                object.base.extend(receiver.object());
                Ok(self.allocate(object, node))
            }
            Some("list" | "tuple" | "deque") => {
                let kind = if self.type_name(receiver).as_deref() == Some("tuple") { Kind::Tuple } else { Kind::List };
                if let [Some(start), Some(stop), Some(step)] = plains.as_slice()
                    && let Some(items) = self.sliced_items(receiver, [start, stop, step])
                {
                    self.steps += items.len() as u64 / 4;
                    let items = items.into_iter().map(|item| self.read_of(receiver, item)).collect();
                    return Ok(self.sequence_with(kind, items, node));
                }
                let item = self.sample(receiver);
                let own = if kind == Kind::Tuple { self.sizes.tuple(&count) } else { self.sizes.list_exact(&count) };
                let mut object = Object::new(kind, own);
                object.growth = Growth::Exact;
                object.length = Some(count.clone());
                object.rest = Some(Box::new(Rest { count, value: item, ..Rest::default() }));
                Ok(self.allocate(object, node))
            }
            _ => Ok(self.unknown(node, UnknownKind::Result, "a part of something unknown")),
        }
    }

    /// How many items a slice has.
    pub(super) fn slice_length(
        &mut self,
        length: &Amount,
        start: Option<&Value>,
        stop: Option<&Value>,
        step: Option<&Value>,
        node: &impl Ranged,
    ) -> Amount {
        let position = |machine: &mut Self, bound: Option<&Value>, absent: Amount| -> Option<Amount> {
            let bound = match bound {
                None => return Some(absent),
                Some(value) if *value == Value::NONE => return Some(absent),
                Some(value) => machine.amount(value, node)?,
            };
            Some(match &bound {
                Amount::Int(known) if *known < 0 => (length.clone() + bound).at_least_zero(),
                _ => bound.min(length),
            })
        };
        let (Some(from), Some(to)) = (position(self, start, Amount::ZERO), position(self, stop, length.clone())) else {
            let most = Some(length.clone());
            return self.quantity(node, "len_slice", UnknownKind::Size, "the bounds of a slice are not known", most);
        };
        let span = (to - from).at_least_zero();
        match step.and_then(|step| self.amount(step, node)) {
            Some(Amount::Int(-1)) => length.clone(),
            Some(Amount::Int(step)) if step > 1 => span.ceil_div(&Amount::Int(step)).unwrap_or(span),
            _ => span,
        }
    }

    // ---- operators of objects ---------------------------------------------------------------------------------------------

    /// Operators of arrays and of the project's classes.
    fn special_operator(
        &mut self,
        operator: ast::Operator,
        left: &Value,
        right: &Value,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let name = match operator {
            ast::Operator::Add => "add",
            ast::Operator::Sub => "sub",
            ast::Operator::Mult => "mul",
            ast::Operator::MatMult => "matmul",
            ast::Operator::Div => "truediv",
            ast::Operator::Mod => "mod",
            ast::Operator::Pow => "pow",
            ast::Operator::LShift => "lshift",
            ast::Operator::RShift => "rshift",
            ast::Operator::BitOr => "or",
            ast::Operator::BitXor => "xor",
            ast::Operator::BitAnd => "and",
            ast::Operator::FloorDiv => "floordiv",
        };
        let kind = |value: &Value| self.state.object_of(value).map(|object| object.kind.clone());
        let kinds = [kind(left), kind(right)];
        if !kinds.iter().any(|kind| matches!(kind, Some(Kind::Instance(_) | Kind::Named(_)))) {
            return Ok(None);
        }
        let method = format!("__{name}__");
        for (receiver, other, prefix) in [(left, right, ""), (right, left, "r")] {
            if let Some(Kind::Instance(class)) = kinds[usize::from(!prefix.is_empty())]
                && let Some(function) = self.method_of(class, &format!("__{prefix}{name}__"))
            {
                let arguments = super::calls::Arguments::positional(vec![other.clone()]);
                return self.call_function(function, None, Some(receiver.clone()), arguments, node).map(Some);
            }
            // The contract of the operator itself covers both orders, as in `2 * array`.
            if self.is_array(receiver) {
                return self.operator_of_kind(receiver, &method, std::slice::from_ref(other), node).map(Some);
            }
        }
        if matches!(kinds[0], Some(Kind::Named(_))) {
            return self.operator_of_kind(left, &method, std::slice::from_ref(right), node).map(Some);
        }
        if self.has_operator(right, &method) {
            return self.operator_of_kind(right, &method, std::slice::from_ref(left), node).map(Some);
        }
        Ok(None)
    }

    /// `a == b` of arrays gives an array, and of what has `__lt__` by contract what that says.
    fn array_comparison(&mut self, left: &Value, right: &Value, node: &impl Ranged) -> Option<Value> {
        let compares = |value: &Value| self.is_array(value) || self.has_operator(value, "__lt__");
        // A table compared with an array is a table.
        let table = |value: &Value| !self.is_array(value) && compares(value);
        let (array, other) = match (compares(left) && (table(left) || !table(right)), compares(right)) {
            (true, _) => (left, right),
            (_, true) => (right, left),
            _ => return None,
        };
        if *other == Value::NONE {
            return None;
        }
        self.operator_of_kind(array, "__lt__", std::slice::from_ref(other), node).ok()
    }
}

/// A number that is known and of a size that is quick to compute with.
#[derive(Clone, Copy)]
pub(super) enum Quick {
    Int(i64),
    Float(f64),
}

impl Quick {
    pub(super) fn float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }
}

pub(super) fn quick(value: &Value) -> Option<Quick> {
    match value {
        Value::Plain(Plain::Int(int)) => int.to_i64().map(Quick::Int),
        Value::Number(Number { kind: NumberKind::Int, amount: Some(Amount::Int(int)), .. }) => {
            i64::try_from(*int).ok().map(Quick::Int)
        }
        _ => value.as_float().map(Quick::Float),
    }
}

/// Whether the compiler knows the value of an expression as it stands.
fn is_constant(expr: &Ast) -> bool {
    match expr {
        Ast::UnaryOp(operation) => matches!(&*operation.operand, Ast::NumberLiteral(_)),
        Ast::Tuple(tuple) => tuple.elts.iter().all(is_constant),
        other => other.is_literal_expr() && !other.is_ellipsis_literal_expr(),
    }
}

/// Digits of 30 bits.
fn digits(int: i64) -> u32 {
    (u64::BITS - int.unsigned_abs().leading_zeros()).div_ceil(30).max(1)
}

/// The result of an addition or a multiplication of operands of so many digits, for which `made` were made; operands of
/// one digit are worked out by the machine, and their result made to measure.
fn spare_int(result: i64, operands: [u32; 2], made: u32) -> Value {
    let spare = operands != [1, 1] && made > digits(result);
    Value::Number(Number { spare, ..Number::new(NumberKind::Int, Some(Amount::Int(result.into()))) })
}

/// Arithmetic of small known numbers, as Python does it: what the general way gives too, without its detours.
fn quick_arithmetic(operator: ast::Operator, left: &Value, right: &Value) -> Option<Value> {
    if let (Value::Number(Number { amount: Some(a), .. }), Value::Number(Number { amount: Some(b), .. })) =
        (left, right)
        && let Some(value) = large_arithmetic(operator, a, b)
    {
        return Some(value);
    }
    let int = |value: i64| Some(Value::int(Amount::Int(value.into())));
    let (a, b) = match (quick(left)?, quick(right)?) {
        (Quick::Int(a), Quick::Int(b)) => {
            let (x, y) = (digits(a), digits(b));
            return match operator {
                ast::Operator::Add => Some(spare_int(a.checked_add(b)?, [x, y], x.max(y) + 1)),
                ast::Operator::Sub => int(a.checked_sub(b)?),
                ast::Operator::Mult => Some(spare_int(a.checked_mul(b)?, [x, y], x + y)),
                ast::Operator::FloorDiv if b > 0 => int(a.div_euclid(b)),
                ast::Operator::Mod if b > 0 => int(a.rem_euclid(b)),
                // Exact only where both are floats exactly.
                ast::Operator::Div if b != 0 && a.abs() < (1 << 53) && b.abs() < (1 << 53) => {
                    Some(Value::Float(a as f64 / b as f64))
                }
                ast::Operator::BitAnd => int(a & b),
                ast::Operator::BitOr => int(a | b),
                ast::Operator::BitXor => int(a ^ b),
                ast::Operator::RShift if (0..64).contains(&b) => int(a >> b),
                _ => None,
            };
        }
        (Quick::Float(a), Quick::Float(b)) => (a, b),
        (Quick::Int(a), Quick::Float(b)) if a.abs() < (1 << 53) => (a as f64, b),
        (Quick::Float(a), Quick::Int(b)) if b.abs() < (1 << 53) => (a, b as f64),
        _ => return None,
    };
    let result = match operator {
        ast::Operator::Add => a + b,
        ast::Operator::Sub => a - b,
        ast::Operator::Mult => a * b,
        ast::Operator::Div if b != 0.0 => a / b,
        _ => return None,
    };
    Some(Value::Float(result))
}

/// Sums and products of ints beyond 128 bits, of which at least one is known to be that large.
fn large_arithmetic(operator: ast::Operator, a: &Amount, b: &Amount) -> Option<Value> {
    let int = |amount: &Amount| match amount {
        Amount::Int(int) => Some(BigInt::from(*int)),
        Amount::Formula(formula) => formula.as_number().filter(|number| number.is_integer()).map(|n| n.numer().clone()),
    };
    if matches!((a, b), (Amount::Int(_), Amount::Int(_))) {
        return None;
    }
    let (a, b) = (int(a)?, int(b)?);
    let result = match operator {
        ast::Operator::Add => a + b,
        ast::Operator::Sub => a - b,
        ast::Operator::Mult if a.bits() + b.bits() < (1 << 16) => a * b,
        _ => return None,
    };
    Some(Value::int(Amount::from(&result)))
}

/// A comparison of small known numbers.
fn quick_comparison(operator: ast::CmpOp, left: &Value, right: &Value) -> Option<bool> {
    let order = match (quick(left)?, quick(right)?) {
        (Quick::Int(a), Quick::Int(b)) => a.cmp(&b),
        (Quick::Float(a), Quick::Float(b)) => a.partial_cmp(&b)?,
        (Quick::Int(a), Quick::Float(b)) if a.abs() < (1 << 53) => (a as f64).partial_cmp(&b)?,
        (Quick::Float(a), Quick::Int(b)) if b.abs() < (1 << 53) => a.partial_cmp(&(b as f64))?,
        _ => return None,
    };
    Some(match operator {
        ast::CmpOp::Eq => order.is_eq(),
        ast::CmpOp::NotEq => order.is_ne(),
        ast::CmpOp::Lt => order.is_lt(),
        ast::CmpOp::LtE => order.is_le(),
        ast::CmpOp::Gt => order.is_gt(),
        ast::CmpOp::GtE => order.is_ge(),
        ast::CmpOp::Is | ast::CmpOp::IsNot | ast::CmpOp::In | ast::CmpOp::NotIn => return None,
    })
}

/// Whether a value is, or keeps, what it was read from.
fn holds_through(value: &Value, receiver: &Value) -> bool {
    matches!(value, Value::Code(Code::Bound(..) | Code::Method(..))) || value == receiver
}

/// The least width that a format specification asks for.
fn minimal_width(specification: &str) -> Option<i128> {
    let digits: String = specification
        .trim_start_matches(':')
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .trim_start_matches('0')
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if specification.contains('{') { None } else { digits.parse().ok() }
}

fn is_literal(specification: Option<&str>) -> bool {
    specification.is_none_or(|text| !text.contains('{'))
}

/// Characters of the directives of a `%` template.
fn directives(template: &str) -> usize {
    let mut total = 0;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        let directive = &rest[at + 1..];
        let end = directive.find(|c: char| c.is_ascii_alphabetic() || c == '%').map_or(directive.len(), |end| end + 1);
        // `%%` stands for one character.
        total += if directive.starts_with('%') { 1 } else { end + 1 };
        rest = directive.get(end..).unwrap_or("");
    }
    total
}
