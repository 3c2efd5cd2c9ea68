//! Paths as the user would write them: never absolute unless the user's was, without `.` and needless `..`.

use std::path::{Component, Path, PathBuf};

/// The path without `.` parts, and with `a/..` removed. The empty path is `.`.
pub fn normal(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { PathBuf::from(".") } else { parts.iter().collect() }
}

/// A path below a folder, in normal form.
pub fn join(folder: &Path, path: impl AsRef<Path>) -> PathBuf {
    normal(&folder.join(path))
}

/// The folder that holds a file; `.` for a bare name, `..` for `.`.
pub fn parent(path: &Path) -> PathBuf {
    join(path, "..")
}

/// The dotted module of a Python file below a root; none when it is not below it.
pub fn module_of(root: &Path, file: &Path) -> Option<String> {
    let (root, file) = (normal(root), normal(file));
    let below = if root == Path::new(".") && !file.is_absolute() && !file.starts_with("..") {
        file.as_path()
    } else {
        file.strip_prefix(&root).ok()?
    };
    let mut parts: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let last = parts.last_mut()?;
    *last = last.strip_suffix(".py").unwrap_or(last).to_owned();
    if last == "__init__" && parts.len() > 1 {
        parts.pop();
    }
    Some(parts.join("."))
}

/// The file name as text.
pub fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The lower-case extension.
pub fn extension(path: &Path) -> String {
    path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}
