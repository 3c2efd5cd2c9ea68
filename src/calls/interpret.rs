//! The abstract execution: what runs when, on which state.
//!
//! What runs is followed as Python runs it: module code from the entries on, calls into functions where they happen,
//! with their arguments, on the state of that moment (so that `c.change(f)` changes `c` for what follows). A call is
//! followed in place up to limits (depth, recursion, contexts of a function, work); beyond them the function is
//! analysed once for all its callers, over published cells, until nothing grows any more ([`Interpreter::run`]).

use std::collections::VecDeque;

use ruff_python_ast::Expr;
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Unknown;
use super::builtins;
use super::definitions::{ClassId, Definition, Definitions, FunctionId, NameId, Names, ScopeKind, address};
use super::heap::{
    CellId, ClassObject, Closure, ClosureId, EMPTY, External, ExternalId, Field, Frame, FrameId, Heap, ObjectId, SetId,
    Shape, UnitId, Val,
};
use crate::project::modules::Resolution;
use crate::project::{ModuleId, Project};

/// What a call reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// Whether the receiver supplies the first argument.
    Function(FunctionId, bool),
    Class(ClassId),
    External(ExternalId),
    Builtin(NameId),
    /// Type and method.
    Method(NameId, NameId),
    Unknown(Unknown),
}

/// Where something is called: the node, for contexts and objects, and the range that the result is kept under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub address: usize,
    pub range: TextRange,
    /// Called by something else than a call expression.
    pub implicit: bool,
}

impl Site {
    pub fn implicit<T: Ranged>(node: &T) -> Self {
        Self { address: address(node), range: node.range(), implicit: true }
    }
}

#[derive(Debug, Default)]
pub(super) struct Loop {
    pub depth: usize,
    pub breaks: Vec<Vec<(CellId, SetId)>>,
    pub continues: Vec<Vec<(CellId, SetId)>>,
    pub coarse: bool,
}

/// A function that is being walked.
#[derive(Debug, Default)]
pub(super) struct Activation {
    pub depth: usize,
    pub exits: Vec<Vec<(CellId, SetId)>>,
    /// There are more exits than are told apart: anything stored on the way may be there, or what was there before.
    pub coarse: bool,
    pub returns: SetId,
    pub loops: Vec<Loop>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// All module code, in the order of imports.
    Initialisation,
    /// The code of one module again, in a large program.
    Module(ModuleId),
    /// A function for all of its callers.
    Closure(ClosureId),
}

#[derive(Debug)]
pub(super) struct Unit {
    pub work: Work,
    /// Nothing of the project calls it.
    pub root: bool,
    /// How often it has run.
    pub runs: u32,
    pub queued: bool,
    pub running: bool,
    pub clean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    New,
    Running,
    Done,
}

/// Deepest nesting of the walk, syntax and calls together; bounds the stack.
pub(super) const DEEPEST_WALK: u32 = 3_600;
/// Nesting up to which calls are followed in place.
pub(super) const DEEPEST_INLINE: u32 = 1_200;
/// Chain of calls followed in place.
const LONGEST_CHAIN: usize = 12;
/// How often one function is followed in place.
const MOST_CONTEXTS: u32 = 40;
/// Expressions and statements walked in place: by one unit, and by the program (to which a quarter of its size is
/// added).
const INLINE_STEPS: u64 = 20_000;
const ALL_INLINE_STEPS: u64 = 60_000;
/// Returns of a function, and `break`s and `continue`s of a loop, that are told apart.
pub(super) const MOST_EXITS: usize = 32;
/// Expressions and statements of a program whose modules run again one by one.
const LARGE_PROGRAM: u64 = 30_000;
/// Most expressions and statements that are walked, whatever the size of the program.
const MOST_STEPS: u64 = 8_000_000;
/// Longest text that constants are joined to, in bytes, and how many such texts a program has.
pub(super) const LONGEST_FOLD: usize = 200;
pub(super) const MOST_FOLDS: u32 = 500;

pub(super) struct Interpreter<'p> {
    pub project: &'p Project,
    pub defs: Definitions<'p>,
    pub names: Names,
    pub heap: Heap,
    pub externals: Vec<External>,
    pub external_ids: FxHashMap<NameId, ExternalId>,
    pub external_attributes: FxHashMap<(ExternalId, NameId), ExternalId>,
    pub class_objects: FxHashMap<ObjectId, ClassObject>,
    /// The objects of a class: one a context in which its statement ran.
    pub objects_of: FxHashMap<ClassId, Vec<ObjectId>>,
    pub frames: Vec<Frame>,
    pub frame_ids: FxHashMap<(u32, u32, usize), FrameId>,
    pub closures: Vec<Closure>,
    pub closure_ids: FxHashMap<(FunctionId, FrameId), ClosureId>,
    pub closures_of: FxHashMap<FunctionId, Vec<ClosureId>>,
    pub module_frames: Vec<FrameId>,
    pub module_progress: Vec<Progress>,
    /// In a large program, the unit of each module, so that not all of them run again where one has to.
    pub module_units: Vec<UnitId>,
    /// Whether module code is being run for the first time, in the order of imports.
    pub initialising: bool,
    /// Names that were not there yet when a cyclic import asked for them: cell, module, name.
    pub late: Vec<(CellId, ModuleId, NameId)>,
    /// Packages that a module star-imports from outside the project.
    pub star_imports: FxHashMap<ModuleId, Vec<ExternalId>>,
    pub units: Vec<Unit>,
    pub unit_of: FxHashMap<ClosureId, UnitId>,
    pub queue: VecDeque<UnitId>,
    pub frame: FrameId,
    pub function: FunctionId,
    pub module: ModuleId,
    pub activation: Activation,
    pub chain: Vec<FunctionId>,
    pub contexts: FxHashMap<FunctionId, u32>,
    pub walked: Vec<bool>,
    pub dead: bool,
    pub raised: bool,
    pub depth: u32,
    /// Descriptors being looked up through descriptors.
    pub binding: u32,
    pub loop_level: u32,
    pub steps: u64,
    pub max_steps: u64,
    /// Whether a decorator is being applied.
    pub decorating: bool,
    /// Whether the running unit follows calls in place.
    pub in_place: bool,
    /// Calls being followed in place.
    pub inlined: u32,
    pub inline_steps: u64,
    pub inline_limit: u64,
    pub all_inline_limit: u64,
    pub last_run: u32,
    pub folds: u32,
    /// The call that evaluates the snippet being walked.
    pub snippet: Option<TextRange>,
    pub snippets_known: FxHashSet<usize>,
    pub calls: FxHashMap<(ModuleId, TextRange), Vec<Target>>,
    pub implicit: FxHashMap<(ModuleId, TextRange), Vec<Target>>,
    pub values: FxHashMap<(ModuleId, TextRange), SetId>,
    pub edges: FxHashSet<(FunctionId, Target)>,
    pub constructors: FxHashMap<ClassId, FunctionId>,
    pub decorated: FxHashMap<FunctionId, SetId>,
}

pub(super) const INITIALISATION: UnitId = UnitId(0);
/// The caller of a function that is analysed for all its callers.
pub(super) const ANYWHERE: FrameId = FrameId(u32::MAX);

impl<'p> Interpreter<'p> {
    pub fn new(project: &'p Project) -> Self {
        let mut names = Names::default();
        let defs = Definitions::collect(project, &mut names);
        let walked = vec![false; defs.functions.len()];
        let nodes = defs.nodes;
        let max_steps = (300_000 + nodes.saturating_mul(200)).min(MOST_STEPS + nodes.saturating_mul(12));
        let mut this = Self {
            project,
            defs,
            names,
            heap: Heap::new(),
            externals: Vec::new(),
            external_ids: FxHashMap::default(),
            external_attributes: FxHashMap::default(),
            class_objects: FxHashMap::default(),
            objects_of: FxHashMap::default(),
            frames: Vec::new(),
            frame_ids: FxHashMap::default(),
            closures: Vec::new(),
            closure_ids: FxHashMap::default(),
            closures_of: FxHashMap::default(),
            module_frames: Vec::new(),
            module_progress: vec![Progress::New; project.len()],
            module_units: Vec::new(),
            initialising: false,
            late: Vec::new(),
            star_imports: FxHashMap::default(),
            units: vec![Unit {
                work: Work::Initialisation,
                root: true,
                runs: 0,
                queued: false,
                running: false,
                clean: false,
            }],
            unit_of: FxHashMap::default(),
            queue: VecDeque::new(),
            frame: FrameId(0),
            function: FunctionId(0),
            module: ModuleId(0),
            activation: Activation::default(),
            chain: Vec::new(),
            contexts: FxHashMap::default(),
            walked,
            dead: false,
            raised: false,
            depth: 0,
            binding: 0,
            loop_level: 0,
            steps: 0,
            max_steps,
            decorating: false,
            in_place: false,
            inlined: 0,
            inline_steps: 0,
            inline_limit: 0,
            all_inline_limit: ALL_INLINE_STEPS + nodes / 4,
            last_run: 1,
            folds: 0,
            snippet: None,
            snippets_known: FxHashSet::default(),
            calls: FxHashMap::default(),
            implicit: FxHashMap::default(),
            values: FxHashMap::default(),
            edges: FxHashSet::default(),
            constructors: FxHashMap::default(),
            decorated: FxHashMap::default(),
        };
        for (kind, text) in [(true, "str"), (false, "int")] {
            let name = this.names.id(text);
            let value = Some(this.heap.value(Val::Typed(name)));
            if kind {
                this.heap.text_type = value;
            } else {
                this.heap.number_type = value;
            }
        }
        for (id, _) in project.modules() {
            let function = this.defs.modules[id.index()];
            let object = this.heap.object(Shape::Namespace, true);
            let frame = FrameId(this.frames.len() as u32);
            let scope = this.defs.function(function).scope;
            this.frames.push(Frame { scope, function, module: id, object, parent: None, closure: None });
            this.module_frames.push(frame);
            if nodes > LARGE_PROGRAM {
                let unit = UnitId(this.units.len() as u32);
                this.units.push(Unit {
                    work: Work::Module(id),
                    root: true,
                    runs: 1,
                    queued: false,
                    running: false,
                    clean: true,
                });
                this.module_units.push(unit);
            }
        }
        this
    }

    // The fixed point.

    /// Runs everything: module code, then what nothing has called yet, until nothing grows.
    pub fn run(&mut self) {
        if self.project.is_empty() {
            return;
        }
        self.run_unit(INITIALISATION);
        self.drain();
        // Functions that no code mentions come first: they are what a platform calls (handlers). What they call is
        // then known with its arguments.
        for mentioned in [false, true] {
            let mut at = 0;
            while at < self.defs.functions.len() {
                let id = FunctionId(at as u32);
                at += 1;
                if self.walked[id.index()] || self.out_of_steps() {
                    continue;
                }
                let function = self.defs.function(id);
                let mention = match function.definition {
                    Definition::Function(def) => {
                        let name = self.names.id(def.name.id.as_str());
                        self.defs.read.contains(&name)
                            && function.name != "lambda_handler"
                            && function.name != "handler"
                    }
                    Definition::Lambda(_) => true,
                    Definition::Module(_) | Definition::ClassBody(_) => continue,
                };
                if mention == mentioned {
                    self.run_uncalled(id);
                    self.drain();
                }
            }
        }
    }

    pub fn drain(&mut self) {
        loop {
            for unit in std::mem::take(&mut self.heap.woken) {
                self.enqueue(unit);
            }
            let Some(unit) = self.queue.pop_front() else { break };
            if let Some(state) = self.units.get_mut(unit.0 as usize) {
                state.queued = false;
            }
            // It may have run since, as part of another unit. When most of the work is done, only what has never run
            // still gets its turn.
            let tired = self.steps > self.max_steps / 10 * 8;
            if self.units.get(unit.0 as usize).is_some_and(|unit| !(unit.clean || tired && unit.runs > 0)) {
                self.run_unit(unit);
            }
        }
    }

    pub fn enqueue(&mut self, unit: UnitId) {
        if unit == INITIALISATION && !self.module_units.is_empty() {
            // Its modules run again one by one.
            return;
        }
        if let Some(state) = self.units.get_mut(unit.0 as usize) {
            state.clean = false;
            if !state.queued && !state.running {
                state.queued = true;
                self.queue.push_back(unit);
            }
        }
    }

    /// Whether the work allowed is done. What has never run until then does not run any more.
    pub fn out_of_steps(&self) -> bool {
        self.steps > self.max_steps
    }

    /// Whether the fixed point was reached.
    pub fn is_complete(&self) -> bool {
        self.steps <= self.max_steps / 10 * 8
    }

    /// Runs a function that nothing calls, with unknown arguments.
    pub fn run_uncalled(&mut self, id: FunctionId) {
        let closures = self.closures_of.get(&id).cloned().unwrap_or_default();
        for closure in closures.into_iter().take(MOST_CONTEXTS as usize) {
            let receivers = self.receivers_of(id, closure);
            let unit = self.unit(closure);
            if let Some(unit) = self.units.get_mut(unit.0 as usize) {
                unit.root = true;
            }
            self.call_from_anywhere(closure, receivers);
        }
    }

    pub fn unit(&mut self, closure: ClosureId) -> UnitId {
        if let Some(unit) = self.unit_of.get(&closure) {
            return *unit;
        }
        let unit = UnitId(self.units.len() as u32);
        self.units.push(Unit {
            work: Work::Closure(closure),
            root: false,
            runs: 0,
            queued: false,
            running: false,
            clean: false,
        });
        self.unit_of.insert(closure, unit);
        unit
    }

    /// Runs a unit on a state of its own: it sees what is published, and publishes what it stores.
    pub fn run_unit(&mut self, id: UnitId) {
        let Some(unit) = self.units.get_mut(id.0 as usize) else { return };
        if unit.running {
            return;
        }
        unit.running = true;
        unit.clean = true;
        unit.runs += 1;
        let (work, root) = (unit.work, unit.root);
        let (frame, function, module) = (self.frame, self.function, self.module);
        let activation = std::mem::take(&mut self.activation);
        let chain = std::mem::take(&mut self.chain);
        let (run, unit, tries, level) = (self.heap.run, self.heap.unit, self.heap.tries, self.loop_level);
        let (dead, raised, limit, snippet) = (self.dead, self.raised, self.inline_limit, self.snippet.take());
        self.last_run += 1;
        self.heap.run = self.last_run;
        self.heap.unit = id;
        self.heap.tries = 0;
        self.heap.epoch += 1;
        self.loop_level = 0;
        self.dead = false;
        let initialising = std::mem::replace(&mut self.initialising, false);
        let decorating = std::mem::replace(&mut self.decorating, false);
        let (in_place, inlined) = (self.in_place, self.inlined);
        self.in_place = root;
        self.inlined = 0;
        self.inline_limit = self.inline_steps + INLINE_STEPS;
        self.activation.depth = self.heap.begin();
        match work {
            Work::Initialisation => self.initialise(),
            Work::Module(module) => self.run_module_again(module),
            Work::Closure(closure) => self.run_for_all(closure),
        }
        self.heap.flush();
        self.heap.end();
        self.heap.run = run;
        self.heap.unit = unit;
        self.heap.tries = tries;
        self.heap.epoch += 1;
        self.loop_level = level;
        self.dead = dead;
        self.raised = raised;
        self.inline_limit = limit;
        self.in_place = in_place;
        self.inlined = inlined;
        self.initialising = initialising;
        self.decorating = decorating;
        self.snippet = snippet;
        self.activation = activation;
        self.chain = chain;
        (self.frame, self.function, self.module) = (frame, function, module);
        if let Some(unit) = self.units.get_mut(id.0 as usize) {
            unit.running = false;
            if !unit.clean {
                self.enqueue(id);
            }
        }
    }

    pub fn initialise(&mut self) {
        for progress in &mut self.module_progress {
            *progress = Progress::New;
        }
        self.late.clear();
        // Entries first; then what only functions import.
        let order: Vec<ModuleId> = self
            .project
            .modules()
            .filter(|(_, module)| module.is_entry)
            .chain(self.project.modules().filter(|(_, module)| !module.is_entry))
            .map(|(id, _)| id)
            .collect();
        self.initialising = true;
        for module in order {
            self.run_module(module);
        }
        self.initialising = false;
        for (cell, module, name) in std::mem::take(&mut self.late) {
            let object = self.module_object(module);
            let set = self.heap.read_field(object, Field::Attribute(name));
            if set != EMPTY {
                self.heap.add(cell, set);
            }
        }
    }

    /// Runs the code of a module, once, and not while it is running (a cyclic import).
    pub fn run_module(&mut self, id: ModuleId) {
        if !self.initialising || self.depth > DEEPEST_INLINE {
            return;
        }
        match self.module_progress.get_mut(id.index()) {
            Some(progress @ Progress::New) => *progress = Progress::Running,
            Some(Progress::Running | Progress::Done) | None => return,
        }
        // Packages run before what is in them.
        if let Some((parent, _)) = self.project.module(id).name.rsplit_once('.')
            && let Resolution::Module(parent) = self.project.resolve(parent)
        {
            self.run_module(parent);
        }
        let (frame, function, module) = (self.frame, self.function, self.module);
        let activation = std::mem::take(&mut self.activation);
        let (dead, level) = (self.dead, self.loop_level);
        let unit = self.heap.unit;
        if let Some(own) = self.module_units.get(id.index()) {
            self.heap.unit = *own;
        }
        self.activation.depth = self.heap.begin();
        self.frame = self.module_frames[id.index()];
        self.function = self.defs.modules[id.index()];
        self.module = id;
        self.dead = false;
        self.loop_level = 0;
        self.depth += 20;
        if let Some(walked) = self.walked.get_mut(self.function.index()) {
            *walked = true;
        }
        let body = &self.project.module(id).source.ast.body;
        self.block(body);
        self.depth -= 20;
        let changes = self.heap.end();
        let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
        self.heap.join(&[outcome], false);
        self.heap.note(&changes);
        self.heap.unit = unit;
        self.activation = activation;
        self.dead = dead;
        self.loop_level = level;
        (self.frame, self.function, self.module) = (frame, function, module);
        if let Some(progress) = self.module_progress.get_mut(id.index()) {
            *progress = Progress::Done;
        }
    }

    /// Runs the code of one module on what is published.
    pub fn run_module_again(&mut self, id: ModuleId) {
        self.frame = self.module_frames[id.index()];
        self.function = self.defs.modules[id.index()];
        self.module = id;
        let body = &self.project.module(id).source.ast.body;
        self.block(body);
    }

    /// Whether a call of the function is followed in place.
    pub fn may_inline(&mut self, id: FunctionId) -> bool {
        if self.depth > DEEPEST_INLINE
            || self.chain.len() >= LONGEST_CHAIN
            || self.chain.contains(&id)
            || self.function == id
        {
            return false;
        }
        let contexts = self.contexts.get(&id).copied().unwrap_or(0);
        if self.decorating && self.chain.len() < 4 {
            // Decorators are shared by many functions, which must not be taken for each other.
            return contexts < MOST_CONTEXTS * 10;
        }
        self.in_place
            && self.inline_steps <= self.inline_limit
            && self.inline_steps <= self.all_inline_limit
            && contexts < MOST_CONTEXTS
    }

    // Frames, closures, names.

    pub fn frame(&self, id: FrameId) -> Frame {
        self.frames[id.0 as usize]
    }

    pub fn closure(&self, id: ClosureId) -> Closure {
        self.closures[id.0 as usize]
    }

    pub fn module_object(&self, module: ModuleId) -> ObjectId {
        self.frame(self.module_frames[module.index()]).object
    }

    /// The frame of a function called from a place in a frame. The second return value says whether it is new.
    pub fn function_frame(&mut self, closure: ClosureId, caller: FrameId, site: usize) -> (FrameId, bool) {
        let key = (closure.0, caller.0, site);
        if let Some(id) = self.frame_ids.get(&key).copied() {
            let run = self.heap.run;
            let object = self.frame(id).object;
            if let Some(object) = self.heap.objects.get_mut(object.0 as usize) {
                object.unique = object.run != run && caller != ANYWHERE;
                object.run = run;
            }
            return (id, false);
        }
        let Closure { function, parent, .. } = self.closure(closure);
        let of = self.defs.function(function);
        let (scope, module) = (of.scope, of.module);
        let object = self.heap.object(Shape::Namespace, caller != ANYWHERE);
        let id =
            self.add_frame(Frame { scope, function, module, object, parent: Some(parent), closure: Some(closure) });
        self.frame_ids.insert(key, id);
        (id, true)
    }

    pub fn add_frame(&mut self, frame: Frame) -> FrameId {
        let id = FrameId(self.frames.len() as u32);
        self.frames.push(frame);
        let scope = self.defs.scope(frame.scope);
        if matches!(scope.kind, ScopeKind::Function | ScopeKind::Comprehension) {
            for name in &scope.order {
                self.heap.cell_with(frame.object, Field::Attribute(*name), scope.captured.contains(name));
            }
        }
        id
    }

    pub fn close_over(&mut self, function: FunctionId) -> ClosureId {
        let key = (function, self.frame);
        if let Some(id) = self.closure_ids.get(&key) {
            return *id;
        }
        let id = ClosureId(self.closures.len() as u32);
        let object = self.heap.object(Shape::Namespace, true);
        self.closures.push(Closure { function, parent: self.frame, object });
        self.closure_ids.insert(key, id);
        self.closures_of.entry(function).or_default().push(id);
        id
    }

    /// The frame that a name belongs to, or nothing for a name that no enclosing scope binds.
    pub fn owner(&self, name: NameId, store: bool) -> Option<FrameId> {
        let mut at = self.frame;
        loop {
            let frame = self.frame(at);
            let scope = self.defs.scope(frame.scope);
            let module = self.module_frames[frame.module.index()];
            match scope.kind {
                ScopeKind::Module => return Some(at),
                ScopeKind::Function | ScopeKind::Comprehension => {
                    if scope.globals.contains(&name) {
                        return Some(module);
                    }
                    if scope.locals.contains(&name) {
                        return Some(at);
                    }
                }
                ScopeKind::Class => {
                    if at == self.frame {
                        if scope.globals.contains(&name) {
                            return Some(module);
                        }
                        if store || scope.locals.contains(&name) {
                            return Some(at);
                        }
                    }
                }
            }
            at = frame.parent?;
        }
    }

    pub fn load_name(&mut self, name: NameId) -> SetId {
        let Some(mut owner) = self.owner(name, false) else { return EMPTY };
        let mut found = EMPTY;
        if self.defs.scope(self.frame(owner).scope).kind == ScopeKind::Class {
            // A class body sees its own names first, then those of the module (not of functions around it, unless
            // it does not bind the name at all).
            let cell = self.heap.cell(self.frame(owner).object, Field::Attribute(name));
            let set = self.heap.read(cell);
            found = self.heap.strip(set);
            if found != EMPTY && !self.heap.may_be_unbound(set) {
                return found;
            }
            owner = self.module_frames[self.frame(owner).module.index()];
        }
        let frame = self.frame(owner);
        let kind = self.defs.scope(frame.scope).kind;
        let cell = self.heap.cell(frame.object, Field::Attribute(name));
        let set = self.heap.read(cell);
        let stripped = self.heap.strip(set);
        found = self.heap.union(found, stripped);
        if kind != ScopeKind::Module || (found != EMPTY && !self.heap.may_be_unbound(set)) {
            return found;
        }
        let text = self.names.text(name);
        if builtins::is_builtin(text) {
            let builtin = self.heap.one(Val::Builtin(name));
            return self.heap.union(found, builtin);
        }
        if found != EMPTY || self.defs.scope(frame.scope).locals.contains(&name) {
            return found;
        }
        match text {
            "__name__" | "__file__" | "__doc__" | "__package__" => return self.typed("str"),
            _ => {}
        }
        match self.star_imports.get(&frame.module).map(Vec::as_slice) {
            Some([one]) => {
                let one = *one;
                self.external_attribute(one, name)
            }
            Some(_) => self.unknown(Unknown::StarImport),
            None => self.unknown(Unknown::UndefinedName),
        }
    }

    pub fn store_name(&mut self, name: NameId, set: SetId) {
        let Some(owner) = self.owner(name, true) else { return };
        let frame = self.frame(owner);
        let cell = self.heap.cell(frame.object, Field::Attribute(name));
        let unique = self.heap.objects.get(frame.object.0 as usize).is_some_and(|object| object.unique);
        let replace = unique || !self.heap.cells[cell.0 as usize].shared;
        self.heap.store(cell, set, replace);
    }

    pub fn unknown(&mut self, reason: Unknown) -> SetId {
        self.heap.one(Val::Unknown(reason))
    }

    pub fn typed(&mut self, name: &str) -> SetId {
        let name = self.names.id(name);
        self.heap.one(Val::Typed(name))
    }

    pub fn text(&mut self, text: &str) -> SetId {
        let name = self.names.id(text);
        self.heap.one(Val::Str(name))
    }

    // What is found.

    /// Keeps what a site calls.
    pub fn reach(&mut self, site: Site, target: Target) {
        self.reach_without_edge(site, target);
        if !matches!(target, Target::Unknown(_)) {
            self.edges.insert((self.function, target));
        }
    }

    pub fn reach_without_edge(&mut self, site: Site, target: Target) {
        let (range, implicit) = match self.snippet {
            Some(range) => (range, true),
            None => (site.range, site.implicit),
        };
        let map = if implicit { &mut self.implicit } else { &mut self.calls };
        let targets = map.entry((self.module, range)).or_default();
        if !targets.contains(&target) && targets.len() < 256 {
            targets.push(target);
        }
    }

    pub fn keep(&mut self, expr: &Expr, set: SetId) {
        if self.snippet.is_none() && set != EMPTY {
            let key = (self.module, expr.range());
            let old = self.values.get(&key).copied().unwrap_or(EMPTY);
            if old != set {
                let new = self.heap.union(old, set);
                self.values.insert(key, new);
            }
        }
    }

    // External names.

    pub fn external(&mut self, text: &str) -> ExternalId {
        let text = self.names.id(text);
        self.add_external(External { text, plain: text, depth: 0, root: None })
    }

    pub fn add_external(&mut self, external: External) -> ExternalId {
        if let Some(id) = self.external_ids.get(&external.text) {
            return *id;
        }
        let id = ExternalId(self.externals.len() as u32);
        self.externals.push(external);
        self.external_ids.insert(external.text, id);
        id
    }

    /// A name made from another one. Names that grow too long (`x = x.next()` in a loop) end at the imported name.
    pub fn derive_external(&mut self, of: ExternalId, suffix: &str, plain_suffix: &str, cost: u8) -> ExternalId {
        let base = self.externals[of.0 as usize];
        let root = base.root.unwrap_or(of);
        let text = format!("{}{suffix}", self.names.text(base.text));
        if base.depth + cost > 20 || text.len() > 200 {
            return root;
        }
        let plain = format!("{}{plain_suffix}", self.names.text(base.plain));
        let (text, plain) = (self.names.id(&text), self.names.id(&plain));
        let depth = if suffix.starts_with('.') && base.depth == 0 { 0 } else { base.depth + cost };
        self.add_external(External { text, plain, depth, root: Some(root) })
    }

    pub fn external_attribute(&mut self, of: ExternalId, name: NameId) -> SetId {
        let id = self.external_member(of, name);
        self.heap.one(Val::External(id))
    }

    pub fn external_member(&mut self, of: ExternalId, name: NameId) -> ExternalId {
        if let Some(id) = self.external_attributes.get(&(of, name)) {
            return *id;
        }
        let suffix = format!(".{}", self.names.text(name));
        let id = self.derive_external(of, &suffix, &suffix, 2);
        self.external_attributes.insert((of, name), id);
        id
    }

    pub fn external_subscript(&mut self, of: ExternalId, key: SetId) -> SetId {
        let id = match self.heap.only(key) {
            Some(Val::Str(key)) if self.names.text(key).len() <= 64 => {
                let suffix = format!("[{:?}]", self.names.text(key));
                self.derive_external(of, &suffix, &suffix, 2)
            }
            _ => self.derive_external(of, "[...]", "", 2),
        };
        self.heap.one(Val::External(id))
    }
}
