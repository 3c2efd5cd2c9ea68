//! The Python bindings and nothing else: the extension module `meminterface._meminterface`.
//!
//! Each class and function here is a thin cover over the library. Long work runs without the GIL; a panic becomes
//! `InternalError`. `python/meminterface/_meminterface.pyi` describes what is here, and a test holds it to it.

mod error;
mod formula;
mod interface;
mod listing;
mod prediction;
mod value;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command with these words (the first is the program's own name), and gives its exit code.
///
/// Writes to the process's standard output and standard error, not to ``sys.stdout``.
#[pyfunction]
fn run_command(python: Python<'_>, words: Vec<OsString>) -> PyResult<u8> {
    error::detached(python, || crate::cli::run(words) as u8)
}

/// The extension module. Its names are public through ``meminterface``.
#[pymodule]
fn _meminterface(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    error::register(module)?;
    module.add_class::<formula::PyFormula>()?;
    module.add_class::<interface::PyInterface>()?;
    module.add_class::<interface::PyMcv>()?;
    module.add_class::<interface::PyPath>()?;
    module.add_function(wrap_pyfunction!(formula::term, module)?)?;
    module.add_function(wrap_pyfunction!(formula::symbol, module)?)?;
    module.add_function(wrap_pyfunction!(interface::extract, module)?)?;
    module.add_function(wrap_pyfunction!(interface::extract_all, module)?)?;
    module.add_function(wrap_pyfunction!(listing::_listing, module)?)?;
    module.add_function(wrap_pyfunction!(prediction::_predict, module)?)?;
    module.add_function(wrap_pyfunction!(prediction::_predict_rows, module)?)?;
    module.add_function(wrap_pyfunction!(prediction::_predict_workload, module)?)?;
    module.add_function(wrap_pyfunction!(run_command, module)?)?;
    Ok(())
}
