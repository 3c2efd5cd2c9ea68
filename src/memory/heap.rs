//! The heap: objects, who holds them, and how many bytes are live.
//!
//! CPython frees an object when nothing holds it any more. So does this heap: variables, items and attributes count
//! as holders; a value that is only being worked with has none, and goes when the work is done ([`State::settle`]).
//!
//! Invariants: `live` is the sum of the bytes of all objects plus `other`; `peak` is at least every value that `live`
//! had. Freeing is what makes `live` fall, so the peak is looked at before something is freed, and at the end.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::calls::ClassId;
use crate::expression::Text;
use crate::project::ModuleId;

use super::amount::{Amount, Bytes, HighWater, Total};
use super::random::{Generator, Twister};
use super::value::{Entry, FrameId, Holder, Object, ObjectId, Rest, Value, holds};

/// Items of a container that are told apart; what comes after is summed up.
pub const MAX_ENTRIES: usize = 120_000;

/// The same where every loop is run to its end.
pub const MOST_ENTRIES: usize = 1 << 20;

/// The variables of one frame.
pub type Variables = BTreeMap<Text, Value>;

/// What is known at a point of the run. Cheap to copy until changed.
#[derive(Clone, Debug, Default)]
pub struct State {
    objects: Vec<Option<Rc<Object>>>,
    free: Vec<ObjectId>,
    frames: Vec<Rc<Variables>>,
    /// Frames of calls that are over: the next ones take their places.
    free_frames: Vec<FrameId>,
    /// The frames of modules that are loaded.
    pub modules: BTreeMap<ModuleId, FrameId>,
    /// The frames that hold class attributes.
    pub classes: BTreeMap<ClassId, FrameId>,
    /// Bytes that are live, above the level at entry.
    pub live: Bytes,
    /// The largest value that `live` had.
    pub peak: HighWater,
    /// The part of `live` that nothing in the heap stands for.
    pub other: Bytes,
    /// All that was asked for.
    pub demand: Amount,
    /// How many objects were made.
    made: u64,
    /// What is held by code that is working with it, and by nothing in the heap.
    kept: Vec<ObjectId>,
    /// The most resident bytes that were seen live at a time, where they were a number.
    pub(super) most_seen: i128,
    /// The value of that to capture what is live at, once.
    pub(super) watched: Option<i128>,
    /// What was live then.
    pub(super) captured: Option<Rc<Captured>>,
    /// Generators of random numbers whose seed is known.
    pub(super) generators: BTreeMap<Generator, Rc<Twister>>,
    /// What has been written to texts in memory and files, from nothing on, where that is known.
    pub(super) written: BTreeMap<ObjectId, Rc<String>>,
}

/// Requested and resident bytes by the place that made objects.
pub(super) type Parts = BTreeMap<(ModuleId, u32), (i128, i128)>;

/// What was live at a moment, in requested and resident bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Captured {
    /// Of objects, by the place that made them.
    pub parts: Parts,
    /// What was needed for the moment.
    pub passing: (i128, i128),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Default for Amount {
    fn default() -> Self {
        Self::ZERO
    }
}

impl State {
    /// Of generators and texts that are written those that are the same in another state.
    pub(super) fn keep_common(&mut self, other: &Self) {
        self.generators.retain(|generator, twister| other.generators.get(generator) == Some(twister));
        self.written.retain(|stream, text| other.written.get(stream) == Some(text));
    }

    // ---- frames ---------------------------------------------------------------------------------------------------

    /// A new frame.
    pub fn new_frame(&mut self) -> FrameId {
        if let Some(frame) = self.free_frames.pop() {
            self.clear_frame(frame);
            return frame;
        }
        self.frames.push(Rc::default());
        FrameId::try_from(self.frames.len() - 1).unwrap_or(FrameId::MAX)
    }

    /// A variable.
    pub fn get(&self, frame: FrameId, name: &str) -> Option<&Value> {
        self.frames.get(frame as usize)?.get(name)
    }

    /// The variables of a frame.
    pub fn variables(&self, frame: FrameId) -> impl Iterator<Item = (&Text, &Value)> {
        self.frames.get(frame as usize).into_iter().flat_map(|variables| variables.iter())
    }

    /// How many frames there are.
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// All frames, to look through or to change.
    pub(super) fn frames_mut(&mut self) -> &mut Vec<Rc<Variables>> {
        &mut self.frames
    }

    /// Binds a variable; what it held before is let go of after that.
    pub fn set(&mut self, frame: FrameId, name: Text, value: Value) {
        self.hold(&value);
        let Some(variables) = self.frames.get_mut(frame as usize) else { return };
        if let Some(old) = Rc::make_mut(variables).insert(name, value) {
            self.release(&old);
        }
    }

    /// Unbinds a variable.
    pub fn unset(&mut self, frame: FrameId, name: &str) -> bool {
        let Some(variables) = self.frames.get_mut(frame as usize) else { return false };
        match Rc::make_mut(variables).remove(name) {
            Some(old) => {
                self.release(&old);
                true
            }
            None => false,
        }
    }

    /// Unbinds everything in a frame.
    pub fn clear_frame(&mut self, frame: FrameId) {
        let Some(variables) = self.frames.get_mut(frame as usize) else { return };
        let old = std::mem::take(variables);
        for value in old.values() {
            self.release(value);
        }
    }

    /// Gives a frame's place to the next call. Nothing may refer to it any more.
    pub(super) fn free_frame(&mut self, frame: FrameId) {
        if self.frames.get(frame as usize).is_some_and(|variables| variables.is_empty())
            && !self.free_frames.contains(&frame)
        {
            self.free_frames.push(frame);
        }
    }

    // ---- objects --------------------------------------------------------------------------------------------------

    /// An object.
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(id as usize)?.as_deref()
    }

    /// Whether nothing about an object differs from another state's, where that is known without a look at it.
    pub(super) fn is_same(&self, other: &Self, id: ObjectId) -> bool {
        let find = |state: &Self| state.objects.get(id as usize).cloned().flatten();
        match (find(self), find(other)) {
            (Some(one), Some(other)) => Rc::ptr_eq(&one, &other),
            _ => false,
        }
    }

    /// The object of a value.
    pub fn object_of(&self, value: &Value) -> Option<&Object> {
        self.object(value.object()?)
    }

    /// All objects.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.objects
            .iter()
            .enumerate()
            .filter_map(|(id, object)| Some((ObjectId::try_from(id).ok()?, object.as_deref()?)))
    }

    /// Makes an object. What it holds is held from now on.
    pub fn allocate(&mut self, object: Object) -> Value {
        let mut object = object;
        let bytes = object.bytes();
        self.demand += bytes.requested.clone();
        self.live += &bytes;
        object.counted = object.own.requested.clone();
        self.made += 1;
        object.born = self.made;
        for held in object.held() {
            self.hold_object(held);
        }
        Value::Object(self.place(object))
    }

    /// How many objects were made so far.
    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// Puts an object in a free place, nothing counted.
    pub(super) fn place(&mut self, object: Object) -> ObjectId {
        match self.free.pop() {
            Some(id) => {
                self.objects[id as usize] = Some(Rc::new(object));
                id
            }
            None => {
                self.objects.push(Some(Rc::new(object)));
                ObjectId::try_from(self.objects.len() - 1).unwrap_or(ObjectId::MAX)
            }
        }
    }

    /// Replaces an object as it stands, nothing counted.
    pub(super) fn replace(&mut self, id: ObjectId, object: Object) {
        if let Some(place) = self.objects.get_mut(id as usize) {
            *place = Some(Rc::new(object));
        }
    }

    /// Changes what is known of an object. Its bytes and what it holds must stay as they are.
    pub fn note(&mut self, id: ObjectId, change: impl FnOnce(&mut Object)) {
        if let Some(Some(object)) = self.objects.get_mut(id as usize) {
            change(Rc::make_mut(object));
        }
    }

    /// Gives an object new bytes: it has grown or shrunk in place.
    pub fn resize(&mut self, id: ObjectId, own: Bytes) {
        let Some(object) = self.object(id) else { return };
        if object.own == own {
            return;
        }
        let (old, account) = (object.own.clone(), object.account);
        let grown = &own - &old;
        let shrinks = matches!((&own.requested, &old.requested), (Amount::Int(new), Amount::Int(old)) if new < old);
        if shrinks {
            self.note_peak();
            self.count_growth(id);
            let counted = own.requested.clone();
            self.note(id, |object| object.counted = counted);
        } else if account.is_some() {
            self.demand += grown.requested.at_least_zero();
        }
        self.live += &grown;
        self.note(id, |object| object.own = own);
        if let Some(account) = account {
            self.charge_account(account, &grown);
        }
    }

    /// Adds to the demand what an object has grown by since that was done last.
    fn count_growth(&mut self, id: ObjectId) {
        let Some(object) = self.object(id) else { return };
        if object.account.is_some() || object.own.requested == object.counted {
            return;
        }
        let own = object.own.requested.clone();
        let grown = &own - &object.counted;
        self.demand += grown;
        self.note(id, |object| object.counted = own);
    }

    /// The same of all objects.
    pub fn count_all_growth(&mut self) {
        for id in 0..self.objects.len() {
            self.count_growth(ObjectId::try_from(id).unwrap_or(ObjectId::MAX));
        }
    }

    /// Adds bytes of a sample to the container that it stands for items of.
    fn charge_account(&mut self, account: ObjectId, bytes: &Bytes) {
        let mut account = account;
        // A container may be a sample itself.
        for _ in 0..16 {
            match self.object(account).and_then(|object| object.account) {
                Some(outer) => account = outer,
                None => break,
            }
        }
        self.note(account, |object| rest_of(object).payload += bytes);
    }

    /// Adds an item. The container's own bytes are the caller's to set.
    pub fn push(&mut self, id: ObjectId, entry: Entry) {
        for value in entry.key.iter().chain([&entry.value]) {
            self.hold(value);
            self.lend(value, id);
        }
        self.note(id, |object| object.entries.push(entry));
    }

    /// Sets an attribute.
    pub fn set_field(&mut self, id: ObjectId, name: Text, value: Value) {
        self.hold(&value);
        self.lend(&value, id);
        let mut old = None;
        self.note(id, |object| old = object.fields.insert(name, value));
        if let Some(old) = old {
            self.release(&old);
        }
    }

    /// Takes items out of a container: all that it holds, or those behind a position.
    pub fn take_entries(&mut self, id: ObjectId, from: usize) -> Vec<Entry> {
        let mut taken = Vec::new();
        self.note(id, |object| {
            if from < object.entries.len() {
                object.index.clear();
                taken = object.entries.split_off(from);
            }
        });
        taken
    }

    /// Lets go of items that were taken out.
    pub fn release_entries(&mut self, entries: &[Entry]) {
        for entry in entries {
            for value in entry.key.iter().chain([&entry.value]) {
                self.release(value);
            }
        }
    }

    /// Forgets all items and their memory.
    pub fn clear_items(&mut self, id: ObjectId) {
        let entries = self.take_entries(id, 0);
        self.release_entries(&entries);
        let mut rest = None;
        self.note(id, |object| rest = object.rest.take());
        if let Some(rest) = rest {
            if self.object(id).is_none_or(|object| object.account.is_none()) {
                self.note_peak();
                self.live -= &rest.payload;
            }
            for value in rest.key.iter().chain(&rest.value) {
                self.release(value);
            }
        }
    }

    /// Adds to the memory of a container's items that are not told apart.
    pub fn add_payload(&mut self, id: ObjectId, count: &Amount, payload: &Bytes) {
        self.demand += payload.requested.clone();
        self.live += payload;
        let account = self.object(id).and_then(|object| object.account);
        self.note(id, |object| {
            let rest = rest_of(object);
            rest.count += count.clone();
            rest.payload += payload;
        });
        if let Some(account) = account {
            self.charge_account(account, payload);
        }
    }

    /// Makes the bytes of an object those of the container that it is a sample item of.
    pub(super) fn hand_over(&mut self, id: ObjectId, container: ObjectId) -> Bytes {
        let mut moved = Bytes::ZERO;
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            let Some(object) = self.object(id) else { continue };
            if object.account.is_some() || id == container {
                continue;
            }
            moved += &object.bytes();
            let held = object.held();
            self.note(id, |object| object.account = Some(container));
            // What something else holds as well stays its own.
            work.extend(held.into_iter().filter(|held| self.object(*held).is_some_and(|object| object.refs <= 1)));
        }
        self.note(container, |object| rest_of(object).payload += &moved);
        moved
    }

    // ---- numbers that containers share ----------------------------------------------------------------------------

    /// A container, as numbers remember that they were read from it.
    pub fn holder(&self, id: ObjectId) -> Holder {
        self.object(id).map_or(Holder::default(), |object| Holder { id, born: object.born as u32 })
    }

    /// Whether a container is still there.
    pub fn is_there(&self, holder: Holder) -> bool {
        self.object(holder.id).is_some_and(|object| object.born as u32 == holder.born)
    }

    /// A value was put into a container: where it is a number that another one keeps, both have it from now on.
    pub fn lend(&mut self, value: &Value, to: ObjectId) {
        let Value::Number(number) = value else { return };
        let from = number.holder.id;
        if number.holder.born == 0 || from == to || !self.is_there(number.holder) {
            return;
        }
        let Some(other) = self.object(to) else { return };
        let of = other.length.as_ref().and_then(Amount::as_usize).unwrap_or(0) as u64;
        let to = self.holder(to);
        self.note(from, |object| object.lent.add(to, of));
    }

    /// A container goes, and numbers that others have stay: their bytes, which are the others' from now on.
    fn leave_numbers(&mut self, object: &Object) -> Bytes {
        let payload = object.rest.as_ref().map_or(Bytes::ZERO, |rest| rest.payload.clone());
        // Of those that are told apart it is known which ones it has the bytes of.
        let count = match object.entries.is_empty() {
            true => object.items(),
            false => {
                let values = object.entries.iter().flat_map(|entry| entry.key.iter().chain([&entry.value]));
                values.filter(|value| value.is_number()).count()
            }
        };
        let count = count as u64;
        if payload.is_zero() || count == 0 || object.account.is_some() {
            return Bytes::ZERO;
        }
        let (mut left, mut moved) = (count, Bytes::ZERO);
        for loan in object.lent.iter() {
            let Some(other) = self.object(loan.to.id).filter(|_| self.is_there(loan.to)) else { continue };
            let items = other.items() as u64;
            // What was taken out again is not there; rounds that were not run went on alike.
            let many = match other.apart() {
                true => loan.count.min(items),
                false => loan.count.saturating_mul(items) / loan.of.max(1),
            };
            let (many, account) = (many.min(left), other.account);
            if many == 0 {
                continue;
            }
            left -= many;
            let share = payload.share(&Amount::from(many), &Amount::from(count));
            moved += &share;
            match account {
                Some(account) => self.charge_account(account, &share),
                None => self.note(loan.to.id, |other| rest_of(other).payload += &share),
            }
        }
        moved
    }

    // ---- holding --------------------------------------------------------------------------------------------------

    fn hold_object(&mut self, id: ObjectId) {
        self.note(id, |object| object.refs += 1);
    }

    /// Something more holds a value.
    pub fn hold(&mut self, value: &Value) {
        if let Some(id) = holds(value) {
            self.hold_object(id);
        }
    }

    /// Something less holds a value; without holders it goes.
    pub fn release(&mut self, value: &Value) {
        if let Some(id) = holds(value) {
            self.release_object(id);
        }
    }

    fn release_object(&mut self, id: ObjectId) {
        self.release_object_after(id, true);
    }

    /// The same; the peak was looked at before, unless `note` asks for it: what follows only makes `live` fall.
    fn release_object_after(&mut self, id: ObjectId, note: bool) {
        let mut note = note;
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            let mut gone = false;
            self.note(id, |object| {
                object.refs = object.refs.saturating_sub(1);
                gone = object.refs == 0;
            });
            if gone {
                if std::mem::take(&mut note) {
                    self.note_peak();
                }
                work.extend(self.free_object(id));
            }
        }
    }

    /// Takes an object away; gives what it held.
    fn free_object(&mut self, id: ObjectId) -> Vec<ObjectId> {
        self.count_growth(id);
        let Some(object) = self.objects.get_mut(id as usize).and_then(Option::take) else { return Vec::new() };
        let mut bytes = object.bytes();
        if !object.lent.is_empty() {
            bytes -= &self.leave_numbers(&object);
        }
        if !bytes.is_zero() {
            self.live -= &bytes;
        }
        self.free.push(id);
        object.held()
    }

    /// Work with a value is done: if nothing holds it, it goes.
    pub fn settle(&mut self, value: &Value) {
        if let Some(id) = holds(value)
            && self.object(id).is_some_and(|object| object.refs == 0)
        {
            self.note_peak();
            for held in self.free_object(id) {
                self.release_object_after(held, false);
            }
        }
    }

    /// Holds a value while something else happens.
    pub fn keep(&mut self, value: &Value) {
        self.hold(value);
        self.kept.extend(holds(value));
    }

    /// Whether something in the heap holds an object, and not only code that is working with it.
    pub fn is_held(&self, id: ObjectId) -> bool {
        let kept = self.kept.iter().filter(|kept| **kept == id).count();
        self.object(id).is_some_and(|object| object.refs as usize > kept)
    }

    /// The end of [`keep`](Self::keep): it may be without holders, and still stays until it is settled.
    pub fn unkeep(&mut self, value: &Value) {
        if let Some(id) = holds(value) {
            if let Some(at) = self.kept.iter().rposition(|kept| *kept == id) {
                self.kept.remove(at);
            }
            self.note(id, |object| object.refs = object.refs.saturating_sub(1));
        }
    }

    // ---- amounts --------------------------------------------------------------------------------------------------

    /// What is live, or has been at the most where both are numbers.
    pub(super) fn highest(&self) -> Amount {
        match (&self.live.requested, self.peak.number()) {
            (Amount::Int(live), Some(peak)) => Amount::Int(peak.max(*live)),
            (live, _) => live.clone(),
        }
    }

    /// How much work the next statement is, beside a statement on numbers: formulas take time in their size.
    pub(super) fn effort(&self) -> u64 {
        let size = |amount: &Amount| match amount {
            Amount::Int(_) => 0,
            Amount::Formula(formula) => formula.size(),
        };
        (size(&self.live.requested).saturating_add(size(&self.live.resident)) / 16).saturating_add(self.peak.effort())
    }

    /// Raises the peak to what is live now.
    pub fn note_peak(&mut self) {
        self.peak.raise(&self.live);
        self.see(&Bytes::ZERO);
    }

    /// Notes what is live, with what is needed for the moment.
    fn see(&mut self, passing: &Bytes) {
        let (Amount::Int(live), Amount::Int(more)) = (&self.live.resident, &passing.resident) else { return };
        let now = live.saturating_add(*more);
        self.most_seen = self.most_seen.max(now);
        if self.watched != Some(now) {
            return;
        }
        self.watched = None;
        let number = |amount: &Amount| amount.as_int().unwrap_or(0);
        let passing = (number(&passing.requested), number(&passing.resident));
        self.captured = Some(Rc::new(Captured { parts: self.parts(), passing }));
    }

    /// Live bytes, requested and resident, by the place that made the objects; as far as they are numbers.
    pub(super) fn parts(&self) -> Parts {
        let mut parts = Parts::new();
        // A sample's bytes are its container's.
        for object in self.objects.iter().flatten().filter(|object| object.account.is_none()) {
            let bytes = object.bytes();
            let part = parts.entry((object.module, object.line)).or_default();
            part.0 = part.0.saturating_add(bytes.requested.as_int().unwrap_or(0));
            part.1 = part.1.saturating_add(bytes.resident.as_int().unwrap_or(0));
        }
        parts
    }

    /// Memory that is needed and gone again.
    pub fn transient(&mut self, bytes: &Bytes) {
        if !bytes.is_zero() {
            self.demand += bytes.requested.clone();
            self.peak_with(bytes);
        }
    }

    /// Raises the peak to what is live now and some more, nothing asked for.
    pub fn peak_with(&mut self, bytes: &Bytes) {
        self.peak.raise(&(&self.live + bytes));
        self.see(bytes);
    }

    /// Memory that nothing in the heap stands for.
    pub fn grow(&mut self, bytes: &Bytes) {
        self.demand += bytes.requested.clone();
        self.live += bytes;
        self.other += bytes;
    }

    /// The bytes of an object and of all that only it keeps alive.
    pub fn deep(&self, id: ObjectId) -> Bytes {
        let mut total = Bytes::ZERO;
        let mut seen = std::collections::BTreeSet::new();
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(object) = self.object(id) {
                total += &object.bytes();
                work.extend(object.held());
            }
        }
        total
    }

    /// The bytes of an object and of what it holds, as far as nothing else holds it.
    pub(super) fn exclusive(&self, id: ObjectId) -> Bytes {
        let mut total = Bytes::ZERO;
        let mut seen = std::collections::BTreeSet::new();
        let mut work = vec![id];
        while let Some(id) = work.pop() {
            let Some(object) = self.object(id) else { continue };
            if object.refs <= 1 && object.account.is_none() && seen.insert(id) {
                total += &object.bytes();
                work.extend(object.held());
            }
        }
        total
    }

    /// The sum over the heap.
    pub(super) fn total(&self) -> Bytes {
        let (mut requested, mut resident) = (Total::default(), Total::default());
        for object in self.objects.iter().flatten().filter(|object| object.account.is_none()) {
            for bytes in [Some(&object.own), object.rest.as_ref().map(|rest| &rest.payload)].into_iter().flatten() {
                requested.add(&bytes.requested);
                resident.add(&bytes.resident);
            }
        }
        Bytes { requested: requested.value(), resident: resident.value() }
    }

    /// Counts all holders anew. Values that are being worked with keep theirs out of it.
    pub(super) fn recount(&mut self) {
        let mut counts = vec![0_u32; self.objects.len()];
        let mut count = |id: ObjectId| {
            if let Some(slot) = counts.get_mut(id as usize) {
                *slot += 1;
            }
        };
        for frame in &self.frames {
            frame.values().filter_map(holds).for_each(&mut count);
        }
        for object in self.objects.iter().flatten() {
            object.held().into_iter().for_each(&mut count);
        }
        self.kept.iter().copied().for_each(&mut count);
        for (object, refs) in self.objects.iter_mut().zip(counts) {
            if let Some(object) = object
                && object.refs != refs
            {
                Rc::make_mut(object).refs = refs;
            }
        }
    }

    /// How many places for objects there are, used or not.
    pub(super) fn places(&self) -> usize {
        self.objects.len()
    }

    /// Keeps places from being used again: both arms of a branch then agree on what was there before.
    pub(super) fn forget_free_places(&mut self) {
        self.free.clear();
        self.free_frames.clear();
    }

    /// Takes an object away as if it had never been counted.
    pub(super) fn remove(&mut self, id: ObjectId) {
        if let Some(place) = self.objects.get_mut(id as usize) {
            *place = None;
        }
    }
}

/// The items of an object that are not told apart, to be changed.
pub(super) fn rest_of(object: &mut Object) -> &mut Rest {
    let rest = object.rest.get_or_insert_with(Box::default);
    rest.alike = false;
    rest
}
