//! One module of the user's packages: what may be taken out of it, and its text without that.
//!
//! The rewriting keeps what the module means, whatever is taken out: every reference to a name that was taken out
//! becomes an attribute of the module itself (`_mi_.name`), and a module's `__getattr__` loads what is missing. What was
//! *never touched* therefore only decides what pays, not what is right. What would change the meaning is no candidate:
//! statements that have effects when they run, and names whose lookup cannot be seen in the text.
//!
//! Lines stay where they are: what is taken out leaves `pass` and empty lines. Depends on `diagnostic`, `later` and `project`.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::name::UnqualifiedName;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Alias, CmpOp, Decorator, ExceptHandler, Expr, ExprContext, InterpolatedStringElement, Parameters, Pattern, Stmt,
    StmtClassDef, StmtFunctionDef, TypeParams,
};
use ruff_text_size::{Ranged, TextRange, TextSize};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use super::later::Later;
use crate::diagnostic::Diagnostic;
use crate::project::source::Source;

/// The module, as it knows itself.
const SELF: &str = "_mi_";

/// Shorter bodies are not worth a stub, in bytes.
const SMALL_BODY: usize = 160;

/// Shorter constants are not worth a removal, in bytes.
const SMALL_VALUE: usize = 400;

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A name that an import binds.
    Import,
    /// A function or a class.
    Definition,
    /// A name that an assignment without effects binds.
    Assignment,
    /// A name that an `if` or `try` of such statements binds.
    Compound,
}

/// A name that may be taken out, with all statements that bind it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is.
    pub shape: Shape,
    /// Statements, by their place in the module's body, and which of the statement's aliases.
    places: Vec<(usize, Option<usize>)>,
}

/// A function whose body may be moved.
#[derive(Clone, Debug)]
pub struct Function {
    /// `Class.method`.
    pub qualified: String,
    /// Its first line, decorators included: what code objects have.
    pub line: u32,
    /// Its top-level statement.
    statement: usize,
    classes: Vec<String>,
    name: String,
    /// From the `def` to its end.
    definition: TextRange,
    indent: String,
    /// What the stub replaces.
    body: TextRange,
    call: String,
}

/// An import statement of the module's body.
#[derive(Clone, Debug)]
struct Import {
    statement: usize,
    /// The module of `from module import …`, or that of each alias.
    base: Option<String>,
    /// Absolute name and bound name of each alias.
    aliases: Vec<(String, String)>,
}

/// A module that was read.
#[derive(Debug)]
pub struct Module {
    source: Source,
    /// Its dotted name.
    pub name: String,
    /// Names that may be taken out.
    pub candidates: BTreeMap<String, Candidate>,
    /// Functions whose bodies may be moved.
    pub functions: Vec<Function>,
    /// Why no name may be taken out, if so.
    pub left_alone: Option<&'static str>,
    /// Modules from which it takes all names.
    pub stars: Vec<String>,
    /// Modules that its statements may change: those whose functions it calls, or whose attributes it sets.
    pub changes: BTreeSet<String>,
    /// Names of its own that its functions bind anew, whenever they are called.
    pub rebound: BTreeSet<String>,
    /// Names of other modules that it sets: `config.DEBUG = True`.
    pub sets: BTreeSet<String>,
    references: Vec<(TextRange, String)>,
    evaluations: Vec<(TextRange, &'static str)>,
    imports: Vec<Import>,
    prelude: Prelude,
    /// Where its own `__getattr__` is named.
    own_getattr: Vec<TextRange>,
    flags: u32,
}

/// Where the module's first statement of ours goes.
#[derive(Clone, Copy, Debug)]
enum Prelude {
    /// Before a simple statement, on its line.
    Inline(TextSize),
    /// On a line of its own, which moves what follows by a line.
    Line(TextSize),
    /// The module is empty.
    Nowhere,
}

/// What to take out of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Names.
    pub names: BTreeSet<String>,
    /// Bodies, by the function's place in [`Module::functions`].
    pub functions: BTreeSet<usize>,
    /// Import statements that still have to load their module, by the statement's place.
    pub loads: BTreeSet<usize>,
    /// Submodules that the original brings and this one may not.
    pub submodules: BTreeSet<String>,
    /// Modules that changed this one in the original: imported behind it.
    pub followers: BTreeSet<String>,
}

impl Choice {
    /// Whether nothing is taken out.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.functions.is_empty() && self.submodules.is_empty() && self.followers.is_empty()
    }
}

/// What is loaded on demand, as `meminterface_ondemand` reads it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Side {
    names: BTreeMap<String, Vec<usize>>,
    units: Vec<(u32, &'static str, String, Vec<String>)>,
    bodies: BTreeMap<usize, (u32, Vec<String>, String, String)>,
    flags: u32,
}

/// A module without what was taken out.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// Its text.
    pub text: String,
    /// What is loaded on demand.
    pub side: Side,
    /// The names that are out: those asked for, without those that go only together with others that stay.
    pub names: BTreeSet<String>,
}

impl Module {
    /// Reads a module. `is_package` says whether relative imports start at the module itself.
    ///
    /// # Errors
    /// Those of [`Source::parse`].
    pub fn read(
        path: &std::path::Path,
        text: String,
        name: &str,
        is_package: bool,
        odd_classes: &BTreeSet<String>,
    ) -> Result<Self, Diagnostic> {
        let source = Source::parse(path, text)?;
        let package = if is_package { name } else { name.rsplit_once('.').map_or("", |(package, _)| package) };
        let mut module = Self {
            name: name.to_owned(),
            candidates: BTreeMap::new(),
            functions: Vec::new(),
            left_alone: None,
            stars: Vec::new(),
            changes: BTreeSet::new(),
            rebound: BTreeSet::new(),
            sets: BTreeSet::new(),
            references: Vec::new(),
            evaluations: Vec::new(),
            imports: Vec::new(),
            prelude: Prelude::Nowhere,
            own_getattr: Vec::new(),
            flags: 0,
            source,
        };
        let body = &module.source.ast.body;
        let text = &module.source.text;

        // Names.
        let mut resolver = Resolver::new(text);
        resolver.module(body);
        let Resolver { references, mut pinned, dynamic, evaluations, .. } = resolver;
        let mut binders: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        let mut annotated = false;
        for (at, statement) in body.iter().enumerate() {
            let mut binder = Binder::default();
            binder.visit_stmt(statement);
            for name in binder.bound {
                let places = binders.entry(name.to_owned()).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
            for name in binder.deleted {
                pinned.insert(name.to_owned());
            }
            if let Stmt::ImportFrom(from) = statement
                && from.level == 0
                && from.module.as_ref().is_some_and(|module| module.as_str() == "__future__")
            {
                annotated |= from.names.iter().any(|alias| alias.name.as_str() == "annotations");
                module.flags |= from.names.iter().map(|alias| future_flag(alias.name.as_str())).fold(0, |a, b| a | b);
            }
        }
        if annotated {
            pinned.extend(fields(body));
        }

        // Imports.
        let mut imported: FxHashMap<String, String> = FxHashMap::default();
        for (at, statement) in body.iter().enumerate() {
            collect_imports(statement, at, package, &mut module.imports, &mut module.stars);
        }
        for import in &module.imports {
            for (full, bound) in &import.aliases {
                let from = import.base.as_ref().unwrap_or(full);
                imported.insert(bound.clone(), from.clone());
            }
        }
        let mut changes = BTreeSet::new();
        for statement in body {
            outward(statement, &imported, &mut changes);
        }

        // Candidates.
        let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
        for (at, statement) in body.iter().enumerate() {
            let mut put = |name: &str, shape: Shape, alias: Option<usize>| {
                let candidate =
                    candidates.entry(name.to_owned()).or_insert_with(|| Candidate { shape, places: Vec::new() });
                // An arm that binds it again is part of the same statement.
                if alias.is_some() || candidate.places.last() != Some(&(at, None)) {
                    candidate.places.push((at, alias));
                }
            };
            match statement {
                Stmt::Import(import) => {
                    for (n, alias) in import.names.iter().enumerate() {
                        put(bound_by_import(alias), Shape::Import, Some(n));
                    }
                }
                Stmt::ImportFrom(import) if !is_future(import.module.as_deref(), import.level) => {
                    for (n, alias) in import.names.iter().enumerate().filter(|(_, alias)| alias.name.as_str() != "*") {
                        put(alias.asname.as_ref().unwrap_or(&alias.name).as_str(), Shape::Import, Some(n));
                    }
                }
                Stmt::FunctionDef(function) if quiet_function(function) => {
                    put(function.name.as_str(), Shape::Definition, None);
                }
                Stmt::ClassDef(class) if quiet_class(class) && !odd_classes.contains(class.name.as_str()) => {
                    put(class.name.as_str(), Shape::Definition, None);
                }
                Stmt::Assign(assign) if worth(&assign.value) && quiet(&assign.value, 0) => {
                    if let [Expr::Name(name)] = assign.targets.as_slice() {
                        put(name.id.as_str(), Shape::Assignment, None);
                    }
                }
                Stmt::If(_) | Stmt::Try(_) if quiet_compound(statement) => {
                    let mut binder = Binder::default();
                    binder.visit_stmt(statement);
                    for name in binder.bound {
                        put(name, Shape::Compound, None);
                    }
                }
                _ => {}
            }
        }
        candidates.retain(|name, candidate| {
            let places = binders.get(name).map_or(0, Vec::len);
            // Bound elsewhere too: only imports of one package's parts may stand together.
            let together = candidate.places.len() == 1
                || candidate.places.iter().all(|(at, alias)| match (body.get(*at), alias) {
                    (Some(Stmt::Import(import)), Some(n)) => {
                        import.names.get(*n).is_some_and(|alias| alias.asname.is_none())
                    }
                    _ => false,
                });
            let statements: BTreeSet<usize> = candidate.places.iter().map(|(at, _)| *at).collect();
            let is_special = name.starts_with("__") && name.ends_with("__") && !name.starts_with("__version")
                || name.starts_with("_mi_");
            together && statements.len() == places && !is_special && !pinned.contains(name)
        });
        // What runs on demand must not see what happened to a name since.
        let later = Later::of(body, annotated, |statement| {
            let mut binder = Binder::default();
            binder.visit_stmt(statement);
            binder.bound
        });
        candidates.retain(|_, candidate| {
            candidate.shape == Shape::Import
                || candidate.places.iter().all(|(at, _)| body.get(*at).is_some_and(|one| later.same(one, *at)))
        });
        let rebound = later.rebound().map(str::to_owned).collect();
        let sets = later.set.iter().filter_map(|name| full_name(name, &module.imports)).collect();
        // One statement, one fate: what binds several names at once goes only if all may go.
        loop {
            let before = candidates.len();
            let stay: Vec<String> = candidates
                .iter()
                .filter(|(_, candidate)| candidate.shape == Shape::Compound)
                .filter(|(_, candidate)| {
                    candidate.places.iter().any(|(at, _)| {
                        let mut binder = Binder::default();
                        if let Some(statement) = body.get(*at) {
                            binder.visit_stmt(statement);
                        }
                        binder.bound.iter().any(|name| !candidates.contains_key(*name))
                    })
                })
                .map(|(name, _)| name.clone())
                .collect();
            for name in &stay {
                candidates.remove(name);
            }
            if candidates.len() == before {
                break;
            }
        }
        let text_forbids = text.match_indices("sys.modules[__name__]").any(|(at, found)| {
            let rest = text.get(at + found.len()..).unwrap_or_default().trim_start_matches(' ');
            rest.starts_with('=') && !rest.starts_with("==")
                || rest.starts_with(".__class__")
                || rest.starts_with(".__dict__")
        });
        let mut defined = Vec::new();
        body.iter().for_each(|statement| getattrs(statement, &mut defined));
        let mut getattr = Binder::default();
        getattr.visit_body(body);
        let bound = getattr.bound.iter().filter(|name| **name == "__getattr__").count();
        let is_called = references.iter().any(|(_, name)| *name == "__getattr__");
        let left_alone = if bound != defined.len() || is_called {
            Some("its `__getattr__` is no plain function (`sys.modules` kin)")
        } else if dynamic {
            Some("it looks its own names up by text (`globals`, `eval`, `exec` …)")
        } else if text_forbids {
            Some("it replaces itself (`sys.modules[__name__]`)")
        } else {
            None
        };
        if left_alone.is_some() {
            candidates.clear();
        }
        let references: Vec<(TextRange, String)> = references
            .into_iter()
            .filter(|(_, name)| candidates.contains_key(*name))
            .map(|(r, n)| (r, n.to_owned()))
            .collect();

        // Functions.
        let mut functions = Vec::new();
        for (at, statement) in body.iter().enumerate() {
            match statement {
                Stmt::FunctionDef(function) => stub(&module.source, function, at, &[], &mut functions),
                Stmt::ClassDef(class) => stubs(&module.source, class, at, &[], &mut functions),
                _ => {}
            }
        }
        let mut own_getattr = Vec::new();
        body.iter().for_each(|statement| getattrs(statement, &mut own_getattr));
        let prelude = prelude(body, text);
        module.own_getattr = own_getattr;
        module.prelude = prelude;
        module.candidates = candidates;
        module.references = references;
        module.evaluations = evaluations;
        module.functions = functions;
        module.left_alone = left_alone;
        module.changes = changes;
        module.rebound = rebound;
        module.sets = sets;
        Ok(module)
    }

    /// What the imports of a name take, by its full name: `a.b` of `from a import b`.
    pub fn taken_by(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.imports.iter().filter(|import| import.base.is_some());
        let aliases = named.flat_map(|import| import.aliases.iter());
        aliases.filter(move |(_, bound)| bound == name).map(|(full, _)| full.as_str())
    }

    /// Length of the text, in bytes.
    pub fn bytes(&self) -> usize {
        self.source.text.len()
    }

    /// What has to stay so that this line still leads to the import of `target`: names, and statements that load.
    pub fn on_the_way(&self, line: u32, target: &str) -> (BTreeSet<String>, BTreeSet<usize>) {
        let (mut names, mut loads) = (BTreeSet::new(), BTreeSet::new());
        let within = |outer: &str, inner: &str| {
            inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        };
        for (at, statement) in self.source.ast.body.iter().enumerate() {
            let first = self.source.line_of(statement);
            let last = self.source.line(statement.end());
            if !(first..=last).contains(&line) {
                continue;
            }
            for import in self.imports.iter().filter(|import| import.statement == at) {
                let mut found = false;
                for (full, bound) in &import.aliases {
                    if within(full, target) || import.base.is_none() && within(target, full) {
                        names.insert(bound.clone());
                        found = true;
                    }
                }
                if let Some(base) = &import.base
                    && !found
                    && (within(base, target) || within(target, base))
                {
                    loads.insert(at);
                }
            }
            let is_import = matches!(statement, Stmt::Import(_) | Stmt::ImportFrom(_));
            if !is_import {
                names.extend(
                    self.candidates
                        .iter()
                        .filter(|(_, candidate)| candidate.places.iter().any(|(place, _)| *place == at))
                        .map(|(name, _)| name.clone()),
                );
            }
        }
        (names, loads)
    }

    /// The module's text without what was chosen. `key` names its side file.
    pub fn rewrite(&self, choice: &Choice, key: &str) -> Rewritten {
        let body = &self.source.ast.body;
        let text = self.source.text.as_str();
        let mut names: BTreeSet<String> =
            choice.names.iter().filter(|name| self.candidates.contains_key(*name)).cloned().collect();
        if matches!(self.prelude, Prelude::Nowhere) {
            names.clear();
        }
        // Names of a compound statement go together.
        loop {
            let stay: Vec<String> = names
                .iter()
                .filter(|name| {
                    self.candidates.get(*name).is_some_and(|candidate| {
                        candidate.shape == Shape::Compound
                            && candidate.places.iter().any(|place| {
                                self.candidates
                                    .iter()
                                    .any(|(other, one)| one.places.contains(place) && !names.contains(other))
                            })
                    })
                })
                .cloned()
                .collect();
            if stay.is_empty() {
                break;
            }
            for name in &stay {
                names.remove(name);
            }
        }
        // References become attributes of the module.
        let references: Vec<(TextRange, String)> = self
            .references
            .iter()
            .filter(|(_, name)| names.contains(name))
            .map(|(range, name)| (*range, format!("{SELF}.{name}")))
            .chain(
                self.evaluations.iter().filter(|_| !names.is_empty()).map(|(range, new)| (*range, (*new).to_owned())),
            )
            .collect();
        let render = |range: TextRange| apply(text, range, &references);

        let mut side = Side { flags: self.flags, ..Side::default() };
        let mut edits: Vec<(TextRange, String)> = Vec::new();
        let mut gone: BTreeMap<usize, Vec<(&str, Option<usize>)>> = BTreeMap::new();
        for name in &names {
            for (at, alias) in self.candidates.get(name).map_or(&[][..], |candidate| &candidate.places) {
                gone.entry(*at).or_default().push((name, *alias));
            }
        }
        let mut whole: FxHashSet<usize> = FxHashSet::default();
        for (at, out) in &gone {
            let Some(statement) = body.get(*at) else { continue };
            let line = self.source.line_of(statement);
            let range = statement.range();
            let mut unit = |kind: &'static str, text: String, names: Vec<String>| {
                for name in &names {
                    side.names.entry(name.clone()).or_default().push(side.units.len());
                }
                side.units.push((line, kind, text, names));
            };
            match statement {
                Stmt::Import(import) => {
                    let is_out = |n: usize| out.iter().any(|(_, alias)| *alias == Some(n));
                    let mut kept = Vec::new();
                    for (n, alias) in import.names.iter().enumerate() {
                        let written = written(alias);
                        if is_out(n) {
                            let bound = bound_by_import(alias).to_owned();
                            unit("import", format!("import {written}\n"), vec![bound]);
                        } else {
                            kept.push(written);
                        }
                    }
                    let new = if kept.is_empty() { "pass".to_owned() } else { format!("import {}", kept.join(", ")) };
                    edits.push((range, format!("{new}{}", lines(text, range))));
                    whole.insert(*at);
                }
                Stmt::ImportFrom(import) => {
                    let is_out = |n: usize| out.iter().any(|(_, alias)| *alias == Some(n));
                    let dots = ".".repeat(usize::try_from(import.level).unwrap_or(0));
                    let from = format!("from {dots}{} import ", import.module.as_ref().map_or("", |m| m.as_str()));
                    let mut kept = Vec::new();
                    for (n, alias) in import.names.iter().enumerate() {
                        let written = written(alias);
                        if is_out(n) {
                            let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                            unit("import", format!("{from}{written}\n"), vec![bound]);
                        } else {
                            kept.push(written);
                        }
                    }
                    let new = match (kept.is_empty(), choice.loads.contains(at)) {
                        (true, false) => "pass".to_owned(),
                        // Loads the module and binds a name that nobody asks for.
                        (true, true) => format!("{from}__name__ as _mi_loaded"),
                        (false, _) => format!("{from}{}", kept.join(", ")),
                    };
                    edits.push((range, format!("{new}{}", lines(text, range))));
                    whole.insert(*at);
                }
                _ => {
                    let all: Vec<String> = {
                        let mut all: Vec<String> = out.iter().map(|(name, _)| (*name).to_owned()).collect();
                        all.dedup();
                        all
                    };
                    let kind = match statement {
                        Stmt::FunctionDef(_) | Stmt::ClassDef(_) | Stmt::Assign(_) => "definition",
                        _ => "block",
                    };
                    unit(kind, render(range) + "\n", all);
                    edits.push((range, format!("pass{}", lines(text, range))));
                    whole.insert(*at);
                }
            }
        }
        // Bodies.
        let mut stubbed: Vec<TextRange> = Vec::new();
        for number in &choice.functions {
            let Some(function) = self.functions.get(*number) else { continue };
            if whole.contains(&function.statement) || matches!(self.prelude, Prelude::Nowhere) {
                continue;
            }
            let line = self.source.line(function.definition.start());
            let definition = format!("{}{}\n", function.indent, render(function.definition));
            side.bodies.insert(*number, (line, function.classes.clone(), function.name.clone(), definition));
            let cell = if function.call.is_empty() { "" } else { function.call.as_str() };
            let call = cell.replace("{number}", &number.to_string());
            edits.push((function.body, format!("{call}{}", lines(text, function.body))));
            stubbed.push(function.body);
        }
        let inside = |range: TextRange| edits.iter().any(|(edit, _)| edit.contains_range(range));
        let free: Vec<(TextRange, String)> = references.iter().filter(|(range, _)| !inside(*range)).cloned().collect();
        let behind = |mut text: String| {
            for follower in &choice.followers {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                text.push_str(&format!("__import__('{follower}')\n"));
            }
            text
        };
        if edits.is_empty() && choice.submodules.is_empty() {
            return Rewritten { text: behind(text.to_owned()), side, names };
        }
        edits.extend(free);
        // The prelude.
        let words = |all: &mut dyn Iterator<Item = &String>| {
            let joined = all.map(String::as_str).collect::<Vec<_>>().join(" ");
            if joined.is_empty() { joined } else { format!(" {joined} ") }
        };
        let out = words(&mut names.iter());
        let submodules = words(&mut choice.submodules.iter());
        let install = format!(
            "from meminterface_ondemand import install as {SELF}; {SELF} = {SELF}(__name__, globals(), '{key}', '{out}', \
             '{submodules}')"
        );
        // The module's own `__getattr__` is asked after ours, also while the module is still being executed.
        edits.extend(self.own_getattr.iter().map(|range| (*range, "_mi_own_getattr".to_owned())));
        let new = match self.prelude {
            Prelude::Nowhere => {
                let mut new = text.to_owned();
                if !new.is_empty() && !new.ends_with('\n') {
                    new.push('\n');
                }
                format!("{new}{install}\n")
            }
            Prelude::Inline(at) => {
                insert(&mut edits, at, format!("{install}; "));
                apply(text, TextRange::up_to(TextSize::of(text)), &edits)
            }
            Prelude::Line(at) => {
                insert(&mut edits, at, format!("{install}\n"));
                apply(text, TextRange::up_to(TextSize::of(text)), &edits)
            }
        };
        Rewritten { text: behind(new), side, names }
    }
}

/// Puts a text before what stands at an offset.
fn insert(edits: &mut Vec<(TextRange, String)>, at: TextSize, new: String) {
    match edits.iter_mut().find(|(range, _)| range.start() == at) {
        Some((_, text)) => text.insert_str(0, &new),
        None => edits.push((TextRange::empty(at), new)),
    }
}

/// The text of a range with the edits that lie in it.
fn apply(text: &str, range: TextRange, edits: &[(TextRange, String)]) -> String {
    let mut within: Vec<&(TextRange, String)> = edits.iter().filter(|(edit, _)| range.contains_range(*edit)).collect();
    within.sort_by_key(|(edit, _)| (edit.start(), edit.end()));
    let mut out = String::with_capacity(usize::from(range.len()));
    let mut at = range.start();
    for (edit, new) in within {
        if edit.start() < at {
            continue;
        }
        out.push_str(text.get(usize::from(at)..usize::from(edit.start())).unwrap_or_default());
        out.push_str(new);
        at = edit.end();
    }
    out.push_str(text.get(usize::from(at)..usize::from(range.end())).unwrap_or_default());
    out
}

/// As many line ends as a range has.
fn lines(text: &str, range: TextRange) -> String {
    let written = text.get(usize::from(range.start())..usize::from(range.end())).unwrap_or_default();
    "\n".repeat(written.matches('\n').count())
}

/// The flag of a `from __future__`, as `compile` takes it. Source: CPython, Include/cpython/compile.h.
fn future_flag(name: &str) -> u32 {
    match name {
        "barry_as_FLUFL" => 0x0040_0000,
        "generator_stop" => 0x0080_0000,
        "annotations" => 0x0100_0000,
        _ => 0,
    }
}

fn is_future(module: Option<&str>, level: u32) -> bool {
    level == 0 && module == Some("__future__")
}

/// An alias on one line: within brackets it may have several.
fn written(alias: &Alias) -> String {
    match &alias.asname {
        Some(bound) => format!("{} as {bound}", alias.name),
        None => alias.name.to_string(),
    }
}

/// The full name of what is written `a.b`, if `a` is imported.
fn full_name(name: &str, imports: &[Import]) -> Option<String> {
    let (first, rest) = name.split_once('.')?;
    let mut aliases = imports.iter().flat_map(|import| import.aliases.iter().map(move |alias| (&import.base, alias)));
    let (base, (full, _)) = aliases.find(|(_, (_, bound))| bound == first)?;
    // `import a.b` binds `a`.
    let is_first = base.is_none() && full.split('.').next() == Some(first);
    Some(if is_first { name.to_owned() } else { format!("{full}.{rest}") })
}

/// The name that an alias of `import` binds.
fn bound_by_import(alias: &Alias) -> &str {
    match &alias.asname {
        Some(name) => name.as_str(),
        None => alias.name.as_str().split('.').next().unwrap_or_default(),
    }
}

fn prelude(body: &[Stmt], text: &str) -> Prelude {
    let is_text = |statement: &Stmt| matches!(statement, Stmt::Expr(expr) if expr.value.is_string_literal_expr());
    for (at, statement) in body.iter().enumerate() {
        if at == 0 && is_text(statement) {
            continue;
        }
        if let Stmt::ImportFrom(import) = statement
            && is_future(import.module.as_deref(), import.level)
        {
            continue;
        }
        let start = statement.start();
        let before = text.get(..usize::from(start)).unwrap_or_default();
        let is_first = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
        let is_simple = !matches!(
            statement,
            Stmt::FunctionDef(_)
                | Stmt::ClassDef(_)
                | Stmt::If(_)
                | Stmt::Try(_)
                | Stmt::With(_)
                | Stmt::For(_)
                | Stmt::While(_)
                | Stmt::Match(_)
        );
        return if is_simple || !is_first { Prelude::Inline(start) } else { Prelude::Line(start) };
    }
    Prelude::Nowhere
}

/// Where functions named `__getattr__` are named, at the module's level.
fn getattrs(statement: &Stmt, into: &mut Vec<TextRange>) {
    match statement {
        Stmt::FunctionDef(function) if function.name.as_str() == "__getattr__" => into.push(function.name.range()),
        Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
        _ => blocks(statement).into_iter().for_each(|inner| getattrs(inner, into)),
    }
}

/// The absolute name of what `from` names.
fn absolute(module: Option<&str>, level: u32, package: &str) -> Option<String> {
    let module = module.unwrap_or_default();
    if level == 0 {
        return Some(module.to_owned());
    }
    let mut base = package;
    for _ in 1..level {
        base = base.rsplit_once('.').map(|(base, _)| base)?;
    }
    if base.is_empty() {
        return None;
    }
    Some(if module.is_empty() { base.to_owned() } else { format!("{base}.{module}") })
}

/// Import statements at the module's level, those in `if`, `try` and `with` too.
fn collect_imports(statement: &Stmt, at: usize, package: &str, imports: &mut Vec<Import>, stars: &mut Vec<String>) {
    match statement {
        Stmt::Import(import) => {
            let aliases =
                import.names.iter().map(|alias| (alias.name.to_string(), bound_by_import(alias).to_owned())).collect();
            imports.push(Import { statement: at, base: None, aliases });
        }
        Stmt::ImportFrom(import) => {
            let Some(base) = absolute(import.module.as_deref(), import.level, package) else { return };
            if import.names.iter().any(|alias| alias.name.as_str() == "*") {
                stars.push(base.clone());
            }
            let aliases = import
                .names
                .iter()
                .map(|alias| {
                    let bound = alias.asname.as_ref().unwrap_or(&alias.name).to_string();
                    (format!("{base}.{}", alias.name), bound)
                })
                .collect();
            imports.push(Import { statement: at, base: Some(base), aliases });
        }
        _ => {
            for inner in blocks(statement) {
                collect_imports(inner, at, package, imports, stars);
            }
        }
    }
}

/// The statements of the blocks of a compound statement that is no definition.
fn blocks(statement: &Stmt) -> Vec<&Stmt> {
    let mut all: Vec<&Stmt> = Vec::new();
    match statement {
        Stmt::If(node) => {
            all.extend(node.body.iter());
            all.extend(node.elif_else_clauses.iter().flat_map(|clause| clause.body.iter()));
        }
        Stmt::Try(node) => {
            all.extend(node.body.iter());
            for ExceptHandler::ExceptHandler(handler) in &node.handlers {
                all.extend(handler.body.iter());
            }
            all.extend(node.orelse.iter().chain(node.finalbody.iter()));
        }
        Stmt::With(node) => all.extend(node.body.iter()),
        Stmt::For(node) => all.extend(node.body.iter().chain(node.orelse.iter())),
        Stmt::While(node) => all.extend(node.body.iter().chain(node.orelse.iter())),
        Stmt::Match(node) => all.extend(node.cases.iter().flat_map(|case| case.body.iter())),
        _ => {}
    }
    all
}

/// The name that an expression starts with.
fn root(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => root(&attribute.value),
        Expr::Subscript(subscript) => root(&subscript.value),
        Expr::Call(call) => root(&call.func),
        _ => None,
    }
}

/// Modules that a statement may change from outside: those whose functions it calls for their effect, those whose
/// attributes or items it sets.
fn outward(statement: &Stmt, imported: &FxHashMap<String, String>, changes: &mut BTreeSet<String>) {
    // What these do is seen by nobody, or by the one who did it.
    const HARMLESS: &[&str] = &["logging", "typing", "functools", "re", "collections", "itertools", "time"];
    let mut note = |expr: &Expr| {
        if let Some(from) = root(expr).and_then(|name| imported.get(name))
            && !HARMLESS.contains(&from.split('.').next().unwrap_or_default())
        {
            changes.insert(from.clone());
        }
    };
    match statement {
        // What runs only where the module is the program.
        Stmt::If(node) if is_main(&node.test) => {}
        Stmt::Expr(expr) => {
            if let Expr::Call(call) = expr.value.as_ref()
                && !own_call(call, imported)
            {
                note(&call.func);
            }
        }
        Stmt::Assign(assign) => {
            for target in assign.targets.iter().filter(|target| !target.is_name_expr() && !own_target(target, imported))
            {
                note(target);
            }
        }
        Stmt::AugAssign(assign) if !assign.target.is_name_expr() => note(&assign.target),
        Stmt::Delete(delete) => delete.targets.iter().filter(|target| !target.is_name_expr()).for_each(note),
        Stmt::FunctionDef(function) => {
            for decorator in function.decorator_list.iter().filter(|decorator| is_registration(decorator)) {
                note(&decorator.expression);
            }
        }
        Stmt::ClassDef(class) => {
            for decorator in class.decorator_list.iter().filter(|decorator| is_registration(decorator)) {
                note(&decorator.expression);
            }
        }
        _ => {
            for inner in blocks(statement) {
                outward(inner, imported, changes);
            }
        }
    }
}

/// `__name__ == "__main__"`.
fn is_main(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else { return false };
    let is = |expr: &Expr| matches!(expr, Expr::Name(name) if name.id.as_str() == "__name__");
    let says = |expr: &Expr| matches!(expr, Expr::StringLiteral(text) if text.value.to_str() == "__main__");
    let right = compare.comparators.first();
    matches!(&*compare.ops, [CmpOp::Eq])
        && (is(&compare.left) && right.is_some_and(says) || says(&compare.left) && right.is_some_and(is))
}

/// Variables that say how many threads a compiled library starts: they matter to the module that sets them.
const THREADS: &[&str] = &["KMP_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "BLIS_"];

fn is_about_threads(expr: Option<&Expr>) -> bool {
    matches!(expr, Some(Expr::StringLiteral(text)) if THREADS.iter().any(|start| text.value.to_str().starts_with(start)))
}

/// Whether a call at the module's level changes another module only for the sake of this one: which warnings are shown, how
/// objects of its own classes are pickled, what happens to it in a fork. Without this module nobody misses it.
fn own_call(call: &ruff_python_ast::ExprCall, imported: &FxHashMap<String, String>) -> bool {
    let Some(from) = root(&call.func).and_then(|name| imported.get(name)) else { return false };
    let first = call.arguments.args.first();
    let is_error = |expr: &Expr| matches!(expr, Expr::StringLiteral(text) if text.value.to_str() == "error");
    match (from.split('.').next().unwrap_or_default(), last_name(&call.func)) {
        ("warnings", _) => {
            let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
            !call.arguments.args.iter().chain(named).any(is_error)
        }
        ("platform", _) | ("os", "register_at_fork") => true,
        // For types of others it shows in the table, which is watched.
        ("copyreg", "pickle" | "constructor") => true,
        // Documents objects of the package that it names.
        (top, "add_newdoc") => {
            matches!(first, Some(Expr::StringLiteral(text)) if text.value.to_str().split('.').next() != Some(top))
        }
        ("os", "setdefault" | "putenv") => is_about_threads(first),
        _ => false,
    }
}

/// The same of what is assigned to: a variable about threads, or a name of this very module.
fn own_target(target: &Expr, imported: &FxHashMap<String, String>) -> bool {
    let Some(from) = root(target).and_then(|name| imported.get(name)) else { return false };
    let mut inner = target;
    loop {
        match inner {
            Expr::Subscript(subscript) => {
                let is_own = matches!(subscript.slice.as_ref(), Expr::Name(name) if name.id.as_str() == "__name__");
                if is_own && from.starts_with("sys") && !std::ptr::eq(inner, target)
                    || from.starts_with("os") && is_about_threads(Some(&subscript.slice))
                {
                    return true;
                }
                inner = &subscript.value;
            }
            Expr::Attribute(attribute) => inner = &attribute.value,
            _ => return false,
        }
    }
}

fn is_registration(decorator: &Decorator) -> bool {
    const WORDS: &[&str] = &[
        "regist",
        "hook",
        "implements",
        "dispatch",
        "route",
        "task",
        "command",
        "receiver",
        "subscribe",
        "listen",
        "plugin",
    ];
    let name = last_name(&decorator.expression).to_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The last name of `a.b.c` or of `a.b.c(…)`.
fn last_name(expr: &Expr) -> &str {
    match expr {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        Expr::Call(call) => last_name(&call.func),
        _ => "",
    }
}

/// Decorators that give a function that does the same, and leave no trace elsewhere.
fn quiet_decorator(decorator: &Decorator) -> bool {
    const QUIET: &[&str] = &[
        "property",
        "setter",
        "getter",
        "deleter",
        "staticmethod",
        "classmethod",
        "abstractmethod",
        "cached_property",
        "cache_readonly",
        "lru_cache",
        "cache",
        "override",
        "final",
        "total_ordering",
        "dataclass",
        "runtime_checkable",
        "wraps",
        "contextmanager",
        "asynccontextmanager",
        "abstractproperty",
        "set_module",
        "cacheit",
    ];
    QUIET.contains(&last_name(&decorator.expression))
}

/// Whether evaluating an expression later gives the same and is noticed by nobody.
fn quiet(expr: &Expr, depth: usize) -> bool {
    const CALLS: &[&str] = &[
        "frozenset",
        "set",
        "dict",
        "tuple",
        "list",
        "object",
        "property",
        "staticmethod",
        "classmethod",
        "range",
        "bytes",
        "str",
        "int",
        "float",
        "re.compile",
        "namedtuple",
        "collections.namedtuple",
        "TypeVar",
        "typing.TypeVar",
        "NewType",
        "ParamSpec",
        "logging.getLogger",
        "getLogger",
        "struct.Struct",
        "Struct",
        "partial",
        "functools.partial",
        "itemgetter",
        "attrgetter",
        "operator.itemgetter",
        "operator.attrgetter",
        "sorted",
        "zip",
        "map",
        "enumerate",
        "max",
        "min",
        "len",
        "sum",
        "OrderedDict",
        "collections.OrderedDict",
    ];
    if depth > 200 {
        return false;
    }
    let all = |list: &[Expr]| list.iter().all(|one| quiet(one, depth + 1));
    match expr {
        Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_)
        | Expr::Lambda(_) => true,
        // Streams, paths and arguments of the process are replaced while it runs.
        Expr::Name(name) => !matches!(name.id.as_str(), "sys" | "__name__" | "__file__"),
        Expr::Attribute(attribute) => quiet(&attribute.value, depth + 1),
        Expr::Subscript(node) => quiet(&node.value, depth + 1) && quiet(&node.slice, depth + 1),
        Expr::Tuple(node) => all(&node.elts),
        Expr::List(node) => all(&node.elts),
        Expr::Set(node) => all(&node.elts),
        Expr::Dict(node) => node
            .items
            .iter()
            .all(|item| item.key.as_ref().is_none_or(|key| quiet(key, depth + 1)) && quiet(&item.value, depth + 1)),
        Expr::BinOp(node) => quiet(&node.left, depth + 1) && quiet(&node.right, depth + 1),
        Expr::UnaryOp(node) => quiet(&node.operand, depth + 1),
        Expr::BoolOp(node) => all(&node.values),
        Expr::Compare(node) => quiet(&node.left, depth + 1) && node.comparators.iter().all(|one| quiet(one, depth + 1)),
        Expr::If(node) => [&node.test, &node.body, &node.orelse].iter().all(|one| quiet(one, depth + 1)),
        Expr::Starred(node) => quiet(&node.value, depth + 1),
        Expr::Slice(node) => [&node.lower, &node.upper, &node.step]
            .iter()
            .all(|one| one.as_ref().is_none_or(|one| quiet(one, depth + 1))),
        Expr::Call(call) => {
            UnqualifiedName::from_expr(&call.func).is_some_and(|name| CALLS.contains(&name.to_string().as_str()))
                && all(&call.arguments.args)
                && call.arguments.keywords.iter().all(|keyword| quiet(&keyword.value, depth + 1))
        }
        _ => false,
    }
}

/// Whether leaving a value out pays: it is large, or refers to what could then go too.
fn worth(value: &Expr) -> bool {
    struct Names(bool);
    impl<'a> Visitor<'a> for Names {
        fn visit_expr(&mut self, expr: &'a Expr) {
            self.0 |= matches!(expr, Expr::Name(_) | Expr::Call(_));
            if !self.0 {
                visitor::walk_expr(self, expr);
            }
        }
    }
    if usize::from(value.range().len()) > SMALL_VALUE {
        return true;
    }
    let mut names = Names(false);
    names.visit_expr(value);
    names.0
}

fn quiet_parameters(parameters: &Parameters) -> bool {
    let all = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
    all.into_iter().all(|one| one.default.as_ref().is_none_or(|default| quiet(default, 0)))
}

fn quiet_function(function: &StmtFunctionDef) -> bool {
    function.decorator_list.iter().all(quiet_decorator) && quiet_parameters(&function.parameters)
}

fn quiet_class(class: &StmtClassDef) -> bool {
    let bases = class.arguments.as_ref().is_none_or(|arguments| {
        arguments.args.iter().all(|base| quiet(base, 0))
            && arguments.keywords.iter().all(|keyword| {
                keyword.arg.as_ref().is_some_and(|name| name.as_str() == "metaclass")
                    && matches!(last_name(&keyword.value), "ABCMeta")
            })
    });
    bases && class.decorator_list.iter().all(quiet_decorator) && class.body.iter().all(quiet_in_class)
}

fn quiet_in_class(statement: &Stmt) -> bool {
    match statement {
        Stmt::FunctionDef(function) => quiet_function(function),
        Stmt::ClassDef(class) => quiet_class(class),
        Stmt::Assign(assign) => assign.targets.iter().all(Expr::is_name_expr) && quiet(&assign.value, 0),
        Stmt::AnnAssign(assign) => assign.value.as_ref().is_none_or(|value| quiet(value, 0)),
        Stmt::Expr(expr) => matches!(expr.value.as_ref(), Expr::StringLiteral(_) | Expr::EllipsisLiteral(_)),
        Stmt::Pass(_) => true,
        _ => false,
    }
}

/// Whether a statement of the module's level, with all in it, may run later.
fn quiet_compound(statement: &Stmt) -> bool {
    match statement {
        Stmt::If(node) => {
            let is_typing = matches!(last_name(&node.test), "TYPE_CHECKING");
            let tests = node.elif_else_clauses.iter().filter_map(|clause| clause.test.as_ref());
            !is_typing
                && std::iter::once(node.test.as_ref()).chain(tests).all(quiet_test)
                && blocks(statement).into_iter().all(quiet_compound)
        }
        Stmt::Try(node) => {
            let handlers = node.handlers.iter().all(|ExceptHandler::ExceptHandler(handler)| {
                handler.name.is_none() && handler.type_.as_ref().is_none_or(|kind| quiet(kind, 0))
            });
            handlers && node.finalbody.is_empty() && blocks(statement).into_iter().all(quiet_compound)
        }
        Stmt::Import(_) | Stmt::Pass(_) => true,
        Stmt::ImportFrom(import) => import.names.iter().all(|alias| alias.name.as_str() != "*"),
        Stmt::Assign(assign) => assign.targets.iter().all(Expr::is_name_expr) && quiet(&assign.value, 0),
        Stmt::FunctionDef(function) => quiet_function(function),
        Stmt::ClassDef(class) => quiet_class(class),
        _ => false,
    }
}

/// Tests of versions and platforms read `sys`, and give the same at any time.
fn quiet_test(expr: &Expr) -> bool {
    struct Calls(bool);
    impl<'a> Visitor<'a> for Calls {
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Call(_) | Expr::Await(_) | Expr::Yield(_) | Expr::Named(_) => self.0 = true,
                _ => visitor::walk_expr(self, expr),
            }
        }
    }
    let mut calls = Calls(false);
    calls.visit_expr(expr);
    !calls.0
}

/// Names in the annotations of fields: dataclasses and their kin evaluate them by text.
fn fields(body: &[Stmt]) -> FxHashSet<String> {
    struct Names(FxHashSet<String>);
    impl<'a> Visitor<'a> for Names {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(name) = expr {
                self.0.insert(name.id.to_string());
            }
            visitor::walk_expr(self, expr);
        }
    }
    fn within(body: &[Stmt], names: &mut Names) {
        for statement in body {
            if let Stmt::ClassDef(class) = statement {
                for inner in &class.body {
                    if let Stmt::AnnAssign(assign) = inner {
                        names.visit_expr(&assign.annotation);
                    }
                }
                within(&class.body, names);
            } else {
                for inner in blocks(statement) {
                    within(std::slice::from_ref(inner), names);
                }
            }
        }
    }
    let mut names = Names(FxHashSet::default());
    within(body, &mut names);
    names.0
}

/// What a scope binds: names only, nothing of the scopes within it.
#[derive(Default)]
struct Binder<'a> {
    bound: Vec<&'a str>,
    deleted: Vec<&'a str>,
    global: Vec<&'a str>,
    outer: Vec<&'a str>,
    /// Within a comprehension only `:=` binds for this scope.
    comprehensions: usize,
}

impl<'a> Visitor<'a> for Binder<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.bound.push(function.name.as_str());
                function.decorator_list.iter().for_each(|one| self.visit_expr(&one.expression));
                for one in function.parameters.iter_non_variadic_params() {
                    if let Some(default) = &one.default {
                        self.visit_expr(default);
                    }
                }
            }
            Stmt::ClassDef(class) => {
                self.bound.push(class.name.as_str());
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
            }
            Stmt::Global(node) => self.global.extend(node.names.iter().map(|name| name.as_str())),
            Stmt::Nonlocal(node) => self.outer.extend(node.names.iter().map(|name| name.as_str())),
            Stmt::Import(import) => self.bound.extend(import.names.iter().map(bound_by_import)),
            Stmt::ImportFrom(import) => {
                for alias in import.names.iter().filter(|alias| alias.name.as_str() != "*") {
                    self.bound.push(alias.asname.as_ref().unwrap_or(&alias.name).as_str());
                }
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_) => {}
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                self.comprehensions += 1;
                visitor::walk_expr(self, expr);
                self.comprehensions -= 1;
            }
            Expr::Named(named) => {
                if let Expr::Name(name) = named.target.as_ref() {
                    self.bound.push(name.id.as_str());
                }
                self.visit_expr(&named.value);
            }
            Expr::Name(name) if self.comprehensions == 0 => match name.ctx {
                ExprContext::Store => self.bound.push(name.id.as_str()),
                ExprContext::Del => {
                    self.bound.push(name.id.as_str());
                    self.deleted.push(name.id.as_str());
                }
                ExprContext::Load | ExprContext::Invalid => {}
            },
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(node) = handler;
        if let Some(name) = &node.name {
            self.bound.push(name.as_str());
            self.deleted.push(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchAs(node) => self.bound.extend(node.name.as_ref().map(|name| name.as_str())),
            Pattern::MatchStar(node) => self.bound.extend(node.name.as_ref().map(|name| name.as_str())),
            Pattern::MatchMapping(node) => self.bound.extend(node.rest.as_ref().map(|name| name.as_str())),
            _ => {}
        }
        visitor::walk_pattern(self, pattern);
    }

    // Annotations bind nothing.
    fn visit_annotation(&mut self, _: &'a Expr) {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ScopeKind {
    Module,
    Class,
    Function,
}

struct Scope<'a> {
    kind: ScopeKind,
    bound: FxHashSet<&'a str>,
    global: FxHashSet<&'a str>,
}

/// Finds the references that mean a name of the module.
struct Resolver<'a> {
    scopes: Vec<Scope<'a>>,
    references: Vec<(TextRange, &'a str)>,
    /// Names that must stay: their lookup is not what the text shows.
    pinned: FxHashSet<String>,
    /// Whether the module looks its names up by text.
    dynamic: bool,
    in_dir: bool,
    debug: usize,
    annotation: bool,
    text: &'a str,
    /// Calls of `eval` and `exec` in the module's own namespace, and what takes their place.
    evaluations: Vec<(TextRange, &'static str)>,
}

impl<'a> Resolver<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            scopes: Vec::new(),
            references: Vec::new(),
            pinned: FxHashSet::default(),
            dynamic: false,
            in_dir: false,
            debug: 0,
            annotation: false,
            text,
            evaluations: Vec::new(),
        }
    }

    fn module(&mut self, body: &'a [Stmt]) {
        self.scopes.push(Scope { kind: ScopeKind::Module, bound: FxHashSet::default(), global: FxHashSet::default() });
        self.visit_body(body);
    }

    fn within(&mut self, kind: ScopeKind, binder: Binder<'a>, work: impl FnOnce(&mut Self)) {
        self.pinned.extend(binder.global.iter().map(|name| (*name).to_owned()));
        let mut bound: FxHashSet<&str> = binder.bound.into_iter().collect();
        // A name of an enclosing function; that one has it as its own.
        bound.extend(binder.outer);
        self.scopes.push(Scope { kind, bound, global: binder.global.into_iter().collect() });
        work(self);
        self.scopes.pop();
    }

    fn load(&mut self, range: TextRange, name: &'a str) {
        let last = self.scopes.len().saturating_sub(1);
        for (at, scope) in self.scopes.iter().enumerate().rev() {
            if scope.global.contains(name) {
                break;
            }
            match scope.kind {
                ScopeKind::Module => break,
                ScopeKind::Function if scope.bound.contains(name) => return,
                // A class's own names hide those of the module only once they are bound.
                ScopeKind::Class if at == last && scope.bound.contains(name) => {
                    self.pinned.insert(name.to_owned());
                    return;
                }
                ScopeKind::Class | ScopeKind::Function => {}
            }
        }
        if self.debug > 0 {
            self.pinned.insert(name.to_owned());
        }
        self.references.push((range, name));
    }

    fn function(&mut self, parameters: Option<&'a Parameters>, body: impl FnOnce(&mut Self), mut binder: Binder<'a>) {
        if let Some(parameters) = parameters {
            binder.bound.extend(parameters.iter().map(|parameter| parameter.name().as_str()));
        }
        self.within(ScopeKind::Function, binder, body);
    }

    fn type_parameters(parameters: Option<&'a TypeParams>, binder: &mut Binder<'a>) {
        for one in parameters.iter().flat_map(|parameters| parameters.type_params.iter()) {
            binder.bound.push(one.name().as_str());
        }
    }

    fn outside(&mut self, parameters: &'a Parameters) {
        for one in parameters.iter_non_variadic_params() {
            if let Some(default) = &one.default {
                self.visit_expr(default);
            }
        }
        for parameter in parameters.iter() {
            if let Some(annotation) = parameter.annotation() {
                self.visit_annotation(annotation);
            }
        }
    }
}

impl<'a> Visitor<'a> for Resolver<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(node) => {
                node.decorator_list.iter().for_each(|one| self.visit_expr(&one.expression));
                // Type parameters are a scope around all but the decorators.
                let mut types = Binder::default();
                Self::type_parameters(node.type_params.as_deref(), &mut types);
                self.within(ScopeKind::Function, types, |this| {
                    this.outside(&node.parameters);
                    if let Some(returns) = &node.returns {
                        this.visit_annotation(returns);
                    }
                    let mut binder = Binder::default();
                    binder.visit_body(&node.body);
                    let before = this.in_dir;
                    this.in_dir |= node.name.as_str() == "__dir__" && this.scopes.len() == 2;
                    this.function(Some(&node.parameters), |this| this.visit_body(&node.body), binder);
                    this.in_dir = before;
                });
            }
            Stmt::ClassDef(node) => {
                node.decorator_list.iter().for_each(|one| self.visit_expr(&one.expression));
                let mut types = Binder::default();
                Self::type_parameters(node.type_params.as_deref(), &mut types);
                let has_types = !types.bound.is_empty();
                let inner = |this: &mut Self| {
                    if let Some(arguments) = &node.arguments {
                        this.visit_arguments(arguments);
                    }
                    let mut binder = Binder::default();
                    binder.visit_body(&node.body);
                    this.within(ScopeKind::Class, binder, |this| this.visit_body(&node.body));
                };
                if has_types {
                    self.within(ScopeKind::Function, types, inner);
                } else {
                    inner(self);
                }
            }
            Stmt::AnnAssign(node) => {
                self.visit_annotation(&node.annotation);
                if let Some(value) = &node.value {
                    self.visit_expr(value);
                }
                self.visit_expr(&node.target);
            }
            // `x += 1` reads what it binds.
            Stmt::AugAssign(node) => {
                if let Expr::Name(name) = node.target.as_ref()
                    && self.scopes.len() == 1
                {
                    self.pinned.insert(name.id.to_string());
                }
                visitor::walk_stmt(self, statement);
            }
            Stmt::TypeAlias(_) => {
                // Evaluated when asked for, in a scope of its own: names in it stay.
                let mut names = FxHashSet::default();
                for word in words(
                    self.text.get(usize::from(statement.start())..usize::from(statement.end())).unwrap_or_default(),
                ) {
                    names.insert(word.to_owned());
                }
                self.pinned.extend(names);
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        let before = std::mem::replace(&mut self.annotation, true);
        self.visit_expr(expr);
        self.annotation = before;
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx == ExprContext::Load => {
                let id = name.id.as_str();
                let is_own = self.scopes.iter().any(|scope| scope.bound.contains(id));
                // Passed on to where it cannot be followed.
                if !is_own {
                    self.dynamic |= match id {
                        "globals" => !self.in_dir,
                        "eval" | "exec" | "locals" | "vars" | "dir" => true,
                        _ => false,
                    };
                }
                self.load(name.range, id);
            }
            Expr::Call(call) if self.lookup(call) => {}
            Expr::Subscript(node) if self.item_of_globals(node) => {}
            Expr::Compare(node)
                if matches!(&*node.ops, [CmpOp::In | CmpOp::NotIn])
                    && node.comparators.first().is_some_and(|one| self.is_globals(one)) =>
            {
                self.named(&node.left);
                self.visit_expr(&node.left);
            }
            // Another reading of the text than ours: `"{x}".format(**globals())` and quoted annotations.
            Expr::StringLiteral(text) if self.annotation => {
                self.pinned.extend(words(text.value.to_str()).map(str::to_owned));
            }
            Expr::Lambda(node) => {
                if let Some(parameters) = &node.parameters {
                    self.outside(parameters);
                }
                let mut binder = Binder::default();
                binder.visit_expr(&node.body);
                self.function(node.parameters.as_deref(), |this| this.visit_expr(&node.body), binder);
            }
            Expr::ListComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::SetComp(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::Generator(node) => self.comprehension(&node.generators, &[&node.elt]),
            Expr::DictComp(node) => {
                let mut parts: Vec<&'a Expr> = vec![&node.value];
                parts.extend(node.key.as_deref());
                self.comprehension(&node.generators, &parts);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        // `{x=}` writes its own text.
        let is_debug = matches!(element, InterpolatedStringElement::Interpolation(one) if one.debug_text.is_some());
        self.debug += usize::from(is_debug);
        visitor::walk_interpolated_string_element(self, element);
        self.debug -= usize::from(is_debug);
    }
}

impl<'a> Resolver<'a> {
    fn is_builtin(&self, name: &str) -> bool {
        !self.scopes.iter().any(|scope| scope.bound.contains(name))
    }

    fn is_globals(&self, expr: &Expr) -> bool {
        let Expr::Call(call) = expr else { return false };
        matches!(call.func.as_ref(), Expr::Name(name) if name.id.as_str() == "globals")
            && call.arguments.is_empty()
            && self.is_builtin("globals")
    }

    /// A name that is given as text: it stays. Anything but a literal could be any name.
    fn named(&mut self, expr: &Expr) {
        match expr {
            Expr::StringLiteral(text) => {
                self.pinned.insert(text.value.to_str().to_owned());
            }
            _ => self.dynamic = true,
        }
    }

    /// `globals()[…]`. What is stored under a computed name is found where it is; only reading one could miss something.
    fn item_of_globals(&mut self, node: &'a ruff_python_ast::ExprSubscript) -> bool {
        if !self.is_globals(&node.value) {
            return false;
        }
        match (node.ctx, node.slice.as_ref()) {
            (ExprContext::Store, slice) if !slice.is_string_literal_expr() => {}
            (_, slice) => self.named(slice),
        }
        self.visit_expr(&node.slice);
        true
    }

    /// Calls that look names up by text, where it can be said which.
    fn lookup(&mut self, call: &'a ruff_python_ast::ExprCall) -> bool {
        let arguments = &call.arguments;
        let visit = |this: &mut Self| {
            for one in &arguments.args {
                if !this.is_globals(one) {
                    this.visit_expr(one);
                }
            }
            arguments.keywords.iter().for_each(|one| this.visit_expr(&one.value));
        };
        match call.func.as_ref() {
            Expr::Name(name) if self.is_builtin(name.id.as_str()) => match name.id.as_str() {
                // The importer asks the namespace for its package only.
                "__import__" => {
                    for one in &arguments.args {
                        let is_locals = matches!(one, Expr::Call(inner)
                            if matches!(inner.func.as_ref(), Expr::Name(name) if name.id.as_str() == "locals"));
                        if !self.is_globals(one) && !is_locals {
                            self.visit_expr(one);
                        }
                    }
                    arguments.keywords.iter().for_each(|one| self.visit_expr(&one.value));
                    true
                }
                // What is in the text that is run is loaded before.
                "eval" | "exec" => {
                    if arguments.args.len() == 1 && arguments.keywords.is_empty() {
                        self.evaluations
                            .push((name.range, if name.id.as_str() == "eval" { "_mi_eval" } else { "_mi_exec" }));
                        visit(self);
                    } else if arguments.args.iter().any(|one| self.is_globals(one)) {
                        self.dynamic = true;
                    } else {
                        visit(self);
                    }
                    true
                }
                "dir" | "vars" if !arguments.is_empty() => {
                    visit(self);
                    true
                }
                "locals" | "vars" | "dir" => {
                    // A function's own variables are no names of the module.
                    self.dynamic |= self.scopes.iter().all(|scope| scope.kind == ScopeKind::Module);
                    true
                }
                _ => false,
            },
            Expr::Attribute(attribute) if self.is_globals(&attribute.value) => {
                match (attribute.attr.as_str(), arguments.args.first()) {
                    ("get" | "pop" | "setdefault", Some(first)) => self.named(first),
                    _ if self.in_dir => {}
                    _ => self.dynamic = true,
                }
                visit(self);
                true
            }
            _ => false,
        }
    }

    fn comprehension(&mut self, generators: &'a [ruff_python_ast::Comprehension], parts: &[&'a Expr]) {
        let mut binder = Binder::default();
        for generator in generators {
            binder.visit_expr(&generator.target);
        }
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        self.within(ScopeKind::Function, binder, |this| {
            for (n, generator) in generators.iter().enumerate() {
                if n > 0 {
                    this.visit_expr(&generator.iter);
                }
                this.visit_expr(&generator.target);
                generator.ifs.iter().for_each(|one| this.visit_expr(one));
            }
            parts.iter().for_each(|one| this.visit_expr(one));
        });
    }
}

/// The identifiers in a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// Functions of a class, and of the classes within it.
fn stubs(source: &Source, class: &StmtClassDef, at: usize, outer: &[String], into: &mut Vec<Function>) {
    let mut classes = outer.to_vec();
    classes.push(class.name.to_string());
    if class.type_params.is_some() {
        return;
    }
    for statement in &class.body {
        match statement {
            Stmt::FunctionDef(function) => stub(source, function, at, &classes, into),
            Stmt::ClassDef(inner) => stubs(source, inner, at, &classes, into),
            _ => {}
        }
    }
}

/// What makes a body depend on being where it is.
#[derive(Default)]
struct Body {
    odd: bool,
    cell: bool,
}

impl<'a> Visitor<'a> for Body {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if let Stmt::Nonlocal(_) = statement {
            self.odd = true;
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        const ODD: &[&str] =
            &["locals", "vars", "dir", "eval", "exec", "currentframe", "_getframe", "stack", "stacklevel"];
        match expr {
            Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Await(_) => self.odd = true,
            Expr::Name(name) if matches!(name.id.as_str(), "super" | "__class__") => self.cell = true,
            Expr::Name(name) if ODD.contains(&name.id.as_str()) => self.odd = true,
            Expr::Attribute(attribute) if ODD.contains(&attribute.attr.as_str()) => self.odd = true,
            Expr::Call(call) => {
                self.odd |= call
                    .arguments
                    .keywords
                    .iter()
                    .any(|keyword| keyword.arg.as_ref().is_some_and(|name| name.as_str() == "stacklevel"));
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

fn stub(source: &Source, function: &StmtFunctionDef, at: usize, classes: &[String], into: &mut Vec<Function>) {
    let name = function.name.as_str();
    if function.is_async || function.type_params.is_some() || !function.decorator_list.iter().all(quiet_decorator) {
        return;
    }
    if matches!(
        name,
        "__del__"
            | "_mi_own_getattr"
            | "__getattr__"
            | "__getattribute__"
            | "__init_subclass__"
            | "__class_getitem__"
            | "__dir__"
    ) || classes.is_empty() && name.starts_with("__")
    {
        return;
    }
    let skip =
        usize::from(matches!(function.body.first(), Some(Stmt::Expr(expr)) if expr.value.is_string_literal_expr()));
    let (Some(first), Some(last)) = (function.body.get(skip), function.body.last()) else { return };
    let body = TextRange::new(first.start(), last.end());
    if usize::from(body.len()) < SMALL_BODY {
        return;
    }
    let mut seen = Body::default();
    seen.visit_body(&function.body);
    if seen.odd {
        return;
    }
    let text = source.text.as_str();
    // The text from the `def` on, behind its indentation.
    let start = function.decorator_list.last().map_or(function.start(), |decorator| decorator.end());
    let rest = text.get(usize::from(start)..usize::from(function.end())).unwrap_or_default();
    let Some(offset) = rest.find("def") else { return };
    // Between decorator and `def` may stand comments, which could hold the word.
    let between = rest.get(..offset).unwrap_or_default();
    if between.contains('#') {
        return;
    }
    let start = usize::from(start) + offset;
    let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let indent = text.get(line_start..start).unwrap_or_default();
    if !indent.chars().all(|c| c == ' ') || (indent.len() <= classes.len() && !classes.is_empty()) {
        return;
    }
    // A body on the line of its `def` has no room of its own.
    let first_line = source.line(first.start());
    let header = TextRange::new(TextSize::try_from(start).unwrap_or_default(), first.start());
    if first_line == source.line(header.start()) {
        return;
    }
    let mut words: Vec<String> = Vec::new();
    let parameters = &function.parameters;
    for one in parameters.posonlyargs.iter().chain(&parameters.args) {
        words.push(one.parameter.name.to_string());
    }
    if let Some(one) = &parameters.vararg {
        words.push(format!("*{}", one.name));
    }
    for one in &parameters.kwonlyargs {
        let name = one.parameter.name.as_str();
        if name.starts_with("__") {
            return;
        }
        words.push(format!("{name}={name}"));
    }
    if let Some(one) = &parameters.kwarg {
        words.push(format!("**{}", one.name));
    }
    let is_method = !classes.is_empty();
    if seen.cell && !is_method {
        return;
    }
    let cell = if seen.cell { ", __class__" } else { "" };
    let call = format!("return _mi_call({{number}}{cell})({})", words.join(", "));
    let mut qualified = classes.to_vec();
    qualified.push(name.to_owned());
    into.push(Function {
        qualified: qualified.join("."),
        line: source.line(function.start()),
        statement: at,
        classes: classes.to_vec(),
        name: name.to_owned(),
        definition: TextRange::new(TextSize::try_from(start).unwrap_or_default(), function.end()),
        indent: indent.to_owned(),
        body,
        call,
    });
}

impl Module {
    /// Whether this name is what an import of the submodule of the same name binds.
    pub fn is_submodule(&self, name: &str) -> bool {
        let full = format!("{}.{name}", self.name);
        self.imports.iter().any(|import| import.aliases.iter().any(|(one, bound)| *one == full && bound == name))
    }

    /// Whether the text uses `package.submodule` without asking for it itself.
    pub fn relies_on(&self, submodule: &str) -> bool {
        let text = self.source.text.as_str();
        let Some((package, child)) = submodule.rsplit_once('.') else { return false };
        let asks = |words: &str| text.contains(words);
        text.contains(&format!("{submodule}."))
            && !asks(&format!("import {submodule}"))
            && !asks(&format!("from {package} import {child}"))
            && !asks(&format!("from {submodule} import"))
    }
}
