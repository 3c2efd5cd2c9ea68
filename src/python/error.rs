//! Diagnostics and panics as Python exceptions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::diagnostic::{Diagnostic, Kind};

create_exception!(
    meminterface,
    MeminterfaceError,
    PyException,
    "What the package raises about an input. Base of the classes below."
);
create_exception!(
    meminterface,
    InputError,
    MeminterfaceError,
    "A file that cannot be read or decoded, a template that is no YAML."
);
create_exception!(meminterface, ParseError, MeminterfaceError, "The source is not Python 3.8 to 3.14.");
create_exception!(
    meminterface,
    HandlerNotFound,
    MeminterfaceError,
    "The handler is not there, or is made at run time."
);
create_exception!(
    meminterface,
    FormulaError,
    MeminterfaceError,
    "A formula that cannot be read or evaluated, or an algebra system that is not in this build."
);
create_exception!(meminterface, InternalError, MeminterfaceError, "A bug of the package.");

/// Adds the exception classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let python = module.py();
    let base = python.get_type::<MeminterfaceError>();
    // So that every instance has them, also one that a caller makes.
    for attribute in ["id", "file", "line", "column", "help"] {
        base.setattr(attribute, python.None())?;
    }
    module.add("MeminterfaceError", base)?;
    module.add("InputError", python.get_type::<InputError>())?;
    module.add("ParseError", python.get_type::<ParseError>())?;
    module.add("HandlerNotFound", python.get_type::<HandlerNotFound>())?;
    module.add("FormulaError", python.get_type::<FormulaError>())?;
    module.add("InternalError", python.get_type::<InternalError>())
}

/// The exception that tells a diagnostic. Its text is one line: file, line, column, reason, id.
#[expect(dead_code, reason = "the first functions that raise come with the formula bindings")]
pub fn exception(python: Python<'_>, diagnostic: &Diagnostic) -> PyErr {
    let text = diagnostic.to_string();
    let error = match diagnostic.kind {
        Kind::SyntaxError | Kind::Python2 | Kind::TooDeep => ParseError::new_err(text),
        Kind::NoHandler | Kind::UnknownHandler | Kind::NotAnalysable => HandlerNotFound::new_err(text),
        Kind::InvalidFormula | Kind::AlgebraUnavailable => FormulaError::new_err(text),
        Kind::CannotRead
        | Kind::FileTooLarge
        | Kind::Undecodable
        | Kind::InvalidTemplate
        | Kind::UnresolvedTemplate
        | Kind::TooManyPaths
        | Kind::CannotWrite
        | Kind::Usage => InputError::new_err(text),
        Kind::Internal => InternalError::new_err(text),
    };
    let value = error.value(python);
    let attributes = [
        ("id", diagnostic.kind.id().into_pyobject(python).map(Bound::into_any).ok()),
        (
            "file",
            diagnostic
                .file
                .as_ref()
                .and_then(|file| file.to_string_lossy().into_owned().into_pyobject(python).map(Bound::into_any).ok()),
        ),
        ("line", diagnostic.span.and_then(|span| span.line.into_pyobject(python).map(Bound::into_any).ok())),
        ("column", diagnostic.span.and_then(|span| span.column.into_pyobject(python).map(Bound::into_any).ok())),
        ("help", diagnostic.help.as_ref().and_then(|help| help.into_pyobject(python).map(Bound::into_any).ok())),
    ];
    for (name, attribute) in attributes {
        if let Some(attribute) = attribute
            && let Err(error) = value.setattr(name, attribute)
        {
            return error;
        }
    }
    error
}

/// Runs `work` without the GIL. A panic becomes `InternalError`.
pub fn detached<T: Send>(python: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    python.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|panic| {
        let cause = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a message".to_owned());
        let error = InternalError::new_err(format!(
            "internal error: {cause} (a bug of meminterface {}; please report it)",
            env!("CARGO_PKG_VERSION")
        ));
        // The id that the command gives as well.
        match error.value(python).setattr("id", Kind::Internal.id()) {
            Ok(()) => error,
            Err(other) => other,
        }
    })
}
