//! The memory of Python's own objects, as the machine needs it: what a value of a kind and a length takes.
//!
//! The layout of each version of CPython is `cpython`'s; this file only asks it.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::expression::Value as Plain;
use crate::formula::{Formula, function};

use super::amount::{Amount, Bytes};
use super::cpython::{Characters, Cost, Elements, InstanceLayout, Keys, Layout, Version};

/// What an object of a known size is rounded up by on average, where its size is not known: blocks are multiples of
/// 16 bytes.
const ROUNDING: i128 = 8;

/// Elements of a list from which on its spare places are taken to be pages that nothing touches.
pub(super) const TOUCHED_ELEMENTS: i128 = 1 << 16;

/// An object of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sized {
    /// The length is the value.
    Int,
    Str(Characters),
    Bytes,
    ByteArray,
    List(Elements),
    Tuple,
    Dict(Keys),
    Set,
    Deque,
    /// The length is the number of attributes.
    Instance,
    Slots,
}

/// Sizes for one version of CPython.
#[derive(Debug)]
pub struct Sizes {
    layout: Layout,
    known: RefCell<FxHashMap<(Sized, i128), Bytes>>,
}

/// Bytes of a block that `pymalloc` (up to 512) or the system's allocator gives for so many.
///
/// Blocks of `pymalloc` are multiples of 16 (`Objects/obmalloc.c`); those of glibc have 8 bytes of header and are
/// multiples of 16 (`malloc/malloc.c`).
pub fn block(bytes: i128) -> i128 {
    if bytes <= 512 { (bytes + 15) / 16 * 16 } else { (bytes + 8 + 15) / 16 * 16 }
}

/// A block of that many bytes.
pub fn object(bytes: i128) -> Bytes {
    Bytes { requested: Amount::Int(bytes), resident: Amount::Int(block(bytes)) }
}

/// What a cost is, all of it touched.
fn touched(cost: &Cost) -> Bytes {
    let requested: Amount = cost.requested().into();
    let mut resident = Amount::ZERO;
    for one in &cost.blocks {
        let bytes: Amount = one.bytes.clone().into();
        let block = match bytes {
            Amount::Int(known) => Amount::Int(block(known)),
            unknown @ Amount::Formula(_) => unknown + Amount::Int(ROUNDING),
        };
        resident += Amount::from(one.count.clone()) * block;
    }
    Bytes { requested, resident }
}

impl Sizes {
    /// Sizes in a version of CPython.
    pub fn of(version: Version) -> Self {
        Self { layout: Layout::of(version), known: RefCell::default() }
    }

    fn cost(&self, what: Sized, length: &Formula) -> Cost {
        let attributes = || {
            let count = Amount::from(length.clone()).as_usize().unwrap_or(0);
            u64::try_from(count).unwrap_or(u64::MAX)
        };
        match what {
            Sized::Int => self.layout.int(length),
            Sized::Str(kind) => self.layout.str_of(kind, length),
            Sized::Bytes => self.layout.bytes(length),
            Sized::ByteArray => self.layout.bytearray(length),
            Sized::List(elements) => self.layout.list(length, elements),
            Sized::Tuple => self.layout.tuple(length),
            Sized::Dict(keys) => self.layout.dict_copy(length, keys),
            Sized::Set => Cost { transient: None, ..self.layout.set_grown(length) },
            Sized::Deque => self.layout.deque(length),
            Sized::Instance => self.layout.instance(attributes(), InstanceLayout::Dict),
            Sized::Slots => self.layout.instance(attributes(), InstanceLayout::Slots),
        }
    }

    fn bytes_of(&self, what: Sized, length: &Amount) -> Bytes {
        let Amount::Int(known) = length else {
            return touched(&self.cost(what, &length.to_formula()));
        };
        if let Some(bytes) = self.quick(what, *known) {
            return bytes;
        }
        if let Some(bytes) = self.known.borrow().get(&(what, *known)) {
            return bytes.clone();
        }
        let bytes = touched(&self.cost(what, &length.to_formula()));
        self.known.borrow_mut().insert((what, *known), bytes.clone());
        bytes
    }

    /// The same for the objects that are made most, without formulas.
    fn quick(&self, what: Sized, length: i128) -> Option<Bytes> {
        let version = self.layout.version();
        let since_311 = version >= Version::Py311;
        let of = |blocks: [i128; 2]| {
            let [first, second] = blocks;
            Bytes {
                requested: Amount::Int(first + second),
                resident: Amount::Int(block(first) + if second == 0 { 0 } else { block(second) }),
            }
        };
        let n = u64::try_from(length).ok().filter(|n| *n < 1 << 40)?;
        let table = |bytes: u64, header: i128| of([header, i128::from(bytes) - header]);
        Some(match what {
            Sized::Int => {
                if length <= 256 {
                    return Some(Bytes::ZERO);
                }
                let bits = u128::BITS - length.unsigned_abs().leading_zeros();
                let digits = i128::from(bits.div_ceil(30));
                of([(24 + 4 * digits).max(if since_311 { 32 } else { 28 }), 0])
            }
            Sized::Str(Characters::Ascii) if n > 1 => of([length + if version < Version::Py312 { 49 } else { 41 }, 0]),
            Sized::Bytes if n > 1 => of([length + 33, 0]),
            Sized::Tuple if n > 0 => of([8 * length + 40, 0]),
            Sized::List(Elements::Appended) => table(function::list_bytes(n), 56),
            Sized::List(Elements::Exact) => of([56, 8 * length]),
            Sized::Dict(keys) if since_311 => {
                table(function::dict_bytes(n, if keys == Keys::Str { 16 } else { 24 }), 64)
            }
            Sized::Set => table(function::set_bytes(n), 216),
            _ => return None,
        })
    }

    /// `float`
    pub fn float(&self) -> Bytes {
        object(24)
    }

    /// An `int`. One of a value that is not known is taken to be of one digit, and no small one.
    pub fn int(&self, value: Option<&Amount>) -> Bytes {
        match value {
            Some(known @ Amount::Int(_)) => self.bytes_of(Sized::Int, known),
            // Large, or the mean of many (the length of a line).
            Some(Amount::Formula(formula)) if let Some(number) = formula.as_number() => {
                let whole = number.round().to_integer();
                if let Ok(small) = i128::try_from(&whole) {
                    return self.bytes_of(Sized::Int, &Amount::Int(small));
                }
                let least = if self.layout.version() >= Version::Py311 { 32 } else { 28 };
                object(i128::from(function::int_bytes(&whole, least)))
            }
            _ => self.bytes_of(Sized::Int, &Amount::Int(1 << 20)),
        }
    }

    /// A known value's own object, without what it holds.
    pub fn plain(&self, value: &Plain) -> Bytes {
        match value {
            Plain::None | Plain::Bool(_) => Bytes::ZERO,
            Plain::Int(int) => self.int(Some(&Amount::from(int))),
            Plain::Float(_) => self.float(),
            Plain::Str(text) => {
                let length = Amount::from(text.chars().count());
                self.bytes_of(Sized::Str(Characters::of(text)), &length)
            }
            Plain::Bytes(bytes) => self.bytes(&Amount::from(bytes.len())),
            Plain::List(items) => self.list_exact(&Amount::from(items.len())),
            Plain::Tuple(items) => self.tuple(&Amount::from(items.len())),
            Plain::Set(items) => self.set(&Amount::from(items.len())),
            Plain::Dict(items) => {
                let texts = items.iter().all(|(key, _)| matches!(key, Plain::Str(_)));
                self.dict(&Amount::from(items.len()), texts)
            }
            Plain::Range(..) => object(48),
            Plain::Iterable(..) => object(64),
        }
    }

    /// A known value with all that it holds, as far as it is new: each item counted once.
    pub fn deep(&self, value: &Plain) -> Bytes {
        let mut total = self.plain(value);
        match value {
            Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) | Plain::Iterable(_, items) => {
                for item in items.iter() {
                    total += &self.deep(item);
                }
            }
            Plain::Dict(items) => {
                for (key, item) in items.iter() {
                    total += &self.deep(key);
                    total += &self.deep(item);
                }
            }
            _ => {}
        }
        total
    }

    /// `str` of a width: 1 (ASCII), 2 or 4 bytes a character.
    pub fn str(&self, width: u8, length: &Amount) -> Bytes {
        let characters = match width {
            0 | 1 => Characters::Ascii,
            2 => Characters::Ucs2,
            _ => Characters::Ucs4,
        };
        self.bytes_of(Sized::Str(characters), length)
    }

    /// `bytes`
    pub fn bytes(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::Bytes, length)
    }

    /// `bytearray`
    pub fn bytearray(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::ByteArray, length)
    }

    /// `list` with as many slots as items.
    pub fn list_exact(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::List(Elements::Exact), length)
    }

    /// `list` that grew by appends. What is spare is asked for, and not touched where it is pages.
    pub fn list_grown(&self, length: &Amount) -> Bytes {
        let grown = self.bytes_of(Sized::List(Elements::Appended), length);
        match length {
            Amount::Int(known) if *known < TOUCHED_ELEMENTS => grown,
            _ => Bytes { resident: self.list_exact(length).resident, ..grown },
        }
    }

    /// `tuple`
    pub fn tuple(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::Tuple, length)
    }

    /// `dict`, all of whose keys are texts or not.
    pub fn dict(&self, length: &Amount, texts: bool) -> Bytes {
        self.bytes_of(Sized::Dict(if texts { Keys::Str } else { Keys::Any }), length)
    }

    /// `set`
    pub fn set(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::Set, length)
    }

    /// `collections.deque`
    pub fn deque(&self, length: &Amount) -> Bytes {
        self.bytes_of(Sized::Deque, length)
    }

    /// An instance with its attributes, in a dict or in slots.
    pub fn instance(&self, attributes: usize, slots: bool) -> Bytes {
        self.bytes_of(if slots { Sized::Slots } else { Sized::Instance }, &Amount::from(attributes))
    }
}

/// Bytes a character of a text.
pub fn width_of(text: &str) -> u8 {
    match Characters::of(text) {
        Characters::Ascii | Characters::Latin1 => 1,
        Characters::Ucs2 => 2,
        Characters::Ucs4 => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is computed without formulas is what the formulas say.
    #[test]
    fn quick_sizes_are_those_of_the_layout() {
        let lengths = (0..300).chain([1_000, 4_097, 65_535, 65_536, 1 << 20, (1 << 30) - 1, 1 << 30, 1 << 36]);
        for version in [Version::Py39, Version::Py310, Version::Py311, Version::Py312, Version::Py313] {
            let sizes = Sizes::of(version);
            for length in lengths.clone() {
                for what in [
                    Sized::Int,
                    Sized::Str(Characters::Ascii),
                    Sized::Bytes,
                    Sized::Tuple,
                    Sized::List(Elements::Appended),
                    Sized::List(Elements::Exact),
                    Sized::Dict(Keys::Str),
                    Sized::Dict(Keys::Any),
                    Sized::Set,
                ] {
                    let Some(quick) = sizes.quick(what, length) else { continue };
                    let exact = touched(&sizes.cost(what, &Formula::integer(length)));
                    assert_eq!(quick, exact, "{what:?} of {length} in {version:?}");
                }
            }
        }
    }
}
