//! Gives the tree's internal names (`%n` bound, `?n` unknown) the names that people read.
//!
//! A name is the source's own; two that would clash are told apart by the function that they come from, then by a
//! number in order of appearance. So an edit elsewhere in the source leaves names as they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::expression::{self, CompareOperator, Expr, Text, UnaryOperator, Value};

use super::build::{Atom, Bound, CLOSURE, atom_index, bound_index};
use super::tree::{Block, Derived, Let, Mcv, McvKind, McvType, Node, Parameter, steering};

/// Python's keywords, and names that the generated file uses itself.
const RESERVED: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "demand",
    "mem_demand",
    "term",
    "symbol",
    "raised",
    "fail",
    "Leave",
    "sp",
    "sympy",
    "meminterface",
    "base64",
    "json",
    "math",
    "os",
    "urllib",
    "print",
    "match",
    "case",
    "type",
];

/// What naming gives.
pub struct Named {
    pub body: Block,
    pub mcvs: Vec<Mcv>,
    pub derived: Vec<Derived>,
}

/// Names a tree.
pub fn name(mut body: Block, parameters: &[Parameter], atoms: &[Atom], bound: &[Bound]) -> Named {
    let mut taken: BTreeSet<String> = RESERVED.iter().map(|name| (*name).to_owned()).collect();
    taken.extend(parameters.iter().map(|parameter| parameter.name.to_string()));
    closures(&mut body);
    let mut order: Vec<Text> = Vec::new();
    let mut seen: BTreeSet<Text> = BTreeSet::new();
    let mut meet = |name: &str| {
        if (name.starts_with('?') || name.starts_with('%')) && !seen.contains(name) {
            let name = Text::from(name);
            seen.insert(name.clone());
            order.push(name);
        }
    };
    body.nodes(&mut |node| {
        for expr in node.expressions() {
            expression::visit_names(expr, &mut meet);
            targets(expr, &mut meet);
        }
        match node {
            Node::Let(bound) => meet(&bound.name),
            Node::For { target, .. } => expression::visit_target(target, &mut |name| meet(name)),
            Node::MayRaise { variable, .. } => meet(variable),
            _ => {}
        }
    });
    let mut names: BTreeMap<Text, Text> = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    // Unknowns first: their names are the interface's parameters, and matter more than those of values.
    for internal in order.iter().filter(|name| name.starts_with('?')) {
        let Some(atom) = atom_index(internal).and_then(|index| atoms.get(index)) else { continue };
        let hint = atom.hint.trim_start_matches('=');
        let hint = match &atom.owner {
            Some(owner) if atom.kind != McvKind::Environment && !hint.starts_with(owner.as_str()) => {
                format!("{owner}_{hint}")
            }
            _ => hint.to_owned(),
        };
        names.insert(internal.clone(), unique(&hint, &mut taken, &mut numbers));
    }
    for internal in order.iter().filter(|name| name.starts_with('%')) {
        let Some(bound) = bound_index(internal).and_then(|index| bound.get(index)) else { continue };
        names.insert(internal.clone(), unique(&bound.hint, &mut taken, &mut numbers));
    }
    let types = types(&body);
    let labels = labels(&body);
    let mut mcvs = Vec::new();
    for internal in order.iter().filter(|name| name.starts_with('?')) {
        let (Some(atom), Some(name)) = (atom_index(internal).and_then(|index| atoms.get(index)), names.get(internal))
        else {
            continue;
        };
        let type_ = match (atom.type_, types.get(internal)) {
            (McvType::Any, Some(type_)) => *type_,
            (type_, _) => type_,
        };
        let kind = match (atom.kind, type_) {
            (McvKind::ComputedCondition, McvType::Int) if atom.meaning.starts_with("len(") => McvKind::ExternalSize,
            (kind, _) => kind,
        };
        mcvs.push(Mcv {
            name: name.clone(),
            kind,
            type_,
            meaning: atom.meaning.clone(),
            file: atom.place.file.to_string(),
            line: atom.place.line,
            default: atom.default.clone(),
            values: labels.get(internal).cloned().unwrap_or_default(),
        });
    }
    let mut derived = Vec::new();
    overridable(&body, bound, &steering(&body), false, &mut derived);
    let rename = |name: &str| names.get(name).cloned();
    for value in &mut derived {
        expression::rename(&mut value.value, &rename);
        if let Some(name) = rename(&value.name) {
            value.name = name;
        }
    }
    rename_block(&mut body, &rename);
    Named { body, mcvs, derived }
}

/// A free name made of a hint: an identifier, numbered if need be.
///
/// `numbers` holds the next number of each base, so that a thousand equal hints are not tried a thousand times each.
fn unique(hint: &str, taken: &mut BTreeSet<String>, numbers: &mut BTreeMap<String, usize>) -> Text {
    let mut base: String = hint.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if base.is_empty() || base.starts_with(|c: char| c.is_numeric()) {
        base.insert(0, '_');
    }
    let mut name = base.clone();
    // A name that an expression calls must keep its meaning, whether this interface calls it or not: a name must not
    // depend on what is called elsewhere.
    if RESERVED.contains(&name.as_str()) || expression::is_builtin_name(&name) {
        name.push('_');
        base.push('_');
    }
    let number = numbers.entry(base.clone()).or_insert(2);
    while taken.contains(&name) {
        name = format!("{base}_{number}");
        *number += 1;
    }
    taken.insert(name.clone());
    Text::from(name)
}

/// Takes the numbers of frames out of the names of closures: a closure is called by its function's name, and if it was
/// made several times, by that and a number in order of appearance.
fn closures(body: &mut Block) {
    fn texts(expr: &Expr, found: &mut Vec<Text>) {
        if let Expr::Constant(Value::Str(text)) = expr
            && text.contains(CLOSURE)
            && !found.contains(text)
        {
            found.push(text.clone());
        }
        expression::visit_parts(expr, &mut |part| texts(part, found));
    }
    fn replace_in(block: &mut Block, names: &BTreeMap<Text, Text>) {
        for node in &mut block.0 {
            for expr in node.expressions_mut() {
                *expr = expression::with_texts(expr, &|text| names.get(text).cloned());
            }
            node.blocks_mut().into_iter().for_each(|inner| replace_in(inner, names));
        }
    }
    let mut found: Vec<Text> = Vec::new();
    body.nodes(&mut |node| node.expressions().into_iter().for_each(|expr| texts(expr, &mut found)));
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for text in found {
        let name = text.split(CLOSURE).next().unwrap_or(&text).to_owned();
        let number = numbers.entry(name.clone()).or_insert(0);
        *number += 1;
        let shown = if *number == 1 { Text::from(name) } else { Text::from(format!("{name} ({number})")) };
        names.insert(text, shown);
    }
    if !names.is_empty() {
        replace_in(body, &names);
    }
}

/// The names that comprehensions bind.
fn targets(expr: &Expr, meet: &mut dyn FnMut(&str)) {
    if let Expr::Comprehension { clauses, .. } = expr {
        for clause in clauses {
            expression::visit_target(&clause.target, &mut |name| meet(name));
        }
    }
    expression::visit_parts(expr, &mut |part| targets(part, meet));
}

/// Types of unknowns by what they are compared with and used for.
fn types(body: &Block) -> BTreeMap<Text, McvType> {
    let mut types = BTreeMap::new();
    body.nodes(&mut |node| {
        match node {
            Node::If { condition, .. } | Node::While { condition, .. } => truth(condition, &mut types),
            Node::Times { count, .. } => number(count, McvType::Int, &mut types),
            _ => {}
        }
        for expr in node.expressions() {
            operands(expr, &mut types);
        }
    });
    types
}

/// An expression whose truth decides.
fn truth(expr: &Expr, types: &mut BTreeMap<Text, McvType>) {
    match expr {
        Expr::Name(name) if name.starts_with('?') => {
            types.entry(name.clone()).or_insert(McvType::Bool);
        }
        Expr::Unary(UnaryOperator::Not, inner) => truth(inner, types),
        Expr::Boolean(_, parts) => parts.iter().for_each(|part| truth(part, types)),
        _ => {}
    }
}

fn number(expr: &Expr, type_: McvType, types: &mut BTreeMap<Text, McvType>) {
    match expr {
        Expr::Name(name) if name.starts_with('?') => {
            types.insert(name.clone(), type_);
        }
        Expr::Binary(_, left, right) => {
            number(left, type_, types);
            number(right, type_, types);
        }
        _ => {}
    }
}

fn operands(expr: &Expr, types: &mut BTreeMap<Text, McvType>) {
    match expr {
        Expr::Compare(left, rest) => {
            let mut sides = vec![&**left];
            sides.extend(rest.iter().map(|(_, right)| right));
            let kind = sides.iter().find_map(|side| match side {
                Expr::Constant(Value::Str(_)) => Some(McvType::Str),
                Expr::Constant(Value::Int(_)) => Some(McvType::Int),
                Expr::Constant(Value::Float(_)) => Some(McvType::Number),
                _ => None,
            });
            let ordered = rest.iter().any(|(operator, _)| {
                matches!(
                    operator,
                    CompareOperator::Less
                        | CompareOperator::LessEqual
                        | CompareOperator::Greater
                        | CompareOperator::GreaterEqual
                )
            });
            let kind = kind.or(ordered.then_some(McvType::Number));
            if let Some(kind) = kind {
                for side in sides {
                    match side {
                        Expr::Name(name) if name.starts_with('?') => {
                            types.insert(name.clone(), kind);
                        }
                        _ if kind != McvType::Str => number(side, kind, types),
                        _ => {}
                    }
                }
            }
        }
        Expr::Call(name, arguments, _) if &**name == "range" => {
            arguments.iter().for_each(|argument| number(argument, McvType::Int, types));
        }
        Expr::Call(name, arguments, _) if matches!(&**name, "min" | "max") => {
            arguments.iter().for_each(|argument| number(argument, McvType::Int, types));
        }
        Expr::If { test, .. } => truth(test, types),
        _ => {}
    }
    expression::visit_parts(expr, &mut |part| operands(part, types));
}

/// The values of each exception variable.
fn labels(body: &Block) -> BTreeMap<Text, Vec<String>> {
    let mut labels: BTreeMap<Text, Vec<String>> = BTreeMap::new();
    body.nodes(&mut |node| {
        if let Node::MayRaise { variable, label, exceptions } = node {
            let values = labels.entry(variable.clone()).or_default();
            let mut add = |value: String| {
                if !values.contains(&value) {
                    values.push(value);
                }
            };
            match exceptions.as_slice() {
                [] | [_] => add(label.to_string()),
                several => several.iter().for_each(|exception| add(format!("{label}: {exception}"))),
            }
        }
    });
    labels
}

/// Values that a caller may override: bound by an assignment of the source.
fn overridable(block: &Block, bound: &[Bound], steering: &BTreeSet<Text>, in_while: bool, out: &mut Vec<Derived>) {
    for node in &block.0 {
        match node {
            Node::Let(Let { name, value, at, .. }) => {
                if bound_index(name).and_then(|index| bound.get(index)).is_some_and(|bound| bound.overridable)
                    && !out.iter().any(|other| other.name == *name)
                    && !(in_while && steering.contains(name))
                {
                    out.push(Derived {
                        name: name.clone(),
                        value: value.clone(),
                        file: at.file.to_string(),
                        line: at.line,
                    });
                }
            }
            _ => {
                let in_while = in_while || matches!(node, Node::While { .. });
                for inner in node.blocks() {
                    overridable(inner, bound, steering, in_while, out);
                }
            }
        }
    }
}

fn rename_block(block: &mut Block, new: &dyn Fn(&str) -> Option<Text>) {
    for node in &mut block.0 {
        for expr in node.expressions_mut() {
            expression::rename(expr, new);
        }
        match node {
            Node::Let(bound) => {
                if let Some(name) = new(&bound.name) {
                    bound.name = name;
                }
            }
            Node::For { target, .. } => expression::rename_target(target, new),
            Node::MayRaise { variable, .. } => {
                if let Some(name) = new(variable) {
                    *variable = name;
                }
            }
            _ => {}
        }
        for inner in node.blocks_mut() {
            rename_block(inner, new);
        }
    }
}
