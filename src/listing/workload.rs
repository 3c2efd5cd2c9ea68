//! A workload as far as listings need it: values of inputs and of what is not known, small, medium and large.
//!
//! The file is that of [`crate::workload`]; of a distribution the tenth, the half and nine tenths stand for small, medium and
//! large.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Kind, Span};
use crate::workload::{Drawn, Entry, Source};

/// The sizes that are told, and the share of values below each.
pub const SIZES: [(&str, f64); 3] = [("small", 0.1), ("medium", 0.5), ("large", 0.9)];

/// Inputs by name: the value of each size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Values of small, medium and large, by name.
    pub values: BTreeMap<String, [Json; 3]>,
}

/// At a share of sorted values.
fn quantile<T: Clone>(sorted: &[T], share: f64) -> Option<T> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    // Away from the middle: of two values one is small and one is large.
    let place = if share < 0.5 { place.floor() } else { place.ceil() };
    sorted.get(place as usize).cloned()
}

/// The values of an entry at the shares of small, medium and large.
fn sizes(entry: &Entry) -> Option<[Json; 3]> {
    let plain = |drawn: &Drawn| match drawn {
        Drawn::Value(value) => value.clone(),
        Drawn::Length(length) => Json::from(*length),
    };
    if entry.sizes.is_some() {
        return entry.sizes.clone();
    }
    match &entry.source {
        Source::Open => None,
        Source::Fixed(drawn) => Some([plain(drawn), plain(drawn), plain(drawn)]),
        Source::Listed { items, .. } | Source::Rows(items) => {
            let mut sorted: Vec<Json> = items.iter().map(plain).collect();
            sorted.sort_by(|a, b| match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => a.to_string().len().cmp(&b.to_string().len()),
            });
            Some(SIZES.map(|(_, share)| quantile(&sorted, share).unwrap_or(Json::Null)))
        }
        Source::Numbers { distribution, integer, length } => Some(SIZES.map(|(_, share)| {
            let number = distribution.at(share);
            match integer | length {
                true => Json::from(number.round() as i64),
                false => serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number),
            }
        })),
    }
}

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// `invalid-workload`, with the place.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        let mut values = BTreeMap::new();
        for entry in &crate::workload::Workload::parse(file, text)?.entries {
            let found = sizes(entry).ok_or_else(|| {
                Diagnostic::new(Kind::InvalidWorkload, format!("`{}` has no values", entry.name))
                    .in_file(file)
                    .at(Span::point(entry.line, entry.column))
                    .help("give it `values = […]`, `value`, a distribution, or `small`, `medium`, `large`")
            })?;
            values.insert(entry.name.clone(), found);
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
                vec!["1".to_owned(), "5".to_owned(), "9".to_owned()],
                vec!["7".to_owned(); 3],
            )
        );
        let error = Workload::parse(Path::new("w.toml"), "[inputs.n]\n").map_err(|error| error.to_string());
        assert_eq!(error, Err("w.toml:1:9: `n` has no values (invalid-workload)".to_owned()));
    }
}
