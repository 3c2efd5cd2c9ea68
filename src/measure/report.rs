//! What a measurement says: the types that become JSON (docs/schemas/measure.schema.json) and that `validate` reads.
//!
//! Depends on `diagnostic`. Amounts of memory are bytes, times are milliseconds; memory settings are MB as the
//! platform counts them (1 MB = 1,048,576 bytes). `null` means "not measured here", never zero.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::diagnostic::Schema;

/// Bytes of a memory setting of one MB.
pub const MB: u64 = 1 << 20;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every event was answered.
    Ok,
    /// The handler raised, ended its process, or returned what the platform does not take.
    Error,
    /// The handler could not be loaded.
    InitError,
    /// It took longer than its timeout.
    Timeout,
    /// It was killed for its memory limit.
    OutOfMemory,
}

impl Outcome {
    /// The word of the JSON output.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::InitError => "init-error",
            Outcome::Timeout => "timeout",
            Outcome::OutOfMemory => "out-of-memory",
        }
    }
}

/// What holds the run to its memory setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitKind {
    /// A memory cgroup, version 2.
    CgroupV2,
    /// A memory cgroup, version 1.
    CgroupV1,
    /// A scope of the user's systemd.
    SystemdScope,
    /// Nothing.
    None,
}

/// The limit of the run, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Limit {
    /// What holds it.
    pub kind: LimitKind,
    /// The memory setting; null without one.
    pub memory_mb: Option<u64>,
    /// Whether the kernel enforces it. Without that, surviving proves nothing.
    pub enforced: bool,
    /// What this means, for people.
    pub meaning: String,
}

/// The runtime client that ran the handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Client {
    /// `awslambdaric`, `minimal`, or `functions-framework` and `plain-call` for other platforms.
    pub name: String,
    /// Its version, of one that has any.
    pub version: Option<String>,
    /// Why this one.
    pub reason: String,
}

/// What `/tmp` was for the handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Temporary {
    /// `image` (a file system of its own size), `folder` (private, the size watched) or `none` (only `TMPDIR`).
    pub kind: String,
    /// Its size.
    pub size_mb: u64,
    /// What this means, for people.
    pub meaning: String,
}

/// What was in the page cache before the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PageCache {
    /// `cold`: the run's own files were dropped. `warm`: some could not be, or none were tried. A warm cache makes
    /// `charged` smaller than in a new instance.
    pub state: String,
    /// Files that were looked at.
    pub files: u64,
    /// Bytes of them that stayed in the cache (other processes map them).
    pub still_cached_bytes: u64,
}

/// The figures of a phase, over the whole process tree. Peaks are since the phase began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Wall-clock time, without the time that measuring took.
    pub wall_ms: f64,
    /// CPU time of all processes.
    pub cpu_ms: f64,
    /// Most anonymous memory: heap, stack, private copies of files' pages.
    pub peak_anonymous_bytes: u64,
    /// Most resident memory (PSS): a page that several processes of the run share counts once. What other programs of
    /// this machine share with the run counts whole, as in an instance of its own.
    pub peak_resident_bytes: u64,
    /// Most that was charged to the group, page cache and kernel memory included; null without a group.
    pub peak_charged_bytes: Option<u64>,
    /// Anonymous memory when the phase was over.
    pub end_anonymous_bytes: u64,
    /// Resident memory (PSS) when the phase was over.
    pub end_resident_bytes: u64,
    /// Charged when the phase was over.
    pub end_charged_bytes: Option<u64>,
    /// Most processes at a time.
    pub processes: u64,
    /// Whether peaks of anonymous and resident memory rest on samples: with several processes, and where a process was
    /// killed. Otherwise they are the kernel's own high-water marks.
    pub sampled: bool,
    /// Times that a page had to be read from disk.
    pub major_faults: u64,
    /// Times that the limit was met and memory had to be reclaimed.
    pub limit_hits: u64,
}

impl Figures {
    /// Two phases, one after the other, as one.
    pub fn then(&self, next: &Self) -> Self {
        let larger = |a: Option<u64>, b: Option<u64>| a.max(b);
        Self {
            wall_ms: self.wall_ms + next.wall_ms,
            cpu_ms: self.cpu_ms + next.cpu_ms,
            peak_anonymous_bytes: self.peak_anonymous_bytes.max(next.peak_anonymous_bytes),
            peak_resident_bytes: self.peak_resident_bytes.max(next.peak_resident_bytes),
            peak_charged_bytes: larger(self.peak_charged_bytes, next.peak_charged_bytes),
            end_anonymous_bytes: next.end_anonymous_bytes,
            end_resident_bytes: next.end_resident_bytes,
            end_charged_bytes: next.end_charged_bytes,
            processes: self.processes.max(next.processes),
            sampled: self.sampled || next.sampled,
            major_faults: self.major_faults + next.major_faults,
            limit_hits: self.limit_hits + next.limit_hits,
        }
    }
}

/// A part of the initialisation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Phase {
    /// `runtime-start` or `import`.
    pub name: &'static str,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// One start of the process, up to its asking for the first event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Init {
    /// Which run it belongs to, from 1.
    pub run: usize,
    /// `ok`, or how it failed.
    pub outcome: Option<Outcome>,
    /// The whole of it.
    #[serde(flatten)]
    pub figures: Figures,
    /// Its parts.
    pub phases: Vec<Phase>,
    /// What went wrong.
    pub error: Option<Fault>,
}

/// What went wrong, as the platform would say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Fault {
    /// The exception's name, or the platform's (`Runtime.ExitError`).
    #[serde(rename = "type")]
    pub kind: String,
    /// Its message.
    pub message: String,
    /// Where, as the runtime client tells it.
    pub stack: Vec<String>,
}

/// What the handler returned.
#[derive(Clone, Debug)]
pub enum Response {
    /// JSON, as it came.
    Json(Box<RawValue>),
    /// Anything else.
    Text(String),
}

impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Response::Json(a), Response::Json(b)) => a.get() == b.get(),
            (Response::Text(a), Response::Text(b)) => a == b,
            (Response::Json(_), Response::Text(_)) | (Response::Text(_), Response::Json(_)) => false,
        }
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Response::Json(raw) => raw.serialize(serializer),
            Response::Text(text) => text.serialize(serializer),
        }
    }
}

/// One invocation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Invocation {
    /// Which run it belongs to, from 1.
    pub run: usize,
    /// Which start of the process served it: 0 is `init`, n is the n-th of `restarts`.
    pub start: usize,
    /// Which event it was given, from 1.
    pub event: usize,
    /// The event's name, if it has one.
    pub name: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// Whether it was the first of its process.
    pub cold: bool,
    /// How many invocations ran at the same time: their figures are those of all of them together.
    pub concurrent: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// Its figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// What was returned; not there if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub response: Option<Response>,
    /// Size of the response.
    pub response_bytes: u64,
    /// What went wrong; not there if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

/// The largest of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Peak {
    /// Most anonymous memory.
    pub peak_anonymous_bytes: u64,
    /// Most resident memory (PSS).
    pub peak_resident_bytes: u64,
    /// Most that was charged; null without a group.
    pub peak_charged_bytes: Option<u64>,
}

/// The handler that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HandlerName {
    /// The file that defines it.
    pub file: String,
    /// What the platform calls: `module.function`.
    pub entry: String,
    /// `aws-lambda`, `google-cloud`, `azure` or `unknown`.
    pub platform: &'static str,
}

/// The interpreter that ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PythonName {
    /// `3.11.7`.
    pub version: String,
    /// Where it is.
    pub executable: String,
}

/// What `meminterface measure --format json` writes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Measurement {
    /// Name and version of this form.
    pub schema: Schema,
    /// The version of the tool.
    pub tool_version: &'static str,
    /// When, in seconds since 1970 (UTC).
    pub measured_at: u64,
    /// The kernel that it ran on.
    pub kernel: String,
    /// The handler.
    pub handler: HandlerName,
    /// The interpreter.
    pub python: PythonName,
    /// The runtime client.
    pub client: Client,
    /// The limit.
    pub limit: Limit,
    /// The time that an invocation may take, in seconds.
    pub timeout_s: f64,
    /// What `/tmp` was.
    pub tmp: Temporary,
    /// What was in the page cache.
    pub page_cache: PageCache,
    /// How it ended: the first outcome that is not `ok`.
    pub outcome: Outcome,
    /// The same in words; empty if all is well.
    pub message: String,
    /// The first start.
    pub init: Init,
    /// Every start after the first: further runs, and starts after a process that ended.
    pub restarts: Vec<Init>,
    /// Every invocation, in order.
    pub invocations: Vec<Invocation>,
    /// The largest of all phases.
    pub peak: Peak,
    /// An estimate of AWS Lambda's "Max Memory Used" over all of the run, in MB (docs/MEASURE.md has its error); null for
    /// other platforms, and where nothing ran.
    pub max_memory_used_estimate_mb: Option<u64>,
    /// What else one should know.
    pub notes: Vec<String>,
    /// The end of what the handler wrote to standard output and standard error.
    pub log: String,
}

impl Measurement {
    /// All starts, the first one too.
    pub fn starts(&self) -> impl Iterator<Item = &Init> {
        std::iter::once(&self.init).chain(&self.restarts)
    }

    /// The largest of all phases.
    pub(super) fn largest(&self) -> Peak {
        let all = self.starts().map(|init| &init.figures).chain(self.invocations.iter().map(|one| &one.figures));
        all.fold(Peak::default(), |peak, figures| Peak {
            peak_anonymous_bytes: peak.peak_anonymous_bytes.max(figures.peak_anonymous_bytes),
            peak_resident_bytes: peak.peak_resident_bytes.max(figures.peak_resident_bytes),
            peak_charged_bytes: peak.peak_charged_bytes.max(figures.peak_charged_bytes),
        })
    }
}
