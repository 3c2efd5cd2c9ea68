//! What a handler needs for a large event, from what it needs for smaller ones of the same shape.
//!
//! Where loops of a run were estimated (`memory/carry.rs`), the same handler is run on the event with its sizes halved
//! again and again, round by round, up to the largest that can be. Halves are no accident: tables that double are then
//! as full as at the size that was asked for. If the estimate is right for the largest of these events, it stands. If
//! it is not, the amounts are carried on from the smaller events by the sum of powers that foretells each of them from
//! those before best; if none does, the estimate stands, too.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{FromPrimitive, ToPrimitive};

use super::{Predictor, Values, whole};
use crate::expression::Value as Plain;
use crate::formula::Formula;
use crate::learning::fit;
use crate::memory::{EXACT_STEPS, ROUND_BY_ROUND};
use crate::memory::predict::Outcome;

/// Statements of the largest event that is run round by round.
const MOST_STEPS: u64 = 1_000_000;

/// The least number, and the least length, that is a size.
const LEAST_SIZE: u64 = 32;

/// The largest number that is a size: nothing is run as often, and larger ones are seeds, times and moduli.
const LARGEST_NUMBER: u64 = 1 << 26;

/// A size that is smaller than the largest by this factor stays as it is: it would be none after some halves.
const FAR_BELOW: u64 = 64;

/// The largest size of the smallest event.
const SMALLEST: u64 = 6;

/// How far an estimate may be from what it estimates, and from what the smaller events foretell.
const AGREES: f64 = 0.03;

/// How far what smaller events foretell may be off, on average, for the next size that was run.
const FORETELLS: f64 = 0.04;

/// Sizes that a sum of powers is looked at on.
const LATEST: usize = 6;

/// The sizes of an event that are halved: those not far below the largest.
struct Halving {
    /// The least that is halved.
    least: u64,
    /// The largest.
    largest: u64,
}

impl Halving {
    /// None where the event has no sizes.
    fn of(event: &Plain) -> Option<Self> {
        let mut largest = 0;
        sizes(event, true, &mut |size| largest = size.max(largest));
        (largest >= LEAST_SIZE).then(|| Self { least: LEAST_SIZE.max(largest / FAR_BELOW), largest })
    }

    fn size(&self, size: u64, times: u32) -> u64 {
        if size < self.least { size } else { (size >> times).max(1) }
    }

    /// The event with its sizes halved so often.
    fn apply(&self, event: &Plain, times: u32, data: bool) -> Plain {
        let shorter = |items: &[Plain]| -> Vec<Plain> {
            let length = self.size(items.len() as u64, times);
            items.iter().take(usize::try_from(length).unwrap_or(usize::MAX)).map(|item| self.apply(item, times, false)).collect()
        };
        match event {
            Plain::Int(number) if data => match size_of_number(number) {
                Some(size) => Plain::Int(BigInt::from(self.size(size, times))),
                None => event.clone(),
            },
            Plain::List(items) => Plain::list(shorter(items)),
            Plain::Tuple(items) => Plain::Tuple(Arc::new(shorter(items))),
            Plain::Dict(entries) => Plain::Dict(Arc::new(
                entries.iter().map(|(key, value)| (key.clone(), self.apply(value, times, data))).collect(),
            )),
            Plain::Str(text) if data => match document(text) {
                Some(inner) => match self.apply(&inner, times, true).to_json() {
                    Some(json) => Plain::text(&json.to_string()),
                    None => event.clone(),
                },
                None => {
                    let length = text.chars().count() as u64;
                    if length < self.least {
                        return event.clone();
                    }
                    // Four characters of base64 belong together.
                    let length = usize::try_from(self.size(length, times).next_multiple_of(4)).unwrap_or(usize::MAX);
                    Plain::text(&text.chars().take(length).collect::<String>())
                }
            },
            other => other.clone(),
        }
    }
}

fn size_of_number(number: &BigInt) -> Option<u64> {
    number.to_u64().filter(|size| (LEAST_SIZE..=LARGEST_NUMBER).contains(size))
}

/// The JSON that a text is, if it is an object or a list.
fn document(text: &str) -> Option<Plain> {
    let is_document = matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['));
    let json: serde_json::Value = if is_document { serde_json::from_str(text).ok()? } else { return None };
    Some(Plain::from_json(&json))
}

/// Numbers, and lengths of texts and lists. What stands in a list is data, of which only lists have sizes.
fn sizes(event: &Plain, data: bool, found: &mut impl FnMut(u64)) {
    match event {
        Plain::Int(number) if data => {
            if let Some(size) = size_of_number(number) {
                found(size);
            }
        }
        Plain::List(items) | Plain::Tuple(items) => {
            found(items.len() as u64);
            // The first stands for all.
            if let Some(first) = items.first() {
                sizes(first, false, found);
            }
        }
        Plain::Dict(entries) => entries.iter().for_each(|(_, value)| sizes(value, data, found)),
        Plain::Str(text) if data => match document(text) {
            Some(inner) => sizes(&inner, true, found),
            None => found(text.chars().count() as u64),
        },
        _ => {}
    }
}

/// An event that was run round by round, and what it needs: demand, peak, resident peak and retained bytes.
struct Point {
    times: u32,
    size: f64,
    amounts: [f64; 4],
    steps: u64,
}

/// The four amounts as numbers. None where one rests on something that is not known.
fn amounts(outcome: &Outcome) -> Option<[f64; 4]> {
    let formulas = [&outcome.demand, &outcome.peak, &outcome.resident_peak, &outcome.retained];
    let mut found = [0.0; 4];
    for (amount, formula) in found.iter_mut().zip(formulas) {
        *amount = if formula.symbols().is_empty() { whole(formula)?.to_f64()? } else { return None };
    }
    Some(found)
}

fn relative(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(1.0)
}

/// A sum of powers of the size. The first term is a constant: what is there whatever the size is, or, below zero, what
/// small sizes save (ints up to 256 take nothing).
struct Sum {
    powers: Vec<f64>,
    sign: f64,
}

/// The sums that amounts may be, simplest first.
fn sums() -> impl Iterator<Item = Sum> {
    let whole = [vec![1.0], vec![2.0], vec![1.0, 2.0], vec![3.0], vec![2.0, 3.0]];
    // Between whole powers: n log n, n / log n, and what several sizes have in common.
    let between = (5..60_u32).filter(|twentieths| twentieths % 20 != 0).map(|twentieths| vec![f64::from(twentieths) / 20.0]);
    std::iter::once(Vec::new())
        .chain(whole)
        .chain(between)
        .flat_map(|powers| [1.0, -1.0].map(|sign| Sum { powers: powers.clone(), sign }))
}

impl Sum {
    /// The sum through points, at a size: relative errors are least.
    fn through(&self, points: &[(f64, f64)], at: f64) -> Option<f64> {
        let term = |power: Option<&f64>, size: f64| power.map_or(self.sign, |power| size.powf(*power));
        let terms: Vec<Option<&f64>> = std::iter::once(None).chain(self.powers.iter().map(Some)).collect();
        let columns: Vec<Vec<f64>> =
            terms.iter().map(|power| points.iter().map(|(size, _)| term(*power, *size)).collect()).collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let y: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
        let weights: Vec<f64> = y.iter().map(|y| 1.0 / y.abs().max(1.0).powi(2)).collect();
        let coefficients = fit::non_negative(&columns, &y, &weights)?;
        Some(terms.iter().zip(coefficients).map(|(power, coefficient)| coefficient * term(*power, at)).sum())
    }
}

/// What an amount is at a size, from smaller ones, and how far off what was foretold was for those that were run.
fn carried(points: &[(f64, f64)], at: f64) -> Option<(f64, f64)> {
    let (_, last) = *points.last()?;
    let latest = &points[points.len().saturating_sub(LATEST)..];
    if latest.iter().all(|(_, y)| *y == last) {
        return Some((last, 0.0));
    }
    let mut best: Option<(f64, f64)> = None;
    for begin in 0..=latest.len().saturating_sub(4) {
        let points = &latest[begin..];
        for sum in sums() {
            let Some(error) = off(&sum, points) else { continue };
            // A simpler one, and one through more points, comes first where it is as good.
            if best.is_none_or(|(_, least)| error + 0.002 < least)
                && let Some(found) = sum.through(points, at)
            {
                best = Some((found, error));
            }
        }
    }
    best
}

/// How far off a sum is for the last two sizes, each from the sizes before it, and the last from all but the last two.
fn off(sum: &Sum, points: &[(f64, f64)]) -> Option<f64> {
    let many = points.len();
    let told = |known: usize, of: usize| {
        let (size, y) = *points.get(of)?;
        Some(relative(sum.through(points.get(..known)?, size)?, y))
    };
    let least = sum.powers.len() + 1;
    let mut errors = vec![told(many - 1, many - 1)?];
    if many - 2 >= least.max(2) {
        errors.extend([told(many - 2, many - 2)?, told(many - 2, many - 1)? / 2.0]);
    }
    Some(errors.iter().sum::<f64>() / errors.len() as f64)
}

impl Predictor<'_> {
    /// The outcome of an event, mended by smaller events where its loops were estimated.
    pub(super) fn mended(&self, event: &Plain, values: &Values, steps: u64, outcome: Outcome) -> Outcome {
        if !(outcome.estimated || !outcome.complete) || !outcome.ratios.is_empty() || outcome.raised().is_some() {
            return outcome;
        }
        let Some(halving) = Halving::of(event) else { return outcome };
        let mut points: Vec<Point> = Vec::new();
        let first = (halving.largest / SMALLEST).ilog2();
        for times in (0..=first).rev() {
            // Steps at twice the size follow from those at the last two.
            let foreseen = match points.as_slice() {
                [.., before, last] => last.steps.saturating_mul(last.steps) / before.steps.max(1),
                _ => 0,
            };
            if foreseen > MOST_STEPS {
                break;
            }
            let smaller = halving.apply(event, times, true);
            let found = self.outcome_after(&smaller, values, ROUND_BY_ROUND, MOST_STEPS);
            eprintln!("  times {times} steps {} complete {} est {} raised {:?} {:?}", found.steps, found.complete, found.estimated, found.raised(), amounts(&found));
            if !found.complete {
                eprintln!("{:?} {:?}", found.assumptions, found.unknown.iter().map(|u| (&u.name,&u.cause,u.line)).collect::<Vec<_>>());
                break;
            }
            let is_sound = !found.estimated && found.raised().is_none();
            let Some(amounts) = amounts(&found).filter(|_| is_sound) else { return outcome };
            if times == 0 {
                return found;
            }
            let size = (halving.largest >> times) as f64;
            points.push(Point { times, size, amounts, steps: found.steps });
        }
        let Some(largest) = points.last().filter(|_| points.len() >= 4) else { return outcome };
        let window = EXACT_STEPS.min(largest.steps / 4);
        let estimate = self.outcome_after(&halving.apply(event, largest.times, true), values, window, steps);
        eprintln!("  estimate at {}: {:?} complete {} est {}", largest.times, amounts(&estimate), estimate.complete, estimate.estimated);
        if let Some(at) = amounts(&estimate)
            && estimate.estimated
            && estimate.complete
            && relative(at[2], largest.amounts[2]) <= AGREES
            && relative(at[1], largest.amounts[1]) <= AGREES
        {
            eprintln!("  direct agrees at {}: {at:?}", largest.times);
            return outcome;
        }
        let size = halving.largest as f64;
        let mut found = [BigInt::from(0), BigInt::from(0), BigInt::from(0), BigInt::from(0)];
        for (index, amount) in found.iter_mut().enumerate() {
            let points: Vec<(f64, f64)> = points.iter().map(|point| (point.size, point.amounts[index])).collect();
            let Some((value, error)) = carried(&points, size) else { return outcome };
            eprintln!("  amount {index}: {value} error {error} direct {:?} at {:?}", amounts(&outcome).map(|a| a[index]), amounts(&estimate).map(|a| a[index]));
            if error > FORETELLS {
                return outcome;
            }
            let Some(whole) = BigInt::from_f64(value.ceil()) else { return outcome };
            *amount = whole;
        }
        let [demand, peak, resident_peak, retained] = found.map(Formula::integer);
        let mut outcome = Outcome { demand, peak, resident_peak, retained, complete: true, ..outcome };
        outcome.assumptions.push(format!(
            "the event is too large to be run round by round: its amounts are carried on from those of {} events with \
             halved sizes, the largest at 1/{} of the size",
            points.len(),
            1_u64 << largest.times
        ));
        outcome
    }
}
