//! The closed language means what CPython 3.12 means: its answers to tests/vectors/expression, which
//! tests/vectors/generate.py wrote and tests/python/test_expression_vectors.py checks again.

use std::collections::BTreeMap;

use meminterface::expression::{Budget, Failure, IterableKind, ParseError, Value, evaluate, parse};

/// The text that tells a value from all others: its `repr`, but sets in sorted order.
fn canonical(value: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(canonical).collect::<Vec<_>>();
    let sorted = |items: &[Value]| {
        let mut items = all(items);
        items.sort();
        if items.is_empty() { "set()".to_owned() } else { format!("{{{}}}", items.join(", ")) }
    };
    match value {
        Value::List(items) => format!("[{}]", all(items).join(", ")),
        Value::Tuple(items) => format!("({}{})", all(items).join(", "), if items.len() == 1 { "," } else { "" }),
        Value::Set(items) => sorted(items),
        Value::Iterable(IterableKind::FrozenSet, items) if items.is_empty() => "frozenset()".to_owned(),
        Value::Iterable(IterableKind::FrozenSet, items) => format!("frozenset({})", sorted(items)),
        Value::Iterable(kind, items) => format!("{}([{}])", kind.type_name(), all(items).join(", ")),
        Value::Dict(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, item)| format!("{}: {}", canonical(key), canonical(item))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.repr(),
    }
}

/// A tenth of the default: what is too large is so sooner.
const BUDGET: Budget = Budget { work: 400_000 };

/// What became of a set of vectors.
#[derive(Default)]
struct Tally {
    agree: usize,
    /// Outside the language, or beyond its budget: no answer, and so no wrong one.
    unanswered: Vec<String>,
    wrong: Vec<String>,
}

fn check(vectors: &str) -> Tally {
    let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).expect("vectors are JSON");
    let mut tally = Tally::default();
    for vector in &vectors {
        let text = vector["expr"].as_str().expect("an expression");
        let environment: BTreeMap<String, Value> = match vector.get("env") {
            Some(serde_json::Value::Object(env)) => {
                env.iter().map(|(name, value)| (name.clone(), Value::from_json(value))).collect()
            }
            _ => BTreeMap::new(),
        };
        let expected = match (vector["value"].as_str(), &vector["raises"]) {
            (Some(value), _) => value.to_owned(),
            (None, serde_json::Value::Array(parts)) => {
                format!("{}: {}", parts[0].as_str().unwrap_or(""), parts[1].as_str().unwrap_or(""))
            }
            _ => "too large to compute".to_owned(),
        };
        let shown = || format!("{text}\n    with {}", vector.get("env").unwrap_or(&serde_json::Value::Null));
        let expr = match parse(text) {
            Ok(expr) => expr,
            Err(ParseError::Unsupported { .. }) => {
                tally.unanswered.push(format!("{}\n    not read", shown()));
                continue;
            }
            Err(error) => {
                tally.wrong.push(format!("{}\n    {error}", shown()));
                continue;
            }
        };
        let found = match evaluate(&expr, &environment, BUDGET) {
            Ok(value) => canonical(&value),
            Err(Failure::Raised(raised)) => format!("{}: {}", raised.exception, raised.message),
            Err(failure @ (Failure::Unsupported(_) | Failure::UnknownName(_))) => {
                tally.unanswered.push(format!("{}\n    {failure}", shown()));
                continue;
            }
            Err(failure @ Failure::TooLarge) => failure.to_string(),
        };
        if found == expected {
            tally.agree += 1;
        } else if found == "too large to compute" {
            tally.unanswered.push(format!("{}\n    {found}", shown()));
        } else {
            tally.wrong.push(format!("{}\n    CPython: {expected}\n    here:    {found}", shown()));
        }
    }
    tally
}

/// No answer differs from CPython's, the message of an exception included; none is missing but for the reasons given.
#[track_caller]
fn agrees(vectors: &str, reasons: &[&str]) {
    let mut tally = check(vectors);
    tally.unanswered.retain(|vector| !reasons.iter().any(|reason| vector.ends_with(reason)));
    assert!(
        tally.wrong.is_empty() && tally.unanswered.is_empty(),
        "{} agree, {} wrong, {} unanswered\n\n{}\n\nunanswered:\n{}",
        tally.agree,
        tally.wrong.len(),
        tally.unanswered.len(),
        tally.wrong.join("\n"),
        tally.unanswered.join("\n")
    );
}

#[test]
fn edge_cases() {
    agrees(
        include_str!("vectors/expression/edge_cases.json"),
        &["attributes in a format string", "JSON in UTF-16 or UTF-32", "the encoding foo", "too large to compute"],
    );
}

#[test]
fn random_expressions_over_json() {
    agrees(include_str!("vectors/expression/random.json"), &["complex numbers", "the method bytes.splitlines"]);
}
