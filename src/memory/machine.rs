//! The abstract machine: runs a handler on its event as CPython would, with sizes in place of contents where contents
//! are not known.
//!
//! One file a concern: `statements`, `expressions`, `calls` (functions of the project), `loops` (what is repeated),
//! `join` (where ways meet), `builtins` and `methods` (Python's own), `library` (contracts), `heap` (objects and
//! bytes). Nothing of the user's code is run: what is known is computed by [`crate::expression`], which cannot call
//! anything.
//!
//! Termination: statements are counted. Loops are run as they are while there are steps for it, and summed up from
//! there on; when steps run out, calls are no longer followed.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ruff_python_ast::{self as ast};
use ruff_text_size::Ranged;
use rustc_hash::FxHashMap;

use crate::calls::{ClassId, FunctionId, Program};
use crate::contracts::Contracts;
use crate::expression::{Text, Value as Plain};
use crate::formula::{Condition, Formula};
use crate::names::Names;
use crate::project::discover::Settings;
use crate::project::{ModuleId, Project};

use super::amount::{Amount, Bytes};
use super::cpython::Version;
use super::growth::Additions;
use super::heap::{Captured, State};
use super::inputs::{Inputs, Sequence};
use super::patterns::Patterns;
use super::ratios::{Ratio, Ratios, Reaches};
use super::sizes::Sizes;
use super::tasks::Started;
use super::unknown::{Unknown, UnknownKind, Unknowns};
use super::value::{Code, FrameId, Growth, Kind, Number, Object, Value};

/// Statements that are run one by one before loops are summed up.
pub const EXACT_STEPS: u64 = 100_000;
/// [`Options::exact_steps`] for a run in which no loop is carried on: more than any run has.
pub const ROUND_BY_ROUND: u64 = 1 << 62;
/// Statements before nothing is followed any more.
pub const MAX_STEPS: u64 = 4_000_000;
/// Deepest chain of calls.
pub const MAX_DEPTH: usize = 1_200;
/// Largest formula of what two ways have in common; beyond, the larger one stands for both.
pub const MAX_JOINED: u64 = 800;
/// Most values in a container that is looked into for its exact value.
const MAX_PLAIN: usize = 64;
/// Largest text or bytes whose content is kept.
pub const MAX_CONTENT: usize = 1 << 22;

/// A piece of the user's code that an iterator runs later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRef(pub usize);

/// How a statement ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Flow {
    /// By going on.
    Next,
    /// By `break`.
    Break,
    /// By `continue`.
    Continue,
    /// By `return`.
    Return(Value),
    /// By an exception of a class.
    Raise(Text),
    /// Because what consumes a generator wants no more of it.
    Stop,
}

/// The value of an expression, or how it left instead.
pub type Eval = Result<Value, Flow>;

/// How much of what follows goes one way.
#[derive(Clone, Debug)]
pub enum Weight {
    /// All of it where a condition holds, nothing elsewhere.
    Condition(Condition),
    /// A share between 0 and 1: a formula that is an unknown.
    Share(Amount),
}

/// A way that left a function, a loop or a `try` early, where it was not known whether it is taken.
#[derive(Clone, Debug)]
pub struct Exit {
    pub weight: Weight,
    pub state: State,
    pub flow: Flow,
}

/// A function call that is being run.
#[derive(Clone, Debug)]
pub struct Activation {
    pub function: FunctionId,
    pub module: ModuleId,
    pub frame: FrameId,
    pub class: Option<ClassId>,
    /// Whether the names that it binds are those of a module or class body.
    pub names: Rc<Names>,
    /// How many loops are running.
    pub loops: usize,
    /// What is done with what it yields.
    pub consumer: Option<usize>,
}

/// What is done with each item of an iteration.
pub type Each<'p> = Rc<dyn Fn(&mut Machine<'p>, Value) -> Flow + 'p>;

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values of unknowns, by name.
    pub values: BTreeMap<Text, Plain>,
    /// Environment variables that are known.
    pub environment: BTreeMap<String, String>,
    /// The version of CPython whose objects are counted.
    pub version: Version,
    /// Contracts of the project and the user before the shipped ones; these alone, if there are none.
    pub contracts: Option<std::sync::Arc<Contracts>>,
    /// Whether to say what is live at the highest ([`super::Outcome::moment`]). The handler is then run twice.
    pub explain: bool,
    /// What is taken for the ratios of learned contracts.
    pub ratios: Ratios,
    /// Steps that loops are run round by round for, before what they do is carried on; [`EXACT_STEPS`] if not given.
    pub exact_steps: Option<u64>,
}

impl Options {
    /// What a handler's template says: its environment, and its version of Python unless another is chosen.
    pub fn of(settings: &Settings, version: Option<Version>) -> Self {
        let of_template = settings.runtime.and_then(|(major, minor)| format!("{major}.{minor}").parse().ok());
        let version = version.or(of_template).unwrap_or_default();
        Self { environment: settings.literal_environment(), version, ..Self::default() }
    }
}

/// The machine.
pub struct Machine<'p> {
    pub(super) project: &'p Project,
    pub(super) program: &'p Program<'p>,
    pub(super) options: &'p Options,
    pub(super) contracts: &'p Contracts,
    /// The event, if it is given.
    pub(super) event: Option<Plain>,
    pub(super) sizes: Sizes,
    pub(super) state: State,
    pub(super) stack: Vec<Activation>,
    pub(super) exits: Vec<Exit>,
    pub(super) consumers: Vec<Each<'p>>,
    /// How the body of a loop over a generator left it.
    pub(super) pending: Option<Flow>,
    pub(super) unknowns: Unknowns,
    pub(super) inputs: Inputs,
    pub(super) assumptions: BTreeSet<String>,
    pub(super) additions: Additions,
    /// The number of the last object that was there before the handler ran.
    pub(super) born_before_entry: u64,
    pub(super) closures: FxHashMap<FrameId, FrameId>,
    pub(super) generators: Vec<&'p ast::ExprGenerator>,
    pub(super) names: FxHashMap<FunctionId, Rc<Names>>,
    pub(super) loaded: BTreeSet<ModuleId>,
    /// The exception that is being handled.
    pub(super) handling: Vec<Text>,
    /// How many loops are being summed up: what an unknown decides in there, it decides for a share of the rounds.
    pub(super) summing: usize,
    pub(super) steps: u64,
    /// Steps up to which the running loop is run round by round.
    pub(super) limit: u64,
    /// The number of the round that is being run, of the innermost loop over something whose items are counted.
    pub(super) round_index: Option<i128>,
    /// How many loops of many rounds are running.
    pub(super) repeated: u32,
    /// Whether the `for` loop that is being run may have ended by `break`.
    pub(super) may_have_broken: bool,
    /// `while` loops that are being run.
    pub(super) whiles: u32,
    /// A number that a function gave back.
    pub(super) results: FxHashMap<FunctionId, Value>,
    /// Contracts of what libraries bring in on first use, by their first name, that have been counted.
    pub(super) used: BTreeSet<Text>,
    /// Where random numbers come from that stand for those of the program.
    pub(super) random: u64,
    /// Statements, and work on formulas, before nothing is followed any more.
    pub(super) most_steps: u64,
    /// What was live behind each statement, and which came first: where a peak comes from.
    pub(super) marks: BTreeMap<(ModuleId, u32), (usize, Amount)>,
    pub(super) fresh: u32,
    /// How often both ways of a condition were taken.
    pub(super) forks: u64,
    /// How many objects had been made when the running round of a loop began.
    pub(super) round_begun: u64,
    /// The number of the last round, by the symbol of a loop's rounds.
    pub(super) last_rounds: BTreeMap<Text, Formula>,
    pub(super) initialising: bool,
    /// Whether the last item assignment, `add` or `setdefault` brought a key that was not there: only then it is kept.
    pub(super) is_new_key: bool,
    /// Whether the call that is being made is awaited at once.
    pub(super) awaited: bool,
    /// Coroutines that were called and that nothing has waited for yet.
    pub(super) started: Started,
    /// Patterns of `re`, translated.
    pub(super) patterns: Patterns,
    /// What threads and processes need that were started and not joined yet.
    pub(super) threads: Vec<Bytes>,
    /// The most resident bytes that were seen live at a time, where they are a number.
    pub(super) most_seen: i128,
    /// What was live then, and the place that was running: in a run that watches for it.
    pub(super) moment: Option<(ModuleId, u32, Captured)>,
    /// The ratios of learned contracts that were asked for, by symbol.
    pub(super) ratios: BTreeMap<Text, Ratio>,
    /// Where the sizes of calls lie outside of those that contracts were learned on.
    pub(super) reaches: Reaches,
    /// Whether rounds or calls were not run but estimated from those that were.
    pub(super) estimated: bool,
    /// Items of repeated lists that were told apart.
    pub(super) unfolded: usize,
    /// Parts of expressions that were looked at, in a run that carries nothing on.
    pub(super) nodes: u64,
}

/// Whose the items of a container are that is made of a known value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// They are made with it.
    New,
    /// They belong to something else.
    Shared,
}

impl<'p> Machine<'p> {
    /// A machine for a project.
    pub fn new(project: &'p Project, program: &'p Program<'p>, options: &'p Options, unknowns: Unknowns) -> Self {
        Self {
            project,
            program,
            options,
            contracts: options.contracts.as_deref().unwrap_or_else(|| Contracts::shipped()),
            event: None,
            sizes: Sizes::of(options.version),
            state: State::default(),
            stack: Vec::new(),
            exits: Vec::new(),
            consumers: Vec::new(),
            pending: None,
            unknowns,
            inputs: Inputs::default(),
            assumptions: BTreeSet::new(),
            additions: Additions::default(),
            born_before_entry: 0,
            closures: FxHashMap::default(),
            generators: Vec::new(),
            names: FxHashMap::default(),
            loaded: BTreeSet::new(),
            handling: Vec::new(),
            summing: 0,
            steps: 0,
            limit: EXACT_STEPS,
            round_index: None,
            repeated: 0,
            may_have_broken: false,
            whiles: 0,
            results: FxHashMap::default(),
            used: BTreeSet::new(),
            random: 0x9E37_79B9_7F4A_7C15,
            most_steps: MAX_STEPS,
            marks: BTreeMap::new(),
            fresh: 0,
            forks: 0,
            round_begun: u64::MAX,
            last_rounds: BTreeMap::new(),
            initialising: false,
            awaited: false,
            started: Started::default(),
            patterns: Patterns::default(),
            is_new_key: true,
            threads: Vec::new(),
            most_seen: 0,
            moment: None,
            ratios: BTreeMap::new(),
            reaches: BTreeMap::new(),
            estimated: false,
            unfolded: 0,
            nodes: 0,
        }
    }

    /// Whether there are no steps left for statements.
    pub(super) fn is_spent(&self) -> bool {
        self.steps > self.most_steps
    }

    /// Steps before loops are carried on, and before a function that calls itself is no longer followed.
    pub(super) fn exact_steps(&self) -> u64 {
        self.options.exact_steps.unwrap_or_else(|| EXACT_STEPS.min(self.most_steps / 2))
    }

    /// Whether every loop is run to its end, however long: nothing is carried on.
    pub(super) fn is_round_by_round(&self) -> bool {
        self.exact_steps() >= ROUND_BY_ROUND
    }

    /// Whether every round so far was run: nothing was carried on or summed up, and no object stands for others.
    pub(super) fn is_whole(&self) -> bool {
        !self.estimated && self.summing == 0
    }

    /// Whether items that are told apart are what they are: behind a loop that was carried on, they have values of rounds
    /// that are long over.
    pub(super) fn follows_items(&self) -> bool {
        !self.estimated || self.is_round_by_round()
    }

    /// Whether a value is of a kind that a contract or this model names.
    pub(super) fn is_kind(&self, value: &Value, kind: &str) -> bool {
        self.state.object_of(value).is_some_and(|object| matches!(&object.kind, Kind::Named(name) if &**name == kind))
    }

    /// Items of a container that are told apart, at most.
    pub(super) fn most_entries(&self) -> usize {
        self.most_items(super::heap::MAX_ENTRIES)
    }

    /// Whether so many items are looked at one by one. Where they are too many for this run, it gives an estimate.
    pub(super) fn looks_at(&mut self, count: usize, few: usize) -> bool {
        let looks = count <= self.most_items(few);
        self.estimated |= !looks;
        looks
    }

    /// So many items, or, where every loop is run to its end, as many as are told apart.
    pub(super) fn most_items(&self, few: usize) -> usize {
        if self.is_round_by_round() { super::heap::MOST_ENTRIES } else { few }
    }

    // ---- where we are ---------------------------------------------------------------------------------------------

    pub(super) fn here(&self) -> Option<&Activation> {
        self.stack.last()
    }

    pub(super) fn frame(&self) -> FrameId {
        self.here().map_or(0, |here| here.frame)
    }

    pub(super) fn module(&self) -> ModuleId {
        match self.here() {
            Some(here) => here.module,
            None => self.project.modules().next().map_or(ModuleId(0), |(id, _)| id),
        }
    }

    pub(super) fn line(&self, node: &impl Ranged) -> u32 {
        self.project.module(self.module()).source.line_of(node)
    }

    pub(super) fn file(&self) -> String {
        self.project.module(self.module()).source.path.to_string_lossy().into_owned()
    }

    /// The source text of a node on one line.
    pub(super) fn source_text(&self, node: &impl Ranged) -> String {
        let text = self.project.module(self.module()).source.slice(node);
        let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > 80 {
            line = line.chars().take(79).chain(['…']).collect();
        }
        line
    }

    pub(super) fn names_of(&mut self, function: FunctionId) -> Rc<Names> {
        if let Some(names) = self.names.get(&function) {
            return names.clone();
        }
        let names = Rc::new(Names::of(&self.program.function(function).definition));
        self.names.insert(function, names.clone());
        names
    }

    pub(super) fn assume(&mut self, text: impl Into<String>) {
        self.assumptions.insert(text.into());
    }

    /// A symbol that nothing else is called.
    pub(super) fn fresh_symbol(&mut self, hint: &str) -> String {
        self.fresh += 1;
        format!("{hint}__{}", self.fresh)
    }

    /// Takes over what the state saw during a statement that begins in a line.
    pub(super) fn look_at_peak(&mut self, line: u32) {
        self.most_seen = self.most_seen.max(self.state.most_seen);
        if let Some(captured) = self.state.captured.take()
            && self.moment.is_none()
        {
            self.moment = Some((self.module(), line, Rc::unwrap_or_clone(captured)));
        }
    }

    /// Remembers what is live behind a statement: the most, or the last formula.
    pub(super) fn mark(&mut self, line: u32) {
        if self.initialising {
            return;
        }
        let order = self.marks.len();
        let now = &self.state.highest();
        let mark = self.marks.entry((self.module(), line)).or_insert((order, Amount::ZERO));
        match (&mark.1, now) {
            (Amount::Int(old), Amount::Int(new)) if old >= new => {}
            (Amount::Formula(_), Amount::Int(_)) => {}
            _ => mark.1 = now.clone(),
        }
    }

    // ---- unknowns ---------------------------------------------------------------------------------------------------

    /// What nothing is known of.
    pub(super) fn unknown(&mut self, node: &impl Ranged, kind: UnknownKind, cause: &str) -> Value {
        let unknown = Unknown {
            name: Text::from(self.hint(node)),
            kind,
            cause: cause.to_owned(),
            meaning: self.source_text(node),
            file: self.file(),
            line: self.line(node),
            least: Amount::ZERO,
            most: None,
            typical: None,
        };
        let id = self.unknowns.value(unknown);
        match self.unknowns.name(id).and_then(|name| self.options.values.get(name)) {
            Some(value) => Value::Plain(value.clone()),
            None => Value::Unknown(id),
        }
    }

    /// A quantity that is not known, between bounds.
    pub(super) fn quantity(
        &mut self,
        node: &impl Ranged,
        hint: &str,
        kind: UnknownKind,
        cause: &str,
        most: Option<Amount>,
    ) -> Amount {
        let unknown = Unknown {
            name: Text::from(hint),
            kind,
            cause: cause.to_owned(),
            meaning: self.source_text(node),
            file: self.file(),
            line: self.line(node),
            least: Amount::ZERO,
            most,
            typical: None,
        };
        let name = self.unknowns.quantity(unknown);
        match self.options.values.get(&name).and_then(|value| amount_of_plain(value, self)) {
            Some(amount) => amount,
            None => {
                // Rounds of a loop that depend on it are all alike.
                self.forks += 1;
                Amount::symbol(&name)
            }
        }
    }

    /// A quantity that is not known, with what it usually is.
    pub(super) fn typical_quantity(
        &mut self,
        node: &impl Ranged,
        hint: &str,
        cause: &str,
        most: Option<Amount>,
        typical: Option<Amount>,
    ) -> Amount {
        let amount = self.quantity(node, hint, UnknownKind::Size, cause, most);
        if let Some(typical) = typical {
            self.set_typical(&amount, typical);
        }
        amount
    }

    /// Says what a quantity usually is, if it is one that is not known.
    pub(super) fn set_typical(&mut self, quantity: &Amount, typical: Amount) {
        if let Amount::Formula(formula) = quantity
            && let [symbol] = formula.symbols().into_iter().collect::<Vec<_>>().as_slice()
        {
            self.unknowns.set_typical(symbol, typical);
        }
    }

    /// A name for people, after the last name in a node's source.
    pub(super) fn hint(&self, node: &impl Ranged) -> String {
        crate::names::hint_from_text(self.project.module(self.module()).source.slice(node))
    }

    // ---- new objects ------------------------------------------------------------------------------------------------

    /// Makes an object.
    pub(super) fn allocate(&mut self, mut object: Object, node: &impl Ranged) -> Value {
        object.module = self.module();
        object.line = self.line(node);
        self.state.allocate(object)
    }

    /// A value that exact evaluation gave: texts, bytes and containers become objects with that content.
    pub(super) fn materialise(&mut self, plain: Plain, node: &impl Ranged) -> Value {
        self.materialise_holding(plain, Holds::New, node)
    }

    /// The same, where the items may be there already.
    pub(super) fn materialise_holding(&mut self, plain: Plain, holds: Holds, node: &impl Ranged) -> Value {
        let object = match &plain {
            Plain::None | Plain::Bool(_) => return Value::Plain(plain),
            Plain::Int(int) => return Value::int(Amount::from(int)),
            Plain::Float(float) => return Value::Float(*float),
            Plain::Str(text) => {
                let width = super::sizes::width_of(text);
                let length = Amount::from(text.chars().count());
                let mut object = Object::new(Kind::Str { width }, self.sizes.str(width, &length));
                object.length = Some(length);
                object
            }
            Plain::Bytes(bytes) => {
                let length = Amount::from(bytes.len());
                let mut object = Object::new(Kind::Bytes, self.sizes.bytes(&length));
                object.length = Some(length);
                object
            }
            Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) => {
                let kind = match &plain {
                    Plain::List(_) => Kind::List,
                    Plain::Tuple(_) => Kind::Tuple,
                    _ => Kind::Set,
                };
                let mut object = Object::new(kind, self.sizes.plain(&plain));
                object.length = Some(Amount::from(items.len()));
                object.rest = self.payload_of(holds, items.iter());
                object
            }
            Plain::Dict(items) => {
                let mut object = Object::new(Kind::Dict, self.sizes.plain(&plain));
                object.length = Some(Amount::from(items.len()));
                object.rest = self.payload_of(holds, items.iter().flat_map(|(key, value)| [key, value]));
                object
            }
            Plain::Range(..) | Plain::Iterable(..) => return Value::Plain(plain),
        };
        let mut object = object;
        object.known = Some(plain);
        self.allocate(object, node)
    }

    fn payload_of<'v>(&self, holds: Holds, items: impl Iterator<Item = &'v Plain>) -> Option<Box<super::value::Rest>> {
        if holds == Holds::Shared {
            return None;
        }
        let mut payload = Bytes::ZERO;
        for item in items {
            payload += &self.sizes.deep(item);
        }
        super::value::Rest::of_payload(payload)
    }

    /// A text whose content is not known.
    pub(super) fn new_str(&mut self, width: u8, length: Amount, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Str { width }, self.sizes.str(width, &length));
        object.length = Some(length);
        object.growth = Growth::Exact;
        self.allocate(object, node)
    }

    /// Bytes whose content is not known.
    pub(super) fn new_bytes(&mut self, length: Amount, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Bytes, self.sizes.bytes(&length));
        object.length = Some(length);
        object.growth = Growth::Exact;
        self.allocate(object, node)
    }

    // ---- what is known of values --------------------------------------------------------------------------------------

    /// The exact value, where it is known.
    pub(super) fn plain(&self, value: &Value) -> Option<Plain> {
        let mut budget = MAX_PLAIN;
        self.plain_within(value, &mut budget)
    }

    fn plain_within(&self, value: &Value, budget: &mut usize) -> Option<Plain> {
        *budget = budget.checked_sub(1)?;
        match value {
            Value::Plain(plain) => Some(plain.clone()),
            Value::Float(float) => Some(Plain::Float(*float)),
            Value::Number(Number { float: Some(float), .. }) => Some(Plain::Float(*float)),
            Value::Number(number) => {
                let int = number.amount.as_ref()?.as_int()?;
                match number.kind {
                    super::value::NumberKind::Int => Some(Plain::int(int)),
                    super::value::NumberKind::Bool => Some(Plain::Bool(int != 0)),
                    super::value::NumberKind::Float => Some(Plain::Float(int as f64)),
                }
            }
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                match &object.known {
                    // Bytes that were put behind its end are not known.
                    Some(Plain::Bytes(bytes)) if object.kind == Kind::ByteArray => {
                        let length = object.length.as_ref().and_then(Amount::as_usize);
                        return (length == Some(bytes.len())).then(|| Plain::Bytes(bytes.clone()));
                    }
                    Some(known) => return Some(known.clone()),
                    None => {}
                }
                if !object.apart() || object.entries.len() > *budget {
                    return None;
                }
                match object.kind {
                    Kind::List => self.plains(object, budget).map(Plain::list),
                    Kind::Tuple => self.plains(object, budget).map(Plain::tuple),
                    Kind::Dict => object
                        .entries
                        .iter()
                        .map(|entry| {
                            let key = self.plain_within(entry.key.as_ref()?, budget)?;
                            Some((key, self.plain_within(&entry.value, budget)?))
                        })
                        .collect::<Option<Vec<_>>>()
                        .map(|items| Plain::Dict(items.into())),
                    _ => None,
                }
            }
            Value::Code(_) | Value::Input(_) | Value::Unknown(_) => None,
        }
    }

    fn plains(&self, object: &Object, budget: &mut usize) -> Option<Vec<Plain>> {
        object.entries.iter().map(|entry| self.plain_within(&entry.value, budget)).collect()
    }

    /// A number's amount.
    pub(super) fn amount(&mut self, value: &Value, node: &impl Ranged) -> Option<Amount> {
        match value {
            Value::Plain(plain) => amount_of_plain(plain, self),
            Value::Float(float) | Value::Number(Number { float: Some(float), .. }) => Amount::try_from(*float).ok(),
            Value::Number(number) => number.amount.clone(),
            Value::Input(path) => Some(Amount::symbol(path)),
            Value::Unknown(id) => {
                let name = self.unknowns.as_number(*id)?;
                let _ = node;
                match self.options.values.get(&name).and_then(|value| amount_of_plain(value, self)) {
                    Some(amount) => Some(amount),
                    None => Some(Amount::symbol(&name)),
                }
            }
            Value::Object(_) | Value::Code(_) => None,
        }
    }

    /// How many items, characters or bytes a value has.
    pub(super) fn length(&mut self, value: &Value, node: &impl Ranged) -> Option<Amount> {
        self.used_as(Sequence::Any, value);
        match value {
            Value::Plain(plain) => plain.iterations().map(|length| Amount::from(&length)),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                match (&object.length, &object.shape) {
                    (Some(length), _) => Some(length.clone()),
                    (None, Some(shape)) => shape.first().cloned(),
                    (None, None) => object.features.get("length").or_else(|| object.features.get("rows")).cloned(),
                }
            }
            Value::Input(path) => Some(Amount::symbol(&format!("len({path})"))),
            Value::Unknown(id) => {
                let hint = format!("len_{}", self.unknowns.name(*id).cloned().unwrap_or_else(|| Text::from("value")));
                let cause = self.unknowns.cause(*id);
                Some(self.quantity(node, &hint, UnknownKind::Size, &cause, None))
            }
            Value::Number(_) | Value::Float(_) | Value::Code(_) => None,
        }
    }

    /// What a container is charged for keeping a value: numbers and texts that nothing else keeps.
    pub(super) fn charge(&self, value: &Value) -> Bytes {
        match value {
            Value::Number(number) if number.shared => Bytes::ZERO,
            Value::Number(number) => match number.kind {
                super::value::NumberKind::Bool => Bytes::ZERO,
                super::value::NumberKind::Int if number.spare => {
                    let longer = number.amount.as_ref().map(|amount| amount * &Amount::Int(1 << 30));
                    self.sizes.int(longer.as_ref())
                }
                super::value::NumberKind::Int => self.sizes.int(number.amount.as_ref()),
                super::value::NumberKind::Float => self.sizes.float(),
            },
            Value::Float(_) => self.sizes.float(),
            _ => Bytes::ZERO,
        }
    }

    /// The name of a value's type, as contracts know it.
    pub(super) fn type_name(&self, value: &Value) -> Option<Text> {
        Some(match value {
            Value::Plain(plain) => Text::from(plain.type_name()),
            Value::Float(_) => Text::from("float"),
            Value::Number(number) => Text::from(match number.kind {
                super::value::NumberKind::Bool => "bool",
                super::value::NumberKind::Int => "int",
                super::value::NumberKind::Float => "float",
            }),
            Value::Object(id) => self.state.object(*id)?.kind.name(),
            Value::Code(Code::External(name)) => name.clone(),
            Value::Code(_) => Text::from("function"),
            Value::Input(_) | Value::Unknown(_) => return None,
        })
    }
}

/// The number that a known value is.
pub(super) fn amount_of_plain(plain: &Plain, machine: &Machine<'_>) -> Option<Amount> {
    let _ = machine;
    match plain {
        Plain::Bool(value) => Some(Amount::Int(i128::from(*value))),
        Plain::Int(int) => Some(Amount::from(int)),
        Plain::Float(float) => Amount::try_from(*float).ok(),
        _ => None,
    }
}

impl Weight {
    /// `then` with this weight, `otherwise` with the rest.
    pub fn join(&self, then: &Amount, otherwise: &Amount) -> Amount {
        if then == otherwise {
            return then.clone();
        }
        match self {
            Self::Condition(condition) => {
                let formula = Formula::conditional(condition.clone(), then.to_formula(), otherwise.to_formula());
                if formula.size() > MAX_JOINED { then.max(otherwise) } else { formula.into() }
            }
            Self::Share(share) => {
                let joined = otherwise + &(share * &(then - otherwise));
                match &joined {
                    Amount::Formula(formula) if formula.size() > MAX_JOINED => then.max(otherwise),
                    _ => joined,
                }
            }
        }
    }

    /// The same, of bytes.
    pub fn join_bytes(&self, then: &Bytes, otherwise: &Bytes) -> Bytes {
        then.zip(otherwise, |a, b| self.join(a, b))
    }

    /// The weight of the other way.
    #[must_use]
    pub fn negate(&self) -> Self {
        match self {
            Self::Condition(condition) => Self::Condition(condition.negate()),
            Self::Share(share) => Self::Share(Amount::ONE - share.clone()),
        }
    }
}
