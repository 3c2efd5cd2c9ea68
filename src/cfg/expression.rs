//! Lowering of expressions: those of which parts run only on some condition come apart.

use petgraph::graph::NodeIndex;
use ruff_python_ast::visitor::source_order::{self, SourceOrderVisitor};
use ruff_python_ast::{BoolOp, Comprehension, Expr, ExprContext, Parameters, UnaryOp};

use super::block::Element;
use super::builder::{Builder, Label};
use super::constant::truth;
use super::edge::EdgeKind;

/// The expressions that are evaluated as parts of an expression, in the order of evaluation.
pub(super) fn children(expr: &Expr) -> Vec<&Expr> {
    let mut children = Children(Vec::new());
    match expr {
        Expr::Lambda(node) => {
            if let Some(parameters) = &node.parameters {
                children.0.extend(defaults(parameters));
            }
        }
        // Only the outermost iterable is evaluated where the generator is made.
        Expr::Generator(node) => children.0.extend(node.generators.first().map(|first| &first.iter)),
        _ => source_order::walk_expr(&mut children, expr),
    }
    children.0
}

/// The default values of parameters, in the order of evaluation.
pub(super) fn defaults(parameters: &Parameters) -> impl Iterator<Item = &Expr> {
    parameters.iter_non_variadic_params().filter_map(|parameter| parameter.default.as_deref())
}

struct Children<'a>(Vec<&'a Expr>);

impl<'a> SourceOrderVisitor<'a> for Children<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        self.0.push(expr);
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr) as usize
}

/// Whether evaluating an expression is of no interest by itself: names, constants, attributes, and tests of these.
fn is_trivial(expr: &Expr) -> bool {
    match expr {
        Expr::Name(_) => true,
        Expr::Attribute(node) => is_trivial(&node.value),
        Expr::UnaryOp(node) => is_trivial(&node.operand),
        Expr::Compare(node) => is_trivial(&node.left) && node.comparators.iter().all(is_trivial),
        Expr::BoolOp(node) => node.values.iter().all(is_trivial),
        _ => expr.is_literal_expr(),
    }
}

/// Whether an expression leaves nothing to evaluate once its parts have come apart.
fn is_all_parts(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::BoolOp(_) | Expr::If(_) | Expr::Compare(_) | Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_)
    )
}

fn is_target(expr: &Expr) -> bool {
    let context = match expr {
        Expr::Name(node) => node.ctx,
        Expr::Attribute(node) => node.ctx,
        Expr::Subscript(node) => node.ctx,
        Expr::Starred(node) => node.ctx,
        Expr::List(node) => node.ctx,
        Expr::Tuple(node) => node.ctx,
        _ => return false,
    };
    context != ExprContext::Load
}

impl<'a> Builder<'a> {
    /// Finds the expressions of a tree whose parts come apart.
    fn mark(&mut self, expr: &'a Expr) -> bool {
        let mut apart = match expr {
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) => true,
            Expr::BoolOp(node) => node.values.iter().skip(1).any(|value| !is_trivial(value)),
            Expr::If(node) => !is_trivial(&node.body) || !is_trivial(&node.orelse),
            Expr::Compare(node) => node.comparators.iter().skip(1).any(|value| !is_trivial(value)),
            _ => false,
        };
        for child in children(expr) {
            apart |= self.mark(child);
        }
        if apart {
            self.apart.insert(address(expr));
        }
        apart
    }

    /// Evaluates the parts of an expression that must come apart from the rest, which the caller's step evaluates.
    pub fn parts(&mut self, expr: &'a Expr) {
        self.parts_of_all(&[expr]);
    }

    /// The same of several expressions that one step evaluates in this order.
    pub fn parts_of_all(&mut self, exprs: &[&'a Expr]) {
        if !self.is_live() {
            return;
        }
        let marked: Vec<bool> = exprs.iter().map(|expr| self.mark(expr)).collect();
        if marked.contains(&true) {
            self.sequence(exprs);
        }
    }

    /// Evaluates a sequence of parts up to the last one that comes apart.
    fn sequence(&mut self, exprs: &[&'a Expr]) {
        let Some(last) = exprs.iter().rposition(|expr| self.apart.contains(&address(expr))) else { return };
        for (index, expr) in exprs.iter().enumerate().take(last + 1) {
            let apart = self.apart.contains(&address(expr));
            if apart {
                self.come_apart(expr);
            }
            let nothing_left = is_trivial(expr) || is_target(expr) || (apart && is_all_parts(expr));
            if index < last && !nothing_left {
                self.push(Element::Evaluate(expr));
            }
        }
    }

    /// Evaluates an expression with nothing left.
    fn value(&mut self, expr: &'a Expr) {
        let apart = self.apart.contains(&address(expr));
        if apart {
            self.come_apart(expr);
        }
        let nothing_left = is_trivial(expr) || (apart && is_all_parts(expr));
        if !nothing_left {
            self.push(Element::Evaluate(expr));
        }
    }

    fn come_apart(&mut self, expr: &'a Expr) {
        match expr {
            Expr::BoolOp(node) => {
                let mut join = Label::new();
                let last = node.values.len().saturating_sub(1);
                for (index, value) in node.values.iter().enumerate() {
                    if index == last {
                        self.value(value);
                        break;
                    }
                    let (mut yes, mut no) = (Label::new(), Label::new());
                    self.condition(value, &mut yes, &mut no);
                    let (on, out) = match node.op {
                        BoolOp::And => (yes, no),
                        BoolOp::Or => (no, yes),
                    };
                    join.extend(out);
                    self.at(on);
                }
                self.join(join);
            }
            Expr::If(node) => {
                let (mut yes, mut no) = (Label::new(), Label::new());
                self.condition(&node.test, &mut yes, &mut no);
                self.at(yes);
                self.value(&node.body);
                let join = self.take(EdgeKind::Next);
                self.at(no);
                self.value(&node.orelse);
                self.join(join);
            }
            Expr::Compare(node) if node.comparators.len() > 1 => {
                let mut join = Label::new();
                self.value(&node.left);
                let last = node.comparators.len() - 1;
                for (index, comparator) in node.comparators.iter().enumerate() {
                    self.value(comparator);
                    if index == last {
                        break;
                    }
                    let Some(block) = self.branch(Element::Link(node, index)) else { return };
                    join.push((block, EdgeKind::False));
                    self.at(vec![(block, EdgeKind::True)]);
                }
                self.push(Element::Evaluate(expr));
                self.join(join);
            }
            Expr::Compare(_) => {
                self.sequence(&children(expr));
                self.push(Element::Evaluate(expr));
            }
            Expr::ListComp(node) => self.comprehension(expr, &[&node.elt], &node.generators),
            Expr::SetComp(node) => self.comprehension(expr, &[&node.elt], &node.generators),
            Expr::DictComp(node) => {
                let item: Vec<&Expr> = node.key.as_deref().into_iter().chain([&*node.value]).collect();
                self.comprehension(expr, &item, &node.generators);
            }
            _ => self.sequence(&children(expr)),
        }
    }

    /// A comprehension in place. The code object of its own that 3.8 to 3.11 make changes nothing of the order.
    fn comprehension(&mut self, expr: &'a Expr, item: &[&'a Expr], generators: &'a [Comprehension]) {
        let out = self.item_loop(expr, item, generators, false);
        self.at(out);
    }

    /// The loops of a comprehension or generator expression; the edges on which the outermost ends. The iterable of
    /// the outermost loop of a generator expression is evaluated by who makes it.
    pub fn item_loop(
        &mut self,
        expr: &'a Expr,
        item: &[&'a Expr],
        generators: &'a [Comprehension],
        has_iterable: bool,
    ) -> Label {
        let mut out = Label::new();
        // The header that the next failing condition or exhausted loop goes back to.
        let mut outer: Option<NodeIndex> = None;
        for (index, generator) in generators.iter().enumerate() {
            if index > 0 || !has_iterable {
                if self.apart.contains(&address(&generator.iter)) {
                    self.come_apart(&generator.iter);
                }
                self.push(Element::Iterable(&generator.iter));
            }
            let Some(header) = self.header() else { return out };
            if self.branch(Element::NextOf(generator)).is_none() {
                return out;
            }
            match outer {
                None => out.push((header, EdgeKind::Exhausted)),
                Some(outer) => self.connect(vec![(header, EdgeKind::Exhausted)], outer),
            }
            self.at(vec![(header, EdgeKind::Iterate)]);
            for condition in &generator.ifs {
                let (mut yes, mut no) = (Label::new(), Label::new());
                self.condition(condition, &mut yes, &mut no);
                self.connect(no, header);
                self.at(yes);
            }
            outer = Some(header);
        }
        self.sequence(item);
        self.push(Element::Produce(expr));
        let back = self.take(EdgeKind::Loop);
        if let Some(header) = outer {
            self.connect(back, header);
        }
        out
    }

    /// The whole of a generator expression's own function, but for its outermost iterable.
    pub fn generator(&mut self, expr: &'a Expr, item: &'a Expr, generators: &'a [Comprehension]) {
        self.mark(item);
        for generator in generators {
            self.mark(&generator.iter);
            for condition in &generator.ifs {
                self.mark(condition);
            }
        }
        let out = self.item_loop(expr, &[item], generators, true);
        self.at(out);
    }

    /// A condition whose tree is not marked yet: see [`Builder::condition`].
    pub fn test(&mut self, expr: &'a Expr, yes: &mut Label, no: &mut Label) {
        self.mark(expr);
        self.condition(expr, yes, no);
    }

    /// A condition: control goes on by the edges added to `yes` where it holds, by those added to `no` where not.
    fn condition(&mut self, expr: &'a Expr, yes: &mut Label, no: &mut Label) {
        if !self.is_live() {
            return;
        }
        if let Some(holds) = truth(expr) {
            if self.line.is_some() {
                self.push(Element::Test(expr));
            }
            let edges = self.take(EdgeKind::Next);
            if holds {
                yes.extend(edges)
            } else {
                no.extend(edges)
            }
            return;
        }
        match expr {
            Expr::UnaryOp(node) if node.op == UnaryOp::Not => self.condition(&node.operand, no, yes),
            Expr::BoolOp(node) => {
                let last = node.values.len().saturating_sub(1);
                for (index, value) in node.values.iter().enumerate() {
                    if index == last {
                        self.condition(value, yes, no);
                        return;
                    }
                    let mut on = Label::new();
                    match node.op {
                        BoolOp::And => self.condition(value, &mut on, no),
                        BoolOp::Or => self.condition(value, yes, &mut on),
                    }
                    self.at(on);
                }
            }
            Expr::If(node) => {
                let (mut then, mut otherwise) = (Label::new(), Label::new());
                self.condition(&node.test, &mut then, &mut otherwise);
                self.at(then);
                self.condition(&node.body, yes, no);
                self.at(otherwise);
                self.condition(&node.orelse, yes, no);
            }
            Expr::Compare(node) if node.comparators.len() > 1 && self.apart.contains(&address(expr)) => {
                self.value(&node.left);
                for (index, comparator) in node.comparators.iter().enumerate() {
                    self.value(comparator);
                    let Some(block) = self.branch(Element::Link(node, index)) else { return };
                    no.push((block, EdgeKind::False));
                    self.at(vec![(block, EdgeKind::True)]);
                }
                yes.extend(self.take(EdgeKind::Next));
            }
            _ => {
                if self.apart.contains(&address(expr)) {
                    if matches!(expr, Expr::Compare(_)) {
                        self.sequence(&children(expr));
                    } else {
                        self.come_apart(expr);
                    }
                }
                let Some(block) = self.branch(Element::Test(expr)) else { return };
                yes.push((block, EdgeKind::True));
                no.push((block, EdgeKind::False));
            }
        }
    }
}
