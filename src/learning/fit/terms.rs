//! What a formula may be made of: sizes, their products, steps of containers, and terms with a place that is looked for.

use super::squares::{digits, loss, predicted, relative, solve, weight};
use super::{Data, MOST_SIZES, Options, Term};
use crate::formula::{Formula, Text};
use crate::learning::quantile;

/// A term with its values on the data.
pub(super) type Column = (Term, Vec<f64>);

/// Places between two powers of two where a buffer may double.
const DOUBLING_STEPS: u32 = 24;
/// Places that are tried for the end of a size, and again around the best of them.
const END_STEPS: u32 = 16;

/// The candidate terms over named sizes with their values on the data, without those that say the same as a simpler one.
pub(super) fn candidates(data: &Data, options: Options) -> Vec<Column> {
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
    for a in (0..stepping).filter(|a| name(*a).ends_with("edges")) {
        for b in (0..count).filter(|b| *b != a && count <= 4) {
            texts.push((format!("{}**2/max({}, 1)", name(a), name(b)), 3.5));
        }
    }
    let names: Vec<Text> = data.names.iter().map(|name| Text::from(name.as_str())).collect();
    let mut found: Vec<Column> = Vec::new();
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
    let doubling = |scale: f64, of: &str| {
        let scaled = if scale == 1.0 { of.to_owned() } else { format!("{scale}*{of}") };
        (format!("2**ceil(log2(max({scaled}, 1)))"), 3.2)
    };
    let ones = vec![1.0; data.y.len()];
    for a in 0..count {
        let (x, name) = (data.column(a), &data.names[a]);
        found.extend(search.doubling(&x, true).map(|scale| doubling(scale, name)));
        found.extend(search.end(&x, &ones).map(|most| (format!("min({name}, {most})"), 2.6)));
        for b in (0..count).filter(|b| a != *b && count <= 4) {
            let (y, other) = (data.column(b), &data.names[b]);
            found.extend(search.end(&x, &y).map(|most| (format!("{other}*min({name}, {most})"), 3.2)));
            if a < b {
                let product: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x * y).collect();
                let name = format!("{name}*{other}");
                found.extend(search.doubling(&product, false).map(|scale| doubling(scale, &name)));
                found.extend(search.end(&product, &ones).map(|most| (format!("min({name}, {most})"), 3.2)));
            }
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
    /// of the size. None where doubling at powers of two of a size (always a candidate), or none of a product, says as much.
    fn doubling(&self, x: &[f64], is_size: bool) -> Option<f64> {
        if x.iter().any(|x| *x < 0.0 || *x >= 1e12) {
            return None;
        }
        let steps = |scale: f64| x.iter().map(|x| (scale * x).max(1.0).log2().ceil().exp2()).collect::<Vec<_>>();
        let scales =
            (u32::from(is_size)..DOUBLING_STEPS).map(|k| digits((f64::from(k) / f64::from(DOUBLING_STEPS)).exp2(), 3));
        let (loss, scale) = self.best(x, scales, steps)?;
        let plain = if is_size { steps(1.0) } else { x.to_vec() };
        let plain = self.loss(x, &plain).unwrap_or(f64::INFINITY);
        (loss < 0.7 * plain).then_some(scale)
    }

    /// The value behind which a size counts no more (a library looks at so many samples at most), times another size or
    /// alone. None where it counts throughout.
    fn end(&self, x: &[f64], each: &[f64]) -> Option<f64> {
        let mut sorted: Vec<f64> = x.iter().copied().filter(|x| *x >= 2.0).collect();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (quantile(&sorted, 0.2)?, quantile(&sorted, 0.85)?);
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
pub(super) fn evaluate(text: &str, names: &[Text], rows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let program = Formula::parse(text).ok()?.compile(names).ok()?;
    Some(rows.iter().map(|row| program.run(row)).collect())
}

fn is_multiple(a: &[f64], b: &[f64]) -> bool {
    let Some(at) = a.iter().zip(b).position(|(a, b)| *a != 0.0 && *b != 0.0) else { return false };
    let factor = b[at] / a[at];
    a.iter().zip(b).all(|(a, b)| (a * factor - b).abs() <= 1e-9 * b.abs().max(1e-9))
}

/// Terms on some of the rows.
pub(super) fn on_rows(all: &[Column], rows: &[usize]) -> Vec<Column> {
    all.iter().map(|(term, values)| (term.clone(), rows.iter().map(|n| values[*n]).collect())).collect()
}
