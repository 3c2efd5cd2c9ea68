//! A marketplace listing, as data: what `meminterface.listing` makes objects of.

use std::ffi::OsString;

use pyo3::prelude::*;

use super::error;

/// Makes a listing of a template with the options of ``meminterface listing``, and writes nothing. Gives
/// ``listing.json``, the metadata block, the memory section, and warnings a line each.
#[pyfunction]
pub fn _listing(python: Python<'_>, words: Vec<OsString>) -> PyResult<(String, String, String, Vec<String>)> {
    match error::detached(python, || crate::cli::listing::whole(words))? {
        Ok(whole) => {
            let warnings = whole.warnings.iter().map(ToString::to_string).collect();
            Ok((whole.json, whole.metadata, whole.markdown, warnings))
        }
        Err(diagnostic) => Err(error::exception(python, &diagnostic)),
    }
}
