//! What an object takes, as blocks.

use crate::formula::Formula;
use crate::formula::function::function;

/// Blocks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// How many.
    pub count: Formula,
    /// What each of them was requested with, in bytes. 0 is no block.
    pub bytes: Formula,
}

/// What an object takes of the allocators, without what it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Its blocks.
    pub blocks: Vec<Block>,
    /// What is requested on top of them for a moment, at most, while the object is built: an old table beside the new.
    pub transient: Option<Formula>,
    /// The size is near and not exact (docs/MEMORY.md says what was taken for granted).
    pub is_rough: bool,
}

impl Cost {
    /// Takes nothing: shared, or free of cost.
    pub fn free() -> Self {
        Self::default()
    }

    /// One block.
    pub fn block(bytes: impl Into<Bytes>) -> Self {
        Self::free().and(bytes)
    }

    /// With one more block.
    #[must_use]
    pub fn and(mut self, bytes: impl Into<Bytes>) -> Self {
        let Bytes(bytes) = bytes.into();
        if !bytes.is_zero() {
            self.blocks.push(Block { count: Formula::one(), bytes });
        }
        self
    }

    /// With `count` more blocks of the same size.
    #[must_use]
    pub fn and_many(mut self, count: Formula, bytes: impl Into<Bytes>) -> Self {
        let Bytes(bytes) = bytes.into();
        if !bytes.is_zero() && !count.is_zero() {
            self.blocks.push(Block { count, bytes });
        }
        self
    }

    /// With what is requested for a moment while it is built.
    #[must_use]
    pub fn with_transient(mut self, bytes: Formula) -> Self {
        self.transient = Some(bytes);
        self
    }

    /// Marked as near and not exact.
    #[must_use]
    pub fn rough(mut self) -> Self {
        self.is_rough = true;
        self
    }

    /// Both, built one after the other.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.transient = match (self.transient, other.transient) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(a), Some(b)) => Some(Formula::max(vec![a, b])),
        };
        self.blocks.extend(other.blocks);
        self.is_rough |= other.is_rough;
        self
    }

    /// `count` of them, built one after the other.
    #[must_use]
    pub fn times(mut self, count: &Formula) -> Self {
        for block in &mut self.blocks {
            block.count = &block.count * count;
        }
        self
    }

    /// The bytes requested: what `tracemalloc` counts while the object lives.
    pub fn requested(&self) -> Formula {
        Formula::total(self.blocks.iter().map(|block| &block.count * &block.bytes))
    }

    /// The most bytes requested at once while the object is built.
    pub fn peak(&self) -> Formula {
        match &self.transient {
            Some(transient) => self.requested() + transient.clone(),
            None => self.requested(),
        }
    }

    /// The bytes that the allocators take for the blocks when all of them are touched: `pymalloc(…)` of each.
    pub fn resident(&self) -> Formula {
        Formula::total(self.blocks.iter().map(|block| &block.count * &named("pymalloc", &block.bytes)))
    }
}

/// An amount of bytes: a number or a formula.
#[derive(Clone, Debug)]
pub struct Bytes(pub Formula);

impl From<u64> for Bytes {
    fn from(bytes: u64) -> Self {
        Self(Formula::integer(bytes))
    }
}

impl From<Formula> for Bytes {
    fn from(bytes: Formula) -> Self {
        Self(bytes)
    }
}

/// A named function of one argument; the argument itself where there is no such function, which tests exclude.
pub(super) fn named(name: &str, argument: &Formula) -> Formula {
    match function(name) {
        Some(function) => Formula::named(function, argument),
        None => argument.clone(),
    }
}
