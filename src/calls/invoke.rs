//! Calls: what a callable does with its arguments, for code of the project, classes, built-ins and the outside.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::Unknown;
use super::definitions::{Definition, FunctionId, NameId, address};
use super::heap::{Ancestor, CellId, ClosureId, EMPTY, Field, FrameId, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{ANYWHERE, Activation, DEEPEST_WALK, Interpreter, Site, Target};

/// The arguments of a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    pub positional: Vec<SetId>,
    /// More positional arguments, nobody knows how many.
    pub rest: SetId,
    pub keywords: Vec<(NameId, SetId)>,
    /// More keyword arguments of unknown names.
    pub others: SetId,
}

impl Args {
    pub fn one(set: SetId) -> Self {
        Self { positional: vec![set], ..Self::default() }
    }

    pub fn before(mut self, first: SetId) -> Self {
        self.positional.insert(0, first);
        self
    }

    pub fn get(&self, at: usize) -> SetId {
        self.positional.get(at).copied().unwrap_or(self.rest)
    }
}

/// How often a function is analysed at once where it is called; after that, callers wait for their turn.
const NESTED_LIMIT: u32 = 1_500;

impl<'p> Interpreter<'p> {
    pub fn call(&mut self, node: &'p ExprCall) -> SetId {
        let callee = self.eval(&node.func);
        let mut args = Args::default();
        for arg in &node.arguments.args {
            match arg {
                Expr::Starred(star) => {
                    let set = self.eval(&star.value);
                    self.spread(&mut args, set, Site::implicit(arg));
                }
                _ => {
                    let set = self.eval(arg);
                    if args.rest == EMPTY {
                        args.positional.push(set);
                    } else {
                        args.rest = self.heap.union(args.rest, set);
                    }
                }
            }
        }
        for keyword in &node.arguments.keywords {
            let set = self.eval(&keyword.value);
            match &keyword.arg {
                Some(name) => {
                    let name = self.names.id(name.id.as_str());
                    args.keywords.push((name, set));
                }
                None => self.spread_keywords(&mut args, set),
            }
        }
        let site = Site { address: address(node), range: node.range(), implicit: false };
        self.call_set(callee, args, site)
    }

    pub fn spread(&mut self, args: &mut Args, set: SetId, site: Site) {
        if args.rest == EMPTY
            && let Some(Val::Object(object)) = self.heap.only(set)
            && let Some(length) = self.length(object)
            && length <= 64
        {
            for index in 0..length {
                let element = self.element(object, index);
                args.positional.push(element);
            }
            return;
        }
        let elements = self.iterate(set, site);
        args.rest = self.heap.union(args.rest, elements);
    }

    pub fn spread_keywords(&mut self, args: &mut Args, set: SetId) {
        for (_, val) in self.heap.vals(set) {
            match val {
                Val::Object(object) if self.heap.shape(object) == Shape::Dict => {
                    for (field, cell) in self.heap.fields_of(object) {
                        let value = self.heap.read(cell);
                        let value = self.heap.strip(value);
                        match field {
                            Field::Key(key) if value != EMPTY => {
                                if let Val::Str(name) = self.val(key) {
                                    match args.keywords.iter_mut().find(|(known, _)| *known == name) {
                                        Some((_, old)) => *old = self.heap.union(*old, value),
                                        None => args.keywords.push((name, value)),
                                    }
                                }
                            }
                            Field::Element => args.others = self.heap.union(args.others, value),
                            _ => {}
                        }
                    }
                }
                Val::None => {}
                _ => {
                    let unknown = self.unknown(Unknown::Contents);
                    args.others = self.heap.union(args.others, unknown);
                }
            }
        }
    }

    /// Calls whatever a set holds. Several callables are alternatives.
    pub fn call_set(&mut self, callee: SetId, args: Args, site: Site) -> SetId {
        let callees = self.heap.members(callee).to_vec();
        self.step(callees.len());
        if let [one] = callees.as_slice() {
            return self.call_value(*one, args, site);
        }
        if !self.in_place {
            // Callees change published cells alone, which only grow.
            let mut out = EMPTY;
            for callee in callees {
                let result = self.call_value(callee, args.clone(), site);
                out = self.heap.union(out, result);
            }
            return out;
        }
        let mut outcomes = Vec::with_capacity(callees.len());
        let mut out = EMPTY;
        for callee in callees {
            self.heap.begin();
            let result = self.call_value(callee, args.clone(), site);
            let changes = self.heap.end();
            self.heap.note(&changes);
            outcomes.push(changes.iter().map(|change| (change.cell, change.value)).collect::<Vec<_>>());
            out = self.heap.union(out, result);
        }
        if !outcomes.is_empty() {
            self.heap.join(&outcomes, false);
        }
        out
    }

    pub fn call_value(&mut self, callee: ValueId, args: Args, site: Site) -> SetId {
        // Callables that lead to each other (a partial of a partial of itself) end here.
        if self.depth > DEEPEST_WALK {
            return self.unknown(Unknown::TooMany);
        }
        self.depth += 1;
        let result = self.call_one(callee, args, site);
        self.depth -= 1;
        result
    }

    pub fn call_one(&mut self, callee: ValueId, args: Args, site: Site) -> SetId {
        match self.val(callee) {
            Val::Unbound => EMPTY,
            Val::Function(closure) => {
                self.reach(site, Target::Function(self.closure(closure).function, false));
                self.invoke(closure, args, site)
            }
            Val::Bound(callable, receiver) => {
                let first = self.heap.single(receiver);
                match self.val(callable) {
                    Val::Function(closure) => {
                        self.reach(site, Target::Function(self.closure(closure).function, true));
                        self.invoke(closure, args.before(first), site)
                    }
                    Val::External(external) => {
                        let text = self.names.text(self.externals[external.0 as usize].text);
                        if text.ends_with(".start") {
                            // `threading.Thread` and its kin run `run`.
                            self.call_special(first, "run", Args::default(), site);
                        }
                        self.call_external(external, args, site)
                    }
                    Val::Bound(..) => self.unknown(Unknown::NotCallable),
                    _ => self.call_value(callable, args.before(first), site),
                }
            }
            Val::Class(class) => self.instantiate(class, args, site),
            Val::Object(object) => match self.heap.shape(object) {
                Shape::Instance(class) => {
                    if let Some(found) = self.find_in_ancestors(class, "__call__", false) {
                        let class = self.heap.value(Val::Class(class));
                        let bound = self.bind(found, Some(callee), class, site);
                        return self.call_set(bound, args, site);
                    }
                    let name = self.names.id("__call__");
                    let order = self.class_objects.get(&class).map_or_else(Vec::new, |class| class.order.clone());
                    if let super::classes::Found::External(external) = self.find(&order, None, name) {
                        return self.call_external(external, args, site);
                    }
                    self.reach(site, Target::Unknown(Unknown::NotCallable));
                    self.unknown(Unknown::NotCallable)
                }
                Shape::Partial => {
                    let mut all = Args::default();
                    let func = self.names.id("func");
                    let callable = self.heap.read_field(object, Field::Attribute(func));
                    for (field, cell) in self.heap.fields_of(object) {
                        let set = self.heap.read(cell);
                        let set = self.heap.strip(set);
                        match field {
                            Field::Index(_) => all.positional.push(set),
                            Field::Element => all.rest = set,
                            Field::AnyKey => all.others = set,
                            Field::Key(key) => {
                                if let Val::Str(name) = self.val(key)
                                    && !args.keywords.iter().any(|(known, _)| *known == name)
                                {
                                    all.keywords.push((name, set));
                                }
                            }
                            Field::Attribute(_) | Field::Length | Field::Return | Field::Default(_) => {}
                        }
                    }
                    if all.rest == EMPTY {
                        all.positional.extend(args.positional);
                        all.rest = args.rest;
                    } else {
                        for set in args.positional.into_iter().chain([args.rest]) {
                            all.rest = self.heap.union(all.rest, set);
                        }
                    }
                    all.keywords.extend(args.keywords);
                    all.others = self.heap.union(all.others, args.others);
                    if self
                        .heap
                        .members(callable)
                        .iter()
                        .any(|id| matches!(self.val(*id), Val::Object(inner) if inner == object))
                    {
                        return self.unknown(Unknown::NotCallable);
                    }
                    self.call_set(callable, all, site)
                }
                Shape::Class
                | Shape::List
                | Shape::Tuple
                | Shape::Dict
                | Shape::Set
                | Shape::Iterator
                | Shape::Generator
                | Shape::Property
                | Shape::Namespace => {
                    self.reach(site, Target::Unknown(Unknown::NotCallable));
                    self.unknown(Unknown::NotCallable)
                }
            },
            Val::External(external) => self.call_external(external, args, site),
            Val::Builtin(name) => self.call_builtin(name, args, site),
            Val::Method(receiver, name) => self.call_method(receiver, name, args, site),
            Val::StaticMethod(inner) | Val::ClassMethod(inner) => match self.val(inner) {
                Val::StaticMethod(_) | Val::ClassMethod(_) => EMPTY,
                _ => self.call_value(inner, args, site),
            },
            Val::Unknown(reason) => {
                self.reach(site, Target::Unknown(reason));
                self.unknown(if reason == Unknown::Parameter { Unknown::Parameter } else { Unknown::Result })
            }
            Val::None => EMPTY,
            Val::Module(_)
            | Val::Namespace(_)
            | Val::Typed(_)
            | Val::Str(_)
            | Val::Pattern(..)
            | Val::Int(_)
            | Val::Super(..)
            | Val::ModuleDict(_) => {
                self.reach(site, Target::Unknown(Unknown::NotCallable));
                self.unknown(Unknown::NotCallable)
            }
        }
    }

    // Functions of the project.

    pub fn invoke(&mut self, closure: ClosureId, args: Args, site: Site) -> SetId {
        let function = self.closure(closure).function;
        if let Some(walked) = self.walked.get_mut(function.index()) {
            *walked = true;
        }
        if self.may_inline(function) {
            self.invoke_in_place(closure, function, args, site)
        } else {
            self.invoke_for_all(closure, args)
        }
    }

    pub fn invoke_in_place(&mut self, closure: ClosureId, function: FunctionId, args: Args, site: Site) -> SetId {
        let (frame, new) = self.function_frame(closure, self.frame, site.address);
        if new {
            *self.contexts.entry(function).or_insert(0) += 1;
        }
        let bound = self.bind_arguments(closure, frame, &args);
        let outer = (self.frame, self.function, self.module);
        let depth = self.heap.begin();
        let activation = std::mem::replace(&mut self.activation, Activation { depth, ..Activation::default() });
        let dead = std::mem::replace(&mut self.dead, false);
        self.enter(frame);
        self.chain.push(function);
        self.inlined += 1;
        let object = self.frame(frame).object;
        let fresh = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
        if fresh && !new {
            // Nothing of an earlier activation is left in variables that closures can see.
            for (_, cell) in self.heap.fields_of(object) {
                if self.heap.cells.get(cell.0 as usize).is_some_and(|cell| cell.shared) {
                    self.heap.write(cell, EMPTY);
                }
            }
        }
        for (name, set) in bound {
            let cell = self.heap.cell(object, Field::Attribute(name));
            let replace = fresh || !self.heap.cells.get(cell.0 as usize).is_some_and(|cell| cell.shared);
            self.heap.store(cell, set, replace);
        }
        self.refine_parameters(closure, object);
        let live = self.body(function);
        let returns = self.finish(function, frame, live);
        let changes = self.heap.end();
        self.heap.note(&changes);
        self.chain.pop();
        self.inlined -= 1;
        let done = std::mem::replace(&mut self.activation, activation);
        self.dead = dead;
        (self.frame, self.function, self.module) = outer;
        let mut outcomes: Vec<Vec<(CellId, SetId)>> = Vec::new();
        if live {
            outcomes.push(changes.iter().map(|change| (change.cell, change.value)).collect());
        }
        outcomes.extend(done.exits);
        let nothing = outcomes.is_empty() || done.coarse;
        if nothing {
            // It always raises, and whoever catches that sees what it did before; or it ends in too many ways.
            outcomes.push(changes.iter().map(|change| (change.cell, change.all)).collect());
        }
        for outcome in &mut outcomes {
            outcome.retain(|(cell, _)| self.heap.cells.get(cell.0 as usize).is_some_and(|cell| cell.shared));
        }
        self.heap.join(&outcomes, nothing);
        returns
    }

    pub fn enter(&mut self, frame: FrameId) {
        let of = self.frame(frame);
        self.frame = frame;
        self.function = of.function;
        self.module = of.module;
    }

    /// Walks the code of a function. Returns whether its end is reached.
    pub fn body(&mut self, function: FunctionId) -> bool {
        match self.defs.function(function).definition {
            Definition::Function(def) => self.block(&def.body),
            Definition::Lambda(lambda) => {
                let value = self.eval(&lambda.body);
                self.activation.returns = self.heap.union(self.activation.returns, value);
                return true;
            }
            Definition::Module(_) | Definition::ClassBody(_) => {}
        }
        !self.dead
    }

    /// What a call gives back.
    pub fn finish(&mut self, function: FunctionId, frame: FrameId, live: bool) -> SetId {
        let of = self.defs.function(function);
        let is_lambda = matches!(of.definition, Definition::Lambda(_));
        if of.is_generator {
            let from = self.frame(frame).object;
            let yielded = self.heap.read_field(from, Field::Element);
            let generator = self.heap.allocate((usize::MAX, frame.0, 9), Shape::Generator);
            let cell = self.heap.cell(generator, Field::Element);
            self.heap.add(cell, yielded);
            return self.heap.one(Val::Object(generator));
        }
        let returns = self.activation.returns;
        if live && !is_lambda {
            let none = self.heap.one(Val::None);
            return self.heap.union(returns, none);
        }
        if !live && self.activation.exits.is_empty() {
            return self.unknown(Unknown::NeverReturns);
        }
        returns
    }

    /// Where an argument is unknown, its annotation speaks.
    pub fn refine_parameters(&mut self, closure: ClosureId, object: ObjectId) {
        let function = self.closure(closure).function;
        let Some(parameters) = self.defs.function(function).parameters() else { return };
        for parameter in parameters.iter_non_variadic_params() {
            let Some(annotation) = &parameter.parameter.annotation else { continue };
            let name = self.names.id(parameter.parameter.name.id.as_str());
            let cell = self.heap.cell(object, Field::Attribute(name));
            let set = self.heap.read(cell);
            let members = self.heap.members(set).to_vec();
            if members.is_empty() || !members.iter().any(|id| matches!(self.val(*id), Val::Unknown(_))) {
                continue;
            }
            let here = self.frame;
            self.frame = self.closure(closure).parent;
            let typed = self.annotation(annotation, 0);
            self.frame = here;
            if typed != EMPTY {
                let known: Vec<ValueId> =
                    members.into_iter().filter(|id| !matches!(self.val(*id), Val::Unknown(_))).collect();
                let known = self.heap.set(known);
                let refined = self.heap.union(known, typed);
                self.heap.write(cell, refined);
            }
        }
    }

    pub fn bind_arguments(&mut self, closure: ClosureId, frame: FrameId, args: &Args) -> Vec<(NameId, SetId)> {
        let of = self.closure(closure);
        let Some(parameters) = self.defs.function(of.function).parameters() else { return Vec::new() };
        let mut bound = Vec::new();
        let mut used = vec![false; args.keywords.len()];
        let positional = parameters.posonlyargs.len() + parameters.args.len();
        for (at, parameter) in parameters.iter_non_variadic_params().enumerate() {
            let name = self.names.id(parameter.parameter.name.id.as_str());
            let mut set = EMPTY;
            let mut given = false;
            if at < positional
                && let Some(arg) = args.positional.get(at)
            {
                set = *arg;
                given = true;
            } else if at >= parameters.posonlyargs.len()
                && let Some(slot) = args.keywords.iter().position(|(keyword, _)| *keyword == name)
            {
                set = args.keywords.get(slot).map_or(EMPTY, |(_, set)| *set);
                given = true;
                if let Some(used) = used.get_mut(slot) {
                    *used = true;
                }
            }
            if !given {
                if parameter.default.is_some() {
                    set = self.heap.read_field(of.object, Field::Default(at as u32));
                }
                if at < positional {
                    set = self.heap.union(set, args.rest);
                }
                set = self.heap.union(set, args.others);
                if set == EMPTY && parameter.default.is_none() {
                    set = self.unknown(Unknown::Parameter);
                }
            }
            bound.push((name, set));
        }
        if let Some(parameter) = &parameters.vararg {
            let tuple = self.heap.allocate((address(&**parameter), frame.0, 0), Shape::Tuple);
            let extra = args.positional.get(positional..).unwrap_or(&[]).to_vec();
            for (at, set) in extra.iter().enumerate() {
                let cell = self.heap.cell(tuple, Field::Index(at as i64));
                self.heap.add(cell, *set);
            }
            if args.rest == EMPTY {
                self.set_length(tuple, extra.len() as i64);
            } else {
                let cell = self.heap.cell(tuple, Field::Element);
                self.heap.add(cell, args.rest);
            }
            let name = self.names.id(parameter.name.id.as_str());
            bound.push((name, self.heap.one(Val::Object(tuple))));
        }
        if let Some(parameter) = &parameters.kwarg {
            let dict = self.heap.allocate((address(&**parameter), frame.0, 0), Shape::Dict);
            for ((keyword, set), used) in args.keywords.iter().zip(used) {
                if !used {
                    let key = self.heap.value(Val::Str(*keyword));
                    let cell = self.heap.cell(dict, Field::Key(key));
                    self.heap.add(cell, *set);
                }
            }
            if args.others != EMPTY {
                let cell = self.heap.cell(dict, Field::Element);
                self.heap.add(cell, args.others);
            }
            let name = self.names.id(parameter.name.id.as_str());
            bound.push((name, self.heap.one(Val::Object(dict))));
        }
        bound
    }

    /// Hands the arguments to the analysis of the function for all its callers, and takes what is known of its result.
    pub fn invoke_for_all(&mut self, closure: ClosureId, args: Args) -> SetId {
        let unit = self.unit(closure);
        let (frame, _) = self.function_frame(closure, ANYWHERE, 0);
        let object = self.frame(frame).object;
        let bound = self.bind_arguments(closure, frame, &args);
        for (name, set) in bound {
            let cell = self.heap.cell(object, Field::Attribute(name));
            self.heap.publish(cell, set);
        }
        self.heap.flush();
        for woken in std::mem::take(&mut self.heap.woken) {
            self.enqueue(woken);
        }
        let result = self.heap.cell(object, Field::Return);
        let state = self.units.get(unit.0 as usize);
        let idle = state.is_some_and(|unit| !unit.running && !unit.clean);
        if idle {
            // The first time at once, so that the caller goes on with a result; later when its turn comes.
            if self.depth < NESTED_LIMIT && self.heap.published(result) == EMPTY {
                let depth = self.depth;
                self.run_unit(unit);
                self.depth = depth;
            } else {
                self.enqueue(unit);
            }
        }
        self.heap.epoch += 1;
        let set = self.heap.read(result);
        self.heap.strip(set)
    }

    /// Analyses a function as if unknown code called it.
    pub fn call_from_anywhere(&mut self, closure: ClosureId, receivers: SetId) {
        let function = self.closure(closure).function;
        if let Some(walked) = self.walked.get_mut(function.index()) {
            *walked = true;
        }
        let unknown = self.unknown(Unknown::Parameter);
        let positional = if receivers == EMPTY { Vec::new() } else { vec![receivers] };
        let args = Args { positional, rest: unknown, others: unknown, ..Args::default() };
        self.invoke_for_all(closure, args);
    }

    /// Walks a function for all of its callers.
    pub fn run_for_all(&mut self, closure: ClosureId) {
        let (frame, _) = self.function_frame(closure, ANYWHERE, 0);
        let function = self.closure(closure).function;
        self.enter(frame);
        self.chain.push(function);
        let object = self.frame(frame).object;
        self.refine_parameters(closure, object);
        let live = self.body(function);
        let returns = self.finish(function, frame, live);
        let result = self.heap.cell(object, Field::Return);
        self.heap.publish(result, returns);
        let mut outcomes = std::mem::take(&mut self.activation.exits);
        if live {
            outcomes.push(self.heap.snapshot(self.activation.depth));
        }
        let coarse = self.activation.coarse;
        if coarse {
            outcomes.push(self.heap.everything(self.activation.depth));
        }
        if !outcomes.is_empty() {
            self.heap.join(&outcomes, coarse);
        }
        self.chain.pop();
    }

    // Classes.

    pub fn instantiate(&mut self, class: ObjectId, args: Args, site: Site) -> SetId {
        let Some(id) = self.class_objects.get(&class).map(|class| class.class) else { return EMPTY };
        self.reach(site, Target::Class(id));
        if let Some(metaclass) = self.class_objects.get(&class).and_then(|class| class.metaclass)
            && let Some(makers) = self.find_in_ancestors(metaclass, "__call__", false)
        {
            let receiver = self.heap.value(Val::Class(class));
            let metaclass = self.heap.value(Val::Class(metaclass));
            let inner = Site { implicit: true, ..site };
            let bound = self.bind(makers, Some(receiver), metaclass, inner);
            let made = self.call_set(bound, args, inner);
            if !self.is_unknown(made) {
                return made;
            }
            let object = self.default_instance(class);
            return self.heap.one(Val::Object(object));
        }
        self.make_instance(class, id, args, site)
    }

    pub fn make_instance(&mut self, class: ObjectId, id: super::ClassId, args: Args, site: Site) -> SetId {
        let class_value = self.heap.value(Val::Class(class));
        let object = self.instance(class, site);
        let mut instances = vec![object];
        if let Some(makers) = self.find_in_ancestors(class, "__new__", false) {
            let first = self.heap.single(class_value);
            let mut made = EMPTY;
            for (value, val) in self.heap.vals(makers) {
                let inner = match val {
                    Val::StaticMethod(inner) => inner,
                    _ => value,
                };
                let result = self.call_value(inner, args.clone().before(first), Site { implicit: true, ..site });
                made = self.heap.union(made, result);
            }
            let others: Vec<ObjectId> = self
                .heap
                .vals(made)
                .into_iter()
                .filter_map(|(_, val)| match val {
                    Val::Object(other) if matches!(self.heap.shape(other), Shape::Instance(_)) => Some(other),
                    _ => None,
                })
                .collect();
            if !others.is_empty() {
                instances = others;
            }
        }
        let order = self.class_objects.get(&class).map_or_else(Vec::new, |class| class.order.clone());
        let name = self.names.id("__init__");
        let found = self.find(&order, None, name);
        let mut out = EMPTY;
        for object in instances {
            let receiver = self.heap.value(Val::Object(object));
            let one = self.heap.single(receiver);
            out = self.heap.union(out, one);
            match found {
                super::classes::Found::Values(set) => {
                    for (value, val) in self.heap.vals(set) {
                        match val {
                            Val::Function(closure) => {
                                let function = self.closure(closure).function;
                                self.edges.insert((self.function, Target::Function(function, true)));
                                self.constructors.entry(id).or_insert(function);
                                self.invoke(closure, args.clone().before(one), site);
                            }
                            _ => {
                                let bound = self.heap.value(Val::Bound(value, receiver));
                                self.call_value(bound, args.clone(), Site { implicit: true, ..site });
                            }
                        }
                    }
                }
                super::classes::Found::External(external) => {
                    self.edges.insert((self.function, Target::External(external)));
                    self.callbacks(None, &args, site);
                    self.fields_from_arguments(object, class, &order, &args);
                }
                super::classes::Found::Builtin(base) => {
                    if self.names.text(base) == "dict" {
                        let first = args.get(0);
                        self.merge_dict(object, first);
                    }
                    self.fields_from_arguments(object, class, &order, &args);
                }
                super::classes::Found::Missing => self.fields_from_arguments(object, class, &order, &args),
            }
        }
        out
    }

    /// A constructor that the class does not write itself (`@dataclass`, `NamedTuple`, a model): annotated names in
    /// order, keywords by name.
    pub fn fields_from_arguments(&mut self, object: ObjectId, class: ObjectId, order: &[Ancestor], args: &Args) {
        let mut names: Vec<NameId> = Vec::new();
        if self.class_objects.get(&class).is_some_and(|class| class.fields_from_annotations) {
            for ancestor in order.iter().rev() {
                let Ancestor::Class(of) = ancestor else { continue };
                let Some(id) = self.class_objects.get(of).map(|class| class.class) else { continue };
                let Some(definition) = self.defs.classes.get(id.index()).map(|class| class.definition) else {
                    continue;
                };
                for stmt in &definition.body {
                    if let ruff_python_ast::Stmt::AnnAssign(node) = stmt
                        && let Expr::Name(name) = &*node.target
                    {
                        let name = self.names.id(name.id.as_str());
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                }
            }
        }
        let unique = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
        for (at, name) in names.into_iter().enumerate() {
            let set = args.get(at);
            if set != EMPTY {
                let cell = self.heap.cell(object, Field::Attribute(name));
                self.heap.store(cell, set, unique);
            }
        }
        for (name, set) in &args.keywords {
            let cell = self.heap.cell(object, Field::Attribute(*name));
            self.heap.store(cell, *set, unique);
        }
    }

    pub fn decorate(&mut self, decorators: SetId, value: SetId, site: Site) -> SetId {
        let members = self.heap.vals(decorators);
        if members.is_empty() {
            return value;
        }
        let mut out = EMPTY;
        for (id, val) in members {
            let part = match val {
                Val::Builtin(name) => {
                    let text = self.names.text(name).to_owned();
                    self.reach_without_edge(site, Target::Builtin(name));
                    match text.as_str() {
                        "staticmethod" | "classmethod" => self.wrap_method(value, text == "classmethod"),
                        "property" => self.property(value, site),
                        _ => value,
                    }
                }
                Val::Method(receiver, name) => {
                    let property = match self.val(receiver) {
                        Val::Object(object) if self.heap.shape(object) == Shape::Property => Some(object),
                        _ => None,
                    };
                    match property {
                        Some(property) => {
                            let field = match self.names.text(name) {
                                "setter" => "fset",
                                "deleter" => "fdel",
                                _ => "fget",
                            };
                            let field = self.names.id(field);
                            let cell = self.heap.cell(property, Field::Attribute(field));
                            self.heap.write(cell, value);
                            self.heap.single(receiver)
                        }
                        None => value,
                    }
                }
                Val::External(external) => {
                    let text = self.names.text(self.externals[external.0 as usize].text).to_owned();
                    if !text.ends_with(')') {
                        self.reach_external(site, external);
                    }
                    let last = text.split('(').next().unwrap_or("").rsplit('.').next().unwrap_or("");
                    match last {
                        "cached_property" | "hybrid_property" | "abstractproperty" => self.property(value, site),
                        "dataclass" | "define" | "frozen" | "attrs" | "s" => {
                            for (_, val) in self.heap.vals(value) {
                                if let Val::Class(class) = val
                                    && let Some(class) = self.class_objects.get_mut(&class)
                                {
                                    class.fields_from_annotations = true;
                                }
                            }
                            value
                        }
                        // What a library makes of a function is taken to call the function.
                        _ => value,
                    }
                }
                Val::Function(_) | Val::Bound(..) | Val::Class(_) | Val::Object(_) => {
                    let decorating = std::mem::replace(&mut self.decorating, true);
                    let result = self.call_value(id, Args::one(value), site);
                    self.decorating = decorating;
                    let same = self.heap.union(result, value) == result;
                    if self.is_unknown(result) || same && self.heap.members(result).len() > 4 { value } else { result }
                }
                _ => value,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    pub fn wrap_method(&mut self, value: SetId, class: bool) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(value) {
            if matches!(val, Val::StaticMethod(_) | Val::ClassMethod(_)) {
                let one = self.heap.single(id);
                out = self.heap.union(out, one);
                continue;
            }
            let one = self.heap.one(if class { Val::ClassMethod(id) } else { Val::StaticMethod(id) });
            out = self.heap.union(out, one);
        }
        out
    }

    pub fn property(&mut self, getter: SetId, site: Site) -> SetId {
        let property = self.heap.allocate((site.address, self.frame.0, 13), Shape::Property);
        let name = self.names.id("fget");
        let cell = self.heap.cell(property, Field::Attribute(name));
        self.heap.add(cell, getter);
        self.heap.one(Val::Object(property))
    }
}
