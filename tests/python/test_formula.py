"""``meminterface.Formula``: exact expressions in bytes."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from fractions import Fraction

import meminterface
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meminterface import Formula, FormulaError, term

n, m = Formula("n"), Formula("m")


# --- making and printing -----------------------------------------------------------------------------------


def test_reads_text_and_prints_the_same_on_every_run() -> None:
    assert str(Formula("16 + 8*n * n")) == "8*n**2 + 16"
    assert repr(Formula("n+n")) == "Formula('2*n')"
    assert str(Formula(str(Formula("max(a, 3*b) // 2")))) == str(Formula("max(a, 3*b) // 2"))


def test_is_made_of_numbers_and_formulas() -> None:
    assert Formula(10**30) == 10**30
    assert Formula(Fraction(1, 3)) * 3 == 1
    assert Formula(n) == n


@pytest.mark.parametrize("value", [1.5, None, [], b"n", True, object()])
def test_is_made_of_nothing_else(value: object) -> None:
    with pytest.raises(TypeError, match="a formula is made of"):
        Formula(value)  # type: ignore[arg-type]


def test_unreadable_text_tells_the_place() -> None:
    with pytest.raises(FormulaError) as caught:
        Formula("8*n +\n  )")
    assert caught.value.id == "invalid-formula"
    assert (caught.value.line, caught.value.column) == (2, 3)


@pytest.mark.parametrize("text", ["", "n n", "(" * 100_000, "n := 1", "[n for n in m]", "\0", "'x'", "9" * 100_000])
def test_bad_text_is_an_exception_of_the_package_or_a_formula(text: str) -> None:
    try:
        Formula(text)
    except FormulaError as error:
        assert error.id is not None


# --- arithmetic --------------------------------------------------------------------------------------------


def test_arithmetic_merges_like_terms() -> None:
    assert n + n == 2 * n
    assert n - n == 0
    assert 3 * n * n == Formula("3*n**2")
    assert 1 - n == -(n - 1)
    assert (n + 1) * 2 - 2 == 2 * n
    assert n / 2 + n / 2 == n
    assert +n == n


def test_operators_on_both_sides() -> None:
    assert str(7 // n) == str(Formula("7 // n"))
    assert str(7 % n) == str(Formula("7 % n"))
    assert str(2**n) == str(Formula("2**n"))
    assert str(n**2) == "n**2"
    assert str(1 / n) == str(Formula("1/n"))
    assert (n // m).evaluate(n=-7, m=2) == -4
    assert (n % m).evaluate(n=-7, m=2) == 1


def test_sum_builtin_and_augmented_assignment() -> None:
    demand = 0
    demand += term("f", 1)
    demand += 2 * term("f", 1)
    assert demand == 3 * term("f", 1)
    assert sum([n, n, m]) == 2 * n + m


@pytest.mark.parametrize("other", ["m", 1.5, None, [1], True])
def test_operators_reject_what_is_no_exact_number(other: object) -> None:
    with pytest.raises(TypeError):
        n + other  # type: ignore[operator]
    with pytest.raises(TypeError):
        other * n  # type: ignore[operator]
    assert n != other


@given(st.integers(), st.integers(), st.integers(min_value=1))
def test_agrees_with_python_on_integers(a: int, b: int, c: int) -> None:
    values = {"n": a, "m": b}
    assert (n * m + n - m).evaluate(values) == a * b + a - b
    assert ((n + m) // c).evaluate(values) == (a + b) // c
    assert ((n - m) % c).evaluate(values) == (a - b) % c
    assert (n / c).evaluate(values) == -((-a) // c)


# --- comparison and hash -----------------------------------------------------------------------------------


def test_equal_formulas_hash_alike() -> None:
    assert hash(n + 1) == hash(1 + n)
    assert {n + 1, 1 + n, Formula("n + 1")} == {n + 1}
    assert hash(Formula(5)) == hash(5)
    assert {5: "five"}[Formula(5)] == "five"  # type: ignore[index]
    assert hash(Formula("1/3")) == hash(Fraction(1, 3))


def test_numbers_compare_and_symbols_do_not() -> None:
    assert Formula(3) > 2
    assert Formula(3) <= Formula(3)
    assert bool(Formula(1)) and not bool(n - n)
    with pytest.raises(FormulaError, match="cannot be compared"):
        n > 2
    with pytest.raises(FormulaError, match="neither true nor false"):
        bool(n)


def test_copies_and_pickles() -> None:
    formula = Formula("8*n**2 + f(x, 'y') + (a if n > 3 else b)")
    assert pickle.loads(pickle.dumps(formula)) == formula
    assert copy.deepcopy(formula) == formula == copy.copy(formula)


# --- looking inside ----------------------------------------------------------------------------------------


def test_symbols_and_terms() -> None:
    formula = Formula("8*a.shape[0]*n + 2*f(x) + sum(i*m for i in range(k))")
    assert {"a.shape[0]", "n", "m", "k"} <= set(formula.symbols)
    assert "i" not in formula.symbols
    assert formula.symbols == tuple(sorted(formula.symbols))
    assert formula.terms == (Formula("f(x)"),)


def test_term_keeps_its_arguments() -> None:
    assert str(term("igraph.Graph.Barabasi", 100, 10)) == "igraph.Graph.Barabasi(100, 10)"
    assert term("f", "a b", None, True, mode="zip") == Formula("f('a b', None, True, mode='zip')")
    assert str(term("f", n + n)) == "f(2*n)"
    assert term("f", [1, "x"]) == term("f", [1, "x"])
    assert "0x" not in str(term("f", object()))


# --- substitution and evaluation ---------------------------------------------------------------------------


def test_substitutes_all_at_once() -> None:
    formula = n + 2 * m
    assert formula.substitute(n=m, m=n) == m + 2 * n
    assert formula.substitute({"n": 1}, m="k + 1") == Formula("2*k + 3")
    assert formula.substitute({n: 1, m: 2}) == 5
    assert Formula("f(x) + 1").substitute({"f(x)": Formula("8*x")}) == Formula("8*x + 1")
    assert formula == n + 2 * m, "the formula itself does not change"


def test_evaluates_to_whole_bytes() -> None:
    assert Formula("n/3").evaluate(n=10) == 4
    assert Formula("8*n**2").evaluate(n=10**20) == 8 * 10**40
    assert Formula("f(x)").evaluate({"f(x)": 5}) == 5
    assert Formula("ceil(n)").evaluate(n=0.5) == 1
    assert Formula("1 if mode == 'zip' else 2").evaluate(mode="zip") == 1
    assert isinstance(Formula("n").evaluate(n=1), int)


def test_evaluation_says_what_is_missing() -> None:
    with pytest.raises(FormulaError, match="no value for.*m"):
        (n + m).evaluate(n=1)
    with pytest.raises(ZeroDivisionError):
        (1 / n).evaluate(n=0)
    with pytest.raises(FormulaError, match="not a finite number"):
        n.evaluate(n=math.inf)
    with pytest.raises(TypeError):
        n.evaluate(n=[1])  # type: ignore[arg-type]


def test_growth() -> None:
    assert Formula("8*n**2 + 16*n + 1").growth("n") == n**2
    assert Formula("8*n**2 + m").growth("m") == m


# --- algebra, SymPy, notebooks -----------------------------------------------------------------------------


def test_algebra_works_or_says_how_to_build_it() -> None:
    try:
        assert Formula("n**2 + 2*n + 1").simplify().evaluate(n=3) == 16
        assert Formula("n**2").derivative("n") == 2 * n
    except FormulaError as error:
        assert error.id == "algebra-unavailable"
        assert error.help is not None


def test_latex() -> None:
    assert Formula("n**2 / 2")._repr_latex_().startswith("$\\displaystyle ")
    assert Formula("n**2 / 2")._repr_latex_().endswith("$")
    assert "n^{2}" in Formula("n**2 + 1").to_latex()


SYMPY_CASES = [
    "8*n**2 + 16*m + 1104",
    "n/3 + m//4 + n % 5",
    "max(n, m, 3) - min(n, 2)",
    "ceil(n/3) + floor(m/7)",
    "2**n",
    "n if n > m else m + 1",
    "n if n > m and not m == 3 else m",
    "sum(i**2 for i in range(n))",
    "sum(i*m for i in range(2, n, 3))",
    "sum(i for i in range(n, m))",
    "sum(sum(i*j for j in range(i)) for i in range(n))",
]


@pytest.mark.parametrize("text", SYMPY_CASES)
@pytest.mark.parametrize("values", [{"n": 6, "m": 4}, {"n": 3, "m": 9}, {"n": 0, "m": 3}])
def test_sympy_gives_the_same_values(text: str, values: dict[str, int]) -> None:
    sympy = pytest.importorskip("sympy")
    formula = Formula(text)
    expression = formula.to_sympy()
    symbols = {sympy.Symbol(name, integer=True): value for name, value in values.items()}
    value = sympy.ceiling(expression.subs(symbols).doit())
    assert int(value) == formula.evaluate({name: values[name] for name in formula.symbols})


def test_sympy_keeps_terms_and_runs_nothing() -> None:
    sympy = pytest.importorskip("sympy")
    expression = Formula("3*igraph.Graph.Barabasi(size, 10) + a.shape[0]").to_sympy()
    assert sympy.Symbol("a.shape[0]", integer=True) in expression.free_symbols
    assert "igraph.Graph.Barabasi(size, 10)" in str(expression)
    # Were the text evaluated, this would end the process.
    assert "exit" in str(Formula("exit(n) + __import__(m)").to_sympy())


# --- threads -----------------------------------------------------------------------------------------------


def test_formulas_are_shared_between_threads() -> None:
    results: list[Formula] = []

    def work() -> None:
        total = Formula(0)
        for i in range(200):
            total += Formula(f"n*{i} + f(x)")
        results.append(total)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and len(set(results)) == 1
    assert results[0] == 19900 * n + 200 * meminterface.term("f", Formula("x"))
