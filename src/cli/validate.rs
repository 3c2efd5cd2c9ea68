//! `meminterface validate`: a recommendation put to the proof, by running the handler under exactly that limit.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Serialize;

use super::footprint::{Footprint, Inputs, footprint};
use super::measure::{Interrupts, RunArguments, plan_of};
use super::recommend::{WishArguments, need_of_measured};
use super::{Exit, Output};
use crate::debloat::report::predicted_baseline;
use crate::diagnostic::{Diagnostic, Kind, Schema};
use crate::footprint::Range;
use crate::measure::report::{Limit, LimitKind, MB};
use crate::measure::{self, Measurement, Outcome, Plan};
use crate::project::discover::Handler;
use crate::recommend::{Need, Platform, Recommendation, Wishes, recommend};

/// How a validation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// JSON with a schema.
    Json,
}

/// Prove a memory setting: run every event under exactly that limit, and find the smallest that survives.
///
/// The handler's code RUNS, with your rights, as with `measure`: without a limit, then under the recommended one, then
/// under limits between. Exits with 1 when a recommendation fails, or where no limit can be enforced: then nothing is proven.
#[derive(Args, Debug)]
pub struct ValidateArguments {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    wishes: WishArguments,
    /// Prove this setting instead of the recommended one.
    #[arg(long, value_name = "MB")]
    memory: Option<u64>,
    /// A debloated package with the same handler: validated too, and put side by side.
    #[arg(long, value_name = "DIR")]
    debloated: Option<PathBuf>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where to write it. Standard output if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// An event under the recommended limit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct EventProof {
    /// The event's name; its number if it has none.
    pub name: String,
    /// Its predicted resident peak above the baseline, at the most; null where nothing bounds it.
    pub predicted_peak_bytes: Option<u64>,
    /// The least of the same; null without a prediction.
    pub predicted_least_bytes: Option<u64>,
    /// Its resident peak above the baseline, measured without a limit.
    pub measured_peak_bytes: u64,
    /// All that was resident at the most, measured without a limit: in a process of its own, or after the events before it.
    pub measured_footprint_bytes: u64,
    /// How far the predicted peak is off, as a share of the measured one; null without a prediction, or where nothing was
    /// measured above the baseline.
    pub error: Option<f64>,
    /// Whether the measured peak lies within the predicted range, give or take a tenth of the measured footprint; null
    /// without a prediction, and for an event that ends otherwise than `ok`.
    pub prediction_held: Option<bool>,
    /// Whether it ended under the limit as it does without one.
    pub survived: bool,
    /// Whether lack of memory slowed it down beyond the bound.
    pub slowed: bool,
    /// How it ended without a limit.
    pub outcome: Outcome,
    /// How it ended under the limit.
    pub limited_outcome: Outcome,
    /// Time without a limit.
    pub wall_ms: f64,
    /// Time under the limit.
    pub limited_wall_ms: f64,
}

/// A package put to the proof.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Proof {
    /// The folder of the code.
    pub code: String,
    /// The setting that was put to the proof.
    pub recommended_mb: Option<u64>,
    /// The smallest setting that survives every event; null if none up to the platform's largest was found to.
    pub smallest_surviving_mb: Option<u64>,
    /// How much more than that is recommended.
    pub waste_mb: Option<u64>,
    /// Each event.
    pub events: Vec<EventProof>,
    /// Whether as many events survived as the percentile asks for.
    pub percentile_held: bool,
    /// The largest footprint, in bytes.
    pub footprint_bytes: u64,
    /// What was resident before the first event, in bytes.
    pub baseline_bytes: u64,
    /// The same as predicted before anything ran, at the most; null where nothing bounds it.
    pub predicted_baseline_bytes: Option<u64>,
    /// Time of a cold start's initialisation.
    pub init_ms: f64,
    /// What the recommendation rests on, and what it costs.
    pub recommendation: Recommendation,
}

/// What `meminterface validate --format json` writes: a record that others may cite.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Validation {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool.
    pub tool_version: &'static str,
    /// When, in seconds since 1970 (UTC).
    pub measured_at: u64,
    /// The kernel that it ran on.
    pub kernel: String,
    /// The handler.
    pub handler: String,
    /// The version of Python.
    pub python: String,
    /// What held the run to its limit.
    pub limit: Limit,
    /// Whether a real limit was enforced: without one nothing is proven.
    pub proven: bool,
    /// Whether every event survived, unslowed, under the recommended setting, and every prediction held.
    pub passed: bool,
    /// Why not; empty if it passed.
    pub message: String,
    /// The proof.
    #[serde(flatten)]
    pub proof: Proof,
    /// The same of the debloated package.
    pub debloated: Option<Proof>,
}

/// Slower than this share of its time without a limit, and than this many milliseconds more, with pages read again: then
/// memory was short.
const SLOWER: f64 = 1.5;
const SLOWER_MS: f64 = 100.0;

/// So many more pages read than without a limit are none.
const MORE_FAULTS: u64 = 16;

/// How long a prediction may take beside the measuring that follows.
const LONGEST_PREDICTION: Duration = Duration::from_secs(60);

/// How often an event that was slowed down is tried again.
const SLOW_TRIALS: usize = 2;

/// How far the baseline that the manifest of a trimmed package predicts may be off, as a share of the measured one.
const BASELINE_TOLERANCE: f64 = 0.1;

/// How far a peak may lie outside of the predicted range, as a share of the measured footprint: what headroom is for.
const TOLERANCE: f64 = 0.1;

/// The JSON Schema of `validate --format json`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Validation).to_value()
}

/// Runs the verb.
pub fn run(arguments: &ValidateArguments, output: &mut Output) -> Exit {
    let interrupts = Interrupts::start();
    let result = validate(arguments, output);
    let validation = match result {
        Ok(validation) => validation,
        Err(problem) => {
            output.report(&problem);
            interrupts.finish(problem.kind == Kind::Interrupted);
            return Exit::BadInput;
        }
    };
    let text = match arguments.format {
        Format::Json => match serde_json::to_string_pretty(&validation) {
            Ok(text) => text + "\n",
            Err(_) => String::new(),
        },
        Format::Text => text(&validation),
    };
    match &arguments.output {
        Some(file) => {
            if let Err(problem) = super::output::write_file(file, &text) {
                output.report(&problem);
                return Exit::BadInput;
            }
        }
        None => output.text(&text),
    }
    match (output.exit(), validation.passed) {
        (Exit::Done, false) => Exit::CheckFailed,
        (exit, _) => exit,
    }
}

fn validate(arguments: &ValidateArguments, output: &mut Output) -> Result<Validation, Diagnostic> {
    let mut said = Vec::new();
    let planned = plan_of(&arguments.run, false, &mut said);
    for problem in &said {
        output.report(problem);
    }
    let (mut plan, handler) = planned?;
    plan.isolate = true;
    plan.memory_mb = None;
    let (platform, wishes) = arguments.wishes.of(&handler)?;
    if let Some(mb) = arguments.memory
        && platform.smallest_setting(mb) != Some(mb)
    {
        let help = format!("{} has {} to {} MB", platform.title, platform.memory.min_mb, platform.memory.max_mb);
        return Err(Diagnostic::new(Kind::Usage, format!("`--memory {mb}` is no setting there")).help(help));
    }
    let mut other = None;
    if let Some(folder) = &arguments.debloated {
        let file = handler
            .file
            .strip_prefix(&handler.code_root)
            .map(|file| folder.join(file))
            .unwrap_or_else(|_| folder.join(handler.file.file_name().unwrap_or_default()));
        if !file.is_file() {
            let problem = Diagnostic::new(Kind::CannotRead, "the debloated package does not hold the handler's file");
            return Err(problem.in_file(file).help("name the folder that takes the place of the template's CodeUri"));
        }
        let mut plan = plan.clone();
        plan.target.code_root = folder.clone();
        plan.target.file = file;
        other = Some(plan);
    }
    let judge = Judge { handler: &handler, platform: &platform, wishes: &wishes, memory: arguments.memory };
    let (first, proof) = judge.proof(&plan, output)?;
    let debloated = match &other {
        Some(plan) => Some(judge.proof(plan, output)?.1),
        None => None,
    };
    let limit = first.limit.clone();
    let proven = limit.enforced;
    let mut reasons = Vec::new();
    if !proven {
        reasons.push(format!("not proven: {}", limit.meaning));
    }
    let both = [("", Some(&proof)), ("debloated: ", debloated.as_ref())];
    for (which, proof) in both.iter().filter_map(|(which, proof)| Some((which, (*proof)?))) {
        match proof.recommended_mb {
            None => reasons.push(format!("{which}nothing is recommended")),
            Some(mb) => {
                for event in &proof.events {
                    if !event.survived {
                        reasons.push(format!(
                            "{which}{} does not survive {mb} MB: {}",
                            event.name,
                            event.limited_outcome.word()
                        ));
                    } else if event.slowed {
                        reasons.push(format!(
                            "{which}{} is slowed down by lack of memory at {mb} MB: {:.0} ms, and {:.0} without a limit",
                            event.name, event.limited_wall_ms, event.wall_ms
                        ));
                    }
                }
            }
        }
        for event in proof.events.iter().filter(|event| event.prediction_held == Some(false)) {
            let range = (event.predicted_least_bytes.unwrap_or(0), event.predicted_peak_bytes);
            let predicted = match range {
                (low, Some(high)) if low == high => format!("{} MB", mb(high)),
                (low, Some(high)) => format!("{} to {} MB", mb(low), mb(high)),
                (low, None) => format!("{} MB or more", mb(low)),
            };
            reasons.push(format!(
                "{which}the prediction for {} fails: {predicted} above the baseline, and {} MB measured",
                event.name,
                mb(event.measured_peak_bytes)
            ));
        }
        for event in &proof.events {
            if matches!(event.outcome, Outcome::InitError | Outcome::Timeout | Outcome::OutOfMemory) {
                reasons.push(format!("{which}{} fails without a limit too: {}", event.name, event.outcome.word()));
            }
        }
    }
    // What the manifest of the trimmed package says of its baseline.
    if let Some(proof) = &debloated
        && let Some(predicted) = predicted_baseline(Path::new(&proof.code))
        && proof.baseline_bytes.abs_diff(predicted) as f64 > BASELINE_TOLERANCE * proof.baseline_bytes as f64
    {
        reasons.push(format!(
            "debloated: the manifest predicts a baseline of {} MB, and {} MB are measured",
            mb(predicted),
            mb(proof.baseline_bytes)
        ));
    }
    Ok(Validation {
        schema: Schema::VALIDATE,
        tool_version: env!("CARGO_PKG_VERSION"),
        measured_at: first.measured_at,
        kernel: first.kernel.clone(),
        handler: handler.name(),
        python: first.python.version.clone(),
        limit,
        proven,
        passed: reasons.is_empty(),
        message: reasons.join("; "),
        proof,
        debloated,
    })
}

/// What is predicted of a handler; nothing if that fails or takes too long. Ends when the user wants that.
fn predicted(
    handler: Handler,
    inputs: Inputs,
    platform: &Platform,
    wishes: &Wishes,
) -> Result<Option<Footprint>, Diagnostic> {
    let (sender, receiver) = mpsc::channel();
    let (platform, wishes) = (platform.clone(), wishes.clone());
    // Not waited for where it takes too long: it ends with this program.
    std::thread::spawn(move || {
        let _ = sender.send(footprint(&handler, &inputs, &platform, &wishes).ok());
    });
    let start = Instant::now();
    while start.elapsed() < LONGEST_PREDICTION {
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok(found) => return Ok(found),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
            Err(mpsc::RecvTimeoutError::Timeout) if Interrupts::came() => {
                return Err(Diagnostic::new(Kind::Interrupted, "interrupted; nothing ran yet"));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
    Ok(None)
}

/// What a proof is measured against.
struct Judge<'a> {
    handler: &'a Handler,
    platform: &'a Platform,
    wishes: &'a Wishes,
    memory: Option<u64>,
}

/// A plan under a limit, with the events at these places only.
fn limited(plan: &Plan, memory_mb: u64, events: &[usize]) -> Plan {
    let mut plan = plan.clone();
    plan.memory_mb = Some(memory_mb);
    plan.events = events.iter().filter_map(|at| plan.events.get(*at).cloned()).collect();
    plan
}

/// The same events in one process, one after the other.
fn in_one_process(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.isolate = false;
    plan
}

/// Outcome, time, how often memory was short, resident peak, and the baseline, of each event. One that was not invoked for want of a
/// start has the start's.
struct Seen {
    outcome: Outcome,
    wall_ms: f64,
    limit_hits: u64,
    major_faults: u64,
    peak: u64,
    baseline: u64,
}

fn seen(found: &Measurement, events: usize) -> Vec<Seen> {
    let starts: Vec<_> = found.starts().collect();
    (1..=events)
        .map(|number| match found.invocations.iter().find(|one| one.event == number) {
            Some(one) => Seen {
                outcome: one.outcome,
                wall_ms: one.figures.wall_ms,
                limit_hits: one.figures.limit_hits,
                major_faults: one.figures.major_faults,
                peak: one.figures.peak_resident_bytes,
                baseline: starts.get(one.start).map_or(0, |start| start.figures.end_resident_bytes),
            },
            None => {
                let failed = starts.iter().find(|start| start.outcome != Some(Outcome::Ok));
                Seen {
                    outcome: failed.and_then(|start| start.outcome).unwrap_or(Outcome::InitError),
                    wall_ms: 0.0,
                    limit_hits: 0,
                    major_faults: 0,
                    peak: failed.map_or(0, |start| start.figures.peak_resident_bytes),
                    baseline: failed.map_or(0, |start| start.figures.end_resident_bytes),
                }
            }
        })
        .collect()
}

/// Whether lack of memory slowed an event down: it took longer, and memory had to be reclaimed, or more pages were read than
/// without a limit (some always are, of libraries' code).
fn is_slowed(limited: &Seen, free: &Seen) -> bool {
    let is_short = limited.limit_hits > 0 || limited.major_faults > free.major_faults.saturating_add(MORE_FAULTS);
    is_short && limited.wall_ms > free.wall_ms * SLOWER + SLOWER_MS
}

/// Whether an event timed out under the limit only.
fn is_late(limited: &Seen, free: &Seen) -> bool {
    limited.outcome == Outcome::Timeout && free.outcome != Outcome::Timeout
}

/// Whether a measured peak lies in the predicted range, give or take a tenth of the footprint.
fn held(range: &Range, measured: u64, footprint: u64) -> bool {
    let tolerance = (footprint as f64 * TOLERANCE) as u64;
    measured.saturating_add(tolerance) >= range.low
        && range.high.is_none_or(|high| measured <= high.saturating_add(tolerance))
}

impl Judge<'_> {
    /// Measures without a limit, recommends, measures under the recommended limit, and finds the smallest that survives.
    fn proof(&self, plan: &Plan, output: &Output) -> Result<(Measurement, Proof), Diagnostic> {
        // Predicted first, from the source alone.
        let mut handler = self.handler.clone();
        handler.code_root.clone_from(&plan.target.code_root);
        handler.file.clone_from(&plan.target.file);
        let inputs = Inputs { events: plan.events.clone(), values: Default::default(), workload: None };
        let predicted = predicted(handler, inputs, self.platform, self.wishes)?;
        let bar = output.progress(20, "measuring");
        let free = measure::measure(plan, &Interrupts::came)?;
        bar.inc(1);
        let count = plan.events.len();
        let before = seen(&free, count);
        let mut documents = vec![serde_json::to_value(&free).unwrap_or_default()];
        // What stays from one event to the next shows only in one process for all of them.
        let warm_before = match count {
            0 | 1 => Vec::new(),
            _ => {
                let together = measure::measure(&in_one_process(plan), &Interrupts::came)?;
                documents.push(serde_json::to_value(&together).unwrap_or_default());
                bar.inc(1);
                seen(&together, count)
            }
        };
        let mut need: Need = need_of_measured(self.handler, &documents.iter().collect::<Vec<_>>());
        // A start that failed has no events: its peak is what there is.
        if need.samples.is_empty() {
            need.times = None;
        }
        let recommendation = recommend(self.platform, &need, self.wishes);
        let recommended_mb = self.memory.or(recommendation.memory_mb);
        let all: Vec<usize> = (0..count).collect();
        let mut limit = free.limit.clone();
        let mut under = Vec::new();
        if let Some(mb) = recommended_mb {
            let found = measure::measure(&limited(plan, mb, &all), &Interrupts::came)?;
            limit = found.limit.clone();
            under = seen(&found, count);
            bar.inc(1);
            if !warm_before.is_empty() {
                let found = measure::measure(&in_one_process(&limited(plan, mb, &all)), &Interrupts::came)?;
                let now = seen(&found, count);
                // The first of the two that ends otherwise is the one to tell.
                for ((under, now), before) in under.iter_mut().zip(now).zip(&warm_before) {
                    if now.outcome != before.outcome {
                        under.outcome = now.outcome;
                    }
                }
            }
        }
        // A machine that does something else slows down too: an event counts as slowed, or timed out, if it always is.
        for _ in 0..SLOW_TRIALS {
            let again: Vec<usize> = (0..under.len().min(before.len()))
                .filter(|at| {
                    let pair = under.get(*at).zip(before.get(*at));
                    pair.is_some_and(|(now, free)| is_slowed(now, free) || is_late(now, free))
                })
                .collect();
            let Some(mb) = recommended_mb.filter(|_| !again.is_empty()) else { break };
            let found = measure::measure(&limited(plan, mb, &again), &Interrupts::came)?;
            for (at, now) in again.iter().zip(seen(&found, again.len())) {
                if let Some(before) = under.get_mut(*at)
                    && (now.outcome == before.outcome && now.wall_ms < before.wall_ms
                        || before.outcome == Outcome::Timeout)
                {
                    *before = now;
                }
            }
        }
        let mut events = Vec::new();
        for (at, free) in before.iter().enumerate() {
            let name = plan.events.get(at).and_then(|event| event.name.clone());
            let limited = under.get(at);
            let limited_outcome = limited.map_or(free.outcome, |limited| limited.outcome);
            let limited_wall_ms = limited.map_or(0.0, |limited| limited.wall_ms);
            let warm = warm_before.get(at).map_or(0, |seen| seen.peak);
            let range = predicted.as_ref().and_then(|predicted| predicted.peaks.get(at));
            let measured = free.peak.saturating_sub(free.baseline);
            let footprint = free.peak.max(warm);
            let high = range.and_then(|range| range.high);
            events.push(EventProof {
                name: name.unwrap_or_else(|| format!("event {}", at + 1)),
                predicted_peak_bytes: high,
                predicted_least_bytes: range.map(|range| range.low),
                measured_peak_bytes: measured,
                measured_footprint_bytes: footprint,
                error: high.filter(|_| measured > 0).map(|high| (high as f64 / measured as f64) - 1.0),
                prediction_held: range
                    .filter(|_| free.outcome == Outcome::Ok)
                    .map(|range| held(range, measured, footprint)),
                survived: limited.is_some() && limited_outcome == free.outcome,
                slowed: limited.is_some_and(|limited| is_slowed(limited, free)),
                outcome: free.outcome,
                limited_outcome,
                wall_ms: free.wall_ms,
                limited_wall_ms,
            });
        }
        let survived = !events.is_empty() && events.iter().all(|event| event.survived);
        let smallest_surviving_mb = match recommended_mb {
            Some(mb) if limit.enforced => self.smallest(plan, mb, survived, &before, &bar)?,
            Some(_) | None => None,
        };
        bar.finish_and_clear();
        let share = events.iter().filter(|event| event.survived).count() as f64 / events.len().max(1) as f64;
        let proof = Proof {
            code: plan.target.code_root.to_string_lossy().into_owned(),
            recommended_mb,
            smallest_surviving_mb,
            waste_mb: recommended_mb.zip(smallest_surviving_mb).map(|(mb, smallest)| mb.saturating_sub(smallest)),
            percentile_held: share * 100.0 + 1e-9 >= self.wishes.percentile || survived,
            footprint_bytes: before
                .iter()
                .map(|seen| seen.peak)
                .chain([free.peak.peak_resident_bytes])
                .max()
                .unwrap_or(0),
            baseline_bytes: need.baseline_bytes.unwrap_or(0),
            predicted_baseline_bytes: predicted.as_ref().and_then(|predicted| predicted.baseline.high),
            init_ms: need.times.map_or(0.0, |times| times.init_wall_ms),
            events,
            recommendation,
        };
        let mut free = free;
        free.limit = limit;
        Ok((free, proof))
    }

    /// Bisects for the smallest setting under which every event ends as it does without a limit, to the platform's step or
    /// one per cent, whichever is more.
    fn smallest(
        &self,
        plan: &Plan,
        recommended: u64,
        survived: bool,
        before: &[Seen],
        bar: &indicatif::ProgressBar,
    ) -> Result<Option<u64>, Diagnostic> {
        // Those with the largest peaks first: they decide, and the first that fails ends a trial.
        let mut order: Vec<usize> = (0..before.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(before.get(*at).map_or(0, |seen| seen.peak)));
        let survives = |mb: u64| -> Result<bool, Diagnostic> {
            for part in [order.get(..1).unwrap_or(&[]), order.get(1..).unwrap_or(&[])] {
                if part.is_empty() {
                    continue;
                }
                // A warm page cache saves time; pages of files are given back before anything is killed.
                let trial = Plan { evict: false, ..limited(plan, mb, part) };
                let now = seen(&measure::measure(&trial, &Interrupts::came)?, part.len());
                let same =
                    part.iter().zip(&now).all(|(at, now)| before.get(*at).is_some_and(|b| b.outcome == now.outcome));
                if !same {
                    return Ok(false);
                }
            }
            bar.inc(1);
            Ok(true)
        };
        let memory = &self.platform.memory;
        let setting = |mb: u64| self.platform.smallest_setting(mb).unwrap_or(memory.max_mb);
        // `good` survives, `bad` does not.
        let (mut good, mut bad) = (recommended, None);
        if !survived {
            bad = Some(recommended);
            loop {
                let next = setting(good.saturating_mul(2).min(memory.max_mb));
                if next <= good {
                    return Ok(None);
                }
                good = next;
                if survives(good)? {
                    break;
                }
                bad = Some(good);
            }
        } else if good > memory.min_mb {
            if survives(memory.min_mb)? {
                return Ok(Some(memory.min_mb));
            }
            bad = Some(memory.min_mb);
        }
        while let Some(low) = bad {
            let step = memory.step_mb.max(good / 100).max(1);
            if good.saturating_sub(low) <= step {
                break;
            }
            let middle = setting(low + (good - low) / 2);
            if middle >= good || middle <= low {
                break;
            }
            if survives(middle)? {
                good = middle;
            } else {
                bad = Some(middle);
            }
        }
        Ok(Some(good))
    }
}

fn mb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MB as f64)
}

fn whole(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |mb| format!("{mb} MB"))
}

fn proof_text(proof: &Proof) -> String {
    let mut rows = vec![
        ["event", "predicted MB", "measured MB", "error", "footprint MB", "ms", "ms under limit", "outcome"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for event in &proof.events {
        let outcome = match (event.survived, event.slowed) {
            (true, false) => "survived",
            (true, true) => "survived, slowed down",
            (false, _) => event.limited_outcome.word(),
        };
        rows.push(vec![
            event.name.clone(),
            event.predicted_peak_bytes.map_or_else(|| "-".to_owned(), mb),
            mb(event.measured_peak_bytes),
            event.error.map_or_else(|| "-".to_owned(), |error| format!("{:+.1} %", error * 100.0)),
            mb(event.measured_footprint_bytes),
            format!("{:.1}", event.wall_ms),
            format!("{:.1}", event.limited_wall_ms),
            outcome.to_owned(),
        ]);
    }
    let mut text = super::measure::table(&rows);
    text.push_str(&format!(
        "\nrecommended         {}\nsmallest surviving  {}\n",
        whole(proof.recommended_mb),
        whole(proof.smallest_surviving_mb)
    ));
    text.push_str(&format!(
        "baseline            {} MB, {} predicted\n",
        mb(proof.baseline_bytes),
        proof.predicted_baseline_bytes.map_or_else(|| "not".to_owned(), |bytes| format!("{} MB", mb(bytes)))
    ));
    if let (Some(waste), Some(mb)) = (proof.waste_mb, proof.recommended_mb) {
        let share = 100.0 * waste as f64 / mb.max(1) as f64;
        text.push_str(&format!("waste               {waste} MB ({share:.0} % of the recommendation)\n"));
    }
    text
}

fn text(found: &Validation) -> String {
    let mut text = format!("{} ({}), Python {}\n\n", found.handler, found.proof.code, found.python);
    text.push_str(&proof_text(&found.proof));
    if let Some(other) = &found.debloated {
        text.push_str(&format!("\ndebloated ({}):\n\n{}\n", other.code, proof_text(other)));
        let cost = |proof: &Proof| {
            let costs = proof.recommendation.costs.as_ref();
            costs.map_or_else(|| "-".to_owned(), |costs| format!("{:.2}", costs.million_usd))
        };
        let row = |name: &str, of: &dyn Fn(&Proof) -> String| {
            vec![name.to_owned(), of(&found.proof), of(other), String::new()]
        };
        let rows = vec![
            ["", "as it is", "debloated", ""].map(str::to_owned).to_vec(),
            row("footprint MB", &|proof| mb(proof.footprint_bytes)),
            row("baseline MB", &|proof| mb(proof.baseline_bytes)),
            row("recommended", &|proof| whole(proof.recommended_mb)),
            row("USD a million", &cost),
            row("cold start ms", &|proof| format!("{:.1}", proof.init_ms)),
        ];
        text.push_str(&super::measure::table(&rows));
    }
    text.push_str(&format!("limit               {}\n", found.limit.meaning));
    let kind = found.limit.kind;
    if !found.proven && kind == LimitKind::None {
        text.push_str("                    run it as root, or in a container started with --privileged\n");
    }
    text.push_str(if found.passed { "passed\n" } else { "FAILED: " });
    if !found.passed {
        text.push_str(&format!("{}\n", found.message));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headroom is a tenth: so much may a peak lie outside of its predicted range, above as below.
    #[test]
    fn a_prediction_holds_within_a_tenth_of_the_footprint() {
        let range = |low, high| Range { low, high };
        assert!(held(&range(50, Some(100)), 110, 100) && !held(&range(50, Some(100)), 111, 100));
        assert!(held(&range(50, Some(100)), 40, 100) && !held(&range(50, Some(100)), 39, 100));
        // What nothing bounds is never exceeded; its least is still a claim.
        assert!(held(&range(50, None), 1 << 40, 100) && !held(&range(50, None), 0, 100));
    }

    /// A slower machine is no lack of memory: pages must have been read again, too.
    #[test]
    fn slow_alone_is_not_slowed() {
        let seen = |wall_ms, limit_hits, major_faults| Seen {
            outcome: Outcome::Ok,
            wall_ms,
            limit_hits,
            major_faults,
            peak: 0,
            baseline: 0,
        };
        let free = seen(100.0, 0, 30);
        assert!(is_slowed(&seen(300.0, 1, 30), &free) && is_slowed(&seen(300.0, 0, 60), &free));
        assert!(!is_slowed(&seen(300.0, 0, 30), &free), "code is read from disk with and without a limit");
        assert!(!is_slowed(&seen(240.0, 1, 60), &free), "less than half of it and 100 ms more");
    }
}
