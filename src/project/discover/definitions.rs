//! What a Python file defines at its top level, as far as finding handlers needs it.
//!
//! Facts own their data (no syntax tree is kept), so that a walk over ten thousand files stays small.
//! Depends on `project::source`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use ruff_python_ast::name::UnqualifiedName;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, ExceptHandler, Expr, Stmt};
use ruff_text_size::Ranged;

use crate::diagnostic::{Diagnostic, Span};
use crate::project::Source;

/// The top level of a file.
#[derive(Debug)]
pub struct Definitions {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Names in the order of their first binding; the last binding of a name counts.
    pub names: IndexMap<String, Definition>,
    /// Modules whose names are all imported (`from x import *`), with the number of leading dots.
    pub star_imports: Vec<(String, u32)>,
    /// First segments of absolute imports.
    pub imports: BTreeSet<String>,
    /// Whether the file has a relative import.
    pub has_relative_import: bool,
    /// Names and attributes that bodies of functions other than the function of that name read, and names in
    /// module-level containers (dispatch tables).
    pub used: BTreeSet<String>,
}

/// One top-level name.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What it is bound to.
    pub kind: DefinitionKind,
    /// Where.
    pub span: Span,
    /// The line of source there.
    pub excerpt: String,
}

/// What a name is bound to.
#[derive(Clone, Debug)]
pub enum DefinitionKind {
    /// `def` or `async def`.
    Function(Function),
    /// `class`.
    Class(Class),
    /// `name = value`.
    Assigned(Shape),
    /// `import module` (`name` is none) or `from module import name`.
    Imported {
        /// The module as written, without leading dots.
        module: String,
        /// The number of leading dots.
        level: u32,
        /// The imported name.
        name: Option<String>,
    },
}

/// A function or method.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Positional parameters in order; of a method without `self`.
    pub parameters: Vec<Parameter>,
    /// Whether it has `*args`.
    pub has_star: bool,
    /// Whether a keyword-only parameter has no default.
    pub needs_keyword: bool,
    /// Decorators as dotted names, without their arguments (`app.route`).
    pub decorators: Vec<String>,
    /// Where the name stands.
    pub span: Option<Span>,
}

/// A positional parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its annotation as written.
    pub annotation: Option<String>,
    /// Whether it has a default.
    pub has_default: bool,
}

/// A class.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// Its methods.
    pub methods: IndexMap<String, Function>,
    /// Its bases as dotted names.
    pub bases: Vec<String>,
}

/// The shape of an assigned value.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A dotted name.
    Name(String),
    /// An attribute of a call: `make().handle`.
    AttributeOfCall(Box<Shape>, String),
    /// A call.
    Call {
        /// What is called, as a dotted name; of `f(x)(y)` the name `f`.
        callee: String,
        /// Positional arguments.
        arguments: Vec<Shape>,
    },
    /// A lambda.
    Lambda(Function),
    /// Anything else.
    Other,
}

impl Shape {
    fn mentions(&self, wanted: &str) -> bool {
        match self {
            Shape::Name(name) => name == wanted,
            Shape::AttributeOfCall(call, _) => call.mentions(wanted),
            Shape::Call { arguments, .. } => arguments.iter().any(|argument| argument.mentions(wanted)),
            Shape::Lambda(_) | Shape::Other => false,
        }
    }
}

impl Definitions {
    /// Collects the definitions of a file.
    pub fn of(source: &Source) -> Self {
        let mut collector = Collector {
            source,
            facts: Self {
                path: source.path.clone(),
                names: IndexMap::new(),
                star_imports: Vec::new(),
                imports: BTreeSet::new(),
                has_relative_import: false,
                used: BTreeSet::new(),
            },
        };
        collector.block(&source.ast.body);
        collector.facts
    }

    /// A dotted name with its first segment replaced by what it was imported as: `ff.http` is
    /// `functions_framework.http` after `import functions_framework as ff`.
    pub fn qualify(&self, dotted: &str) -> String {
        let (head, tail) = match dotted.split_once('.') {
            Some((head, tail)) => (head, Some(tail)),
            None => (dotted, None),
        };
        let Some(Definition { kind: DefinitionKind::Imported { module, name, .. }, .. }) = self.names.get(head) else {
            return dotted.to_owned();
        };
        let mut full = module.clone();
        for part in [name.as_deref(), tail].into_iter().flatten() {
            if !full.is_empty() {
                full.push('.');
            }
            full.push_str(part);
        }
        full
    }

    /// What a top-level name was made by calling, as a qualified name: `azure.functions.FunctionApp`.
    pub fn made_by(&self, name: &str) -> Option<String> {
        match &self.names.get(name)?.kind {
            DefinitionKind::Assigned(Shape::Call { callee, .. }) => Some(self.qualify(callee)),
            _ => None,
        }
    }

    /// Every function and method, with its qualified name, in the order of the file.
    pub fn functions(&self) -> Vec<(String, &Function)> {
        let mut found = Vec::new();
        for (name, definition) in &self.names {
            match &definition.kind {
                DefinitionKind::Function(function) => found.push((name.clone(), function)),
                DefinitionKind::Class(class) => {
                    found.extend(class.methods.iter().map(|(method, f)| (format!("{name}.{method}"), f)));
                }
                DefinitionKind::Assigned(Shape::Lambda(function)) => found.push((name.clone(), function)),
                DefinitionKind::Assigned(_) | DefinitionKind::Imported { .. } => {}
            }
        }
        found
    }

    /// Places a diagnostic at a definition.
    pub fn diagnostic(&self, name: &str, diagnostic: Diagnostic) -> Diagnostic {
        place(&self.path, self.names.get(name), diagnostic)
    }
}

fn place(path: &Path, definition: Option<&Definition>, diagnostic: Diagnostic) -> Diagnostic {
    let diagnostic = diagnostic.in_file(path);
    match definition {
        Some(definition) => diagnostic.at(definition.span).excerpt(&definition.excerpt),
        None => diagnostic,
    }
}

/// The dotted name that a callee or decorator starts with, through calls: `f` of `f(x)(y)`.
fn callee_name(expression: &Expr) -> String {
    let mut expression = expression;
    loop {
        match expression {
            Expr::Call(call) => expression = &call.func,
            Expr::Subscript(subscript) => expression = &subscript.value,
            other => return UnqualifiedName::from_expr(other).map(|name| name.to_string()).unwrap_or_default(),
        }
    }
}

struct Collector<'a> {
    source: &'a Source,
    facts: Definitions,
}

impl<'a> Collector<'a> {
    fn bind(&mut self, name: &str, kind: DefinitionKind, at: &impl Ranged) {
        // `handler = wrap(handler)` decorates what the name held before.
        if let DefinitionKind::Assigned(shape) = &kind
            && self.facts.names.contains_key(name)
            && shape.mentions(name)
        {
            return;
        }
        // A fallback of an optional import (`except ImportError: handler = None`) hides nothing.
        if matches!(kind, DefinitionKind::Assigned(Shape::Other))
            && self.facts.names.get(name).is_some_and(|old| !matches!(old.kind, DefinitionKind::Assigned(_)))
        {
            return;
        }
        let span = self.source.span(at.range());
        let start = self.source.text.get(..at.start().to_usize()).unwrap_or_default();
        let line_start = start.rfind('\n').map_or(0, |at| at + 1);
        let excerpt = self.source.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let definition = Definition { kind, span, excerpt: excerpt.chars().take(400).collect() };
        self.facts.names.insert(name.to_owned(), definition);
    }

    fn block(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(def) => {
                let function = self.function(def, false);
                self.bind(&def.name, DefinitionKind::Function(function), &def.name);
                self.uses(def, def.name.as_str());
            }
            Stmt::ClassDef(def) => {
                let mut class = Class::default();
                for base in def.arguments.iter().flat_map(|arguments| arguments.args.iter()) {
                    class.bases.extend(UnqualifiedName::from_expr(base).map(|name| name.to_string()));
                }
                for statement in &def.body {
                    if let Stmt::FunctionDef(method) = statement {
                        class.methods.insert(method.name.to_string(), self.function(method, true));
                        self.uses(method, method.name.as_str());
                    }
                }
                self.bind(&def.name, DefinitionKind::Class(class), &def.name);
            }
            Stmt::Assign(assign) => {
                let shape = self.shape(&assign.value);
                self.table(&assign.value);
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        self.bind(name.id.as_str(), DefinitionKind::Assigned(shape.clone()), assign);
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                if let (Expr::Name(name), Some(value)) = (&*assign.target, &assign.value) {
                    let shape = self.shape(value);
                    self.table(value);
                    self.bind(name.id.as_str(), DefinitionKind::Assigned(shape), assign);
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let module = alias.name.as_str();
                    let head = module.split('.').next().unwrap_or(module);
                    self.facts.imports.insert(head.to_owned());
                    let (bound, module) = match &alias.asname {
                        Some(asname) => (asname.as_str(), module),
                        None => (head, head),
                    };
                    let kind = DefinitionKind::Imported { module: module.to_owned(), level: 0, name: None };
                    self.bind(bound, kind, alias);
                }
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map_or("", |module| module.as_str());
                if import.level == 0 {
                    self.facts.imports.insert(module.split('.').next().unwrap_or(module).to_owned());
                } else {
                    self.facts.has_relative_import = true;
                }
                for alias in &import.names {
                    if alias.name.as_str() == "*" {
                        self.facts.star_imports.push((module.to_owned(), import.level));
                        continue;
                    }
                    let kind = DefinitionKind::Imported {
                        module: module.to_owned(),
                        level: import.level,
                        name: Some(alias.name.to_string()),
                    };
                    self.bind(alias.asname.as_ref().unwrap_or(&alias.name).as_str(), kind, alias);
                }
            }
            Stmt::If(statement) => {
                self.block(&statement.body);
                for clause in &statement.elif_else_clauses {
                    self.block(&clause.body);
                }
            }
            Stmt::Try(statement) => {
                self.block(&statement.body);
                for handler in &statement.handlers {
                    let ExceptHandler::ExceptHandler(handler) = handler;
                    self.block(&handler.body);
                }
                self.block(&statement.orelse);
                self.block(&statement.finalbody);
            }
            Stmt::With(statement) => self.block(&statement.body),
            Stmt::For(statement) => {
                self.block(&statement.body);
                self.block(&statement.orelse);
            }
            Stmt::While(statement) => {
                self.block(&statement.body);
                self.block(&statement.orelse);
            }
            Stmt::Match(statement) => {
                for case in &statement.cases {
                    self.block(&case.body);
                }
            }
            // These bind no name that a platform could call.
            Stmt::Return(_)
            | Stmt::Delete(_)
            | Stmt::TypeAlias(_)
            | Stmt::AugAssign(_)
            | Stmt::Raise(_)
            | Stmt::Assert(_)
            | Stmt::Global(_)
            | Stmt::Nonlocal(_)
            | Stmt::Expr(_)
            | Stmt::Pass(_)
            | Stmt::Break(_)
            | Stmt::Continue(_)
            | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn function(&self, def: &ast::StmtFunctionDef, is_method: bool) -> Function {
        let decorators: Vec<String> = def.decorator_list.iter().map(|d| callee_name(&d.expression)).collect();
        let is_static = decorators.iter().any(|name| name == "staticmethod");
        let mut function = self.parameters(&def.parameters);
        if is_method && !is_static && !function.parameters.is_empty() {
            function.parameters.remove(0);
        }
        function.decorators = decorators;
        function.span = Some(self.source.span(def.name.range()));
        function
    }

    fn parameters(&self, parameters: &ast::Parameters) -> Function {
        Function {
            parameters: parameters
                .posonlyargs
                .iter()
                .chain(&parameters.args)
                .map(|parameter| Parameter {
                    name: parameter.parameter.name.to_string(),
                    annotation: parameter.parameter.annotation.as_deref().map(|e| self.source.slice(e).to_owned()),
                    has_default: parameter.default.is_some(),
                })
                .collect(),
            has_star: parameters.vararg.is_some(),
            needs_keyword: parameters.kwonlyargs.iter().any(|parameter| parameter.default.is_none()),
            ..Function::default()
        }
    }

    fn shape(&self, value: &Expr) -> Shape {
        if let Some(name) = UnqualifiedName::from_expr(value).map(|name| name.to_string()) {
            return Shape::Name(name);
        }
        match value {
            Expr::Call(call) => Shape::Call {
                callee: callee_name(&call.func),
                arguments: call.arguments.args.iter().map(|argument| self.shape(argument)).collect(),
            },
            Expr::Lambda(lambda) => {
                let mut function = lambda.parameters.as_deref().map(|p| self.parameters(p)).unwrap_or_default();
                function.span = Some(self.source.span(lambda.range));
                Shape::Lambda(function)
            }
            Expr::Attribute(attribute) if attribute.value.is_call_expr() => {
                Shape::AttributeOfCall(Box::new(self.shape(&attribute.value)), attribute.attr.to_string())
            }
            Expr::Named(named) => self.shape(&named.value),
            _ => Shape::Other,
        }
    }

    /// Names in a module-level container: a dispatch table.
    fn table(&mut self, value: &'a Expr) {
        if matches!(value, Expr::Dict(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Set(_)) {
            let mut uses = Uses { own: "", names: &mut self.facts.used };
            uses.visit_expr(value);
        }
    }

    fn uses(&mut self, def: &'a ast::StmtFunctionDef, own: &str) {
        let mut uses = Uses { own, names: &mut self.facts.used };
        for statement in &def.body {
            uses.visit_stmt(statement);
        }
    }
}

struct Uses<'n> {
    own: &'n str,
    names: &'n mut BTreeSet<String>,
}

impl<'a> Visitor<'a> for Uses<'_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        let name = match expression {
            Expr::Name(name) if name.ctx.is_load() => Some(name.id.as_str()),
            Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
            _ => None,
        };
        if let Some(name) = name.filter(|name| *name != self.own && !self.names.contains(*name)) {
            self.names.insert(name.to_owned());
        }
        visitor::walk_expr(self, expression);
    }
}
