//! `meminterface measure` as a user meets it: true figures, real limits, every way in which a handler can misbehave, and
//! nothing of ours left behind.
//!
//! A run needs Linux and a Python; without one the tests pass without having looked. Whether a limit is enforced depends
//! on the machine: where this test itself can make a memory cgroup the tool must enforce it too, elsewhere it must say
//! that it does not.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

const MB: u64 = 1 << 20;

/// The variable by which every process of a run is recognised, whatever it calls itself.
const MARK: &str = "MEMINTERFACE_TEST_MARK";

/// A folder with a handler, and the processes that it leads to.
struct Case {
    folder: PathBuf,
    cache: PathBuf,
    mark: String,
}

/// What a run gave.
struct Run {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Run {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.errors))
    }
}

fn python() -> Option<String> {
    let found = Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status();
    found.is_ok_and(|status| status.success()).then(|| "python3".to_owned())
}

impl Case {
    /// A handler in `app.py`; none without a Python.
    fn new(source: &str) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        python()?;
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("measure-{mark}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let case = Self { cache: folder.join("cache"), folder: folder.join("code"), mark };
        case.write("app.py", source);
        case.write("event.json", "{}");
        Some(case)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The command. The minimal client needs nothing that a machine may lack; the page cache is left alone for speed.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.args(["measure", "app.py", "--runtime-client", "minimal", "--keep-page-cache", "--pass-env", MARK]);
        command.args(words).current_dir(&self.folder).env("XDG_CACHE_HOME", &self.cache).env(MARK, &self.mark);
        command.env_remove("AWS_LAMBDA_RUNTIME_API").stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, words: &[&str]) -> Run {
        let mut command = self.command(words);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let pid = child.id();
        let Output { status, stdout, stderr } = child.wait_with_output().expect("the command ends");
        self.nothing_is_left(pid);
        Run {
            code: status.code(),
            out: String::from_utf8(stdout).expect("UTF-8"),
            errors: String::from_utf8(stderr).expect("UTF-8"),
        }
    }

    /// A run of one event with JSON as its result.
    #[track_caller]
    fn measure(&self, words: &[&str]) -> Value {
        let mut all = vec!["--event", "event.json", "--format", "json"];
        all.extend(words);
        let run = self.run(&all);
        let json = run.json();
        let expected = if json["outcome"] == "ok" { 0 } else { 1 };
        assert_eq!(run.code, Some(expected), "{}", run.errors);
        json
    }

    /// Processes of the run, found by their environment.
    fn processes(&self) -> Vec<String> {
        let wanted = format!("{MARK}={}", self.mark);
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let is_of_run = fs::read(entry.path().join("environ"))
                .is_ok_and(|text| text.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes()));
            if is_of_run {
                let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push(format!("{:?}: {}", entry.file_name(), String::from_utf8_lossy(&words).replace('\0', " ")));
            }
        }
        found
    }

    /// Groups, folders and loop devices of the run.
    fn traces(&self, pid: u32) -> Vec<String> {
        let mut found = groups_named(&format!("meminterface-{pid}-"));
        if let Ok(entries) = fs::read_dir(self.cache.join("meminterface/runs")) {
            found.extend(entries.flatten().map(|entry| entry.path().display().to_string()));
        }
        let own = self.folder.parent().unwrap_or(&self.folder).display().to_string();
        for number in 0..64 {
            let device = format!("/sys/block/loop{number}/loop/backing_file");
            found.extend(fs::read_to_string(device).ok().filter(|file| file.contains(&own)));
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        found.extend(mounts.lines().filter(|line| line.contains(&own)).map(str::to_owned));
        found
    }

    #[track_caller]
    fn nothing_is_left(&self, pid: u32) {
        assert_eq!(self.processes(), Vec::<String>::new(), "processes are left");
        assert_eq!(self.traces(pid), Vec::<String>::new(), "something is left");
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.folder.parent().unwrap_or(&self.folder));
    }
}

/// Mount points of memory controllers.
fn controllers() -> Vec<(PathBuf, bool)> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut found = Vec::new();
    for line in mounts.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, point, kind, options, ..] = words.as_slice() else { continue };
        if *kind == "cgroup2" {
            found.push((PathBuf::from(point), true));
        } else if *kind == "cgroup" && options.split(',').any(|option| option == "memory") {
            found.push((PathBuf::from(point), false));
        }
    }
    found
}

fn groups_named(start: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = controllers().into_iter().map(|(point, _)| point).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(start) {
                    found.push(entry.path().display().to_string());
                }
                open.push(entry.path());
            }
        }
    }
    found
}

/// Whether this test could make a group of version 1 with a limit. The tool then must.
fn limits_are_possible() -> bool {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        (parts.next()? == "memory").then(|| parts.next().unwrap_or("/").to_owned())
    });
    let Some(own) = own else { return false };
    controllers().into_iter().filter(|(_, is_v2)| !is_v2).any(|(point, _)| {
        let folder = point.join(own.trim_start_matches('/')).join(format!("probe-{}", std::process::id()));
        let _one_at_a_time = PROBE.lock();
        let works =
            fs::create_dir(&folder).is_ok() && fs::write(folder.join("memory.limit_in_bytes"), "67108864").is_ok();
        let _ = fs::remove_dir(&folder);
        works
    })
}

static PROBE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// Whether a run was held to its limit; where it must have been, or says that it was not, this is checked.
#[track_caller]
fn is_enforced(json: &Value) -> bool {
    let limit = &json["limit"];
    let meaning = limit["meaning"].as_str().expect("a meaning");
    if limit["enforced"] == true {
        let kind = limit["kind"].as_str().expect("a kind");
        assert!(["cgroup-v1", "cgroup-v2", "systemd-scope"].contains(&kind), "{kind}");
        assert!(meaning.contains("no swap"), "{meaning}");
        return true;
    }
    assert!(!limits_are_possible(), "a group could have been made: {meaning}");
    assert_eq!(limit["kind"], "none");
    assert!(meaning.starts_with("not enforced"), "{meaning}");
    false
}

fn bytes(json: &Value, name: &str) -> u64 {
    json[name].as_u64().unwrap_or_else(|| panic!("{name} is no number: {json}"))
}

const TAKES: &str =
    "def handler(event, context):\n    data = bytearray(event['mb'] << 20)\n    return {'len': len(data)}\n";

/// What a handler takes is in the figures of its invocation, and the next phase begins with a mark of its own.
#[test]
fn figures_by_phase() {
    let Some(case) = Case::new(TAKES) else { return };
    case.write("event.json", "{\"mb\": 64}\n{\"mb\": 1}\n");
    let json = {
        let run = case.run(&["--events", "event.json", "--format", "json", "--warm", "1", "--memory", "512"]);
        assert_eq!(run.code, Some(0), "{}", run.errors);
        run.json()
    };
    assert_eq!((&json["outcome"], &json["message"]), (&"ok".into(), &"".into()));
    let phases: Vec<&Value> = json["init"]["phases"].as_array().expect("phases").iter().map(|p| &p["name"]).collect();
    assert_eq!(phases, ["runtime-start", "import"]);
    let invocations = json["invocations"].as_array().expect("invocations");
    let states: Vec<(u64, bool)> =
        invocations.iter().map(|one| (bytes(one, "event"), one["cold"].as_bool().expect("a bool"))).collect();
    assert_eq!(states, [(1, true), (1, false), (2, false), (2, false)]);
    let base = bytes(&json["init"], "end_resident_bytes");
    assert!((4 * MB..64 * MB).contains(&base), "an interpreter takes {base}");
    for one in invocations {
        let taken = if one["event"] == 1 { 64 * MB } else { MB };
        assert_eq!(one["response"]["len"], taken);
        for name in ["peak_anonymous_bytes", "peak_resident_bytes"] {
            let before = if name == "peak_resident_bytes" { base } else { bytes(&json["init"], "end_anonymous_bytes") };
            let grown = bytes(one, name) - before;
            // The kernel keeps its counters to some dozens of pages a processor.
            assert!((taken - MB / 2..taken + 3 * MB).contains(&grown), "{name} grew by {grown} for {taken}");
        }
        assert!(bytes(one, "end_resident_bytes") < base + 4 * MB, "the data is freed");
        assert!(bytes(one, "end_resident_bytes") <= bytes(one, "peak_resident_bytes"));
        assert_eq!((&one["sampled"], &one["processes"]), (&false.into(), &1.into()));
        assert!(one["wall_ms"].as_f64().expect("a time") > 0.0);
    }
    let peak = invocations.iter().map(|one| bytes(one, "peak_resident_bytes")).max();
    assert_eq!(Some(bytes(&json["peak"], "peak_resident_bytes")), peak);
    if is_enforced(&json) {
        for one in invocations {
            assert!(bytes(one, "peak_charged_bytes") >= bytes(one, "peak_anonymous_bytes"));
        }
        // The mark was reset: the small event's is not that of the large one before it.
        assert!(bytes(&invocations[2], "peak_charged_bytes") + 32 * MB < bytes(&invocations[1], "peak_charged_bytes"));
    } else {
        assert_eq!(json["peak"]["peak_charged_bytes"], Value::Null);
    }
}

/// The limit is real: what does not fit is killed, with a message of its own, wherever it happens.
#[test]
fn out_of_memory() {
    let greedy = "def handler(event, context):\n    return len(bytearray(b'1') * (200 << 20))\n";
    let at_import = "held = bytearray(b'1') * (200 << 20)\ndef handler(event, context):\n    return 1\n";
    let in_child = "import subprocess, sys\ndef handler(event, context):\n    \
                    return subprocess.run([sys.executable, '-c', \"x = bytearray(b'1') * (200 << 20)\"]).returncode\n";
    for (source, where_) in [(greedy, "invocations"), (at_import, "init"), (in_child, "invocations")] {
        let Some(case) = Case::new(source) else { return };
        let json = case.measure(&["--memory", "96"]);
        if !is_enforced(&json) {
            assert_eq!(json["outcome"], "ok");
            continue;
        }
        assert_eq!(json["outcome"], "out-of-memory", "{source}");
        let message = json["message"].as_str().expect("a message");
        assert!(message.contains("needs more than 96 MB"), "{message}");
        let part = if where_ == "init" { &json["init"] } else { &json["invocations"][0] };
        assert_eq!(part["outcome"], "out-of-memory", "{part}");
        let most = bytes(&json["peak"], "peak_charged_bytes");
        assert!((80 * MB..=96 * MB).contains(&most), "charged {most} below a limit of 96 MB");
        let enough = case.measure(&["--memory", "320"]);
        assert_eq!(enough["outcome"], "ok", "{}", enough["message"]);
    }
}

/// Each way to fail has its outcome and the platform's own words, and the exit code 1.
#[test]
fn outcomes() {
    let source = r#"
import ctypes, os, signal, sys, time

def raises(event, context):
    raise ValueError("bad é")

def exits(event, context):
    sys.exit(4)

def exits_at_once(event, context):
    os._exit(3)

def hangs(event, context):
    time.sleep(1000)

def ignores(event, context):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass

def crashes(event, context):
    ctypes.string_at(0)

def a_set(event, context):
    return {1, 2}

def too_much(event, context):
    return "x" * 7_000_000

def kills_its_parent(event, context):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)
"#;
    let Some(case) = Case::new(source) else { return };
    for (handler, outcome, kind, word) in [
        ("raises", "error", "ValueError", "bad é"),
        ("exits", "error", "Runtime.ExitError", "exit status 4"),
        ("exits_at_once", "error", "Runtime.ExitError", "exit status 3"),
        ("hangs", "timeout", "Sandbox.Timedout", "timed out after 1.00 seconds"),
        ("ignores", "timeout", "Sandbox.Timedout", "timed out after 1.00 seconds"),
        ("crashes", "error", "Runtime.ExitError", "segmentation fault"),
        ("a_set", "error", "Runtime.MarshalError", "Unable to marshal response"),
        ("too_much", "error", "Function.ResponseSizeTooLarge", "6291556 bytes"),
        ("missing", "init-error", "Runtime.HandlerNotFound", "missing"),
    ] {
        let entry = format!("app.{handler}");
        let event = ["--event", "event.json", "--format", "json", "--timeout", "1", "--handler"];
        let run = case.run(&[event.as_slice(), &[&entry]].concat());
        if handler == "missing" {
            // Reading the file tells that already.
            assert_eq!(run.code, Some(2), "{}", run.errors);
            continue;
        }
        let json = run.json();
        assert_eq!((run.code, &json["outcome"]), (Some(1), &outcome.into()), "{handler}: {}", json["message"]);
        let error = &json["invocations"][0]["error"];
        assert_eq!(error["type"], kind, "{handler}");
        assert!(error["message"].as_str().is_some_and(|message| message.contains(word)), "{handler}: {error}");
        assert_eq!(json["message"], format!("{kind}: {}", error["message"].as_str().expect("a message")));
    }
    let json = case.measure(&["--timeout", "1", "--handler", "app.kills_its_parent"]);
    assert_ne!(json["outcome"], "ok", "a handler that kills our supervisor is cleaned up after all the same");
}

/// What goes wrong while the module is imported is an `init-error` (a timeout where it hangs).
#[test]
fn outcomes_of_the_initialisation() {
    for (source, outcome, word) in [
        ("import no_such_module\ndef handler(e, c): pass\n", "init-error", "no_such_module"),
        ("raise RuntimeError('no table')\ndef handler(e, c): pass\n", "init-error", "no table"),
        ("import sys\nsys.exit(5)\ndef handler(e, c): pass\n", "init-error", "exit status 5"),
        ("import time\ntime.sleep(1000)\ndef handler(e, c): pass\n", "timeout", "not ready after 1 s"),
        ("import ctypes\nctypes.string_at(0)\ndef handler(e, c): pass\n", "init-error", "segmentation fault"),
    ] {
        let Some(case) = Case::new(source) else { return };
        let json = case.measure(&["--init-timeout", "1", "--runs", "2"]);
        assert_eq!(json["outcome"], outcome, "{source}: {}", json["message"]);
        assert!(json["message"].as_str().is_some_and(|message| message.contains(word)), "{}", json["message"]);
        assert_eq!((&json["init"]["outcome"], &json["invocations"]), (&outcome.into(), &Value::Array(Vec::new())));
        let text = case.run(&["--event", "event.json", "--init-timeout", "1"]);
        assert!(text.out.starts_with("INIT_REPORT Init Duration: "), "{}", text.out);
    }
}

/// Children count while they live, and die with the run, whatever they ignore and whichever session they are in.
#[test]
fn children_are_counted_and_do_not_survive() {
    let source = r#"
import os, signal, subprocess, time

def handler(event, context):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork():
                os._exit(0)
            held = bytearray(b"1") * (32 << 20)
            time.sleep(1000)
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    time.sleep(0.5)
    return "left four"
"#;
    let Some(case) = Case::new(source) else { return };
    let json = case.measure(&["--memory", "512"]);
    assert_eq!((&json["outcome"], &json["invocations"][0]["response"]), (&"ok".into(), &"left four".into()));
    let one = &json["invocations"][0];
    assert!(bytes(one, "processes") >= 5, "{one}");
    assert_eq!(one["sampled"], true);
    let (resident, own) = (bytes(one, "peak_resident_bytes"), bytes(&json["init"], "end_resident_bytes"));
    assert!(
        (96 * MB..96 * MB + 2 * own + 8 * MB).contains(&resident),
        "three times 32 MB, and shared pages once: {resident}"
    );
}

/// `/tmp` is the run's own, as large as on the platform, and gone afterwards.
#[test]
fn tmp_is_private_and_limited() {
    let source = r#"
import os

def looks(event, context):
    with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), event["name"]), "w") as file:
        file.write("x")
    return sorted(os.listdir(os.environ.get("TMPDIR", "/tmp")))

def fills(event, context):
    with open(os.path.join(os.environ.get("TMPDIR", "/tmp"), "full"), "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
            file.flush()
    return "it fits"
"#;
    let Some(case) = Case::new(source) else { return };
    let sentinel = std::env::temp_dir().join(format!("not-of-the-run-{}", case.mark));
    fs::write(&sentinel, "mine").expect("a file");
    let own = format!("of-the-run-{}", case.mark);
    case.write("event.json", &serde_json::json!({"name": own}).to_string());
    let json = case.measure(&["--handler", "app.looks"]);
    let seen = json["invocations"][0]["response"].as_array().expect("names");
    assert!(seen.contains(&own.clone().into()));
    assert!(
        !seen.iter().any(|name| name == sentinel.file_name().and_then(|name| name.to_str()).unwrap_or("")),
        "{seen:?}"
    );
    assert!(!std::env::temp_dir().join(&own).exists());
    fs::remove_file(&sentinel).expect("it is still there");
    assert_eq!(json["tmp"]["size_mb"], 512);

    let json = case.measure(&["--handler", "app.fills", "--tmp", "16"]);
    assert_eq!(json["outcome"], "error", "{}", json["tmp"]);
    let error = &json["invocations"][0]["error"];
    assert_eq!(error["type"], "OSError", "{error}");
    assert_eq!(case.measure(&["--handler", "app.fills", "--tmp", "100"])["outcome"], "ok");
}

/// Whatever a handler writes is its log, never part of our output.
#[test]
fn noise_on_standard_output() {
    let source = r#"
import os, sys
print("at import")

def handler(event, context):
    for number in range(20_000):
        print("line", number)
    sys.stdout.flush()
    os.write(1, b'\xff\x00{"outcome": "fake"}\n')
    os.write(2, b"to standard error\n")
    os.close(1)
    return {"n": 12345678901234567890, "text": "é\u2028"}
"#;
    let Some(case) = Case::new(source) else { return };
    let json = case.measure(&[]);
    assert_eq!(json["outcome"], "ok");
    assert_eq!(json["invocations"][0]["response"]["n"].to_string(), "12345678901234567890");
    let log = json["log"].as_str().expect("a log");
    assert!(log.contains("line 19999\n") && log.contains("to standard error"), "{log}");
    assert!(log.len() <= 64 * 1024, "only its end is kept");
}

/// The environment is the platform's, a stated list of the caller's, and what the user names. Credentials never slip in.
#[test]
fn the_environment_is_clean() {
    let source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n";
    let Some(case) = Case::new(source) else { return };
    case.write("function.env", "# of the function\nexport TABLE=\"orders\"\nSTAGE = test\n");
    let words = ["--event", "event.json", "--format", "json", "--memory", "200", "--env-file", "function.env"];
    let mut command = case.command(&words);
    command.args(["--env", "STAGE=dev", "--pass-env", "NAMED,ABSENT"]);
    command.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SESSION_TOKEN", "t").env("SECRET", "s").env("NAMED", "n");
    let output = command.output().expect("it runs");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seen = &json["invocations"][0]["response"];
    for absent in ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "SECRET", "ABSENT", "XDG_CACHE_HOME", "CARGO_MANIFEST_DIR"]
    {
        assert_eq!(seen[absent], Value::Null, "{absent}");
    }
    for (name, value) in [
        ("TABLE", "orders"),
        ("STAGE", "dev"),
        ("NAMED", "n"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "200"),
        ("HOME", "/tmp"),
        ("_HANDLER", "app.handler"),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    let root = case.folder.canonicalize().expect("a path").display().to_string();
    assert_eq!(seen["LAMBDA_TASK_ROOT"], root);
    for bad in ["no sign", "=x", "A B=c"] {
        case.write("bad.env", bad);
        let run = case.run(&["--event", "event.json", "--env-file", "bad.env"]);
        assert_eq!(run.code, Some(2), "{bad}");
        assert!(run.errors.contains("bad.env:1:1"), "{}", run.errors);
    }
}

/// The context object and the protocol: what a handler can ask the platform for.
#[test]
fn the_context_of_an_invocation() {
    let source = r#"
import os

def handler(event, context):
    left = context.get_remaining_time_in_millis()
    assert 0 < left <= 5000, left
    return [context.function_name, context.memory_limit_in_mb, context.function_version, context.aws_request_id,
            context.invoked_function_arn, os.environ["_X_AMZN_TRACE_ID"].split(";")[0][:7], event]
"#;
    let Some(case) = Case::new(source) else { return };
    case.write(
        "event.json",
        r#"{"tests": [{"name": "one", "event": {"a": "\u00e9"}, "context": {"function_name": "orders"}}]}"#,
    );
    let json = case.measure(&["--memory", "256", "--timeout", "5"]);
    let one = &json["invocations"][0];
    assert_eq!(one["name"], "one");
    let seen = &one["response"];
    assert_eq!((&seen[0], &seen[1], &seen[2]), (&"orders".into(), &"256".into(), &"$LATEST".into()));
    assert_eq!(seen[3], one["request_id"]);
    assert_eq!(seen[4], "arn:aws:lambda:us-east-1:000000000000:function:orders");
    assert_eq!((&seen[5], &seen[6]["a"]), (&"Root=1-".into(), &"é".into()));
}

/// `--runs`, `--warm`, `--isolate` and `--concurrency` make processes and invocations as they say.
#[test]
fn runs_warm_and_at_the_same_time() {
    let source = "import os, time\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    \
                  time.sleep(0.2)\n    return [os.getpid(), count]\n";
    let Some(case) = Case::new(source) else { return };
    case.write("event.json", "{\"tests\": [{\"event\": 1}, {\"event\": 2}]}");
    let counts = |words: &[&str]| -> Vec<(u64, u64, u64, bool)> {
        let json = case.measure(words);
        assert_eq!(json["outcome"], "ok");
        let one = |one: &Value| {
            (bytes(one, "run"), bytes(one, "start"), one["response"][1].as_u64().unwrap_or(0), one["cold"] == true)
        };
        json["invocations"].as_array().expect("invocations").iter().map(one).collect()
    };
    assert_eq!(counts(&["--runs", "2"]), [(1, 0, 1, true), (1, 0, 2, false), (2, 1, 1, true), (2, 1, 2, false)]);
    assert_eq!(counts(&["--isolate"]), [(1, 0, 1, true), (1, 1, 1, true)]);
    let json = case.measure(&["--concurrency", "4"]);
    let invocations = json["invocations"].as_array().expect("invocations");
    assert_eq!(invocations.len(), 4, "events are given again where there are fewer");
    for one in invocations {
        assert_eq!(one["concurrent"], 4);
        assert!(
            one["wall_ms"].as_f64().is_some_and(|ms| ms < 700.0),
            "four sleeps of 0.2 s at a time: {}",
            one["wall_ms"]
        );
    }
    for zero in ["--runs", "--concurrency"] {
        assert_eq!(case.run(&["--event", "event.json", zero, "0"]).code, Some(2));
    }
}

/// A process that ended is replaced for the next event, as the platform does.
#[test]
fn after_a_crash_the_next_event_meets_a_new_process() {
    let source =
        "import os\ndef handler(event, context):\n    if event == 'die':\n        os._exit(1)\n    return event\n";
    let Some(case) = Case::new(source) else { return };
    case.write("event.json", "\"a\"\n\"die\"\n\"b\"\n");
    let run = case.run(&["--events", "event.json", "--format", "json"]);
    let json = run.json();
    let seen: Vec<(&Value, &Value, &Value)> = json["invocations"]
        .as_array()
        .expect("invocations")
        .iter()
        .map(|one| (&one["outcome"], &one["cold"], &one["start"]))
        .collect();
    let (ok, error) = (&Value::from("ok"), &Value::from("error"));
    let (yes, no) = (&Value::from(true), &Value::from(false));
    assert_eq!(seen, [(ok, yes, &0.into()), (error, no, &0.into()), (ok, yes, &1.into())]);
    assert_eq!((run.code, json["restarts"].as_array().map(Vec::len)), (Some(1), Some(1)));
}

/// For people: the platform's own line with true numbers, and a table by phase.
#[test]
fn the_report_line() {
    let Some(case) = Case::new(TAKES) else { return };
    case.write("event.json", "{\"mb\": 64}");
    let run = case.run(&["--event", "event.json", "--memory", "256", "--warm", "1"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let lines: Vec<&str> = run.out.lines().collect();
    for (line, is_cold) in [(lines[0], true), (lines[1], false)] {
        let parts: Vec<&str> = line.split('\t').collect();
        assert!(parts[0].starts_with("REPORT RequestId: "), "{line}");
        let number = |part: &str, name: &str| -> f64 {
            let rest = part.strip_prefix(name).unwrap_or_else(|| panic!("{part} is not {name}"));
            rest.trim().split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{part}"))
        };
        let duration = number(parts[1], "Duration:");
        let billed = number(parts[2], "Billed Duration:");
        assert_eq!(parts[3], "Memory Size: 256 MB");
        let used = number(parts[4], "Max Memory Used:");
        assert!((68.0..128.0).contains(&used) && parts[4].ends_with("MB (estimate)"), "{line}");
        assert_eq!(parts.len(), if is_cold { 6 } else { 5 }, "only a cold start has an Init Duration");
        let init = if is_cold { number(parts[5], "Init Duration:") } else { 0.0 };
        assert!((billed - (duration + init).ceil()).abs() <= 1.0, "the initialisation is billed: {line}");
    }
    for phase in ["runtime start", "import", "event 1", "event 1, warm"] {
        assert!(lines.iter().any(|line| line.starts_with(phase)), "{phase}\n{}", run.out);
    }
    assert!(run.out.contains("outcome   ok") && run.out.contains("limit     "), "{}", run.out);
}

/// Without a limit the output says so, and what it means.
#[test]
fn without_a_limit_the_output_says_so() {
    let Some(case) = Case::new(TAKES) else { return };
    case.write("event.json", "{\"mb\": 200}");
    let json = case.measure(&["--memory", "128", "--limit-by", "none"]);
    assert_eq!((&json["outcome"], &json["limit"]["kind"]), (&"ok".into(), &"none".into()));
    assert_eq!((&json["limit"]["enforced"], &json["limit"]["memory_mb"]), (&false.into(), &128.into()));
    let meaning = json["limit"]["meaning"].as_str().expect("a meaning");
    assert!(meaning.contains("could use more than 128 MB and survive"), "{meaning}");
    assert_eq!(json["peak"]["peak_charged_bytes"], Value::Null);
    assert!(bytes(&json["peak"], "peak_resident_bytes") > 200 * MB, "resident memory is measured all the same");
}

/// Ctrl-C, and a tool that is killed outright: nothing is left either way.
#[test]
fn interrupted_and_killed() {
    let source = r#"
import os, signal, time

def handler(event, context):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    open(event["started"], "a").close()
    time.sleep(1000)
"#;
    let Some(case) = Case::new(source) else { return };
    let started = case.folder.parent().expect("a folder").join("started");
    case.write("event.json", &serde_json::json!({"started": started}).to_string());
    // What whoever started the tests ignores (`nohup`), the tool ignores too.
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask").trim();
    let ignored = u64::from_str_radix(ignored, 16).expect("a number");
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("KILL", 9)] {
        if ignored >> (number - 1) & 1 == 1 {
            continue;
        }
        let _ = fs::remove_file(&started);
        let mut command = case.command(&["--event", "event.json", "--memory", "256"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let pid = child.id();
        let begin = Instant::now();
        while !started.exists() {
            assert!(begin.elapsed() < Duration::from_secs(60), "the handler runs");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!case.processes().is_empty());
        let sent = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().expect("kill");
        assert!(sent.success());
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), None, "a shell must see the signal {signal}: {status}");
        // Killed outright, it is the supervisor that cleans up, a moment later.
        let begin = Instant::now();
        while signal == "KILL" && begin.elapsed() < Duration::from_secs(20) {
            if case.processes().is_empty() && case.traces(pid).is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        case.nothing_is_left(pid);
    }
}

/// The user's files are as before: no bytecode, nothing written beside the code.
#[test]
fn the_users_folder_is_not_touched() {
    let Some(case) = Case::new("import helper\ndef handler(event, context):\n    return helper.n\n") else { return };
    case.write("helper.py", "n = 1\n");
    let names = || {
        let mut all: Vec<_> = fs::read_dir(&case.folder).expect("a folder").flatten().map(|e| e.file_name()).collect();
        all.sort();
        all
    };
    let before = names();
    assert_eq!(case.measure(&[])["invocations"][0]["response"], 1);
    assert_eq!(names(), before);
}

/// Layers count in the same memory: their packages, and the processes of their extensions.
#[test]
fn layers_and_extensions() {
    let source = "import in_layer\ndef handler(event, context):\n    return in_layer.value\n";
    let Some(case) = Case::new(source) else { return };
    case.write("../layer/python/in_layer.py", "value = 'from the layer'\n");
    let extension = case.write(
        "../layer/extensions/watcher",
        r#"#!/usr/bin/env python3
import os, urllib.request
base = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension/"
ask = urllib.request.Request(base + "register", b'{"events": ["INVOKE"]}', {"Lambda-Extension-Name": "watcher"})
with urllib.request.urlopen(ask) as answer:
    name = answer.headers["Lambda-Extension-Identifier"]
held = bytearray(b"1") * (40 << 20)
while True:
    urllib.request.urlopen(urllib.request.Request(base + "event/next", headers={"Lambda-Extension-Identifier": name})).read()
"#,
    );
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&extension, mode).expect("its mode");
    let json = case.measure(&["--layer", "../layer", "--layer", "../absent", "--memory", "256"]);
    assert_eq!(json["outcome"], "ok", "{} {}", json["message"], json["log"]);
    assert_eq!(json["invocations"][0]["response"], "from the layer");
    assert!(bytes(&json["invocations"][0], "processes") >= 2);
    assert!(bytes(&json["init"], "end_resident_bytes") > 48 * MB, "the extension's 40 MB count");
    let notes = json["notes"].to_string();
    assert!(notes.contains("absent") && notes.contains("is missing"), "{notes}");

    case.write("template.yaml", "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
                                 Handler: app.handler\n      Runtime: python3.11\n      CodeUri: .\n      MemorySize: 333\n      \
                                 Layers: [arn:aws:lambda:us-east-1:1:layer:numpy:1]\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
    command.args([
        "measure",
        "template.yaml",
        "--event",
        "event.json",
        "--runtime-client",
        "minimal",
        "--keep-page-cache",
    ]);
    let output = command.current_dir(&case.folder).env("XDG_CACHE_HOME", &case.cache).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("missing-layer") && errors.contains("layer:numpy:1"), "{errors}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Error Type: Runtime.ImportModuleError"), "{errors}");
}

/// What each import costs: own costs add up, and the heavy module is seen to be so.
#[test]
fn imports() {
    let source = "import light\nimport heavy\ndef handler(event, context):\n    return 1\n";
    let Some(case) = Case::new(source) else { return };
    case.write("light.py", "import shared\nx = 1\n");
    case.write("heavy.py", "import shared\nheld = bytearray(b'1') * (24 << 20)\n");
    case.write("shared.py", "held = bytearray(b'1') * (12 << 20)\n");
    let run = case.run(&["--imports", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let json = run.json();
    let modules = json["modules"].as_array().expect("modules");
    let of = |name: &str, figure: &str| -> i64 {
        let module = modules.iter().find(|module| module["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        module[figure].as_i64().unwrap_or_else(|| panic!("no {figure}"))
    };
    let about = |bytes: i64, mb: i64| (bytes - (mb << 20)).abs() < 1 << 20;
    assert!(about(of("heavy", "own_anonymous_bytes"), 24) && about(of("heavy", "cumulative_anonymous_bytes"), 24));
    // The first to ask for a module brings it; what would go if it went is another matter.
    assert!(about(of("light", "cumulative_anonymous_bytes"), 12) && about(of("light", "marginal_anonymous_bytes"), 0));
    assert!(about(of("shared", "own_anonymous_bytes"), 12) && about(of("shared", "marginal_anonymous_bytes"), 12));
    assert!(about(of("app", "cumulative_anonymous_bytes"), 36));
    let parent = modules.iter().find(|module| module["name"] == "shared").map(|module| &module["parent"]);
    let light = modules.iter().position(|module| module["name"] == "light");
    assert_eq!(parent.and_then(Value::as_u64), light.map(|at| at as u64));

    let text = case.run(&["--imports"]).out;
    assert!(text.contains("heavy.py") && text.contains("marginal"), "{text}");
    let page = case.run(&["--imports", "--format", "html"]).out;
    assert!(page.starts_with("<!doctype html>") && page.contains("\"heavy\""));
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "the page stands alone");
    case.write("app.py", "import no_such\ndef handler(event, context):\n    return 1\n");
    let failed = case.run(&["--imports"]);
    assert_eq!(failed.code, Some(2));
    assert!(failed.errors.contains("no_such"), "{}", failed.errors);
}

/// `--record-mcvs` writes the values of memory-critical variables as they came, and changes nothing of what is computed.
#[test]
fn values_of_memory_critical_variables() {
    let source = r#"
import base64
import zlib

def load(name):
    return zlib.decompress(base64.b64decode(name))

def handler(event, context):
    data = load(event["data"])
    total = 0
    position = data.find(b"x")
    while position >= 0:
        position = data.find(b"x", position + 1)
        total += len(zlib.compress(data))
    try:
        number = int(zlib.decompress(data), 16)
    except (ValueError, zlib.error):
        number = None
    if len(data) > 3:
        zlib.compress(data)
    return [total > 0, number]
"#;
    let Some(case) = Case::new(source) else { return };
    // Compressed: `xxx a`, `a`, and `1f` compressed once more.
    let events = ["eJyrqKhQSAQABkYB6g==", "eJxLBAAAYgBi", "eJyrmGPsw8zAcIphBgAQ6gL5"];
    let lines: Vec<String> = events.iter().map(|data| serde_json::json!({"data": data}).to_string()).collect();
    case.write("event.json", &lines.join("\n"));
    let words = ["--events", "event.json", "--format", "json"];
    let answers = |run: Run| -> Vec<Value> {
        assert_eq!(run.code, Some(0), "{}", run.errors);
        run.json()["invocations"].as_array().expect("invocations").iter().map(|one| one["response"].clone()).collect()
    };
    let plain = answers(case.run(&words));
    assert_eq!(
        plain,
        [serde_json::json!([true, null]), serde_json::json!([false, null]), serde_json::json!([true, 31])]
    );
    assert_eq!(answers(case.run(&[words.as_slice(), &["--record-mcvs", "workload.toml"]].concat())), plain);
    let text = fs::read_to_string(case.folder.join("workload.toml")).expect("a workload");
    let workload: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    let schema = workload.get("schema").and_then(|schema| schema.get("name")).and_then(|name| name.as_str());
    assert_eq!(schema, Some("meminterface.workload"));
    let mcvs = workload.get("mcvs").and_then(|mcvs| mcvs.as_table()).expect("variables");
    let of = |part: &str, what: &str| -> Vec<toml::Value> {
        let found = mcvs.iter().find(|(name, _)| name.contains(part)).and_then(|(_, values)| values.get(what));
        found.and_then(|values| values.as_array()).cloned().unwrap_or_else(|| panic!("no {what} of {part}: {text}"))
    };
    assert_eq!(of("trips", "values"), [3, 0, 1].map(toml::Value::Integer));
    assert_eq!(of("raised", "values").len(), 2, "two of three raised: {text}");
    assert!(text.contains("none = 0.333333") && text.contains("\"decompress\""), "{text}");
    assert!(!case.folder.join("__pycache__").exists());
}

/// Handlers of Google and Azure are called as their platforms do, also where their packages are missing.
#[test]
fn other_platforms() {
    let google = "import functions_framework\n\n@functions_framework.http\ndef hello(request):\n    \
                  return 'Hello ' + request.get_json()['name'], 201\n";
    let Some(case) = Case::new(google) else { return };
    // A stand-in for the framework, where the machine has none.
    case.write("functions_framework.py", "def http(function):\n    return function\n");
    case.write("event.json", "{\"name\": \"you\"}");
    let json = case.measure(&["--memory", "256"]);
    assert_eq!(json["handler"]["platform"], "google-cloud");
    assert_eq!(json["outcome"], "ok", "{}", json["message"]);
    assert_eq!(json["invocations"][0]["response"], serde_json::json!({"status": 201, "body": "Hello you"}));

    case.write(
        "app.py",
        "import azure.functions as func\n\ndef main(req: func.HttpRequest) -> func.HttpResponse:\n    \
                          return func.HttpResponse('n = %s' % req.get_json()['n'], status_code=202)\n",
    );
    case.write(
        "azure/functions.py",
        "class HttpRequest:\n    def __init__(self, method, url, headers, params, route_params, body):\n        \
         self.body = body\n    def get_json(self):\n        import json\n        return json.loads(self.body)\n\
         class HttpResponse:\n    def __init__(self, body, status_code):\n        self.body, self.status_code = body, \
         status_code\n    def get_body(self):\n        return self.body.encode()\n",
    );
    case.write("azure/__init__.py", "");
    case.write(
        "function.json",
        "{\"scriptFile\": \"app.py\", \"entryPoint\": \"main\", \"bindings\": [{\"type\": \"httpTrigger\", \
         \"direction\": \"in\", \"name\": \"req\"}]}",
    );
    case.write("event.json", "{\"n\": 3}");
    let json = case.measure(&["--handler", "main"]);
    assert_eq!(json["handler"]["platform"], "azure", "{}", json["handler"]);
    assert_eq!(json["invocations"][0]["response"], serde_json::json!({"status": 202, "body": "n = 3"}));
}

/// Bad input has a message that names it, and the exit code 2.
#[test]
fn bad_input() {
    let Some(case) = Case::new(TAKES) else { return };
    case.write("bad.json", "{\"mb\": }");
    case.write("empty.jsonl", "\n");
    case.write("two.py", "def a_handler(event, context): pass\ndef b_handler(event, context): pass\n");
    for (words, said) in [
        (vec![], "no event was given"),
        (vec!["--event", "absent.json"], "absent.json"),
        (vec!["--event", "bad.json"], "bad.json:1:8"),
        (vec!["--events", "empty.jsonl"], "empty.jsonl"),
        (vec!["--event", "event.json", "--python", "no-such-python"], "no-interpreter"),
        (vec!["--event", "event.json", "--python", "/bin/true"], "no-interpreter"),
        (vec!["--event", "event.json", "--timeout", "0"], "--timeout"),
        (vec!["--event", "event.json", "--timeout", "nan"], "--timeout"),
        (vec!["--event", "event.json", "--format", "html"], "--imports"),
        (vec!["--event", "event.json", "--handler", "absent"], "absent"),
        (vec!["--event", "event.json", "--env", "no sign"], "NAME=value"),
        (vec!["--event", "event.json", "-o", "/proc/no/such/file"], "/proc/no/such/file"),
    ] {
        let run = case.run(&words);
        assert_eq!(run.code, Some(2), "{words:?}: {}", run.errors);
        assert!(run.errors.contains(said), "{words:?}: {}", run.errors);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
    command.args(["measure", "event.json", "--event", "event.json"]).current_dir(&case.folder);
    assert_eq!(command.output().expect("it runs").status.code(), Some(2));
    // An environment that is none, and a cache that cannot be written.
    let run = case.run(&["--event", "event.json", "--venv", "."]);
    let conflict = run.errors.contains("no-interpreter") && run.code == Some(2);
    assert!(conflict, "{}", run.errors);
    let mut command = case.command(&["--event", "event.json"]);
    let output = command.env("XDG_CACHE_HOME", "/proc/none").output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot-write"));
}

/// A full disk where the result goes is a message, and the run leaves nothing.
#[test]
fn a_full_disk() {
    let Some(case) = Case::new("def handler(event, context):\n    return 1\n") else { return };
    if !Path::new("/dev/full").exists() {
        return;
    }
    let mut command = case.command(&["--event", "event.json"]);
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let child = command.stdout(full).stderr(Stdio::piped()).spawn().expect("it starts");
    let pid = child.id();
    let output = child.wait_with_output().expect("it ends");
    assert_ne!(output.status.code(), Some(0));
    assert_ne!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    case.nothing_is_left(pid);
}

/// The forms of JSON are checked in. `UPDATE_SCHEMAS=1` writes them anew.
#[test]
fn schemas_are_checked_in() {
    for (name, schema) in [
        ("measure", meminterface::cli::measure::json_schema()),
        ("imports", meminterface::cli::measure::imports_schema()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.schema.json"));
        let text = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("it is written");
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(checked_in, text, "run this test with UPDATE_SCHEMAS=1, and look at the difference");
    }
}
