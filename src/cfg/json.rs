//! Graphs as JSON (docs/schemas/cfg.schema.json).

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::Schema;

use super::{BlockKind, EdgeKind, FunctionGraph, Leaving, ScopeKind};

/// The control-flow graphs of one or more files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Document {
    /// Name and version of this form.
    pub schema: Schema,
    /// The graphs, by file and then in the order of the source.
    pub functions: Vec<Function>,
}

/// The control-flow graph of one function, lambda, generator expression, class body or module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Function {
    /// Dotted name, the module's first. Two functions of one name differ in their line.
    pub name: String,
    /// What it is.
    pub kind: ScopeKind,
    /// The file, as the user named it.
    pub file: String,
    /// The line of `def`, `class` or the expression; 1 for a module.
    pub line: u32,
    /// The line of its first decorator, or the same as `line`.
    pub first_line: u32,
    /// The block that it starts with.
    pub entry: u32,
    /// The blocks that it ends with: at most one of kind `exit` and one of kind `exceptional-exit`.
    pub exits: Vec<u32>,
    /// The exit by which exceptions leave; null if none can.
    pub exceptional_exit: Option<u32>,
    /// The blocks, by number. Every one can be reached from the entry.
    pub blocks: Vec<Block>,
    /// The edges, by block of origin.
    pub edges: Vec<Edge>,
}

/// Statements that run one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Block {
    /// Its number.
    pub id: u32,
    /// What it is for.
    pub kind: BlockKind,
    /// The first lines of its statements in order. A block that goes on with a statement which began in an earlier
    /// block does not repeat the line.
    pub lines: Vec<u32>,
    /// In copies of a `finally` body: what entered it, if not the end of its `try`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally: Option<Leaving>,
}

/// A way that control can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Edge {
    /// The block that it leaves.
    pub from: u32,
    /// The block that it enters.
    pub to: u32,
    /// Why.
    pub kind: EdgeKind,
}

fn number(index: petgraph::graph::NodeIndex) -> u32 {
    u32::try_from(index.index()).unwrap_or(u32::MAX)
}

/// One graph as a value for JSON.
pub fn function(graph: &FunctionGraph<'_>, file: &str) -> Function {
    Function {
        name: graph.name.clone(),
        kind: graph.kind,
        file: file.to_owned(),
        line: graph.line,
        first_line: graph.first_line,
        entry: number(graph.entry),
        exits: graph.exits().map(number).collect(),
        exceptional_exit: graph.exceptional_exit.map(number),
        blocks: graph
            .graph
            .node_indices()
            .filter_map(|index| graph.graph.node_weight(index).map(|block| (index, block)))
            .map(|(index, block)| Block {
                id: number(index),
                kind: block.kind,
                lines: graph.lines(index),
                finally: block.finally,
            })
            .collect(),
        edges: graph
            .edges()
            .into_iter()
            .map(|(from, kind, to)| Edge { from: number(from), to: number(to), kind })
            .collect(),
    }
}

/// The document of all graphs.
pub fn document(functions: Vec<Function>) -> Document {
    Document { schema: Schema::CFG, functions }
}

/// The document as text, ending in a new line.
pub fn render(document: &Document) -> String {
    // These types hold nothing that JSON cannot.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of [`Document`], as text that ends in a new line.
pub fn schema() -> String {
    let mut text = serde_json::to_string_pretty(&schemars::schema_for!(Document)).unwrap_or_default();
    text.push('\n');
    text
}
