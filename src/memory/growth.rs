//! What stays from one invocation to the next and grows with each: module variables, class attributes, mutable
//! defaults, closures and caches to which the handler adds.
//!
//! The machine notes each addition to an object that was there before the handler ran. An addition under a key that
//! the source fixes (`CACHE["client"] = …`) happens once in the life of an instance and is no growth. When the handler
//! has returned, what has not become longer is dropped: it was emptied again.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast as ast;
use ruff_python_ast::Expr as Ast;
use ruff_text_size::Ranged;

use crate::expression::Value as Plain;
use crate::formula::Comparison;

use super::heap::State;
use super::machine::Machine;
use super::value::{Code, FrameId, Kind, ObjectId, Value};

/// Methods that add to their receiver.
pub(super) const ADDING: &[&str] =
    &["add", "append", "appendleft", "extend", "extendleft", "insert", "push", "setdefault", "update", "write"];

/// Objects on the way from a variable to one that it keeps, at most.
const MAX_DEPTH: usize = 6;

/// An addition to something that outlives the invocation.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    /// What grew, in the source's words.
    what: String,
    /// The object, if its length says whether it has grown.
    object: Option<ObjectId>,
}

/// Additions by file and line.
#[derive(Clone, Debug, Default)]
pub(super) struct Additions(BTreeMap<(String, u32), Addition>);

impl<'p> Machine<'p> {
    /// Notes that a method of an object was called, if it adds to what was there before.
    pub(super) fn warn_of_growth(&mut self, id: ObjectId, method: &str, node: &impl Ranged) {
        if !ADDING.contains(&method) || self.initialising || !self.is_old(id) {
            return;
        }
        let by_key = matches!(method, "add" | "setdefault" | "update");
        if by_key && self.first_argument_is_fixed(node) {
            return;
        }
        self.note_addition(id, node);
    }

    /// The same of `container[key] = …`.
    pub(super) fn warn_of_growth_by_key(&mut self, id: ObjectId, key: &'p Ast, node: &impl Ranged) {
        if self.initialising || !self.is_old(id) || self.is_fixed(key) {
            return;
        }
        let adds = self.state.object(id).is_some_and(|object| object.kind == Kind::Dict);
        if adds {
            self.note_addition(id, node);
        }
    }

    /// The same of a variable or attribute that is bound to itself and something more (`LOG = LOG + [x]`,
    /// `total += text`), where `values` are what is known of its value before and after.
    pub(super) fn warn_of_growth_by_name(&mut self, target: &'p Ast, values: &[&Value]) {
        if self.initialising || !values.iter().any(|value| self.grows_by_adding(value)) {
            return;
        }
        let what = match target {
            Ast::Name(name) => {
                let frame = self.binding_frame(&name.id);
                self.state
                    .modules
                    .iter()
                    .find(|(_, of)| **of == frame)
                    .map(|(module, _)| format!("{}.{}", self.project.module(*module).name, name.id))
            }
            Ast::Attribute(attribute) => self.outliving_attribute(attribute),
            _ => None,
        };
        if let Some(what) = what {
            self.add(what, None, target);
        }
    }

    /// Notes a call of a function whose results are kept without end, from the handler.
    pub(super) fn warn_of_cached_results(&mut self, cached: ObjectId, node: &impl Ranged) {
        if self.initialising || !self.is_old(cached) {
            return;
        }
        let what = self.outliving_name(cached).unwrap_or_else(|| "a function".to_owned());
        self.add(format!("the cache of {what}"), None, node);
    }

    /// Whether an assignment's value is made of its target and something more.
    pub(super) fn adds_to_target(target: &Ast, value: &Ast) -> bool {
        let Ast::BinOp(ast::ExprBinOp { left, op: ast::Operator::Add, right, .. }) = value else { return false };
        let same = |side: &Ast| match (target, side) {
            (Ast::Name(a), Ast::Name(b)) => a.id == b.id,
            (Ast::Attribute(a), Ast::Attribute(b)) => {
                a.attr == b.attr && matches!((&*a.value, &*b.value), (Ast::Name(a), Ast::Name(b)) if a.id == b.id)
            }
            _ => false,
        };
        same(left) || same(right) || Self::adds_to_target(target, left)
    }

    /// Places where memory stays, of those noted: file, line, message.
    pub(super) fn growth_since(&self, entry: &State) -> Vec<(String, u32, String)> {
        let longer = |id: ObjectId| {
            let length = |state: &State| state.object(id).and_then(|object| object.length.clone());
            match (length(entry), length(&self.state)) {
                (Some(before), Some(after)) => after.compare(Comparison::LessEqual, &before) != Ok(true),
                (_, after) => after.is_some(),
            }
        };
        self.additions
            .0
            .iter()
            .filter(|(_, addition)| addition.object.is_none_or(longer))
            .map(|((file, line), addition)| {
                let message = format!("{} outlives the invocation, and grows with each one", addition.what);
                (file.clone(), *line, message)
            })
            .collect()
    }

    fn note_addition(&mut self, id: ObjectId, node: &impl Ranged) {
        let is_bounded = self.state.object(id).is_some_and(|object| object.features.contains_key("maxlen"));
        if is_bounded || self.additions.0.contains_key(&(self.file(), self.line(node))) {
            return;
        }
        if let Some(what) = self.outliving_name(id) {
            self.add(what, Some(id), node);
        }
    }

    fn add(&mut self, what: String, object: Option<ObjectId>, node: &impl Ranged) {
        self.additions.0.entry((self.file(), self.line(node))).or_insert(Addition { what, object });
    }

    fn is_old(&self, id: ObjectId) -> bool {
        self.state.object(id).is_some_and(|object| object.born <= self.born_before_entry)
    }

    /// Texts, bytes and sequences grow by `+`; numbers do not.
    fn grows_by_adding(&self, value: &Value) -> bool {
        match value {
            Value::Plain(plain) => {
                matches!(plain, Plain::Str(_) | Plain::Bytes(_) | Plain::List(_) | Plain::Tuple(_))
            }
            Value::Object(id) => self.state.object(*id).is_some_and(|object| {
                matches!(object.kind, Kind::Str { .. } | Kind::Bytes | Kind::List | Kind::Tuple | Kind::ByteArray)
            }),
            _ => false,
        }
    }

    /// A key that is the same in each invocation.
    fn is_fixed(&self, key: &Ast) -> bool {
        match key {
            Ast::StringLiteral(_)
            | Ast::NumberLiteral(_)
            | Ast::BytesLiteral(_)
            | Ast::BooleanLiteral(_)
            | Ast::NoneLiteral(_) => true,
            Ast::Tuple(tuple) => tuple.elts.iter().all(|part| self.is_fixed(part)),
            Ast::Name(name) => self.here().is_some_and(|here| !here.names.local.contains(&*name.id)),
            _ => false,
        }
    }

    /// Whether the first argument of a call is a literal, as the source has it.
    fn first_argument_is_fixed(&self, call: &impl Ranged) -> bool {
        let text = self.project.module(self.module()).source.slice(call);
        let Ok(parsed) = ruff_python_parser::parse_expression(text) else { return false };
        let Ast::Call(call) = parsed.expr() else { return false };
        match call.arguments.args.first() {
            Some(Ast::Dict(dict)) => {
                dict.items.iter().all(|item| item.key.as_ref().is_some_and(|key| key.is_literal_expr()))
            }
            Some(first) => first.is_literal_expr(),
            // `update(a=1)`
            None => true,
        }
    }

    /// What an attribute that is assigned belongs to, if that was there before: a class or an old instance.
    fn outliving_attribute(&self, attribute: &ast::ExprAttribute) -> Option<String> {
        let Ast::Name(owner) = &*attribute.value else { return None };
        let here = self.here()?;
        let value = self
            .state
            .get(here.frame, &owner.id)
            .or_else(|| self.state.get(*self.state.modules.get(&here.module)?, &owner.id))?;
        match value {
            Value::Code(Code::Class(class)) => {
                Some(format!("{}.{}", self.program.class(*class).qualified_name, attribute.attr))
            }
            Value::Object(id) if self.is_old(*id) => Some(format!("{}.{}", self.outliving_name(*id)?, attribute.attr)),
            _ => None,
        }
    }

    /// The name by which an object that was there before the handler ran is reached: a variable of a module, an
    /// attribute of a class, a default value, or a part of one of them.
    pub(super) fn outliving_name(&self, wanted: ObjectId) -> Option<String> {
        let mut seen = BTreeSet::new();
        for (module, frame) in &self.state.modules {
            let module = &self.project.module(*module).name;
            if let Some(name) = self.name_in(*frame, wanted, &mut seen, |name| match name.strip_prefix("<default ") {
                Some(default) => {
                    let parameter = default.trim_end_matches('>').rsplit(' ').next().unwrap_or(default);
                    format!("the default value of `{parameter}`")
                }
                None => format!("{module}.{name}"),
            }) {
                return Some(name);
            }
        }
        for (class, frame) in &self.state.classes {
            let class = &self.program.class(*class).qualified_name;
            if let Some(name) = self.name_in(*frame, wanted, &mut seen, |name| format!("{class}.{name}")) {
                return Some(name);
            }
        }
        // Variables of functions that have returned live on in closures.
        let mut frames: Vec<FrameId> = self.closures.values().copied().collect();
        frames.sort_unstable();
        frames.dedup();
        frames.into_iter().find_map(|frame| self.name_in(frame, wanted, &mut seen, str::to_owned))
    }

    fn name_in(
        &self,
        frame: FrameId,
        wanted: ObjectId,
        seen: &mut BTreeSet<ObjectId>,
        name: impl Fn(&str) -> String,
    ) -> Option<String> {
        self.state
            .variables(frame)
            .find_map(|(variable, value)| Some(format!("{}{}", name(variable), self.way(value, wanted, seen, 0)?)))
    }

    /// How `wanted` is reached from a value.
    fn way(&self, value: &Value, wanted: ObjectId, seen: &mut BTreeSet<ObjectId>, depth: usize) -> Option<String> {
        let Value::Object(id) = value else { return None };
        if *id == wanted {
            return Some(String::new());
        }
        if depth == MAX_DEPTH || !seen.insert(*id) {
            return None;
        }
        let object = self.state.object(*id)?;
        for (name, field) in &object.fields {
            if let Some(rest) = self.way(field, wanted, seen, depth + 1) {
                let hidden = name.starts_with('<');
                return Some(if hidden { rest } else { format!(".{name}{rest}") });
            }
        }
        let items = object.entries.iter().map(|entry| &entry.value);
        let items = items.chain(object.rest.iter().filter_map(|rest| rest.value.as_ref()));
        for item in items {
            if let Some(rest) = self.way(item, wanted, seen, depth + 1) {
                return Some(format!("[…]{rest}"));
            }
        }
        None
    }
}
