//! Google Cloud Functions: `functions_framework` decorators, and the signatures of functions without one.

use super::definitions::Definitions;
use super::signature::{Plain, plain};

/// Decorators of the functions framework.
const DECORATORS: [&str; 5] = ["http", "cloud_event", "background_event", "typed", "background"];

/// Whether a decorator (a dotted name as written) registers a Google function.
pub fn registers(facts: &Definitions, decorator: &str) -> bool {
    let full = facts.qualify(decorator);
    full.strip_prefix("functions_framework.").is_some_and(|name| DECORATORS.contains(&name))
}

/// Whether parameters are those of a Google function: one request or cloud event, or `(data, context)`.
/// `(event, context)` is AWS's signature too and is not told apart here.
pub fn has_signature(parameters: &[Plain]) -> bool {
    match parameters {
        [one] => {
            let typed = one.annotation.as_deref().map(|a| a.rsplit('.').next().unwrap_or(a).trim_matches('"'));
            matches!(one.name.as_str(), "request" | "req" | "cloud_event" | "cloudevent")
                && matches!(typed, None | Some("Request" | "CloudEvent" | "flaskRequest"))
        }
        [data, context] => plain(&data.name) == "data" && plain(&context.name) == "context",
        _ => false,
    }
}
