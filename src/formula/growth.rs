//! Order of growth: how a formula grows when its symbols do.

use std::collections::{BTreeMap, BTreeSet};

use num_rational::BigRational;
use num_traits::{One, Signed, ToPrimitive, Zero};
use rustc_hash::FxHashMap;

use super::Text;
use super::node::{Formula, Kind};
use super::walk::scope_order;

/// Powers and powers of logarithms of what grows: `n**2 * log2(n)` is `{n: (2, 1)}`. What grows is a symbol, an
/// exponential or an uninterpreted call.
type Monomial = BTreeMap<Formula, (BigRational, BigRational)>;

/// A sum of monomials of which none is dominated by another.
type Growth = Vec<Monomial>;

/// Most monomials that are kept.
const MOST_MONOMIALS: usize = 200;

impl Formula {
    /// The order of growth, as a formula without coefficients: `8*n**2 + 16*n` is `n**2`. `variable` is what grows;
    /// without it every symbol does, independently. An uninterpreted call grows in a way of its own.
    pub fn growth(&self, variable: Option<&str>) -> Formula {
        let growing: BTreeSet<Text> = match variable {
            Some(name) => BTreeSet::from([Text::from(super::normalize(name))]),
            None => self.symbols(),
        };
        let growth = growth(&self.expand(), &growing);
        Formula::total(growth.iter().map(|monomial| {
            Formula::product(monomial.iter().map(|(of, (power, logs))| {
                let logs = of.log2().power(&Formula::rational(logs.clone()));
                of.power(&Formula::rational(power.clone())) * logs
            }))
        }))
    }
}

fn growth(root: &Formula, growing: &BTreeSet<Text>) -> Growth {
    let constant = || vec![Monomial::new()];
    let mut memo: FxHashMap<usize, Growth> = FxHashMap::default();
    for formula in scope_order(root) {
        let get = |child: &Formula| memo.get(&child.address()).cloned().unwrap_or_else(constant);
        let depends = |formula: &Formula| growing.iter().any(|name| formula.depends_on(name));
        let own =
            |formula: &Formula| vec![Monomial::from([(formula.clone(), (BigRational::one(), BigRational::zero()))])];
        let value = match formula.kind() {
            Kind::Symbol(path) if growing.contains(path) => own(&formula),
            Kind::Symbol(_)
            | Kind::Number(_)
            | Kind::Boolean(_)
            | Kind::Literal { .. }
            | Kind::Compare { .. }
            | Kind::Junction { .. }
            | Kind::Not(_)
            | Kind::Undefined(_) => constant(),
            Kind::Apply { .. } if depends(&formula) => own(&formula),
            Kind::Apply { .. } => constant(),
            Kind::Sum { terms, constant } => {
                let mut all: Growth = terms.iter().flat_map(|term| get(&term.of)).collect();
                if !constant.is_zero() {
                    all.push(Monomial::new());
                }
                prune(all)
            }
            Kind::Product(factors) => {
                let mut product = constant();
                for factor in factors {
                    let exponent = BigRational::from_integer(factor.exponent.into());
                    product = times(&product, &raise(&get(&factor.base), &exponent));
                }
                product
            }
            Kind::Power { base, exponent } => match exponent.as_number() {
                Some(exponent) => raise(&get(base), exponent),
                None if !depends(&formula) => constant(),
                None => match base.as_number() {
                    Some(base) if base.abs() <= BigRational::one() => constant(),
                    _ => own(&formula),
                },
            },
            Kind::Call { function, arguments } => {
                let inner = prune(arguments.iter().flat_map(get).collect());
                if function.logarithmic { logarithm(&inner) } else { inner }
            }
            Kind::Extreme { max: true, operands } => prune(operands.iter().flat_map(get).collect()),
            Kind::Extreme { max: false, operands } => {
                // Any operand is a bound; the first that all others dominate is the best.
                let all: Vec<Growth> = operands.iter().map(get).collect();
                let below = |a: &Growth, b: &Growth| a.iter().all(|x| b.iter().any(|y| dominates(y, x)));
                all.iter()
                    .find(|a| all.iter().all(|b| below(a, b)))
                    .or_else(|| all.first())
                    .cloned()
                    .unwrap_or_else(constant)
            }
            Kind::Modulo(_, divisor) => get(divisor),
            Kind::Conditional { then, otherwise, .. } => prune([get(then), get(otherwise)].concat()),
            Kind::Series { body, index, start, stop, .. } => {
                let mut inner = growing.clone();
                inner.insert(index.clone());
                let range = prune([get(start), get(stop)].concat());
                let index = Formula::symbol(index);
                let mut all = Growth::new();
                for mut monomial in growth(body, &inner) {
                    let own = monomial.remove(&index);
                    let mut part = times(&vec![monomial], &range);
                    if let Some((power, logs)) = own {
                        if power.is_positive() {
                            part = times(&part, &raise(&range, &power));
                        }
                        if logs.is_positive() {
                            part = times(&part, &raise(&logarithm(&range), &logs));
                        }
                    }
                    all.extend(part);
                }
                prune(all)
            }
        };
        memo.insert(formula.address(), value);
    }
    memo.remove(&root.address()).unwrap_or_else(constant)
}

fn times(a: &Growth, b: &Growth) -> Growth {
    let mut all = Growth::new();
    for x in a {
        for y in b {
            let mut product = x.clone();
            for (of, (power, logs)) in y {
                let entry = product.entry(of.clone()).or_insert_with(|| (BigRational::zero(), BigRational::zero()));
                entry.0 += power;
                entry.1 += logs;
            }
            product.retain(|_, (power, logs)| !power.is_zero() || !logs.is_zero());
            all.push(product);
        }
    }
    prune(all)
}

/// `(a + b)**k` grows as `a**k + b**k`. Of a negative power the first monomial stands for all.
fn raise(growth: &Growth, exponent: &BigRational) -> Growth {
    let raised = growth.iter().map(|monomial| {
        monomial.iter().map(|(of, (power, logs))| (of.clone(), (power * exponent, logs * exponent))).collect()
    });
    if exponent.is_negative() { raised.take(1).collect() } else { prune(raised.collect()) }
}

fn logarithm(growth: &Growth) -> Growth {
    let mut all = Growth::new();
    for (of, (power, logs)) in growth.iter().flatten() {
        if let (Kind::Power { exponent, .. }, true) = (of.kind(), power.is_positive()) {
            all.push(Monomial::from([(exponent.clone(), (BigRational::one(), BigRational::zero()))]));
        } else if power.is_positive() {
            all.push(Monomial::from([(of.clone(), (BigRational::zero(), BigRational::one()))]));
        } else if logs.is_positive() {
            // log(log(n)) is bounded by log(n).
            all.push(Monomial::from([(of.clone(), (BigRational::zero(), BigRational::one()))]));
        }
    }
    if all.is_empty() { vec![Monomial::new()] } else { prune(all) }
}

/// Whether `a` grows at least as fast as `b`, whatever grows.
fn dominates(a: &Monomial, b: &Monomial) -> bool {
    let none = || (BigRational::zero(), BigRational::zero());
    let exponential = |of: &Formula| {
        a.iter().any(|(x, (power, _))| {
            power.is_positive()
                && !b.contains_key(x)
                && matches!(x.kind(), Kind::Power { exponent, .. } if of.as_symbol().is_some_and(|s| exponent.depends_on(s)))
        })
    };
    let keys: BTreeSet<&Formula> = a.keys().chain(b.keys()).collect();
    keys.into_iter().all(|of| {
        let ours = a.get(of).cloned().unwrap_or_else(none);
        let theirs = b.get(of).cloned().unwrap_or_else(none);
        ours >= theirs || exponential(of)
    })
}

fn prune(mut all: Growth) -> Growth {
    all.sort_by(|a, b| degree(b).total_cmp(&degree(a)).then_with(|| b.cmp(a)));
    all.dedup();
    let mut kept = Growth::new();
    for monomial in all {
        if !kept.iter().any(|other| dominates(other, &monomial)) {
            kept.retain(|other| !dominates(&monomial, other));
            kept.push(monomial);
        }
        if kept.len() >= MOST_MONOMIALS {
            break;
        }
    }
    kept
}

fn degree(monomial: &Monomial) -> f64 {
    monomial.values().map(|(power, logs)| power.to_f64().unwrap_or(0.0) + 0.001 * logs.to_f64().unwrap_or(0.0)).sum()
}
