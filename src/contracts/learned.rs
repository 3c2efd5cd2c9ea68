//! What a learned contract says of itself: what its formulas leave over, and where it comes from.
//!
//! Depends on nothing of the crate.

use statrs::distribution::{ContinuousCDF, Gamma, Normal};

use super::Text;

/// How the ratio of a measured amount to the formula's is distributed.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// The formula gives the amount, to a thousandth.
    Exact,
    /// Normal: mean and standard deviation of the ratio.
    Normal {
        /// Mean of the ratio.
        mu: f64,
        /// Its standard deviation.
        sigma: f64,
    },
    /// The logarithm of the ratio is normal.
    LogNormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Its standard deviation.
        sigma: f64,
    },
    /// Gamma, by shape and rate.
    Gamma {
        /// Shape.
        shape: f64,
        /// Rate: the mean is `shape/rate`.
        rate: f64,
    },
    /// No family fits: quantiles of what was seen, by probability.
    Empirical {
        /// Ascending, in 0 to 1.
        probabilities: Vec<f64>,
        /// The ratio at each of them, ascending.
        quantiles: Vec<f64>,
    },
}

impl Distribution {
    /// Its name in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Normal { .. } => "normal",
            Self::LogNormal { .. } => "lognormal",
            Self::Gamma { .. } => "gamma",
            Self::Empirical { .. } => "empirical",
        }
    }
}

/// What the formula of one amount leaves over: measured amount = formula × a ratio of this distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// The distribution of the ratio.
    pub distribution: Distribution,
    /// Traces that it was fitted to.
    pub traces: u64,
    /// The Kolmogorov-Smirnov statistic of the fit; none for `exact` and `empirical`.
    pub ks: Option<f64>,
}

impl Residual {
    /// The ratio that is not exceeded with a probability (0 to 1). Never negative; 1 where the parameters make no sense.
    pub fn quantile(&self, probability: f64) -> f64 {
        let p = probability.clamp(1e-9, 1.0 - 1e-9);
        let found = match &self.distribution {
            Distribution::Exact => Some(1.0),
            Distribution::Normal { mu, sigma } => Normal::new(*mu, *sigma).ok().map(|n| n.inverse_cdf(p)),
            Distribution::LogNormal { mu, sigma } => Normal::new(*mu, *sigma).ok().map(|n| n.inverse_cdf(p).exp()),
            Distribution::Gamma { shape, rate } => Gamma::new(*shape, *rate).ok().map(|g| g.inverse_cdf(p)),
            Distribution::Empirical { probabilities, quantiles } => interpolate(probabilities, quantiles, p),
        };
        found.filter(|ratio| ratio.is_finite()).map_or(1.0, |ratio| ratio.max(0.0))
    }
}

/// Between two known points linearly; beyond them the nearest one.
fn interpolate(at: &[f64], values: &[f64], p: f64) -> Option<f64> {
    let after = at.iter().position(|one| *one >= p);
    match after {
        None => values.last().copied(),
        Some(0) => values.first().copied(),
        Some(n) => {
            let (a, b) = (*at.get(n - 1)?, *at.get(n)?);
            let (low, high) = (*values.get(n - 1)?, *values.get(n)?);
            let share = if b > a { (p - a) / (b - a) } else { 1.0 };
            Some(low + share * (high - low))
        }
    }
}

/// Where a learned contract comes from, and how good it is on sizes that it was not fitted to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The library's version.
    pub library_version: Option<Text>,
    /// The interpreter's version.
    pub python: Option<Text>,
    /// `linux-x86_64`.
    pub platform: Option<Text>,
    /// How requested bytes were measured: `memray`, `tracemalloc`.
    pub method: Option<Text>,
    /// Traces that it was learned from.
    pub traces: u64,
    /// Traces that were held back: the largest quarter of each size.
    pub heldout: u64,
    /// Median relative error of the peak on those.
    pub heldout_median_error: Option<f64>,
    /// 95th percentile of the relative error of the peak on those.
    pub heldout_p95_error: Option<f64>,
    /// Share of those that are below the 99th percentile of the predicted distribution.
    pub heldout_p99_coverage: Option<f64>,
    /// Whether the errors are of measured peaks above 1 MiB alone.
    pub above_mib: bool,
    /// Why it does not reach the stated quality; none if it does.
    pub weak: Option<Text>,
    /// Smallest and largest value of each feature that it was learned on.
    pub range: Vec<(Text, f64, f64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residual(distribution: Distribution) -> Residual {
        Residual { distribution, traces: 100, ks: None }
    }

    #[test]
    fn quantiles_are_those_of_the_distribution() {
        let normal = residual(Distribution::Normal { mu: 1.0, sigma: 0.1 });
        assert!((normal.quantile(0.5) - 1.0).abs() < 1e-6);
        assert!((normal.quantile(0.975) - 1.196).abs() < 1e-3);
        let log = residual(Distribution::LogNormal { mu: 0.0, sigma: 0.2 });
        assert!((log.quantile(0.5) - 1.0).abs() < 1e-6);
        let gamma = residual(Distribution::Gamma { shape: 100.0, rate: 100.0 });
        assert!((gamma.quantile(0.5) - 0.99667).abs() < 1e-3);
        assert_eq!(residual(Distribution::Exact).quantile(0.99), 1.0);
    }

    #[test]
    fn empirical_quantiles_are_interpolated_and_end_at_the_largest() {
        let seen = Distribution::Empirical { probabilities: vec![0.0, 0.5, 1.0], quantiles: vec![0.9, 1.0, 1.4] };
        let seen = residual(seen);
        assert!((seen.quantile(0.75) - 1.2).abs() < 1e-9);
        assert!((seen.quantile(1.0) - 1.4).abs() < 1e-6);
        assert!((seen.quantile(0.0) - 0.9).abs() < 1e-6);
    }

    #[test]
    fn senseless_parameters_are_no_distribution() {
        assert_eq!(residual(Distribution::Normal { mu: 1.0, sigma: -1.0 }).quantile(0.9), 1.0);
        assert_eq!(residual(Distribution::Empirical { probabilities: vec![], quantiles: vec![] }).quantile(0.5), 1.0);
    }
}
