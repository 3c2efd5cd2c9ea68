//! What texts of unknown content are known to have in them: blanks, line ends, commas.
//!
//! A text that is put together from known parts has as many as its parts have. Taking it apart (`split`, `splitlines`)
//! then has a number of parts that is known, though the content is not.

use ruff_text_size::Ranged;

use crate::expression::{Text, Value as Plain};

use super::amount::Amount;
use super::machine::Machine;
use super::value::{Kind, Value};

/// How many there are of each in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marks {
    /// Runs of white space.
    pub blanks: Amount,
    /// Line feeds.
    pub lines: Amount,
    /// Commas.
    pub commas: Amount,
    /// Characters more that it has once it is escaped for HTML.
    pub html: Amount,
    /// Characters more that it has as JSON, its quotes left out.
    pub json: Amount,
}

const BLANKS: &str = "<blanks>";
const LINES: &str = "<lines>";
const COMMAS: &str = "<commas>";
const HTML: &str = "<html>";
const JSON: &str = "<json>";

impl Marks {
    /// None of any.
    pub fn none() -> Self {
        Self { blanks: Amount::ZERO, lines: Amount::ZERO, commas: Amount::ZERO, html: Amount::ZERO, json: Amount::ZERO }
    }

    /// Those of a known text.
    pub fn of(text: &str) -> Self {
        let (mut blanks, mut lines, mut commas, mut html, mut json) = (0_usize, 0_usize, 0_usize, 0_usize, 0_usize);
        let mut blank = false;
        for c in text.chars() {
            let is_blank = c.is_whitespace();
            blanks += usize::from(is_blank && !blank);
            lines += usize::from(c == '\n');
            commas += usize::from(c == ',');
            // `&amp;`, `&lt;`, `&gt;`, `&quot;`, `&#x27;`: Lib/html/__init__.py.
            html += match c {
                '&' => 4,
                '<' | '>' => 3,
                '"' | '\'' => 5,
                _ => 0,
            };
            json += super::standard::json_character(c, true) - 1;
            blank = is_blank;
        }
        Self { blanks: blanks.into(), lines: lines.into(), commas: commas.into(), html: html.into(), json: json.into() }
    }

    /// Of two texts one behind the other. A blank on both sides of the seam counts twice.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            blanks: self.blanks + other.blanks,
            lines: self.lines + other.lines,
            commas: self.commas + other.commas,
            html: self.html + other.html,
            json: self.json + other.json,
        }
    }

    /// Of so many copies.
    #[must_use]
    pub fn times(self, count: &Amount) -> Self {
        Self {
            blanks: &self.blanks * count,
            lines: &self.lines * count,
            commas: &self.commas * count,
            html: &self.html * count,
            json: &self.json * count,
        }
    }
}

impl Machine<'_> {
    /// What a value has of each as a text, where that is known.
    pub(super) fn marks(&self, value: &Value) -> Option<Marks> {
        match value {
            Value::Plain(Plain::Str(text)) => Some(Marks::of(text)),
            Value::Plain(Plain::None | Plain::Bool(_) | Plain::Int(_) | Plain::Float(_)) => Some(Marks::none()),
            Value::Number(_) | Value::Float(_) => Some(Marks::none()),
            Value::Object(id) => {
                let object = self.state.object(*id)?;
                if let Some(Plain::Str(text)) = &object.known {
                    return Some(Marks::of(text));
                }
                if !matches!(object.kind, Kind::Str { .. } | Kind::Bytes | Kind::Named(_)) {
                    return None;
                }
                Some(Marks {
                    blanks: object.features.get(BLANKS)?.clone(),
                    lines: object.features.get(LINES)?.clone(),
                    commas: object.features.get(COMMAS)?.clone(),
                    html: object.features.get(HTML)?.clone(),
                    json: object.features.get(JSON)?.clone(),
                })
            }
            Value::Plain(_) | Value::Code(_) | Value::Input(_) | Value::Unknown(_) => None,
        }
    }

    /// What several texts have in all.
    pub(super) fn marks_of_all<'v>(&self, values: impl IntoIterator<Item = &'v Value>) -> Option<Marks> {
        values.into_iter().try_fold(Marks::none(), |total, value| Some(total.and(self.marks(value)?)))
    }

    /// Says what a new text has.
    pub(super) fn set_marks(&mut self, text: &Value, marks: Option<Marks>) {
        let Value::Object(id) = text else { return };
        self.state.note(*id, |object| match marks {
            Some(marks) => {
                object.features.insert(Text::from(BLANKS), marks.blanks);
                object.features.insert(Text::from(LINES), marks.lines);
                object.features.insert(Text::from(COMMAS), marks.commas);
                object.features.insert(Text::from(HTML), marks.html);
                object.features.insert(Text::from(JSON), marks.json);
            }
            None => {
                for name in [BLANKS, LINES, COMMAS, HTML, JSON] {
                    object.features.remove(name);
                }
            }
        });
    }

    /// A text of unknown content that is made of others.
    pub(super) fn new_str_with(
        &mut self,
        width: u8,
        length: Amount,
        marks: Option<Marks>,
        node: &impl Ranged,
    ) -> Value {
        let text = self.new_str(width, length, node);
        self.set_marks(&text, marks);
        text
    }

    /// Into how many parts a separator takes a text: white space where there is none.
    pub(super) fn parts_of(&self, text: &Value, lines: bool, separator: Option<&Value>) -> Option<Amount> {
        let marks = self.marks(text)?;
        if lines {
            return Some(marks.lines);
        }
        let found = match separator {
            None => marks.blanks,
            Some(separator) => match self.plain(separator)? {
                Plain::None => marks.blanks,
                Plain::Str(text) => match &*text {
                    " " => marks.blanks,
                    "\n" => marks.lines,
                    "," => marks.commas,
                    _ => return None,
                },
                _ => return None,
            },
        };
        Some(found + Amount::ONE)
    }
}
