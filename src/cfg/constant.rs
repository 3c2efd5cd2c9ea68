//! Conditions that CPython's compiler decides.

use ruff_python_ast::{Expr, Number, Operator, UnaryOp};

/// Whether a condition is constant to CPython's compiler, and holds: literals, `__debug__`, and `not`, signs,
/// tuples and whole-number arithmetic of these. (Lists, comparisons and f-strings of constants are not folded into a jump by any version.)
pub(super) fn truth(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::BooleanLiteral(node) => Some(node.value),
        Expr::NoneLiteral(_) => Some(false),
        Expr::EllipsisLiteral(_) => Some(true),
        Expr::NumberLiteral(node) => Some(match &node.value {
            Number::Int(value) => *value != 0_u8,
            Number::Float(value) => *value != 0.0,
            Number::Complex { real, imag } => *real != 0.0 || *imag != 0.0,
        }),
        Expr::StringLiteral(node) => Some(!node.value.is_empty()),
        Expr::BytesLiteral(node) => Some(node.value.iter().any(|part| !part.value.is_empty())),
        Expr::Tuple(node) => node.elts.iter().all(is_constant).then_some(!node.elts.is_empty()),
        Expr::Name(node) => (node.id.as_str() == "__debug__").then_some(true),
        Expr::UnaryOp(node) => match node.op {
            UnaryOp::Not => truth(&node.operand).map(|value| !value),
            // A sign changes no truth, of a float either.
            UnaryOp::USub | UnaryOp::UAdd if matches!(*node.operand, Expr::NumberLiteral(_)) => truth(&node.operand),
            UnaryOp::USub | UnaryOp::UAdd | UnaryOp::Invert => integer(expr).map(|value| value != 0),
        },
        Expr::BinOp(_) => integer(expr).map(|value| value != 0),
        _ => None,
    }
}

/// The value of an expression of whole numbers that the compiler folds. Division, powers and shifts are left to the
/// run: a condition made of them is rare, and the compiler folds them within limits that differ by version.
fn integer(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::NumberLiteral(node) => match &node.value {
            Number::Int(value) => value.as_i64().map(i128::from),
            Number::Float(_) | Number::Complex { .. } => None,
        },
        Expr::BooleanLiteral(node) => Some(i128::from(node.value)),
        Expr::UnaryOp(node) => {
            let value = integer(&node.operand)?;
            match node.op {
                UnaryOp::USub => value.checked_neg(),
                UnaryOp::UAdd => Some(value),
                UnaryOp::Invert => Some(!value),
                UnaryOp::Not => Some(i128::from(value == 0)),
            }
        }
        Expr::BinOp(node) => {
            let (left, right) = (integer(&node.left)?, integer(&node.right)?);
            match node.op {
                Operator::Add => left.checked_add(right),
                Operator::Sub => left.checked_sub(right),
                Operator::Mult => left.checked_mul(right),
                Operator::BitAnd => Some(left & right),
                Operator::BitOr => Some(left | right),
                Operator::BitXor => Some(left ^ right),
                Operator::MatMult
                | Operator::Div
                | Operator::Mod
                | Operator::Pow
                | Operator::LShift
                | Operator::RShift
                | Operator::FloorDiv => None,
            }
        }
        _ => None,
    }
}

/// Whether evaluating an expression is loading a constant.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(node) => node.elts.iter().all(is_constant),
        _ => truth(expr).is_some(),
    }
}
