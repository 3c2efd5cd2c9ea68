//! Lowering of `try` and `with`: what runs when control leaves their body.

use ruff_python_ast::{ExceptHandler, Stmt, StmtTry, StmtWith, WithItem};

use super::block::{Element, Leaving};
use super::builder::{Builder, Exits, Frame, Label, kind_of};
use super::edge::EdgeKind;

impl<'a> Builder<'a> {
    pub fn try_(&mut self, statement: &'a Stmt, node: &'a StmtTry) {
        self.push(Element::Statement(statement));
        if node.finalbody.is_empty() {
            self.try_except(node);
            return;
        }
        let outer = self.enter(Frame::Cleanup(Exits::default()));
        self.try_except(node);
        let exits = self.exit_cleanup(outer);
        if self.is_large() {
            self.finally_once(node, exits);
            return;
        }
        self.finally(node, Leaving::Normal);
        let normal = self.take(EdgeKind::Next);
        for (leaving, label) in exits.ways() {
            if label.is_empty() {
                continue;
            }
            self.at(label);
            self.finally(node, leaving);
            self.leave(leaving);
        }
        self.at(normal);
    }

    /// One copy of the `finally` body for all ways of entering it, which then are not kept apart.
    fn finally_once(&mut self, node: &'a StmtTry, exits: Exits) {
        let falls_through = self.is_live();
        let mut edges = self.take(EdgeKind::Next);
        let mut ways = Vec::new();
        for (leaving, label) in exits.ways() {
            if !label.is_empty() {
                ways.push(leaving);
                edges.extend(label);
            }
        }
        self.at(edges);
        self.finally(node, Leaving::Normal);
        let end = self.take(EdgeKind::Next);
        for leaving in ways {
            self.at(end.iter().map(|(block, _)| (*block, kind_of(leaving))).collect());
            self.leave(leaving);
        }
        self.at(if falls_through { end } else { Label::new() });
    }

    /// One copy of the `finally` body, for one way of entering it.
    fn finally(&mut self, node: &'a StmtTry, leaving: Leaving) {
        if !self.is_live() {
            return;
        }
        let copy = (leaving != Leaving::Normal).then_some(leaving);
        self.copies.push(copy);
        self.body(&node.finalbody);
        self.copies.pop();
    }

    fn exit_cleanup(&mut self, outer: u32) -> Exits {
        match self.exit(outer) {
            Some(Frame::Cleanup(exits)) => exits,
            _ => Exits::default(),
        }
    }

    fn try_except(&mut self, node: &'a StmtTry) {
        if node.handlers.is_empty() {
            self.body(&node.body);
            self.body(&node.orelse);
            return;
        }
        let outer = self.enter(Frame::Handlers(Label::new()));
        self.body(&node.body);
        let raised = self.exit_handlers(outer);
        self.body(&node.orelse);
        let mut ends = self.take(EdgeKind::Next);
        self.at(raised);
        if node.is_star {
            self.star_handlers(node, &mut ends);
        } else {
            self.handlers(node, &mut ends);
        }
        self.at(ends);
    }

    fn exit_handlers(&mut self, outer: u32) -> Label {
        match self.exit(outer) {
            Some(Frame::Handlers(label)) => label,
            _ => Label::new(),
        }
    }

    /// Compares the handlers one after the other; what none takes goes on.
    fn handlers(&mut self, node: &'a StmtTry, ends: &mut Label) {
        for ExceptHandler::ExceptHandler(handler) in &node.handlers {
            if !self.is_live() {
                return;
            }
            self.line = Some(self.line_of(handler));
            let mut no = Label::new();
            if let Some(kind) = &handler.type_ {
                self.parts(kind);
                let Some(block) = self.branch(Element::Handler(handler)) else { return };
                no.push((block, EdgeKind::NoMatch));
                self.at(vec![(block, EdgeKind::Match)]);
            } else {
                self.push(Element::Handler(handler));
            }
            self.body(&handler.body);
            ends.extend(self.take(EdgeKind::Next));
            self.at(no);
        }
        self.leave_as(Leaving::Exception, EdgeKind::NoMatch);
    }

    /// `except*`: each handler takes its part of the group, and what the bodies raise waits until the last is done.
    fn star_handlers(&mut self, node: &'a StmtTry, ends: &mut Label) {
        for ExceptHandler::ExceptHandler(handler) in &node.handlers {
            if !self.is_live() {
                return;
            }
            self.line = Some(self.line_of(handler));
            if let Some(kind) = &handler.type_ {
                self.parts(kind);
            }
            let Some(block) = self.branch(Element::Handler(handler)) else { return };
            let outer = self.enter(Frame::Handlers(Label::new()));
            self.at(vec![(block, EdgeKind::Match)]);
            self.body(&handler.body);
            let mut next = self.take(EdgeKind::Next);
            next.extend(self.exit_handlers(outer));
            next.push((block, EdgeKind::NoMatch));
            self.at(next);
        }
        self.line = None;
        let Some(block) = self.branch(Element::StarEnd(node)) else { return };
        self.at(vec![(block, EdgeKind::Reraise)]);
        self.leave(Leaving::Exception);
        ends.push((block, EdgeKind::Next));
    }

    pub fn with_(&mut self, node: &'a StmtWith) {
        self.with_items(node, &node.items);
    }

    /// `with a, b:` is `with a:` around `with b:`.
    fn with_items(&mut self, node: &'a StmtWith, items: &'a [WithItem]) {
        let Some((item, inner)) = items.split_first() else {
            self.body(&node.body);
            return;
        };
        self.parts(&item.context_expr);
        self.push(Element::WithEnter(node, item));
        let outer = self.enter(Frame::Cleanup(Exits::default()));
        if let Some(target) = item.optional_vars.as_deref().filter(|target| !target.is_name_expr()) {
            self.parts(target);
            self.push(Element::WithBind(item));
        }
        self.with_items(node, inner);
        let exits = self.exit_cleanup(outer);
        // Control comes back to the line of the statement once, whatever the number of items.
        let line = if inner.is_empty() { Some(self.line_of(node)) } else { None };
        self.with_exit(node, item, Leaving::Normal, line);
        let mut normal = self.take(EdgeKind::Next);
        for (leaving, label) in exits.ways() {
            if label.is_empty() {
                continue;
            }
            self.at(label);
            if leaving == Leaving::Exception {
                self.line = line;
                let Some(block) = self.branch(Element::WithExit(node, item, leaving)) else { continue };
                normal.push((block, EdgeKind::Swallow));
                self.at(vec![(block, EdgeKind::Reraise)]);
            } else {
                self.with_exit(node, item, leaving, line);
            }
            self.leave(leaving);
        }
        self.line = None;
        self.at(normal);
    }

    fn with_exit(&mut self, node: &'a StmtWith, item: &'a WithItem, leaving: Leaving, line: Option<u32>) {
        if self.is_live() {
            self.line = line;
            self.push(Element::WithExit(node, item, leaving));
        }
    }
}
