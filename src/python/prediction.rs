//! Predictions for Python, as JSON and columns of numbers: `meminterface._prediction` makes objects of them.

use std::path::{Path, PathBuf};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyList, PyTuple};
use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Kind};
use crate::expression::{Text, Value};
use crate::formula::parse_bytes;
use crate::prediction::{self, Document, Prediction, Predictor, Sampling, Settings, Values, document};
use crate::workload::{Drawn, Entry, Source, Table, Workload};

use super::error::{detached, exception};
use super::interface::PyInterface;
use super::value::from_python;

/// Plain data of the caller's.
fn plain(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Value> {
    from_python(object)?.ok_or_else(|| {
        let kind = object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("{what} is of type {kind}: not plain data"))
    })
}

fn json(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Json> {
    plain(object, what)?.to_json().ok_or_else(|| {
        PyValueError::new_err(format!("{what} holds what JSON cannot: bytes, sets, NaN, keys that are no text"))
    })
}

fn values(mcvs: Option<&Bound<'_, PyDict>>) -> PyResult<Values> {
    let mut values = Values::new();
    for (name, object) in mcvs.into_iter().flat_map(|mcvs| mcvs.iter()) {
        let name: String = name.extract()?;
        let value = plain(&object, &format!("the value of {name}"))?;
        values.insert(Text::from(name), value);
    }
    Ok(values)
}

/// Works with a handler without the GIL; what it finds is an exception if it is a diagnostic.
fn with<T: Send>(
    python: Python<'_>,
    interface: &PyInterface,
    settings: &Settings,
    work: impl FnOnce(&Predictor<'_>) -> Result<T, Diagnostic> + Send,
) -> PyResult<T> {
    let found = detached(python, || prediction::with(&interface.handler, settings, work))?;
    match found {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(diagnostic)) => Err(exception(python, &diagnostic)),
        Err(diagnostics) => {
            let none = Diagnostic::new(Kind::NoHandler, "the handler cannot be read");
            Err(exception(python, diagnostics.first().unwrap_or(&none)))
        }
    }
}

/// The error for names that mean nothing.
fn known(predictor: &Predictor<'_>, values: &Values, found: &Prediction) -> Result<(), Diagnostic> {
    let names = predictor.names_beside(values.keys().map(|name| &**name), &[&found.outcome], None);
    match values.keys().find(|name| !names.contains(*name)) {
        None => Ok(()),
        Some(name) => Err(prediction::stranger_value(name, names.iter().map(|name| &**name))),
    }
}

fn written(document: &Document) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

/// One event, or none, as the JSON of ``meminterface.prediction``.
#[pyfunction]
#[pyo3(signature = (interface, event, mcvs, explain, limit))]
pub fn _predict(
    python: Python<'_>,
    interface: &PyInterface,
    event: Option<&Bound<'_, PyAny>>,
    mcvs: Option<&Bound<'_, PyDict>>,
    explain: bool,
    limit: Option<&str>,
) -> PyResult<String> {
    let (values, event) = (values(mcvs)?, event.map(|event| plain(event, "the event")).transpose()?);
    let limit = match limit {
        None => None,
        Some(text) => Some(parse_bytes(text).map_err(|error| PyValueError::new_err(error.to_string()))?),
    };
    let settings = Settings { explain, ..Settings::default() };
    with(python, interface, &settings, |predictor| {
        let mut found = predictor.predict(event.as_ref(), None, &values);
        known(predictor, &values, &found)?;
        if let Some(limit) = &limit {
            let event = match &event {
                None => None,
                Some(event) => Some(event.to_json().ok_or_else(|| {
                    Diagnostic::new(Kind::InvalidEvent, "the event holds what JSON cannot: bytes, sets, NaN")
                })?),
            };
            found.exceeds = Some(predictor.exceeds(event.as_ref(), &values, limit));
        }
        Ok(written(&document(&found)))
    })
}

/// Many events at once: a list of them, or columns of inputs and variables, of ``count`` rows each. Gives columns of 64-bit
/// floats (least and expected bytes of demand, peak, resident peak, retained), and the JSON of what they have in common. Rows
/// that nothing bounds are infinite.
#[pyfunction]
#[pyo3(signature = (interface, events, inputs, mcvs, count))]
pub fn _predict_rows<'py>(
    python: Python<'py>,
    interface: &PyInterface,
    events: &Bound<'py, PyList>,
    inputs: &Bound<'py, PyDict>,
    mcvs: &Bound<'py, PyDict>,
    count: usize,
) -> PyResult<(Vec<Bound<'py, PyTuple>>, String)> {
    let events: Vec<Json> = events.iter().map(|event| json(&event, "an event")).collect::<PyResult<_>>()?;
    let mut workload = Workload::default();
    let mut fixed = Values::new();
    for (table, columns) in [(Table::Inputs, inputs), (Table::Mcvs, mcvs)] {
        for (name, column) in columns.iter() {
            let name: String = name.extract()?;
            let what = format!("the value of {name}");
            let source = match column.cast::<PyTuple>() {
                // A tuple is one value for all rows; a list has one for each.
                Ok(one) => {
                    let value = one.get_item(0)?;
                    if table == Table::Mcvs {
                        fixed.insert(Text::from(name), plain(&value, &what)?);
                        continue;
                    }
                    Source::Fixed(Drawn::Value(json(&value, &what)?))
                }
                Err(_) => {
                    let rows =
                        column.cast::<PyList>().map_err(|_| PyTypeError::new_err(format!("{what} is no list")))?;
                    let rows =
                        rows.iter().map(|item| json(&item, &what).map(Drawn::Value)).collect::<PyResult<Vec<_>>>()?;
                    if rows.len() != count {
                        return Err(PyValueError::new_err(format!("{name} has {} rows, not {count}", rows.len())));
                    }
                    Source::Rows(rows)
                }
            };
            workload.entries.push(Entry { table, name, line: 0, column: 0, source, sizes: None });
        }
    }
    let sampling = Sampling {
        samples: Some(count),
        seed: Some(0),
        most_runs: usize::MAX,
        most_steps: u64::MAX,
        draws_ratios: false,
    };
    let (columns, text) = with(python, interface, &Settings::default(), |predictor| {
        let found = predictor.predict_workload(&events, &fixed, &workload, &sampling);
        known(predictor, &fixed, &found)?;
        if let Some(entry) =
            predictor.strangers(&workload, &[&found.outcome]).into_iter().find(|e| e.table == Table::Mcvs)
        {
            return Err(predictor.stranger(Path::new("mcvs"), entry, &[&found.outcome]));
        }
        let text = written(&document(&found));
        let columns: Vec<[Vec<f64>; 2]> = match found.sampled {
            Some(sampled) => sampled.spreads.into_iter().map(|spread| [spread.low, spread.bytes]).collect(),
            None => Vec::new(),
        };
        Ok((columns, text))
    })?;
    let bytes = |column: &Vec<f64>| {
        let mut bytes = Vec::with_capacity(count * 8);
        for row in 0..count {
            bytes.extend_from_slice(&column.get(row).copied().unwrap_or(f64::NAN).to_ne_bytes());
        }
        PyByteArray::new(python, &bytes)
    };
    let columns = columns
        .iter()
        .map(|[low, expected]| PyTuple::new(python, [bytes(low), bytes(expected)]))
        .collect::<PyResult<Vec<_>>>()?;
    Ok((columns, text))
}

/// A workload, as the JSON of ``meminterface.prediction``. ``text`` is that of the file.
#[pyfunction]
#[pyo3(signature = (interface, file, text, events, mcvs, samples, seed))]
#[allow(clippy::too_many_arguments)]
pub fn _predict_workload(
    python: Python<'_>,
    interface: &PyInterface,
    file: PathBuf,
    text: &str,
    events: &Bound<'_, PyList>,
    mcvs: Option<&Bound<'_, PyDict>>,
    samples: Option<usize>,
    seed: Option<u64>,
) -> PyResult<String> {
    let values = values(mcvs)?;
    let events: Vec<Json> = events.iter().map(|event| json(&event, "an event")).collect::<PyResult<_>>()?;
    let workload = Workload::parse(&file, text).map_err(|problem| exception(python, &problem))?;
    let sampling = Sampling { samples, seed, ..Sampling::default() };
    with(python, interface, &Settings::default(), |predictor| {
        let found = predictor.predict_workload(&events, &values, &workload, &sampling);
        known(predictor, &values, &found)?;
        if let Some(entry) = predictor.strangers(&workload, &[&found.outcome]).first() {
            return Err(predictor.stranger(&file, entry, &[&found.outcome]));
        }
        Ok(written(&document(&found)))
    })
}
