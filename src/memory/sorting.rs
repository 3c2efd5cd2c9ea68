//! `sorted`, `list.sort` and `reverse`: in the order that CPython gives, where the items and their keys are known.
//!
//! Source of the sizes: `list_sort_impl` and `merge_getmem` in Objects/listobject.c.

use num_traits::ToPrimitive;
use ruff_text_size::Ranged;

use crate::expression::{Expr, Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::machine::{Flow, Machine};
use super::value::{Entries, Entry, ObjectId, Value};

/// Items whose keys are made one by one, where not every loop is run to its end.
const FEW_ITEMS: usize = 1_024;

/// Places for which there is room beside the list (`MERGESTATE_TEMP_SIZE`).
const TEMPORARY: u64 = 256;

/// Items below which they are sorted by insertion (`merge_compute_minrun`): nothing is merged.
const SHORTEST_MERGE: usize = 64;

impl<'p> Machine<'p> {
    /// Sorts a list by the `key` and the `reverse` of some arguments.
    pub(super) fn sort(&mut self, list: &Value, arguments: &Arguments, node: &impl Ranged) -> Result<(), Flow> {
        let Value::Object(id) = list else { return Ok(()) };
        self.own_texts(*id, node);
        let key = arguments.keyword("key").filter(|key| **key != Value::NONE).cloned();
        let reverse = arguments.keyword("reverse").map_or(Some(false), |reverse| Some(self.plain(reverse)?.is_true()));
        let length = self.length(list, node).unwrap_or(Amount::ZERO);
        let order = match (self.items_to_sort(list, key.is_some()), reverse) {
            (Some(items), Some(reverse)) => self.order_of(items, key.as_ref(), reverse, node)?,
            _ => {
                let room = match &key {
                    Some(key) => &self.keys_alike(list, key, &length, node)? + &merge_room(&length, true),
                    None => merge_room(&length, false),
                };
                self.state.transient(&room);
                None
            }
        };
        match order {
            Some(order) => self.reorder(*id, &order),
            None => self.blur_items(*id),
        }
        Ok(())
    }

    /// `list.reverse()`
    pub(super) fn reverse(&mut self, id: ObjectId) {
        let order: Vec<usize> = (0..self.many_apart(id)).rev().collect();
        self.reorder(id, &order);
    }

    /// `deque.rotate(by)`: the last items come first.
    pub(super) fn rotate(&mut self, id: ObjectId, by: Option<i128>) {
        let many = self.many_apart(id);
        let (Some(by), false) = (by, many == 0) else { return self.blur_items(id) };
        let first = (-by).rem_euclid(many as i128) as usize;
        let order: Vec<usize> = (first..many).chain(0..first).collect();
        self.reorder(id, &order);
    }

    fn many_apart(&mut self, id: ObjectId) -> usize {
        self.thaw(id);
        self.state.object(id).filter(|object| object.apart()).map_or(0, |object| object.entries.len())
    }

    fn items_to_sort(&self, list: &Value, by_key: bool) -> Option<Vec<Value>> {
        // Behind a loop that was carried on, items have values of rounds that are long over.
        if self.estimated && !self.is_round_by_round() {
            return None;
        }
        if by_key {
            return self.items_apart(list).filter(|items| items.len() <= self.most_items(FEW_ITEMS));
        }
        match self.state.object_of(list).and_then(|object| object.known.as_ref()) {
            Some(Plain::List(items)) => Some(items.iter().cloned().map(Value::Plain).collect()),
            _ => self.items_apart(list),
        }
    }

    /// The places of items in the order of their keys. None where two cannot be compared by what is known.
    fn order_of(
        &mut self,
        items: Vec<Value>,
        key: Option<&Value>,
        reverse: bool,
        node: &impl Ranged,
    ) -> Result<Option<Vec<usize>>, Flow> {
        let mut ranks = Vec::with_capacity(items.len());
        let mut failed = None;
        // All keys are there at once.
        let mut numbers = Bytes::ZERO;
        for item in items {
            let Some(key) = key else {
                ranks.push(item);
                continue;
            };
            match self.call_value(key, Arguments::positional(vec![item.kept()]), node) {
                Ok(rank) => {
                    if matches!(rank, Value::Number(_) | Value::Float(_)) {
                        numbers += &self.bytes_of(&rank);
                    }
                    self.state.keep(&rank);
                    ranks.push(rank);
                }
                Err(flow) => {
                    failed = Some(flow);
                    break;
                }
            }
        }
        let length = Amount::from(ranks.len());
        let order = if failed.is_none() { self.places(&ranks, reverse) } else { None };
        let is_merged = ranks.len() >= SHORTEST_MERGE && !order.as_deref().is_some_and(is_one_run);
        let mut room = if is_merged { merge_room(&length, key.is_some()) } else { Bytes::ZERO };
        if key.is_some() {
            room += &(&numbers + &pointers(&length, TEMPORARY / 2));
            self.state.transient(&room);
            for rank in ranks.iter().rev() {
                self.state.unkeep(rank);
                self.state.settle(rank);
            }
        } else {
            self.state.transient(&room);
        }
        match failed {
            Some(flow) => Err(flow),
            None => Ok(order),
        }
    }

    fn places(&mut self, ranks: &[Value], reverse: bool) -> Option<Vec<usize>> {
        // What is equal stays in the order that it has, in reverse too.
        let place = |at: usize| if reverse { -(at as i128) } else { at as i128 };
        let ranked = ranks
            .iter()
            .enumerate()
            .map(|(at, rank)| Some(Expr::Constant(Plain::tuple(vec![self.plain(rank)?, Plain::int(place(at))]))))
            .collect::<Option<Vec<_>>>()?;
        self.steps += ranks.len() as u64 / 4;
        let reverse = vec![(Text::from("reverse"), Expr::Constant(Plain::Bool(reverse)))];
        let sorted = self.exact(&Expr::Call(Text::from("sorted"), vec![Expr::List(ranked)], reverse))?.ok()?;
        let Plain::List(sorted) = sorted else { return None };
        let place = |pair: &Plain| match pair {
            Plain::Tuple(pair) => match pair.get(1)? {
                Plain::Int(place) => place.magnitude().to_usize(),
                _ => None,
            },
            _ => None,
        };
        sorted.iter().map(place).collect()
    }

    /// Puts the items of a list, all of which are told apart, into an order of their places.
    fn reorder(&mut self, id: ObjectId, order: &[usize]) {
        self.state.note(id, |object| {
            if let Some(Plain::List(items)) = &object.known {
                object.known = Some(Plain::list(order.iter().filter_map(|at| items.get(*at).cloned()).collect()));
            } else {
                let entries: Vec<Entry> = order.iter().filter_map(|at| object.entries.get(*at).cloned()).collect();
                object.entries = Entries::from(entries);
            }
        });
    }

    /// What keys take that are made of items which are all alike, and the pointers to them.
    fn keys_alike(&mut self, list: &Value, key: &Value, length: &Amount, node: &impl Ranged) -> Result<Bytes, Flow> {
        let room = pointers(length, TEMPORARY / 2);
        let sample = match self.sample(list) {
            // A text of the list's: a key that holds it does not hold another one.
            Some(Value::Plain(plain @ (Plain::Str(_) | Plain::Bytes(_)))) => self.materialise(plain, node),
            Some(Value::Plain(plain)) => super::containers::blurred(&plain),
            Some(other) => other,
            None => return Ok(room),
        };
        self.state.keep(&sample);
        let made = self.call_value(key, Arguments::positional(vec![sample.clone()]), node);
        let each = match &made {
            Ok(Value::Object(id)) if self.state.object(*id).is_some_and(|object| object.refs == 0) => {
                self.state.exclusive(*id)
            }
            Ok(made @ (Value::Number(_) | Value::Float(_))) => self.bytes_of(made),
            _ => Bytes::ZERO,
        };
        self.state.unkeep(&sample);
        self.settle_operands(&sample, &[made?]);
        Ok(&room + &each.times(length))
    }
}

/// Whether the order is the one that was there, or its reverse: a single run, which is merged with nothing.
fn is_one_run(order: &[usize]) -> bool {
    order.is_sorted() || order.iter().rev().is_sorted()
}

/// So many pointers, beyond those for which there is room.
fn pointers(length: &Amount, free: u64) -> Bytes {
    match length.as_int() {
        Some(length) if length <= i128::from(free) => Bytes::ZERO,
        _ => Bytes::touched(length * &Amount::Int(8)),
    }
}

/// Room for the smaller of two runs that are merged, at most half of the items: runs of random items are merged pairwise,
/// so that the room is needed in full. Keys are moved with their items.
fn merge_room(length: &Amount, by_key: bool) -> Bytes {
    let half = length.floor_div(&Amount::Int(2)).unwrap_or(Amount::ZERO);
    pointers(&(half * Amount::Int(if by_key { 2 } else { 1 })), TEMPORARY)
}
