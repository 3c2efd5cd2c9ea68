//! From a name (`app.Class.method`) to the function that it stands for: through aliases, imports, wrappers.
//!
//! Depends on `definitions` and `project::source`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::definitions::{DefinitionKind, Definitions, Shape};
use super::paths;
use crate::diagnostic::{Diagnostic, Kind};
use crate::project::Sources;

/// Longest chain of aliases and imports that is followed.
const MAX_STEPS: usize = 32;

/// Python files read so far. A file that cannot be read is reported once.
#[derive(Debug, Default)]
pub struct Files {
    cache: BTreeMap<PathBuf, Option<Arc<Definitions>>>,
    /// Where the parsed files stay, for what comes after.
    pub sources: Arc<Sources>,
    /// What went wrong in reading them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Files {
    /// The definitions of a file; none when it cannot be read or parsed.
    pub fn definitions(&mut self, path: &Path) -> Option<Arc<Definitions>> {
        if let Some(known) = self.cache.get(path) {
            return known.clone();
        }
        let found = match self.sources.load(path) {
            Ok(source) => Some(Arc::new(Definitions::of(&source))),
            Err(error) => {
                self.diagnostics.push(error);
                None
            }
        };
        self.cache.insert(path.to_path_buf(), found.clone());
        found
    }

    /// Whether a file was read already.
    pub fn knows(&self, path: &Path) -> bool {
        self.cache.contains_key(path)
    }

    /// Adds a file that was read elsewhere.
    pub fn insert(&mut self, definitions: Arc<Definitions>) {
        self.cache.insert(definitions.path.clone(), Some(definitions));
    }
}

/// What a name stands for.
#[derive(Debug)]
pub enum Resolution {
    /// A function of a file.
    Function {
        /// The file that defines it.
        file: PathBuf,
        /// `function` or `Class.method`.
        function: String,
        /// Whether an assignment or import stands between the name and the function.
        indirect: bool,
    },
    /// Something made at run time. The diagnostic says what, where and what to do.
    NotAnalysable(Box<Diagnostic>),
    /// No such name; these are there.
    Missing(Vec<String>),
    /// The file cannot be read: already reported.
    Unreadable,
}

/// Finds the function that `name` stands for in `file`; absolute imports are looked up below `root`.
pub fn resolve(files: &mut Files, root: &Path, file: &Path, name: &str) -> Resolution {
    let mut search = Search { files, root, steps: 0 };
    search.name(file, name, false)
}

/// The file of a dotted module below a folder: `pkg.mod` is `pkg/mod.py` or `pkg/mod/__init__.py`.
pub fn module_file(folder: &Path, module: &str) -> Option<PathBuf> {
    if module.is_empty() {
        let file = paths::join(folder, "__init__.py");
        return file.is_file().then_some(file);
    }
    let stem = paths::join(folder, module.replace('.', "/"));
    let mut file = stem.clone().into_os_string();
    file.push(".py");
    let file = PathBuf::from(file);
    if file.is_file() {
        return Some(file);
    }
    let package = stem.join("__init__.py");
    package.is_file().then_some(package)
}

struct Search<'a> {
    files: &'a mut Files,
    root: &'a Path,
    steps: usize,
}

impl Search<'_> {
    fn name(&mut self, file: &Path, name: &str, indirect: bool) -> Resolution {
        self.steps += 1;
        let Some(facts) = self.files.definitions(file) else { return Resolution::Unreadable };
        let (head, tail) = match name.split_once('.') {
            Some((head, tail)) => (head, Some(tail)),
            None => (name, None),
        };
        if self.steps > MAX_STEPS {
            return not_analysable(&facts, head, format!("`{head}` is defined in a circle of aliases or imports"));
        }
        let Some(definition) = facts.names.get(head) else {
            for (module, level) in &facts.star_imports {
                if let Some(other) = self.import(file, module, *level)
                    && other != file
                    && let found @ (Resolution::Function { .. } | Resolution::NotAnalysable(_)) =
                        self.name(&other, name, true)
                {
                    return found;
                }
            }
            return missing(&facts);
        };
        match (&definition.kind, tail) {
            (DefinitionKind::Function(_), None) => {
                Resolution::Function { file: file.to_path_buf(), function: head.to_owned(), indirect }
            }
            (DefinitionKind::Function(_), Some(_)) => missing(&facts),
            (DefinitionKind::Class(class), Some(method)) => {
                if class.methods.contains_key(method) {
                    return Resolution::Function { file: file.to_path_buf(), function: name.to_owned(), indirect };
                }
                for base in &class.bases {
                    if base != head
                        && let found @ Resolution::Function { .. } =
                            self.name(file, &format!("{base}.{method}"), indirect)
                    {
                        return found;
                    }
                }
                missing(&facts)
            }
            (DefinitionKind::Class(class), None) => {
                let methods: Vec<String> = class.methods.keys().map(|method| format!("{head}.{method}")).collect();
                let diagnostic = Diagnostic::new(Kind::NotAnalysable, format!("`{head}` is a class, not a function"));
                let diagnostic = match methods.first() {
                    Some(first) => diagnostic.help(format!("name one of its methods: `--handler {first}`")),
                    None => diagnostic.help("name a function with `--handler`"),
                };
                Resolution::NotAnalysable(Box::new(facts.diagnostic(head, diagnostic)))
            }
            (DefinitionKind::Assigned(Shape::Lambda(_)), None) => {
                Resolution::Function { file: file.to_path_buf(), function: head.to_owned(), indirect }
            }
            (DefinitionKind::Assigned(shape), tail) => match self.shape(file, &facts, shape, tail) {
                Some(found) => found,
                None => not_analysable(&facts, head, reason(&facts, head, shape)),
            },
            (DefinitionKind::Imported { module, level, name: imported }, tail) => {
                let imported = imported.as_deref();
                // `from package import module`, then `module.function`.
                let full = [module.as_str(), imported.unwrap_or_default()];
                let full: Vec<&str> = full.into_iter().filter(|part| !part.is_empty()).collect();
                if let Some(tail) = tail
                    && let Some(found) = self.submodule(file, &full.join("."), *level, tail)
                {
                    return found;
                }
                if let Some(imported) = imported
                    && let Some(other) = self.import(file, module, *level)
                    && other != file
                {
                    let wanted = tail.map_or_else(|| imported.to_owned(), |tail| format!("{imported}.{tail}"));
                    return self.name(&other, &wanted, true);
                }
                let from = format!("{}{}", ".".repeat(*level as usize), full.join("."));
                let said = format!("`{name}` is imported from `{from}`, which is not among the project's files");
                not_analysable(&facts, head, said)
            }
        }
    }

    /// `tail` of the module `module`; `a.b.function` tries the module `module.a.b`, then `module.a`, then `module`.
    fn submodule(&mut self, file: &Path, module: &str, level: u32, tail: &str) -> Option<Resolution> {
        let mut cuts: Vec<usize> = tail.match_indices('.').map(|(at, _)| at).collect();
        cuts.reverse();
        for cut in cuts {
            let (package, name) = (tail.get(..cut)?, tail.get(cut + 1..)?);
            let full = if module.is_empty() { package.to_owned() } else { format!("{module}.{package}") };
            if let Some(other) = self.import(file, &full, level) {
                return Some(self.name(&other, name, true));
            }
        }
        let other = self.import(file, module, level)?;
        (other != file).then(|| self.name(&other, tail, true))
    }

    /// The file of an imported module, if it is the project's.
    fn import(&self, file: &Path, module: &str, level: u32) -> Option<PathBuf> {
        let here = paths::parent(file);
        if level > 0 {
            let mut folder = here;
            for _ in 1..level.min(64) {
                folder = paths::parent(&folder);
            }
            return module_file(&folder, module);
        }
        if module.is_empty() {
            return None;
        }
        module_file(self.root, module).or_else(|| module_file(&here, module))
    }

    /// What an assigned value stands for; none when it is made at run time.
    fn shape(&mut self, file: &Path, facts: &Definitions, shape: &Shape, tail: Option<&str>) -> Option<Resolution> {
        let with_tail = |name: &str| tail.map_or_else(|| name.to_owned(), |tail| format!("{name}.{tail}"));
        match shape {
            Shape::Name(name) => match self.name(file, &with_tail(name), true) {
                Resolution::Missing(_) => None,
                found => Some(found),
            },
            // A method of an instance: its class decides.
            Shape::Call { callee, .. } if tail.is_some() => self.function(file, &with_tail(callee)),
            Shape::AttributeOfCall(call, attribute) => match &**call {
                Shape::Call { callee, .. } => self.function(file, &format!("{callee}.{}", with_tail(attribute))),
                _ => None,
            },
            Shape::Call { callee, arguments } => {
                // An instance that can be called.
                if let Some(found) = self.function(file, &format!("{callee}.__call__")) {
                    return Some(found);
                }
                // A wrapper: the function beneath is the handler, as beneath a decorator.
                let first = if facts.qualify(callee).ends_with("partial") { 1 } else { arguments.len() };
                arguments.iter().take(first).find_map(|argument| match self.shape(file, facts, argument, None)? {
                    found @ Resolution::Function { .. } => Some(found),
                    Resolution::NotAnalysable(_) | Resolution::Missing(_) | Resolution::Unreadable => None,
                })
            }
            Shape::Lambda(_) | Shape::Other => None,
        }
    }

    fn function(&mut self, file: &Path, name: &str) -> Option<Resolution> {
        match self.name(file, name, true) {
            found @ Resolution::Function { .. } => Some(found),
            Resolution::NotAnalysable(_) | Resolution::Missing(_) | Resolution::Unreadable => None,
        }
    }
}

fn missing(facts: &Definitions) -> Resolution {
    Resolution::Missing(facts.functions().into_iter().map(|(name, _)| name).collect())
}

/// What a call makes that is no function of the project, by the last part of the callee.
pub fn adapter(callee: &str) -> Option<&'static str> {
    match callee.rsplit('.').next().unwrap_or(callee) {
        "Mangum" | "Magnum" => Some("an adapter that serves an ASGI application"),
        "make_lambda_handler" | "WsgiToAsgi" | "make_handler" | "LambdaWSGI" | "wsgi_adapter" | "AzureWsgi" => {
            Some("an adapter that serves a WSGI application")
        }
        "AsgiMiddleware" | "AsgiFunctionApp" | "WsgiMiddleware" | "WsgiFunctionApp" | "AsgiAdapter" => {
            Some("an adapter that serves a web application")
        }
        "FastAPI"
        | "Starlette"
        | "Flask"
        | "APIFlask"
        | "Quart"
        | "Bottle"
        | "Django"
        | "Litestar"
        | "Sanic"
        | "get_asgi_application"
        | "get_wsgi_application" => Some("a web application"),
        "SkillBuilder" | "CustomSkillBuilder" | "StandardSkillBuilder" => Some("a skill that routes its requests"),
        _ => None,
    }
}

fn reason(facts: &Definitions, name: &str, shape: &Shape) -> String {
    match shape {
        Shape::Call { callee, .. } => match adapter(&facts.qualify(callee)) {
            Some(what) => {
                format!("`{name}` is {what}, made at run time by `{callee}(…)`: there is no function to read")
            }
            None if callee.is_empty() => {
                format!("`{name}` is made at run time by a call: there is no function to read")
            }
            None => format!("`{name}` is made at run time by `{callee}(…)`: there is no function to read"),
        },
        Shape::AttributeOfCall(..) => {
            format!("`{name}` is an attribute of an object made at run time: there is no function to read")
        }
        Shape::Name(other) => format!("`{name}` is `{other}`, which is not defined in the project"),
        Shape::Lambda(_) | Shape::Other => format!("`{name}` is a value computed at run time, not a function"),
    }
}

/// The diagnostic for a name that is no function, with the functions that could be meant instead: those that a
/// decorator registers first.
pub fn not_analysable(facts: &Definitions, name: &str, message: String) -> Resolution {
    let functions = facts.functions();
    let registered = |f: &super::definitions::Function| f.decorators.iter().any(|d| d.contains('.'));
    let mut candidates: Vec<&str> =
        functions.iter().filter(|(_, f)| registered(f)).map(|(name, _)| name.as_str()).collect();
    candidates.extend(functions.iter().filter(|(_, f)| !registered(f)).map(|(name, _)| name.as_str()));
    candidates.retain(|candidate| *candidate != name);
    let shown: Vec<String> = candidates.iter().take(5).map(|name| format!("`{name}`")).collect();
    let help = if shown.is_empty() {
        "name the function that does the work, in the module that defines it: `--handler module.function`".to_owned()
    } else {
        format!("name the function that does the work with `--handler`: {}", shown.join(", "))
    };
    let diagnostic = Diagnostic::new(Kind::NotAnalysable, message).help(help);
    Resolution::NotAnalysable(Box::new(facts.diagnostic(name, diagnostic)))
}
