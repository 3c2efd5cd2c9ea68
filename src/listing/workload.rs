//! A workload as far as listings need it: values of inputs and of what is not known, small, medium and large.
//!
//! The file is the one that `measure --record-mcvs` and `recommend --write-workload` write: tables `[inputs.NAME]` and
//! `[mcvs.NAME]` with `values`, `lengths`, `value`, or `min` and `max`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value as Json;
use toml::Spanned;

use crate::diagnostic::{Diagnostic, Kind, Span};

/// The sizes that are told, and the share of values below each.
pub const SIZES: [(&str, f64); 3] = [("small", 0.1), ("medium", 0.5), ("large", 0.9)];

/// Inputs by name: the value of each size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Values of small, medium and large, by name.
    pub values: BTreeMap<String, [Json; 3]>,
}

#[derive(Deserialize)]
struct Entry {
    value: Option<toml::Value>,
    values: Option<Vec<toml::Value>>,
    lengths: Option<Vec<u64>>,
    min: Option<toml::Value>,
    max: Option<toml::Value>,
    small: Option<toml::Value>,
    medium: Option<toml::Value>,
    large: Option<toml::Value>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    inputs: BTreeMap<String, Spanned<Entry>>,
    #[serde(default)]
    mcvs: BTreeMap<String, Spanned<Entry>>,
}

fn placed(file: &Path, text: &str, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
    let before = text.get(..range.start).unwrap_or(text);
    let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
    let column = u32::try_from(before.rsplit('\n').next().unwrap_or("").chars().count() + 1).unwrap_or(u32::MAX);
    let diagnostic = Diagnostic::new(Kind::InvalidListing, message).in_file(file).at(Span::point(line, column));
    match text.lines().nth(line.saturating_sub(1) as usize) {
        Some(line) => diagnostic.excerpt(line.chars().take(400).collect::<String>()),
        None => diagnostic,
    }
}

/// At a share of sorted values.
fn quantile<T: Clone>(sorted: &[T], share: f64) -> Option<T> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    // Away from the middle: of two values one is small and one is large.
    let place = if share < 0.5 { place.floor() } else { place.ceil() };
    sorted.get(place as usize).cloned()
}

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// `invalid-listing`, with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        let help = "docs/LISTING.md describes workloads: `[inputs.n]`, `values = [10, 1000, 100000]`";
        let parsed: File = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or("is no TOML").to_owned();
            placed(file, text, &error.span().unwrap_or(0..0), format!("is no workload: {message}")).help(help)
        })?;
        let mut values = BTreeMap::new();
        for (name, entry) in parsed.inputs.into_iter().chain(parsed.mcvs) {
            let span = entry.span();
            let json = crate::check::budget::json_of;
            let entry = entry.into_inner();
            let number = |value: &Option<toml::Value>| {
                value.as_ref().and_then(|value| value.as_float().or_else(|| value.as_integer().map(|int| int as f64)))
            };
            let found: Option<[Json; 3]> = match &entry {
                Entry { small: Some(small), medium: Some(medium), large: Some(large), .. } => {
                    Some([json(small), json(medium), json(large)])
                }
                Entry { value: Some(value), .. } => Some([json(value), json(value), json(value)]),
                Entry { values: Some(all), .. } if !all.is_empty() => {
                    let mut sorted: Vec<Json> = all.iter().map(json).collect();
                    sorted.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
                        (Some(a), Some(b)) => a.total_cmp(&b),
                        _ => a.to_string().len().cmp(&b.to_string().len()),
                    });
                    let at = |share: f64| quantile(&sorted, share).unwrap_or(Json::Null);
                    Some(SIZES.map(|(_, share)| at(share)))
                }
                Entry { lengths: Some(all), .. } if !all.is_empty() => {
                    let mut sorted = all.clone();
                    sorted.sort_unstable();
                    Some(SIZES.map(|(_, share)| quantile(&sorted, share).map_or(Json::Null, Json::from)))
                }
                _ => match (number(&entry.min), number(&entry.max)) {
                    (Some(min), Some(max)) if min <= max => {
                        Some([min, f64::midpoint(min, max), max].map(|value| Json::from(value.round() as i64)))
                    }
                    _ => None,
                },
            };
            let name_help = "give it `values = […]`, `value`, `min` and `max`, or `small`, `medium`, `large`";
            let Some(found) = found else {
                return Err(placed(file, text, &span, format!("`{name}` has no values")).help(name_help));
            };
            values.insert(name, found);
        }
        if values.is_empty() {
            return Err(placed(file, text, &(0..0), "holds no inputs").help(help));
        }
        Ok(Self { values })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Workload;

    #[test]
    fn sizes_of_values() {
        let text = "[inputs.n]\nvalues = [30, 10, 20]\n[inputs.m]\nmin = 0\nmax = 10\n[mcvs.rows]\nlengths = [7]\n";
        let workload = Workload::parse(Path::new("w.toml"), text).unwrap_or_else(|error| panic!("{error}"));
        let of = |name: &str| workload.values[name].iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (of("n"), of("m"), of("rows")),
            (
                vec!["10".to_owned(), "20".to_owned(), "30".to_owned()],
                vec!["0".to_owned(), "5".to_owned(), "10".to_owned()],
                vec!["7".to_owned(); 3],
            )
        );
        let error = Workload::parse(Path::new("w.toml"), "[inputs.n]\n").map_err(|error| error.to_string());
        assert_eq!(error, Err("w.toml:1:1: `n` has no values (invalid-listing)".to_owned()));
    }
}
