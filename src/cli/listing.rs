//! `meminterface listing`: what a publisher needs for a marketplace, and competing functions side by side.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use serde_json::Value;

use super::check::{Reading, cache, need_of, profiles};
use super::recommend::{WishArguments, is_of, need_of_measured, read_measured};
use super::{Exit, Output};
use crate::check::{Given, Profile, Settings};
use crate::contracts::Contracts;
use crate::diagnostic::{Diagnostic, Kind, Schema, near_help};
use crate::interface::{self, ExtractOptions, Symbols};
use crate::listing::compare::{Comparison, compare};
use crate::listing::document::{
    Application, Contract, Formula, Function, Setting, Size, Tested, Unknown, Validation, Way, date,
};
use crate::listing::sar::{self, Property};
use crate::listing::workload::{SIZES, Workload};
use crate::listing::{Basis, Listing, Number, badge, edit, markdown};
use crate::project::Sources;
use crate::project::discover::template::Template;
use crate::project::discover::{Handler, discover_with};
use crate::project::source::{read_record, read_text, with_stack};
use crate::recommend::{Platform, Times, Wishes, cost, recommend};

/// How the listing is written on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The metadata block and the memory section, for people.
    Text,
    /// `listing.json`, with a schema.
    Json,
    /// The memory section of the readme.
    Markdown,
    /// The metadata block of the template.
    Metadata,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people.
    Text,
    /// JSON with a schema.
    Json,
    /// A table for a page.
    Markdown,
}

/// Write what a marketplace listing needs: metadata, and what each function needs in memory and money.
///
/// Holds the metadata of the AWS Serverless Application Repository (`AWS::ServerlessRepo::Application`) to every limit
/// that is published, and describes the memory of each function with how each number is known. Runs nothing of the
/// user's code; figures of real runs come from `measure` and `validate`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ListingArguments {
    #[command(subcommand)]
    verb: Option<ListingVerb>,
    #[command(flatten)]
    of: TemplateArguments,
}

#[derive(Debug, Subcommand)]
enum ListingVerb {
    /// Put competing functions side by side: memory, time and cost at your inputs, and where one overtakes the other.
    Compare(CompareArguments),
}

#[derive(Args, Debug)]
struct CompareArguments {
    /// What `meminterface listing` wrote: two or more `listing.json`.
    #[arg(required = true, num_args = 2.., value_name = "LISTING")]
    listings: Vec<PathBuf>,
    /// Your inputs; each listing's own, if not given.
    #[arg(long, value_name = "FILE")]
    workload: Option<PathBuf>,
    /// The function, where listings have several.
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// How to write it.
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    format: CompareFormat,
}

#[derive(Args, Debug)]
struct TemplateArguments {
    /// A SAM template.
    #[arg(required = true, value_name = "TEMPLATE")]
    template: Option<PathBuf>,
    /// What `meminterface measure --format json` wrote.
    #[arg(long, value_name = "FILE")]
    measured: Vec<PathBuf>,
    /// What `meminterface validate --format json` wrote.
    #[arg(long, value_name = "FILE")]
    validation: Vec<PathBuf>,
    /// Inputs, small, medium and large: what `measure --record-mcvs` wrote, or your own.
    #[arg(long, value_name = "FILE")]
    workload: Option<PathBuf>,
    /// The folder to write into: `listing.json`, `listing.md`, `metadata.yaml`, badges, interfaces.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Write the metadata into the template and the section into the readme, and nothing else.
    #[arg(long)]
    apply: bool,
    /// Options win over what the template says.
    #[arg(long)]
    replace: bool,
    /// Everyone shall be able to use it: what that needs is an error where it is missing.
    #[arg(long)]
    public: bool,
    /// The application's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it does, in at most 256 characters.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Who publishes it.
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Its licence's identifier (SPDX).
    #[arg(long, value_name = "ID")]
    license: Option<String>,
    /// Its licence's file, from the template's folder, or an S3 address.
    #[arg(long, value_name = "PATH")]
    license_file: Option<String>,
    /// Its readme, from the template's folder, or an S3 address.
    #[arg(long, value_name = "PATH")]
    readme: Option<String>,
    /// A word to find it by; may be given several times.
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// A page about it.
    #[arg(long, value_name = "URL")]
    home_page: Option<String>,
    /// Its version.
    #[arg(long, value_name = "VERSION")]
    semantic_version: Option<String>,
    /// The public repository of its source.
    #[arg(long, value_name = "URL")]
    source_code: Option<String>,
    #[command(flatten)]
    wishes: WishArguments,
    /// How to write it on standard output, where no folder is given.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Read everything anew, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

/// The JSON Schemas of `listing.json` and of comparisons.
pub fn json_schemas() -> [(&'static str, Value); 2] {
    [
        ("listing", schemars::schema_for!(Listing).to_value()),
        ("comparison", schemars::schema_for!(Comparison).to_value()),
    ]
}

/// Runs the verb.
pub fn run(arguments: &ListingArguments, output: &mut Output) -> Exit {
    if let Some(ListingVerb::Compare(arguments)) = &arguments.verb {
        return run_compare(arguments, output);
    }
    let arguments = &arguments.of;
    let (built, problems) = build(arguments, output);
    for problem in &problems {
        output.report(problem);
    }
    let Some(built) = built else { return output.exit() };
    let section = markdown::section(&built.listing);
    let block = format!("Metadata:\n{}", edit::block(&built.application, "  ", "  "));
    match &arguments.output {
        Some(folder) => {
            if let Err(problem) = write(folder, &built, &section, &block) {
                output.report(&problem);
            }
        }
        None => output.text(&match arguments.format {
            Format::Text => format!("{block}\n{section}"),
            Format::Json => json(&built.listing),
            Format::Markdown => section,
            Format::Metadata => block,
        }),
    }
    if arguments.apply {
        // A template is not given what the repository would refuse.
        if problems.iter().any(|problem| problem.kind == Kind::InvalidMetadata && problem.is_error()) {
            output.note("nothing was applied: correct the metadata first\n");
        } else {
            match apply(&built, arguments.output.as_deref()) {
                Ok(notes) => notes.iter().for_each(|note| output.note(&format!("{note}\n"))),
                Err(problem) => output.report(&problem),
            }
        }
    }
    output.exit()
}

fn json(listing: &Listing) -> String {
    serde_json::to_string_pretty(listing).unwrap_or_default() + "\n"
}

/// A name as part of a file's name.
fn file_name(name: &str) -> String {
    let clean: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    clean.trim_start_matches('.').to_owned()
}

fn write(folder: &Path, built: &Built, section: &str, block: &str) -> Result<(), Diagnostic> {
    let write = |name: &str, text: &str| super::output::write_file(&folder.join(name), text);
    write("listing.json", &json(&built.listing))?;
    write("listing.md", section)?;
    write("metadata.yaml", block)?;
    for function in &built.listing.functions {
        let name = match built.listing.functions.len() {
            1 => "badge.svg".to_owned(),
            _ => format!("badge-{}.svg", file_name(&function.name)),
        };
        write(&name, &badge::svg(function))?;
    }
    for (name, text) in &built.interfaces {
        write(name, text)?;
    }
    Ok(())
}

/// Writes the block and the section; a line for people for each file.
fn apply(built: &Built, folder: Option<&Path>) -> Result<Vec<String>, Diagnostic> {
    let mut notes = Vec::new();
    let template = &built.template;
    let document = sar::document(template)?;
    // The text without a mark of byte order is what was read; a file keeps its mark.
    let changed = edit::apply(template, document, &built.application)?;
    let raw = fs_err::read(&template.path)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, error.to_string()).in_file(&template.path))?;
    let has_mark = raw.starts_with("\u{feff}".as_bytes()) && !changed.starts_with('\u{feff}');
    if changed == template.text {
        notes.push(format!("{}: the metadata is there already", template.path.display()));
    } else {
        let text = if has_mark { format!("\u{feff}{changed}") } else { changed };
        super::output::write_file(&template.path, &text)?;
        notes.push(format!("{}: now has the metadata", template.path.display()));
    }
    let Some((_, readme)) = sar::readme(&template.path) else {
        notes.push("there is no readme beside the template: none was changed".to_owned());
        return Ok(notes);
    };
    let mut listing = built.listing.clone();
    // Links count from the readme's folder.
    let base = readme.parent().unwrap_or(Path::new(""));
    let relative = folder.and_then(|folder| {
        let here =
            |path: &Path| std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path }).ok();
        here(folder)?.strip_prefix(here(base)?).ok().map(|path| path.to_string_lossy().replace('\\', "/"))
    });
    for function in &mut listing.functions {
        function.interface_file = match (&relative, &function.interface_file) {
            (Some(folder), Some(file)) if folder.is_empty() => Some(file.clone()),
            (Some(folder), Some(file)) => Some(format!("{folder}/{file}")),
            _ => None,
        };
    }
    let before = fs_err::read_to_string(&readme)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(&readme))?;
    let Some(after) = markdown::insert(&before, &markdown::section(&listing)) else {
        let message = "the markers of the memory section are not there once each, in order";
        return Err(Diagnostic::new(Kind::CannotApply, message).in_file(&readme).help(format!(
            "put `{}` before the section and `{}` behind it, once each; it was not changed",
            markdown::BEGIN,
            markdown::END
        )));
    };
    if after == before {
        notes.push(format!("{}: the section is there already", readme.display()));
    } else {
        super::output::write_file(&readme, &after)?;
        notes.push(format!("{}: now has the section", readme.display()));
    }
    Ok(notes)
}

/// What was made of a template.
struct Built {
    template: Template,
    application: sar::Application,
    listing: Listing,
    /// Interface files, by name from the listing's folder.
    interfaces: Vec<(String, String)>,
}

/// Reads everything and puts the listing together. Nothing is written.
fn build(arguments: &TemplateArguments, output: &mut Output) -> (Option<Built>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let path = arguments.template.clone().unwrap_or_default();
    if path.is_dir() {
        let help = match templates_of(&path).as_slice() {
            [] => "name a SAM template".to_owned(),
            found => format!("name one of its templates: {}", found.join(", ")),
        };
        problems.push(Diagnostic::new(Kind::InvalidMetadata, "is a folder").in_file(&path).help(help));
        return (None, problems);
    }
    let Some(template) = Template::read(&path, &mut problems) else { return (None, problems) };
    let document = match sar::document(&template) {
        Ok(document) => Arc::clone(document),
        Err(problem) => {
            problems.push(problem);
            return (None, problems);
        }
    };
    let (application, found) = sar::application(&template, &document, &given(arguments));
    problems.extend(found);
    let inputs = match Inputs::read(arguments) {
        Ok(inputs) => inputs,
        Err(problem) => {
            problems.push(problem);
            return (None, problems);
        }
    };
    let sources: Arc<Sources> = Arc::default();
    let (handlers, found) = discover_with(std::slice::from_ref(&path), None, &sources);
    // That a template has no Python function is told below, once.
    problems.extend(found.into_iter().filter(|problem| problem.kind != Kind::NoHandler));
    if handlers.is_empty() && !problems.iter().any(Diagnostic::is_error) {
        let none = Diagnostic::new(Kind::NoHandler, "names no Python function").in_file(&path);
        problems.push(none.help("the metadata is checked all the same; the listing has no functions"));
    }
    problems.extend(inputs.unused(&handlers));
    let first = match assemble(arguments, &handlers, &inputs, &sources, output, &BTreeMap::new(), &mut problems) {
        Ok(found) => found,
        Err(problem) => {
            problems.push(problem);
            return (None, problems);
        }
    };
    // What no workload and no measurement says is assumed, input by input.
    let assumed: BTreeMap<String, Vec<Given>> = first
        .iter()
        .filter(|(handler, profile)| {
            inputs.measured_of(handler, handlers.len()).is_empty() && inputs.workload.is_none() && profile.complete
        })
        .map(|(_, profile)| (profile.id.clone(), assumed_inputs(profile)))
        .filter(|(_, given)| !given.is_empty())
        .collect();
    let profiles = if assumed.is_empty() {
        first
    } else {
        match assemble(arguments, &handlers, &inputs, &sources, output, &assumed, &mut Vec::new()) {
            Ok(found) => found,
            Err(problem) => {
                problems.push(problem);
                return (None, problems);
            }
        }
    };
    let mut functions = Vec::new();
    let mut interfaces = Vec::new();
    for (handler, profile) in &profiles {
        let (platform, wishes) = match arguments.wishes.of(handler) {
            Ok(both) => both,
            Err(problem) => {
                problems.push(problem);
                return (None, problems);
            }
        };
        let is_assumed = assumed.contains_key(&profile.id);
        let mut function = function(handler, profile, &platform, &wishes, &inputs, handlers.len(), is_assumed);
        if let Some((text, ways, more)) = interface_of(handler) {
            let mut name = format!("interfaces/{}_interface.py", file_name(&function.name));
            if interfaces.iter().any(|(known, _): &(String, String)| *known == name) {
                name = format!("interfaces/{}_{}_interface.py", file_name(&function.name), interfaces.len() + 1);
            }
            function.interface_file = Some(name.clone());
            (function.ways, function.more_ways) = (ways, more);
            interfaces.push((name, text));
        }
        functions.push(function);
    }
    let get = |property: Property| application.get(property).map(str::to_owned);
    let listing = Listing {
        schema: Schema::LISTING,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        application: Application {
            name: get(Property::Name),
            description: get(Property::Description),
            author: get(Property::Author),
            version: get(Property::SemanticVersion),
            license: get(Property::SpdxLicenseId),
            source_code_url: get(Property::SourceCodeUrl),
        },
        contracts: contracts(profiles.iter().map(|(_, profile)| profile)),
        functions,
    };
    (Some(Built { template, application, listing, interfaces }), problems)
}

/// The templates right in a folder, for a message.
fn templates_of(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = fs_err::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| {
            let ending = name.rsplit('.').next().unwrap_or("");
            name.contains("template") && matches!(ending, "yaml" | "yml" | "json")
        })
        .map(|name| folder.join(name).to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// What options say of the metadata.
fn given(arguments: &TemplateArguments) -> sar::Given {
    let single = [
        (Property::Name, &arguments.name),
        (Property::Description, &arguments.description),
        (Property::Author, &arguments.author),
        (Property::SpdxLicenseId, &arguments.license),
        (Property::LicenseUrl, &arguments.license_file),
        (Property::ReadmeUrl, &arguments.readme),
        (Property::HomePageUrl, &arguments.home_page),
        (Property::SemanticVersion, &arguments.semantic_version),
        (Property::SourceCodeUrl, &arguments.source_code),
    ];
    let mut values: Vec<(Property, Vec<String>)> =
        single.into_iter().filter_map(|(property, value)| Some((property, vec![value.clone()?]))).collect();
    if !arguments.label.is_empty() {
        values.push((Property::Labels, arguments.label.clone()));
    }
    sar::Given { values, replace: arguments.replace, public: arguments.public }
}

/// What was measured and proven, and the workload.
#[derive(Default)]
struct Inputs {
    measured: Vec<(PathBuf, Value)>,
    validations: Vec<(PathBuf, Value)>,
    workload: Option<Workload>,
}

impl Inputs {
    fn read(arguments: &TemplateArguments) -> Result<Self, Diagnostic> {
        let mut inputs = Self::default();
        for file in &arguments.measured {
            inputs.measured.push((file.clone(), read_measured(file)?));
        }
        for file in &arguments.validation {
            inputs.validations.push((file.clone(), read_validation(file)?));
        }
        if let Some(file) = &arguments.workload {
            inputs.workload = Some(Workload::parse(file, &read_text(file)?)?);
        }
        Ok(inputs)
    }

    fn measured_of(&self, handler: &Handler, handlers: usize) -> Vec<&Value> {
        self.measured
            .iter()
            .map(|(_, document)| document)
            .filter(|document| is_of(document, handler, handlers))
            .collect()
    }

    fn validation_of(&self, handler: &Handler) -> Option<&Value> {
        self.validations.iter().map(|(_, document)| document).find(|document| is_validation_of(document, handler))
    }

    /// Records of functions that the template does not have.
    fn unused(&self, handlers: &[Handler]) -> Vec<Diagnostic> {
        let names: Vec<String> = handlers.iter().map(Handler::name).collect();
        let stranger = |file: &Path, name: &str, what: &str| {
            let all = || format!("the template's functions are: {}", names.join(", "));
            let help = near_help(name, names.iter().map(String::as_str), all);
            Diagnostic::new(Kind::InvalidListing, format!("{what} `{name}`, which is no function of this template"))
                .in_file(file)
                .help(help)
        };
        let measured = self
            .measured
            .iter()
            .filter(|(_, document)| !handlers.iter().any(|handler| is_of(document, handler, handlers.len())));
        let measured = measured
            .map(|(file, document)| stranger(file, document["handler"]["entry"].as_str().unwrap_or("?"), "measured"));
        let proven = self
            .validations
            .iter()
            .filter(|(_, document)| !handlers.iter().any(|handler| is_validation_of(document, handler)))
            .map(|(file, document)| stranger(file, document["handler"].as_str().unwrap_or("?"), "validated"));
        measured.chain(proven).collect()
    }
}

fn is_validation_of(document: &Value, handler: &Handler) -> bool {
    let name = document["handler"].as_str().unwrap_or("");
    name == handler.name() || name == handler.entry
}

fn read_validation(file: &Path) -> Result<Value, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::new(Kind::InvalidListing, format!("is no validation: {why}"))
            .in_file(file)
            .help("write one with `meminterface validate … --format json -o FILE`")
    };
    let document: Value = serde_json::from_str(&read_record(file)?).map_err(|error| wrong(error.to_string()))?;
    let schema = &document["schema"];
    if schema["name"] != Schema::VALIDATE.name {
        return Err(wrong("it has another schema".to_owned()));
    }
    if schema["version"] != Schema::VALIDATE.version {
        let reads = Schema::VALIDATE.version;
        return Err(wrong(format!("it has version {} of the form; this tool reads {reads}", schema["version"])));
    }
    Ok(document)
}

/// Profiles of handlers, with the inputs of the workload or those that are assumed.
fn assemble<'a>(
    arguments: &TemplateArguments,
    handlers: &'a [Handler],
    inputs: &Inputs,
    sources: &Arc<Sources>,
    output: &mut Output,
    assumed: &BTreeMap<String, Vec<Given>>,
    problems: &mut Vec<Diagnostic>,
) -> Result<Vec<(&'a Handler, Profile)>, Diagnostic> {
    let of_workload: Vec<Given> = inputs.workload.as_ref().map(of_workload).unwrap_or_default();
    let given = |names: &[&str]| match names.first().and_then(|id| assumed.get(*id)) {
        Some(given) => given.clone(),
        None => of_workload.clone(),
    };
    let bases = std::env::current_dir().map(|here| vec![(here, String::new())]).unwrap_or_default();
    let cache = cache(arguments.no_cache);
    let reading = Reading {
        settings: Settings { bases, version: None, platform: arguments.wishes.platform() },
        cache: &cache,
        jobs: None,
    };
    let (found, more) = profiles(handlers, &given, sources, &reading, output);
    problems.extend(more);
    Ok(found.into_iter().filter_map(|(number, profile)| Some((handlers.get(number)?, profile))).collect())
}

fn named(values: &BTreeMap<String, Value>) -> String {
    let all: Vec<String> = values
        .iter()
        .map(|(name, value)| {
            let text = value.to_string();
            let text = if text.chars().count() > 40 { text.chars().take(39).chain(['…']).collect() } else { text };
            format!("{name} = {text}")
        })
        .collect();
    all.join(", ")
}

fn of_workload(workload: &Workload) -> Vec<Given> {
    (0..SIZES.len())
        .map(|place| {
            let pick = |(name, all): (&String, &[Value; 3])| Some((name.clone(), all.get(place)?.clone()));
            let inputs: BTreeMap<String, Value> = workload.values.iter().filter_map(pick).collect();
            let (size, _) = SIZES.get(place).copied().unwrap_or(("", 0.0));
            Given { name: format!("{size}: {}", named(&inputs)), event: None, inputs }
        })
        .collect()
}

/// Sizes for inputs that nobody says anything of: 100, 1,000 and 10,000 of each part of the event that the peak grows
/// in.
fn assumed_inputs(profile: &Profile) -> Vec<Given> {
    let symbols: Vec<&String> = profile
        .peak
        .orders
        .iter()
        .chain(&profile.resident_peak.orders)
        .filter(|(symbol, order)| (symbol.contains("[\"") || symbol.starts_with("len(")) && order.as_str() != "1")
        .map(|(symbol, _)| symbol)
        .collect();
    if symbols.is_empty() || symbols.len() > 8 {
        return Vec::new();
    }
    [100_i64, 1_000, 10_000]
        .into_iter()
        .zip(SIZES)
        .map(|(value, (size, _))| {
            let inputs: BTreeMap<String, Value> =
                symbols.iter().map(|symbol| ((*symbol).clone(), Value::from(value))).collect();
            Given { name: format!("{size}: {}", named(&inputs)), event: None, inputs }
        })
        .collect()
}

/// The interface as a file, and the ways through it.
fn interface_of(handler: &Handler) -> Option<(String, Vec<Way>, bool)> {
    const MOST_WAYS: usize = 16;
    with_stack(|| {
        let (interfaces, _) = interface::extract(&[handler], &ExtractOptions::default());
        let found = interfaces.into_iter().next()?;
        let (ways, more) = found.paths(&BTreeMap::new(), MOST_WAYS).unwrap_or_default();
        let shortened = |text: String| {
            let text = without_marks(&text);
            if text.chars().count() > 1000 { text.chars().take(999).chain(['…']).collect() } else { text }
        };
        let ways = ways
            .into_iter()
            .map(|way| Way {
                conditions: way.conditions.into_iter().map(|condition| shortened(condition.to_string())).collect(),
                words: shortened(way.formula.to_string()),
            })
            .collect();
        Some((found.to_python(Symbols::Meminterface), ways, more))
    })
}

/// A text without the marks (U+F8FF and a number, as it is or escaped) by which the reader tells functions apart.
fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let Some((at, length)) =
            ["\u{f8ff}", "\\uf8ff"].iter().filter_map(|mark| Some((rest.find(mark)?, mark.len()))).min()
        else {
            out.push_str(rest);
            return out;
        };
        let (head, tail) = (rest.get(..at).unwrap_or(""), rest.get(at + length..).unwrap_or(""));
        out.push_str(head);
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    }
}

/// What the contracts of a template's functions are checked with.
fn contracts<'a>(profiles: impl Iterator<Item = &'a Profile>) -> Vec<Contract> {
    let mut used: Vec<String> = profiles.flat_map(|profile| profile.imports.clone()).collect();
    used.push("python".to_owned());
    let aliases = [("boto3", "aws"), ("botocore", "aws")];
    let is_used = |library: &str| {
        used.iter().any(|name| name == library || aliases.iter().any(|(import, of)| import == name && *of == library))
    };
    let mut found: Vec<Contract> = Contracts::shipped()
        .libraries()
        .into_iter()
        .filter(|library| is_used(&library.name))
        .map(|library| Contract {
            library: library.name.to_string(),
            versions: library.versions.as_ref().map(ToString::to_string),
        })
        .collect();
    found.sort_by(|a, b| a.library.cmp(&b.library));
    found.dedup();
    found
}

/// What a measurement says of one event: the most of all its runs.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: String,
    bytes: u64,
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

fn seen(measured: &[&Value]) -> Vec<Seen> {
    let mut found: Vec<((usize, u64), Seen)> = Vec::new();
    for (number, document) in measured.iter().enumerate() {
        for one in document["invocations"].as_array().into_iter().flatten() {
            let key = (number, one["event"].as_u64().unwrap_or(0));
            let at = found.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                let name = one["name"].as_str().map_or_else(|| format!("event {}", key.1), str::to_owned);
                found.push((key, Seen { name, ..Seen::default() }));
                found.len() - 1
            });
            let Some((_, seen)) = found.get_mut(at) else { continue };
            let concurrent = one["concurrent"].as_f64().unwrap_or(1.0).max(1.0);
            seen.bytes = seen.bytes.max(one["peak_resident_bytes"].as_u64().unwrap_or(0));
            seen.wall_ms.extend(one["wall_ms"].as_f64());
            seen.cpu_ms.extend(one["cpu_ms"].as_f64().map(|ms| ms / concurrent));
        }
    }
    let mut all: Vec<Seen> = found.into_iter().map(|(_, seen)| seen).collect();
    all.sort_by(|a, b| a.bytes.cmp(&b.bytes).then_with(|| a.name.cmp(&b.name)));
    all
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

fn formula(quantity: &crate::check::Quantity) -> Formula {
    Formula { bytes: quantity.formula.clone(), growth: quantity.growth.clone() }
}

/// Puts together what is known of a function.
fn function(
    handler: &Handler,
    profile: &Profile,
    platform: &Platform,
    wishes: &Wishes,
    inputs: &Inputs,
    handlers: usize,
    is_assumed: bool,
) -> Function {
    let measured = inputs.measured_of(handler, handlers);
    // Sizes that nobody stated decide the setting only where the platform bounds nothing: `recommend` says the same.
    let is_bounded = is_assumed && profile.footprint.max.is_some();
    let (need, basis) = match (measured.is_empty(), is_bounded) {
        (false, _) => (need_of_measured(handler, &measured), Basis::Measured),
        (true, true) => (need_of(handler, &Profile { at: Vec::new(), ..profile.clone() }), Basis::Learned),
        (true, false) => (need_of(handler, profile), if is_assumed { Basis::Assumed } else { Basis::Learned }),
    };
    let found = recommend(platform, &need, wishes);
    let price = platform.price(&wishes.architecture).or(platform.prices.first());
    let used_mb = found.footprint_bytes.map_or(platform.memory.min_mb, |bytes| bytes.div_ceil(1 << 20));
    let at = |times: &Times| Some(cost(platform, price?, &wishes.usage, times, found.memory_mb?, used_mb));
    let no_times = || Number::unknown(Basis::Measured, "needs times: measure it, and pass `--measured`");
    let seen = seen(&measured);
    let mut sizes = Vec::new();
    if seen.is_empty() {
        for (one, (name, _)) in profile.at.iter().zip(SIZES) {
            let given = one.name.split_once(": ").map_or(one.name.as_str(), |(_, rest)| rest);
            let values = given_values(inputs, name, is_assumed, profile);
            let number = |bounds: crate::check::Bounds| match (bounds.max, &one.raises) {
                (_, Some(raised)) => {
                    Number::unknown(Basis::Learned, format!("the function raises {raised} on these inputs"))
                }
                (Some(max), None) => {
                    let number = Number::new(max as f64, Basis::Learned);
                    if bounds.exact().is_some() { number } else { number.note("at most") }
                }
                (None, None) if one.unknown.is_empty() => Number::unknown(Basis::Learned, "nothing bounds it"),
                (None, None) => {
                    let names: Vec<&str> = one.unknown.iter().take(4).map(String::as_str).collect();
                    Number::unknown(Basis::Learned, format!("it depends on {}", names.join(", ")))
                }
            };
            let footprint = if profile.unknown_imports.is_empty() {
                number(one.footprint)
            } else {
                Number::unknown(
                    Basis::Learned,
                    format!("the footprint of {} is not known", profile.unknown_imports.join(", ")),
                )
            };
            sizes.push(Size {
                name: name.to_owned(),
                inputs: given.to_owned(),
                values,
                basis: is_assumed.then_some(Basis::Assumed),
                peak_bytes: Some(number(one.peak)),
                footprint_bytes: Some(footprint),
                duration_ms: Some(no_times()),
                cost_per_million_usd: Some(no_times()),
            });
        }
    } else {
        let last = seen.len() - 1;
        let base = need.baseline_bytes.unwrap_or(0);
        for ((name, _), place) in SIZES.into_iter().zip([0, last / 2, last]) {
            let Some(one) = seen.get(place) else { continue };
            let times =
                Times { wall_ms: median(&one.wall_ms), cpu_ms: median(&one.cpu_ms), ..need.times.unwrap_or_default() };
            let cost = at(&times);
            let above = one.bytes.saturating_sub(base) as f64;
            sizes.push(Size {
                name: name.to_owned(),
                inputs: one.name.clone(),
                values: BTreeMap::new(),
                basis: Some(Basis::Measured),
                peak_bytes: Some(Number::new(above, Basis::Measured).note("resident, above the baseline")),
                footprint_bytes: Some(Number::new(one.bytes as f64, Basis::Measured)),
                duration_ms: cost.map(|cost| Number::new(rounded(cost.warm_ms, 2), Basis::Measured)),
                cost_per_million_usd: cost.map(|cost| Number::new(rounded(cost.average_usd * 1e6, 4), Basis::Measured)),
            });
        }
    }
    let validation = inputs.validation_of(handler);
    let cold_start = match (need.times, validation.and_then(|document| document["init_ms"].as_f64())) {
        (Some(times), _) => {
            let ms = at(&times).map_or(times.init_wall_ms, |cost| cost.init_ms);
            Number::new(rounded(ms, 1), Basis::Measured)
        }
        (None, Some(ms)) => Number::new(rounded(ms, 1), Basis::Measured).note("from the validation"),
        (None, None) => Number::unknown(Basis::Measured, "measure it, and pass `--measured`"),
    };
    let mut unknown: Vec<Unknown> = profile
        .unknown
        .iter()
        .map(|one| Unknown { name: one.name.clone(), cause: one.cause.clone(), file: one.file.clone(), line: one.line })
        .collect();
    unknown.extend(profile.unknown_imports.iter().map(|name| Unknown {
        name: format!("import {name}"),
        cause: "no footprint of this package is shipped".to_owned(),
        file: String::new(),
        line: 0,
    }));
    let why_no_setting = if profile.complete {
        "its footprint is not known: measure it, or give a workload"
    } else {
        "the function was not followed to its end: measure it"
    };
    Function {
        name: profile.logical_id.clone().unwrap_or_else(|| profile.name.clone()),
        handler: profile.name.clone(),
        file: profile.file.clone(),
        demand: formula(&profile.demand),
        peak: formula(&profile.peak),
        resident_peak: formula(&profile.resident_peak),
        retained: formula(&profile.retained),
        complete: profile.complete,
        ways: Vec::new(),
        more_ways: false,
        drivers: drivers(profile),
        unknown,
        baseline_bytes: need.baseline_bytes.map(|bytes| {
            let number = Number::new(bytes as f64, if measured.is_empty() { Basis::Learned } else { Basis::Measured });
            if measured.is_empty() { number.note("shipped footprints of imports") } else { number }
        }),
        setting: Setting {
            recommended_mb: Some(match found.memory_mb {
                Some(mb) => Number::new(mb as f64, basis),
                None => Number::unknown(basis, why_no_setting),
            }),
            template_mb: profile.memory_mb,
            headroom_percent: found.headroom_percent,
            percentile: found.percentile,
            platform: found.platform.clone(),
            architecture: found.architecture.clone(),
        },
        cost_per_million_usd: Some(match &found.costs {
            Some(costs) => Number::new(costs.million_usd, Basis::Measured).note(format!(
                "prices of {}; cold starts of {} in 100 requests are assumed",
                found.prices_of,
                costs.cold_start_rate * 100.0
            )),
            None => no_times(),
        }),
        sizes,
        cold_start_ms: Some(cold_start),
        tested: seen.first().zip(seen.last()).map(|(least, most)| Tested {
            events: seen.len(),
            least_bytes: least.bytes,
            most_bytes: most.bytes,
        }),
        validation: validation.map(record),
        interface_file: None,
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// The values behind a size.
fn given_values(inputs: &Inputs, size: &str, is_assumed: bool, profile: &Profile) -> BTreeMap<String, Value> {
    let place = SIZES.iter().position(|(name, _)| *name == size).unwrap_or(0);
    if is_assumed {
        return assumed_inputs(profile).into_iter().nth(place).map(|given| given.inputs).unwrap_or_default();
    }
    inputs
        .workload
        .as_ref()
        .and_then(|workload| of_workload(workload).into_iter().nth(place))
        .map(|given| given.inputs)
        .unwrap_or_default()
}

/// What drives a function's memory: where its peak comes from, then the other statements that make memory grow.
fn drivers(profile: &Profile) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let peak = profile.peak_place();
    for one in peak.into_iter().chain(profile.allocations.iter().rev()) {
        let place =
            if one.file == profile.file { format!("line {}", one.line) } else { format!("{}:{}", one.file, one.line) };
        let text = format!("{} ({place})", one.what);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all.truncate(5);
    all
}

fn record(document: &Value) -> Validation {
    let events = document["events"].as_array().map_or(&[][..], Vec::as_slice);
    let errors = events.iter().filter_map(|event| event["error"].as_f64()).map(f64::abs);
    let text = |key: &str| document[key].as_str().unwrap_or("?").to_owned();
    Validation {
        date: date(document["measured_at"].as_u64().unwrap_or(0)),
        kernel: text("kernel"),
        python: text("python"),
        passed: document["passed"].as_bool().unwrap_or(false),
        proven: document["proven"].as_bool().unwrap_or(false),
        events: events.len(),
        recommended_mb: document["recommended_mb"].as_u64(),
        smallest_surviving_mb: document["smallest_surviving_mb"].as_u64(),
        footprint_bytes: document["footprint_bytes"].as_u64().unwrap_or(0),
        error: errors.reduce(f64::max),
    }
}

fn run_compare(arguments: &CompareArguments, output: &mut Output) -> Exit {
    let compared = || -> Result<Comparison, Diagnostic> {
        let mut listings = Vec::new();
        for file in &arguments.listings {
            let listing = Listing::parse(file, &read_record(file)?)?;
            listings.push((file.to_string_lossy().into_owned(), listing));
        }
        let workload = match &arguments.workload {
            Some(file) => Some(Workload::parse(file, &read_text(file)?)?),
            None => None,
        };
        compare(&listings, workload.as_ref(), arguments.function.as_deref())
    };
    match compared() {
        Ok(comparison) => output.text(&match arguments.format {
            CompareFormat::Text => crate::listing::compare::text(&comparison),
            CompareFormat::Markdown => crate::listing::compare::markdown(&comparison),
            CompareFormat::Json => serde_json::to_string_pretty(&comparison).unwrap_or_default() + "\n",
        }),
        Err(problem) => output.report(&problem),
    }
    output.exit()
}

/// The words of `meminterface listing`, parsed by themselves: for the Python package.
#[derive(Debug, Parser)]
#[command(name = "listing", no_binary_name = true)]
struct Words {
    #[command(flatten)]
    arguments: TemplateArguments,
}

/// The listing, the metadata block, the section and the warnings of a template, as the Python package gives them.
#[derive(Debug)]
pub struct Whole {
    /// `listing.json`.
    pub json: String,
    /// The metadata block.
    pub metadata: String,
    /// The memory section.
    pub markdown: String,
    /// What is wrong without being an error.
    pub warnings: Vec<Diagnostic>,
}

/// Makes a listing as the command does, and writes nothing.
///
/// # Errors
/// The first error that the command would report.
pub fn whole(words: Vec<OsString>) -> Result<Whole, Diagnostic> {
    let parsed = Words::command().try_get_matches_from(words).and_then(|matches| Words::from_arg_matches(&matches));
    let words = parsed.map_err(|error| Diagnostic::new(Kind::Usage, error.to_string().trim().to_owned()))?;
    let (built, problems) = build(&words.arguments, &mut Output::default());
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(Diagnostic::is_error);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let built = built.ok_or_else(|| Diagnostic::new(Kind::InvalidMetadata, "no listing could be made"))?;
    Ok(Whole {
        json: json(&built.listing),
        metadata: format!("Metadata:\n{}", edit::block(&built.application, "  ", "  ")),
        markdown: markdown::section(&built.listing),
        warnings,
    })
}
