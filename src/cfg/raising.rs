//! Which steps can raise.

use ruff_python_ast::{Expr, Stmt};

use super::block::Element;
use super::constant::is_constant;

/// Whether a step can raise. Only what does no more than load constants, bind names or nothing at all cannot:
/// names may be unbound, and whatever makes an object may be out of memory.
pub(super) fn can_raise(element: &Element<'_>) -> bool {
    match element {
        Element::Statement(statement) => statement_can_raise(statement),
        Element::Evaluate(expr) | Element::Test(expr) | Element::Result(expr) => !is_constant(expr),
        Element::Handler(handler) => handler.type_.is_some(),
        Element::Case(case) => !case.pattern.is_irrefutable(),
        Element::Subject(statement) => !is_constant(&statement.subject),
        Element::Bind(_) | Element::ClassBody(_) => false,
        Element::Link(..)
        | Element::Iterable(_)
        | Element::Next(_)
        | Element::NextOf(_)
        | Element::Produce(_)
        | Element::Decorator(_)
        | Element::Decorate(_)
        | Element::WithEnter(..)
        | Element::WithBind(_)
        | Element::WithExit(..) => true,
        // These raise by an edge of their own kind.
        Element::StarEnd(_) | Element::AssertFails(_) => false,
    }
}

fn statement_can_raise(statement: &Stmt) -> bool {
    let constant = |value: &Option<Box<Expr>>| value.as_deref().is_none_or(is_constant);
    match statement {
        Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) | Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Try(_) => {
            false
        }
        Stmt::Return(node) => !constant(&node.value),
        Stmt::Expr(node) => !is_constant(&node.value),
        Stmt::Assign(node) => !(is_constant(&node.value) && node.targets.iter().all(Expr::is_name_expr)),
        Stmt::AnnAssign(node) => !(constant(&node.value) && node.target.is_name_expr()),
        // It raises by an edge of its own kind.
        Stmt::Raise(_) => false,
        Stmt::FunctionDef(_)
        | Stmt::ClassDef(_)
        | Stmt::Delete(_)
        | Stmt::TypeAlias(_)
        | Stmt::AugAssign(_)
        | Stmt::Import(_)
        | Stmt::ImportFrom(_)
        | Stmt::IpyEscapeCommand(_) => true,
        // Compound statements are lowered to other steps.
        Stmt::For(_) | Stmt::While(_) | Stmt::If(_) | Stmt::With(_) | Stmt::Match(_) | Stmt::Assert(_) => true,
    }
}
