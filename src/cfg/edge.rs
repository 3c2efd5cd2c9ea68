//! Kinds of edge.

use schemars::JsonSchema;
use serde::Serialize;

/// Why control goes from one block to the next. In the snippets `◄` marks where the edge starts and `►` where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// One after the other.
    ///
    /// ```python
    /// if c:
    ///     a()   # ◄
    /// b()       # ►
    /// ```
    Next,
    /// The test held (or its last operand did; `and`, `or`, `not`, chained comparisons and conditional expressions
    /// have a test for each operand that decides).
    ///
    /// ```python
    /// if c:     # ◄
    ///     a()   # ►
    /// ```
    True,
    /// The test did not hold.
    ///
    /// ```python
    /// if c:     # ◄
    ///     a()
    /// else:
    ///     b()   # ►
    /// ```
    False,
    /// The iterator gave an item, which is bound to the target.
    ///
    /// ```python
    /// for x in xs:  # ◄
    ///     a(x)      # ►
    /// ```
    Iterate,
    /// The iterator has no more items.
    ///
    /// ```python
    /// for x in xs:  # ◄
    ///     a(x)
    /// b()           # ► (or the loop's `else`)
    /// ```
    Exhausted,
    /// From the end of a loop's body back to its header.
    ///
    /// ```python
    /// while c:  # ►
    ///     a()   # ◄
    /// ```
    Loop,
    /// `break`, and the way onwards from each `finally` and `with` that it leaves.
    ///
    /// ```python
    /// while c:
    ///     break  # ◄
    /// a()        # ►
    /// ```
    Break,
    /// `continue`, and the way onwards from each `finally` and `with` that it leaves.
    ///
    /// ```python
    /// while c:      # ►
    ///     continue  # ◄
    /// ```
    Continue,
    /// `return` (also of a lambda's value), and the way onwards from each `finally` and `with` that it leaves.
    ///
    /// ```python
    /// def f():
    ///     return 1  # ◄
    ///               # ► the exit
    /// ```
    Return,
    /// `raise`, or an `assert` that failed.
    ///
    /// ```python
    /// try:
    ///     raise ValueError  # ◄
    /// except ValueError:    # ►
    ///     pass
    /// ```
    Raise,
    /// A statement or a part of it raised.
    ///
    /// Inside `try` and `with` a block ends with the first element that can raise, and the edge leaves from there.
    /// Elsewhere the edge leads to the exceptional exit, and may leave from any element of the block.
    ///
    /// ```python
    /// try:
    ///     a()               # ◄
    /// except ValueError:    # ►
    ///     pass
    /// ```
    Exception,
    /// The handler takes the exception.
    ///
    /// ```python
    /// except ValueError:  # ◄
    ///     a()             # ►
    /// ```
    Match,
    /// The handler does not take the exception (of `except*`: no part of the group).
    ///
    /// ```python
    /// except ValueError:  # ◄
    ///     a()
    /// except KeyError:    # ► (after the last: the enclosing `finally`, handler, `with` or exceptional exit)
    ///     b()
    /// ```
    NoMatch,
    /// The pattern (without its guard, which is a test of its own) matches.
    ///
    /// ```python
    /// match v:
    ///     case [x]:  # ◄
    ///         a(x)   # ►
    /// ```
    Case,
    /// The pattern does not match.
    ///
    /// ```python
    /// match v:
    ///     case [x]:  # ◄
    ///         a(x)
    ///     case {}:   # ►
    ///         b()
    /// ```
    NoCase,
    /// `__exit__` returned a true value: the exception ends here.
    ///
    /// ```python
    /// with suppress(KeyError):  # ◄ its exit, entered by an exception
    ///     a()
    /// b()                       # ►
    /// ```
    Swallow,
    /// The exception goes on: `__exit__` did not swallow it, a `finally` that it entered has ended, or handlers of
    /// `except*` left a part of the group or raised.
    ///
    /// ```python
    /// try:
    ///     try:
    ///         a()
    ///     finally:
    ///         b()         # ◄ the copy that an exception enters
    /// except ValueError:  # ►
    ///     pass
    /// ```
    Reraise,
}

impl EdgeKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [EdgeKind; 17] = [
        EdgeKind::Next,
        EdgeKind::True,
        EdgeKind::False,
        EdgeKind::Iterate,
        EdgeKind::Exhausted,
        EdgeKind::Loop,
        EdgeKind::Break,
        EdgeKind::Continue,
        EdgeKind::Return,
        EdgeKind::Raise,
        EdgeKind::Exception,
        EdgeKind::Match,
        EdgeKind::NoMatch,
        EdgeKind::Case,
        EdgeKind::NoCase,
        EdgeKind::Swallow,
        EdgeKind::Reraise,
    ];

    /// The kebab-case name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            EdgeKind::Next => "next",
            EdgeKind::True => "true",
            EdgeKind::False => "false",
            EdgeKind::Iterate => "iterate",
            EdgeKind::Exhausted => "exhausted",
            EdgeKind::Loop => "loop",
            EdgeKind::Break => "break",
            EdgeKind::Continue => "continue",
            EdgeKind::Return => "return",
            EdgeKind::Raise => "raise",
            EdgeKind::Exception => "exception",
            EdgeKind::Match => "match",
            EdgeKind::NoMatch => "no-match",
            EdgeKind::Case => "case",
            EdgeKind::NoCase => "no-case",
            EdgeKind::Swallow => "swallow",
            EdgeKind::Reraise => "reraise",
        }
    }

    /// Whether an exception in flight takes this edge.
    pub fn is_exceptional(self) -> bool {
        matches!(self, EdgeKind::Raise | EdgeKind::Exception | EdgeKind::NoMatch | EdgeKind::Reraise)
    }
}
