//! `meminterface recommend` as a user meets it: a setting from a measurement, what is said without one, the template's
//! edit.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

#[path = "common/folder.rs"]
mod folder;
use folder::outcome;

/// A folder of its own.
struct Folder(folder::Folder);

impl Folder {
    fn new() -> Self {
        Self(folder::Folder::new("recommend"))
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        outcome(command.arg("recommend").args(words).current_dir(&*self.0))
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let (code, out, errors) = self.run(&[words, &["--format", "json"]].concat());
        assert_eq!(code, Some(0), "{errors}");
        serde_json::from_str(&out).expect("JSON")
    }

    /// A measurement as `measure` writes it: (resident MB of each event, wall ms, CPU ms).
    fn measurement(&self, name: &str, entry: &str, peaks: &[u64], wall: f64, cpu: f64) {
        let start =
            json!({"wall_ms": 200.0, "cpu_ms": 200.0, "peak_resident_bytes": 20 << 20, "end_resident_bytes": 20 << 20});
        let invocation = |(n, mb): (usize, &u64)| {
            json!({"event": n + 1, "name": null, "concurrent": 1, "outcome": "ok", "wall_ms": wall, "cpu_ms": cpu,
                   "peak_resident_bytes": mb << 20})
        };
        let document = json!({
            "schema": {"name": "meminterface.measure", "version": 1},
            "handler": {"file": "app.py", "entry": entry, "platform": "aws-lambda"},
            "outcome": "ok", "message": "", "limit": {"enforced": true}, "client": {"name": "awslambdaric"},
            "init": start, "restarts": [], "invocations": peaks.iter().enumerate().map(invocation).collect::<Vec<_>>(),
        });
        self.write(name, &document.to_string());
    }
}

impl Deref for Folder {
    type Target = folder::Folder;

    fn deref(&self) -> &folder::Folder {
        &self.0
    }
}
const HANDLER: &str = "def handler(event, context):\n    return 1\n";

/// From a measurement: the smallest setting that holds it with headroom, its cost, the curve.
#[test]
fn from_a_measurement() {
    let folder = Folder::new();
    folder.write("app.py", HANDLER);
    // What is billed is half a millisecond more, on average.
    folder.measurement("m.json", "app.handler", &[200, 300], 999.5, 0.0);
    let found = folder.json(&["app.py", "--measured", "m.json", "--cold-start-rate", "0"]);
    assert_eq!(found["schema"], json!({"name": "meminterface.recommend", "version": 1}));
    assert_eq!((&found["memory_mb"], &found["basis"]), (&json!(330), &json!("measured")));
    assert_eq!(found["footprint_bytes"], 300 << 20);
    // A second at 330 MB: 330/1024 GB-seconds and a request.
    let expected = 330.0 / 1024.0 * 16.6667 + 0.2;
    let cost = found["costs"]["million_usd"].as_f64().expect("a cost");
    assert!((cost - expected).abs() < 0.001, "{cost} and not {expected}");
    let curve = found["curve"].as_array().expect("a curve");
    assert!(curve.iter().any(|point| point["memory_mb"] == 256 && point["fits"] == false));
    assert!(curve.iter().any(|point| point["memory_mb"] == 330 && point["fits"] == true));

    let median =
        folder.json(&["app.py", "--measured", "m.json", "--percentile", "50", "--headroom", "0%", "--step", "64"]);
    assert_eq!(median["memory_mb"], 256, "200 MB, in steps of 64");
    let arm = folder.json(&["app.py", "--measured", "m.json", "--arch", "arm64", "--cold-start-rate", "0"]);
    let cost = arm["costs"]["million_usd"].as_f64().expect("a cost");
    assert!((cost - (330.0 / 1024.0 * 13.3334 + 0.2)).abs() < 0.001, "{cost}");
    let flex = folder.json(&["app.py", "--measured", "m.json", "--platform", "azure-flex"]);
    assert_eq!(flex["memory_mb"], 512);
}

/// More memory is more processor: what is worth it depends on what the handler does with its time.
#[test]
fn strategies_and_the_curve() {
    let folder = Folder::new();
    folder.write("app.py", HANDLER);
    folder.measurement("cpu.json", "app.handler", &[64], 1000.0, 1000.0);
    let of = |strategy: &str| folder.json(&["app.py", "--measured", "cpu.json", "--strategy", strategy]);
    assert_eq!(of("cost")["memory_mb"], 128);
    for strategy in ["speed", "balanced"] {
        let mb = of(strategy)["memory_mb"].as_u64().expect("a setting");
        assert!((1700..1800).contains(&mb), "{strategy}: a whole vCPU is at 1,769 MB, and not at {mb}");
    }
    let found = of("cost");
    let at = |mb: u64| {
        let curve = found["curve"].as_array().expect("a curve");
        curve
            .iter()
            .find(|point| point["memory_mb"] == mb)
            .map_or(0.0, |point| point["duration_ms"].as_f64().unwrap_or(0.0))
    };
    assert!((at(1769) - 1000.0).abs() < 1.0 && (at(256) - 1000.0 * 1769.0 / 256.0).abs() < 1.0);
    assert_eq!(at(1769), at(10_240), "one thread gets no faster");
    let (_, text, _) = folder.run(&["app.py", "--measured", "cpu.json", "--plot", "plot.html"]);
    assert!(text.contains("<- recommended") && text.contains("tips at"), "{text}");
    let page = folder.read("plot.html");
    assert!(page.contains("<svg") && !page.contains("<script") && !page.contains("http"), "it stands alone");
}

/// Without a measurement a number is given only where inputs or bounds are known; the rest is named.
#[test]
fn before_anything_ran() {
    let folder = Folder::new();
    folder.write("app.py", "import boto3, json, no_such_package\ns3 = boto3.client('s3')\ndef handler(event, context):\n    return s3.get_object(Bucket='b', Key=event['k'])['Body'].read()\n");
    let found = folder.json(&["app.py"]);
    assert_eq!((&found["memory_mb"], &found["basis"]), (&Value::Null, &json!("predicted")));
    let baseline = found["baseline_bytes"].as_u64().expect("a baseline");
    assert!((40 << 20..80 << 20).contains(&baseline), "boto3 and a client of S3: {baseline}");
    let unknown = found["unknown"].to_string();
    assert!(unknown.contains("no_such_package") && !unknown.contains("json\""), "{unknown}");
    assert!(found["assumptions"].to_string().contains("shipped import footprints"));
    let ignore = folder.json(&["app.py", "--assume-unknown", "ignore"]);
    assert!(ignore["memory_mb"].as_u64().is_some_and(|mb| mb >= 128));
    assert_eq!(folder.json(&["app.py", "--assume-unknown", "worst"])["memory_mb"], 10_240);
}

/// A number of the event that nothing bounds decides the memory.
const SQUARE: &str = "def handler(event, context):\n    data = bytearray(8 * event['n'] ** 2)\n    data[:] = b'1' * len(data)\n    return len(data)\n";

/// Without inputs: the formula, the largest input that each setting carries, what is unknown, and a workload to fill in.
#[test]
fn without_inputs_the_largest_input_of_each_setting_is_told() {
    let folder = Folder::new();
    folder.write("app.py", "def handler(event, context):\n    return len([0] * event['n'])\n");
    let found = folder.json(&["app.py", "--headroom", "0%"]);
    assert_eq!(found["memory_mb"], Value::Null);
    assert!(found["formula"].as_str().is_some_and(|text| text.contains("event[\"n\"]")), "{}", found["formula"]);
    let baseline = found["baseline_bytes"].as_u64().expect("a baseline");
    let carries = found["carries"].as_array().expect("a list");
    for mb in [128_u64, 512, 2048] {
        let row = carries.iter().find(|row| row["memory_mb"] == mb).unwrap_or_else(|| panic!("{mb}: {carries:?}"));
        assert_eq!((&row["input"], &row["given"]), (&json!("event[\"n\"]"), &json!("")));
        let largest: u64 = row["largest"].as_str().and_then(|text| text.parse().ok()).expect("a number");
        // A list of n takes 8 bytes for each.
        let room = (mb << 20) - baseline;
        assert!((8 * largest).abs_diff(room) < 4096, "{mb} MB: {largest} for {room}");
    }
    assert!(found["unknown"].to_string().contains("part of the event"), "{}", found["unknown"]);

    let (code, text, _) = folder.run(&["app.py", "--write-workload", "w.toml"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("fits up to       event[\"n\"] = ") && text.contains("[inputs.\"event[\\\"n\\\"]\"]"),
        "{text}"
    );
    let workload: toml::Table = folder.read("w.toml").parse().expect("TOML");
    assert_eq!(workload["schema"]["name"].as_str(), Some("meminterface.workload"));
    assert!(workload["inputs"].get("event[\"n\"]").is_some(), "{workload:?}");
}

/// With events the resident peak of each is predicted, and the percentile of them decides.
#[test]
fn events_decide_before_anything_ran() {
    let folder = Folder::new();
    folder.write("app.py", "def handler(event, context):\n    return len([0] * event['n'])\n");
    // 8 bytes each: 80 MB, and once 800 MB.
    let events = "{\"n\": 10485760}\n".repeat(9) + "{\"n\": 104857600}\n";
    folder.write("events.jsonl", &events);
    let found = folder.json(&["app.py", "--events", "events.jsonl", "--headroom", "0%"]);
    let mb = found["memory_mb"].as_u64().expect("a setting");
    assert!((812..830).contains(&mb), "800 MB and an interpreter: {mb}");
    let most = folder.json(&["app.py", "--events", "events.jsonl", "--headroom", "0%", "--percentile", "90"]);
    assert_eq!(most["memory_mb"], 128, "nine of ten need 80 MB and an interpreter");
    folder.write("one.json", "{\"n\": 41943040}");
    let one = folder.json(&["app.py", "--event", "one.json"]);
    assert!(
        one["memory_mb"].as_u64().is_some_and(|mb| (360..390).contains(&mb)),
        "320 MB and more: {}",
        one["memory_mb"]
    );
}

/// What the modules hold themselves is part of the baseline.
#[test]
fn module_level_objects_count() {
    let folder = Folder::new();
    folder.write("app.py", "TABLE = [0] * (20 << 20)\ndef handler(event, context):\n    return len(TABLE)\n");
    let found = folder.json(&["app.py", "--headroom", "0%"]);
    assert!(
        found["memory_mb"].as_u64().is_some_and(|mb| (172..185).contains(&mb)),
        "160 MB and an interpreter: {found}"
    );
    assert!(found["drivers"].to_string().contains("module-level objects"));
}

/// What the platform and the template's events bound is known: no more records than a batch has.
#[test]
fn a_batch_bounds_what_is_needed() {
    let folder = Folder::new();
    folder
        .write("app.py", "def handler(event, context):\n    return [bytes(1 << 20) for record in event['Records']]\n");
    let template = |properties: &str| {
        format!(
            "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: \
             AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      Handler: app.handler\n      Runtime: \
             python3.11\n      Events:\n        Queue:\n          Type: SQS\n          Properties:\n            Queue: \
             arn:aws:sqs:us-east-1:1:q\n{properties}"
        )
    };
    folder.write("template.yaml", &template("            BatchSize: 1000\n"));
    let found = folder.json(&["template.yaml", "--headroom", "0%"]);
    let assumed = found["assumptions"].to_string();
    assert!(assumed.contains("at most 1000 records (the template's batch size)"), "{assumed}");
    folder.write("template.yaml", &template(""));
    let found = folder.json(&["template.yaml", "--headroom", "0%"]);
    let assumed = found["assumptions"].to_string();
    assert!(assumed.contains("at most 10 records (the default batch size)"), "{assumed}");
    assert_eq!(found["memory_mb"], 128, "ten times a megabyte: {found}");
}

/// With a measurement and events: the measured baseline and times, the predicted peaks.
#[test]
fn a_measured_baseline_takes_the_place_of_the_estimate() {
    let folder = Folder::new();
    folder.write("app.py", "import no_such_package\ndef handler(event, context):\n    return len([0] * event['n'])\n");
    folder.measurement("m.json", "app.handler", &[90], 100.0, 100.0);
    folder.write("one.json", "{\"n\": 41943040}");
    let found = folder.json(&["app.py", "--measured", "m.json", "--event", "one.json", "--headroom", "0%"]);
    assert_eq!(found["baseline_bytes"], 20 << 20, "as measured");
    assert!(found["memory_mb"].as_u64().is_some_and(|mb| (340..350).contains(&mb)), "20 and 320 MB: {found}");
    assert!(found["costs"].is_object() && !found["unknown"].to_string().contains("no_such_package"), "{found}");
}

const TEMPLATE: &str = "# A comment.\nAWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::Serverless-2016-10-31\n\
                        Globals:\n  Function:\n    MemorySize: 1024 # shared\n    Runtime: python3.11\nResources:\n  A:\n    \
                        Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      Handler: a.handler\n      \
                        MemorySize:   512   # of A\n      Timeout: 3\n  B:\n    Type: AWS::Serverless::Function\n    \
                        Properties: # none of its own\n      CodeUri: .\n      Handler: 'b.handler' # here\n  C:\n    Type: \
                        AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      Handler: c.handler\n";

/// `--apply` changes the settings that are recommended, and not a byte else.
#[test]
fn apply_keeps_comments_and_layout() {
    let folder = Folder::new();
    for name in ["a", "b", "c"] {
        folder.write(&format!("{name}.py"), SQUARE);
    }
    folder.write("template.yaml", TEMPLATE);
    for (name, mb) in [("a", 200), ("b", 300)] {
        folder.measurement(&format!("{name}.json"), &format!("{name}.handler"), &[mb], 10.0, 0.0);
        let text = folder.read(&format!("{name}.json")).replace("app.py", &format!("{name}.py"));
        folder.write(&format!("{name}.json"), &text);
    }
    let (code, _, errors) = folder.run(&["template.yaml", "--measured", "a.json", "--measured", "b.json", "--apply"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(errors.contains("a.handler now has 220 MB") && errors.contains("c.handler: no setting"), "{errors}");
    let expected = TEMPLATE
        .replace("MemorySize:   512   # of A", "MemorySize:   220   # of A")
        .replace("      Handler: 'b.handler' # here\n", "      Handler: 'b.handler' # here\n      MemorySize: 330\n");
    assert_eq!(folder.read("template.yaml"), expected, "B gets a setting of its own: the global one is C's too");
    let (_, _, again) = folder.run(&["template.yaml", "--measured", "a.json", "--measured", "b.json", "--apply"]);
    assert!(again.contains("a.handler has 220 MB already"), "{again}");
    assert_eq!(folder.read("template.yaml"), expected);
}

/// serverless.yml has its own word, and Windows its own line ends.
#[test]
fn apply_to_serverless_with_other_line_ends() {
    let folder = Folder::new();
    folder.write("app.py", HANDLER);
    let template = "service: s\r\nprovider:\r\n  name: aws\r\n  runtime: python3.11\r\nfunctions:\r\n  hello:\r\n    \
                    handler: app.handler\r\n    timeout: 5 # s\r\n";
    folder.write("serverless.yml", template);
    folder.measurement("m.json", "app.handler", &[200], 10.0, 0.0);
    let (code, _, errors) = folder.run(&["serverless.yml", "--measured", "m.json", "--apply"]);
    assert_eq!(code, Some(0), "{errors}");
    let expected =
        template.replace("    handler: app.handler\r\n", "    handler: app.handler\r\n    memorySize: 220\r\n");
    assert_eq!(folder.read("serverless.yml"), expected);
}

/// What cannot be edited safely is left as it is, with a message.
#[test]
fn apply_refuses_what_it_cannot_do_safely() {
    let folder = Folder::new();
    folder.write("app.py", HANDLER);
    folder.measurement("m.json", "app.handler", &[200], 10.0, 0.0);
    let (code, _, errors) = folder.run(&["app.py", "--measured", "m.json", "--apply"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("cannot-apply") && errors.contains("no template"), "{errors}");
    let flow = "Transform: AWS::Serverless-2016-10-31\nResources: {F: {Type: 'AWS::Serverless::Function', Properties: \
                {CodeUri: ., Runtime: python3.11, Handler: app.handler}}}\n";
    folder.write("template.yaml", flow);
    let (code, _, errors) = folder.run(&["template.yaml", "--measured", "m.json", "--apply"]);
    assert_eq!((code, folder.read("template.yaml").as_str()), (Some(2), flow), "{errors}");
    let reference = "Transform: AWS::Serverless-2016-10-31\nParameters:\n  Size:\n    Type: Number\n    Default: \
                     512\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      \
                     Runtime: python3.11\n      Handler: app.handler\n      MemorySize: !Ref Size\n";
    folder.write("template.yaml", reference);
    let (code, _, errors) = folder.run(&["template.yaml", "--measured", "m.json", "--apply"]);
    let after = folder.read("template.yaml");
    assert!(code == Some(2) && after == reference, "a second `MemorySize` would be no template: {errors}\n{after}");
}

#[test]
fn bad_input() {
    let folder = Folder::new();
    folder.write("app.py", HANDLER);
    folder.measurement("m.json", "app.handler", &[200], 10.0, 0.0);
    folder.measurement("other.json", "other.handler", &[200], 10.0, 0.0);
    folder.write("text.json", "no JSON");
    folder.write("schema.json", "{\"schema\": {\"name\": \"meminterface.cfg\", \"version\": 1}}");
    let failed = folder.read("m.json").replace("\"outcome\":\"ok\",\"message\"", "\"outcome\":\"timeout\",\"message\"");
    folder.write("failed.json", &failed);
    for (words, said) in [
        (vec!["app.py", "--measured", "absent.json"], "absent.json"),
        (vec!["app.py", "--measured", "text.json"], "is no measurement"),
        (vec!["app.py", "--measured", "schema.json"], "another schema"),
        (vec!["app.py", "--measured", "failed.json"], "timeout"),
        (vec!["app.py", "--measured", "other.json"], "other.handler"),
        (vec!["app.py", "--percentile", "0"], "--percentile"),
        (vec!["app.py", "--percentile", "nan"], "--percentile"),
        (vec!["app.py", "--headroom", "much"], "--headroom"),
        (vec!["app.py", "--cold-start-rate", "2"], "--cold-start-rate"),
        (vec!["app.py", "--arch", "riscv"], "riscv"),
        (vec!["app.py", "--platform", "mars"], "mars"),
        (vec!["app.py", "--step", "0"], "--step"),
        (vec!["absent.py"], "absent.py"),
    ] {
        let (code, _, errors) = folder.run(&words);
        assert_eq!(code, Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {errors}");
    }
}

/// The form of JSON is checked in. `UPDATE_SCHEMAS=1` writes it anew.
#[test]
fn the_schema_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas/recommend.schema.json");
    let text = format!("{:#}\n", meminterface::cli::recommend::json_schema());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &text).expect("it is written");
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text, "run this test with UPDATE_SCHEMAS=1");
}

/// `recommend`, `check` and `listing` read one footprint: a function has one setting, whoever is asked.
#[test]
fn every_verb_recommends_the_same_setting() {
    let folder = Folder::new();
    folder.write(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Table:\n    Type: AWS::Serverless::Function\n    \
         Properties: {CodeUri: ., Handler: app.handler, Runtime: python3.12, MemorySize: 1024}\n",
    );
    // Objects of the module, an import within the function, and a text that the platform bounds.
    folder.write(
        "app.py",
        "import json\n\nTABLE = bytearray(150_000_000)\n\n\ndef handler(event, context):\n    import numpy as np\n    \
         text = event[\"body\"].encode() * 2\n    return len(text) + len(TABLE)\n",
    );
    let recommended = folder.json(&["template.yaml"])["memory_mb"].clone();
    let mb = recommended.as_u64().expect("a setting");
    assert!((180..300).contains(&mb), "143 MB of the module, numpy, and the interpreter: {mb}");
    let ask = |verb: &str, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.arg(verb).args(words).current_dir(&*folder.0).env("MEMINTERFACE_CACHE", folder.join(".cache"));
        let (_, out, errors) = outcome(&mut command);
        assert!(!out.is_empty() || errors.is_empty(), "{errors}");
        out
    };
    ask("check", &["template.yaml", "--write-state", "state.json"]);
    let state: Value = serde_json::from_str(&folder.read("state.json")).expect("JSON");
    assert_eq!(state["functions"][0]["recommended_mb"], recommended);
    let listing: Value = serde_json::from_str(&ask("listing", &["template.yaml", "--format", "json"])).expect("JSON");
    let setting = &listing["functions"][0]["setting"]["recommended_mb"]["value"];
    assert_eq!(setting.as_f64(), Some(mb as f64), "{listing:#}");
}
