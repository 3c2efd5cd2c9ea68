//! A [`Report`] as text, SARIF, GitHub annotations, JUnit and Markdown.

use serde_json::{Value, json};

use super::compare::{Change, Direction};
use super::report::{Report, Rule, Status, Verdict};
use crate::diagnostic::{Diagnostic, Kind, RenderOptions, Span, render};

/// Gives a line of a file, for excerpts.
pub type Lines<'a> = &'a dyn Fn(&str, u32) -> Option<String>;

/// Changes that a text or a comment shows; of more, their number.
const MOST_CHANGES: usize = 40;

fn diagnostic(verdict: &Verdict, lines: Lines<'_>) -> Diagnostic {
    let kind = if verdict.status == Status::Broken { Kind::OverBudget } else { Kind::UndecidedBudget };
    let mut help = format!("the budget is at {}:{}", verdict.budget_file, verdict.budget_line);
    if let Some(reason) = &verdict.reason {
        help.push_str(&format!(": {reason}"));
    }
    let text = format!("{}: {}", verdict.name, verdict.message);
    let diagnostic = Diagnostic::new(kind, text).in_file(&verdict.file).help(help);
    match lines(&verdict.file, verdict.line) {
        Some(line) => {
            let indent = line.len() - line.trim_start().len();
            let column = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).saturating_add(1);
            let end = line.trim_end().chars().count().max(indent);
            let span =
                Span { line: verdict.line, column: column(indent), end_line: verdict.line, end_column: column(end) };
            diagnostic.at(span).excerpt(line)
        }
        None => diagnostic.at(Span::point(verdict.line, 1)),
    }
}

/// For people: what is broken with its source, what is undecided, what changed, and a last line that sums up.
pub fn text(report: &Report, lines: Lines<'_>) -> String {
    let mut out = String::new();
    for verdict in report.of(Status::Broken).chain(report.of(Status::Undecided)) {
        out.push_str(&render(&diagnostic(verdict, lines), RenderOptions::default()));
    }
    if let Some(since) = &report.since {
        if report.changes.is_empty() {
            out.push_str(&format!("nothing changed since {since}\n"));
        } else {
            out.push_str(&format!("changed since {since}:\n"));
        }
        for change in report.changes.iter().take(MOST_CHANGES) {
            out.push_str(&format!("  {} {}\n", sign(change), change.text()));
        }
        if report.changes.len() > MOST_CHANGES {
            out.push_str(&format!("  … and {} more\n", report.changes.len() - MOST_CHANGES));
        }
    }
    out.push_str(&summary(report));
    out.push('\n');
    out
}

fn sign(change: &Change) -> &'static str {
    match change.direction {
        Direction::More | Direction::Added => "+",
        Direction::Less | Direction::Removed => "-",
        Direction::Unknown => "?",
        Direction::Different => "~",
    }
}

fn count(number: usize, one: &str, several: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {several}") }
}

fn summary(report: &Report) -> String {
    let mut parts = vec![count(report.functions, "function", "functions")];
    if !report.verdicts.is_empty() {
        let of = |status| report.of(status).count();
        parts.push(format!("{} broken", count(of(Status::Broken), "limit", "limits")));
        if of(Status::Undecided) > 0 {
            parts.push(format!("{} undecided", of(Status::Undecided)));
        }
        parts.push(format!("{} kept", of(Status::Passed)));
    }
    if report.since.is_some() {
        parts.push(count(report.changes.len(), "change", "changes"));
    }
    parts.join(", ")
}

/// SARIF 2.1.0 (OASIS), for code scanning.
pub fn sarif(report: &Report) -> String {
    let rules: Vec<Value> = Rule::ALL
        .iter()
        .map(|rule| {
            let level = if *rule == Rule::Change { "note" } else { "error" };
            json!({
                "id": format!("memory-{}", rule.id()),
                "name": format!("Memory{}", camel(rule.id())),
                "shortDescription": {"text": format!("Memory: {}", rule.title())},
                "fullDescription": {"text": rule.explanation()},
                "help": {"text": rule.explanation()},
                "defaultConfiguration": {"level": level},
            })
        })
        .collect();
    let index = |rule: Rule| Rule::ALL.iter().position(|one| *one == rule).unwrap_or(0);
    let result = |rule: Rule, level: &str, message: String, file: &str, line: u32, key: String| {
        json!({
            "ruleId": format!("memory-{}", rule.id()),
            "ruleIndex": index(rule),
            "level": level,
            "message": {"text": message},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(file)},
                    "region": {"startLine": line.max(1)},
                },
            }],
            "partialFingerprints": {"meminterface/v1": key},
        })
    };
    let verdicts = report.of(Status::Broken).chain(report.of(Status::Undecided)).map(|verdict| {
        let level = if verdict.status == Status::Broken { "error" } else { "warning" };
        let message = format!("{}: {}.", verdict.name, verdict.message);
        let inputs = verdict.inputs.as_deref().unwrap_or("");
        let key = format!("{}/{}/{inputs}", verdict.function, verdict.rule.id());
        result(verdict.rule, level, message, &verdict.file, verdict.line, key)
    });
    let changes = report.changes.iter().filter(|change| change.direction != Direction::Removed).map(|change| {
        let (file, line) = change.from.as_ref().map_or((&change.file, change.line), |from| (&from.file, from.line));
        let key = format!("{}/change/{}", change.function, change.quantity);
        result(Rule::Change, "note", format!("{}.", change.text()), file, line, key)
    });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "meminterface",
                "semanticVersion": report.tool_version,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": verdicts.chain(changes).collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn camel(id: &str) -> String {
    id.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        })
        .collect()
}

/// A relative path as a URI reference (RFC 3986): what is not allowed there as `%XX`.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' | b'=' | b',' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Workflow commands of GitHub Actions, a line each.
pub fn github(report: &Report) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for verdict in report.of(Status::Broken).chain(report.of(Status::Undecided)) {
        let (command, what) =
            if verdict.status == Status::Broken { ("error", "over budget") } else { ("warning", "not decided") };
        out.push_str(&format!(
            "::{command} file={},line={},title={}::{}\n",
            property(&verdict.file),
            verdict.line.max(1),
            property(&format!("{} {what}", verdict.rule.title())),
            data(&format!("{}: {}", verdict.name, verdict.message))
        ));
    }
    for change in report.changes.iter().filter(|change| change.direction != Direction::Removed).take(MOST_CHANGES) {
        let (file, line) = change.from.as_ref().map_or((&change.file, change.line), |from| (&from.file, from.line));
        out.push_str(&format!(
            "::notice file={},line={},title={}::{}\n",
            property(file),
            line.max(1),
            property("memory changed"),
            data(&change.text())
        ));
    }
    out
}

/// Text within XML; what XML 1.0 cannot hold is left out.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if u32::from(c) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

/// JUnit: a suite a function, a case a limit. Undecided limits are skipped cases.
pub fn junit(report: &Report) -> String {
    let mut functions: Vec<&str> = report.verdicts.iter().map(|verdict| verdict.function.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    let counts = |of: &[&Verdict]| {
        let number = |status| of.iter().filter(|verdict| verdict.status == status).count();
        format!(
            "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
            of.len(),
            number(Status::Broken),
            number(Status::Undecided)
        )
    };
    let all: Vec<&Verdict> = report.verdicts.iter().collect();
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meminterface\" {}>\n", counts(&all));
    for function in functions {
        let mine: Vec<&Verdict> = all.iter().copied().filter(|verdict| verdict.function == function).collect();
        out.push_str(&format!("  <testsuite name=\"{}\" {}>\n", xml(function), counts(&mine)));
        for verdict in mine {
            let inputs = verdict.inputs.as_ref().map_or_else(String::new, |inputs| format!(" for {inputs}"));
            out.push_str(&format!(
                "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\"",
                xml(&verdict.name),
                xml(&format!("{} at most {}{inputs}", verdict.rule.title(), verdict.limit)),
                xml(&verdict.file),
                verdict.line
            ));
            let place = format!("{}:{}", verdict.file, verdict.line);
            match verdict.status {
                Status::Passed => out.push_str("/>\n"),
                Status::Broken => out.push_str(&format!(
                    ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
                    verdict.rule.id(),
                    xml(&verdict.message),
                    xml(&place)
                )),
                Status::Undecided => out
                    .push_str(&format!(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(&verdict.message))),
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The first line of a comment, by which a bot finds the one to replace.
pub const MARKER: &str = "<!-- meminterface check -->";

/// A cell of a table, or a line, of Markdown: formulas as code, nothing that Markdown or HTML would act on.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// A comment for a pull request: nothing if there is nothing to say. With `update` it begins with [`MARKER`].
pub fn markdown(report: &Report, update: bool) -> String {
    let broken: Vec<&Verdict> = report.of(Status::Broken).collect();
    let undecided: Vec<&Verdict> = report.of(Status::Undecided).collect();
    if broken.is_empty() && report.changes.is_empty() {
        return String::new();
    }
    let mut out = if update { format!("{MARKER}\n") } else { String::new() };
    let title = match broken.len() {
        0 => "Memory changed".to_owned(),
        1 => "Memory: 1 limit is broken".to_owned(),
        more => format!("Memory: {more} limits are broken"),
    };
    out.push_str(&format!("### {title}\n\n"));
    for verdict in broken.iter().take(MOST_CHANGES) {
        out.push_str(&format!(
            "- :x: {} {} ({}:{})\n",
            code(&verdict.name),
            cell(&verdict.message),
            cell(&verdict.file),
            verdict.line
        ));
    }
    if !broken.is_empty() && !report.changes.is_empty() {
        out.push('\n');
    }
    if !report.changes.is_empty() {
        out.push_str("| | function | | before | now | from |\n| --- | --- | --- | --- | --- | --- |\n");
        let row = |change: &Change| {
            let option = |text: &Option<String>| text.as_deref().map_or_else(String::new, code);
            let from = change
                .from
                .as_ref()
                .map_or_else(String::new, |from| format!("{}:{} {}", cell(&from.file), from.line, code(&from.what)));
            format!(
                "| {} | {} | {} | {} | {} | {from} |\n",
                sign(change),
                code(&change.name),
                cell(&change.quantity),
                option(&change.before),
                option(&change.after)
            )
        };
        const SHORT: usize = 5;
        for change in report.changes.iter().take(SHORT) {
            out.push_str(&row(change));
        }
        if report.changes.len() > SHORT {
            out.push_str(&format!("\n<details><summary>{} more</summary>\n\n", report.changes.len() - SHORT));
            out.push_str("| | function | | before | now | from |\n| --- | --- | --- | --- | --- | --- |\n");
            // A comment of GitHub has at most 65,536 characters.
            for change in report.changes.iter().skip(SHORT) {
                if out.len() > 50_000 {
                    out.push_str("| … | | | | | |\n");
                    break;
                }
                out.push_str(&row(change));
            }
            out.push_str("\n</details>\n");
        }
    }
    if !undecided.is_empty() {
        out.push_str(&format!(
            "\n<details><summary>{}</summary>\n\n",
            count(undecided.len(), "limit is not decided", "limits are not decided")
        ));
        for verdict in undecided.iter().take(MOST_CHANGES) {
            out.push_str(&format!("- {} {}\n", code(&verdict.name), cell(&verdict.message)));
        }
        out.push_str("\n</details>\n");
    }
    out.push_str(&format!("\n<sub>{}", summary(report)));
    if let Some(since) = &report.since {
        out.push_str(&format!(", since {}", cell(since)));
    }
    out.push_str("</sub>\n");
    out
}
