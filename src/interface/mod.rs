//! The memory interface of a handler: made by reading the handler, written as Python or JSON, evaluated in place.
//!
//! [`extract`] reads (`build`), drops what memory does not depend on (`simplify`), and names what is left (`names`).
//! `tree` is the result as data; `python`, `json`, `evaluate` are what can be done with it. Depends on `project`,
//! `calls`, `expression` and `formula`; never runs the code that it reads.

mod build;
mod bytes;
mod evaluate;
mod json;
mod names;
mod python;
mod simplify;
pub mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use ruff_python_ast::Parameters;

use crate::calls::{Definition, FunctionId, FunctionKind, Program};
use crate::diagnostic::Diagnostic;
use crate::expression::{Expr, Text, Value};
use crate::formula::Formula;
use crate::memory::unknown::Known;
use crate::project::discover::Handler;
use crate::project::{LoadOptions, Project, Source, Sources};

pub use bytes::InBytes;
pub use evaluate::{EvaluateError, Path};
pub use python::Symbols;
pub use tree::{Interface, Mcv, McvKind, McvType, Statistics};

use tree::{Initialisation, Parameter, ParameterKind};

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct ExtractOptions {
    /// How deep calls of the project's functions are followed; no limit if `None`.
    pub depth: Option<usize>,
    /// Whether formulas in bytes are made too.
    pub bytes: bool,
}

/// Reads handlers of one file, and gives the interface of each that can be read, in order.
///
/// The handlers must share file and code root: the project around them is read once.
pub fn extract(handlers: &[&Handler], options: &ExtractOptions) -> (Vec<Interface>, Vec<Diagnostic>) {
    let Some(first) = handlers.first() else { return (Vec::new(), Vec::new()) };
    let source = match first.source() {
        Ok(source) => source,
        Err(diagnostic) => return (Vec::new(), vec![diagnostic]),
    };
    extract_from(source, handlers, options)
}

/// The same with files that were parsed before ([`discover_with`](crate::project::discover::discover_with)). The
/// handlers' own file is let go afterwards.
pub fn extract_with(
    handlers: &[&Handler],
    options: &ExtractOptions,
    sources: &Arc<Sources>,
) -> (Vec<Interface>, Vec<Diagnostic>) {
    let Some(first) = handlers.first() else { return (Vec::new(), Vec::new()) };
    let source = match first.inline {
        Some(_) => first.source().map(Arc::new),
        None => sources.load(&first.file),
    };
    sources.forget(&first.file);
    match source {
        Ok(source) => read(source, handlers, options, Some(sources)),
        Err(diagnostic) => (Vec::new(), vec![diagnostic]),
    }
}

/// The same from a source that is parsed already.
pub fn extract_from(
    source: Source,
    handlers: &[&Handler],
    options: &ExtractOptions,
) -> (Vec<Interface>, Vec<Diagnostic>) {
    read(Arc::new(source), handlers, options, None)
}

fn read(
    source: Arc<Source>,
    handlers: &[&Handler],
    options: &ExtractOptions,
    sources: Option<&Arc<Sources>>,
) -> (Vec<Interface>, Vec<Diagnostic>) {
    let Some(first) = handlers.first() else { return (Vec::new(), Vec::new()) };
    let load = LoadOptions {
        roots: vec![first.code_root.clone()],
        sources: sources.map(Arc::clone),
        ..LoadOptions::default()
    };
    let (project, mut diagnostics) = Project::from_sources(vec![(source.clone(), first.module.clone())], &load);
    let program = Program::analyse(&project);
    let mut interfaces = Vec::new();
    for handler in handlers {
        match of(&project, &program, handler, options) {
            Ok(interface) => interfaces.push(interface),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    (interfaces, diagnostics)
}

/// The interface of a handler whose project was read before.
///
/// # Errors
/// There is no such function.
pub fn of(
    project: &Project,
    program: &Program<'_>,
    handler: &Handler,
    options: &ExtractOptions,
) -> Result<Interface, Diagnostic> {
    let function = program.handler(handler)?;
    let definition = program.function(function);
    let source = &project.module(definition.module).source;
    let qualified = match definition.definition {
        // It has no name of its own but the one that the platform calls.
        Definition::Lambda(_) => handler.name(),
        Definition::Function(_) | Definition::ClassBody(_) | Definition::Module(_) => definition.qualified_name.clone(),
    };
    let name = handler.function.rsplit('.').next().unwrap_or(&handler.function).to_owned();
    let parameters = parameters_of(program, function);
    let build_options = build::Options { depth: options.depth, environment: handler.settings.literal_environment() };
    let built = build::Builder::new(project, program, &build_options, definition.module).build(function);
    let mut free = built.free;
    let before = [followed(&built.body), followed(&built.initialisation)];
    let mut bound = built.bound;
    let body = simplify::simplify(built.body, &mut bound);
    let initialisation = simplify::simplify(built.initialisation, &mut bound);
    // A followed function that leaves no trace is accounted for: nothing that it does costs memory.
    let after = [followed(&body), followed(&initialisation)];
    for (file, line, callee) in before[0].difference(&after[0]).chain(before[1].difference(&after[1])) {
        let reason = "a function of the project in which nothing costs memory".to_owned();
        free.insert(tree::FreeCall { file: file.to_string(), line: *line, callee: callee.clone(), reason });
    }
    let named = names::name(body, &parameters, &built.atoms, &bound);
    let initial = names::name(initialisation, &[], &built.atoms, &bound);
    let bytes = options.bytes.then(|| {
        let options = crate::memory::Options::of(&handler.settings, None);
        InBytes::of(project, program, function, &named.mcvs, &options)
    });
    Ok(Interface {
        handler: qualified,
        name,
        file: source.path.to_string_lossy().into_owned(),
        line: line_of(source, definition.definition),
        parameters,
        mcvs: named.mcvs,
        derived: named.derived,
        body: named.body,
        initialisation: Initialisation { mcvs: initial.mcvs, body: initial.body },
        bytes,
        free: free.into_iter().collect(),
        notes: built.notes.into_iter().collect(),
        statistics: built.statistics,
    })
}

/// The interface's variables, for the memory model to name its unknowns after.
pub fn known(interface: &Interface) -> Vec<Known> {
    bytes::known(&interface.mcvs)
}

/// The calls whose functions stand in a tree: file, line, function.
fn followed(block: &tree::Block) -> std::collections::BTreeSet<(Text, u32, String)> {
    let mut calls = std::collections::BTreeSet::new();
    block.nodes(&mut |node| {
        if let tree::Node::Scope { function, at, .. } = node
            && !function.starts_with("import ")
        {
            calls.insert((at.file.clone(), at.line, function.clone()));
        }
    });
    calls
}

/// The line of a definition's name: decorators stand before it.
fn line_of(source: &Source, definition: Definition<'_>) -> u32 {
    match definition {
        Definition::Function(function) => source.line_of(&function.name),
        Definition::Lambda(lambda) => source.line_of(lambda),
        Definition::ClassBody(class) => source.line_of(&class.name),
        Definition::Module(_) => 1,
    }
}

/// The parameters that the platform passes: a method's own receiver is left out.
fn parameters_of(program: &Program<'_>, function: FunctionId) -> Vec<Parameter> {
    let info = program.function(function);
    let parameters: Option<&Parameters> = match info.definition {
        Definition::Function(definition) => Some(&definition.parameters),
        Definition::Lambda(lambda) => lambda.parameters.as_deref(),
        Definition::Module(_) | Definition::ClassBody(_) => None,
    };
    let Some(parameters) = parameters else { return Vec::new() };
    let mut out = Vec::new();
    let mut push = |name: &str, kind: ParameterKind, has_default: bool| {
        out.push(Parameter { name: Text::from(name), kind, has_default });
    };
    for parameter in parameters.posonlyargs.iter().chain(&parameters.args) {
        push(&parameter.parameter.name, ParameterKind::Plain, parameter.default.is_some());
    }
    if let Some(rest) = &parameters.vararg {
        push(&rest.name, ParameterKind::Positional, false);
    }
    for parameter in &parameters.kwonlyargs {
        push(&parameter.parameter.name, ParameterKind::KeywordOnly, parameter.default.is_some());
    }
    if let Some(rest) = &parameters.kwarg {
        push(&rest.name, ParameterKind::Keywords, false);
    }
    let method = matches!(info.kind, FunctionKind::Method | FunctionKind::ClassMethod | FunctionKind::Property);
    if method && !out.is_empty() {
        out.remove(0);
    }
    out
}

impl Interface {
    /// The interface as a Python file.
    pub fn to_python(&self, symbols: Symbols) -> String {
        python::write(self, symbols)
    }

    /// The interface as JSON (`docs/schemas/interface.schema.json`).
    pub fn to_json(&self) -> serde_json::Value {
        json::write(self)
    }

    /// The formula for values that are known: of parameters, memory-critical variables or derived values, by name.
    /// What is not given stays a symbol of the formula; an environment variable's default is used.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    pub fn evaluate(&self, values: &BTreeMap<Text, Value>) -> Result<Formula, EvaluateError> {
        let (body, known) = self.prepared(values);
        evaluate::evaluate(&body, &known)
    }

    /// The paths through the handler with their conditions and formulas, up to `limit`, and whether there are more.
    ///
    /// # Errors
    /// See [`EvaluateError`].
    pub fn paths(&self, values: &BTreeMap<Text, Value>, limit: usize) -> Result<(Vec<Path>, bool), EvaluateError> {
        let (body, known) = self.prepared(values);
        evaluate::paths(&body, &known, limit)
    }

    /// The body with overridden values in place, and the values that are known.
    fn prepared(&self, values: &BTreeMap<Text, Value>) -> (tree::Block, BTreeMap<Text, Value>) {
        let mut known = values.clone();
        for mcv in &self.mcvs {
            if let (Some(Expr::Constant(default)), false) = (&mcv.default, known.contains_key(&mcv.name)) {
                known.insert(mcv.name.clone(), default.clone());
            }
        }
        let mut body = self.body.clone();
        let derived: Vec<&Text> =
            self.derived.iter().map(|value| &value.name).filter(|name| values.contains_key(*name)).collect();
        if !derived.is_empty() {
            let steering = tree::steering(&body);
            override_values(&mut body, &derived, values, &steering, false);
        }
        (body, known)
    }
}

/// Replaces the definitions of derived values by what the caller gives.
fn override_values(
    block: &mut tree::Block,
    names: &[&Text],
    values: &BTreeMap<Text, Value>,
    steering: &std::collections::BTreeSet<Text>,
    in_while: bool,
) {
    for node in &mut block.0 {
        if let tree::Node::Let(bound) = node
            && names.contains(&&bound.name)
            && !(in_while && steering.contains(&bound.name))
            && let Some(value) = values.get(&bound.name)
        {
            bound.value = Expr::Constant(value.clone());
        }
        let in_while = in_while || matches!(node, tree::Node::While { .. });
        for inner in node.blocks_mut() {
            override_values(inner, names, values, steering, in_while);
        }
    }
}
