//! Python's own functions and classes, and those of the standard library that make or walk Python's own objects.
//!
//! A function of a library that takes bytes of its own is a contract, not a row here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ruff_text_size::Ranged;

use crate::expression::{self, Expr, Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::containers::ORDERED;
use super::expressions::{Quick, quick};
use super::loops::Place;
use super::machine::{Each, Eval, Flow, Holds, Machine};
use super::unknown::UnknownKind;
use super::value::{Adapter, Code, Growth, Kind, Number, NumberKind, Object, Source, Value, hash_of};

/// What was added up so far.
#[derive(Clone, Copy)]
struct Total {
    kind: NumberKind,
    /// Where all items are known whole numbers.
    int: Option<i128>,
    /// Where all items are known.
    float: Option<f64>,
}

/// The different items of something, each with how often it comes.
#[derive(Default)]
struct Tally {
    places: rustc_hash::FxHashMap<u64, usize>,
    found: Vec<(Plain, usize)>,
    /// What those take that are made on the way: an iterator's.
    made: Bytes,
}

impl Tally {
    /// Adds an item, which takes so much where it is a new one. None if it is not told from others.
    fn add(&mut self, item: Plain, made: &Bytes) -> Option<()> {
        let at = *self.places.entry(hash_of(&item)?).or_insert(self.found.len());
        match self.found.get_mut(at) {
            Some((_, count)) => *count += 1,
            None => {
                self.found.push((item, 1));
                self.made += made;
            }
        }
        Some(())
    }
}

impl<'p> Machine<'p> {
    /// Calls something outside of the project by its name.
    pub(super) fn call_external(&mut self, name: &str, arguments: Arguments, node: &impl Ranged) -> Eval {
        let short = name.strip_prefix("builtins.").unwrap_or(name);
        if self.contracts.is_own(name) {
            return self.call_contract(name, None, &arguments, node);
        }
        if let Some(result) = self.operator_function(short, &arguments, node)? {
            return Ok(result);
        }
        if let Some(result) = self.builtin(short, &arguments, node)? {
            return Ok(result);
        }
        self.call_contract(name, None, &arguments, node)
    }

    fn builtin(&mut self, name: &str, arguments: &Arguments, node: &impl Ranged) -> Result<Option<Value>, Flow> {
        let first = arguments.positional.first().cloned();
        let value = match (name, first) {
            ("len", Some(value)) => match self.special_method(&value, "__len__", node)? {
                Some(value) => value,
                None => match self.length(&value, node) {
                    Some(length) => Value::int(length),
                    None => Value::number(NumberKind::Int),
                },
            },
            ("range" | "xrange", Some(_)) => self.range(arguments, node),
            ("list" | "tuple" | "set" | "frozenset", None) => self.new_container(container_kind(name), node),
            ("list" | "tuple" | "set" | "frozenset", Some(items)) => self.container_of(name, &items, node)?,
            ("dict", _) => self.dict_of(arguments, node)?,
            ("collections.OrderedDict", _) => {
                let dict = self.dict_of(arguments, node)?;
                if let Value::Object(id) = dict {
                    self.state.note(id, |object| {
                        object.features.insert(Text::from(ORDERED), Amount::ONE);
                    });
                    self.resize_container(id);
                }
                dict
            }
            ("dict.fromkeys" | "collections.OrderedDict.fromkeys", Some(keys)) => {
                let value = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                self.dict_from_keys(&keys, value, node)?
            }
            ("dataclasses.asdict" | "dataclasses.astuple", Some(value)) => {
                self.as_data(&value, name == "dataclasses.asdict", node)?
            }
            ("collections.defaultdict", factory) => {
                let rest = Arguments {
                    positional: arguments.positional.get(1..).unwrap_or_default().to_vec(),
                    ..arguments.clone()
                };
                let dict = self.dict_of(&rest, node)?;
                if let Value::Object(id) = dict {
                    self.state.set_field(id, Text::from("default_factory"), factory.unwrap_or(Value::NONE));
                }
                dict
            }
            ("collections.Counter", items) => self.counter(items, node)?,
            ("collections.deque", items) => {
                let deque = self.new_container(Kind::Deque, node);
                if let (Value::Object(id), Some(items)) = (&deque, items)
                    && items != Value::NONE
                {
                    self.state.keep(&deque);
                    self.extend_container(*id, &items, node)?;
                    self.state.unkeep(&deque);
                }
                if let (Value::Object(id), Some(most)) = (&deque, arguments.get(1, "maxlen"))
                    && let Some(most) = self.amount(&most.clone(), node)
                {
                    self.state.note(*id, |object| {
                        object.features.insert(Text::from("maxlen"), most);
                    });
                }
                deque
            }
            ("str", None) => Value::text(""),
            ("str" | "repr" | "ascii" | "format", Some(value)) => self.text_of(name, &value, arguments, node)?,
            ("bytes" | "bytearray", _) => self.bytes_from(name, arguments, node)?,
            ("memoryview", Some(value)) => {
                let mut object = Object::new(Kind::MemoryView, super::sizes::object(184));
                object.length = self.length(&value, node);
                object.base.extend(value.object());
                self.allocate(object, node)
            }
            ("int" | "float" | "bool", _) => self.number_of(name, arguments, node)?,
            ("sum" | "math.fsum" | "statistics.mean" | "statistics.fmean" | "math.prod", Some(items)) => {
                self.sum_of(name, &items, node)?
            }
            ("min" | "max", Some(items)) => self.extreme(name, arguments, &items, node)?,
            ("sorted", Some(items)) => {
                let list = self.container_of("list", &items, node)?;
                self.sort(&list, arguments, node)?;
                list
            }
            ("reversed" | "iter", Some(items)) if arguments.positional.len() == 1 => {
                self.adapter(Adapter::Same, vec![items], node)
            }
            ("enumerate", Some(items)) => {
                let start = arguments.get(1, "start").cloned();
                self.adapter(Adapter::Enumerate, [items].into_iter().chain(start).collect(), node)
            }
            ("zip" | "itertools.zip_longest", Some(_)) => {
                self.adapter(Adapter::Zip, arguments.positional.clone(), node)
            }
            ("map", Some(_)) => self.adapter(Adapter::Map, arguments.positional.clone(), node),
            ("filter", Some(_)) => self.adapter(Adapter::Filter, arguments.positional.clone(), node),
            ("itertools.chain", _) => self.adapter(Adapter::Chain, arguments.positional.clone(), node),
            ("itertools.chain.from_iterable", Some(items)) => match self.items_apart(&items) {
                Some(items) => self.adapter(Adapter::Chain, items, node),
                None => {
                    let inner = self.sample(&items).unwrap_or(Value::NONE);
                    let each = self.length(&inner, node).unwrap_or(Amount::ONE);
                    let count = self.length(&items, node).unwrap_or(Amount::ZERO) * each;
                    let item = self.sample(&inner);
                    self.adapter(Adapter::Count(count), item.into_iter().collect(), node)
                }
            },
            ("itertools.islice", Some(items)) => {
                let count = match arguments.positional.len() {
                    0..=2 => arguments.positional.get(1).cloned(),
                    _ => arguments.positional.get(2).cloned(),
                };
                let count = count.and_then(|count| self.amount(&count, node)).unwrap_or(Amount::ONE);
                let count = match self.length(&items, node) {
                    Some(length) => length.min(&count),
                    None => count,
                };
                let item = self.sample(&items);
                self.adapter(Adapter::Count(count), item.into_iter().collect(), node)
            }
            ("itertools.product" | "itertools.permutations" | "itertools.combinations", Some(items)) => {
                self.combinatorial(name, arguments, &items, node)
            }
            ("itertools.accumulate", Some(items)) if arguments.positional.len() == 1 => {
                self.adapter(Adapter::Accumulate, vec![items], node)
            }
            (
                "itertools.accumulate" | "itertools.starmap" | "itertools.takewhile" | "itertools.dropwhile",
                Some(items),
            ) => self.adapter(Adapter::Same, vec![items], node),
            ("itertools.repeat", Some(item)) => {
                let count = arguments.positional.get(1).cloned().and_then(|count| self.amount(&count, node));
                self.adapter(Adapter::Count(count.unwrap_or(Amount::ONE)), vec![item], node)
            }
            ("any" | "all", Some(items)) => self.any_or_all(name == "any", &items, node)?,
            ("next", Some(items)) => match self.first_of(&items, node) {
                Ok(value) => value,
                Err(Flow::Raise(_)) if arguments.positional.len() > 1 => {
                    arguments.positional.get(1).cloned().unwrap_or(Value::NONE)
                }
                Err(flow) => return Err(flow),
            },
            ("print", _) => {
                if let Some(stream) = arguments.keyword("file").cloned() {
                    self.print_to(&stream, arguments, node);
                }
                Value::NONE
            }
            ("setattr" | "delattr", _) => {
                if let ("setattr", Some(Value::Object(id)), Some(name), Some(value)) =
                    (name, arguments.positional.first(), arguments.positional.get(1), arguments.positional.get(2))
                    && let Some(name) = name.as_text()
                {
                    self.state.set_field(*id, Text::from(name), value.clone());
                }
                Value::NONE
            }
            ("isinstance" | "issubclass" | "callable" | "hasattr", Some(value)) => {
                self.is_instance(name, &value, arguments, node)
            }
            ("getattr", Some(value)) => {
                let attribute = arguments.positional.get(1).and_then(|name| name.as_text().map(str::to_owned));
                match attribute {
                    Some(attribute) => self.attribute(&value, &attribute, node)?,
                    None => self.unknown(node, UnknownKind::Result, "an attribute whose name is computed"),
                }
            }
            ("type", Some(value)) => match &value {
                Value::Object(id) => match self.state.object(*id).map(|object| object.kind.clone()) {
                    Some(Kind::Instance(class)) => Value::Code(Code::Class(class)),
                    Some(kind) => Value::external(kind.name()),
                    None => Value::NONE,
                },
                other => match self.type_name(other) {
                    Some(name) => Value::external(name),
                    None => self.unknown(node, UnknownKind::Result, "the type of something unknown"),
                },
            },
            ("id" | "hash" | "ord", _) => {
                match (name, arguments.positional.first().and_then(|value| self.plain(value))) {
                    ("ord", Some(plain)) => {
                        self.exact_call(name, &[plain], node)?.unwrap_or(Value::number(NumberKind::Int))
                    }
                    _ => Value::number(NumberKind::Int),
                }
            }
            ("chr", Some(value)) => match self.plain(&value) {
                Some(plain) => self.exact_call(name, &[plain], node)?.unwrap_or(Value::text("?")),
                None => Value::text("?"),
            },
            _ if let Some(value) = self.complex_function(name, &arguments.positional, node) => value,
            ("abs" | "round" | "pow" | "divmod" | "hex" | "bin" | "oct", Some(_)) => {
                self.arithmetic(name, arguments, node)?
            }
            ("functools.partial", Some(function)) => Value::Code(Code::Partial(
                Box::new(function),
                Rc::new(arguments.positional.get(1..).unwrap_or_default().to_vec()),
                Rc::new(arguments.keywords.clone()),
            )),
            ("functools.lru_cache" | "functools.cache", first) => match first {
                Some(function @ Value::Code(_)) => {
                    let most = (name == "functools.lru_cache").then_some(Amount::Int(128));
                    self.cached(function, most, node)
                }
                _ => {
                    let mut object = Object::new(Kind::Named(Text::from("functools.lru_cache")), Bytes::ZERO);
                    let most = match arguments.get(0, "maxsize").cloned() {
                        None => Some(Amount::Int(128)),
                        Some(Value::Plain(Plain::None)) => None,
                        Some(most) => self.amount(&most, node),
                    };
                    object.features.extend(most.map(|most| (Text::from("maxsize"), most)));
                    self.allocate(object, node)
                }
            },
            ("functools.wraps", _) => Value::external("<identity>"),
            ("<identity>", Some(value)) => value,
            ("functools.reduce", Some(function)) => {
                let items = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                let mut sample = self.sample(&items);
                if let Some(Value::Plain(plain)) = &sample {
                    sample = Some(super::containers::blurred(plain));
                }
                let start = arguments.positional.get(2).cloned().or_else(|| sample.clone()).unwrap_or(Value::NONE);
                let item = sample.unwrap_or(Value::NONE);
                self.call_value(&function, Arguments::positional(vec![start, item]), node)?
            }
            ("dataclasses.field", _) => {
                let mut object = Object::new(Kind::Named(Text::from("dataclasses.Field")), Bytes::ZERO);
                if let Some(factory) = arguments.keyword("default_factory") {
                    object.fields.insert(Text::from("default_factory"), factory.clone());
                }
                match arguments.keyword("default") {
                    Some(default) => default.clone(),
                    None => self.allocate(object, node),
                }
            }
            ("copy.copy", Some(value)) => self.shallow_copy(&value, node),
            ("copy.deepcopy", Some(value)) => self.deep_copy(&value, node),
            ("heapq.heappop", Some(Value::Object(id))) => self.heap_pop(id, node),
            ("heapq.heapify", Some(Value::Object(id))) => {
                self.heapify(id, node);
                Value::NONE
            }
            ("heapq.heappush" | "heapq.heappushpop" | "heapq.heapreplace", Some(Value::Object(id))) => {
                let item = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                match name {
                    "heapq.heappush" => {
                        self.heap_push(id, item, node);
                        Value::NONE
                    }
                    "heapq.heappushpop" => self.heap_push_pop(id, item, node),
                    _ => self.heap_replace(id, item, node),
                }
            }
            ("heapq.nlargest" | "heapq.nsmallest", Some(count)) => {
                let items = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                let key = arguments.keyword("key");
                match self.known_extremes(name == "heapq.nlargest", &count, &items, key, node)? {
                    Some(list) => list,
                    None => self.heap_extremes(&count, &items, key.is_some(), node)?,
                }
            }
            ("bisect.bisect" | "bisect.bisect_left" | "bisect.bisect_right", Some(list))
                if arguments.positional.len() == 2 && arguments.keywords.is_empty() =>
            {
                let at = self.bisect(&list, &arguments.positional[1], name != "bisect.bisect_left", node);
                at.map_or(Value::number(NumberKind::Int), |at| Value::int(Amount::from(at)))
            }
            ("bisect.insort" | "bisect.insort_left" | "bisect.insort_right", Some(list @ Value::Object(id)))
                if arguments.positional.len() == 2 && arguments.keywords.is_empty() =>
            {
                let item = arguments.positional[1].clone();
                let at = self.bisect(&list, &item, name != "bisect.insort_left", node);
                self.begin_to_grow(id);
                self.push_item(id, None, item, node);
                self.move_last(id, at);
                Value::NONE
            }
            ("itertools.groupby", Some(items)) => {
                let key = arguments.get(1, "key").cloned();
                self.adapter(Adapter::Groups, [items].into_iter().chain(key).collect(), node)
            }
            ("os.environ.get" | "os.getenv", Some(key)) => {
                let default = arguments.positional.get(1).cloned();
                self.environment(&key, Some(default.unwrap_or(Value::NONE)), node)?
            }
            ("collections.namedtuple", Some(_)) => {
                let fields = arguments.positional.get(1).and_then(|fields| self.plain(fields));
                let names: Vec<Text> = match fields {
                    Some(Plain::Str(text)) => text.replace(',', " ").split_whitespace().map(Text::from).collect(),
                    Some(Plain::List(items) | Plain::Tuple(items)) => items
                        .iter()
                        .filter_map(|item| match item {
                            Plain::Str(text) => Some(text.clone()),
                            _ => None,
                        })
                        .collect(),
                    _ => Vec::new(),
                };
                let mut object = Object::new(Kind::Named(Text::from("collections.namedtuple")), Bytes::ZERO);
                for (at, name) in names.iter().enumerate() {
                    object.fields.insert(name.clone(), Value::int(Amount::from(at)));
                }
                self.allocate(object, node)
            }
            (
                "contextlib.contextmanager"
                | "contextlib.asynccontextmanager"
                | "dataclasses.dataclass"
                | "staticmethod"
                | "property"
                | "functools.singledispatch"
                | "functools.total_ordering",
                Some(value),
            ) => value,
            ("dataclasses.dataclass", None) => Value::external("<identity>"),
            ("sys.getsizeof", Some(value)) => match &value {
                Value::Object(id) => {
                    let own = self.state.object(*id).map(|object| object.own.requested.clone());
                    Value::computed(NumberKind::Int, own)
                }
                _ => Value::number(NumberKind::Int),
            },
            _ if name.starts_with("asyncio.") => {
                let name = name.trim_start_matches("asyncio.");
                return self.asyncio(name, arguments, node);
            }
            _ if name.starts_with("math.") => self.arithmetic(name, arguments, node)?,
            _ if expression::is_function(name) && !is_heavy(name) => {
                let plains: Option<Vec<Plain>> = arguments.positional.iter().map(|value| self.plain(value)).collect();
                match plains {
                    Some(plains) if arguments.keywords.is_empty() && !arguments.more => {
                        match self.exact_call(name, &plains, node)? {
                            Some(value) => value,
                            None => return Ok(None),
                        }
                    }
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(value))
    }

    /// The exact value of a function of known values.
    fn exact_call(&mut self, name: &str, plains: &[Plain], node: &impl Ranged) -> Result<Option<Value>, Flow> {
        if !expression::is_function(name) {
            return Ok(None);
        }
        let arguments = plains.iter().map(|plain| Expr::Constant(plain.clone())).collect();
        match self.exactly(&Expr::Call(Text::from(name), arguments, Vec::new()), node) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(flow)) => Err(flow),
            None => Ok(None),
        }
    }

    /// A special method of an instance of the project.
    fn special_method(&mut self, value: &Value, name: &str, node: &impl Ranged) -> Result<Option<Value>, Flow> {
        let Value::Object(id) = value else { return Ok(None) };
        let Some(Kind::Instance(class)) = self.state.object(*id).map(|object| object.kind.clone()) else {
            return Ok(None);
        };
        let Some(function) = self.method_of(class, name) else { return Ok(None) };
        self.call_function(function, None, Some(value.clone()), Arguments::default(), node).map(Some)
    }

    fn range(&mut self, arguments: &Arguments, node: &impl Ranged) -> Value {
        let values: Vec<Option<Amount>> =
            arguments.positional.clone().iter().map(|value| self.amount(value, node)).collect();
        let (start, stop, step) = match values.as_slice() {
            [stop] => (Some(Amount::ZERO), stop.clone(), Some(Amount::ONE)),
            [start, stop] => (start.clone(), stop.clone(), Some(Amount::ONE)),
            [start, stop, step, ..] => (start.clone(), stop.clone(), step.clone()),
            [] => (None, None, None),
        };
        let (Some(start), Some(stop), Some(step)) = (start, stop, step) else {
            let hint = format!("len_{}", self.hint(node));
            let cause = "the bounds of the range are not known";
            let count = self.quantity(node, &hint, UnknownKind::TripCount, cause, None);
            return self.range_object(Amount::ZERO, Amount::ONE, count, node);
        };
        let count = match step.as_int() {
            Some(step) if step < 0 => (&start - &stop).at_least_zero().ceil_div(&Amount::Int(-step)),
            Some(0) => None,
            Some(1) if start.is_zero() => Some(stop.at_least_zero()),
            _ => (&stop - &start).at_least_zero().ceil_div(&step),
        };
        self.range_object(start, step, count.unwrap_or(Amount::ZERO), node)
    }

    fn range_object(&mut self, start: Amount, step: Amount, count: Amount, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Iterator, super::sizes::object(48));
        object.length = Some(count.clone());
        object.source = Some(Rc::new(Source::Range(start, step, count)));
        self.allocate(object, node)
    }

    pub(super) fn adapter(&mut self, adapter: Adapter, values: Vec<Value>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Iterator, super::sizes::object(72));
        let items = match (&adapter, values.as_slice()) {
            (Adapter::Count(count), _) => Some(count.clone()),
            (Adapter::Map, [_, items, ..]) => self.length_if_known(items),
            (
                Adapter::Enumerate
                | Adapter::Same
                | Adapter::Accumulate
                | Adapter::Items
                | Adapter::Keys
                | Adapter::Values,
                [items, ..],
            ) => self.length_if_known(items),
            _ => None,
        };
        object.length = items;
        object.source = Some(Rc::new(Source::Adapter(adapter, values)));
        self.allocate(object, node)
    }

    pub(super) fn length_if_known(&self, value: &Value) -> Option<Amount> {
        match value {
            Value::Plain(plain) => plain.iterations().map(|length| Amount::from(&length)),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                object.length.clone().or_else(|| object.shape.as_ref()?.first().cloned())
            }
            _ => None,
        }
    }

    // ---- containers ---------------------------------------------------------------------------------------------------

    pub(super) fn container_of(&mut self, name: &str, items: &Value, node: &impl Ranged) -> Eval {
        let container = self.new_container(container_kind(name), node);
        let Value::Object(id) = container else { return Ok(container) };
        self.state.keep(&container);
        // A text gives its characters, an array its numbers, one object each.
        let made = match self.type_name(items).as_deref() {
            Some("str") => None,
            _ if self.is_array(items) => Some(self.sizes.float()),
            _ => None,
        };
        if let Some(each) = made {
            let count = self.length(items, node).unwrap_or(Amount::ZERO);
            self.state.add_payload(id, &count, &each.times(&count));
            self.set_sample(id, None, Some(Value::number(NumberKind::Float)));
            self.state.note(id, |object| object.length = Some(count));
        } else {
            self.extend_container(id, items, node)?;
        }
        let sized = self.length_if_known(items).is_some();
        if sized {
            self.state.note(id, |object| object.growth = Growth::Even);
        }
        self.resize_container(id);
        self.state.unkeep(&container);
        Ok(container)
    }

    pub(super) fn dict_from_keys(&mut self, keys: &Value, value: Value, node: &impl Ranged) -> Eval {
        let place = Place::of(node);
        let dict = self.new_container(Kind::Dict, node);
        let Value::Object(id) = dict else { return Ok(dict) };
        self.state.keep(&dict);
        let value = value.kept();
        let each: Each<'p> = Rc::new(move |machine: &mut Machine<'p>, key: Value| {
            machine.steps += 1;
            machine.store(id, key, value.clone(), &place);
            Flow::Next
        });
        let done = self.for_each(keys, place, &each);
        self.state.unkeep(&dict);
        done.map(|()| dict)
    }

    /// What `dataclasses.asdict` makes of an instance, and of what it holds: containers are made anew, all else is shared.
    fn as_data(&mut self, value: &Value, by_name: bool, node: &impl Ranged) -> Eval {
        let Some(object) = self.state.object_of(value) else { return Ok(value.clone().kept()) };
        let (kind, parts) = match &object.kind {
            Kind::Instance(_) => {
                let field = |(name, field): (&Text, &Value)| (by_name.then(|| Value::text(name)), field.clone());
                (if by_name { Kind::Dict } else { Kind::Tuple }, Some(object.fields.iter().map(field).collect()))
            }
            kind @ (Kind::List | Kind::Tuple) => {
                let items = self.items_apart(value);
                let read =
                    |items: Vec<Value>| items.into_iter().map(|item| (None, self.read_of(value, item))).collect();
                (kind.clone(), items.map(read))
            }
            Kind::Dict => {
                let pairs = self.pairs_of(value);
                (Kind::Dict, pairs.map(|pairs| pairs.into_iter().map(|(key, item)| (Some(key), item)).collect()))
            }
            _ => return Ok(value.clone()),
        };
        let parts: Option<Vec<(Option<Value>, Value)>> = parts;
        let Some(parts) = parts else { return Ok(self.shallow_copy(value, node)) };
        let made = self.new_container(kind, node);
        let Value::Object(id) = made else { return Ok(made) };
        self.state.keep(&made);
        for (key, part) in parts {
            let data = self.as_data(&part, by_name, node)?;
            match key {
                Some(key) => self.store(id, key, data, node),
                None => self.push_shared(id, data),
            }
        }
        self.resize_container(id);
        self.state.unkeep(&made);
        Ok(made)
    }

    fn dict_of(&mut self, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let dict = self.new_container(Kind::Dict, node);
        let Value::Object(id) = dict else { return Ok(dict) };
        self.state.keep(&dict);
        if let Some(source) = arguments.positional.first() {
            if self.is_dict(source) || matches!(source, Value::Plain(Plain::Dict(_))) {
                self.update_dict(id, source, node)?;
            } else {
                self.dict_from_pairs(id, source, node)?;
            }
        }
        for (name, value) in &arguments.keywords {
            self.store(id, Value::text(name), value.clone(), node);
        }
        self.state.unkeep(&dict);
        Ok(dict)
    }

    fn dict_from_pairs(&mut self, id: super::value::ObjectId, pairs: &Value, node: &impl Ranged) -> Result<(), Flow> {
        let place = Place::of(node);
        let each: super::machine::Each<'p> = Rc::new(move |machine: &mut Machine<'p>, pair: Value| {
            machine.steps += 1;
            let key = machine.item(&pair, &Value::int(Amount::ZERO), &place);
            let value = machine.item(&pair, &Value::int(Amount::ONE), &place);
            match (key, value) {
                (Ok(key), Ok(value)) => {
                    machine.store(id, key, value, &place);
                    super::machine::Flow::Next
                }
                (Err(flow), _) | (_, Err(flow)) => flow,
            }
        });
        self.for_each(pairs, place, &each)
    }

    fn counter(&mut self, items: Option<Value>, node: &impl Ranged) -> Eval {
        let dict = match items {
            None => self.new_container(Kind::Dict, node),
            Some(counts) if self.type_name(&counts).as_deref() == Some("dict") => {
                self.dict_of(&Arguments::positional(vec![counts]), node)?
            }
            Some(items) => match self.tally(&items, node)? {
                Some(tally) => self.tallied(tally, node),
                None => self.tallied_roughly(&items, node),
            },
        };
        if let Value::Object(id) = dict {
            self.state.set_field(id, Text::from("default_factory"), Value::external("int"));
        }
        Ok(dict)
    }

    fn tallied(&mut self, tally: Tally, node: &impl Ranged) -> Value {
        let bytes =
            tally.found.iter().fold(tally.made, |sum, (_, count)| &sum + &self.sizes.int(Some(&Amount::from(*count))));
        let known = tally.found.into_iter().map(|(key, count)| (key, Plain::int(count))).collect();
        let dict = self.materialise_holding(Plain::Dict(std::sync::Arc::new(known)), Holds::Shared, node);
        if let Value::Object(id) = dict
            && !bytes.is_zero()
        {
            self.state.add_payload(id, &Amount::ZERO, &bytes);
        }
        dict
    }

    fn tallied_roughly(&mut self, items: &Value, node: &impl Ranged) -> Value {
        let dict = self.new_container(Kind::Dict, node);
        let Value::Object(id) = dict else { return dict };
        self.state.keep(&dict);
        let most = self.length(items, node);
        let hint = format!("len_{}", self.hint(node));
        let cause = "how many different items there are is not known";
        let count = self.quantity(node, &hint, UnknownKind::Size, cause, most);
        let key = self.sample(items);
        self.state.add_payload(id, &count, &Bytes::ZERO);
        self.set_sample(id, key, Some(Value::number(NumberKind::Int)));
        self.state.note(id, |object| object.length = Some(count));
        self.resize_container(id);
        self.state.unkeep(&dict);
        dict
    }

    /// Counts the items of something. None where one is not known.
    fn tally(&mut self, items: &Value, node: &impl Ranged) -> Result<Option<Tally>, Flow> {
        if let Some(elements) = self.plain(items).and_then(|plain| plain.elements(2_000_000)) {
            let mut tally = Tally::default();
            let is_known = elements.into_iter().all(|item| tally.add(item, &Bytes::ZERO).is_some());
            return Ok(is_known.then_some(tally));
        }
        let is_iterator = self.state.object_of(items).is_some_and(|object| object.kind == Kind::Iterator);
        if !is_iterator && self.items_apart(items).is_none() {
            return Ok(None);
        }
        let tally = Rc::new(RefCell::new(Some(Tally::default())));
        let each: Each<'p> = {
            let tally = tally.clone();
            Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                machine.steps += 1;
                let known = machine.plain(&item).filter(|_| machine.summing == 0);
                let mut tally = tally.borrow_mut();
                *tally = tally.take().zip(known).and_then(|(mut tally, item)| {
                    let made = if is_iterator { machine.sizes.plain(&item) } else { Bytes::ZERO };
                    tally.add(item, &made)?;
                    Some(tally)
                });
                machine.state.settle(&item);
                Flow::Next
            })
        };
        self.for_each(items, Place::of(node), &each)?;
        // Rounds that were not run were not counted.
        Ok(tally.take().filter(|_| self.is_whole()))
    }

    fn combinatorial(&mut self, name: &str, arguments: &Arguments, items: &Value, node: &impl Ranged) -> Value {
        let n = self.length(items, node).unwrap_or(Amount::ZERO);
        let r = match name {
            "itertools.product" => arguments.keyword("repeat").cloned(),
            _ => arguments.get(1, "r").cloned(),
        };
        let r = r.and_then(|r| self.amount(&r, node)).and_then(|r| r.as_int());
        let count = match (name, r) {
            ("itertools.product", None) => {
                let mut count = Amount::ONE;
                for items in &arguments.positional {
                    count = count * self.length(items, node).unwrap_or(Amount::ZERO);
                }
                count
            }
            ("itertools.product", Some(r)) => (0..r).fold(Amount::ONE, |count, _| count * n.clone()),
            (kind, r) => {
                let r = r.or_else(|| n.as_int()).unwrap_or(1).clamp(0, 64);
                let mut count = Amount::ONE;
                for at in 0..r {
                    count = count * (&n - &Amount::Int(at)).at_least_zero();
                    if kind == "itertools.combinations" {
                        count = count.divide(&Amount::Int(at + 1)).unwrap_or(count);
                    }
                }
                count
            }
        };
        let width = match name {
            "itertools.product" if r.is_none() => arguments.positional.len(),
            // `permutations(items)` are of all items.
            _ => r.or_else(|| n.as_int()).and_then(|r| usize::try_from(r).ok()).unwrap_or(1),
        };
        let sample = self.sample(items).unwrap_or(Value::NONE);
        let item = self.tuple_of(vec![sample; width.min(64)], node);
        self.adapter(Adapter::Count(count), vec![item], node)
    }

    /// The order of a container's items is no longer known.
    pub(super) fn blur_items(&mut self, id: super::value::ObjectId) {
        self.thaw(id);
        let Some(object) = self.state.object(id) else { return };
        if object
            .entries
            .iter()
            .all(|entry| matches!(entry.value, Value::Plain(_) | Value::Number(_) | Value::Float(_)))
        {
            let blurred: Vec<Value> = object
                .entries
                .iter()
                .map(|entry| match &entry.value {
                    Value::Plain(plain) => super::containers::blurred(plain),
                    // What takes nothing takes nothing afterwards either.
                    Value::Number(number) if self.charge(&entry.value).is_zero() => Value::number(number.kind).kept(),
                    Value::Number(number) => Value::computed(number.kind, None),
                    Value::Float(_) => Value::number(NumberKind::Float),
                    other => other.clone(),
                })
                .collect();
            self.state.note(id, |object| {
                for (entry, value) in object.entries.iter_mut().zip(blurred) {
                    entry.value = value;
                }
            });
        }
    }

    pub(super) fn shallow_copy(&mut self, value: &Value, node: &impl Ranged) -> Value {
        let Value::Object(id) = value else { return value.clone() };
        let Some(object) = self.state.object(*id) else { return Value::NONE };
        if matches!(object.kind, Kind::Str { .. } | Kind::Bytes | Kind::Tuple) {
            return value.clone();
        }
        let mut copy = object.anew();
        if let Some(rest) = &mut copy.rest {
            // The items are shared; what they take is counted where they were made.
            rest.payload = Bytes::ZERO;
        }
        for entry in copy.entries.iter_mut() {
            entry.value = self.read_of(value, entry.value.clone());
        }
        copy.own = match copy.kind {
            Kind::List => {
                copy.growth = Growth::Exact;
                self.own_for(&copy)
            }
            _ => copy.own,
        };
        let made = self.allocate(copy, node);
        self.share_numbers(&made);
        made
    }

    /// Numbers of a container that was made whole are those of others, too.
    fn share_numbers(&mut self, made: &Value) {
        let Value::Object(id) = made else { return };
        let numbers: Vec<Value> = self.state.object(*id).map_or_else(Vec::new, |object| {
            let values = object.entries.iter().map(|entry| &entry.value);
            values.filter(|value| matches!(value, Value::Number(_))).cloned().collect()
        });
        numbers.iter().for_each(|number| self.state.lend(number, *id));
    }

    fn deep_copy(&mut self, value: &Value, node: &impl Ranged) -> Value {
        match value {
            Value::Object(id) => match self.state.object(*id).cloned() {
                Some(object) => self.copy_of(&object, node),
                None => Value::NONE,
            },
            Value::Plain(plain) => self.materialise(plain.clone(), node),
            other => other.clone(),
        }
    }

    /// A new object like one, down to its items.
    pub(super) fn copy_of(&mut self, object: &Object, node: &impl Ranged) -> Value {
        let mut copy = object.anew();
        let deep = |machine: &mut Self, value: &mut Value| {
            if let Value::Object(id) = value
                && let Some(inner) = machine.state.object(*id).cloned()
                && inner.kind != object.kind
            {
                *value = machine.copy_of(&inner, node);
            }
        };
        for entry in copy.entries.iter_mut() {
            deep(self, &mut entry.value);
        }
        for value in copy.fields.values_mut() {
            deep(self, value);
        }
        self.allocate(copy, node)
    }

    // ---- texts and numbers ----------------------------------------------------------------------------------------------

    fn text_of(&mut self, name: &str, value: &Value, arguments: &Arguments, node: &impl Ranged) -> Eval {
        if name == "str" && self.type_name(value).as_deref() == Some("str") {
            return Ok(value.clone());
        }
        // `str(data, "utf-8")` decodes.
        if name == "str" && arguments.positional.len() > 1 {
            return self.call_method(value, "decode", Arguments::default(), node);
        }
        for method in ["__str__", "__repr__"] {
            if let Some(text) = self.special_method(value, method, node)? {
                return Ok(text);
            }
        }
        if arguments.positional.len() == 1
            && let Some(plain) = self.plain(value)
            && let Some(text) = self.exact_call(name, &[plain], node)?
        {
            return Ok(text);
        }
        let length = self.text_length(value, node);
        let width = self.width(value);
        let marks = self.marks(value);
        Ok(self.new_str_with(width, length, marks, node))
    }

    fn bytes_from(&mut self, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let array = name == "bytearray";
        let first = arguments.positional.first().cloned();
        let (length, touched) = match &first {
            None => (Amount::ZERO, true),
            Some(value) => match self.type_name(value).as_deref() {
                // `bytes(n)` is zeroed by the system: untouched. `bytearray(n)` is zeroed by hand.
                Some("int") => (self.amount(value, node).unwrap_or(Amount::ZERO), array),
                None if matches!(value, Value::Input(_)) => (self.amount(value, node).unwrap_or(Amount::ZERO), array),
                // An iterator is run for its number of items, which are not kept.
                Some("iterator") if self.length_if_known(value).is_none() => {
                    let (peak, demand) = (self.state.peak.clone(), self.state.demand.clone());
                    let list = self.container_of("list", value, node)?;
                    let length = self.length(&list, node).unwrap_or(Amount::ZERO);
                    self.state.settle(&list);
                    self.state.peak = peak;
                    self.state.demand = demand;
                    (length, true)
                }
                _ => (self.length(value, node).unwrap_or(Amount::ZERO), true),
            },
        };
        let own = if array { self.sizes.bytearray(&length) } else { self.sizes.bytes(&length) };
        let content = match &first {
            Some(value) if self.follows_bytes(&length) => self.plain(value),
            _ => None,
        };
        let content = content.and_then(|value| {
            if matches!(value, Plain::Int(_)) {
                return length.as_usize().map(|length| Plain::bytes(vec![0; length]));
            }
            let call = Expr::Call(Text::from("bytes"), vec![Expr::Constant(value)], Vec::new());
            self.exact(&call)?.ok()
        });
        let mut object = Object::new(if array { Kind::ByteArray } else { Kind::Bytes }, own);
        object.known = content;
        if !touched && length.as_int().is_none_or(|length| length >= 128 * 1024) {
            object.own.resident = Amount::Int(4096);
        }
        object.length = Some(length);
        object.growth = Growth::Fixed;
        Ok(self.allocate(object, node))
    }

    fn number_of(&mut self, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let Some(value) = arguments.positional.first() else {
            return Ok(Value::Plain(match name {
                "float" => Plain::Float(0.0),
                "bool" => Plain::Bool(false),
                _ => Plain::int(0),
            }));
        };
        let plains: Option<Vec<Plain>> = arguments.positional.iter().map(|value| self.plain(value)).collect();
        if let Some(plains) = plains
            && arguments.keywords.is_empty()
            && let Some(value) = self.exact_call(name, &plains, node)?
        {
            return Ok(value);
        }
        let value = value.clone();
        let kind = match name {
            "float" => NumberKind::Float,
            "bool" => NumberKind::Bool,
            _ => NumberKind::Int,
        };
        if kind == NumberKind::Bool {
            return Ok(Value::number(kind));
        }
        let amount = match &value {
            Value::Object(_) => None,
            other => self.amount(other, node),
        };
        let amount = match (kind, amount) {
            (NumberKind::Int, Some(amount))
                if matches!(value, Value::Number(Number { kind: NumberKind::Float, .. })) =>
            {
                Some(amount.floor())
            }
            (_, amount) => amount,
        };
        Ok(Value::computed(kind, amount))
    }

    fn arithmetic(&mut self, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let plains: Option<Vec<Plain>> = arguments.positional.iter().map(|value| self.plain(value)).collect();
        if let Some(plains) = plains
            && arguments.keywords.is_empty()
            && let Some(value) = self.exact_call(name, &plains, node)?
        {
            return Ok(value);
        }
        let floats: Option<Vec<f64>> = arguments.positional.iter().map(|value| Some(quick(value)?.float())).collect();
        if let Some(float) = floats.and_then(|floats| of_floats(name, &floats)) {
            return Ok(Value::Float(float));
        }
        let first = match arguments.positional.first().cloned() {
            Some(value @ (Value::Number(_) | Value::Float(_) | Value::Plain(_) | Value::Input(_))) => {
                self.amount(&value, node)
            }
            _ => None,
        };
        let second = match arguments.positional.get(1).cloned() {
            Some(value @ (Value::Number(_) | Value::Float(_) | Value::Plain(_) | Value::Input(_))) => {
                self.amount(&value, node)
            }
            _ => None,
        };
        let (kind, amount) = match (name, first, second) {
            ("math.ceil", Some(amount), _) => (NumberKind::Int, Some(amount.to_formula().ceil().into())),
            ("math.floor" | "math.trunc", Some(amount), _) => (NumberKind::Int, Some(amount.floor())),
            ("round", Some(amount), None) => (NumberKind::Int, Some(amount.floor())),
            ("math.sqrt", Some(Amount::Int(int)), _) if int >= 0 => {
                (NumberKind::Float, Amount::try_from((int as f64).sqrt()).ok())
            }
            ("math.isqrt", Some(Amount::Int(int)), _) if int >= 0 => {
                (NumberKind::Int, Some(Amount::Int((int as f64).sqrt().floor() as i128)))
            }
            ("math.log2", Some(amount), _) => (NumberKind::Float, Some(amount.to_formula().log2().into())),
            ("math.prod" | "math.factorial" | "math.comb" | "math.gcd" | "math.lcm", _, _) => (NumberKind::Int, None),
            ("math.ceil" | "math.floor" | "math.trunc" | "math.isqrt", _, _) => (NumberKind::Int, None),
            ("abs" | "round", amount @ Some(Amount::Int(_)), _) => (NumberKind::Int, amount),
            ("abs", amount, _) => {
                (self.number_kind(arguments.positional.first()), amount.map(|amount| amount.at_least_zero()))
            }
            ("hex" | "bin" | "oct", _, _) => return Ok(self.new_str(1, Amount::Int(12), node)),
            ("divmod", Some(a), Some(b)) => {
                let quotient = Value::computed(NumberKind::Int, a.floor_div(&b));
                let remainder = Value::computed(NumberKind::Int, a.modulo(&b));
                return Ok(self.pair(quotient, remainder, node));
            }
            ("divmod", _, _) => {
                return Ok(self.pair(Value::number(NumberKind::Int), Value::number(NumberKind::Int), node));
            }
            ("pow" | "round", _, _) => (self.number_kind(arguments.positional.first()), None),
            _ => (NumberKind::Float, None),
        };
        Ok(Value::computed(kind, amount))
    }

    fn number_kind(&self, value: Option<&Value>) -> NumberKind {
        match value {
            Some(Value::Number(number)) => number.kind,
            Some(Value::Plain(Plain::Float(_)) | Value::Float(_)) => NumberKind::Float,
            _ => NumberKind::Int,
        }
    }

    fn any_or_all(&mut self, any: bool, items: &Value, node: &impl Ranged) -> Eval {
        // The first that decides it ends it; behind one that is not known nothing decides it.
        let found: Rc<Cell<Option<bool>>> = Rc::new(Cell::new(Some(!any)));
        let each: Each<'p> = {
            let found = found.clone();
            Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                machine.steps += 1;
                let holds = machine.plain(&item).filter(|_| machine.summing == 0).map(|item| item.is_true());
                machine.state.settle(&item);
                match (found.get(), holds) {
                    (Some(_), Some(holds)) if holds == any => {
                        found.set(Some(any));
                        Flow::Break
                    }
                    (Some(_), Some(_)) => Flow::Next,
                    _ => {
                        found.set(None);
                        Flow::Next
                    }
                }
            })
        };
        self.for_each(items, Place::of(node), &each)?;
        Ok(match found.get().filter(|_| self.is_whole()) {
            Some(holds) => Value::bool(holds),
            None => Value::number(NumberKind::Bool),
        })
    }

    fn sum_of(&mut self, name: &str, items: &Value, node: &impl Ranged) -> Eval {
        if let Some(plain) = self.plain(items)
            && name == "sum"
            && let Some(value) = self.exact_call(name, &[plain], node)?
        {
            return Ok(value);
        }
        // The kind of what is summed up is that of its items; an iterator's are gone afterwards.
        let seen: Rc<Cell<Total>> = Rc::new(Cell::new(Total { kind: NumberKind::Int, int: Some(0), float: Some(0.0) }));
        let each: Each<'p> = {
            let seen = seen.clone();
            Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                machine.steps += 1;
                let (int, float) = match (quick(&item), &item) {
                    (Some(Quick::Int(int)), _) => (Some(i128::from(int)), Some(int as f64)),
                    (Some(Quick::Float(float)), _) => (None, Some(float)),
                    (None, Value::Plain(Plain::Bool(holds))) => (Some(i128::from(*holds)), Some(f64::from(*holds))),
                    (None, _) => (None, None),
                };
                let total = seen.get();
                seen.set(Total {
                    kind: total.kind.max(machine.number_kind(Some(&item))),
                    int: total.int.zip(int).and_then(|(a, b)| a.checked_add(b)).filter(|_| machine.summing == 0),
                    float: total.float.zip(float).map(|(a, b)| a + b).filter(|_| machine.summing == 0),
                });
                machine.state.settle(&item);
                Flow::Next
            })
        };
        self.for_each(items, Place::of(node), &each)?;
        let total = seen.get();
        if name != "sum" {
            return Ok(Value::number(if name == "math.prod" { total.kind } else { NumberKind::Float }));
        }
        // Rounds that were not run were not added.
        let is_whole = self.is_whole();
        Ok(match total {
            Total { kind: NumberKind::Float, float: Some(float), .. } if is_whole => Value::Float(float),
            Total { kind: NumberKind::Int, int: Some(int), .. } if is_whole => Value::int(Amount::Int(int)),
            Total { kind, .. } => Value::number(kind),
        })
    }

    fn extreme(&mut self, name: &str, arguments: &Arguments, items: &Value, node: &impl Ranged) -> Eval {
        let key = arguments.keyword("key").is_some();
        if arguments.positional.len() > 1 && !key {
            let numbers = arguments.positional.iter().all(|value| {
                matches!(
                    value,
                    Value::Number(_)
                        | Value::Float(_)
                        | Value::Plain(Plain::Int(_) | Plain::Float(_))
                        | Value::Input(_)
                )
            });
            if numbers {
                let amounts: Option<Vec<Amount>> =
                    arguments.positional.clone().iter().map(|value| self.amount(value, node)).collect();
                let kind = arguments.positional.iter().map(|value| self.number_kind(Some(value))).max();
                let amount = amounts.and_then(|amounts| {
                    amounts.into_iter().reduce(|a, b| if name == "max" { a.max(&b) } else { a.min(&b) })
                });
                // One of the arguments comes back, and no new number.
                let shared = arguments.positional.iter().all(|value| self.charge(value).is_zero());
                let picked = amount.as_ref().and_then(|amount| {
                    let all = arguments.positional.clone();
                    all.into_iter().find(|value| self.amount(value, node).as_ref() == Some(amount))
                });
                return Ok(match picked {
                    Some(value) => value,
                    None => Value::Number(Number { shared, ..Number::new(kind.unwrap_or(NumberKind::Int), amount) }),
                });
            }
            return Ok(arguments.positional.last().cloned().unwrap_or(Value::NONE));
        }
        if let Some(plain) = self.plain(items)
            && !key
            && arguments.keywords.is_empty()
            && let Some(value) = self.exact_call(name, &[plain], node)?
        {
            return Ok(value);
        }
        if let Some(value) = self.exact_extreme(name, arguments.keyword("key"), items, node)? {
            return Ok(value);
        }
        let sample = self.sample(items);
        self.exhaust(items, node)?;
        Ok(match sample {
            Some(Value::Plain(plain)) => super::containers::blurred(&plain),
            Some(Value::Number(number)) => Value::Number(number.blurred()).kept(),
            Some(Value::Float(_)) => Value::number(NumberKind::Float).kept(),
            Some(value) => value,
            None => Value::number(NumberKind::Int),
        })
    }

    /// The least or the largest of items that are told apart and can be compared: some, or, round by round, all.
    fn exact_extreme(
        &mut self,
        name: &str,
        key: Option<&Value>,
        items: &Value,
        node: &impl Ranged,
    ) -> Result<Option<Value>, Flow> {
        const FEW_ITEMS: usize = 64;
        if !self.follows_items() {
            return Ok(None);
        }
        let most = self.most_items(FEW_ITEMS);
        let range = self.state.object_of(items).and_then(|object| match object.source.as_deref()? {
            Source::Range(start, step, count) => {
                let (start, step) = (start.as_int()?, step.as_int()?);
                let count = i128::try_from(count.as_usize().filter(|count| *count <= most)?).ok()?;
                Some((0..count).map(|at| Value::int(Amount::Int(start + at * step))).collect())
            }
            _ => None,
        });
        let Some(items) = range.or_else(|| self.items_apart(items)) else { return Ok(None) };
        if !self.looks_at(items.len(), FEW_ITEMS) {
            return Ok(None);
        }
        let mut best: Option<(Value, Value)> = None;
        for item in items {
            self.steps += 1;
            let item = item.kept();
            let rank = match key {
                Some(key) => self.call_value(key, Arguments::positional(vec![item.clone()]), node)?,
                None => item.clone(),
            };
            let is_better = match &best {
                None => Some(true),
                Some((_, least)) if name == "min" => self.is_less(&rank, least, node),
                Some((_, most)) => self.is_less(most, &rank, node),
            };
            match is_better {
                Some(true) => best = Some((item, rank)),
                Some(false) => self.state.settle(&rank),
                None => return Ok(None),
            }
        }
        Ok(best.map(|(item, rank)| {
            self.settle_operands(&item, &[rank]);
            item
        }))
    }

    /// `heapq.nlargest(n, items)`: so many tuples of an item and its place (of its key too) beside the list of the
    /// result. Source: `Lib/heapq.py`.
    fn heap_extremes(&mut self, count: &Value, items: &Value, key: bool, node: &impl Ranged) -> Eval {
        let wanted = self.amount(count, node).unwrap_or(Amount::ONE);
        let seen: Rc<std::cell::RefCell<(usize, Option<Value>)>> = Rc::default();
        let (item, length) = match self.length_if_known(items) {
            Some(length) => (self.sample(items).map(Value::kept), length),
            None => {
                let slot = seen.clone();
                let each: super::machine::Each<'p> = Rc::new(move |machine: &mut Machine<'p>, item: Value| {
                    machine.steps += 1;
                    let mut slot = slot.borrow_mut();
                    slot.0 += 1;
                    if let (Value::Number(_) | Value::Float(_) | Value::Plain(_), _) = (&item, ()) {
                        slot.1 = Some(item);
                    } else if slot.1.is_none() {
                        machine.state.keep(&item);
                        slot.1 = Some(item);
                    } else {
                        machine.state.settle(&item);
                    }
                    Flow::Next
                });
                self.for_each(items, Place::of(node), &each)?;
                let item = seen.borrow_mut().1.take();
                if let Some(item) = &item {
                    self.state.unkeep(item);
                }
                (item, wanted.clone())
            }
        };
        let count = wanted.min(&length);
        let item = item.unwrap_or(Value::NONE);
        let tuples = self.sizes.tuple(&Amount::Int(if key { 3 } else { 2 }));
        let each = &(&tuples + &self.sizes.int(None)) + &Bytes::touched(Amount::Int(8));
        let list = self.many(Kind::List, count.clone(), item, node);
        self.state.transient(&each.times(&count));
        Ok(list)
    }

    fn is_instance(&mut self, name: &str, value: &Value, arguments: &Arguments, node: &impl Ranged) -> Value {
        let _ = node;
        let unknown = Value::number(NumberKind::Bool);
        let Some(class) = arguments.positional.get(1) else {
            return if name == "callable" { Value::bool(matches!(value, Value::Code(_))) } else { unknown };
        };
        if name == "hasattr" {
            return match (value, class.as_text()) {
                (Value::Object(id), Some(attribute)) => match self.state.object(*id) {
                    Some(object) if object.fields.contains_key(attribute) => Value::bool(true),
                    _ => unknown,
                },
                _ => unknown,
            };
        }
        if name != "isinstance" {
            return unknown;
        }
        let classes = match class {
            Value::Object(_) => self.items_apart(class).unwrap_or_default(),
            other => vec![other.clone()],
        };
        let own = self.type_name(value);
        let mut found = false;
        for class in &classes {
            match class {
                Value::Code(Code::External(wanted)) => match own.as_deref() {
                    Some(own) => {
                        let wanted = wanted.strip_prefix("builtins.").unwrap_or(wanted);
                        found |= wanted == own || (wanted == "int" && own == "bool") || wanted == "object";
                        if wanted.contains('.') && wanted != own {
                            return if own.contains('.') || own == "object" { unknown } else { Value::bool(false) };
                        }
                    }
                    None => return unknown,
                },
                Value::Code(Code::Class(wanted)) => match value {
                    Value::Object(id) => match self.state.object(*id).map(|object| object.kind.clone()) {
                        Some(Kind::Instance(class)) if class == *wanted => found = true,
                        Some(Kind::Instance(_)) => return unknown,
                        _ => {}
                    },
                    Value::Unknown(_) | Value::Input(_) => return unknown,
                    _ => {}
                },
                _ => return unknown,
            }
        }
        Value::bool(found)
    }

    // ---- environment, caches --------------------------------------------------------------------------------------------

    pub(super) fn environment(&mut self, key: &Value, default: Option<Value>, node: &impl Ranged) -> Eval {
        if let Some(name) = key.as_text()
            && let Some(value) = self.options.environment.get(name)
        {
            return Ok(Value::text(value));
        }
        if let Some(default) = default.filter(|default| *default != Value::NONE) {
            return Ok(default);
        }
        Ok(self.unknown(node, UnknownKind::Input, "an environment variable"))
    }

    /// A function whose results are kept.
    pub(super) fn cached(&mut self, function: Value, most: Option<Amount>, node: &impl Ranged) -> Value {
        let mut object = Object::new(Kind::Named(Text::from("functools.cached")), Bytes::ZERO);
        object.features.extend(most.map(|most| (Text::from("maxsize"), most)));
        object.fields.insert(Text::from("<function>"), function);
        self.allocate(object, node)
    }

    /// A list of so many values of one sort.
    pub(super) fn many(&mut self, kind: Kind, count: Amount, item: Value, node: &impl Ranged) -> Value {
        let each = self.bytes_of(&item);
        let list = self.new_list_of(count.clone(), None, node);
        if let Value::Object(id) = list {
            self.state.note(id, |object| object.kind = kind);
            if let Value::Object(sample) = &item {
                // The sample's own bytes are those of one of them.
                self.state.hand_over(*sample, id);
                let more = (&count - &Amount::ONE).at_least_zero();
                self.state.add_payload(id, &Amount::ZERO, &each.times(&more));
            } else {
                self.state.add_payload(id, &Amount::ZERO, &each.times(&count));
            }
            self.set_sample(id, None, Some(item));
            self.state.note(id, |object| {
                if let Some(rest) = &mut object.rest {
                    rest.count = count;
                }
            });
            self.resize_container(id);
        }
        list
    }
}

fn container_kind(name: &str) -> Kind {
    match name {
        "tuple" => Kind::Tuple,
        "set" | "frozenset" => Kind::Set,
        _ => Kind::List,
    }
}

/// Functions of the language of expressions that take memory of their own: those are contracts.
fn is_heavy(name: &str) -> bool {
    name.starts_with("base64.") || name.starts_with("json.")
}

/// A function of `math` of known floats that has no exact form of its own.
fn of_floats(name: &str, arguments: &[f64]) -> Option<f64> {
    let float = match (name.strip_prefix("math.")?, arguments) {
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("tan", [x]) => x.tan(),
        ("asin", [x]) => x.asin(),
        ("acos", [x]) => x.acos(),
        ("atan", [x]) => x.atan(),
        ("atan2", [y, x]) => y.atan2(*x),
        ("sinh", [x]) => x.sinh(),
        ("cosh", [x]) => x.cosh(),
        ("tanh", [x]) => x.tanh(),
        ("asinh", [x]) => x.asinh(),
        ("acosh", [x]) => x.acosh(),
        ("atanh", [x]) => x.atanh(),
        ("log1p", [x]) => x.ln_1p(),
        ("expm1", [x]) => x.exp_m1(),
        ("exp2", [x]) => x.exp2(),
        ("cbrt", [x]) => x.cbrt(),
        ("hypot", parts) => parts.iter().map(|part| part * part).sum::<f64>().sqrt(),
        _ => return None,
    };
    // Outside of its domain CPython raises.
    float.is_finite().then_some(float)
}
