//! Formulas from figures: candidate terms of the sizes, relative-error weighted and robust least squares without
//! negative coefficients, selection by cross-validation, and coefficients that people can read.
//!
//! Pure and deterministic. Depends on `formula`: a term is evaluated by the formula that is written.

use std::collections::BTreeSet;

use nalgebra::{DMatrix, DVector};

use crate::formula::{Formula, Text};

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
/// Folds of the cross-validation; one more is for the largest sizes.
const FOLDS: usize = 5;
/// Share of the whole that a term has to reach at some size.
const SEEN: f64 = 0.05;
/// Most copies of a container of one length that a call makes: what fits with more is no container.
const MOST_COPIES: f64 = 8.0;
/// Places between two powers of two where a buffer may double.
const DOUBLING_STEPS: u32 = 24;
/// Places that are tried for the end of a size, and again around the best of them.
const END_STEPS: u32 = 16;
/// Weight of terms that a phase may have: sizes, products, and what ends to grow.
const PHASE_WEIGHT: f64 = 2.2;
/// How often rows are given to phases anew.
const PHASE_ROUNDS: usize = 5;
/// Most sizes that terms are made of.
pub const MOST_SIZES: usize = 7;

// ---- terms ---------------------------------------------------------------------------------------------------------

/// The candidate terms over named sizes with their values on the data, without those that say the same as a simpler one.
fn candidates(data: &Data, options: Options) -> Vec<(Term, Vec<f64>)> {
    let count = data.names.len().min(MOST_SIZES);
    // Sizes of which there are terms beside products.
    let stepping = if options.steps { count } else { 0 };
    let mut texts: Vec<(String, f64)> = vec![("1".to_owned(), 0.5)];
    let name = |n: usize| data.names.get(n).map(String::as_str).unwrap_or_default();
    for n in 0..count {
        texts.push((name(n).to_owned(), 1.0));
    }
    for a in 0..count {
        for b in a + 1..count {
            texts.push((format!("{}*{}", name(a), name(b)), 2.0));
        }
    }
    for n in 0..stepping {
        let x = name(n);
        texts.push((format!("{x}**2"), 2.0));
        texts.push((format!("{x}*log2({x} + 1)"), 3.5));
    }
    for n in 0..stepping {
        let whole = data.column(n).iter().all(|x| *x >= 0.0 && x.fract() == 0.0 && *x < 1e9);
        let x = name(n);
        if whole && !x.ends_with(".bytes") {
            texts.push((format!("py_list({x})"), 2.2));
            texts.push((format!("py_dict({x})"), 2.2));
            texts.push((format!("py_dict_peak({x})"), 2.3));
            texts.push((format!("py_set({x})"), 2.4));
            texts.push((format!("2**ceil(log2(max({x}, 1)))"), 2.8));
            // pandas' hash tables (khash) are 0.77 full at most, and what is collected beside them grows fourfold.
            texts.push((format!("2**ceil(log2(max(1.3*{x}, 1)))"), 2.9));
            texts.push((format!("4**ceil(log2(max({x}/128, 1))/2)"), 3.0));
        }
    }
    // numpy's own ways: reductions and casts go through a buffer of 8192 items (`NPY_BUFSIZE`), beside what stays or before
    // something larger is made; and a temporary of at least
    // 256 KiB is written over by the next operator (`NPY_MIN_ELIDE_BYTES`, 32768 items of 8 bytes).
    for n in 0..stepping {
        let (x, column) = (name(n), data.column(n));
        let reaches = |limit: f64| column.iter().any(|v| *v > limit) && column.iter().any(|v| *v > 0.0 && *v < limit);
        if x.ends_with(".size") || x.contains(".shape[") || x.ends_with("rows") {
            for limit in [8192.0, 4096.0].into_iter().filter(|limit| reaches(*limit)) {
                texts.push((format!("min({x}, {limit})"), 2.0));
                texts.push((format!("max({x}, {limit})"), 2.2));
            }
            if reaches(32_768.0) {
                texts.push((format!("({x} if {x} < 32768 else 0)"), 2.5));
            }
        }
    }
    for a in 0..stepping {
        for b in (a + 1..count).filter(|_| count <= 4) {
            let (product, items) = (format!("{}*{}", name(a), name(b)), data.rows.iter().map(|row| row[a] * row[b]));
            if items.clone().any(|n| n > 32_768.0) && items.clone().any(|n| n > 0.0 && n < 32_768.0) {
                texts.push((format!("({product} if {product} < 32768 else 0)"), 3.2));
            }
        }
    }
    for a in 0..stepping {
        for b in a + 1..count {
            texts.push((format!("max({}, {})", name(a), name(b)), 3.0));
            if count <= 4 {
                texts.push((format!("{}**2*{}", name(a), name(b)), 3.0));
                texts.push((format!("{}*{}**2", name(a), name(b)), 3.0));
            }
            for c in b + 1..count {
                if count <= 5 {
                    texts.push((format!("{}*{}*{}", name(a), name(b), name(c)), 3.0));
                }
            }
        }
    }
    // Graphs: what pairs of edges at a node take is edges times the mean degree.
    for a in 0..stepping {
        for b in (0..count).filter(|b| *b != a && count <= 4) {
            texts.push((format!("{}**2/max({}, 1)", name(a), name(b)), 3.5));
        }
    }
    let names: Vec<Text> = data.names.iter().map(|name| Text::from(name.as_str())).collect();
    let mut found: Vec<(Term, Vec<f64>)> = Vec::new();
    let mut add = |(text, weight): (String, f64)| {
        let Some(values) = evaluate(&text, &names, &data.rows) else { return };
        let usable = values.iter().all(|value| value.is_finite() && *value >= 0.0) && values.iter().any(|v| *v > 0.0);
        if usable && !found.iter().any(|(_, known)| is_multiple(known, &values)) {
            let whole = text.starts_with("py_");
            let bounded = text.contains("min(") || text.starts_with('(');
            let used = Formula::parse(&text).map(|formula| formula.symbols()).unwrap_or_default();
            let sizes = (0..count).filter(|n| used.contains(name(*n))).fold(0, |bits, n| bits | 1 << n);
            found.push((Term { text, weight, whole, bounded, sizes }, values));
        }
    };
    texts.into_iter().for_each(&mut add);
    placed(data, stepping, options.floor).into_iter().for_each(&mut add);
    found
}

/// Terms with a place of their own, which is looked for: of each size and each product of two the place that fits best,
/// where it fits twice as well as without.
fn placed(data: &Data, count: usize, floor: f64) -> Vec<(String, f64)> {
    let search = Search {
        weights: data.y.iter().map(|y| weight(*y, floor)).collect(),
        ones: vec![1.0; data.y.len()],
        data,
        floor,
    };
    let mut found = Vec::new();
    for a in 0..count {
        let (x, name) = (data.column(a), &data.names[a]);
        for b in (0..count).filter(|b| a == *b || count <= 4) {
            let (y, other) = (data.column(b), &data.names[b]);
            let (each, product): (Vec<f64>, _) =
                if a == b { (vec![1.0; x.len()], name.clone()) } else { (y, format!("{name}*{other}")) };
            if a <= b {
                found.extend(
                    search.doubling(&x, &each).map(|scale| (format!("2**ceil(log2(max({scale}*{product}, 1)))"), 3.2)),
                );
            }
            if a < b {
                let both: Vec<f64> = x.iter().zip(&each).map(|(x, each)| x * each).collect();
                let end = search.end(&both, &vec![1.0; both.len()]);
                found.extend(end.map(|most| (format!("min({product}, {most})"), 3.2)));
            }
            found.extend(search.end(&x, &each).map(|most| {
                let factor = if a == b { String::new() } else { format!("{other}*") };
                (format!("{factor}min({name}, {most})"), if a == b { 2.6 } else { 3.2 })
            }));
        }
    }
    found
}

/// What places of terms are judged on.
struct Search<'d> {
    data: &'d Data,
    floor: f64,
    weights: Vec<f64>,
    ones: Vec<f64>,
}

impl Search<'_> {
    /// How far a constant, a size and a term of it are off, together or with less of them.
    fn loss(&self, x: &[f64], term: &[f64]) -> Option<f64> {
        let sets: [&[&[f64]]; 4] = [&[&self.ones, x, term], &[x, term], &[&self.ones, term], &[term]];
        sets.into_iter().find_map(|columns| {
            let (coefficients, _) = solve(columns, &self.data.y, &self.weights)?;
            let y = &self.data.y;
            Some(loss((0..y.len()).map(|n| relative(predicted(columns, &coefficients, n), y[n], self.floor))))
        })
    }

    /// The place with the smallest loss, and it.
    fn best(&self, x: &[f64], places: impl Iterator<Item = f64>, term: impl Fn(f64) -> Vec<f64>) -> Option<(f64, f64)> {
        let judged = places.filter_map(|place| Some((self.loss(x, &term(place))?, place)));
        judged.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))
    }

    /// Where a buffer doubles: what a library counts (bytes of a line, slots that may be three quarters full) is a multiple
    /// of the size. None where doubling at powers of two says as much.
    fn doubling(&self, x: &[f64], each: &[f64]) -> Option<f64> {
        let product: Vec<f64> = x.iter().zip(each).map(|(x, each)| x * each).collect();
        if product.iter().any(|x| *x < 0.0 || *x >= 1e12) {
            return None;
        }
        let steps = |scale: f64| product.iter().map(|x| (scale * x).max(1.0).log2().ceil().exp2()).collect::<Vec<_>>();
        let scales = (1..DOUBLING_STEPS).map(|k| digits((f64::from(k) / f64::from(DOUBLING_STEPS)).exp2(), 3));
        let (loss, scale) = self.best(&product, scales, steps)?;
        let plain = self.loss(&product, &steps(1.0)).unwrap_or(f64::INFINITY);
        (loss < 0.7 * plain).then_some(scale)
    }

    /// The value behind which a size counts no more (a library looks at so many samples at most), times another size or
    /// alone. None where it counts throughout.
    fn end(&self, x: &[f64], each: &[f64]) -> Option<f64> {
        let mut sorted: Vec<f64> = x.iter().copied().filter(|x| *x >= 2.0).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (super::quantile(&sorted, 0.2)?, super::quantile(&sorted, 0.85)?);
        let ended = |most: f64| x.iter().zip(each).map(|(x, each)| x.min(most) * each).collect::<Vec<_>>();
        let between = |low: f64, high: f64| {
            let step = (high / low).powf(1.0 / f64::from(END_STEPS));
            (0..=END_STEPS).map(move |k| digits(low * step.powi(k as i32), 3))
        };
        let (_, rough) = self.best(x, between(low, high), ended)?;
        let step = (high / low).powf(1.0 / f64::from(END_STEPS));
        let (loss, most) = self.best(x, between(rough / step, rough * step), ended)?;
        let plain = self.loss(x, &ended(f64::INFINITY)).unwrap_or(f64::INFINITY);
        (loss < 0.5 * plain && step > 1.0).then_some(most)
    }
}

/// A formula on rows of sizes. None if it is no formula over these names.
fn evaluate(text: &str, names: &[Text], rows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let program = Formula::parse(text).ok()?.compile(names).ok()?;
    Some(rows.iter().map(|row| program.run(row)).collect())
}

fn is_multiple(a: &[f64], b: &[f64]) -> bool {
    let Some(at) = a.iter().zip(b).position(|(a, b)| *a != 0.0 && *b != 0.0) else { return false };
    let factor = b[at] / a[at];
    a.iter().zip(b).all(|(a, b)| (a * factor - b).abs() <= 1e-9 * b.abs().max(1e-9))
}

// ---- least squares -------------------------------------------------------------------------------------------------

/// Coefficients and the inverse of the normal matrix, in the columns' own units. None if the columns depend on one
/// another, or a coefficient is not positive: such a term says nothing that the others do not.
fn solve(columns: &[&[f64]], y: &[f64], weights: &[f64]) -> Option<(Vec<f64>, DMatrix<f64>)> {
    let k = columns.len();
    let scales: Vec<f64> = columns.iter().map(|c| c.iter().fold(0.0f64, |most, x| most.max(x.abs()))).collect();
    if scales.iter().any(|scale| *scale <= 0.0) || y.len() < k {
        return None;
    }
    let mut normal = DMatrix::<f64>::zeros(k, k);
    let mut right = DVector::<f64>::zeros(k);
    for (n, target) in y.iter().enumerate() {
        let w = weights.get(n).copied().unwrap_or(0.0);
        if w == 0.0 {
            continue;
        }
        for a in 0..k {
            let xa = columns[a].get(n).copied().unwrap_or(0.0) / scales[a];
            right[a] += w * xa * target;
            for b in a..k {
                normal[(a, b)] += w * xa * columns[b].get(n).copied().unwrap_or(0.0) / scales[b];
            }
        }
    }
    // Jacobi scaling: weights span many orders of magnitude.
    let diagonal: Vec<f64> = (0..k).map(|a| normal[(a, a)].sqrt()).collect();
    if diagonal.iter().any(|d| !d.is_finite() || *d <= 0.0) {
        return None;
    }
    for a in 0..k {
        right[a] /= diagonal[a];
        for b in a..k {
            normal[(a, b)] /= diagonal[a] * diagonal[b];
            normal[(b, a)] = normal[(a, b)];
        }
    }
    let cholesky = nalgebra::linalg::Cholesky::new(normal)?;
    // The squares of the factor's diagonal say how much of a column the others leave over.
    let factor = cholesky.l_dirty();
    if (0..k).any(|a| factor[(a, a)].powi(2) < 1e-10) {
        return None;
    }
    let solution = cholesky.solve(&right);
    let mut inverse = cholesky.inverse();
    let unit: Vec<f64> = (0..k).map(|a| 1.0 / (diagonal[a] * scales[a])).collect();
    let coefficients: Vec<f64> = (0..k).map(|a| solution[a] * unit[a]).collect();
    for a in 0..k {
        for b in 0..k {
            inverse[(a, b)] *= unit[a] * unit[b];
        }
    }
    coefficients.iter().all(|c| c.is_finite() && *c > 0.0).then_some((coefficients, inverse))
}

/// Coefficients of least squares. None if the columns depend on one another, or a coefficient would not be positive.
pub fn non_negative(columns: &[&[f64]], y: &[f64], weights: &[f64]) -> Option<Vec<f64>> {
    solve(columns, y, weights).map(|(coefficients, _)| coefficients)
}

/// As [`solve`], with whole numbers for the columns that are steps of containers.
fn solve_whole(columns: &[&[f64]], whole: &[bool], y: &[f64], weights: &[f64]) -> Option<(Vec<f64>, DMatrix<f64>)> {
    let (mut coefficients, inverse) = solve(columns, y, weights)?;
    if !whole.contains(&true) {
        return Some((coefficients, inverse));
    }
    let mut rest = y.to_vec();
    for (at, column) in columns.iter().enumerate().filter(|(at, _)| whole.get(*at) == Some(&true)) {
        coefficients[at] = coefficients[at].round().max(1.0);
        if coefficients[at] > MOST_COPIES {
            return None;
        }
        rest.iter_mut().zip(column.iter()).for_each(|(rest, x)| *rest -= coefficients[at] * x);
    }
    let open: Vec<usize> = (0..columns.len()).filter(|at| whole.get(*at) != Some(&true)).collect();
    if !open.is_empty() {
        let part: Vec<&[f64]> = open.iter().map(|at| columns[*at]).collect();
        let (again, _) = solve(&part, &rest, weights)?;
        open.iter().zip(again).for_each(|(at, c)| coefficients[*at] = c);
    }
    Some((coefficients, inverse))
}

fn weight(y: f64, floor: f64) -> f64 {
    1.0 / (y.abs() + floor).powi(2)
}

fn predicted(columns: &[&[f64]], coefficients: &[f64], n: usize) -> f64 {
    columns.iter().zip(coefficients).map(|(column, c)| c * column.get(n).copied().unwrap_or(0.0)).sum()
}

fn relative(found: f64, y: f64, floor: f64) -> f64 {
    (found - y) / (y.abs() + floor)
}

/// Huber's weights by iterative reweighting: outliers pull less.
fn robust(
    columns: &[&[f64]],
    whole: &[bool],
    y: &[f64],
    floor: f64,
    rounds: usize,
) -> Option<(Vec<f64>, DMatrix<f64>, f64)> {
    let base: Vec<f64> = y.iter().map(|y| weight(*y, floor)).collect();
    let mut weights = base.clone();
    let mut found = solve_whole(columns, whole, y, &weights)?;
    let mut scale = 0.0;
    for _ in 0..rounds {
        let errors: Vec<f64> = (0..y.len()).map(|n| relative(predicted(columns, &found.0, n), y[n], floor)).collect();
        let mut sizes: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        scale = 1.4826 * super::quantile(&sizes, 0.5).unwrap_or(0.0);
        let cut = 1.345 * scale.max(1e-6);
        for (n, error) in errors.iter().enumerate() {
            weights[n] = base[n] * if error.abs() <= cut { 1.0 } else { cut / error.abs() };
        }
        match solve_whole(columns, whole, y, &weights) {
            Some(better) => found = better,
            None => break,
        }
    }
    Some((found.0, found.1, scale))
}

/// Mean relative error, each counting at most one half.
fn loss(errors: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = errors.fold((0.0, 0usize), |(sum, count), e| (sum + e.abs().min(0.5), count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

// ---- selection -----------------------------------------------------------------------------------------------------

/// Which fold each row is in: by the rank of its group's measured value, so that every fold has all sizes.
fn folds(data: &Data) -> Vec<usize> {
    let mut groups: Vec<(usize, f64)> = Vec::new();
    for (n, group) in data.groups.iter().enumerate() {
        let y = data.y.get(n).copied().unwrap_or(0.0);
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, most)) => *most = most.max(y),
            None => groups.push((*group, y)),
        }
    }
    groups.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let fold = |group: usize| groups.iter().position(|(known, _)| *known == group).unwrap_or(0) % FOLDS;
    data.groups.iter().map(|group| fold(*group)).collect()
}

/// Mean and standard error of the losses over the folds, and over the largest quarter of what was measured.
///
/// `bounded`: a term ends to grow somewhere. Without the sizes beyond that place it says the same as another one, and that
/// fold says nothing.
fn cross_validate(
    columns: &[&[f64]],
    (whole, bounded): (&[bool], bool),
    data: &Data,
    folds: &[usize],
    floor: f64,
) -> Option<(f64, f64)> {
    let mut sorted = data.y.clone();
    sorted.sort_by(f64::total_cmp);
    let large = super::quantile(&sorted, 0.75)?;
    let mut losses = Vec::new();
    for fold in 0..=FOLDS {
        let out = |n: usize| if fold == FOLDS { data.y[n] > large } else { folds.get(n) == Some(&fold) };
        let rows: Vec<usize> = (0..data.y.len()).collect();
        if !rows.iter().any(|n| out(*n)) {
            continue;
        }
        let kept: Vec<usize> = rows.iter().copied().filter(|n| !out(*n)).collect();
        let part: Vec<Vec<f64>> = columns.iter().map(|c| kept.iter().map(|n| c[*n]).collect()).collect();
        let part: Vec<&[f64]> = part.iter().map(Vec::as_slice).collect();
        let y: Vec<f64> = kept.iter().map(|n| data.y[*n]).collect();
        let Some((coefficients, ..)) = robust(&part, whole, &y, floor, 2) else {
            if bounded && fold == FOLDS {
                continue;
            }
            // What cannot be told from a part of the data is not there in all of it.
            losses.push(0.5);
            continue;
        };
        let missed = rows.iter().filter(|n| out(**n));
        let found = loss(missed.map(|n| relative(predicted(columns, &coefficients, *n), data.y[*n], floor)));
        losses.push(found);
        // What matters most is what comes beyond.
        if fold == FOLDS {
            losses.push(found);
        }
    }
    let count = losses.len() as f64;
    if losses.is_empty() {
        return None;
    }
    let mean = losses.iter().sum::<f64>() / count;
    let variance = losses.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    Some((mean, (variance / count).sqrt()))
}

struct Selected {
    terms: Vec<usize>,
    score: f64,
}

/// The sets of terms that fit best, for each number of terms; then by cross-validation the simplest one that is within
/// one standard error of the best.
fn select(data: &Data, all: &[(Term, Vec<f64>)], options: Options, beam: usize) -> Option<Selected> {
    let columns = |set: &[usize]| -> Vec<&[f64]> { set.iter().map(|n| all[*n].1.as_slice()).collect() };
    let steps = |set: &[usize]| -> Vec<bool> { set.iter().map(|n| all[*n].0.whole).collect() };
    // Every size of a bounded term is in one that is not.
    let grows = |set: &[usize]| {
        let of = |bounded: bool| set.iter().map(|n| &all[*n].0).filter(move |term| term.bounded == bounded);
        of(true).all(|term| of(false).any(|other| term.sizes & !other.sizes == 0))
    };
    let weights: Vec<f64> = data.y.iter().map(|y| weight(*y, options.floor)).collect();
    // Every term that is no size or product of sizes is seen somewhere: steps of a hundredth fit noise.
    let matters = |set: &[usize]| {
        let of = columns(set);
        let Some((coefficients, _)) = solve_whole(&of, &steps(set), &data.y, &weights) else { return false };
        set.iter().zip(&of).zip(&coefficients).all(|((at, column), c)| {
            let share = |n: usize| c * column[n] / (predicted(&of, &coefficients, n) + options.floor);
            all[*at].0.weight <= 2.0 || (0..data.y.len()).any(|n| share(n) >= SEEN)
        })
    };
    let folds = folds(data);
    let distinct = data.distinct();
    // Three sizes a term: fewer leave nothing that could contradict it.
    let most = options.most_terms.min((distinct + 1) / 3).max(1);
    let mut frontier: Vec<Vec<usize>> = vec![Vec::new()];
    let mut judged: Vec<(f64, f64, f64, Vec<usize>)> = Vec::new();
    for size in 1..=most {
        let mut next: Vec<(f64, Vec<usize>)> = Vec::new();
        for set in &frontier {
            for candidate in 0..all.len() {
                if set.contains(&candidate) {
                    continue;
                }
                let mut bigger = set.clone();
                bigger.push(candidate);
                bigger.sort_unstable();
                if next.iter().any(|(_, known)| *known == bigger) {
                    continue;
                }
                let of = columns(&bigger);
                let found = solve_whole(&of, &steps(&bigger), &data.y, &weights);
                let Some((coefficients, _)) = found else { continue };
                let errors =
                    (0..data.y.len()).map(|n| relative(predicted(&of, &coefficients, n), data.y[n], options.floor));
                next.push((loss(errors), bigger));
            }
        }
        // Of two that fit alike the simpler one.
        let complexity = |set: &[usize]| set.iter().map(|n| all[*n].0.weight).sum::<f64>();
        next.sort_by(|a, b| {
            a.0.total_cmp(&b.0).then(complexity(&a.1).total_cmp(&complexity(&b.1))).then(a.1.cmp(&b.1))
        });
        // Of one and two terms more are kept: what three say together none of them says alone.
        next.truncate(match size {
            1 => 4 * beam,
            2 => 3 * beam,
            _ => beam,
        });
        for (_, set) in next.iter().filter(|(_, set)| grows(set) && matters(set)).take(beam.min(5)) {
            let bounded = set.iter().any(|n| all[*n].0.bounded);
            let whole = steps(set);
            if let Some((mean, error)) = cross_validate(&columns(set), (&whole, bounded), data, &folds, options.floor) {
                judged.push((mean, error, complexity(set), set.clone()));
            }
        }
        frontier = next.into_iter().map(|(_, set)| set).collect();
        if frontier.is_empty() {
            break;
        }
    }
    let best = judged.iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.2.total_cmp(&b.2)))?;
    let limit = best.0 + best.1.min(best.0).max(2e-4 + 0.02 * best.0);
    let chosen = judged
        .iter()
        .filter(|(mean, ..)| *mean <= limit)
        .min_by(|a, b| a.2.total_cmp(&b.2).then(a.0.total_cmp(&b.0)).then(a.3.cmp(&b.3)))?;
    Some(Selected { terms: chosen.3.clone(), score: chosen.0 })
}

// ---- readable numbers ----------------------------------------------------------------------------------------------

fn digits(value: f64, count: i32) -> f64 {
    let scale = 10f64.powi(count - 1 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    format!("{rounded:.9}").parse().unwrap_or(rounded)
}

/// The most readable number within a distance.
fn readable(value: f64, within: f64) -> f64 {
    let power = 2f64.powf(value.log2().round());
    let near = |step: f64| (value / step).round() * step;
    let list = [
        if (0.125..=65_536.0).contains(&power) { power } else { f64::NAN },
        if value > 4.0 { near(8.0) } else { f64::NAN },
        digits(value, 1),
        if value < 100_000.0 { near(1.0) } else { f64::NAN },
        digits(value, 2),
        near(0.5),
        near(0.25),
        near(0.125),
        digits(value, 3),
        digits(value, 4),
        digits(value, 5),
    ];
    let fits = |number: &f64| number.is_finite() && *number > 0.0 && (number - value).abs() <= within;
    list.into_iter().find(fits).unwrap_or_else(|| digits(value, 6))
}

/// Coefficients that people can read: each in turn, those that make up most first, the others fitted again.
fn snapped(columns: &[&[f64]], whole: &[bool], data: &Data, floor: f64) -> Option<Vec<f64>> {
    let k = columns.len();
    let (first, inverse, scale) = robust(columns, whole, &data.y, floor, 6)?;
    let total: Vec<f64> = (0..data.y.len()).map(|n| predicted(columns, &first, n) + floor).collect();
    let share = |a: usize, c: f64| -> f64 {
        let parts = (0..total.len()).map(|n| c * columns[a][n] / total[n]);
        parts.sum::<f64>() / total.len().max(1) as f64
    };
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|a, b| share(*b, first[*b]).total_cmp(&share(*a, first[*a])).then(a.cmp(b)));
    let mut fixed: Vec<Option<f64>> = vec![None; k];
    let mut current = first.clone();
    for at in order {
        // What the number may move: by its own error, and by what moves no prediction more than a little.
        let error = 2.0 * scale * inverse[(at, at)].max(0.0).sqrt();
        let mut steepest: Vec<f64> = (0..total.len()).map(|n| columns[at][n] / total[n]).collect();
        steepest.sort_by(f64::total_cmp);
        let steep = super::quantile(&steepest, 0.9).unwrap_or(0.0).max(1e-300);
        let value = current[at];
        let most = if scale < 1e-5 { 0.004 } else { 0.1 };
        let within = (0.001 / steep).max(error.min(0.02 * value)).min(most * value);
        fixed[at] = Some(if whole.get(at) == Some(&true) { value } else { readable(value, within) });
        let open: Vec<usize> = (0..k).filter(|n| fixed[*n].is_none()).collect();
        for n in 0..k {
            current[n] = fixed[n].unwrap_or(current[n]);
        }
        if open.is_empty() {
            break;
        }
        let rest: Vec<f64> = (0..data.y.len())
            .map(|n| data.y[n] - (0..k).filter_map(|a| fixed[a].map(|c| c * columns[a][n])).sum::<f64>())
            .collect();
        let of: Vec<&[f64]> = open.iter().map(|n| columns[*n]).collect();
        let weights: Vec<f64> = data.y.iter().map(|y| weight(*y, floor)).collect();
        let steps: Vec<bool> = open.iter().map(|n| whole.get(*n) == Some(&true)).collect();
        if let Some((again, _)) = solve_whole(&of, &steps, &rest, &weights) {
            // Of the rest alone: outliers may rule it, so it moves only a little from the robust one.
            for ((n, value), step) in open.iter().zip(again).zip(steps) {
                let before = current[*n];
                current[*n] = if step { before } else { value.clamp(0.7 * before, 1.3 * before) };
            }
        }
    }
    Some(current)
}

// ---- the whole -----------------------------------------------------------------------------------------------------

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

fn piece(
    data: &Data,
    all: &[(Term, Vec<f64>)],
    set: &[usize],
    options: Options,
    until: Option<(String, f64)>,
) -> Option<Piece> {
    let columns: Vec<&[f64]> = set.iter().map(|n| all[*n].1.as_slice()).collect();
    let whole: Vec<bool> = set.iter().map(|n| all[*n].0.whole).collect();
    let coefficients = snapped(&columns, &whole, data, options.floor)?;
    let terms = set.iter().zip(coefficients).map(|(n, c)| (c, all[*n].0.clone())).collect();
    Some(Piece { until, terms })
}

/// Two pieces, where a library switches its strategy.
fn in_pieces(data: &Data, all: &[(Term, Vec<f64>)], options: Options) -> Option<Model> {
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
                let terms: Vec<(Term, Vec<f64>)> = all
                    .iter()
                    .map(|(term, values)| {
                        let values = values.iter().enumerate().filter(|(n, _)| keep(*n)).map(|(_, v)| *v).collect();
                        (term.clone(), values)
                    })
                    .collect();
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

/// Terms on some of the rows.
fn on_rows(all: &[(Term, Vec<f64>)], rows: &[usize]) -> Vec<(Term, Vec<f64>)> {
    all.iter().map(|(term, values)| (term.clone(), rows.iter().map(|n| values[*n]).collect())).collect()
}

/// Two phases of the call, of which the one that takes more is the peak: a regression on planes, where rows and planes are
/// found in turn (Magnani and Boyd 2009, "Convex piecewise-linear fitting"), from several first guesses.
fn in_phases(data: &Data, all: &[(Term, Vec<f64>)], options: Options, single: &Model) -> Option<Model> {
    let simple: Vec<(Term, Vec<f64>)> = all.iter().filter(|(term, _)| term.weight <= PHASE_WEIGHT).cloned().collect();
    let fewer = Options { most_terms: 3, ..options };
    let count = data.y.len();
    let guesses = first_phases(data, single)?;
    let mut best: Option<(f64, Vec<bool>, [Vec<usize>; 2])> = None;
    for mut first in guesses {
        let mut found: Option<(f64, Vec<bool>, [Vec<usize>; 2])> = None;
        for _ in 0..PHASE_ROUNDS {
            let fitted: Option<Vec<(Vec<f64>, Vec<usize>)>> = [true, false]
                .into_iter()
                .map(|side| {
                    let rows: Vec<usize> = (0..count).filter(|n| first[*n] == side).collect();
                    let part = data.filter(|n| first[n] == side);
                    if part.distinct() < 5 {
                        return None;
                    }
                    let terms = on_rows(&simple, &rows);
                    let set = select(&part, &terms, fewer, 3)?.terms;
                    let columns: Vec<&[f64]> = set.iter().map(|n| terms[*n].1.as_slice()).collect();
                    let whole: Vec<bool> = set.iter().map(|n| terms[*n].0.whole).collect();
                    let (coefficients, ..) = robust(&columns, &whole, &part.y, options.floor, 2)?;
                    let everywhere: Vec<&[f64]> = set.iter().map(|n| simple[*n].1.as_slice()).collect();
                    Some(((0..count).map(|n| predicted(&everywhere, &coefficients, n)).collect(), set))
                })
                .collect();
            let Some([(a, terms_a), (b, terms_b)]) = fitted.and_then(|both| <[_; 2]>::try_from(both).ok()) else {
                break;
            };
            let loss = loss((0..count).map(|n| relative(a[n].max(b[n]), data.y[n], options.floor)));
            let again: Vec<bool> = (0..count).map(|n| a[n] >= b[n]).collect();
            if found.as_ref().is_none_or(|(known, ..)| loss < *known) {
                found = Some((loss, first.clone(), [terms_a, terms_b]));
            }
            if again == first {
                break;
            }
            first = again;
        }
        if let Some(found) = found.filter(|(loss, ..)| best.as_ref().is_none_or(|(known, ..)| loss < known)) {
            best = Some(found);
        }
    }
    let (_, first, sets) = best?;
    let cross_validated = validate_phases(data, &simple, &first, &sets, options.floor)?;
    let pieces: Option<Vec<Piece>> = [true, false]
        .into_iter()
        .zip(&sets)
        .map(|(side, set)| {
            let rows: Vec<usize> = (0..count).filter(|n| first[*n] == side).collect();
            piece(&data.filter(|n| first[n] == side), &on_rows(&simple, &rows), set, options, None)
        })
        .collect();
    Some(Model { pieces: pieces?, cross_validated })
}

/// First guesses of which rows are in the first phase: by the middle of a size, of the ratio of two, and by the sign of what
/// one plane leaves over.
fn first_phases(data: &Data, single: &Model) -> Option<Vec<Vec<bool>>> {
    let mut by: Vec<Vec<f64>> = Vec::new();
    let count = data.names.len().min(3);
    for a in 0..count {
        by.push(data.column(a));
        for b in a + 1..count {
            by.push(data.rows.iter().map(|row| row[a] / row[b].max(1.0)).collect());
        }
    }
    let values = single.values(&data.names, &data.rows)?;
    by.push(values.iter().zip(&data.y).map(|(value, y)| y / value.max(1.0)).collect());
    let halves = by.into_iter().map(|values| {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = super::quantile(&sorted, 0.5).unwrap_or(0.0);
        values.into_iter().map(|value| value <= middle).collect()
    });
    Some(halves.collect())
}

/// As [`cross_validate`], of two phases with their rows and terms.
fn validate_phases(
    data: &Data,
    all: &[(Term, Vec<f64>)],
    first: &[bool],
    sets: &[Vec<usize>; 2],
    floor: f64,
) -> Option<f64> {
    let fold_of = folds(data);
    let mut sorted = data.y.clone();
    sorted.sort_by(f64::total_cmp);
    let large = super::quantile(&sorted, 0.75)?;
    let mut losses = Vec::new();
    for fold in 0..=FOLDS {
        let out = |n: usize| if fold == FOLDS { data.y[n] > large } else { fold_of.get(n) == Some(&fold) };
        let missed: Vec<usize> = (0..data.y.len()).filter(|n| out(*n)).collect();
        let phases: Option<Vec<Vec<f64>>> = [true, false]
            .into_iter()
            .zip(sets)
            .map(|(side, set)| {
                let kept: Vec<usize> = (0..data.y.len()).filter(|n| !out(*n) && first[*n] == side).collect();
                let terms: Vec<&(Term, Vec<f64>)> = set.iter().map(|n| &all[*n]).collect();
                let part: Vec<Vec<f64>> = terms.iter().map(|(_, v)| kept.iter().map(|n| v[*n]).collect()).collect();
                let part: Vec<&[f64]> = part.iter().map(Vec::as_slice).collect();
                let whole: Vec<bool> = terms.iter().map(|(term, _)| term.whole).collect();
                let y: Vec<f64> = kept.iter().map(|n| data.y[*n]).collect();
                let (coefficients, ..) = robust(&part, &whole, &y, floor, 2)?;
                let everywhere: Vec<&[f64]> = terms.iter().map(|(_, values)| values.as_slice()).collect();
                Some(missed.iter().map(|n| predicted(&everywhere, &coefficients, *n)).collect())
            })
            .collect();
        let found = match phases.as_deref() {
            Some([a, b]) => {
                loss(missed.iter().zip(a.iter().zip(b)).map(|(n, (a, b))| relative(a.max(*b), data.y[*n], floor)))
            }
            _ => 0.5,
        };
        if !missed.is_empty() {
            losses.extend(std::iter::repeat_n(found, if fold == FOLDS { 2 } else { 1 }));
        }
    }
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
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
