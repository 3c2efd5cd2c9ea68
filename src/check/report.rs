//! The result of a check: verdicts on budgets and changes since an earlier state. Every output is made from it.

use schemars::JsonSchema;
use serde::Serialize;

use super::compare::Change;
use crate::diagnostic::Schema;

/// What a limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// High-water mark of requested bytes.
    Peak,
    /// The part of the peak that is resident.
    ResidentPeak,
    /// Bytes requested, nothing reclaimed.
    Demand,
    /// Bytes that stay from one invocation to the next.
    Retained,
    /// What the process holds at the most.
    Footprint,
    /// Order of growth of the peak in an input.
    Growth,
    /// What is not known.
    Unknown,
    /// The recommended memory setting.
    Memory,
    /// USD of a million requests.
    Cost,
    /// A difference to an earlier state.
    Change,
}

impl Rule {
    /// All of them, in order.
    pub const ALL: [Rule; 10] = [
        Rule::Peak,
        Rule::ResidentPeak,
        Rule::Demand,
        Rule::Retained,
        Rule::Footprint,
        Rule::Growth,
        Rule::Unknown,
        Rule::Memory,
        Rule::Cost,
        Rule::Change,
    ];

    /// The id in outputs.
    pub fn id(self) -> &'static str {
        match self {
            Rule::Peak => "peak",
            Rule::ResidentPeak => "resident-peak",
            Rule::Demand => "demand",
            Rule::Retained => "retained",
            Rule::Footprint => "footprint",
            Rule::Growth => "growth",
            Rule::Unknown => "unknown",
            Rule::Memory => "memory",
            Rule::Cost => "cost",
            Rule::Change => "change",
        }
    }

    /// For people, at the start of a sentence's subject.
    pub fn title(self) -> &'static str {
        match self {
            Rule::ResidentPeak => "resident peak",
            other => other.id(),
        }
    }

    /// What breaking it means.
    pub fn explanation(self) -> &'static str {
        match self {
            Rule::Peak => {
                "The most that is live at one time during a call, above the level at entry, is over its budget."
            }
            Rule::ResidentPeak => "The part of the peak that is in memory is over its budget.",
            Rule::Demand => "The sum of all that a call requests is over its budget.",
            Rule::Retained => "Memory stays from one invocation to the next: a warm instance grows until it is killed.",
            Rule::Footprint => "What the process holds at the most, imports included, is over its budget.",
            Rule::Growth => "The peak grows faster in an input than its budget allows.",
            Rule::Unknown => "The peak depends on something that is not known, and the budget allows none of that.",
            Rule::Memory => "The memory setting that the function needs is over its budget.",
            Rule::Cost => "A million requests cost more than their budget.",
            Rule::Change => "The memory of a function differs from that at the earlier state.",
        }
    }

    /// Whether the place of the peak is its place.
    pub fn is_of_peak(self) -> bool {
        matches!(self, Rule::Peak | Rule::ResidentPeak | Rule::Footprint | Rule::Growth | Rule::Memory)
    }
}

/// How a limit fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is exceeded.
    Broken,
    /// What is known does not decide it.
    Undecided,
    /// It is kept.
    Passed,
}

/// A limit and a function.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// What the limit is on.
    pub rule: Rule,
    /// How it fared.
    pub status: Status,
    /// The function: `file:function`.
    pub function: String,
    /// `module.function`.
    pub name: String,
    /// The place to look at.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// One sentence without a full stop.
    pub message: String,
    /// What is allowed.
    pub limit: String,
    /// What was found.
    pub actual: Option<String>,
    /// The inputs that it was found for.
    pub inputs: Option<String>,
    /// The file of the budget.
    pub budget_file: String,
    /// The line of the limit.
    pub budget_line: u32,
    /// Why the budget is there, in its author's words.
    pub reason: Option<String>,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool.
    pub tool_version: String,
    /// How many functions were looked at.
    pub functions: usize,
    /// Whether no budget is broken.
    pub passed: bool,
    /// Verdicts: the broken ones first, then by function.
    pub verdicts: Vec<Verdict>,
    /// What the changes are since: a file or a revision; null if nothing was compared.
    pub since: Option<String>,
    /// What changed, the dearest first.
    pub changes: Vec<Change>,
}

impl Report {
    /// Puts a result together.
    pub fn new(functions: usize, mut verdicts: Vec<Verdict>, since: Option<String>, changes: Vec<Change>) -> Self {
        verdicts.sort_by(|a, b| {
            (a.status, &a.function, a.rule, a.budget_line).cmp(&(b.status, &b.function, b.rule, b.budget_line))
        });
        Self {
            schema: Schema::CHECK,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            functions,
            passed: verdicts.iter().all(|verdict| verdict.status != Status::Broken),
            verdicts,
            since,
            changes,
        }
    }

    /// Verdicts of a status.
    pub fn of(&self, status: Status) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(move |verdict| verdict.status == status)
    }
}

/// Bytes for people: `7.6 MB` (1 MB is 1,048,576 bytes), `112 bytes`.
pub fn bytes(count: u64) -> String {
    const UNITS: [(&str, f64); 3] = [("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("KB", 1024.0)];
    match UNITS.iter().find(|(_, size)| count as f64 >= *size) {
        Some((unit, size)) => {
            let value = count as f64 / size;
            if count.is_multiple_of(*size as u64) { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
        }
        None => format!("{count} bytes"),
    }
}
