//! Least squares: relative-error weighted, robust, without negative coefficients, with numbers that people can read.

use nalgebra::{DMatrix, DVector};

use super::Data;
use crate::learning::quantile;

/// Most copies of a container of one length that a call makes: what fits with more is no container.
const MOST_COPIES: f64 = 8.0;

/// Coefficients and the inverse of the normal matrix, in the columns' own units. None if the columns depend on one
/// another, or a coefficient is not positive: such a term says nothing that the others do not.
pub(super) fn solve(columns: &[&[f64]], y: &[f64], weights: &[f64]) -> Option<(Vec<f64>, DMatrix<f64>)> {
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
pub(super) fn solve_whole(
    columns: &[&[f64]],
    whole: &[bool],
    y: &[f64],
    weights: &[f64],
) -> Option<(Vec<f64>, DMatrix<f64>)> {
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

pub(super) fn weight(y: f64, floor: f64) -> f64 {
    1.0 / (y.abs() + floor).powi(2)
}

pub(super) fn predicted(columns: &[&[f64]], coefficients: &[f64], n: usize) -> f64 {
    columns.iter().zip(coefficients).map(|(column, c)| c * column.get(n).copied().unwrap_or(0.0)).sum()
}

pub(super) fn relative(found: f64, y: f64, floor: f64) -> f64 {
    (found - y) / (y.abs() + floor)
}

/// Huber's weights by iterative reweighting: outliers pull less.
pub(super) fn robust(
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
        scale = 1.4826 * quantile(&sizes, 0.5).unwrap_or(0.0);
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
pub(super) fn loss(errors: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = errors.fold((0.0, 0usize), |(sum, count), e| (sum + e.abs().min(0.5), count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

pub(super) fn digits(value: f64, count: i32) -> f64 {
    let scale = 10f64.powi(count - 1 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    format!("{rounded:.9}").parse().unwrap_or(rounded)
}

/// The most readable number within a distance.
pub(super) fn readable(value: f64, within: f64) -> f64 {
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
pub(super) fn snapped(columns: &[&[f64]], whole: &[bool], data: &Data, floor: f64) -> Option<Vec<f64>> {
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
        let steep = quantile(&steepest, 0.9).unwrap_or(0.0).max(1e-300);
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
