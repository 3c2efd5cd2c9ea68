//! Expressions.

use std::rc::Rc;

use num_bigint::BigInt;
use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::Ranged;

use crate::calls::Callee;
use crate::expression::{
    BinaryOperator, BooleanOperator, Clause, CompareOperator, ComprehensionKind, Expr, FormatPart, Target, Text,
    UnaryOperator, Value, library_constant,
};

use super::state::{Abstract, ObjectKind, Scope};
use super::statements::{container, key_text};
use super::{Atom, Block, Builder, McvKind, McvType, Node};
use crate::names::snake_case;

impl<'p> Builder<'p> {
    /// Reads an expression: writes down the calls that it makes, and says what is known of its value.
    pub(super) fn expression(&mut self, expr: &'p Ast) -> Abstract {
        match expr {
            Ast::BooleanLiteral(literal) => constant(Value::Bool(literal.value)),
            Ast::NoneLiteral(_) => Abstract::none(),
            Ast::NumberLiteral(literal) => match &literal.value {
                ast::Number::Int(int) => match int.to_string().parse::<BigInt>() {
                    Ok(int) => constant(Value::Int(int)),
                    Err(_) => self.opaque(expr),
                },
                ast::Number::Float(float) => constant(Value::Float(*float)),
                ast::Number::Complex { .. } => self.opaque(expr),
            },
            Ast::StringLiteral(literal) => constant(Value::Str(Text::from(literal.value.to_str()))),
            Ast::BytesLiteral(literal) => {
                let bytes: Vec<u8> = literal.value.bytes().collect();
                constant(Value::Bytes(bytes.into()))
            }
            Ast::EllipsisLiteral(_) | Ast::IpyEscapeCommand(_) => self.opaque(expr),
            Ast::Name(name) => self.name(name),
            Ast::Attribute(attribute) => self.attribute(attribute),
            Ast::Subscript(subscript) => self.subscript(subscript),
            Ast::Call(call) => self.call(call),
            Ast::BinOp(operation) => {
                let left = self.expression(&operation.left);
                let right = self.expression(&operation.right);
                self.binary(operation.op, &left, &right, operation)
            }
            Ast::UnaryOp(operation) => self.unary(operation),
            Ast::BoolOp(operation) => {
                let operator = match operation.op {
                    ast::BoolOp::And => BooleanOperator::And,
                    ast::BoolOp::Or => BooleanOperator::Or,
                };
                self.boolean(operator, &operation.values)
            }
            Ast::Compare(comparison) => self.comparison(comparison),
            Ast::If(ternary) => self.ternary(ternary),
            Ast::Named(named) => {
                let value = self.expression(&named.value);
                self.assign(&named.target, value.clone());
                match &*named.target {
                    Ast::Name(name) => self.name(name),
                    _ => value,
                }
            }
            Ast::List(list) => {
                let items = self.items(&list.elts);
                self.list(items, ObjectKind::List, expr)
            }
            Ast::Set(set) => {
                let items = self.items(&set.elts);
                let content = self.exprs(&items, expr).map(Expr::Set);
                let site = self.site("set", expr);
                self.allocate(site, container(ObjectKind::Set, content, None))
            }
            Ast::Tuple(tuple) => {
                let mut items = Vec::new();
                for (value, starred) in self.items(&tuple.elts) {
                    match (starred, value) {
                        (false, value) => items.push(value),
                        (true, Abstract::Tuple(more)) => items.extend(more.iter().cloned()),
                        (true, _) => return self.opaque(expr),
                    }
                }
                Abstract::Tuple(Rc::new(items))
            }
            Ast::Dict(dict) => self.dict(dict),
            Ast::FString(string) => {
                let mut parts = Vec::new();
                for part in &string.value {
                    match part {
                        ast::FStringPart::Literal(literal) => parts.push(FormatPart::Text(Text::from(&*literal.value))),
                        ast::FStringPart::FString(fstring) => self.format_parts(fstring.elements.iter(), &mut parts),
                    }
                }
                self.checked(Expr::Format(parts), expr)
            }
            Ast::TString(string) => {
                let mut parts = Vec::new();
                for part in &string.value {
                    self.format_parts(part.elements.iter(), &mut parts);
                }
                self.opaque(expr)
            }
            Ast::ListComp(comprehension) => {
                self.comprehension(ComprehensionKind::List, &comprehension.elt, None, &comprehension.generators, expr)
            }
            Ast::SetComp(comprehension) => {
                self.comprehension(ComprehensionKind::Set, &comprehension.elt, None, &comprehension.generators, expr)
            }
            Ast::Generator(comprehension) => self.comprehension(
                ComprehensionKind::Generator,
                &comprehension.elt,
                None,
                &comprehension.generators,
                expr,
            ),
            Ast::DictComp(comprehension) => self.comprehension(
                ComprehensionKind::Dict,
                &comprehension.value,
                comprehension.key.as_deref(),
                &comprehension.generators,
                expr,
            ),
            Ast::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    for default in parameters.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
                        self.expression(default);
                    }
                }
                match self.lambda_name(lambda) {
                    Some(name) => Abstract::Reference(name, self.defining_frame()),
                    None => self.opaque(expr),
                }
            }
            Ast::Await(awaited) => self.expression(&awaited.value),
            Ast::Yield(yielded) => {
                let value = match &yielded.value {
                    Some(value) => self.expression(value),
                    None => Abstract::none(),
                };
                if let Some(id) = self.here().and_then(|here| here.yields) {
                    self.append(id, &value, expr);
                }
                self.opaque(expr)
            }
            Ast::YieldFrom(yielded) => {
                let value = self.expression(&yielded.value);
                if let Some(id) = self.here().and_then(|here| here.yields) {
                    self.extend(id, &value, &yielded.value);
                }
                self.opaque(expr)
            }
            Ast::Starred(starred) => self.expression(&starred.value),
            Ast::Slice(slice) => {
                for part in [&slice.lower, &slice.upper, &slice.step].into_iter().flatten() {
                    self.expression(part);
                }
                self.opaque(expr)
            }
        }
    }

    /// An unknown that stands for an expression.
    pub(super) fn opaque(&mut self, node: &impl Ranged) -> Abstract {
        let hint = self.hint_of(node);
        Abstract::value(self.unknown(node, McvKind::ComputedCondition, McvType::Any, &hint, "value"))
    }

    pub(super) fn site(&self, what: &str, node: &impl Ranged) -> String {
        let range = node.range();
        format!("{what}@{}:{}", range.start().to_u32(), range.end().to_u32())
    }

    /// A value, unless its expression has grown beyond use.
    pub(super) fn checked(&mut self, expr: Expr, node: &impl Ranged) -> Abstract {
        if crate::expression::size(&expr) > super::MAX_VALUE { self.opaque(node) } else { Abstract::value(expr) }
    }

    // ---- names and attributes -------------------------------------------------------------------------------------

    fn name(&mut self, name: &'p ast::ExprName) -> Abstract {
        match self.lookup(&name.id) {
            Some(value) => value,
            None if crate::calls::is_builtin(&name.id) => Abstract::Reference(Text::from(name.id.as_str()), None),
            None => {
                let hint = snake_case(&name.id);
                Abstract::value(self.unknown(name, McvKind::ComputedCondition, McvType::Any, &hint, "name"))
            }
        }
    }

    /// What a name stands for in the running code.
    pub(super) fn lookup(&self, name: &str) -> Option<Abstract> {
        let here = self.here()?;
        let text = Text::from(name);
        if let Some(value) = self.state.get(&(here.scope.clone(), text.clone())) {
            return Some(value.clone());
        }
        if !here.names.global.contains(&text) {
            let mut parent = self.program.function(here.function).parent;
            while let Some(function) = parent {
                if let Some(frame) = self.latest_frame.get(&function)
                    && let Some(value) = self.state.get(&(Scope::Frame(*frame), text.clone()))
                {
                    return Some(value.clone());
                }
                parent = self.program.function(function).parent;
            }
        }
        self.state.get(&(self.module_scope(here.module), text)).cloned()
    }

    fn attribute(&mut self, attribute: &'p ast::ExprAttribute) -> Abstract {
        let receiver = self.expression(&attribute.value);
        let name = attribute.attr.as_str();
        match &receiver {
            Abstract::Object(id) => {
                let Some(object) = self.state.object(*id).cloned() else { return self.opaque(attribute) };
                if let Some(value) = object.fields.get(name) {
                    return value.clone();
                }
                if let ObjectKind::Instance(class) = &object.kind {
                    if let Some(value) = self.property(attribute, &receiver) {
                        return value;
                    }
                    if let Some(value) = self.state.get(&(Scope::Class(class.clone()), Text::from(name))) {
                        return value.clone();
                    }
                }
                self.opaque(attribute)
            }
            Abstract::Reference(owner, _) => {
                let key = Text::from(name);
                for scope in [Scope::Module(owner.clone()), Scope::Class(owner.clone())] {
                    if let Some(value) = self.state.get(&(scope, key.clone())) {
                        return value.clone();
                    }
                }
                let full = format!("{owner}.{name}");
                if let Some(value) = library_constant(&full) {
                    return constant(value);
                }
                if full == "os.environ" {
                    return Abstract::Reference(Text::from(full), None);
                }
                // A constant of a module that is not read is not data.
                if name.chars().any(char::is_lowercase) || self.by_name.contains_key(full.as_str()) {
                    Abstract::Reference(Text::from(full), None)
                } else {
                    let hint = snake_case(name);
                    let kind = McvKind::ComputedCondition;
                    Abstract::value(self.unknown(attribute, kind, McvType::Any, &hint, "constant"))
                }
            }
            Abstract::Value(expr) => match self.atom_of(expr) {
                Some(atom) => {
                    let hint = self.part_hint(atom, name);
                    self.may_fail(attribute, &["AttributeError"]);
                    Abstract::value(self.part(atom, &format!(".{name}"), hint, McvType::Any, attribute))
                }
                None => self.input_part(expr, &format!(".{name}"), attribute),
            },
            Abstract::Choice(chosen, options) => self.attribute_of_choice(attribute, chosen, options),
            Abstract::Tuple(_) => self.opaque(attribute),
        }
    }

    /// An attribute of one of several instances, where expressions can say each one's.
    fn attribute_of_choice(
        &mut self,
        attribute: &'p ast::ExprAttribute,
        chosen: &Expr,
        options: &[(Text, Abstract)],
    ) -> Abstract {
        let field = |builder: &Self, instance: &Abstract| match instance {
            Abstract::Object(id) => match builder.state.object(*id)?.fields.get(attribute.attr.as_str())? {
                Abstract::Value(expr) => Some((**expr).clone()),
                _ => None,
            },
            _ => None,
        };
        let fields: Option<Vec<(Text, Expr)>> =
            options.iter().map(|(class, instance)| Some((class.clone(), field(self, instance)?))).collect();
        let Some(((_, last), others)) = fields.as_deref().and_then(<[(Text, Expr)]>::split_last) else {
            return self.opaque(attribute);
        };
        let mut value = last.clone();
        for (class, field) in others.iter().rev() {
            if *field == value {
                continue;
            }
            let name = Expr::Constant(Value::Str(class.clone()));
            let test = Expr::Compare(Box::new(chosen.clone()), vec![(CompareOperator::Equal, name)]);
            value = Expr::If { test: Box::new(test), then: Box::new(field.clone()), otherwise: Box::new(value) };
        }
        self.checked(value, attribute)
    }

    /// Looks into something with an expression that the language of expressions cannot look into.
    fn input_part(&mut self, whole: &Expr, step: &str, node: &impl Ranged) -> Abstract {
        let kind = if self.is_opaque(whole) { McvKind::ComputedCondition } else { McvKind::Input };
        let hint = self.source_hint(node);
        let place = self.place(node);
        let meaning = self.source_text(node);
        Abstract::value(self.atom(format!("input/{whole}{step}"), || Atom {
            kind,
            type_: McvType::Any,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            data: false,
            made: 0,
        }))
    }

    /// A name made of the last two names of the source (`context.function_name` → `context_function_name`).
    pub(super) fn source_hint(&self, node: &impl Ranged) -> String {
        let text = self.source_text(node);
        let words: Vec<String> = text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_numeric()))
            .map(snake_case)
            .collect();
        let from = words.len().saturating_sub(2);
        if words.is_empty() { "value".to_owned() } else { words[from..].join("_") }
    }

    /// The name of a part of an unknown: its whole's name and its own.
    pub(super) fn part_hint(&self, whole: usize, name: &str) -> String {
        let part = snake_case(&name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect::<String>());
        let whole = self.atoms[whole].hint.trim_start_matches('=').to_owned();
        if whole == "value" || whole.is_empty() { part } else { format!("{whole}_{part}") }
    }

    fn subscript(&mut self, subscript: &'p ast::ExprSubscript) -> Abstract {
        let receiver = self.expression(&subscript.value);
        if let Ast::Slice(slice) = &*subscript.slice {
            return self.slice(&receiver, slice, subscript);
        }
        let index = self.expression(&subscript.slice);
        let value = self.item(&receiver, &index, subscript);
        // What is found by a constant key in what the handler made is there.
        let found =
            matches!(&receiver, Abstract::Tuple(_)) || !matches!(&value, Abstract::Value(expr) if self.is_opaque(expr));
        if !found {
            self.may_fail(subscript, &["KeyError", "IndexError", "TypeError"]);
        }
        value
    }

    fn item(&mut self, receiver: &Abstract, index: &Abstract, node: &'p ast::ExprSubscript) -> Abstract {
        if let (Abstract::Tuple(items), Abstract::Value(index)) = (receiver, index)
            && let Some(at) = small_index(index, items.len())
        {
            return items[at].clone();
        }
        let key = self.expr_of(index, &*node.slice);
        match receiver {
            Abstract::Reference(owner, _) if &**owner == "os.environ" => {
                if !self.would_catch("KeyError") {
                    return self.environment(&key, None, node);
                }
                // Whether it is set decides whether the clause runs.
                let none = || Expr::Constant(Value::None);
                let value = self.environment(&key, Some(none()), node);
                if let Abstract::Value(expr) = &value
                    && matches!(&**expr, Expr::Name(_))
                {
                    let unset = Expr::Compare(Box::new((**expr).clone()), vec![(CompareOperator::Is, none())]);
                    self.branch(unset, node, |builder| builder.raise(Text::from("KeyError"), node), |_| {});
                }
                return value;
            }
            Abstract::Object(id) => {
                let Some(object) = self.state.object(*id).cloned() else { return self.opaque(node) };
                if let Some(text) = key_text(&key)
                    && let Some(value) = object.fields.get(&text)
                {
                    return value.clone();
                }
                if let (Some(content), false) = (&object.content, self.is_opaque(&key)) {
                    return self.index(content, &key, node);
                }
                return self.opaque(node);
            }
            Abstract::Value(_) | Abstract::Reference(_, _) | Abstract::Tuple(_) | Abstract::Choice(..) => {}
        }
        let whole = self.expr_of(receiver, &*node.value);
        if let Some(atom) = self.atom_of(&whole)
            && !self.atoms[atom].data
        {
            return match &key {
                Expr::Constant(value) => {
                    let hint = match value {
                        Value::Str(text) => self.part_hint(atom, text),
                        _ => self.part_hint(atom, "item"),
                    };
                    Abstract::value(self.part(atom, &format!("[{key}]"), hint, McvType::Any, node))
                }
                _ => self.opaque(node),
            };
        }
        if self.is_opaque(&whole) || self.is_opaque(&key) {
            // A constant table indexed by an unknown, or a computed value: an expression of unknowns all the same.
            return match (&whole, self.is_opaque(&key)) {
                // One value of several: asked for once, however often it is read.
                (Expr::Name(_), false) if matches!(key, Expr::Constant(_)) => {
                    self.input_part(&whole, &format!("[{key}]"), node)
                }
                (Expr::Dict(_) | Expr::List(_) | Expr::Tuple(_), _) => self.index(&whole.clone(), &key, node),
                _ => self.opaque(node),
            };
        }
        self.index(&whole, &key, node)
    }

    /// `whole[key]`, looked up at once where both are displayed.
    fn index(&mut self, whole: &Expr, key: &Expr, node: &impl Ranged) -> Abstract {
        match whole {
            Expr::Dict(items) if matches!(key, Expr::Constant(_)) => {
                let found = items.iter().rev().find_map(|(other, value)| match other {
                    Some(other) if other == key => Some(Some(value)),
                    Some(Expr::Constant(_)) => None,
                    _ => Some(None),
                });
                if let Some(Some(value)) = found {
                    return Abstract::value(value.clone());
                }
            }
            Expr::List(items) | Expr::Tuple(items) => {
                if let Some(at) = small_index(key, items.len()) {
                    return Abstract::value(items[at].clone());
                }
            }
            _ => {}
        }
        self.checked(Expr::Index(Box::new(whole.clone()), Box::new(key.clone())), node)
    }

    fn slice(&mut self, receiver: &Abstract, slice: &'p ast::ExprSlice, node: &'p ast::ExprSubscript) -> Abstract {
        let bound = |builder: &mut Self, part: &'p Option<Box<Ast>>| {
            part.as_ref().map(|part| {
                let value = builder.expression(part);
                builder.expr_of(&value, &**part)
            })
        };
        let start = bound(self, &slice.lower);
        let stop = bound(self, &slice.upper);
        let step = bound(self, &slice.step);
        let value = self.expr_of(receiver, &*node.value);
        let opaque =
            self.is_opaque(&value) || [&start, &stop, &step].into_iter().flatten().any(|bound| self.is_opaque(bound));
        if opaque {
            return self.opaque(node);
        }
        let sliced = Expr::Slice {
            value: Box::new(value),
            start: start.map(Box::new),
            stop: stop.map(Box::new),
            step: step.map(Box::new),
        };
        self.checked(sliced, node)
    }

    /// An environment variable: known from the template, with the handler's default, or asked for.
    pub(super) fn environment(&mut self, key: &Expr, default: Option<Expr>, node: &impl Ranged) -> Abstract {
        let Some(name) = key_text(key) else { return self.opaque(node) };
        if let Some(value) = self.options.environment.get(&*name) {
            return constant(Value::Str(Text::from(value.as_str())));
        }
        let place = self.place(node);
        // The name is the variable's own; nothing else is called so.
        let hint = format!("env_{}", snake_case(&name.to_lowercase()));
        let meaning = format!("environment variable {name}");
        let default = default.filter(|default| !self.has_unknown(default));
        let type_ = match &default {
            Some(Expr::Constant(Value::None)) => McvType::OptionalStr,
            _ => McvType::Str,
        };
        // One variable of the environment is one unknown, wherever it is read. Defaults may differ.
        let site = format!("environment/{name}/{}", default.as_ref().map(ToString::to_string).unwrap_or_default());
        let key = (0, site);
        let id = match self.atom_sites.get(&key) {
            Some(id) => *id,
            None => {
                let id = self.atoms.len();
                let kind = McvKind::Environment;
                self.atoms.push(Atom { kind, type_, hint, meaning, place, default, owner: None, data: true, made: 0 });
                self.atom_sites.insert(key, id);
                id
            }
        };
        Abstract::value(Expr::Name(Text::from(format!("?{id}"))))
    }

    // ---- operators ------------------------------------------------------------------------------------------------

    pub(super) fn binary(
        &mut self,
        operator: ast::Operator,
        left: &Abstract,
        right: &Abstract,
        node: &impl Ranged,
    ) -> Abstract {
        if let (Abstract::Tuple(a), Abstract::Tuple(b), ast::Operator::Add) = (left, right, operator) {
            return Abstract::Tuple(Rc::new(a.iter().chain(b.iter()).cloned().collect()));
        }
        let operator = match operator {
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
            ast::Operator::MatMult => return self.opaque(node),
        };
        let length = match (operator, self.length_of(left), self.length_of(right)) {
            (BinaryOperator::Add, Some(a), Some(b)) => Some(sum_of(a, b)),
            _ => None,
        };
        let (a, b) = (self.expr_of(left, node), self.expr_of(right, node));
        let value = Expr::Binary(operator, Box::new(a), Box::new(b));
        if let Some(length) = length
            && matches!((left, right), (Abstract::Object(_), Abstract::Object(_)))
        {
            let content = (!self.is_opaque(&value)).then_some(value);
            let site = self.site("sum", node);
            return self.allocate(site, container(ObjectKind::List, content, Some(length)));
        }
        if self.has_unknown(&value) {
            self.may_fail(node, &["TypeError", "ZeroDivisionError", "ValueError"]);
        }
        self.checked(value, node)
    }

    fn unary(&mut self, operation: &'p ast::ExprUnaryOp) -> Abstract {
        let value = self.expression(&operation.operand);
        let operator = match operation.op {
            ast::UnaryOp::Not => {
                let condition = self.truth(&value, &operation.operand);
                return Abstract::value(negate(condition));
            }
            ast::UnaryOp::USub => UnaryOperator::Minus,
            ast::UnaryOp::UAdd => UnaryOperator::Plus,
            ast::UnaryOp::Invert => UnaryOperator::Invert,
        };
        let expr = self.expr_of(&value, &*operation.operand);
        match (operator, &expr) {
            (UnaryOperator::Minus, Expr::Constant(Value::Int(int))) => constant(Value::Int(-int)),
            (UnaryOperator::Minus, Expr::Constant(Value::Float(float))) => constant(Value::Float(-float)),
            _ => self.checked(Expr::Unary(operator, Box::new(expr)), operation),
        }
    }

    /// `a and b`, `a or b`: later operands run only on a path of their own.
    fn boolean(&mut self, operator: BooleanOperator, operands: &'p [Ast]) -> Abstract {
        let Some((first, rest)) = operands.split_first() else { return Abstract::none() };
        let left = self.expression(first);
        if rest.is_empty() {
            return left;
        }
        let decided = self.truth(&left, first);
        let left = self.expr_of(&left, first);
        let (mut by_then, mut by_else) = (None, None);
        let and = operator == BooleanOperator::And;
        let rest_of = |builder: &mut Self, right: &mut Option<Expr>| {
            let value = builder.boolean(operator, rest);
            *right = rest.first().map(|node| builder.expr_of(&value, node));
        };
        self.branch(
            decided.clone(),
            first,
            |builder| {
                if and {
                    rest_of(builder, &mut by_then);
                }
            },
            |builder| {
                if !and {
                    rest_of(builder, &mut by_else);
                }
            },
        );
        let right = by_then.or(by_else);
        if let (Expr::Constant(_), Some(right)) = (&decided, &right) {
            // The first operand does not decide.
            return Abstract::value(right.clone());
        }
        // An operand that is unknown decides by its truth.
        let left = if self.is_opaque(&left) { decided } else { left };
        let mut parts = vec![left];
        match right {
            Some(Expr::Boolean(inner, more)) if inner == operator => parts.extend(more),
            Some(expr) => parts.push(expr),
            // The branch that would read the rest is never taken.
            None => return Abstract::value(parts.swap_remove(0)),
        }
        self.checked(Expr::Boolean(operator, parts), first)
    }

    fn ternary(&mut self, ternary: &'p ast::ExprIf) -> Abstract {
        let condition = self.condition(&ternary.test);
        let (mut then, mut otherwise) = (None, None);
        let at = self.place(ternary);
        let joined = self.branch_values(
            condition.clone(),
            ternary,
            |builder| then = Some(builder.expression(&ternary.body)),
            |builder| otherwise = Some(builder.expression(&ternary.orelse)),
        );
        match (then, otherwise) {
            (Some(then), None) => then,
            (None, Some(otherwise)) => otherwise,
            (Some(then), Some(otherwise)) => {
                if let (Abstract::Value(a), Abstract::Value(b)) = (&then, &otherwise) {
                    if a == b {
                        return then;
                    }
                    let value = Expr::If {
                        test: Box::new(condition),
                        then: Box::new((**a).clone()),
                        otherwise: Box::new((**b).clone()),
                    };
                    return self.checked(value, ternary);
                }
                let Some((then_slot, else_slot)) = joined else { return then };
                let state = self.state.clone();
                let values = [(then, then_slot, &state), (otherwise, else_slot, &state)];
                let key = self.site("ternary", ternary);
                match self.join_values(&values, &key, "value", &at) {
                    Some(value) => value,
                    None => self.opaque(ternary),
                }
            }
            (None, None) => self.opaque(ternary),
        }
    }

    fn comparison(&mut self, comparison: &'p ast::ExprCompare) -> Abstract {
        let left = self.expression(&comparison.left);
        if let Some(value) = self.identity(&left, comparison) {
            return value;
        }
        let mut left = (self.operand(&left, &comparison.left), self.length_of(&left));
        let first = left.0.clone();
        let mut rest = Vec::new();
        let mut previous: &'p Ast = &comparison.left;
        for (operator, node) in comparison.ops.iter().zip(&comparison.comparators) {
            let value = self.expression(node);
            if let (Abstract::Reference(owner, _), ast::CmpOp::In | ast::CmpOp::NotIn, 1) =
                (&value, operator, comparison.ops.len())
                && &**owner == "os.environ"
            {
                let operator = if *operator == ast::CmpOp::In { CompareOperator::IsNot } else { CompareOperator::Is };
                return self.is_set(&left.0, operator, comparison);
            }
            let right = (self.operand(&value, node), self.length_of(&value));
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
            let asks_none = matches!(operator, CompareOperator::Is | CompareOperator::IsNot)
                && right.0 == Expr::Constant(Value::None)
                && matches!(&left.0, Expr::Name(name) if super::bound_index(name).is_some());
            if (self.is_opaque(&left.0) || self.is_opaque(&right.0)) && !asks_none {
                // What cannot be asked of a number or a text is asked as a whole.
                let negative = matches!(operator, CompareOperator::NotIn | CompareOperator::IsNot);
                if matches!(
                    operator,
                    CompareOperator::In | CompareOperator::NotIn | CompareOperator::Is | CompareOperator::IsNot
                ) || !comparable(&left.0)
                    || !comparable(&right.0)
                {
                    let fact = self.fact(&left.0, operator, &right.0, previous, node, comparison);
                    return Abstract::value(if negative { negate(fact) } else { fact });
                }
            }
            rest.push((operator, right.0.clone()));
            left = right;
            previous = node;
        }
        let expr = Expr::Compare(Box::new(first), rest);
        if matches!(&expr, Expr::Compare(left, rest)
            if matches!(**left, Expr::Constant(_)) && rest.iter().all(|(_, right)| matches!(right, Expr::Constant(_))))
        {
            return self.folded(expr, comparison);
        }
        self.checked(expr, comparison)
    }

    /// A side of a comparison. What a name of another module stands for is not known, and is not its name.
    fn operand(&mut self, value: &Abstract, node: &'p Ast) -> Expr {
        let value = match value {
            Abstract::Reference(_, _) => self.opaque(node),
            value => value.clone(),
        };
        self.expr_of(&value, node)
    }

    /// `x is None` and `x is not None` of what cannot be `None`: what the project defines or the handler makes.
    fn identity(&mut self, left: &Abstract, comparison: &'p ast::ExprCompare) -> Option<Abstract> {
        let ([operator @ (ast::CmpOp::Is | ast::CmpOp::IsNot)], [Ast::NoneLiteral(_)]) =
            (&*comparison.ops, &*comparison.comparators)
        else {
            return None;
        };
        let never = match left {
            Abstract::Tuple(_) => true,
            Abstract::Reference(..) => self.is_definition(left),
            // A loop may bind the name of a container's content to anything.
            Abstract::Object(id) => self.state.object(*id).is_some_and(|object| {
                matches!(object.kind, ObjectKind::Instance(_))
                    || !matches!(object.content.as_deref(), Some(Expr::Name(_)))
            }),
            Abstract::Choice(..) => true,
            Abstract::Value(expr) => self.is_never_none(expr, &self.state),
        };
        never.then(|| Self::truth_value(*operator == ast::CmpOp::IsNot))
    }

    /// Whether a value is a function, class or module: true, and never `None`.
    pub(super) fn is_definition(&self, value: &Abstract) -> bool {
        let Abstract::Reference(name, _) = value else { return false };
        self.by_name.contains_key(&**name)
            || self.class_by_name.contains_key(&**name)
            || self.project.find(name).is_some()
            || crate::calls::is_builtin(name)
            || !name.contains('.')
    }

    /// `name in os.environ`.
    fn is_set(&mut self, name: &Expr, operator: CompareOperator, node: &impl Ranged) -> Abstract {
        let none = || Expr::Constant(Value::None);
        let value = self.environment(name, Some(none()), node);
        let value = self.expr_of(&value, node);
        let test = Expr::Compare(Box::new(value.clone()), vec![(operator, none())]);
        if matches!(value, Expr::Constant(_)) { self.folded(test, node) } else { self.checked(test, node) }
    }

    /// An expression without names, computed now.
    fn folded(&mut self, expr: Expr, node: &impl Ranged) -> Abstract {
        let value = crate::expression::partial(&expr, &|_: &str| None);
        self.checked(value, node)
    }

    /// A yes-or-no unknown for a comparison with something that is not a number or text.
    fn fact(
        &mut self,
        left: &Expr,
        operator: CompareOperator,
        right: &Expr,
        left_node: &'p Ast,
        right_node: &'p Ast,
        node: &impl Ranged,
    ) -> Expr {
        let word = match operator {
            CompareOperator::In | CompareOperator::NotIn => "in",
            CompareOperator::Is | CompareOperator::IsNot => "is",
            CompareOperator::Equal => "equals",
            CompareOperator::NotEqual => "differs_from",
            CompareOperator::Less | CompareOperator::LessEqual => "below",
            CompareOperator::Greater | CompareOperator::GreaterEqual => "above",
        };
        let name = |builder: &Self, expr: &Expr, node: &'p Ast| match expr {
            Expr::Constant(Value::Str(text)) => {
                let clean: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).take(30).collect();
                snake_case(&clean)
            }
            Expr::Constant(Value::None) => "none".to_owned(),
            Expr::Constant(Value::Bool(true)) => "true".to_owned(),
            Expr::Constant(Value::Bool(false)) => "false".to_owned(),
            other => match builder.atom_of(other) {
                Some(atom) => builder.atoms[atom].hint.trim_start_matches('=').to_owned(),
                None => builder.hint_of(node),
            },
        };
        let hint = format!("{}_{word}_{}", name(self, left, left_node), name(self, right, right_node));
        let place = self.place(node);
        let meaning = self.source_text(node);
        let kind = self.kind_of(left).or_else(|| self.kind_of(right)).unwrap_or(McvKind::ComputedCondition);
        let made = self.youngest(left).max(self.youngest(right));
        let fact = self.atom(format!("fact/{left} {word} {right}"), || Atom {
            kind,
            type_: McvType::Bool,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            data: false,
            made: 0,
        });
        if let Some(id) = self.atom_of(&fact) {
            self.atoms[id].made = made;
        }
        fact
    }

    /// The kind of the first unknown in an expression that says more than "computed".
    fn kind_of(&self, expr: &Expr) -> Option<McvKind> {
        let mut kind = None;
        crate::expression::visit_names(expr, &mut |name| {
            if let Some(atom) = super::atom_index(name).and_then(|id| self.atoms.get(id))
                && kind.is_none()
                && matches!(atom.kind, McvKind::Input | McvKind::State)
            {
                kind = Some(atom.kind);
            }
        });
        kind
    }

    /// When the youngest unknown of an expression was made.
    fn youngest(&self, expr: &Expr) -> usize {
        let mut youngest = 0;
        crate::expression::visit_names(expr, &mut |name| {
            if let Some(atom) = super::atom_index(name).and_then(|id| self.atoms.get(id)) {
                youngest = youngest.max(atom.made);
            }
        });
        youngest
    }

    /// An expression as a condition.
    pub(super) fn condition(&mut self, expr: &'p Ast) -> Expr {
        let value = self.expression(expr);
        self.truth(&value, expr)
    }

    /// Whether a value counts as true.
    pub(super) fn truth(&mut self, value: &Abstract, node: &'p Ast) -> Expr {
        if let Some(length) = self.length_of(value) {
            return match &length {
                Expr::Constant(Value::Int(int)) => Expr::Constant(Value::Bool(*int > BigInt::from(0))),
                _ => Expr::Compare(
                    Box::new(length),
                    vec![(CompareOperator::Greater, Expr::Constant(Value::Int(BigInt::from(0))))],
                ),
            };
        }
        match value {
            Abstract::Reference(_, _) if self.is_definition(value) => return Expr::Constant(Value::Bool(true)),
            Abstract::Reference(_, _) => {
                let unknown = self.opaque(node);
                return self.expr_of(&unknown, node);
            }
            Abstract::Object(id) => {
                if let Some(object) = self.state.object(*id)
                    && matches!(object.kind, ObjectKind::Instance(_))
                {
                    return Expr::Constant(Value::Bool(true));
                }
            }
            Abstract::Choice(..) => return Expr::Constant(Value::Bool(true)),
            Abstract::Value(expr) if self.is_always_true(expr, &self.state) => {
                return Expr::Constant(Value::Bool(true));
            }
            Abstract::Value(_) | Abstract::Tuple(_) => {}
        }
        let expr = self.expr_of(value, node);
        crate::expression::partial(&expr, &|_: &str| None)
    }

    // ---- displays ---------------------------------------------------------------------------------------------------

    fn items(&mut self, elements: &'p [Ast]) -> Vec<(Abstract, bool)> {
        elements.iter().map(|element| (self.expression(element), matches!(element, Ast::Starred(_)))).collect()
    }

    /// The items as expressions, if none is starred.
    fn exprs(&mut self, items: &[(Abstract, bool)], node: &impl Ranged) -> Option<Vec<Expr>> {
        items.iter().map(|(item, starred)| (!starred).then(|| self.expr_of(item, node))).collect()
    }

    pub(super) fn list(&mut self, items: Vec<(Abstract, bool)>, kind: ObjectKind, node: &impl Ranged) -> Abstract {
        let plain = items.iter().all(|(_, starred)| !starred);
        let length = plain.then(|| Expr::Constant(Value::Int(items.len().into())));
        let content = self.exprs(&items, node).map(Expr::List);
        let site = self.site("list", node);
        self.allocate(site, container(kind, content, length))
    }

    fn dict(&mut self, dict: &'p ast::ExprDict) -> Abstract {
        let mut items = Vec::new();
        let mut fields = std::collections::BTreeMap::new();
        for item in &dict.items {
            let key = item.key.as_ref().map(|key| {
                let value = self.expression(key);
                self.expr_of(&value, key)
            });
            let value = self.expression(&item.value);
            match (&key, &value) {
                (Some(key), Abstract::Object(_) | Abstract::Reference(_, _) | Abstract::Tuple(_)) => {
                    if let Some(text) = key_text(key) {
                        fields.insert(text, value.clone());
                    }
                }
                (None, _) => fields.clear(),
                _ => {}
            }
            let value = self.expr_of(&value, &item.value);
            items.push((key, value));
        }
        let length = items
            .iter()
            .all(|(key, _)| matches!(key, Some(Expr::Constant(_))))
            .then(|| Expr::Constant(Value::Int(items.len().into())));
        let mut object = container(ObjectKind::Dict, Some(Expr::Dict(items)), length);
        object.fields = fields;
        let site = self.site("dict", dict);
        self.allocate(site, object)
    }

    fn format_parts(
        &mut self,
        elements: impl Iterator<Item = &'p ast::InterpolatedStringElement>,
        parts: &mut Vec<FormatPart>,
    ) {
        for element in elements {
            match element {
                ast::InterpolatedStringElement::Literal(literal) => {
                    parts.push(FormatPart::Text(Text::from(&*literal.value)));
                }
                ast::InterpolatedStringElement::Interpolation(interpolation) => {
                    let value = self.expression(&interpolation.expression);
                    let value = self.expr_of(&value, &*interpolation.expression);
                    let mut specification = Vec::new();
                    if let Some(spec) = &interpolation.format_spec {
                        self.format_parts(spec.elements.iter(), &mut specification);
                    }
                    let mut conversion = match interpolation.conversion {
                        ast::ConversionFlag::None => None,
                        ast::ConversionFlag::Str => Some('s'),
                        ast::ConversionFlag::Ascii => Some('a'),
                        ast::ConversionFlag::Repr => Some('r'),
                    };
                    if let Some(debug) = &interpolation.debug_text {
                        let text = self.project.module(self.module()).source.slice(&*interpolation.expression);
                        let text = format!("{}{text}{}", debug.leading(), debug.trailing());
                        parts.push(FormatPart::Text(Text::from(text)));
                        if conversion.is_none() && specification.is_empty() {
                            conversion = Some('r');
                        }
                    }
                    parts.push(FormatPart::Value { value, conversion, specification });
                }
            }
        }
    }

    // ---- comprehensions ---------------------------------------------------------------------------------------------

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: &'p Ast,
        key: Option<&'p Ast>,
        generators: &'p [ast::Comprehension],
        node: &'p Ast,
    ) -> Abstract {
        let mut clauses = Vec::new();
        let mut parts = None;
        let mut counts = Vec::new();
        let saved: Vec<(super::Variable, Option<Abstract>)> = generators
            .iter()
            .flat_map(|generator| target_names(&generator.target))
            .map(|name| {
                let variable = self.variable(name);
                let value = self.state.get(&variable).cloned();
                (variable, value)
            })
            .collect();
        self.comprehension_clause(element, key, generators, &mut clauses, &mut counts, &mut parts);
        for (variable, value) in saved {
            match value {
                Some(value) => self.state.set(variable, value),
                None => self.state.remove(&variable),
            }
        }
        let Some((element, key)) = parts else { return self.opaque(node) };
        let clear = |expr: &Expr| !self.is_opaque(expr);
        let derivable = clear(&element)
            && key.as_ref().is_none_or(clear)
            && clauses.iter().all(|clause: &Option<Clause>| {
                clause.as_ref().is_some_and(|clause| clear(&clause.iterable) && clause.conditions.iter().all(clear))
            });
        // Which items are kept may be known where what they become is not.
        let kept = clauses.iter().cloned().collect::<Option<Vec<Clause>>>().filter(|clauses| {
            clauses.iter().all(|clause| clear(&clause.iterable) && clause.conditions.iter().all(clear))
        });
        let length = match (kind, counts.as_slice(), &kept) {
            (ComprehensionKind::List | ComprehensionKind::Generator, [Some(count)], _) => Some(count.clone()),
            (ComprehensionKind::List | ComprehensionKind::Generator, _, Some(clauses)) => {
                let one = Expr::Constant(Value::Int(BigInt::from(1)));
                let ones = Expr::Comprehension {
                    kind: ComprehensionKind::List,
                    element: Box::new(one),
                    key: None,
                    clauses: clauses.clone(),
                };
                Some(Expr::Call(Text::from("len"), vec![ones], Vec::new()))
            }
            _ => None,
        };
        if derivable && let Some(clauses) = clauses.into_iter().collect::<Option<Vec<_>>>() {
            let value = Expr::Comprehension { kind, element: Box::new(element), key: key.map(Box::new), clauses };
            return self.checked(value, node);
        }
        let site = self.site("comprehension", node);
        let kind = match kind {
            ComprehensionKind::List | ComprehensionKind::Generator => ObjectKind::List,
            ComprehensionKind::Set => ObjectKind::Set,
            ComprehensionKind::Dict => ObjectKind::Dict,
        };
        self.allocate(site, container(kind, None, length))
    }

    #[allow(clippy::too_many_arguments)]
    fn comprehension_clause(
        &mut self,
        element: &'p Ast,
        key: Option<&'p Ast>,
        generators: &'p [ast::Comprehension],
        clauses: &mut Vec<Option<Clause>>,
        counts: &mut Vec<Option<Expr>>,
        parts: &mut Option<(Expr, Option<Expr>)>,
    ) {
        let Some((generator, rest)) = generators.split_first() else {
            let key = key.map(|key| {
                let value = self.expression(key);
                self.expr_of(&value, key)
            });
            let value = self.expression(element);
            *parts = Some((self.expr_of(&value, element), key));
            return;
        };
        let iterable = self.expression(&generator.iter);
        let source = self.iteration(&iterable, &generator.target, &generator.iter);
        // The number of items is that of what is iterated, unless conditions drop some.
        counts.push(generator.ifs.is_empty().then(|| source.count.clone()));
        let mut conditions = Vec::new();
        let body = self.block(|builder| {
            builder.bind_iteration(&source, &generator.target);
            builder.filter(&generator.ifs, &mut conditions, |builder| {
                builder.comprehension_clause(element, key, rest, clauses, counts, parts);
            });
        });
        clauses.insert(
            0,
            source.native.as_ref().map(|target| Clause {
                target: target.clone(),
                iterable: source.iterable.clone(),
                conditions,
            }),
        );
        let at = self.place(&generator.target);
        self.emit(Node::For {
            target: source.target(),
            iterable: source.over(),
            body,
            otherwise: Block::default(),
            at,
        });
    }

    /// Reads the conditions of a comprehension, then what they admit.
    fn filter(&mut self, ifs: &'p [Ast], conditions: &mut Vec<Expr>, then: impl FnOnce(&mut Self)) {
        let Some((first, rest)) = ifs.split_first() else { return then(self) };
        let condition = self.condition(first);
        conditions.push(condition.clone());
        self.branch(condition, first, |builder| builder.filter(rest, conditions, then), |_| {});
    }

    /// A property of a project's class: its getter is followed.
    fn property(&mut self, attribute: &'p ast::ExprAttribute, receiver: &Abstract) -> Option<Abstract> {
        let module = self.module();
        let callees = self.program.implicit_callees(module, attribute.range());
        let function = callees.iter().find_map(|callee| match callee {
            Callee::Function { function, .. } => Some(*function),
            _ => None,
        })?;
        Some(self.follow_method(function, receiver.clone(), attribute))
    }
}

/// The names that an assignment target binds.
pub(super) fn target_names(target: &Ast) -> Vec<&str> {
    match target {
        Ast::Name(name) => vec![name.id.as_str()],
        Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
            elts.iter().flat_map(target_names).collect()
        }
        Ast::Starred(starred) => target_names(&starred.value),
        _ => Vec::new(),
    }
}

pub(super) fn constant(value: Value) -> Abstract {
    Abstract::value(Expr::Constant(value))
}

/// Whether a value with unknowns in it can be compared as a number or a text.
fn comparable(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_) | Expr::Unary(..) | Expr::Binary(..) | Expr::Call(..) | Expr::If { .. } | Expr::Index(..) => true,
        Expr::Constant(value) => {
            matches!(value, Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Bool(_) | Value::Bytes(_))
        }
        Expr::Method(..) | Expr::Format(_) | Expr::Slice { .. } => true,
        Expr::Boolean(..)
        | Expr::Compare(..)
        | Expr::List(_)
        | Expr::Tuple(_)
        | Expr::Set(_)
        | Expr::Dict(_)
        | Expr::Comprehension { .. } => false,
    }
}

/// `a + b`, added up where both are numbers.
pub(super) fn sum_of(a: Expr, b: Expr) -> Expr {
    match (&a, &b) {
        (Expr::Constant(Value::Int(x)), Expr::Constant(Value::Int(y))) => Expr::Constant(Value::Int(x + y)),
        (Expr::Constant(Value::Int(zero)), _) if *zero == BigInt::from(0) => b,
        (_, Expr::Constant(Value::Int(zero))) if *zero == BigInt::from(0) => a,
        _ => Expr::Binary(BinaryOperator::Add, Box::new(a), Box::new(b)),
    }
}

/// `not condition`, simplified.
pub(super) fn negate(condition: Expr) -> Expr {
    match condition {
        Expr::Unary(UnaryOperator::Not, inner) if is_boolean(&inner) => *inner,
        Expr::Constant(Value::Bool(value)) => Expr::Constant(Value::Bool(!value)),
        Expr::Compare(left, rest) if rest.len() == 1 => {
            let negated = |operator: CompareOperator| match operator {
                CompareOperator::Equal => Some(CompareOperator::NotEqual),
                CompareOperator::NotEqual => Some(CompareOperator::Equal),
                CompareOperator::In => Some(CompareOperator::NotIn),
                CompareOperator::NotIn => Some(CompareOperator::In),
                CompareOperator::Is => Some(CompareOperator::IsNot),
                CompareOperator::IsNot => Some(CompareOperator::Is),
                // Not for orders: `not a < b` is not `a >= b` where one is not a number.
                CompareOperator::Less
                | CompareOperator::LessEqual
                | CompareOperator::Greater
                | CompareOperator::GreaterEqual => None,
            };
            match negated(rest[0].0) {
                Some(operator) => {
                    let right = rest.into_iter().next().map(|(_, right)| (operator, right));
                    Expr::Compare(left, right.into_iter().collect())
                }
                None => Expr::Unary(UnaryOperator::Not, Box::new(Expr::Compare(left, rest))),
            }
        }
        other => Expr::Unary(UnaryOperator::Not, Box::new(other)),
    }
}

fn is_boolean(expr: &Expr) -> bool {
    matches!(expr, Expr::Compare(..) | Expr::Unary(UnaryOperator::Not, _) | Expr::Constant(Value::Bool(_)))
}

/// A constant index into something of a known length.
fn small_index(index: &Expr, length: usize) -> Option<usize> {
    let Expr::Constant(Value::Int(index)) = index else { return None };
    let index = i64::try_from(index).ok()?;
    let length = i64::try_from(length).ok()?;
    let at = if index < 0 { index + length } else { index };
    usize::try_from(at).ok().filter(|at| (*at as u64) < length.unsigned_abs())
}

/// What a loop binds when no expression can say it.
pub(super) fn unused_target() -> Target {
    Target::Name(Text::from("_"))
}
