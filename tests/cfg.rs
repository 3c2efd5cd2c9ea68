//! Control-flow graphs as a user sees them: the Markdown files of tests/cfg are cases (prose, Python, graphs).
//!
//! `MEMINTERFACE_UPDATE=1 cargo test --test cfg` writes the graphs anew; read the difference before it is kept.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use meminterface::cfg::{self, BlockKind, Element, FunctionGraph, json};
use meminterface::project::Source;
use meminterface::project::source::with_stack;
use petgraph::Direction;
use petgraph::visit::{Dfs, EdgeRef};
use proptest::prelude::*;

/// The graphs of a text, as the fixtures show them. Modules are shown where nothing but them has statements.
fn show(python: &str) -> String {
    let source = Source::parse(Path::new("m.py"), python).expect("the case is Python");
    let graphs = cfg::build(&source, "m");
    let mut out = String::new();
    for graph in graphs.iter().filter(|graph| graph.name != "m" || python.starts_with(['@', 'c'])) {
        let _ = writeln!(out, "{} (line {})", graph.name, graph.line);
        for block in graph.graph.node_indices() {
            let weight = &graph.graph[block];
            let lines: Vec<String> = graph.lines(block).iter().map(u32::to_string).collect();
            let what = match weight.kind {
                BlockKind::Exit => "exit".to_owned(),
                BlockKind::ExceptionalExit => "exceptional exit".to_owned(),
                BlockKind::Code if lines.is_empty() => "…".to_owned(),
                BlockKind::Code => lines.join(" "),
            };
            let finally = weight.finally.map(|leaving| format!(" (finally: {})", leaving.name())).unwrap_or_default();
            let ways: Vec<String> = graph
                .edges()
                .into_iter()
                .filter(|(from, _, _)| *from == block)
                .map(|(_, kind, to)| format!("{} {}", kind.name(), to.index()))
                .collect();
            let arrow = if ways.is_empty() { String::new() } else { format!(" → {}", ways.join(", ")) };
            let _ = writeln!(out, "  {}: {what}{finally}{arrow}", block.index());
        }
    }
    out
}

/// The text of a fixture with the graphs of its cases filled in.
fn fill(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some(start) = rest.find("```python\n") {
        let code = start + "```python\n".len();
        let end = code + rest[code..].find("```\n").expect("a block of code ends");
        out.push_str(&rest[..end + 4]);
        let _ = write!(out, "\n```text\n{}```\n", show(&rest[code..end]));
        rest = &rest[end + 4..];
        if let Some(old) = rest.strip_prefix("\n```text\n") {
            rest = &old[old.find("```\n").expect("a block of text ends") + 4..];
        }
    }
    out.push_str(rest);
    out
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cfg");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

#[test]
fn graphs_are_as_the_fixtures_show_them() {
    let files = fixtures();
    assert!(files.len() >= 7, "fixtures are missing: {files:?}");
    for file in files {
        let old = std::fs::read_to_string(&file).expect("a fixture can be read");
        let new = fill(&old);
        if std::env::var_os("MEMINTERFACE_UPDATE").is_some() {
            std::fs::write(&file, &new).expect("a fixture can be written");
        } else {
            assert!(old.contains("```text"), "{} shows no graph", file.display());
            assert_eq!(old, new, "{}", file.display());
        }
    }
}

/// What the issue promises of every graph.
fn check_soundness(graph: &FunctionGraph<'_>) {
    let mut reached = 0;
    let mut search = Dfs::new(&graph.graph, graph.entry);
    while search.next(&graph.graph).is_some() {
        reached += 1;
    }
    assert_eq!(reached, graph.graph.node_count(), "{}: a block cannot be reached", graph.name);
    for block in graph.graph.node_indices() {
        let ways = graph.graph.edges_directed(block, Direction::Outgoing).count();
        let is_exit = graph.graph[block].kind != BlockKind::Code;
        assert_eq!(ways == 0, is_exit, "{}: block {}", graph.name, block.index());
        if is_exit {
            assert!(graph.graph[block].elements.is_empty());
            assert!(graph.exits().any(|exit| exit == block));
        }
        // A branch ends its block.
        let elements = &graph.graph[block].elements;
        for placed in elements.iter().rev().skip(1) {
            assert!(!matches!(placed.element, Element::Next(_) | Element::NextOf(_) | Element::StarEnd(_)));
        }
        let kinds: Vec<_> = graph.graph.edges(block).map(|edge| *edge.weight()).collect();
        for (test, other) in [
            (cfg::EdgeKind::True, cfg::EdgeKind::False),
            (cfg::EdgeKind::Iterate, cfg::EdgeKind::Exhausted),
            (cfg::EdgeKind::Match, cfg::EdgeKind::NoMatch),
            (cfg::EdgeKind::Case, cfg::EdgeKind::NoCase),
            (cfg::EdgeKind::Swallow, cfg::EdgeKind::Reraise),
        ] {
            let count = |kind| kinds.iter().filter(|other| **other == kind).count();
            if count(test) > 0 {
                assert_eq!(count(test), count(other), "{}: block {}: {kinds:?}", graph.name, block.index());
            }
        }
    }
}

/// A random body: nested control flow around calls, as indented lines.
fn body(depth: u32, in_loop: bool) -> BoxedStrategy<Vec<String>> {
    let mut simple = vec!["a()", "x = 1", "pass", "return b()", "raise E", "x = a() if b() else c()", "assert a()"];
    if in_loop {
        simple.extend(["break", "continue"]);
    }
    let leaf = proptest::sample::select(simple).prop_map(|line| vec![line.to_owned()]).boxed();
    if depth == 0 {
        return leaf;
    }
    let inner = move |in_loop| body(depth - 1, in_loop);
    let indent = |lines: Vec<String>| lines.into_iter().map(|line| format!("    {line}")).collect::<Vec<_>>();
    let block = move |parts: Vec<(&str, Vec<String>)>| {
        parts
            .into_iter()
            .flat_map(|(head, lines)| std::iter::once(head.to_owned()).chain(indent(lines)))
            .collect::<Vec<String>>()
    };
    let condition = proptest::sample::select(vec!["a()", "True", "0", "a() and not b()", "a() or 1"]);
    let one = prop_oneof![
        leaf,
        (condition.clone(), inner(in_loop), inner(in_loop))
            .prop_map(move |(test, yes, no)| block(vec![(&format!("if {test}:"), yes), ("else:", no)])),
        (condition, inner(true), inner(in_loop))
            .prop_map(move |(test, body, no)| block(vec![(&format!("while {test}:"), body), ("else:", no)])),
        inner(true).prop_map(move |body| block(vec![("for i in a():", body)])),
        (inner(in_loop), inner(in_loop), inner(in_loop)).prop_map(move |(body, handler, last)| block(vec![
            ("try:", body),
            ("except E:", handler),
            ("finally:", last)
        ])),
        (inner(in_loop), inner(in_loop)).prop_map(move |(body, last)| block(vec![("try:", body), ("finally:", last)])),
        inner(in_loop).prop_map(move |body| block(vec![("with a(), b():", body)])),
        (inner(in_loop), inner(in_loop)).prop_map(move |(one, two)| {
            let lines = block(vec![("case 1 if a():", one), ("case _:", two)]);
            block(vec![("match a():", lines)])
        }),
    ];
    proptest::collection::vec(one, 1..4).prop_map(|parts| parts.concat()).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_programs_have_sound_graphs(lines in body(4, false)) {
        let text = format!("def f():\n{}", lines.iter().map(|line| format!("    {line}\n")).collect::<String>());
        let source = Source::parse(Path::new("m.py"), text.as_str()).expect("the generator writes Python");
        let graphs = cfg::build(&source, "m");
        graphs.iter().for_each(check_soundness);
        let again = cfg::build(&source, "m");
        for (one, two) in graphs.iter().zip(&again) {
            prop_assert_eq!(json::function(one, "m.py"), json::function(two, "m.py"));
        }
    }

    #[test]
    fn any_text_that_parses_has_graphs(text in "[ \\n:()a-c=,.\\[\\]{}*@]{0,60}|(if|for|try|with|match|lambda|def|class|yield|await|del|break|continue)[ \\n:a-c()=]{0,30}") {
        if let Ok(source) = Source::parse(Path::new("m.py"), text.as_str()) {
            cfg::build(&source, "m").iter().for_each(check_soundness);
        }
    }
}

#[test]
fn fixtures_have_sound_graphs() {
    for file in fixtures() {
        let markdown = std::fs::read_to_string(&file).expect("a fixture can be read");
        for part in markdown.split("```python\n").skip(1) {
            let python = part.split("```").next().unwrap_or_default();
            let source = Source::parse(Path::new("m.py"), python).expect("the case is Python");
            cfg::build(&source, "m").iter().for_each(check_soundness);
        }
    }
}

#[test]
fn deep_and_long_programs_end() {
    let nest = |head: &str, depth: usize| {
        let mut text = String::from("def f():\n");
        for level in 1..=depth {
            let _ = writeln!(text, "{}{head}", " ".repeat(level));
        }
        let _ = writeln!(text, "{}a()", " ".repeat(depth + 1));
        text
    };
    let sum = format!("x = {}\n", vec!["a()"; 900].join(" + "));
    let choice = format!("x = {}1\n", "a() if b() else ".repeat(300));
    let ifs = format!("def f():\n{}", "    if a(): b()\n".repeat(5_000));
    let elifs = format!("if a(): pass\n{}", "elif b(): c()\n".repeat(5_000));
    for text in [nest("if a():", 90), nest("with a():", 90), nest("for x in a():", 90), sum, choice, ifs, elifs] {
        with_stack(|| {
            let source = Source::parse(Path::new("m.py"), text.as_str()).expect("valid");
            cfg::build(&source, "m").iter().for_each(check_soundness);
        });
    }
}

#[test]
fn finally_within_finally_grows_to_a_limit() {
    // Each level doubles the code, in CPython too: eighteen levels would be over a million blocks.
    let nested = |levels: usize| {
        let mut text = String::from("def f(xs):\n for x in xs:\n");
        for level in 0..levels {
            let _ = writeln!(text, "{}try:\n{}a()", " ".repeat(level + 2), " ".repeat(level + 3));
            let _ = writeln!(text, "{}finally:", " ".repeat(level + 2));
        }
        let _ = writeln!(text, "{}b()\n c()", " ".repeat(levels + 2));
        text
    };
    let blocks = |levels: usize| {
        let text = nested(levels);
        let source = Source::parse(Path::new("m.py"), text.as_str()).expect("valid");
        let graphs = cfg::build(&source, "m");
        graphs.iter().for_each(check_soundness);
        graphs.iter().map(|graph| graph.graph.node_count()).max().unwrap_or_default()
    };
    assert!(blocks(6) > 3 * blocks(4), "copies are kept apart");
    assert!(blocks(18) < 50_000);
    assert!(blocks(90) < 50_000);
}

#[test]
fn edge_kinds_have_the_names_that_json_uses() {
    for kind in cfg::EdgeKind::ALL {
        assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
    }
}

/// The documentation of the kinds of edge as Markdown, from the comments of the source.
fn edge_kinds_as_markdown() -> String {
    let source =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cfg/edge.rs")).expect("source");
    let variants = source.split("pub enum EdgeKind {\n").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let (mut out, mut comment, mut kinds) = (String::new(), String::new(), cfg::EdgeKind::ALL.iter());
    for line in variants.expect("the enum is there").lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(text) => {
                let _ = writeln!(comment, "{}", text.strip_prefix(' ').unwrap_or(text));
            }
            None => {
                let kind = kinds.next().expect("every variant is listed");
                assert_eq!(format!("{kind:?},"), line, "`ALL` has the order of the enum");
                let _ = writeln!(out, "### `{}`\n\n{}", kind.name(), std::mem::take(&mut comment));
            }
        }
    }
    assert!(kinds.next().is_none());
    out
}

#[test]
fn the_documentation_of_edge_kinds_is_that_of_the_source() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CFG.md");
    let old = std::fs::read_to_string(&path).expect("docs");
    let (start, end) = ("<!-- edge kinds: from src/cfg/edge.rs -->\n\n", "<!-- end of edge kinds -->");
    let before = old.split(start).next().expect("a first part");
    let after = old.split(end).nth(1).expect("the end is marked");
    let new = format!("{before}{start}{}{end}{after}", edge_kinds_as_markdown());
    if std::env::var_os("MEMINTERFACE_UPDATE").is_some() {
        std::fs::write(&path, &new).expect("writable");
    }
    let text = std::fs::read_to_string(&path).expect("docs");
    assert_eq!(text, new, "run with MEMINTERFACE_UPDATE=1");
}

#[test]
fn the_schema_is_the_one_that_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/cfg.schema.json");
    if std::env::var_os("MEMINTERFACE_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(&path, json::schema()).expect("writable");
    }
    let text = std::fs::read_to_string(&path).expect("the schema is checked in");
    assert_eq!(text, json::schema(), "run with MEMINTERFACE_UPDATE=1");
}

#[test]
fn reachability_is_told_by_syntax() {
    let source = Source::parse(Path::new("m.py"), "def f():\n    return 1\n    a()\n").expect("valid");
    let graphs = cfg::build(&source, "m");
    let f = graphs.iter().find(|graph| graph.name == "m.f").expect("f");
    let at = |text: &str| {
        let start = u32::try_from(source.text.find(text).expect("in the text")).expect("small");
        ruff_text_size::TextRange::at(start.into(), u32::try_from(text.len()).expect("small").into())
    };
    assert!(f.is_reachable(at("return 1")));
    assert!(!f.is_reachable(at("a()")));
    assert!(f.graph.edge_references().all(|edge| edge.source() != edge.target()));
}

fn command(arguments: &[&str]) -> std::process::Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cfg");
    std::process::Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .current_dir(folder)
        .arg("cfg")
        .args(arguments)
        .output()
        .expect("the command starts")
}

#[test]
fn the_command_prints_all_files_and_names_the_bad_one() {
    let output = command(&["constructs.py", "missing.py", "generate.py"]);
    assert_eq!(output.status.code(), Some(2));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the output is JSON");
    assert_eq!(document["schema"], serde_json::json!({"name": "meminterface.cfg", "version": 1}));
    let names: Vec<&str> = document["functions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|function| function["name"].as_str())
        .collect();
    for name in ["constructs", "constructs.C.method", "constructs.f_async.Manager.__aexit__", "generate.Generator.body"]
    {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("missing.py") && message.contains("cannot-read"), "{message}");
}

#[test]
fn the_command_draws_for_graphviz_and_mermaid() {
    let dot = String::from_utf8(command(&["constructs.py", "--format", "dot"]).stdout).expect("UTF-8");
    assert!(dot.starts_with("digraph \"constructs.py\" {"), "{dot}");
    assert_eq!(dot.matches("\n  subgraph ").count(), dot.matches("\n  }").count());
    assert!(dot.contains("style=dashed") && dot.contains("exit t.manager() (exception)"));
    let mermaid = String::from_utf8(command(&["constructs.py", "--format", "mermaid"]).stdout).expect("UTF-8");
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("-.->|exception|"));
}
