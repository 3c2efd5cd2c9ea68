//! The order of items: `sorted`, `list.sort`, `reverse`, `insert`, `bisect`, `heapq.nlargest`, as CPython has it where the
//! items and their keys are known.
//!
//! Source of the sizes: `list_sort_impl` and `merge_getmem` in Objects/listobject.c.

use num_traits::ToPrimitive;
use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use crate::expression::{Expr, Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::machine::{Flow, Machine};
use super::value::{Entries, Entry, Kind, ObjectId, Value};

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

    /// Moves the last item before another; where it is not known which, the order is not known any more.
    pub(super) fn move_last(&mut self, id: ObjectId, at: Option<usize>) {
        let Some(at) = at.filter(|_| self.state.object(id).is_some_and(|object| object.apart())) else {
            return self.blur_items(id);
        };
        let many = self.state.object(id).map_or(0, |object| object.entries.len());
        self.steps += many.saturating_sub(at) as u64 / 64;
        self.state.note(id, |object| {
            object.index.clear();
            if let Some(last) = object.entries.pop() {
                object.entries.insert(at, last);
            }
        });
    }

    /// Where an item goes in a list that is sorted: before or behind those that are equal.
    pub(super) fn bisect(&mut self, list: &Value, item: &Value, behind: bool, node: &impl Ranged) -> Option<usize> {
        let items = self.items_to_sort(list, false)?;
        let (mut low, mut high) = (0, items.len());
        while low < high {
            let middle = (low + high) / 2;
            let goes_on = match behind {
                true => !self.is_less(item, &items[middle], node)?,
                false => self.is_less(&items[middle], item, node)?,
            };
            if goes_on { low = middle + 1 } else { high = middle }
        }
        Some(low)
    }

    /// The place of the first item that equals a value, and how many do, where that is known of all.
    pub(super) fn places_equal(
        &mut self,
        list: &Value,
        value: &Value,
        node: &impl Ranged,
    ) -> Option<(Option<usize>, usize)> {
        let items = self.items_to_sort(list, false)?;
        self.steps += items.len() as u64 / 8;
        let (mut first, mut count) = (None, 0);
        for (at, item) in items.iter().enumerate() {
            if self.compare(ast::CmpOp::Eq, item, value, node)?.ok()? {
                first = first.or(Some(at));
                count += 1;
            }
        }
        Some((first, count))
    }

    /// `heapq.nlargest(count, items, key)` where the items can be compared by what is known.
    pub(super) fn known_extremes(
        &mut self,
        largest: bool,
        count: &Value,
        items: &Value,
        key: Option<&Value>,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let count = self.amount(count, node).and_then(|count| count.as_usize());
        let (Some(count), Some(all)) = (count, self.items_to_sort(items, key.is_some())) else { return Ok(None) };
        let all: Vec<Value> = all.into_iter().map(|item| self.read_of(items, item)).collect();
        let Some(order) = self.order_of(all.clone(), key, largest, node)? else { return Ok(None) };
        let chosen = order.iter().take(count).filter_map(|at| all.get(*at).cloned()).collect();
        Ok(Some(self.sequence_with(Kind::List, chosen, node)))
    }

    /// `Counter.most_common(count)` where all counts are known: of all of them pairs are sorted, of some `heapq.nlargest`
    /// keeps no others.
    pub(super) fn most_common(&mut self, counter: &Value, count: Option<usize>, node: &impl Ranged) -> Option<Value> {
        let pairs = self.pairs_of(counter)?;
        let counts: Vec<Value> = pairs.iter().map(|(_, count)| count.clone()).collect();
        let order = self.places(&counts, true)?;
        if count.is_none_or(|count| count >= pairs.len()) {
            // Keys and pointers beside the list, while it is sorted.
            self.state.transient(&Bytes::touched(Amount::from(16 * pairs.len())));
        }
        let chosen: Vec<Value> = order
            .iter()
            .take(count.unwrap_or(pairs.len()))
            .filter_map(|at| pairs.get(*at).cloned())
            .map(|(key, count)| self.pair(key, count, node))
            .collect();
        Some(self.sequence_with(Kind::List, chosen, node))
    }

    fn many_apart(&mut self, id: ObjectId) -> usize {
        self.thaw(id);
        self.state.object(id).filter(|object| object.apart()).map_or(0, |object| object.entries.len())
    }

    fn items_to_sort(&mut self, list: &Value, by_key: bool) -> Option<Vec<Value>> {
        if !self.follows_items() {
            return None;
        }
        if by_key {
            let items = self.items_apart(list)?;
            return self.looks_at(items.len(), FEW_ITEMS).then_some(items);
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
        }
        self.state.transient(&room);
        if key.is_some() {
            for rank in ranks.iter().rev() {
                self.state.unkeep(rank);
                self.state.settle(rank);
            }
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
