//! Which names of a function are its own (CPython's `Python/symtable.c`, the part that values need).

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprContext, Parameters, Pattern, Stmt};

use crate::calls::Definition;
use crate::expression::Text;

/// The names of one function, module or class body.
#[derive(Debug, Default)]
pub struct Names {
    /// Names that the body binds, its parameters included.
    pub local: BTreeSet<Text>,
    /// Names declared `global`.
    pub global: BTreeSet<Text>,
    /// Names declared `nonlocal`.
    pub nonlocal: BTreeSet<Text>,
    /// Names whose objects the body changes in place (`name[k] = v`, `name.append(x)`).
    pub changed: BTreeSet<Text>,
    /// Whether other functions or classes are defined inside, which may keep its variables alive.
    pub has_inner: bool,
    /// Attributes that the body assigns or changes on any object.
    pub attributes: BTreeSet<Text>,
    /// Attributes that the body assigns on what a plain name stands for (`cls.instance = …`): the name, the attribute.
    pub assigned: BTreeSet<(Text, Text)>,
}

/// Methods that change their receiver in place.
pub const MUTATORS: &[&str] = &[
    "add",
    "append",
    "appendleft",
    "clear",
    "difference_update",
    "discard",
    "extend",
    "extendleft",
    "insert",
    "intersection_update",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "reverse",
    "rotate",
    "setdefault",
    "sort",
    "symmetric_difference_update",
    "update",
];

impl Names {
    /// Collects the names of a definition.
    pub fn of(definition: &Definition<'_>) -> Self {
        let mut names = Self::default();
        match definition {
            Definition::Function(function) => {
                names.parameters(&function.parameters);
                names.visit_body(&function.body);
            }
            Definition::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    names.parameters(parameters);
                }
                names.visit_expr(&lambda.body);
            }
            Definition::Module(module) => names.visit_body(&module.body),
            Definition::ClassBody(class) => names.visit_body(&class.body),
        }
        for outer in names.global.iter().chain(&names.nonlocal) {
            names.local.remove(outer);
        }
        names
    }

    fn parameters(&mut self, parameters: &Parameters) {
        for parameter in parameters {
            self.local.insert(Text::from(parameter.name().as_str()));
        }
    }

    fn bind(&mut self, name: &str) {
        self.local.insert(Text::from(name));
    }

    /// The name or attribute that an in-place change reaches.
    fn change(&mut self, receiver: &Expr) {
        match receiver {
            Expr::Name(name) => {
                self.changed.insert(Text::from(name.id.as_str()));
            }
            Expr::Attribute(attribute) => {
                self.attributes.insert(Text::from(attribute.attr.as_str()));
            }
            Expr::Subscript(subscript) => self.change(&subscript.value),
            _ => {}
        }
    }
}

impl<'a> Visitor<'a> for Names {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            // Other scopes: only their names, decorators and defaults belong to this one.
            Stmt::FunctionDef(function) => {
                self.has_inner = true;
                self.bind(&function.name);
                for decorator in &function.decorator_list {
                    self.visit_expr(&decorator.expression);
                }
                for default in function.parameters.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
                    self.visit_expr(default);
                }
            }
            Stmt::ClassDef(class) => {
                self.has_inner = true;
                self.bind(&class.name);
                for decorator in &class.decorator_list {
                    self.visit_expr(&decorator.expression);
                }
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.bind(name.split('.').next().unwrap_or(name));
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in &import.names {
                    self.bind(alias.asname.as_ref().unwrap_or(&alias.name));
                }
            }
            Stmt::Global(global) => self.global.extend(global.names.iter().map(|name| Text::from(name.as_str()))),
            Stmt::Nonlocal(nonlocal) => {
                self.nonlocal.extend(nonlocal.names.iter().map(|name| Text::from(name.as_str())));
            }
            Stmt::Try(statement) => {
                for handler in &statement.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    if let Some(name) = &handler.name {
                        self.bind(name);
                    }
                }
                visitor::walk_stmt(self, stmt);
            }
            Stmt::TypeAlias(alias) => {
                if let Expr::Name(name) = &*alias.name {
                    self.bind(&name.id);
                }
            }
            Stmt::AugAssign(assign) => {
                self.change(&assign.target);
                visitor::walk_stmt(self, stmt);
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if matches!(name.ctx, ExprContext::Store | ExprContext::Del) => self.bind(&name.id),
            Expr::Lambda(lambda) => {
                self.has_inner = true;
                if let Some(parameters) = &lambda.parameters {
                    for default in parameters.iter_non_variadic_params().filter_map(|p| p.default.as_deref()) {
                        self.visit_expr(default);
                    }
                }
            }
            // The targets of comprehensions are their own; a walrus inside binds here.
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                let mut inner = Names::default();
                visitor::walk_expr(&mut inner, expr);
                let mut walrus = Walrus(Vec::new());
                walrus.visit_expr(expr);
                self.local.extend(walrus.0);
                self.has_inner |= inner.has_inner;
                self.changed.extend(inner.changed);
                self.attributes.extend(inner.attributes);
            }
            Expr::Subscript(subscript) if matches!(subscript.ctx, ExprContext::Store | ExprContext::Del) => {
                self.change(&subscript.value);
                visitor::walk_expr(self, expr);
            }
            Expr::Attribute(attribute) if matches!(attribute.ctx, ExprContext::Store | ExprContext::Del) => {
                self.attributes.insert(Text::from(attribute.attr.as_str()));
                if let Expr::Name(owner) = &*attribute.value {
                    self.assigned.insert((Text::from(owner.id.as_str()), Text::from(attribute.attr.as_str())));
                }
                visitor::walk_expr(self, expr);
            }
            Expr::Call(call) => {
                if let Expr::Attribute(attribute) = &*call.func
                    && MUTATORS.contains(&attribute.attr.as_str())
                {
                    self.change(&attribute.value);
                }
                visitor::walk_expr(self, expr);
            }
            _ => visitor::walk_expr(self, expr),
        }
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchAs(pattern) => {
                if let Some(name) = &pattern.name {
                    self.bind(name);
                }
            }
            Pattern::MatchStar(pattern) => {
                if let Some(name) = &pattern.name {
                    self.bind(name);
                }
            }
            Pattern::MatchMapping(pattern) => {
                if let Some(name) = &pattern.rest {
                    self.bind(name);
                }
            }
            Pattern::MatchValue(_)
            | Pattern::MatchSingleton(_)
            | Pattern::MatchSequence(_)
            | Pattern::MatchClass(_)
            | Pattern::MatchOr(_) => {}
        }
        visitor::walk_pattern(self, pattern);
    }
}

/// Names bound by `:=` inside comprehensions.
struct Walrus(Vec<Text>);

impl<'a> Visitor<'a> for Walrus {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Named(named) = expr
            && let Expr::Name(name) = &*named.target
        {
            self.0.push(Text::from(name.id.as_str()));
        }
        visitor::walk_expr(self, expr);
    }
}
