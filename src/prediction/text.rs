//! Predictions for people.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::document::{Amounts, Whole, document, written};
use super::exceeds::{Boundary, InputLimit};
use super::{Method, Prediction};
use crate::diagnostic::shortened;
use crate::formula::Formula;
use crate::memory::predict::Outcome;

/// Lines of an explanation that are shown; of more, the JSON has all.
const MOST_LINES: usize = 20;

/// Widest bar of a histogram.
const BAR: usize = 40;

/// One of a run's formulas.
type Pick = fn(&Outcome) -> &Formula;

impl Prediction {
    /// The prediction in lines.
    pub fn to_text(&self) -> String {
        let outcome = &self.outcome;
        let mut text = format!("{} ({})\n", self.handler, self.file);
        if let Some(event) = &self.event {
            text.push_str(&format!("  event {event}\n"));
        }
        match &self.sampled {
            Some(_) => text.push_str(&self.sampled_text()),
            None => text.push_str(&self.amounts_text()),
        }
        text.push_str(&self.lines_text());
        text.push_str(&self.exceeds_text());
        let unknown: Vec<_> = match &self.sampled {
            Some(sampled) => sampled.open.iter().collect(),
            None => outcome.unknown_of(&[&outcome.peak]).collect(),
        };
        if !unknown.is_empty() {
            text.push_str("  not known:\n");
            for one in unknown {
                if one.line == 0 {
                    text.push_str(&format!("    {}: {}\n", one.name, one.cause));
                    continue;
                }
                text.push_str(&format!(
                    "    {} ({}:{}): {}; pass --mcv {}=…\n",
                    one.name, one.file, one.line, one.cause, one.name
                ));
            }
        }
        for (file, line, what) in &outcome.growth {
            text.push_str(&format!("  grows: {file}:{line}: {what}\n"));
        }
        for assumption in document(self).assumptions {
            text.push_str(&format!("  assumed: {assumption}\n"));
        }
        text
    }

    fn amounts_text(&self) -> String {
        let rows: [(&str, Pick); 4] = [
            ("demand", |outcome| &outcome.demand),
            ("peak, requested", |outcome| &outcome.peak),
            ("peak, resident", |outcome| &outcome.resident_peak),
            ("retained", |outcome| &outcome.retained),
        ];
        let mut text = String::new();
        for (name, of) in rows {
            let formula = of(&self.outcome);
            let value = match self.range(of) {
                (Some(low), _, Some(high)) if low == high => people(&low),
                (Some(low), Some(expected), Some(high)) => {
                    format!("{}, from {} to {}", people(&expected), people(&low), people(&high))
                }
                (Some(low), None, Some(high)) => format!("{} to {}", people(&low), people(&high)),
                (Some(low), _, None) => format!("{} or more: {}", people(&low), shown(formula)),
                (None, ..) => shown(formula),
            };
            text.push_str(&format!("  {name:<16} {value}\n"));
        }
        text.push_str(&self.base_text());
        let (low, expected, high) = self.footprint();
        let value = match (low, expected, high) {
            (_, Some(expected), Some(high)) => Some(format!("{}, at the most {}", people(&expected), people(&high))),
            (Some(low), None, Some(high)) => Some(format!("{} to {}", people(&low), people(&high))),
            // What depends on inputs is said above.
            (Some(_) | None, _, None) | (None, None, _) => None,
        };
        if let Some(value) = value {
            text.push_str(&format!("  {:<16} {value}\n", "footprint"));
        }
        text
    }

    fn base_text(&self) -> String {
        let held = self.baseline();
        let bytes = people(&held.high.unwrap_or(held.low).into());
        let missing = match self.process.missing.as_slice() {
            [] => String::new(),
            missing => format!(" and what is not known of: {}", missing.join(", ")),
        };
        format!("  {:<16} {bytes}{missing}, before the first event\n", "baseline")
    }

    fn sampled_text(&self) -> String {
        let Some(sampled) = &self.sampled else { return String::new() };
        let document = document(self);
        let how = match (sampled.method, sampled.off) {
            (Method::Runs, _) => "each different one run".to_owned(),
            (Method::Formula, Some(off)) => {
                format!("by formulas, which single runs agree with to {:.1} %", (off * 100.0).max(0.1))
            }
            (Method::Formula, None) => "by formulas".to_owned(),
        };
        let mut text = format!("  {} samples (seed {}), {how}\n", grouped(sampled.samples), sampled.seed);
        let names: Vec<String> =
            document.peak_bytes.quantiles.iter().flatten().map(|one| format!("{:>10}", one.name)).collect();
        text.push_str(&format!("  {:<16} {}   (MiB)\n", "", names.join(" ")));
        let row = |name: &str, amounts: &Amounts| {
            let cells: Vec<String> =
                amounts.quantiles.iter().flatten().map(|one| format!("{:>10}", mib(one.bytes.as_ref()))).collect();
            format!("  {name:<16} {}\n", cells.join(" "))
        };
        text.push_str(&row("demand", &document.demand_bytes));
        text.push_str(&row("peak, requested", &document.peak_bytes));
        text.push_str(&row("peak, resident", &document.resident_peak_bytes));
        let errors: Vec<String> = document
            .resident_peak_bytes
            .quantiles
            .iter()
            .flatten()
            .map(|one| {
                let cell = match (&one.from, &one.to) {
                    (Some(from), Some(to)) => format!("±{}", mib(Some(&Whole((&to.0 - &from.0 + 1) / 2)))),
                    _ => "-".to_owned(),
                };
                format!("{cell:>10}")
            })
            .collect();
        text.push_str(&format!(
            "  {:<16} {}   (of 20 such samplings 19 lie within)\n",
            "  its error",
            errors.join(" ")
        ));
        text.push_str(&row("retained", &document.retained_bytes));
        text.push_str(&self.base_text());
        text.push_str(&row("footprint", &document.footprint_bytes));
        // Where the baseline is not known, of the peak alone.
        let most = match (&document.footprint_bytes.max, &document.resident_peak_bytes.max) {
            (Some(footprint), _) => Some(("at the most", footprint)),
            (None, peak) => peak.as_ref().map(|peak| ("peak at the most", peak)),
        };
        if let Some((name, most)) = most {
            text.push_str(&format!("  {name:<16} {} with what allocators may keep beside\n", people(&most.0)));
        }
        let ranges = document.resident_peak_bytes.histogram.unwrap_or_default();
        if ranges.len() > 1 {
            text.push_str("  resident peak of the samples:\n");
            let most = ranges.iter().map(|range| range.count).max().unwrap_or(1).max(1);
            for range in ranges.iter().filter(|range| range.count > 0) {
                let bar = "#".repeat((range.count * BAR).div_ceil(most));
                text.push_str(&format!(
                    "    {:>10} to {:>10} MiB {:>9} {bar}\n",
                    mib(Some(&range.from)),
                    mib(Some(&range.to)),
                    range.count
                ));
            }
        }
        text
    }

    fn lines_text(&self) -> String {
        let lines = self.explanation();
        if lines.is_empty() {
            return String::new();
        }
        let mut text = String::from("  where the resident peak comes from:\n");
        for line in lines.iter().take(MOST_LINES) {
            let bytes = people(&line.resident_bytes.into());
            let place = match line.line {
                0 => String::new(),
                number => format!(" {}:{number}: {}", line.file, line.text),
            };
            let what = if line.what == "made here" { String::new() } else { format!(" ({})", line.what) };
            text.push_str(&format!("    {:>5.1} % {bytes}{place}{what}\n", line.share * 100.0));
        }
        if lines.len() > MOST_LINES {
            text.push_str(&format!("    and {} lines more (`--format json` has them)\n", lines.len() - MOST_LINES));
        }
        text
    }

    fn exceeds_text(&self) -> String {
        let Some(exceeds) = &self.exceeds else { return String::new() };
        let limit = people(&exceeds.limit_bytes);
        let mut text = match exceeds.room_bytes.sign() {
            num_bigint::Sign::Minus => format!("  exceeds {limit}: the baseline alone does\n"),
            _ => format!("  exceeds {limit} ({} above the baseline):\n", people(&exceeds.room_bytes)),
        };
        match exceeds.now {
            Some(true) => text.push_str("    as it stands\n"),
            Some(false) => text.push_str("    not as it stands\n"),
            None => {}
        }
        for one in &exceeds.inputs {
            text.push_str(&format!("    {}\n", self::limit(one)));
        }
        if exceeds.inputs.is_empty() && exceeds.now.is_none() {
            text.push_str("    nothing is known of it: no input has a boundary that can be told\n");
        }
        text
    }
}

/// The limit of an input in words.
pub(super) fn limit(limit: &InputLimit) -> String {
    let given = if limit.given.is_empty() { String::new() } else { format!(" ({})", limit.given) };
    let input = &limit.input;
    let number = |n: u64| grouped(usize::try_from(n).unwrap_or(usize::MAX));
    match &limit.boundary {
        Boundary::UpTo(n) => format!("{input} above {}{given}", number(*n)),
        Boundary::Uneven(n) => {
            format!("{input} above {}{given}; it does not grow steadily: other values may differ", number(*n))
        }
        Boundary::All(most) => format!("{input}: never, up to {}{given}", number(*most)),
        Boundary::None => format!("{input}: always, whatever its value{given}"),
        Boundary::Unknown(why) => format!("{input}: it cannot be told: {why}{given}"),
    }
}

/// Digits in groups of three.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn mib(bytes: Option<&Whole>) -> String {
    match bytes.and_then(|bytes| bytes.0.to_f64()) {
        Some(bytes) if bytes < 104_857.6 => format!("{:.4}", bytes / 1_048_576.0),
        Some(bytes) => format!("{:.1}", bytes / 1_048_576.0),
        None => "?".to_owned(),
    }
}

/// A formula for people.
fn shown(formula: &Formula) -> String {
    written(formula).map_or_else(|| "a formula too long to be written".to_owned(), shortened)
}

/// Bytes in a unit that people read.
fn people(bytes: &BigInt) -> String {
    let text = bytes.to_string();
    match text.parse::<f64>() {
        Ok(value) if value >= 1024.0 * 1024.0 => format!("{:.1} MiB ({text} bytes)", value / 1_048_576.0),
        _ => format!("{text} bytes"),
    }
}
