//! Formulas as a user meets them: what a text becomes, what it is worth, and the laws that hold for every formula.

use std::collections::BTreeMap;

use meminterface::formula::{
    Argument, Comparison, Condition, Environment, EvaluateError, Formula, Text, Value, with_locals,
};
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;
use proptest::prelude::*;

#[track_caller]
fn formula(text: &str) -> Formula {
    match Formula::parse_permissive(text) {
        Ok(formula) => formula,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// The canonical form of a text, and that it is read back as itself.
#[track_caller]
fn reads_as(text: &str, expected: &str) {
    let read = formula(text);
    assert_eq!(read.to_string(), expected, "canonical form of {text}");
    assert_eq!(formula(expected), read, "{expected} is read back as another formula");
}

fn given(values: &[(&str, i64)]) -> Environment {
    values.iter().map(|(name, value)| (*name, *value)).collect()
}

#[track_caller]
fn is_worth(text: &str, values: &[(&str, i64)], expected: i64) {
    assert_eq!(formula(text).bytes(&given(values)), Ok(BigInt::from(expected)), "{text} with {values:?}");
}

#[test]
fn like_terms_merge() {
    reads_as("x + x", "2*x");
    reads_as("2*f(x) + f(x)", "3*f(x)");
    reads_as("0*x + 3 - 3", "0");
    reads_as("n*m - m*n + 1", "1");
    reads_as("x*x*x / x", "x**2");
    reads_as("n/2 + n/2", "n");
    reads_as("(n + 1) + ((n + 2) + (n + 3))", "3*n + 6");
    reads_as("n*(2*m + 2) - 2*n*(m + 1)", "0");
    reads_as("max(a, a)", "a");
    reads_as("f(1, key='x') + f(1, key=\"x\")", "2*f(1, key=\"x\")");
}

#[test]
fn terms_stand_by_degree_then_by_name_and_constants_last() {
    reads_as("112 + 16*n + 8*n**2", "8*n**2 + 16*n + 112");
    reads_as("24*max(n, m) + 16*n*m + 112 + 8*n**2", "8*n**2 + 16*m*n + 24*max(m, n) + 112");
    reads_as("g(x) + f(x) + 3 + a", "a + f(x) + g(x) + 3");
    reads_as("(n + 1)*f(x)*n", "n*f(x)*(n + 1)");
    reads_as("-n + 2", "2 - n");
    reads_as("-m + n", "n - m");
    reads_as("-(n**2 - n)*(m + 1)", "-(n**2 - n)*(m + 1)");
    reads_as("(n - n**2)/m", "(n - n**2)/m");
}

#[test]
fn parentheses_are_as_few_as_python_needs() {
    reads_as("((n) * (m + 1))", "n*(m + 1)");
    reads_as("3*(n/(m*2))", "3*n/(2*m)");
    reads_as("(2)**(n)", "2**n");
    reads_as("2**(n**m)", "2**n**m");
    reads_as("(2**n)**m", "(2**n)**m");
    reads_as("(-2)**n", "(-2)**n");
    reads_as("-(n**2)", "-n**2");
    reads_as("(n + 7) // 8", "(n + 7)//8");
    reads_as("8*((n + 7) // 8)", "8*((n + 7)//8)");
    reads_as("floor(n / m)", "n//m");
    reads_as("n % (m + 1)", "n%(m + 1)");
    reads_as("(a if c else b) + 1", "(a if c else b) + 1");
    reads_as("(a if (c and (d or e)) else (b if f else g))", "a if c and (d or e) else b if f else g");
    reads_as("1/m**2", "1/m**2");
    reads_as("1.5*n + 0.25", "3*n/2 + 1/4");
    reads_as("1e3 * n", "1000*n");
}

#[test]
fn paths_with_constant_subscripts_are_symbols() {
    reads_as("8 * a . shape [ 0 ]", "8*a.shape[0]");
    reads_as("event['n'] + event[\"n\"]", "2*event[\"n\"]");
    reads_as("rows.size*rows[-1].width", "rows.size*rows[-1].width");
    let symbols: Vec<String> = formula("8*a.shape[0] + event['n']*f(k) + sum(i*g(i) for i in range(m))")
        .symbols()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(symbols, ["a.shape[0]", "event[\"n\"]", "k", "m"]);
}

#[test]
fn uninterpreted_calls_keep_their_arguments() {
    for text in [
        "igraph.Graph.Barabasi(size, 10)",
        "boto3.client(\"s3\").get_object(Bucket=bucket, Key=key)",
        "spanning_tree(None, False)",
        "f(...)",
        "f()()",
        "(a - b)(x)",
        "(lambda: n)()",
        "f(*rows, **options)",
        "f(lambda x, y: x + y, 3)",
        "f([1, 2], {\"a\": 1}, (1, 2))",
        "f(x for x in rows)",
        "f(a > 0, not b, a and b)",
        "f(x[1:2], x[i])",
        "f(f\"{a} {b!r:>{w}}\")",
        "f((y := 3), k=(z := 4))",
        "\"{}.zip\".format(key)",
        "f(await g(x))",
        "f(1 if a else 2)",
        "f(\"a\\\"b\\n\", b\"x\")",
        "f(-1, n + 1, 2**n)",
        "math.sin(x)",
        "builtins.max(xs)",
    ] {
        reads_as(text, text);
        assert_eq!(formula(text).terms(), [formula(text)], "{text}");
    }
    reads_as("f( x,y , key = 1 )", "f(x, y, key=1)");
    reads_as("client('s3') . get( 'a' \"b\" )", "client(\"s3\").get(\"ab\")");
    reads_as("max(rows)", "rows");
    reads_as("max(xs, key=len)", "builtins.max(xs, key=len)");
    reads_as("sum(xs)", "builtins.sum(xs)");
    assert_eq!(Formula::apply("ceil", vec![]).to_string(), "math.ceil()");
}

#[test]
fn literals_normalise_as_the_parser_reads_them() {
    for (text, expected) in [
        ("'zip'", "\"zip\""),
        ("None", "None"),
        ("3", "3"),
        ("n+n", "2*n"),
        ("[1,\n 2]", "[1, 2]"),
        ("lambda x:  x", "lambda x: x"),
        ("not python at all (", "not python at all ("),
    ] {
        let call = Formula::apply("f", vec![Argument::positional(Formula::literal(text))]);
        assert_eq!(call.to_string(), format!("f({expected})"));
    }
}

#[test]
fn conditions_compare_join_and_decide() {
    reads_as("a if x > 0 else b", "a if x > 0 else b");
    reads_as("a if not x > 0 else b", "a if x <= 0 else b");
    reads_as("a if not x else b", "b if x else a");
    reads_as("a if 0 < x < 10 else b", "a if 0 < x and x < 10 else b");
    reads_as("a if mode == 'fast' else b", "a if mode == \"fast\" else b");
    reads_as("a if mode in ('x', 'y') else b", "a if mode == \"x\" or mode == \"y\" else b");
    reads_as("a if mode not in ('x', 'y') else b", "a if mode != \"x\" and mode != \"y\" else b");
    reads_as("a if key is None else b", "a if key is None else b");
    reads_as("a if 'x' in name else b", "a if \"x\" in name else b");
    reads_as("a if 2 > 1 else b", "a");
    reads_as("a if False else b", "b");
    reads_as("a if c else a", "a");
    reads_as("a if 'zip' == \"zip\" and c else b", "a if c else b");
    // Symbols may be negative in a condition: nothing is decided from their being sizes.
    reads_as("a if n >= 0 else b", "a if n >= 0 else b");
    let condition = Condition::compare(Formula::symbol("x"), Comparison::Greater, Formula::zero());
    let choice = Formula::conditional(condition.negate(), Formula::one(), Formula::zero());
    assert_eq!(choice.to_string(), "1 if x <= 0 else 0");
}

#[test]
fn maxima_drop_what_another_operand_reaches() {
    reads_as("max(max(a, b), c, 3, 5)", "max(a, b, c, 5)");
    reads_as("max(n, 2*n)", "2*n");
    reads_as("max(x, x + 8*n**2)", "8*n**2 + x");
    reads_as("min(n, n + 8)", "n");
    reads_as("max(f(x), f(x) + g(x))", "f(x) + g(x)");
    // An explicit clamp says that the value may be negative.
    reads_as("max(n, 0)", "max(n, 0)");
    reads_as("max(f(x), 0)", "f(x)");
    reads_as("max(n - m, 0)", "max(n - m, 0)");
}

#[test]
fn sums_close_where_they_can() {
    reads_as("sum(f(x) for i in range(n))", "n*f(x)");
    reads_as("sum(8 for i in range(n - 1))", "8*max(n - 1, 0)");
    reads_as("sum(8 for i in range(3, 1))", "0");
    reads_as("sum(i for i in range(n))", "n**2/2 - n/2");
    reads_as("sum(8*i**2 + k for i in range(n))", "8*n**3/3 - 4*n**2 + k*n + 4*n/3");
    reads_as("sum(1 for i in range(n) for j in range(i))", "n**2/2 - n/2");
    reads_as("sum(1 for i in range(n) for j in range(i, n))", "n**2/2 + n/2");
    reads_as("sum(i for i in range(0, n, 4))", "2*ceil(n/4)**2 - 2*ceil(n/4)");
    reads_as("sum((i + 1)**2 for i in range(n))", "n**3/3 + n**2/2 + n/6");
    reads_as("sum(f(i) for i in range(n))", "sum(f(i) for i in range(n))");
    reads_as("sum(8 + 3*k*f(i) for i in range(n))", "3*k*sum(f(i) for i in range(n)) + 8*n");
    reads_as("sum(f(rows[i]) for i in range(n))", "sum(f(rows[i]) for i in range(n))");
    reads_as("sum(i for i in range(n) if i > 2)", "sum(i if i > 2 else 0 for i in range(n))");
    reads_as("sum(f(i) for i in range(1, n, k))", "sum(f(i) for i in range(1, n, k))");
    let nested = "sum(sum(f(i, j) for j in range(i)) for i in range(n))";
    reads_as(nested, nested);
}

#[test]
fn closed_sums_are_the_sums_that_python_computes() {
    type Body = fn(i64) -> i64;
    let bodies: [(&str, Body); 5] = [
        ("1", |_| 1),
        ("i", |i| i),
        ("i**2 - 3*i", |i| i * i - 3 * i),
        ("(2*i + 1)**3", |i| (2 * i + 1).pow(3)),
        ("i**7", |i| i.pow(7)),
    ];
    let ranges = [(0, 10, 1), (3, 17, 1), (0, 10, 3), (5, 5, 1), (7, 3, 1), (10, 0, -1), (9, -1, -4), (-5, 6, 2)];
    for (body, of) in bodies {
        for (start, stop, step) in ranges {
            let mut expected = 0;
            let mut at = start;
            while (step > 0 && at < stop) || (step < 0 && at > stop) {
                expected += of(at);
                at += step;
            }
            // The bounds as symbols, the step as it is.
            let text = format!("sum({body} for i in range(a, b, {step}))");
            let value = formula(&text).evaluate(&given(&[("a", start), ("b", stop)]));
            assert_eq!(value, Ok(BigRational::from_integer(expected.into())), "{text} from {start} to {stop}");
        }
    }
}

#[test]
fn values_are_exact_and_rounded_up_once() {
    is_worth("8*n**2 + 16*n + 112", &[("n", 1000)], 8_016_112);
    is_worth("0.1*n", &[("n", 30)], 3);
    is_worth("n/3 + n/3 + n/3", &[("n", 100)], 100);
    is_worth("n/3", &[("n", 100)], 34);
    is_worth("-7 // 2 + 10", &[], 6);
    is_worth("-7 % 3", &[], 2);
    is_worth("7 % -3 + 10", &[], 8);
    is_worth("n*log2(n)", &[("n", 1024)], 10_240);
    is_worth("n**(1/2)", &[("n", 144)], 12);
    is_worth("10**30 // 10**29", &[], 10);
    is_worth("py_list(n) + py_dict(n) + py_set(n)", &[("n", 1000)], 8856 + 36_952 + 32_984);
    is_worth("sum(ceil(i/2) for i in range(n))", &[("n", 5)], 6);
    is_worth("sum(log2(2**i) for i in range(n))", &[("n", 5)], 10);
    is_worth("3*f(x) + 1", &[("f(x)", 5)], 16);
    is_worth("sum(f(i) for i in range(n))", &[("n", 2), ("f(0)", 5), ("f(1)", 7)], 12);
    let environment = given(&[("a", 1), ("b", 2)]).with("mode", Value::Literal(Text::from("\"fast\"")));
    assert_eq!(formula("a if mode == 'fast' else b").bytes(&environment), Ok(BigInt::from(1)));
    assert_eq!(formula("a if 'as' in mode else b").bytes(&environment), Ok(BigInt::from(1)));
}

#[test]
fn what_has_no_value_says_why() {
    let error = |text: &str, values: &[(&str, i64)]| match formula(text).bytes(&given(values)) {
        Err(error) => error.to_string(),
        Ok(value) => panic!("{text} is {value}"),
    };
    assert_eq!(error("8*n + m + f(x)", &[("m", 1)]), "no value for `f(x)`, `n`");
    assert_eq!(error("8/n", &[("n", 0)]), "division by zero: `n` is 0");
    assert_eq!(error("8 // (n - 1)", &[("n", 1)]), "division by zero: `n - 1` is 0");
    assert_eq!(error("log2(n)", &[("n", 0)]), "log2 of a number that is not positive: `n`");
    assert_eq!(error("2**n", &[("n", 1_000_000_000)]), "a number too large to compute with: `2**1000000000`");
    assert_eq!(error("n**(1/2)", &[("n", 2)]), "`n**(1/2)` is not a rational number");
    assert_eq!(error("n - 5", &[("n", 2)]), "the result is negative: -3 bytes");
    let endless = error("sum(log2(i + 1) for i in range(n))", &[("n", 1 << 40)]);
    assert_eq!(endless, EvaluateError::TooManySteps.to_string());
    // What is not asked for cannot fail.
    is_worth("8/n if n > 0 else 5", &[("n", 0)], 5);
    is_worth("1 if n == 0 or 8/n > 2 else f(x)", &[("n", 0)], 1);
}

#[test]
fn bad_texts_are_refused_with_their_place() {
    let error = |text: &str| match Formula::parse(text) {
        Err(error) => (error.position(text).1, error.message, error.help.unwrap_or_default()),
        Ok(formula) => panic!("{text} is {formula}"),
    };
    assert_eq!(error("8*n + ciel(m)"), (7, "unknown function `ciel`".into(), "did you mean `ceil`?".into()));
    assert_eq!(error("8 / 0").1, "division by zero");
    assert_eq!(error("ä + 8 % (2 - 2)").0, 10);
    assert_eq!(error("(a > b) + 1").1, "a condition cannot stand for a number");
    assert_eq!(error("8*'a'").0, 3);
    assert_eq!(error("n << 2").1, "`<<` is not an operator of formulas");
    assert_eq!(error("log2(1, 2)").1, "`log2` takes 1 argument: x");
    assert_eq!(error("py_tuple(3)").1, "`py_tuple` is reserved for a later version of the language");
    assert_eq!(error("rows[i]").1, "a subscript must be a constant");
    assert_eq!(error("sum(i for i in rows)").1, "a sum runs over a `range`");
    assert_eq!(error("sum(i for i in range(0, n, 0))").1, "the step of a range must not be zero");
    assert_eq!(error("1e999999999").1, "a number too large to compute with");
    assert_eq!(error("").1, "a formula is expected here");
    assert_eq!(error("8 +").0, 4);
    let bad =
        ["x = 3", "import os", "8;9", "\0", "(", ")", "f(", "'", "1j", "a if b", "[1]", "{}", "x := 3", "lambda: 3"];
    for text in bad {
        assert!(Formula::parse(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_texts_end_soon_and_without_a_panic() {
    let many = |piece: &str, n: usize| piece.repeat(n);
    // Long chains are formulas.
    let chain = format!("n{}", many(" + n", 100_000));
    assert_eq!(formula(&chain).to_string(), "100001*n");
    let chain = format!("n{}", many("*n", 100_000));
    assert_eq!(formula(&chain).to_string(), "n**100001");
    let alternating = format!("n{}", many(" + m // 3", 5_000));
    assert_eq!(formula(&alternating).to_string(), "n + 5000*(m//3)");
    // Deep nesting is refused, not followed.
    for text in [
        format!("{}n{}", many("(", 100_000), many(")", 100_000)),
        format!("{}n", many("-", 100_000)),
        format!("n{}", many("**n", 100_000)),
        format!("{}n", many("n if n else ", 100_000)),
        format!("{}n{}", many("f(", 100_000), many(")", 100_000)),
        format!("n{}", many("[0]", 300_000)),
        format!("n if {}n else n", many("not ", 100_000)),
        format!("{}n{}", many("max(n, ", 100_000), many(")", 100_000)),
        format!("f({}", many("lambda: ", 100_000)),
        format!("f(f{}", many("\"{f'{", 50_000)),
    ] {
        assert!(Formula::parse_permissive(&text).is_err(), "{}", &text[..40]);
    }
    // Nesting that people might generate is read.
    let deep = format!("{}n{}", many("f(", 150), many(")", 150));
    assert_eq!(formula(&deep).to_string(), deep);
    // Powers are not computed beyond reason.
    reads_as("2**(10**9)", "2**1000000000");
    assert!(formula("2**(10**9)").evaluate(&Environment::new()).is_err());
    assert!(Formula::parse("9**9**9**9").is_ok());
    assert!(Formula::parse("(2**60000)*(2**60000)").is_err());
    assert!(formula("(n + 1)**100000").expand().to_string().len() < 100);
}

#[test]
fn chains_of_a_hundred_thousand_nodes_are_dropped_printed_and_evaluated() {
    let condition = |k: i64| Condition::compare(Formula::symbol("n"), Comparison::Equal, Formula::integer(k));
    let mut chain = Formula::symbol("m");
    for k in 0..100_000 {
        chain = Formula::conditional(condition(k), Formula::integer(k), chain);
    }
    assert_eq!(chain.bytes(&given(&[("n", 70_000), ("m", 1)])), Ok(BigInt::from(70_000)));
    assert!(chain.to_string().starts_with("99999 if n == 99999 else 99998 if"));
    assert_eq!(chain.symbols().len(), 2);
    let renamed = chain.substitute(&BTreeMap::from([(Text::from("n"), Formula::symbol("k"))]));
    assert!(renamed.to_string().starts_with("99999 if k == 99999"));
    drop(chain);
    let wide = Formula::total((0..100_000).map(|k| Formula::symbol(&format!("x{k}"))));
    assert_eq!(wide.symbols().len(), 100_000);
}

#[test]
fn shared_parts_are_stored_once_and_printed_with_names() {
    // A tree of 2**200 leaves, a graph of a few hundred nodes.
    let mut shared = Formula::symbol("n") + Formula::one();
    for _ in 0..200 {
        shared = &shared * &shared.log2().ceil() + Formula::symbol("m");
    }
    assert_eq!(shared.size(), u64::MAX);
    let n = Formula::symbol("n");
    let part = n.pow(2).scale(&BigRational::from_integer(8.into())) + Formula::symbol("m") * &n + Formula::integer(112);
    let call = Formula::apply("f", vec![Argument::positional(part.clone())]);
    let locals = with_locals(&[part.log2() + call, part.ceil()], |at| format!("t{at}"));
    assert_eq!(locals.locals, [(Text::from("t0"), "8*n**2 + m*n + 112".to_owned())]);
    assert_eq!(locals.texts, ["log2(t0) + f(t0)", "ceil(t0)"]);
}

/// Formulas of all threads are one graph: the same text is the same formula on each, and prints the same.
#[test]
fn threads_share_formulas() {
    let build = || {
        (0..300)
            .map(|k| {
                // Built and dropped over and over, so that nodes come and go on all threads at once.
                let built = formula(&format!("{}*n*(m + {})**2 + f(n, {})", k % 7, k % 5, k % 3));
                (built.to_string(), built)
            })
            .collect::<Vec<_>>()
    };
    let expected = build();
    let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(build)).collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), expected);
    }
}

#[test]
fn substitution_puts_formulas_into_the_places_of_symbols() {
    let substitute = |text: &str, map: &[(&str, &str)]| {
        let map = map.iter().map(|(name, value)| (Text::from(*name), formula(value))).collect();
        formula(text).substitute(&map).to_string()
    };
    assert_eq!(substitute("8*n + m", &[("n", "m + 1")]), "9*m + 8");
    assert_eq!(substitute("a - b", &[("a", "b"), ("b", "a")]), "b - a");
    assert_eq!(substitute("8*a.shape[0]*a.n", &[("a", "image"), ("a.n", "3")]), "24*image.shape[0]");
    assert_eq!(
        substitute("f(n, rows[i], key=k)", &[("n", "2"), ("rows", "table"), ("i", "j + 1")]),
        "f(2, table[(j + 1)], key=k)"
    );
    assert_eq!(substitute("rows.load(n)", &[("rows", "table")]), "table.load(n)");
    assert_eq!(substitute("f([x for x in xs])", &[("x", "y"), ("xs", "ys")]), "f([x for x in ys])");
    assert_eq!(substitute("3*f(x) + g(x)", &[("f(x)", "8*n")]), "24*n + g(x)");
    assert_eq!(substitute("1 if n > 2 else m", &[("n", "5")]), "1");
    // An index is bound: it is not replaced, and it catches nothing.
    assert_eq!(substitute("sum(f(i) for i in range(n))", &[("i", "7"), ("n", "3")]), "sum(f(i) for i in range(3))");
    assert_eq!(substitute("sum(f(i, k) for i in range(n))", &[("k", "i")]), "sum(f(i2, i) for i2 in range(n))");
    assert_eq!(substitute("sum(f(i) for i in range(n))", &[("n", "i")]), "sum(f(i) for i in range(i))");
}

#[test]
fn formulas_grow_as_their_largest_part() {
    let growth = |text: &str, variable: Option<&str>| formula(text).growth(variable).to_string();
    assert_eq!(growth("8*n**2 + 16*n + 112", Some("n")), "n**2");
    assert_eq!(growth("8*n**2 + 16*n*m + m", None), "n**2 + m*n");
    assert_eq!(growth("(n + 1)**2 - n**2", Some("n")), "n");
    assert_eq!(growth("112", None), "1");
    assert_eq!(growth("8*m + 3", Some("n")), "1");
    assert_eq!(growth("n*log2(n) + 100*n", Some("n")), "n*log2(n)");
    assert_eq!(growth("max(n**2, m**3) + n", None), "m**3 + n**2");
    assert_eq!(growth("2**n + n**50", Some("n")), "2**n");
    assert_eq!(growth("sum(log2(i + 1) for i in range(n))", Some("n")), "n*log2(n)");
    assert_eq!(growth("py_list(n) + ceil(n/8)", Some("n")), "n");
    assert_eq!(growth("n**2/m", None), "n**2/m");
    assert_eq!(growth("n*f(n) + n", Some("n")), "n*f(n)");
    assert_eq!(growth("n*f(m) + 1", Some("n")), "n");
    assert_eq!(growth("min(n, 100)", Some("n")), "1");
}

#[test]
fn the_first_size_above_a_limit_is_found_exactly() {
    let limit = BigInt::from(512) * (1 << 20);
    let first = |text: &str, limit: &BigInt| {
        formula(text)
            .exceeds(limit, "n", &given(&[("m", 3)]))
            .map(|n| n.map(|n| n.to_string()))
            .map_err(|error| error.to_string())
    };
    for text in ["8*n**2 + 16*n + 112", "py_list(n)", "n*log2(n)", "n*log2(n + 1)", "2**n", "n**2 - 30*n", "m*n"] {
        let n = first(text, &limit).ok().flatten().and_then(|n| n.parse::<i64>().ok());
        let Some(n) = n else { panic!("{text}: {:?}", first(text, &limit)) };
        let above = |n: i64| {
            let value = formula(text).evaluate(&given(&[("n", n), ("m", 3)]));
            value.map(|value| value > BigRational::from_integer(limit.clone()))
        };
        assert_eq!(above(n), Ok(true), "{text} at {n}");
        assert_eq!(above(n - 1), Ok(false), "{text} before {n}");
    }
    // Up and down again, and up for good: the first place counts.
    let cubic = "n**3 - 30*n**2 + 250*n";
    for limit in 0..800 {
        let limit = BigInt::from(limit);
        let value = |n: i64| BigInt::from(n.pow(3) - 30 * n.pow(2) + 250 * n);
        let brute = (0..200).find(|n| value(*n) > limit).map(|n| n.to_string());
        assert_eq!(first(cubic, &limit), Ok(brute), "{limit}");
    }
    // Neither steady nor a polynomial.
    assert_eq!(first("8*n if n%7 == 3 else n", &BigInt::from(1000)), Ok(Some("129".to_owned())));
    assert_eq!(first("100", &limit), Ok(None));
    assert_eq!(first("min(n, 100)", &limit), Ok(None));
    assert_eq!(first("1000 - n", &BigInt::from(2000)), Ok(None));
    assert_eq!(first("n*f(x)", &limit), Err("no value for `f(x)`".to_owned()));
}

#[test]
fn latex_is_for_papers() {
    let latex = |text: &str| formula(text).to_latex();
    assert_eq!(latex("8*n**2 + n/2 + 112"), "8 \\, n^{2} + \\frac{n}{2} + 112");
    assert_eq!(latex("a.shape[0]*event['n_x']"), "\\mathrm{a.shape[0]} \\, \\mathrm{event[\"n\\_x\"]}");
    assert_eq!(latex("sum(f(i) for i in range(n))"), "\\sum_{i = 0}^{n - 1} f\\left(i\\right)");
    assert_eq!(latex("n//2"), "\\left\\lfloor \\frac{n}{2} \\right\\rfloor");
}

#[test]
fn programs_compute_what_formulas_are_worth() {
    let text = "8*n**2 + 16*n*m + 24*max(n, m) + 112";
    let inputs = [Text::from("n"), Text::from("m")];
    let program = formula(text).compile(&inputs).expect("compiles");
    assert_eq!(program.run(&[10.0, 3.0]), 800.0 + 480.0 + 240.0 + 112.0);
    let n: Vec<f64> = (0..1000).map(f64::from).collect();
    let m: Vec<f64> = (0..1000).rev().map(f64::from).collect();
    let mut out = vec![0.0; 1000];
    program.run_columns(&[&n, &m], &mut out);
    for ((n, m), out) in n.iter().zip(&m).zip(&out) {
        assert_eq!(*out, program.run(&[*n, *m]));
    }
    // No finite value is infinite, never "not a number".
    let program = formula("8/n if m > 0 else log2(n)").compile(&inputs).expect("compiles");
    assert_eq!(program.run(&[0.0, 1.0]), f64::INFINITY);
    assert_eq!(program.run(&[0.0, 0.0]), f64::INFINITY);
    assert_eq!(program.run(&[2.0, 1.0]), 4.0);
    let error = formula("8*n + k + f(x)").compile(&inputs).expect_err("unknown names");
    assert_eq!(error.to_string(), "not among the inputs: f(x), k");
    assert!(formula("n if m == 'a' else 3").compile(&inputs).is_err());
    let program = formula("n if m == 'a' else 3*f(x)")
        .compile(&[Text::from("n"), Text::from("m == \"a\""), Text::from("f(x)")])
        .expect("a comparison and a call as inputs");
    assert_eq!(program.run(&[7.0, 1.0, 5.0]), 7.0);
    assert_eq!(program.run(&[7.0, 0.0, 5.0]), 15.0);
}

// ---- Laws ----

/// Texts of formulas over n, m and a.shape[0], so that every construct meets every other.
fn any_formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("n".to_owned()),
        Just("m".to_owned()),
        Just("a.shape[0]".to_owned()),
        (0i64..20).prop_map(|k| k.to_string()),
        (1i64..9, 1i64..9).prop_map(|(a, b)| format!("({a}/{b})")),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} - {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} * {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} / (1 + ({b})**2))")),
            two.clone().prop_map(|(a, b)| format!("({a} // (1 + ({b})**2))")),
            two.clone().prop_map(|(a, b)| format!("({a} % (1 + ({b})**2))")),
            two.clone().prop_map(|(a, b)| format!("max({a}, {b})")),
            two.prop_map(|(a, b)| format!("min({a}, {b}, 7)")),
            (inner.clone(), 0i64..4).prop_map(|(a, k)| format!("({a})**{k}")),
            inner.clone().prop_map(|a| format!("ceil({a})")),
            inner.clone().prop_map(|a| format!("floor({a})")),
            inner.clone().prop_map(|a| format!("log2(1 + ({a})**2)")),
            inner.clone().prop_map(|a| format!("(-{a})")),
            inner.clone().prop_map(|a| format!("py_list(min(({a})**2, 50))")),
            (inner.clone(), 0i64..5).prop_map(|(a, k)| format!("sum({a} + j for j in range({k}))")),
            inner.clone().prop_map(|a| format!("sum(j*({a}) + ceil(j/2) for j in range(n))")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} > {c} else {c})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} if {b} and not {c} == 3 or n >= 2 else {c})")),
        ]
    })
}

/// With uninterpreted calls and literals too.
fn any_interface() -> impl Strategy<Value = String> {
    (any_formula(), any_formula(), 0usize..6).prop_map(|(a, b, which)| match which {
        0 => format!("3*f({a}, key={b}) + {b}"),
        1 => format!("sum(g(i, {a}) + {b} for i in range(n))"),
        2 => format!("client('s3').get({a}, 'x')*({b})"),
        3 => format!("({a} if mode == 'fast' else f()({b}))"),
        4 => format!("2**({a}) + n**({b})"),
        _ => format!("max(f([1], *xs), {a})/({b} + f(x)) // (m + f(y))"),
    })
}

fn sizes() -> impl Strategy<Value = (i64, i64, i64)> {
    (0i64..12, 0i64..12, 0i64..12)
}

fn environment((n, m, a): (i64, i64, i64)) -> Environment {
    given(&[("n", n), ("m", m), ("a.shape[0]", a)])
}

fn same(a: &BigRational, b: f64) -> bool {
    let a = a.to_f64().unwrap_or(f64::NAN);
    (a - b).abs() <= 1e-6 * a.abs().max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back(text in prop_oneof![any_formula(), any_interface()]) {
        let Ok(formula) = Formula::parse_permissive(&text) else { return Ok(()) };
        let printed = formula.to_string();
        let back = Formula::parse_permissive(&printed);
        prop_assert_eq!(back.as_ref(), Ok(&formula), "{} printed as {}", text, printed);
    }

    #[test]
    fn sums_and_products_do_not_depend_on_order(a in any_formula(), b in any_formula(), c in any_formula()) {
        let (a, b, c) = (formula(&a), formula(&b), formula(&c));
        prop_assert_eq!(&a + &b, &b + &a);
        prop_assert_eq!(&a * &b, &b * &a);
        prop_assert_eq!((&a + &b) + &c, &a + &(&b + &c));
        prop_assert_eq!(Formula::max(vec![a.clone(), b.clone()]), Formula::max(vec![b.clone(), a.clone()]));
        prop_assert_eq!(Formula::total([c.clone(), a.clone(), b.clone()]), a + b + c);
    }

    #[test]
    fn building_keeps_the_value(a in any_formula(), b in any_formula(), at in sizes()) {
        let (a, b) = (formula(&a), formula(&b));
        let environment = environment(at);
        let (Ok(x), Ok(y)) = (a.evaluate(&environment), b.evaluate(&environment)) else { return Ok(()) };
        let of = |formula: Formula| formula.evaluate(&environment);
        prop_assert_eq!(of(&a + &b), Ok(&x + &y));
        prop_assert_eq!(of(&a - &b), Ok(&x - &y));
        prop_assert_eq!(of(&a * &b), Ok(&x * &y));
        prop_assert_eq!(of((&a + &b) * &a), of(&a * &a + &b * &a), "distributive");
        prop_assert_eq!(of(Formula::max(vec![a.clone(), b.clone()])), Ok(x.clone().max(y.clone())));
        prop_assert_eq!(of(Formula::min(vec![a.clone(), b.clone()])), Ok(x.clone().min(y.clone())));
        prop_assert_eq!(of(a.floor()), Ok(x.floor()));
        prop_assert_eq!(of(a.expand()), Ok(x));
    }

    #[test]
    fn substituting_and_evaluating_is_evaluating(a in any_formula(), b in any_formula(), at in sizes()) {
        let (a, b) = (formula(&a), formula(&b));
        let Ok(value) = b.evaluate(&environment(at)) else { return Ok(()) };
        // A sum takes its bound for a size: only sizes are put in.
        let size = BigRational::from_integer(0.into())..BigRational::from_integer(1000.into());
        if !value.is_integer() || !size.contains(&value) {
            return Ok(());
        }
        let substituted = a.substitute(&BTreeMap::from([(Text::from("n"), b)])).evaluate(&environment(at));
        let direct = a.evaluate(&environment(at).with("n", value));
        if let (Ok(substituted), Ok(direct)) = (substituted, direct) {
            prop_assert_eq!(substituted, direct);
        }
    }

    #[test]
    fn programs_agree_with_exact_values(text in any_formula(), rows in prop::collection::vec(sizes(), 1..600)) {
        let formula = formula(&text);
        let program = formula.compile(&["n", "m", "a.shape[0]"].map(Text::from)).expect("all names are inputs");
        let column = |of: fn(&(i64, i64, i64)) -> i64| -> Vec<f64> { rows.iter().map(|row| of(row) as f64).collect() };
        let (n, m, a) = (column(|r| r.0), column(|r| r.1), column(|r| r.2));
        let mut out = vec![f64::NAN; rows.len()];
        program.run_columns(&[&n, &m, &a], &mut out);
        for (at, row) in rows.iter().enumerate() {
            let alone = program.run(&[n[at], m[at], a[at]]);
            prop_assert_eq!(alone.to_bits(), out[at].to_bits(), "row {} {:?} of {}", at, row, text);
            prop_assert!(!alone.is_nan());
        }
        // Floors and comparisons may fall to the other side of a rounding error.
        if !["log2", "//", "ceil", "floor", "%", " if ", "py_"].iter().any(|step| text.contains(step)) {
            for (at, row) in rows.iter().enumerate().take(20) {
                if let Ok(exact) = formula.evaluate(&environment(*row)) {
                    prop_assert!(same(&exact, out[at]), "{} at {:?}: {} and {}", text, row, exact, out[at]);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+*/%() nm0-9.,'\"\\[\\]{}<>=!a-z]{0,40}|\\PC{0,40}") {
        if let Ok(formula) = Formula::parse_permissive(&text) {
            let printed = formula.to_string();
            prop_assert_eq!(Formula::parse_permissive(&printed), Ok(formula), "{} printed as {}", text, printed);
        }
    }

    #[test]
    fn closed_sums_agree_with_adding_up(
        body in any_formula(), n in 0i64..7, m in 0i64..5, start in 0i64..3, step in 1i64..3,
    ) {
        let text = format!("sum({} for n in range({start}, k, {step}))", body.replace("a.shape[0]", "m"));
        let closed = formula(&text).evaluate(&given(&[("k", n), ("m", m)]));
        let mut sum = BigRational::from_integer(0.into());
        let mut at = start;
        while at < n {
            match formula(&body).evaluate(&given(&[("n", at), ("m", m), ("a.shape[0]", m)])) {
                Ok(value) => sum += value,
                Err(_) => return Ok(()),
            }
            at += step;
        }
        if let Ok(closed) = closed {
            prop_assert_eq!(closed, sum, "{}", text);
        }
    }
}
