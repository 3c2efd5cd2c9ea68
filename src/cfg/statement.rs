//! Lowering of statements, except those that have a file of their own.

use ruff_python_ast::{Decorator, Expr, Stmt, StmtAssert, StmtFor, StmtIf, StmtWhile};
use ruff_text_size::Ranged;

use super::ScopeKind;
use super::block::{Element, Leaving};
use super::builder::{Builder, Exits, Frame, Label};
use super::constant::truth;
use super::edge::EdgeKind;
use super::expression::defaults;

impl<'a> Builder<'a> {
    /// The statements of a body. What control cannot reach is left out.
    pub fn body(&mut self, body: &'a [Stmt]) {
        for statement in body {
            if !self.is_live() {
                return;
            }
            self.statement(statement);
        }
    }

    /// The body of a function: like any other, but that a docstring has no code.
    pub fn function_body(&mut self, body: &'a [Stmt]) {
        match body {
            [docstring @ Stmt::Expr(first), rest @ ..] if first.value.is_string_literal_expr() => {
                self.push(Element::Statement(docstring));
                self.body(rest);
            }
            _ => self.body(body),
        }
    }

    fn statement(&mut self, statement: &'a Stmt) {
        self.line = Some(self.line_of(statement));
        match statement {
            Stmt::Expr(node) => self.simple(statement, &[&node.value]),
            Stmt::Assign(node) => {
                let parts: Vec<&Expr> = std::iter::once(&*node.value).chain(&node.targets).collect();
                self.simple(statement, &parts);
            }
            Stmt::AugAssign(node) => self.simple(statement, &[&node.target, &node.value]),
            Stmt::AnnAssign(node) => {
                if self.scope == ScopeKind::Function && node.value.is_none() && node.target.is_name_expr() {
                    self.line = None;
                }
                let parts: Vec<&Expr> = node.value.as_deref().into_iter().chain([&*node.target]).collect();
                self.simple(statement, &parts);
            }
            Stmt::Delete(node) => self.simple(statement, &node.targets.iter().collect::<Vec<_>>()),
            Stmt::Return(node) => {
                self.simple(statement, &node.value.as_deref().into_iter().collect::<Vec<_>>());
                self.leave(Leaving::Return);
            }
            Stmt::Raise(node) => {
                let parts: Vec<&Expr> = node.exc.as_deref().into_iter().chain(node.cause.as_deref()).collect();
                self.simple(statement, &parts);
                self.leave_as(Leaving::Exception, EdgeKind::Raise);
            }
            Stmt::Break(_) => {
                self.push(Element::Statement(statement));
                self.leave(Leaving::Break);
            }
            Stmt::Continue(_) => {
                self.push(Element::Statement(statement));
                self.leave(Leaving::Continue);
            }
            Stmt::Global(_) | Stmt::Nonlocal(_) => {
                self.line = None;
                self.push(Element::Statement(statement));
            }
            Stmt::Pass(_) | Stmt::Import(_) | Stmt::ImportFrom(_) | Stmt::TypeAlias(_) | Stmt::IpyEscapeCommand(_) => {
                self.push(Element::Statement(statement))
            }
            Stmt::FunctionDef(node) => {
                let line = self.definition_line(&node.decorator_list, statement, &node.name);
                self.definition(statement, &node.decorator_list, line, &defaults(&node.parameters).collect::<Vec<_>>());
            }
            Stmt::ClassDef(node) => {
                let line = self.definition_line(&node.decorator_list, statement, &node.name);
                let parts: Vec<&Expr> = node
                    .arguments
                    .iter()
                    .flat_map(|arguments| arguments.iter_source_order().map(|argument| argument.value()))
                    .collect();
                self.definition(statement, &node.decorator_list, line, &parts);
            }
            Stmt::If(node) => self.if_(node),
            Stmt::While(node) => self.while_(node),
            Stmt::For(node) => self.for_(node),
            Stmt::Assert(node) => self.assert_(node),
            Stmt::Try(node) => self.try_(statement, node),
            Stmt::With(node) => self.with_(node),
            Stmt::Match(node) => self.match_(node),
        }
        self.line = None;
    }

    fn simple(&mut self, statement: &'a Stmt, parts: &[&'a Expr]) {
        self.parts_of_all(parts);
        self.push(Element::Statement(statement));
    }

    /// The line of the keyword `def` or `class`.
    pub fn definition_line(&self, decorators: &[Decorator], statement: &Stmt, name: &impl Ranged) -> u32 {
        if decorators.is_empty() { self.line_of(statement) } else { self.line_of(name) }
    }

    /// CPython visits the decorators, the keyword, the decorators from the last to the first, and the keyword again.
    fn definition(&mut self, statement: &'a Stmt, decorators: &'a [Decorator], line: u32, parts: &[&'a Expr]) {
        for decorator in decorators {
            self.line = Some(self.line_of(decorator));
            self.parts(&decorator.expression);
            self.push(Element::Decorator(decorator));
        }
        self.line = Some(line);
        self.simple(statement, parts);
        for decorator in decorators.iter().rev() {
            self.line = Some(self.line_of(decorator));
            self.push(Element::Decorate(decorator));
        }
        if !decorators.is_empty() {
            self.line = Some(line);
            self.push(Element::Bind(statement));
        }
    }

    fn if_(&mut self, node: &'a StmtIf) {
        let (mut yes, mut no) = (Label::new(), Label::new());
        self.test(&node.test, &mut yes, &mut no);
        self.at(yes);
        self.body(&node.body);
        let mut ends = self.take(EdgeKind::Next);
        for clause in &node.elif_else_clauses {
            self.at(std::mem::take(&mut no));
            if let Some(test) = &clause.test {
                if self.is_live() {
                    self.line = Some(self.line_of(clause));
                }
                let mut yes = Label::new();
                self.test(test, &mut yes, &mut no);
                self.at(yes);
            }
            self.body(&clause.body);
            ends.extend(self.take(EdgeKind::Next));
        }
        ends.extend(no);
        self.at(ends);
    }

    fn while_(&mut self, node: &'a StmtWhile) {
        let constant = truth(&node.test);
        if constant == Some(false) {
            self.push(Element::Test(&node.test));
            self.body(&node.orelse);
            return;
        }
        let line = self.line.take();
        let Some(header) = self.header() else { return };
        self.line = line;
        let (mut yes, mut no) = (Label::new(), Label::new());
        self.test(&node.test, &mut yes, &mut no);
        self.frames.push(Frame::Loop(Exits::default()));
        self.at(yes);
        self.body(&node.body);
        self.end_loop(header, no, &node.orelse);
    }

    fn for_(&mut self, node: &'a StmtFor) {
        // The line is visited where the iterable is evaluated, and again at the start of each round.
        let line = self.line;
        self.parts(&node.iter);
        self.push(Element::Iterable(&node.iter));
        let Some(header) = self.header() else { return };
        self.line = line;
        if self.branch(Element::Next(node)).is_none() {
            return;
        }
        self.frames.push(Frame::Loop(Exits::default()));
        self.at(vec![(header, EdgeKind::Iterate)]);
        self.body(&node.body);
        self.end_loop(header, vec![(header, EdgeKind::Exhausted)], &node.orelse);
    }

    /// Ends the body of the innermost loop.
    fn end_loop(&mut self, header: petgraph::graph::NodeIndex, ended: Label, orelse: &'a [Stmt]) {
        let mut back = self.take(EdgeKind::Loop);
        let exits = match self.frames.pop() {
            Some(Frame::Loop(exits)) => exits,
            _ => Exits::default(),
        };
        back.extend(exits.continues);
        self.connect(back, header);
        self.at(ended);
        self.body(orelse);
        self.join(exits.breaks);
    }

    fn assert_(&mut self, node: &'a StmtAssert) {
        let (mut yes, mut no) = (Label::new(), Label::new());
        self.test(&node.test, &mut yes, &mut no);
        self.at(no);
        if let Some(message) = &node.msg {
            self.parts(message);
        }
        self.push(Element::AssertFails(node));
        self.leave_as(Leaving::Exception, EdgeKind::Raise);
        self.at(yes);
    }
}
