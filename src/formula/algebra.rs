//! Algebra by Symbolica: the shortest form of a formula, and derivatives.
//!
//! Symbolica may end the process that it runs in (without a licence key a second process on the machine is aborted),
//! and prints on standard output. So it runs only in a child of its own: [`serve`] is the child, behind a hidden verb
//! of the command; [`Session`] is the parent. They exchange JSON lines; the child marks its own with [`PREFIX`], so
//! that whatever else is printed is no answer. One child runs at a time: a lock on a file in the temporary folder
//! makes others wait.
//!
//! Only polynomials and fractions over variables `v0, v1 …` go to the child. What formulas have beyond these (`max`,
//! `ceil`, calls, conditionals, sums over an index) is a variable to it, and keeps its meaning here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use num_rational::BigRational;
use num_traits::{One, Zero};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use super::node::{Formula, Kind, post_order};
use super::walk::{Dependents, rewrite};
use super::{Comparison, Condition, Text};
use crate::diagnostic::{Diagnostic, Kind as DiagnosticKind};

/// What the child's own lines begin with.
const PREFIX: &str = "meminterface-algebra: ";

/// The hidden verb that runs the child.
pub const VERB: &str = "__algebra";

/// What a user is told when algebra is asked for.
pub const NOTICE: &str = "meminterface: algebra is done by Symbolica, which without a licence key is for \
                          non-commercial use: https://symbolica.io/license";

/// How long a run waits for another run's child.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the child may take for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest formula that is sent, in nodes.
const MOST_NODES: u64 = 20_000;

/// Most variables in which a form with like powers together is tried.
#[cfg(feature = "symbolica")]
const MOST_COLLECTED: usize = 6;

/// Why algebra gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgebraError {
    /// The algebra system is not there, did not start, took too long or ended early.
    #[error("{0}")]
    Unavailable(String),
    /// The derivative is unknown, or not a formula of this language.
    #[error("the derivative of `{0}` is not known")]
    NoDerivative(String),
}

impl AlgebraError {
    /// The diagnostic for a user.
    pub fn diagnostic(&self) -> Diagnostic {
        match self {
            Self::Unavailable(_) => Diagnostic::new(DiagnosticKind::AlgebraUnavailable, self.to_string())
                .help("build with the feature `symbolica` (`cargo build` has it), and run one at a time"),
            Self::NoDerivative(_) => Diagnostic::new(DiagnosticKind::InvalidFormula, self.to_string())
                .help("replace the call by its formula first"),
        }
    }
}

/// A question to the child.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
enum Request {
    /// The forms that are worth a comparison: multiplied out, factored, one fraction, by powers of each variable.
    Forms { expression: String, variables: usize },
    /// The derivative by one variable.
    Derivative { expression: String, variable: usize },
}

/// The child's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Response {
    Forms(Vec<String>),
    Error(String),
}

/// A child that answers, and the right to be the only one.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Held while the child lives.
    _lock: File,
}

impl Session {
    /// Starts the child, when no other runs. `command` is the `meminterface` command; without it, this process's own
    /// program is taken.
    ///
    /// # Errors
    /// The feature is missing, another run takes too long, or the child does not start.
    pub fn start(command: Option<&Path>) -> Result<Self, AlgebraError> {
        let unavailable = |what: &str, error: &dyn std::fmt::Display| {
            AlgebraError::Unavailable(format!("the algebra system cannot be started: {what}: {error}"))
        };
        if command.is_none() && !cfg!(feature = "symbolica") {
            return Err(not_built());
        }
        let lock = lock()?;
        let program = match command {
            Some(path) => path.to_path_buf(),
            None => std::env::current_exe().map_err(|error| unavailable("no path to this program", &error))?,
        };
        let mut child = Command::new(program)
            .arg(VERB)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| unavailable("no child process", &error))?;
        let input = child.stdin.take();
        let (send, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(output);
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
                    if let Some(answer) = line.trim_end().strip_prefix(PREFIX)
                        && send.send(answer.to_owned()).is_err()
                    {
                        break;
                    }
                    line.clear();
                }
            });
        }
        Ok(Self { child, input, lines, _lock: lock })
    }

    fn ask(&mut self, request: &Request) -> Result<Vec<String>, AlgebraError> {
        let unavailable = |reason: String| AlgebraError::Unavailable(reason);
        let mut line = serde_json::to_string(request).map_err(|error| unavailable(error.to_string()))?;
        line.push('\n');
        let sent = self
            .input
            .as_mut()
            .is_some_and(|input| input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_ok());
        if !sent {
            return Err(unavailable(self.obituary()));
        }
        match self.lines.recv_timeout(REQUEST_TIMEOUT) {
            Ok(answer) => match serde_json::from_str(&answer) {
                Ok(Response::Forms(forms)) => Ok(forms),
                Ok(Response::Error(reason)) => Err(unavailable(reason)),
                Err(error) => Err(unavailable(format!("the algebra system's answer cannot be read: {error}"))),
            },
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                Err(unavailable(format!("the algebra system took more than {} s", REQUEST_TIMEOUT.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(unavailable(self.obituary())),
        }
    }

    /// How the child ended.
    fn obituary(&mut self) -> String {
        let _ = self.child.kill();
        match self.child.wait() {
            Ok(status) => format!("the algebra system ended early ({status}); it may run once on a machine at a time"),
            Err(error) => format!("the algebra system ended early: {error}"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The end of its input ends the child; one that does not listen is stopped.
        self.input = None;
        let patience = Instant::now() + Duration::from_millis(500);
        while Instant::now() < patience {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn not_built() -> AlgebraError {
    AlgebraError::Unavailable("this build has no algebra system".to_owned())
}

/// Waits for the right to run the only child of the machine.
fn lock() -> Result<File, AlgebraError> {
    let path = std::env::temp_dir().join("meminterface-algebra.lock");
    let unavailable =
        |error: &dyn std::fmt::Display| AlgebraError::Unavailable(format!("the lock of the algebra system: {error}"));
    // Another user's file can be locked without being written to.
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .or_else(|_| File::open(&path))
        .map_err(|error| unavailable(&error))?;
    let patience = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(unavailable(&"another run of this tool has held it for a minute"));
            }
            Err(TryLockError::Error(error)) => return Err(unavailable(&error)),
        }
    }
}

// ---- Formulas to polynomials and back ----

/// A formula as the child sees it.
struct Encoded {
    text: String,
    /// What the variables stand for.
    atoms: Vec<Formula>,
}

fn is_arithmetic(formula: &Formula) -> bool {
    matches!(formula.kind(), Kind::Number(_) | Kind::Sum { .. } | Kind::Product(_))
}

fn encode(formula: &Formula) -> Result<Encoded, AlgebraError> {
    if formula.size() > MOST_NODES {
        return Err(AlgebraError::Unavailable("the formula is too large for the algebra system".to_owned()));
    }
    let mut atoms: Vec<Formula> = Vec::new();
    let mut new: FxHashMap<usize, Formula> = FxHashMap::default();
    let mut number: FxHashMap<usize, usize> = FxHashMap::default();
    // Only through sums and products: what they are made of are the atoms.
    let mut stack = vec![(formula.clone(), false)];
    while let Some((part, opened)) = stack.pop() {
        if new.contains_key(&part.address()) {
            continue;
        }
        if !is_arithmetic(&part) {
            let at = *number.entry(part.address()).or_insert_with(|| {
                atoms.push(part.clone());
                atoms.len() - 1
            });
            new.insert(part.address(), Formula::symbol(&format!("v{at}")));
        } else if opened {
            let built = super::walk::rebuild(&part, &mut |child| {
                new.get(&child.address()).cloned().unwrap_or_else(|| child.clone())
            });
            new.insert(part.address(), built);
        } else {
            let children: Vec<Formula> = part.kind().children().into_iter().cloned().collect();
            stack.push((part, true));
            stack.extend(children.into_iter().rev().map(|child| (child, false)));
        }
    }
    let text = new.get(&formula.address()).map(ToString::to_string).unwrap_or_default();
    Ok(Encoded { text: text.replace("**", "^"), atoms })
}

fn decode(text: &str, atoms: &[Formula]) -> Result<Formula, AlgebraError> {
    let bad = || AlgebraError::Unavailable(format!("the algebra system's answer is not a formula: {}", text.trim()));
    let formula = Formula::parse(&text.replace('^', "**")).map_err(|_| bad())?;
    let map: BTreeMap<Text, Formula> =
        atoms.iter().enumerate().map(|(at, atom)| (Text::from(format!("v{at}")), atom.clone())).collect();
    if formula.symbols().iter().any(|name| !map.contains_key(name)) {
        return Err(bad());
    }
    Ok(rewrite(&formula, &|part| part.as_symbol().and_then(|name| map.get(name)).cloned()))
}

// ---- What the parent offers ----

impl Formula {
    /// The shortest of the forms that algebra finds: multiplied out, factored, as one fraction, by powers of a
    /// variable; also inside of `max`, `ceil`, calls and so on.
    ///
    /// # Errors
    /// The child's failure.
    pub fn simplify(&self, session: &mut Session) -> Result<Formula, AlgebraError> {
        let failure = RefCell::new(None);
        let session = RefCell::new(session);
        // Operands of what is not arithmetic, and the formula itself, are simplified as a whole.
        let mut whole: FxHashSet<Formula> = FxHashSet::default();
        for part in post_order(self) {
            if !is_arithmetic(&part) {
                whole.extend(part.kind().children().into_iter().cloned());
            }
        }
        let mut new: FxHashMap<usize, Formula> = FxHashMap::default();
        for part in post_order(self) {
            let built = super::walk::rebuild(&part, &mut |child| {
                new.get(&child.address()).cloned().unwrap_or_else(|| child.clone())
            });
            let built = if failure.borrow().is_none() && (part == *self || whole.contains(&part)) {
                shortest(&built, &mut session.borrow_mut()).unwrap_or_else(|error| {
                    *failure.borrow_mut() = Some(error);
                    built
                })
            } else {
                built
            };
            new.insert(part.address(), built);
        }
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(new.remove(&self.address()).unwrap_or_else(|| self.clone())),
        }
    }

    /// The derivative by a symbol. Steps (`ceil`, `floor`, `py_list` …) are flat almost everywhere, so theirs is 0;
    /// those of `max` and `min` are conditionals.
    ///
    /// # Errors
    /// The child's failure, or a part whose derivative is not known.
    pub fn derivative(&self, by: &str, session: &mut Session) -> Result<Formula, AlgebraError> {
        let by = super::normalize(by);
        let dependents = Dependents::new(self, &by);
        let mut wanted: FxHashSet<Formula> = FxHashSet::from_iter([self.clone()]);
        let order = post_order(self);
        for part in order.iter().filter(|part| !is_arithmetic(part) && dependents.contains(part)) {
            // The operands of a comparison are never derived.
            if !matches!(part.kind(), Kind::Compare { .. } | Kind::Apply { .. }) {
                wanted.extend(part.kind().children().into_iter().cloned());
            }
        }
        let mut known: FxHashMap<usize, Formula> = FxHashMap::default();
        for part in &order {
            let derivative = if !dependents.contains(part) {
                Formula::zero()
            } else if !is_arithmetic(part) {
                atom_derivative(part, &by, &dependents, &known)?
            } else if wanted.contains(part) {
                arithmetic_derivative(part, &dependents, &known, session)?
            } else {
                continue;
            };
            known.insert(part.address(), derivative);
        }
        Ok(known.remove(&self.address()).unwrap_or_else(Formula::zero))
    }
}

fn shortest(formula: &Formula, session: &mut Session) -> Result<Formula, AlgebraError> {
    if !matches!(formula.kind(), Kind::Sum { .. } | Kind::Product(_)) {
        return Ok(formula.clone());
    }
    let encoded = encode(formula)?;
    let request = Request::Forms { expression: encoded.text, variables: encoded.atoms.len() };
    let mut best = formula.clone();
    let length = |formula: &Formula| (formula.to_string().chars().count(), formula.size());
    let mut least = length(&best);
    for form in session.ask(&request)? {
        let candidate = decode(&form, &encoded.atoms)?;
        let size = length(&candidate);
        if size < least || (size == least && candidate < best) {
            (best, least) = (candidate, size);
        }
    }
    Ok(best)
}

/// By the chain rule over the atoms: the child derives by each.
fn arithmetic_derivative(
    formula: &Formula,
    dependents: &Dependents,
    known: &FxHashMap<usize, Formula>,
    session: &mut Session,
) -> Result<Formula, AlgebraError> {
    let encoded = encode(formula)?;
    let mut parts = Vec::new();
    for (variable, atom) in encoded.atoms.iter().enumerate() {
        let inner = known.get(&atom.address()).filter(|_| dependents.contains(atom));
        let Some(inner) = inner.filter(|inner| !inner.is_zero()) else { continue };
        let answer = session.ask(&Request::Derivative { expression: encoded.text.clone(), variable })?;
        let outer = answer.first().map_or(Ok(Formula::zero()), |text| decode(text, &encoded.atoms))?;
        parts.push(outer * inner);
    }
    Ok(Formula::total(parts))
}

fn atom_derivative(
    atom: &Formula,
    by: &str,
    dependents: &Dependents,
    known: &FxHashMap<usize, Formula>,
) -> Result<Formula, AlgebraError> {
    let of = |part: &Formula| known.get(&part.address()).cloned().unwrap_or_else(Formula::zero);
    let unknown = || {
        let text = if atom.size() > 100 { "…".to_owned() } else { atom.to_string() };
        AlgebraError::NoDerivative(text)
    };
    match atom.kind() {
        Kind::Symbol(path) if **path == *by => Ok(Formula::one()),
        Kind::Call { function, arguments } if function.name == "log2" => match arguments.as_slice() {
            [x] => Ok(of(x).scale(&irrational(std::f64::consts::LOG2_E)) / x),
            _ => Err(unknown()),
        },
        // Steps; and conditions, whose derivative nobody asks for.
        Kind::Call { .. } | Kind::Compare { .. } | Kind::Junction { .. } | Kind::Not(_) => Ok(Formula::zero()),
        Kind::Extreme { max, operands } => {
            let build = |operands: &[Formula]| {
                if *max { Formula::max(operands.to_vec()) } else { Formula::min(operands.to_vec()) }
            };
            let operator = if *max { Comparison::GreaterEqual } else { Comparison::LessEqual };
            let Some((last, others)) = operands.split_last() else { return Err(unknown()) };
            let mut derivative = of(last);
            let mut rest = vec![last.clone()];
            for operand in others.iter().rev() {
                let condition = Condition::compare(operand.clone(), operator, build(&rest));
                derivative = Formula::conditional(condition, of(operand), derivative);
                rest.push(operand.clone());
            }
            Ok(derivative)
        }
        Kind::Modulo(value, divisor) => Ok(of(value) - of(divisor) * value.floor_div(divisor)),
        Kind::Conditional { condition, then, otherwise } => {
            Ok(Formula::conditional(Condition(condition.clone()), of(then), of(otherwise)))
        }
        Kind::Power { base, exponent } => match (base.as_number(), exponent.as_number()) {
            (_, Some(number)) => {
                let lower = exponent - &Formula::one();
                Ok(base.power(&lower).scale(number) * of(base))
            }
            (Some(number), None) if *number > BigRational::zero() => {
                use num_traits::ToPrimitive;
                let ln = number.to_f64().map(f64::ln).filter(|ln| ln.is_finite()).ok_or_else(unknown)?;
                Ok(atom.scale(&irrational(ln)) * of(exponent))
            }
            (_, _) => Err(unknown()),
        },
        Kind::Series { body, index, start, stop, step }
            if ![start, stop, step].iter().any(|bound| dependents.contains(bound)) && **index != *by =>
        {
            Ok(Formula::sum(of(body), index, start.clone(), stop.clone(), step.clone()))
        }
        Kind::Symbol(_)
        | Kind::Apply { .. }
        | Kind::Literal { .. }
        | Kind::Series { .. }
        | Kind::Boolean(_)
        | Kind::Number(_)
        | Kind::Sum { .. }
        | Kind::Product(_)
        | Kind::Undefined(_) => Err(unknown()),
    }
}

/// An irrational number to twelve digits: formulas have rational numbers only.
fn irrational(value: f64) -> BigRational {
    Formula::parse(&format!("{value:.12}"))
        .ok()
        .and_then(|formula| formula.as_number().cloned())
        .or_else(|| BigRational::from_float(value))
        .unwrap_or_else(BigRational::one)
}

// ---- The child ----

/// Answers requests, one a line, until the input ends. `write` is given each answer, a line without its end.
pub fn serve(input: impl BufRead, mut write: impl FnMut(&str)) {
    for line in input.lines() {
        let Ok(line) = line else { return };
        let response = match serde_json::from_str::<Request>(&line) {
            Ok(request) => answer(&request),
            Err(error) => Response::Error(format!("not a request: {error}")),
        };
        let text = serde_json::to_string(&response).unwrap_or_default();
        write(&format!("{PREFIX}{text}"));
    }
}

#[cfg(not(feature = "symbolica"))]
fn answer(_: &Request) -> Response {
    Response::Error(not_built().to_string())
}

#[cfg(feature = "symbolica")]
fn answer(request: &Request) -> Response {
    use symbolica::prelude::*;

    let read = |expression: &str| try_parse!(expression).map_err(|error| error.to_string());
    let variable = |at: usize| symbol!(format!("v{at}"));
    // Names are put into a name space that is called after the crate.
    let written = |atom: &Atom| atom.to_plain_string().replace(concat!(env!("CARGO_CRATE_NAME"), "::"), "");
    let result = match request {
        Request::Forms { expression, variables } => read(expression).map(|atom| {
            let expanded = atom.expand();
            let mut forms = vec![written(&expanded), written(&atom.factor()), written(&atom.together())];
            for at in 0..(*variables).min(MOST_COLLECTED) {
                forms.push(written(&expanded.collect::<i16>(Atom::var(variable(at)))));
            }
            forms
        }),
        Request::Derivative { expression, variable: at } => {
            read(expression).map(|atom| vec![written(&atom.derivative(variable(*at)))])
        }
    };
    match result {
        Ok(forms) => Response::Forms(forms),
        Err(error) => Response::Error(format!("the algebra system cannot read the formula: {error}")),
    }
}
