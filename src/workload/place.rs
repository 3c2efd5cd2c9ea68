//! Names of inputs: `n`, `body.size`, `event["body"]["size"]`, `len(event["keys"])`, and the places of an event that they
//! name.

use serde_json::Value as Json;

use crate::formula::normalize;

/// What an input's name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Keys from the event inwards; places of lists as numbers.
    pub keys: Vec<String>,
    /// Whether it is the length of what is there.
    pub length: bool,
}

/// The place that an input's name means. None for a name that means none.
pub fn input_path(name: &str) -> Option<Path> {
    let name = name.trim();
    match inside(name, "len") {
        Some(inner) => keys(inner).map(|keys| Path { keys, length: true }),
        None => keys(name).map(|keys| Path { keys, length: false }),
    }
}

/// The argument of a call by this name.
fn inside<'n>(name: &'n str, function: &str) -> Option<&'n str> {
    name.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')').map(str::trim)
}

/// `n`, `body.size`, `event["body"]["size"]` or `event.get("body")["size"]` as keys of the event. None for any other formula.
pub fn keys(name: &str) -> Option<Vec<String>> {
    let is_word = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
            && !part.starts_with(|c: char| c.is_numeric())
    };
    if name.split('.').all(is_word) {
        let parts: Vec<String> = name.split('.').map(str::to_owned).collect();
        return Some(if parts.len() > 1 && parts.first().is_some_and(|part| part == "event") {
            parts.into_iter().skip(1).collect()
        } else {
            parts
        });
    }
    steps(name.strip_prefix("event")?).filter(|keys| !keys.is_empty())
}

/// What follows an event: subscripts, and `.get` with or without a default.
fn steps(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (is_get, inner) = match rest.strip_prefix(".get(") {
            Some(inner) => (true, inner.trim_start()),
            None => (false, rest.strip_prefix('[')?.trim_start()),
        };
        let digits = inner.chars().take_while(char::is_ascii_digit).count();
        let after = match inner.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            Some(quote) => {
                let (key, after) = inner.get(1..)?.split_once(quote)?;
                found.push(key.to_owned());
                after
            }
            None if digits > 0 && !is_get => {
                found.push(inner.get(..digits)?.to_owned());
                inner.get(digits..)?
            }
            None => return None,
        };
        let after = after.trim_start();
        rest = match is_get {
            false => after.strip_prefix(']')?,
            true => after.get(closing(after)? + 1..)?,
        };
    }
    Some(found)
}

/// Where a call's bracket closes: what is before is its other arguments.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => return Some(at),
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, _) => {}
        }
    }
    None
}

/// The part of a value behind keys.
pub fn part<'e>(value: &'e Json, path: &[String]) -> Option<&'e Json> {
    path.iter().try_fold(value, |value, key| match value {
        Json::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Puts a value behind keys; what is no object on the way becomes one.
pub fn put(place: &mut Json, path: &[String], value: &Json) {
    let Some((key, rest)) = path.split_first() else {
        *place = value.clone();
        return;
    };
    if let Json::Array(items) = place
        && let Some(item) = key.parse::<usize>().ok().and_then(|at| items.get_mut(at))
    {
        put(item, rest, value);
        return;
    }
    if !place.is_object() {
        *place = Json::Object(serde_json::Map::new());
    }
    if let Json::Object(object) = place {
        put(object.entry(key.clone()).or_insert(Json::Null), rest, value);
    }
}

/// Whether a symbol (`event["n"]`, `len(event["n"])`, `int(event["n"])`) stands for an input by this name; and whether it is
/// its length.
pub fn stands_for(symbol: &str, name: &str) -> Option<bool> {
    let (inner, is_length) = match inside(symbol, "len") {
        Some(inner) => (inner, true),
        None => (["int", "float"].iter().find_map(|function| inside(symbol, function)).unwrap_or(symbol), false),
    };
    if symbol == name || *symbol == *normalize(name) {
        return Some(false);
    }
    let wanted = match (is_length, input_path(name)?) {
        // The name is that of the length itself.
        (true, Path { keys, length: true }) => return (place_of(inner)? == keys).then_some(false),
        (false, Path { length: true, .. }) => return None,
        (_, Path { keys, length: false }) => keys,
    };
    let found = place_of(inner)?;
    (found == wanted || (wanted.len() == 1 && found.last() == wanted.first())).then_some(is_length)
}

/// The keys of a symbol, whatever its event is called.
fn place_of(symbol: &str) -> Option<Vec<String>> {
    let end = symbol.find(['[', '.'])?;
    let (before, after) = symbol.split_at(end);
    let is_name = !before.is_empty() && before.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then(|| steps(after)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{input_path, keys, stands_for};

    #[test]
    fn names_of_inputs() {
        let owned = |all: &[&str]| Some(all.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
        assert_eq!(keys("n"), owned(&["n"]));
        assert_eq!(keys("body.size"), owned(&["body", "size"]));
        assert_eq!(keys("event[\"a\"]['b']"), owned(&["a", "b"]));
        assert_eq!(keys("len(event[\"a\"])"), None);
        assert_eq!(keys("event[n]"), None);
        assert_eq!(keys("event['Records'][0][\"size\"]"), owned(&["Records", "0", "size"]));
        assert_eq!(keys("event.get('a', {'x': (1, ')')}).get(\"b\")"), owned(&["a", "b"]));
        assert_eq!(keys("event.get(n)"), None);
        assert_eq!(stands_for("event.get(\"copy\")", "copy"), Some(false));
        assert_eq!(stands_for("len(event.get(\"xs\", []))", "event['xs']"), Some(true));
        assert_eq!(stands_for("len(e[\"xs\"])", "len(event['xs'])"), Some(false));
        assert_eq!(stands_for("int(event[\"n\"])", "n"), Some(false));
        assert_eq!(stands_for("event[\"xs\"]", "len(event['xs'])"), None);
        assert_eq!(
            input_path("len(event['a'])").map(|path| (path.keys, path.length)),
            owned(&["a"]).map(|a| (a, true))
        );
        assert_eq!(stands_for("event[\"body\"][\"n\"]", "n"), Some(false));
        assert_eq!(stands_for("len(event[\"keys\"])", "keys"), Some(true));
        assert_eq!(stands_for("event[\"n\"]", "m"), None);
        assert_eq!(stands_for("rows", "rows"), Some(false));
    }
}
