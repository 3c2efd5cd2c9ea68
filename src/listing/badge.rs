//! The badge of a function: what it needs, as a small SVG drawing that loads nothing.

use super::document::Function;
use crate::check::report::bytes;

/// Width of a text in Verdana of 11 px, by kinds of characters (measured in steps of half a pixel).
fn width(text: &str) -> f64 {
    text.chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | ' ' | '·' => 4.0,
            'm' | 'w' | 'M' | 'W' => 10.5,
            c if c.is_uppercase() => 8.0,
            _ => 7.0,
        })
        .sum()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a badge says: `peak 118 MB · 256 MB · $2.31 per million`; parts that are not known are left out.
pub fn words(function: &Function) -> String {
    let mut parts = Vec::new();
    let largest = function.sizes.iter().filter_map(|size| size.footprint_bytes.as_ref()?.value).fold(0.0, f64::max);
    if largest > 0.0 {
        parts.push(format!("peak {}", bytes(largest as u64).replace(".0 ", " ")));
    }
    if let Some(mb) = function.setting.recommended_mb.as_ref().and_then(|number| number.value) {
        parts.push(format!("{mb:.0} MB"));
    }
    if let Some(usd) = function.cost_per_million_usd.as_ref().and_then(|number| number.value) {
        parts.push(format!("${usd:.2} per million"));
    }
    if parts.is_empty() { "memory not known".to_owned() } else { parts.join(" · ") }
}

/// The drawing.
pub fn svg(function: &Function) -> String {
    let (label, value) = ("memory", words(function));
    let (left, right) = (width(label) + 12.0, width(&value) + 12.0);
    let total = left + right;
    let known = function.setting.recommended_mb.as_ref().and_then(|number| number.value).is_some();
    let colour = if known { "#2a6f97" } else { "#777" };
    let (label, value) = (escape(label), escape(&value));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total:.0}\" height=\"20\" role=\"img\" aria-label=\"{label}: {value}\">\n\
         <title>{label}: {value}</title>\n\
         <rect width=\"{total:.0}\" height=\"20\" rx=\"3\" fill=\"#444\"/>\n\
         <path d=\"M{left:.1} 0h{inner:.1}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{inner:.1}z\" fill=\"{colour}\"/>\n\
         <g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">\n\
         <text x=\"{x:.1}\" y=\"14\">{label}</text>\n<text x=\"{y:.1}\" y=\"14\">{value}</text>\n</g>\n</svg>\n",
        inner = right - 3.0,
        x = left / 2.0,
        y = left + right / 2.0,
    )
}
