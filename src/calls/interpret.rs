//! Walks code over abstract values: statements and expressions.
//!
//! What runs is followed as Python runs it: module code from the entries on, calls into functions where they happen,
//! with their arguments, on the state of that moment (so that `c.change(f)` changes `c` for what follows). A call is
//! followed in place up to limits (depth, recursion, contexts of a function, work); beyond them the function is
//! analysed once for all its callers, over published cells, until nothing grows any more ([`Interpreter::run`]).

use std::collections::VecDeque;

use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, InterpolatedStringElement, Mod, Number, Operator, Pattern, Stmt, StmtClassDef,
    StmtFunctionDef, StmtTry, StringLiteralValue, UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Unknown;
use super::builtins;
use super::definitions::{ClassId, Definition, Definitions, FunctionId, NameId, Names, ScopeKind, address};
use super::heap::{
    Ancestor, CellId, ClassObject, Closure, ClosureId, EMPTY, External, ExternalId, Field, Frame, FrameId, Heap,
    ObjectId, SetId, Shape, UnitId, Val, ValueId,
};
use super::invoke::Args;
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
    depth: usize,
    breaks: Vec<Vec<(CellId, SetId)>>,
    continues: Vec<Vec<(CellId, SetId)>>,
    coarse: bool,
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

impl Default for SetId {
    fn default() -> Self {
        EMPTY
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// All module code.
    Initialisation,
    /// A function for all of its callers.
    Closure(ClosureId),
}

#[derive(Debug)]
pub(super) struct Unit {
    pub work: Work,
    /// Nothing of the project calls it.
    pub root: bool,
    pub queued: bool,
    pub running: bool,
    pub clean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    New,
    Running,
    Done,
}

/// Deepest nesting of the walk, syntax and calls together; bounds the stack.
pub(super) const DEEPEST_WALK: u32 = 3_600;
/// Nesting up to which calls are followed in place.
const DEEPEST_INLINE: u32 = 1_200;
/// Chain of calls followed in place.
const LONGEST_CHAIN: usize = 12;
/// How often one function is followed in place.
const MOST_CONTEXTS: u32 = 40;
/// Expressions and statements walked in place: by one unit, and by the program (to which its size is added).
const INLINE_STEPS: u64 = 20_000;
const ALL_INLINE_STEPS: u64 = 60_000;
/// Returns of a function, and `break`s and `continue`s of a loop, that are told apart.
const MOST_EXITS: usize = 32;
/// Longest text that `+` of constants makes, in bytes, and how many such texts a program has.
const LONGEST_FOLD: usize = 200;
const MOST_FOLDS: u32 = 500;

pub(super) struct Interpreter<'p> {
    pub project: &'p Project,
    pub defs: Definitions<'p>,
    pub names: Names,
    pub heap: Heap,
    pub externals: Vec<External>,
    external_ids: FxHashMap<NameId, ExternalId>,
    external_attributes: FxHashMap<(ExternalId, NameId), ExternalId>,
    pub class_objects: FxHashMap<ObjectId, ClassObject>,
    /// The objects of a class: one a context in which its statement ran.
    pub objects_of: FxHashMap<ClassId, Vec<ObjectId>>,
    pub frames: Vec<Frame>,
    frame_ids: FxHashMap<(u32, u32, usize), FrameId>,
    pub closures: Vec<Closure>,
    closure_ids: FxHashMap<(FunctionId, FrameId), ClosureId>,
    pub closures_of: FxHashMap<FunctionId, Vec<ClosureId>>,
    pub module_frames: Vec<FrameId>,
    module_progress: Vec<Progress>,
    /// Names that were not there yet when a cyclic import asked for them: cell, module, name.
    late: Vec<(CellId, ModuleId, NameId)>,
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
    raised: bool,
    pub depth: u32,
    /// Descriptors being looked up through descriptors.
    pub binding: u32,
    loop_level: u32,
    steps: u64,
    max_steps: u64,
    /// Whether the running unit follows calls in place.
    pub in_place: bool,
    /// Calls being followed in place.
    pub inlined: u32,
    inline_steps: u64,
    inline_limit: u64,
    all_inline_limit: u64,
    last_run: u32,
    folds: u32,
    /// The call that evaluates the snippet being walked.
    snippet: Option<TextRange>,
    snippets_known: FxHashSet<usize>,
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
        let max_steps = 300_000 + nodes.saturating_mul(200);
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
            late: Vec::new(),
            star_imports: FxHashMap::default(),
            units: vec![Unit { work: Work::Initialisation, root: true, queued: false, running: false, clean: false }],
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
            in_place: false,
            inlined: 0,
            inline_steps: 0,
            inline_limit: 0,
            all_inline_limit: ALL_INLINE_STEPS + nodes,
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
        for (id, _) in project.modules() {
            let function = this.defs.modules[id.index()];
            let object = this.heap.object(Shape::Namespace, true);
            let frame = FrameId(this.frames.len() as u32);
            let scope = this.defs.function(function).scope;
            this.frames.push(Frame { scope, function, module: id, object, parent: None, closure: None });
            this.module_frames.push(frame);
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
            if self.out_of_steps() {
                self.queue.clear();
                break;
            }
            // It may have run since, as part of another unit.
            if self.units.get(unit.0 as usize).is_some_and(|unit| !unit.clean) {
                self.run_unit(unit);
            }
        }
    }

    pub fn enqueue(&mut self, unit: UnitId) {
        if let Some(state) = self.units.get_mut(unit.0 as usize) {
            state.clean = false;
            if !state.queued && !state.running {
                state.queued = true;
                self.queue.push_back(unit);
            }
        }
    }

    pub fn out_of_steps(&self) -> bool {
        self.steps > self.max_steps
    }

    /// Runs a function that nothing calls, with unknown arguments.
    fn run_uncalled(&mut self, id: FunctionId) {
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
        let (in_place, inlined) = (self.in_place, self.inlined);
        self.in_place = root;
        self.inlined = 0;
        self.inline_limit = self.inline_steps + INLINE_STEPS;
        self.activation.depth = self.heap.begin();
        match work {
            Work::Initialisation => self.initialise(),
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

    fn initialise(&mut self) {
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
        for module in order {
            self.run_module(module);
        }
        for (cell, module, name) in std::mem::take(&mut self.late) {
            let object = self.module_object(module);
            let set = self.heap.read_field(object, Field::Attribute(name));
            if set != EMPTY {
                self.heap.add(cell, set);
            }
        }
    }

    /// Runs the code of a module, once, and not while it is running (a cyclic import).
    fn run_module(&mut self, id: ModuleId) {
        if self.heap.unit != INITIALISATION || self.depth > DEEPEST_INLINE {
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
        self.activation = activation;
        self.dead = dead;
        self.loop_level = level;
        (self.frame, self.function, self.module) = (frame, function, module);
        if let Some(progress) = self.module_progress.get_mut(id.index()) {
            *progress = Progress::Done;
        }
    }

    /// Whether a call of the function is followed in place.
    pub fn may_inline(&mut self, id: FunctionId) -> bool {
        if !self.in_place
            || self.depth > DEEPEST_INLINE
            || self.chain.len() >= LONGEST_CHAIN
            || self.inline_steps > self.inline_limit
            || self.inline_steps > self.all_inline_limit
            || self.chain.contains(&id)
            || self.function == id
        {
            return false;
        }
        self.contexts.get(&id).copied().unwrap_or(0) < MOST_CONTEXTS
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

    fn add_frame(&mut self, frame: Frame) -> FrameId {
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
    fn owner(&self, name: NameId, store: bool) -> Option<FrameId> {
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

    fn keep(&mut self, expr: &Expr, set: SetId) {
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

    fn add_external(&mut self, external: External) -> ExternalId {
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

    // Statements.

    pub fn block(&mut self, body: &'p [Stmt]) {
        for stmt in body {
            if self.dead || self.out_of_steps() {
                return;
            }
            self.statement(stmt);
        }
    }

    /// Counts work.
    pub fn step(&mut self, work: usize) {
        self.steps += work as u64;
        if self.inlined > 0 {
            self.inline_steps += work as u64;
        }
    }

    fn statement(&mut self, stmt: &'p Stmt) {
        self.step(1);
        if self.depth > DEEPEST_WALK {
            return;
        }
        self.depth += 1;
        match stmt {
            Stmt::FunctionDef(def) => self.define_function(def),
            Stmt::ClassDef(def) => self.define_class(def),
            Stmt::Return(node) => {
                let value = match &node.value {
                    Some(value) => self.eval(value),
                    None => self.heap.one(Val::None),
                };
                self.activation.returns = self.heap.union(self.activation.returns, value);
                self.leave();
            }
            Stmt::Delete(node) => {
                for target in &node.targets {
                    self.delete(target);
                }
            }
            Stmt::TypeAlias(node) => {
                if let Expr::Name(name) = &*node.name {
                    let name = self.names.id(name.id.as_str());
                    let value = self.eval(&node.value);
                    self.store_name(name, value);
                }
            }
            Stmt::Assign(node) => {
                let value = self.eval(&node.value);
                for target in &node.targets {
                    self.assign(target, value);
                }
            }
            Stmt::AugAssign(node) => {
                let old = self.eval(&node.target);
                let value = self.eval(&node.value);
                let site = Site::implicit(node);
                let new = self.binary(old, node.op, value, site, true);
                self.assign(&node.target, new);
            }
            Stmt::AnnAssign(node) => {
                if let Some(value) = &node.value {
                    let mut value = self.eval(value);
                    if self.is_unknown(value) {
                        let typed = self.annotation(&node.annotation, 0);
                        if typed != EMPTY {
                            value = typed;
                        }
                    }
                    self.assign(&node.target, value);
                }
            }
            Stmt::For(node) => {
                let iterable = self.eval(&node.iter);
                let site = Site::implicit(&*node.iter);
                let elements = self.iterate(iterable, site);
                self.repeat(Some((&node.target, elements)), None, &node.body, &node.orelse);
            }
            Stmt::While(node) => self.repeat(None, Some(&node.test), &node.body, &node.orelse),
            Stmt::If(node) => {
                self.test(&node.test);
                let mut outcomes = Vec::new();
                let mut exhaustive = false;
                self.branch(Some(&node.test), &node.body, &mut outcomes);
                for clause in &node.elif_else_clauses {
                    match &clause.test {
                        Some(test) => self.test(test),
                        None => exhaustive = true,
                    }
                    self.branch(clause.test.as_ref(), &clause.body, &mut outcomes);
                }
                self.meet(outcomes, !exhaustive);
            }
            Stmt::With(node) => self.with(node),
            Stmt::Match(node) => {
                let subject = self.eval(&node.subject);
                let mut outcomes = Vec::new();
                let mut exhaustive = false;
                for case in &node.cases {
                    self.heap.begin();
                    self.bind_pattern(&case.pattern, subject);
                    if let Some(guard) = &case.guard {
                        self.test(guard);
                    }
                    exhaustive |= case.guard.is_none() && case.pattern.is_irrefutable();
                    self.block(&case.body);
                    self.end_branch(&mut outcomes);
                }
                self.meet(outcomes, !exhaustive);
            }
            Stmt::Raise(node) => {
                if let Some(exception) = &node.exc {
                    let value = self.eval(exception);
                    self.raise(value, Site::implicit(&**exception));
                }
                if let Some(cause) = &node.cause {
                    self.eval(cause);
                }
                self.dead = true;
                self.raised = true;
            }
            Stmt::Try(node) => self.try_statement(node),
            Stmt::Assert(node) => {
                self.test(&node.test);
                if let Some(message) = &node.msg {
                    let before = self.begin_maybe();
                    self.eval(message);
                    self.end_maybe(before);
                }
            }
            Stmt::Import(node) => {
                for alias in &node.names {
                    let dotted = alias.name.id.as_str();
                    let whole = self.import(dotted);
                    match &alias.asname {
                        Some(name) => {
                            let name = self.names.id(name.id.as_str());
                            self.store_name(name, whole);
                        }
                        None => {
                            let first = dotted.split('.').next().unwrap_or(dotted);
                            let value = self.import(first);
                            let name = self.names.id(first);
                            self.store_name(name, value);
                        }
                    }
                }
            }
            Stmt::ImportFrom(node) => {
                let name = node.module.as_ref().map_or("", |name| name.id.as_str());
                let base = self.project.absolute(self.module, node.level, name);
                for alias in &node.names {
                    let attribute = alias.name.id.as_str();
                    if attribute == "*" {
                        self.import_star(&base);
                        continue;
                    }
                    let bound = alias.asname.as_ref().map_or(attribute, |name| name.id.as_str());
                    let value = self.import_from(&base, attribute);
                    let bound = self.names.id(bound);
                    if value == EMPTY
                        && self.heap.unit == INITIALISATION
                        && let Resolution::Module(module) = self.project.resolve(&base)
                        && let Some(owner) = self.owner(bound, true)
                    {
                        let cell = self.heap.cell(self.frame(owner).object, Field::Attribute(bound));
                        let name = self.names.id(attribute);
                        self.late.push((cell, module, name));
                    }
                    self.store_name(bound, value);
                }
            }
            Stmt::Expr(node) => {
                self.eval(&node.value);
            }
            Stmt::Break(_) => {
                if let Some(depth) = self.activation.loops.last().map(|of| of.depth) {
                    if self.activation.loops.last().is_some_and(|of| of.breaks.len() < MOST_EXITS) {
                        let snapshot = self.heap.snapshot(depth);
                        if let Some(of) = self.activation.loops.last_mut() {
                            of.breaks.push(snapshot);
                        }
                    } else if let Some(of) = self.activation.loops.last_mut() {
                        of.coarse = true;
                    }
                }
                self.dead = true;
            }
            Stmt::Continue(_) => {
                if let Some(depth) = self.activation.loops.last().map(|of| of.depth) {
                    if self.activation.loops.last().is_some_and(|of| of.continues.len() < MOST_EXITS) {
                        let snapshot = self.heap.snapshot(depth);
                        if let Some(of) = self.activation.loops.last_mut() {
                            of.continues.push(snapshot);
                        }
                    } else if let Some(of) = self.activation.loops.last_mut() {
                        of.coarse = true;
                    }
                }
                self.dead = true;
            }
            Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
        self.depth -= 1;
    }

    /// Leaves the function with the state of this moment.
    fn leave(&mut self) {
        if self.activation.exits.len() < MOST_EXITS {
            let snapshot = self.heap.snapshot(self.activation.depth);
            self.activation.exits.push(snapshot);
        } else {
            self.activation.coarse = true;
        }
        self.dead = true;
        self.raised = false;
    }

    fn branch(&mut self, test: Option<&'p Expr>, body: &'p [Stmt], outcomes: &mut Vec<Vec<(CellId, SetId)>>) {
        self.heap.begin();
        if let Some(test) = test {
            self.assume(test);
        }
        self.block(body);
        self.end_branch(outcomes);
    }

    /// Takes note of what a condition says where it holds: `isinstance(name, classes)`, alone or in an `and`.
    fn assume(&mut self, test: &'p Expr) {
        match test {
            Expr::BoolOp(node) if node.op == ruff_python_ast::BoolOp::And => {
                for part in node.values.iter().take(8) {
                    if matches!(part, Expr::Call(_)) {
                        self.assume(part);
                    }
                }
            }
            Expr::Call(node) => {
                if let (Expr::Name(function), [Expr::Name(name), classes]) = (&*node.func, &*node.arguments.args)
                    && function.id.as_str() == "isinstance"
                    && matches!(classes, Expr::Name(_) | Expr::Attribute(_) | Expr::Tuple(_))
                {
                    let classes = self.eval(classes);
                    let name = self.names.id(name.id.as_str());
                    if self.owner(name, false) != Some(self.frame) {
                        // Other code may see, and change, what is not local.
                        return;
                    }
                    let set = self.load_name(name);
                    let narrowed = self.narrow(set, classes);
                    if narrowed != set {
                        self.store_name(name, narrowed);
                    }
                }
            }
            _ => {}
        }
    }

    fn end_branch(&mut self, outcomes: &mut Vec<Vec<(CellId, SetId)>>) {
        let changes = self.heap.end();
        self.heap.note(&changes);
        if !self.dead {
            outcomes.push(changes.iter().map(|change| (change.cell, change.value)).collect());
        }
        self.dead = false;
    }

    /// Goes on where branches meet.
    fn meet(&mut self, outcomes: Vec<Vec<(CellId, SetId)>>, also_old: bool) {
        if outcomes.is_empty() {
            self.dead = !also_old;
            return;
        }
        self.heap.join(&outcomes, also_old);
    }

    pub fn begin_maybe(&mut self) -> usize {
        self.heap.begin()
    }

    /// Ends code that may or may not have run.
    pub fn end_maybe(&mut self, _before: usize) {
        let changes = self.heap.end();
        if !changes.is_empty() {
            self.heap.note(&changes);
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            self.heap.join(&[outcome], true);
        }
    }

    fn repeat(
        &mut self,
        target: Option<(&'p Expr, SetId)>,
        test: Option<&'p Expr>,
        body: &'p [Stmt],
        orelse: &'p [Stmt],
    ) {
        // Within three loops each body is walked once for each walk of the loop around it.
        let rounds = match self.loop_level {
            0 => 6,
            1 => 3,
            2 => 2,
            _ => 1,
        };
        let endless = test.is_some_and(is_true);
        self.loop_level += 1;
        let mut breaks = Vec::new();
        for _ in 0..rounds {
            if let Some(test) = test {
                self.test(test);
            }
            let depth = self.heap.begin();
            self.activation.loops.push(Loop { depth, ..Loop::default() });
            if let Some((target, elements)) = target {
                self.assign(target, elements);
            }
            self.block(body);
            let of = self.activation.loops.pop().unwrap_or_default();
            let mut outcomes = of.continues;
            let everything = of.coarse.then(|| self.heap.everything(depth));
            self.end_branch(&mut outcomes);
            breaks = of.breaks;
            if let Some(everything) = everything {
                breaks.push(everything.clone());
                outcomes.push(everything);
            }
            if outcomes.is_empty() || !self.heap.join(&outcomes, true) {
                break;
            }
        }
        self.loop_level -= 1;
        let mut outcomes = breaks;
        if !endless {
            if outcomes.is_empty() {
                self.block(orelse);
                return;
            }
            self.heap.begin();
            self.block(orelse);
            self.end_branch(&mut outcomes);
        }
        self.meet(outcomes, false);
    }

    fn try_statement(&mut self, node: &'p StmtTry) {
        let exits = self.activation.exits.len();
        self.heap.begin();
        self.heap.tries += 1;
        self.block(&node.body);
        self.heap.tries -= 1;
        let changes = self.heap.end();
        self.heap.note(&changes);
        let finished = !self.dead;
        self.dead = false;
        let mut outcomes = Vec::new();
        if finished {
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            if node.orelse.is_empty() {
                outcomes.push(outcome);
            } else {
                self.heap.begin();
                self.heap.join(&[outcome], false);
                self.block(&node.orelse);
                self.end_branch(&mut outcomes);
            }
        }
        // A handler may find anything that the body stored on its way.
        let on_the_way: Vec<_> = changes.iter().map(|change| (change.cell, change.all)).collect();
        for handler in &node.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            self.heap.begin();
            self.heap.join(std::slice::from_ref(&on_the_way), true);
            let class = handler.type_.as_ref().map_or(EMPTY, |class| self.eval(class));
            if let Some(name) = &handler.name {
                let value = self.instances_of(class);
                let name = self.names.id(name.id.as_str());
                self.store_name(name, value);
            }
            self.block(&handler.body);
            self.end_branch(&mut outcomes);
        }
        if outcomes.is_empty() {
            // Only `finally` runs, on the way out.
            if !node.finalbody.is_empty() {
                self.heap.begin();
                self.heap.join(&[on_the_way], true);
                self.block(&node.finalbody);
                let changes = self.heap.end();
                self.heap.note(&changes);
                for exit in self.activation.exits.iter_mut().skip(exits) {
                    exit.retain(|(cell, _)| !changes.iter().any(|change| change.cell == *cell));
                    exit.extend(changes.iter().map(|change| (change.cell, change.value)));
                }
            }
            self.dead = true;
            return;
        }
        self.heap.join(&outcomes, false);
        if !node.finalbody.is_empty() {
            let leaving = self.activation.exits.len() > exits;
            let depth = self.heap.begin();
            self.block(&node.finalbody);
            let snapshot = self.heap.snapshot(depth);
            let changes = self.heap.end();
            self.heap.note(&changes);
            if leaving {
                for exit in self.activation.exits.iter_mut().skip(exits) {
                    exit.retain(|(cell, _)| !snapshot.iter().any(|(changed, _)| changed == cell));
                    exit.extend(snapshot.iter().copied());
                }
            }
            if !self.dead {
                self.heap.join(&[snapshot], false);
            }
        }
    }

    fn with(&mut self, node: &'p ruff_python_ast::StmtWith) {
        let (enter, exit) = if node.is_async { ("__aenter__", "__aexit__") } else { ("__enter__", "__exit__") };
        let mut managers = Vec::new();
        for item in &node.items {
            let manager = self.eval(&item.context_expr);
            let site = Site::implicit(&item.context_expr);
            let value = self.enter_context(manager, enter, site);
            if let Some(target) = &item.optional_vars {
                self.assign(target, value);
            }
            managers.push((manager, site));
        }
        self.heap.begin();
        self.heap.tries += 1;
        self.block(&node.body);
        self.heap.tries -= 1;
        let changes = self.heap.end();
        self.heap.note(&changes);
        if self.dead && self.raised {
            // The context manager may swallow the exception.
            self.dead = false;
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.all)).collect();
            self.heap.join(&[outcome], true);
        } else {
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            self.heap.join(&[outcome], false);
        }
        let dead = std::mem::replace(&mut self.dead, false);
        for (manager, site) in managers.into_iter().rev() {
            let none = self.heap.one(Val::None);
            let args = Args { positional: vec![none; 3], ..Args::default() };
            self.call_special(manager, exit, args, site);
        }
        self.dead = dead;
    }

    fn define_function(&mut self, def: &'p StmtFunctionDef) {
        let Some(function) = self.defs.function_of.get(&address(def)).copied() else { return };
        let decorators: Vec<SetId> =
            def.decorator_list.iter().map(|decorator| self.eval(&decorator.expression)).collect();
        let closure = self.close_over(function);
        self.defaults(closure, Some(&def.parameters));
        let name = self.names.id(def.name.id.as_str());
        let mut value = self.heap.one(Val::Function(closure));
        let in_class = self.defs.scope(self.frame(self.frame).scope).kind == ScopeKind::Class;
        if in_class {
            match def.name.id.as_str() {
                "__new__" => {
                    let inner = self.heap.value(Val::Function(closure));
                    value = self.heap.one(Val::StaticMethod(inner));
                }
                "__init_subclass__" | "__class_getitem__" => {
                    let inner = self.heap.value(Val::Function(closure));
                    value = self.heap.one(Val::ClassMethod(inner));
                }
                _ => {}
            }
        }
        for (decorator, set) in def.decorator_list.iter().zip(decorators).rev() {
            value = self.decorate(set, value, Site::implicit(decorator));
        }
        if !def.decorator_list.is_empty() {
            let old = self.decorated.get(&function).copied().unwrap_or(EMPTY);
            let new = self.heap.union(old, value);
            self.decorated.insert(function, new);
        }
        self.store_name(name, value);
    }

    /// Evaluates default values, where and when the function is defined.
    fn defaults(&mut self, closure: ClosureId, parameters: Option<&'p ruff_python_ast::Parameters>) {
        let Some(parameters) = parameters else { return };
        let object = self.closure(closure).object;
        for (at, parameter) in parameters.iter_non_variadic_params().enumerate() {
            if let Some(default) = &parameter.default {
                let value = self.eval(default);
                let cell = self.heap.cell(object, Field::Default(at as u32));
                let unique =
                    self.heap.objects.get(self.frame(self.frame).object.0 as usize).is_some_and(|of| of.unique);
                self.heap.store(cell, value, unique);
            }
        }
    }

    fn define_class(&mut self, def: &'p StmtClassDef) {
        let Some(class) = self.defs.class_of.get(&address(def)).copied() else { return };
        let decorators: Vec<SetId> =
            def.decorator_list.iter().map(|decorator| self.eval(&decorator.expression)).collect();
        let mut bases = Vec::new();
        let mut metaclass = None;
        if let Some(arguments) = &def.arguments {
            for base in &arguments.args {
                bases.push(self.eval(base));
            }
            for keyword in &arguments.keywords {
                let value = self.eval(&keyword.value);
                if keyword.arg.as_ref().is_some_and(|name| name.id.as_str() == "metaclass") {
                    metaclass = self.heap.vals(value).into_iter().find_map(|(_, val)| match val {
                        Val::Class(class) => Some(class),
                        _ => None,
                    });
                }
            }
        }
        let site = (address(def), self.frame.0, 0);
        let object = self.heap.allocate(site, Shape::Class);
        let order = self.method_resolution_order(object, &bases);
        let from_annotations = order.iter().any(|ancestor| match ancestor {
            Ancestor::External(id) => {
                let text = self.names.text(self.externals[id.0 as usize].text);
                text.ends_with(".NamedTuple") || text.ends_with(".BaseModel") || text.ends_with(".TypedDict")
            }
            Ancestor::Class(base) => {
                *base != object && self.class_objects.get(base).is_some_and(|base| base.fields_from_annotations)
            }
            Ancestor::Builtin(_) => false,
        });
        let inherited = order.iter().find_map(|ancestor| match ancestor {
            Ancestor::Class(base) if *base != object => self.class_objects.get(base).and_then(|base| base.metaclass),
            _ => None,
        });
        let metaclass = metaclass.or(inherited).filter(|metaclass| *metaclass != object);
        match self.class_objects.get_mut(&object) {
            Some(known) => {
                known.order = order;
                known.metaclass = metaclass;
            }
            None => {
                self.class_objects.insert(
                    object,
                    ClassObject {
                        class,
                        order,
                        metaclass,
                        fields_from_annotations: from_annotations,
                        instances: Vec::new(),
                        default_instance: None,
                    },
                );
                self.objects_of.entry(class).or_default().push(object);
            }
        }
        let body = self.defs.classes[class.index()].body;
        let scope = self.defs.function(body).scope;
        let key = (u32::MAX, object.0, address(def));
        let frame = match self.frame_ids.get(&key) {
            Some(frame) => *frame,
            None => {
                let frame = self.add_frame(Frame {
                    scope,
                    function: body,
                    module: self.module,
                    object,
                    parent: Some(self.frame),
                    closure: None,
                });
                self.frame_ids.insert(key, frame);
                frame
            }
        };
        let (outer_frame, outer_function) = (self.frame, self.function);
        self.frame = frame;
        self.function = body;
        self.walked[body.index()] = true;
        self.block(&def.body);
        self.frame = outer_frame;
        self.function = outer_function;
        let mut value = self.heap.one(Val::Class(object));
        // A base class is told of its subclasses.
        if let Some(hook) = self.find_in_ancestors(object, "__init_subclass__", true) {
            let receiver = self.heap.value(Val::Class(object));
            let site = Site::implicit(&def.name);
            for (id, val) in self.heap.vals(hook) {
                let inner = match val {
                    Val::ClassMethod(inner) => inner,
                    _ => id,
                };
                let receiver = self.heap.single(receiver);
                let args = Args { positional: vec![receiver], ..Args::default() };
                self.call_value(inner, args, site);
            }
        }
        for (decorator, set) in def.decorator_list.iter().zip(decorators).rev() {
            value = self.decorate(set, value, Site::implicit(decorator));
        }
        let name = self.names.id(def.name.id.as_str());
        self.store_name(name, value);
    }

    fn raise(&mut self, value: SetId, site: Site) {
        for (id, val) in self.heap.vals(value) {
            match val {
                Val::Class(_) => {
                    self.call_value(id, Args::default(), site);
                }
                // `raise ext.Error` makes one; `raise ext.Error(…)` has made it already.
                Val::External(external)
                    if !self.names.text(self.externals[external.0 as usize].text).ends_with(')') =>
                {
                    self.reach(site, Target::External(external));
                }
                _ => {}
            }
        }
    }

    fn delete(&mut self, target: &'p Expr) {
        match target {
            Expr::Name(name) => {
                let name = self.names.id(name.id.as_str());
                self.store_name(name, EMPTY);
            }
            Expr::Attribute(node) => {
                self.eval(&node.value);
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let key = self.eval(&node.slice);
                let args = Args { positional: vec![key], ..Args::default() };
                self.call_special(base, "__delitem__", args, Site::implicit(node));
            }
            Expr::Tuple(node) => {
                for target in &node.elts {
                    self.delete(target);
                }
            }
            Expr::List(node) => {
                for target in &node.elts {
                    self.delete(target);
                }
            }
            _ => {}
        }
    }

    pub fn assign(&mut self, target: &'p Expr, value: SetId) {
        match target {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                self.store_name(name, value);
            }
            Expr::Attribute(node) => {
                let base = self.eval(&node.value);
                let name = self.names.id(node.attr.id.as_str());
                self.set_attribute(base, name, value, Site::implicit(node));
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let key = self.eval(&node.slice);
                self.set_item(base, key, value, Site::implicit(node));
            }
            Expr::Starred(node) => self.assign(&node.value, value),
            Expr::Tuple(node) => self.unpack(&node.elts, value, Site::implicit(node)),
            Expr::List(node) => self.unpack(&node.elts, value, Site::implicit(node)),
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &'p [Expr], value: SetId, site: Site) {
        let star = targets.iter().position(|target| matches!(target, Expr::Starred(_)));
        let mut parts = vec![EMPTY; targets.len()];
        let mut middle: Vec<SetId> = Vec::new();
        let mut middle_rest = EMPTY;
        let mut other = Vec::new();
        for (id, val) in self.heap.vals(value) {
            let Val::Object(object) = val else {
                other.push(id);
                continue;
            };
            if !matches!(self.heap.shape(object), Shape::List | Shape::Tuple) {
                other.push(id);
                continue;
            }
            let length = match self.length(object) {
                Some(length) => length,
                None => {
                    other.push(id);
                    continue;
                }
            };
            let after = star.map_or(0, |at| targets.len() - at - 1);
            for (at, part) in parts.iter_mut().enumerate() {
                let from = match star {
                    Some(star) if at == star => {
                        let last = (length - after as i64).max(at as i64);
                        for (slot, index) in (at as i64..last).enumerate() {
                            let set = self.element(object, index);
                            if middle.len() <= slot {
                                middle.push(EMPTY);
                            }
                            if let Some(old) = middle.get_mut(slot) {
                                *old = self.heap.union(*old, set);
                            }
                        }
                        continue;
                    }
                    Some(star) if at > star => length - (targets.len() - at) as i64,
                    _ => at as i64,
                };
                let set = self.element(object, from);
                *part = self.heap.union(*part, set);
            }
        }
        if !other.is_empty() {
            let other = self.heap.set(other);
            let elements = self.iterate(other, site);
            for part in &mut parts {
                *part = self.heap.union(*part, elements);
            }
            middle_rest = elements;
        }
        for (at, (target, part)) in targets.iter().zip(parts).enumerate() {
            if star == Some(at) {
                let list = self.new_container(Shape::List, (address(target), self.frame.0, 1));
                for (index, set) in middle.iter().enumerate() {
                    let cell = self.heap.cell(list, Field::Index(index as i64));
                    self.heap.add(cell, *set);
                }
                if middle_rest == EMPTY {
                    self.set_length(list, middle.len() as i64);
                } else {
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, middle_rest);
                }
                let list = self.heap.one(Val::Object(list));
                self.assign(target, list);
            } else {
                self.assign(target, part);
            }
        }
    }

    fn bind_pattern(&mut self, pattern: &'p Pattern, subject: SetId) {
        self.steps += 1;
        if self.depth > DEEPEST_WALK {
            return;
        }
        self.depth += 1;
        match pattern {
            Pattern::MatchValue(node) => {
                self.eval(&node.value);
            }
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(node) => {
                let elements = self.iterate(subject, Site::implicit(node));
                for (at, part) in node.patterns.iter().enumerate() {
                    let mut value = EMPTY;
                    if !matches!(part, Pattern::MatchStar(_)) {
                        for (_, val) in self.heap.vals(subject) {
                            if let Val::Object(object) = val
                                && self.length(object).is_some()
                            {
                                let set = self.element(object, at as i64);
                                value = self.heap.union(value, set);
                            }
                        }
                    }
                    let value = if value == EMPTY { elements } else { value };
                    self.bind_pattern(part, value);
                }
            }
            Pattern::MatchMapping(node) => {
                for (key, part) in node.keys.iter().zip(&node.patterns) {
                    let key = self.eval(key);
                    let value = self.get_item(subject, key, Site::implicit(node));
                    self.bind_pattern(part, value);
                }
                if let Some(name) = &node.rest {
                    let name = self.names.id(name.id.as_str());
                    let value = self.typed("dict");
                    self.store_name(name, value);
                }
            }
            Pattern::MatchClass(node) => {
                let class = self.eval(&node.cls);
                let subject = self.narrow(subject, class);
                for part in &node.arguments.patterns {
                    let value = self.unknown(Unknown::Contents);
                    self.bind_pattern(part, value);
                }
                for keyword in &node.arguments.keywords {
                    let name = self.names.id(keyword.attr.id.as_str());
                    let value = self.get_attribute(subject, name, Site::implicit(keyword));
                    self.bind_pattern(&keyword.pattern, value);
                }
            }
            Pattern::MatchStar(node) => {
                if let Some(name) = &node.name {
                    let list = self.new_container(Shape::List, (address(node), self.frame.0, 0));
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, subject);
                    let list = self.heap.one(Val::Object(list));
                    let name = self.names.id(name.id.as_str());
                    self.store_name(name, list);
                }
            }
            Pattern::MatchAs(node) => {
                let mut subject = subject;
                if let Some(inner) = &node.pattern {
                    self.bind_pattern(inner, subject);
                    if let Pattern::MatchClass(class) = &**inner {
                        let class = self.eval(&class.cls);
                        subject = self.narrow(subject, class);
                    }
                }
                if let Some(name) = &node.name {
                    let name = self.names.id(name.id.as_str());
                    self.store_name(name, subject);
                }
            }
            Pattern::MatchOr(node) => {
                for part in &node.patterns {
                    self.bind_pattern(part, subject);
                }
            }
        }
        self.depth -= 1;
    }

    // Imports.

    /// The module of a dotted name; runs its code.
    pub fn import(&mut self, dotted: &str) -> SetId {
        match self.project.resolve(dotted) {
            Resolution::Module(id) => {
                self.run_module(id);
                self.heap.one(Val::Module(id))
            }
            Resolution::Namespace(at) => self.heap.one(Val::Namespace(at)),
            Resolution::External => {
                let id = self.external(dotted);
                self.heap.one(Val::External(id))
            }
        }
    }

    fn import_from(&mut self, base: &str, attribute: &str) -> SetId {
        let full = if base.is_empty() { attribute.to_owned() } else { format!("{base}.{attribute}") };
        match self.project.resolve(base) {
            Resolution::Module(id) => {
                self.run_module(id);
                let name = self.names.id(attribute);
                let object = self.module_object(id);
                let cell = self.heap.cell(object, Field::Attribute(name));
                let raw = self.heap.read(cell);
                let mut set = self.heap.strip(raw);
                if self.heap.may_be_unbound(raw) {
                    match self.project.resolve(&full) {
                        Resolution::External => {
                            let scope = self.frame(self.module_frames[id.index()]).scope;
                            if set == EMPTY && !self.defs.scope(scope).locals.contains(&name) {
                                set = match self.star_imports.get(&id).map(Vec::as_slice) {
                                    Some([one]) => {
                                        let one = *one;
                                        self.external_attribute(one, name)
                                    }
                                    _ => {
                                        let external = self.external(&full);
                                        self.heap.one(Val::External(external))
                                    }
                                };
                            }
                        }
                        Resolution::Module(_) | Resolution::Namespace(_) => {
                            let module = self.import(&full);
                            set = self.heap.union(set, module);
                        }
                    }
                }
                set
            }
            Resolution::Namespace(_) => self.import(&full),
            Resolution::External => match self.project.resolve(&full) {
                Resolution::External => {
                    let base = if base.is_empty() { None } else { Some(self.external(base)) };
                    match base {
                        Some(base) => {
                            let name = self.names.id(attribute);
                            self.external_attribute(base, name)
                        }
                        None => {
                            let external = self.external(attribute);
                            self.heap.one(Val::External(external))
                        }
                    }
                }
                Resolution::Module(_) | Resolution::Namespace(_) => self.import(&full),
            },
        }
    }

    fn import_star(&mut self, base: &str) {
        match self.project.resolve(base) {
            Resolution::Module(id) => {
                self.run_module(id);
                let object = self.module_object(id);
                let all = self.names.id("__all__");
                let listed = self.heap.read_field(object, Field::Attribute(all));
                let mut wanted: Option<FxHashSet<NameId>> = None;
                for (_, val) in self.heap.vals(listed) {
                    if let Val::Object(list) = val {
                        let wanted = wanted.get_or_insert_default();
                        for (_, cell) in self.heap.fields_of(list) {
                            let set = self.heap.read(cell);
                            for (_, val) in self.heap.vals(set) {
                                if let Val::Str(name) = val {
                                    wanted.insert(name);
                                }
                            }
                        }
                    }
                }
                if let Some(stars) = self.star_imports.get(&id).cloned() {
                    let known = self.star_imports.entry(self.module).or_default();
                    for star in stars {
                        if !known.contains(&star) {
                            known.push(star);
                        }
                    }
                }
                for (field, cell) in self.heap.fields_of(object) {
                    let Field::Attribute(name) = field else { continue };
                    let public = match &wanted {
                        Some(wanted) => wanted.contains(&name),
                        None => !self.names.text(name).starts_with('_'),
                    };
                    if public {
                        let set = self.heap.read(cell);
                        let set = self.heap.strip(set);
                        if set != EMPTY {
                            self.store_name(name, set);
                        }
                    }
                }
                for name in wanted.into_iter().flatten().collect::<std::collections::BTreeSet<_>>() {
                    let full = format!("{base}.{}", self.names.text(name));
                    if self.project.resolve(&full) != Resolution::External {
                        let module = self.import(&full);
                        self.store_name(name, module);
                    }
                }
            }
            Resolution::Namespace(_) => {}
            Resolution::External => {
                let id = self.external(base);
                let known = self.star_imports.entry(self.module).or_default();
                if !known.contains(&id) {
                    known.push(id);
                }
            }
        }
    }

    // Expressions.

    /// Evaluates an expression and keeps what it may be. Empty: no value gets here.
    pub fn eval(&mut self, expr: &'p Expr) -> SetId {
        self.step(1);
        if self.depth > DEEPEST_WALK || self.out_of_steps() {
            return self.unknown(Unknown::TooMany);
        }
        self.depth += 1;
        let set = self.evaluate(expr);
        self.depth -= 1;
        set
    }

    fn evaluate(&mut self, expr: &'p Expr) -> SetId {
        match expr {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                let set = self.load_name(name);
                self.keep(expr, set);
                set
            }
            Expr::Attribute(node) => {
                let base = self.eval(&node.value);
                let name = self.names.id(node.attr.id.as_str());
                let set = self.get_attribute(base, name, Site::implicit(node));
                self.keep(expr, set);
                set
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let set = if let Expr::Slice(slice) = &*node.slice {
                    let part = |this: &mut Self, part: &'p Option<Box<Expr>>| part.as_ref().map(|part| this.eval(part));
                    let lower = part(self, &slice.lower);
                    let upper = part(self, &slice.upper);
                    let step = part(self, &slice.step);
                    self.slice(base, lower, upper, step.is_some(), Site::implicit(node))
                } else {
                    let key = self.eval(&node.slice);
                    self.get_item(base, key, Site::implicit(node))
                };
                self.keep(expr, set);
                set
            }
            Expr::Call(node) => {
                let set = self.call(node);
                self.keep(expr, set);
                set
            }
            Expr::BoolOp(node) => {
                let mut set = EMPTY;
                let mut open = 0;
                for (at, value) in node.values.iter().enumerate() {
                    if at == 1 {
                        self.begin_maybe();
                        open = 1;
                    }
                    let part = self.eval(value);
                    if at + 1 < node.values.len() {
                        self.truth(part, Site::implicit(value));
                    }
                    set = self.heap.union(set, part);
                }
                if open == 1 {
                    self.end_maybe(0);
                }
                set
            }
            Expr::Named(node) => {
                let value = self.eval(&node.value);
                self.assign(&node.target, value);
                value
            }
            Expr::BinOp(_) => self.binary_chain(expr),
            Expr::UnaryOp(node) => {
                let operand = self.eval(&node.operand);
                let (name, result) = match node.op {
                    UnaryOp::Not => {
                        self.truth(operand, Site::implicit(&*node.operand));
                        return self.typed("bool");
                    }
                    UnaryOp::USub => ("__neg__", operand),
                    UnaryOp::UAdd => ("__pos__", operand),
                    UnaryOp::Invert => ("__invert__", operand),
                };
                if let (UnaryOp::USub, Some(Val::Int(number))) = (node.op, self.heap.only(operand))
                    && let Some(negative) = number.checked_neg()
                    && matches!(&*node.operand, Expr::NumberLiteral(_))
                {
                    return self.heap.one(Val::Int(negative));
                }
                let (called, returned) = self.call_special(operand, name, Args::default(), Site::implicit(node));
                if called {
                    return returned;
                }
                self.without_constants(result)
            }
            Expr::Lambda(node) => {
                let Some(function) = self.defs.function_of.get(&address(node)).copied() else { return EMPTY };
                let closure = self.close_over(function);
                self.defaults(closure, node.parameters.as_deref());
                self.heap.one(Val::Function(closure))
            }
            Expr::If(node) => {
                self.test(&node.test);
                let mut outcomes = Vec::new();
                self.heap.begin();
                let then = self.eval(&node.body);
                self.end_branch(&mut outcomes);
                self.heap.begin();
                let otherwise = self.eval(&node.orelse);
                self.end_branch(&mut outcomes);
                self.heap.join(&outcomes, false);
                self.heap.union(then, otherwise)
            }
            Expr::Dict(node) => {
                let dict = self.new_container(Shape::Dict, (address(node), self.frame.0, 0));
                let set = self.heap.one(Val::Object(dict));
                for item in &node.items {
                    match &item.key {
                        Some(key) => {
                            let key = self.eval(key);
                            let value = self.eval(&item.value);
                            self.set_key(dict, key, value);
                        }
                        None => {
                            let other = self.eval(&item.value);
                            self.merge_dict(dict, other);
                        }
                    }
                }
                set
            }
            Expr::List(node) => self.sequence(Shape::List, &node.elts, address(node)),
            Expr::Tuple(node) => self.sequence(Shape::Tuple, &node.elts, address(node)),
            Expr::Set(node) => self.sequence(Shape::Set, &node.elts, address(node)),
            Expr::ListComp(node) => self.comprehension(address(node), Shape::List, &node.generators, None, &node.elt),
            Expr::SetComp(node) => self.comprehension(address(node), Shape::Set, &node.generators, None, &node.elt),
            Expr::Generator(node) => {
                self.comprehension(address(node), Shape::Iterator, &node.generators, None, &node.elt)
            }
            Expr::DictComp(node) => {
                self.comprehension(address(node), Shape::Dict, &node.generators, node.key.as_deref(), &node.value)
            }
            Expr::Await(node) => {
                let value = self.eval(&node.value);
                let (called, returned) = self.call_special(value, "__await__", Args::default(), Site::implicit(node));
                if called { returned } else { value }
            }
            Expr::Yield(node) => {
                let value = match &node.value {
                    Some(value) => self.eval(value),
                    None => self.heap.one(Val::None),
                };
                self.yielded(value);
                self.unknown(Unknown::Result)
            }
            Expr::YieldFrom(node) => {
                let value = self.eval(&node.value);
                let elements = self.iterate(value, Site::implicit(&*node.value));
                self.yielded(elements);
                self.unknown(Unknown::Result)
            }
            Expr::Compare(node) => {
                let mut left = self.eval(&node.left);
                let mut external = None;
                for (op, right) in node.ops.iter().zip(&node.comparators) {
                    let right = self.eval(right);
                    let site = Site::implicit(node);
                    if let Some((method, reflected)) = builtins::comparison(*op) {
                        let (owner, other) = if reflected { (right, left) } else { (left, right) };
                        let args = Args { positional: vec![other], ..Args::default() };
                        self.call_special(owner, method, args, site);
                    }
                    if let Some(Val::External(_)) = self.heap.only(left) {
                        external = Some(left);
                    }
                    left = right;
                }
                // Arrays compare element by element: the result is of their kind.
                match external {
                    Some(set) => set,
                    None => self.typed("bool"),
                }
            }
            Expr::FString(node) => {
                for part in node.value.iter() {
                    if let ruff_python_ast::FStringPart::FString(part) = part {
                        self.interpolate(&part.elements);
                    }
                }
                self.typed("str")
            }
            Expr::TString(node) => {
                for element in node.value.elements() {
                    self.interpolate(std::slice::from_ref(element));
                }
                let template = self.external("string.templatelib.Template");
                self.heap.one(Val::External(template))
            }
            Expr::StringLiteral(node) => self.string(&node.value),
            Expr::BytesLiteral(_) => self.typed("bytes"),
            Expr::NumberLiteral(node) => match &node.value {
                Number::Int(int) => match int.as_i64() {
                    Some(number) => self.heap.one(Val::Int(number)),
                    None => self.typed("int"),
                },
                Number::Float(_) => self.typed("float"),
                Number::Complex { .. } => self.typed("complex"),
            },
            Expr::BooleanLiteral(_) => self.typed("bool"),
            Expr::NoneLiteral(_) => self.heap.one(Val::None),
            Expr::EllipsisLiteral(_) => self.typed("ellipsis"),
            Expr::Starred(node) => self.eval(&node.value),
            Expr::Slice(node) => {
                for part in [&node.lower, &node.upper, &node.step].into_iter().flatten() {
                    self.eval(part);
                }
                self.typed("slice")
            }
            Expr::IpyEscapeCommand(_) => self.unknown(Unknown::Result),
        }
    }

    fn string(&mut self, value: &StringLiteralValue) -> SetId {
        let text = value.to_str();
        if text.len() > 4_096 {
            return self.typed("str");
        }
        self.text(text)
    }

    fn interpolate(&mut self, elements: &'p [InterpolatedStringElement]) {
        for element in elements {
            if let InterpolatedStringElement::Interpolation(part) = element {
                let value = self.eval(&part.expression);
                let site = Site::implicit(&*part.expression);
                let (formatted, _) = self.call_special(value, "__format__", Args::default(), site);
                if !formatted {
                    self.call_special(value, "__str__", Args::default(), site);
                }
                if let Some(specification) = &part.format_spec {
                    self.interpolate(&specification.elements);
                }
            }
        }
    }

    fn yielded(&mut self, set: SetId) {
        let mut frame = self.frame(self.frame);
        while frame.closure.is_none()
            && let Some(parent) = frame.parent
        {
            frame = self.frame(parent);
        }
        let cell = self.heap.cell(frame.object, Field::Element);
        self.heap.add(cell, set);
    }

    /// `a + b + c + …` without recursion to the left.
    fn binary_chain(&mut self, expr: &'p Expr) -> SetId {
        let mut chain = Vec::new();
        let mut at = expr;
        while let Expr::BinOp(node) = at {
            chain.push(node);
            at = &node.left;
        }
        let mut left = self.eval(at);
        for node in chain.into_iter().rev() {
            let right = self.eval(&node.right);
            left = self.binary(left, node.op, right, Site::implicit(node), false);
        }
        left
    }

    fn binary(&mut self, left: SetId, op: Operator, right: SetId, site: Site, in_place: bool) -> SetId {
        let name = builtins::operator(op);
        let args = Args { positional: vec![right], ..Args::default() };
        if in_place {
            let method = format!("__i{name}__");
            let (called, returned) = self.call_special(left, &method, args.clone(), site);
            if called {
                return returned;
            }
        }
        let (called, returned) = self.call_special(left, &format!("__{name}__"), args, site);
        if called {
            return returned;
        }
        let args = Args { positional: vec![left], ..Args::default() };
        let (called, returned) = self.call_special(right, &format!("__r{name}__"), args, site);
        if called {
            return returned;
        }
        if let (Operator::Add, Some(Val::Str(a)), Some(Val::Str(b))) = (op, self.heap.only(left), self.heap.only(right))
        {
            let text = format!("{}{}", self.names.text(a), self.names.text(b));
            if text.len() <= LONGEST_FOLD && self.folds < MOST_FOLDS {
                self.folds += 1;
                return self.text(&text);
            }
            return self.typed("str");
        }
        // Text formatting gives text, whatever is formatted.
        if op == Operator::Mod && self.heap.vals(left).iter().any(|(_, val)| matches!(val, Val::Str(_))) {
            return self.typed("str");
        }
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(left) {
            let part = match val {
                Val::Object(object) if matches!(self.heap.shape(object), Shape::List | Shape::Tuple) => match op {
                    Operator::Add => {
                        if in_place && self.heap.shape(object) == Shape::List {
                            let elements = self.iterate(right, site);
                            let cell = self.heap.cell(object, Field::Element);
                            self.heap.add(cell, elements);
                            self.forget_length(object);
                            self.heap.single(id)
                        } else {
                            self.concatenate(object, right, site)
                        }
                    }
                    Operator::Mult => {
                        let shape = self.heap.shape(object);
                        let new = self.new_container(shape, (site.address, self.frame.0, 7));
                        let elements = self.elements(object);
                        let cell = self.heap.cell(new, Field::Element);
                        self.heap.add(cell, elements);
                        self.heap.one(Val::Object(new))
                    }
                    _ => self.heap.single(id),
                },
                Val::Object(object) if self.heap.shape(object) == Shape::Dict && op == Operator::BitOr => {
                    let new = if in_place {
                        object
                    } else {
                        let new = self.new_container(Shape::Dict, (site.address, self.frame.0, 7));
                        let old = self.heap.single(id);
                        self.merge_dict(new, old);
                        new
                    };
                    self.merge_dict(new, right);
                    self.heap.one(Val::Object(new))
                }
                Val::Str(_) | Val::Int(_) => {
                    // The other side decides between int, float, text, array.
                    let single = self.heap.single(id);
                    let single = self.without_constants(single);
                    match self.heap.only(right) {
                        Some(Val::External(_)) => right,
                        Some(Val::Typed(name)) if self.names.text(name) == "float" => right,
                        _ => single,
                    }
                }
                Val::Class(_) | Val::Builtin(_) | Val::None if op == Operator::BitOr => {
                    let single = self.heap.single(id);
                    self.heap.union(single, right)
                }
                Val::None => EMPTY,
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    fn concatenate(&mut self, left: ObjectId, right: SetId, site: Site) -> SetId {
        let shape = self.heap.shape(left);
        let new = self.new_container(shape, (site.address, self.frame.0, 7));
        let right_object = match self.heap.only(right) {
            Some(Val::Object(object)) => Some(object),
            _ => None,
        };
        match (self.length(left), right_object.and_then(|object| self.length(object)), right_object) {
            (Some(first), Some(second), Some(right)) if first + second <= 256 => {
                for index in 0..first {
                    let set = self.element(left, index);
                    let cell = self.heap.cell(new, Field::Index(index));
                    self.heap.add(cell, set);
                }
                for index in 0..second {
                    let set = self.element(right, index);
                    let cell = self.heap.cell(new, Field::Index(first + index));
                    self.heap.add(cell, set);
                }
                self.set_length(new, first + second);
            }
            _ => {
                let elements = self.elements(left);
                let more = self.iterate(right, site);
                let all = self.heap.union(elements, more);
                let cell = self.heap.cell(new, Field::Element);
                self.heap.add(cell, all);
            }
        }
        self.heap.one(Val::Object(new))
    }

    /// Constants become values of their type: arithmetic is not followed.
    pub fn without_constants(&mut self, set: SetId) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(set) {
            let part = match val {
                Val::Str(_) => self.typed("str"),
                Val::Int(_) => self.typed("int"),
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    pub fn new_container(&mut self, shape: Shape, site: (usize, u32, u32)) -> ObjectId {
        let object = self.heap.allocate(site, shape);
        if matches!(shape, Shape::List) {
            let unique = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
            if unique {
                self.set_length(object, 0);
            }
        }
        object
    }

    fn sequence(&mut self, shape: Shape, elements: &'p [Expr], node: usize) -> SetId {
        let mut parts = Vec::with_capacity(elements.len());
        for element in elements {
            let set = self.eval(element);
            parts.push((set, matches!(element, Expr::Starred(_))));
        }
        let object = self.heap.allocate((node, self.frame.0, 0), shape);
        let mut index = Some(0_i64);
        for (at, (set, starred)) in parts.into_iter().enumerate() {
            if starred {
                let site = elements
                    .get(at)
                    .map_or(Site { address: node, range: TextRange::default(), implicit: true }, |element| {
                        Site::implicit(element)
                    });
                let known = match self.heap.only(set) {
                    Some(Val::Object(from)) => self.length(from).map(|length| (from, length)),
                    _ => None,
                };
                if let (Some((from, length)), Some(start)) = (known, index) {
                    for offset in 0..length {
                        let set = self.element(from, offset);
                        let cell = self.heap.cell(object, Field::Index(start + offset));
                        self.heap.add(cell, set);
                    }
                    index = Some(start + length);
                } else {
                    let elements = self.iterate(set, site);
                    let cell = self.heap.cell(object, Field::Element);
                    self.heap.add(cell, elements);
                    index = None;
                }
                continue;
            }
            let field = match index {
                Some(at) if shape != Shape::Set => Field::Index(at),
                _ => Field::Element,
            };
            index = index.map(|at| at + 1);
            let cell = self.heap.cell(object, field);
            self.heap.add(cell, set);
        }
        match index {
            Some(length) if shape != Shape::Set => self.set_length(object, length),
            _ => {}
        }
        self.heap.one(Val::Object(object))
    }

    fn comprehension(
        &mut self,
        node: usize,
        shape: Shape,
        generators: &'p [Comprehension],
        key: Option<&'p Expr>,
        element: &'p Expr,
    ) -> SetId {
        let Some(first) = generators.first() else { return EMPTY };
        let iterable = self.eval(&first.iter);
        let mut elements = self.iterate(iterable, Site::implicit(&first.iter));
        let result = self.heap.allocate((node, self.frame.0, 3), shape);
        let Some(scope) = self.defs.comprehension_of.get(&node).copied() else { return EMPTY };
        let id = (u32::MAX - 1, self.frame.0, node);
        let inner = match self.frame_ids.get(&id) {
            Some(frame) => *frame,
            None => {
                let object = self.heap.object(Shape::Namespace, false);
                let outer = self.frame(self.frame);
                let frame = self.add_frame(Frame {
                    scope,
                    function: self.function,
                    module: self.module,
                    object,
                    parent: Some(self.frame),
                    closure: outer.closure.filter(|_| false),
                });
                self.frame_ids.insert(id, frame);
                frame
            }
        };
        let outer = self.frame;
        self.begin_maybe();
        self.frame = inner;
        for (at, generator) in generators.iter().enumerate() {
            if at > 0 {
                let iterable = self.eval(&generator.iter);
                elements = self.iterate(iterable, Site::implicit(&generator.iter));
            }
            self.assign(&generator.target, elements);
            for condition in &generator.ifs {
                self.test(condition);
            }
        }
        let key = key.map(|key| self.eval(key));
        let value = self.eval(element);
        self.frame = outer;
        match (shape, key) {
            (Shape::Dict, Some(key)) => self.set_key(result, key, value),
            _ => {
                let cell = self.heap.cell(result, Field::Element);
                self.heap.add(cell, value);
            }
        }
        self.end_maybe(0);
        self.heap.one(Val::Object(result))
    }

    /// Whether nothing is known of a value but that it is there.
    pub fn is_unknown(&self, set: SetId) -> bool {
        self.heap.members(set).iter().all(|id| matches!(self.heap.get(*id), Val::Unknown(_)))
    }

    /// Evaluates a condition.
    fn test(&mut self, condition: &'p Expr) {
        let value = self.eval(condition);
        self.truth(value, Site::implicit(condition));
    }

    fn truth(&mut self, value: SetId, site: Site) {
        if !self.call_special(value, "__bool__", Args::default(), site).0 {
            self.call_special(value, "__len__", Args::default(), site);
        }
    }

    // Snippets.

    /// Runs literal code in the current scope.
    pub fn run_snippet(&mut self, range: TextRange) -> SetId {
        let Some(snippet) = self.project.snippet(self.module, range) else { return EMPTY };
        if self.snippet.is_some() || self.depth > DEEPEST_INLINE {
            return EMPTY;
        }
        let code = &snippet.code;
        if self.snippets_known.insert(address(code)) {
            self.defs.collect_snippet(self.function, code, &mut self.names);
            self.walked.resize(self.defs.functions.len(), false);
        }
        self.snippet = Some(range);
        let result = match code {
            Mod::Expression(node) => self.eval(&node.body),
            Mod::Module(node) => {
                self.block(&node.body);
                self.heap.one(Val::None)
            }
        };
        self.snippet = None;
        result
    }

    /// The value in an id.
    pub fn val(&self, id: ValueId) -> Val {
        self.heap.get(id)
    }
}

/// Whether a condition is written as always true.
fn is_true(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(node) => node.value,
        Expr::NumberLiteral(node) => matches!(&node.value, Number::Int(int) if *int != ruff_python_ast::Int::ZERO),
        _ => false,
    }
}
