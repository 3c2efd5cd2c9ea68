//! What is repeated: loops, comprehensions, generators.
//!
//! A loop is run round by round while there are steps for it. From there on it is summed up: two rounds say how things
//! change, a third is run for any round `k` from what they say, and what holds at the end of round `k` gives what holds
//! behind the last one. What changes otherwise than was guessed is a sum over the rounds.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::Ranged;

use crate::expression::{Text, Value as Plain};

use super::amount::{Amount, Bytes, HighWater};
use super::calls::Arguments;
use super::carry::{Rest, Window};
use super::heap::State;
use super::inputs::Sequence;
use super::join::Recurrence;
use super::machine::{Activation, Each, Eval, Exit, Flow, MAX_CONTENT, Machine, Weight};
use super::unknown::UnknownKind;
use super::value::{Adapter, Growth, Kind, Number, NumberKind, ObjectId, Source, Value};

/// Rounds that are always run as they are.
const FEW: i128 = 4;
/// Rounds that are run as they are though not all that they decide or take is known.
const ALIKE: i128 = 12;
/// Part of a loop's steps that one of its rounds may take: nested loops share what there is.
const PART: u64 = 8;
/// Steps that a loop may always take.
const LEAST_STEPS: u64 = 512;
/// Rounds of half a window, at most.
const HALF: i128 = 2_048;

/// How many steps a loop may take.
struct Rounds {
    begun: u64,
    room: u64,
    outer: u64,
    forks: u64,
}

impl Rounds {
    fn begin(machine: &Machine<'_>) -> Self {
        let room = machine.limit.saturating_sub(machine.steps).max(LEAST_STEPS);
        Self { begun: machine.steps, room, outer: machine.limit, forks: machine.forks }
    }

    /// Sets how many steps the loops of the next round may take.
    fn limit(&self, machine: &mut Machine<'_>, left: i128) {
        let free = (self.begun + self.room).saturating_sub(machine.steps);
        let part = if left <= FEW {
            free / u64::try_from(left.max(1)).unwrap_or(1)
        } else {
            free.min((self.room / PART).max(LEAST_STEPS))
        };
        machine.limit = (machine.steps + part).min(self.outer.max(self.begun + LEAST_STEPS));
    }

    /// Whether a loop whose end is not known has taken half of its steps.
    fn is_half_spent(&self, machine: &Machine<'_>, rounds: i128) -> bool {
        rounds >= 8 && machine.steps.saturating_sub(self.begun) > self.room / 2
    }

    /// Half the rounds of a window from which the loop is carried on, where it cannot be run to its end.
    fn window(&self, machine: &Machine<'_>, done: i128, left: i128) -> Option<i128> {
        if done < 2 || left < 8 {
            return None;
        }
        let used = machine.steps.saturating_sub(self.begun);
        let each = (used / u64::try_from(done).unwrap_or(1)).max(1);
        let alike = machine.forks > self.forks;
        let all = used.saturating_add(each.saturating_mul(u64::try_from(left).unwrap_or(u64::MAX)));
        if all <= self.room && !(alike && left > ALIKE) {
            return None;
        }
        let rounds = (self.room / 2).saturating_sub(used) / each / 2;
        let half = i128::from(rounds).clamp(1, HALF).min(left / 4);
        Some(if alike { half.min(2) } else { half })
    }
}

/// The key and the items of a group of `itertools.groupby`.
type Group = (Value, Vec<Value>);

/// The items of a comprehension's clauses.
#[derive(Clone)]
pub struct Clause<'p> {
    element: &'p Ast,
    key: Option<&'p Ast>,
    rest: &'p [ast::Comprehension],
    /// What the items go to; a generator expression's go to its consumer.
    result: Option<ObjectId>,
}

impl<'p> Machine<'p> {
    // ---- statements -------------------------------------------------------------------------------------------------

    pub(super) fn for_statement(&mut self, statement: &'p ast::StmtFor) -> Flow {
        let iterable = match self.expression(&statement.iter) {
            Ok(iterable) => iterable,
            Err(flow) => return flow,
        };
        let Some(mut activation) = self.here().cloned() else { return Flow::Next };
        activation.loops += 1;
        let (target, body) = (&*statement.target, &*statement.body);
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
            machine.stack.push(activation.clone());
            let flow = match machine.assign(target, item) {
                Ok(()) => machine.statements(body),
                Err(flow) => flow,
            };
            machine.stack.pop();
            flow
        });
        self.state.keep(&iterable);
        let outer = std::mem::take(&mut self.may_have_broken);
        let (flow, broke) = self.iterate(&iterable, Place::of(&*statement.iter), &each);
        let may_have_broken = std::mem::replace(&mut self.may_have_broken, outer);
        self.state.unkeep(&iterable);
        self.state.settle(&iterable);
        match flow {
            Flow::Next if !broke && may_have_broken => self.perhaps(&statement.orelse, statement),
            Flow::Next if !broke => self.statements(&statement.orelse),
            Flow::Next => Flow::Next,
            other => other,
        }
    }

    /// The `else` of a loop that may have ended by `break`.
    fn perhaps(&mut self, body: &'p [ast::Stmt], node: &impl Ranged) -> Flow {
        if body.is_empty() {
            return Flow::Next;
        }
        let weight = self.condition_share(node);
        self.fork(weight, |machine| machine.statements(body), |_| Flow::Next)
    }

    pub(super) fn while_statement(&mut self, statement: &'p ast::StmtWhile) -> Flow {
        let (outer, index, repeated) = (self.limit, self.round_index, self.repeated);
        self.whiles += 1;
        let flow = self.run_while(statement);
        self.whiles -= 1;
        self.limit = outer;
        self.round_index = index;
        self.repeated = repeated;
        flow
    }

    fn run_while(&mut self, statement: &'p ast::StmtWhile) -> Flow {
        let mark = self.exits.len();
        let budget = Rounds::begin(self);
        let mut gaps: Vec<Amount> = Vec::new();
        let mut rounds = 0_i128;
        let mut window: Option<Window> = None;
        self.round_index = None;
        loop {
            if self.is_spent() {
                return Flow::Next;
            }
            let (test, gap) = match self.test_and_gap(&statement.test) {
                Ok(test) => test,
                Err(flow) => return flow,
            };
            gaps.extend(gap);
            let decided = self.decide(&test, &statement.test);
            self.state.settle(&test);
            match decided {
                Ok(false) => {
                    return match self.join_exits(mark, |flow| *flow == Flow::Break) {
                        true => self.perhaps(&statement.orelse, statement),
                        false => self.statements(&statement.orelse),
                    };
                }
                Ok(true) if self.summing == 0 || rounds < 3 => {}
                // It is not known how long.
                _ => return self.sum_up_while(statement, mark, &gaps),
            }
            match &mut window {
                None if budget.is_half_spent(self, rounds) => {
                    let half = (rounds / 4).clamp(2, HALF);
                    let first = self.state.clone();
                    window = Some(Window { begun: rounds, half, middle: first.clone(), first });
                }
                None => {}
                Some(window) if rounds == window.begun + window.half => window.middle = self.state.clone(),
                Some(window) if rounds == window.begun + 2 * window.half => {
                    let Some(rest) = self.rounds_left(statement, window, rounds, &gaps) else {
                        return self.sum_up_while(statement, mark, &gaps);
                    };
                    return self.carry_while(statement, mark, &budget, window, rounds, &rest);
                }
                Some(_) => {}
            }
            if rounds > FEW {
                self.repeated = self.repeated.max(1);
            }
            budget.limit(self, i128::MAX);
            rounds += 1;
            match self.statements(&statement.body) {
                Flow::Next | Flow::Continue => {
                    self.join_exits(mark, |flow| *flow == Flow::Continue);
                }
                Flow::Break => {
                    self.join_exits(mark, |flow| matches!(flow, Flow::Break | Flow::Continue));
                    return Flow::Next;
                }
                other => return other,
            }
        }
    }

    /// How many rounds a `while` loop has left: by how fast the two sides of its test meet, or, of one that ends when a
    /// container is empty, by how many items there are that it may have to do with.
    fn rounds_left(
        &mut self,
        statement: &'p ast::StmtWhile,
        window: &Window,
        rounds: i128,
        gaps: &[Amount],
    ) -> Option<Rest> {
        let past = 2 * window.half;
        let back = usize::try_from(past).ok()?;
        if let Some(Amount::Int(now)) = gaps.last()
            && let Some(Amount::Int(then)) = gaps.len().checked_sub(back + 1).and_then(|at| gaps.get(at))
            && then > now
        {
            let left = (now * past + (then - now) - 1) / (then - now);
            return Some(Rest { rounds: left.max(1), slower: (1, 1) });
        }
        let id = self.test_container(&statement.test)?;
        let length =
            |state: &State| state.object(id).and_then(|object| object.length.as_ref()).and_then(Amount::as_int);
        let (then, now) = (length(&window.first)?, length(&self.state)?);
        if now < then {
            return Some(Rest { rounds: (now * past / (then - now)).max(1), slower: (1, 1) });
        }
        let most = self
            .state
            .objects()
            .filter(|(_, object)| matches!(object.kind, Kind::List | Kind::Dict | Kind::Set | Kind::Tuple))
            .filter_map(|(_, object)| object.length.as_ref().and_then(Amount::as_int))
            .max()?;
        self.assume("a loop that ends when its list of work is empty handles each item of the largest container once");
        let left = (most - rounds).max(now).max(1);
        // In the end as many items were put in as were taken out, one a round.
        Some(Rest { rounds: left, slower: (past, past + (now - then)) })
    }

    /// The container that a test asks about: `queue`, `len(queue) > 0`, `heap and …`.
    fn test_container(&mut self, test: &'p Ast) -> Option<ObjectId> {
        match test {
            Ast::Name(_) | Ast::Attribute(_) => match self.expression(test).ok()? {
                Value::Object(id) => self.state.object(id)?.length.is_some().then_some(id),
                _ => None,
            },
            Ast::BoolOp(operation) => operation.values.iter().find_map(|value| self.test_container(value)),
            Ast::Compare(comparison) => self.test_container(&comparison.left),
            Ast::Call(call) => match (&*call.func, &*call.arguments.args) {
                (Ast::Name(name), [argument]) if name.id.as_str() == "len" => self.test_container(argument),
                _ => None,
            },
            _ => None,
        }
    }

    fn carry_while(
        &mut self,
        statement: &'p ast::StmtWhile,
        mark: usize,
        budget: &Rounds,
        window: &Window,
        rounds: i128,
        rest: &Rest,
    ) -> Flow {
        let Some(mut activation) = self.here().cloned() else { return Flow::Next };
        activation.loops += 1;
        let emptied = if rest.slower == (1, 1) { None } else { self.test_container(&statement.test) };
        let mut probe = |machine: &mut Self, _: i128| {
            budget.limit(machine, 1);
            machine.stack.push(activation.clone());
            let flow = match machine.expression(&statement.test) {
                Ok(test) => {
                    machine.state.settle(&test);
                    machine.statements(&statement.body)
                }
                Err(flow) => flow,
            };
            machine.stack.pop();
            match flow {
                Flow::Continue => Flow::Next,
                other => other,
            }
        };
        let left = self.carry_on(window, rounds, rest, &mut probe);
        self.join_exits(mark, |flow| matches!(flow, Flow::Break | Flow::Continue));
        if let Some(id) = emptied {
            self.state.note_peak();
            self.state.note(id, |object| object.length = Some(Amount::ZERO));
            self.state.clear_items(id);
            self.resize_container(id);
        }
        match left {
            None => self.statements(&statement.orelse),
            Some(Flow::Break) => Flow::Next,
            Some(other) => other,
        }
    }

    /// The value of a loop's test, and what is between the two sides of a comparison.
    fn test_and_gap(&mut self, test: &'p Ast) -> Result<(Value, Option<Amount>), Flow> {
        let mut gap = None;
        if let Ast::Compare(comparison) = test
            && let ([operator], [right]) = (&*comparison.ops, &*comparison.comparators)
            && matches!(
                operator,
                ast::CmpOp::Lt | ast::CmpOp::LtE | ast::CmpOp::Gt | ast::CmpOp::GtE | ast::CmpOp::NotEq
            )
            && is_simple(&comparison.left)
            && is_simple(right)
        {
            let left = self.expression(&comparison.left)?;
            let right = self.expression(right)?;
            if let (Some(a), Some(b)) = (self.amount(&left, test), self.amount(&right, test)) {
                gap = Some(match operator {
                    ast::CmpOp::Gt => a - b,
                    ast::CmpOp::GtE => a - b + Amount::ONE,
                    ast::CmpOp::LtE => b - a + Amount::ONE,
                    _ => b - a,
                });
            }
        }
        if let Ast::Name(_) = test {
            // `while stack:` ends when it is empty.
            let value = self.expression(test)?;
            if matches!(value, Value::Number(_) | Value::Float(_)) {
                gap = self.amount(&value, test);
            }
        }
        Ok((self.expression(test)?, gap))
    }

    fn sum_up_while(&mut self, statement: &'p ast::StmtWhile, mark: usize, gaps: &[Amount]) -> Flow {
        // How far the two sides come together in a round says how many rounds are left.
        let step = match gaps {
            [.., a, b] => Some(a.clone() - b.clone()),
            _ => None,
        };
        let by_gap = match (gaps.last(), &step) {
            (Some(gap), Some(step)) if step.as_int().is_none_or(|step| step > 0) && !step.is_zero() => {
                gap.at_least_zero().ceil_div(step)
            }
            _ => None,
        };
        let count = match by_gap {
            Some(count) => count,
            None => {
                let hint = format!("{}_rounds", self.hint(&*statement.test));
                let cause = "how often the loop runs is not known";
                self.quantity(&*statement.test, &hint, UnknownKind::TripCount, cause, None)
            }
        };
        let Some(mut activation) = self.here().cloned() else { return Flow::Next };
        activation.loops += 1;
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, _| {
            machine.stack.push(activation.clone());
            let flow = match machine.expression(&statement.test) {
                Ok(test) => {
                    machine.state.settle(&test);
                    machine.statements(&statement.body)
                }
                Err(flow) => flow,
            };
            machine.stack.pop();
            flow
        });
        let (flow, broke) = self.sum_up(&count, &|_, _| Value::NONE, &each, Place::of(&*statement.test));
        self.join_exits(mark, |flow| matches!(flow, Flow::Break | Flow::Continue));
        match flow {
            Flow::Next if !broke => self.statements(&statement.orelse),
            other => other,
        }
    }

    // ---- iterating ----------------------------------------------------------------------------------------------------

    /// Runs `each` for every item, and says whether it was left by `break`.
    pub(super) fn iterate(&mut self, iterable: &Value, node: Place, each: &Each<'p>) -> (Flow, bool) {
        self.used_as(Sequence::List, iterable);
        if let Value::Object(id) = iterable {
            self.own_texts(*id, &node);
        }
        match iterable {
            Value::Object(id) => {
                let Some(object) = self.state.object(*id) else { return (Flow::Next, false) };
                if let Some(source) = object.source.clone() {
                    return self.iterate_source(*id, &source, node, each);
                }
                if let Kind::Instance(class) = object.kind {
                    return self.iterate_instance(class, iterable, node, each);
                }
                if object.known.is_none() && object.apart() {
                    let dict = object.kind == Kind::Dict;
                    let items: Vec<Value> = object
                        .entries
                        .iter()
                        .map(|entry| match (&entry.key, dict) {
                            (Some(key), true) => key.clone(),
                            _ => entry.value.clone(),
                        })
                        .collect();
                    if object.length.as_ref().and_then(Amount::as_usize) == Some(items.len()) {
                        let stands = object.account.is_some() && object.spread.is_some();
                        self.steps += u64::try_from(items.len() / 64).unwrap_or(0);
                        let items = if stands {
                            items.into_iter().zip(0..).map(|(item, at)| self.as_read(*id, at, item)).collect()
                        } else {
                            items
                        };
                        return self.iterate_apart(iterable.clone(), items, node, each);
                    }
                }
                if let Some(known) = object.known.clone() {
                    return self.iterate_plain(&known, node, each);
                }
            }
            Value::Plain(plain) => return self.iterate_plain(plain, node, each),
            _ => {}
        }
        let count = match self.length(iterable, &node) {
            Some(count) => count,
            None => {
                self.quantity(&node, "rounds", UnknownKind::TripCount, "how often the loop runs is not known", None)
            }
        };
        let over = iterable.clone();
        let item = move |machine: &mut Machine<'p>, index: &Amount| {
            if let (Value::Object(id), Some(place)) = (&over, index.as_int())
                && let Some(object) = machine.state.object(*id)
                && object.known.is_none()
                && matches!(object.kind, Kind::List | Kind::Tuple | Kind::Deque | Kind::Set | Kind::Dict)
                && let Some(value) = machine.by_place(*id, Some(place))
            {
                return machine.read_of(&Value::Object(*id), value);
            }
            machine.item_at(&over, index, &node)
        };
        self.run(&count, &item, node, each)
    }

    /// An item of something whose items are alike.
    fn item_at(&mut self, over: &Value, _: &Amount, node: &impl Ranged) -> Value {
        let item = self.any_item(over, node);
        match self.state.object_of(over).map(|object| &object.kind) {
            Some(Kind::Named(_) | Kind::Bytes | Kind::ByteArray) => item,
            _ => self.read_of(over, item),
        }
    }

    fn any_item(&mut self, over: &Value, node: &impl Ranged) -> Value {
        match over {
            Value::Object(id) => {
                if let Some(Kind::Named(name)) = self.state.object(*id).map(|object| object.kind.clone())
                    && let Ok(value) = self.call_special((&*name, "__iter__"), over, Vec::new(), node, "an item")
                {
                    return value;
                }
                match self.sample(over) {
                    Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                    Some(value) => value,
                    None => match self.state.object(*id).map(|object| object.kind.clone()) {
                        Some(Kind::Str { width }) => self.new_str(width, Amount::ONE, node),
                        Some(Kind::Bytes | Kind::ByteArray) => Value::number(NumberKind::Int),
                        _ => self.unknown(node, UnknownKind::Result, "an item of something unknown"),
                    },
                }
            }
            Value::Input(_) => self.unknown(node, UnknownKind::Input, "an item of an argument that is not given"),
            _ => match self.sample(over) {
                Some(Value::Plain(plain)) => super::containers::blurred(&plain),
                Some(value) => value,
                None => self.unknown(node, UnknownKind::Result, "an item of something unknown"),
            },
        }
    }

    fn iterate_plain(&mut self, plain: &Plain, node: Place, each: &Each<'p>) -> (Flow, bool) {
        let Some(count) = plain.iterations() else {
            return (Flow::Raise(Text::from("TypeError")), false);
        };
        if let Plain::Range(start, _, step) = plain {
            let (start, step) = (Amount::from(start), Amount::from(step));
            return self.iterate_range(&start, &step, &Amount::from(&count), node, each);
        }
        let count = Amount::from(&count);
        let over = Value::Plain(plain.clone());
        let plain = plain.clone();
        let characters: Option<Vec<Plain>> = match &plain {
            // Characters are not found by their number.
            Plain::Str(text) if text.len() <= MAX_CONTENT => plain.elements(10_000_000),
            _ => None,
        };
        let item = move |machine: &mut Machine<'p>, index: &Amount| {
            let found = index.as_usize().and_then(|at| match (&plain, &characters) {
                (_, Some(characters)) => characters.get(at).cloned(),
                (Plain::List(items) | Plain::Tuple(items) | Plain::Set(items) | Plain::Iterable(_, items), _) => {
                    items.get(at).cloned()
                }
                (Plain::Dict(items), _) => items.get(at).map(|(key, _)| key.clone()),
                (Plain::Bytes(bytes), _) => bytes.get(at).map(|byte| Plain::int(*byte)),
                _ => None,
            });
            match found {
                Some(item) => Value::Plain(item),
                None => machine.item_at(&over, index, &node),
            }
        };
        self.run(&count, &item, node, each)
    }

    fn iterate_apart(&mut self, over: Value, items: Vec<Value>, node: Place, each: &Each<'p>) -> (Flow, bool) {
        let count = Amount::from(items.len());
        let item = move |machine: &mut Machine<'p>, index: &Amount| {
            let found = match index.as_usize() {
                Some(at) => items.get(at).cloned(),
                // Any of them: the last is as good as another.
                None => items.last().map(|last| match last {
                    Value::Plain(plain) => super::containers::blurred(plain),
                    value => value.clone(),
                }),
            };
            match found {
                // Where the list was summed up meanwhile, one stands for many.
                Some(Value::Object(gone)) if machine.state.object(gone).is_none() => {
                    machine.item_at(&over, index, &node)
                }
                Some(value) => machine.read_of(&over, value),
                None => Value::NONE,
            }
        };
        self.run(&count, &item, node, each)
    }

    fn iterate_range(
        &mut self,
        start: &Amount,
        step: &Amount,
        count: &Amount,
        node: Place,
        each: &Each<'p>,
    ) -> (Flow, bool) {
        let (start, step) = (start.clone(), step.clone());
        let item = move |_: &mut Machine<'p>, index: &Amount| Value::int(&start + &(index * &step));
        self.run(count, &item, node, each)
    }

    fn iterate_instance(
        &mut self,
        class: crate::calls::ClassId,
        receiver: &Value,
        node: Place,
        each: &Each<'p>,
    ) -> (Flow, bool) {
        if let Some(function) = self.method_of(class, "__iter__") {
            match self.call_function(function, None, Some(receiver.clone()), Arguments::default(), &node) {
                Ok(iterator) if iterator != *receiver => {
                    self.state.keep(&iterator);
                    let result = self.iterate(&iterator, node, each);
                    self.state.unkeep(&iterator);
                    self.state.settle(&iterator);
                    return result;
                }
                Ok(_) => {}
                Err(flow) => return (flow, false),
            }
        }
        let Some(next) = self.method_of(class, "__next__").or_else(|| self.method_of(class, "__getitem__")) else {
            return (Flow::Next, false);
        };
        let count =
            self.quantity(&node, "rounds", UnknownKind::TripCount, "how often the loop runs is not known", None);
        let (receiver, each) = (receiver.clone(), each.clone());
        let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, _| {
            match machine.call_function(next, None, Some(receiver.clone()), Arguments::default(), &node) {
                Ok(value) => each(machine, value),
                Err(Flow::Raise(name)) if &*name == "StopIteration" => Flow::Break,
                Err(flow) => flow,
            }
        });
        self.run(&count, &|_, _| Value::NONE, node, &round)
    }

    /// Runs a generator or an adapter, each of whose items goes to `each`.
    fn iterate_source(&mut self, id: ObjectId, source: &Source, node: Place, each: &Each<'p>) -> (Flow, bool) {
        self.realise(id);
        match source {
            Source::Range(start, step, count) => self.iterate_range(start, step, count, node, each),
            Source::Generator(function, frame) => {
                let mark = self.consumers.len();
                self.consumers.push(each.clone());
                let outcome = self.run_frame(*function, *frame, Some(mark), &node);
                self.consumers.truncate(mark);
                if outcome.is_ok() {
                    // It gives nothing more; its frame is another call's from now on.
                    let nothing = Source::Range(Amount::ZERO, Amount::ONE, Amount::ZERO);
                    self.state.note(id, |object| object.source = Some(Rc::new(nothing)));
                }
                self.after_generator(outcome.map(|_| ()))
            }
            Source::Expression(at, frame) => {
                let Some(generator) = self.generators.get(at.0).copied() else { return (Flow::Next, false) };
                let mark = self.consumers.len();
                self.consumers.push(each.clone());
                let Some(mut activation) = self.here().cloned() else { return (Flow::Next, false) };
                let inner = self.state.new_frame();
                self.closures.insert(inner, *frame);
                activation.frame = inner;
                activation.consumer = Some(mark);
                let over = self.state.object(id).and_then(|object| object.fields.get("<over>")).cloned();
                self.stack.push(activation);
                let clause = Clause { element: &generator.elt, key: None, rest: &generator.generators, result: None };
                let outcome = self.run_clause(&clause, over);
                self.stack.pop();
                self.consumers.truncate(mark);
                self.state.clear_frame(inner);
                self.after_generator(outcome)
            }
            Source::Adapter(adapter, values) => self.iterate_adapter(adapter, values, node, each),
        }
    }

    fn after_generator(&mut self, outcome: Result<(), Flow>) -> (Flow, bool) {
        match outcome {
            Ok(()) => (Flow::Next, false),
            Err(Flow::Stop) => match self.pending.take() {
                Some(flow) => (flow, true),
                None => (Flow::Next, true),
            },
            Err(flow) => (flow, false),
        }
    }

    fn iterate_adapter(&mut self, adapter: &Adapter, values: &[Value], node: Place, each: &Each<'p>) -> (Flow, bool) {
        let inner = each.clone();
        match (adapter, values) {
            (Adapter::Same | Adapter::Keys, [over]) => self.iterate(over, node, each),
            (Adapter::Chain, all) => {
                for over in all {
                    match self.iterate(over, node, each) {
                        (Flow::Next, false) => {}
                        other => return other,
                    }
                }
                (Flow::Next, false)
            }
            (Adapter::Enumerate, [over, start @ ..]) => {
                let counter = std::cell::Cell::new(0_usize);
                let listed = !matches!(
                    self.state.object_of(over).and_then(|object| object.source.as_deref()),
                    Some(Source::Generator(..) | Source::Expression(..) | Source::Adapter(..))
                );
                let start = match start.first() {
                    Some(start) => self.amount(start, &node).unwrap_or(Amount::ZERO),
                    None => Amount::ZERO,
                };
                let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                    let at = counter.get();
                    counter.set(at + 1);
                    let index = match machine.round_index {
                        _ if machine.summing > 0 => Value::number(NumberKind::Int),
                        Some(round) if listed => Value::int(&Amount::Int(round) + &start),
                        _ => Value::int(&Amount::from(at) + &start),
                    };
                    let pair = machine.pair(index, item, &node);
                    inner(machine, pair)
                });
                self.iterate(over, node, &round)
            }
            (Adapter::Accumulate, [over]) => {
                let sum = std::cell::RefCell::new(None);
                let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                    let before: Option<Value> = sum.borrow_mut().take();
                    let next = match before {
                        Some(before) => match machine.binary(ast::Operator::Add, &before, &item, &node) {
                            Ok(next) => next,
                            Err(flow) => return flow,
                        },
                        None => item,
                    };
                    *sum.borrow_mut() = Some(next.clone().kept());
                    inner(machine, next)
                });
                self.iterate(over, node, &round)
            }
            (Adapter::Map, [function, all @ ..]) if all.len() > 1 => {
                let function = function.clone();
                let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, items: Value| {
                    let given = machine.items_apart(&items).unwrap_or_default();
                    machine.state.keep(&items);
                    let called = machine.call_value(&function, Arguments::positional(given), &node);
                    machine.state.unkeep(&items);
                    match called {
                        Ok(value) => inner(machine, value),
                        Err(flow) => flow,
                    }
                });
                self.iterate_adapter(&Adapter::Zip, all, node, &round)
            }
            (Adapter::Map, [function, over]) => {
                let function = function.clone();
                let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                    match machine.call_value(&function, Arguments::positional(vec![item]), &node) {
                        Ok(value) => inner(machine, value),
                        Err(flow) => flow,
                    }
                });
                self.iterate(over, node, &round)
            }
            (Adapter::Groups, [over, key @ ..]) => {
                let key = key.first().filter(|key| **key != Value::NONE).cloned();
                let group: Rc<std::cell::RefCell<Option<Group>>> = Rc::default();
                let round: Each<'p> = {
                    let (group, inner) = (group.clone(), inner.clone());
                    Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                        let rank = match &key {
                            Some(key) => {
                                match machine.call_value(key, Arguments::positional(vec![item.clone()]), &node) {
                                    Ok(rank) => rank,
                                    Err(flow) => return flow,
                                }
                            }
                            None => item.clone(),
                        };
                        let before = group.borrow_mut().take();
                        let is_same = before.as_ref().is_some_and(|(last, _)| {
                            let known = machine.plain(last).zip(machine.plain(&rank));
                            known.is_none_or(|(last, rank)| last.equals(&rank))
                        });
                        machine.state.keep(&item);
                        machine.state.keep(&rank);
                        match before {
                            Some((last, mut items)) if is_same => {
                                machine.state.unkeep(&rank);
                                items.push(item);
                                *group.borrow_mut() = Some((last, items));
                                Flow::Next
                            }
                            before => {
                                *group.borrow_mut() = Some((rank, vec![item]));
                                machine.give_group(before, &inner, node)
                            }
                        }
                    })
                };
                let result = self.iterate(over, node, &round);
                if !matches!(result, (Flow::Next, false)) {
                    return result;
                }
                let last = group.borrow_mut().take();
                match self.give_group(last, &inner, node) {
                    Flow::Next => result,
                    Flow::Break => (Flow::Next, true),
                    other => (other, false),
                }
            }
            (Adapter::Filter, [function, over]) => {
                let function = function.clone();
                let round: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                    let test = if function == Value::NONE {
                        item.clone()
                    } else {
                        match machine.call_value(&function, Arguments::positional(vec![item.clone()]), &node) {
                            Ok(test) => test,
                            Err(flow) => return flow,
                        }
                    };
                    let weight = match machine.plain(&test) {
                        Some(plain) if plain.is_true() => return inner(machine, item),
                        Some(_) => return Flow::Next,
                        None => machine.condition_share(&node),
                    };
                    let inner = inner.clone();
                    machine.fork(weight, |machine| inner(machine, item), |_| Flow::Next)
                });
                self.iterate(over, node, &round)
            }
            (Adapter::Zip, all) => {
                let mut counts = all.iter().filter_map(|over| self.length(over, &node)).collect::<Vec<_>>().into_iter();
                let Some(first) = counts.next() else { return (Flow::Next, false) };
                let count = counts.fold(first, |least, count| least.min(&count));
                let all = all.to_vec();
                let item = move |machine: &mut Machine<'p>, index: &Amount| {
                    let items: Vec<Value> = all
                        .iter()
                        .map(|over| match index.as_int() {
                            Some(at) => machine
                                .item(over, &Value::int(Amount::Int(at)), &node)
                                .unwrap_or_else(|_| Value::number(NumberKind::Int)),
                            None => machine.item_at(over, index, &node),
                        })
                        .collect();
                    machine.tuple_of(items, &node)
                };
                self.run(&count, &item, node, each)
            }
            (Adapter::Items | Adapter::Values, [over]) => {
                let with_keys = *adapter == Adapter::Items;
                let pairs: Option<Vec<(Value, Value)>> = self.pairs_of(over);
                let count = self.length(over, &node).unwrap_or(Amount::ZERO);
                let over = over.clone();
                let item = move |machine: &mut Machine<'p>, index: &Amount| {
                    let found = match (&pairs, index.as_usize()) {
                        (Some(pairs), Some(at)) => pairs.get(at).cloned(),
                        (Some(pairs), None) => pairs.last().cloned(),
                        (None, Some(at)) => machine.state.object_of(&over).and_then(|object| {
                            let entry = object.entries.get(at)?;
                            Some((
                                machine.read_of(&over, entry.key.clone()?),
                                machine.read_of(&over, entry.value.clone()),
                            ))
                        }),
                        (None, None) => None,
                    };
                    let (key, value) = match found {
                        Some(pair) => pair,
                        None => {
                            let drawn = match (&over, index.as_int()) {
                                (Value::Object(id), Some(place)) => machine.by_place(*id, Some(place)),
                                _ => None,
                            };
                            let key = match drawn {
                                Some(key) => machine.read_of(&over, key),
                                None => machine.item_at(&over, index, &node),
                            };
                            (key, machine.value_sample(&over, &node))
                        }
                    };
                    if with_keys { machine.pair(key, value, &node) } else { value }
                };
                self.run(&count, &item, node, each)
            }
            (Adapter::Count(count), values) => {
                let sample = values.first().cloned();
                let item = move |machine: &mut Machine<'p>, _: &Amount| match &sample {
                    // A new one like it each time.
                    Some(Value::Object(id)) => match machine.state.object(*id).cloned() {
                        Some(object) => machine.copy_of(&object, &node),
                        None => Value::NONE,
                    },
                    Some(value) => value.clone(),
                    None => machine.unknown(&node, UnknownKind::Result, "an item of an iterator"),
                };
                self.run(count, &item, node, each)
            }
            _ => (Flow::Next, false),
        }
    }

    /// Gives a key and the items of its group on: an iterator over what is passing by, no list.
    fn give_group(&mut self, group: Option<Group>, each: &Each<'p>, node: Place) -> Flow {
        let Some((key, items)) = group else { return Flow::Next };
        let list = self.new_container(Kind::List, &node);
        if let Value::Object(id) = list {
            self.state.resize(id, Bytes::ZERO);
            self.state.note(id, |object| object.growth = Growth::Fixed);
            for item in items.iter().rev() {
                self.state.unkeep(item);
            }
            for item in items {
                let item = item.kept();
                self.push_shared(id, item);
            }
        }
        self.state.unkeep(&key);
        let pair = self.pair(key, list, &node);
        each(self, pair)
    }

    /// The pairs of a dict, if they are told apart.
    pub(super) fn pairs_of(&self, over: &Value) -> Option<Vec<(Value, Value)>> {
        let of_plain = |plain: &Plain| match plain {
            Plain::Dict(items) => {
                Some(items.iter().map(|(key, item)| (Value::Plain(key.clone()), Value::Plain(item.clone()))).collect())
            }
            _ => None,
        };
        match over {
            Value::Plain(plain) => of_plain(plain),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(known) = &object.known {
                    return of_plain(known);
                }
                if !object.apart() {
                    return None;
                }
                let read = |value: &Value| self.read_of(over, value.clone());
                object.entries.iter().map(|entry| Some((read(entry.key.as_ref()?), read(&entry.value)))).collect()
            }
            _ => None,
        }
    }

    pub(super) fn value_sample(&mut self, over: &Value, node: &impl Ranged) -> Value {
        let value = match over {
            Value::Object(id) => self.state.object(*id).and_then(|object| {
                object
                    .rest
                    .as_ref()
                    .and_then(|rest| rest.value.clone())
                    .or_else(|| object.entries.last().map(|entry| entry.value.clone()))
            }),
            _ => None,
        };
        match value {
            Some(Value::Plain(plain)) => super::containers::blurred(&plain),
            Some(value) => value,
            None => self.unknown(node, UnknownKind::Result, "a value of something unknown"),
        }
    }

    pub(super) fn pair(&mut self, first: Value, second: Value, node: &impl Ranged) -> Value {
        self.tuple_of(vec![first, second], node)
    }

    pub(super) fn tuple_of(&mut self, items: Vec<Value>, node: &impl Ranged) -> Value {
        self.sequence_with(Kind::Tuple, items, node)
    }

    /// A list or a tuple of values that others keep, too.
    pub(super) fn sequence_with(&mut self, kind: Kind, items: Vec<Value>, node: &impl Ranged) -> Value {
        let made = self.new_container(kind, node);
        if let Value::Object(id) = made {
            for item in items {
                self.push_shared(id, item);
            }
            self.state.note(id, |object| object.growth = Growth::Exact);
            self.resize_container(id);
        }
        made
    }

    // ---- rounds -------------------------------------------------------------------------------------------------------

    /// Runs so many rounds: one by one while there are steps for it, carried on from there on.
    fn run(
        &mut self,
        count: &Amount,
        item: &dyn Fn(&mut Self, &Amount) -> Value,
        node: Place,
        each: &Each<'p>,
    ) -> (Flow, bool) {
        let Some(total) = count.as_int() else { return self.sum_up(count, item, each, node) };
        let (outer, index) = (self.limit, self.round_index);
        let repeated = self.repeated;
        self.repeated += u32::from(total > FEW);
        let mark = self.exits.len();
        let result = self.run_counted(total, item, each, mark);
        self.limit = outer;
        self.round_index = index;
        self.repeated = repeated;
        if matches!(result, (Flow::Next, false)) {
            self.may_have_broken |= self.join_exits(mark, |flow| *flow == Flow::Break);
        }
        result
    }

    fn run_counted(
        &mut self,
        total: i128,
        item: &dyn Fn(&mut Self, &Amount) -> Value,
        each: &Each<'p>,
        mark: usize,
    ) -> (Flow, bool) {
        let budget = Rounds::begin(self);
        let mut done = 0_i128;
        let mut window: Option<Window> = None;
        let one = |machine: &mut Self, index: i128| {
            let begun = machine.state.made();
            machine.round_index = Some(index);
            let value = item(machine, &Amount::Int(index));
            machine.round_index = Some(index);
            machine.round(value, begun, each, mark)
        };
        while done < total && !self.is_spent() {
            let left = total - done;
            match &mut window {
                None => {
                    if let Some(half) = budget.window(self, done, left) {
                        let first = self.state.clone();
                        window = Some(Window { begun: done, half, middle: first.clone(), first });
                    }
                }
                Some(window) if done == window.begun + window.half => window.middle = self.state.clone(),
                Some(window) if done == window.begun + 2 * window.half => {
                    let rest = Rest { rounds: left, slower: (1, 1) };
                    let mut probe = |machine: &mut Self, index: i128| {
                        budget.limit(machine, 1);
                        one(machine, index)
                    };
                    return match self.carry_on(window, done, &rest, &mut probe) {
                        None => (Flow::Next, false),
                        Some(Flow::Break) => (Flow::Next, true),
                        Some(other) => (other, true),
                    };
                }
                Some(_) => {}
            }
            budget.limit(self, left);
            match one(self, done) {
                Flow::Next => {}
                Flow::Break => return (Flow::Next, true),
                other => return (other, true),
            }
            done += 1;
        }
        (Flow::Next, false)
    }

    /// One round; `begun` objects had been made before its item was. Ways that went on early join its end.
    fn round(&mut self, item: Value, begun: u64, each: &Each<'p>, mark: usize) -> Flow {
        let outer = std::mem::replace(&mut self.round_begun, begun);
        let flow = each(self, item.clone());
        self.round_begun = outer;
        self.state.settle(&item);
        match flow {
            Flow::Next | Flow::Continue => {
                self.join_exits(mark, |flow| *flow == Flow::Continue);
                Flow::Next
            }
            Flow::Break => {
                // Some rounds may have gone on: their ways are given up for the one that leaves.
                self.join_exits(mark, |flow| matches!(flow, Flow::Break | Flow::Continue));
                Flow::Break
            }
            other => other,
        }
    }

    /// Joins the ways that left early by some flows into the running one. Says whether there were any.
    pub(super) fn join_exits(&mut self, mark: usize, which: impl Fn(&Flow) -> bool) -> bool {
        let mut any = false;
        let mut at = self.exits.len();
        while at > mark {
            at -= 1;
            if which(&self.exits[at].flow) {
                let exit = self.exits.remove(at);
                any = true;
                let places = exit.state.places().min(self.state.places());
                self.join_with(&exit.weight, exit.state, places);
            }
        }
        any
    }

    /// Runs any number of rounds at once.
    fn sum_up(
        &mut self,
        count: &Amount,
        item: &dyn Fn(&mut Self, &Amount) -> Value,
        each: &Each<'p>,
        node: Place,
    ) -> (Flow, bool) {
        if count.as_int().is_some_and(|count| count <= 0) {
            return (Flow::Next, false);
        }
        let mark = self.exits.len();
        self.summing += 1;
        // A loop around this one has rounds that are all alike, too.
        self.forks += 1;
        let result = self.summed(count, item, each, mark);
        self.summing -= 1;
        // Where it may have ended early, it is not known how far it got: anything between is possible.
        let breaks: Vec<usize> = (mark..self.exits.len()).filter(|at| self.exits[*at].flow == Flow::Break).collect();
        if let Some(last) = breaks.last() {
            let state = self.exits[*last].state.clone();
            for at in breaks.iter().rev() {
                self.exits.remove(*at);
            }
            let hint = format!("{}_ends_early", self.hint(&node));
            let cause = "whether the loop ends early is not known";
            let share = self.quantity(&node, &hint, UnknownKind::Condition, cause, Some(Amount::ONE));
            let places = state.places().min(self.state.places());
            self.join_with(&Weight::Share(share), state, places);
        }
        result
    }

    fn summed(
        &mut self,
        count: &Amount,
        item: &dyn Fn(&mut Self, &Amount) -> Value,
        each: &Each<'p>,
        mark: usize,
    ) -> (Flow, bool) {
        let before = self.state.clone();
        let mut first = None;
        for round in 0..2 {
            if count.as_int().is_some_and(|count| count <= round) {
                return (Flow::Next, false);
            }
            let begun = self.state.made();
            let value = item(self, &Amount::Int(round));
            match self.round(value, begun, each, mark) {
                Flow::Next => {}
                Flow::Break => return (Flow::Next, true),
                other => return (other, true),
            }
            self.collapse_new_items(&before);
            if round == 0 {
                first = Some(self.state.clone());
            }
        }
        let Some(first) = first else { return (Flow::Next, false) };
        if count.as_int() == Some(2) {
            return (Flow::Next, false);
        }
        let second = self.state.clone();
        let index = self.fresh_symbol("k");
        let k = Amount::symbol(&index);
        let last = (count - &Amount::ONE).substitute(&self.last_rounds);
        self.last_rounds.insert(Text::from(index.as_str()), last.to_formula());
        let mut blur = Vec::new();
        for attempt in 0..3 {
            let start = self.generalise(&first, &second, &k, &blur);
            self.state = start.clone();
            self.state.peak = HighWater::of(&self.state.live);
            let exits = self.exits.len();
            let begun = self.state.made();
            let value = item(self, &k);
            match self.round(value, begun, each, mark) {
                Flow::Next => {}
                // A round like any other leaves: so does the third.
                Flow::Break => return (Flow::Next, true),
                other => return (other, true),
            }
            self.collapse_new_items(&before);
            let last = count - &Amount::ONE;
            let recurrence = Recurrence { index: index.clone(), last, count: count.clone() };
            let more = self.changed_otherwise(&start, &recurrence);
            if !more.is_empty() && attempt < 2 && more.iter().any(|name| !blur.contains(name)) {
                self.exits.truncate(exits);
                blur.extend(more);
                continue;
            }
            self.conclude(&start, &second, &recurrence);
            for exit in self.exits[exits..].iter_mut() {
                exit.state.substitute(&recurrence.map());
            }
            break;
        }
        (Flow::Next, false)
    }

    /// Items that containers got since a state are no longer told apart.
    fn collapse_new_items(&mut self, before: &State) {
        let grown: Vec<(ObjectId, usize)> = self
            .state
            .objects()
            .filter(|(_, object)| object.known.is_none() && !object.entries.is_empty())
            .filter_map(|(id, object)| {
                let old = before.object(id)?;
                // A place may have been used again for something else.
                let same = old.kind == object.kind && old.line == object.line;
                let from = if same { old.entries.len() } else { return None };
                (object.entries.len() > from).then_some((id, from))
            })
            .collect();
        for (id, from) in grown {
            if matches!(self.state.object(id).map(|object| &object.kind), Some(Kind::Tuple)) {
                continue;
            }
            self.collapse(id, from);
        }
    }

    // ---- comprehensions -------------------------------------------------------------------------------------------------

    pub(super) fn comprehension(
        &mut self,
        kind: Kind,
        element: &'p Ast,
        key: Option<&'p Ast>,
        generators: &'p [ast::Comprehension],
        node: &'p Ast,
    ) -> Eval {
        let result = self.new_container(kind, node);
        let Value::Object(id) = result else { return Ok(result) };
        let Some(mut activation) = self.here().cloned() else { return Ok(result) };
        let over = match generators.first() {
            Some(first) => Some(self.expression(&first.iter)?),
            None => None,
        };
        let inner = self.state.new_frame();
        self.closures.insert(inner, activation.frame);
        activation.frame = inner;
        activation.consumer = None;
        // It is held by the frame until it is done.
        self.state.set(inner, Text::from("<result>"), result.clone());
        self.stack.push(activation);
        let clause = Clause { element, key, rest: generators, result: Some(id) };
        let outcome = self.run_clause(&clause, over);
        self.stack.pop();
        self.state.keep(&result);
        self.state.clear_frame(inner);
        self.state.unkeep(&result);
        match outcome {
            Ok(()) | Err(Flow::Stop) => Ok(result),
            Err(flow) => Err(flow),
        }
    }

    fn run_clause(&mut self, clause: &Clause<'p>, over: Option<Value>) -> Result<(), Flow> {
        let Some((generator, rest)) = clause.rest.split_first() else { return self.clause_item(clause) };
        let iterable = match over {
            Some(over) => over,
            None => self.expression(&generator.iter)?,
        };
        let Some(activation) = self.here().cloned() else { return Ok(()) };
        let inner = Clause { element: clause.element, key: clause.key, rest, result: clause.result };
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
            machine.stack.push(Activation { loops: activation.loops + 1, ..activation.clone() });
            let flow = match machine.assign(&generator.target, item) {
                Ok(()) => machine.filter(&generator.ifs, &inner),
                Err(flow) => flow,
            };
            machine.stack.pop();
            flow
        });
        self.state.keep(&iterable);
        let (flow, _) = self.iterate(&iterable, Place::of(&generator.iter), &each);
        self.state.unkeep(&iterable);
        self.state.settle(&iterable);
        match flow {
            Flow::Next => Ok(()),
            other => Err(other),
        }
    }

    fn filter(&mut self, ifs: &'p [Ast], clause: &Clause<'p>) -> Flow {
        let Some((first, rest)) = ifs.split_first() else {
            return match self.run_clause(clause, None) {
                Ok(()) => Flow::Next,
                Err(flow) => flow,
            };
        };
        let test = match self.expression(first) {
            Ok(test) => test,
            Err(flow) => return flow,
        };
        let clause = clause.clone();
        self.branch(&test, first, |machine| machine.filter(rest, &clause), |_| Flow::Next)
    }

    fn clause_item(&mut self, clause: &Clause<'p>) -> Result<(), Flow> {
        self.steps += 1;
        let key = match clause.key {
            Some(key) => Some(self.expression(key)?),
            None => None,
        };
        if let Some(key) = &key {
            self.state.keep(key);
        }
        let value = self.expression(clause.element)?;
        if let Some(key) = &key {
            self.state.unkeep(key);
        }
        match (clause.result, key) {
            (Some(id), Some(key)) => self.store(id, key, value, clause.element),
            (Some(id), None) => self.collect(id, value, clause.element),
            (None, _) => self.consume(value)?,
        }
        Ok(())
    }

    /// Adds an item to a list or a set.
    pub(super) fn collect(&mut self, id: ObjectId, value: Value, node: &impl Ranged) {
        let is_set = self.state.object(id).is_some_and(|object| object.kind == Kind::Set);
        let counts = matches!(&value, Value::Number(Number { amount: Some(_), .. }) | Value::Float(_));
        let apart = self.state.object(id).is_some_and(super::value::Object::apart);
        if is_set && !counts && !(apart && self.key_of(&value).is_some()) {
            // Whether it is a new one is not known.
            let hint = format!("new_items_{}", self.hint(node));
            let cause = "how many different items there are is not known";
            let share = self.quantity(node, &hint, UnknownKind::Condition, cause, Some(Amount::ONE));
            self.fork(
                Weight::Share(share),
                |machine| {
                    machine.push_item(id, None, value.clone(), node);
                    Flow::Next
                },
                |_| Flow::Next,
            );
            self.state.settle(&value);
            return;
        }
        self.push_item(id, None, value, node);
    }

    /// Adds all items of an iterator to a container.
    pub(super) fn collect_into(&mut self, id: ObjectId, items: &Value, node: &impl Ranged) -> Result<(), Flow> {
        let place = Place::of(node);
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
            machine.steps += 1;
            machine.collect(id, item, &place);
            Flow::Next
        });
        self.for_each(items, place, &each)
    }

    /// Runs `each` for every item, of what nothing leaves early by `break`.
    pub(super) fn for_each(&mut self, items: &Value, place: Place, each: &Each<'p>) -> Result<(), Flow> {
        match self.iterate(items, place, each).0 {
            Flow::Next => Ok(()),
            other => Err(other),
        }
    }

    /// Runs an iterator for what it does, its items let go of.
    pub(super) fn exhaust(&mut self, items: &Value, node: &impl Ranged) -> Result<(), Flow> {
        let place = Place::of(node);
        let each: Each<'p> = Rc::new(|machine: &mut Machine<'p>, item: Value| {
            machine.steps += 1;
            machine.state.settle(&item);
            Flow::Next
        });
        self.for_each(items, place, &each)
    }

    /// `yield from items`
    pub(super) fn consume_all(&mut self, items: &Value, node: Place) -> Result<(), Flow> {
        let Some(consumer) = self.here().and_then(|here| here.consumer) else { return Ok(()) };
        let each: Each<'p> =
            Rc::new(move |machine: &mut Machine<'p>, item: Value| match machine.consume_by(consumer, item) {
                Ok(()) => Flow::Next,
                Err(Flow::Stop) => Flow::Break,
                Err(flow) => flow,
            });
        match self.iterate(items, node, &each) {
            (Flow::Next, false) => Ok(()),
            (Flow::Next, true) => Err(Flow::Stop),
            (flow, _) => Err(flow),
        }
    }

    /// The first item of an iterator: `next(items)`.
    pub(super) fn first_of(&mut self, items: &Value, node: &impl Ranged) -> Eval {
        let place = Place::of(node);
        let found: Rc<std::cell::RefCell<Option<Value>>> = Rc::default();
        let slot = found.clone();
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
            machine.state.keep(&item);
            *slot.borrow_mut() = Some(item);
            Flow::Break
        });
        let (flow, _) = self.iterate(items, place, &each);
        if !matches!(flow, Flow::Next) {
            return Err(flow);
        }
        let item = found.borrow_mut().take();
        match item {
            Some(item) => {
                self.state.unkeep(&item);
                Ok(item)
            }
            None => Err(Flow::Raise(Text::from("StopIteration"))),
        }
    }

    /// Ways that left a function: those that returned join its end.
    pub(super) fn join_returns(&mut self, mark: usize, flow: Flow) -> Flow {
        let mut flow = flow;
        let mut at = self.exits.len();
        while at > mark {
            at -= 1;
            if !matches!(self.exits[at].flow, Flow::Return(_)) {
                continue;
            }
            let Exit { weight, state, flow: left } = self.exits.remove(at);
            let Flow::Return(early) = left else { continue };
            let places = state.places().min(self.state.places());
            match flow {
                Flow::Return(value) => {
                    let value = self.join_values(&weight, state, early, value, places);
                    flow = Flow::Return(value);
                }
                Flow::Next => {
                    let value = self.join_values(&weight, state, early, Value::NONE, places);
                    flow = Flow::Return(value);
                }
                // The rest of the function raises: only the early way gives something back.
                other => {
                    let raised = std::mem::replace(&mut self.state, state);
                    self.exits.push(Exit { weight: weight.negate(), state: raised, flow: other });
                    flow = Flow::Return(early);
                }
            }
        }
        flow
    }

    /// Bytes of a value that is not kept apart.
    pub(super) fn bytes_of(&self, value: &Value) -> Bytes {
        match value {
            Value::Object(id) => self.state.deep(*id),
            other => self.charge(other),
        }
    }
}

/// A range of the source as a node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place(ruff_text_size::TextRange);

impl Place {
    /// Where a node stands.
    pub fn of(node: &impl Ranged) -> Self {
        Self(node.range())
    }
}

impl Ranged for Place {
    fn range(&self) -> ruff_text_size::TextRange {
        self.0
    }
}

/// Whether an expression may be read twice.
fn is_simple(expr: &Ast) -> bool {
    match expr {
        Ast::Name(_) | Ast::NumberLiteral(_) => true,
        Ast::Attribute(attribute) => is_simple(&attribute.value),
        Ast::BinOp(operation) => is_simple(&operation.left) && is_simple(&operation.right),
        Ast::Subscript(subscript) => is_simple(&subscript.value) && is_simple(&subscript.slice),
        Ast::Call(call) => {
            matches!(&*call.func, Ast::Name(name) if name.id.as_str() == "len")
                && call.arguments.args.iter().all(is_simple)
        }
        _ => false,
    }
}
