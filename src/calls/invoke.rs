//! Calls: what a callable does with its arguments, for code of the project, classes, built-ins and the outside.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::Unknown;
use super::builtins;
use super::definitions::{Definition, FunctionId, NameId, ScopeKind, address};
use super::heap::{
    Ancestor, CellId, ClosureId, EMPTY, ExternalId, Field, FrameId, ObjectId, SetId, Shape, Val, ValueId,
};
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
    fn one(set: SetId) -> Self {
        Self { positional: vec![set], ..Self::default() }
    }

    fn before(mut self, first: SetId) -> Self {
        self.positional.insert(0, first);
        self
    }

    fn get(&self, at: usize) -> SetId {
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

    fn spread(&mut self, args: &mut Args, set: SetId, site: Site) {
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

    fn spread_keywords(&mut self, args: &mut Args, set: SetId) {
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

    fn call_one(&mut self, callee: ValueId, args: Args, site: Site) -> SetId {
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
                    if let super::objects::Found::External(external) = self.find(&order, None, name) {
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
            | Val::Int(_)
            | Val::Super(..)
            | Val::ModuleDict(_) => {
                self.reach(site, Target::Unknown(Unknown::NotCallable));
                self.unknown(Unknown::NotCallable)
            }
        }
    }

    // Functions of the project.

    fn invoke(&mut self, closure: ClosureId, args: Args, site: Site) -> SetId {
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

    fn invoke_in_place(&mut self, closure: ClosureId, function: FunctionId, args: Args, site: Site) -> SetId {
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

    fn enter(&mut self, frame: FrameId) {
        let of = self.frame(frame);
        self.frame = frame;
        self.function = of.function;
        self.module = of.module;
    }

    /// Walks the code of a function. Returns whether its end is reached.
    fn body(&mut self, function: FunctionId) -> bool {
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
    fn finish(&mut self, function: FunctionId, frame: FrameId, live: bool) -> SetId {
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
    fn refine_parameters(&mut self, closure: ClosureId, object: ObjectId) {
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

    fn bind_arguments(&mut self, closure: ClosureId, frame: FrameId, args: &Args) -> Vec<(NameId, SetId)> {
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
    fn invoke_for_all(&mut self, closure: ClosureId, args: Args) -> SetId {
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

    fn instantiate(&mut self, class: ObjectId, args: Args, site: Site) -> SetId {
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

    fn make_instance(&mut self, class: ObjectId, id: super::ClassId, args: Args, site: Site) -> SetId {
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
                super::objects::Found::Values(set) => {
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
                super::objects::Found::External(external) => {
                    self.edges.insert((self.function, Target::External(external)));
                    self.callbacks(None, &args, site);
                    self.fields_from_arguments(object, class, &order, &args);
                }
                super::objects::Found::Builtin(base) => {
                    if self.names.text(base) == "dict" {
                        let first = args.get(0);
                        self.merge_dict(object, first);
                    }
                    self.fields_from_arguments(object, class, &order, &args);
                }
                super::objects::Found::Missing => self.fields_from_arguments(object, class, &order, &args),
            }
        }
        out
    }

    /// A constructor that the class does not write itself (`@dataclass`, `NamedTuple`, a model): annotated names in
    /// order, keywords by name.
    fn fields_from_arguments(&mut self, object: ObjectId, class: ObjectId, order: &[Ancestor], args: &Args) {
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
                    let result = self.call_value(id, Args::one(value), site);
                    if self.is_unknown(result) { value } else { result }
                }
                _ => value,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    fn wrap_method(&mut self, value: SetId, class: bool) -> SetId {
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

    fn property(&mut self, getter: SetId, site: Site) -> SetId {
        let property = self.heap.allocate((site.address, self.frame.0, 13), Shape::Property);
        let name = self.names.id("fget");
        let cell = self.heap.cell(property, Field::Attribute(name));
        self.heap.add(cell, getter);
        self.heap.one(Val::Object(property))
    }

    // Built-ins.

    fn call_builtin(&mut self, name: NameId, args: Args, site: Site) -> SetId {
        self.reach(site, Target::Builtin(name));
        let text = self.names.text(name).to_owned();
        let first = args.get(0);
        let inner = Site { implicit: true, ..site };
        let shown = if text == "print" { args.positional.len().min(16) } else { 1 };
        for at in 0..shown {
            for method in builtins::special_methods(&text) {
                let arg = args.get(at);
                if self.call_special(arg, method, Args::default(), inner).0 {
                    break;
                }
            }
        }
        match text.as_str() {
            "super" => self.call_super(&args),
            "globals" => self.heap.one(Val::ModuleDict(self.module)),
            "locals" | "vars" => {
                if args.positional.is_empty() && self.defs.scope(self.frame(self.frame).scope).kind == ScopeKind::Module
                {
                    self.heap.one(Val::ModuleDict(self.module))
                } else if let Some(Val::Module(module)) = self.heap.only(first) {
                    self.heap.one(Val::ModuleDict(module))
                } else {
                    self.typed("dict")
                }
            }
            "eval" | "exec" => {
                let result = if site.implicit { EMPTY } else { self.run_snippet(site.range) };
                if result == EMPTY { self.unknown(Unknown::Result) } else { result }
            }
            "__import__" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(first) {
                    if let Val::Str(name) = val {
                        let dotted = self.names.text(name).to_owned();
                        self.import(&dotted);
                        let module = self.import(dotted.split('.').next().unwrap_or(&dotted));
                        out = self.heap.union(out, module);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out }
            }
            "getattr" => {
                let mut out = args.positional.get(2).copied().unwrap_or(EMPTY);
                for (_, val) in self.heap.vals(args.get(1)) {
                    let part = match val {
                        Val::Str(name) => self.get_attribute(first, name, inner),
                        _ => self.unknown(Unknown::ComputedAttribute),
                    };
                    // A default stands in for what is not there.
                    if out == EMPTY || !self.is_unknown(part) {
                        out = self.heap.union(out, part);
                    }
                }
                out
            }
            "setattr" => {
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        self.set_attribute(first, name, args.get(2), inner);
                    }
                }
                self.heap.one(Val::None)
            }
            "type" if args.positional.len() == 1 => self.class_of(first),
            "map" => {
                let (function, iterables) = self.function_and_iterables(&args);
                let elements: Vec<SetId> = iterables.into_iter().map(|set| self.iterate(set, inner)).collect();
                let result = self.call_set(function, Args { positional: elements, ..Args::default() }, inner);
                self.iterator(result, site)
            }
            "filter" => {
                let (function, iterables) = self.function_and_iterables(&args);
                let elements = iterables.first().map_or(EMPTY, |set| self.iterate(*set, inner));
                self.call_set(function, Args::one(elements), inner);
                self.iterator(elements, site)
            }
            "sorted" | "min" | "max" => {
                let elements = if args.positional.len() > 1 {
                    let all = args.positional.clone();
                    all.into_iter().fold(EMPTY, |all, set| self.heap.union(all, set))
                } else {
                    self.iterate(first, inner)
                };
                if let Some(key) = self.keyword(&args, "key") {
                    self.call_set(key, Args::one(elements), inner);
                }
                if text == "sorted" {
                    self.container(Shape::List, elements, site)
                } else {
                    let default = self.keyword(&args, "default").unwrap_or(EMPTY);
                    let elements = self.without_constants(elements);
                    self.heap.union(elements, default)
                }
            }
            "sum" => {
                let elements = self.iterate(first, inner);
                self.without_constants(elements)
            }
            "any" | "all" => {
                self.iterate(first, inner);
                self.typed("bool")
            }
            "list" | "tuple" => {
                let shape = if text == "list" { Shape::List } else { Shape::Tuple };
                if args.positional.is_empty() {
                    let object = self.new_container(shape, (site.address, self.frame.0, 17));
                    self.set_length(object, 0);
                    return self.heap.one(Val::Object(object));
                }
                if let Some(Val::Object(object)) = self.heap.only(first)
                    && self.length(object).is_some()
                {
                    let object = self.new_container(shape, (site.address, self.frame.0, 17));
                    return self.copy_sequence(first, object);
                }
                let elements = self.iterate(first, inner);
                self.container(shape, elements, site)
            }
            "set" | "frozenset" => {
                let elements = self.iterate(first, inner);
                self.container(Shape::Set, elements, site)
            }
            "iter" | "aiter" | "reversed" => {
                let elements = self.iterate(first, inner);
                self.iterator(elements, site)
            }
            "next" | "anext" => {
                let mut out = args.positional.get(1).copied().unwrap_or(EMPTY);
                for (id, val) in self.heap.vals(first) {
                    let one = self.heap.single(id);
                    let part = match val {
                        Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                            self.call_special(one, "__next__", Args::default(), inner).1
                        }
                        _ => self.iterate(one, inner),
                    };
                    out = self.heap.union(out, part);
                }
                out
            }
            "enumerate" => {
                let elements = self.iterate(first, inner);
                let count = self.typed("int");
                let pair = self.tuple(&[count, elements], site);
                self.iterator(pair, site)
            }
            "zip" => {
                let mut parts = Vec::new();
                for at in 0..args.positional.len() {
                    let set = args.get(at);
                    parts.push(self.iterate(set, inner));
                }
                let tuple = self.tuple(&parts, site);
                self.iterator(tuple, site)
            }
            "dict" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                if first != EMPTY {
                    self.merge_into(dict, first, inner);
                }
                self.heap.one(Val::Object(dict))
            }
            "staticmethod" | "classmethod" => self.wrap_method(first, text == "classmethod"),
            "property" => {
                let property = self.property(first, site);
                if let Some(Val::Object(object)) = self.heap.only(property) {
                    let name = self.names.id("fset");
                    let setter = args.positional.get(1).copied().or_else(|| self.keyword(&args, "fset"));
                    if let Some(setter) = setter {
                        let cell = self.heap.cell(object, Field::Attribute(name));
                        self.heap.write(cell, setter);
                    }
                    if let Some(getter) = self.keyword(&args, "fget") {
                        let name = self.names.id("fget");
                        let cell = self.heap.cell(object, Field::Attribute(name));
                        self.heap.add(cell, getter);
                    }
                }
                property
            }
            "print" | "setattr_" | "delattr" => self.heap.one(Val::None),
            "str" if matches!(self.heap.only(first), Some(Val::Str(_))) => first,
            "open" => {
                let mode = args.positional.get(1).copied().or_else(|| self.keyword(&args, "mode")).unwrap_or(EMPTY);
                match self.heap.only(mode) {
                    Some(Val::Str(mode)) if self.names.text(mode).contains('b') => self.typed("binary file"),
                    _ => self.typed("file"),
                }
            }
            _ => {
                if let Some((class, method)) = text.split_once('.') {
                    return self.call_unbound(class, method, args, site);
                }
                if let Some(result) = builtins::result_type(&text) {
                    return self.typed(result);
                }
                if builtins::is_class(&text) {
                    return self.heap.one(Val::Typed(name));
                }
                self.unknown(Unknown::Result)
            }
        }
    }

    /// `str.join(", ", parts)`, `object.__new__(cls)`, `super().__init__()` of a built-in base.
    fn call_unbound(&mut self, class: &str, method: &str, args: Args, site: Site) -> SetId {
        match method {
            "__call__" if class == "type" => {
                // `super().__call__()` in a metaclass.
                let mut rest = args.clone();
                if rest.positional.is_empty() {
                    return self.unknown(Unknown::Result);
                }
                let classes = rest.positional.remove(0);
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(classes) {
                    if let Val::Class(class) = val
                        && let Some(id) = self.class_objects.get(&class).map(|class| class.class)
                    {
                        let made = self.make_instance(class, id, rest.clone(), site);
                        out = self.heap.union(out, made);
                    }
                }
                out
            }
            "__new__" => {
                let mut out = EMPTY;
                for set in args.positional.iter().take(2) {
                    for (_, val) in self.heap.vals(*set) {
                        if let Val::Class(class) = val {
                            let object = self.instance(class, site);
                            let one = self.heap.one(Val::Object(object));
                            out = self.heap.union(out, one);
                        }
                    }
                }
                out
            }
            "__init__" => {
                if class == "dict" {
                    for (_, val) in self.heap.vals(args.get(0)) {
                        if let Val::Object(object) = val {
                            let from = args.get(1);
                            self.merge_dict(object, from);
                            for (name, set) in &args.keywords {
                                let key = self.heap.one(Val::Str(*name));
                                self.set_key(object, key, *set);
                            }
                        }
                    }
                }
                self.heap.one(Val::None)
            }
            "__setattr__" => {
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        self.store_attribute_directly(args.get(0), name, args.get(2));
                    }
                }
                self.heap.one(Val::None)
            }
            "__getattribute__" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        let part = self.get_attribute(args.get(0), name, Site { implicit: true, ..site });
                        out = self.heap.union(out, part);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out }
            }
            "__getitem__" => self.get_key_of(args.get(0), args.get(1)),
            "__setitem__" => {
                for (_, val) in self.heap.vals(args.get(0)) {
                    if let Val::Object(object) = val {
                        self.set_key(object, args.get(1), args.get(2));
                    }
                }
                self.heap.one(Val::None)
            }
            "fromkeys" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 19));
                let keys = self.iterate(args.get(0), Site { implicit: true, ..site });
                let value = args.positional.get(1).copied().unwrap_or(EMPTY);
                self.set_key(dict, keys, value);
                self.heap.one(Val::Object(dict))
            }
            "__subclasses__" => self.unknown(Unknown::Result),
            _ => {
                if let Some(result) = builtins::method_result(class, method) {
                    return self.typed(result);
                }
                let method = self.names.id(method);
                let mut rest = args.clone();
                if rest.positional.is_empty() {
                    return self.unknown(Unknown::Result);
                }
                let receiver = rest.positional.remove(0);
                let mut out = EMPTY;
                for (id, val) in self.heap.vals(receiver) {
                    if self.type_name(val).is_some() {
                        let part = self.apply_method(id, val, method, &rest, site);
                        out = self.heap.union(out, part);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::Result) } else { out }
            }
        }
    }

    fn get_key_of(&mut self, base: SetId, key: SetId) -> SetId {
        let mut out = EMPTY;
        for (_, val) in self.heap.vals(base) {
            if let Val::Object(object) = val {
                let part = self.get_key(object, key);
                out = self.heap.union(out, part);
            }
        }
        out
    }

    fn store_attribute_directly(&mut self, base: SetId, name: NameId, value: SetId) {
        for (_, val) in self.heap.vals(base) {
            if let Val::Object(object) | Val::Class(object) = val {
                let cell = self.heap.cell(object, Field::Attribute(name));
                self.heap.add(cell, value);
            }
        }
    }

    fn keyword(&mut self, args: &Args, name: &str) -> Option<SetId> {
        let name = self.names.id(name);
        args.keywords.iter().find(|(keyword, _)| *keyword == name).map(|(_, set)| *set)
    }

    /// The function is the first argument, or (in the wrong order) the first that can be called.
    fn function_and_iterables(&mut self, args: &Args) -> (SetId, Vec<SetId>) {
        let callable = |this: &Self, set: SetId| {
            this.heap.vals(set).iter().any(|(_, val)| {
                matches!(val, Val::Function(_) | Val::Bound(..) | Val::Class(_) | Val::Builtin(_) | Val::External(_))
                    || matches!(val, Val::Object(object) if matches!(this.heap.shape(*object), Shape::Partial | Shape::Instance(_)))
                    || matches!(val, Val::Unknown(_) | Val::Method(..))
            })
        };
        let at = args.positional.iter().position(|set| callable(self, *set)).unwrap_or(0);
        let mut rest = args.positional.clone();
        if rest.is_empty() {
            return (EMPTY, rest);
        }
        let function = rest.remove(at);
        (function, rest)
    }

    fn class_of(&mut self, set: SetId) -> SetId {
        let mut out = EMPTY;
        for (_, val) in self.heap.vals(set) {
            let part = match val {
                Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                    match self.heap.shape(object) {
                        Shape::Instance(class) => self.heap.one(Val::Class(class)),
                        _ => EMPTY,
                    }
                }
                Val::Unknown(_) | Val::External(_) => self.unknown(Unknown::Result),
                _ => match self.type_name(val) {
                    Some(name) => self.heap.one(Val::Builtin(name)),
                    None => EMPTY,
                },
            };
            out = self.heap.union(out, part);
        }
        out
    }

    fn call_super(&mut self, args: &Args) -> SetId {
        let mut out = EMPTY;
        if let [class, receiver, ..] = args.positional.as_slice() {
            let receivers = self.heap.vals(*receiver);
            for (_, val) in self.heap.vals(*class) {
                if let Val::Class(class) = val {
                    for (receiver, val) in &receivers {
                        if matches!(val, Val::Super(..)) {
                            continue;
                        }
                        let one = self.heap.one(Val::Super(class, *receiver));
                        out = self.heap.union(out, one);
                    }
                }
            }
            return out;
        }
        let mut at = Some(self.frame);
        while let Some(id) = at {
            let frame = self.frame(id);
            if let Some(closure) = frame.closure {
                let parent = self.frame(self.closure(closure).parent);
                if self.defs.scope(parent.scope).kind == ScopeKind::Class {
                    let first = self
                        .defs
                        .function(frame.function)
                        .parameters()
                        .and_then(|parameters| parameters.iter_non_variadic_params().next());
                    let Some(first) = first else { return EMPTY };
                    let name = self.names.id(first.parameter.name.id.as_str());
                    let receivers = self.heap.read_field(frame.object, Field::Attribute(name));
                    for (receiver, _) in self.heap.vals(receivers) {
                        let one = self.heap.one(Val::Super(parent.object, receiver));
                        out = self.heap.union(out, one);
                    }
                    return out;
                }
            }
            at = frame.parent;
        }
        self.unknown(Unknown::Result)
    }

    fn container(&mut self, shape: Shape, elements: SetId, site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 17), shape);
        let cell = self.heap.cell(object, Field::Element);
        self.heap.add(cell, elements);
        self.heap.one(Val::Object(object))
    }

    fn iterator(&mut self, elements: SetId, site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 23), Shape::Iterator);
        let cell = self.heap.cell(object, Field::Element);
        self.heap.add(cell, elements);
        self.heap.one(Val::Object(object))
    }

    fn tuple(&mut self, parts: &[SetId], site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 29), Shape::Tuple);
        for (at, set) in parts.iter().enumerate() {
            let cell = self.heap.cell(object, Field::Index(at as i64));
            self.heap.add(cell, *set);
        }
        self.set_length(object, parts.len() as i64);
        self.heap.one(Val::Object(object))
    }

    /// Copies elements place by place.
    fn copy_sequence(&mut self, from: SetId, into: ObjectId) -> SetId {
        if let Some(Val::Object(from)) = self.heap.only(from)
            && let Some(length) = self.length(from)
        {
            for index in 0..length.min(4_096) {
                let set = self.element(from, index);
                let cell = self.heap.cell(into, Field::Index(index));
                self.heap.add(cell, set);
            }
            self.set_length(into, length);
        }
        self.heap.one(Val::Object(into))
    }

    fn merge_into(&mut self, dict: ObjectId, other: SetId, site: Site) {
        for (id, val) in self.heap.vals(other) {
            let one = self.heap.single(id);
            let pairs = match val {
                Val::Object(object) => matches!(self.heap.shape(object), Shape::Iterator | Shape::Generator),
                _ => false,
            };
            if !pairs {
                self.merge_dict(dict, one);
                continue;
            }
            let elements = self.iterate(one, site);
            for (_, val) in self.heap.vals(elements) {
                if let Val::Object(pair) = val
                    && self.length(pair) == Some(2)
                {
                    let key = self.element(pair, 0);
                    let value = self.element(pair, 1);
                    let cell = self.heap.cell(dict, Field::Element);
                    self.heap.add(cell, value);
                    let cell = self.heap.cell(dict, Field::AnyKey);
                    self.heap.add(cell, key);
                }
            }
        }
    }

    // Methods of built-in types.

    fn call_method(&mut self, receiver: ValueId, name: NameId, args: Args, site: Site) -> SetId {
        let val = self.val(receiver);
        let Some(kind) = self.type_name(val) else {
            self.reach(site, Target::Unknown(Unknown::Attribute));
            return self.unknown(Unknown::Result);
        };
        self.reach(site, Target::Method(kind, name));
        self.apply_method(receiver, val, name, &args, site)
    }

    fn apply_method(&mut self, receiver: ValueId, val: Val, name: NameId, args: &Args, site: Site) -> SetId {
        let kind = self.type_name(val).map_or(String::new(), |kind| self.names.text(kind).to_owned());
        let method = self.names.text(name).to_owned();
        let inner = Site { implicit: true, ..site };
        let first = args.get(0);
        if let Some(result) = builtins::method_result(&kind, &method) {
            if matches!(method.as_str(), "join") {
                self.iterate(first, inner);
            }
            return self.typed(result);
        }
        let object = match val {
            Val::Object(object) => Some(object),
            _ => None,
        };
        let none = self.heap.one(Val::None);
        match (kind.as_str(), method.as_str(), object) {
            ("list", "append", Some(list)) => {
                let unique = self.heap.objects.get(list.0 as usize).is_some_and(|object| object.unique);
                match self.length(list) {
                    Some(length) if unique && length < 1_024 => {
                        let cell = self.heap.cell(list, Field::Index(length));
                        self.heap.write(cell, first);
                        self.set_length(list, length + 1);
                    }
                    _ => {
                        let cell = self.heap.cell(list, Field::Element);
                        self.heap.add(cell, first);
                        self.forget_length(list);
                    }
                }
                none
            }
            ("list", "extend" | "appendleft" | "extendleft" | "insert", Some(list)) => {
                let added = match method.as_str() {
                    "extend" | "extendleft" => self.iterate(first, inner),
                    "insert" => args.get(1),
                    _ => first,
                };
                let all = if method == "extend" { EMPTY } else { self.elements(list) };
                let added = self.heap.union(added, all);
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, added);
                self.forget_length(list);
                none
            }
            ("list", "pop" | "popleft", Some(list)) => {
                let all = self.elements(list);
                let last = match (self.length(list), args.positional.is_empty() && method == "pop") {
                    (Some(length), true) if length > 0 => Some(self.element(list, length - 1)),
                    _ => None,
                };
                if last.is_none() {
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, all);
                }
                self.forget_length(list);
                last.unwrap_or(all)
            }
            ("list", "sort" | "reverse", Some(list)) => {
                let all = self.elements(list);
                if let Some(key) = self.keyword(args, "key") {
                    self.call_set(key, Args::one(all), inner);
                }
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, all);
                none
            }
            ("list" | "tuple", "copy" | "__add__", Some(list)) => {
                let elements = self.elements(list);
                let new = self.new_container(Shape::List, (site.address, self.frame.0, 17));
                if self.length(list).is_some() {
                    let one = self.heap.single(receiver);
                    return self.copy_sequence(one, new);
                }
                let cell = self.heap.cell(new, Field::Element);
                self.heap.add(cell, elements);
                self.heap.one(Val::Object(new))
            }
            ("list", "remove" | "clear" | "rotate", Some(list)) => {
                let all = self.elements(list);
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, all);
                self.forget_length(list);
                none
            }
            ("dict", "get" | "pop" | "setdefault", Some(dict)) => {
                let default = args.positional.get(1).copied().or_else(|| self.keyword(args, "default"));
                if method == "setdefault" {
                    let key = self.heap.vals(first);
                    let value = default.unwrap_or(none);
                    match key.as_slice() {
                        [(key, Val::Str(_) | Val::Int(_))] => {
                            let cell = self.heap.cell(dict, Field::Key(*key));
                            self.heap.add(cell, value);
                        }
                        _ => {
                            let cell = self.heap.cell(dict, Field::Element);
                            self.heap.add(cell, value);
                            let cell = self.heap.cell(dict, Field::AnyKey);
                            self.heap.add(cell, first);
                        }
                    }
                }
                let found = self.get_key(dict, first);
                match default {
                    Some(default) if self.is_unknown(found) => default,
                    Some(default) => self.heap.union(found, default),
                    None => found,
                }
            }
            ("dict", "update", Some(dict)) => {
                self.merge_into(dict, first, inner);
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                none
            }
            ("dict", "keys", Some(dict)) => {
                let keys = self.keys(dict);
                self.iterator(keys, site)
            }
            ("dict", "values", Some(dict)) => {
                let mut values = self.elements(dict);
                if values == EMPTY {
                    values = self.unknown(Unknown::Contents);
                }
                self.iterator(values, site)
            }
            ("dict", "items" | "popitem", Some(dict)) => {
                let keys = self.keys(dict);
                let mut values = self.elements(dict);
                if values == EMPTY {
                    values = self.unknown(Unknown::Contents);
                }
                let pair = self.tuple(&[keys, values], site);
                if method == "popitem" { pair } else { self.iterator(pair, site) }
            }
            ("dict", "copy", Some(_)) => {
                let new = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                let one = self.heap.single(receiver);
                self.merge_dict(new, one);
                self.heap.one(Val::Object(new))
            }
            ("dict", "clear", Some(_)) => none,
            ("dict", "get" | "pop" | "setdefault", None) => {
                if let Val::ModuleDict(_) = val {
                    let one = self.heap.single(receiver);
                    let found = self.get_item(one, first, inner);
                    let default = args.positional.get(1).copied().unwrap_or(EMPTY);
                    return self.heap.union(found, default);
                }
                let found = self.unknown(Unknown::Contents);
                let default = args.positional.get(1).copied().unwrap_or(EMPTY);
                self.heap.union(found, default)
            }
            ("dict", "items" | "keys" | "values", None) => self.typed(&format!("dict_{method}")),
            ("dict", "copy", None) => self.heap.single(receiver),
            ("set", "add", Some(set)) => {
                let cell = self.heap.cell(set, Field::Element);
                self.heap.add(cell, first);
                none
            }
            ("set", "update", Some(set)) => {
                let added = self.iterate(first, inner);
                let cell = self.heap.cell(set, Field::Element);
                self.heap.add(cell, added);
                none
            }
            ("set", "pop", Some(set)) => self.elements(set),
            ("set", "remove" | "discard" | "clear", _) => none,
            ("set" | "frozenset", _, Some(set)) => {
                let mut all = self.elements(set);
                for at in 0..args.positional.len() {
                    let more = self.iterate(args.get(at), inner);
                    all = self.heap.union(all, more);
                }
                self.container(Shape::Set, all, site)
            }
            ("iterator" | "generator", "__next__" | "send" | "__anext__" | "asend", Some(iterator)) => {
                self.elements(iterator)
            }
            ("iterator" | "generator", "__iter__" | "__aiter__", _) => self.heap.single(receiver),
            ("str" | "bytes", "split" | "rsplit" | "splitlines", _) => {
                let part = self.typed(&kind);
                self.container(Shape::List, part, site)
            }
            ("str" | "bytes", "partition" | "rpartition", _) => {
                let part = self.typed(&kind);
                self.tuple(&[part, part, part], site)
            }
            ("file" | "binary file", "readlines", _) => {
                let line = if kind == "file" { self.typed("str") } else { self.typed("bytes") };
                self.container(Shape::List, line, site)
            }
            ("binary file", "read" | "readline" | "peek", _) => self.typed("bytes"),
            ("binary file", "write" | "seek" | "tell", _) => self.typed("int"),
            (_, "__enter__", _) => self.heap.single(receiver),
            _ => self.unknown(Unknown::Result),
        }
    }

    // The outside.

    fn call_external(&mut self, external: ExternalId, args: Args, site: Site) -> SetId {
        self.reach(site, Target::External(external));
        let text = self.names.text(self.externals[external.0 as usize].text).to_owned();
        let first = args.get(0);
        let inner = Site { implicit: true, ..site };
        match text.as_str() {
            "functools.partial" | "functools.partialmethod" => {
                let partial = self.heap.allocate((site.address, self.frame.0, 31), Shape::Partial);
                let func = self.names.id("func");
                let cell = self.heap.cell(partial, Field::Attribute(func));
                self.heap.add(cell, first);
                for (at, set) in args.positional.iter().skip(1).enumerate() {
                    let cell = self.heap.cell(partial, Field::Index(at as i64));
                    self.heap.add(cell, *set);
                }
                for (name, set) in &args.keywords {
                    let key = self.heap.value(Val::Str(*name));
                    let cell = self.heap.cell(partial, Field::Key(key));
                    self.heap.add(cell, *set);
                }
                if args.rest != EMPTY {
                    let cell = self.heap.cell(partial, Field::Element);
                    self.heap.add(cell, args.rest);
                }
                if args.others != EMPTY {
                    let cell = self.heap.cell(partial, Field::AnyKey);
                    self.heap.add(cell, args.others);
                }
                return self.heap.one(Val::Object(partial));
            }
            "functools.reduce" => {
                let elements = self.iterate(args.get(1), inner);
                let start = args.positional.get(2).copied().unwrap_or(elements);
                let accumulated = self.heap.union(start, elements);
                let call = Args { positional: vec![accumulated, elements], ..Args::default() };
                let result = self.call_set(first, call, inner);
                return self.heap.union(result, start);
            }
            "importlib.import_module" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(first) {
                    if let Val::Str(name) = val {
                        let dotted = self.names.text(name).to_owned();
                        let level = dotted.bytes().take_while(|byte| *byte == b'.').count();
                        let rest = dotted.get(level..).unwrap_or("");
                        let absolute = self.project.absolute(self.module, level as u32, rest);
                        for (at, _) in absolute.match_indices('.') {
                            let prefix = absolute.get(..at).unwrap_or("").to_owned();
                            self.import(&prefix);
                        }
                        let module = self.import(&absolute);
                        out = self.heap.union(out, module);
                    }
                }
                return if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out };
            }
            "copy.copy"
            | "copy.deepcopy"
            | "weakref.proxy"
            | "contextlib.closing"
            | "contextlib.nullcontext"
            | "asyncio.run"
            | "asyncio.create_task"
            | "asyncio.ensure_future"
            | "asyncio.wait_for"
            | "asyncio.shield"
            | "trio.run"
            | "inspect.unwrap"
                if first != EMPTY =>
            {
                return first;
            }
            "typing.cast" => return args.get(1),
            "asyncio.gather" => {
                let object = self.new_container(Shape::List, (site.address, self.frame.0, 17));
                for (at, set) in args.positional.iter().enumerate() {
                    let cell = self.heap.cell(object, Field::Index(at as i64));
                    self.heap.add(cell, *set);
                }
                if args.rest == EMPTY {
                    self.set_length(object, args.positional.len() as i64);
                } else {
                    let cell = self.heap.cell(object, Field::Element);
                    self.heap.add(cell, args.rest);
                    self.forget_length(object);
                }
                return self.heap.one(Val::Object(object));
            }
            "collections.OrderedDict" | "types.MappingProxyType" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                if first != EMPTY {
                    self.merge_into(dict, first, inner);
                }
                return self.heap.one(Val::Object(dict));
            }
            "collections.defaultdict" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                let made = self.call_set(first, Args::default(), inner);
                let cell = self.heap.cell(dict, Field::Element);
                self.heap.add(cell, made);
                if let Some(more) = args.positional.get(1) {
                    self.merge_dict(dict, *more);
                }
                return self.heap.one(Val::Object(dict));
            }
            "collections.deque" => {
                let elements = self.iterate(first, inner);
                return self.container(Shape::List, elements, site);
            }
            "itertools.chain" => {
                let mut all = EMPTY;
                for at in 0..args.positional.len() {
                    let part = self.iterate(args.get(at), inner);
                    all = self.heap.union(all, part);
                }
                let rest = self.iterate(args.rest, inner);
                all = self.heap.union(all, rest);
                return self.iterator(all, site);
            }
            "itertools.chain.from_iterable" => {
                let lists = self.iterate(first, inner);
                let all = self.iterate(lists, inner);
                return self.iterator(all, site);
            }
            "types.MethodType" => {
                let mut out = EMPTY;
                for (callable, val) in self.heap.vals(first) {
                    if matches!(val, Val::Bound(..)) {
                        continue;
                    }
                    for (receiver, _) in self.heap.vals(args.get(1)) {
                        let one = self.heap.one(Val::Bound(callable, receiver));
                        out = self.heap.union(out, one);
                    }
                }
                return out;
            }
            "dataclasses.field" | "attr.ib" | "attrs.field" | "pydantic.Field" => {
                if let Some(factory) = self.keyword(&args, "default_factory").or_else(|| self.keyword(&args, "factory"))
                {
                    return self.call_set(factory, Args::default(), inner);
                }
                return self.keyword(&args, "default").unwrap_or(EMPTY);
            }
            _ => {}
        }
        let last = text.rsplit('.').next().unwrap_or("").to_owned();
        match last.as_str() {
            "enter_context" | "enter_async_context" => {
                let enter = if last == "enter_context" { "__enter__" } else { "__aenter__" };
                let value = self.enter_context(first, enter, inner);
                if value != EMPTY {
                    return value;
                }
            }
            "run_until_complete" if first != EMPTY => return first,
            _ => {}
        }
        // Wrappers that give back what they are given.
        let base = text.split('(').next().unwrap_or("");
        // `functools.wraps(f)` makes the decorator; the decorator gives back its argument.
        let makes_decorator = text == "functools.wraps";
        if !makes_decorator
            && matches!(
                base,
                "functools.lru_cache"
                    | "functools.cache"
                    | "functools.wraps"
                    | "functools.update_wrapper"
                    | "functools.singledispatch"
                    | "functools.total_ordering"
                    | "contextlib.contextmanager"
                    | "contextlib.asynccontextmanager"
                    | "dataclasses.dataclass"
                    | "abc.abstractmethod"
                    | "atexit.register"
            )
            && self.is_project_callable(first)
        {
            if base == "dataclasses.dataclass" {
                for (_, val) in self.heap.vals(first) {
                    if let Val::Class(class) = val
                        && let Some(class) = self.class_objects.get_mut(&class)
                    {
                        class.fields_from_annotations = true;
                    }
                }
            }
            return first;
        }
        self.callbacks(Some(&last), &args, site);
        let (suffix, plain) = self.arguments_text(&args);
        let made = self.derive_external(external, &suffix, &plain, 1);
        self.heap.one(Val::External(made))
    }

    fn is_project_callable(&self, set: SetId) -> bool {
        self.heap.vals(set).iter().any(|(_, val)| match val {
            Val::Function(_) | Val::Class(_) => true,
            Val::Bound(callable, _) => matches!(self.heap.get(*callable), Val::Function(_)),
            Val::Object(object) => self.heap.shape(*object) == Shape::Partial,
            _ => false,
        })
    }

    /// Functions of the project that external code calls.
    fn callbacks(&mut self, last: Option<&str>, args: &Args, site: Site) {
        let inner = Site { implicit: true, ..site };
        let unknown = self.unknown(Unknown::Parameter);
        if let Some((at, passes)) = last.and_then(builtins::callback_position) {
            let function = args.get(at);
            if self.is_project_callable(function) {
                let rest: Vec<SetId> = args.positional.iter().skip(at + 1).copied().collect();
                let call = if passes {
                    Args { positional: rest, rest: args.rest, keywords: args.keywords.clone(), others: args.others }
                } else {
                    // The elements of what follows, or anything.
                    let mut elements = unknown;
                    for set in rest {
                        for (id, val) in self.heap.vals(set) {
                            if let Val::Object(_) = val {
                                let one = self.heap.single(id);
                                let part = self.iterate(one, inner);
                                elements = self.heap.union(elements, part);
                            }
                        }
                    }
                    Args { rest: elements, others: unknown, ..Args::default() }
                };
                self.call_set(function, call, inner);
            }
        }
        let keywords = args.keywords.clone();
        for (name, set) in keywords {
            if !builtins::is_callback_keyword(self.names.text(name)) || !self.is_project_callable(set) {
                continue;
            }
            let mut call = Args::default();
            let passed = self.keyword(args, "args");
            let named = self.keyword(args, "kwargs");
            if let Some(passed) = passed {
                self.spread(&mut call, passed, inner);
            }
            if let Some(named) = named {
                self.spread_keywords(&mut call, named);
            }
            if passed.is_none() && named.is_none() && self.names.text(name) != "target" {
                call.rest = unknown;
                call.others = unknown;
            }
            self.call_set(set, call, inner);
        }
    }

    /// The arguments in the name of a result: literal texts are kept, anything else is `...`.
    fn arguments_text(&self, args: &Args) -> (String, String) {
        if args.positional.is_empty() && args.keywords.is_empty() && args.rest == EMPTY && args.others == EMPTY {
            return ("()".to_owned(), String::new());
        }
        let literal = |set: SetId| match self.heap.only(set) {
            Some(Val::Str(name)) if self.names.text(name).len() <= 64 => Some(format!("{:?}", self.names.text(name))),
            _ => None,
        };
        let mut parts = Vec::new();
        let mut complete = args.rest == EMPTY && args.others == EMPTY;
        for set in &args.positional {
            match literal(*set) {
                Some(text) if complete => parts.push(text),
                _ => complete = false,
            }
        }
        // Keywords are kept only if nothing is left out.
        let positional = parts.len();
        for (name, set) in &args.keywords {
            match literal(*set) {
                Some(text) if complete => parts.push(format!("{}={text}", self.names.text(*name))),
                _ => complete = false,
            }
        }
        if !complete {
            parts.truncate(positional);
        }
        if parts.is_empty() {
            return ("(...)".to_owned(), String::new());
        }
        if !complete {
            parts.push("...".to_owned());
        }
        let text = format!("({})", parts.join(", "));
        (text.clone(), text)
    }
}
