//! Serverless Framework: `serverless.yml`, `.yaml`, `.json`, with the variables that the files themselves decide.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::template::{Entry, Target, Template, is_python, runtime, whole_number};
use super::yaml::{Node, Value};
use super::{EnvValue, EventSource, Origin, Placed, Platform, Settings, image, paths};
use crate::diagnostic::{Diagnostic, Span};

/// Deepest nesting of variables and of files that include files.
const MAX_DEPTH: usize = 16;
/// Most evaluations of variables a template.
const MAX_STEPS: u32 = 100_000;
/// Most files that a template includes.
const MAX_FILES: usize = 256;

/// Whether a path is a service file by its name.
pub fn is_service_name(path: &Path) -> bool {
    let name = paths::name(path).to_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let is_service = stem == "serverless" || stem.starts_with("serverless-") || stem.starts_with("serverless.");
    is_service && matches!(paths::extension(path).as_str(), "yml" | "yaml" | "json")
}

/// Whether a path is a service file that is a program.
pub fn is_service_program(path: &Path) -> bool {
    matches!(paths::name(path).to_lowercase().as_str(), "serverless.ts" | "serverless.js")
}

/// Whether a document describes a service.
pub fn is_service(template: &Template) -> bool {
    template.documents.first().is_some_and(|document| {
        document.get("provider").is_some() && document.get("Resources").is_none() && document.get("resource").is_none()
    })
}

/// The functions of a service.
pub fn entries(template: &Template, diagnostics: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let Some(document) = template.documents.first() else { return Vec::new() };
    let service = Service {
        template,
        document,
        folder: paths::parent(&template.path),
        steps: Cell::new(0),
        files: RefCell::new(BTreeMap::new()),
    };
    service.entries(diagnostics)
}

struct Service<'t> {
    template: &'t Template,
    document: &'t Arc<Node>,
    folder: PathBuf,
    steps: Cell<u32>,
    files: RefCell<BTreeMap<PathBuf, Option<Arc<Node>>>>,
}

impl Service<'_> {
    fn entries(&self, diagnostics: &mut Vec<Diagnostic>) -> Vec<Entry> {
        let mut found = Vec::new();
        let Some(functions) = self.document.get("functions") else { return found };
        let functions = match self.node(functions, 0) {
            Ok(functions) => functions,
            Err(what) => {
                let message = format!("the functions are `{what}`, which cannot be read here");
                diagnostics.push(self.template.unresolved(functions.span, message));
                return found;
            }
        };
        let mut maps = vec![Arc::clone(&functions)];
        for item in functions.items() {
            match self.node(item, 0) {
                Ok(node) => maps.push(node),
                Err(what) => {
                    let message = format!("some functions are `{what}`, which cannot be read here");
                    diagnostics.push(self.template.unresolved(item.span, message));
                }
            }
        }
        for entry in maps.iter().flat_map(|map| map.entries()) {
            match self.node(&entry.value, 0) {
                Ok(function) => found.extend(self.function(&entry.key, entry.key_span, &function, diagnostics)),
                Err(what) => {
                    let message = format!("the function `{}` is `{what}`, which cannot be read here", entry.key);
                    diagnostics.push(self.template.unresolved(entry.key_span, message));
                }
            }
        }
        found
    }

    /// A property of the provider (`provider: aws` is short for its name).
    fn provider(&self, name: &str) -> Option<Arc<Node>> {
        let provider = self.document.get("provider").and_then(|node| self.node(node, 0).ok())?;
        match &provider.value {
            Value::Map(_) => provider.get(name).cloned(),
            Value::Scalar { .. } | Value::List(_) => (name == "name").then_some(provider),
        }
    }

    fn function(&self, id: &str, span: Span, function: &Arc<Node>, diagnostics: &mut Vec<Diagnostic>) -> Option<Entry> {
        let property = |name: &str| function.get(name).cloned().or_else(|| self.provider(name));
        let platform = match self.provider("name").and_then(|node| self.text(&node, 0).ok()).as_deref() {
            None | Some("aws") => Platform::AwsLambda,
            Some("google") => Platform::GoogleCloud,
            Some("azure") => Platform::Azure,
            Some(_) => Platform::Unknown,
        };
        let image = function.get("image");
        let runtime_text = property("runtime").map(|node| self.text(&node, 0));
        if image.is_none() && matches!(&runtime_text, Some(Ok(text)) if !is_python(text)) {
            return None;
        }
        let is_known = matches!(&runtime_text, Some(Ok(_)));
        let environment = [self.provider("environment"), function.get("environment").cloned()];
        let mut settings = Settings {
            runtime: runtime_text.and_then(Result::ok).and_then(|text| runtime(&text)),
            memory_mb: self.number(property("memorySize"), "memorySize", diagnostics),
            timeout_s: self.number(property("timeout"), "timeout", diagnostics),
            ephemeral_storage_mb: self.number(property("ephemeralStorageSize"), "ephemeralStorageSize", diagnostics),
            layer_folders: BTreeMap::new(),
            layers: property("layers")
                .and_then(|node| self.node(&node, 0).ok())
                .map(|node| node.items().iter().map(|item| self.text(item, 0).unwrap_or_else(|what| what)).collect())
                .unwrap_or_default(),
            package: Some(if image.is_some() { "Image" } else { "Zip" }.to_owned()),
            architecture: property("architecture").and_then(|node| self.text(&node, 0).ok()),
            environment: environment.into_iter().flatten().flat_map(|node| self.environment(&node)).collect(),
            events: function
                .get("events")
                .and_then(|node| self.node(node, 0).ok())
                .map(|node| node.items().iter().filter_map(|event| self.event(event)).collect())
                .unwrap_or_default(),
        };
        let origin = Origin::Template { file: self.template.path.clone(), span, logical_id: id.to_owned() };
        let mut entry = Entry {
            template: self.template.path.clone(),
            id: id.to_owned(),
            span,
            origin,
            platform,
            target: Target::Nowhere,
            roots: vec![self.folder.clone()],
            settings: Settings::default(),
            unresolved: None,
            outside_python: !is_known,
        };
        if let Some(image) = image {
            self.image(&mut entry, &mut settings, image);
            entry.settings = settings;
            return Some(entry);
        }
        entry.settings = settings;
        // A package of its own starts in the folder that the requirements plugin calls the module.
        if let Some(module) = function.get("module").and_then(|node| self.text(node, 0).ok()) {
            entry.roots.push(paths::join(&self.folder, module));
        }
        let Some(handler) = function.get("handler") else {
            let message = format!("`{id}` has no `handler`");
            entry.unresolved = Some(self.template.unresolved(span, message));
            return is_known.then_some(entry);
        };
        entry.span = handler.span;
        match self.text(handler, 0) {
            Ok(text) => {
                self.plugin(&mut entry, &text);
                if entry.unresolved.is_none() {
                    entry.target = Target::Dotted(text);
                }
            }
            Err(what) => {
                let message = format!("the handler of `{id}` is `{what}`, which only a deployment decides");
                entry.unresolved = Some(self.template.unresolved(entry.span, message));
            }
        }
        Some(entry)
    }

    /// Handlers that a plugin writes into the package.
    fn plugin(&self, entry: &mut Entry, handler: &str) {
        let module = handler.rsplit_once('.').map_or(handler, |(module, _)| module);
        if module == "wsgi_handler" || module.ends_with("/wsgi_handler") {
            let app = self.document.at(&["custom", "wsgi", "app"]).and_then(|node| self.text(node, 0).ok());
            let served = app.as_deref().unwrap_or("a WSGI application");
            let message = format!("`{handler}` is made by the plugin serverless-wsgi; it serves `{served}`");
            let mut diagnostic = Diagnostic::new(crate::diagnostic::Kind::NotAnalysable, message);
            let file = app.as_deref().and_then(|app| app.rsplit_once('.')).map(|(module, _)| module.replace('.', "/"));
            diagnostic = diagnostic.help(match file {
                Some(file) => format!("name the view that does the work: `{file}.py --handler VIEW`"),
                None => "name the view that does the work: `FILE.py --handler VIEW`".to_owned(),
            });
            entry.unresolved = Some(self.template.diagnostic(entry.span, diagnostic));
        }
    }

    fn image(&self, entry: &mut Entry, settings: &mut Settings, image: &Arc<Node>) {
        let image = self.node(image, 0).ok();
        let name = image.as_ref().and_then(|node| match node.get("name") {
            Some(name) => self.text(name, 0).ok(),
            None => self.text(node, 0).ok(),
        });
        let declared = self.provider("ecr").and_then(|ecr| ecr.at(&["images", name.as_deref()?]).cloned());
        let place = |key: &str| {
            let inside = image.as_ref().and_then(|node| node.get(key)).or_else(|| declared.as_ref()?.get(key));
            inside.and_then(|node| self.text(node, 0).ok())
        };
        let context = place("path").or_else(|| declared.as_ref().and_then(|node| self.text(node, 0).ok()));
        let command = image
            .as_ref()
            .and_then(|node| node.get("command"))
            .and_then(|node| node.items().last().cloned())
            .and_then(|node| self.text(&node, 0).ok());
        let dockerfile = context.map(|context| paths::join(&self.folder, context)).and_then(|context| {
            let file = paths::join(&context, place("file").unwrap_or_else(|| "Dockerfile".to_owned()));
            image::read(&file, &context, place("buildTarget").as_deref())
        });
        let Some(dockerfile) = dockerfile else {
            let message = format!("`{}` is a container image without sources in this project", entry.id);
            entry.unresolved = Some(self.template.unresolved(entry.span, message));
            return;
        };
        settings.runtime = dockerfile.runtime;
        entry.roots = dockerfile.folders;
        entry.outside_python = dockerfile.runtime.is_none();
        match command.or(dockerfile.handler) {
            Some(handler) => entry.target = Target::Dotted(handler),
            None => {
                let message = format!("`{}` is a container image whose Dockerfile names no handler in `CMD`", entry.id);
                entry.unresolved = Some(self.template.unresolved(entry.span, message));
            }
        }
    }

    fn number(&self, node: Option<Arc<Node>>, name: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Placed<u64>> {
        let node = node?;
        let text = self.text(&node, 0);
        match text.as_deref().map(whole_number) {
            Ok(Some(value)) => Some(Placed {
                value,
                file: self.template.path.clone(),
                span: node.span,
                is_literal: node.text().is_some_and(|text| !text.contains("${")),
            }),
            Ok(None) | Err(_) => {
                let what = text.unwrap_or_else(|what| what);
                let message = format!("`{name}` is `{what}`, not a number that the file decides");
                diagnostics.push(self.template.unresolved(node.span, message).help("its default is not assumed"));
                None
            }
        }
    }

    fn environment(&self, node: &Arc<Node>) -> BTreeMap<String, EnvValue> {
        let Ok(node) = self.node(node, 0) else { return BTreeMap::new() };
        let mut variables = BTreeMap::new();
        for entry in node.entries() {
            let value = match self.text(&entry.value, 0) {
                Ok(text) => EnvValue::Literal(text),
                Err(_) if entry.value.is_null() => EnvValue::Literal(String::new()),
                Err(what) => EnvValue::Unresolved(what),
            };
            variables.insert(entry.key.clone(), value);
        }
        variables
    }

    /// An event: `sqs: {arn: …, batchSize: 10}` or `http: GET hello`.
    fn event(&self, node: &Arc<Node>) -> Option<EventSource> {
        let node = self.node(node, 0).ok()?;
        if let Some(kind) = node.scalar() {
            return Some(EventSource {
                kind: kind.to_owned(),
                name: String::new(),
                batch_size: None,
                details: BTreeMap::new(),
            });
        }
        let entry = node.entries().first()?;
        let mut details = BTreeMap::new();
        let value = self.node(&entry.value, 0).unwrap_or_else(|_| Arc::clone(&entry.value));
        if let Some(text) = value.scalar() {
            details.insert(entry.key.clone(), text.to_owned());
        }
        for detail in value.entries() {
            if let Value::Scalar { .. } = detail.value.value
                && !detail.value.is_null()
            {
                details.insert(detail.key.clone(), self.text(&detail.value, 0).unwrap_or_else(|what| what));
            }
        }
        let batch_size = details.get("batchSize").and_then(|text| whole_number(text));
        Some(EventSource { kind: entry.key.clone(), name: String::new(), batch_size, details })
    }

    /// The text of a node, with its variables replaced; what cannot be resolved otherwise.
    fn text(&self, node: &Arc<Node>, depth: usize) -> Result<String, String> {
        let node = self.node(node, depth)?;
        if node.tag.is_some() {
            return Err(super::intrinsics::describe(&node));
        }
        node.scalar().map(str::to_owned).ok_or_else(|| super::intrinsics::describe(&node))
    }

    /// A node with its variables replaced, if it is a text with variables.
    fn node(&self, node: &Arc<Node>, depth: usize) -> Result<Arc<Node>, String> {
        let Some(text) = node.text().filter(|text| text.contains("${")) else { return Ok(Arc::clone(node)) };
        let text = text.to_owned();
        self.steps.set(self.steps.get().saturating_add(1));
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS || text.len() > 1 << 16 {
            return Err(text.chars().take(80).collect());
        }
        let mut text = text;
        // Innermost variables first: `${self:custom.${opt:stage, 'dev'}}`.
        for _ in 0..64 {
            let Some(start) = text.rfind("${") else { break };
            let Some(length) = text.get(start..).and_then(|rest| rest.find('}')) else { break };
            let end = start + length;
            let variable = text.get(start + 2..end).unwrap_or_default().to_owned();
            let value = self.variable(&variable, depth + 1).ok_or_else(|| format!("${{{variable}}}"))?;
            if start == 0 && end + 1 == text.len() {
                return self.node(&value, depth + 1);
            }
            let value = self.text(&value, depth + 1)?;
            if value.len() > 1 << 16 || value.contains("${") {
                return Err(format!("${{{variable}}}"));
            }
            text.replace_range(start..=end, &value);
        }
        Ok(Node::of_text(text, node.span))
    }

    /// The value of a variable: the first of its sources that the files decide.
    fn variable(&self, variable: &str, depth: usize) -> Option<Arc<Node>> {
        for source in split_sources(variable) {
            let source = source.trim();
            let found = if let Some(text) = literal(source) {
                Some(Node::of_text(text, Span::point(1, 1)))
            } else if let Some(path) = source.strip_prefix("self:") {
                self.walk(self.document, path, depth)
            } else if let Some(rest) = source.strip_prefix("file(") {
                self.file(rest, depth)
            } else if let Some(name) = source.strip_prefix("param:") {
                let stage = self.document.at(&["params", "default", name]);
                stage.cloned()
            } else if source == "sls:stage" {
                let stage = self.provider("stage").filter(|node| !node.text().is_some_and(|t| t.contains("sls:stage")));
                Some(stage.unwrap_or_else(|| Node::of_text("dev".to_owned(), Span::point(1, 1))))
            } else {
                // `opt:`, `env:`, `ssm:`, `cf:`, `aws:`, `s3:` …: known at deployment only.
                None
            };
            if let Some(found) = found
                && let Ok(found) = self.node(&found, depth + 1)
            {
                return Some(found);
            }
        }
        None
    }

    /// The node at `a.b.0` below another.
    fn walk(&self, node: &Arc<Node>, path: &str, depth: usize) -> Option<Arc<Node>> {
        let mut node = Arc::clone(node);
        for key in path.split('.').filter(|key| !key.is_empty()) {
            node = self.node(&node, depth + 1).ok()?;
            let next = match &node.value {
                Value::Map(_) => node.get(key).cloned(),
                Value::List(items) => items.get(key.parse::<usize>().ok()?).cloned(),
                Value::Scalar { .. } => None,
            };
            node = next?;
        }
        Some(node)
    }

    /// `file(path):key`, the path from the service's folder.
    fn file(&self, rest: &str, depth: usize) -> Option<Arc<Node>> {
        let (path, key) = rest.split_once(')')?;
        let file = paths::join(&self.folder, path.trim().trim_matches(['"', '\'']));
        let known = self.files.borrow().get(&file).cloned();
        let document = match known {
            Some(document) => document,
            None => {
                if self.files.borrow().len() >= MAX_FILES
                    || !matches!(paths::extension(&file).as_str(), "yml" | "yaml" | "json")
                {
                    return None;
                }
                let read = Template::read(&file, &mut Vec::new()).and_then(|t| t.documents.first().cloned());
                self.files.borrow_mut().insert(file, read.clone());
                read
            }
        };
        self.walk(&document?, key.trim_start_matches([':', '.']), depth)
    }
}

/// Splits `self:a, 'b, c'` at the commas outside of quotes and brackets.
fn split_sources(variable: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quote, mut depth) = (Vec::new(), 0, None, 0usize);
    for (at, c) in variable.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.extend(variable.get(start..at));
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.extend(variable.get(start..));
    parts
}

/// A literal fallback: a quoted text, a number, a truth value, or a text that an inner variable gave.
fn literal(source: &str) -> Option<String> {
    for quote in ['"', '\''] {
        if let Some(text) = source.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return Some(text.to_owned());
        }
    }
    let is_plain = !source.is_empty() && !source.contains([':', '(']);
    (is_plain && !matches!(source, "null")).then(|| source.to_owned())
}
