//! Pictures of contracts: measured points, the formula with its band, and what the formula leaves over, as SVG.
//!
//! [`sheet`] takes a callable's contracts and its traces (without any, the formulas over the ranges that they were learned
//! on) and gives the text of an SVG file; [`page`] puts that into an HTML page, [`pixels`] makes a PNG file of it. The same input
//! gives the same bytes. Depends on `contracts`, `formula` and `trace`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use super::quantile;
use super::trace::{Outcome, Trace};
use crate::contracts::described::DescribedCall;
use crate::contracts::{Contract, Contracts, Distribution, Residual};
use crate::formula::{Environment, Formula, Text};

/// Pixels of a PNG file for one of the SVG file, each way: texts stay sharp on dense screens.
const ZOOM: f32 = 2.0;
/// The ends of the band: shares of the residual.
const BAND: [f64; 3] = [0.01, 0.5, 0.99];
/// Width and height of a panel's inside, and what is left around it, in pixels.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 22.0;
const ABOVE: f64 = 64.0;
const BELOW: f64 = 52.0;
/// Points of a curve.
const STEPS: usize = 96;
/// Bars of a histogram.
const BARS: usize = 24;
/// From this ratio of the largest to the least on, an axis is logarithmic.
const WIDE: f64 = 20.0;

const INK: &str = "#222222";
const FAINT: &str = "#dddddd";
const FIT: &str = "#1f5fa8";
const FILL: &str = "#bcd3ee";
const DOT: &str = "#c4501b";

/// Values across and along.
type Pairs = Vec<(f64, f64)>;

/// What a picture shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// The text of the SVG file.
    pub svg: String,
    /// Measured points that are in it.
    pub points: usize,
    /// Calls of the callable that are not in it: they did not return, or the contract does not give their peak.
    pub left_out: usize,
}

/// A measured call.
struct Point {
    features: BTreeMap<String, f64>,
    predicted: f64,
    measured: f64,
}

/// An entry of a contract with the points that it speaks of.
struct Part<'c> {
    title: String,
    /// None where the peak follows from result and transient.
    formula: Option<Formula>,
    sizes: Vec<(Text, f64, f64)>,
    residual: Option<&'c Residual>,
    points: Vec<Point>,
}

/// The picture of a callable's contracts; `traces` may be of other callables too.
///
/// # Errors
/// Why nothing can be drawn, in words.
pub fn sheet(name: &str, contracts: &Contracts, traces: &[Trace]) -> Result<Sheet, String> {
    let entries: Vec<&Contract> = contracts.all(name);
    let mut parts: Vec<(u32, Part<'_>)> = Vec::new();
    for entry in &entries {
        let formula = entry.peak_formula();
        let range = entry.provenance.iter().flat_map(|provenance| provenance.range.iter().cloned());
        let used = formula.as_ref().map(Formula::symbols).unwrap_or_default();
        let title = match entry.conditions() {
            conditions if conditions.is_empty() => name.to_owned(),
            conditions => format!("{name} where {conditions}"),
        };
        let part = Part {
            title,
            formula,
            sizes: range.filter(|(size, ..)| used.contains(size)).collect(),
            residual: entry.residual("peak"),
            points: Vec::new(),
        };
        parts.push((entry.place.line, part));
    }
    let mut sheet = Sheet::default();
    for trace in traces.iter().filter(|trace| trace.callable == name) {
        let point = (trace.outcome == Outcome::Returned).then(|| point(trace, contracts)).flatten();
        let place = point.and_then(|(line, point)| Some((parts.iter_mut().find(|(at, _)| *at == line)?, point)));
        match place {
            Some(((_, part), point)) => {
                part.points.push(point);
                sheet.points += 1;
            }
            None => sheet.left_out += 1,
        }
    }
    let parts: Vec<Part<'_>> = parts.into_iter().map(|(_, part)| part).collect();
    if parts.iter().all(|part| part.points.is_empty() && part.sizes.is_empty()) {
        return Err(
            "it has no range that it was learned on: give calls of it that were measured, with `--traces DIR`".into()
        );
    }
    let parts: Vec<&Part<'_>> = parts.iter().filter(|part| !part.points.is_empty() || !part.sizes.is_empty()).collect();
    let row = ABOVE + HEIGHT + BELOW;
    let width = 2.0 * (LEFT + WIDTH + RIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        height = row * parts.len() as f64,
        title = escaped(name),
    );
    for (n, part) in parts.iter().enumerate() {
        let top = row * n as f64 + ABOVE;
        let heading = match &part.formula {
            Some(formula) => format!("{}: peak = {formula}", part.title),
            None => part.title.clone(),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\" font-size=\"14\" font-weight=\"bold\">{}</text>",
            top - 40.0,
            escaped(&shortened(&heading, 100))
        );
        fit_panel(part, top, &mut svg);
        residual_panel(part, top, &mut svg);
    }
    svg.push_str("</svg>\n");
    sheet.svg = svg;
    Ok(sheet)
}

/// The picture as a PNG file, in DejaVu Sans on every machine.
///
/// # Errors
/// Why it cannot be drawn, in words.
pub fn pixels(svg: &str) -> Result<Vec<u8>, String> {
    let mut options = resvg::usvg::Options::default();
    let fonts = options.fontdb_mut();
    // As narrow as the fonts of browsers: captions have the width of a panel.
    fonts.load_font_data(dejavu::sans_condensed::regular().to_vec());
    fonts.load_font_data(dejavu::sans_condensed::bold().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = resvg::usvg::Tree::from_str(svg, &options).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size().scale_by(ZOOM).ok_or("it is empty")?;
    let mut drawn = resvg::tiny_skia::Pixmap::new(size.width(), size.height()).ok_or("it is too large")?;
    resvg::render(&tree, resvg::tiny_skia::Transform::from_scale(ZOOM, ZOOM), &mut drawn.as_mut());
    drawn.encode_png().map_err(|error| error.to_string())
}

/// A page with a picture.
pub fn page(name: &str, svg: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{}</title>\n\
         <body style=\"margin: 1em; background: white\">\n{svg}</body>\n</html>\n",
        escaped(name)
    )
}

/// A measured call, and the line of the entry that speaks of it.
fn point(trace: &Trace, contracts: &Contracts) -> Option<(u32, Point)> {
    let measured = trace.peak?;
    let call = DescribedCall::read(trace.call.as_ref()?).ok()?;
    let line = call.matched(contracts)?.place.line;
    let predicted = call.report(contracts).ok()?["peak"]["bytes"].to_string().parse().ok()?;
    Some((line, Point { features: trace.features.clone(), predicted, measured }))
}

/// A formula at sizes.
fn value(formula: &Formula, sizes: &[(Text, f64)]) -> Option<f64> {
    let mut environment = Environment::new();
    for (name, size) in sizes {
        environment.set(name, BigRational::from_integer(BigInt::from(size.round() as i64)));
    }
    formula.evaluate(&environment).ok()?.to_f64().filter(|bytes| bytes.is_finite())
}

/// The middle of a range: of sizes of different orders that of the orders.
fn middle(low: f64, high: f64) -> f64 {
    if low > 0.0 && high / low > WIDE { (low * high).sqrt() } else { (low + high) / 2.0 }
}

/// Points over the one size, or measured over predicted peaks; the formula, and the band of what it leaves over.
fn fit_panel(part: &Part<'_>, top: f64, svg: &mut String) {
    let ratio = |share: f64| part.residual.map_or(1.0, |residual| residual.quantile(share));
    let [low_ratio, usual, high_ratio] = BAND.map(ratio);
    let widest = part.sizes.iter().max_by(|a, b| {
        let order = |low: f64, high: f64| (high + 1.0) / (low + 1.0);
        order(a.1, a.2).total_cmp(&order(b.1, b.2))
    });
    let others = part.sizes.len() > 1;
    let (points, curve, across, along): (Pairs, Pairs, String, String) = match widest {
        Some((size, low, high)) if !others || part.points.is_empty() => {
            let points: Vec<(f64, f64)> =
                part.points.iter().filter_map(|point| Some((*point.features.get(&**size)?, point.measured))).collect();
            let from = points.iter().map(|point| point.0).fold(*low, f64::min);
            let to = points.iter().map(|point| point.0).fold(*high, f64::max);
            let rest: Vec<(Text, f64)> = part
                .sizes
                .iter()
                .filter(|(other, ..)| other != size)
                .map(|(other, low, high)| (other.clone(), middle(*low, *high).round()))
                .collect();
            let curve = between(from, to).into_iter().filter_map(|x| {
                let mut sizes = rest.clone();
                sizes.push((size.clone(), x));
                Some((x.round(), value(part.formula.as_ref()?, &sizes)?))
            });
            let given: Vec<String> = rest.iter().map(|(name, x)| format!("{name} = {}", counted(*x))).collect();
            let given = if given.is_empty() { String::new() } else { format!(", at {}", given.join(", ")) };
            (points, curve.collect(), size.to_string(), format!("peak{given}"))
        }
        _ => {
            let points: Vec<(f64, f64)> = part.points.iter().map(|point| (point.predicted, point.measured)).collect();
            let from = points.iter().map(|point| point.0).fold(f64::INFINITY, f64::min);
            let to = points.iter().map(|point| point.0).fold(0.0, f64::max);
            let curve = between(from, to).into_iter().map(|x| (x, x)).collect();
            (points, curve, "the formula's peak".to_owned(), "measured peak".to_owned())
        }
    };
    let band = |ratio: f64| curve.iter().map(move |(x, y)| (*x, y * ratio));
    let all = || points.iter().copied().chain(band(low_ratio)).chain(band(high_ratio));
    let x = Axis::of(all().map(|point| point.0), LEFT, WIDTH);
    let y = Axis::of(all().map(|point| point.1), top + HEIGHT, -HEIGHT);
    let sized = across == "the formula's peak";
    frame(top, LEFT, &along, &across, svg);
    x.ticks(
        if sized { bytes } else { counted },
        |at, text, svg| {
            let _ = writeln!(
                svg,
                "<path d=\"M{at:.1} {top:.1}v{HEIGHT}\" stroke=\"{FAINT}\"/><text x=\"{at:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{text}</text>",
                top + HEIGHT + 16.0
            );
        },
        svg,
    );
    y.ticks(
        bytes,
        |at, text, svg| {
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {at:.1}h{WIDTH}\" stroke=\"{FAINT}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{text}</text>",
                LEFT - 6.0,
                at + 4.0
            );
        },
        svg,
    );
    let path = |points: &mut dyn Iterator<Item = (f64, f64)>| -> String {
        points.map(|(a, b)| format!("{:.1},{:.1}", x.at(a), y.at(b))).collect::<Vec<_>>().join(" ")
    };
    let around = path(&mut band(low_ratio).chain(band(high_ratio).collect::<Vec<_>>().into_iter().rev()));
    let _ = writeln!(svg, "<polygon class=\"band\" points=\"{around}\" fill=\"{FILL}\" fill-opacity=\"0.7\"/>");
    let line = path(&mut band(usual));
    let _ = writeln!(
        svg,
        "<polyline class=\"fit\" points=\"{line}\" fill=\"none\" stroke=\"{FIT}\" stroke-width=\"1.5\"/>"
    );
    for (a, b) in &points {
        let _ = writeln!(
            svg,
            "<circle class=\"point\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{DOT}\" fill-opacity=\"0.75\"/>",
            x.at(*a),
            y.at(*b)
        );
    }
    let told = match points.len() {
        0 => "no measured calls; line: formula, band: 1st to 99th percentile".to_owned(),
        count => format!("{count} measured calls; line: formula at the median ratio, band: 1st to 99th percentile"),
    };
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{:.1}\" font-size=\"11\" fill=\"#666666\">{told}</text>", top - 10.0);
}

/// How measured amounts lie about the formula: a histogram, and what the contract's distribution expects.
fn residual_panel(part: &Part<'_>, top: f64, svg: &mut String) {
    let left = 2.0 * LEFT + WIDTH + RIGHT;
    let mut ratios: Vec<f64> = part
        .points
        .iter()
        .filter(|point| point.predicted > 0.0)
        .map(|point| point.measured / point.predicted)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = |share: f64| part.residual.map_or(1.0, |residual| residual.quantile(share));
    // A few calls of small amounts lie far out: what is beyond is in the last bars.
    let ends = |share: f64| quantile(&ratios, share).unwrap_or(1.0);
    let (mut low, mut high) = (ratio(0.005).min(ends(0.02)), ratio(0.995).max(ends(0.98)));
    if high - low < 0.002 {
        (low, high) = (low.min(1.0) - 0.001, high.max(1.0) + 0.001);
    }
    let step = (high - low) / BARS as f64;
    let mut counts = [0usize; BARS];
    for value in &ratios {
        let bar = (((value - low) / step).max(0.0) as usize).min(BARS - 1);
        if let Some(count) = counts.get_mut(bar) {
            *count += 1;
        }
    }
    // Of the distribution, the share up to a ratio: by halving, as only its inverse is there.
    let share_up_to = |at: f64| {
        let (mut from, mut to) = (0.0, 1.0);
        for _ in 0..40 {
            let half = (from + to) / 2.0;
            if ratio(half) <= at { from = half } else { to = half }
        }
        from
    };
    let is_exact = part.residual.is_none_or(|residual| residual.distribution == Distribution::Exact);
    let expected: Vec<f64> = (0..BARS)
        .map(|bar| {
            if is_exact {
                0.0
            } else {
                share_up_to(low + step * (bar + 1) as f64) - share_up_to(low + step * bar as f64)
            }
        })
        .collect();
    let total = ratios.len().max(1) as f64;
    let share = |bar: usize| counts.get(bar).map_or(0.0, |count| *count as f64 / total);
    let most = (0..BARS).map(share).chain(expected.iter().copied()).fold(0.0, f64::max).max(1e-9);
    frame(top, left, "share of calls", "measured / formula", svg);
    let x = Axis { low, high, is_log: false, start: left, length: WIDTH };
    x.ticks(
        |at| format!("{at:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        |at, text, svg| {
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                top + HEIGHT + 16.0
            );
        },
        svg,
    );
    for bar in (0..BARS).filter(|bar| share(*bar) > 0.0) {
        let height = share(bar) / most * HEIGHT * 0.95;
        let _ = writeln!(
            svg,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{DOT}\" \
             fill-opacity=\"0.6\"/>",
            left + WIDTH * bar as f64 / BARS as f64 + 0.5,
            top + HEIGHT - height,
            WIDTH / BARS as f64 - 1.0
        );
    }
    if !is_exact {
        let line: Vec<String> = expected
            .iter()
            .enumerate()
            .map(|(bar, share)| {
                let at = left + WIDTH * (bar as f64 + 0.5) / BARS as f64;
                format!("{at:.1},{:.1}", top + HEIGHT - share / most * HEIGHT * 0.95)
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"expected\" points=\"{}\" fill=\"none\" stroke=\"{FIT}\" stroke-width=\"1.5\"/>",
            line.join(" ")
        );
    }
    let most = ratio(0.99);
    let at = x.at(most);
    let _ = writeln!(
        svg,
        "<path class=\"p99\" d=\"M{at:.1} {top:.1}v{HEIGHT}\" stroke=\"{FIT}\" stroke-dasharray=\"4 3\"/>"
    );
    let name = part.residual.map_or("none", |residual| residual.distribution.name());
    let covered = ratios.partition_point(|value| *value <= most * 1.001) as f64 / total;
    let covers = if ratios.is_empty() { String::new() } else { format!(", not exceeded by {:.0} %", 100.0 * covered) };
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{:.1}\" font-size=\"11\" fill=\"#666666\">distribution: {name}; dashed: 99th percentile {most:.3}{covers}</text>",
        top - 10.0
    );
}

/// The lines around a panel, and what its axes are.
fn frame(top: f64, left: f64, along: &str, across: &str, svg: &mut String) {
    let (middle, centre) = (left + WIDTH / 2.0, top + HEIGHT / 2.0);
    let turned = left - 62.0;
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"{INK}\"/>\n\
         <text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
         <text x=\"{turned:.1}\" y=\"{centre:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 {turned:.1} {centre:.1})\">{}</text>",
        top + HEIGHT + 36.0,
        escaped(&shortened(across, 60)),
        escaped(&shortened(along, 44))
    );
}

/// Evenly spread values, or spread by orders where the range is wide.
fn between(low: f64, high: f64) -> Vec<f64> {
    if low >= high || !low.is_finite() || !high.is_finite() {
        return vec![low.min(high)].into_iter().filter(|x| x.is_finite()).collect();
    }
    let is_log = low > 0.0 && high / low > WIDE;
    let at = |share: f64| if is_log { low * (high / low).powf(share) } else { low + (high - low) * share };
    (0..=STEPS).map(|n| at(n as f64 / STEPS as f64)).collect()
}

/// Where values stand in a panel.
struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
    /// Where the least stands, and how far the largest is from it (negative: upwards).
    start: f64,
    length: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, start: f64, length: f64) -> Self {
        let finite: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low.is_finite() { (low.max(0.0), high.max(low.max(0.0))) } else { (0.0, 1.0) };
        let is_log = low >= 1.0 && high / low > WIDE;
        let (low, high) = match is_log {
            true => (low / 1.15, high * 1.15),
            false => (0.0, if high > 0.0 { high * 1.05 } else { 1.0 }),
        };
        Self { low, high, is_log, start, length }
    }

    fn at(&self, value: f64) -> f64 {
        let share = match self.is_log {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.start + self.length * share.clamp(0.0, 1.0)
    }

    fn ticks(&self, told: impl Fn(f64) -> String, draw: impl Fn(f64, String, &mut String), svg: &mut String) {
        let mut values = Vec::new();
        if self.is_log {
            let orders = (self.high / self.low).log10();
            let first = self.low.log10().ceil() as i32;
            let last = self.high.log10().floor() as i32;
            let every = ((orders / 6.0).ceil() as i32).max(1);
            values.extend((first..=last).step_by(usize::try_from(every).unwrap_or(1)).map(|order| 10f64.powi(order)));
        } else {
            let raw = (self.high - self.low) / 5.0;
            let order = 10f64.powf(raw.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * order).into_iter().find(|step| *step >= raw).unwrap_or(raw);
            let first = (self.low / step).ceil() as i64;
            values.extend((first..).map(|n| n as f64 * step).take_while(|value| *value <= self.high).take(12));
        }
        for value in values {
            draw(self.at(value), escaped(&told(value)), svg);
        }
    }
}

/// A count for people.
fn counted(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{}G", trimmed(value / 1e9)),
        value if value >= 1e6 => format!("{}M", trimmed(value / 1e6)),
        value if value >= 1e4 => format!("{}k", trimmed(value / 1e3)),
        value => trimmed(value),
    }
}

/// Bytes for people, in decimal units: their ticks are round.
fn bytes(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{} GB", trimmed(value / 1e9)),
        value if value >= 1e6 => format!("{} MB", trimmed(value / 1e6)),
        value if value >= 1e3 => format!("{} kB", trimmed(value / 1e3)),
        value => format!("{} B", trimmed(value)),
    }
}

fn trimmed(value: f64) -> String {
    format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{Axis, between, bytes, counted, escaped};

    #[test]
    fn wide_axes_are_logarithmic_and_all_values_lie_within() {
        let wide = Axis::of([10.0, 100_000.0].into_iter(), 50.0, 100.0);
        assert!(wide.is_log && wide.at(10.0) > 50.0 && wide.at(100_000.0) < 150.0);
        assert!((wide.at(1_000.0) - 100.0).abs() < 1e-6);
        let narrow = Axis::of([10.0, 30.0].into_iter(), 0.0, 100.0);
        assert!(!narrow.is_log && narrow.at(0.0) == 0.0 && narrow.at(30.0) < 100.0);
        for odd in [vec![], vec![f64::NAN], vec![0.0], vec![5.0, f64::INFINITY]] {
            let axis = Axis::of(odd.into_iter(), 0.0, 100.0);
            assert!(axis.at(f64::NAN).is_nan() || axis.at(1.0).is_finite());
        }
        assert!(between(f64::INFINITY, 0.0).len() < 2);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([bytes(1.0), bytes(2_500.0), bytes(1e7), bytes(3e9)], ["1 B", "2.5 kB", "10 MB", "3 GB"]);
        assert_eq!([counted(12.0), counted(25_000.0), counted(1e6)], ["12", "25k", "1M"]);
        assert_eq!(escaped("a<b & \"c\""), "a&lt;b &amp; &quot;c&quot;");
    }
}
