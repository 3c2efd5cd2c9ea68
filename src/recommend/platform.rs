//! Platforms as data: limits, CPU by memory, prices. The files are in `data/`, each with its sources and their date.
//!
//! Depends on nothing of the crate.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A platform's limits and prices.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// `aws-lambda`.
    pub name: String,
    /// For people.
    pub title: String,
    /// When the sources were read, as far as each says that it was.
    pub date: String,
    /// Where the figures are from.
    pub sources: Vec<String>,
    /// Memory settings.
    pub memory: Memory,
    /// CPU by memory.
    pub cpu: Cpu,
    /// Time.
    pub time: Time,
    /// Sizes of requests.
    pub payload: Payload,
    /// What calls functions, and how much of it one call may bring.
    #[serde(rename = "event_source", default)]
    pub event_sources: Vec<EventSourceLimit>,
    /// Prices by architecture; the first is the default.
    #[serde(rename = "price")]
    pub prices: Vec<Price>,
}

/// Which memory settings there are, in MB (1 MB = 1,048,576 bytes).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The least.
    pub min_mb: u64,
    /// The most.
    pub max_mb: u64,
    /// The step between two, where they are not listed.
    #[serde(default = "one")]
    pub step_mb: u64,
    /// All of them, where they are few.
    #[serde(default)]
    pub settings_mb: Vec<u64>,
    /// Whether it is set at all; where not, what was used is billed.
    #[serde(default = "yes")]
    pub is_setting: bool,
}

/// How much CPU comes with a memory setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cpu {
    /// MB of one vCPU, where CPU is in proportion to memory.
    #[serde(default)]
    pub mb_per_vcpu: Option<f64>,
    /// The most vCPUs.
    #[serde(default)]
    pub max_vcpus: Option<f64>,
    /// MB and vCPUs by setting, where it is not.
    #[serde(default)]
    pub table: Vec<(f64, f64)>,
}

/// Limits and billing of time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// The longest invocation.
    pub max_s: u64,
    /// Time is billed in steps of this.
    pub billed_step_ms: f64,
    /// The least that is billed for an invocation.
    pub billed_min_ms: f64,
    /// Whether the initialisation is billed.
    pub bills_init: bool,
    /// Whether the initialisation has a whole vCPU at every setting.
    pub full_vcpu_at_init: bool,
}

/// The largest requests, in bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    /// Of a caller that waits.
    pub synchronous_bytes: u64,
    /// Of one that does not.
    #[serde(default)]
    pub asynchronous_bytes: Option<u64>,
}

/// How much one call from a source of events may bring.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSourceLimit {
    /// Its names in templates, whatever their case.
    pub kinds: Vec<String>,
    /// Most records of a call where the template does not say; none where its events hold no records.
    #[serde(default)]
    pub records: Option<u64>,
    /// Most bytes of a call.
    pub payload_bytes: u64,
}

/// Prices of an architecture, in USD.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Of a million requests.
    pub usd_per_million_requests: f64,
    /// Of a vCPU for a second, where it is billed apart.
    #[serde(default)]
    pub usd_per_vcpu_s: f64,
    /// Of a GB of memory for a second, by how much a month takes.
    pub tiers: Vec<Tier>,
    /// Of the first tier in regions where it differs.
    #[serde(default)]
    pub region_usd_per_gb_s: BTreeMap<String, f64>,
}

/// A price up to some amount a month.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Up to this many GB-seconds a month; none for the last.
    #[serde(default)]
    pub up_to_gb_s: Option<f64>,
    /// The price.
    pub usd_per_gb_s: f64,
}

fn one() -> u64 {
    1
}

fn yes() -> bool {
    true
}

/// The files that ship.
const FILES: &[(&str, &str)] = &[
    ("aws-lambda", include_str!("data/aws-lambda.toml")),
    ("google-cloud", include_str!("data/google-cloud.toml")),
    ("azure-consumption", include_str!("data/azure-consumption.toml")),
    ("azure-flex", include_str!("data/azure-flex.toml")),
];

/// The names of all platforms.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// Reads the text of a platform's file.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(text: &str) -> Result<Platform, String> {
    let platform: Platform = toml::from_str(text).map_err(|error| error.to_string())?;
    if platform.prices.iter().any(|price| price.tiers.is_empty()) || platform.prices.is_empty() {
        return Err("a price without tiers".to_owned());
    }
    if platform.memory.min_mb == 0 || platform.memory.min_mb > platform.memory.max_mb || platform.memory.step_mb == 0 {
        return Err("no memory setting is possible".to_owned());
    }
    Ok(platform)
}

/// A platform by its name; none if there is no such file.
pub fn platform(name: &str) -> Option<Platform> {
    static PARSED: LazyLock<Vec<(&str, Option<Platform>)>> =
        LazyLock::new(|| FILES.iter().map(|(name, text)| (*name, parse(text).ok())).collect());
    PARSED.iter().find(|(known, _)| *known == name)?.1.clone()
}

impl Platform {
    /// The smallest setting that holds so many MB; none if it is more than the largest.
    pub fn smallest_setting(&self, mb: u64) -> Option<u64> {
        let memory = &self.memory;
        if !memory.settings_mb.is_empty() {
            return memory.settings_mb.iter().copied().filter(|setting| *setting >= mb).min();
        }
        let wanted = mb.max(memory.min_mb);
        let above = (wanted - memory.min_mb).div_ceil(memory.step_mb).checked_mul(memory.step_mb)?;
        let setting = memory.min_mb.checked_add(above)?;
        (setting <= memory.max_mb).then_some(setting)
    }

    /// All settings, in steps of the platform's or of `step`, whichever is larger. Ascending.
    pub fn settings(&self, step: u64) -> Vec<u64> {
        let memory = &self.memory;
        if !memory.settings_mb.is_empty() {
            return memory.settings_mb.clone();
        }
        let step = step.max(1).div_ceil(memory.step_mb) * memory.step_mb;
        let count = (memory.max_mb - memory.min_mb) / step;
        let mut all: Vec<u64> = (0..=count).map(|n| memory.min_mb + n * step).collect();
        if all.last().is_some_and(|last| *last < memory.max_mb) {
            all.push(memory.max_mb);
        }
        all
    }

    /// The vCPUs of a setting.
    pub fn vcpus(&self, memory_mb: u64) -> f64 {
        let mb = memory_mb as f64;
        if let Some(per) = self.cpu.mb_per_vcpu.filter(|per| *per > 0.0) {
            return (mb / per).min(self.cpu.max_vcpus.unwrap_or(f64::INFINITY));
        }
        let row = self.cpu.table.iter().find(|(setting, _)| *setting >= mb).or(self.cpu.table.last());
        row.map_or(1.0, |(_, vcpus)| *vcpus)
    }

    /// What is known of a source of events, by its name in a template.
    pub fn event_source(&self, kind: &str) -> Option<&EventSourceLimit> {
        self.event_sources.iter().find(|source| source.kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)))
    }

    /// The prices of an architecture.
    pub fn price(&self, architecture: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.architecture == architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_whole_and_cites_its_sources() {
        for (name, text) in FILES {
            let platform = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(platform.name, *name);
            assert!(!platform.sources.is_empty() && platform.date.len() == 10, "{name}");
            for price in &platform.prices {
                assert!(
                    price.tiers.last().is_some_and(|tier| tier.up_to_gb_s.is_none()),
                    "{name}: the last tier is open"
                );
                let falls = price.tiers.windows(2).all(|pair| pair[0].usd_per_gb_s > pair[1].usd_per_gb_s);
                assert!(falls, "{name}: more is cheaper");
            }
            assert!(platform.vcpus(platform.memory.min_mb) > 0.0);
        }
    }

    #[test]
    fn settings_of_each_platform() {
        let smallest = |name: &str, mb| platform(name).and_then(|platform| platform.smallest_setting(mb));
        assert_eq!([1, 128, 129, 10_240].map(|mb| smallest("aws-lambda", mb)), [128, 128, 129, 10_240].map(Some));
        assert_eq!(smallest("aws-lambda", 10_241), None);
        assert_eq!([1, 129, 600].map(|mb| smallest("google-cloud", mb)), [128, 256, 1024].map(Some));
        assert_eq!(smallest("azure-flex", 513), Some(2048));
        assert_eq!(smallest("azure-consumption", 200), Some(256));
        assert_eq!(smallest("azure-consumption", 1537), None);
        assert_eq!(smallest("no-such", 1), None);
        let aws = platform("aws-lambda").map(|platform| platform.settings(64)).unwrap_or_default();
        assert_eq!((aws.first(), aws.get(1), aws.last()), (Some(&128), Some(&192), Some(&10_240)));
    }

    #[test]
    fn cpu_follows_memory() {
        let aws = platform("aws-lambda").unwrap_or_else(|| panic!("it ships"));
        assert_eq!((aws.vcpus(1769), aws.vcpus(10_240)), (1.0, 10_240.0 / 1769.0));
        let google = platform("google-cloud").unwrap_or_else(|| panic!("it ships"));
        assert_eq!((google.vcpus(512), google.vcpus(2048), google.vcpus(99_999)), (0.333, 1.0, 8.0));
    }
}
