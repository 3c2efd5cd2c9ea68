//! The listing's memory section as data: `listing.json`. Every number says how it is known.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Kind, Schema, Span};

/// How a number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A run of the function gave it.
    Measured,
    /// Runs of other code gave it: contracts of libraries, footprints of imports, sizes of Python's objects.
    Learned,
    /// Nobody knows it: it was chosen, and `note` says why.
    Assumed,
}

impl Basis {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Basis::Measured => "measured",
            Basis::Learned => "learned",
            Basis::Assumed => "assumed",
        }
    }
}

/// A number and how it is known. Null where it is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Number {
    /// The number; null if it is not known.
    pub value: Option<f64>,
    /// How it is known; what it would be, where it is not.
    pub basis: Basis,
    /// What it rests on, or why it is not known.
    pub note: Option<String>,
}

impl Number {
    /// A number that is known.
    pub fn new(value: f64, basis: Basis) -> Self {
        Self { value: Some(value).filter(|value| value.is_finite()), basis, note: None }
    }

    /// One that is not, and why.
    pub fn unknown(basis: Basis, why: impl Into<String>) -> Self {
        Self { value: None, basis, note: Some(why.into()) }
    }

    /// With what it rests on.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// A formula in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Formula {
    /// The formula over inputs and unknowns; null where it is too long to be of use.
    pub bytes: Option<String>,
    /// Its order of growth; null where that is not known.
    pub growth: Option<String>,
}

/// One way through a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Way {
    /// When it is taken; empty if always.
    pub conditions: Vec<String>,
    /// What it calls, in words: a sum of terms.
    pub words: String,
}

/// What a function needs for inputs of one size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Size {
    /// `small`, `medium` or `large`.
    pub name: String,
    /// The inputs, or the event, for people.
    pub inputs: String,
    /// Values by input.
    pub values: BTreeMap<String, serde_json::Value>,
    /// Whether the values are measured events or assumed.
    pub basis: Option<Basis>,
    /// High-water mark of requested bytes above the level at entry.
    pub peak_bytes: Option<Number>,
    /// What the process holds at the most.
    pub footprint_bytes: Option<Number>,
    /// Time of a warm request at the recommended setting.
    pub duration_ms: Option<Number>,
    /// USD of a million requests at the recommended setting.
    pub cost_per_million_usd: Option<Number>,
}

/// The memory setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// The recommended one, in MB.
    pub recommended_mb: Option<Number>,
    /// The template's, in MB.
    pub template_mb: Option<u64>,
    /// What is kept free, in per cent of the footprint.
    pub headroom_percent: f64,
    /// How many of a hundred requests must fit.
    pub percentile: f64,
    /// The platform whose limits and prices were taken, and their date.
    pub platform: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tested {
    /// Events that were run.
    pub events: usize,
    /// The least footprint among them, in bytes.
    pub least_bytes: u64,
    /// The largest footprint among them, in bytes.
    pub most_bytes: u64,
}

/// A setting that was put to the proof (`meminterface validate`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// The day, in UTC.
    pub date: String,
    /// The kernel that it ran on.
    pub kernel: String,
    /// The version of Python.
    pub python: String,
    /// Whether every event survived under the setting.
    pub passed: bool,
    /// Whether a real limit was enforced.
    pub proven: bool,
    /// Events.
    pub events: usize,
    /// The setting, in MB.
    pub recommended_mb: Option<u64>,
    /// The smallest setting that survives, in MB.
    pub smallest_surviving_mb: Option<u64>,
    /// The largest footprint that was measured, in bytes.
    pub footprint_bytes: u64,
    /// How far predictions were off at the most, as a share of what was measured; null without predictions.
    pub error: Option<f64>,
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// Its name in formulas.
    pub name: String,
    /// Why it is not known.
    pub cause: String,
    /// The file.
    pub file: String,
    /// The line; 0 if it is no place of the source.
    pub line: u32,
}

/// A library of contracts, or a package of footprints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    /// The library.
    pub library: String,
    /// The versions that its contracts were checked with.
    pub versions: Option<String>,
}

/// A function of the application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Function {
    /// The template's name for it, or its own.
    pub name: String,
    /// `module.function`.
    pub handler: String,
    /// The file that defines it.
    pub file: String,
    /// Bytes requested, nothing reclaimed.
    pub demand: Formula,
    /// High-water mark of requested bytes above the level at entry.
    pub peak: Formula,
    /// The part of the peak that is resident.
    pub resident_peak: Formula,
    /// Bytes that stay from one invocation to the next.
    pub retained: Formula,
    /// Whether the function was followed to its end.
    pub complete: bool,
    /// The ways through it, in words; at most sixteen.
    pub ways: Vec<Way>,
    /// Whether there are more ways.
    pub more_ways: bool,
    /// What drives its memory: statements, the most important first.
    pub drivers: Vec<String>,
    /// What is not known.
    pub unknown: Vec<Unknown>,
    /// What the process holds before its first event, in bytes.
    pub baseline_bytes: Option<Number>,
    /// The memory setting.
    pub setting: Setting,
    /// What it needs for inputs of three sizes.
    pub sizes: Vec<Size>,
    /// USD of a million requests of the middle size at the recommended setting.
    pub cost_per_million_usd: Option<Number>,
    /// Time of a cold start's initialisation.
    pub cold_start_ms: Option<Number>,
    /// What was tried.
    pub tested: Option<Tested>,
    /// Whether and how the setting was proven.
    pub validation: Option<Validation>,
    /// The file of its interface, from the listing's folder.
    pub interface_file: Option<String>,
}

/// The application, as a marketplace shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Application {
    /// Its name.
    pub name: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// Who publishes it.
    pub author: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// The repository of its source.
    pub source_code_url: Option<String>,
}

/// The memory of an application's functions. What `meminterface listing` writes as `listing.json`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Listing {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool.
    pub tool_version: String,
    /// The application.
    pub application: Application,
    /// The contracts that formulas rest on.
    pub contracts: Vec<Contract>,
    /// The functions, in the order of the template.
    pub functions: Vec<Function>,
}

impl Listing {
    /// Reads a listing that this tool wrote.
    ///
    /// # Errors
    /// `invalid-listing`, with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        #[derive(Deserialize)]
        struct Read {
            tool_version: String,
            application: Application,
            contracts: Vec<Contract>,
            functions: Vec<Function>,
        }
        let wrong = |why: String| {
            Diagnostic::new(Kind::InvalidListing, why)
                .in_file(file)
                .help("`meminterface listing template.yaml -o DIR` writes a `listing.json`")
        };
        let at = |error: &serde_json::Error| {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
            Span::point(number(error.line()), number(error.column()))
        };
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| wrong(format!("is no JSON: {error}")).at(at(&error)))?;
        if document["schema"]["name"].as_str() != Some(Schema::LISTING.name) {
            return Err(wrong("is no listing".to_owned()));
        }
        if document["schema"]["version"].as_u64() != Some(u64::from(Schema::LISTING.version)) {
            let version = &document["schema"]["version"];
            return Err(wrong(format!(
                "has version {version} of the form; this tool reads {}",
                Schema::LISTING.version
            )));
        }
        let read: Read = serde_json::from_str(text)
            .map_err(|error| wrong(format!("is no whole listing: {error}")).at(at(&error)))?;
        Ok(Self {
            schema: Schema::LISTING,
            tool_version: read.tool_version,
            application: read.application,
            contracts: read.contracts,
            functions: read.functions,
        })
    }
}

/// The day of a number of seconds since 1970, in UTC: `2026-11-21`.
pub fn date(seconds: u64) -> String {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    let days = i64::try_from(seconds / 86_400).unwrap_or(0) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_795_219_200), "2026-11-21");
    }
}
