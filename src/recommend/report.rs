//! Recommendations for people.

use super::{Point, Recommendation};
use crate::diagnostic::shortened;

fn usd(value: f64) -> String {
    if value.abs() >= 0.01 { format!("{value:.2} USD") } else { format!("{value:.3e} USD") }
}

fn mb(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / super::MB)
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let count = digits.len();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (count - at).is_multiple_of(3) && digits.is_ascii() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Columns to the right, the first to the left.
fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|n| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (n, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let width = *width;
            line.push_str(&if n == 0 { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// One recommendation, whole.
pub fn text(found: &Recommendation) -> String {
    let mut text = format!("{} ({})\n", found.handler, found.file);
    let current = found.current_mb.map_or_else(String::new, |mb| format!(" (the template has {mb} MB)"));
    match found.memory_mb {
        Some(memory) => text.push_str(&format!("  recommended      {memory} MB{current}\n")),
        None => text.push_str(&format!("  recommended      nothing: what is not known decides{current}\n")),
    }
    if let Some(smallest) = found.smallest_mb.filter(|smallest| Some(*smallest) != found.memory_mb) {
        text.push_str(&format!("  smallest         {smallest} MB hold it; strategy `{}` takes more\n", found.strategy));
    }
    if let Some(footprint) = found.footprint_bytes {
        text.push_str(&format!(
            "  footprint        {} at the {}th percentile ({}), {} % headroom\n",
            mb(footprint),
            found.percentile,
            found.basis,
            found.headroom_percent
        ));
    }
    if let Some(baseline) = found.baseline_bytes {
        text.push_str(&format!("  baseline         {} before the first event\n", mb(baseline)));
    }
    if let Some(formula) = &found.formula {
        text.push_str(&format!("  peak above it    {}\n", shortened(formula.clone())));
    }
    for driver in &found.drivers {
        let bytes = driver.bytes.map_or_else(|| "?".to_owned(), mb);
        text.push_str(&format!("  of which         {bytes} {}: {}\n", driver.name, driver.meaning));
    }
    let mut inputs: Vec<(&str, &str)> =
        found.carries.iter().map(|carries| (carries.input.as_str(), carries.given.as_str())).collect();
    inputs.dedup();
    for (input, given) in inputs {
        let of_input =
            found.carries.iter().filter(|carries| (carries.input.as_str(), carries.given.as_str()) == (input, given));
        let settings: Vec<String> = of_input
            .map(|carries| match &carries.largest {
                Some(largest) => format!("{} at {} MB", grouped(largest), carries.memory_mb),
                None => format!("any value from {} MB on", carries.memory_mb),
            })
            .collect();
        let given = if given.is_empty() { String::new() } else { format!(" ({given})") };
        text.push_str(&format!("  fits up to       {input} = {}{given}\n", settings.join(", ")));
    }
    if let Some(costs) = &found.costs {
        text.push_str(&format!(
            "  cost             {} a million requests; {} a month at {} requests, {} % of them cold\n",
            usd(costs.million_usd),
            usd(costs.month_usd),
            costs.requests_per_month,
            costs.cold_start_rate * 100.0
        ));
        text.push_str(&format!(
            "  a request        {} warm, {} cold\n",
            usd(costs.warm_request_usd),
            usd(costs.cold_request_usd)
        ));
        if let Some(saved) = costs.saved_per_month_usd.filter(|saved| saved.abs() > 0.0) {
            let word = if saved > 0.0 { "saves" } else { "costs more" };
            text.push_str(&format!("  against it       {word} {} a month\n", usd(saved.abs())));
        }
        text.push('\n');
        let mut rows = vec![["memory MB", "warm ms", "init ms", "USD a million", ""].map(str::to_owned).to_vec()];
        for point in &found.curve {
            rows.push(vec![
                point.memory_mb.to_string(),
                number(point.duration_ms, 1),
                number(point.init_ms, 1),
                number(point.cost_per_million_usd, 2),
                mark(found, point).to_owned(),
            ]);
        }
        text.push_str(&columns(&rows));
    }
    for point in &found.tipping_points {
        text.push_str(&format!("  tips at {:>5} MB  {}\n", point.memory_mb, point.message));
    }
    if !found.unknown.is_empty() {
        text.push_str("  not known:\n");
        for one in &found.unknown {
            let place = if one.line > 0 { format!(" ({}:{})", one.file, one.line) } else { String::new() };
            text.push_str(&format!("    {}{place}: {}; {}\n", one.name, one.cause, one.resolve));
        }
    }
    for assumption in &found.assumptions {
        text.push_str(&format!("  assumed: {assumption}\n"));
    }
    text.push_str(&format!(
        "  limits and prices: {}, {}, as of {}\n",
        found.platform, found.architecture, found.prices_of
    ));
    text
}

fn mark(found: &Recommendation, point: &Point) -> &'static str {
    if Some(point.memory_mb) == found.memory_mb {
        "<- recommended"
    } else if point.fits == Some(false) {
        "does not fit"
    } else if Some(point.memory_mb) == found.current_mb {
        "the template's"
    } else {
        ""
    }
}

/// Several recommendations, a line each.
pub fn table(all: &[Recommendation]) -> String {
    let mut rows = vec![
        ["handler", "recommended MB", "template MB", "footprint MB", "USD a million", "saved a month", "not known"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let whole = |mb: Option<u64>| mb.map_or_else(|| "-".to_owned(), |mb| mb.to_string());
    for found in all {
        rows.push(vec![
            found.handler.clone(),
            whole(found.memory_mb),
            whole(found.current_mb),
            number(found.footprint_bytes.map(|bytes| bytes as f64 / super::MB), 1),
            number(found.costs.as_ref().map(|costs| costs.million_usd), 2),
            number(found.costs.as_ref().and_then(|costs| costs.saved_per_month_usd), 2),
            found.unknown.len().to_string(),
        ]);
    }
    columns(&rows)
}
