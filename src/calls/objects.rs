//! Attributes, elements and classes: what `x.y`, `x[y]`, `for … in x` and a method resolution order give.

use ruff_python_ast::Expr;
use rustc_hash::FxHashSet;

use super::Unknown;
use super::definitions::{Definition, NameId};
use super::heap::{Ancestor, EMPTY, ExternalId, Field, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{Interpreter, Site, Target};
use super::invoke::Args;
use crate::project::ModuleId;
use crate::project::modules::Resolution;

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
/// Most attributes that a name of which only a part is known stands for.
const MOST_MATCHES: usize = 100;

impl<'p> Interpreter<'p> {
    // Classes.

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

    fn order_of(&self, class: ObjectId) -> Vec<Ancestor> {
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
            Expr::Attribute(node) => {
                let class = self.dotted(annotation).unwrap_or(EMPTY);
                let _ = node;
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

    fn dotted(&mut self, expr: &'p Expr) -> Option<SetId> {
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
    fn dotted_text(&mut self, text: &str) -> SetId {
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
    fn plain_attribute(&mut self, base: SetId, name: NameId) -> SetId {
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

    // Attributes.

    pub fn module_attribute(&mut self, module: ModuleId, name: NameId) -> SetId {
        let object = self.module_object(module);
        let cell = self.heap.cell(object, Field::Attribute(name));
        let raw = self.heap.read(cell);
        let mut set = self.heap.strip(raw);
        if set != EMPTY && !self.heap.may_be_unbound(raw) {
            return set;
        }
        let full = format!("{}.{}", self.project.module(module).name, self.names.text(name));
        match self.project.resolve(&full) {
            Resolution::Module(id) => {
                let module = self.heap.one(Val::Module(id));
                self.heap.union(set, module)
            }
            Resolution::Namespace(at) => {
                let namespace = self.heap.one(Val::Namespace(at));
                self.heap.union(set, namespace)
            }
            Resolution::External => {
                if set == EMPTY {
                    let scope = self.frame(self.module_frames[module.index()]).scope;
                    if self.defs.scope(scope).locals.contains(&name) {
                        return EMPTY;
                    }
                    let stars = self.star_imports.get(&module).cloned().unwrap_or_default();
                    set = match stars.as_slice() {
                        [one] => self.external_attribute(*one, name),
                        _ if self.names.text(name).starts_with("__") => self.typed("str"),
                        _ => {
                            let external = self.external(&full);
                            self.heap.one(Val::External(external))
                        }
                    };
                }
                set
            }
        }
    }

    fn namespace_attribute(&mut self, at: u32, name: NameId) -> SetId {
        let full = format!("{}.{}", self.project.namespace(at), self.names.text(name));
        match self.project.resolve(&full) {
            Resolution::Module(id) => self.heap.one(Val::Module(id)),
            Resolution::Namespace(at) => self.heap.one(Val::Namespace(at)),
            Resolution::External => {
                let external = self.external(&full);
                self.heap.one(Val::External(external))
            }
        }
    }

    pub fn get_attribute(&mut self, base: SetId, name: NameId, site: Site) -> SetId {
        let mut out = EMPTY;
        let values = self.heap.vals(base);
        self.step(values.len());
        for (id, val) in values {
            let part = self.attribute_of(id, val, name, site);
            out = self.heap.union(out, part);
        }
        out
    }

    /// What the attributes may be whose names begin and end so: of modules, of instances and of classes with all their
    /// ancestors in the project.
    pub fn matching_attributes(&mut self, base: SetId, prefix: NameId, suffix: NameId, site: Site) -> SetId {
        let (prefix, suffix) = (self.names.text(prefix).to_owned(), self.names.text(suffix).to_owned());
        let mut objects = Vec::new();
        for (_, val) in self.heap.vals(base) {
            let class = match val {
                Val::Module(module) => {
                    objects.push(self.module_object(module));
                    continue;
                }
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::Instance(class) => {
                        objects.push(object);
                        class
                    }
                    _ => continue,
                },
                Val::Class(class) => class,
                _ => continue,
            };
            objects.extend(self.order_of(class).iter().filter_map(|ancestor| match ancestor {
                Ancestor::Class(class) => Some(*class),
                Ancestor::External(_) | Ancestor::Builtin(_) => None,
            }));
        }
        let mut names: Vec<NameId> = Vec::new();
        for object in objects {
            for (field, _) in self.heap.fields_of(object) {
                if let Field::Attribute(name) = field {
                    let text = self.names.text(name);
                    let fits = text.len() >= prefix.len() + suffix.len()
                        && text.starts_with(&prefix)
                        && text.ends_with(&suffix);
                    if fits && !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        let mut out = self.unknown(Unknown::ComputedAttribute);
        for name in names.into_iter().take(MOST_MATCHES) {
            let set = self.get_attribute(base, name, site);
            out = self.heap.union(out, set);
        }
        out
    }

    fn attribute_of(&mut self, id: ValueId, val: Val, name: NameId, site: Site) -> SetId {
        match val {
            Val::Unbound => EMPTY,
            Val::Unknown(_) => self.heap.single(id),
            Val::Function(closure) => {
                let object = self.closure(closure).object;
                let own = self.heap.read_field(object, Field::Attribute(name));
                if own != EMPTY {
                    return own;
                }
                match self.names.text(name) {
                    "__name__" => {
                        let function = self.closure(closure).function;
                        let plain = match self.defs.function(function).definition {
                            Definition::Function(def) => def.name.id.as_str(),
                            Definition::Lambda(_) | Definition::ClassBody(_) | Definition::Module(_) => "<lambda>",
                        };
                        self.text(plain)
                    }
                    "__qualname__" | "__doc__" | "__module__" => self.typed("str"),
                    "__call__" | "__wrapped__" | "func" => self.heap.single(id),
                    _ => self.heap.one(Val::Method(id, name)),
                }
            }
            Val::Bound(callable, receiver) => match self.names.text(name) {
                "__self__" => self.heap.single(receiver),
                "__func__" => self.heap.single(callable),
                "__call__" => self.heap.single(id),
                _ => {
                    let inner = self.val(callable);
                    if matches!(inner, Val::Bound(..)) {
                        return self.unknown(Unknown::Attribute);
                    }
                    self.attribute_of(callable, inner, name, site)
                }
            },
            Val::Class(class) => {
                match self.names.text(name) {
                    "__name__" => {
                        let Some(id) = self.class_objects.get(&class).map(|class| class.class) else {
                            return self.typed("str");
                        };
                        let plain = self.defs.classes.get(id.index()).map(|class| class.definition.name.id.as_str());
                        return self.text(plain.unwrap_or_default());
                    }
                    "__qualname__" | "__doc__" | "__module__" => return self.typed("str"),
                    "__class__" => {
                        let name = self.names.id("type");
                        return self.heap.one(Val::Builtin(name));
                    }
                    _ => {}
                }
                let order = self.order_of(class);
                match self.find(&order, None, name) {
                    Found::Values(set) => self.bind(set, None, id, site),
                    Found::External(external) => self.heap.one(Val::External(external)),
                    Found::Builtin(base) => {
                        let text = format!("{}.{}", self.names.text(base), self.names.text(name));
                        let name = self.names.id(&text);
                        self.heap.one(Val::Builtin(name))
                    }
                    Found::Missing => {
                        if let Some(metaclass) = self.class_objects.get(&class).and_then(|class| class.metaclass) {
                            let order = self.order_of(metaclass);
                            if let Found::Values(set) = self.find(&order, None, name) {
                                let metaclass = self.heap.value(Val::Class(metaclass));
                                return self.bind(set, Some(id), metaclass, site);
                            }
                        }
                        let text = self.names.text(name);
                        if text.starts_with("__") {
                            let name = self.names.id(&format!("object.{text}"));
                            self.heap.one(Val::Builtin(name))
                        } else {
                            self.unknown(Unknown::Attribute)
                        }
                    }
                }
            }
            Val::Object(object) => match self.heap.shape(object) {
                Shape::Instance(class) => self.instance_attribute(id, object, class, name, site),
                Shape::Partial if self.names.text(name) == "func" => {
                    self.heap.read_field(object, Field::Attribute(name))
                }
                Shape::Class | Shape::Namespace => EMPTY,
                Shape::List
                | Shape::Tuple
                | Shape::Dict
                | Shape::Set
                | Shape::Iterator
                | Shape::Generator
                | Shape::Partial
                | Shape::Property => self.heap.one(Val::Method(id, name)),
            },
            Val::Module(module) => self.module_attribute(module, name),
            Val::Namespace(at) => self.namespace_attribute(at, name),
            Val::External(external) => self.external_attribute(external, name),
            Val::Builtin(base) => {
                let text = self.names.text(base);
                if text.len() > 100 {
                    return self.unknown(Unknown::Attribute);
                }
                let text = format!("{text}.{}", self.names.text(name));
                let name = self.names.id(&text);
                self.heap.one(Val::Builtin(name))
            }
            Val::Method(..) => self.unknown(Unknown::Attribute),
            Val::Typed(kind) => {
                if self.names.text(name) == "__class__" {
                    return self.heap.one(Val::Builtin(kind));
                }
                self.heap.one(Val::Method(id, name))
            }
            Val::Str(_) | Val::Pattern(..) | Val::Int(_) | Val::ModuleDict(_) => self.heap.one(Val::Method(id, name)),
            Val::None => EMPTY,
            Val::StaticMethod(inner) | Val::ClassMethod(inner) => {
                let inner_val = self.val(inner);
                match inner_val {
                    Val::StaticMethod(_) | Val::ClassMethod(_) => self.unknown(Unknown::Attribute),
                    _ => self.attribute_of(inner, inner_val, name, site),
                }
            }
            Val::Super(class, receiver) => {
                let (of, is_class) = match self.val(receiver) {
                    Val::Object(object) => match self.heap.shape(object) {
                        Shape::Instance(of) => (of, false),
                        _ => (class, false),
                    },
                    Val::Class(of) => (of, true),
                    _ => (class, false),
                };
                let mut order = self.order_of(of);
                let mut is_class = is_class;
                if !order.contains(&Ancestor::Class(class)) {
                    // In a method of a metaclass the class is the receiver.
                    order = self.order_of(class);
                    is_class = false;
                }
                match self.find(&order, Some(class), name) {
                    Found::Values(set) if is_class => self.bind(set, None, receiver, site),
                    Found::Values(set) => {
                        let class = self.heap.value(Val::Class(of));
                        self.bind(set, Some(receiver), class, site)
                    }
                    Found::External(external) => {
                        let external = self.heap.value(Val::External(external));
                        self.heap.one(Val::Bound(external, receiver))
                    }
                    Found::Builtin(base) => {
                        let text = format!("{}.{}", self.names.text(base), self.names.text(name));
                        let name = self.names.id(&text);
                        let builtin = self.heap.value(Val::Builtin(name));
                        self.heap.one(Val::Bound(builtin, receiver))
                    }
                    Found::Missing => {
                        let name = self.names.id(&format!("object.{}", self.names.text(name)));
                        let builtin = self.heap.value(Val::Builtin(name));
                        self.heap.one(Val::Bound(builtin, receiver))
                    }
                }
            }
        }
    }

    fn instance_attribute(
        &mut self,
        id: ValueId,
        object: ObjectId,
        class: ObjectId,
        name: NameId,
        site: Site,
    ) -> SetId {
        let class_value = self.heap.value(Val::Class(class));
        match self.names.text(name) {
            "__class__" => return self.heap.single(class_value),
            "__dict__" => return self.typed("dict"),
            _ => {}
        }
        if let Some(reader) = self.find_in_ancestors(class, "__getattribute__", false) {
            let text = self.heap.one(Val::Str(name));
            let bound = self.bind(reader, Some(id), class_value, site);
            let result = self.call_set(bound, Args::one(text), Site { implicit: true, ..site });
            if !self.is_unknown(result) {
                return result;
            }
        }
        let cell = self.heap.cell(object, Field::Attribute(name));
        let raw = self.heap.read(cell);
        let own = self.heap.strip(raw);
        let order = self.order_of(class);
        let found = self.find(&order, None, name);
        if let Found::Values(set) = found
            && self.heap.vals(set).iter().any(|(_, val)| self.is_property(*val))
        {
            // Properties come before the instance's own attributes.
            return self.bind(set, Some(id), class_value, site);
        }
        if own != EMPTY && !self.heap.may_be_unbound(raw) {
            return own;
        }
        let inherited = match found {
            Found::Values(set) => self.bind(set, Some(id), class_value, site),
            // `None` in a class of the project says little where an ancestor outside may assign the attribute.
            Found::External(external) if matches!(self.heap.only(own), Some(Val::None)) => {
                let external = self.heap.value(Val::External(external));
                self.heap.one(Val::Bound(external, id))
            }
            Found::External(_) | Found::Builtin(_) | Found::Missing if own != EMPTY => EMPTY,
            Found::External(_) | Found::Builtin(_) | Found::Missing => {
                if let Some(fallback) = self.find_in_ancestors(class, "__getattr__", false) {
                    let text = self.heap.one(Val::Str(name));
                    let bound = self.bind(fallback, Some(id), class_value, site);
                    let args = Args { positional: vec![text], ..Args::default() };
                    let result = self.call_set(bound, args, Site { implicit: true, ..site });
                    return self.heap.union(own, result);
                }
                match found {
                    Found::External(external) => {
                        let external = self.heap.value(Val::External(external));
                        self.heap.one(Val::Bound(external, id))
                    }
                    Found::Builtin(_) => self.heap.one(Val::Method(id, name)),
                    Found::Values(_) | Found::Missing => match self.names.text(name) {
                        "__init__" | "__str__" | "__repr__" | "__eq__" | "__hash__" | "__setattr__"
                        | "__getattribute__" | "__delattr__" | "__reduce__" | "__format__" | "__sizeof__" => {
                            let name = self.names.id(&format!("object.{}", self.names.text(name)));
                            let builtin = self.heap.value(Val::Builtin(name));
                            self.heap.one(Val::Bound(builtin, id))
                        }
                        _ => self.unknown(Unknown::Attribute),
                    },
                }
            }
        };
        self.heap.union(own, inherited)
    }

    fn is_property(&self, val: Val) -> bool {
        matches!(val, Val::Object(object) if self.heap.shape(object) == Shape::Property)
    }

    /// What a class's attribute is when reached through an instance, or (without `receiver`) through the class.
    pub fn bind(&mut self, set: SetId, receiver: Option<ValueId>, class: ValueId, site: Site) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(set) {
            let part = match (val, receiver) {
                (Val::Function(_), Some(receiver)) => self.heap.one(Val::Bound(id, receiver)),
                (Val::StaticMethod(inner), _) => self.heap.single(inner),
                (Val::ClassMethod(inner), _) => self.heap.one(Val::Bound(inner, class)),
                (Val::Object(object), Some(receiver)) if self.heap.shape(object) == Shape::Property => {
                    let name = self.names.id("fget");
                    let getter = self.heap.read_field(object, Field::Attribute(name));
                    let receiver = self.heap.single(receiver);
                    let args = Args { positional: vec![receiver], ..Args::default() };
                    self.call_set(getter, args, Site { implicit: true, ..site })
                }
                (Val::Object(object), Some(receiver))
                    if matches!(self.heap.shape(object), Shape::Instance(_)) && self.binding < 8 =>
                {
                    // A descriptor of the project. (A special method may itself be one.)
                    self.binding += 1;
                    let own = self.heap.single(id);
                    let instance = self.heap.single(receiver);
                    let owner = self.heap.single(class);
                    let args = Args { positional: vec![instance, owner], ..Args::default() };
                    let (called, result) = self.call_special(own, "__get__", args, Site { implicit: true, ..site });
                    self.binding -= 1;
                    if called { result } else { own }
                }
                _ => self.heap.single(id),
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// What `del x.y` calls: `__delattr__` of the class, or the deleter of a property or descriptor.
    pub fn delete_attribute(&mut self, base: SetId, name: NameId, site: Site) {
        let text = self.heap.one(Val::Str(name));
        self.call_special(base, "__delattr__", Args::one(text), site);
        for (id, val) in self.heap.vals(base) {
            let Val::Object(object) = val else { continue };
            let Shape::Instance(class) = self.heap.shape(object) else { continue };
            let order = self.order_of(class);
            let Found::Values(set) = self.find(&order, None, name) else { continue };
            let receiver = self.heap.single(id);
            self.call_special(set, "__delete__", Args::one(receiver), site);
            for (_, val) in self.heap.vals(set) {
                if let Val::Object(property) = val
                    && self.heap.shape(property) == Shape::Property
                {
                    let name = self.names.id("fdel");
                    let deleter = self.heap.read_field(property, Field::Attribute(name));
                    self.call_set(deleter, Args::one(receiver), site);
                }
            }
        }
    }

    pub fn set_attribute(&mut self, base: SetId, name: NameId, value: SetId, site: Site) {
        let values = self.heap.vals(base);
        let only = values.len() == 1;
        for (id, val) in values {
            let object = match val {
                Val::Object(object) => {
                    if let Shape::Instance(class) = self.heap.shape(object) {
                        let order = self.order_of(class);
                        if let Found::Values(set) = self.find(&order, None, name) {
                            let mut set_by_code = false;
                            for (descriptor, val) in self.heap.vals(set) {
                                let receiver = self.heap.single(id);
                                match val {
                                    Val::Object(property) if self.heap.shape(property) == Shape::Property => {
                                        let fset = self.names.id("fset");
                                        let setter = self.heap.read_field(property, Field::Attribute(fset));
                                        if setter != EMPTY {
                                            set_by_code = true;
                                            let args = Args { positional: vec![receiver, value], ..Args::default() };
                                            self.call_set(setter, args, site);
                                        }
                                    }
                                    Val::Object(other) if matches!(self.heap.shape(other), Shape::Instance(_)) => {
                                        let own = self.heap.single(descriptor);
                                        let args = Args { positional: vec![receiver, value], ..Args::default() };
                                        set_by_code |= self.call_special(own, "__set__", args, site).0;
                                    }
                                    _ => {}
                                }
                            }
                            if set_by_code {
                                continue;
                            }
                        }
                        if let Some(setter) = self.find_in_ancestors(class, "__setattr__", false) {
                            let text = self.heap.one(Val::Str(name));
                            let class = self.heap.value(Val::Class(class));
                            let bound = self.bind(setter, Some(id), class, site);
                            let args = Args { positional: vec![text, value], ..Args::default() };
                            self.call_set(bound, args, site);
                        }
                    }
                    object
                }
                Val::Class(object) => object,
                Val::Module(module) => self.module_object(module),
                Val::Function(closure) => self.closure(closure).object,
                _ => continue,
            };
            let cell = self.heap.cell(object, Field::Attribute(name));
            let unique = self.heap.objects.get(object.0 as usize).is_some_and(|object| object.unique);
            self.heap.store(cell, value, only && unique);
        }
    }

    // Elements.

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
    fn constants(&self, keys: SetId) -> Option<Vec<(ValueId, Val)>> {
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

    fn leads_to(&self, val: Val, closure: super::heap::ClosureId) -> bool {
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

    /// Calls a special method of the project on every instance in a set, and on every class with a metaclass of the
    /// project. Returns whether there was one, and its results.
    pub fn call_special(&mut self, base: SetId, name: &str, args: Args, site: Site) -> (bool, SetId) {
        let mut called = false;
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(base) {
            let class = match val {
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::Instance(class) => class,
                    _ => continue,
                },
                Val::Class(class) => match self.class_objects.get(&class).and_then(|class| class.metaclass) {
                    Some(metaclass) => metaclass,
                    None => continue,
                },
                _ => continue,
            };
            let Some(found) = self.find_in_ancestors(class, name, false) else { continue };
            let class = self.heap.value(Val::Class(class));
            let site = Site { implicit: true, ..site };
            let bound = self.bind(found, Some(id), class, site);
            let result = self.call_set(bound, args.clone(), site);
            called = true;
            out = self.heap.union(out, result);
        }
        (called, out)
    }

    /// What `with x as y` binds.
    pub fn enter_context(&mut self, manager: SetId, enter: &str, site: Site) -> SetId {
        let mut out = EMPTY;
        for (id, val) in self.heap.vals(manager) {
            let one = self.heap.single(id);
            let part = match val {
                Val::Object(object) => match self.heap.shape(object) {
                    Shape::Instance(_) => {
                        let (called, result) = self.call_special(one, enter, Args::default(), site);
                        if called { result } else { one }
                    }
                    // `@contextmanager`: what it yields.
                    Shape::Generator => self.elements(object),
                    _ => one,
                },
                _ => one,
            };
            out = self.heap.union(out, part);
        }
        out
    }

    /// Keeps a call of something outside the project made by a site.
    pub fn reach_external(&mut self, site: Site, external: ExternalId) {
        self.reach(site, Target::External(external));
    }
}
