//! Values: Python's equality, order, hash, truth and text of them, and JSON.
//!
//! Whatever walks a value takes a [`Meter`]: containers share their parts, so a small computation can make a value
//! whose text, or whose comparison, would take for ever. Depends on the syntax of [`super`] only.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use rustc_hash::FxBuildHasher;

use super::evaluate::{Budget, Failure, Outcome, raise};
use super::{IterableKind, Text, Value, unicode};

/// Decimal digits that CPython converts between `int` and `str` (`sys.int_info.default_max_str_digits`, 3.12).
pub(super) const MAX_INT_DIGITS: usize = 4_300;

/// What is left of a [`Budget`].
#[derive(Debug)]
pub(super) struct Meter {
    left: u64,
}

impl Meter {
    pub(super) fn new(budget: Budget) -> Self {
        Self { left: budget.work }
    }

    /// A meter that never runs out, for values whose parts are not shared.
    pub(super) fn unlimited() -> Self {
        Self { left: u64::MAX }
    }

    /// The units that are left.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Takes `work` units.
    pub(super) fn charge(&mut self, work: usize) -> Outcome<()> {
        match self.left.checked_sub(u64::try_from(work).unwrap_or(u64::MAX)) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Failure::TooLarge)
            }
        }
    }

    /// Takes the units of a text or of bytes.
    pub(super) fn charge_bytes(&mut self, bytes: usize) -> Outcome<()> {
        self.charge(bytes / 16 + 1)
    }
}

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Str(Text::from(text.as_ref()))
    }

    /// An integer.
    pub fn int(number: impl Into<BigInt>) -> Self {
        Self::Int(number.into())
    }

    /// A list.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A tuple.
    pub fn tuple(items: Vec<Self>) -> Self {
        Self::Tuple(Arc::new(items))
    }

    /// Bytes.
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// The value of a JSON document, as `json.loads` gives it.
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(value) => Self::Bool(*value),
            serde_json::Value::Number(number) => number_from_text(&number.to_string()),
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(members) => Self::Dict(Arc::new(
                members.iter().map(|(key, value)| (Self::text(key), Self::from_json(value))).collect(),
            )),
        }
    }

    /// The value as a JSON document; `None` when it has none (bytes, sets, NaN, iterators, keys that are no text).
    pub fn to_json(&self) -> Option<serde_json::Value> {
        Some(match self {
            Self::None => serde_json::Value::Null,
            Self::Bool(value) => serde_json::Value::Bool(*value),
            Self::Int(number) => serde_json::from_str(&number.to_string()).ok()?,
            Self::Float(number) if number.is_finite() => serde_json::from_str(&float_repr(*number)).ok()?,
            Self::Str(text) => serde_json::Value::String(text.to_string()),
            Self::List(items) | Self::Tuple(items) => {
                serde_json::Value::Array(items.iter().map(Self::to_json).collect::<Option<_>>()?)
            }
            Self::Dict(entries) => {
                let mut members = serde_json::Map::new();
                for (key, value) in entries.iter() {
                    let Self::Str(key) = key else { return None };
                    members.insert(key.to_string(), value.to_json()?);
                }
                serde_json::Value::Object(members)
            }
            Self::Float(_) | Self::Bytes(_) | Self::Set(_) | Self::Range(..) | Self::Iterable(..) => return None,
        })
    }

    /// The name of the value's type, as `type(x).__name__`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Set(_) => "set",
            Self::Dict(_) => "dict",
            Self::Range(..) => "range",
            Self::Iterable(kind, _) => kind.type_name(),
        }
    }

    /// Python's truth of the value.
    pub fn is_true(&self) -> bool {
        match self {
            Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(number) => !number.is_zero(),
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => !items.is_empty(),
            Self::Dict(entries) => !entries.is_empty(),
            Self::Range(start, stop, step) => !range_length(start, stop, step).is_zero(),
            // Views have a length; iterators are true whatever they hold.
            Self::Iterable(kind, items) => !kind.is_view() || !items.is_empty(),
        }
    }

    /// Python's `==`. Two iterators are equal only if they are the same.
    pub fn equals(&self, other: &Self) -> bool {
        equal(self, other, &mut Meter::unlimited()).unwrap_or(false)
    }

    /// `repr(self)`, as CPython prints it.
    pub fn repr(&self) -> String {
        let mut out = String::new();
        // Without a limit of work only integers of too many digits fail; their digits are what a reader wants.
        if write_repr(&mut out, self, &mut Meter::unlimited()).is_err() {
            out.clear();
            if let Self::Int(number) = self {
                out = number.to_string();
            }
        }
        out
    }

    /// How many elements and 16-byte pieces of text the value has in all, counted up to `limit`.
    pub fn weight(&self, limit: u64) -> u64 {
        let mut meter = Meter { left: limit };
        match weigh(self, &mut meter) {
            Ok(()) => limit - meter.left,
            Err(_) => limit,
        }
    }

    /// The elements that `for x in value` visits; `None` for what cannot be iterated, or is longer than `limit`.
    pub fn elements(&self, limit: u64) -> Option<Vec<Self>> {
        super::evaluate::iterate(self, &mut Meter { left: limit }).ok()
    }

    /// The number of elements that `for x in value` visits; `None` for what cannot be iterated.
    pub fn iterations(&self) -> Option<BigInt> {
        Some(match self {
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) => return None,
            Self::Str(text) => char_count(text).into(),
            Self::Bytes(bytes) => bytes.len().into(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::Iterable(_, items) => items.len().into(),
            Self::Dict(entries) => entries.len().into(),
            Self::Range(start, stop, step) => range_length(start, stop, step),
        })
    }

    pub(super) fn is_hashable(&self) -> bool {
        self.unhashable().is_none()
    }

    /// The type that makes the value unhashable.
    pub(super) fn unhashable(&self) -> Option<&'static str> {
        match self {
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Str(_) | Self::Bytes(_) => None,
            Self::Range(..) => None,
            Self::Tuple(items) => items.iter().find_map(Self::unhashable),
            // Its elements are.
            Self::Iterable(IterableKind::FrozenSet, _) => None,
            Self::List(_) | Self::Set(_) | Self::Dict(_) | Self::Iterable(..) => Some(self.type_name()),
        }
    }

    /// The number as an integer, if it is an `int` or a `bool`.
    pub(super) fn as_int(&self) -> Option<BigInt> {
        match self {
            Self::Bool(value) => Some(BigInt::from(i32::from(*value))),
            Self::Int(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// The number as a machine integer, if it is an `int` or a `bool` that fits.
    pub(super) fn as_small(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some(i64::from(*value)),
            Self::Int(number) => number.to_i64(),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl IterableKind {
    /// The name of the iterable's type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Keys => "dict_keys",
            Self::Values => "dict_values",
            Self::Items => "dict_items",
            Self::FrozenSet => "frozenset",
            Self::Generator => "generator",
            Self::Enumerate => "enumerate",
            Self::Zip => "zip",
            Self::Reversed => "reversed",
        }
    }

    /// Whether it can be iterated more than once, and has a length.
    pub fn is_view(self) -> bool {
        matches!(self, Self::Keys | Self::Values | Self::Items | Self::FrozenSet)
    }
}

/// A number of a JSON document: an `int` of any size unless it has a fraction or an exponent.
pub(super) fn number_from_text(text: &str) -> Value {
    if text.contains(['.', 'e', 'E']) {
        Value::Float(text.parse().unwrap_or(f64::NAN))
    } else {
        text.parse::<BigInt>().map_or(Value::Float(f64::NAN), Value::Int)
    }
}

pub(super) fn char_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// `len(range(start, stop, step))`; 0 for a step of 0, which Python does not build.
pub(super) fn range_length(start: &BigInt, stop: &BigInt, step: &BigInt) -> BigInt {
    let (low, high, width) = match step.sign() {
        num_bigint::Sign::Plus => (start, stop, step.clone()),
        num_bigint::Sign::Minus => (stop, start, -step),
        num_bigint::Sign::NoSign => return BigInt::zero(),
    };
    if low >= high { BigInt::zero() } else { (high - low - 1u32) / width + 1u32 }
}

/// The units that a copy of a value takes: integers are copied, all other content is shared.
pub(super) fn footprint(value: &Value) -> usize {
    let int = |number: &BigInt| usize::try_from(number.bits() / 512).unwrap_or(usize::MAX);
    1 + match value {
        Value::Int(number) => int(number),
        Value::Range(start, stop, step) => int(start) + int(stop) + int(step),
        _ => 0,
    }
}

fn weigh(value: &Value, meter: &mut Meter) -> Outcome<()> {
    match value {
        Value::None | Value::Bool(_) | Value::Float(_) | Value::Range(..) => meter.charge(1),
        Value::Int(number) => meter.charge(1 + usize::try_from(number.bits() / 128).unwrap_or(usize::MAX)),
        Value::Str(text) => meter.charge_bytes(text.len()),
        Value::Bytes(bytes) => meter.charge_bytes(bytes.len()),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::Iterable(_, items) => {
            meter.charge(1)?;
            items.iter().try_for_each(|item| weigh(item, meter))
        }
        Value::Dict(entries) => {
            meter.charge(1)?;
            entries.iter().try_for_each(|(key, item)| weigh(key, meter).and_then(|()| weigh(item, meter)))
        }
    }
}

/// `==`.
pub(super) fn equal(left: &Value, right: &Value, meter: &mut Meter) -> Outcome<bool> {
    Ok(match (left, right) {
        (Value::Str(a), Value::Str(b)) => {
            meter.charge(a.len().min(b.len()) / 64)?;
            a == b
        }
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::None, Value::None) => true,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
            order_numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            if Arc::ptr_eq(a, b) {
                return Ok(true);
            }
            if a.len() != b.len() {
                return Ok(false);
            }
            meter.charge(a.len())?;
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b, meter)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Dict(a), Value::Dict(b)) => {
            if Arc::ptr_eq(a, b) {
                return Ok(true);
            }
            if a.len() != b.len() {
                return Ok(false);
            }
            meter.charge(a.len())?;
            let index = Index::of(b.iter().map(|(key, _)| key), meter)?;
            for (key, item) in a.iter() {
                let Some((_, other)) = index.position(key).and_then(|at| b.get(at)) else { return Ok(false) };
                if !equal(item, other, meter)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Range(a, b, c), Value::Range(x, y, z)) => {
            let length = range_length(a, b, c);
            length == range_length(x, y, z) && (length.is_zero() || (a == x && (length == BigInt::from(1) || c == z)))
        }
        (Value::Iterable(kind, a), Value::Iterable(other, b)) if !(kind.is_set() && other.is_set()) => {
            kind == other && Arc::ptr_eq(a, b)
        }
        (
            Value::Set(a) | Value::Iterable(IterableKind::Keys | IterableKind::Items | IterableKind::FrozenSet, a),
            Value::Set(b) | Value::Iterable(IterableKind::Keys | IterableKind::Items | IterableKind::FrozenSet, b),
        ) => a.len() == b.len() && is_subset(a, b, meter)?,
        _ => false,
    })
}

impl IterableKind {
    pub(super) fn is_set(self) -> bool {
        matches!(self, Self::Keys | Self::Items | Self::FrozenSet)
    }
}

/// Whether all of `a` are in `b`.
pub(super) fn is_subset(a: &[Value], b: &[Value], meter: &mut Meter) -> Outcome<bool> {
    meter.charge(a.len())?;
    if b.iter().all(Value::is_hashable) {
        let index = Index::of(b.iter(), meter)?;
        return Ok(a.iter().all(|item| item.is_hashable() && index.position(item).is_some()));
    }
    for item in a {
        let mut found = false;
        for other in b {
            meter.charge(1)?;
            found = found || equal(item, other, meter)?;
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The order of two numbers; `None` when one is NaN.
pub(super) fn order_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Float(a), _) => order_int_float(&right.as_int()?, *a).map(Ordering::reverse),
        (_, Value::Float(b)) => order_int_float(&left.as_int()?, *b),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        _ => Some(left.as_int()?.cmp(&right.as_int()?)),
    }
}

/// Exact: never by rounding the integer to a float.
fn order_int_float(int: &BigInt, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let whole = float.trunc();
    let order = int.cmp(&BigInt::from_f64(whole)?);
    Some(order.then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal)))
}

/// The order of two values for the comparison `symbol`; `None` when they are unordered (NaN).
///
/// # Errors
/// `TypeError` for types that have no order.
pub(super) fn order(left: &Value, right: &Value, symbol: &str, meter: &mut Meter) -> Outcome<Option<Ordering>> {
    Ok(match (left, right) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Bool(_) | Value::Int(_) | Value::Float(_), Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
            order_numbers(left, right)
        }
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            for (a, b) in a.iter().zip(b.iter()) {
                meter.charge(1)?;
                if !equal(a, b, meter)? {
                    return order(a, b, symbol, meter);
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ => {
            return raise(
                "TypeError",
                format!(
                    "'{symbol}' not supported between instances of '{}' and '{}'",
                    left.type_name(),
                    right.type_name()
                ),
            );
        }
    })
}

/// Finds an equal key.
pub(super) fn lookup<'a>(
    entries: &'a [(Value, Value)],
    key: &Value,
    meter: &mut Meter,
) -> Outcome<Option<&'a (Value, Value)>> {
    meter.charge(1 + entries.len() / 16)?;
    if let Value::Str(key) = key {
        return Ok(entries.iter().find(|(other, _)| matches!(other, Value::Str(other) if other == key)));
    }
    if let Some(name) = key.unhashable() {
        return raise("TypeError", format!("unhashable type: '{name}'"));
    }
    meter.charge(entries.len())?;
    for entry in entries {
        if equal(&entry.0, key, meter)? {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// A hashable value, compared as Python compares keys.
#[derive(Clone, Debug)]
struct Key(Value);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(&other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

/// Equal values hash alike: numbers by value, whatever their type.
fn hash<H: Hasher>(value: &Value, state: &mut H) {
    let int = |number: &BigInt, state: &mut H| match number.to_i64() {
        Some(small) => small.hash(state),
        None => number.hash(state),
    };
    match value {
        Value::None => 1u8.hash(state),
        Value::Bool(value) => i64::from(*value).hash(state),
        Value::Int(number) => int(number, state),
        Value::Float(number) => match BigInt::from_f64(*number) {
            Some(whole) if number.fract() == 0.0 => int(&whole, state),
            _ => number.to_bits().hash(state),
        },
        Value::Str(text) => text.hash(state),
        Value::Bytes(bytes) => bytes.hash(state),
        Value::Tuple(items) => {
            items.len().hash(state);
            for item in items.iter() {
                hash(item, state);
            }
        }
        Value::Range(start, stop, step) => {
            let length = range_length(start, stop, step);
            int(&length, state);
            if !length.is_zero() {
                int(start, state);
            }
        }
        Value::Iterable(IterableKind::FrozenSet, items) => items.len().hash(state),
        // Not hashable: never a key.
        Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::Iterable(..) => 0u8.hash(state),
    }
}

/// Positions of distinct keys.
#[derive(Default)]
pub(super) struct Index {
    positions: HashMap<Key, usize, FxBuildHasher>,
}

impl Index {
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a Value>, meter: &mut Meter) -> Outcome<Self> {
        let mut index = Self::default();
        for (at, key) in keys.enumerate() {
            index.insert(key, at, meter)?;
        }
        Ok(index)
    }

    /// The position of an equal key that is there already, else inserts.
    pub(super) fn insert(&mut self, key: &Value, at: usize, meter: &mut Meter) -> Outcome<Option<usize>> {
        check_key(key, meter)?;
        Ok(match self.positions.entry(Key(key.clone())) {
            std::collections::hash_map::Entry::Occupied(entry) => Some(*entry.get()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(at);
                None
            }
        })
    }

    pub(super) fn position(&self, key: &Value) -> Option<usize> {
        self.positions.get(&Key(key.clone())).copied()
    }
}

/// Refuses what cannot be a key, and pays for hashing what can.
fn check_key(key: &Value, meter: &mut Meter) -> Outcome<()> {
    weigh(key, meter)?;
    match key.unhashable() {
        Some(name) => raise("TypeError", format!("unhashable type: '{name}'")),
        None => Ok(()),
    }
}

/// A dict in the making: a later value replaces an earlier one, in the place and under the key of the first.
#[derive(Default)]
pub(super) struct DictBuilder {
    entries: Vec<(Value, Value)>,
    index: Index,
}

impl DictBuilder {
    pub(super) fn insert(&mut self, key: Value, value: Value, meter: &mut Meter) -> Outcome<()> {
        if let Some(at) = self.index.insert(&key, self.entries.len(), meter)? {
            if let Some(entry) = self.entries.get_mut(at) {
                entry.1 = value;
            }
        } else {
            self.entries.push((key, value));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Value {
        Value::Dict(Arc::new(self.entries))
    }
}

/// Builds a set.
pub(super) fn set(items: impl IntoIterator<Item = Value>, meter: &mut Meter) -> Outcome<Value> {
    let mut index = Index::default();
    let mut out = Vec::new();
    for item in items {
        if index.insert(&item, out.len(), meter)?.is_none() {
            out.push(item);
        }
    }
    Ok(Value::Set(Arc::new(out)))
}

/// `str(value)`.
pub(super) fn to_text(value: &Value, meter: &mut Meter) -> Outcome<Text> {
    if let Value::Str(text) = value {
        return Ok(text.clone());
    }
    Ok(repr(value, meter)?.into())
}

/// `repr(value)`.
pub(super) fn repr(value: &Value, meter: &mut Meter) -> Outcome<String> {
    let mut out = String::new();
    write_repr(&mut out, value, meter)?;
    Ok(out)
}

/// The decimal digits of an integer, within CPython's limit.
pub(super) fn int_text(number: &BigInt, meter: &mut Meter) -> Outcome<String> {
    // 10 ** 4300 has 14,285 bits.
    if number.bits() > 14_285 {
        return too_many_digits(None);
    }
    meter.charge(1 + usize::try_from(number.bits() / 128).unwrap_or(usize::MAX))?;
    let text = number.to_string();
    if text.len() - usize::from(number.is_negative()) > MAX_INT_DIGITS {
        return too_many_digits(None);
    }
    Ok(text)
}

pub(super) fn too_many_digits<T>(digits: Option<usize>) -> Outcome<T> {
    raise(
        "ValueError",
        match digits {
            Some(digits) => format!(
                "Exceeds the limit ({MAX_INT_DIGITS} digits) for integer string conversion: value has {digits} digits; \
                 use sys.set_int_max_str_digits() to increase the limit"
            ),
            None => format!(
                "Exceeds the limit ({MAX_INT_DIGITS} digits) for integer string conversion; \
                 use sys.set_int_max_str_digits() to increase the limit"
            ),
        },
    )
}

fn write_repr(out: &mut String, value: &Value, meter: &mut Meter) -> Outcome<()> {
    meter.charge(1)?;
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Int(number) => out.push_str(&int_text(number, meter)?),
        Value::Float(number) => out.push_str(&float_repr(*number)),
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            out.push_str(&str_repr(text));
        }
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len() * 4)?;
            out.push_str(&bytes_repr(bytes));
        }
        Value::List(items) => write_items(out, "[", items, "]", meter)?,
        Value::Tuple(items) if items.len() == 1 => write_items(out, "(", items, ",)", meter)?,
        Value::Tuple(items) => write_items(out, "(", items, ")", meter)?,
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => write_items(out, "{", items, "}", meter)?,
        Value::Dict(entries) => {
            out.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_repr(out, key, meter)?;
                out.push_str(": ");
                write_repr(out, item, meter)?;
            }
            out.push('}');
        }
        Value::Range(start, stop, step) => {
            let (start, stop) = (int_text(start, meter)?, int_text(stop, meter)?);
            match step.to_i64() {
                Some(1) => out.push_str(&format!("range({start}, {stop})")),
                _ => out.push_str(&format!("range({start}, {stop}, {})", int_text(step, meter)?)),
            }
        }
        Value::Iterable(IterableKind::FrozenSet, items) if items.is_empty() => out.push_str("frozenset()"),
        Value::Iterable(IterableKind::FrozenSet, items) => write_items(out, "frozenset({", items, "})", meter)?,
        Value::Iterable(kind, items) if kind.is_view() => {
            out.push_str(kind.type_name());
            write_items(out, "([", items, "])", meter)?;
        }
        Value::Iterable(kind, _) => {
            return Err(Failure::Unsupported(format!("the text of a {} holds its address", kind.type_name())));
        }
    }
    Ok(())
}

fn write_items(out: &mut String, open: &str, items: &[Value], close: &str, meter: &mut Meter) -> Outcome<()> {
    out.push_str(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_repr(out, item, meter)?;
    }
    out.push_str(close);
    Ok(())
}

/// `repr` of a float: the shortest digits that read back to it.
pub(super) fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let mut text = format!("{number:e}");
    // Where two shortest texts are equally near, CPython takes the even one. Only floats of 15 digits and more lie
    // that close to each other.
    let digits = text.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    if digits >= 15 {
        let nearest = format!("{number:.*e}", digits - 1);
        if nearest.parse() == Ok(number) {
            text = nearest;
        }
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    // Without an exponent the point moves by it.
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let Ok(places) = usize::try_from(exponent) else {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("{sign}0.{}{digits}", "0".repeat(zeros));
    };
    match digits.split_at_checked(places + 1) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits:0<width$}.0", width = places + 1),
    }
}

/// `repr` of a text.
pub(super) fn str_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        push_escaped(&mut out, c, quote);
    }
    out.push(quote);
    out
}

/// Appends a character as it stands in a literal between `quote`s.
pub(super) fn push_escaped(out: &mut String, c: char, quote: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        ' '..='~' => out.push(c),
        c if unicode::holds(unicode::UNPRINTABLE, c) => match c as u32 {
            code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        },
        c => out.push(c),
    }
}

/// `repr` of bytes.
pub(super) fn bytes_repr(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { b'"' } else { b'\'' };
    let mut out = String::with_capacity(bytes.len() + 3);
    out.push('b');
    out.push(char::from(quote));
    for byte in bytes {
        push_escaped_byte(&mut out, *byte, quote);
    }
    out.push(char::from(quote));
    out
}

/// Appends a byte as it stands in a bytes literal between `quote`s.
pub(super) fn push_escaped_byte(out: &mut String, byte: u8, quote: u8) {
    match byte {
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        byte if byte == quote => {
            out.push('\\');
            out.push(char::from(byte));
        }
        b' '..=b'~' => out.push(char::from(byte)),
        byte => out.push_str(&format!("\\x{byte:02x}")),
    }
}
