//! `meminterface debloat` on what users of container images and layers have: archives of images (Docker's and OCI's), roots,
//! projects with a Dockerfile, templates with layers.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use meminterface::debloat::image;

const APP: &str = "\
import helper
import os


def handler(event, context):
    return {'n': helper.double(event['n']), 'stage': os.environ.get('STAGE')}
";
const HELPER: &str = "\
import xml.dom.minidom
import unused_of_the_image


def double(n):
    return 2 * n


def pretty(text):
    return xml.dom.minidom.parseString(text).toprettyxml()


def other():
    return unused_of_the_image.NAME
";

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A folder of its own, which goes with it.
struct Case(PathBuf);

impl Drop for Case {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn case() -> Case {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("meminterface-images-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let case = Case(folder);
    case.write("tests.json", r#"{"tests": [{"name": "a", "event": {"n": 4}}, {"name": "b", "event": {"n": 5}}]}"#);
    case
}

/// The version of `python3` here, as an image would name it; none where there is no Python.
fn version() -> Option<String> {
    let script = "import sys; print('%d.%d' % sys.version_info[:2])";
    let done = Command::new("python3").args(["-c", script]).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// A member of a tar file.
enum Entry<'a> {
    File(&'a str, &'a [u8]),
    Symlink(&'a str, &'a str),
    Hardlink(&'a str, &'a str),
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        match entry {
            Entry::File(path, data) => {
                header.set_size(data.len() as u64);
                builder.append_data(&mut header, path, *data).expect("memory");
            }
            Entry::Symlink(path, target) | Entry::Hardlink(path, target) => {
                let is_hard = matches!(entry, Entry::Hardlink(..));
                header.set_entry_type(if is_hard { tar::EntryType::Link } else { tar::EntryType::Symlink });
                header.set_size(0);
                builder.append_link(&mut header, path, target).expect("memory");
            }
        }
    }
    builder.into_inner().expect("memory")
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("memory");
    encoder.finish().expect("memory")
}

/// Frames of zstd: one that holds nothing of the content, the data in two, one more that holds nothing.
fn zstd(data: &[u8]) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let (head, rest) = data.split_at(data.len() / 2);
    let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"toc"].concat();
    let packed = |part: &[u8]| ruzstd::encoding::compress_to_vec(part, level);
    [skipped.clone(), packed(head), packed(rest), skipped].concat()
}

impl Case {
    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.join(name)).ok()
    }

    fn debloat(&self, words: &[&str]) -> (Option<i32>, String) {
        let done = Command::new(env!("CARGO_BIN_EXE_meminterface"))
            .args(["debloat"])
            .args(words)
            .args(["--events", "tests.json", "-o", "out", "--runtime-client", "minimal", "--runs", "0"])
            .current_dir(&self.0)
            .env("XDG_CACHE_HOME", self.0.join("cache"))
            .output()
            .expect("it starts");
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    }

    /// What the package answers, with these folders behind it.
    fn answer(&self, script: &str, behind: &[&str]) -> (String, String) {
        let path: Vec<PathBuf> = behind.iter().map(|one| self.0.join(one)).collect();
        let done = Command::new("python3")
            .args(["-B", "-c", script])
            .current_dir(self.0.join("out"))
            .env("PYTHONPATH", std::env::join_paths(path).expect("a path"))
            .env("STAGE", "test")
            .output()
            .expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        (text(&done.stdout), text(&done.stderr))
    }
}

/// Two layers: the second changes the code, removes one module and hides a folder.
fn layers(site: &str) -> [Vec<u8>; 2] {
    let at = |name: &str| format!("{site}/{name}");
    let base = tar(&[
        Entry::File("etc/os-release", b"ID=test"),
        Entry::File("var/task/app.py", b"raise SystemExit('of an earlier layer')"),
        Entry::File("var/task/gone.py", b"GONE = 1"),
        Entry::File("var/task/data/old.txt", b"old"),
        Entry::File(&at("helper.py"), HELPER.as_bytes()),
        Entry::File(&at("unused_of_the_image.py"), b"NAME = 'unused'"),
        Entry::File(&at("never/__init__.py"), b"NAME = 'never'"),
        Entry::File(&at("never.libs/lib.so"), b"compiled"),
    ]);
    let own = tar(&[
        Entry::File("var/task/app.py", APP.as_bytes()),
        Entry::File("var/task/.wh.gone.py", b""),
        Entry::File("var/task/data/.wh..wh..opq", b""),
        Entry::File("var/task/data/new.txt", b"new"),
        Entry::Symlink("var/task/link.txt", "data/new.txt"),
        Entry::Symlink("var/task/outside", "/etc/os-release"),
        Entry::Hardlink("var/task/hard.txt", "var/task/data/new.txt"),
    ]);
    [base, own]
}

fn config(version: &str) -> String {
    format!(
        r#"{{"architecture": "amd64", "config": {{"Env": ["PATH=/usr/bin", "LAMBDA_TASK_ROOT=/var/task", "STAGE=test", "PYTHON_VERSION={version}.1"], "Cmd": ["app.handler"]}}}}"#
    )
}

/// What `docker save` writes: the code, the packages, the handler and the variables come from the image; packages that no
/// run touches stay in it.
#[test]
fn an_archive_of_docker() {
    let Some(version) = version() else { return };
    let case = case();
    let site = format!("usr/local/lib/python{version}/site-packages");
    let [base, own] = layers(&site);
    let manifest = r#"[{"Config": "c.json", "RepoTags": ["shop/app:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]"#;
    let image = tar(&[
        Entry::File("c.json", config(&version).as_bytes()),
        Entry::File("x/layer.tar", &base),
        // Docker's older archives hold a layer once.
        Entry::Symlink("a/layer.tar", "../x/layer.tar"),
        Entry::File("b/layer.tar", &own),
        Entry::File("manifest.json", manifest.as_bytes()),
    ]);
    case.write("image.tar", &image);
    let (code, errors) = case.debloat(&["image.tar"]);
    assert_eq!(code, Some(0), "{errors}");
    let report = case.read("out/report.json").unwrap_or_default();
    assert!(report.contains("FROM shop/app:1") && report.contains("COPY out/ /var/task/"), "{report}");
    assert!(report.contains("1 links of the image lead to what is not read of it, such as /var/task/outside"));
    assert!(!case.0.join("out/gone.py").exists() && !case.0.join("out/data/old.txt").exists());
    for name in ["data/new.txt", "link.txt", "hard.txt"] {
        assert_eq!(case.read(&format!("out/{name}")).as_deref(), Some("new"), "{name}");
    }
    // What no run touches stays behind, but for libraries, which no run is seen to read.
    assert!(case.0.join("out/helper.py").exists() && !case.0.join("out/never").exists());
    assert!(case.0.join("out/never.libs/lib.so").exists());
    assert!(case.read("out/manifest.json").is_some_and(|text| text.contains("\"in-image\"")));
    assert_ne!(case.read("out/helper.py").as_deref(), Some(HELPER));
    let [_, _] = layers(&site);
    case.write("behind/never/__init__.py", "NAME = 'never'");
    let script = "import app, helper, never; print(app.handler({'n': 6}, None), helper.other(), never.NAME)";
    let (answer, said) = case.answer(script, &["behind"]);
    assert_eq!(answer, "{'n': 12, 'stage': 'test'} unused never", "{said}");
}

/// The OCI layout, as a folder and as a packed tar file, with layers packed by gzip and by zstd, and an index of platforms.
#[test]
fn the_layout_of_oci() {
    let Some(version) = version() else { return };
    let case = case();
    let site = format!("var/lang/lib/python{version}/site-packages");
    let [base, own] = layers(&site);
    let manifest = r#"{"config": {"digest": "sha256:c"}, "layers": [{"digest": "sha256:a"}, {"digest": "sha256:b"}]}"#;
    let index = r#"{"manifests": [{"digest": "sha256:i"}]}"#;
    let inner = r#"{"manifests": [{"digest": "sha256:none", "platform": {"os": "unknown", "architecture": "unknown"}}, {"digest": "sha256:m", "platform": {"os": "linux", "architecture": "amd64"}}]}"#;
    let files: [(&str, Vec<u8>); 7] = [
        ("oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()),
        ("index.json", index.into()),
        ("blobs/sha256/i", inner.into()),
        ("blobs/sha256/m", manifest.into()),
        ("blobs/sha256/c", config(&version).into_bytes()),
        ("blobs/sha256/a", gzip(&base)),
        ("blobs/sha256/b", zstd(&own)),
    ];
    for (name, data) in &files {
        case.write(&format!("layout/{name}"), data);
    }
    let entries: Vec<Entry<'_>> = files.iter().map(|(name, data)| Entry::File(name, data)).collect();
    case.write("layout.tar.gz", gzip(&tar(&entries)));
    for (n, name) in ["layout", "layout.tar.gz"].into_iter().enumerate() {
        let into = case.0.join(format!("into{n}"));
        fs::create_dir_all(&into).expect("a folder");
        assert!(image::is_image(&case.0.join(name)));
        let found = image::open(&case.0.join(name), &into).expect("an image");
        assert_eq!(found.handler.as_deref(), Some("app.handler"));
        assert_eq!(found.variables.iter().collect::<Vec<_>>(), [(&"STAGE".to_owned(), &"test".to_owned())]);
        assert_eq!(fs::read_to_string(found.code.join("app.py")).ok().as_deref(), Some(APP));
        assert_eq!(found.packages, [into.join("root").join(&site)]);
        assert!(!into.join("root/etc").exists(), "only code and packages are unpacked");
    }
    let (code, errors) = case.debloat(&["layout"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(case.0.join("out/app.py").exists());
}

/// The root of an image: as a folder, and as `docker export` writes it. The handler must be named: nothing else says it.
#[test]
fn the_root_of_an_image() {
    let Some(version) = version() else { return };
    let case = case();
    let site = format!("var/lang/lib/python{version}/site-packages");
    case.write("root/var/task/app.py", APP);
    case.write(&format!("root/{site}/helper.py"), HELPER);
    case.write(&format!("root/{site}/unused_of_the_image.py"), "NAME = 1");
    let (code, errors) = case.debloat(&["root", "--handler", "app.handler", "--env", "STAGE=x"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(case.0.join("out/helper.py").exists());
    assert!(case.read("root/var/task/app.py").as_deref() == Some(APP), "nothing of the user's is changed");
    let exported = tar(&[
        Entry::File("./var/task/app.py", APP.as_bytes()),
        Entry::File(&format!("./{site}/helper.py"), HELPER.as_bytes()),
    ]);
    case.write("root.tar", exported);
    let into = case.0.join("into");
    fs::create_dir_all(&into).expect("a folder");
    let found = image::open(&case.0.join("root.tar"), &into).expect("an image");
    assert_eq!(fs::read_to_string(found.code.join("app.py")).ok().as_deref(), Some(APP));
    assert_eq!(found.packages.len(), 1);
}

/// Archives that are none, are damaged, lead elsewhere, hold no function, or run another Python: said, and nothing is left.
#[test]
fn images_that_cannot_be_read() {
    if version().is_none() {
        return;
    }
    let case = case();
    let manifest = r#"[{"Config": "c.json", "RepoTags": null, "Layers": ["l.tar"]}]"#;
    let image = |config: &str, layer: &[u8]| {
        tar(&[
            Entry::File("manifest.json", manifest.as_bytes()),
            Entry::File("c.json", config.as_bytes()),
            Entry::File("l.tar", layer),
        ])
    };
    let mut leading = tar(&[Entry::File("aa/task/precious.py", b"x")]);
    // The crate that writes does not write such names.
    leading.splice(0..3, *b"../");
    let sum: u32 = leading
        .iter()
        .take(512)
        .enumerate()
        .map(|(n, byte)| if (148..156).contains(&n) { 32 } else { u32::from(*byte) })
        .sum();
    leading.splice(148..156, format!("{sum:06o}\0 ").into_bytes());
    let app = tar(&[Entry::File("var/task/app.py", APP.as_bytes())]);
    let old = r#"{"config": {"Cmd": ["app.handler"], "Env": ["PYTHON_VERSION=3.1.1"]}}"#;
    let packed = zstd(&app);
    let half = packed.get(..packed.len() / 2).unwrap_or_default();
    let mut other = packed.clone();
    // Into the middle of the first frame that holds something.
    other.splice(60..64, *b"xxxx");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("none.tar", b"no archive at all".repeat(99), "no container image"),
        ("empty.tar", tar(&[]), "no folder /var/task"),
        ("missing.tar", tar(&[Entry::File("manifest.json", manifest.as_bytes())]), "c.json"),
        ("json.tar", tar(&[Entry::File("manifest.json", b"{")]), "damaged"),
        ("leads.tar", image("{}", &leading), "leads out"),
        ("zstd.tar", image("{}", &[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0]), "damaged"),
        ("half.tar", image("{}", half), "damaged"),
        ("other.tar", image("{}", &other), "damaged"),
        ("task.tar", image(r#"{"config": {"WorkingDir": "/srv"}}"#, &app), "no folder /srv"),
        ("old.tar", image(old, &app), "Python 3.1"),
        ("cut.tar", image("{}", app.get(..700).unwrap_or_default()), "damaged"),
    ];
    for (name, data, words) in cases {
        case.write(name, data);
        let (code, errors) = case.debloat(&[name]);
        assert_eq!(code, Some(2), "{name}: {errors}");
        assert!(errors.contains(words), "{name}: {errors}");
        let left: Vec<String> = fs::read_dir(&case.0)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|one| one.contains("out"))
            .collect();
        assert!(left.is_empty(), "{name}: {left:?}");
    }
    assert!(!Path::new("/tmp/precious.py").exists());
}

/// A project with a Dockerfile: its `CMD` names the handler.
#[test]
fn a_project_with_a_dockerfile() {
    let Some(version) = version() else { return };
    let case = case();
    case.write("project/src/app.py", APP);
    case.write("project/src/helper.py", HELPER);
    case.write("project/src/unused_of_the_image.py", "NAME = 1");
    let text = format!(
        "FROM public.ecr.aws/lambda/python:{version}\nCOPY src/ ${{LAMBDA_TASK_ROOT}}/\nCMD [ \"app.handler\" ]\n"
    );
    case.write("project/Dockerfile", text);
    for path in ["project", "project/Dockerfile"] {
        let _ = fs::remove_dir_all(case.0.join("out"));
        let (code, errors) = case.debloat(&[path]);
        assert_eq!(code, Some(0), "{path}: {errors}");
        assert!(case.0.join("out/app.py").exists(), "{path}");
        let report = case.read("out/report.json").unwrap_or_default();
        assert!(report.contains("COPY out/ ${LAMBDA_TASK_ROOT}/"), "{report}");
    }
}

/// Layers: their packages are trimmed into the package, what else they hold stays theirs. A layer of the template is found
/// where its `ContentUri` is a folder of the project that is laid out as a layer.
#[test]
fn layers_of_a_template() {
    if version().is_none() {
        return;
    }
    let case = case();
    case.write("src/app.py", APP);
    case.write("layer/python/helper.py", HELPER);
    case.write("layer/python/unused_of_the_image.py", "NAME = 1");
    case.write("layer/share/words.txt", "x");
    case.write(
        "template.yaml",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Shared:\n    Type: AWS::Serverless::LayerVersion\n    Properties:\n      ContentUri: layer/\n  Fn:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src/\n      Handler: app.handler\n      Runtime: python3.12\n      Layers: [!Ref Shared]\n",
    );
    let made = Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(case.0.join("venv")).output();
    assert!(made.is_ok_and(|made| made.status.success()));
    for words in [
        vec!["template.yaml", "--venv", "venv"],
        vec!["src/app.py", "--handler", "handler", "--layer", "layer", "--venv", "venv"],
    ] {
        let _ = fs::remove_dir_all(case.0.join("out"));
        let (code, errors) = case.debloat(&words);
        assert_eq!(code, Some(0), "{words:?}: {errors}");
        let trimmed = case.read("out/helper.py").unwrap_or_default();
        assert!(trimmed.contains("_mi_") && trimmed != HELPER, "{trimmed}");
        let report = case.read("out/report.json").unwrap_or_default();
        assert!(report.contains("the layer holds more than packages, and stays"), "{report}");
        assert_eq!(case.read("layer/python/helper.py").as_deref(), Some(HELPER));
    }
}
