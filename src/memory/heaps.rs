//! `heapq` on lists whose items are told apart and can be compared: the same order as CPython's.
//!
//! Source: `Lib/heapq.py`. Where two items cannot be compared by what is known, nothing is known of the order any more.

use ruff_python_ast as ast;
use ruff_text_size::Ranged;

use super::machine::Machine;
use super::value::{ObjectId, Value};

impl Machine<'_> {
    /// `heappush(list, item)`.
    pub(super) fn heap_push(&mut self, id: ObjectId, item: Value, node: &impl Ranged) {
        self.push_item(id, None, item, node);
        let last = self.heap_length(id).and_then(|length| length.checked_sub(1));
        let done = last.and_then(|last| self.heap_rise(id, 0, last, node));
        self.blur_unless(id, done);
    }

    /// `heappop(list)`.
    pub(super) fn heap_pop(&mut self, id: ObjectId, node: &impl Ranged) -> Value {
        let last = self.heap_length(id).and_then(|length| length.checked_sub(1));
        let Some(last) = last else {
            self.blur_items(id);
            let last = self.state.object(id).and_then(|object| object.entries.len().checked_sub(1));
            return self.remove_at(id, last);
        };
        self.heap_swap(id, 0, last);
        let taken = self.remove_at(id, Some(last));
        let done = self.heap_sink(id, 0, node);
        self.blur_unless(id, done);
        taken
    }

    /// `heapreplace(list, item)`.
    pub(super) fn heap_replace(&mut self, id: ObjectId, item: Value, node: &impl Ranged) -> Value {
        let taken = self.heap_pop(id, node);
        self.heap_push(id, item, node);
        taken
    }

    /// `heappushpop(list, item)`.
    pub(super) fn heap_push_pop(&mut self, id: ObjectId, item: Value, node: &impl Ranged) -> Value {
        let first = self.state.object(id).and_then(|object| object.entries.first()).map(|entry| entry.value.clone());
        match first.map(|first| self.is_less(&first, &item, node)) {
            // An empty heap gives the item back.
            None if self.heap_length(id) == Some(0) => item,
            Some(Some(false)) if self.heap_length(id).is_some() => item,
            _ => self.heap_replace(id, item, node),
        }
    }

    /// `heapify(list)`.
    pub(super) fn heapify(&mut self, id: ObjectId, node: &impl Ranged) {
        self.thaw(id);
        let many = self.heap_length(id).unwrap_or(0);
        let done = (0..many / 2).rev().try_for_each(|at| self.heap_sink(id, at, node));
        self.blur_unless(id, done);
    }

    /// How many items there are, if all are told apart.
    fn heap_length(&self, id: ObjectId) -> Option<usize> {
        let object = self.state.object(id)?;
        object.apart().then_some(object.entries.len())
    }

    /// Where two items could not be compared, the order is not known any more.
    fn blur_unless(&mut self, id: ObjectId, done: Option<()>) {
        if done.is_none() {
            self.blur_items(id);
        }
    }

    /// `_siftup`: the smaller child moves up until there is none, and the item rises from there.
    fn heap_sink(&mut self, id: ObjectId, start: usize, node: &impl Ranged) -> Option<()> {
        let end = self.heap_length(id)?;
        let mut at = start;
        while 2 * at + 1 < end {
            let mut child = 2 * at + 1;
            if child + 1 < end && !self.heap_less(id, child, child + 1, node)? {
                child += 1;
            }
            self.heap_swap(id, at, child);
            at = child;
        }
        if at < end { self.heap_rise(id, start, at, node) } else { Some(()) }
    }

    /// `_siftdown`: parents that are larger move down.
    fn heap_rise(&mut self, id: ObjectId, start: usize, from: usize, node: &impl Ranged) -> Option<()> {
        let mut at = from;
        while at > start {
            let parent = (at - 1) / 2;
            if !self.heap_less(id, at, parent, node)? {
                break;
            }
            self.heap_swap(id, at, parent);
            at = parent;
        }
        Some(())
    }

    fn heap_swap(&mut self, id: ObjectId, a: usize, b: usize) {
        if a != b {
            self.state.note(id, |object| {
                if a.max(b) < object.entries.len() {
                    object.entries.swap(a, b);
                    object.index.clear();
                }
            });
        }
    }

    fn heap_less(&mut self, id: ObjectId, a: usize, b: usize, node: &impl Ranged) -> Option<bool> {
        let entries = &self.state.object(id)?.entries;
        let (a, b) = (entries.get(a)?.value.clone(), entries.get(b)?.value.clone());
        self.is_less(&a, &b, node)
    }

    /// Whether one value is less than another, if that is known.
    pub(super) fn is_less(&mut self, a: &Value, b: &Value, node: &impl Ranged) -> Option<bool> {
        self.compare(ast::CmpOp::Lt, a, b, node)?.ok()
    }
}
