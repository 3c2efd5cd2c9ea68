//! A few traces that stand for many: of a callable that has too many, as many as are wanted, and those at the ends.
//!
//! Kept are the traces with the smallest hashes of their lines, which is a random choice that depends on nothing else, and the
//! traces with the least and the largest of each size and of the peak, so that ranges stay. The size is fixed, and summaries
//! merge: the summary of the summaries of parts is the summary of the whole, however it was parted. What is said of shares
//! (quantiles of residuals, coverage) of `n` kept traces is off by more than `1.36/sqrt(n)` once in twenty
//! (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant). Pure; depends on `trace`.

use std::collections::{BTreeMap, BTreeSet};

use super::trace::Trace;

/// How many traces of a callable are kept if nothing else is said: shares are then off by at most 2.2 % in 19 of 20 cases.
pub const MOST_TRACES: usize = 4_000;

/// What shares of so many kept traces are off by at the most, in 19 of 20 cases.
pub fn tolerance(kept: usize) -> f64 {
    1.36 / (kept.max(1) as f64).sqrt()
}

/// The traces that stand for all of `items`, in their order: `most` and those at the ends; all where there are no more.
pub fn reduced<T>(items: Vec<T>, most: usize, of: impl Fn(&T) -> &Trace) -> Vec<T> {
    if items.len() <= most {
        return items;
    }
    let mut order: Vec<(u64, usize)> = items.iter().enumerate().map(|(at, item)| (of(item).key, at)).collect();
    order.sort_unstable();
    let mut kept: BTreeSet<usize> = order.iter().take(most).map(|(_, at)| *at).collect();
    // By size and end: the value, the hash that decides between equal ones, and the place.
    let mut ends: BTreeMap<(&str, bool), (f64, u64, usize)> = BTreeMap::new();
    for (key, at) in &order {
        let Some(item) = items.get(*at) else { continue };
        let trace = of(item);
        let sizes = trace.features.iter().map(|(name, value)| (name.as_str(), *value));
        for (name, value) in sizes.chain(trace.peak.map(|peak| ("", peak))) {
            for largest in [false, true] {
                let further = |known: f64| if largest { value > known } else { value < known };
                let end = ends.entry((name, largest)).or_insert((value, *key, *at));
                if further(end.0) {
                    *end = (value, *key, *at);
                }
            }
        }
    }
    kept.extend(ends.into_values().map(|(_, _, at)| at));
    items.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::trace::{Traces, read_lines};
    use super::*;

    fn many(count: u32) -> Vec<Trace> {
        let line = |n: u32| {
            let size = (u64::from(n) * 7919) % 10_007;
            format!("{{\"callable\": \"m.f\", \"features\": {{\"n\": {size}}}, \"peak_bytes\": {}}}\n", 8 * size + 100)
        };
        let mut traces = Traces::default();
        read_lines((0..count).map(line).collect::<String>().as_bytes(), Path::new("t.jsonl"), &mut traces);
        traces.traces
    }

    #[test]
    fn summaries_of_parts_make_the_summary_of_the_whole() {
        let all = many(5_000);
        let whole = reduced(all.clone(), 300, |trace| trace);
        assert!((300..=304).contains(&whole.len()), "{}", whole.len());
        for parts in [2, 3, 17] {
            let size = all.len().div_ceil(parts);
            let joined = all.chunks(size).flat_map(|part| reduced(part.to_vec(), 300, |trace| trace)).collect();
            assert_eq!(reduced(joined, 300, |trace| trace), whole, "{parts} parts");
        }
        // The ends are there, and so few are all of them.
        let sizes = |traces: &[Trace]| traces.iter().map(|trace| trace.features["n"] as u64).collect::<Vec<_>>();
        assert_eq!(sizes(&whole).iter().max(), sizes(&all).iter().max());
        assert_eq!(sizes(&whole).iter().min(), sizes(&all).iter().min());
        assert_eq!(reduced(all.clone(), 5_000, |trace| trace), all);
    }

    #[test]
    fn a_summary_is_a_fair_choice() {
        let all = many(10_000);
        let mut kept: Vec<f64> = reduced(all, 1_000, |trace| trace).iter().map(|trace| trace.features["n"]).collect();
        kept.sort_by(f64::total_cmp);
        for share in [0.1, 0.5, 0.9] {
            let found = super::super::quantile(&kept, share).unwrap_or(0.0) / 10_007.0;
            assert!((found - share).abs() < tolerance(1_000), "{share}: {found}");
        }
    }
}
