//! What `/proc` says of processes: memory now, high-water marks, CPU time, descendants. Linux only.
//!
//! Depends on `sys`. A process that is gone gives nothing, never an error.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sys::{self, Pid};

/// The memory of one process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Pages of no file: heap, stack, private copies.
    pub anonymous: u64,
    /// The same, each page divided by the number of processes that share it (after a fork).
    pub anonymous_share: u64,
    /// All pages in memory, each counted whole.
    pub resident: u64,
    /// Anonymous pages and shared memory, each page divided by the number of processes that map it.
    pub proportional: u64,
    /// Pages of files. Counted whole: what other programs of this machine map too would be read in a new instance.
    pub files: u64,
    /// The most `resident` since the mark was reset.
    pub high_water: u64,
}

/// The value of `Name:   12 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.strip_prefix(':')?;
        let number: u64 = rest.split_whitespace().next()?.parse().ok()?;
        number.checked_mul(1024)
    })
}

/// The memory of a process now, exactly: the kernel walks its page tables.
pub fn memory(pid: Pid) -> Option<Memory> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let resident = field(&rollup, "Rss")?;
    let anonymous = field(&rollup, "Anonymous")?;
    let shared = field(&status, "RssShmem").unwrap_or(0);
    let files = resident.saturating_sub(anonymous).saturating_sub(shared);
    // Kernels before 5.4 give one sum for everything.
    let (anonymous_share, proportional) = match (field(&rollup, "Pss_Anon"), field(&rollup, "Pss_Shmem")) {
        (Some(anonymous), Some(shared)) => (anonymous, anonymous + shared),
        _ => {
            let share = field(&rollup, "Pss")?;
            (share.min(anonymous), share.min(anonymous + shared))
        }
    };
    let high_water = field(&status, "VmHWM").unwrap_or(0).max(resident);
    Some(Memory { anonymous, anonymous_share, resident, proportional, files, high_water })
}

/// What several processes hold together: their shares of anonymous pages and shared memory, and files' pages once, as
/// many as the process with the most. Of one process it is `resident`.
pub fn together<'a>(all: impl Iterator<Item = &'a Memory>) -> u64 {
    let (shares, files) = all.fold((0, 0), |(shares, files), one| (shares + one.proportional, one.files.max(files)));
    shares + files
}

/// Resets the high-water mark of a process to what it holds now.
pub fn reset_high_water(pid: Pid) -> bool {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok()
}

/// What a process holds now, cheaply: (resident, of which files and shared memory), in bytes.
pub fn resident(pid: Pid) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut numbers = text.split_whitespace().skip(1).map(|word| word.parse::<u64>().unwrap_or(0));
    let (resident, shared) = (numbers.next()?, numbers.next()?);
    Some((resident * sys::page_size(), shared * sys::page_size()))
}

/// The fields of `/proc/PID/stat` behind the name, which may hold spaces and brackets: the first is the state.
fn stat(pid: Pid) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// CPU time of a process and of the children that it waited for.
pub fn cpu(pid: Pid) -> Duration {
    // The kernel's clocks of such numbers are those of the caller.
    if pid <= 0 {
        return Duration::ZERO;
    }
    let own = sys::cpu_time(pid).unwrap_or_default();
    let children = stat(pid).map_or(0, |fields| {
        let tick = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        tick(13) + tick(14)
    });
    own + Duration::from_secs_f64(children as f64 / sys::ticks_per_second() as f64)
}

/// Times that a process waited for a page to be read from disk, with those of the children that it waited for.
pub fn major_faults(pid: Pid) -> u64 {
    stat(pid).map_or(0, |fields| {
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        number(9) + number(10)
    })
}

/// All processes and their parents.
fn parents() -> Vec<(Pid, Pid)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: Pid = entry.file_name().to_str()?.parse().ok()?;
            let fields = stat(pid)?;
            // A zombie holds nothing.
            let parent = fields.get(1)?.parse().ok()?;
            (fields.first()? != "Z").then_some((pid, parent))
        })
        .collect()
}

/// The processes below one, without it.
pub fn descendants(root: Pid) -> Vec<Pid> {
    let mut below: BTreeMap<Pid, Vec<Pid>> = BTreeMap::new();
    for (pid, parent) in parents() {
        below.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for child in below.remove(&parent).unwrap_or_default() {
            found.push(child);
            open.push(child);
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_whole_and_by_their_own_name() {
        let text = "Rss:  12 kB\nPss_Anon: 7 kB\nPss:\t3 kB\n";
        assert_eq!(field(text, "Rss"), Some(12 * 1024));
        assert_eq!(field(text, "Pss"), Some(3 * 1024));
        assert_eq!(field(text, "VmHWM"), None);
        assert_eq!(field("Rss: many kB", "Rss"), None);
    }

    #[test]
    fn this_process_is_there_and_one_that_is_gone_is_not() {
        let own = Pid::try_from(std::process::id()).unwrap_or(0);
        let memory = memory(own).unwrap_or_default();
        assert!(memory.resident > 0 && memory.high_water >= memory.resident && memory.anonymous <= memory.resident);
        assert!(resident(own).is_some_and(|(resident, _)| resident > 0));
        assert_eq!(super::memory(-1), None);
        // One process holds what it holds; a second that shares all of it adds nothing of its files.
        assert!(together([memory].iter()).abs_diff(memory.resident) < 1 << 20);
        assert_eq!(cpu(-1), Duration::ZERO);
    }
}
