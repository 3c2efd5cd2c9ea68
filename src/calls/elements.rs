//! Elements of containers: `x[y]`, slices, keys and lengths, and what `for … in x` binds.

use super::Unknown;
use super::heap::{Ancestor, EMPTY, Field, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{Interpreter, Site};
use super::invoke::Args;

impl<'p> Interpreter<'p> {
    pub fn length(&mut self, object: ObjectId) -> Option<i64> {
        if !matches!(self.heap.shape(object), Shape::List | Shape::Tuple) {
            return None;
        }
        let set = self.heap.read_field(object, Field::Length);
        match self.heap.only(set) {
            Some(Val::Int(length)) if length >= 0 => Some(length),
            _ => None,
        }
    }

    pub fn set_length(&mut self, object: ObjectId, length: i64) {
        let set = self.heap.one(Val::Int(length));
        let cell = self.heap.cell(object, Field::Length);
        let unique = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
        self.heap.store(cell, set, unique);
    }

    pub fn forget_length(&mut self, object: ObjectId) {
        let unknown = self.typed("int");
        let cell = self.heap.cell(object, Field::Length);
        self.heap.add(cell, unknown);
    }

    /// The element at an index of a list or tuple.
    pub fn element(&mut self, object: ObjectId, index: i64) -> SetId {
        let at = match self.heap.find_cell(object, Field::Index(index)) {
            Some(cell) => {
                let set = self.heap.read(cell);
                self.heap.strip(set)
            }
            None => EMPTY,
        };
        let rest = self.heap.read_field(object, Field::Element);
        self.heap.union(at, rest)
    }

    /// Everything that a container holds.
    pub fn elements(&mut self, object: ObjectId) -> SetId {
        let mut out = self.heap.read_field(object, Field::Element);
        for (field, cell) in self.heap.fields_of(object) {
            if matches!(field, Field::Index(_) | Field::Key(_)) {
                let set = self.heap.read(cell);
                let set = self.heap.strip(set);
                out = self.heap.union(out, set);
            }
        }
        out
    }

    /// The keys of a dict.
    pub fn keys(&mut self, object: ObjectId) -> SetId {
        let mut out = self.heap.read_field(object, Field::AnyKey);
        for (field, cell) in self.heap.fields_of(object) {
            if let Field::Key(key) = field {
                let set = self.heap.read(cell);
                if self.heap.strip(set) != EMPTY {
                    let key = self.heap.single(key);
                    out = self.heap.union(out, key);
                }
            }
        }
        if out == EMPTY && self.elements(object) != EMPTY {
            out = self.unknown(Unknown::Contents);
        }
        out
    }

    /// Constant keys of a set, or nothing if any of it is not constant.
    pub fn constants(&self, keys: SetId) -> Option<Vec<(ValueId, Val)>> {
        let values = self.heap.vals(keys);
        let constant = !values.is_empty()
            && values.len() <= 16
            && values.iter().all(|(_, val)| {
                matches!(
                    val,
                    Val::Str(_) | Val::Int(_) | Val::None | Val::Class(_) | Val::Builtin(_) | Val::Function(_)
                )
            });
        constant.then_some(values)
    }

    pub fn get_item(&mut self, base: SetId, key: SetId, site: Site) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(base) {
            let part = match val {
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::List | Shape::Tuple => match self.constants(key) {
                        Some(keys) => {
                            let length = self.length(object);
                            let mut part = EMPTY;
                            for (_, key) in keys {
                                let Val::Int(index) = key else { continue };
                                let set = match (index < 0, length) {
                                    (true, Some(length)) => self.element(object, index.saturating_add(length)),
                                    (true, None) => self.elements(object),
                                    (false, _) => self.element(object, index),
                                };
                                part = self.heap.union(part, set);
                            }
                            part
                        }
                        None => self.elements(object),
                    },
                    Shape::Dict => self.get_key(object, key),
                    Shape::Instance(_) => {
                        let own = self.heap.single(id);
                        let args = Args { positional: vec![key], ..Args::default() };
                        let (called, result) =
                            self.call_special(own, "__getitem__", args, Site { implicit: true, ..site });
                        if called {
                            result
                        } else {
                            // A class derived from `dict` or `list` keeps its elements itself.
                            let set = self.get_key(object, key);
                            let set = if set == EMPTY { self.external_base_item(object, key) } else { set };
                            let args = Args { positional: vec![key], ..Args::default() };
                            let missing = Site { implicit: true, ..site };
                            let (called, result) = self.call_special(own, "__missing__", args, missing);
                            if called && self.is_unknown(set) { result } else { self.heap.union(set, result) }
                        }
                    }
                    Shape::Set | Shape::Iterator | Shape::Generator => self.elements(object),
                    Shape::Class | Shape::Partial | Shape::Property | Shape::Namespace => EMPTY,
                },
                Val::Typed(name) => match self.names.text(name) {
                    "str" => self.typed("str"),
                    "bytes" | "bytearray" | "range" | "memoryview" => self.typed("int"),
                    _ => self.unknown(Unknown::Contents),
                },
                Val::Str(_) | Val::Pattern(..) => self.typed("str"),
                Val::External(external) => self.external_subscript(external, key),
                Val::ModuleDict(module) => {
                    let mut part = EMPTY;
                    for (_, key) in self.heap.vals(key) {
                        let set = match key {
                            Val::Str(name) => self.module_attribute(module, name),
                            Val::Pattern(prefix, suffix) => {
                                let module = self.heap.one(Val::Module(module));
                                self.matching_attributes(module, prefix, suffix, site)
                            }
                            _ => self.unknown(Unknown::ComputedAttribute),
                        };
                        part = self.heap.union(part, set);
                    }
                    part
                }
                // `Box[str]`, `Colour["RED"]`.
                Val::Class(class) => {
                    let own = self.heap.single(id);
                    let (called, result) = self.call_special(own, "__getitem__", Args::one(key), site);
                    if called {
                        result
                    } else if let Some(hook) = self.find_in_ancestors(class, "__class_getitem__", false) {
                        let bound = self.bind(hook, None, id, site);
                        let result = self.call_set(bound, Args::one(key), Site { implicit: true, ..site });
                        if self.is_unknown(result) { own } else { result }
                    } else {
                        own
                    }
                }
                // `list[int]`.
                Val::Builtin(_) => self.heap.single(id),
                Val::Unknown(_) => self.heap.single(id),
                Val::Unbound
                | Val::None
                | Val::Int(_)
                | Val::Function(_)
                | Val::Bound(..)
                | Val::Module(_)
                | Val::Namespace(_)
                | Val::Method(..)
                | Val::StaticMethod(_)
                | Val::ClassMethod(_)
                | Val::Super(..) => EMPTY,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    fn external_base_item(&mut self, object: ObjectId, key: SetId) -> SetId {
        let Shape::Instance(class) = self.heap.shape(object) else { return EMPTY };
        for ancestor in self.order_of(class) {
            if let Ancestor::External(external) = ancestor {
                return self.external_subscript(external, key);
            }
        }
        self.unknown(Unknown::Contents)
    }

    pub fn get_key(&mut self, dict: ObjectId, key: SetId) -> SetId {
        let Some(keys) = self.constants(key) else {
            let all = self.elements(dict);
            return if all == EMPTY { self.unknown(Unknown::Contents) } else { all };
        };
        let mut out = self.heap.read_field(dict, Field::Element);
        for (key, _) in keys {
            let set = self.heap.read_field(dict, Field::Key(key));
            out = self.heap.union(out, set);
        }
        if out == EMPTY { self.unknown(Unknown::Contents) } else { out }
    }

    pub fn set_key(&mut self, dict: ObjectId, key: SetId, value: SetId) {
        let unique = self.heap.objects.get(dict.0 as usize).is_some_and(|object| object.unique);
        match self.constants(key) {
            Some(keys) => {
                let only = keys.len() == 1;
                for (key, _) in keys {
                    let cell = self.heap.cell(dict, Field::Key(key));
                    self.heap.store(cell, value, only && unique);
                }
            }
            None => {
                let cell = self.heap.cell(dict, Field::Element);
                self.heap.add(cell, value);
                let cell = self.heap.cell(dict, Field::AnyKey);
                self.heap.add(cell, key);
            }
        }
    }

    pub fn set_item(&mut self, base: SetId, key: SetId, value: SetId, site: Site) {
        let values = self.heap.vals(base);
        let only = values.len() == 1;
        for (id, val) in values {
            match val {
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::List | Shape::Tuple => {
                        let index = match self.heap.only(key) {
                            Some(Val::Int(index)) if index >= 0 => Some(index),
                            Some(Val::Int(index)) => self.length(object).map(|length| index.saturating_add(length)),
                            _ => None,
                        };
                        match index {
                            Some(index) if self.length(object).is_some() => {
                                let unique =
                                    self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
                                let cell = self.heap.cell(object, Field::Index(index));
                                self.heap.store(cell, value, only && unique);
                            }
                            _ => {
                                let cell = self.heap.cell(object, Field::Element);
                                self.heap.add(cell, value);
                            }
                        }
                    }
                    Shape::Dict => {
                        if only {
                            self.set_key(object, key, value);
                        } else {
                            let cell = match self.constants(key).as_deref() {
                                Some([(key, _)]) => self.heap.cell(object, Field::Key(*key)),
                                _ => self.heap.cell(object, Field::Element),
                            };
                            self.heap.add(cell, value);
                        }
                    }
                    Shape::Instance(_) => {
                        let own = self.heap.single(id);
                        let args = Args { positional: vec![key, value], ..Args::default() };
                        let (called, _) = self.call_special(own, "__setitem__", args, site);
                        if !called {
                            self.set_key(object, key, value);
                        }
                    }
                    Shape::Class
                    | Shape::Set
                    | Shape::Iterator
                    | Shape::Generator
                    | Shape::Partial
                    | Shape::Property
                    | Shape::Namespace => {}
                },
                Val::ModuleDict(module) => {
                    for (_, key) in self.heap.vals(key) {
                        if let Val::Str(name) = key {
                            let object = self.module_object(module);
                            let cell = self.heap.cell(object, Field::Attribute(name));
                            self.heap.store(cell, value, only);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    pub fn merge_dict(&mut self, into: ObjectId, other: SetId) {
        for (_, val) in self.heap.vals(other) {
            match val {
                Val::Object(from) if from != into => {
                    for (field, cell) in self.heap.fields_of(from) {
                        let set = self.heap.read(cell);
                        let certain = !self.heap.may_be_unbound(set);
                        let set = self.heap.strip(set);
                        if set == EMPTY {
                            continue;
                        }
                        match field {
                            Field::Key(_) => {
                                let unique = self.heap.objects.get(into.0 as usize).is_some_and(|object| object.unique);
                                let cell = self.heap.cell(into, field);
                                self.heap.store(cell, set, unique && certain);
                            }
                            Field::Element | Field::AnyKey => {
                                let cell = self.heap.cell(into, field);
                                self.heap.add(cell, set);
                            }
                            Field::Index(_) => {
                                // Pairs.
                                for (_, val) in self.heap.vals(set) {
                                    if let Val::Object(pair) = val
                                        && self.length(pair) == Some(2)
                                    {
                                        let key = self.element(pair, 0);
                                        let value = self.element(pair, 1);
                                        self.set_key(into, key, value);
                                    }
                                }
                            }
                            Field::Attribute(_) | Field::Length | Field::Return | Field::Default(_) => {}
                        }
                    }
                }
                Val::Object(_) | Val::None => {}
                _ => {
                    let unknown = self.unknown(Unknown::Contents);
                    let cell = self.heap.cell(into, Field::Element);
                    self.heap.add(cell, unknown);
                }
            }
        }
    }

    pub fn slice(&mut self, base: SetId, lower: Option<SetId>, upper: Option<SetId>, step: bool, site: Site) -> SetId {
        let bound = |this: &Self, part: Option<SetId>| match part {
            None => Some(None),
            Some(set) => match this.heap.only(set) {
                Some(Val::Int(index)) => Some(Some(index)),
                Some(Val::None) => Some(None),
                _ => None,
            },
        };
        let bounds = match (bound(self, lower), bound(self, upper)) {
            (Some(lower), Some(upper)) if !step => Some((lower, upper)),
            _ => None,
        };
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(base) {
            let part = match val {
                Val::Object(object) if matches!(self.heap.shape(object), Shape::List | Shape::Tuple) => {
                    let shape = self.heap.shape(object);
                    let new = self.new_container(shape, (site.address, self.frame.0, 11));
                    match (bounds, self.length(object)) {
                        (Some((lower, upper)), Some(length)) if length <= 4_096 => {
                            let place = |index: i64| {
                                let index = if index < 0 { index.saturating_add(length) } else { index };
                                index.clamp(0, length)
                            };
                            let from = place(lower.unwrap_or(0));
                            let to = place(upper.unwrap_or(length));
                            for (slot, index) in (from..to).enumerate() {
                                let set = self.element(object, index);
                                let cell = self.heap.cell(new, Field::Index(slot as i64));
                                self.heap.add(cell, set);
                            }
                            self.set_length(new, (to - from).max(0));
                        }
                        _ => {
                            let all = self.elements(object);
                            let cell = self.heap.cell(new, Field::Element);
                            self.heap.add(cell, all);
                            self.forget_length(new);
                        }
                    }
                    self.heap.one(Val::Object(new))
                }
                Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                    let own = self.heap.single(id);
                    let slice = self.typed("slice");
                    let args = Args { positional: vec![slice], ..Args::default() };
                    let (called, result) = self.call_special(own, "__getitem__", args, site);
                    if called { result } else { own }
                }
                Val::Str(_) | Val::Pattern(..) => self.typed("str"),
                Val::External(external) => {
                    let key = self.typed("slice");
                    self.external_subscript(external, key)
                }
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// What `for … in x` binds.
    pub fn iterate(&mut self, iterable: SetId, site: Site) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(iterable) {
            let part = match val {
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::Dict => self.keys(object),
                    Shape::Instance(_) => self.iterate_instance(id, object, site),
                    Shape::List | Shape::Tuple | Shape::Set | Shape::Iterator | Shape::Generator => {
                        self.elements(object)
                    }
                    Shape::Class | Shape::Partial | Shape::Property | Shape::Namespace => EMPTY,
                },
                Val::Str(_) | Val::Pattern(..) => self.typed("str"),
                Val::Typed(name) => match self.names.text(name) {
                    "str" | "file" => self.typed("str"),
                    "bytes" | "bytearray" | "range" => self.typed("int"),
                    _ => self.unknown(Unknown::Contents),
                },
                Val::External(external) => {
                    let any = self.typed("int");
                    self.external_subscript(external, any)
                }
                Val::Class(class) => {
                    let own = self.heap.single(id);
                    let (called, iterator) = self.call_special(own, "__iter__", Args::default(), site);
                    if called {
                        let (advances, element) = self.call_special(iterator, "__next__", Args::default(), site);
                        if advances { element } else { self.unknown(Unknown::Contents) }
                    } else {
                        // The members of an enumeration.
                        let object = self.default_instance(class);
                        self.heap.one(Val::Object(object))
                    }
                }
                Val::Unknown(_) => self.heap.single(id),
                Val::ModuleDict(_) => self.typed("str"),
                Val::Unbound
                | Val::None
                | Val::Int(_)
                | Val::Function(_)
                | Val::Bound(..)
                | Val::Module(_)
                | Val::Namespace(_)
                | Val::Builtin(_)
                | Val::Method(..)
                | Val::StaticMethod(_)
                | Val::ClassMethod(_)
                | Val::Super(..) => EMPTY,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    fn iterate_instance(&mut self, id: ValueId, object: ObjectId, site: Site) -> SetId {
        let site = Site { implicit: true, ..site };
        let own = self.heap.single(id);
        for (iterator, next) in [("__iter__", "__next__"), ("__aiter__", "__anext__")] {
            let (called, result) = self.call_special(own, iterator, Args::default(), site);
            if !called {
                continue;
            }
            let mut out = EMPTY;
            for (id, val) in self.heap.vals(result) {
                let one = self.heap.single(id);
                let part = match val {
                    Val::Object(object) if matches!(self.heap.shape(object), Shape::Instance(_)) => {
                        self.call_special(one, next, Args::default(), site).1
                    }
                    _ => self.iterate(one, site),
                };
                out = self.heap.union(out, part);
            }
            return out;
        }
        let int = self.typed("int");
        let args = Args { positional: vec![int], ..Args::default() };
        let (called, result) = self.call_special(own, "__getitem__", args, site);
        if called {
            return result;
        }
        let kept = self.elements(object);
        if kept != EMPTY {
            return kept;
        }
        self.unknown(Unknown::Contents)
    }
}
