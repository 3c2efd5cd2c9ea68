//! The modules of a project: which files belong to it, under which dotted names, and what an import names.
//!
//! Starts at entry files and follows imports inside the import roots. Code outside the roots (the standard library,
//! installed packages) is never read: it is external. Cyclic imports are fine: a file is read once.

use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Mod, Stmt};
use ruff_python_parser::{Mode, ParseOptions};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Source;
use super::source::{MAX_DEPTH, Sources};
use crate::diagnostic::Diagnostic;

/// A module of a [`Project`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(pub(crate) u32);

impl ModuleId {
    /// Its place in the order of [`Project::modules`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A Python file under its dotted name.
#[derive(Clone, Debug)]
pub struct Module {
    /// Dotted name; of a package without `.__init__`.
    pub name: String,
    /// The file.
    pub source: Arc<Source>,
    /// Whether the file is the `__init__.py` of a package.
    pub is_package: bool,
    /// Whether it was asked for (an entry), not found by an import.
    pub is_entry: bool,
}

/// How to load a project.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Import roots, searched in order, as `sys.path` is.
    pub roots: Vec<PathBuf>,
    /// Whether imports are followed. Without, only the entries are loaded.
    pub follow: bool,
    /// Most modules that are loaded; imports beyond are external.
    pub max_modules: usize,
    /// Whether packages that an installer put into a root (those of a `*.dist-info` folder: dependencies that are
    /// deployed beside the handler) are followed too. Without, they are external, as if installed elsewhere.
    pub installed: bool,
    /// Where files come from that were parsed before; imported files are kept there.
    pub sources: Option<Arc<Sources>>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { roots: Vec::new(), follow: true, max_modules: 20_000, installed: false, sources: None }
    }
}

/// What an import names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A module of the project.
    Module(ModuleId),
    /// A folder without `__init__.py`: a namespace package, by its place in [`Project::namespace`].
    Namespace(u32),
    /// Nothing of the project.
    External,
}

/// A literal that the program evaluates as code (`eval("f()")`), parsed.
#[derive(Debug)]
pub struct Snippet {
    /// The code.
    pub code: Mod,
    /// Its text.
    pub text: String,
}

/// The modules that an analysis sees.
#[derive(Debug, Default)]
pub struct Project {
    modules: Vec<Module>,
    by_name: FxHashMap<String, ModuleId>,
    /// Parts of the import machinery that are folders only.
    namespaces: Vec<String>,
    namespace_by_name: FxHashMap<String, u32>,
    /// Literal code, by the call that evaluates it.
    snippets: FxHashMap<(ModuleId, TextRange), Snippet>,
}

impl Project {
    /// Loads entry files and, transitively, every module that they import inside the roots. Never leaves the roots.
    /// A broken module becomes a diagnostic (an error for an entry, a warning for an imported module, which is then
    /// external); the others go on. An entry whose name is already taken by another entry is left out.
    pub fn load(entries: &[(PathBuf, String)], options: &LoadOptions) -> (Project, Vec<Diagnostic>) {
        let mut sources = Vec::new();
        let mut diagnostics = Vec::new();
        for (path, name) in entries {
            match Source::load(path) {
                Ok(source) => sources.push((Arc::new(source), name.clone())),
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        }
        let (project, more) = Self::from_sources(sources, options);
        diagnostics.extend(more);
        (project, diagnostics)
    }

    /// The same from entries that are already parsed, with their dotted names.
    pub fn from_sources(entries: Vec<(Arc<Source>, String)>, options: &LoadOptions) -> (Project, Vec<Diagnostic>) {
        let mut loader = Loader {
            project: Project::default(),
            options,
            roots: options.roots.iter().map(|root| normalise(root)).collect(),
            by_path: FxHashMap::default(),
            looked_up: FxHashMap::default(),
            installed: None,
            queue: VecDeque::new(),
            diagnostics: Vec::new(),
        };
        for (source, name) in entries {
            let is_package = source.path.file_stem().is_some_and(|stem| stem == "__init__");
            loader.add(source, name, is_package, true);
        }
        loader.run();
        (loader.project, loader.diagnostics)
    }

    /// The modules: entries first, then in the order in which imports were met.
    pub fn modules(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(at, module)| (ModuleId(at as u32), module))
    }

    /// A module.
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.index()]
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether nothing was loaded.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The module of a dotted name.
    pub fn find(&self, dotted: &str) -> Option<ModuleId> {
        self.by_name.get(dotted).copied()
    }

    /// What a dotted name means to an import.
    pub fn resolve(&self, dotted: &str) -> Resolution {
        if let Some(id) = self.find(dotted) {
            return Resolution::Module(id);
        }
        match self.namespace_by_name.get(dotted) {
            Some(at) => Resolution::Namespace(*at),
            None => Resolution::External,
        }
    }

    /// The dotted name of a namespace package.
    pub fn namespace(&self, at: u32) -> &str {
        self.namespaces.get(at as usize).map_or("", String::as_str)
    }

    /// The absolute dotted name that an import statement of `module` means: leading dots are resolved against the
    /// module's package; dots that lead out of the roots are dropped.
    pub fn absolute(&self, module: ModuleId, level: u32, name: &str) -> String {
        let module = self.module(module);
        absolute_name(&module.name, module.is_package, level, name)
    }

    /// The code of a literal that the call at `range` evaluates.
    pub fn snippet(&self, module: ModuleId, range: TextRange) -> Option<&Snippet> {
        self.snippets.get(&(module, range))
    }
}

/// The dotted name of a file below a root: `pkg/mod.py` is `pkg.mod`, `pkg/__init__.py` is `pkg`.
/// `None` if the file is not below the root, or is the `__init__.py` of the root itself.
pub fn dotted_name(root: &Path, file: &Path) -> Option<String> {
    let root = normalise(root);
    let file = normalise(file);
    let relative = file.strip_prefix(&root).ok()?.with_extension("");
    let mut parts: Vec<String> =
        relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "__init__") {
        parts.pop();
    }
    if parts.is_empty() { None } else { Some(parts.join(".")) }
}

fn absolute_name(module: &str, is_package: bool, level: u32, name: &str) -> String {
    if level == 0 {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = module.split('.').collect();
    let drop = level as usize - usize::from(is_package);
    parts.truncate(parts.len().saturating_sub(drop));
    if !name.is_empty() {
        parts.push(name);
    }
    parts.join(".")
}

/// Resolves `.` and `..` by text alone, so that one file has one spelling. Symbolic links are not followed.
fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if matches!(out.components().next_back(), Some(Component::Normal(_))) {
                    out.pop();
                } else {
                    out.push("..");
                }
            }
            Component::Normal(_) | Component::Prefix(_) | Component::RootDir => out.push(part),
        }
    }
    out
}

struct Loader<'o> {
    project: Project,
    options: &'o LoadOptions,
    roots: Vec<PathBuf>,
    by_path: FxHashMap<PathBuf, ModuleId>,
    /// What dotted names were looked up for already.
    looked_up: FxHashMap<String, bool>,
    /// Top-level names of packages that an installer put into the roots; found out when first needed.
    installed: Option<FxHashSet<String>>,
    queue: VecDeque<ModuleId>,
    diagnostics: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn add(&mut self, source: Arc<Source>, name: String, is_package: bool, is_entry: bool) {
        let path = normalise(&source.path);
        if self.by_path.contains_key(&path) || self.project.by_name.contains_key(&name) {
            return;
        }
        let id = ModuleId(self.project.modules.len() as u32);
        self.by_path.insert(path, id);
        self.project.by_name.insert(name.clone(), id);
        self.project.modules.push(Module { name, source, is_package, is_entry });
        self.queue.push_back(id);
    }

    fn run(&mut self) {
        while let Some(id) = self.queue.pop_front() {
            let module = self.project.module(id);
            let source = Arc::clone(&module.source);
            let mut imports = Imports {
                module: module.name.clone(),
                is_package: module.is_package,
                names: Vec::new(),
                seen: FxHashSet::default(),
                snippets: Vec::new(),
            };
            imports.visit_body(&source.ast.body);
            for (range, text, mode) in imports.snippets {
                if let Some(code) = parse_snippet(&text, mode) {
                    self.project.snippets.insert((id, range), Snippet { code, text });
                }
            }
            if self.options.follow {
                // A relative import of a top-level module means its own folder, which may be outside the roots' order.
                for name in imports.names {
                    self.load_dotted(&name, &source.path);
                }
            }
        }
    }

    /// Loads `a`, `a.b` and `a.b.c` for `a.b.c`, as the import system does.
    fn load_dotted(&mut self, dotted: &str, importer: &Path) {
        let ends = dotted.match_indices('.').map(|(at, _)| at).chain([dotted.len()]);
        for end in ends {
            let Some(prefix) = dotted.get(..end) else { return };
            if let Some(found) = self.looked_up.get(prefix) {
                if *found {
                    continue;
                }
                return;
            }
            let found = self.project.by_name.contains_key(prefix) || self.find_file(prefix, importer);
            self.looked_up.insert(prefix.to_owned(), found);
            if !found {
                return;
            }
        }
    }

    fn is_installed(&mut self, dotted: &str) -> bool {
        let roots = &self.roots;
        let installed =
            self.installed.get_or_insert_with(|| roots.iter().flat_map(|root| installed_names(root)).collect());
        !installed.is_empty() && dotted.split('.').next().is_some_and(|first| installed.contains(first))
    }

    fn find_file(&mut self, dotted: &str, importer: &Path) -> bool {
        if dotted.is_empty() || dotted.split('.').any(|part| part.is_empty()) {
            return false;
        }
        if !self.options.installed && self.is_installed(dotted) {
            return false;
        }
        let relative: PathBuf = dotted.split('.').collect();
        let mut namespace = false;
        for root in self.roots.clone() {
            let base = root.join(&relative);
            let package = base.join("__init__.py");
            let file = base.with_extension("py");
            let found = if package.is_file() {
                Some((package, true))
            } else if file.is_file() {
                Some((file, false))
            } else {
                namespace |= base.is_dir();
                None
            };
            let Some((path, is_package)) = found else { continue };
            let path = normalise(&path);
            if let Some(known) = self.by_path.get(&path) {
                // The same file under a second name (two roots, or an entry named by hand).
                self.project.by_name.insert(dotted.to_owned(), *known);
                return true;
            }
            if self.project.modules.len() >= self.options.max_modules {
                return false;
            }
            let loaded = match &self.options.sources {
                Some(sources) => sources.load(&path),
                None => Source::load(&path).map(Arc::new),
            };
            match loaded {
                Ok(source) => self.add(source, dotted.to_owned(), is_package, false),
                Err(mut diagnostic) => {
                    diagnostic.severity = crate::diagnostic::Severity::Warning;
                    diagnostic.help = Some(format!(
                        "it is imported by {}; its functions count as external until it can be read",
                        importer.display()
                    ));
                    self.diagnostics.push(diagnostic);
                    return false;
                }
            }
            return true;
        }
        if namespace {
            let at = self.project.namespaces.len() as u32;
            self.project.namespaces.push(dotted.to_owned());
            self.project.namespace_by_name.insert(dotted.to_owned(), at);
        }
        namespace
    }
}

/// The top-level names of the packages that an installer put into a folder, by their `*.dist-info/RECORD`.
fn installed_names(root: &Path) -> FxHashSet<String> {
    let mut names = FxHashSet::default();
    let Ok(entries) = fs_err::read_dir(root) else { return names };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "dist-info") {
            continue;
        }
        let Ok(record) = fs_err::read_to_string(path.join("RECORD")) else { continue };
        for line in record.lines() {
            let file = line.split(',').next().unwrap_or("");
            let first = file.split('/').next().unwrap_or("");
            let name = if file.contains('/') { Some(first) } else { first.strip_suffix(".py") };
            if let Some(name) = name
                && !name.is_empty()
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// Collects the absolute dotted names that a module may import, in order.
struct Imports {
    module: String,
    is_package: bool,
    names: Vec<String>,
    seen: FxHashSet<String>,
    snippets: Vec<(TextRange, String, Mode)>,
}

impl Imports {
    fn add(&mut self, name: String) {
        if !name.is_empty() && self.seen.insert(name.clone()) {
            self.names.push(name);
        }
    }

    fn call(&mut self, call: &ExprCall) {
        let Some(Expr::StringLiteral(literal)) = call.arguments.args.first() else { return };
        let text = literal.value.to_str();
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.id.as_str(),
            _ => return,
        };
        match name {
            "import_module" | "__import__" => {
                let level = text.bytes().take_while(|byte| *byte == b'.').count();
                let rest = text.get(level..).unwrap_or("");
                self.add(absolute_name(&self.module, self.is_package, level as u32, rest));
            }
            "eval" => self.snippets.push((call.range(), text.trim().to_owned(), Mode::Expression)),
            "exec" => self.snippets.push((call.range(), text.to_owned(), Mode::Module)),
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Imports {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.add(alias.name.id.as_str().to_owned());
                }
            }
            Stmt::ImportFrom(import) => {
                let name = import.module.as_ref().map_or("", |name| name.id.as_str());
                let base = absolute_name(&self.module, self.is_package, import.level, name);
                self.add(base.clone());
                for alias in &import.names {
                    let attribute = alias.name.id.as_str();
                    if attribute != "*" {
                        let dot = if base.is_empty() { "" } else { "." };
                        self.add(format!("{base}{dot}{attribute}"));
                    }
                }
            }
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.call(call);
        }
        walk_expr(self, expr);
    }
}

/// Parses literal code; text that is not valid, or nested too deep to walk, is not code.
fn parse_snippet(text: &str, mode: Mode) -> Option<Mod> {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{' | b'-' | b'~' | b'+' | b'*')).count();
    if brackets > MAX_DEPTH / 10 || text.len() > 10_000 {
        return None;
    }
    let parsed = ruff_python_parser::parse_unchecked(text, ParseOptions::from(mode));
    if parsed.has_valid_syntax() { Some(parsed.into_syntax()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_names_follow_the_package() {
        assert_eq!(absolute_name("pkg.mod", false, 1, "other"), "pkg.other");
        assert_eq!(absolute_name("pkg", true, 1, "other"), "pkg.other");
        assert_eq!(absolute_name("pkg.sub.mod", false, 2, "other"), "pkg.other");
        assert_eq!(absolute_name("pkg.sub", true, 2, ""), "pkg");
        // Dots that lead out of the project are dropped: the name stays readable.
        assert_eq!(absolute_name("handler", false, 1, "storage"), "storage");
        assert_eq!(absolute_name("handler", false, 3, ""), "");
    }

    #[test]
    fn files_are_named_below_their_root() {
        let root = Path::new("a/./b");
        assert_eq!(dotted_name(root, Path::new("a/b/pkg/mod.py")).as_deref(), Some("pkg.mod"));
        assert_eq!(dotted_name(root, Path::new("a/c/../b/pkg/__init__.py")).as_deref(), Some("pkg"));
        assert_eq!(dotted_name(root, Path::new("a/b/__init__.py")), None);
        assert_eq!(dotted_name(root, Path::new("elsewhere/x.py")), None);
    }
}
