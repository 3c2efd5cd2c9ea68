//! Azure Functions: decorators of the v2 model (`@app.route`), `function.json` of the v1 model, `host.json`.

use std::collections::BTreeMap;
use std::path::Path;

use super::definitions::{Definitions, Parameter};
use super::paths;
use super::template::{Entry, Target, Template};
use super::yaml::Node;
use super::{EventSource, Origin, Placed, Platform, Settings};

/// Objects whose decorators register functions.
const APPS: [&str; 4] = ["FunctionApp", "Blueprint", "DFApp", "FunctionRegister"];

/// Decorators that add to a function and do not make one by themselves.
const ADDITIONS: [&str; 6] =
    ["function_name", "retry", "generic_input_binding", "generic_output_binding", "durable_client_input", "http_type"];

/// Whether a decorator (a dotted name as written) registers an Azure function.
pub fn registers(facts: &Definitions, decorator: &str) -> bool {
    let Some((object, method)) = decorator.rsplit_once('.') else { return false };
    if ADDITIONS.contains(&method) || method.ends_with("_input") || method.ends_with("_output") {
        return false;
    }
    match facts.made_by(object) {
        Some(maker) => maker.starts_with("azure.") && APPS.contains(&maker.rsplit('.').next().unwrap_or_default()),
        // The app is another module's: the method's name must say what it is.
        None => {
            facts.imports.contains("azure")
                && (method.ends_with("_trigger") || matches!(method, "route" | "schedule"))
                && !facts.imports.contains("flask")
        }
    }
}

/// Whether a parameter is what Azure passes, by its annotation (`func.HttpRequest`).
pub fn is_input(facts: &Definitions, parameter: &Parameter) -> bool {
    let Some(annotation) = &parameter.annotation else { return false };
    let annotation = annotation.trim_matches(['"', '\'']);
    let inner = annotation.rsplit_once('[').map_or(annotation, |(_, inner)| inner).trim_end_matches(']');
    let full = facts.qualify(inner);
    full.starts_with("azure.functions.")
        && matches!(
            full.rsplit('.').next().unwrap_or_default(),
            "HttpRequest"
                | "TimerRequest"
                | "QueueMessage"
                | "ServiceBusMessage"
                | "InputStream"
                | "EventHubEvent"
                | "EventGridEvent"
                | "KafkaEvent"
                | "DocumentList"
                | "SqlRowList"
                | "DaprServiceInvocation"
        )
}

/// Whether a JSON file is a `function.json` of a Python function.
pub fn is_function_json(template: &Template) -> bool {
    paths::name(&template.path) == "function.json"
        && template.documents.first().is_some_and(|node| node.get("bindings").is_some())
}

/// The function that a `function.json` names.
pub fn entries(template: &Template) -> Vec<Entry> {
    let Some(document) = template.documents.first() else { return Vec::new() };
    let folder = paths::parent(&template.path);
    let root = paths::parent(&folder);
    let script = document.get("scriptFile").and_then(|node| node.text());
    let file = match script {
        Some(script) if !script.ends_with(".py") => return Vec::new(),
        Some(script) => paths::join(&folder, script),
        None => {
            match ["__init__.py", "main.py"].map(|name| paths::join(&folder, name)).into_iter().find(|f| f.is_file()) {
                Some(file) => file,
                // A function of another language: its script is found by a name of that language.
                None => return Vec::new(),
            }
        }
    };
    let function = document.get("entryPoint").and_then(|node| node.text()).unwrap_or("main").to_owned();
    let at = document.get("entryPoint").or_else(|| document.get("scriptFile")).unwrap_or(document).span;
    let mut settings = Settings { timeout_s: timeout(&root), ..Settings::default() };
    for binding in document.get("bindings").map(|node| node.items()).unwrap_or_default() {
        settings.events.extend(trigger(binding));
    }
    let id = paths::name(&folder);
    vec![Entry {
        template: template.path.clone(),
        id: id.clone(),
        span: at,
        origin: Origin::FunctionJson { file: template.path.clone(), span: at },
        platform: Platform::Azure,
        target: Target::File { file, function },
        roots: vec![root],
        settings,
        unresolved: None,
        outside_python: false,
    }]
}

fn trigger(binding: &Node) -> Option<EventSource> {
    let kind = binding.get("type")?.text()?;
    if !kind.ends_with("Trigger") {
        return None;
    }
    let mut details = BTreeMap::new();
    for entry in binding.entries() {
        if let Some(text) = entry.value.text()
            && !matches!(entry.key.as_str(), "type" | "name" | "direction")
        {
            details.insert(entry.key.clone(), text.to_owned());
        }
    }
    let name = binding.get("name").and_then(|node| node.text()).unwrap_or_default().to_owned();
    Some(EventSource { kind: kind.to_owned(), name, batch_size: None, details })
}

/// `functionTimeout` of a `host.json` (`hours:minutes:seconds`), in seconds.
pub fn timeout(root: &Path) -> Option<Placed<u64>> {
    let file = paths::join(root, "host.json");
    let template = Template::read(&file, &mut Vec::new())?;
    let node = template.documents.first()?.get("functionTimeout")?;
    let mut seconds = 0u64;
    for part in node.text()?.split(':') {
        let part = part.split('.').next().unwrap_or(part);
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    Some(Placed { value: seconds, file, span: node.span, is_literal: true })
}
