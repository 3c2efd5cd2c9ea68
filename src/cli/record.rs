//! `measure --record-mcvs`: the values of memory-critical variables from a run, as a workload.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::interface::{self, ExtractOptions};
use crate::measure::{self, Cancelled, Plan, Point};
use crate::project::discover::Handler;
use crate::project::source::with_stack;
use crate::workload::{Recorded, Table, Writer};

/// Most values of a variable that are written: of more, those at equal distances.
const MOST: usize = 1000;

/// Runs the events once more and writes what was noted, as TOML.
///
/// # Errors
/// Those of reading the handler, and of [`measure::record`].
pub fn workload(plan: &Plan, handler: &Handler, cancelled: Cancelled<'_>) -> Result<String, Diagnostic> {
    let (mut interfaces, diagnostics) = with_stack(|| interface::extract(&[handler], &ExtractOptions::default()));
    let Some(interface) = interfaces.pop() else {
        let none = Diagnostic::new(crate::diagnostic::Kind::NoHandler, "has no interface").in_file(&handler.file);
        return Err(diagnostics.into_iter().find(Diagnostic::is_error).unwrap_or(none));
    };
    let mcvs: Vec<_> = interface.mcvs.iter().collect();
    let all: Vec<Point> = mcvs
        .iter()
        .map(|mcv| Point {
            file: std::path::absolute(&mcv.file).unwrap_or_else(|_| mcv.file.clone().into()),
            line: mcv.line,
            kind: word(&mcv.kind),
            meaning: mcv.meaning.clone(),
            values: mcv.values.clone(),
        })
        .collect();
    // A place that is reached in two ways has a variable for each; what is noted there is noted for both.
    let mut points: Vec<Point> = Vec::new();
    let mut place_of: Vec<usize> = Vec::new();
    for point in all {
        let same = |known: &Point| {
            (&known.file, known.line, &known.kind, &known.meaning)
                == (&point.file, point.line, &point.kind, &point.meaning)
        };
        match points.iter().position(same) {
            Some(at) => place_of.push(at),
            None => {
                place_of.push(points.len());
                points.push(point);
            }
        }
    }
    let found = measure::record(plan, &points, cancelled)?;
    let mut writer = Writer::new(&format!(
        "Values of memory-critical variables, recorded by `meminterface measure --record-mcvs` from {} events of {}.",
        plan.events.len(),
        handler.name()
    ));
    let mut missing = Vec::new();
    for (mcv, number) in mcvs.iter().zip(place_of) {
        let values = found.values.get(&number).map_or(&[][..], Vec::as_slice);
        if values.is_empty() {
            let why = found.why.get(&number).map_or("it was not reached", String::as_str);
            missing.push(format!("{}: {why}", mcv.name));
            continue;
        }
        let count = found.counts.get(&number).copied().unwrap_or(0);
        let place = format!("{}:{}", mcv.file, mcv.line);
        let step = values.len().div_ceil(MOST).max(1);
        let kept = values.iter().step_by(step);
        let none = values.iter().filter(|value| value.is_null()).count();
        let recorded = Recorded {
            none: (none > 0).then(|| none as f64 / values.len() as f64),
            lengths: kept.clone().filter_map(|value| value.get("len").and_then(Value::as_u64)).collect(),
            values: kept.filter(|value| !value.is_null() && !value.is_object()).cloned().collect(),
        };
        let about = format!("{} ({place}); {count} values", mcv.meaning);
        writer.entry(Table::Mcvs, &mcv.name, &[about], &recorded);
    }
    if !missing.is_empty() {
        writer.blank();
        writer.comment("Not recorded:");
        missing.iter().for_each(|line| writer.comment(line));
    }
    Ok(writer.finish())
}

/// A kind as the interface's JSON says it.
fn word(kind: &impl serde::Serialize) -> String {
    serde_json::to_value(kind).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
