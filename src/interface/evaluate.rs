//! Evaluates an interface: with all values known to a formula without conditions, else to a formula over what is
//! not known.
//!
//! A block gives a cost and the ways out of it. What follows a block is weighed by the condition of getting there
//! (a *guard*), so that nothing is evaluated twice and a formula stays as long as its handler.

use std::collections::BTreeMap;
use std::rc::Rc;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Kind as DiagnosticKind, Span};
use crate::expression::{
    self, BinaryOperator, BooleanOperator, Budget, CompareOperator, Expr, Failure, Target, Text, Value,
};
use crate::formula::{Argument, Condition, Formula};

use super::build::negated;
use super::simplify::trip_count;
use super::tree::{ArgumentValue, Block, Handler, Node, Place, Term};

/// Iterations of one evaluation, over all of its loops.
const MAX_ITERATIONS: usize = 100_000;

/// Largest expression that a value that is not known may become, in nodes.
const MAX_EXPRESSION: usize = 4_000;

/// Why an interface has no formula for some values.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum EvaluateError {
    /// The handler itself would raise for these values.
    #[error("{place}: the handler raises {exception}: {message}", place = shown(.at))]
    Raised {
        /// The exception's class.
        exception: String,
        /// Its message.
        message: String,
        /// Where.
        at: Place,
    },
    /// A loop whose iterations differ goes over something that is not known.
    #[error("{place}: the loop over {over} has no closed form; give {}", .give.join(", "), place = shown(.at))]
    OpenLoop {
        /// What it goes over.
        over: String,
        /// What to give.
        give: Vec<String>,
        /// Where.
        at: Place,
    },
    /// The evaluation takes more than its bounds.
    #[error("{place}: too much to evaluate ({what})", place = shown(.at))]
    TooMuch {
        /// What passed its bound.
        what: &'static str,
        /// Where.
        at: Place,
    },
}

impl EvaluateError {
    /// The diagnostic for a user.
    pub fn diagnostic(&self) -> Diagnostic {
        let (kind, at, help) = match self {
            Self::Raised { at, .. } => (DiagnosticKind::HandlerRaises, at, "give the values that the handler expects"),
            Self::OpenLoop { at, .. } => {
                (DiagnosticKind::OpenLoop, at, "the interface covers it; evaluate that with values for these names")
            }
            Self::TooMuch { at, .. } => (DiagnosticKind::TooMuchToEvaluate, at, "give smaller values, or fewer"),
        };
        // The text names the place, and so does the diagnostic.
        let text = self.to_string();
        let message = text.strip_prefix(&format!("{}: ", shown(at))).unwrap_or(&text);
        Diagnostic::new(kind, message).in_file(&*at.file).at(Span::point(at.line, 1)).help(help)
    }
}

fn shown(at: &Place) -> String {
    format!("{}:{}", at.file, at.line)
}

/// A path: the decisions that lead along it, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The conditions that hold, in order.
    pub conditions: Vec<String>,
    /// What the path costs.
    pub formula: Formula,
}

/// The formula of a block for values that are known.
///
/// # Errors
/// See [`EvaluateError`].
pub fn evaluate(body: &Block, known: &BTreeMap<Text, Value>) -> Result<Formula, EvaluateError> {
    let mut machine = Machine { iterations: 0, decisions: None };
    uncaught(machine.run(body, environment(known))?)
}

/// The paths through a block for values that are known, up to `limit`; and whether there are more.
///
/// # Errors
/// See [`EvaluateError`].
pub fn paths(body: &Block, known: &BTreeMap<Text, Value>, limit: usize) -> Result<(Vec<Path>, bool), EvaluateError> {
    let mut found = Vec::new();
    let mut plan: Vec<bool> = Vec::new();
    loop {
        let mut machine = Machine {
            iterations: 0,
            decisions: Some(Decisions { plan: std::mem::take(&mut plan), taken: Vec::new(), decided: BTreeMap::new() }),
        };
        let outcome = machine.run(body, environment(known))?;
        let taken = machine.decisions.map(|decisions| decisions.taken).unwrap_or_default();
        found.push(Path {
            conditions: taken.iter().map(|(condition, _, _)| condition.clone()).collect(),
            formula: uncaught(outcome)?,
        });
        // The next path: the last decision that was first taken as true is now false.
        plan = taken.iter().map(|(_, decision, _)| *decision).collect();
        while plan.last() == Some(&false) {
            plan.pop();
        }
        match plan.last_mut() {
            Some(last) => *last = false,
            None => return Ok((found, false)),
        }
        if found.len() >= limit {
            return Ok((found, true));
        }
    }
}

type Names = Rc<BTreeMap<Text, Expr>>;

fn environment(known: &BTreeMap<Text, Value>) -> Names {
    Rc::new(known.iter().map(|(name, value)| (name.clone(), Expr::Constant(value.clone()))).collect())
}

/// How a block is left.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    End,
    Return,
    Break,
    Continue,
    Exit,
    /// By an exception: its class, and its message and place if an expression raised it.
    Raise(Text, Option<Rc<(String, Place)>>),
}

/// A way out of a block.
#[derive(Clone)]
struct Way {
    kind: Kind,
    guard: Expr,
    names: Names,
}

struct Outcome {
    cost: Formula,
    ways: Vec<Way>,
}

struct Decisions {
    plan: Vec<bool>,
    taken: Vec<(String, bool, ())>,
    /// What was decided once holds for the rest of the path.
    decided: BTreeMap<String, bool>,
}

struct Machine {
    iterations: usize,
    /// Of path enumeration: branches are decided one way, not both.
    decisions: Option<Decisions>,
}

impl Machine {
    fn run(&mut self, block: &Block, names: Names) -> Result<Outcome, EvaluateError> {
        self.statements(&block.0, names)
    }

    fn statements(&mut self, nodes: &[Node], names: Names) -> Result<Outcome, EvaluateError> {
        let mut names = names;
        let mut costs: Vec<Formula> = Vec::new();
        let mut ways: Vec<Way> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if let Node::If { condition, then, otherwise, at } = node {
                let decided = match self.decide(condition, &names, at) {
                    Err(EvaluateError::Raised { exception, message, at }) => {
                        ways.push(raised(&exception, message, at, names));
                        return Ok(finish(costs, ways));
                    }
                    decided => decided?,
                };
                match decided {
                    Ok(true) => {
                        if self.follow(self_block(then), &mut names, &mut costs, &mut ways)? {
                            continue;
                        }
                        return Ok(finish(costs, ways));
                    }
                    Ok(false) => {
                        if self.follow(self_block(otherwise), &mut names, &mut costs, &mut ways)? {
                            continue;
                        }
                        return Ok(finish(costs, ways));
                    }
                    Err(condition) => {
                        let mut a = self.run(then, names.clone())?;
                        let mut b = self.run(otherwise, names.clone())?;
                        let rest = &nodes[index + 1..];
                        let (end_a, end_b) = (take_end(&mut a.ways), take_end(&mut b.ways));
                        let opposite = negated(condition.clone());
                        let joined = match (end_a, end_b) {
                            // One arm leaves: what follows belongs to the other.
                            (None, None) => None,
                            (Some(end), None) if is_true(&end.guard) => {
                                let more = self.statements(rest, end.names)?;
                                a.cost = a.cost + more.cost;
                                a.ways.extend(more.ways);
                                None
                            }
                            (None, Some(end)) if is_true(&end.guard) => {
                                let more = self.statements(rest, end.names)?;
                                b.cost = b.cost + more.cost;
                                b.ways.extend(more.ways);
                                None
                            }
                            (a, b) => {
                                let mut ends = Vec::new();
                                ends.extend(a.map(|end| (conjunction(&condition, &end.guard), end.names)));
                                ends.extend(b.map(|end| (conjunction(&opposite, &end.guard), end.names)));
                                let always = ends.len() == 2 && ends[0].0 == condition && ends[1].0 == opposite;
                                Some((ends, always))
                            }
                        };
                        costs.push(choice(&condition, a.cost, b.cost));
                        ways.extend(a.ways.into_iter().map(|way| way.under(&condition)));
                        ways.extend(b.ways.into_iter().map(|way| way.under(&opposite)));
                        let Some((ends, always)) = joined else { return Ok(finish(costs, ways)) };
                        let merged = merge(&condition, ends.clone(), at)?;
                        if always {
                            names = merged;
                            continue;
                        }
                        let guard = ends.into_iter().map(|(guard, _)| guard).reduce(disjunction);
                        let guard = guard.unwrap_or(Expr::Constant(Value::Bool(false)));
                        let more = self.statements(rest, merged)?;
                        costs.push(choice(&guard, more.cost, Formula::zero()));
                        ways.extend(more.ways.into_iter().map(|way| way.under(&guard)));
                        return Ok(finish(costs, ways));
                    }
                }
            }
            let mut outcome = match self.node(node, names.clone()) {
                // What an expression raises goes to the clause that catches it.
                Err(EvaluateError::Raised { exception, message, at }) => {
                    ways.push(raised(&exception, message, at, names));
                    return Ok(finish(costs, ways));
                }
                outcome => outcome?,
            };
            costs.push(outcome.cost);
            let end = take_end(&mut outcome.ways);
            ways.append(&mut outcome.ways);
            match end {
                None => return Ok(finish(costs, ways)),
                Some(end) if is_true(&end.guard) => names = end.names,
                Some(end) => {
                    let more = self.statements(&nodes[index + 1..], end.names)?;
                    costs.push(choice(&end.guard, more.cost, Formula::zero()));
                    ways.extend(more.ways.into_iter().map(|way| way.under(&end.guard)));
                    return Ok(finish(costs, ways));
                }
            }
        }
        ways.push(Way { kind: Kind::End, guard: truth(), names });
        Ok(finish(costs, ways))
    }

    /// Runs a block in place. Whether what follows it is reached for sure.
    fn follow(
        &mut self,
        block: &Block,
        names: &mut Names,
        costs: &mut Vec<Formula>,
        ways: &mut Vec<Way>,
    ) -> Result<bool, EvaluateError> {
        let mut outcome = self.run(block, names.clone())?;
        costs.push(outcome.cost);
        let end = take_end(&mut outcome.ways);
        match end {
            Some(end) if is_true(&end.guard) && outcome.ways.is_empty() => {
                *names = end.names;
                Ok(true)
            }
            Some(end) => {
                // A decided arm that may be left inside: its guard goes on.
                ways.append(&mut outcome.ways);
                ways.push(Way { kind: Kind::End, guard: end.guard, names: end.names });
                Ok(false)
            }
            None => {
                ways.append(&mut outcome.ways);
                Ok(false)
            }
        }
    }

    fn node(&mut self, node: &Node, names: Names) -> Result<Outcome, EvaluateError> {
        let end =
            |cost: Formula, names: Names| Outcome { cost, ways: vec![Way { kind: Kind::End, guard: truth(), names }] };
        let leave = |kind: Kind, names: Names| Outcome {
            cost: Formula::zero(),
            ways: vec![Way { kind, guard: truth(), names }],
        };
        Ok(match node {
            Node::Term(term) => end(self.term(term, &names)?, names),
            Node::Let(bound) => match value(&bound.value, &names, &bound.at)? {
                Ok(expr) => {
                    let mut names = names;
                    Rc::make_mut(&mut names)
                        .entry(bound.name.clone())
                        .and_modify(|old| *old = expr.clone())
                        .or_insert(expr);
                    end(Formula::zero(), names)
                }
                Err((exception, message)) => {
                    return Err(EvaluateError::Raised {
                        exception: exception.to_string(),
                        message,
                        at: bound.at.clone(),
                    });
                }
            },
            Node::If { .. } => self.statements(std::slice::from_ref(node), names)?,
            Node::Scope { body, .. } => {
                let mut outcome = self.run(body, names)?;
                for way in &mut outcome.ways {
                    if way.kind == Kind::Return {
                        way.kind = Kind::End;
                    }
                }
                outcome
            }
            Node::Times { count, body, at } => {
                let count = match value(count, &names, at)? {
                    Ok(count) => count,
                    Err((exception, message)) => {
                        return Err(EvaluateError::Raised {
                            exception: exception.to_string(),
                            message,
                            at: at.clone(),
                        });
                    }
                };
                let inner = self.run(body, names.clone())?;
                end(repeat(&count, inner.cost), names)
            }
            Node::For { target, iterable, body, otherwise, at } => {
                self.for_loop(target, iterable, body, otherwise, at, names)?
            }
            Node::While { condition, body, otherwise, at } => self.while_loop(condition, body, otherwise, at, names)?,
            Node::Try { body, handlers, otherwise, finally, at } => {
                self.protected(body, handlers, otherwise, finally, at, names)?
            }
            Node::MayRaise { variable, label, exceptions } => self.may_raise(variable, label, exceptions, names)?,
            Node::Raise { exception, .. } => leave(Kind::Raise(exception.clone(), None), names),
            Node::Return => leave(Kind::Return, names),
            Node::Exit => leave(Kind::Exit, names),
            Node::Break => leave(Kind::Break, names),
            Node::Continue => leave(Kind::Continue, names),
            Node::Slot(_) => end(Formula::zero(), names),
        })
    }

    /// Whether a condition holds: decided, or as an expression over what is not known.
    fn decide(&mut self, condition: &Expr, names: &Names, at: &Place) -> Result<Result<bool, Expr>, EvaluateError> {
        let expr = match value(condition, names, at)? {
            Ok(expr) => expr,
            Err((exception, message)) => {
                return Err(EvaluateError::Raised { exception: exception.to_string(), message, at: at.clone() });
            }
        };
        if let Expr::Constant(value) = &expr {
            return Ok(Ok(value.is_true()));
        }
        match &mut self.decisions {
            None => Ok(Err(expr)),
            Some(decisions) => Ok(Ok(decisions.decide(&expr))),
        }
    }

    fn term(&mut self, term: &Term, names: &Names) -> Result<Formula, EvaluateError> {
        let mut arguments = Vec::new();
        let at = term.at.first().cloned().unwrap_or_else(|| Place { file: Text::from(""), line: 0 });
        for argument in &term.arguments {
            let formula = match &argument.value {
                ArgumentValue::Text(text) => Formula::literal(text),
                ArgumentValue::Expr(expr, _) => match value(expr, names, &at)? {
                    Ok(expr) => argument_formula(&expr),
                    Err((exception, message)) => {
                        return Err(EvaluateError::Raised { exception: exception.to_string(), message, at });
                    }
                },
            };
            arguments.push(match &argument.keyword {
                Some(keyword) => Argument::keyword(keyword, formula),
                None => Argument::positional(formula),
            });
        }
        let cost = Formula::apply(&term.callee, arguments);
        Ok(Formula::integer(term.count) * cost)
    }

    // ---- loops ------------------------------------------------------------------------------------------------------

    fn for_loop(
        &mut self,
        target: &Target,
        iterable: &Expr,
        body: &Block,
        otherwise: &Block,
        at: &Place,
        names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let over = match value(iterable, &names, at)? {
            Ok(over) => over,
            Err((exception, message)) => {
                return Err(EvaluateError::Raised { exception: exception.to_string(), message, at: at.clone() });
            }
        };
        if let Expr::Constant(value) = &over {
            let too_many = || EvaluateError::TooMuch { what: "iterations", at: at.clone() };
            let items = value.elements(MAX_ITERATIONS as u64).ok_or_else(too_many)?;
            return self.iterate(items.into_iter(), target, body, otherwise, at, names);
        }
        self.open_loop(target, &over, body, otherwise, at, names)
    }

    /// A loop over items that are known, one by one.
    fn iterate(
        &mut self,
        items: impl Iterator<Item = Value>,
        target: &Target,
        body: &Block,
        otherwise: &Block,
        at: &Place,
        mut names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let mut costs = Vec::new();
        let mut ways = Vec::new();
        let mut guard = truth();
        let mut breaks: Vec<(Expr, Names)> = Vec::new();
        for item in items {
            self.count(at)?;
            bind(target, &Expr::Constant(item), &mut names);
            let outcome = self.run(body, names.clone())?;
            match self.iteration(outcome, &mut guard, &mut costs, &mut ways, &mut breaks, at)? {
                Some(next) => names = next,
                None => return self.left(costs, ways, breaks, None, otherwise, at),
            }
        }
        self.left(costs, ways, breaks, Some((guard, names)), otherwise, at)
    }

    /// Adds up one iteration; the names with which the next begins, if it may begin.
    fn iteration(
        &mut self,
        outcome: Outcome,
        guard: &mut Expr,
        costs: &mut Vec<Formula>,
        ways: &mut Vec<Way>,
        breaks: &mut Vec<(Expr, Names)>,
        at: &Place,
    ) -> Result<Option<Names>, EvaluateError> {
        costs.push(choice(guard, outcome.cost, Formula::zero()));
        let mut on: Vec<(Expr, Names)> = Vec::new();
        for way in outcome.ways {
            match way.kind {
                Kind::End | Kind::Continue => on.push((way.guard, way.names)),
                Kind::Break => breaks.push((conjunction(guard, &way.guard), way.names)),
                Kind::Return | Kind::Exit | Kind::Raise(..) => ways.push(way.under(guard)),
            }
        }
        let Some(first) = on.first().map(|(guard, _)| guard.clone()) else { return Ok(None) };
        let reached = if on.iter().any(|(guard, _)| is_true(guard)) || on.len() > 1 && covers(&on) {
            truth()
        } else {
            on.iter().map(|(guard, _)| guard.clone()).reduce(disjunction).unwrap_or_else(truth)
        };
        let names = merge(&first, on, at)?;
        *guard = conjunction(guard, &reached);
        if expression::size(guard) > MAX_EXPRESSION {
            return Err(EvaluateError::TooMuch { what: "conditions", at: at.clone() });
        }
        Ok(Some(names))
    }

    /// What a loop comes to: exhausted (then its `else`), or left by `break`.
    fn left(
        &mut self,
        mut costs: Vec<Formula>,
        mut ways: Vec<Way>,
        breaks: Vec<(Expr, Names)>,
        exhausted: Option<(Expr, Names)>,
        otherwise: &Block,
        at: &Place,
    ) -> Result<Outcome, EvaluateError> {
        let mut ends = breaks;
        if let Some((guard, names)) = exhausted {
            let outcome = self.run(otherwise, names)?;
            costs.push(choice(&guard, outcome.cost, Formula::zero()));
            for way in outcome.ways {
                match way.kind {
                    Kind::End => ends.push((conjunction(&guard, &way.guard), way.names)),
                    _ => ways.push(way.under(&guard)),
                }
            }
        }
        if let Some(first) = ends.first().map(|(guard, _)| guard.clone()) {
            // Whoever neither returns nor raises gets behind the loop.
            let guard = if ways.is_empty() {
                truth()
            } else {
                ends.iter().map(|(guard, _)| guard.clone()).reduce(disjunction).unwrap_or_else(truth)
            };
            let names = merge(&first, ends, at)?;
            ways.push(Way { kind: Kind::End, guard, names });
        }
        Ok(finish(costs, ways))
    }

    /// A loop over something that is not known: a closed sum, if its iterations differ by nothing but their index.
    fn open_loop(
        &mut self,
        target: &Target,
        over: &Expr,
        body: &Block,
        otherwise: &Block,
        at: &Place,
        names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let open = || {
            let mut give = Vec::new();
            expression::visit_names(over, &mut |name| {
                if !give.iter().any(|other| other == name) {
                    give.push(name.to_owned());
                }
            });
            EvaluateError::OpenLoop { over: over.to_string(), give, at: at.clone() }
        };
        let mut simple = true;
        body.nodes(&mut |node| {
            simple &= !matches!(
                node,
                Node::Let(_) | Node::Break | Node::Return | Node::Exit | Node::While { .. } | Node::Raise { .. }
            );
        });
        if !simple {
            return Err(open());
        }
        let mut inner = names.clone();
        let cost = match (target, over) {
            (Target::Name(index), Expr::Call(name, bounds, _)) if &**name == "range" && bounds.len() <= 3 => {
                Rc::make_mut(&mut inner).remove(index);
                let cost = self.run(body, inner)?.cost;
                let bound = |expr: &Expr| number_formula(expr);
                let (start, stop, step) = match bounds.as_slice() {
                    [stop] => (Formula::zero(), bound(stop), Formula::one()),
                    [start, stop] => (bound(start), bound(stop), Formula::one()),
                    [start, stop, step] => (bound(start), bound(stop), bound(step)),
                    _ => return Err(open()),
                };
                Formula::sum(cost, index, start, stop, step)
            }
            (Target::Name(item), _) => {
                // The items of a list, by their index.
                let index = Text::from(format!("{item}_index"));
                let read = Expr::Index(Box::new(over.clone()), Box::new(Expr::Name(index.clone())));
                Rc::make_mut(&mut inner).insert(item.clone(), read);
                let cost = self.run(body, inner)?.cost;
                let count = number_formula(&trip_count(over));
                Formula::sum(cost, &index, Formula::zero(), count, Formula::one())
            }
            (Target::Tuple(_), _) => return Err(open()),
        };
        let mut outcome = self.run(otherwise, names)?;
        outcome.cost = cost + outcome.cost;
        Ok(outcome)
    }

    fn while_loop(
        &mut self,
        condition: &Expr,
        body: &Block,
        otherwise: &Block,
        at: &Place,
        mut names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let mut costs = Vec::new();
        let mut ways = Vec::new();
        let mut guard = truth();
        let mut breaks = Vec::new();
        loop {
            let test = match value(condition, &names, at)? {
                Ok(test) => test,
                Err((exception, message)) => {
                    return Err(EvaluateError::Raised { exception: exception.to_string(), message, at: at.clone() });
                }
            };
            match &test {
                Expr::Constant(value) if !value.is_true() => break,
                Expr::Constant(_) => {}
                other => {
                    let mut give = Vec::new();
                    expression::visit_names(other, &mut |name| give.push(name.to_owned()));
                    give.dedup();
                    return Err(EvaluateError::OpenLoop { over: condition.to_string(), give, at: at.clone() });
                }
            }
            self.count(at)?;
            let before = names.clone();
            let outcome = self.run(body, names.clone())?;
            match self.iteration(outcome, &mut guard, &mut costs, &mut ways, &mut breaks, at)? {
                Some(next) => names = next,
                None => return self.left(costs, ways, breaks, None, otherwise, at),
            }
            // What does not change never ends.
            if names == before {
                return Err(EvaluateError::TooMuch { what: "a loop that does not end", at: at.clone() });
            }
        }
        self.left(costs, ways, breaks, Some((guard, names)), otherwise, at)
    }

    fn count(&mut self, at: &Place) -> Result<(), EvaluateError> {
        self.iterations += 1;
        if self.iterations > MAX_ITERATIONS {
            return Err(EvaluateError::TooMuch { what: "iterations", at: at.clone() });
        }
        Ok(())
    }

    // ---- exceptions -------------------------------------------------------------------------------------------------

    fn may_raise(
        &mut self,
        variable: &Text,
        label: &Text,
        exceptions: &[Text],
        names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let mut ways = Vec::new();
        let mut guard = truth();
        for exception in exceptions {
            let mut values = vec![Text::from(format!("{label}: {exception}"))];
            if exceptions.first() == Some(exception) {
                values.insert(0, label.clone());
            }
            for wanted in values {
                let matches = Expr::Compare(
                    Box::new(Expr::Name(variable.clone())),
                    vec![(CompareOperator::Equal, Expr::Constant(Value::Str(wanted.clone())))],
                );
                match names.get(variable) {
                    Some(Expr::Constant(value)) => {
                        if value.equals(&Value::Str(wanted)) {
                            return Ok(Outcome {
                                cost: Formula::zero(),
                                ways: vec![Way { kind: Kind::Raise(exception.clone(), None), guard: truth(), names }],
                            });
                        }
                    }
                    _ => {
                        // The two forms of one value are one decision.
                        if *wanted == **label && exceptions.len() > 1 {
                            continue;
                        }
                        if *wanted != **label && exceptions.len() == 1 {
                            continue;
                        }
                        match &mut self.decisions {
                            Some(decisions) => {
                                if decisions.decide(&matches) {
                                    return Ok(Outcome {
                                        cost: Formula::zero(),
                                        ways: vec![Way {
                                            kind: Kind::Raise(exception.clone(), None),
                                            guard: truth(),
                                            names,
                                        }],
                                    });
                                }
                            }
                            None => {
                                ways.push(Way {
                                    kind: Kind::Raise(exception.clone(), None),
                                    guard: conjunction(&guard, &matches),
                                    names: names.clone(),
                                });
                                guard = conjunction(&guard, &negated(matches));
                            }
                        }
                    }
                }
            }
        }
        ways.push(Way { kind: Kind::End, guard, names });
        Ok(Outcome { cost: Formula::zero(), ways })
    }

    fn protected(
        &mut self,
        body: &Block,
        handlers: &[Handler],
        otherwise: &Block,
        finally: &Block,
        at: &Place,
        names: Names,
    ) -> Result<Outcome, EvaluateError> {
        let mut outcome = self.run(body, names)?;
        let mut costs = vec![outcome.cost.clone()];
        let mut ways: Vec<Way> = Vec::new();
        for way in std::mem::take(&mut outcome.ways) {
            match &way.kind {
                Kind::End => {
                    let more = self.run(otherwise, way.names.clone())?;
                    costs.push(choice(&way.guard, more.cost, Formula::zero()));
                    ways.extend(more.ways.into_iter().map(|inner| inner.under(&way.guard)));
                }
                Kind::Raise(exception, _) => {
                    match handlers.iter().find(|handler| catches(&handler.exceptions, exception)) {
                        Some(handler) => {
                            let more = self.run(&handler.body, way.names.clone())?;
                            costs.push(choice(&way.guard, more.cost, Formula::zero()));
                            ways.extend(more.ways.into_iter().map(|inner| inner.under(&way.guard)));
                        }
                        None => ways.push(way),
                    }
                }
                Kind::Return | Kind::Break | Kind::Continue | Kind::Exit => ways.push(way),
            }
        }
        if !finally.is_empty() {
            let mut after = Vec::new();
            for way in ways {
                let more = self.run(finally, way.names.clone())?;
                costs.push(choice(&way.guard, more.cost, Formula::zero()));
                for inner in more.ways {
                    let inner = inner.under(&way.guard);
                    after.push(match inner.kind {
                        Kind::End => Way { kind: way.kind.clone(), ..inner },
                        _ => inner,
                    });
                }
            }
            ways = after;
        }
        // Ways that end alike go on as one.
        let (ends, mut others): (Vec<Way>, Vec<Way>) = ways.into_iter().partition(|way| way.kind == Kind::End);
        if let Some(first) = ends.first().map(|way| way.guard.clone()) {
            let guard = if others.is_empty() {
                truth()
            } else {
                ends.iter().map(|way| way.guard.clone()).reduce(disjunction).unwrap_or_else(truth)
            };
            let names = merge(&first, ends.into_iter().map(|way| (way.guard, way.names)).collect(), at)?;
            others.push(Way { kind: Kind::End, guard, names });
        }
        Ok(finish(costs, others))
    }
}

impl Decisions {
    fn decide(&mut self, condition: &Expr) -> bool {
        let text = condition.to_string();
        if let Some(decision) = self.decided.get(&text) {
            return *decision;
        }
        let opposite = negated(condition.clone()).to_string();
        if let Some(decision) = self.decided.get(&opposite) {
            return !*decision;
        }
        let decision = self.plan.get(self.taken.len()).copied().unwrap_or(true);
        self.decided.insert(text.clone(), decision);
        self.taken.push((if decision { text } else { opposite }, decision, ()));
        decision
    }
}

impl Way {
    fn under(mut self, guard: &Expr) -> Self {
        self.guard = conjunction(guard, &self.guard);
        self
    }
}

fn raised(exception: &str, message: String, at: Place, names: Names) -> Way {
    Way { kind: Kind::Raise(Text::from(exception), Some(Rc::new((message, at)))), guard: truth(), names }
}

/// The cost of a handler, unless an expression of it raises what nothing catches.
fn uncaught(outcome: Outcome) -> Result<Formula, EvaluateError> {
    for way in &outcome.ways {
        if let Kind::Raise(exception, Some(failure)) = &way.kind
            && is_true(&way.guard)
        {
            let (message, at) = (**failure).clone();
            return Err(EvaluateError::Raised { exception: exception.to_string(), message, at });
        }
    }
    Ok(outcome.cost)
}

fn self_block(block: &Block) -> &Block {
    block
}

fn truth() -> Expr {
    Expr::Constant(Value::Bool(true))
}

fn is_true(expr: &Expr) -> bool {
    matches!(expr, Expr::Constant(Value::Bool(true)))
}

fn conjunction(a: &Expr, b: &Expr) -> Expr {
    match (a, b) {
        _ if is_true(a) => b.clone(),
        _ if is_true(b) => a.clone(),
        _ => {
            let mut parts = Vec::new();
            for part in [a, b] {
                match part {
                    Expr::Boolean(BooleanOperator::And, inner) => parts.extend(inner.iter().cloned()),
                    other => parts.push(other.clone()),
                }
            }
            parts.dedup();
            Expr::Boolean(BooleanOperator::And, parts)
        }
    }
}

fn disjunction(a: Expr, b: Expr) -> Expr {
    if is_true(&a) || is_true(&b) || negated(a.clone()) == b {
        return truth();
    }
    Expr::Boolean(BooleanOperator::Or, vec![a, b])
}

/// Whether two guards are opposites.
fn covers(ways: &[(Expr, Names)]) -> bool {
    matches!(ways, [(a, _), (b, _)] if negated(a.clone()) == *b)
}

fn finish(costs: Vec<Formula>, ways: Vec<Way>) -> Outcome {
    Outcome { cost: Formula::total(costs), ways }
}

fn take_end(ways: &mut Vec<Way>) -> Option<Way> {
    let at = ways.iter().position(|way| way.kind == Kind::End)?;
    let end = ways.remove(at);
    // Ends of one block that differ by their guards are merged by whoever made them.
    match ways.iter().position(|way| way.kind == Kind::End) {
        None => Some(end),
        Some(_) => {
            let mut ends = vec![(end.guard, end.names)];
            ways.retain(|way| {
                if way.kind == Kind::End {
                    ends.push((way.guard.clone(), way.names.clone()));
                }
                way.kind != Kind::End
            });
            let guard = if ways.is_empty() {
                truth()
            } else {
                ends.iter().map(|(guard, _)| guard.clone()).reduce(disjunction).unwrap_or_else(truth)
            };
            let nowhere = Place { file: Text::from(""), line: 0 };
            let first = ends.first().map(|(guard, _)| guard.clone()).unwrap_or_else(truth);
            let names = merge(&first, ends, &nowhere).unwrap_or_default();
            Some(Way { kind: Kind::End, guard, names })
        }
    }
}

/// What names stand for where several ways meet.
fn merge(_first: &Expr, ways: Vec<(Expr, Names)>, at: &Place) -> Result<Names, EvaluateError> {
    let mut ways = ways.into_iter().rev();
    let Some((_, last)) = ways.next() else { return Ok(Rc::default()) };
    let mut merged = last;
    for (guard, names) in ways {
        if Rc::ptr_eq(&names, &merged) || names == merged {
            continue;
        }
        let mut out: BTreeMap<Text, Expr> = BTreeMap::new();
        for (name, value) in names.iter() {
            match merged.get(name) {
                Some(other) if other != value => {
                    let choice = Expr::If {
                        test: Box::new(guard.clone()),
                        then: Box::new(value.clone()),
                        otherwise: Box::new(other.clone()),
                    };
                    if expression::size(&choice) > MAX_EXPRESSION {
                        return Err(EvaluateError::TooMuch {
                            what: "a value that depends on branches",
                            at: at.clone(),
                        });
                    }
                    out.insert(name.clone(), choice);
                }
                _ => {
                    out.insert(name.clone(), value.clone());
                }
            }
        }
        for (name, value) in merged.iter() {
            out.entry(name.clone()).or_insert_with(|| value.clone());
        }
        merged = Rc::new(out);
    }
    Ok(merged)
}

/// The value of an expression as far as it is known; or what evaluating it raises.
type Valued = Result<Expr, (Text, String)>;

fn value(expr: &Expr, names: &Names, at: &Place) -> Result<Valued, EvaluateError> {
    let mut known = true;
    expression::visit_names(expr, &mut |name| {
        known &= names.get(name).is_none_or(|value| matches!(value, Expr::Constant(_)));
    });
    let lookup = |name: &str| match names.get(name) {
        Some(Expr::Constant(value)) => Some(value.clone()),
        _ => None,
    };
    if known {
        match expression::evaluate(expr, &lookup, Budget::default()) {
            Ok(value) => return Ok(Ok(Expr::Constant(value))),
            Err(Failure::Raised(raised)) => return Ok(Err((raised.exception.clone(), raised.message.clone()))),
            Err(Failure::TooLarge) => return Err(EvaluateError::TooMuch { what: "a value", at: at.clone() }),
            // Names of comprehensions and what is not known: in part.
            Err(_) => {}
        }
    }
    let substituted = expression::substitute(expr, &|name: &str| names.get(name).cloned());
    let partial = expression::partial(&substituted, &lookup);
    if expression::size(&partial) > MAX_EXPRESSION {
        return Err(EvaluateError::TooMuch { what: "a value", at: at.clone() });
    }
    Ok(Ok(partial))
}

fn bind(target: &Target, item: &Expr, names: &mut Names) {
    match target {
        Target::Name(name) => {
            Rc::make_mut(names).insert(name.clone(), item.clone());
        }
        Target::Tuple(targets) => {
            let parts: Vec<Expr> = match item {
                Expr::Constant(value) => {
                    value.elements(1_000_000).unwrap_or_default().into_iter().map(Expr::Constant).collect()
                }
                other => (0..targets.len())
                    .map(|at| Expr::Index(Box::new(other.clone()), Box::new(Expr::Constant(Value::Int(at.into())))))
                    .collect(),
            };
            for (target, part) in targets.iter().zip(&parts) {
                bind(target, part, names);
            }
        }
    }
}

/// Whether a clause catches an exception.
fn catches(clause: &[Text], exception: &str) -> bool {
    clause.is_empty()
        || clause.iter().any(|name| &**name == exception || crate::expression::is_subclass(exception, name))
}

/// `condition ? a : b`.
fn choice(condition: &Expr, a: Formula, b: Formula) -> Formula {
    if is_true(condition) || a == b {
        return a;
    }
    Formula::conditional(condition_formula(condition), a, b)
}

/// `count` times a cost; a count that may be negative counts as zero then.
fn repeat(count: &Expr, cost: Formula) -> Formula {
    match count {
        Expr::Constant(Value::Int(int)) => {
            let zero = num_bigint::BigInt::from(0);
            Formula::integer(int.clone().max(zero)) * cost
        }
        Expr::Binary(BinaryOperator::Subtract, ..) | Expr::Unary(..) => {
            Formula::max(vec![number_formula(count), Formula::zero()]) * cost
        }
        _ => number_formula(count) * cost,
    }
}

/// A number as a formula.
pub fn number_formula(expr: &Expr) -> Formula {
    let text = expr.to_string();
    Formula::parse_permissive(&text).unwrap_or_else(|_| Formula::symbol(&text))
}

fn argument_formula(expr: &Expr) -> Formula {
    match expr {
        Expr::Constant(Value::Str(text)) => Formula::string(text),
        Expr::Constant(Value::Int(int)) => Formula::integer(int.clone()),
        _ => {
            let text = expr.to_string();
            Formula::parse_permissive(&text).unwrap_or_else(|_| Formula::literal(&text))
        }
    }
}

fn condition_formula(expr: &Expr) -> Condition {
    match expr {
        Expr::Boolean(BooleanOperator::And, parts) => Condition::all(parts.iter().map(condition_formula).collect()),
        Expr::Boolean(BooleanOperator::Or, parts) => Condition::any(parts.iter().map(condition_formula).collect()),
        _ => {
            let text = expr.to_string();
            Condition::parse(&text).unwrap_or_else(|_| Condition::truth(Formula::literal(&text)))
        }
    }
}
