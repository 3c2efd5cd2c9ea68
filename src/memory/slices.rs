//! `items[a:b] = …`, `del items[a:b]`, and which items a slice takes; the bytes of a `bytearray` where they are known.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::ToPrimitive;
use ruff_text_size::Ranged;

use crate::expression::{Expr, Value as Plain};

use super::amount::{Amount, Bytes};
use super::machine::{Flow, Machine};
use super::value::{Entry, Growth, Kind, ObjectId, Value};

/// The longest `bytes` and `bytearray` whose content is followed.
const MOST_BYTES: usize = 1 << 26;

/// Places that a slice takes.
#[derive(Clone, Copy)]
struct Places {
    start: i64,
    step: i64,
    count: usize,
}

impl Places {
    fn iter(self) -> impl Iterator<Item = usize> {
        // All of them are places of something: none is negative.
        (0..self.count).map(move |at| usize::try_from(self.start + at as i64 * self.step).unwrap_or(usize::MAX))
    }
}

impl<'p> Machine<'p> {
    /// Whether the content of `bytes` or a `bytearray` of a length is followed: where every loop is run to its end.
    pub(super) fn follows_bytes(&self, length: &Amount) -> bool {
        self.is_round_by_round() && length.as_usize().is_some_and(|length| length <= MOST_BYTES)
    }

    /// The items of a list or tuple that a slice takes, where they are told apart: some, or, round by round, all of them.
    pub(super) fn sliced_items(&mut self, receiver: &Value, bounds: [&Plain; 3]) -> Option<Vec<Value>> {
        let most = self.most_entries() as u64;
        let known = match receiver {
            Value::Plain(plain) => Some(plain.clone()),
            _ => self.state.object_of(receiver)?.known.clone(),
        };
        let length = match &known {
            Some(Plain::List(items) | Plain::Tuple(items)) => items.len(),
            Some(_) => return None,
            None => self.state.object_of(receiver).filter(|object| object.apart())?.entries.len(),
        };
        let places = self.places_of(length, bounds).filter(|places| places.count as u64 <= most)?.iter();
        match known {
            Some(Plain::List(items) | Plain::Tuple(items)) => {
                places.map(|place| items.get(place).cloned().map(Value::Plain)).collect()
            }
            _ => {
                let entries = &self.state.object_of(receiver)?.entries;
                places.map(|place| Some(entries.get(place)?.value.clone())).collect()
            }
        }
    }

    /// The places that a slice takes of so many: those of the same slice of a `range`.
    fn places_of(&mut self, length: usize, bounds: [&Plain; 3]) -> Option<Places> {
        let all = Plain::Range(BigInt::ZERO, BigInt::from(length), BigInt::from(1));
        let [start, stop, step] = bounds.map(|bound| Some(Box::new(Expr::Constant(bound.clone()))));
        let part = Expr::Slice { value: Box::new(Expr::Constant(all)), start, stop, step };
        let part = self.exact(&part)?.ok()?;
        let count = part.iterations()?.to_usize()?;
        match &part {
            Plain::Range(start, _, step) => Some(Places { start: start.to_i64()?, step: step.to_i64()?, count }),
            _ => None,
        }
    }

    fn slice_places(&mut self, length: usize, bounds: &[Option<Value>; 3]) -> Option<Places> {
        let plain = |bound: &Option<Value>| bound.as_ref().map_or(Some(Plain::None), |bound| self.plain(bound));
        let [start, stop, step] = [plain(&bounds[0])?, plain(&bounds[1])?, plain(&bounds[2])?];
        self.places_of(length, [&start, &stop, &step])
    }

    /// `receiver[start:stop:step] = value`
    pub(super) fn set_slice(
        &mut self,
        receiver: &Value,
        bounds: &[Option<Value>; 3],
        value: &Value,
        node: &impl Ranged,
    ) -> Result<(), Flow> {
        let Value::Object(id) = receiver else { return Ok(()) };
        match self.state.object(*id).map(|object| object.kind.clone()) {
            Some(Kind::List) => self.set_items(*id, bounds, value, node),
            Some(Kind::ByteArray) => {
                self.set_bytes(*id, bounds, value, node);
                Ok(())
            }
            _ => {
                self.touch_all(*id);
                Ok(())
            }
        }
    }

    fn set_items(
        &mut self,
        id: ObjectId,
        bounds: &[Option<Value>; 3],
        value: &Value,
        node: &impl Ranged,
    ) -> Result<(), Flow> {
        self.own_texts(id, node);
        self.thaw(id);
        self.unfold(id);
        let old = self.length(&Value::Object(id), node).unwrap_or(Amount::ZERO);
        let [start, stop, step] = bounds;
        let taken = self.slice_length(&old, start.as_ref(), stop.as_ref(), step.as_ref(), node);
        // What an iterator gives is listed first.
        let listed = match self.state.object_of(value).map(|object| &object.kind) {
            Some(Kind::Iterator) => self.container_of("list", value, node)?,
            _ => value.clone(),
        };
        let given = self.length(&listed, node).unwrap_or(Amount::ZERO);
        let is_apart = self.state.object(id).is_some_and(|object| object.apart());
        let places = if is_apart { old.as_usize().and_then(|old| self.slice_places(old, bounds)) } else { None };
        let items = given.as_usize().filter(|given| *given <= self.most_entries());
        let items = items.and_then(|given| match self.state.object_of(&listed).and_then(|one| one.rest.as_deref()) {
            Some(rest) if rest.alike => rest.value.clone().map(|item| vec![item; given]),
            _ => self.items_apart(&listed),
        });
        match (places, items) {
            (Some(places), Some(items)) => {
                self.steps += (places.count + items.len()) as u64 / 8;
                let items: Vec<Value> = items.into_iter().map(|item| self.read_of(&listed, item)).collect();
                let is_stepped =
                    step.as_ref().and_then(|step| self.amount(step, node)).is_some_and(|by| by != Amount::ONE);
                if is_stepped {
                    // `list_ass_subscript` in Objects/listobject.c keeps what it replaces until the end.
                    self.state.transient(&Bytes::touched(Amount::from(places.count) * Amount::Int(8)));
                    for (at, item) in places.iter().zip(items) {
                        self.replace_entry(id, at, item);
                    }
                } else {
                    self.splice(id, places, items);
                }
            }
            _ => {
                if given != taken {
                    self.set_length(id, (&(&old - &taken) + &given).at_least_zero());
                }
                if let Some(sample) = self.sample(&listed) {
                    let sample = self.read_of(&listed, sample);
                    self.state.note(id, |object| object.entries = Default::default());
                    self.set_sample(id, None, Some(sample));
                }
            }
        }
        self.state.settle(&listed);
        Ok(())
    }

    /// Puts items where others were that stand one behind the other.
    fn splice(&mut self, id: ObjectId, places: Places, items: Vec<Value>) {
        let many = self.state.object(id).map_or(0, |object| object.entries.len());
        let begin = usize::try_from(places.start).unwrap_or(many);
        let behind = self.state.take_entries(id, begin);
        let gone: Vec<Entry> = behind.iter().take(places.count).cloned().collect();
        let own = |entry: &Entry| self.charge(&self.owned(id, entry.value.clone()));
        let paid = gone.iter().fold(Bytes::ZERO, |sum, entry| &sum + &own(entry));
        let payload = self.state.object(id).and_then(|object| object.rest.as_ref()).map(|rest| rest.payload.clone());
        let paid = paid.zip(&payload.unwrap_or(Bytes::ZERO), |paid, payload| paid.min(payload));
        let length = Amount::from(many - places.count + items.len());
        for item in items {
            self.state.push(id, Entry { key: None, value: item, hash: None });
        }
        self.state.note(id, |object| {
            for entry in behind.into_iter().skip(places.count) {
                object.entries.push(entry);
            }
        });
        if !paid.is_zero() {
            self.state.note_peak();
            self.state.add_payload(id, &Amount::ZERO, &(&Bytes::ZERO - &paid));
        }
        self.state.release_entries(&gone);
        self.state.note(id, |object| object.growth = Growth::Appended);
        self.set_length(id, length);
    }

    fn set_bytes(&mut self, id: ObjectId, bounds: &[Option<Value>; 3], value: &Value, node: &impl Ranged) {
        // `bytearray_ass_subscript` in Objects/bytearrayobject.c makes a bytearray of what is no bytearray.
        if self.type_name(value).as_deref() != Some("bytearray") {
            let length = self.length(value, node).unwrap_or(Amount::ZERO);
            let copy = self.sizes.bytearray(&length);
            self.state.transient(&copy);
        }
        let known = match (self.plain(&Value::Object(id)), self.plain(value)) {
            (Some(Plain::Bytes(old)), Some(Plain::Bytes(new))) => {
                self.slice_places(old.len(), bounds).filter(|places| places.count == new.len()).zip(Some(new))
            }
            _ => None,
        };
        let Some((places, new)) = known else { return self.touch_all(id) };
        self.steps += places.count as u64 / 64;
        self.write_bytes(id, places.iter().zip(new.iter().copied()));
    }

    /// `array[key] = value` of a `bytearray`.
    pub(super) fn set_byte(&mut self, id: ObjectId, key: &Value, value: &Value) {
        let length = match self.state.object(id).and_then(|object| object.known.as_ref()) {
            Some(Plain::Bytes(bytes)) => bytes.len(),
            _ => return self.touch_all(id),
        };
        let int = |value: &Value| match self.plain(value) {
            Some(Plain::Int(int)) => int.to_i64(),
            Some(Plain::Bool(value)) => Some(i64::from(value)),
            _ => None,
        };
        let at = int(key).map(|at| if at < 0 { at + length as i64 } else { at });
        match (at.and_then(|at| usize::try_from(at).ok()), int(value).and_then(|value| u8::try_from(value).ok())) {
            (Some(at), Some(byte)) if at < length => self.write_bytes(id, std::iter::once((at, byte))),
            _ => self.touch_all(id),
        }
    }

    fn write_bytes(&mut self, id: ObjectId, changes: impl Iterator<Item = (usize, u8)>) {
        self.state.note(id, |object| {
            if let Some(Plain::Bytes(bytes)) = &mut object.known {
                let bytes = Arc::make_mut(bytes);
                for (at, byte) in changes {
                    if let Some(place) = bytes.get_mut(at) {
                        *place = byte;
                    }
                }
            }
        });
    }
}
