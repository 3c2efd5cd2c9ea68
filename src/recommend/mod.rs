//! The memory setting to deploy with, what it costs, and why. Pure functions: no files, no processes.
//!
//! What is known of a handler's footprint comes in as a [`Need`], whether it was measured or predicted; what the platform
//! offers as a [`Platform`]; what is wanted as [`Wishes`]. [`recommend`] gives a [`Recommendation`], which `report` writes
//! for people. Depends on `diagnostic` (the name of the form).

mod cost;
mod footprints;
mod platform;
mod plot;
mod report;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::Schema;

pub use cost::{Times, Usage, cost, duration_ms};
pub use footprints::{Baseline, baseline};
pub use platform::{EventSourceLimit, Platform, names as platform_names, platform};
pub use plot::html;
pub use report::{table, text};

/// Bytes of one MB of a memory setting.
const MB: f64 = 1_048_576.0;

/// What one event of the workload needs: all that the process holds at the most while it runs, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The event's name, for people.
    pub name: String,
    /// At least.
    pub low_bytes: u64,
    /// At the most; none where nothing bounds it.
    pub high_bytes: Option<u64>,
    /// How often it comes, beside the others.
    pub weight: f64,
}

/// What a part of the footprint is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Driver {
    /// `baseline`, an event, or an input.
    pub name: String,
    /// Its share, in bytes; null where it is a formula of what is not known.
    pub bytes: Option<u64>,
    /// What it is.
    pub meaning: String,
}

/// The largest value of an input that a setting carries.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Carries {
    /// The setting.
    pub memory_mb: u64,
    /// The input: `event["n"]`.
    pub input: String,
    /// The largest value; null if no value is too large.
    pub largest: Option<String>,
    /// What the other inputs are taken to be; empty if there are no others.
    pub given: String,
}

/// Something that is not known, and what would settle it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownInput {
    /// Its name.
    pub name: String,
    /// Why it is not known.
    pub cause: String,
    /// The file; empty if it is no place of the source.
    pub file: String,
    /// The line; 0 if it is no place of the source.
    pub line: u32,
    /// What to do.
    pub resolve: String,
}

/// What is known of a handler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Need {
    /// The handler's name.
    pub handler: String,
    /// The file that defines it.
    pub file: String,
    /// `measured` or `predicted`.
    pub basis: &'static str,
    /// What each event needs; none where inputs and bounds leave it open.
    pub samples: Vec<Sample>,
    /// The most that the process held before its first event, in bytes.
    pub init_peak_bytes: Option<u64>,
    /// What it holds when it waits for its first event, in bytes.
    pub baseline_bytes: Option<u64>,
    /// The peak above the baseline, as a formula in bytes.
    pub formula: Option<String>,
    /// Times of an invocation, if they are known.
    pub times: Option<Times>,
    /// Parts of the footprint, the largest first.
    pub drivers: Vec<Driver>,
    /// What settings carry.
    pub carries: Vec<Carries>,
    /// What is not known.
    pub unknown: Vec<UnknownInput>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// The template's setting.
    pub current_mb: Option<u64>,
}

/// What decides among the settings that are large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The least money.
    Cost,
    /// The least time.
    Speed,
    /// Both alike.
    Balanced,
}

impl Strategy {
    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Strategy::Cost => "cost",
            Strategy::Speed => "speed",
            Strategy::Balanced => "balanced",
        }
    }
}

/// What to do about an event that nothing bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbounded {
    /// No number is given then.
    Refuse,
    /// The largest setting of the platform is taken.
    Worst,
    /// What is known is taken for all.
    Ignore,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Wishes {
    /// What decides.
    pub strategy: Strategy,
    /// How many of a hundred requests must fit.
    pub percentile: f64,
    /// What is kept free, as a share of the footprint.
    pub headroom: f64,
    /// How often and where.
    pub usage: Usage,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// The step between two settings, in MB.
    pub step_mb: u64,
    /// What to do about what nothing bounds.
    pub unbounded: Unbounded,
}

/// A setting and what it means.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    /// The setting.
    pub memory_mb: u64,
    /// Whether the footprint fits, headroom included; null if it is not known.
    pub fits: Option<bool>,
    /// Time of a warm invocation; null without times.
    pub duration_ms: Option<f64>,
    /// Time of the initialisation.
    pub init_ms: Option<f64>,
    /// Cost of a million average invocations, requests included.
    pub cost_per_million_usd: Option<f64>,
}

/// Where more or less memory begins or ceases to pay.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TippingPoint {
    /// The setting.
    pub memory_mb: u64,
    /// What tips there.
    pub message: String,
}

/// What the recommended setting costs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Costs {
    /// USD of an average request.
    pub request_usd: f64,
    /// USD of a warm request.
    pub warm_request_usd: f64,
    /// USD of a request that meets a cold start.
    pub cold_request_usd: f64,
    /// USD of a million average requests.
    pub million_usd: f64,
    /// USD a month.
    pub month_usd: f64,
    /// Requests a month that this counts with.
    pub requests_per_month: f64,
    /// The share of cold starts that this counts with.
    pub cold_start_rate: f64,
    /// USD a month that it saves against the template's setting (less than 0: what it costs more).
    pub saved_per_month_usd: Option<f64>,
}

/// The memory setting, its cost and why. What `meminterface recommend --format json` writes for each handler.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Recommendation {
    /// Name and version of this form.
    pub schema: Schema,
    /// The handler.
    pub handler: String,
    /// The file that defines it.
    pub file: String,
    /// The platform whose limits and prices were taken.
    pub platform: String,
    /// The date of its prices.
    pub prices_of: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// `measured` or `predicted`.
    pub basis: &'static str,
    /// The setting; null where what is known does not decide it.
    pub memory_mb: Option<u64>,
    /// The smallest setting that holds the footprint; null as above.
    pub smallest_mb: Option<u64>,
    /// The template's setting.
    pub current_mb: Option<u64>,
    /// How many of a hundred requests must fit.
    pub percentile: f64,
    /// What is kept free, in per cent of the footprint.
    pub headroom_percent: f64,
    /// `cost`, `speed` or `balanced`.
    pub strategy: &'static str,
    /// The footprint at the percentile, in bytes.
    pub footprint_bytes: Option<u64>,
    /// What the process holds when it waits for its first event, in bytes.
    pub baseline_bytes: Option<u64>,
    /// The peak above the baseline, as a formula in bytes.
    pub formula: Option<String>,
    /// What the footprint is made of.
    pub drivers: Vec<Driver>,
    /// The largest input that settings carry.
    pub carries: Vec<Carries>,
    /// Time and cost over memory.
    pub curve: Vec<Point>,
    /// Where more or less memory begins or ceases to pay.
    pub tipping_points: Vec<TippingPoint>,
    /// What the setting costs; null without times.
    pub costs: Option<Costs>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// What is not known.
    pub unknown: Vec<UnknownInput>,
}

/// Settings that a curve shows besides those of interest.
const CURVE: &[u64] =
    &[128, 192, 256, 384, 512, 768, 1024, 1536, 1769, 2048, 3008, 4096, 6144, 8192, 10240, 16384, 32768];

/// The footprint that so many of a hundred requests stay within: of their upper bounds, the smallest that holds them.
/// `Err` if what nothing bounds is needed for it.
fn footprint(samples: &[Sample], percentile: f64) -> Option<Result<u64, ()>> {
    let total: f64 = samples.iter().map(|sample| sample.weight.max(0.0)).sum();
    if samples.is_empty() || total <= 0.0 {
        return None;
    }
    let mut sorted: Vec<(Option<u64>, f64)> =
        samples.iter().map(|sample| (sample.high_bytes, sample.weight.max(0.0))).collect();
    // What has no bound is the largest.
    sorted.sort_by_key(|(bytes, _)| (bytes.is_none(), bytes.unwrap_or(0)));
    let wanted = total * percentile.clamp(0.0, 100.0) / 100.0;
    let mut sum = 0.0;
    for (bytes, weight) in &sorted {
        sum += weight;
        if sum + 1e-9 * total >= wanted {
            return Some(bytes.ok_or(()));
        }
    }
    sorted.last().map(|(bytes, _)| bytes.ok_or(()))
}

/// Decides.
pub fn recommend(platform: &Platform, need: &Need, wishes: &Wishes) -> Recommendation {
    let mut assumptions = need.assumptions.clone();
    let ignored: Vec<Sample> = need
        .samples
        .iter()
        .map(|sample| Sample { high_bytes: sample.high_bytes.or(Some(sample.low_bytes)), ..sample.clone() })
        .collect();
    let found = match footprint(&need.samples, wishes.percentile) {
        Some(Err(())) => match wishes.unbounded {
            Unbounded::Refuse => None,
            Unbounded::Worst => {
                assumptions.push(
                    "what nothing bounds is taken to need the largest setting (--assume-unknown=worst)".to_owned(),
                );
                Some(platform.memory.max_mb.saturating_mul(1 << 20))
            }
            Unbounded::Ignore => {
                assumptions.push("what nothing bounds is taken at its least (--assume-unknown=ignore)".to_owned());
                footprint(&ignored, wishes.percentile).and_then(Result::ok)
            }
        },
        Some(Ok(bytes)) => Some(bytes),
        None => None,
    };
    let footprint_bytes = found.map(|bytes| bytes.max(need.init_peak_bytes.unwrap_or(0)));
    let is_worst =
        matches!(footprint(&need.samples, wishes.percentile), Some(Err(()))) && wishes.unbounded == Unbounded::Worst;
    let headroom = if is_worst { 0.0 } else { wishes.headroom.max(0.0) };
    // Whole MB, rounded up, but not for the sake of a float's last digit.
    let wanted_mb = footprint_bytes.map(|bytes| {
        let mb = bytes as f64 * (1.0 + headroom) / MB;
        (mb - mb * 1e-12).ceil().max(1.0) as u64
    });
    let aligned = |mb: u64| {
        let step = wishes.step_mb.max(1);
        platform.smallest_setting(mb.div_ceil(step).saturating_mul(step)).or_else(|| platform.smallest_setting(mb))
    };
    let smallest_mb = wanted_mb.and_then(aligned);
    if let (Some(wanted), None) = (wanted_mb, smallest_mb) {
        assumptions.push(format!(
            "{wanted} MB are needed, and {} has no more than {} MB: it does not fit at all",
            platform.title, platform.memory.max_mb
        ));
    }
    let price = platform.price(&wishes.architecture).or(platform.prices.first());
    if let Some(region) = &wishes.usage.region
        && !price.is_some_and(|price| price.region_usd_per_gb_s.contains_key(region))
    {
        assumptions.push(format!("prices of {region} are taken to be those of the platform's first region"));
    }
    let used_mb = footprint_bytes.map_or(platform.memory.min_mb, |bytes| bytes.div_ceil(1 << 20));
    let at = |mb: u64| {
        let (price, times) = (price?, need.times.as_ref()?);
        Some(cost(platform, price, &wishes.usage, times, mb, used_mb))
    };
    let settings: Vec<u64> = platform.settings(wishes.step_mb);
    let memory_mb = smallest_mb.map(|smallest| choose(&settings, smallest, wishes.strategy, &at));
    if need.times.is_none() {
        assumptions
            .push("no times are known: the smallest setting that fits is taken (measure once for more)".to_owned());
    } else {
        assumptions.push(
            "a processor of the platform is taken to be as fast as the measuring machine's; waiting is the same at every \
             setting"
                .to_owned(),
        );
        if platform.time.full_vcpu_at_init {
            assumptions
                .push("the initialisation has a whole vCPU at every setting (observed, not documented)".to_owned());
        }
        assumptions.push("free tiers are left out".to_owned());
    }
    let mut shown: Vec<u64> = CURVE
        .iter()
        .copied()
        .filter_map(|mb| platform.smallest_setting(mb))
        .chain(smallest_mb)
        .chain(memory_mb)
        .collect();
    shown.extend(need.current_mb.and_then(|mb| platform.smallest_setting(mb)));
    shown.sort_unstable();
    shown.dedup();
    let curve = shown
        .into_iter()
        .map(|mb| {
            let cost = at(mb);
            Point {
                memory_mb: mb,
                fits: smallest_mb.map(|smallest| mb >= smallest).or(wanted_mb.map(|_| false)),
                duration_ms: cost.map(|cost| rounded(cost.warm_ms, 3)),
                init_ms: cost.map(|cost| rounded(cost.init_ms, 3)),
                cost_per_million_usd: cost.map(|cost| rounded(cost.average_usd * 1e6, 4)),
            }
        })
        .collect();
    let costs = memory_mb.and_then(&at).map(|cost| {
        let month = wishes.usage.requests_per_month;
        let current = need.current_mb.and_then(&at);
        Costs {
            request_usd: rounded(cost.average_usd, 12),
            warm_request_usd: rounded(cost.warm_usd, 12),
            cold_request_usd: rounded(cost.cold_usd, 12),
            million_usd: rounded(cost.average_usd * 1e6, 4),
            month_usd: rounded(cost.average_usd * month, 4),
            requests_per_month: month,
            cold_start_rate: wishes.usage.cold_start_rate,
            saved_per_month_usd: current.map(|current| rounded((current.average_usd - cost.average_usd) * month, 4)),
        }
    });
    let tipping_points = tipping_points(platform, need, &settings, smallest_mb, &at);
    Recommendation {
        schema: Schema::RECOMMEND,
        handler: need.handler.clone(),
        file: need.file.clone(),
        platform: platform.name.clone(),
        prices_of: platform.date.clone(),
        architecture: price.map_or_else(|| wishes.architecture.clone(), |price| price.architecture.clone()),
        basis: need.basis,
        memory_mb,
        smallest_mb,
        current_mb: need.current_mb,
        percentile: wishes.percentile,
        headroom_percent: rounded(wishes.headroom * 100.0, 3),
        strategy: wishes.strategy.word(),
        footprint_bytes,
        baseline_bytes: need.baseline_bytes,
        formula: need.formula.clone(),
        drivers: need.drivers.clone(),
        carries: need.carries.clone(),
        curve,
        tipping_points,
        costs,
        assumptions,
        unknown: need.unknown.clone(),
    }
}

/// Rounds for people: costs and times are estimates.
fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// Among settings that are large enough, the one that the strategy wants. Of costs within half a per cent the smallest
/// setting is taken, of times within one per cent the cheapest.
fn choose(settings: &[u64], smallest: u64, strategy: Strategy, at: &dyn Fn(u64) -> Option<cost::Cost>) -> u64 {
    let mut all: Vec<(u64, f64, f64)> = std::iter::once(smallest)
        .chain(settings.iter().copied().filter(|mb| *mb > smallest))
        .filter_map(|mb| at(mb).map(|cost| (mb, cost.average_usd, cost.warm_ms)))
        .collect();
    if all.is_empty() {
        return smallest;
    }
    let least = |of: fn(&(u64, f64, f64)) -> f64| all.iter().map(of).fold(f64::INFINITY, f64::min);
    let (cheapest, fastest) = (least(|one| one.1), least(|one| one.2));
    match strategy {
        Strategy::Cost => {
            all.retain(|one| one.1 <= cheapest * 1.005);
            all.sort_by_key(|one| one.0);
        }
        Strategy::Speed => {
            all.retain(|one| one.2 <= fastest * 1.01);
            all.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        }
        Strategy::Balanced => {
            // How much worse than the best, in both: a setting that is twice as dear and twice as fast is as good.
            let score = |one: &(u64, f64, f64)| (one.1 / cheapest.max(1e-18)) * (one.2 / fastest.max(1e-9));
            all.sort_by(|a, b| score(a).total_cmp(&score(b)).then(a.0.cmp(&b.0)));
        }
    }
    all.first().map_or(smallest, |one| one.0)
}

/// Where the curve changes its nature.
fn tipping_points(
    platform: &Platform,
    need: &Need,
    settings: &[u64],
    smallest: Option<u64>,
    at: &dyn Fn(u64) -> Option<cost::Cost>,
) -> Vec<TippingPoint> {
    let mut found = Vec::new();
    let Some(times) = need.times else { return found };
    let threads = if times.wall_ms > 0.0 { (times.cpu_ms / times.wall_ms).max(1.0) } else { 1.0 };
    let all: Vec<(u64, cost::Cost)> = settings.iter().filter_map(|mb| at(*mb).map(|cost| (*mb, cost))).collect();
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return found };
    // More memory still helps while the time falls by a thousandth over the rest of the way.
    if let Some((mb, cost)) = all.iter().find(|(_, cost)| cost.warm_ms <= last.1.warm_ms * 1.001)
        && first.1.warm_ms > last.1.warm_ms * 1.01
    {
        found.push(TippingPoint {
            memory_mb: *mb,
            message: format!(
                "from {mb} MB on the duration stays at {:.1} ms ({} of its own are busy): more memory only costs more",
                cost.warm_ms,
                if threads > 1.05 { format!("{threads:.1} threads") } else { "one thread".to_owned() }
            ),
        });
    }
    // The cheapest, and up to where the duration falls as fast as the price of a second rises.
    let cheapest = all.iter().map(|(_, cost)| cost.average_usd).fold(f64::INFINITY, f64::min);
    let near: Vec<u64> =
        all.iter().filter(|(_, cost)| cost.average_usd <= cheapest * 1.005).map(|(mb, _)| *mb).collect();
    if let (Some(from), Some(to)) = (near.first(), near.last()) {
        if from == to || *to <= first.0 {
            found.push(TippingPoint {
                memory_mb: *from,
                message: format!(
                    "{from} MB cost the least: above, the price of a second rises faster than the duration falls"
                ),
            });
        } else {
            found.push(TippingPoint {
                memory_mb: *to,
                message: format!(
                    "between {from} and {to} MB a request costs the same to half a per cent: the duration falls as fast as \
                     the price of a second rises; above, it falls more slowly"
                ),
            });
        }
        if *from > first.0 {
            found.push(TippingPoint {
                memory_mb: *from,
                message: format!("below {from} MB the duration grows faster than the price falls"),
            });
        }
    }
    if let Some(smallest) = smallest.filter(|smallest| *smallest > platform.memory.min_mb) {
        found.push(TippingPoint {
            memory_mb: smallest,
            message: format!("below {smallest} MB the footprint does not fit with its headroom"),
        });
    }
    found.sort_by_key(|point| point.memory_mb);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(strategy: Strategy) -> Wishes {
        Wishes {
            strategy,
            percentile: 99.9,
            headroom: 0.1,
            usage: Usage { requests_per_month: 1e6, cold_start_rate: 0.0, region: None },
            architecture: "x86_64".to_owned(),
            step_mb: 1,
            unbounded: Unbounded::Refuse,
        }
    }

    fn sample(mb: u64, weight: f64) -> Sample {
        Sample { name: String::new(), low_bytes: mb << 20, high_bytes: Some(mb << 20), weight }
    }

    fn need(samples: Vec<Sample>, times: Option<Times>) -> Need {
        Need { basis: "measured", samples, times, ..Need::default() }
    }

    fn aws() -> Platform {
        platform("aws-lambda").unwrap_or_else(|| panic!("it ships"))
    }

    #[test]
    fn the_percentile_is_that_of_the_requests() {
        let samples = [sample(100, 98.0), sample(300, 1.5), sample(900, 0.5)];
        let at = |percentile| footprint(&samples, percentile).and_then(Result::ok).map(|bytes| bytes >> 20);
        assert_eq!([50.0, 98.0, 98.1, 99.5, 99.6, 100.0].map(at), [100, 100, 300, 300, 900, 900].map(Some));
        assert_eq!(footprint(&[], 50.0), None);
        assert_eq!(footprint(&[sample(1, 0.0)], 50.0), None);
        let open = Sample { high_bytes: None, ..sample(5, 1.0) };
        assert_eq!(footprint(&[sample(1, 9.0), open.clone()], 90.0), Some(Ok(1 << 20)));
        assert_eq!(footprint(&[sample(1, 9.0), open], 91.0), Some(Err(())));
    }

    #[test]
    fn headroom_steps_and_limits() {
        let of = |mb: u64, headroom: f64, step: u64| {
            let wishes = Wishes { headroom, step_mb: step, ..wishes(Strategy::Cost) };
            recommend(&aws(), &need(vec![sample(mb, 1.0)], None), &wishes).memory_mb
        };
        assert_eq!(of(200, 0.1, 1), Some(220));
        assert_eq!(of(200, 0.1, 64), Some(256));
        assert_eq!(of(10, 0.1, 1), Some(128));
        assert_eq!(of(10_000, 0.0, 64), Some(10_048));
        assert_eq!(of(10_000, 0.1, 1), None);
        let too_much = recommend(&aws(), &need(vec![sample(20_000, 1.0)], None), &wishes(Strategy::Cost));
        assert!(too_much.assumptions.iter().any(|text| text.contains("does not fit at all")));
        assert!(too_much.curve.iter().all(|point| point.fits == Some(false)));
    }

    #[test]
    fn strategies() {
        let of = |wall_ms: f64, cpu_ms: f64, strategy| {
            let times = Times { wall_ms, cpu_ms, ..Times::default() };
            recommend(&aws(), &need(vec![sample(100, 1.0)], Some(times)), &wishes(strategy)).memory_mb
        };
        // All waiting: time does not change, so that the smallest is best in every respect.
        assert_eq!([Strategy::Cost, Strategy::Speed, Strategy::Balanced].map(|s| of(500.0, 0.0, s)), [Some(128); 3]);
        // All computing: a second costs as much as it is faster up to a whole vCPU, so that speed is free.
        for strategy in [Strategy::Speed, Strategy::Balanced] {
            let mb = of(1000.0, 1000.0, strategy).unwrap_or(0);
            assert!((1750..=1790).contains(&mb), "{strategy:?} takes {mb}");
        }
        assert_eq!(of(1000.0, 1000.0, Strategy::Cost), Some(128));
        // A fifth of it computing: less money at the small end, less time at the large one, and between them what is
        // twice as fast for twice the money.
        let [cost, balanced, speed] =
            [Strategy::Cost, Strategy::Balanced, Strategy::Speed].map(|s| of(1000.0, 200.0, s));
        assert!(
            cost < balanced && balanced < speed && balanced.is_some_and(|mb| mb.abs_diff(442) < 20),
            "{cost:?} {balanced:?} {speed:?}"
        );
        assert_eq!(cost, Some(128));
    }

    #[test]
    fn what_nothing_bounds_gives_no_number_unless_asked_for() {
        let open = Sample { high_bytes: None, ..sample(300, 1.0) };
        let with = |unbounded| {
            recommend(&aws(), &need(vec![open.clone()], None), &Wishes { unbounded, ..wishes(Strategy::Cost) })
        };
        assert_eq!(with(Unbounded::Refuse).memory_mb, None);
        assert_eq!(with(Unbounded::Worst).memory_mb, Some(10_240));
        assert_eq!(with(Unbounded::Ignore).memory_mb, Some(330));
        assert!(with(Unbounded::Ignore).assumptions.iter().any(|text| text.contains("--assume-unknown=ignore")));
    }

    #[test]
    fn savings_are_against_the_templates_setting() {
        let times = Times { wall_ms: 999.5, cpu_ms: 0.0, ..Times::default() };
        let need = Need { current_mb: Some(1024), ..need(vec![sample(100, 1.0)], Some(times)) };
        let found = recommend(&aws(), &need, &wishes(Strategy::Cost));
        assert_eq!(found.memory_mb, Some(128));
        let saved = found.costs.and_then(|costs| costs.saved_per_month_usd).unwrap_or(0.0);
        assert!((saved - 16.6667 * 7.0 / 8.0).abs() < 0.001, "{saved}");
        assert!(found.curve.windows(2).all(|pair| pair[0].memory_mb < pair[1].memory_mb));
    }
}
