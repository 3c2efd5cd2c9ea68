//! Abstract values, sets of them, objects, and the state that statements change.
//!
//! A **value** is a function, class, instance, container, external name and so on; values and sets of values are
//! interned, so that equality is a comparison of numbers. A **cell** is one place that holds a set: a variable of a
//! frame, an attribute, an element. A cell has two contents: what the running code has put there (its own view, which
//! later stores replace), and what is published: the union of all that other code may find there, which only grows.
//! Branches are walked one after the other on the same cells; a journal puts back what a branch changed, and the
//! branches are joined from its records. Joins cost as much as was changed, not as much as there is.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Unknown;
use super::definitions::{ClassId, FunctionId, NameId, ScopeId};
use crate::project::ModuleId;

macro_rules! ids {
    ($($name:ident),+) => { $(
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) struct $name(pub(super) u32);
    )+ };
}
ids!(ValueId, SetId, ObjectId, CellId, FrameId, ClosureId, ExternalId, UnitId);

/// One abstract value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Val {
    /// Nothing was assigned on some way here.
    Unbound,
    Unknown(Unknown),
    Function(ClosureId),
    /// A callable with its receiver.
    Bound(ValueId, ValueId),
    Class(ObjectId),
    Object(ObjectId),
    Module(ModuleId),
    Namespace(u32),
    External(ExternalId),
    /// A built-in function or class, or an attribute of one (`str.format`).
    Builtin(NameId),
    /// A method of a value of built-in type.
    Method(ValueId, NameId),
    /// Some value of a built-in type.
    Typed(NameId),
    Str(NameId),
    /// A text of which the beginning and the end are known, and not both are empty.
    Pattern(NameId, NameId),
    Int(i64),
    None,
    StaticMethod(ValueId),
    ClassMethod(ValueId),
    /// `super()`: the class to start after, and the receiver.
    Super(ObjectId, ValueId),
    /// `globals()` of a module.
    ModuleDict(ModuleId),
}

/// A place in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    Attribute(NameId),
    Index(i64),
    Key(ValueId),
    /// Elements at unknown places.
    Element,
    /// Keys that are not constants.
    AnyKey,
    /// The number of elements of a list or tuple, while it is known.
    Length,
    /// What a function gives back.
    Return,
    /// The default value of the parameter of that place.
    Default(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Instance(ObjectId),
    Class,
    List,
    Tuple,
    Dict,
    Set,
    Iterator,
    Generator,
    Partial,
    Property,
    /// Variables of a frame, a module, or attributes of a function.
    Namespace,
}

impl Shape {
    fn tag(self) -> u8 {
        match self {
            Shape::Instance(_) => 0,
            Shape::Class => 1,
            Shape::List => 2,
            Shape::Tuple => 3,
            Shape::Dict => 4,
            Shape::Set => 5,
            Shape::Iterator => 6,
            Shape::Generator => 7,
            Shape::Partial => 8,
            Shape::Property => 9,
            Shape::Namespace => 10,
        }
    }
}

#[derive(Debug)]
pub(super) struct Object {
    pub shape: Shape,
    /// In order of creation.
    pub fields: Vec<(Field, CellId)>,
    /// The run that made it last.
    pub run: u32,
    /// Stands for exactly one object of the running program, so that stores replace.
    pub unique: bool,
}

/// An entry of a method resolution order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ancestor {
    Class(ObjectId),
    External(ExternalId),
    Builtin(NameId),
}

#[derive(Debug)]
pub(super) struct ClassObject {
    pub class: ClassId,
    pub order: Vec<Ancestor>,
    /// The class of the class, if it is one of the project.
    pub metaclass: Option<ObjectId>,
    /// A dataclass, or a named tuple: annotated names are the constructor's parameters.
    pub fields_from_annotations: bool,
    /// Its instances, in order of creation.
    pub instances: Vec<ObjectId>,
    pub default_instance: Option<ObjectId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub scope: ScopeId,
    pub function: FunctionId,
    pub module: ModuleId,
    /// Holds the variables; of a class body the class.
    pub object: ObjectId,
    /// Where free names are looked up.
    pub parent: Option<FrameId>,
    pub closure: Option<ClosureId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Closure {
    pub function: FunctionId,
    pub parent: FrameId,
    /// Attributes and default values.
    pub object: ObjectId,
}

/// The name of something outside the project.
#[derive(Clone, Copy, Debug)]
pub(super) struct External {
    /// As printed: `boto3.client("s3").get_object`.
    pub text: NameId,
    /// Without calls and subscripts of unknown arguments: `PIL.Image.open.resize`.
    pub plain: NameId,
    /// How many attributes, calls and subscripts were applied to the imported name.
    pub depth: u8,
    /// The imported name.
    pub root: Option<ExternalId>,
}

#[derive(Debug)]
pub(super) struct Cell {
    pub value: SetId,
    pub published: SetId,
    pub run: u32,
    pub epoch: u32,
    mark: u32,
    slot: u32,
    /// Other code can see it.
    pub shared: bool,
    pub dirty: bool,
    pub readers: Vec<UnitId>,
}

struct Record {
    cell: CellId,
    value: SetId,
    run: u32,
    epoch: u32,
    mark: u32,
    slot: u32,
    /// Everything that was stored since the mark.
    all: SetId,
}

/// A cell that a branch changed: what it holds at the end, and all that it held on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub cell: CellId,
    pub value: SetId,
    pub all: SetId,
}

pub(super) const EMPTY: SetId = SetId(0);
pub(super) const UNBOUND: ValueId = ValueId(0);
/// Most values that a set holds; the rest is [`Unknown::TooMany`].
const LARGEST_SET: usize = 64;
/// Most cells that one object has; elements beyond share one.
const MOST_FIELDS: usize = 2_048;

#[derive(Default)]
pub(super) struct Heap {
    values: Vec<Val>,
    value_ids: FxHashMap<Val, ValueId>,
    sets: Vec<Box<[ValueId]>>,
    set_ids: FxHashMap<Box<[ValueId]>, SetId>,
    unions: FxHashMap<(SetId, SetId), SetId>,
    singles: FxHashMap<ValueId, SetId>,
    pub objects: Vec<Object>,
    /// The shape is part of it: one call may make a list and a dict.
    sites: FxHashMap<((usize, u32, u32), u8), ObjectId>,
    pub cells: Vec<Cell>,
    fields: FxHashMap<(ObjectId, Field), CellId>,
    journal: Vec<Record>,
    marks: Vec<(u32, usize)>,
    serial: u32,
    /// The run that is going on, and how often other code may have run since it began.
    pub run: u32,
    pub epoch: u32,
    pub unit: UnitId,
    pub dirty: Vec<CellId>,
    /// Units whose input grew.
    pub woken: Vec<UnitId>,
    /// How many `try` bodies are being walked: intermediate stores matter.
    pub tries: u32,
    /// The types that constants become.
    pub text_type: Option<ValueId>,
    pub number_type: Option<ValueId>,
    /// Which unit is known to have read which published content.
    reading: FxHashSet<(CellId, UnitId)>,
}

impl Heap {
    pub fn new() -> Self {
        let mut heap = Self { run: 1, ..Self::default() };
        heap.sets.push(Box::default());
        heap.set_ids.insert(Box::default(), EMPTY);
        heap.value(Val::Unbound);
        heap
    }

    // Values and sets.

    pub fn value(&mut self, val: Val) -> ValueId {
        if let Some(id) = self.value_ids.get(&val) {
            return *id;
        }
        let id = ValueId(self.values.len() as u32);
        self.values.push(val);
        self.value_ids.insert(val, id);
        id
    }

    pub fn get(&self, id: ValueId) -> Val {
        self.values.get(id.0 as usize).copied().unwrap_or(Val::Unbound)
    }

    pub fn single(&mut self, value: ValueId) -> SetId {
        if let Some(id) = self.singles.get(&value) {
            return *id;
        }
        let id = self.intern(vec![value]);
        self.singles.insert(value, id);
        id
    }

    pub fn one(&mut self, val: Val) -> SetId {
        let value = self.value(val);
        self.single(value)
    }

    fn intern(&mut self, mut values: Vec<ValueId>) -> SetId {
        if values.len() > LARGEST_SET {
            let many = self.value(Val::Unknown(Unknown::TooMany));
            values.truncate(LARGEST_SET);
            if !values.contains(&many) {
                values.push(many);
                values.sort_unstable();
            }
        }
        let key: Box<[ValueId]> = values.into();
        if let Some(id) = self.set_ids.get(&key) {
            return *id;
        }
        let id = SetId(self.sets.len() as u32);
        self.sets.push(key.clone());
        self.set_ids.insert(key, id);
        id
    }

    pub fn set(&mut self, values: impl IntoIterator<Item = ValueId>) -> SetId {
        let mut values: Vec<ValueId> = values.into_iter().collect();
        match values.as_slice() {
            [] => EMPTY,
            [one] => {
                let one = *one;
                self.single(one)
            }
            _ => {
                values.sort_unstable();
                values.dedup();
                self.intern(values)
            }
        }
    }

    /// The values of a set, without [`Val::Unbound`].
    pub fn members(&self, set: SetId) -> &[ValueId] {
        let all = self.sets.get(set.0 as usize).map_or(&[][..], |values| values);
        if all.first() == Some(&UNBOUND) { &all[1..] } else { all }
    }

    /// The values of a set as values.
    pub fn vals(&self, set: SetId) -> Vec<(ValueId, Val)> {
        self.members(set).iter().map(|id| (*id, self.get(*id))).collect()
    }

    /// The one value of a set.
    pub fn only(&self, set: SetId) -> Option<Val> {
        match self.members(set) {
            [one] => Some(self.get(*one)),
            _ => None,
        }
    }

    pub fn may_be_unbound(&self, set: SetId) -> bool {
        self.sets.get(set.0 as usize).is_none_or(|values| values.first().is_none_or(|first| *first == UNBOUND))
    }

    pub fn strip(&mut self, set: SetId) -> SetId {
        if set == EMPTY || self.sets.get(set.0 as usize).and_then(|values| values.first()) != Some(&UNBOUND) {
            return set;
        }
        let rest: Vec<ValueId> = self.members(set).to_vec();
        self.set(rest)
    }

    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b || b == EMPTY {
            return a;
        }
        if a == EMPTY {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.unions.get(&key) {
            return *id;
        }
        let (left, right) = (&self.sets[key.0.0 as usize], &self.sets[key.1.0 as usize]);
        let mut out = Vec::with_capacity(left.len() + right.len());
        let (mut i, mut j) = (0, 0);
        while let (Some(x), Some(y)) = (left.get(i), right.get(j)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => {
                    out.push(*x);
                    i += 1;
                }
                std::cmp::Ordering::Greater => {
                    out.push(*y);
                    j += 1;
                }
                std::cmp::Ordering::Equal => {
                    out.push(*x);
                    i += 1;
                    j += 1;
                }
            }
        }
        out.extend_from_slice(left.get(i..).unwrap_or(&[]));
        out.extend_from_slice(right.get(j..).unwrap_or(&[]));
        let id = self.intern(out);
        self.unions.insert(key, id);
        id
    }

    // Objects and cells.

    pub fn object(&mut self, shape: Shape, unique: bool) -> ObjectId {
        let id = ObjectId(self.objects.len() as u32);
        self.objects.push(Object { shape, fields: Vec::new(), run: self.run, unique });
        id
    }

    pub fn shape(&self, object: ObjectId) -> Shape {
        self.objects.get(object.0 as usize).map_or(Shape::Namespace, |object| object.shape)
    }

    /// The object that a place of the source makes in a frame. Made a second time in one run, it stands for several.
    pub fn allocate(&mut self, site: (usize, u32, u32), shape: Shape) -> ObjectId {
        let key = (site, shape.tag());
        let Some(id) = self.sites.get(&key).copied() else {
            let id = self.object(shape, true);
            self.sites.insert(key, id);
            return id;
        };
        let run = self.run;
        let object = &mut self.objects[id.0 as usize];
        if object.run == run {
            object.unique = false;
        } else {
            object.run = run;
            object.unique = true;
            for (_, cell) in object.fields.clone() {
                self.write(cell, EMPTY);
            }
        }
        id
    }

    pub fn known_instance(&self, site: (usize, u32, u32), class: ObjectId) -> bool {
        self.sites.contains_key(&(site, Shape::Instance(class).tag()))
    }

    pub fn remember_instance(&mut self, site: (usize, u32, u32), class: ObjectId, object: ObjectId) {
        self.sites.insert((site, Shape::Instance(class).tag()), object);
    }

    pub fn find_cell(&self, object: ObjectId, field: Field) -> Option<CellId> {
        self.fields.get(&(object, field)).copied()
    }

    pub fn cell(&mut self, object: ObjectId, field: Field) -> CellId {
        self.cell_with(object, field, true)
    }

    pub fn cell_with(&mut self, object: ObjectId, mut field: Field, shared: bool) -> CellId {
        if let Some(id) = self.fields.get(&(object, field)) {
            return *id;
        }
        if let Some(of) = self.objects.get(object.0 as usize)
            && of.fields.len() >= MOST_FIELDS
            && matches!(field, Field::Index(_) | Field::Key(_))
        {
            field = Field::Element;
            if let Some(id) = self.fields.get(&(object, field)) {
                return *id;
            }
        }
        let id = CellId(self.cells.len() as u32);
        self.cells.push(Cell {
            value: EMPTY,
            published: EMPTY,
            run: 0,
            epoch: 0,
            mark: 0,
            slot: 0,
            shared,
            dirty: false,
            readers: Vec::new(),
        });
        self.fields.insert((object, field), id);
        if let Some(of) = self.objects.get_mut(object.0 as usize) {
            of.fields.push((field, id));
        }
        id
    }

    pub fn fields_of(&self, object: ObjectId) -> Vec<(Field, CellId)> {
        self.objects.get(object.0 as usize).map_or_else(Vec::new, |object| object.fields.clone())
    }

    /// What the running code finds in a cell; may hold [`Val::Unbound`].
    pub fn read(&mut self, id: CellId) -> SetId {
        let (run, epoch, unit) = (self.run, self.epoch, self.unit);
        let cell = &mut self.cells[id.0 as usize];
        if cell.run == run && (cell.epoch == epoch || !cell.shared) {
            return cell.value;
        }
        if self.reading.insert((id, unit)) {
            cell.readers.push(unit);
        }
        let (value, published) = (cell.value, cell.published);
        if cell.run == run { self.union(value, published) } else { published }
    }

    pub fn read_field(&mut self, object: ObjectId, field: Field) -> SetId {
        match self.find_cell(object, field) {
            Some(cell) => {
                let set = self.read(cell);
                self.strip(set)
            }
            None => {
                // Nobody has stored there yet. Should anybody, the reader has to know.
                let cell = self.cell(object, field);
                self.read(cell)
            }
        }
    }

    fn record(&mut self, id: CellId, stored: SetId) {
        let Some((serial, _)) = self.marks.last().copied() else { return };
        let cell = &mut self.cells[id.0 as usize];
        if cell.mark == serial {
            if let Some(record) = self.journal.get(cell.slot as usize) {
                let all = record.all;
                let all = self.union(all, stored);
                let slot = self.cells[id.0 as usize].slot as usize;
                if let Some(record) = self.journal.get_mut(slot) {
                    record.all = all;
                }
            }
            return;
        }
        let record = Record {
            cell: id,
            value: cell.value,
            run: cell.run,
            epoch: cell.epoch,
            mark: cell.mark,
            slot: cell.slot,
            all: stored,
        };
        cell.mark = serial;
        cell.slot = self.journal.len() as u32;
        self.journal.push(record);
    }

    /// Replaces the content.
    pub fn write(&mut self, id: CellId, set: SetId) {
        self.record(id, set);
        let (run, epoch) = (self.run, self.epoch);
        let cell = &mut self.cells[id.0 as usize];
        cell.value = set;
        cell.run = run;
        cell.epoch = epoch;
        if cell.shared && !cell.dirty {
            cell.dirty = true;
            self.dirty.push(id);
        }
    }

    /// Adds to the content.
    pub fn add(&mut self, id: CellId, set: SetId) {
        let old = self.read(id);
        let new = self.union(old, set);
        self.write(id, new);
    }

    pub fn store(&mut self, id: CellId, set: SetId, replace: bool) {
        if replace {
            self.write(id, set);
        } else {
            self.add(id, set);
        }
    }

    // Branches.

    /// Begins a branch. Returns its depth, for [`Heap::snapshot`].
    pub fn begin(&mut self) -> usize {
        self.serial += 1;
        self.marks.push((self.serial, self.journal.len()));
        self.marks.len() - 1
    }

    /// Ends a branch: puts everything back and returns what it changed.
    pub fn end(&mut self) -> Vec<Change> {
        let Some((_, start)) = self.marks.pop() else { return Vec::new() };
        let mut changes = Vec::with_capacity(self.journal.len().saturating_sub(start));
        for at in start..self.journal.len() {
            let (id, all) = (self.journal[at].cell, self.journal[at].all);
            let value = self.peek(id);
            changes.push(Change { cell: id, value, all });
        }
        for record in self.journal.drain(start..).rev() {
            let cell = &mut self.cells[record.cell.0 as usize];
            cell.value = record.value;
            cell.run = record.run;
            cell.epoch = record.epoch;
            cell.mark = record.mark;
            cell.slot = record.slot;
        }
        changes
    }

    /// The content without taking note of the reader.
    fn peek(&mut self, id: CellId) -> SetId {
        let cell = &self.cells[id.0 as usize];
        if cell.run != self.run {
            return cell.published;
        }
        if cell.epoch == self.epoch || !cell.shared {
            return cell.value;
        }
        let (value, published) = (cell.value, cell.published);
        self.union(value, published)
    }

    /// What changed since the branch of that depth began, without ending it.
    pub fn snapshot(&mut self, depth: usize) -> Vec<(CellId, SetId)> {
        let start = self.marks.get(depth).map_or(self.journal.len(), |(_, start)| *start);
        let mut cells: Vec<CellId> =
            self.journal.get(start..).unwrap_or(&[]).iter().map(|record| record.cell).collect();
        cells.sort_unstable();
        cells.dedup();
        cells.into_iter().map(|cell| (cell, self.peek(cell))).collect()
    }

    /// Everything that was stored since the branch of that depth began, besides what it replaced.
    pub fn everything(&mut self, depth: usize) -> Vec<(CellId, SetId)> {
        let start = self.marks.get(depth).map_or(self.journal.len(), |(_, start)| *start);
        let mut out: Vec<(CellId, SetId)> = Vec::new();
        for at in start..self.journal.len() {
            let (cell, all) = (self.journal[at].cell, self.journal[at].all);
            out.push((cell, all));
        }
        out.sort_unstable_by_key(|(cell, _)| *cell);
        let mut merged: Vec<(CellId, SetId)> = Vec::with_capacity(out.len());
        for (cell, set) in out {
            match merged.last_mut() {
                Some((last, known)) if *last == cell => {
                    let old = *known;
                    *known = self.union(old, set);
                }
                _ => merged.push((cell, set)),
            }
        }
        merged
    }

    /// Takes the outcomes of branches that lead here. `also_old`: the state before is one of them.
    /// Returns whether the state changed.
    pub fn join(&mut self, outcomes: &[Vec<(CellId, SetId)>], also_old: bool) -> bool {
        if let ([only], false) = (outcomes, also_old) {
            let mut changed = false;
            for (cell, value) in only {
                changed |= self.peek(*cell) != *value;
                self.write(*cell, *value);
            }
            return changed;
        }
        let mut joined: FxHashMap<CellId, (SetId, usize)> = FxHashMap::default();
        let mut order = Vec::new();
        for outcome in outcomes {
            for (cell, value) in outcome {
                match joined.get_mut(cell) {
                    Some((set, count)) => {
                        let old = *set;
                        *count += 1;
                        let set = self.join_sets(old, *value);
                        if let Some(entry) = joined.get_mut(cell) {
                            entry.0 = set;
                        }
                    }
                    None => {
                        joined.insert(*cell, (*value, 1));
                        order.push(*cell);
                    }
                }
            }
        }
        let mut changed = false;
        for cell in order {
            let Some((mut set, count)) = joined.get(&cell).copied() else { continue };
            if also_old || count < outcomes.len() {
                let old = self.read(cell);
                set = self.join_sets(old, set);
                if set == old {
                    continue;
                }
            }
            changed = true;
            self.write(cell, set);
        }
        changed
    }

    /// The union; where one side holds nothing, the result may be unbound.
    fn join_sets(&mut self, a: SetId, b: SetId) -> SetId {
        let union = self.union(a, b);
        if (a == EMPTY) == (b == EMPTY) {
            return union;
        }
        let unbound = self.single(UNBOUND);
        self.union(union, unbound)
    }

    /// Records that intermediate contents were there, for the handlers of an enclosing `try`.
    pub fn note(&mut self, changes: &[Change]) {
        if self.tries > 0 {
            for change in changes {
                self.record(change.cell, change.all);
            }
        }
    }

    // Publishing.

    pub fn publish(&mut self, id: CellId, set: SetId) {
        let set = self.strip(set);
        let published = self.cells[id.0 as usize].published;
        let new = self.union(published, set);
        if new == published {
            return;
        }
        let new = self.widen(new, published);
        if new != published {
            let cell = &mut self.cells[id.0 as usize];
            cell.published = new;
            self.woken.extend_from_slice(&cell.readers);
        }
    }

    /// Bounds how often a published set grows: many constants become their type; of many values that are not code of
    /// the project a few are kept. Code is never left out (below the limit of all sets).
    fn widen(&mut self, set: SetId, before: SetId) -> SetId {
        const FEW: usize = 8;
        if self.members(set).len() <= FEW {
            return set;
        }
        let known: Vec<ValueId> = self.members(before).to_vec();
        let many = self.value(Val::Unknown(Unknown::TooMany));
        let (mut texts, mut numbers, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut kept = Vec::new();
        let (mut text_type, mut number_type) = (self.text_type, self.number_type);
        let mut exhausted = known.contains(&many);
        for (id, val) in self.vals(set) {
            match val {
                Val::Str(_) | Val::Pattern(..) => texts.push(id),
                Val::Int(_) => numbers.push(id),
                Val::Function(_) | Val::Class(_) | Val::Module(_) | Val::StaticMethod(_) | Val::ClassMethod(_) => {
                    kept.push(id);
                }
                Val::Bound(callable, _) if matches!(self.get(callable), Val::Function(_)) => kept.push(id),
                Val::Object(object)
                    if matches!(self.shape(object), Shape::Instance(_) | Shape::Partial | Shape::Property) =>
                {
                    kept.push(id);
                }
                Val::Unknown(_) | Val::None | Val::Typed(_) => kept.push(id),
                _ => others.push(id),
            }
        }
        // Constants stay as long as they are few and their type is not there.
        for (constants, kind) in [(texts, &mut text_type), (numbers, &mut number_type)] {
            let Some(kind) = *kind else {
                kept.extend(constants);
                continue;
            };
            if constants.len() <= FEW && !known.contains(&kind) {
                kept.extend(constants);
            } else if !constants.is_empty() {
                kept.push(kind);
            }
        }
        if exhausted {
            others.retain(|id| known.contains(id));
        } else if others.len() > FEW {
            others.sort_by_key(|id| !known.contains(id));
            others.truncate(FEW);
            exhausted = true;
        }
        kept.extend(others);
        if exhausted {
            kept.push(many);
        }
        // What was published stays, other than constants whose type is there now.
        let kept = self.set(kept);
        self.union(kept, before)
    }

    /// Publishes what the running code has stored since the last time.
    pub fn flush(&mut self) {
        for id in std::mem::take(&mut self.dirty) {
            let cell = &mut self.cells[id.0 as usize];
            cell.dirty = false;
            if cell.run == self.run {
                let value = cell.value;
                self.publish(id, value);
            }
        }
    }

    pub fn published(&self, id: CellId) -> SetId {
        self.cells[id.0 as usize].published
    }
}
