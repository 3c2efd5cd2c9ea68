//! Reads a handler statement by statement, as CPython would run it, on abstract values, and writes down what is
//! left of it: terms, branches, loops, and the values that the handler's arguments give.
//!
//! One file a concern: `statements`, `expressions`, `calls`, `control` (loops, `try`, `match`), `state` (what is
//! known), `names` (scopes). Internal names are `%n` for what is bound and `?n` for what is unknown; the names that
//! people read are given at the end ([`super::names`]).
//!
//! Termination: a loop body is read again only when it was found to change something that was not known to change,
//! which is remembered for each loop; functions on the stack are not entered again; statements are counted against
//! [`MAX_STEPS`], after which calls are no longer followed.

mod calls;
mod control;
mod expressions;
mod state;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use indexmap::IndexMap;
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::calls::{ClassId, Definition, FunctionId, Program};
use crate::expression::{self, Expr, Text, Value};
use crate::names::{Names, hint_from_text, snake_case};
use crate::project::{ModuleId, Project};

use super::tree::{Argument, ArgumentValue, Block, FreeCall, Let, McvKind, McvType, Node, Note, Place, Term};
use state::{Abstract, FrameId, Object, ObjectId, ObjectKind, Scope, State, Variable};

/// Statements read for one handler before calls are no longer followed.
const MAX_STEPS: usize = 20_000;

/// Deepest chain of followed calls.
const MAX_CALL_DEPTH: usize = 60;

/// Most guards of nested `match` statements for which the cases behind each are read twice.
const MAX_GUARDS: usize = 3;

/// Stands between a closure's name and the number of the frame that it closes over. A private character: no source
/// has it in a name, and [`super::names`] takes it out again.
pub(super) const CLOSURE: char = '\u{f8ff}';

/// Largest content of a container that is kept, in nodes.
const MAX_EXPRESSION: usize = 2_000;

/// Largest computed value that is kept, in nodes; a larger one becomes an unknown. A person's expression has tens.
const MAX_VALUE: usize = 200;

/// What may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How deep calls of the project's functions are followed; no limit if `None`.
    pub depth: Option<usize>,
    /// Values of environment variables that are known (from a template).
    pub environment: BTreeMap<String, String>,
}

/// An unknown.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// What kind of unknown.
    pub kind: McvKind,
    /// The type of its values, where its origin says it.
    pub type_: McvType,
    /// A name for people.
    pub hint: String,
    /// What it stands for, in words of the source.
    pub meaning: String,
    /// Where it comes from.
    pub place: Place,
    /// Its value unless given.
    pub default: Option<Expr>,
    /// The function of the project that it comes from, if that is not the handler itself.
    pub owner: Option<String>,
    /// Whether it stands for plain data from outside, which expressions may look into.
    pub data: bool,
    /// When it was last made, on the builder's clock.
    made: usize,
}

/// A bound name.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    /// The source's name for it.
    pub hint: Text,
    /// Whether it is a value that a caller may override: bound once, by an assignment of the source.
    pub overridable: bool,
}

/// What the builder hands on.
pub(super) struct Built {
    pub body: Block,
    pub initialisation: Block,
    pub atoms: Vec<Atom>,
    pub bound: Vec<Bound>,
    pub free: BTreeSet<FreeCall>,
    pub notes: BTreeSet<Note>,
    pub statistics: super::Statistics,
}

/// A function call that is being read.
struct Activation {
    function: FunctionId,
    module: ModuleId,
    frame: FrameId,
    scope: Scope,
    names: Rc<Names>,
    returns: Vec<(State, usize, Abstract)>,
    loops: Vec<LoopExits>,
    /// How many `try` statements were around when it began.
    tries: usize,
    /// The list that a generator fills.
    yields: Option<ObjectId>,
    /// Whether it stands for all calls of a recursive function.
    recursive: bool,
}

/// The ways out of a loop.
#[derive(Default)]
struct LoopExits {
    breaks: Vec<(State, usize)>,
    continues: Vec<(State, usize)>,
    /// How many `try` statements were around when it began.
    tries: usize,
}

/// A `try` statement whose body is being read.
struct Protection {
    /// The exceptions of each clause; none is all.
    clauses: Vec<Vec<Text>>,
    /// The exception variable, made when first needed.
    variable: Option<usize>,
    /// What the variable is called after.
    /// A label has the value 0; what it was made for (`name@place`) has its number.
    labels: IndexMap<Text, usize>,
    /// Numbers below which every label of a name is taken.
    taken: FxHashMap<Text, usize>,
    place: Place,
    range: TextRange,
    frame: FrameId,
    /// States at the places that may raise into the clauses.
    raised: Vec<(State, usize)>,
    /// Whether there is a `finally`.
    finally: bool,
    /// States at the places that leave through the `finally`.
    leaving: Vec<(State, usize)>,
    /// Whether the clauses are still to come (the body is being read, not a clause).
    in_body: bool,
    /// What may raise although it is no call.
    candidates: Vec<control::Candidate>,
    /// The clauses that a call or a `raise` leads to.
    reached: BTreeSet<usize>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Free,
    Term,
    Followed,
}

/// What a loop was found to change. In this order they are opened at its head: what a variable holds is read before the
/// objects themselves change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Location {
    /// What a variable holds.
    Variable(Variable),
    /// An attribute of an instance, or a value in a dict that no expression can hold.
    Field(ObjectId, Text),
    /// The content of a container.
    Content(ObjectId),
    /// The number of items of a container.
    Length(ObjectId),
    /// What a variable holds, and that it is not always an object of one kind.
    Kind(Variable),
    /// The content of a container, beyond what expressions can say.
    NoContent(ObjectId),
    /// The number of items of a container, beyond what expressions can say.
    NoLength(ObjectId),
    /// What a field holds, and that it is not always an object of one kind.
    FieldKind(ObjectId, Text),
    /// Two objects may be one.
    Alias(ObjectId, ObjectId),
}

pub(super) struct Builder<'p> {
    /// The handler's module: where the builder is before it enters anything.
    entry: ModuleId,
    project: &'p Project,
    program: &'p Program<'p>,
    options: &'p Options,
    by_name: FxHashMap<&'p str, FunctionId>,
    class_by_name: FxHashMap<&'p str, ClassId>,
    state: State,
    reachable: bool,
    out: Vec<Node>,
    atoms: Vec<Atom>,
    atom_sites: FxHashMap<(FrameId, String), usize>,
    bound: Vec<Bound>,
    bound_sites: FxHashMap<(FrameId, String), Text>,
    /// Bound names whose values rest on an unknown that is not plain data.
    opaque_names: FxHashSet<Text>,
    /// Names, bound or unknown, whose values are never `None`.
    never_none: FxHashSet<Text>,
    /// Names, bound or unknown, whose values count as true.
    always_true: FxHashSet<Text>,
    /// Bound names that stand for functions and classes: what they may be.
    code_names: FxHashMap<Text, Vec<Expr>>,
    slots: Vec<Vec<Let>>,
    frames: FxHashMap<(FrameId, ModuleId, TextRange, FunctionId), FrameId>,
    objects: FxHashMap<(FrameId, String), ObjectId>,
    stack: Vec<Activation>,
    tries: Vec<Protection>,
    loop_changes: FxHashMap<(FrameId, TextRange), BTreeSet<Location>>,
    latest_frame: FxHashMap<FunctionId, FrameId>,
    names: FxHashMap<FunctionId, Rc<Names>>,
    recursive: FxHashSet<FunctionId>,
    loaded: FxHashSet<ModuleId>,
    fates: BTreeMap<(ModuleId, u32, u32), (Fate, bool)>,
    free: BTreeSet<FreeCall>,
    notes: BTreeSet<Note>,
    handled: Vec<Text>,
    /// Depth of reading that must leave no trace in the statistics.
    quiet: usize,
    /// Guards of the `match` statements around.
    guards: usize,
    steps: usize,
    clock: usize,
}

/// An object as it is on each of the ways into a join: its content, the way's slot, what is known on that way.
type Versions<'s> = Vec<(Rc<Object>, usize, &'s State)>;

impl<'p> Builder<'p> {
    pub fn new(project: &'p Project, program: &'p Program<'p>, options: &'p Options, entry: ModuleId) -> Self {
        // A class's body is code too, and has the class's name; it is never what a call reaches.
        let is_called =
            |definition: &Definition<'_>| matches!(definition, Definition::Function(_) | Definition::Lambda(_));
        let functions = program.functions().filter(|(_, function)| is_called(&function.definition));
        let by_name = functions.map(|(id, function)| (function.qualified_name.as_str(), id)).collect();
        let class_by_name = program.classes().map(|(id, class)| (class.qualified_name.as_str(), id)).collect();
        Self {
            entry,
            project,
            program,
            options,
            by_name,
            class_by_name,
            state: State::default(),
            reachable: true,
            out: Vec::new(),
            atoms: Vec::new(),
            atom_sites: FxHashMap::default(),
            bound: Vec::new(),
            bound_sites: FxHashMap::default(),
            opaque_names: FxHashSet::default(),
            never_none: FxHashSet::default(),
            always_true: FxHashSet::default(),
            code_names: FxHashMap::default(),
            slots: Vec::new(),
            frames: FxHashMap::default(),
            objects: FxHashMap::default(),
            stack: Vec::new(),
            tries: Vec::new(),
            loop_changes: FxHashMap::default(),
            latest_frame: FxHashMap::default(),
            names: FxHashMap::default(),
            recursive: FxHashSet::default(),
            loaded: FxHashSet::default(),
            fates: BTreeMap::new(),
            free: BTreeSet::new(),
            notes: BTreeSet::new(),
            handled: Vec::new(),
            quiet: 0,
            guards: 0,
            steps: 0,
            clock: 0,
        }
    }

    /// Reads the initialisation of the handler's module, then the handler.
    pub fn build(mut self, handler: FunctionId) -> Built {
        self.load_module(self.entry);
        let initialisation = Block(std::mem::take(&mut self.out));
        self.reachable = true;
        self.forget_earlier_invocations();
        self.clock += 1;
        self.enter_handler(handler);
        // Values of the initialisation that the handler needs are computed before it; they cost nothing again.
        let mut body = values_of(&initialisation);
        body.0.append(&mut self.out);
        let statistics = self.statistics();
        let slots = std::mem::take(&mut self.slots);
        Built {
            body: fill_slots(body, &slots, &mut self.bound),
            initialisation: fill_slots(initialisation, &slots, &mut self.bound),
            atoms: self.atoms,
            bound: self.bound,
            free: self.free,
            notes: self.notes,
            statistics,
        }
    }

    fn statistics(&self) -> super::Statistics {
        let count = |wanted: Fate| self.fates.values().filter(|(fate, _)| *fate == wanted).count();
        super::Statistics {
            calls: self.fates.len(),
            resolved: self.fates.values().filter(|(_, resolved)| *resolved).count(),
            terms: count(Fate::Term),
            followed: count(Fate::Followed),
            free: count(Fate::Free),
        }
    }

    // ---- where we are ----------------------------------------------------------------------------------------

    fn here(&self) -> Option<&Activation> {
        self.stack.last()
    }

    fn module(&self) -> ModuleId {
        match self.here() {
            Some(here) => here.module,
            None => self.entry,
        }
    }

    fn frame(&self) -> FrameId {
        self.here().map_or(0, |activation| activation.frame)
    }

    fn place(&self, node: &impl Ranged) -> Place {
        let source = &self.project.module(self.module()).source;
        Place { file: Text::from(source.path.to_string_lossy()), line: source.line_of(node) }
    }

    /// The source text of a node, on one line and cut to a readable length.
    fn source_text(&self, node: &impl Ranged) -> String {
        let text = self.project.module(self.module()).source.slice(node);
        let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > 80 {
            line = line.chars().take(79).chain(['…']).collect();
        }
        line
    }

    fn note(&mut self, node: &impl Ranged, message: impl Into<String>) {
        if self.quiet == 0 {
            let place = self.place(node);
            self.notes.insert(Note { file: place.file.to_string(), line: place.line, message: message.into() });
        }
    }

    // ---- what is written --------------------------------------------------------------------------------------

    fn emit(&mut self, node: Node) {
        if self.reachable {
            self.out.push(node);
        }
    }

    /// What `read` writes, as a block of its own.
    fn block(&mut self, read: impl FnOnce(&mut Self)) -> Block {
        let outer = std::mem::take(&mut self.out);
        read(self);
        Block(std::mem::replace(&mut self.out, outer))
    }

    /// Reads without writing anything: for values that were computed elsewhere.
    fn quietly<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::take(&mut self.out);
        let (state, reachable) = (self.state.clone(), self.reachable);
        self.quiet += 1;
        let result = read(self);
        self.quiet -= 1;
        self.out = outer;
        self.state = state;
        self.reachable = reachable;
        result
    }

    /// A place at which names can be bound later, for a join.
    fn slot(&mut self) -> usize {
        self.slots.push(Vec::new());
        let slot = self.slots.len() - 1;
        self.emit(Node::Slot(slot));
        slot
    }

    fn fate(&mut self, range: TextRange, fate: Fate, resolved: bool) {
        if self.quiet == 0 {
            let key = (self.module(), range.start().to_u32(), range.end().to_u32());
            let entry = self.fates.entry(key).or_insert((fate, resolved));
            entry.0 = entry.0.max(fate);
            entry.1 |= resolved;
        }
    }

    // ---- names and unknowns ------------------------------------------------------------------------------------

    /// A fresh internal name for something that the source calls `hint`; the same one for the same place.
    fn bind(&mut self, site: impl Into<String>, hint: &str, overridable: bool) -> Text {
        let key = (self.frame(), site.into());
        if let Some(name) = self.bound_sites.get(&key) {
            return name.clone();
        }
        let name = Text::from(format!("%{}", self.bound.len()));
        self.bound.push(Bound { hint: Text::from(hint), overridable });
        self.bound_sites.insert(key, name.clone());
        name
    }

    /// An unknown. The same place makes the same unknown, however often it is read.
    fn atom(&mut self, site: impl Into<String>, make: impl FnOnce() -> Atom) -> Expr {
        let key = (self.frame(), site.into());
        let made = self.clock;
        let id = match self.atom_sites.get(&key) {
            Some(id) => *id,
            None => {
                let id = self.atoms.len();
                let mut atom = make();
                atom.owner = self.owner();
                self.atoms.push(atom);
                self.atom_sites.insert(key, id);
                id
            }
        };
        self.atoms[id].made = made;
        Expr::Name(Text::from(format!("?{id}")))
    }

    /// An unknown that a node of the source computes.
    fn unknown(&mut self, node: &impl Ranged, kind: McvKind, type_: McvType, hint: &str, what: &str) -> Expr {
        let place = self.place(node);
        let meaning = self.source_text(node);
        let range = node.range();
        let site = format!("{what}@{}:{}", range.start().to_u32(), range.end().to_u32());
        let hint = hint.to_owned();
        self.atom(site, || Atom { kind, type_, hint, meaning, place, default: None, owner: None, data: false, made: 0 })
    }

    /// The unknown that a name stands for.
    fn atom_of(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Name(name) => atom_index(name).filter(|id| *id < self.atoms.len()),
            _ => None,
        }
    }

    /// An unknown found by looking into another (`response["Count"]`, `len(rows)`).
    fn part(&mut self, whole: usize, step: &str, hint: String, type_: McvType, node: &impl Ranged) -> Expr {
        let place = self.place(node);
        let parent = &self.atoms[whole];
        let kind = match parent.kind {
            McvKind::TripCount | McvKind::Exception => McvKind::ComputedCondition,
            kind => kind,
        };
        let kind = if type_ == McvType::Int && kind == McvKind::ComputedCondition && step.starts_with("len") {
            McvKind::ExternalSize
        } else {
            kind
        };
        let meaning = if let Some(function) = step.strip_suffix("()") {
            format!("{function}({})", parent.meaning)
        } else {
            format!("{}{step}", parent.meaning)
        };
        let site = format!("?{whole}/{step}");
        let made = parent.made;
        let expr = self.atom(site, || Atom {
            kind,
            type_,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            // A number of items is a number, whatever the items are.
            data: step == "len()",
            made: 0,
        });
        // A part is as old as its whole: it changes only when that is made anew.
        if let Some(id) = self.atom_of(&expr) {
            self.atoms[id].made = made;
        }
        expr
    }

    /// Whether an expression rests on an unknown that is not plain data.
    fn is_opaque(&self, expr: &Expr) -> bool {
        let mut opaque = false;
        expression::visit_names(expr, &mut |name| {
            opaque |= match atom_index(name) {
                Some(id) => self.atoms.get(id).is_some_and(|atom| !atom.data),
                None => self.opaque_names.contains(name),
            };
        });
        opaque
    }

    /// Whether a value that several ways bind is opaque: some way's is, and no other way has data in its place.
    fn is_opaque_choice<'e>(&self, ways: impl Iterator<Item = &'e Expr>) -> bool {
        let mut opaque = false;
        for way in ways {
            if self.is_opaque(way) {
                opaque = true;
            } else if !is_placeholder(way) {
                return false;
            }
        }
        opaque
    }

    /// Whether a value cannot be `None`, by what it is and by what was decided on the way here.
    fn is_never_none(&self, expr: &Expr, state: &State) -> bool {
        match expr {
            Expr::Constant(value) => *value != Value::None,
            Expr::Name(name) => self.never_none.contains(name) || state.fact(&none_key(expr)) == Some(false),
            Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) | Expr::Dict(_) | Expr::Format(_) => true,
            Expr::Comprehension { .. } | Expr::Binary(..) | Expr::Compare(..) => true,
            Expr::If { then, otherwise, .. } => self.is_never_none(then, state) && self.is_never_none(otherwise, state),
            Expr::Call(name, _, _) => matches!(&**name, "int" | "float" | "str" | "len" | "list" | "dict" | "sorted"),
            Expr::Unary(..) | Expr::Boolean(..) | Expr::Index(..) | Expr::Slice { .. } | Expr::Method(..) => {
                state.fact(&none_key(expr)) == Some(false)
            }
        }
    }

    /// Whether a value counts as true, by what it is and by what was decided on the way here.
    fn is_always_true(&self, expr: &Expr, state: &State) -> bool {
        match expr {
            Expr::Constant(value) => value.is_true(),
            Expr::Name(name) => self.always_true.contains(name) || state.fact(&expr.to_string()) == Some(true),
            _ => false,
        }
    }

    /// Whether an expression rests on any unknown.
    fn has_unknown(&self, expr: &Expr) -> bool {
        let mut found = false;
        expression::visit_names(expr, &mut |name| found |= atom_index(name).is_some());
        found
    }

    /// The followed function that runs, by its own name.
    fn owner(&self) -> Option<String> {
        let functions = self.stack.iter().filter(|activation| matches!(activation.scope, Scope::Frame(_)));
        let followed = functions.skip(1).last()?;
        let name = &self.program.function(followed.function).name;
        Some(snake_case(name.rsplit('.').next().unwrap_or(name)))
    }

    // ---- values ------------------------------------------------------------------------------------------------

    /// The value as an expression; an unknown named after `node` if it has none.
    fn expr_of(&mut self, value: &Abstract, node: &impl Ranged) -> Expr {
        match value {
            Abstract::Value(expr) => (**expr).clone(),
            Abstract::Reference(name, frame) => match self.code_name(name, *frame) {
                Some(name) => name,
                None => {
                    let hint = self.hint_of(node);
                    self.unknown(node, McvKind::ComputedCondition, McvType::Any, &hint, "value")
                }
            },
            Abstract::Object(id) => {
                let object = self.state.object(*id).cloned();
                match object.as_deref() {
                    Some(Object { content: Some(content), .. }) => (**content).clone(),
                    _ => {
                        let hint = self.hint_of(node);
                        let type_ = match object.as_deref().map(|object| &object.kind) {
                            Some(ObjectKind::List) => McvType::List,
                            _ => McvType::Any,
                        };
                        self.unknown(node, McvKind::ComputedCondition, type_, &hint, &format!("object{id}"))
                    }
                }
            }
            Abstract::Tuple(items) => {
                let items = items.iter().map(|item| self.expr_of(item, node)).collect();
                Expr::Tuple(items)
            }
            Abstract::Choice(..) => {
                let hint = self.hint_of(node);
                self.unknown(node, McvKind::ComputedCondition, McvType::Any, &hint, "choice")
            }
        }
    }

    /// A function or class of the project as an expression: its qualified name, which a call of it chooses by. What a
    /// name of a library stands for is not known.
    fn code_name(&self, name: &Text, frame: Option<FrameId>) -> Option<Expr> {
        let known = self.by_name.contains_key(&**name) || self.class_by_name.contains_key(&**name);
        known.then(|| reference(name, frame))
    }

    /// The number of items of a value, if it is known without looking at the items.
    fn length_of(&self, value: &Abstract) -> Option<Expr> {
        match value {
            Abstract::Tuple(items) => Some(Expr::Constant(Value::Int(items.len().into()))),
            Abstract::Object(id) => self.state.object(*id)?.length.as_deref().cloned(),
            Abstract::Value(_) | Abstract::Reference(_, _) | Abstract::Choice(..) => None,
        }
    }

    /// A name for people, after the last name in a piece of source.
    fn hint_of(&self, node: &impl Ranged) -> String {
        let source = &self.project.module(self.module()).source;
        hint_from_text(source.slice(node))
    }

    /// Makes the object of a place.
    fn allocate(&mut self, site: impl Into<String>, object: Object) -> Abstract {
        let key = (self.frame(), site.into());
        let next = ObjectId::try_from(self.objects.len()).unwrap_or(ObjectId::MAX);
        let id = *self.objects.entry(key).or_insert(next);
        self.state.set_object(id, object);
        self.state.forget_aliases(id);
        Abstract::Object(id)
    }

    /// Binds an expression to a name of the interface, so that it is computed once and can be overridden.
    fn name_value(&mut self, hint: &str, value: Expr, node: &impl Ranged, overridable: bool) -> Expr {
        if matches!(value, Expr::Constant(_)) || matches!(&value, Expr::Name(_)) {
            return value;
        }
        let range = node.range();
        let name = self.bind(format!("{hint}@{}:{}", range.start().to_u32(), range.end().to_u32()), hint, overridable);
        // What an unknown object raises in arithmetic is no reason to ask for the object.
        let effect = self.is_caught(&value) && !self.rests_on_calls(&value);
        if self.is_opaque(&value) {
            self.opaque_names.insert(name.clone());
        }
        let at = self.place(node);
        self.emit(Node::Let(Let { name: name.clone(), value, effect, at }));
        Expr::Name(name)
    }

    /// Whether evaluating an expression may raise what a `try` around it catches.
    fn is_caught(&self, expr: &Expr) -> bool {
        self.tries.iter().any(|protection| protection.in_body && !protection.clauses.is_empty())
            && expression::can_raise(expr)
    }

    /// Whether an expression rests on what a call gives.
    fn rests_on_calls(&self, expr: &Expr) -> bool {
        let mut found = self.is_opaque(expr);
        expression::visit_names(expr, &mut |name| {
            if let Some(atom) = atom_index(name).and_then(|id| self.atoms.get(id)) {
                found |= !matches!(atom.kind, McvKind::Environment | McvKind::State);
            }
        });
        found
    }

    /// Evaluates an expression for its exceptions alone.
    fn evaluate_for_effect(&mut self, value: &Abstract, node: &impl Ranged) {
        if let Abstract::Value(expr) = value
            && self.is_caught(expr)
            && !self.has_unknown(expr)
        {
            let expr = (**expr).clone();
            self.name_value("value", expr, node, false);
        }
    }

    // ---- joins --------------------------------------------------------------------------------------------------

    /// What is known where several ways meet. Values that differ get a name that each way binds in its slot.
    fn join(&mut self, mut ways: Vec<(State, usize)>, site: &str, at: &Place) -> Option<State> {
        ways.dedup_by(|a, b| a.1 == b.1);
        let (first, _) = ways.first()?;
        let mut joined = first.clone();
        for (state, _) in &ways[1..] {
            joined.common_facts(state);
            joined.add_aliases(state);
        }
        if ways.iter().all(|(state, _)| state.same(first)) {
            return Some(joined);
        }
        let mut differing: BTreeSet<Variable> = BTreeSet::new();
        for (state, _) in &ways[1..] {
            if state.same(first) {
                continue;
            }
            for (variable, value) in state.variables() {
                if first.get(variable) != Some(value) {
                    differing.insert(variable.clone());
                }
            }
            for (variable, _) in first.variables() {
                if state.get(variable).is_none() {
                    differing.insert(variable.clone());
                }
            }
        }
        let mut objects: BTreeSet<ObjectId> = BTreeSet::new();
        for (state, _) in &ways[1..] {
            for (id, object) in state.objects() {
                if first.object(id).is_none_or(|other| other != object) {
                    objects.insert(id);
                }
            }
        }
        for variable in differing {
            let values: Vec<(Abstract, usize, &State)> = ways
                .iter()
                .filter_map(|(state, slot)| state.get(&variable).map(|value| (value.clone(), *slot, state)))
                .collect();
            let name = variable.1.clone();
            let key = format!("{site}/{:?}", variable);
            if let Some(value) = self.join_values(&values, &key, &name, at) {
                joined.set(variable, value);
            }
        }
        for id in objects {
            let versions: Vec<(Rc<Object>, usize, &State)> = ways
                .iter()
                .filter_map(|(state, slot)| state.object(id).map(|object| (object.clone(), *slot, state)))
                .collect();
            if let Some(object) = self.join_objects(&versions, &format!("{site}/#{id}"), at) {
                joined.set_object(id, object);
            }
        }
        // Objects that only some of the names led to are made by `join_values`.
        for (id, object) in self.state.clone().objects() {
            if joined.object(id).is_none() {
                joined.set_object(id, (**object).clone());
            }
        }
        joined.add_aliases(&self.state);
        Some(joined)
    }

    fn join_values(
        &mut self,
        values: &[(Abstract, usize, &State)],
        key: &str,
        hint: &str,
        at: &Place,
    ) -> Option<Abstract> {
        let (first, _, _) = values.first()?;
        if values.iter().all(|(value, _, _)| value == first) {
            return Some(first.clone());
        }
        if let Abstract::Tuple(items) = first
            && values.iter().all(|(value, _, _)| matches!(value, Abstract::Tuple(other) if other.len() == items.len()))
        {
            let joined = (0..items.len())
                .map(|index| {
                    let parts: Vec<(Abstract, usize, &State)> = values
                        .iter()
                        .filter_map(|(value, slot, state)| match value {
                            Abstract::Tuple(items) => Some((items[index].clone(), *slot, *state)),
                            _ => None,
                        })
                        .collect();
                    self.join_values(&parts, &format!("{key}[{index}]"), hint, at)
                })
                .collect::<Option<Vec<_>>>()?;
            return Some(Abstract::Tuple(Rc::new(joined)));
        }
        // Different objects of one kind become one object whose content is either's.
        let versions: Option<Vec<(Rc<Object>, usize, &State)>> = values
            .iter()
            .map(|(value, slot, state)| match value {
                Abstract::Object(id) => state.object(*id).map(|object| (object.clone(), *slot, *state)),
                _ => None,
            })
            .collect();
        if let Some(versions) = versions
            && versions.iter().all(|(object, _, _)| object.kind == versions[0].0.kind)
        {
            let object = self.join_objects(&versions, key, at)?;
            let joined = self.allocate(key.to_owned(), object);
            self.joined_aliases(&joined, values);
            return Some(joined);
        }
        if let Some(choice) = self.join_instances(values, key, hint, at) {
            return Some(choice);
        }
        let never_none = values.iter().all(|(value, _, state)| match value {
            Abstract::Value(expr) => self.is_never_none(expr, state),
            Abstract::Object(_) | Abstract::Tuple(_) | Abstract::Choice(..) => true,
            Abstract::Reference(..) => self.is_definition(value),
        });
        let always_true = values.iter().all(|(value, _, state)| match value {
            Abstract::Value(expr) => self.is_always_true(expr, state),
            Abstract::Reference(..) => self.is_definition(value),
            Abstract::Object(_) | Abstract::Tuple(_) | Abstract::Choice(..) => false,
        });
        let mut exprs = Vec::new();
        for (value, slot, state) in values {
            let expr = match value {
                Abstract::Value(expr) => Some((**expr).clone()),
                Abstract::Reference(name, frame) => self.code_name(name, *frame),
                Abstract::Object(id) => state.object(*id).and_then(|object| object.content.as_deref().cloned()),
                Abstract::Tuple(items) => items
                    .iter()
                    .map(|item| match item {
                        Abstract::Value(expr) => Some((**expr).clone()),
                        Abstract::Reference(name, frame) => self.code_name(name, *frame),
                        Abstract::Object(id) => state.object(*id).and_then(|object| object.content.as_deref().cloned()),
                        Abstract::Tuple(_) | Abstract::Choice(..) => None,
                    })
                    .collect::<Option<Vec<_>>>()
                    .map(Expr::Tuple),
                Abstract::Choice(..) => None,
            };
            let expr = expr.unwrap_or_else(|| self.lost(key, hint, at));
            exprs.push((expr, *slot));
        }
        let joined = self.phi(exprs, key, hint, at);
        if let Expr::Name(name) = &joined {
            if never_none {
                self.never_none.insert(name.clone());
            }
            if always_true {
                self.always_true.insert(name.clone());
            }
        }
        Some(Abstract::value(joined))
    }

    /// An object made by a join may be any of those that it was made from.
    fn joined_aliases(&mut self, joined: &Abstract, values: &[(Abstract, usize, &State)]) {
        let Abstract::Object(joined) = joined else { return };
        for (value, _, state) in values {
            if let Abstract::Object(id) = value {
                self.state.add_aliases(state);
                self.state.alias(*joined, *id);
            }
        }
    }

    /// Instances of different classes of the project: which of them it is, is the class's name by the way taken.
    fn join_instances(
        &mut self,
        values: &[(Abstract, usize, &State)],
        key: &str,
        hint: &str,
        at: &Place,
    ) -> Option<Abstract> {
        let mut classes: Vec<(Text, Versions<'_>)> = Vec::new();
        let mut names = Vec::new();
        for (value, slot, state) in values {
            let Abstract::Object(id) = value else { return None };
            let object = state.object(*id)?.clone();
            let ObjectKind::Instance(class) = object.kind.clone() else { return None };
            names.push((reference(&class, None), *slot));
            match classes.iter_mut().find(|(known, _)| *known == class) {
                Some((_, versions)) => versions.push((object, *slot, *state)),
                None => classes.push((class, vec![(object, *slot, *state)])),
            }
        }
        let mut options = Vec::new();
        for (class, versions) in classes {
            let key = format!("{key}/{class}");
            let object = self.join_objects(&versions, &key, at)?;
            options.push((class, self.allocate(key, object)));
        }
        let chosen = self.phi(names, &format!("{key}/class"), &format!("{hint}_class"), at);
        Some(Abstract::Choice(Rc::new(chosen), Rc::new(options)))
    }

    fn join_objects(&mut self, versions: &[(Rc<Object>, usize, &State)], key: &str, at: &Place) -> Option<Object> {
        let (first, _, _) = versions.first()?;
        if versions.iter().all(|(object, _, _)| object == first) {
            return Some((**first).clone());
        }
        let part = |builder: &mut Self, what: &str, pick: &dyn Fn(&Object) -> Option<Rc<Expr>>| {
            let exprs: Option<Vec<(Expr, usize)>> =
                versions.iter().map(|(object, slot, _)| pick(object).map(|expr| ((*expr).clone(), *slot))).collect();
            exprs.map(|exprs| Rc::new(builder.phi(exprs, &format!("{key}.{what}"), what, at)))
        };
        let content = part(self, "content", &|object| object.content.clone());
        let length = part(self, "length", &|object| object.length.clone());
        let names: BTreeSet<&Text> = versions.iter().flat_map(|(object, _, _)| object.fields.keys()).collect();
        let mut fields = BTreeMap::new();
        for name in names {
            let values: Vec<(Abstract, usize, &State)> = versions
                .iter()
                .filter_map(|(object, slot, state)| object.fields.get(name).map(|value| (value.clone(), *slot, *state)))
                .collect();
            if let Some(value) = self.join_values(&values, &format!("{key}.{name}"), name, at) {
                fields.insert(name.clone(), value);
            }
        }
        Some(Object { kind: first.kind.clone(), content, length, fields })
    }

    /// One name for values that differ by the way that was taken.
    fn phi(&mut self, exprs: Vec<(Expr, usize)>, key: &str, hint: &str, at: &Place) -> Expr {
        if let Some((first, _)) = exprs.first()
            && exprs.iter().all(|(expr, _)| expr == first)
        {
            return first.clone();
        }
        let name = self.bind(format!("phi/{key}"), hint, false);
        let is_code = |expr: &Expr| {
            referenced(expr)
                .is_some_and(|(name, _)| self.by_name.contains_key(name) || self.class_by_name.contains_key(name))
        };
        if exprs.iter().all(|(expr, _)| is_code(expr)) {
            self.code_names.insert(name.clone(), exprs.iter().map(|(expr, _)| expr.clone()).collect());
        }
        if self.is_opaque_choice(exprs.iter().map(|(expr, _)| expr)) {
            self.opaque_names.insert(name.clone());
        }
        for (value, slot) in exprs {
            if value != Expr::Name(name.clone()) {
                self.slots[slot].push(Let { name: name.clone(), value, effect: false, at: at.clone() });
            }
        }
        Expr::Name(name)
    }

    /// A value that a join cannot express.
    fn lost(&mut self, key: &str, hint: &str, at: &Place) -> Expr {
        let (hint, place) = (hint.to_owned(), at.clone());
        self.atom(format!("lost/{key}"), || Atom {
            kind: McvKind::ComputedCondition,
            type_: McvType::Any,
            meaning: hint.clone(),
            hint,
            place,
            default: None,
            owner: None,
            data: false,
            made: 0,
        })
    }
}

/// Whether a value says nothing of what another way puts in its place: `x = None`, `rows = []`.
fn is_placeholder(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(_) => true,
        Expr::List(items) | Expr::Tuple(items) | Expr::Set(items) => items.is_empty(),
        Expr::Dict(items) => items.is_empty(),
        _ => false,
    }
}

/// The key of the fact that a value is `None`.
fn none_key(expr: &Expr) -> String {
    Expr::Compare(Box::new(expr.clone()), vec![(expression::CompareOperator::Is, Expr::Constant(Value::None))])
        .to_string()
}

/// A function, class or module as a value that can be compared: its name, and of a closure its frame.
fn reference(name: &Text, frame: Option<FrameId>) -> Expr {
    let text = match frame {
        Some(frame) => Text::from(format!("{name}{CLOSURE}{frame}")),
        None => name.clone(),
    };
    Expr::Constant(Value::Str(text))
}

/// What [`reference`] made.
fn referenced(expr: &Expr) -> Option<(&str, Option<FrameId>)> {
    let Expr::Constant(Value::Str(text)) = expr else { return None };
    match text.rsplit_once(CLOSURE) {
        Some((name, frame)) => Some((name, Some(frame.parse().ok()?))),
        None => Some((text, None)),
    }
}

/// The number of an unknown's internal name.
pub(super) fn atom_index(name: &str) -> Option<usize> {
    name.strip_prefix('?')?.parse().ok()
}

/// The number of a bound internal name.
pub(super) fn bound_index(name: &str) -> Option<usize> {
    name.strip_prefix('%')?.parse().ok()
}

/// Whether an expression has grown beyond use.
fn too_large(expr: &Expr) -> bool {
    expression::size(expr) > MAX_EXPRESSION
}

/// A block without its terms and without ways to leave it for good.
fn values_of(block: &Block) -> Block {
    let mut values = block.clone();
    values.0.retain(|node| !matches!(node, Node::Term(_) | Node::Exit));
    for node in &mut values.0 {
        for inner in node.blocks_mut() {
            *inner = values_of(inner);
        }
    }
    values
}

/// Puts what joins bound into the places that were kept for it.
fn fill_slots(block: Block, slots: &[Vec<Let>], bound: &mut Vec<Bound>) -> Block {
    let mut out = Vec::with_capacity(block.0.len());
    for mut node in block.0 {
        match node {
            Node::Slot(slot) => {
                let lets = slots.get(slot).cloned().unwrap_or_default();
                out.extend(at_once(lets, bound).into_iter().map(Node::Let));
            }
            _ => {
                for inner in node.blocks_mut() {
                    *inner = fill_slots(std::mem::take(inner), slots, bound);
                }
                out.push(node);
            }
        }
    }
    Block(out)
}

/// The names of a slot are bound at once: a value that reads a name bound before it in the slot is kept aside first.
fn at_once(lets: Vec<Let>, bound: &mut Vec<Bound>) -> Vec<Let> {
    let mut aside = Vec::new();
    let mut out: Vec<Let> = Vec::new();
    for mut this in lets {
        let mut clash = false;
        expression::visit_names(&this.value, &mut |name| clash |= out.iter().any(|earlier| &*earlier.name == name));
        if clash {
            let hint = bound_index(&this.name).and_then(|index| bound.get(index)).map(|bound| bound.hint.clone());
            let name = Text::from(format!("%{}", bound.len()));
            bound.push(Bound { hint: hint.unwrap_or_else(|| Text::from("value")), overridable: false });
            aside.push(Let { name: name.clone(), value: this.value, effect: false, at: this.at.clone() });
            this.value = Expr::Name(name);
        }
        out.push(this);
    }
    aside.append(&mut out);
    aside
}

/// `not condition`, simplified.
pub(super) fn negated(condition: Expr) -> Expr {
    expressions::negate(condition)
}
