//! Any text that is Python has graphs: what is returned or raised from goes nowhere else, and every writer writes
//! them, the same twice.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meminterface::cfg::{self, dot, json, mermaid};
use meminterface::project::Source;
use meminterface::project::source::with_stack;

/// All graphs of a source, in every form.
fn run(source: &Source) -> String {
    let graphs = cfg::build(source, "handler");
    assert!(!graphs.is_empty(), "not even the module has a graph");
    for graph in &graphs {
        for exit in graph.exits() {
            assert_eq!(graph.graph.edges(exit).count(), 0, "{} goes on after its end", graph.name);
        }
    }
    let functions = graphs.iter().map(|graph| json::function(graph, "handler.py")).collect();
    let mut text = json::render(&json::document(functions));
    text.push_str(&dot::render(source, &graphs, ""));
    text.push_str(&mermaid::render(source, &graphs, ""));
    text
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    with_stack(|| {
        if let Ok(source) = Source::parse(Path::new("handler.py"), text) {
            assert_eq!(run(&source), run(&source), "two runs differ");
        }
    });
});
