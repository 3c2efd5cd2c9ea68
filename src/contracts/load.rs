//! Where contracts come from: the files in the program, and folders of the user's.
//!
//! Reads files. Depends on `diagnostic`.

use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::format::{Contract, Kind, Parameters, Parsed, parse_file, parse_piece};
use super::{Arguments, Match, Text};
use crate::diagnostic::{Diagnostic, Kind as Complaint};

mod shipped {
    include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
}

/// The contracts that are in force: the shipped ones, and before them those of the user's folders.
#[derive(Clone, Debug, Default)]
pub struct Contracts {
    /// The user's, first wins.
    own: Vec<Arc<Layer>>,
}

/// The contracts of one folder.
#[derive(Debug, Default)]
struct Layer {
    callables: FxHashMap<Text, Vec<Arc<Contract>>>,
    kinds: FxHashMap<Text, Arc<Kind>>,
    libraries: Vec<Library>,
}

/// A file of contracts.
#[derive(Clone, Debug)]
pub struct Library {
    /// Name of the library.
    pub name: Text,
    /// The file; of shipped ones its name alone.
    pub file: Text,
    /// Versions that the contracts were checked with.
    pub versions: Option<Text>,
    /// Its contracts, in the order of the file.
    pub contracts: Vec<Arc<Contract>>,
    /// Its kinds, in the order of the file.
    pub kinds: Vec<Arc<Kind>>,
}

/// Who wrote a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// People, from sources and measurements.
    Declared,
    /// `meminterface learn`.
    Learned,
}

impl Origin {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Learned => "learned",
        }
    }
}

impl Contract {
    /// Who wrote it: what has a provenance was learned.
    pub fn origin(&self) -> Origin {
        if self.provenance.is_some() { Origin::Learned } else { Origin::Declared }
    }
}

/// One slot a shipped table, filled when something first asks for it.
static SLOTS: LazyLock<Vec<OnceLock<Parsed>>> =
    LazyLock::new(|| shipped::PIECES.iter().map(|_| OnceLock::new()).collect());

static SHIPPED: Contracts = Contracts { own: Vec::new() };

/// Most steps from a kind to its base that are followed.
const MOST_BASES: usize = 16;

fn shipped_piece(piece: u32) -> Option<&'static Parsed> {
    let at = usize::try_from(piece).ok()?;
    let (file, start, end) = *shipped::PIECES.get(at)?;
    let (name, text) = *shipped::FILES.get(usize::from(file))?;
    Some(SLOTS.get(at)?.get_or_init(|| {
        let part = text.get(start as usize..end as usize).unwrap_or_default();
        let before = text.get(..start as usize).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        parse_piece(name, part, u32::try_from(line).unwrap_or(0).saturating_add(1))
    }))
}

/// The pieces of a name in a sorted index.
fn indexed(index: &'static [(&'static str, u32)], name: &str) -> &'static [(&'static str, u32)] {
    let start = index.partition_point(|(other, _)| *other < name);
    let rest = index.get(start..).unwrap_or_default();
    let length = rest.iter().take_while(|(other, _)| *other == name).count();
    rest.get(..length).unwrap_or_default()
}

impl Contracts {
    /// The contracts that come with the program.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// The shipped contracts, and before them those of folders (`*.toml`, not below); a later folder wins over an
    /// earlier one. An entry for a callable hides all entries that come later for the same name.
    ///
    /// # Errors
    /// All that is wrong with the files.
    pub fn with(folders: &[impl AsRef<Path>]) -> Result<Self, Vec<Diagnostic>> {
        let mut contracts = Self::default();
        let mut diagnostics = Vec::new();
        for folder in folders {
            let (layer, mut found) = read_folder(folder.as_ref());
            diagnostics.append(&mut found);
            contracts.own.insert(0, Arc::new(layer));
        }
        for library in contracts.own_libraries() {
            if let Ok(text) = read_file(Path::new(&*library.file)) {
                diagnostics.extend(super::check::check_library(&library, &text, &contracts));
            }
        }
        if diagnostics.iter().any(Diagnostic::is_error) { Err(diagnostics) } else { Ok(contracts) }
    }

    /// The contracts of parsed files, before the shipped ones.
    pub(super) fn of_files(files: Vec<(Text, Parsed)>) -> Self {
        Self { own: vec![Arc::new(layer(files))] }
    }

    /// The contract of a call: by the callable's qualified name, or by kind and method (`numpy.ndarray.sum`), and by
    /// what the arguments are. Of several entries the one with most conditions wins, then the first.
    pub fn find(&self, name: &str, arguments: &dyn Arguments) -> Option<Match<'_>> {
        self.entries(name, &mut |entries| super::matching::best(entries, arguments, self))
            .map(|contract| Match { contract, contracts: self })
    }

    /// The parameters of a callable, to bind arguments to before [`Contracts::find`]: all entries of a name have the
    /// same ones.
    pub fn parameters(&self, name: &str) -> Option<&Parameters> {
        self.entries(name, &mut |entries| entries.first().copied()).map(|contract| &contract.parameters)
    }

    /// All entries of exactly this name, those in force first.
    pub fn all(&self, name: &str) -> Vec<&Contract> {
        let mut found: Vec<&Contract> = Vec::new();
        self.layers(name, &mut |entries| -> Option<()> {
            found.extend(entries);
            None
        });
        found
    }

    /// Whether a callable or attribute has an entry: by its own name or by the kind's base.
    pub fn knows(&self, name: &str) -> bool {
        self.parameters(name).is_some()
    }

    /// Whether the user's own files have an entry of exactly this name.
    pub fn is_own(&self, name: &str) -> bool {
        self.own.iter().any(|layer| layer.callables.contains_key(name))
    }

    /// A kind by its name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.own.iter().find_map(|layer| layer.kinds.get(name).map(|kind| &**kind)).or_else(|| {
            let (_, piece) = indexed(shipped::KINDS, name).first()?;
            shipped_piece(*piece)?.kinds.iter().find(|kind| &*kind.name == name).map(|kind| &**kind)
        })
    }

    /// The kind and its bases, nearest first. A kind that is not declared has the one that its name begins with as its
    /// base: `boto3.client.ses` is a `boto3.client`.
    pub fn lineage(&self, name: &str) -> Vec<Text> {
        let mut found: Vec<Text> = vec![Text::from(name)];
        while found.len() < MOST_BASES {
            let Some(last) = found.last().cloned() else { break };
            let next = match self.kind(&last) {
                Some(kind) => kind.base.clone(),
                None => {
                    last.rsplit_once('.').map(|(front, _)| Text::from(front)).filter(|front| self.kind(front).is_some())
                }
            };
            match next {
                Some(next) if !found.contains(&next) => found.push(next),
                _ => break,
            }
        }
        found
    }

    /// Every library, the user's first, shipped ones by file name. Parses all of them.
    pub fn libraries(&self) -> Vec<Library> {
        let mut found = self.own_libraries();
        found.extend(shipped::FILES.iter().map(|(file, text)| {
            let (parsed, _) = parse_file(Path::new(file), text);
            library(Text::from(*file), &parsed)
        }));
        found
    }

    /// The libraries of the user's folders alone.
    pub(super) fn own_libraries(&self) -> Vec<Library> {
        self.own.iter().flat_map(|layer| layer.libraries.iter().cloned()).collect()
    }

    /// Text of each shipped file.
    pub fn shipped_files() -> &'static [(&'static str, &'static str)] {
        shipped::FILES
    }

    /// Names of all callables, sorted.
    pub fn names(&self) -> Vec<Text> {
        let own = self.own.iter().flat_map(|layer| layer.callables.keys().cloned());
        let shipped = shipped::CALLABLES.iter().chain(shipped::LEARNED);
        let mut names: Vec<Text> = own.chain(shipped.map(|(name, _)| Text::from(*name))).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Asks for a name, then for the same method of the kind's bases.
    ///
    /// Shipped contracts that were learned come last: they speak only where no declared one does.
    fn entries<'s, T>(&'s self, name: &str, ask: &mut dyn FnMut(&[&'s Contract]) -> Option<T>) -> Option<T> {
        if let Some(found) = self.declared(name, ask) {
            return Some(found);
        }
        let bases = name.rsplit_once('.').map(|(kind, method)| (self.lineage(kind), method)).unwrap_or_default();
        let names: Vec<String> = bases.0.iter().skip(1).map(|base| format!("{base}.{}", bases.1)).collect();
        names
            .iter()
            .find_map(|name| self.declared(name, ask))
            .or_else(|| Self::learned(name, ask))
            .or_else(|| names.iter().find_map(|name| Self::learned(name, ask)))
    }

    fn layers<'s, T>(&'s self, name: &str, ask: &mut dyn FnMut(&[&'s Contract]) -> Option<T>) -> Option<T> {
        self.declared(name, ask).or_else(|| Self::learned(name, ask))
    }

    /// Shipped contracts that were learned.
    fn learned<'s, T>(name: &str, ask: &mut dyn FnMut(&[&'s Contract]) -> Option<T>) -> Option<T> {
        let pieces = indexed(shipped::LEARNED, name).iter().filter_map(|(_, piece)| shipped_piece(*piece));
        let entries: Vec<&'static Contract> =
            pieces.flat_map(|parsed| parsed.contracts.iter().map(|contract| &**contract)).collect();
        if entries.is_empty() { None } else { ask(&entries) }
    }

    fn declared<'s, T>(&'s self, name: &str, ask: &mut dyn FnMut(&[&'s Contract]) -> Option<T>) -> Option<T> {
        for layer in &self.own {
            if let Some(entries) = layer.callables.get(name) {
                let entries: Vec<&Contract> = entries.iter().map(|contract| &**contract).collect();
                if let Some(found) = ask(&entries) {
                    return Some(found);
                }
            }
        }
        let pieces = indexed(shipped::CALLABLES, name).iter().filter_map(|(_, piece)| shipped_piece(*piece));
        let entries: Vec<&'static Contract> =
            pieces.flat_map(|parsed| parsed.contracts.iter().map(|contract| &**contract)).collect();
        if entries.is_empty() { None } else { ask(&entries) }
    }
}

fn library(file: Text, parsed: &Parsed) -> Library {
    Library {
        name: parsed.name.clone().unwrap_or_else(|| file.clone()),
        file,
        versions: parsed.versions.clone(),
        contracts: parsed.contracts.clone(),
        kinds: parsed.kinds.clone(),
    }
}

fn layer(files: Vec<(Text, Parsed)>) -> Layer {
    let mut layer = Layer::default();
    // The later of two files hides the earlier one, as a later folder does.
    for (file, parsed) in files {
        let mut callables: IndexMap<Text, Vec<Arc<Contract>>> = IndexMap::new();
        for contract in &parsed.contracts {
            for name in &contract.names {
                callables.entry(name.clone()).or_default().push(contract.clone());
            }
        }
        layer.callables.extend(callables);
        layer.kinds.extend(parsed.kinds.iter().map(|kind| (kind.name.clone(), kind.clone())));
        layer.libraries.push(library(file, &parsed));
    }
    layer
}

fn read_folder(folder: &Path) -> (Layer, Vec<Diagnostic>) {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Diagnostic::new(Complaint::CannotRead, format!("cannot be read: {error}"))
            .in_file(path)
            .help("`--contracts` takes a folder of contract files (*.toml)")
    };
    let mut diagnostics = Vec::new();
    let mut paths = Vec::new();
    match fs_err::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => paths.push(entry.path()),
                    Err(error) => diagnostics.push(unreadable(folder, &error)),
                }
            }
        }
        Err(error) => diagnostics.push(unreadable(folder, &error)),
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    if paths.is_empty() && diagnostics.is_empty() {
        diagnostics.push(
            Diagnostic::new(Complaint::CannotRead, "the folder has no contract files")
                .in_file(folder)
                .help("contract files end in .toml"),
        );
    }
    let mut files = Vec::new();
    for path in paths {
        match read_file(&path) {
            Ok(text) => {
                let (parsed, mut found) = parse_file(&path, &text);
                diagnostics.append(&mut found);
                files.push((Text::from(path.display().to_string()), parsed));
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    (layer(files), diagnostics)
}

/// Largest contract file that is read.
const MOST_BYTES: u64 = 8 << 20;

/// Reads a contract file.
///
/// # Errors
/// `cannot-read`, `file-too-large`, `undecodable`.
pub(super) fn read_file(path: &Path) -> Result<String, Diagnostic> {
    let failed = |error: std::io::Error| {
        Diagnostic::new(Complaint::CannotRead, format!("cannot be read: {error}"))
            .in_file(path)
            .help("check the path and its permissions")
    };
    let length = fs_err::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES {
        return Err(Diagnostic::new(Complaint::FileTooLarge, format!("{length} bytes are too many for contracts"))
            .in_file(path)
            .help("split the file"));
    }
    String::from_utf8(fs_err::read(path).map_err(failed)?).map_err(|error| {
        Diagnostic::new(Complaint::Undecodable, format!("not UTF-8: {}", error.utf8_error())).in_file(path)
    })
}

impl Contracts {
    /// A shipped kind that people declared: learned files declare the same kinds again where they need them.
    pub fn declared_kind(name: &str) -> Option<&'static Kind> {
        let (_, piece) = indexed(shipped::KINDS, name).first()?;
        let kind = shipped_piece(*piece)?.kinds.iter().find(|kind| &*kind.name == name)?;
        (!kind.place.file.starts_with("learned/")).then(|| &**kind)
    }
}

impl Kind {
    /// The sizes that a contract which makes one may give.
    pub fn given_features(&self) -> std::collections::BTreeSet<String> {
        self.features.iter().map(ToString::to_string).collect()
    }

    /// The texts that a contract which makes one may give.
    pub fn given_texts(&self) -> std::collections::BTreeSet<String> {
        self.texts.iter().map(ToString::to_string).collect()
    }

    /// Whether it says how many bytes one takes.
    pub fn has_bytes(&self) -> bool {
        self.bytes.is_some()
    }
}
