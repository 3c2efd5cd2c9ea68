//! Any text that is Python has interfaces, or diagnostics with the file: discovery, calls, extraction, all writers,
//! evaluation with nothing known, and paths. Two runs give the same bytes.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meminterface::interface::{ExtractOptions, Symbols, extract};
use meminterface::project::discover::{Handler, discover_text};
use meminterface::project::source::with_stack;

/// Everything that is written of a source, in one text.
fn run(text: &str) -> String {
    let (handlers, mut diagnostics) = discover_text(Path::new("handler.py"), text, None);
    let handlers: Vec<&Handler> = handlers.iter().filter(|handler| handler.inline.is_some()).take(4).collect();
    let (interfaces, more) = extract(&handlers, &ExtractOptions::default());
    diagnostics.extend(more);
    let mut out = String::new();
    for diagnostic in &diagnostics {
        assert!(diagnostic.file.is_some(), "no file: {diagnostic}");
        out.push_str(&diagnostic.to_string());
    }
    for interface in interfaces {
        out.push_str(&interface.to_python(Symbols::Meminterface));
        out.push_str(&interface.to_python(Symbols::Sympy));
        out.push_str(&interface.to_json().to_string());
        match interface.evaluate(&BTreeMap::new()) {
            Ok(formula) => out.push_str(&formula.to_string()),
            Err(error) => out.push_str(&error.to_string()),
        }
        match interface.paths(&BTreeMap::new(), 16) {
            Ok((paths, _)) => paths.iter().for_each(|path| out.push_str(&path.formula.to_string())),
            Err(error) => out.push_str(&error.to_string()),
        }
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (first, second) = with_stack(|| (run(&text), run(&text)));
    assert_eq!(first, second, "two runs differ");
});
