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
    "A file that cannot be read or decoded, a template that is no YAML, a contract or event that is not valid."
);
create_exception!(meminterface, ParseError, MeminterfaceError, "The source is not Python 3.8 to 3.14.");
create_exception!(
    meminterface,
    HandlerNotFound,
    MeminterfaceError,
    "The handler is not there, is made at run time, or is one of several."
);
create_exception!(
    meminterface,
    FormulaError,
    MeminterfaceError,
    "A formula that cannot be read or evaluated, or an algebra system that is not in this build."
);
create_exception!(
    meminterface,
    EvaluationError,
    MeminterfaceError,
    "An interface that has no formula for the values given: the handler raises, or a loop needs a value."
);
create_exception!(
    meminterface,
    MeasurementError,
    MeminterfaceError,
    "A handler that could not be run or watched as asked: no interpreter, no limit, not Linux."
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
    module.add("EvaluationError", python.get_type::<EvaluationError>())?;
    module.add("MeasurementError", python.get_type::<MeasurementError>())?;
    module.add("InternalError", python.get_type::<InternalError>())
}

/// The exception that tells a diagnostic. Its text is one line: file, line, column, reason, id.
pub fn exception(python: Python<'_>, diagnostic: &Diagnostic) -> PyErr {
    let text = diagnostic.to_string();
    let error = match diagnostic.kind {
        Kind::SyntaxError | Kind::Python2 | Kind::TooDeep => ParseError::new_err(text),
        Kind::NoHandler | Kind::UnknownHandler | Kind::NotAnalysable => HandlerNotFound::new_err(text),
        Kind::InvalidFormula | Kind::AlgebraUnavailable => FormulaError::new_err(text),
        Kind::OpenLoop | Kind::HandlerRaises | Kind::TooMuchToEvaluate => EvaluationError::new_err(text),
        Kind::NeedsLinux
        | Kind::NoInterpreter
        | Kind::CannotInstall
        | Kind::NoLimit
        | Kind::CannotMeasure
        | Kind::CannotDebloat
        | Kind::CannotRestore
        | Kind::MissingLayer
        | Kind::RetainedGrowth
        | Kind::UnsetVariable
        | Kind::NotTraced
        | Kind::Interrupted => MeasurementError::new_err(text),
        Kind::Internal => InternalError::new_err(text),
        Kind::CannotRead
        | Kind::FileTooLarge
        | Kind::Undecodable
        | Kind::InvalidTemplate
        | Kind::UnresolvedTemplate
        | Kind::TooManyPaths
        | Kind::IncompleteCallGraph
        | Kind::InvalidContract
        | Kind::InvalidEvent
        | Kind::CannotApply
        | Kind::CannotWrite
        | Kind::InvalidBudget
        | Kind::InvalidTrace
        | Kind::InvalidLog
        | Kind::OverBudget
        | Kind::UndecidedBudget
        | Kind::InvalidState
        | Kind::NoRevision
        | Kind::InvalidMetadata
        | Kind::InvalidListing
        | Kind::InvalidWorkload
        | Kind::Usage => InputError::new_err(text),
    };
    let file = diagnostic.file.as_ref().map(|file| file.to_string_lossy().into_owned());
    let value = error.value(python);
    let set = || -> PyResult<()> {
        value.setattr("id", diagnostic.kind.id())?;
        value.setattr("file", file)?;
        value.setattr("line", diagnostic.span.map(|span| span.line))?;
        value.setattr("column", diagnostic.span.map(|span| span.column))?;
        value.setattr("help", diagnostic.help.as_deref())
    };
    match set() {
        Ok(()) => error,
        Err(other) => other,
    }
}

/// A formula error without a place in a file.
pub fn formula_error(python: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(python, &Diagnostic::new(Kind::InvalidFormula, message))
}

/// Runs `work` without the GIL. A panic becomes `InternalError`.
pub fn detached<T: Send>(python: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    python.detach(|| guarded(work))
}

/// Runs `work`. A panic becomes `InternalError`, where pyo3 alone would raise what `except Exception` lets through.
pub fn guarded<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let cause = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic without a message".to_owned());
        let diagnostic = Diagnostic::new(Kind::Internal, format!("internal error: {cause}")).help(concat!(
            "this is a bug of meminterface ",
            env!("CARGO_PKG_VERSION"),
            ", not of your input; please report it with the file that caused it"
        ));
        Python::attach(|python| exception(python, &diagnostic))
    })
}
