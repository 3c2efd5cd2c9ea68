//! Back again: a module as it was, or all of it, by the manifest of a trimmed package. Depends on `diagnostic`, `report`
//! and `tree`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::report::Content;
use super::{SIDE_FOLDER, tree};
use crate::diagnostic::{Diagnostic, Kind};

/// A file as a package keeps it.
pub fn pack(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing into memory does not fail.
    let _ = encoder.write_all(data);
    encoder.finish().unwrap_or_default()
}

fn cannot(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::CannotRestore, message)
}

fn manifest(package: &Path) -> Result<(PathBuf, serde_json::Value, Content), Diagnostic> {
    let path = package.join("manifest.json");
    let wrong = |why: String| {
        Diagnostic::new(Kind::CannotRead, why).in_file(&path).help("name a package that `meminterface debloat` made")
    };
    let data = fs_err::read(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let value: serde_json::Value =
        serde_json::from_slice(&data).map_err(|error| wrong(format!("is no manifest: {error}")))?;
    let content: Content =
        serde_json::from_value(value.clone()).map_err(|error| wrong(format!("is no manifest: {error}")))?;
    Ok((path, value, content))
}

/// A path of a manifest, which must stay within the package.
fn inside(package: &Path, relative: &str) -> Result<PathBuf, Diagnostic> {
    let path = Path::new(relative);
    let is_plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if is_plain && !relative.is_empty() {
        Ok(package.join(path))
    } else {
        Err(cannot(format!("`{relative}` leads out of the package")))
    }
}

fn write(path: &Path, data: &[u8]) -> Result<(), Diagnostic> {
    let failed = |error: std::io::Error| tree::cannot_write(path, &error);
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder).map_err(failed)?;
    }
    let part = path.with_extension(format!("{}.part", std::process::id()));
    fs_err::write(&part, data).map_err(failed)?;
    fs_err::rename(&part, path).map_err(failed)
}

/// Removes the bytecode of a module's file.
fn forget_bytecode(package: &Path, relative: &str, content: &mut Content) {
    let file = Path::new(relative);
    let Some(stem) = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { return };
    let folder = file.parent().unwrap_or(Path::new("")).join("__pycache__");
    let Ok(entries) = std::fs::read_dir(package.join(&folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('.')) && name.ends_with(".pyc") {
            let _ = std::fs::remove_file(entry.path());
            content.files.remove(&folder.join(&name).to_string_lossy().replace('\\', "/"));
        }
    }
}

fn put_back(package: &Path, name: &str, content: &mut Content) -> Result<(), Diagnostic> {
    let Some(module) = content.modules.get(name).cloned() else {
        let near: Vec<&str> = content.modules.keys().map(String::as_str).take(5).collect();
        return Err(cannot(format!("no module `{name}` was trimmed")).help(format!("there are: {} …", near.join(", "))));
    };
    let path = inside(package, &module.file)?;
    let kept = package.join(SIDE_FOLDER).join("originals").join(format!("{name}.z"));
    let packed = fs_err::read(&kept).map_err(|error| {
        let help = if content.strict {
            "the package was made with --strict, which keeps no originals: make it again with `--keep`"
        } else {
            "make the package again"
        };
        cannot(format!("the original of `{name}` cannot be read: {error}")).help(help)
    })?;
    let mut data = Vec::new();
    flate2::read::ZlibDecoder::new(packed.as_slice())
        .take(64 << 20)
        .read_to_end(&mut data)
        .map_err(|error| cannot(format!("the original of `{name}` is damaged: {error}")))?;
    if tree::sha256(&data) != module.original_sha256 {
        return Err(cannot(format!("the original of `{name}` is damaged: its hash is another")));
    }
    write(&path, &data)?;
    forget_bytecode(package, &module.file, content);
    content.files.insert(module.file.clone(), module.original_sha256.clone());
    for folder in ["originals", "ondemand"] {
        let relative = format!("{SIDE_FOLDER}/{folder}/{name}.z");
        let _ = std::fs::remove_file(package.join(&relative));
        content.files.remove(&relative);
    }
    content.modules.remove(name);
    Ok(())
}

fn save(path: &Path, mut value: serde_json::Value, content: &Content) -> Result<(), Diagnostic> {
    let new = serde_json::to_value(content).map_err(|error| cannot(error.to_string()))?;
    if let (Some(old), serde_json::Value::Object(new)) = (value.as_object_mut(), new) {
        old.extend(new);
    }
    let text = serde_json::to_string_pretty(&value).map_err(|error| cannot(error.to_string()))?;
    write(path, (text + "\n").as_bytes())
}

/// Puts modules back as they were. Gives their names.
///
/// # Errors
/// `cannot-restore`, `cannot-read`, `cannot-write`.
pub fn restore(package: &Path, wanted: &[String]) -> Result<Vec<String>, Diagnostic> {
    let (path, value, mut content) = manifest(package)?;
    let mut done = Vec::new();
    for name in wanted {
        put_back(package, name, &mut content)?;
        done.push(name.clone());
        save(&path, value.clone(), &content)?;
    }
    Ok(done)
}

/// What undoing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Modules that are as they were.
    pub modules: usize,
    /// Files that are there again.
    pub files: usize,
    /// Files whose source is gone or has another size.
    pub missing: Vec<String>,
}

/// Puts everything back: modules from the package itself, files from where they came from.
///
/// # Errors
/// `cannot-restore`, `cannot-read`, `cannot-write`.
pub fn undo(package: &Path) -> Result<Undone, Diagnostic> {
    let (path, value, mut content) = manifest(package)?;
    let mut undone = Undone::default();
    let names: Vec<String> = content.modules.keys().cloned().collect();
    for name in names {
        put_back(package, &name, &mut content)?;
        undone.modules += 1;
    }
    let removed = std::mem::take(&mut content.removed);
    for one in removed {
        let to = inside(package, &one.file)?;
        let from = Path::new(&one.source);
        let is_same = std::fs::metadata(from).is_ok_and(|metadata| metadata.len() == one.bytes);
        if one.rule == "caches" || to.exists() {
            continue;
        }
        if !is_same {
            undone.missing.push(one.file.clone());
            content.removed.push(one);
            continue;
        }
        let data = fs_err::read(from).map_err(|error| cannot(format!("{}: {error}", from.display())))?;
        write(&to, &data)?;
        content.files.insert(one.file.clone(), tree::sha256(&data));
        undone.files += 1;
    }
    let loader = "meminterface_ondemand.py";
    let _ = std::fs::remove_file(package.join(loader));
    forget_bytecode(package, loader, &mut content);
    content.files.remove(loader);
    save(&path, value, &content)?;
    Ok(undone)
}
