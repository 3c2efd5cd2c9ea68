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

use super::{ALONE_STEPS, Predictor, Values, whole};
use crate::expression::Value as Plain;
use crate::formula::Formula;
use crate::learning::fit;
use crate::memory::predict::{Outcome, RAISES};
use crate::memory::{EXACT_STEPS, Options, ROUND_BY_ROUND};

/// Statements of the largest event that is run round by round, where the event is one of some.
const MOST_STEPS: u64 = 2_000_000;

/// The same for an event that is asked for alone: some seconds.
const MOST_STEPS_ALONE: u64 = 4 * MOST_STEPS;

/// Statements of the largest event on which it is first looked whether the estimate is right.
const FEW_STEPS: u64 = MOST_STEPS / 16;

/// The least number, and the least length, that is a size.
const LEAST_SIZE: u64 = 32;

/// The largest number that is a size: nothing is run as often, and larger ones are seeds, times and moduli.
const LARGEST_NUMBER: u64 = 1 << 26;

/// A size that is smaller than the largest by this factor stays as it is: it would be none after some halves.
const FAR_BELOW: u64 = 64;

/// The largest size of the smallest event.
const SMALLEST: u64 = 6;

/// How far an estimate of the largest event that was run may be off, and be believed for larger ones.
const AGREES: f64 = 0.01;

/// How far apart the estimate and what few steps foretell may be, and no more steps be taken.
const CLOSE: f64 = 0.05;

/// How far it may then be above what smaller events foretell.
const ABSURD: f64 = 3.0;

/// What smaller events foretell may be off by as much over all doubles, where it is to replace an estimate.
const FORETELLS: f64 = 0.25;

/// Statements of the largest event that was run without which nothing is foretold: where larger ones could not be run
/// for another reason than their steps, small ones say little.
const LEAST_STEPS: u64 = FEW_STEPS / 8;

/// Sizes without which nothing is foretold.
const LEAST_POINTS: usize = 4;

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
            items
                .iter()
                .take(usize::try_from(length).unwrap_or(usize::MAX))
                .map(|item| self.apply(item, times, false))
                .collect()
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
                    Some(json) => Plain::text(json.to_string()),
                    None => event.clone(),
                },
                None => {
                    let length = text.chars().count() as u64;
                    if length < self.least {
                        return event.clone();
                    }
                    // Four characters of base64 belong together.
                    let length = usize::try_from(self.size(length, times).next_multiple_of(4)).unwrap_or(usize::MAX);
                    Plain::text(text.chars().take(length).collect::<String>())
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

/// Places of the amounts of a [`Point`].
const DEMAND: usize = 0;
const PEAK: usize = 1;
const RESIDENT_PEAK: usize = 2;
const RETAINED: usize = 3;

/// An event that was run round by round, and what it needs: demand, peak, resident peak and retained bytes.
struct Point {
    times: u32,
    size: f64,
    amounts: [f64; 4],
    steps: u64,
}

/// The four amounts as numbers. None where one rests on something that is not known.
fn amounts(outcome: &Outcome) -> Option<[f64; 4]> {
    let mut found = [0.0; 4];
    for (amount, formula) in found.iter_mut().zip(outcome.formulas()) {
        *amount = if formula.symbols().is_empty() { whole(formula)?.to_f64()? } else { return None };
    }
    Some(found)
}

/// How far two predictions are apart: the larger of what the peak and the resident peak are.
fn apart(found: &[f64; 4], expected: &[f64; 4]) -> f64 {
    [PEAK, RESIDENT_PEAK].map(|index| relative(found[index], expected[index])).into_iter().fold(0.0, f64::max)
}

/// The amounts at the size of the event, and how far off what was foretold was for smaller ones.
fn foretold(points: &[Point], halving: &Halving) -> Option<([f64; 4], f64)> {
    let times = f64::from(points.last()?.times);
    let mut found = [0.0; 4];
    let mut off = 0.0;
    // What is resident of the peak grows as the peak does.
    for together in [&[PEAK, RESIDENT_PEAK][..], &[DEMAND], &[RETAINED]] {
        let columns: Vec<Vec<(f64, f64)>> = together
            .iter()
            .map(|index| points.iter().map(|point| (point.size, point.amounts[*index])).collect())
            .collect();
        let (values, error) = carried(&columns, halving.largest as f64, times)?;
        for (index, value) in together.iter().zip(values) {
            found[*index] = value.ceil();
        }
        if together.contains(&PEAK) {
            // The error of one double counts once more for each.
            off = error * times;
        }
    }
    Some((found, off))
}

fn relative(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(1.0)
}

/// A sum of powers of the size. The first term is a constant: what is there whatever the size is, or, below zero, what
/// small sizes save (ints up to 256 take nothing).
struct Sum {
    powers: Vec<f64>,
    sign: f64,
    /// By how much it has to be better than a simpler one, for each time that the size doubles.
    handicap: f64,
}

/// The sums that amounts may be, simplest first.
fn sums() -> impl Iterator<Item = Sum> {
    let whole = [vec![1.0], vec![2.0], vec![1.0, 2.0], vec![3.0], vec![2.0, 3.0]];
    // Between whole powers: n log n, n / log n, and what several sizes have in common.
    let between =
        (5..60_u32).filter(|twentieths| twentieths % 20 != 0).map(|twentieths| vec![f64::from(twentieths) / 20.0]);
    let whole = std::iter::once(Vec::new()).chain(whole).map(|powers| (powers, 0.002));
    whole
        .chain(between.map(|powers| (powers, 0.02)))
        .flat_map(|(powers, handicap)| [1.0, -1.0].map(|sign| Sum { powers: powers.clone(), sign, handicap }))
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

/// What amounts of the same kind are at a size, from smaller ones, and how far off what was foretold was for those that
/// were run. `times` is how often the size has doubled there: what is small among the points is not, far from them.
fn carried(columns: &[Vec<(f64, f64)>], at: f64, times: f64) -> Option<(Vec<f64>, f64)> {
    let many = columns.first()?.len();
    let latest = many.saturating_sub(LATEST)..many;
    let last: Vec<f64> = columns.iter().filter_map(|points| Some(points.last()?.1)).collect();
    if columns.iter().zip(&last).all(|(points, last)| points[latest.clone()].iter().all(|(_, y)| y == last)) {
        return Some((last, 0.0));
    }
    let mut best: Option<(Vec<f64>, f64)> = None;
    for begin in latest.start..=many.saturating_sub(LEAST_POINTS).max(latest.start) {
        for sum in sums() {
            let errors: Option<Vec<f64>> = columns.iter().map(|points| off(&sum, &points[begin..])).collect();
            let Some(error) = errors.map(|errors| errors.iter().sum::<f64>() / errors.len() as f64) else { continue };
            // A simpler one, and one through more points, comes first where it is as good.
            if best.as_ref().is_none_or(|(_, least)| error + sum.handicap * times < *least)
                && let Some(found) = columns.iter().map(|points| sum.through(&points[begin..], at)).collect()
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

/// The four amounts of an outcome that is that of every round and every item, and leaves nothing unknown.
fn exact(outcome: &Outcome) -> Option<[f64; 4]> {
    let is_whole = outcome.complete && !outcome.estimated && outcome.raised().is_none() && outcome.ratios.is_empty();
    amounts(outcome).filter(|_| is_whole)
}

impl Predictor<'_> {
    /// The outcome of an event, run round by round, where that takes few steps and leaves nothing unknown.
    pub(super) fn at_once(&self, event: &Plain, values: &Values, steps: u64) -> Option<Outcome> {
        let most_steps = if steps >= ALONE_STEPS { MOST_STEPS_ALONE } else { MOST_STEPS } / 8;
        self.whole_event(event, values, most_steps)
    }

    fn whole_event(&self, event: &Plain, values: &Values, most_steps: u64) -> Option<Outcome> {
        let options = Options { explain: self.options.explain, ..self.rounds(values, ROUND_BY_ROUND) };
        let found = self.run(Some(event), options, most_steps);
        exact(&found).is_some().then_some(found)
    }

    /// The outcome of an event, mended by smaller events where its loops were estimated.
    pub(super) fn mended(&self, event: &Plain, values: &Values, steps: u64, outcome: Outcome) -> Outcome {
        let direct = amounts(&outcome).filter(|_| outcome.complete);
        // What is not known of an estimate may be known of each round.
        let is_open = outcome.estimated || direct.is_none();
        // That an estimate raises is an estimate, too, and what raises behind something unknown may not.
        let raises = outcome.raised().is_some() && !outcome.estimated && direct.is_some();
        if !is_open || !outcome.ratios.is_empty() || raises {
            return outcome;
        }
        let Some(halving) = Halving::of(event) else { return outcome };
        let mut points: Vec<Point> = Vec::new();
        let mut better = None;
        let mut estimated_off = f64::INFINITY;
        let most_steps = if steps >= ALONE_STEPS { MOST_STEPS_ALONE } else { MOST_STEPS };
        // Most estimates are found right with few steps.
        for (most_steps, apart_at_most) in [(FEW_STEPS, CLOSE), (most_steps, ABSURD)] {
            let before = points.len();
            if let Some(whole) = self.smaller(&halving, event, values, most_steps, &mut points) {
                return whole;
            }
            let is_enough = |last: &&Point| points.len() >= LEAST_POINTS && last.steps >= LEAST_STEPS;
            let Some(largest) = points.last().filter(is_enough) else { continue };
            if points.len() > before {
                let smaller = halving.apply(event, largest.times, true);
                let options = self.rounds(values, EXACT_STEPS.min(largest.steps / 4));
                let estimate = self.run(Some(&smaller), options, steps);
                estimated_off = match amounts(&estimate) {
                    Some(at) if estimate.complete && estimate.estimated => apart(&at, &largest.amounts),
                    _ => f64::INFINITY,
                };
            }
            let Some((amounts, off)) = foretold(&points, &halving) else { continue };
            let between = direct.map_or(f64::INFINITY, |direct| apart(&direct, &amounts));
            let stands = estimated_off <= AGREES && between <= apart_at_most;
            if stands && outcome.complete {
                return Outcome { estimated: false, ..outcome };
            }
            // Where the two are far apart, that the estimate is near for a small event says little.
            let is_far = between > ABSURD && off < FORETELLS;
            let is_better =
                is_far || !outcome.complete || estimated_off <= AGREES || off < estimated_off.min(FORETELLS);
            better = is_better.then_some(amounts);
        }
        let (Some(largest), Some(better)) = (points.last(), better) else { return outcome };
        let better = better.map(|bytes| BigInt::from_f64(bytes).map(Formula::integer));
        let [Some(demand), Some(peak), Some(resident_peak), Some(retained)] = better else { return outcome };
        let mut outcome =
            Outcome { demand, peak, resident_peak, retained, moment: None, complete: true, estimated: true, ..outcome };
        outcome.assumptions.retain(|text| !text.starts_with(RAISES));
        outcome.assumptions.push(format!(
            "the event is too large to be run round by round: its amounts are carried on from those of {} events with \
             halved sizes, the largest at 1/{} of the size",
            points.len(),
            1_u64 << largest.times
        ));
        outcome
    }

    /// Loops are run round by round for so many steps; where the peak comes from is not looked for.
    fn rounds(&self, values: &Values, exact_steps: u64) -> Options {
        Options { values: values.clone(), exact_steps: Some(exact_steps), explain: false, ..self.options.clone() }
    }

    /// Runs the event with its sizes halved, round by round, from the smallest one (or the last that was run) up to what
    /// steps allow. Gives the outcome of the event itself if they allow for that.
    fn smaller(
        &self,
        halving: &Halving,
        event: &Plain,
        values: &Values,
        most_steps: u64,
        points: &mut Vec<Point>,
    ) -> Option<Outcome> {
        let end = points.last().map_or((halving.largest / SMALLEST).ilog2() + 1, |last| last.times);
        // With few steps the event itself was run already (`at_once`).
        let least = u32::from(most_steps <= FEW_STEPS);
        for times in (least..end).rev() {
            // Steps at twice the size follow from those at the last two.
            let foreseen = match points.as_slice() {
                [.., before, last] => last.steps.saturating_mul(last.steps) / before.steps.max(1),
                _ => 0,
            };
            if foreseen > most_steps {
                break;
            }
            if times == 0 {
                return self.whole_event(event, values, most_steps);
            }
            let smaller = halving.apply(event, times, true);
            let found = self.run(Some(&smaller), self.rounds(values, ROUND_BY_ROUND), most_steps);
            let Some(amounts) = exact(&found) else { break };
            points.push(Point { times, size: (halving.largest >> times) as f64, amounts, steps: found.steps });
        }
        None
    }
}
