//! Statements.

use ruff_python_ast::{self as ast, Expr as Ast, Stmt};
use ruff_text_size::Ranged;

use crate::expression::{Text, Value as Plain};
use crate::names::exception_name;

use super::amount::Amount;
use super::machine::{Exit, Flow, Machine, Weight};
use super::unknown::UnknownKind;
use super::value::{Code, FrameId, Kind, Number, Value};

/// Whether a statement has no statements inside: those that a run leaves a mark behind ([`super::Outcome::marks`]).
pub fn is_simple(statement: &Stmt) -> bool {
    !matches!(
        statement,
        Stmt::If(_)
            | Stmt::For(_)
            | Stmt::While(_)
            | Stmt::Try(_)
            | Stmt::With(_)
            | Stmt::Match(_)
            | Stmt::FunctionDef(_)
            | Stmt::ClassDef(_)
    )
}

impl<'p> Machine<'p> {
    /// Runs statements in order, up to the first that does not go on.
    pub(super) fn statements(&mut self, body: &'p [Stmt]) -> Flow {
        for statement in body {
            // Formulas make statements slow; loops are run for fewer rounds then.
            self.steps = self.steps.saturating_add(1 + self.state.effort());
            if self.is_spent() {
                self.assume("the handler runs more statements than are followed: what comes after is left out");
                return Flow::Next;
            }
            let flow = self.statement(statement);
            let line = self.line(statement);
            self.look_at_peak(line);
            if is_simple(statement) {
                self.mark(line);
            }
            match flow {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &'p Stmt) -> Flow {
        match self.try_run(statement) {
            Ok(flow) | Err(flow) => flow,
        }
    }

    fn try_run(&mut self, statement: &'p Stmt) -> Result<Flow, Flow> {
        match statement {
            Stmt::Expr(statement) => {
                let value = self.expression(&statement.value)?;
                self.state.settle(&value);
            }
            Stmt::Assign(statement) => {
                let value = self.expression(&statement.value)?;
                self.state.keep(&value);
                for target in &statement.targets {
                    if Self::adds_to_target(target, &statement.value) {
                        self.warn_of_growth_by_name(target, &[&value]);
                    }
                    self.assign(target, value.clone())?;
                    self.keep_numbers_of(target, &statement.value);
                }
                self.state.unkeep(&value);
                self.state.settle(&value);
            }
            Stmt::AnnAssign(statement) => {
                if let Some(value) = &statement.value {
                    let value = self.expression(value)?;
                    self.assign(&statement.target, value)?;
                }
            }
            Stmt::AugAssign(statement) => self.augmented(statement)?,
            Stmt::Return(statement) => {
                let value = match &statement.value {
                    Some(value) => self.expression(value)?,
                    None => Value::NONE,
                };
                return Ok(Flow::Return(value));
            }
            Stmt::If(statement) => return Ok(self.if_statement(statement)),
            Stmt::For(statement) => return Ok(self.for_statement(statement)),
            Stmt::While(statement) => return Ok(self.while_statement(statement)),
            Stmt::Try(statement) => return Ok(self.try_statement(statement)),
            Stmt::With(statement) => return Ok(self.with_statement(&statement.items, &statement.body)),
            Stmt::Match(statement) => return self.match_statement(statement),
            Stmt::Raise(statement) => {
                let name = match &statement.exc {
                    Some(exception) => {
                        let value = self.expression(exception)?;
                        self.state.settle(&value);
                        exception_name(exception)
                    }
                    None => self.handling.last().cloned().unwrap_or_else(|| Text::from("Exception")),
                };
                return Ok(Flow::Raise(name));
            }
            Stmt::Assert(statement) => {
                let test = self.expression(&statement.test)?;
                if self.decide(&test, &statement.test).ok() == Some(false) {
                    return Ok(Flow::Raise(Text::from("AssertionError")));
                }
                self.state.settle(&test);
            }
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Continue(_) => return Ok(Flow::Continue),
            Stmt::Delete(statement) => {
                for target in &statement.targets {
                    self.delete(target)?;
                }
            }
            Stmt::FunctionDef(function) => self.define_function(function)?,
            Stmt::ClassDef(class) => self.define_class(class)?,
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::TypeAlias(_) | Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
        Ok(Flow::Next)
    }

    // ---- branches -----------------------------------------------------------------------------------------------------

    fn if_statement(&mut self, statement: &'p ast::StmtIf) -> Flow {
        let test = match self.expression(&statement.test) {
            Ok(test) => test,
            Err(flow) => return flow,
        };
        self.branch(
            &test,
            &statement.test,
            |machine| machine.statements(&statement.body),
            |machine| machine.elif(&statement.elif_else_clauses),
        )
    }

    fn elif(&mut self, clauses: &'p [ast::ElifElseClause]) -> Flow {
        let Some((clause, rest)) = clauses.split_first() else { return Flow::Next };
        let Some(test) = &clause.test else { return self.statements(&clause.body) };
        let value = match self.expression(test) {
            Ok(value) => value,
            Err(flow) => return flow,
        };
        self.branch(&value, test, |machine| machine.statements(&clause.body), |machine| machine.elif(rest))
    }

    /// Runs one arm where the condition is known; both otherwise, and joins what they leave.
    pub(super) fn branch(
        &mut self,
        test: &Value,
        node: &'p Ast,
        then: impl FnOnce(&mut Self) -> Flow,
        otherwise: impl FnOnce(&mut Self) -> Flow,
    ) -> Flow {
        let decided = self.decide(test, node);
        self.state.settle(test);
        let weight = match decided {
            Ok(true) => return then(self),
            Ok(false) => return otherwise(self),
            Err(weight) => weight,
        };
        self.fork(weight, then, otherwise)
    }

    /// Runs both arms from the same state.
    pub(super) fn fork(
        &mut self,
        weight: Weight,
        then: impl FnOnce(&mut Self) -> Flow,
        otherwise: impl FnOnce(&mut Self) -> Flow,
    ) -> Flow {
        self.forks += 1;
        self.state.forget_free_places();
        let entry = self.state.clone();
        let places = entry.places();
        let flow_then = then(self);
        let state_then = std::mem::replace(&mut self.state, entry);
        let flow_else = otherwise(self);
        match (flow_then, flow_else) {
            (Flow::Next, Flow::Next) => {
                self.join_with(&weight, state_then, places);
                Flow::Next
            }
            (Flow::Next, leaves) => {
                let state = std::mem::replace(&mut self.state, state_then);
                self.exits.push(Exit { weight: weight.negate(), state, flow: leaves });
                Flow::Next
            }
            (leaves, Flow::Next) => {
                self.exits.push(Exit { weight, state: state_then, flow: leaves });
                Flow::Next
            }
            (Flow::Return(a), Flow::Return(b)) => {
                let value = self.join_values(&weight, state_then, a, b, places);
                Flow::Return(value)
            }
            (a, b) if a == b => {
                self.join_with(&weight, state_then, places);
                a
            }
            (leaves, other) => {
                self.exits.push(Exit { weight, state: state_then, flow: leaves });
                other
            }
        }
    }

    fn match_statement(&mut self, statement: &'p ast::StmtMatch) -> Result<Flow, Flow> {
        let subject = self.expression(&statement.subject)?;
        Ok(self.cases(&subject, &statement.cases))
    }

    fn cases(&mut self, subject: &Value, cases: &'p [ast::MatchCase]) -> Flow {
        let Some((case, rest)) = cases.split_first() else { return Flow::Next };
        let matches = self.pattern(&case.pattern, subject);
        let body = |machine: &mut Self| {
            machine.capture(&case.pattern, subject);
            machine.statements(&case.body)
        };
        match (matches, &case.guard) {
            (Some(false), _) => self.cases(subject, rest),
            (Some(true), None) => body(self),
            (Some(true), Some(guard)) => {
                self.capture(&case.pattern, subject);
                match self.expression(guard) {
                    Ok(test) => self.branch(&test, guard, body, |machine| machine.cases(subject, rest)),
                    Err(flow) => flow,
                }
            }
            (None, _) => {
                let share = self.condition_share(&case.pattern);
                self.fork(share, body, |machine| machine.cases(subject, rest))
            }
        }
    }

    /// Whether a pattern matches, where that is known.
    fn pattern(&mut self, pattern: &'p ast::Pattern, subject: &Value) -> Option<bool> {
        match pattern {
            ast::Pattern::MatchValue(value) => {
                let wanted = self.expression(&value.value).ok()?;
                let (wanted, subject) = (self.plain(&wanted)?, self.plain(subject)?);
                Some(wanted.equals(&subject))
            }
            ast::Pattern::MatchSingleton(single) => {
                let wanted = match single.value {
                    ast::Singleton::None => Plain::None,
                    ast::Singleton::True => Plain::Bool(true),
                    ast::Singleton::False => Plain::Bool(false),
                };
                match subject {
                    Value::Object(_) | Value::Code(_) => Some(false),
                    _ => Some(self.plain(subject)? == wanted),
                }
            }
            ast::Pattern::MatchAs(inner) => match &inner.pattern {
                Some(inner) => self.pattern(inner, subject),
                None => Some(true),
            },
            ast::Pattern::MatchOr(any) => {
                let mut all_known = true;
                for one in &any.patterns {
                    match self.pattern(one, subject) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => all_known = false,
                    }
                }
                all_known.then_some(false)
            }
            ast::Pattern::MatchMapping(mapping) => {
                let Plain::Dict(items) = self.plain(subject)? else { return Some(false) };
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let key = self.expression(key).ok()?;
                    let key = self.plain(&key)?;
                    match items.iter().find(|(other, _)| other.equals(&key)) {
                        Some((_, item)) => match self.pattern(inner, &Value::Plain(item.clone())) {
                            Some(true) => {}
                            other => return other,
                        },
                        None => return Some(false),
                    }
                }
                Some(true)
            }
            ast::Pattern::MatchSequence(_) | ast::Pattern::MatchClass(_) | ast::Pattern::MatchStar(_) => None,
        }
    }

    fn capture(&mut self, pattern: &'p ast::Pattern, subject: &Value) {
        match pattern {
            ast::Pattern::MatchAs(inner) => {
                if let Some(name) = &inner.name {
                    self.bind(name, subject.clone());
                }
                if let Some(inner) = &inner.pattern {
                    self.capture(inner, subject);
                }
            }
            ast::Pattern::MatchOr(any) => {
                for one in &any.patterns {
                    self.capture(one, subject);
                }
            }
            ast::Pattern::MatchMapping(mapping) => {
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let item = match self.expression(key) {
                        Ok(key) => self.item(subject, &key, inner).unwrap_or(Value::NONE),
                        Err(_) => Value::NONE,
                    };
                    self.capture(inner, &item);
                }
                if let Some(name) = &mapping.rest {
                    let value = self.unknown(pattern, UnknownKind::Result, "what a pattern leaves over");
                    self.bind(name, value);
                }
            }
            ast::Pattern::MatchSequence(sequence) => {
                for (index, inner) in sequence.patterns.iter().enumerate() {
                    if let ast::Pattern::MatchStar(star) = inner {
                        if let Some(name) = &star.name {
                            let value = self.unknown(inner, UnknownKind::Result, "what a pattern leaves over");
                            self.bind(name, value);
                        }
                        break;
                    }
                    let key = Value::int(Amount::from(index));
                    let item = self.item(subject, &key, inner).unwrap_or(Value::NONE);
                    self.capture(inner, &item);
                }
            }
            ast::Pattern::MatchClass(class) => {
                for inner in class.arguments.patterns.iter().chain(class.arguments.keywords.iter().map(|k| &k.pattern))
                {
                    self.capture(inner, subject);
                }
            }
            ast::Pattern::MatchValue(_) | ast::Pattern::MatchSingleton(_) | ast::Pattern::MatchStar(_) => {}
        }
    }

    // ---- try, with ------------------------------------------------------------------------------------------------------

    fn try_statement(&mut self, statement: &'p ast::StmtTry) -> Flow {
        let before = self.exits.len();
        for handler in &statement.handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            let named = match handler.type_.as_deref() {
                Some(Ast::Tuple(tuple)) => tuple.elts.iter().any(|one| &*exception_name(one) == "MemoryError"),
                Some(one) => &*exception_name(one) == "MemoryError",
                None => false,
            };
            if named {
                let place = format!("{}:{}", self.file(), self.line(handler));
                self.assume(format!(
                    "`except MemoryError` ({place}) is not reached: a platform kills the process at its limit, and raises nothing; \
                     what it does is not counted"
                ));
            }
        }
        let mut flow = self.statements(&statement.body);
        // A way that raised in part of the cases is caught here too, and then goes on behind the statement.
        let raised: Vec<usize> = (before..self.exits.len())
            .filter(|at| match &self.exits[*at].flow {
                Flow::Raise(name) => self.handler_of(statement, name).is_some(),
                _ => false,
            })
            .collect();
        let mut caught = Vec::new();
        for at in raised.into_iter().rev() {
            caught.push(self.exits.remove(at));
        }
        if let Flow::Raise(name) = &flow {
            if let Some(handler) = self.handler_of(statement, name) {
                let name = name.clone();
                flow = self.handle(handler, &name);
            }
        } else if flow == Flow::Next {
            flow = self.statements(&statement.orelse);
        }
        for exit in caught {
            let Flow::Raise(name) = exit.flow else { continue };
            let Some(handler) = self.handler_of(statement, &name) else { continue };
            let main = std::mem::replace(&mut self.state, exit.state);
            let places = main.places().min(self.state.places());
            let handled = self.handle(handler, &name);
            let state = std::mem::replace(&mut self.state, main);
            match (handled, &flow) {
                (Flow::Next, Flow::Next) => self.join_with(&exit.weight, state, places),
                (handled, _) => self.exits.push(Exit { weight: exit.weight, state, flow: handled }),
            }
        }
        if !statement.finalbody.is_empty() {
            if let Flow::Return(value) = &flow {
                self.state.keep(value);
            }
            match self.statements(&statement.finalbody) {
                Flow::Next => {}
                other => return other,
            }
            if let Flow::Return(value) = &flow {
                self.state.unkeep(value);
            }
        }
        flow
    }

    fn handler_of(&self, statement: &'p ast::StmtTry, name: &str) -> Option<&'p ast::ExceptHandlerExceptHandler> {
        statement.handlers.iter().find_map(|handler| {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            let catches = match handler.type_.as_deref() {
                None => true,
                Some(Ast::Tuple(tuple)) => tuple.elts.iter().any(|one| self.catches(&exception_name(one), name)),
                Some(one) => self.catches(&exception_name(one), name),
            };
            catches.then_some(handler)
        })
    }

    /// Whether a clause of a class catches an exception of another.
    fn catches(&self, class: &str, exception: &str) -> bool {
        let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
        let (class, mut exception) = (last(class), last(exception));
        if class == "BaseException" || class == exception || crate::expression::is_subclass(&exception, &class) {
            return true;
        }
        for _ in 0..20 {
            let base = self.program.classes().find_map(|(_, info)| {
                (info.definition.name.as_str() == exception)
                    .then(|| info.definition.arguments.as_ref()?.args.first().map(exception_name))
                    .flatten()
            });
            match base {
                Some(base) => exception = last(&base),
                None => break,
            }
            if class == exception || crate::expression::is_subclass(&exception, &class) {
                return true;
            }
        }
        class == "Exception" && !matches!(&*exception, "SystemExit" | "KeyboardInterrupt" | "GeneratorExit")
    }

    fn handle(&mut self, handler: &'p ast::ExceptHandlerExceptHandler, name: &Text) -> Flow {
        if let Some(variable) = &handler.name {
            let value = self.unknown(handler, UnknownKind::Result, "an exception");
            self.bind(variable, value);
        }
        self.handling.push(name.clone());
        let flow = self.statements(&handler.body);
        self.handling.pop();
        if let Some(variable) = &handler.name {
            let frame = self.frame();
            self.state.unset(frame, variable);
        }
        flow
    }

    fn with_statement(&mut self, items: &'p [ast::WithItem], body: &'p [Stmt]) -> Flow {
        let Some((item, rest)) = items.split_first() else { return self.statements(body) };
        let context = match self.expression(&item.context_expr) {
            Ok(context) => context,
            Err(flow) => return flow,
        };
        self.state.keep(&context);
        let entered = match self.enter_context(&context, &item.context_expr) {
            Ok(entered) => entered,
            Err(flow) => return flow,
        };
        if let Some(target) = &item.optional_vars
            && let Err(flow) = self.assign(target, entered)
        {
            return flow;
        }
        let mut flow = self.with_statement(rest, body);
        let left = self.leave_context(&context, &item.context_expr);
        if let (Flow::Next, Err(other)) = (&flow, left) {
            flow = other;
        }
        if let Flow::Return(value) = &flow {
            self.state.keep(value);
        }
        self.state.unkeep(&context);
        self.state.settle(&context);
        if let Flow::Return(value) = &flow {
            self.state.unkeep(value);
        }
        flow
    }

    // ---- assignment -----------------------------------------------------------------------------------------------------

    /// The frame in which the running code binds a name.
    pub(super) fn binding_frame(&self, name: &str) -> FrameId {
        let Some(here) = self.here() else { return 0 };
        if here.names.global.contains(name) {
            return self.state.modules.get(&here.module).copied().unwrap_or(here.frame);
        }
        if here.names.nonlocal.contains(name) {
            let mut frame = here.frame;
            while let Some(outer) = self.closures.get(&frame) {
                frame = *outer;
                if self.state.get(frame, name).is_some() {
                    return frame;
                }
            }
        }
        here.frame
    }

    pub(super) fn bind(&mut self, name: &str, value: Value) {
        let frame = self.binding_frame(name);
        self.state.set(frame, Text::from(name), value);
    }

    /// Numbers of variables that an assignment puts into something: `row = (x, y)`, `table[x] = y`.
    fn keep_numbers_of(&mut self, target: &Ast, value: &Ast) {
        match target {
            Ast::Name(_) if matches!(value, Ast::Name(_)) => {}
            Ast::Name(_) | Ast::Attribute(_) => self.keep_numbers(value),
            Ast::Subscript(subscript) => {
                if self.is_new_key {
                    self.keep_numbers(&subscript.slice);
                }
                self.keep_numbers(value);
            }
            _ => {}
        }
    }

    /// What an expression put into a container: numbers of variables, which are the container's from now on. The next
    /// container that gets the same variable's number only refers to it.
    pub(super) fn keep_numbers(&mut self, expression: &Ast) {
        match expression {
            Ast::Name(name) => {
                let frame = self.binding_frame(&name.id);
                if let Some(value @ (Value::Number(Number { shared: false, .. }) | Value::Float(_))) =
                    self.state.get(frame, &name.id)
                {
                    let kept = value.clone().kept();
                    self.state.set(frame, Text::from(name.id.as_str()), kept);
                }
            }
            // Other displays keep their parts when they are made.
            Ast::Tuple(tuple) => tuple.elts.iter().for_each(|item| self.keep_numbers(item)),
            _ => {}
        }
    }

    pub(super) fn assign(&mut self, target: &'p Ast, value: Value) -> Result<(), Flow> {
        match target {
            Ast::Name(name) => self.bind(&name.id, value),
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
                self.unpack(elts, &value)?;
                self.state.settle(&value);
            }
            Ast::Starred(starred) => self.assign(&starred.value, value)?,
            Ast::Attribute(attribute) => {
                self.state.keep(&value);
                let receiver = self.expression(&attribute.value)?;
                self.state.unkeep(&value);
                self.set_attribute(&receiver, &attribute.attr, value, attribute);
            }
            Ast::Subscript(subscript) => {
                self.state.keep(&value);
                let receiver = self.expression(&subscript.value)?;
                let result = if let Ast::Slice(slice) = &*subscript.slice {
                    let bounds = self.slice_bounds(slice)?;
                    self.state.unkeep(&value);
                    self.set_slice(&receiver, &bounds, &value, subscript)
                } else {
                    let key = self.expression(&subscript.slice)?;
                    self.state.unkeep(&value);
                    self.set_item(&receiver, key, value.clone(), subscript)
                };
                self.state.settle(&value);
                return result;
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(&mut self, targets: &'p [Ast], value: &Value) -> Result<(), Flow> {
        let star = targets.iter().position(|target| matches!(target, Ast::Starred(_)));
        self.state.keep(value);
        if star.is_none()
            && let Value::Object(id) = value
            && let Some(object) = self.state.object(*id)
            && object.apart()
            && object.entries.len() == targets.len()
        {
            let (id, kept) = (*id, self.state.is_held(*id));
            let items: Vec<Value> = object
                .entries
                .iter()
                .map(|entry| if kept { self.read_of(value, entry.value.clone()) } else { entry.value.clone() })
                .collect();
            let items: Vec<Value> = items.into_iter().zip(0..).map(|(item, at)| self.as_read(id, at, item)).collect();
            for (target, item) in targets.iter().zip(items) {
                self.assign(target, item)?;
            }
            self.state.unkeep(value);
            return Ok(());
        }
        for (index, target) in targets.iter().enumerate() {
            let behind = star.is_some_and(|at| index > at);
            let item = if star == Some(index) {
                let total = self.length(value, target).unwrap_or(Amount::ZERO);
                let count = total - Amount::from(targets.len() - 1);
                let first = self.item(value, &Value::int(Amount::from(index)), target).unwrap_or(Value::NONE);
                self.new_list_of(count.at_least_zero(), Some(first), target)
            } else {
                let position =
                    if behind { Amount::from(index) - Amount::from(targets.len()) } else { Amount::from(index) };
                self.item(value, &Value::int(position), target)?
            };
            self.assign(target, item)?;
        }
        self.state.unkeep(value);
        Ok(())
    }

    fn set_attribute(&mut self, receiver: &Value, name: &str, value: Value, node: &impl Ranged) {
        match receiver {
            Value::Object(id) => {
                let held = self.state.object(*id).and_then(|object| object.fields.get(name)).cloned();
                if held.is_none() {
                    let bytes = self.attribute_growth(*id);
                    if !bytes.is_zero()
                        && let Some(object) = self.state.object(*id)
                    {
                        let own = &object.own + &bytes;
                        self.state.resize(*id, own);
                    }
                }
                let charge = self.charge(&value);
                if !charge.is_zero() && held.is_none() {
                    let own = self.state.object(*id).map(|object| &object.own + &charge);
                    if let Some(own) = own {
                        self.state.resize(*id, own);
                    }
                }
                self.state.set_field(*id, Text::from(name), value);
            }
            Value::Code(Code::Class(class)) => {
                if let Some(frame) = self.state.classes.get(class).copied() {
                    self.state.set(frame, Text::from(name), value);
                }
            }
            Value::Code(Code::Module(module)) => {
                if let Some(frame) = self.state.modules.get(module).copied() {
                    self.state.set(frame, Text::from(name), value);
                }
            }
            _ => {
                let _ = node;
                self.state.settle(&value);
            }
        }
    }

    fn augmented(&mut self, statement: &'p ast::StmtAugAssign) -> Result<(), Flow> {
        let old = self.expression(&statement.target)?;
        self.state.keep(&old);
        let change = self.expression(&statement.value)?;
        self.state.unkeep(&old);
        if self.in_place(statement.op, &old, &change, statement)? {
            self.state.settle(&change);
            return Ok(());
        }
        let value = self.augmented_value(statement.op, &old, &change, statement)?;
        if statement.op == ast::Operator::Add {
            self.warn_of_growth_by_name(&statement.target, &[&old, &value]);
        }
        self.assign(&statement.target, value)?;
        self.state.settle(&change);
        self.state.settle(&old);
        Ok(())
    }

    fn delete(&mut self, target: &'p Ast) -> Result<(), Flow> {
        match target {
            Ast::Name(name) => {
                let frame = self.binding_frame(&name.id);
                self.state.unset(frame, &name.id);
            }
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
                for target in elts {
                    self.delete(target)?;
                }
            }
            Ast::Subscript(subscript) => {
                let receiver = self.expression(&subscript.value)?;
                if let Ast::Slice(slice) = &*subscript.slice {
                    let bounds = self.slice_bounds(slice)?;
                    let nothing = Value::Plain(Plain::list(Vec::new()));
                    return self.set_slice(&receiver, &bounds, &nothing, subscript);
                }
                let key = self.expression(&subscript.slice)?;
                self.delete_item(&receiver, &key);
            }
            Ast::Attribute(attribute) => {
                let receiver = self.expression(&attribute.value)?;
                if let Value::Object(id) = receiver {
                    let mut old = None;
                    self.state.note(id, |object| old = object.fields.remove(attribute.attr.as_str()));
                    if let Some(old) = old {
                        self.state.release(&old);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    // ---- definitions and imports ------------------------------------------------------------------------------------------

    fn define_function(&mut self, function: &'p ast::StmtFunctionDef) -> Result<(), Flow> {
        let Some(id) = self.program.function_of(crate::calls::Definition::Function(function)) else { return Ok(()) };
        let mut value = Value::Code(Code::Function(id, self.closure_frame()));
        self.defaults(id, &function.parameters)?;
        for decorator in function.decorator_list.iter().rev() {
            value = self.decorate(&decorator.expression, value)?;
        }
        self.bind(&function.name, value);
        Ok(())
    }

    /// Default values are made once, with the function: they live in a frame of their own.
    pub(super) fn defaults(
        &mut self,
        function: crate::calls::FunctionId,
        parameters: &'p ast::Parameters,
    ) -> Result<(), Flow> {
        for parameter in parameters.iter_non_variadic_params() {
            let Some(default) = parameter.default.as_deref() else { continue };
            let value = self.expression(default)?;
            let module = self.state.modules.get(&self.module()).copied().unwrap_or(0);
            let name = format!("<default {} {}>", function.index(), parameter.parameter.name);
            self.state.set(module, Text::from(name), value);
        }
        Ok(())
    }

    /// The frame that a function defined here closes over.
    pub(super) fn closure_frame(&self) -> Option<FrameId> {
        let here = self.here()?;
        let is_function = matches!(
            self.program.function(here.function).definition,
            crate::calls::Definition::Function(_) | crate::calls::Definition::Lambda(_)
        );
        is_function.then_some(here.frame)
    }

    fn define_class(&mut self, class: &'p ast::StmtClassDef) -> Result<(), Flow> {
        let Some(id) = self.program.class_of(class) else { return Ok(()) };
        let frame = self.state.new_frame();
        self.closures.remove(&frame);
        self.state.classes.insert(id, frame);
        let body = self.program.class(id).body;
        let names = self.names_of(body);
        let module = self.module();
        self.stack.push(super::machine::Activation {
            function: body,
            module,
            frame,
            class: Some(id),
            names,
            loops: 0,
            consumer: None,
        });
        let flow = self.statements(&class.body);
        self.stack.pop();
        let mut value = Value::Code(Code::Class(id));
        for decorator in class.decorator_list.iter().rev() {
            // Decorators of the standard library give the class back.
            let decorated = self.decorate(&decorator.expression, value.clone())?;
            if matches!(decorated, Value::Code(_)) {
                value = decorated;
            }
        }
        self.bind(&class.name, value);
        match flow {
            Flow::Raise(name) => Err(Flow::Raise(name)),
            _ => Ok(()),
        }
    }

    fn import(&mut self, import: &'p ast::StmtImport) {
        for alias in &import.names {
            self.load_by_name(&alias.name);
            self.first_use(&alias.name);
            let (name, target) = match &alias.asname {
                Some(asname) => (asname.as_str(), alias.name.as_str()),
                None => {
                    let first = alias.name.split('.').next().unwrap_or(&alias.name);
                    (first, first)
                }
            };
            let value = self.module_value(target);
            self.bind(name, value);
        }
    }

    fn import_from(&mut self, import: &'p ast::StmtImportFrom) {
        let module = self.project.absolute(self.module(), import.level, import.module.as_deref().unwrap_or(""));
        self.load_by_name(&module);
        self.first_use(&module);
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                let Some(frame) = self.project.find(&module).and_then(|id| self.state.modules.get(&id).copied()) else {
                    continue;
                };
                let found: Vec<(Text, Value)> = self
                    .state
                    .variables(frame)
                    .filter(|(name, _)| !name.starts_with(['_', '<']))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                for (name, value) in found {
                    self.bind(&name, value);
                }
                continue;
            }
            let full = if module.is_empty() { alias.name.to_string() } else { format!("{module}.{}", alias.name) };
            let held = self
                .project
                .find(&module)
                .and_then(|id| self.state.modules.get(&id).copied())
                .and_then(|frame| self.state.get(frame, &alias.name).cloned());
            let value = match held {
                Some(value) => value,
                None => {
                    self.load_by_name(&full);
                    self.module_value(&full)
                }
            };
            self.bind(alias.asname.as_ref().unwrap_or(&alias.name), value);
        }
    }

    pub(super) fn module_value(&self, name: &str) -> Value {
        match self.project.find(name) {
            Some(id) => Value::Code(Code::Module(id)),
            None => Value::external(name),
        }
    }

    /// Runs the modules of the project that an import loads, packages first.
    pub(super) fn load_by_name(&mut self, name: &str) {
        let mut end = 0;
        for part in name.split('.') {
            end += part.len();
            if let Some(module) = self.project.find(&name[..end]) {
                self.load_module(module);
            }
            end += 1;
        }
    }

    /// Whether an object is a dict.
    pub(super) fn is_dict(&self, value: &Value) -> bool {
        self.state.object_of(value).is_some_and(|object| object.kind == Kind::Dict)
    }
}
