//! `extract` and `Interface` in Python.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::diagnostic::{Diagnostic, Kind};
use crate::expression::{Text, Value};
use crate::interface::tree::ParameterKind;
use crate::interface::{self, ExtractOptions, Interface, Mcv, Path, Symbols};
use crate::project::discover::{Handler, discover, discover_text};
use crate::project::source::with_stack;

use super::error::{detached, exception};
use super::formula::PyFormula;
use super::value::from_python;

/// The memory interface of one handler. Called with the handler's arguments it gives a ``Formula``.
#[pyclass(name = "Interface", module = "meminterface", frozen)]
#[derive(Debug)]
pub struct PyInterface {
    pub(super) interface: Interface,
    pub(super) handler: Handler,
    diagnostics: Vec<Diagnostic>,
}

/// A memory-critical variable: what memory depends on and the handler's arguments do not give.
#[pyclass(name = "Mcv", module = "meminterface", frozen)]
#[derive(Debug)]
pub struct PyMcv(Mcv);

/// One way through the handler.
#[pyclass(name = "Path", module = "meminterface", frozen)]
#[derive(Debug)]
pub struct PyPath(Path);

#[pymethods]
impl PyMcv {
    /// Its name: a keyword of the interface.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// ``"input"``, ``"external size"``, ``"computed condition"``, ``"trip count"``, ``"exception"``,
    /// ``"environment"`` or ``"state"``.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind.words()
    }

    /// The type of its values, as Python writes it.
    #[getter]
    fn r#type(&self) -> &'static str {
        self.0.type_.python()
    }

    /// What it stands for, in words of the source.
    #[getter]
    fn meaning(&self) -> &str {
        &self.0.meaning
    }

    /// The file that it comes from.
    #[getter]
    fn file(&self) -> &str {
        &self.0.file
    }

    /// The line that it comes from.
    #[getter]
    fn line(&self) -> u32 {
        self.0.line
    }

    /// Its value unless given, as Python text: an environment variable's default.
    #[getter]
    fn default(&self) -> Option<String> {
        self.0.default.as_ref().map(ToString::to_string)
    }

    /// The values that it may take, where they are few and known.
    #[getter]
    fn values<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(python, &self.0.values)
    }

    fn __repr__(&self, python: Python<'_>) -> PyResult<String> {
        let quoted = |text: &str| PyString::new(python, text).repr().map(|text| text.to_string());
        Ok(format!(
            "Mcv(name={}, kind={}, type={}, line={}, meaning={})",
            quoted(&self.0.name)?,
            quoted(self.0.kind.words())?,
            quoted(self.0.type_.python())?,
            self.0.line,
            quoted(&self.0.meaning)?
        ))
    }
}

#[pymethods]
impl PyPath {
    /// The conditions that hold along it, in order, as Python text.
    #[getter]
    fn conditions<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(python, &self.0.conditions)
    }

    /// What it costs.
    #[getter]
    fn formula(&self) -> PyFormula {
        PyFormula(self.0.formula.clone())
    }

    fn __repr__(&self, python: Python<'_>) -> PyResult<String> {
        let conditions = self.conditions(python)?.repr()?.to_string();
        Ok(format!(
            "Path(conditions={conditions}, formula={})",
            PyString::new(python, &self.0.formula.to_string()).repr()?
        ))
    }
}

#[pymethods]
impl PyInterface {
    /// The handler's qualified name.
    #[getter]
    fn handler(&self) -> &str {
        &self.interface.handler
    }

    /// The handler's file, as the caller named it.
    #[getter]
    fn file(&self) -> &str {
        &self.interface.file
    }

    /// The line of its definition.
    #[getter]
    fn line(&self) -> u32 {
        self.interface.line
    }

    /// The names of the handler's own parameters.
    #[getter]
    fn parameters<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(python, self.interface.parameters.iter().map(|parameter| &*parameter.name))
    }

    /// What memory depends on and the arguments do not give, in the order of first use.
    #[getter]
    fn mcvs<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let mcvs: Vec<_> =
            self.interface.mcvs.iter().map(|mcv| Bound::new(python, PyMcv(mcv.clone()))).collect::<PyResult<_>>()?;
        PyTuple::new(python, mcvs)
    }

    /// The names of the values that are computed from the arguments and can be given instead.
    #[getter]
    fn derived<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(python, self.interface.derived.iter().map(|derived| &*derived.name))
    }

    /// Warnings of the extraction, a line each.
    #[getter]
    fn warnings<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(python, self.diagnostics.iter().map(ToString::to_string))
    }

    /// The interface as a Python file, with terms of this package.
    #[getter]
    fn source(&self, python: Python<'_>) -> PyResult<String> {
        detached(python, || with_stack(|| self.interface.to_python(Symbols::Meminterface)))
    }

    /// The interface as a Python file; ``symbols`` is ``"meminterface"`` or ``"sympy"``.
    #[pyo3(signature = (symbols = "meminterface"))]
    fn to_python(&self, python: Python<'_>, symbols: &str) -> PyResult<String> {
        let symbols = match symbols {
            "meminterface" => Symbols::Meminterface,
            "sympy" => Symbols::Sympy,
            other => {
                return Err(PyValueError::new_err(format!("symbols is 'meminterface' or 'sympy', not {other:?}")));
            }
        };
        detached(python, || with_stack(|| self.interface.to_python(symbols)))
    }

    /// The interface as JSON text, by the schema ``meminterface.interface``.
    fn to_json(&self, python: Python<'_>) -> PyResult<String> {
        detached(python, || with_stack(|| format!("{:#}", self.interface.to_json())))
    }

    /// The ways through the handler with their conditions and formulas, for what is known of the arguments and
    /// variables. At most ``limit`` are listed; ``ValueError`` if there are more.
    #[pyo3(signature = (*arguments, limit = 256, **values))]
    fn paths<'py>(
        &self,
        python: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
        limit: usize,
        values: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<PyPath>> {
        let known = self.known(arguments, values)?;
        let (paths, more) = detached(python, || with_stack(|| self.interface.paths(&known, limit)))?
            .map_err(|error| exception(python, &error.diagnostic()))?;
        if more {
            return Err(PyValueError::new_err(format!(
                "{} has more than {limit} paths; raise limit, or give values that decide conditions",
                self.interface.handler
            )));
        }
        Ok(paths.into_iter().map(PyPath).collect())
    }

    /// The memory that the handler demands for these arguments. Arguments come by position or name, memory-critical
    /// variables and derived values by name; what is not given stays a symbol of the formula.
    #[pyo3(signature = (*arguments, **values))]
    fn __call__<'py>(
        &self,
        python: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
        values: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<PyFormula> {
        let known = self.known(arguments, values)?;
        detached(python, || with_stack(|| self.interface.evaluate(&known)))?
            .map(PyFormula)
            .map_err(|error| exception(python, &error.diagnostic()))
    }

    /// What the handler needs for an event, without running it: a ``Prediction``.
    ///
    /// ``event`` is the event; without one, formulas over its parts come out. A list of events, a dict with arrays, or a
    /// table (Arrow, pandas) gives arrays: NumPy's where it is installed, and lists where it is not. ``mcvs`` are values of
    /// what the event does not give, by name; arrays of them too.
    #[pyo3(signature = (event = None, /, **mcvs))]
    fn predict<'py>(
        slf: &Bound<'py, Self>,
        event: Option<&Bound<'py, PyAny>>,
        mcvs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let helper = slf.py().import("meminterface._prediction")?.getattr("predict")?;
        helper.call1((slf, event, mcvs))
    }

    /// Quantiles for a workload (docs/WORKLOAD.md): a ``Prediction``. ``workload`` is a file, or a dict as the file has it.
    #[pyo3(signature = (workload, events = None, /, *, samples = None, seed = None, **mcvs))]
    fn sample<'py>(
        slf: &Bound<'py, Self>,
        workload: &Bound<'py, PyAny>,
        events: Option<&Bound<'py, PyAny>>,
        samples: Option<usize>,
        seed: Option<u64>,
        mcvs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let helper = slf.py().import("meminterface._prediction")?.getattr("sample")?;
        helper.call1((slf, workload, events, samples, seed, mcvs))
    }

    /// For which inputs the process needs more than ``limit`` (``"512MB"``, or bytes): an ``Exceeds``. With an event its
    /// other parts stay as they are.
    #[pyo3(signature = (limit, event = None, /, **mcvs))]
    fn exceeds<'py>(
        slf: &Bound<'py, Self>,
        limit: &Bound<'py, PyAny>,
        event: Option<&Bound<'py, PyAny>>,
        mcvs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let helper = slf.py().import("meminterface._prediction")?.getattr("exceeds")?;
        helper.call1((slf, limit, event, mcvs))
    }

    fn __repr__(&self) -> String {
        let names: Vec<&str> = self
            .interface
            .parameters
            .iter()
            .map(|parameter| &*parameter.name)
            .chain(self.interface.mcvs.iter().map(|mcv| &*mcv.name))
            .collect();
        format!("<Interface of {}({})>", self.interface.handler, names.join(", "))
    }
}

impl PyInterface {
    /// What the caller gives, by name.
    fn known(
        &self,
        arguments: &Bound<'_, PyTuple>,
        values: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<BTreeMap<Text, Value>> {
        let interface = &self.interface;
        let mut known = BTreeMap::new();
        let mut rest: Option<&Text> = None;
        let mut keywords: Option<&Text> = None;
        let mut positional: Vec<&Text> = Vec::new();
        for parameter in &interface.parameters {
            match parameter.kind {
                ParameterKind::Plain => positional.push(&parameter.name),
                ParameterKind::Positional => rest = Some(&parameter.name),
                ParameterKind::KeywordOnly => {}
                ParameterKind::Keywords => keywords = Some(&parameter.name),
            }
        }
        let mut given: Vec<&str> = Vec::new();
        let mut extra = Vec::new();
        for (at, argument) in arguments.iter().enumerate() {
            match positional.get(at) {
                Some(name) => {
                    given.push(name);
                    if let Some(value) = from_python(&argument)? {
                        known.insert((*name).clone(), value);
                    }
                }
                None if rest.is_some() => extra.extend(from_python(&argument)?),
                None => {
                    return Err(PyTypeError::new_err(format!(
                        "{} takes {} positional arguments, but {} were given",
                        interface.name,
                        positional.len(),
                        arguments.len()
                    )));
                }
            }
        }
        if let Some(rest) = rest
            && !arguments.is_empty()
        {
            known.insert(rest.clone(), Value::Tuple(std::sync::Arc::new(extra)));
        }
        let mut others = Vec::new();
        for (name, object) in values.into_iter().flat_map(|values| values.iter()) {
            let name: String = name.extract()?;
            if given.contains(&name.as_str()) {
                return Err(PyTypeError::new_err(format!("{} got two values for {name}", interface.name)));
            }
            let value = from_python(&object)?;
            let is_parameter =
                interface.parameters.iter().any(|p| *p.name == *name && p.kind != ParameterKind::Keywords);
            let is_variable = interface.mcvs.iter().any(|mcv| *mcv.name == *name)
                || interface.derived.iter().any(|derived| *derived.name == *name);
            if is_parameter || is_variable {
                match value {
                    Some(value) => {
                        known.insert(Text::from(name), value);
                    }
                    // An object that is no data tells nothing of itself, as a context does; a variable must be data.
                    None if is_parameter => {}
                    None => {
                        let kind = object.get_type().name()?;
                        return Err(PyTypeError::new_err(format!(
                            "the value of {name} is of type {kind}: not plain data"
                        )));
                    }
                }
            } else if keywords.is_some() {
                others.extend(value.map(|value| (Value::Str(Text::from(name)), value)));
            } else {
                return Err(PyTypeError::new_err(self.unknown(&name)));
            }
        }
        if let Some(keywords) = keywords
            && !others.is_empty()
        {
            known.insert(keywords.clone(), Value::Dict(std::sync::Arc::new(others)));
        }
        Ok(known)
    }

    fn unknown(&self, name: &str) -> String {
        let interface = &self.interface;
        let all = interface
            .parameters
            .iter()
            .map(|parameter| &*parameter.name)
            .chain(interface.mcvs.iter().map(|mcv| &*mcv.name))
            .chain(interface.derived.iter().map(|derived| &*derived.name));
        let names: Vec<&str> = all.collect();
        let near = crate::diagnostic::near_names(name, names.iter().copied());
        let list = if near.is_empty() { &names } else { &near };
        format!("{} has no variable {name}; there are: {}", interface.name, list.join(", "))
    }
}

/// What the caller means: a file or folder, or the text of a source.
enum Input {
    Path(PathBuf),
    Text(String),
}

fn input(object: &Bound<'_, PyAny>) -> PyResult<Input> {
    if let Ok(text) = object.cast::<PyString>() {
        let text = text.extract::<String>()?;
        // No file's name has two lines, and no source that defines a function has one without a blank and a colon.
        let is_source = text.contains('\n') || (text.contains(':') && text.contains(' ') && text.contains('('));
        return Ok(if is_source { Input::Text(text) } else { Input::Path(PathBuf::from(text)) });
    }
    object.extract::<PathBuf>().map(Input::Path)
}

type Extracted = (Vec<(Interface, Handler)>, Vec<Diagnostic>);

fn run(input: &Input, handler: Option<&str>, filename: &str, depth: Option<usize>) -> Extracted {
    let (handlers, mut diagnostics) = match input {
        Input::Path(path) => discover(std::slice::from_ref(path), handler),
        Input::Text(text) => discover_text(std::path::Path::new(filename), text, handler),
    };
    let options = ExtractOptions { depth, bytes: false };
    let mut interfaces = Vec::new();
    // Handlers of one file are read together.
    let mut groups: Vec<Vec<&Handler>> = Vec::new();
    for handler in &handlers {
        let same = |group: &Vec<&Handler>| {
            group.first().is_some_and(|first| {
                first.file == handler.file && first.code_root == handler.code_root && first.inline == handler.inline
            })
        };
        match groups.iter_mut().find(|group| same(group)) {
            Some(group) => group.push(handler),
            None => groups.push(vec![handler]),
        }
    }
    for group in groups {
        let (found, problems) = interface::extract(&group, &options);
        // They come in the handlers' order; a handler that cannot be read has none.
        let mut left = group.iter();
        for interface in found {
            let of = |handler: &&&Handler| handler.function.rsplit('.').next() == Some(interface.name.as_str());
            if let Some(handler) = left.by_ref().find(of) {
                interfaces.push((interface, (*handler).clone()));
            }
        }
        diagnostics.extend(problems);
    }
    diagnostics.dedup();
    (interfaces, diagnostics)
}

/// Reads a handler without importing or running it, and gives its memory interface.
///
/// ``path_or_source`` is a Python file, a template, a folder, or the text of a source (which has more than one line).
/// If it holds several handlers, ``handler`` names one.
#[pyfunction]
#[pyo3(signature = (path_or_source, handler = None, *, filename = "handler.py", depth = None))]
pub fn extract(
    python: Python<'_>,
    path_or_source: &Bound<'_, PyAny>,
    handler: Option<&str>,
    filename: &str,
    depth: Option<usize>,
) -> PyResult<PyInterface> {
    let mut found = extract_all(python, path_or_source, handler, filename, depth)?;
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|one| one.interface.handler.as_str()).collect();
        let message = format!("{} handlers were found: {}", found.len(), names.join(", "));
        let diagnostic =
            Diagnostic::new(Kind::UnknownHandler, message).help("name one with `handler`, or use `extract_all`");
        return Err(exception(python, &diagnostic));
    }
    found.pop().ok_or_else(|| {
        exception(python, &Diagnostic::new(Kind::NoHandler, "no handler was found that can be analysed"))
    })
}

/// The memory interfaces of all handlers, in the order that they are found in. Raises for the first input that
/// cannot be used.
#[pyfunction]
#[pyo3(signature = (path_or_source, handler = None, *, filename = "handler.py", depth = None))]
pub fn extract_all(
    python: Python<'_>,
    path_or_source: &Bound<'_, PyAny>,
    handler: Option<&str>,
    filename: &str,
    depth: Option<usize>,
) -> PyResult<Vec<PyInterface>> {
    let input = input(path_or_source)?;
    let (interfaces, diagnostics) = detached(python, || with_stack(|| run(&input, handler, filename, depth)))?;
    if let Some(error) = diagnostics.iter().find(|diagnostic| diagnostic.is_error()) {
        return Err(exception(python, error));
    }
    // A handler that is made at run time is a warning beside others; alone it is the answer.
    if let (true, Some(warning)) = (interfaces.is_empty(), diagnostics.first()) {
        return Err(exception(python, warning));
    }
    Ok(interfaces
        .into_iter()
        .map(|(interface, handler)| {
            let own = |diagnostic: &&Diagnostic| {
                diagnostic.file.as_ref().is_none_or(|file| file.to_string_lossy() == interface.file)
            };
            let diagnostics = diagnostics.iter().filter(own).cloned().collect();
            PyInterface { interface, handler, diagnostics }
        })
        .collect())
}
