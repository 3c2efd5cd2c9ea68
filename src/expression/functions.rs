//! The functions of the language.
//!
//! A function is admitted only if it is pure and if its meaning is known completely; what of its arguments is not
//! known is [`Failure::Unsupported`]. Depends on values and operators.

use std::sync::Arc;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::evaluate::{Failure, Machine, Outcome, iterate, raise, shared_items};
use super::operators::{self, int_of_float, int_to_float, to_float};
use super::value::{self, DictBuilder, Meter, order, range_length};
use super::{BinaryOperator, ComprehensionKind, Expr, IterableKind, Text, Value, codec, format, json, unicode};

/// The functions, by qualified name, sorted.
const FUNCTIONS: &[&str] = &[
    "abs",
    "all",
    "any",
    "ascii",
    "base64.b64decode",
    "base64.b64encode",
    "base64.urlsafe_b64decode",
    "base64.urlsafe_b64encode",
    "bin",
    "bool",
    "bytes",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "float",
    "format",
    "frozenset",
    "hex",
    "int",
    "isinstance",
    "json.dumps",
    "json.loads",
    "len",
    "list",
    "math.ceil",
    "math.comb",
    "math.copysign",
    "math.degrees",
    "math.exp",
    "math.fabs",
    "math.factorial",
    "math.floor",
    "math.fmod",
    "math.gcd",
    "math.isfinite",
    "math.isinf",
    "math.isnan",
    "math.isqrt",
    "math.lcm",
    "math.log",
    "math.log10",
    "math.log2",
    "math.perm",
    "math.pow",
    "math.prod",
    "math.radians",
    "math.sqrt",
    "math.trunc",
    "max",
    "min",
    "next",
    "oct",
    "ord",
    "os.path.basename",
    "os.path.dirname",
    "os.path.isabs",
    "os.path.join",
    "os.path.split",
    "os.path.splitext",
    "pow",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "urllib.parse.quote",
    "urllib.parse.quote_plus",
    "urllib.parse.unquote",
    "urllib.parse.unquote_plus",
    "zip",
];

/// Whether the language has a function of this qualified name.
///
/// `isinstance` takes its second argument, and `json.dumps` its `default`, as names of types: an
/// [`Expr::Name`] there (or a tuple of them) is no variable. `next` takes a generator expression.
pub fn is_function(name: &str) -> bool {
    FUNCTIONS.binary_search(&name).is_ok()
}

/// Whether an expression may use this name for a function, a module of functions or a type.
pub fn is_builtin_name(name: &str) -> bool {
    TYPES.contains(&name) || FUNCTIONS.iter().any(|function| function.split('.').next() == Some(name))
}

/// Whether the argument of a call, by position or by keyword, names types or functions instead of giving a value.
pub(super) fn is_type_operand(function: &str, position: usize, keyword: Option<&str>) -> bool {
    match function {
        "isinstance" => keyword.is_none() && position == 1,
        "json.dumps" => keyword == Some("default"),
        _ => false,
    }
}

/// Names of types that `isinstance` takes.
pub(super) const TYPES: &[&str] = &[
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "object",
    "range",
    "set",
    "str",
    "tuple",
];

/// The types that an operand names; `None` if it is something else.
pub(super) fn type_names<'e>(operand: &'e Expr, out: &mut Vec<&'e str>) -> Option<()> {
    match operand {
        Expr::Name(name) if TYPES.contains(&&**name) => out.push(name),
        Expr::Tuple(items) => items.iter().try_for_each(|item| type_names(item, out))?,
        Expr::Binary(BinaryOperator::Or, left, right) => {
            type_names(left, out)?;
            type_names(right, out)?;
        }
        _ => return None,
    }
    Some(())
}

/// Arguments of a call.
pub(super) struct Arguments<'a> {
    /// The type, of a method.
    pub(super) owner: &'a str,
    pub(super) function: &'a str,
    pub(super) positional: &'a [Value],
    pub(super) keywords: &'a [(Text, Value)],
}

impl Arguments<'_> {
    /// Arguments by parameter. The first `bare` parameters cannot be given by keyword; the first `required` must be.
    pub(super) fn bind<const N: usize>(
        &self,
        parameters: [&str; N],
        bare: usize,
        required: usize,
    ) -> Outcome<[Option<Value>; N]> {
        if bare == N {
            self.no_keywords()?;
        }
        let given = self.positional.len();
        if given > N || (given + self.keywords.len() > N && !self.is_python()) {
            return self.wrong_count(N, bare, required);
        }
        let mut out = [const { None }; N];
        for (slot, value) in out.iter_mut().zip(self.positional) {
            *slot = Some(value.clone());
        }
        let name = self.name();
        let mut unknown = None;
        for (keyword, value) in self.keywords {
            let at = parameters.iter().position(|parameter| *parameter == &**keyword).filter(|at| *at >= bare);
            match at.and_then(|at| out.get_mut(at)) {
                Some(slot @ None) => *slot = Some(value.clone()),
                Some(Some(_)) if self.is_python() => {
                    return raise("TypeError", format!("{name}() got multiple values for argument '{keyword}'"));
                }
                Some(Some(_)) => {
                    return raise(
                        "TypeError",
                        format!(
                            "argument for {name}() given by name ('{keyword}') and position ({})",
                            at.unwrap_or(0) + 1
                        ),
                    );
                }
                None => unknown = unknown.or(Some(keyword)),
            }
        }
        let missing = out.iter().zip(parameters).take(required).position(|(value, _)| value.is_none());
        if let (Some(keyword), true) = (unknown, missing.is_none() || self.is_python()) {
            return raise(
                "TypeError",
                if self.is_python() {
                    format!("{name}() got an unexpected keyword argument '{keyword}'")
                } else {
                    format!("'{keyword}' is an invalid keyword argument for {name}()")
                },
            );
        }
        match missing {
            None => Ok(out),
            Some(_) if bare > 0 => self.wrong_count(N, bare, required),
            Some(at) => {
                let parameter = parameters.get(at).copied().unwrap_or_default();
                raise(
                    "TypeError",
                    if self.is_python() {
                        format!("{name}() missing 1 required positional argument: '{parameter}'")
                    } else {
                        format!("{name}() missing required argument '{parameter}' (pos {})", at + 1)
                    },
                )
            }
        }
    }

    /// The function without its module.
    fn name(&self) -> &str {
        self.function.rsplit('.').next().unwrap_or(self.function)
    }

    /// Whether CPython has the function in Python: its messages are worded otherwise.
    fn is_python(&self) -> bool {
        self.owner.is_empty()
            && ["json.", "base64.", "urllib.", "os."].iter().any(|module| self.function.starts_with(module))
    }

    /// `TypeError` for a number of arguments that is not between `least` and `most`.
    fn wrong_count<T>(&self, most: usize, bare: usize, least: usize) -> Outcome<T> {
        let given = self.positional.len();
        let name = self.name();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let too_few = given < least;
        let bound = if too_few { least } else { most };
        // `str.find` and its kin read their arguments in a way of their own.
        let searches =
            matches!(self.function, "find" | "rfind" | "index" | "rindex" | "count" | "startswith" | "endswith")
                && matches!(self.owner, "str" | "bytes");
        raise(
            "TypeError",
            if self.is_python() {
                let range = if least == most { format!("{most}") } else { format!("from {least} to {most}") };
                format!(
                    "{name}() takes {range} positional argument{} but {given} {} given",
                    plural(most),
                    if given == 1 { "was" } else { "were" }
                )
            } else if bare == most && !searches {
                let how = match (least == most, too_few) {
                    (true, _) => "",
                    (false, true) => "at least ",
                    (false, false) => "at most ",
                };
                format!("{name} expected {how}{bound} argument{}, got {given}", plural(bound))
            } else if too_few {
                let kind = if searches { "" } else { "positional " };
                format!("{name}() takes at least {bound} {kind}argument{} ({given} given)", plural(bound))
            } else {
                let given = given + self.keywords.len();
                format!("{name}() takes at most {bound} argument{} ({given} given)", plural(bound))
            },
        )
    }

    /// The function as messages about the number of its arguments name it.
    pub(super) fn qualified(&self) -> String {
        if self.owner.is_empty() { self.function.to_owned() } else { format!("{}.{}", self.owner, self.function) }
    }

    /// One argument, without a name.
    pub(super) fn one(&self) -> Outcome {
        match (self.positional, self.keywords) {
            ([value], []) => Ok(value.clone()),
            (_, [_, ..]) => raise("TypeError", format!("{}() takes no keyword arguments", self.qualified())),
            (values, []) => raise(
                "TypeError",
                format!("{}() takes exactly one argument ({} given)", self.qualified(), values.len()),
            ),
        }
    }

    pub(super) fn no_keywords(&self) -> Outcome<()> {
        if self.keywords.is_empty() {
            return Ok(());
        }
        raise("TypeError", format!("{}() takes no keyword arguments", self.qualified()))
    }
}

/// Calls a function.
pub(super) fn call(
    machine: &mut Machine<'_>,
    function: &Text,
    arguments: &[Expr],
    keywords: &[(Text, Expr)],
) -> Outcome {
    match (&**function, arguments, keywords) {
        ("isinstance", [value, types], []) => {
            let value = machine.value(value)?;
            let mut names = Vec::new();
            if type_names(types, &mut names).is_none() {
                return Err(Failure::Unsupported("a type that is computed".to_owned()));
            }
            return Ok(Value::Bool(names.iter().any(|name| is_instance(&value, name))));
        }
        ("any" | "all", [Expr::Comprehension { kind: ComprehensionKind::Generator, element, clauses, .. }], []) => {
            let stop_at = &**function == "any";
            let finished = machine.each(clauses, &mut |machine| Ok(machine.value(element)?.is_true() != stop_at))?;
            return Ok(Value::Bool(finished != stop_at));
        }
        (
            "next",
            [Expr::Comprehension { kind: ComprehensionKind::Generator, element, clauses, .. }, default @ ..],
            [],
        ) if default.len() <= 1 => return next(machine, element, clauses, default.first()),
        ("next", ..) => return Err(Failure::Unsupported("next() of what is no generator expression".to_owned())),
        ("json.dumps", ..) => {
            let values = machine.values(arguments)?;
            let mut named = Vec::new();
            for (name, keyword) in keywords {
                // Called for what JSON has not; which of the few it is, only matters then.
                if &**name == "default" && matches!(keyword, Expr::Name(name) if matches!(&**name, "str" | "repr")) {
                    continue;
                }
                named.push((name.clone(), machine.value(keyword)?));
            }
            let default = keywords.iter().any(|(name, value)| &**name == "default" && matches!(value, Expr::Name(_)));
            let arguments = Arguments { owner: "", function, positional: &values, keywords: &named };
            return json::dumps(&arguments, default, &mut machine.meter);
        }
        _ => {}
    }
    let positional = machine.values(arguments)?;
    let keywords = machine.keywords(keywords)?;
    apply(&Arguments { owner: "", function, positional: &positional, keywords: &keywords }, &mut machine.meter)
}

fn next(machine: &mut Machine<'_>, element: &Expr, clauses: &[super::Clause], default: Option<&Expr>) -> Outcome {
    // Python makes the generator, which evaluates the first iterable only, then the default, then runs it.
    let default = default.map(|default| machine.value(default)).transpose()?;
    let mut found = None;
    machine.each(clauses, &mut |machine| {
        found = Some(machine.value(element)?);
        Ok(false)
    })?;
    match found.or(default) {
        Some(value) => Ok(value),
        None => raise("StopIteration", ""),
    }
}

fn is_instance(value: &Value, name: &str) -> bool {
    name == "object" || value.type_name() == name || (name == "int" && matches!(value, Value::Bool(_)))
}

fn apply(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    match arguments.function {
        "abs" => absolute(&arguments.one()?),
        "all" => Ok(Value::Bool(items(&arguments.one()?, meter)?.iter().all(Value::is_true))),
        "any" => Ok(Value::Bool(items(&arguments.one()?, meter)?.iter().any(Value::is_true))),
        "ascii" => Ok(Value::text(format::ascii(&value::repr(&arguments.one()?, meter)?))),
        "bin" => based(&arguments.one()?, "0b", 2, meter),
        "oct" => based(&arguments.one()?, "0o", 8, meter),
        "hex" => based(&arguments.one()?, "0x", 16, meter),
        "bool" => {
            arguments.no_keywords()?;
            let [value] = arguments.bind(["x"], 1, 0)?;
            Ok(Value::Bool(value.is_some_and(|value| value.is_true())))
        }
        "bytes" => codec::bytes(arguments, meter),
        "chr" => chr(&arguments.one()?),
        "ord" => ord(&arguments.one()?),
        "dict" => dict(arguments, meter),
        "divmod" => {
            arguments.no_keywords()?;
            let [a, b] = required(arguments.bind(["a", "b"], 2, 2)?);
            divmod(&a, &b, meter)
        }
        "enumerate" => {
            let [iterable, start] = arguments.bind(["iterable", "start"], 0, 1)?;
            let values = items(&iterable.unwrap_or(Value::None), meter)?;
            let mut at = match start {
                None => BigInt::zero(),
                Some(start) => index(&start)?,
            };
            meter.charge(values.len())?;
            let mut out = Vec::with_capacity(values.len());
            out.extend(values.iter().map(|value| {
                let number = at.clone();
                at += 1u32;
                Value::tuple(vec![Value::Int(number), value.clone()])
            }));
            Ok(Value::Iterable(IterableKind::Enumerate, Arc::new(out)))
        }
        "float" => {
            arguments.no_keywords()?;
            match arguments.bind(["x"], 1, 0)? {
                [None] => Ok(Value::Float(0.0)),
                [Some(value)] => float(&value, meter),
            }
        }
        "format" => {
            arguments.no_keywords()?;
            let [value, specification] = arguments.bind(["value", "format_spec"], 2, 1)?;
            let specification = match specification {
                None => Text::from(""),
                Some(Value::Str(text)) => text,
                Some(other) => {
                    return raise("TypeError", format!("format() argument 2 must be str, not {}", other.type_name()));
                }
            };
            format::format(&value.unwrap_or(Value::None), &specification, meter).map(|text| Value::Str(text.into()))
        }
        "int" => {
            let [value, base] = arguments.bind(["x", "base"], 1, 0)?;
            match (value, base) {
                (None, None) => Ok(Value::int(0)),
                (None, Some(_)) => raise("TypeError", "int() missing string argument"),
                (Some(value), base) => int(&value, base.as_ref(), meter),
            }
        }
        "json.loads" => json::loads(arguments, meter),
        "len" => length(&arguments.one()?, meter),
        "list" | "tuple" | "set" | "frozenset" => {
            arguments.no_keywords()?;
            let [iterable] = arguments.bind(["iterable"], 1, 0)?;
            let values = match iterable {
                None => Vec::new(),
                Some(iterable) => iterate(&iterable, meter)?,
            };
            match arguments.function {
                "list" => Ok(Value::list(values)),
                "tuple" => Ok(Value::tuple(values)),
                "set" => value::set(values, meter),
                _ => Ok(frozen(value::set(values, meter)?)),
            }
        }
        "max" => extreme(arguments, ">", meter),
        "min" => extreme(arguments, "<", meter),
        "pow" => {
            let [base, exponent, modulus] = arguments.bind(["base", "exp", "mod"], 0, 2)?;
            power(&base.unwrap_or(Value::None), &exponent.unwrap_or(Value::None), modulus.as_ref(), meter)
        }
        "range" => range(arguments),
        "repr" => Ok(Value::Str(value::repr(&arguments.one()?, meter)?.into())),
        "reversed" => {
            let [sequence] = required(arguments.bind(["sequence"], 1, 1)?);
            reversed(&sequence, meter)
        }
        "round" => {
            let [number, digits] = arguments.bind(["number", "ndigits"], 0, 1)?;
            round(&number.unwrap_or(Value::None), &digits.unwrap_or(Value::None), meter)
        }
        "sorted" => sorted(arguments, meter),
        "str" => codec::str(arguments, meter),
        "sum" => {
            let [iterable, start] = arguments.bind(["iterable", "start"], 1, 1)?;
            sum(&iterable.unwrap_or(Value::None), start.unwrap_or_else(|| Value::int(0)), meter)
        }
        "zip" => zip(arguments, meter),
        "base64.b64decode" | "base64.urlsafe_b64decode" => codec::b64decode(arguments, meter),
        "base64.b64encode" | "base64.urlsafe_b64encode" => codec::b64encode(arguments, meter),
        "urllib.parse.unquote" | "urllib.parse.unquote_plus" => codec::unquote(arguments, meter),
        "urllib.parse.quote" | "urllib.parse.quote_plus" => codec::quote(arguments, meter),
        name if name.starts_with("math.") => math(name, arguments, meter),
        name if name.starts_with("os.path.") => codec::path(name, arguments, meter),
        name => Err(Failure::Unsupported(format!("the function {name}"))),
    }
}

fn required<const N: usize>(values: [Option<Value>; N]) -> [Value; N] {
    values.map(|value| value.unwrap_or(Value::None))
}

/// A set as a `frozenset`.
pub(super) fn frozen(set: Value) -> Value {
    match set {
        Value::Set(items) => Value::Iterable(IterableKind::FrozenSet, items),
        other => other,
    }
}

fn items(value: &Value, meter: &mut Meter) -> Outcome<Arc<Vec<Value>>> {
    let items = shared_items(value.clone(), meter)?;
    meter.charge(items.len() / 4)?;
    Ok(items)
}

/// An argument that must be an `int` or a `bool`.
pub(super) fn index(value: &Value) -> Outcome<BigInt> {
    match value.as_int() {
        Some(number) => Ok(number),
        None => raise("TypeError", format!("'{}' object cannot be interpreted as an integer", value.type_name())),
    }
}

fn absolute(value: &Value) -> Outcome {
    match value {
        Value::Float(number) => Ok(Value::Float(number.abs())),
        Value::Bool(_) | Value::Int(_) => Ok(Value::Int(index(value)?.abs())),
        _ => raise("TypeError", format!("bad operand type for abs(): '{}'", value.type_name())),
    }
}

fn based(value: &Value, prefix: &str, radix: u32, meter: &mut Meter) -> Outcome {
    let number = index(value)?;
    meter.charge(usize::try_from(number.bits() / 16).unwrap_or(usize::MAX))?;
    let sign = if number.is_negative() { "-" } else { "" };
    Ok(Value::text(format!("{sign}{prefix}{}", number.magnitude().to_str_radix(radix))))
}

fn chr(value: &Value) -> Outcome {
    let number = index(value)?;
    match number.to_u32() {
        Some(code) if code < 0x11_0000 => match char::from_u32(code) {
            Some(c) => Ok(Value::text(c.encode_utf8(&mut [0; 4]))),
            None => Err(Failure::Unsupported("lone surrogates".to_owned())),
        },
        _ if number.to_i32().is_none() => raise("OverflowError", "Python int too large to convert to C int"),
        _ => raise("ValueError", "chr() arg not in range(0x110000)"),
    }
}

fn ord(value: &Value) -> Outcome {
    let length = match value {
        Value::Str(text) => {
            let mut chars = text.chars();
            if let (Some(c), None) = (chars.next(), chars.next()) {
                return Ok(Value::int(c as u32));
            }
            value::char_count(text)
        }
        Value::Bytes(bytes) => {
            if let [byte] = **bytes {
                return Ok(Value::int(byte));
            }
            bytes.len()
        }
        _ => {
            return raise("TypeError", format!("ord() expected string of length 1, but {} found", value.type_name()));
        }
    };
    raise("TypeError", format!("ord() expected a character, but string of length {length} found"))
}

fn dict(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let mut out = DictBuilder::default();
    match arguments.positional {
        [] => {}
        [Value::Dict(entries)] => {
            for (key, value) in entries.iter() {
                out.insert(key.clone(), value.clone(), meter)?;
            }
        }
        [iterable] => {
            for (at, pair) in items(iterable, meter)?.iter().enumerate() {
                let parts = match iterate(pair, meter) {
                    Ok(parts) => parts,
                    Err(Failure::Raised(_)) => {
                        return raise(
                            "TypeError",
                            format!("cannot convert dictionary update sequence element #{at} to a sequence"),
                        );
                    }
                    Err(other) => return Err(other),
                };
                let [key, value] = parts.as_slice() else {
                    return raise(
                        "ValueError",
                        format!("dictionary update sequence element #{at} has length {}; 2 is required", parts.len()),
                    );
                };
                out.insert(key.clone(), value.clone(), meter)?;
            }
        }
        more => return raise("TypeError", format!("dict expected at most 1 argument, got {}", more.len())),
    }
    for (name, value) in arguments.keywords {
        out.insert(Value::Str(name.clone()), value.clone(), meter)?;
    }
    Ok(out.finish())
}

fn divmod(a: &Value, b: &Value, meter: &mut Meter) -> Outcome {
    let numbers = |value: &Value| matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
    if !numbers(a) || !numbers(b) {
        return raise(
            "TypeError",
            format!("unsupported operand type(s) for divmod(): '{}' and '{}'", a.type_name(), b.type_name()),
        );
    }
    if matches!(a, Value::Float(_)) || matches!(b, Value::Float(_)) {
        let (x, y) = (to_float(a)?, to_float(b)?);
        if y == 0.0 {
            return raise("ZeroDivisionError", "float divmod()");
        }
        let (quotient, modulo) = operators::divide_modulo(x, y);
        return Ok(Value::tuple(vec![Value::Float(quotient), Value::Float(modulo)]));
    }
    let quotient = operators::binary(BinaryOperator::FloorDivide, a.clone(), b, meter)?;
    let modulo = operators::binary(BinaryOperator::Modulo, a.clone(), b, meter)?;
    Ok(Value::tuple(vec![quotient, modulo]))
}

/// Text without Python's white space around it, its decimal digits of any script as ASCII; `None` if it holds what
/// no number has.
fn number_text(text: &str) -> Option<String> {
    if text.is_ascii() {
        // Only the white space of C.
        let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        return Some(text.to_owned());
    }
    let text: String = text
        .chars()
        .map(|c| {
            if super::methods::is_space(c) && !c.is_ascii() {
                Some(' ')
            } else if c.is_ascii() {
                Some(c)
            } else {
                unicode::decimal(c).and_then(|digit| char::from_digit(digit, 10))
            }
        })
        .collect::<Option<_>>()?;
    Some(text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).to_owned())
}

/// The text of a `str` or of bytes that a number is read from.
fn readable(value: &Value, meter: &mut Meter) -> Outcome<Option<String>> {
    Ok(match value {
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            Some(text.to_string())
        }
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            Some(bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect())
        }
        _ => None,
    })
}

fn float(value: &Value, meter: &mut Meter) -> Outcome {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => to_float(value).map(Value::Float),
        Value::Str(_) | Value::Bytes(_) => {
            let text = readable(value, meter)?.unwrap_or_default();
            match number_text(&text).and_then(|text| parse_float(&text)) {
                Some(number) => Ok(Value::Float(number)),
                None => {
                    raise("ValueError", format!("could not convert string to float: {}", value::repr(value, meter)?))
                }
            }
        }
        _ => raise(
            "TypeError",
            format!("float() argument must be a string or a real number, not '{}'", value.type_name()),
        ),
    }
}

fn parse_float(text: &str) -> Option<f64> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let number = match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ => {
            let mut plain = String::with_capacity(body.len());
            let bytes = body.as_bytes();
            for (at, byte) in bytes.iter().enumerate() {
                let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
                match byte {
                    b'_' if digit(at.checked_sub(1)) && digit(at.checked_add(1)) => {}
                    b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-' => plain.push(char::from(*byte)),
                    _ => return None,
                }
            }
            // Rust takes "1." and ".5" as Python does, and neither takes "." nor an exponent without digits.
            if plain.starts_with(['+', '-']) {
                return None;
            }
            plain.parse().ok()?
        }
    };
    Some(if negative { -number } else { number })
}

fn int(value: &Value, base: Option<&Value>, meter: &mut Meter) -> Outcome {
    let base = match base {
        None => None,
        Some(base) => match index(base)?.to_u32() {
            Some(base) if base == 0 || (2..=36).contains(&base) => Some(base),
            _ => return raise("ValueError", "int() base must be >= 2 and <= 36, or 0"),
        },
    };
    let Some(text) = readable(value, meter)? else {
        if base.is_some() {
            return raise("TypeError", "int() can't convert non-string with explicit base");
        }
        return match value {
            Value::Bool(_) | Value::Int(_) => Ok(Value::Int(index(value)?)),
            Value::Float(number) => float_to_int(*number),
            _ => raise(
                "TypeError",
                format!(
                    "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                    value.type_name()
                ),
            ),
        };
    };
    let base = base.unwrap_or(10);
    let invalid = |meter: &mut Meter| {
        // CPython cuts the literal (`%.200R`).
        let literal: String = value::repr(value, meter)?.chars().take(200).collect();
        raise("ValueError", format!("invalid literal for int() with base {base}: {literal}"))
    };
    let Some(text) = number_text(&text) else { return invalid(meter) };
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let prefixed = |radix: u32| match (radix, body.get(..2).map(str::to_ascii_lowercase).as_deref()) {
        (16, Some("0x")) | (8, Some("0o")) | (2, Some("0b")) => body.get(2..),
        _ => None,
    };
    let (radix, digits, has_prefix) = if base == 0 {
        match [16, 8, 2].into_iter().find_map(|radix| prefixed(radix).map(|rest| (radix, rest))) {
            Some((radix, rest)) => (radix, rest, true),
            None => (10, body, false),
        }
    } else {
        match prefixed(base) {
            Some(rest) => (base, rest, true),
            None => (base, body, false),
        }
    };
    // One underscore may stand between two digits, and between the prefix and the first.
    let digits = if has_prefix { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    if digits.is_empty() || digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return invalid(meter);
    }
    let plain: String = digits.chars().filter(|c| *c != '_').collect();
    if !plain.chars().all(|c| c.is_digit(radix)) {
        return invalid(meter);
    }
    if base == 0 && radix == 10 && plain.starts_with('0') && plain.bytes().any(|byte| byte != b'0') {
        return invalid(meter);
    }
    if !radix.is_power_of_two() && plain.len() > value::MAX_INT_DIGITS {
        return value::too_many_digits(Some(plain.len()));
    }
    meter.charge(plain.len() / 8)?;
    match BigInt::parse_bytes(plain.as_bytes(), radix) {
        Some(number) => Ok(Value::Int(if negative { -number } else { number })),
        None => invalid(meter),
    }
}

fn float_to_int(number: f64) -> Outcome {
    match int_of_float(number.trunc()) {
        Some(whole) => Ok(Value::Int(whole)),
        None if number.is_nan() => raise("ValueError", "cannot convert float NaN to integer"),
        None => raise("OverflowError", "cannot convert float infinity to integer"),
    }
}

fn length(value: &Value, meter: &mut Meter) -> Outcome {
    match value {
        Value::Str(text) => meter.charge_bytes(text.len())?,
        Value::Range(start, stop, step) if range_length(start, stop, step).to_i64().is_none() => {
            return raise("OverflowError", "Python int too large to convert to C ssize_t");
        }
        Value::Iterable(kind, _) if !kind.is_view() => {
            return raise("TypeError", format!("object of type '{}' has no len()", kind.type_name()));
        }
        _ => {}
    }
    match value.iterations() {
        Some(length) => Ok(Value::Int(length)),
        None => raise("TypeError", format!("object of type '{}' has no len()", value.type_name())),
    }
}

fn extreme(arguments: &Arguments<'_>, symbol: &str, meter: &mut Meter) -> Outcome {
    let name = arguments.function;
    let mut default = None;
    for (keyword, value) in arguments.keywords {
        match (&**keyword, value) {
            ("default", value) => default = Some(value.clone()),
            ("key", Value::None) => {}
            ("key", _) => return Err(Failure::Unsupported(format!("{name}(key=…)"))),
            _ => {
                return raise("TypeError", format!("'{keyword}' is an invalid keyword argument for {name}()"));
            }
        }
    }
    let values = match arguments.positional {
        [] => return raise("TypeError", format!("{name} expected at least 1 argument, got 0")),
        [iterable] => items(iterable, meter)?,
        _ if default.is_some() => {
            return raise(
                "TypeError",
                format!("Cannot specify a default for {name}() with multiple positional arguments"),
            );
        }
        several => Arc::new(several.to_vec()),
    };
    meter.charge(values.len())?;
    let wanted = if symbol == ">" { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less };
    let mut best: Option<&Value> = None;
    for value in values.iter() {
        match best {
            None => best = Some(value),
            Some(current) => {
                if ordered(value, current, symbol, wanted, meter)? {
                    best = Some(value);
                }
            }
        }
    }
    match best.cloned().or(default) {
        Some(value) => Ok(value),
        None => raise("ValueError", format!("{name}() iterable argument is empty")),
    }
}

/// Whether `a` stands to `b` as wanted. Sets are ordered by inclusion, and then a maximum depends on the order.
fn ordered(a: &Value, b: &Value, symbol: &str, wanted: std::cmp::Ordering, meter: &mut Meter) -> Outcome<bool> {
    if matches!(a, Value::Set(_) | Value::Iterable(..)) && matches!(b, Value::Set(_) | Value::Iterable(..)) {
        return Err(Failure::Unsupported("the order of sets".to_owned()));
    }
    Ok(order(a, b, symbol, meter)? == Some(wanted))
}

fn power(base: &Value, exponent: &Value, modulus: Option<&Value>, meter: &mut Meter) -> Outcome {
    let modulus = match modulus {
        None | Some(Value::None) => {
            return operators::binary(BinaryOperator::Power, base.clone(), exponent, meter);
        }
        Some(modulus) => modulus,
    };
    let (Some(base), Some(exponent), Some(modulus)) = (base.as_int(), exponent.as_int(), modulus.as_int()) else {
        let operands = [base, exponent, modulus];
        // A float among them answers for all.
        let numbers = operands.iter().any(|value| matches!(value, Value::Float(_)))
            || operands.iter().all(|value| matches!(value, Value::Bool(_) | Value::Int(_)));
        return raise(
            "TypeError",
            if numbers {
                "pow() 3rd argument not allowed unless all arguments are integers".to_owned()
            } else {
                format!(
                    "unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'",
                    base.type_name(),
                    exponent.type_name(),
                    modulus.type_name()
                )
            },
        );
    };
    if modulus.is_zero() {
        return raise("ValueError", "pow() 3rd argument cannot be 0");
    }
    let words = |number: &BigInt| usize::try_from(number.bits() / 64 + 1).unwrap_or(usize::MAX);
    meter.charge(words(&exponent).saturating_mul(words(&modulus)).saturating_mul(words(&modulus)).saturating_mul(2))?;
    meter.charge(words(&base).saturating_mul(words(&modulus)) / 16)?;
    let size = modulus.abs();
    if size.is_one() {
        return Ok(Value::int(0));
    }
    let mut base = base.mod_floor(&size);
    let mut exponent = exponent;
    if exponent.is_negative() {
        let gcd = base.extended_gcd(&size);
        if !gcd.gcd.is_one() {
            return raise("ValueError", "base is not invertible for the given modulus");
        }
        base = gcd.x.mod_floor(&size);
        exponent = -exponent;
    }
    Ok(Value::Int(base.modpow(&exponent, &size).mod_floor(&modulus)))
}

fn range(arguments: &Arguments<'_>) -> Outcome {
    arguments.no_keywords()?;
    let (start, stop, step) = match arguments.positional {
        [stop] => (BigInt::zero(), index(stop)?, BigInt::one()),
        [start, stop] => (index(start)?, index(stop)?, BigInt::one()),
        [start, stop, step] => (index(start)?, index(stop)?, index(step)?),
        [] => return raise("TypeError", "range expected at least 1 argument, got 0"),
        more => return raise("TypeError", format!("range expected at most 3 arguments, got {}", more.len())),
    };
    if step.is_zero() {
        return raise("ValueError", "range() arg 3 must not be zero");
    }
    Ok(Value::Range(start, stop, step))
}

fn reversed(value: &Value, meter: &mut Meter) -> Outcome {
    match value {
        Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Range(..) => {}
        Value::Iterable(kind, _) if kind.is_view() => {}
        _ => return raise("TypeError", format!("'{}' object is not reversible", value.type_name())),
    }
    let mut values = iterate(value, meter)?;
    values.reverse();
    Ok(Value::Iterable(IterableKind::Reversed, Arc::new(values)))
}

fn round(number: &Value, digits: &Value, meter: &mut Meter) -> Outcome {
    let places = match digits {
        Value::None => None,
        digits if matches!(number, Value::Bool(_) | Value::Int(_) | Value::Float(_)) => Some(index(digits)?),
        _ => None,
    };
    match number {
        Value::Bool(_) | Value::Int(_) => {
            let number = index(number)?;
            match places {
                Some(places) if places.is_negative() => {
                    let bits = usize::try_from(number.bits() / 64 + 1).unwrap_or(usize::MAX);
                    meter.charge(bits.saturating_mul(bits) / 16)?;
                    Ok(Value::Int(operators::round_int(&number, (-places).to_u32().unwrap_or(u32::MAX))))
                }
                _ => Ok(Value::Int(number)),
            }
        }
        Value::Float(float) => match places {
            None => float_to_int(float.round_ties_even()),
            Some(places) => {
                let limit = if places.is_negative() { i64::MIN / 2 } else { i64::MAX / 2 };
                operators::round_float(*float, places.to_i64().unwrap_or(limit)).map(Value::Float)
            }
        },
        _ => raise("TypeError", format!("type {} doesn't define __round__ method", number.type_name())),
    }
}

fn sorted(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [iterable] =
        required(Arguments { owner: "", function: "sorted", positional: arguments.positional, keywords: &[] }.bind(
            ["iterable"],
            1,
            1,
        )?);
    let mut reverse = false;
    for (keyword, value) in arguments.keywords {
        match (&**keyword, value) {
            ("reverse", value) => reverse = value.is_true(),
            ("key", Value::None) => {}
            ("key", _) => return Err(Failure::Unsupported("sorted(key=…)".to_owned())),
            _ => return raise("TypeError", format!("'{keyword}' is an invalid keyword argument for sort()")),
        }
    }
    let mut values = iterate(&iterable, meter)?;
    // Equal elements keep their order, also in reverse.
    if reverse {
        values.reverse();
    }
    let mut values = merge_sort(values, meter)?;
    if reverse {
        values.reverse();
    }
    Ok(Value::list(values))
}

/// Stable, by `<` alone; the library's sort may panic when `<` is no total order (NaN).
pub(super) fn merge_sort(values: Vec<Value>, meter: &mut Meter) -> Outcome<Vec<Value>> {
    let length = values.len();
    let mut from = values;
    let mut width = 1;
    while width < length {
        meter.charge(length)?;
        let mut to = Vec::with_capacity(length);
        let mut start = 0;
        while start < length {
            let middle = (start + width).min(length);
            let end = (middle + width).min(length);
            let (mut left, mut right) = (start, middle);
            while let (Some(a), Some(b)) = (from.get(left), from.get(right)) {
                if left >= middle || right >= end {
                    break;
                }
                if ordered(b, a, "<", std::cmp::Ordering::Less, meter)? {
                    to.push(b.clone());
                    right += 1;
                } else {
                    to.push(a.clone());
                    left += 1;
                }
            }
            to.extend_from_slice(from.get(left..middle).unwrap_or_default());
            to.extend_from_slice(from.get(right..end).unwrap_or_default());
            start = end;
        }
        from = to;
        width *= 2;
    }
    Ok(from)
}

fn sum(iterable: &Value, start: Value, meter: &mut Meter) -> Outcome {
    match &start {
        Value::Str(_) => return raise("TypeError", "sum() can't sum strings [use ''.join(seq) instead]"),
        Value::Bytes(_) => return raise("TypeError", "sum() can't sum bytes [use b''.join(seq) instead]"),
        _ => {}
    }
    if let (Value::Range(first, stop, step), Some(start)) = (iterable, start.as_int()) {
        let count = range_length(first, stop, step);
        let last = first + (&count - 1u32) * step;
        return Ok(Value::Int(start + (first + last) * count / 2u32));
    }
    let values = items(iterable, meter)?;
    meter.charge(values.len())?;
    let mut total = start;
    let mut rest = values.iter();
    while let Some(value) = rest.next() {
        total = operators::binary(BinaryOperator::Add, total, value, meter)?;
        // Floats are added with compensation from 3.12 on, as long as they are alone with machine integers.
        if let Value::Float(mut sum) = total {
            let mut lost = 0.0;
            let mut stopped = None;
            for value in rest.by_ref() {
                match value {
                    Value::Float(x) => {
                        let next = sum + x;
                        lost += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
                        sum = next;
                    }
                    Value::Bool(_) | Value::Int(_) if value.as_small().is_some() => {
                        sum += value.as_small().unwrap_or(0) as f64;
                    }
                    other => {
                        stopped = Some(other);
                        break;
                    }
                }
            }
            if lost != 0.0 && f64::is_finite(lost) {
                sum += lost;
            }
            total = Value::Float(sum);
            if let Some(value) = stopped {
                total = operators::binary(BinaryOperator::Add, total, value, meter)?;
                for value in rest.by_ref() {
                    total = operators::binary(BinaryOperator::Add, total, value, meter)?;
                }
            }
        }
    }
    Ok(total)
}

fn zip(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let mut strict = false;
    for (keyword, value) in arguments.keywords {
        match &**keyword {
            "strict" => strict = value.is_true(),
            _ => return raise("TypeError", format!("'{keyword}' is an invalid keyword argument for zip()")),
        }
    }
    let mut columns = Vec::with_capacity(arguments.positional.len());
    for column in arguments.positional {
        columns.push(shared_items(column.clone(), meter)?);
    }
    let length = columns.iter().map(|column| column.len()).min().unwrap_or(0);
    if strict && let Some(first) = columns.first() {
        for (at, column) in columns.iter().enumerate() {
            if column.len() != first.len() {
                let word = if column.len() < first.len() { "shorter" } else { "longer" };
                let others = if at == 1 { "argument 1".to_owned() } else { format!("arguments 1-{at}") };
                return raise("ValueError", format!("zip() argument {} is {word} than {others}", at + 1));
            }
        }
    }
    meter.charge(length.saturating_mul(columns.len() + 1))?;
    let mut rows = Vec::with_capacity(length);
    for at in 0..length {
        rows.push(Value::tuple(columns.iter().filter_map(|column| column.get(at).cloned()).collect()));
    }
    Ok(Value::Iterable(IterableKind::Zip, Arc::new(rows)))
}

fn domain_error<T>() -> Outcome<T> {
    raise("ValueError", "math domain error")
}

fn math(name: &str, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    arguments.no_keywords().or_else(|error| if name == "math.prod" { Ok(()) } else { Err(error) })?;
    match name {
        "math.ceil" | "math.floor" | "math.trunc" => match arguments.one()? {
            value @ (Value::Bool(_) | Value::Int(_)) => Ok(Value::Int(index(&value)?)),
            Value::Float(number) => float_to_int(match name {
                "math.ceil" => number.ceil(),
                "math.floor" => number.floor(),
                _ => number,
            }),
            other if name == "math.trunc" => {
                raise("TypeError", format!("type {} doesn't define __trunc__ method", other.type_name()))
            }
            other => raise("TypeError", format!("must be real number, not {}", other.type_name())),
        },
        "math.sqrt" => {
            let number = to_float(&arguments.one()?)?;
            if number < 0.0 { domain_error() } else { Ok(Value::Float(number.sqrt())) }
        }
        "math.exp" => {
            let number = to_float(&arguments.one()?)?;
            let result = number.exp();
            if result.is_infinite() && number.is_finite() {
                return raise("OverflowError", "math range error");
            }
            Ok(Value::Float(result))
        }
        "math.fabs" => Ok(Value::Float(to_float(&arguments.one()?)?.abs())),
        "math.isfinite" => Ok(Value::Bool(to_float(&arguments.one()?)?.is_finite())),
        "math.isinf" => Ok(Value::Bool(to_float(&arguments.one()?)?.is_infinite())),
        "math.isnan" => Ok(Value::Bool(to_float(&arguments.one()?)?.is_nan())),
        "math.isqrt" => {
            let number = index(&arguments.one()?)?;
            if number.is_negative() {
                return raise("ValueError", "isqrt() argument must be nonnegative");
            }
            let words = usize::try_from(number.bits() / 64 + 1).unwrap_or(usize::MAX);
            meter.charge(words.saturating_mul(words))?;
            Ok(Value::Int(number.sqrt()))
        }
        "math.log" => {
            let [value, base] = arguments.bind(["x", "base"], 2, 1)?;
            let number = logarithm(&value.unwrap_or(Value::None), f64::ln)?;
            match base {
                None => Ok(Value::Float(number)),
                Some(base) => {
                    let base = logarithm(&base, f64::ln)?;
                    if base == 0.0 {
                        return raise("ZeroDivisionError", "float division by zero");
                    }
                    Ok(Value::Float(number / base))
                }
            }
        }
        "math.log2" => logarithm(&arguments.one()?, f64::log2).map(Value::Float),
        "math.log10" => logarithm(&arguments.one()?, f64::log10).map(Value::Float),
        "math.pow" => {
            let [base, exponent] = required(arguments.bind(["x", "y"], 2, 2)?);
            let (base, exponent) = (to_float(&base)?, to_float(&exponent)?);
            let result = base.powf(exponent);
            if base.is_finite() && exponent.is_finite() {
                if result.is_nan() || (base == 0.0 && exponent < 0.0) {
                    return domain_error();
                }
                if result.is_infinite() {
                    return raise("OverflowError", "math range error");
                }
            }
            Ok(Value::Float(result))
        }
        "math.gcd" | "math.lcm" => {
            let mut result = if name == "math.gcd" { BigInt::zero() } else { BigInt::one() };
            for value in arguments.positional {
                let number = index(value)?;
                meter.charge(words(&result).saturating_mul(words(&number)))?;
                result = if name == "math.gcd" { result.gcd(&number) } else { result.lcm(&number) };
            }
            Ok(Value::Int(result))
        }
        "math.factorial" => factorial(&arguments.one()?, meter),
        "math.perm" => match arguments.bind(["n", "k"], 2, 1)? {
            [Some(number), None | Some(Value::None)] => factorial(&number, meter),
            given => falling(&required(given), false, meter),
        },
        "math.comb" => falling(&required(arguments.bind(["n", "k"], 2, 2)?), true, meter),
        "math.copysign" => {
            let [size, sign] = required(arguments.bind(["x", "y"], 2, 2)?);
            Ok(Value::Float(to_float(&size)?.copysign(to_float(&sign)?)))
        }
        "math.fmod" => {
            let [number, divisor] = required(arguments.bind(["x", "y"], 2, 2)?);
            let (number, divisor) = (to_float(&number)?, to_float(&divisor)?);
            let result = number % divisor;
            if result.is_nan() && !number.is_nan() && !divisor.is_nan() {
                domain_error()
            } else {
                Ok(Value::Float(result))
            }
        }
        "math.degrees" => Ok(Value::Float(to_float(&arguments.one()?)? * (180.0 / std::f64::consts::PI))),
        "math.radians" => Ok(Value::Float(to_float(&arguments.one()?)? * (std::f64::consts::PI / 180.0))),
        "math.prod" => {
            let mut total = Value::int(1);
            for (keyword, start) in arguments.keywords {
                if &**keyword != "start" {
                    return raise("TypeError", format!("prod() got an unexpected keyword argument '{keyword}'"));
                }
                total = start.clone();
            }
            let [iterable] = arguments.positional else {
                return raise(
                    "TypeError",
                    format!("prod() takes exactly 1 positional argument ({} given)", arguments.positional.len()),
                );
            };
            for value in items(iterable, meter)?.iter() {
                total = operators::binary(BinaryOperator::Multiply, total, value, meter)?;
            }
            Ok(total)
        }
        _ => Err(Failure::Unsupported(format!("the function {name}"))),
    }
}

/// How many machine words a number has: what one step of arithmetic on it costs.
fn words(number: &BigInt) -> usize {
    usize::try_from(number.bits() / 64 + 1).unwrap_or(usize::MAX)
}

fn factorial(value: &Value, meter: &mut Meter) -> Outcome {
    let number = index(value)?;
    if number.is_negative() {
        return raise("ValueError", "factorial() not defined for negative values");
    }
    let Some(number) = number.to_i64() else {
        return raise("OverflowError", format!("factorial() argument should not exceed {}", i64::MAX));
    };
    let mut result = BigInt::one();
    for factor in 2..=number {
        meter.charge(words(&result))?;
        result *= factor;
    }
    Ok(Value::Int(result))
}

/// `n · (n - 1) · …`, `k` factors: `math.perm`; divided by `k!` if `unordered`: `math.comb`.
fn falling([number, count]: &[Value; 2], unordered: bool, meter: &mut Meter) -> Outcome {
    let (number, mut count) = (index(number)?, index(count)?);
    if number.is_negative() {
        return raise("ValueError", "n must be a non-negative integer");
    }
    if count.is_negative() {
        return raise("ValueError", "k must be a non-negative integer");
    }
    if count > number {
        return Ok(Value::int(0));
    }
    if unordered {
        count = (&number - &count).min(count);
    }
    let Some(count) = count.to_i64() else {
        let least = if unordered { "min(n - k, k)" } else { "k" };
        return raise("OverflowError", format!("{least} must not exceed {}", i64::MAX));
    };
    let mut result = BigInt::one();
    for step in 0..count {
        meter.charge(words(&result).saturating_mul(words(&number)))?;
        result *= &number - step;
        if unordered {
            // The product of i + 1 neighbours is divisible by (i + 1)!.
            result /= step + 1;
        }
    }
    Ok(Value::Int(result))
}

/// A logarithm of a positive number, also of an integer beyond the floats.
fn logarithm(value: &Value, log: fn(f64) -> f64) -> Outcome<f64> {
    if let Value::Int(number) = value {
        if !number.is_positive() {
            return domain_error();
        }
        if int_to_float(number).is_err() {
            let shift = number.bits() - 1_000;
            let mantissa = (number >> shift).to_f64().unwrap_or(f64::MAX);
            // As CPython: a fraction in [0.5, 1) and its exponent.
            let fraction = mantissa / 2f64.powi(1_000);
            return Ok(log(fraction) + log(2.0) * number.bits() as f64);
        }
    }
    let number = to_float(value)?;
    if number.is_nan() || number == f64::INFINITY {
        return Ok(number);
    }
    if number <= 0.0 {
        return domain_error();
    }
    Ok(log(number))
}
