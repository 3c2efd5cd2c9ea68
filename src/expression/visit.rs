//! Walks over expressions: names, sizes, renaming.

use super::functions::is_type_operand;
use super::{Clause, Expr, FormatPart, Target, Text};

/// Calls `visit` on each direct part of an expression, in order of evaluation.
pub fn visit_parts<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    match expr {
        Expr::Name(_) | Expr::Constant(_) => {}
        Expr::Unary(_, inner) => visit(inner),
        Expr::Binary(_, left, right) | Expr::Index(left, right) => {
            visit(left);
            visit(right);
        }
        Expr::Boolean(_, parts) | Expr::List(parts) | Expr::Tuple(parts) | Expr::Set(parts) => {
            parts.iter().for_each(visit);
        }
        Expr::Compare(left, rest) => {
            visit(left);
            rest.iter().for_each(|(_, right)| visit(right));
        }
        Expr::If { test, then, otherwise } => {
            visit(test);
            visit(then);
            visit(otherwise);
        }
        Expr::Slice { value, start, stop, step } => {
            visit(value);
            for part in [start, stop, step].into_iter().flatten() {
                visit(part);
            }
        }
        Expr::Call(_, arguments, keywords) => {
            arguments.iter().for_each(&mut *visit);
            keywords.iter().for_each(|(_, value)| visit(value));
        }
        Expr::Method(receiver, _, arguments, keywords) => {
            visit(receiver);
            arguments.iter().for_each(&mut *visit);
            keywords.iter().for_each(|(_, value)| visit(value));
        }
        Expr::Dict(items) => {
            for (key, value) in items {
                if let Some(key) = key {
                    visit(key);
                }
                visit(value);
            }
        }
        Expr::Format(parts) => visit_format(parts, visit),
        Expr::Comprehension { element, key, clauses, .. } => {
            for Clause { iterable, conditions, .. } in clauses {
                visit(iterable);
                conditions.iter().for_each(&mut *visit);
            }
            if let Some(key) = key {
                visit(key);
            }
            visit(element);
        }
    }
}

fn visit_format<'a>(parts: &'a [FormatPart], visit: &mut dyn FnMut(&'a Expr)) {
    for part in parts {
        if let FormatPart::Value { value, specification, .. } = part {
            visit(value);
            visit_format(specification, visit);
        }
    }
}

/// Whether a direct part, counted as [`visit_parts`] meets them, is a value: the types of `isinstance(x, dict)` are
/// not.
pub(super) fn is_value_part(expr: &Expr, at: usize) -> bool {
    match expr {
        Expr::Call(function, arguments, keywords) => {
            let keyword = at.checked_sub(arguments.len()).and_then(|at| keywords.get(at));
            !is_type_operand(function, at, keyword.map(|(name, _)| &**name))
        }
        _ => true,
    }
}

/// Calls `visit` on each direct part that is a value ([`visit_parts`], less what names types).
pub(super) fn visit_values<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    let mut at = 0..;
    visit_parts(expr, &mut |part| {
        if at.next().is_some_and(|at| is_value_part(expr, at)) {
            visit(part);
        }
    });
}

/// Calls `visit` on each name that an expression reads, those that its comprehensions bind included. The types of
/// `isinstance(x, dict)` are not read.
pub fn visit_names(expr: &Expr, visit: &mut dyn FnMut(&str)) {
    if let Expr::Name(name) = expr {
        visit(name);
    }
    visit_values(expr, &mut |part| visit_names(part, visit));
}

/// The number of nodes.
pub fn size(expr: &Expr) -> usize {
    let mut nodes = 1;
    visit_parts(expr, &mut |part| nodes += size(part));
    nodes
}

/// Renames names everywhere, what comprehensions bind included. The new names must not clash.
pub fn rename(expr: &mut Expr, new: &dyn Fn(&str) -> Option<Text>) {
    let again = |expr: &mut Expr| rename(expr, new);
    match expr {
        Expr::Name(name) => {
            if let Some(renamed) = new(name) {
                *name = renamed;
            }
        }
        Expr::Constant(_) => {}
        Expr::Unary(_, inner) => again(inner),
        Expr::Binary(_, left, right) | Expr::Index(left, right) => {
            again(left);
            again(right);
        }
        Expr::Boolean(_, parts) | Expr::List(parts) | Expr::Tuple(parts) | Expr::Set(parts) => {
            parts.iter_mut().for_each(again);
        }
        Expr::Compare(left, rest) => {
            again(left);
            rest.iter_mut().for_each(|(_, right)| again(right));
        }
        Expr::If { test, then, otherwise } => {
            again(test);
            again(then);
            again(otherwise);
        }
        Expr::Slice { value, start, stop, step } => {
            again(value);
            for part in [start, stop, step].into_iter().flatten() {
                again(part);
            }
        }
        Expr::Call(function, arguments, keywords) => {
            for (at, argument) in arguments.iter_mut().enumerate() {
                if !is_type_operand(function, at, None) {
                    again(argument);
                }
            }
            for (name, value) in keywords {
                if !is_type_operand(function, usize::MAX, Some(name)) {
                    again(value);
                }
            }
        }
        Expr::Method(receiver, _, arguments, keywords) => {
            again(receiver);
            arguments.iter_mut().for_each(again);
            keywords.iter_mut().for_each(|(_, value)| again(value));
        }
        Expr::Dict(items) => {
            for (key, value) in items {
                if let Some(key) = key {
                    again(key);
                }
                again(value);
            }
        }
        Expr::Format(parts) => rename_format(parts, new),
        Expr::Comprehension { element, key, clauses, .. } => {
            for Clause { target, iterable, conditions } in clauses {
                rename_target(target, new);
                again(iterable);
                conditions.iter_mut().for_each(again);
            }
            if let Some(key) = key {
                again(key);
            }
            again(element);
        }
    }
}

fn rename_format(parts: &mut [FormatPart], new: &dyn Fn(&str) -> Option<Text>) {
    for part in parts {
        if let FormatPart::Value { value, specification, .. } = part {
            rename(value, new);
            rename_format(specification, new);
        }
    }
}

/// Renames what a loop binds.
pub fn rename_target(target: &mut Target, new: &dyn Fn(&str) -> Option<Text>) {
    match target {
        Target::Name(name) => {
            if let Some(renamed) = new(name) {
                *name = renamed;
            }
        }
        Target::Tuple(targets) => targets.iter_mut().for_each(|target| rename_target(target, new)),
    }
}

/// Calls `visit` on each name that a loop binds.
pub fn visit_target(target: &Target, visit: &mut dyn FnMut(&Text)) {
    match target {
        Target::Name(name) => visit(name),
        Target::Tuple(targets) => targets.iter().for_each(|target| visit_target(target, visit)),
    }
}
