//! `meminterface handlers`: lists the handlers of files, folders and templates.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{Exit, Output};
use crate::diagnostic::{Schema, Span};
use crate::project::discover::{EnvValue, Handler, Origin, Placed, Platform, Settings, discover};

/// How handlers are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// A line a handler.
    Text,
    /// JSON with a schema.
    Json,
}

/// List the handlers that files, folders and templates hold.
///
/// Templates (AWS SAM and CloudFormation, Serverless Framework, Azure's function.json) decide first, then decorators,
/// then signatures.
#[derive(Args, Debug)]
pub struct HandlersArguments {
    /// Python files, templates, folders or whole repositories.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The handler, whatever else is found: `function`, `module.function`, `path/module.function`, `Class.method` or
    /// `file.py:function`.
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// How to write them.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the verb.
pub fn run(arguments: &HandlersArguments, output: &mut Output) -> Exit {
    let (handlers, diagnostics) = discover(&arguments.paths, arguments.handler.as_deref());
    match arguments.format {
        Format::Text => output.text(&handlers.iter().map(line).collect::<String>()),
        Format::Json => {
            let list: Vec<Value> = handlers.iter().map(to_json).collect();
            let problems = serde_json::to_value(&diagnostics).unwrap_or(Value::Null);
            let document = json!({
                "schema": Schema::HANDLERS,
                "handlers": list,
                "diagnostics": problems,
            });
            output.text(&format!("{document:#}\n"));
        }
    }
    for diagnostic in &diagnostics {
        output.report(diagnostic);
    }
    output.exit()
}

fn platform(platform: Platform) -> &'static str {
    match platform {
        Platform::AwsLambda => "aws-lambda",
        Platform::GoogleCloud => "google-cloud",
        Platform::Azure => "azure",
        Platform::Unknown => "unknown",
    }
}

/// `src/app.py:handler  aws-lambda python3.12 512 MB 30 s  template.yaml:12 (Function)`.
fn line(handler: &Handler) -> String {
    let Settings { runtime, memory_mb, timeout_s, .. } = &handler.settings;
    let mut facts = vec![platform(handler.platform).to_owned()];
    facts.extend(runtime.map(|(major, minor)| format!("python{major}.{minor}")));
    facts.extend(memory_mb.as_ref().map(|memory| format!("{} MB", memory.value)));
    facts.extend(timeout_s.as_ref().map(|timeout| format!("{} s", timeout.value)));
    let mut origins: Vec<String> = vec![origin_text(&handler.origin)];
    origins.extend(handler.others.iter().map(origin_text));
    format!("{}:{}  {}  {}\n", handler.file.display(), handler.function, facts.join(" "), origins.join(", "))
}

fn origin_text(origin: &Origin) -> String {
    match origin {
        Origin::Template { file, span, logical_id } => format!("{}:{} ({logical_id})", file.display(), span.line),
        Origin::FunctionJson { file, span } => format!("{}:{}", file.display(), span.line),
        Origin::Decorator => "by decorator".to_owned(),
        Origin::Signature => "by signature".to_owned(),
        Origin::Option => "by --handler".to_owned(),
        Origin::Assignment => "by assignment".to_owned(),
    }
}

fn origin(origin: &Origin) -> Value {
    match origin {
        Origin::Template { file, span, logical_id } => {
            placed(json!({"kind": "template", "logical_id": logical_id, "file": file}), *span)
        }
        Origin::FunctionJson { file, span } => placed(json!({"kind": "function-json", "file": file}), *span),
        Origin::Decorator => json!({"kind": "decorator"}),
        Origin::Signature => json!({"kind": "signature"}),
        Origin::Option => json!({"kind": "option"}),
        Origin::Assignment => json!({"kind": "assignment"}),
    }
}

fn placed(mut value: Value, span: Span) -> Value {
    if let (Value::Object(object), Ok(Value::Object(span))) = (&mut value, serde_json::to_value(span)) {
        object.extend(span);
    }
    value
}

fn number(value: &Option<Placed<u64>>) -> Value {
    match value {
        None => Value::Null,
        Some(value) => {
            let object = json!({"value": value.value, "file": value.file, "literal": value.is_literal});
            placed(object, value.span)
        }
    }
}

fn to_json(handler: &Handler) -> Value {
    let settings = &handler.settings;
    let environment: Map<String, Value> = settings
        .environment
        .iter()
        .map(|(name, value)| {
            let value = match value {
                EnvValue::Literal(text) => json!({"value": text}),
                EnvValue::Unresolved(text) => json!({"unresolved": text}),
            };
            (name.clone(), value)
        })
        .collect();
    let events: Vec<Value> = settings
        .events
        .iter()
        .map(|event| {
            json!({"kind": event.kind, "name": event.name, "batch_size": event.batch_size, "details": event.details})
        })
        .collect();
    json!({
        "file": handler.file,
        "module": handler.module,
        "function": handler.function,
        "handler": handler.name(),
        "code_root": handler.code_root,
        "platform": platform(handler.platform),
        "inline": handler.inline.is_some(),
        "origin": origin(&handler.origin),
        "others": handler.others.iter().map(origin).collect::<Vec<_>>(),
        "settings": {
            "runtime": settings.runtime.map(|(major, minor)| format!("python{major}.{minor}")),
            "memory_mb": number(&settings.memory_mb),
            "timeout_s": number(&settings.timeout_s),
            "ephemeral_storage_mb": number(&settings.ephemeral_storage_mb),
            "layers": settings.layers,
            "package": settings.package,
            "architecture": settings.architecture,
            "environment": environment,
            "events": events,
        },
    })
}
