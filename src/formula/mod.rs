//! Formulas in bytes: build, print, parse, merge like terms, evaluate, compile to a flat program over columns.
//!
//! A formula is an exact expression over named sizes, in Python's syntax (docs/FORMULAS.md describes the language).
//! All formulas of a process are one shared graph; equal formulas are the same node. May depend on `diagnostic`
//! only. `algebra` starts processes; nothing else here does, and nothing here prints.

pub mod algebra;
mod build;
mod evaluate;
mod exceeds;
pub mod function;
mod growth;
mod node;
mod parse;
mod print;
mod program;
mod series;
mod units;
mod walk;

use std::sync::Arc;

pub use evaluate::{Environment, EvaluateError, Value};
pub use exceeds::ExceedsError;
pub use node::{Argument, Formula};
pub use parse::{ParseError, normalize, quote};
pub use print::{Locals, with_locals};
pub use program::{CompileError, Program};
pub use units::{UnitError, parse_bytes};

/// A name or a text that formulas share.
pub type Text = Arc<str>;

/// A condition over formulas and literals.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition(Formula);

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `is`
    Is,
    /// `is not`
    IsNot,
    /// `in`
    In,
    /// `not in`
    NotIn,
}

impl Comparison {
    /// As Python writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }

    /// The comparison that holds where this one does not (of values that can be ordered).
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterEqual,
            Self::LessEqual => Self::Greater,
            Self::Greater => Self::LessEqual,
            Self::GreaterEqual => Self::Less,
            Self::Is => Self::IsNot,
            Self::IsNot => Self::Is,
            Self::In => Self::NotIn,
            Self::NotIn => Self::In,
        }
    }
}
