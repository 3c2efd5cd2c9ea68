//! Complex numbers: objects, whose parts are known where those of their operands are.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use crate::expression::Text;

use super::expressions::{Quick, quick};
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

fn polar(radius: f64, angle: f64) -> Parts {
    [radius * angle.cos(), radius * angle.sin()]
}

fn power(base: Parts, exponent: Parts) -> Option<Parts> {
    if exponent == [0.0, 0.0] {
        return Some([1.0, 0.0]);
    }
    let [real, imaginary] = base;
    let radius = real.hypot(imaginary);
    if radius == 0.0 {
        return (exponent[1] == 0.0 && exponent[0] > 0.0).then_some([0.0, 0.0]);
    }
    let angle = imaginary.atan2(real);
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
        self.state
            .object_of(value)
            .is_some_and(|object| matches!(&object.kind, Kind::Named(name) if &**name == COMPLEX))
    }

    /// The parts of a number, if they are known.
    fn parts(&self, value: &Value) -> Option<Parts> {
        if self.is_complex(value) {
            let fields = &self.state.object_of(value)?.fields;
            return Some([fields.get("real")?.as_float()?, fields.get("imag")?.as_float()?]);
        }
        match quick(value)? {
            Quick::Int(int) => Some([int as f64, 0.0]),
            Quick::Float(float) => Some([float, 0.0]),
        }
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
        let first = values.first();
        let parts = first.and_then(|first| self.parts(first));
        let float = |float: Option<f64>| float.map_or(Value::number(NumberKind::Float), Value::Float);
        let made = match name {
            "complex" => match (first, values.get(1)) {
                (None, _) => Some([0.0, 0.0]),
                (Some(_), None) => parts,
                (Some(_), Some(imaginary)) => parts.zip(self.parts(imaginary)).map(|(a, b)| [a[0] - b[1], a[1] + b[0]]),
            },
            "abs" if first.is_some_and(|first| self.is_complex(first)) => {
                return Some(float(parts.map(|[real, imaginary]| real.hypot(imaginary))));
            }
            "cmath.phase" => return Some(float(parts.map(|[real, imaginary]| imaginary.atan2(real)))),
            "cmath.polar" => {
                let radius = float(parts.map(|[real, imaginary]| real.hypot(imaginary)));
                let angle = float(parts.map(|[real, imaginary]| imaginary.atan2(real)));
                return Some(self.pair(radius, angle, node));
            }
            "complex.conjugate" => parts.map(|[real, imaginary]| [real, -imaginary]),
            "cmath.exp" => parts.map(|[real, imaginary]| polar(real.exp(), imaginary)),
            "cmath.log" if values.len() == 1 => parts
                .filter(|parts| *parts != [0.0, 0.0])
                .map(|[real, imaginary]| [real.hypot(imaginary).ln(), imaginary.atan2(real)]),
            "cmath.sqrt" => parts.and_then(|parts| power(parts, [0.5, 0.0])),
            "cmath.rect" => {
                let angle = values.get(1).and_then(|angle| self.parts(angle));
                parts.zip(angle).map(|(radius, angle)| polar(radius[0], angle[0]))
            }
            "cmath.isnan" | "cmath.isinf" | "cmath.isfinite" | "cmath.isclose" => {
                return Some(Value::number(NumberKind::Bool));
            }
            name if name.starts_with("cmath.") => None,
            _ => return None,
        };
        Some(self.complex(made, node))
    }
}

/// A function of `math` of known floats that has no exact form of its own.
pub(super) fn of_floats(name: &str, arguments: &[f64]) -> Option<f64> {
    let float = match (name.strip_prefix("math.")?, arguments) {
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("tan", [x]) => x.tan(),
        ("asin", [x]) => x.asin(),
        ("acos", [x]) => x.acos(),
        ("atan", [x]) => x.atan(),
        ("atan2", [y, x]) => y.atan2(*x),
        ("sinh", [x]) => x.sinh(),
        ("cosh", [x]) => x.cosh(),
        ("tanh", [x]) => x.tanh(),
        ("asinh", [x]) => x.asinh(),
        ("acosh", [x]) => x.acosh(),
        ("atanh", [x]) => x.atanh(),
        ("log1p", [x]) => x.ln_1p(),
        ("expm1", [x]) => x.exp_m1(),
        ("exp2", [x]) => x.exp2(),
        ("cbrt", [x]) => x.cbrt(),
        ("hypot", parts) => parts.iter().map(|part| part * part).sum::<f64>().sqrt(),
        _ => return None,
    };
    // Outside of its domain CPython raises.
    float.is_finite().then_some(float)
}
