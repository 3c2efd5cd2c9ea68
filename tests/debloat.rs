//! `meminterface debloat` as a user sees it: on a small library that has what makes trimming dangerous (a registry filled
//! by decorators, a star import, subclasses, names that only some events need, a heavy module that none of them needs).
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use meminterface::debloat::rewrite::{Choice, Module};
use meminterface::debloat::tree::sha256;

const FILES: &[(&str, &str)] = &[
    (
        "app.py",
        "\
from stock import Money, convert, lookup
import stock


def handler(event, context):
    action = event['action']
    if action == 'price':
        return {'total': str(Money(event['n']) + Money(1)), 'rate': convert(event['n'])}
    if action == 'report':
        return {'report': stock.report(event['n'])}
    if action == 'export':
        return {'text': lookup(event['to'])([1, 2])}
    if action == 'crunch':
        return {'crunched': stock.crunch(event['n'])}
    if action == 'pickle':
        import pickle

        one = pickle.loads(pickle.dumps(stock.Euro(3)))
        return {'same': type(one) is stock.Euro, 'is_money': isinstance(one, Money), 'text': str(one)}
    if action == 'summary':
        return {'summary': stock.summary()}
    if action == 'part':
        return {'minutes': stock.clock.minutes(event['n'])}
    raise ValueError(action)
",
    ),
    (
        "stock/__init__.py",
        "\
\"\"\"Prices and more.\"\"\"
from .core import *
from .core import report
from .registry import lookup
from . import plugins
from .heavy import crunch
from . import timing as clock
from .summary import summary

__version__ = '1.0'
",
    ),
    (
        "stock/core.py",
        "\
from __future__ import annotations

import decimal
import xml.dom.minidom as dom

from . import tables
from .rates import RATES, unused_rate

__all__ = ['Money', 'Euro', 'convert']


class Money:
    kind = 'money'

    def __init__(self, amount):
        self.amount = amount

    def __add__(self, other):
        return type(self)(self.amount + other.amount)

    def __str__(self):
        return '%s %d' % (self.kind, self.amount)

    def breakdown(self):
        \"\"\"In coins.\"\"\"
        rest = self.amount
        coins = []
        for coin in tables.COINS:
            while rest >= coin:
                coins.append(coin)
                rest -= coin
        return {'coins': coins, 'rest': rest, 'kind': self.__class__.__name__, 'whole': sum(coins)}


class Euro(Money):
    kind = 'euro'

    def breakdown(self):
        found = super().breakdown()
        found['coins'] = [coin for coin in found['coins'] if coin in tables.EURO_COINS]
        found['count'] = len(found['coins'])
        found['currency'] = 'EUR, which is written before or behind the amount'
        return found


def convert(n):
    return RATES['usd'] * n


def report(n, *rest, precision=2, **more):
    \"\"\"Something that few ask for, and that needs what nobody else needs.\"\"\"
    document = dom.parseString('<r n=\"%d\"/>' % n)
    amount = decimal.Decimal(document.documentElement.getAttribute('n')) / 3
    coins = Euro(n).breakdown()
    names = [tables.NAMES[coin] for coin in coins['coins']]
    return [str(round(amount, precision)), names, coins['count'], f'{amount:.1f}', list(rest), sorted(more)]
",
    ),
    ("stock/summary.py", "def summary():\n    return 'all'\n"),
    (
        "stock/rates.py",
        "from .summary import summary as text\n\nTEXT = text()\nRATES = {'usd': 2}\n\n\ndef unused_rate():\n    return 3\n",
    ),
    ("stock/tables.py", "COINS = [2, 1]\nEURO_COINS = (1, 2)\nNAMES = {1: 'one', 2: 'two'}\n"),
    (
        "stock/registry.py",
        "\
HANDLERS = {}


def register(name):
    def decorate(function):
        HANDLERS[name] = function
        return function
    return decorate


def lookup(name):
    return HANDLERS[name]
",
    ),
    (
        "stock/plugins.py",
        "from .registry import register\n\n\n@register('csv')\ndef as_csv(rows):\n    return ','.join(map(str, rows))\n",
    ),
    (
        "stock/heavy.py",
        "import email.mime.text\nimport unittest.mock\n\nTABLE = [n * n for n in range(200000)]\n\n\ndef crunch(n):\n    return TABLE[n]\n",
    ),
    ("stock/timing.py", "import calendar\n\n\ndef minutes(n):\n    return n * 60 + calendar.isleap(2000)\n"),
    ("stock/tests/test_core.py", "def test_nothing():\n    pass\n"),
    ("stock/py.typed", ""),
];

/// Events that the trimming does not see.
const UNSEEN: &[&str] = &[
    r#"{"action": "report", "n": 7}"#,
    r#"{"action": "export", "to": "csv"}"#,
    r#"{"action": "crunch", "n": 12}"#,
    r#"{"action": "pickle"}"#,
    r#"{"action": "part", "n": 3}"#,
    // A name of a package that is also the name of one of its modules.
    r#"{"action": "summary"}"#,
];

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// An application and its environment, in a folder of its own.
struct Case {
    folder: PathBuf,
    python: PathBuf,
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Case {
    /// None where there is no Python.
    fn new() -> Option<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("meminterface-debloat-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("code")).expect("a folder");
        let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(folder.join("venv")).output();
        if !made.is_ok_and(|made| made.status.success()) {
            return None;
        }
        let python = folder.join("venv/bin/python");
        let case = Self { folder, python };
        let packages = case.packages();
        for (name, text) in FILES {
            let path = if *name == "app.py" { case.folder.join("code").join(name) } else { packages.join(name) };
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        case.events(&[r#"{"action": "price", "n": 4}"#, r#"{"action": "price", "n": 5}"#]);
        Some(case)
    }

    /// Another text of the handler's file.
    fn app(&self, text: &str) {
        fs::write(self.folder.join("code/app.py"), text).expect("a file");
    }

    fn packages(&self) -> PathBuf {
        let lib = self.folder.join("venv/lib");
        let version = fs::read_dir(&lib).expect("lib").flatten().next().expect("a version").path();
        version.join("site-packages")
    }

    fn events(&self, events: &[&str]) {
        let tests: Vec<String> =
            events.iter().enumerate().map(|(n, event)| format!(r#"{{"name": "t{n}", "event": {event}}}"#)).collect();
        fs::write(self.folder.join("tests.json"), format!(r#"{{"tests": [{}]}}"#, tests.join(", "))).expect("a file");
    }

    fn process(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.args(words).current_dir(&self.folder).env("XDG_CACHE_HOME", self.folder.join("cache"));
        command
    }

    fn command(&self, words: &[&str]) -> Output {
        self.process(words).output().expect("it starts")
    }

    /// The words that debloat into `out`, with the minimal client, and without measuring unless that is asked for.
    fn words<'a>(words: &[&'a str]) -> Vec<&'a str> {
        let mut all =
            vec!["debloat", "code/app.py", "--handler", "handler", "--events", "tests.json", "--venv", "venv"];
        all.extend(["-o", "out", "--runtime-client", "minimal"]);
        if !words.contains(&"--runs") {
            all.extend(["--runs", "0"]);
        }
        all.extend(words);
        all
    }

    /// Begins to debloat; what is done is said on standard error.
    fn begin(&self, words: &[&str]) -> Child {
        self.process(&Self::words(words))
            .arg("-v")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    /// Debloats.
    fn debloat(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let done = self.command(&Self::words(words));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }

    fn json(&self, name: &str) -> serde_json::Value {
        let text = fs::read_to_string(self.folder.join("out").join(name)).expect("it is there");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// Gives an event to a package in a process of its own: what is answered, and what is said.
    fn answer(&self, package: &str, event: &str) -> (String, String) {
        let script = format!("import json, app; print(json.dumps(app.handler(json.loads({event:?}), None)))");
        let done = Command::new(&self.python)
            .args(["-B", "-c", &script])
            .current_dir(self.folder.join(package))
            .output()
            .expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (text(&done.stdout), text(&done.stderr))
    }

    /// The hash of every file of the user's.
    fn hashes(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        let mut open = vec![self.folder.join("code"), self.folder.join("venv"), self.folder.join("tests.json")];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
            } else if let Ok(data) = fs::read(&path) {
                all.insert(path, sha256(&data));
            }
        }
        all
    }

    /// What lies in the folder besides what is the user's.
    fn left(&self) -> Vec<String> {
        let known = ["code", "venv", "tests.json", "cache"];
        let mut all: Vec<String> = fs::read_dir(&self.folder)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !known.contains(&name.as_str()))
            .collect();
        all.sort();
        all
    }
}

fn names(value: &serde_json::Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The package answers as before, what no event needs is not loaded, and nothing of the user's is changed.
#[test]
fn a_trimmed_package_answers_as_before() {
    let Some(case) = Case::new() else { return };
    let before = case.hashes();
    let (code, text, errors) = case.debloat(&["--runs", "2"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert_eq!(before, case.hashes(), "something of the user's was changed");
    assert_eq!(case.left(), ["out"]);

    let report = case.json("report.json");
    assert_eq!(report["schema"]["name"], "meminterface.debloat");
    assert_eq!(report["events_equal"], true);
    for side in ["before", "after"] {
        for figure in ["init_ms", "footprint_mb", "peak_mb", "package_bytes", "cost_per_million_cold_usd"] {
            let spread = &report[side][figure];
            let of = |name: &str| spread[name].as_f64().unwrap_or(-1.0);
            assert!(
                0.0 < of("low") && of("low") <= of("median") && of("median") <= of("high"),
                "{side} {figure}: {spread}"
            );
        }
    }
    // Two runs of each can tell nothing: no p below 0.05 can come out.
    for one in report["significance"].as_array().into_iter().flatten() {
        assert_eq!(one["verdict"], "too few runs to tell", "{one}");
    }
    assert!(report["verdict"].as_str().is_some_and(|verdict| verdict.contains("too few runs to tell (2)")), "{report}");
    // What the price of a load is: of names that the handler's import leaves out.
    let load = &report["on_demand"];
    assert!(load["loads"].as_u64().is_some_and(|loads| loads >= 1), "{load}");
    assert!(load["ms"]["median"].as_f64().is_some_and(|ms| ms > 0.0), "{load}");
    assert!(load["bytes"]["low"].as_f64().is_some_and(|bytes| bytes >= 0.0), "{load}");
    let median = |side: &str| report[side]["footprint_mb"]["median"].as_f64().unwrap_or_default();
    // The table of 200,000 numbers alone takes about 8 MB.
    assert!(median("after") + 5.0 < median("before"), "{} {}", median("before"), median("after"));
    let loaded: BTreeMap<&str, bool> = report["modules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["name"].as_str()?, one["loaded"].as_bool()?)))
        .collect();
    assert_eq!(loaded.get("stock.heavy"), Some(&false));
    assert_eq!(loaded.get("stock.timing"), Some(&false));
    assert_eq!(loaded.get("stock.core"), Some(&true));
    // The registry is not loaded, and so those who fill it need not be; both come when it is (see below).
    assert_eq!((loaded.get("stock.registry"), loaded.get("stock.plugins")), (Some(&false), Some(&false)));

    let manifest = case.json("manifest.json");
    let core = names(&manifest["modules"]["stock.core"]["names"]);
    assert!(core.contains("dom") && core.contains("decimal") && core.contains("unused_rate"), "{core:?}");
    assert!(!core.contains("RATES") && !core.contains("Money"), "{core:?}");
    let files = manifest["files"].as_object().expect("files");
    assert!(files.len() > 8);
    for (path, hash) in files {
        let data = fs::read(case.folder.join("out").join(path)).expect(path);
        assert_eq!(hash.as_str(), Some(sha256(&data).as_str()), "{path}");
    }
    let removed: BTreeSet<&str> =
        manifest["removed"].as_array().into_iter().flatten().filter_map(|one| one["file"].as_str()).collect();
    assert!(removed.contains("stock/tests/test_core.py") && removed.contains("stock/py.typed"), "{removed:?}");
    for event in [r#"{"action": "price", "n": 4}"#, r#"{"action": "price", "n": 9}"#] {
        let original = Command::new(&case.python)
            .args([
                "-B",
                "-c",
                &format!("import json, app; print(json.dumps(app.handler(json.loads({event:?}), None)))"),
            ])
            .current_dir(case.folder.join("code"))
            .output()
            .expect("it starts");
        let (answer, said) = case.answer("out", event);
        assert_eq!(answer, String::from_utf8_lossy(&original.stdout).trim());
        assert_eq!(said, "", "nothing is loaded on demand for what was tested");
    }
}

/// An input that the tests did not cover gets the original's answer, at the price of a load, which is said once.
#[test]
fn what_was_taken_out_is_loaded_on_demand() {
    let Some(case) = Case::new() else { return };
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    for event in UNSEEN {
        let (expected, _) = case.answer("code", event);
        assert!(expected.starts_with('{'), "{event}: the original answers");
        let (answer, said) = case.answer("out", event);
        assert_eq!(answer, expected, "{event}: {said}");
    }
    let (_, said) = case.answer("out", UNSEEN[0]);
    assert_eq!(said.matches("loaded stock.core.dom on demand").count(), 1, "{said}");
}

/// A module that fills the registry of a module that is loaded is loaded, though nobody asks for it.
#[test]
fn registries_are_filled() {
    let Some(case) = Case::new() else { return };
    let text =
        FILES[0].1.replace("    if action == 'price':\n", "    if action == 'price':\n        lookup.__name__\n");
    fs::write(case.folder.join("code/app.py"), text).expect("a file");
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("report.json");
    let is_loaded = |name: &str| {
        let all = report["modules"].as_array().expect("modules");
        all.iter().any(|one| one["name"] == name && one["loaded"] == true)
    };
    assert!(is_loaded("stock.registry") && is_loaded("stock.plugins") && !is_loaded("stock.heavy"));
    let (answer, said) = case.answer("out", UNSEEN[1]);
    assert_eq!((answer.as_str(), said.as_str()), (r#"{"text": "1,2"}"#, ""));
}

/// Without a fallback, what is missing says what it is and how to keep it.
#[test]
fn strict_packages_say_what_is_missing() {
    let Some(case) = Case::new() else { return };
    let (code, text, errors) = case.debloat(&["--strict", "--keep", "app"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let (answer, said) = case.answer("out", UNSEEN[2]);
    assert_eq!(answer, "");
    let last = said.lines().last().unwrap_or_default();
    for words in ["`crunch`", "`stock`", "--keep 'stock.crunch'"] {
        assert!(last.contains(words), "{words}: {last}");
    }
    assert!(!case.folder.join("out/_meminterface/ondemand/stock.z").exists());

    let done = case.command(&["debloat", "out", "--restore", "stock"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("--strict"));
}

/// `--keep` keeps a module with all in it, or a name.
#[test]
fn what_is_kept_stays() {
    let Some(case) = Case::new() else { return };
    let (code, text, errors) =
        case.debloat(&["--keep", "stock.core", "--keep", "stock.crun*", "--keep-files", "stubs"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let manifest = case.json("manifest.json");
    assert!(manifest["modules"].get("stock.core").is_none());
    assert!(!names(&manifest["modules"]["stock"]["names"]).contains("crunch"));
    assert_eq!(
        fs::read(case.folder.join("out/stock/core.py")).ok(),
        fs::read(case.packages().join("stock/core.py")).ok()
    );
    assert!(case.folder.join("out/stock/py.typed").exists());
}

/// Modules go back as they were, one by one or all.
#[test]
fn restore_and_undo() {
    let Some(case) = Case::new() else { return };
    assert_eq!(case.debloat(&[]).0, Some(0));
    let original = |name: &str| fs::read(case.packages().join(name)).ok();
    let now = |name: &str| fs::read(case.folder.join("out").join(name)).ok();
    assert_ne!(now("stock/core.py"), original("stock/core.py"));
    let done = case.command(&["debloat", "out", "--restore", "stock.core"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(now("stock/core.py"), original("stock/core.py"));
    assert_ne!(now("stock/__init__.py"), original("stock/__init__.py"));
    assert!(case.json("manifest.json")["modules"].get("stock.core").is_none());
    for event in UNSEEN {
        assert_eq!(case.answer("out", event).0, case.answer("code", event).0, "{event}");
    }
    let again = case.command(&["debloat", "out", "--restore", "stock.core"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("cannot-restore"));

    let done = case.command(&["debloat", "out", "--undo"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    for (name, _) in FILES.iter().filter(|(name, _)| *name != "app.py") {
        assert_eq!(now(name), original(name), "{name}");
    }
    assert_eq!(now("app.py"), fs::read(case.folder.join("code/app.py")).ok());
    for event in UNSEEN {
        let (answer, said) = case.answer("out", event);
        assert_eq!((answer, said.as_str()), (case.answer("code", event).0, ""), "{event}");
    }
}

/// Of four events and more, some are withheld from the search: they still get the original's answers.
#[test]
fn acceptance_uses_withheld_events() {
    let Some(case) = Case::new() else { return };
    case.events(&[
        r#"{"action": "price", "n": 1}"#,
        r#"{"action": "price", "n": 2}"#,
        r#"{"action": "price", "n": 3}"#,
        UNSEEN[0],
    ]);
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("report.json");
    assert_eq!(names(&report["withheld"]), BTreeSet::from(["t3".to_owned()]));
    assert!(names(&report["loaded_on_demand"]).contains("stock.core.dom"), "{report:#}");
}

/// What can prove nothing is refused, with the cause, and nothing is left.
#[test]
fn events_that_prove_nothing_are_refused() {
    let Some(case) = Case::new() else { return };
    let write = |text: &str| fs::write(case.folder.join("code/app.py"), text).expect("a file");
    for (text, words) in [
        ("def handler(event, context):\n    return event['missing']\n", vec!["KeyError", "missing", "line 2"]),
        (
            "import nothing_of_that_name\ndef handler(event, context): pass\n",
            vec!["ModuleNotFoundError", "import of the handler"],
        ),
        (
            "import random\ndef handler(event, context):\n    return random.random()\n",
            vec!["differs from run to run", "t0"],
        ),
        ("import os\ndef handler(event, context):\n    os._exit(3)\n", vec!["ended", "3"]),
        ("import os\ndef handler(event, context):\n    os.kill(os.getpid(), 9)\n", vec!["signal 9"]),
        (
            "import socket\ndef handler(event, context):\n    socket.getaddrinfo('no-such-host.invalid', 80)\n",
            vec!["network"],
        ),
        ("import time\ndef handler(event, context):\n    time.sleep(60)\n", vec!["longer than"]),
    ] {
        write(text);
        let words_of =
            if text.contains("sleep") { vec!["--timeout", "0.2", "--init-timeout", "1"] } else { Vec::new() };
        let (code, _, errors) = case.debloat(&words_of);
        assert_eq!(code, Some(2), "{text}: {errors}");
        for word in words {
            assert!(errors.contains(word), "{text}: no `{word}` in {errors}");
        }
        assert_eq!(case.left(), Vec::<String>::new(), "{text}");
    }
}

/// What the original itself does not repeat is masked, and said.
#[test]
fn what_differs_from_run_to_run_is_masked() {
    let Some(case) = Case::new() else { return };
    case.app("import time\nimport stock\n\n\ndef handler(event, context):\n    print('took', time.perf_counter())\n    return {'at': time.time(), 'rate': stock.convert(event['n'])}\n");
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let notes = case.json("report.json")["notes"].to_string();
    assert!(notes.contains("t0: the original itself differs") && notes.contains("/at"), "{notes}");
    assert!(notes.contains("1 line(s) of standard output"), "{notes}");
}

/// A handler that writes elsewhere than to /tmp does not get there, and the message says why.
#[test]
fn nothing_outside_of_tmp_is_written() {
    let Some(case) = Case::new() else { return };
    let precious = case.folder.join("precious.txt");
    fs::write(&precious, "mine").expect("a file");
    for path in [precious.to_string_lossy().into_owned(), "own.txt".to_owned()] {
        case.app(&format!("def handler(event, context):\n    open({path:?}, 'w').write('x')\n    return 1\n"));
        let (code, _, errors) = case.debloat(&[]);
        if errors.contains("no mount namespace") || code == Some(0) {
            return; // Nothing can be sealed on this machine.
        }
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("Read-only file system") && errors.contains("outside of /tmp"), "{errors}");
        assert_eq!(fs::read_to_string(&precious).ok().as_deref(), Some("mine"));
    }
    fs::remove_file(&precious).expect("a file");
    case.app(
        "def handler(event, context):\n    open('/tmp/x', 'a').write('x')\n    return len(open('/tmp/x').read())\n",
    );
    case.events(&["{}"]);
    // Each process has a /tmp of its own; the second event of one finds what the first left.
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
}

/// Trees that may not be written, links out of the tree, links that lead nowhere or in circles.
#[test]
fn odd_trees() {
    let Some(case) = Case::new() else { return };
    let outside = case.folder.join("venv/elsewhere");
    fs::create_dir(&outside).expect("a folder");
    fs::rename(case.packages().join("stock"), outside.join("stock")).expect("it moves");
    let link = |to: &Path, at: PathBuf| std::os::unix::fs::symlink(to, at).expect("a link");
    link(&outside.join("stock"), case.packages().join("stock"));
    link(Path::new("nowhere"), case.folder.join("code/dangling"));
    link(Path::new("."), case.folder.join("code/circle"));
    let read_only = |path: &Path, mode: u32| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(path, mode).expect("its mode changes");
    };
    read_only(&case.folder.join("code/app.py"), 0o444);
    read_only(&outside.join("stock/core.py"), 0o444);
    read_only(&outside.join("stock"), 0o555);
    read_only(&case.folder.join("code"), 0o555);
    let before = case.hashes();
    let (code, text, errors) = case.debloat(&[]);
    read_only(&case.folder.join("code"), 0o755);
    read_only(&outside.join("stock"), 0o755);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert_eq!(before, case.hashes());
    let made = case.folder.join("out/stock");
    assert!(!made.is_symlink() && made.join("core.py").is_file());
    assert_ne!(fs::read(made.join("core.py")).ok(), fs::read(outside.join("stock/core.py")).ok());
    let notes = case.json("report.json")["notes"].to_string();
    assert!(notes.contains("dangling") && notes.contains("circle"), "{notes}");
    assert_eq!(case.answer("out", UNSEEN[0]).0, case.answer("code", UNSEEN[0]).0);
    // What is in the package can be put back, whatever its mode was.
    let done = case.command(&["debloat", "out", "--undo"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A package in two folders, and packages that are installed by a path or by a finder.
#[test]
fn namespace_packages_and_editable_installs() {
    let Some(case) = Case::new() else { return };
    let write = |path: PathBuf, text: &str| {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(case.folder.join("code/space/here.py"), "import decimal\n\nNAME = 'here'\n");
    write(case.packages().join("space/there.py"), "import calendar\n\nNAME = 'there'\n");
    let sources = case.folder.join("venv/sources");
    write(sources.join("one/by_path.py"), "import xml.dom.minidom\n\nNAME = 'path'\n");
    write(sources.join("two/by_finder/__init__.py"), "import email.mime.text\nfrom .part import NAME\n");
    write(sources.join("two/by_finder/part.py"), "NAME = 'finder'\n");
    write(case.packages().join("by_path.pth"), &format!("{}\n", sources.join("one").display()));
    write(
        case.packages().join("__editable__.two-1.0.pth"),
        "import __editable___two_finder; __editable___two_finder.install()\n",
    );
    let finder = format!(
        "import sys\nfrom importlib.util import spec_from_file_location\n\nMAPPING: dict[str, str] = {{'by_finder': {:?}}}\n\n\nclass Finder:\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n        if name in MAPPING:\n            return spec_from_file_location(name, MAPPING[name] + '/__init__.py', submodule_search_locations=[MAPPING[name]])\n\n\ndef install():\n    sys.meta_path.append(Finder)\n",
        sources.join("two/by_finder").display().to_string()
    );
    write(case.packages().join("__editable___two_finder.py"), &finder);
    case.app("import by_finder\nimport by_path\nimport space.here\nimport space.there\n\n\ndef handler(event, context):\n    return [space.here.NAME, space.there.NAME, by_path.NAME, by_finder.NAME]\n");
    case.events(&["{}"]);
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let (answer, said) = case.answer("out", "{}");
    assert_eq!((answer.as_str(), said.as_str()), (r#"["here", "there", "path", "finder"]"#, ""));
    let manifest = case.json("manifest.json");
    assert!(names(&manifest["modules"]["by_finder"]["names"]).contains("email"), "{manifest:#}");
    assert!(names(&manifest["modules"]["space.there"]["names"]).contains("calendar"));
}

/// Recordings in the place of the network, given by the user, are part of no package.
#[test]
fn recorded_answers_of_the_network() {
    let Some(case) = Case::new() else { return };
    case.app("import json\nimport urllib.request\nimport stock\n\n\ndef handler(event, context):\n    with urllib.request.urlopen('http://rates.invalid/usd') as answer:\n        return {'total': stock.convert(json.load(answer)['rate'])}\n");
    let (code, _, errors) = case.debloat(&[]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("--stubs"), "{errors}");
    let stubs = "import io\nimport urllib.request\n\nRECORDED = {'http://rates.invalid/usd': b'{\"rate\": 21}'}\nurllib.request.urlopen = lambda url, *rest, **more: io.BytesIO(RECORDED[url])\n";
    fs::write(case.folder.join("cache-stubs.py"), stubs).expect("a file");
    let (code, text, errors) = case.debloat(&["--stubs", "cache-stubs.py", "--runs", "1"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let notes = case.json("report.json")["notes"].to_string();
    assert!(notes.contains("cache-stubs.py ran before the handler"), "{notes}");
    let manifest = case.json("manifest.json");
    assert!(!manifest["files"].to_string().contains("sitecustomize"));
    assert!(manifest["modules"].get("stock.core").is_some());
    let peak = case.json("report.json")["after"]["peak_mb"]["median"].as_f64();
    assert!(peak.is_some_and(|mb| mb > 1.0));
}

/// A package that looks at its own source stays as it is.
#[test]
fn modules_whose_source_is_read_stay() {
    let Some(case) = Case::new() else { return };
    let core = case.packages().join("stock/core.py");
    let text = fs::read_to_string(&core).expect("a file");
    fs::write(
        &core,
        format!("{text}\n\nimport hashlib\nHASH = hashlib.sha256(open(__file__, 'rb').read()).hexdigest()\n"),
    )
    .expect("a file");
    let text = FILES[0].1.replace("    if action == 'price':\n", "    if action == 'hash':\n        import stock.core\n        return stock.core.HASH\n    if action == 'price':\n");
    case.app(&text);
    case.events(&[r#"{"action": "hash"}"#, r#"{"action": "price", "n": 4}"#]);
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("report.json");
    assert_eq!(report["left_alone"]["stock.core"], "its source is read while it runs");
    assert!(case.json("manifest.json")["modules"].get("stock").is_some());
    assert_eq!(case.answer("out", r#"{"action": "hash"}"#).0, case.answer("code", r#"{"action": "hash"}"#).0);
}

/// A full disk: the reason is given, and nothing is left.
#[test]
fn a_full_disk_leaves_nothing() {
    let Some(case) = Case::new() else { return };
    fs::write(case.folder.join("code/large.bin"), vec![7_u8; 3 << 20]).expect("a file");
    let small = case.folder.join("cache/small");
    fs::create_dir_all(&small).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=1m none {small} || exit 77\n{tool} debloat code/app.py --handler handler --events tests.json --venv venv --runtime-client minimal --runs 0 -o {small}/out\necho \"code $? left $(ls -A {small})\"\n",
        small = small.display(),
        tool = env!("CARGO_BIN_EXE_meminterface"),
    );
    let done = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .current_dir(&case.folder)
        .env("XDG_CACHE_HOME", case.folder.join("cache"))
        .output();
    let Ok(done) = done else { return };
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.code() == Some(77) || !text.contains("code ") {
        return; // No file system may be mounted here.
    }
    assert_eq!(text.trim(), "code 2 left", "{errors}");
    assert!(errors.contains("No space left on device") && errors.contains("nothing of yours was changed"), "{errors}");
}

/// What cannot be loaded after all says what it is, and how to keep it.
#[test]
fn what_cannot_be_loaded_is_named() {
    let Some(case) = Case::new() else { return };
    assert_eq!(case.debloat(&[]).0, Some(0));
    fs::remove_file(case.folder.join("out/_meminterface/ondemand/stock.z")).expect("a file");
    let (answer, said) = case.answer("out", UNSEEN[2]);
    let last = said.lines().last().unwrap_or_default();
    assert_eq!(answer, "");
    for words in ["RemovedError", "`crunch`", "`stock`", "side file cannot be read", "--keep 'stock.crunch'"] {
        assert!(last.contains(words), "{words}: {said}");
    }
}

/// Several candidates at a time give the same package as one.
#[test]
fn jobs_change_nothing_but_the_time() {
    let Some(case) = Case::new() else { return };
    assert_eq!(case.debloat(&["--jobs", "1"]).0, Some(0));
    let one = case.json("manifest.json");
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    let (code, text, errors) = case.debloat(&["--jobs", "3", "-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let several = case.json("manifest.json");
    assert_eq!(one["modules"], several["modules"]);
    assert!(errors.contains("forked from a process that held modules ready"), "{errors}");
}

/// The time that is given holds for all of it; what was found by then is kept.
#[test]
fn the_budget_ends_search_and_measuring() {
    let Some(case) = Case::new() else { return };
    let (code, text, errors) = case.debloat(&["--budget", "0.001s", "--runs", "10"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("report.json");
    assert_eq!((&report["runs"], &report["after"]), (&0.into(), &serde_json::Value::Null));
    let notes = report["notes"].to_string();
    assert!(notes.contains("the time was over before the search was"), "{notes}");
    assert!(notes.contains("the time was over after 0 of 10 measurements"), "{notes}");
    assert_eq!(case.answer("out", UNSEEN[0]).0, case.answer("code", UNSEEN[0]).0);
    // What was found out is not found out again: the first candidate is the last.
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    let (code, text, errors) = case.debloat(&["-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let attempts = errors.matches("attempt ").count();
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    let (code, text, errors) = case.debloat(&["--resume", "-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(errors.matches("attempt ").count() < attempts, "{attempts}: {errors}");
    // Another content is another application.
    fs::write(case.packages().join("stock/rates.py"), "RATES = {'usd': 3}\n\n\ndef unused_rate():\n    return 3\n")
        .expect("a file");
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    let (code, text, errors) = case.debloat(&["--resume", "-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(errors.matches("attempt ").count() > 1, "{errors}");
}

/// Ctrl-C: before anything is found nothing is left; after that the best that was found is.
#[test]
fn an_interruption_keeps_the_best_so_far() {
    use std::io::{BufRead, BufReader};
    let Some(case) = Case::new() else { return };
    for (moment, left) in [("several times", Vec::new()), ("accepting", vec!["out"]), ("measuring: run 2", vec!["out"])]
    {
        let mut child = case.begin(&["--runs", "10"]);
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        let mut all = String::new();
        while !line.contains(moment) {
            line.clear();
            assert!(said.read_line(&mut line).is_ok_and(|read| read > 0), "{moment} never came: {all}");
            all.push_str(&line);
        }
        let id = child.id().to_string();
        let done = Command::new("kill").args(["-INT", &id]).status();
        assert!(done.is_ok_and(|done| done.success()));
        let _ = std::io::Read::read_to_string(&mut said, &mut all);
        let status = child.wait().expect("it ends");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2), "{moment}: {all}");
        assert_eq!(case.left(), left, "{moment}: {all}");
        assert_eq!(alive(&case.folder), 0, "{moment}");
        if left.is_empty() {
            continue;
        }
        let notes = case.json("report.json")["notes"].to_string();
        assert!(notes.contains("the best that was found so far"), "{moment}: {notes}");
        assert_eq!(case.answer("out", UNSEEN[0]).0, case.answer("code", UNSEEN[0]).0, "{moment}");
        for (path, hash) in case.json("manifest.json")["files"].as_object().expect("files") {
            let data = fs::read(case.folder.join("out").join(path)).expect(path);
            assert_eq!(hash.as_str(), Some(sha256(&data).as_str()), "{path}");
        }
        fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    }
}

/// A second Ctrl-C does not wait for the best so far: nothing is left, and nobody.
#[test]
fn a_second_interruption_ends_at_once() {
    use std::io::{BufRead, BufReader};
    let Some(case) = Case::new() else { return };
    // The acceptance would take minutes.
    case.app("import time\nimport stock\n\n\ndef handler(event, context):\n    time.sleep(event['n'])\n    return stock.convert(2)\n");
    case.events(&[r#"{"n": 1.5}"#, r#"{"n": 1.5}"#]);
    let mut child = case.begin(&[]);
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut all = String::new();
    let mut wait_for = |moment: &str| {
        let mut line = String::new();
        while !line.contains(moment) {
            line.clear();
            assert!(said.read_line(&mut line).is_ok_and(|read| read > 0), "{moment} never came: {all}");
            all.push_str(&line);
        }
    };
    let interrupt = |id: u32| {
        let done = Command::new("kill").args(["-INT", &id.to_string()]).status();
        assert!(done.is_ok_and(|done| done.success()));
    };
    wait_for("accepting");
    interrupt(child.id());
    // The acceptance begins anew, to be finished.
    wait_for("accepting");
    interrupt(child.id());
    let begin = std::time::Instant::now();
    let status = child.wait().expect("it ends");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2));
    assert_eq!(case.left(), Vec::<String>::new());
    assert_eq!(alive(&case.folder), 0);
    // Both events twice would have taken six seconds.
    assert!(begin.elapsed().as_secs_f64() < 5.0, "{:?}", begin.elapsed());
}

/// What is said on the way: what is tried, how long it takes yet, what has been saved so far.
#[test]
fn progress_says_what_is_left_and_what_was_saved() {
    let Some(case) = Case::new() else { return };
    let (code, _, errors) = case.debloat(&["-v", "--runs", "1"]);
    assert_eq!(code, Some(0), "{errors}");
    let line = |words: &str| errors.lines().find(|line| line.contains(words)).unwrap_or_default();
    assert!(line("attempt 1:").contains(" s, at least ") && line("attempt 1:").contains("s left] attempt 1: without"));
    let accepting = line("accepting");
    assert!(accepting.contains(", about ") && accepting.contains(" s left"), "{accepting}");
    assert!(accepting.contains("saved so far: 5 of 10 modules, about "), "{accepting}");
    assert!(accepting.contains(" ms and ") && accepting.contains(" MB] "), "{accepting}");
    assert!(line("measuring: run 1 of 1").contains("about"), "{errors}");
}

/// A package that imports its own parts by its full name: while that name is loaded it is not there yet, for anybody.
#[test]
fn packages_that_import_from_themselves() {
    let Some(case) = Case::new() else { return };
    let write = |name: &str, text: &str| {
        let path = case.packages().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write(
        "own/__init__.py",
        "from own import part, other\nstr = str\nfrom own import third as last\n\n\ndef use(n):\n    return part.double(n)\n",
    );
    write(
        "own/part.py",
        "import own\n\n\ndef double(n):\n    return 2 * n\n\n\ndef name():\n    return own.other.NAME\n",
    );
    write("own/other.py", "import unittest.mock\n\nNAME = 'other'\n");
    write("own/third.py", "from own import part\n\nNAME = part.double(4)\n");
    case.app("import own\n\n\ndef handler(event, context):\n    if 'last' in event:\n        return own.last.NAME + len(own.str('x'))\n    return own.part.name() if 'name' in event else own.use(event['n'])\n");
    let (code, text, errors) = case.debloat(&["-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(!errors.contains("RecursionError") && !errors.contains("stays as it is"), "{errors}");
    let out = names(&case.json("manifest.json")["modules"]["own"]["names"]);
    assert!(out.contains("other") && out.contains("last") && !out.contains("part"), "{out:?}");
    for event in [r#"{"n": 3}"#, r#"{"name": 1}"#, r#"{"last": 1}"#] {
        let (answer, said) = case.answer("out", event);
        assert_eq!(answer, case.answer("code", event).0, "{event}: {said}");
    }
}

/// Modules that are asked for their own sake only: what they do to others (which warnings are shown, how many threads their
/// libraries start, how their own objects are pickled, what machine this is) is missed by nobody.
#[test]
fn effects_for_their_own_sake_keep_no_module() {
    let Some(case) = Case::new() else { return };
    let own = "import copyreg\nimport os\nimport subprocess\nimport warnings\n\n\nclass Thing:\n    pass\n\n\nwarnings.simplefilter('always', category=UserWarning)\nos.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')\nos.register_at_fork(after_in_child=Thing)\ncopyreg.pickle(Thing, lambda one: (Thing, ()))\ntry:\n    subprocess.run(['uname'], capture_output=True)\nexcept OSError:\n    pass\nNAME = 'own'\n";
    let other = "import os\nimport warnings\n\nos.environ['STOCK_MODE'] = 'on'\n";
    fs::write(case.packages().join("own.py"), own).expect("a file");
    fs::write(case.packages().join("other.py"), other).expect("a file");
    case.app("import os\nimport warnings\nimport copy\nimport copyreg\nimport pickle\nfrom own import NAME\nimport other\n\n\ndef handler(event, context):\n    warnings.filters, copyreg.dispatch_table, copy.copy, pickle.dumps\n    return NAME if 'name' in event else [event['n'], os.environ.get('STOCK_MODE')]\n");
    let (code, text, errors) = case.debloat(&["-v"]);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("report.json");
    let is_loaded = |name: &str| {
        let all = report["modules"].as_array().expect("modules");
        all.iter().any(|one| one["name"] == name && one["loaded"] == true)
    };
    assert!(!is_loaded("own") && is_loaded("other"), "{errors}");
    for event in [r#"{"n": 3}"#, r#"{"name": 1}"#] {
        assert_eq!(case.answer("out", event).0, case.answer("code", event).0, "{event}");
    }
}

/// Names that clash: of two modules of one name Python finds the first, and so does the package; a name that the package
/// needs for itself is refused.
#[test]
fn names_that_clash() {
    let Some(case) = Case::new() else { return };
    fs::write(case.folder.join("code/helper.py"), "NAME = 'code'\n").expect("a file");
    fs::write(case.packages().join("helper.py"), "NAME = 'package'\n").expect("a file");
    case.app("import helper\nimport stock\n\n\ndef handler(event, context):\n    return [helper.NAME, stock.convert(event['n'])]\n");
    let (code, text, errors) = case.debloat(&[]);
    assert_eq!(code, Some(0), "{text}{errors}");
    assert!(case.json("report.json")["notes"].to_string().contains("helper.py of "), "it is said");
    assert_eq!(case.answer("out", r#"{"n": 3}"#).0, r#"["code", 6]"#);
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    for name in ["manifest.json", "report.json", "_meminterface/x.txt", "meminterface_ondemand.py"] {
        let path = case.folder.join("code").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, "{}").expect("a file");
        let (code, _, errors) = case.debloat(&[]);
        assert_eq!(code, Some(2), "{name}: {errors}");
        assert!(errors.contains("where the package has its own"), "{name}: {errors}");
        assert_eq!(case.left(), Vec::<String>::new(), "{name}");
        fs::remove_file(&path).expect("a file");
        let _ = fs::remove_dir(case.folder.join("code/_meminterface"));
    }
}

/// Processes that know of the folder, by their command line or working folder.
fn alive(folder: &Path) -> usize {
    let mine = folder.to_string_lossy().into_owned();
    let all = fs::read_dir("/proc").expect("processes").flatten();
    all.filter(|one| {
        let line = fs::read(one.path().join("cmdline")).unwrap_or_default();
        let working = fs::read_link(one.path().join("cwd")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&mine) || working.starts_with(folder)
    })
    .count()
}

/// A deployment package as a platform takes it: one folder with all, or a zip file; in and out.
#[test]
fn folders_of_packages_and_zip_files() {
    let Some(case) = Case::new() else { return };
    // All in one folder, as it is uploaded.
    fs::rename(case.packages().join("stock"), case.folder.join("code/stock")).expect("it moves");
    let run = |words: &[&str]| {
        let mut all = vec!["debloat"];
        all.extend(words);
        all.extend(["--handler", "app.handler", "--events", "tests.json", "--python"]);
        let python = case.python.to_string_lossy().into_owned();
        all.extend([python.as_str(), "--runtime-client", "minimal", "--runs", "0"]);
        let done = case.command(&all);
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let python = |script: &str, words: &[&str]| {
        let done = Command::new(&case.python).args(["-c", script]).args(words).current_dir(&case.folder).output();
        let done = done.expect("it starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let (code, errors) = run(&["code/app.py", "-o", "out.zip"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(case.left(), ["out.zip"]);
    python(
        "import zipfile; zip = zipfile.ZipFile('out.zip'); assert zip.testzip() is None; zip.extractall('out')",
        &[],
    );
    assert_eq!(case.answer("out", UNSEEN[0]).0, case.answer("code", UNSEEN[0]).0);
    assert!(case.json("manifest.json")["modules"].get("stock.core").is_some());

    python("import shutil; shutil.make_archive('code/../app', 'zip', 'code')", &[]);
    fs::remove_dir_all(case.folder.join("out")).expect("a folder");
    let (code, errors) = run(&["app.zip", "-o", "out"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(case.left(), ["app.zip", "out", "out.zip"]);
    assert_eq!(case.answer("out", UNSEEN[1]).0, case.answer("code", UNSEEN[1]).0);

    // Archives that are none, or lead elsewhere.
    python(
        "import zipfile\nzip = zipfile.ZipFile('bad.zip', 'w')\nzip.writestr('../precious.py', 'x')\nzip.close()",
        &[],
    );
    fs::write(case.folder.join("none.zip"), "PK").expect("a file");
    for (name, words) in [("bad.zip", "leads out"), ("none.zip", "no end record")] {
        let (code, errors) = run(&[name, "-o", "other"]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
    assert_eq!(case.left(), ["app.zip", "bad.zip", "none.zip", "out", "out.zip"]);
}

/// Bad words get a message, and nothing is made.
#[test]
fn bad_usage() {
    let Some(case) = Case::new() else { return };
    for (words, said) in [
        (vec!["--budget", "soon"], "no time"),
        (vec!["--keep-files", "nothing"], "no rule"),
        (vec!["--jobs", "0"], "count from 1"),
        (vec!["--top", "0"], "count from 1"),
    ] {
        let (code, _, errors) = case.debloat(&words);
        assert_eq!(code, Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {errors}");
        assert_eq!(case.left(), Vec::<String>::new());
    }
    fs::create_dir(case.folder.join("out")).expect("a folder");
    let (code, _, errors) = case.debloat(&[]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("is there already"), "{errors}");
    let done = case.command(&["debloat", "code", "--undo"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("manifest"));
}

/// Taking everything out of a module leaves a module that compiles, with each line where it was.
#[test]
fn every_module_of_the_standard_library_can_be_rewritten() {
    let script = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let Ok(found) = Command::new("python3").args(["-c", script]).output() else { return };
    let root = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    let folder = std::env::temp_dir().join(format!("meminterface-rewrite-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let mut count = 0;
    let mut open = vec![root.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            if !["test", "tests", "lib2to3", "site-packages", "idlelib", "turtledemo"].iter().any(|skip| name == *skip)
            {
                open.extend(fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
            }
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if path.extension().is_none_or(|extension| extension != "py") || text.len() > 200_000 {
            continue;
        }
        let Ok(module) = Module::read(&path, text.clone(), "some.module", false, &BTreeSet::new()) else { continue };
        let choice = Choice {
            names: module.candidates.keys().cloned().collect(),
            functions: (0..module.functions.len()).collect(),
            loads: BTreeSet::new(),
            submodules: BTreeSet::new(),
            followers: BTreeSet::new(),
        };
        let rewritten = module.rewrite(&choice, "some.module");
        let side = serde_json::to_string(&rewritten.side).expect("JSON");
        fs::write(folder.join(format!("{count}.py")), &rewritten.text).expect("a file");
        fs::write(folder.join(format!("{count}.json")), side).expect("a file");
        fs::write(folder.join(format!("{count}.name")), path.to_string_lossy().as_bytes()).expect("a file");
        count += 1;
    }
    assert!(count > 100, "{count} modules under {}", root.display());
    // Bodies compile as the runtime compiles them, and are found under their names.
    let check = r#"
import glob, json, os, sys
sys.setrecursionlimit(5000)
import warnings
warnings.simplefilter("ignore")
bad = []
for path in glob.glob(os.path.join(sys.argv[1], "*.py")):
    name = open(path[:-3] + ".name").read()
    side = json.load(open(path[:-3] + ".json"))
    try:
        compile(open(path, encoding="utf-8").read(), name, "exec", dont_inherit=True)
        for line, kind, text, names in side["units"]:
            compile("\n" * (line - 1) + text, name, "exec", side["flags"], True)
        for line, classes, function, text in side["bodies"].values():
            wrapped = "".join("%sclass %s:\n" % (" " * depth, one) for depth, one in enumerate(classes))
            if classes:
                wrapped += " " * len(classes) + "if 1:\n"
            code = compile(wrapped + text, name, "exec", side["flags"], True)
            for one in classes + [function]:
                code = next(const for const in code.co_consts if hasattr(const, "co_code") and const.co_name == one)
            assert not set(code.co_freevars) - {"__class__"}, code.co_freevars
    except Exception as error:
        bad.append("%s: %r" % (name, error))
print("\n".join(bad))
"#;
    let done = Command::new("python3").args(["-c", check]).arg(&folder).output().expect("it starts");
    let _ = fs::remove_dir_all(&folder);
    let bad = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    assert!(done.status.success() && bad.is_empty(), "{bad}{}", String::from_utf8_lossy(&done.stderr));
}

/// Names whose lookup the text does not show stay; all others may go, and references to them become attributes.
#[test]
fn what_may_go_and_what_stays() {
    let read = |text: &str| {
        Module::read(Path::new("m.py"), text.to_owned(), "p.m", false, &BTreeSet::new()).expect("it is Python")
    };
    let may_go = |text: &str| read(text).candidates.keys().cloned().collect::<Vec<_>>();
    assert_eq!(may_go("import a, b.c, d as e\n"), ["a", "b", "e"]);
    assert_eq!(may_go("from x import a, b as c\nfrom y import *\n"), ["a", "c"]);
    // Bound twice, deleted, declared global: what is looked up depends on when.
    assert_eq!(may_go("import a\na = 1\n"), Vec::<String>::new());
    assert_eq!(may_go("import a.b\nimport a.c\n"), ["a"]);
    assert_eq!(may_go("import a\ndel a\n"), Vec::<String>::new());
    assert_eq!(may_go("import a\ndef f():\n    global a\n    a = 1\n"), ["f"]);
    // Effects stay.
    assert_eq!(may_go("@app.route('/')\ndef f(): pass\n"), Vec::<String>::new());
    assert_eq!(may_go("x = start(lambda: 1)\n"), Vec::<String>::new());
    assert_eq!(may_go("class A(metaclass=M): pass\n"), Vec::<String>::new());
    assert_eq!(may_go("class A:\n    print(1)\n"), Vec::<String>::new());
    // Lookups by text.
    assert_eq!(may_go("import a\ng = globals()\n"), Vec::<String>::new());
    assert_eq!(may_go("import a, b\nglobals()['a']\n"), ["b"]);
    assert_eq!(may_go("import a\ndef f(): return [x for x in dir(a)]\n"), ["a", "f"]);
    assert_eq!(may_go("import a, b\ndef f(x: 'a.T'): pass\n"), ["b", "f"]);
    assert_eq!(may_go("import a, b\nprint(f'{a=}')\n"), ["b"]);
    // A class's own name of the same kind hides it only once it is bound.
    assert_eq!(may_go("import a\nclass C:\n    a = a\n"), ["C"]);

    // What ran on demand would see what has happened to a name since.
    assert_eq!(may_go("n = f()\ndef g(x=n): pass\nn = f()\n"), Vec::<String>::new());
    assert_eq!(may_go("import a\nv = a.b\ndel a\n"), Vec::<String>::new());
    assert_eq!(may_go("def f():\n    global n\n    n = 1\nclass C:\n    x = n\n"), ["f"]);
    assert_eq!(may_go("t = [f()]\nu = sorted(t)\nt.append(1)\n"), Vec::<String>::new());
    assert_eq!(may_go("t = [f()]\nu = sorted(t)\ndef g(): t[0] = 1\n"), ["g"]);
    assert_eq!(may_go("from a import t\nu = sorted(t)\nv = (t, 1)\n"), ["t", "v"]);
    assert_eq!(may_go("try: import a\nexcept E: a = None\nif a is None: b = 1\nelse: b = 2\n"), ["a", "b"]);
    assert_eq!(may_go("from __future__ import annotations\ndef f(x: C): pass\nclass C: pass\n"), ["C", "f"]);

    let rewritten = |text: &str, names: &[&str]| {
        let choice = Choice { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Choice::default() };
        let text = read(text).rewrite(&choice, "p.m").text;
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        rewritten("import a\nx = a.b\ndef f(a): return a\ndef g(): return [a for a in a], lambda a: a\n", &["a"]),
        "x = _mi_.a.b\ndef f(a): return a\ndef g(): return [a for a in _mi_.a], lambda a: a"
    );
    assert_eq!(
        rewritten("import a\ndef f():\n    import a\n    return a\nclass C:\n    def a(self): return a\n", &["a"]),
        "def f():\n    import a\n    return a\nclass C:\n    def a(self): return _mi_.a"
    );
    assert_eq!(
        rewritten("import a\ntry:\n    from x import (b,\n      c)\nexcept a.E:\n    b = c = None\nb()\n", &["b", "c"]),
        "pass\n\n\n\n\n_mi_.b()"
    );
    // An alias may stand on several lines.
    assert_eq!(rewritten("from x import (a, b as\n  c, d)\nc()\n", &["a"]), "\nc()");
}

/// The forms of JSON are checked in. `UPDATE_SCHEMAS=1` writes them anew.
#[test]
fn schemas_are_checked_in() {
    for (name, schema) in [
        ("debloat", meminterface::cli::debloat::report_schema()),
        ("debloat-manifest", meminterface::cli::debloat::manifest_schema()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.schema.json"));
        let text = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).expect("it is written");
        }
        assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "run this test with UPDATE_SCHEMAS=1");
    }
}
