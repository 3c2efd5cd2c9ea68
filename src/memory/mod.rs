//! Memory: what a handler takes, by running it on an abstract machine.
//!
//! [`run`] executes a handler on its event with sizes in place of unknown contents, and answers in formulas over what
//! is not known: demand, peak (requested and resident), retained. `predict` turns them into numbers. May depend on
//! `calls`, `contracts`, `expression`, `formula` and `project`; never runs the code that it reads.

pub mod amount;
mod builtins;
mod calls;
mod carry;
mod complexes;
mod containers;
pub mod cpython;
mod expressions;
mod growth;
mod heap;
mod heaps;
mod inputs;
mod join;
mod library;
mod loops;
mod machine;
mod methods;
mod operators;
mod patterns;
mod pictures;
pub mod predict;
mod random;
pub mod ratios;
mod sizes;
mod slices;
mod sorting;
mod standard;
mod statements;
mod tasks;
mod texts;
pub mod unknown;
mod value;

pub use machine::{EXACT_STEPS, Options, ROUND_BY_ROUND};
pub use predict::{Outcome, run_bounded};
pub use statements::is_simple;
