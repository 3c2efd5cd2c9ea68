//! The closed language of derived values: Python expressions without side effects over the handler's arguments.
//!
//! A derived value (`n = int(event.get("n", 10))`) is an [`Expr`]. It means what the same text means to CPython,
//! over JSON values and what Python makes of them; a failure is a Python exception as a value ([`Raised`]), never a
//! panic. The interface's generated Python prints it, the Rust evaluator runs it, and both agree (a property test
//! holds them together). Knows nothing of memory. Depends on no other module of the crate.

mod codec;
mod constants;
mod evaluate;
mod exception;
mod format;
mod functions;
mod json;
mod methods;
mod operators;
mod print;
mod read;
mod simplify;
mod unicode;
mod value;
mod visit;

use std::sync::Arc;

pub use constants::library_constant;
pub use evaluate::{Budget, Environment, Failure, Outcome, evaluate};
pub use exception::is_subclass;
pub use functions::{is_builtin_name, is_function};
pub use methods::is_method;
pub use read::{ParseError, parse, read};
pub use simplify::{can_raise, depth, imports, names, normal, partial, substitute, with_texts};
pub use visit::{rename, rename_target, size, visit_names, visit_parts, visit_target};

/// A Python name, attribute or text that expressions share.
pub type Text = Arc<str>;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A parameter, a derived local, a loop variable or a memory-critical variable.
    Name(Text),
    /// A value.
    Constant(Value),
    /// `-x`, `+x`, `~x`, `not x`.
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b` and its kin.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// `a and b and c`, `a or b`: the value of the operand that decides.
    Boolean(BooleanOperator, Vec<Expr>),
    /// `a < b <= c`.
    Compare(Box<Expr>, Vec<(CompareOperator, Expr)>),
    /// `then if test else otherwise`.
    If {
        /// The condition.
        test: Box<Expr>,
        /// Its value when the condition is true.
        then: Box<Expr>,
        /// Its value when the condition is false.
        otherwise: Box<Expr>,
    },
    /// `value[index]`.
    Index(Box<Expr>, Box<Expr>),
    /// `value[start:stop:step]`.
    Slice {
        /// What is sliced.
        value: Box<Expr>,
        /// First index.
        start: Option<Box<Expr>>,
        /// Index behind the last.
        stop: Option<Box<Expr>>,
        /// Step.
        step: Option<Box<Expr>>,
    },
    /// A call of a function of the language ([`is_function`]), by qualified name (`len`, `json.loads`).
    Call(Text, Vec<Expr>, Vec<(Text, Expr)>),
    /// A call of a method of the language ([`is_method`]; `event.get("n", 10)`).
    Method(Box<Expr>, Text, Vec<Expr>, Vec<(Text, Expr)>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `(a, b)`.
    Tuple(Vec<Expr>),
    /// `{a, b}`, never empty.
    Set(Vec<Expr>),
    /// `{k: v}`; `None` as key is `**v`.
    Dict(Vec<(Option<Expr>, Expr)>),
    /// `f"{a}b{c!r:>10}"`.
    Format(Vec<FormatPart>),
    /// `[e for x in xs if c]` and its kin.
    Comprehension {
        /// What is built.
        kind: ComprehensionKind,
        /// The element; of a dict the value.
        element: Box<Expr>,
        /// The key, of a dict only.
        key: Option<Box<Expr>>,
        /// The `for` clauses, outermost first, never empty.
        clauses: Vec<Clause>,
    },
}

/// A part of an f-string.
#[derive(Clone, Debug, PartialEq)]
pub enum FormatPart {
    /// Literal text.
    Text(Text),
    /// `{value!conversion:specification}`.
    Value {
        /// What is formatted.
        value: Expr,
        /// `r`, `s` or `a`.
        conversion: Option<char>,
        /// The format specification, itself formatted.
        specification: Vec<FormatPart>,
    },
}

/// What a comprehension builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComprehensionKind {
    /// `[…]`
    List,
    /// `{…}`
    Set,
    /// `{k: v …}`
    Dict,
    /// `(…)`, evaluated at once: expressions have no side effects.
    Generator,
}

/// `for target in iterable if condition …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// The names bound: one, or several by unpacking.
    pub target: Target,
    /// What is iterated.
    pub iterable: Expr,
    /// The conditions.
    pub conditions: Vec<Expr>,
}

/// What a loop or a comprehension binds.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// One name.
    Name(Text),
    /// Unpacking, possibly nested.
    Tuple(Vec<Target>),
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum UnaryOperator {
    Minus,
    Plus,
    Invert,
    Not,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    LeftShift,
    RightShift,
    And,
    Or,
    Xor,
}

/// `and`, `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BooleanOperator {
    And,
    Or,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CompareOperator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

/// A Python value that can stand in an event, or be computed from one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `True`, `False`
    Bool(bool),
    /// An integer of any size.
    Int(num_bigint::BigInt),
    /// A float.
    Float(f64),
    /// Text. Lengths and indices count code points.
    Str(Text),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A tuple.
    Tuple(Arc<Vec<Value>>),
    /// A set, in order of first insertion (its order is not defined by Python; here it is).
    Set(Arc<Vec<Value>>),
    /// A dict in insertion order; keys are distinct by Python's `==`.
    Dict(Arc<Vec<(Value, Value)>>),
    /// `range(start, stop, step)`
    Range(num_bigint::BigInt, num_bigint::BigInt, num_bigint::BigInt),
    /// What a function or a method gives to iterate over, with its elements. Never a constant of an expression.
    Iterable(IterableKind, Arc<Vec<Value>>),
}

/// The types of [`Value::Iterable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IterableKind {
    /// `d.keys()`
    Keys,
    /// `d.values()`
    Values,
    /// `d.items()`
    Items,
    /// `frozenset(xs)`: a value like any set, but not one of an event.
    FrozenSet,
    /// `(e for x in xs)`: exhausted by its first use, like all that follow.
    Generator,
    /// `enumerate(xs)`
    Enumerate,
    /// `zip(xs, ys)`
    Zip,
    /// `reversed(xs)`
    Reversed,
}

/// A Python exception as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The exception's class (`KeyError`, `json.JSONDecodeError`).
    pub exception: Text,
    /// Its message.
    pub message: String,
}
