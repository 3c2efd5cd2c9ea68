//! What the formulas of learned contracts leave over, and how far they reach: ratios on the amounts of a call, and the
//! ranges that formulas were learned on.
//!
//! A learned contract's formula gives an amount; what is measured is that amount times a ratio whose distribution the
//! contract has (`residual`). [`Ratios`] says what a run takes for it. Within a run a callable has one ratio for all of its
//! calls: its peak, demand and resident peak are at the same place of their distributions.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use ruff_text_size::Ranged;

use crate::contracts::{Applied, Contract, Distribution, Residual};
use crate::draws;
use crate::expression::Text;
use crate::formula::Formula;

use super::amount::Amount;
use super::machine::Machine;

/// What a run takes for the ratios of learned contracts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Ratios {
    /// One: formulas as they are.
    #[default]
    One,
    /// The ratio that is not exceeded with this probability, for all callables at once.
    At(f64),
    /// Draws of a sample: one for each callable, independent of each other.
    Drawn {
        /// Where draws begin.
        seed: u64,
        /// The sample's number.
        sample: usize,
    },
    /// A symbol for each, which [`Ratio::symbol`] names.
    Symbols,
}

/// A ratio that a run asked for, or would have asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// The callable, by its first name.
    pub callable: Text,
    /// `peak`, `demand` or `resident_peak`.
    pub amount: &'static str,
    /// Its symbol in formulas, where ratios are symbols.
    pub symbol: Text,
    /// Its distribution.
    pub residual: Residual,
}

impl Ratio {
    /// The ratio of a sample. Callables are drawn independently; the amounts of one are at one place of their distributions.
    pub fn drawn(&self, seed: u64, sample: usize) -> f64 {
        in_millionths(self.residual.quantile(draws::share(seed, "residual", &self.callable, sample))) as f64 / MILLION
    }
}

const MILLION: f64 = 1_000_000.0;

/// A ratio in whole millionths: what is beyond differs between machines' mathematical libraries.
fn in_millionths(ratio: f64) -> i64 {
    (ratio * MILLION).round().clamp(0.0, 1e15) as i64
}

/// A size that a formula was learned on, and what it was given at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The least and the largest that it was learned on.
    learned: (f64, f64),
    /// The least and the largest number that is outside of that.
    outside: Option<(i128, i128)>,
    /// Whether it was given a size that is no number.
    is_open: bool,
}

/// By callable, size, file and line.
pub(super) type Reaches = BTreeMap<(Text, Text, String, u32), Reach>;

impl Machine<'_> {
    /// The amounts of a call with the ratios of this run.
    pub(super) fn with_ratios(&mut self, contract: &Contract, applied: Applied) -> Applied {
        if contract.residuals.iter().all(|(_, residual)| residual.distribution == Distribution::Exact) {
            return applied;
        }
        // What has no formula of its own follows the peak.
        let of = |amount: &str| contract.residual(amount).or_else(|| contract.residual("peak"));
        let peak = self.times_ratio(contract, "peak", of("peak"), &applied.peak);
        let demand = self.times_ratio(contract, "demand", of("demand"), &applied.demand);
        let resident = self.times_ratio(contract, "resident_peak", of("resident_peak"), &applied.resident_peak);
        if self.options.ratios == Ratios::One {
            return applied;
        }
        Applied {
            demand: Formula::max(vec![demand, peak.clone()]),
            resident_peak: Formula::min(vec![resident, peak.clone()]),
            peak,
            ..applied
        }
    }

    fn times_ratio(
        &mut self,
        contract: &Contract,
        amount: &'static str,
        residual: Option<&Residual>,
        formula: &Formula,
    ) -> Formula {
        let (Some(residual), Some(callable)) = (residual, contract.names.first()) else { return formula.clone() };
        if residual.distribution == Distribution::Exact {
            return formula.clone();
        }
        let clean: String = callable.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        let symbol = Text::from(format!("ratio_{clean}_{amount}_{}", contract.place.line));
        let ratio = Ratio { callable: callable.clone(), amount, symbol, residual: residual.clone() };
        let scaled = |ratio: f64| {
            let exact = BigRational::new(BigInt::from(in_millionths(ratio)), BigInt::from(MILLION as i64));
            let product = formula.scale(&exact);
            if product.as_number().is_some() { product.ceil() } else { product }
        };
        let by = match self.options.ratios {
            Ratios::One => formula.clone(),
            Ratios::At(share) => scaled(residual.quantile(share)),
            Ratios::Drawn { seed, sample } => scaled(ratio.drawn(seed, sample)),
            Ratios::Symbols => formula * &Formula::symbol(&ratio.symbol),
        };
        self.ratios.entry(ratio.symbol.clone()).or_insert(ratio);
        by
    }

    /// Remembers where a call's sizes lie outside of those that its contract was learned on.
    pub(super) fn note_reach(&mut self, contract: &Contract, range: &[(Text, Formula, f64, f64)], node: &impl Ranged) {
        let Some(callable) = contract.names.first() else { return };
        for (size, value, least, most) in range {
            let value = Amount::from(value.clone());
            let number = match &value {
                Amount::Int(number) if *number as f64 >= *least && *number as f64 <= *most => continue,
                Amount::Int(number) => Some(*number),
                Amount::Formula(_) => None,
            };
            let key = (callable.clone(), size.clone(), self.file(), self.line(node));
            let reach =
                self.reaches.entry(key).or_insert(Reach { learned: (*least, *most), outside: None, is_open: false });
            match number {
                Some(number) => {
                    let (low, high) = reach.outside.unwrap_or((number, number));
                    reach.outside = Some((low.min(number), high.max(number)));
                }
                None => reach.is_open = true,
            }
        }
    }

    /// What is told of sizes that a formula was not learned on.
    pub(super) fn assume_reaches(&mut self) {
        for ((callable, size, file, line), reach) in std::mem::take(&mut self.reaches) {
            let (least, most) = reach.learned;
            let learned = format!("{callable} ({file}:{line}) was learned on {size} from {least} to {most}");
            self.assume(match reach.outside {
                Some((low, high)) if low == high => format!("{learned}; here it is {low}: its formula is extrapolated"),
                Some((low, high)) => {
                    format!("{learned}; here it is {low} to {high} where it is not: its formula is extrapolated")
                }
                None => format!("{learned}; beyond, its formula is extrapolated"),
            });
        }
    }
}
