//! Names in the source: which a function binds ([`scope`]), what people call a value or an exception.
//!
//! Used by the interface and by the memory model, so that both say the same names. Depends on `calls` (definitions) only.

pub mod scope;

use ruff_python_ast::Expr as Ast;

use crate::expression::Text;

pub use scope::Names;

/// A Python identifier after the last names of a piece of source: `os.path.getsize(path)` → `getsize`.
pub fn hint_from_text(text: &str) -> String {
    let head = text.split(['(', '\n']).next().unwrap_or(text);
    let words: Vec<String> = head
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty() && !word.chars().next().is_some_and(char::is_numeric))
        .map(snake_case)
        .collect();
    match words.last() {
        Some(last) => last.clone(),
        None => "value".to_owned(),
    }
}

/// `GetObject` → `get_object`.
pub fn snake_case(word: &str) -> String {
    let mut out = String::new();
    let mut previous_lower = false;
    for c in word.chars() {
        if c.is_uppercase() && previous_lower {
            out.push('_');
        }
        previous_lower = c.is_lowercase() || c.is_numeric();
        out.extend(c.to_lowercase());
    }
    let trimmed = out.trim_matches('_');
    if trimmed.is_empty() { "value".to_owned() } else { trimmed.to_owned() }
}

/// The name of an exception as the source has it, its arguments left out.
pub fn exception_name(expr: &Ast) -> Text {
    match expr {
        Ast::Name(name) => Text::from(name.id.as_str()),
        Ast::Attribute(attribute) => Text::from(attribute.attr.as_str()),
        Ast::Call(call) => exception_name(&call.func),
        _ => Text::from("Exception"),
    }
}
