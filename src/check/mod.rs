//! Memory budgets, and what changed between two states of a project.
//!
//! [`analyse`](analyse::analyse) reads handlers into [`Profile`]s (cached by content in `cache`); `budget` holds them to
//! what a project allows itself; `compare` says what changed since an earlier [`State`]; `report` is the one result,
//! which `render` writes as text, SARIF, GitHub annotations, JUnit and Markdown. Reads files of the project and of its
//! own cache; runs nothing of the user's code. Depends on `memory`, `recommend` and what is below them.

pub mod analyse;
pub mod budget;
pub mod cache;
pub mod compare;
mod profile;
pub mod render;
pub mod report;

pub use analyse::{Given, Settings};
pub use budget::Budgets;
pub use profile::{Allocation, At, Bounds, Profile, Quantity, State, Unknown};
pub use report::Report;

/// A fingerprint of some text: FNV-1a, 128 bits. Not for adversaries: it names entries of a private cache.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for part in parts {
        // The length in front keeps ("ab", "c") and ("a", "bc") apart.
        for byte in part.len().to_le_bytes().iter().chain(part) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    hash
}
