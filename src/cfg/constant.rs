//! Conditions that CPython's compiler decides.

use ruff_python_ast::{Expr, Number, UnaryOp};

/// Whether a condition is constant to CPython's compiler, and holds: literals, `__debug__`, and `not`, signs and
/// tuples of these. (Lists, comparisons and f-strings of constants are not folded into a jump by any version.)
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
            // A sign changes no truth; `~` does not keep it, and is rare enough to be left to the run.
            UnaryOp::USub | UnaryOp::UAdd if matches!(*node.operand, Expr::NumberLiteral(_)) => truth(&node.operand),
            UnaryOp::USub | UnaryOp::UAdd | UnaryOp::Invert => None,
        },
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
