//! The curve of cost and time over memory as a page of its own: an SVG drawing, no scripts, nothing loaded.

use super::Recommendation;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 30.0;

/// Text within HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// One drawing: a figure over memory (logarithmic, as settings double).
fn drawing(found: &Recommendation, title: &str, of: impl Fn(&super::Point) -> Option<f64>) -> String {
    let points: Vec<(u64, f64)> = found
        .curve
        .iter()
        .filter_map(|point| Some((point.memory_mb, of(point)?)))
        .filter(|(_, y)| y.is_finite())
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return format!("<p>{}: no times are known; measure once to draw this.</p>", escape(title));
    };
    let (low, high) = ((first.0 as f64).log2(), (last.0 as f64).log2());
    let most = points.iter().map(|(_, y)| *y).fold(0.0, f64::max).max(1e-12);
    let x = |mb: u64| LEFT + ((mb as f64).log2() - low) / (high - low).max(1e-9) * (WIDTH - LEFT - 20.0);
    let y = |value: f64| TOP + (1.0 - value / most) * (HEIGHT - TOP - 40.0);
    let mut svg = format!(
        "<h2>{}</h2>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title),
        escape(title)
    );
    let line: Vec<String> = points.iter().map(|(mb, value)| format!("{:.1},{:.1}", x(*mb), y(*value))).collect();
    svg.push_str(&format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#26c\" stroke-width=\"2\"/>\n",
        line.join(" ")
    ));
    for (mb, value) in &points {
        let is_it = Some(*mb) == found.memory_mb;
        let fits = found.curve.iter().find(|point| point.memory_mb == *mb).and_then(|point| point.fits) != Some(false);
        let colour = if is_it {
            "#080"
        } else if fits {
            "#26c"
        } else {
            "#b22"
        };
        svg.push_str(&format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{}\" fill=\"{colour}\"><title>{mb} MB: {value:.3}</title></circle>\n",
            x(*mb),
            y(*value),
            if is_it { 7 } else { 4 }
        ));
        if mb.is_power_of_two() || is_it {
            svg.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mb}</text>\n",
                x(*mb),
                if is_it { TOP - 12.0 } else { HEIGHT - 18.0 }
            ));
        }
    }
    for share in [0.0, 0.5, 1.0] {
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.2}</text>\n",
            LEFT - 8.0,
            y(most * share) + 4.0,
            most * share
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

/// A page with the curves of all recommendations.
pub fn html(all: &[Recommendation]) -> String {
    let mut page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Memory settings</title>\n<style>\n\
                    body { font: 14px/1.4 system-ui, sans-serif; margin: 16px; max-width: 960px; color: #222; }\n\
                    svg { width: 100%; border: 1px solid #ddd; } text { font-size: 12px; }\n\
                    h1 { font-size: 18px; } h2 { font-size: 14px; }\n</style>\n</head>\n<body>\n"
        .to_owned();
    for found in all {
        let setting = found.memory_mb.map_or_else(|| "no setting".to_owned(), |mb| format!("{mb} MB"));
        page.push_str(&format!("<h1>{}: {}</h1>\n", escape(&found.handler), escape(&setting)));
        page.push_str(&drawing(found, "Cost of a million requests (USD) over memory (MB)", |p| p.cost_per_million_usd));
        page.push_str(&drawing(found, "Time of a warm request (ms) over memory (MB)", |p| p.duration_ms));
        page.push_str("<ul>\n");
        for point in &found.tipping_points {
            page.push_str(&format!("<li>{}</li>\n", escape(&point.message)));
        }
        page.push_str("</ul>\n<p>Green: recommended; red: the footprint does not fit.</p>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}
