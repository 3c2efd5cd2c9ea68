//! What is known of a function's memory at one state of the project, and how such a state is stored.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Kind, Schema};

/// Amounts of bytes between two bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// At least, in bytes; null where even that depends on the inputs.
    pub min: Option<u64>,
    /// At the most, in bytes; null where nothing bounds it.
    pub max: Option<u64>,
}

impl Bounds {
    /// The number, where both bounds are the same.
    pub fn exact(self) -> Option<u64> {
        self.min.filter(|_| self.min == self.max)
    }
}

/// One of demand, peak, resident peak and retained, over the function's inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quantity {
    /// The formula in bytes; null where it is too long to be of use.
    pub formula: Option<String>,
    /// Its order of growth in everything that it depends on; null where that is not known.
    pub growth: Option<String>,
    /// Its order of growth in each of its symbols alone.
    pub orders: BTreeMap<String, String>,
    /// Between what it lies, whatever the inputs are.
    pub bounds: Bounds,
}

/// Something that is not known, and its cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// The symbol of the formulas that stands for it.
    pub name: String,
    /// Why it is not known.
    pub cause: String,
    /// The source that it stands for.
    pub meaning: String,
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
}

/// A statement that makes memory grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allocation {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// What it calls (`np.outer`), or its own text.
    pub what: String,
    /// A fingerprint of the statement's text: the same in another state if nobody changed it.
    pub statement: String,
}

/// What a function needs for given inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct At {
    /// The inputs, as people read them.
    pub name: String,
    /// Bytes requested, nothing reclaimed.
    pub demand: Bounds,
    /// High-water mark of requested bytes above the level at entry.
    pub peak: Bounds,
    /// The part of the peak that is resident.
    pub resident_peak: Bounds,
    /// Bytes that stay behind.
    pub retained: Bounds,
    /// What the process holds at the most, imports included.
    pub footprint: Bounds,
    /// The exception that the handler raises on these inputs.
    pub raises: Option<String>,
    /// What else is not known and matters.
    pub unknown: Vec<String>,
    /// Where the peak is, as a place of `allocations`.
    pub peak_at: Option<u32>,
}

/// What is known of a function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    /// `file:function`: the same in every state.
    pub id: String,
    /// `module.function`.
    pub name: String,
    /// The name that a template gives to it.
    pub logical_id: Option<String>,
    /// The file that defines it.
    pub file: String,
    /// The line that defines it.
    pub line: u32,
    /// The template's memory setting, in MB.
    pub memory_mb: Option<u64>,
    /// What the process holds before its first event, by shipped footprints of imports and the modules' own objects,
    /// in bytes.
    pub baseline_bytes: Option<u64>,
    /// What it holds at the highest while it starts, in bytes.
    pub initial_peak_bytes: Option<u64>,
    /// What it holds at the most, on whatever its platform lets through.
    pub footprint: Bounds,
    /// Imports whose footprint is not known.
    pub unknown_imports: Vec<String>,
    /// The packages that it imports from outside the project, by their top names.
    pub imports: Vec<String>,
    /// Bytes requested, nothing reclaimed.
    pub demand: Quantity,
    /// High-water mark of requested bytes above the level at entry.
    pub peak: Quantity,
    /// The part of the peak that is resident.
    pub resident_peak: Quantity,
    /// Bytes that stay from one invocation to the next, the result left out.
    pub retained: Quantity,
    /// Places where memory stays from one invocation to the next: file, line, what grows.
    pub grows: Vec<(String, u32, String)>,
    /// What is not known and has to do with the peak.
    pub unknown: Vec<Unknown>,
    /// The inputs that the code reads: keys of the event.
    pub inputs: Vec<String>,
    /// Whether the function was followed to its end; if not, its formulas are not given.
    pub complete: bool,
    /// Statements that make memory grow, in the order in which they run.
    pub allocations: Vec<Allocation>,
    /// Where the peak's largest part comes from, as a place of `allocations`.
    pub peak_at: Option<u32>,
    /// What it needs for given inputs.
    pub at: Vec<At>,
    /// The recommended memory setting, in MB; null where what is known does not decide it.
    pub recommended_mb: Option<u64>,
    /// USD of a million requests at that setting; null without measured times.
    pub cost_per_million_usd: Option<f64>,
}

impl Profile {
    /// All names that budgets and patterns may use.
    pub fn names(&self) -> Vec<&str> {
        let function = self.name.rsplit('.').next().unwrap_or(&self.name);
        let mut names = vec![self.id.as_str(), self.name.as_str(), function];
        names.extend(self.logical_id.as_deref());
        names
    }

    /// Where the peak comes from.
    pub fn peak_place(&self) -> Option<&Allocation> {
        let at = self.peak_at.or_else(|| self.at.iter().rev().find_map(|at| at.peak_at))?;
        self.allocations.get(at as usize)
    }

    /// The quantities with their names, in the order in which they are told.
    pub fn quantities(&self) -> [(&'static str, &Quantity); 4] {
        [
            ("peak", &self.peak),
            ("retained", &self.retained),
            ("resident peak", &self.resident_peak),
            ("demand", &self.demand),
        ]
    }
}

/// All functions of a project at one time. What `--write-state` writes and `--against` reads.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct State {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool: another version may count differently.
    pub tool_version: String,
    /// The functions, by `id`.
    pub functions: Vec<Profile>,
}

impl State {
    /// A state of this version of the tool. Functions are sorted.
    pub fn new(mut functions: Vec<Profile>) -> Self {
        functions.sort_by(|a, b| a.id.cmp(&b.id));
        Self { schema: Schema::STATE, tool_version: env!("CARGO_PKG_VERSION").to_owned(), functions }
    }

    /// The text of a file.
    pub fn to_json(&self) -> String {
        // A value of this type has no maps with keys that JSON lacks.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a state.
    ///
    /// # Errors
    /// `invalid-state`: no JSON, another form, or written by another version.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        #[derive(Deserialize)]
        struct Read {
            functions: Vec<Profile>,
        }
        let wrong = |why: String| {
            Diagnostic::new(Kind::InvalidState, why)
                .in_file(file)
                .help("write it again: `meminterface check PATH --write-state FILE` at the state to compare with")
        };
        let at = |error: &serde_json::Error, diagnostic: Diagnostic| {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            let column = u32::try_from(error.column()).unwrap_or(u32::MAX);
            if line == 0 { diagnostic } else { diagnostic.at(crate::diagnostic::Span::point(line, column.max(1))) }
        };
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| at(&error, wrong(format!("is no JSON: {error}"))))?;
        let (name, version) = (&document["schema"]["name"], &document["schema"]["version"]);
        if name.as_str() != Some(Schema::STATE.name) {
            let is = name.as_str().map_or_else(|| "something else".to_owned(), |name| format!("a `{name}`"));
            return Err(wrong(format!("is no state of a project but {is}")));
        }
        if version.as_u64() != Some(u64::from(Schema::STATE.version)) {
            return Err(wrong(format!("has version {version} of the form; this tool reads {}", Schema::STATE.version)));
        }
        let tool = document["tool_version"].as_str().unwrap_or("?");
        if tool != env!("CARGO_PKG_VERSION") {
            return Err(wrong(format!(
                "was written by meminterface {tool}; this is {}, which may count differently",
                env!("CARGO_PKG_VERSION")
            )));
        }
        let read: Read =
            serde_json::from_str(text).map_err(|error| at(&error, wrong(format!("is no whole state: {error}"))))?;
        Ok(Self::new(read.functions))
    }
}
