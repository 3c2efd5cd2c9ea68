//! What imports add to a process, as shipped: `interfaces/footprints/imports.toml`, which says how it was measured.
//!
//! Depends on nothing of the crate.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The file.
const TEXT: &str = include_str!("../../interfaces/footprints/imports.toml");

#[derive(Debug, Deserialize)]
struct File {
    environment: Environment,
    runtime: Runtime,
    import: Vec<Entry>,
    call: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Environment {
    python: String,
    date: String,
    standard: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Runtime {
    version: String,
    resident_bytes: u64,
    anonymous_bytes: u64,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(alias = "call")]
    module: String,
    version: Option<String>,
    small: (u64, u64),
    #[serde(default)]
    parts: BTreeMap<String, (u64, u64)>,
}

/// What a process holds before its first event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// All pages in memory, shared libraries' included, in bytes.
    pub resident_bytes: u64,
    /// Pages of no file, in bytes.
    pub anonymous_bytes: u64,
    /// What it is made of: the runtime client and packages, resident bytes, the largest first.
    pub parts: Vec<(String, u64)>,
    /// Top-level packages that nothing is known of: their memory is missing.
    pub missing: Vec<String>,
    /// What was measured, in words.
    pub source: String,
}

fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    FILE.get_or_init(|| toml::from_str(TEXT).ok()).as_ref()
}

/// The part of a dotted name before the first dot.
fn package(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The entry of a module, or of the nearest package around it.
fn entry<'a>(entries: &'a [Entry], name: &str) -> Option<&'a Entry> {
    let mut name = name;
    loop {
        if let Some(found) = entries.iter().find(|entry| entry.module == name) {
            return Some(found);
        }
        name = name.rsplit_once('.')?.0;
    }
}

/// What a process with these imports (dotted names) and calls (`boto3.client("s3")`) holds before its first event. `None`
/// if the shipped file cannot be read, which a test excludes.
///
/// Imports share packages: of each package the largest part counts, once.
pub fn baseline<'a>(
    imports: impl IntoIterator<Item = &'a str>,
    calls: impl IntoIterator<Item = &'a str>,
) -> Option<Baseline> {
    let file = file()?;
    let mut parts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut small = (0, 0);
    let mut missing: Vec<String> = Vec::new();
    let mut versions: Vec<String> = Vec::new();
    let mut used: Vec<&str> = Vec::new();
    let of_calls: Vec<&str> = calls.into_iter().collect();
    let found_calls = of_calls.iter().filter_map(|call| file.call.iter().find(|entry| entry.module == *call));
    let mut entries: Vec<&Entry> = found_calls.collect();
    for name in imports {
        match entry(&file.import, name) {
            Some(found) => entries.push(found),
            None => {
                let top = package(name);
                let is_known = file.environment.standard.iter().any(|module| module == top)
                    || file.import.iter().any(|entry| package(&entry.module) == top);
                if !is_known && !missing.iter().any(|known| known == top) {
                    missing.push(top.to_owned());
                }
            }
        }
    }
    for entry in entries {
        if used.contains(&entry.module.as_str()) {
            continue;
        }
        used.push(&entry.module);
        small = (small.0 + entry.small.0, small.1 + entry.small.1);
        for (name, (resident, anonymous)) in &entry.parts {
            let part = parts.entry(name).or_default();
            *part = (part.0.max(*resident), part.1.max(*anonymous));
        }
        if let Some(version) = &entry.version {
            let text = format!("{} {version}", package(&entry.module));
            if !versions.contains(&text) {
                versions.push(text);
            }
        }
    }
    let runtime = &file.runtime;
    let resident = runtime.resident_bytes + small.0 + parts.values().map(|part| part.0).sum::<u64>();
    let anonymous = runtime.anonymous_bytes + small.1 + parts.values().map(|part| part.1).sum::<u64>();
    let mut listed: Vec<(String, u64)> = vec![(format!("awslambdaric {}", runtime.version), runtime.resident_bytes)];
    listed.extend(parts.iter().map(|(name, part)| ((*name).to_owned(), part.0)));
    listed.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    versions.sort();
    let of = if versions.is_empty() { String::new() } else { format!(", {}", versions.join(", ")) };
    Some(Baseline {
        resident_bytes: resident,
        anonymous_bytes: anonymous,
        parts: listed,
        missing,
        source: format!(
            "the baseline is that of shipped import footprints (Python {}, {}{of}), not measured here",
            file.environment.python, file.environment.date
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_whole() {
        let file: File = toml::from_str(TEXT).unwrap_or_else(|error| panic!("{error}"));
        assert!(file.import.len() > 30 && file.call.len() > 5);
        assert!(file.environment.standard.iter().any(|module| module == "json"));
    }

    #[test]
    fn shared_packages_count_once() {
        let of = |imports: &[&str], calls: &[&str]| {
            baseline(imports.iter().copied(), calls.iter().copied()).unwrap_or_else(|| panic!("it ships"))
        };
        let bare = of(&[], &[]).resident_bytes;
        assert!((8 << 20..32 << 20).contains(&bare), "{bare}");
        let (numpy, pandas) = (of(&["numpy"], &[]).resident_bytes, of(&["pandas"], &[]).resident_bytes);
        let both = of(&["numpy", "pandas", "pandas.core"], &[]).resident_bytes;
        assert!(bare < numpy && numpy < pandas && both < pandas + (2 << 20), "{bare} {numpy} {pandas} {both}");
        assert_eq!(of(&["json", "typing.Any"], &[]).missing, Vec::<String>::new());
        assert_eq!(of(&["no_such.thing", "no_such.other"], &[]).missing, ["no_such"]);
        let client = of(&["boto3"], &["boto3.client(\"s3\")"]).resident_bytes;
        assert!(client > of(&["boto3"], &[]).resident_bytes + (4 << 20));
    }
}
