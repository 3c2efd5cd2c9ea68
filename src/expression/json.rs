//! `json.loads` and `json.dumps`.
//!
//! Depends on values only.

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};

use super::evaluate::{Failure, Outcome, iterate, raise};
use super::functions::{Arguments, index, merge_sort};
use super::operators::MAX_BYTES;
use super::value::{self, DictBuilder, Meter};
use super::{Text, Value, codec};

/// Deepest nesting that is read. CPython's own limit depends on its stack, and is higher.
const MAX_DEPTH: usize = 900;

/// `json.loads(document)`.
pub(super) fn loads(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    const OPTIONS: &[&str] =
        &["cls", "object_hook", "parse_float", "parse_int", "parse_constant", "object_pairs_hook", "strict"];
    if let Some((name, _)) = arguments.keywords.iter().find(|(name, _)| &**name != "s") {
        if OPTIONS.contains(&&**name) {
            return Err(Failure::Unsupported(format!("json.loads({name}=…)")));
        }
        return raise("TypeError", format!("JSONDecoder.__init__() got an unexpected keyword argument '{name}'"));
    }
    let [document] = arguments.bind(["s"], 0, 1)?;
    let text: Text = match document.unwrap_or(Value::None) {
        Value::Str(text) if text.starts_with('\u{feff}') => {
            return decode_error("Unexpected UTF-8 BOM (decode using utf-8-sig)", &text, 0);
        }
        Value::Str(text) => text,
        Value::Bytes(bytes) => decoded(&bytes, meter)?.into(),
        other => {
            return raise(
                "TypeError",
                format!("the JSON object must be str, bytes or bytearray, not {}", other.type_name()),
            );
        }
    };
    meter.charge_bytes(text.len())?;
    let mut reader = Reader { text: &text, at: 0, meter };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return decode_error("Extra data", &text, reader.at);
    }
    Ok(value)
}

/// The text of a document in bytes, whose encoding its first bytes tell.
fn decoded(bytes: &[u8], meter: &mut Meter) -> Outcome<String> {
    let other = match bytes {
        [0, 0, 0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [0xef, 0xbb, 0xbf, ..] => return codec::decode(bytes, "utf-8-sig", "strict", meter),
        [0, _, _, _, ..] | [_, 0, _, _, ..] | [0, _] | [_, 0] => true,
        _ => false,
    };
    if other {
        return Err(Failure::Unsupported("JSON in UTF-16 or UTF-32".to_owned()));
    }
    if let Err(error) = std::str::from_utf8(bytes)
        && let Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]) = bytes.get(error.valid_up_to()..)
    {
        return Err(Failure::Unsupported("lone surrogates".to_owned()));
    }
    codec::decode(bytes, "utf-8", "strict", meter)
}

/// `JSONDecodeError` at a byte of a text, in characters.
fn decode_error<T>(message: &str, text: &str, at: usize) -> Outcome<T> {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = value::char_count(before.rsplit('\n').next().unwrap_or_default()) + 1;
    let position = value::char_count(before);
    raise("json.JSONDecodeError", format!("{message}: line {line} column {column} (char {position})"))
}

/// Reads as CPython's scanner does, errors included.
struct Reader<'t, 'm> {
    text: &'t str,
    /// In bytes, at the start of a character.
    at: usize,
    meter: &'m mut Meter,
}

impl Reader<'_, '_> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, message: &str, at: usize) -> Outcome<T> {
        decode_error(message, self.text, at)
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Outcome {
        self.meter.charge(1)?;
        if depth > MAX_DEPTH {
            return Err(Failure::TooLarge);
        }
        match self.byte() {
            Some(b'"') => self.string().map(|text| Value::Str(text.into())),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'n') if self.word("null") => Ok(Value::None),
            Some(b't') if self.word("true") => Ok(Value::Bool(true)),
            Some(b'f') if self.word("false") => Ok(Value::Bool(false)),
            Some(b'N') if self.word("NaN") => Ok(Value::Float(f64::NAN)),
            Some(b'I') if self.word("Infinity") => Ok(Value::Float(f64::INFINITY)),
            Some(b'-') if self.word("-Infinity") => Ok(Value::Float(f64::NEG_INFINITY)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fail("Expecting value", self.at),
        }
    }

    fn digits(&self, from: usize) -> usize {
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn number(&mut self) -> Outcome {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let first = start + usize::from(bytes.get(start) == Some(&b'-'));
        let mut end = match bytes.get(first) {
            Some(b'0') => first + 1,
            Some(b'1'..=b'9') => first + self.digits(first),
            _ => return self.fail("Expecting value", start),
        };
        let mut is_float = false;
        if bytes.get(end) == Some(&b'.') && self.digits(end + 1) > 0 {
            is_float = true;
            end += 1 + self.digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let digits = self.digits(end + 1 + sign);
            if digits > 0 {
                is_float = true;
                end += 1 + sign + digits;
            }
        }
        self.at = end;
        let text = self.text.get(start..end).unwrap_or_default();
        if is_float {
            return Ok(Value::Float(text.parse().unwrap_or(f64::NAN)));
        }
        let digits = end - first;
        if digits > value::MAX_INT_DIGITS {
            return value::too_many_digits(Some(digits));
        }
        Ok(Value::Int(text.parse::<BigInt>().unwrap_or_default()))
    }

    fn array(&mut self, depth: usize) -> Outcome {
        self.at += 1;
        self.space();
        let mut items = Vec::new();
        if self.byte() != Some(b']') {
            loop {
                items.push(self.value(depth + 1)?);
                self.space();
                match self.byte() {
                    Some(b']') => break,
                    Some(b',') => self.at += 1,
                    _ => return self.fail("Expecting ',' delimiter", self.at),
                }
                self.space();
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    fn object(&mut self, depth: usize) -> Outcome {
        self.at += 1;
        self.space();
        let mut members = DictBuilder::default();
        if self.byte() != Some(b'}') {
            loop {
                if self.byte() != Some(b'"') {
                    return self.fail("Expecting property name enclosed in double quotes", self.at);
                }
                let key = self.string()?;
                self.space();
                if self.byte() != Some(b':') {
                    return self.fail("Expecting ':' delimiter", self.at);
                }
                self.at += 1;
                self.space();
                let value = self.value(depth + 1)?;
                members.insert(Value::Str(key.into()), value, self.meter)?;
                self.space();
                match self.byte() {
                    Some(b'}') => break,
                    Some(b',') => self.at += 1,
                    _ => return self.fail("Expecting ',' delimiter", self.at),
                }
                self.space();
            }
        }
        self.at += 1;
        Ok(members.finish())
    }

    fn string(&mut self) -> Outcome<String> {
        let begin = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let plain = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\x1f')).unwrap_or(rest.len());
            out.push_str(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match self.byte() {
                None => return self.fail("Unterminated string starting at", begin),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {}
                Some(_) => return self.fail("Invalid control character at", self.at),
            }
            let escape = self.at;
            let Some(kind) = self.text.as_bytes().get(escape + 1) else {
                return self.fail("Unterminated string starting at", begin);
            };
            self.at += 2;
            out.push(match kind {
                b'"' => '"',
                b'\\' => '\\',
                b'/' => '/',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.unicode()?,
                _ => return self.fail("Invalid \\escape", escape),
            });
        }
    }

    /// The character of `\uXXXX`, or of two for a pair of surrogates; `self.at` is behind the `u`.
    fn unicode(&mut self) -> Outcome<char> {
        let high = self.four_digits()?;
        if (0xd800..0xdc00).contains(&high) && self.pair_follows() {
            let before = self.at;
            self.at += 2;
            let low = self.four_digits()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(code).ok_or(Failure::TooLarge);
            }
            self.at = before;
        }
        char::from_u32(high).ok_or_else(|| Failure::Unsupported("lone surrogates".to_owned()))
    }

    /// Whether a second `\u` stands here, with room for its digits and a character behind them.
    fn pair_follows(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        rest.starts_with("\\u") && rest.chars().nth(6).is_some()
    }

    fn four_digits(&mut self) -> Outcome<u32> {
        // A character must follow: at least the closing quote.
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut code = 0;
        let mut chars = rest.chars();
        for _ in 0..4 {
            match chars.next().and_then(|c| c.to_digit(16)) {
                Some(digit) => code = code << 4 | digit,
                None => return self.fail("Invalid \\uXXXX escape", self.at - 1),
            }
        }
        if chars.next().is_none() {
            return self.fail("Invalid \\uXXXX escape", self.at - 1);
        }
        self.at += 4;
        Ok(code)
    }
}

/// `json.dumps(value, …)`; `with_default` for `default=str`, which is `str()` of what JSON has not.
pub(super) fn dumps(arguments: &Arguments<'_>, with_default: bool, meter: &mut Meter) -> Outcome {
    let [value] = match arguments.positional {
        [value] => [value.clone()],
        [] => match arguments.keywords.iter().find(|(name, _)| &**name == "obj") {
            Some((_, value)) => [value.clone()],
            None => return raise("TypeError", "dumps() missing 1 required positional argument: 'obj'"),
        },
        more => {
            return raise("TypeError", format!("dumps() takes 1 positional argument but {} were given", more.len()));
        }
    };
    let mut writer = Writer {
        out: String::new(),
        skip_keys: false,
        ascii: true,
        allow_nan: true,
        sort_keys: false,
        indent: None,
        between: ", ".into(),
        colon: ": ".into(),
        with_default,
        meter,
    };
    let mut separators = None;
    for (name, option) in arguments.keywords {
        match (&**name, option) {
            ("obj", _) if arguments.positional.is_empty() => {}
            ("skipkeys", option) => writer.skip_keys = option.is_true(),
            ("ensure_ascii", option) => writer.ascii = option.is_true(),
            ("check_circular", _) => {}
            ("allow_nan", option) => writer.allow_nan = option.is_true(),
            ("sort_keys", option) => writer.sort_keys = option.is_true(),
            ("cls" | "default" | "indent" | "separators", Value::None) => {}
            ("indent", Value::Str(indent)) => writer.indent = Some(indent.clone()),
            ("indent", Value::Int(_) | Value::Bool(_)) => {
                let width = index(option)?;
                let width = if width.is_negative() { 0 } else { width.to_usize().unwrap_or(usize::MAX) };
                if width > MAX_BYTES {
                    return Err(Failure::TooLarge);
                }
                writer.meter.charge_bytes(width)?;
                writer.indent = Some(" ".repeat(width).into());
            }
            ("indent", other) => {
                return raise(
                    "TypeError",
                    format!("can't multiply sequence by non-int of type '{}'", other.type_name()),
                );
            }
            ("separators", option) => separators = Some(iterate(option, writer.meter)?),
            ("cls" | "default", _) => return Err(Failure::Unsupported(format!("json.dumps({name}=…)"))),
            _ => {
                return raise(
                    "TypeError",
                    format!("JSONEncoder.__init__() got an unexpected keyword argument '{name}'"),
                );
            }
        }
    }
    match separators.as_deref() {
        None if writer.indent.is_some() => writer.between = ",".into(),
        None => {}
        Some([Value::Str(between), Value::Str(colon)]) => {
            writer.between = between.clone();
            writer.colon = colon.clone();
        }
        Some([_, _]) if writer.indent.is_some() => {
            return Err(Failure::Unsupported("separators that are no text".to_owned()));
        }
        Some([between, colon]) => {
            let (at, other) = if matches!(colon, Value::Str(_)) { (6, between) } else { (5, colon) };
            return raise("TypeError", format!("make_encoder() argument {at} must be str, not {}", other.type_name()));
        }
        Some(fewer) if fewer.len() < 2 => {
            return raise("ValueError", format!("not enough values to unpack (expected 2, got {})", fewer.len()));
        }
        Some(_) => return raise("ValueError", "too many values to unpack (expected 2)"),
    }
    writer.value(&value, 0)?;
    Ok(Value::Str(writer.out.into()))
}

struct Writer<'m> {
    out: String,
    skip_keys: bool,
    ascii: bool,
    allow_nan: bool,
    sort_keys: bool,
    indent: Option<Text>,
    between: Text,
    colon: Text,
    with_default: bool,
    meter: &'m mut Meter,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Outcome<()> {
        self.meter.charge(1)?;
        match value {
            Value::None => self.out.push_str("null"),
            Value::Bool(true) => self.out.push_str("true"),
            Value::Bool(false) => self.out.push_str("false"),
            Value::Int(number) => {
                let text = value::int_text(number, self.meter)?;
                self.out.push_str(&text);
            }
            Value::Float(number) => {
                let text = self.float(*number)?;
                self.out.push_str(&text);
            }
            Value::Str(text) => self.string(text)?,
            Value::List(items) | Value::Tuple(items) => {
                if items.is_empty() {
                    self.out.push_str("[]");
                    return Ok(());
                }
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    self.separate(at == 0, depth + 1)?;
                    self.value(item, depth + 1)?;
                }
                self.end(depth)?;
                self.out.push(']');
            }
            Value::Dict(entries) => self.object(entries, depth)?,
            Value::Bytes(_) | Value::Set(_) | Value::Range(..) | Value::Iterable(..) => {
                if !self.with_default {
                    return raise(
                        "TypeError",
                        format!("Object of type {} is not JSON serializable", value.type_name()),
                    );
                }
                let text = value::to_text(value, self.meter)?;
                self.string(&text)?;
            }
        }
        Ok(())
    }

    fn object(&mut self, entries: &[(Value, Value)], depth: usize) -> Outcome<()> {
        if entries.is_empty() {
            self.out.push_str("{}");
            return Ok(());
        }
        let mut sorted = Vec::new();
        if self.sort_keys {
            self.meter.charge(entries.len())?;
            let pairs = entries.iter().map(|(key, item)| Value::tuple(vec![key.clone(), item.clone()])).collect();
            for pair in merge_sort(pairs, self.meter)? {
                if let Value::Tuple(pair) = &pair
                    && let [key, item] = pair.as_slice()
                {
                    sorted.push((key.clone(), item.clone()));
                }
            }
        }
        let entries = if self.sort_keys { sorted.as_slice() } else { entries };
        self.out.push('{');
        let mut first = true;
        for (key, item) in entries {
            let key: Text = match key {
                Value::Str(key) => key.clone(),
                Value::Float(number) => self.float(*number)?.into(),
                Value::Bool(true) => "true".into(),
                Value::Bool(false) => "false".into(),
                Value::None => "null".into(),
                Value::Int(number) => value::int_text(number, self.meter)?.into(),
                _ if self.skip_keys => continue,
                other => {
                    return raise(
                        "TypeError",
                        format!("keys must be str, int, float, bool or None, not {}", other.type_name()),
                    );
                }
            };
            self.separate(first, depth + 1)?;
            first = false;
            self.string(&key)?;
            let colon = self.colon.clone();
            self.push(&colon)?;
            self.value(item, depth + 1)?;
        }
        if first && self.indent.is_some() {
            // Every key was skipped. What CPython writes then depends on its minor version.
            return Err(Failure::Unsupported("an indented object without its keys".to_owned()));
        }
        self.end(depth)?;
        self.out.push('}');
        Ok(())
    }

    fn push(&mut self, text: &str) -> Outcome<()> {
        self.meter.charge_bytes(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    /// What stands before an element.
    fn separate(&mut self, first: bool, depth: usize) -> Outcome<()> {
        if !first {
            let between = self.between.clone();
            self.push(&between)?;
        }
        self.end(depth)
    }

    /// The line break before an element or a closing bracket of a depth.
    fn end(&mut self, depth: usize) -> Outcome<()> {
        if let Some(indent) = self.indent.clone() {
            self.meter.charge_bytes(indent.len().saturating_mul(depth))?;
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(&indent);
            }
        }
        Ok(())
    }

    fn float(&self, number: f64) -> Outcome<String> {
        if number.is_finite() {
            return Ok(value::float_repr(number));
        }
        if !self.allow_nan {
            return raise(
                "ValueError",
                format!("Out of range float values are not JSON compliant: {}", value::float_repr(number)),
            );
        }
        Ok(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned())
    }

    fn string(&mut self, text: &str) -> Outcome<()> {
        self.meter.charge_bytes(text.len())?;
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                ' '..='~' => self.out.push(c),
                c if c < ' ' || self.ascii => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
        Ok(())
    }
}
