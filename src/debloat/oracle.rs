//! Whether two runs are the same to all who could tell. Depends on nothing of the crate.
//!
//! What the original itself does not do twice alike is found first, by running it several times: such parts are masked,
//! and the mask says why. What is left of an answer that differs as a whole is no oracle, and refused.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// What a run of the handler was seen to do, as the harness writes it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Run {
    /// Whether every event was given.
    #[serde(default)]
    pub complete: bool,
    /// The initialisation.
    pub init: Option<Step>,
    /// Each event, round by round.
    #[serde(default)]
    pub events: Vec<Step>,
    /// What was loaded on demand: module, name, phase.
    #[serde(default)]
    pub ondemand: Vec<(String, String, String)>,
    /// Loaded modules and their files.
    #[serde(default)]
    pub modules: Vec<(String, Option<String>)>,
    /// Files that were opened for reading.
    #[serde(default)]
    pub read: BTreeSet<String>,
    /// Modules' sources that something else than an import opened.
    #[serde(default)]
    pub sources: BTreeSet<String>,
    /// What a traced run tells.
    pub evidence: Option<Evidence>,
}

/// What a traced run of the original tells.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Evidence {
    /// Each module that was executed, and the lines of other modules that led to it, the outermost first.
    pub imports: Vec<(String, Vec<(String, u32)>)>,
    /// Functions that ran: file and first line.
    pub functions: BTreeSet<(String, u32)>,
    /// Which modules changed containers of which others while they were imported.
    pub effects: BTreeMap<String, Vec<String>>,
    /// Classes whose making may have an effect, by module.
    pub classes: BTreeMap<String, BTreeSet<String>>,
    /// The names of each module.
    #[serde(default)]
    pub names: BTreeMap<String, BTreeSet<String>>,
}

/// The initialisation, or one event.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Step {
    /// What was returned.
    #[serde(default)]
    pub value: Value,
    /// What was raised.
    pub error: Option<Raised>,
    /// Standard output.
    #[serde(default)]
    pub stdout: String,
    /// Calls to the outside, in order.
    #[serde(default)]
    pub calls: Vec<Value>,
    /// Files that were written, and the hash of what is in them.
    #[serde(default)]
    pub files: BTreeMap<String, Option<String>>,
}

/// An exception.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Raised {
    /// Its type's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    pub message: String,
    /// Where, as Python writes it.
    pub traceback: String,
}

/// What is not compared, of one step.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mask {
    /// Places in the answer.
    values: BTreeSet<String>,
    /// Lines of standard output whose numbers differ, or (true) that differ altogether.
    lines: BTreeMap<usize, bool>,
    /// Standard output has another number of lines each time.
    stdout: bool,
    /// The message of the exception.
    message: bool,
    /// Places in the sequence of calls, or all of it.
    calls: BTreeSet<usize>,
    all_calls: bool,
    files: BTreeSet<String>,
}

/// What the original does, and what of it cannot be compared.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    steps: Vec<(Step, Mask)>,
    /// The events' names: those of the steps of a round, without the initialisation.
    names: Vec<String>,
}

/// Programs that only tell what machine this is. Libraries ask them while they are imported; who does not import those need
/// not ask.
const PROBES: &[&str] = &["lscpu", "ldconfig", "uname", "getconf", "gcc", "cc", "ld", "objdump", "file"];

/// An initialisation without what was asked of such programs, and of sockets that nobody can reach.
fn without_probes(step: &Step) -> Step {
    let is_probe = |call: &Value| {
        let text = |n: usize| call.get(n).and_then(Value::as_str).unwrap_or_default();
        let program = text(1).rsplit('/').next().unwrap_or_default();
        // A socket that the system gives a port of this very machine: whether there is IPv6.
        let address = |n: usize| call.get(2).and_then(|address| address.get(n));
        let is_own = address(0).and_then(Value::as_str).is_some_and(|host| matches!(host, "::1" | "127.0.0.1"));
        text(0) == "subprocess.Popen" && PROBES.contains(&program)
            || text(0) == "socket.bind" && is_own && address(1).and_then(Value::as_u64) == Some(0)
    };
    Step { calls: step.calls.iter().filter(|call| !is_probe(call)).cloned().collect(), ..step.clone() }
}

/// Replaces every number: times and counters differ from run to run.
fn without_numbers(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut in_number = false;
    for c in line.chars() {
        if c.is_ascii_digit() {
            if !in_number {
                out.push('#');
            }
            in_number = true;
        } else if in_number && matches!(c, '.' | 'e' | '-' | '+' | ':') {
        } else {
            in_number = false;
            out.push(c);
        }
    }
    out
}

/// The JSON that a text holds, if that is an object or a list: bodies of answers are such.
fn inner(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_open = text.starts_with(['{', '[']) && text.ends_with(['}', ']']);
    is_open.then(|| serde_json::from_str(text).ok()).flatten()
}

/// How the place within a text that holds JSON is written in a pointer.
const INNER: &str = "(JSON)";
/// How a text whose numbers alone differ is written.
const NUMBERS: &str = "(numbers)";

/// Places where two values differ, as JSON pointers. A value of another kind or length differs as a whole; a text that
/// holds JSON differs where that does, and one in which only numbers differ (times, mostly) in these.
fn differences(a: &Value, b: &Value, at: &str, into: &mut BTreeSet<String>) {
    match (a, b) {
        (Value::String(x), Value::String(y)) if x != y => match (inner(x), inner(y)) {
            (Some(x), Some(y)) => differences(&x, &y, &format!("{at}/{INNER}"), into),
            _ if without_numbers(x) == without_numbers(y) && without_numbers(x).chars().any(char::is_alphabetic) => {
                into.insert(format!("{at}/{NUMBERS}"));
            }
            _ => {
                into.insert(at.to_owned());
            }
        },
        (Value::Object(x), Value::Object(y)) if x.keys().eq(y.keys()) => {
            for (key, one) in x {
                let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                differences(one, y.get(key).unwrap_or(&Value::Null), &path, into);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (n, (one, other)) in x.iter().zip(y).enumerate() {
                differences(one, other, &format!("{at}/{n}"), into);
            }
        }
        _ if a != b => {
            into.insert(at.to_owned());
        }
        _ => {}
    }
}

impl Mask {
    fn add(&mut self, a: &Step, b: &Step) {
        differences(&a.value, &b.value, "", &mut self.values);
        let (x, y): (Vec<&str>, Vec<&str>) = (a.stdout.lines().collect(), b.stdout.lines().collect());
        if x.len() == y.len() {
            for (n, (one, other)) in x.iter().zip(&y).enumerate().filter(|(_, (one, other))| one != other) {
                let altogether = without_numbers(one) != without_numbers(other);
                *self.lines.entry(n).or_default() |= altogether;
            }
        } else {
            self.stdout = true;
        }
        if let (Some(x), Some(y)) = (&a.error, &b.error) {
            self.message |= x.message != y.message;
        }
        if a.calls.len() == b.calls.len() {
            self.calls.extend(a.calls.iter().zip(&b.calls).enumerate().filter(|(_, (x, y))| x != y).map(|(n, _)| n));
        } else {
            self.all_calls = true;
        }
        for (path, hash) in &a.files {
            if b.files.get(path) != Some(hash) {
                self.files.insert(path.clone());
            }
        }
        self.files.extend(b.files.keys().filter(|path| !a.files.contains_key(*path)).cloned());
    }

    fn words(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.values.is_empty() {
            let places: Vec<&str> = self.values.iter().take(5).map(String::as_str).collect();
            all.push(format!("the answer at {}", places.join(", ")));
        }
        if self.stdout {
            all.push("standard output".to_owned());
        } else if !self.lines.is_empty() {
            all.push(format!("{} line(s) of standard output", self.lines.len()));
        }
        if self.message {
            all.push("the exception's message".to_owned());
        }
        if self.all_calls || !self.calls.is_empty() {
            all.push("calls to the outside".to_owned());
        }
        if !self.files.is_empty() {
            all.push(format!("{} file(s) written", self.files.len()));
        }
        all
    }
}

/// The step without the places that are masked.
fn masked(value: &Value, at: &str, mask: &BTreeSet<String>) -> Value {
    if mask.contains(at) {
        return Value::String("(masked)".to_owned());
    }
    match value {
        Value::String(text) => {
            // Only where something within it is masked: a text is compared as it is.
            let below = format!("{at}/{INNER}");
            let has_inner = mask.range(below.clone()..).next().is_some_and(|one| one.starts_with(&below));
            match inner(text) {
                Some(json) if has_inner => masked(&json, &below, mask),
                _ if mask.contains(&format!("{at}/{NUMBERS}")) => Value::String(without_numbers(text)),
                _ => value.clone(),
            }
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, one)| {
                    let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                    (key.clone(), masked(one, &path, mask))
                })
                .collect(),
        ),
        Value::Array(list) => {
            Value::Array(list.iter().enumerate().map(|(n, one)| masked(one, &format!("{at}/{n}"), mask)).collect())
        }
        _ => value.clone(),
    }
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(120).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

fn steps_of(run: &Run) -> impl Iterator<Item = Cow<'_, Step>> {
    let init = run.init.iter().map(|init| Cow::Owned(without_probes(init)));
    init.chain(run.events.iter().map(Cow::Borrowed))
}

impl Oracle {
    /// Learns what the original does from several runs of it. `names` are those of the events.
    ///
    /// # Errors
    /// Why nothing could be compared.
    pub fn learn(runs: &[Run], names: &[String]) -> Result<Self, String> {
        let Some((first, rest)) = runs.split_first() else { return Err("the original was not run".to_owned()) };
        let steps = steps_of(first).map(|step| (step.into_owned(), Mask::default())).collect();
        let mut oracle = Self { steps, names: names.to_vec() };
        for run in rest {
            oracle.add(run)?;
        }
        Ok(oracle)
    }

    /// Masks what another run of the original does otherwise; gives whether that is more than was known.
    ///
    /// # Errors
    /// Nothing is left that could be compared.
    pub fn add(&mut self, run: &Run) -> Result<bool, String> {
        let mut is_new = false;
        for ((step, mask), other) in self.steps.iter_mut().zip(steps_of(run)) {
            let before = mask.clone();
            mask.add(step, &other);
            is_new |= before != *mask;
        }
        for (n, (step, mask)) in self.steps.iter().enumerate().skip(1) {
            let whole = mask.values.contains("") || mask.values.contains(&format!("/{INNER}"));
            if whole && !step.value.is_null() {
                return Err(format!(
                    "the answer to {} differs from run to run, and as a whole ({}): there is nothing to compare",
                    self.name(n),
                    shortened(&step.value.to_string())
                ));
            }
        }
        Ok(is_new)
    }

    /// What is masked and why, for people.
    pub fn notes(&self) -> BTreeSet<String> {
        let of = |(n, (_, mask)): (usize, &(Step, Mask))| {
            let words = mask.words();
            let what = words.join(", ");
            let note =
                || format!("{}: the original itself differs from run to run in {what}: not compared", self.name(n));
            (!words.is_empty()).then(note)
        };
        self.steps.iter().enumerate().filter_map(of).collect()
    }

    /// The name of a step.
    fn name(&self, step: usize) -> String {
        match step.checked_sub(1) {
            None => "initialisation".to_owned(),
            Some(n) => self.names.get(n % self.names.len().max(1)).cloned().unwrap_or_default(),
        }
    }

    /// Whether a run ends as the original does and raises what that raises: then what differs is what it says, which the
    /// original may say otherwise itself by now (a date, the name of a temporary file).
    pub fn ends_alike(&self, run: &Run) -> bool {
        let kind = |step: &Step| step.error.as_ref().map(|error| error.kind.clone());
        run.complete && steps_of(run).zip(&self.steps).all(|(step, (original, _))| kind(&step) == kind(original))
    }

    /// Compares a run with the original.
    ///
    /// # Errors
    /// The first difference, in words.
    pub fn compare(&self, run: &Run) -> Result<(), String> {
        if let Some(init) = &run.init
            && let Some(error) = &init.error
        {
            return Err(format!("the handler cannot be loaded: {}: {}", error.kind, shortened(&error.message)));
        }
        for (n, (step, (original, mask))) in steps_of(run).zip(&self.steps).enumerate() {
            let name = self.name(n);
            let kinds = (original.error.as_ref().map(|e| &e.kind), step.error.as_ref().map(|e| &e.kind));
            if kinds.0 != kinds.1 {
                return Err(match &step.error {
                    Some(error) => format!("{name}: raises {}: {}", error.kind, shortened(&error.message)),
                    None => format!("{name}: does not raise {}", kinds.0.map_or("", String::as_str)),
                });
            }
            if let (Some(a), Some(b)) = (&original.error, &step.error)
                && !mask.message
                && a.message != b.message
            {
                return Err(format!("{name}: the exception says `{}`", shortened(&b.message)));
            }
            if masked(&original.value, "", &mask.values) != masked(&step.value, "", &mask.values) {
                return Err(format!("{name}: answers {}", shortened(&step.value.to_string())));
            }
            if !mask.stdout {
                let (a, b): (Vec<&str>, Vec<&str>) = (original.stdout.lines().collect(), step.stdout.lines().collect());
                if a.len() != b.len() {
                    return Err(format!("{name}: writes {} lines to standard output, not {}", b.len(), a.len()));
                }
                for (at, (a, b)) in a.iter().zip(&b).enumerate() {
                    let same = match mask.lines.get(&at) {
                        None => a == b,
                        Some(false) => without_numbers(a) == without_numbers(b),
                        Some(true) => true,
                    };
                    if !same {
                        return Err(format!("{name}: writes `{}` to standard output", shortened(b)));
                    }
                }
            }
            if !mask.all_calls {
                let call = |calls: &[Value], at: usize| calls.get(at).map(Value::to_string).unwrap_or_default();
                for at in 0..original.calls.len().max(step.calls.len()) {
                    if !mask.calls.contains(&at) && original.calls.get(at) != step.calls.get(at) {
                        return Err(format!(
                            "{name}: call {} to the outside is {}, not {}",
                            at + 1,
                            shortened(&call(&step.calls, at)),
                            shortened(&call(&original.calls, at))
                        ));
                    }
                }
            }
            for (path, hash) in &original.files {
                if !mask.files.contains(path) && step.files.get(path) != Some(hash) {
                    return Err(format!("{name}: {path} is written with other content"));
                }
            }
        }
        if !run.complete {
            return Err("it ended before all events were answered".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: Value, stdout: &str) -> Run {
        let step = Step { value, stdout: stdout.to_owned(), ..Step::default() };
        Run { complete: true, init: Some(Step::default()), events: vec![step], ..Run::default() }
    }

    #[test]
    fn what_the_original_does_not_repeat_is_masked_and_nothing_else() {
        let names = ["e".to_owned()];
        let value = |ms: f64, n: i64| serde_json::json!({"ms": ms, "n": n});
        let originals = [run(value(0.1, 7), "took 0.1 s\nsum 7"), run(value(0.2, 7), "took 0.25 s\nsum 7")];
        let oracle = Oracle::learn(&originals, &names).unwrap_or_default();
        assert_eq!(oracle.notes().len(), 1);
        assert_eq!(oracle.compare(&run(value(0.3, 7), "took 3 s\nsum 7")), Ok(()));
        assert!(oracle.compare(&run(value(0.3, 8), "took 3 s\nsum 7")).is_err());
        assert!(oracle.compare(&run(value(0.3, 7), "took 3 s\nsum 8")).is_err());
        assert!(oracle.compare(&run(value(0.3, 7), "needed 3 s\nsum 7")).is_err());
    }

    #[test]
    fn texts_differ_where_their_json_or_their_numbers_do() {
        let names = ["e".to_owned()];
        let value = |ms: f64, n: i64| serde_json::json!({"body": format!(r#"{{"ms": {ms}, "n": {n}}}"#), "said": format!("{n} in {ms} s")});
        let originals = [run(value(0.1, 7), ""), run(value(0.2, 7), "")];
        let oracle = Oracle::learn(&originals, &names).unwrap_or_default();
        assert!(
            oracle.notes().iter().any(|note| note.contains("/body/(JSON)/ms, /said/(numbers)")),
            "{:?}",
            oracle.notes()
        );
        assert_eq!(oracle.compare(&run(value(0.3, 7), "")), Ok(()));
        assert!(oracle.compare(&run(value(0.3, 8), "")).is_err());
        // A text of its own is what is compared, as it is: here there is nothing but a number.
        let originals = [run(serde_json::json!("0.1"), ""), run(serde_json::json!("0.2"), "")];
        assert!(Oracle::learn(&originals, &names).is_err());
    }

    #[test]
    fn an_answer_that_always_differs_is_no_oracle() {
        let names = ["e".to_owned()];
        let originals = [run(serde_json::json!(1), ""), run(serde_json::json!(2), "")];
        assert!(Oracle::learn(&originals, &names).is_err());
    }

    #[test]
    fn what_the_original_does_otherwise_later_is_masked_then() {
        let names = ["e".to_owned()];
        let value = |day: u32, n: i64| serde_json::json!({"day": day, "n": n});
        let mut oracle = Oracle::learn(&[run(value(1, 7), ""), run(value(1, 7), "")], &names).unwrap_or_default();
        let candidate = run(value(2, 7), "");
        assert!(oracle.compare(&candidate).is_err() && oracle.ends_alike(&candidate));
        assert_eq!(oracle.add(&run(value(2, 7), "")), Ok(true));
        assert_eq!(oracle.add(&run(value(2, 7), "")), Ok(false));
        assert_eq!(oracle.compare(&candidate), Ok(()));
        assert!(oracle.compare(&run(value(2, 8), "")).is_err());
        let mut raises = candidate;
        raises.events[0].error = Some(Raised { kind: "KeyError".to_owned(), ..Raised::default() });
        assert!(!oracle.ends_alike(&raises));
    }
}
