//! What changed between two states of a project, the dearest first.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::budget::place_text;
use super::profile::{Allocation, Bounds, Profile, Quantity};
use super::report::bytes;
use crate::formula::{Environment, Formula};

/// What kind of change, from the dearest to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// It needs more.
    More,
    /// Something is not known that was.
    Unknown,
    /// A new function.
    Added,
    /// It needs something else; whether more depends on the inputs.
    Different,
    /// It needs less.
    Less,
    /// A function that is gone.
    Removed,
}

/// A place that a change comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What is called there, or the statement.
    pub what: String,
    /// Whether the statement is new or changed.
    pub is_new: bool,
}

/// One change of one function.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// What kind.
    pub direction: Direction,
    /// The function: `file:function`.
    pub function: String,
    /// Its name, as people say it.
    pub name: String,
    /// Where it is defined.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// `peak`, `demand`, `retained`, `baseline`, `setting` …; empty for a function that came or went.
    pub quantity: String,
    /// Before; null if it was not there.
    pub before: Option<String>,
    /// Now; null if it is not there any more.
    pub after: Option<String>,
    /// Where it comes from.
    pub from: Option<Place>,
    /// Whether the order of growth rose.
    pub grows_faster: bool,
    /// Bytes more (or less), where both are numbers.
    pub bytes: Option<i64>,
}

impl Change {
    /// One line: `lambda_handler: peak 8*n → 8*n**2, from line 42 (np.outer)`.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}", self.name, self.quantity);
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => text.push_str(&format!(" {before} → {after}")),
            (None, Some(after)) => text.push_str(&format!(" {after}")),
            (Some(before), None) => text.push_str(&format!(" {before}")),
            (None, None) => {}
        }
        if let Some(from) = &self.from {
            let place = if from.file == self.file {
                format!("line {}", from.line)
            } else {
                format!("{}:{}", from.file, from.line)
            };
            text.push_str(&format!(", from {place} ({})", from.what));
        }
        text.trim_end().to_owned()
    }

    fn rank(&self) -> (bool, Direction, usize, std::cmp::Reverse<i64>) {
        let order = ["peak", "resident peak", "retained", "baseline", "demand", "setting", "unknown"];
        let quantity = order.iter().position(|name| self.quantity.starts_with(name)).unwrap_or(order.len());
        (!self.grows_faster, self.direction, quantity, std::cmp::Reverse(self.bytes.unwrap_or(0)))
    }
}

/// Longest formula that is told whole, in characters.
const LONGEST: usize = 160;

/// Longest formula that is told whole where its leading term is known, in characters.
const SHORT: usize = 60;

/// Compares two states; both sorted by id.
pub fn compare(before: &[Profile], after: &[Profile]) -> Vec<Change> {
    let old: BTreeMap<&str, &Profile> = before.iter().map(|one| (one.id.as_str(), one)).collect();
    let new: BTreeMap<&str, &Profile> = after.iter().map(|one| (one.id.as_str(), one)).collect();
    let mut changes = Vec::new();
    for (id, profile) in &new {
        match old.get(id) {
            Some(earlier) => of_function(earlier, profile, &mut changes),
            None => {
                let mut change = change(profile, Direction::Added, "new,");
                change.after = Some(format!("peak {}", shown(&profile.peak, profile.complete)));
                changes.push(change);
            }
        }
    }
    for (id, profile) in &old {
        if !new.contains_key(id) {
            changes.push(change(profile, Direction::Removed, "gone"));
        }
    }
    changes.sort_by(|a, b| a.rank().cmp(&b.rank()).then_with(|| a.function.cmp(&b.function)));
    changes
}

fn change(profile: &Profile, direction: Direction, quantity: &str) -> Change {
    Change {
        direction,
        function: profile.id.clone(),
        name: profile.name.rsplit('.').next().unwrap_or(&profile.name).to_owned(),
        file: profile.file.clone(),
        line: profile.line,
        quantity: quantity.to_owned(),
        before: None,
        after: None,
        from: None,
        grows_faster: false,
        bytes: None,
    }
}

fn of_function(old: &Profile, new: &Profile, into: &mut Vec<Change>) {
    let mut peak_changed = false;
    for ((name, before), (_, after)) in old.quantities().into_iter().zip(new.quantities()) {
        let key = |quantity: &Quantity| (quantity.formula.clone(), quantity.growth.clone(), quantity.bounds);
        if key(before) == key(after) && old.complete == new.complete {
            continue;
        }
        // Demand and resident peak follow the peak mostly: they are told where they change alone.
        if peak_changed && (name == "demand" || name == "resident peak") {
            continue;
        }
        peak_changed |= name == "peak";
        let (direction, grows_faster, more) = direction(before, after, old.complete, new.complete);
        let mut one = change(new, direction, name);
        one.before = Some(shown(before, old.complete));
        one.after = Some(shown(after, new.complete));
        // Both too long to print, and of one order: the text would say nothing.
        if one.before == one.after {
            one.after = Some(format!("{} (another formula)", shown(after, new.complete)));
        }
        one.grows_faster = grows_faster;
        one.bytes = more;
        one.from =
            match name {
                "retained" => new.grows.iter().find(|place| !old.grows.contains(place)).map(|(file, line, what)| {
                    Place { file: file.clone(), line: *line, what: what.clone(), is_new: true }
                }),
                _ => cause(old, new),
            };
        into.push(one);
    }
    let places = |profile: &Profile| profile.grows.iter().map(|(_, _, what)| what.clone()).collect::<Vec<_>>();
    let retained_told = into.last().is_some_and(|one| one.function == new.id && one.quantity == "retained");
    if let Some((file, line, what)) = new.grows.iter().find(|(_, _, what)| !places(old).contains(what))
        && !retained_told
    {
        let mut one = change(new, Direction::More, "retained grows:");
        one.after = Some(format!("{what} ({})", place_text(new, file, *line)));
        into.push(one);
    }
    for at in &new.at {
        let Some(earlier) = old.at.iter().find(|one| one.name == at.name) else { continue };
        for (name, before, after) in [("peak", earlier.peak, at.peak), ("footprint", earlier.footprint, at.footprint)] {
            if before == after || (name == "footprint" && earlier.peak != at.peak) {
                continue;
            }
            let more = difference(before, after);
            let direction = match more {
                Some(more) if more > 0 => Direction::More,
                Some(more) if more < 0 => Direction::Less,
                _ => Direction::Different,
            };
            let mut one = change(new, direction, &format!("{name} for {}", at.name));
            one.before = Some(range(before));
            one.after = Some(range(after));
            one.bytes = more;
            one.from = cause(old, new);
            into.push(one);
        }
    }
    if let (Some(before), Some(after)) = (old.baseline_bytes, new.baseline_bytes)
        && before != after
    {
        let more = i64::try_from(i128::from(after) - i128::from(before)).ok();
        let direction = if after > before { Direction::More } else { Direction::Less };
        let mut one = change(new, direction, "baseline");
        (one.before, one.after, one.bytes) = (Some(bytes(before)), Some(bytes(after)), more);
        into.push(one);
    }
    for (name, before, after) in
        [("setting", old.memory_mb, new.memory_mb), ("recommended setting", old.recommended_mb, new.recommended_mb)]
    {
        if before == after {
            continue;
        }
        let direction = match (before, after) {
            (Some(before), Some(after)) if after > before => Direction::More,
            (Some(_), Some(_)) => Direction::Less,
            _ => Direction::Different,
        };
        let mut one = change(new, direction, name);
        let mb = |value: Option<u64>| Some(value.map_or_else(|| "none".to_owned(), |mb| format!("{mb} MB")));
        (one.before, one.after) = (mb(before), mb(after));
        into.push(one);
    }
    let known = |profile: &Profile| {
        profile.unknown.iter().map(|one| (one.name.clone(), one.meaning.clone())).collect::<Vec<_>>()
    };
    let before = known(old);
    let fresh: Vec<_> =
        new.unknown.iter().filter(|one| !before.contains(&(one.name.clone(), one.meaning.clone()))).collect();
    if let Some(first) = fresh.first().filter(|_| old.complete) {
        let more = if fresh.len() > 1 { format!(" and {} more", fresh.len() - 1) } else { String::new() };
        let mut one = change(new, Direction::Unknown, "unknown:");
        let place = place_text(new, &first.file, first.line);
        one.after = Some(format!("{} ({place}: {}){more}", first.name, first.cause));
        into.push(one);
    }
}

/// Where more memory comes from: the statement of the peak if it is new, or else the last new one before it that makes
/// memory grow, or else the peak's.
fn cause(old: &Profile, new: &Profile) -> Option<Place> {
    let is_new = |one: &Allocation| !old.allocations.iter().any(|known| known.statement == one.statement);
    let peak = new.peak_at.map(|at| at as usize);
    let at_peak = peak.and_then(|at| new.allocations.get(at));
    let place = |one: &Allocation| Place {
        file: one.file.clone(),
        line: one.line,
        what: one.what.clone(),
        is_new: is_new(one),
    };
    if let Some(one) = at_peak.filter(|one| is_new(one)) {
        return Some(place(one));
    }
    let until = peak.map_or(new.allocations.len(), |at| at.min(new.allocations.len()));
    let before_peak = new.allocations.iter().take(until).rev().find(|one| is_new(one));
    let any = || new.allocations.iter().find(|one| is_new(one));
    before_peak.or_else(any).or(at_peak).map(place)
}

/// The leading term of a formula that grows as one: `about 8*n**2`.
fn leading(formula: &str, growth: &str) -> Option<String> {
    let (formula, order) = (Formula::parse(formula).ok()?, Formula::parse(growth).ok()?);
    if growth == "0" || growth == "1" || growth.contains(" + ") || formula.symbols() != order.symbols() {
        return None;
    }
    let mut at = Environment::new();
    for symbol in order.symbols() {
        at.set(&symbol, 1_i64 << 40);
    }
    let share =
        formula.evaluate(&at).ok()? / order.evaluate(&at).ok().filter(|order| !num_traits::Zero::is_zero(order))?;
    let share = num_traits::ToPrimitive::to_f64(&share).filter(|share| share.is_finite() && *share > 0.0)?;
    let text = if share >= 100.0 { format!("{share:.0}") } else { format!("{share:.2}") };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    Some(if text == "1" { format!("about {growth}") } else { format!("about {text}*{growth}") })
}

/// A quantity in a few words.
fn shown(quantity: &Quantity, complete: bool) -> String {
    if !complete {
        return "not known (not followed to its end)".to_owned();
    }
    match (&quantity.formula, quantity.bounds.exact(), &quantity.growth) {
        (_, Some(count), _) => bytes(count),
        (Some(formula), _, _) if formula.chars().count() <= SHORT => formula.clone(),
        (Some(formula), _, Some(growth)) if leading(formula, growth).is_some() => {
            leading(formula, growth).unwrap_or_default()
        }
        (Some(formula), _, _) if formula.chars().count() <= LONGEST => formula.clone(),
        (_, _, Some(growth)) if growth.chars().count() <= LONGEST => format!("in the order of {growth}"),
        _ => "a long formula".to_owned(),
    }
}

fn range(bounds: Bounds) -> String {
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) if min == max => bytes(min),
        (Some(min), Some(max)) => format!("{} to {}", bytes(min), bytes(max)),
        (Some(min), None) => format!("{} or more", bytes(min)),
        (None, _) => "not known".to_owned(),
    }
}

fn difference(before: Bounds, after: Bounds) -> Option<i64> {
    let (before, after) = (before.max.or(before.min)?, after.max.or(after.min)?);
    i64::try_from(i128::from(after) - i128::from(before)).ok()
}

/// Which way a quantity went, whether its order of growth rose, and by how many bytes.
fn direction(old: &Quantity, new: &Quantity, was: bool, is: bool) -> (Direction, bool, Option<i64>) {
    if was && !is {
        return (Direction::Unknown, false, None);
    }
    if let (Some(before), Some(after)) = (old.bounds.exact(), new.bounds.exact()) {
        let more = i64::try_from(i128::from(after) - i128::from(before)).ok();
        return (if after > before { Direction::More } else { Direction::Less }, false, more);
    }
    let parse = |text: &Option<String>| text.as_deref().and_then(|text| Formula::parse(text).ok());
    if let (Some(before), Some(after)) = (parse(&old.growth), parse(&new.growth))
        && before != after
    {
        // The sum grows as the larger of two orders; as neither alone where they are of different inputs.
        let both = (before.clone() + after.clone()).growth(None);
        if both == after.growth(None) {
            return (Direction::More, true, None);
        }
        if both == before.growth(None) {
            return (Direction::Less, false, None);
        }
        return (Direction::Different, true, None);
    }
    if let (Some(before), Some(after)) = (parse(&old.formula), parse(&new.formula)) {
        let more = after.clone() - before.clone();
        if more.is_nonnegative() {
            return (Direction::More, false, None);
        }
        if (before.clone() - after.clone()).is_nonnegative() {
            return (Direction::Less, false, None);
        }
        // Neither for all inputs: what holds for large ones.
        let mut at = Environment::new();
        for symbol in more.symbols() {
            at.set(&symbol, 1_000_000_i64);
        }
        return match more.evaluate(&at) {
            Ok(value) if value > num_traits::Zero::zero() => (Direction::More, false, None),
            Ok(value) if value < num_traits::Zero::zero() => (Direction::Less, false, None),
            _ => (Direction::Different, false, None),
        };
    }
    (Direction::Different, false, difference(old.bounds, new.bounds))
}
