//! Calls: what is called, what that costs, what comes back.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{self as ast, Expr as Ast};
use ruff_text_size::{Ranged, TextRange};

use crate::calls::{Callee, ClassId, Definition, FunctionId, FunctionKind};
use crate::contracts::free;
use crate::expression::{self, BinaryOperator, CompareOperator, Expr, Text, Value};
use crate::names::scope::MUTATORS;
use crate::names::{Names, hint_from_text, snake_case};
use crate::project::ModuleId;

use super::state::{Abstract, FrameId, Object, ObjectKind, Scope};
use super::statements::{container, forget_content, key_text};
use super::{
    Activation, Argument, ArgumentValue, Atom, Block, Builder, Fate, FreeCall, MAX_CALL_DEPTH, MAX_STEPS, McvKind,
    McvType, Node, Term,
};

/// Longest argument that a term shows as an expression, in nodes.
const MAX_ARGUMENT: usize = 24;

/// Most functions that a call may choose among; with more, the call stays a term.
const MAX_TARGETS: usize = 8;

/// Library functions that keep or wrap the functions that they are given, and do not call them, by last name.
const NEVER_CALL: &[&str] = &[
    "append",
    "cache",
    "cached_property",
    "classmethod",
    "getattr",
    "hasattr",
    "isinstance",
    "lru_cache",
    "partial",
    "partialmethod",
    "print",
    "property",
    "register",
    "setattr",
    "signal",
    "singledispatch",
    "staticmethod",
    "total_ordering",
    "update_wrapper",
    "wraps",
];

/// Library functions whose result is an object that counts as true.
const CLIENTS: &[&str] = &[
    "boto3.client",
    "boto3.resource",
    "boto3.session.Session",
    "boto3.Session",
    "logging.getLogger",
    "redis.Redis",
    "requests.Session",
];

/// An argument of a call.
#[derive(Clone)]
struct Passed<'p> {
    keyword: Option<Text>,
    /// `*value` or `**value`.
    starred: bool,
    value: Abstract,
    node: &'p Ast,
}

/// A function or class of the project that a call may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Function { id: FunctionId, bound: bool, frame: Option<FrameId> },
    Class(ClassId),
}

/// An expression of two operands.
type OfTwo = fn(Box<Expr>, Box<Expr>) -> Expr;

/// What a function of the module `operator` with two operands does to them.
fn operator_function(name: &str) -> Option<OfTwo> {
    macro_rules! binary {
        ($operator:ident) => {
            Some(|left, right| Expr::Binary(BinaryOperator::$operator, left, right))
        };
    }
    macro_rules! compare {
        ($operator:ident) => {
            Some(|left, right| Expr::Compare(left, vec![(CompareOperator::$operator, *right)]))
        };
    }
    match name.strip_prefix("operator.")? {
        "add" | "concat" => binary!(Add),
        "sub" => binary!(Subtract),
        "mul" => binary!(Multiply),
        "truediv" => binary!(Divide),
        "floordiv" => binary!(FloorDivide),
        "mod" => binary!(Modulo),
        "pow" => binary!(Power),
        "lshift" => binary!(LeftShift),
        "rshift" => binary!(RightShift),
        "and_" => binary!(And),
        "or_" => binary!(Or),
        "xor" => binary!(Xor),
        "eq" => compare!(Equal),
        "ne" => compare!(NotEqual),
        "lt" => compare!(Less),
        "le" => compare!(LessEqual),
        "gt" => compare!(Greater),
        "ge" => compare!(GreaterEqual),
        "getitem" => Some(Expr::Index),
        "contains" => Some(|whole, item| Expr::Compare(item, vec![(CompareOperator::In, *whole)])),
        _ => None,
    }
}

impl<'p> Builder<'p> {
    /// Reads a call.
    pub(super) fn call(&mut self, call: &'p ast::ExprCall) -> Abstract {
        let module = self.module();
        let (receiver, callee) = match &*call.func {
            Ast::Attribute(attribute) => (Some(self.expression(&attribute.value)), None),
            other => (None, Some(self.expression(other))),
        };
        let passed = self.passed(&call.arguments);
        if !self.reachable {
            return self.opaque(call);
        }
        if let (Some(Abstract::Choice(chosen, options)), Ast::Attribute(attribute)) = (&receiver, &*call.func)
            && let Some(value) = self.call_choice(call, attribute.attr.as_str(), chosen, options, &passed)
        {
            return value;
        }
        let callees = self.program.callees(module, call.range()).to_vec();
        let reached = self.reached(call, receiver.as_ref(), callee.as_ref(), &callees);
        if !reached.is_empty() && reached.len() <= MAX_TARGETS {
            return self.call_project(call, &reached, receiver, callee, passed);
        }
        self.call_library(call, &callees, receiver, passed)
    }

    fn passed(&mut self, arguments: &'p ast::Arguments) -> Vec<Passed<'p>> {
        let mut passed = Vec::new();
        for node in &arguments.args {
            let value = self.expression(node);
            passed.push(Passed { keyword: None, starred: matches!(node, Ast::Starred(_)), value, node });
        }
        for keyword in &arguments.keywords {
            let value = self.expression(&keyword.value);
            let name = keyword.arg.as_ref().map(|name| Text::from(name.as_str()));
            passed.push(Passed { starred: name.is_none(), keyword: name, value, node: &keyword.value });
        }
        passed
    }

    /// The functions and classes of the project that a call may reach.
    fn reached(
        &self,
        call: &'p ast::ExprCall,
        receiver: Option<&Abstract>,
        callee: Option<&Abstract>,
        callees: &[Callee],
    ) -> Vec<Reached> {
        // What the name holds here and now is more exact than what it may hold anywhere.
        let exact = match (callee, receiver, &*call.func) {
            (Some(Abstract::Reference(name, frame)), _, _) => Some((name.to_string(), *frame)),
            (None, Some(Abstract::Reference(owner, _)), Ast::Attribute(attribute)) => {
                let key = (Scope::Module(owner.clone()), Text::from(attribute.attr.as_str()));
                match self.state.get(&key) {
                    Some(Abstract::Reference(name, frame)) => Some((name.to_string(), *frame)),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some((name, frame)) = exact
            && let Some(id) = self.by_name.get(name.as_str()).copied()
        {
            let function = self.program.function(id);
            if matches!(function.kind, FunctionKind::Plain | FunctionKind::Lambda) {
                return vec![Reached::Function { id, bound: false, frame }];
            }
        }
        // A table of functions says which there are, closures told apart by where they were made.
        let table: Option<Vec<&Expr>> = match callee {
            Some(Abstract::Value(expr)) => match &**expr {
                Expr::Index(table, _) => match &**table {
                    Expr::Dict(items) => Some(items.iter().map(|(_, value)| value).collect()),
                    Expr::List(items) | Expr::Tuple(items) => Some(items.iter().collect()),
                    _ => None,
                },
                Expr::Name(name) => self.code_names.get(name).map(|values| values.iter().collect()),
                Expr::If { then, otherwise, .. } => Some(vec![then, otherwise]),
                _ => None,
            },
            _ => None,
        };
        if let Some(values) = table {
            let mut reached: Vec<Reached> = Vec::new();
            for value in values {
                let Some(one) = self.reached_by_name(value) else {
                    reached.clear();
                    break;
                };
                if !reached.contains(&one) {
                    reached.push(one);
                }
            }
            if !reached.is_empty() {
                return reached;
            }
        }
        // The class of the receiver says which of its methods it is.
        if let (Some(Abstract::Object(id)), Ast::Attribute(attribute)) = (receiver, &*call.func)
            && callees.len() > 1
            && let Some(ObjectKind::Instance(class)) = self.state.object(*id).map(|object| object.kind.clone())
            && let Some(id) = self.method_of(&class, attribute.attr.as_str())
            && callees.contains(&Callee::Function { function: id, bound: true })
        {
            return vec![Reached::Function { id, bound: true, frame: None }];
        }
        let mut reached = Vec::new();
        for callee in callees {
            match callee {
                Callee::Function { function, bound } => {
                    reached.push(Reached::Function { id: *function, bound: *bound, frame: None });
                }
                Callee::Class(id) => reached.push(Reached::Class(*id)),
                Callee::External(_) | Callee::Builtin(_) | Callee::Unknown(_) => {}
            }
        }
        // Something outside of the project among them: no choice among functions says it all.
        if reached.len() < callees.len() { Vec::new() } else { reached }
    }

    /// The function or class that a value names.
    fn reached_by_name(&self, value: &Expr) -> Option<Reached> {
        let (name, frame) = super::referenced(value)?;
        match self.by_name.get(name) {
            Some(id) => Some(Reached::Function { id: *id, bound: false, frame }),
            None => self.class_by_name.get(name).map(|id| Reached::Class(*id)),
        }
    }

    /// A method of a class of the project, its own or inherited, by the class's qualified name.
    pub(super) fn method_of(&self, class: &str, method: &str) -> Option<FunctionId> {
        let mut open = vec![*self.class_by_name.get(class)?];
        let mut seen = Vec::new();
        while let Some(class) = open.pop() {
            if seen.contains(&class) {
                continue;
            }
            seen.push(class);
            let info = self.program.class(class);
            if let Some(id) = self.by_name.get(format!("{}.{method}", info.qualified_name).as_str()) {
                return Some(*id);
            }
            // Bases from left to right.
            for base in info.definition.arguments.iter().flat_map(|arguments| &arguments.args).rev() {
                open.extend(self.program.values(info.module, base.range()).iter().filter_map(|value| match value {
                    crate::calls::Value::Class(id) => Some(*id),
                    _ => None,
                }));
            }
        }
        None
    }

    /// A method of one of several instances: the one that the choice names. `None` if a class has no such method.
    fn call_choice(
        &mut self,
        call: &'p ast::ExprCall,
        method: &str,
        chosen: &Expr,
        options: &[(Text, Abstract)],
        passed: &[Passed<'p>],
    ) -> Option<Abstract> {
        let methods: Vec<(Text, Abstract, FunctionId)> = options
            .iter()
            .map(|(class, instance)| Some((class.clone(), instance.clone(), self.method_of(class, method)?)))
            .collect::<Option<_>>()?;
        let mut values = Vec::new();
        self.choose_method(call, &methods, chosen, passed, &mut values);
        let state = self.state.clone();
        let views: Vec<(Abstract, usize, &super::State)> =
            values.into_iter().map(|(value, slot)| (value, slot, &state)).collect();
        let at = self.place(call);
        let key = self.site("chosen", call);
        Some(match self.join_values(&views, &key, "result", &at) {
            Some(value) => value,
            None => self.opaque(call),
        })
    }

    fn choose_method(
        &mut self,
        call: &'p ast::ExprCall,
        methods: &[(Text, Abstract, FunctionId)],
        chosen: &Expr,
        passed: &[Passed<'p>],
        values: &mut Vec<(Abstract, usize)>,
    ) {
        let Some(((class, instance, method), rest)) = methods.split_first() else { return };
        let reached = Reached::Function { id: *method, bound: true, frame: None };
        let read = |builder: &mut Self, values: &mut Vec<(Abstract, usize)>| {
            let value = builder.call_one(call, reached, Some(instance.clone()), passed.to_vec());
            if builder.reachable {
                let slot = builder.slot();
                values.push((value, slot));
            }
        };
        if rest.is_empty() {
            return read(self, values);
        }
        let name = Expr::Constant(Value::Str(class.clone()));
        let condition = Expr::Compare(Box::new(chosen.clone()), vec![(CompareOperator::Equal, name)]);
        let mut others = Vec::new();
        self.branch(
            condition,
            call,
            |builder| read(builder, values),
            |builder| builder.choose_method(call, rest, chosen, passed, &mut others),
        );
        values.append(&mut others);
    }

    fn call_project(
        &mut self,
        call: &'p ast::ExprCall,
        reached: &[Reached],
        receiver: Option<Abstract>,
        callee: Option<Abstract>,
        passed: Vec<Passed<'p>>,
    ) -> Abstract {
        let Some((first, rest)) = reached.split_first() else { return self.opaque(call) };
        if rest.is_empty() {
            return self.call_one(call, *first, receiver, passed);
        }
        // Which of them is called: by the value of the callee if that is known, else asked for.
        let chosen = match callee {
            Some(Abstract::Value(expr)) if !self.is_opaque(&expr) => (*expr).clone(),
            _ => {
                let hint = format!("which_{}", self.hint_of(&*call.func));
                let values: Vec<String> = reached.iter().map(|one| self.name_of(*one)).collect();
                let place = self.place(call);
                let meaning = format!("which function {} calls: {}", self.source_text(&*call.func), values.join(", "));
                let site = self.site("which", call);
                self.atom(site, || Atom {
                    kind: McvKind::ComputedCondition,
                    type_: McvType::Str,
                    hint,
                    meaning,
                    place,
                    default: None,
                    owner: None,
                    data: false,
                    made: 0,
                })
            }
        };
        let mut values = Vec::new();
        self.choose(call, reached, &chosen, receiver, passed, &mut values);
        let state = self.state.clone();
        let views: Vec<(Abstract, usize, &super::State)> =
            values.into_iter().map(|(value, slot)| (value, slot, &state)).collect();
        let at = self.place(call);
        let key = self.site("chosen", call);
        match self.join_values(&views, &key, "result", &at) {
            Some(value) => value,
            None => self.opaque(call),
        }
    }

    fn choose(
        &mut self,
        call: &'p ast::ExprCall,
        reached: &[Reached],
        chosen: &Expr,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
        values: &mut Vec<(Abstract, usize)>,
    ) {
        let Some((first, rest)) = reached.split_first() else { return };
        let (mut then_values, mut else_values) = (Vec::new(), Vec::new());
        if rest.is_empty() {
            let value = self.call_one(call, *first, receiver, passed);
            if self.reachable {
                let slot = self.slot();
                values.push((value, slot));
            }
            return;
        }
        let name = Expr::Constant(Value::Str(Text::from(self.name_of(*first))));
        let condition = Expr::Compare(Box::new(chosen.clone()), vec![(CompareOperator::Equal, name)]);
        let range = TextRange::new(call.start(), call.end());
        // Each choice joins at a place of its own.
        let node = Numbered(range);
        self.branch(
            condition,
            &node,
            |builder| {
                let value = builder.call_one(call, *first, receiver.clone(), passed.clone());
                if builder.reachable {
                    let slot = builder.slot();
                    then_values.push((value, slot));
                }
            },
            |builder| builder.choose(call, rest, chosen, receiver.clone(), passed.clone(), &mut else_values),
        );
        values.append(&mut then_values);
        values.append(&mut else_values);
    }

    fn name_of(&self, reached: Reached) -> String {
        match reached {
            Reached::Function { id, frame, .. } => {
                let name = &self.program.function(id).qualified_name;
                frame.map_or_else(|| name.clone(), |frame| format!("{name}{}{frame}", super::CLOSURE))
            }
            Reached::Class(id) => self.program.class(id).qualified_name.clone(),
        }
    }

    fn call_one(
        &mut self,
        call: &'p ast::ExprCall,
        reached: Reached,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
    ) -> Abstract {
        match reached {
            Reached::Function { id, bound, frame } => {
                let receiver = if bound { receiver.or_else(|| Some(self.self_value())) } else { None };
                match self.follow_closure(id, frame, receiver, passed, call) {
                    Some(value) => {
                        self.fate(call.range(), Fate::Followed, true);
                        value
                    }
                    None => self.term_result(call, true, McvKind::ComputedCondition),
                }
            }
            Reached::Class(id) => self.instantiate(call, id, passed),
        }
    }

    /// What `self` is in the running method (for `super().method()`).
    fn self_value(&mut self) -> Abstract {
        let name = self.here().and_then(|here| match self.program.function(here.function).definition {
            Definition::Function(function) => function.parameters.iter().next().map(|p| p.name().to_string()),
            _ => None,
        });
        name.and_then(|name| self.lookup(&name)).unwrap_or_else(Abstract::none)
    }

    /// `Class(…)`: a new object, and its constructor.
    fn instantiate(&mut self, call: &'p ast::ExprCall, class: ClassId, passed: Vec<Passed<'p>>) -> Abstract {
        let info = self.program.class(class);
        let name = Text::from(info.qualified_name.as_str());
        let mut object =
            Object { kind: ObjectKind::Instance(name.clone()), content: None, length: None, fields: BTreeMap::new() };
        let constructor = self.program.constructor(class);
        if constructor.is_none() {
            // Data classes and named tuples: the annotated names in order.
            let names: Vec<Text> = info
                .definition
                .body
                .iter()
                .filter_map(|statement| match statement {
                    ast::Stmt::AnnAssign(assign) => match &*assign.target {
                        Ast::Name(name) => Some(Text::from(name.id.as_str())),
                        _ => None,
                    },
                    _ => None,
                })
                .collect();
            for (index, argument) in passed.iter().enumerate() {
                let field = argument.keyword.clone().or_else(|| names.get(index).cloned());
                if let Some(field) = field
                    && !argument.starred
                {
                    object.fields.insert(field, argument.value.clone());
                }
            }
        }
        // One call may make instances of several classes.
        let site = format!("{}/{name}", self.site("instance", call));
        let instance = self.allocate(site, object);
        match constructor {
            Some(constructor) => match self.follow(constructor, Some(instance.clone()), passed, call) {
                Some(_) => {
                    self.fate(call.range(), Fate::Followed, true);
                }
                None => {
                    self.emit_term(call, true, &[]);
                }
            },
            // The object itself is memory.
            None => self.emit_term(call, true, &passed),
        }
        instance
    }

    // ---- library calls -------------------------------------------------------------------------------------------------

    fn call_library(
        &mut self,
        call: &'p ast::ExprCall,
        callees: &[Callee],
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
    ) -> Abstract {
        let qualified = callees.iter().find_map(|callee| match callee {
            Callee::External(name) | Callee::Builtin(name) => Some(name.clone()),
            Callee::Function { .. } | Callee::Class(_) | Callee::Unknown(_) => None,
        });
        let method = match &*call.func {
            Ast::Attribute(attribute) => Some(attribute.attr.as_str()),
            _ => None,
        };
        // Methods of what the handler's arguments hold are Python's own.
        let data = matches!(&receiver, Some(Abstract::Value(expr)) if !self.is_opaque(expr));
        let object = match &receiver {
            Some(Abstract::Object(id)) => self.state.object(*id).cloned().map(|object| (*id, object)),
            _ => None,
        };
        let builtin = callees.iter().any(|callee| matches!(callee, Callee::Builtin(_)));
        let known = qualified.is_some()
            || (data && method.is_some_and(expression::is_method))
            || object.as_ref().is_some_and(|(_, object)| !matches!(object.kind, ObjectKind::Instance(_)));
        self.callbacks(call, &passed);
        if !self.reachable {
            return self.opaque(call);
        }
        let name = qualified.clone().unwrap_or_default();
        let free = free::reason(&name).or_else(|| {
            let method = method?;
            let of_data = data || object.as_ref().is_some_and(|(_, o)| o.kind == ObjectKind::Dict);
            if of_data && matches!(method, "get" | "items" | "keys" | "values") {
                return free::reason(&format!("dict.{method}"));
            }
            data.then(|| free::reason(&format!("str.{method}"))).flatten()
        });
        if let Some(reason) = free {
            self.fate(call.range(), Fate::Free, known);
            if self.quiet == 0 {
                let place = self.place(call);
                let callee = self.program.call_name(self.module(), call);
                self.free.insert(FreeCall {
                    file: place.file.to_string(),
                    line: place.line,
                    callee,
                    reason: reason.to_owned(),
                });
            }
        } else {
            self.emit_term(call, known, &passed);
        }
        if let Some(value) = self.evaluated(call, &name, method, receiver.as_ref(), &passed) {
            return value;
        }
        let raises = match method {
            // What Python's own methods raise is rare and of no consequence for memory.
            Some(method) if builtin => matches!(method, "index" | "remove" | "pop" | "decode" | "encode" | "read"),
            _ if builtin => {
                matches!(&*name, "int" | "float" | "open" | "next" | "__import__" | "getattr" | "eval" | "exec")
            }
            _ => free.is_none(),
        };
        if raises {
            let callee = self.program.call_name(self.module(), call);
            self.may_raise(&callee, call);
        } else {
            let short = snake_case(&hint_from_text(&self.program.call_name(self.module(), call)));
            self.may_fail_as(&short, call, &["TypeError", "ValueError", "AttributeError"]);
        }
        let kind = match &receiver {
            Some(Abstract::Value(expr)) => match self.atom_of(expr) {
                Some(atom) if self.atoms[atom].kind == McvKind::Input => McvKind::Input,
                None if !self.is_opaque(expr) && self.roots_in_parameters(expr) => McvKind::Input,
                _ => McvKind::ComputedCondition,
            },
            _ => McvKind::ComputedCondition,
        };
        self.result(call, &name, kind)
    }

    /// Whether an expression reads a parameter of the handler itself.
    fn roots_in_parameters(&self, expr: &Expr) -> bool {
        let mut found = false;
        expression::visit_names(expr, &mut |name| found |= !name.starts_with(['%', '?']));
        found
    }

    /// The unknown that a call gives.
    fn result(&mut self, call: &'p ast::ExprCall, name: &str, kind: McvKind) -> Abstract {
        let last = name.rsplit('.').next().unwrap_or(name);
        let (kind, type_) = match last {
            "getsize" | "tell" | "st_size" | "disk_usage" => (McvKind::ExternalSize, McvType::Int),
            "int" | "len" | "count" | "ord" | "randint" | "randrange" | "cpu_count" => (kind, McvType::Int),
            "float" | "time" | "random" | "uniform" | "monotonic" | "perf_counter" => (kind, McvType::Number),
            "str" | "format" | "join" | "decode" | "lower" | "upper" | "strip" | "read_text" | "hexdigest" => {
                (kind, McvType::Str)
            }
            "exists" | "isfile" | "isdir" | "isinstance" | "hasattr" | "is_file" | "is_dir" | "startswith"
            | "endswith" | "issubset" | "isdigit" | "any" | "all" | "bool" => (kind, McvType::Bool),
            _ => (kind, McvType::Any),
        };
        let hint = match self.hint_of(&*call.func) {
            hint if hint == "value" => hint_from_text(name),
            hint => hint,
        };
        let result = self.unknown(call, kind, type_, &hint, "result");
        if let Expr::Name(internal) = &result {
            // A number is plain data, whatever gave it.
            if matches!(type_, McvType::Int | McvType::Number)
                && let Some(id) = self.atom_of(&result)
            {
                self.atoms[id].data = true;
            }
            let client = CLIENTS.contains(&name);
            if client || (name.contains('.') && last.starts_with(char::is_uppercase) && !name.contains('(')) {
                self.never_none.insert(internal.clone());
            }
            if client {
                self.always_true.insert(internal.clone());
            }
        }
        Abstract::value(result)
    }

    fn term_result(&mut self, call: &'p ast::ExprCall, resolved: bool, kind: McvKind) -> Abstract {
        let name = self.program.call_name(self.module(), call);
        let passed = self.quietly(|builder| builder.passed(&call.arguments));
        self.emit_term(call, resolved, &passed);
        self.may_raise(&name, call);
        self.result(call, &name, kind)
    }

    /// Writes a call down as a term.
    fn emit_term(&mut self, call: &'p ast::ExprCall, resolved: bool, passed: &[Passed<'p>]) {
        self.fate(call.range(), Fate::Term, resolved);
        let callee = Text::from(self.program.call_name(self.module(), call));
        let arguments = passed.iter().map(|argument| self.argument(argument)).collect();
        let at = vec![self.place(call)];
        self.emit(Node::Term(Term { callee, resolved, arguments, count: 1, at }));
    }

    fn argument(&mut self, argument: &Passed<'p>) -> Argument {
        let expr = match &argument.value {
            Abstract::Value(expr) => Some((**expr).clone()),
            Abstract::Object(id) => self.state.object(*id).and_then(|object| object.content.as_deref().cloned()),
            Abstract::Tuple(items) => items
                .iter()
                .map(|item| match item {
                    Abstract::Value(expr) => Some((**expr).clone()),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
                .map(Expr::Tuple),
            Abstract::Reference(_, _) | Abstract::Choice(..) => None,
        };
        let text = match (&argument.keyword, argument.starred, argument.node) {
            (None, true, Ast::Starred(_)) => self.source_text(argument.node),
            (None, true, _) => format!("**{}", self.source_text(argument.node)),
            _ => self.source_text(argument.node),
        };
        let text = Text::from(text);
        let value = match expr {
            Some(expr) if !argument.starred && !self.has_unknown(&expr) && expression::size(&expr) <= MAX_ARGUMENT => {
                ArgumentValue::Expr(expr, text)
            }
            _ => ArgumentValue::Text(text),
        };
        Argument { keyword: argument.keyword.clone(), value }
    }

    /// The value of a call that the language of expressions can say, or that is an object of the handler's own.
    fn evaluated(
        &mut self,
        call: &'p ast::ExprCall,
        name: &str,
        method: Option<&str>,
        receiver: Option<&Abstract>,
        passed: &[Passed<'p>],
    ) -> Option<Abstract> {
        let starred = passed.iter().any(|argument| argument.starred);
        match (name, passed) {
            ("os.environ.get" | "os.getenv", [key, rest @ ..]) => {
                let key = self.expr_of(&key.value, key.node);
                let default = match rest.first() {
                    Some(default) => self.expr_of(&default.value, default.node),
                    None => Expr::Constant(Value::None),
                };
                return Some(self.environment(&key, Some(default), call));
            }
            ("len", [whole]) => {
                if let Some(length) = self.length_of(&whole.value) {
                    return Some(Abstract::value(length));
                }
                let expr = self.expr_of(&whole.value, whole.node);
                if self.is_opaque(&expr) {
                    let count = self.count_of(&expr, whole.node);
                    // Asked for once, until the object changes.
                    if let Abstract::Object(id) = &whole.value {
                        self.state.change(*id, |object| object.length = Some(Rc::new(count.clone())));
                    }
                    return Some(Abstract::value(count));
                }
            }
            // What cannot be negative is at least zero.
            ("max", [first, second]) if !starred => {
                for (one, other) in [(first, second), (second, first)] {
                    if let (Abstract::Value(count), Abstract::Value(least)) = (&one.value, &other.value)
                        && matches!(&**least, Expr::Constant(Value::Int(int)) if *int <= num_bigint::BigInt::from(0))
                        && (matches!(&**count, Expr::Call(name, _, _) if &**name == "len")
                            || self.atom_of(count).is_some_and(|id| self.atoms[id].meaning.starts_with("len(")))
                    {
                        return Some(one.value.clone());
                    }
                }
            }
            ("list", []) => {
                let site = self.site("list", call);
                return Some(self.empty_list(site));
            }
            ("dict", arguments) if !starred && arguments.iter().all(|argument| argument.keyword.is_some()) => {
                let mut items = Vec::new();
                for argument in arguments {
                    let key = argument.keyword.clone().map(|key| Expr::Constant(Value::Str(key)));
                    items.push((key, self.expr_of(&argument.value, argument.node)));
                }
                let length = Expr::Constant(Value::Int(items.len().into()));
                let mut object = container(ObjectKind::Dict, Some(Expr::Dict(items)), Some(length));
                for argument in arguments {
                    if let Some(key) = &argument.keyword {
                        object.fields.insert(key.clone(), argument.value.clone());
                    }
                }
                let site = self.site("dict", call);
                return Some(self.allocate(site, object));
            }
            ("set" | "frozenset", []) => {
                let site = self.site("set", call);
                return Some(self.allocate(site, container(ObjectKind::Set, None, None)));
            }
            ("isinstance", [value, class]) => return self.isinstance(call, value, class),
            ("range", [_] | [_, _] | [_, _, _]) if !starred => {
                let arguments: Option<Vec<Expr>> =
                    passed.iter().map(|argument| self.expr_hint(&argument.value)).collect();
                if let Some(arguments) = arguments {
                    return Some(self.checked(Expr::Call(Text::from("range"), arguments, Vec::new()), call));
                }
            }
            ("list" | "tuple" | "sorted" | "reversed" | "enumerate" | "map" | "zip" | "iter", [.., last])
                if !starred =>
            {
                let index = usize::from(name == "map" && passed.len() > 1);
                let source = passed.get(index).unwrap_or(last);
                let expr = self.expr_of(&source.value, source.node);
                let opaque = passed.iter().any(|argument| {
                    matches!(argument.value, Abstract::Reference(_, _))
                        || self.expr_hint(&argument.value).is_none_or(|expr| self.is_opaque(&expr))
                });
                if opaque {
                    let mut length = match self.length_of(&source.value) {
                        Some(length) => length,
                        None => self.count_of(&expr, source.node),
                    };
                    // As many items as the shortest has.
                    let further = if matches!(name, "zip" | "map") { passed.get(index + 1..) } else { None };
                    let mut lengths = vec![length.clone()];
                    for other in further.unwrap_or_default().iter().filter(|other| other.keyword.is_none()) {
                        let other_length = match self.length_of(&other.value) {
                            Some(length) => length,
                            None => {
                                let expr = self.expr_of(&other.value, other.node);
                                self.count_of(&expr, other.node)
                            }
                        };
                        if !lengths.contains(&other_length) {
                            lengths.push(other_length);
                        }
                    }
                    if lengths.len() > 1 {
                        length = Expr::Call(Text::from("min"), lengths, Vec::new());
                    }
                    let site = self.site("sequence", call);
                    return Some(self.allocate(site, container(ObjectKind::List, None, Some(length))));
                }
            }
            _ => {}
        }
        if starred {
            return None;
        }
        // The items of an unknown dict are as many as the dict has.
        if let (Some("items" | "keys" | "values"), [], Some(Abstract::Value(whole))) = (method, passed, receiver)
            && self.is_opaque(whole)
            && let Expr::Name(_) = &**whole
        {
            let length = self.count_of(whole, call);
            let site = self.site("view", call);
            return Some(self.allocate(site, container(ObjectKind::List, None, Some(length))));
        }
        if let (Some(method), Some(receiver)) = (method, receiver)
            && MUTATORS.contains(&method)
        {
            self.forget_changed(method, receiver, call);
        }
        if let (Some(method), Some(Abstract::Object(id))) = (method, receiver)
            && let Some(value) = self.container_method(*id, method, passed, call)
        {
            return Some(value);
        }
        // A function of a module is no method.
        if let (Some(method), Some(receiver)) = (method, receiver)
            && !matches!(receiver, Abstract::Reference(_, _))
        {
            let whole = self.expr_hint(receiver)?;
            let mut arguments = Vec::new();
            let mut keywords = Vec::new();
            if !self.is_opaque(&whole) && expression::is_method(method) {
                for argument in passed {
                    let value = self.expr_hint(&argument.value)?;
                    if self.is_opaque(&value) || matches!(argument.value, Abstract::Reference(_, _)) {
                        return None;
                    }
                    match &argument.keyword {
                        Some(keyword) => keywords.push((keyword.clone(), value)),
                        None => arguments.push(value),
                    }
                }
                let value = Expr::Method(Box::new(whole), Text::from(method), arguments, keywords);
                return Some(self.checked(value, call));
            }
        }
        if let (Some(operator), [left, right]) = (operator_function(name), passed)
            && let (Some(left), Some(right)) = (self.expr_hint(&left.value), self.expr_hint(&right.value))
            && passed.iter().all(|argument| argument.keyword.is_none())
            && !self.is_opaque(&left)
            && !self.is_opaque(&right)
        {
            return Some(self.checked(operator(Box::new(left), Box::new(right)), call));
        }
        if !name.is_empty() && expression::is_function(name) {
            let mut arguments = Vec::new();
            let mut keywords = Vec::new();
            for argument in passed {
                let value = self.expr_hint(&argument.value)?;
                if self.is_opaque(&value) || matches!(argument.value, Abstract::Reference(_, _)) {
                    return None;
                }
                match &argument.keyword {
                    Some(keyword) => keywords.push((keyword.clone(), value)),
                    None => arguments.push(value),
                }
            }
            let value = Expr::Call(Text::from(name), arguments, keywords);
            if matches!(name, "list" | "sorted") {
                let length = self.count_of(&value, call);
                let site = self.site("list", call);
                return Some(self.allocate(site, container(ObjectKind::List, Some(value), Some(length))));
            }
            return Some(self.checked(value, call));
        }
        None
    }

    /// A value as an expression, if it is one already.
    fn expr_hint(&self, value: &Abstract) -> Option<Expr> {
        match value {
            Abstract::Value(expr) => Some((**expr).clone()),
            Abstract::Object(id) => self.state.object(*id)?.content.as_deref().cloned(),
            Abstract::Tuple(items) => {
                items.iter().map(|item| self.expr_hint(item)).collect::<Option<Vec<_>>>().map(Expr::Tuple)
            }
            Abstract::Reference(name, frame) => self.code_name(name, *frame),
            Abstract::Choice(..) => None,
        }
    }

    /// `isinstance(value, class)`, an expression for data and Python's own classes.
    fn isinstance(&mut self, call: &'p ast::ExprCall, value: &Passed<'p>, class: &Passed<'p>) -> Option<Abstract> {
        let names = |value: &Abstract| match value {
            Abstract::Reference(name, _) => Some(vec![name.clone()]),
            Abstract::Tuple(items) => items
                .iter()
                .map(|item| match item {
                    Abstract::Reference(name, _) => Some(name.clone()),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        let plain = ["int", "str", "float", "bool", "bytes", "list", "dict", "tuple", "set"];
        let names = names(&class.value).filter(|names| names.iter().all(|name| plain.contains(&&**name)));
        match (names, &value.value) {
            (Some(names), Abstract::Value(expr)) if !self.is_opaque(expr) => {
                let mut classes: Vec<Expr> = names.into_iter().map(Expr::Name).collect();
                let class = if classes.len() == 1 { classes.swap_remove(0) } else { Expr::Tuple(classes) };
                let arguments = vec![(**expr).clone(), class];
                Some(Abstract::value(Expr::Call(Text::from("isinstance"), arguments, Vec::new())))
            }
            (Some(names), Abstract::Object(id)) => {
                let kind = self.state.object(*id).map(|object| object.kind.clone())?;
                let own = match kind {
                    ObjectKind::List => "list",
                    ObjectKind::Dict => "dict",
                    ObjectKind::Set => "set",
                    ObjectKind::Instance(_) => "",
                };
                Some(Self::truth_value(names.iter().any(|name| &**name == own)))
            }
            _ => {
                let hint = format!("{}_is_{}", self.hint_of(value.node), self.hint_of(class.node));
                let kind = McvKind::ComputedCondition;
                Some(Abstract::value(self.unknown(call, kind, McvType::Bool, &hint, "isinstance")))
            }
        }
    }

    /// What a method that changes its receiver makes unknown beside it: what the containers around it hold
    /// (`rows["a"].append(x)`), and a variable with a list that is no object of its own (`tail = rows[1:]`).
    fn forget_changed(&mut self, method: &str, receiver: &Abstract, call: &'p ast::ExprCall) {
        let Ast::Attribute(ast::ExprAttribute { value: owner, .. }) = &*call.func else { return };
        let plain = matches!(receiver, Abstract::Value(expr) if !self.is_opaque(expr));
        let mut around = &**owner;
        while let Ast::Subscript(subscript) = around {
            around = &subscript.value;
            if let Abstract::Object(id) = self.quietly(|builder| builder.expression(around))
                && self.state.object(id).is_some_and(|object| !matches!(object.kind, ObjectKind::Instance(_)))
            {
                self.state.mutate(id, |object| {
                    object.content = None;
                    if plain {
                        object.fields.clear();
                    }
                });
            }
        }
        if plain && matches!(&**owner, Ast::Name(_)) && matches!(method, "append" | "extend" | "insert" | "clear") {
            let hint = self.hint_of(&**owner);
            let changed = self.unknown(&**owner, McvKind::ComputedCondition, McvType::List, &hint, "changed");
            self.assign(owner, Abstract::value(changed));
        }
    }

    /// Methods of lists, dicts and sets that the handler made.
    fn container_method(
        &mut self,
        id: super::ObjectId,
        method: &str,
        passed: &[Passed<'p>],
        call: &'p ast::ExprCall,
    ) -> Option<Abstract> {
        let object = self.state.object(id).cloned()?;
        match (&object.kind, method, passed) {
            (ObjectKind::Instance(_), _, _) => None,
            (ObjectKind::List, "append", [item]) => {
                self.append(id, &item.value, call);
                Some(Abstract::none())
            }
            (ObjectKind::List, "extend", [items]) | (ObjectKind::Dict, "update", [items])
                if items.keyword.is_none() =>
            {
                self.extend(id, &items.value, items.node);
                Some(Abstract::none())
            }
            (ObjectKind::Dict, "get", [key, rest @ ..]) => {
                let key = self.expr_hint(&key.value)?;
                let text = key_text(&key)?;
                if let Some(value) = object.fields.get(&text) {
                    return Some(value.clone());
                }
                let Some(Expr::Dict(items)) = object.content.as_deref() else { return None };
                let plain = items.iter().all(|(key, _)| matches!(key, Some(Expr::Constant(_))));
                match items.iter().rev().find(|(other, _)| other.as_ref() == Some(&key)) {
                    Some((_, value)) => Some(Abstract::value(value.clone())),
                    None if plain => Some(rest.first().map_or_else(Abstract::none, |rest| rest.value.clone())),
                    None => None,
                }
            }
            (ObjectKind::Dict, "copy", []) | (ObjectKind::List, "copy", []) => {
                let site = self.site("copy", call);
                Some(self.allocate(site, (*object).clone()))
            }
            (_, method, _) if MUTATORS.contains(&method) => {
                let keeps = matches!(method, "sort" | "reverse");
                self.state.mutate(id, |object| {
                    if keeps {
                        object.content = None;
                    } else {
                        forget_content(object);
                    }
                });
                if keeps { Some(Abstract::none()) } else { None }
            }
            _ => None,
        }
    }

    /// Functions of the project that a library calls back: once an item for `map` and its kin, once otherwise.
    fn callbacks(&mut self, call: &'p ast::ExprCall, passed: &[Passed<'p>]) {
        let module = self.module();
        let functions: Vec<FunctionId> = self
            .program
            .implicit_callees(module, call.range())
            .iter()
            .filter_map(|callee| match callee {
                Callee::Function { function, .. } => Some(*function),
                _ => None,
            })
            .collect();
        let name = self.program.call_name(module, call);
        let mut functions: Vec<(FunctionId, Option<Abstract>)> =
            functions.into_iter().map(|function| (function, None)).collect();
        // Methods that a built-in calls (`len(x)`) have their receiver among the arguments.
        for (function, receiver) in &mut functions {
            if matches!(self.program.function(*function).kind, FunctionKind::Method) {
                *receiver = self.receiver_among(*function, passed);
            }
        }
        if functions.is_empty() && !crate::calls::is_builtin(&name) {
            // A function, or an instance that can be called, that is handed to a library is taken to be called by it.
            for argument in passed {
                match &argument.value {
                    Abstract::Reference(name, _) => {
                        let id = self.by_name.get(&**name).copied().filter(|id| {
                            matches!(self.program.function(*id).kind, FunctionKind::Plain | FunctionKind::Lambda)
                        });
                        functions.extend(id.map(|id| (id, None)));
                    }
                    Abstract::Object(id) => {
                        if let Some(ObjectKind::Instance(class)) =
                            self.state.object(*id).map(|object| object.kind.clone())
                            && let Some(method) = self.method_of(&class, "__call__")
                        {
                            functions.push((method, Some(argument.value.clone())));
                        }
                    }
                    Abstract::Value(_) | Abstract::Tuple(_) | Abstract::Choice(..) => {}
                }
            }
            functions.dedup_by(|a, b| a.0 == b.0);
        }
        let Ok([(function, receiver)]) = <[(FunctionId, Option<Abstract>); 1]>::try_from(functions) else { return };
        let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
        if NEVER_CALL.contains(&&*last) {
            return;
        }
        let at = self.place(call);
        let items = match &*last {
            "map" | "imap" | "imap_unordered" | "starmap" | "filter" | "reduce" => passed.get(1),
            "sorted" | "min" | "max" => passed.first(),
            _ => None,
        };
        if last == "sort" {
            return;
        }
        match items {
            Some(items) => {
                let count = match self.length_of(&items.value) {
                    Some(length) => length,
                    None => {
                        let expr = self.expr_of(&items.value, items.node);
                        self.count_of(&expr, items.node)
                    }
                };
                let native = self.expr_hint(&items.value).filter(|expr| !self.is_opaque(expr));
                let name = self.bind(self.site("item", call), "item", false);
                let item = match &native {
                    Some(_) => Abstract::value(Expr::Name(name.clone())),
                    None => self.opaque(items.node),
                };
                let argument = Passed { keyword: None, starred: false, value: item, node: items.node };
                let body = self.block(|builder| {
                    builder.follow(function, receiver, vec![argument], call);
                });
                self.reachable = true;
                let (target, iterable) = match native {
                    Some(native) => (crate::expression::Target::Name(name), native),
                    None => {
                        (super::expressions::unused_target(), Expr::Call(Text::from("range"), vec![count], Vec::new()))
                    }
                };
                self.emit(Node::For { target, iterable, body, otherwise: Block::default(), at });
            }
            None => {
                let arguments: Vec<Passed<'p>> = passed
                    .iter()
                    .filter(|argument| !matches!(argument.value, Abstract::Reference(_, _)))
                    .filter(|argument| argument.keyword.is_none() && receiver.as_ref() != Some(&argument.value))
                    .cloned()
                    .collect();
                let state = self.state.clone();
                self.follow(function, receiver, arguments, call);
                if !self.reachable {
                    // What a callback raises, the library that calls it may keep.
                    self.reachable = true;
                    self.state = state;
                }
            }
        }
    }

    /// The argument that a method belongs to, by its class.
    fn receiver_among(&self, method: FunctionId, passed: &[Passed<'p>]) -> Option<Abstract> {
        let name = self.program.function(method).name.rsplit('.').next()?.to_owned();
        passed
            .iter()
            .map(|argument| &argument.value)
            .find(|value| match value {
                Abstract::Object(id) => match self.state.object(*id).map(|object| &object.kind) {
                    Some(ObjectKind::Instance(class)) => self.method_of(class, &name) == Some(method),
                    _ => false,
                },
                _ => false,
            })
            .cloned()
    }

    /// `@decorator`: a call at the place of the definition. Gives what the decorated name stands for after it.
    pub(super) fn apply_decorator(&mut self, decorator: &'p ast::Decorator, decorated: Abstract) -> Abstract {
        let module = self.module();
        let callees = self.program.implicit_callees(module, decorator.range()).to_vec();
        let [Callee::Function { function, .. }] = callees.as_slice() else { return decorated };
        if let Ast::Call(call) = &decorator.expression {
            let name = self.program.call_name(module, call);
            if NEVER_CALL.contains(&name.rsplit('.').next().unwrap_or(&name)) {
                return decorated;
            }
        }
        // A decorator with arguments was made by a call, which was read just before.
        let frame = match self.quietly(|builder| builder.expression(&decorator.expression)) {
            Abstract::Reference(_, frame) => frame,
            _ => None,
        };
        let argument = Passed { keyword: None, starred: false, value: decorated.clone(), node: &decorator.expression };
        match self.follow_closure(*function, frame, None, vec![argument], decorator) {
            Some(value @ Abstract::Reference(..)) => value,
            _ => decorated,
        }
    }

    /// Calls a method without arguments.
    pub(super) fn follow_method(&mut self, function: FunctionId, receiver: Abstract, node: &impl Ranged) -> Abstract {
        match self.follow(function, Some(receiver), Vec::new(), node) {
            Some(value) => value,
            None => self.opaque(node),
        }
    }

    /// Follows a function that closes over the frame it was defined in.
    fn follow_closure(
        &mut self,
        function: FunctionId,
        frame: Option<FrameId>,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
        node: &impl Ranged,
    ) -> Option<Abstract> {
        let (Some(frame), Some(parent)) = (frame, self.program.function(function).parent) else {
            return self.follow(function, receiver, passed, node);
        };
        let before = self.latest_frame.insert(parent, frame);
        let value = self.follow(function, receiver, passed, node);
        match before {
            Some(before) => self.latest_frame.insert(parent, before),
            None => self.latest_frame.remove(&parent),
        };
        value
    }

    // ---- following -----------------------------------------------------------------------------------------------------

    /// Reads the body of a function of the project with its actual arguments. `None` if it is not to be followed.
    fn follow(
        &mut self,
        function: FunctionId,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
        node: &impl Ranged,
    ) -> Option<Abstract> {
        let info = self.program.function(function);
        let depth = self.stack.iter().filter(|activation| matches!(activation.scope, Scope::Frame(_))).count();
        if self.options.depth.is_some_and(|limit| depth > limit) {
            self.note(node, format!("{} is not followed: deeper than --depth", info.qualified_name));
            return None;
        }
        if depth >= MAX_CALL_DEPTH || self.steps >= MAX_STEPS {
            self.note(node, format!("{} is not followed: the handler reaches too much code", info.qualified_name));
            return None;
        }
        if let Some(running) = self.stack.iter().find(|activation| activation.function == function) {
            // Its other calls are counted by the variable that the first call gets.
            let _ = running.recursive;
            self.recursive.insert(function);
            return Some(self.opaque(node));
        }
        let before = self.state.clone();
        let mut scope = Block::default();
        let mut value = None;
        let was_recursive = self.recursive.contains(&function);
        for recursive in [was_recursive, true] {
            self.state = before.clone();
            self.reachable = true;
            let out = &mut scope;
            let result = self.read_function(function, receiver.clone(), passed.clone(), node, recursive, out);
            value = Some(result);
            if recursive || !self.recursive.contains(&function) {
                break;
            }
        }
        let at = self.place(node);
        let reachable = std::mem::replace(&mut self.reachable, true);
        let name = info.qualified_name.clone();
        if self.recursive.contains(&function) {
            let short = snake_case(info.name.rsplit('.').next().unwrap_or(&info.name));
            let hint = format!("{short}_calls");
            let meaning = format!("calls of {}, those that it makes itself included", info.qualified_name);
            let place = at.clone();
            let site = self.site("calls", node);
            let count = self.atom(site, || Atom {
                kind: McvKind::TripCount,
                type_: McvType::Int,
                hint,
                meaning,
                place,
                default: None,
                owner: None,
                data: true,
                made: 0,
            });
            let body = Block(vec![Node::Scope { function: name, body: scope, at: at.clone() }]);
            self.emit(Node::Times { count, body, at });
        } else {
            self.emit(Node::Scope { function: name, body: scope, at });
        }
        self.reachable = reachable;
        value
    }

    fn read_function(
        &mut self,
        function: FunctionId,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
        node: &impl Ranged,
        recursive: bool,
        out: &mut Block,
    ) -> Abstract {
        let info = self.program.function(function);
        let frame = self.frame_for(function, node.range());
        let outer_frame = self.latest_frame.insert(function, frame);
        let names = self.names_of(function);
        self.stack.push(Activation {
            function,
            module: info.module,
            frame,
            scope: Scope::Frame(frame),
            names,
            returns: Vec::new(),
            loops: Vec::new(),
            tries: self.tries.len(),
            yields: None,
            recursive,
        });
        let at = self.place(node);
        let mut result = None;
        *out = self.block(|builder| {
            let parameters = match info.definition {
                Definition::Function(definition) => Some(&*definition.parameters),
                Definition::Lambda(lambda) => lambda.parameters.as_deref(),
                Definition::Module(_) | Definition::ClassBody(_) => None,
            };
            if let Some(parameters) = parameters {
                builder.bind_parameters(parameters, receiver, passed, recursive);
            }
            if info.is_generator
                && let Abstract::Object(id) = builder.empty_list("yields".to_owned())
                && let Some(here) = builder.stack.last_mut()
            {
                here.yields = Some(id);
            }
            match info.definition {
                Definition::Function(definition) => builder.statements(&definition.body),
                Definition::Lambda(lambda) => {
                    let value = builder.expression(&lambda.body);
                    builder.leave_function(value);
                }
                Definition::Module(_) | Definition::ClassBody(_) => {}
            }
            builder.leave_function(Abstract::none());
            result = None::<()>;
        });
        let _ = result;
        let Some(activation) = self.stack.pop() else { return Abstract::none() };
        if let Some(frame) = outer_frame {
            self.latest_frame.insert(function, frame);
        }
        let key = format!("return@{frame}");
        // With one way out there is nothing to join, and no reason to keep its state.
        let single = match activation.returns.as_slice() {
            [(_, _, value)] => Some(value.clone()),
            _ => None,
        };
        let values: Vec<(Abstract, usize, super::State)> = match &single {
            Some(_) => Vec::new(),
            None => {
                activation.returns.iter().map(|(state, slot, value)| (value.clone(), *slot, state.clone())).collect()
            }
        };
        let ways = activation.returns.into_iter().map(|(state, slot, _)| (state, slot)).collect();
        match self.join(ways, &key, &at) {
            Some(state) => {
                self.state = state;
                self.reachable = true;
            }
            None => {
                self.reachable = false;
                return Abstract::none();
            }
        }
        if !activation.names.has_inner {
            self.state.drop_frame(frame);
        }
        if recursive {
            let short = snake_case(info.name.rsplit('.').next().unwrap_or(&info.name));
            return Abstract::value(self.unknown(node, McvKind::ComputedCondition, McvType::Any, &short, "recursive"));
        }
        if let Some(id) = activation.yields {
            return Abstract::Object(id);
        }
        if let Some(value) = single {
            return value;
        }
        let views: Vec<(Abstract, usize, &super::State)> =
            values.iter().map(|(value, slot, state)| (value.clone(), *slot, state)).collect();
        let hint = snake_case(info.name.rsplit('.').next().unwrap_or(&info.name));
        match self.join_values(&views, &format!("{key}/value"), &hint, &at) {
            Some(value) => value,
            None => self.opaque(node),
        }
    }

    /// The frame of a call: the same for the same place in the same caller, however often it is read.
    fn frame_for(&mut self, function: FunctionId, range: TextRange) -> FrameId {
        let key = (self.frame(), self.module(), range, function);
        let next = FrameId::try_from(self.frames.len() + 1).unwrap_or(FrameId::MAX);
        *self.frames.entry(key).or_insert(next)
    }

    pub(super) fn names_of(&mut self, function: FunctionId) -> Rc<Names> {
        if let Some(names) = self.names.get(&function) {
            return names.clone();
        }
        let names = Rc::new(Names::of(&self.program.function(function).definition));
        self.names.insert(function, names.clone());
        names
    }

    fn bind_parameters(
        &mut self,
        parameters: &'p ast::Parameters,
        receiver: Option<Abstract>,
        passed: Vec<Passed<'p>>,
        recursive: bool,
    ) {
        let mut positional: Vec<Abstract> = receiver.into_iter().collect();
        let bound = positional.len();
        let mut keywords: BTreeMap<Text, Abstract> = BTreeMap::new();
        let (mut more_positional, mut more_keywords) = (false, false);
        for argument in passed {
            match (&argument.keyword, argument.starred, &argument.value) {
                (Some(name), _, value) => {
                    keywords.insert(name.clone(), value.clone());
                }
                (None, false, value) => positional.push(value.clone()),
                (None, true, value) if matches!(argument.node, Ast::Starred(_)) => match value {
                    Abstract::Tuple(items) => positional.extend(items.iter().cloned()),
                    _ => more_positional = true,
                },
                (None, true, Abstract::Object(id)) => {
                    let object = self.state.object(*id).cloned();
                    let Some(object) = object else { continue };
                    if let Some(Expr::Dict(items)) = object.content.as_deref() {
                        for (key, value) in items {
                            match key.as_ref().and_then(key_text) {
                                Some(key) => {
                                    keywords.insert(key, Abstract::value(value.clone()));
                                }
                                None => more_keywords = true,
                            }
                        }
                    } else {
                        more_keywords = true;
                    }
                    keywords.extend(object.fields.iter().map(|(key, value)| (key.clone(), value.clone())));
                }
                (None, true, _) => more_keywords = true,
            }
        }
        let mut next = positional.into_iter();
        let named = parameters.posonlyargs.iter().chain(&parameters.args).map(|parameter| (parameter, true));
        let all = named.chain(parameters.kwonlyargs.iter().map(|parameter| (parameter, false)));
        for (index, (parameter, by_position)) in all.enumerate() {
            let name = Text::from(parameter.parameter.name.as_str());
            let given = if by_position { next.next() } else { None };
            let value = given.or_else(|| keywords.remove(&name));
            let unknown = value.is_none() && (more_keywords || (more_positional && by_position));
            let value = match value {
                Some(value) if recursive && index >= bound && !matches!(value, Abstract::Reference(_, _)) => {
                    let _ = value;
                    self.opaque(&parameter.parameter.name)
                }
                Some(value) => value,
                None if unknown => self.opaque(&parameter.parameter.name),
                None => match &parameter.default {
                    Some(default) => self.quietly(|builder| builder.expression(default)),
                    None => self.opaque(&parameter.parameter.name),
                },
            };
            let value = match &value {
                Abstract::Value(expr) if !self.is_opaque(expr) => {
                    let expr = (**expr).clone();
                    Abstract::value(self.name_value(&name, expr, &parameter.parameter, false))
                }
                _ => value,
            };
            let variable = self.variable(&name);
            self.state.set(variable, value);
        }
        if let Some(rest) = &parameters.vararg {
            let items: Vec<Abstract> = next.collect();
            let value = if more_positional { self.opaque(&rest.name) } else { Abstract::Tuple(Rc::new(items)) };
            let variable = self.variable(&rest.name);
            self.state.set(variable, value);
        }
        if let Some(rest) = &parameters.kwarg {
            let mut items = Vec::new();
            for (name, value) in &keywords {
                let expr = match self.expr_hint(value) {
                    Some(expr) => expr,
                    None => self.expr_of(value, &rest.name),
                };
                items.push((Some(Expr::Constant(Value::Str(name.clone()))), expr));
            }
            let length = Expr::Constant(Value::Int(items.len().into()));
            let mut object = if more_keywords {
                container(ObjectKind::Dict, None, None)
            } else {
                container(ObjectKind::Dict, Some(Expr::Dict(items)), Some(length))
            };
            object.fields = keywords;
            let site = self.site("keywords", &**rest);
            let value = self.allocate(site, object);
            let variable = self.variable(&rest.name);
            self.state.set(variable, value);
        }
    }

    // ---- modules, classes, the handler ----------------------------------------------------------------------------------

    /// Reads a module's own statements, once.
    pub(super) fn load_module(&mut self, module: ModuleId) {
        if !self.loaded.insert(module) {
            return;
        }
        let function = self.program.module_function(module);
        let names = self.names_of(function);
        let project = self.project;
        let info = project.module(module);
        let nested = !self.stack.is_empty();
        let at = if nested { None } else { Some(()) };
        let place = super::Place { file: Text::from(info.source.path.to_string_lossy()), line: 1 };
        self.stack.push(Activation {
            function,
            module,
            frame: 0,
            scope: Scope::Module(Text::from(info.name.as_str())),
            names,
            returns: Vec::new(),
            loops: Vec::new(),
            tries: self.tries.len(),
            yields: None,
            recursive: false,
        });
        // Sites of module-level code are told apart by the module.
        let frame = self.frame_for(function, TextRange::default());
        if let Some(here) = self.stack.last_mut() {
            here.frame = frame;
        }
        let body = self.block(|builder| {
            // `__name__` is what it is when the platform imports the module.
            let name = Abstract::value(Expr::Constant(Value::Str(Text::from(info.name.as_str()))));
            let variable = builder.variable("__name__");
            builder.state.set(variable, name);
            builder.statements(&info.source.ast.body);
        });
        self.stack.pop();
        self.reachable = true;
        match at {
            Some(()) => self.out.extend(body.0),
            None => self.emit(Node::Scope { function: format!("import {}", info.name), body, at: place }),
        }
    }

    /// Reads the modules that an import loads, packages first.
    pub(super) fn load_by_name(&mut self, name: &str, _node: &impl Ranged) {
        let mut end = 0;
        for part in name.split('.') {
            end += part.len();
            if let Some(module) = self.project.find(&name[..end]) {
                self.load_module(module);
            }
            end += 1;
        }
    }

    /// Reads a class body: it runs once, at its definition.
    pub(super) fn read_class_body(&mut self, class: &'p ast::StmtClassDef, name: &Text) {
        let Some(id) = self.program.class_of(class) else { return };
        let function = self.program.class(id).body;
        let names = self.names_of(function);
        let module = self.module();
        let frame = self.frame_for(function, class.range());
        self.stack.push(Activation {
            function,
            module,
            frame,
            scope: Scope::Class(name.clone()),
            names,
            returns: Vec::new(),
            loops: Vec::new(),
            tries: self.tries.len(),
            yields: None,
            recursive: false,
        });
        self.statements(&class.body);
        self.stack.pop();
    }

    /// The qualified name of a lambda.
    pub(super) fn lambda_name(&self, lambda: &'p ast::ExprLambda) -> Option<Text> {
        let id = self.program.function_of(Definition::Lambda(lambda))?;
        Some(Text::from(self.program.function(id).qualified_name.as_str()))
    }

    /// Reads the handler with its own parameters; behind its decorators, if they are the project's.
    pub(super) fn enter_handler(&mut self, handler: FunctionId) {
        let info = self.program.function(handler);
        let scope = self.module_scope(info.module);
        let own = info.name.as_str();
        let wrapper = match self.state.get(&(scope, Text::from(own))) {
            Some(Abstract::Reference(name, frame)) if **name != *info.qualified_name => {
                self.by_name.get(&**name).map(|id| (*id, *frame))
            }
            _ => None,
        };
        // The platform's call stands in for code of the module when a wrapper is called first.
        let function = if wrapper.is_some() { self.program.module_function(info.module) } else { handler };
        let names = self.names_of(handler);
        let frame = self.frame_for_handler(handler);
        self.latest_frame.insert(handler, frame);
        self.stack.push(Activation {
            function,
            module: info.module,
            frame,
            scope: Scope::Frame(frame),
            names,
            returns: Vec::new(),
            loops: Vec::new(),
            tries: 0,
            yields: None,
            recursive: false,
        });
        let method = matches!(info.kind, FunctionKind::Method | FunctionKind::ClassMethod | FunctionKind::Property);
        let mut passed = Vec::new();
        for (index, parameter) in info.parameters().into_iter().flatten().enumerate() {
            let name = parameter.name().as_str();
            let value = if method && index == 0 {
                self.receiver_of(handler)
            } else {
                Abstract::value(Expr::Name(Text::from(name)))
            };
            passed.push(value.clone());
            let variable = self.variable(name);
            self.state.set(variable, value);
        }
        match (wrapper, info.definition) {
            (Some((wrapper, outer)), Definition::Function(definition)) => {
                if let Some(node) = definition.decorator_list.first().map(|decorator| &decorator.expression) {
                    let passed =
                        passed.into_iter().map(|value| Passed { keyword: None, starred: false, value, node }).collect();
                    self.follow_closure(wrapper, outer, None, passed, &definition.name);
                }
            }
            (_, Definition::Function(definition)) => self.statements(&definition.body),
            (_, Definition::Lambda(lambda)) => {
                let value = self.expression(&lambda.body);
                self.leave_function(value);
            }
            (_, Definition::Module(_) | Definition::ClassBody(_)) => {}
        }
        self.stack.pop();
    }

    fn frame_for_handler(&mut self, handler: FunctionId) -> FrameId {
        let module = self.program.function(handler).module;
        let next = FrameId::try_from(self.frames.len() + 1).unwrap_or(FrameId::MAX);
        *self.frames.entry((0, module, TextRange::default(), handler)).or_insert(next)
    }

    /// The instance that a handler method belongs to: its class's fields as the constructor leaves them.
    fn receiver_of(&mut self, handler: FunctionId) -> Abstract {
        let Some(class) = self.program.function(handler).class else { return Abstract::none() };
        let name = Text::from(self.program.class(class).qualified_name.as_str());
        let object = Object { kind: ObjectKind::Instance(name), content: None, length: None, fields: BTreeMap::new() };
        self.allocate("self".to_owned(), object)
    }

    /// What earlier invocations may have changed is not known when the handler begins.
    pub(super) fn forget_earlier_invocations(&mut self) {
        let mut globals: std::collections::BTreeSet<(Text, Text)> = std::collections::BTreeSet::new();
        let mut changed: std::collections::BTreeSet<(Text, Text)> = std::collections::BTreeSet::new();
        let mut attributes: std::collections::BTreeSet<Text> = std::collections::BTreeSet::new();
        // Attributes of classes, by the class's own name.
        let mut of_classes: std::collections::BTreeSet<(Text, Text)> = std::collections::BTreeSet::new();
        let functions: Vec<FunctionId> = self.program.functions().map(|(id, _)| id).collect();
        for id in functions {
            let info = self.program.function(id);
            if matches!(info.definition, Definition::Module(_) | Definition::ClassBody(_)) {
                continue;
            }
            let module = Text::from(self.project.module(info.module).name.as_str());
            let names = self.names_of(id);
            let own = info.class.map(|class| last_name(&self.program.class(class).qualified_name));
            let by_class = info.kind == FunctionKind::ClassMethod;
            of_classes.extend(names.assigned.iter().map(|(owner, attribute)| match &own {
                Some(own) if by_class && &**owner == "cls" => (own.clone(), attribute.clone()),
                _ => (owner.clone(), attribute.clone()),
            }));
            globals.extend(names.global.iter().map(|name| (module.clone(), name.clone())));
            changed.extend(
                names
                    .changed
                    .iter()
                    .filter(|name| !names.local.contains(*name))
                    .map(|name| (module.clone(), name.clone())),
            );
            if info.name.rsplit('.').next() != Some("__init__") {
                attributes.extend(names.attributes.iter().cloned());
            }
        }
        let variables: Vec<(super::Variable, Abstract)> =
            self.state.variables().map(|(variable, value)| (variable.clone(), value.clone())).collect();
        for (variable, value) in variables {
            if let Scope::Class(class) = &variable.0 {
                let name = last_name(class);
                if of_classes.contains(&(name.clone(), variable.1.clone())) {
                    let place = self.class_place(class);
                    let hint = format!("{name}_{}", variable.1.trim_matches('_'));
                    let state = self.left_behind(&hint, McvType::Any, &format!("{name}.{}", variable.1), place);
                    self.state.set(variable.clone(), Abstract::value(state));
                }
                continue;
            }
            let Scope::Module(module) = &variable.0 else { continue };
            let key = (module.clone(), variable.1.clone());
            let place = self.module_place(module);
            if globals.contains(&key) && !matches!(value, Abstract::Object(_)) {
                let state = self.left_behind(&variable.1, McvType::Any, &variable.1, place.clone());
                self.state.set(variable.clone(), Abstract::value(state));
            } else if let Abstract::Object(id) = value {
                let Some(object) = self.state.object(id).cloned() else { continue };
                match &object.kind {
                    ObjectKind::Instance(_) => {
                        for (field, held) in &object.fields {
                            if !attributes.contains(field) {
                                continue;
                            }
                            let whole = format!("{}.{field}", variable.1);
                            if let Abstract::Object(inner) = held {
                                self.forget_object(*inner, &whole, &place);
                            } else {
                                let hint = format!("{}_{field}", variable.1);
                                let state = self.left_behind(&hint, McvType::Any, &whole, place.clone());
                                self.state.change(id, |object| {
                                    object.fields.insert(field.clone(), Abstract::value(state));
                                });
                            }
                        }
                    }
                    ObjectKind::List | ObjectKind::Dict | ObjectKind::Set => {
                        if changed.contains(&key) || globals.contains(&key) {
                            self.forget_object(id, &variable.1, &place);
                        }
                    }
                }
            }
        }
    }

    fn forget_object(&mut self, id: super::ObjectId, name: &str, place: &super::Place) {
        let hint = format!("len_{}", name.replace('.', "_"));
        let length = self.left_behind(&hint, McvType::Int, &format!("len({name})"), place.clone());
        self.state.change(id, |object| {
            if matches!(object.kind, ObjectKind::Instance(_)) {
                return;
            }
            forget_content(object);
            object.length = Some(Rc::new(length));
        });
    }

    fn class_place(&self, class: &str) -> super::Place {
        match self.program.classes().find(|(_, info)| info.qualified_name == class) {
            Some((_, info)) => {
                let source = &self.project.module(self.program.function(info.body).module).source;
                super::Place {
                    file: Text::from(source.path.to_string_lossy()),
                    line: source.line_of(&info.definition.name),
                }
            }
            None => super::Place { file: Text::from(class), line: 1 },
        }
    }

    fn module_place(&self, module: &str) -> super::Place {
        let file = self
            .project
            .find(module)
            .map_or_else(|| Text::from(module), |id| Text::from(self.project.module(id).source.path.to_string_lossy()));
        super::Place { file, line: 1 }
    }

    /// An unknown that earlier invocations left behind.
    fn left_behind(&mut self, hint: &str, type_: McvType, meaning: &str, place: super::Place) -> Expr {
        let hint = snake_case(hint);
        let meaning = format!("{meaning}, as earlier invocations left it");
        self.atom(format!("state/{hint}"), || Atom {
            kind: McvKind::State,
            type_,
            hint,
            meaning,
            place,
            default: None,
            owner: None,
            data: true,
            made: 0,
        })
    }
}

/// The last part of a dotted name.
fn last_name(name: &str) -> Text {
    Text::from(name.rsplit('.').next().unwrap_or(name))
}

/// A range as a node.
struct Numbered(TextRange);

impl Ranged for Numbered {
    fn range(&self) -> TextRange {
        self.0
    }
}
