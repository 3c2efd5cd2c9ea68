//! The functions, lambdas, generator expressions and class bodies of a file, with their names.

use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::Ranged;

use crate::project::Source;

use super::{Scope, ScopeKind, ScopeNode};

/// All scopes in the order of the source, each before those in it.
pub(super) fn collect<'a>(source: &'a Source, module: &str) -> Vec<Scope<'a>> {
    let root = Scope {
        name: module.to_owned(),
        kind: ScopeKind::Module,
        is_async: false,
        line: 1,
        first_line: 1,
        node: ScopeNode::Module(&source.ast),
    };
    let mut collector = Collector { source, name: module.to_owned(), found: vec![root] };
    collector.visit_body(&source.ast.body);
    collector.found
}

struct Collector<'a> {
    source: &'a Source,
    /// The name of the scope that is being visited.
    name: String,
    found: Vec<Scope<'a>>,
}

impl<'a> Collector<'a> {
    fn found(&mut self, name: &str, kind: ScopeKind, is_async: bool, lines: (u32, u32), node: ScopeNode<'a>) {
        let name = format!("{}.{name}", self.name);
        let (line, first_line) = lines;
        self.found.push(Scope { name, kind, is_async, line, first_line, node });
    }

    fn within(&mut self, name: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.name.len();
        self.name.push('.');
        self.name.push_str(name);
        visit(self);
        self.name.truncate(length);
    }

    /// The lines of the keyword and of the first decorator.
    fn lines(&self, statement: &Stmt, decorated: bool, name: &impl Ranged) -> (u32, u32) {
        let first = self.source.line_of(statement);
        (if decorated { self.source.line_of(name) } else { first }, first)
    }
}

impl<'a> SourceOrderVisitor<'a> for Collector<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(node) => {
                let lines = self.lines(statement, !node.decorator_list.is_empty(), &node.name);
                self.found(&node.name, ScopeKind::Function, node.is_async, lines, ScopeNode::Function(node));
                for decorator in &node.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&node.parameters);
                if let Some(returns) = &node.returns {
                    self.visit_annotation(returns);
                }
                self.within(&node.name, |this| this.visit_body(&node.body));
            }
            Stmt::ClassDef(node) => {
                let lines = self.lines(statement, !node.decorator_list.is_empty(), &node.name);
                self.found(&node.name, ScopeKind::Class, false, lines, ScopeNode::Class(node));
                for decorator in &node.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &node.arguments {
                    self.visit_arguments(arguments);
                }
                self.within(&node.name, |this| this.visit_body(&node.body));
            }
            _ => source_order::walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        let line = self.source.line_of(expr);
        match expr {
            Expr::Lambda(node) => {
                self.found("<lambda>", ScopeKind::Lambda, false, (line, line), ScopeNode::Expression(expr));
                if let Some(parameters) = &node.parameters {
                    self.visit_parameters(parameters);
                }
                self.within("<lambda>", |this| this.visit_expr(&node.body));
            }
            Expr::Generator(node) => {
                let is_async = node.generators.iter().any(|generator| generator.is_async);
                self.found("<genexpr>", ScopeKind::Generator, is_async, (line, line), ScopeNode::Expression(expr));
                if let Some(first) = node.generators.first() {
                    self.visit_expr(&first.iter);
                }
                self.within("<genexpr>", |this| {
                    this.visit_expr(&node.elt);
                    for (index, generator) in node.generators.iter().enumerate() {
                        this.visit_expr(&generator.target);
                        if index > 0 {
                            this.visit_expr(&generator.iter);
                        }
                        for condition in &generator.ifs {
                            this.visit_expr(condition);
                        }
                    }
                });
            }
            _ => source_order::walk_expr(self, expr),
        }
    }
}
