//! Versions of CPython.

use std::fmt;
use std::str::FromStr;

/// A version of CPython whose memory is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 3.9
    Py39,
    /// 3.10
    Py310,
    /// 3.11
    Py311,
    /// 3.12
    Py312,
    /// 3.13
    Py313,
    /// 3.14: not checked by running; see [`Version::is_checked`].
    Py314,
}

/// A text that names no version of CPython whose memory is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of Python whose memory is known: 3.9 to 3.14 are")]
pub struct VersionError(pub String);

impl Version {
    /// All, oldest first.
    pub const ALL: [Self; 6] = [Self::Py39, Self::Py310, Self::Py311, Self::Py312, Self::Py313, Self::Py314];

    /// The newest that was checked by running.
    pub const NEWEST_CHECKED: Self = Self::Py313;

    /// The number after `3.`.
    pub fn minor(self) -> u8 {
        match self {
            Self::Py39 => 9,
            Self::Py310 => 10,
            Self::Py311 => 11,
            Self::Py312 => 12,
            Self::Py313 => 13,
            Self::Py314 => 14,
        }
    }

    /// Whether its sizes were compared with a running interpreter. 3.14 was not: it is taken to be as 3.13.
    pub fn is_checked(self) -> bool {
        self <= Self::NEWEST_CHECKED
    }
}

impl Default for Version {
    fn default() -> Self {
        Self::NEWEST_CHECKED
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads `3.11`, `3.11.7`, `python3.11` (the platforms' runtimes), `py311`, `python:3.11`.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let error = || VersionError(text.chars().take(40).collect());
        let lower = text.trim().to_ascii_lowercase();
        let number = ["python", "cpython", "py"].iter().find_map(|prefix| lower.strip_prefix(prefix)).unwrap_or(&lower);
        let number = number.trim_start_matches([':', ' ', '-', '=']);
        let minor = match number.strip_prefix("3.") {
            Some(rest) => rest.split('.').next().unwrap_or_default(),
            // Without a dot: `py311`, `python39`.
            None if !number.contains('.') => number.strip_prefix('3').ok_or_else(error)?,
            None => return Err(error()),
        };
        let has_patch_only = number.split('.').skip(2).all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric()));
        Self::ALL.into_iter().find(|v| has_patch_only && v.minor().to_string() == minor).ok_or_else(error)
    }
}
