//! Classes and their instances: method resolution order, which instances are told apart, what annotations and
//! `isinstance` say of a value, what type a value has.

use ruff_python_ast::Expr;
use rustc_hash::FxHashSet;

use super::Unknown;
use super::definitions::{Definition, NameId};
use super::heap::{Ancestor, EMPTY, ExternalId, Field, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{Interpreter, Site};

/// Where a class or its ancestors have an attribute.
pub(super) enum Found {
    /// In a class of the project, as stored there.
    Values(SetId),
    /// Perhaps in an ancestor outside the project.
    External(ExternalId),
    /// Perhaps in a built-in ancestor.
    Builtin(NameId),
    Missing,
}

/// Most instances of a class that are told apart.
const MOST_INSTANCES: usize = 24;

impl<'p> Interpreter<'p> {
    /// C3 linearisation; where it fails (or a base is not known), depth first from left to right.
    pub fn method_resolution_order(&mut self, object: ObjectId, bases: &[SetId]) -> Vec<Ancestor> {
        let mut sequences: Vec<Vec<Ancestor>> = Vec::new();
        let mut heads = Vec::new();
        for base in bases {
            // Of several classes that a base may be, the first is taken to the front, the others behind.
            for (_, val) in self.heap.vals(*base) {
                let sequence = match val {
                    Val::Class(base) if base != object => match self.class_objects.get(&base) {
                        Some(class) => class.order.clone(),
                        None => vec![Ancestor::Class(base)],
                    },
                    Val::External(id) => vec![Ancestor::External(id)],
                    Val::Builtin(name) => vec![Ancestor::Builtin(name)],
                    _ => continue,
                };
                if let Some(head) = sequence.first()
                    && !heads.contains(head)
                {
                    heads.push(*head);
                    sequences.push(sequence);
                }
            }
        }
        sequences.push(heads);
        let mut order = vec![Ancestor::Class(object)];
        loop {
            sequences.retain(|sequence| !sequence.is_empty());
            if sequences.is_empty() {
                break;
            }
            let candidate = sequences
                .iter()
                .filter_map(|sequence| sequence.first().copied())
                .find(|head| !sequences.iter().any(|sequence| sequence.iter().skip(1).any(|entry| entry == head)));
            let Some(next) = candidate.or_else(|| sequences.first().and_then(|sequence| sequence.first().copied()))
            else {
                break;
            };
            if !order.contains(&next) {
                order.push(next);
            }
            for sequence in &mut sequences {
                sequence.retain(|entry| *entry != next);
            }
        }
        order
    }

    pub fn order_of(&self, class: ObjectId) -> Vec<Ancestor> {
        self.class_objects.get(&class).map_or_else(Vec::new, |class| class.order.clone())
    }

    /// Looks an attribute up along a method resolution order, after `after` if given.
    pub fn find(&mut self, order: &[Ancestor], after: Option<ObjectId>, name: NameId) -> Found {
        let start = match after {
            Some(after) => {
                order.iter().position(|entry| *entry == Ancestor::Class(after)).map_or(order.len(), |at| at + 1)
            }
            None => 0,
        };
        let mut values = EMPTY;
        let mut outside = Found::Missing;
        for entry in order.iter().skip(start) {
            match entry {
                Ancestor::Class(class) => {
                    let cell = self.heap.cell(*class, Field::Attribute(name));
                    let raw = self.heap.read(cell);
                    let set = self.heap.strip(raw);
                    values = self.heap.union(values, set);
                    if set != EMPTY && !self.heap.may_be_unbound(raw) {
                        return Found::Values(values);
                    }
                }
                Ancestor::External(id) => {
                    if matches!(outside, Found::Missing | Found::Builtin(_)) {
                        outside = Found::External(self.external_member(*id, name));
                    }
                }
                Ancestor::Builtin(base) => {
                    if matches!(outside, Found::Missing) && self.names.text(*base) != "object" {
                        outside = Found::Builtin(*base);
                    }
                }
            }
        }
        if values == EMPTY { outside } else { Found::Values(values) }
    }

    /// A method of the project, by name, along the ancestors of a class (without the class itself if `after`).
    pub fn find_in_ancestors(&mut self, class: ObjectId, name: &str, after: bool) -> Option<SetId> {
        let order = self.order_of(class);
        let name = self.names.id(name);
        match self.find(&order, after.then_some(class), name) {
            Found::Values(set) => Some(set),
            Found::External(_) | Found::Builtin(_) | Found::Missing => None,
        }
    }

    /// An object that stands for instances that no code of the project makes.
    pub fn default_instance(&mut self, class: ObjectId) -> ObjectId {
        if let Some(known) = self.class_objects.get(&class).and_then(|class| class.default_instance) {
            return known;
        }
        let object = self.heap.object(Shape::Instance(class), false);
        if let Some(class) = self.class_objects.get_mut(&class) {
            class.default_instance = Some(object);
            class.instances.push(object);
        }
        object
    }

    pub fn instance(&mut self, class: ObjectId, site: Site) -> ObjectId {
        if !self.in_place {
            // For all callers at once, the instances of a class are one.
            return self.default_instance(class);
        }
        let key = (site.address, self.frame.0, class.0.wrapping_add(16));
        if !self.heap.known_instance(key, class) {
            let many = self.class_objects.get(&class).is_some_and(|class| class.instances.len() >= MOST_INSTANCES);
            if many {
                let object = self.default_instance(class);
                self.heap.remember_instance(key, class, object);
                return object;
            }
            let object = self.heap.allocate(key, Shape::Instance(class));
            if let Some(class) = self.class_objects.get_mut(&class) {
                class.instances.push(object);
            }
            return object;
        }
        self.heap.allocate(key, Shape::Instance(class))
    }

    /// Instances of the classes in a set: what an annotation, an `except` clause or a class pattern promises.
    pub fn instances_of(&mut self, classes: SetId) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(classes) {
            let part = match val {
                Val::Class(class) => {
                    let object = self.default_instance(class);
                    self.heap.one(Val::Object(object))
                }
                Val::External(external) => {
                    let text = self.names.text(self.externals[external.0 as usize].text);
                    if text.starts_with("typing.") || text.starts_with("typing_extensions.") {
                        EMPTY
                    } else {
                        self.heap.single(id)
                    }
                }
                Val::Builtin(name) => match self.names.text(name) {
                    "object" => EMPTY,
                    _ => self.heap.one(Val::Typed(name)),
                },
                Val::None => self.heap.single(id),
                Val::Object(object) if self.heap.shape(object) == Shape::Tuple => {
                    // One level: `except (A, B)`.
                    let elements = self.elements(object);
                    let flat: Vec<ValueId> = self
                        .heap
                        .vals(elements)
                        .into_iter()
                        .filter(|(_, val)| !matches!(val, Val::Object(_)))
                        .map(|(id, _)| id)
                        .collect();
                    let flat = self.heap.set(flat);
                    self.instances_of(flat)
                }
                _ => EMPTY,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// The values of a set that can be instances of the classes in another; what is unknown becomes an instance.
    pub fn narrow(&mut self, set: SetId, classes: SetId) -> SetId {
        let mut wanted = Vec::new();
        for (_, val) in self.heap.vals(classes) {
            match val {
                Val::Object(object) if self.heap.shape(object) == Shape::Tuple => {
                    let elements = self.elements(object);
                    wanted.extend(self.heap.vals(elements).into_iter().map(|(_, val)| val));
                }
                _ => wanted.push(val),
            }
        }
        if wanted.is_empty()
            || wanted.iter().any(|val| !matches!(val, Val::Class(_) | Val::Builtin(_) | Val::External(_)))
        {
            return set;
        }
        let mut kept = EMPTY;
        let mut unknown = false;
        for (id, val) in self.heap.vals(set) {
            let keep = match val {
                Val::Unknown(_) => {
                    unknown = true;
                    false
                }
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::Instance(class) => self.order_of(class).iter().any(|ancestor| {
                        wanted.contains(&match *ancestor {
                            Ancestor::Class(class) => Val::Class(class),
                            Ancestor::External(external) => Val::External(external),
                            Ancestor::Builtin(name) => Val::Builtin(name),
                        }) || matches!(ancestor, Ancestor::External(_))
                    }),
                    _ => match self.type_name(val) {
                        Some(name) => {
                            wanted.contains(&Val::Builtin(name))
                                || wanted.iter().any(|val| matches!(val, Val::External(_)))
                        }
                        None => true,
                    },
                },
                Val::Str(_) | Val::Pattern(..) | Val::Int(_) | Val::Typed(_) | Val::None => match self.type_name(val) {
                    Some(name) => {
                        wanted.contains(&Val::Builtin(name)) || wanted.iter().any(|val| matches!(val, Val::External(_)))
                    }
                    None => true,
                },
                _ => true,
            };
            if keep {
                let one = self.heap.single(id);
                kept = self.heap.union(kept, one);
            }
        }
        if unknown {
            let typed = self.instances_of(classes);
            let typed = if typed == EMPTY { set } else { typed };
            kept = self.heap.union(kept, typed);
        }
        kept
    }

    /// What an annotation says of a value; empty if nothing.
    pub fn annotation(&mut self, annotation: &'p Expr, depth: u32) -> SetId {
        if depth > 12 {
            return EMPTY;
        }
        match annotation {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                let class = self.load_name(name);
                self.instances_of(class)
            }
            Expr::Attribute(_) => {
                let class = self.dotted(annotation).unwrap_or(EMPTY);
                self.instances_of(class)
            }
            Expr::NoneLiteral(_) => EMPTY,
            Expr::StringLiteral(node) => {
                let text = node.value.to_str();
                let text = text.strip_prefix("Optional[").and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
                let class = self.dotted_text(text.trim());
                self.instances_of(class)
            }
            Expr::BinOp(node) => {
                let left = self.annotation(&node.left, depth + 1);
                let right = self.annotation(&node.right, depth + 1);
                self.heap.union(left, right)
            }
            Expr::Subscript(node) => {
                let last = match &*node.value {
                    Expr::Name(name) => name.id.as_str(),
                    Expr::Attribute(attribute) => attribute.attr.id.as_str(),
                    _ => return EMPTY,
                };
                let inner: Vec<&'p Expr> = match &*node.slice {
                    Expr::Tuple(tuple) => tuple.elts.iter().collect(),
                    one => vec![one],
                };
                let part =
                    |this: &mut Self, at: usize| inner.get(at).map_or(EMPTY, |part| this.annotation(part, depth + 1));
                match last {
                    "Optional" | "Annotated" | "Final" | "ClassVar" | "Required" | "NotRequired" | "Awaitable" => {
                        part(self, 0)
                    }
                    "Union" => {
                        let mut out = EMPTY;
                        for at in 0..inner.len() {
                            let set = part(self, at);
                            out = self.heap.union(out, set);
                        }
                        out
                    }
                    "Type" | "type" | "Callable" | "Literal" => EMPTY,
                    "List" | "list" | "Sequence" | "MutableSequence" | "Set" | "set" | "FrozenSet" | "frozenset"
                    | "Iterable" | "Iterator" | "Collection" | "Deque" | "Generator" | "AsyncIterator" | "Tuple"
                    | "tuple" | "Dict" | "dict" | "Mapping" | "MutableMapping" | "DefaultDict" | "OrderedDict" => {
                        let (shape, at) = match last {
                            "Dict" | "dict" | "Mapping" | "MutableMapping" | "DefaultDict" | "OrderedDict" => {
                                (Shape::Dict, 1)
                            }
                            "Set" | "set" | "FrozenSet" | "frozenset" => (Shape::Set, 0),
                            "Tuple" | "tuple" => (Shape::Tuple, 0),
                            "Iterable" | "Iterator" | "Generator" | "AsyncIterator" => (Shape::Iterator, 0),
                            _ => (Shape::List, 0),
                        };
                        let mut elements = part(self, at);
                        if elements == EMPTY {
                            elements = self.unknown(Unknown::Contents);
                        }
                        let address = super::definitions::address(node);
                        let object = self.heap.allocate((address, self.frame.0, 5), shape);
                        let cell = self.heap.cell(object, Field::Element);
                        self.heap.add(cell, elements);
                        self.heap.one(Val::Object(object))
                    }
                    _ => self.annotation(&node.value, depth + 1),
                }
            }
            _ => EMPTY,
        }
    }

    pub fn dotted(&mut self, expr: &'p Expr) -> Option<SetId> {
        match expr {
            Expr::Name(node) => {
                let name = self.names.id(node.id.as_str());
                Some(self.load_name(name))
            }
            Expr::Attribute(node) => {
                let base = self.dotted(&node.value)?;
                let name = self.names.id(node.attr.id.as_str());
                Some(self.plain_attribute(base, name))
            }
            _ => None,
        }
    }

    /// A dotted name in a text.
    pub fn dotted_text(&mut self, text: &str) -> SetId {
        if text.is_empty() || text.len() > 200 || !text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
            return EMPTY;
        }
        let mut set = EMPTY;
        for (at, part) in text.split('.').enumerate() {
            let name = self.names.id(part);
            set = if at == 0 { self.load_name(name) } else { self.plain_attribute(set, name) };
        }
        set
    }

    /// Attributes of modules, classes and external names alone: calls nothing.
    pub fn plain_attribute(&mut self, base: SetId, name: NameId) -> SetId {
        let mut out = EMPTY;
        for (_, val) in self.heap.vals(base) {
            let part = match val {
                Val::Module(module) => self.module_attribute(module, name),
                Val::Namespace(at) => self.namespace_attribute(at, name),
                Val::External(external) => self.external_attribute(external, name),
                Val::Class(class) => self.heap.read_field(class, Field::Attribute(name)),
                _ => EMPTY,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// The instances that a method may be called on when nothing in the project calls it.
    pub fn receivers_of(&mut self, function: super::FunctionId, closure: super::heap::ClosureId) -> SetId {
        let of = self.defs.function(function);
        let (Some(class), Definition::Function(def)) = (of.class, of.definition) else { return EMPTY };
        let kind = of.kind;
        let name = self.names.id(def.name.id.as_str());
        let parent = self.frame(self.closure(closure).parent).object;
        if !self.objects_of.get(&class).is_some_and(|objects| objects.contains(&parent)) {
            return EMPTY;
        }
        match kind {
            super::FunctionKind::ClassMethod => return self.heap.one(Val::Class(parent)),
            super::FunctionKind::StaticMethod if def.name.id.as_str() == "__new__" => {
                return self.heap.one(Val::Class(parent));
            }
            super::FunctionKind::StaticMethod => return EMPTY,
            _ => {}
        }
        if matches!(def.name.id.as_str(), "__init_subclass__" | "__class_getitem__") {
            return self.heap.one(Val::Class(parent));
        }
        let mut seen = FxHashSet::default();
        let mut out = EMPTY;
        let mut classes: Vec<ObjectId> = self.class_objects.keys().copied().collect();
        classes.sort_unstable();
        for candidate in classes {
            let order = self.order_of(candidate);
            if !order.contains(&Ancestor::Class(parent)) {
                continue;
            }
            let reaches = match self.find(&order, None, name) {
                Found::Values(set) => self.heap.vals(set).iter().any(|(_, val)| self.leads_to(*val, closure)),
                Found::External(_) | Found::Builtin(_) | Found::Missing => false,
            };
            if !reaches {
                continue;
            }
            let instances = self.class_objects.get(&candidate).map_or_else(Vec::new, |class| class.instances.clone());
            for instance in instances {
                if seen.insert(instance) {
                    let one = self.heap.one(Val::Object(instance));
                    out = self.heap.union(out, one);
                }
            }
        }
        if out == EMPTY {
            let instance = self.default_instance(parent);
            out = self.heap.one(Val::Object(instance));
            // Its attributes are those that its constructor gives it.
            if def.name.id.as_str() != "__init__"
                && let Some(constructor) = self.find_in_ancestors(parent, "__init__", false)
            {
                for (_, val) in self.heap.vals(constructor) {
                    if let Val::Function(constructor) = val {
                        self.call_from_anywhere(constructor, out);
                    }
                }
            }
        }
        out
    }

    pub fn leads_to(&self, val: Val, closure: super::heap::ClosureId) -> bool {
        match val {
            Val::Function(id) => id == closure || self.closure(id).function == self.closure(closure).function,
            // A decorated method, or a property: it is this one by its name.
            Val::Object(_) | Val::Unknown(_) | Val::External(_) | Val::Bound(..) => true,
            _ => false,
        }
    }

    /// The name of the built-in type of a value.
    pub fn type_name(&mut self, val: Val) -> Option<NameId> {
        let text = match val {
            Val::Str(_) | Val::Pattern(..) => "str",
            Val::Int(_) => "int",
            Val::None => "NoneType",
            Val::Typed(name) => return Some(name),
            Val::Function(_) => "function",
            Val::ModuleDict(_) => "dict",
            Val::Object(object) => match self.heap.shape(object) {
                Shape::List => "list",
                Shape::Tuple => "tuple",
                Shape::Dict => "dict",
                Shape::Set => "set",
                Shape::Iterator => "iterator",
                Shape::Generator => "generator",
                Shape::Partial => "partial",
                Shape::Property => "property",
                Shape::Instance(class) => {
                    let order = self.order_of(class);
                    return order.into_iter().find_map(|ancestor| match ancestor {
                        Ancestor::Builtin(name) if self.names.text(name) != "object" => Some(name),
                        _ => None,
                    });
                }
                Shape::Class => "type",
                Shape::Namespace => return None,
            },
            Val::Unbound
            | Val::Unknown(_)
            | Val::Bound(..)
            | Val::Class(_)
            | Val::Module(_)
            | Val::Namespace(_)
            | Val::External(_)
            | Val::Builtin(_)
            | Val::Method(..)
            | Val::StaticMethod(_)
            | Val::ClassMethod(_)
            | Val::Super(..) => return None,
        };
        Some(self.names.id(text))
    }
}
