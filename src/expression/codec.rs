//! Text and bytes: encodings, base64, percent-encoding, paths of POSIX.
//!
//! Depends on values only.

use num_traits::ToPrimitive;

use super::evaluate::{Failure, Outcome, iterate, raise};
use super::functions::{Arguments, index};
use super::operators::MAX_BYTES;
use super::value::{self, Meter};
use super::{Text, Value};

/// The encodings of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// UTF-8 with a mark in front, that decoding may miss.
    Utf8Sig,
    Ascii,
    Latin1,
}

impl Encoding {
    /// By any of its names.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] for all others: Python may know them.
    fn of(name: &str) -> Outcome<Self> {
        let mut normal = String::with_capacity(name.len());
        for c in name.chars() {
            if c.is_ascii_alphanumeric() || c == '.' {
                normal.push(c.to_ascii_lowercase());
            } else if !normal.ends_with('_') && !normal.is_empty() {
                normal.push('_');
            }
        }
        Ok(match normal.trim_end_matches('_') {
            "utf_8" | "utf8" | "u8" | "utf" | "cp65001" => Self::Utf8,
            "utf_8_sig" => Self::Utf8Sig,
            "ascii" | "us_ascii" | "us" | "646" | "ansi_x3.4_1968" | "cp367" | "iso646_us" => Self::Ascii,
            "latin_1" | "latin1" | "latin" | "l1" | "8859" | "iso8859" | "iso8859_1" | "iso_8859_1" | "cp819" => {
                Self::Latin1
            }
            _ => return Err(Failure::Unsupported(format!("the encoding {name}"))),
        })
    }

    /// As messages name it.
    fn name(self) -> &'static str {
        match self {
            Self::Utf8 | Self::Utf8Sig => "utf-8",
            Self::Ascii => "ascii",
            Self::Latin1 => "latin-1",
        }
    }
}

/// Handlers of errors that Python has and the language has not.
fn unknown_handler<T>(name: &str) -> Outcome<T> {
    match name {
        "surrogateescape" | "surrogatepass" | "namereplace" | "xmlcharrefreplace" | "backslashreplace" => {
            Err(Failure::Unsupported(format!("the error handler {name}")))
        }
        _ => raise("LookupError", format!("unknown error handler name '{name}'")),
    }
}

/// `text.encode(encoding, errors)`.
///
/// # Errors
/// `UnicodeEncodeError`, `LookupError`.
pub(super) fn encode(text: &str, encoding: &str, errors: &str, meter: &mut Meter) -> Outcome<Vec<u8>> {
    meter.charge_bytes(text.len())?;
    let encoding = Encoding::of(encoding)?;
    let limit = match encoding {
        Encoding::Utf8 => return Ok(text.as_bytes().to_vec()),
        Encoding::Utf8Sig => return Ok([b"\xef\xbb\xbf", text.as_bytes()].concat()),
        Encoding::Ascii => 0x80,
        Encoding::Latin1 => 0x100,
    };
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.chars().enumerate().peekable();
    while let Some((at, c)) = chars.next() {
        match u8::try_from(c as u32) {
            Ok(byte) if u32::from(byte) < limit => out.push(byte),
            _ => match errors {
                "ignore" => {}
                "replace" => out.push(b'?'),
                "xmlcharrefreplace" => out.extend_from_slice(format!("&#{};", c as u32).as_bytes()),
                "backslashreplace" => out.extend_from_slice(escaped(c).as_bytes()),
                "strict" => {
                    let mut last = at;
                    while let Some((next, _)) = chars.next_if(|(_, c)| *c as u32 >= limit) {
                        last = next;
                    }
                    let (name, range) = (encoding.name(), limit);
                    return raise(
                        "UnicodeEncodeError",
                        if last == at {
                            let shown = escaped(c);
                            format!(
                                "'{name}' codec can't encode character '{shown}' in position {at}: ordinal not in \
                                 range({range})"
                            )
                        } else {
                            format!(
                                "'{name}' codec can't encode characters in position {at}-{last}: ordinal not in \
                                 range({range})"
                            )
                        },
                    );
                }
                other => return unknown_handler(other),
            },
        }
    }
    Ok(out)
}

/// A character as a backslash escape, whatever it is.
fn escaped(c: char) -> String {
    match c as u32 {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0x100..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// `bytes.decode(encoding, errors)`.
///
/// # Errors
/// `UnicodeDecodeError`, `LookupError`.
pub(super) fn decode(bytes: &[u8], encoding: &str, errors: &str, meter: &mut Meter) -> Outcome<String> {
    meter.charge_bytes(bytes.len())?;
    let encoding = Encoding::of(encoding)?;
    // Positions in messages count from behind the mark.
    let bytes = match (encoding, bytes.strip_prefix(b"\xef\xbb\xbf")) {
        (Encoding::Utf8Sig, Some(rest)) => rest,
        _ => bytes,
    };
    let mut out = String::with_capacity(bytes.len());
    // What cannot be decoded, by the rules of `errors`.
    let bad = |out: &mut String, at: usize, part: &[u8], reason: &str| -> Outcome<()> {
        match errors {
            "ignore" => {}
            "replace" => out.push(char::REPLACEMENT_CHARACTER),
            "backslashreplace" => part.iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}"))),
            "strict" => {
                let name = encoding.name();
                return raise(
                    "UnicodeDecodeError",
                    match part {
                        [byte] => format!("'{name}' codec can't decode byte 0x{byte:02x} in position {at}: {reason}"),
                        _ => {
                            let last = at + part.len().saturating_sub(1);
                            format!("'{name}' codec can't decode bytes in position {at}-{last}: {reason}")
                        }
                    },
                );
            }
            "xmlcharrefreplace" => {
                return raise("TypeError", "don't know how to handle UnicodeDecodeError in error callback");
            }
            other => return unknown_handler(other),
        }
        Ok(())
    };
    match encoding {
        Encoding::Latin1 => out.extend(bytes.iter().map(|byte| char::from(*byte))),
        Encoding::Ascii => {
            for (at, byte) in bytes.iter().enumerate() {
                if byte.is_ascii() {
                    out.push(char::from(*byte));
                } else {
                    bad(&mut out, at, &[*byte], "ordinal not in range(128)")?;
                }
            }
        }
        Encoding::Utf8 | Encoding::Utf8Sig => {
            let mut at = 0;
            for chunk in bytes.utf8_chunks() {
                out.push_str(chunk.valid());
                at += chunk.valid().len();
                let invalid = chunk.invalid();
                if let Some(first) = invalid.first() {
                    let reason = match first {
                        0x80..=0xc1 | 0xf5..=0xff => "invalid start byte",
                        _ if at + invalid.len() == bytes.len() && is_beginning(invalid) => "unexpected end of data",
                        _ => "invalid continuation byte",
                    };
                    bad(&mut out, at, invalid, reason)?;
                }
                at += invalid.len();
            }
        }
    }
    Ok(out)
}

/// Whether bytes, cut short by the end, begin a character of UTF-8.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// An argument that must be a `str`; `None` if it is absent.
pub(super) fn text_argument(function: &str, name: &str, value: Option<Value>) -> Outcome<Option<Text>> {
    match value {
        None => Ok(None),
        Some(Value::Str(text)) => Ok(Some(text)),
        Some(Value::None) => raise("TypeError", format!("{function}() argument '{name}' must be str, not None")),
        Some(other) => {
            raise("TypeError", format!("{function}() argument '{name}' must be str, not {}", other.type_name()))
        }
    }
}

fn or<'t>(text: &'t Option<Text>, default: &'t str) -> &'t str {
    text.as_deref().unwrap_or(default)
}

/// `bytes(…)`.
pub(super) fn bytes(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [source, encoding, errors] = arguments.bind(["source", "encoding", "errors"], 0, 0)?;
    let is_text = matches!(source, Some(Value::Str(_)));
    let encoding = text_argument("bytes", "encoding", encoding)?;
    let errors = text_argument("bytes", "errors", errors)?;
    if !is_text && (encoding.is_some() || errors.is_some()) {
        let what = if encoding.is_some() { "encoding" } else { "errors" };
        return raise("TypeError", format!("{what} without a string argument"));
    }
    match source {
        None => Ok(Value::bytes([])),
        Some(Value::Str(text)) => match (&encoding, &errors) {
            (None, None) => raise("TypeError", "string argument without an encoding"),
            _ => Ok(Value::bytes(encode(&text, or(&encoding, "utf-8"), or(&errors, "strict"), meter)?)),
        },
        Some(value @ Value::Bytes(_)) => Ok(value),
        Some(value @ (Value::Int(_) | Value::Bool(_))) => {
            let number = index(&value)?;
            if num_traits::Signed::is_negative(&number) && number.to_i64().is_some() {
                return raise("ValueError", "negative count");
            }
            match number.to_usize() {
                None => raise("OverflowError", "cannot fit 'int' into an index-sized integer"),
                Some(length) if length > MAX_BYTES => Err(Failure::TooLarge),
                Some(length) => {
                    meter.charge_bytes(length)?;
                    Ok(Value::bytes(vec![0; length]))
                }
            }
        }
        Some(value @ (Value::None | Value::Float(_))) => {
            raise("TypeError", format!("cannot convert '{}' object to bytes", value.type_name()))
        }
        Some(value) => {
            let items = iterate(&value, meter)?;
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                match index(&item)?.to_u8() {
                    Some(byte) => out.push(byte),
                    None => return raise("ValueError", "bytes must be in range(0, 256)"),
                }
            }
            Ok(Value::bytes(out))
        }
    }
}

/// `str(…)`.
pub(super) fn str(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [object, encoding, errors] = arguments.bind(["object", "encoding", "errors"], 0, 0)?;
    let encoding = text_argument("str", "encoding", encoding)?;
    let errors = text_argument("str", "errors", errors)?;
    match (object, &encoding, &errors) {
        (None, None, None) => Ok(Value::text("")),
        (Some(value), None, None) => value::to_text(&value, meter).map(Value::Str),
        (None, ..) => Ok(Value::text("")),
        (Some(Value::Bytes(bytes)), ..) => {
            decode(&bytes, or(&encoding, "utf-8"), or(&errors, "strict"), meter).map(|text| Value::Str(text.into()))
        }
        (Some(Value::Str(_)), ..) => raise("TypeError", "decoding str is not supported"),
        (Some(other), ..) => {
            raise("TypeError", format!("decoding to str: need a bytes-like object, {} found", other.type_name()))
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes that an argument of `b64decode` is.
fn ascii_bytes(value: &Value, meter: &mut Meter) -> Outcome<Vec<u8>> {
    match value {
        Value::Str(text) if !text.is_ascii() => {
            raise("ValueError", "string argument should contain only ASCII characters")
        }
        Value::Str(text) => {
            meter.charge_bytes(text.len())?;
            Ok(text.as_bytes().to_vec())
        }
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            Ok(bytes.to_vec())
        }
        _ => raise(
            "TypeError",
            format!("argument should be a bytes-like object or ASCII string, not '{}'", value.type_name()),
        ),
    }
}

/// `base64.b64decode(…)`, `base64.urlsafe_b64decode(…)`.
pub(super) fn b64decode(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let (source, alternatives, validate) = if arguments.function == "base64.b64decode" {
        let [source, alternatives, validate] = arguments.bind(["s", "altchars", "validate"], 0, 1)?;
        (source, alternatives, validate)
    } else {
        let [source] = arguments.bind(["s"], 0, 1)?;
        (source, Some(Value::text("-_")), None)
    };
    let mut data = ascii_bytes(&source.unwrap_or(Value::None), meter)?;
    if let Some(alternatives) = alternatives.filter(|alternatives| *alternatives != Value::None) {
        let alternatives = ascii_bytes(&alternatives, meter)?;
        let [plus, slash] = alternatives.as_slice() else {
            return raise("AssertionError", value::bytes_repr(&alternatives));
        };
        for byte in &mut data {
            if byte == slash {
                *byte = b'/';
            } else if byte == plus {
                *byte = b'+';
            }
        }
    }
    let strict = validate.is_some_and(|validate| validate.is_true());
    from_base64(&data, strict).map(Value::bytes).or_else(|message| raise("binascii.Error", message))
}

/// As `binascii.a2b_base64`.
fn from_base64(data: &[u8], strict: bool) -> Result<Vec<u8>, String> {
    if strict && data.first() == Some(&b'=') {
        return Err("Leading padding not allowed".to_owned());
    }
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let (mut position, mut pads, mut padding) = (0u8, 0u8, false);
    let mut bits = 0u32;
    for (at, byte) in data.iter().enumerate() {
        if *byte == b'=' {
            padding = true;
            if position >= 2 {
                pads += 1;
                if position + pads >= 4 {
                    if strict && at + 1 < data.len() {
                        return Err("Excess data after padding".to_owned());
                    }
                    return Ok(out);
                }
            }
            continue;
        }
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ if strict => return Err("Only base64 data is allowed".to_owned()),
            _ => continue,
        };
        if strict && padding {
            return Err("Discontinuous padding not allowed".to_owned());
        }
        pads = 0;
        bits = bits << 6 | u32::from(value);
        position = (position + 1) % 4;
        // A byte is complete after the second, third and fourth digit.
        let shift = match position {
            2 => 4,
            3 => 2,
            0 => 0,
            _ => continue,
        };
        out.push((bits >> shift & 0xff) as u8);
    }
    match position {
        0 => Ok(out),
        1 => Err(format!(
            "Invalid base64-encoded string: number of data characters ({}) cannot be 1 more than a multiple of 4",
            out.len() / 3 * 4 + 1
        )),
        _ => Err("Incorrect padding".to_owned()),
    }
}

/// `base64.b64encode(…)`, `base64.urlsafe_b64encode(…)`.
pub(super) fn b64encode(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let (source, alternatives) = if arguments.function == "base64.b64encode" {
        let [source, alternatives] = arguments.bind(["s", "altchars"], 0, 1)?;
        (source, alternatives)
    } else {
        let [source] = arguments.bind(["s"], 0, 1)?;
        (source, Some(Value::bytes(*b"-_")))
    };
    let data = match source.unwrap_or(Value::None) {
        Value::Bytes(bytes) => bytes,
        other => {
            return raise("TypeError", format!("a bytes-like object is required, not '{}'", other.type_name()));
        }
    };
    let mut alphabet = *ALPHABET;
    match alternatives {
        None | Some(Value::None) => {}
        Some(Value::Bytes(bytes)) => match (&*bytes, &mut alphabet) {
            ([plus, slash], [.., place_of_plus, place_of_slash]) => {
                *place_of_plus = *plus;
                *place_of_slash = *slash;
            }
            _ => return raise("AssertionError", value::bytes_repr(&bytes)),
        },
        Some(Value::Str(text)) if value::char_count(&text) != 2 => {
            return raise("AssertionError", value::str_repr(&text));
        }
        Some(other) => {
            return raise("TypeError", format!("a bytes-like object is required, not '{}'", other.type_name()));
        }
    }
    meter.charge_bytes(data.len() / 3 * 4)?;
    let mut out = Vec::with_capacity(data.len() / 3 * 4 + 4);
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = alphabet.get((bits >> shift & 0x3f) as usize).copied().unwrap_or(b'=');
            out.push(if at <= chunk.len() { digit } else { b'=' });
        }
    }
    Ok(Value::bytes(out))
}

/// Bytes with `%xx` decoded.
fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// `urllib.parse.unquote(…)`, `urllib.parse.unquote_plus(…)`.
pub(super) fn unquote(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [source, encoding, errors] = arguments.bind(["string", "encoding", "errors"], 0, 1)?;
    let plus = arguments.function == "urllib.parse.unquote_plus";
    let source = source.unwrap_or(Value::None);
    let option = |name: &str, value: Option<Value>| match value {
        None | Some(Value::None) => Ok(None),
        value => text_argument("decode", name, value),
    };
    let text = match &source {
        Value::Str(text) if plus => Text::from(text.replace('+', " ")),
        Value::Str(text) => text.clone(),
        Value::Bytes(_) if plus => return raise("TypeError", "a bytes-like object is required, not 'str'"),
        Value::Bytes(bytes) => {
            meter.charge_bytes(bytes.len())?;
            let encoding = text_argument("decode", "encoding", encoding)?;
            let errors = text_argument("decode", "errors", errors)?;
            let decoded = percent_decoded(bytes);
            return decode(&decoded, or(&encoding, "utf-8"), or(&errors, "replace"), meter)
                .map(|text| Value::Str(text.into()));
        }
        other if plus => {
            return raise("AttributeError", format!("'{}' object has no attribute 'replace'", other.type_name()));
        }
        other @ (Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_)) => {
            return raise("TypeError", format!("argument of type '{}' is not iterable", other.type_name()));
        }
        other => return Err(Failure::Unsupported(format!("unquote() of a {}", other.type_name()))),
    };
    meter.charge_bytes(text.len())?;
    if !text.contains('%') {
        return Ok(Value::Str(text));
    }
    let (encoding, errors) = (option("encoding", encoding)?, option("errors", errors)?);
    // Only runs of ASCII are decoded; what is not ASCII stands between them.
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while !rest.is_empty() {
        let run = rest.bytes().take_while(u8::is_ascii).count();
        let (ascii, after) = rest.split_at(run);
        if run > 0 {
            let decoded = percent_decoded(ascii.as_bytes());
            out.push_str(&decode(&decoded, or(&encoding, "utf-8"), or(&errors, "replace"), meter)?);
        }
        let (other, after) = after.split_at(after.find(|c: char| c.is_ascii()).unwrap_or(after.len()));
        out.push_str(other);
        rest = after;
    }
    Ok(Value::Str(out.into()))
}

/// `urllib.parse.quote(…)`, `urllib.parse.quote_plus(…)`.
pub(super) fn quote(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let [source, safe, encoding, errors] = arguments.bind(["string", "safe", "encoding", "errors"], 0, 1)?;
    let plus = arguments.function == "urllib.parse.quote_plus";
    let given = |value: Option<Value>| value.filter(|value| *value != Value::None);
    let (encoding, errors) = (given(encoding), given(errors));
    let bytes = match source.unwrap_or(Value::None) {
        Value::Str(text) if text.is_empty() => return Ok(Value::Str(text)),
        Value::Str(text) => {
            let encoding = text_argument("encode", "encoding", encoding)?;
            let errors = text_argument("encode", "errors", errors)?;
            encode(&text, or(&encoding, "utf-8"), or(&errors, "strict"), meter)?
        }
        _ if encoding.is_some() => return raise("TypeError", "quote() doesn't support 'encoding' for bytes"),
        _ if errors.is_some() => return raise("TypeError", "quote() doesn't support 'errors' for bytes"),
        Value::Bytes(bytes) => bytes.to_vec(),
        _ => return raise("TypeError", "quote_from_bytes() expected bytes"),
    };
    if bytes.is_empty() {
        return Ok(Value::text(""));
    }
    let safe: Vec<u8> = match safe {
        None if plus => Vec::new(),
        None => vec![b'/'],
        Some(Value::Str(safe)) => safe.bytes().filter(u8::is_ascii).collect(),
        Some(Value::Bytes(safe)) => safe.iter().copied().filter(u8::is_ascii).collect(),
        Some(other @ (Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_))) if !plus => {
            return raise("TypeError", format!("'{}' object is not iterable", other.type_name()));
        }
        Some(other) => return Err(Failure::Unsupported(format!("quote() with a {} as safe", other.type_name()))),
    };
    let mut is_safe = [false; 256];
    for (byte, is_safe) in (0u8..=255).zip(&mut is_safe) {
        *is_safe = byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || safe.contains(&byte);
    }
    meter.charge_bytes(bytes.len() * 3)?;
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if plus && byte == b' ' {
            out.push('+');
        } else if is_safe.get(usize::from(byte)) == Some(&true) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(Value::Str(out.into()))
}

/// A path of POSIX: text, or bytes.
struct Path {
    bytes: Vec<u8>,
    is_text: bool,
}

impl Path {
    fn of(value: &Value, meter: &mut Meter) -> Outcome<Option<Self>> {
        Ok(match value {
            Value::Str(text) => {
                meter.charge_bytes(text.len())?;
                Some(Self { bytes: text.as_bytes().to_vec(), is_text: true })
            }
            Value::Bytes(bytes) => {
                meter.charge_bytes(bytes.len())?;
                Some(Self { bytes: bytes.to_vec(), is_text: false })
            }
            _ => None,
        })
    }

    /// A part of a path, of its type. Parts end at ASCII characters, so that parts of text are text.
    fn part(&self, bytes: &[u8]) -> Value {
        if self.is_text { Value::text(String::from_utf8_lossy(bytes)) } else { Value::bytes(bytes) }
    }

    /// What precedes the last slash, without the slashes in between; and the rest.
    fn split(&self) -> (&[u8], &[u8]) {
        let cut = self.bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        let (mut head, tail) = self.bytes.split_at_checked(cut).unwrap_or((&[], &self.bytes));
        if head.iter().any(|byte| *byte != b'/') {
            while let Some(shorter) = head.strip_suffix(b"/") {
                head = shorter;
            }
        }
        (head, tail)
    }
}

/// `os.path.…(…)` of POSIX.
pub(super) fn path(function: &str, arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let no_path = |value: &Value| {
        raise("TypeError", format!("expected str, bytes or os.PathLike object, not {}", value.type_name()))
    };
    if function == "os.path.join" {
        return join(arguments, meter);
    }
    let parameter = if function == "os.path.isabs" { "s" } else { "p" };
    let [value] = arguments.bind([parameter], 0, 1)?;
    let value = value.unwrap_or(Value::None);
    let Some(path) = Path::of(&value, meter)? else { return no_path(&value) };
    let (head, tail) = path.split();
    Ok(match function {
        "os.path.basename" => path.part(tail),
        "os.path.dirname" => path.part(head),
        "os.path.split" => Value::tuple(vec![path.part(head), path.part(tail)]),
        "os.path.isabs" => Value::Bool(path.bytes.starts_with(b"/")),
        "os.path.splitext" => {
            // Dots that lead the name begin no extension.
            let dots = tail.iter().take_while(|byte| **byte == b'.').count();
            let dot = tail.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot >= dots && dots < tail.len());
            let cut = dot.map_or(path.bytes.len(), |dot| path.bytes.len() - tail.len() + dot);
            let (stem, extension) = path.bytes.split_at_checked(cut).unwrap_or((&path.bytes, &[]));
            Value::tuple(vec![path.part(stem), path.part(extension)])
        }
        _ => return Err(Failure::Unsupported(format!("the function {function}"))),
    })
}

fn join(arguments: &Arguments<'_>, meter: &mut Meter) -> Outcome {
    let (first, rest) = match (arguments.positional.split_first(), arguments.keywords) {
        (Some((first, rest)), []) => (first.clone(), rest),
        (None, [(name, first)]) if &**name == "a" => (first.clone(), arguments.positional),
        (None, []) => return raise("TypeError", "join() missing 1 required positional argument: 'a'"),
        (_, [(name, _), ..]) => {
            return raise("TypeError", format!("join() got an unexpected keyword argument '{name}'"));
        }
    };
    let Some(mut joined) = Path::of(&first, meter)? else {
        return raise("TypeError", format!("expected str, bytes or os.PathLike object, not {}", first.type_name()));
    };
    for value in rest {
        let Some(part) = Path::of(value, meter)? else {
            return raise(
                "TypeError",
                format!("join() argument must be str, bytes, or os.PathLike object, not '{}'", value.type_name()),
            );
        };
        if part.is_text != joined.is_text {
            return raise("TypeError", "Can't mix strings and bytes in path components");
        }
        if part.bytes.starts_with(b"/") {
            joined.bytes = part.bytes;
        } else {
            if !joined.bytes.is_empty() && !joined.bytes.ends_with(b"/") {
                joined.bytes.push(b'/');
            }
            joined.bytes.extend_from_slice(&part.bytes);
        }
    }
    Ok(joined.part(&joined.bytes))
}
