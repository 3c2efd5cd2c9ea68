//! AWS Lambda's "Max Memory Used", estimated from what is measured: `data/max_memory_used.toml`, which says how it was
//! calibrated. The platform's figure is neither resident nor charged. Depends on `report`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::report::{MB, Peak};

/// The calibration, as benches/max_memory_used.py writes it.
const TEXT: &str = include_str!("data/max_memory_used.toml");

#[derive(Debug, Deserialize)]
struct Calibration {
    with_charged: Line,
    without_charged: Line,
}

/// An estimate that is linear in the figures, in MB.
#[derive(Debug, Deserialize)]
struct Line {
    constant_mb: f64,
    anonymous: f64,
    resident: f64,
    charged: f64,
}

/// The platform's figure for these peaks, in whole MB. `is_cold`: the run's own files were not in the page cache before,
/// so that what was charged is what a new instance is charged.
pub fn max_memory_used_mb(peak: &Peak, is_cold: bool) -> Option<u64> {
    static CALIBRATION: OnceLock<Option<Calibration>> = OnceLock::new();
    let calibration = CALIBRATION.get_or_init(|| toml::from_str(TEXT).ok()).as_ref()?;
    if peak.peak_resident_bytes == 0 {
        return None;
    }
    let charged = peak.peak_charged_bytes.filter(|_| is_cold);
    let line = if charged.is_some() { &calibration.with_charged } else { &calibration.without_charged };
    let mb = |bytes: u64| bytes as f64 / MB as f64;
    let estimate = line.constant_mb
        + line.anonymous * mb(peak.peak_anonymous_bytes)
        + line.resident * mb(peak.peak_resident_bytes)
        + line.charged * mb(charged.unwrap_or(0));
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
        charged_mb: f64,
        error_with_charged: f64,
        error_without_charged: f64,
    }

    /// The calibration's own data: left out and predicted from the others, half of the applications are within a tenth of
    /// the published figure, with and without knowing what is charged.
    #[test]
    fn the_calibration_is_as_good_as_it_says() {
        let data: Published = toml::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        let all = data.application;
        assert!(all.len() >= 10, "{}", all.len());
        let bytes = |mb: f64| (mb * MB as f64) as u64;
        for is_cold in [true, false] {
            let median = |mut errors: Vec<f64>| {
                errors.sort_by(f64::total_cmp);
                errors[errors.len() / 2]
            };
            let left_out: Vec<f64> = all
                .iter()
                .map(|app| if is_cold { app.error_with_charged.abs() } else { app.error_without_charged.abs() })
                .collect();
            assert!(median(left_out) <= 0.1);
            let fitted: Vec<f64> = all
                .iter()
                .map(|app| {
                    let peak = Peak {
                        peak_anonymous_bytes: bytes(app.anonymous_mb),
                        peak_resident_bytes: bytes(app.resident_mb),
                        peak_charged_bytes: Some(bytes(app.charged_mb)),
                    };
                    let estimate = max_memory_used_mb(&peak, is_cold).unwrap_or_else(|| panic!("{}", app.name));
                    (estimate as f64 / app.published_mb - 1.0).abs()
                })
                .collect();
            assert!(median(fitted) <= 0.1);
        }
        assert_eq!(max_memory_used_mb(&Peak::default(), true), None);
    }
}
