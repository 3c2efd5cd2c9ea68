//! Complex numbers: objects, whose parts are known where those of their operands are.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use crate::expression::Text;

use super::expressions::quick;
use super::machine::Machine;
use super::value::{Kind, NumberKind, Object, Value};

/// The kind of complex numbers.
pub(super) const COMPLEX: &str = "complex";

/// `PyComplexObject` in Include/cpython/complexobject.h: a header and two doubles.
const COMPLEX_BYTES: i128 = 32;

/// The real and the imaginary part.
type Parts = [f64; 2];

fn times([a, b]: Parts, [c, d]: Parts) -> Parts {
    [a * c - b * d, a * d + b * c]
}

fn quotient([a, b]: Parts, [c, d]: Parts) -> Option<Parts> {
    let square = c * c + d * d;
    (square != 0.0).then(|| [(a * c + b * d) / square, (b * c - a * d) / square])
}

fn radius([real, imaginary]: Parts) -> f64 {
    real.hypot(imaginary)
}

fn angle([real, imaginary]: Parts) -> f64 {
    imaginary.atan2(real)
}

fn polar(radius: f64, angle: f64) -> Parts {
    [radius * angle.cos(), radius * angle.sin()]
}

fn power(base: Parts, exponent: Parts) -> Option<Parts> {
    if exponent == [0.0, 0.0] {
        return Some([1.0, 0.0]);
    }
    let (radius, angle) = (radius(base), angle(base));
    if radius == 0.0 {
        return (exponent[1] == 0.0 && exponent[0] > 0.0).then_some([0.0, 0.0]);
    }
    let scale = radius.powf(exponent[0]) * (-exponent[1] * angle).exp();
    Some(polar(scale, exponent[0] * angle + exponent[1] * radius.ln()))
}

impl Machine<'_> {
    /// A complex number, of parts that are known or not.
    pub(super) fn complex(&mut self, parts: Option<Parts>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Named(Text::from(COMPLEX)), super::sizes::object(COMPLEX_BYTES));
        for (name, part) in ["real", "imag"].into_iter().zip(parts.into_iter().flatten()) {
            object.fields.insert(Text::from(name), Value::Float(part));
        }
        self.allocate(object, node)
    }

    fn is_complex(&self, value: &Value) -> bool {
        self.is_kind(value, COMPLEX)
    }

    /// The parts of a number, if they are known.
    fn parts(&self, value: &Value) -> Option<Parts> {
        if self.is_complex(value) {
            let fields = &self.state.object_of(value)?.fields;
            return Some([fields.get("real")?.as_float()?, fields.get("imag")?.as_float()?]);
        }
        Some([quick(value)?.float(), 0.0])
    }

    /// An operator where one side is complex. None if none is.
    pub(super) fn complex_operator(
        &mut self,
        operator: ast::Operator,
        left: &Value,
        right: &Value,
        node: &impl Ranged,
    ) -> Option<Value> {
        if !self.is_complex(left) && !self.is_complex(right) {
            return None;
        }
        let parts = self.parts(left).zip(self.parts(right)).and_then(|(a, b)| match operator {
            ast::Operator::Add => Some([a[0] + b[0], a[1] + b[1]]),
            ast::Operator::Sub => Some([a[0] - b[0], a[1] - b[1]]),
            ast::Operator::Mult => Some(times(a, b)),
            ast::Operator::Div => quotient(a, b),
            ast::Operator::Pow => power(a, b),
            _ => None,
        });
        Some(self.complex(parts, node))
    }

    /// `-z`, `+z`. None where the operand is not complex.
    pub(super) fn complex_sign(
        &mut self,
        operator: ast::UnaryOp,
        operand: &Value,
        node: &impl Ranged,
    ) -> Option<Value> {
        if !self.is_complex(operand) {
            return None;
        }
        let parts = self.parts(operand).map(|[real, imaginary]| match operator {
            ast::UnaryOp::USub => [-real, -imaginary],
            _ => [real, imaginary],
        });
        Some(self.complex(parts, node))
    }

    /// `complex(…)`, `abs(z)`, `z.conjugate()` and `cmath`. None for what is not about complex numbers.
    pub(super) fn complex_function(&mut self, name: &str, values: &[Value], node: &impl Ranged) -> Option<Value> {
        let is_known = matches!(name, "complex" | "complex.conjugate" | "abs") || name.starts_with("cmath.");
        if !is_known || name == "abs" && !values.first().is_some_and(|first| self.is_complex(first)) {
            return None;
        }
        let first = values.first();
        let parts = first.and_then(|first| self.parts(first));
        let float = |float: Option<f64>| float.map_or(Value::number(NumberKind::Float), Value::Float);
        let made = match name {
            "complex" => match (first, values.get(1)) {
                (None, _) => Some([0.0, 0.0]),
                (Some(_), None) => parts,
                (Some(_), Some(imaginary)) => parts.zip(self.parts(imaginary)).map(|(a, b)| [a[0] - b[1], a[1] + b[0]]),
            },
            "abs" => return Some(float(parts.map(radius))),
            "cmath.phase" => return Some(float(parts.map(angle))),
            "cmath.polar" => return Some(self.pair(float(parts.map(radius)), float(parts.map(angle)), node)),
            "complex.conjugate" => parts.map(|[real, imaginary]| [real, -imaginary]),
            "cmath.exp" => parts.map(|[real, imaginary]| polar(real.exp(), imaginary)),
            "cmath.log" if values.len() == 1 => {
                parts.filter(|parts| *parts != [0.0, 0.0]).map(|parts| [radius(parts).ln(), angle(parts)])
            }
            "cmath.sqrt" => parts.and_then(|parts| power(parts, [0.5, 0.0])),
            "cmath.rect" => {
                let angle = values.get(1).and_then(|angle| self.parts(angle));
                parts.zip(angle).map(|(radius, angle)| polar(radius[0], angle[0]))
            }
            "cmath.isnan" | "cmath.isinf" | "cmath.isfinite" | "cmath.isclose" => {
                return Some(Value::number(NumberKind::Bool));
            }
            _ => None,
        };
        Some(self.complex(made, node))
    }
}
