//! Branches, loops, `try`, `with`, `match`, and the ways out.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use num_bigint::BigInt;
use ruff_python_ast::{self as ast, Expr as Ast, Stmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::FxHashMap;

use crate::calls::Callee;
use crate::expression::{
    self, BinaryOperator, BooleanOperator, CompareOperator, ComprehensionKind, Expr, Target, Text, UnaryOperator, Value,
};
use crate::names::{exception_name, hint_from_text, snake_case};

use super::super::tree::Handler;
use super::expressions::{constant, negate, sum_of, unused_target};
use super::state::{Abstract, Object, ObjectId, ObjectKind, State};
use super::statements::container;
use super::{
    Atom, Block, Builder, Let, Location, LoopExits, MAX_GUARDS, McvKind, McvType, Node, Place, Protection, atom_index,
};

/// What a loop goes over.
pub(super) struct Iteration {
    /// The names it binds, where expressions can say the items.
    pub native: Option<Target>,
    /// What is iterated, where expressions can say it.
    pub iterable: Expr,
    /// How many items there are.
    pub count: Expr,
    /// What an item is, where it is not an expression of the loop's own names.
    item: Option<Abstract>,
}

impl Iteration {
    /// The loop's target in the interface.
    pub fn target(&self) -> Target {
        self.native.clone().unwrap_or_else(unused_target)
    }

    /// What the interface's loop iterates.
    pub fn over(&self) -> Expr {
        if self.native.is_some() { self.iterable.clone() } else { range(self.count.clone()) }
    }
}

/// What may raise although it is no call, in the body of a `try`.
pub(super) struct Candidate {
    state: State,
    slot: usize,
    short: String,
    key: String,
    /// The clauses that catch it, with the name to raise.
    caught: Vec<(usize, Text)>,
}

/// Stands for a candidate while the body of its `try` is read. No label or variable looks like it.
fn candidate(index: usize, number: usize) -> Node {
    let variable = Text::from(format!("!{index}"));
    Node::MayRaise { variable, label: Text::from(number.to_string()), exceptions: Vec::new() }
}

/// The candidates that differ from the one before: something that costs or decides stands between, or they raise
/// something else.
fn distinct_candidates(block: &Block, index: usize, exceptions: &[Vec<Text>], kept: &mut BTreeSet<usize>) {
    let mine = format!("!{index}");
    let mut raised: Vec<&Text> = Vec::new();
    for node in &block.0 {
        match node {
            Node::MayRaise { variable, label, .. } if **variable == *mine => {
                let Ok(number) = label.parse::<usize>() else { continue };
                let Some(own) = exceptions.get(number) else { continue };
                if own.iter().any(|exception| !raised.contains(&exception)) {
                    kept.insert(number);
                    raised.extend(own);
                }
            }
            Node::Let(_) | Node::Slot(_) => {}
            _ => {
                raised.clear();
                for inner in node.blocks() {
                    distinct_candidates(inner, index, exceptions, kept);
                }
            }
        }
    }
}

/// Puts each candidate's node in the place that was kept for it, or nothing.
fn replace_candidates(block: &mut Block, index: usize, nodes: &[Option<Node>]) {
    let mine = format!("!{index}");
    let mut out = Vec::with_capacity(block.0.len());
    for mut node in std::mem::take(&mut block.0) {
        match &node {
            Node::MayRaise { variable, label, .. } if **variable == *mine => {
                let number = label.parse::<usize>().ok();
                out.extend(number.and_then(|number| nodes.get(number)).cloned().flatten());
            }
            _ => {
                for inner in node.blocks_mut() {
                    replace_candidates(inner, index, nodes);
                }
                out.push(node);
            }
        }
    }
    block.0 = out;
}

/// Names of calls that write to a log.
const LOGGING: &[&str] =
    &["print", "debug", "info", "warning", "warn", "error", "exception", "critical", "log", "set_level"];

/// What was decided, as a key, and whether the condition says it or its opposite.
fn fact_key(condition: &Expr) -> (String, bool) {
    let opposite = |operator: CompareOperator| match operator {
        CompareOperator::IsNot => Some(CompareOperator::Is),
        CompareOperator::NotEqual => Some(CompareOperator::Equal),
        CompareOperator::NotIn => Some(CompareOperator::In),
        _ => None,
    };
    match condition {
        Expr::Unary(UnaryOperator::Not, inner) => {
            let (key, positive) = fact_key(inner);
            (key, !positive)
        }
        Expr::Compare(left, rest) => match rest.as_slice() {
            [(operator, right)] => match opposite(*operator) {
                Some(operator) => (Expr::Compare(left.clone(), vec![(operator, right.clone())]).to_string(), false),
                None => (condition.to_string(), true),
            },
            _ => (condition.to_string(), true),
        },
        _ => (condition.to_string(), true),
    }
}

/// Notes what the arm of a branch says.
fn learn(state: &mut State, condition: &Expr, holds: bool) {
    match condition {
        Expr::Boolean(BooleanOperator::And, parts) if holds => parts.iter().for_each(|part| learn(state, part, true)),
        Expr::Boolean(BooleanOperator::Or, parts) if !holds => parts.iter().for_each(|part| learn(state, part, false)),
        Expr::Unary(UnaryOperator::Not, inner) => learn(state, inner, !holds),
        _ => {
            let (key, positive) = fact_key(condition);
            state.learn(key, holds == positive);
            // What counts as true is not `None`, and what is `None` does not count as true.
            if holds && !matches!(condition, Expr::Compare(..)) {
                state.learn(super::none_key(condition), false);
            }
            if let Expr::Compare(left, rest) = condition
                && let [(CompareOperator::Is, Expr::Constant(Value::None))] = rest.as_slice()
                && holds
            {
                state.learn(left.to_string(), false);
            }
            if let Expr::Compare(left, rest) = condition
                && let [(CompareOperator::IsNot, Expr::Constant(Value::None))] = rest.as_slice()
                && !holds
            {
                state.learn(left.to_string(), false);
            }
        }
    }
}

/// Whether an expression is a range.
fn is_range(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(name, _, _) if &**name == "range")
}

/// `range(count)`.
fn range(count: Expr) -> Expr {
    Expr::Call(Text::from("range"), vec![count], Vec::new())
}

/// What reading a loop's body found.
struct Repeated {
    body: Block,
    breaks: Vec<(State, usize)>,
    /// What is known where the loop is left because it is exhausted.
    exhausted: State,
    /// The builder's clock when the body began: unknowns made later differ from one iteration to the next.
    clock: usize,
}

impl<'p> Builder<'p> {
    // ---- branches ---------------------------------------------------------------------------------------------------

    /// Reads both arms of a branch; only one if the condition is a constant.
    pub(super) fn branch(
        &mut self,
        condition: Expr,
        node: &impl Ranged,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        self.branch_values(condition, node, then, otherwise);
    }

    /// The same; says the slots at the ends of the arms if both are read and end.
    pub(super) fn branch_values(
        &mut self,
        condition: Expr,
        node: &impl Ranged,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) -> Option<(usize, usize)> {
        if !self.reachable {
            return None;
        }
        let condition = self.with_facts(condition);
        if let Expr::Constant(value) = &condition {
            if value.is_true() {
                then(self)
            } else {
                otherwise(self)
            }
            return None;
        }
        let at = self.place(node);
        let site = self.site("join", node);
        let entry = self.state.clone();
        let mut ways = Vec::new();
        learn(&mut self.state, &condition, true);
        let then = self.arm(&mut ways, then);
        let after_then = ways.len();
        self.state = entry;
        learn(&mut self.state, &condition, false);
        self.reachable = true;
        let otherwise = self.arm(&mut ways, otherwise);
        self.reachable = true;
        let slots = (after_then == 1 && ways.len() == 2).then(|| (ways[0].1, ways[1].1));
        self.emit(Node::If { condition, then, otherwise, at: at.clone() });
        self.meet(ways, &site, &at);
        slots
    }

    /// A condition without what was decided on the way here.
    fn with_facts(&self, condition: Expr) -> Expr {
        let truth = |value| Expr::Constant(Value::Bool(value));
        match condition {
            Expr::Constant(_) => condition,
            Expr::Unary(UnaryOperator::Not, inner) => match self.with_facts(*inner) {
                Expr::Constant(value) => truth(!value.is_true()),
                inner => negate(inner),
            },
            Expr::Boolean(operator, parts) => {
                let and = operator == BooleanOperator::And;
                let mut open = Vec::new();
                for part in parts {
                    match self.with_facts(part) {
                        Expr::Constant(value) if value.is_true() == and => {}
                        Expr::Constant(_) if open.is_empty() => return truth(!and),
                        part => open.push(part),
                    }
                }
                match open.len() {
                    0 => truth(and),
                    1 => open.swap_remove(0),
                    _ => Expr::Boolean(operator, open),
                }
            }
            condition => {
                let (key, positive) = fact_key(&condition);
                match self.state.fact(&key) {
                    Some(holds) => truth(holds == positive),
                    None => condition,
                }
            }
        }
    }

    fn arm(&mut self, ways: &mut Vec<(State, usize)>, read: impl FnOnce(&mut Self)) -> Block {
        self.block(|builder| {
            read(builder);
            builder.way(ways);
        })
    }

    /// Notes that the running code gets to a join.
    fn way(&mut self, ways: &mut Vec<(State, usize)>) {
        if self.reachable {
            let slot = self.slot();
            ways.push((self.state.clone(), slot));
        }
    }

    /// Goes on where several ways meet.
    fn meet(&mut self, ways: Vec<(State, usize)>, site: &str, at: &Place) {
        match self.join(ways, site, at) {
            Some(state) => {
                self.state = state;
                self.reachable = true;
            }
            None => self.reachable = false,
        }
    }

    // ---- leaving ------------------------------------------------------------------------------------------------------

    pub(super) fn leave_function(&mut self, value: Abstract) {
        if !self.reachable {
            return;
        }
        let slot = self.slot();
        let state = self.state.clone();
        let Some(here) = self.stack.last_mut() else { return };
        let tries = here.tries;
        here.returns.push((state, slot, value));
        self.leave_protections(tries, slot);
        self.emit(Node::Return);
        self.reachable = false;
    }

    pub(super) fn leave_loop(&mut self, by_break: bool) {
        if !self.reachable {
            return;
        }
        let slot = self.slot();
        let state = self.state.clone();
        let Some(exits) = self.stack.last_mut().and_then(|here| here.loops.last_mut()) else {
            // `break` outside a loop does not compile; nothing follows it.
            self.reachable = false;
            return;
        };
        let tries = exits.tries;
        if by_break {
            exits.breaks.push((state, slot))
        } else {
            exits.continues.push((state, slot))
        }
        self.leave_protections(tries, slot);
        self.emit(if by_break { Node::Break } else { Node::Continue });
        self.reachable = false;
    }

    fn leave_protections(&mut self, from: usize, slot: usize) {
        let state = self.state.clone();
        for protection in self.tries.iter_mut().skip(from).filter(|protection| protection.finally) {
            protection.leaving.push((state.clone(), slot));
        }
    }

    pub(super) fn raise_statement(&mut self, statement: &'p ast::StmtRaise) {
        let mut names = match &statement.exc {
            Some(exc) => {
                self.expression(exc);
                vec![exception_name(exc)]
            }
            None => self.handled.clone(),
        };
        if let Some(cause) = &statement.cause {
            self.expression(cause);
        }
        let name = if names.is_empty() { Text::from("Exception") } else { names.swap_remove(0) };
        self.raise(name, statement);
    }

    /// Raises: goes to the clause that catches it, or leaves the handler.
    pub(super) fn raise(&mut self, exception: Text, node: &impl Ranged) {
        if !self.reachable {
            return;
        }
        let at = self.place(node);
        let slot = self.slot();
        let state = self.state.clone();
        let catcher = self.tries.iter().enumerate().rev().find_map(|(index, protection)| {
            if !protection.in_body {
                return None;
            }
            let clause = protection.clauses.iter().find(|clause| self.catches(clause, &exception))?;
            Some((index, clause.first().cloned()))
        });
        match catcher {
            Some((index, clause)) => {
                self.leave_protections(index + 1, slot);
                self.tries[index].raised.push((state, slot));
                let clauses = &self.tries[index].clauses;
                let place = clauses.iter().position(|clause| self.catches(clause, &exception));
                self.tries[index].reached.extend(place);
                // The clause's own name: which of its names fits is known here, not where it runs.
                let exact = self.tries[index].clauses.iter().any(|clause| clause.contains(&exception));
                let exception = if exact { exception } else { clause.unwrap_or(exception) };
                self.emit(Node::Raise { exception, at });
            }
            None => {
                self.leave_protections(0, slot);
                self.emit(Node::Exit);
            }
        }
        self.reachable = false;
    }

    /// Whether a clause around the running code catches an exception.
    pub(super) fn would_catch(&self, exception: &str) -> bool {
        let mut protections = self.tries.iter().filter(|protection| protection.in_body);
        protections.any(|protection| protection.clauses.iter().any(|clause| self.catches(clause, exception)))
    }

    /// Whether a clause catches an exception, by name and by what is known of its bases.
    fn catches(&self, clause: &[Text], exception: &str) -> bool {
        let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
        clause.is_empty()
            || clause.iter().any(|name| {
                let name = last(name);
                name == "BaseException"
                    || (name == "Exception"
                        && !matches!(exception, "SystemExit" | "KeyboardInterrupt" | "GeneratorExit"))
                    || self.bases_of(exception).iter().any(|base| last(base) == name)
            })
    }

    /// An exception's class and its bases, as far as they are known, itself first.
    fn bases_of(&self, exception: &str) -> Vec<String> {
        let mut bases = vec![exception.to_owned()];
        let mut at = 0;
        while at < bases.len() && bases.len() < 50 {
            let name = bases[at].clone();
            at += 1;
            let short = name.rsplit('.').next().unwrap_or(&name);
            if let Some((_, base)) = BUILTIN_EXCEPTIONS.iter().find(|(class, _)| *class == short) {
                bases.push((*base).to_owned());
            }
            for (_, class) in self.program.classes() {
                if class.definition.name.as_str() == short
                    && let Some(arguments) = &class.definition.arguments
                {
                    bases.extend(arguments.args.iter().map(|base| exception_name(base).to_string()));
                }
            }
        }
        bases
    }

    /// The exception variable of a `try`, named after the first call that may raise; a call that only logs does not
    /// name it if there is another.
    fn exception_variable(&mut self, index: usize, short: &str) -> usize {
        let hint = format!("try_{short}_raised");
        if let Some(variable) = self.tries[index].variable {
            let logs = |hint: &str| LOGGING.iter().any(|name| hint == format!("try_{name}_raised"));
            if let Some(atom) = self.atoms.get_mut(variable)
                && logs(&atom.hint)
            {
                atom.hint = hint;
            }
            return variable;
        }
        let (place, range) = (self.tries[index].place.clone(), self.tries[index].range);
        let meaning = "which call of the `try` raises, if any".to_owned();
        let expr = self.atom(format!("raised@{range:?}/{}", self.tries[index].frame), || Atom {
            kind: McvKind::Exception,
            type_: McvType::OptionalStr,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            data: true,
            made: 0,
        });
        let variable = self.atom_of(&expr).unwrap_or(0);
        self.tries[index].variable = Some(variable);
        variable
    }

    /// Notes that what was just read, and is no call, may raise one of these exceptions. It is asked for only if
    /// nothing else in the `try` leads to the clause that catches it: see [`Self::settle`].
    pub(super) fn may_fail(&mut self, node: &impl Ranged, exceptions: &[&'static str]) {
        let short = self.source_hint(node);
        self.may_fail_as(&short, node, exceptions);
    }

    /// The same under a name of its own.
    pub(super) fn may_fail_as(&mut self, short: &str, node: &impl Ranged, exceptions: &[&'static str]) {
        if !self.reachable || self.quiet > 0 {
            return;
        }
        let mut open: Vec<&'static str> = exceptions.to_vec();
        for index in (0..self.tries.len()).rev() {
            let protection = &self.tries[index];
            if !protection.in_body || protection.clauses.is_empty() || open.is_empty() {
                continue;
            }
            let mut caught: Vec<(usize, Text)> = Vec::new();
            open.retain(|exception| {
                let place = protection.clauses.iter().position(|clause| self.catches(clause, exception));
                let Some(place) = place else { return true };
                if !caught.iter().any(|(other, _)| *other == place) {
                    let name = protection.clauses[place].first().cloned();
                    caught.push((place, name.unwrap_or_else(|| Text::from("Exception"))));
                }
                false
            });
            if caught.is_empty() {
                continue;
            }
            let short = short.to_owned();
            let key = format!("{short}@{}:{}", node.start().to_u32(), self.frame());
            let slot = self.slot();
            let state = self.state.clone();
            let number = self.tries[index].candidates.len();
            self.tries[index].candidates.push(Candidate { state, slot, short, key, caught });
            self.emit(candidate(index, number));
        }
    }

    /// Puts what was noted by [`Self::may_fail`] where a clause has no other way in, and drops the rest.
    fn settle(&mut self, index: usize, body: &mut Block) {
        let candidates = std::mem::take(&mut self.tries[index].candidates);
        if candidates.is_empty() {
            return;
        }
        let reached = self.tries[index].reached.clone();
        let exceptions_of = |candidate: &Candidate| -> Vec<Text> {
            let open = candidate.caught.iter().filter(|(place, _)| !reached.contains(place));
            open.map(|(_, name)| name.clone()).collect()
        };
        let all: Vec<Vec<Text>> = candidates.iter().map(exceptions_of).collect();
        let mut kept = BTreeSet::new();
        distinct_candidates(body, index, &all, &mut kept);
        let mut nodes: Vec<Option<Node>> = Vec::new();
        for (number, (Candidate { state, slot, short, key, .. }, exceptions)) in
            candidates.into_iter().zip(all).enumerate()
        {
            if !kept.contains(&number) {
                nodes.push(None);
                continue;
            }
            let variable = Text::from(format!("?{}", self.exception_variable(index, &short)));
            let label = self.label(index, &short, &key);
            self.tries[index].raised.push((state, slot));
            nodes.push(Some(Node::MayRaise { variable, label, exceptions }));
        }
        replace_candidates(body, index, &nodes);
    }

    /// Notes that the call just made may raise into the clauses around it.
    pub(super) fn may_raise(&mut self, callee: &str, node: &impl Ranged) {
        if !self.reachable || self.quiet > 0 {
            return;
        }
        let mut inner: Vec<Text> = Vec::new();
        for index in (0..self.tries.len()).rev() {
            if !self.tries[index].in_body || self.tries[index].clauses.is_empty() {
                continue;
            }
            let clauses = self.tries[index].clauses.clone();
            let mut exceptions: Vec<Text> = Vec::new();
            let mut everything = false;
            for clause in &clauses {
                everything |=
                    clause.is_empty() || clause.iter().any(|name| matches!(&**name, "Exception" | "BaseException"));
                let name = clause.first().cloned().unwrap_or_else(|| Text::from("Exception"));
                if !inner.contains(&name) && !exceptions.contains(&name) {
                    exceptions.push(name);
                }
            }
            if !exceptions.is_empty() {
                let short = snake_case(&hint_from_text(&without_arguments(callee)));
                let variable = self.exception_variable(index, &short);
                let range = node.range();
                let key = format!("{short}@{}:{}", range.start().to_u32(), self.frame());
                let label = self.label(index, &short, &key);
                let slot = self.slot();
                let state = self.state.clone();
                self.tries[index].raised.push((state, slot));
                self.tries[index].reached.extend(0..clauses.len());
                let variable = Text::from(format!("?{variable}"));
                self.emit(Node::MayRaise { variable, label, exceptions: exceptions.clone() });
                inner.extend(exceptions);
            }
            if everything {
                return;
            }
        }
    }

    /// A label for a call among those of a `try`: its name, numbered where the name repeats.
    fn label(&mut self, protection: usize, short: &str, key: &str) -> Text {
        let protection = &mut self.tries[protection];
        let named =
            |number: usize| Text::from(if number == 0 { short.to_owned() } else { format!("{short}_{}", number + 1) });
        // Keys and labels share the map: a key is `name@place`, which no label is.
        if let Some(number) = protection.labels.get(key) {
            return named(*number);
        }
        let mut number = protection.taken.get(short).copied().unwrap_or(0);
        while protection.labels.contains_key(&named(number)) {
            number += 1;
        }
        protection.taken.insert(Text::from(short), number);
        protection.labels.insert(Text::from(key), number);
        protection.labels.insert(named(number), 0);
        named(number)
    }

    /// Keeps what is known before each statement of a protected body: any of them may raise.
    pub(super) fn before_statement(&mut self) {
        let frame = self.frame();
        for index in 0..self.tries.len() {
            let protection = &self.tries[index];
            if !protection.in_body || protection.clauses.is_empty() || protection.frame != frame {
                continue;
            }
            if protection.raised.last().is_some_and(|(state, _)| state.same(&self.state)) {
                continue;
            }
            let slot = self.slot();
            let state = self.state.clone();
            self.tries[index].raised.push((state, slot));
        }
    }

    // ---- try ------------------------------------------------------------------------------------------------------------

    pub(super) fn try_statement(&mut self, statement: &'p ast::StmtTry) {
        let clauses: Vec<Vec<Text>> = statement
            .handlers
            .iter()
            .map(|handler| {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                handler.type_.as_deref().map(exception_names).unwrap_or_default()
            })
            .collect();
        let handlers: Vec<(&'p [Stmt], Option<&'p str>, TextRange)> = statement
            .handlers
            .iter()
            .map(|handler| {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                (&handler.body[..], handler.name.as_ref().map(|name| name.as_str()), handler.range)
            })
            .collect();
        self.protected(clauses, &handlers, &statement.orelse, &statement.finalbody, statement, |builder| {
            builder.statements(&statement.body)
        });
    }

    #[allow(clippy::too_many_arguments)]
    fn protected(
        &mut self,
        clauses: Vec<Vec<Text>>,
        handlers: &[(&'p [Stmt], Option<&'p str>, TextRange)],
        orelse: &'p [Stmt],
        finalbody: &'p [Stmt],
        node: &impl Ranged,
        read: impl FnOnce(&mut Self),
    ) {
        let at = self.place(node);
        let site = self.site("try", node);
        self.tries.push(Protection {
            clauses: clauses.clone(),
            variable: None,
            labels: IndexMap::new(),
            taken: FxHashMap::default(),
            place: at.clone(),
            range: node.range(),
            frame: self.frame(),
            raised: Vec::new(),
            finally: !finalbody.is_empty(),
            leaving: Vec::new(),
            in_body: true,
            candidates: Vec::new(),
            reached: BTreeSet::new(),
        });
        let depth = self.tries.len() - 1;
        let mut ways = Vec::new();
        let mut body = self.block(|builder| {
            builder.before_statement();
            read(builder);
        });
        self.tries[depth].in_body = false;
        self.settle(depth, &mut body);
        let otherwise = self.block(|builder| {
            builder.statements(orelse);
            builder.way(&mut ways);
        });
        let raised = std::mem::take(&mut self.tries[depth].raised);
        let handler_state = self.join(raised, &format!("{site}/raised"), &at);
        let mut caught = Vec::new();
        for ((body, name, range), exceptions) in handlers.iter().zip(&clauses) {
            self.reachable = handler_state.is_some();
            if let Some(state) = &handler_state {
                self.state = state.clone();
            }
            let outer = std::mem::replace(&mut self.handled, exceptions.clone());
            let at = self.place(range);
            let body = self.block(|builder| {
                if let Some(name) = name {
                    let error = builder.unknown(range, McvKind::ComputedCondition, McvType::Any, name, "error");
                    let variable = builder.variable(name);
                    builder.state.set(variable, Abstract::value(error));
                }
                builder.statements(body);
                builder.way(&mut ways);
            });
            self.handled = outer;
            caught.push(Handler { exceptions: exceptions.clone(), body, at });
        }
        let protection = self.tries.pop();
        let leaving = protection.map(|protection| protection.leaving).unwrap_or_default();
        let ends = !ways.is_empty();
        let mut finally = Block::default();
        if finalbody.is_empty() {
            self.meet(ways, &site, &at);
        } else {
            ways.extend(leaving);
            if ways.is_empty() {
                // The body neither ends nor leaves by a way that is followed: it raises.
                self.reachable = true;
            } else {
                self.meet(ways, &site, &at);
            }
            finally = self.block(|builder| builder.statements(finalbody));
            self.reachable &= ends;
        }
        let after = std::mem::replace(&mut self.reachable, true);
        self.emit(Node::Try { body, handlers: caught, otherwise, finally, at });
        self.reachable = after;
    }

    pub(super) fn with_statement(&mut self, items: &'p [ast::WithItem], body: &'p [Stmt]) {
        let Some((item, rest)) = items.split_first() else {
            self.statements(body);
            return;
        };
        let context = self.expression(&item.context_expr);
        if let Some(exceptions) = self.suppressed(&item.context_expr) {
            self.protected(vec![exceptions], &[(&[], None, item.range)], &[], &[], item, |builder| {
                builder.with_statement(rest, body);
            });
            return;
        }
        let module = self.module();
        let methods = self.program.implicit_callees(module, item.context_expr.range()).to_vec();
        let method = |builder: &Self, name: &str| {
            methods.iter().find_map(|callee| match callee {
                Callee::Function { function, .. } if builder.program.function(*function).name.ends_with(name) => {
                    Some(*function)
                }
                _ => None,
            })
        };
        let entered = match method(self, "__enter__").or_else(|| method(self, "__aenter__")) {
            Some(enter) => self.follow_method(enter, context.clone(), &item.context_expr),
            None => context.clone(),
        };
        if let Some(target) = &item.optional_vars {
            self.assign(target, entered);
        }
        self.with_statement(rest, body);
        if let Some(exit) = method(self, "__exit__").or_else(|| method(self, "__aexit__"))
            && self.reachable
        {
            self.follow_method(exit, context, item);
        }
    }

    /// The exceptions that `with suppress(…)` swallows.
    fn suppressed(&self, context: &'p Ast) -> Option<Vec<Text>> {
        let Ast::Call(call) = context else { return None };
        let name = self.program.call_name(self.module(), call);
        (name == "contextlib.suppress").then(|| call.arguments.args.iter().map(exception_name).collect())
    }

    // ---- loops ------------------------------------------------------------------------------------------------------------

    pub(super) fn for_statement(&mut self, statement: &'p ast::StmtFor) {
        let iterable = self.expression(&statement.iter);
        let module = self.module();
        let next = self.program.implicit_callees(module, statement.iter.range()).to_vec();
        for callee in next {
            // The iterator protocol of the project's classes.
            if let Callee::Function { function, .. } = callee
                && !self.program.function(function).is_generator
            {
                self.follow_method(function, iterable.clone(), &*statement.iter);
            }
        }
        let source = self.iteration(&iterable, &statement.target, &statement.iter);
        let at = self.place(statement);
        let repeated = self.repeat(statement.range(), &at, |builder| {
            builder.bind_iteration(&source, &statement.target);
            builder.statements(&statement.body);
        });
        let (mut target, mut over) = (source.target(), source.over());
        let mut body = repeated.body;
        if self.has_undecidable_exit(&body, repeated.clock) {
            // How far the loop gets is unknown, and its exits are taken in the last iteration, if at all.
            let trips = self.trips(&body, statement);
            let index = self.bind(self.site("trip", statement), "trip", false);
            self.decide_exits(&mut body, repeated.clock, &last_trip(&index, &trips), false);
            let bounded = match &source.native {
                Some(_) => Expr::Slice {
                    value: Box::new(Expr::Call(Text::from("list"), vec![over], Vec::new())),
                    start: None,
                    stop: Some(Box::new(trips)),
                    step: None,
                },
                None => range(trips),
            };
            over = Expr::Call(Text::from("enumerate"), vec![bounded], Vec::new());
            target = Target::Tuple(vec![Target::Name(index), target]);
        }
        self.after_loop(repeated.breaks, repeated.exhausted, &statement.orelse, statement, &at, |otherwise, at| {
            Node::For { target, iterable: over, body, otherwise, at }
        });
    }

    pub(super) fn while_statement(&mut self, statement: &'p ast::StmtWhile) {
        let at = self.place(statement);
        let mut condition = Expr::Constant(Value::Bool(true));
        let mut before = Block::default();
        let mut never = false;
        let repeated = self.repeat(statement.range(), &at, |builder| {
            let mut test = None;
            before = builder.block(|builder| test = Some(builder.condition(&statement.test)));
            condition = test.unwrap_or(Expr::Constant(Value::Bool(true)));
            never = matches!(&condition, Expr::Constant(value) if !value.is_true());
            if never {
                builder.reachable = false;
                return;
            }
            builder.statements(&statement.body);
        });
        if never {
            self.out.append(&mut before.0);
            self.state = repeated.exhausted;
            self.reachable = true;
            self.statements(&statement.orelse);
            return;
        }
        let mut body = repeated.body;
        let endless = matches!(&condition, Expr::Constant(_));
        let mut lets = lets_of(&body, &self.slots);
        lets.extend(lets_of(&before, &self.slots));
        let unknown_end = if endless {
            // An endless loop whose exits all depend on what is not known, or that has none but exceptions.
            self.has_undecidable_exit(&body, repeated.clock) || !self.has_decidable_exit(&body, repeated.clock)
        } else {
            self.changes_within(&condition, &lets, repeated.clock) || self.has_undecidable_exit(&body, repeated.clock)
        };
        let node: Box<dyn FnOnce(Block, Place) -> Node> = if unknown_end {
            let trips = self.trips(&body, statement);
            let index = self.bind(self.site("trip", statement), "trip", false);
            self.decide_exits(&mut body, repeated.clock, &last_trip(&index, &trips), endless);
            let mut all = before;
            all.0.append(&mut body.0);
            Box::new(move |otherwise, at| Node::For {
                target: Target::Name(index),
                iterable: range(trips),
                body: all,
                otherwise,
                at,
            })
        } else if before.0.iter().all(|node| matches!(node, Node::Slot(_))) {
            Box::new(move |otherwise, at| Node::While { condition, body, otherwise, at })
        } else {
            // The condition makes calls: it is read at the start of every iteration, and once more at the end.
            Box::new(move |otherwise, at| {
                let mut leave = otherwise;
                leave.0.push(Node::Break);
                let test =
                    Node::If { condition: negate(condition), then: leave, otherwise: Block::default(), at: at.clone() };
                let mut all = before;
                all.0.push(test);
                all.0.append(&mut body.0);
                Node::While { condition: Expr::Constant(Value::Bool(true)), body: all, otherwise: Block::default(), at }
            })
        };
        if endless && repeated.breaks.is_empty() {
            // Nothing follows an endless loop that is left by return or raise alone.
            self.emit(node(Block::default(), at));
            self.reachable = false;
            return;
        }
        let exhausted = repeated.exhausted;
        self.after_loop(repeated.breaks, exhausted, &statement.orelse, statement, &at, node);
    }

    fn after_loop(
        &mut self,
        breaks: Vec<(State, usize)>,
        exhausted: State,
        orelse: &'p [Stmt],
        node: &impl Ranged,
        at: &Place,
        make: impl FnOnce(Block, Place) -> Node,
    ) {
        let mut ways = Vec::new();
        self.state = exhausted;
        self.reachable = true;
        let otherwise = self.block(|builder| {
            builder.statements(orelse);
            builder.way(&mut ways);
        });
        self.reachable = true;
        self.emit(make(otherwise, at.clone()));
        ways.extend(breaks);
        let site = self.site("loop", node);
        self.meet(ways, &site, at);
    }

    /// Reads a loop's body until it is known what it changes.
    fn repeat(&mut self, node: TextRange, at: &Place, mut read: impl FnMut(&mut Self)) -> Repeated {
        let key = (self.frame(), node);
        let entry = self.state.clone();
        let entry_slot = self.slot();
        loop {
            self.clock += 1;
            let clock = self.clock;
            let changes = self.loop_changes.get(&key).cloned().unwrap_or_default();
            let before = self.checkpoint();
            self.state = entry.clone();
            self.slots[entry_slot].clear();
            let mut opened: Vec<(Change, Vec<(Text, Slot)>)> = Vec::new();
            for change in &changes {
                opened.push((change.clone(), self.open(change, &changes, entry_slot, node, at)));
            }
            let head = self.state.clone();
            let own = self.opened_objects(&changes, &head, node);
            let tries = self.tries.len();
            if let Some(here) = self.stack.last_mut() {
                here.loops.push(LoopExits { tries, ..LoopExits::default() });
            }
            self.reachable = true;
            let body = self.block(|builder| {
                read(builder);
                if builder.reachable {
                    let slot = builder.slot();
                    let state = builder.state.clone();
                    if let Some(exits) = builder.stack.last_mut().and_then(|here| here.loops.last_mut()) {
                        exits.continues.push((state, slot));
                    }
                }
            });
            let exits = self.stack.last_mut().and_then(|here| here.loops.pop()).unwrap_or_default();
            let mut found = changes.clone();
            for (end, _) in &exits.continues {
                changed(&head, end, &own, &mut found);
            }
            if found.len() > changes.len() {
                self.loop_changes.insert(key, found);
                self.roll_back(before);
                continue;
            }
            for (end, slot) in &exits.continues {
                for (change, names) in &opened {
                    self.close(change, names, end, *slot, node, at);
                }
            }
            // A name that turns out to stand for something that expressions cannot look into: read with that in mind.
            let mut turned = false;
            for (name, _) in opened.iter().flat_map(|(_, names)| names) {
                let slots = exits.continues.iter().map(|(_, slot)| *slot).chain([entry_slot]);
                let lets = slots.flat_map(|slot| &self.slots[slot]).filter(|bound| bound.name == *name);
                let values: Vec<&Expr> = lets.map(|bound| &bound.value).collect();
                if !self.opaque_names.contains(name) && self.is_opaque_choice(values.into_iter()) {
                    self.opaque_names.insert(name.clone());
                    turned = true;
                }
            }
            if turned {
                self.roll_back(before);
                continue;
            }
            // What the body binds first stays bound behind the loop.
            let mut exhausted = head.clone();
            for (end, _) in &exits.continues {
                exhausted.add_aliases(end);
                for (id, holder) in &own {
                    if let Some(Abstract::Object(end)) = held(end, holder) {
                        exhausted.alias(*id, *end);
                    }
                }
                for (variable, value) in end.variables() {
                    if head.get(variable).is_none() {
                        exhausted.set(variable.clone(), value.clone());
                    }
                }
                for (id, object) in end.objects() {
                    if head.object(id).is_none() {
                        exhausted.set_object(id, (**object).clone());
                    }
                }
            }
            self.reachable = true;
            return Repeated { body, breaks: exits.breaks, exhausted, clock };
        }
    }

    /// How much was noted around a loop: what a second reading must forget of the first.
    fn checkpoint(&self) -> (Vec<usize>, Vec<[usize; 4]>) {
        (
            self.stack.iter().map(|activation| activation.returns.len()).collect(),
            self.tries.iter().map(|p| [p.raised.len(), p.leaving.len(), p.labels.len(), p.candidates.len()]).collect(),
        )
    }

    fn roll_back(&mut self, to: (Vec<usize>, Vec<[usize; 4]>)) {
        for (activation, length) in self.stack.iter_mut().zip(to.0) {
            activation.returns.truncate(length);
        }
        for (protection, [raised, leaving, labels, candidates]) in self.tries.iter_mut().zip(to.1) {
            protection.raised.truncate(raised);
            protection.leaving.truncate(leaving);
            if protection.labels.len() > labels {
                protection.labels.truncate(labels);
                protection.taken.clear();
            }
            protection.candidates.truncate(candidates);
        }
    }

    /// The objects that stand at a loop's head for whatever container a variable or field holds there, and which.
    fn opened_objects(&self, changes: &BTreeSet<Change>, head: &State, node: TextRange) -> BTreeMap<ObjectId, Change> {
        let mut own = BTreeMap::new();
        for change in changes {
            if let Some(Abstract::Object(id)) = held(head, change)
                && self.objects.get(&(self.frame(), loop_site(node, change))) == Some(id)
            {
                own.insert(*id, change.clone());
            }
        }
        own
    }

    /// An object that stands for whatever container of one kind a variable or field holds at a loop's head, by what it
    /// holds before the loop. None if that is no container, or not always of one kind.
    fn open_container(
        &mut self,
        value: &Abstract,
        site: &str,
        changes: &BTreeSet<Change>,
        mut name: impl FnMut(&mut Self, Slot, Expr) -> Expr,
    ) -> Option<Abstract> {
        let Abstract::Object(before) = value else { return None };
        let object = (**self.state.object(*before)?).clone();
        if matches!(object.kind, ObjectKind::Instance(_)) {
            return None;
        }
        // First without content, for its number: what is known of it depends on what becomes of it.
        let opened = self.allocate(site, container(object.kind, None, None));
        if let Abstract::Object(own) = opened {
            let content = object.content.filter(|_| !changes.contains(&Change::NoContent(own)));
            let length = object.length.filter(|_| !changes.contains(&Change::NoLength(own)));
            let content = content.map(|content| name(self, Slot::Content, (*content).clone()).into());
            let length = length.map(|length| name(self, Slot::Length, (*length).clone()).into());
            self.state.change(own, |object| {
                object.content = content;
                object.length = length;
            });
            self.state.alias(own, *before);
        }
        Some(opened)
    }

    /// Gives what a loop changes a name of the loop's own, bound before it to what was there. `changes` is all that
    /// the loop changes.
    fn open(
        &mut self,
        change: &Change,
        changes: &BTreeSet<Change>,
        slot: usize,
        node: TextRange,
        at: &Place,
    ) -> Vec<(Text, Slot)> {
        let site = loop_site(node, change);
        let mut names = Vec::new();
        let mut name = |builder: &mut Self, hint: &str, what: Slot, value: Expr| {
            let name = builder.bind(format!("{site}/{what:?}"), hint, false);
            builder.slots[slot].push(Let { name: name.clone(), value, effect: false, at: at.clone() });
            names.push((name.clone(), what));
            Expr::Name(name)
        };
        match change {
            // Say how the variable or field is opened, by the change of itself.
            Change::Kind(_) | Change::FieldKind(..) => {}
            Change::Variable(variable) => {
                let Some(value) = self.state.get(variable).cloned() else { return names };
                let hint = variable.1.clone();
                let container = match changes.contains(&Change::Kind(variable.clone())) {
                    true => None,
                    false => self.open_container(&value, &site, changes, |builder, what, value| {
                        let hint = if what == Slot::Length { format!("len_{hint}") } else { hint.to_string() };
                        name(builder, &hint, what, value)
                    }),
                };
                let opened = match container {
                    Some(opened) => opened,
                    None => {
                        let expr = self.plain(&value, &site, &hint, at);
                        Abstract::value(name(self, &hint, Slot::Value, expr))
                    }
                };
                self.state.set(variable.clone(), opened);
            }
            Change::Content(id) => {
                let content = self.state.object(*id).and_then(|object| object.content.as_deref().cloned());
                if let Some(content) = content {
                    let hint = self.name_of_object(*id).unwrap_or_else(|| "items".to_owned());
                    let opened = name(self, &hint, Slot::Content, content);
                    self.state.change(*id, |object| object.content = Some(opened.into()));
                }
            }
            Change::Length(id) => {
                let length = self.state.object(*id).and_then(|object| object.length.as_deref().cloned());
                if let Some(length) = length {
                    let hint =
                        self.name_of_object(*id).map_or_else(|| "length".to_owned(), |name| format!("len_{name}"));
                    let opened = name(self, &hint, Slot::Length, length);
                    self.state.change(*id, |object| object.length = Some(opened.into()));
                }
            }
            Change::NoContent(id) => self.state.change(*id, |object| object.content = None),
            Change::NoLength(id) => self.state.change(*id, |object| object.length = None),
            Change::Field(id, field) => {
                let value = self.state.object(*id).and_then(|object| object.fields.get(field).cloned());
                let Some(value) = value else { return names };
                let container = match changes.contains(&Change::FieldKind(*id, field.clone())) {
                    true => None,
                    false => self.open_container(&value, &site, changes, |builder, what, value| {
                        let hint = if what == Slot::Length { format!("len_{field}") } else { field.to_string() };
                        name(builder, &hint, what, value)
                    }),
                };
                let opened = match container {
                    Some(opened) => opened,
                    None => {
                        let expr = self.plain(&value, &site, field, at);
                        Abstract::value(name(self, field, Slot::Value, expr))
                    }
                };
                self.state.change(*id, |object| {
                    object.fields.insert(field.clone(), opened);
                });
            }
            Change::Alias(one, other) => self.state.alias(*one, *other),
        }
        names
    }

    /// What the source calls an object.
    fn name_of_object(&self, id: ObjectId) -> Option<String> {
        self.state.variables().find(|(_, value)| **value == Abstract::Object(id)).map(|((_, name), _)| name.to_string())
    }

    /// Binds a loop's names to what one iteration leaves.
    fn close(
        &mut self,
        change: &Change,
        names: &[(Text, Slot)],
        end: &State,
        slot: usize,
        node: TextRange,
        at: &Place,
    ) {
        let site = format!("loop@{}:{}/{change:?}", node.start().to_u32(), node.end().to_u32());
        let object_of = |id: ObjectId| end.object(id).cloned();
        for (name, what) in names {
            let value: Option<Expr> = match (change, what) {
                (Change::Variable(variable), Slot::Value) => {
                    end.get(variable).cloned().map(|value| self.plain_in(end, &value, &site, &variable.1, at))
                }
                (Change::Field(_, field), Slot::Value) => {
                    held(end, change).cloned().map(|value| self.plain_in(end, &value, &site, field, at))
                }
                (Change::Variable(_) | Change::Field(..), part) => match held(end, change) {
                    Some(Abstract::Object(id)) => object_of(*id).and_then(|object| part_of(&object, *part)),
                    Some(Abstract::Value(expr)) if *part == Slot::Content => Some((**expr).clone()),
                    _ => None,
                },
                (Change::Content(id) | Change::Length(id), part) => {
                    object_of(*id).and_then(|object| part_of(&object, *part))
                }
                (Change::NoContent(_) | Change::NoLength(_), _) => None,
                (Change::Kind(_) | Change::FieldKind(..) | Change::Alias(..), _) => None,
            };
            let value = match value {
                Some(value) => value,
                None => self.lost(&format!("{site}/{what:?}"), "value", at),
            };
            if value != Expr::Name(name.clone()) {
                self.slots[slot].push(Let { name: name.clone(), value, effect: false, at: at.clone() });
            }
        }
    }

    fn plain(&mut self, value: &Abstract, site: &str, hint: &str, at: &Place) -> Expr {
        let state = self.state.clone();
        self.plain_in(&state, value, site, hint, at)
    }

    /// A value as an expression, where there is no node to name it after.
    fn plain_in(&mut self, state: &State, value: &Abstract, site: &str, hint: &str, at: &Place) -> Expr {
        match value {
            Abstract::Value(expr) => (**expr).clone(),
            Abstract::Reference(name, frame) => {
                self.code_name(name, *frame).unwrap_or_else(|| self.lost(&format!("{site}/{name}"), hint, at))
            }
            Abstract::Object(id) => match state.object(*id).and_then(|object| object.content.as_deref().cloned()) {
                Some(content) => content,
                None => self.lost(&format!("{site}/#{id}"), hint, at),
            },
            Abstract::Tuple(items) => {
                Expr::Tuple(items.iter().map(|item| self.plain_in(state, item, site, hint, at)).collect())
            }
            Abstract::Choice(..) => self.lost(&format!("{site}/choice"), hint, at),
        }
    }

    // ---- what a loop goes over ------------------------------------------------------------------------------------------

    pub(super) fn iteration(&mut self, iterable: &Abstract, target: &'p Ast, node: &'p Ast) -> Iteration {
        let expr = match iterable {
            Abstract::Object(id) => self.state.object(*id).and_then(|object| object.content.as_deref().cloned()),
            Abstract::Reference(_, _) | Abstract::Choice(..) => None,
            Abstract::Value(_) | Abstract::Tuple(_) => Some(self.expr_of(iterable, node)),
        };
        // The numbers of a range are numbers, whatever decides how many there are.
        if let Some(expr) = expr
            && (!self.is_opaque(&expr) || is_range(&expr))
            && let Some(native) = self.native_target(target)
        {
            let count = self.count_of(&expr, node);
            return Iteration { native: Some(native), iterable: expr, count, item: None };
        }
        let count = match self.length_of(iterable) {
            Some(length) => length,
            None => {
                let expr = self.expr_of(iterable, node);
                if self.is_opaque(&expr) { self.trip_count_of(&expr, target, node) } else { self.count_of(&expr, node) }
            }
        };
        let item = match iterable {
            Abstract::Tuple(items) if items.windows(2).all(|pair| pair[0] == pair[1]) => items.first().cloned(),
            _ => None,
        };
        Iteration { native: None, iterable: Expr::Constant(Value::None), count, item }
    }

    /// The number of items of an unknown, named after what each item is called.
    fn trip_count_of(&mut self, iterable: &Expr, target: &'p Ast, node: &'p Ast) -> Expr {
        let Some(atom) = self.atom_of(iterable) else { return self.count_of(iterable, node) };
        let words = super::expressions::target_names(target);
        let hint = match words.as_slice() {
            [] | ["_"] => format!("{}_count", self.hint_of(node)),
            [name] => format!("{}_count", snake_case(name)),
            [.., last] => format!("{}_count", snake_case(last)),
        };
        // What has a name of its own gives the name, so that `len(rows)` and the loop over `rows` say the same.
        let hint = if self.atoms[atom].hint.starts_with('=') { self.length_hint(atom) } else { hint };
        let expr = self.part(atom, "len()", hint, McvType::Int, node);
        if let Some(id) = self.atom_of(&expr) {
            self.atoms[id].kind = McvKind::TripCount;
        }
        expr
    }

    /// The number of items of an expression.
    pub(super) fn count_of(&mut self, expr: &Expr, node: &impl Ranged) -> Expr {
        let int = |n: usize| Expr::Constant(Value::Int(n.into()));
        match expr {
            Expr::Constant(value) => match value.iterations() {
                Some(length) => Expr::Constant(Value::Int(length)),
                None => length_call(expr.clone()),
            },
            Expr::List(items) | Expr::Tuple(items) => int(items.len()),
            Expr::Dict(items) if items.iter().all(|(key, _)| matches!(key, Some(Expr::Constant(_)))) => {
                int(items.len())
            }
            Expr::Call(name, arguments, _) => match (&**name, arguments.as_slice()) {
                ("range", [stop]) => stop.clone(),
                ("range", [start, stop]) => {
                    if *start == int(0) {
                        stop.clone()
                    } else {
                        Expr::Binary(BinaryOperator::Subtract, Box::new(stop.clone()), Box::new(start.clone()))
                    }
                }
                ("enumerate" | "sorted" | "reversed" | "list" | "tuple", [inner, ..]) => self.count_of(inner, node),
                ("zip", [first, rest @ ..]) => {
                    let mut counts = vec![self.count_of(first, node)];
                    for inner in rest {
                        let count = self.count_of(inner, node);
                        if !counts.contains(&count) {
                            counts.push(count);
                        }
                    }
                    match counts.len() {
                        1 => counts.swap_remove(0),
                        _ => Expr::Call(Text::from("min"), counts, Vec::new()),
                    }
                }
                _ => length_call(expr.clone()),
            },
            Expr::Method(whole, name, arguments, _)
                if arguments.is_empty() && matches!(&**name, "items" | "keys" | "values" | "copy") =>
            {
                self.count_of(whole, node)
            }
            Expr::Comprehension { kind, clauses, .. } => match (kind, clauses.as_slice()) {
                (ComprehensionKind::List | ComprehensionKind::Generator, [clause]) if clause.conditions.is_empty() => {
                    self.count_of(&clause.iterable, node)
                }
                (ComprehensionKind::Generator, _) => {
                    length_call(Expr::Call(Text::from("list"), vec![expr.clone()], Vec::new()))
                }
                _ => length_call(expr.clone()),
            },
            Expr::Binary(BinaryOperator::Add, a, b) => {
                let (a, b) = (self.count_of(a, node), self.count_of(b, node));
                sum_of(a, b)
            }
            Expr::Name(name) => {
                match atom_index(name).filter(|id| self.atoms.get(*id).is_some_and(|atom| !atom.data)) {
                    Some(atom) => {
                        let hint = self.length_hint(atom);
                        self.part(atom, "len()", hint, McvType::Int, node)
                    }
                    None if self.opaque_names.contains(name) => self.length_of_choice(name, node),
                    None => length_call(expr.clone()),
                }
            }
            _ if self.is_opaque(expr) => {
                let hint = format!("len_{}", self.hint_of(node));
                self.unknown(node, McvKind::ExternalSize, McvType::Int, &hint, "len")
            }
            _ => length_call(expr.clone()),
        }
    }

    fn length_hint(&self, atom: usize) -> String {
        format!("len_{}", self.atoms[atom].hint.trim_start_matches('='))
    }

    /// The number of items of what several ways bind, at least one of them to an unknown.
    fn length_of_choice(&mut self, name: &Text, node: &impl Ranged) -> Expr {
        let called = super::bound_index(name).and_then(|index| self.bound.get(index)).map(|bound| bound.hint.clone());
        let called = called.unwrap_or_else(|| Text::from("value"));
        let (hint, meaning) = (format!("len_{called}"), format!("len({called})"));
        let place = self.place(node);
        self.atom(format!("len/{name}"), || Atom {
            kind: McvKind::ExternalSize,
            type_: McvType::Int,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            data: true,
            made: 0,
        })
    }

    /// The loop's target with names of its own, if it binds nothing but names.
    fn native_target(&mut self, target: &'p Ast) -> Option<Target> {
        match target {
            Ast::Name(name) => {
                let site = self.site("target", name);
                Some(Target::Name(self.bind(site, &name.id, false)))
            }
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
                elts.iter().map(|target| self.native_target(target)).collect::<Option<Vec<_>>>().map(Target::Tuple)
            }
            _ => None,
        }
    }

    /// Binds a loop's target for one iteration.
    pub(super) fn bind_iteration(&mut self, source: &Iteration, target: &'p Ast) {
        match &source.native {
            Some(native) => self.bind_native(native, target),
            None => match &source.item {
                Some(item) => self.assign(target, item.clone()),
                None => self.bind_unknown(target),
            },
        }
    }

    fn bind_native(&mut self, native: &Target, target: &'p Ast) {
        match (native, target) {
            (Target::Name(name), Ast::Name(_)) => {
                let value = Abstract::value(Expr::Name(name.clone()));
                if let Ast::Name(target) = target {
                    let variable = self.variable(&target.id);
                    self.state.set(variable, value);
                }
            }
            (
                Target::Tuple(natives),
                Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }),
            ) => {
                for (native, target) in natives.iter().zip(elts) {
                    self.bind_native(native, target);
                }
            }
            _ => {}
        }
    }

    fn bind_unknown(&mut self, target: &'p Ast) {
        match target {
            Ast::Tuple(ast::ExprTuple { elts, .. }) | Ast::List(ast::ExprList { elts, .. }) => {
                for target in elts {
                    self.bind_unknown(target);
                }
            }
            Ast::Starred(starred) => self.bind_unknown(&starred.value),
            _ => {
                let hint = self.hint_of(target);
                let item = self.unknown(target, McvKind::ComputedCondition, McvType::Any, &hint, "item");
                self.assign(target, Abstract::value(item));
            }
        }
    }

    // ---- exits that are not known -------------------------------------------------------------------------------------

    /// Whether an expression rests on an unknown that every iteration makes anew.
    fn changes_within(&self, expr: &Expr, lets: &BTreeMap<Text, Vec<Expr>>, clock: usize) -> bool {
        let mut open = vec![expr.clone()];
        let mut seen: BTreeSet<Text> = BTreeSet::new();
        while let Some(expr) = open.pop() {
            let mut found = false;
            expression::visit_names(&expr, &mut |name| {
                if let Some(atom) = atom_index(name).and_then(|id| self.atoms.get(id)) {
                    found |= atom.made >= clock;
                }
                let name = Text::from(name);
                if let Some(values) = lets.get(&name)
                    && seen.insert(name)
                {
                    open.extend(values.iter().cloned());
                }
            });
            if found {
                return true;
            }
        }
        false
    }

    fn has_undecidable_exit(&self, body: &Block, clock: usize) -> bool {
        let lets = lets_of(body, &self.slots);
        let mut found = false;
        exits(body, &mut |condition, _| found |= self.changes_within(condition, &lets, clock));
        found
    }

    fn has_decidable_exit(&self, body: &Block, clock: usize) -> bool {
        let lets = lets_of(body, &self.slots);
        let mut found = false;
        exits(body, &mut |condition, _| found |= !self.changes_within(condition, &lets, clock));
        // An exit that depends on nothing: the loop ends in its first iteration.
        found || body.0.iter().any(|node| matches!(node, Node::Break | Node::Return | Node::Exit | Node::Raise { .. }))
    }

    /// Takes the exits whose conditions are not known in the last iteration: if the loop cannot end otherwise and
    /// there is one such exit, always; else when the condition says so.
    fn decide_exits(&self, body: &mut Block, clock: usize, last: &Expr, endless: bool) {
        let lets = lets_of(body, &self.slots);
        let mut undecidable = 0;
        exits(body, &mut |condition, _| undecidable += usize::from(self.changes_within(condition, &lets, clock)));
        let always = endless && undecidable == 1;
        self.decide(body, &lets, clock, last, always);
    }

    fn decide(&self, body: &mut Block, lets: &BTreeMap<Text, Vec<Expr>>, clock: usize, last: &Expr, always: bool) {
        for node in &mut body.0 {
            match node {
                Node::If { condition, then, otherwise, .. } => {
                    let (by_then, by_else) = (leaves(then), leaves(otherwise));
                    if by_then != by_else && self.changes_within(condition, lets, clock) {
                        let old = std::mem::replace(condition, Expr::Constant(Value::None));
                        let both = |operator, a: Expr, b: Expr| Expr::Boolean(operator, vec![a, b]);
                        *condition = match (by_then, always) {
                            (true, true) => last.clone(),
                            (true, false) => both(BooleanOperator::And, last.clone(), old),
                            (false, true) => negate(last.clone()),
                            (false, false) => both(BooleanOperator::Or, negate(last.clone()), old),
                        };
                    }
                    self.decide(then, lets, clock, last, always);
                    self.decide(otherwise, lets, clock, last, always);
                }
                Node::Try { body, handlers, otherwise, finally, .. } => {
                    self.decide(body, lets, clock, last, always);
                    for handler in handlers {
                        self.decide(&mut handler.body, lets, clock, last, always);
                    }
                    self.decide(otherwise, lets, clock, last, always);
                    self.decide(finally, lets, clock, last, always);
                }
                _ => {}
            }
        }
    }

    /// How often a loop runs that ends by what is not known.
    fn trips(&mut self, body: &Block, node: &impl Ranged) -> Expr {
        let mut callee = None;
        body.nodes(&mut |node| {
            if let (Node::Term(term), None) = (node, &callee) {
                callee = Some(hint_from_text(&term.callee));
            }
        });
        let hint = format!("{}_trips", callee.as_deref().unwrap_or("loop"));
        let place = self.place(node);
        let site = self.site("trips", node);
        self.atom(site, || Atom {
            kind: McvKind::TripCount,
            type_: McvType::Int,
            hint,
            meaning: "iterations of the loop".to_owned(),
            place,
            default: None,
            owner: None,
            data: true,
            made: 0,
        })
    }

    // ---- match ------------------------------------------------------------------------------------------------------------

    pub(super) fn match_statement(&mut self, statement: &'p ast::StmtMatch) {
        let subject = self.expression(&statement.subject);
        let expr = self.expr_of(&subject, &*statement.subject);
        let hint = self.hint_of(&*statement.subject);
        let expr = if self.has_unknown(&expr) { expr } else { self.name_value(&hint, expr, statement, false) };
        // The cases behind a guard are reached in two ways. They are read for each, if that stays small.
        let guards = statement.cases.iter().filter(|case| case.guard.is_some()).count();
        self.guards += guards;
        if self.guards <= MAX_GUARDS {
            self.cases(&expr, &statement.cases);
        } else {
            self.guarded_cases(&expr, &statement.cases);
        }
        self.guards -= guards;
    }

    /// The same as [`Self::cases`], and reads no case twice: whether a guarded case is taken is a value of its own.
    fn guarded_cases(&mut self, expr: &Expr, cases: &'p [ast::MatchCase]) {
        let Some((case, rest)) = cases.split_first() else { return };
        let condition = self.pattern(&case.pattern, expr);
        let Some(guard) = &case.guard else {
            self.branch(
                condition,
                case,
                |builder| {
                    builder.capture(&case.pattern, expr);
                    builder.statements(&case.body)
                },
                |builder| builder.guarded_cases(expr, rest),
            );
            return;
        };
        // No name of the source has a space; it is bound for the join alone.
        let variable = self.variable("guard fits");
        let fits = variable.clone();
        self.branch(
            condition,
            case,
            |builder| {
                builder.capture(&case.pattern, expr);
                let guard = builder.condition(guard);
                builder.state.set(fits.clone(), Abstract::value(guard));
            },
            |builder| builder.state.set(variable.clone(), Self::truth_value(false)),
        );
        let taken = match self.state.get(&variable) {
            Some(Abstract::Value(taken)) => (**taken).clone(),
            _ => return,
        };
        self.state.remove(&variable);
        self.branch(
            taken,
            &**guard,
            |builder| builder.statements(&case.body),
            |builder| builder.guarded_cases(expr, rest),
        );
    }

    fn cases(&mut self, expr: &Expr, cases: &'p [ast::MatchCase]) {
        let Some((case, rest)) = cases.split_first() else { return };
        let condition = self.pattern(&case.pattern, expr);
        self.branch(
            condition,
            case,
            |builder| {
                builder.capture(&case.pattern, expr);
                match &case.guard {
                    None => builder.statements(&case.body),
                    Some(guard) => {
                        let condition = builder.condition(guard);
                        builder.branch(
                            condition,
                            &**guard,
                            |builder| builder.statements(&case.body),
                            |builder| builder.cases(expr, rest),
                        );
                    }
                }
            },
            |builder| builder.cases(expr, rest),
        );
    }

    /// Whether a pattern fits.
    fn pattern(&mut self, pattern: &'p ast::Pattern, subject: &Expr) -> Expr {
        let truth = |value| Expr::Constant(Value::Bool(value));
        let isinstance = |names: &[&str]| {
            let mut classes: Vec<Expr> = names.iter().map(|name| Expr::Name(Text::from(*name))).collect();
            let class = if classes.len() == 1 { classes.swap_remove(0) } else { Expr::Tuple(classes) };
            Expr::Call(Text::from("isinstance"), vec![subject.clone(), class], Vec::new())
        };
        let opaque = self.is_opaque(subject);
        match pattern {
            ast::Pattern::MatchValue(value) => {
                let value = self.expression(&value.value);
                let value = self.expr_of(&value, pattern);
                if self.is_opaque(&value) {
                    return self.whole_pattern(pattern);
                }
                Expr::Compare(Box::new(subject.clone()), vec![(CompareOperator::Equal, value)])
            }
            ast::Pattern::MatchSingleton(singleton) => {
                let value = match singleton.value {
                    ast::Singleton::None => Value::None,
                    ast::Singleton::True => Value::Bool(true),
                    ast::Singleton::False => Value::Bool(false),
                };
                if opaque {
                    return self.whole_pattern(pattern);
                }
                Expr::Compare(Box::new(subject.clone()), vec![(CompareOperator::Is, Expr::Constant(value))])
            }
            ast::Pattern::MatchAs(inner) => match &inner.pattern {
                Some(inner) => self.pattern(inner, subject),
                None => truth(true),
            },
            ast::Pattern::MatchOr(alternatives) => {
                let parts: Vec<Expr> =
                    alternatives.patterns.iter().map(|pattern| self.pattern(pattern, subject)).collect();
                if parts.iter().any(|part| *part == truth(true)) {
                    return truth(true);
                }
                Expr::Boolean(BooleanOperator::Or, parts)
            }
            _ if opaque => self.whole_pattern(pattern),
            ast::Pattern::MatchMapping(mapping) => {
                let mut parts = vec![isinstance(&["dict"])];
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let key = self.expression(key);
                    let key = self.expr_of(&key, pattern);
                    parts.push(Expr::Compare(Box::new(key.clone()), vec![(CompareOperator::In, subject.clone())]));
                    let item = Expr::Index(Box::new(subject.clone()), Box::new(key));
                    parts.push(self.pattern(inner, &item));
                }
                all(parts)
            }
            ast::Pattern::MatchSequence(sequence) => {
                let star = sequence.patterns.iter().position(|p| matches!(p, ast::Pattern::MatchStar(_)));
                let fixed = sequence.patterns.len() - usize::from(star.is_some());
                let operator = if star.is_some() { CompareOperator::GreaterEqual } else { CompareOperator::Equal };
                let mut parts = vec![
                    isinstance(&["list", "tuple"]),
                    Expr::Compare(
                        Box::new(length_call(subject.clone())),
                        vec![(operator, Expr::Constant(Value::Int(fixed.into())))],
                    ),
                ];
                for (item, inner) in sequence_items(subject, &sequence.patterns, star) {
                    parts.push(self.pattern(inner, &item));
                }
                all(parts)
            }
            ast::Pattern::MatchClass(class) => {
                let name = exception_name(&class.cls);
                let plain = class.arguments.keywords.is_empty() && class.arguments.patterns.len() <= 1;
                let known = ["int", "str", "float", "bool", "bytes", "list", "dict", "tuple", "set"];
                if !plain || !known.contains(&&*name) {
                    return self.whole_pattern(pattern);
                }
                let mut parts = vec![isinstance(&[&name])];
                if let Some(inner) = class.arguments.patterns.first() {
                    parts.push(self.pattern(inner, subject));
                }
                all(parts)
            }
            ast::Pattern::MatchStar(_) => truth(true),
        }
    }

    /// A yes-or-no unknown for a pattern that expressions cannot say.
    fn whole_pattern(&mut self, pattern: &'p ast::Pattern) -> Expr {
        let hint = format!("matches_{}", self.hint_of(pattern));
        self.unknown(pattern, McvKind::ComputedCondition, McvType::Bool, &hint, "pattern")
    }

    /// Binds what a pattern captures.
    fn capture(&mut self, pattern: &'p ast::Pattern, subject: &Expr) {
        let bind = |builder: &mut Self, name: &str, value: Expr| {
            let variable = builder.variable(name);
            builder.state.set(variable, Abstract::value(value));
        };
        let opaque = self.is_opaque(subject);
        match pattern {
            ast::Pattern::MatchAs(inner) => {
                if let Some(name) = &inner.name {
                    bind(self, name, subject.clone());
                }
                if let Some(inner) = &inner.pattern {
                    self.capture(inner, subject);
                }
            }
            ast::Pattern::MatchOr(alternatives) => {
                for alternative in &alternatives.patterns {
                    self.capture(alternative, subject);
                }
            }
            ast::Pattern::MatchMapping(mapping) => {
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let key = self.expression(key);
                    let key = self.expr_of(&key, pattern);
                    let item = if opaque {
                        self.unknown(inner, McvKind::ComputedCondition, McvType::Any, &self.hint_of(inner), "capture")
                    } else {
                        Expr::Index(Box::new(subject.clone()), Box::new(key))
                    };
                    self.capture(inner, &item);
                }
                if let Some(rest) = &mapping.rest {
                    let hint = rest.to_string();
                    let item = self.unknown(pattern, McvKind::ComputedCondition, McvType::Any, &hint, "rest");
                    bind(self, rest, item);
                }
            }
            ast::Pattern::MatchSequence(sequence) => {
                let star = sequence.patterns.iter().position(|p| matches!(p, ast::Pattern::MatchStar(_)));
                for (item, inner) in sequence_items(subject, &sequence.patterns, star) {
                    let item = if opaque {
                        self.unknown(inner, McvKind::ComputedCondition, McvType::Any, &self.hint_of(inner), "capture")
                    } else {
                        item
                    };
                    self.capture(inner, &item);
                }
                if let Some(ast::Pattern::MatchStar(ast::PatternMatchStar { name: Some(name), .. })) =
                    star.and_then(|at| sequence.patterns.get(at))
                {
                    let hint = name.to_string();
                    let item = self.unknown(pattern, McvKind::ComputedCondition, McvType::List, &hint, "star");
                    bind(self, name, item);
                }
            }
            ast::Pattern::MatchClass(class) => {
                for inner in &class.arguments.patterns {
                    self.capture(inner, subject);
                }
                for keyword in &class.arguments.keywords {
                    let hint = self.hint_of(keyword);
                    let item = self.unknown(keyword, McvKind::ComputedCondition, McvType::Any, &hint, "capture");
                    self.capture(&keyword.pattern, &item);
                }
            }
            ast::Pattern::MatchValue(_) | ast::Pattern::MatchSingleton(_) | ast::Pattern::MatchStar(_) => {}
        }
    }

    /// `append`: one item more.
    pub(super) fn append(&mut self, id: ObjectId, item: &Abstract, node: &impl Ranged) {
        let Some(object) = self.state.object(id).cloned() else { return };
        let expr = self.expr_of(item, node);
        let content = match object.content.as_deref() {
            Some(content) if !self.is_opaque(&expr) => {
                Some(Expr::Binary(BinaryOperator::Add, Box::new(content.clone()), Box::new(Expr::List(vec![expr]))))
            }
            _ => None,
        };
        let length =
            object.length.as_deref().map(|length| sum_of(length.clone(), Expr::Constant(Value::Int(1.into()))));
        let content = content.filter(|content| !super::too_large(content));
        self.state.mutate(id, |object: &mut Object| {
            object.content = content.map(Into::into);
            object.length = length.map(Into::into);
        });
    }

    /// A list that starts empty.
    pub(super) fn empty_list(&mut self, site: String) -> Abstract {
        let zero = Expr::Constant(Value::Int(BigInt::from(0)));
        self.allocate(site, container(ObjectKind::List, Some(Expr::List(Vec::new())), Some(zero)))
    }

    /// A constant.
    pub(super) fn truth_value(value: bool) -> Abstract {
        constant(Value::Bool(value))
    }
}

/// What a loop changes.
pub(super) type Change = Location;

/// What of a value a loop's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Value,
    Content,
    Length,
}

fn part_of(object: &Object, part: Slot) -> Option<Expr> {
    match part {
        Slot::Content => object.content.as_deref().cloned(),
        Slot::Length => object.length.as_deref().cloned(),
        Slot::Value => None,
    }
}

/// The place of what a loop changes.
fn loop_site(node: TextRange, change: &Change) -> String {
    format!("loop@{}:{}/{change:?}", node.start().to_u32(), node.end().to_u32())
}

/// What the variable or field of a change holds.
fn held<'s>(state: &'s State, change: &Change) -> Option<&'s Abstract> {
    match change {
        Change::Variable(variable) => state.get(variable),
        Change::Field(id, field) => state.object(*id)?.fields.get(field),
        _ => None,
    }
}

/// Adds what differs between the start and the end of an iteration.
///
/// An object of `own` is what a variable or field holds at the head, whichever object that is: the next iteration
/// starts with the one that is held at the end, which need not be the same.
fn changed(head: &State, end: &State, own: &BTreeMap<ObjectId, Change>, found: &mut BTreeSet<Change>) {
    let kind = |state: &State, value: &Abstract| match value {
        Abstract::Object(id) => state.object(*id).map(|object| object.kind.clone()),
        _ => None,
    };
    let other_kind = |before: &Abstract, after: &Abstract| {
        matches!(before, Abstract::Object(_)) && kind(head, before) != kind(end, after)
    };
    for (variable, value) in head.variables() {
        let Some(after) = end.get(variable).filter(|after| *after != value) else { continue };
        found.insert(Change::Variable(variable.clone()));
        if other_kind(value, after) {
            found.insert(Change::Kind(variable.clone()));
        }
    }
    for (id, before) in head.objects() {
        let after = match own.get(&id) {
            None => end.object(id),
            Some(holder) => match held(end, holder) {
                Some(Abstract::Object(id)) => end.object(*id),
                _ => None,
            },
        };
        let Some(after) = after else { continue };
        let is_own = own.contains_key(&id);
        if before.content != after.content {
            if after.content.is_none() {
                found.insert(Change::NoContent(id));
            } else if !is_own {
                found.insert(Change::Content(id));
            }
        }
        if before.length != after.length {
            if after.length.is_none() {
                found.insert(Change::NoLength(id));
            } else if !is_own {
                found.insert(Change::Length(id));
            }
        }
        for (name, value) in &after.fields {
            let Some(old) = before.fields.get(name).filter(|old| *old != value) else { continue };
            found.insert(Change::Field(id, name.clone()));
            if other_kind(old, value) {
                found.insert(Change::FieldKind(id, name.clone()));
            }
        }
    }
    // Two that hold one object at the end hold one object at the next head.
    let ends: Vec<(ObjectId, ObjectId)> = own
        .iter()
        .filter_map(|(id, holder)| match held(end, holder) {
            Some(Abstract::Object(end)) => Some((*id, *end)),
            _ => None,
        })
        .collect();
    for (at, (one, one_end)) in ends.iter().enumerate() {
        let others = ends.iter().skip(at + 1).copied();
        // What is at the head under its own number is there again at the next.
        let lasting = end.aliases(*one_end).chain([*one_end]);
        let lasting = lasting.filter(|id| !own.contains_key(id) && head.object(*id).is_some()).map(|id| (id, id));
        for (other, other_end) in others.chain(lasting) {
            if (*one_end == other_end || end.aliases(*one_end).any(|id| id == other_end))
                && !head.aliases(*one).any(|id| id == other)
            {
                found.insert(Change::Alias(*one, other));
            }
        }
    }
}

/// The definitions of names inside a block, joins included.
fn lets_of(block: &Block, slots: &[Vec<Let>]) -> BTreeMap<Text, Vec<Expr>> {
    let mut lets: BTreeMap<Text, Vec<Expr>> = BTreeMap::new();
    block.nodes(&mut |node| match node {
        Node::Let(bound) => lets.entry(bound.name.clone()).or_default().push(bound.value.clone()),
        Node::Slot(slot) => {
            for bound in slots.get(*slot).into_iter().flatten() {
                lets.entry(bound.name.clone()).or_default().push(bound.value.clone());
            }
        }
        _ => {}
    });
    lets
}

/// Calls `visit` for each branch of a loop's body that leaves the loop in one arm.
fn exits(body: &Block, visit: &mut impl FnMut(&Expr, bool)) {
    for node in &body.0 {
        match node {
            Node::If { condition, then, otherwise, .. } => {
                if leaves(then) != leaves(otherwise) {
                    visit(condition, leaves(then));
                }
                exits(then, visit);
                exits(otherwise, visit);
            }
            Node::Try { body, handlers, otherwise, finally, .. } => {
                exits(body, visit);
                for handler in handlers {
                    exits(&handler.body, visit);
                }
                exits(otherwise, visit);
                exits(finally, visit);
            }
            _ => {}
        }
    }
}

/// Whether a block itself ends by leaving the loop around it.
fn leaves(block: &Block) -> bool {
    block.0.iter().any(|node| matches!(node, Node::Break | Node::Return | Node::Exit | Node::Raise { .. }))
}

/// `index == trips - 1`.
fn last_trip(index: &Text, trips: &Expr) -> Expr {
    let one = Expr::Constant(Value::Int(BigInt::from(1)));
    Expr::Compare(
        Box::new(Expr::Name(index.clone())),
        vec![(CompareOperator::Equal, Expr::Binary(BinaryOperator::Subtract, Box::new(trips.clone()), Box::new(one)))],
    )
}

fn length_call(expr: Expr) -> Expr {
    Expr::Call(Text::from("len"), vec![expr], Vec::new())
}

/// All of several conditions.
fn all(parts: Vec<Expr>) -> Expr {
    let truth = Expr::Constant(Value::Bool(true));
    let mut parts: Vec<Expr> = parts.into_iter().filter(|part| *part != truth).collect();
    match parts.len() {
        0 => truth,
        1 => parts.swap_remove(0),
        _ => Expr::Boolean(BooleanOperator::And, parts),
    }
}

/// The items of a sequence that its patterns look at, the star left out.
fn sequence_items<'a>(
    subject: &Expr,
    patterns: &'a [ast::Pattern],
    star: Option<usize>,
) -> Vec<(Expr, &'a ast::Pattern)> {
    let length = i64::try_from(patterns.len()).unwrap_or(0);
    patterns
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != star)
        .map(|(at, pattern)| {
            let position = i64::try_from(at).unwrap_or(0);
            let index = if star.is_some_and(|star| at > star) { position - length } else { position };
            let index = Expr::Constant(Value::Int(index.into()));
            (Expr::Index(Box::new(subject.clone()), Box::new(index)), pattern)
        })
        .collect()
}

fn exception_names(expr: &Ast) -> Vec<Text> {
    match expr {
        Ast::Tuple(tuple) => tuple.elts.iter().map(exception_name).collect(),
        _ => vec![exception_name(expr)],
    }
}

/// The built-in exceptions and their bases (CPython 3.12, `Objects/exceptions.c`).
const BUILTIN_EXCEPTIONS: &[(&str, &str)] = &[
    ("ArithmeticError", "Exception"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("BlockingIOError", "OSError"),
    ("BrokenPipeError", "ConnectionError"),
    ("BufferError", "Exception"),
    ("ChildProcessError", "OSError"),
    ("ConnectionAbortedError", "ConnectionError"),
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "ConnectionError"),
    ("ConnectionResetError", "ConnectionError"),
    ("EOFError", "Exception"),
    ("EnvironmentError", "OSError"),
    ("FileExistsError", "OSError"),
    ("FileNotFoundError", "OSError"),
    ("FloatingPointError", "ArithmeticError"),
    ("IOError", "OSError"),
    ("ImportError", "Exception"),
    ("IndexError", "LookupError"),
    ("InterruptedError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("JSONDecodeError", "ValueError"),
    ("KeyError", "LookupError"),
    ("LookupError", "Exception"),
    ("MemoryError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("NameError", "Exception"),
    ("NotADirectoryError", "OSError"),
    ("NotImplementedError", "RuntimeError"),
    ("OSError", "Exception"),
    ("OverflowError", "ArithmeticError"),
    ("PermissionError", "OSError"),
    ("ProcessLookupError", "OSError"),
    ("RecursionError", "RuntimeError"),
    ("ReferenceError", "Exception"),
    ("RuntimeError", "Exception"),
    ("StopAsyncIteration", "Exception"),
    ("StopIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("SystemError", "Exception"),
    ("TimeoutError", "OSError"),
    ("TypeError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("UnicodeEncodeError", "UnicodeError"),
    ("UnicodeError", "ValueError"),
    ("ValueError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
];

/// A callee without what stands in brackets, so that its last name is what is called: of
/// `boto3.client("s3").get_object`, `boto3.client.get_object`.
fn without_arguments(callee: &str) -> String {
    let mut depth = 0usize;
    let mut quote = None;
    let mut out = String::new();
    for c in callee.chars() {
        match (quote, c) {
            (Some(open), _) => quote = if c == open { None } else { quote },
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 => out.push(c),
            (None, _) => {}
        }
    }
    // A literal, or something else without a name.
    if out.chars().any(char::is_alphabetic) { out } else { callee.to_owned() }
}
