//! The kinds of diagnostic. Each has a kebab-case id and a paragraph in docs/DIAGNOSTICS.md
//! (the same text as its doc comment here; a test holds the two together).

use serde::{Serialize, Serializer};

use super::Severity;

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $id:literal, $severity:ident; )+) => {
        /// What kind of thing a diagnostic tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl Kind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Kind] = &[$( Kind::$variant, )+];

            /// The kebab-case id.
            pub fn id(self) -> &'static str {
                match self { $( Kind::$variant => $id, )+ }
            }

            /// How bad it is unless said otherwise.
            pub fn severity(self) -> Severity {
                match self { $( Kind::$variant => Severity::$severity, )+ }
            }

            /// What it means and what to do, for the documentation.
            pub fn explanation(self) -> &'static str {
                match self { $( Kind::$variant => concat!($($doc, "\n"),+), )+ }
            }
        }
    };
}

kinds! {
    /// The file or folder is not there, or cannot be read. Check the path and its permissions.
    CannotRead = "cannot-read", Error;
    /// The file is larger than the tool reads (8 MiB). Generated data does not belong into a handler's module: load it from a file.
    FileTooLarge = "file-too-large", Error;
    /// The bytes are not text in the encoding that the file declares (UTF-8 unless it says otherwise).
    Undecodable = "undecodable", Error;
    /// The file is not Python 3.8 to 3.14. The message is the parser's.
    SyntaxError = "syntax-error", Error;
    /// The file is Python 2, which no serverless platform runs any more. Convert it (for example with `2to3`), then run the tool again.
    Python2 = "python2", Error;
    /// Brackets, blocks or operator chains are nested deeper than CPython itself would compile.
    TooDeep = "too-deep", Error;
    /// No file of the folder is Python, or no handler was found in it. Name the handler with `--handler module.function`.
    NoHandler = "no-handler", Error;
    /// The handler that was asked for, or that a template names, is not defined. The message lists the near names.
    UnknownHandler = "unknown-handler", Error;
    /// The handler is made at run time (`handler = Mangum(app)`), so that there is no function to read. Name the function that does the work with `--handler`.
    NotAnalysable = "not-analysable", Warning;
    /// A template is not valid YAML or JSON.
    InvalidTemplate = "invalid-template", Error;
    /// A template names something that the tool cannot follow: a file outside the project, an intrinsic function where a text is needed, an image without sources.
    UnresolvedTemplate = "unresolved-template", Warning;
    /// A formula cannot be read, or names a function that the language does not have.
    InvalidFormula = "invalid-formula", Error;
    /// A contract file is not TOML, lacks something, names a parameter, feature or rule that is not there, or contradicts itself. docs/CONTRACTS.md describes the format.
    InvalidContract = "invalid-contract", Error;
    /// The algebra system is not in this build, could not start, or ended early.
    AlgebraUnavailable = "algebra-unavailable", Error;
    /// More paths than `--max-paths` lead through the handler: those beyond are not listed. The formula itself covers all of them.
    TooManyPaths = "too-many-paths", Warning;
    /// A loop goes over something that is not known, and its iterations differ: its paths have no formulas of their own. Evaluate the interface with values for the names that the message gives.
    OpenLoop = "open-loop", Error;
    /// The handler itself would raise for the values given (`event["n"]` without an `n`). Give it the values that it expects.
    HandlerRaises = "handler-raises", Error;
    /// Evaluating the interface for the values given takes more steps than the tool takes. Give smaller values, or fewer, and put numbers into the formula that results.
    TooMuchToEvaluate = "too-much-to-evaluate", Error;
    /// The analysis of calls stopped at its limit of work (it grows with the size of the project): calls may lack callees. Analyse fewer files at a time.
    IncompleteCallGraph = "incomplete-call-graph", Warning;
    /// A file of events is not JSON, not JSON lines and not a list of tests, or holds nothing. The message names the place.
    InvalidEvent = "invalid-event", Error;
    /// Measuring, learning and debloating run on Linux, whose kernel gives their figures. The message holds the container line that gets one there.
    NeedsLinux = "needs-linux", Error;
    /// The interpreter that is to run the handler is not there, does not start, or is too old. Name one with `--python`, `--venv` or `--requirements`.
    NoInterpreter = "no-interpreter", Error;
    /// Python packages could not be installed into the private environment of the run. The message is pip's.
    CannotInstall = "cannot-install", Error;
    /// The memory limit that was asked for cannot be enforced here, in the way that was asked for.
    NoLimit = "no-limit", Error;
    /// The handler's process could not be started or watched. The message says which step failed.
    CannotMeasure = "cannot-measure", Error;
    /// A memory setting could not be written into the template without touching anything else. The template is as it was.
    CannotApply = "cannot-apply", Error;
    /// The template names a layer that was not given as a folder: its memory is missing from the figures. Unpack it and name the folder with `--layer`.
    MissingLayer = "missing-layer", Warning;
    /// The template leaves the value of an environment variable to the deployment (`!Ref Table`), so the handler ran without it. Set it with `--env` or `--env-file`.
    UnsetVariable = "unset-variable", Warning;
    /// The application cannot be trimmed: an event fails on the original too, nothing that it does can be compared, or its layout is not understood. The message has the cause, and nothing was written.
    CannotDebloat = "cannot-debloat", Error;
    /// A file of a package that `debloat` made cannot be put back: it was changed since, or where it came from is gone.
    CannotRestore = "cannot-restore", Error;
    /// The user ended the run. Its processes, groups and files are gone.
    Interrupted = "interrupted", Error;
    /// A file of budgets is not TOML, has a key or value that it cannot have, names no function, or an input that no function reads. docs/CHECK.md describes it.
    InvalidBudget = "invalid-budget", Error;
    /// A limit of a budget is exceeded: `check` exits with 1. The message says by how much, and where the memory comes from.
    OverBudget = "over-budget", Error;
    /// What is known of a function does not decide whether it keeps to its budget. Give `inputs`, or `strict = true` to make this a broken limit.
    UndecidedBudget = "undecided-budget", Warning;
    /// A state of a project (`check --write-state`) that cannot be compared with: another form, or written by another version of the tool. Write it again.
    InvalidState = "invalid-state", Error;
    /// A revision of a git repository cannot be read: no repository, no such revision, or a clone that does not hold it. In CI, fetch the whole history.
    NoRevision = "no-revision", Error;
    /// Metadata of a marketplace breaks a limit that the marketplace publishes, clashes with an option, or names a file that is not there. docs/LISTING.md lists the limits with their sources.
    InvalidMetadata = "invalid-metadata", Error;
    /// A listing (`listing.json`), a validation record or a workload that cannot be used here.
    InvalidListing = "invalid-listing", Error;
    /// A workload (`--workload`) that cannot be used: a name that is no key of an entry, a distribution without its parameters,
    /// or an input or variable that no handler asks for.
    InvalidWorkload = "invalid-workload", Error;
    /// Traces of library calls that cannot be learned from: a missing column, a value that is no amount of bytes, another unit. They are left out and counted; docs/LEARNING.md has the form.
    InvalidTrace = "invalid-trace", Warning;
    /// A workload that could not be traced, or not all of it: its library is missing, or calls raised, hung or crashed. The others go on.
    NotTraced = "not-traced", Warning;
    /// Lines of a log that belong to an invocation cannot be used: contradictory, or without the figures. They are left out and counted.
    InvalidLog = "invalid-log", Warning;
    /// Output could not be written.
    CannotWrite = "cannot-write", Error;
    /// The words of the command line do not fit together.
    Usage = "usage", Error;
    /// Something that outlives the invocation (a variable of the module, a cache, a default value) grows with each one, until a warm instance is full. Bound it, or empty it.
    RetainedGrowth = "retained-growth", Warning;
    /// A bug of this tool, not of your input. Please report it with the file that caused it; the exit code is 3.
    Internal = "internal", Error;
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
