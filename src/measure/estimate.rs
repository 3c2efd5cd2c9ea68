//! AWS Lambda's "Max Memory Used", estimated from what is measured: `data/max_memory_used.toml`, which says how it was
//! calibrated. The platform's figure is neither resident nor charged. Depends on `report`.

use std::sync::OnceLock;

use serde::Deserialize;

use super::report::{Figures, MB};

/// The calibration, as benches/max_memory_used.py writes it.
const TEXT: &str = include_str!("data/max_memory_used.toml");

#[derive(Debug, Deserialize)]
struct Calibration {
    with_page_cache: WithPageCache,
    without_page_cache: WithoutPageCache,
}

/// What the platform counts besides resident memory, in MB: a share of the page cache.
#[derive(Debug, Deserialize)]
struct WithPageCache {
    constant_mb: f64,
    page_cache: f64,
}

/// The same where the page cache is not known: a share of the file pages that are resident.
#[derive(Debug, Deserialize)]
struct WithoutPageCache {
    constant_mb: f64,
    files: f64,
}

/// The platform's figure, in whole MB, for a process that held this at the end of its initialisation and whose resident
/// memory grew by so many bytes above that. `is_cold`: the run's own files were not in the page cache before, so that what
/// was charged is what a new instance is charged. `None` where nothing ran.
pub fn max_memory_used_mb(init: &Figures, growth_bytes: u64, is_cold: bool) -> Option<u64> {
    static CALIBRATION: OnceLock<Option<Calibration>> = OnceLock::new();
    let calibration = CALIBRATION.get_or_init(|| toml::from_str(TEXT).ok()).as_ref()?;
    if init.end_resident_bytes == 0 {
        return None;
    }
    let mb = |bytes: u64| bytes as f64 / MB as f64;
    let besides = match init.end_charged_bytes.filter(|_| is_cold) {
        Some(charged) => {
            let line = &calibration.with_page_cache;
            line.constant_mb + line.page_cache * mb(charged.saturating_sub(init.end_resident_bytes))
        }
        None => {
            let line = &calibration.without_page_cache;
            line.constant_mb + line.files * mb(init.end_resident_bytes.saturating_sub(init.end_anonymous_bytes))
        }
    };
    let estimate = mb(init.end_resident_bytes.saturating_add(growth_bytes)) + besides;
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
        growth_mb: f64,
        error_with_page_cache: f64,
    }

    fn median(errors: impl Iterator<Item = f64>) -> f64 {
        let mut errors: Vec<f64> = errors.map(f64::abs).collect();
        errors.sort_by(f64::total_cmp);
        errors.get(errors.len() / 2).copied().unwrap_or(f64::INFINITY)
    }

    /// Left out and predicted from the others, half of the applications are within a tenth of the published figure; and
    /// the estimate is the one that the file describes.
    #[test]
    fn the_calibration_is_as_good_as_it_says() {
        let data: Published = toml::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        let all = data.application;
        assert!(all.len() >= 10, "{}", all.len());
        assert!(median(all.iter().map(|app| app.error_with_page_cache)) <= 0.1);
        let bytes = |mb: f64| (mb * MB as f64) as u64;
        for (is_cold, most) in [(true, 0.1), (false, 0.2)] {
            let fitted = all.iter().map(|app| {
                let init = Figures {
                    end_anonymous_bytes: bytes(app.anonymous_mb),
                    end_resident_bytes: bytes(app.resident_mb),
                    end_charged_bytes: Some(bytes(app.charged_mb)),
                    ..Figures::default()
                };
                let estimate = max_memory_used_mb(&init, bytes(app.growth_mb), is_cold);
                estimate.unwrap_or_else(|| panic!("{}", app.name)) as f64 / app.published_mb - 1.0
            });
            assert!(median(fitted) <= most);
        }
        assert_eq!(max_memory_used_mb(&Figures::default(), 1 << 20, true), None);
    }

    /// Data counts once, whether a module holds it or an event brings it.
    #[test]
    fn data_counts_once() {
        let of = |held: u64, growth: u64, is_cold| {
            let init = Figures {
                end_anonymous_bytes: (8 + held) * MB,
                end_resident_bytes: (15 + held) * MB,
                end_charged_bytes: Some((30 + held) * MB),
                ..Figures::default()
            };
            max_memory_used_mb(&init, growth * MB, is_cold).unwrap_or(0)
        };
        for is_cold in [true, false] {
            assert_eq!(of(1000, 0, is_cold) - of(0, 0, is_cold), 1000);
            assert_eq!(of(0, 1000, is_cold) - of(0, 0, is_cold), 1000);
        }
    }
}
