//! Format specifications (`format(x, ">10,.2f")`), `str.format` and `text % values`.
//!
//! Depends on values only.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::evaluate::{Failure, Outcome, raise};
use super::operators::{MAX_BYTES, int_of_float, to_float};
use super::value::{self, Meter, int_text};
use super::{Text, Value, unicode};

/// `!r`, `!s`, `!a`, or nothing.
pub(super) fn converted(value: Value, conversion: Option<char>, meter: &mut Meter) -> Outcome {
    Ok(match conversion {
        None => value,
        Some('s') => Value::Str(value::to_text(&value, meter)?),
        Some('r') => Value::Str(value::repr(&value, meter)?.into()),
        Some('a') => Value::Str(ascii(&value::repr(&value, meter)?).into()),
        Some(other) => {
            return raise("ValueError", format!("Unknown conversion specifier {other}"));
        }
    })
}

/// A `repr` with what is not ASCII escaped.
pub(super) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c as u32 {
            0..=0x7f => out.push(c),
            code @ 0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}

/// A parsed format specification.
#[derive(Clone, Debug)]
struct Spec {
    fill: char,
    align: Option<char>,
    sign: Option<char>,
    no_negative_zero: bool,
    alternate: bool,
    width: usize,
    separator: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
    /// `0` before the width.
    zero: bool,
}

fn size(digits: &str) -> Outcome<usize> {
    match digits.parse::<i64>() {
        Ok(size) => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
        Err(_) => raise("ValueError", "Too many decimal digits in format string"),
    }
}

fn parse(specification: &str, type_name: &str) -> Outcome<Spec> {
    let chars: Vec<char> = specification.chars().collect();
    let at = |i: usize| chars.get(i).copied();
    let mut i = 0;
    let mut spec = Spec {
        fill: ' ',
        align: None,
        sign: None,
        no_negative_zero: false,
        alternate: false,
        width: 0,
        separator: None,
        precision: None,
        kind: None,
        zero: false,
    };
    let is_align = |c: Option<char>| matches!(c, Some('<' | '>' | '=' | '^'));
    let mut fill_given = false;
    if is_align(at(1)) {
        spec.fill = at(0).unwrap_or(' ');
        fill_given = true;
        spec.align = at(1);
        i = 2;
    } else if is_align(at(0)) {
        spec.align = at(0);
        i = 1;
    }
    if matches!(at(i), Some('+' | ' ' | '-')) {
        spec.sign = at(i);
        i += 1;
    }
    if at(i) == Some('z') {
        spec.no_negative_zero = true;
        i += 1;
    }
    if at(i) == Some('#') {
        spec.alternate = true;
        i += 1;
    }
    if !fill_given && at(i) == Some('0') {
        spec.fill = '0';
        spec.zero = true;
        if spec.align.is_none() && type_name != "str" {
            spec.align = Some('=');
        }
        i += 1;
    }
    let digits = |mut i: usize| {
        let mut text = String::new();
        while let Some(c) = at(i)
            && let Some(digit) = unicode::decimal(c)
        {
            text.push(char::from_digit(digit, 10).unwrap_or('0'));
            i += 1;
        }
        (text, i)
    };
    let (width, next) = digits(i);
    if !width.is_empty() {
        spec.width = size(&width)?;
    }
    i = next;
    if at(i) == Some(',') {
        spec.separator = Some(',');
        i += 1;
    }
    if at(i) == Some('_') {
        if spec.separator.is_some() {
            return raise("ValueError", "Cannot specify both ',' and '_'.");
        }
        spec.separator = Some('_');
        i += 1;
    }
    if at(i) == Some(',') {
        if spec.separator == Some('_') {
            return raise("ValueError", "Cannot specify both ',' and '_'.");
        }
        if spec.separator == Some(',') {
            return raise("ValueError", "Cannot specify ',' with ','.");
        }
    }
    if at(i) == Some('.') {
        let (precision, next) = digits(i + 1);
        if precision.is_empty() {
            return raise("ValueError", "Format specifier missing precision");
        }
        spec.precision = Some(size(&precision)?);
        i = next;
    }
    if chars.len() > i + 1 {
        return raise(
            "ValueError",
            format!("Invalid format specifier '{specification}' for object of type '{type_name}'"),
        );
    }
    spec.kind = at(i);
    if let Some(separator) = spec.separator {
        let allowed = match spec.kind {
            None | Some('d' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F') => true,
            Some('b' | 'o' | 'x' | 'X') => separator == '_',
            Some(_) => false,
        };
        if !allowed {
            let kind = spec.kind.unwrap_or('d');
            return raise("ValueError", format!("Cannot specify '{separator}' with '{kind}'."));
        }
    }
    Ok(spec)
}

fn unknown_code<T>(kind: char, type_name: &str) -> Outcome<T> {
    let shown = if (' '..'\u{80}').contains(&kind) { kind.to_string() } else { format!("\\x{:x}", kind as u32) };
    raise("ValueError", format!("Unknown format code '{shown}' for object of type '{type_name}'"))
}

/// `format(value, specification)`.
pub(super) fn format(value: &Value, specification: &str, meter: &mut Meter) -> Outcome<String> {
    if specification.is_empty() {
        return value::to_text(value, meter).map(|text| text.to_string());
    }
    match value {
        Value::Str(text) => format_text(text, &parse(specification, "str")?, meter),
        Value::Bool(_) | Value::Int(_) => {
            let spec = parse(specification, value.type_name())?;
            let number = value.as_int().unwrap_or_default();
            match spec.kind {
                None | Some('b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n') => format_int(&number, &spec, meter),
                Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => format_float(to_float(value)?, &spec, meter),
                Some(kind) => unknown_code(kind, value.type_name()),
            }
        }
        Value::Float(number) => {
            let spec = parse(specification, "float")?;
            match spec.kind {
                None | Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' | 'n') => format_float(*number, &spec, meter),
                Some(kind) => unknown_code(kind, "float"),
            }
        }
        Value::None
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Set(_)
        | Value::Dict(_)
        | Value::Range(..)
        | Value::Iterable(..) => {
            raise("TypeError", format!("unsupported format string passed to {}.__format__", value.type_name()))
        }
    }
}

fn pad(out: &str, width: usize, fill: char, align: char, meter: &mut Meter) -> Outcome<String> {
    let length = value::char_count(out);
    let missing = width.saturating_sub(length);
    let bytes = missing.saturating_mul(fill.len_utf8());
    if bytes > MAX_BYTES {
        return Err(Failure::TooLarge);
    }
    meter.charge_bytes(bytes + out.len())?;
    let left = match align {
        '<' => 0,
        '^' => missing / 2,
        _ => missing,
    };
    let mut padded = String::with_capacity(out.len() + bytes);
    padded.extend(std::iter::repeat_n(fill, left));
    padded.push_str(out);
    padded.extend(std::iter::repeat_n(fill, missing - left));
    Ok(padded)
}

fn format_text(text: &str, spec: &Spec, meter: &mut Meter) -> Outcome<String> {
    if let Some(kind) = spec.kind
        && kind != 's'
    {
        return unknown_code(kind, "str");
    }
    if let Some(sign) = spec.sign {
        return raise(
            "ValueError",
            if sign == ' ' {
                "Space not allowed in string format specifier"
            } else {
                "Sign not allowed in string format specifier"
            },
        );
    }
    if spec.no_negative_zero {
        return raise("ValueError", "Negative zero coercion (z) not allowed in string format specifier");
    }
    if spec.alternate {
        return raise("ValueError", "Alternate form (#) not allowed in string format specifier");
    }
    if spec.align == Some('=') {
        return raise("ValueError", "'=' alignment not allowed in string format specifier");
    }
    if let Some(separator) = spec.separator {
        return raise("ValueError", format!("Cannot specify '{separator}' with 's'."));
    }
    meter.charge_bytes(text.len())?;
    let cut: String = match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    pad(&cut, spec.width, spec.fill, spec.align.unwrap_or('<'), meter)
}

fn sign_of(negative: bool, sign: Option<char>) -> &'static str {
    match (negative, sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(' ')) => " ",
        (false, _) => "",
    }
}

fn format_int(number: &BigInt, spec: &Spec, meter: &mut Meter) -> Outcome<String> {
    if spec.precision.is_some() {
        return raise("ValueError", "Precision not allowed in integer format specifier");
    }
    if spec.no_negative_zero {
        return raise("ValueError", "Negative zero coercion (z) not allowed in integer format specifier");
    }
    if spec.kind == Some('c') {
        if spec.sign.is_some() {
            return raise("ValueError", "Sign not allowed with integer format specifier 'c'");
        }
        if spec.alternate {
            return raise("ValueError", "Alternate form (#) not allowed with integer format specifier 'c'");
        }
        if number.to_i64().is_none() {
            return raise("OverflowError", "Python int too large to convert to C long");
        }
        let Some(code) = number.to_u32().filter(|code| *code < 0x11_0000) else {
            return raise("OverflowError", "%c arg not in range(0x110000)");
        };
        let Some(c) = char::from_u32(code) else {
            return Err(Failure::Unsupported("lone surrogates".to_owned()));
        };
        return layout("", "", &c.to_string(), "", spec, 3, meter);
    }
    meter.charge(usize::try_from(number.bits() / 32).unwrap_or(usize::MAX))?;
    let (prefix, digits) = match spec.kind {
        Some('b') => ("0b", number.magnitude().to_str_radix(2)),
        Some('o') => ("0o", number.magnitude().to_str_radix(8)),
        Some('x') => ("0x", number.magnitude().to_str_radix(16)),
        Some('X') => ("0X", number.magnitude().to_str_radix(16).to_uppercase()),
        _ => ("", int_text(number, meter)?.trim_start_matches('-').to_owned()),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    let group = if matches!(spec.kind, Some('b' | 'o' | 'x' | 'X')) { 4 } else { 3 };
    layout(sign_of(number.is_negative(), spec.sign), prefix, &digits, "", spec, group, meter)
}

/// Sign, prefix, grouped digits and what follows them, in the width.
fn layout(
    sign: &str,
    prefix: &str,
    digits: &str,
    rest: &str,
    spec: &Spec,
    group: usize,
    meter: &mut Meter,
) -> Outcome<String> {
    let align = spec.align.unwrap_or('>');
    if spec.width > MAX_BYTES {
        return Err(Failure::TooLarge);
    }
    let fixed = sign.len() + prefix.len() + rest.chars().count();
    // Zeros that fill the width are digits, and grouped like them.
    let zeros = if align == '=' && spec.fill == '0' { spec.width.saturating_sub(fixed) } else { 0 };
    meter.charge_bytes(zeros + digits.len() * 2)?;
    let grouped = match spec.separator {
        Some(separator) => group_digits(digits, separator, group, zeros),
        None => digits.to_owned(),
    };
    let body = format!("{grouped}{rest}");
    if align == '=' {
        let width = spec.width.saturating_sub(sign.len() + prefix.len());
        return Ok(format!("{sign}{prefix}{}", pad(&body, width, spec.fill, '>', meter)?));
    }
    pad(&format!("{sign}{prefix}{body}"), spec.width, spec.fill, align, meter)
}

/// Digits with separators, filled with zeros to a width (never with a separator in front).
fn group_digits(digits: &str, separator: char, group: usize, width: usize) -> String {
    // `inf` and `nan` have no digits, and no separators either.
    if digits.is_empty() {
        return String::new();
    }
    let mut reversed: Vec<char> = Vec::with_capacity(width.max(digits.len() * 2));
    let mut count = 0;
    let mut source = digits.chars().rev();
    loop {
        let next = source.next();
        // A separator may come before a digit only; when it would fill the width, a zero follows it.
        if next.is_none() && reversed.len() >= width {
            break;
        }
        if count > 0 && count % group == 0 {
            reversed.push(separator);
        }
        reversed.push(next.unwrap_or('0'));
        count += 1;
    }
    reversed.iter().rev().collect()
}

fn format_float(number: f64, spec: &Spec, meter: &mut Meter) -> Outcome<String> {
    if spec.precision.is_some_and(|precision| precision > 0x7fff_ffff) {
        return raise("ValueError", "precision too big");
    }
    let precision = spec.precision;
    if precision.is_some_and(|precision| precision > MAX_BYTES) {
        return Err(Failure::TooLarge);
    }
    meter.charge_bytes(precision.unwrap_or(0) + 320)?;
    let (kind, percent) = match spec.kind {
        Some('%') => ('f', true),
        Some('n') => ('g', false),
        Some(kind) => (kind, false),
        None => ('r', false),
    };
    let number = if percent { number * 100.0 } else { number };
    let mut text = if kind == 'r' {
        match precision {
            None => float_shortest(number.abs(), spec.alternate),
            Some(precision) => general(number.abs(), precision, spec.alternate, true),
        }
    } else {
        float_text(number.abs(), kind, precision.unwrap_or(6), spec.alternate)
    };
    if kind.is_ascii_uppercase() {
        text = text.to_uppercase();
    }
    let mut negative = number.is_sign_negative() && !number.is_nan();
    if spec.no_negative_zero && negative && !text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) && number.is_finite()
    {
        negative = false;
    }
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(whole);
    let rest = if percent { format!("{rest}%") } else { rest.to_owned() };
    layout(sign_of(negative, spec.sign), "", digits, &rest, spec, 3, meter)
}

/// `repr` of a float that is not negative, for `format(x, "<10")`.
fn float_shortest(number: f64, alternate: bool) -> String {
    let text = value::float_repr(number);
    if alternate && number.is_finite() && !text.contains('.') {
        // Only with an exponent has a float no point.
        return text.replacen('e', ".e", 1);
    }
    text
}

/// A float that is not negative by `e`, `f` or `g`.
fn float_text(number: f64, kind: char, precision: usize, alternate: bool) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return "inf".to_owned();
    }
    match kind {
        'f' | 'F' => {
            let text = fixed(number, precision);
            if alternate && precision == 0 { text + "." } else { text }
        }
        'e' | 'E' => scientific(number, precision, alternate),
        _ => general(number, precision, alternate, false),
    }
}

/// Decimals of a float that can be other than zero: 2 ** -1074 has as many. The library's formatter takes few more.
const MAX_DECIMALS: usize = 1_100;

/// A finite float with `precision` decimals.
fn fixed(number: f64, precision: usize) -> String {
    let shown = precision.min(MAX_DECIMALS);
    let mut text = format!("{number:.shown$}");
    text.extend(std::iter::repeat_n('0', precision - shown));
    text
}

/// The digits of a finite float, `precision` of them behind the point, and its decimal exponent.
fn mantissa_exponent(number: f64, precision: usize) -> (String, i32) {
    let shown = precision.min(MAX_DECIMALS);
    let text = format!("{number:.shown$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mut mantissa = mantissa.to_owned();
    mantissa.extend(std::iter::repeat_n('0', precision - shown));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn scientific(number: f64, precision: usize, alternate: bool) -> String {
    let (mantissa, exponent) = mantissa_exponent(number, precision);
    let point = if alternate && precision == 0 { "." } else { "" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{point}e{sign}{:02}", exponent.abs())
}

/// `g`. With `repr_like`, as `format(x, ".3")` does: a fraction is kept, and the exponent starts one digit earlier.
fn general(number: f64, precision: usize, alternate: bool, repr_like: bool) -> String {
    if !number.is_finite() {
        return float_text(number, 'f', 0, false);
    }
    let precision = precision.max(1);
    let (mantissa, exponent) = mantissa_exponent(number, precision - 1);
    let limit = i32::try_from(precision).unwrap_or(i32::MAX);
    let trimmed = |text: &str| {
        if alternate || !text.contains('.') {
            text.to_owned()
        } else {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    let point = |text: String| if alternate && !text.contains('.') { text + "." } else { text };
    let limit = if repr_like { limit - 1 } else { limit };
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", point(trimmed(&mantissa)), exponent.abs());
    }
    let limit = if repr_like { limit + 1 } else { limit };
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    let text = trimmed(&fixed(number, decimals));
    if repr_like && !text.contains('.') { text + ".0" } else { point(text) }
}

/// Finds the attribute or the item that a replacement field names.
fn field_value(field: &str, arguments: &Fields<'_>, auto: &mut Numbering, meter: &mut Meter) -> Outcome {
    let end = field.find(['.', '[']).unwrap_or(field.len());
    let (name, mut rest) = field.split_at(end);
    let mut value = arguments.get(name, auto, meter)?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let Some((key, after)) = after.split_once(']') else {
                return raise("ValueError", "Missing ']' in format string");
            };
            if key.is_empty() {
                return raise("ValueError", "Empty attribute in format string");
            }
            if !after.is_empty() && !after.starts_with(['.', '[']) {
                return raise("ValueError", "Only '.' or '[' may follow ']' in format field specifier");
            }
            let key = match decimal_number(key)? {
                Some(index) => Value::int(index),
                None => Value::text(key),
            };
            value = super::evaluate::get_item(&value, &key, meter)?;
            rest = after;
        } else {
            let attribute = rest.trim_start_matches('.');
            if attribute.is_empty() {
                return raise("ValueError", "Empty attribute in format string");
            }
            return Err(Failure::Unsupported("attributes in a format string".to_owned()));
        }
    }
    Ok(value)
}

/// Whether fields are numbered by hand (`{0}`) or not (`{}`); the next number.
#[derive(Default)]
struct Numbering {
    automatic: Option<bool>,
    next: usize,
}

/// The arguments of `str.format`.
pub(super) struct Fields<'a> {
    pub(super) positional: &'a [Value],
    pub(super) named: Named<'a>,
}

/// Named arguments, of a call or of a mapping.
pub(super) enum Named<'a> {
    /// `"…".format(name=value)`
    Keywords(&'a [(Text, Value)]),
    /// `"…".format_map(mapping)`
    Mapping(&'a Value),
}

impl Fields<'_> {
    fn get(&self, name: &str, auto: &mut Numbering, meter: &mut Meter) -> Outcome {
        let number = decimal_number(name)?;
        let automatic = name.is_empty();
        if automatic || number.is_some() {
            match auto.automatic {
                Some(true) if !automatic => {
                    return raise(
                        "ValueError",
                        "cannot switch from automatic field numbering to manual field specification",
                    );
                }
                Some(false) if automatic => {
                    return raise(
                        "ValueError",
                        "cannot switch from manual field specification to automatic field numbering",
                    );
                }
                _ => auto.automatic = Some(automatic),
            }
            let index = if automatic {
                auto.next += 1;
                auto.next - 1
            } else {
                number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX)
            };
            if matches!(self.named, Named::Mapping(_)) {
                return raise("ValueError", "Format string contains positional fields");
            }
            return match self.positional.get(index) {
                Some(value) => Ok(value.clone()),
                None => {
                    raise("IndexError", format!("Replacement index {index} out of range for positional args tuple"))
                }
            };
        }
        match &self.named {
            Named::Keywords(keywords) => match keywords.iter().find(|(key, _)| &**key == name) {
                Some((_, value)) => Ok(value.clone()),
                None => raise("KeyError", value::str_repr(name)),
            },
            Named::Mapping(mapping) => super::evaluate::get_item(mapping, &Value::text(name), meter),
        }
    }
}

/// `template.format(…)`.
pub(super) fn format_fields(template: &str, fields: &Fields<'_>, meter: &mut Meter) -> Outcome<String> {
    expand(template, fields, &mut Numbering::default(), 2, meter)
}

fn expand(template: &str, fields: &Fields<'_>, auto: &mut Numbering, depth: u8, meter: &mut Meter) -> Outcome<String> {
    if depth == 0 {
        return raise("ValueError", "Max string recursion exceeded");
    }
    meter.charge_bytes(template.len())?;
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, from) = rest.split_at(at);
        out.push_str(text);
        if let Some(after) = from.strip_prefix("{{") {
            out.push('{');
            rest = after;
            continue;
        }
        if let Some(after) = from.strip_prefix("}}") {
            out.push('}');
            rest = after;
            continue;
        }
        let Some(after) = from.strip_prefix('{') else {
            return raise("ValueError", "Single '}' encountered in format string");
        };
        if after.is_empty() {
            return raise("ValueError", "Single '{' encountered in format string");
        }
        let (field, after) = replacement_field(after)?;
        rest = after;
        let value = field_value(field.name, fields, auto, meter)?;
        let value = converted(value, field.conversion, meter)?;
        let specification = if field.specification.contains('{') {
            expand(field.specification, fields, auto, depth - 1, meter)?
        } else {
            field.specification.to_owned()
        };
        out.push_str(&format(&value, &specification, meter)?);
    }
    out.push_str(rest);
    Ok(out)
}

/// A replacement field, without its opening brace.
struct Field<'t> {
    name: &'t str,
    conversion: Option<char>,
    specification: &'t str,
}

/// The field that a text starts with, and what follows its closing brace (CPython's `parse_field`).
fn replacement_field(text: &str) -> Outcome<(Field<'_>, &str)> {
    let mut in_index = false;
    let mut end = None;
    for (at, c) in text.char_indices() {
        match c {
            // Brackets hide braces and colons.
            ']' if in_index => in_index = false,
            _ if in_index => {}
            '[' => in_index = true,
            '{' => return raise("ValueError", "unexpected '{' in field name"),
            '}' | ':' | '!' => {
                end = Some((at, c));
                break;
            }
            _ => {}
        }
    }
    let Some((end, mark)) = end else { return raise("ValueError", "expected '}' before end of string") };
    let name = text.get(..end).unwrap_or_default();
    let mut rest = text.get(end + 1..).unwrap_or_default();
    let mut conversion = None;
    if mark == '}' {
        return Ok((Field { name, conversion, specification: "" }, rest));
    }
    if mark == '!' {
        let mut chars = rest.chars();
        conversion = chars.next();
        if conversion.is_none() {
            return raise("ValueError", "end of string while looking for conversion specifier");
        }
        rest = chars.as_str();
        match chars.next() {
            None => {}
            Some('}') => return Ok((Field { name, conversion, specification: "" }, chars.as_str())),
            Some(':') => rest = chars.as_str(),
            Some(_) => return raise("ValueError", "expected ':' after conversion specifier"),
        }
    }
    let mut depth = 1usize;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (specification, after) = rest.split_at(at);
            return Ok((Field { name, conversion, specification }, after.get(1..).unwrap_or_default()));
        }
    }
    raise("ValueError", "unmatched '{' in format spec")
}

/// The number that a text of decimal digits, of any script, is.
fn decimal_number(text: &str) -> Outcome<Option<i64>> {
    if text.is_empty() || !text.chars().all(|c| unicode::decimal(c).is_some()) {
        return Ok(None);
    }
    let mut number = 0i64;
    for digit in text.chars().filter_map(unicode::decimal) {
        match number.checked_mul(10).and_then(|number| number.checked_add(i64::from(digit))) {
            Some(next) => number = next,
            None => return raise("ValueError", "Too many decimal digits in format string"),
        }
    }
    Ok(Some(number))
}

/// `template % values`.
pub(super) fn percent(template: &str, values: &Value, meter: &mut Meter) -> Outcome<String> {
    meter.charge_bytes(template.len())?;
    let single = [values.clone()];
    let arguments: &[Value] = match values {
        Value::Tuple(items) => items,
        _ => &single,
    };
    let is_mapping = matches!(values, Value::Dict(_) | Value::List(_) | Value::Bytes(_) | Value::Range(..));
    let mut next = 0;
    let mut take = || match arguments.get(next) {
        Some(value) => {
            next += 1;
            Ok(value.clone())
        }
        None => raise("TypeError", "not enough arguments for format string"),
    };
    let mut out = String::new();
    let chars: Vec<char> = template.chars().collect();
    let at = |i: usize| chars.get(i).copied();
    let mut i = 0;
    while let Some(c) = at(i) {
        i += 1;
        if c != '%' {
            out.push(c);
            continue;
        }
        if at(i) == Some('%') {
            out.push('%');
            i += 1;
            continue;
        }
        let mut mapped = None;
        if at(i) == Some('(') {
            let mut depth = 1;
            let start = i + 1;
            i = start;
            while depth > 0 {
                match at(i) {
                    None => {
                        return if matches!(values, Value::Dict(_)) {
                            raise("ValueError", "incomplete format key")
                        } else {
                            raise("TypeError", "format requires a mapping")
                        };
                    }
                    Some('(') => depth += 1,
                    Some(')') => depth -= 1,
                    Some(_) => {}
                }
                i += 1;
            }
            let key: String = chars.get(start..i - 1).unwrap_or_default().iter().collect();
            if !is_mapping {
                return raise("TypeError", "format requires a mapping");
            }
            mapped = Some(super::evaluate::get_item(values, &Value::text(key), meter)?);
        }
        let mut spec = Spec {
            fill: ' ',
            align: None,
            sign: None,
            no_negative_zero: false,
            alternate: false,
            width: 0,
            separator: None,
            precision: None,
            kind: None,
            zero: false,
        };
        let mut left = false;
        while let Some(flag @ ('-' | '+' | ' ' | '#' | '0')) = at(i) {
            match flag {
                '-' => left = true,
                '+' => spec.sign = Some('+'),
                ' ' if spec.sign.is_none() => spec.sign = Some(' '),
                ' ' => {}
                '#' => spec.alternate = true,
                _ => spec.zero = true,
            }
            i += 1;
        }
        let mut number = |i: &mut usize, what: &str| -> Outcome<Option<i64>> {
            if at(*i) == Some('*') {
                *i += 1;
                let value = take()?;
                let Some(number) = value.as_int() else {
                    return raise("TypeError", "* wants int");
                };
                return match number.to_i64() {
                    Some(number) if what == "width" || number.abs() < 1 << 31 => Ok(Some(number)),
                    _ => raise("OverflowError", "Python int too large to convert to C ssize_t"),
                };
            }
            let mut text = String::new();
            while let Some(digit @ '0'..='9') = at(*i) {
                text.push(digit);
                *i += 1;
            }
            if text.is_empty() {
                return Ok(None);
            }
            match text.parse::<i64>() {
                Ok(number) if what == "width" || number < 1 << 31 => Ok(Some(number)),
                _ => raise("ValueError", format!("{what} too big")),
            }
        };
        if let Some(width) = number(&mut i, "width")? {
            left |= width < 0;
            spec.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
        }
        if at(i) == Some('.') {
            i += 1;
            let precision = number(&mut i, "precision")?.unwrap_or(0).max(0);
            spec.precision = usize::try_from(precision).ok();
        }
        if matches!(at(i), Some('h' | 'l' | 'L')) {
            i += 1;
        }
        let Some(kind) = at(i) else { return raise("ValueError", "incomplete format") };
        i += 1;
        let value = match mapped {
            Some(value) => value,
            None => take()?,
        };
        spec.align = Some(if left { '<' } else { '>' });
        let numeric = |spec: &mut Spec| {
            if spec.zero && !left {
                spec.align = Some('=');
                spec.fill = '0';
            }
        };
        match kind {
            's' | 'r' | 'a' => {
                let Value::Str(text) = converted(value, Some(kind), meter)? else { continue };
                spec.sign = None;
                spec.alternate = false;
                out.push_str(&format_text(&text, &spec, meter)?);
            }
            'c' => {
                let text = match &value {
                    Value::Str(text) if value::char_count(text) == 1 => text.to_string(),
                    Value::Bool(_) | Value::Int(_) => {
                        let Some(code) = value.as_int().and_then(|n| n.to_u32()).filter(|code| *code < 0x11_0000)
                        else {
                            return raise("OverflowError", "%c arg not in range(0x110000)");
                        };
                        match char::from_u32(code) {
                            Some(c) => c.to_string(),
                            None => return Err(Failure::Unsupported("lone surrogates".to_owned())),
                        }
                    }
                    _ => return raise("TypeError", "%c requires int or char"),
                };
                out.push_str(&pad(&text, spec.width, ' ', spec.align.unwrap_or('>'), meter)?);
            }
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => {
                let number = match &value {
                    Value::Bool(_) | Value::Int(_) => value.as_int().unwrap_or_default(),
                    Value::Float(float) if matches!(kind, 'd' | 'i' | 'u') => match int_of_float(*float) {
                        Some(number) => number,
                        None if float.is_nan() => {
                            return raise("ValueError", "cannot convert float NaN to integer");
                        }
                        None => return raise("OverflowError", "cannot convert float infinity to integer"),
                    },
                    other if matches!(kind, 'd' | 'i' | 'u') => {
                        return raise(
                            "TypeError",
                            format!("%{kind} format: a real number is required, not {}", other.type_name()),
                        );
                    }
                    other => {
                        return raise(
                            "TypeError",
                            format!("%{kind} format: an integer is required, not {}", other.type_name()),
                        );
                    }
                };
                let minimum = spec.precision.take().unwrap_or(0);
                if minimum > MAX_BYTES {
                    return Err(Failure::TooLarge);
                }
                numeric(&mut spec);
                let (prefix, digits) = match kind {
                    'o' => ("0o", number.magnitude().to_str_radix(8)),
                    'x' => ("0x", number.magnitude().to_str_radix(16)),
                    'X' => ("0X", number.magnitude().to_str_radix(16).to_uppercase()),
                    _ => ("", int_text(&number, meter)?.trim_start_matches('-').to_owned()),
                };
                let digits = pad(&digits, minimum, '0', '>', meter)?;
                let prefix = if spec.alternate { prefix } else { "" };
                out.push_str(&layout(sign_of(number.is_negative(), spec.sign), prefix, &digits, "", &spec, 3, meter)?);
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
                let number = match &value {
                    Value::Bool(_) | Value::Int(_) | Value::Float(_) => to_float(&value)?,
                    other => {
                        return raise("TypeError", format!("must be real number, not {}", other.type_name()));
                    }
                };
                spec.kind = Some(kind);
                numeric(&mut spec);
                out.push_str(&format_float(number, &spec, meter)?);
            }
            other => {
                let shown = if (' '..='~').contains(&other) { other } else { '?' };
                return raise(
                    "ValueError",
                    format!("unsupported format character '{shown}' (0x{:x}) at index {}", other as u32, i - 1),
                );
            }
        }
        if out.len() > MAX_BYTES {
            return Err(Failure::TooLarge);
        }
    }
    let all_used = next >= arguments.len();
    if !all_used && !is_mapping {
        return raise("TypeError", "not all arguments converted during string formatting");
    }
    Ok(out)
}
