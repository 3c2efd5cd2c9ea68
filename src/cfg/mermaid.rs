//! Graphs for Mermaid (`flowchart`), which GitHub and many editors draw.

use std::fmt::Write;

use crate::project::Source;

use super::{BlockKind, FunctionGraph};

/// The graphs of one file as one flow chart, a subgraph each. `prefix` keeps the nodes of several files apart.
pub fn render(source: &Source, graphs: &[FunctionGraph<'_>], prefix: &str) -> String {
    let mut out = String::from("flowchart TD\n");
    for (number, graph) in graphs.iter().enumerate() {
        let id = |index: petgraph::graph::NodeIndex| format!("{prefix}f{number}b{}", index.index());
        let _ = writeln!(out, "  subgraph {prefix}f{number} [\"{}\"]", escape(&graph.name));
        for index in graph.graph.node_indices() {
            let Some(block) = graph.graph.node_weight(index) else { continue };
            let label = super::block::label(block, source).map(|line| escape(&line)).collect::<Vec<_>>().join("<br/>");
            let (open, close) = match block.kind {
                BlockKind::Code => ("[", "]"),
                BlockKind::Exit => ("([", "])"),
                BlockKind::ExceptionalExit => ("{{", "}}"),
            };
            let _ = writeln!(out, "    {}{open}\"{label}\"{close}", id(index));
        }
        for (from, kind, to) in graph.edges() {
            let arrow = if kind.is_exceptional() { "-.->" } else { "-->" };
            let _ = writeln!(out, "    {} {arrow}|{}| {}", id(from), kind.name(), id(to));
        }
        out.push_str("  end\n");
    }
    out
}

/// Mermaid reads entity codes within quotes; everything that has a meaning to it or to HTML is written as one.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' | ';' | '*' | '_' => {
                let _ = write!(out, "#{};", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}
