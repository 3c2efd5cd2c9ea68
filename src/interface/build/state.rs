//! What is known at a program point: which value each variable holds, and what the objects contain that the
//! handler itself makes.
//!
//! ```text
//!            Value(e)         an expression over the handler's arguments, loop variables and unknowns
//!          /    |     \
//!   Reference  Object  Tuple  a function, class or module; a list, dict, set or instance; several values
//! ```
//!
//! There is no top: what is not known is a fresh unknown, an expression `Value(?n)` that remembers its cause.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::expression::{Expr, Text, Value};

/// A running instance of a function.
pub type FrameId = u32;

/// An object that the handler makes.
pub type ObjectId = u32;

/// Where a variable lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A function call.
    Frame(FrameId),
    /// A module, by its dotted name.
    Module(Text),
    /// A class body, by the class's qualified name.
    Class(Text),
}

/// A variable.
pub type Variable = (Scope, Text);

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Abstract {
    /// An expression.
    Value(Rc<Expr>),
    /// A function, class, module or external thing by qualified name; of a function inside another the frame that it
    /// was defined in.
    Reference(Text, Option<FrameId>),
    /// An object that the handler made.
    Object(ObjectId),
    /// Several values in a row (a tuple, `*args`).
    Tuple(Rc<Vec<Abstract>>),
    /// One of several instances, by the class's name that an expression gives.
    Choice(Rc<Expr>, Rc<Vec<(Text, Abstract)>>),
}

impl Abstract {
    /// A value by its expression.
    pub fn value(expr: Expr) -> Self {
        Self::Value(Rc::new(expr))
    }

    /// `None`.
    pub fn none() -> Self {
        Self::value(Expr::Constant(Value::None))
    }
}

/// What kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A list, or what a generator yields.
    List,
    /// A dict.
    Dict,
    /// A set.
    Set,
    /// An instance of a class of the project, by the class's qualified name.
    Instance(Text),
}

/// What is known of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Of a container: its whole content.
    pub content: Option<Rc<Expr>>,
    /// Of a container: the number of its items.
    pub length: Option<Rc<Expr>>,
    /// Of an instance: its attributes. Of a dict: the values that no expression can hold (objects, functions).
    pub fields: BTreeMap<Text, Abstract>,
}

/// What is known at a program point. Cheap to copy until changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    variables: Rc<BTreeMap<Variable, Abstract>>,
    objects: Rc<BTreeMap<ObjectId, Rc<Object>>>,
    /// Conditions that were decided on the way here, and how. Names never change their value along a way, so what was
    /// decided stays so.
    facts: Rc<BTreeMap<String, bool>>,
    /// Objects that may be one, both ways: a join of two, or a loop's head, makes a third that stands for either.
    aliases: Rc<BTreeMap<ObjectId, BTreeSet<ObjectId>>>,
}

impl State {
    /// How a condition was decided on the way here.
    pub fn fact(&self, condition: &str) -> Option<bool> {
        self.facts.get(condition).copied()
    }

    /// Notes how a condition was decided.
    pub fn learn(&mut self, condition: String, holds: bool) {
        Rc::make_mut(&mut self.facts).insert(condition, holds);
    }

    /// Keeps of what was decided what another way decided too.
    pub fn common_facts(&mut self, other: &Self) {
        if !Rc::ptr_eq(&self.facts, &other.facts) {
            Rc::make_mut(&mut self.facts).retain(|condition, holds| other.facts.get(condition) == Some(holds));
        }
    }

    /// What a variable holds, if it is bound.
    pub fn get(&self, variable: &Variable) -> Option<&Abstract> {
        self.variables.get(variable)
    }

    /// Binds a variable.
    pub fn set(&mut self, variable: Variable, value: Abstract) {
        Rc::make_mut(&mut self.variables).insert(variable, value);
    }

    /// Unbinds a variable.
    pub fn remove(&mut self, variable: &Variable) {
        Rc::make_mut(&mut self.variables).remove(variable);
    }

    /// Unbinds the variables of a call that is over.
    pub fn drop_frame(&mut self, frame: FrameId) {
        let first = (Scope::Frame(frame), Text::from(""));
        let behind = (Scope::Frame(frame + 1), Text::from(""));
        let own: Vec<Variable> = self.variables.range(first..behind).map(|(variable, _)| variable.clone()).collect();
        if !own.is_empty() {
            let variables = Rc::make_mut(&mut self.variables);
            for variable in own {
                variables.remove(&variable);
            }
        }
    }

    /// The variables of a scope, in order.
    pub fn variables_of(&self, scope: &Scope) -> impl Iterator<Item = (&Text, &Abstract)> {
        let first = (scope.clone(), Text::from(""));
        self.variables
            .range(first..)
            .take_while(move |((own, _), _)| own == scope)
            .map(|((_, name), value)| (name, value))
    }

    /// Every variable, in order.
    pub fn variables(&self) -> impl Iterator<Item = (&Variable, &Abstract)> {
        self.variables.iter()
    }

    /// An object.
    pub fn object(&self, id: ObjectId) -> Option<&Rc<Object>> {
        self.objects.get(&id)
    }

    /// Every object, in order.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, &Rc<Object>)> {
        self.objects.iter().map(|(id, object)| (*id, object))
    }

    /// Makes or replaces an object.
    pub fn set_object(&mut self, id: ObjectId, object: Object) {
        Rc::make_mut(&mut self.objects).insert(id, Rc::new(object));
    }

    /// Changes what a container holds: what may be the same object is then not known any more.
    pub fn mutate(&mut self, id: ObjectId, change: impl FnOnce(&mut Object)) {
        let others: Vec<ObjectId> = self.aliases(id).collect();
        for other in others {
            self.change(other, |object| {
                object.content = None;
                object.length = None;
                object.fields.clear();
            });
        }
        self.change(id, change);
    }

    /// The objects that may be the same as this one.
    pub fn aliases(&self, id: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.aliases.get(&id).into_iter().flatten().copied()
    }

    /// Notes that an object may be another, and so whatever that may be. Not the other way round: two that a third may
    /// be either of are two objects still.
    pub fn alias(&mut self, id: ObjectId, other: ObjectId) {
        let others: Vec<ObjectId> = self.aliases(other).chain([other]).collect();
        for other in others {
            if other != id && !self.aliases(id).any(|known| known == other) {
                let aliases = Rc::make_mut(&mut self.aliases);
                aliases.entry(id).or_default().insert(other);
                aliases.entry(other).or_default().insert(id);
            }
        }
    }

    /// Adds what another way notes of objects that may be one.
    pub fn add_aliases(&mut self, other: &Self) {
        if !Rc::ptr_eq(&self.aliases, &other.aliases) {
            let aliases = Rc::make_mut(&mut self.aliases);
            for (id, others) in other.aliases.iter() {
                aliases.entry(*id).or_default().extend(others);
            }
        }
    }

    /// An object is made anew.
    pub fn forget_aliases(&mut self, id: ObjectId) {
        if self.aliases.contains_key(&id) {
            let aliases = Rc::make_mut(&mut self.aliases);
            for other in aliases.remove(&id).unwrap_or_default() {
                if let Some(others) = aliases.get_mut(&other) {
                    others.remove(&id);
                }
            }
        }
    }

    /// Changes what is known of an object that is there, or a field of an instance.
    pub fn change(&mut self, id: ObjectId, change: impl FnOnce(&mut Object)) {
        if let Some(object) = Rc::make_mut(&mut self.objects).get_mut(&id) {
            change(Rc::make_mut(object));
        }
    }

    /// Whether two states are the same without looking (they share everything).
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.variables, &other.variables) && Rc::ptr_eq(&self.objects, &other.objects)
    }
}
