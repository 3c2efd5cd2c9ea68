//! Finding handlers: in templates, by decorator, by signature.
//!
//! One file a source of knowledge: [`sam`] (AWS SAM and CloudFormation), [`serverless`] (Serverless Framework),
//! [`azure`] (`function.json` and decorators), [`google`] (the functions framework), [`signature`] (AWS and the rest);
//! [`yaml`] reads templates, [`resolve`] follows names to functions. docs/HANDLERS.md says what is found in which
//! order. Reads files, runs nothing. Depends on `diagnostic` and `project::source`.
//!
//! Invariants: the result is the same on every run (sorted walks, insertion order); a file that cannot be read stops
//! no other; a path of the result is relative when the user's was.

pub mod azure;
pub mod definitions;
pub mod google;
pub mod image;
pub mod intrinsics;
pub mod paths;
pub mod resolve;
pub mod sam;
pub mod serverless;
pub mod signature;
pub mod template;
mod text;
mod wanted;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Kind, Span, near_names};
use crate::project::source::{self, read_text, with_stack};
use crate::project::{Source, Sources};

use definitions::Definitions;
use resolve::{Files, Resolution, module_file};
use template::{Entry, Target, Template, soften};
pub use text::discover_text;

/// A handler: the function that a platform calls, and what is known of how it is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The file that defines it, as the user would name it: relative when the input was. For code that a template
    /// holds ([`Handler::inline`]) the template.
    pub file: PathBuf,
    /// The dotted module of that file, relative to `code_root`.
    pub module: String,
    /// `lambda_handler`, or `Class.method`.
    pub function: String,
    /// What the platform calls, `module.function` from `code_root`. Differs from [`Handler::name`] where that name is
    /// an alias, an object or a wrapper of the function.
    pub entry: String,
    /// The folder that absolute imports start from: what `CodeUri` names, or the folder of the file.
    pub code_root: PathBuf,
    /// How it was found.
    pub origin: Origin,
    /// Where else it was found: other templates, or other entries of the same one.
    pub others: Vec<Origin>,
    /// Where it runs.
    pub platform: Platform,
    /// What the template says of its deployment.
    pub settings: Settings,
    /// Its source, when the template itself holds it; empty lines before it keep the template's line numbers.
    pub inline: Option<String>,
}

impl Handler {
    /// `module.function`, as templates write it.
    pub fn name(&self) -> String {
        if self.module.is_empty() { self.function.clone() } else { format!("{}.{}", self.module, self.function) }
    }

    /// Reads and parses its file (or the source that its template holds).
    ///
    /// # Errors
    /// Those of [`Source::load`].
    pub fn source(&self) -> Result<Source, Diagnostic> {
        match &self.inline {
            Some(text) => Source::parse(&self.file, text.as_str()),
            None => Source::load(&self.file),
        }
    }
}

/// How a handler was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A template names it.
    Template {
        /// The template.
        file: PathBuf,
        /// The place of the function's entry.
        span: Span,
        /// The name that the template gives to the function.
        logical_id: String,
    },
    /// An Azure `function.json` names it.
    FunctionJson {
        /// The file.
        file: PathBuf,
        /// The place of `entryPoint` or `scriptFile`.
        span: Span,
    },
    /// A decorator registers it.
    Decorator,
    /// Its parameters are those of a handler.
    Signature,
    /// `--handler` names it.
    Option,
    /// A name that platforms call is an alias of it, wraps it, or imports it.
    Assignment,
}

/// Where a handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// AWS Lambda.
    AwsLambda,
    /// Google Cloud Functions, or Cloud Run with the functions framework.
    GoogleCloud,
    /// Azure Functions.
    Azure,
    /// Nothing tells.
    Unknown,
}

/// A value of a template and its place, so that it can be edited there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// The template.
    pub file: PathBuf,
    /// The place of the property's value.
    pub span: Span,
    /// Whether the value stands at that place itself (and not a reference to it).
    pub is_literal: bool,
}

/// What a template says of a function. Nothing is assumed: a property that is not there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The version of Python.
    pub runtime: Option<(u8, u8)>,
    /// The memory setting, in MB as the platform counts them.
    pub memory_mb: Option<Placed<u64>>,
    /// The timeout, in seconds.
    pub timeout_s: Option<Placed<u64>>,
    /// The size of `/tmp`, in MB.
    pub ephemeral_storage_mb: Option<Placed<u64>>,
    /// Layers, as the template writes them.
    pub layers: Vec<String>,
    /// Those of them that the template defines from a folder of the project, by that text.
    pub layer_folders: BTreeMap<String, PathBuf>,
    /// `Zip` or `Image`.
    pub package: Option<String>,
    /// `x86_64` or `arm64`.
    pub architecture: Option<String>,
    /// Environment variables.
    pub environment: BTreeMap<String, EnvValue>,
    /// What calls the function.
    pub events: Vec<EventSource>,
}

impl Settings {
    /// The environment variables whose values the template decides.
    pub fn literal_environment(&self) -> BTreeMap<String, String> {
        let literal = |(name, value): (&String, &EnvValue)| match value {
            EnvValue::Literal(text) => Some((name.clone(), text.clone())),
            EnvValue::Unresolved(_) => None,
        };
        self.environment.iter().filter_map(literal).collect()
    }
}

/// The value of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// A text that the template decides.
    Literal(String),
    /// What only a deployment decides, as written: `!Ref Table`.
    Unresolved(String),
}

/// What calls a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSource {
    /// The kind, as the template writes it: `Api`, `SQS`, `httpTrigger`.
    pub kind: String,
    /// The name of the event, or of the parameter that it is bound to; may be empty.
    pub name: String,
    /// Most records of one call.
    pub batch_size: Option<u64>,
    /// Its other simple properties.
    pub details: BTreeMap<String, String>,
}

/// Finds the handlers of files, folders and templates. `wanted` is the name that the user gave (`--handler`): it wins
/// over everything that is found otherwise.
///
/// A file, a template or an entry with a mistake is reported, and the others are still done.
pub fn discover(paths: &[PathBuf], wanted: Option<&str>) -> (Vec<Handler>, Vec<Diagnostic>) {
    discover_with(paths, wanted, &Arc::default())
}

/// The same; the files of handlers stay in `sources`, parsed, as far as there is room.
pub fn discover_with(
    paths: &[PathBuf],
    wanted: Option<&str>,
    sources: &Arc<Sources>,
) -> (Vec<Handler>, Vec<Diagnostic>) {
    with_stack(|| {
        let mut discovery = Discovery::default();
        discovery.files.sources = Arc::clone(sources);
        for path in paths {
            discovery.path(&paths::normal(path), wanted);
        }
        if let Some(wanted) = wanted {
            discovery.select(wanted);
        }
        discovery.finish()
    })
}

/// Folders that hold no code of the project's own.
const SKIPPED: [&str; 6] =
    ["node_modules", "site-packages", "__pycache__", "bower_components", "venv", "__pypackages__"];

/// How many folders above a file are searched for templates when no repository's root ends the search.
const LEVELS_ABOVE: usize = 3;

/// Environment variables in which agents of monitoring services keep the name of the real handler.
const REAL_HANDLER: [&str; 6] = [
    "DD_LAMBDA_HANDLER",
    "NEW_RELIC_LAMBDA_HANDLER",
    "LUMIGO_ORIGINAL_HANDLER",
    "SENTRY_INITIAL_HANDLER",
    "EPSAGON_HANDLER",
    "ORIG_HANDLER",
];

#[derive(Debug, Default)]
struct Discovery {
    files: Files,
    handlers: Vec<Handler>,
    diagnostics: Vec<Diagnostic>,
    /// Templates that were read.
    visited: BTreeSet<PathBuf>,
    /// Python files that a template names.
    claimed: BTreeSet<PathBuf>,
    /// Folders that templates name as code.
    roots: BTreeSet<PathBuf>,
    /// Every Python file of the input, for `--handler`; whether the user named the file itself.
    universe: BTreeMap<PathBuf, bool>,
    /// The modules below a folder, for near names.
    modules: Modules,
}

type Modules = BTreeMap<PathBuf, Vec<String>>;

/// Where the code of an entry is.
struct Located {
    root: PathBuf,
    file: PathBuf,
    function: String,
}

impl Discovery {
    fn path(&mut self, path: &Path, wanted: Option<&str>) {
        let before = (self.handlers.len(), self.errors());
        let extension = paths::extension(path);
        match std::fs::metadata(path) {
            Err(error) => self.diagnostics.push(
                Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}"))
                    .in_file(path)
                    .help("check the path and its permissions"),
            ),
            Ok(metadata) if metadata.is_dir() => self.folder(path),
            Ok(_) if serverless::is_service_program(path) => self.service_program(path),
            Ok(_) if matches!(extension.as_str(), "yml" | "yaml" | "json" | "template") => {
                self.universe_of(&paths::parent(path), wanted);
                self.template(path, true);
            }
            Ok(_) => self.python_file(path),
        }
        // Whatever went wrong was said; silence would be taken for success.
        if wanted.is_none() && (self.handlers.len(), self.errors()) == before {
            self.diagnostics.push(
                Diagnostic::new(Kind::NoHandler, "no handler was found that can be analysed").in_file(path).help(
                    "name it with `--handler module.function`; what is recognised is described in docs/HANDLERS.md",
                ),
            );
        }
    }

    fn errors(&self) -> usize {
        self.diagnostics.iter().chain(&self.files.diagnostics).filter(|diagnostic| diagnostic.is_error()).count()
    }

    fn service_program(&mut self, path: &Path) {
        self.diagnostics.push(
            Diagnostic::new(Kind::UnresolvedTemplate, "this service is described by a program, which is not run")
                .in_file(path)
                .help("write it out once with `serverless print`, or name the Python file and its handler"),
        );
    }

    /// With `--handler`, a template also stands for the Python files beside and below it.
    fn universe_of(&mut self, folder: &Path, wanted: Option<&str>) {
        if wanted.is_some() {
            for file in walk(folder).python {
                self.universe.entry(file).or_insert(false);
            }
        }
    }

    // Templates.

    /// Reads a template and resolves its entries. `named`: the user named it, or its own name says what it is.
    fn template(&mut self, path: &Path, named: bool) {
        if !self.visited.insert(path.to_path_buf()) {
            return;
        }
        let mut found = Vec::new();
        let template = Template::read(path, &mut found);
        self.diagnostics.extend(found.into_iter().map(|found| if named { found } else { soften(found) }));
        if let Some(template) = template {
            self.read_template(&template);
        }
    }

    fn read_template(&mut self, template: &Template) {
        let mut diagnostics = Vec::new();
        let (entries, nested) = entries(template, &mut diagnostics);
        self.take_entries(template, entries, nested, diagnostics);
    }

    fn take_entries(
        &mut self,
        template: &Template,
        entries: Vec<Entry>,
        nested: Vec<PathBuf>,
        diagnostics: Vec<Diagnostic>,
    ) {
        self.diagnostics.extend(diagnostics);
        for entry in entries {
            if let Some(handler) = self.entry(template, entry) {
                self.handlers.push(handler);
            }
        }
        for path in nested {
            self.template(&path, true);
        }
    }

    /// The handler of an entry; what is wrong with it is reported.
    fn entry(&mut self, template: &Template, mut entry: Entry) -> Option<Handler> {
        if let Some(problem) = entry.unresolved.take() {
            self.diagnostics.push(problem);
            return None;
        }
        let handler = |file: PathBuf, module: String, function: String, root: PathBuf, entry: Entry| Handler {
            entry: dotted(&module, &function),
            file,
            module,
            function,
            code_root: root,
            origin: entry.origin,
            others: Vec::new(),
            platform: entry.platform,
            settings: entry.settings,
            inline: None,
        };
        if let Target::Inline { text, function } = entry.target.clone() {
            let facts = match Source::parse(&template.path, text.as_str()) {
                Ok(source) => Definitions::of(&source),
                Err(error) => {
                    self.diagnostics.push(error);
                    return None;
                }
            };
            let names: Vec<String> = facts.functions().into_iter().map(|(name, _)| name).collect();
            if !names.contains(&function) {
                // Without a runtime it may well be JavaScript.
                let message = format!("the code of `{}` does not define `{function}`", entry.id);
                self.diagnostics.push(template.diagnostic(entry.span, unknown(message, &function, &names)));
                return None;
            }
            let root = entry.roots.first().cloned().unwrap_or_else(|| PathBuf::from("."));
            let found = handler(template.path.clone(), "index".to_owned(), function, root, entry);
            return Some(Handler { inline: Some(text), ..found });
        }
        let located = match locate(&entry, Some(&mut self.modules)) {
            Ok(located) => located,
            Err(None) => return None,
            Err(Some(problem)) => {
                self.diagnostics.push(template.diagnostic(entry.span, *problem));
                return None;
            }
        };
        self.roots.insert(located.root.clone());
        match resolve::resolve(&mut self.files, &located.root, &located.file, &located.function) {
            Resolution::Function { file, function, .. } => {
                self.claimed.insert(located.file.clone());
                self.claimed.insert(file.clone());
                let (root, module) = module_below(&located.root, &file);
                let found = handler(file, module, function, root, entry);
                Some(Handler { entry: entry_of(&located.file, &located.function, &found), ..found })
            }
            Resolution::NotAnalysable(problem) => {
                self.claimed.insert(located.file);
                self.diagnostics.push(*problem);
                None
            }
            Resolution::Missing(names) => {
                let message = format!(
                    "`{}` does not define `{}`, the handler of `{}`",
                    located.file.display(),
                    located.function,
                    entry.id
                );
                self.diagnostics.push(template.diagnostic(entry.span, unknown(message, &located.function, &names)));
                None
            }
            Resolution::Unreadable => None,
        }
    }

    // Python files.

    /// A file that the user named: templates beside and above it first, then what the file itself says.
    fn python_file(&mut self, path: &Path) {
        self.universe.insert(path.to_path_buf(), true);
        let Some(facts) = self.files.definitions(path) else { return };
        let before = self.handlers.len();
        let said = self.diagnostics.len();
        for folder in folders_above(path) {
            for candidate in templates_of(&folder) {
                let mut found = Vec::new();
                let template = Template::read(&candidate, &mut found);
                // The user asked for the Python file: a template's mistakes must not hide it.
                if paths::name(&candidate) != "function.json" {
                    self.diagnostics
                        .extend(found.into_iter().filter(|found| found.kind == Kind::InvalidTemplate).map(soften));
                }
                let Some(template) = template else { continue };
                let mut problems = Vec::new();
                for entry in entries(&template, &mut problems).0 {
                    if entry.unresolved.is_none()
                        && locate(&entry, None).is_ok_and(|located| located.file == path)
                        && let Some(handler) = self.entry(&template, entry)
                    {
                        self.handlers.push(handler);
                    }
                }
            }
            if self.handlers.len() > before {
                break;
            }
        }
        let templates = self.diagnostics.split_off(said);
        self.diagnostics.extend(templates.into_iter().map(soften));
        if self.handlers.len() > before {
            return;
        }
        let found = signature::find(&facts, true);
        self.found(&facts, found);
    }

    /// Turns what a file's definitions say into handlers.
    fn found(&mut self, facts: &Arc<Definitions>, found: signature::Found) {
        let mut handlers: Vec<Handler> = Vec::new();
        let root = code_root(facts);
        for candidate in found.candidates {
            let host = if candidate.platform == Platform::Azure { host_folder(&facts.path) } else { None };
            let root = host.clone().unwrap_or_else(|| root.clone());
            let settings = Settings { timeout_s: host.as_deref().and_then(azure::timeout), ..Settings::default() };
            let (root, module) = module_below(&root, &facts.path);
            handlers.push(Handler {
                entry: dotted(&module, &candidate.function),
                file: facts.path.clone(),
                module,
                function: candidate.function,
                code_root: root,
                origin: candidate.origin,
                others: Vec::new(),
                platform: candidate.platform,
                settings,
                inline: None,
            });
        }
        for name in found.indirect {
            match resolve::resolve(&mut self.files, &root, &facts.path, &name) {
                Resolution::Function { file, function, .. } => {
                    if handlers.iter().any(|handler| handler.file == file && handler.function == function) {
                        continue;
                    }
                    let (root, module) = module_below(&root, &file);
                    let found = Handler {
                        entry: String::new(),
                        file,
                        module,
                        function,
                        code_root: root,
                        origin: Origin::Assignment,
                        others: Vec::new(),
                        platform: Platform::AwsLambda,
                        settings: Settings::default(),
                        inline: None,
                    };
                    handlers.push(Handler { entry: entry_of(&facts.path, &name, &found), ..found });
                }
                Resolution::NotAnalysable(problem) => self.diagnostics.push(*problem),
                Resolution::Missing(_) | Resolution::Unreadable => {}
            }
        }
        self.handlers.append(&mut handlers);
    }

    /// A folder: its templates decide; Python files that none of them names are searched.
    fn folder(&mut self, folder: &Path) {
        let walked = walk(folder);
        self.diagnostics.extend(walked.diagnostics);
        for path in &walked.python {
            self.universe.entry(path.clone()).or_insert(false);
        }
        let pool = rayon::ThreadPoolBuilder::new().stack_size(source::STACK_BYTES).build().ok();
        // Reading and parsing side by side, a bounded number at once; what they say is taken in order.
        for chunk in walked.templates.chunks(TEMPLATES_AT_ONCE) {
            let sources = Arc::clone(&self.files.sources);
            let read = |path: &PathBuf| ReadTemplate::of(path, &sources);
            let read: Vec<Read> = match &pool {
                Some(pool) => pool.install(|| chunk.par_iter().map(read).collect()),
                None => chunk.iter().map(read).collect(),
            };
            for (path, read) in chunk.iter().zip(read) {
                match read {
                    Read::Template(read) => self.take_template(path, *read),
                    Read::Program => self.service_program(path),
                    Read::Nothing => {}
                }
            }
        }
        let rest: Vec<&PathBuf> = walked
            .python
            .iter()
            .filter(|path| !self.claimed.contains(*path) && !is_test(path) && !is_asset(folder, path))
            .collect();
        let roots: Vec<&PathBuf> = self.roots.iter().collect();
        let sources = Arc::clone(&self.files.sources);
        let search = |path: &&PathBuf| -> Result<Option<(Arc<Definitions>, signature::Found)>, Diagnostic> {
            let source = Arc::new(Source::load(path)?);
            let facts = Definitions::of(&source);
            let mut found = signature::find(&facts, false);
            // Among the code of a function, `(event, context)` is how its helpers look too.
            if roots.iter().any(|root| root.as_path() == Path::new(".") || path.starts_with(root)) {
                found.candidates.retain(|candidate| {
                    candidate.origin == Origin::Decorator
                        || matches!(candidate.function.as_str(), "lambda_handler" | "handler")
                });
            }
            let is_empty = found.candidates.is_empty() && found.indirect.is_empty();
            if !is_empty {
                sources.keep(&source);
            }
            Ok((!is_empty).then(|| (Arc::new(facts), found)))
        };
        let results: Vec<_> = match pool {
            Some(pool) => pool.install(|| rest.par_iter().map(search).collect()),
            None => rest.iter().map(search).collect(),
        };
        for result in results {
            match result {
                Ok(Some((facts, found))) => {
                    self.files.insert(Arc::clone(&facts));
                    self.found(&facts, found);
                }
                Ok(None) => {}
                Err(error) => self.diagnostics.push(error),
            }
        }
    }

    /// Takes what a template of a walked folder says, unless it was taken already (as a nested one).
    fn take_template(&mut self, path: &Path, read: ReadTemplate) {
        if !self.visited.insert(path.to_path_buf()) {
            return;
        }
        for facts in read.facts {
            if !self.files.knows(&facts.path) {
                self.files.insert(facts);
            }
        }
        // A file whose name says nothing is no template for sure; what is wrong with it comes after what is right.
        let mut softened: Vec<Diagnostic> = Vec::new();
        if read.named {
            self.diagnostics.extend(read.found);
        } else {
            softened.extend(read.found.into_iter().map(soften));
        }
        if let Some((template, entries, nested, diagnostics)) = read.template {
            self.take_entries(&template, entries, nested, diagnostics);
        }
        self.diagnostics.append(&mut softened);
    }

    /// Merges what was found twice, and gives everything back.
    fn finish(mut self) -> (Vec<Handler>, Vec<Diagnostic>) {
        let mut merged: Vec<Handler> = Vec::new();
        let mut places: BTreeMap<(PathBuf, String, Option<String>), usize> = BTreeMap::new();
        for handler in self.handlers {
            // The same inline code in two functions is two handlers: each has its own place in the template.
            let file = std::path::absolute(&handler.file).unwrap_or_else(|_| handler.file.clone());
            let key = (paths::normal(&file), handler.function.clone(), handler.inline.clone());
            match places.get(&key).and_then(|at| merged.get_mut(*at)) {
                Some(first) => {
                    if first.origin != handler.origin && !first.others.contains(&handler.origin) {
                        first.others.push(handler.origin);
                    }
                }
                None => {
                    places.insert(key, merged.len());
                    merged.push(handler);
                }
            }
        }
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        let mut seen = BTreeSet::new();
        for diagnostic in self.files.diagnostics.drain(..).chain(self.diagnostics) {
            if seen.insert(diagnostic.clone()) {
                diagnostics.push(diagnostic);
            }
        }
        (merged, diagnostics)
    }
}

/// Templates of a folder that are read before the first is taken.
const TEMPLATES_AT_ONCE: usize = 256;

/// What a file of a folder is, beside Python.
enum Read {
    /// A template, or something that is named like one.
    Template(Box<ReadTemplate>),
    /// A program that describes a service in Python.
    Program,
    /// Neither.
    Nothing,
}

/// A template, its entries, the templates that it nests, and what is wrong with those.
type Content = (Template, Vec<Entry>, Vec<PathBuf>, Vec<Diagnostic>);

/// A file that may be a template, read.
struct ReadTemplate {
    /// Whether its name says that it is a template.
    named: bool,
    /// None if it is no template.
    template: Option<Content>,
    /// What was wrong in reading it.
    found: Vec<Diagnostic>,
    /// The definitions of the files that its entries name.
    facts: Vec<Arc<Definitions>>,
}

impl ReadTemplate {
    /// Reads a file.
    fn of(path: &Path, sources: &Sources) -> Read {
        if serverless::is_service_program(path) {
            let python = read_text(path).is_ok_and(|text| text.contains("python"));
            return if python { Read::Program } else { Read::Nothing };
        }
        let named =
            sam::is_template_name(path) || serverless::is_service_name(path) || paths::name(path) == "function.json";
        let mut found = Vec::new();
        let template = if named {
            Template::read(path, &mut found)
        } else {
            let Some(text) = read_text(path).ok().filter(|text| sam::may_be_template(text)) else {
                return Read::Nothing;
            };
            Template::parse(path, text, &mut found).filter(sam::is_template)
        };
        let mut facts = Vec::new();
        let template = template.map(|template| {
            let mut diagnostics = Vec::new();
            let (entries, nested) = entries(&template, &mut diagnostics);
            for entry in &entries {
                if entry.unresolved.is_none()
                    && let Ok(located) = locate(entry, None)
                    && let Ok(source) = sources.load(&located.file)
                {
                    facts.push(Arc::new(Definitions::of(&source)));
                }
            }
            (template, entries, nested, diagnostics)
        });
        Read::Template(Box::new(Self { named, template, found, facts }))
    }
}

/// `module.function`; of a module without a name the function alone.
fn dotted(module: &str, function: &str) -> String {
    if module.is_empty() { function.to_owned() } else { format!("{module}.{function}") }
}

/// What the platform calls when `name` of `file` leads to a function: that name, where the code root of the function
/// holds the file.
fn entry_of(file: &Path, name: &str, found: &Handler) -> String {
    match paths::module_of(&found.code_root, file) {
        Some(module) => dotted(&module, name),
        None => found.name(),
    }
}

/// The entries of a template of any kind, and the templates that it nests.
fn entries(template: &Template, diagnostics: &mut Vec<Diagnostic>) -> (Vec<Entry>, Vec<PathBuf>) {
    if azure::is_function_json(template) {
        (azure::entries(template), Vec::new())
    } else if serverless::is_service(template) {
        (serverless::entries(template, diagnostics), Vec::new())
    } else if sam::is_template(template) {
        sam::entries(template, diagnostics)
    } else {
        (Vec::new(), Vec::new())
    }
}

/// The file and function of an entry. `Err(None)`: nothing to say, it is not Python (or, without `known`, nothing is
/// looked for to say).
fn locate(entry: &Entry, known: Option<&mut Modules>) -> Result<Located, Option<Box<Diagnostic>>> {
    let text = match &entry.target {
        Target::File { file, function } => {
            let root = entry.roots.first().cloned().unwrap_or_else(|| paths::parent(file));
            if file.is_file() {
                return Ok(Located { root, file: file.clone(), function: function.clone() });
            }
            let message = format!("`{}`, the script of `{}`, is not there", file.display(), entry.id);
            return Err(Some(Box::new(unknown(message, "", &[]))));
        }
        Target::Dotted(text) => text,
        Target::Inline { .. } | Target::Nowhere => return Err(None),
    };
    let real = REAL_HANDLER.iter().find_map(|name| match entry.settings.environment.get(*name) {
        Some(EnvValue::Literal(handler)) => Some(handler.as_str()),
        Some(EnvValue::Unresolved(_)) | None => None,
    });
    for text in [Some(text.as_str()), real].into_iter().flatten() {
        for root in &entry.roots {
            if let Some(located) = locate_below(root, text) {
                return Ok(located);
            }
        }
    }
    if entry.outside_python {
        return Err(None);
    }
    let text = real.unwrap_or(text).trim();
    if text.starts_with("/opt/") {
        let message = format!("the handler `{text}` of `{}` is a layer's", entry.id);
        let help = "name the Python file and its handler instead: `FILE.py --handler NAME`";
        return Err(Some(Box::new(Diagnostic::new(Kind::UnresolvedTemplate, message).help(help))));
    }
    let Some((module, _)) = text.rsplit_once('.') else {
        let message = format!("the handler `{text}` of `{}` is not of the form `module.function`", entry.id);
        return Err(Some(Box::new(unknown(message, text, &[]))));
    };
    let Some(known) = known else { return Err(None) };
    let mut modules: Vec<String> = Vec::new();
    for root in &entry.roots {
        let below = known.entry(root.clone()).or_insert_with(|| {
            let files = walk(root).python;
            files.iter().take(2_000).filter_map(|file| paths::module_of(root, file)).collect()
        });
        modules.extend(below.iter().cloned());
    }
    let message = format!("no file `{}.py` in the code of `{}`", module.trim_start_matches("./"), entry.id);
    if modules.is_empty() {
        let diagnostic = Diagnostic::new(Kind::UnresolvedTemplate, format!("{message}: it holds no Python"))
            .help("if a build makes it, build first; or name the Python file and its handler");
        return Err(Some(Box::new(diagnostic)));
    }
    let near = module.trim_start_matches("./").replace('/', ".");
    Err(Some(Box::new(unknown(message, &near, &modules))))
}

/// `path/module.function` or `module.Class.method` below a folder.
fn locate_below(root: &Path, text: &str) -> Option<Located> {
    let text = text.trim().replace('\\', "/");
    let mut root = paths::normal(root);
    let mut rest = text.as_str();
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            root = paths::parent(&root);
            rest = after;
        } else {
            break;
        }
    }
    let Some((module, function)) = rest.rsplit_once('.') else {
        // Google names the function alone: it is in `main.py`.
        let file = module_file(&root, "main").filter(|_| !rest.is_empty())?;
        return Some(Located { root, file, function: rest.to_owned() });
    };
    // Of a package that is itself in a folder with dots in its name, the folders come first.
    if let Some((folder, name)) = module.rsplit_once('/') {
        let below = paths::join(&root, folder);
        if !name.is_empty()
            && let Some(file) = module_file(&below, name)
        {
            return Some(Located { root, file, function: function.to_owned() });
        }
    }
    let module = module.replace('/', ".");
    let module = module.trim_matches('.');
    if module.is_empty() || module.contains("..") {
        return None;
    }
    if let Some(file) = module_file(&root, module) {
        return Some(Located { root, file, function: function.to_owned() });
    }
    let (module, class) = module.rsplit_once('.')?;
    let file = module_file(&root, module)?;
    Some(Located { root, file, function: format!("{class}.{function}") })
}

/// An `unknown-handler` with the near names.
fn unknown(message: String, wanted: &str, names: &[String]) -> Diagnostic {
    let near = near_names(wanted, names.iter().map(String::as_str));
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let help = if !near.is_empty() {
        format!("did you mean {}?", quoted(&near))
    } else if names.is_empty() {
        "check the name of the file and of the function".to_owned()
    } else {
        let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
        format!("there are: {}", quoted(&first))
    };
    Diagnostic::new(Kind::UnknownHandler, message).help(help)
}

/// The dotted module of a file below a root; a file outside of it is its own root.
fn module_below(root: &Path, file: &Path) -> (PathBuf, String) {
    match paths::module_of(root, file) {
        Some(module) => (root.to_path_buf(), module),
        None => {
            let root = paths::parent(file);
            let module = paths::module_of(&root, file).unwrap_or_default();
            (root, module)
        }
    }
}

/// The folder that a file's absolute imports start from: its own, or that of the package it is in when its imports
/// say so (a relative import, or one that starts with the package's name).
fn code_root(facts: &Definitions) -> PathBuf {
    let own = paths::parent(&facts.path);
    let mut root = own.clone();
    let mut names = Vec::new();
    while root.join("__init__.py").is_file() && names.len() < 32 {
        let name = paths::name(&root);
        if name.is_empty() || name == ".." {
            break;
        }
        names.push(name);
        root = paths::parent(&root);
    }
    let says_so = facts.has_relative_import || names.iter().any(|name| facts.imports.contains(name));
    if says_so { root } else { own }
}

/// The folder with `host.json`: the root of an Azure function app.
fn host_folder(file: &Path) -> Option<PathBuf> {
    let mut folder = paths::parent(file);
    for _ in 0..=LEVELS_ABOVE {
        if folder.join("host.json").is_file() {
            return Some(folder);
        }
        folder = paths::parent(&folder);
    }
    None
}

/// The folder of a file and those above it, up to the root of the repository or three levels.
fn folders_above(file: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut folder = paths::parent(file);
    for _ in 0..=LEVELS_ABOVE {
        folders.push(folder.clone());
        let above = paths::parent(&folder);
        if folder.join(".git").exists() || above == folder {
            break;
        }
        folder = above;
    }
    folders
}

/// The templates that a folder holds itself, sorted.
fn templates_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| paths::join(folder, entry.file_name()))
        .filter(|path| {
            is_template_like(path)
                && path.is_file()
                && (sam::is_template_name(path)
                    || serverless::is_service_name(path)
                    || paths::name(path) == "function.json"
                    || read_text(path).is_ok_and(|text| sam::may_be_template(&text)))
        })
        .collect();
    found.sort();
    found
}

fn is_template_like(path: &Path) -> bool {
    matches!(paths::extension(path).as_str(), "yml" | "yaml" | "json" | "template")
}

/// Whether a file's name says that it holds tests, or that it is a build script.
fn is_test(path: &Path) -> bool {
    let name = paths::name(path);
    name.starts_with("test_") || name.ends_with("_test.py") || matches!(name.as_str(), "conftest.py" | "setup.py")
}

/// Whether a file is in an asset of a CDK build below the walked folder: a copy of a source elsewhere.
fn is_asset(folder: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.iter().any(|part| part == "cdk.out")
}

/// The files of a folder that can matter.
#[derive(Default)]
struct Walked {
    python: Vec<PathBuf>,
    templates: Vec<PathBuf>,
    diagnostics: Vec<Diagnostic>,
}

/// Walks a folder in sorted order. Hidden folders, virtual environments, installed packages and build folders are
/// left out; what version control ignores is not, because generated handlers are handlers too.
fn walk(folder: &Path) -> Walked {
    let mut walked = Walked::default();
    let walker = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(|entry| {
            if entry.depth() == 0 || !entry.file_type().is_some_and(|kind| kind.is_dir()) {
                return true;
            }
            let name = entry.file_name().to_string_lossy();
            !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) && !entry.path().join("pyvenv.cfg").is_file()
        })
        .build();
    for entry in walker {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let message = format!("cannot be read: {error}");
                let mut diagnostic = Diagnostic::new(Kind::CannotRead, message).in_file(folder);
                diagnostic.help = Some("check the permissions of the folder; the others are done".to_owned());
                walked.diagnostics.push(diagnostic);
                continue;
            }
        };
        let is_file =
            entry.file_type().is_some_and(|kind| kind.is_file()) || entry.path_is_symlink() && entry.path().is_file();
        if !is_file {
            continue;
        }
        let path = paths::normal(entry.path());
        if paths::extension(&path) == "py" {
            walked.python.push(path);
        } else if is_template_like(&path) || serverless::is_service_program(&path) {
            walked.templates.push(path);
        }
    }
    walked
}
