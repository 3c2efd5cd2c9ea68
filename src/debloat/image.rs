//! Container images: where the code and the packages of a function lie in one. Depends on `diagnostic` and `tree`.
//!
//! Read are what `docker save`, `podman save` and `skopeo copy … oci:` write (Docker's archive and the OCI layout 1.0, as a
//! tar file or a folder, layers plain or packed by gzip or zstd), what `docker export` writes, and the unpacked root of an image.
//! Of an archive only the folders that hold code and packages are unpacked, layer by layer, with what later layers remove
//! removed. Sources: Docker Image Specification 1.2, OCI Image Format 1.1 (layers, whiteouts), RFC 8878 (zstd).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use serde_json::Value;
use tar::{Archive, EntryType};

use super::tree;
use crate::diagnostic::{Diagnostic, Kind};

/// Descriptions larger than this are none, in bytes.
const MOST_TEXT: u64 = 16 << 20;

/// What an image holds of a function.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// The folder of its code.
    pub code: PathBuf,
    /// Folders of packages, in the order in which Python looks into them.
    pub packages: Vec<PathBuf>,
    /// The handler that its command names.
    pub handler: Option<String>,
    /// Variables that it sets for the function.
    pub variables: BTreeMap<String, String>,
    /// Its version of Python.
    pub python: Option<(u8, u8)>,
    /// Its name, as `docker run` takes it.
    pub name: Option<String>,
    /// The folder of the code in the image.
    pub task: String,
    /// What one should know.
    pub notes: Vec<String>,
}

/// Whether this is an image, as far as its name and first bytes tell.
pub fn is_image(path: &Path) -> bool {
    if path.is_dir() {
        return is_layout(path) || is_root(path);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    [".tar", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end)) && path.is_file()
}

fn is_layout(path: &Path) -> bool {
    path.join("index.json").is_file() && path.join("blobs").is_dir()
        || path.join("manifest.json").is_file() && path.join("blobs").is_dir()
}

/// The root of a file system: with a folder of code as the platform has it, and something of a system.
fn is_root(path: &Path) -> bool {
    path.join("var/task").is_dir() && ["var/lang", "usr", "bin", "etc"].iter().any(|one| path.join(one).exists())
}

fn wrong(file: &Path, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::new(Kind::CannotRead, format!("is no container image that can be read: {why}"))
        .in_file(file)
        .help("`docker save IMAGE -o image.tar` writes one; of an image in a registry, `docker pull IMAGE` first")
}

/// Reads an image. What an archive holds of code and packages is unpacked into a folder, which must be there.
///
/// # Errors
/// `cannot-read` with what is wrong, `cannot-write`.
pub fn open(path: &Path, into: &Path) -> Result<Image, Diagnostic> {
    if path.is_dir() && !is_layout(path) {
        return described(path, &Value::Null, Image::default(), path);
    }
    let store = Store::open(path, into)?;
    let root = into.join("root");
    fs_err::create_dir_all(&root).map_err(|error| tree::cannot_write(&root, &error))?;
    let mut image = Image::default();
    let Some(found) = store.manifest(path)? else {
        // One layer that is all: what `docker export` writes.
        let mut unpacked = Unpacked::new(&root, &Value::Null);
        let file = store.reader("").ok_or_else(|| wrong(path, "it is a folder without `index.json`"))?;
        unpacked.layer(file, path)?;
        unpacked.finish(&mut image.notes)?;
        return described(&root, &Value::Null, image, path);
    };
    image.name = found.name;
    let config = store.json(&found.config).map_err(|why| wrong(path, why))?;
    let config = config.get("config").cloned().unwrap_or(Value::Null);
    let mut unpacked = Unpacked::new(&root, &config);
    for layer in &found.layers {
        let file = store.reader(layer).ok_or_else(|| wrong(path, format!("its layer {layer} is missing")))?;
        unpacked.layer(file, path)?;
    }
    unpacked.finish(&mut image.notes)?;
    drop(store);
    described(&root, &config, image, path)
}

/// Variables of the image's description.
fn variables(config: &Value) -> BTreeMap<String, String> {
    let all = config.get("Env").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| one.as_str()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Variables that are the system's or the base image's, not the function's.
fn is_system(name: &str) -> bool {
    matches!(
        name,
        "PATH" | "LD_LIBRARY_PATH" | "LANG" | "LC_ALL" | "TZ" | "HOME" | "HOSTNAME" | "GPG_KEY" | "VIRTUAL_ENV"
    ) || ["LAMBDA_", "PYTHON", "AWS_LAMBDA_", "_"].iter().any(|start| name.starts_with(start))
}

/// Where the image keeps its code, without the first slash.
fn task_of(config: &Value) -> String {
    let variables = variables(config);
    let working = config.get("WorkingDir").and_then(Value::as_str).unwrap_or_default();
    let named = variables.get("LAMBDA_TASK_ROOT").map(String::as_str);
    let task = named.or(Some(working)).map(|task| task.trim_matches('/')).filter(|task| !task.is_empty());
    task.unwrap_or("var/task").to_owned()
}

/// Finds code and packages below the root of an image.
fn described(root: &Path, config: &Value, mut image: Image, file: &Path) -> Result<Image, Diagnostic> {
    let all = variables(config);
    let task = task_of(config);
    image.code = root.join(&task);
    if !image.code.is_dir() {
        return Err(wrong(file, format!("it has no folder /{task} with the function's code")));
    }
    image.task = format!("/{task}");
    let words = |key: &str| -> Vec<String> {
        let words = config.get(key).and_then(Value::as_array).into_iter().flatten();
        words.filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    // `["app.handler"]`, or `["python", "-m", "awslambdaric", "app.handler"]`.
    let is_handler =
        |word: &String| word.contains('.') && !word.contains("://") && !word.ends_with(".py") && !word.ends_with(".sh");
    image.handler = [words("Cmd"), words("Entrypoint")]
        .into_iter()
        .find_map(|words| words.last().filter(|word| is_handler(word)).cloned());
    let version = |text: &str| -> Option<(u8, u8)> {
        let mut parts = text.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    image.python = all.get("PYTHON_VERSION").and_then(|text| version(text));
    let mut folders: Vec<PathBuf> = Vec::new();
    for entry in all.get("PYTHONPATH").into_iter().flat_map(|path| path.split(':')) {
        folders.push(PathBuf::from(entry.trim_matches('/')));
    }
    let libraries = all.get("VIRTUAL_ENV").map(|one| one.trim_matches('/').to_owned()).into_iter();
    let libraries = libraries.chain(["opt/python", "var/lang", "usr/local", "usr"].map(str::to_owned));
    for library in libraries {
        let below = PathBuf::from(&library).join("lib");
        let mut versions: Vec<String> = std::fs::read_dir(root.join(&below))
            .into_iter()
            .flat_map(|entries| entries.flatten())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("python3"))
            .collect();
        versions.sort();
        for name in versions {
            if image.python.is_none() && library != "usr" {
                image.python = name.strip_prefix("python").and_then(version);
            }
            folders.extend(["site-packages", "dist-packages"].map(|last| below.join(&name).join(last)));
        }
        if library == "opt/python" {
            folders.extend(["opt/python", "var/runtime"].map(PathBuf::from));
        }
    }
    for folder in folders {
        let full = root.join(&folder);
        if full.is_dir() && full != image.code && !image.packages.contains(&full) {
            image.packages.push(full);
        }
    }
    image.variables = all.into_iter().filter(|(name, _)| !is_system(name)).collect();
    Ok(image)
}

/// What an image consists of.
struct Found {
    name: Option<String>,
    config: String,
    layers: Vec<String>,
}

/// A member of a tar file: where its content is, or another that it stands for.
enum Member {
    Content(u64, u64),
    Link(String),
}

/// The files of an image's archive.
enum Store {
    Folder(PathBuf),
    Tar { file: PathBuf, members: BTreeMap<String, Member> },
}

impl Store {
    fn open(path: &Path, into: &Path) -> Result<Self, Diagnostic> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        let unreadable =
            |error: std::io::Error| Diagnostic::new(Kind::CannotRead, format!("cannot be read: {error}")).in_file(path);
        let mut file = path.to_path_buf();
        let mut source = fs_err::File::open(path).map_err(unreadable)?;
        let mut magic = [0_u8; 2];
        let _ = source.read(&mut magic).map_err(unreadable)?;
        if magic == GZIP {
            // Members are read where they lie: that needs the plain file.
            source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
            file = into.join("image.tar");
            let mut plain = fs_err::File::create_new(&file).map_err(|error| tree::cannot_write(&file, &error))?;
            std::io::copy(&mut flate2::read::MultiGzDecoder::new(std::io::BufReader::new(source)), &mut plain)
                .map_err(|error| wrong(path, error))?;
        }
        let source = fs_err::File::open(&file).map_err(unreadable)?;
        let mut archive = Archive::new(source);
        let mut members = BTreeMap::new();
        for entry in archive.entries_with_seek().map_err(|error| wrong(path, error))? {
            let entry = entry.map_err(|error| wrong(path, error))?;
            let name = entry.path().ok().and_then(|path| plain(&path)).unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            let member = match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => Member::Content(entry.raw_file_position(), entry.size()),
                EntryType::Symlink | EntryType::Link => {
                    let target = entry.link_name().ok().flatten().map(|one| one.into_owned()).unwrap_or_default();
                    let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
                    let is_hard = entry.header().entry_type() == EntryType::Link;
                    let target = if is_hard { target } else { resolved(folder, &target).unwrap_or_default() };
                    Member::Link(target.to_string_lossy().into_owned())
                }
                _ => continue,
            };
            members.insert(name, member);
        }
        Ok(Self::Tar { file, members })
    }

    /// The content of a file; of the whole archive for an empty name.
    fn reader(&self, name: &str) -> Option<Box<dyn Read>> {
        match self {
            Self::Folder(_) if name.is_empty() => None,
            Self::Folder(folder) => {
                let relative = plain(Path::new(name))?;
                Some(Box::new(fs_err::File::open(folder.join(relative)).ok()?))
            }
            Self::Tar { file, .. } if name.is_empty() => Some(Box::new(fs_err::File::open(file).ok()?)),
            Self::Tar { file, members } => {
                let mut member = members.get(name)?;
                // Docker's older archives name a layer once, and link to it.
                for _ in 0..8 {
                    match member {
                        Member::Link(target) => member = members.get(target)?,
                        Member::Content(..) => break,
                    }
                }
                let Member::Content(at, size) = member else { return None };
                let mut file = fs_err::File::open(file).ok()?;
                file.seek(SeekFrom::Start(*at)).ok()?;
                Some(Box::new(file.take(*size)))
            }
        }
    }

    fn json(&self, name: &str) -> Result<Value, String> {
        let mut text = Vec::new();
        let reader = self.reader(name).ok_or_else(|| format!("it has no {name}"))?;
        reader.take(MOST_TEXT).read_to_end(&mut text).map_err(|error| error.to_string())?;
        serde_json::from_slice(&text).map_err(|error| format!("its {name} is damaged: {error}"))
    }

    /// What the archive says it holds; none if it says nothing.
    fn manifest(&self, path: &Path) -> Result<Option<Found>, Diagnostic> {
        let texts = |value: Option<&Value>| -> Vec<String> {
            value
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect()
        };
        if self.reader("manifest.json").is_some() {
            let manifest = self.json("manifest.json").map_err(|why| wrong(path, why))?;
            let all = manifest.as_array().map(Vec::as_slice).unwrap_or_default();
            let names: Vec<String> = all.iter().flat_map(|one| texts(one.get("RepoTags"))).collect();
            if all.len() > 1 {
                return Err(wrong(path, format!("it holds {} images: {}", all.len(), names.join(", "))));
            }
            if let Some(one) = all.first() {
                let config = one.get("Config").and_then(Value::as_str).unwrap_or_default().to_owned();
                let layers = texts(one.get("Layers"));
                return Ok(Some(Found { name: names.into_iter().next(), config, layers }));
            }
        }
        if self.reader("index.json").is_none() {
            return Ok(None);
        }
        let mut value = self.json("index.json").map_err(|why| wrong(path, why))?;
        let mut name = None;
        for _ in 0..4 {
            let Some(inner) = value.get("manifests").and_then(Value::as_array) else { break };
            let of = |one: &Value, key: &str| -> String {
                one.get("platform").and_then(|platform| platform.get(key)?.as_str()).unwrap_or_default().to_owned()
            };
            let here = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
            let is_image = |one: &&Value| !matches!(of(one, "os").as_str(), "unknown" | "windows");
            let chosen = inner.iter().filter(is_image).find(|one| of(one, "architecture") == here);
            let Some(one) = chosen.or_else(|| inner.iter().find(is_image)) else {
                return Err(wrong(path, "its index names no image of Linux"));
            };
            let label = one.get("annotations").and_then(|all| all.get("org.opencontainers.image.ref.name")?.as_str());
            name = label.map(str::to_owned).or(name);
            let digest = one.get("digest").and_then(Value::as_str).unwrap_or_default();
            value = self.json(&blob(digest)).map_err(|why| wrong(path, why))?;
        }
        let digest = |one: &Value| one.get("digest").and_then(Value::as_str).map(blob);
        let config = value.get("config").and_then(digest).ok_or_else(|| wrong(path, "its manifest names no config"))?;
        let layers = value.get("layers").and_then(Value::as_array).into_iter().flatten().filter_map(digest).collect();
        // A name without a tag's form is none that a command would take.
        Ok(Some(Found { name: name.filter(|name| name.contains(['/', ':'])), config, layers }))
    }
}

/// The file of a digest: `sha256:…`.
fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether a frame of zstd that begins so holds nothing of the content (RFC 8878, 3.1.2).
fn is_skipped(magic: [u8; 4]) -> bool {
    u32::from_le_bytes(magic) & !0xf == 0x184d_2a50
}

/// What is packed by zstd, unpacked: all its frames, one behind the other. Layers that can be read in part
/// (`zstd:chunked`) have one a file, and end in frames that hold an index.
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
}

impl<R: std::io::BufRead> Frames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        // As the command `zstd` does, which refuses more as well.
        decoder.set_max_window_size(128 << 20);
        Self { source, decoder }
    }

    /// Begins the next frame that holds something; false behind the last.
    fn begin(&mut self) -> std::io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    let skipped = std::io::copy(&mut self.source.by_ref().take(length), &mut std::io::sink())?;
                    if skipped < length {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(std::io::Error::other(error.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: std::io::BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.source, one);
                decoded.map_err(|error| std::io::Error::other(error.to_string()))?;
                continue;
            }
            let told = self.decoder.get_checksum_from_data();
            if told.is_some() && told != self.decoder.get_calculated_checksum() {
                return Err(std::io::Error::other("a checksum of zstd is another"));
            }
            if !self.begin()? {
                return Ok(0);
            }
        }
        self.decoder.read(into)
    }
}

/// A path without its root and `.`; none if it leads up.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut all = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => all.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(all)
}

/// Where a symbolic link of a folder leads, within the image.
fn resolved(folder: &Path, target: &Path) -> Option<PathBuf> {
    let mut all = if target.is_absolute() { PathBuf::new() } else { folder.to_path_buf() };
    for part in target.components() {
        match part {
            Component::Normal(name) => all.push(name),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir => {
                // Above the root is the root.
                all.pop();
            }
            Component::Prefix(_) => return None,
        }
    }
    Some(all)
}

/// The part of an image's root that is wanted, as its layers leave it.
struct Unpacked {
    root: PathBuf,
    task: PathBuf,
    more: Vec<PathBuf>,
    /// Symbolic links, made at the end: nothing is written through one.
    links: BTreeMap<PathBuf, PathBuf>,
    skipped: BTreeSet<String>,
}

impl Unpacked {
    fn new(root: &Path, config: &Value) -> Self {
        let path = variables(config).get("PYTHONPATH").cloned().unwrap_or_default();
        let more = path.split(':').map(|one| PathBuf::from(one.trim_matches('/'))).filter(|one| one.iter().count() > 0);
        Self {
            root: root.to_path_buf(),
            task: PathBuf::from(task_of(config)),
            more: more.collect(),
            links: BTreeMap::new(),
            skipped: BTreeSet::new(),
        }
    }

    fn wants(&self, path: &Path) -> bool {
        let whole = [Path::new("opt/python"), Path::new("var/runtime")];
        path.starts_with(&self.task)
            || whole.iter().any(|one| path.starts_with(one))
            || self.more.iter().any(|one| path.starts_with(one))
            || path.iter().any(|part| part == "site-packages" || part == "dist-packages")
    }

    /// Removes what an earlier layer has put there.
    fn remove(&mut self, path: &Path) {
        let full = self.root.join(path);
        if full.is_dir() {
            let _ = std::fs::remove_dir_all(&full);
        } else {
            let _ = std::fs::remove_file(&full);
        }
        self.links.retain(|link, _| !link.starts_with(path));
    }

    fn layer(&mut self, mut reader: Box<dyn Read>, file: &Path) -> Result<(), Diagnostic> {
        let mut magic = [0_u8; 4];
        let mut have = 0;
        while let Some(rest) = magic.get_mut(have..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest).map_err(|error| wrong(file, error))? {
                0 => break,
                read => have += read,
            }
        }
        let whole = std::io::Cursor::new(magic.into_iter().take(have).collect::<Vec<u8>>()).chain(reader);
        let whole = std::io::BufReader::new(whole);
        if magic.starts_with(&GZIP) {
            self.entries(flate2::read::MultiGzDecoder::new(whole), file)
        } else if magic == ZSTD || is_skipped(magic) {
            self.entries(Frames::new(whole), file)
        } else {
            self.entries(whole, file)
        }
    }

    fn entries(&mut self, reader: impl Read, file: &Path) -> Result<(), Diagnostic> {
        let damaged = |error: std::io::Error| wrong(file, format!("a layer is damaged: {error}"));
        let mut archive = Archive::new(reader);
        // What this layer brought is not what its own whiteouts are for.
        let mut brought: BTreeSet<PathBuf> = BTreeSet::new();
        for entry in archive.entries().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let path = entry.path().map_err(damaged)?.into_owned();
            let Some(path) = plain(&path) else {
                return Err(wrong(file, format!("`{}` leads out of it", path.display())));
            };
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
            if name == ".wh..wh..opq" {
                let below: Vec<PathBuf> = std::fs::read_dir(self.root.join(&folder))
                    .into_iter()
                    .flat_map(|entries| entries.flatten())
                    .map(|entry| folder.join(entry.file_name()))
                    .chain(self.links.keys().filter(|link| link.parent() == Some(&folder)).cloned())
                    .filter(|one| !brought.iter().any(|new| new.starts_with(one)))
                    .collect();
                for one in below {
                    self.remove(&one);
                }
                continue;
            }
            if let Some(gone) = name.strip_prefix(".wh.") {
                self.remove(&folder.join(gone));
                continue;
            }
            if !self.wants(&path) {
                continue;
            }
            let kind = entry.header().entry_type();
            let to = self.root.join(&path);
            let failed = |error: std::io::Error| tree::cannot_write(&to, &error);
            match kind {
                EntryType::Directory => {
                    if to.is_file() {
                        self.remove(&path);
                    }
                    self.links.remove(&path);
                    fs_err::create_dir_all(&to).map_err(failed)?;
                }
                EntryType::Regular | EntryType::Continuous => {
                    self.remove(&path);
                    if let Some(folder) = to.parent() {
                        fs_err::create_dir_all(folder).map_err(failed)?;
                    }
                    let mut out = fs_err::File::create_new(&to).map_err(failed)?;
                    std::io::copy(&mut entry, &mut out).map_err(failed)?;
                    mode(&to, entry.header().mode().unwrap_or(0o644)).map_err(failed)?;
                }
                EntryType::Link => {
                    let target = entry.link_name().map_err(damaged)?.map(|one| one.into_owned()).unwrap_or_default();
                    let from = plain(&target).map(|target| self.root.join(target)).filter(|from| from.is_file());
                    match from {
                        Some(from) if from != to => {
                            self.remove(&path);
                            if let Some(folder) = to.parent() {
                                fs_err::create_dir_all(folder).map_err(failed)?;
                            }
                            tree::copy_one(&from, &to).map_err(failed)?;
                        }
                        Some(_) => {}
                        None => {
                            self.skipped.insert(format!("/{}", path.display()));
                        }
                    }
                }
                EntryType::Symlink => {
                    let target = entry.link_name().map_err(damaged)?.map(|one| one.into_owned()).unwrap_or_default();
                    self.remove(&path);
                    if let Some(target) = resolved(&folder, &target) {
                        self.links.insert(path.clone(), target);
                    }
                }
                // Devices, pipes and what only describes.
                _ => continue,
            }
            brought.insert(path);
        }
        Ok(())
    }

    /// Makes the symbolic links, as copies of what they lead to: that is what a package holds of them.
    fn finish(mut self, notes: &mut Vec<String>) -> Result<(), Diagnostic> {
        // A link may lead to another: as often as anything changes.
        let mut open = std::mem::take(&mut self.links);
        loop {
            let before = open.len();
            let mut left = BTreeMap::new();
            for (path, target) in open {
                let (to, from) = (self.root.join(&path), self.root.join(&target));
                if !from.exists() || path.starts_with(&target) {
                    left.insert(path, target);
                    continue;
                }
                let failed = |error: std::io::Error| tree::cannot_write(&to, &error);
                if let Some(folder) = to.parent() {
                    fs_err::create_dir_all(folder).map_err(failed)?;
                }
                if from.is_file() {
                    tree::copy_one(&from, &to).map_err(failed)?;
                } else {
                    let files: Vec<tree::File> = tree::list(&from)
                        .into_iter()
                        .map(|(relative, bytes)| tree::File { source: from.join(&relative), relative, bytes })
                        .collect();
                    fs_err::create_dir_all(&to).map_err(failed)?;
                    tree::copy(&files, &to)?;
                }
            }
            open = left;
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        self.skipped.extend(open.keys().map(|path| format!("/{}", path.display())));
        if !self.skipped.is_empty() {
            let few: Vec<&str> = self.skipped.iter().take(3).map(String::as_str).collect();
            notes.push(format!(
                "{} links of the image lead to what is not read of it, such as {}",
                self.skipped.len(),
                few.join(", ")
            ));
        }
        Ok(())
    }
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o111 | 0o644))
}

#[cfg(not(unix))]
fn mode(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}
