//! `re` on texts that are known: what a pattern finds is found by the `regex` crate, where it means the same to both.

use regex::{Captures, Match, Regex};
use ruff_text_size::Ranged;

use crate::expression::{Text, Value as Plain};

use super::amount::{Amount, Bytes};
use super::machine::Machine;
use super::sizes::width_of;
use super::value::{Adapter, Value};

/// Matches of a pattern in a text that are told one by one, at most.
const MOST_FOUND: usize = 1 << 20;

/// What a search for one match found: the texts of its groups, the whole first, and the groups' names.
const FOUND: &str = "<found>";
const NAMES: &str = "<names>";

/// The function that makes a match of what [`Machine::found`] remembers of it.
pub(super) const MATCH: &str = "<match>";

/// The pattern, where it means the same to both. Both prefer what stands first in an alternation. Not the same: empty
/// matches beside others, `$` before a last line feed, brackets and set operations within a class, `\<` and `\>`.
fn compiled(source: &str, anchored: bool, whole: bool) -> Option<Regex> {
    let mut pattern = String::with_capacity(source.len() + 8);
    let mut characters = source.chars().peekable();
    let mut in_class = false;
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next()? {
                'Z' => pattern.push_str("\\z"),
                '<' | '>' => return None,
                escaped => pattern.extend(['\\', escaped]),
            },
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                pattern.push(c);
                if characters.peek() == Some(&'^') {
                    pattern.extend(characters.next());
                }
                // The first bracket of a class is itself.
                if characters.peek() == Some(&']') {
                    characters.next();
                    pattern.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                pattern.push(c);
            }
            '&' | '~' if in_class && characters.peek() == Some(&c) => return None,
            '-' if in_class && characters.peek() == Some(&'-') => return None,
            _ => pattern.push(c),
        }
    }
    let (begin, end) = (if anchored { "\\A" } else { "" }, if whole { "\\z" } else { "" });
    let regex = Regex::new(&format!("{begin}(?:{pattern}){end}")).ok()?;
    (anchored || !regex.is_match("")).then_some(regex)
}

/// The text of a group; `None` where it took no part.
fn told(group: Option<Match<'_>>) -> Plain {
    group.map_or(Plain::None, |group| Plain::Str(Text::from(group.as_str())))
}

/// The texts of a match's groups, the whole first.
fn groups_of(found: &Captures<'_>) -> Plain {
    Plain::tuple(found.iter().map(told).collect())
}

fn names_of(regex: &Regex) -> Plain {
    let name = |name: Option<&str>| name.map_or(Plain::None, |name| Plain::Str(Text::from(name)));
    Plain::tuple(regex.capture_names().map(name).collect())
}

/// Goes over all matches in a text, and gives how many there are. None where there are too many, or empty ones.
fn for_each_match<'t>(
    regex: &Regex,
    text: &'t str,
    mut see: impl FnMut(Match<'t>, Captures<'t>) -> Option<()>,
) -> Option<usize> {
    let mut count = 0;
    for found in regex.captures_iter(text) {
        let whole = found.get(0).filter(|whole| count < MOST_FOUND && !whole.is_empty())?;
        see(whole, found)?;
        count += 1;
    }
    Some(count)
}

/// Patterns that were looked up, with what they were asked for.
pub(super) type Patterns = rustc_hash::FxHashMap<(Text, bool, bool), Option<Regex>>;

impl<'p> Machine<'p> {
    fn translated(&mut self, source: &str, subject: &str, anchored: bool, whole: bool) -> Option<Regex> {
        if source.contains('$') && subject.ends_with('\n') {
            return None;
        }
        let key = (Text::from(source), anchored, whole);
        self.patterns.entry(key).or_insert_with(|| compiled(source, anchored, whole)).clone()
    }

    /// What a method of a pattern gives on a text that is known, without flags, places and counts in `rest`. None where it is
    /// not known, or not the same to both.
    pub(super) fn found(
        &mut self,
        method: &str,
        source: &str,
        subject: &Value,
        rest: &[Value],
        node: &impl Ranged,
    ) -> Option<Value> {
        let Some(Plain::Str(subject_text)) = self.plain(subject) else { return None };
        let (anchored, whole) = (matches!(method, "match" | "fullmatch"), method == "fullmatch");
        let regex = self.translated(source, &subject_text, anchored, whole)?;
        // A pattern takes time in the length of the text.
        self.steps += u64::try_from(subject_text.len() / 64).unwrap_or(0);
        let groups = regex.captures_len() - 1;
        match method {
            "findall" => {
                // A group that took no part is an empty text.
                let text = |group: Option<Match<'_>>| Plain::Str(Text::from(group.map_or("", |group| group.as_str())));
                let mut items = Vec::new();
                for_each_match(&regex, &subject_text, |_, found| {
                    items.push(match groups {
                        0 | 1 => text(found.get(groups)),
                        _ => Plain::tuple((1..=groups).map(|at| text(found.get(at))).collect()),
                    });
                    Some(())
                })?;
                self.steps += u64::try_from(items.len() / 16).unwrap_or(0);
                let list = self.materialise(Plain::list(items), node);
                Some(self.appended(list))
            }
            "split" => {
                let mut items = Vec::new();
                let mut begin = 0;
                for_each_match(&regex, &subject_text, |whole, found| {
                    items.push(Plain::Str(Text::from(subject_text.get(begin..whole.start())?)));
                    items.extend((1..=groups).map(|at| told(found.get(at))));
                    begin = whole.end();
                    Some(())
                })?;
                items.push(Plain::Str(Text::from(subject_text.get(begin..)?)));
                let list = self.materialise(Plain::list(items), node);
                Some(self.appended(list))
            }
            "sub" | "subn" => {
                let Some(Plain::Str(replacement)) = self.plain(rest.first()?) else { return None };
                if replacement.contains('\\') {
                    return None;
                }
                let mut out = String::with_capacity(subject_text.len());
                let mut begin = 0;
                let count = for_each_match(&regex, &subject_text, |whole, _| {
                    out.push_str(subject_text.get(begin..whole.start())?);
                    out.push_str(&replacement);
                    begin = whole.end();
                    Some(())
                })?;
                out.push_str(subject_text.get(begin..)?);
                // Until they are joined there is a list of the pieces between the matches, each a text of its own.
                let pieces = Amount::from(count + 1);
                let pieces =
                    &self.sizes.str(1, &Amount::ZERO).times(&pieces) + &self.sizes.list_grown(&Amount::from(2 * count));
                self.state.transient(&(&pieces + &Bytes::touched(Amount::from(subject_text.len()))));
                let made = self.materialise(Plain::text(out), node);
                Some(if method == "subn" { self.pair(made, Value::int(Amount::from(count)), node) } else { made })
            }
            "match" | "search" | "fullmatch" => {
                let Some(found) = regex.captures(&subject_text) else { return Some(Value::NONE) };
                Some(self.match_of(&groups_of(&found), &names_of(&regex), Some(subject), node))
            }
            // Each match is made when it is asked for.
            "finditer" => {
                let names = names_of(&regex);
                let mut items = Vec::new();
                for_each_match(&regex, &subject_text, |_, found| {
                    items.push(Plain::tuple(vec![groups_of(&found), names.clone()]));
                    Some(())
                })?;
                let items = Value::Plain(Plain::list(items));
                Some(self.adapter(Adapter::Map, vec![Value::external(MATCH), items], node))
            }
            _ => None,
        }
    }

    /// A match of known groups: `found` is their texts and names, as `finditer` has them.
    pub(super) fn match_of_pair(&mut self, found: &Value, node: &impl Ranged) -> Option<Value> {
        let Some(Plain::Tuple(pair)) = self.plain(found) else { return None };
        let [groups, names] = pair.as_slice() else { return None };
        Some(self.match_of(groups, names, None, node))
    }

    fn match_of(&mut self, groups: &Plain, names: &Plain, subject: Option<&Value>, node: &impl Ranged) -> Value {
        let (count, whole, width) = match groups {
            Plain::Tuple(texts) => match texts.first() {
                Some(Plain::Str(whole)) => (texts.len() - 1, whole.chars().count(), width_of(whole)),
                _ => (texts.len().saturating_sub(1), 0, 1),
            },
            _ => (0, 0, 1),
        };
        let made = self.match_object(subject, count, width, Amount::from(whole), node);
        if let Value::Object(id) = made {
            self.state.set_field(id, Text::from(FOUND), Value::Plain(groups.clone()));
            self.state.set_field(id, Text::from(NAMES), Value::Plain(names.clone()));
        }
        made
    }

    /// The text of a group of a match that is known, by number or name; `None` for one that took no part.
    pub(super) fn group_of(&self, found: &Value, group: &Value) -> Option<Plain> {
        let field = |name: &str| match self.state.object_of(found)?.fields.get(name)? {
            Value::Plain(Plain::Tuple(items)) => Some(items.clone()),
            _ => None,
        };
        let at = match self.plain(group)? {
            Plain::Int(at) => usize::try_from(&at).ok()?,
            name @ Plain::Str(_) => field(NAMES)?.iter().position(|one| one.equals(&name))?,
            _ => return None,
        };
        field(FOUND)?.get(at).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::compiled;

    #[test]
    fn patterns_that_mean_something_else_to_python_are_left_alone() {
        let is_same = |source: &str| compiled(source, false, false).is_some();
        for source in
            [r"[a-z]+", r"(?P<word>\w+)@(\w+)", r"\d{2,4}-\d\d", r"(?i)error|warning", r"[]x]+", r"^\s*#.*", r"a\Z"]
        {
            assert!(is_same(source), "{source}");
        }
        // Empty matches, look-around, back references, set operations, the edges of words in another dialect.
        for source in ["a*", "", "(?=a)b", r"(a)\1", "[a&&b]", "[[a]", r"\<a"] {
            assert!(!is_same(source), "{source}");
        }
    }
}
