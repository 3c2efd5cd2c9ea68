//! `meminterface extract`: writes the memory interface of each handler.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::{Exit, Output};
use crate::diagnostic::{Diagnostic, Kind, Schema, Span};
use crate::interface::{self, ExtractOptions, Interface, Symbols};
use crate::project::Sources;
use crate::project::discover::{Handler, discover_with};
use crate::project::source::{STACK_BYTES, with_stack};

/// How an interface is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A Python file.
    Python,
    /// JSON with a schema.
    Json,
}

/// How terms are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SymbolsOption {
    /// `term("f", x)`, of the package `meminterface`.
    Meminterface,
    /// `sp.symbols('f(...)')`, of SymPy alone.
    Sympy,
}

/// Write the memory interface of each handler.
///
/// Reads handlers without importing or running them, and writes for each a Python function with the handler's own
/// parameters and its memory-critical variables, which sums one symbolic term a library call, path by path.
#[derive(Args, Debug)]
pub struct ExtractArguments {
    /// Python files, templates, folders or whole repositories.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The handler, whatever else is found: `function`, `module.function` or `Class.method`.
    #[arg(long, value_name = "NAME")]
    handler: Option<String>,
    /// Where to write: a folder (one file a handler) or a file. Standard output if not given.
    #[arg(short, long, value_name = "DIR|FILE")]
    output: Option<PathBuf>,
    /// How to write interfaces.
    #[arg(long, value_enum, default_value_t = Format::Python)]
    format: Format,
    /// How to write terms in Python.
    #[arg(long, value_enum, default_value_t = SymbolsOption::Meminterface)]
    symbols: SymbolsOption,
    /// Follow calls of the project's own functions no deeper than this.
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Write formulas in bytes too, as `<handler>_demand`, `_peak`, `_resident_peak` and `_retained`, and warn of memory
    /// that grows with each invocation. Follows the handler a second time, which may take long where loops nest.
    #[arg(long)]
    bytes: bool,
    /// List the paths through each handler, with their conditions and formulas, instead of its interface.
    #[arg(long = "paths")]
    list_paths: bool,
    /// Most paths to list for a handler.
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_paths: usize,
    /// Threads; as many as there are cores if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Handlers of one file are read together; that many files are read before the first is written.
const FILES_AT_ONCE: usize = 128;

/// Runs the verb.
pub fn run(arguments: &ExtractArguments, output: &mut Output) -> Exit {
    let sources: Arc<Sources> = Arc::default();
    let (handlers, mut problems) = discover_with(&arguments.paths, arguments.handler.as_deref(), &sources);
    let groups = grouped(&handlers);
    let options = ExtractOptions { depth: arguments.depth, bytes: arguments.bytes };
    let mut writer = Writer::new(arguments, handlers.len());
    let progress = output.progress(groups.len(), "files");
    let read_group = |group: &Vec<&Handler>| {
        let (interfaces, mut problems) = interface::extract_with(group, &options, &sources);
        let mut rendered = Vec::new();
        problems.extend(interfaces.iter().flat_map(growth));
        for one in interfaces {
            match render(&one, arguments) {
                Ok((text, more)) => {
                    problems.extend(more);
                    rendered.push(text);
                }
                Err(diagnostic) => problems.push(diagnostic),
            }
        }
        progress.inc(1);
        (rendered, problems)
    };
    // Threads that wait for work cost more than one file does.
    let alone = groups.len() < 2 || arguments.jobs == Some(1);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(arguments.jobs.unwrap_or(0)).stack_size(STACK_BYTES);
    let pool = match (!alone).then(|| threads.build()).transpose() {
        Ok(pool) => pool,
        Err(error) => {
            output.report(&Diagnostic::new(Kind::Usage, format!("cannot start threads: {error}")));
            return Exit::Internal;
        }
    };
    for chunk in groups.chunks(FILES_AT_ONCE) {
        let read: Vec<(Vec<Rendered>, Vec<Diagnostic>)> = match &pool {
            Some(pool) => pool.install(|| chunk.par_iter().map(read_group).collect()),
            None => with_stack(|| chunk.iter().map(read_group).collect()),
        };
        for (rendered, diagnostics) in read {
            for one in rendered {
                if let Err(diagnostic) = writer.write(one, output) {
                    problems.push(diagnostic);
                }
            }
            problems.extend(diagnostics);
        }
    }
    progress.finish_and_clear();
    if let Err(diagnostic) = writer.finish(output) {
        problems.push(diagnostic);
    }
    problems.dedup();
    for problem in &problems {
        output.report(problem);
    }
    output.exit()
}

/// Handlers that share file and code root, in the order of their first.
fn grouped(handlers: &[Handler]) -> Vec<Vec<&Handler>> {
    let mut order: Vec<Vec<&Handler>> = Vec::new();
    let mut index: BTreeMap<(&Path, &Path, Option<&str>), usize> = BTreeMap::new();
    for handler in handlers {
        let key = (handler.file.as_path(), handler.code_root.as_path(), handler.inline.as_deref());
        match index.get(&key) {
            Some(at) => order[*at].push(handler),
            None => {
                index.insert(key, order.len());
                order.push(vec![handler]);
            }
        }
    }
    order
}

/// A warning for each place where memory stays from one invocation to the next.
fn growth(interface: &Interface) -> Vec<Diagnostic> {
    let places = interface.bytes.iter().flat_map(|bytes| &bytes.outcome.growth);
    places
        .map(|(file, line, message)| {
            Diagnostic::new(Kind::RetainedGrowth, message.clone()).in_file(file).at(Span {
                line: *line,
                column: 1,
                end_line: *line,
                end_column: 1,
            })
        })
        .collect()
}

/// An interface as text, with what names its file.
struct Rendered {
    stem: String,
    text: String,
    json: Option<Value>,
}

fn render(interface: &Interface, arguments: &ExtractArguments) -> Result<(Rendered, Vec<Diagnostic>), Diagnostic> {
    let stem = format!("{}_interface", interface.handler.replace('.', "_"));
    let mut diagnostics = Vec::new();
    let symbols = match arguments.symbols {
        SymbolsOption::Meminterface => Symbols::Meminterface,
        SymbolsOption::Sympy => Symbols::Sympy,
    };
    let paths = if arguments.list_paths {
        let (paths, more) =
            interface.paths(&BTreeMap::new(), arguments.max_paths).map_err(|error| error.diagnostic())?;
        if more {
            diagnostics.push(
                Diagnostic::new(
                    Kind::TooManyPaths,
                    format!("{} has more than {} paths", interface.handler, arguments.max_paths),
                )
                .in_file(&interface.file)
                .help("raise --max-paths, or use the interface: it covers all of them"),
            );
        }
        Some(paths)
    } else {
        None
    };
    match arguments.format {
        Format::Json => {
            let mut document = interface.to_json();
            if let (Some(paths), Some(object)) = (paths, document.as_object_mut()) {
                let list: Vec<Value> = paths
                    .iter()
                    .map(|path| json!({"conditions": path.conditions, "formula": path.formula.to_string()}))
                    .collect();
                object.insert("paths".to_owned(), Value::Array(list));
            }
            Ok((Rendered { stem, text: String::new(), json: Some(document) }, diagnostics))
        }
        Format::Python => {
            let text = match paths {
                None => interface.to_python(symbols),
                Some(paths) => {
                    let mut text = format!("{} ({}:{})\n", interface.handler, interface.file, interface.line);
                    for (number, path) in paths.iter().enumerate() {
                        let conditions = match path.conditions.as_slice() {
                            [] => "always".to_owned(),
                            conditions => conditions.join(" and "),
                        };
                        text.push_str(&format!("{:>4}. {conditions}\n      {}\n", number + 1, path.formula));
                    }
                    text
                }
            };
            Ok((Rendered { stem, text, json: None }, diagnostics))
        }
    }
}

/// Puts interfaces where they belong, as they come.
struct Writer<'a> {
    arguments: &'a ExtractArguments,
    /// Interfaces in all, as far as handlers were found.
    expected: usize,
    written: usize,
    names: BTreeMap<String, usize>,
    /// What goes into one file.
    held: String,
    documents: Vec<Value>,
}

impl<'a> Writer<'a> {
    fn new(arguments: &'a ExtractArguments, expected: usize) -> Self {
        Self { arguments, expected, written: 0, names: BTreeMap::new(), held: String::new(), documents: Vec::new() }
    }

    /// The folder to write into, if it is one: it is there, or its name has no file's ending.
    fn folder(&self) -> Option<&Path> {
        let path = self.arguments.output.as_deref()?;
        let file = path.extension().is_some_and(|ending| ending == "py" || ending == "json");
        (path.is_dir() || !file).then_some(path)
    }

    fn write(&mut self, rendered: Rendered, output: &mut Output) -> Result<(), Diagnostic> {
        self.written += 1;
        if let Some(folder) = self.folder().map(Path::to_path_buf) {
            let count = self.names.entry(rendered.stem.clone()).or_insert(0);
            *count += 1;
            let number = if *count == 1 { String::new() } else { format!("_{count}") };
            let (ending, text) = match &rendered.json {
                Some(document) => ("json", format!("{document:#}\n")),
                None => ("py", rendered.text),
            };
            return super::output::write_file(&folder.join(format!("{}{number}.{ending}", rendered.stem)), &text);
        }
        match rendered.json {
            Some(document) => self.documents.push(document),
            None => {
                let text = if self.written > 1 { format!("\n\n{}", rendered.text) } else { rendered.text };
                if self.arguments.output.is_some() { self.held.push_str(&text) } else { output.text(&text) }
            }
        }
        Ok(())
    }

    fn finish(self, output: &mut Output) -> Result<(), Diagnostic> {
        if self.folder().is_some() || (self.written == 0 && self.expected == 0) {
            return Ok(());
        }
        let mut text = self.held;
        if self.arguments.format == Format::Json {
            let mut documents = self.documents;
            let document = if self.expected == 1 && documents.len() == 1 {
                documents.swap_remove(0)
            } else {
                json!({
                    "schema": Schema::INTERFACES,
                    "interfaces": documents,
                })
            };
            text = format!("{document:#}\n");
            if self.arguments.output.is_none() {
                output.text(&text);
                return Ok(());
            }
        }
        match &self.arguments.output {
            Some(file) => super::output::write_file(file, &text),
            None => Ok(()),
        }
    }
}
