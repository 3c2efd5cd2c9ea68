//! Loops that are too long to be run round by round: what a window of rounds did is carried on to the end.
//!
//! Three states of the heap (before, in the middle of and after a window of rounds that were run) say how fast things
//! grow; a round in the middle of what is left and the last one, run from there, say whether they keep growing like
//! that. Lengths are carried on object by object, so that a list or a dict has the table that CPython gives it at its
//! final length; everything else is carried on as a whole.

use std::rc::Rc;

use crate::expression::{Text, Value as Plain};

use super::amount::{Amount, Bytes, HighWater};
use super::heap::{State, rest_of};
use super::machine::{Flow, Machine};
use super::value::{Entry, Growth, Kind, Number, NumberKind, Object, ObjectId, Spread, Value};

/// States at the beginning and in the middle of a window of rounds.
pub(super) struct Window {
    /// The first round of the window.
    pub begun: i128,
    /// Rounds of each half.
    pub half: i128,
    /// Before it.
    pub first: State,
    /// After the first half.
    pub middle: State,
}

/// How a loop goes on behind the window.
pub(super) struct Rest {
    /// Rounds that are left.
    pub rounds: i128,
    /// What growth is multiplied by: a search that fills its queue early adds less later on.
    pub slower: (i128, i128),
}

/// A container that grows from round to round.
struct Growing {
    id: ObjectId,
    lengths: [Amount; 3],
    payloads: [Bytes; 3],
    /// Bytes that only an item of it holds, on average of the items of the window.
    each: Bytes,
    own: [Bytes; 3],
    /// Whether its own bytes follow from its length.
    sized: bool,
    /// Sizes that contracts and texts keep with it: lines, pieces, positions.
    features: Vec<(Text, [Amount; 3])>,
}

/// What one round far behind the window did.
struct Probe {
    lengths: Vec<Amount>,
    payloads: Vec<Bytes>,
    other: Bytes,
    demand: Amount,
    /// How far its highest point was above its end.
    above: Bytes,
}

impl<'p> Machine<'p> {
    /// Goes to the end of a loop of which `done` rounds were run; `probe` runs the round of a number. Says how the loop
    /// was left, if it was not by its last round.
    pub(super) fn carry_on(
        &mut self,
        window: &Window,
        done: i128,
        rest: &Rest,
        probe: &mut dyn FnMut(&mut Self, i128) -> Flow,
    ) -> Option<Flow> {
        self.steps += u64::try_from(self.state.places() / 64).unwrap_or(0);
        self.estimated = true;
        let base = self.state.clone();
        let growing = self.growing(window, &base);
        let mut probes = Vec::new();
        for index in [done + (rest.rounds - 1) / 2, done + rest.rounds - 1] {
            self.state = self.at_round(window, &base, &growing, index - done, done - window.begun);
            self.state.peak = HighWater::of(&self.state.live);
            let before = self.state.clone();
            let flow = probe(self, index);
            self.state.note_peak();
            probes.push(self.probed(&growing, &before));
            if flow != Flow::Next {
                let mut peak = base.peak.clone();
                peak.raise_all(&self.state.peak);
                self.state.peak = peak;
                return Some(flow);
            }
        }
        if let [middle, last] = probes.as_slice() {
            self.conclude_window(window, &base, &growing, [middle, last], rest);
        }
        None
    }

    /// Containers whose length changes in both halves of the window.
    fn growing(&self, window: &Window, base: &State) -> Vec<Growing> {
        let mut found = Vec::new();
        for (id, object) in base.objects() {
            if base.is_same(&window.first, id) || object.account.is_some() {
                continue;
            }
            let (Some(first), Some(middle)) = (window.first.object(id), window.middle.object(id)) else { continue };
            if first.born != object.born || middle.born != object.born {
                continue;
            }
            let (Some(a), Some(b), Some(c)) = (&first.length, &middle.length, &object.length) else { continue };
            if a == b || b == c {
                continue;
            }
            let payload = |object: &Object| object.rest.as_ref().map_or(Bytes::ZERO, |rest| rest.payload.clone());
            let new = object.entries.get(first.entries.len()..).unwrap_or_default();
            let mut held = Bytes::ZERO;
            for entry in new {
                for value in entry.key.iter().chain([&entry.value]) {
                    if let Value::Object(item) = value {
                        held += &base.exclusive(*item);
                    }
                }
            }
            let many = Amount::from(new.len().max(1));
            let features = object
                .features
                .iter()
                .filter_map(|(name, c)| {
                    let (a, b) = (first.features.get(name)?, middle.features.get(name)?);
                    (a != c).then(|| (name.clone(), [a.clone(), b.clone(), c.clone()]))
                })
                .collect();
            found.push(Growing {
                sized: object.growth != Growth::Fixed,
                features,
                id,
                lengths: [a.clone(), b.clone(), c.clone()],
                payloads: [payload(first), payload(middle), payload(object)],
                each: held.map(|bytes| bytes.floor_div(&many).unwrap_or(Amount::ZERO)),
                own: [first.own.clone(), middle.own.clone(), object.own.clone()],
            });
        }
        found
    }

    /// The state at the start of a round so many rounds behind the window: lengths and counters as they are there.
    fn at_round(&self, window: &Window, base: &State, growing: &[Growing], ahead: i128, past: i128) -> State {
        let mut state = base.clone();
        for one in growing {
            let [first, _, last] = &one.lengths;
            let length = line(first, last, ahead, past).at_least_zero();
            self.set_carried(&mut state, one, length, one.payloads[2].clone(), |[first, _, last]| {
                line(first, last, ahead, past)
            });
        }
        for frame in 0..base.frame_count() {
            let frame = super::value::FrameId::try_from(frame).unwrap_or(u32::MAX);
            let changed: Vec<(Text, Value)> = base
                .variables(frame)
                .filter_map(|(name, value)| {
                    let (a, b) = (window.first.get(frame, name)?, window.middle.get(frame, name)?);
                    Some((name.clone(), counted(a, b, value, ahead, past)?))
                })
                .collect();
            for (name, value) in changed {
                state.set(frame, name, value);
            }
        }
        let objects: Vec<ObjectId> = base
            .objects()
            .filter(|(id, object)| !object.fields.is_empty() && !base.is_same(&window.first, *id))
            .map(|(id, _)| id)
            .collect();
        for id in objects {
            let (Some(a), Some(b), Some(c)) = (window.first.object(id), window.middle.object(id), base.object(id))
            else {
                continue;
            };
            let changed: Vec<(Text, Value)> = c
                .fields
                .iter()
                .filter_map(|(name, value)| {
                    Some((name.clone(), counted(a.fields.get(name)?, b.fields.get(name)?, value, ahead, past)?))
                })
                .collect();
            if !changed.is_empty() {
                state.note(id, |object| object.fields.extend(changed));
            }
        }
        state
    }

    /// Gives a container the length that it has later on, and the bytes that follow from it.
    fn set_carried(
        &self,
        state: &mut State,
        one: &Growing,
        length: Amount,
        payload: Bytes,
        feature: impl Fn(&[Amount; 3]) -> Amount,
    ) {
        let features: Vec<(Text, Amount)> =
            one.features.iter().map(|(name, values)| (name.clone(), feature(values))).collect();
        let Some(object) = state.object(one.id) else { return };
        let (length, payload) = limited(object.features.get("maxlen"), length, payload);
        let (old, own_before) = (object.bytes(), object.own.clone());
        let told = Amount::from(object.entries.len());
        let last = object.entries.last().cloned();
        let holds_items =
            matches!(object.kind, Kind::List | Kind::Tuple | Kind::Dict | Kind::Set | Kind::Deque) && told != length;
        let needs_sample = holds_items && object.rest.as_ref().is_none_or(|rest| rest.value.is_none());
        let kind = object.kind.clone();
        let sample = match (needs_sample, last) {
            (true, Some(entry)) => {
                let step = object.entries.len().div_ceil(MOST_SIBLINGS).max(1);
                let siblings: Vec<(Option<Value>, Value)> = object
                    .entries
                    .iter()
                    .rev()
                    .step_by(step)
                    .map(|entry| (entry.key.clone(), entry.value.clone()))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect();
                // A dict is gone over by its keys.
                let spread = match kind {
                    Kind::Dict => Spread::of(object.entries.iter().filter_map(|entry| int_of(entry.key.as_ref()?))),
                    _ => Spread::of(object.entries.iter().filter_map(|entry| int_of(&entry.value))),
                };
                state.note(one.id, |object| {
                    object.spread = spread.map(|spread| Rc::new(vec![Some(spread)]));
                });
                let keys: Vec<Value> = siblings.iter().filter_map(|(key, _)| key.clone()).collect();
                let values: Vec<Value> = siblings.into_iter().map(|(_, value)| value).collect();
                let key = entry.key.as_ref().map(|_| sample_of(state, &keys, one.id, 0));
                Some((key, sample_of(state, &values, one.id, 0)))
            }
            _ => None,
        };
        state.written.remove(&one.id);
        state.note(one.id, |object| {
            object.known = None;
            object.length = Some(length.clone());
            object.features.extend(features);
            for name in ["<text>", "<item>"] {
                object.fields.remove(name);
            }
            if holds_items {
                rest_of(object).count = (&length - &told).at_least_zero();
            }
            if object.rest.is_some() {
                rest_of(object).payload = payload;
            }
            if let Some((key, value)) = sample {
                let rest = rest_of(object);
                rest.key = key;
                rest.value = Some(value);
            }
        });
        let Some(object) = state.object(one.id) else { return };
        let own = self.own_for(object);
        if own != own_before {
            state.note(one.id, |object| object.own = own);
        }
        let Some(object) = state.object(one.id) else { return };
        let new = object.bytes();
        state.live += &(&new - &old);
    }

    fn probed(&self, growing: &[Growing], before: &State) -> Probe {
        let live = &self.state.live - &before.live;
        let mut own = Bytes::ZERO;
        let (mut lengths, mut payloads) = (Vec::new(), Vec::new());
        for one in growing {
            match (before.object(one.id), self.state.object(one.id)) {
                (Some(start), Some(end)) if start.born == end.born => {
                    let length = |object: &Object| object.length.clone().unwrap_or(Amount::ZERO);
                    let payload =
                        |object: &Object| object.rest.as_ref().map_or(Bytes::ZERO, |rest| rest.payload.clone());
                    if one.sized {
                        own += &(&end.own - &start.own);
                    }
                    lengths.push(length(end) - length(start));
                    payloads.push(&payload(end) - &payload(start));
                }
                _ => {
                    lengths.push(Amount::ZERO);
                    payloads.push(Bytes::ZERO);
                }
            }
        }
        Probe {
            lengths,
            payloads,
            other: &live - &own,
            demand: &self.state.demand - &before.demand,
            above: &self.state.peak.value() - &self.state.live,
        }
    }

    fn conclude_window(
        &mut self,
        window: &Window,
        base: &State,
        growing: &[Growing],
        probes: [&Probe; 2],
        rest: &Rest,
    ) {
        let [middle, last] = probes;
        let grow = |values: [&Amount; 3], probes: [&Amount; 2]| growth(values, probes, window.half, rest);
        let mut own_grown = Bytes::ZERO;
        // After how many rounds a container with a largest length is full: from there on, rounds take what they take
        // far behind the window.
        let mut filled: Option<i128> = None;
        let mut largest: Option<(i128, ObjectId)> = None;
        let mut resized = Vec::new();
        for (at, one) in growing.iter().enumerate() {
            let [a, b, c] = &one.lengths;
            let zero = Amount::ZERO;
            let probed = [middle.lengths.get(at).unwrap_or(&zero), last.lengths.get(at).unwrap_or(&zero)];
            let more = grow([a, b, c], probed);
            let length = (c + &more).at_least_zero();
            let [pa, pb, pc] = &one.payloads;
            let none = Bytes::ZERO;
            let (pm, pl) = (middle.payloads.get(at).unwrap_or(&none), last.payloads.get(at).unwrap_or(&none));
            let payload = Bytes {
                requested: pc.requested.clone()
                    + grow([&pa.requested, &pb.requested, &pc.requested], [&pm.requested, &pl.requested]),
                resident: pc.resident.clone()
                    + grow([&pa.resident, &pb.resident, &pc.resident], [&pm.resident, &pl.resident]),
            };
            let payload = &payload + &one.each.times(&more.at_least_zero());
            let alive = match (base.object(one.id), self.state.object(one.id)) {
                (Some(base), Some(now)) => base.born == now.born,
                _ => false,
            };
            if !alive {
                continue;
            }
            let mut state = std::mem::take(&mut self.state);
            self.set_carried(&mut state, one, length.clone(), payload, |[a, b, c]| {
                // As in the window.
                let (a, b) = (a - &Amount::ZERO, b - &Amount::ZERO);
                let rate = (c - &a).floor_div(&Amount::Int(2 * window.half)).unwrap_or(Amount::ZERO);
                c + &grow([&a, &b, c], [&rate, &rate])
            });
            self.state = state;
            if let Some(object) = self.state.object(one.id) {
                if let Some(kept) = object.length.as_ref().filter(|kept| **kept != length)
                    && let (Some(room), Some(more)) = ((kept - c).as_int(), more.as_int())
                {
                    filled = Some((rest.rounds.saturating_mul(room.max(0)) / more.max(1)).min(rest.rounds));
                }
                if one.sized {
                    own_grown += &(&object.own - &one.own[2]);
                }
                if matches!(object.kind, Kind::Dict | Kind::Set) {
                    resized.push((one.id, c.clone(), length.clone()));
                }
                let weight = more.as_int().unwrap_or(0);
                if largest.is_none_or(|(most, _)| weight > most) {
                    largest = Some((weight, one.id));
                }
            }
        }
        // All that is live but the tables of these containers grows as it did.
        let own = |at: usize| {
            let mut total = Bytes::ZERO;
            for one in growing.iter().filter(|one| one.sized) {
                if let Some(own) = one.own.get(at) {
                    total += own;
                }
            }
            total
        };
        let others = [&window.first.live - &own(0), &window.middle.live - &own(1), &base.live - &own(2)];
        let [a, b, c] = &others;
        let more = |values: [&Amount; 3], probes: [&Amount; 2]| match filled {
            Some(rounds) => {
                let before = (values[2] - values[0]) * Amount::Int(rounds);
                let before = before.floor_div(&Amount::Int(2 * window.half)).unwrap_or(Amount::ZERO);
                before + probes[0] * &Amount::Int(rest.rounds - rounds)
            }
            None => grow(values, probes),
        };
        let more = Bytes {
            requested: more(
                [&a.requested, &b.requested, &c.requested],
                [&middle.other.requested, &last.other.requested],
            ),
            resident: more([&a.resident, &b.resident, &c.resident], [&middle.other.resident, &last.other.resident]),
        };
        let live = &(&base.live + &own_grown) + &more;
        let counted = &self.state.total() + &self.state.other;
        let left = &live - &counted;
        let fits = |id: ObjectId| {
            let payload = self.state.object(id).and_then(|object| object.rest.as_ref()).map(|rest| &rest.payload);
            let covers = |held: Option<&Amount>, left: &Amount| match (held.and_then(Amount::as_int), left.as_int()) {
                (held, Some(left)) => held.unwrap_or(0).saturating_add(left) >= 0,
                (_, None) => true,
            };
            covers(payload.map(|bytes| &bytes.requested), &left.requested)
                && covers(payload.map(|bytes| &bytes.resident), &left.resident)
        };
        match largest {
            // What the round's objects hold beside belongs to what grows most, and what it was charged twice comes off
            // it: it goes when the container does.
            Some((_, id)) if fits(id) => {
                self.state.note(id, |object| rest_of(object).payload += &left);
            }
            _ => self.state.other += &left,
        }
        self.state.live = live.clone();
        self.state.demand = base.demand.clone()
            + grow([&window.first.demand, &window.middle.demand, &base.demand], [&middle.demand, &last.demand]);
        let mut peak = base.peak.clone();
        peak.raise(&live);
        peak.raise(&(&live + &last.above));
        let half = (&live - &base.live).map(|bytes| bytes.floor_div(&Amount::Int(2)).unwrap_or(Amount::ZERO));
        peak.raise(&(&(&base.live + &half) + &middle.above));
        for (id, from, to) in resized {
            if let Some(moment) = self.last_resize(id, &from, &to, &base.live, &live) {
                peak.raise(&moment);
            }
        }
        self.state.peak = peak;
        self.state.recount();
        self.pass_on(window, base);
    }

    /// Items of a container that the window changed one by one, in their order, say what becomes of those behind them:
    /// those are no longer told apart, and one that was changed stands for them.
    fn pass_on(&mut self, window: &Window, base: &State) {
        let mut found: Vec<(ObjectId, usize, Vec<Value>)> = Vec::new();
        for (id, object) in base.objects() {
            let same = |state: &State| state.object(id).is_some_and(|other| other.born == object.born);
            let holds_items = matches!(object.kind, Kind::List | Kind::Dict) && object.entries.len() >= 16;
            if !holds_items || object.account.is_some() || !same(&window.first) || !same(&self.state) {
                continue;
            }
            self.steps += u64::try_from(object.entries.len() / 64).unwrap_or(0);
            let changed: Vec<usize> = object
                .entries
                .iter()
                .enumerate()
                .filter_map(|(at, entry)| {
                    let item = entry.value.object()?;
                    let (first, now) = (window.first.object(item)?, base.object(item)?);
                    (first.born == now.born && !base.is_same(&window.first, item)).then_some(at)
                })
                .collect();
            let (Some(begun), Some(end)) = (changed.first().copied(), changed.last().copied()) else { continue };
            let in_order = changed.len() >= 2 && changed.len() * 2 > end - begun;
            let more = end + 1 < object.entries.len() || object.rest.as_ref().is_some_and(|rest| !rest.count.is_zero());
            if in_order && more {
                let step = changed.len().div_ceil(MOST_SIBLINGS).max(1);
                let siblings = changed
                    .iter()
                    .step_by(step)
                    .filter_map(|at| object.entries.get(*at).map(|entry| entry.value.clone()))
                    .collect();
                found.push((id, end + 1, siblings));
            }
        }
        for (id, from, siblings) in found {
            let keys = self.state.object(id).and_then(|object| match object.kind {
                Kind::Dict => Spread::of(object.entries.iter().filter_map(|entry| int_of(entry.key.as_ref()?))),
                _ => None,
            });
            let key = self.state.object(id).and_then(|object| {
                let listed = object.entries.last().and_then(|entry| entry.key.clone());
                object.rest.as_ref().and_then(|rest| rest.key.clone()).or(listed)
            });
            if self.state.object(id).is_some_and(|object| object.entries.len() > from) {
                self.collapse(id, from);
            }
            let mut state = std::mem::take(&mut self.state);
            let sample = sample_of(&mut state, &siblings, id, 0);
            self.state = state;
            let key = key.map(|key| match (&keys, key) {
                (Some(_), _) => Value::number(NumberKind::Int).kept(),
                (None, key) => key,
            });
            self.set_sample(id, key, Some(sample.clone()));
            // `set_sample` holds it: it was made with a holder.
            if let Value::Object(sample) = sample {
                self.state.note(sample, |object| object.refs = object.refs.saturating_sub(1));
            }
            if let Some(keys) = keys {
                self.state.note(id, |object| object.spread = Some(Rc::new(vec![Some(keys)])));
            }
        }
    }

    /// What is live when a dict or set is copied to its last table: both tables are there.
    fn last_resize(&self, id: ObjectId, from: &Amount, to: &Amount, begun: &Bytes, ended: &Bytes) -> Option<Bytes> {
        let (from, to) = (from.as_int()?, to.as_int()?);
        let object = self.state.object(id)?;
        let at = |length: i128| {
            let mut other = Object::new(object.kind.clone(), Bytes::ZERO);
            other.growth = object.growth;
            other.length = Some(Amount::Int(length));
            if let Some(keys) = object.features.get("<keys>") {
                other.features.insert(Text::from("<keys>"), keys.clone());
            }
            self.own_for(&other)
        };
        let last = at(to);
        let (mut low, mut high) = (from, to);
        if to <= from || at(from) == last {
            return None;
        }
        // The smallest length with the last table.
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if at(middle) == last {
                high = middle;
            } else {
                low = middle;
            }
        }
        let share = |bytes: Amount| match bytes {
            Amount::Int(bytes) => Amount::Int(bytes / (to - from) * (high - from)),
            formula @ Amount::Formula(_) => formula,
        };
        let until = (ended - begun).map(|bytes| share(bytes.clone()));
        Some(&(begun + &until) + &at(low))
    }
}

/// Siblings that are looked at for what they have in common.
const MOST_SIBLINGS: usize = 64;

fn int_of(value: &Value) -> Option<i128> {
    match value {
        Value::Plain(Plain::Int(int)) => Amount::from(int).as_int(),
        Value::Number(Number { kind: NumberKind::Int, amount: Some(amount), .. }) => amount.as_int(),
        _ => None,
    }
}

/// A value that stands for any of several: an object like the last of them, whose bytes are the container's, and whose
/// ints are spread as theirs are.
fn sample_of(state: &mut State, siblings: &[Value], container: ObjectId, depth: usize) -> Value {
    let Some(last) = siblings.last() else { return Value::NONE };
    let Value::Object(id) = last else {
        return match last {
            Value::Plain(Plain::Str(text)) => {
                let mut object = Object::new(Kind::Str { width: super::sizes::width_of(text) }, Bytes::ZERO);
                object.length = Some(Amount::from(text.chars().count()));
                object.account = Some(container);
                object.refs = 1;
                Value::Object(state.place(object))
            }
            Value::Plain(plain) => super::containers::blurred(plain),
            Value::Float(_) => Value::number(NumberKind::Float).kept(),
            Value::Number(number) => Value::Number(number.clone().blurred()).kept(),
            other => other.clone(),
        };
    };
    let Some(mut object) = state.object(*id).cloned() else { return Value::NONE };
    if matches!(object.kind, Kind::Str { .. }) {
        let known: Option<std::collections::BTreeSet<Text>> = siblings
            .iter()
            .map(|value| match state.object_of(value)?.known.as_ref()? {
                Plain::Str(text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        // Few different ones among many: there are no others.
        if let Some(different) = known.filter(|different| different.len() * 4 <= siblings.len()) {
            object.features.insert(Text::from("<distinct>"), Amount::from(different.len()));
        }
    }
    let alike: Vec<Object> = siblings
        .iter()
        .filter_map(|value| state.object_of(value))
        .filter(|other| other.kind == object.kind)
        .cloned()
        .collect();
    object.known = None;
    object.account = Some(container);
    object.refs = 1;
    if depth < 4 && object.entries.len() <= 16 {
        let by_place = object.kind == Kind::Tuple;
        let ints_at = |at: Option<usize>| {
            let entries = alike.iter().flat_map(|other| match at {
                Some(at) => other.entries.get(at).into_iter().collect::<Vec<_>>(),
                None => other.entries.iter().collect(),
            });
            let ints: Vec<i128> = entries.filter_map(|entry| int_of(&entry.value)).collect();
            // Their order is that of the siblings, and says nothing of a place.
            Spread::of(ints).map(|spread| Spread { rising: false, ..spread })
        };
        let spread = if by_place {
            (0..object.entries.len()).map(|at| ints_at(Some(at))).collect()
        } else {
            vec![ints_at(None)]
        };
        if spread.iter().any(Option::is_some) {
            object.spread = Some(Rc::new(spread));
        }
        for at in 0..object.entries.len() {
            let children: Vec<Value> =
                alike.iter().filter_map(|other| other.entries.get(at)).map(|entry| entry.value.clone()).collect();
            if matches!(children.last(), Some(Value::Object(_))) {
                let child = sample_of(state, &children, container, depth + 1);
                if let Some(entry) = object.entries.get_mut(at) {
                    entry.value = child;
                }
            } else if let Some(Entry { value: Value::Object(held), .. }) = object.entries.get(at) {
                state.hold(&Value::Object(*held));
            }
        }
        let others: Vec<Value> =
            object.fields.values().chain(object.entries.iter().filter_map(|e| e.key.as_ref())).cloned().collect();
        for value in &others {
            state.hold(value);
        }
        if let Some(rest) = &object.rest {
            for value in rest.key.iter().chain(&rest.value) {
                state.hold(value);
            }
        }
        for base in &object.base {
            state.hold(&Value::Object(*base));
        }
    } else {
        for held in object.held() {
            state.hold(&Value::Object(held));
        }
    }
    Value::Object(state.place(object))
}

/// The length and the bytes of the items of a container with a largest length: what is beyond it has gone again.
fn limited(most: Option<&Amount>, length: Amount, payload: Bytes) -> (Amount, Bytes) {
    let Some(kept) = most.map(|most| length.min(most)).filter(|kept| *kept != length) else { return (length, payload) };
    let payload = payload.share(&kept, &length);
    (kept, payload)
}

/// A straight line through two values, so many rounds ahead of the second one.
fn line(first: &Amount, last: &Amount, ahead: i128, past: i128) -> Amount {
    let change = last - first;
    match change {
        Amount::Int(change) => last + &Amount::Int(change.saturating_mul(ahead) / past.max(1)),
        formula @ Amount::Formula(_) => {
            let rounds = Amount::Int(ahead).divide(&Amount::Int(past.max(1))).unwrap_or(Amount::ZERO);
            last + &(formula * rounds)
        }
    }
}

/// A number that counts along with the rounds, at a later round. One that changes otherwise stays what it was last.
fn counted(a: &Value, b: &Value, c: &Value, ahead: i128, past: i128) -> Option<Value> {
    let int = |value: &Value| match value {
        Value::Plain(Plain::Int(int)) => Amount::from(int).as_int(),
        Value::Number(Number { kind: NumberKind::Int, amount: Some(amount), .. }) => amount.as_int(),
        _ => None,
    };
    let (a, b, c) = (int(a)?, int(b)?, int(c)?);
    if a == c || b.checked_sub(a)? != c.checked_sub(b)? {
        return None;
    }
    let value = c.checked_add(c.checked_sub(a)?.checked_mul(ahead)? / past.max(1))?;
    Some(Value::int(Amount::Int(value)))
}

/// By how much something grows over the rounds that are left: as in the window, unless the rounds that were run far
/// behind it say that it is a trend (by Simpson's rule: exact for what grows by a polynomial of the round).
fn growth(values: [&Amount; 3], probes: [&Amount; 2], half: i128, rest: &Rest) -> Amount {
    let [a, b, c] = values;
    let rounds = rest.rounds;
    let slow = |amount: i128| amount.saturating_mul(rest.slower.0) / rest.slower.1.max(1);
    let past = half.saturating_mul(2).max(1);
    let (Amount::Int(a), Amount::Int(b), Amount::Int(c)) = (a, b, c) else {
        let (up, down) = (Amount::Int(rounds.saturating_mul(rest.slower.0)), Amount::Int(past * rest.slower.1.max(1)));
        return (c - a) * up.divide(&down).unwrap_or(Amount::ZERO);
    };
    let (first, second, both) = (b - a, c - b, c - a);
    let steady = both.saturating_mul(rounds) / past;
    let (Amount::Int(middle), Amount::Int(last)) = (probes[0], probes[1]) else { return Amount::Int(slow(steady)) };
    if first == 0 && second == 0 {
        // It begins later on.
        return Amount::Int(slow((middle + last).saturating_mul(rounds) / 2));
    }
    let up = second.saturating_mul(4) > first.saturating_mul(5)
        && middle.saturating_mul(past).saturating_mul(10) > both.saturating_mul(11)
        && last >= middle;
    let down = first.saturating_mul(4) > second.saturating_mul(5)
        && middle.saturating_mul(past).saturating_mul(10) < both.saturating_mul(9)
        && last <= middle;
    // A slow trend, as of the digits of a number that counts: smooth in the window, and the same way behind it.
    let near =
        |rate: i128| rate.saturating_mul(2 * past) >= both && rate.saturating_mul(past) <= both.saturating_mul(2);
    let smooth = (second - first).abs().saturating_mul(10) <= first.max(second);
    let rises = second >= first && middle.saturating_mul(past) >= both && last >= middle;
    let falls = second <= first && middle.saturating_mul(past) <= both && last <= middle;
    let slow_trend = both > 0 && smooth && near(*middle) && near(*last) && (rises || falls);
    // Rounds far apart that take the same, and less than those of the window: it was a beginning, with keys that were new.
    // (The other way round says little: what is not told apart behind the window is taken for the dearer case.)
    let settled = *middle > 0
        && (last - middle).abs().saturating_mul(64) <= *middle
        && middle.saturating_mul(past).saturating_mul(10) < both.saturating_mul(9);
    let total = if up || down || slow_trend || settled {
        let weighted = both.saturating_add(past.saturating_mul(4 * middle + last));
        weighted.saturating_mul(rounds) / (6 * past)
    } else {
        steady
    };
    Amount::Int(slow(total))
}
