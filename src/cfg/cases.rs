//! Lowering of `match`.

use ruff_python_ast::StmtMatch;

use super::block::Element;
use super::builder::{Builder, Label};
use super::edge::EdgeKind;

impl<'a> Builder<'a> {
    pub fn match_(&mut self, node: &'a StmtMatch) {
        self.parts(&node.subject);
        self.push(Element::Subject(node));
        let mut no = self.take(EdgeKind::Next);
        let mut ends = Label::new();
        for case in &node.cases {
            self.at(std::mem::take(&mut no));
            if !self.is_live() {
                break;
            }
            // CPython's line is that of the pattern, which parentheses may put below the keyword.
            self.line = Some(self.line_of(&case.pattern));
            if case.pattern.is_irrefutable() {
                self.push(Element::Case(case));
            } else {
                let Some(block) = self.branch(Element::Case(case)) else { break };
                no.push((block, EdgeKind::NoCase));
                self.at(vec![(block, EdgeKind::Case)]);
            }
            if let Some(guard) = &case.guard {
                let mut yes = Label::new();
                self.test(guard, &mut yes, &mut no);
                self.at(yes);
            }
            self.body(&case.body);
            ends.extend(self.take(EdgeKind::Next));
        }
        ends.extend(no);
        self.at(ends);
    }
}
