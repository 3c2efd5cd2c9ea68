//! The memory interface as data: a program that is left of the handler when all is dropped that memory does not
//! depend on. Statements keep the handler's order and control flow; calls become terms.
//!
//! Invariant: names are unique. A [`Node::Let`] binds a name that no parameter, loop or other statement binds,
//! except that the arms of a branch, the ways out of a loop and the like may bind the same name for what follows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::expression::{self, Expr, Target, Text};

/// The memory interface of one handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// The handler's qualified name (`app.lambda_handler`).
    pub handler: String,
    /// The handler's own name, a Python identifier: the generated function is `<name>_interface`.
    pub name: String,
    /// The handler's file, as the user named it.
    pub file: String,
    /// The line of its definition.
    pub line: u32,
    /// The handler's own parameters.
    pub parameters: Vec<Parameter>,
    /// What memory depends on and the arguments do not give, in the order of first use.
    pub mcvs: Vec<Mcv>,
    /// The values that are computed from the arguments and can be overridden, in order.
    pub derived: Vec<Derived>,
    /// The handler.
    pub body: Block,
    /// Initialisation: the module-level code of the handler's module and of what it imports from the project.
    pub initialisation: Initialisation,
    /// What is known in bytes, if that was asked for.
    pub bytes: Option<super::bytes::InBytes>,
    /// Calls that cost nothing, with the reason.
    pub free: Vec<FreeCall>,
    /// What could not be followed or said, and why.
    pub notes: Vec<Note>,
    /// How many calls there were and what became of them.
    pub statistics: Statistics,
}

/// The initialisation phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Initialisation {
    /// Its memory-critical variables.
    pub mcvs: Vec<Mcv>,
    /// Its statements.
    pub body: Block,
}

/// A parameter of the handler.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: Text,
    /// How it is passed.
    pub kind: ParameterKind,
    /// Whether the handler gives it a default.
    pub has_default: bool,
}

/// How a parameter is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// By position or keyword.
    Plain,
    /// `*args`.
    Positional,
    /// After `*`.
    KeywordOnly,
    /// `**kwargs`.
    Keywords,
}

/// A memory-critical variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mcv {
    /// Its name: a parameter of the interface.
    pub name: Text,
    /// What kind of unknown it is.
    pub kind: McvKind,
    /// The type of its values.
    #[serde(rename = "type")]
    pub type_: McvType,
    /// What it stands for, in words of the source (`f()`, `len(rows)`).
    pub meaning: String,
    /// The file it comes from.
    pub file: String,
    /// The line it comes from.
    pub line: u32,
    /// Its value unless given: an environment variable's default.
    #[serde(serialize_with = "optional_text", skip_serializing_if = "Option::is_none")]
    pub default: Option<Expr>,
    /// The values it may take, where they are few and known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What kind of unknown a memory-critical variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum McvKind {
    /// Part of the request that is not plain data (an HTTP request object, the context).
    Input,
    /// The size of something outside: a file, an object, a response.
    ExternalSize,
    /// A value that was computed by calls that are not read.
    ComputedCondition,
    /// How often a loop or a recursive function runs.
    TripCount,
    /// Whether and where a call raises.
    Exception,
    /// An environment variable.
    Environment,
    /// What earlier invocations left behind.
    State,
}

impl McvKind {
    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::ExternalSize => "external size",
            Self::ComputedCondition => "computed condition",
            Self::TripCount => "trip count",
            Self::Exception => "exception",
            Self::Environment => "environment",
            Self::State => "state",
        }
    }
}

/// The type of a memory-critical variable's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum McvType {
    /// `True`, `False`, or anything that counts as one of them.
    Bool,
    /// An integer.
    Int,
    /// A number.
    Number,
    /// Text.
    Str,
    /// Text or `None`.
    OptionalStr,
    /// A list.
    List,
    /// Anything.
    Any,
}

impl McvType {
    /// The type as Python writes it.
    pub fn python(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Number => "int | float",
            Self::Str => "str",
            Self::OptionalStr => "str | None",
            Self::List => "list",
            Self::Any => "object",
        }
    }
}

/// A value that the arguments give.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Derived {
    /// Its name, a keyword parameter of the interface.
    pub name: Text,
    /// Its first definition.
    #[serde(serialize_with = "text")]
    pub value: Expr,
    /// The file of that definition.
    pub file: String,
    /// The line of that definition.
    pub line: u32,
}

/// A call that costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FreeCall {
    /// The file of the call.
    pub file: String,
    /// The line of the call.
    pub line: u32,
    /// The call's name (`event.get`).
    pub callee: String,
    /// Why it costs nothing.
    pub reason: String,
}

/// Something that the interface leaves out or bounds, with its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What and why.
    pub message: String,
}

/// What became of the calls of the source that the handler and its initialisation reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Distinct calls of the source that are reached.
    pub calls: usize,
    /// Those that have a qualified name (of the project, a library or Python itself).
    pub resolved: usize,
    /// Those that became terms.
    pub terms: usize,
    /// Those whose function was followed.
    pub followed: usize,
    /// Those that cost nothing.
    pub free: usize,
}

/// Statements in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block(pub Vec<Node>);

/// A statement of the interface.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `demand += count * callee(arguments)`.
    Term(Term),
    /// `name = value`, derived from the arguments.
    Let(Let),
    /// A branch.
    If {
        /// Its condition.
        condition: Expr,
        /// What runs when it holds.
        then: Block,
        /// What runs when it does not.
        otherwise: Block,
        /// Where it stands.
        at: Place,
    },
    /// A loop over values that matter.
    For {
        /// What it binds.
        target: Target,
        /// What it iterates.
        iterable: Expr,
        /// What it repeats.
        body: Block,
        /// What runs when it was not left by `break`.
        otherwise: Block,
        /// Where it stands.
        at: Place,
    },
    /// A loop whose iterations are alike: `count` times the body.
    Times {
        /// How often; negative counts as zero.
        count: Expr,
        /// What it repeats.
        body: Block,
        /// Where it stands.
        at: Place,
    },
    /// A loop that ends by its condition.
    While {
        /// Its condition.
        condition: Expr,
        /// What it repeats.
        body: Block,
        /// What runs when it was not left by `break`.
        otherwise: Block,
        /// Where it stands.
        at: Place,
    },
    /// A `try` statement.
    Try {
        /// The protected statements.
        body: Block,
        /// The clauses.
        handlers: Vec<Handler>,
        /// What runs when nothing was raised.
        otherwise: Block,
        /// What runs in any case.
        finally: Block,
        /// Where it stands.
        at: Place,
    },
    /// Raises where the exception variable says so: `variable` is [`Mcv::name`] of a [`McvKind::Exception`].
    MayRaise {
        /// The variable.
        variable: Text,
        /// This call's label among the variable's values.
        label: Text,
        /// What it may raise, for the clauses of its `try`.
        exceptions: Vec<Text>,
    },
    /// `raise`: goes to the clause that catches it.
    Raise {
        /// The exception's class.
        exception: Text,
        /// Where it stands.
        at: Place,
    },
    /// A function of the project, followed: its statements, left by [`Node::Return`].
    Scope {
        /// The function's name.
        function: String,
        /// Its statements.
        body: Block,
        /// Where it was called.
        at: Place,
    },
    /// Leaves the innermost scope, or the handler.
    Return,
    /// Leaves the handler by an exception that nothing catches.
    Exit,
    /// Leaves the innermost loop.
    Break,
    /// Goes on with the innermost loop's next iteration.
    Continue,
    /// A place where names may still be bound for a join further on. Only while the tree is built: see
    /// `build::fill_slots`.
    Slot(usize),
}

/// A clause of a `try` statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The exceptions that it catches; none is all of them.
    pub exceptions: Vec<Text>,
    /// What it runs.
    pub body: Block,
    /// Where it stands.
    pub at: Place,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Text,
    /// The line, counted from 1.
    pub line: u32,
}

/// One symbolic amount of memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The callee's best name (`igraph.Graph.Barabasi`).
    pub callee: Text,
    /// Whether the name is qualified: of the project, a library or Python itself.
    pub resolved: bool,
    /// The arguments, the receiver left out.
    pub arguments: Vec<Argument>,
    /// How often, at this place.
    pub count: u32,
    /// Where: as many places as calls.
    pub at: Vec<Place>,
}

/// An argument of a term.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its keyword.
    pub keyword: Option<Text>,
    /// Its value.
    pub value: ArgumentValue,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue {
    /// What the arguments of the handler give, and how the source writes it.
    Expr(Expr, Text),
    /// What they do not give, as the source has it.
    Text(Text),
}

/// A derived value.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Expr,
    /// Whether it must run even if nothing needs its value: it may raise what a `try` around it catches.
    pub effect: bool,
    /// Where it stands.
    pub at: Place,
}

impl Block {
    /// Whether it holds no statement.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Calls `visit` on every block inside this one, itself included, outermost first.
    pub fn blocks<'a>(&'a self, visit: &mut impl FnMut(&'a Block)) {
        visit(self);
        for node in &self.0 {
            for block in node.blocks() {
                block.blocks(visit);
            }
        }
    }

    /// Every statement, in order, nested ones after the statement that holds them.
    pub fn nodes<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        for node in &self.0 {
            visit(node);
            for block in node.blocks() {
                block.nodes(visit);
            }
        }
    }
}

/// The names that a `while` loop itself binds and by which it ends: a caller may give their values before the loop, but
/// not in it, or it would not end.
pub fn steering(block: &Block) -> BTreeSet<Text> {
    let mut found = BTreeSet::new();
    block.nodes(&mut |node| {
        let Node::While { condition, body, .. } = node else { return };
        let mut open: Vec<&Expr> = vec![condition];
        let mut lets: BTreeMap<Text, Vec<&Expr>> = BTreeMap::new();
        body.nodes(&mut |node| match node {
            Node::If { condition, .. } | Node::While { condition, .. } => open.push(condition),
            Node::Let(bound) => lets.entry(bound.name.clone()).or_default().push(&bound.value),
            _ => {}
        });
        while let Some(expr) = open.pop() {
            expression::visit_names(expr, &mut |name| {
                if let Some((name, values)) = lets.remove_entry(name) {
                    open.extend(values);
                    found.insert(name);
                }
            });
        }
    });
    found
}

impl Node {
    /// The blocks directly inside.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::For { body, otherwise, .. } | Self::While { body, otherwise, .. } => vec![body, otherwise],
            Self::Times { body, .. } | Self::Scope { body, .. } => vec![body],
            Self::Try { body, handlers, otherwise, finally, .. } => {
                let mut blocks = vec![body];
                blocks.extend(handlers.iter().map(|handler| &handler.body));
                blocks.extend([otherwise, finally]);
                blocks
            }
            Self::Term(_)
            | Self::Let(_)
            | Self::MayRaise { .. }
            | Self::Raise { .. }
            | Self::Return
            | Self::Exit
            | Self::Break
            | Self::Continue
            | Self::Slot(_) => Vec::new(),
        }
    }

    /// The blocks directly inside, to change.
    pub fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::For { body, otherwise, .. } | Self::While { body, otherwise, .. } => vec![body, otherwise],
            Self::Times { body, .. } | Self::Scope { body, .. } => vec![body],
            Self::Try { body, handlers, otherwise, finally, .. } => {
                let mut blocks = vec![body];
                blocks.extend(handlers.iter_mut().map(|handler| &mut handler.body));
                blocks.extend([otherwise, finally]);
                blocks
            }
            Self::Term(_)
            | Self::Let(_)
            | Self::MayRaise { .. }
            | Self::Raise { .. }
            | Self::Return
            | Self::Exit
            | Self::Break
            | Self::Continue
            | Self::Slot(_) => Vec::new(),
        }
    }

    /// The expressions directly in this statement.
    pub fn expressions(&self) -> Vec<&Expr> {
        match self {
            Self::Term(term) => term
                .arguments
                .iter()
                .filter_map(|argument| match &argument.value {
                    ArgumentValue::Expr(expr, _) => Some(expr),
                    ArgumentValue::Text(_) => None,
                })
                .collect(),
            Self::Let(bound) => vec![&bound.value],
            Self::If { condition, .. } | Self::While { condition, .. } => vec![condition],
            Self::For { iterable, .. } => vec![iterable],
            Self::Times { count, .. } => vec![count],
            Self::Try { .. }
            | Self::MayRaise { .. }
            | Self::Raise { .. }
            | Self::Scope { .. }
            | Self::Return
            | Self::Exit
            | Self::Break
            | Self::Continue
            | Self::Slot(_) => Vec::new(),
        }
    }

    /// The expressions directly in this statement, to change.
    pub fn expressions_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Self::Term(term) => term
                .arguments
                .iter_mut()
                .filter_map(|argument| match &mut argument.value {
                    ArgumentValue::Expr(expr, _) => Some(expr),
                    ArgumentValue::Text(_) => None,
                })
                .collect(),
            Self::Let(bound) => vec![&mut bound.value],
            Self::If { condition, .. } | Self::While { condition, .. } => vec![condition],
            Self::For { iterable, .. } => vec![iterable],
            Self::Times { count, .. } => vec![count],
            Self::Try { .. }
            | Self::MayRaise { .. }
            | Self::Raise { .. }
            | Self::Scope { .. }
            | Self::Return
            | Self::Exit
            | Self::Break
            | Self::Continue
            | Self::Slot(_) => Vec::new(),
        }
    }
}

/// Serialises an expression as its Python text.
fn text<S: Serializer>(expr: &Expr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(expr)
}

fn optional_text<S: Serializer>(expr: &Option<Expr>, serializer: S) -> Result<S::Ok, S::Error> {
    match expr {
        Some(expr) => text(expr, serializer),
        None => serializer.serialize_none(),
    }
}

/// A renaming of internal names to those that people read.
pub type Renaming = BTreeMap<Text, Text>;
