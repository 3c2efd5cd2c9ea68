//! Where ways meet: the states of two ways become one, and the states of two rounds become that of any round.
//!
//! Both walk two states side by side. Objects that were there before the ways parted are the same object in both; of
//! the others, those that the same variable or the same item holds are taken for one.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::expression::{Text, Value as Plain};
use crate::formula::{self, Formula};

use super::amount::{Amount, Bytes, HighWater};
use super::heap::{State, Variables};
use super::machine::{Machine, Weight, amount_of_plain};
use super::value::{Entry, FrameId, Kind, Number, NumberKind, Object, ObjectId, Rest, Value};

/// Rounds of a loop from the third to the last.
pub struct Recurrence {
    /// The symbol of the round, counted from 0.
    pub index: String,
    /// The number of the last round.
    pub last: Amount,
    /// How many rounds there are.
    pub count: Amount,
}

impl Recurrence {
    /// The last round in place of any.
    pub fn map(&self) -> BTreeMap<formula::Text, Formula> {
        BTreeMap::from([(formula::Text::from(self.index.as_str()), self.last.to_formula())])
    }

    fn next(&self) -> BTreeMap<formula::Text, Formula> {
        let next = Formula::symbol(&self.index) + Formula::one();
        BTreeMap::from([(formula::Text::from(self.index.as_str()), next)])
    }
}

/// What two values that meet are compared by.
enum Meet<'w> {
    /// Ways with a weight: the first state is that of the weight.
    Ways(&'w Weight),
    /// The ends of the first and the second round, at the start of round `k`.
    Rounds(&'w Amount),
}

impl Meet<'_> {
    fn amounts(&self, a: &Amount, b: &Amount) -> Amount {
        if a == b {
            return a.clone();
        }
        match self {
            Self::Ways(weight) => weight.join(a, b),
            // `a` is what held after round 0, `b` after round 1: in a straight line through both.
            Self::Rounds(k) => a + &(&(*k - &Amount::ONE) * &(b - a)),
        }
    }

    fn bytes(&self, a: &Bytes, b: &Bytes) -> Bytes {
        a.zip(b, |a, b| self.amounts(a, b))
    }
}

/// Two states that become one.
struct Merge<'m, 'p> {
    machine: &'m Machine<'p>,
    meet: Meet<'m>,
    a: &'m State,
    /// The state that is made, from the second one.
    out: State,
    /// Objects below this number are the same in both.
    places: usize,
    /// Objects of the first state as objects of the result.
    paired: BTreeMap<ObjectId, ObjectId>,
    /// Objects of the result that one of the first state was taken for.
    taken: BTreeSet<ObjectId>,
    /// Pairs whose parts are still to be merged.
    work: Vec<(ObjectId, ObjectId)>,
    /// Variables that changed in a way that no line says.
    blur: &'m [String],
    /// Items that were looked at.
    work_done: usize,
}

impl Merge<'_, '_> {
    fn shared(&self, id: ObjectId) -> bool {
        (id as usize) < self.places && self.a.object(id).is_some() && self.out.object(id).is_some()
    }

    /// Takes two objects for one.
    fn pair(&mut self, a: ObjectId, b: ObjectId) -> bool {
        match self.paired.get(&a) {
            Some(known) => *known == b,
            None => {
                if !self.taken.insert(b) {
                    return false;
                }
                self.paired.insert(a, b);
                self.work.push((a, b));
                true
            }
        }
    }

    /// Brings an object of the first state, and what it holds, into the result.
    fn adopt(&mut self, id: ObjectId) -> ObjectId {
        if let Some(known) = self.paired.get(&id) {
            return *known;
        }
        if self.shared(id) {
            return id;
        }
        let Some(object) = self.a.object(id).cloned() else { return id };
        let place = self.out.place(object.clone());
        self.paired.insert(id, place);
        self.taken.insert(place);
        let object = self.adopted(object);
        self.out.replace(place, object);
        place
    }

    fn adopted(&mut self, mut object: Object) -> Object {
        for entry in object.entries.iter_mut() {
            entry.key = entry.key.take().map(|key| self.adopt_value(&key));
            entry.value = self.adopt_value(&entry.value);
        }
        if let Some(rest) = &mut object.rest {
            rest.key = rest.key.take().map(|key| self.adopt_value(&key));
            rest.value = rest.value.take().map(|value| self.adopt_value(&value));
        }
        for value in object.fields.values_mut() {
            *value = self.adopt_value(value);
        }
        for id in &mut object.base {
            *id = self.adopt(*id);
        }
        object.account = object.account.map(|id| self.adopt(id));
        if let Meet::Ways(weight) = &self.meet {
            // It is there on one way only.
            let weight = (*weight).clone();
            object.own = weight.join_bytes(&object.own, &Bytes::ZERO);
            object.counted = weight.join(&object.counted, &Amount::ZERO);
            if let Some(rest) = &mut object.rest {
                rest.payload = weight.join_bytes(&rest.payload, &Bytes::ZERO);
            }
        }
        object
    }

    fn adopt_value(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(id) => Value::Object(self.adopt(*id)),
            other => other.clone(),
        }
    }

    /// One value for two.
    fn values(&mut self, a: &Value, b: &Value) -> Value {
        match (a, b) {
            (Value::Object(one), Value::Object(other)) => {
                if one == other && self.shared(*one) {
                    if self.pair(*one, *other) || self.paired.get(one) == Some(other) {
                        return b.clone();
                    }
                    return b.clone();
                }
                let kinds =
                    (self.a.object(*one).map(|o| o.kind.clone()), self.out.object(*other).map(|o| o.kind.clone()));
                let alike = match &kinds {
                    (Some(a), Some(b)) => a == b || matches!((a, b), (Kind::Str { .. }, Kind::Str { .. })),
                    _ => false,
                };
                if alike && !(self.shared(*one) && self.shared(*other)) && self.pair(*one, *other) {
                    return b.clone();
                }
                // Two that stay apart: the one that weighs more stands for both.
                let (first, second) = (self.a.deep(*one), self.out.deep(*other));
                match (&first.requested, &second.requested) {
                    (Amount::Int(first), Amount::Int(second)) if first > second => Value::Object(self.adopt(*one)),
                    _ => b.clone(),
                }
            }
            // There is an object on one way only.
            (Value::Object(id), _) => {
                if matches!(self.meet, Meet::Rounds(_)) {
                    b.clone()
                } else {
                    Value::Object(self.adopt(*id))
                }
            }
            (_, Value::Object(id)) => {
                if let (Meet::Ways(weight), false) = (&self.meet, self.shared(*id))
                    && let Some(object) = self.out.object(*id).cloned()
                {
                    let own = weight.join_bytes(&Bytes::ZERO, &object.own);
                    let counted = weight.join(&Amount::ZERO, &object.counted);
                    self.out.note(*id, |object| {
                        object.own = own;
                        object.counted = counted;
                    });
                }
                b.clone()
            }
            (a, b) if a == b => b.clone(),
            (Value::Code(_), _) | (_, Value::Code(_)) => b.clone(),
            (Value::Unknown(_), _) => a.clone(),
            (_, Value::Unknown(_)) => b.clone(),
            _ => self.numbers(a, b),
        }
    }

    fn numbers(&mut self, a: &Value, b: &Value) -> Value {
        let number = |value: &Value| match value {
            Value::Number(number) => Some((number.kind, number.amount.clone(), number.shared)),
            Value::Plain(Plain::Bool(value)) => Some((NumberKind::Bool, Some(Amount::Int(i128::from(*value))), true)),
            Value::Plain(plain @ Plain::Int(_)) => Some((NumberKind::Int, amount_of_plain(plain, self.machine), true)),
            Value::Plain(Plain::Float(_)) => Some((NumberKind::Float, None, true)),
            Value::Float(_) => Some((NumberKind::Float, None, false)),
            Value::Input(path) => Some((NumberKind::Int, Some(Amount::symbol(path)), true)),
            _ => None,
        };
        match (number(a), number(b)) {
            (Some((kind, first, one)), Some((other, second, two))) => {
                let kind = kind.max(other);
                let amount = match (first, second) {
                    // Only counters are worth a formula.
                    (Some(first), Some(second)) if kind != NumberKind::Float => {
                        Some(self.meet.amounts(&first, &second))
                    }
                    _ => None,
                };
                let amount =
                    amount.filter(|amount| !matches!(amount, Amount::Formula(formula) if formula.size() > 200));
                Value::Number(Number { shared: one && two, ..Number::new(kind, amount) })
            }
            _ => self.texts(a, b),
        }
    }

    /// Two known texts: a text of a length between.
    fn texts(&mut self, a: &Value, b: &Value) -> Value {
        let length = |value: &Value| match value {
            Value::Plain(Plain::Str(text)) => Some(text.chars().count()),
            _ => None,
        };
        match (length(a), length(b)) {
            (Some(first), Some(second)) => {
                let mut object = Object::new(Kind::Str { width: 1 }, Bytes::ZERO);
                object.length = Some(self.meet.amounts(&Amount::from(first), &Amount::from(second)));
                Value::Object(self.out.place(object))
            }
            // `None` on one way, something on the other: what is there, for what it may take.
            _ => match (a, b) {
                (Value::Plain(Plain::None), other) | (other, Value::Plain(Plain::None)) => other.clone(),
                _ => b.clone(),
            },
        }
    }

    /// The parts of two objects that are one.
    fn objects(&mut self, a: ObjectId, b: ObjectId) {
        let same = match (self.a.object(a), self.out.object(b)) {
            (Some(first), Some(second)) => self.a.is_same(&self.out, a) && a == b || first == second,
            _ => return,
        };
        let (Some(first), Some(second)) = (self.a.object(a).cloned(), self.out.object(b).cloned()) else { return };
        self.work_done += first.entries.len() + second.entries.len();
        if same {
            // The same, down to the objects that both hold.
            for id in second.held() {
                if self.shared(id) {
                    self.pair(id, id);
                }
            }
            return;
        }
        let mut out = second.clone();
        out.own = self.meet.bytes(&first.own, &second.own);
        out.counted = self.meet.amounts(&first.counted, &second.counted);
        out.length = match (&first.length, &second.length) {
            (Some(a), Some(b)) => Some(self.meet.amounts(a, b)),
            (a, b) => b.clone().or_else(|| a.clone()),
        };
        out.known = match (&first.known, &second.known) {
            (Some(a), Some(b)) if a == b => Some(b.clone()),
            _ => None,
        };
        for (name, value) in &first.features {
            let met = match second.features.get(name) {
                Some(other) => self.meet.amounts(value, other),
                None => value.clone(),
            };
            out.features.insert(name.clone(), met);
        }
        out.shape = match (&first.shape, &second.shape) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                Some(a.iter().zip(b).map(|(a, b)| self.meet.amounts(a, b)).collect())
            }
            (_, shape) => shape.clone(),
        };
        if let (Kind::Str { width: a }, Kind::Str { width: b }) = (&first.kind, &second.kind) {
            out.kind = Kind::Str { width: *a.max(b) };
        }
        out.entries = self.entries(&first, &second, &mut out.rest).into();
        out.rest = self.rests(first.rest.as_deref(), out.rest.as_deref()).map(Box::new);
        let names: BTreeSet<&Text> = first.fields.keys().chain(second.fields.keys()).collect();
        for name in names {
            let value = match (first.fields.get(name), second.fields.get(name)) {
                (Some(a), Some(b)) => self.values(a, b),
                (Some(a), None) => self.adopt_value(a),
                (None, Some(b)) => b.clone(),
                (None, None) => continue,
            };
            out.fields.insert(name.clone(), value);
        }
        self.out.replace(b, out);
    }

    /// Items of both; where there are more on one side, they are no longer told apart.
    fn entries(&mut self, first: &Object, second: &Object, rest: &mut Option<Box<Rest>>) -> Vec<Entry> {
        let known = |object: &Object| match &object.known {
            Some(Plain::List(items) | Plain::Tuple(items) | Plain::Set(items)) => items.len(),
            Some(Plain::Dict(items)) => items.len(),
            _ => 0,
        };
        let common = first.entries.len().min(second.entries.len());
        let mut entries = Vec::with_capacity(common);
        for (a, b) in first.entries.iter().zip(&second.entries) {
            let key = match (&a.key, &b.key) {
                (Some(a), Some(b)) => Some(self.values(a, b)),
                (_, key) => key.clone(),
            };
            let value = self.values(&a.value, &b.value);
            let hash = if a.hash == b.hash { b.hash } else { None };
            entries.push(Entry { key, value, hash });
        }
        let more = match (first.entries.len() > common, second.entries.len() > common) {
            (true, _) => first.entries[common..]
                .iter()
                .map(|entry| Entry {
                    hash: entry.hash,
                    key: entry.key.as_ref().map(|key| self.adopt_value(key)),
                    value: self.adopt_value(&entry.value),
                })
                .collect(),
            (_, true) => second.entries[common..].to_vec(),
            _ => Vec::new(),
        };
        let lost = (first.known.is_some() || second.known.is_some()) && first.known != second.known;
        if let Some(last) = more.last() {
            let on_first = first.entries.len() > common;
            let count = Amount::from(more.len());
            let count = match (&self.meet, on_first) {
                (Meet::Ways(weight), true) => weight.join(&count, &Amount::ZERO),
                (Meet::Ways(weight), false) => weight.join(&Amount::ZERO, &count),
                (Meet::Rounds(_), _) => count,
            };
            // Items stay as objects of their own while they are few: their bytes are weighed already.
            let slot = rest.get_or_insert_with(|| Box::new(Rest::default()));
            slot.count += count;
            slot.key = last.key.clone();
            slot.value = Some(last.value.clone());
            if !on_first || matches!(self.meet, Meet::Ways(_)) {
                // What is no longer listed is kept by the sample's place: its bytes go to the container.
                let mut moved = Bytes::ZERO;
                for entry in &more {
                    if let Value::Object(id) = &entry.value
                        && Some(&entry.value) != slot.value.as_ref()
                        && !self.shared(*id)
                        && let Some(object) = self.out.object(*id)
                    {
                        moved += &object.bytes();
                        self.out.note(*id, |object| {
                            object.own = Bytes::ZERO;
                            object.counted = Amount::ZERO;
                        });
                    }
                }
                slot.payload += &moved;
            }
        } else if lost {
            let count = Amount::from(known(first).max(known(second)));
            let slot = rest.get_or_insert_with(|| Box::new(Rest::default()));
            if slot.count.is_zero() {
                slot.count = count;
            }
        }
        entries
    }

    fn rests(&mut self, first: Option<&Rest>, second: Option<&Rest>) -> Option<Rest> {
        let none = Rest::default();
        if first.is_none() && second.is_none() {
            return None;
        }
        let (a, b) = (first.unwrap_or(&none), second.unwrap_or(&none));
        let mut one = |a: &Option<Value>, b: &Option<Value>| match (a, b) {
            (Some(a), Some(b)) => Some(self.values(a, b)),
            (Some(a), None) => Some(self.adopt_value(a)),
            (None, b) => b.clone(),
        };
        let (key, value) = (one(&a.key, &b.key), one(&a.value, &b.value));
        Some(Rest {
            count: self.meet.amounts(&a.count, &b.count),
            key,
            value,
            payload: self.meet.bytes(&a.payload, &b.payload),
            alike: a.alike && b.alike && a.value == b.value,
        })
    }

    /// Everything that the frames lead to.
    fn frames(&mut self) {
        let count = self.out.frame_count();
        for frame in 0..count {
            let frame = FrameId::try_from(frame).unwrap_or(FrameId::MAX);
            let first: Variables = self.a.variables(frame).map(|(name, value)| (name.clone(), value.clone())).collect();
            let second: Variables =
                self.out.variables(frame).map(|(name, value)| (name.clone(), value.clone())).collect();
            if first == second {
                for value in second.values() {
                    if let Value::Object(id) = value
                        && self.shared(*id)
                    {
                        self.pair(*id, *id);
                    }
                }
            }
            let names: BTreeSet<Text> = first.keys().chain(second.keys()).cloned().collect();
            let mut merged = Variables::new();
            for name in names {
                let value = match (first.get(&name), second.get(&name)) {
                    (Some(a), Some(b)) => {
                        if self.blur.iter().any(|blurred| *blurred == format!("{frame}.{name}")) {
                            blurred(self.machine, b)
                        } else {
                            self.values(a, b)
                        }
                    }
                    (Some(a), None) if matches!(self.meet, Meet::Ways(_)) => self.adopt_value(a),
                    (None, Some(b)) => b.clone(),
                    (Some(_), None) | (None, None) => continue,
                };
                merged.insert(name, value);
            }
            if let Some(slot) = self.out.frames_mut().get_mut(frame as usize) {
                *slot = Rc::new(merged);
            }
        }
    }

    fn finish(&mut self) {
        while let Some((a, b)) = self.work.pop() {
            self.objects(a, b);
        }
    }
}

impl<'p> Machine<'p> {
    /// Joins a state into the running one. Objects below `places` are the same in both.
    pub(super) fn join_with(&mut self, weight: &Weight, then: State, places: usize) {
        self.join_values(weight, then, Value::NONE, Value::NONE, places);
    }

    /// The same, of ways that lead to a value each: `a` in the state that is joined, `b` in the running one.
    pub(super) fn join_values(&mut self, weight: &Weight, then: State, a: Value, b: Value, places: usize) -> Value {
        let running = std::mem::take(&mut self.state);
        let mut merge = Merge {
            machine: self,
            meet: Meet::Ways(weight),
            a: &then,
            out: running.clone(),
            places,
            paired: BTreeMap::new(),
            taken: BTreeSet::new(),
            work: Vec::new(),
            blur: &[],
            work_done: 0,
        };
        let value = merge.values(&a, &b);
        merge.frames();
        merge.finish();
        // What was there before and nothing leads to any more is being worked with: it is the same on both ways.
        let work = merge.work_done;
        let mut out = merge.out;
        // Joining large heaps is work, too: there are fewer rounds of what does it often.
        self.steps += u64::try_from((work + out.places() + out.frame_count()) / 32).unwrap_or(0);
        // Of many rounds, some take the way that needs more.
        let in_loop = self.summing > 0 || self.repeated > 0 || self.whiles > 0;
        out.demand = weight.join(&then.demand, &running.demand);
        out.keep_common(&then);
        out.peak = if in_loop {
            let mut peak = then.peak.clone();
            peak.raise_all(&running.peak);
            peak
        } else {
            HighWater::of(&weight.join_bytes(&then.peak.value(), &running.peak.value()))
        };
        for (module, frame) in &then.modules {
            out.modules.insert(*module, *frame);
        }
        for (class, frame) in &then.classes {
            out.classes.insert(*class, *frame);
        }
        out.recount();
        self.drop_unreachable(&mut out, &value, places);
        out.other = weight.join_bytes(&then.other, &running.other);
        out.live = &out.total() + &out.other;
        self.state = out;
        value
    }

    /// Objects of an arm that nothing leads to behind it.
    fn drop_unreachable(&self, state: &mut State, result: &Value, places: usize) {
        loop {
            let gone: Vec<ObjectId> = state
                .objects()
                .filter(|(id, object)| object.refs == 0 && (*id as usize) >= places && Value::Object(*id) != *result)
                .map(|(id, _)| id)
                .collect();
            if gone.is_empty() {
                return;
            }
            for id in gone {
                state.remove(id);
            }
            state.recount();
        }
    }

    /// The state at the start of any round `k`, from those at the ends of rounds 0 and 1.
    pub(super) fn generalise(&mut self, first: &State, second: &State, k: &Amount, blur: &[String]) -> State {
        let places = first.places().min(second.places());
        let mut merge = Merge {
            machine: self,
            meet: Meet::Rounds(k),
            a: first,
            out: second.clone(),
            places,
            paired: BTreeMap::new(),
            taken: BTreeSet::new(),
            work: Vec::new(),
            blur,
            work_done: 0,
        };
        merge.frames();
        merge.finish();
        let mut out = merge.out;
        // Own bytes follow from lengths where they do.
        let sized: Vec<(ObjectId, Bytes)> = out.objects().map(|(id, object)| (id, self.own_for(object))).collect();
        for (id, own) in sized {
            if out.object(id).is_some_and(|object| object.own != own) {
                out.note(id, |object| object.own = own);
            }
        }
        let meet = Meet::Rounds(k);
        out.recount();
        out.keep_common(first);
        out.other = meet.bytes(&first.other, &second.other);
        out.live = &out.total() + &out.other;
        out.demand = meet.amounts(&first.demand, &second.demand);
        out
    }

    /// Variables that the round did not leave as the start of the next one takes them to be.
    pub(super) fn changed_otherwise(&self, start: &State, recurrence: &Recurrence) -> Vec<String> {
        let next = recurrence.next();
        let mut found = Vec::new();
        for frame in 0..start.frame_count().min(self.state.frame_count()) {
            let frame = FrameId::try_from(frame).unwrap_or(FrameId::MAX);
            for (name, value) in start.variables(frame) {
                let Some(now) = self.state.get(frame, name) else { continue };
                let same = match (value, now) {
                    (Value::Number(a), Value::Number(b)) => match (&a.amount, &b.amount) {
                        (Some(a), Some(b)) => a.substitute(&next) == *b,
                        (None, _) => true,
                        (Some(_), None) => false,
                    },
                    (Value::Plain(a), Value::Number(b)) => b.amount.is_some() && amount_of_plain(a, self) == b.amount,
                    (Value::Plain(a), Value::Plain(b)) => a == b,
                    (Value::Float(_) | Value::Plain(Plain::Float(_)), _) => {
                        matches!(now, Value::Float(_)) && value == now
                    }
                    (Value::Number(a), Value::Plain(b)) => {
                        a.amount.is_none()
                            || a.amount.as_ref().map(|amount| amount.substitute(&next)) == amount_of_plain(b, self)
                    }
                    _ => true,
                };
                if !same {
                    found.push(format!("{frame}.{name}"));
                }
            }
        }
        found
    }

    /// From the end of any round to the end of the last one.
    pub(super) fn conclude(&mut self, start: &State, second: &State, recurrence: &Recurrence) {
        let (next, last) = (recurrence.next(), recurrence.map());
        let two = Amount::Int(2);
        // What is left over from the line is summed up over the rounds.
        let settle = |begun: Option<&Amount>, ended: &Amount, base: Option<&Amount>| -> Amount {
            let (Some(begun), Some(base)) = (begun, base) else { return ended.substitute(&last) };
            if begun.substitute(&next) == *ended {
                return ended.substitute(&last);
            }
            let change = ended - begun;
            base + &change.sum(&recurrence.index, &two, &recurrence.count)
        };
        let mut out = self.state.clone();
        let objects: Vec<(ObjectId, Object)> = out
            .objects()
            .filter(|(id, object)| !(out.is_same(start, *id) && object.is_constant()))
            .map(|(id, object)| (id, object.clone()))
            .collect();
        for (id, mut object) in objects {
            let begun = start.object(id).filter(|begun| begun.kind == object.kind);
            let base = second.object(id).filter(|base| base.kind == object.kind);
            // One that the round made anew is what the last round makes.
            let carried = begun.is_some() && object.refs > 0;
            let (begun, base) = if carried { (begun, base) } else { (None, None) };
            let length = object.length.as_ref().map(|length| {
                settle(begun.and_then(|o| o.length.as_ref()), length, base.and_then(|o| o.length.as_ref()))
            });
            object.length = length.or(object.length);
            object.own = Bytes {
                requested: settle(
                    begun.map(|o| &o.own.requested),
                    &object.own.requested,
                    base.map(|o| &o.own.requested),
                ),
                resident: settle(begun.map(|o| &o.own.resident), &object.own.resident, base.map(|o| &o.own.resident)),
            };
            if let Some(rest) = &mut object.rest {
                let (begun, base) = (begun.and_then(|o| o.rest.as_ref()), base.and_then(|o| o.rest.as_ref()));
                rest.count = settle(begun.map(|r| &r.count), &rest.count, base.map(|r| &r.count));
                rest.payload = Bytes {
                    requested: settle(
                        begun.map(|r| &r.payload.requested),
                        &rest.payload.requested,
                        base.map(|r| &r.payload.requested),
                    ),
                    resident: settle(
                        begun.map(|r| &r.payload.resident),
                        &rest.payload.resident,
                        base.map(|r| &r.payload.resident),
                    ),
                };
            }
            object.own = self.own_for(&object);
            object.counted = object.counted.substitute(&last);
            out.replace(id, object);
        }
        let demand = settle(Some(&start.demand), &self.state.demand, Some(&second.demand));
        let ended = &self.state.other;
        let other = Bytes {
            requested: settle(Some(&start.other.requested), &ended.requested, Some(&second.other.requested)),
            resident: settle(Some(&start.other.resident), &ended.resident, Some(&second.other.resident)),
        };
        let round_peak = self.state.peak.clone();
        let round_live = self.state.live.clone();
        out.substitute(&last);
        out.demand = demand;
        out.live = &out.total() + &other;
        out.other = other;
        // The highest point of the last round, by how far above its end it is; and that of the third.
        let at_end = |end: Amount, round: Amount| {
            let last = last.clone();
            move |amount: &Amount| &end + &(amount - &round).substitute(&last)
        };
        let highest = round_peak.map(
            at_end(out.live.requested.clone(), round_live.requested),
            at_end(out.live.resident.clone(), round_live.resident),
        );
        let third = BTreeMap::from([(formula::Text::from(recurrence.index.as_str()), Formula::integer(2))]);
        out.peak = second.peak.clone();
        out.peak.raise_all(&highest);
        out.peak.raise(&out.live.clone());
        out.peak.raise_all(&round_peak.map(|amount| amount.substitute(&third), |amount| amount.substitute(&third)));
        out.recount();
        self.state = out;
    }
}

impl State {
    /// Replaces symbols everywhere.
    pub(super) fn substitute(&mut self, map: &BTreeMap<formula::Text, Formula>) {
        let change = |amount: &Amount| amount.substitute(map);
        let value = |value: &Value| match value {
            Value::Number(number @ Number { amount: Some(amount), .. }) => {
                Some(Value::Number(Number { amount: Some(amount.substitute(map)), spare: false, ..number.clone() }))
            }
            _ => None,
        };
        for frame in self.frames_mut() {
            let changed: Vec<(Text, Value)> = frame
                .iter()
                .filter_map(|(name, held)| value(held).filter(|new| new != held).map(|new| (name.clone(), new)))
                .collect();
            if !changed.is_empty() {
                Rc::make_mut(frame).extend(changed);
            }
        }
        let objects: Vec<(ObjectId, Object)> = self
            .objects()
            .filter(|(_, object)| !object.is_constant())
            .map(|(id, object)| (id, object.clone()))
            .collect();
        for (id, object) in objects {
            let mut new = object.clone();
            new.own = object.own.map(change);
            new.counted = change(&object.counted);
            new.length = object.length.as_ref().map(change);
            new.features = object.features.iter().map(|(name, amount)| (name.clone(), change(amount))).collect();
            new.shape = object.shape.as_ref().map(|shape| shape.iter().map(change).collect());
            if let Some(rest) = &mut new.rest {
                rest.count = change(&rest.count);
                rest.payload = rest.payload.map(change);
                if let Some(new) = rest.value.as_ref().and_then(value) {
                    rest.value = Some(new);
                }
                if let Some(new) = rest.key.as_ref().and_then(value) {
                    rest.key = Some(new);
                }
            }
            for entry in new.entries.iter_mut() {
                if let Some(new) = value(&entry.value) {
                    entry.value = new;
                }
                if let Some(new) = entry.key.as_ref().and_then(value) {
                    entry.key = Some(new);
                }
            }
            for held in new.fields.values_mut() {
                if let Some(new) = value(held) {
                    *held = new;
                }
            }
            if new != object {
                self.replace(id, new);
            }
        }
        self.live = self.live.map(change);
        self.other = self.other.map(change);
        self.peak = self.peak.map(change, change);
        self.demand = self.demand.substitute(map);
    }
}

/// A value of which only the type is kept.
fn blurred(machine: &Machine<'_>, value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(number.clone().blurred()),
        Value::Float(_) => Value::number(NumberKind::Float),
        Value::Plain(plain) => match amount_of_plain(plain, machine) {
            Some(_) => super::containers::blurred(plain),
            None => value.clone(),
        },
        other => other.clone(),
    }
}
