//! The module `operator`, and methods of types that are called by their names: `key=itemgetter(1)`, `key=str.lower`.

use std::rc::Rc;

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use crate::expression::Value as Plain;

use super::calls::Arguments;
use super::machine::{Eval, Flow, Machine};
use super::value::{Code, NumberKind, Value};

/// Types whose methods are called by the type's name, with the object as their first argument.
const TYPES: [&str; 6] = ["str", "bytes", "list", "dict", "set", "tuple"];

impl Machine<'_> {
    /// Calls something of `operator`, or a method by the name of its type. None for what this does not know.
    pub(super) fn operator_function(
        &mut self,
        name: &str,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let Some((owner, function)) = name.split_once('.') else { return Ok(None) };
        let values = arguments.positional.as_slice();
        if owner != "operator" {
            let [receiver, rest @ ..] = values else { return Ok(None) };
            let is_method = TYPES.contains(&owner) && self.type_name(receiver).as_deref() == Some(owner);
            if !is_method || matches!(function, "fromkeys" | "maketrans" | "fromhex") {
                return Ok(None);
            }
            let rest = Arguments { positional: rest.to_vec(), ..arguments.clone() };
            return self.call_method(receiver, function, rest, node).map(Some);
        }
        let binary = match function {
            "add" | "concat" | "iadd" => Some(ast::Operator::Add),
            "sub" | "isub" => Some(ast::Operator::Sub),
            "mul" | "imul" => Some(ast::Operator::Mult),
            "truediv" => Some(ast::Operator::Div),
            "floordiv" => Some(ast::Operator::FloorDiv),
            "mod" => Some(ast::Operator::Mod),
            "pow" => Some(ast::Operator::Pow),
            "and_" => Some(ast::Operator::BitAnd),
            "or_" => Some(ast::Operator::BitOr),
            "xor" => Some(ast::Operator::BitXor),
            "lshift" => Some(ast::Operator::LShift),
            "rshift" => Some(ast::Operator::RShift),
            "matmul" => Some(ast::Operator::MatMult),
            _ => None,
        };
        let comparison = match function {
            "lt" => Some(ast::CmpOp::Lt),
            "le" => Some(ast::CmpOp::LtE),
            "eq" => Some(ast::CmpOp::Eq),
            "ne" => Some(ast::CmpOp::NotEq),
            "gt" => Some(ast::CmpOp::Gt),
            "ge" => Some(ast::CmpOp::GtE),
            "is_" => Some(ast::CmpOp::Is),
            "is_not" => Some(ast::CmpOp::IsNot),
            _ => None,
        };
        Ok(Some(match (function, values) {
            // What they make is called with the object behind what they were made with.
            ("itemgetter" | "attrgetter" | "methodcaller", [_, ..]) => {
                let made = Value::external(format!("operator.{function}()"));
                Value::Code(Code::Partial(
                    Box::new(made),
                    Rc::new(values.to_vec()),
                    Rc::new(arguments.keywords.clone()),
                ))
            }
            ("itemgetter()", [keys @ .., from]) => {
                self.each_of(keys, node, |machine, key| machine.item(from, key, node))?
            }
            ("attrgetter()", [names @ .., from]) => self.each_of(names, node, |machine, name| {
                let Some(Plain::Str(path)) = machine.plain(name) else { return Ok(Value::NONE) };
                path.split('.').try_fold(from.clone(), |value, name| machine.attribute(&value, name, node))
            })?,
            ("methodcaller()", [name, given @ .., from]) => {
                let Some(Plain::Str(name)) = self.plain(name) else { return Ok(None) };
                let given = Arguments { positional: given.to_vec(), ..arguments.clone() };
                self.call_method(from, &name, given, node)?
            }
            (_, [left, right]) if let Some(operator) = binary => self.binary(operator, left, right, node)?,
            (_, [left, right]) if let Some(operator) = comparison => match self.compare(operator, left, right, node) {
                Some(Ok(holds)) => Value::bool(holds),
                _ => Value::number(NumberKind::Bool),
            },
            ("getitem", [from, key]) => self.item(from, key, node)?,
            _ => return Ok(None),
        }))
    }

    /// One value, or a tuple of some.
    fn each_of(&mut self, names: &[Value], node: &impl Ranged, get: impl Fn(&mut Self, &Value) -> Eval) -> Eval {
        if let [name] = names {
            return get(self, name);
        }
        let mut found = Vec::new();
        for name in names {
            found.push(get(self, name)?);
        }
        Ok(self.tuple_of(found, node))
    }
}
