//! Draws: numbers of a distribution by its inverse, from a counter instead of a generator with a state.

use statrs::distribution::{ContinuousCDF, DiscreteCDF, LogNormal, Normal, Pareto, Poisson};

use super::Table;
use crate::draws;

/// Widest range of counts for which a Poisson distribution's shares are kept as a table.
const MOST_COUNTS: f64 = 1_000_000.0;

/// How numbers are spread, between bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    kind: Kind,
    min: f64,
    max: f64,
    /// The share of the whole distribution below `min` and up to `max`.
    below: f64,
    up_to: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Every whole number alike.
    Whole,
    /// Every number alike.
    Uniform,
    Normal(Normal),
    LogNormal(LogNormal),
    Pareto(Pareto),
    /// With the least count of the table, and the share up to each count.
    Poisson(f64, Vec<f64>),
    /// Of a mean so large that it is a normal distribution.
    LargePoisson(Normal),
}

impl Distribution {
    /// Every number from `min` to `max` alike.
    pub fn uniform(min: f64, max: f64, integer: bool) -> Self {
        let kind = if integer { Kind::Whole } else { Kind::Uniform };
        Self { kind, min, max, below: 0.0, up_to: 1.0 }
    }

    /// # Errors
    /// Why there is no such distribution.
    pub fn normal(mean: f64, deviation: f64, min: Option<f64>, max: Option<f64>) -> Result<Self, String> {
        let normal = Normal::new(mean, deviation).map_err(|error| error.to_string())?;
        Self::cut(Kind::Normal(normal), min.unwrap_or(0.0), max)
    }

    /// # Errors
    /// Why there is no such distribution.
    pub fn lognormal(mu: f64, sigma: f64, min: Option<f64>, max: Option<f64>) -> Result<Self, String> {
        let kind = Kind::LogNormal(LogNormal::new(mu, sigma).map_err(|error| error.to_string())?);
        Self::cut(kind, min.unwrap_or(0.0), max)
    }

    /// # Errors
    /// Why there is no such distribution.
    pub fn pareto(scale: f64, shape: f64, min: Option<f64>, max: Option<f64>) -> Result<Self, String> {
        let kind = Kind::Pareto(Pareto::new(scale, shape).map_err(|error| error.to_string())?);
        Self::cut(kind, min.unwrap_or(0.0), max)
    }

    /// # Errors
    /// Why there is no such distribution.
    pub fn poisson(mean: f64, min: Option<f64>, max: Option<f64>) -> Result<Self, String> {
        let poisson = Poisson::new(mean).map_err(|error| error.to_string())?;
        // Twelve deviations and a bit: what lies beyond is less than what a 53-bit share tells apart.
        let reach = 12.0 * mean.sqrt() + 40.0;
        let kind = if 2.0 * reach <= MOST_COUNTS {
            let first = (mean - reach).max(0.0).floor();
            let count = (mean + reach - first).ceil() as u64;
            Kind::Poisson(first, (0..=count).map(|n| poisson.cdf(first as u64 + n)).collect())
        } else {
            Kind::LargePoisson(Normal::new(mean, mean.sqrt()).map_err(|error| error.to_string())?)
        };
        Self::cut(kind, min.unwrap_or(0.0), max)
    }

    /// With what lies outside of bounds left out.
    fn cut(kind: Kind, min: f64, max: Option<f64>) -> Result<Self, String> {
        let max = max.unwrap_or(f64::INFINITY);
        let below = share_below(&kind, min);
        let up_to = if max.is_finite() { share_up_to(&kind, max) } else { 1.0 };
        if up_to - below < 1e-9 {
            return Err(format!("next to nothing of it lies between {min} and {max}"));
        }
        Ok(Self { kind, min, max, below, up_to })
    }

    /// The number that a share (0 to 1, exclusive) of all draws stays below.
    pub fn at(&self, share: f64) -> f64 {
        let within = (self.below + share * (self.up_to - self.below)).clamp(0.0, 1.0);
        let number = match &self.kind {
            Kind::Whole => self.min + (share * (self.max - self.min + 1.0)).floor(),
            Kind::Uniform => self.min + share * (self.max - self.min),
            Kind::Normal(normal) | Kind::LargePoisson(normal) => normal.inverse_cdf(within),
            Kind::LogNormal(lognormal) => lognormal.inverse_cdf(within),
            Kind::Pareto(pareto) => pareto.inverse_cdf(within),
            Kind::Poisson(first, shares) => first + shares.partition_point(|end| *end < within) as f64,
        };
        // An end of the range, where the inverse has none.
        let number = if number.is_nan() { self.min } else { number };
        number.clamp(self.min, self.max.min(f64::MAX))
    }
}

fn share_up_to(kind: &Kind, at: f64) -> f64 {
    match kind {
        Kind::Whole | Kind::Uniform => 1.0,
        Kind::Normal(normal) | Kind::LargePoisson(normal) => normal.cdf(at),
        Kind::LogNormal(lognormal) => lognormal.cdf(at),
        Kind::Pareto(pareto) => pareto.cdf(at),
        Kind::Poisson(first, shares) => match at - first {
            below if below < 0.0 => 0.0,
            place => shares.get(place.floor() as usize).copied().unwrap_or(1.0),
        },
    }
}

/// Of counts, what is strictly below.
fn share_below(kind: &Kind, at: f64) -> f64 {
    match kind {
        Kind::Poisson(..) => share_up_to(kind, at.ceil() - 1.0),
        Kind::Whole
        | Kind::Uniform
        | Kind::Normal(_)
        | Kind::LogNormal(_)
        | Kind::Pareto(_)
        | Kind::LargePoisson(_) => share_up_to(kind, at),
    }
}

/// A share between 0 and 1, both exclusive, for an entry and a sample.
pub(super) fn uniform(seed: u64, table: Table, name: &str, sample: usize) -> f64 {
    draws::share(seed, table.word(), name, sample)
}
