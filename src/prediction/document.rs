//! Predictions as JSON: the form `meminterface.prediction`.

use std::fmt;

use num_bigint::BigInt;
use num_traits::FromPrimitive;
use schemars::{JsonSchema, Schema as JsonForm, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::Prediction;
use super::exceeds::{Boundary, Exceeds};
use super::sampled::{Method, QUANTILES, Sampled, Spread, with_allowance};
use crate::diagnostic::Schema;
use crate::footprint::Range;
use crate::formula::Formula;
use crate::memory::predict::Outcome;
use crate::memory::unknown::Unknown;

/// A whole number of bytes of any size, as a number of JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Whole(pub BigInt);

impl fmt::Display for Whole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<serde_json::Number>(&self.0.to_string()) {
            Ok(number) => number.serialize(serializer),
            Err(_) => serializer.serialize_none(),
        }
    }
}

impl JsonSchema for Whole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> JsonForm {
        json_schema!({"type": "integer"})
    }
}

fn whole_of(number: f64) -> Option<Whole> {
    BigInt::from_f64(number.ceil()).map(Whole)
}

/// Bytes that stay within a share of samples.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Quantile {
    /// `p50`, `p90`, `p95`, `p99`, `p99.9` or `max`.
    pub name: &'static str,
    /// The bytes; null where nothing bounds them.
    pub bytes: Option<Whole>,
    /// Between this and `to` the quantile of endlessly many samples lies, in 95 of 100 cases. Null where nothing bounds it.
    pub from: Option<Whole>,
    /// See `from`. Null also where there are too few samples to tell.
    pub to: Option<Whole>,
}

/// How many samples lie in a range of bytes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Histogram {
    /// From so many bytes.
    pub from: Whole,
    /// To less than so many; the last range includes it.
    pub to: Whole,
    /// Samples.
    pub count: usize,
}

/// An amount of memory.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Amounts {
    /// At least.
    pub min: Option<Whole>,
    /// Expected: null unless everything is known or something says what is usual. Of a workload the mean.
    pub expected: Option<Whole>,
    /// At the most; null where nothing bounds it.
    pub max: Option<Whole>,
    /// Of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Vec<Quantile>>,
    /// Of a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Vec<Histogram>>,
}

/// Parts (numbers, symbols, operations) of the longest formula that a document has.
pub const LONGEST_TEXT: u64 = 200_000;

/// The amounts as formulas over what is not known; null where one would be longer than [`LONGEST_TEXT`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Formulas {
    /// Bytes that are asked for, nothing reclaimed.
    pub demand: Option<String>,
    /// High-water mark of requested bytes.
    pub peak: Option<String>,
    /// High-water mark of resident bytes.
    pub resident_peak: Option<String>,
    /// Bytes that stay behind.
    pub retained: Option<String>,
    /// What the modules' own objects hold before the first event.
    pub initial: Option<String>,
    /// High-water mark of the same.
    pub initial_peak: Option<String>,
}

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct UnknownSymbol {
    /// Its symbol in formulas.
    pub symbol: String,
    /// `result`, `size`, `trip-count`, `condition`, `memory` or `input`.
    pub kind: String,
    /// Why it is not known.
    pub cause: String,
    /// What it stands for, in words of the source.
    pub meaning: String,
    /// The file it comes from; empty for a part of the event.
    pub file: String,
    /// The line it comes from; 0 for a part of the event.
    pub line: u32,
    /// Its largest value, as a formula, if there is a bound.
    pub max: Option<String>,
    /// What to do.
    pub resolve: String,
}

/// A place where memory stays from one invocation to the next.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Growth {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What grows.
    pub message: String,
}

/// A line of the source, and what of the resident peak is from there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Line {
    /// The file; empty for what is not told apart.
    pub file: String,
    /// The line; 0 for what is not told apart.
    pub line: u32,
    /// Its text.
    pub text: String,
    /// `made here` (objects that live at the highest), `passing, while it runs`, or `not told apart`.
    pub what: String,
    /// Resident bytes at the highest.
    pub resident_bytes: u64,
    /// Requested bytes at that time.
    pub requested_bytes: u64,
    /// The share of the resident peak, 0 to 1.
    pub share: f64,
}

/// The limit of an input.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LimitOfInput {
    /// The input: `event["n"]`, `len(event["xs"])`, or a variable.
    pub input: String,
    /// `above`, `never`, `always`, `uneven` or `unknown`.
    pub verdict: &'static str,
    /// The largest value that fits; null where none or all do.
    pub fits_up_to: Option<Whole>,
    /// What the other inputs are taken to be; empty if there are none.
    pub given: String,
    /// In words.
    pub message: String,
}

/// For which inputs a limit is exceeded.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExceedsReport {
    /// The limit.
    pub limit_bytes: Whole,
    /// What of it is left above the baseline.
    pub room_bytes: Whole,
    /// Whether it is exceeded as things stand; null if that depends on inputs.
    pub now: Option<bool>,
    /// Inputs and their limits.
    pub inputs: Vec<LimitOfInput>,
}

/// How a workload was predicted.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct WorkloadReport {
    /// Samples.
    pub samples: usize,
    /// Samples that were asked for.
    pub wanted: usize,
    /// Where draws began.
    pub seed: u64,
    /// `formula` or `runs`.
    pub method: &'static str,
    /// How often the machine ran.
    pub runs: usize,
    /// How far formulas were off for samples that were run beside, as a share; null where none was.
    pub off: Option<f64>,
}

/// What a handler needs for an event or a workload. What `meminterface predict --format json` writes for each.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Document {
    /// Name and version of this form.
    pub schema: Schema,
    /// The handler.
    pub handler: String,
    /// The file that defines it.
    pub file: String,
    /// The event's name, if it has one.
    pub event: Option<String>,
    /// Bytes that are asked for, nothing reclaimed.
    pub demand_bytes: Amounts,
    /// High-water mark of requested bytes above the level at entry.
    pub peak_bytes: Amounts,
    /// The part of the peak that is resident: what a limit counts.
    pub resident_peak_bytes: Amounts,
    /// Bytes that stay when the handler has returned, its result left out.
    pub retained_bytes: Amounts,
    /// The same as formulas.
    pub formulas: Formulas,
    /// What the process holds before its first event, by shipped footprints of its imports.
    pub baseline_bytes: Amounts,
    /// The most that it holds until then.
    pub initial_peak_bytes: Amounts,
    /// What imports and clients within functions add to the baseline once they are called.
    pub later_bytes: u64,
    /// The most that the process holds: the larger of the peak of its start, and baseline, late imports and resident peak.
    pub footprint_bytes: Amounts,
    /// Packages whose memory is missing in the baseline.
    pub missing_imports: Vec<String>,
    /// What is not known.
    pub unknown: Vec<UnknownSymbol>,
    /// What stays from one invocation to the next.
    pub growth: Vec<Growth>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// Where the resident peak comes from, the largest first (`--explain`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<Line>>,
    /// For which inputs a limit is exceeded (`--exceeds`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceeds: Option<ExceedsReport>,
    /// How a workload was predicted (`--workload`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadReport>,
}

impl Amounts {
    fn of(min: Option<BigInt>, expected: Option<BigInt>, max: Option<BigInt>) -> Self {
        Self {
            min: min.map(Whole),
            expected: expected.map(Whole),
            max: max.map(Whole),
            quantiles: None,
            histogram: None,
        }
    }

    fn of_range(range: Range) -> Self {
        let expected = range.high.filter(|high| *high == range.low);
        Self::of(Some(range.low.into()), expected.map(BigInt::from), range.high.map(BigInt::from))
    }

    fn of_spread(spread: &Spread, has_histogram: bool) -> Self {
        let (first, last) = (spread.low.first(), spread.bytes.last());
        let all: f64 = spread.bytes.iter().sum();
        Self {
            min: first.copied().and_then(whole_of),
            expected: whole_of(all / spread.bytes.len().max(1) as f64),
            max: last.copied().and_then(whole_of),
            quantiles: Some(quantiles(&spread.bytes)),
            histogram: has_histogram.then(|| histogram(&spread.bytes)),
        }
    }
}

/// Quantiles of sorted bytes, each with the range in which it lies by the order statistics of a binomial count.
fn quantiles(sorted: &[f64]) -> Vec<Quantile> {
    let count = sorted.len() as f64;
    let at = |rank: f64| -> Option<Whole> {
        if rank < 1.0 || rank > count {
            return None;
        }
        sorted.get(rank as usize - 1).copied().and_then(whole_of)
    };
    let mut found: Vec<Quantile> = QUANTILES
        .iter()
        .map(|(name, share)| {
            let spread = 1.96 * (count * share * (1.0 - share)).sqrt();
            Quantile {
                name,
                bytes: at((count * share).ceil().max(1.0)),
                from: at((count * share - spread).floor().max(1.0)),
                to: at((count * share + spread).ceil() + 1.0),
            }
        })
        .collect();
    let max = at(count);
    found.push(Quantile { name: "max", from: max.clone(), bytes: max, to: None });
    found
}

/// Twenty ranges at the most, of one width, or each some times the one before where samples spread over orders of
/// magnitude.
fn histogram(sorted: &[f64]) -> Vec<Histogram> {
    const RANGES: usize = 20;
    let finite = sorted.partition_point(|bytes| bytes.is_finite());
    let sorted = sorted.get(..finite).unwrap_or(&[]);
    let (Some(first), Some(last)) = (sorted.first().copied(), sorted.last().copied()) else { return Vec::new() };
    let mut ends: Vec<f64> = Vec::new();
    if last > first {
        for n in 1..RANGES {
            let part = n as f64 / RANGES as f64;
            let end = match first >= 1.0 && last / first > 50.0 {
                true => first * (last / first).powf(part),
                false => first + (last - first) * part,
            };
            ends.push(end.ceil());
        }
    }
    ends.push(last);
    ends.dedup();
    let (mut from, mut before) = (first, 0);
    let mut found = Vec::new();
    for (n, end) in ends.iter().enumerate() {
        let is_last = n + 1 == ends.len();
        let upto = sorted.partition_point(|bytes| if is_last { bytes <= end } else { bytes < end });
        if let (Some(from), Some(to)) = (whole_of(from), whole_of(*end)) {
            found.push(Histogram { from, to, count: upto - before });
        }
        (from, before) = (*end, upto);
    }
    found
}

fn unknown(one: &Unknown) -> UnknownSymbol {
    let is_input = one.line == 0;
    UnknownSymbol {
        symbol: one.name.to_string(),
        kind: serde_json::to_value(one.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
        cause: one.cause.clone(),
        meaning: one.meaning.clone(),
        file: one.file.clone(),
        line: one.line,
        max: one.most.as_ref().and_then(|most| written(&most.to_formula())),
        resolve: match is_input {
            true => format!("pass an event that has it, or give it in a workload: [inputs.'{}']", one.name),
            false => format!("pass --mcv {}=VALUE", one.name),
        },
    }
}

impl From<&Exceeds> for ExceedsReport {
    fn from(exceeds: &Exceeds) -> Self {
        let inputs = exceeds
            .inputs
            .iter()
            .map(|limit| {
                let verdict = match &limit.boundary {
                    Boundary::UpTo(_) => "above",
                    Boundary::All(_) => "never",
                    Boundary::None => "always",
                    Boundary::Uneven(_) => "uneven",
                    Boundary::Unknown(_) => "unknown",
                };
                let fits_up_to = match &limit.boundary {
                    Boundary::UpTo(n) | Boundary::Uneven(n) => Some(Whole((*n).into())),
                    Boundary::All(_) | Boundary::None | Boundary::Unknown(_) => None,
                };
                LimitOfInput {
                    input: limit.input.clone(),
                    verdict,
                    fits_up_to,
                    given: limit.given.clone(),
                    message: super::text::limit(limit),
                }
            })
            .collect();
        Self {
            limit_bytes: Whole(exceeds.limit_bytes.clone()),
            room_bytes: Whole(exceeds.room_bytes.clone()),
            now: exceeds.now,
            inputs,
        }
    }
}

impl From<&Sampled> for WorkloadReport {
    fn from(sampled: &Sampled) -> Self {
        Self {
            samples: sampled.samples,
            wanted: sampled.wanted,
            seed: sampled.seed,
            method: match sampled.method {
                Method::Formula => "formula",
                Method::Runs => "runs",
            },
            runs: sampled.runs,
            off: sampled.off,
        }
    }
}

/// A prediction as JSON.
pub fn document(prediction: &Prediction) -> Document {
    let outcome = &prediction.outcome;
    let range = |of: fn(&Outcome) -> &Formula| {
        let (low, expected, high) = prediction.range(of);
        Amounts::of(low, expected, high)
    };
    let [demand, peak, resident, retained] = match &prediction.sampled {
        Some(sampled) => {
            let [demand, peak, resident, retained] = [0, 1, 2, 3].map(|at| sampled.spreads[at].sorted());
            let most = resident.bytes.last().copied();
            let mut resident = Amounts::of_spread(&resident, true);
            resident.max = most.and_then(|most| whole_of(with_allowance(most)));
            let [demand, peak, retained] = [demand, peak, retained].map(|spread| Amounts::of_spread(&spread, false));
            [demand, peak, resident, retained]
        }
        None => {
            let (low, expected, high) = prediction.resident();
            let [demand, peak, retained] = [range(|o| &o.demand), range(|o| &o.peak), range(|o| &o.retained)];
            [demand, peak, Amounts::of(low, expected, high), retained]
        }
    };
    let footprint = match &prediction.sampled {
        Some(_) => footprint(prediction, &resident),
        None => {
            let (low, expected, high) = prediction.footprint();
            Amounts::of(low, expected, high)
        }
    };
    let open: Vec<UnknownSymbol> = match &prediction.sampled {
        Some(sampled) => sampled.open.iter().map(unknown).collect(),
        None => outcome.unknown_of(&prediction.formulas()).map(unknown).collect(),
    };
    let mut assumptions = outcome.assumptions.clone();
    if let Some(sampled) = &prediction.sampled {
        assumptions.retain(|text| !text.starts_with(crate::memory::predict::RAISES));
        assumptions.extend(sampled.notes.iter().cloned());
    }
    assumptions.extend(prediction.left_over_note());
    Document {
        schema: Schema::PREDICTION,
        handler: prediction.handler.clone(),
        file: prediction.file.clone(),
        event: prediction.event.clone(),
        demand_bytes: demand,
        peak_bytes: peak,
        resident_peak_bytes: resident,
        retained_bytes: retained,
        formulas: Formulas {
            demand: written(&outcome.demand),
            peak: written(&outcome.peak),
            resident_peak: written(&outcome.resident_peak),
            retained: written(&outcome.retained),
            initial: written(&outcome.initial),
            initial_peak: written(&outcome.initial_peak),
        },
        baseline_bytes: Amounts::of_range(prediction.baseline()),
        initial_peak_bytes: Amounts::of_range(prediction.initial_peak()),
        later_bytes: prediction.process.later_bytes,
        footprint_bytes: footprint,
        missing_imports: prediction.process.missing.clone(),
        unknown: open,
        growth: outcome
            .growth
            .iter()
            .map(|(file, line, message)| Growth { file: file.clone(), line: *line, message: message.clone() })
            .collect(),
        assumptions,
        lines: outcome.moment.as_ref().map(|_| prediction.explanation()),
        exceeds: prediction.exceeds.as_ref().map(ExceedsReport::from),
        workload: prediction.sampled.as_ref().map(WorkloadReport::from),
    }
}

/// A formula as text. Its parts are shared in memory and written out in full, which can take more than any machine has.
pub(super) fn written(formula: &Formula) -> Option<String> {
    (formula.size() <= LONGEST_TEXT).then(|| formula.to_string())
}

/// The footprint of a workload: that of its resident peaks.
fn footprint(prediction: &Prediction, resident: &Amounts) -> Amounts {
    let (held, loading) = (prediction.baseline(), prediction.initial_peak());
    let later = BigInt::from(prediction.process.later_bytes);
    let over = |base: Option<u64>, peak: Option<&Whole>, least: Option<u64>| -> Option<Whole> {
        Some(Whole((BigInt::from(base?) + &later + &peak?.0).max(BigInt::from(least?))))
    };
    let high = |peak: Option<&Whole>| over(held.high, peak, loading.high);
    let quantiles = resident.quantiles.iter().flatten().map(|quantile| Quantile {
        name: quantile.name,
        bytes: high(quantile.bytes.as_ref()),
        from: high(quantile.from.as_ref()),
        to: high(quantile.to.as_ref()),
    });
    Amounts {
        min: over(Some(held.low), resident.min.as_ref(), Some(loading.low)),
        expected: high(resident.expected.as_ref()),
        max: high(resident.max.as_ref()),
        quantiles: Some(quantiles.collect()),
        histogram: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Whole, histogram, quantiles};

    #[test]
    fn quantiles_and_their_errors() {
        let sorted: Vec<f64> = (1..=10_000).map(f64::from).collect();
        let found = quantiles(&sorted);
        let of = |name: &str| found.iter().find(|one| one.name == name).cloned().unwrap_or_else(|| panic!("{name}"));
        let told = |whole: Option<Whole>| whole.map(|whole| whole.to_string().parse::<u64>().unwrap_or(0));
        let p99 = of("p99");
        assert_eq!((told(p99.bytes), told(p99.from), told(p99.to)), (Some(9_900), Some(9_880), Some(9_921)));
        assert_eq!(told(of("p99.9").to), Some(9_998));
        assert_eq!(told(of("max").bytes), Some(10_000));
        // A hundred samples say nothing of what lies above the thousandth part.
        let few = quantiles(&sorted[..100]);
        assert!(few.iter().any(|one| one.name == "p99.9" && one.to.is_none() && one.bytes.is_some()));
        // What nothing bounds is null, and not a large number.
        let open = quantiles(&[1.0, f64::INFINITY]);
        assert_eq!(
            open.iter().map(|one| told(one.bytes.clone())).collect::<Vec<_>>(),
            [Some(1), None, None, None, None, None]
        );
    }

    #[test]
    fn every_sample_is_in_one_range() {
        for sorted in [vec![5.0; 7], (0..1000).map(f64::from).collect(), (0..40).map(|n| 1.5_f64.powi(n)).collect()] {
            let found = histogram(&sorted);
            assert_eq!(found.iter().map(|range| range.count).sum::<usize>(), sorted.len(), "{found:?}");
            assert!(found.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
        }
    }
}
