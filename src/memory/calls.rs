//! Calls: functions and classes of the project, and what is handed to `builtins`, `methods` and `library`.

use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::Ranged;

use crate::calls::{ClassId, Definition, FunctionId, FunctionKind};
use crate::expression::{Text, Value as Plain};
use crate::project::ModuleId;

use super::amount::{Amount, Bytes, HighWater};
use super::growth::ADDING;
use super::machine::{Activation, Eval, Flow, MAX_DEPTH, Machine};
use super::unknown::UnknownKind;
use super::value::{Code, FrameId, Kind, Object, Source, Value, holds};

/// What a call passes.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// By position.
    pub positional: Vec<Value>,
    /// By keyword.
    pub keywords: Vec<(Text, Value)>,
    /// Whether more is passed than can be said (`*args` of unknown length).
    pub more: bool,
}

impl Arguments {
    /// Positional arguments alone.
    pub fn positional(positional: Vec<Value>) -> Self {
        Self { positional, ..Self::default() }
    }

    /// Whether nothing is passed.
    pub fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.keywords.is_empty() && !self.more
    }

    /// An argument by keyword.
    pub fn keyword(&self, name: &str) -> Option<&Value> {
        self.keywords.iter().find(|(keyword, _)| &**keyword == name).map(|(_, value)| value)
    }

    /// An argument by position or keyword.
    pub fn get(&self, position: usize, name: &str) -> Option<&Value> {
        self.positional.get(position).or_else(|| self.keyword(name))
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.positional.iter().chain(self.keywords.iter().map(|(_, value)| value))
    }
}

impl<'p> Machine<'p> {
    pub(super) fn call(&mut self, call: &'p ast::ExprCall) -> Eval {
        let callee = match &*call.func {
            Ast::Name(name) if name.id.as_str() == "super" && call.arguments.is_empty() => {
                return Ok(self.super_value());
            }
            func => self.expression(func)?,
        };
        self.state.keep(&callee);
        // Of `await f(g())`, `f` is awaited, and `g` is not.
        let is_awaited = std::mem::take(&mut self.awaited);
        let arguments = self.arguments(&call.arguments)?;
        self.awaited = is_awaited;
        self.is_new_key = true;
        let value = self.call_value(&callee, arguments.clone(), call)?;
        // What is made or added to mostly keeps what it is given.
        let keeps = match &callee {
            Value::Code(Code::Bound(_, method)) if matches!(&**method, "add" | "setdefault") => self.is_new_key,
            Value::Code(Code::Bound(_, method)) => ADDING.contains(&&**method),
            Value::Code(Code::Class(_)) => true,
            _ => false,
        };
        if keeps {
            call.arguments.args.iter().for_each(|argument| self.keep_numbers(argument));
        }
        for argument in arguments.values() {
            self.state.unkeep(argument);
        }
        self.state.unkeep(&callee);
        let mut done: Vec<Value> = arguments.values().cloned().collect();
        done.push(callee);
        self.settle_operands(&value, &done);
        Ok(value)
    }

    /// Runs the arguments of a call; they are kept until the call is over.
    fn arguments(&mut self, written: &'p ast::Arguments) -> Result<Arguments, Flow> {
        let mut arguments = Arguments::default();
        for node in &written.args {
            if let Ast::Starred(starred) = node {
                let mut value = self.expression(&starred.value)?;
                if self.state.object_of(&value).is_some_and(|object| object.kind == Kind::Iterator) {
                    value = self.container_of("list", &value, starred)?;
                }
                match self.items_apart(&value) {
                    Some(items) => {
                        for item in items {
                            self.state.keep(&item);
                            arguments.positional.push(item);
                        }
                        // A list that was made for this alone goes.
                        self.state.settle(&value);
                    }
                    None => {
                        arguments.more = true;
                        self.state.keep(&value);
                        arguments.positional.push(value);
                    }
                }
                continue;
            }
            let value = self.expression(node)?;
            self.state.keep(&value);
            arguments.positional.push(value);
        }
        for keyword in &written.keywords {
            let value = self.expression(&keyword.value)?;
            match &keyword.arg {
                Some(name) => {
                    self.state.keep(&value);
                    arguments.keywords.push((Text::from(name.as_str()), value));
                }
                None => match self.pairs_apart(&value) {
                    Some(pairs) => {
                        for (key, item) in pairs {
                            self.state.keep(&item);
                            arguments.keywords.push((key, item));
                        }
                    }
                    None => arguments.more = true,
                },
            }
        }
        Ok(arguments)
    }

    /// The items of a sequence, if they are told apart.
    pub(super) fn items_apart(&self, value: &Value) -> Option<Vec<Value>> {
        let most = self.most_items(4_096) as u64;
        match value {
            Value::Plain(plain) => plain.elements(most).map(|items| items.into_iter().map(Value::Plain).collect()),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(known) = &object.known {
                    return known.elements(most).map(|items| items.into_iter().map(Value::Plain).collect());
                }
                let whole = object.apart() && matches!(object.kind, Kind::List | Kind::Tuple | Kind::Set);
                whole.then(|| object.entries.iter().map(|entry| entry.value.clone()).collect())
            }
            _ => None,
        }
    }

    /// The pairs of a dict with text keys, if they are told apart.
    fn pairs_apart(&self, value: &Value) -> Option<Vec<(Text, Value)>> {
        let text = |plain: &Plain| match plain {
            Plain::Str(text) => Some(text.clone()),
            _ => None,
        };
        match value {
            Value::Plain(Plain::Dict(items)) => {
                items.iter().map(|(key, item)| Some((text(key)?, Value::Plain(item.clone())))).collect()
            }
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(Plain::Dict(items)) = &object.known {
                    return items.iter().map(|(key, item)| Some((text(key)?, Value::Plain(item.clone())))).collect();
                }
                if object.rest.is_some() {
                    return None;
                }
                object
                    .entries
                    .iter()
                    .map(|entry| Some((text(&self.plain(entry.key.as_ref()?)?)?, entry.value.clone())))
                    .collect()
            }
            _ => None,
        }
    }

    /// Calls a value.
    pub(super) fn call_value(&mut self, callee: &Value, arguments: Arguments, node: &impl Ranged) -> Eval {
        let Value::Code(code) = callee else {
            if let Value::Object(id) = callee
                && let Some(Kind::Instance(class)) = self.state.object(*id).map(|object| object.kind.clone())
                && let Some(function) = self.method_of(class, "__call__")
            {
                return self.call_function(function, None, Some(callee.clone()), arguments, node);
            }
            if let Value::Object(id) = callee
                && let Some(Kind::Named(name)) = self.state.object(*id).map(|object| object.kind.clone())
            {
                match &*name {
                    "functools.cached" => return self.call_cached(*id, arguments, node),
                    "collections.namedtuple" => return self.make_named_tuple(*id, &arguments, node),
                    _ => {}
                }
            }
            // A method of an argument that is not given: `event.get("mode")`.
            if let Value::Input(path) = callee
                && let Some((receiver, name)) = path.rsplit_once('.')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            {
                return self.input_method(&Text::from(receiver), name, &arguments, node);
            }
            return self.call_unknown("something that is not known", node);
        };
        match code.clone() {
            Code::Function(function, closure) => self.call_function(function, closure, None, arguments, node),
            Code::Method(function, receiver) => self.call_function(function, None, Some(*receiver), arguments, node),
            Code::Class(class) => self.instantiate(class, arguments, node),
            Code::External(name) => self.call_external(&name, arguments, node),
            Code::Bound(receiver, name) => self.call_method(&receiver, &name, arguments, node),
            Code::Partial(inner, positional, keywords) => {
                let mut all = (*positional).clone();
                all.extend(arguments.positional);
                let mut named = (*keywords).clone();
                named.extend(arguments.keywords);
                let arguments = Arguments { positional: all, keywords: named, more: arguments.more };
                self.call_value(&inner, arguments, node)
            }
            Code::Module(_) | Code::Super(..) => self.call_unknown("a module", node),
        }
    }

    /// Calls a function whose results are kept (`Modules/_functoolsmodule.c`): a dict of them by their arguments, which
    /// are a tuple unless there is one alone; with a largest size, each is a link of 80 bytes as well.
    fn call_cached(&mut self, id: super::value::ObjectId, arguments: Arguments, node: &impl Ranged) -> Eval {
        let Some(function) = self.state.object(id).and_then(|object| object.fields.get("<function>")).cloned() else {
            return Ok(Value::NONE);
        };
        let cache = match self.state.object(id).and_then(|object| object.fields.get("<cache>")).cloned() {
            Some(cache) => cache,
            None => {
                let cache = self.new_container(Kind::Dict, node);
                self.state.set_field(id, Text::from("<cache>"), cache.clone());
                cache
            }
        };
        let Value::Object(cache) = cache else { return self.call_value(&function, arguments, node) };
        let values: Vec<Value> = arguments.values().cloned().collect();
        let known: Option<Vec<Plain>> = values.iter().map(|value| self.plain(value)).collect();
        let key = known.map(|plains| match plains.as_slice() {
            [one] => one.clone(),
            _ => Plain::tuple(plains),
        });
        if let Some(key) = &key
            && let Some(object) = self.state.object(cache)
            && let Some(found) = self.find_entry(object, key).and_then(|at| object.entries.get(at))
        {
            return Ok(found.value.clone().kept());
        }
        let most = self.state.object(id).and_then(|object| object.features.get("maxsize")).cloned();
        if most.is_none() && !arguments.is_empty() {
            self.warn_of_cached_results(id, node);
        }
        let result = self.call_value(&function, arguments, node)?;
        self.state.keep(&result);
        let link = if most.is_some() { super::sizes::object(80) } else { Bytes::ZERO };
        match (values.as_slice(), key) {
            ([one], _) => self.store(cache, one.clone(), result.clone(), node),
            (_, Some(key)) => {
                // The tuple is new; what it holds may be kept elsewhere, or be new as well.
                let mut bytes = self.sizes.tuple(&Amount::from(values.len()));
                for value in &values {
                    bytes += &self.charge(value);
                }
                self.store(cache, Value::Plain(key), result.clone(), node);
                self.state.add_payload(cache, &Amount::ZERO, &bytes);
            }
            (_, None) => {
                let tuple = self.tuple_of(values.clone(), node);
                self.store(cache, tuple, result.clone(), node);
            }
        }
        self.state.add_payload(cache, &Amount::ZERO, &link);
        if let Some(most) = most
            && let Some(Amount::Int(length)) = self.state.object(cache).and_then(|object| object.length.clone())
            && most.as_int().is_some_and(|most| length > most)
        {
            let taken = self.remove_at(cache, Some(0));
            self.state.settle(&taken);
            self.state.add_payload(cache, &Amount::ZERO, &(&Bytes::ZERO - &link));
        }
        self.state.unkeep(&result);
        Ok(result.kept())
    }

    /// An instance of a named tuple: a tuple whose items have names.
    fn make_named_tuple(&mut self, class: super::value::ObjectId, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let mut names: Vec<(usize, Text)> = match self.state.object(class) {
            Some(object) => object
                .fields
                .iter()
                .filter_map(|(name, place)| match place {
                    Value::Number(number) => Some((number.amount.as_ref()?.as_usize()?, name.clone())),
                    _ => None,
                })
                .collect(),
            None => Vec::new(),
        };
        names.sort();
        // `PyType_GenericAlloc` of `Objects/typeobject.c` adds an item to what a subclass of `tuple` has: the sentinel.
        let own = self.sizes.tuple(&Amount::from(names.len() + 1));
        let tuple = self.new_container(Kind::Tuple, node);
        let Value::Object(id) = tuple else { return Ok(tuple) };
        self.state.keep(&tuple);
        for (at, name) in names {
            let value = arguments.get(at, &name).cloned().unwrap_or(Value::NONE);
            self.push_item(id, None, value.clone(), node);
            self.state.set_field(id, name, value.kept());
        }
        self.state.note(id, |object| object.growth = super::value::Growth::Exact);
        self.state.resize(id, own);
        self.state.unkeep(&tuple);
        Ok(tuple)
    }

    /// A call of which nothing is known: its memory is an unknown of its own.
    pub(super) fn call_unknown(&mut self, what: &str, node: &impl Ranged) -> Eval {
        let cause = format!("no contract says what {what} takes");
        let hint = format!("{}_bytes", self.hint(node));
        let bytes = self.quantity(node, &hint, UnknownKind::Memory, &cause, None);
        self.state.transient(&Bytes::touched(bytes));
        Ok(self.unknown(node, UnknownKind::Result, &format!("the result of {what}")))
    }

    // ---- functions of the project -----------------------------------------------------------------------------------------

    /// Runs a function of the project.
    pub(super) fn call_function(
        &mut self,
        function: FunctionId,
        closure: Option<FrameId>,
        receiver: Option<Value>,
        arguments: Arguments,
        node: &impl Ranged,
    ) -> Eval {
        let info = self.program.function(function);
        if self.stack.len() >= MAX_DEPTH || self.is_spent() {
            return self.call_unknown(&format!("{} (nested too deep)", info.qualified_name), node);
        }
        let mut frames: Vec<FrameId> =
            self.stack.iter().filter(|running| running.function == function).map(|running| running.frame).collect();
        frames.dedup();
        let running = frames.len();
        if running > 0 && self.summing == 0 && self.steps > self.exact_steps().saturating_mul(6) {
            // It has been followed long enough to know what a call gives.
            self.estimated = true;
            let known = self.results.get(&function).cloned();
            self.assume(format!("{} calls itself more often than is followed", info.qualified_name));
            return Ok(known.unwrap_or_else(|| Value::number(super::value::NumberKind::Int).kept()));
        }
        if running > 0 && self.summing > 0 {
            // Recursion that does not end by what is known.
            let what = format!("{}, which calls itself", info.qualified_name);
            return self.call_unknown(&what, node);
        }
        let frame = self.state.new_frame();
        match closure {
            Some(closure) => self.closures.insert(frame, closure),
            None => self.closures.remove(&frame),
        };
        self.bind_parameters(function, frame, receiver, arguments, node);
        if info.is_generator {
            let mut object = Object::new(Kind::Iterator, super::sizes::object(240));
            object.source = Some(Rc::new(Source::Generator(function, frame)));
            return Ok(self.allocate(object, node));
        }
        if info.is_async && !std::mem::take(&mut self.awaited) {
            return self.start_coroutine(|machine| machine.run_frame(function, frame, None, node));
        }
        self.awaited = false;
        self.run_frame(function, frame, None, node)
    }

    /// Runs something, and says what it needed above what was live before and what its value keeps.
    pub(super) fn apart(&mut self, run: impl FnOnce(&mut Self) -> Eval) -> (Eval, Bytes) {
        self.state.note_peak();
        let mut peak = std::mem::replace(&mut self.state.peak, HighWater::of(&self.state.live));
        let before = self.state.live.clone();
        let value = run(self);
        self.state.note_peak();
        let above = &self.state.peak.value() - &before;
        let kept = &self.state.live.clone() - &before;
        peak.raise_all(&self.state.peak);
        self.state.peak = peak;
        let beside = above.zip(&kept, |above, kept| (above - &kept.at_least_zero()).at_least_zero());
        (value, beside)
    }

    /// Runs the body of a function whose parameters are bound.
    pub(super) fn run_frame(
        &mut self,
        function: FunctionId,
        frame: FrameId,
        consumer: Option<usize>,
        node: &impl Ranged,
    ) -> Eval {
        let info = self.program.function(function);
        let names = self.names_of(function);
        let keeps = names.has_inner;
        self.stack.push(Activation {
            function,
            module: info.module,
            frame,
            class: info.class,
            names,
            loops: 0,
            consumer,
        });
        let exits = self.exits.len();
        let flow = match info.definition {
            Definition::Function(definition) => self.statements(&definition.body),
            Definition::Lambda(lambda) => match self.expression(&lambda.body) {
                Ok(value) => Flow::Return(value),
                Err(flow) => flow,
            },
            Definition::Module(_) | Definition::ClassBody(_) => Flow::Next,
        };
        self.stack.pop();
        let flow = self.join_returns(exits, flow);
        let result = match flow {
            Flow::Return(value) => Ok(value),
            Flow::Next | Flow::Break | Flow::Continue => Ok(Value::NONE),
            Flow::Raise(name) => Err(Flow::Raise(name)),
            Flow::Stop => Err(Flow::Stop),
        };
        let _ = node;
        let value = result.as_ref().ok().cloned().unwrap_or(Value::NONE);
        self.state.keep(&value);
        if !keeps || !self.escapes(frame, &value) {
            self.state.clear_frame(frame);
            // A generator that was left in the middle may be asked again.
            if consumer.is_none() || result.is_ok() {
                self.state.free_frame(frame);
            }
        }
        self.state.unkeep(&value);
        if matches!(value, Value::Number(_) | Value::Float(_) | Value::Plain(_)) {
            self.results.insert(function, value.kept());
        }
        result
    }

    /// Whether something that outlives a call closes over its frame.
    fn escapes(&mut self, frame: FrameId, value: &Value) -> bool {
        let closes = |value: &Value| matches!(value, Value::Code(Code::Function(_, Some(over))) if *over == frame);
        if closes(value) || matches!(value, Value::Code(_)) {
            return true;
        }
        self.steps += u64::try_from(self.state.places() / 256).unwrap_or(0);
        let in_frames = (0..self.state.frame_count())
            .filter(|other| *other != frame as usize)
            .filter_map(|other| FrameId::try_from(other).ok())
            .any(|other| self.state.variables(other).any(|(_, value)| closes(value)));
        in_frames
            || self.state.objects().any(|(_, object)| {
                object.fields.values().any(closes)
                    || object.entries.iter().any(|entry| closes(&entry.value))
                    || matches!(object.source.as_deref(), Some(Source::Expression(_, over)) if *over == frame)
            })
    }

    fn bind_parameters(
        &mut self,
        function: FunctionId,
        frame: FrameId,
        receiver: Option<Value>,
        arguments: Arguments,
        node: &impl Ranged,
    ) {
        let info = self.program.function(function);
        let Some(parameters) = info.parameters() else { return };
        let mut positional: std::collections::VecDeque<Value> = receiver.into_iter().collect();
        positional.extend(arguments.positional);
        let mut keywords = arguments.keywords;
        let by_position = parameters.posonlyargs.iter().chain(&parameters.args).map(|parameter| (parameter, true));
        let all = by_position.chain(parameters.kwonlyargs.iter().map(|parameter| (parameter, false)));
        for (parameter, positional_too) in all {
            let name = parameter.parameter.name.as_str();
            let given = if positional_too { positional.pop_front() } else { None };
            let given = given.or_else(|| {
                let at = keywords.iter().position(|(keyword, _)| &**keyword == name)?;
                Some(keywords.remove(at).1)
            });
            let value = match given {
                Some(value) => value,
                None if arguments.more => self.unknown(
                    &parameter.parameter.name,
                    UnknownKind::Result,
                    "an argument that is passed by `*` or `**`",
                ),
                None => self.default_of(function, name, info.module),
            };
            self.state.set(frame, Text::from(name), value);
        }
        if let Some(rest) = &parameters.vararg {
            let tuple = self.new_container(Kind::Tuple, node);
            if let Value::Object(id) = tuple {
                for value in positional {
                    self.push_shared(id, value);
                }
                self.resize_container(id);
            }
            self.state.set(frame, Text::from(rest.name.as_str()), tuple);
        }
        if let Some(rest) = &parameters.kwarg {
            let dict = self.new_container(Kind::Dict, node);
            if let Value::Object(id) = dict {
                for (name, value) in keywords {
                    self.store(id, Value::text(&name), value, node);
                }
            }
            self.state.set(frame, Text::from(rest.name.as_str()), dict);
        }
    }

    fn default_of(&self, function: FunctionId, name: &str, module: ModuleId) -> Value {
        let key = format!("<default {} {name}>", function.index());
        self.state.modules.get(&module).and_then(|frame| self.state.get(*frame, &key)).cloned().unwrap_or(Value::NONE)
    }

    // ---- classes --------------------------------------------------------------------------------------------------------

    /// A method by the order of a class's bases.
    pub(super) fn method_of(&self, class: ClassId, name: &str) -> Option<FunctionId> {
        match self.class_attribute(class, name)? {
            Value::Code(Code::Function(function, _)) => Some(function),
            _ => None,
        }
    }

    /// An attribute of a class or of the first of its bases that has it.
    pub(super) fn class_attribute(&self, class: ClassId, name: &str) -> Option<Value> {
        let mut seen = Vec::new();
        let mut work = vec![class];
        while let Some(class) = work.first().copied() {
            work.remove(0);
            if seen.contains(&class) {
                continue;
            }
            seen.push(class);
            if let Some(frame) = self.state.classes.get(&class)
                && let Some(value) = self.state.get(*frame, name)
            {
                return Some(value.clone());
            }
            work.extend(self.bases(class));
        }
        None
    }

    /// Whether instances of a class are equal to nothing but themselves: nothing of its bases, its decorators or its own
    /// says otherwise.
    pub(super) fn is_compared_by_identity(&self, class: ClassId) -> bool {
        let definition = self.program.class(class).definition;
        let bases = self.bases(class);
        let known = |base: &Ast| matches!(base, Ast::Name(name) if name.id.as_str() == "object");
        let arguments = definition.arguments.as_deref();
        let others = arguments.map_or(0, |arguments| arguments.args.iter().filter(|base| !known(base)).count());
        definition.decorator_list.is_empty()
            && arguments.is_none_or(|arguments| arguments.keywords.is_empty())
            && others == bases.len()
            && ["__eq__", "__hash__"].iter().all(|name| self.class_attribute(class, name).is_none())
            && bases.into_iter().all(|base| base != class && self.is_compared_by_identity(base))
    }

    /// The bases of a class that are the project's.
    fn bases(&self, class: ClassId) -> Vec<ClassId> {
        let info = self.program.class(class);
        let module = self.program.function(info.body).module;
        let Some(arguments) = &info.definition.arguments else { return Vec::new() };
        let mut bases = Vec::new();
        for base in &arguments.args {
            for value in self.program.values(module, base.range()) {
                if let crate::calls::Value::Class(id) = value {
                    bases.push(*id);
                }
            }
        }
        bases
    }

    fn super_value(&mut self) -> Value {
        let Some(here) = self.here().cloned() else { return Value::NONE };
        let first = self
            .program
            .function(here.function)
            .parameters()
            .and_then(|parameters| parameters.iter().next().map(|parameter| parameter.name().to_string()));
        let receiver = first.and_then(|name| self.lookup(&name)).unwrap_or(Value::NONE);
        match here.class {
            Some(class) => Value::Code(Code::Super(class, Box::new(receiver))),
            None => Value::NONE,
        }
    }

    /// `Class(…)`
    fn instantiate(&mut self, class: ClassId, arguments: Arguments, node: &impl Ranged) -> Eval {
        let info = self.program.class(class);
        let slots = self.class_attribute(class, "__slots__").is_some() || has_slots_decorator(info.definition);
        let mut object = Object::new(Kind::Instance(class), self.sizes.instance(0, slots));
        if slots {
            object.features.insert(Text::from("<slots>"), Amount::ONE);
        }
        let instance = self.allocate(object, node);
        let Value::Object(id) = instance else { return Ok(instance) };
        self.state.keep(&instance);
        if let Some(constructor) = self.method_of(class, "__init__") {
            let result = self.call_function(constructor, None, Some(instance.clone()), arguments, node)?;
            self.state.settle(&result);
        } else {
            // Data classes and named tuples: annotated names in order, bases first.
            let fields = self.annotated_fields(class);
            for (index, (name, default)) in fields.iter().enumerate() {
                let value = match arguments.get(index, name) {
                    Some(value) => value.clone(),
                    None => match default {
                        Some(_) => self.class_attribute(class, name).unwrap_or(Value::NONE),
                        None => continue,
                    },
                };
                let value = self.default_factory(value, node)?;
                let grown = self.attribute_growth(id);
                let charge = self.charge(&value);
                if let Some(own) = self.state.object(id).map(|object| &(&object.own + &grown) + &charge) {
                    self.state.resize(id, own);
                }
                self.state.set_field(id, name.clone(), value);
            }
            if let Some(after) = self.method_of(class, "__post_init__") {
                let result = self.call_function(after, None, Some(instance.clone()), Arguments::default(), node)?;
                self.state.settle(&result);
            }
        }
        self.state.unkeep(&instance);
        Ok(instance)
    }

    /// `field(default_factory=list)` gives what its factory makes.
    fn default_factory(&mut self, value: Value, node: &impl Ranged) -> Eval {
        let factory = match &value {
            Value::Object(id) => self.state.object(*id).and_then(|object| {
                (object.kind == Kind::Named(Text::from("dataclasses.Field")))
                    .then(|| object.fields.get("default_factory").cloned())
                    .flatten()
            }),
            _ => None,
        };
        match factory {
            Some(factory) => self.call_value(&factory, Arguments::default(), node),
            None => Ok(value),
        }
    }

    fn annotated_fields(&self, class: ClassId) -> Vec<(Text, Option<()>)> {
        self.fields_annotated(class, &mut Vec::new())
    }

    /// Bases may go in a circle in source that never runs.
    fn fields_annotated(&self, class: ClassId, seen: &mut Vec<ClassId>) -> Vec<(Text, Option<()>)> {
        let mut fields: Vec<(Text, Option<()>)> = Vec::new();
        if seen.contains(&class) {
            return fields;
        }
        seen.push(class);
        for base in self.bases(class) {
            fields.extend(self.fields_annotated(base, seen));
        }
        for statement in &self.program.class(class).definition.body {
            if let ast::Stmt::AnnAssign(assign) = statement
                && let Ast::Name(name) = &*assign.target
            {
                let text = Text::from(name.id.as_str());
                fields.retain(|(field, _)| *field != text);
                fields.push((text, assign.value.as_ref().map(|_| ())));
            }
        }
        fields
    }

    /// What one attribute more adds to an instance.
    pub(super) fn attribute_growth(&self, id: super::value::ObjectId) -> Bytes {
        let Some(object) = self.state.object(id) else { return Bytes::ZERO };
        if !matches!(object.kind, Kind::Instance(_)) {
            return Bytes::ZERO;
        }
        let slots = object.features.contains_key("<slots>");
        let count = object.fields.len();
        &self.sizes.instance(count + 1, slots) - &self.sizes.instance(count, slots)
    }

    // ---- attributes -----------------------------------------------------------------------------------------------------

    pub(super) fn attribute(&mut self, receiver: &Value, name: &str, node: &impl Ranged) -> Eval {
        if matches!(name, "__name__" | "__qualname__")
            && let Some(own) = self.own_name(receiver, name == "__name__")
        {
            return Ok(own);
        }
        match receiver {
            Value::Object(id) => {
                let Some(object) = self.state.object(*id) else { return Ok(Value::NONE) };
                if let Some(value) = object.fields.get(name) {
                    return Ok(value.clone().kept());
                }
                if object.kind == Kind::Deque && name == "maxlen" {
                    return Ok(object.features.get("maxlen").cloned().map_or(Value::NONE, Value::int));
                }
                match object.kind.clone() {
                    Kind::Instance(class) => {
                        if let Some(value) = self.class_attribute(class, name) {
                            return self.bind_attribute(value, receiver, node);
                        }
                        if name == "__class__" {
                            return Ok(Value::Code(Code::Class(class)));
                        }
                        Ok(Value::Code(Code::Bound(Box::new(receiver.clone()), Text::from(name))))
                    }
                    _ => match self.known_attribute(*id, name, node) {
                        Some(value) => Ok(value),
                        None => Ok(Value::Code(Code::Bound(Box::new(receiver.clone()), Text::from(name)))),
                    },
                }
            }
            Value::Code(Code::Module(module)) => {
                let held = self.state.modules.get(module).and_then(|frame| self.state.get(*frame, name)).cloned();
                let full = format!("{}.{name}", self.project.module(*module).name);
                Ok(match held {
                    Some(value) => value,
                    None => {
                        self.load_by_name(&full);
                        self.module_value(&full)
                    }
                })
            }
            Value::Code(Code::Class(class)) => Ok(match self.class_attribute(*class, name) {
                Some(Value::Code(Code::Function(function, _)))
                    if self.program.function(function).kind == FunctionKind::ClassMethod =>
                {
                    Value::Code(Code::Method(function, Box::new(receiver.clone())))
                }
                Some(value) => value,
                None => Value::Code(Code::Bound(Box::new(receiver.clone()), Text::from(name))),
            }),
            Value::Code(Code::Super(class, receiver)) => {
                for base in self.bases(*class) {
                    if let Some(value) = self.class_attribute(base, name) {
                        let receiver = (**receiver).clone();
                        return self.bind_attribute(value, &receiver, node);
                    }
                }
                Ok(Value::Code(Code::Bound(Box::new(Value::NONE), Text::from(name))))
            }
            Value::Code(Code::External(owner)) => Ok(self.external_attribute(owner, name)),
            Value::Code(_) => Ok(Value::Code(Code::Bound(Box::new(receiver.clone()), Text::from(name)))),
            Value::Input(path) => Ok(Value::Input(Text::from(format!("{path}.{name}")))),
            Value::Unknown(_) | Value::Plain(_) | Value::Number(_) | Value::Float(_) => {
                Ok(Value::Code(Code::Bound(Box::new(receiver.clone()), Text::from(name))))
            }
        }
    }

    /// The name that a function, class or module has itself, with those of classes that it is in or without.
    fn own_name(&self, receiver: &Value, is_last: bool) -> Option<Value> {
        let name = match receiver {
            Value::Code(Code::Function(function, _) | Code::Method(function, _)) => {
                &self.program.function(*function).name
            }
            Value::Code(Code::Class(class)) => &self.program.class(*class).name,
            Value::Code(Code::Module(module)) => return Some(Value::text(&self.project.module(*module).name)),
            Value::Code(Code::External(name)) => &**name,
            Value::Object(id) => return self.own_name(self.state.object(*id)?.fields.get("<function>")?, is_last),
            _ => return None,
        };
        let from = if is_last { name.rfind('.').map_or(0, |dot| dot + 1) } else { 0 };
        name.get(from..).map(Value::text)
    }

    /// A constant of a library, or its name.
    fn external_attribute(&mut self, owner: &str, name: &str) -> Value {
        let full = format!("{owner}.{name}");
        match crate::expression::library_constant(&full) {
            Some(constant) => Value::Plain(constant),
            None => Value::external(full),
        }
    }

    /// A function found in a class becomes a method, a property its value.
    fn bind_attribute(&mut self, value: Value, receiver: &Value, node: &impl Ranged) -> Eval {
        if let Value::Object(id) = &value
            && self.state.object(*id).is_some_and(|object| object.kind == Kind::Named(Text::from("functools.cached")))
        {
            return Ok(Value::Code(Code::Partial(Box::new(value), Rc::new(vec![receiver.clone()]), Rc::default())));
        }
        let Value::Code(Code::Function(function, _)) = value else { return Ok(value) };
        match self.program.function(function).kind {
            FunctionKind::Property => {
                self.call_function(function, None, Some(receiver.clone()), Arguments::default(), node)
            }
            FunctionKind::StaticMethod => Ok(value),
            FunctionKind::ClassMethod => {
                let class = match self.state.object_of(receiver).map(|object| object.kind.clone()) {
                    Some(Kind::Instance(class)) => Value::Code(Code::Class(class)),
                    _ => receiver.clone(),
                };
                Ok(Value::Code(Code::Method(function, Box::new(class))))
            }
            _ => Ok(Value::Code(Code::Method(function, Box::new(receiver.clone())))),
        }
    }

    // ---- decorators, contexts, modules --------------------------------------------------------------------------------------

    /// What a decorated definition is.
    pub(super) fn decorate(&mut self, decorator: &'p Ast, value: Value) -> Eval {
        let name = match decorator {
            Ast::Name(name) => name.id.to_string(),
            Ast::Attribute(attribute) => attribute.attr.to_string(),
            Ast::Call(call) => match &*call.func {
                Ast::Name(name) => name.id.to_string(),
                Ast::Attribute(attribute) => attribute.attr.to_string(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        // How a function is reached is known from its decorators already.
        if matches!(&*name, "staticmethod" | "classmethod" | "property" | "cached_property" | "setter" | "deleter") {
            return Ok(value);
        }
        let decorating = self.expression(decorator)?;
        match &decorating {
            Value::Code(Code::Function(..) | Code::Method(..) | Code::Class(_)) => {
                self.call_value(&decorating, Arguments::positional(vec![value]), decorator)
            }
            Value::Code(Code::External(full)) if &**full == "functools.lru_cache" => {
                Ok(self.cached(value, Some(Amount::Int(128)), decorator))
            }
            Value::Code(Code::External(full)) if &**full == "functools.cache" => {
                Ok(self.cached(value, None, decorator))
            }
            Value::Object(id)
                if self
                    .state
                    .object(*id)
                    .is_some_and(|object| object.kind == Kind::Named(Text::from("functools.lru_cache"))) =>
            {
                let most = self.state.object(*id).and_then(|object| object.features.get("maxsize")).cloned();
                Ok(self.cached(value, most, decorator))
            }
            // What a library's decorator does around a call is not known; the function itself is.
            _ => Ok(value),
        }
    }

    /// The value of `with … as`.
    pub(super) fn enter_context(&mut self, context: &Value, node: &'p Ast) -> Eval {
        if let Value::Object(id) = context {
            if let Some(Kind::Instance(class)) = self.state.object(*id).map(|object| object.kind.clone()) {
                for name in ["__enter__", "__aenter__"] {
                    if let Some(function) = self.method_of(class, name) {
                        return self.call_function(function, None, Some(context.clone()), Arguments::default(), node);
                    }
                }
            }
            self.enter_task_context(context);
            if let Some(Source::Generator(..)) = self.state.object(*id).and_then(|object| object.source.as_deref()) {
                // `@contextmanager`: what it yields first.
                return self.first_of(context, node);
            }
        }
        Ok(context.clone())
    }

    pub(super) fn leave_context(&mut self, context: &Value, node: &'p Ast) -> Result<(), Flow> {
        let Value::Object(id) = context else { return Ok(()) };
        match self.state.object(*id).map(|object| object.kind.clone()) {
            Some(Kind::Instance(class)) => {
                for name in ["__exit__", "__aexit__"] {
                    if let Some(function) = self.method_of(class, name) {
                        let arguments = Arguments::positional(vec![Value::NONE, Value::NONE, Value::NONE]);
                        let result = self.call_function(function, None, Some(context.clone()), arguments, node)?;
                        self.state.settle(&result);
                        return Ok(());
                    }
                }
            }
            Some(Kind::Named(_)) => {
                self.leave_task_context(context);
                self.close(*id);
            }
            _ => {}
        }
        Ok(())
    }

    /// Runs the statements of a module of the project, once.
    pub(super) fn load_module(&mut self, module: ModuleId) {
        if !self.loaded.insert(module) {
            return;
        }
        let function = self.program.module_function(module);
        let names = self.names_of(function);
        let info = self.project.module(module);
        let frame = self.state.new_frame();
        self.closures.remove(&frame);
        self.state.modules.insert(module, frame);
        let name = info.name.clone();
        self.state.set(frame, Text::from("__name__"), Value::text(&name));
        let file = info.source.path.to_string_lossy().into_owned();
        self.state.set(frame, Text::from("__file__"), Value::text(&file));
        self.stack.push(Activation { function, module, frame, class: None, names, loops: 0, consumer: None });
        let exits = self.exits.len();
        let project = self.project;
        let flow = self.statements(&project.module(module).source.ast.body);
        self.stack.pop();
        self.join_returns(exits, flow);
    }

    // ---- generators -----------------------------------------------------------------------------------------------------

    /// Hands a value to what consumes the running generator.
    pub(super) fn consume(&mut self, value: Value) -> Result<(), Flow> {
        let Some(index) = self.here().and_then(|here| here.consumer) else {
            self.state.settle(&value);
            return Ok(());
        };
        self.consume_by(index, value)
    }

    pub(super) fn consume_by(&mut self, index: usize, value: Value) -> Result<(), Flow> {
        let Some(each) = self.consumers.get(index).cloned() else { return Ok(()) };
        match each(self, value) {
            Flow::Next | Flow::Continue => Ok(()),
            Flow::Break | Flow::Stop => Err(Flow::Stop),
            other => {
                // What leaves the loop leaves the generator first.
                self.pending = Some(other);
                Err(Flow::Stop)
            }
        }
    }

    /// Whether a value holds an object.
    pub(super) fn holds_object(value: &Value) -> bool {
        holds(value).is_some()
    }
}

/// `@dataclass(slots=True)`
fn has_slots_decorator(class: &ast::StmtClassDef) -> bool {
    class.decorator_list.iter().any(|decorator| match &decorator.expression {
        Ast::Call(call) => call.arguments.keywords.iter().any(|keyword| {
            keyword.arg.as_ref().is_some_and(|name| name.as_str() == "slots")
                && matches!(&keyword.value, Ast::BooleanLiteral(literal) if literal.value)
        }),
        _ => false,
    })
}
