//! What a publisher needs for a marketplace: the metadata that its template must hold ([`sar`], [`edit`]), and what the
//! listing says of memory ([`document`], written by [`markdown`] and [`badge`], held against others by [`compare`]).
//!
//! Reads the template and the files beside it; writes nothing. Depends on `check` and what is below it.

pub mod badge;
pub mod compare;
pub mod document;
pub mod edit;
pub mod markdown;
pub mod sar;
pub mod workload;

pub use document::{Basis, Function, Listing, Number};
