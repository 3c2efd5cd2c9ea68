//! What a formula leaves over: the distribution of measured amount by formula.
//!
//! Pure. Depends on `contracts` (the type).

use statrs::distribution::{ContinuousCDF, Gamma, Normal, StudentsT};
use statrs::function::gamma::{digamma, ln_gamma};

use crate::contracts::{Distribution, Residual};

/// Spread of the ratio below which the formula counts as exact.
const EXACT: f64 = 1e-3;
/// How many times as wide a distribution is made at the most, for errors on sizes that were not seen.
const MOST_WIDER: f64 = 5.0;
/// Probabilities that an empirical distribution keeps.
const KEPT: &[f64] = &[0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// Fits the family that the ratios are most likely from: normal, lognormal or gamma; their quantiles if none fits.
/// Ratios that are not positive and finite are left out. None of fewer than three.
///
/// `unseen` is the mean relative error on sizes that the formula was not fitted to: where ratios of those that it was fitted
/// to are closer together than that says, the distribution is made as wide.
pub fn fit(ratios: &[f64], unseen: f64) -> Option<Residual> {
    let mut sorted: Vec<f64> = ratios.iter().copied().filter(|ratio| ratio.is_finite() && *ratio > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    if count < 3 {
        return None;
    }
    let traces = count as u64;
    let (first, last) = (sorted[0], sorted[count - 1]);
    if (first - 1.0).abs() <= EXACT && (last - 1.0).abs() <= EXACT && unseen <= EXACT {
        return Some(Residual { distribution: Distribution::Exact, traces, ks: None });
    }
    let middle = super::quantile(&sorted, 0.5).unwrap_or(1.0);
    let spread = sorted.iter().map(|ratio| (ratio - middle).abs()).sum::<f64>() / count as f64;
    if unseen > spread {
        // Nothing is below nothing.
        let most = if first < middle { 0.95 * middle / (middle - first) } else { f64::INFINITY };
        let factor = (unseen / spread.max(EXACT)).clamp(1.0, MOST_WIDER.min(most.max(1.0)));
        sorted.iter_mut().for_each(|ratio| *ratio = middle + factor * (*ratio - middle));
    }
    let mut best: Option<(f64, Distribution, f64)> = None;
    for (likelihood, distribution) in [normal(&sorted), lognormal(&sorted), gamma(&sorted)].into_iter().flatten() {
        let Some(ks) = kolmogorov_smirnov(&sorted, &distribution) else { continue };
        if likelihood.is_finite() && best.as_ref().is_none_or(|(known, ..)| likelihood > *known) {
            best = Some((likelihood, distribution, ks));
        }
    }
    let fitting = best.filter(|(.., ks)| *ks <= critical(count));
    Some(match fitting {
        Some((_, distribution, ks)) => {
            let wider = rounded(predictive(distribution, count));
            Residual { distribution: wider, traces, ks: Some(round(ks, 4)) }
        }
        None => {
            // The highest and lowest of few are not the ends of the distribution: what was seen of the tails goes on.
            let at = |p: f64| super::quantile(&sorted, p).unwrap_or(1.0);
            let beyond = (1.0 - count as f64 / 200.0).max(0.0);
            let value = |p: f64| match p {
                p if p >= 0.99 => at(p) + beyond * (at(1.0) - at(0.9)),
                p if p <= 0.01 => (at(p) - beyond * (at(0.1) - at(0.0))).max(0.0),
                p => at(p),
            };
            let quantiles = KEPT.iter().map(|p| round(value(*p), 5)).collect();
            Residual {
                distribution: Distribution::Empirical { probabilities: KEPT.to_vec(), quantiles },
                traces,
                ks: None,
            }
        }
    })
}

/// The distribution of the next ratio, where the parameters are known from `count` of them: wider than the one with the
/// parameters that fit best, by Student's factor at the 99th percentile (Geisser 1993, "Predictive Inference", 2.2).
fn predictive(distribution: Distribution, count: usize) -> Distribution {
    let n = count as f64;
    let Ok(student) = StudentsT::new(0.0, 1.0, (n - 1.0).max(1.0)) else { return distribution };
    let unbiased = (n / (n - 1.0).max(1.0)).sqrt();
    let factor = unbiased * (1.0 + 1.0 / n).sqrt() * student.inverse_cdf(0.99) / 2.326_347_9;
    match distribution {
        Distribution::Normal { mu, sigma } => Distribution::Normal { mu, sigma: sigma * factor },
        Distribution::LogNormal { mu, sigma } => Distribution::LogNormal { mu, sigma: sigma * factor },
        // The mean stays.
        Distribution::Gamma { shape, rate } => {
            Distribution::Gamma { shape: shape / factor.powi(2), rate: rate / factor.powi(2) }
        }
        other @ (Distribution::Exact | Distribution::Empirical { .. }) => other,
    }
}

/// Rounds to significant digits.
fn round(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(digits - 1 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    // Written and read again it is the same.
    format!("{rounded:.12}").parse().unwrap_or(rounded)
}

fn rounded(distribution: Distribution) -> Distribution {
    match distribution {
        Distribution::Normal { mu, sigma } => Distribution::Normal { mu: round(mu, 6), sigma: round(sigma, 4) },
        Distribution::LogNormal { mu, sigma } => Distribution::LogNormal { mu: round(mu, 5), sigma: round(sigma, 4) },
        Distribution::Gamma { shape, rate } => Distribution::Gamma { shape: round(shape, 6), rate: round(rate, 6) },
        other @ (Distribution::Exact | Distribution::Empirical { .. }) => other,
    }
}

fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64, f64) {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (count, mean, variance)
}

fn normal(sorted: &[f64]) -> Option<(f64, Distribution)> {
    let (count, mu, variance) = moments(sorted.iter().copied());
    let sigma = variance.sqrt();
    (sigma > 0.0).then(|| {
        let likelihood = -0.5 * count * ((2.0 * std::f64::consts::PI * variance).ln() + 1.0);
        (likelihood, Distribution::Normal { mu, sigma })
    })
}

fn lognormal(sorted: &[f64]) -> Option<(f64, Distribution)> {
    let (count, mu, variance) = moments(sorted.iter().map(|value| value.ln()));
    let sigma = variance.sqrt();
    (sigma > 0.0).then(|| {
        let likelihood = -0.5 * count * ((2.0 * std::f64::consts::PI * variance).ln() + 1.0) - count * mu;
        (likelihood, Distribution::LogNormal { mu, sigma })
    })
}

/// Maximum likelihood by Newton's method on the shape (Minka 2002, "Estimating a Gamma distribution").
fn gamma(sorted: &[f64]) -> Option<(f64, Distribution)> {
    let (count, mean, _) = moments(sorted.iter().copied());
    let log_mean = sorted.iter().map(|value| value.ln()).sum::<f64>() / count;
    let gap = mean.ln() - log_mean;
    if gap <= 1e-12 {
        return None;
    }
    let mut shape = 0.5 / gap;
    for _ in 0..20 {
        let step = 1e-4 * shape;
        let slope = (digamma(shape + step) - digamma(shape - step)) / (2.0 * step);
        let inverse = 1.0 / shape + (shape.ln() - digamma(shape) - gap) / (shape * shape * (1.0 / shape - slope));
        if !inverse.is_finite() || inverse <= 0.0 {
            break;
        }
        shape = 1.0 / inverse;
    }
    let rate = shape / mean;
    let likelihood =
        count * (shape * rate.ln() - ln_gamma(shape)) + (shape - 1.0) * count * log_mean - rate * count * mean;
    (shape.is_finite() && shape > 0.0 && rate.is_finite() && likelihood.is_finite())
        .then_some((likelihood, Distribution::Gamma { shape, rate }))
}

/// The largest distance between the distribution and that of the sorted values.
pub fn kolmogorov_smirnov(sorted: &[f64], distribution: &Distribution) -> Option<f64> {
    let count = sorted.len() as f64;
    let below: Box<dyn Fn(f64) -> f64> = match distribution {
        Distribution::Normal { mu, sigma } => {
            let normal = Normal::new(*mu, *sigma).ok()?;
            Box::new(move |x| normal.cdf(x))
        }
        Distribution::LogNormal { mu, sigma } => {
            let normal = Normal::new(*mu, *sigma).ok()?;
            Box::new(move |x| normal.cdf(x.ln()))
        }
        Distribution::Gamma { shape, rate } => {
            let gamma = Gamma::new(*shape, *rate).ok()?;
            Box::new(move |x| gamma.cdf(x))
        }
        Distribution::Exact | Distribution::Empirical { .. } => return None,
    };
    let mut most = 0.0f64;
    for (n, x) in sorted.iter().enumerate() {
        let p = below(*x);
        most = most.max((p - n as f64 / count).abs()).max(((n + 1) as f64 / count - p).abs());
    }
    Some(most)
}

/// The distance that is exceeded by chance once in twenty, parameters being fitted. Source: Lilliefors 1967 for the
/// normal distribution, by the approximation of Dallal and Wilkinson 1986 for its 5 % point.
fn critical(count: usize) -> f64 {
    let n = count as f64;
    0.886 / (n.sqrt() - 0.01 + 0.83 / n.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in 0 to 1, the same on every run.
    fn uniform(count: usize) -> impl Iterator<Item = f64> {
        (0..count).scan(12345u64, |state, _| {
            *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            Some(((*state >> 11) as f64 + 0.5) / (1u64 << 53) as f64)
        })
    }

    #[test]
    fn the_family_that_made_the_ratios_is_found() {
        let normal = Normal::new(0.0, 1.0).expect("a distribution");
        let wide: Vec<f64> = uniform(400).map(|p| (0.6 * normal.inverse_cdf(p)).exp()).collect();
        let found = fit(&wide, 0.0).expect("a fit");
        let Distribution::LogNormal { mu, sigma } = found.distribution else { panic!("{found:?}") };
        assert!(mu.abs() < 0.1 && (sigma - 0.6).abs() < 0.06, "{found:?}");
        let narrow: Vec<f64> = uniform(400).map(|p| 5.0 + 1.0 * normal.inverse_cdf(p)).collect();
        let found = fit(&narrow, 0.0).expect("a fit");
        assert!((found.quantile(0.5) - 5.0).abs() < 0.15 && found.ks.is_some(), "{found:?}");
    }

    #[test]
    fn two_clusters_are_no_family() {
        let ratios: Vec<f64> = (0..100).map(|n| if n % 3 == 0 { 0.5 + n as f64 * 1e-5 } else { 2.0 }).collect();
        let found = fit(&ratios, 0.0).expect("a fit");
        assert_eq!(found.distribution.name(), "empirical");
        assert!((found.quantile(0.99) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn of_few_ratios_the_next_one_may_be_farther_out() {
        let normal = Normal::new(1.0, 0.05).expect("a distribution");
        let of = |count: usize| -> Vec<f64> {
            (0..count).map(|n| normal.inverse_cdf((n as f64 + 0.5) / count as f64)).collect()
        };
        let (few, many) = (fit(&of(10), 0.0).expect("a fit"), fit(&of(1000), 0.0).expect("a fit"));
        // 2.3 standard deviations of many; of ten, by Student's distribution, at least a quarter more.
        assert!((many.quantile(0.99) - 1.116).abs() < 0.005, "{many:?}");
        assert!(few.quantile(0.99) > 1.14 && few.quantile(0.99) < 1.2, "{few:?}");
    }

    #[test]
    fn what_is_exact_is_called_so() {
        assert_eq!(fit(&[1.0, 1.0002, 0.9999], 0.0).map(|r| r.distribution), Some(Distribution::Exact));
        assert_eq!(fit(&[1.0, f64::NAN], 0.0), None);
    }

    #[test]
    fn errors_on_sizes_that_were_not_seen_make_it_wider() {
        let normal = Normal::new(1.0, 0.01).expect("a distribution");
        let ratios: Vec<f64> = (0..100).map(|n| normal.inverse_cdf((f64::from(n) + 0.5) / 100.0)).collect();
        let (narrow, wide) = (fit(&ratios, 0.0).expect("a fit"), fit(&ratios, 0.03).expect("a fit"));
        // The mean distance from the middle is 0.008: that of sizes that were left out is nearly four times as much.
        assert!((narrow.quantile(0.99) - 1.024).abs() < 0.002, "{narrow:?}");
        assert!((wide.quantile(0.99) - 1.09).abs() < 0.01, "{wide:?}");
        // Less than what is seen changes nothing.
        assert_eq!(fit(&ratios, 0.005), fit(&ratios, 0.0));
    }
}
