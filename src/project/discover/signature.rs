//! Handlers that no template names: by decorator, then by signature.

use super::definitions::{DefinitionKind, Definitions, Function, Parameter, Shape};
use super::{Origin, Platform, azure, google, resolve};
use crate::diagnostic::Diagnostic;

/// Names that a platform's documentation gives to handlers.
const WELL_KNOWN: [&str; 9] = [
    "lambda_handler",
    "handler",
    "handle",
    "main",
    "function_handler",
    "event_handler",
    "entry_point",
    "entrypoint",
    "run",
];

/// A handler of a file.
#[derive(Debug)]
pub struct Candidate {
    /// `function` or `Class.method`.
    pub function: String,
    /// Where it runs, as far as the file tells.
    pub platform: Platform,
    /// How it was found.
    pub origin: Origin,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Found {
    /// Its handlers, well-known names first.
    pub candidates: Vec<Candidate>,
    /// Handlers made at run time.
    pub not_analysable: Vec<Diagnostic>,
    /// Top-level names that are made or imported from elsewhere, and have a well-known name: to be resolved.
    pub indirect: Vec<String>,
}

/// A parameter as signatures are compared.
#[derive(Debug)]
pub struct Plain {
    /// The name.
    pub name: String,
    /// The annotation as written.
    pub annotation: Option<String>,
}

/// A parameter's name without the underscores that mark it as unused, in lower case.
pub fn plain(name: &str) -> String {
    name.trim_matches('_').to_lowercase()
}

fn is_event(parameter: &Parameter) -> bool {
    let name = plain(&parameter.name);
    matches!(name.as_str(), "event" | "events" | "evt" | "ev" | "e" | "")
        || name.ends_with("_event")
        || name.ends_with("event") && name.len() <= 14
        || annotation_ends_with(parameter, &["Event", "CloudEvent"])
}

fn is_context(parameter: &Parameter) -> bool {
    let name = plain(&parameter.name);
    matches!(name.as_str(), "context" | "ctx" | "cxt" | "ctxt" | "cntxt" | "contex" | "c" | "")
        || name.ends_with("context")
        || annotation_ends_with(parameter, &["Context"])
}

fn annotation_ends_with(parameter: &Parameter, ends: &[&str]) -> bool {
    parameter
        .annotation
        .as_deref()
        .map(|annotation| annotation.trim_matches(['"', '\'']))
        .is_some_and(|annotation| ends.iter().any(|end| annotation.ends_with(end)))
}

/// `(event, context)`, each under any of its usual names; what follows has defaults.
fn is_event_context(function: &Function) -> bool {
    let (Some(event), Some(context)) = (function.parameters.first(), function.parameters.get(1)) else { return false };
    // Two letters, or two parameters without a name, say nothing.
    let named = plain(&event.name).len() > 1 || plain(&context.name).len() > 1;
    is_event(event) && is_context(context) && named && rest_is_optional(function, 2)
}

fn rest_is_optional(function: &Function, from: usize) -> bool {
    !function.needs_keyword && function.parameters.iter().skip(from).all(|parameter| parameter.has_default)
}

/// A function that is called as a well-known name and takes two arguments, or any.
fn is_well_known_pair(name: &str, function: &Function) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    let takes_two = function.parameters.len() >= 2 && rest_is_optional(function, 2)
        || function.has_star && function.parameters.len() <= 2 && !function.needs_keyword;
    takes_two && matches!(name, "lambda_handler" | "handler")
        || name == "lambda_handler" && function.parameters.is_empty()
}

fn is_single_event(name: &str, function: &Function) -> bool {
    let Some(first) = function.parameters.first() else { return false };
    let named = plain(&first.name) == "event" || plain(&first.name) == "lambda_event";
    let last = name.rsplit('.').next().unwrap_or(name);
    let known = WELL_KNOWN.contains(&last);
    // Apache OpenWhisk calls `main(args)`.
    let whisk = last == "main" && matches!(plain(&first.name).as_str(), "args" | "params" | "dict" | "param" | "arg");
    // OpenFaaS calls `handle(req)` or `handle(event, context)`.
    let faas = last == "handle" && matches!(plain(&first.name).as_str(), "req" | "request" | "body");
    let known = known && is_event(first) && !plain(&first.name).is_empty();
    (named || known || whisk || faas) && rest_is_optional(function, 1)
}

fn plains(function: &Function) -> Vec<Plain> {
    function
        .parameters
        .iter()
        .filter(|parameter| !parameter.has_default)
        .map(|parameter| Plain { name: parameter.name.clone(), annotation: parameter.annotation.clone() })
        .collect()
}

/// The platform that a decorator registers a function on, if it registers one.
fn registered(facts: &Definitions, function: &Function) -> Option<Platform> {
    function.decorators.iter().find_map(|decorator| {
        if google::registers(facts, decorator) {
            Some(Platform::GoogleCloud)
        } else if azure::registers(facts, decorator) {
            Some(Platform::Azure)
        } else if is_chalice(facts, decorator) || is_aws_decorator(facts, decorator) {
            Some(Platform::AwsLambda)
        } else {
            None
        }
    })
}

/// Chalice registers each view and each event function as a handler of its own.
fn is_chalice(facts: &Definitions, decorator: &str) -> bool {
    let Some((object, method)) = decorator.rsplit_once('.') else { return false };
    facts.made_by(object).is_some_and(|maker| matches!(maker.as_str(), "chalice.Chalice" | "chalice.Blueprint"))
        && (matches!(method, "route" | "lambda_function" | "schedule" | "authorizer") || method.starts_with("on_"))
}

/// Decorators that only a Lambda handler carries (AWS Lambda Powertools and agents of monitoring services).
fn is_aws_decorator(facts: &Definitions, decorator: &str) -> bool {
    let last = decorator.rsplit('.').next().unwrap_or(decorator);
    let full = facts.qualify(decorator);
    matches!(
        last,
        "inject_lambda_context"
            | "capture_lambda_handler"
            | "log_metrics"
            | "datadog_lambda_wrapper"
            | "lumigo_tracer"
            | "lambda_wrapper"
            | "lambda_logger"
    ) || matches!(last, "event_source" | "event_parser" | "idempotent") && full.starts_with("aws_lambda_powertools.")
}

/// Whether a decorator makes of a function something else than a handler.
fn is_helper_by_decorator(facts: &Definitions, function: &Function) -> bool {
    function.decorators.iter().any(|decorator| {
        let last = decorator.rsplit('.').next().unwrap_or(decorator);
        let full = facts.qualify(decorator);
        matches!(last, "lambda_handler_decorator" | "fixture" | "contextmanager" | "property" | "abstractmethod")
            || matches!(full.as_str(), "click.command" | "click.group" | "functools.wraps")
    })
}

/// The platform that a file's imports speak of.
fn platform(facts: &Definitions, name: &str, function: &Function) -> Platform {
    let has = |module: &str| facts.imports.contains(module);
    if function.parameters.iter().any(|parameter| azure::is_input(facts, parameter)) {
        return Platform::Azure;
    }
    let aws = has("boto3")
        || has("aws_lambda_powertools")
        || has("aws_xray_sdk")
        || name == "lambda_handler"
        || function.parameters.iter().any(|parameter| annotation_ends_with(parameter, &["LambdaContext"]));
    match () {
        () if aws => Platform::AwsLambda,
        () if has("functions_framework") || has("google") => Platform::GoogleCloud,
        () if google::has_signature(&plains(function)) => Platform::GoogleCloud,
        () if is_event_context(function) => Platform::AwsLambda,
        () => Platform::Unknown,
    }
}

fn rank(name: &str) -> usize {
    let last = name.rsplit('.').next().unwrap_or(name);
    WELL_KNOWN.iter().position(|known| *known == last).unwrap_or(if last.ends_with("handler") {
        WELL_KNOWN.len()
    } else {
        WELL_KNOWN.len() + 1
    })
}

/// Finds the handlers of a file. The first of these that matches anything decides: functions that a decorator
/// registers, functions with `(event, context)`, Google's signatures, functions with one event.
///
/// `named` says that the user named this very file: then weaker signatures count too.
pub fn find(facts: &Definitions, named: bool) -> Found {
    let mut found = Found::default();
    let functions: Vec<(String, &Function)> = facts
        .functions()
        .into_iter()
        .filter(|(name, function)| !name.starts_with("test_") && !is_helper_by_decorator(facts, function))
        .collect();
    let top_level = |name: &str| !name.contains('.');
    let file = facts.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();

    let mut decorated: Vec<(String, Platform)> = Vec::new();
    for (name, function) in &functions {
        if let Some(platform) = registered(facts, function) {
            decorated.push((name.clone(), platform));
        }
    }
    let by_decorator = !decorated.is_empty();
    if by_decorator {
        // A decorated handler does not hide an undecorated one beside it.
        for (name, function) in &functions {
            let new = decorated.iter().all(|(other, _)| other != name);
            if new && top_level(name) && is_event_context(function) && !is_helper(facts, name) {
                decorated.push((name.clone(), platform(facts, name, function)));
            }
        }
        decorated.sort_by_key(|(name, _)| rank(name));
        found.candidates = decorated
            .into_iter()
            .map(|(function, platform)| {
                let is_decorated =
                    functions.iter().any(|(name, f)| *name == function && registered(facts, f).is_some());
                let origin = if is_decorated { Origin::Decorator } else { Origin::Signature };
                Candidate { function, platform, origin }
            })
            .collect();
    }

    // A view of Django takes a `request` too.
    let google_named = named
        || file == "main.py" && !facts.imports.contains("django")
        || facts.imports.contains("functions_framework");
    type Tier<'t> = Box<dyn Fn(&str, &Function) -> bool + 't>;
    let tiers: [Tier<'_>; 6] = [
        Box::new(|name, f| {
            top_level(name)
                && (is_event_context(f)
                    || is_well_known_pair(name, f)
                    || f.parameters.first().is_some_and(|p| azure::is_input(facts, p)))
        }),
        Box::new(|name, f| !top_level(name) && is_event_context(f)),
        Box::new(|name, f| google_named && top_level(name) && google::has_signature(&plains(f))),
        Box::new(|name, f| top_level(name) && is_single_event(name, f) && (named || rank(name) < 6)),
        Box::new(|name, f| named && !top_level(name) && is_single_event(name, f)),
        Box::new(|name, _| named && matches!(name, "lambda_handler" | "handler")),
    ];
    for tier in tiers {
        if !found.candidates.is_empty() {
            break;
        }
        let mut matching: Vec<(&str, &Function)> =
            functions.iter().filter(|(name, f)| tier(name, f)).map(|(name, f)| (name.as_str(), *f)).collect();
        // Functions that others of the file call are their helpers, unless nothing else is left.
        if matching.iter().any(|(name, _)| !is_helper(facts, name)) {
            matching.retain(|(name, _)| !is_helper(facts, name) || rank(name) < 2);
        }
        matching.sort_by_key(|(name, _)| rank(name));
        found.candidates = matching
            .into_iter()
            .map(|(name, function)| Candidate {
                function: name.to_owned(),
                platform: platform(facts, name, function),
                origin: Origin::Signature,
            })
            .collect();
    }

    // `handler = …` and `from .app import handler`: the caller resolves them.
    for (name, definition) in &facts.names {
        let wanted = match &definition.kind {
            DefinitionKind::Function(_) | DefinitionKind::Class(_) => false,
            DefinitionKind::Assigned(Shape::Call { callee, .. }) => {
                let full = facts.qualify(callee);
                let known = matches!(name.as_str(), "handler" | "lambda_handler") || name.ends_with("lambda_handler");
                let adapter = resolve::adapter(&full).is_some() && !full.starts_with("django");
                // `handler = logging.StreamHandler()` is a log handler; an object of a class of the file is a handler
                // when it can be called.
                let is_object = match facts.names.get(callee.as_str()).map(|definition| &definition.kind) {
                    Some(DefinitionKind::Class(class)) => !class.methods.contains_key("__call__"),
                    _ => full.starts_with("logging.") || full.ends_with("Handler"),
                };
                (known || adapter && named && found.candidates.is_empty() || is_adapter_call(&full)) && !is_object
            }
            DefinitionKind::Assigned(Shape::Other | Shape::Lambda(_)) => false,
            DefinitionKind::Assigned(Shape::Name(_) | Shape::AttributeOfCall(..)) => {
                matches!(name.as_str(), "handler" | "lambda_handler") || name.ends_with("lambda_handler")
            }
            DefinitionKind::Imported { .. } => {
                named && found.candidates.is_empty() && matches!(name.as_str(), "handler" | "lambda_handler")
            }
        };
        if wanted {
            found.indirect.push(name.clone());
        }
    }
    // The application that an adapter serves says nothing that the adapter does not say.
    let is_adapter = |name: &String| facts.made_by(name).is_some_and(|maker| is_adapter_call(&maker));
    let is_known = |name: &String| name.ends_with("handler") || is_adapter(name);
    if found.indirect.iter().any(is_known) {
        found.indirect.retain(is_known);
    }
    found
}

/// Adapters that exist for Lambda alone: what they make is a handler under any name.
fn is_adapter_call(full: &str) -> bool {
    matches!(full.rsplit('.').next().unwrap_or(full), "Mangum" | "Magnum" | "make_lambda_handler")
}

/// Whether other functions of the file, or its dispatch tables, use a function; or its name marks it as private.
fn is_helper(facts: &Definitions, name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    facts.used.contains(last) || last.starts_with('_') && last != "__call__"
}
