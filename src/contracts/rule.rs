//! The small language of rules: `reduce(a, axis, keepdims)`. A word, a quoted text, a number, or a call of these.
//! Depends on nothing.

use crate::formula::Text;

/// A rule as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A name, with dots and subscripts: `self`, `a.shape`, `arrays[]`.
    Word(Text),
    /// `'RGB'`
    Quoted(Text),
    /// An integer.
    Integer(i64),
    /// A call.
    Call(Text, Vec<Rule>),
}

/// Most levels of calls in a rule.
const MOST_NESTED: u32 = 16;

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// Byte offset and reason.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut reader = Reader { text, at: 0 };
        let rule = reader.rule(MOST_NESTED)?;
        reader.space();
        if reader.at < text.len() {
            return Err((reader.at, "more than one rule".to_owned()));
        }
        Ok(rule)
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Quoted(_) | Self::Integer(_) | Self::Call(..) => None,
        }
    }

    /// All words in it, in order.
    pub fn words<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::Word(word) => into.push(word),
            Self::Quoted(_) | Self::Integer(_) => {}
            Self::Call(_, arguments) => arguments.iter().for_each(|argument| argument.words(into)),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.space();
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn rule(&mut self, levels: u32) -> Result<Rule, (usize, String)> {
        self.space();
        let start = self.at;
        if self.eat('\'') {
            let end = self.rest().find('\'').ok_or((start, "the text does not end".to_owned()))?;
            let quoted = Text::from(&self.rest()[..end]);
            self.at += end + 1;
            return Ok(Rule::Quoted(quoted));
        }
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '-');
        let length = self.rest().find(|c| !is_word(c)).unwrap_or(self.rest().len());
        if length == 0 {
            return Err((
                start,
                "a rule is expected here: a parameter, or a call such as `broadcast(a, b)`".to_owned(),
            ));
        }
        let word = self.rest()[..length].to_owned();
        self.at += length;
        if let Ok(number) = word.parse() {
            return Ok(Rule::Integer(number));
        }
        if !self.eat('(') {
            return Ok(Rule::Word(Text::from(word)));
        }
        if levels == 0 {
            return Err((start, "nested too deep".to_owned()));
        }
        let mut arguments = Vec::new();
        while !self.eat(')') {
            if !arguments.is_empty() && !self.eat(',') {
                return Err((self.at, "`,` or `)` is expected here".to_owned()));
            }
            arguments.push(self.rule(levels - 1)?);
        }
        Ok(Rule::Call(Text::from(word), arguments))
    }
}
