//! What was gained, measured: both packages in the same layout, under the same client, in turn. Linux only.
//!
//! Depends on `diagnostic`, `measure`, `recommend` and `report`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::Progress;
use super::report::{Figures, Ranked, Significance, Spread, can_tell, mann_whitney};
use super::tree;
use crate::diagnostic::Diagnostic;
use crate::measure::report::MB;
use crate::measure::{self, Cancelled, Measurement, Outcome, Plan};
use crate::project::discover::Platform as Where;
use crate::recommend::{Platform, Times, Usage, cost, platform};

/// The figures of a package, one a run.
#[derive(Clone, Debug, Default)]
pub struct Series {
    init_ms: Vec<f64>,
    init_cpu_ms: Vec<f64>,
    import_ms: Vec<f64>,
    footprint: Vec<f64>,
    peak: Vec<f64>,
    cost: Vec<f64>,
    package_bytes: u64,
    /// What was resident after the import, in bytes.
    pub baseline: Vec<f64>,
}

fn platform_of(target: Where) -> Option<Platform> {
    let name = match target {
        Where::GoogleCloud => "google-cloud-run",
        Where::Azure => "azure-functions",
        _ => "aws-lambda",
    };
    platform(name).or_else(|| platform("aws-lambda"))
}

impl Series {
    fn add(&mut self, found: &Measurement, platform: Option<&Platform>) {
        let init = &found.init;
        if init.outcome != Some(Outcome::Ok) {
            return;
        }
        let mb = |bytes: u64| bytes as f64 / MB as f64;
        self.init_ms.push(init.figures.wall_ms);
        self.init_cpu_ms.push(init.figures.cpu_ms);
        let import = init.phases.iter().find(|phase| phase.name == "import");
        self.import_ms.push(import.map_or(0.0, |phase| phase.figures.wall_ms));
        self.footprint.push(mb(init.figures.end_resident_bytes));
        self.baseline.push(init.figures.end_resident_bytes as f64);
        let peak = found.peak.peak_resident_bytes;
        self.peak.push(mb(peak));
        let Some(platform) = platform else { return };
        let count = found.invocations.len().max(1) as f64;
        let sum = |of: &dyn Fn(&measure::report::Invocation) -> f64| found.invocations.iter().map(of).sum::<f64>();
        let times = Times {
            init_wall_ms: init.figures.wall_ms,
            init_cpu_ms: init.figures.cpu_ms,
            wall_ms: sum(&|one| one.figures.wall_ms) / count,
            cpu_ms: sum(&|one| one.figures.cpu_ms) / count,
        };
        let used = peak.div_ceil(MB);
        let setting = platform.smallest_setting(used).unwrap_or(platform.memory.max_mb);
        if let Some(price) = platform.price("x86_64").or(platform.prices.first()) {
            let usage = Usage { requests_per_month: 0.0, cold_start_rate: 1.0, region: None };
            self.cost.push(cost(platform, price, &usage, &times, setting, used).cold_usd * 1e6);
        }
    }

    /// As a report has them.
    pub fn figures(&self) -> Figures {
        let bytes = self.package_bytes as f64;
        Figures {
            init_ms: Spread::of(&self.init_ms),
            init_cpu_ms: Spread::of(&self.init_cpu_ms),
            import_ms: Spread::of(&self.import_ms),
            footprint_mb: Spread::of(&self.footprint),
            peak_mb: Spread::of(&self.peak),
            package_bytes: Spread { median: bytes, low: bytes, high: bytes },
            cost_per_million_cold_usd: Spread::of(&self.cost),
        }
    }
}

/// Measures both packages so many times, in turn, each with a cold page cache of its own files. Begins no further time
/// after `until`. Says what is done, and how many times were; gives the figures, and how many times there were.
///
/// # Errors
/// As [`measure::measure`].
pub fn measure_both(
    before: &Plan,
    after: &Plan,
    runs: usize,
    until: Option<Instant>,
    progress: &dyn Fn(&str, usize),
    cancelled: Cancelled<'_>,
) -> Result<((Series, Series), usize), Diagnostic> {
    let mut done = 0;
    let mut both = (Series::default(), Series::default());
    let of_target = platform_of(before.target.platform);
    both.0.package_bytes = size(&before.target.code_root);
    both.1.package_bytes = size(&after.target.code_root);
    for run in 0..runs {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        progress(&format!("measuring: run {} of {runs}", run + 1), done);
        // Who goes first alternates: what warms the machine helps both alike.
        let order = if run % 2 == 0 { [true, false] } else { [false, true] };
        for is_before in order {
            let (plan, series) = if is_before { (before, &mut both.0) } else { (after, &mut both.1) };
            series.add(&measure::measure(plan, cancelled)?, of_target.as_ref());
        }
        done += 1;
    }
    Ok((both, done))
}

/// Size of all files of a package but those that only describe it.
pub fn size(root: &Path) -> u64 {
    let described = ["manifest.json", "report.json", "profile.html"];
    tree::list(root)
        .into_iter()
        .filter(|(path, _)| !described.iter().any(|name| path == Path::new(name)))
        .map(|(_, bytes)| bytes)
        .sum()
}

/// The verdict where no number of runs like this can give another.
pub const TOO_FEW: &str = "too few runs to tell";

/// Tests of the differences, and the result in words.
pub fn compare(before: &Series, after: &Series) -> (Vec<Significance>, String) {
    let pairs: [(&str, &[f64], &[f64]); 6] = [
        ("init_ms", &before.init_ms, &after.init_ms),
        ("init_cpu_ms", &before.init_cpu_ms, &after.init_cpu_ms),
        ("import_ms", &before.import_ms, &after.import_ms),
        ("footprint_mb", &before.footprint, &after.footprint),
        ("peak_mb", &before.peak, &after.peak),
        ("cost_per_million_cold_usd", &before.cost, &after.cost),
    ];
    let mut all = Vec::new();
    for (figure, a, b) in pairs {
        let (x, y) = (Spread::of(a).median, Spread::of(b).median);
        let reduction = if x > 0.0 { 1.0 - y / x } else { 0.0 };
        let p = mann_whitney(a, b);
        let verdict = match (p <= 0.05, reduction > 0.0) {
            _ if !can_tell(a.len(), b.len()) => TOO_FEW,
            (true, true) => "less",
            (true, false) => "more",
            (false, _) => "no difference",
        };
        all.push(Significance { figure: figure.to_owned(), reduction, p, verdict: verdict.to_owned() });
    }
    let of = |figure: &str| all.iter().find(|one| one.figure == figure);
    let words = |figure: &str, name: &str| match of(figure) {
        Some(one) if one.verdict == "less" => Some(format!("{name} −{:.0} %", one.reduction * 100.0)),
        Some(one) if one.verdict == "more" => Some(format!("{name} +{:.0} %", -one.reduction * 100.0)),
        _ => None,
    };
    let said: Vec<String> = [
        words("init_ms", "initialisation"),
        words("footprint_mb", "memory after the import"),
        words("cost_per_million_cold_usd", "cost of a cold start"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut verdict = match () {
        () if all.iter().any(|one| one.verdict == TOO_FEW) => {
            format!(
                "too few runs to tell ({}): four of each and more can (`--runs 10`)",
                before.init_ms.len().min(after.init_ms.len())
            )
        }
        () if said.is_empty() => "no gain: no figure differs by more than chance".to_owned(),
        () => said.join(", "),
    };
    let peak = Spread::of(&before.peak).median;
    if peak > 0.0 && peak <= 128.0 {
        verdict.push_str(&format!(
            "; its peak of {peak:.0} MB fits the smallest setting of 128 MB already, so less memory makes nothing cheaper, only less time does"
        ));
    }
    (all, verdict)
}

/// What imports cost.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Modules, those whose import costs most first.
    pub ranked: Vec<Ranked>,
    /// Resident memory of each module's own, without the modules that it brought, in bytes.
    pub own_bytes: BTreeMap<String, f64>,
    /// Time of each module's own, in ms.
    pub own_ms: BTreeMap<String, f64>,
    /// A picture of it.
    pub page: String,
}

/// Ranks modules by what their import costs, from several measurements of it.
///
/// # Errors
/// As [`measure::measure_imports`].
pub fn profile(
    plan: &Plan,
    runs: usize,
    progress: Progress<'_>,
    cancelled: Cancelled<'_>,
) -> Result<Profile, Diagnostic> {
    let mut own: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut own_time: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut figures: BTreeMap<String, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let (mut times, mut memories) = (Vec::new(), Vec::new());
    let mut page = String::new();
    for run in 0..runs {
        progress(&format!("profiling the imports: run {} of {runs}", run + 1));
        let found = measure::measure_imports(plan, cancelled)?;
        let mb = |bytes: i64| bytes as f64 / MB as f64;
        times.push(found.modules.iter().filter(|one| one.parent.is_none()).map(|one| one.cumulative_ms).sum());
        let all: i64 =
            found.modules.iter().filter(|one| one.parent.is_none()).map(|one| one.cumulative_resident_bytes).sum();
        memories.push(mb(found.start_resident_bytes + all));
        for module in &found.modules {
            let entry = figures.entry(module.name.clone()).or_default();
            own.entry(module.name.clone()).or_default().push(module.own_resident_bytes as f64);
            own_time.entry(module.name.clone()).or_default().push(module.own_ms);
            entry.0.push(module.marginal_ms);
            entry.1.push(mb(module.marginal_resident_bytes));
        }
        if run == 0 {
            page = measure::imports::html(&found);
        }
    }
    let (time, memory) = (Spread::of(&times).median, Spread::of(&memories).median);
    let mut ranked: Vec<Ranked> = figures
        .into_iter()
        .map(|(name, (ms, mb))| {
            let (marginal_ms, marginal_mb) = (Spread::of(&ms), Spread::of(&mb));
            let rest = (time - marginal_ms.median).max(0.0) * (memory - marginal_mb.median).max(0.0);
            Ranked { name, marginal_ms, marginal_mb, cost: time * memory - rest }
        })
        .collect();
    ranked.sort_by(|a, b| b.cost.total_cmp(&a.cost).then_with(|| a.name.cmp(&b.name)));
    let medians = |all: BTreeMap<String, Vec<f64>>| -> BTreeMap<String, f64> {
        all.into_iter().map(|(name, values)| (name, Spread::of(&values).median)).collect()
    };
    Ok(Profile { ranked, own_bytes: medians(own), own_ms: medians(own_time), page })
}
