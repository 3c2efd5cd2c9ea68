//! `--handler NAME`: from the name that the user gave to functions of the input.

use std::path::{Path, PathBuf};

use super::definitions::DefinitionKind;
use super::resolve::{self, Resolution};
use super::{Discovery, Handler, Origin, Platform, Settings, code_root, module_below, paths, unknown};
use crate::diagnostic::{Diagnostic, Kind, Severity};

/// A name taken apart.
struct Wanted {
    /// The end of the path that the file must have, when the name gives one.
    file: Option<PathBuf>,
    /// The rest: `function`, `Class.method`, `module.function` (the latter only without a file).
    name: String,
}

/// `file.py:function`, `path/to/module.function`, or dotted.
fn take_apart(wanted: &str) -> Wanted {
    let wanted = wanted.trim().replace('\\', "/");
    if let Some((file, name)) = wanted.split_once(".py:") {
        let name = name.trim_start_matches(':').replace("::", ".");
        return Wanted { file: Some(paths::normal(Path::new(&format!("{file}.py")))), name };
    }
    if let Some((folder, last)) = wanted.rsplit_once('/')
        && let Some((module, name)) = last.split_once('.')
    {
        return Wanted {
            file: Some(paths::normal(Path::new(&format!("{folder}/{module}.py")))),
            name: name.to_owned(),
        };
    }
    Wanted { file: None, name: wanted }
}

/// Whether a file is the one that a name gives: the same path, or the end of it.
fn is_file(path: &Path, wanted: &Path) -> bool {
    path == wanted || path.ends_with(wanted) || {
        // `pkg/module` may be a package.
        wanted.extension().is_some() && path.ends_with(wanted.with_extension("").join("__init__.py"))
    }
}

impl Discovery {
    /// Keeps the handlers that `wanted` names, or finds it among all functions of the input. It wins over
    /// everything else: what else was found, or could not be, is not reported, unless a file could not be read.
    pub(super) fn select(&mut self, wanted: &str) {
        let asked = take_apart(wanted);
        let found = std::mem::take(&mut self.handlers);
        let was_found = |diagnostic: &Diagnostic| {
            !matches!(
                diagnostic.kind,
                Kind::NotAnalysable | Kind::UnknownHandler | Kind::UnresolvedTemplate | Kind::NoHandler
            )
        };
        self.diagnostics.retain(was_found);
        self.handlers = found.into_iter().filter(|handler| names(handler, &asked)).collect();
        if !self.handlers.is_empty() {
            return;
        }
        let mut functions: Vec<String> = Vec::new();
        let mut problems: Vec<Diagnostic> = Vec::new();
        let universe: Vec<(PathBuf, bool)> = self.universe.iter().map(|(path, named)| (path.clone(), *named)).collect();
        for (path, named) in &universe {
            if asked.file.as_deref().is_some_and(|file| !is_file(path, file)) {
                continue;
            }
            let Some(facts) = self.files.definitions(path) else { continue };
            let root = code_root(&facts);
            functions.extend(facts.functions().into_iter().map(|(name, _)| name));
            for (name, is_qualified) in readings(&asked, path) {
                let head = name.split('.').next().unwrap_or(&name);
                // A plain name is not looked for in everything that imports it.
                let is_here = match facts.names.get(head).map(|definition| &definition.kind) {
                    Some(DefinitionKind::Imported { .. }) => *named || is_qualified,
                    Some(_) => true,
                    None => *named && !facts.star_imports.is_empty(),
                };
                if !is_here {
                    continue;
                }
                match resolve::resolve(&mut self.files, &root, path, &name) {
                    Resolution::Function { file, function, .. } => {
                        let (root, module) = module_below(&root, &file);
                        let found = Handler {
                            entry: String::new(),
                            file,
                            module,
                            function,
                            code_root: root,
                            origin: Origin::Option,
                            others: Vec::new(),
                            platform: Platform::Unknown,
                            settings: Settings::default(),
                            inline: None,
                        };
                        self.handlers.push(Handler { entry: super::entry_of(path, &name, &found), ..found });
                        break;
                    }
                    Resolution::NotAnalysable(mut problem) => {
                        // The user asked for this very name: without it nothing is done.
                        problem.severity = Severity::Error;
                        problems.push(*problem);
                        break;
                    }
                    Resolution::Missing(_) | Resolution::Unreadable => {}
                }
            }
        }
        if !self.handlers.is_empty() {
            return;
        }
        if !problems.is_empty() {
            self.diagnostics.append(&mut problems);
            return;
        }
        functions.sort();
        functions.dedup();
        let last = asked.name.rsplit('.').next().unwrap_or(&asked.name);
        let near = if functions.contains(&asked.name) { asked.name.as_str() } else { last };
        let mut diagnostic = unknown(format!("no handler `{wanted}` is defined here"), near, &functions);
        if let [(path, _)] = universe.as_slice() {
            diagnostic = diagnostic.in_file(path);
        }
        self.diagnostics.push(diagnostic);
    }
}

/// The names that a dotted name can stand for in a file, and whether the file's module was part of it.
fn readings(asked: &Wanted, path: &Path) -> Vec<(String, bool)> {
    let mut readings = vec![(asked.name.clone(), asked.file.is_some())];
    let modules: Vec<String> = {
        let text = path.with_extension("").to_string_lossy().replace('\\', "/");
        let text = text.strip_suffix("/__init__").unwrap_or(&text).to_owned();
        text.split('/').map(str::to_owned).collect()
    };
    let parts: Vec<&str> = asked.name.split('.').collect();
    for cut in 1..parts.len() {
        let (module, name) = parts.split_at(cut);
        if modules.len() >= cut && modules.iter().skip(modules.len() - cut).eq(module.iter()) {
            readings.push((name.join("."), true));
        }
    }
    readings
}

/// Whether a handler that was found is the one that a name means.
fn names(handler: &Handler, asked: &Wanted) -> bool {
    if let Some(file) = &asked.file {
        return is_file(&handler.file, file) && handler.function == asked.name;
    }
    let logical_id = match &handler.origin {
        Origin::Template { logical_id, .. } => Some(logical_id.as_str()),
        Origin::FunctionJson { .. } | Origin::Decorator | Origin::Signature | Origin::Option | Origin::Assignment => {
            None
        }
    };
    let full = handler.name();
    handler.function == asked.name
        || full == asked.name
        || full.strip_suffix(&asked.name).is_some_and(|before| before.ends_with('.'))
        || logical_id == Some(asked.name.as_str())
        || readings(asked, &handler.file).iter().any(|(name, _)| *name == handler.function)
}
