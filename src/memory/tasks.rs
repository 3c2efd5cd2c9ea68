//! Coroutines that are under way side by side: `asyncio`.
//!
//! A coroutine that is called is followed at once. What it needs beside its result is remembered until something waits for
//! it: `gather`, an awaited task, the end of a task group or of the loop. All that were started by then run together, so
//! many at a time as a semaphore that they enter lets in.

use ruff_text_size::Ranged;

use crate::expression::Text;

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::machine::{Eval, Flow, Machine};
use super::value::{Adapter, Kind, Object, Value};

/// Coroutines that are remembered one by one; of more, the one that needs the most stands for all.
const MOST_APART: usize = 4_096;

pub(super) const TASK: &str = "asyncio.Task";
const SEMAPHORE: &str = "asyncio.Semaphore";
const GROUP: &str = "asyncio.TaskGroup";
const LOOP: &str = "asyncio.AbstractEventLoop";

/// Coroutines that were called and that nothing has waited for yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Started {
    /// What each needs beside its result.
    each: Vec<Bytes>,
    /// The most that one of them needs.
    most: Option<Bytes>,
    /// How many the narrowest semaphore lets in that one of them enters.
    permits: Option<Amount>,
}

impl Started {
    fn push(&mut self, beside: Bytes) {
        self.most = Some(self.most.take().map_or_else(|| beside.clone(), |most| most.max(&beside)));
        if self.each.len() < MOST_APART {
            self.each.push(beside);
        }
    }

    fn admit(&mut self, permits: &Amount) {
        self.permits = Some(self.permits.take().map_or_else(|| permits.clone(), |before| before.min(permits)));
    }

    /// Adds those that a coroutine has started itself and left behind.
    fn absorb(&mut self, left: Self) {
        left.each.into_iter().for_each(|beside| self.push(beside));
        if let Some(permits) = left.permits {
            self.admit(&permits);
        }
    }

    /// What they need together, if there are so many of them.
    fn peak(self, count: Option<&Amount>) -> Bytes {
        let Some(most) = self.most else { return Bytes::ZERO };
        let known = self.each.len();
        match count.filter(|count| count.as_usize().is_none_or(|count| count > known)) {
            // They were started in a loop that was not followed round by round.
            Some(count) => most.times(&self.permits.map_or_else(|| count.clone(), |permits| permits.min(count))),
            None => {
                let permits = self.permits.and_then(|permits| permits.as_usize()).unwrap_or(known);
                together(&largest_first(self.each), permits.max(1))
            }
        }
    }
}

/// The largest first, where that is known.
pub(super) fn largest_first(mut each: Vec<Bytes>) -> Vec<Bytes> {
    each.sort_by(|a, b| match (&a.resident, &b.resident) {
        (Amount::Int(a), Amount::Int(b)) => b.cmp(a),
        _ => std::cmp::Ordering::Equal,
    });
    each
}

/// What so many of some take, from the first on.
pub(super) fn together(each: &[Bytes], count: usize) -> Bytes {
    each.iter().take(count).fold(Bytes::ZERO, |sum, one| &sum + one)
}

impl<'p> Machine<'p> {
    /// Follows a coroutine that is not awaited at once.
    pub(super) fn start_coroutine(&mut self, run: impl FnOnce(&mut Self) -> Eval) -> Eval {
        let outer = std::mem::take(&mut self.started);
        let (value, beside) = self.apart(run);
        let left = std::mem::replace(&mut self.started, outer);
        self.started.push(beside);
        self.started.absorb(left);
        value
    }

    /// All that were started run until they are done, `count` of them if that is known.
    fn wait_for_started(&mut self, count: Option<&Amount>) {
        let started = std::mem::take(&mut self.started);
        self.state.peak_with(&started.peak(count));
    }

    /// Calls something of `asyncio`.
    pub(super) fn asyncio(
        &mut self,
        name: &str,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        let first = arguments.positional.first().cloned();
        Ok(Some(match (name, first) {
            ("gather", _) => {
                let count = match (arguments.more, arguments.positional.last()) {
                    (true, Some(list)) => self.length(&list.clone(), node),
                    _ => Some(Amount::from(arguments.positional.len())),
                };
                self.wait_for_started(count.as_ref());
                match (arguments.more, arguments.positional.as_slice()) {
                    // `*[f(x) for x in xs]`: the list itself has the results.
                    (true, [list]) => self.results_of(list, node),
                    (_, items) => self.results(items, node),
                }
            }
            ("run" | "run_until_complete" | "wait_for" | "shield", Some(value)) => {
                self.wait_for_started(None);
                self.result_of(&value)
            }
            ("create_task" | "ensure_future", Some(value)) => {
                // A task, its context and its coroutine's frame: `sys.getsizeof` of the first two, about 500 for a frame.
                let mut task = Object::new(Kind::Named(Text::from(TASK)), super::sizes::object(800));
                task.fields.insert(Text::from("<result>"), value);
                self.allocate(task, node)
            }
            ("to_thread", Some(function)) => self.in_thread(&function, arguments, 1, node)?,
            ("as_completed", Some(tasks)) => {
                let count = self.length(&tasks, node);
                self.wait_for_started(count.as_ref());
                let results = self.results_of(&tasks, node);
                self.adapter(Adapter::Same, vec![results], node)
            }
            ("wait", Some(tasks)) => {
                let count = self.length(&tasks, node);
                self.wait_for_started(count.as_ref());
                let pending = self.new_container(Kind::Set, node);
                self.pair(tasks, pending, node)
            }
            ("Semaphore" | "BoundedSemaphore", permits) => {
                let permits = permits.or_else(|| arguments.keyword("value").cloned());
                let permits = permits.map_or(Some(Amount::ONE), |permits| self.amount(&permits, node));
                let mut object = Object::new(Kind::Named(Text::from(SEMAPHORE)), super::sizes::object(200));
                if let Some(permits) = permits {
                    object.features.insert(Text::from("<permits>"), permits);
                }
                self.allocate(object, node)
            }
            ("TaskGroup", _) => {
                self.allocate(Object::new(Kind::Named(Text::from(GROUP)), super::sizes::object(400)), node)
            }
            ("get_event_loop" | "new_event_loop" | "get_running_loop", _) => {
                self.allocate(Object::new(Kind::Named(Text::from(LOOP)), super::sizes::object(4_000)), node)
            }
            _ => return Ok(None),
        }))
    }

    /// A method of an object of `asyncio`.
    pub(super) fn asyncio_method(
        &mut self,
        kind: &str,
        method: &str,
        receiver: &Value,
        arguments: &Arguments,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        Ok(Some(match (kind, method) {
            (TASK, "result") => self.awaited_value(receiver.clone()),
            (TASK, "done" | "cancelled" | "cancel") => Value::number(super::value::NumberKind::Bool),
            (GROUP | LOOP, "create_task") | (LOOP, "run_until_complete") => {
                return self.asyncio(method, arguments, node);
            }
            (LOOP, "run_in_executor") => match arguments.positional.get(1).cloned() {
                Some(function) => self.in_thread(&function, arguments, 2, node)?,
                None => Value::NONE,
            },
            (TASK | GROUP | LOOP | SEMAPHORE, _) => Value::NONE,
            _ => return Ok(None),
        }))
    }

    /// A call in a thread: the loop goes on beside it. `from` is where the function's own arguments begin.
    fn in_thread(&mut self, function: &Value, arguments: &Arguments, from: usize, node: &impl Ranged) -> Eval {
        let own = Arguments {
            positional: arguments.positional.get(from..).unwrap_or_default().to_vec(),
            keywords: arguments.keywords.clone(),
            more: false,
        };
        let is_awaited = std::mem::take(&mut self.awaited);
        if is_awaited {
            return self.call_value(function, own, node);
        }
        self.start_coroutine(|machine| machine.call_value(function, own, node))
    }

    /// What `await` gives: of a task its result, once all that were started are done.
    pub(super) fn awaited_value(&mut self, value: Value) -> Value {
        if self.is_kind(&value, TASK) {
            self.wait_for_started(None);
        }
        self.result_of(&value)
    }

    /// `async with`: a semaphore lets so many in, the end of a task group waits.
    pub(super) fn enter_task_context(&mut self, context: &Value) {
        let permits = self.state.object_of(context).and_then(|object| object.features.get("<permits>").cloned());
        if let Some(permits) = permits {
            self.started.admit(&permits);
        }
    }

    /// The other end of it.
    pub(super) fn leave_task_context(&mut self, context: &Value) {
        if self.is_kind(context, GROUP) {
            self.wait_for_started(None);
        }
    }

    fn result_of(&self, value: &Value) -> Value {
        if !self.is_kind(value, TASK) {
            return value.clone();
        }
        let result = self.state.object_of(value).and_then(|task| task.fields.get("<result>").cloned());
        result.unwrap_or(Value::NONE)
    }

    fn results(&mut self, tasks: &[Value], node: &impl Ranged) -> Value {
        let results = tasks.iter().map(|task| self.result_of(task)).collect();
        self.tuple_of(results, node)
    }

    /// The results of tasks in a list; of coroutines a list has the results already.
    fn results_of(&mut self, tasks: &Value, node: &impl Ranged) -> Value {
        if let Some(items) = self.items_apart(tasks) {
            return self.results(&items, node);
        }
        match (self.sample(tasks), self.length_if_known(tasks)) {
            (Some(sample), Some(length)) if self.is_kind(&sample, TASK) => {
                let result = self.result_of(&sample);
                self.many(Kind::List, length, result, node)
            }
            _ => tasks.clone(),
        }
    }
}
