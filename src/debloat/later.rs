//! Whether a statement of a module gives the same when it runs later than it stands: what is loaded on demand runs when
//! somebody asks for it, and must not see what its module did to a name in between.
//!
//! Depends on the parser and on names.

use ruff_python_ast::name::UnqualifiedName;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprContext, Stmt};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::names::scope::MUTATORS;

/// Calls that copy, or count, what a container holds at that moment.
const READING: &[&str] = &[
    "OrderedDict",
    "dict",
    "enumerate",
    "frozenset",
    "len",
    "list",
    "map",
    "max",
    "min",
    "set",
    "sorted",
    "sum",
    "tuple",
    "zip",
];

/// What happens to the names of a module, and when.
#[derive(Debug, Default)]
pub struct Later<'a> {
    /// The last statement of the module's body that binds, deletes or changes a name.
    last: FxHashMap<&'a str, usize>,
    /// Names that functions bind or change, whenever they are called.
    anytime: FxHashSet<&'a str>,
    imported: FxHashSet<&'a str>,
    /// Whether annotations are never looked up when their statement runs (`from __future__ import annotations`).
    lazy: bool,
    /// Attributes that are set from outside: `a.b` of `a.b = …`, as written.
    pub set: Vec<String>,
}

impl<'a> Later<'a> {
    /// Looks through a module. `lazy` says whether annotations are texts; `binds` gives the names that a statement of its
    /// body binds or deletes.
    pub fn of(body: &'a [Stmt], lazy: bool, binds: impl Fn(&'a Stmt) -> Vec<&'a str>) -> Self {
        let mut found = Self { lazy, ..Self::default() };
        let mut assigned: FxHashSet<&str> = FxHashSet::default();
        let mut within: FxHashSet<&str> = FxHashSet::default();
        for (at, statement) in body.iter().enumerate() {
            let bound = binds(statement);
            match statement {
                Stmt::Import(_) | Stmt::ImportFrom(_) => found.imported.extend(&bound),
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                _ => assigned.extend(&bound),
            }
            let mut changes = Changes::default();
            changes.visit_stmt(statement);
            for name in bound.into_iter().chain(changes.outside) {
                found.last.insert(name, at);
            }
            within.extend(changes.inside);
            found.anytime.extend(changes.global);
            found.set.extend(changes.set);
        }
        // Functions change what others are, too: an attribute of a class, a module's table. That is looked up when it is
        // used, then as now; only what is copied out of a container of the module would differ.
        found.anytime.extend(within.into_iter().filter(|name| assigned.contains(name)));
        found
    }

    /// Names that functions of the module bind anew.
    pub fn rebound(&self) -> impl Iterator<Item = &'a str> {
        self.anytime.iter().copied()
    }

    /// Whether a statement, which stands at this place of the module's body, gives the same when it runs at any time behind
    /// that.
    pub fn same(&self, statement: &'a Stmt, at: usize) -> bool {
        let mut names = Immediate { lazy: self.lazy, ..Immediate::default() };
        names.visit_stmt(statement);
        let is_steady =
            |name: &&str| self.last.get(name).is_none_or(|last| *last <= at) && !self.anytime.contains(name);
        names.loaded.iter().all(is_steady) && !names.read.iter().any(|name| self.imported.contains(name))
    }
}

/// The name that `a`, `a.b`, `a[…]` and `*a` begin with.
fn first(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(node) => first(&node.value),
        Expr::Subscript(node) => first(&node.value),
        Expr::Starred(node) => first(&node.value),
        _ => None,
    }
}

/// Names whose objects a statement changes.
#[derive(Default)]
struct Changes<'a> {
    depth: usize,
    outside: Vec<&'a str>,
    inside: Vec<&'a str>,
    global: Vec<&'a str>,
    set: Vec<String>,
}

impl<'a> Changes<'a> {
    fn note(&mut self, name: Option<&'a str>) {
        let into = if self.depth == 0 { &mut self.outside } else { &mut self.inside };
        into.extend(name);
    }
}

impl<'a> Visitor<'a> for Changes<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Global(node) => self.global.extend(node.names.iter().map(|name| name.as_str())),
            Stmt::FunctionDef(_) => {
                self.depth += 1;
                visitor::walk_stmt(self, statement);
                self.depth -= 1;
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Attribute(node) if node.ctx != ExprContext::Load => {
                self.note(first(&node.value));
                self.set.extend(UnqualifiedName::from_expr(expr).map(|name| name.to_string()));
            }
            Expr::Subscript(node) if node.ctx != ExprContext::Load => self.note(first(&node.value)),
            Expr::Call(call) => {
                if let Expr::Attribute(method) = call.func.as_ref()
                    && MUTATORS.contains(&method.attr.as_str())
                {
                    self.note(first(&method.value));
                }
            }
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

/// Names that a statement looks up when it runs: not those in bodies of functions.
#[derive(Default)]
struct Immediate<'a> {
    lazy: bool,
    loaded: Vec<&'a str>,
    /// Those of containers that are copied or counted.
    read: Vec<&'a str>,
}

impl<'a> Visitor<'a> for Immediate<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                function.decorator_list.iter().for_each(|one| self.visit_expr(&one.expression));
                self.visit_parameters(&function.parameters);
                function.returns.iter().for_each(|one| self.visit_annotation(one));
            }
            _ => visitor::walk_stmt(self, statement),
        }
    }

    fn visit_annotation(&mut self, expr: &'a Expr) {
        if !self.lazy {
            self.visit_expr(expr);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(node) => {
                if let Some(parameters) = &node.parameters {
                    self.visit_parameters(parameters);
                }
            }
            Expr::Name(name) if name.ctx == ExprContext::Load => self.loaded.push(name.id.as_str()),
            Expr::Call(call) => {
                let name = match call.func.as_ref() {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(node) => node.attr.as_str(),
                    _ => "",
                };
                if READING.contains(&name) {
                    self.read.extend(call.arguments.args.iter().filter_map(first));
                }
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }
}
