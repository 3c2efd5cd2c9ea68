//! One process of the user's, under a supervisor that outlives neither it nor us. Linux only.
//!
//! The supervisor is a fork of this program that never runs anything but the code below. It gives the user's process
//! a mount namespace where it may (a private `/tmp`, read-only code), starts it, and adopts whatever it leaves behind.
//! When the engine says so, *or is gone for whatever reason*, it kills every descendant and the group, and then removes
//! the group and the run's folder. Depends on `sys`, `process` and `cgroup`.

use std::ffi::CString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::cgroup;
use super::process;
use super::sys::{self, Mount, Pid};

/// The number under which the user's process finds the control channel.
pub const CONTROL_FD: RawFd = 3;

/// What `/tmp` of the user's process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Temporary {
    /// A file system of its own size in this image, else the folder.
    Image(PathBuf, PathBuf),
    /// This folder, shown as `/tmp` where that may be.
    Folder(PathBuf),
}

/// What to start, and how.
#[derive(Debug)]
pub struct Launch {
    /// The program and its arguments; the first is its path.
    pub command: Vec<CString>,
    /// Programs of extensions, each with its arguments: started first, in the same group.
    pub extensions: Vec<Vec<CString>>,
    /// The whole environment, `NAME=value`.
    pub environment: Vec<CString>,
    /// The working folder.
    pub folder: PathBuf,
    /// Where the process joins its group.
    pub join: Option<PathBuf>,
    /// The group to remove if we are gone.
    pub group: Option<PathBuf>,
    /// The run's folder, to remove if we are gone.
    pub run_folder: PathBuf,
    /// What `/tmp` is.
    pub temporary: Temporary,
    /// Folders that must be seen although they lie below `/tmp`.
    pub shown: Vec<PathBuf>,
    /// Folders that are read-only, as the platform has them.
    pub read_only: Vec<PathBuf>,
    /// Folders that stay writable while all others become read-only; none leaves them as they are.
    pub sealed: Option<Vec<PathBuf>>,
    /// The largest file that the process may write, where `/tmp` has no size of its own.
    pub largest_file: Option<u64>,
    /// Where it writes what it says.
    pub output: OwnedFd,
    /// Its end of the control channel.
    pub control: OwnedFd,
}

/// What the supervisor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// How private `/tmp` is: `image`, `folder` or `none`, and why not better.
    Temporary(String, String),
    /// The user's process runs.
    Started(Pid),
    /// It could not be started: what was tried, and the system's error.
    Failed(String, i32),
    /// It ended: wait status, CPU time in microseconds, most resident memory in bytes.
    Ended(i32, u64, u64),
    /// A process that it left behind ended: CPU time in microseconds.
    Orphan(u64),
    /// Everything is gone.
    Gone,
}

/// A supervisor that runs. Dropping it kills everything below it, and waits for that.
#[derive(Debug)]
pub struct Supervisor {
    pid: Pid,
    socket: UnixStream,
}

impl Supervisor {
    /// Starts a supervisor and, below it, the process.
    ///
    /// # Errors
    /// No process or socket can be made.
    pub fn start(launch: Launch) -> std::io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let engine = std::process::id();
        match sys::fork()? {
            0 => {
                let code = supervise(&launch, &theirs, engine);
                sys::exit_now(code)
            }
            pid => Ok(Self { pid, socket: ours }),
        }
    }

    /// The supervisor's own process.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// What it tells, line by line, until it is gone. For a thread of its own.
    ///
    /// # Errors
    /// No descriptor is free.
    pub fn lines(&self) -> std::io::Result<impl Iterator<Item = Told> + Send + 'static> {
        let reader = BufReader::new(self.socket.try_clone()?);
        Ok(reader.lines().map_while(Result::ok).filter_map(|line| parse(&line)))
    }

    /// Kills everything below the supervisor. Told as [`Told::Gone`].
    pub fn kill(&self) {
        let _ = (&self.socket).write_all(b"k");
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        sys::wait_for(self.pid);
    }
}

fn parse(line: &str) -> Option<Told> {
    let mut words = line.splitn(3, ' ');
    let (what, first, rest) = (words.next()?, words.next().unwrap_or(""), words.next().unwrap_or(""));
    Some(match what {
        "tmp" => Told::Temporary(first.to_owned(), rest.to_owned()),
        "started" => Told::Started(first.parse().ok()?),
        "failed" => Told::Failed(rest.to_owned(), first.parse().ok()?),
        "ended" => {
            let (cpu, memory) = rest.split_once(' ')?;
            Told::Ended(first.parse().ok()?, cpu.parse().ok()?, memory.parse().ok()?)
        }
        "orphan" => Told::Orphan(first.parse().ok()?),
        "gone" => Told::Gone,
        _ => return None,
    })
}

/// The life of a supervisor, in the forked process. `engine` is the process that started it.
fn supervise(launch: &Launch, socket: &UnixStream, engine: u32) -> i32 {
    sys::close_all_but(&[socket.as_raw_fd(), launch.output.as_raw_fd(), launch.control.as_raw_fd()]);
    let Ok(null) = File::options().read(true).write(true).open("/dev/null") else { return 1 };
    // Numbers 0 to 3 are for the user's process; nothing of ours may be in their place.
    let above = |from: RawFd| sys::duplicate_above(from, 10);
    let (Ok(talk), Ok(null), Ok(output), Ok(control)) = (
        above(socket.as_raw_fd()),
        above(null.as_raw_fd()),
        above(launch.output.as_raw_fd()),
        above(launch.control.as_raw_fd()),
    ) else {
        return 1;
    };
    let talk = UnixStream::from(talk);
    let tell = |line: &str| {
        let _ = (&talk).write_all(format!("{line}\n").as_bytes());
    };
    sys::name_process(c"meminterface-s");
    sys::new_session();
    sys::adopt_orphans();
    sys::ignore_endings();

    let (kind, reason) = isolate(launch);
    tell(&format!("tmp {kind} {}", reason.replace('\n', " ")));

    let events = sys::child_events().ok();
    let fds = [null.as_raw_fd(), output.as_raw_fd(), control.as_raw_fd()];
    for extension in &launch.extensions {
        start(launch, extension, false, kind, fds, &tell);
    }
    let child = start(launch, &launch.command, true, kind, fds, &tell);
    if child > 0 {
        tell(&format!("started {child}"));
    }
    // Only the user's processes may keep the other ends of these open.
    let mut wait = vec![talk.as_raw_fd()];
    wait.extend(events.as_ref().map(AsRawFd::as_raw_fd));
    sys::close_all_but(&wait);

    loop {
        let ready = sys::wait_readable(&wait, Duration::from_millis(500));
        if let Some(events) = &events {
            sys::drain(events.as_raw_fd());
        }
        bury(child, &tell);
        // A word, or the end of the file: the engine says so, or is gone.
        if ready.first() == Some(&true) {
            let mut word = [0_u8; 16];
            let _ = (&talk).read(&mut word);
            break;
        }
    }
    kill_all(launch.group.as_deref(), child, &tell);
    tell("gone");
    // The engine reads the last figures of the group, then closes its end.
    let mut rest = Vec::new();
    let _ = (&talk).read_to_end(&mut rest);
    // It removes these itself; if it cannot any more, nothing stays behind all the same.
    if std::os::unix::process::parent_id() != engine {
        if let Some(group) = &launch.group {
            cgroup::remove(group);
        }
        let _ = std::fs::remove_dir_all(&launch.run_folder);
    }
    // What is still owned was closed above, by number: no destructor may run.
    sys::exit_now(0)
}

/// Tells of children that ended.
fn bury(child: Pid, tell: &impl Fn(&str)) {
    while let Some(ended) = sys::reap() {
        let cpu = ended.cpu.as_micros();
        if ended.pid == child {
            tell(&format!("ended {} {cpu} {}", ended.status, ended.max_resident_bytes));
        } else {
            tell(&format!("orphan {cpu}"));
        }
    }
}

/// Kills all descendants, and whatever is in the group, until nothing is left.
fn kill_all(group: Option<&Path>, child: Pid, tell: &impl Fn(&str)) {
    let own = Pid::try_from(std::process::id()).unwrap_or(0);
    let start = Instant::now();
    // A process that waits for a disk cannot be killed at once; one that never ends is the kernel's problem.
    while start.elapsed() < Duration::from_secs(20) {
        if let Some(group) = group {
            let _ = std::fs::write(group.join("cgroup.kill"), "1");
        }
        let mut left = process::descendants(own);
        if let Some(group) = group {
            let text = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            left.extend(text.lines().filter_map(|line| line.trim().parse::<Pid>().ok()));
        }
        left.retain(|pid| *pid != own);
        for pid in &left {
            sys::kill(*pid);
        }
        bury(child, tell);
        if left.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Gives this process, and what it starts, mounts of their own. Says what `/tmp` is now, and why it is not better.
fn isolate(launch: &Launch) -> (&'static str, String) {
    let (user, group) = sys::user_and_group();
    let own_mounts = |with_user: bool| {
        sys::unshare(with_user)?;
        if with_user {
            // Older kernels have no such file, and need none.
            let _ = std::fs::write("/proc/self/setgroups", "deny");
            std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
            std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
        }
        sys::mount(Mount::Private, Path::new("/"))
    };
    // Tried in a process that is thrown away: half a namespace (no user mapped, no mount allowed) would be worse than
    // none, and some systems give just that.
    let works = |with_user: bool| match sys::fork() {
        Ok(0) => sys::exit_now(i32::from(own_mounts(with_user).is_err())),
        Ok(pid) => sys::wait_for(pid) == Some(0),
        Err(_) => false,
    };
    let Some(with_user) = [false, true].into_iter().find(|with_user| works(*with_user)) else {
        return ("none", "no mount namespace may be made here".to_owned());
    };
    if let Err(error) = own_mounts(with_user) {
        return ("none", format!("no mount namespace can be made ({error})"));
    }
    // Shared memory of its own, so that nothing stays behind in the machine's. The platform has none at all.
    let _ = sys::mount(Mount::Memory(64 << 20), Path::new("/dev/shm"));
    if let Some(writable) = &launch.sealed {
        seal(writable);
    }
    for folder in &launch.read_only {
        if sys::mount(Mount::Bind(folder), folder).is_ok() {
            let _ = sys::mount(Mount::ReadOnly, folder);
        }
    }
    let place = Path::new("/tmp");
    // What lies below /tmp and is needed is held open, and shown again in the new /tmp.
    let held: Vec<(&PathBuf, File)> = launch
        .shown
        .iter()
        .filter(|folder| folder.starts_with(place) && folder.as_path() != place)
        .filter_map(|folder| File::open(folder).ok().map(|file| (folder, file)))
        .collect();
    let mut why = String::new();
    let mut kind = None;
    if let Temporary::Image(image, _) = &launch.temporary {
        match mount_image(image, place) {
            Ok(()) => kind = Some("image"),
            Err(error) => why = format!("no file system of its own ({error})"),
        }
    }
    if kind.is_none() {
        let (Temporary::Image(_, folder) | Temporary::Folder(folder)) = &launch.temporary;
        match sys::mount(Mount::Bind(folder), place) {
            Ok(()) => kind = Some("folder"),
            Err(error) => return ("none", format!("no folder can be shown as /tmp ({error})")),
        }
    }
    for (folder, file) in &held {
        let source = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let shown = std::fs::create_dir_all(folder).and_then(|()| sys::mount(Mount::Bind(&source), folder));
        if let Err(error) = shown {
            why = format!("{} cannot be shown in the private /tmp ({error})", folder.display());
        }
        if launch.read_only.contains(folder) {
            let _ = sys::mount(Mount::ReadOnly, folder);
        }
    }
    (kind.unwrap_or("none"), why)
}

/// Makes every file system read-only but these folders and what the kernel shows of itself. What cannot be made so stays.
fn seal(writable: &[PathBuf]) {
    let Ok(table) = std::fs::read_to_string("/proc/self/mountinfo") else { return };
    let kernel = ["/proc", "/sys", "/dev"].map(Path::new);
    let mut places: Vec<PathBuf> = table.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped).collect();
    places.retain(|place| !kernel.iter().any(|one| place.starts_with(one)));
    // Mounts of their own first: they keep their own flags.
    for folder in writable {
        let _ = sys::mount(Mount::Bind(folder), folder);
    }
    for place in places {
        if !writable.iter().any(|folder| place.starts_with(folder)) {
            let _ = sys::mount(Mount::ReadOnly, &place);
        }
    }
}

/// A path of `/proc/self/mountinfo`, where blanks are `\040`.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes))
}

fn mount_image(image: &Path, place: &Path) -> std::io::Result<()> {
    let file = File::options().read(true).write(true).open(image)?;
    // The device frees itself when it is unmounted: with the last process of the namespace.
    let (device, held) = sys::attach_loop(&file)?;
    sys::mount(Mount::Ext4(&device), place)?;
    drop(held);
    let _ = std::fs::remove_dir(place.join("lost+found"));
    std::fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(0o1777))
}

/// Starts a process, and waits until it runs its program: what it was before is a copy of this one, and not to be
/// measured. Gives 0 if it cannot be started.
fn start(
    launch: &Launch,
    command: &[CString],
    is_main: bool,
    temporary: &str,
    fds: [RawFd; 3],
    tell: &impl Fn(&str),
) -> Pid {
    // The other end closes when the program starts, or when the process ends.
    let Ok((ours, theirs)) = UnixStream::pair() else { return 0 };
    let guard = sys::duplicate_above(theirs.as_raw_fd(), 10);
    drop(theirs);
    match sys::fork() {
        Ok(0) => become_the_process(launch, command, is_main, temporary, fds, tell),
        Ok(pid) => {
            drop(guard);
            let mut nothing = Vec::new();
            let _ = (&ours).read_to_end(&mut nothing);
            pid
        }
        Err(error) => {
            tell(&format!("failed {} cannot start a process", error.raw_os_error().unwrap_or(0)));
            0
        }
    }
}

/// In the second fork: becomes the user's process.
fn become_the_process(
    launch: &Launch,
    command: &[CString],
    is_main: bool,
    temporary: &str,
    [null, output, control]: [RawFd; 3],
    tell: &impl Fn(&str),
) -> ! {
    let fail = |what: &str, error: &std::io::Error| -> ! {
        tell(&format!("failed {} {what}", error.raw_os_error().unwrap_or(0)));
        sys::exit_now(127)
    };
    sys::die_with_parent();
    sys::new_session();
    if let Some(join) = &launch.join
        && let Err(error) = std::fs::write(join, "0")
    {
        fail("cannot join the memory cgroup", &error);
    }
    sys::limit_files(launch.largest_file);
    if let Err(error) = std::env::set_current_dir(&launch.folder) {
        fail("cannot enter the code folder", &error);
    }
    let control = if is_main { control } else { null };
    for (from, to) in [(null, 0), (output, 1), (output, 2), (control, CONTROL_FD)] {
        if let Err(error) = sys::duplicate(from, to) {
            fail("cannot set up its descriptors", &error);
        }
    }
    sys::default_signals();
    let Some(program) = command.first() else { sys::exit_now(127) };
    let mut environment = launch.environment.clone();
    if temporary == "none" {
        let (Temporary::Image(_, folder) | Temporary::Folder(folder)) = &launch.temporary;
        let variable = [b"TMPDIR=", folder.as_os_str().as_encoded_bytes()].concat();
        environment.extend(CString::new(variable).ok());
    }
    let error = sys::execute(program, command, &environment);
    fail(&format!("cannot run {}", program.to_string_lossy()), &error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_supervisor_tells_is_understood() {
        assert_eq!(parse("started 12"), Some(Told::Started(12)));
        assert_eq!(parse("tmp none a reason"), Some(Told::Temporary("none".to_owned(), "a reason".to_owned())));
        assert_eq!(parse("tmp image "), Some(Told::Temporary("image".to_owned(), String::new())));
        assert_eq!(parse("failed 2 cannot run"), Some(Told::Failed("cannot run".to_owned(), 2)));
        assert_eq!(parse("ended 9 1500 4096"), Some(Told::Ended(9, 1500, 4096)));
        assert_eq!(parse("gone"), Some(Told::Gone));
        assert_eq!(parse("started x"), None);
        assert_eq!(parse(""), None);
    }
}
