//! Any text is a syntax tree or a diagnostic with a place: the parser and the bound on nesting before it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use meminterface::diagnostic::{RenderOptions, render};
use meminterface::project::Source;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Err(diagnostic) = Source::parse(Path::new("handler.py"), text) {
        assert!(diagnostic.file.is_some() && diagnostic.span.is_some(), "no place: {diagnostic}");
        render(&diagnostic, RenderOptions { colour: false });
    }
});
