//! One run of a handler: what it takes, as formulas over what is not known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::calls::{Definition, FunctionId, FunctionKind, Program};
use crate::expression::{Text, Value as Plain};
use crate::formula::Formula;
use crate::project::Project;

use super::amount::{Amount, Bytes, HighWater};
use super::inputs::{Inputs, Sequence};
use super::machine::{Activation, Flow, MAX_STEPS, Machine, Options, SYMBOLIC_STEPS};
use super::unknown::{Known, Unknown, Unknowns};
use super::value::{Code, Value, holds};

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
    /// What was live behind each statement, in the order in which they were first run: file, line, bytes. At most
    /// one formula of a place; of numbers the largest.
    pub marks: Vec<(String, u32, Formula)>,
}

impl Outcome {
    /// The unknowns that formulas rest on.
    pub fn unknown_of<'o>(&'o self, formulas: &[&Formula]) -> impl Iterator<Item = &'o Unknown> + use<'o> {
        let used: BTreeSet<Text> = formulas.iter().flat_map(|formula| formula.symbols()).collect();
        self.unknown.iter().filter(move |unknown| used.contains(&unknown.name))
    }

    /// The unknowns of the four formulas, and growth, as JSON: the same in interfaces and predictions.
    pub fn unknown_json(&self) -> Vec<Json> {
        let formulas = [&self.demand, &self.peak, &self.resident_peak, &self.retained];
        self.unknown_of(&formulas).map(Unknown::to_json).collect()
    }

    /// Places where memory stays, as JSON.
    pub fn growth_json(&self) -> Vec<Json> {
        let place =
            |(file, line, message): &(String, u32, String)| json!({"file": file, "line": line, "message": message});
        self.growth.iter().map(place).collect()
    }
}

/// Runs a handler.
///
/// `event` is the value of the first parameter, or `None` if it is not given: formulas then say parts of it by their
/// path (`event["n"]`). `known` are the interface's memory-critical variables, whose names unknowns of the same place
/// take; `options.values` has values of unknowns by name.
pub fn run(
    project: &Project,
    program: &Program<'_>,
    handler: FunctionId,
    event: Option<&Plain>,
    known: Vec<Known>,
    options: &Options,
) -> Outcome {
    let most = if event.is_some() { MAX_STEPS } else { SYMBOLIC_STEPS };
    run_bounded(project, program, handler, event, known, options, most)
}

/// The same with a bound on statements and on work with formulas; beyond, nothing is followed any more
/// ([`Outcome::complete`]).
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
    let (mut outcome, mut inputs) = follow(machine(BTreeMap::new()), handler);
    // What one run learns of the event's parts may tell more of others: a few runs settle that.
    for _ in 0..MAX_RUNS {
        let Some(learned) = inputs.learned() else { break };
        (outcome, inputs) = follow(machine(learned), handler);
    }
    let taken = inputs.taken_for_numbers().map(|path| format!("{path} is taken for a number"));
    outcome.assumptions.extend(taken);
    outcome
}

/// Runs a handler on a machine that nothing has run on.
fn follow(mut machine: Machine<'_>, handler: FunctionId) -> (Outcome, Inputs) {
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
    let entry = machine.state.clone();
    machine.limit = super::machine::EXACT_STEPS.min(machine.most_steps / 2);
    let frame = machine.state.new_frame();
    let names = machine.names_of(handler);
    let method = matches!(info.kind, FunctionKind::Method | FunctionKind::ClassMethod | FunctionKind::Property);
    let parameters: Vec<String> =
        info.parameters().into_iter().flatten().map(|parameter| parameter.name().to_string()).collect();
    let mut given = 0;
    for (index, name) in parameters.iter().enumerate() {
        if method && index == 0 {
            machine.state.set(frame, Text::from("self"), Value::NONE);
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
        machine.assume(format!("on this event the handler raises {name}"));
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
    let complete = machine.steps <= machine.most_steps;
    let mut marks: Vec<_> = std::mem::take(&mut machine.marks).into_iter().collect();
    marks.sort_by_key(|(_, (order, _))| *order);
    let marks = marks
        .into_iter()
        .map(|((module, line), (_, live))| {
            let file = project.module(module).source.path.to_string_lossy().into_owned();
            (file, line, (&live - &base.requested).to_formula())
        })
        .collect();
    let inputs = std::mem::take(&mut machine.inputs);
    let outcome = Outcome {
        complete,
        marks,
        demand: formula(&machine.state.demand),
        peak: formula(&peak.requested),
        resident_peak: formula(&peak.resident),
        retained: formula(&retained.requested),
        initial: formula(&base.resident),
        initial_peak: formula(&loaded.resident),
        unknown: machine.unknowns.list().to_vec(),
        assumptions: std::mem::take(&mut machine.assumptions).into_iter().collect(),
        growth: machine.growth_since(&entry),
    };
    (outcome, inputs)
}

/// The bounds between which a formula lies, where unknowns lie between theirs: `None` where there is no upper one.
///
/// Sizes and counts only make memory grow (docs/MEMORY.md), so the least value is that of the least unknowns and the
/// largest that of the largest ones; conditions are tried both ways.
pub fn bounds(formula: &Formula, unknown: &[Unknown]) -> (Option<Formula>, Option<Formula>) {
    let low = substitute(formula, unknown, false);
    let high = substitute(formula, unknown, true);
    (low, high)
}

fn substitute(formula: &Formula, unknown: &[Unknown], most: bool) -> Option<Formula> {
    let mut out = formula.clone();
    // Bounds may speak of other unknowns: a few rounds settle that.
    for _ in 0..8 {
        let symbols = out.symbols();
        if symbols.is_empty() {
            break;
        }
        let mut map: BTreeMap<crate::formula::Text, Formula> = BTreeMap::new();
        for symbol in &symbols {
            let found = unknown.iter().find(|unknown| unknown.name == *symbol);
            let value = match (found, most) {
                (Some(unknown), false) => Some(unknown.least.to_formula()),
                (Some(unknown), true) => unknown.most.as_ref().map(Amount::to_formula),
                (None, _) => None,
            };
            map.insert(symbol.clone(), value?);
        }
        out = out.substitute(&map);
    }
    Some(out)
}

/// What a formula is where unknowns are what they usually are: `None` if nothing says that of one of them.
pub fn typical(formula: &Formula, unknown: &[Unknown]) -> Option<Formula> {
    let mut out = formula.clone();
    for _ in 0..8 {
        let symbols = out.symbols();
        if symbols.is_empty() {
            return Some(out);
        }
        let mut map: BTreeMap<crate::formula::Text, Formula> = BTreeMap::new();
        for symbol in &symbols {
            let found = unknown.iter().find(|unknown| unknown.name == *symbol)?;
            map.insert(symbol.clone(), found.typical.as_ref()?.to_formula());
        }
        out = out.substitute(&map);
    }
    None
}

/// The upper bound of the resident peak, from the largest value of its formula: what allocators and the system may keep
/// beyond what objects ask for (docs/ACCURACY.md, "What the upper bound allows for").
///
/// 1/24 of the amount: what a pool of `pymalloc` cannot use of its 16 KiB (up to 3% for blocks near 512 bytes) and the
/// page that a mapped block ends in; and up to 1 MiB: a pool that is begun for each size, an arena and the top of the
/// heap that are used in part, and code that is run for the first time.
pub fn resident_bound(high: &Formula) -> Formula {
    let part = |of: i64| high.clone() / Formula::integer(of);
    let begun = Formula::min(vec![part(4) + Formula::integer(64 << 10), Formula::integer(1 << 20)]);
    Formula::total([high.clone(), part(24), begun])
}

/// Whether a value is code: a handler that is assigned.
pub fn is_code(value: &Value) -> bool {
    matches!(value, Value::Code(Code::Function(..)))
}
