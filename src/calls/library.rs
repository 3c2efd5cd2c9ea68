//! What built-ins, methods of built-in types and code outside the project do with their arguments.

use super::definitions::{NameId, ScopeKind};
use super::heap::{EMPTY, ExternalId, Field, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{Interpreter, Site, Target};
use super::invoke::Args;
use super::{Unknown, builtins};

impl<'p> Interpreter<'p> {
    pub fn call_builtin(&mut self, name: NameId, args: Args, site: Site) -> SetId {
        self.reach(site, Target::Builtin(name));
        let text = self.names.text(name).to_owned();
        let first = args.get(0);
        let inner = Site { implicit: true, ..site };
        let shown = if text == "print" { args.positional.len().min(16) } else { 1 };
        for at in 0..shown {
            for method in builtins::special_methods(&text) {
                let arg = args.get(at);
                if self.call_special(arg, method, Args::default(), inner).0 {
                    break;
                }
            }
        }
        match text.as_str() {
            "super" => self.call_super(&args),
            "globals" => self.heap.one(Val::ModuleDict(self.module)),
            "locals" | "vars" => {
                if args.positional.is_empty() && self.defs.scope(self.frame(self.frame).scope).kind == ScopeKind::Module
                {
                    self.heap.one(Val::ModuleDict(self.module))
                } else if let Some(Val::Module(module)) = self.heap.only(first) {
                    self.heap.one(Val::ModuleDict(module))
                } else {
                    self.typed("dict")
                }
            }
            "eval" | "exec" => {
                let result = if site.implicit { EMPTY } else { self.run_snippet(site.range) };
                if result == EMPTY { self.unknown(Unknown::Result) } else { result }
            }
            "__import__" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(first) {
                    if let Val::Str(name) = val {
                        let dotted = self.names.text(name).to_owned();
                        self.import(&dotted);
                        let module = self.import(dotted.split('.').next().unwrap_or(&dotted));
                        out = self.heap.union(out, module);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out }
            }
            "getattr" => {
                let mut out = args.positional.get(2).copied().unwrap_or(EMPTY);
                for (_, val) in self.heap.vals(args.get(1)) {
                    let part = match val {
                        Val::Str(name) => self.get_attribute(first, name, inner),
                        Val::Pattern(prefix, suffix) => self.matching_attributes(first, prefix, suffix, inner),
                        _ => self.unknown(Unknown::ComputedAttribute),
                    };
                    // A default stands in for what is not there.
                    if out == EMPTY || !self.is_unknown(part) || matches!(val, Val::Pattern(..)) {
                        out = self.heap.union(out, part);
                    }
                }
                out
            }
            "setattr" => {
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        self.set_attribute(first, name, args.get(2), inner);
                    }
                }
                self.heap.one(Val::None)
            }
            "isinstance" | "issubclass" => {
                let check = if text == "isinstance" { "__instancecheck__" } else { "__subclasscheck__" };
                self.call_special(args.get(1), check, Args::one(first), inner);
                self.typed("bool")
            }
            "type" if args.positional.len() == 1 => self.class_of(first),
            "map" => {
                let (function, iterables) = self.function_and_iterables(&args);
                let elements: Vec<SetId> = iterables.into_iter().map(|set| self.iterate(set, inner)).collect();
                let result = self.call_set(function, Args { positional: elements, ..Args::default() }, inner);
                self.iterator(result, site)
            }
            "filter" => {
                let (function, iterables) = self.function_and_iterables(&args);
                let elements = iterables.first().map_or(EMPTY, |set| self.iterate(*set, inner));
                self.call_set(function, Args::one(elements), inner);
                self.iterator(elements, site)
            }
            "sorted" | "min" | "max" => {
                let elements = if args.positional.len() > 1 {
                    let all = args.positional.clone();
                    all.into_iter().fold(EMPTY, |all, set| self.heap.union(all, set))
                } else {
                    self.iterate(first, inner)
                };
                let key = self.keyword(&args, "key");
                self.order(elements, key, if text == "max" { "__gt__" } else { "__lt__" }, inner);
                if text == "sorted" {
                    self.container(Shape::List, elements, site)
                } else {
                    let default = self.keyword(&args, "default").unwrap_or(EMPTY);
                    let elements = self.without_constants(elements);
                    self.heap.union(elements, default)
                }
            }
            "sum" => {
                let elements = self.iterate(first, inner);
                self.without_constants(elements)
            }
            "any" | "all" => {
                self.iterate(first, inner);
                self.typed("bool")
            }
            "list" | "tuple" => {
                let shape = if text == "list" { Shape::List } else { Shape::Tuple };
                if args.positional.is_empty() {
                    let object = self.new_container(shape, (site.address, self.frame.0, 17));
                    self.set_length(object, 0);
                    return self.heap.one(Val::Object(object));
                }
                if let Some(Val::Object(object)) = self.heap.only(first)
                    && self.length(object).is_some()
                {
                    let object = self.new_container(shape, (site.address, self.frame.0, 17));
                    return self.copy_sequence(first, object);
                }
                let elements = self.iterate(first, inner);
                self.container(shape, elements, site)
            }
            "set" | "frozenset" => {
                let elements = self.iterate(first, inner);
                self.container(Shape::Set, elements, site)
            }
            "iter" | "aiter" | "reversed" => {
                let elements = self.iterate(first, inner);
                self.iterator(elements, site)
            }
            "next" | "anext" => {
                let mut out = args.positional.get(1).copied().unwrap_or(EMPTY);
                for (id, val) in self.heap.vals(first) {
                    let one = self.heap.single(id);
                    let part = match val {
                        Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                            self.call_special(one, "__next__", Args::default(), inner).1
                        }
                        _ => self.iterate(one, inner),
                    };
                    out = self.heap.union(out, part);
                }
                out
            }
            "enumerate" => {
                let elements = self.iterate(first, inner);
                let count = self.typed("int");
                let pair = self.tuple(&[count, elements], site);
                self.iterator(pair, site)
            }
            "zip" => {
                let mut parts = Vec::new();
                for at in 0..args.positional.len() {
                    let set = args.get(at);
                    parts.push(self.iterate(set, inner));
                }
                let tuple = self.tuple(&parts, site);
                self.iterator(tuple, site)
            }
            "dict" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                if first != EMPTY {
                    self.merge_into(dict, first, inner);
                }
                self.heap.one(Val::Object(dict))
            }
            "staticmethod" | "classmethod" => self.wrap_method(first, text == "classmethod"),
            "property" => {
                let property = self.property(first, site);
                if let Some(Val::Object(object)) = self.heap.only(property) {
                    let name = self.names.id("fset");
                    let setter = args.positional.get(1).copied().or_else(|| self.keyword(&args, "fset"));
                    if let Some(setter) = setter {
                        let cell = self.heap.cell(object, Field::Attribute(name));
                        self.heap.write(cell, setter);
                    }
                    if let Some(getter) = self.keyword(&args, "fget") {
                        let name = self.names.id("fget");
                        let cell = self.heap.cell(object, Field::Attribute(name));
                        self.heap.add(cell, getter);
                    }
                }
                property
            }
            "delattr" => {
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        self.delete_attribute(first, name, inner);
                    }
                }
                self.heap.one(Val::None)
            }
            "print" => self.heap.one(Val::None),
            "str" if matches!(self.heap.only(first), Some(Val::Str(_))) => first,
            "open" => {
                let mode = args.positional.get(1).copied().or_else(|| self.keyword(&args, "mode")).unwrap_or(EMPTY);
                match self.heap.only(mode) {
                    Some(Val::Str(mode)) if self.names.text(mode).contains('b') => self.typed("binary file"),
                    _ => self.typed("file"),
                }
            }
            _ => {
                if let Some((class, method)) = text.split_once('.') {
                    return self.call_unbound(class, method, args, site);
                }
                if let Some(result) = builtins::result_type(&text) {
                    return self.typed(result);
                }
                if builtins::is_class(&text) {
                    return self.heap.one(Val::Typed(name));
                }
                self.unknown(Unknown::Result)
            }
        }
    }

    /// `str.join(", ", parts)`, `object.__new__(cls)`, `super().__init__()` of a built-in base.
    pub fn call_unbound(&mut self, class: &str, method: &str, args: Args, site: Site) -> SetId {
        match method {
            "__call__" if class == "type" => {
                // `super().__call__()` in a metaclass.
                let mut rest = args.clone();
                if rest.positional.is_empty() {
                    return self.unknown(Unknown::Result);
                }
                let classes = rest.positional.remove(0);
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(classes) {
                    if let Val::Class(class) = val
                        && let Some(id) = self.class_objects.get(&class).map(|class| class.class)
                    {
                        let made = self.make_instance(class, id, rest.clone(), site);
                        out = self.heap.union(out, made);
                    }
                }
                out
            }
            "__new__" => {
                let mut out = EMPTY;
                for set in args.positional.iter().take(2) {
                    for (_, val) in self.heap.vals(*set) {
                        if let Val::Class(class) = val {
                            let object = self.instance(class, site);
                            let one = self.heap.one(Val::Object(object));
                            out = self.heap.union(out, one);
                        }
                    }
                }
                out
            }
            "__init__" => {
                if class == "dict" {
                    for (_, val) in self.heap.vals(args.get(0)) {
                        if let Val::Object(object) = val {
                            let from = args.get(1);
                            self.merge_dict(object, from);
                            for (name, set) in &args.keywords {
                                let key = self.heap.one(Val::Str(*name));
                                self.set_key(object, key, *set);
                            }
                        }
                    }
                }
                self.heap.one(Val::None)
            }
            "__setattr__" => {
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        self.store_attribute_directly(args.get(0), name, args.get(2));
                    }
                }
                self.heap.one(Val::None)
            }
            "__getattribute__" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(args.get(1)) {
                    if let Val::Str(name) = val {
                        let part = self.get_attribute(args.get(0), name, Site { implicit: true, ..site });
                        out = self.heap.union(out, part);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out }
            }
            "__getitem__" => self.get_key_of(args.get(0), args.get(1)),
            "__setitem__" => {
                for (_, val) in self.heap.vals(args.get(0)) {
                    if let Val::Object(object) = val {
                        self.set_key(object, args.get(1), args.get(2));
                    }
                }
                self.heap.one(Val::None)
            }
            "fromkeys" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 19));
                let keys = self.iterate(args.get(0), Site { implicit: true, ..site });
                let value = args.positional.get(1).copied().unwrap_or(EMPTY);
                self.set_key(dict, keys, value);
                self.heap.one(Val::Object(dict))
            }
            "__subclasses__" => self.unknown(Unknown::Result),
            _ => {
                if let Some(result) = builtins::method_result(class, method) {
                    return self.typed(result);
                }
                let method = self.names.id(method);
                let mut rest = args.clone();
                if rest.positional.is_empty() {
                    return self.unknown(Unknown::Result);
                }
                let receiver = rest.positional.remove(0);
                let mut out = EMPTY;
                for (id, val) in self.heap.vals(receiver) {
                    if self.type_name(val).is_some() {
                        let part = self.apply_method(id, val, method, &rest, site);
                        out = self.heap.union(out, part);
                    }
                }
                if out == EMPTY { self.unknown(Unknown::Result) } else { out }
            }
        }
    }

    pub fn get_key_of(&mut self, base: SetId, key: SetId) -> SetId {
        let mut out = EMPTY;
        for (_, val) in self.heap.vals(base) {
            if let Val::Object(object) = val {
                let part = self.get_key(object, key);
                out = self.heap.union(out, part);
            }
        }
        out
    }

    pub fn store_attribute_directly(&mut self, base: SetId, name: NameId, value: SetId) {
        for (_, val) in self.heap.vals(base) {
            if let Val::Object(object) | Val::Class(object) = val {
                let cell = self.heap.cell(object, Field::Attribute(name));
                self.heap.add(cell, value);
            }
        }
    }

    pub fn keyword(&mut self, args: &Args, name: &str) -> Option<SetId> {
        let name = self.names.id(name);
        args.keywords.iter().find(|(keyword, _)| *keyword == name).map(|(_, set)| *set)
    }

    /// The function is the first argument, or (in the wrong order) the first that can be called.
    pub fn function_and_iterables(&mut self, args: &Args) -> (SetId, Vec<SetId>) {
        let callable = |this: &Self, set: SetId| {
            this.heap.vals(set).iter().any(|(_, val)| {
                matches!(val, Val::Function(_) | Val::Bound(..) | Val::Class(_) | Val::Builtin(_) | Val::External(_))
                    || matches!(val, Val::Object(object) if matches!(this.heap.shape(*object), Shape::Partial | Shape::Instance(_)))
                    || matches!(val, Val::Unknown(_) | Val::Method(..))
            })
        };
        let at = args.positional.iter().position(|set| callable(self, *set)).unwrap_or(0);
        let mut rest = args.positional.clone();
        if rest.is_empty() {
            return (EMPTY, rest);
        }
        let function = rest.remove(at);
        (function, rest)
    }

    pub fn class_of(&mut self, set: SetId) -> SetId {
        let mut out = EMPTY;
        for (_, val) in self.heap.vals(set) {
            let part = match val {
                Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                    match self.heap.shape(object) {
                        Shape::Instance(class) => self.heap.one(Val::Class(class)),
                        _ => EMPTY,
                    }
                }
                Val::Unknown(_) | Val::External(_) => self.unknown(Unknown::Result),
                _ => match self.type_name(val) {
                    Some(name) => self.heap.one(Val::Builtin(name)),
                    None => EMPTY,
                },
            };
            out = self.heap.union(out, part);
        }
        out
    }

    pub fn call_super(&mut self, args: &Args) -> SetId {
        let mut out = EMPTY;
        if let [class, receiver, ..] = args.positional.as_slice() {
            let receivers = self.heap.vals(*receiver);
            for (_, val) in self.heap.vals(*class) {
                if let Val::Class(class) = val {
                    for (receiver, val) in &receivers {
                        if matches!(val, Val::Super(..)) {
                            continue;
                        }
                        let one = self.heap.one(Val::Super(class, *receiver));
                        out = self.heap.union(out, one);
                    }
                }
            }
            return out;
        }
        let mut at = Some(self.frame);
        while let Some(id) = at {
            let frame = self.frame(id);
            if let Some(closure) = frame.closure {
                let parent = self.frame(self.closure(closure).parent);
                if self.defs.scope(parent.scope).kind == ScopeKind::Class {
                    let first = self
                        .defs
                        .function(frame.function)
                        .parameters()
                        .and_then(|parameters| parameters.iter_non_variadic_params().next());
                    let Some(first) = first else { return EMPTY };
                    let name = self.names.id(first.parameter.name.id.as_str());
                    let receivers = self.heap.read_field(frame.object, Field::Attribute(name));
                    for (receiver, _) in self.heap.vals(receivers) {
                        let one = self.heap.one(Val::Super(parent.object, receiver));
                        out = self.heap.union(out, one);
                    }
                    return out;
                }
            }
            at = frame.parent;
        }
        self.unknown(Unknown::Result)
    }

    pub fn container(&mut self, shape: Shape, elements: SetId, site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 17), shape);
        let cell = self.heap.cell(object, Field::Element);
        self.heap.add(cell, elements);
        self.heap.one(Val::Object(object))
    }

    pub fn iterator(&mut self, elements: SetId, site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 23), Shape::Iterator);
        let cell = self.heap.cell(object, Field::Element);
        self.heap.add(cell, elements);
        self.heap.one(Val::Object(object))
    }

    pub fn tuple(&mut self, parts: &[SetId], site: Site) -> SetId {
        let object = self.heap.allocate((site.address, self.frame.0, 29), Shape::Tuple);
        for (at, set) in parts.iter().enumerate() {
            let cell = self.heap.cell(object, Field::Index(at as i64));
            self.heap.add(cell, *set);
        }
        self.set_length(object, parts.len() as i64);
        self.heap.one(Val::Object(object))
    }

    /// Copies elements place by place.
    pub fn copy_sequence(&mut self, from: SetId, into: ObjectId) -> SetId {
        if let Some(Val::Object(from)) = self.heap.only(from)
            && let Some(length) = self.length(from)
        {
            for index in 0..length.min(4_096) {
                let set = self.element(from, index);
                let cell = self.heap.cell(into, Field::Index(index));
                self.heap.add(cell, set);
            }
            self.set_length(into, length);
        }
        self.heap.one(Val::Object(into))
    }

    pub fn merge_into(&mut self, dict: ObjectId, other: SetId, site: Site) {
        for (id, val) in self.heap.vals(other) {
            let one = self.heap.single(id);
            let pairs = match val {
                Val::Object(object) => matches!(self.heap.shape(object), Shape::Iterator | Shape::Generator),
                _ => false,
            };
            if !pairs {
                self.merge_dict(dict, one);
                continue;
            }
            let elements = self.iterate(one, site);
            for (_, val) in self.heap.vals(elements) {
                if let Val::Object(pair) = val
                    && self.length(pair) == Some(2)
                {
                    let key = self.element(pair, 0);
                    let value = self.element(pair, 1);
                    let cell = self.heap.cell(dict, Field::Element);
                    self.heap.add(cell, value);
                    let cell = self.heap.cell(dict, Field::AnyKey);
                    self.heap.add(cell, key);
                }
            }
        }
    }

    /// Puts elements in order: calls the key function, and compares what it gives.
    fn order(&mut self, elements: SetId, key: Option<SetId>, comparison: &str, site: Site) {
        let none = self.heap.one(Val::None);
        let compared = match key {
            Some(key) if key != none => self.call_set(key, Args::one(elements), site),
            _ => elements,
        };
        self.call_special(compared, comparison, Args::one(compared), site);
    }

    // Methods of built-in types.

    pub fn call_method(&mut self, receiver: ValueId, name: NameId, args: Args, site: Site) -> SetId {
        let val = self.val(receiver);
        let Some(kind) = self.type_name(val) else {
            self.reach(site, Target::Unknown(Unknown::Attribute));
            return self.unknown(Unknown::Result);
        };
        self.reach(site, Target::Method(kind, name));
        self.apply_method(receiver, val, name, &args, site)
    }

    pub fn apply_method(&mut self, receiver: ValueId, val: Val, name: NameId, args: &Args, site: Site) -> SetId {
        let kind = self.type_name(val).map_or(String::new(), |kind| self.names.text(kind).to_owned());
        let method = self.names.text(name).to_owned();
        let inner = Site { implicit: true, ..site };
        let first = args.get(0);
        if let Some(result) = builtins::method_result(&kind, &method) {
            if matches!(method.as_str(), "join") {
                self.iterate(first, inner);
            }
            if let Val::Str(text) = val {
                let text = self.names.text(text).to_owned();
                match method.as_str() {
                    "format" if args.keywords.is_empty() && args.rest == EMPTY && args.others == EMPTY => {
                        return self.fill_in(&text, "{}", &args.positional);
                    }
                    "lower" => return self.concatenation(&[Some(vec![text.to_lowercase()])]),
                    "upper" => return self.concatenation(&[Some(vec![text.to_uppercase()])]),
                    _ => {}
                }
            }
            return self.typed(result);
        }
        let object = match val {
            Val::Object(object) => Some(object),
            _ => None,
        };
        let none = self.heap.one(Val::None);
        match (kind.as_str(), method.as_str(), object) {
            ("list", "append", Some(list)) => {
                let unique = self.heap.objects.get(list.0 as usize).is_some_and(|object| object.unique);
                match self.length(list) {
                    Some(length) if unique && length < 1_024 => {
                        let cell = self.heap.cell(list, Field::Index(length));
                        self.heap.write(cell, first);
                        self.set_length(list, length + 1);
                    }
                    _ => {
                        let cell = self.heap.cell(list, Field::Element);
                        self.heap.add(cell, first);
                        self.forget_length(list);
                    }
                }
                none
            }
            ("list", "extend" | "appendleft" | "extendleft" | "insert", Some(list)) => {
                let added = match method.as_str() {
                    "extend" | "extendleft" => self.iterate(first, inner),
                    "insert" => args.get(1),
                    _ => first,
                };
                let all = if method == "extend" { EMPTY } else { self.elements(list) };
                let added = self.heap.union(added, all);
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, added);
                self.forget_length(list);
                none
            }
            ("list", "pop" | "popleft", Some(list)) => {
                let all = self.elements(list);
                let last = match (self.length(list), args.positional.is_empty() && method == "pop") {
                    (Some(length), true) if length > 0 => Some(self.element(list, length - 1)),
                    _ => None,
                };
                if last.is_none() {
                    let cell = self.heap.cell(list, Field::Element);
                    self.heap.add(cell, all);
                }
                self.forget_length(list);
                last.unwrap_or(all)
            }
            ("list", "sort" | "reverse", Some(list)) => {
                let all = self.elements(list);
                if method == "sort" {
                    let key = self.keyword(args, "key");
                    self.order(all, key, "__lt__", inner);
                }
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, all);
                none
            }
            ("list" | "tuple", "copy" | "__add__", Some(list)) => {
                let elements = self.elements(list);
                let new = self.new_container(Shape::List, (site.address, self.frame.0, 17));
                if self.length(list).is_some() {
                    let one = self.heap.single(receiver);
                    return self.copy_sequence(one, new);
                }
                let cell = self.heap.cell(new, Field::Element);
                self.heap.add(cell, elements);
                self.heap.one(Val::Object(new))
            }
            ("list", "remove" | "clear" | "rotate", Some(list)) => {
                let all = self.elements(list);
                let cell = self.heap.cell(list, Field::Element);
                self.heap.add(cell, all);
                self.forget_length(list);
                none
            }
            ("dict", "get" | "pop" | "setdefault", Some(dict)) => {
                let default = args.positional.get(1).copied().or_else(|| self.keyword(args, "default"));
                if method == "setdefault" {
                    let key = self.heap.vals(first);
                    let value = default.unwrap_or(none);
                    match key.as_slice() {
                        [(key, Val::Str(_) | Val::Int(_))] => {
                            let cell = self.heap.cell(dict, Field::Key(*key));
                            self.heap.add(cell, value);
                        }
                        _ => {
                            let cell = self.heap.cell(dict, Field::Element);
                            self.heap.add(cell, value);
                            let cell = self.heap.cell(dict, Field::AnyKey);
                            self.heap.add(cell, first);
                        }
                    }
                }
                let found = self.get_key(dict, first);
                match default {
                    Some(default) if self.is_unknown(found) => default,
                    Some(default) => self.heap.union(found, default),
                    None => found,
                }
            }
            ("dict", "update", Some(dict)) => {
                self.merge_into(dict, first, inner);
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                none
            }
            ("dict", "keys", Some(dict)) => {
                let keys = self.keys(dict);
                self.iterator(keys, site)
            }
            ("dict", "values", Some(dict)) => {
                let mut values = self.elements(dict);
                if values == EMPTY {
                    values = self.unknown(Unknown::Contents);
                }
                self.iterator(values, site)
            }
            ("dict", "items" | "popitem", Some(dict)) => {
                let keys = self.keys(dict);
                let mut values = self.elements(dict);
                if values == EMPTY {
                    values = self.unknown(Unknown::Contents);
                }
                let pair = self.tuple(&[keys, values], site);
                if method == "popitem" { pair } else { self.iterator(pair, site) }
            }
            ("dict", "copy", Some(_)) => {
                let new = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                let one = self.heap.single(receiver);
                self.merge_dict(new, one);
                self.heap.one(Val::Object(new))
            }
            ("dict", "clear", Some(_)) => none,
            ("dict", "get" | "pop" | "setdefault", None) => {
                if let Val::ModuleDict(_) = val {
                    let one = self.heap.single(receiver);
                    let found = self.get_item(one, first, inner);
                    let default = args.positional.get(1).copied().unwrap_or(EMPTY);
                    return self.heap.union(found, default);
                }
                let found = self.unknown(Unknown::Contents);
                let default = args.positional.get(1).copied().unwrap_or(EMPTY);
                self.heap.union(found, default)
            }
            ("dict", "items" | "keys" | "values", None) => self.typed(&format!("dict_{method}")),
            ("dict", "copy", None) => self.heap.single(receiver),
            ("set", "add", Some(set)) => {
                let cell = self.heap.cell(set, Field::Element);
                self.heap.add(cell, first);
                none
            }
            ("set", "update", Some(set)) => {
                let added = self.iterate(first, inner);
                let cell = self.heap.cell(set, Field::Element);
                self.heap.add(cell, added);
                none
            }
            ("set", "pop", Some(set)) => self.elements(set),
            ("set", "remove" | "discard" | "clear", _) => none,
            ("set" | "frozenset", _, Some(set)) => {
                let mut all = self.elements(set);
                for at in 0..args.positional.len() {
                    let more = self.iterate(args.get(at), inner);
                    all = self.heap.union(all, more);
                }
                self.container(Shape::Set, all, site)
            }
            ("iterator" | "generator", "__next__" | "send" | "__anext__" | "asend", Some(iterator)) => {
                self.elements(iterator)
            }
            ("iterator" | "generator", "__iter__" | "__aiter__", _) => self.heap.single(receiver),
            ("str" | "bytes", "split" | "rsplit" | "splitlines", _) => {
                let part = self.typed(&kind);
                self.container(Shape::List, part, site)
            }
            ("str" | "bytes", "partition" | "rpartition", _) => {
                let part = self.typed(&kind);
                self.tuple(&[part, part, part], site)
            }
            ("file" | "binary file", "readlines", _) => {
                let line = if kind == "file" { self.typed("str") } else { self.typed("bytes") };
                self.container(Shape::List, line, site)
            }
            ("binary file", "read" | "readline" | "peek", _) => self.typed("bytes"),
            ("binary file", "write" | "seek" | "tell", _) => self.typed("int"),
            (_, "__enter__", _) => self.heap.single(receiver),
            _ => self.unknown(Unknown::Result),
        }
    }

    // The outside.

    pub fn call_external(&mut self, external: ExternalId, args: Args, site: Site) -> SetId {
        self.reach(site, Target::External(external));
        let text = self.names.text(self.externals[external.0 as usize].text).to_owned();
        let first = args.get(0);
        let inner = Site { implicit: true, ..site };
        match text.as_str() {
            "functools.partial" | "functools.partialmethod" => {
                let partial = self.heap.allocate((site.address, self.frame.0, 31), Shape::Partial);
                let func = self.names.id("func");
                let cell = self.heap.cell(partial, Field::Attribute(func));
                self.heap.add(cell, first);
                for (at, set) in args.positional.iter().skip(1).enumerate() {
                    let cell = self.heap.cell(partial, Field::Index(at as i64));
                    self.heap.add(cell, *set);
                }
                for (name, set) in &args.keywords {
                    let key = self.heap.value(Val::Str(*name));
                    let cell = self.heap.cell(partial, Field::Key(key));
                    self.heap.add(cell, *set);
                }
                if args.rest != EMPTY {
                    let cell = self.heap.cell(partial, Field::Element);
                    self.heap.add(cell, args.rest);
                }
                if args.others != EMPTY {
                    let cell = self.heap.cell(partial, Field::AnyKey);
                    self.heap.add(cell, args.others);
                }
                return self.heap.one(Val::Object(partial));
            }
            "functools.reduce" => {
                let elements = self.iterate(args.get(1), inner);
                let start = args.positional.get(2).copied().unwrap_or(elements);
                let accumulated = self.heap.union(start, elements);
                let call = Args { positional: vec![accumulated, elements], ..Args::default() };
                let result = self.call_set(first, call, inner);
                return self.heap.union(result, start);
            }
            "importlib.import_module" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(first) {
                    if let Val::Str(name) = val {
                        let dotted = self.names.text(name).to_owned();
                        let level = dotted.bytes().take_while(|byte| *byte == b'.').count();
                        let rest = dotted.get(level..).unwrap_or("");
                        let absolute = self.project.absolute(self.module, level as u32, rest);
                        for (at, _) in absolute.match_indices('.') {
                            let prefix = absolute.get(..at).unwrap_or("").to_owned();
                            self.import(&prefix);
                        }
                        let module = self.import(&absolute);
                        out = self.heap.union(out, module);
                    }
                }
                return if out == EMPTY { self.unknown(Unknown::ComputedAttribute) } else { out };
            }
            "copy.copy"
            | "copy.deepcopy"
            | "weakref.proxy"
            | "contextlib.closing"
            | "contextlib.nullcontext"
            | "asyncio.run"
            | "asyncio.create_task"
            | "asyncio.ensure_future"
            | "asyncio.wait_for"
            | "asyncio.shield"
            | "trio.run"
            | "inspect.unwrap"
                if first != EMPTY =>
            {
                return first;
            }
            "typing.cast" => return args.get(1),
            "asyncio.gather" => {
                let object = self.new_container(Shape::List, (site.address, self.frame.0, 17));
                for (at, set) in args.positional.iter().enumerate() {
                    let cell = self.heap.cell(object, Field::Index(at as i64));
                    self.heap.add(cell, *set);
                }
                if args.rest == EMPTY {
                    self.set_length(object, args.positional.len() as i64);
                } else {
                    let cell = self.heap.cell(object, Field::Element);
                    self.heap.add(cell, args.rest);
                    self.forget_length(object);
                }
                return self.heap.one(Val::Object(object));
            }
            "collections.OrderedDict" | "types.MappingProxyType" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                for (name, set) in &args.keywords {
                    let key = self.heap.one(Val::Str(*name));
                    self.set_key(dict, key, *set);
                }
                if first != EMPTY {
                    self.merge_into(dict, first, inner);
                }
                return self.heap.one(Val::Object(dict));
            }
            "collections.defaultdict" => {
                let dict = self.new_container(Shape::Dict, (site.address, self.frame.0, 17));
                let made = self.call_set(first, Args::default(), inner);
                let cell = self.heap.cell(dict, Field::Element);
                self.heap.add(cell, made);
                if let Some(more) = args.positional.get(1) {
                    self.merge_dict(dict, *more);
                }
                return self.heap.one(Val::Object(dict));
            }
            "collections.deque" => {
                let elements = self.iterate(first, inner);
                return self.container(Shape::List, elements, site);
            }
            "itertools.chain" => {
                let mut all = EMPTY;
                for at in 0..args.positional.len() {
                    let part = self.iterate(args.get(at), inner);
                    all = self.heap.union(all, part);
                }
                let rest = self.iterate(args.rest, inner);
                all = self.heap.union(all, rest);
                return self.iterator(all, site);
            }
            "itertools.chain.from_iterable" => {
                let lists = self.iterate(first, inner);
                let all = self.iterate(lists, inner);
                return self.iterator(all, site);
            }
            "heapq.heappush" | "heapq.heappushpop" | "heapq.heapreplace" | "heapq.heappop" => {
                let mut out = EMPTY;
                for (_, val) in self.heap.vals(first) {
                    let Val::Object(list) = val else { continue };
                    if text != "heapq.heappop" {
                        let cell = self.heap.cell(list, Field::Element);
                        self.heap.add(cell, args.get(1));
                        self.forget_length(list);
                    }
                    let elements = self.elements(list);
                    self.order(elements, None, "__lt__", inner);
                    out = self.heap.union(out, elements);
                }
                if text == "heapq.heappush" {
                    return self.heap.one(Val::None);
                }
                if out != EMPTY {
                    return out;
                }
            }
            "types.MethodType" => {
                let mut out = EMPTY;
                for (callable, val) in self.heap.vals(first) {
                    if matches!(val, Val::Bound(..)) {
                        continue;
                    }
                    for (receiver, _) in self.heap.vals(args.get(1)) {
                        let one = self.heap.one(Val::Bound(callable, receiver));
                        out = self.heap.union(out, one);
                    }
                }
                return out;
            }
            "dataclasses.field" | "attr.ib" | "attrs.field" | "pydantic.Field" => {
                if let Some(factory) = self.keyword(&args, "default_factory").or_else(|| self.keyword(&args, "factory"))
                {
                    return self.call_set(factory, Args::default(), inner);
                }
                return self.keyword(&args, "default").unwrap_or(EMPTY);
            }
            _ => {}
        }
        let last = text.rsplit('.').next().unwrap_or("").to_owned();
        match last.as_str() {
            "enter_context" | "enter_async_context" => {
                let enter = if last == "enter_context" { "__enter__" } else { "__aenter__" };
                let value = self.enter_context(first, enter, inner);
                if value != EMPTY {
                    return value;
                }
            }
            "run_until_complete" if first != EMPTY => return first,
            _ => {}
        }
        // Wrappers that give back what they are given.
        let base = text.split('(').next().unwrap_or("");
        // `functools.wraps(f)` makes the decorator; the decorator gives back its argument.
        let makes_decorator = text == "functools.wraps";
        if !makes_decorator
            && matches!(
                base,
                "functools.lru_cache"
                    | "functools.cache"
                    | "functools.wraps"
                    | "functools.update_wrapper"
                    | "functools.singledispatch"
                    | "functools.total_ordering"
                    | "contextlib.contextmanager"
                    | "contextlib.asynccontextmanager"
                    | "dataclasses.dataclass"
                    | "abc.abstractmethod"
                    | "atexit.register"
            )
            && self.is_project_callable(first)
        {
            if base == "dataclasses.dataclass" {
                for (_, val) in self.heap.vals(first) {
                    if let Val::Class(class) = val
                        && let Some(class) = self.class_objects.get_mut(&class)
                    {
                        class.fields_from_annotations = true;
                    }
                }
            }
            return first;
        }
        self.callbacks(Some(&last), &args, site);
        let (suffix, plain) = self.arguments_text(&args);
        let made = self.derive_external(external, &suffix, &plain, 1);
        self.heap.one(Val::External(made))
    }

    pub fn is_project_callable(&self, set: SetId) -> bool {
        self.heap.vals(set).iter().any(|(_, val)| match val {
            Val::Function(_) | Val::Class(_) => true,
            Val::Bound(callable, _) => matches!(self.heap.get(*callable), Val::Function(_)),
            Val::Object(object) => self.heap.shape(*object) == Shape::Partial,
            _ => false,
        })
    }

    /// Functions of the project that external code calls.
    pub fn callbacks(&mut self, last: Option<&str>, args: &Args, site: Site) {
        let inner = Site { implicit: true, ..site };
        let unknown = self.unknown(Unknown::Parameter);
        let position = match last {
            // `re.sub(pattern, f, text)`, `pattern.sub(f, text)`.
            Some("sub" | "subn") => Some((usize::from(!self.is_project_callable(args.get(0))), false)),
            Some(last) => builtins::callback_position(last),
            None => None,
        };
        if let Some((at, passes)) = position {
            let function = args.get(at);
            if self.is_project_callable(function) {
                let rest: Vec<SetId> = args.positional.iter().skip(at + 1).copied().collect();
                let call = if passes {
                    Args { positional: rest, rest: args.rest, keywords: args.keywords.clone(), others: args.others }
                } else {
                    // The elements of what follows, or anything.
                    let mut elements = unknown;
                    for set in rest {
                        for (id, val) in self.heap.vals(set) {
                            if let Val::Object(_) = val {
                                let one = self.heap.single(id);
                                let part = self.iterate(one, inner);
                                elements = self.heap.union(elements, part);
                            }
                        }
                    }
                    Args { rest: elements, others: unknown, ..Args::default() }
                };
                self.call_set(function, call, inner);
            }
        }
        let keywords = args.keywords.clone();
        for (name, set) in keywords {
            if !builtins::is_callback_keyword(self.names.text(name)) || !self.is_project_callable(set) {
                continue;
            }
            let mut call = Args::default();
            let passed = self.keyword(args, "args");
            let named = self.keyword(args, "kwargs");
            if let Some(passed) = passed {
                self.spread(&mut call, passed, inner);
            }
            if let Some(named) = named {
                self.spread_keywords(&mut call, named);
            }
            if passed.is_none() && named.is_none() && self.names.text(name) != "target" {
                call.rest = unknown;
                call.others = unknown;
            }
            self.call_set(set, call, inner);
        }
    }

    /// The arguments in the name of a result: literal texts are kept, anything else is `...`.
    pub fn arguments_text(&self, args: &Args) -> (String, String) {
        if args.positional.is_empty() && args.keywords.is_empty() && args.rest == EMPTY && args.others == EMPTY {
            return ("()".to_owned(), String::new());
        }
        let literal = |set: SetId| match self.heap.only(set) {
            Some(Val::Str(name)) if self.names.text(name).len() <= 64 => Some(format!("{:?}", self.names.text(name))),
            _ => None,
        };
        let mut parts = Vec::new();
        let mut complete = args.rest == EMPTY && args.others == EMPTY;
        for set in &args.positional {
            match literal(*set) {
                Some(text) if complete => parts.push(text),
                _ => complete = false,
            }
        }
        // Keywords are kept only if nothing is left out.
        let positional = parts.len();
        for (name, set) in &args.keywords {
            match literal(*set) {
                Some(text) if complete => parts.push(format!("{}={text}", self.names.text(*name))),
                _ => complete = false,
            }
        }
        if !complete {
            parts.truncate(positional);
        }
        if parts.is_empty() {
            return ("(...)".to_owned(), String::new());
        }
        if !complete {
            parts.push("...".to_owned());
        }
        let text = format!("({})", parts.join(", "));
        (text.clone(), text)
    }
}
