//! Files: what goes into the package, and which named rules leave some of it out. Depends on `diagnostic`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Kind};

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path in the package.
    pub relative: PathBuf,
    /// Where it comes from.
    pub source: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// What was found, and what one should know of it.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// The files, sorted.
    pub files: Vec<File>,
    /// What was left out and why.
    pub notes: Vec<String>,
}

/// A rule that leaves files out which no run can load.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name, for `--keep-files`.
    pub name: &'static str,
    /// What it leaves out, and why that is safe.
    pub why: &'static str,
    matches: fn(&[&str], &str) -> bool,
}

/// Every rule, in the order in which they are tried: a file counts for the first that takes it.
pub const RULES: &[Rule] = &[
    Rule {
        name: "caches",
        why: "bytecode and tool caches; what the package loads is compiled anew",
        matches: |folders, name| {
            folders
                .iter()
                .any(|folder| matches!(*folder, "__pycache__" | ".pytest_cache" | ".mypy_cache" | ".ruff_cache"))
                || name.ends_with(".pyc") && folders.contains(&"__pycache__")
        },
    },
    Rule {
        name: "packaging-tools",
        why: "pip, setuptools, wheel and their metadata install packages; a function does not",
        matches: |folders, name| {
            let first = folders.first().copied().unwrap_or(name);
            let distribution = first.strip_suffix(".dist-info").or_else(|| first.strip_suffix(".egg-info"));
            let known = |one: &str| matches!(one, "pip" | "setuptools" | "wheel" | "pkg_resources" | "_distutils_hack");
            known(first)
                || first == "distutils-precedence.pth"
                || distribution.is_some_and(|one| known(one.rsplit_once('-').map_or(one, |(name, _)| name)))
        },
    },
    Rule {
        name: "tests",
        why: "folders named `tests` or `test` below a package, which no code outside of them imports",
        matches: |folders, _| folders.iter().skip(1).any(|folder| matches!(*folder, "tests" | "test")),
    },
    Rule {
        name: "stubs",
        why: "type stubs are for type checkers",
        matches: |_, name| name.ends_with(".pyi") || name == "py.typed",
    },
    Rule {
        name: "docs",
        why: "documentation below a package",
        matches: |folders, name| {
            let lower = name.to_lowercase();
            !folders.is_empty()
                && !folders.first().is_some_and(|first| first.ends_with("-info"))
                && (lower.ends_with(".rst")
                    || matches!(lower.as_str(), "readme" | "readme.md" | "readme.txt" | "changes.txt" | "changelog.md"))
        },
    },
    Rule {
        name: "headers",
        why: "headers and sources of extension modules, which are compiled already",
        matches: |folders, name| {
            !folders.is_empty()
                && [".h", ".hpp", ".hh", ".pxd", ".pxi", ".pyx", ".c", ".cpp", ".cc", ".a", ".lib"]
                    .iter()
                    .any(|end| name.ends_with(end))
        },
    },
    Rule {
        name: "metadata",
        why: "files of `.dist-info` that `importlib.metadata` does not read names, versions or entry points from",
        matches: |folders, name| {
            folders.first().is_some_and(|first| first.ends_with(".dist-info"))
                && matches!(
                    name,
                    "RECORD" | "INSTALLER" | "REQUESTED" | "WHEEL" | "direct_url.json" | "RECORD.jws" | "zip-safe"
                )
        },
    },
    Rule {
        name: "other-platforms",
        why: "shared libraries of another system or another version of Python",
        matches: |_, name| [".pyd", ".dll", ".dylib", ".exe"].iter().any(|end| name.ends_with(end)),
    },
    // Not by its name: see `pipeline`.
    Rule {
        name: "in-image",
        why: "packages of the image, outside of the function's folder, that no run touches: they stay there, behind the package",
        matches: |_, _| false,
    },
];

/// The rule that takes a file, if one does. `tag` is the interpreter's (`cpython-310`).
pub fn rule_of(relative: &Path, tag: &str) -> Option<&'static Rule> {
    let parts: Vec<&str> = relative
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    let (name, folders) = parts.split_last()?;
    let other = name.ends_with(".so") && name.contains(".cpython-") && !name.contains(&format!(".{tag}-"));
    RULES.iter().find(|rule| (rule.matches)(folders, name) || other && rule.name == "other-platforms")
}

/// Whether a folder of the user's code is none of the application's.
fn is_foreign(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    folder.join("pyvenv.cfg").is_file()
        || matches!(name.as_str(), ".git" | ".hg" | ".svn" | "node_modules" | ".aws-sam" | ".tox" | ".nox")
}

/// Finds all files: of the code first, then of each folder of packages. What has the same name as something earlier is
/// never found by an import, and left out; packages without `__init__.py` are put together.
///
/// # Errors
/// `cannot-read`.
pub fn gather(code: &Path, packages: &[PathBuf], without: &[PathBuf]) -> Result<Gathered, Diagnostic> {
    let mut found = Gathered::default();
    let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (n, root) in std::iter::once(code).chain(packages.iter().map(PathBuf::as_path)).enumerate() {
        let mut entries: Vec<PathBuf> = match fs_err::read_dir(root) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(_) if n > 0 => continue,
            Err(error) => {
                return Err(Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(root));
            }
        };
        entries.sort();
        let mut own = BTreeMap::new();
        for path in entries {
            let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            if n > 0 && (name.ends_with(".pth") || name.ends_with(".egg-link")) {
                // Folders that they add are on the interpreter's path.
                continue;
            }
            if n > 0 && name.starts_with("__editable__") && name.ends_with("_finder.py") {
                for (module, place) in mapping(&path) {
                    let file = if place.is_dir() { place.clone() } else { place.with_extension("py") };
                    let Some(own) = file.file_name().map(PathBuf::from) else { continue };
                    let top = if place.is_dir() { PathBuf::from(&module) } else { own };
                    // A dotted name stands for a part of a namespace.
                    let relative: PathBuf = match module.rsplit_once('.') {
                        Some((package, last)) => {
                            let ending = if place.is_dir() { "" } else { ".py" };
                            package.split('.').collect::<PathBuf>().join(format!("{last}{ending}"))
                        }
                        None => top,
                    };
                    let first = relative.iter().next().map(|part| part.to_string_lossy().into_owned());
                    if first.as_ref().is_some_and(|first| taken.contains_key(first)) {
                        found.notes.push(format!("{module} of an editable install: hidden by another of that name"));
                        continue;
                    }
                    found.notes.push(format!("{module}: an editable install, copied from {}", file.display()));
                    walk(&file, &relative, without, &mut BTreeSet::new(), &mut found, true)?;
                }
                continue;
            }
            let both = |earlier: &PathBuf| {
                path.is_dir()
                    && earlier.is_dir()
                    && !path.join("__init__.py").exists()
                    && !earlier.join("__init__.py").exists()
            };
            match taken.get(&name) {
                Some(earlier) if !both(earlier) => {
                    if name != "__pycache__" {
                        found.notes.push(format!("{name} of {}: hidden by {}", root.display(), earlier.display()));
                    }
                    continue;
                }
                _ => {}
            }
            let mut seen = BTreeSet::new();
            walk(&path, Path::new(&name), without, &mut seen, &mut found, n == 0)?;
            own.insert(name, path);
        }
        for (name, path) in own {
            taken.entry(name).or_insert(path);
        }
    }
    found.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    found.files.dedup_by(|a, b| a.relative == b.relative);
    Ok(found)
}

/// What the finder of an editable install maps: modules to their places. The text is what setuptools writes:
/// `MAPPING: dict[str, str] = {'name': '/place'}`.
fn mapping(path: &Path) -> Vec<(String, PathBuf)> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let Some(line) = text.lines().find(|line| line.starts_with("MAPPING")) else { return Vec::new() };
    let Some((_, dictionary)) = line.split_once('{') else { return Vec::new() };
    let mut strings = Vec::new();
    let mut chars = dictionary.chars();
    while let Some(quote) = chars.next() {
        if quote != '\'' && quote != '"' {
            continue;
        }
        let mut string = String::new();
        while let Some(c) = chars.next().filter(|c| *c != quote) {
            string.extend(if c == '\\' { chars.next() } else { Some(c) });
        }
        strings.push(string);
    }
    strings
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [name, place] => Some((name.clone(), PathBuf::from(place))),
            _ => None,
        })
        .collect()
}

fn walk(
    path: &Path,
    relative: &Path,
    without: &[PathBuf],
    seen: &mut BTreeSet<PathBuf>,
    found: &mut Gathered,
    is_code: bool,
) -> Result<(), Diagnostic> {
    let Ok(metadata) = std::fs::metadata(path) else {
        found.notes.push(format!("{}: a link that leads nowhere", relative.display()));
        return Ok(());
    };
    if metadata.is_file() {
        found.files.push(File { relative: relative.to_path_buf(), source: path.to_path_buf(), bytes: metadata.len() });
        return Ok(());
    }
    if !metadata.is_dir() || is_code && is_foreign(path) {
        return Ok(());
    }
    let Ok(real) = path.canonicalize() else { return Ok(()) };
    if without.contains(&real) {
        return Ok(());
    }
    // A link to a folder above would never end.
    if !seen.insert(real.clone()) {
        found.notes.push(format!("{}: a link to a folder that holds it", relative.display()));
        return Ok(());
    }
    let entries = fs_err::read_dir(path)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(path))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if let Some(name) = entry.file_name() {
            walk(&entry, &relative.join(name), without, seen, found, is_code)?;
        }
    }
    seen.remove(&real);
    Ok(())
}

/// Copies files, with their times and modes: bytecode that is there stays valid.
///
/// # Errors
/// `cannot-write`.
pub fn copy(files: &[File], into: &Path) -> Result<(), Diagnostic> {
    let folders: BTreeSet<PathBuf> =
        files.iter().filter_map(|file| Some(into.join(&file.relative).parent()?.to_path_buf())).collect();
    for folder in &folders {
        fs_err::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    }
    files.par_iter().try_for_each(|file| {
        let to = into.join(&file.relative);
        copy_one(&file.source, &to).map_err(|error| cannot_write(&to, &error))
    })
}

/// Copies one file, with its time and mode; it can be written afterwards.
///
/// # Errors
/// As the system says.
pub fn copy_one(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    let metadata = std::fs::metadata(from)?;
    let file = std::fs::File::options().read(true).open(to)?;
    if let Ok(time) = metadata.modified() {
        let _ = file.set_times(std::fs::FileTimes::new().set_modified(time));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() | 0o600;
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode & 0o777))?;
    }
    Ok(())
}

/// The files below a folder, with their sizes, sorted.
pub fn list(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(path),
                Ok(metadata) => {
                    if let Ok(relative) = path.strip_prefix(root) {
                        all.push((relative.to_path_buf(), metadata.len()));
                    }
                }
                Err(_) => {}
            }
        }
    }
    all.sort();
    all
}

/// The SHA-256 of some bytes, as `sha256sum` writes it.
pub fn sha256(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a file.
///
/// # Errors
/// `cannot-read`.
pub fn hash_file(path: &Path) -> Result<String, Diagnostic> {
    let data = fs_err::read(path)
        .map_err(|error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(path))?;
    Ok(sha256(&data))
}

/// The message of what cannot be written.
pub fn cannot_write(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Kind::CannotWrite, format!("cannot be written: {error}"))
        .in_file(path)
        .help("check the folder, its permissions and the space left; nothing of yours was changed")
}

/// A folder that goes unless it is kept.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Temporary {
    /// Makes a folder beside `beside`, with a name of its own.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn beside(beside: &Path) -> Result<Self, Diagnostic> {
        let name = beside.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let path = beside.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        fs_err::create_dir_all(&path).map_err(|error| cannot_write(&path, &error))?;
        let path = path.canonicalize().map_err(|error| cannot_write(&path, &error))?;
        Ok(Self { path, kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its final name.
    ///
    /// # Errors
    /// `cannot-write`.
    pub fn keep_as(mut self, path: &Path) -> Result<(), Diagnostic> {
        fs_err::rename(&self.path, path).map_err(|error| cannot_write(path, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str) -> Option<&'static str> {
        rule_of(Path::new(path), "cpython-310").map(|rule| rule.name)
    }

    #[test]
    fn rules_take_what_no_run_loads() {
        assert_eq!(rule("numpy/core/tests/test_x.py"), Some("tests"));
        assert_eq!(rule("tests/helpers.py"), None, "a package of the application's own may have that name");
        assert_eq!(rule("app.py"), None);
        assert_eq!(rule("numpy/__init__.pyi"), Some("stubs"));
        assert_eq!(rule("pip/_internal/x.py"), Some("packaging-tools"));
        assert_eq!(rule("setuptools-65.5.0.dist-info/METADATA"), Some("packaging-tools"));
        assert_eq!(rule("numpy-2.1.0.dist-info/METADATA"), None);
        assert_eq!(rule("numpy-2.1.0.dist-info/RECORD"), Some("metadata"));
        assert_eq!(rule("numpy/linalg/lapack.cpython-310-x86_64-linux-gnu.so"), None);
        assert_eq!(rule("numpy/linalg/lapack.cpython-39-x86_64-linux-gnu.so"), Some("other-platforms"));
        assert_eq!(rule("a/__pycache__/b.cpython-310.pyc"), Some("caches"));
    }
}
