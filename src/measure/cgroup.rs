//! A memory cgroup for one run: made, read, removed. Version 2, and version 1, which many hosts still have. Linux only.
//!
//! Depends on `sys` and `process`.
//!
//! Invariants: a group is made below the group that this process is in, or beside it where version 2 demands that, and
//! never where a limit that holds for this process would not hold for it. Every group made is removed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sys::Pid;

/// Which controller a group belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The unified hierarchy.
    V2,
    /// The memory controller's own hierarchy.
    V1,
}

/// A memory cgroup.
#[derive(Debug)]
pub struct Group {
    version: Version,
    path: PathBuf,
    /// Version 2 since Linux 6.12: the mark that a reset through this very descriptor sets.
    peak: Option<File>,
    /// Whether marks can be reset at all.
    resets: bool,
    /// Made here, and to be removed.
    is_ours: bool,
}

/// Where groups can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    version: Version,
    /// The parent of the groups to be made.
    parent: PathBuf,
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// A number, or `max` as none.
fn number(path: &Path) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

/// The value of `name 123`.
fn entry(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// A line of `/proc/self/mountinfo`: (root within the file system, mount point, type, options of the file system).
fn mounts(text: &str) -> Vec<(String, PathBuf, String, String)> {
    text.lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let before: Vec<&str> = before.split(' ').collect();
            let after: Vec<&str> = after.split(' ').collect();
            Some((
                unescape(before.get(3)?),
                PathBuf::from(unescape(before.get(4)?)),
                (*after.first()?).to_owned(),
                (*after.get(2)?).to_owned(),
            ))
        })
        .collect()
}

/// `\040` and its kin, as the kernel writes spaces.
fn unescape(text: &str) -> String {
    ["\\040 ", "\\011\t", "\\012\n", "\\134\\"].iter().fold(text.to_owned(), |text, pair| {
        let (code, plain) = pair.split_at(4);
        text.replace(code, plain)
    })
}

/// The folder of a group of this process, as mounted here.
fn visible(root: &str, point: &Path, own: &str) -> Option<PathBuf> {
    let below = if root == "/" { own } else { own.strip_prefix(root)? };
    // In a container without a namespace of its own the group's path may not be mounted.
    let folder = point.join(below.trim_start_matches('/'));
    folder.is_dir().then_some(folder)
}

/// The group that this process is in, by version.
fn own_groups(mountinfo: &str, cgroups: &str) -> Vec<(Version, PathBuf, PathBuf)> {
    let mut found: Vec<(Version, PathBuf, PathBuf)> = Vec::new();
    for (root, point, kind, options) in mounts(mountinfo) {
        let version = match kind.as_str() {
            "cgroup2" => Version::V2,
            "cgroup" if options.split(',').any(|option| option == "memory") => Version::V1,
            _ => continue,
        };
        let own = cgroups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let is_it = match version {
                Version::V2 => id == "0" && controllers.is_empty(),
                Version::V1 => controllers.split(',').any(|controller| controller == "memory"),
            };
            is_it.then_some(path)
        });
        let Some(own) = own else { continue };
        let folder = visible(&root, &point, own).unwrap_or_else(|| point.clone());
        if !found.iter().any(|(known, ..)| *known == version) {
            found.push((version, point, folder));
        }
    }
    found
}

/// The folders in which a group may be made, the best first, and why the others are not among them.
fn places(mountinfo: &str, cgroups: &str) -> (Vec<Place>, Vec<String>) {
    let mut found = Vec::new();
    let mut reasons = Vec::new();
    for (version, point, own) in own_groups(mountinfo, cgroups) {
        match version {
            Version::V1 => found.push(Place { version, parent: own }),
            Version::V2 => {
                let has = |folder: &Path, file: &str| {
                    read(&folder.join(file)).is_some_and(|text| text.split_whitespace().any(|word| word == "memory"))
                };
                if !has(&point, "cgroup.controllers") {
                    reasons.push("version 2 has no memory controller here".to_owned());
                    continue;
                }
                let mut folder = own.as_path();
                loop {
                    if has(folder, "cgroup.subtree_control") {
                        found.push(Place { version, parent: folder.to_path_buf() });
                    } else if has(folder, "cgroup.controllers") {
                        // Works for the root group, and for a group without processes of its own.
                        if std::fs::write(folder.join("cgroup.subtree_control"), "+memory").is_ok() {
                            found.push(Place { version, parent: folder.to_path_buf() });
                        }
                    }
                    // A limit that holds for us must hold for what we start: do not climb over it.
                    if folder == point || number(&folder.join("memory.max")).is_some() {
                        break;
                    }
                    match folder.parent() {
                        Some(parent) if parent.starts_with(&point) => folder = parent,
                        Some(_) | None => break,
                    }
                }
            }
        }
    }
    (found, reasons)
}

impl Group {
    /// Makes a group with a limit, if one is given, and without swap.
    ///
    /// # Errors
    /// Why none can be made, in words for people.
    pub fn make(limit_bytes: Option<u64>, name: &str) -> Result<Self, String> {
        let mountinfo = read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
        let cgroups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let (places, mut reasons) = places(&mountinfo, &cgroups);
        for place in places {
            match Self::make_at(&place, limit_bytes, name) {
                Ok(group) => return Ok(group),
                Err(reason) => reasons.push(reason),
            }
        }
        if reasons.is_empty() {
            reasons.push("no memory cgroup is mounted".to_owned());
        }
        Err(reasons.join("; "))
    }

    fn make_at(place: &Place, limit_bytes: Option<u64>, name: &str) -> Result<Self, String> {
        let path = place.parent.join(name);
        let said = |what: &str, error: &std::io::Error| format!("{what} in {}: {error}", place.parent.display());
        std::fs::create_dir(&path).map_err(|error| said("no group can be made", &error))?;
        let mut group = Self { version: place.version, path, peak: None, resets: false, is_ours: true };
        group.watch();
        match group.prepare(limit_bytes) {
            Ok(()) => Ok(group),
            // `group` is dropped, and removed.
            Err(error) => Err(said("a group cannot be limited", &error)),
        }
    }

    fn prepare(&self, limit_bytes: Option<u64>) -> std::io::Result<()> {
        let write = |file: &str, value: &str| std::fs::write(self.path.join(file), value);
        // Whether processes may be put into it is known only by trying; opening is the next best.
        File::options().write(true).open(self.path.join("cgroup.procs"))?;
        match self.version {
            Version::V2 => {
                // Without swap in the kernel there is no such file.
                let _ = write("memory.swap.max", "0");
                let _ = write("memory.zswap.max", "0");
                if let Some(limit) = limit_bytes {
                    write("memory.max", &limit.to_string())?;
                }
            }
            Version::V1 => {
                let _ = write("memory.use_hierarchy", "1");
                let _ = write("memory.swappiness", "0");
                if let Some(limit) = limit_bytes {
                    write("memory.limit_in_bytes", &limit.to_string())?;
                    let _ = write("memory.memsw.limit_in_bytes", &limit.to_string());
                }
            }
        }
        if let Some(limit) = limit_bytes
            && self.limit_bytes() != Some(limit)
        {
            return Err(std::io::Error::other("the limit did not take effect"));
        }
        Ok(())
    }

    /// The group that a process is in, which something else made (`systemd-run`), if its limit is this one.
    pub fn of_process(pid: Pid, limit_bytes: Option<u64>) -> Option<Self> {
        let mountinfo = read(Path::new("/proc/self/mountinfo"))?;
        let cgroups = read(Path::new(&format!("/proc/{pid}/cgroup")))?;
        for (version, _, path) in own_groups(&mountinfo, &cgroups) {
            let mut group = Self { version, path, peak: None, resets: false, is_ours: false };
            if limit_bytes.is_none_or(|limit| group.limit_bytes() == Some(limit)) && group.charged_bytes().is_some() {
                group.watch();
                return Some(group);
            }
        }
        None
    }

    /// Finds out which marks can be reset.
    fn watch(&mut self) {
        match self.version {
            Version::V2 => {
                let file = File::options().read(true).write(true).open(self.path.join("memory.peak")).ok();
                self.peak = file.and_then(|mut file| file.write_all(b"reset\n").ok().map(|()| file));
                self.resets = self.peak.is_some();
            }
            Version::V1 => {
                self.resets = std::fs::write(self.path.join("memory.max_usage_in_bytes"), "0").is_ok();
            }
        }
    }

    /// Which hierarchy it is in.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The folder of the group.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that a process joins the group by, writing `0`.
    pub fn join_file(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    /// Whether the high-water mark can be reset, so that each phase has its own.
    pub fn resets(&self) -> bool {
        self.resets
    }

    /// The limit, if there is one.
    pub fn limit_bytes(&self) -> Option<u64> {
        match self.version {
            Version::V2 => number(&self.path.join("memory.max")),
            // "No limit" is a number near the largest.
            Version::V1 => number(&self.path.join("memory.limit_in_bytes")).filter(|limit| *limit < 1 << 62),
        }
    }

    /// What is charged to it now, page cache and kernel memory included, in bytes.
    pub fn charged_bytes(&self) -> Option<u64> {
        match self.version {
            Version::V2 => number(&self.path.join("memory.current")),
            Version::V1 => number(&self.path.join("memory.usage_in_bytes")),
        }
    }

    /// The most that was charged, since the last reset where there are resets, in bytes.
    pub fn peak_bytes(&mut self) -> Option<u64> {
        match (self.version, &mut self.peak) {
            (Version::V2, Some(file)) => {
                let mut text = String::new();
                file.seek(SeekFrom::Start(0)).ok()?;
                file.read_to_string(&mut text).ok()?;
                text.trim().parse().ok()
            }
            (Version::V2, None) => number(&self.path.join("memory.peak")),
            (Version::V1, _) => number(&self.path.join("memory.max_usage_in_bytes")),
        }
    }

    /// Starts a new phase of the high-water mark.
    pub fn reset_peak(&mut self) {
        match (self.version, &mut self.peak) {
            (Version::V2, Some(file)) => {
                let _ = file.write_all(b"reset\n");
            }
            (Version::V2, None) => {}
            (Version::V1, _) => {
                let _ = std::fs::write(self.path.join("memory.max_usage_in_bytes"), "0");
            }
        }
    }

    /// How many processes were killed for the group's limit.
    pub fn killed_for_memory(&self) -> u64 {
        let (file, name) = match self.version {
            Version::V2 => ("memory.events", "oom_kill"),
            Version::V1 => ("memory.oom_control", "oom_kill"),
        };
        read(&self.path.join(file)).and_then(|text| entry(&text, name)).unwrap_or(0)
    }

    /// How often the limit was met, and memory had to be reclaimed.
    pub fn limit_hits(&self) -> u64 {
        match self.version {
            Version::V2 => read(&self.path.join("memory.events")).and_then(|text| entry(&text, "max")).unwrap_or(0),
            Version::V1 => number(&self.path.join("memory.failcnt")).unwrap_or(0),
        }
    }

    /// CPU time of the group; version 2 counts it exactly, also of processes that are gone.
    pub fn cpu(&self) -> Option<Duration> {
        match self.version {
            Version::V2 => {
                let text = read(&self.path.join("cpu.stat"))?;
                entry(&text, "usage_usec").map(Duration::from_micros)
            }
            Version::V1 => None,
        }
    }

    /// Times that its processes waited for a page to be read from disk.
    pub fn major_faults(&self) -> Option<u64> {
        let text = read(&self.path.join("memory.stat"))?;
        match self.version {
            Version::V2 => entry(&text, "pgmajfault"),
            Version::V1 => entry(&text, "total_pgmajfault").or_else(|| entry(&text, "pgmajfault")),
        }
    }
}

/// Removes a group that no process is in any more. Page cache that is charged to it does not keep it.
pub fn remove(path: &Path) {
    for _ in 0..200 {
        match std::fs::remove_dir(path) {
            Ok(()) => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            // A killed process leaves its group a moment after it is waited for.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.is_ours {
            remove(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "35 31 0:32 / /cg/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /cg/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn mounts_are_read_with_their_escapes() {
        let found = mounts("1 2 0:3 /a\\040b /mnt/c\\040d rw shared:1 - cgroup2 none rw,nsdelegate\n");
        assert_eq!(
            found,
            [("/a b".to_owned(), PathBuf::from("/mnt/c d"), "cgroup2".to_owned(), "rw,nsdelegate".to_owned())]
        );
        assert!(mounts("garbage\n\n").is_empty());
    }

    #[test]
    fn the_memory_controller_is_found_wherever_it_is() {
        let groups = own_groups(V1, "4:memory:/a/b\n1:cpu:/\n0::/c\n");
        // Neither folder is there: the mount points stand for them, as in a container.
        assert_eq!(groups.len(), 2);
        assert_eq!(
            groups.first().map(|(version, _, path)| (*version, path.clone())),
            Some((Version::V1, "/cg/memory".into()))
        );
        assert!(own_groups(V1, "1:cpu:/\n").is_empty());
    }

    /// A folder that looks like a version 2 hierarchy: the limit of the group that this process is in is not escaped.
    #[test]
    fn no_group_is_made_above_a_limit() -> std::io::Result<()> {
        let root = std::env::temp_dir().join(format!("meminterface-cgroup-test-{}", std::process::id()));
        let inner = root.join("app.slice/limited/own.scope");
        std::fs::create_dir_all(&inner)?;
        for folder in [root.clone(), root.join("app.slice"), root.join("app.slice/limited"), inner.clone()] {
            std::fs::write(folder.join("cgroup.controllers"), "cpu memory\n")?;
            std::fs::write(folder.join("memory.max"), "max\n")?;
            std::fs::write(folder.join("cgroup.subtree_control"), "cpu memory\n")?;
        }
        let info = format!("41 31 0:38 / {} rw - cgroup2 cgroup2 rw\n", root.display());
        let own = "0::/app.slice/limited/own.scope\n";
        let parents = |(found, _): (Vec<Place>, Vec<String>)| found.into_iter().map(|p| p.parent).collect::<Vec<_>>();
        assert_eq!(parents(places(&info, own)).len(), 4, "nothing is limited");
        std::fs::write(root.join("app.slice/limited/memory.max"), "1000000\n")?;
        assert_eq!(parents(places(&info, own)), [inner.clone(), root.join("app.slice/limited")]);
        std::fs::remove_dir_all(&root)
    }
}
