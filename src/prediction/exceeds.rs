//! For which inputs a handler needs more than a limit.
//!
//! [`boundary`] is the one search: it doubles and bisects over sizes, and looks around what it found, whatever answers
//! whether a size fits: a formula, or the machine on a changed event.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use serde_json::Value as Json;

use super::{EVENT_STEPS, FAST_STEPS, LEFT_OVER, Predictor, SYMBOLIC_STEPS, Values};
use crate::expression::{Text, Value as Plain};
use crate::footprint::Range;
use crate::formula::{Environment, EvaluateError, Formula};
use crate::memory::amount::Amount;
use crate::memory::predict::Outcome;
use crate::memory::ratios::Ratios;
use crate::memory::unknown::{Unknown, UnknownKind};
use crate::workload::{Path, part, put, stands_for};

/// Largest value of an input that is looked at, as a power of two.
pub const MOST_BITS: u32 = 62;

/// Items of a list and characters of a text that an event is given to try.
const MOST_ITEMS: u64 = 1 << 22;

/// Most inputs that are looked at.
const MOST_INPUTS: usize = 12;

/// Parts of the largest formula that is looked at again and again.
const LONGEST_FORMULA: u64 = 20_000;

/// Where sizes stop to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// All up to this fit, none above.
    UpTo(u64),
    /// All sizes fit, up to the largest that was looked at.
    All(u64),
    /// None fits, the least included.
    None,
    /// This one fits and the next one does not, but others above do, or others below do not.
    Uneven(u64),
    /// It cannot be told.
    Unknown(String),
}

/// Finds the boundary between sizes that fit and sizes that do not, from `least` to `most`.
///
/// `fits` says whether a size fits, or why that is not known. A `guess` saves steps where it is good. Memory grows with sizes
/// but for odd handlers, so that this is a bisection; a handful of sizes on both sides is looked at to find the odd ones.
pub fn boundary(
    least: u64,
    most: u64,
    guess: Option<u64>,
    mut fits: impl FnMut(u64) -> Result<bool, String>,
) -> Boundary {
    let search = |fits: &mut dyn FnMut(u64) -> Result<bool, String>| -> Result<Boundary, String> {
        let (mut low, mut high);
        match guess.filter(|guess| (least..most).contains(guess)) {
            Some(guess) if fits(guess)? => (low, high) = (Some(guess), None),
            Some(guess) => (low, high) = (None, Some(guess)),
            None => (low, high) = (None, None),
        }
        // Away from a guess, or from the least, in steps that double.
        let mut step = 1_u64;
        while low.is_none() {
            let at = match high {
                Some(high) => high.saturating_sub(step).max(least),
                None => least,
            };
            if fits(at)? {
                low = Some(at);
            } else if at == least {
                return Ok(Boundary::None);
            } else {
                high = Some(at);
                step = step.saturating_mul(2);
            }
        }
        let mut below = low.unwrap_or(least);
        step = 1;
        let mut above = match high {
            Some(high) => high,
            None => loop {
                let at = below.saturating_add(step).min(most);
                if !fits(at)? {
                    break at;
                }
                below = at;
                if at == most {
                    return Ok(Boundary::All(most));
                }
                step = step.saturating_mul(2);
            },
        };
        while above - below > 1 {
            let middle = below + (above - below) / 2;
            if fits(middle)? { below = middle } else { above = middle }
        }
        let lower = [below - (below - least) / 2, below - (below - least) / 4, least + (below - least) / 8];
        let upper = [above.saturating_mul(2), above.saturating_mul(4), above.saturating_mul(64)];
        let is_even = lower.iter().all(|at| fits(*at).unwrap_or(true))
            && upper.iter().filter(|at| **at <= most).all(|at| !fits(*at).unwrap_or(false));
        Ok(if is_even { Boundary::UpTo(below) } else { Boundary::Uneven(below) })
    };
    search(&mut fits).unwrap_or_else(Boundary::Unknown)
}

/// For which inputs a limit does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Exceeds {
    /// The limit.
    pub limit_bytes: BigInt,
    /// What of it is there for the invocation, above the baseline; less than nothing if the baseline alone is too much.
    pub room_bytes: BigInt,
    /// Each input that memory depends on.
    pub inputs: Vec<InputLimit>,
    /// Whether it exceeds the limit as it stands: with this event, or whatever the inputs are.
    pub now: Option<bool>,
}

/// The limit of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputLimit {
    /// The input: `event["n"]`, `len(event["xs"])`, or a variable.
    pub input: String,
    /// From where on it is too much.
    pub boundary: Boundary,
    /// What the other inputs are taken to be; empty if there are no others.
    pub given: String,
}

/// Whether a formula of one symbol stays within some room.
fn formula_fits(formula: &Formula, input: &str, room: &BigInt, n: u64) -> Result<bool, String> {
    match formula.evaluate(&Environment::new().with(input, BigInt::from(n))) {
        Ok(value) => Ok(value.ceil().to_integer() <= *room),
        // A sum of very many rounds, and a number of very many digits, are above any setting.
        Err(EvaluateError::TooManySteps | EvaluateError::TooLarge(_)) => Ok(false),
        // `log2` of a size that is still zero.
        Err(EvaluateError::LogDomain(_) | EvaluateError::DivisionByZero(_)) if n == 0 => Ok(true),
        Err(error) => Err(error.to_string()),
    }
}

/// The inputs of a formula: the event's own parts first, then sizes and counts that have no bound.
fn inputs_of(formula: &Formula, unknown: &[Unknown]) -> Vec<Text> {
    let known = |symbol: &str| unknown.iter().find(|one| *one.name == *symbol);
    let is_open = |one: &Unknown| match one.kind {
        UnknownKind::Size | UnknownKind::TripCount | UnknownKind::Result => one.most.is_none(),
        UnknownKind::Condition | UnknownKind::Memory | UnknownKind::Input => false,
    };
    let symbols = formula.symbols();
    let mut inputs: Vec<Text> = symbols
        .iter()
        .filter(|symbol| known(symbol).is_none_or(|one| one.kind == UnknownKind::Input))
        .cloned()
        .collect();
    inputs.extend(symbols.iter().filter(|symbol| known(symbol).is_some_and(is_open)).cloned());
    inputs
}

/// The boundary of each input of a formula for some room. What else is not known has its largest value where it has one,
/// and else its least.
pub fn formula_limits(peak: &Formula, unknown: &[Unknown], room: &BigInt) -> Vec<InputLimit> {
    if peak.size() > LONGEST_FORMULA {
        return Vec::new();
    }
    let known = |symbol: &str| unknown.iter().find(|one| *one.name == *symbol);
    let symbols = peak.symbols();
    let mut found = Vec::new();
    for input in inputs_of(peak, unknown).into_iter().take(MOST_INPUTS) {
        let mut others: BTreeMap<Text, Formula> = BTreeMap::new();
        let mut at_least: Vec<&str> = Vec::new();
        for symbol in symbols.iter().filter(|symbol| **symbol != input) {
            let most = known(symbol).and_then(|one| one.most.as_ref()).map(Amount::to_formula);
            let value = most.filter(|most| most.symbols().is_empty()).unwrap_or_else(|| {
                at_least.push(symbol);
                known(symbol).map_or_else(|| Formula::from(0), |one| one.least.to_formula())
            });
            others.insert(symbol.clone(), value);
        }
        // What only decides is no size: it is taken to be what takes more.
        let flags: Vec<&Text> =
            symbols.iter().filter(|symbol| **symbol != input && !grows(peak, symbol, &others)).collect();
        for symbol in flags {
            others.insert(symbol.clone(), dearer(peak, symbol, &others, &input));
            at_least.retain(|one| **one != **symbol);
        }
        let formula = peak.substitute(&others);
        if formula.symbols().iter().any(|symbol| *symbol != input) || !grows(peak, &input, &others) {
            continue;
        }
        let given = match at_least.as_slice() {
            [] => String::new(),
            [one] => format!("with {one} at its least"),
            [first, rest @ ..] => format!("with {first} and {} more at their least", rest.len()),
        };
        let most =
            known(&input).and_then(|one| one.most.as_ref()?.as_usize()).map_or(1 << MOST_BITS, |most| most as u64);
        let boundary = boundary(0, most, None, |n| formula_fits(&formula, &input, room, n));
        found.push(InputLimit { input: input.to_string(), boundary, given });
    }
    found
}

/// The value of a formula where a symbol is so much, and the others as given; what is not given is 1.
fn value_at(formula: &Formula, others: &BTreeMap<Text, Formula>, symbol: &str, n: i64) -> Option<f64> {
    let mut map = others.clone();
    map.insert(Text::from(symbol), Formula::from(n));
    let formula = formula.substitute(&map);
    let mut environment = Environment::new();
    for rest in formula.symbols() {
        environment.set(&rest, BigInt::from(1));
    }
    formula.evaluate(&environment).ok()?.to_f64()
}

/// Whether memory is another for a large value than for 1: not so for what only decides.
fn grows(formula: &Formula, symbol: &str, others: &BTreeMap<Text, Formula>) -> bool {
    let at = |n| value_at(formula, others, symbol, n);
    // A value beyond what is computed is large.
    at(1).is_none() || at(1) != at(1 << 20)
}

/// The truth value with which a formula is larger.
fn dearer(formula: &Formula, symbol: &str, others: &BTreeMap<Text, Formula>, input: &str) -> Formula {
    let mut others = others.clone();
    others.insert(Text::from(input), Formula::from(1 << 16));
    let at = |n| value_at(formula, &others, symbol, n).unwrap_or(0.0);
    Formula::from(i64::from(at(1) >= at(0)))
}

/// A value of another length: items and characters come round again.
pub(super) fn resized(value: &Json, length: u64) -> Option<Json> {
    let length = usize::try_from(length.min(MOST_ITEMS)).ok()?;
    match value {
        Json::Array(items) => Some(Json::Array(match items.is_empty() {
            true => vec![Json::from(0); length],
            false => items.iter().cycle().take(length).cloned().collect(),
        })),
        Json::String(text) => Some(Json::String(match text.is_empty() {
            true => "x".repeat(length),
            false => text.chars().cycle().take(length).collect(),
        })),
        Json::Object(_) | Json::Number(_) | Json::Bool(_) | Json::Null => None,
    }
}

/// The places of an event that have a size: whole numbers, and lists and texts by their length.
fn leaves(event: &Json) -> Vec<Path> {
    fn walk(value: &Json, keys: &mut Vec<String>, found: &mut Vec<Path>) {
        if found.len() >= MOST_INPUTS {
            return;
        }
        match value {
            Json::Object(entries) => {
                for (key, value) in entries {
                    keys.push(key.clone());
                    walk(value, keys, found);
                    keys.pop();
                }
            }
            Json::Number(number) if number.is_i64() || number.is_u64() => {
                found.push(Path { keys: keys.clone(), length: false });
            }
            Json::Array(_) | Json::String(_) if !keys.is_empty() => {
                found.push(Path { keys: keys.clone(), length: true });
                // What stands in a list's first item stands for all.
                if let Some(first @ Json::Object(_)) = value.get(0) {
                    keys.push("0".to_owned());
                    walk(first, keys, found);
                    keys.pop();
                }
            }
            Json::Array(_) | Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {}
        }
    }
    let mut found = Vec::new();
    walk(event, &mut Vec::new(), &mut found);
    found
}

fn symbol_of(path: &Path) -> String {
    let step = |key: &String| match key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty() {
        true => format!("[{key}]"),
        false => format!("[{}]", Json::String(key.clone())),
    };
    let keys: String = path.keys.iter().map(step).collect();
    if path.length { format!("len(event{keys})") } else { format!("event{keys}") }
}

impl Predictor<'_> {
    /// For which inputs the handler's footprint exceeds a limit. With an event its other parts stay as they are; without
    /// one they are at their least, and the answer says so.
    pub fn exceeds(&self, event: Option<&Json>, values: &Values, limit: &BigInt) -> Exceeds {
        // What learned contracts leave over is at its largest, as in the upper ends of predictions.
        let most = Ratios::At(LEFT_OVER[2]);
        let symbolic = self.outcome_with(None, values, SYMBOLIC_STEPS, most);
        let held = self.process.baseline(&symbolic);
        let room = limit - BigInt::from(held.high.unwrap_or(held.low)) - BigInt::from(self.process.later_bytes);
        let Some(event) = event else {
            let inputs = match symbolic.complete {
                true => formula_limits(&symbolic.resident_peak, &symbolic.unknown, &room),
                false => Vec::new(),
            };
            let least = Range::of(&symbolic.resident_peak, &symbolic.unknown).low;
            let now = (BigInt::from(least) > room).then_some(true);
            return Exceeds { limit_bytes: limit.clone(), room_bytes: room, inputs, now };
        };
        let peak_of = |outcome: &Outcome| {
            let range = Range::of(&outcome.resident_peak, &outcome.unknown);
            BigInt::from(range.high.unwrap_or(range.low))
        };
        let fits = |event: &Json, steps: u64| -> Result<bool, String> {
            let outcome = self.outcome_with(Some(&Plain::from_json(event)), values, steps, most);
            // Where work ends, what was seen up to there is the least that it takes.
            match peak_of(&outcome) <= room {
                true if !outcome.complete => Err("the handler is not followed to its end there".to_owned()),
                fits => Ok(fits),
            }
        };
        let given = self.outcome_with(Some(&Plain::from_json(event)), values, EVENT_STEPS, most);
        let now = given.complete.then(|| peak_of(&given) > room);
        // What the formulas depend on, and, where they are not whole, all that has a size.
        let symbols = symbolic.resident_peak.symbols();
        let mut paths: Vec<Path> = leaves(event)
            .into_iter()
            .filter(|path| symbols.iter().any(|symbol| stands_for(symbol, &symbol_of(path)) == Some(false)))
            .collect();
        if !symbolic.complete || paths.is_empty() {
            let seen: BTreeSet<String> = paths.iter().map(symbol_of).collect();
            paths.extend(leaves(event).into_iter().filter(|path| !seen.contains(&symbol_of(path))));
        }
        let mut inputs = Vec::new();
        for path in paths.into_iter().take(MOST_INPUTS) {
            let Some(old) = part(event, &path.keys) else { continue };
            let changed = |n: u64| {
                let value = if path.length { resized(old, n) } else { Some(Json::from(n)) };
                value.map(|value| {
                    let mut event = event.clone();
                    put(&mut event, &path.keys, &value);
                    event
                })
            };
            // A text or list at the place of a number is no size.
            if !path.length && !old.is_number() || changed(1).is_none() {
                continue;
            }
            let most = if path.length { MOST_ITEMS } else { 1 << MOST_BITS };
            let guess = self.guess(&symbolic, &path, &room);
            let boundary = boundary(0, most, guess, |n| match changed(n) {
                Some(event) => fits(&event, FAST_STEPS),
                None => Err("it has no length".to_owned()),
            });
            // What memory does not depend on is no input.
            if !symbolic.complete && matches!(boundary, Boundary::All(_) | Boundary::None) {
                continue;
            }
            let given =
                if self.has_others(event, &path) { "the rest as in the event".to_owned() } else { String::new() };
            inputs.push(InputLimit { input: symbol_of(&path), boundary, given });
        }
        // Variables that the event does not give.
        inputs.extend(formula_limits(&given.resident_peak, &given.unknown, &room));
        Exceeds { limit_bytes: limit.clone(), room_bytes: room, inputs, now }
    }

    fn has_others(&self, event: &Json, path: &Path) -> bool {
        leaves(event).iter().any(|other| other.keys != path.keys)
    }

    /// Where the formula says that the boundary is: a place to begin the search at.
    fn guess(&self, symbolic: &Outcome, path: &Path, room: &BigInt) -> Option<u64> {
        if !symbolic.complete {
            return None;
        }
        let limits = formula_limits(&symbolic.resident_peak, &symbolic.unknown, room);
        let name = symbol_of(path);
        let is_it = |limit: &InputLimit| stands_for(&limit.input, &name) == Some(false);
        limits.into_iter().find(is_it).and_then(|limit| match limit.boundary {
            Boundary::UpTo(n) | Boundary::Uneven(n) => Some(n),
            Boundary::All(_) | Boundary::None | Boundary::Unknown(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Boundary, boundary};

    #[test]
    fn the_boundary_is_exact() {
        for limit in [0, 1, 2, 7, 4095, 4096, 7905, 1 << 40] {
            for guess in [None, Some(0), Some(3), Some(limit), Some(limit + 1), Some(1 << 30)] {
                let mut looks = 0;
                let found = boundary(0, 1 << 62, guess, |n| {
                    looks += 1;
                    Ok(n <= limit)
                });
                assert_eq!(found, Boundary::UpTo(limit), "{limit} from {guess:?}");
                assert!(looks < 200, "{looks}");
            }
        }
        assert_eq!(boundary(0, 100, None, |_| Ok(true)), Boundary::All(100));
        assert_eq!(boundary(5, 100, None, |_| Ok(false)), Boundary::None);
        assert_eq!(boundary(0, 100, None, |n| Ok(!(10..=15).contains(&n))), Boundary::Uneven(9));
        assert_eq!(boundary(0, 100, None, |_| Err("why".to_owned())), Boundary::Unknown("why".to_owned()));
    }
}
