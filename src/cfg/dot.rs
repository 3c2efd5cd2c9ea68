//! Graphs for Graphviz.

use std::fmt::Write;

use crate::project::Source;

use super::{BlockKind, FunctionGraph};

/// The graphs of one file as one `digraph`, a cluster each. `prefix` keeps the nodes of several files apart.
pub fn render(source: &Source, graphs: &[FunctionGraph<'_>], prefix: &str) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "digraph {} {{", quote(&source.path.display().to_string()));
    let _ = writeln!(out, "  node [shape=box, fontname=monospace];");
    for (number, graph) in graphs.iter().enumerate() {
        let _ = writeln!(out, "  subgraph \"cluster_{prefix}{number}\" {{");
        let _ = writeln!(out, "    label={};", quote(&graph.name));
        for index in graph.graph.node_indices() {
            let Some(block) = graph.graph.node_weight(index) else { continue };
            let shape = match block.kind {
                BlockKind::Code => "box",
                BlockKind::Exit => "doublecircle",
                BlockKind::ExceptionalExit => "doubleoctagon",
            };
            let label = super::block::label(block, source).map(|line| quote_inside(&line) + "\\l").collect::<String>();
            let _ = writeln!(out, "    \"{prefix}{number}.{}\" [shape={shape}, label=\"{label}\"];", index.index());
        }
        for (from, kind, to) in graph.edges() {
            let style = if kind.is_exceptional() { ", style=dashed" } else { "" };
            let _ = writeln!(
                out,
                "    \"{prefix}{number}.{}\" -> \"{prefix}{number}.{}\" [label=\"{}\"{style}];",
                from.index(),
                to.index(),
                kind.name()
            );
        }
        let _ = writeln!(out, "  }}");
    }
    let _ = writeln!(out, "}}");
    out
}

fn quote(text: &str) -> String {
    format!("\"{}\"", quote_inside(text))
}

fn quote_inside(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
