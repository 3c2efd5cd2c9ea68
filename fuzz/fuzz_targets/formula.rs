//! Any text is a formula or an error with its place. A formula prints to a text that reads back as itself, and its
//! value is the number that substituting the same values gives. Compiled programs run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meminterface::formula::{Environment, Formula};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let formula = match Formula::parse_permissive(text) {
        Ok(formula) => formula,
        Err(error) => {
            let (line, column) = error.position(text);
            assert!(line >= 1 && column >= 1);
            return;
        }
    };
    let printed = formula.to_string();
    let again = Formula::parse_permissive(&printed);
    assert!(again.as_ref() == Ok(&formula), "`{printed}` reads back as {again:?}");
    formula.to_latex();
    formula.growth(None);
    formula.terms();
    let symbols = formula.symbols();
    let numbered = || symbols.iter().enumerate().map(|(at, name)| (name.clone(), at as i64 + 2));
    let environment: Environment = numbered().collect();
    let substituted = formula.substitute(&numbered().map(|(name, value)| (name, Formula::integer(value))).collect());
    if let (Ok(value), Some(number)) = (formula.evaluate(&environment), substituted.as_number()) {
        assert_eq!(value, *number, "`{printed}` evaluates and substitutes to different numbers");
    }
    let inputs: Vec<_> = symbols.iter().cloned().collect();
    if let Ok(program) = formula.compile(&inputs) {
        program.run(&vec![3.0; inputs.len()]);
    }
});
