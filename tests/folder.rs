//! A folder of handlers: read side by side, written as if one after the other.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn extract(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .arg("extract")
        .args(words)
        .arg(".")
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

/// A project of our own that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        // Tests share a process: a folder that two of them had under one name would change while one reads it.
        let path = std::env::temp_dir().join(format!("meminterface-folder-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Three hundred services, every third found by its template, which share a module, and some of which are broken.
fn services(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder.write(
        "shared.py",
        "import boto3\n\nclient = boto3.client('s3')\n\n\ndef load(key):\n    return client.get_object(Key=key)\n",
    );
    for n in 0..300 {
        let helper = format!("def helper(item):\n    return g{n}(item, shared.load(item))\n");
        let handler = match n % 10 {
            9 => format!("import shared\n\n\ndef handler(event, context):\n    return f({n}\n"),
            _ => format!(
                "import shared\n\n\n{helper}\n\ndef handler(event, context):\n    for item in event['items']:\n        helper(item)\n    if f{n}():\n        return shared.load({n})\n"
            ),
        };
        folder.write(&format!("service_{n}.py"), &handler);
    }
    let functions: String = (0..300)
        .step_by(3)
        .map(|n| format!("  F{n}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: python3.12\n      CodeUri: .\n      Handler: service_{n}.handler\n"))
        .collect();
    folder.write("template.yaml", &format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{functions}"));
    folder
}

/// The same bytes and the same diagnostics, in the same order, on one core or many.
#[test]
fn threads_do_not_show() {
    let folder = services("threads");
    for words in [&["--format", "python"][..], &["--format", "json"], &["--paths", "--max-paths", "8"]] {
        let alone = extract(&folder.0, &[words, &["--jobs", "1"]].concat());
        assert_eq!(alone.status.code(), Some(2), "the broken files are reported");
        let text = String::from_utf8_lossy(&alone.stdout);
        assert!(text.contains("service_299") || text.contains("service_298"), "all services are there: {words:?}");
        for jobs in ["2", "5", "16"] {
            let together = extract(&folder.0, &[words, &["--jobs", jobs]].concat());
            assert_eq!(together.status.code(), alone.status.code(), "{words:?} {jobs}");
            assert!(together.stdout == alone.stdout, "{words:?}: --jobs {jobs} writes something else");
            assert!(together.stderr == alone.stderr, "{words:?}: --jobs {jobs} reports something else");
        }
    }
}

/// A handler's interface is the same in a folder, where files are shared between handlers, as alone.
#[test]
fn company_does_not_show() {
    let folder = services("company");
    let out = folder.0.join("out");
    let done = extract(&folder.0, &["-o", "out"]);
    assert_eq!(done.status.code(), Some(2), "the broken files are reported");
    let mut together: Vec<String> = std::fs::read_dir(&out)
        .expect("the folder")
        .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a file"))
        .collect();
    together.sort();
    assert_eq!(together.len(), 270, "one file for each service that is not broken");
    for n in [0, 1, 2, 150, 298] {
        let file = format!("service_{n}.py");
        let alone = Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .args(["extract", &file])
            .current_dir(&folder.0)
            .output()
            .expect("the command starts");
        let text = String::from_utf8(alone.stdout).expect("text");
        assert!(together.binary_search(&text).is_ok(), "{file} alone:\n{text}");
    }
}
