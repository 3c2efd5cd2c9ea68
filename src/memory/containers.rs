//! Lists, tuples, sets, dicts and deques: their items and their growth.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use crate::expression::{Expr, Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::cpython::Version;
use super::heap::rest_of;
use super::machine::{Eval, Flow, Machine};
use super::unknown::UnknownKind;
use super::value::{Entry, Growth, Kind, NumberKind, Object, ObjectId, Rest, Value, hash_of};

/// Items of `[0] * n` that are told apart in a run, of all such lists together.
const MOST_UNFOLDED: usize = 1_000_000;

/// Kinds whose objects are equal to themselves alone, beside instances of the project's classes.
const ITSELF: [&str; 3] = ["concurrent.futures.Future", super::tasks::TASK, "threading.Thread"];

/// Bytes of a list without its items.
const LIST_HEADER: i128 = 56;

/// The slots of a list with so many slots whose length has changed by little: it is left as it is where it is at least half
/// full. None where it has grown by more than one. Source: `list_resize` in Objects/listobject.c.
fn reallocated(length: i128, slots: i128) -> Option<i128> {
    match length {
        _ if slots >= length && length >= slots / 2 => Some(slots),
        0 => Some(0),
        _ if length <= slots + 1 && length < super::sizes::TOUCHED_ELEMENTS => Some((length + (length >> 3) + 6) & !3),
        _ => None,
    }
}

/// Marks an `OrderedDict`.
pub(super) const ORDERED: &str = "<ordered>";

/// What an `OrderedDict` of so many keys has beside its table: itself, a node for each key, and a pointer to one for each
/// slot of the table (`PyODictObject`, `_ODictNode` and `od_fast_nodes` in Objects/odictobject.c).
fn links(length: &Amount) -> Bytes {
    let slots = match length.as_usize() {
        // A table is full at two thirds, and doubles then.
        Some(length) => {
            let slots = (0..usize::BITS - 4).map(|by| 8_usize << by).find(|slots| slots / 3 * 2 >= length);
            slots.map_or(Amount::ZERO, Amount::from)
        }
        None => length * &Amount::Int(2),
    };
    Bytes::touched(Amount::Int(64) + length * &Amount::Int(32) + slots * Amount::Int(8))
}

impl<'p> Machine<'p> {
    /// An empty container.
    pub(super) fn new_container(&mut self, kind: Kind, node: &impl Ranged) -> Value {
        let zero = Amount::ZERO;
        let own = match kind {
            Kind::List => self.sizes.list_exact(&zero),
            Kind::Tuple => Bytes::ZERO,
            Kind::Set => self.sizes.set(&zero),
            Kind::Dict => self.sizes.dict(&zero, true),
            Kind::Deque => self.sizes.deque(&zero),
            _ => super::sizes::object(56),
        };
        let mut object = Object::new(kind, own);
        object.growth = Growth::Appended;
        object.length = Some(zero);
        self.allocate(object, node)
    }

    /// A list of so many items that are like one.
    pub(super) fn new_list_of(&mut self, count: Amount, item: Option<Value>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::List, self.sizes.list_exact(&count));
        object.growth = Growth::Exact;
        object.length = Some(count.clone());
        object.rest = Some(Box::new(Rest { count, value: item, ..Rest::default() }));
        self.allocate(object, node)
    }

    /// The bytes of a container's own blocks.
    pub(super) fn own_for(&self, object: &Object) -> Bytes {
        let Some(length) = &object.length else { return object.own.clone() };
        match (&object.kind, object.growth) {
            (_, Growth::Fixed) => object.own.clone(),
            (Kind::List, Growth::Exact) => self.sizes.list_exact(length),
            (Kind::List, Growth::Even) => match length {
                Amount::Int(odd) if odd % 2 == 1 && self.options.version >= Version::Py310 => {
                    self.sizes.list_exact(&Amount::Int(odd + 1))
                }
                _ => self.sizes.list_exact(length),
            },
            (Kind::List, Growth::Appended) => self.sizes.list_grown(length),
            (Kind::Tuple, _) => self.sizes.tuple(length),
            (Kind::Set, _) => self.sizes.set(length),
            (Kind::Dict, _) => {
                let table = self.sizes.dict(length, !object.features.contains_key("<keys>"));
                if object.features.contains_key(ORDERED) { &table + &links(length) } else { table }
            }
            (Kind::Deque, _) => self.sizes.deque(length),
            (Kind::ByteArray, _) => self.sizes.bytearray(length),
            (Kind::Bytes, _) => self.sizes.bytes(length),
            (Kind::Str { width }, _) => self.sizes.str(*width, length),
            (Kind::Named(_), Growth::Appended) => self.buffer_bytes(object),
            _ => object.own.clone(),
        }
    }

    /// A list whose items came one by one.
    pub(super) fn appended(&mut self, list: Value) -> Value {
        if let Value::Object(id) = list {
            self.state.note(id, |object| object.growth = Growth::Appended);
            self.resize_container(id);
        }
        list
    }

    /// A list of just the size that it was made with is given room to spare with the first item that comes to it.
    pub(super) fn begin_to_grow(&mut self, id: ObjectId) {
        self.state.note(id, |object| {
            if matches!(object.growth, Growth::Exact | Growth::Even) {
                object.growth = Growth::Appended;
            }
        });
    }

    /// Gives a container the bytes that its length asks for.
    pub(super) fn resize_container(&mut self, id: ObjectId) {
        let Some(object) = self.state.object(id) else { return };
        let own = match (&object.kind, object.growth, &object.length, &object.own.requested) {
            (Kind::List, Growth::Appended, Some(Amount::Int(length)), Amount::Int(own)) => {
                match reallocated(*length, (own - LIST_HEADER) / 8) {
                    Some(slots) if slots * 8 + LIST_HEADER == *own => return,
                    Some(slots) => self.sizes.list_exact(&Amount::Int(slots)),
                    None => self.own_for(object),
                }
            }
            _ => self.own_for(object),
        };
        // A table that grows is copied: both are there for a moment.
        if matches!(object.kind, Kind::Dict | Kind::Set)
            && let (Amount::Int(old), Amount::Int(new)) = (&object.own.requested, &own.requested)
            && new > old
        {
            self.state.peak_with(&own);
        }
        self.state.resize(id, own);
    }

    pub(super) fn set_length(&mut self, id: ObjectId, length: Amount) {
        self.state.note(id, |object| object.length = Some(length));
        self.resize_container(id);
    }

    /// Gives up knowing the exact content, but not the items.
    pub(super) fn thaw(&mut self, id: ObjectId) {
        let Some(known) = self.state.object(id).and_then(|object| object.known.clone()) else { return };
        if matches!(known, Plain::Bytes(_)) {
            return self.state.note(id, |object| object.known = None);
        }
        let is_set = matches!(known, Plain::Set(_));
        let entries: Vec<Entry> = match &known {
            Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) if items.len() <= self.most_entries() => items
                .iter()
                .map(|item| Entry {
                    key: None,
                    value: Value::Plain(item.clone()),
                    hash: if is_set { hash_of(item) } else { None },
                })
                .collect(),
            Plain::Dict(items) if items.len() <= self.most_entries() => items
                .iter()
                .map(|(key, item)| Entry {
                    hash: hash_of(key),
                    key: Some(Value::Plain(key.clone())),
                    value: Value::Plain(item.clone()),
                })
                .collect(),
            _ => Vec::new(),
        };
        let sample = largest(&known);
        self.state.note(id, |object| {
            object.known = None;
            if object.growth == Growth::Fixed {
                object.growth = Growth::Appended;
            }
            if entries.is_empty() {
                let count = object.length.clone().unwrap_or(Amount::ZERO);
                let rest = rest_of(object);
                rest.count = count;
                if let Some((key, value)) = sample {
                    rest.key = key.map(Value::Plain);
                    rest.value = Some(Value::Plain(value));
                }
            } else {
                object.entries = entries.into();
            }
        });
    }

    /// Texts of a list that was made of a known value (`text.split()`) become objects of their own when they are read:
    /// whatever keeps one keeps its bytes when the list goes.
    pub(super) fn own_texts(&mut self, id: ObjectId, node: &impl Ranged) {
        let Some(object) = self.state.object(id) else { return };
        let is_owner = object.rest.as_ref().is_some_and(|rest| !rest.payload.is_zero() && rest.count.is_zero());
        let items = match &object.known {
            Some(Plain::List(items) | Plain::Tuple(items)) if is_owner && items.len() <= self.most_entries() => {
                items.clone()
            }
            _ => return,
        };
        if !items.iter().all(|item| matches!(item, Plain::Str(_) | Plain::Bytes(_))) {
            return;
        }
        // Their bytes were the list's, and are counted.
        let (live, demand) = (self.state.live.clone(), self.state.demand.clone());
        let made: Vec<Value> = items.iter().map(|item| self.materialise(item.clone(), node)).collect();
        made.iter().for_each(|item| self.state.hold(item));
        let entries: Vec<Entry> = made.into_iter().map(|value| Entry { key: None, value, hash: None }).collect();
        self.state.note(id, |object| {
            object.known = None;
            object.rest = None;
            object.entries = entries.into();
            if object.growth == Growth::Fixed {
                object.growth = Growth::Appended;
            }
        });
        self.state.live = live;
        self.state.demand = demand;
    }

    /// Adds an item that the container is charged for.
    pub(super) fn push_item(&mut self, id: ObjectId, key: Option<Value>, value: Value, node: &impl Ranged) {
        let _ = node;
        self.thaw(id);
        let mut charge = self.charge(&value);
        if let Some(key) = &key {
            charge += &self.charge(key);
            self.note_key(id, key);
        }
        let Some(object) = self.state.object(id) else { return };
        let length = object.length.clone().unwrap_or(Amount::ZERO) + Amount::ONE;
        let apart = object.apart() && object.entries.len() < self.most_entries();
        if matches!(object.kind, Kind::Set) && apart {
            let known = self.key_of(&value);
            if let Some(known) = known
                && let Some(object) = self.state.object(id)
                && self.find_entry(object, &known).is_some()
            {
                self.is_new_key = false;
                self.state.settle(&value);
                return;
            }
        }
        if apart {
            let by = match (&key, matches!(object.kind, Kind::Set | Kind::Dict)) {
                (Some(key), _) => self.key_of(key),
                (None, true) => self.key_of(&value),
                (None, false) => None,
            };
            let hash = by.as_ref().and_then(hash_of);
            self.state.push(id, Entry { key, value, hash });
            if !charge.is_zero() {
                self.state.add_payload(id, &Amount::ZERO, &charge);
            }
        } else {
            self.absorb(id, key, value, &charge);
        }
        self.set_length(id, length);
    }

    /// What stands for a value as a key: its content, or of an object that is equal to itself alone, which one it is.
    ///
    /// An object stands for itself only while nothing was carried on: later one may stand for many.
    pub(super) fn key_of(&self, value: &Value) -> Option<Plain> {
        self.plain(value).or_else(|| {
            let Value::Object(id) = value else { return None };
            if !self.is_whole() {
                return None;
            }
            let is_itself = match &self.state.object(*id)?.kind {
                Kind::Instance(class) => self.is_compared_by_identity(*class),
                Kind::Named(name) => ITSELF.contains(&&**name),
                _ => false,
            };
            is_itself.then(|| Plain::tuple(vec![Plain::Str(Text::from("<object>")), Plain::int(*id)]))
        })
    }

    /// Where a dict has a key, or a set an item; keys are those of [`Machine::key_of`].
    pub(super) fn find_entry(&self, object: &Object, key: &Plain) -> Option<usize> {
        let hash = hash_of(key);
        let is = |entry: &Entry| {
            self.key_of(entry.key.as_ref().unwrap_or(&entry.value)).is_some_and(|other| other.equals(key))
        };
        if let Some(hash) = hash
            && let Ok(found) = object.index.find(&object.entries, hash)
        {
            let at = found?;
            return object.entries.get(at).is_some_and(is).then_some(at);
        }
        object.entries.iter().position(|entry| {
            let may = match (entry.hash, hash) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            };
            may && is(entry)
        })
    }

    /// Whether a dict has a key, or a set an item, where that is known.
    pub(super) fn has_entry(&self, object: &Object, key: &Plain) -> Option<bool> {
        if self.find_entry(object, key).is_some() {
            return Some(true);
        }
        if object.length.as_ref().is_some_and(Amount::is_zero) {
            return Some(false);
        }
        if !object.apart() {
            return None;
        }
        let certain = hash_of(key).is_some_and(|hash| object.index.find(&object.entries, hash).is_ok());
        let known = |entry: &Entry| self.key_of(entry.key.as_ref().unwrap_or(&entry.value)).is_some();
        (certain || object.entries.iter().all(known)).then_some(false)
    }

    /// Adds an item that something else keeps as well, charged to nobody.
    pub(super) fn push_shared(&mut self, id: ObjectId, value: Value) {
        let Some(object) = self.state.object(id) else { return };
        let length = object.length.clone().unwrap_or(Amount::ZERO) + Amount::ONE;
        if object.apart() && object.entries.len() < self.most_entries() {
            self.state.push(id, Entry { key: None, value, hash: None });
        } else {
            self.absorb(id, None, value, &Bytes::ZERO);
        }
        self.state.note(id, |object| object.length = Some(length));
    }

    /// An item more among those that are not told apart.
    fn absorb(&mut self, id: ObjectId, key: Option<Value>, value: Value, charge: &Bytes) {
        self.state.add_payload(id, &Amount::ONE, charge);
        let begun = self.round_begun;
        for part in key.iter().chain([&value]) {
            // One that this round made is the container's; older ones are kept by something else, and only shared.
            if let Value::Object(item) = part
                && self.state.object(*item).is_some_and(|object| object.refs <= 1 || object.born > begun)
            {
                self.state.hand_over(*item, id);
            }
        }
        self.set_sample(id, key, Some(value));
    }

    /// Makes a value the one that stands for all items that are not told apart.
    pub(super) fn set_sample(&mut self, id: ObjectId, key: Option<Value>, value: Option<Value>) {
        for part in key.iter().chain(&value) {
            self.state.hold(part);
            self.state.lend(part, id);
        }
        let mut old = (None, None);
        self.state.note(id, |object| {
            let rest = rest_of(object);
            old = (std::mem::replace(&mut rest.key, key), std::mem::replace(&mut rest.value, value));
        });
        for part in old.0.iter().chain(&old.1) {
            self.state.release(part);
        }
    }

    fn note_key(&mut self, id: ObjectId, key: &Value) {
        let text = matches!(self.type_name(key).as_deref(), Some("str"));
        if !text && matches!(self.state.object(id).map(|object| &object.kind), Some(Kind::Dict)) {
            self.state.note(id, |object| {
                object.features.insert(Text::from("<keys>"), Amount::ONE);
            });
        }
    }

    /// Sums up the items of a container behind a position: from here on they are not told apart.
    pub(super) fn collapse(&mut self, id: ObjectId, from: usize) {
        let entries = self.state.take_entries(id, from);
        let Some(last) = entries.last().cloned() else { return };
        let count = Amount::from(entries.len());
        for entry in &entries {
            for part in entry.key.iter().chain([&entry.value]) {
                if let Value::Object(item) = part {
                    self.state.hand_over(*item, id);
                }
            }
        }
        self.state.note(id, |object| rest_of(object).count += count);
        self.set_sample(id, last.key, Some(last.value));
        self.state.release_entries(&entries);
    }

    /// `container[key] = value` of a dict.
    pub(super) fn store(&mut self, id: ObjectId, key: Value, value: Value, node: &impl Ranged) {
        self.thaw(id);
        let known = self.key_of(&key);
        let Some(object) = self.state.object(id) else { return };
        if let Some(known) = &known {
            if let Some(at) = self.find_entry(object, known) {
                self.is_new_key = false;
                self.replace_entry(id, at, value);
                self.state.settle(&key);
                return;
            }
            if object.apart() && object.entries.len() < self.most_entries() {
                self.push_item(id, Some(key), value, node);
                return;
            }
        }
        // A key that counts along with a loop is new each time.
        let counts = matches!(&key, Value::Number(number) if number.amount.as_ref().is_some_and(|amount| amount.as_int().is_none()))
            || known.is_some();
        if counts || self.state.object(id).is_some_and(|object| object.apart() && object.entries.is_empty()) {
            self.push_item(id, Some(key), value, node);
            return;
        }
        let distinct = self.state.object_of(&key).and_then(|object| object.features.get("<distinct>")).cloned();
        let length = self.state.object(id).and_then(|object| object.length.clone());
        if let (Some(Amount::Int(distinct)), Some(Amount::Int(length))) = (distinct, length) {
            if length < distinct {
                self.push_item(id, Some(key), value, node);
            } else {
                self.state.settle(&key);
                self.state.settle(&value);
            }
            return;
        }
        let hint = format!("new_keys_{}", self.hint(node));
        let cause = "how many different keys there are is not known";
        // Keys that are made along with a loop mostly differ.
        let share = self.typical_quantity(node, &hint, cause, Some(Amount::ONE), Some(Amount::ONE));
        let mut charge = &self.charge(&key) + &self.charge(&value);
        for part in [&key, &value] {
            if let Value::Object(item) = part
                && self.state.object(*item).is_some_and(|object| object.refs == 0)
            {
                charge += &self.state.deep(*item);
            }
        }
        self.note_key(id, &key);
        self.state.add_payload(id, &share, &charge.times(&share));
        if let Some(object) = self.state.object(id) {
            let length = object.length.clone().unwrap_or(Amount::ZERO) + share;
            self.set_length(id, length);
        }
        for part in [&key, &value] {
            if let Value::Object(item) = part
                && self.state.object(*item).is_some_and(|object| object.refs == 0)
            {
                // Its bytes are counted with the container's now.
                let bytes = self.state.deep(*item);
                self.state.note(*item, |object| object.account = Some(id));
                self.state.live -= &bytes;
            }
        }
        self.set_sample(id, Some(key), Some(value));
    }

    pub(super) fn replace_entry(&mut self, id: ObjectId, at: usize, value: Value) {
        let charge = self.charge(&value);
        self.state.hold(&value);
        self.state.lend(&value, id);
        let mut old = None;
        self.state.note(id, |object| {
            if let Some(entry) = object.entries.get_mut(at) {
                old = Some(std::mem::replace(&mut entry.value, value));
            }
        });
        let Some(old) = old else { return };
        let before = self.charge(&self.owned(id, old.clone()));
        if charge != before {
            self.state.add_payload(id, &Amount::ZERO, &(&charge - &before));
        }
        self.state.release(&old);
    }

    /// `container[key] = value`
    pub(super) fn set_item(
        &mut self,
        receiver: &Value,
        key: Value,
        value: Value,
        node: &'p ast::ExprSubscript,
    ) -> Result<(), Flow> {
        self.is_new_key = false;
        match receiver {
            Value::Object(id) => match self.state.object(*id).map(|object| object.kind.clone()) {
                Some(Kind::Dict) => {
                    self.warn_of_growth_by_key(*id, &node.slice, node);
                    self.is_new_key = true;
                    self.store(*id, key, value, node);
                }
                Some(Kind::List | Kind::Deque) => self.set_index(*id, &key, value, node),
                Some(Kind::ByteArray) => self.set_byte(*id, &key, &value),
                Some(Kind::Instance(class)) => {
                    if let Some(function) = self.method_of(class, "__setitem__") {
                        let arguments = super::calls::Arguments::positional(vec![key, value]);
                        let result = self.call_function(function, None, Some(receiver.clone()), arguments, node)?;
                        self.state.settle(&result);
                    }
                }
                // `table["column"] = values`: what a contract says, if one does.
                Some(Kind::Named(kind)) if self.has_method(&kind, "__setitem__") => {
                    let call = (&*kind, "__setitem__");
                    let result = self.call_special(call, receiver, vec![key, value], node, "an assignment")?;
                    self.state.settle(&result);
                }
                _ => self.touch_all(*id),
            },
            // Plain data that the handler changes becomes an object of its own.
            Value::Plain(plain @ (Plain::Dict(_) | Plain::List(_))) => {
                let own = self.materialise_shared(plain.clone(), node);
                if let Value::Object(id) = own {
                    match plain {
                        Plain::Dict(_) => self.store(id, key, value, node),
                        _ => self.set_index(id, &key, value, node),
                    }
                    self.assign(&node.value, own)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// An object for plain data that was there before: nothing is counted but what is added to it.
    pub(super) fn materialise_shared(&mut self, plain: Plain, node: &impl Ranged) -> Value {
        let (live, demand) = (self.state.live.clone(), self.state.demand.clone());
        let value = self.materialise(plain, node);
        if let Value::Object(id) = value {
            self.state.note(id, |object| {
                if let Some(rest) = &mut object.rest {
                    rest.payload = Bytes::ZERO;
                }
            });
            let own = self.state.object(id).map(Object::bytes).unwrap_or(Bytes::ZERO);
            // What it was before stays counted where it was: with the event.
            self.state.live = &live + &own;
            self.state.demand = demand;
        }
        value
    }

    fn set_index(&mut self, id: ObjectId, key: &Value, value: Value, node: &impl Ranged) {
        self.thaw(id);
        self.unfold(id);
        let index = self.amount(key, node).and_then(|amount| amount.as_int());
        let Some(object) = self.state.object(id) else { return };
        if let Some(index) = index
            && object.apart()
        {
            let length = i128::try_from(object.entries.len()).unwrap_or(0);
            let at = if index < 0 { index + length } else { index };
            if let Ok(at) = usize::try_from(at)
                && at < object.entries.len()
            {
                self.replace_entry(id, at, value);
                return;
            }
        }
        self.forget_places(id);
        let Some(object) = self.state.object(id) else { return };
        // One of many: each of them is replaced at most once by something that takes more.
        let sample = object.rest.as_ref().and_then(|rest| rest.value.clone());
        let (new, old) = (self.charge(&value), sample.as_ref().map_or(Bytes::ZERO, |old| self.charge(old)));
        let count = object.length.clone().unwrap_or(Amount::ZERO) * self.multiplicity(id);
        if let Value::Object(item) = &value {
            if self.state.object(*item).is_some_and(|object| object.refs == 0) {
                self.state.hold(&value);
                self.state.hand_over(*item, id);
                self.set_sample(id, None, Some(value.clone()));
                self.state.release(&value);
            }
            return;
        }
        if new != old {
            let paid = self.state.object(id).and_then(|object| object.rest.as_ref()).map(|rest| rest.payload.clone());
            let paid = paid.unwrap_or(Bytes::ZERO);
            let full = new.times(&count);
            let after = paid.zip(&(&paid + &new), |paid, more| {
                let _ = paid;
                more.clone()
            });
            let after = after.zip(&full.max(&paid), Amount::min);
            let more = &after - &paid;
            if !more.is_zero() {
                self.state.add_payload(id, &Amount::ZERO, &more);
            }
        }
    }

    /// Something was put into a list whose items are told apart, and it is not known where: which item is where is no
    /// longer known, nor what stands in lists among them.
    fn forget_places(&mut self, id: ObjectId) {
        const FORGOTTEN: &str = "<places_forgotten>";
        let Some(object) = self.state.object(id).filter(|object| !object.entries.is_empty()) else { return };
        if object.features.contains_key(FORGOTTEN) {
            return;
        }
        self.steps += object.entries.len() as u64 / 8;
        let inner: Vec<ObjectId> = object.entries.iter().filter_map(|entry| entry.value.object()).collect();
        self.blur_items(id);
        for item in inner {
            self.blur_items(item);
        }
        self.state.note(id, |object| {
            object.features.insert(Text::from(FORGOTTEN), Amount::ONE);
        });
    }

    /// Tells the items of `[0] * n` apart before one is replaced, in a run that carries nothing on: a loop that is carried
    /// on knows what a round puts into such lists by one value that stands for all.
    pub(super) fn unfold(&mut self, id: ObjectId) {
        let Some(object) = self.state.object(id) else { return };
        let Some(rest) = object.rest.as_deref().filter(|rest| rest.alike) else { return };
        let (Some(value), Some(count)) = (&rest.value, rest.count.as_usize()) else { return };
        // Numbers and texts that are there already: what the one object takes stays the list's.
        let value = match value {
            Value::Plain(_) | Value::Number(_) | Value::Float(_) => self.plain(value).map(Value::Plain),
            Value::Object(_) | Value::Code(_) | Value::Input(_) | Value::Unknown(_) => None,
        };
        let has_room = self.unfolded + count <= MOST_UNFOLDED && object.entries.is_empty();
        let Some(value) = value.filter(|_| has_room && self.is_round_by_round()) else {
            self.estimated = true;
            self.state.note(id, |object| rest_of(object).alike = false);
            return;
        };
        self.unfolded += count;
        self.steps += count as u64 / 4;
        let entries = vec![Entry { key: None, value, hash: None }; count];
        let payload = rest.payload.clone();
        self.state.note(id, |object| {
            object.entries = entries.into();
            object.rest = Rest::of_payload(payload);
        });
    }

    /// For how many objects a sample stands.
    fn multiplicity(&self, id: ObjectId) -> Amount {
        let mut many = Amount::ONE;
        let mut at = id;
        for _ in 0..8 {
            let Some(account) = self.state.object(at).and_then(|object| object.account) else { break };
            if let Some(rest) = self.state.object(account).and_then(|object| object.rest.as_ref()) {
                many = many * rest.count.max(&Amount::ONE);
            }
            at = account;
        }
        many
    }

    pub(super) fn delete_item(&mut self, receiver: &Value, key: &Value) {
        let Value::Object(id) = receiver else { return };
        self.thaw(*id);
        let known = self.key_of(key);
        let Some(object) = self.state.object(*id) else { return };
        let at = match (&object.kind, &known) {
            (Kind::Dict, Some(known)) => self.find_entry(object, known),
            (_, Some(Plain::Int(index))) => {
                let index = i64::try_from(index).unwrap_or(i64::MAX);
                let length = i64::try_from(object.entries.len()).unwrap_or(0);
                usize::try_from(if index < 0 { index + length } else { index }).ok()
            }
            _ => None,
        };
        self.remove_at(*id, at);
    }

    /// Takes one item out; without a position one of those that are not told apart.
    pub(super) fn remove_at(&mut self, id: ObjectId, at: Option<usize>) -> Value {
        self.thaw(id);
        let Some(object) = self.state.object(id) else { return Value::NONE };
        let length = (object.length.clone().unwrap_or(Amount::ZERO) - Amount::ONE).at_least_zero();
        if let Some(at) = at
            && at < object.entries.len()
        {
            let mut taken = None;
            self.state.note(id, |object| {
                let entry = object.entries.remove(at);
                object.index.removed(at, &entry);
                taken = Some(entry);
            });
            let Some(mut entry) = taken else { return Value::NONE };
            entry.value = self.owned(id, entry.value);
            let charge = self.charge(&entry.value);
            if !charge.is_zero() {
                self.state.note_peak();
                self.state.add_payload(id, &Amount::ZERO, &(&Bytes::ZERO - &charge));
            }
            if let Some(key) = &entry.key {
                self.state.release(key);
            }
            self.state.unkeep(&entry.value);
            self.set_length_kept(id, length);
            return entry.value;
        }
        // One of many goes, with its share of their memory.
        let sample = self.sample(&Value::Object(id));
        if let Some(rest) = self.state.object(id).and_then(|object| object.rest.as_ref()).cloned() {
            self.state.note_peak();
            let count = rest.count.clone();
            let share = rest.payload.share(&Amount::ONE, &count);
            let less = (count - Amount::ONE).at_least_zero();
            self.state.note(id, |object| {
                let rest = rest_of(object);
                rest.count = less;
                rest.payload -= &share;
            });
            self.state.live -= &share;
        }
        self.set_length_kept(id, length);
        sample.unwrap_or(Value::NONE)
    }

    /// A shorter length: lists give memory back as they shrink, tables do not.
    fn set_length_kept(&mut self, id: ObjectId, length: Amount) {
        let kind = self.state.object(id).map(|object| object.kind.clone());
        if matches!(kind, Some(Kind::List | Kind::Deque)) {
            self.set_length(id, length);
        } else {
            self.state.note(id, |object| {
                object.length = Some(length);
                object.growth = Growth::Fixed;
            });
        }
    }

    /// A number that was put into a container, as the container has it: one that another kept, which is gone, was left to it.
    pub(super) fn owned(&self, id: ObjectId, value: Value) -> Value {
        let Value::Number(number) = &value else { return value };
        if !number.shared || number.holder.born == 0 || self.state.is_there(number.holder) {
            return value;
        }
        let own = number.computed();
        // Of what several had, one got the bytes.
        let payload = self.state.object(id).and_then(|object| object.rest.as_ref()).map(|rest| &rest.payload.requested);
        match (self.charge(&own).requested, payload) {
            (Amount::Int(bytes), Some(Amount::Int(payload))) if bytes <= *payload => own,
            _ => value,
        }
    }

    // ---- reading ----------------------------------------------------------------------------------------------------

    /// A number as it is read from something that keeps it.
    pub(super) fn read_of(&self, container: &Value, value: Value) -> Value {
        match (container, &value) {
            // One that the container only shares is still the other's; where that is gone, it was left to this one.
            (Value::Object(_), Value::Number(number)) if number.shared && self.state.is_there(number.holder) => value,
            (Value::Object(id), Value::Number(_) | Value::Float(_)) => value.kept_by(self.state.holder(*id)),
            _ => value.kept(),
        }
    }

    /// One of a value's items, where any will do.
    pub(super) fn sample(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Plain(plain) => largest(plain).map(|(key, item)| match plain {
                Plain::Dict(_) => Value::Plain(key.unwrap_or(item)),
                _ => Value::Plain(item),
            }),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(known) = &object.known {
                    return self.sample(&Value::Plain(known.clone()));
                }
                if let Some(super::value::Source::Range(..)) = object.source.as_deref() {
                    return Some(Value::number(NumberKind::Int).kept());
                }
                let of_keys = matches!(object.kind, Kind::Dict);
                if let Some(rest) = &object.rest
                    && !rest.count.is_zero()
                {
                    let part = if of_keys { rest.key.clone() } else { rest.value.clone() };
                    if part.is_some() {
                        return part;
                    }
                }
                let last = object.entries.last()?;
                Some(if of_keys { last.key.clone()? } else { last.value.clone() })
            }
            _ => None,
        }
    }

    /// `receiver[key]`
    pub(super) fn item(&mut self, receiver: &Value, key: &Value, node: &impl Ranged) -> Eval {
        if let Value::Object(id) = receiver {
            self.own_texts(*id, node);
        }
        let value = self.item_of(receiver, key, node)?;
        let makes_anew = match receiver {
            Value::Object(id) => self.state.object(*id).is_some_and(|object| {
                matches!(object.kind, Kind::Instance(_) | Kind::Named(_) | Kind::Bytes | Kind::ByteArray)
            }),
            _ => false,
        };
        Ok(if makes_anew { value } else { self.read_of(receiver, value) })
    }

    /// An item as it is read: of an object that stands for others, an int like one of theirs.
    pub(super) fn as_read(&mut self, id: ObjectId, at: i128, value: Value) -> Value {
        let stands = self.state.object(id).is_some_and(|object| object.account.is_some() && object.spread.is_some());
        let is_int = matches!(
            &value,
            Value::Plain(Plain::Int(_)) | Value::Number(super::value::Number { kind: NumberKind::Int, .. })
        );
        if !stands || !is_int {
            return value;
        }
        self.drawn(id, Some(at), None).unwrap_or(value)
    }

    /// An item by its place: as it is where it is told apart, and else one like the others.
    pub(super) fn by_place(&mut self, id: ObjectId, place: Option<i128>) -> Option<Value> {
        let object = self.state.object(id)?;
        let told = place.and_then(|place| usize::try_from(place).ok()).and_then(|place| {
            let entry = object.entries.get(place)?;
            Some(if object.kind == Kind::Dict { entry.key.clone()? } else { entry.value.clone() })
        });
        if let Some(value) = told {
            let at = place.unwrap_or(0);
            return Some(self.as_read(id, at, value));
        }
        let of_rest = object
            .rest
            .as_ref()
            .and_then(|rest| if object.kind == Kind::Dict { rest.key.clone() } else { rest.value.clone() });
        match of_rest {
            Some(Value::Number(number)) if number.kind == NumberKind::Int && number.amount.is_none() => {
                self.drawn(id, None, place)
            }
            _ => None,
        }
    }

    fn item_of(&mut self, receiver: &Value, key: &Value, node: &impl Ranged) -> Eval {
        match receiver {
            Value::Plain(whole) => {
                if let Some(key) = self.plain(key) {
                    let expr = Expr::Index(Box::new(Expr::Constant(whole.clone())), Box::new(Expr::Constant(key)));
                    return match self.exact(&expr) {
                        Some(Ok(value)) => Ok(Value::Plain(value)),
                        Some(Err(exception)) => Err(Flow::Raise(exception)),
                        None => Ok(self.unknown(node, UnknownKind::Result, "an item")),
                    };
                }
                if let Plain::Dict(items) = whole {
                    let best = items.iter().map(|(_, item)| item).max_by_key(|item| item.weight(10_000));
                    return Ok(match best {
                        Some(item) => blurred(item),
                        None => self.unknown(node, UnknownKind::Result, "an item of an empty dict"),
                    });
                }
                Ok(match self.sample(receiver) {
                    Some(Value::Plain(item)) => blurred(&item),
                    Some(item) => item,
                    None => self.unknown(node, UnknownKind::Result, "an item"),
                })
            }
            Value::Object(id) => {
                let Some(object) = self.state.object(*id) else { return Ok(Value::NONE) };
                if matches!(object.kind, Kind::List | Kind::Tuple | Kind::Deque)
                    && let Some(super::expressions::Quick::Int(index)) = super::expressions::quick(key)
                    && object.apart()
                {
                    let length = i64::try_from(object.entries.len()).unwrap_or(0);
                    let at = if index < 0 { index + length } else { index };
                    let found =
                        usize::try_from(at).ok().and_then(|at| object.entries.get(at)).map(|entry| entry.value.clone());
                    return match found {
                        Some(value) => Ok(self.as_read(*id, at.into(), value)),
                        None => Err(Flow::Raise(Text::from("IndexError"))),
                    };
                }
                if matches!(object.kind, Kind::List | Kind::Tuple | Kind::Deque) && object.known.is_none() {
                    let place = match super::expressions::quick(key) {
                        Some(super::expressions::Quick::Int(index)) if index >= 0 => Some(i128::from(index)),
                        _ => None,
                    };
                    if let Some(value) = self.by_place(*id, place) {
                        return Ok(value);
                    }
                }
                let Some(object) = self.state.object(*id) else { return Ok(Value::NONE) };
                let kind = object.kind.clone();
                if let Kind::Instance(class) = kind {
                    if let Some(function) = self.method_of(class, "__getitem__") {
                        let arguments = super::calls::Arguments::positional(vec![key.clone()]);
                        return self.call_function(function, None, Some(receiver.clone()), arguments, node);
                    }
                    return Ok(self.unknown(node, UnknownKind::Result, "an item of an object"));
                }
                if let Some(known) = object.known.clone() {
                    // A character or a byte of its own is cached or small; a part of a list is shared.
                    return self.item(&Value::Plain(known), key, node);
                }
                let index = self.key_of(key);
                let Some(object) = self.state.object(*id) else { return Ok(Value::NONE) };
                match (&kind, &index) {
                    (Kind::Dict, Some(index)) => {
                        let found = self.find_entry(object, index).and_then(|at| object.entries.get(at));
                        if let Some(entry) = found {
                            return Ok(entry.value.clone());
                        }
                        if self.has_entry(object, index) == Some(false) {
                            return self.missing_key(*id, key, node);
                        }
                    }
                    (Kind::List | Kind::Tuple | Kind::Deque, Some(Plain::Int(index))) if object.apart() => {
                        let length = i64::try_from(object.entries.len()).unwrap_or(0);
                        let index = i64::try_from(index).unwrap_or(i64::MAX);
                        let at = if index < 0 { index + length } else { index };
                        return match usize::try_from(at).ok().and_then(|at| object.entries.get(at)) {
                            Some(entry) => Ok(entry.value.clone()),
                            None => Err(Flow::Raise(Text::from("IndexError"))),
                        };
                    }
                    (Kind::Str { width }, _) => {
                        let width = *width;
                        return Ok(self.new_str(width, Amount::ONE, node));
                    }
                    (Kind::Bytes | Kind::ByteArray | Kind::MemoryView, _) => {
                        return Ok(Value::number(NumberKind::Int));
                    }
                    _ => {}
                }
                if let Kind::Named(name) = &kind {
                    return self.call_special((name, "__getitem__"), receiver, vec![key.clone()], node, "an item");
                }
                let value = if kind == Kind::Dict {
                    if let Some(default) = self.default_entry(*id, key, node)? {
                        return Ok(default);
                    }
                    let object = self.state.object(*id);
                    object.and_then(|object| {
                        object
                            .rest
                            .as_ref()
                            .filter(|rest| !rest.count.is_zero())
                            .and_then(|rest| rest.value.clone())
                            .or_else(|| object.entries.last().map(|entry| entry.value.clone()))
                    })
                } else {
                    self.sample(receiver)
                };
                let is_alike =
                    self.state.object(*id).and_then(|object| object.rest.as_ref()).is_some_and(|rest| rest.alike);
                Ok(match value {
                    Some(Value::Plain(plain)) if !is_alike => blurred(&plain),
                    Some(value) => value,
                    None => self.unknown(node, UnknownKind::Result, "an item of something unknown"),
                })
            }
            Value::Input(path) => Ok(match self.plain(key) {
                Some(Plain::Str(text)) => Value::Input(Text::from(format!("{path}[{}]", crate::formula::quote(&text)))),
                Some(Plain::Int(index)) => Value::Input(Text::from(format!("{path}[{index}]"))),
                _ => self.unknown(node, UnknownKind::Input, "an item of an argument that is not given"),
            }),
            Value::Code(Code::External(name)) if &**name == "os.environ" => self.environment(key, None, node),
            Value::Code(_) => Ok(receiver.clone()),
            Value::Number(_) | Value::Float(_) | Value::Unknown(_) => {
                Ok(self.unknown(node, UnknownKind::Result, "an item of something unknown"))
            }
        }
    }

    /// `d[key]` of a key that is not there: what a `defaultdict` makes, or the exception.
    fn missing_key(&mut self, id: ObjectId, key: &Value, node: &impl Ranged) -> Eval {
        match self.default_entry(id, key, node)? {
            Some(value) => Ok(value),
            None => Err(Flow::Raise(Text::from("KeyError"))),
        }
    }

    /// The new entry of a `defaultdict` or `Counter`.
    fn default_entry(&mut self, id: ObjectId, key: &Value, node: &impl Ranged) -> Result<Option<Value>, Flow> {
        let Some(factory) = self.state.object(id).and_then(|object| object.fields.get("default_factory")).cloned()
        else {
            return Ok(None);
        };
        if factory == Value::NONE {
            return Ok(None);
        }
        let before = self.state.object(id).and_then(|object| object.rest.as_ref()).and_then(|rest| rest.value.clone());
        let value = self.call_value(&factory, super::calls::Arguments::default(), node)?;
        self.state.keep(&value);
        self.store(id, key.clone(), value.clone(), node);
        self.state.unkeep(&value);
        let _ = before;
        Ok(Some(value))
    }

    // ---- growing ------------------------------------------------------------------------------------------------------

    /// `container.extend(items)`, `container += items`, `[*items]`: the items are shared with where they come from,
    /// unless an iterator makes them.
    pub(super) fn extend_container(&mut self, id: ObjectId, items: &Value, node: &impl Ranged) -> Result<(), Flow> {
        self.thaw(id);
        if let Value::Object(given) = items {
            self.own_texts(*given, node);
        }
        if let Some(apart) = self.items_apart(items)
            && apart.len() <= self.most_entries()
            && self.state.object(id).is_some_and(|object| object.apart())
        {
            let set = self.state.object(id).is_some_and(|object| object.kind == Kind::Set);
            for item in apart {
                let item = self.read_of(items, item);
                if set {
                    self.push_item(id, None, item, node);
                } else {
                    self.push_shared(id, item);
                }
            }
            self.resize_container(id);
            return Ok(());
        }
        let is_iterator = match items {
            Value::Object(object) => self.state.object(*object).is_some_and(|object| object.kind == Kind::Iterator),
            _ => false,
        };
        if is_iterator {
            return self.collect_into(id, items, node);
        }
        let Some(count) = self.length(items, node) else { return Ok(()) };
        let sample = self.sample(items);
        let is_set = self.state.object(id).is_some_and(|object| object.kind == Kind::Set);
        let added = if is_set {
            let hint = format!("len_{}", self.hint(node));
            self.quantity(
                node,
                &hint,
                UnknownKind::Size,
                "how many different items there are is not known",
                Some(count),
            )
        } else {
            count
        };
        // Texts and numbers that an argument holds are taken over as they are; characters of a text are shared.
        let charge = match items {
            Value::Object(_) | Value::Plain(_) => Bytes::ZERO,
            _ => sample.as_ref().map_or(Bytes::ZERO, |item| self.charge(item)),
        };
        self.state.add_payload(id, &added, &charge.times(&added));
        if sample.is_some() {
            self.set_sample(id, None, sample);
        }
        let length = self.state.object(id).and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO) + added;
        self.set_length(id, length);
        Ok(())
    }

    /// `d.update(other)`, `{**other}`
    pub(super) fn update_dict(&mut self, id: ObjectId, other: &Value, node: &impl Ranged) -> Result<(), Flow> {
        self.thaw(id);
        let pairs: Option<Vec<(Value, Value)>> = match other {
            Value::Plain(Plain::Dict(items)) if items.len() <= self.most_entries() => {
                Some(items.iter().map(|(key, item)| (Value::Plain(key.clone()), Value::Plain(item.clone()))).collect())
            }
            Value::Object(object) => self.state.object(*object).and_then(|object| match &object.known {
                Some(Plain::Dict(items)) if items.len() <= self.most_entries() => Some(
                    items.iter().map(|(key, item)| (Value::Plain(key.clone()), Value::Plain(item.clone()))).collect(),
                ),
                _ if object.apart() && object.kind == Kind::Dict => {
                    object.entries.iter().map(|entry| Some((entry.key.clone()?, entry.value.clone()))).collect()
                }
                _ => None,
            }),
            _ => None,
        };
        if let Some(pairs) = pairs {
            for (key, value) in pairs {
                self.store(id, key, value, node);
            }
            return Ok(());
        }
        let Some(count) = self.length(other, node) else { return Ok(()) };
        self.state.add_payload(id, &count, &Bytes::ZERO);
        let sample = self.sample(other);
        let value = match other {
            Value::Object(object) => {
                self.state.object(*object).and_then(|object| object.rest.as_ref()).and_then(|rest| rest.value.clone())
            }
            _ => None,
        };
        self.set_sample(id, sample, value);
        let length = self.state.object(id).and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO) + count;
        self.set_length(id, length);
        Ok(())
    }

    /// `x += y` and its kin where `x` itself changes. Says whether it was one.
    pub(super) fn in_place(
        &mut self,
        operator: ast::Operator,
        old: &Value,
        change: &Value,
        node: &'p ast::StmtAugAssign,
    ) -> Result<bool, Flow> {
        let Value::Object(id) = old else { return Ok(false) };
        let Some(kind) = self.state.object(*id).map(|object| object.kind.clone()) else { return Ok(false) };
        match (kind, operator) {
            (Kind::List | Kind::Deque, ast::Operator::Add) => {
                self.warn_of_growth(*id, "extend", node);
                self.begin_to_grow(*id);
                self.extend_container(*id, change, node)?;
            }
            (Kind::Set, ast::Operator::BitOr) => self.extend_container(*id, change, node)?,
            (Kind::Set, ast::Operator::BitAnd | ast::Operator::Sub | ast::Operator::BitXor) => {}
            (Kind::Dict, ast::Operator::BitOr) => self.update_dict(*id, change, node)?,
            (Kind::ByteArray, ast::Operator::Add) => {
                let added = self.length(change, node).unwrap_or(Amount::ZERO);
                let length = self.state.object(*id).and_then(|object| object.length.clone()).unwrap_or(Amount::ZERO);
                self.state.note(*id, |object| object.growth = Growth::Appended);
                self.set_length(*id, length + added);
            }
            (Kind::Named(_), _) if self.is_array(old) => {
                // The result goes into the array itself; what the other side needs was made already.
                self.touch_all(*id);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn is_set_or_dict(&self, value: &Value) -> bool {
        match value {
            Value::Object(id) => {
                self.state.object(*id).is_some_and(|object| matches!(object.kind, Kind::Set | Kind::Dict))
            }
            Value::Plain(Plain::Set(_) | Plain::Dict(_)) => true,
            _ => false,
        }
    }

    pub(super) fn set_operation(
        &mut self,
        operator: ast::Operator,
        left: &Value,
        right: &Value,
        node: &impl Ranged,
    ) -> Eval {
        let is_dict = self.is_dict(left) || matches!(left, Value::Plain(Plain::Dict(_)));
        for side in [left, right].into_iter().filter_map(Value::object) {
            self.thaw(side);
        }
        let result = self.new_container(if is_dict { Kind::Dict } else { Kind::Set }, node);
        let Value::Object(id) = result else { return Ok(result) };
        match operator {
            ast::Operator::BitOr if is_dict => {
                self.update_dict(id, left, node)?;
                self.update_dict(id, right, node)?;
            }
            ast::Operator::BitOr => {
                self.extend_container(id, left, node)?;
                self.extend_container(id, right, node)?;
            }
            _ if let Some(items) = self.shared_items(operator, left, right) => {
                self.steps += items.len() as u64 / 4;
                for (entry, before) in items.into_iter().zip(0_usize..) {
                    self.state.push(id, entry);
                    self.set_length(id, Amount::from(before + 1));
                }
            }
            _ => {
                let a = self.length(left, node).unwrap_or(Amount::ZERO);
                let b = self.length(right, node).unwrap_or(Amount::ZERO);
                let most = match operator {
                    ast::Operator::BitAnd => a.min(&b),
                    ast::Operator::BitXor => a + b,
                    _ => a,
                };
                let hint = format!("len_{}", self.hint(node));
                let cause = "how many items are in both sets is not known";
                let length = self.quantity(node, &hint, UnknownKind::Size, cause, Some(most));
                let sample = self.sample(left);
                self.state.add_payload(id, &length, &Bytes::ZERO);
                self.set_sample(id, None, sample);
                self.set_length(id, length);
            }
        }
        Ok(result)
    }

    /// The items that `a & b`, `a - b` or `a ^ b` gives, where the items of both sets are told apart.
    fn shared_items(&self, operator: ast::Operator, left: &Value, right: &Value) -> Option<Vec<Entry>> {
        let [a, b] = [left, right].map(|side| self.state.object_of(side).filter(|object| object.kind == Kind::Set));
        let (a, b) = (a?, b?);
        let chosen = |from: &Value, items: &Object, of: &Object, are_in: bool| -> Option<Vec<Entry>> {
            if !items.apart() {
                return None;
            }
            let mut found = Vec::new();
            for entry in &items.entries {
                if self.has_entry(of, &self.key_of(&entry.value)?)? == are_in {
                    found.push(Entry { value: self.read_of(from, entry.value.clone()), ..entry.clone() });
                }
            }
            Some(found)
        };
        match operator {
            ast::Operator::BitAnd => chosen(left, a, b, true),
            ast::Operator::Sub => chosen(left, a, b, false),
            ast::Operator::BitXor => {
                let mut found = chosen(left, a, b, false)?;
                found.extend(chosen(right, b, a, false)?);
                Some(found)
            }
            _ => None,
        }
    }

    /// All of an object's bytes have been written to.
    pub(super) fn touch_all(&mut self, id: ObjectId) {
        if self.state.object(id).is_some_and(|object| object.kind == Kind::ByteArray) {
            self.thaw(id);
        }
        let Some(object) = self.state.object(id) else { return };
        if object.own.resident == object.own.requested {
            return;
        }
        let (requested, resident) = (object.own.requested.clone(), object.own.resident.clone());
        if matches!((&requested, &resident), (Amount::Int(requested), Amount::Int(resident)) if resident >= requested) {
            return;
        }
        let full = Bytes { resident: requested.max(&resident), requested };
        self.state.resize(id, full);
    }
}

use super::value::Code;

/// The largest item of a known container, with its key.
fn largest(plain: &Plain) -> Option<(Option<Plain>, Plain)> {
    let by_weight = |item: &Plain| item.weight(10_000);
    match plain {
        Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) | Plain::Iterable(_, items) => {
            items.iter().max_by_key(|item| by_weight(item)).map(|item| (None, item.clone()))
        }
        Plain::Dict(items) => {
            items.iter().max_by_key(|(_, item)| by_weight(item)).map(|(key, item)| (Some(key.clone()), item.clone()))
        }
        Plain::Str(text) => text.chars().next().map(|c| (None, Plain::text(c.to_string()))),
        Plain::Bytes(bytes) => bytes.first().map(|byte| (None, Plain::int(*byte))),
        Plain::Range(_, stop, _) => Some((None, Plain::Int(stop.clone()))),
        _ => None,
    }
}

/// One of several known values, of which only the kind is meant.
pub(super) fn blurred(plain: &Plain) -> Value {
    match plain {
        Plain::Int(_) => Value::number(NumberKind::Int).kept(),
        Plain::Float(_) => Value::number(NumberKind::Float).kept(),
        // Flags are mostly alike.
        other => Value::Plain(other.clone()),
    }
}
