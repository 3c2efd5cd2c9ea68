//! Metadata of the AWS Serverless Application Repository: read from a template, completed from options and the
//! project's files, and held to every limit that is published.
//!
//! Limits and patterns: "AWS SAM template Metadata section properties", AWS SAM developer guide
//! (docs.aws.amazon.com/serverless-application-model, serverless-sam-template-publishing-applications-metadata-properties),
//! and `CreateApplication` of the repository's API reference, both read on 2026-11-21. What is needed to publish to
//! everyone: the same table, and "Publishing applications", developer guide of the repository.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Kind, Span, near_help, near_names};
use crate::project::discover::template::Template;
use crate::project::discover::yaml::{Node, Value};

/// The key of the block below `Metadata`.
pub const KEY: &str = "AWS::ServerlessRepo::Application";

/// Largest licence and readme, in bytes: "Maximum size: 5 MB".
pub const MOST_FILE_BYTES: u64 = 5 << 20;

/// Most labels.
pub const MOST_LABELS: usize = 10;

/// A property of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// The application's name.
    Name,
    /// What it does.
    Description,
    /// Who publishes it.
    Author,
    /// Its licence, by the list of SPDX.
    SpdxLicenseId,
    /// The licence's text in the template itself.
    LicenseBody,
    /// The licence's file.
    LicenseUrl,
    /// The readme's text in the template itself.
    ReadmeBody,
    /// The readme's file.
    ReadmeUrl,
    /// Words to find it by.
    Labels,
    /// A page about it.
    HomePageUrl,
    /// Its version.
    SemanticVersion,
    /// The repository of its source.
    SourceCodeUrl,
}

impl Property {
    /// All of them, in the order in which they are written.
    pub const ALL: [Property; 12] = [
        Property::Name,
        Property::Description,
        Property::Author,
        Property::SpdxLicenseId,
        Property::LicenseBody,
        Property::LicenseUrl,
        Property::ReadmeBody,
        Property::ReadmeUrl,
        Property::Labels,
        Property::HomePageUrl,
        Property::SemanticVersion,
        Property::SourceCodeUrl,
    ];

    /// As the template writes it.
    pub fn key(self) -> &'static str {
        match self {
            Property::Name => "Name",
            Property::Description => "Description",
            Property::Author => "Author",
            Property::SpdxLicenseId => "SpdxLicenseId",
            Property::LicenseBody => "LicenseBody",
            Property::LicenseUrl => "LicenseUrl",
            Property::ReadmeBody => "ReadmeBody",
            Property::ReadmeUrl => "ReadmeUrl",
            Property::Labels => "Labels",
            Property::HomePageUrl => "HomePageUrl",
            Property::SemanticVersion => "SemanticVersion",
            Property::SourceCodeUrl => "SourceCodeUrl",
        }
    }

    /// The option that gives it; none for what only a template holds.
    fn option(self) -> &'static str {
        match self {
            Property::Name => "--name",
            Property::Description => "--description",
            Property::Author => "--author",
            Property::SpdxLicenseId => "--license",
            Property::LicenseUrl | Property::LicenseBody => "--license-file",
            Property::ReadmeUrl | Property::ReadmeBody => "--readme",
            Property::Labels => "--label",
            Property::HomePageUrl => "--home-page",
            Property::SemanticVersion => "--semantic-version",
            Property::SourceCodeUrl => "--source-code",
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The template's block.
    Template(Span),
    /// An option.
    Option,
    /// Another file of the project, or another part of the template.
    Project(String),
}

/// A value: one text, or several for labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Which.
    pub property: Property,
    /// The text; of labels each one.
    pub values: Vec<String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    /// Its fields, in the order of [`Property::ALL`].
    pub fields: Vec<Field>,
}

impl Application {
    /// The text of a property; of labels the first.
    pub fn get(&self, property: Property) -> Option<&str> {
        self.field(property).and_then(|field| field.values.first()).map(String::as_str)
    }

    /// A field.
    pub fn field(&self, property: Property) -> Option<&Field> {
        self.fields.iter().find(|field| field.property == property)
    }

    fn set(&mut self, field: Field) {
        self.fields.retain(|known| known.property != field.property);
        self.fields.push(field);
        self.fields.sort_by_key(|field| field.property);
    }
}

/// What the user gives by options.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Values by property.
    pub values: Vec<(Property, Vec<String>)>,
    /// Whether an option wins over the template; without, a difference is an error.
    pub replace: bool,
    /// Whether everyone shall be able to use it.
    pub public: bool,
}

fn wrong(template: &Template, span: Span, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    template.diagnostic(span, Diagnostic::new(Kind::InvalidMetadata, message).help(help))
}

fn warning(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.severity = crate::diagnostic::Severity::Warning;
    diagnostic
}

/// Whether a template is one of SAM or CloudFormation.
fn is_aws(document: &Node) -> bool {
    document.get("Transform").is_some() || document.get("AWSTemplateFormatVersion").is_some() || resources(document)
}

fn resources(document: &Node) -> bool {
    document.get("Resources").is_some_and(|node| {
        let kind = |entry: &crate::project::discover::yaml::Entry| {
            entry.value.get("Type").and_then(|kind| kind.scalar()).is_some_and(|kind| kind.contains("::"))
        };
        node.entries().iter().any(kind)
    })
}

/// The one document of a template that is published.
///
/// # Errors
/// `invalid-metadata`: a template of another kind, or several.
pub fn document(template: &Template) -> Result<&Arc<Node>, Diagnostic> {
    let documents: Vec<&Arc<Node>> = template.documents.iter().filter(|node| !node.entries().is_empty()).collect();
    let published: Vec<&Arc<Node>> =
        documents.iter().copied().filter(|node| node.at(&["Metadata", KEY]).is_some()).collect();
    if let [_, second, ..] = published.as_slice() {
        let span = second.at(&["Metadata", KEY]).map_or(second.span, |node| node.span);
        return Err(wrong(
            template,
            span,
            "holds several applications",
            "a template publishes one: give each application a template of its own",
        ));
    }
    match published.first().or(documents.iter().find(|node| is_aws(node))) {
        Some(node) if is_aws(node) => Ok(node),
        other => {
            let is_serverless = template.documents.iter().any(|node| node.get("functions").is_some());
            let is_azure = template.documents.iter().any(|node| node.get("bindings").is_some());
            let kind = match (is_serverless, is_azure) {
                (true, _) => "is a template of the Serverless Framework",
                (_, true) => "is a function.json of Azure",
                _ => "is no template of AWS SAM",
            };
            let span = other.map_or(Span::point(1, 1), |node| node.span);
            Err(wrong(
                template,
                span,
                format!("{kind}: the AWS Serverless Application Repository takes none"),
                "name a SAM template (`Transform: AWS::Serverless-2016-10-31`, `Resources`)",
            ))
        }
    }
}

/// Whether a value needs CloudFormation to become one; what it is called.
fn intrinsic(node: &Node) -> Option<String> {
    if let Some(tag) = &node.tag {
        return Some(format!("!{tag}"));
    }
    match node.entries() {
        [only] if only.key == "Ref" || only.key.starts_with("Fn::") => Some(only.key.clone()),
        _ => node.items().iter().find_map(|item| intrinsic(item)),
    }
}

/// Reads the block of a template as it stands.
///
/// Gives also the properties that are there and cannot be used: that they are missing would be no news.
fn read(template: &Template, document: &Node, problems: &mut Vec<Diagnostic>) -> (Application, Vec<Property>) {
    let mut application = Application::default();
    let mut told = Vec::new();
    misplaced(template, document, problems);
    let Some(block) = document.at(&["Metadata", KEY]) else { return (application, told) };
    if let Value::List(items) = &block.value {
        let message = if items.len() > 1 { "holds several applications" } else { "the block is a list" };
        let help = "a template publishes one application: write its properties right below the key";
        problems.push(wrong(template, block.span, message, help));
        return (application, Property::ALL.to_vec());
    }
    if block.entries().is_empty() {
        let help = "write `Name`, `Description` and `Author` below it, or use --apply";
        problems.push(wrong(template, block.span, format!("`{KEY}` is empty"), help));
        return (application, told);
    }
    for entry in block.entries() {
        let Some(property) = Property::ALL.into_iter().find(|property| property.key() == entry.key) else {
            let near = near_names(&entry.key, Property::ALL.map(Property::key));
            let help = match near.as_slice() {
                [] => "`sam publish` passes it over without a word: remove it".to_owned(),
                near => {
                    format!("is one of these meant: {}? `sam publish` passes it over without a word", near.join(", "))
                }
            };
            problems.push(wrong(
                template,
                entry.key_span,
                format!("the repository has no property `{}`", entry.key),
                help,
            ));
            continue;
        };
        let node = &entry.value;
        told.push(property);
        if let Some(name) = intrinsic(node) {
            problems.push(wrong(
                template,
                node.span,
                format!("`{}` is `{name}`: intrinsic functions do not work here", entry.key),
                "the block is read before CloudFormation: write the value itself",
            ));
            continue;
        }
        if node.is_null() {
            let help = "write a value, or remove the line: `sam publish` takes it for not given";
            problems.push(wrong(template, entry.key_span, format!("`{}` is empty", entry.key), help));
            continue;
        }
        let values = match (&node.value, property) {
            (Value::List(items), Property::Labels) => {
                items.iter().filter_map(|item| text(template, "a label", item, problems)).collect()
            }
            (Value::Scalar { .. }, Property::Labels) => {
                problems.push(wrong(
                    template,
                    node.span,
                    "`Labels` is one text, and not a list",
                    "write it as `Labels: ['one', 'two']`",
                ));
                continue;
            }
            (Value::Scalar { .. }, _) => {
                text(template, &format!("`{}`", entry.key), node, problems).into_iter().collect()
            }
            (Value::List(_) | Value::Map(_), _) => {
                problems.push(wrong(template, node.span, format!("`{}` is not a text", entry.key), "write one text"));
                continue;
            }
        };
        application.set(Field { property, values, origin: Origin::Template(node.span) });
        told.pop();
    }
    (application, told)
}

/// The block at places where nothing reads it.
fn misplaced(template: &Template, document: &Node, problems: &mut Vec<Diagnostic>) {
    let mut push = |span: Span, place: &str| {
        problems.push(wrong(
            template,
            span,
            format!("`{KEY}` stands {place}, where nothing reads it"),
            "move it below `Metadata` at the top of the template",
        ));
    };
    for entry in document.entries() {
        if entry.key == KEY {
            push(entry.key_span, "at the top");
        }
        if entry.key == "Resources" {
            for resource in entry.value.entries() {
                let inner = resource.value.get("Metadata").map(|node| node.entries()).unwrap_or_default();
                for one in inner.iter().filter(|one| one.key == KEY) {
                    push(one.key_span, "within a resource");
                }
                if resource.value.get("Type").and_then(|kind| kind.scalar()) == Some(KEY) {
                    push(resource.key_span, "as a resource");
                }
            }
        }
    }
}

/// The text of a scalar. What YAML takes for a number or a truth value is none.
fn text(template: &Template, what: &str, node: &Node, problems: &mut Vec<Diagnostic>) -> Option<String> {
    let Value::Scalar { text, quoted, .. } = &node.value else {
        problems.push(wrong(template, node.span, format!("{what} is not a text"), "write one text"));
        return None;
    };
    let lower = text.to_ascii_lowercase();
    let is_truth = matches!(lower.as_str(), "true" | "false" | "yes" | "no" | "on" | "off");
    let is_json = template.path.extension().is_some_and(|ending| ending == "json");
    let is_number =
        !text.is_empty() && (text.parse::<f64>().is_ok() && !lower.contains("inf") && !lower.contains("nan"));
    if !quoted && !is_json && (is_truth || is_number) {
        let kind = if is_truth { "a truth value" } else { "a number" };
        let help = format!("put it in quotes: \"{text}\"");
        problems.push(wrong(template, node.span, format!("{what} is {kind} for YAML, and must be a text"), help));
    }
    Some(text.clone())
}

/// The folders in which a template's project may have its files: its own, and those above up to the repository's top.
fn folders(template: &Path) -> Vec<PathBuf> {
    let parent = template.parent().filter(|folder| !folder.as_os_str().is_empty());
    let own = parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let mut all = vec![own.clone()];
    let mut folder = own;
    for _ in 0..4 {
        if folder.join(".git").exists() {
            break;
        }
        folder = crate::project::discover::paths::join(&folder, "..");
        all.push(folder.clone());
    }
    // Without a repository around, only its own folder is its project.
    if all.last().is_none_or(|last| !last.join(".git").exists()) {
        all.truncate(1);
    }
    all
}

/// A file of one of these names, by its name as it is written; the path from the template's folder.
fn beside(folders: &[PathBuf], names: &[&str]) -> Option<(String, PathBuf)> {
    for (depth, folder) in folders.iter().enumerate() {
        let mut found: Vec<String> = fs_err::read_dir(folder)
            .ok()?
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .filter(|name| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))
            .collect();
        found.sort_by_key(|name| names.iter().position(|wanted| name.eq_ignore_ascii_case(wanted)));
        if let Some(name) = found.into_iter().next() {
            let path = folder.join(&name);
            return Some((format!("{}{name}", "../".repeat(depth)), path));
        }
    }
    None
}

/// The readme of a template's project: how the template would name it, and its path.
pub fn readme(template: &Path) -> Option<(String, PathBuf)> {
    beside(&folders(template), &["README.md", "README.markdown", "README.txt", "README"])
}

/// Which licence a text is, where its first words say so.
fn licence_of(text: &str) -> Option<&'static str> {
    let start: String = text.chars().take(1500).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    let start = start.to_lowercase();
    let has = |words: &str| start.contains(words);
    Some(match () {
        () if has("apache license") && has("version 2.0") => "Apache-2.0",
        () if has("mit no attribution") => "MIT-0",
        () if has("mit license") => "MIT",
        () if has("permission is hereby granted, free of charge") => {
            if has("the above copyright notice and this permission notice shall be included") { "MIT" } else { "MIT-0" }
        }
        () if has("mozilla public license") && has("2.0") => "MPL-2.0",
        () if has("gnu affero general public license") && has("version 3") => "AGPL-3.0-only",
        () if has("gnu lesser general public license") && has("version 3") => "LGPL-3.0-only",
        () if has("gnu general public license") && has("version 3") => "GPL-3.0-only",
        () if has("gnu general public license") && has("version 2") => "GPL-2.0-only",
        () if has("bsd 3-clause") || (has("redistribution and use") && has("neither the name")) => "BSD-3-Clause",
        () if has("bsd 2-clause") => "BSD-2-Clause",
        () if has("isc license") => "ISC",
        () if has("this is free and unencumbered software") => "Unlicense",
        () => return None,
    })
}

/// A text as a name or an author: letters, digits and single hyphens.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// The address of a repository's `origin`, for a browser.
fn origin_url(folders: &[PathBuf]) -> Option<String> {
    let config = folders.iter().find_map(|folder| fs_err::read_to_string(folder.join(".git").join("config")).ok())?;
    let mut in_origin = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_origin = line.replace(' ', "") == "[remote\"origin\"]";
        } else if let Some(url) = line.strip_prefix("url").map(str::trim_start).and_then(|rest| rest.strip_prefix('='))
            && in_origin
        {
            let url = url.trim().trim_end_matches(".git");
            if let Some(rest) = url.strip_prefix("git@") {
                return Some(format!("https://{}", rest.replacen(':', "/", 1)));
            }
            // What may hold a password is not published.
            let host = url.strip_prefix("https://")?;
            return (!host.contains('@')).then(|| format!("https://{host}"));
        }
    }
    None
}

/// Completes the template's block from options and the project's files, and holds it to the limits. What is wrong goes
/// into the diagnostics; errors are limits that are broken.
pub fn application(template: &Template, document: &Node, given: &Given) -> (Application, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let (mut application, told) = read(template, document, &mut problems);
    let block = document.at(&["Metadata", KEY]).is_some();
    for (property, values) in &given.values {
        let field = Field { property: *property, values: values.clone(), origin: Origin::Option };
        if let Some(known) = application.field(*property)
            && let Origin::Template(span) = known.origin
            && known.values != *values
            && !given.replace
        {
            let message = format!(
                "`{}` is `{}` here and `{}` by {}",
                property.key(),
                known.values.join(", "),
                values.join(", "),
                property.option()
            );
            let help = "make them the same, leave the option out, or let options win with --replace";
            problems.push(wrong(template, span, message, help));
            continue;
        }
        application.set(field);
    }
    let folders = folders(&template.path);
    complete(&mut application, template, document, &folders, &told);
    let place = document.at(&["Metadata", KEY]).map_or(document.span, |node| node.span);
    let place =
        if block { Span { end_line: place.line, end_column: place.column, ..place } } else { Span::point(1, 1) };
    limits(template, &application, &told, place, given.public, &mut problems);
    if document.get("Transform").is_none() {
        problems.push(warning(wrong(
            template,
            Span::point(1, 1),
            "has no `Transform: AWS::Serverless-2016-10-31`",
            "the repository publishes AWS SAM templates: add the line",
        )));
    }
    (application, problems)
}

/// Takes from the project what neither the template's block nor an option says.
fn complete(
    application: &mut Application,
    template: &Template,
    document: &Node,
    folders: &[PathBuf],
    told: &[Property],
) {
    // Only its own: that of a folder above may be of another project.
    let pyproject = folders.first().and_then(|folder| {
        let text = fs_err::read_to_string(folder.join("pyproject.toml")).ok()?;
        text.parse::<toml::Table>().ok()
    });
    let project = pyproject.as_ref().and_then(|file| file.get("project")).and_then(|value| value.as_table());
    let of_project = |key: &str| project.and_then(|table| table.get(key)).and_then(|value| value.as_str());
    let url = |names: &[&str]| {
        let urls = project.and_then(|table| table.get("urls")).and_then(|value| value.as_table())?;
        let fits = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        urls.iter().find(|(key, _)| fits(key)).and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    let mut offer = |property: Property, value: Option<String>, from: &str| {
        let is_there = |application: &Application| application.field(property).is_some();
        if let Some(value) = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
            && !is_there(application)
            && !told.contains(&property)
        {
            let origin = Origin::Project(from.to_owned());
            application.set(Field { property, values: vec![value], origin });
        }
    };
    offer(Property::Name, of_project("name").map(slug), "pyproject.toml");
    let folder = folders.first().and_then(|folder| fs_err::canonicalize(folder).ok());
    let folder = folder.and_then(|folder| folder.file_name().map(|name| slug(&name.to_string_lossy())));
    offer(Property::Name, folder, "the folder's name");
    let described = document
        .get("Description")
        .and_then(|node| node.text())
        .map(|text| first_sentences(&text.split_whitespace().collect::<Vec<_>>().join(" ")));
    offer(Property::Description, described, "`Description` of the template");
    offer(Property::Description, of_project("description").map(str::to_owned), "pyproject.toml");
    let author = project
        .and_then(|table| table.get("authors"))
        .and_then(|value| value.as_array())
        .and_then(|all| all.first())
        .and_then(|one| one.get("name"))
        .and_then(|name| name.as_str())
        .map(|name| slug(name).to_lowercase());
    offer(Property::Author, author, "pyproject.toml");
    let licence = beside(folders, &["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"]);
    if application_lacks(application, &[Property::LicenseUrl, Property::LicenseBody])
        && !told.contains(&Property::LicenseUrl)
        && !told.contains(&Property::LicenseBody)
    {
        let mut offer = |value: Option<String>| {
            if let Some(value) = value {
                let origin = Origin::Project(value.clone());
                application.set(Field { property: Property::LicenseUrl, values: vec![value], origin });
            }
        };
        offer(licence.as_ref().map(|(name, _)| name.clone()));
    }
    if application_lacks(application, &[Property::ReadmeUrl, Property::ReadmeBody])
        && !told.contains(&Property::ReadmeUrl)
        && !told.contains(&Property::ReadmeBody)
        && let Some((name, _)) = readme(&template.path)
    {
        let origin = Origin::Project(name.clone());
        application.set(Field { property: Property::ReadmeUrl, values: vec![name], origin });
    }
    let mut offer = |property: Property, value: Option<String>, from: &str| {
        if let Some(value) = value.filter(|value| !value.is_empty())
            && application.field(property).is_none()
            && !told.contains(&property)
        {
            let origin = Origin::Project(from.to_owned());
            application.set(Field { property, values: vec![value], origin });
        }
    };
    let of_text = licence
        .and_then(|(_, path)| fs_err::read_to_string(path).ok())
        .and_then(|text| licence_of(&text).map(str::to_owned));
    let declared = of_project("license").filter(|id| spdx::license_id(id).is_some()).map(str::to_owned);
    offer(Property::SpdxLicenseId, declared, "pyproject.toml");
    offer(Property::SpdxLicenseId, of_text, "the licence's text");
    offer(
        Property::SemanticVersion,
        of_project("version").filter(|text| is_semantic(text)).map(str::to_owned),
        "pyproject.toml",
    );
    offer(Property::HomePageUrl, url(&["homepage", "home-page", "home"]), "pyproject.toml");
    offer(Property::SourceCodeUrl, url(&["repository", "source", "source code", "code"]), "pyproject.toml");
    offer(Property::SourceCodeUrl, origin_url(folders), "git's remote `origin`");
}

/// As many sentences of a text as fit into a description; all of it, where not even the first does.
fn first_sentences(text: &str) -> String {
    if text.chars().count() <= 256 {
        return text.to_owned();
    }
    let ends = text.match_indices(". ").map(|(at, _)| at + 1);
    let fits = ends.filter_map(|end| text.get(..end)).take_while(|start| start.chars().count() <= 256).last();
    fits.unwrap_or(text).to_owned()
}

fn application_lacks(application: &Application, properties: &[Property]) -> bool {
    properties.iter().all(|property| application.field(*property).is_none())
}

/// Version 2.0.0 of semver.org: three numbers, then maybe `-` and `+` with dotted parts.
pub fn is_semantic(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|part| is_number(part))
        && pre.is_none_or(|pre| {
            pre.split('.').all(|part| is_word(part) && (!part.bytes().all(|b| b.is_ascii_digit()) || is_number(part)))
        })
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// `^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$`: lower-case letters and digits, single hyphens between.
fn is_author(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// `^[a-zA-Z0-9+\-_:\/@]+$`
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_:/@".contains(&b))
}

fn is_s3(text: &str) -> bool {
    text.starts_with("s3://") || (text.starts_with("https://") && text.contains("amazonaws.com"))
}

/// Holds each field to its limits.
fn limits(
    template: &Template,
    application: &Application,
    told: &[Property],
    place: Span,
    public: bool,
    problems: &mut Vec<Diagnostic>,
) {
    let at = |property: Property| match application.field(property).map(|field| &field.origin) {
        Some(Origin::Template(span)) => *span,
        Some(Origin::Option | Origin::Project(_)) | None => place,
    };
    let mut push = |property: Property, message: String, help: &str| {
        // Of a value that the template does not hold, the message says where it is from.
        let from = match application.field(property).map(|field| &field.origin) {
            Some(Origin::Option) => format!(" (from {})", property.option()),
            Some(Origin::Project(from)) => format!(" (from {from})"),
            Some(Origin::Template(_)) | None => String::new(),
        };
        problems.push(wrong(template, at(property), format!("{message}{from}"), help));
    };
    for (property, most) in [(Property::Name, 140), (Property::Description, 256), (Property::Author, 127)] {
        match application.get(property) {
            None if told.contains(&property) => {}
            None => {
                let help = format!("give it by {} (or write `{}:` into the block)", property.option(), property.key());
                push(property, format!("`{}` is required, and is not there", property.key()), &help);
            }
            Some(text) => {
                let length = text.chars().count();
                if text.trim().is_empty() {
                    push(
                        property,
                        format!("`{}` is empty; at least 1 character is required", property.key()),
                        "write it",
                    );
                } else if length > most {
                    let message =
                        format!("`{}` has {length} characters, and at most {most} are allowed", property.key());
                    push(property, message, "shorten it");
                }
            }
        }
    }
    if let Some(name) = application.get(Property::Name)
        && let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-')
    {
        let message = format!("`Name` is `{name}`: `{bad}` is not allowed");
        push(Property::Name, message, &format!("letters, digits and hyphens are: `{}`", slug(name)));
    }
    if let Some(author) = application.get(Property::Author)
        && !author.trim().is_empty()
        && !is_author(author)
    {
        let message =
            format!("`Author` is `{author}`, which the pattern ^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$ refuses");
        let help = format!("lower-case letters, digits and single hyphens between: `{}`", slug(author).to_lowercase());
        push(Property::Author, message, &help);
    }
    if let Some(id) = application.get(Property::SpdxLicenseId) {
        match spdx::license_id(id) {
            None => {
                let names = spdx::identifiers::LICENSES.iter().map(|licence| licence.name);
                let help = near_help(id, names, || "spdx.org/licenses lists the identifiers".to_owned());
                push(Property::SpdxLicenseId, format!("`{id}` is no licence identifier of SPDX"), &help);
            }
            Some(known) if known.name != id => {
                let message = format!("`{id}` is written `{}`", known.name);
                push(Property::SpdxLicenseId, message, "identifiers are taken as they are written");
            }
            Some(_) => {}
        }
    }
    if let Some(field) = application.field(Property::Labels) {
        if field.values.len() > MOST_LABELS {
            let message = format!("there are {} labels, and at most {MOST_LABELS} are allowed", field.values.len());
            push(Property::Labels, message, "keep the most telling ones");
        }
        for label in &field.values {
            let length = label.chars().count();
            if length > 127 {
                push(
                    Property::Labels,
                    format!("a label has {length} characters, and at most 127 are allowed"),
                    "shorten it",
                );
            } else if !is_label(label) {
                let message = format!("the label `{label}` does not fit ^[a-zA-Z0-9+\\-_:\\/@]+$");
                push(Property::Labels, message, "letters, digits and + - _ : / @ are allowed, and no space");
            }
        }
        let mut seen: Vec<&String> = Vec::new();
        for label in &field.values {
            if seen.contains(&label) {
                push(Property::Labels, format!("the label `{label}` is there twice"), "remove one");
            }
            seen.push(label);
        }
    }
    if let Some(version) = application.get(Property::SemanticVersion)
        && !is_semantic(version)
    {
        let message = format!("`SemanticVersion` is `{version}`, which is no semantic version");
        push(Property::SemanticVersion, message, "three numbers, such as 1.2.0 or 1.2.0-beta.1: semver.org");
    }
    for property in [Property::HomePageUrl, Property::SourceCodeUrl] {
        if let Some(url) = application.get(property) {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let is_url = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
                && !url.contains(char::is_whitespace);
            if !is_url {
                let message = format!("`{}` is `{url}`, which is no address", property.key());
                push(property, message, "write it with https://");
            }
        }
    }
    for (body, url) in [(Property::LicenseBody, Property::LicenseUrl), (Property::ReadmeBody, Property::ReadmeUrl)] {
        if application.field(body).is_some() && application.field(url).is_some() {
            let message = format!("there are both `{}` and `{}`", body.key(), url.key());
            push(url, message, "the repository takes one of them: remove the other");
        }
        if let Some(text) = application.get(body)
            && text.len() as u64 > MOST_FILE_BYTES
        {
            push(
                body,
                format!("`{}` has {} bytes, and at most 5 MB are allowed", body.key(), text.len()),
                "shorten it",
            );
        }
        let Some(path) = application.get(url) else { continue };
        if is_s3(path) {
            continue;
        }
        if path.contains("://") {
            let message = format!("`{}` is `{path}`: a file of the project or an S3 address is needed", url.key());
            push(url, message, "name the file; `sam package` puts it into a bucket");
            continue;
        }
        let folder = template.path.parent().unwrap_or(Path::new(""));
        match fs_err::metadata(folder.join(path)) {
            Err(_) => {
                let message = format!("`{}` names `{path}`, which is not there", url.key());
                push(url, message, "the path counts from the template's folder");
            }
            Ok(data) if !data.is_file() => {
                push(url, format!("`{}` names `{path}`, which is no file", url.key()), "name a text file");
            }
            Ok(data) if data.len() > MOST_FILE_BYTES => {
                let message = format!("`{path}` has {} bytes, and at most 5 MB are allowed", data.len());
                push(url, message, "shorten it");
            }
            Ok(data) if data.len() == 0 => push(url, format!("`{path}` is empty"), "write it, or leave it out"),
            Ok(_) => {}
        }
    }
    let needed: [(&[Property], &str); 4] = [
        (&[Property::LicenseUrl, Property::LicenseBody], "it cannot be added once the application is published"),
        (&[Property::SpdxLicenseId], "name the licence: MIT-0, Apache-2.0 …"),
        (&[Property::SemanticVersion], "start with 0.1.0"),
        (&[Property::SourceCodeUrl], "name the public repository"),
    ];
    for (properties, help) in needed {
        if let Some(first) = properties.first()
            && application_lacks(application, properties)
            && !properties.iter().any(|property| told.contains(property))
        {
            let message = format!("`{}` is needed to publish to everyone", first.key());
            let diagnostic = wrong(template, place, message, format!("{help}; by {}", first.option()));
            problems.push(if public { diagnostic } else { warning(diagnostic) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_author, is_label, is_semantic, licence_of, slug};

    #[test]
    fn patterns_of_the_repository() {
        for good in ["a", "a1", "a-b", "0"] {
            assert!(is_author(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "a b", "a_b"] {
            assert!(!is_author(bad), "{bad}");
        }
        assert!(is_label("a+b-c_d:e/f@g") && !is_label("a b") && !is_label("") && !is_label("é"));
        for good in ["0.0.1", "1.2.3-beta.1", "1.0.0+build.5", "1.0.0-a-b"] {
            assert!(is_semantic(good), "{good}");
        }
        for bad in ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "1.0.x"] {
            assert!(!is_semantic(bad), "{bad}");
        }
        assert_eq!(slug("My App (v2)"), "My-App-v2");
        assert_eq!(licence_of("MIT License\n\nCopyright"), Some("MIT"));
        assert_eq!(licence_of("Apache License\n  Version 2.0, January 2004"), Some("Apache-2.0"));
        assert_eq!(licence_of("All rights reserved."), None);
    }
}
