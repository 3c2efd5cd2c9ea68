//! Reads a Python serverless handler and knows its memory before it runs.
//!
//! The parts, and what may depend on what, are described in docs/ARCHITECTURE.md. In short:
//! `project → cfg → flow → calls → memory, interface → cli/python`, with `diagnostic` and `formula` below all of them.
//! Nothing below `cli` prints, exits or reads the environment.

pub mod calls;
pub mod cfg;
pub mod check;
pub mod cli;
pub mod contracts;
pub mod debloat;
pub mod diagnostic;
pub mod draws;
pub mod expression;
pub mod footprint;
pub mod formula;
pub mod interface;
pub mod learning;
pub mod listing;
pub mod measure;
pub mod memory;
pub mod names;
pub mod prediction;
pub mod project;
#[cfg(feature = "python")]
mod python;
pub mod recommend;
pub mod workload;
