//! Writes an interface as a Python file.
//!
//! The file keeps the handler's order and control flow. A followed function becomes a function inside the interface
//! where it is left early, and plain statements where it is not. It runs on Python 3.9 and later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::expression::{self, BinaryOperator, Expr, Target, Text, Value};

use super::tree::{
    ArgumentValue, Block, Interface, Mcv, McvKind, Node, Parameter, ParameterKind, Place, Term, steering,
};

/// How terms are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    /// By the package: `term("f", x)`.
    #[default]
    Meminterface,
    /// In plain SymPy, arguments left out: `sp.symbols('f(...)')`.
    Sympy,
}

/// Writes the interface of one handler.
pub fn write(interface: &Interface, symbols: Symbols) -> String {
    let mut file = String::new();
    let mut code = String::new();
    let sympy = symbols == Symbols::Sympy;
    let function =
        Function { name: format!("{}_interface", interface.name), interface, symbols, lengths: BTreeSet::new() }
            .with_lengths(&interface.body);
    function.write(&mut code, &interface.body, &interface.mcvs, true);
    let has_initialisation = interface.initialisation.body.0.iter().any(|_| true);
    if has_initialisation {
        code.push_str("\n\n");
        let initialisation = Function {
            name: format!("{}_initialisation", interface.name),
            interface,
            symbols,
            lengths: BTreeSet::new(),
        }
        .with_lengths(&interface.initialisation.body);
        initialisation.write(&mut code, &interface.initialisation.body, &interface.initialisation.mcvs, false);
    }
    if let (Some(bytes), false) = (&interface.bytes, sympy) {
        let head = handler_parameters(&interface.parameters);
        let names: Vec<&str> = interface.parameters.iter().map(|parameter| &*parameter.name).collect();
        code.push_str(&bytes.to_python(&interface.name, &head, &names));
    }
    let used = |word: &str| uses(&code, word);
    if sympy {
        file.push_str("import sympy as sp\n");
    } else {
        let _ = write!(
            file,
            "\"\"\"The memory interface of {} ({}, line {}).\n\nWritten by `meminterface extract`: {} of {} calls resolved. Edit it freely.\n\"\"\"\n",
            interface.handler,
            escape(&interface.file.replace('\\', "/")),
            interface.line,
            interface.statistics.resolved,
            interface.statistics.calls,
        );
    }
    let mut called = BTreeSet::new();
    imported(&interface.body, sympy, &mut called);
    imported(&interface.initialisation.body, sympy, &mut called);
    for mcv in interface.mcvs.iter().chain(&interface.initialisation.mcvs) {
        mcv.default.iter().for_each(|default| modules_of(default, &mut called));
    }
    if !sympy && !called.is_empty() {
        file.push('\n');
    }
    for module in called {
        let _ = writeln!(file, "import {module}");
    }
    let helpers: Vec<&str> =
        ["Leave", "amount", "fail", "raised", "symbol", "term"].into_iter().filter(|w| used(w)).collect();
    if sympy {
        for (word, text) in SYMPY_HELPERS {
            if used(word) || (*word == "raised" && used("fail")) {
                let _ = write!(file, "\n\n{text}");
            }
        }
    } else if !helpers.is_empty() {
        let _ = write!(file, "\nfrom meminterface import {}\n", helpers.join(", "));
    }
    file.push_str("\n\n");
    file.push_str(&code);
    file
}

/// What the package gives, for a file that imports SymPy alone.
const SYMPY_HELPERS: &[(&str, &str)] = &[
    ("Leave", "class Leave(BaseException):\n    pass\n"),
    (
        "raised",
        "def raised(name, made={}):\n    import builtins\n    if name not in made:\n        known = getattr(builtins, name, None)\n        is_class = isinstance(known, type) and issubclass(known, BaseException)\n        made[name] = known if is_class else type(name, (Exception,), {})\n    return made[name]\n",
    ),
    (
        "fail",
        "def fail(variable, label, *exceptions):\n    for exception in exceptions:\n        if variable == label or variable == f'{label}: {exception}':\n            raise raised(exception)\n",
    ),
];

/// The handler's own parameters, as a signature has them.
fn handler_parameters(parameters: &[Parameter]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut keyword_only = false;
    for parameter in parameters {
        let default = if parameter.has_default { "=None" } else { "" };
        match parameter.kind {
            ParameterKind::Plain => parts.push(format!("{}{default}", parameter.name)),
            ParameterKind::Positional => {
                keyword_only = true;
                parts.push(format!("*{}", parameter.name));
            }
            ParameterKind::KeywordOnly => {
                if !keyword_only {
                    parts.push("*".to_owned());
                    keyword_only = true;
                }
                parts.push(format!("{}{default}", parameter.name));
            }
            ParameterKind::Keywords => parts.push(format!("**{}", parameter.name)),
        }
    }
    parts
}

/// The modules whose functions the statements of a block call.
fn imported(block: &Block, sympy: bool, out: &mut BTreeSet<Text>) {
    block.nodes(&mut |node| {
        // SymPy's terms have no arguments.
        if !(sympy && matches!(node, Node::Term(_))) {
            node.expressions().into_iter().for_each(|expr| modules_of(expr, out));
        }
    });
}

/// The modules whose functions an expression calls.
fn modules_of(expr: &Expr, out: &mut BTreeSet<Text>) {
    // `os.path` is an attribute of `os`; `urllib.parse` is none of `urllib` until it is imported.
    out.extend(
        expression::imports(expr).into_iter().map(|module| if &*module == "os.path" { "os".into() } else { module }),
    );
}

/// Whether code uses a name as a function or class.
fn uses(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.' || c == '"')
            && (after == Some('(') || (word == "Leave" && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')))
    })
}

struct Function<'a> {
    name: String,
    interface: &'a Interface,
    symbols: Symbols,
    /// Bound names that are never negative numbers.
    lengths: BTreeSet<Text>,
}

/// Where code is being written.
struct Context {
    indent: usize,
    /// How deep inside functions of the file.
    depth: usize,
    /// Names that every function inside must declare before it binds them.
    shared: BTreeSet<Text>,
    /// Names that a caller may give.
    overridable: BTreeSet<Text>,
    /// The types of exception variables are texts: conditions on them are not numbers.
    lines: Vec<(usize, String, Option<String>)>,
    /// Names of functions inside that are taken.
    functions: BTreeMap<String, usize>,
    /// Where what a caller gave is kept, of names that loops bind.
    given: BTreeMap<Text, String>,
    /// Names by which a `while` loop ends.
    steering: BTreeSet<Text>,
    in_while: usize,
}

impl Function<'_> {
    fn write(&self, out: &mut String, body: &Block, mcvs: &[Mcv], handler: bool) {
        let sympy = self.symbols == Symbols::Sympy;
        let demand = if sympy { "mem_demand" } else { "demand" };
        let derived = if handler { self.interface.derived.as_slice() } else { &[] };
        let parameters = self.signature(mcvs, handler);
        let one_line = format!("def {}({}):", self.name, parameters.join(", "));
        if sympy || one_line.chars().count() <= 100 {
            let _ = writeln!(out, "{one_line}");
        } else {
            let _ = writeln!(out, "def {}(\n    {},\n):", self.name, parameters.join(",\n    "));
        }
        let mut shared = BTreeSet::new();
        shared_names(body, &mut shared);
        let mut context = Context {
            indent: 1,
            depth: 0,
            shared,
            overridable: derived.iter().map(|value| value.name.clone()).collect(),
            lines: Vec::new(),
            functions: BTreeMap::new(),
            given: BTreeMap::new(),
            steering: steering(body),
            in_while: 0,
        };
        if !sympy {
            self.docstring(&mut context, mcvs, handler);
        }
        context.line(format!("{demand} = 0"), None);
        // In a loop the name is bound again and again: what the caller gives is kept aside.
        let mut looped = BTreeSet::new();
        bound_in_loops(body, &context.steering, false, false, &mut looped);
        for value in derived.iter().filter(|value| looped.contains(&value.name)) {
            let mut given = format!("{}_given", value.name);
            while context.overridable.contains(given.as_str()) || self.is_taken(&given, body) {
                given.push('_');
            }
            context.line(format!("{given} = {}", value.name), None);
            context.given.insert(value.name.clone(), given);
        }
        for name in context.shared.clone() {
            if !context.overridable.contains(&name) {
                context.line(format!("{name} = None"), None);
            }
        }
        let mut leaves_from_inside = false;
        leaves_inside(body, 0, &mut leaves_from_inside);
        if leaves_from_inside {
            context.line("try:".to_owned(), None);
            context.indent += 1;
            self.block(&mut context, body, demand);
            context.indent -= 1;
            context.line("except Leave:".to_owned(), None);
            context.indent += 1;
            context.line("pass".to_owned(), None);
            context.indent -= 1;
        } else {
            for node in &body.0 {
                self.node(&mut context, node, demand);
            }
        }
        context.line(format!("return {demand}"), None);
        context.render(out, sympy);
    }

    /// Whether the interface has something of this name already.
    fn is_taken(&self, name: &str, body: &Block) -> bool {
        let mut bound = BTreeSet::new();
        direct_names(body, &mut bound);
        let mut functions = Vec::new();
        collect_functions(body, &mut functions);
        functions.iter().for_each(|function| direct_names(function, &mut bound));
        bound.contains(name)
            || self.interface.mcvs.iter().any(|mcv| *mcv.name == *name)
            || self.interface.parameters.iter().any(|parameter| *parameter.name == *name)
    }

    fn signature(&self, mcvs: &[Mcv], handler: bool) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        let mut keyword_only = false;
        let mut defaults = false;
        let mut keywords = None;
        if handler {
            for parameter in &self.interface.parameters {
                match parameter.kind {
                    ParameterKind::Plain if parameter.has_default => {
                        defaults = true;
                        parts.push(format!("{}=None", parameter.name));
                    }
                    ParameterKind::Plain => parts.push(parameter.name.to_string()),
                    ParameterKind::Positional => {
                        keyword_only = true;
                        parts.push(format!("*{}", parameter.name));
                    }
                    ParameterKind::KeywordOnly => {
                        if !keyword_only {
                            parts.push("*".to_owned());
                            keyword_only = true;
                        }
                        let default = if parameter.has_default { "=None" } else { "" };
                        parts.push(format!("{}{default}", parameter.name));
                    }
                    ParameterKind::Keywords => keywords = Some(format!("**{}", parameter.name)),
                }
            }
        }
        let (required, with_default): (Vec<&Mcv>, Vec<&Mcv>) = mcvs.iter().partition(|mcv| mcv.default.is_none());
        if !required.is_empty() && defaults && !keyword_only {
            parts.push("*".to_owned());
            keyword_only = true;
        }
        parts.extend(required.iter().map(|mcv| mcv.name.to_string()));
        let derived = if handler { self.interface.derived.as_slice() } else { &[] };
        if (!with_default.is_empty() || !derived.is_empty()) && !keyword_only {
            parts.push("*".to_owned());
        }
        for mcv in with_default {
            let default = mcv.default.as_ref().map(ToString::to_string).unwrap_or_default();
            parts.push(format!("{}={default}", mcv.name));
        }
        parts.extend(derived.iter().map(|value| format!("{}=...", value.name)));
        parts.extend(keywords);
        parts
    }

    fn docstring(&self, context: &mut Context, mcvs: &[Mcv], handler: bool) {
        let what = if handler {
            format!("Memory demand of {} in bytes: the sum of its terms.", self.interface.handler)
        } else {
            format!("Memory demand of importing the module of {}, before the first event.", self.interface.handler)
        };
        let derived = if handler { self.interface.derived.as_slice() } else { &[] };
        if mcvs.is_empty() && derived.is_empty() {
            context.line(format!("\"\"\"{what}\"\"\""), None);
            return;
        }
        context.line(format!("\"\"\"{what}"), None);
        if !mcvs.is_empty() {
            context.line(String::new(), None);
            context.line("Memory-critical variables:".to_owned(), None);
            for mcv in mcvs {
                let mut text = format!(
                    "    {}: {}; {}; {}: {}",
                    mcv.name,
                    mcv.type_.python(),
                    mcv.kind.words(),
                    self.place(&mcv.file, mcv.line),
                    escape(&mcv.meaning)
                );
                if !mcv.values.is_empty() {
                    let values: Vec<String> = mcv.values.iter().map(|value| format!("'{value}'")).collect();
                    let none = if mcv.kind == McvKind::Exception { "None, " } else { "" };
                    let _ = write!(text, " ({none}{})", values.join(", "));
                }
                context.line(text, None);
            }
        }
        if !derived.is_empty() {
            context.line(String::new(), None);
            context.line("Computed from the arguments unless given:".to_owned(), None);
            for value in derived {
                let text = format!(
                    "    {}: {}; {}",
                    value.name,
                    self.place(&value.file, value.line),
                    escape(&shorten(&value.value.to_string(), 100))
                );
                context.line(text, None);
            }
        }
        context.line("\"\"\"".to_owned(), None);
    }

    fn place(&self, file: &str, line: u32) -> String {
        if file == self.interface.file { format!("line {line}") } else { format!("{} line {line}", short_file(file)) }
    }

    fn places(&self, at: &[Place]) -> String {
        let mut own: Vec<u32> = at.iter().filter(|p| *p.file == *self.interface.file).map(|p| p.line).collect();
        own.sort_unstable();
        own.dedup();
        let mut parts = Vec::new();
        match own.as_slice() {
            [] => {}
            [line] => parts.push(format!("line {line}")),
            lines => {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                parts.push(format!("lines {}", lines.join(", ")));
            }
        }
        let mut others: Vec<String> = at
            .iter()
            .filter(|p| *p.file != *self.interface.file)
            .map(|p| format!("{} line {}", short_file(&p.file), p.line))
            .collect();
        others.sort();
        others.dedup();
        parts.extend(others);
        parts.join(", ")
    }

    fn block(&self, context: &mut Context, block: &Block, demand: &str) {
        if block.is_empty() {
            context.line("pass".to_owned(), None);
        }
        for node in &block.0 {
            self.node(context, node, demand);
        }
    }

    fn indented(&self, context: &mut Context, block: &Block, demand: &str) {
        context.indent += 1;
        self.block(context, block, demand);
        context.indent -= 1;
    }

    fn node(&self, context: &mut Context, node: &Node, demand: &str) {
        match node {
            Node::Term(term) => {
                let note = Some(self.places(&term.at));
                context.line(format!("{demand} += {}", self.product(&[], term)), note);
            }
            Node::Let(bound) => {
                let note = Some(self.places(std::slice::from_ref(&bound.at)));
                if context.in_while > 0 && context.steering.contains(&bound.name) {
                    context.line(format!("{} = {}", bound.name, bound.value), note);
                } else if let Some(given) = context.given.get(&bound.name) {
                    let text = format!("{} = {} if {given} is ... else {given}", bound.name, bound.value);
                    context.line(text, note);
                } else if context.overridable.contains(&bound.name) {
                    context.line(format!("if {} is ...:", bound.name), None);
                    context.indent += 1;
                    context.line(format!("{} = {}", bound.name, bound.value), note);
                    context.indent -= 1;
                } else {
                    context.line(format!("{} = {}", bound.name, bound.value), note);
                }
            }
            Node::If { condition, then, otherwise, at } => {
                self.branch(context, "if", condition, then, otherwise, at, demand);
            }
            Node::For { target, iterable, body, otherwise, at } => {
                let note = Some(self.places(std::slice::from_ref(at)));
                context.line(format!("for {} in {iterable}:", target_text(target, true)), note);
                self.indented(context, body, demand);
                if !otherwise.is_empty() {
                    context.line("else:".to_owned(), None);
                    self.indented(context, otherwise, demand);
                }
            }
            Node::While { condition, body, otherwise, at } => {
                let note = Some(self.places(std::slice::from_ref(at)));
                context.line(format!("while {condition}:"), note);
                context.in_while += 1;
                self.indented(context, body, demand);
                context.in_while -= 1;
                if !otherwise.is_empty() {
                    context.line("else:".to_owned(), None);
                    self.indented(context, otherwise, demand);
                }
            }
            Node::Times { count, body, at } => self.times(context, &[self.factor(count)], count, body, at, demand),
            Node::Try { body, handlers, otherwise, finally, at } => {
                let note = Some(self.places(std::slice::from_ref(at)));
                context.line("try:".to_owned(), note);
                self.indented(context, body, demand);
                for handler in handlers {
                    let classes: Vec<String> =
                        handler.exceptions.iter().map(|name| format!("raised(\"{name}\")")).collect();
                    let head = match classes.as_slice() {
                        [] => "except Exception:".to_owned(),
                        [one] => format!("except {one}:"),
                        several => format!("except ({}):", several.join(", ")),
                    };
                    let note = Some(self.places(std::slice::from_ref(&handler.at)));
                    context.line(head, note);
                    self.indented(context, &handler.body, demand);
                }
                if handlers.is_empty() && finally.is_empty() {
                    context.line("finally:".to_owned(), None);
                    self.indented(context, finally, demand);
                }
                if !otherwise.is_empty() && !handlers.is_empty() {
                    context.line("else:".to_owned(), None);
                    self.indented(context, otherwise, demand);
                }
                if !finally.is_empty() {
                    context.line("finally:".to_owned(), None);
                    self.indented(context, finally, demand);
                }
            }
            Node::MayRaise { variable, label, exceptions } => {
                let exceptions: Vec<String> = exceptions.iter().map(|name| format!(", \"{name}\"")).collect();
                context.line(format!("fail({variable}, \"{label}\"{})", exceptions.concat()), None);
            }
            Node::Raise { exception, at } => {
                let note = Some(self.places(std::slice::from_ref(at)));
                context.line(format!("raise raised(\"{exception}\")"), note);
            }
            Node::Scope { function, body, at } => {
                if has_return(body) {
                    self.inner_function(context, function, body, at, demand);
                } else {
                    if self.symbols == Symbols::Meminterface {
                        let place = self.places(std::slice::from_ref(at));
                        context.line(format!("# {function}, called at {place}:"), None);
                    }
                    for node in &body.0 {
                        self.node(context, node, demand);
                    }
                }
            }
            Node::Return => {
                let text = if context.depth == 0 { format!("return {demand}") } else { "return".to_owned() };
                context.line(text, None);
            }
            Node::Exit => {
                let text = if context.depth == 0 { format!("return {demand}") } else { "raise Leave".to_owned() };
                context.line(text, None);
            }
            Node::Break => context.line("break".to_owned(), None),
            Node::Continue => context.line("continue".to_owned(), None),
            Node::Slot(_) => {}
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn branch(
        &self,
        context: &mut Context,
        word: &str,
        condition: &Expr,
        then: &Block,
        otherwise: &Block,
        at: &Place,
        demand: &str,
    ) {
        let note = Some(self.places(std::slice::from_ref(at)));
        if then.is_empty() && !otherwise.is_empty() {
            let condition = super::build::negated(condition.clone());
            context.line(format!("{word} {condition}:"), note);
            self.indented(context, otherwise, demand);
            return;
        }
        context.line(format!("{word} {condition}:"), note);
        self.indented(context, then, demand);
        match otherwise.0.as_slice() {
            [] => {}
            [Node::If { condition, then, otherwise, at }] if !then.is_empty() => {
                self.branch(context, "elif", condition, then, otherwise, at, demand);
            }
            _ => {
                context.line("else:".to_owned(), None);
                self.indented(context, otherwise, demand);
            }
        }
    }

    /// `count * term` for each term of a body that is nothing but terms; a loop otherwise.
    fn times(&self, context: &mut Context, factors: &[String], count: &Expr, body: &Block, at: &Place, demand: &str) {
        let straight = |block: &Block| block.0.iter().all(|node| matches!(node, Node::Term(_) | Node::Times { .. }));
        if straight(body) {
            for node in &body.0 {
                match node {
                    Node::Term(term) => {
                        let note = Some(self.places(&term.at));
                        context.line(format!("{demand} += {}", self.product(factors, term)), note);
                    }
                    Node::Times { count, body, at } => {
                        let mut factors = factors.to_vec();
                        factors.push(self.factor(count));
                        self.times(context, &factors, count, body, at, demand);
                    }
                    _ => {}
                }
            }
            return;
        }
        let note = Some(self.places(std::slice::from_ref(at)));
        let loops = match factors {
            [one] => one.clone(),
            _ => {
                let _ = count;
                factors.join(" * ")
            }
        };
        context.line(format!("for _ in range({loops}):"), note);
        self.indented(context, body, demand);
    }

    /// A trip count as a factor: what can be negative counts as zero then.
    fn factor(&self, count: &Expr) -> String {
        if self.is_never_negative(count) { factor_text(count) } else { format!("max({count}, 0)") }
    }

    fn is_never_negative(&self, count: &Expr) -> bool {
        match count {
            Expr::Call(name, arguments, _) => match &**name {
                "len" => true,
                "min" | "max" => {
                    arguments.len() > 1 && arguments.iter().all(|argument| self.is_never_negative(argument))
                }
                _ => false,
            },
            Expr::Constant(Value::Int(int)) => *int >= num_bigint::BigInt::from(0),
            Expr::Name(name) => {
                let mcvs = self.interface.mcvs.iter().chain(&self.interface.initialisation.mcvs);
                mcvs.into_iter().any(|mcv| mcv.name == *name) || self.lengths.contains(name)
            }
            Expr::Binary(BinaryOperator::Add | BinaryOperator::Multiply, left, right) => {
                self.is_never_negative(left) && self.is_never_negative(right)
            }
            Expr::If { then, otherwise, .. } => self.is_never_negative(then) && self.is_never_negative(otherwise),
            _ => false,
        }
    }

    /// Finds the names that every statement binds to what cannot be negative.
    fn with_lengths(mut self, body: &Block) -> Self {
        let mut values: BTreeMap<Text, Vec<&Expr>> = BTreeMap::new();
        let mut others = BTreeSet::new();
        body.nodes(&mut |node| match node {
            Node::Let(bound) => values.entry(bound.name.clone()).or_default().push(&bound.value),
            Node::For { target, .. } => expression::visit_target(target, &mut |name| {
                others.insert(name.clone());
            }),
            _ => {}
        });
        // Taken to hold until a definition says otherwise: names may be bound to one another in loops.
        self.lengths = values.keys().filter(|name| !others.contains(*name)).cloned().collect();
        loop {
            let wrong: Vec<Text> = values
                .iter()
                .filter(|(name, values)| {
                    self.lengths.contains(*name) && !values.iter().all(|value| self.is_never_negative(value))
                })
                .map(|(name, _)| name.clone())
                .collect();
            if wrong.is_empty() {
                return self;
            }
            for name in &wrong {
                self.lengths.remove(name);
            }
        }
    }

    fn product(&self, factors: &[String], term: &Term) -> String {
        let mut parts: Vec<String> = factors.iter().filter(|factor| *factor != "1").cloned().collect();
        if term.count > 1 {
            parts.insert(0, term.count.to_string());
        }
        parts.push(self.term(term));
        match self.symbols {
            Symbols::Sympy => parts.join("*"),
            Symbols::Meminterface => parts.join(" * "),
        }
    }

    fn term(&self, term: &Term) -> String {
        if self.symbols == Symbols::Sympy {
            let name = term.callee.replace('\\', "\\\\").replace('\'', "\\'");
            // SymPy reads commas, colons and blanks in a text as several symbols.
            let plain = !name.contains([',', ':', ' ', '\\']);
            return if plain { format!("sp.symbols('{name}(...)')") } else { format!("sp.Symbol('{name}(...)')") };
        }
        let mut positional = vec![python_text(&term.callee)];
        // A keyword may stand before an unpacked argument in the source; here it may not.
        let mut named = Vec::new();
        for argument in &term.arguments {
            let value = match &argument.value {
                ArgumentValue::Expr(expr, _) => expr.to_string(),
                ArgumentValue::Text(text) => format!("symbol({})", python_text(text)),
            };
            match &argument.keyword {
                Some(keyword) => named.push(format!("{keyword}={value}")),
                None => positional.push(value),
            }
        }
        positional.append(&mut named);
        format!("term({})", positional.join(", "))
    }

    fn inner_function(&self, context: &mut Context, function: &str, body: &Block, at: &Place, demand: &str) {
        let short: String = function
            .rsplit('.')
            .next()
            .unwrap_or(function)
            .chars()
            .map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
        let short = short.trim_matches('_');
        let base = format!("_{}", if short.is_empty() { "function" } else { short });
        let number = context.functions.entry(base.clone()).or_insert(0);
        *number += 1;
        let name = if *number == 1 { base } else { format!("{base}_{number}") };
        let note = Some(self.places(std::slice::from_ref(at)));
        context.line(format!("def {name}():"), note);
        context.indent += 1;
        context.depth += 1;
        let mut bound = BTreeSet::new();
        direct_names(body, &mut bound);
        let mut nonlocal: Vec<&str> = vec![demand];
        // What a caller may give is a parameter of the function around this one.
        let outer = |name: &&Text| context.shared.contains(*name) || context.overridable.contains(*name);
        nonlocal.extend(bound.iter().filter(outer).map(|name| &**name));
        context.line(format!("nonlocal {}", nonlocal.join(", ")), None);
        self.block(context, body, demand);
        context.depth -= 1;
        context.indent -= 1;
        context.line(format!("{name}()"), None);
    }
}

impl Context {
    fn line(&mut self, text: String, note: Option<String>) {
        self.lines.push((self.indent, text, note.filter(|note| !note.is_empty())));
    }

    /// Writes the lines, notes in a column of their own.
    fn render(&self, out: &mut String, plain: bool) {
        for (indent, text, note) in &self.lines {
            if text.is_empty() {
                out.push('\n');
                continue;
            }
            let line = format!("{}{text}", "    ".repeat(*indent));
            match note {
                Some(note) if !plain => {
                    let _ = writeln!(out, "{line}  # {note}");
                }
                _ => {
                    out.push_str(&line);
                    out.push('\n');
                }
            }
        }
    }
}

/// The names that are bound inside of loops.
fn bound_in_loops(block: &Block, steering: &BTreeSet<Text>, inside: bool, in_while: bool, out: &mut BTreeSet<Text>) {
    for node in &block.0 {
        if let Node::Let(bound) = node
            && inside
            && !(in_while && steering.contains(&bound.name))
        {
            out.insert(bound.name.clone());
        }
        let looping = matches!(node, Node::For { .. } | Node::While { .. } | Node::Times { .. });
        let in_while = in_while || matches!(node, Node::While { .. });
        for inner in node.blocks() {
            bound_in_loops(inner, steering, inside || looping, in_while, out);
        }
    }
}

/// Whether a block returns from the function that it is, not from one inside.
fn has_return(block: &Block) -> bool {
    block.0.iter().any(|node| match node {
        Node::Return => true,
        Node::Scope { .. } => false,
        _ => node.blocks().into_iter().any(has_return),
    })
}

/// Whether the handler is left from a function inside.
fn leaves_inside(block: &Block, depth: usize, found: &mut bool) {
    for node in &block.0 {
        match node {
            Node::Exit => *found |= depth > 0,
            Node::Scope { body, .. } => leaves_inside(body, depth + usize::from(has_return(body)), found),
            _ => {
                for inner in node.blocks() {
                    leaves_inside(inner, depth, found);
                }
            }
        }
    }
}

/// The names that a function's own statements bind.
fn direct_names(block: &Block, out: &mut BTreeSet<Text>) {
    for node in &block.0 {
        match node {
            Node::Let(bound) => {
                out.insert(bound.name.clone());
            }
            Node::For { target, .. } => expression::visit_target(target, &mut |name| {
                out.insert(name.clone());
            }),
            _ => {}
        }
        match node {
            Node::Scope { body, .. } if has_return(body) => {}
            _ => {
                for inner in node.blocks() {
                    direct_names(inner, out);
                }
            }
        }
    }
}

/// The names that a function's own statements read.
fn direct_reads(block: &Block, out: &mut BTreeSet<Text>) {
    for node in &block.0 {
        for expr in node.expressions() {
            expression::visit_names(expr, &mut |name| {
                out.insert(Text::from(name));
            });
        }
        match node {
            Node::Scope { body, .. } if has_return(body) => {}
            _ => {
                for inner in node.blocks() {
                    direct_reads(inner, out);
                }
            }
        }
    }
}

/// Names that a function inside binds and that anything outside of its own statements reads or binds.
fn shared_names(body: &Block, out: &mut BTreeSet<Text>) {
    let mut functions: Vec<&Block> = vec![body];
    collect_functions(body, &mut functions);
    let names: Vec<(BTreeSet<Text>, BTreeSet<Text>)> = functions
        .iter()
        .map(|block| {
            let (mut bound, mut read) = (BTreeSet::new(), BTreeSet::new());
            direct_names(block, &mut bound);
            direct_reads(block, &mut read);
            (bound, read)
        })
        .collect();
    // How many functions touch each name.
    let mut touched: BTreeMap<&Text, usize> = BTreeMap::new();
    for (bound, read) in &names {
        for name in bound.union(read) {
            *touched.entry(name).or_default() += 1;
        }
    }
    for (bound, _) in names.iter().skip(1) {
        out.extend(bound.iter().filter(|name| touched.get(name).is_some_and(|count| *count > 1)).cloned());
    }
}

fn collect_functions<'a>(block: &'a Block, out: &mut Vec<&'a Block>) {
    for node in &block.0 {
        if let Node::Scope { body, .. } = node
            && has_return(body)
        {
            out.push(body);
        }
        for inner in node.blocks() {
            collect_functions(inner, out);
        }
    }
}

fn target_text(target: &Target, outermost: bool) -> String {
    match target {
        Target::Name(name) => name.to_string(),
        Target::Tuple(targets) => {
            let inner: Vec<String> = targets.iter().map(|target| target_text(target, false)).collect();
            let comma = if inner.len() == 1 { "," } else { "" };
            let text = format!("{}{comma}", inner.join(", "));
            if outermost { text } else { format!("({text})") }
        }
    }
}

fn factor_text(expr: &Expr) -> String {
    match expr {
        Expr::Name(_) | Expr::Call(..) | Expr::Constant(_) | Expr::Index(..) | Expr::Method(..) => expr.to_string(),
        _ => format!("({expr})"),
    }
}

/// A text as a Python literal.
fn python_text(text: &str) -> String {
    Expr::Constant(Value::Str(Text::from(text))).to_string()
}

/// A text inside a docstring.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")
}

fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit { text.to_owned() } else { text.chars().take(limit - 1).chain(['…']).collect() }
}

/// The last two parts of a path.
fn short_file(file: &str) -> String {
    let parts: Vec<&str> = file.split(['/', '\\']).collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}
