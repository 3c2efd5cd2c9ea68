//! Predictions: what a handler needs for an event, for a workload, and for which inputs it needs too much. One function for
//! the command, the bindings and `recommend`.
//!
//! [`with`] reads a handler's project once; the [`Predictor`] it gives runs the abstract machine of `memory` as often as is
//! wanted. `sampled` draws from workloads, `exceeds` searches for limits, `document` and `text` say it all. Depends on all
//! below `check`; touches no files beside those that `project` reads, prints nothing.

mod document;
mod exceeds;
mod sampled;
mod scaled;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, Stmt};

use crate::calls::{FunctionId, Program};
use crate::contracts::Contracts;
use crate::diagnostic::{Diagnostic, Kind, near_help};
use crate::expression::{Text, Value as Plain};
use crate::footprint::{Process, Range};
use crate::formula::{Environment, Formula};
use crate::interface::{self, ExtractOptions, Interface};
use crate::memory::cpython::Version;
use crate::memory::predict::{Outcome, bounds, resident_bound, typical};
use crate::memory::ratios::Ratios;
use crate::memory::unknown::{Known, Unknown};
use crate::memory::{self, Options};
use crate::project::discover::Handler;
use crate::project::events::Event;
use crate::project::imports::outside;
use crate::project::source::with_stack;
use crate::project::{LoadOptions, Project};
use crate::workload::Workload;

pub use document::{Amounts, Document, Histogram, Line, Quantile, Whole, document};
pub use exceeds::{Boundary, Exceeds, InputLimit, boundary, formula_limits};
pub use sampled::{Method, QUANTILES, Sampled, Sampling, Spread};

/// Statements for an event that is asked for alone; work on formulas hardly counts.
pub const ALONE_STEPS: u64 = 4_000_000;

/// Statements, and work on formulas, for one event of some.
pub const EVENT_STEPS: u64 = 3_000_000;

/// The same for an event whose prediction is one of many.
pub const FAST_STEPS: u64 = 400_000;

/// Statements, and work on formulas, without an event.
pub const SYMBOLIC_STEPS: u64 = 200_000;

/// Shares of what learned contracts leave over: what is the least, what is expected, what is the largest.
pub const LEFT_OVER: [f64; 3] = [0.01, 0.5, 0.99];

/// Values of what is not known, by name.
pub type Values = BTreeMap<Text, Plain>;

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The version of CPython whose objects are counted; the template's, or else the newest checked, if not given.
    pub version: Option<Version>,
    /// Contracts of the project and the user before the shipped ones.
    pub contracts: Option<Arc<Contracts>>,
    /// Whether to say where the peak comes from.
    pub explain: bool,
    /// Whether formulas of learned contracts stay as they are: what they leave over is then not in the amounts.
    pub symbolic: bool,
}

/// Whole bytes of a formula without symbols, rounded up, never below zero.
fn whole(formula: &Formula) -> Option<BigInt> {
    let value = formula.evaluate(&Environment::new()).ok()?;
    Some(value.max(BigRational::zero()).ceil().to_integer())
}

/// A handler, read, and ready to be run.
pub struct Predictor<'p> {
    project: &'p Project,
    program: &'p Program<'p>,
    function: FunctionId,
    handler: &'p Handler,
    options: Options,
    interface: Option<Interface>,
    known: Vec<Known>,
    process: Process,
    symbolic: bool,
}

/// Reads a handler and works with it, on a thread with a stack for it.
///
/// # Errors
/// The handler's file cannot be read, or holds no such function.
pub fn with<T: Send>(
    handler: &Handler,
    settings: &Settings,
    work: impl FnOnce(&Predictor<'_>) -> T + Send,
) -> Result<T, Vec<Diagnostic>> {
    with_stack(|| {
        let source = Arc::new(handler.source().map_err(|problem| vec![problem])?);
        let load = LoadOptions { roots: vec![handler.code_root.clone()], ..LoadOptions::default() };
        let (project, mut diagnostics) = Project::from_sources(vec![(source, handler.module.clone())], &load);
        let program = Program::analyse(&project);
        let function = match program.handler(handler) {
            Ok(function) => function,
            Err(problem) => {
                diagnostics.push(problem);
                return Err(diagnostics);
            }
        };
        // Unknowns take the names of the interface's variables, so that a value for one serves both.
        let interface = interface::of(&project, &program, handler, &ExtractOptions::default()).ok();
        let known = interface.as_ref().map(interface::known).unwrap_or_default();
        let options = Options {
            contracts: settings.contracts.clone(),
            explain: settings.explain,
            ..Options::of(&handler.settings, settings.version)
        };
        let process = Process::of(&outside(&project)).unwrap_or_default();
        Ok(work(&Predictor {
            project: &project,
            program: &program,
            function,
            handler,
            options,
            interface,
            known,
            process,
            symbolic: settings.symbolic,
        }))
    })
}

/// What the handler needs where learned contracts leave something over: at each of [`LEFT_OVER`], of all callables at once.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOver {
    /// The least.
    pub low: Outcome,
    /// At the median.
    pub usual: Outcome,
    /// The largest.
    pub high: Outcome,
    /// The callables.
    pub callables: Vec<Text>,
}

/// What is predicted for an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The handler's qualified name.
    pub handler: String,
    /// Its file.
    pub file: String,
    /// The event's name, if it has one.
    pub event: Option<String>,
    /// The formulas and what they rest on; those of learned contracts as they are.
    pub outcome: Outcome,
    /// The same with what learned contracts leave over; none where nothing of them is used, or a workload draws it.
    pub left_over: Option<Box<LeftOver>>,
    /// What the process holds beside.
    pub process: Process,
    /// Lines of the sources that `outcome.moment` names.
    pub lines: BTreeMap<(String, u32), String>,
    /// Over which inputs it needs more than a limit, where that was asked for.
    pub exceeds: Option<Exceeds>,
    /// What a workload gives, where there is one.
    pub sampled: Option<Sampled>,
}

impl Predictor<'_> {
    /// The handler that was read.
    pub fn handler(&self) -> &Handler {
        self.handler
    }

    /// What the process holds beside.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// One run of the machine. `event` is the value of the first parameter; work is bounded by `steps`.
    pub fn outcome(&self, event: Option<&Plain>, values: &Values, steps: u64) -> Outcome {
        self.run(event, Options { values: values.clone(), ..self.options.clone() }, steps)
    }

    /// The same with ratios for what learned contracts leave over.
    pub fn outcome_with(&self, event: Option<&Plain>, values: &Values, steps: u64, ratios: Ratios) -> Outcome {
        let ratios = if self.symbolic { Ratios::One } else { ratios };
        self.run(event, Options { values: values.clone(), ratios, explain: false, ..self.options.clone() }, steps)
    }

    fn run(&self, event: Option<&Plain>, options: Options, steps: u64) -> Outcome {
        memory::run_bounded(self.project, self.program, self.function, event, self.known.clone(), &options, steps)
    }

    /// What the handler needs for an event; without one, as formulas over its parts.
    pub fn predict(&self, event: Option<&Plain>, name: Option<String>, values: &Values) -> Prediction {
        let steps = if event.is_some() { ALONE_STEPS } else { SYMBOLIC_STEPS };
        self.alone(event, name, values, steps)
    }

    fn alone(&self, event: Option<&Plain>, name: Option<String>, values: &Values, steps: u64) -> Prediction {
        let outcome = match event {
            Some(event) => self
                .at_once(event, values, steps)
                .unwrap_or_else(|| self.mended(event, values, steps, self.outcome(Some(event), values, steps))),
            None => self.outcome(None, values, steps),
        };
        let left_over = self.left_over(event, values, steps, &outcome);
        let mut prediction = self.prediction(name, outcome);
        prediction.left_over = left_over;
        prediction
    }

    /// Runs with what learned contracts leave over, if the first run met any.
    fn left_over(
        &self,
        event: Option<&Plain>,
        values: &Values,
        steps: u64,
        outcome: &Outcome,
    ) -> Option<Box<LeftOver>> {
        let callables = callables(outcome);
        if self.symbolic || callables.is_empty() || !outcome.complete {
            return None;
        }
        let [low, usual, high] = LEFT_OVER.map(|share| self.outcome_with(event, values, steps, Ratios::At(share)));
        Some(Box::new(LeftOver { low, usual, high, callables }))
    }

    /// The same with less work: an event that takes more is not followed to its end, and its outcome says so.
    pub fn predict_within(&self, event: &Plain, name: Option<String>, values: &Values, steps: u64) -> Prediction {
        self.alone(Some(event), name, values, steps)
    }

    /// What the handler needs for a workload: its draws change the events, or make one of their own.
    pub fn predict_workload(
        &self,
        events: &[serde_json::Value],
        values: &Values,
        workload: &Workload,
        sampling: &Sampling,
    ) -> Prediction {
        let (sampled, outcome) = self.sample(events, values, workload, sampling);
        let mut prediction = self.prediction(None, Outcome { moment: None, ..outcome });
        prediction.sampled = Some(sampled);
        prediction
    }

    fn prediction(&self, name: Option<String>, outcome: Outcome) -> Prediction {
        let mut lines = BTreeMap::new();
        for (file, line, _, _) in outcome.moment.iter().flat_map(|moment| &moment.parts) {
            lines.insert((file.clone(), *line), self.line(file, *line));
        }
        if let Some(moment) = &outcome.moment {
            let (file, line) = &moment.running;
            lines.insert((file.clone(), *line), self.line(file, *line));
        }
        Prediction {
            handler: self.program.function(self.function).qualified_name.clone(),
            file: self.handler.file.to_string_lossy().into_owned(),
            event: name,
            outcome,
            left_over: None,
            process: self.process.clone(),
            lines,
            exceeds: None,
            sampled: None,
        }
    }

    /// The text of a line of the project's sources.
    fn line(&self, file: &str, line: u32) -> String {
        let module = self.project.modules().find(|(_, module)| module.source.path.to_string_lossy() == file);
        let text = module.and_then(|(_, module)| module.source.text.lines().nth((line as usize).checked_sub(1)?));
        text.unwrap_or_default().trim().to_owned()
    }

    /// The names that values may be given for: variables of the interface, and what runs did not know.
    pub fn names(&self, outcomes: &[&Outcome]) -> BTreeSet<Text> {
        let mut names: BTreeSet<Text> = BTreeSet::new();
        if let Some(interface) = &self.interface {
            names.extend(interface.mcvs.iter().map(|mcv| mcv.name.clone()));
            names.extend(interface.initialisation.mcvs.iter().map(|mcv| mcv.name.clone()));
            names.extend(interface.derived.iter().map(|derived| derived.name.clone()));
        }
        for outcome in outcomes {
            names.extend(outcome.unknown.iter().map(|unknown| unknown.name.clone()));
        }
        names
    }

    /// The names that values may be given for, where `given` are: a value that is known is no unknown any more, and an
    /// event may leave nothing unknown, so what is not among `outcomes` is asked for without values, and without the event.
    pub fn names_beside<'n>(
        &self,
        mut given: impl Iterator<Item = &'n str>,
        outcomes: &[&Outcome],
        event: Option<&Plain>,
    ) -> BTreeSet<Text> {
        let mut names = self.names(outcomes);
        if given.any(|name| !names.contains(name)) {
            let of_event = event.map(|event| self.outcome(Some(event), &Values::new(), FAST_STEPS));
            let of_any = self.outcome(None, &Values::new(), SYMBOLIC_STEPS);
            names.extend(of_event.iter().chain([&of_any]).flat_map(|outcome| self.names(&[outcome])));
        }
        names
    }

    /// The texts by which the project's code asks anything for a part: keys of the event are among them.
    pub fn keys(&self) -> BTreeSet<String> {
        struct Keys(BTreeSet<String>);
        impl<'a> Visitor<'a> for Keys {
            fn visit_expr(&mut self, expression: &'a Expr) {
                if let Expr::StringLiteral(text) = expression {
                    self.0.insert(text.value.to_str().to_owned());
                }
                walk_expr(self, expression);
            }
        }
        let mut keys = Keys(BTreeSet::new());
        for (_, module) in self.project.modules() {
            let body: &[Stmt] = &module.source.ast.body;
            for statement in body {
                keys.visit_stmt(statement);
            }
        }
        keys.0
    }
}

/// The value of an event.
///
/// # Errors
/// It is not JSON.
pub fn value_of(event: &Event) -> Result<Plain, Diagnostic> {
    json_of(event).map(|json| Plain::from_json(&json))
}

/// An event as JSON.
///
/// # Errors
/// It is not JSON.
pub fn json_of(event: &Event) -> Result<serde_json::Value, Diagnostic> {
    serde_json::from_str(event.json.get())
        .map_err(|error| Diagnostic::new(Kind::InvalidEvent, format!("the event is not JSON: {error}")))
}

/// What is told of a value that is given for a name that nothing asks for.
pub fn stranger_value<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Diagnostic {
    let help = near_help(name, names, || "the prediction's `unknown` list has the names".to_owned());
    Diagnostic::new(Kind::Usage, format!("nothing unknown is called {name}")).help(help)
}

/// The callables whose contracts leave something over, each once.
fn callables(outcome: &Outcome) -> Vec<Text> {
    let found: BTreeSet<Text> = outcome.ratios.iter().map(|ratio| ratio.callable.clone()).collect();
    found.into_iter().collect()
}

/// Names in a sentence; of many the first ones.
fn listed(names: &[Text]) -> String {
    const MOST: usize = 6;
    let told: Vec<&str> = names.iter().take(MOST).map(|name| &**name).collect();
    let more = names.len().saturating_sub(MOST);
    if more > 0 { format!("{} and {more} more", told.join(", ")) } else { told.join(", ") }
}

impl Prediction {
    /// Demand, peak, resident peak and retained bytes, as formulas.
    pub fn formulas(&self) -> [&Formula; 4] {
        self.outcome.formulas()
    }

    /// The outcomes that give the least, the expected and the largest amounts.
    fn ends(&self) -> [&Outcome; 3] {
        match &self.left_over {
            Some(left_over) => [&left_over.low, &left_over.usual, &left_over.high],
            None => [&self.outcome; 3],
        }
    }

    /// The least, the expected and the largest bytes of a formula. Something is expected where all is known.
    pub fn range(&self, of: fn(&Outcome) -> &Formula) -> (Option<BigInt>, Option<BigInt>, Option<BigInt>) {
        let [low, usual, high] = self.ends().map(|outcome| {
            let (low, high) = bounds(of(outcome), &outcome.unknown);
            (low.as_ref().and_then(whole), high.as_ref().and_then(whole))
        });
        let expected = if usual.0 == usual.1 { usual.0 } else { None };
        (low.0, expected, high.1)
    }

    /// The resident peak: the least, what is expected, and the largest with what allocators may keep beside.
    pub fn resident(&self) -> (Option<BigInt>, Option<BigInt>, Option<BigInt>) {
        let range = |outcome: &Outcome| bounds(&outcome.resident_peak, &outcome.unknown);
        let [low, usual, high] = self.ends();
        let bound = range(high).1.map(|bytes| resident_bound(&bytes, high.estimated)).as_ref().and_then(whole);
        let least = range(low).0.as_ref().and_then(whole);
        let (from, to) = range(usual);
        let (from, to) = (from.as_ref().and_then(whole), to.as_ref().and_then(whole));
        let typical = || typical(&usual.resident_peak, &usual.unknown).as_ref().and_then(whole);
        let expected = if from == to { from } else { typical() };
        (least, expected, bound)
    }

    /// What the process holds before its first event.
    pub fn baseline(&self) -> Range {
        let [low, _, high] = self.ends().map(|outcome| self.process.baseline(outcome));
        Range { low: low.low, high: high.high }
    }

    /// The most that it holds until then.
    pub fn initial_peak(&self) -> Range {
        let [low, _, high] = self.ends().map(|outcome| self.process.initial_peak(outcome));
        Range { low: low.low, high: high.high }
    }

    /// Of an invocation, above the baseline: its resident peak, and imports within functions. `bounded` says what is known
    /// of what the formulas rest on, from what a run says of it.
    pub fn above(&self, bounded: impl Fn(&Outcome) -> Vec<Unknown>) -> Range {
        let [low, _, high] = self.ends().map(|outcome| self.process.above(&outcome.resident_peak, &bounded(outcome)));
        Range { low: low.low, high: high.high }
    }

    /// The most that the process holds: least, expected, largest.
    pub fn footprint(&self) -> (Option<BigInt>, Option<BigInt>, Option<BigInt>) {
        let (held, loading) = (self.baseline(), self.initial_peak());
        let (low, expected, high) = self.resident();
        let later = BigInt::from(self.process.later_bytes);
        let over = |base: Option<u64>, peak: Option<BigInt>, loading: Option<u64>| {
            Some((BigInt::from(base?) + &later + peak?).max(BigInt::from(loading?)))
        };
        let low = low.map(|low| (BigInt::from(held.low) + low).max(BigInt::from(loading.low)));
        let [_, usual, _] = self.ends();
        let (held_usual, loading_usual) = (self.process.baseline(usual), self.process.initial_peak(usual));
        let expected = over(held_usual.high, expected, loading_usual.high);
        (low, expected, over(held.high, high, loading.high))
    }

    /// What is assumed beside what the run says: how what learned contracts leave over is in the amounts.
    pub fn left_over_note(&self) -> Option<String> {
        let left_over = self.left_over.as_ref()?;
        let [low, _, high] = LEFT_OVER.map(|share| (share * 100.0).round());
        Some(format!(
            "what learned contracts leave over ({}) is at its median in what is expected, and at its {low}st and {high}th \
             percentile, of all of them at once, in the least and the largest",
            listed(&left_over.callables)
        ))
    }

    /// Where the peak comes from: place, text of the line, resident and requested bytes, the largest first. Empty where it
    /// was not asked for or is no number.
    pub fn explanation(&self) -> Vec<Line> {
        let Some(moment) = &self.outcome.moment else { return Vec::new() };
        let text = |file: &str, line: u32| self.lines.get(&(file.to_owned(), line)).cloned().unwrap_or_default();
        let mut lines: Vec<Line> = moment
            .parts
            .iter()
            .map(|(file, line, requested, resident)| Line {
                file: file.clone(),
                line: *line,
                text: text(file, *line),
                what: "made here".to_owned(),
                resident_bytes: *resident,
                requested_bytes: *requested,
                share: 0.0,
            })
            .collect();
        let (running, line) = &moment.running;
        if moment.passing.1 > 0 {
            lines.push(Line {
                file: running.clone(),
                line: *line,
                text: text(running, *line),
                what: "passing, while it runs".to_owned(),
                resident_bytes: moment.passing.1,
                requested_bytes: moment.passing.0,
                share: 0.0,
            });
        }
        let told: u64 = lines.iter().map(|line| line.resident_bytes).sum();
        let peak = whole(&self.outcome.resident_peak).and_then(|bytes| bytes.to_u64()).unwrap_or(told).max(told);
        if peak > told {
            lines.push(Line {
                file: String::new(),
                line: 0,
                text: String::new(),
                what: "not told apart".to_owned(),
                resident_bytes: peak - told,
                requested_bytes: 0,
                share: 0.0,
            });
        }
        for line in &mut lines {
            line.share = if peak == 0 { 0.0 } else { line.resident_bytes as f64 / peak as f64 };
        }
        lines.sort_by(|a, b| {
            b.resident_bytes
                .cmp(&a.resident_bytes)
                .then_with(|| b.requested_bytes.cmp(&a.requested_bytes))
                .then_with(|| (&a.file, a.line).cmp(&(&b.file, b.line)))
        });
        lines
    }
}
