//! Item types of arrays: which sizes they have, and which type an operation gives.
//!
//! Source: NumPy's reference, "Data types" and "Type promotion" (NEP 50: a Python number does not change an array's
//! type, except to a wider kind). Depends on the parent's types only.

use crate::formula::{Formula, Text};

/// The type of an array's items. Either part may be unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dtype {
    /// `float64`, `uint8`, …
    pub name: Option<Text>,
    /// Bytes an item.
    pub itemsize: Option<Formula>,
    /// A Python number: it takes the other operand's type.
    pub weak: bool,
}

/// Kinds in the order in which promotion widens them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Bool,
    Unsigned,
    Signed,
    Float,
    Complex,
    Other,
}

impl Dtype {
    /// The type of a name, as code writes it: `float32`, `numpy.float32`, `f4`, `<f4`, `float`, `int`, `S10`, `U5`.
    pub fn named(name: &str) -> Self {
        let name = name.rsplit('.').next().unwrap_or(name).trim_start_matches(['<', '>', '=', '|']);
        let canonical = match name {
            "float" | "float64" | "f8" | "d" | "double" | "float_" => "float64",
            "float32" | "f4" | "f" | "single" => "float32",
            "float16" | "f2" | "e" | "half" => "float16",
            "longdouble" | "float128" | "f16" | "g" => "longdouble",
            "int" | "int64" | "i8" | "l" | "int_" | "intp" | "long" | "longlong" | "q" => "int64",
            "int32" | "i4" | "i" | "intc" => "int32",
            "int16" | "i2" | "h" | "short" => "int16",
            "int8" | "i1" | "b" | "byte" => "int8",
            "uint" | "uint64" | "u8" | "L" | "uintp" | "ulong" | "ulonglong" | "Q" => "uint64",
            "uint32" | "u4" | "I" | "uintc" => "uint32",
            "uint16" | "u2" | "H" | "ushort" => "uint16",
            "uint8" | "u1" | "B" | "ubyte" => "uint8",
            "bool" | "bool_" | "b1" | "?" => "bool",
            "complex" | "complex128" | "c16" | "D" | "cdouble" => "complex128",
            "complex64" | "c8" | "F" | "csingle" => "complex64",
            "object" | "object_" | "O" => "object",
            "datetime64" | "M8" | "M" => "datetime64",
            "timedelta64" | "m8" | "m" => "timedelta64",
            _ => "",
        };
        if !canonical.is_empty() {
            return Self::of(canonical);
        }
        // Texts of fixed length: `S10` is 10 bytes, `U10` 40. Units in brackets: `datetime64[ns]`.
        let counted = |prefix: &str, size: i64| {
            let count = name.strip_prefix(prefix)?.parse::<i64>().ok().filter(|n| (0..=1 << 40).contains(n))?;
            Some(Self { name: Some(Text::from(name)), itemsize: Some(Formula::from(count * size)), weak: false })
        };
        if name.starts_with("datetime64[") || name.starts_with("timedelta64[") {
            return Self::of(name.split('[').next().unwrap_or(name));
        }
        counted("S", 1).or_else(|| counted("U", 4)).or_else(|| counted("V", 1)).unwrap_or_default()
    }

    fn of(name: &str) -> Self {
        let size = match name {
            "bool" | "int8" | "uint8" => 1,
            "int16" | "uint16" | "float16" => 2,
            "int32" | "uint32" | "float32" => 4,
            "longdouble" | "complex128" => 16,
            _ => 8,
        };
        Self { name: Some(Text::from(name)), itemsize: Some(Formula::from(size)), weak: false }
    }

    /// A Python number of a kind.
    pub fn of_number(kind: &str) -> Self {
        let name = match kind {
            "bool" => "bool",
            "int" => "int64",
            "complex" => "complex128",
            _ => "float64",
        };
        Self { weak: kind != "bool", ..Self::of(name) }
    }

    fn family(&self) -> Option<Family> {
        Some(match self.name.as_deref()? {
            "bool" => Family::Bool,
            name if name.starts_with("uint") => Family::Unsigned,
            name if name.starts_with("int") => Family::Signed,
            "float16" | "float32" | "float64" | "longdouble" => Family::Float,
            name if name.starts_with("complex") => Family::Complex,
            _ => Family::Other,
        })
    }

    fn size(&self) -> Option<i64> {
        use num_traits::ToPrimitive;
        self.itemsize.as_ref()?.as_number()?.to_integer().to_i64()
    }

    /// The type of an operation between two.
    #[must_use]
    pub fn promote(&self, other: &Self) -> Self {
        let (Some(a), Some(b), Some(m), Some(n)) = (self.family(), other.family(), self.size(), other.size()) else {
            // Of types that are not both known by name, the wider item is the result's.
            let itemsize = match (&self.itemsize, &other.itemsize) {
                (Some(a), Some(_)) if other.weak => Some(a.clone()),
                (Some(_), Some(b)) if self.weak => Some(b.clone()),
                (Some(a), Some(b)) => Some(Formula::max(vec![a.clone(), b.clone()])),
                (Some(a), None) | (None, Some(a)) if self.weak || other.weak => {
                    return if self.weak {
                        other.clone()
                    } else if other.weak {
                        self.clone()
                    } else {
                        Self { itemsize: Some(a.clone()), ..Self::default() }
                    };
                }
                _ => None,
            };
            return Self { name: None, itemsize, weak: self.weak && other.weak };
        };
        if self.weak != other.weak {
            let (strong, weak, s, w) = if other.weak { (self, other, a, b) } else { (other, self, b, a) };
            return match (s, w) {
                (Family::Bool, _) => Self { weak: false, ..weak.clone() },
                (Family::Unsigned | Family::Signed, Family::Float) => Self::of("float64"),
                (Family::Unsigned | Family::Signed, Family::Complex) => Self::of("complex128"),
                (Family::Float, Family::Complex) => {
                    Self::of(if strong.size() > Some(4) { "complex128" } else { "complex64" })
                }
                _ => strong.clone(),
            };
        }
        if self.name == other.name {
            return self.clone();
        }
        let (low, high, small, large) = if a <= b { (a, b, m, n) } else { (b, a, n, m) };
        let wide = |prefix: &str, bytes: i64| Self::of(&format!("{prefix}{}", bytes * 8));
        match (low, high) {
            (_, Family::Other) | (Family::Bool, _) => {
                if a == high {
                    self.clone()
                } else {
                    other.clone()
                }
            }
            (low, high) if low == high && high != Family::Float && high != Family::Complex => {
                if m >= n {
                    self.clone()
                } else {
                    other.clone()
                }
            }
            (Family::Unsigned, Family::Signed) if small < large => wide("int", large),
            (Family::Unsigned, Family::Signed) => {
                if small >= 8 {
                    Self::of("float64")
                } else {
                    wide("int", small * 2)
                }
            }
            (Family::Unsigned | Family::Signed, Family::Float) => match (small, large) {
                (_, 16) => Self::of("longdouble"),
                (1, 2) => Self::of("float16"),
                (1 | 2, 2 | 4) => Self::of("float32"),
                _ => Self::of("float64"),
            },
            (Family::Unsigned | Family::Signed, Family::Complex) => {
                Self::of(if small <= 2 && large == 8 { "complex64" } else { "complex128" })
            }
            (Family::Float, Family::Complex) => {
                Self::of(if small <= 4 && large == 8 { "complex64" } else { "complex128" })
            }
            (_, _) => {
                if m >= n {
                    self.clone()
                } else {
                    other.clone()
                }
            }
        }
    }

    /// What true division, `sqrt`, `mean` and their kin give: integers become `float64`, other types stay.
    #[must_use]
    pub fn inexact(&self) -> Self {
        match self.family() {
            Some(Family::Bool | Family::Unsigned | Family::Signed) => Self::of("float64"),
            _ => self.clone(),
        }
    }

    /// What `sum` and `cumsum` give: small integers become `int64`.
    #[must_use]
    pub fn summed(&self) -> Self {
        match (self.family(), self.size()) {
            (Some(Family::Bool | Family::Signed), Some(size)) if size < 8 => Self::of("int64"),
            (Some(Family::Unsigned), Some(size)) if size < 8 => Self::of("uint64"),
            _ => self.clone(),
        }
    }

    /// The complex type of the same precision.
    #[must_use]
    pub fn complex(&self) -> Self {
        Self::of(match (self.family(), self.size()) {
            (Some(Family::Float), Some(size)) if size <= 4 => "complex64",
            (Some(Family::Complex), Some(8)) => "complex64",
            _ => "complex128",
        })
    }

    /// The real type of the same precision.
    #[must_use]
    pub fn real(&self) -> Self {
        match (self.family(), self.size()) {
            (Some(Family::Complex), Some(8)) => Self::of("float32"),
            (Some(Family::Complex), _) => Self::of("float64"),
            _ => self.clone(),
        }
    }

    /// The types that matrix operations compute in: `float32` stays, all other real types are `float64`.
    #[must_use]
    pub fn lapack(&self) -> Self {
        match (self.family(), self.size()) {
            (Some(Family::Float), Some(4)) | (Some(Family::Complex), _) => self.clone(),
            _ => Self::of("float64"),
        }
    }
}
