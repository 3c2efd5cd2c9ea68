//! Blocks, and the elements in them.

use ruff_python_ast::{
    Comprehension, Decorator, ExceptHandlerExceptHandler, Expr, ExprCompare, MatchCase, Stmt, StmtAssert, StmtClassDef,
    StmtFor, StmtMatch, StmtTry, StmtWith, WithItem,
};
use ruff_text_size::{Ranged, TextRange};
use schemars::JsonSchema;
use serde::Serialize;

use crate::project::Source;

/// What a block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockKind {
    /// Elements run here, in order.
    Code,
    /// The function returns. No elements, no way out.
    Exit,
    /// An exception leaves the function. No elements, no way out.
    ExceptionalExit,
}

/// How control left the body of a `try … finally` or `with`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Leaving {
    /// By its end.
    Normal,
    /// By an exception.
    Exception,
    /// By `return`.
    Return,
    /// By `break`.
    Break,
    /// By `continue`.
    Continue,
}

impl Leaving {
    /// The kebab-case name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Leaving::Normal => "normal",
            Leaving::Exception => "exception",
            Leaving::Return => "return",
            Leaving::Break => "break",
            Leaving::Continue => "continue",
        }
    }
}

/// Elements that run one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<'a> {
    /// What it is for.
    pub kind: BlockKind,
    /// What runs here, in order.
    pub elements: Vec<Placed<'a>>,
    /// Set in the copies of a `finally` body that something other than the end of the `try` enters: what does.
    pub finally: Option<Leaving>,
}

/// An element at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placed<'a> {
    /// What runs.
    pub element: Element<'a>,
    /// The first line of the statement, where this element is the first that runs of it (or control comes back to
    /// that line, as to the header of a loop and the exit of a `with`). None for the further parts of a statement,
    /// and for statements that no CPython has code for (`global x`, the docstring of a function, `x: int` in one).
    pub line: Option<u32>,
}

/// One step of a function. A step evaluates its expression except for the parts that an earlier step of the same
/// statement has evaluated: those of which parts run only on some condition come apart, in the order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Element<'a> {
    /// A simple statement, or what is left of it; of a `def` or `class`: makes the function or class, without its
    /// decorators, which are steps of their own. `try` too, which does nothing by itself.
    Statement(&'a Stmt),
    /// An expression that is evaluated ahead of the rest of its statement.
    Evaluate(&'a Expr),
    /// A condition: the last step of its block, unless it is constant.
    Test(&'a Expr),
    /// The comparison of the given number in `a < b < c`, which decides whether the next one is made.
    Link(&'a ExprCompare, usize),
    /// Evaluates what a loop runs over, and makes the iterator.
    Iterable(&'a Expr),
    /// The header of a `for`: takes the next item and binds it.
    Next(&'a StmtFor),
    /// The header of a `for` within a comprehension.
    NextOf(&'a Comprehension),
    /// An item of a comprehension (an expression of kind list, set, dictionary or generator) is made and added, or yielded.
    Produce(&'a Expr),
    /// The value of a lambda is made and returned.
    Result(&'a Expr),
    /// A decorator is evaluated, ahead of the function or class.
    Decorator(&'a Decorator),
    /// A decorator is called with the function or class.
    Decorate(&'a Decorator),
    /// A decorated function or class gets its name.
    Bind(&'a Stmt),
    /// The start of a class body: `__module__` and `__qualname__` are set.
    ClassBody(&'a StmtClassDef),
    /// An item of a `with` is evaluated, `__enter__` is called, and what it returns is bound if to a plain name.
    WithEnter(&'a StmtWith, &'a WithItem),
    /// What `__enter__` returned is bound to a target that can raise (`as (a, b)`, `as x.y`): `__exit__` will run.
    WithBind(&'a WithItem),
    /// `__exit__` of an item of a `with` is called.
    WithExit(&'a StmtWith, &'a WithItem, Leaving),
    /// An `except` is compared with the exception. Its name, if any, is bound where it matches, and unbound
    /// wherever its body ends.
    Handler(&'a ExceptHandlerExceptHandler),
    /// After the handlers of `except*`: what they left or raised is raised again.
    StarEnd(&'a StmtTry),
    /// The subject of a `match` is evaluated.
    Subject(&'a StmtMatch),
    /// A pattern is compared and its names are bound, without its guard.
    Case(&'a MatchCase),
    /// The message of a failed `assert` is evaluated, and it raises.
    AssertFails(&'a StmtAssert),
}

impl Element<'_> {
    /// The syntax that it stands for.
    pub fn range(&self) -> TextRange {
        match self {
            Element::Statement(node) | Element::Bind(node) => node.range(),
            Element::Evaluate(node)
            | Element::Test(node)
            | Element::Iterable(node)
            | Element::Produce(node)
            | Element::Result(node) => node.range(),
            Element::Link(node, _) => node.range,
            Element::Next(node) => node.range,
            Element::NextOf(node) => node.range,
            Element::Decorator(node) | Element::Decorate(node) => node.range,
            Element::ClassBody(node) => node.range,
            Element::WithEnter(_, item) | Element::WithBind(item) | Element::WithExit(_, item, _) => item.range,
            Element::Handler(node) => node.range,
            Element::StarEnd(node) => node.range,
            Element::Subject(node) => node.subject.range(),
            Element::Case(node) => node.pattern.range(),
            Element::AssertFails(node) => node.range,
        }
    }

    /// One line that tells a person what runs.
    pub fn describe(&self, source: &Source) -> String {
        let text = |range: TextRange| excerpt(source, range);
        match self {
            Element::Statement(Stmt::FunctionDef(node)) => format!("def {}", node.name),
            Element::Statement(Stmt::ClassDef(node)) => format!("class {}", node.name),
            Element::Statement(Stmt::Try(_)) => "try".to_owned(),
            Element::Statement(_) | Element::Evaluate(_) => text(self.range()),
            Element::Bind(Stmt::FunctionDef(node)) => format!("bind {}", node.name),
            Element::Bind(Stmt::ClassDef(node)) => format!("bind {}", node.name),
            Element::Bind(_) => "bind".to_owned(),
            Element::Test(_) => format!("{} ?", text(self.range())),
            Element::Link(node, index) => {
                let left = if *index == 0 { Some(&*node.left) } else { node.comparators.get(index - 1) };
                match (left, node.comparators.get(*index)) {
                    (Some(left), Some(right)) => format!("{} ?", text(left.range().cover(right.range()))),
                    _ => text(node.range),
                }
            }
            Element::Iterable(_) => format!("iter {}", text(self.range())),
            Element::Next(node) => format!("for {}", text(node.target.range())),
            Element::NextOf(node) => format!("for {}", text(node.target.range())),
            Element::Produce(_) => format!("item of {}", text(self.range())),
            Element::Result(_) => format!("return {}", text(self.range())),
            Element::Decorator(_) => text(self.range()),
            Element::Decorate(_) => format!("call {}", text(self.range())),
            Element::ClassBody(node) => format!("body of class {}", node.name),
            Element::WithEnter(..) => format!("enter {}", text(self.range())),
            Element::WithBind(item) => match &item.optional_vars {
                Some(target) => format!("bind {}", text(target.range())),
                None => "bind".to_owned(),
            },
            Element::WithExit(_, item, Leaving::Normal) => format!("exit {}", text(item.context_expr.range())),
            Element::WithExit(_, item, leaving) => {
                format!("exit {} ({})", text(item.context_expr.range()), leaving.name())
            }
            Element::Handler(node) => match &node.type_ {
                Some(kind) => format!("except {}", text(kind.range())),
                None => "except".to_owned(),
            },
            Element::StarEnd(_) => "raise what is left".to_owned(),
            Element::Subject(node) => format!("match {}", text(node.subject.range())),
            Element::Case(_) => format!("case {}", text(self.range())),
            Element::AssertFails(_) => "assertion fails".to_owned(),
        }
    }
}

/// Longest description of syntax, in characters.
const LONGEST_EXCERPT: usize = 60;

/// The text of a range on one line, shortened.
fn excerpt(source: &Source, range: TextRange) -> String {
    let text = source.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or_default();
    // Twice the length is enough for runs of spaces within an excerpt that is cut anyway.
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > 4 * LONGEST_EXCERPT {
            break;
        }
    }
    if words.chars().count() > LONGEST_EXCERPT {
        words = words.chars().take(LONGEST_EXCERPT - 1).collect();
        words.push('…');
    }
    words
}

/// The lines of text that stand for a block in a drawing; at least one.
pub(super) fn label<'s>(block: &'s Block<'_>, source: &'s Source) -> impl Iterator<Item = String> + 's {
    let head = match (block.kind, block.finally) {
        (BlockKind::Exit, _) => Some("return".to_owned()),
        (BlockKind::ExceptionalExit, _) => Some("raise".to_owned()),
        (BlockKind::Code, Some(leaving)) => Some(format!("finally ({})", leaving.name())),
        (BlockKind::Code, None) => block.elements.is_empty().then(|| "…".to_owned()),
    };
    head.into_iter().chain(block.elements.iter().map(|placed| {
        let text = placed.element.describe(source);
        match placed.line {
            Some(line) => format!("{line}: {text}"),
            None => text,
        }
    }))
}
