//! AWS Lambda's "Max Memory Used", estimated from what is measured: `data/max_memory_used.toml`, which says how it was
//! calibrated. The platform's figure is neither resident nor charged. Depends on `report`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::report::{Figures, MB};

/// The calibration, as benches/max_memory_used.py writes it.
const TEXT: &str = include_str!("data/max_memory_used.toml");

#[derive(Debug, Deserialize)]
struct Calibration {
    estimate: Line,
}

/// An estimate that is linear in the figures at the end of the initialisation, in MB.
#[derive(Debug, Deserialize)]
struct Line {
    constant_mb: f64,
    anonymous: f64,
    resident: f64,
}

/// The platform's figure, in whole MB, for a process that held this at the end of its initialisation and whose resident
/// memory grew by so many bytes above that. `None` where nothing ran.
pub fn max_memory_used_mb(init: &Figures, growth_bytes: u64) -> Option<u64> {
    static CALIBRATION: OnceLock<Option<Calibration>> = OnceLock::new();
    let calibration = CALIBRATION.get_or_init(|| toml::from_str(TEXT).ok()).as_ref()?;
    if init.end_resident_bytes == 0 {
        return None;
    }
    let line = &calibration.estimate;
    let mb = |bytes: u64| bytes as f64 / MB as f64;
    let estimate = line.constant_mb
        + line.anonymous * mb(init.end_anonymous_bytes)
        + line.resident * mb(init.end_resident_bytes)
        + mb(growth_bytes);
    Some(estimate.round().max(1.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Published {
        application: Vec<Application>,
    }

    #[derive(Deserialize)]
    struct Application {
        name: String,
        published_mb: f64,
        anonymous_mb: f64,
        resident_mb: f64,
        growth_mb: f64,
        left_out_error: f64,
    }

    /// Left out and predicted from the others, half of the applications are within a tenth of the published figure; and
    /// the estimate is the one that the file describes.
    #[test]
    fn the_calibration_is_as_good_as_it_says() {
        let data: Published = toml::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        let all = data.application;
        assert!(all.len() >= 10, "{}", all.len());
        let median = |mut errors: Vec<f64>| {
            errors.sort_by(f64::total_cmp);
            errors[errors.len() / 2]
        };
        assert!(median(all.iter().map(|app| app.left_out_error.abs()).collect()) <= 0.1);
        let bytes = |mb: f64| (mb * MB as f64) as u64;
        let fitted = all.iter().map(|app| {
            let init = Figures {
                end_anonymous_bytes: bytes(app.anonymous_mb),
                end_resident_bytes: bytes(app.resident_mb),
                ..Figures::default()
            };
            let estimate = max_memory_used_mb(&init, bytes(app.growth_mb)).unwrap_or_else(|| panic!("{}", app.name));
            (estimate as f64 / app.published_mb - 1.0).abs()
        });
        assert!(median(fitted.collect()) <= 0.1);
        assert_eq!(max_memory_used_mb(&Figures::default(), 1 << 20), None);
    }

    /// Data that an event brings counts once, whatever libraries do.
    #[test]
    fn growth_counts_as_it_is() {
        let init = Figures { end_anonymous_bytes: 8 * MB, end_resident_bytes: 15 * MB, ..Figures::default() };
        let of = |growth| max_memory_used_mb(&init, growth * MB).unwrap_or(0);
        assert_eq!(of(1000) - of(0), 1000);
    }
}
