//! Methods of Python's own types.

use ruff_text_size::Ranged;

use crate::expression::{self, Expr, Text, Value as Plain};
use crate::names::scope::MUTATORS;

use super::amount::{Amount, Bytes};
use super::calls::Arguments;
use super::inputs::Sequence;
use super::machine::{Eval, Flow, MAX_CONTENT, Machine};
use super::texts::Marks;
use super::unknown::UnknownKind;
use super::value::{Adapter, Code, Growth, Kind, NumberKind, Object, ObjectId, Value};

/// Whether texts take between what they would take if all were like one of them and half as much again: a list may
/// have been charged with more than its texts.
fn is_near(alike: &Amount, held: &Amount) -> bool {
    match (alike.as_int(), held.as_int()) {
        (Some(alike), Some(held)) => held >= alike && held <= alike.saturating_add(alike / 2),
        _ => false,
    }
}

impl<'p> Machine<'p> {
    /// Calls a method of a value that is not of a class of the project.
    pub(super) fn call_method(
        &mut self,
        receiver: &Value,
        name: &str,
        arguments: Arguments,
        node: &impl Ranged,
    ) -> Eval {
        if name == "encode" && self.type_name(receiver).as_deref() == Some("str") {
            let room = self.encoding_room(receiver, node);
            self.state.peak_with(&room);
        }
        // Exact where all is known.
        if let Some(whole) = self.plain(receiver)
            && expression::is_method(name)
            && !is_mutator(receiver, name)
            && arguments.keywords.is_empty()
            && !arguments.more
        {
            let plains: Option<Vec<Plain>> = arguments.positional.iter().map(|value| self.plain(value)).collect();
            let shares = matches!((&whole, name), (Plain::Dict(_), "get" | "items" | "keys" | "values"));
            if let Some(plains) = plains {
                let expr = Expr::Method(
                    Box::new(Expr::Constant(whole)),
                    Text::from(name),
                    plains.into_iter().map(Expr::Constant).collect(),
                    Vec::new(),
                );
                if shares {
                    // What it gives was there before.
                    match self.exact(&expr) {
                        Some(Ok(value)) => return Ok(Value::Plain(value)),
                        Some(Err(exception)) => return Err(Flow::Raise(exception)),
                        None => {}
                    }
                } else if let Some(value) = self.exactly(&expr, node) {
                    return value;
                }
            }
        }
        let kind = match receiver {
            Value::Object(id) => self.state.object(*id).map(|object| object.kind.clone()),
            Value::Plain(Plain::Str(_)) => Some(Kind::Str { width: self.width(receiver) }),
            Value::Plain(Plain::Bytes(_)) => Some(Kind::Bytes),
            Value::Plain(Plain::Dict(_)) => Some(Kind::Dict),
            Value::Plain(Plain::List(_) | Plain::Tuple(_)) => Some(Kind::List),
            _ => None,
        };
        match (kind, receiver) {
            (Some(Kind::Str { .. }), _) => self.str_method(receiver, name, &arguments, node),
            (Some(Kind::Bytes | Kind::ByteArray | Kind::MemoryView), _) => {
                self.bytes_method(receiver, name, &arguments, node)
            }
            (Some(Kind::List | Kind::Deque), Value::Object(id)) => self.list_method(*id, name, &arguments, node),
            (Some(Kind::Set), Value::Object(id)) => self.set_method(*id, name, &arguments, node),
            (Some(Kind::Dict), _) => self.dict_method(receiver, name, &arguments, node),
            (Some(Kind::List), Value::Plain(plain @ Plain::List(_))) => {
                let own = self.materialise_shared(plain.clone(), node);
                match own {
                    Value::Object(id) => self.list_method(id, name, &arguments, node),
                    _ => Ok(Value::NONE),
                }
            }
            (Some(Kind::Tuple), _) => Ok(Value::number(NumberKind::Int)),
            (Some(Kind::Iterator), _) => match name {
                "__next__" | "send" => self.first_of(receiver, node),
                _ => Ok(Value::NONE),
            },
            (Some(Kind::Named(kind)), _) => self.named_method(&kind, receiver, name, arguments, node),
            (Some(Kind::Instance(_)), _) => self.call_unknown(&format!("the method {name}"), node),
            (None, Value::Input(path)) => self.input_method(path, name, &arguments, node),
            (None, Value::Number(_)) if self.is_in_doubt(receiver) => {
                self.unknown_method(receiver, name, &arguments, node)
            }
            (None, Value::Number(number)) => Ok(match name {
                "bit_length" | "bit_count" | "__int__" => Value::number(NumberKind::Int),
                "to_bytes" => {
                    let length = arguments.get(0, "length").cloned().and_then(|length| self.amount(&length, node));
                    self.new_bytes(length.unwrap_or(Amount::ONE), node)
                }
                "is_integer" => Value::number(NumberKind::Bool),
                _ => Value::computed(number.kind, None),
            }),
            (None, Value::Code(Code::Class(class))) => {
                // `Class._make(…)`, `Enum("x")` and the like.
                self.call_unknown(&format!("{} of {}", name, self.program.class(*class).qualified_name), node)
            }
            _ => self.unknown_method(receiver, name, &arguments, node),
        }
    }

    /// A method of something unknown: by its name, if only Python's own types have it.
    fn unknown_method(&mut self, receiver: &Value, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        match name {
            "strip" | "lower" | "upper" | "replace" | "title" | "lstrip" | "rstrip" | "split" | "splitlines"
            | "encode" | "decode" | "format" | "join" | "startswith" | "endswith" => {
                self.used_as(Sequence::Text, receiver);
                if name == "decode" {
                    self.bytes_method(receiver, name, arguments, node)
                } else {
                    self.str_method(receiver, name, arguments, node)
                }
            }
            "get" | "items" | "keys" | "values" => {
                Ok(self.unknown(node, UnknownKind::Result, "a part of something unknown"))
            }
            "append" | "add" | "update" | "extend" | "setdefault" => {
                let cause = "what something unknown grows by is not known";
                let hint = format!("{}_bytes", self.hint(node));
                let bytes = self.quantity(node, &hint, UnknownKind::Memory, cause, None);
                self.state.grow(&Bytes::touched(bytes));
                Ok(Value::NONE)
            }
            "close" | "flush" | "info" | "debug" | "warning" | "error" | "exception" | "critical" => Ok(Value::NONE),
            _ => self.call_unknown(&format!("the method {name} of something unknown"), node),
        }
    }

    pub(super) fn input_method(&mut self, path: &Text, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        match name {
            "get" => {
                let key = arguments.positional.first().and_then(|key| self.plain(key));
                match key {
                    Some(Plain::Str(text)) => {
                        let key = crate::formula::quote(&text);
                        match arguments.positional.get(1).and_then(|default| self.plain(default)) {
                            Some(default) if default != Plain::None => {
                                Ok(Value::Input(Text::from(format!("{path}.get({key}, {})", default.repr()))))
                            }
                            _ => Ok(Value::Input(Text::from(format!("{path}.get({key})")))),
                        }
                    }
                    _ => Ok(self.unknown(node, UnknownKind::Input, "an item of an argument that is not given")),
                }
            }
            "items" | "keys" | "values" => Ok(Value::Input(path.clone())),
            _ => self.unknown_method(&Value::Input(path.clone()), name, arguments, node),
        }
    }

    // ---- texts --------------------------------------------------------------------------------------------------------

    /// `unicode_encode_utf8` (Objects/stringlib/codecs.h) makes room for the most that so many characters may take. What is
    /// written to becomes the result; the rest is never touched.
    fn encoding_room(&mut self, text: &Value, node: &impl Ranged) -> Bytes {
        let most = match self.width(text) {
            1 => 1,
            2 => 3,
            _ => 4,
        };
        let length = self.text_length(text, node);
        let room = self.sizes.bytes(&(&length * &Amount::Int(most)));
        Bytes { resident: Amount::ZERO, ..room }
    }

    fn str_method(&mut self, receiver: &Value, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let width = self.width(receiver);
        let length = self.text_length(receiver, node);
        let first = arguments.positional.first().cloned();
        Ok(match name {
            "join" => {
                let Some(items) = first else { return Ok(Value::text("")) };
                return self.join_texts(receiver, &items, node);
            }
            "split" | "rsplit" | "splitlines" => {
                let parts = self.parts_of(receiver, name == "splitlines", first.as_ref());
                self.split(parts, &length, width, node)
            }
            "partition" | "rpartition" => {
                let before = self.new_str(width, length.clone(), node);
                self.tuple_of(vec![before, Value::text(""), Value::text("")], node)
            }
            "encode" => {
                let bytes = match width {
                    1 => length,
                    2 => length * Amount::Int(2),
                    _ => length * Amount::Int(4),
                };
                let marks = self.marks(receiver);
                let encoded = self.new_bytes(bytes, node);
                self.set_marks(&encoded, marks);
                encoded
            }
            "replace" => {
                let (old, new) = (arguments.positional.first().cloned(), arguments.positional.get(1).cloned());
                let (old, new) = match (old, new) {
                    (Some(old), Some(new)) => (self.text_length(&old, node), self.text_length(&new, node)),
                    _ => (Amount::ONE, Amount::ONE),
                };
                let same = matches!((&old, &new), (Amount::Int(old), Amount::Int(new)) if new <= old);
                if same {
                    let marks = self.marks(receiver);
                    self.new_str_with(width, length, marks, node)
                } else {
                    let most = match length.divide(&old) {
                        Some(times) => times * new,
                        None => length.clone(),
                    };
                    let hint = format!("len_{}", self.hint(node));
                    let cause = "how often the text is found is not known";
                    let length = self.quantity(node, &hint, UnknownKind::Size, cause, Some(most.max(&length)));
                    self.new_str(width, length, node)
                }
            }
            "format" => {
                let mut total = length;
                let mut width = width;
                for value in arguments.values() {
                    total += self.text_length(value, node);
                    width = width.max(self.width(value));
                }
                let values: Vec<Value> = arguments.values().cloned().collect();
                let marks = self.marks_of_all(values.iter().chain([receiver]));
                self.new_str_with(width, total, marks, node)
            }
            "zfill" | "ljust" | "rjust" | "center" => {
                let wanted = first.and_then(|wanted| self.amount(&wanted, node)).unwrap_or(Amount::ZERO);
                self.new_str(width, length.max(&wanted), node)
            }
            "startswith" | "endswith" | "isdigit" | "isalpha" | "isalnum" | "isspace" | "isupper" | "islower"
            | "isidentifier" | "isnumeric" | "isdecimal" | "istitle" | "isascii" | "isprintable" => {
                Value::number(NumberKind::Bool)
            }
            "find" | "rfind" | "index" | "rindex" | "count" => Value::number(NumberKind::Int),
            "strip" | "lstrip" | "rstrip" | "removeprefix" | "removesuffix" | "lower" | "upper" | "title"
            | "capitalize" | "swapcase" | "casefold" | "translate" | "expandtabs" => {
                let marks = self.marks(receiver);
                self.new_str_with(width, length, marks, node)
            }
            _ => return self.call_unknown(&format!("str.{name}"), node),
        })
    }

    /// `separator.join(items)`: the result, beside a list of the items where they come from an iterator.
    fn join_texts(&mut self, separator: &Value, items: &Value, node: &impl Ranged) -> Eval {
        let iterator = match items {
            Value::Object(id) => self.state.object(*id).is_some_and(|object| object.source.is_some()),
            _ => false,
        };
        let list = if iterator { self.container_of("list", items, node)? } else { items.clone() };
        if let Some(text) = self.joined(separator, &list) {
            let value = self.materialise(Plain::text(text), node);
            self.settle_operands(&value, &[list]);
            return Ok(value);
        }
        let between = self.text_length(separator, node);
        let is_bytes = matches!(self.type_name(separator).as_deref(), Some("bytes"));
        self.state.keep(&list);
        let (length, width) = match self.items_apart(&list) {
            Some(items) => {
                let mut total = Amount::ZERO;
                let mut width = self.width(separator);
                for item in &items {
                    total += self.text_length(item, node);
                    width = width.max(self.width(item));
                }
                let gaps = Amount::from(items.len().saturating_sub(1));
                (total + between * gaps, width)
            }
            None => {
                let count = self.length(&list, node).unwrap_or(Amount::ZERO);
                let (total, width) = self.total_text(&list, &count, node);
                (total + between * (&count - &Amount::ONE).at_least_zero(), width.max(self.width(separator)))
            }
        };
        let marks = self.marks_of_list(&list, separator, node);
        let value = if is_bytes { self.new_bytes(length, node) } else { self.new_str(width, length, node) };
        self.set_marks(&value, marks);
        self.state.unkeep(&list);
        self.settle_operands(&value, &[list]);
        Ok(value)
    }

    /// The text that `separator.join(list)` gives, where all parts are known and it is not too long.
    fn joined(&self, separator: &Value, list: &Value) -> Option<String> {
        let Some(Plain::Str(separator)) = self.plain(separator) else { return None };
        let mut joined = String::new();
        let mut add = |part: &Plain| -> Option<()> {
            let Plain::Str(part) = part else { return None };
            joined.push_str(part);
            joined.push_str(&separator);
            (joined.len() <= MAX_CONTENT).then_some(())
        };
        let object = self.state.object_of(list);
        match (list, object.and_then(|object| object.known.as_ref())) {
            (Value::Plain(Plain::List(items) | Plain::Tuple(items)), _)
            | (_, Some(Plain::List(items) | Plain::Tuple(items))) => {
                items.iter().try_for_each(&mut add)?;
            }
            _ => {
                let object =
                    object.filter(|object| object.apart() && matches!(object.kind, Kind::List | Kind::Tuple))?;
                object.entries.iter().try_for_each(|entry| add(&self.plain(&entry.value)?))?;
            }
        }
        joined.truncate(joined.len().saturating_sub(separator.len()));
        Some(joined)
    }

    /// What the texts of a list have in all, with separators between.
    fn marks_of_list(&mut self, list: &Value, separator: &Value, node: &impl Ranged) -> Option<Marks> {
        let between = self.marks(separator)?;
        if let Some(items) = self.items_apart(list) {
            let gaps = Amount::from(items.len().saturating_sub(1));
            return Some(self.marks_of_all(&items)?.and(between.times(&gaps)));
        }
        let count = self.length(list, node)?;
        let Value::Object(id) = list else { return None };
        let object = self.state.object(*id)?;
        let apart = Amount::from(object.entries.len());
        let listed = self.marks_of_all(object.entries.iter().map(|entry| &entry.value))?;
        let sample = self.marks(object.rest.as_ref()?.value.as_ref()?)?;
        let rest = sample.times(&(&count - &apart).at_least_zero());
        Some(listed.and(rest).and(between.times(&(&count - &Amount::ONE).at_least_zero())))
    }

    /// The characters of a list of texts in all.
    fn total_text(&mut self, list: &Value, count: &Amount, node: &impl Ranged) -> (Amount, u8) {
        if let Some(Plain::List(items) | Plain::Tuple(items)) = self.plain(list) {
            let mut total = 0_usize;
            let mut width = 1;
            for item in items.iter() {
                if let Plain::Str(text) = item {
                    total += text.chars().count();
                    width = width.max(super::sizes::width_of(text));
                }
            }
            return (Amount::from(total), width);
        }
        let mut listed = Amount::ZERO;
        let mut width = 1;
        let mut apart = Amount::ZERO;
        if let Value::Object(id) = list
            && let Some(object) = self.state.object(*id).cloned()
        {
            for entry in &object.entries {
                listed += self.text_length(&entry.value, node);
                width = width.max(self.width(&entry.value));
            }
            apart = Amount::from(object.entries.len());
            if let Some(rest) = &object.rest
                && let Some(sample) = &rest.value
            {
                width = width.max(self.width(sample));
                let others = (count - &apart).at_least_zero();
                let alike = self.text_length(sample, node) * others.clone();
                let held = self.characters(&rest.payload, width, &others);
                return (listed + held.filter(|held| is_near(&alike, held)).unwrap_or(alike), width);
            }
        }
        let _ = apart;
        (listed, width)
    }

    /// The characters of so many texts that hold so many bytes: numbers in them get longer as they count up.
    fn characters(&self, bytes: &Bytes, width: u8, count: &Amount) -> Option<Amount> {
        // The empty text and single characters exist already: their header shows in a longer one.
        let header = self.sizes.str(width, &Amount::Int(2)).requested - Amount::Int(2 * i128::from(width));
        (&bytes.requested - &(header * count.clone())).floor_div(&Amount::Int(i128::from(width)))
    }

    /// A list of the parts of a text of a length, whose number may not be known.
    fn split(&mut self, parts: Option<Amount>, length: &Amount, width: u8, node: &impl Ranged) -> Value {
        let most = (length + &Amount::ONE).floor_div(&Amount::Int(2)).unwrap_or(Amount::ONE) + Amount::ONE;
        let hint = format!("len_{}", self.hint(node));
        let cause = "into how many parts a text is split is not known";
        let count = match parts {
            Some(count) => count,
            None => self.quantity(node, &hint, UnknownKind::Size, cause, Some(most)),
        };
        // The separators are in none of the parts.
        let length = &(length - &count).at_least_zero();
        let each = length.divide(&count).unwrap_or(Amount::ZERO);
        let list = self.new_list_of(count.clone(), None, node);
        if let Value::Object(id) = list {
            // Each part has a header; texts of one character exist already, and few parts are as short.
            let payload = self.sizes.str(width, &each.max(&Amount::Int(2))).times(&count);
            self.state.add_payload(id, &Amount::ZERO, &payload);
            let mut sample = Object::new(Kind::Str { width }, Bytes::ZERO);
            sample.length = Some(each);
            sample.account = Some(id);
            let sample = self.allocate(sample, node);
            self.set_sample(id, None, Some(sample));
        }
        list
    }

    fn bytes_method(&mut self, receiver: &Value, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let length = self.length(receiver, node).unwrap_or(Amount::ZERO);
        Ok(match name {
            "decode" => {
                let known = match self.plain(receiver) {
                    Some(Plain::Bytes(bytes)) => std::str::from_utf8(&bytes).ok().map(Plain::text),
                    _ => None,
                };
                match known {
                    Some(text) => self.materialise(text, node),
                    None => {
                        let marks = self.marks(receiver);
                        self.new_str_with(1, length, marks, node)
                    }
                }
            }
            "hex" => self.new_str(1, length * Amount::Int(2), node),
            "join" => match arguments.positional.first().cloned() {
                Some(items) => {
                    let separator = receiver.clone();
                    let count = self.length(&items, node).unwrap_or(Amount::ZERO);
                    let each = match self.sample(&items) {
                        Some(item) => self.length(&item, node).unwrap_or(Amount::ZERO),
                        None => Amount::ZERO,
                    };
                    let between = self.length(&separator, node).unwrap_or(Amount::ZERO);
                    self.new_bytes((each + between) * count, node)
                }
                None => Value::Plain(Plain::bytes(Vec::new())),
            },
            "startswith" | "endswith" | "isdigit" | "isalpha" => Value::number(NumberKind::Bool),
            "find" | "rfind" | "index" | "count" => Value::number(NumberKind::Int),
            "split" | "splitlines" => {
                let parts = self.parts_of(receiver, name == "splitlines", arguments.positional.first());
                self.split(parts, &length, 1, node)
            }
            "append" | "extend" => {
                if let Value::Object(id) = receiver {
                    let added = match (name, arguments.positional.first()) {
                        ("extend", Some(items)) => self.length(&items.clone(), node).unwrap_or(Amount::ZERO),
                        _ => Amount::ONE,
                    };
                    self.state.note(*id, |object| {
                        object.growth = Growth::Appended;
                        object.length = Some(length + added);
                    });
                    self.resize_container(*id);
                }
                Value::NONE
            }
            "tobytes" => self.new_bytes(length, node),
            "release" | "clear" => Value::NONE,
            _ => self.new_bytes(length, node),
        })
    }

    // ---- containers ---------------------------------------------------------------------------------------------------

    fn list_method(&mut self, id: ObjectId, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let first = arguments.positional.first().cloned();
        self.warn_of_growth(id, name, node);
        if matches!(name, "append" | "appendleft" | "insert" | "extend" | "extendleft") {
            self.begin_to_grow(id);
        }
        Ok(match (name, first) {
            ("append", Some(item)) => {
                self.push_item(id, None, item, node);
                self.limit_length(id);
                Value::NONE
            }
            ("appendleft", Some(item)) => {
                self.push_item(id, None, item, node);
                self.move_last(id, Some(0));
                Value::NONE
            }
            ("insert", Some(at)) => {
                let many = self.state.object(id).map_or(0, |object| object.entries.len()) as i128;
                let at = self.amount(&at, node).and_then(|at| at.as_int());
                let at = at.map(|at| if at < 0 { (at + many).max(0) } else { at.min(many) });
                if let Some(item) = arguments.positional.get(1) {
                    self.push_item(id, None, item.clone(), node);
                    self.move_last(id, at.and_then(|at| usize::try_from(at).ok()));
                }
                Value::NONE
            }
            ("extend" | "extendleft", Some(items)) => {
                self.extend_container(id, &items, node)?;
                self.limit_length(id);
                Value::NONE
            }
            ("pop" | "popleft", at) => {
                let entries = self.state.object(id).map_or(0, |object| object.entries.len());
                if self.state.object(id).is_some_and(|object| object.apart()) && entries == 0 {
                    self.thaw(id);
                    if self.state.object(id).is_some_and(|object| object.entries.is_empty() && object.apart()) {
                        return Err(Flow::Raise(Text::from("IndexError")));
                    }
                }
                let at = match (name, at.and_then(|at| self.amount(&at, node)).and_then(|at| at.as_int())) {
                    ("popleft", _) => Some(0),
                    (_, Some(at)) if at >= 0 => usize::try_from(at).ok(),
                    _ => {
                        self.thaw(id);
                        self.state
                            .object(id)
                            .filter(|object| object.apart())
                            .and_then(|object| object.entries.len().checked_sub(1))
                    }
                };
                self.remove_at(id, at)
            }
            ("remove", Some(_)) => {
                let taken = self.remove_at(id, None);
                self.state.settle(&taken);
                Value::NONE
            }
            ("clear", _) => {
                self.state.note(id, |object| {
                    object.known = None;
                    object.length = Some(Amount::ZERO);
                    object.growth = Growth::Appended;
                });
                self.state.clear_items(id);
                self.resize_container(id);
                Value::NONE
            }
            ("sort", _) => {
                self.sort(&Value::Object(id), arguments, node)?;
                Value::NONE
            }
            ("reverse", _) => {
                self.reverse(id);
                Value::NONE
            }
            ("rotate", by) => {
                let by = by.map_or(Some(Amount::ONE), |by| self.amount(&by, node));
                self.rotate(id, by.and_then(|by| by.as_int()));
                Value::NONE
            }
            ("copy", _) => self.shallow_copy(&Value::Object(id), node),
            ("index" | "count", Some(value)) if arguments.positional.len() == 1 => {
                match (name, self.places_equal(&Value::Object(id), &value, node)) {
                    ("count", Some((_, count))) => Value::int(Amount::from(count)),
                    (_, Some((Some(at), _))) => Value::int(Amount::from(at)),
                    (_, Some((None, _))) => return Err(Flow::Raise(Text::from("ValueError"))),
                    (_, None) => Value::number(NumberKind::Int),
                }
            }
            ("index" | "count", _) => Value::number(NumberKind::Int),
            ("__iter__", _) => Value::Object(id),
            _ => return self.call_unknown(&format!("list.{name}"), node),
        })
    }

    /// A deque with a largest length keeps no more than that.
    fn limit_length(&mut self, id: ObjectId) {
        let Some(most) = self.state.object(id).and_then(|object| object.features.get("maxlen")).cloned() else {
            return;
        };
        let Some(length) = self.state.object(id).and_then(|object| object.length.clone()) else { return };
        if let (Amount::Int(most), Amount::Int(length)) = (&most, &length) {
            if length <= most {
                return;
            }
            let mut over = length - most;
            while over > 0 {
                let taken = self.remove_at(id, Some(0));
                self.state.settle(&taken);
                over -= 1;
            }
            return;
        }
        let least = length.min(&most);
        self.state.note(id, |object| {
            object.length = Some(least.clone());
            if let Some(rest) = &mut object.rest {
                let count = rest.count.clone();
                // What is beyond the limit has gone again.
                let kept = least.min(&count);
                rest.payload = rest.payload.share(&kept, &count.max(&Amount::ONE));
                rest.count = kept;
            }
        });
        self.resize_container(id);
    }

    fn set_method(&mut self, id: ObjectId, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let first = arguments.positional.first().cloned();
        self.warn_of_growth(id, name, node);
        let receiver = Value::Object(id);
        Ok(match (name, first) {
            ("add", Some(item)) => {
                self.thaw(id);
                self.collect(id, item, node);
                Value::NONE
            }
            ("update", Some(items)) => {
                self.extend_container(id, &items, node)?;
                Value::NONE
            }
            ("discard" | "remove", Some(item)) => {
                let known = self.key_of(&item);
                self.thaw(id);
                let at = known.and_then(|known| {
                    let object = self.state.object(id)?;
                    self.find_entry(object, &known)
                });
                if at.is_some() || self.state.object(id).is_some_and(|object| !object.apart()) {
                    let taken = self.remove_at(id, at);
                    self.state.settle(&taken);
                }
                Value::NONE
            }
            ("pop", _) => self.remove_at(id, None),
            ("clear", _) => {
                self.state.note(id, |object| {
                    object.known = None;
                    object.length = Some(Amount::ZERO);
                    object.growth = Growth::Appended;
                });
                self.state.clear_items(id);
                self.resize_container(id);
                Value::NONE
            }
            ("union", Some(other)) => {
                return self.set_operation(ruff_python_ast::Operator::BitOr, &receiver, &other, node);
            }
            ("intersection", Some(other)) => {
                return self.set_operation(ruff_python_ast::Operator::BitAnd, &receiver, &other, node);
            }
            ("difference", Some(other)) => {
                return self.set_operation(ruff_python_ast::Operator::Sub, &receiver, &other, node);
            }
            ("symmetric_difference", Some(other)) => {
                return self.set_operation(ruff_python_ast::Operator::BitXor, &receiver, &other, node);
            }
            ("copy", _) => self.shallow_copy(&receiver, node),
            ("issubset" | "issuperset" | "isdisjoint", _) => Value::number(NumberKind::Bool),
            ("intersection_update" | "difference_update", _) => Value::NONE,
            _ => return self.call_unknown(&format!("set.{name}"), node),
        })
    }

    /// Whether `last=False` is among some arguments.
    fn is_first(&self, arguments: &Arguments, at: usize) -> bool {
        arguments.get(at, "last").and_then(|last| self.plain(last)).is_some_and(|last| !last.is_true())
    }

    /// `dict.popitem()`: the last, or of an `OrderedDict` the first.
    fn pop_item(&mut self, id: ObjectId, arguments: &Arguments, node: &impl Ranged) -> Eval {
        self.thaw(id);
        let is_first = self.is_first(arguments, 0);
        let object = self.state.object(id);
        let many = object.filter(|object| object.apart()).map(|object| object.entries.len());
        let at = match many {
            Some(0) => return Err(Flow::Raise(Text::from("KeyError"))),
            Some(many) => Some(if is_first { 0 } else { many - 1 }),
            None => None,
        };
        let entry = at.and_then(|at| self.state.object(id)?.entries.get(at).cloned());
        let key = entry.and_then(|entry| entry.key).or_else(|| self.sample(&Value::Object(id))).unwrap_or(Value::NONE);
        self.state.keep(&key);
        let value = self.remove_at(id, at);
        let pair = self.pair(key.clone(), value, node);
        self.state.unkeep(&key);
        Ok(pair)
    }

    fn dict_method(&mut self, receiver: &Value, name: &str, arguments: &Arguments, node: &impl Ranged) -> Eval {
        let first = arguments.positional.first().cloned();
        if let Value::Object(id) = receiver {
            self.warn_of_growth(*id, name, node);
        }
        Ok(match (name, first, receiver) {
            ("get", Some(key), _) => {
                let default = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                let found = self.look_up(receiver, &key, node)?;
                match found {
                    Some(value) => self.read_of(receiver, value),
                    None => {
                        if self.known_absent(receiver, &key) {
                            default
                        } else {
                            let sample = self.value_sample_of(receiver);
                            match (sample, default) {
                                (Some(Value::Plain(plain)), _) => super::containers::blurred(&plain),
                                (Some(value), _) => self.read_of(receiver, value),
                                (None, default) => match default {
                                    Value::Plain(plain) => super::containers::blurred(&plain),
                                    other => other,
                                },
                            }
                        }
                    }
                }
            }
            ("setdefault", Some(key), Value::Object(id)) => {
                let default = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                match self.look_up(receiver, &key, node)? {
                    Some(value) => {
                        self.is_new_key = false;
                        value
                    }
                    None => {
                        self.state.keep(&default);
                        self.store(*id, key, default.clone(), node);
                        self.state.unkeep(&default);
                        default
                    }
                }
            }
            ("items", _, _) => self.adapter(Adapter::Items, vec![receiver.clone()], node),
            ("keys", _, _) => self.adapter(Adapter::Keys, vec![receiver.clone()], node),
            ("values", _, _) => self.adapter(Adapter::Values, vec![receiver.clone()], node),
            ("update", Some(other), Value::Object(id)) => {
                if self.is_dict(&other) || matches!(other, Value::Plain(Plain::Dict(_))) {
                    self.update_dict(*id, &other, node)?;
                } else {
                    self.extend_container(*id, &other, node)?;
                }
                Value::NONE
            }
            ("update", None, Value::Object(id)) => {
                for (name, value) in &arguments.keywords {
                    self.store(*id, Value::text(name), value.clone(), node);
                }
                Value::NONE
            }
            ("pop" | "popitem", key, Value::Object(id)) => {
                if name == "popitem" {
                    return self.pop_item(*id, arguments, node);
                }
                let known = key.as_ref().and_then(|key| self.key_of(key));
                self.thaw(*id);
                let at = known.as_ref().and_then(|known| self.find_entry(self.state.object(*id)?, known));
                let is_apart = self.state.object(*id).is_some_and(|object| object.apart());
                if at.is_none() && known.is_some() && is_apart {
                    return match arguments.positional.get(1) {
                        Some(default) => Ok(default.clone()),
                        None => Err(Flow::Raise(Text::from("KeyError"))),
                    };
                }
                self.remove_at(*id, at)
            }
            ("clear", _, Value::Object(id)) => {
                self.state.note(*id, |object| {
                    object.known = None;
                    object.length = Some(Amount::ZERO);
                    object.growth = Growth::Appended;
                });
                self.state.clear_items(*id);
                self.resize_container(*id);
                Value::NONE
            }
            ("copy", _, _) => self.shallow_copy(receiver, node),
            ("most_common", count, Value::Object(id)) => {
                let wanted = match &count {
                    Some(count) => self.amount(count, node).and_then(|count| count.as_usize()).map(Some),
                    None => Some(None),
                };
                if let Some(wanted) = wanted
                    && let Some(list) = self.most_common(receiver, wanted, node)
                {
                    return Ok(list);
                }
                let length = self.length(receiver, node).unwrap_or(Amount::ZERO);
                let count = match count.and_then(|count| self.amount(&count, node)) {
                    Some(count) => count.min(&length),
                    None => length.clone(),
                };
                let key = self.sample(&Value::Object(*id)).unwrap_or(Value::NONE);
                let item = self.pair(key, Value::number(NumberKind::Int), node);
                self.many(Kind::List, count, item, node)
            }
            ("fromkeys", Some(keys), _) => {
                let value = arguments.positional.get(1).cloned().unwrap_or(Value::NONE);
                self.dict_from_keys(&keys, value, node)?
            }
            ("move_to_end", Some(key), Value::Object(id)) => {
                self.thaw(*id);
                let known = self.key_of(&key);
                let at = known.and_then(|known| self.find_entry(self.state.object(*id)?, &known));
                let is_first = self.is_first(arguments, 1);
                if let Some(at) = at {
                    self.state.note(*id, |object| {
                        let entry = object.entries.remove(at);
                        object.index.removed(at, &entry);
                        if is_first {
                            object.index.clear();
                            object.entries.insert(0, entry);
                        } else {
                            object.entries.push(entry);
                        }
                    });
                }
                Value::NONE
            }
            (_, _, Value::Plain(_)) => self.unknown(node, UnknownKind::Result, "a method of a part of the event"),
            _ => return self.call_unknown(&format!("dict.{name}"), node),
        })
    }

    /// The item of a key, if it is known to be there.
    fn look_up(&mut self, receiver: &Value, key: &Value, node: &impl Ranged) -> Result<Option<Value>, Flow> {
        let Value::Object(id) = receiver else { return Ok(None) };
        let Some(known) = self.key_of(key) else { return Ok(None) };
        let Some(object) = self.state.object(*id) else { return Ok(None) };
        if let Some(Plain::Dict(items)) = &object.known {
            return Ok(items.iter().find(|(key, _)| key.equals(&known)).map(|(_, item)| Value::Plain(item.clone())));
        }
        let _ = node;
        let found = self.find_entry(object, &known).and_then(|at| object.entries.get(at));
        Ok(found.map(|entry| entry.value.clone()))
    }

    /// Whether a key is known not to be in a dict.
    fn known_absent(&self, receiver: &Value, key: &Value) -> bool {
        let Value::Object(id) = receiver else { return false };
        let Some(object) = self.state.object(*id) else { return false };
        if object.known.is_some() {
            // Looked for already.
            return self.key_of(key).is_some();
        }
        match self.key_of(key) {
            Some(key) => self.has_entry(object, &key) == Some(false),
            None => object.length.as_ref().is_some_and(Amount::is_zero),
        }
    }

    fn value_sample_of(&self, receiver: &Value) -> Option<Value> {
        let object = self.state.object_of(receiver)?;
        object
            .rest
            .as_ref()
            .and_then(|rest| rest.value.clone())
            .or_else(|| object.entries.last().map(|entry| entry.value.clone()))
    }

    // ---- what contracts and adapters made -------------------------------------------------------------------------------

    fn named_method(
        &mut self,
        kind: &str,
        receiver: &Value,
        name: &str,
        arguments: Arguments,
        node: &impl Ranged,
    ) -> Eval {
        if kind == "functools.cached"
            && let Some(function) =
                self.state.object_of(receiver).and_then(|object| object.fields.get("<function>")).cloned()
        {
            return match name {
                "cache_clear" | "cache_info" => Ok(Value::NONE),
                _ => self.call_value(&function, arguments, node),
            };
        }
        let qualified = format!("{kind}.{name}");
        self.call_contract(&qualified, Some(receiver), &arguments, node)
    }
}

/// Whether a method changes its receiver, so that it is no function of values.
fn is_mutator(receiver: &Value, name: &str) -> bool {
    // A copy is another object.
    matches!(receiver, Value::Object(_)) && (MUTATORS.contains(&name) || name == "copy")
}
