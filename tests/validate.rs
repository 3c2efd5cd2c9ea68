//! `meminterface validate` as a user meets it: a recommendation holds or does not, and what a record says.
//!
//! Runs need Linux and a Python. Where no limit can be enforced the tests hold that nothing is called proven.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

struct Case(PathBuf);

impl Case {
    fn new(source: &str, events: &str) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let found = Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]).status();
        if !found.is_ok_and(|status| status.success()) {
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("validate-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("code")).expect("a folder");
        fs::write(folder.join("code/app.py"), source).expect("a file");
        fs::write(folder.join("events.jsonl"), events).expect("a file");
        Some(Self(folder))
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.args(["validate", "code/app.py", "--events", "events.jsonl", "--runtime-client", "minimal"]);
        command
            .args(["--keep-page-cache"])
            .args(words)
            .current_dir(&self.0)
            .env("XDG_CACHE_HOME", self.0.join("cache"));
        let output = command.output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// The record, and whether a limit was enforced. Without one nothing is proven, and nothing passes.
    #[track_caller]
    fn json(&self, words: &[&str]) -> (Value, bool) {
        let (code, out, errors) = self.run(&[words, &["--format", "json"]].concat());
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {errors}"));
        assert_eq!(json["schema"]["name"], "meminterface.validate");
        let proven = json["proven"] == true;
        assert_eq!(proven, json["limit"]["enforced"] == true);
        if !proven {
            assert_eq!((code, &json["passed"]), (Some(1), &false.into()));
            assert!(json["message"].as_str().is_some_and(|text| text.starts_with("not proven")), "{}", json["message"]);
        } else {
            assert_eq!(code, Some(if json["passed"] == true { 0 } else { 1 }), "{}", json["message"]);
        }
        (json, proven)
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TAKES: &str = "def handler(event, context):\n    return len(bytearray(b'1') * (event << 20))\n";

/// The recommended setting survives, and is little above the smallest that does.
#[test]
fn a_recommendation_survives() {
    let Some(case) = Case::new(TAKES, "20\n250\n100\n") else { return };
    let (json, proven) = case.json(&[]);
    let recommended = json["recommended_mb"].as_u64().expect("a setting");
    assert!((270..350).contains(&recommended), "250 MB, an interpreter and a tenth: {recommended}");
    let events = json["events"].as_array().expect("events");
    let measured: Vec<u64> = events.iter().map(|e| e["measured_peak_bytes"].as_u64().unwrap_or(0) >> 20).collect();
    assert!(measured.iter().zip([20, 250, 100]).all(|(found, mb)| found.abs_diff(mb) <= 2), "{measured:?}");
    // What was predicted before it ran is beside what was measured, and is held to it.
    for (event, mb) in events.iter().zip([20_u64, 250, 100]) {
        let predicted = event["predicted_peak_bytes"].as_u64().expect("a prediction");
        assert!((predicted >> 20).abs_diff(mb) <= 2 && event["prediction_held"] == true, "{event}");
        assert!(event["error"].as_f64().is_some_and(|error| error.abs() < 0.1), "{event}");
    }
    let baselines = [&json["baseline_bytes"], &json["predicted_baseline_bytes"]].map(|b| b.as_u64().unwrap_or(0) >> 20);
    assert!(baselines[0].abs_diff(baselines[1]) <= 4, "{baselines:?}");
    if proven {
        assert_eq!((&json["passed"], &json["percentile_held"]), (&true.into(), &true.into()));
        assert!(events.iter().all(|event| event["survived"] == true && event["slowed"] == false));
        let smallest = json["smallest_surviving_mb"].as_u64().expect("a setting");
        assert!((250..=recommended).contains(&smallest), "{smallest} for 250 MB");
        assert!(recommended - smallest <= 64.max(smallest / 4), "{recommended} is too much above {smallest}");
        assert_eq!(json["waste_mb"], recommended - smallest);
    } else {
        assert_eq!(json["smallest_surviving_mb"], Value::Null);
    }
    let (_, text, _) = case.run(&[]);
    assert!(text.contains("smallest surviving") && text.contains("waste"), "{text}");
}

/// A setting that is too small fails, and the smallest that survives is found above it.
#[test]
fn too_small_a_setting_fails() {
    let Some(case) = Case::new(TAKES, "20\n200\n") else { return };
    let (json, proven) = case.json(&["--memory", "140"]);
    assert_eq!(json["recommended_mb"], 140);
    if proven {
        assert_eq!(json["passed"], false);
        assert!(
            json["message"].as_str().is_some_and(|text| text.contains("event 2 does not survive 140 MB")),
            "{json}"
        );
        assert_eq!((&json["events"][0]["survived"], &json["events"][1]["survived"]), (&true.into(), &false.into()));
        assert_eq!(json["events"][1]["limited_outcome"], "out-of-memory");
        let smallest = json["smallest_surviving_mb"].as_u64().expect("a setting");
        assert!((200..=280).contains(&smallest), "{smallest}");
    }
}

/// What stays from one event to the next counts: a cache that grows is proven in one process.
#[test]
fn memory_that_stays_counts() {
    let source = "held = []\ndef handler(event, context):\n    held.append(bytearray(b'1') * (event << 20))\n    return len(held)\n";
    let Some(case) = Case::new(source, "80\n80\n80\n") else { return };
    let (json, proven) = case.json(&[]);
    let recommended = json["recommended_mb"].as_u64().expect("a setting");
    assert!(recommended >= 260, "three times 80 MB: {recommended}");
    assert_eq!(json["passed"], proven);
    let (json, proven) = case.json(&["--memory", "200"]);
    assert!(!proven || json["passed"] == false, "each alone fits into 200 MB, all of them do not");
}

/// A handler that raises does so with and without a limit: that is no failure of the setting.
#[test]
fn what_raises_anyway_is_no_failure_of_the_setting() {
    let source = "def handler(event, context):\n    raise ValueError(event)\n";
    let Some(case) = Case::new(source, "1\n") else { return };
    let (json, proven) = case.json(&[]);
    assert_eq!(
        (&json["events"][0]["outcome"], &json["passed"]),
        (&"error".into(), &proven.into()),
        "{}",
        json["message"]
    );
    let Some(case) = Case::new("import no_such\ndef handler(event, context):\n    pass\n", "1\n") else { return };
    let (json, _) = case.json(&[]);
    assert_eq!(json["passed"], false);
    assert!(
        json["message"].as_str().is_some_and(|text| text.contains("nothing is recommended")),
        "{}",
        json["message"]
    );
}

/// Without a limit nothing is proven.
#[test]
fn without_a_limit_nothing_is_proven() {
    let Some(case) = Case::new(TAKES, "1\n") else { return };
    let (json, proven) = case.json(&["--limit-by", "none"]);
    assert!(!proven && json["limit"]["kind"] == "none");
    let (code, text, _) = case.run(&["--limit-by", "none"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("FAILED: not proven"), "{text}");
}

/// A debloated package stands beside the whole one.
#[test]
fn a_debloated_package_side_by_side() {
    let source = "held = bytearray(b'1') * (150 << 20)\ndef handler(event, context):\n    return event\n";
    let Some(case) = Case::new(source, "1\n") else { return };
    fs::create_dir_all(case.0.join("slim")).expect("a folder");
    fs::write(case.0.join("slim/app.py"), "def handler(event, context):\n    return event\n").expect("a file");
    let (json, proven) = case.json(&["--debloated", "slim"]);
    assert_eq!(json["passed"], proven);
    let bytes = |proof: &Value| proof["footprint_bytes"].as_u64().expect("bytes");
    assert!(bytes(&json) > bytes(&json["debloated"]) + (140 << 20));
    assert_eq!(json["debloated"]["recommended_mb"], 128);
    let (_, text, _) = case.run(&["--debloated", "slim"]);
    assert!(text.contains("as it is") && text.contains("cold start ms"), "{text}");
    let (code, _, errors) = case.run(&["--debloated", "absent"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("does not hold the handler's file"), "{errors}");
}

#[test]
fn bad_input() {
    let Some(case) = Case::new(TAKES, "1\n") else { return };
    for (words, said) in [
        (vec!["--memory", "64"], "is no setting"),
        (vec!["--percentile", "101"], "--percentile"),
        (vec!["--handler", "absent"], "absent"),
        (vec!["--python", "no-such-python"], "no-interpreter"),
    ] {
        let (code, _, errors) = case.run(&words);
        assert_eq!(code, Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {errors}");
    }
}

/// The form of JSON is checked in. `UPDATE_SCHEMAS=1` writes it anew.
#[test]
fn the_schema_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/validate.schema.json");
    let text = format!("{:#}\n", meminterface::cli::validate::json_schema());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &text).expect("it is written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "run this test with UPDATE_SCHEMAS=1");
}
