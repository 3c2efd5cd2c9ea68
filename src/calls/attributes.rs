//! Attributes: what `x.y` is, what storing and deleting it calls, how methods are bound, and special methods.

use super::Unknown;
use super::classes::Found;
use super::definitions::{Definition, NameId};
use super::heap::{Ancestor, EMPTY, ExternalId, Field, ObjectId, SetId, Shape, Val, ValueId};
use super::interpret::{Interpreter, Site, Target};
use super::invoke::Args;
use crate::project::ModuleId;
use crate::project::modules::Resolution;

/// Most attributes that a name of which only a part is known stands for.
const MOST_MATCHES: usize = 100;

impl<'p> Interpreter<'p> {
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

    pub fn namespace_attribute(&mut self, at: u32, name: NameId) -> SetId {
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

    pub fn is_property(&self, val: Val) -> bool {
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
