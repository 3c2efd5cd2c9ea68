//! The contracts of Python's standard library: the file is good, and its callables say what they take.

use meminterface::contracts::check;

/// Every formula of `interfaces/python.toml` is over sizes that are there, and gives no negative size.
#[test]
fn the_shipped_file_is_good() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/interfaces/python.toml");
    let found = check(&[file]);
    let told: Vec<String> = found.iter().map(|diagnostic| format!("{diagnostic:?}")).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
