//! What a trimmed package says of itself: `manifest.json` (docs/schemas/debloat-manifest.schema.json) and `report.json`
//! (docs/schemas/debloat.schema.json). Depends on `diagnostic`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Schema;

/// A figure over several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    /// Of these values; zeros if there are none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |n: usize| sorted.get(n).copied().unwrap_or(0.0);
        let count = sorted.len();
        let median = match count {
            0 => 0.0,
            _ if count % 2 == 1 => at(count / 2),
            _ => f64::midpoint(at(count / 2 - 1), at(count / 2)),
        };
        Self { median, low: at(0), high: at(count.saturating_sub(1)) }
    }
}

/// Figures of a package, in the same layout and under the same client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Time of a cold start's initialisation, the runtime client's start included, in ms.
    pub init_ms: Spread,
    /// CPU time of it, in ms: the same on a busy machine.
    pub init_cpu_ms: Spread,
    /// The part of it that imports the handler's module, in ms.
    pub import_ms: Spread,
    /// Resident memory when the handler is imported, in MB.
    pub footprint_mb: Spread,
    /// The most resident memory of any event, in MB.
    pub peak_mb: Spread,
    /// Size of all files, in bytes.
    pub package_bytes: Spread,
    /// A million cold starts with one event each, at the smallest setting that holds the peak, in USD.
    pub cost_per_million_cold_usd: Spread,
}

/// Whether a difference is more than chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Significance {
    /// The figure.
    pub figure: String,
    /// How much less, as a share of before; negative if more.
    pub reduction: f64,
    /// Two-sided p of the Mann–Whitney U test.
    pub p: f64,
    /// `less`, `more`, `no difference` (p above 0.05), or `too few runs to tell` (so few that no p below 0.05 can come out).
    pub verdict: String,
}

/// A module that was trimmed, or left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModuleReport {
    /// Its dotted name.
    pub name: String,
    /// Names that it had.
    pub attributes_before: usize,
    /// Names that it has when it is imported.
    pub attributes_after: usize,
    /// Functions whose bodies are loaded on demand.
    pub bodies: usize,
    /// Whether the trimmed application imports it at all.
    pub loaded: bool,
}

/// A rule that left files out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleReport {
    /// Its name.
    pub name: String,
    /// Why it is safe.
    pub why: String,
    /// How many files it left out.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// What a module costs while it is imported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ranked {
    /// Its dotted name.
    pub name: String,
    /// What would go if it went: time, in ms.
    pub marginal_ms: Spread,
    /// What would go if it went: memory, in MB.
    pub marginal_mb: Spread,
    /// `T·M − (T−t)·(M−m)`, in ms·MB, of the medians.
    pub cost: f64,
}

/// The price of one load on demand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OnDemand {
    /// How many were measured, each in a process of its own.
    pub loads: usize,
    /// Time of one, in ms.
    pub ms: Spread,
    /// Anonymous memory of one, in bytes.
    pub bytes: Spread,
}

/// What `report.json` holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool.
    pub tool_version: String,
    /// The handler.
    pub handler: String,
    /// The version of Python.
    pub python: String,
    /// The package as it was; null where nothing was measured (an interrupted run).
    pub before: Option<Figures>,
    /// The trimmed package.
    pub after: Option<Figures>,
    /// How many runs each figure rests on.
    pub runs: usize,
    /// Tests of the differences.
    pub significance: Vec<Significance>,
    /// The result in words; `no gain` is said.
    pub verdict: String,
    /// Predicted resident memory after the import, in bytes, from what each module cost: a claim that measuring tests.
    pub predicted_baseline_bytes: Option<u64>,
    /// Modules that the original loaded from the package.
    pub modules: Vec<ModuleReport>,
    /// How many modules the original loads, and how many are left.
    pub modules_loaded_before: usize,
    /// After trimming.
    pub modules_loaded_after: usize,
    /// Modules that were not changed, and why.
    pub left_alone: BTreeMap<String, String>,
    /// What each module costs, the most expensive first.
    pub profile: Vec<Ranked>,
    /// Rules that left files out.
    pub rules: Vec<RuleReport>,
    /// How many times the application was run to search and to accept.
    pub oracle_runs: usize,
    /// Whether every event, the withheld ones too, gave the original's answer.
    pub events_equal: bool,
    /// Events by name.
    pub events: Vec<String>,
    /// Events that were withheld from the search, and only used to accept.
    pub withheld: Vec<String>,
    /// What accepted events loaded on demand.
    pub loaded_on_demand: Vec<String>,
    /// What a load on demand costs.
    pub on_demand: Option<OnDemand>,
    /// Time of all but the measuring, in seconds.
    pub seconds: f64,
    /// Time of the measuring, in seconds.
    pub measuring_seconds: f64,
    /// What else one should know.
    pub notes: Vec<String>,
}

/// A module as the manifest knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trimmed {
    /// Its file in the package.
    pub file: String,
    /// SHA-256 of the file as it was.
    pub original_sha256: String,
    /// Names that are loaded on demand.
    pub names: Vec<String>,
    /// Functions whose bodies are.
    pub bodies: Vec<String>,
    /// Why that is safe.
    pub why: String,
}

/// A file that was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    /// Its path in the package.
    pub file: String,
    /// The rule that left it out.
    pub rule: String,
    /// Its size.
    pub bytes: u64,
    /// Where it came from.
    pub source: String,
}

/// What `manifest.json` holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Manifest {
    /// Name and version of this form.
    pub schema: Schema,
    /// What was made.
    #[serde(flatten)]
    pub content: Content,
}

/// The content of a manifest: what `--restore` and `--undo` work from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Content {
    /// The version of the tool.
    pub tool_version: String,
    /// The handler.
    pub handler: String,
    /// Whether what was taken out can be loaded on demand.
    pub strict: bool,
    /// Predicted resident memory after the import, in bytes: what `recommend` starts from, and `validate --debloated`
    /// tests. Null where nothing was measured.
    #[serde(default)]
    pub predicted_baseline_bytes: Option<u64>,
    /// Modules that were changed, by name.
    pub modules: BTreeMap<String, Trimmed>,
    /// Files that were left out.
    pub removed: Vec<Removed>,
    /// Why each rule is safe.
    pub rules: BTreeMap<String, String>,
    /// SHA-256 of every file of the package but this one and the report.
    pub files: BTreeMap<String, String>,
}

/// The predicted baseline that the manifest of a trimmed package in this folder gives, in bytes; none for other folders.
pub fn predicted_baseline(folder: &std::path::Path) -> Option<u64> {
    let data = std::fs::read(folder.join("manifest.json")).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&data).ok()?;
    let name = value.get("schema")?.get("name")?.as_str()?;
    let is_ours = name == Schema::DEBLOAT_MANIFEST.name;
    value.get("predicted_baseline_bytes").filter(|_| is_ours)?.as_u64()
}

/// Two-sided p of the Mann–Whitney U test, by the normal approximation with ties and continuity corrected.
///
/// Source: Mann & Whitney, Ann. Math. Statist. 18 (1947); for ten and ten values the approximation is off by less than
/// 0.005 around 0.05.
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    if a.len() < 2 || b.len() < 2 {
        return 1.0;
    }
    let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).chain(b.iter().map(|x| (*x, false))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while let Some((value, _)) = all.get(at) {
        let same = all.iter().skip(at).take_while(|(other, _)| other == value).count();
        let rank = at as f64 + (same as f64 + 1.0) / 2.0;
        ranks += rank * all.iter().skip(at).take(same).filter(|(_, is_a)| *is_a).count() as f64;
        ties += (same as f64).powi(3) - same as f64;
        at += same;
    }
    let u = ranks - n * (n + 1.0) / 2.0;
    let count = n + m;
    let variance = n * m / 12.0 * (count + 1.0 - ties / (count * (count - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    (2.0 * upper_tail(z)).min(1.0)
}

/// Whether so many values of each kind can give a p below 0.05 at all: the smallest two-sided p of the exact test, when all
/// of one kind are below all of the other, is `2 / C(n + m, n)`.
pub fn can_tell(n: usize, m: usize) -> bool {
    let (n, m) = (n.min(m) as f64, n.max(m) as f64);
    let mut ways = 1.0;
    let mut k = 1.0;
    while k <= n {
        ways *= (m + k) / k;
        k += 1.0;
    }
    n >= 1.0 && 2.0 / ways < 0.05
}

/// P(Z > z) of the normal distribution. Source: Abramowitz & Stegun 26.2.17, error below 7.5e-8.
fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let poly =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    poly * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_tells_chance_from_difference() {
        let a: Vec<f64> = (0..10).map(f64::from).collect();
        let b: Vec<f64> = (10..20).map(f64::from).collect();
        // SciPy 1.14, mannwhitneyu(a, b, method="asymptotic").pvalue = 0.000182672
        assert!((mann_whitney(&a, &b) - 0.000_182_672).abs() < 1e-6, "{}", mann_whitney(&a, &b));
        assert!(mann_whitney(&a, &a) > 0.9);
        assert_eq!(mann_whitney(&[1.0; 10], &[1.0; 10]), 1.0);
    }

    #[test]
    fn three_runs_of_each_can_tell_nothing() {
        // 2 / C(6, 3) = 0.1; 2 / C(8, 4) = 0.029; 2 / C(7, 3) = 0.057; 2 / C(8, 3) = 0.036.
        let found = [(0, 0), (1, 1), (3, 3), (3, 4), (3, 5), (4, 4), (10, 10)].map(|(n, m)| can_tell(n, m));
        assert_eq!(found, [false, false, false, false, true, true, true]);
    }

    #[test]
    fn spreads() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of(&[]), Spread::default());
    }
}
