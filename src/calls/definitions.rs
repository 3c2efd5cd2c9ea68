//! What a project defines: functions, classes, and the scopes that bind names.
//!
//! One pass over each syntax tree, before anything is resolved. Knows Python's scoping rules; knows no values.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, ExprLambda, Mod, ModModule, Parameters, Pattern, Stmt,
    StmtClassDef, StmtFunctionDef,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::project::{ModuleId, Project};

/// A function, lambda, class body or module of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub(super) u32);

/// A class of a [`Program`](super::Program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub(super) u32);

impl FunctionId {
    /// Its place in the order of [`Program::functions`](super::Program::functions).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ClassId {
    /// Its place in the order of [`Program::classes`](super::Program::classes).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An interned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(pub(super) u32);

/// The code that a [`Function`] runs.
#[derive(Clone, Copy, Debug)]
pub enum Definition<'p> {
    /// `def` or `async def`.
    Function(&'p StmtFunctionDef),
    /// `lambda`.
    Lambda(&'p ExprLambda),
    /// The code of a module.
    Module(&'p ModModule),
    /// The body of a `class` statement.
    ClassBody(&'p StmtClassDef),
}

/// How a function is reached, by its place and its decorators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// The code of a module.
    Module,
    /// The body of a class.
    ClassBody,
    /// A lambda.
    Lambda,
    /// A function that is not directly in a class.
    Plain,
    /// A method with a receiver.
    Method,
    /// `@staticmethod`.
    StaticMethod,
    /// `@classmethod`.
    ClassMethod,
    /// `@property`, `@cached_property`, or the setter or deleter of one.
    Property,
}

/// A piece of code that runs as one: a function, a lambda, a class body or a module.
#[derive(Clone, Debug)]
pub struct Function<'p> {
    /// The module that it is in.
    pub module: ModuleId,
    /// Its name with the module's: `main.C.m`, `main.f.g`, `main.<lambda1>`; of a module the module's name.
    /// Not unique: a name may be defined twice.
    pub qualified_name: String,
    /// Its name within its module: `C.m`; of a module empty.
    pub name: String,
    /// Its code.
    pub definition: Definition<'p>,
    /// The class that it is a method of.
    pub class: Option<ClassId>,
    /// The function, class body or module that it is defined in.
    pub parent: Option<FunctionId>,
    /// Whether it has a `yield`.
    pub is_generator: bool,
    /// `async def`.
    pub is_async: bool,
    /// How it is reached.
    pub kind: FunctionKind,
    pub(super) scope: ScopeId,
}

impl<'p> Function<'p> {
    /// Its parameters, if it can have any.
    pub fn parameters(&self) -> Option<&'p Parameters> {
        match self.definition {
            Definition::Function(def) => Some(&def.parameters),
            Definition::Lambda(lambda) => lambda.parameters.as_deref(),
            Definition::Module(_) | Definition::ClassBody(_) => None,
        }
    }
}

/// A class.
#[derive(Clone, Debug)]
pub struct Class<'p> {
    /// The module that it is in.
    pub module: ModuleId,
    /// Its name with the module's: `main.C`.
    pub qualified_name: String,
    /// Its name within its module.
    pub name: String,
    /// Its statement.
    pub definition: &'p StmtClassDef,
    /// Its body, as code that runs.
    pub body: FunctionId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScopeId(pub(super) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Module,
    Class,
    Function,
    Comprehension,
}

/// What a scope binds.
#[derive(Debug)]
pub(super) struct Scope {
    pub kind: ScopeKind,
    /// Names bound here.
    pub locals: FxHashSet<NameId>,
    /// The same in order of first binding.
    pub order: Vec<NameId>,
    pub globals: FxHashSet<NameId>,
    pub nonlocals: FxHashSet<NameId>,
    /// Local names that nested scopes use.
    pub captured: FxHashSet<NameId>,
}

/// Interned texts.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, NameId>,
}

impl Names {
    pub fn id(&mut self, text: &str) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = NameId(self.texts.len() as u32);
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }

    /// The id of a text that is already interned.
    pub fn known(&self, text: &str) -> Option<NameId> {
        self.ids.get(text).copied()
    }

    pub fn text(&self, id: NameId) -> &str {
        self.texts.get(id.0 as usize).map_or("", |text| text)
    }
}

/// All definitions of a project.
#[derive(Debug, Default)]
pub(super) struct Definitions<'p> {
    pub functions: Vec<Function<'p>>,
    pub classes: Vec<Class<'p>>,
    pub scopes: Vec<Scope>,
    /// The function that a module is.
    pub modules: Vec<FunctionId>,
    /// By the address of the syntax node, which is fixed while the project is borrowed.
    pub function_of: FxHashMap<usize, FunctionId>,
    pub class_of: FxHashMap<usize, ClassId>,
    pub comprehension_of: FxHashMap<usize, ScopeId>,
    /// Every name and attribute that any code reads.
    pub read: FxHashSet<NameId>,
    /// How many expressions and statements there are.
    pub nodes: u64,
}

/// The identity of a syntax node.
pub(super) fn address<T>(node: &T) -> usize {
    std::ptr::from_ref(node).addr()
}

impl<'p> Definitions<'p> {
    pub fn collect(project: &'p Project, names: &mut Names) -> Self {
        let mut this = Self::default();
        for (id, module) in project.modules() {
            let mut collector = Collector { defs: &mut this, names, module: id, stack: Vec::new() };
            let ast = &module.source.ast;
            let function = collector.open_function(
                module.name.clone(),
                String::new(),
                Definition::Module(ast),
                None,
                FunctionKind::Module,
                false,
            );
            collector.push(ScopeKind::Module, function);
            collector.visit_body(&ast.body);
            collector.pop();
            this.modules.push(function);
        }
        this
    }

    /// Adds the code of a snippet that runs in a scope of `function`.
    pub fn collect_snippet(&mut self, function: FunctionId, code: &'p Mod, names: &mut Names) {
        let Some(host) = self.functions.get(function.index()) else { return };
        let (module, scope) = (host.module, host.scope);
        let mut collector = Collector { defs: self, names, module, stack: Vec::new() };
        collector.stack.push(Open { scope, function, uses: FxHashSet::default(), lambdas: 1_000_000 });
        match code {
            Mod::Module(module) => collector.visit_body(&module.body),
            Mod::Expression(expression) => collector.visit_expr(&expression.body),
        }
    }

    pub fn function(&self, id: FunctionId) -> &Function<'p> {
        &self.functions[id.index()]
    }

    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }
}

struct Open {
    scope: ScopeId,
    function: FunctionId,
    /// Names that the scope and the scopes in it use.
    uses: FxHashSet<NameId>,
    lambdas: u32,
}

struct Collector<'a, 'p> {
    defs: &'a mut Definitions<'p>,
    names: &'a mut Names,
    module: ModuleId,
    stack: Vec<Open>,
}

impl<'p> Collector<'_, 'p> {
    fn open_function(
        &mut self,
        qualified_name: String,
        name: String,
        definition: Definition<'p>,
        class: Option<ClassId>,
        kind: FunctionKind,
        is_async: bool,
    ) -> FunctionId {
        let id = FunctionId(self.defs.functions.len() as u32);
        self.defs.functions.push(Function {
            module: self.module,
            qualified_name,
            name,
            definition,
            class,
            parent: self.stack.last().map(|open| open.function),
            is_generator: false,
            is_async,
            kind,
            scope: ScopeId(0),
        });
        id
    }

    fn push_scope(&mut self, kind: ScopeKind, function: FunctionId) -> ScopeId {
        let scope = ScopeId(self.defs.scopes.len() as u32);
        self.defs.scopes.push(Scope {
            kind,
            locals: FxHashSet::default(),
            order: Vec::new(),
            globals: FxHashSet::default(),
            nonlocals: FxHashSet::default(),
            captured: FxHashSet::default(),
        });
        self.stack.push(Open { scope, function, uses: FxHashSet::default(), lambdas: 0 });
        scope
    }

    fn push(&mut self, kind: ScopeKind, function: FunctionId) {
        let scope = self.push_scope(kind, function);
        if let Some(function) = self.defs.functions.get_mut(function.index()) {
            function.scope = scope;
        }
    }

    fn pop(&mut self) {
        let Some(open) = self.stack.pop() else { return };
        let scope = &mut self.defs.scopes[open.scope.0 as usize];
        if matches!(scope.kind, ScopeKind::Function | ScopeKind::Comprehension) {
            let globals = std::mem::take(&mut scope.globals);
            let nonlocals = std::mem::take(&mut scope.nonlocals);
            scope.order.retain(|name| !globals.contains(name) && !nonlocals.contains(name));
            scope.locals.retain(|name| !globals.contains(name) && !nonlocals.contains(name));
            scope.globals = globals;
            scope.nonlocals = nonlocals;
        }
        let free: Vec<NameId> = match scope.kind {
            ScopeKind::Function | ScopeKind::Comprehension => {
                open.uses.into_iter().filter(|name| !scope.locals.contains(name)).collect()
            }
            ScopeKind::Class | ScopeKind::Module => open.uses.into_iter().collect(),
        };
        if let Some(parent) = self.stack.last_mut() {
            let parent_scope = &mut self.defs.scopes[parent.scope.0 as usize];
            for name in free {
                // Whether the parent binds it may turn out later in its body: kept for all, asked for locals only.
                parent_scope.captured.insert(name);
                parent.uses.insert(name);
            }
        }
    }

    fn bind(&mut self, name: &str) {
        let id = self.names.id(name);
        if let Some(open) = self.stack.last_mut() {
            open.uses.insert(id);
            let scope = &mut self.defs.scopes[open.scope.0 as usize];
            if scope.locals.insert(id) {
                scope.order.push(id);
            }
        }
    }

    /// Binds in the nearest scope that is not a comprehension (`:=`).
    fn bind_outside_comprehension(&mut self, name: &str) {
        let id = self.names.id(name);
        for open in self.stack.iter_mut().rev() {
            open.uses.insert(id);
            let scope = &mut self.defs.scopes[open.scope.0 as usize];
            if scope.kind != ScopeKind::Comprehension {
                if scope.locals.insert(id) {
                    scope.order.push(id);
                }
                return;
            }
        }
    }

    fn parameters(&mut self, parameters: Option<&'p Parameters>) {
        for parameter in parameters.iter().flat_map(|parameters| parameters.iter()) {
            self.bind(parameter.name().id.as_str());
        }
    }

    /// Default values and annotations run in the scope around the function.
    fn signature(&mut self, parameters: &'p Parameters) {
        visitor::walk_parameters(self, parameters);
    }

    fn child_name(&self, name: &str) -> (String, String) {
        let parent = self.stack.last().map(|open| self.defs.function(open.function));
        match parent {
            Some(parent) => (
                format!("{}.{name}", parent.qualified_name),
                if parent.name.is_empty() { name.to_owned() } else { format!("{}.{name}", parent.name) },
            ),
            None => (name.to_owned(), name.to_owned()),
        }
    }

    fn function(&mut self, def: &'p StmtFunctionDef) {
        let (qualified, local) = self.child_name(def.name.id.as_str());
        let class = self.stack.last().and_then(|open| match self.defs.function(open.function).definition {
            Definition::ClassBody(body) if self.defs.scope(open.scope).kind == ScopeKind::Class => {
                self.defs.class_of.get(&address(body)).copied()
            }
            _ => None,
        });
        let kind = if class.is_some() { method_kind(def) } else { FunctionKind::Plain };
        let id = self.open_function(qualified, local, Definition::Function(def), class, kind, def.is_async);
        self.defs.function_of.insert(address(def), id);
        self.push(ScopeKind::Function, id);
        self.parameters(Some(&def.parameters));
        self.visit_body(&def.body);
        self.pop();
    }

    fn class(&mut self, def: &'p StmtClassDef) {
        let (qualified, local) = self.child_name(def.name.id.as_str());
        let class = ClassId(self.defs.classes.len() as u32);
        self.defs.class_of.insert(address(def), class);
        let body = self.open_function(
            qualified.clone(),
            local.clone(),
            Definition::ClassBody(def),
            Some(class),
            FunctionKind::ClassBody,
            false,
        );
        self.defs.function_of.insert(address(def), body);
        self.defs.classes.push(Class {
            module: self.module,
            qualified_name: qualified,
            name: local,
            definition: def,
            body,
        });
        self.push(ScopeKind::Class, body);
        self.visit_body(&def.body);
        self.pop();
    }

    fn lambda(&mut self, lambda: &'p ExprLambda) {
        let function = self.stack.last().map(|open| open.function);
        // Lambdas are counted by the function around them, comprehensions or not.
        let mut number = 1;
        for open in self.stack.iter_mut().rev() {
            if Some(open.function) != function {
                break;
            }
            if self.defs.scopes[open.scope.0 as usize].kind != ScopeKind::Comprehension {
                open.lambdas += 1;
                number = open.lambdas;
                break;
            }
        }
        let (qualified, local) = self.child_name(&format!("<lambda{number}>"));
        let id = self.open_function(qualified, local, Definition::Lambda(lambda), None, FunctionKind::Lambda, false);
        self.defs.function_of.insert(address(lambda), id);
        self.push(ScopeKind::Function, id);
        self.parameters(lambda.parameters.as_deref());
        self.visit_expr(&lambda.body);
        self.pop();
    }

    fn comprehension(&mut self, node: usize, generators: &'p [Comprehension], parts: &[&'p Expr]) {
        let Some(function) = self.stack.last().map(|open| open.function) else { return };
        if let Some(first) = generators.first() {
            self.visit_expr(&first.iter);
        }
        let scope = self.push_scope(ScopeKind::Comprehension, function);
        self.defs.comprehension_of.insert(node, scope);
        for (at, generator) in generators.iter().enumerate() {
            if at > 0 {
                self.visit_expr(&generator.iter);
            }
            self.visit_expr(&generator.target);
            for condition in &generator.ifs {
                self.visit_expr(condition);
            }
        }
        for part in parts {
            self.visit_expr(part);
        }
        self.pop();
    }
}

fn method_kind(def: &StmtFunctionDef) -> FunctionKind {
    for decorator in &def.decorator_list {
        let name = match &decorator.expression {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.id.as_str(),
            _ => continue,
        };
        match name {
            "staticmethod" => return FunctionKind::StaticMethod,
            "classmethod" => return FunctionKind::ClassMethod,
            "property" | "cached_property" | "setter" | "deleter" | "getter" => return FunctionKind::Property,
            _ => {}
        }
    }
    if def.name.id.as_str() == "__new__" { FunctionKind::StaticMethod } else { FunctionKind::Method }
}

impl<'p> Visitor<'p> for Collector<'_, 'p> {
    fn visit_stmt(&mut self, stmt: &'p Stmt) {
        self.defs.nodes += 1;
        match stmt {
            Stmt::FunctionDef(def) => {
                for decorator in &def.decorator_list {
                    self.visit_expr(&decorator.expression);
                }
                self.signature(&def.parameters);
                if let Some(returns) = &def.returns {
                    self.visit_expr(returns);
                }
                self.bind(def.name.id.as_str());
                self.function(def);
            }
            Stmt::ClassDef(def) => {
                for decorator in &def.decorator_list {
                    self.visit_expr(&decorator.expression);
                }
                if let Some(arguments) = &def.arguments {
                    self.visit_arguments(arguments);
                }
                self.bind(def.name.id.as_str());
                self.class(def);
            }
            Stmt::Global(global) => {
                for name in &global.names {
                    let id = self.names.id(name.id.as_str());
                    if let Some(open) = self.stack.last() {
                        self.defs.scopes[open.scope.0 as usize].globals.insert(id);
                    }
                    if let Some(module) = self.stack.first() {
                        self.defs.scopes[module.scope.0 as usize].locals.insert(id);
                    }
                }
            }
            Stmt::Nonlocal(nonlocal) => {
                for name in &nonlocal.names {
                    let id = self.names.id(name.id.as_str());
                    if let Some(open) = self.stack.last_mut() {
                        open.uses.insert(id);
                        self.defs.scopes[open.scope.0 as usize].nonlocals.insert(id);
                    }
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    match &alias.asname {
                        Some(name) => self.bind(name.id.as_str()),
                        None => self.bind(alias.name.id.as_str().split('.').next().unwrap_or("")),
                    }
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    if name.id.as_str() != "*" {
                        self.bind(name.id.as_str());
                    }
                }
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'p Expr) {
        self.defs.nodes += 1;
        match expr {
            Expr::Name(name) => match name.ctx {
                ExprContext::Load | ExprContext::Invalid => {
                    let id = self.names.id(name.id.as_str());
                    self.defs.read.insert(id);
                    if let Some(open) = self.stack.last_mut() {
                        open.uses.insert(id);
                    }
                }
                ExprContext::Store | ExprContext::Del => self.bind(name.id.as_str()),
            },
            Expr::Named(named) => {
                if let Expr::Name(name) = &*named.target {
                    self.bind_outside_comprehension(name.id.as_str());
                }
                self.visit_expr(&named.value);
            }
            Expr::Attribute(attribute) => {
                let id = self.names.id(attribute.attr.id.as_str());
                self.defs.read.insert(id);
                self.visit_expr(&attribute.value);
            }
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.signature(parameters);
                }
                self.lambda(lambda);
            }
            Expr::ListComp(node) => self.comprehension(address(node), &node.generators, &[&node.elt]),
            Expr::SetComp(node) => self.comprehension(address(node), &node.generators, &[&node.elt]),
            Expr::Generator(node) => self.comprehension(address(node), &node.generators, &[&node.elt]),
            Expr::DictComp(node) => {
                let parts: Vec<&'p Expr> = node.key.iter().chain([&node.value]).map(|part| &**part).collect();
                self.comprehension(address(node), &node.generators, &parts);
            }
            Expr::Yield(_) | Expr::YieldFrom(_) => {
                if let Some(open) = self.stack.last()
                    && let Some(function) = self.defs.functions.get_mut(open.function.index())
                {
                    function.is_generator = true;
                }
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_except_handler(&mut self, handler: &'p ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name.id.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'p Pattern) {
        let name = match pattern {
            Pattern::MatchAs(node) => node.name.as_ref(),
            Pattern::MatchStar(node) => node.name.as_ref(),
            Pattern::MatchMapping(node) => node.rest.as_ref(),
            Pattern::MatchValue(_)
            | Pattern::MatchSingleton(_)
            | Pattern::MatchSequence(_)
            | Pattern::MatchClass(_)
            | Pattern::MatchOr(_) => None,
        };
        if let Some(name) = name {
            self.bind(name.id.as_str());
        }
        visitor::walk_pattern(self, pattern);
    }
}
