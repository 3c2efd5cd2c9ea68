//! `meminterface debloat` as a user sees it: on a small library that has what makes trimming dangerous (a registry filled
//! by decorators, a star import, subclasses, names that only some events need, a heavy module that none of them needs).
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
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

    fn command(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .args(words)
            .current_dir(&self.folder)
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .output()
            .expect("it starts")
    }

    /// Debloats into `out`, with the minimal client, and without measuring unless that is asked for.
    fn debloat(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut all =
            vec!["debloat", "code/app.py", "--handler", "handler", "--events", "tests.json", "--venv", "venv"];
        all.extend(["-o", "out", "--runtime-client", "minimal"]);
        if !words.contains(&"--runs") {
            all.extend(["--runs", "0"]);
        }
        all.extend(words);
        let done = self.command(&all);
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
