//! Leaves of the tree what memory depends on: drops values that nothing needs and exits that skip nothing, turns
//! loops whose iterations are alike into products, and adds up equal terms.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::expression::{self, BinaryOperator, ComprehensionKind, Expr, Target, Text, Value};

use super::build::{Bound, bound_index};
use super::tree::{Argument, ArgumentValue, Block, Handler, Let, Node, Term};

/// What is skipped by leaving at a place.
#[derive(Clone, Copy, Default)]
struct After {
    /// By `return`: the rest of the function.
    scope: bool,
    /// By leaving the handler: the rest of it.
    handler: bool,
    /// By `continue`: the rest of the iteration.
    iteration: bool,
    /// By `break`: the rest of the loop.
    looped: bool,
    /// By raising: what a clause does, or what it skips.
    caught: bool,
}

impl After {
    const EVERYTHING: Self = Self { scope: true, handler: true, iteration: true, looped: true, caught: true };
}

/// Simplifies a tree.
pub fn simplify(mut block: Block, bound: &mut [Bound]) -> Block {
    // An unknown is asked for where a branch or a loop depends on it, not where it is only passed on to a call.
    let unknown = resting_on_unknowns(&block);
    show_as_text(&mut block, &unknown);
    let mut needed = BTreeSet::new();
    loop {
        let before = needed.len();
        let pruned = prune(&block, After::default(), &mut needed);
        if needed.len() == before {
            let mut out = products(pruned);
            merge(&mut out);
            collapse(&mut out, bound);
            return out;
        }
    }
}

/// The bound names whose values rest on an unknown.
fn resting_on_unknowns(block: &Block) -> BTreeSet<Text> {
    let mut lets: Vec<(&Text, &Expr)> = Vec::new();
    let mut loops: Vec<(&Target, &Expr)> = Vec::new();
    block.nodes(&mut |node| match node {
        Node::Let(bound) => lets.push((&bound.name, &bound.value)),
        Node::For { target, iterable, .. } => loops.push((target, iterable)),
        _ => {}
    });
    let mut unknown: BTreeSet<Text> = BTreeSet::new();
    loop {
        let before = unknown.len();
        for (name, value) in &lets {
            if !unknown.contains(*name) && rests_on(value, &unknown) {
                unknown.insert((*name).clone());
            }
        }
        for (target, iterable) in &loops {
            // The numbers of a range are known, however many there are.
            let counted = matches!(iterable, Expr::Call(name, _, _) if &**name == "range");
            if !counted && rests_on(iterable, &unknown) {
                expression::visit_target(target, &mut |name| {
                    unknown.insert(name.clone());
                });
            }
        }
        if unknown.len() == before {
            return unknown;
        }
    }
}

fn rests_on(expr: &Expr, unknown: &BTreeSet<Text>) -> bool {
    let mut found = false;
    expression::visit_names(expr, &mut |name| found |= name.starts_with('?') || unknown.contains(name));
    found
}

/// Shows arguments that rest on unknowns as the source writes them.
fn show_as_text(block: &mut Block, unknown: &BTreeSet<Text>) {
    for node in &mut block.0 {
        if let Node::Term(term) = node {
            for argument in &mut term.arguments {
                if let ArgumentValue::Expr(expr, text) = &argument.value
                    && rests_on(expr, unknown)
                {
                    argument.value = ArgumentValue::Text(text.clone());
                }
            }
        }
        for inner in node.blocks_mut() {
            show_as_text(inner, unknown);
        }
    }
}

/// Whether a block has a term, or a value that is needed.
fn matters(block: &Block, needed: &BTreeSet<Text>) -> bool {
    let mut found = false;
    block.nodes(&mut |node| {
        found |= match node {
            Node::Term(_) => true,
            Node::Let(bound) => bound.effect || needed.contains(&bound.name),
            _ => false,
        };
    });
    found
}

fn need(exprs: &[&Expr], needed: &mut BTreeSet<Text>) {
    for expr in exprs {
        expression::visit_names(expr, &mut |name| {
            if name.starts_with('%') {
                needed.insert(Text::from(name));
            }
        });
    }
}

/// The statements of a block that matter, last first: what comes later decides about what comes before.
fn prune(block: &Block, mut after: After, needed: &mut BTreeSet<Text>) -> Block {
    let mut kept: Vec<Node> = Vec::new();
    for node in block.0.iter().rev() {
        let pruned = prune_node(node, after, needed);
        if !pruned.is_empty() {
            after = After::EVERYTHING;
            kept.extend(pruned.into_iter().rev());
        }
    }
    kept.reverse();
    Block(kept)
}

fn prune_node(node: &Node, after: After, needed: &mut BTreeSet<Text>) -> Vec<Node> {
    let keep = |matters: bool| if matters { vec![node.clone()] } else { Vec::new() };
    match node {
        Node::Term(_) => {
            need(&node.expressions(), needed);
            keep(true)
        }
        Node::Let(bound) => {
            let matters = bound.effect || needed.contains(&bound.name);
            if matters {
                need(&[&bound.value], needed);
            }
            keep(matters)
        }
        Node::Return => keep(after.scope),
        Node::Exit => keep(after.handler),
        Node::Break => keep(after.looped),
        Node::Continue => keep(after.iteration),
        Node::Raise { .. } | Node::MayRaise { .. } => keep(after.caught),
        Node::Slot(_) => Vec::new(),
        Node::If { condition, then, otherwise, at } => {
            let then = prune(then, after, needed);
            let otherwise = prune(otherwise, after, needed);
            if then.is_empty() && otherwise.is_empty() {
                return Vec::new();
            }
            if then == otherwise {
                return then.0;
            }
            need(&[condition], needed);
            vec![Node::If { condition: condition.clone(), then, otherwise, at: at.clone() }]
        }
        Node::For { target, iterable, body, otherwise, at } => {
            let otherwise = prune(otherwise, after, needed);
            let body = prune_loop(body, after, &otherwise, needed);
            if body.is_empty() {
                return otherwise.0;
            }
            need(&[iterable], needed);
            vec![Node::For { target: target.clone(), iterable: iterable.clone(), body, otherwise, at: at.clone() }]
        }
        Node::While { condition, body, otherwise, at } => {
            let otherwise = prune(otherwise, after, needed);
            let body = prune_loop(body, after, &otherwise, needed);
            // A loop that only leaves: whether it ends is not memory's business.
            if !has_cost(&body, needed) {
                return otherwise.0;
            }
            need(&[condition], needed);
            vec![Node::While { condition: condition.clone(), body, otherwise, at: at.clone() }]
        }
        Node::Times { count, body, at } => {
            let body = prune_loop(body, after, &Block::default(), needed);
            if body.is_empty() {
                return Vec::new();
            }
            need(&[count], needed);
            vec![Node::Times { count: count.clone(), body, at: at.clone() }]
        }
        Node::Scope { function, body, at } => {
            let inner = After { scope: false, iteration: false, looped: false, ..after };
            // What follows the call is skipped by leaving the handler.
            let inner = After { handler: after.handler || after.scope, ..inner };
            let body = prune(body, inner, needed);
            if body.is_empty() {
                return Vec::new();
            }
            vec![Node::Scope { function: function.clone(), body, at: at.clone() }]
        }
        Node::Try { body, handlers, otherwise, finally, at } => {
            let finally = prune(finally, after, needed);
            let handlers: Vec<Handler> = handlers
                .iter()
                .map(|handler| Handler {
                    exceptions: handler.exceptions.clone(),
                    body: prune(&handler.body, after, needed),
                    at: handler.at.clone(),
                })
                .collect();
            let otherwise = prune(otherwise, after, needed);
            let caught = !otherwise.is_empty() || handlers.iter().any(|handler| !handler.body.is_empty());
            let inner = After { caught: caught || (handlers.is_empty() && after.caught), ..after };
            let inner = if otherwise.is_empty() { inner } else { After::EVERYTHING };
            let body = prune(body, inner, needed);
            if !raises(&body) && (finally.is_empty() || !leaves(&body) && !leaves(&otherwise)) {
                let mut all = body;
                all.0.extend(otherwise.0);
                all.0.extend(finally.0);
                return all.0;
            }
            vec![Node::Try { body, handlers, otherwise, finally, at: at.clone() }]
        }
    }
}

fn prune_loop(body: &Block, after: After, otherwise: &Block, needed: &mut BTreeSet<Text>) -> Block {
    let again = matters(body, needed) || !otherwise.is_empty();
    let inner = After {
        scope: after.scope || again,
        handler: after.handler || again,
        iteration: false,
        looped: again,
        caught: after.caught || again,
    };
    prune(body, inner, needed)
}

/// Whether a block costs anything, or computes what is needed.
fn has_cost(block: &Block, needed: &BTreeSet<Text>) -> bool {
    let mut found = false;
    block.nodes(&mut |node| {
        found |= match node {
            Node::Term(_) => true,
            Node::Let(bound) => bound.effect || needed.contains(&bound.name),
            Node::Return | Node::Exit => true,
            _ => false,
        };
    });
    found
}

/// Whether a block raises what a clause around it may catch.
fn raises(block: &Block) -> bool {
    let mut found = false;
    block.nodes(&mut |node| {
        found |= matches!(node, Node::Raise { .. } | Node::MayRaise { .. } | Node::Let(Let { effect: true, .. }));
    });
    found
}

/// Whether a block leaves by `return`, `break`, `continue` or for good.
fn leaves(block: &Block) -> bool {
    let mut found = false;
    block.nodes(&mut |node| found |= matches!(node, Node::Return | Node::Exit | Node::Break | Node::Continue));
    found
}

// ---- products -----------------------------------------------------------------------------------------------------

/// Turns loops whose iterations are alike into products.
fn products(block: Block) -> Block {
    let mut out = Vec::new();
    for mut node in block.0 {
        for inner in node.blocks_mut() {
            *inner = products(std::mem::take(inner));
        }
        match node {
            Node::For { target, iterable, body, otherwise, at } => {
                if is_alike(&body, &target) {
                    out.extend(repeated(&trip_count(&iterable), body, &at));
                    out.extend(otherwise.0);
                } else {
                    out.push(Node::For { target, iterable, body, otherwise, at });
                }
            }
            Node::Times { count, body, at } => out.extend(repeated(&count, body, &at)),
            node => out.push(node),
        }
    }
    Block(out)
}

/// Whether no iteration depends on the loop's own names, binds a name, or leaves.
fn is_alike(body: &Block, target: &Target) -> bool {
    let mut own = BTreeSet::new();
    expression::visit_target(target, &mut |name| {
        own.insert(name.clone());
    });
    let mut alike = true;
    body.nodes(&mut |node| {
        alike &= match node {
            Node::Let(_)
            | Node::Return
            | Node::Exit
            | Node::Break
            | Node::Continue
            | Node::Raise { .. }
            | Node::MayRaise { .. }
            | Node::Try { .. }
            | Node::While { .. }
            | Node::Slot(_) => false,
            Node::Term(_) | Node::If { .. } | Node::For { .. } | Node::Times { .. } | Node::Scope { .. } => true,
        };
        for expr in node.expressions() {
            expression::visit_names(expr, &mut |name| alike &= !own.contains(name));
        }
    });
    alike
}

/// `count` times a body without names of its own: the count goes to the terms, branches stay outside.
fn repeated(count: &Expr, body: Block, at: &super::tree::Place) -> Vec<Node> {
    if !is_alike(&body, &Target::Tuple(Vec::new())) {
        return vec![Node::Times { count: count.clone(), body, at: at.clone() }];
    }
    let mut out = Vec::new();
    let mut straight = Vec::new();
    let flush = |straight: &mut Vec<Node>, out: &mut Vec<Node>| {
        if !straight.is_empty() {
            let body = Block(std::mem::take(straight));
            out.push(Node::Times { count: count.clone(), body, at: at.clone() });
        }
    };
    for node in body.0 {
        match node {
            Node::If { condition, then, otherwise, at } => {
                flush(&mut straight, &mut out);
                let then = Block(repeated(count, then, &at));
                let otherwise = Block(repeated(count, otherwise, &at));
                out.push(Node::If { condition, then, otherwise, at });
            }
            Node::Scope { function, body, at } => {
                flush(&mut straight, &mut out);
                out.push(Node::Scope { function, body: Block(repeated(count, body, &at)), at });
            }
            node => straight.push(node),
        }
    }
    flush(&mut straight, &mut out);
    out
}

/// The number of iterations over an expression.
pub fn trip_count(iterable: &Expr) -> Expr {
    let int = |n: usize| Expr::Constant(Value::Int(n.into()));
    let len = || Expr::Call(Text::from("len"), vec![iterable.clone()], Vec::new());
    match iterable {
        Expr::Constant(value) => value.iterations().map_or_else(len, |length| Expr::Constant(Value::Int(length))),
        Expr::List(items) | Expr::Tuple(items) => int(items.len()),
        Expr::Call(name, arguments, _) => match (&**name, arguments.as_slice()) {
            ("range", [stop]) => stop.clone(),
            ("range", [start, stop]) if *start == int(0) => stop.clone(),
            ("range", [start, stop]) => {
                Expr::Binary(BinaryOperator::Subtract, Box::new(stop.clone()), Box::new(start.clone()))
            }
            ("enumerate" | "sorted" | "reversed" | "list" | "tuple", [inner, ..]) => trip_count(inner),
            ("zip", [first, rest @ ..]) => {
                let mut counts = vec![trip_count(first)];
                counts.extend(rest.iter().map(trip_count));
                counts.dedup();
                match counts.len() {
                    1 => counts.swap_remove(0),
                    _ => Expr::Call(Text::from("min"), counts, Vec::new()),
                }
            }
            _ => len(),
        },
        Expr::Method(whole, name, arguments, _)
            if arguments.is_empty() && matches!(&**name, "items" | "keys" | "values") =>
        {
            trip_count(whole)
        }
        Expr::Comprehension { kind, clauses, .. } => match (kind, clauses.as_slice()) {
            (ComprehensionKind::List | ComprehensionKind::Generator, [clause]) if clause.conditions.is_empty() => {
                trip_count(&clause.iterable)
            }
            (ComprehensionKind::Generator, _) => {
                let list = Expr::Call(Text::from("list"), vec![iterable.clone()], Vec::new());
                Expr::Call(Text::from("len"), vec![list], Vec::new())
            }
            _ => len(),
        },
        _ => len(),
    }
}

// ---- copies ----------------------------------------------------------------------------------------------------------

/// Binds the name of a join at once where a way binds a name of its own only to copy it: `n_2 = 10; n = n_2`.
///
/// The value's own name must be read nowhere else, and nothing between may read or bind the join's name, or leave.
fn collapse(block: &mut Block, bound: &mut [Bound]) {
    loop {
        let (mut reads, mut binds) = (BTreeMap::new(), BTreeMap::new());
        block.nodes(&mut |node| {
            for expr in node.expressions() {
                expression::visit_names(expr, &mut |name| *reads.entry(Text::from(name)).or_insert(0_usize) += 1);
            }
            if let Node::Let(this) = node {
                *binds.entry(this.name.clone()).or_insert(0_usize) += 1;
            }
        });
        let once = |name: &Text| reads.get(name) == Some(&1) && binds.get(name) == Some(&1);
        if !collapse_in(block, bound, &once) {
            return;
        }
    }
}

fn collapse_in(block: &mut Block, bound: &mut [Bound], once: &dyn Fn(&Text) -> bool) -> bool {
    let mut found = false;
    let mut at = 0;
    while at < block.0.len() {
        let copied = match &block.0[at] {
            Node::Let(Let { name, value: Expr::Name(value), effect: false, .. })
                if value.starts_with('%') && name.starts_with('%') && once(value) =>
            {
                Some((name.clone(), value.clone()))
            }
            _ => None,
        };
        if let Some((join, own)) = copied
            && let Some(from) =
                block.0[..at].iter().position(|node| matches!(node, Node::Let(this) if this.name == own))
            && !block.0[from + 1..at].iter().any(|node| touches(node, &join) || may_leave(node))
            && let Node::Let(this) = &mut block.0[from]
        {
            this.name = join.clone();
            block.0.remove(at);
            let free =
                |name: &Text| bound_index(name).and_then(|index| bound.get(index)).is_some_and(|b| b.overridable);
            if free(&own)
                && let Some(join) = bound_index(&join).and_then(|index| bound.get_mut(index))
            {
                join.overridable = true;
            }
            found = true;
            continue;
        }
        for inner in block.0[at].blocks_mut() {
            found |= collapse_in(inner, bound, once);
        }
        at += 1;
    }
    found
}

/// Whether a statement, or one inside of it, may go elsewhere: what is read there is as it was before the copy.
fn may_leave(node: &Node) -> bool {
    let leaves = |node: &Node| match node {
        Node::Return | Node::Exit | Node::Break | Node::Continue | Node::Raise { .. } | Node::MayRaise { .. } => true,
        Node::Let(this) => this.effect,
        _ => false,
    };
    let mut found = leaves(node);
    for block in node.blocks() {
        block.nodes(&mut |node| found |= leaves(node));
    }
    found
}

/// Whether a statement, or one inside of it, reads or binds a name.
fn touches(node: &Node, name: &Text) -> bool {
    let direct = |node: &Node| {
        let mut found = matches!(node, Node::Let(this) if this.name == *name);
        for expr in node.expressions() {
            expression::visit_names(expr, &mut |read| found |= *read == **name);
        }
        found
    };
    let mut found = direct(node);
    for block in node.blocks() {
        block.nodes(&mut |node| found |= direct(node));
    }
    found
}

// ---- sums ---------------------------------------------------------------------------------------------------------

/// Adds up equal terms between which nothing but terms and values stands.
fn merge(block: &mut Block) {
    let mut out: Vec<Node> = Vec::new();
    // The terms of the current run, by their callees.
    let mut run: FxHashMap<Text, (Vec<usize>, bool)> = FxHashMap::default();
    // The same by all of what makes them equal, of callees with many terms.
    let mut crowds: FxHashMap<String, usize> = FxHashMap::default();
    for mut node in std::mem::take(&mut block.0) {
        for inner in node.blocks_mut() {
            merge(inner);
        }
        match node {
            Node::Term(term) => {
                let key = term.callee.clone();
                let (like, crowded) = run.entry(key).or_default();
                let found = if like.len() >= CROWD {
                    if !std::mem::replace(crowded, true) {
                        for at in like.iter() {
                            if let Some(Node::Term(other)) = out.get(*at) {
                                crowds.entry(identity(other)).or_insert(*at);
                            }
                        }
                    }
                    crowds.get(&identity(&term)).copied()
                } else {
                    like.iter().copied().find(|at| out.get(*at).is_some_and(|other| is_same(other, &term)))
                };
                match found.and_then(|at| out.get_mut(at)) {
                    Some(Node::Term(other)) => {
                        other.count += term.count;
                        other.at.extend(term.at);
                    }
                    _ => {
                        if *crowded {
                            crowds.insert(identity(&term), out.len());
                        }
                        like.push(out.len());
                        out.push(Node::Term(term));
                    }
                }
            }
            Node::Let(_) => out.push(node),
            _ => {
                out.push(node);
                run.clear();
                crowds.clear();
            }
        }
    }
    block.0 = out;
}

/// Terms of one callee that are compared one by one; more are looked up.
const CROWD: usize = 16;

/// A text that is the same for terms that are the same.
fn identity(term: &Term) -> String {
    use std::fmt::Write;
    let mut text = term.callee.to_string();
    for argument in &term.arguments {
        let value: &dyn std::fmt::Debug = match &argument.value {
            ArgumentValue::Expr(expr, _) => expr,
            ArgumentValue::Text(text) => text,
        };
        let kind = matches!(argument.value, ArgumentValue::Text(_));
        let _ = write!(text, "\n{:?} {kind} {value:?}", argument.keyword);
    }
    text
}

fn is_same(node: &Node, term: &Term) -> bool {
    matches!(node, Node::Term(other) if other.callee == term.callee && alike(&other.arguments, &term.arguments))
}

/// Whether arguments are the same: by value where that is known, else by text.
fn alike(a: &[Argument], b: &[Argument]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.keyword == b.keyword
                && match (&a.value, &b.value) {
                    (ArgumentValue::Expr(a, _), ArgumentValue::Expr(b, _)) => a == b,
                    (ArgumentValue::Text(a), ArgumentValue::Text(b)) => a == b,
                    (ArgumentValue::Expr(..), ArgumentValue::Text(_))
                    | (ArgumentValue::Text(_), ArgumentValue::Expr(..)) => false,
                }
        })
}
