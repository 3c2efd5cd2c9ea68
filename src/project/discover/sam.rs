//! AWS SAM and CloudFormation templates, as YAML or JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::intrinsics::{Intrinsics, describe, intrinsic};
use super::template::{Entry, Target, Template, is_python, runtime, whole_number};
use super::yaml::{Node, Value};
use super::{EnvValue, EventSource, Origin, Placed, Platform, Settings, image, paths};
use crate::diagnostic::{Diagnostic, Span};

/// Whether a template has AWS resources.
pub fn is_template(template: &Template) -> bool {
    template.documents.iter().any(|document| {
        document.get("Resources").is_some_and(|resources| {
            resources.entries().iter().any(|entry| {
                entry.value.get("Type").and_then(|node| node.scalar()).is_some_and(|kind| {
                    kind.starts_with("AWS::") || kind.starts_with("Alexa::") || kind.starts_with("Custom::")
                })
            })
        }) || document.get("Transform").is_some_and(|node| {
            let names = node.items().iter().map(|item| item.scalar()).chain([node.scalar()]);
            names.flatten().any(|name| name.starts_with("AWS::Serverless"))
        })
    })
}

/// Whether a text may be an AWS template: cheap, for files that are not named like one.
pub fn may_be_template(text: &str) -> bool {
    text.contains("AWS::Serverless") || text.contains("AWS::Lambda::Function")
}

/// The functions of a template, and the templates that it nests.
pub fn entries(template: &Template, diagnostics: &mut Vec<Diagnostic>) -> (Vec<Entry>, Vec<PathBuf>) {
    let mut found = Vec::new();
    let mut nested = Vec::new();
    for document in &template.documents {
        let reader = Reader { template, document, intrinsics: Intrinsics::new(document) };
        let mut mappings: Vec<(String, EventSource)> = Vec::new();
        let from = found.len();
        for resource in document.get("Resources").map(|node| node.entries()).unwrap_or_default() {
            let kind = resource.value.get("Type").and_then(|node| node.scalar()).unwrap_or_default();
            let span = resource.key_span;
            match kind {
                "AWS::Serverless::Function" => {
                    found.extend(reader.function(&resource.key, span, &resource.value, true, diagnostics));
                }
                "AWS::Lambda::Function" => {
                    found.extend(reader.function(&resource.key, span, &resource.value, false, diagnostics));
                }
                "AWS::Serverless::Application" => nested.extend(reader.nested(&resource.value, "Location")),
                "AWS::CloudFormation::Stack" => nested.extend(reader.nested(&resource.value, "TemplateURL")),
                "AWS::Lambda::EventSourceMapping" => mappings.extend(reader.mapping(&resource.key, &resource.value)),
                _ => {}
            }
        }
        for (function, event) in mappings {
            for entry in found.iter_mut().skip(from).filter(|entry: &&mut Entry| entry.id == function) {
                entry.settings.events.push(event.clone());
            }
        }
    }
    (found, nested)
}

struct Reader<'t> {
    template: &'t Template,
    document: &'t Node,
    intrinsics: Intrinsics<'t>,
}

impl Reader<'_> {
    fn folder(&self) -> PathBuf {
        paths::parent(&self.template.path)
    }

    fn nested(&self, resource: &Node, property: &str) -> Option<PathBuf> {
        let location = self.intrinsics.text(resource.get("Properties")?.get(property)?).ok()?;
        if location.contains("://") {
            return None;
        }
        let file = paths::join(&self.folder(), location);
        file.is_file().then_some(file)
    }

    /// A property of a function, or of `Globals` when the function does not have it.
    fn property<'n>(
        &'n self,
        properties: Option<&'n Arc<Node>>,
        serverless: bool,
        name: &str,
    ) -> Option<&'n Arc<Node>> {
        let own = properties.and_then(|properties| properties.get(name)).and_then(|node| self.intrinsics.reduce(node));
        own.or_else(|| {
            let global = self.document.at(&["Globals", "Function", name]).filter(|_| serverless)?;
            self.intrinsics.reduce(global)
        })
    }

    fn function(
        &self,
        id: &str,
        span: Span,
        resource: &Node,
        serverless: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Entry> {
        let properties = resource.get("Properties");
        let property = |name: &str| self.property(properties, serverless, name);
        let is_image = property("PackageType").is_some_and(|node| node.scalar() == Some("Image"))
            || property("ImageUri").is_some()
            || property("Code").is_some_and(|code| code.get("ImageUri").is_some());
        let runtime_text = property("Runtime").map(|node| self.intrinsics.text(node));
        if !is_image && matches!(&runtime_text, Some(Ok(text)) if !is_python(text)) {
            return None;
        }
        let runtime_known = matches!(&runtime_text, Some(Ok(_)));
        let mut settings = Settings {
            runtime: runtime_text.and_then(Result::ok).and_then(|text| runtime(&text)),
            memory_mb: self.number(property("MemorySize"), "MemorySize", diagnostics),
            timeout_s: self.number(property("Timeout"), "Timeout", diagnostics),
            ephemeral_storage_mb: property("EphemeralStorage")
                .and_then(|node| self.number(node.get("Size"), "EphemeralStorage", diagnostics)),
            layer_folders: self.layer_folders(properties, serverless),
            layers: self.layers(properties, serverless),
            package: Some(if is_image { "Image" } else { "Zip" }.to_owned()),
            architecture: property("Architectures")
                .and_then(|node| node.items().first())
                .and_then(|node| self.intrinsics.text(node).ok()),
            environment: self.environment(properties, serverless),
            events: properties.and_then(|node| node.get("Events")).map(|node| self.events(node)).unwrap_or_default(),
        };
        let origin = Origin::Template { file: self.template.path.clone(), span, logical_id: id.to_owned() };
        let mut entry = Entry {
            template: self.template.path.clone(),
            id: id.to_owned(),
            span,
            origin,
            platform: Platform::AwsLambda,
            target: Target::Nowhere,
            roots: Vec::new(),
            settings: Settings::default(),
            unresolved: None,
            outside_python: !runtime_known && !is_image,
        };
        if is_image {
            self.image(&mut entry, &mut settings, property("ImageConfig"), resource.get("Metadata"));
            entry.settings = settings;
            return Some(entry);
        }
        entry.settings = settings;
        let Some(handler) = property("Handler") else {
            if runtime_known {
                entry.unresolved = Some(self.template.unresolved(span, format!("`{id}` has no `Handler`")));
                return Some(entry);
            }
            return None;
        };
        entry.span = handler.span;
        let handler = match self.intrinsics.text(handler) {
            Ok(text) => text,
            Err(what) => {
                let message = format!("the handler of `{id}` is `{what}`, which only a deployment decides");
                entry.unresolved = Some(self.template.unresolved(entry.span, message));
                return Some(entry);
            }
        };
        let code = property(if serverless { "CodeUri" } else { "Code" });
        let inline =
            property("InlineCode").filter(|_| serverless).or_else(|| code.and_then(|node| node.get("ZipFile")));
        if let Some(inline) = inline {
            self.inline(&mut entry, inline, &handler);
            return Some(entry);
        }
        entry.target = Target::Dotted(handler);
        let asset = resource.at(&["Metadata", "aws:asset:path"]).and_then(|node| node.text());
        match self.code_folder(id, code, asset) {
            Ok(folder) => entry.roots = vec![folder],
            Err(problem) => {
                // Without a runtime it may be any language; its code is not here to tell.
                if entry.outside_python {
                    return None;
                }
                let at = code.map_or(span, |node| node.span);
                entry.unresolved = Some(self.template.unresolved(at, problem));
            }
        }
        Some(entry)
    }

    /// The folder of `CodeUri` or `Code`.
    fn code_folder(&self, id: &str, code: Option<&Arc<Node>>, asset: Option<&str>) -> Result<PathBuf, String> {
        let base = self.folder();
        if let Some(asset) = asset {
            let folder = paths::join(&base, asset);
            if folder.is_dir() {
                return Ok(folder);
            }
        }
        let Some(code) = code else { return Ok(base) };
        if matches!(code.value, Value::Map(_)) && code.tag.is_none() {
            let bucket = ["Bucket", "S3Bucket", "Key", "S3Key"].iter().any(|key| code.get(key).is_some());
            if bucket {
                return Err(format!("the code of `{id}` is in an S3 bucket, not in this project"));
            }
        }
        let uri = self
            .intrinsics
            .text(code)
            .map_err(|what| format!("the code of `{id}` is at `{what}`, which only a deployment decides"))?;
        if uri.contains("://") {
            return Err(format!("the code of `{id}` is at `{uri}`, not in this project"));
        }
        let folder = paths::join(&base, uri.trim());
        if folder.is_dir() {
            return Ok(folder);
        }
        if folder.is_file() {
            if paths::extension(&folder) == "py" {
                return Ok(paths::parent(&folder));
            }
            return Err(format!("the code of `{id}` is the archive `{uri}`"));
        }
        let kind = if paths::extension(&folder) == "zip" { "archive" } else { "folder" };
        Err(format!("the code of `{id}` is the {kind} `{uri}`, which is not there (a build may make it)"))
    }

    fn inline(&self, entry: &mut Entry, inline: &Node, handler: &str) {
        let code = match self.intrinsics.text(inline) {
            Ok(code) => code,
            // `!Sub` with values of the deployment: they stand in texts of the code, mostly.
            Err(_) => {
                let pattern = inline.scalar().or_else(|| inline.items().first().and_then(|node| node.scalar()));
                let long = inline.entries().first().map(|entry| &entry.value);
                let pattern = pattern.or_else(|| long.and_then(|n| n.scalar().or(n.items().first()?.scalar())));
                match pattern {
                    Some(pattern) => pattern.to_owned(),
                    None => {
                        let message = format!(
                            "the code of `{}` is `{}`, which only a deployment decides",
                            entry.id,
                            describe(inline)
                        );
                        entry.unresolved = Some(self.template.unresolved(inline.span, message));
                        return;
                    }
                }
            }
        };
        let function = handler.rsplit('.').next().unwrap_or(handler).to_owned();
        let first_line = match &inline.value {
            // The text of a block starts below its mark; saphyr places a block at its text.
            Value::Scalar { block: true, .. } => self.block_start(inline),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => inline.span.line,
        };
        let padding = "\n".repeat(first_line.saturating_sub(1) as usize);
        entry.target = Target::Inline { text: padding + code.as_str(), function };
        entry.roots = vec![self.folder()];
    }

    /// The line of the first line of a block scalar's text.
    fn block_start(&self, node: &Node) -> u32 {
        let line = self.template.text.lines().nth(node.span.line.saturating_sub(1) as usize).unwrap_or_default();
        let before: String = line.chars().take(node.span.column.saturating_sub(1) as usize).collect();
        // At its mark (`|`), the text is on the next line.
        if before.trim().is_empty() { node.span.line } else { node.span.line.saturating_add(1) }
    }

    fn image(
        &self,
        entry: &mut Entry,
        settings: &mut Settings,
        config: Option<&Arc<Node>>,
        metadata: Option<&Arc<Node>>,
    ) {
        let folder = self.folder();
        let text =
            |name: &str| metadata.and_then(|node| node.get(name)).and_then(|node| self.intrinsics.text(node).ok());
        let command = config
            .and_then(|node| node.get("Command"))
            .and_then(|node| node.items().last())
            .and_then(|node| self.intrinsics.text(node).ok());
        let Some(context) = text("DockerContext").map(|context| paths::join(&folder, context)) else {
            let message = format!("`{}` is a container image without `Metadata: DockerContext`", entry.id);
            entry.unresolved = Some(self.template.unresolved(entry.span, message));
            return;
        };
        let file = paths::join(&context, text("Dockerfile").unwrap_or_else(|| "Dockerfile".to_owned()));
        let Some(dockerfile) = image::read(&file, &context, text("DockerBuildTarget").as_deref()) else {
            let message = format!("`{}` is a container image whose `{}` is not there", entry.id, file.display());
            entry.unresolved = Some(self.template.unresolved(entry.span, message));
            return;
        };
        settings.runtime = dockerfile.runtime;
        entry.roots = dockerfile.folders;
        match command.or(dockerfile.handler) {
            Some(handler) => {
                entry.target = Target::Dotted(handler);
                entry.outside_python = dockerfile.runtime.is_none();
            }
            None => {
                let message =
                    format!("`{}` is a container image whose `{}` names no handler in `CMD`", entry.id, file.display());
                entry.unresolved = Some(self.template.unresolved(entry.span, message));
            }
        }
    }

    fn number(&self, node: Option<&Arc<Node>>, name: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Placed<u64>> {
        let node = node?;
        let text = self.intrinsics.text(node);
        match text.as_deref().map(whole_number) {
            Ok(Some(value)) => Some(Placed {
                value,
                file: self.template.path.clone(),
                span: node.span,
                is_literal: node.text().is_some(),
            }),
            _ => {
                let message = format!("`{name}` is `{}`, not a number that the template decides", describe(node));
                diagnostics.push(self.template.unresolved(node.span, message).help("its default is not assumed"));
                None
            }
        }
    }

    fn layer_nodes<'n>(
        &'n self,
        properties: Option<&'n Arc<Node>>,
        serverless: bool,
    ) -> impl Iterator<Item = (&'n Arc<Node>, String)> {
        let global = self.document.at(&["Globals", "Function", "Layers"]).filter(|_| serverless);
        let own = properties.and_then(|node| node.get("Layers"));
        let items = global.into_iter().chain(own).flat_map(|node| node.items());
        items
            .filter_map(|node| self.intrinsics.reduce(node))
            .map(|node| (node, self.intrinsics.text(node).unwrap_or_else(|what| what)))
    }

    fn layers(&self, properties: Option<&Arc<Node>>, serverless: bool) -> Vec<String> {
        self.layer_nodes(properties, serverless).map(|(_, text)| text).collect()
    }

    /// Layers that the template itself makes of a folder.
    fn layer_folders(&self, properties: Option<&Arc<Node>>, serverless: bool) -> BTreeMap<String, PathBuf> {
        let folder = |node: &Arc<Node>| -> Option<PathBuf> {
            let Some(("Ref", id)) = intrinsic(node) else { return None };
            let layer = self.document.at(&["Resources", id.scalar()?])?;
            let kind = layer.get("Type")?.scalar()?;
            let content = match kind {
                "AWS::Serverless::LayerVersion" => layer.at(&["Properties", "ContentUri"]),
                "AWS::Lambda::LayerVersion" => layer.at(&["Properties", "Content"]),
                _ => return None,
            };
            let uri = self.intrinsics.text(content?).ok()?;
            let folder = paths::join(&self.folder(), uri.trim());
            folder.is_dir().then_some(folder)
        };
        self.layer_nodes(properties, serverless).filter_map(|(node, text)| Some((text, folder(node)?))).collect()
    }

    fn environment(&self, properties: Option<&Arc<Node>>, serverless: bool) -> BTreeMap<String, EnvValue> {
        let global = self.document.at(&["Globals", "Function", "Environment", "Variables"]).filter(|_| serverless);
        let own = properties.and_then(|node| node.at(&["Environment", "Variables"]));
        let mut variables = BTreeMap::new();
        for entry in global.into_iter().chain(own).flat_map(|node| node.entries()) {
            let Some(node) = self.intrinsics.reduce(&entry.value) else { continue };
            let value = match self.intrinsics.text(node) {
                Ok(text) => EnvValue::Literal(text),
                Err(_) if node.is_null() => EnvValue::Literal(String::new()),
                Err(what) => EnvValue::Unresolved(what),
            };
            variables.insert(entry.key.clone(), value);
        }
        variables
    }

    fn events(&self, node: &Node) -> Vec<EventSource> {
        let mut events = Vec::new();
        for entry in node.entries() {
            let Some(kind) = entry.value.get("Type").and_then(|node| node.scalar()) else { continue };
            let (batch_size, details) = self.details(entry.value.get("Properties"));
            events.push(EventSource { kind: kind.to_owned(), name: entry.key.clone(), batch_size, details });
        }
        events
    }

    fn mapping(&self, id: &str, resource: &Node) -> Option<(String, EventSource)> {
        let properties = resource.get("Properties")?;
        let function = properties.get("FunctionName")?;
        let function = match function.scalar() {
            Some(text) => text,
            None => function
                .entries()
                .first()?
                .value
                .scalar()
                .or_else(|| function.entries().first()?.value.items().first()?.scalar())?,
        };
        let function = function.split('.').next().unwrap_or(function).trim_matches(['$', '{', '}']).to_owned();
        let (batch_size, details) = self.details(Some(properties));
        Some((
            function,
            EventSource { kind: "EventSourceMapping".to_owned(), name: id.to_owned(), batch_size, details },
        ))
    }

    fn details(&self, properties: Option<&Arc<Node>>) -> (Option<u64>, BTreeMap<String, String>) {
        let mut details = BTreeMap::new();
        for entry in properties.map(|node| node.entries()).unwrap_or_default() {
            if let Value::Scalar { .. } = entry.value.value
                && !entry.value.is_null()
            {
                let text = self.intrinsics.text(&entry.value).unwrap_or_else(|what| what);
                details.insert(entry.key.clone(), text);
            }
        }
        let batch_size = details.get("BatchSize").and_then(|text| whole_number(text));
        (batch_size, details)
    }
}

/// Whether a path is a template by its name.
pub fn is_template_name(path: &Path) -> bool {
    let name = paths::name(path).to_lowercase();
    ["yaml", "yml", "json"]
        .iter()
        .any(|extension| name == format!("template.{extension}") || name.ends_with(&format!(".template.{extension}")))
        || name.ends_with(".template")
}
