//! `meminterface check` as a user meets it: budgets, states, revisions, outputs, bad input. docs/CHECK.md describes it.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "common/folder.rs"]
mod folder;
use folder::outcome;

/// A folder of its own, with a cache and a folder for temporary files of its own.
struct Folder(folder::Folder);

impl Folder {
    fn new() -> Self {
        let folder = folder::Folder::new("check");
        fs::create_dir_all(folder.join(".tmp")).expect("a folder");
        Self(folder)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.arg("check").current_dir(&*self.0);
        command.env("MEMINTERFACE_CACHE", self.join(".cache")).env("TMPDIR", self.join(".tmp"));
        command
    }

    /// Exit code, standard output, standard error.
    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        outcome(self.command().args(words))
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let (_, out, errors) = self.run(&[words, &["--format", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {errors}"))
    }

    fn git(&self, words: &[&str]) {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
            .args(words)
            .current_dir(&*self.0)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Deref for Folder {
    type Target = folder::Folder;

    fn deref(&self) -> &folder::Folder {
        &self.0
    }
}
/// `8*n` bytes of zeros.
const LINEAR: &str = "\
import numpy as np


def lambda_handler(event, context):
    n = event[\"n\"]
    table = np.ones(n)
    return {\"sum\": float(table.sum())}
";

/// `8*n**2` bytes: the sixth line is another one.
const QUADRATIC: &str = "\
import numpy as np


def lambda_handler(event, context):
    n = event[\"n\"]
    table = np.outer(np.ones(n), np.ones(n))
    return {\"sum\": float(table.sum())}
";

/// Each invocation leaves something behind.
const GROWS: &str = "\
SEEN = []


def handler(event, context):
    SEEN.append(event[\"name\"] * 10)
    return len(SEEN)
";

fn budget(text: &str) -> String {
    format!("[[budget]]\n{text}\n")
}

// ---- budgets ------------------------------------------------------------------------------------------------------

#[test]
fn a_peak_at_given_inputs_keeps_to_its_budget_or_breaks_it() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.write("meminterface.toml", &budget("inputs = { n = 1000 }\npeak = \"16 KB\""));
    let (code, out, errors) = folder.run(&["app.py"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("1 function, 0 limits broken, 1 kept"), "{out}");

    folder.write(
        "meminterface.toml",
        &budget("inputs = { n = 1_000_000 }\npeak = \"4 MB\"\nreason = \"128 MB are all\""),
    );
    let (code, out, _) = folder.run(&["app.py"]);
    assert_eq!(code, Some(1), "exit code 1 is for a broken budget: {out}");
    for part in [
        "error[over-budget]: app.lambda_handler: peak is 7.6 MB for n = 1000000, more than the 4 MB allowed, from line 6 (np.ones)",
        "table = np.ones(n)",
        "meminterface.toml:3: 128 MB are all",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

#[test]
fn the_order_of_growth_in_an_input() {
    let folder = Folder::new();
    folder.write("app.py", QUADRATIC);
    for (order, code) in [
        ("quadratic", 0),
        ("n**2", 0),
        ("cubic", 0),
        ("n**2*log2(n)", 0),
        ("linear", 1),
        ("n*log2(n)", 1),
        ("constant", 1),
    ] {
        folder.write("b.toml", &budget(&format!("growth = {{ n = \"{order}\" }}")));
        let (found, out, errors) = folder.run(&["app.py", "--budget", "b.toml"]);
        assert_eq!(found, Some(code), "{order}: {out}{errors}");
    }
    assert!(folder.run(&["app.py", "--budget", "b.toml"]).1.contains("peak grows as n**2 in `n`, and 1 is allowed"));
}

#[test]
fn memory_that_stays_behind() {
    let folder = Folder::new();
    folder.write("app.py", GROWS);
    folder.write("b.toml", &budget("no_retained_growth = true"));
    let (code, out, _) = folder.run(&["app.py", "--budget", "b.toml"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("memory stays from one invocation to the next") && out.contains("(line 5)"), "{out}");
    folder.write("app.py", LINEAR);
    assert_eq!(folder.run(&["app.py", "--budget", "b.toml"]).0, Some(0), "all of it goes");
}

#[test]
fn what_is_not_known_is_undecided_unless_the_budget_is_strict() {
    let folder = Folder::new();
    folder.write("app.py", "import strange\n\n\ndef handler(event, context):\n    return strange.work(event[\"n\"])\n");
    folder.write("b.toml", &budget("inputs = { n = 5 }\npeak = \"1 MB\""));
    let (code, out, _) = folder.run(&["app.py", "--budget", "b.toml"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("warning[undecided-budget]") && out.contains("1 undecided"), "{out}");
    folder.write("b.toml", &budget("inputs = { n = 5 }\npeak = \"1 MB\"\nstrict = true"));
    assert_eq!(folder.run(&["app.py", "--budget", "b.toml"]).0, Some(1));
    folder.write("b.toml", &budget("no_unknown = true"));
    let (code, out, _) = folder.run(&["app.py", "--budget", "b.toml"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("the footprint of `strange`"), "{out}");
}

/// A handler that raises on the inputs at once needs little: that keeps no budget.
#[test]
fn inputs_on_which_the_handler_raises_prove_nothing() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.write("b.toml", &budget("event = { m = 1 }\npeak = \"1 MB\""));
    let (code, out, _) = folder.run(&["app.py", "--budget", "b.toml"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("the handler raises KeyError on these inputs") && out.contains("1 undecided"), "{out}");
}

#[test]
fn budgets_are_for_functions_by_name_pattern_or_the_templates_name() {
    let folder = Folder::new();
    folder.write("src/app.py", LINEAR);
    folder.write("src/other.py", GROWS);
    folder.write(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Sums:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: python3.12\n      CodeUri: src/\n      Handler: app.lambda_handler\n",
    );
    for pattern in ["Sums", "src/app.py:*", "app.lambda_handler", "lambda_*", "*:lambda_handler"] {
        folder.write("b.toml", &budget(&format!("functions = [\"{pattern}\"]\ninputs = {{ n = 1000 }}\npeak = 100")));
        let report = folder.json(&[".", "--budget", "b.toml"]);
        let functions: Vec<&str> = report["verdicts"]
            .as_array()
            .expect("verdicts")
            .iter()
            .map(|one| one["function"].as_str().expect("a name"))
            .collect();
        assert_eq!(functions, ["src/app.py:lambda_handler"], "{pattern}");
    }
}

#[test]
fn an_event_of_a_file_a_footprint_and_a_setting() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.write("events/large.json", "{\"n\": 30000000}");
    folder.write("b.toml", &budget("event_file = \"events/large.json\"\nfootprint = \"200 MB\"\nmemory_mb = 256"));
    let report = folder.json(&["app.py", "--budget", "b.toml"]);
    let broken: Vec<(&str, &str)> = report["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .map(|one| (one["rule"].as_str().expect("a rule"), one["status"].as_str().expect("a status")))
        .collect();
    assert_eq!(broken, [("footprint", "broken"), ("memory", "broken")], "30 million numbers are 229 MB: {report:#}");
}

// ---- what changed ---------------------------------------------------------------------------------------------------

#[test]
fn a_change_says_before_now_and_where_it_comes_from() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    assert_eq!(folder.run(&["app.py", "--write-state", "state.json"]).0, Some(0));
    let (code, out, _) = folder.run(&["app.py", "--against", "state.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "nothing changed since state.json\n1 function, 0 changes\n"));

    folder.write("app.py", QUADRATIC);
    let report = folder.json(&["app.py", "--against", "state.json"]);
    let first = &report["changes"][0];
    assert_eq!(first["quantity"], "peak");
    assert_eq!(first["direction"], "more");
    assert_eq!(first["grows_faster"], true);
    assert!(first["before"].as_str().expect("a formula").contains("8*event[\"n\"]"), "{first}");
    assert!(first["after"].as_str().expect("a formula").contains("8*event[\"n\"]**2"), "{first}");
    assert_eq!(first["from"]["line"], 6);
    assert_eq!(first["from"]["what"], "np.outer");
    assert_eq!(report["passed"], true, "a change alone breaks nothing");

    let back = folder.run(&["app.py", "--write-state", "after.json"]).0;
    assert_eq!(back, Some(0));
    folder.write("app.py", LINEAR);
    let report = folder.json(&["app.py", "--against", "after.json"]);
    assert_eq!(report["changes"][0]["direction"], "less", "{report:#}");
}

/// A project of many functions has a state of many megabytes: sources are bounded, records are not by the same.
#[test]
fn a_large_state_is_read() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    assert_eq!(folder.run(&["app.py", "--write-state", "state.json"]).0, Some(0));
    folder.write("state.json", &format!("{}{}", folder.read("state.json"), " ".repeat(9 << 20)));
    let (code, out, errors) = folder.run(&["app.py", "--against", "state.json"]);
    assert_eq!((code, out.trim()), (Some(0), "nothing changed since state.json\n1 function, 0 changes"), "{errors}");
}

/// Other lines, comments and names of variables are no change.
#[test]
fn only_what_changed_is_told() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.write("other.py", GROWS);
    folder.run(&[".", "--write-state", "state.json"]);
    folder
        .write("app.py", &LINEAR.replace("import numpy", "# A comment.\n\n\nimport numpy").replace("table", "values"));
    let (code, out, _) = folder.run(&[".", "--against", "state.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "nothing changed since state.json\n2 functions, 0 changes\n"));

    fs::remove_file(folder.join("other.py")).expect("it was there");
    folder.write("third.py", GROWS);
    let report = folder.json(&[".", "--against", "state.json"]);
    let told: Vec<(&str, &str)> = report["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|one| (one["direction"].as_str().expect("a word"), one["function"].as_str().expect("a name")))
        .collect();
    assert_eq!(told, [("added", "third.py:handler"), ("removed", "other.py:handler")]);
}

/// The dearest first: an order of growth before bytes, more before less.
#[test]
fn changes_are_sorted_by_cost() {
    let folder = Folder::new();
    let bytes = |n: u32| format!("def handler(event, context):\n    return len(bytes({n}))\n");
    folder.write("a.py", &bytes(2000));
    folder.write("b.py", &bytes(1000));
    folder.write("c.py", LINEAR);
    folder.run(&[".", "--write-state", "state.json"]);
    folder.write("a.py", &bytes(1000));
    folder.write("b.py", &bytes(5000));
    folder.write("c.py", QUADRATIC);
    let report = folder.json(&[".", "--against", "state.json"]);
    let mut order: Vec<&str> = report["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|one| one["file"].as_str().expect("a file"))
        .collect();
    order.dedup();
    assert_eq!(order, ["c.py", "b.py", "a.py"], "{report:#}");
    assert_eq!(report["changes"][1]["bytes"], 4000, "{report:#}");
}

/// Ctrl-C while an earlier revision is being read: its folder goes, and a shell sees the signal.
#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_comparison_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt;
    let folder = Folder::new();
    folder.git(&["init", "-q"]);
    // Work for far longer than the signal takes to come.
    for number in 0..200 {
        let name = format!("app{number}.py");
        folder.write(&name, &LINEAR.replace("return", "return sorted([x for x in range(n) if x in event]) or"));
    }
    folder.git(&["add", "."]);
    folder.git(&["commit", "-qm", "first"]);
    let mut child = folder
        .command()
        .args([".", "--since", "HEAD", "--no-cache"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let files = || fs::read_dir(folder.join(".tmp")).expect("a folder").count();
    while files() == 0 {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it was interrupted");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let status = child.wait().expect("it ends");
    assert_eq!((status.signal(), files()), (Some(2), 0), "{status}");
}

#[test]
fn since_a_revision_the_work_tree_stays_as_it_is() {
    let folder = Folder::new();
    folder.git(&["init", "-q"]);
    folder.write("sub/app.py", LINEAR);
    folder.write("sub/helper.py", "def f():\n    return 1\n");
    folder.git(&["add", "sub"]);
    folder.git(&["commit", "-qm", "linear"]);
    folder.git(&["tag", "v1"]);
    folder.write("sub/app.py", QUADRATIC);
    let report = folder.json(&["sub", "--since", "v1"]);
    assert_eq!(report["changes"][0]["quantity"], "peak", "{report:#}");
    assert_eq!(report["changes"][0]["from"]["what"], "np.outer");
    assert!(report["since"].as_str().expect("a name").starts_with("v1 ("), "{report:#}");
    assert_eq!(folder.read("sub/app.py"), QUADRATIC);
    assert_eq!(fs::read_dir(folder.join(".tmp")).expect("a folder").count(), 0, "nothing is left");

    // From within the folder the paths are the same on both sides.
    let output = folder.command().current_dir(folder.join("sub")).args([".", "--since", "HEAD"]).output();
    let out = String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned();
    assert!(out.contains("+ lambda_handler: peak") && out.contains("from line 6 (np.outer)"), "{out}");
    assert!(!out.contains("new,") && !out.contains("gone"), "{out}");
}

// ---- outputs ----------------------------------------------------------------------------------------------------------

fn broken() -> Folder {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.run(&["app.py", "--write-state", "state.json"]);
    folder.write("app.py", QUADRATIC);
    folder.write("meminterface.toml", &budget("inputs = { n = 1000 }\npeak = \"1 MB\"\ngrowth = { n = \"linear\" }"));
    folder
}

#[test]
fn annotations_of_github() {
    let (code, out, _) = broken().run(&["app.py", "--against", "state.json", "--format", "github"]);
    assert_eq!(code, Some(1));
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("::error file=app.py,line=6,title=peak over budget::app.lambda_handler: peak is 7."),
        "{out}"
    );
    assert!(lines[1].starts_with("::error file=app.py,line=6,title=growth over budget::"), "{out}");
    assert!(lines[2].starts_with("::notice file=app.py,line=6,title=memory changed::lambda_handler: peak "), "{out}");
}

#[test]
fn sarif_for_code_scanning() {
    let (code, out, _) = broken().run(&["app.py", "--against", "state.json", "--format", "sarif"]);
    assert_eq!(code, Some(1));
    let document: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "app.py");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0));
    }
    assert_eq!(run["results"][0]["level"], "error");
}

#[test]
fn junit_has_a_case_a_limit() {
    let (code, out, _) = broken().run(&["app.py", "--format", "junit"]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"meminterface\" tests=\"2\" failures=\"2\""
        ),
        "{out}"
    );
    assert!(
        out.contains("<testcase classname=\"app.lambda_handler\" name=\"peak at most 1 MB for n = 1000\""),
        "{out}"
    );
    assert_eq!(out.matches("<failure").count(), 2, "{out}");
}

/// A comment is short, begins with the marker that a bot looks for, and is not there if there is nothing to say.
#[test]
fn a_comment_for_a_pull_request() {
    let folder = broken();
    let (_, out, _) = folder.run(&["app.py", "--against", "state.json", "--format", "markdown"]);
    assert!(out.starts_with("<!-- meminterface check -->\n### Memory: 2 limits are broken\n"), "{out}");
    assert!(out.contains("| + | `lambda_handler` | peak |") && out.contains("app.py:6 `np.outer`"), "{out}");
    let words = ["app.py", "--against", "state.json", "--format", "markdown", "--behavior", "new"];
    assert!(folder.run(&words).1.starts_with("### Memory"));
    fs::remove_file(folder.join("meminterface.toml")).expect("it was there");
    folder.run(&["app.py", "--write-state", "state.json"]);
    let (code, out, _) = folder.run(&["app.py", "--against", "state.json", "--format", "markdown"]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
}

#[test]
fn the_result_is_the_same_on_every_run_and_with_every_number_of_threads() {
    let folder = broken();
    for n in 0..12 {
        folder.write(&format!("more_{n}.py"), if n % 2 == 0 { LINEAR } else { GROWS });
    }
    let words = [".", "--against", "state.json", "--format", "json"];
    let once = folder.run(&words);
    assert_eq!(folder.run(&words), once, "from the cache");
    assert_eq!(folder.run(&[&words[..], &["--no-cache", "--jobs", "1"]].concat()), once);
    assert_eq!(folder.run(&[&words[..], &["--no-cache", "--jobs", "3"]].concat()), once);
}

/// What an entry of the cache rests on is more than the handler's own file.
#[test]
fn the_cache_knows_what_it_rests_on() {
    let folder = Folder::new();
    folder.write("app.py", "import sizes\n\n\ndef handler(event, context):\n    return len(bytes(sizes.SIZE))\n");
    folder.write("sizes.py", "SIZE = 1000\n");
    let peak = || folder.run(&["app.py"]).1;
    let first = peak();
    assert_eq!(peak(), first);
    folder.write("sizes.py", "SIZE = 5000\n");
    let second = peak();
    assert_ne!(second, first, "an imported file changed");
    fs::remove_file(folder.join("sizes.py")).expect("it was there");
    assert_ne!(peak(), second, "it is gone");
    folder.write("sizes.py", "SIZE = 5000\n");
    assert_eq!(peak(), second, "it is there again");
    // Entries may be anything at any time.
    for entry in walk(&folder.join(".cache")) {
        fs::write(entry, "{").expect("a file");
    }
    assert_eq!(peak(), second);
    fs::remove_dir_all(folder.join(".cache")).expect("it was there");
    assert_eq!(peak(), second);
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

// ---- bad input --------------------------------------------------------------------------------------------------------

/// Message, place, exit code 2.
#[test]
fn bad_budgets() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.write("two.json", "{\"tests\": [{\"event\": {}}, {\"event\": {}}]}");
    for (text, said) in [
        ("[[budget]]\npeek = 1\n", vec!["b.toml:2:1", "a budget has no `peek`", "peak"]),
        ("[[budget]]\npeak = \"1 XB\"\n", vec!["b.toml:2:8", "is not a size"]),
        ("[[budget]]\npeak = -1\n", vec!["b.toml:2:8"]),
        (
            "[[budget]]\nfunctions = \"lambda_handlr\"\npeak = 1\n",
            vec!["b.toml:2", "`lambda_handlr` names no function", "lambda_handler"],
        ),
        (
            "[[budget]]\ninputs = { m = 1 }\npeak = 1\n",
            vec!["b.toml:1", "reads an input `m`", "inputs are: event[\"n\"]"],
        ),
        ("[[budget]]\ngrowth = { n = \"quadratisch\" }\n", vec!["b.toml:2:16", "speaks of `quadratisch`"]),
        ("[[budget]]\ngrowth = { n = \"n +\" }\n", vec!["b.toml:2:16", "no order of growth"]),
        ("[[budget]]\n", vec!["without a limit"]),
        ("", vec!["holds no `[[budget]]`"]),
        ("[[budget]\n", vec!["b.toml:1"]),
        ("[[budget]]\nevent_file = \"absent.json\"\npeak = 1\n", vec!["absent.json"]),
        ("[[budget]]\nevent_file = \"two.json\"\npeak = 1\n", vec!["two.json", "2 events"]),
        ("[[budget]]\nevent = {}\nevent_file = \"two.json\"\npeak = 1\n", vec!["either"]),
        ("[[budget]]\ncost_per_million_usd = nan\n", vec!["b.toml:2"]),
    ] {
        folder.write("b.toml", text);
        let (code, _, errors) = folder.run(&["app.py", "--budget", "b.toml"]);
        assert_eq!(code, Some(2), "{text}: {errors}");
        for part in said {
            assert!(errors.contains(part), "{text}\n{part}\n{errors}");
        }
    }
    assert_eq!(folder.run(&["app.py", "--budget", "absent.toml"]).0, Some(2));
    folder.write("b.toml", "[[budget]]\nfunctions = \"gone_*\"\noptional = true\npeak = 1\n");
    assert_eq!(folder.run(&["app.py", "--budget", "b.toml"]).0, Some(0), "an optional one may name none");
}

#[test]
fn bad_states() {
    let folder = Folder::new();
    folder.write("app.py", LINEAR);
    folder.run(&["app.py", "--write-state", "good.json"]);
    let good = folder.read("good.json");
    let version = format!("\"tool_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    for (text, said) in [
        ("{".to_owned(), "is no JSON"),
        ("[]".to_owned(), "is no state"),
        ("{\"schema\": {\"name\": \"meminterface.check\", \"version\": 1}}".to_owned(), "but a `meminterface.check`"),
        (good.replace("\"version\": 1", "\"version\": 9"), "has version 9 of the form"),
        (good.replace(&version, "\"tool_version\": \"0.0.1\""), "was written by meminterface 0.0.1"),
        (good.replace("\"functions\"", "\"funktions\""), "is no whole state"),
    ] {
        folder.write("bad.json", &text);
        let (code, _, errors) = folder.run(&["app.py", "--against", "bad.json"]);
        assert_eq!(code, Some(2), "{errors}");
        assert!(
            errors.contains(said) && errors.contains("bad.json") && errors.contains("--write-state"),
            "{said}\n{errors}"
        );
    }
    assert_eq!(folder.run(&["app.py", "--against", "absent.json"]).0, Some(2));
}

#[test]
fn bad_revisions() {
    let folder = Folder::new();
    folder.write("repo/app.py", LINEAR);
    let (code, _, errors) = folder.run(&["repo/app.py", "--since", "no-such-revision"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("no-revision"), "{errors}");

    let repo = Folder(folder::Folder(folder.join("repo")));
    repo.git(&["init", "-q"]);
    repo.git(&["add", "app.py"]);
    repo.git(&["commit", "-qm", "one"]);
    repo.write("app.py", QUADRATIC);
    repo.git(&["commit", "-qam", "two"]);
    let (code, _, errors) = repo.run(&["app.py", "--since", "no-such-revision"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("`no-such-revision` is no revision of this repository"), "{errors}");
    // What looks like an option is none.
    assert_eq!(repo.run(&["app.py", "--since=--all"]).0, Some(2));

    folder.git(&["clone", "-q", "--depth", "1", &format!("file://{}", repo.display()), "shallow"]);
    let shallow = Folder(folder::Folder(folder.join("shallow")));
    let (code, _, errors) = shallow.run(&["app.py", "--since", "HEAD~1"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("which is shallow") && errors.contains("fetch-depth: 0"), "{errors}");
}

/// A file that cannot be read stops no other; the exit code says that something is missing.
#[test]
fn broken_files() {
    let folder = Folder::new();
    folder.write("good.py", LINEAR);
    folder.write("bad.py", "def handler(event, context:\n");
    folder.write("b.toml", &budget("functions = \"lambda_handler\"\ninputs = { n = 10 }\npeak = 1000"));
    let (code, out, errors) = folder.run(&["good.py", "bad.py", "--budget", "b.toml"]);
    assert_eq!(code, Some(2), "{out}{errors}");
    assert!(errors.contains("bad.py:2:1") && out.contains("1 kept"), "{out}{errors}");
}

/// The forms of JSON are checked in. `UPDATE_SCHEMAS=1` writes them anew.
#[test]
fn the_schemas_are_checked_in() {
    for (name, schema) in
        meminterface::cli::check::json_schemas().into_iter().chain(meminterface::cli::listing::json_schemas())
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/schemas/{name}.schema.json"));
        let schema = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &schema).expect("the schema can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert_eq!(kept, schema, "run: UPDATE_SCHEMAS=1 cargo test --test check schemas");
    }
}
