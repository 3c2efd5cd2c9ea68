//! Workloads: what is known of inputs and memory-critical variables, as a file that people write and tools record.
//!
//! A workload says of each input (`[inputs."event['n']"]`) and each variable (`[mcvs.rows]`) that it is fixed, listed or
//! drawn from a distribution (docs/WORKLOAD.md). [`Workload::parse`] is the one reader, [`Writer`] the one writer;
//! `measure --record-mcvs` and `recommend --write-workload` write what `predict`, `recommend` and `listing` read. Depends on
//! `diagnostic`, `draws` and the language of `formula`; reads no files.
//!
//! Invariant: a draw is a function of the seed, the entry's name and the number of the sample, and of nothing else. Adding an
//! entry changes no other entry's draws, and every machine draws the same.

mod draw;
mod place;
mod read;
mod write;

use serde_json::Value as Json;

pub use draw::Distribution;
pub use place::{Path, input_path, keys, part, put, stands_for};
pub(crate) use read::json_of;
pub use write::{Recorded, Writer};

/// Samples that are drawn if neither the file nor the command line says how many.
pub const SAMPLES: usize = 10_000;

/// Most samples that may be asked for.
pub const MOST_SAMPLES: usize = 20_000_000;

/// Which table an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Parts of the event.
    Inputs,
    /// Memory-critical variables.
    Mcvs,
}

impl Table {
    /// As the file says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inputs => "inputs",
            Self::Mcvs => "mcvs",
        }
    }
}

/// What was drawn for a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// A value.
    Value(Json),
    /// The length of a value of which nothing else is known.
    Length(u64),
}

/// What a value is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Nothing was filled in.
    Open,
    /// Always the same.
    Fixed(Drawn),
    /// One of a list.
    Listed {
        /// What may come.
        items: Vec<Drawn>,
        /// The share of draws that fall on each item or one before it: the last is 1.
        shares: Vec<f64>,
    },
    /// What the caller gives for each sample.
    Rows(Vec<Drawn>),
    /// A number.
    Numbers {
        /// How numbers are spread.
        distribution: Distribution,
        /// Whether they are rounded to whole numbers.
        integer: bool,
        /// Whether they are lengths.
        length: bool,
    },
}

/// What is known of an input or a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub table: Table,
    /// Its name, as the file has it.
    pub name: String,
    /// The line of its table.
    pub line: u32,
    /// The column of its name.
    pub column: u32,
    /// Where its values come from.
    pub source: Source,
    /// Values that stand for small, medium and large, where the file names them.
    pub sizes: Option<[Json; 3]>,
}

/// A workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Where draws begin.
    pub seed: u64,
    /// How many samples are drawn.
    pub samples: Option<usize>,
    /// Inputs and variables, in the file's order.
    pub entries: Vec<Entry>,
}

impl Workload {
    /// The entries that say something, of a table.
    pub fn of(&self, table: Table) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.table == table && entry.source != Source::Open)
    }

    /// The entries that nothing was filled in for.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.source == Source::Open)
    }
}

impl Entry {
    /// The draw of a sample.
    pub fn draw(&self, seed: u64, sample: usize) -> Drawn {
        let share = draw::uniform(seed, self.table, &self.name, sample);
        match &self.source {
            Source::Open => Drawn::Value(Json::Null),
            Source::Fixed(drawn) => drawn.clone(),
            Source::Listed { items, shares } => {
                let at = shares.partition_point(|end| *end <= share).min(items.len().saturating_sub(1));
                items.get(at).cloned().unwrap_or(Drawn::Value(Json::Null))
            }
            Source::Rows(rows) => rows.get(sample).cloned().unwrap_or(Drawn::Value(Json::Null)),
            Source::Numbers { distribution, integer, length } => {
                let number = rounded(distribution.at(share), *integer || *length);
                if *length {
                    Drawn::Length(number.max(0.0) as u64)
                } else {
                    Drawn::Value(json_number(number, *integer))
                }
            }
        }
    }

    /// The draw of a sample as a number: a length, or 0 and 1 for a truth value. None if it is neither.
    pub fn number(&self, seed: u64, sample: usize) -> Option<f64> {
        if let Source::Numbers { distribution, integer, length } = &self.source {
            let share = draw::uniform(seed, self.table, &self.name, sample);
            return Some(rounded(distribution.at(share), *integer || *length));
        }
        number_of(&self.draw(seed, sample))
    }

    /// Whether all that may be drawn is a number, a truth value or a length.
    pub fn is_numeric(&self) -> bool {
        match &self.source {
            Source::Open => false,
            Source::Fixed(drawn) => number_of(drawn).is_some(),
            Source::Listed { items, .. } | Source::Rows(items) => items.iter().all(|item| number_of(item).is_some()),
            Source::Numbers { .. } => true,
        }
    }

    /// Whether what is drawn is lengths, at least for some samples.
    pub fn has_lengths(&self) -> bool {
        match &self.source {
            Source::Open => false,
            Source::Fixed(drawn) => matches!(drawn, Drawn::Length(_)),
            Source::Listed { items, .. } | Source::Rows(items) => {
                items.iter().any(|item| matches!(item, Drawn::Length(_)))
            }
            Source::Numbers { length, .. } => *length,
        }
    }

    /// How many different values there are at the most; none if there is no bound to speak of.
    pub fn variety(&self) -> Option<usize> {
        match &self.source {
            Source::Open => Some(0),
            Source::Fixed(_) => Some(1),
            Source::Listed { items, .. } => Some(items.len()),
            Source::Numbers { .. } | Source::Rows(_) => None,
        }
    }
}

/// The number that a draw is.
pub fn number_of(drawn: &Drawn) -> Option<f64> {
    match drawn {
        Drawn::Length(length) => Some(*length as f64),
        Drawn::Value(Json::Bool(value)) => Some(f64::from(u8::from(*value))),
        Drawn::Value(Json::Number(number)) => number.as_f64(),
        Drawn::Value(_) => None,
    }
}

fn rounded(number: f64, integer: bool) -> f64 {
    if integer { number.round() } else { number }
}

fn json_number(number: f64, integer: bool) -> Json {
    if integer {
        // Beyond 64 bits, too: all digits of it.
        return serde_json::from_str(&format!("{number:.0}")).unwrap_or(Json::Null);
    }
    serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Drawn, Workload};

    fn parse(text: &str) -> Workload {
        Workload::parse(Path::new("w.toml"), text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn column(workload: &Workload, name: &str, count: usize) -> Vec<f64> {
        let entry = workload.entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("{name}"));
        (0..count).map(|n| entry.number(workload.seed, n).unwrap_or(f64::NAN)).collect()
    }

    /// The mean and the standard deviation of 40,000 draws are those of the distribution.
    #[test]
    fn draws_are_spread_as_the_distribution_is() {
        let cases = [
            ("distribution = \"uniform\"\nmin = 0\nmax = 9", 4.5, 8.25_f64.sqrt()),
            ("distribution = \"uniform\"\nmin = 0.0\nmax = 1.0\ninteger = false", 0.5, (1.0_f64 / 12.0).sqrt()),
            ("distribution = \"normal\"\nmean = 1000\ndeviation = 50", 1000.0, 50.0),
            ("distribution = \"poisson\"\nmean = 12", 12.0, 12.0_f64.sqrt()),
            ("distribution = \"pareto\"\nscale = 1000\nshape = 5", 1250.0, 322.7),
            (
                "distribution = \"lognormal\"\nmedian = 1000\nsigma = 0.5",
                1000.0 * (0.125_f64).exp(),
                1000.0 * (0.125_f64).exp() * (0.25_f64.exp() - 1.0).sqrt(),
            ),
            ("values = [1, 5]\nweights = [3, 1]", 2.0, 3.0_f64.sqrt()),
        ];
        for (text, mean, deviation) in cases {
            let column = column(&parse(&format!("[inputs.n]\n{text}\n")), "n", 40_000);
            let found = column.iter().sum::<f64>() / column.len() as f64;
            let spread = (column.iter().map(|x| (x - found).powi(2)).sum::<f64>() / column.len() as f64).sqrt();
            assert!((found - mean).abs() < 0.03 * mean.abs().max(deviation), "{text}: mean {found}, not {mean}");
            assert!((spread - deviation).abs() < 0.05 * deviation, "{text}: deviation {spread}, not {deviation}");
        }
    }

    #[test]
    fn bounds_cut_a_distribution_off() {
        let workload = parse("[inputs.n]\ndistribution = \"normal\"\nmean = 0\ndeviation = 10\nmax = 5\n");
        let column = column(&workload, "n", 2_000);
        // A size is not negative: 0 is the least unless the file says otherwise.
        assert!(column.iter().all(|x| (0.0..=5.0).contains(x)));
        assert!(column.contains(&0.0) && column.contains(&5.0));
    }

    #[test]
    fn an_entry_draws_the_same_whatever_stands_beside_it() {
        let one = parse("seed = 7\n[inputs.n]\nmin = 0\nmax = 1000000\n");
        let two = parse("seed = 7\n[mcvs.rows]\nvalues = [1, 2, 3]\n[inputs.n]\nmin = 0\nmax = 1000000\n");
        let other = parse("seed = 8\n[inputs.n]\nmin = 0\nmax = 1000000\n");
        assert_eq!(column(&one, "n", 50), column(&two, "n", 50));
        assert_ne!(column(&one, "n", 50), column(&other, "n", 50));
    }

    #[test]
    fn what_is_recorded_comes_back() {
        let workload =
            parse("[mcvs.rows]\ndistribution = \"empirical\"\nnone = 0.25\nvalues = [3]\nlengths = [10, 20]\n");
        let Some(entry) = workload.entries.first() else { panic!("no entry") };
        let drawn: Vec<Drawn> = (0..4_000).map(|n| entry.draw(0, n)).collect();
        let share = |wanted: &Drawn| drawn.iter().filter(|one| *one == wanted).count() as f64 / drawn.len() as f64;
        for wanted in [
            Drawn::Value(serde_json::Value::Null),
            Drawn::Value(serde_json::Value::from(3)),
            Drawn::Length(10),
            Drawn::Length(20),
        ] {
            assert!((share(&wanted) - 0.25).abs() < 0.03, "{wanted:?}: {}", share(&wanted));
        }
        assert!(!entry.is_numeric() && entry.has_lengths());
    }

    #[test]
    fn bad_files_name_the_place() {
        let cases = [
            ("[inputs.n\n", "w.toml:1:10"),
            ("[input.n]\nvalue = 3\n", "w.toml:1:2: unknown field `input`"),
            ("[inputs.n]\nvalue = 3\nvalues = [3]\n", "w.toml:1:9: `n` has both `value` and `values`"),
            ("[inputs.n]\nvales = [3]\n", "w.toml:2:1: `vales` is no key of an entry"),
            ("[inputs.n]\ndistribution = \"gauss\"\n", "w.toml:2:16: `gauss` is no distribution"),
            ("[inputs.n]\ndistribution = \"normal\"\nmean = 3\n", "w.toml:1:9: `n` is normal and lacks `deviation`"),
            ("[inputs.n]\nmin = 5\nmax = 3\n", "w.toml:2:7: `min` is larger than `max`"),
            ("[inputs.n]\nmin = \"a\"\nmax = 3\n", "w.toml:2:7: `min` is a number"),
            ("[inputs.n]\ndistribution = \"pareto\"\nscale = 0\nshape = 1\n", "w.toml:1:9: `n`: "),
            ("[inputs.n]\nlengths = [-1]\n", "w.toml:2:11: a length is a whole number from 0"),
            ("[inputs.n]\nvalues = [1, 2]\nweights = [1]\n", "w.toml:3:11: `weights` has 1 items for 2 values"),
            ("[inputs.n]\nvalue = 1\n[inputs.\"event['n']\"]\nvalue = 1\n", "w.toml:3:9: `event['n']` is there twice"),
            ("seed = -1\n[inputs.n]\nvalue = 1\n", "w.toml:1:8: `seed` is a whole number from 0"),
            ("samples = 0\n[inputs.n]\nvalue = 1\n", "w.toml:1:11: `samples` is a whole number from 1"),
            ("schema = { name = \"meminterface.budget\", version = 1 }\n", "w.toml:1:10: is no workload"),
            ("", "w.toml:1:1: holds no inputs"),
        ];
        for (text, wanted) in cases {
            let error = Workload::parse(Path::new("w.toml"), text).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.starts_with(wanted)), "{text}\n{error:?}\n{wanted}");
        }
        let json = [
            ("{\"inputs\": {\"n\": {\"value\": 3}}}", ""),
            ("{\"inputs\": {\n\"n\": {\n\"vales\": [3]}}}", "w.json:3:1: `vales` is no key of an entry"),
            ("{\"inputs\": [1]}", "w.json:1:12: `inputs` is a table"),
            ("{\"inputs\": ", "w.json:1:"),
            ("{\"input\": {}}", "w.json:1:2: `input` is no key of a workload"),
        ];
        for (text, wanted) in json {
            match Workload::parse(Path::new("w.json"), text) {
                Ok(_) => assert_eq!(wanted, "", "{text}"),
                Err(error) => assert!(!wanted.is_empty() && error.to_string().starts_with(wanted), "{text}\n{error}"),
            }
        }
    }
}
