//! One run of a handler: what it takes, as formulas over what is not known.

use std::collections::{BTreeMap, BTreeSet};

use num_rational::BigRational;
use serde_json::{Value as Json, json};

use crate::calls::{Definition, FunctionId, FunctionKind, Program};
use crate::expression::{Text, Value as Plain};
use crate::formula::{Environment, Formula};
use crate::project::Project;

use super::amount::{Amount, Bytes, HighWater};
use super::cpython::Version;
use super::inputs::{Inputs, Sequence};
use super::machine::{Activation, Flow, Machine, Options};
use super::ratios::Ratio;
use super::unknown::{Known, Unknown, Unknowns};
use super::value::{Code, Kind, Value, holds};

/// What is assumed of a handler that raises, before the exception's class.
pub const RAISES: &str = "on this event the handler raises ";

/// Runs after the first, at the most, that use what the one before told of the event.
const MAX_RUNS: usize = 2;

/// What one invocation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Bytes that are asked for, nothing reclaimed.
    pub demand: Formula,
    /// High-water mark of requested bytes above the level at entry.
    pub peak: Formula,
    /// The part of the peak that is resident.
    pub resident_peak: Formula,
    /// Bytes that stay when the handler has returned, its result left out.
    pub retained: Formula,
    /// Resident bytes that the modules' own objects hold before the first event; what imports of libraries bring is not
    /// in it.
    pub initial: Formula,
    /// High-water mark of the same while the modules are loaded.
    pub initial_peak: Formula,
    /// What is not known, in the order of first use: symbols of the formulas and what lies behind them.
    pub unknown: Vec<Unknown>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// Places where memory stays from one invocation to the next: file, line, what grows.
    pub growth: Vec<(String, u32, String)>,
    /// Whether the handler was followed to its end.
    pub complete: bool,
    /// Whether rounds of loops, or calls, were not run but estimated from those that were, and nothing showed yet that
    /// the estimate is right.
    pub estimated: bool,
    /// What was live behind each statement, in the order in which they were first run: file, line, bytes. At most
    /// one formula of a place; of numbers the largest.
    pub marks: Vec<(String, u32, Formula)>,
    /// What was live when the resident peak was reached, where that was watched for ([`Options::explain`]).
    pub moment: Option<Moment>,
    /// Statements that were run, and work on formulas.
    pub steps: u64,
    /// The ratios of learned contracts that were asked for, whatever was taken for them.
    pub ratios: Vec<Ratio>,
}

/// What was live at the highest: where from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// The place that was running: file and line.
    pub running: (String, u32),
    /// Live objects by the place that made them: file, line, requested and resident bytes.
    pub parts: Vec<(String, u32, u64, u64)>,
    /// What the call that was running needed beside them: requested and resident bytes.
    pub passing: (u64, u64),
}

impl Outcome {
    /// The unknowns that formulas rest on.
    pub fn unknown_of<'o>(&'o self, formulas: &[&Formula]) -> impl Iterator<Item = &'o Unknown> + use<'o> {
        let used: BTreeSet<Text> = formulas.iter().flat_map(|formula| formula.symbols()).collect();
        self.unknown.iter().filter(move |unknown| used.contains(&unknown.name))
    }

    /// The exception's class, if the handler raises on the event.
    pub fn raised(&self) -> Option<&str> {
        self.assumptions.iter().find_map(|text| text.strip_prefix(RAISES))
    }

    /// Demand, peak, resident peak and retained bytes.
    pub fn formulas(&self) -> [&Formula; 4] {
        [&self.demand, &self.peak, &self.resident_peak, &self.retained]
    }

    /// The unknowns of the four formulas, as JSON.
    pub fn unknown_json(&self) -> Vec<Json> {
        self.unknown_of(&self.formulas()).map(Unknown::to_json).collect()
    }

    /// Places where memory stays, as JSON.
    pub fn growth_json(&self) -> Vec<Json> {
        let place =
            |(file, line, message): &(String, u32, String)| json!({"file": file, "line": line, "message": message});
        self.growth.iter().map(place).collect()
    }
}

/// Runs a handler, with a bound on statements and on work with formulas; beyond, nothing is followed any more
/// ([`Outcome::complete`]).
///
/// `event` is the value of the first parameter, or `None` if it is not given: formulas then say parts of it by their
/// path (`event["n"]`). `known` are the interface's memory-critical variables, whose names unknowns of the same place
/// take; `options.values` has values of unknowns by name.
pub fn run_bounded(
    project: &Project,
    program: &Program<'_>,
    handler: FunctionId,
    event: Option<&Plain>,
    known: Vec<Known>,
    options: &Options,
    most_steps: u64,
) -> Outcome {
    let machine = |inputs: BTreeMap<Text, Sequence>| {
        let mut machine = Machine::new(project, program, options, Unknowns::named_after(known.clone()));
        machine.most_steps = most_steps;
        machine.event = event.cloned();
        machine.inputs.known = inputs;
        machine
    };
    let mut run = follow(machine(BTreeMap::new()), handler, None);
    // What one run learns of the event's parts may tell more of others: a few runs settle that.
    for _ in 0..MAX_RUNS {
        let Some(learned) = run.inputs.learned() else { break };
        run = follow(machine(learned), handler, None);
    }
    if options.explain && run.most_seen > 0 {
        // The same again, to stop and look when the highest is reached.
        run = follow(machine(run.inputs.known), handler, Some(run.most_seen));
    }
    let taken = run.inputs.taken_for_numbers().map(|path| format!("{path} is taken for a number"));
    run.outcome.assumptions.extend(taken);
    if !options.version.is_checked() {
        run.outcome.assumptions.push(format!(
            "objects of CPython {} were not measured by running it: they are taken to be those of {}",
            options.version,
            Version::NEWEST_CHECKED
        ));
    }
    run.outcome
}

/// One run of a handler.
struct Run {
    outcome: Outcome,
    inputs: Inputs,
    /// The most resident bytes that were seen live at a time, above none.
    most_seen: i128,
}

/// The object that a handler is a method of: `handler = Handler(…)`, `handler = App().run` in its module.
fn receiver(machine: &Machine<'_>, handler: FunctionId) -> Option<Value> {
    let info = machine.program.function(handler);
    let method = info.name.rsplit('.').next().unwrap_or(&info.name);
    let frame = *machine.state.modules.get(&info.module)?;
    machine.state.variables(frame).find_map(|(_, value)| match value {
        Value::Code(Code::Method(function, receiver)) if *function == handler => Some((**receiver).clone()),
        Value::Object(id) => match machine.state.object(*id)?.kind {
            Kind::Instance(class) if machine.method_of(class, method) == Some(handler) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    })
}

/// Runs a handler on a machine that nothing has run on. `watched` is the most that an earlier run saw live.
fn follow(mut machine: Machine<'_>, handler: FunctionId, watched: Option<i128>) -> Run {
    let (project, program) = (machine.project, machine.program);
    let event = machine.event.clone();
    let info = program.function(handler);
    machine.initialising = true;
    machine.load_module(info.module);
    machine.initialising = false;
    // From here on what is live counts above the level at entry.
    let base = machine.state.live.clone();
    machine.state.note_peak();
    let loaded = machine.state.peak.value();
    machine.state.peak = HighWater::of(&base);
    machine.state.count_all_growth();
    machine.state.demand = Amount::ZERO;
    machine.exits.clear();
    machine.steps = 0;
    machine.born_before_entry = machine.state.made();
    let before = if watched.is_some() { machine.state.parts() } else { BTreeMap::new() };
    machine.state.most_seen = 0;
    machine.state.watched = watched;
    machine.most_seen = 0;
    let entry = machine.state.clone();
    machine.limit = machine.exact_steps();
    let frame = machine.state.new_frame();
    let names = machine.names_of(handler);
    let method = matches!(info.kind, FunctionKind::Method | FunctionKind::ClassMethod | FunctionKind::Property);
    let parameters: Vec<String> =
        info.parameters().into_iter().flatten().map(|parameter| parameter.name().to_string()).collect();
    let mut given = 0;
    for (index, name) in parameters.iter().enumerate() {
        if method && index == 0 {
            let receiver = receiver(&machine, handler).unwrap_or(Value::NONE);
            machine.state.set(frame, Text::from(name.as_str()), receiver);
            continue;
        }
        let value = match (given, &event) {
            (0, Some(event)) => Value::Plain(event.clone()),
            _ => Value::Input(Text::from(name.as_str())),
        };
        given += 1;
        machine.state.set(frame, Text::from(name.as_str()), value);
    }
    machine.stack.push(Activation {
        function: handler,
        module: info.module,
        frame,
        class: info.class,
        names,
        loops: 0,
        consumer: None,
    });
    let flow = match info.definition {
        Definition::Function(definition) => machine.statements(&definition.body),
        Definition::Lambda(lambda) => match machine.expression(&lambda.body) {
            Ok(value) => Flow::Return(value),
            Err(flow) => flow,
        },
        Definition::Module(_) | Definition::ClassBody(_) => Flow::Next,
    };
    machine.stack.pop();
    let flow = machine.join_returns(0, flow);
    machine.state.note_peak();
    machine.look_at_peak(0);
    // Ways that ended in an exception: their peak counts as that of any other way.
    let exits = std::mem::take(&mut machine.exits);
    for exit in exits {
        let mut peak = exit.state.peak;
        peak.raise(&exit.state.live);
        machine.state.peak = HighWater::of(&exit.weight.join_bytes(&peak.value(), &machine.state.peak.value()));
        machine.state.demand = exit.weight.join(&exit.state.demand, &machine.state.demand);
    }
    let result = match &flow {
        Flow::Return(value) => value.clone(),
        _ => Value::NONE,
    };
    if let Flow::Raise(name) = &flow {
        machine.assume(format!("{RAISES}{name}"));
    }
    let highest = machine.state.peak.map(|amount| amount - &base.requested, |amount| amount - &base.resident);
    let peak = highest.value();
    machine.state.count_all_growth();
    machine.state.keep(&result);
    machine.state.clear_frame(frame);
    let result_bytes = match holds(&result) {
        Some(id) if machine.state.object(id).is_some_and(|object| object.refs <= 1) => machine.state.deep(id),
        _ => Bytes::ZERO,
    };
    let retained = &(&machine.state.live.clone() - &base) - &result_bytes;
    let formula = |amount: &Amount| amount.at_least_zero().to_formula();
    let complete = !machine.is_spent();
    let mut marks: Vec<_> = std::mem::take(&mut machine.marks).into_iter().collect();
    marks.sort_by_key(|(_, (order, _))| *order);
    let marks = marks
        .into_iter()
        .map(|((module, line), (_, live))| {
            let file = project.module(module).source.path.to_string_lossy().into_owned();
            (file, line, (&live - &base.requested).to_formula())
        })
        .collect();
    let of_module = |module| project.module(module).source.path.to_string_lossy().into_owned();
    let whole = |int: i128| u64::try_from(int).unwrap_or(0);
    // Where the highest is no number, what was seen of it is only a part.
    let is_number = matches!(peak.resident, Amount::Int(_));
    let moment = machine.moment.take().filter(|_| is_number).map(|(module, line, captured)| Moment {
        running: (of_module(module), line),
        parts: captured
            .parts
            .iter()
            // What was there at entry is not the handler's.
            .map(|(place, (requested, resident))| {
                let (old_requested, old_resident) = before.get(place).copied().unwrap_or_default();
                (place, whole(requested - old_requested), whole(resident - old_resident))
            })
            .filter(|(_, requested, resident)| *requested > 0 || *resident > 0)
            .map(|((module, line), requested, resident)| (of_module(*module), *line, requested, resident))
            .collect(),
        passing: (whole(captured.passing.0), whole(captured.passing.1)),
    });
    machine.assume_reaches();
    let outcome = Outcome {
        complete,
        estimated: machine.estimated,
        marks,
        moment,
        steps: machine.steps,
        demand: formula(&machine.state.demand),
        peak: formula(&peak.requested),
        resident_peak: formula(&peak.resident),
        retained: formula(&retained.requested),
        initial: formula(&base.resident),
        initial_peak: formula(&loaded.resident),
        unknown: machine.unknowns.list().to_vec(),
        assumptions: std::mem::take(&mut machine.assumptions).into_iter().collect(),
        growth: machine.growth_since(&entry),
        ratios: std::mem::take(&mut machine.ratios).into_values().collect(),
    };
    Run { outcome, inputs: machine.inputs, most_seen: machine.most_seen }
}

/// The bounds between which a formula lies, where unknowns lie between theirs: `None` where there is no upper one.
///
/// Sizes and counts mostly make memory grow (docs/MEMORY.md), so this begins with the least of all unknowns, and with the
/// largest of all. Where a condition holds less may be taken than where it does not: each unknown is tried at its
/// other end too, one after the other.
pub fn bounds(formula: &Formula, unknown: &[Unknown]) -> (Option<Formula>, Option<Formula>) {
    bounds_over(formula, unknown, &BTreeSet::new())
}

/// The same, of a formula in which some symbols stay: then the ends of the others are not tried one by one.
pub fn bounds_over(
    formula: &Formula,
    unknown: &[Unknown],
    stay: &BTreeSet<Text>,
) -> (Option<Formula>, Option<Formula>) {
    let low = at_ends(formula, unknown, stay, |_| true);
    let high = at_ends(formula, unknown, stay, |_| false);
    if !stay.is_empty() {
        return (low, high);
    }
    let names: Vec<Text> =
        formula.symbols().into_iter().filter(|name| named(unknown, name).is_some()).take(MOST_TRIED).collect();
    let farther = |first: &Option<Formula>, is_low: bool| {
        let mut best = value_of(first.as_ref()?)?;
        let mut others: BTreeSet<&str> = BTreeSet::new();
        for name in &names {
            others.insert(name);
            let found = at_ends(formula, unknown, stay, |name| is_low != others.contains(name));
            match found.as_ref().and_then(value_of).filter(|found| (*found < best) == is_low && *found != best) {
                Some(found) => best = found,
                None => {
                    others.remove(&**name);
                }
            }
        }
        Some(best)
    };
    match (farther(&low, true), farther(&high, false)) {
        // Where more than one has to change its end to get there, the other's end may still be farther out.
        (Some(one), Some(other)) => {
            let (low, high) = if one <= other { (one, other) } else { (other, one) };
            (Some(Formula::rational(low)), Some(Formula::rational(high)))
        }
        (found, None) => (found.map(Formula::rational).or(low), high),
        (None, found) => (low, found.map(Formula::rational).or(high)),
    }
}

/// Unknowns of a formula whose other end is tried.
const MOST_TRIED: usize = 16;

/// A formula where each unknown is the least or the most that it may be.
fn at_ends(
    formula: &Formula,
    unknown: &[Unknown],
    stay: &BTreeSet<Text>,
    is_least: impl Fn(&str) -> bool,
) -> Option<Formula> {
    substitute(formula, stay, |name| {
        let one = named(unknown, name)?;
        match is_least(name) {
            true => Some(one.least.to_formula()),
            false => one.most.as_ref().map(Amount::to_formula),
        }
    })
}

fn value_of(formula: &Formula) -> Option<BigRational> {
    formula.evaluate(&Environment::new()).ok()
}

fn named<'u>(unknown: &'u [Unknown], name: &str) -> Option<&'u Unknown> {
    unknown.iter().find(|unknown| *unknown.name == *name)
}

/// Puts values in place of all symbols but those that stay. None if one has no value.
fn substitute(formula: &Formula, stay: &BTreeSet<Text>, value: impl Fn(&str) -> Option<Formula>) -> Option<Formula> {
    let mut out = formula.clone();
    // Bounds may speak of other unknowns: a few rounds settle that.
    for _ in 0..8 {
        let mut map: BTreeMap<crate::formula::Text, Formula> = BTreeMap::new();
        for symbol in out.symbols().into_iter().filter(|symbol| !stay.contains(symbol)) {
            let value = value(&symbol)?;
            map.insert(symbol, value);
        }
        if map.is_empty() {
            return Some(out);
        }
        out = out.substitute(&map);
    }
    // Bounds that speak of each other in a circle say nothing.
    out.symbols().iter().all(|symbol| stay.contains(symbol)).then_some(out)
}

/// What a formula is where unknowns are what they usually are: `None` if nothing says that of one of them.
pub fn typical(formula: &Formula, unknown: &[Unknown]) -> Option<Formula> {
    typical_over(formula, unknown, &BTreeSet::new())
}

/// The same, of a formula in which some symbols stay.
pub fn typical_over(formula: &Formula, unknown: &[Unknown], stay: &BTreeSet<Text>) -> Option<Formula> {
    substitute(formula, stay, |name| named(unknown, name)?.typical.as_ref().map(Amount::to_formula))
}

/// The upper bound of the resident peak, from the largest value of its formula: what allocators and the system may keep
/// beyond what objects ask for (docs/ACCURACY.md, "What the upper bound allows for").
///
/// 1/24 of the amount: what a pool of `pymalloc` cannot use of its 16 KiB (up to 3% for blocks near 512 bytes) and the
/// page that a mapped block ends in; and up to 1 MiB: a pool that is begun for each size, an arena and the top of the
/// heap that are used in part, and code that is run for the first time. 1/8 of the amount: what allocators keep of what was
/// freed. 1/5 of an amount that is an estimate.
pub fn resident_bound(high: &Formula, is_estimated: bool) -> Formula {
    let part = |of: i64| high.clone() / Formula::integer(of);
    let begun = Formula::min(vec![part(4) + Formula::integer(64 << 10), Formula::integer(1 << 20)]);
    let estimate = if is_estimated { part(5) } else { Formula::zero() };
    Formula::total([high.clone(), part(24), part(8), begun, estimate])
}

/// Whether a value is code: a handler that is assigned.
pub fn is_code(value: &Value) -> bool {
    matches!(value, Value::Code(Code::Function(..)))
}
