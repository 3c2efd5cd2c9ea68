//! Writes an interface as JSON. The schema is docs/schemas/interface.schema.json.

use serde_json::{Map, Value, json};

use crate::diagnostic::Schema;
use crate::expression::Target;

use super::tree::{ArgumentValue, Block, Initialisation, Interface, Node, Place, Term};

/// The interface of one handler.
pub fn write(interface: &Interface) -> Value {
    let mut terms = Vec::new();
    collect(&interface.body, &mut terms);
    let mut document = json!({
        "schema": Schema::INTERFACE,
        "handler": interface.handler,
        "name": interface.name,
        "file": interface.file,
        "line": interface.line,
        "parameters": interface.parameters,
        "mcvs": interface.mcvs,
        "derived": interface.derived,
        "terms": terms,
        "body": block(&interface.body),
        "initialisation": initialisation(&interface.initialisation),
        "free": interface.free,
        "notes": interface.notes,
        "statistics": interface.statistics,
    });
    if let (Some(bytes), Some(object)) = (&interface.bytes, document.as_object_mut()) {
        object.insert("bytes".to_owned(), bytes.to_json());
    }
    document
}

fn initialisation(initialisation: &Initialisation) -> Value {
    let mut terms = Vec::new();
    collect(&initialisation.body, &mut terms);
    json!({"mcvs": initialisation.mcvs, "terms": terms, "body": block(&initialisation.body)})
}

/// Every term in order, once for each place of the tree.
fn collect(block: &Block, out: &mut Vec<Value>) {
    block.nodes(&mut |node| {
        if let Node::Term(found) = node {
            out.push(Value::Object(term(found)));
        }
    });
}

fn block(block: &Block) -> Value {
    Value::Array(block.0.iter().filter_map(node).collect())
}

fn term(term: &Term) -> Map<String, Value> {
    let arguments: Vec<Value> = term
        .arguments
        .iter()
        .map(|argument| {
            let (text, source, derived) = match &argument.value {
                ArgumentValue::Expr(expr, source) => (expr.to_string(), source, true),
                ArgumentValue::Text(text) => (text.to_string(), text, false),
            };
            json!({"keyword": argument.keyword, "value": text, "derived": derived, "source": source})
        })
        .collect();
    let mut out = Map::new();
    out.insert("callee".to_owned(), json!(term.callee));
    out.insert("resolved".to_owned(), json!(term.resolved));
    out.insert("arguments".to_owned(), json!(arguments));
    out.insert("count".to_owned(), json!(term.count));
    out.insert("at".to_owned(), json!(term.at));
    out
}

fn node(node: &Node) -> Option<Value> {
    let at = |at: &Place| json!({"file": at.file, "line": at.line});
    Some(match node {
        Node::Term(found) => {
            let mut out = term(found);
            out.insert("kind".to_owned(), json!("term"));
            Value::Object(out)
        }
        Node::Let(bound) => json!({
            "kind": "let", "name": bound.name, "value": bound.value.to_string(), "effect": bound.effect, "at": at(&bound.at),
        }),
        Node::If { condition, then, otherwise, at: place } => json!({
            "kind": "if", "condition": condition.to_string(), "then": block(then), "else": block(otherwise),
            "at": at(place),
        }),
        Node::For { target, iterable, body, otherwise, at: place } => json!({
            "kind": "for", "target": target_json(target), "iterable": iterable.to_string(), "body": block(body),
            "else": block(otherwise), "at": at(place),
        }),
        Node::Times { count, body, at: place } => json!({
            "kind": "times", "count": count.to_string(), "body": block(body), "at": at(place),
        }),
        Node::While { condition, body, otherwise, at: place } => json!({
            "kind": "while", "condition": condition.to_string(), "body": block(body), "else": block(otherwise),
            "at": at(place),
        }),
        Node::Try { body, handlers, otherwise, finally, at: place } => json!({
            "kind": "try", "body": block(body),
            "handlers": handlers.iter().map(|handler| json!({
                "exceptions": handler.exceptions, "body": block(&handler.body), "at": at(&handler.at),
            })).collect::<Vec<_>>(),
            "else": block(otherwise), "finally": block(finally), "at": at(place),
        }),
        Node::MayRaise { variable, label, exceptions } => json!({
            "kind": "may-raise", "variable": variable, "label": label, "exceptions": exceptions,
        }),
        Node::Raise { exception, at: place } => json!({"kind": "raise", "exception": exception, "at": at(place)}),
        Node::Scope { function, body, at: place } => json!({
            "kind": "function", "name": function, "body": block(body), "at": at(place),
        }),
        Node::Return => json!({"kind": "return"}),
        Node::Exit => json!({"kind": "exit"}),
        Node::Break => json!({"kind": "break"}),
        Node::Continue => json!({"kind": "continue"}),
        Node::Slot(_) => return None,
    })
}

fn target_json(target: &Target) -> Value {
    match target {
        Target::Name(name) => json!(name),
        Target::Tuple(targets) => Value::Array(targets.iter().map(target_json).collect()),
    }
}
