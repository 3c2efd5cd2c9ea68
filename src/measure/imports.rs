//! What each imported module costs: its own, with what it brings, and what would go if it went.
//!
//! *Own* is what executing the module's code cost, without the modules that it imports first. *Cumulative* is with
//! them, as imported in this order: the first to ask for a module pays. *Marginal* is order-free: the own cost of the
//! module and of all that nothing else needs, which are the modules that it dominates in the graph of who imports whom.
//! Depends on `diagnostic` and `report`.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::dominators::simple_fast;
use petgraph::graphmap::DiGraphMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::PythonName;
use crate::diagnostic::Schema;

/// What the harness wrote.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    start_anonymous_kib: i64,
    start_resident_kib: i64,
    present: Vec<String>,
    modules: Vec<RecordedModule>,
    edges: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedModule {
    name: String,
    parent: i64,
    ns: i64,
    anonymous_kib: i64,
    resident_kib: i64,
    failed: bool,
    file: Option<String>,
}

impl Recorded {
    /// Reads what the harness wrote; none if it is not whole.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// One module.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Module {
    /// Its dotted name.
    pub name: String,
    /// Where its code is, if it is in a file.
    pub file: Option<String>,
    /// The module whose import brought it, by its place in this list; null if the handler's own was the first.
    pub parent: Option<usize>,
    /// How deep it is in the tree.
    pub depth: usize,
    /// Whether importing it raised (and something caught that).
    pub failed: bool,
    /// Time of its own code, in milliseconds.
    pub own_ms: f64,
    /// With the modules that it brought.
    pub cumulative_ms: f64,
    /// What would go if it went.
    pub marginal_ms: f64,
    /// Anonymous memory of its own. May be negative: what a module frees was another's.
    pub own_anonymous_bytes: i64,
    /// With the modules that it brought.
    pub cumulative_anonymous_bytes: i64,
    /// What would go if it went.
    pub marginal_anonymous_bytes: i64,
    /// Resident memory of its own, its shared libraries' pages included.
    pub own_resident_bytes: i64,
    /// With the modules that it brought.
    pub cumulative_resident_bytes: i64,
    /// What would go if it went.
    pub marginal_resident_bytes: i64,
}

/// What `meminterface measure --imports --format json` writes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Imports {
    /// Name and version of this form.
    pub schema: Schema,
    /// The module that was imported.
    pub module: String,
    /// The interpreter.
    pub python: PythonName,
    /// `cold` or `warm`: with a warm page cache, times are shorter than in a new instance.
    pub page_cache: String,
    /// Anonymous memory of the interpreter before the first import, in bytes.
    pub start_anonymous_bytes: i64,
    /// Resident memory of the interpreter before the first import, in bytes.
    pub start_resident_bytes: i64,
    /// Each module that was executed, in the order in which its import began.
    pub modules: Vec<Module>,
}

/// Makes the tree of what was recorded.
pub fn tree(recorded: Recorded, module: &str, python: PythonName, page_cache: &str) -> Imports {
    let count = recorded.modules.len();
    let parent_of = |one: &RecordedModule, at: usize| usize::try_from(one.parent).ok().filter(|parent| *parent < at);
    let parents: Vec<Option<usize>> = recorded.modules.iter().enumerate().map(|(at, one)| parent_of(one, at)).collect();
    // [ns, anonymous, resident], cumulative, then own.
    let cumulative: Vec<[i64; 3]> = recorded
        .modules
        .iter()
        .map(|one| [one.ns, one.anonymous_kib.saturating_mul(1024), one.resident_kib.saturating_mul(1024)])
        .collect();
    let mut own = cumulative.clone();
    let mut depth = vec![0; count];
    for (at, parent) in parents.iter().enumerate() {
        let Some(parent) = *parent else { continue };
        if let (Some(child), Some(mine)) = (cumulative.get(at).copied(), own.get_mut(parent)) {
            for (mine, child) in mine.iter_mut().zip(child) {
                *mine = mine.saturating_sub(child);
            }
        }
        let above = depth.get(parent).copied().unwrap_or(0);
        if let Some(depth) = depth.get_mut(at) {
            *depth = above + 1;
        }
    }
    let marginal = marginal(&recorded, &parents, &own);
    let ms = |ns: i64| (ns as f64 / 1e3).round() / 1e3;
    let zero = [0; 3];
    let modules = recorded
        .modules
        .iter()
        .enumerate()
        .map(|(at, one)| {
            let own = own.get(at).copied().unwrap_or(zero);
            let cumulative = cumulative.get(at).copied().unwrap_or(zero);
            let marginal = marginal.get(at).copied().unwrap_or(zero);
            Module {
                name: one.name.clone(),
                file: one.file.clone(),
                parent: parents.get(at).copied().flatten(),
                depth: depth.get(at).copied().unwrap_or(0),
                failed: one.failed,
                own_ms: ms(own[0]),
                cumulative_ms: ms(cumulative[0]),
                marginal_ms: ms(marginal[0]),
                own_anonymous_bytes: own[1],
                cumulative_anonymous_bytes: cumulative[1],
                marginal_anonymous_bytes: marginal[1],
                own_resident_bytes: own[2],
                cumulative_resident_bytes: cumulative[2],
                marginal_resident_bytes: marginal[2],
            }
        })
        .collect();
    Imports {
        schema: Schema::IMPORTS,
        module: module.to_owned(),
        python,
        page_cache: page_cache.to_owned(),
        start_anonymous_bytes: recorded.start_anonymous_kib.saturating_mul(1024),
        start_resident_bytes: recorded.start_resident_kib.saturating_mul(1024),
        modules,
    }
}

/// For each module the sum of the own costs of what it dominates. Modules are numbered from 1; 0 is the handler's need.
fn marginal(recorded: &Recorded, parents: &[Option<usize>], own: &[[i64; 3]]) -> Vec<[i64; 3]> {
    let mut number: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, one) in recorded.modules.iter().enumerate() {
        // A module that failed first and was imported again is the later one.
        number.insert(one.name.as_str(), at + 1);
    }
    let present: BTreeSet<&str> = recorded.present.iter().map(String::as_str).collect();
    let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
    graph.add_node(0);
    for (at, parent) in parents.iter().enumerate() {
        graph.add_edge(parent.map_or(0, |parent| parent + 1), at + 1, ());
    }
    for (importer, wanted) in &recorded.edges {
        let from = match number.get(importer.as_str()) {
            Some(from) => *from,
            // Something that was there before us, or a script: it goes with nothing.
            None => 0,
        };
        if from == 0 && !present.contains(importer.as_str()) && !importer.is_empty() {
            continue;
        }
        for name in wanted {
            // `import a.b` needs `a` as well.
            let mut name = name.as_str();
            loop {
                if let Some(to) = number.get(name)
                    && *to != from
                {
                    graph.add_edge(from, *to, ());
                }
                match name.rsplit_once('.') {
                    Some((package, _)) => name = package,
                    None => break,
                }
            }
        }
    }
    let dominators = simple_fast(&graph, 0);
    let mut sums = own.to_vec();
    for (at, own) in own.iter().enumerate() {
        let mut above = dominators.immediate_dominator(at + 1);
        while let Some(node) = above.filter(|node| *node > 0) {
            if let Some(sum) = sums.get_mut(node - 1) {
                for (sum, own) in sum.iter_mut().zip(own) {
                    *sum = sum.saturating_add(*own);
                }
            }
            above = dominators.immediate_dominator(node);
        }
    }
    sums
}

/// A page of its own that shows the tree as an icicle: width by memory or by time, a click goes into a module.
pub fn html(imports: &Imports) -> String {
    let data = serde_json::to_string(imports).unwrap_or_default();
    // Within a script element, only `<` could end it.
    let data = data.replace('<', "\\u003c");
    include_str!("imports.html").replace("/*DATA*/null", &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `app` imports `a` and `b`; both need `shared`, which `a` brings first; `only_a` is needed by `a` alone.
    fn recorded() -> Recorded {
        let module = |name: &str, parent: i64, kib: i64| RecordedModule {
            name: name.to_owned(),
            parent,
            ns: kib * 1000,
            anonymous_kib: kib,
            resident_kib: kib,
            failed: false,
            file: None,
        };
        Recorded {
            start_anonymous_kib: 1,
            start_resident_kib: 2,
            present: vec!["sys".to_owned()],
            modules: vec![
                module("app", -1, 100),
                module("a", 0, 60),
                module("shared", 1, 30),
                module("only_a", 1, 20),
                module("b", 0, 5),
            ],
            edges: [("app", vec!["a", "b"]), ("a", vec!["shared", "only_a"]), ("b", vec!["shared"])]
                .into_iter()
                .map(|(from, to)| (from.to_owned(), to.into_iter().map(str::to_owned).collect()))
                .collect(),
        }
    }

    #[test]
    fn own_cumulative_and_marginal() {
        let python = PythonName { version: String::new(), executable: String::new() };
        let imports = tree(recorded(), "app", python, "cold");
        let kib = |name: &str| {
            let found = imports.modules.iter().find(|module| module.name == name);
            found.map(|m| {
                [m.own_anonymous_bytes, m.cumulative_anonymous_bytes, m.marginal_anonymous_bytes]
                    .map(|bytes| bytes / 1024)
            })
        };
        assert_eq!(kib("app"), Some([35, 100, 100]));
        // Without `a`, `only_a` goes too; `shared` stays, for `b` needs it.
        assert_eq!(kib("a"), Some([10, 60, 30]));
        assert_eq!(kib("shared"), Some([30, 30, 30]));
        assert_eq!(kib("b"), Some([5, 5, 5]));
        let total: i64 = imports.modules.iter().map(|module| module.own_anonymous_bytes).sum();
        assert_eq!(total, 100 * 1024, "own costs add up to the whole");
    }

    #[test]
    fn odd_records_do_no_harm() {
        let mut odd = recorded();
        for (at, module) in odd.modules.iter_mut().enumerate() {
            module.parent = [7, -9, 2, 4, i64::MAX][at % 5];
            module.anonymous_kib = i64::MIN;
        }
        odd.edges.insert("nobody".to_owned(), vec!["a.b.c".to_owned(), String::new()]);
        odd.edges.insert(String::new(), vec!["a".to_owned()]);
        let python = PythonName { version: String::new(), executable: String::new() };
        assert_eq!(tree(odd, "app", python, "warm").modules.len(), 5);
        assert!(Recorded::parse("{").is_none());
    }

    #[test]
    fn the_page_cannot_be_broken_out_of() {
        let mut evil = recorded();
        evil.modules[0].name = "</script><script>alert(1)".to_owned();
        let python = PythonName { version: String::new(), executable: String::new() };
        let page = html(&tree(evil, "app", python, "cold"));
        assert!(!page.contains("</script><script>alert") && page.contains("\\u003c/script>"));
    }
}
