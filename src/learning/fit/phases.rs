//! Two phases of a call, of which the larger one is its peak.

use super::select::{Fold, folds, over_folds, select};
use super::squares::{loss, predicted, relative, robust};
use super::terms::{Column, on_rows};
use super::{Data, Model, Options, Piece, piece};
use crate::learning::quantile;

/// Weight of terms that a phase may have: sizes, products, and what ends to grow.
const PHASE_WEIGHT: f64 = 2.2;
/// How often rows are given to phases anew.
const PHASE_ROUNDS: usize = 5;

/// Two phases of the call, of which the one that takes more is the peak: a regression on planes, where rows and planes are
/// found in turn (Magnani and Boyd 2009, "Convex piecewise-linear fitting"), from several first guesses.
pub(super) fn in_phases(data: &Data, all: &[Column], options: Options, single: &Model) -> Option<Model> {
    let simple: Vec<Column> = all.iter().filter(|(term, _)| term.weight <= PHASE_WEIGHT).cloned().collect();
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
        let middle = quantile(&sorted, 0.5).unwrap_or(0.0);
        values.into_iter().map(|value| value <= middle).collect()
    });
    Some(halves.collect())
}

/// How far two phases with their rows and terms are off in cross-validation.
fn validate_phases(data: &Data, all: &[Column], first: &[bool], sets: &[Vec<usize>; 2], floor: f64) -> Option<f64> {
    let side = |fold: &Fold, side: bool, set: &[usize]| -> Option<Vec<f64>> {
        let kept: Vec<usize> = fold.kept.iter().copied().filter(|n| first[*n] == side).collect();
        let terms: Vec<&Column> = set.iter().map(|n| &all[*n]).collect();
        let part: Vec<Vec<f64>> = terms.iter().map(|(_, v)| kept.iter().map(|n| v[*n]).collect()).collect();
        let part: Vec<&[f64]> = part.iter().map(Vec::as_slice).collect();
        let whole: Vec<bool> = terms.iter().map(|(term, _)| term.whole).collect();
        let y: Vec<f64> = kept.iter().map(|n| data.y[*n]).collect();
        let (coefficients, ..) = robust(&part, &whole, &y, floor, 2)?;
        let everywhere: Vec<&[f64]> = terms.iter().map(|(_, values)| values.as_slice()).collect();
        Some(fold.missed.iter().map(|n| predicted(&everywhere, &coefficients, *n)).collect())
    };
    let found = over_folds(&folds(data), |fold| {
        let (Some(a), Some(b)) = (side(fold, true, &sets[0]), side(fold, false, &sets[1])) else { return Some(0.5) };
        let pairs = fold.missed.iter().zip(a.iter().zip(&b));
        Some(loss(pairs.map(|(n, (a, b))| relative(a.max(*b), data.y[*n], floor))))
    });
    found.map(|(mean, _)| mean)
}
