//! Contracts: what library callables do to memory, as formulas over features of their arguments.
//!
//! A contract is data: an entry of a TOML file (`interfaces/`, one file a library; docs/CONTRACTS.md describes the
//! format). Shipped files are part of the program, with an index by name that the build makes; an entry is parsed when
//! a call first asks for it, so that a handler pays for the callables that it uses and for no others.
//!
//! May depend on `formula`, `expression` (for literal values) and `diagnostic` only. What a call's arguments are is
//! asked through [`Arguments`]; nothing here knows the abstract machine.

mod apply;
mod check;
pub mod described;
mod dtype;
mod format;
pub mod free;
mod learned;
mod load;
mod matching;
mod names;
mod rule;
mod shape;

use std::collections::BTreeMap;

use crate::expression::Value;
use crate::formula::Formula;

pub use crate::formula::Text;
pub use check::check;
pub use format::{Contract, Kind, Parameter, ParameterKind, Parameters, Place, parse_file};
pub use learned::{Distribution, Provenance, Residual};
pub use load::{Contracts, Library, Origin};
pub use matching::Match;

/// What a contract may ask about the arguments of a call.
///
/// A *path* is a parameter's name as the contract has it (`self` is the receiver of a method, or the owner of an
/// attribute), followed by any number of subscripts: `size[0]` is the first item of a tuple or list, `arrays[]` an
/// item that stands for all of them. `None` always means: not known.
pub trait Arguments {
    /// The kind of a value: `int`, `float`, `bool`, `str`, `bytes`, `bytearray`, `memoryview`, `list`, `tuple`, `set`,
    /// `dict`, `NoneType`, or a kind that a contract made (`numpy.ndarray`, `PIL.Image.Image`, `boto3.client.s3`).
    fn kind(&self, path: &str) -> Option<Text>;
    /// Whether the call passes an argument for the parameter.
    fn given(&self, parameter: &str) -> bool;
    /// The value, where it is known exactly.
    fn literal(&self, path: &str) -> Option<Value>;
    /// The qualified name of what is passed, where that is a function, class or constant of a library or a built-in:
    /// `numpy.float32`, `PIL.Image.LANCZOS`, `float`.
    fn reference(&self, path: &str) -> Option<Text> {
        let _ = path;
        None
    }
    /// The value of a number, symbolic or constant.
    fn number(&self, path: &str) -> Option<Formula>;
    /// A size of a value: `length` (characters of a `str`, bytes of `bytes`, items of a container), `width` (bytes a
    /// character of a `str`), `bytes` (requested bytes of the value with all that it owns), or a feature that the
    /// contract which made the value gave it (`itemsize`, `height`, …).
    fn feature(&self, path: &str, feature: &str) -> Option<Formula>;
    /// A feature that is a text: `mode` of an image, `dtype` of an array.
    fn text(&self, path: &str, feature: &str) -> Option<Text> {
        let _ = (path, feature);
        None
    }
    /// The shape of an array; of nested lists, what an array made of them has.
    fn shape(&self, path: &str) -> Option<Vec<Formula>>;
}

/// What a call does. All formulas are over the symbols of the argument's own formulas, those of `missing` and those of
/// `externals`.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Bytes that the call requests, nothing reclaimed, result included.
    pub demand: Formula,
    /// High-water mark of requested bytes during the call, above the level at its entry, result included.
    pub peak: Formula,
    /// The part of the peak that is touched.
    pub resident_peak: Formula,
    /// Bytes that stay behind when result and arguments are gone: caches of the library.
    pub retained: Formula,
    /// What the call gives back.
    pub result: ResultValue,
    /// What it does to its arguments.
    pub effects: Vec<Effect>,
    /// What was asked for and is not known: each stands in the formulas as the symbol `path.feature`, or `path`.
    pub missing: Vec<Missing>,
    /// Sizes that come from outside of the program.
    pub externals: Vec<External>,
    /// What is known of those sizes, by symbol.
    pub bounds: BTreeMap<Text, ExternalBounds>,
    /// Exceptions that the callable documents, by qualified name.
    pub raises: Vec<Text>,
    /// Functions that are passed and called.
    pub calls: Vec<Callback>,
}

/// What a call gives back.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultValue {
    /// `None`
    None,
    /// Nothing is said of it. Its bytes are not part of the peak.
    Unknown,
    /// A number.
    Number {
        /// `int`, `float`, `bool` or `complex`.
        kind: Text,
        /// Its value, if that is known.
        value: Option<Formula>,
    },
    /// The same object as an argument: `self` of a fluent method or of an operation in place.
    Argument(Text),
    /// A new object.
    Object(Box<Object>),
}

/// A new object, or a view of an old one.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind: one of Python's own (`str`, `bytes`, `list`, `tuple`, `dict`, `iterator`), or one of a library.
    pub kind: Text,
    /// The parameter whose memory it shows: a view owns nothing of it, and keeps it alive.
    pub view_of: Option<Text>,
    /// Parameters that it keeps alive.
    pub holds: Vec<Text>,
    /// Sizes that later calls may ask for; those that are not known are left out.
    pub features: BTreeMap<Text, Formula>,
    /// Features that are texts.
    pub texts: BTreeMap<Text, Text>,
    /// The shape of an array, if the number of its dimensions is known.
    pub shape: Option<Vec<Formula>>,
    /// Its own bytes, requested, without what it contains.
    pub bytes: Formula,
    /// How many of them are resident once the call is done.
    pub touched: Formula,
    /// What it contains.
    pub content: Content,
}

/// What an object contains.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing that is told apart.
    Opaque,
    /// One value after the other.
    Items(Vec<ResultValue>),
    /// So many values of one sort. Those of an iterator are made one at a time and are no part of its bytes.
    Many {
        /// How many.
        length: Formula,
        /// One of them.
        item: ResultValue,
    },
    /// A dict with known keys (and perhaps others).
    Keys(Vec<(Text, ResultValue)>),
}

/// What a call does to an argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The argument.
    pub path: Text,
    /// By how many bytes its own memory grows (requested). Part of the call's peak.
    pub grow: Formula,
    /// How many of them are touched.
    pub touched: Formula,
    /// New values of features.
    pub set: BTreeMap<Text, Formula>,
    /// Its own memory is freed (`close()`), before it grows by `grow`.
    pub release: bool,
    /// Parameters that it keeps alive from now on.
    pub holds: Vec<Text>,
}

/// A size that the contract needs and the caller did not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// The symbol that stands for it in the formulas.
    pub symbol: Text,
    /// Whose size it is.
    pub path: Text,
    /// Which: empty for the value of a number.
    pub feature: Text,
}

/// A size that comes from outside of the program: a memory-critical variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct External {
    /// The symbol that stands for it in the formulas, and a good name for the variable: `object_size`.
    pub symbol: Text,
    /// What it is, for people.
    pub meaning: Text,
    /// Where events usually have it, as Python paths below the event: `Records[0].s3.object.size`.
    pub event: Vec<Text>,
}

/// What a contract says of a size from outside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExternalBounds {
    /// Its largest value.
    pub most: Option<Formula>,
    /// What it usually is.
    pub typical: Option<Formula>,
}

/// A function that is passed to the call and called by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    /// The parameter that it is passed as.
    pub parameter: Text,
    /// How often it is called; `None` if that is not known.
    pub times: Option<Formula>,
    /// How many calls run at the same time.
    pub concurrency: Formula,
    /// Whether those are processes of their own, with memory of their own.
    pub processes: bool,
    /// The parameter whose items the calls get, one each.
    pub items: Option<Text>,
}

impl ResultValue {
    /// All requested bytes of a new value, content included. Nothing for what was there before.
    pub fn total(&self) -> Formula {
        self.sum(|object| &object.bytes)
    }

    /// All touched bytes of a new value, content included.
    pub fn total_touched(&self) -> Formula {
        self.sum(|object| &object.touched)
    }

    fn sum(&self, of: fn(&Object) -> &Formula) -> Formula {
        match self {
            Self::None | Self::Unknown | Self::Argument(_) => Formula::zero(),
            Self::Number { kind, .. } => Formula::from(number_bytes(kind)),
            Self::Object(object) => {
                let content = match &object.content {
                    Content::Opaque => Formula::zero(),
                    Content::Items(items) => items.iter().map(|item| item.sum(of)).sum(),
                    Content::Many { .. } if &*object.kind == "iterator" => Formula::zero(),
                    Content::Many { length, item } => length * &item.sum(of),
                    Content::Keys(items) => items.iter().map(|(_, item)| item.sum(of)).sum(),
                };
                of(object) + &content
            }
        }
    }
}

/// Bytes of a number's block. Source: CPython 3.12 `Include/cpython/longintrepr.h` (28, in blocks of 16),
/// `Include/cpython/floatobject.h` (24, in blocks of 16).
fn number_bytes(kind: &str) -> i64 {
    if kind == "bool" { 0 } else { 32 }
}
