//! Handlers of a source that is given as text, not as a file.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Kind};
use crate::project::Source;
use crate::project::source::with_stack;

use super::definitions::Definitions;
use super::{Discovery, Handler, signature};

/// Finds the handlers of a text as if it were the file `path`: by decorator and signature, or the one that `wanted`
/// names. Templates do not count. Imports are resolved from the folder of `path`, which need not exist.
pub fn discover_text(path: &Path, text: &str, wanted: Option<&str>) -> (Vec<Handler>, Vec<Diagnostic>) {
    with_stack(|| {
        let facts = match Source::parse(path, text) {
            Ok(source) => Arc::new(Definitions::of(&source)),
            Err(diagnostic) => return (Vec::new(), vec![diagnostic]),
        };
        let mut discovery = Discovery::default();
        discovery.files.insert(Arc::clone(&facts));
        discovery.universe.insert(path.to_path_buf(), true);
        let mut found = signature::find(&facts, true);
        discovery.diagnostics.append(&mut found.not_analysable);
        discovery.found(&facts, found);
        match wanted {
            Some(wanted) => discovery.select(wanted),
            None if discovery.handlers.is_empty() && discovery.errors() == 0 => discovery.diagnostics.push(
                Diagnostic::new(Kind::NoHandler, "no handler was found that can be analysed")
                    .in_file(path)
                    .help("name the handler; what is recognised is described in docs/HANDLERS.md"),
            ),
            None => {}
        }
        let (mut handlers, diagnostics) = discovery.finish();
        for handler in handlers.iter_mut().filter(|handler| handler.file == path) {
            handler.inline = Some(text.to_owned());
        }
        (handlers, diagnostics)
    })
}
