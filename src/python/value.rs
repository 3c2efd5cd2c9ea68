//! Python objects as values of the expression language: JSON and what else handlers compute with.

use std::sync::Arc;

use num_bigint::BigInt;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyList, PyRange, PySet, PyString, PyTuple};

use crate::expression::{Text, Value};

/// Deepest nesting of an event. JSON decoders stop at about as much.
const MAX_DEPTH: usize = 500;

/// The value of a Python object, or `None` for an object that is not data (a context, a request, a class).
///
/// # Errors
/// `TypeError` for such an object inside of data, with its place; `ValueError` for nesting without end.
pub fn from_python(object: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    convert(object, &mut Vec::new())
}

fn inner(object: &Bound<'_, PyAny>, path: &mut Vec<String>, step: String) -> PyResult<Value> {
    path.push(step);
    if path.len() > MAX_DEPTH {
        return Err(PyValueError::new_err(format!("the value is nested more than {MAX_DEPTH} levels deep")));
    }
    let value = convert(object, path)?.ok_or_else(|| {
        let kind = object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("a value of type {kind} at {} is not plain data", path.concat()))
    })?;
    path.pop();
    Ok(value)
}

fn elements<'py>(
    objects: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    path: &mut Vec<String>,
) -> PyResult<Arc<Vec<Value>>> {
    let mut values = Vec::new();
    for (at, object) in objects.enumerate() {
        values.push(inner(&object?, path, format!("[{at}]"))?);
    }
    Ok(Arc::new(values))
}

fn convert(object: &Bound<'_, PyAny>, path: &mut Vec<String>) -> PyResult<Option<Value>> {
    if object.is_none() {
        return Ok(Some(Value::None));
    }
    // Before the integers: `True` is one.
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Some(Value::Bool(value.is_true())));
    }
    if let Ok(value) = object.cast::<PyString>() {
        let text = value
            .extract::<String>()
            .map_err(|_| PyValueError::new_err(format!("the text at {} holds a lone surrogate", place(path))))?;
        return Ok(Some(Value::Str(Text::from(text))));
    }
    if let Ok(value) = object.cast::<PyFloat>() {
        return Ok(Some(Value::Float(value.value())));
    }
    if let Ok(value) = object.cast::<PyBytes>() {
        return Ok(Some(Value::Bytes(Arc::from(value.as_bytes()))));
    }
    if let Ok(list) = object.cast::<PyList>() {
        return Ok(Some(Value::List(elements(list.iter().map(Ok), path)?)));
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return Ok(Some(Value::Tuple(elements(tuple.iter().map(Ok), path)?)));
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        let mut pairs = Vec::with_capacity(dict.len());
        for (key, value) in dict.iter() {
            let step = format!("[{}]", key.repr()?);
            pairs.push((inner(&key, path, step.clone())?, inner(&value, path, step)?));
        }
        return Ok(Some(Value::Dict(Arc::new(pairs))));
    }
    if let Ok(set) = object.cast::<PySet>() {
        return Ok(Some(Value::Set(elements(set.iter().map(Ok), path)?)));
    }
    if let Ok(set) = object.cast::<PyFrozenSet>() {
        return Ok(Some(Value::Set(elements(set.iter().map(Ok), path)?)));
    }
    if object.cast::<PyRange>().is_ok() {
        let part = |name: &str| object.getattr(name)?.extract::<BigInt>();
        return Ok(Some(Value::Range(part("start")?, part("stop")?, part("step")?)));
    }
    // Integers of Python, and what says that it is one (`__index__`: NumPy's).
    if let Ok(int) = object.extract::<BigInt>() {
        return Ok(Some(Value::Int(int)));
    }
    Ok(None)
}

fn place(path: &[String]) -> String {
    if path.is_empty() { "the top".to_owned() } else { path.concat() }
}
