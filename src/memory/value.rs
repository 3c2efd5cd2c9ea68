//! Values of the abstract machine, and the objects that they stand for.
//!
//! ```text
//!   Plain     a value that is known: a constant, part of the event, the result of exact evaluation
//!   Number    a number that was computed: a formula, or not known
//!   Object    memory: something with bytes, a length, items, attributes
//!   Code      a function, class, module or method: what can be called or imported
//!   Input     part of an event that is not given: known by its path only
//!   Unknown   what nothing is known of, with its cause
//! ```

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::calls::{ClassId, FunctionId};
use crate::expression::{Text, Value as Plain};
use crate::project::ModuleId;

use super::amount::{Amount, Bytes};

/// Ints that are there once, and take nothing (`_PY_NSMALLNEGINTS`, `_PY_NSMALLPOSINTS`; more from Python 3.14 on).
const SMALL_INTS: std::ops::RangeInclusive<i128> = -5..=256;

/// An object of the heap.
pub type ObjectId = u32;
/// A running or captured function call.
pub type FrameId = u32;
/// An unknown of the machine's list.
pub type UnknownId = u32;

/// What a variable, an item or an expression holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A known value. Its memory is not counted: it is a constant, or it was there before (the event).
    Plain(Plain),
    /// A computed number: `fresh` numbers take memory when something keeps them.
    Number(Number),
    /// A computed `float` that is known: takes memory when something keeps it.
    Float(f64),
    /// An object.
    Object(ObjectId),
    /// Something to call or to look into.
    Code(Code),
    /// Part of the handler's arguments, where those are not given.
    Input(Text),
    /// Not known.
    Unknown(UnknownId),
}

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NumberKind {
    /// `bool`: never takes memory.
    Bool,
    /// `int`
    Int,
    /// `float`
    Float,
}

/// The container that a number was read from, whose memory has the number's bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder {
    /// Its place in the heap.
    pub id: ObjectId,
    /// Which one of all objects that were made it is, as far as it goes; 0 for none.
    pub born: u32,
}

impl PartialEq for Holder {
    /// Where a number was read does not make it another one.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A number that was computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its type.
    pub kind: NumberKind,
    /// Its value, if that is known as a formula.
    pub amount: Option<Amount>,
    /// Its value as a float that was read, if that is known.
    pub float: Option<f64>,
    /// Whether something else keeps it already: it was read from a container, and keeping it once more takes nothing.
    pub shared: bool,
    /// What keeps it, where that is known.
    pub holder: Holder,
    /// Whether its block has room for one more digit than it needs (`x_add` and `x_mul` of `Objects/longobject.c`
    /// make their result before they know how many digits it has).
    pub spare: bool,
}

impl Number {
    /// Nothing keeps it yet, and its block is made to measure.
    pub fn new(kind: NumberKind, amount: Option<Amount>) -> Self {
        Self { kind, amount, float: None, shared: false, holder: Holder::default(), spare: false }
    }

    /// The number where its value is not known.
    #[must_use]
    pub fn blurred(self) -> Self {
        Self { amount: None, float: None, ..self }
    }

    /// The number as it was before something kept it.
    pub fn computed(&self) -> Value {
        match self.float {
            Some(float) => Value::Float(float),
            None => Value::Number(Self { shared: false, holder: Holder::default(), ..self.clone() }),
        }
    }
}

/// What can be called, imported or looked into.
#[derive(Clone, Debug, PartialEq)]
pub enum Code {
    /// A function of the project, with the frame that it closes over.
    Function(FunctionId, Option<FrameId>),
    /// A method of the project with its receiver.
    Method(FunctionId, Box<Value>),
    /// A class of the project.
    Class(ClassId),
    /// A module of the project.
    Module(ModuleId),
    /// Something outside of the project, by its qualified name: a module, class or function, built-ins without module.
    External(Text),
    /// A method of a value that is not of the project's classes.
    Bound(Box<Value>, Text),
    /// `functools.partial(f, …)`: what is called, with what is passed first.
    Partial(Box<Value>, Rc<Vec<Value>>, Rc<Vec<(Text, Value)>>),
    /// `super()` in a method of a class, with its receiver.
    Super(ClassId, Box<Value>),
}

impl Value {
    /// `None`.
    pub const NONE: Self = Self::Plain(Plain::None);

    /// A computed number: nothing keeps it yet, and its block is made to measure.
    pub fn computed(kind: NumberKind, amount: Option<Amount>) -> Self {
        Self::Number(Number::new(kind, amount))
    }

    /// A computed integer.
    pub fn int(amount: Amount) -> Self {
        Self::computed(NumberKind::Int, Some(amount))
    }

    /// A number of which the type alone is known.
    pub fn number(kind: NumberKind) -> Self {
        Self::computed(kind, None)
    }

    /// The value as something that is kept already: keeping it once more takes no memory.
    #[must_use]
    pub fn kept(self) -> Self {
        match self {
            Self::Number(number) if number.shared && number.holder.born != 0 => Self::Number(number),
            Self::Float(float) => Self::Plain(Plain::Float(float)),
            Self::Number(Number { kind: NumberKind::Int, amount: Some(Amount::Int(int)), .. }) => {
                Self::Plain(Plain::int(int))
            }
            Self::Number(number) => Self::Number(Number { shared: true, ..number }),
            other => other,
        }
    }

    /// The value as it is read from a container that keeps it.
    #[must_use]
    pub fn kept_by(self, holder: Holder) -> Self {
        match self {
            Self::Float(float) => {
                let number = Number::new(NumberKind::Float, None);
                Self::Number(Number { float: Some(float), shared: true, holder, ..number })
            }
            Self::Number(number) if number.kind != NumberKind::Bool => match &number.amount {
                Some(Amount::Int(small)) if SMALL_INTS.contains(small) => Self::Plain(Plain::int(*small)),
                _ => Self::Number(Number { shared: true, holder, ..number }),
            },
            other => other.kept(),
        }
    }

    /// Whether it is a number that takes memory where something keeps it, or is kept by something.
    pub fn is_number(&self) -> bool {
        match self {
            Self::Float(_) => true,
            Self::Number(Number { kind: NumberKind::Bool, .. }) => false,
            Self::Number(Number { amount: Some(Amount::Int(small)), .. }) => !SMALL_INTS.contains(small),
            Self::Number(_) => true,
            _ => false,
        }
    }

    /// A known float.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Plain(Plain::Float(float)) | Self::Float(float) => Some(*float),
            Self::Number(number) => number.float,
            _ => None,
        }
    }

    /// A truth value.
    pub fn bool(value: bool) -> Self {
        Self::Plain(Plain::Bool(value))
    }

    /// A known text.
    pub fn text(text: &str) -> Self {
        Self::Plain(Plain::text(text))
    }

    /// Something outside of the project.
    pub fn external(name: impl AsRef<str>) -> Self {
        Self::Code(Code::External(Text::from(name.as_ref())))
    }

    /// The object, if it is one.
    pub fn object(&self) -> Option<ObjectId> {
        match self {
            Self::Object(id) => Some(*id),
            _ => None,
        }
    }

    /// The text, if it is known.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Plain(Plain::Str(text)) => Some(text),
            _ => None,
        }
    }
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Text; `width` bytes a character.
    Str {
        /// 1, 2 or 4.
        width: u8,
    },
    /// `bytes`
    Bytes,
    /// `bytearray`
    ByteArray,
    /// `memoryview`
    MemoryView,
    /// `list`
    List,
    /// `tuple`
    Tuple,
    /// `set`, `frozenset`
    Set,
    /// `dict` and its kin (`collections.defaultdict`, …)
    Dict,
    /// `collections.deque`
    Deque,
    /// A generator or another iterator, not yet run.
    Iterator,
    /// An instance of a class of the project.
    Instance(ClassId),
    /// What a contract made: `ndarray`, `PIL.Image`, `io.BytesIO`, …
    Named(Text),
}

impl Kind {
    /// The name that contracts know it by.
    pub fn name(&self) -> Text {
        match self {
            Self::Str { .. } => Text::from("str"),
            Self::Bytes => Text::from("bytes"),
            Self::ByteArray => Text::from("bytearray"),
            Self::MemoryView => Text::from("memoryview"),
            Self::List => Text::from("list"),
            Self::Tuple => Text::from("tuple"),
            Self::Set => Text::from("set"),
            Self::Dict => Text::from("dict"),
            Self::Deque => Text::from("deque"),
            Self::Iterator => Text::from("iterator"),
            Self::Instance(_) => Text::from("object"),
            Self::Named(name) => name.clone(),
        }
    }
}

/// How an object's own bytes follow from its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// They do not: they are what they were when it was made.
    Fixed,
    /// As many slots as items: a display, a copy, a comprehension's `list(…)`.
    Exact,
    /// The same, and one more where their number is odd, from 3.10 on: `list(items)` (`list_preallocate_exact`).
    Even,
    /// Grown item by item, with room to spare.
    Appended,
}

/// An item of a container: its key in a dict.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Option<Value>,
    /// The item.
    pub value: Value,
    /// What [`hash_of`] makes of the key (of the item, in a set), if that was known when it was put in.
    pub hash: Option<u64>,
}

/// A number that equal keys have in common. `None` where that is not known.
pub fn hash_of(key: &Plain) -> Option<u64> {
    use std::hash::{Hash as _, Hasher as _};
    fn feed(key: &Plain, into: &mut rustc_hash::FxHasher) -> Option<()> {
        match key {
            Plain::None => 0_u8.hash(into),
            Plain::Bool(value) => i128::from(*value).hash(into),
            Plain::Int(int) => Amount::from(int).as_int()?.hash(into),
            Plain::Str(text) => text.hash(into),
            Plain::Tuple(items) => {
                for item in items.iter() {
                    feed(item, into)?;
                }
                items.len().hash(into);
            }
            Plain::Bytes(bytes) => bytes.hash(into),
            // A float may equal an int.
            Plain::Float(float) if float.fract() == 0.0 && float.abs() < 1e18 => (*float as i128).hash(into),
            Plain::Float(float) => float.to_bits().hash(into),
            Plain::List(_) | Plain::Set(_) | Plain::Dict(_) | Plain::Range(..) | Plain::Iterable(..) => return None,
        }
        Some(())
    }
    let mut hasher = rustc_hash::FxHasher::default();
    feed(key, &mut hasher)?;
    Some(hasher.finish())
}

/// The items of a container that are told apart: a row from whose front items are taken as cheaply as from its end.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// Those that were taken from the front are still there, without values.
    row: Vec<Entry>,
    /// The first that was not.
    begin: usize,
}

impl Entries {
    /// Puts one behind the last.
    pub fn push(&mut self, entry: Entry) {
        self.row.push(entry);
    }

    /// Takes one out. Panics if there are not so many.
    pub fn remove(&mut self, at: usize) -> Entry {
        if at > 0 || self.is_empty() {
            return self.row.remove(self.begin + at);
        }
        let none = Entry { key: None, value: Value::NONE, hash: None };
        let taken = std::mem::replace(&mut self.row[self.begin], none);
        self.begin += 1;
        // Each is moved once for every time that it was behind as many as were taken.
        if self.begin > self.row.len() / 2 {
            self.row.drain(..self.begin);
            self.begin = 0;
        }
        taken
    }

    /// Puts one before another, or behind the last.
    pub fn insert(&mut self, at: usize, entry: Entry) {
        if at == 0 && self.begin > 0 {
            self.begin -= 1;
            self.row[self.begin] = entry;
        } else {
            self.row.insert((self.begin + at).min(self.row.len()), entry);
        }
    }

    /// Takes the last one out.
    pub fn pop(&mut self) -> Option<Entry> {
        if self.is_empty() { None } else { self.row.pop() }
    }

    /// Takes out all from one on.
    pub fn split_off(&mut self, from: usize) -> Vec<Entry> {
        self.row.split_off(self.begin + from)
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(row: Vec<Entry>) -> Self {
        Self { row, begin: 0 }
    }
}

impl std::ops::Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        self.row.get(self.begin..).unwrap_or_default()
    }
}

impl std::ops::DerefMut for Entries {
    fn deref_mut(&mut self) -> &mut [Entry] {
        self.row.get_mut(self.begin..).unwrap_or_default()
    }
}

impl<'e> IntoIterator for &'e Entries {
    type Item = &'e Entry;
    type IntoIter = std::slice::Iter<'e, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// Where the entries of a container are by what [`hash_of`] makes of their keys: made when something is looked for, and
/// no part of what a container is. Whoever moves entries calls [`Index::clear`], and whoever removes one
/// [`Index::removed`].
#[derive(Debug, Default)]
pub struct Index(std::cell::RefCell<Positions>);

#[derive(Debug, Default)]
struct Positions {
    /// Positions among all that the container ever had at its end.
    by_hash: rustc_hash::FxHashMap<u64, u32>,
    /// Entries that were taken from the front since.
    gone: usize,
    /// Entries that have been looked at, those included.
    upto: usize,
    /// Some entry has no hash, or two have the same one: only looking at all of them tells.
    partial: bool,
}

impl Index {
    /// Forgets all positions.
    pub fn clear(&self) {
        *self.0.borrow_mut() = Positions::default();
    }

    /// An entry was removed from a place.
    pub fn removed(&self, at: usize, entry: &Entry) {
        let mut positions = self.0.borrow_mut();
        match entry.hash {
            Some(hash) if at == 0 && !positions.partial && positions.upto > positions.gone => {
                positions.by_hash.remove(&hash);
                positions.gone += 1;
            }
            _ => *positions = Positions::default(),
        }
    }

    /// The only entry that may have a hash: `Err` where all have to be looked at.
    pub fn find(&self, entries: &[Entry], hash: u64) -> Result<Option<usize>, ()> {
        let mut positions = self.0.borrow_mut();
        if positions.upto > entries.len() + positions.gone {
            *positions = Positions::default();
        }
        let gone = positions.gone;
        for (at, entry) in entries.iter().enumerate().skip(positions.upto - gone) {
            let place = u32::try_from(at + gone).unwrap_or(u32::MAX);
            match entry.hash {
                Some(hash) => positions.partial |= positions.by_hash.insert(hash, place).is_some(),
                None => positions.partial = true,
            }
        }
        positions.upto = entries.len() + gone;
        if positions.partial {
            return Err(());
        }
        Ok(positions.by_hash.get(&hash).and_then(|at| usize::try_from(*at).ok()?.checked_sub(gone)))
    }
}

impl Clone for Index {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// How the ints of a container are spread, from those that are told apart: what stands for one of the others is drawn
/// from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// The least one.
    pub low: i128,
    /// The largest one.
    pub high: i128,
    /// Each is larger than the one before: the others go on like that.
    pub rising: bool,
    /// Some of them.
    pub some: Vec<i128>,
    /// How many were seen.
    pub count: i128,
}

impl Spread {
    /// Of some ints in their order.
    pub fn of(ints: impl IntoIterator<Item = i128>) -> Option<Self> {
        let mut ints = ints.into_iter();
        let first = ints.next()?;
        let mut spread = Self { low: first, high: first, rising: true, some: vec![first], count: 1 };
        let mut last = first;
        for int in ints {
            spread.rising &= int > last;
            spread.low = spread.low.min(int);
            spread.high = spread.high.max(int);
            spread.count += 1;
            if spread.some.len() < 64 {
                spread.some.push(int);
            }
            last = int;
        }
        spread.rising &= spread.count > 1;
        Some(spread)
    }

    /// One of them: that of a place where places tell them, or by a random number.
    pub fn draw(&self, place: Option<i128>, random: u64) -> i128 {
        let range = self.high.saturating_sub(self.low);
        match place {
            Some(place) if self.rising => {
                self.low.saturating_add(range.saturating_mul(place) / (self.count - 1).max(1))
            }
            _ if range <= 16 => {
                let at = usize::try_from(random % u64::try_from(self.some.len().max(1)).unwrap_or(1)).unwrap_or(0);
                self.some.get(at).copied().unwrap_or(self.low)
            }
            _ => self.low + i128::from(random) % (range + 1),
        }
    }
}

/// Items that are not told apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rest {
    /// How many.
    pub count: Amount,
    /// One of the keys.
    pub key: Option<Value>,
    /// One of the items: what is true of all of them.
    pub value: Option<Value>,
    /// The memory of all of them, keys included, as far as the container is their owner.
    pub payload: Bytes,
    /// Whether all are the very same value, as in `[0] * n` before anything is put into it.
    pub alike: bool,
}

impl Rest {
    /// Memory alone, without items. None where there is none.
    pub fn of_payload(payload: Bytes) -> Option<Box<Self>> {
        (!payload.is_zero()).then(|| Box::new(Self { payload, ..Self::default() }))
    }
}

/// What an iterator goes over when something asks it for items.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A generator function of the project, its frame with parameters bound.
    Generator(FunctionId, FrameId),
    /// `range(start, …, step)` with so many items.
    Range(Amount, Amount, Amount),
    /// A generator expression: where its code is, and the frame that it reads.
    Expression(super::machine::NodeRef, FrameId),
    /// Items of other values, changed on the way: `enumerate`, `zip`, `map`, `filter`, `reversed` …
    Adapter(Adapter, Vec<Value>),
}

/// What is done with items on the way.
#[derive(Clone, Debug, PartialEq)]
pub enum Adapter {
    /// `enumerate(xs)`
    Enumerate,
    /// `zip(xs, …)`
    Zip,
    /// `map(f, xs)`: the function is the first value.
    Map,
    /// `itertools.accumulate(xs)`: each with all before it.
    Accumulate,
    /// `filter(f, xs)`
    Filter,
    /// `reversed(xs)`, `iter(xs)`: the items as they are.
    Same,
    /// `itertools.chain(xs, ys)`
    Chain,
    /// `itertools.groupby(xs, key)`
    Groups,
    /// `d.items()`
    Items,
    /// `d.keys()`
    Keys,
    /// `d.values()`
    Values,
    /// Something with so many items of a kind: lines of a file, matches of a pattern.
    Count(Amount),
}

/// An object of the abstract heap.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// The bytes of its own blocks.
    pub own: Bytes,
    /// How they follow from its length.
    pub growth: Growth,
    /// Items, characters or bytes.
    pub length: Option<Amount>,
    /// Its exact content, while that is known.
    pub known: Option<Plain>,
    /// Its items, as far as they are told apart; in order.
    pub entries: Entries,
    /// Where entries are by their keys.
    pub index: Index,
    /// How its ints are spread, by place where that is a tuple's: of one that stands for others, or has others.
    pub spread: Option<Rc<Vec<Option<Spread>>>>,
    /// All other items.
    pub rest: Option<Box<Rest>>,
    /// Attributes of an instance, or of what a contract made.
    pub fields: BTreeMap<Text, Value>,
    /// Sizes that contracts ask for (`width`, `itemsize`).
    pub features: BTreeMap<Text, Amount>,
    /// The shape of an array.
    pub shape: Option<Vec<Amount>>,
    /// What it keeps alive: the owner of a view's memory, an iterator's source.
    pub base: Vec<ObjectId>,
    /// What an iterator goes over.
    pub source: Option<Rc<Source>>,
    /// How many variables, items and attributes hold it.
    pub refs: u32,
    /// Where its growth is counted, if not with itself: the container that it is a sample item of.
    pub account: Option<ObjectId>,
    /// The module whose code made it, and the line.
    pub module: ModuleId,
    /// The line that made it.
    pub line: u32,
    /// Which one of all objects that were made.
    pub born: u64,
    /// What of its own bytes the demand has counted already; growth is counted when it shrinks or goes.
    pub counted: Amount,
    /// Which containers have numbers that it keeps: where it goes before them, the numbers stay.
    pub lent: Lent,
}

/// Numbers of a container that others have, too.
#[derive(Clone, Debug, Default)]
pub struct Lent(Vec<Loan>);

/// Numbers of a container that another has.
#[derive(Clone, Debug)]
pub struct Loan {
    /// The other.
    pub to: Holder,
    /// How many.
    pub count: u64,
    /// Items of the other when it got the last.
    pub of: u64,
}

impl PartialEq for Lent {
    /// Objects that are alike may have been read in different ways.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Lent {
    /// Containers that are told apart.
    const MOST: usize = 1 << 16;

    /// Another container has a number more.
    pub fn add(&mut self, to: Holder, of: u64) {
        // Mostly the one that had the last, or one of a few that take turns.
        let near = self.0.len().saturating_sub(4);
        if let Some(loan) = self.0[near..].iter_mut().find(|loan| loan.to.born == to.born) {
            loan.count += 1;
            loan.of = of;
        } else if self.0.len() < Self::MOST {
            self.0.push(Loan { to, count: 1, of });
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Loan> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Object {
    /// How many items it has, if that is known; else how many are told apart.
    pub fn items(&self) -> usize {
        self.length.as_ref().and_then(Amount::as_usize).unwrap_or(self.entries.len())
    }

    /// A new object like it, which nothing holds.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { refs: 0, account: None, lent: Lent::default(), ..self.clone() }
    }

    /// An object without items.
    pub fn new(kind: Kind, own: Bytes) -> Self {
        Self {
            kind,
            own,
            growth: Growth::Fixed,
            length: None,
            known: None,
            entries: Entries::default(),
            index: Index::default(),
            spread: None,
            rest: None,
            fields: BTreeMap::new(),
            features: BTreeMap::new(),
            shape: None,
            base: Vec::new(),
            source: None,
            refs: 0,
            account: None,
            module: ModuleId(0),
            line: 0,
            born: 0,
            counted: Amount::ZERO,
            lent: Lent::default(),
        }
    }

    /// The bytes that go when it goes, items that others hold left out. Those of a sample are its container's.
    pub fn bytes(&self) -> Bytes {
        if self.account.is_some() {
            return Bytes::ZERO;
        }
        match &self.rest {
            Some(rest) => &self.own + &rest.payload,
            None => self.own.clone(),
        }
    }

    /// Whether no amount of it depends on anything.
    pub fn is_constant(&self) -> bool {
        let constant = |amount: &Amount| matches!(amount, Amount::Int(_));
        let known = |value: &Value| match value {
            Value::Number(number) => number.amount.as_ref().is_none_or(constant),
            _ => true,
        };
        let bytes = |bytes: &Bytes| constant(&bytes.requested) && constant(&bytes.resident);
        bytes(&self.own)
            && constant(&self.counted)
            && self.length.as_ref().is_none_or(constant)
            && self.features.values().all(constant)
            && self.shape.iter().flatten().all(constant)
            && self.rest.as_ref().is_none_or(|rest| {
                constant(&rest.count) && bytes(&rest.payload) && rest.key.iter().chain(&rest.value).all(known)
            })
            && self.fields.values().all(known)
            && self.entries.iter().flat_map(|entry| entry.key.iter().chain([&entry.value])).all(known)
    }

    /// Whether all its items are told apart.
    pub fn apart(&self) -> bool {
        self.known.is_none() && self.rest.as_ref().is_none_or(|rest| rest.count.is_zero())
    }

    /// Everything that it holds directly.
    pub fn held(&self) -> Vec<ObjectId> {
        let entries = self.entries.iter().flat_map(|entry| entry.key.iter().chain([&entry.value]));
        let rest = self.rest.iter().flat_map(|rest| rest.key.iter().chain(&rest.value));
        let mut held: Vec<ObjectId> = entries.chain(rest).chain(self.fields.values()).filter_map(holds).collect();
        held.extend(&self.base);
        if let Some(Source::Adapter(_, values)) = self.source.as_deref() {
            held.extend(values.iter().filter_map(holds));
        }
        held
    }
}

/// The object that a value keeps alive.
pub fn holds(value: &Value) -> Option<ObjectId> {
    match value {
        Value::Object(id) => Some(*id),
        Value::Code(Code::Method(_, receiver) | Code::Bound(receiver, _) | Code::Super(_, receiver)) => holds(receiver),
        _ => None,
    }
}
