//! `meminterface listing` as a publisher meets it: metadata and its limits, the memory section, `--apply`, comparing.
//! docs/LISTING.md describes it.

use std::fs;
use std::ops::Deref;
use std::process::Command;

use serde_json::{Value, json};

#[path = "common/folder.rs"]
mod folder;
use folder::outcome;

/// A folder of its own, which looks like a repository's top.
struct Folder(folder::Folder);

impl Folder {
    fn new() -> Self {
        let folder = folder::Folder::new("listing");
        fs::create_dir_all(folder.join(".git")).expect("a folder");
        Self(folder)
    }

    /// One with a template and its function.
    fn application(template: &str) -> Self {
        let folder = Self::new();
        folder.write("template.yaml", template);
        folder.write("app.py", HANDLER);
        folder
    }

    fn run(&self, words: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meminterface"));
        command.arg("listing").args(words).current_dir(&*self.0).env("MEMINTERFACE_CACHE", self.join(".cache"));
        outcome(&mut command)
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let (code, out, errors) = self.run(&[words, &["--format", "json"]].concat());
        assert_eq!(code, Some(0), "{errors}");
        serde_json::from_str(&out).expect("JSON")
    }

    /// A measurement as `measure` writes it: (resident MB, wall ms) of each event.
    fn measurement(&self, name: &str, events: &[(u64, f64)]) {
        let start =
            json!({"wall_ms": 200.0, "cpu_ms": 200.0, "peak_resident_bytes": 30 << 20, "end_resident_bytes": 30 << 20});
        let invocation = |(n, (mb, ms)): (usize, &(u64, f64))| {
            json!({"event": n + 1, "name": format!("e{n}"), "concurrent": 1, "outcome": "ok", "wall_ms": ms, "cpu_ms": ms,
                   "peak_resident_bytes": mb << 20})
        };
        let document = json!({
            "schema": {"name": "meminterface.measure", "version": 1},
            "handler": {"file": "app.py", "entry": "app.handler", "platform": "aws-lambda"},
            "outcome": "ok", "message": "", "limit": {"enforced": true}, "client": {"name": "awslambdaric"},
            "init": start, "restarts": [], "invocations": events.iter().enumerate().map(invocation).collect::<Vec<_>>(),
        });
        self.write(name, &document.to_string());
    }

    /// A record as `validate` writes it.
    fn validation(&self, name: &str, handler: &str) {
        let document = json!({
            "schema": {"name": "meminterface.validate", "version": 1},
            "tool_version": "0.1.0", "measured_at": 1_795_219_200_u64, "kernel": "6.1.0", "handler": handler,
            "python": "3.12.1", "proven": true, "passed": true, "message": "", "recommended_mb": 128,
            "smallest_surviving_mb": 99, "events": [{"name": "e0", "error": -0.04}, {"name": "e1", "error": 0.02}],
            "footprint_bytes": 100 << 20, "init_ms": 321.0,
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
const HANDLER: &str =
    "import numpy as np\n\n\ndef handler(event, context):\n    return float(np.ones(event[\"n\"]).sum())\n";

const RESOURCES: &str = "\
Resources:
  Sums:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      MemorySize: 512
";

fn template(head: &str) -> String {
    format!("AWSTemplateFormatVersion: '2010-09-09'\nTransform: AWS::Serverless-2016-10-31\n{head}{RESOURCES}")
}

/// A template whose block has these lines.
fn with_block(lines: &[&str]) -> String {
    let rows: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    template(&format!("Metadata:\n  AWS::ServerlessRepo::Application:\n{rows}"))
}

const GOOD: [&str; 3] = ["Name: sums", "Description: Sums numbers.", "Author: jane"];

// ---- metadata: every published limit has its own message ------------------------------------------------------------

#[track_caller]
fn says(lines: &[&str], code: i32, parts: &[&str]) {
    let folder = Folder::application(&with_block(lines));
    folder.write("LICENSE", "MIT License\n");
    let (found, _, errors) = folder.run(&["template.yaml", "--format", "metadata"]);
    assert_eq!(found, Some(code), "{lines:?}\n{errors}");
    for part in parts {
        assert!(errors.contains(part), "{lines:?}\n{part}\n{errors}");
    }
}

#[test]
fn required_properties() {
    says(&GOOD, 0, &[]);
    says(&GOOD[..2], 2, &["`Author` is required, and is not there", "--author"]);
    says(&["Name: ''", "Description: d", "Author: a"], 2, &["`Name` is empty", "template.yaml:5:11"]);
    says(&["Name:", "Description: d", "Author: a"], 2, &["`Name` is empty"]);
    let folder = Folder::new();
    folder.write("template.yaml", &template(""));
    folder.write("app.py", HANDLER);
    let (code, _, errors) = folder.run(&["template.yaml", "--format", "metadata"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("`Description` is required") && errors.contains("`Author` is required"), "{errors}");
}

#[test]
fn lengths_and_characters() {
    let long = |key: &str, count: usize| format!("{key}: {}", "a".repeat(count));
    let name = long("Name", 141);
    says(
        &[&name, GOOD[1], GOOD[2]],
        2,
        &["`Name` has 141 characters, and at most 140 are allowed", "template.yaml:5:11"],
    );
    let description = long("Description", 257);
    says(&[GOOD[0], &description, GOOD[2]], 2, &["`Description` has 257 characters, and at most 256"]);
    let author = long("Author", 128);
    says(&[GOOD[0], GOOD[1], &author], 2, &["`Author` has 128 characters, and at most 127"]);
    for (count, key) in [(140, "Name"), (256, "Description"), (127, "Author")] {
        let mut lines = GOOD.map(str::to_owned);
        for line in &mut lines {
            if line.starts_with(key) {
                *line = long(key, count);
            }
        }
        says(&lines.each_ref().map(String::as_str), 0, &[]);
    }
    says(&["Name: my app", GOOD[1], GOOD[2]], 2, &["`Name` is `my app`: ` ` is not allowed", "`my-app`"]);
    says(&[GOOD[0], GOOD[1], "Author: Jane"], 2, &["`Author` is `Jane`, which the pattern", "`jane`"]);
    says(&[GOOD[0], GOOD[1], "Author: a--b"], 2, &["single hyphens"]);
}

#[test]
fn labels() {
    let with = |labels: &str| [GOOD[0].to_owned(), GOOD[1].to_owned(), GOOD[2].to_owned(), labels.to_owned()];
    let check =
        |labels: &str, code: i32, parts: &[&str]| says(&with(labels).each_ref().map(String::as_str), code, parts);
    check("Labels: ['a', 'b/c', 'd:e', 'f@g', 'h+i', 'j_k', 'l-m']", 0, &[]);
    check("Labels: [a, b, c, d, e, f, g, h, i, j]", 0, &[]);
    check("Labels: [a, b, c, d, e, f, g, h, i, j, k]", 2, &["there are 11 labels, and at most 10 are allowed"]);
    check("Labels: ['a b']", 2, &["the label `a b` does not fit"]);
    check("Labels: [a, a]", 2, &["the label `a` is there twice"]);
    check("Labels: one", 2, &["`Labels` is one text, and not a list"]);
    check(&format!("Labels: [{}]", "x".repeat(128)), 2, &["a label has 128 characters, and at most 127"]);
}

#[test]
fn licences_versions_and_addresses() {
    let check = |line: &str, code: i32, parts: &[&str]| says(&[GOOD[0], GOOD[1], GOOD[2], line], code, parts);
    check("SpdxLicenseId: Apache-2.0", 0, &[]);
    check("SpdxLicenseId: Apache 2.0", 2, &["`Apache 2.0` is no licence identifier of SPDX", "Apache-2.0"]);
    check("SemanticVersion: 1.2.0-beta.1", 0, &[]);
    check("SemanticVersion: v1.2.0", 2, &["`SemanticVersion` is `v1.2.0`, which is no semantic version"]);
    check("SemanticVersion: 1.0", 2, &["is a number for YAML", "\"1.0\""]);
    check("HomePageUrl: example.com", 2, &["`HomePageUrl` is `example.com`, which is no address"]);
    check("SourceCodeUrl: git@github.com:a/b", 2, &["`SourceCodeUrl`", "no address"]);
    check("LicenseUrl: LICENSE", 0, &[]);
    check("LicenseUrl: absent.txt", 2, &["`LicenseUrl` names `absent.txt`, which is not there", "template.yaml:8:17"]);
    check("ReadmeUrl: .", 2, &["which is no file"]);
    check("ReadmeUrl: s3://bucket/README.md", 0, &[]);
    check("ReadmeUrl: ftp://x/README.md", 2, &["a file of the project or an S3 address is needed"]);
    says(
        &[GOOD[0], GOOD[1], GOOD[2], "LicenseBody: MIT", "LicenseUrl: LICENSE"],
        2,
        &["both `LicenseBody` and `LicenseUrl`"],
    );
    let folder = Folder::application(&with_block(&[GOOD[0], GOOD[1], GOOD[2], "ReadmeUrl: big.md"]));
    folder.write("big.md", &"x".repeat((5 << 20) + 1));
    let (code, _, errors) = folder.run(&["template.yaml", "--format", "metadata"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("`big.md` has 5242881 bytes, and at most 5 MB are allowed"), "{errors}");
}

/// What `sam publish` would pass over without a word.
#[test]
fn what_the_official_tool_loses() {
    says(
        &[GOOD[0], GOOD[1], GOOD[2], "Licence: MIT"],
        2,
        &["the repository has no property `Licence`", "passes it over"],
    );
    says(&[GOOD[0], GOOD[1], "Author: !Ref Who"], 2, &["`Author` is `!Ref`: intrinsic functions do not work here"]);
    says(&[GOOD[0], GOOD[1], "Author: {Ref: Who}"], 2, &["`Author` is `Ref`"]);
    says(&["Name: true", GOOD[1], GOOD[2]], 2, &["`Name` is a truth value for YAML", "\"true\""]);
    let misplaced =
        format!("{}    Metadata:\n      AWS::ServerlessRepo::Application:\n        Name: x\n", template(""));
    let folder = Folder::application(&misplaced);
    let (code, _, errors) = folder.run(&["template.yaml", "--author", "a", "--description", "d"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("stands within a resource, where nothing reads it"), "{errors}");
}

#[test]
fn what_is_needed_to_publish_to_everyone() {
    let folder = Folder::application(&with_block(&GOOD));
    let (code, _, errors) = folder.run(&["template.yaml"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(errors.matches("warning[invalid-metadata]").count(), 4, "{errors}");
    let (code, _, errors) = folder.run(&["template.yaml", "--public"]);
    assert_eq!(code, Some(2), "{errors}");
    for property in ["LicenseUrl", "SpdxLicenseId", "SemanticVersion", "SourceCodeUrl"] {
        assert!(errors.contains(&format!("`{property}` is needed to publish to everyone")), "{errors}");
    }
}

#[test]
fn options_and_files_of_the_project_complete_the_block() {
    let folder = Folder::application(&template("Description: Sums numbers.\n"));
    folder.write("LICENSE", "MIT No Attribution\n");
    folder.write("README.md", "# Sums\n");
    folder.write(
        "pyproject.toml",
        "[project]\nname = \"sums app\"\nversion = \"1.2.3\"\nauthors = [{name = \"Jane Doe\"}]\n\n[project.urls]\nRepository = \"https://example.com/sums\"\n",
    );
    let (code, out, errors) = folder.run(&["template.yaml", "--public", "--label", "math", "--format", "metadata"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(
        out,
        "Metadata:\n  AWS::ServerlessRepo::Application:\n    Name: sums-app\n    Description: Sums numbers.\n    Author: jane-doe\n    SpdxLicenseId: MIT-0\n    LicenseUrl: LICENSE\n    ReadmeUrl: README.md\n    Labels: [math]\n    SemanticVersion: '1.2.3'\n    SourceCodeUrl: https://example.com/sums\n"
    );
}

#[test]
fn an_option_that_clashes_with_the_template() {
    let folder = Folder::application(&with_block(&GOOD));
    let (code, _, errors) = folder.run(&["template.yaml", "--author", "joe"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("`Author` is `jane` here and `joe` by --author") && errors.contains("template.yaml:7:13"),
        "{errors}"
    );
    let (code, out, _) = folder.run(&["template.yaml", "--author", "joe", "--replace"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("    Author: joe\n"), "{out}");
    assert_eq!(folder.run(&["template.yaml", "--author", "jane"]).0, Some(0), "the same is no clash");
}

// ---- bad input ---------------------------------------------------------------------------------------------------------

#[test]
fn templates_of_other_kinds() {
    let folder = Folder::new();
    folder.write("serverless.yml", "service: x\nprovider:\n  name: aws\nfunctions:\n  a:\n    handler: app.handler\n");
    folder.write("function.json", "{\"scriptFile\": \"app.py\", \"bindings\": []}");
    folder.write("other.yaml", "a: 1\n");
    folder.write("broken.yaml", "a: [\n");
    folder.write("empty.yaml", "");
    folder.write("app.py", HANDLER);
    folder.write("two.yaml", &format!("{}---\n{}", with_block(&GOOD), with_block(&GOOD)));
    let list = "Metadata:\n  AWS::ServerlessRepo::Application:\n    - Name: a\n    - Name: b\n";
    folder.write("list.yaml", &template(list));
    for (file, said) in [
        ("serverless.yml", "is a template of the Serverless Framework"),
        ("function.json", "is a function.json of Azure"),
        ("other.yaml", "is no template of AWS SAM"),
        ("empty.yaml", "is no template of AWS SAM"),
        ("broken.yaml", "invalid-template"),
        ("two.yaml", "holds several applications"),
        ("list.yaml", "holds several applications"),
        ("absent.yaml", "cannot-read"),
        (".", "is a folder"),
    ] {
        let (code, _, errors) = folder.run(&[file]);
        assert_eq!(code, Some(2), "{file}: {errors}");
        assert!(errors.contains(said), "{file}: {said}\n{errors}");
    }
}

#[test]
fn records_of_other_functions_and_forms() {
    let folder = Folder::application(&with_block(&GOOD));
    folder.validation("v.json", "other.handler");
    folder.measurement("m.json", &[(40, 10.0)]);
    folder.write("n.json", &folder.read("m.json").replace("app.handler", "ap.handler"));
    folder.write("w.toml", "[inputs.n]\nvaluess = [1]\n");
    folder.write("old.json", &folder.read("v.json").replace("\"version\":1", "\"version\":7"));
    for (words, said) in [
        (["--validation", "v.json"], "validated `other.handler`, which is no function of this template"),
        (["--measured", "n.json"], "measured `ap.handler`"),
        (["--validation", "m.json"], "is no validation: it has another schema"),
        (["--validation", "old.json"], "it has version 7 of the form"),
        (["--measured", "v.json"], "is no measurement"),
        (["--workload", "w.toml"], "w.toml:2:1"),
        (["--workload", "absent.toml"], "absent.toml"),
    ] {
        let (code, _, errors) = folder.run(&["template.yaml", words[0], words[1]]);
        assert_eq!(code, Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {said}\n{errors}");
    }
}

// ---- the memory section --------------------------------------------------------------------------------------------------

/// Each number says how it is known.
#[test]
fn without_measurements_sizes_are_assumed_and_memory_is_learned() {
    let folder = Folder::application(&with_block(&GOOD));
    let listing = folder.json(&["template.yaml"]);
    assert_eq!(listing["schema"]["name"], "meminterface.listing");
    let function = &listing["functions"][0];
    assert_eq!(function["name"], "Sums");
    assert!(function["peak"]["bytes"].as_str().expect("a formula").contains("8*event[\"n\"]"), "{function:#}");
    assert_eq!(function["peak"]["growth"], "event[\"n\"]");
    assert_eq!(function["setting"]["template_mb"], 512);
    assert_eq!(function["setting"]["recommended_mb"]["basis"], "assumed", "its inputs are");
    assert_eq!(function["baseline_bytes"]["basis"], "learned");
    let sizes = function["sizes"].as_array().expect("sizes");
    assert_eq!(sizes.len(), 3);
    assert_eq!(sizes[2]["values"]["event[\"n\"]"], 10_000);
    assert_eq!(sizes[2]["basis"], "assumed");
    let peak = sizes[2]["peak_bytes"]["value"].as_f64().expect("a number");
    assert!((80_000.0..90_000.0).contains(&peak), "{peak}");
    assert_eq!(function["cost_per_million_usd"]["value"], Value::Null, "nothing is known of its time");
    assert!(function["ways"][0]["words"].as_str().expect("words").contains("numpy.ones"), "{function:#}");
    assert!(function["drivers"][0].as_str().expect("a place").contains("(line 5)"), "{function:#}");
    assert!(listing["contracts"].as_array().expect("contracts").iter().any(|one| one["library"] == "numpy"));
}

#[test]
fn a_workload_gives_the_sizes() {
    let folder = Folder::application(&with_block(&GOOD));
    folder.write(
        "w.toml",
        "schema = { name = \"meminterface.workload\", version = 1 }\n[inputs.n]\nvalues = [5, 10, 100000000]\n",
    );
    let function = folder.json(&["template.yaml", "--workload", "w.toml"])["functions"][0].clone();
    assert_eq!(function["sizes"][0]["values"]["n"], 5);
    assert_eq!(function["sizes"][2]["footprint_bytes"]["basis"], "learned");
    assert_eq!(function["setting"]["recommended_mb"]["basis"], "learned");
    let mb = function["setting"]["recommended_mb"]["value"].as_f64().expect("a setting");
    assert!((830.0..950.0).contains(&mb), "800 MB of numbers, imports and headroom: {mb}");
}

#[test]
fn measured_and_validated() {
    let folder = Folder::application(&with_block(&GOOD));
    folder.measurement("m.json", &[(40, 10.0), (100, 50.0), (60, 20.0)]);
    folder.validation("v.json", "app.handler");
    let listing = folder.json(&["template.yaml", "--measured", "m.json", "--validation", "v.json"]);
    let function = &listing["functions"][0];
    assert_eq!(function["setting"]["recommended_mb"], json!({"value": 128.0, "basis": "measured", "note": null}));
    let seen: Vec<(&str, f64)> = function["sizes"]
        .as_array()
        .expect("sizes")
        .iter()
        .map(|one| (one["inputs"].as_str().expect("a name"), one["footprint_bytes"]["value"].as_f64().expect("bytes")))
        .collect();
    assert_eq!(seen, [("e0", 40.0 * 1_048_576.0), ("e2", 60.0 * 1_048_576.0), ("e1", 100.0 * 1_048_576.0)]);
    assert!(function["cost_per_million_usd"]["value"].as_f64().is_some_and(|usd| usd > 0.2));
    assert_eq!(function["cold_start_ms"]["basis"], "measured");
    assert_eq!(function["tested"]["events"], 3);
    let record = &function["validation"];
    assert_eq!((record["date"].as_str(), record["error"].as_f64()), (Some("2026-11-21"), Some(0.04)));

    let (_, section, _) =
        folder.run(&["template.yaml", "--measured", "m.json", "--validation", "v.json", "--format", "markdown"]);
    for part in [
        "| recommended setting | 128 MB (measured); headroom 10 % |",
        "| tested with | 3 events, 40 MB to 100 MB (measured) |",
        "| validated | 2026-11-21, Linux 6.1.0, Python 3.12.1, 2 events: 128 MB held; smallest that survives 99 MB; predictions off by 4 % at the most (measured) |",
    ] {
        assert!(section.contains(part), "{part}\n{section}");
    }
}

#[test]
fn files_for_a_page() {
    let folder = Folder::application(&with_block(&GOOD));
    folder.measurement("m.json", &[(118, 10.0)]);
    let (code, out, errors) = folder.run(&["template.yaml", "--measured", "m.json", "-o", "listing"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{errors}");
    let listing: Value = serde_json::from_str(&folder.read("listing/listing.json")).expect("JSON");
    let interface = listing["functions"][0]["interface_file"].as_str().expect("a file");
    assert!(folder.read(&format!("listing/{interface}")).contains("def handler_interface(event, context"));
    assert!(folder.read("listing/metadata.yaml").starts_with("Metadata:\n  AWS::ServerlessRepo::Application:\n"));
    let badge = folder.read("listing/badge.svg");
    assert!(badge.starts_with("<svg xmlns=") && badge.contains("peak 118 MB · 130 MB · $"), "{badge}");
    assert!(folder.read("listing/listing.md").contains(&format!("[{interface}]({interface})")));
}

// ---- apply -------------------------------------------------------------------------------------------------------------------

const APPLY: [&str; 6] = ["template.yaml", "--author", "jane", "--description", "Sums numbers.", "--apply"];

#[test]
fn the_block_is_written_and_everything_else_stays() {
    let before = format!("# Mine.\nTransform: AWS::Serverless-2016-10-31   # keep\n\n# The function.\n{RESOURCES}");
    let folder = Folder::application(&before);
    folder.write("README.md", "# Sums\n");
    let (code, _, errors) = folder.run(&APPLY);
    assert_eq!(code, Some(0), "{errors}");
    let name = folder.0.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(
        folder.read("template.yaml"),
        format!(
            "# Mine.\nTransform: AWS::Serverless-2016-10-31   # keep\n\nMetadata:\n  AWS::ServerlessRepo::Application:\n    Name: {name}\n    Description: Sums numbers.\n    Author: jane\n    ReadmeUrl: README.md\n\n# The function.\n{RESOURCES}"
        )
    );
    let readme = folder.read("README.md");
    assert!(readme.starts_with("# Sums\n\n<!-- meminterface listing: begin -->\n## Memory\n"), "{readme}");
    let (template, again) = (folder.read("template.yaml"), folder.run(&APPLY));
    assert_eq!(again.0, Some(0), "{}", again.2);
    assert_eq!(
        (folder.read("template.yaml"), folder.read("README.md")),
        (template, readme),
        "a second time changes nothing"
    );
}

#[test]
fn a_block_that_is_there_gets_what_it_lacks() {
    let lines = ["Name: sums   # its name", "Author: jane", "# Words:", "Labels:", "- a", "- b"];
    let folder = Folder::application(&with_block(&lines));
    let words = [
        "template.yaml",
        "--description",
        "d: e",
        "--author",
        "joe",
        "--semantic-version",
        "1.0.0",
        "--replace",
        "--apply",
    ];
    let (code, _, errors) = folder.run(&words);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(
        folder.read("template.yaml"),
        with_block(&[
            "Name: sums   # its name",
            "Description: 'd: e'",
            "Author: joe",
            "# Words:",
            "Labels:",
            "- a",
            "- b",
            "SemanticVersion: '1.0.0'"
        ])
    );
}

#[test]
fn layouts_of_templates() {
    // Metadata of others, Windows' line ends, no line end at the end, JSON.
    let others = template("Metadata:\n    AWS::CloudFormation::Interface:\n        ParameterGroups: []\n");
    let json = "{\n    \"Transform\": \"AWS::Serverless-2016-10-31\",\n    \"Resources\": {\"Sums\": {\"Type\": \"AWS::Serverless::Function\", \"Properties\": {\"Runtime\": \"python3.12\", \"Handler\": \"app.handler\"}}}\n}\n";
    for (file, text) in [
        ("template.yaml", others.clone()),
        ("template.yaml", template("").replace('\n', "\r\n")),
        ("template.yaml", template("").trim_end().to_owned()),
        ("template.yaml", template("Metadata: {}\n")),
        ("template.json", json.to_owned()),
        ("template.json", json.replace("{\n    \"Tr", "{\n    \"Metadata\": {\"a\": 1},\n    \"Tr")),
    ] {
        let folder = Folder::new();
        folder.write("app.py", HANDLER);
        folder.write(file, &text);
        let (code, _, errors) = folder.run(&[&[file][..], &APPLY[1..]].concat());
        assert_eq!(code, Some(0), "{text}\n{errors}");
        let after = folder.read(file);
        assert!(after.contains("AWS::ServerlessRepo::Application") && after.len() > text.len(), "{after}");
        // Only lines that are new: without them it is what it was.
        let kept: Vec<&str> = text.lines().filter(|line| *line != "Metadata: {}").collect();
        let mut rest = after.lines();
        for line in kept {
            let is_there = |found: &str| {
                found == line
                    || (file.ends_with("json") && found.ends_with(line.trim_start_matches("    \"Metadata\": {")))
            };
            assert!(rest.any(is_there), "{line:?}\n{after}");
        }
        assert_eq!(after.contains("\r\n"), text.contains("\r\n"));
        assert_eq!(after.ends_with('\n'), text.ends_with('\n'), "{after:?}");
    }
}

#[test]
fn what_cannot_be_written_safely_is_not_written() {
    for block in [
        "Metadata: {AWS::CloudFormation::Interface: {}}\n",
        "Metadata:\n  AWS::ServerlessRepo::Application: {Name: sums}\n",
        "Metadata:\n  AWS::ServerlessRepo::Application:\n    Name: >\n      sums\n",
    ] {
        let folder = Folder::application(&template(block));
        let before = folder.read("template.yaml");
        let (code, _, errors) = folder.run(&[&APPLY[..], &["--name", "other", "--replace"]].concat());
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("cannot-apply") && errors.contains("by hand it is:"), "{errors}");
        assert_eq!(folder.read("template.yaml"), before);
    }
    // Nothing is written that the repository would refuse, and no readme with half a marker.
    let folder = Folder::application(&template(""));
    let before = folder.read("template.yaml");
    assert_eq!(folder.run(&["template.yaml", "--author", "Jane Doe", "--description", "d", "--apply"]).0, Some(2));
    assert_eq!(folder.read("template.yaml"), before);
    folder.write("README.md", "<!-- meminterface listing: begin -->\n");
    let (code, _, errors) = folder.run(&APPLY);
    assert_eq!(code, Some(2));
    assert!(errors.contains("markers"), "{errors}");
    assert_eq!(folder.read("README.md"), "<!-- meminterface listing: begin -->\n");
}

// ---- comparing -----------------------------------------------------------------------------------------------------------------

/// Two ways to sum: one holds all numbers, the other holds a fixed buffer.
fn competitors() -> Folder {
    let folder = Folder::application(&with_block(&GOOD));
    assert_eq!(folder.run(&["template.yaml", "-o", "a"]).0, Some(0));
    folder.write(
        "app.py",
        "import numpy as np\n\n\ndef handler(event, context):\n    buffer = np.ones(100000)\n    return float(buffer.sum()) + event[\"n\"]\n",
    );
    assert_eq!(folder.run(&["template.yaml", "-o", "b"]).0, Some(0));
    folder
}

#[test]
fn competing_functions_side_by_side() {
    let folder = competitors();
    folder.write("w.toml", "[inputs.n]\nsmall = 10\nmedium = 1000\nlarge = 10_000_000\n");
    let words = ["compare", "a/listing.json", "b/listing.json", "--workload", "w.toml"];
    let document = folder.json(&words);
    assert_eq!(document["schema"]["name"], "meminterface.comparison");
    let large = &document["rows"][2];
    assert_eq!(large["inputs"], "n = 10000000");
    let bytes = |n: usize| large["needs"][n]["footprint_bytes"].as_u64().expect("bytes");
    assert!(bytes(0) > bytes(1) + (70 << 20), "{large:#}");
    let small = &document["rows"][0];
    assert!(small["needs"][0]["peak_bytes"].as_u64() < small["needs"][1]["peak_bytes"].as_u64(), "{small:#}");
    let crossing = &document["crossings"][0];
    assert_eq!(crossing["below"], "a/listing.json");
    let at = crossing["at"].as_u64().expect("a number");
    assert!((99_000..101_000).contains(&at), "800 kB are 100,000 numbers: {crossing}");
    let (_, out, _) = folder.run(&words);
    assert!(
        out.contains(&format!("below n = {at}, a/listing.json needs less memory; from there on, b/listing.json")),
        "{out}"
    );
    assert!(folder.run(&[&words[..], &["--format", "markdown"]].concat()).1.starts_with("| inputs | function |"));
}

#[test]
fn listings_that_cannot_be_compared() {
    let folder = competitors();
    folder.write("bad.json", "{}");
    folder.write("old.json", &folder.read("a/listing.json").replace("\"version\": 1\n", "\"version\": 3\n"));
    folder.write("w.toml", "x = 1\n");
    for (words, said) in [
        (vec!["a/listing.json", "bad.json"], "is no listing"),
        (vec!["a/listing.json", "old.json"], "has version 3 of the form"),
        (vec!["a/listing.json", "absent.json"], "absent.json"),
        (vec!["a/listing.json", "b/listing.json", "--workload", "w.toml"], "unknown field `x`"),
        (vec!["a/listing.json"], "2 values required"),
    ] {
        let (code, _, errors) = folder.run(&[&["compare"][..], &words].concat());
        assert_eq!(code, Some(2), "{words:?}: {errors}");
        assert!(errors.contains(said), "{words:?}: {said}\n{errors}");
    }
}
