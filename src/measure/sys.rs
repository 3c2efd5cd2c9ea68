//! The system calls that the standard library does not offer, behind safe functions. Linux only.
//!
//! The only file of `measure` with `unsafe` code: each block says what it relies on. Depends on nothing of the crate.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// A process id, as the kernel counts them.
pub type Pid = libc::pid_t;

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A path as the kernel takes it.
///
/// # Errors
/// A NUL byte in it.
pub fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Forks; gives 0 in the child.
///
/// The child has one thread. It may allocate (glibc and musl keep their allocators usable) and do system calls; it must
/// not wait for a lock that another thread may have held, and must end with [`exit_now`].
///
/// # Errors
/// No process can be made.
pub fn fork() -> io::Result<Pid> {
    // SAFETY: the contract above is the caller's; both callers are in `supervisor`, and keep it.
    check(unsafe { libc::fork() })
}

/// Ends the process without running anything of it.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: takes no pointers, does not return.
    unsafe { libc::_exit(code) }
}

/// Replaces the process's program. Returns only the reason why that failed.
pub fn execute(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let list = |words: &[CString]| {
        let mut pointers: Vec<*const libc::c_char> = words.iter().map(|word| word.as_ptr()).collect();
        pointers.push(std::ptr::null());
        pointers
    };
    let (arguments, environment) = (list(arguments), list(environment));
    // SAFETY: both lists end in a null pointer and point to strings that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// How a process ended, and what it used.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The process.
    pub pid: Pid,
    /// Its wait status, undecoded.
    pub status: i32,
    /// CPU time of it and of the children that it waited for.
    pub cpu: Duration,
    /// The most resident memory that it ever had (before `exec` too), in bytes.
    pub max_resident_bytes: u64,
}

/// A child that ended, if one did.
pub fn reap() -> Option<Ended> {
    let mut status = 0;
    // SAFETY: `rusage` is plain data, for which zeros are a value; the kernel writes only into these two.
    let (pid, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage), usage)
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(u64::try_from(t.tv_sec).unwrap_or(0))
            + Duration::from_micros(u64::try_from(t.tv_usec).unwrap_or(0))
    };
    (pid > 0).then(|| Ended {
        pid,
        status,
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        max_resident_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    })
}

/// Waits for one child of this process to end; gives its wait status.
pub fn wait_for(pid: Pid) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the kernel writes only the status.
    while unsafe { libc::waitpid(pid, &raw mut status, 0) } < 0 {
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
    Some(status)
}

/// The exit code of a wait status, or the signal that ended the process.
pub fn decode(status: i32) -> Result<i32, i32> {
    if libc::WIFSIGNALED(status) { Err(libc::WTERMSIG(status)) } else { Ok(libc::WEXITSTATUS(status)) }
}

/// Kills a process with SIGKILL. One that is gone already is no matter. Ids that mean more than one process are refused.
pub fn kill(pid: Pid) {
    if pid > 1 {
        // SAFETY: takes no pointers.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// Makes the process the leader of a session of its own: no terminal, no signals from one.
pub fn new_session() {
    // SAFETY: takes nothing.
    unsafe { libc::setsid() };
}

/// Orphans among the descendants become children of this process.
pub fn adopt_orphans() {
    // SAFETY: takes no pointers.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// The process is killed when its parent ends.
pub fn die_with_parent() {
    // SAFETY: takes no pointers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// Names the process as `ps` shows it; 15 bytes at the most.
pub fn name_process(name: &CStr) {
    // SAFETY: the kernel reads up to 16 bytes of a string that ends in NUL.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// Sets signals that this program changes back to their defaults, and unblocks all.
pub fn default_signals() {
    // SAFETY: `sigset_t` is plain data that `sigemptyset` fills; no handler is a function of ours.
    unsafe {
        for signal in 1..32 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Ignores the signals that a terminal or a user sends to end a process.
pub fn ignore_endings() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE] {
        // SAFETY: SIG_IGN is no function.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// A descriptor that becomes readable when a child ends.
///
/// # Errors
/// No descriptor is free.
pub fn child_events() -> io::Result<OwnedFd> {
    // SAFETY: the set is filled by `sigemptyset`; the new descriptor is owned by nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let fd = check(libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Empties what [`child_events`] gave.
pub fn drain(fd: RawFd) {
    let mut buffer = [0_u8; 1024];
    // SAFETY: writes at most the buffer's length; the descriptor does not block.
    while unsafe { libc::read(fd, buffer.as_mut_ptr().cast::<c_void>(), buffer.len()) } > 0 {}
}

/// Waits until one of the descriptors is readable or closed; says which are.
pub fn wait_readable(fds: &[RawFd], timeout: Duration) -> Vec<bool> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 }).collect();
    let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the pointer and the length are those of the vector.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout) };
    polled.iter().map(|one| one.revents != 0).collect()
}

/// Makes `from` known as the number `to` as well; `to` survives `exec`.
///
/// # Errors
/// As `dup2`.
pub fn duplicate(from: RawFd, to: RawFd) -> io::Result<()> {
    if from == to {
        // SAFETY: takes no pointers.
        return check(unsafe { libc::fcntl(from, libc::F_SETFD, 0) }).map(|_| ());
    }
    // SAFETY: takes no pointers.
    check(unsafe { libc::dup2(from, to) }).map(|_| ())
}

/// A copy of a descriptor with a number of at least `least`.
///
/// # Errors
/// As `fcntl`.
pub fn duplicate_above(from: RawFd, least: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers; the new descriptor is owned by nothing else.
    unsafe { check(libc::fcntl(from, libc::F_DUPFD_CLOEXEC, least)).map(|fd| OwnedFd::from_raw_fd(fd)) }
}

/// Closes all descriptors but these. For a process that was just forked: nothing may use them any more.
pub fn close_all_but(kept: &[RawFd]) {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    for fd in open {
        if !kept.contains(&fd) {
            // SAFETY: in a forked process that ends with `_exit`, no owner of the descriptor runs again.
            unsafe { libc::close(fd) };
        }
    }
}

/// No core files, and no file larger than this, if given.
pub fn limit_files(largest: Option<u64>) {
    let set = |what, value| {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: the kernel reads the struct.
        unsafe { libc::setrlimit(what, &raw const limit) };
    };
    set(libc::RLIMIT_CORE, 0);
    if let Some(largest) = largest {
        set(libc::RLIMIT_FSIZE, largest);
    }
}

/// The real user and group of this process.
pub fn user_and_group() -> (u32, u32) {
    // SAFETY: takes nothing.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Gives the process namespaces of its own: of mounts and System V objects, and of users if `with_user`.
///
/// # Errors
/// It may not.
pub fn unshare(with_user: bool) -> io::Result<()> {
    let flags = libc::CLONE_NEWNS | libc::CLONE_NEWIPC | if with_user { libc::CLONE_NEWUSER } else { 0 };
    // SAFETY: takes no pointers; a forked process has one thread.
    check(unsafe { libc::unshare(flags) }).map(|_| ())
}

/// What to do at a mount point.
#[derive(Clone, Copy, Debug)]
pub enum Mount<'a> {
    /// Nothing of this namespace is seen outside, nor the other way round.
    Private,
    /// Show a folder here.
    Bind(&'a Path),
    /// Make what is bound here read-only.
    ReadOnly,
    /// An ext4 file system of this device.
    Ext4(&'a Path),
    /// Memory, of at most this many bytes.
    Memory(u64),
}

/// Mounts.
///
/// # Errors
/// It may not, or there is no such folder.
pub fn mount(what: Mount<'_>, at: &Path) -> io::Result<()> {
    let target = c_path(at)?;
    let (source, kind, flags, data): (Option<CString>, Option<&CStr>, libc::c_ulong, Option<CString>) = match what {
        Mount::Private => (None, None, libc::MS_REC | libc::MS_PRIVATE, None),
        Mount::Bind(folder) => (Some(c_path(folder)?), None, libc::MS_BIND | libc::MS_REC, None),
        Mount::ReadOnly => (None, None, libc::MS_BIND | libc::MS_REMOUNT | libc::MS_RDONLY | flags_of(at)?, None),
        Mount::Ext4(device) => (Some(c_path(device)?), Some(c"ext4"), libc::MS_NOSUID | libc::MS_NODEV, None),
        Mount::Memory(bytes) => {
            let data = CString::new(format!("size={bytes},mode=1777")).map_err(io::Error::other)?;
            (Some(c"tmpfs".to_owned()), Some(c"tmpfs"), libc::MS_NOSUID | libc::MS_NODEV, Some(data))
        }
    };
    let pointer = |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
    // SAFETY: every string ends in NUL and outlives the call.
    let result = unsafe {
        libc::mount(
            pointer(&source),
            target.as_ptr(),
            kind.map_or(std::ptr::null(), CStr::as_ptr),
            flags,
            pointer(&data).cast::<c_void>(),
        )
    };
    check(result).map(|_| ())
}

/// The mount flags of a place that a user namespace may not clear when it mounts it anew.
fn flags_of(at: &Path) -> io::Result<libc::c_ulong> {
    let path = c_path(at)?;
    // SAFETY: plain data; the kernel writes only the struct.
    let flags = unsafe {
        let mut status: libc::statvfs = std::mem::zeroed();
        check(libc::statvfs(path.as_ptr(), &raw mut status))?;
        status.f_flag
    };
    Ok([
        (libc::ST_NOSUID, libc::MS_NOSUID),
        (libc::ST_NODEV, libc::MS_NODEV),
        (libc::ST_NOEXEC, libc::MS_NOEXEC),
        (libc::ST_NOATIME, libc::MS_NOATIME),
        (libc::ST_RELATIME, libc::MS_RELATIME),
    ]
    .into_iter()
    .filter(|(has, _)| flags & has != 0)
    .fold(0, |all, (_, flag)| all | flag))
}

/// `struct loop_config` of `linux/loop.h`, whose `loop_info64` is written out in it.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    device_inode_rdevice_offset_limit: [u64; 5],
    number_encryption_key_size: [u32; 3],
    flags: u32,
    names_and_key: [u8; 160],
    init: [u64; 2],
    reserved: [u64; 8],
}

/// Attaches a file to a free loop device, which frees itself when nothing uses it any more; gives the device's path
/// and the descriptor that keeps it meanwhile.
///
/// # Errors
/// There are no loop devices, or they are not ours to use.
pub fn attach_loop(image: &File) -> io::Result<(std::path::PathBuf, File)> {
    const GET_FREE: libc::c_ulong = 0x4C82;
    const CONFIGURE: libc::c_ulong = 0x4C0A;
    const AUTOCLEAR: u32 = 4;
    const DIRECT_IO: u32 = 16;
    let control = File::options().read(true).write(true).open("/dev/loop-control")?;
    let mut last = io::Error::from(io::ErrorKind::ResourceBusy);
    // Another process may take the free device between the two calls.
    for attempt in 0..16 {
        // SAFETY: this request takes no argument.
        let number = check(unsafe { libc::ioctl(control.as_raw_fd(), GET_FREE as _) })?;
        let path = std::path::PathBuf::from(format!("/dev/loop{number}"));
        let device = File::options().read(true).write(true).open(&path)?;
        let config = LoopConfig {
            fd: u32::try_from(image.as_raw_fd()).unwrap_or(0),
            block_size: 0,
            device_inode_rdevice_offset_limit: [0; 5],
            number_encryption_key_size: [0; 3],
            // Direct: the file's own pages would be in the cache a second time.
            flags: AUTOCLEAR | if attempt % 2 == 0 { DIRECT_IO } else { 0 },
            names_and_key: [0; 160],
            init: [0; 2],
            reserved: [0; 8],
        };
        // SAFETY: the struct has the kernel's layout, and is read only.
        match check(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE as _, &raw const config) }) {
            Ok(_) => return Ok((path, device)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The CPU time of a process, of all its threads, also those that ended.
pub fn cpu_time(pid: Pid) -> Option<Duration> {
    // SAFETY: plain data that the calls fill.
    unsafe {
        let mut clock: libc::clockid_t = 0;
        if libc::clock_getcpuclockid(pid, &raw mut clock) != 0 {
            return None;
        }
        let mut time: libc::timespec = std::mem::zeroed();
        if libc::clock_gettime(clock, &raw mut time) != 0 {
            return None;
        }
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}

/// Clock ticks a second, in which `/proc/PID/stat` counts.
pub fn ticks_per_second() -> u64 {
    // SAFETY: takes no pointers.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// The size of a page, in bytes.
pub fn page_size() -> u64 {
    // SAFETY: takes no pointers.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok().filter(|size| *size > 0).unwrap_or(4096)
}

/// Asks the kernel to drop a file from the page cache. What another process maps stays.
pub fn drop_from_cache(file: &File) {
    // SAFETY: takes no pointers.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

/// How many bytes of a file are in the page cache.
pub fn cached_bytes(file: &File, length: u64) -> Option<u64> {
    let length = usize::try_from(length).ok().filter(|length| *length > 0)?;
    let page = usize::try_from(page_size()).ok()?;
    let mut pages = vec![0_u8; length.div_ceil(page)];
    // SAFETY: a fresh read-only mapping of `length` bytes, never read through, given back before return; `mincore`
    // writes one byte a page.
    unsafe {
        let at = libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        if at == libc::MAP_FAILED {
            return None;
        }
        let result = libc::mincore(at, length, pages.as_mut_ptr());
        libc::munmap(at, length);
        if result != 0 {
            return None;
        }
    }
    Some((pages.iter().filter(|page| **page & 1 == 1).count() * page) as u64)
}

/// Whether a folder lies in memory (tmpfs): then its files count as memory.
pub fn is_in_memory(folder: &Path) -> bool {
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    let Ok(path) = c_path(folder) else { return false };
    // SAFETY: plain data that the call fills.
    let kind = unsafe {
        let mut status: libc::statfs = std::mem::zeroed();
        if libc::statfs(path.as_ptr(), &raw mut status) != 0 {
            return false;
        }
        status.f_type
    };
    kind == TMPFS || kind == RAMFS
}

/// The last signal that asked this process to end; 0 if none did.
static ASKED: AtomicI32 = AtomicI32::new(0);
/// How many such signals came.
static TIMES: AtomicI32 = AtomicI32::new(0);

extern "C" fn remember(signal: c_int) {
    // Only atomic stores: safe in a signal handler.
    ASKED.store(signal, Ordering::SeqCst);
    TIMES.fetch_add(1, Ordering::SeqCst);
}

/// Remembers SIGINT, SIGTERM and SIGHUP instead of dying of them, as long as it lives.
#[derive(Debug)]
pub struct Endings {
    before: Vec<(c_int, libc::sighandler_t)>,
}

impl Endings {
    /// Starts remembering.
    pub fn remember() -> Self {
        ASKED.store(0, Ordering::SeqCst);
        TIMES.store(0, Ordering::SeqCst);
        let mut before = Vec::new();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            let handler = remember as extern "C" fn(c_int);
            // SAFETY: the handler only stores atomics.
            let old = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
            if old == libc::SIG_IGN {
                // `nohup` and shells' background jobs: what they ignore stays ignored.
                // SAFETY: as above.
                unsafe { libc::signal(signal, libc::SIG_IGN) };
            } else if old != libc::SIG_ERR {
                before.push((signal, old));
            }
        }
        Self { before }
    }

    /// The signal that came, if one did.
    pub fn asked() -> Option<i32> {
        Some(ASKED.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Whether more than one came: whoever asks twice does not want to wait.
    pub fn asked_again() -> bool {
        TIMES.load(Ordering::SeqCst) > 1
    }

    /// Ends this process as the signal would have.
    pub fn die_of(signal: i32) -> ! {
        // SAFETY: takes no pointers.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
            libc::_exit(128 + signal)
        }
    }
}

impl Drop for Endings {
    fn drop(&mut self) {
        for (signal, handler) in &self.before {
            // SAFETY: what was there before.
            unsafe { libc::signal(*signal, *handler) };
        }
    }
}
