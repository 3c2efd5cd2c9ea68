//! Speed of formulas: `cargo bench --no-default-features --bench formula`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use meminterface::formula::{Environment, Formula, Text};

const FORMULA: &str = "8*n**2 + 16*n*m + 24*max(n, m) + 112";

fn main() {
    divan::main();
}

fn formula() -> Formula {
    Formula::parse(FORMULA).expect("a formula")
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Formula::parse(black_box(FORMULA)));
}

#[divan::bench]
fn print(bencher: Bencher<'_, '_>) {
    let formula = formula();
    bencher.bench(|| black_box(&formula).to_string());
}

#[divan::bench]
fn evaluate_exactly(bencher: Bencher<'_, '_>) {
    let formula = formula();
    let environment: Environment = [("n", 1000), ("m", 700)].into_iter().collect();
    bencher.bench(|| formula.bytes(black_box(&environment)));
}

#[divan::bench]
fn single_value(bencher: Bencher<'_, '_>) {
    let program = formula().compile(&["n", "m"].map(Text::from)).expect("compiles");
    bencher.bench(|| program.run(black_box(&[1000.0, 700.0])));
}

#[divan::bench]
fn columns(bencher: Bencher<'_, '_>) {
    let rows = 1_000_000;
    let program = formula().compile(&["n", "m"].map(Text::from)).expect("compiles");
    let n: Vec<f64> = (0..rows).map(f64::from).collect();
    let m: Vec<f64> = (0..rows).rev().map(f64::from).collect();
    let mut out = vec![0.0; n.len()];
    bencher.counter(ItemsCount::new(n.len())).bench_local(|| program.run_columns(black_box(&[&n, &m]), &mut out));
}

#[divan::bench]
fn add_a_thousand_terms(bencher: Bencher<'_, '_>) {
    let terms: Vec<Formula> = (0..1000).map(|k| Formula::symbol(&format!("x{}", k % 500))).collect();
    bencher.bench(|| Formula::total(terms.iter().cloned()));
}
