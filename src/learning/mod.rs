//! Learning: traces of library calls in, contracts out.
//!
//! One concern a file: `trace` (reading traces, naming bad ones), `harness` (making them, in the user's interpreter),
//! `fit` (least squares, selection, readable numbers), `residual` (what a formula leaves over), `summary` (few traces for many),
//! `engine` (many machines), `callable` (all traces of
//! one callable to an entry), `write` (the TOML file), `compare` (contracts against traces), `plot` (pictures of
//! both), `logs` (REPORT lines of
//! deployed functions). `fit` and `residual` are pure and deterministic. docs/LEARNING.md describes the whole.
//!
//! `harness` works on Linux alone. Depends on `diagnostic`, `formula`, `expression` and `contracts`.

pub mod callable;
pub mod compare;
pub mod engine;
pub mod fit;
#[cfg(target_os = "linux")]
pub mod harness;
pub mod logs;
pub mod plot;
pub mod residual;
pub mod summary;
pub mod trace;
pub mod write;

mod shipped {
    include!(concat!(env!("OUT_DIR"), "/workloads.rs"));
}

/// The workload files that ship: name and text.
pub fn shipped_workloads() -> &'static [(&'static str, &'static str)] {
    shipped::WORKLOADS
}

/// Says whether the user asked for an end; looked at a few times a second.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Sync);

/// The value at a share (0 to 1) of sorted values, by linear interpolation. None of nothing.
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let low = *sorted.get(at.floor() as usize)?;
    let high = *sorted.get(at.ceil() as usize)?;
    Some(low + (high - low) * at.fract())
}
