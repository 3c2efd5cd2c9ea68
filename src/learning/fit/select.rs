//! Which terms: a beam search over sets of them, judged by cross-validation.

use super::squares::{loss, predicted, relative, robust, solve_whole, weight};
use super::terms::Column;
use super::{Data, Options};
use crate::learning::quantile;

/// Folds of the cross-validation; one more is for the largest sizes.
const FOLDS: usize = 5;
/// Share of the whole that a term has to reach at some size.
const SEEN: f64 = 0.05;

/// A part of the data that is left out, and what is kept.
pub(super) struct Fold {
    /// Rows that are fitted.
    pub kept: Vec<usize>,
    /// Rows that are judged.
    pub missed: Vec<usize>,
    /// Whether what is left out is the largest quarter of what was measured.
    pub largest: bool,
}

/// The folds of a cross-validation: by the rank of a group's measured value, so that every fold has all sizes; and one that
/// leaves out the largest. Folds that would leave out nothing are left out themselves.
pub(super) fn folds(data: &Data) -> Vec<Fold> {
    let mut groups: Vec<(usize, f64)> = Vec::new();
    for (n, group) in data.groups.iter().enumerate() {
        let y = data.y.get(n).copied().unwrap_or(0.0);
        match groups.iter_mut().find(|(known, _)| known == group) {
            Some((_, most)) => *most = most.max(y),
            None => groups.push((*group, y)),
        }
    }
    groups.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let of_group = |group: usize| groups.iter().position(|(known, _)| *known == group).unwrap_or(0) % FOLDS;
    let of: Vec<usize> = data.groups.iter().map(|group| of_group(*group)).collect();
    let mut sorted = data.y.clone();
    sorted.sort_by(f64::total_cmp);
    let large = quantile(&sorted, 0.75).unwrap_or(f64::INFINITY);
    (0..=FOLDS)
        .map(|fold| {
            let largest = fold == FOLDS;
            let out = |n: &usize| if largest { data.y[*n] > large } else { of.get(*n) == Some(&fold) };
            let (missed, kept) = (0..data.y.len()).partition(out);
            Fold { kept, missed, largest }
        })
        .filter(|fold| !fold.missed.is_empty())
        .collect()
}

/// Mean and standard error of what a fit to the rest is off by in each fold; the one of the largest counts twice, as what
/// matters most is what comes beyond. None where a fold says nothing.
pub(super) fn over_folds(folds: &[Fold], judge: impl Fn(&Fold) -> Option<f64>) -> Option<(f64, f64)> {
    let mut losses = Vec::new();
    for fold in folds {
        let found = judge(fold);
        losses.extend(found.into_iter().flat_map(|loss| std::iter::repeat_n(loss, if fold.largest { 2 } else { 1 })));
    }
    let count = losses.len() as f64;
    if losses.is_empty() {
        return None;
    }
    let mean = losses.iter().sum::<f64>() / count;
    let variance = losses.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    Some((mean, (variance / count).sqrt()))
}

/// A set of terms on the folds. `bounded`: a term ends to grow somewhere. Without the sizes beyond that place it says the same
/// as another one, and the fold of the largest says nothing.
fn cross_validate(
    columns: &[&[f64]],
    (whole, bounded): (&[bool], bool),
    data: &Data,
    folds: &[Fold],
    floor: f64,
) -> Option<(f64, f64)> {
    over_folds(folds, |fold| {
        let part: Vec<Vec<f64>> = columns.iter().map(|c| fold.kept.iter().map(|n| c[*n]).collect()).collect();
        let part: Vec<&[f64]> = part.iter().map(Vec::as_slice).collect();
        let y: Vec<f64> = fold.kept.iter().map(|n| data.y[*n]).collect();
        match robust(&part, whole, &y, floor, 2) {
            Some((coefficients, ..)) => Some(loss(
                fold.missed.iter().map(|n| relative(predicted(columns, &coefficients, *n), data.y[*n], floor)),
            )),
            None if bounded && fold.largest => None,
            // What cannot be told from a part of the data is not there in all of it.
            None => Some(0.5),
        }
    })
}

/// The terms of choice.
pub(super) struct Selected {
    /// Which of the candidates.
    pub terms: Vec<usize>,
    /// Mean relative error in cross-validation.
    pub score: f64,
}

/// The sets of terms that fit best, for each number of terms; then by cross-validation the simplest one that is within
/// one standard error of the best.
pub(super) fn select(data: &Data, all: &[Column], options: Options, beam: usize) -> Option<Selected> {
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
