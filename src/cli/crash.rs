//! What a user sees of a bug in this tool: one message that asks for a report, and exit code 3.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::{Diagnostic, Kind, RenderOptions, render};

use super::Exit;

/// Runs `work`. A panic in it, on whichever thread, becomes one message on standard error and [`Exit::Internal`].
///
/// The process's panic hook is replaced meanwhile and put back after, because a host Python may have its own.
pub fn guard(work: impl FnOnce() -> Exit) -> Exit {
    // The first panic is the cause; a panic of another thread, or one passed on by a join, only follows from it.
    let first: Arc<Mutex<Option<String>>> = Arc::default();
    let seen = Arc::clone(&first);
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| describe(info));
    }));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    set_hook(previous);
    outcome.unwrap_or_else(|_| {
        let cause = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let cause = cause.unwrap_or_else(|| "no reason given".to_owned());
        let diagnostic = Diagnostic::new(Kind::Internal, format!("internal error: {cause}")).help(concat!(
            "this is a bug of meminterface ",
            env!("CARGO_PKG_VERSION"),
            ", not of your input; please report it with the file that caused it"
        ));
        super::Output::default().note(&render(&diagnostic, RenderOptions::default()));
        Exit::Internal
    })
}

/// The panic's message and place, without any folder of the machine that the tool was built on.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned());
    match info.location() {
        Some(place) => format!("{message} ({}:{})", public_path(place.file()), place.line()),
        None => message,
    }
}

/// The part of a source path that means the same on every machine: from the crate's name on for a dependency
/// (`…/registry/src/<index>/petgraph-0.8.2/src/graph.rs`), as it is for a path within this crate.
fn public_path(file: &str) -> &str {
    for marker in ["/registry/src/", "\\registry\\src\\", "/rustc/"] {
        if let Some((_, rest)) = file.split_once(marker) {
            return rest.split_once(['/', '\\']).map_or(rest, |(_, rest)| rest);
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_becomes_an_exit_code() {
        assert_eq!(guard(|| panic!("seeded for the test")), Exit::Internal);
        assert_eq!(guard(|| crate::project::source::with_stack(|| panic!("on another thread"))), Exit::Internal);
        assert_eq!(guard(|| Exit::Done), Exit::Done);
    }

    #[test]
    fn places_do_not_name_the_build_machine() {
        assert_eq!(public_path("/home/x/.cargo/registry/src/index-1/petgraph-0.8/src/a.rs"), "petgraph-0.8/src/a.rs");
        assert_eq!(public_path("/rustc/abc123/library/core/src/option.rs"), "library/core/src/option.rs");
        assert_eq!(public_path("src/cfg/mod.rs"), "src/cfg/mod.rs");
    }
}
