//! What is not known: values and quantities with a name, a cause, a place, and bounds.
//!
//! A quantity is a symbol of the formulas; its bounds say between what a result lies. Names are those of the interface's
//! memory-critical variables where one stands at the same place, so that a value given for one serves both.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::expression::Text;

use super::amount::Amount;
use super::value::UnknownId;

/// What kind of unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownKind {
    /// The result of a call that nothing is known of.
    Result,
    /// A size from outside or of something unknown.
    Size,
    /// How often a loop runs.
    TripCount,
    /// Whether, or how often, a condition holds: between 0 and 1.
    Condition,
    /// How much memory a call takes.
    Memory,
    /// Part of the arguments.
    Input,
}

/// An unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// Its name: a symbol of formulas.
    pub name: Text,
    /// What kind of unknown it is.
    pub kind: UnknownKind,
    /// Why it is not known.
    pub cause: String,
    /// What it stands for, in words of the source.
    pub meaning: String,
    /// The file it comes from.
    pub file: String,
    /// The line it comes from.
    pub line: u32,
    /// Its least value.
    pub least: Amount,
    /// Its largest value, if there is a bound.
    pub most: Option<Amount>,
    /// What it usually is, where something says so: the prediction's expected value takes it.
    pub typical: Option<Amount>,
}

impl Unknown {
    /// As the entry of a list `unknown`: what it is called, why it is not known, and what would settle it.
    pub fn to_json(&self) -> Value {
        json!({
            "symbol": self.name,
            "kind": self.kind,
            "cause": self.cause,
            "meaning": self.meaning,
            "file": self.file,
            "line": self.line,
            "max": self.most.as_ref().map(|most| most.to_formula().to_string()),
            "resolve": format!("pass --mcv {}=VALUE", self.name),
        })
    }
}

/// A memory-critical variable of the interface, whose name an unknown of the same place takes.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its name.
    pub name: Text,
    /// What it stands for.
    pub meaning: String,
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u32,
}

/// The list of unknowns.
#[derive(Clone, Debug, Default)]
pub struct Unknowns {
    list: Vec<Unknown>,
    /// By place, meaning and kind: the same place is the same unknown.
    sites: BTreeMap<(String, u32, String, UnknownKind, String), UnknownId>,
    taken: BTreeMap<String, usize>,
    known: Vec<Known>,
}

impl Unknowns {
    /// An empty list that takes names from an interface.
    pub fn named_after(known: Vec<Known>) -> Self {
        Self { known, ..Self::default() }
    }

    /// The unknown of a place.
    pub fn value(&mut self, unknown: Unknown) -> UnknownId {
        let key = (unknown.file.clone(), unknown.line, unknown.meaning.clone(), unknown.kind, unknown.name.to_string());
        if let Some(id) = self.sites.get(&key) {
            return *id;
        }
        let id = UnknownId::try_from(self.list.len()).unwrap_or(UnknownId::MAX);
        let mut unknown = unknown;
        unknown.name = self.name_for(&unknown);
        self.list.push(unknown);
        self.sites.insert(key, id);
        id
    }

    /// The symbol of a quantity. Bounds of the same quantity are those of its first use.
    pub fn quantity(&mut self, unknown: Unknown) -> Text {
        let id = self.value(unknown);
        self.name(id).cloned().unwrap_or_else(|| Text::from("unknown"))
    }

    /// The symbol of an unknown value that is used as a number.
    pub fn as_number(&mut self, id: UnknownId) -> Option<Text> {
        self.name(id).cloned()
    }

    /// An unknown's name.
    pub fn name(&self, id: UnknownId) -> Option<&Text> {
        self.list.get(id as usize).map(|unknown| &unknown.name)
    }

    /// Why an unknown is one.
    pub fn cause(&self, id: UnknownId) -> String {
        self.list.get(id as usize).map(|unknown| unknown.cause.clone()).unwrap_or_default()
    }

    /// All of them, in the order of their first use.
    pub fn list(&self) -> &[Unknown] {
        &self.list
    }

    /// Says what a quantity usually is.
    pub fn set_typical(&mut self, name: &str, typical: Amount) {
        for unknown in &mut self.list {
            if &*unknown.name == name {
                unknown.typical = Some(typical.clone());
            }
        }
    }

    /// Raises the upper bound of a quantity.
    pub fn bound(&mut self, name: &str, most: Option<Amount>) {
        for unknown in &mut self.list {
            if &*unknown.name == name {
                unknown.most = match (&unknown.most, &most) {
                    (Some(old), Some(new)) => Some(old.max(new)),
                    _ => None,
                };
            }
        }
    }

    /// The variable of the interface that stands at the same place and means the same, or a name of its own.
    fn name_for(&mut self, unknown: &Unknown) -> Text {
        let wanted =
            match self.known.iter().find(|known| {
                known.line == unknown.line && known.file == unknown.file && known.meaning == unknown.meaning
            }) {
                Some(known) => known.name.to_string(),
                None => identifier(&unknown.name),
            };
        let count = self.taken.entry(wanted.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { Text::from(wanted) } else { Text::from(format!("{wanted}_{count}")) }
    }
}

/// A text as an identifier.
fn identifier(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if clean.is_empty() || clean.starts_with(|c: char| c.is_numeric()) { format!("v_{clean}") } else { clean }
}
