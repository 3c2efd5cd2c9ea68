//! What CPython's objects take, by version: the sizes of objects, the growth of containers, what is free.
//!
//! Start with [`Layout::of`]; its methods answer a [`Cost`]: blocks with their sizes as formulas. [`Cost::requested`] is
//! what `tracemalloc` counts, [`Cost::resident`] what the allocators take for it, [`Cost::peak`] the most that is
//! requested while the object is built. Elements of containers are never part of a container's cost.
//!
//! 64-bit CPython with the global lock, on Linux with glibc. Steps that are no polynomials are named functions of the
//! language (`formula::function`: `py_list(n)` …), whose versions are part of their names. docs/MEMORY.md has the table
//! with the sources and what was checked. Depends on `formula` only.

mod cost;
mod layout;
mod version;

pub use cost::{Block, Bytes, Cost};
pub use layout::{Characters, Elements, InstanceLayout, Keys, Layout, Object};
pub use version::{Version, VersionError};
