//! The whole line on an example of the repository: its interface is extracted, it is trimmed, a setting is recommended for
//! the trimmed package, and all of that is validated.
#![cfg(target_os = "linux")]

#[path = "common/folder.rs"]
mod folder;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use folder::{Folder, outcome};
use serde_json::Value;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let at = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &at);
        } else {
            fs::copy(entry.path(), at).expect("a file");
        }
    }
}

struct Case {
    folder: Folder,
}

impl Case {
    /// The command's exit code, standard output and standard error.
    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.args(words).current_dir(&self.folder.0).env("XDG_CACHE_HOME", self.folder.0.join("cache"));
        outcome(&mut command)
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.folder.read(path)).expect("JSON")
    }
}

#[test]
fn extract_debloat_recommend_validate() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let case = Case { folder: Folder::new("debloat-line") };
    // An example that needs nothing but Python. One that takes much and uses little is made of it: its module imports
    // what no event needs.
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/text-stats");
    copy(&example, &case.folder.0.join("code"));
    let app = case.folder.read("code/app.py");
    let heavy = "import asyncio\nimport email.mime.multipart\nimport unittest.mock\nimport xml.dom.minidom\n";
    // Behind the docstring.
    let (docstring, rest) = app.split_once("\n\n").expect("a docstring");
    case.folder.write("code/app.py", &format!("{docstring}\n\n{heavy}{rest}"));

    // Extract: the interface of the original.
    let (code, interface, errors) = case.run(&["extract", "code/template.yaml", "--format", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    let interface: Value = serde_json::from_str(&interface).expect("JSON");
    assert_eq!(interface["schema"]["name"], "meminterface.interface");

    // Debloat.
    // Two of its events: each is run many times.
    let all = case.json("code/events.json");
    let tests: Vec<&Value> = all["tests"].as_array().into_iter().flatten().take(2).collect();
    assert_eq!(tests.len(), 2);
    case.folder.write("few.json", &serde_json::json!({"tests": tests}).to_string());
    let given = ["--events", "few.json", "--runtime-client", "minimal"];
    let mut words = vec!["debloat", "code/template.yaml", "-o", "slim", "--runs", "2"];
    words.extend(given);
    let (code, text, errors) = case.run(&words);
    assert_eq!(code, Some(0), "{text}{errors}");
    let report = case.json("slim/report.json");
    assert_eq!(report["events_equal"], true);
    let median = |side: &str, figure: &str| report[side][figure]["median"].as_f64().unwrap_or_default();
    for figure in ["init_cpu_ms", "footprint_mb"] {
        assert!(median("after", figure) < median("before", figure), "{figure}: {report:#}");
    }
    let predicted = case.json("slim/manifest.json")["predicted_baseline_bytes"].as_u64().expect("a prediction");
    assert_eq!(report["predicted_baseline_bytes"].as_u64(), Some(predicted));

    // Recommend: the manifest's baseline is what the recommendation starts from.
    let recommend = |path: &str| {
        let words = ["recommend", path, "--events", "few.json", "--format", "json"];
        let (code, text, errors) = case.run(&words);
        assert_eq!(code, Some(0), "{text}{errors}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let after = recommend("slim/template.yaml");
    let texts = after.to_string();
    assert!(texts.contains("what the trimmed package's manifest predicts"), "{after:#}");
    assert!(texts.contains(&predicted.to_string()), "{predicted}: {after:#}");
    assert!(!recommend("code/template.yaml").to_string().contains("manifest"));

    // Validate: both packages, and the manifest's prediction of the second.
    let mut words = vec!["validate", "code/template.yaml", "--debloated", "slim", "--format", "json"];
    words.extend(given);
    let (code, text, errors) = case.run(&words);
    let proof: Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(matches!(code, Some(0 | 1)), "{text}{errors}");
    let message = proof["message"].as_str().unwrap_or_default();
    assert!(!message.contains("the manifest predicts"), "{message}");
    assert_eq!(proof["debloated"]["predicted_baseline_bytes"].as_u64(), Some(predicted));
    let baseline = |of: &Value| of["baseline_bytes"].as_f64().unwrap_or_default();
    let measured = baseline(&proof["debloated"]);
    assert!((measured - predicted as f64).abs() <= 0.1 * measured, "{measured} {predicted}");
    assert!(measured < baseline(&proof), "{measured} {}", baseline(&proof));
    let events = |of: &Value| of["events"].as_array().map_or(0, Vec::len);
    assert_eq!((events(&proof), events(&proof["debloated"])), (2, 2));

    // A prediction that is wrong is found.
    let mut manifest = case.json("slim/manifest.json");
    manifest["predicted_baseline_bytes"] = (predicted * 2).into();
    case.folder.write("slim/manifest.json", &manifest.to_string());
    case.folder.write("few.json", &serde_json::json!({"tests": tests.get(..1)}).to_string());
    let (_, text, errors) = case.run(&words);
    let proof: Value = serde_json::from_str(&text).unwrap_or_default();
    let message = proof["message"].as_str().unwrap_or_default();
    assert!(message.contains("the manifest predicts a baseline of"), "{message}{errors}");
}
