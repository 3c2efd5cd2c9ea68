//! `meminterface contracts`: what the tool knows of libraries, and whether contract files are right.

use std::fmt::Write;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Exit, Output};
use crate::contracts::described::DescribedCall;
use crate::contracts::{Contract, Contracts, Library, Provenance, check};
use crate::diagnostic::{Diagnostic, Kind, near_names};
use crate::learning::trace::{self, Traces};
use crate::learning::{plot, quantile};

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Library contracts: list them, show one, check files, or try one on described arguments.
///
/// A contract says what a library's callable does to memory, as formulas over its arguments. docs/CONTRACTS.md
/// describes the files.
#[derive(Args, Debug)]
pub struct ContractsArguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the libraries and their callables.
    List {
        /// Libraries (or beginnings of names, such as `numpy.linalg`); without any: all.
        names: Vec<String>,
        /// How good learned contracts are, by library: a table in Markdown (or JSON) instead of the list.
        #[arg(long)]
        summary: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show all entries of a callable or kind, and where they stand.
    Show {
        /// Qualified name: `numpy.zeros`, `PIL.Image.Image.resize`, `boto3.client.s3.get_object`.
        name: String,
        /// Draw a learned contract into a file, .svg, .html or .png: measured calls, the formula with its band, what it leaves over.
        #[arg(long, value_name = "FILE")]
        plot: Option<PathBuf>,
        /// The measured calls for --plot: a folder of traces (docs/LEARNING.md).
        #[arg(long, value_name = "DIR", requires = "plot")]
        traces: Option<PathBuf>,
        /// The interpreter that reads traces in Parquet files.
        #[arg(long, value_name = "PY", default_value = "python3")]
        python: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Check contract files: unknown symbols, circles, contradictions, negative sizes.
    Check {
        /// Contract files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to write the answer.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Say what contracts give for calls that are described in JSON, one a line; one line of JSON each.
    Apply {
        /// The file with the calls; `-` is standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Folder of contract files that win over the shipped ones; a later one wins over an earlier one.
        #[arg(long, value_name = "DIR")]
        contracts: Vec<PathBuf>,
    },
}

#[derive(Args, Debug)]
struct Common {
    /// Folder of contract files that win over the shipped ones; a later one wins over an earlier one.
    #[arg(long, value_name = "DIR")]
    contracts: Vec<PathBuf>,
    /// How to write the answer.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the verb.
pub fn run(arguments: &ContractsArguments, output: &mut Output) -> Exit {
    match &arguments.action {
        Action::List { names, summary, common } => {
            if let Some(contracts) = load(&common.contracts, output) {
                match (summary, common.format) {
                    (false, format) => list(names, &contracts, format, output),
                    (true, Format::Text) => output.text(&summary_table(&summaries(names, &contracts))),
                    (true, Format::Json) => {
                        let rows: Vec<_> = summaries(names, &contracts).iter().map(Summary::to_json).collect();
                        let document =
                            json!({"schema": {"name": "meminterface.contracts.summary", "version": 1}, "rows": rows});
                        output.text(&format!("{document:#}\n"));
                    }
                }
            }
        }
        Action::Show { name, plot, traces, python, common } => {
            let Some(contracts) = load(&common.contracts, output) else { return output.exit() };
            match plot {
                None => show(name, &contracts, common.format, output),
                Some(file) => {
                    if let Err(problem) = draw(name, file, traces.as_deref(), python, &contracts, output) {
                        output.report(&problem);
                    }
                }
            }
        }
        Action::Check { files, format } => {
            let diagnostics = check(files);
            for diagnostic in &diagnostics {
                output.report(diagnostic);
            }
            match format {
                Format::Json => {
                    let document = json!({"schema": {"name": "meminterface.contracts.check", "version": 1},
                                          "diagnostics": diagnostics});
                    output.text(&format!("{document:#}\n"));
                }
                Format::Text if diagnostics.is_empty() => {
                    let files = files.len();
                    output.text(&format!("{files} {} right\n", if files == 1 { "file is" } else { "files are" }));
                }
                Format::Text => {}
            }
        }
        Action::Apply { file, contracts } => {
            if let Some(contracts) = load(contracts, output) {
                apply(file, &contracts, output);
            }
        }
    }
    output.exit()
}

fn load(folders: &[PathBuf], output: &mut Output) -> Option<Contracts> {
    match Contracts::with(folders) {
        Ok(contracts) => Some(contracts),
        Err(diagnostics) => {
            diagnostics.iter().for_each(|diagnostic| output.report(diagnostic));
            None
        }
    }
}

/// Whether a qualified name is that of a wish, or below it.
fn is_below(name: &str, wish: &str) -> bool {
    name.strip_prefix(wish).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn list(wishes: &[String], contracts: &Contracts, format: Format, output: &mut Output) {
    let wanted = |library: &Library, name: &str| {
        wishes.is_empty() || wishes.iter().any(|wish| *wish == *library.name || is_below(name, wish))
    };
    let mut text = String::new();
    let mut documents = Vec::new();
    let mut all = Vec::new();
    for library in contracts.libraries() {
        let mut names: Vec<&str> = Vec::new();
        for name in library.contracts.iter().flat_map(|contract| &contract.names) {
            if wanted(&library, name) && !names.contains(&&**name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            continue;
        }
        let kinds: Vec<&str> = library.kinds.iter().map(|kind| &*kind.name).collect();
        let _ = writeln!(text, "{} ({}, {} callables)", library.name, library.file, names.len());
        for name in &names {
            // The first of a callable's entries speaks for all of them.
            let contract =
                library.contracts.iter().find(|contract| contract.names.iter().any(|other| &**other == *name));
            let provenance = contract.and_then(|contract| contract.provenance.as_ref());
            let told = match provenance {
                None => String::new(),
                Some(found) => {
                    let percent =
                        |error: Option<f64>| error.map_or("-".to_owned(), |error| format!("{:.1} %", 100.0 * error));
                    let weak = found.weak.as_ref().map_or(String::new(), |reason| format!("; weak: {reason}"));
                    format!(
                        "  (learned from {} calls of {}; held back: median {}, p95 {}{weak})",
                        found.traces,
                        found.library_version.as_deref().unwrap_or("?"),
                        percent(found.heldout_median_error),
                        percent(found.heldout_p95_error)
                    )
                }
            };
            let _ = writeln!(text, "    {name}{told}");
            all.extend(contract.map(|contract| entry(name, &library, contract, contracts)));
        }
        documents
            .push(json!({"library": &*library.name, "file": &*library.file, "versions": library.versions.as_deref(),
                              "kinds": kinds, "callables": names}));
    }
    if documents.is_empty() {
        output.report(
            &Diagnostic::new(Kind::Usage, format!("no contract is called {}", wishes.join(" or ")))
                .help("`meminterface contracts list` names all libraries"),
        );
        return;
    }
    match format {
        Format::Text => output.text(&text),
        Format::Json => {
            let document = json!({"schema": {"name": "meminterface.contracts.list", "version": 1}, "libraries": documents,
                       "contracts": all});
            output.text(&format!("{document:#}\n"));
        }
    }
}

/// How good the learned contracts of a library are, on sizes that were held back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The library, its version; or what all of them together are.
    pub name: String,
    /// Callables with a learned contract that depends on a size.
    pub callables: usize,
    /// Of those, with the stated quality.
    pub good: usize,
    /// Callables that take the same whatever is passed.
    pub constants: usize,
    /// The median of their median errors, the 95th percentile of those, the median of their 95th percentiles.
    pub errors: [Option<f64>; 3],
    /// The mean share of held-back measurements below the predicted 99th percentile.
    pub coverage: Option<f64>,
}

impl Summary {
    fn of(name: String, all: &[&Contract]) -> Self {
        let (varying, constant): (Vec<&Contract>, Vec<&Contract>) =
            all.iter().partition(|contract| contract.provenance.as_ref().is_some_and(|found| !found.range.is_empty()));
        let figures = |of: fn(&Provenance) -> Option<f64>| -> Vec<f64> {
            let mut found: Vec<f64> = varying.iter().filter_map(|contract| of(contract.provenance.as_ref()?)).collect();
            found.sort_by(f64::total_cmp);
            found
        };
        let medians = figures(|found| found.heldout_median_error);
        let coverage = figures(|found| found.heldout_p99_coverage);
        Self {
            name,
            callables: varying.len(),
            good: varying
                .iter()
                .filter(|one| one.provenance.as_ref().is_some_and(|found| found.weak.is_none()))
                .count(),
            constants: constant.len(),
            errors: [
                quantile(&medians, 0.5),
                quantile(&medians, 0.95),
                quantile(&figures(|found| found.heldout_p95_error), 0.5),
            ],
            coverage: (!coverage.is_empty()).then(|| coverage.iter().sum::<f64>() / coverage.len() as f64),
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let [median, worst, p95] = self.errors;
        json!({"name": self.name, "callables": self.callables, "good": self.good, "constants": self.constants,
               "median_of_median_errors": median, "p95_of_median_errors": worst, "median_of_p95_errors": p95,
               "mean_p99_coverage": self.coverage})
    }
}

/// How good learned contracts are: all, those judged on peaks above 1 MiB, and by library. A callable's first entry speaks
/// for it.
pub fn summaries(wishes: &[String], contracts: &Contracts) -> Vec<Summary> {
    let libraries = contracts.libraries();
    let mut rows = Vec::new();
    let mut all: Vec<&Contract> = Vec::new();
    for library in &libraries {
        let mut seen: Vec<&str> = Vec::new();
        let mut own: Vec<&Contract> = Vec::new();
        for contract in library.contracts.iter().filter(|contract| contract.provenance.is_some()) {
            let Some(name) = contract.names.first() else { continue };
            let is_wanted = wishes.is_empty() || wishes.iter().any(|w| *w == *library.name || is_below(name, w));
            if is_wanted && !seen.contains(&&**name) {
                seen.push(name);
                own.push(contract);
            }
        }
        if own.is_empty() {
            continue;
        }
        let version = own.iter().find_map(|one| one.provenance.as_ref()?.library_version.clone()).unwrap_or_default();
        rows.push(Summary::of(format!("{} {version}", library.name).trim().to_owned(), &own));
        all.extend(own);
    }
    let large: Vec<&Contract> =
        all.iter().copied().filter(|one| one.provenance.as_ref().is_some_and(|found| found.above_mib)).collect();
    rows.insert(0, Summary::of("judged on peaks above 1 MiB".to_owned(), &large));
    rows.insert(0, Summary::of(format!("all ({} libraries)", rows.len() - 1), &all));
    rows
}

/// The same as a table in Markdown.
pub fn summary_table(rows: &[Summary]) -> String {
    let percent = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", 100.0 * value));
    let mut text = String::from(
        "| | callables | good | constants | median of the median errors | their 95th percentile | \
         median of the 95th percentiles | p99 covers |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let [median, worst, p95] = row.errors.map(percent);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {median} | {worst} | {p95} | {} |",
            row.name,
            row.callables,
            row.good,
            row.constants,
            percent(row.coverage)
        );
    }
    text
}

/// A callable of a library, with where its contract comes from.
fn entry(name: &str, library: &Library, contract: &Contract, contracts: &Contracts) -> serde_json::Value {
    let provenance = contract.provenance.as_ref();
    let range: serde_json::Map<String, serde_json::Value> = provenance
        .map(|found| found.range.iter().map(|(name, low, high)| (name.to_string(), json!([low, high]))).collect())
        .unwrap_or_default();
    // Another file may speak of the same callable, and be asked first.
    let in_force = contracts.all(name).first().is_some_and(|first| first.place == contract.place);
    json!({"name": name, "library": &*library.name,
           "library_version": provenance.and_then(|found| found.library_version.as_deref()).or(library.versions.as_deref()),
           "terms": contract.terms(), "traces": provenance.map_or(0, |found| found.traces),
           "heldout_median_error": provenance.and_then(|found| found.heldout_median_error),
           "heldout_p95_error": provenance.and_then(|found| found.heldout_p95_error),
           "heldout_p99_coverage": provenance.and_then(|found| found.heldout_p99_coverage),
           "range": range, "origin": contract.origin().as_str(),
           "weak": provenance.and_then(|found| found.weak.as_deref()), "in_force": in_force})
}

/// The lines of the entry, as they stand in its file.
fn source(contract_file: &str, line: u32) -> Option<String> {
    let shipped = Contracts::shipped_files().iter().find(|(name, _)| *name == contract_file);
    let text = match shipped {
        Some((_, text)) => (*text).to_owned(),
        None => fs_err::read_to_string(contract_file).ok()?,
    };
    let start = usize::try_from(line).ok()?.checked_sub(1)?;
    let mut lines = Vec::new();
    for (n, line) in text.lines().skip(start).enumerate() {
        if n > 0 && (line.starts_with("[[") || line.starts_with("[library]")) {
            break;
        }
        lines.push(line);
    }
    while lines.last().is_some_and(|line| line.trim().is_empty() || line.starts_with('#')) {
        lines.pop();
    }
    Some(lines.join("\n"))
}

fn show(name: &str, contracts: &Contracts, format: Format, output: &mut Output) {
    let mut entries: Vec<&Contract> = contracts.all(name);
    if entries.is_empty()
        && let Some((kind, method)) = name.rsplit_once('.')
    {
        let bases = contracts.lineage(kind);
        entries = bases
            .iter()
            .skip(1)
            .map(|base| contracts.all(&format!("{base}.{method}")))
            .find(|e| !e.is_empty())
            .unwrap_or_default();
    }
    let mut places: Vec<(String, u32)> =
        entries.iter().map(|contract| (contract.place.file.to_string(), contract.place.line)).collect();
    if let Some(kind) = contracts.kind(name) {
        places.push((kind.place.file.to_string(), kind.place.line));
    }
    if places.is_empty() {
        output.report(&unknown(name, contracts));
        return;
    }
    let entries: Vec<(String, u32, String)> = places
        .into_iter()
        .map(|(file, line)| {
            let text = source(&file, line).unwrap_or_default();
            (file, line, text)
        })
        .collect();
    match format {
        Format::Text => {
            let parts: Vec<String> =
                entries.iter().map(|(file, line, text)| format!("# {file}:{line}\n{text}\n")).collect();
            output.text(&parts.join("\n"));
        }
        Format::Json => {
            let entries: Vec<_> =
                entries.iter().map(|(file, line, text)| json!({"file": file, "line": line, "text": text})).collect();
            let document = json!({"schema": {"name": "meminterface.contracts.show", "version": 1}, "name": name,
                                  "entries": entries});
            output.text(&format!("{document:#}\n"));
        }
    }
}

/// Draws a callable's contracts into a file.
fn draw(
    name: &str,
    file: &Path,
    traces: Option<&Path>,
    python: &Path,
    contracts: &Contracts,
    output: &mut Output,
) -> Result<(), Diagnostic> {
    let usage = |message: String, help: &str| Diagnostic::new(Kind::Usage, message).help(help);
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    if !matches!(extension.as_str(), "svg" | "html" | "png") {
        let message = format!("`--plot` draws .svg, .html and .png files, not `{}`", file.display());
        return Err(usage(message, "browsers and `rsvg-convert` make other formats of an SVG file"));
    }
    if contracts.all(name).is_empty() {
        return Err(unknown(name, contracts));
    }
    let mut found = Traces::default();
    if let Some(folder) = traces {
        super::learn::read(&trace::files(folder)?, python, &mut found)?;
    }
    let refused = |reason| usage(format!("`{name}` cannot be drawn: {reason}"), "`contracts show` prints it");
    let sheet = plot::sheet(name, contracts, &found.traces).map_err(refused)?;
    let content = match extension.as_str() {
        "html" => plot::page(name, &sheet.svg).into_bytes(),
        "png" => plot::pixels(&sheet.svg).map_err(refused)?,
        _ => sheet.svg.into_bytes(),
    };
    super::output::write_file(file, content)?;
    let left_out = match sheet.left_out {
        0 => String::new(),
        count => format!(", {count} left out (they did not return, or the contract does not give their peak)"),
    };
    output.text(&format!("{}: {} measured calls{left_out}\n", file.display(), sheet.points));
    found.problems.iter().for_each(|problem| output.report(problem));
    Ok(())
}

/// The error for a name that no contract has.
fn unknown(name: &str, contracts: &Contracts) -> Diagnostic {
    let names = contracts.names();
    let near = near_names(name, names.iter().map(|name| &**name));
    let help = if near.is_empty() {
        "`meminterface contracts list` names all of them".to_owned()
    } else {
        format!("did you mean `{}`?", near.join("`, `"))
    };
    Diagnostic::new(Kind::Usage, format!("no contract is called `{name}`")).help(help)
}

fn apply(file: &PathBuf, contracts: &Contracts, output: &mut Output) {
    let standard = file.as_os_str() == "-";
    let lines: Box<dyn BufRead> = if standard {
        Box::new(std::io::stdin().lock())
    } else {
        match fs_err::File::open(file) {
            Ok(file) => Box::new(std::io::BufReader::new(file)),
            Err(error) => {
                let diagnostic = Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(file);
                output.report(&diagnostic.help("check the path and its permissions"));
                return;
            }
        }
    };
    for (n, line) in lines.lines().enumerate() {
        let complaint = |message: String| {
            Diagnostic::new(Kind::Usage, message)
                .in_file(file)
                .at(crate::diagnostic::Span::point(u32::try_from(n + 1).unwrap_or(u32::MAX), 1))
                .help("docs/CONTRACTS.md shows how calls are described")
        };
        let line = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => line,
            Err(error) => {
                output.report(&complaint(format!("cannot be read: {error}")));
                return;
            }
        };
        let answer = serde_json::from_str(&line)
            .map_err(|error| format!("not JSON: {error}"))
            .and_then(|json| DescribedCall::read(&json))
            .and_then(|call| call.report(contracts));
        match answer {
            Ok(answer) => output.text(&format!("{answer}\n")),
            Err(message) => {
                output.text("null\n");
                output.report(&complaint(message));
            }
        }
    }
}
