//! The listing's memory section as Markdown, and its place in a readme: between two markers.

use super::document::{Basis, Function, Listing, Number};
use crate::check::report::bytes;

/// The marker before the section.
pub const BEGIN: &str = "<!-- meminterface listing: begin -->";
/// The marker behind it.
pub const END: &str = "<!-- meminterface listing: end -->";

/// Ways through a function that a page shows.
const MOST_WAYS: usize = 8;

/// A text of at most 200 characters.
fn short(text: &str) -> String {
    if text.chars().count() <= 200 { text.to_owned() } else { text.chars().take(199).chain(['…']).collect() }
}

fn clean(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A text as code, whatever it holds.
fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", text.replace('|', "\\|"))
}

fn number(number: Option<&Number>, write: impl Fn(f64) -> String) -> String {
    match number {
        Some(Number { value: Some(value), basis, .. }) => format!("{} ({})", write(*value), basis.word()),
        Some(Number { value: None, note: Some(note), .. }) => format!("not known: {}", clean(note)),
        Some(Number { value: None, note: None, .. }) | None => "not known".to_owned(),
    }
}

/// The section, without markers.
pub fn section(listing: &Listing) -> String {
    let mut out = String::from("## Memory\n\n");
    out.push_str(
        "Each number says how it is known: *measured* by running this function, *learned* from runs of other code \
         (contracts of libraries, footprints of imports, sizes of Python's objects), or *assumed*.\n",
    );
    for function in &listing.functions {
        out.push('\n');
        out.push_str(&of_function(function));
    }
    if !listing.contracts.is_empty() {
        let names: Vec<String> = listing
            .contracts
            .iter()
            .map(|one| match &one.versions {
                Some(versions) => format!("{} {versions}", one.library),
                None => one.library.clone(),
            })
            .collect();
        out.push_str(&format!("\nContracts: meminterface {} ({}).\n", listing.tool_version, clean(&names.join(", "))));
    } else {
        out.push_str(&format!("\nWritten by meminterface {}.\n", listing.tool_version));
    }
    out
}

fn of_function(function: &Function) -> String {
    let mut out = format!("### {}\n\n", clean(&function.name));
    let mb = |value: f64| format!("{value:.0} MB");
    let usd = |value: f64| format!("${value:.2}");
    out.push_str("| | |\n| --- | --- |\n");
    let mut row = |name: &str, value: String| out.push_str(&format!("| {name} | {value} |\n"));
    let setting = number(function.setting.recommended_mb.as_ref(), mb);
    row("recommended setting", format!("{setting}; headroom {} %", function.setting.headroom_percent));
    if let Some(template) = function.setting.template_mb {
        row("the template's setting", format!("{template} MB"));
    }
    row("before the first request", number(function.baseline_bytes.as_ref(), |value| bytes(value.max(0.0) as u64)));
    row("cold start", number(function.cold_start_ms.as_ref(), |value| format!("{value:.0} ms")));
    row("a million requests", number(function.cost_per_million_usd.as_ref(), usd));
    let shown = |formula: &super::document::Formula| match (&formula.bytes, &formula.growth) {
        (Some(text), _) if text.chars().count() <= 400 => format!("{} bytes (learned)", code(text)),
        (_, Some(growth)) if growth.chars().count() <= 200 => format!("in the order of {} (learned)", code(growth)),
        _ if function.complete => "a long formula: see the interface".to_owned(),
        _ => "not known: the function was not followed to its end".to_owned(),
    };
    row("peak", shown(&function.peak));
    row("resident peak", shown(&function.resident_peak));
    row("requested in all", shown(&function.demand));
    row("stays behind", shown(&function.retained));
    if !function.drivers.is_empty() {
        let all: Vec<String> = function.drivers.iter().take(5).map(|driver| code(driver)).collect();
        row("driven by", all.join(", "));
    }
    if let Some(tested) = &function.tested {
        row(
            "tested with",
            format!(
                "{} events, {} to {} (measured)",
                tested.events,
                bytes(tested.least_bytes),
                bytes(tested.most_bytes)
            ),
        );
    }
    row(
        "validated",
        match &function.validation {
            Some(record) => {
                let held = match (record.passed, record.proven) {
                    (true, true) => "held",
                    (true, false) | (false, false) => "not proven",
                    (false, true) => "did not hold",
                };
                let setting = record.recommended_mb.map_or_else(String::new, |mb| format!("{mb} MB "));
                let smallest = record
                    .smallest_surviving_mb
                    .map_or_else(String::new, |mb| format!("; smallest that survives {mb} MB"));
                let error = record.error.map_or_else(String::new, |error| {
                    format!("; predictions off by {:.0} % at the most", error * 100.0)
                });
                format!(
                    "{}, Linux {}, Python {}, {} events: {setting}{held}{smallest}{error} (measured)",
                    record.date,
                    clean(&record.kernel),
                    clean(&record.python),
                    record.events
                )
            }
            None => "no".to_owned(),
        },
    );
    if function.sizes.iter().any(|size| size.peak_bytes.is_some() || size.footprint_bytes.is_some()) {
        out.push_str("\n| inputs | peak | footprint | time | a million requests |\n| --- | --- | --- | --- | --- |\n");
        for size in &function.sizes {
            let basis = size.basis.map_or("", |basis| if basis == Basis::Assumed { " (assumed)" } else { "" });
            let inputs = if size.inputs.is_empty() { String::new() } else { format!(": {}", clean(&size.inputs)) };
            out.push_str(&format!(
                "| {}{inputs}{basis} | {} | {} | {} | {} |\n",
                size.name,
                number(size.peak_bytes.as_ref(), |value| bytes(value.max(0.0) as u64)),
                number(size.footprint_bytes.as_ref(), |value| bytes(value.max(0.0) as u64)),
                number(size.duration_ms.as_ref(), |value| format!("{value:.1} ms")),
                number(size.cost_per_million_usd.as_ref(), usd),
            ));
        }
    }
    if !function.ways.is_empty() {
        out.push_str("\n<details><summary>Ways through it</summary>\n\n");
        for way in function.ways.iter().take(MOST_WAYS) {
            let when = if way.conditions.is_empty() {
                "always".to_owned()
            } else {
                way.conditions.iter().map(|condition| code(&short(condition))).collect::<Vec<_>>().join(" and ")
            };
            out.push_str(&format!("- {when}: {}\n", code(&short(&way.words))));
        }
        if function.more_ways || function.ways.len() > MOST_WAYS {
            out.push_str("- … and more\n");
        }
        out.push_str("\n</details>\n");
    }
    if !function.unknown.is_empty() {
        out.push_str("\n<details><summary>Not known</summary>\n\n");
        for one in function.unknown.iter().take(20) {
            let place = if one.line == 0 { String::new() } else { format!(" ({}:{})", clean(&one.file), one.line) };
            out.push_str(&format!("- {}{place}: {}\n", code(&one.name), clean(&one.cause)));
        }
        out.push_str("\n</details>\n");
    }
    if let Some(file) = &function.interface_file {
        out.push_str(&format!("\nInterface: [{}]({})\n", clean(file), file.replace(' ', "%20").replace(')', "%29")));
    }
    out
}

/// A readme with the section between its markers; at its end if it has none. `None` if the markers are not in order.
pub fn insert(readme: &str, section: &str) -> Option<String> {
    let ending = if readme.contains("\r\n") { "\r\n" } else { "\n" };
    let section = format!("{BEGIN}\n{}\n{END}", section.trim_end()).replace('\n', ending);
    let count = |marker: &str| readme.matches(marker).count();
    match (count(BEGIN), count(END)) {
        (0, 0) => {
            let gap = if readme.is_empty() {
                String::new()
            } else if readme.ends_with('\n') {
                ending.to_owned()
            } else {
                ending.repeat(2)
            };
            Some(format!("{readme}{gap}{section}{ending}"))
        }
        (1, 1) => {
            let (head, rest) = readme.split_once(BEGIN)?;
            let (_, tail) = rest.split_once(END)?;
            Some(format!("{head}{section}{tail}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, insert};

    #[test]
    fn the_section_goes_between_its_markers() {
        let once = insert("# App\n", "one").unwrap_or_default();
        assert_eq!(once, format!("# App\n\n{BEGIN}\none\n{END}\n"));
        let twice = insert(&(once + "more\n"), "two").unwrap_or_default();
        assert_eq!(twice, format!("# App\n\n{BEGIN}\ntwo\n{END}\nmore\n"));
        assert_eq!(insert(BEGIN, "x"), None);
        assert_eq!(insert(&format!("{END}{BEGIN}"), "x"), None);
        assert_eq!(insert("a\r\n", "x"), Some(format!("a\r\n\r\n{BEGIN}\r\nx\r\n{END}\r\n")));
    }
}
