//! Looks at the process tree every few milliseconds: for what the kernel keeps no high-water mark of. Linux only.
//!
//! A single process's resident memory has a mark of its own and needs no samples; anonymous memory, and the sum over
//! several processes, do. Reads from outside: the processes measured do not notice. Depends on `process` and `cgroup`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::process;
use super::sys::Pid;

/// Between two looks.
const PACE: Duration = Duration::from_millis(4);

/// Between two looks that cost more: exact sums of several processes, and the whole list of processes.
const SLOW_PACE: Duration = Duration::from_millis(20);

/// How processes are found.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Everything of the run descends from this.
    pub supervisor: Pid,
    /// The `cgroup.procs` of the run's group, if it has one.
    pub members: Option<PathBuf>,
}

impl Tree {
    /// The processes of the run, without the supervisor.
    pub fn processes(&self) -> Vec<Pid> {
        match &self.members {
            Some(file) => {
                let text = std::fs::read_to_string(file).unwrap_or_default();
                text.lines().filter_map(|line| line.trim().parse().ok()).filter(|pid| *pid > 0).collect()
            }
            None => process::descendants(self.supervisor),
        }
    }
}

/// The most that was seen since the last [`Sampler::take`], in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Anonymous memory: of one process, or the sum of several.
    pub anonymous: u64,
    /// Resident memory of all.
    pub resident: u64,
    /// What was charged to the group.
    pub charged: u64,
    /// Processes.
    pub processes: u64,
}

/// A thread that looks. Dropping it ends the thread.
#[derive(Debug)]
pub struct Sampler {
    seen: Arc<Mutex<Seen>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts to look at a tree.
    ///
    /// # Errors
    /// No thread can be made.
    pub fn start(tree: Tree) -> std::io::Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (into, stop) = (Arc::clone(&seen), Arc::clone(&stopped));
        let thread = std::thread::Builder::new().name("sampler".to_owned()).spawn(move || look(&tree, &into, &stop))?;
        Ok(Self { seen, stopped, thread: Some(thread) })
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look(tree: &Tree, into: &Mutex<Seen>, stop: &AtomicBool) {
    let mut known = Vec::new();
    let mut listed: Option<Instant> = None;
    let mut summed: Option<Instant> = None;
    let mut pause = SLOW_PACE;
    while !stop.load(Ordering::SeqCst) {
        // The list of a group is one small file; without a group it is a walk through /proc.
        if tree.members.is_some() || listed.is_none_or(|at| at.elapsed() > SLOW_PACE) {
            known = tree.processes();
            listed = Some(Instant::now());
        }
        let charged = tree.members.as_ref().and_then(|file| charged_to_group(file)).unwrap_or(0);
        let (mut anonymous, mut resident) = (0, 0);
        let mut processes = 0;
        if let [pid] = known.as_slice() {
            if let Some((whole, shared)) = process::resident(*pid) {
                (anonymous, resident, processes) = (whole.saturating_sub(shared), whole, 1);
            }
        } else if known.len() > 1 {
            processes = known.len() as u64;
            if summed.is_none_or(|at| at.elapsed() > pause) {
                let start = Instant::now();
                let all: Vec<process::Memory> = known.iter().filter_map(|pid| process::memory(*pid)).collect();
                anonymous = all.iter().map(|memory| memory.anonymous_share).sum();
                resident = process::together(all.iter());
                // The kernel walks page tables for this, and holds the processes' locks: a tenth of the time at most.
                pause = SLOW_PACE.max(start.elapsed() * 10);
                summed = Some(Instant::now());
            }
        }
        {
            let mut seen = into.lock().unwrap_or_else(PoisonError::into_inner);
            seen.anonymous = seen.anonymous.max(anonymous);
            seen.resident = seen.resident.max(resident);
            seen.processes = seen.processes.max(processes);
            seen.charged = seen.charged.max(charged);
        }
        std::thread::sleep(PACE);
    }
}

/// What is charged to the group that a `cgroup.procs` belongs to.
fn charged_to_group(members: &std::path::Path) -> Option<u64> {
    ["memory.current", "memory.usage_in_bytes"]
        .iter()
        .find_map(|name| std::fs::read_to_string(members.with_file_name(name)).ok()?.trim().parse().ok())
}
