//! Files, modules, import resolution and handler discovery.
//!
//! Reads the file system; never runs or imports what it reads. May depend on `diagnostic` alone.

pub mod discover;
pub mod events;
pub mod imports;
pub mod modules;
pub mod pattern;
pub mod source;

pub use modules::{LoadOptions, Module, ModuleId, Project};
pub use source::{Source, Sources};
