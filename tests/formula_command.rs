//! `meminterface formula` as a user runs it.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_meminterface"))
        .arg("formula")
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the command runs")
}

#[track_caller]
fn prints(arguments: &[&str], expected: &str) {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{expected}\n"), "{arguments:?}: {errors}");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {errors}");
}

#[track_caller]
fn refuses(arguments: &[&str], part: &str) {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(part), "{arguments:?}: {errors}");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty());
}

#[test]
fn the_canonical_form_is_printed() {
    prints(&["16*n + 112 + 8*n**2"], "8*n**2 + 16*n + 112");
    prints(&["-n + 3"], "3 - n");
    prints(&["f(x) + 2*f(x)"], "3*f(x)");
    prints(&["n/2", "--latex"], "\\frac{n}{2}");
}

#[test]
fn sizes_give_values_growth_and_limits() {
    prints(&["8*n**2 + 112", "--evaluate", "n=1000"], "8000112 bytes");
    prints(&["8*n*m if mode == 'x' else 0", "--evaluate", "n=3,mode='x'", "--evaluate", "m=1e3"], "24000 bytes");
    prints(&["8*n*f(x, 1)", "--evaluate", "n=3,f(x, 1)=2"], "48 bytes");
    prints(&["8*a['k,=']", "--evaluate", "a['k,=']=2"], "16 bytes");
    prints(&["8*n**2 + 16*m*n", "--growth"], "O(n**2 + m*n)");
    prints(&["8*n**2 + 16*m*n", "--growth", "m"], "O(m)");
    prints(&["--growth", "8*n**2 + 16*m*n"], "O(n**2 + m*n)");
    prints(&["8*n**2 + 16*n + 112", "--exceeds", "512MB", "--for", "n"], "n = 8191");
    prints(&["8*n*m", "--exceeds", "1KB", "--evaluate", "m=2"], "n = 65");
    prints(&["min(n, 10)", "--exceeds", "1KB"], "no n: the formula never exceeds 1024 bytes");
}

#[test]
fn bad_input_is_named_with_its_place_and_exit_code_2() {
    refuses(&["8*n +"], "<formula>:1:6");
    refuses(&["8*n + 1/0"], "division by zero");
    refuses(&["8*n*m", "--evaluate", "n=3"], "no value for `m`");
    refuses(&["8*n", "--evaluate", "n"], "gives no name a value");
    refuses(&["8*n*m", "--exceeds", "512MB"], "needs the symbol to look for");
    refuses(&["8*n", "--exceeds", "512 apples"], "is not a size");
    refuses(&["8*n", "--growth", "n+1"], "is not the name of a size");
    refuses(&["n - 5", "--evaluate", "n=2"], "negative");
}

#[test]
fn a_misspelt_function_is_pointed_out() {
    let output = run(&["ciel(n) + 1"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `ceil`?"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn json_follows_the_schema_that_is_checked_in() {
    let schema = format!("{:#}\n", meminterface::cli::formula::json_schema());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas/formula.schema.json");
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(path, &schema).expect("the schema is written");
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(checked_in, schema, "run this test with UPDATE_SCHEMAS=1, and look at the difference");

    let output = run(&[
        "8*n**2 + f(m)",
        "--format",
        "json",
        "--growth",
        "n",
        "--evaluate",
        "f(m)=0",
        "--exceeds",
        "99999999999GB",
        "--for",
        "n",
    ]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["schema"], serde_json::json!({"name": "meminterface.formula", "version": 1}));
    assert_eq!(json["formula"], "8*n**2 + f(m)");
    assert_eq!(json["terms"], serde_json::json!(["f(m)"]));
    assert_eq!(json["growth"]["order"], "O(n**2)");
    assert_eq!(json["exceeds"]["limit_bytes"].to_string(), "107374182398926258176");
    let fields = checked_in_fields(&schema);
    for field in json.as_object().expect("an object").keys() {
        assert!(fields.contains(field), "{field} is not in the schema");
    }
}

fn checked_in_fields(schema: &str) -> Vec<String> {
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    schema["properties"].as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

#[cfg(not(feature = "symbolica"))]
#[test]
fn without_the_algebra_system_the_rest_works_and_says_what_is_missing() {
    let output = run(&["8*n*m + 8*n*k", "--simplify"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("algebra-unavailable"), "{errors}");
    assert_eq!(output.status.code(), Some(2));
}
