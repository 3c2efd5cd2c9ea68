//! Walks statements: the order of things, branches, loops, definitions.

use super::Unknown;
use super::definitions::{ScopeKind, address};
use super::heap::{Ancestor, CellId, ClassObject, ClosureId, EMPTY, Field, Frame, SetId, Shape, Val};
use super::interpret::{DEEPEST_WALK, Interpreter, Loop, MOST_EXITS, Site, Target};
use super::invoke::Args;
use crate::project::modules::Resolution;
use ruff_python_ast::{ExceptHandler, Expr, Pattern, Stmt, StmtClassDef, StmtFunctionDef, StmtTry};

impl<'p> Interpreter<'p> {
    pub fn block(&mut self, body: &'p [Stmt]) {
        for stmt in body {
            if self.dead || self.out_of_steps() {
                return;
            }
            self.statement(stmt);
        }
    }

    /// Counts work.
    pub fn step(&mut self, work: usize) {
        self.steps += work as u64;
        if self.inlined > 0 {
            self.inline_steps += work as u64;
        }
    }

    pub fn statement(&mut self, stmt: &'p Stmt) {
        self.step(1);
        if self.depth > DEEPEST_WALK {
            return;
        }
        self.depth += 1;
        match stmt {
            Stmt::FunctionDef(def) => self.define_function(def),
            Stmt::ClassDef(def) => self.define_class(def),
            Stmt::Return(node) => {
                let value = match &node.value {
                    Some(value) => self.eval(value),
                    None => self.heap.one(Val::None),
                };
                self.activation.returns = self.heap.union(self.activation.returns, value);
                self.leave();
            }
            Stmt::Delete(node) => {
                for target in &node.targets {
                    self.delete(target);
                }
            }
            Stmt::TypeAlias(node) => {
                if let Expr::Name(name) = &*node.name {
                    let name = self.names.id(name.id.as_str());
                    let value = self.eval(&node.value);
                    self.store_name(name, value);
                }
            }
            Stmt::Assign(node) => {
                let value = self.eval(&node.value);
                for target in &node.targets {
                    self.assign(target, value);
                }
            }
            Stmt::AugAssign(node) => {
                let old = self.eval(&node.target);
                let value = self.eval(&node.value);
                let site = Site::implicit(node);
                let new = self.binary(old, node.op, value, site, true);
                self.assign(&node.target, new);
            }
            Stmt::AnnAssign(node) => {
                if let Some(value) = &node.value {
                    let mut value = self.eval(value);
                    if self.is_unknown(value) {
                        let typed = self.annotation(&node.annotation, 0);
                        if typed != EMPTY {
                            value = typed;
                        }
                    }
                    self.assign(&node.target, value);
                }
            }
            Stmt::For(node) => {
                let iterable = self.eval(&node.iter);
                let site = Site::implicit(&*node.iter);
                let elements = self.iterate(iterable, site);
                self.repeat(Some((&node.target, elements)), None, &node.body, &node.orelse);
            }
            Stmt::While(node) => self.repeat(None, Some(&node.test), &node.body, &node.orelse),
            Stmt::If(node) => {
                self.test(&node.test);
                let mut outcomes = Vec::new();
                let mut exhaustive = false;
                self.branch(Some(&node.test), &node.body, &mut outcomes);
                for clause in &node.elif_else_clauses {
                    match &clause.test {
                        Some(test) => self.test(test),
                        None => exhaustive = true,
                    }
                    self.branch(clause.test.as_ref(), &clause.body, &mut outcomes);
                }
                self.meet(outcomes, !exhaustive);
            }
            Stmt::With(node) => self.with(node),
            Stmt::Match(node) => {
                let subject = self.eval(&node.subject);
                let mut outcomes = Vec::new();
                let mut exhaustive = false;
                for case in &node.cases {
                    self.heap.begin();
                    self.bind_pattern(&case.pattern, subject);
                    if let Some(guard) = &case.guard {
                        self.test(guard);
                    }
                    exhaustive |= case.guard.is_none() && case.pattern.is_irrefutable();
                    self.block(&case.body);
                    self.end_branch(&mut outcomes);
                }
                self.meet(outcomes, !exhaustive);
            }
            Stmt::Raise(node) => {
                if let Some(exception) = &node.exc {
                    let value = self.eval(exception);
                    self.raise(value, Site::implicit(&**exception));
                }
                if let Some(cause) = &node.cause {
                    self.eval(cause);
                }
                self.dead = true;
                self.raised = true;
            }
            Stmt::Try(node) => self.try_statement(node),
            Stmt::Assert(node) => {
                self.test(&node.test);
                if let Some(message) = &node.msg {
                    self.begin_maybe();
                    self.eval(message);
                    self.end_maybe();
                }
            }
            Stmt::Import(node) => {
                for alias in &node.names {
                    let dotted = alias.name.id.as_str();
                    let whole = self.import(dotted);
                    match &alias.asname {
                        Some(name) => {
                            let name = self.names.id(name.id.as_str());
                            self.store_name(name, whole);
                        }
                        None => {
                            let first = dotted.split('.').next().unwrap_or(dotted);
                            let value = self.import(first);
                            let name = self.names.id(first);
                            self.store_name(name, value);
                        }
                    }
                }
            }
            Stmt::ImportFrom(node) => {
                let name = node.module.as_ref().map_or("", |name| name.id.as_str());
                let base = self.project.absolute(self.module, node.level, name);
                for alias in &node.names {
                    let attribute = alias.name.id.as_str();
                    if attribute == "*" {
                        self.import_star(&base);
                        continue;
                    }
                    let bound = alias.asname.as_ref().map_or(attribute, |name| name.id.as_str());
                    let value = self.import_from(&base, attribute);
                    let bound = self.names.id(bound);
                    if value == EMPTY
                        && self.initialising
                        && let Resolution::Module(module) = self.project.resolve(&base)
                        && let Some(owner) = self.owner(bound, true)
                    {
                        let cell = self.heap.cell(self.frame(owner).object, Field::Attribute(bound));
                        let name = self.names.id(attribute);
                        self.late.push((cell, module, name));
                    }
                    self.store_name(bound, value);
                }
            }
            Stmt::Expr(node) => {
                self.eval(&node.value);
            }
            Stmt::Break(_) => self.jump(|of| &mut of.breaks),
            Stmt::Continue(_) => self.jump(|of| &mut of.continues),
            Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
        self.depth -= 1;
    }

    /// Leaves the body of the innermost loop with the state of this moment.
    fn jump(&mut self, ways: impl Fn(&mut Loop) -> &mut Vec<Vec<(CellId, SetId)>>) {
        if let Some(of) = self.activation.loops.last_mut() {
            if ways(of).len() < MOST_EXITS {
                let snapshot = self.heap.snapshot(of.depth);
                ways(of).push(snapshot);
            } else {
                of.coarse = true;
            }
        }
        self.dead = true;
    }

    /// Leaves the function with the state of this moment.
    pub fn leave(&mut self) {
        if self.activation.exits.len() < MOST_EXITS {
            let snapshot = self.heap.snapshot(self.activation.depth);
            self.activation.exits.push(snapshot);
        } else {
            self.activation.coarse = true;
        }
        self.dead = true;
        self.raised = false;
    }

    pub fn branch(&mut self, test: Option<&'p Expr>, body: &'p [Stmt], outcomes: &mut Vec<Vec<(CellId, SetId)>>) {
        self.heap.begin();
        if let Some(test) = test {
            self.assume(test);
        }
        self.block(body);
        self.end_branch(outcomes);
    }

    /// Takes note of what a condition says where it holds: `isinstance(name, classes)`, alone or in an `and`.
    pub fn assume(&mut self, test: &'p Expr) {
        match test {
            Expr::BoolOp(node) if node.op == ruff_python_ast::BoolOp::And => {
                for part in node.values.iter().take(8) {
                    if matches!(part, Expr::Call(_)) {
                        self.assume(part);
                    }
                }
            }
            Expr::Call(node) => {
                if let (Expr::Name(function), [Expr::Name(name), classes]) = (&*node.func, &*node.arguments.args)
                    && function.id.as_str() == "isinstance"
                    && matches!(classes, Expr::Name(_) | Expr::Attribute(_) | Expr::Tuple(_))
                {
                    let classes = self.eval(classes);
                    let name = self.names.id(name.id.as_str());
                    if self.owner(name, false) != Some(self.frame) {
                        // Other code may see, and change, what is not local.
                        return;
                    }
                    let set = self.load_name(name);
                    let narrowed = self.narrow(set, classes);
                    if narrowed != set {
                        self.store_name(name, narrowed);
                    }
                }
            }
            _ => {}
        }
    }

    pub fn end_branch(&mut self, outcomes: &mut Vec<Vec<(CellId, SetId)>>) {
        let changes = self.heap.end();
        self.heap.note(&changes);
        if !self.dead {
            outcomes.push(changes.iter().map(|change| (change.cell, change.value)).collect());
        }
        self.dead = false;
    }

    /// Goes on where branches meet.
    pub fn meet(&mut self, outcomes: Vec<Vec<(CellId, SetId)>>, also_old: bool) {
        if outcomes.is_empty() {
            self.dead = !also_old;
            return;
        }
        self.heap.join(&outcomes, also_old);
    }

    /// Begins code that may or may not run.
    pub fn begin_maybe(&mut self) {
        self.heap.begin();
    }

    /// Ends code that may or may not have run.
    pub fn end_maybe(&mut self) {
        let changes = self.heap.end();
        if !changes.is_empty() {
            self.heap.note(&changes);
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            self.heap.join(&[outcome], true);
        }
    }

    pub fn repeat(
        &mut self,
        target: Option<(&'p Expr, SetId)>,
        test: Option<&'p Expr>,
        body: &'p [Stmt],
        orelse: &'p [Stmt],
    ) {
        // Within three loops each body is walked once for each walk of the loop around it.
        let rounds = match self.loop_level {
            0 => 6,
            1 => 3,
            2 => 2,
            _ => 1,
        };
        let endless = test.is_some_and(is_true);
        self.loop_level += 1;
        let mut breaks = Vec::new();
        for _ in 0..rounds {
            if let Some(test) = test {
                self.test(test);
            }
            let depth = self.heap.begin();
            self.activation.loops.push(Loop { depth, ..Loop::default() });
            if let Some((target, elements)) = target {
                self.assign(target, elements);
            }
            self.block(body);
            let of = self.activation.loops.pop().unwrap_or_default();
            let mut outcomes = of.continues;
            let everything = of.coarse.then(|| self.heap.everything(depth));
            self.end_branch(&mut outcomes);
            breaks = of.breaks;
            if let Some(everything) = everything {
                breaks.push(everything.clone());
                outcomes.push(everything);
            }
            if outcomes.is_empty() || !self.heap.join(&outcomes, true) {
                break;
            }
        }
        self.loop_level -= 1;
        let mut outcomes = breaks;
        if !endless {
            if outcomes.is_empty() {
                self.block(orelse);
                return;
            }
            self.heap.begin();
            self.block(orelse);
            self.end_branch(&mut outcomes);
        }
        self.meet(outcomes, false);
    }

    pub fn try_statement(&mut self, node: &'p StmtTry) {
        let exits = self.activation.exits.len();
        self.heap.begin();
        self.heap.tries += 1;
        self.block(&node.body);
        self.heap.tries -= 1;
        let changes = self.heap.end();
        self.heap.note(&changes);
        let finished = !self.dead;
        self.dead = false;
        let mut outcomes = Vec::new();
        if finished {
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            if node.orelse.is_empty() {
                outcomes.push(outcome);
            } else {
                self.heap.begin();
                self.heap.join(&[outcome], false);
                self.block(&node.orelse);
                self.end_branch(&mut outcomes);
            }
        }
        // A handler may find anything that the body stored on its way.
        let on_the_way: Vec<_> = changes.iter().map(|change| (change.cell, change.all)).collect();
        for handler in &node.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            self.heap.begin();
            self.heap.join(std::slice::from_ref(&on_the_way), true);
            let class = handler.type_.as_ref().map_or(EMPTY, |class| self.eval(class));
            if let Some(name) = &handler.name {
                let value = self.instances_of(class);
                let name = self.names.id(name.id.as_str());
                self.store_name(name, value);
            }
            self.block(&handler.body);
            self.end_branch(&mut outcomes);
        }
        if outcomes.is_empty() {
            // Only `finally` runs, on the way out.
            if !node.finalbody.is_empty() {
                self.heap.begin();
                self.heap.join(&[on_the_way], true);
                self.block(&node.finalbody);
                let changes = self.heap.end();
                self.heap.note(&changes);
                for exit in self.activation.exits.iter_mut().skip(exits) {
                    exit.retain(|(cell, _)| !changes.iter().any(|change| change.cell == *cell));
                    exit.extend(changes.iter().map(|change| (change.cell, change.value)));
                }
            }
            self.dead = true;
            return;
        }
        self.heap.join(&outcomes, false);
        if !node.finalbody.is_empty() {
            let leaving = self.activation.exits.len() > exits;
            let depth = self.heap.begin();
            self.block(&node.finalbody);
            let snapshot = self.heap.snapshot(depth);
            let changes = self.heap.end();
            self.heap.note(&changes);
            if leaving {
                for exit in self.activation.exits.iter_mut().skip(exits) {
                    exit.retain(|(cell, _)| !snapshot.iter().any(|(changed, _)| changed == cell));
                    exit.extend(snapshot.iter().copied());
                }
            }
            if !self.dead {
                self.heap.join(&[snapshot], false);
            }
        }
    }

    pub fn with(&mut self, node: &'p ruff_python_ast::StmtWith) {
        let (enter, exit) = if node.is_async { ("__aenter__", "__aexit__") } else { ("__enter__", "__exit__") };
        let mut managers = Vec::new();
        for item in &node.items {
            let manager = self.eval(&item.context_expr);
            let site = Site::implicit(&item.context_expr);
            let value = self.enter_context(manager, enter, site);
            if let Some(target) = &item.optional_vars {
                self.assign(target, value);
            }
            managers.push((manager, site));
        }
        self.heap.begin();
        self.heap.tries += 1;
        self.block(&node.body);
        self.heap.tries -= 1;
        let changes = self.heap.end();
        self.heap.note(&changes);
        if self.dead && self.raised {
            // The context manager may swallow the exception.
            self.dead = false;
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.all)).collect();
            self.heap.join(&[outcome], true);
        } else {
            let outcome: Vec<_> = changes.iter().map(|change| (change.cell, change.value)).collect();
            self.heap.join(&[outcome], false);
        }
        let dead = std::mem::replace(&mut self.dead, false);
        for (manager, site) in managers.into_iter().rev() {
            let none = self.heap.one(Val::None);
            let args = Args { positional: vec![none; 3], ..Args::default() };
            self.call_special(manager, exit, args, site);
        }
        self.dead = dead;
    }

    pub fn define_function(&mut self, def: &'p StmtFunctionDef) {
        let Some(function) = self.defs.function_of.get(&address(def)).copied() else { return };
        let decorators: Vec<SetId> =
            def.decorator_list.iter().map(|decorator| self.eval(&decorator.expression)).collect();
        let closure = self.close_over(function);
        self.defaults(closure, Some(&def.parameters));
        let name = self.names.id(def.name.id.as_str());
        let mut value = self.heap.one(Val::Function(closure));
        let in_class = self.defs.scope(self.frame(self.frame).scope).kind == ScopeKind::Class;
        if in_class {
            match def.name.id.as_str() {
                "__new__" => {
                    let inner = self.heap.value(Val::Function(closure));
                    value = self.heap.one(Val::StaticMethod(inner));
                }
                "__init_subclass__" | "__class_getitem__" => {
                    let inner = self.heap.value(Val::Function(closure));
                    value = self.heap.one(Val::ClassMethod(inner));
                }
                _ => {}
            }
        }
        for (decorator, set) in def.decorator_list.iter().zip(decorators).rev() {
            value = self.decorate(set, value, Site::implicit(decorator));
        }
        if !def.decorator_list.is_empty() {
            let old = self.decorated.get(&function).copied().unwrap_or(EMPTY);
            let new = self.heap.union(old, value);
            self.decorated.insert(function, new);
        }
        self.store_name(name, value);
    }

    /// Evaluates default values, where and when the function is defined.
    pub fn defaults(&mut self, closure: ClosureId, parameters: Option<&'p ruff_python_ast::Parameters>) {
        let Some(parameters) = parameters else { return };
        let object = self.closure(closure).object;
        for (at, parameter) in parameters.iter_non_variadic_params().enumerate() {
            if let Some(default) = &parameter.default {
                let value = self.eval(default);
                let cell = self.heap.cell(object, Field::Default(at as u32));
                let unique =
                    self.heap.objects.get(self.frame(self.frame).object.0 as usize).is_some_and(|of| of.unique);
                self.heap.store(cell, value, unique);
            }
        }
    }

    pub fn define_class(&mut self, def: &'p StmtClassDef) {
        let Some(class) = self.defs.class_of.get(&address(def)).copied() else { return };
        let decorators: Vec<SetId> =
            def.decorator_list.iter().map(|decorator| self.eval(&decorator.expression)).collect();
        let mut bases = Vec::new();
        let mut metaclass = None;
        if let Some(arguments) = &def.arguments {
            for base in &arguments.args {
                bases.push(self.eval(base));
            }
            for keyword in &arguments.keywords {
                let value = self.eval(&keyword.value);
                if keyword.arg.as_ref().is_some_and(|name| name.id.as_str() == "metaclass") {
                    metaclass = self.heap.vals(value).into_iter().find_map(|(_, val)| match val {
                        Val::Class(class) => Some(class),
                        _ => None,
                    });
                }
            }
        }
        let site = (address(def), self.frame.0, 0);
        let object = self.heap.allocate(site, Shape::Class);
        let order = self.method_resolution_order(object, &bases);
        let from_annotations = order.iter().any(|ancestor| match ancestor {
            Ancestor::External(id) => {
                let text = self.names.text(self.externals[id.0 as usize].text);
                text.ends_with(".NamedTuple") || text.ends_with(".BaseModel") || text.ends_with(".TypedDict")
            }
            Ancestor::Class(base) => {
                *base != object && self.class_objects.get(base).is_some_and(|base| base.fields_from_annotations)
            }
            Ancestor::Builtin(_) => false,
        });
        let inherited = order.iter().find_map(|ancestor| match ancestor {
            Ancestor::Class(base) if *base != object => self.class_objects.get(base).and_then(|base| base.metaclass),
            _ => None,
        });
        let metaclass = metaclass.or(inherited).filter(|metaclass| *metaclass != object);
        match self.class_objects.get_mut(&object) {
            Some(known) => {
                known.order = order;
                known.metaclass = metaclass;
            }
            None => {
                self.class_objects.insert(
                    object,
                    ClassObject {
                        class,
                        order,
                        metaclass,
                        fields_from_annotations: from_annotations,
                        instances: Vec::new(),
                        default_instance: None,
                    },
                );
                self.objects_of.entry(class).or_default().push(object);
            }
        }
        let body = self.defs.classes[class.index()].body;
        let scope = self.defs.function(body).scope;
        let key = (u32::MAX, object.0, address(def));
        let frame = match self.frame_ids.get(&key) {
            Some(frame) => *frame,
            None => {
                let frame = self.add_frame(Frame {
                    scope,
                    function: body,
                    module: self.module,
                    object,
                    parent: Some(self.frame),
                    closure: None,
                });
                self.frame_ids.insert(key, frame);
                frame
            }
        };
        let (outer_frame, outer_function) = (self.frame, self.function);
        self.frame = frame;
        self.function = body;
        self.walked[body.index()] = true;
        self.block(&def.body);
        self.frame = outer_frame;
        self.function = outer_function;
        let mut value = self.heap.one(Val::Class(object));
        // Descriptors are told their names.
        for (field, cell) in self.heap.fields_of(object) {
            if let Field::Attribute(attribute) = field {
                let attributes = self.heap.read(cell);
                let owner = self.heap.one(Val::Class(object));
                let text = self.heap.one(Val::Str(attribute));
                let args = Args { positional: vec![owner, text], ..Args::default() };
                self.call_special(attributes, "__set_name__", args, Site::implicit(&def.name));
            }
        }
        // A base class is told of its subclasses.
        if let Some(hook) = self.find_in_ancestors(object, "__init_subclass__", true) {
            let receiver = self.heap.value(Val::Class(object));
            let site = Site::implicit(&def.name);
            for (id, val) in self.heap.vals(hook) {
                let inner = match val {
                    Val::ClassMethod(inner) => inner,
                    _ => id,
                };
                let receiver = self.heap.single(receiver);
                let args = Args { positional: vec![receiver], ..Args::default() };
                self.call_value(inner, args, site);
            }
        }
        for (decorator, set) in def.decorator_list.iter().zip(decorators).rev() {
            value = self.decorate(set, value, Site::implicit(decorator));
        }
        let name = self.names.id(def.name.id.as_str());
        self.store_name(name, value);
    }

    pub fn raise(&mut self, value: SetId, site: Site) {
        for (id, val) in self.heap.vals(value) {
            match val {
                Val::Class(_) => {
                    self.call_value(id, Args::default(), site);
                }
                // `raise ext.Error` makes one; `raise ext.Error(…)` has made it already.
                Val::External(external)
                    if !self.names.text(self.externals[external.0 as usize].text).ends_with(')') =>
                {
                    self.reach(site, Target::External(external));
                }
                _ => {}
            }
        }
    }

    pub fn delete(&mut self, target: &'p Expr) {
        match target {
            Expr::Name(name) => {
                let name = self.names.id(name.id.as_str());
                self.store_name(name, EMPTY);
            }
            Expr::Attribute(node) => {
                let base = self.eval(&node.value);
                let name = self.names.id(node.attr.id.as_str());
                self.delete_attribute(base, name, Site::implicit(node));
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let key = self.eval(&node.slice);
                let args = Args { positional: vec![key], ..Args::default() };
                self.call_special(base, "__delitem__", args, Site::implicit(node));
            }
            Expr::Tuple(node) => {
                for target in &node.elts {
                    self.delete(target);
                }
            }
            Expr::List(node) => {
                for target in &node.elts {
                    self.delete(target);
                }
            }
            _ => {}
        }
    }

    pub fn assign(&mut self, target: &'p Expr, value: SetId) {
        match target {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                self.store_name(name, value);
            }
            Expr::Attribute(node) => {
                let base = self.eval(&node.value);
                let name = self.names.id(node.attr.id.as_str());
                self.set_attribute(base, name, value, Site::implicit(node));
            }
            Expr::Subscript(node) => {
                let base = self.eval(&node.value);
                let key = self.eval(&node.slice);
                self.set_item(base, key, value, Site::implicit(node));
            }
            Expr::Starred(node) => self.assign(&node.value, value),
            Expr::Tuple(node) => self.unpack(&node.elts, value, Site::implicit(node)),
            Expr::List(node) => self.unpack(&node.elts, value, Site::implicit(node)),
            _ => {}
        }
    }

    pub fn unpack(&mut self, targets: &'p [Expr], value: SetId, site: Site) {
        let star = targets.iter().position(|target| matches!(target, Expr::Starred(_)));
        let mut parts = vec![EMPTY; targets.len()];
        let mut middle: Vec<SetId> = Vec::new();
        let mut middle_rest = EMPTY;
        let mut other = Vec::new();
        for (id, val) in self.heap.vals(value) {
            let Val::Object(object) = val else {
                other.push(id);
                continue;
            };
            if !matches!(self.heap.shape(object), Shape::List | Shape::Tuple) {
                other.push(id);
                continue;
            }
            let length = match self.length(object) {
                Some(length) => length,
                None => {
                    other.push(id);
                    continue;
                }
            };
            let after = star.map_or(0, |at| targets.len() - at - 1);
            for (at, part) in parts.iter_mut().enumerate() {
                let from = match star {
                    Some(star) if at == star => {
                        let last = (length - after as i64).max(at as i64);
                        for (slot, index) in (at as i64..last).enumerate() {
                            let set = self.element(object, index);
                            if middle.len() <= slot {
                                middle.push(EMPTY);
                            }
                            if let Some(old) = middle.get_mut(slot) {
                                *old = self.heap.union(*old, set);
                            }
                        }
                        continue;
                    }
                    Some(star) if at > star => length - (targets.len() - at) as i64,
                    _ => at as i64,
                };
                let set = self.element(object, from);
                *part = self.heap.union(*part, set);
            }
        }
        if !other.is_empty() {
            let other = self.heap.set(other);
            let elements = self.iterate(other, site);
            for part in &mut parts {
                *part = self.heap.union(*part, elements);
            }
            middle_rest = elements;
        }
        for (at, (target, part)) in targets.iter().zip(parts).enumerate() {
            if star == Some(at) {
                let list = self.new_container(Shape::List, (address(target), self.frame.0, 1));
                for (index, set) in middle.iter().enumerate() {
                    let cell = self.heap.cell(list, Field::Index(index as i64));
                    self.heap.add(cell, *set);
                }
                if middle_rest == EMPTY {
                    self.set_length(list, middle.len() as i64);
                } else {
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, middle_rest);
                }
                let list = self.heap.one(Val::Object(list));
                self.assign(target, list);
            } else {
                self.assign(target, part);
            }
        }
    }

    pub fn bind_pattern(&mut self, pattern: &'p Pattern, subject: SetId) {
        self.steps += 1;
        if self.depth > DEEPEST_WALK {
            return;
        }
        self.depth += 1;
        match pattern {
            Pattern::MatchValue(node) => {
                self.eval(&node.value);
            }
            Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(node) => {
                let elements = self.iterate(subject, Site::implicit(node));
                for (at, part) in node.patterns.iter().enumerate() {
                    let mut value = EMPTY;
                    if !matches!(part, Pattern::MatchStar(_)) {
                        for (_, val) in self.heap.vals(subject) {
                            if let Val::Object(object) = val
                                && self.length(object).is_some()
                            {
                                let set = self.element(object, at as i64);
                                value = self.heap.union(value, set);
                            }
                        }
                    }
                    let value = if value == EMPTY { elements } else { value };
                    self.bind_pattern(part, value);
                }
            }
            Pattern::MatchMapping(node) => {
                for (key, part) in node.keys.iter().zip(&node.patterns) {
                    let key = self.eval(key);
                    let value = self.get_item(subject, key, Site::implicit(node));
                    self.bind_pattern(part, value);
                }
                if let Some(name) = &node.rest {
                    let name = self.names.id(name.id.as_str());
                    let value = self.typed("dict");
                    self.store_name(name, value);
                }
            }
            Pattern::MatchClass(node) => {
                let class = self.eval(&node.cls);
                let subject = self.narrow(subject, class);
                for part in &node.arguments.patterns {
                    let value = self.unknown(Unknown::Contents);
                    self.bind_pattern(part, value);
                }
                for keyword in &node.arguments.keywords {
                    let name = self.names.id(keyword.attr.id.as_str());
                    let value = self.get_attribute(subject, name, Site::implicit(keyword));
                    self.bind_pattern(&keyword.pattern, value);
                }
            }
            Pattern::MatchStar(node) => {
                if let Some(name) = &node.name {
                    let list = self.new_container(Shape::List, (address(node), self.frame.0, 0));
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, subject);
                    let list = self.heap.one(Val::Object(list));
                    let name = self.names.id(name.id.as_str());
                    self.store_name(name, list);
                }
            }
            Pattern::MatchAs(node) => {
                let mut subject = subject;
                if let Some(inner) = &node.pattern {
                    self.bind_pattern(inner, subject);
                    if let Pattern::MatchClass(class) = &**inner {
                        let class = self.eval(&class.cls);
                        subject = self.narrow(subject, class);
                    }
                }
                if let Some(name) = &node.name {
                    let name = self.names.id(name.id.as_str());
                    self.store_name(name, subject);
                }
            }
            Pattern::MatchOr(node) => {
                for part in &node.patterns {
                    self.bind_pattern(part, subject);
                }
            }
        }
        self.depth -= 1;
    }
}

/// Whether a condition is written as always true.
fn is_true(test: &Expr) -> bool {
    match test {
        Expr::BooleanLiteral(node) => node.value,
        Expr::NumberLiteral(node) => {
            matches!(&node.value, ruff_python_ast::Number::Int(int) if *int != ruff_python_ast::Int::ZERO)
        }
        _ => false,
    }
}
