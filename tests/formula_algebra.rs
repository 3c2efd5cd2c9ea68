//! Algebra: what `--simplify` and `--derivative` give, and that the child's end is a message, never a crash.
#![cfg(feature = "symbolica")]

use std::path::Path;

use meminterface::formula::algebra::{AlgebraError, Session};
use meminterface::formula::{Environment, Formula};

fn session() -> Session {
    Session::start(Some(Path::new(env!("CARGO_BIN_EXE_meminterface")))).expect("the child starts")
}

fn formula(text: &str) -> Formula {
    Formula::parse_permissive(text).expect(text)
}

#[track_caller]
fn simplifies(session: &mut Session, text: &str, expected: &str) {
    let simple = formula(text).simplify(session).expect(text);
    assert_eq!(simple.to_string(), expected, "{text}");
}

#[test]
fn the_shortest_form_wins() {
    let session = &mut session();
    simplifies(session, "8*n*m + 8*n*k", "8*n*(k + m)");
    simplifies(session, "n**2 + 2*n + 1", "(n + 1)**2");
    simplifies(session, "(n + 1)*(n - 1) + 1", "n**2");
    simplifies(session, "n/m + k/m", "(k + n)/m");
    simplifies(session, "8*n + 16", "8*n + 16");
    simplifies(session, "x", "x");
    simplifies(session, "112", "112");
}

#[test]
fn what_algebra_does_not_know_keeps_its_meaning() {
    let session = &mut session();
    simplifies(session, "f(x)*n + f(x)*m", "f(x)*(m + n)");
    simplifies(session, "max((n + 1)**2 - n**2, m)", "max(m, 2*n + 1)");
    simplifies(session, "3*ceil((n*m + n*k)/8)*event['a b'].x", "3*event[\"a b\"].x*ceil(n*(k + m)/8)");
    simplifies(session, "(a*b + a*c if n*m + n > 2 else 0)", "a*(b + c) if m*n + n > 2 else 0");
    simplifies(session, "sum(f(i)*(a*b + a*c) for i in range(n))", "a*sum(f(i) for i in range(n))*(b + c)");
}

/// A derivative is what the difference quotient tends to, at places without steps.
#[test]
fn derivatives_are_slopes() {
    let session = &mut session();
    for text in [
        "8*n**3 + 16*n*m + 112",
        "n**2/(m + n)",
        "(n + m)**3*(n - 1)",
        "max(n**2, 100*m)",
        "min(n, m) + n*max(n, 3, m)",
        "n*log2(n)",
        "2**n",
        "n*m if n > m else n**2",
        "sum(n*log2(i + 2) for i in range(m))",
    ] {
        let derivative = formula(text).derivative("n", session).expect(text);
        for (n, m) in [(5.0, 3.0), (2.5, 9.0), (40.0, 7.0)] {
            let inputs = ["n", "m"].map(Into::into);
            let value = |f: &Formula, n: f64| f.compile(&inputs).expect("compiles").run(&[n, m]);
            let step = 1e-5;
            let slope = (value(&formula(text), n + step) - value(&formula(text), n - step)) / (2.0 * step);
            let exact = value(&derivative, n);
            assert!((slope - exact).abs() <= 1e-4 * exact.abs().max(1.0), "{text} at {n}, {m}: {slope}, {derivative}");
        }
    }
    assert_eq!(formula("8*n**2 + 3*m").derivative("k", session), Ok(Formula::zero()));
    assert_eq!(formula("8*ceil(n/2) + n").derivative("n", session), Ok(Formula::one()));
    assert_eq!(formula("3*f(n)").derivative("n", session), Err(AlgebraError::NoDerivative("f(n)".to_owned())));
}

#[test]
fn simplifying_keeps_the_value() {
    let session = &mut session();
    for text in [
        "(n + 1)**5 - (n - 1)**5",
        "n*(n + m)*(n + 2*m)/(3*k + 6)",
        "8*n**2*m + 16*n*m**2 + 24*n*m + 112*n",
        "1/(n + 1) + 1/(n + 2)",
        "max(n*m + n*k, n**2 - 2*n + 1) // (n + 1)",
    ] {
        let simple = formula(text).simplify(session).expect(text);
        assert!(simple.to_string().len() <= formula(text).to_string().len(), "{text}: {simple}");
        for at in [(0, 1, 2), (7, 3, 5), (100, 41, 13)] {
            let environment: Environment = [("n", at.0), ("m", at.1), ("k", at.2)].into_iter().collect();
            assert_eq!(simple.evaluate(&environment), formula(text).evaluate(&environment), "{text}: {simple}");
        }
    }
}

#[test]
fn runs_at_the_same_time_wait_for_each_other() {
    let runs: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| formula("8*n*m + 8*n*k").simplify(&mut session()).map(|f| f.to_string())))
        .collect();
    for run in runs {
        assert_eq!(run.join().expect("no panic"), Ok("8*n*(k + m)".to_owned()));
    }
}

#[cfg(unix)]
#[test]
fn a_child_that_ends_or_does_not_exist_is_a_message() {
    let error = |program: &str| match Session::start(Some(Path::new(program))) {
        Ok(mut session) => formula("n*m + n").simplify(&mut session).expect_err("not an algebra system"),
        Err(error) => error,
    };
    for program in ["/bin/false", "/nowhere/meminterface"] {
        let diagnostic = error(program).diagnostic();
        assert_eq!(diagnostic.kind.id(), "algebra-unavailable", "{diagnostic}");
    }
}
