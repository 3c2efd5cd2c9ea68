//! Control-flow graphs of Python functions, on petgraph.
//!
//! [`build`] gives a graph for each function, lambda, generator expression and class body of a file, and for the
//! module itself. Blocks hold the steps ([`Element`]) in the order in which CPython runs them; every edge has a
//! kind ([`EdgeKind`]) with a meaning. What is promised of them is in docs/CFG.md; in short: each transition between
//! two statements that CPython 3.10 to 3.14 makes is a path, and no edge is there that its bytecode lacks.
//!
//! Invariants: every block can be reached from the entry (code that cannot is left out); every block has a way out
//! except the exits, which have none; building the same text twice gives equal graphs with equal numbers.
//!
//! Knows Python's statements and no memory. May depend on `project` (sources) alone.

mod block;
mod builder;
mod cases;
mod constant;
pub mod dot;
mod edge;
mod expression;
pub mod json;
pub mod mermaid;
mod protect;
mod raising;
mod scopes;
mod statement;

use petgraph::graph::{DiGraph, NodeIndex};
use ruff_python_ast::{Expr, ModModule, StmtClassDef, StmtFunctionDef};
use ruff_text_size::TextRange;
use schemars::JsonSchema;
use serde::Serialize;

use crate::project::Source;

pub use block::{Block, BlockKind, Element, Leaving, Placed};
use builder::Builder;
pub use edge::EdgeKind;

/// What has a graph of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeKind {
    /// The body of a file.
    Module,
    /// The body of a class, which runs where the class is defined.
    Class,
    /// A function or method.
    Function,
    /// A lambda.
    Lambda,
    /// A generator expression. (Other comprehensions run in place and are part of the graph around them.)
    Generator,
}

/// The syntax that a graph is made of.
#[derive(Clone, Copy, Debug)]
pub enum ScopeNode<'a> {
    /// A file.
    Module(&'a ModModule),
    /// A class.
    Class(&'a StmtClassDef),
    /// A function or method.
    Function(&'a StmtFunctionDef),
    /// A lambda or generator expression.
    Expression(&'a Expr),
}

/// Something that has a graph of its own.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    pub name: String,
    pub kind: ScopeKind,
    pub is_async: bool,
    pub line: u32,
    pub first_line: u32,
    pub node: ScopeNode<'a>,
}

/// The control-flow graph of one function.
#[derive(Clone, Debug)]
pub struct FunctionGraph<'a> {
    /// The dotted name, the module's first: `handler.Class.method`, `handler.f.inner`, `handler.f.<lambda>`,
    /// `handler.f.<genexpr>`; that of a module is the module's.
    pub name: String,
    /// What it is.
    pub kind: ScopeKind,
    /// Whether it is an `async def`.
    pub is_async: bool,
    /// The line of `def`, `class` or the expression; 1 for a module.
    pub line: u32,
    /// The line of the first decorator where there is one (CPython's `co_firstlineno`), else `line`.
    pub first_line: u32,
    /// The syntax.
    pub node: ScopeNode<'a>,
    /// The graph.
    pub graph: DiGraph<Block<'a>, EdgeKind>,
    /// Where it starts.
    pub entry: NodeIndex,
    /// Where it returns; none if it never does.
    pub exit: Option<NodeIndex>,
    /// Where exceptions leave it; none if none can.
    pub exceptional_exit: Option<NodeIndex>,
}

impl<'a> FunctionGraph<'a> {
    /// The exits, the normal one first.
    pub fn exits(&self) -> impl Iterator<Item = NodeIndex> {
        self.exit.into_iter().chain(self.exceptional_exit)
    }

    /// The blocks with a step of the syntax at `range` or within it: none if control cannot reach it, several where
    /// it is part of a `finally` that is entered in several ways.
    pub fn blocks_of(&self, range: TextRange) -> impl Iterator<Item = NodeIndex> {
        self.graph.node_indices().filter(move |index| {
            self.graph
                .node_weight(*index)
                .is_some_and(|block| block.elements.iter().any(|placed| range.contains_range(placed.element.range())))
        })
    }

    /// Whether control can reach any part of the syntax at `range`.
    pub fn is_reachable(&self, range: TextRange) -> bool {
        self.blocks_of(range).next().is_some()
    }

    /// The lines that a block shows, in order.
    pub fn lines(&self, block: NodeIndex) -> Vec<u32> {
        self.graph
            .node_weight(block)
            .map(|block| block.elements.iter().filter_map(|placed| placed.line).collect())
            .unwrap_or_default()
    }

    /// The edges `(from, kind, to)`, by block of origin, then in the order in which they were made.
    pub fn edges(&self) -> Vec<(NodeIndex, EdgeKind, NodeIndex)> {
        use petgraph::visit::EdgeRef;
        let mut edges: Vec<_> =
            self.graph.edge_references().map(|edge| (edge.source(), *edge.weight(), edge.target())).collect();
        edges.sort_by_key(|(from, _, _)| *from);
        edges
    }
}

/// The graphs of all functions of a file in the order of the source: the module first, each before those in it.
/// `module` is the module's name.
pub fn build<'a>(source: &'a Source, module: &str) -> Vec<FunctionGraph<'a>> {
    scopes::collect(source, module).into_iter().map(|scope| graph_of(source, scope)).collect()
}

fn graph_of<'a>(source: &'a Source, scope: Scope<'a>) -> FunctionGraph<'a> {
    let mut builder = Builder::new(source, scope.kind);
    match scope.node {
        ScopeNode::Module(node) => builder.body(&node.body),
        ScopeNode::Function(node) => builder.function_body(&node.body),
        ScopeNode::Class(node) => {
            builder.line = Some(scope.first_line);
            builder.push(Element::ClassBody(node));
            builder.body(&node.body);
        }
        ScopeNode::Expression(Expr::Lambda(node)) => {
            builder.line = Some(builder.line_of(&*node.body));
            builder.parts(&node.body);
            builder.push(Element::Result(&node.body));
        }
        ScopeNode::Expression(expr @ Expr::Generator(node)) => {
            builder.line = Some(scope.line);
            builder.generator(expr, &node.elt, &node.generators);
        }
        // No other expression is a scope.
        ScopeNode::Expression(_) => {}
    }
    builder.finish().into_function(scope)
}
