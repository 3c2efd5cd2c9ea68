//! A revision of a git repository as a folder of its own: what `check --since` reads. The work tree, the index and the
//! repository are not touched, and nothing is fetched.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
#[cfg(target_os = "linux")]
use std::sync::mpsc::RecvTimeoutError;

use crate::diagnostic::{Diagnostic, Kind};
#[cfg(target_os = "linux")]
use crate::measure::Endings;

/// Largest file that is taken over, in bytes: larger ones are never read.
const MAX_BYTES: u64 = 8 << 20;

/// Endings of the files that discovery and analysis read.
const ENDINGS: [&str; 7] = ["py", "yml", "yaml", "json", "template", "toml", "txt"];

/// A folder with the files of a revision; gone when this goes.
#[derive(Debug)]
pub struct Revision {
    root: PathBuf,
    /// The current folder within the repository, with `/` at its end unless it is the top.
    prefix: String,
    top: PathBuf,
    /// What the user called it, and the commit.
    pub name: String,
    #[cfg(target_os = "linux")]
    watch: Option<Watch>,
}

impl Drop for Revision {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        drop(self.watch.take());
        let _ = fs_err::remove_dir_all(&self.root);
    }
}

/// Removes the folder when a signal asks this process to end, and then lets it end of that signal.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Watch {
    over: std::sync::mpsc::Sender<()>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[cfg(target_os = "linux")]
impl Watch {
    fn of(root: PathBuf) -> Self {
        let endings = Endings::remember();
        let (over, is_over) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let _remembered = endings;
            while is_over.recv_timeout(std::time::Duration::from_millis(50)) == Err(RecvTimeoutError::Timeout) {
                if let Some(signal) = Endings::asked() {
                    let _ = fs_err::remove_dir_all(&root);
                    Endings::die_of(signal);
                }
            }
        });
        Self { over, thread: Some(thread) }
    }
}

#[cfg(target_os = "linux")]
impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.over.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn failed(message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Kind::NoRevision, message)
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    // Nothing is asked of anyone, and nothing is loaded from elsewhere.
    command
        .current_dir(folder)
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    command
}

/// Runs git; its standard output, or what it said.
fn ask(folder: &Path, words: &[&str]) -> Result<String, Diagnostic> {
    let out = git(folder).args(words).output().map_err(|error| {
        failed(format!("git cannot be started: {error}")).help("`--since` needs git; `--against` needs a state alone")
    })?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(failed(said.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ").to_owned()))
}

impl Revision {
    /// Writes the files of a revision of the repository around the current folder.
    ///
    /// # Errors
    /// `no-revision`, `cannot-write`.
    pub fn check_out(wanted: &str) -> Result<Self, Diagnostic> {
        let here = Path::new(".");
        let top = ask(here, &["rev-parse", "--show-toplevel"])
            .map_err(|problem| problem.help("run it within the repository, or compare with a state: `--against`"))?;
        let top = PathBuf::from(top.trim_end_matches(['\n', '\r']));
        let prefix = ask(here, &["rev-parse", "--show-prefix"])?.trim_end_matches(['\n', '\r']).to_owned();
        let commit = format!("{wanted}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
        let Ok(commit) = ask(here, &words) else {
            let shallow = ask(here, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|said| said.trim() == "true");
            return Err(if shallow {
                failed(format!("`{wanted}` is not in this clone, which is shallow"))
                    .help("fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout")
            } else {
                failed(format!("`{wanted}` is no revision of this repository"))
                    .help("`git branch -a` lists branches; a branch of the remote is named `origin/main`")
            });
        };
        let commit = commit.trim().to_owned();
        let name = format!("{wanted} ({})", commit.get(..10).unwrap_or(&commit));
        let root = folder()?;
        #[cfg(target_os = "linux")]
        let watch = Some(Watch::of(root.clone()));
        let revision = Self {
            root,
            prefix,
            top,
            name,
            #[cfg(target_os = "linux")]
            watch,
        };
        revision.fill(&commit)?;
        Ok(revision)
    }

    /// Where a path of the user's is in this revision, whether it is there or not. None if it is outside the
    /// repository.
    pub fn path(&self, path: &Path) -> Option<PathBuf> {
        let absolute = fs_err::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()?;
        let top = fs_err::canonicalize(&self.top).ok()?;
        Some(self.root.join(absolute.strip_prefix(top).ok()?))
    }

    /// How its paths are told: as those of the work tree are.
    pub fn bases(&self) -> Vec<(PathBuf, String)> {
        let depth = self.prefix.split('/').filter(|part| !part.is_empty()).count();
        vec![(self.root.join(&self.prefix), String::new()), (self.root.clone(), "../".repeat(depth))]
    }

    fn fill(&self, commit: &str) -> Result<(), Diagnostic> {
        let listing = ask(&self.top, &["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
        let mut wanted: Vec<(&str, PathBuf)> = Vec::new();
        let mut links: Vec<(&str, PathBuf)> = Vec::new();
        for row in listing.split('\0') {
            let Some((facts, path)) = row.split_once('\t') else { continue };
            let facts: Vec<&str> = facts.split_whitespace().collect();
            let [mode, "blob", object, size] = facts.as_slice() else { continue };
            let file = PathBuf::from(path);
            let is_plain = file.components().all(|part| matches!(part, Component::Normal(_)));
            if !is_plain || size.parse::<u64>().map_or(true, |size| size > MAX_BYTES) {
                continue;
            }
            if *mode == "120000" {
                links.push((object, file));
            } else if is_read(&file) {
                wanted.push((object, file));
            }
        }
        let contents = self.objects(wanted.iter().chain(&links).map(|(object, _)| *object))?;
        let cannot = |error: std::io::Error| {
            Diagnostic::new(Kind::CannotWrite, format!("the revision cannot be written: {error}")).in_file(&self.root)
        };
        let mut made: std::collections::BTreeSet<PathBuf> = std::collections::BTreeSet::new();
        for (object, file) in &wanted {
            let Some(bytes) = contents.get(*object) else { continue };
            let target = self.root.join(file);
            if let Some(parent) = target.parent().filter(|parent| made.insert(parent.to_path_buf())) {
                fs_err::create_dir_all(parent).map_err(cannot)?;
            }
            fs_err::write(&target, bytes).map_err(cannot)?;
        }
        for (object, file) in &links {
            if let Some(bytes) = contents.get(*object) {
                self.link(file, bytes);
            }
        }
        Ok(())
    }

    /// Makes a symbolic link that stays within the revision. Links that do not, and systems without, go without it.
    fn link(&self, file: &Path, target: &[u8]) {
        let target = PathBuf::from(String::from_utf8_lossy(target).into_owned());
        let mut depth = file.components().count().saturating_sub(1);
        for part in target.components() {
            match part {
                Component::Normal(_) => depth += 1,
                Component::CurDir => {}
                Component::ParentDir if depth > 0 => depth -= 1,
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return,
            }
        }
        let place = self.root.join(file);
        if let Some(parent) = place.parent() {
            let _ = fs_err::create_dir_all(parent);
        }
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink(target, place);
        #[cfg(not(unix))]
        let _ = (target, place);
    }

    /// The contents of objects, by their names.
    fn objects<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, Vec<u8>>, Diagnostic> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        let broken = |error: std::io::Error| failed(format!("git cannot be read: {error}"));
        let mut child = git(&self.top)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let input = names.join("\n") + "\n";
        let stdin = child.stdin.take();
        let mut found = BTreeMap::new();
        let result = std::thread::scope(|scope| {
            scope.spawn(move || {
                // A git that ends early says so on its output.
                if let Some(mut stdin) = stdin {
                    let _ = stdin.write_all(input.as_bytes());
                }
            });
            let Some(stdout) = child.stdout.take() else { return Ok(()) };
            let mut reader = BufReader::new(stdout);
            for _ in &names {
                let mut header = String::new();
                if reader.read_line(&mut header).map_err(broken)? == 0 {
                    return Err(failed("git ended early"));
                }
                let parts: Vec<&str> = header.split_whitespace().collect();
                let [object, "blob", size] = parts.as_slice() else {
                    return Err(failed("this clone lacks files of the revision")
                        .help("a partial clone holds them only once they were checked out: fetch the whole history"));
                };
                let size: usize = size.parse().map_err(|_| failed("git gives no size"))?;
                let mut bytes = vec![0; size + 1];
                reader.read_exact(&mut bytes).map_err(broken)?;
                bytes.pop();
                found.insert((*object).to_owned(), bytes);
            }
            Ok(())
        });
        if result.is_err() {
            let _ = child.kill();
        }
        let _ = child.wait();
        result.map(|()| found)
    }
}

/// Whether discovery or analysis reads a file of this name.
fn is_read(file: &Path) -> bool {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    ENDINGS.contains(&ending.as_str()) || name.contains("dockerfile")
}

/// A new folder of this process alone. It looks like a repository's top, so that no search leaves it.
fn folder() -> Result<PathBuf, Diagnostic> {
    let cannot = |error: std::io::Error| {
        Diagnostic::new(Kind::CannotWrite, format!("no folder can be made for the revision: {error}"))
    };
    let parent = std::env::temp_dir();
    for number in 0..1000 {
        let path = parent.join(format!("meminterface-since-{}-{number}", std::process::id()));
        match fs_err::create_dir(&path) {
            Ok(()) => {
                fs_err::create_dir(path.join(".git")).map_err(cannot)?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    Err(failed("no folder can be made for the revision: all names are taken"))
}
