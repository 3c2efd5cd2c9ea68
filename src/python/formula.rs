//! `Formula` in Python, and the two functions that generated interfaces make formulas with.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use num_bigint::BigInt;
use num_rational::BigRational;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyMapping, PyString, PyTuple};

use crate::diagnostic::{Diagnostic, Kind};
use crate::formula::algebra::{AlgebraError, Session};
use crate::formula::{Argument, Environment, EvaluateError, Formula, Text, Value};

use super::error::{detached, exception, formula_error, guarded};

/// An amount of memory in bytes as an exact expression over named sizes.
///
/// ``Formula(text)`` reads one; numbers, formulas and the operators of Python make further ones.
#[pyclass(name = "Formula", module = "meminterface", frozen)]
#[derive(Clone, Debug)]
pub struct PyFormula(pub Formula);

/// The other side of an operator: a formula or an exact number; none where Python must try the other side.
fn operand(object: &Bound<'_, PyAny>) -> Option<Formula> {
    if let Ok(formula) = object.cast::<PyFormula>() {
        return Some(formula.get().0.clone());
    }
    if object.cast::<PyFloat>().is_ok() || object.cast::<PyBool>().is_ok() {
        return None;
    }
    number(object).map(Formula::rational)
}

/// An integer, anything with `__index__`, or a fraction.
fn number(object: &Bound<'_, PyAny>) -> Option<BigRational> {
    if let Ok(int) = object.extract::<BigInt>() {
        return Some(BigRational::from_integer(int));
    }
    object.extract::<BigRational>().ok()
}

/// A formula from whatever a caller may mean by one.
fn any_formula(object: &Bound<'_, PyAny>) -> PyResult<Formula> {
    if let Ok(text) = object.cast::<PyString>() {
        let python = object.py();
        let text = text.extract::<String>()?;
        return detached(python, || Formula::parse_permissive(&text))?
            .map_err(|error| exception(python, &error.diagnostic(&text)));
    }
    operand(object).ok_or_else(|| {
        let kind = object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("a formula is made of text, integers, fractions and formulas, not of {kind}"))
    })
}

/// The value of a symbol, for evaluation.
fn symbol_value(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if let Ok(value) = object.cast::<PyBool>() {
        return Ok(Value::Literal(Text::from(if value.is_true() { "True" } else { "False" })));
    }
    if object.is_none() {
        return Ok(Value::Literal(Text::from("None")));
    }
    if let Ok(value) = object.cast::<PyString>() {
        return Ok(Value::Literal(Text::from(crate::formula::quote(&value.extract::<String>()?))));
    }
    if let Ok(value) = object.cast::<PyFloat>() {
        return BigRational::from_float(value.value()).map(Value::Number).ok_or_else(|| {
            formula_error(object.py(), format!("the value of {name} is not a finite number: {}", value.value()))
        });
    }
    if let Ok(formula) = object.cast::<PyFormula>()
        && let Some(number) = formula.get().0.as_number()
    {
        return Ok(Value::Number(number.clone()));
    }
    number(object).map(Value::Number).ok_or_else(|| {
        let kind = object.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("the value of {name} is of type {kind}, not a number or text"))
    })
}

/// The pairs of a mapping and of keywords; a keyword wins.
fn pairs<'py>(
    mapping: Option<&Bound<'py, PyMapping>>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<BTreeMap<String, Bound<'py, PyAny>>> {
    let mut pairs = BTreeMap::new();
    if let Some(mapping) = mapping {
        for item in mapping.items()?.iter() {
            let (name, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
            let name = match name.cast::<PyFormula>() {
                Ok(formula) => formula.get().0.to_string(),
                Err(_) => name.extract::<String>()?,
            };
            pairs.insert(name, value);
        }
    }
    if let Some(keywords) = keywords {
        for (name, value) in keywords.iter() {
            pairs.insert(name.extract::<String>()?, value);
        }
    }
    Ok(pairs)
}

fn evaluate_error(python: Python<'_>, error: &EvaluateError) -> PyErr {
    match error {
        EvaluateError::DivisionByZero(_) => PyZeroDivisionError::new_err(error.to_string()),
        _ => formula_error(python, error.to_string()),
    }
}

/// What both sides of an operator give, or `NotImplemented`.
fn binary<'py>(
    python: Python<'py>,
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
    combine: impl FnOnce(Formula, Formula) -> Formula,
) -> PyResult<Bound<'py, PyAny>> {
    match (operand(left), operand(right)) {
        (Some(left), Some(right)) => Ok(Bound::new(python, PyFormula(guarded(|| combine(left, right))?))?.into_any()),
        _ => Ok(python.NotImplemented().into_bound(python)),
    }
}

#[pymethods]
impl PyFormula {
    #[new]
    #[pyo3(signature = (value, /))]
    fn new(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        any_formula(value).map(Self)
    }

    fn __add__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a + b)
    }

    fn __radd__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a + b)
    }

    fn __sub__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a - b)
    }

    fn __rsub__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a - b)
    }

    fn __mul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a * b)
    }

    fn __rmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a * b)
    }

    fn __truediv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a / b)
    }

    fn __rtruediv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a / b)
    }

    fn __floordiv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a.floor_div(&b))
    }

    fn __rfloordiv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a.floor_div(&b))
    }

    fn __mod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), slf.as_any(), other, |a, b| a.modulo(&b))
    }

    fn __rmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        binary(slf.py(), other, slf.as_any(), |a, b| a.modulo(&b))
    }

    fn __pow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match modulo {
            None => binary(slf.py(), slf.as_any(), other, |a, b| a.power(&b)),
            Some(_) => Ok(slf.py().NotImplemented().into_bound(slf.py())),
        }
    }

    fn __rpow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match modulo {
            None => binary(slf.py(), other, slf.as_any(), |a, b| a.power(&b)),
            Some(_) => Ok(slf.py().NotImplemented().into_bound(slf.py())),
        }
    }

    fn __neg__(&self) -> PyResult<Self> {
        guarded(|| Self(-&self.0))
    }

    fn __pos__(&self) -> Self {
        self.clone()
    }

    /// Formulas are equal when they are the same expression after like terms are merged; a formula that is a number
    /// equals that number. Order is not defined.
    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        operation: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let python = slf.py();
        let Some(other) = operand(other) else { return Ok(python.NotImplemented().into_bound(python)) };
        let formula = &slf.get().0;
        let numbers = formula.as_number().zip(other.as_number());
        let answer = match (operation, numbers) {
            (CompareOp::Eq, _) => *formula == other,
            (CompareOp::Ne, _) => *formula != other,
            (operation, Some((left, right))) => operation.matches(left.cmp(right)),
            (_, None) => {
                return Err(formula_error(
                    python,
                    format!("`{formula}` and `{other}` cannot be compared before their symbols have values"),
                ));
            }
        };
        Ok(PyBool::new(python, answer).to_owned().into_any())
    }

    fn __hash__(&self, python: Python<'_>) -> PyResult<isize> {
        // Equal things hash alike: a number as Python's own does.
        if let Some(number) = self.0.as_number() {
            return number.into_pyobject(python)?.hash();
        }
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        Ok(hasher.finish() as isize)
    }

    /// A formula that is a number is true if that is; any other has no truth value yet.
    fn __bool__(&self, python: Python<'_>) -> PyResult<bool> {
        match self.0.as_number() {
            Some(_) => Ok(!self.0.is_zero()),
            None => Err(formula_error(
                python,
                format!("`{}` is neither true nor false before its symbols have values", self.0),
            )),
        }
    }

    fn __str__(&self, python: Python<'_>) -> PyResult<String> {
        detached(python, || self.0.to_string())
    }

    fn __repr__(&self, python: Python<'_>) -> PyResult<String> {
        let text = detached(python, || self.0.to_string())?;
        Ok(format!("Formula({})", PyString::new(python, &text).repr()?))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        let formula = &slf.get().0;
        let text = detached(slf.py(), || formula.to_string())?;
        Ok((slf.get_type().into_any(), (text,)))
    }

    /// The names of the sizes that the value depends on, sorted.
    #[getter]
    fn symbols<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let symbols = detached(python, || self.0.symbols())?;
        PyTuple::new(python, symbols.iter().map(|name| &**name))
    }

    /// The calls whose memory is not known yet, each once.
    #[getter]
    fn terms<'py>(&self, python: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let terms = detached(python, || self.0.terms())?;
        let terms: Vec<_> = terms.into_iter().map(|term| Bound::new(python, Self(term))).collect::<PyResult<_>>()?;
        PyTuple::new(python, terms)
    }

    /// Puts formulas or numbers into the places of symbols and of calls (by their text), all at once.
    #[pyo3(signature = (values = None, /, **names))]
    fn substitute(
        &self,
        python: Python<'_>,
        values: Option<&Bound<'_, PyMapping>>,
        names: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut map = BTreeMap::new();
        for (name, value) in pairs(values, names)? {
            let name = crate::formula::normalize(&name);
            let formula = match value.cast::<PyString>() {
                // Text names a formula here, as in `Formula(text)`.
                Ok(_) => any_formula(&value)?,
                Err(_) => match operand(&value) {
                    Some(formula) => formula,
                    None => match symbol_value(&name, &value)? {
                        Value::Number(number) => Formula::rational(number),
                        Value::Literal(text) => Formula::literal(&text),
                    },
                },
            };
            map.insert(Text::from(name), formula);
        }
        detached(python, || Self(self.0.substitute(&map)))
    }

    /// The number of bytes for these values of symbols and of calls (by their text), rounded up once at the end.
    #[pyo3(signature = (values = None, /, **names))]
    fn evaluate(
        &self,
        python: Python<'_>,
        values: Option<&Bound<'_, PyMapping>>,
        names: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<BigInt> {
        let mut environment = Environment::new();
        for (name, value) in pairs(values, names)? {
            environment.set(&name, symbol_value(&name, &value)?);
        }
        // A difference of two formulas may be negative, where `Formula::bytes` would refuse it.
        detached(python, || self.0.evaluate(&environment).map(|value| value.ceil().to_integer()))?
            .map_err(|error| evaluate_error(python, &error))
    }

    /// The order of growth, without coefficients: in one symbol, or in all of them.
    #[pyo3(signature = (symbol = None))]
    fn growth(&self, python: Python<'_>, symbol: Option<&str>) -> PyResult<Self> {
        detached(python, || Self(self.0.growth(symbol)))
    }

    /// The shortest form that algebra finds. Needs a build with Symbolica.
    fn simplify(&self, python: Python<'_>) -> PyResult<Self> {
        self.algebra(python, |formula, session| formula.simplify(session))
    }

    /// The derivative by a symbol. Needs a build with Symbolica.
    fn derivative(&self, python: Python<'_>, symbol: &str) -> PyResult<Self> {
        self.algebra(python, |formula, session| formula.derivative(symbol, session))
    }

    /// The same as an expression of SymPy, which must be installed.
    fn to_sympy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("meminterface._sympy")?.call_method1("to_sympy", (slf,))
    }

    /// LaTeX, without dollar signs.
    fn to_latex(&self, python: Python<'_>) -> PyResult<String> {
        detached(python, || self.0.to_latex())
    }

    fn _repr_latex_(&self, python: Python<'_>) -> PyResult<String> {
        Ok(format!("$\\displaystyle {}$", self.to_latex(python)?))
    }
}

impl PyFormula {
    fn algebra(
        &self,
        python: Python<'_>,
        work: impl FnOnce(&Formula, &mut Session) -> Result<Formula, AlgebraError> + Send,
    ) -> PyResult<Self> {
        if !cfg!(feature = "symbolica") {
            let diagnostic = Diagnostic::new(Kind::AlgebraUnavailable, "this build has no algebra system").help(
                "build the package from source with Symbolica, which without a licence key is for non-commercial use: \
                 pip install . --config-settings=build-args=\"--features python,symbolica\"",
            );
            return Err(exception(python, &diagnostic));
        }
        // The packaged command, not this process: it may be ended by its licence check.
        let command: Option<PathBuf> = python.import("meminterface._command")?.call_method0("path")?.extract()?;
        let Some(command) = command else {
            let diagnostic = Diagnostic::new(Kind::AlgebraUnavailable, "the `meminterface` command was not found")
                .help("install the package again: its command belongs to it");
            return Err(exception(python, &diagnostic));
        };
        detached(python, || Session::start(Some(&command)).and_then(|mut session| work(&self.0, &mut session)))?
            .map(Self)
            .map_err(|error| exception(python, &error.diagnostic()))
    }
}

/// A call whose memory is not known yet, with the arguments that matter: a term of an interface.
#[pyfunction]
#[pyo3(signature = (name, /, *arguments, **keywords))]
pub fn term(name: &str, arguments: &Bound<'_, PyTuple>, keywords: Option<&Bound<'_, PyDict>>) -> PyResult<PyFormula> {
    let mut list = Vec::with_capacity(arguments.len());
    for argument in arguments.iter() {
        list.push(Argument::positional(argument_formula(&argument)?));
    }
    if let Some(keywords) = keywords {
        for (name, argument) in keywords.iter() {
            list.push(Argument::keyword(&name.extract::<String>()?, argument_formula(&argument)?));
        }
    }
    guarded(|| PyFormula(Formula::apply(name, list)))
}

/// An argument as a term shows it: numbers and formulas as they are, other data as Python writes it, and an object
/// that is no data by its type (its own text may hold an address).
fn argument_formula(object: &Bound<'_, PyAny>) -> PyResult<Formula> {
    if let Some(formula) = operand(object) {
        return Ok(formula);
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Formula::string(&text.extract::<String>()?));
    }
    let is_data = matches!(super::value::from_python(object), Ok(Some(_)));
    let text = if is_data { object.repr()?.to_string() } else { format!("<{}>", object.get_type().name()?) };
    guarded(|| Formula::parse_permissive(&text).unwrap_or_else(|_| Formula::literal(&text)))
}

/// An argument of a term that stays as the handler's source writes it.
#[pyfunction]
#[pyo3(signature = (text, /))]
pub fn symbol(text: &str) -> PyResult<PyFormula> {
    guarded(|| PyFormula(Formula::literal(text)))
}
