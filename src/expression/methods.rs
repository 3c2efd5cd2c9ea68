//! The methods of the language.
//!
//! Only those that leave their receiver as it is. Depends on values and operators.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::evaluate::{Failure, Outcome, in_range, iterate, raise, shared_items};
use super::format::{self, Fields, Named};
use super::functions::{Arguments, frozen, index};
use super::operators::{self, MAX_BYTES, combine, find_bytes};
use super::value::{self, Meter, equal, lookup, range_length};
use super::{BinaryOperator, IterableKind, Text, Value, codec, unicode};

/// The methods of `str`, sorted.
const STR: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];

/// The methods of `bytes`, sorted.
const BYTES: &[&str] = &[
    "count",
    "decode",
    "endswith",
    "find",
    "hex",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdigit",
    "isspace",
    "join",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "startswith",
    "strip",
    "upper",
];

/// Methods that `bytes` has in Python, but not in the language.
const BYTES_UNSUPPORTED: &[&str] = &[
    "capitalize",
    "center",
    "expandtabs",
    "islower",
    "istitle",
    "isupper",
    "ljust",
    "rjust",
    "splitlines",
    "swapcase",
    "title",
    "zfill",
];

const SEQUENCE: &[&str] = &["count", "index"];
const LIST: &[&str] = &["copy", "count", "index"];
const DICT: &[&str] = &["copy", "get", "items", "keys", "values"];
const SET: &[&str] =
    &["copy", "difference", "intersection", "isdisjoint", "issubset", "issuperset", "symmetric_difference", "union"];

const INT: &[&str] = &["bit_length"];
/// `int` has `is_integer` from Python 3.12 on only.
const FLOAT: &[&str] = &["is_integer"];

/// Whether a type of the language has a method of this name.
pub fn is_method(name: &str) -> bool {
    [STR, BYTES, LIST, DICT, SET, INT, FLOAT].iter().any(|methods| methods.contains(&name))
}

/// The methods of a value's type.
fn methods(receiver: &Value) -> &'static [&'static str] {
    match receiver {
        Value::Str(_) => STR,
        Value::Bytes(_) => BYTES,
        Value::List(_) => LIST,
        Value::Tuple(_) | Value::Range(..) => SEQUENCE,
        Value::Dict(_) => DICT,
        Value::Set(_) | Value::Iterable(IterableKind::FrozenSet, _) => SET,
        Value::Iterable(IterableKind::Keys | IterableKind::Items, _) => &["isdisjoint"],
        Value::Bool(_) | Value::Int(_) => INT,
        Value::Float(_) => FLOAT,
        Value::None | Value::Iterable(..) => &[],
    }
}

/// Whether the receiver has the attribute.
///
/// # Errors
/// `AttributeError`.
pub(super) fn check(receiver: &Value, name: &str) -> Outcome<()> {
    if methods(receiver).contains(&name) {
        return Ok(());
    }
    let elsewhere = match receiver {
        Value::Bytes(_) => BYTES_UNSUPPORTED.contains(&name),
        Value::Float(_) => name == "hex",
        Value::Bool(_) | Value::Int(_) => name == "is_integer",
        _ => false,
    };
    if elsewhere || !is_method(name) {
        return Err(Failure::Unsupported(format!("the method {}.{name}", receiver.type_name())));
    }
    raise("AttributeError", format!("'{}' object has no attribute '{name}'", receiver.type_name()))
}

/// Calls a method that [`check`] let pass.
pub(super) fn call(
    receiver: Value,
    name: &str,
    positional: &[Value],
    keywords: &[(Text, Value)],
    meter: &mut Meter,
) -> Outcome {
    check(&receiver, name)?;
    let arguments = Arguments { owner: receiver.type_name(), function: name, positional, keywords };
    match &receiver {
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            text_method(text, &arguments, meter)
        }
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            bytes_method(bytes, &arguments, meter)
        }
        Value::Dict(entries) => dict_method(&receiver, entries, &arguments, meter),
        Value::List(items) | Value::Tuple(items) => sequence_method(&receiver, items, &arguments, meter),
        Value::Range(start, stop, step) => range_method(start, stop, step, &arguments, meter),
        Value::Set(items) | Value::Iterable(_, items) => set_method(&receiver, items, &arguments, meter),
        // Each has one method.
        Value::Bool(bit) => nothing(&arguments).map(|()| Value::Int(i32::from(*bit).into())),
        Value::Int(number) => nothing(&arguments).map(|()| Value::Int(number.bits().into())),
        Value::Float(number) => nothing(&arguments).map(|()| Value::Bool(number.is_finite() && number.fract() == 0.0)),
        Value::None => Err(Failure::Unsupported(format!("the method {}.{name}", receiver.type_name()))),
    }
}

/// White space of `str`.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// White space of `bytes`.
fn is_byte_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn nothing(arguments: &Arguments<'_>) -> Outcome<()> {
    arguments.no_keywords()?;
    match arguments.positional {
        [] => Ok(()),
        given => raise("TypeError", format!("{}() takes no arguments ({} given)", arguments.qualified(), given.len())),
    }
}

/// An argument that is a size; `default` if it is absent.
fn size(value: Option<&Value>, default: i64) -> Outcome<i64> {
    match value {
        None => Ok(default),
        Some(value) => match index(value)?.to_i64() {
            Some(number) => Ok(number),
            None => raise("OverflowError", "Python int too large to convert to C ssize_t"),
        },
    }
}

/// The part of a sequence of `length` elements that `start` and `end` select; `None` if `start` is behind `end`.
fn bounds(length: usize, start: Option<&Value>, end: Option<&Value>, none: bool) -> Outcome<Option<(usize, usize)>> {
    let bound = |value: Option<&Value>, default: usize| -> Outcome<usize> {
        let number = match value {
            None => return Ok(default),
            Some(Value::None) if none => return Ok(default),
            Some(value) => match value.as_int() {
                Some(number) => number,
                None if none => {
                    return raise("TypeError", "slice indices must be integers or None or have an __index__ method");
                }
                None => return raise("TypeError", "slice indices must be integers or have an __index__ method"),
            },
        };
        let number = if number.is_negative() { number + length } else { number };
        Ok(if number.is_negative() { 0 } else { number.to_usize().unwrap_or(usize::MAX) })
    };
    let (start, end) = (bound(start, 0)?, bound(end, length)?.min(length));
    Ok((start <= end).then_some((start, end)))
}

/// The byte at which the character of an index starts; the end for an index beyond.
fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
}

fn must_be_text(value: &Value, message: impl Fn(&str) -> String) -> Outcome<&Text> {
    match value {
        Value::Str(text) => Ok(text),
        other => raise("TypeError", message(other.type_name())),
    }
}

fn given(arguments: [Option<Value>; 1]) -> Value {
    let [value] = arguments;
    value.unwrap_or(Value::None)
}

/// Refuses a result that would be too large, and pays for it.
fn admit(bytes: usize, meter: &mut Meter) -> Outcome<()> {
    if bytes > MAX_BYTES {
        return Err(Failure::TooLarge);
    }
    meter.charge_bytes(bytes)
}

/// A list of pieces, each paid before it is made.
fn texts<'t>(parts: impl IntoIterator<Item = &'t str>, from_right: bool, meter: &mut Meter) -> Outcome {
    let mut out = Vec::new();
    for part in parts {
        meter.charge(1)?;
        out.push(Value::text(part));
    }
    if from_right {
        out.reverse();
    }
    Ok(Value::list(out))
}

/// [`texts`] of bytes.
fn pieces<'b>(parts: impl IntoIterator<Item = &'b [u8]>, from_right: bool, meter: &mut Meter) -> Outcome {
    let mut out = Vec::new();
    for part in parts {
        meter.charge(1)?;
        out.push(Value::bytes(part));
    }
    if from_right {
        out.reverse();
    }
    Ok(Value::list(out))
}

#[allow(clippy::too_many_lines)]
fn text_method(text: &Text, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let name = arguments.function;
    match name {
        "lower" | "upper" | "casefold" | "capitalize" | "title" | "swapcase" => {
            nothing(arguments)?;
            admit(text.len() * 3, meter)?;
            Ok(Value::Str(recased(text, name).into()))
        }
        "isalnum" | "isalpha" | "isascii" | "isdecimal" | "isdigit" | "islower" | "isnumeric" | "isprintable"
        | "isspace" | "istitle" | "isupper" => {
            nothing(arguments)?;
            Ok(Value::Bool(has_property(text, name)))
        }
        "strip" | "lstrip" | "rstrip" => {
            let set = given(arguments.bind(["chars"], 1, 0)?);
            let strip: Box<dyn Fn(char) -> bool> = match &set {
                Value::None => Box::new(is_space),
                Value::Str(set) => {
                    meter.charge(text.len().saturating_mul(set.len()) / 64)?;
                    let set: Vec<char> = set.chars().collect();
                    Box::new(move |c| set.contains(&c))
                }
                _ => return raise("TypeError", format!("{name} arg must be None or str")),
            };
            let mut rest = &**text;
            if name != "rstrip" {
                rest = rest.trim_start_matches(&*strip);
            }
            if name != "lstrip" {
                rest = rest.trim_end_matches(&*strip);
            }
            Ok(if rest.len() == text.len() { Value::Str(text.clone()) } else { Value::text(rest) })
        }
        "split" | "rsplit" => {
            let [separator, count] = arguments.bind(["sep", "maxsplit"], 0, 0)?;
            let count = usize::try_from(size(count.as_ref(), -1)?).unwrap_or(usize::MAX);
            let from_right = name == "rsplit";
            match separator {
                None | Some(Value::None) => {
                    texts(SpaceSplit { rest: text, left: count, from_right }, from_right, meter)
                }
                Some(Value::Str(separator)) if separator.is_empty() => raise("ValueError", "empty separator"),
                Some(Value::Str(separator)) => {
                    let count = count.saturating_add(1);
                    if from_right {
                        texts(text.rsplitn(count, &*separator), true, meter)
                    } else {
                        texts(text.splitn(count, &*separator), false, meter)
                    }
                }
                Some(other) => raise("TypeError", format!("must be str or None, not {}", other.type_name())),
            }
        }
        "splitlines" => {
            let keep = given(arguments.bind(["keepends"], 0, 0)?).is_true();
            texts(Lines { rest: text, keep }, false, meter)
        }
        "join" => {
            let iterable = arguments.one()?;
            let items = match shared_items(iterable, meter) {
                Err(Failure::Raised(raised)) if &*raised.exception == "TypeError" => {
                    return raise("TypeError", "can only join an iterable");
                }
                items => items?,
            };
            let mut length = text.len().saturating_mul(items.len().saturating_sub(1));
            for (at, item) in items.iter().enumerate() {
                let part =
                    must_be_text(item, |found| format!("sequence item {at}: expected str instance, {found} found"))?;
                length = length.saturating_add(part.len());
            }
            meter.charge(items.len())?;
            admit(length, meter)?;
            let mut out = String::with_capacity(length);
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(text);
                }
                if let Value::Str(part) = item {
                    out.push_str(part);
                }
            }
            Ok(Value::Str(out.into()))
        }
        "replace" => {
            arguments.no_keywords()?;
            let [old, new, count] = arguments.bind(["old", "new", "count"], 3, 2)?;
            let (old, new) = (old.unwrap_or(Value::None), new.unwrap_or(Value::None));
            let message = |at: u8| {
                move |found: &str| {
                    // `None` is told by its name here, not by its type's.
                    format!(
                        "replace() argument {at} must be str, not {}",
                        if found == "NoneType" { "None" } else { found }
                    )
                }
            };
            let old = must_be_text(&old, message(1))?;
            let new = must_be_text(&new, message(2))?;
            let limit = usize::try_from(size(count.as_ref(), -1)?).unwrap_or(usize::MAX);
            let found = text.matches(&**old).take(limit).count();
            admit(text.len().saturating_add(found.saturating_mul(new.len())), meter)?;
            Ok(Value::Str(text.replacen(&**old, new, limit).into()))
        }
        "startswith" | "endswith" => {
            let [part, start, end] = arguments.bind(["prefix", "start", "end"], 3, 1)?;
            let range = bounds(value::char_count(text), start.as_ref(), end.as_ref(), true)?;
            let part = part.unwrap_or(Value::None);
            let options = match &part {
                Value::Tuple(options) => options.as_slice(),
                Value::Str(_) => std::slice::from_ref(&part),
                other => {
                    return raise(
                        "TypeError",
                        format!("{name} first arg must be str or a tuple of str, not {}", other.type_name()),
                    );
                }
            };
            let window = range.and_then(|(start, end)| text.get(byte_of(text, start)..byte_of(text, end)));
            meter.charge(options.len())?;
            for option in options {
                let option =
                    must_be_text(option, |found| format!("tuple for {name} must only contain str, not {found}"))?;
                let hit = window.is_some_and(|window| {
                    if name == "startswith" { window.starts_with(&**option) } else { window.ends_with(&**option) }
                });
                if hit {
                    return Ok(Value::Bool(true));
                }
            }
            Ok(Value::Bool(false))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            arguments.no_keywords()?;
            let [part, start, end] = arguments.bind(["sub", "start", "end"], 3, 1)?;
            let part = part.unwrap_or(Value::None);
            let part = must_be_text(&part, |found| format!("must be str, not {found}"))?;
            let range = bounds(value::char_count(text), start.as_ref(), end.as_ref(), true)?;
            let window = range.and_then(|(start, end)| {
                let first = byte_of(text, start);
                text.get(first..byte_of(text, end)).map(|window| (first, window))
            });
            if name == "count" {
                return Ok(Value::int(window.map_or(0, |(_, window)| window.matches(&**part).count())));
            }
            let found = window.and_then(|(first, window)| {
                let at = if name.starts_with('r') { window.rfind(&**part) } else { window.find(&**part) };
                at.map(|at| value::char_count(text.get(..first + at).unwrap_or_default()))
            });
            match found {
                Some(at) => Ok(Value::int(at)),
                None if name.ends_with("find") => Ok(Value::int(-1)),
                None => raise("ValueError", "substring not found"),
            }
        }
        "partition" | "rpartition" => {
            let separator = arguments.one()?;
            let separator = must_be_text(&separator, |found| format!("must be str, not {found}"))?;
            if separator.is_empty() {
                return raise("ValueError", "empty separator");
            }
            let halves =
                if name == "partition" { text.split_once(&**separator) } else { text.rsplit_once(&**separator) };
            let parts = match halves {
                Some((before, after)) => [Value::text(before), Value::Str(separator.clone()), Value::text(after)],
                None if name == "partition" => [Value::Str(text.clone()), Value::text(""), Value::text("")],
                None => [Value::text(""), Value::text(""), Value::Str(text.clone())],
            };
            Ok(Value::tuple(parts.into()))
        }
        "removeprefix" | "removesuffix" => {
            let part = arguments.one()?;
            let part = must_be_text(&part, |found| {
                format!("{name}() argument must be str, not {}", if found == "NoneType" { "None" } else { found })
            })?;
            let rest = if name == "removeprefix" { text.strip_prefix(&**part) } else { text.strip_suffix(&**part) };
            Ok(rest.map_or_else(|| Value::Str(text.clone()), Value::text))
        }
        "center" | "ljust" | "rjust" => justified(text, arguments, meter),
        "zfill" => {
            let width = size(Some(&arguments.one()?), 0)?;
            let missing = usize::try_from(width).unwrap_or(0).saturating_sub(value::char_count(text));
            admit(missing.saturating_add(text.len()), meter)?;
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-'])));
            Ok(Value::Str(format!("{sign}{}{digits}", "0".repeat(missing)).into()))
        }
        "expandtabs" => {
            let [width] = arguments.bind(["tabsize"], 0, 0)?;
            let width = match width {
                None => 8,
                Some(width) => match index(&width)?.to_i32() {
                    Some(width) => usize::try_from(width).unwrap_or(0),
                    None => return raise("OverflowError", "Python int too large to convert to C int"),
                },
            };
            let tabs = text.matches('\t').count();
            admit(text.len().saturating_add(tabs.saturating_mul(width)), meter)?;
            let mut out = String::with_capacity(text.len());
            let mut column = 0usize;
            for c in text.chars() {
                if c == '\t' {
                    let blanks = if width == 0 { 0 } else { width - column % width };
                    out.extend(std::iter::repeat_n(' ', blanks));
                    column += blanks;
                } else {
                    column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
                    out.push(c);
                }
            }
            Ok(Value::Str(out.into()))
        }
        "encode" => {
            let [encoding, errors] = arguments.bind(["encoding", "errors"], 0, 0)?;
            let encoding = codec::text_argument("encode", "encoding", encoding)?;
            let errors = codec::text_argument("encode", "errors", errors)?;
            let encoding = encoding.as_deref().unwrap_or("utf-8");
            codec::encode(text, encoding, errors.as_deref().unwrap_or("strict"), meter).map(Value::bytes)
        }
        "format" => {
            let fields = Fields { positional: arguments.positional, named: Named::Keywords(arguments.keywords) };
            format::format_fields(text, &fields, meter).map(|text| Value::Str(text.into()))
        }
        "format_map" => {
            let mapping = arguments.one()?;
            let fields = Fields { positional: &[], named: Named::Mapping(&mapping) };
            format::format_fields(text, &fields, meter).map(|text| Value::Str(text.into()))
        }
        _ => Err(Failure::Unsupported(format!("the method str.{name}"))),
    }
}

/// `str.lower` and its kin.
fn recased(text: &str, how: &str) -> String {
    match how {
        "lower" => return text.to_lowercase(),
        "upper" => return text.to_uppercase(),
        _ => {}
    }
    let mut out = String::with_capacity(text.len());
    if how == "casefold" {
        for c in text.chars() {
            match special(unicode::FOLD, c) {
                Some(folded) => out.push_str(folded),
                None => out.extend(c.to_lowercase()),
            }
        }
        return out;
    }
    // Lower case depends on the neighbours (a final sigma), so that of the whole text is taken, piece by piece.
    let lower = text.to_lowercase();
    let mut lower = lower.chars();
    let mut after_cased = false;
    for (at, c) in text.chars().enumerate() {
        let lowered = lower.by_ref().take(c.to_lowercase().count());
        match how {
            "title" if after_cased => out.extend(lowered),
            "capitalize" if at > 0 => out.extend(lowered),
            "title" | "capitalize" => {
                lowered.for_each(drop);
                match special(unicode::TITLE, c) {
                    Some(title) => out.push_str(title),
                    None => out.extend(c.to_uppercase()),
                }
            }
            // `swapcase`
            _ if c.is_uppercase() => out.extend(lowered),
            _ => {
                lowered.for_each(drop);
                if c.is_lowercase() {
                    out.extend(c.to_uppercase());
                } else {
                    out.push(c);
                }
            }
        }
        after_cased = unicode::holds(unicode::CASED, c);
    }
    out
}

/// A character's entry in a table that is sorted by character.
fn special(table: &'static [(char, &'static str)], c: char) -> Option<&'static str> {
    let at = table.binary_search_by_key(&c, |(key, _)| *key).ok()?;
    table.get(at).map(|(_, mapped)| *mapped)
}

/// Letters of title case (general category Lt).
fn is_title(c: char) -> bool {
    matches!(
        c,
        '\u{1c5}' | '\u{1c8}' | '\u{1cb}' | '\u{1f2}' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}'
            | '\u{1fa8}'..='\u{1faf}' | '\u{1fbc}' | '\u{1fcc}' | '\u{1ffc}'
    )
}

/// `str.isdigit` and its kin.
fn has_property(text: &str, name: &str) -> bool {
    let is_alpha = |c: char| if c.is_ascii() { c.is_ascii_alphabetic() } else { unicode::holds(unicode::ALPHA, c) };
    let is_numeric = |c: char| unicode::holds(unicode::NUMERIC, c);
    let all = |property: &dyn Fn(char) -> bool| !text.is_empty() && text.chars().all(property);
    let no_other_case = |other: fn(char) -> bool, this: fn(char) -> bool| {
        !text.chars().any(|c| other(c) || is_title(c)) && text.chars().any(this)
    };
    match name {
        "isascii" => text.is_ascii(),
        "isprintable" => text.chars().all(|c| c == ' ' || !unicode::holds(unicode::UNPRINTABLE, c)),
        "isalpha" => all(&is_alpha),
        "isalnum" => all(&|c| is_alpha(c) || is_numeric(c)),
        "isdecimal" => all(&|c| unicode::decimal(c).is_some_and(|digit| digit < 10)),
        "isdigit" => all(&|c| unicode::holds(unicode::DIGIT, c)),
        "isnumeric" => all(&is_numeric),
        "isspace" => all(&is_space),
        "isupper" => no_other_case(char::is_lowercase, char::is_uppercase),
        "islower" => no_other_case(char::is_uppercase, char::is_lowercase),
        _ => {
            let (mut found, mut after_cased) = (false, false);
            for c in text.chars() {
                let (upper, lower) = (c.is_uppercase() || is_title(c), c.is_lowercase());
                if (upper && after_cased) || (lower && !after_cased) {
                    return false;
                }
                after_cased = upper || lower;
                found |= after_cased;
            }
            found
        }
    }
}

/// `text.split(None, left)`; the last piece keeps its white space at the far end.
struct SpaceSplit<'t> {
    rest: &'t str,
    left: usize,
    from_right: bool,
}

impl<'t> Iterator for SpaceSplit<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let rest = self.rest;
        let rest = if self.from_right { rest.trim_end_matches(is_space) } else { rest.trim_start_matches(is_space) };
        if rest.is_empty() {
            return None;
        }
        let (part, after) = match self.left.checked_sub(1) {
            None => (rest, ""),
            Some(left) => {
                self.left = left;
                if self.from_right {
                    let space = rest.char_indices().rev().find(|(_, c)| is_space(*c));
                    let (after, part) = rest.split_at(space.map_or(0, |(at, c)| at + c.len_utf8()));
                    (part, after)
                } else {
                    rest.split_at(rest.find(is_space).unwrap_or(rest.len()))
                }
            }
        };
        self.rest = after;
        Some(part)
    }
}

/// `text.splitlines(keep)`.
struct Lines<'t> {
    rest: &'t str,
    keep: bool,
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let is_break = |c: char| {
            matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
        };
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find(is_break).unwrap_or(self.rest.len());
        let (line, after) = self.rest.split_at(end);
        let width = if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(0, char::len_utf8) };
        let shown = if self.keep { self.rest.get(..end + width).unwrap_or(line) } else { line };
        self.rest = after.get(width..).unwrap_or_default();
        Some(shown)
    }
}

/// `str.center`, `str.ljust`, `str.rjust`.
fn justified(text: &Text, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    arguments.no_keywords()?;
    let [width, fill] = arguments.bind(["width", "fillchar"], 2, 1)?;
    let width = size(width.as_ref(), 0)?;
    let fill = match fill {
        None => ' ',
        Some(Value::Str(fill)) => {
            let mut chars = fill.chars();
            match (chars.next(), chars.next()) {
                (Some(fill), None) => fill,
                _ => return raise("TypeError", "The fill character must be exactly one character long"),
            }
        }
        Some(other) => {
            return raise(
                "TypeError",
                format!("The fill character must be a unicode character, not {}", other.type_name()),
            );
        }
    };
    let width = usize::try_from(width).unwrap_or(0);
    let missing = width.saturating_sub(value::char_count(text));
    admit(missing.saturating_mul(fill.len_utf8()).saturating_add(text.len()), meter)?;
    let left = match arguments.function {
        "ljust" => 0,
        "rjust" => missing,
        // CPython's rounding.
        _ => missing / 2 + (missing & width & 1),
    };
    let mut out = String::new();
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(text);
    out.extend(std::iter::repeat_n(fill, missing - left));
    Ok(Value::Str(out.into()))
}

fn rfind_bytes(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(bytes.len());
    }
    bytes.windows(part.len()).rposition(|window| window == part)
}

/// The pieces of bytes between separators, at most `left` cuts; from the right in that order.
struct Split<'b> {
    rest: Option<&'b [u8]>,
    separator: &'b [u8],
    left: usize,
    from_right: bool,
}

impl<'b> Iterator for Split<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let rest = self.rest?;
        let found = match self.left {
            0 => None,
            _ if self.from_right => rfind_bytes(rest, self.separator),
            _ => find_bytes(rest, self.separator),
        };
        let Some((before, after)) = found.and_then(|at| rest.split_at_checked(at)) else {
            self.rest = None;
            return Some(rest);
        };
        self.left -= 1;
        let after = after.get(self.separator.len()..).unwrap_or_default();
        let (part, rest) = if self.from_right { (after, before) } else { (before, after) };
        self.rest = Some(rest);
        Some(part)
    }
}

fn split_bytes<'b>(bytes: &'b [u8], separator: &'b [u8], left: usize, from_right: bool) -> Split<'b> {
    Split { rest: Some(bytes), separator, left, from_right }
}

/// [`SpaceSplit`] of bytes.
struct ByteSpaceSplit<'b> {
    rest: &'b [u8],
    left: usize,
    from_right: bool,
}

impl<'b> Iterator for ByteSpaceSplit<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let rest = trim(self.rest, &is_byte_space, !self.from_right, self.from_right);
        if rest.is_empty() {
            return None;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.rest = &[];
            return Some(rest);
        };
        self.left = left;
        let cut = if self.from_right {
            rest.iter().rposition(|byte| is_byte_space(*byte)).map_or(0, |at| at + 1)
        } else {
            rest.iter().position(|byte| is_byte_space(*byte)).unwrap_or(rest.len())
        };
        let (before, after) = rest.split_at_checked(cut).unwrap_or((rest, &[]));
        let (part, rest) = if self.from_right { (after, before) } else { (before, after) };
        self.rest = rest;
        Some(part)
    }
}

fn trim<'b>(bytes: &'b [u8], admits: &dyn Fn(u8) -> bool, left: bool, right: bool) -> &'b [u8] {
    let mut rest = bytes;
    while left
        && let Some((first, after)) = rest.split_first()
        && admits(*first)
    {
        rest = after;
    }
    while right
        && let Some((last, before)) = rest.split_last()
        && admits(*last)
    {
        rest = before;
    }
    rest
}

fn must_be_bytes(value: &Value) -> Outcome<Arc<[u8]>> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        other => raise("TypeError", format!("a bytes-like object is required, not '{}'", other.type_name())),
    }
}

/// What `bytes.find` looks for: bytes, or one byte.
fn needle(value: &Value) -> Outcome<Arc<[u8]>> {
    match value {
        Value::Bytes(bytes) => Ok(bytes.clone()),
        Value::Bool(_) | Value::Int(_) => match value.as_small().and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => Ok([byte].into()),
            None => raise("ValueError", "byte must be in range(0, 256)"),
        },
        other => {
            raise("TypeError", format!("argument should be integer or bytes-like object, not '{}'", other.type_name()))
        }
    }
}

#[allow(clippy::too_many_lines)]
fn bytes_method(bytes: &Arc<[u8]>, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let name = arguments.function;
    match name {
        "decode" => {
            let [encoding, errors] = arguments.bind(["encoding", "errors"], 0, 0)?;
            let encoding = codec::text_argument("decode", "encoding", encoding)?;
            let errors = codec::text_argument("decode", "errors", errors)?;
            let encoding = encoding.as_deref().unwrap_or("utf-8");
            codec::decode(bytes, encoding, errors.as_deref().unwrap_or("strict"), meter)
                .map(|text| Value::Str(text.into()))
        }
        "hex" => hex(bytes, arguments, meter),
        "lower" | "upper" => {
            nothing(arguments)?;
            Ok(Value::bytes(if name == "lower" { bytes.to_ascii_lowercase() } else { bytes.to_ascii_uppercase() }))
        }
        "isalnum" | "isalpha" | "isdigit" | "isspace" | "isascii" => {
            nothing(arguments)?;
            let property = match name {
                "isalnum" => |byte: &u8| byte.is_ascii_alphanumeric(),
                "isalpha" => |byte: &u8| byte.is_ascii_alphabetic(),
                "isdigit" => |byte: &u8| byte.is_ascii_digit(),
                "isspace" => |byte: &u8| is_byte_space(*byte),
                _ => return Ok(Value::Bool(bytes.is_ascii())),
            };
            Ok(Value::Bool(!bytes.is_empty() && bytes.iter().all(property)))
        }
        "strip" | "lstrip" | "rstrip" => {
            let set = given(arguments.bind(["bytes"], 1, 0)?);
            let (left, right) = (name != "rstrip", name != "lstrip");
            let stripped = match &set {
                Value::None => trim(bytes, &is_byte_space, left, right),
                set => {
                    let set = must_be_bytes(set)?;
                    meter.charge(bytes.len().saturating_mul(set.len()) / 64)?;
                    trim(bytes, &|byte| set.contains(&byte), left, right)
                }
            };
            Ok(Value::bytes(stripped))
        }
        "split" | "rsplit" => {
            let [separator, count] = arguments.bind(["sep", "maxsplit"], 0, 0)?;
            let count = usize::try_from(size(count.as_ref(), -1)?).unwrap_or(usize::MAX);
            let from_right = name == "rsplit";
            match separator {
                None | Some(Value::None) => {
                    pieces(ByteSpaceSplit { rest: bytes, left: count, from_right }, from_right, meter)
                }
                Some(separator) => {
                    let separator = must_be_bytes(&separator)?;
                    if separator.is_empty() {
                        return raise("ValueError", "empty separator");
                    }
                    search(bytes, &separator, meter)?;
                    pieces(split_bytes(bytes, &separator, count, from_right), from_right, meter)
                }
            }
        }
        "join" => {
            let iterable = arguments.one()?;
            let items = match shared_items(iterable, meter) {
                Err(Failure::Raised(raised)) if &*raised.exception == "TypeError" => {
                    return raise("TypeError", "can only join an iterable");
                }
                items => items?,
            };
            meter.charge(items.len())?;
            let mut length = bytes.len().saturating_mul(items.len().saturating_sub(1));
            let mut parts = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                let Value::Bytes(part) = item else {
                    let found = item.type_name();
                    return raise(
                        "TypeError",
                        format!("sequence item {at}: expected a bytes-like object, {found} found"),
                    );
                };
                length = length.saturating_add(part.len());
                parts.push(&**part);
            }
            admit(length, meter)?;
            Ok(Value::bytes(parts.join(&**bytes)))
        }
        "replace" => {
            arguments.no_keywords()?;
            let [old, new, count] = arguments.bind(["old", "new", "count"], 3, 2)?;
            let old = must_be_bytes(&old.unwrap_or(Value::None))?;
            let new = must_be_bytes(&new.unwrap_or(Value::None))?;
            let limit = usize::try_from(size(count.as_ref(), -1)?).unwrap_or(usize::MAX);
            search(bytes, &old, meter)?;
            let pays = |parts: usize, meter: &mut Meter| {
                meter.charge(parts)?;
                admit(bytes.len().saturating_add(parts.saturating_mul(new.len())), meter)
            };
            let mut out = Vec::new();
            if old.is_empty() {
                // Before each byte, and at the end.
                let cuts = limit.min(bytes.len() + 1);
                pays(cuts, meter)?;
                for at in 0..=bytes.len() {
                    if at < cuts {
                        out.extend_from_slice(&new);
                    }
                    out.extend(bytes.get(at));
                }
            } else {
                pays(split_bytes(bytes, &old, limit, false).count(), meter)?;
                for (at, part) in split_bytes(bytes, &old, limit, false).enumerate() {
                    if at > 0 {
                        out.extend_from_slice(&new);
                    }
                    out.extend_from_slice(part);
                }
            }
            Ok(Value::bytes(out))
        }
        "startswith" | "endswith" => {
            arguments.no_keywords()?;
            let [part, start, end] = arguments.bind(["prefix", "start", "end"], 3, 1)?;
            let range = bounds(bytes.len(), start.as_ref(), end.as_ref(), true)?;
            let window = range.and_then(|(start, end)| bytes.get(start..end));
            let part = part.unwrap_or(Value::None);
            let hit = |option: &[u8]| {
                window.is_some_and(|window| {
                    if name == "startswith" { window.starts_with(option) } else { window.ends_with(option) }
                })
            };
            match &part {
                Value::Bytes(part) => Ok(Value::Bool(hit(part))),
                Value::Tuple(options) => {
                    meter.charge(options.len())?;
                    for option in options.iter() {
                        if hit(&must_be_bytes(option)?) {
                            return Ok(Value::Bool(true));
                        }
                    }
                    Ok(Value::Bool(false))
                }
                other => raise(
                    "TypeError",
                    format!("{name} first arg must be bytes or a tuple of bytes, not {}", other.type_name()),
                ),
            }
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            arguments.no_keywords()?;
            let [part, start, end] = arguments.bind(["sub", "start", "end"], 3, 1)?;
            let part = needle(&part.unwrap_or(Value::None))?;
            let range = bounds(bytes.len(), start.as_ref(), end.as_ref(), true)?;
            let window = range.and_then(|(start, end)| bytes.get(start..end).map(|window| (start, window)));
            search(bytes, &part, meter)?;
            if name == "count" {
                let count = |window: &[u8]| {
                    if part.is_empty() {
                        window.len() + 1
                    } else {
                        split_bytes(window, &part, usize::MAX, false).count() - 1
                    }
                };
                return Ok(Value::int(window.map_or(0, |(_, window)| count(window))));
            }
            let found = window.and_then(|(first, window)| {
                let at = if name.starts_with('r') { rfind_bytes(window, &part) } else { find_bytes(window, &part) };
                at.map(|at| first + at)
            });
            match found {
                Some(at) => Ok(Value::int(at)),
                None if name.ends_with("find") => Ok(Value::int(-1)),
                None => raise("ValueError", "subsection not found"),
            }
        }
        "partition" | "rpartition" => {
            let separator = must_be_bytes(&arguments.one()?)?;
            if separator.is_empty() {
                return raise("ValueError", "empty separator");
            }
            search(bytes, &separator, meter)?;
            let from_right = name == "rpartition";
            let mut halves = split_bytes(bytes, &separator, 1, from_right);
            let parts = match (halves.next(), halves.next()) {
                (Some(after), Some(before)) if from_right => {
                    [Value::bytes(before), Value::Bytes(separator.clone()), Value::bytes(after)]
                }
                (Some(before), Some(after)) => {
                    [Value::bytes(before), Value::Bytes(separator.clone()), Value::bytes(after)]
                }
                _ if from_right => [Value::bytes([]), Value::bytes([]), Value::Bytes(bytes.clone())],
                _ => [Value::Bytes(bytes.clone()), Value::bytes([]), Value::bytes([])],
            };
            Ok(Value::tuple(parts.into()))
        }
        "removeprefix" | "removesuffix" => {
            let part = must_be_bytes(&arguments.one()?)?;
            let rest = if name == "removeprefix" { bytes.strip_prefix(&*part) } else { bytes.strip_suffix(&*part) };
            Ok(rest.map_or_else(|| Value::Bytes(bytes.clone()), Value::bytes))
        }
        _ => Err(Failure::Unsupported(format!("the method bytes.{name}"))),
    }
}

/// Pays for a search of bytes in bytes.
fn search(bytes: &[u8], part: &[u8], meter: &mut Meter) -> Outcome<()> {
    meter.charge(bytes.len().saturating_mul(part.len().clamp(1, 64)) / 64)
}

fn hex(bytes: &[u8], arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [separator, group] = arguments.bind(["sep", "bytes_per_sep"], 0, 0)?;
    let group = match group {
        None => 1,
        Some(group) => match index(&group)?.to_i32() {
            Some(group) => group,
            None => return raise("OverflowError", "Python int too large to convert to C int"),
        },
    };
    let separator = match separator {
        None => None,
        Some(Value::Str(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if c.is_ascii() => Some(c),
                (Some(_), None) => return raise("ValueError", "sep must be ASCII."),
                _ => return raise("ValueError", "sep must be length 1."),
            }
        }
        Some(Value::Bytes(bytes)) => match *bytes {
            [byte] if byte.is_ascii() => Some(char::from(byte)),
            [_] => return raise("ValueError", "sep must be ASCII."),
            _ => return raise("ValueError", "sep must be length 1."),
        },
        Some(other @ (Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_))) => {
            return raise("TypeError", format!("object of type '{}' has no len()", other.type_name()));
        }
        Some(_) => return raise("TypeError", "sep must be str or bytes."),
    };
    admit(bytes.len() * 3, meter)?;
    let width = usize::try_from(group.unsigned_abs()).unwrap_or(usize::MAX);
    let mut out = String::with_capacity(bytes.len() * 2);
    for (at, byte) in bytes.iter().enumerate() {
        // Positive groups are counted from the right.
        let place = if group > 0 { bytes.len() - at } else { at };
        if let Some(separator) = separator
            && at > 0
            && width > 0
            && place % width == 0
        {
            out.push(separator);
        }
        out.push_str(&format!("{byte:02x}"));
    }
    Ok(Value::Str(out.into()))
}

fn dict_method(
    receiver: &Value,
    entries: &Arc<Vec<(Value, Value)>>,
    arguments: &Arguments<'_>,
    meter: &mut Meter,
) -> Outcome {
    let view = |kind, items: Vec<Value>| Ok(Value::Iterable(kind, Arc::new(items)));
    match arguments.function {
        "get" => {
            arguments.no_keywords()?;
            let [key, default] = arguments.bind(["key", "default"], 2, 1)?;
            let found = lookup(entries, &key.unwrap_or(Value::None), meter)?;
            Ok(found.map(|(_, value)| value.clone()).or(default).unwrap_or(Value::None))
        }
        name => {
            nothing(arguments)?;
            if name == "copy" {
                return Ok(receiver.clone());
            }
            meter.charge(entries.len())?;
            match name {
                "keys" => view(IterableKind::Keys, entries.iter().map(|(key, _)| key.clone()).collect()),
                "values" => view(IterableKind::Values, entries.iter().map(|(_, value)| value.clone()).collect()),
                "items" => view(
                    IterableKind::Items,
                    entries.iter().map(|(key, value)| Value::tuple(vec![key.clone(), value.clone()])).collect(),
                ),
                _ => Err(Failure::Unsupported(format!("the method dict.{name}"))),
            }
        }
    }
}

fn sequence_method(receiver: &Value, items: &[Value], arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    match arguments.function {
        "copy" => {
            nothing(arguments)?;
            Ok(receiver.clone())
        }
        "count" => {
            let wanted = arguments.one()?;
            let mut count = 0usize;
            for item in items {
                meter.charge(1)?;
                count += usize::from(equal(item, &wanted, meter)?);
            }
            Ok(Value::int(count))
        }
        "index" => {
            arguments.no_keywords()?;
            let [wanted, start, stop] = arguments.bind(["value", "start", "stop"], 3, 1)?;
            let wanted = wanted.unwrap_or(Value::None);
            let range = bounds(items.len(), start.as_ref(), stop.as_ref(), false)?;
            let (start, end) = range.unwrap_or((0, 0));
            for (at, item) in items.iter().enumerate().take(end).skip(start) {
                meter.charge(1)?;
                if equal(item, &wanted, meter)? {
                    return Ok(Value::int(at));
                }
            }
            match receiver {
                Value::List(_) => raise("ValueError", format!("{} is not in list", value::repr(&wanted, meter)?)),
                _ => raise("ValueError", "tuple.index(x): x not in tuple"),
            }
        }
        name => Err(Failure::Unsupported(format!("the method {}.{name}", receiver.type_name()))),
    }
}

fn range_method(start: &BigInt, stop: &BigInt, step: &BigInt, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let wanted = arguments.one()?;
    let whole = match &wanted {
        Value::Float(number) if number.fract() == 0.0 => operators::int_of_float(*number),
        other => other.as_int(),
    };
    let inside = whole.filter(|number| in_range(number, start, stop, step));
    match (arguments.function, inside) {
        ("count", inside) => Ok(Value::int(u8::from(inside.is_some()))),
        (_, Some(number)) => Ok(Value::Int((number - start) / step)),
        (_, None) if wanted.as_int().is_some() => {
            raise("ValueError", format!("{} is not in range", value::repr(&wanted, meter)?))
        }
        (_, None) => {
            // Looked for one by one, in vain.
            meter.charge(range_length(start, stop, step).to_usize().unwrap_or(usize::MAX))?;
            raise("ValueError", "sequence.index(x): x not in sequence")
        }
    }
}

fn set_method(receiver: &Value, items: &[Value], arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    arguments.no_keywords()?;
    let name = arguments.function;
    // The elements of an argument, all of them keys.
    let others = |value: &Value, meter: &mut Meter| -> Outcome<Arc<Vec<Value>>> {
        let set = match value {
            Value::Set(items) | Value::Iterable(IterableKind::FrozenSet, items) => return Ok(items.clone()),
            other => iterate(other, meter)?,
        };
        shared_items(value::set(set, meter)?, meter)
    };
    let operator = match name {
        "union" => BinaryOperator::Or,
        "intersection" => BinaryOperator::And,
        "difference" => BinaryOperator::Subtract,
        "symmetric_difference" => {
            let other = others(&arguments.one()?, meter)?;
            return Ok(alike(receiver, combine(BinaryOperator::Xor, items, &other, meter)?));
        }
        "copy" => {
            nothing(arguments)?;
            return Ok(receiver.clone());
        }
        _ => {
            let other = others(&arguments.one()?, meter)?;
            return Ok(Value::Bool(match name {
                "issubset" => value::is_subset(items, &other, meter)?,
                "issuperset" => value::is_subset(&other, items, meter)?,
                _ => !combine(BinaryOperator::And, items, &other, meter)?.is_true(),
            }));
        }
    };
    let mut result: Arc<Vec<Value>> = Arc::new(items.to_vec());
    for argument in arguments.positional {
        let other = others(argument, meter)?;
        // What is no set is walked itself, whatever its size.
        let is_set = matches!(argument, Value::Set(_) | Value::Iterable(IterableKind::FrozenSet, _));
        let next = if operator == BinaryOperator::And && !is_set {
            operators::common(&result, &other, meter)?
        } else {
            combine(operator, &result, &other, meter)?
        };
        result = shared_items(next, meter)?;
    }
    Ok(alike(receiver, Value::Set(result)))
}

/// A set of the receiver's type.
fn alike(receiver: &Value, set: Value) -> Value {
    if matches!(receiver, Value::Set(_)) { set } else { frozen(set) }
}
