//! CloudFormation's intrinsic functions, as far as the template itself decides them: parameters by their defaults,
//! mappings, conditions over them. Anything else stays unresolved, by name.

use std::cell::Cell;
use std::sync::Arc;

use super::yaml::{Node, Value};

/// Deepest nesting of functions, conditions included (they may name each other).
const MAX_DEPTH: usize = 24;
/// Most evaluations a template.
const MAX_STEPS: u32 = 200_000;
/// Longest text made by substitution, in bytes.
const MAX_TEXT: usize = 1 << 20;

/// Evaluates intrinsic functions of one template.
#[derive(Debug)]
pub struct Intrinsics<'t> {
    template: &'t Node,
    steps: Cell<u32>,
}

/// The name and argument of an intrinsic function, in its short or its long form.
pub fn intrinsic(node: &Node) -> Option<(&str, &Node)> {
    if let Some(tag) = &node.tag {
        return Some((tag, node));
    }
    let [entry] = node.entries() else { return None };
    match entry.key.as_str() {
        "Ref" | "Condition" => Some((&entry.key, &entry.value)),
        key => key.strip_prefix("Fn::").map(|name| (name, &*entry.value)),
    }
}

/// An intrinsic function as a person would write it: `!GetAtt Table.Arn`.
pub fn describe(node: &Node) -> String {
    match intrinsic(node) {
        Some((name, argument)) => match &argument.value {
            Value::Scalar { text, .. } => format!("!{name} {}", text.chars().take(80).collect::<String>()),
            Value::List(items) => {
                let parts: Vec<&str> = items.iter().filter_map(|item| item.scalar()).take(4).collect();
                format!("!{name} [{}]", parts.join(", "))
            }
            Value::Map(_) => format!("!{name} {{…}}"),
        },
        None => match &node.value {
            Value::Scalar { text, .. } => text.clone(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        },
    }
}

impl<'t> Intrinsics<'t> {
    /// For a template.
    pub fn new(template: &'t Node) -> Self {
        Self { template, steps: Cell::new(0) }
    }

    /// The text of a node; the description of what cannot be resolved otherwise.
    pub fn text(&self, node: &Node) -> Result<String, String> {
        self.text_at(node, 0)
    }

    /// The node that stands for another through `Fn::If`; none for `AWS::NoValue`.
    pub fn reduce<'n>(&self, node: &'n Arc<Node>) -> Option<&'n Arc<Node>> {
        let mut node = node;
        for _ in 0..MAX_DEPTH {
            match intrinsic(node) {
                Some(("If", argument)) => {
                    let [condition, _, _] = argument.items() else { return Some(node) };
                    let Some(holds) = condition.scalar().and_then(|name| self.condition(name, 0)) else {
                        return Some(node);
                    };
                    node = argument.items().get(if holds { 1 } else { 2 })?;
                }
                Some(("Ref", argument)) if argument.scalar() == Some("AWS::NoValue") => return None,
                _ => return Some(node),
            }
        }
        Some(node)
    }

    fn step(&self, depth: usize, node: &Node) -> Result<(), String> {
        self.steps.set(self.steps.get().saturating_add(1));
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS { Err(describe(node)) } else { Ok(()) }
    }

    fn text_at(&self, node: &Node, depth: usize) -> Result<String, String> {
        self.step(depth, node)?;
        let Some((name, argument)) = intrinsic(node) else {
            return node.scalar().map(str::to_owned).ok_or_else(|| describe(node));
        };
        let unresolved = || describe(node);
        match name {
            "Ref" => self.parameter(argument.scalar().ok_or_else(unresolved)?).ok_or_else(unresolved),
            "Sub" => {
                let (pattern, variables) = match argument.items() {
                    [] => (argument.scalar().ok_or_else(unresolved)?, None),
                    [pattern, variables, ..] => (pattern.scalar().ok_or_else(unresolved)?, Some(variables)),
                    [pattern] => (pattern.scalar().ok_or_else(unresolved)?, None),
                };
                self.substitute(pattern, variables.map(|node| &**node), depth).ok_or_else(unresolved)
            }
            "Join" => {
                let [separator, parts] = argument.items() else { return Err(unresolved()) };
                let separator = separator.scalar().unwrap_or_default();
                let mut text = String::new();
                for (index, part) in self.list(parts, depth + 1).ok_or_else(unresolved)?.into_iter().enumerate() {
                    if index > 0 {
                        text.push_str(separator);
                    }
                    text.push_str(&part);
                    if text.len() > MAX_TEXT {
                        return Err(unresolved());
                    }
                }
                Ok(text)
            }
            "Select" => {
                let [index, list] = argument.items() else { return Err(unresolved()) };
                let index: usize = self.text_at(index, depth + 1)?.parse().map_err(|_| unresolved())?;
                self.list(list, depth + 1).and_then(|list| list.into_iter().nth(index)).ok_or_else(unresolved)
            }
            "FindInMap" => {
                let mut node = self.template.get("Mappings").ok_or_else(unresolved)?;
                for key in argument.items().iter().take(3) {
                    let key = self.text_at(key, depth + 1)?;
                    node = node.get(&key).ok_or_else(unresolved)?;
                }
                node.text().map(str::to_owned).ok_or_else(unresolved)
            }
            "If" => {
                let [condition, yes, no] = argument.items() else { return Err(unresolved()) };
                match condition.scalar().and_then(|name| self.condition(name, depth + 1)) {
                    Some(holds) => self.text_at(if holds { yes } else { no }, depth + 1),
                    None => Err(unresolved()),
                }
            }
            // GetAtt, ImportValue, Base64, Transform …: known at deployment only.
            _ => Err(unresolved()),
        }
    }

    fn list(&self, node: &Node, depth: usize) -> Option<Vec<String>> {
        self.step(depth, node).ok()?;
        match intrinsic(node) {
            None => node.items().iter().map(|item| self.text_at(item, depth + 1).ok()).collect(),
            Some(("Split", argument)) => {
                let [separator, text] = argument.items() else { return None };
                let separator = separator.scalar().filter(|separator| !separator.is_empty())?;
                Some(self.text_at(text, depth + 1).ok()?.split(separator).map(str::to_owned).collect())
            }
            // A parameter of type CommaDelimitedList.
            Some(("Ref", argument)) => {
                Some(self.parameter(argument.scalar()?)?.split(',').map(|part| part.trim().to_owned()).collect())
            }
            Some(_) => None,
        }
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let default = self.template.get("Parameters")?.get(name)?.get("Default")?;
        default.text().map(str::to_owned).or_else(|| default.is_null().then(String::new))
    }

    /// Replaces `${Name}`; none when a name is not known. `${!Name}` is the text `${Name}`.
    fn substitute(&self, pattern: &str, variables: Option<&Node>, depth: usize) -> Option<String> {
        let mut text = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                text.push_str("${");
                rest = after;
                continue;
            };
            if let Some(literal) = name.strip_prefix('!') {
                text.push_str("${");
                text.push_str(literal);
                text.push('}');
            } else {
                let name = name.trim();
                let value = match variables.and_then(|variables| variables.get(name)) {
                    Some(node) => self.text_at(node, depth + 1).ok()?,
                    None => self.parameter(name)?,
                };
                text.push_str(&value);
            }
            if text.len() > MAX_TEXT {
                return None;
            }
            rest = after;
        }
        text.push_str(rest);
        Some(text)
    }

    fn condition(&self, name: &str, depth: usize) -> Option<bool> {
        self.holds(self.template.get("Conditions")?.get(name)?, depth + 1)
    }

    fn holds(&self, node: &Node, depth: usize) -> Option<bool> {
        self.step(depth, node).ok()?;
        match intrinsic(node)? {
            ("Equals", argument) => {
                let [left, right] = argument.items() else { return None };
                Some(self.text_at(left, depth + 1).ok()? == self.text_at(right, depth + 1).ok()?)
            }
            ("Not", argument) => Some(!self.holds(argument.items().first()?, depth + 1)?),
            ("And", argument) => {
                let parts: Vec<Option<bool>> = argument.items().iter().map(|n| self.holds(n, depth + 1)).collect();
                if parts.contains(&Some(false)) {
                    Some(false)
                } else {
                    parts.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            ("Or", argument) => {
                let parts: Vec<Option<bool>> = argument.items().iter().map(|n| self.holds(n, depth + 1)).collect();
                if parts.contains(&Some(true)) {
                    Some(true)
                } else {
                    parts.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            ("Condition", argument) => self.condition(argument.scalar()?, depth + 1),
            _ => None,
        }
    }
}
