//! Formulas from figures: candidate terms of the sizes, relative-error weighted and robust least squares without
//! negative coefficients, selection by cross-validation, and coefficients that people can read.
//!
//! Pure and deterministic. `terms` has what a formula may be made of, `squares` the least squares, `select` chooses terms,
//! `phases` looks for two of which the larger one counts. Depends on `formula`: a term is evaluated by the formula that is
//! written.

mod phases;
mod select;
mod squares;
mod terms;

use std::collections::BTreeSet;

use phases::in_phases;
use select::select;
use squares::{digits, readable, snapped};
use terms::{Column, candidates, evaluate, on_rows};

pub use squares::non_negative;

use crate::formula::Text;

/// What a formula is fitted to: a row a measurement.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Names of the sizes, as formulas write them.
    pub names: Vec<String>,
    /// Values of the sizes, a row a measurement.
    pub rows: Vec<Vec<f64>>,
    /// What was measured, in bytes.
    pub y: Vec<f64>,
    /// Measurements of the same sizes have the same number: cross-validation never parts them.
    pub groups: Vec<usize>,
}

impl Data {
    /// The rows for which `keep` holds.
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut part = Self { names: self.names.clone(), ..Self::default() };
        for n in 0..self.y.len() {
            if let (true, Some(row), Some(y)) = (keep(n), self.rows.get(n), self.y.get(n)) {
                part.rows.push(row.clone());
                part.y.push(*y);
                part.groups.push(self.groups.get(n).copied().unwrap_or(n));
            }
        }
        part
    }

    fn column(&self, at: usize) -> Vec<f64> {
        self.rows.iter().map(|row| row.get(at).copied().unwrap_or(0.0)).collect()
    }

    fn distinct(&self) -> usize {
        self.groups.iter().collect::<BTreeSet<_>>().len()
    }
}

/// One summand, without its coefficient.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// As formulas write it; `1` is the constant.
    pub text: String,
    /// How much there is to read: 1 for a size itself.
    weight: f64,
    /// A container's own steps: nobody makes a hundredth of a dict, so that its coefficient is a whole number.
    whole: bool,
    /// Ends to grow at some size: says nothing of large ones, and is no explanation without a term that does.
    bounded: bool,
    /// The sizes that it is made of, a bit each.
    sizes: u32,
}

/// A sum of terms, where a condition holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Holds up to (and including) this value of this size; the last piece has none.
    pub until: Option<(String, f64)>,
    /// Coefficient and term.
    pub terms: Vec<(f64, Term)>,
}

/// A fitted formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// In the order of their conditions; one without a condition at the end. Without any conditions: phases of the call, of
    /// which the one that takes the most counts.
    pub pieces: Vec<Piece>,
    /// Mean relative error in cross-validation, each error counting at most one half.
    pub cross_validated: f64,
}

/// How to fit.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes below which errors count less: what is measured is not more exact than this.
    pub floor: f64,
    /// Most terms in a piece.
    pub most_terms: usize,
    /// Whether a library may switch its strategy at some size.
    pub pieces: bool,
    /// Whether there are terms other than the constant, sizes and their products.
    pub steps: bool,
}

impl Options {
    /// For requested bytes: calls repeat within a few KiB.
    pub const REQUESTED: Self = Self { floor: 8192.0, most_terms: 4, pieces: true, steps: true };
    /// For resident bytes, which come in pages and from what the allocator had left.
    pub const RESIDENT: Self = Self { floor: 262_144.0, most_terms: 3, pieces: false, steps: false };
    /// For sizes of results: lengths, rows.
    pub const SIZE: Self = Self { floor: 1.0, most_terms: 3, pieces: false, steps: true };
}

/// How many partial models are kept for each number of terms.
const BEAM: usize = 8;
/// Most sizes that terms are made of.
pub const MOST_SIZES: usize = 7;

/// Fits a formula. None where there is nothing to fit: no rows, or fewer than three different sizes.
pub fn fit(data: &Data, options: Options) -> Option<Model> {
    if data.y.is_empty() || data.y.iter().chain(data.rows.iter().flatten()).any(|value| !value.is_finite()) {
        return None;
    }
    let largest = data.y.iter().fold(0.0f64, |most, y| most.max(*y));
    if largest <= 0.0 {
        return Some(Model { pieces: vec![Piece { until: None, terms: Vec::new() }], cross_validated: 0.0 });
    }
    let all = candidates(data, options);
    let chosen = select(data, &all, options, BEAM)?;
    let single =
        Model { pieces: vec![piece(data, &all, &chosen.terms, options, None)?], cross_validated: chosen.score };
    if !options.pieces || chosen.score < 0.01 || data.distinct() < 12 {
        return Some(single);
    }
    let several = [in_pieces(data, &all, options), in_phases(data, &all, options, &single)];
    let best = several.into_iter().flatten().min_by(|a, b| a.cross_validated.total_cmp(&b.cross_validated));
    Some(best.filter(|model| model.cross_validated < 0.6 * chosen.score).unwrap_or(single))
}

fn piece(data: &Data, all: &[Column], set: &[usize], options: Options, until: Option<(String, f64)>) -> Option<Piece> {
    let columns: Vec<&[f64]> = set.iter().map(|n| all[*n].1.as_slice()).collect();
    let whole: Vec<bool> = set.iter().map(|n| all[*n].0.whole).collect();
    let coefficients = snapped(&columns, &whole, data, options.floor)?;
    let terms = set.iter().zip(coefficients).map(|(n, c)| (c, all[*n].0.clone())).collect();
    Some(Piece { until, terms })
}

/// Two pieces, where a library switches its strategy.
fn in_pieces(data: &Data, all: &[Column], options: Options) -> Option<Model> {
    let fewer = Options { most_terms: 3, ..options };
    let mut best: Option<(f64, Model)> = None;
    for at in 0..data.names.len().min(3) {
        let mut values = data.column(at);
        values.sort_by(f64::total_cmp);
        values.dedup();
        if values.len() < 8 {
            continue;
        }
        for step in 2..9 {
            let index = values.len() * step / 10;
            let (Some(low), Some(high)) = (index.checked_sub(1).and_then(|n| values.get(n)), values.get(index)) else {
                continue;
            };
            let middle = (low * high).max(0.0).sqrt().max((low + high) * 0.25);
            let threshold = readable(middle.max(1.0), (high - middle).min(middle - low).max(0.0));
            if threshold <= *low || threshold >= *high {
                continue;
            }
            let side = |below: bool| {
                let keep = |n: usize| data.rows[n].get(at).is_some_and(|x| (*x <= threshold) == below);
                let part = data.filter(keep);
                let largest = part.y.iter().fold(0.0f64, |most, y| most.max(*y));
                if part.distinct() < 6 || largest < 2.0 * options.floor {
                    return None;
                }
                let rows: Vec<usize> = (0..data.y.len()).filter(|n| keep(*n)).collect();
                let terms = on_rows(all, &rows);
                let chosen = select(&part, &terms, fewer, 3)?;
                let until = below.then(|| (data.names[at].clone(), threshold));
                Some((piece(&part, &terms, &chosen.terms, options, until)?, chosen.score, part.y.len() as f64))
            };
            let (Some(below), Some(above)) = (side(true), side(false)) else { continue };
            let score = (below.1 * below.2 + above.1 * above.2) / (below.2 + above.2);
            if best.as_ref().is_none_or(|(known, _)| score < *known) {
                best = Some((score, Model { pieces: vec![below.0, above.0], cross_validated: score }));
            }
        }
    }
    best.map(|(_, model)| model)
}

/// The same terms, with coefficients from other data. The model as it is where they cannot be had.
pub fn refit(model: &Model, data: &Data, options: Options) -> Model {
    let names: Vec<Text> = data.names.iter().map(|name| Text::from(name.as_str())).collect();
    let mut taken: Vec<bool> = vec![false; data.y.len()];
    let mut pieces = Vec::new();
    let phases: Vec<Vec<f64>> = if model.in_phases() {
        model.pieces.iter().filter_map(|piece| evaluate(&piece.formula(), &names, &data.rows)).collect()
    } else {
        Vec::new()
    };
    for (at, old) in model.pieces.iter().enumerate() {
        // Of phases, the rows where this one takes the most.
        let most = |n: usize| phases.get(at).is_none_or(|own| phases.iter().all(|other| own[n] >= other[n]));
        let position = old
            .until
            .as_ref()
            .and_then(|(name, most)| data.names.iter().position(|other| other == name).map(|at| (at, *most)));
        let holds = |n: usize| position.is_none_or(|(at, most)| data.rows[n].get(at).is_some_and(|x| *x <= most));
        let keep: Vec<bool> = (0..data.y.len()).map(|n| !taken[n] && holds(n) && most(n)).collect();
        keep.iter().enumerate().for_each(|(n, kept)| taken[n] |= kept);
        let part = data.filter(|n| keep[n]);
        let columns: Option<Vec<Vec<f64>>> =
            old.terms.iter().map(|(_, term)| evaluate(&term.text, &names, &part.rows)).collect();
        let again = columns.and_then(|columns| {
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let whole: Vec<bool> = old.terms.iter().map(|(_, term)| term.whole).collect();
            snapped(&columns, &whole, &part, options.floor)
        });
        let terms = match again {
            Some(again) => old.terms.iter().zip(again).map(|((_, term), c)| (c, term.clone())).collect(),
            None => old.terms.clone(),
        };
        pieces.push(Piece { until: old.until.clone(), terms });
    }
    Model { pieces, cross_validated: model.cross_validated }
}

/// A coefficient and its term, as people write it.
fn summand(coefficient: f64, term: &str) -> String {
    let whole = |value: f64| (value - value.round()).abs() < 1e-9 && value.abs() < 9e15;
    let inverse = 1.0 / coefficient;
    let number = if whole(coefficient) { format!("{}", coefficient.round() as i64) } else { format!("{coefficient}") };
    match term {
        "1" => number,
        _ if coefficient == 1.0 => term.to_owned(),
        _ if whole(inverse) && inverse <= 64.0 && !whole(coefficient) => format!("{term}/{}", inverse.round() as i64),
        _ => format!("{number}*{term}"),
    }
}

impl Piece {
    fn formula(&self) -> String {
        if self.terms.is_empty() {
            return "0".to_owned();
        }
        // Sizes first, the constant at the end.
        let mut terms: Vec<&(f64, Term)> = self.terms.iter().collect();
        terms.sort_by_key(|(_, term)| term.text == "1");
        terms.iter().map(|(c, term)| summand(*c, &term.text)).collect::<Vec<_>>().join(" + ")
    }
}

impl Model {
    /// One number, rounded up to what people can read.
    pub fn of_constant(value: f64) -> Self {
        let value = if value > 0.0 { digits(value * 1.004, 3).ceil() } else { 0.0 };
        let term = Term { text: "1".to_owned(), weight: 0.5, whole: false, bounded: false, sizes: 0 };
        Self { pieces: vec![Piece { until: None, terms: vec![(value, term)] }], cross_validated: 0.0 }
    }

    /// As contracts write it.
    pub fn formula(&self) -> String {
        if self.in_phases() {
            let phases: Vec<String> = self.pieces.iter().map(Piece::formula).collect();
            return format!("max({})", phases.join(", "));
        }
        let mut text = String::new();
        let several = self.pieces.len() > 1;
        for piece in &self.pieces {
            match &piece.until {
                Some((name, most)) => {
                    text.push_str(&format!("({}) if {name} <= {} else ", piece.formula(), summand(*most, "1")))
                }
                None if several => text.push_str(&format!("({})", piece.formula())),
                None => text.push_str(&piece.formula()),
            }
        }
        text
    }

    /// Its values on rows of sizes. None if it is no formula over these names.
    pub fn values(&self, names: &[String], rows: &[Vec<f64>]) -> Option<Vec<f64>> {
        let names: Vec<Text> = names.iter().map(|name| Text::from(name.as_str())).collect();
        evaluate(&self.formula(), &names, rows)
    }

    /// Whether its pieces are phases of the call.
    fn in_phases(&self) -> bool {
        self.pieces.len() > 1 && self.pieces.iter().all(|piece| piece.until.is_none())
    }

    /// Whether it is one number.
    pub fn constant(&self) -> Option<f64> {
        match self.pieces.as_slice() {
            [piece] => match piece.terms.as_slice() {
                [] => Some(0.0),
                [(c, term)] if term.text == "1" => Some(*c),
                _ => None,
            },
            _ => None,
        }
    }

    /// How many summands it has, in all pieces.
    pub fn count(&self) -> usize {
        self.pieces.iter().map(|piece| piece.terms.len()).sum()
    }

    /// Whether it can be seen to be nowhere above another one: all its terms are there, with coefficients as large.
    pub fn is_below(&self, other: &Self) -> bool {
        match (self.pieces.as_slice(), other.pieces.as_slice()) {
            ([own], [of_other]) => own
                .terms
                .iter()
                .all(|(c, term)| of_other.terms.iter().any(|(more, other)| other.text == term.text && more >= c)),
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Noise in -1 to 1, the same on every run.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    }

    fn sizes(points: usize, low: f64, high: f64, dimensions: usize) -> Vec<Vec<f64>> {
        let share =
            |n: usize, d: usize| (0.5 + (n + 1) as f64 * [0.618034f64, 0.754878, 0.819173][d].powi(d as i32 + 1)) % 1.0;
        (0..points).map(|n| (0..dimensions).map(|d| (low * (high / low).powf(share(n, d))).round()).collect()).collect()
    }

    fn data(rows: Vec<Vec<f64>>, names: &[&str], amplitude: f64, truth: impl Fn(&[f64]) -> f64) -> Data {
        let mut noise = noise(7);
        let y = rows.iter().map(|row| truth(row) * (1.0 + amplitude * noise())).collect();
        let groups = (0..rows.len()).collect();
        Data { names: names.iter().map(|name| (*name).to_owned()).collect(), rows, y, groups }
    }

    #[test]
    fn a_line_is_found_with_its_own_numbers() {
        let data = data(sizes(24, 100.0, 1e6, 1), &["a.size"], 0.0, |row| 8.0 * row[0] + 112.0);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        assert_eq!(model.formula(), "8*a.size + 112");
    }

    #[test]
    fn noise_does_not_show_in_the_coefficient() {
        let data = data(sizes(24, 1000.0, 1e6, 1), &["n"], 0.01, |row| 24.0 * row[0]);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        assert_eq!(model.formula(), "24*n");
    }

    #[test]
    fn products_and_squares_are_told_apart() {
        let two = sizes(40, 4.0, 2000.0, 2);
        let product = data(two.clone(), &["rows", "columns"], 0.0, |row| 8.0 * row[0] * row[1] + 1000.0);
        assert_eq!(fit(&product, Options::REQUESTED).expect("a model").formula(), "8*rows*columns + 1000");
        let square = data(two, &["n", "m"], 0.0, |row| 16.0 * row[0] * row[0] + 8.0 * row[1]);
        assert_eq!(fit(&square, Options::REQUESTED).expect("a model").formula(), "8*m + 16*n**2");
    }

    #[test]
    fn the_steps_of_a_list_are_found() {
        let steps = |n: f64| crate::formula::function::list_bytes(n as u64) as f64;
        let data = data(sizes(24, 100.0, 1e6, 1), &["n"], 0.0, |row| steps(row[0]) + 32.0 * row[0]);
        assert_eq!(fit(&data, Options::REQUESTED).expect("a model").formula(), "32*n + py_list(n)");
    }

    #[test]
    fn the_buffer_that_numpy_casts_through_is_found() {
        let rows: Vec<Vec<f64>> = sizes(14, 400.0, 480_000.0, 1);
        let data = data(rows, &["X.size"], 0.0, |row| 9.0 * row[0] + 8.0 * row[0].min(8192.0) + 18_000.0);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        assert_eq!(model.formula(), "9*X.size + 8*min(X.size, 8192) + 18000");
    }

    /// A formula at other sizes: value by what is true there.
    fn ratio(model: &Model, data: &Data, row: &[f64], truth: f64) -> f64 {
        model.values(&data.names, &[row.to_vec()]).expect("a value")[0] / truth
    }

    #[test]
    fn a_buffer_that_doubles_between_powers_of_two_is_found() {
        // 20.5 bytes of text a row are written to a buffer that doubles, and taken out of it as one text.
        let truth = |row: &[f64]| (20.5 * row[0]).log2().ceil().exp2() + 20.5 * row[0];
        let data = data(sizes(24, 1000.0, 1e6, 1), &["rows"], 0.0, truth);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        for n in [1.7e6, 3.1e6, 5e6] {
            let ratio = ratio(&model, &data, &[n], truth(&[n]));
            assert!((ratio - 1.0).abs() < 0.02, "{} at {n}: {ratio}", model.formula());
        }
    }

    #[test]
    fn a_size_that_counts_up_to_an_end_is_found() {
        let truth = |row: &[f64]| 8.0 * row[0].min(10_000.0) * row[1] + 4096.0;
        let data = data(sizes(32, 500.0, 90_000.0, 2), &["rows", "columns"], 0.0, truth);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        let ratio = ratio(&model, &data, &[400_000.0, 30_000.0], truth(&[400_000.0, 30_000.0]));
        assert!((ratio - 1.0).abs() < 0.02, "{}: {ratio}", model.formula());
    }

    #[test]
    fn what_ends_to_grow_is_no_explanation_alone() {
        // Most calls are below numpy's limit for writing over a temporary, and look as if that were all there is.
        let truth = |row: &[f64]| 8.0 * row[0] + if row[0] < 32_768.0 { 8.0 * row[0] } else { 0.0 };
        let data = data(sizes(16, 1000.0, 60_000.0, 1), &["a.size"], 0.0, truth);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        let ratio = ratio(&model, &data, &[2e6], truth(&[2e6]));
        assert!((ratio - 1.0).abs() < 0.05, "{}: {ratio}", model.formula());
    }

    #[test]
    fn the_larger_of_two_phases_is_the_peak() {
        // A sort first makes keys, then the table anew.
        let truth = |row: &[f64]| (40.0 * row[0]).max(8.0 * row[0] * row[1] + 16.0 * row[0]) + 20_000.0;
        let rows: Vec<Vec<f64>> =
            sizes(40, 1.0, 300.0, 2).into_iter().map(|row| vec![1000.0 * row[0], row[1]]).collect();
        let data = data(rows, &["rows", "columns"], 0.0, truth);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        assert!(model.formula().starts_with("max("), "{}", model.formula());
        for row in [[1e6, 1.0], [1e6, 2.0], [1e6, 600.0]] {
            let ratio = ratio(&model, &data, &row, truth(&row));
            assert!((ratio - 1.0).abs() < 0.02, "{} at {row:?}: {ratio}", model.formula());
        }
        // Fitted to other data, phases keep their terms.
        let twice = Data { y: data.y.iter().map(|y| 2.0 * y).collect(), ..data.clone() };
        let again = refit(&model, &twice, Options::REQUESTED).values(&data.names, &data.rows).expect("values");
        let off = again.iter().zip(&twice.y).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max);
        assert!(off < 0.05, "{off}");
    }

    #[test]
    fn pairs_of_edges_at_a_node_are_counted() {
        let truth = |row: &[f64]| 48.0 * row[0] * row[0] / row[1];
        let rows = sizes(32, 2.0, 40.0, 2).into_iter().map(|row| vec![50.0 * row[0] * row[1], 50.0 * row[1]]).collect();
        let data = data(rows, &["edges", "nodes"], 0.0, truth);
        assert_eq!(fit(&data, Options::REQUESTED).expect("a model").formula(), "48*edges**2/max(nodes, 1)");
    }

    #[test]
    fn many_copies_of_a_container_are_no_explanation() {
        let steps = |n: f64| crate::formula::function::list_bytes(n as u64) as f64;
        let data = data(sizes(24, 100.0, 1e6, 1), &["n"], 0.0, |row| 60.0 * steps(row[0]));
        assert!(!fit(&data, Options::REQUESTED).expect("a model").formula().contains("60*py_list"));
    }

    #[test]
    fn what_is_touched_has_terms_of_sizes_alone() {
        let data = data(sizes(24, 100.0, 1e6, 1), &["n"], 0.2, |row| 0.001 * row[0] * row[0]);
        let formula = fit(&data, Options::RESIDENT).expect("a model").formula();
        assert!(!formula.contains("**") && !formula.contains("py_"), "{formula}");
    }

    #[test]
    fn outliers_do_not_rule() {
        let mut data = data(sizes(30, 1000.0, 1e6, 1), &["n"], 0.0, |row| 8.0 * row[0] + 5000.0);
        data.y[4] *= 3.0;
        data.y[17] *= 5.0;
        let model = fit(&data, Options::REQUESTED).expect("a model");
        let at = model.values(&data.names, &[vec![1e6]]).expect("a value")[0];
        assert!((at / 8_005_000.0 - 1.0).abs() < 0.01, "{}", model.formula());
    }

    #[test]
    fn a_switch_of_strategy_is_found() {
        let truth = |row: &[f64]| if row[0] <= 10_000.0 { 64.0 * row[0] } else { 8.0 * row[0] + 200_000.0 };
        let data = data(sizes(40, 100.0, 1e6, 1), &["n"], 0.0, truth);
        let model = fit(&data, Options::REQUESTED).expect("a model");
        assert_eq!(model.pieces.len(), 2, "{}", model.formula());
        let values = model.values(&data.names, &data.rows).expect("values");
        let wrong = values.iter().zip(&data.y).filter(|(a, b)| (*a / *b - 1.0).abs() > 0.02).count();
        assert!(wrong <= 2, "{}", model.formula());
    }

    #[test]
    fn nothing_stays_nothing() {
        let data = data(sizes(10, 1.0, 100.0, 1), &["n"], 0.0, |_| 0.0);
        assert_eq!(fit(&data, Options::REQUESTED).expect("a model").formula(), "0");
        assert_eq!(fit(&Data::default(), Options::REQUESTED), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// A known formula with noise is recovered: its values, within the noise, beyond the sizes that were seen too.
        #[test]
        fn a_known_formula_is_recovered(slope in 1u32..200, product in 0u32..64, constant in 0u32..100_000, seed in 0u64..1000) {
            let truth = |row: &[f64]| {
                f64::from(slope) * row[0] + f64::from(product) * row[0] * row[1] + f64::from(constant)
            };
            let mut random = noise(seed);
            let rows = sizes(40, 10.0, 3000.0, 2);
            let y = rows.iter().map(|row| truth(row) * (1.0 + 0.005 * random())).collect();
            let names = vec!["a".to_owned(), "b".to_owned()];
            let data = Data { names: names.clone(), groups: (0..rows.len()).collect(), rows, y };
            let model = fit(&data, Options::REQUESTED).expect("a model");
            let beyond = vec![vec![6000.0, 6000.0], vec![3000.0, 100.0], vec![200.0, 6000.0]];
            let found = model.values(&names, &beyond).expect("values");
            for (row, found) in beyond.iter().zip(found) {
                let true_value = truth(row);
                prop_assert!((found - true_value).abs() <= 0.05 * true_value + 4096.0, "{} at {row:?}", model.formula());
            }
            // Never negative, the same every time, and readable.
            prop_assert!(model.pieces.iter().flat_map(|p| &p.terms).all(|(c, _)| *c > 0.0));
            prop_assert_eq!(&fit(&data, Options::REQUESTED), &Some(model.clone()));
            prop_assert!(crate::formula::Formula::parse(&model.formula()).is_ok());
            prop_assert!(model.formula().len() < 120, "{}", model.formula());
        }
    }
}
