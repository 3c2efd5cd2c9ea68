"""Formulas as expressions of SymPy.

The text of a formula is read with :mod:`ast` and built up node by node: nothing of it is evaluated, and no name of it
is looked up anywhere but in the tables here.
"""

from __future__ import annotations

import ast
from typing import Any, Callable

from meminterface._meminterface import Formula, FormulaError


def to_sympy(formula: Formula) -> Any:
    """The formula as an expression of SymPy.

    Symbols become integer symbols of the same name (``a.shape[0]`` is one symbol), unknown calls become undefined
    functions, conditionals ``Piecewise``, and ``sum(... for i in range(...))`` becomes ``Sum``.
    """
    try:
        import sympy  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise ImportError("to_sympy() needs SymPy: pip install 'meminterface[sympy]'") from None
    text = str(formula)
    try:
        return _Converter(sympy).convert(ast.parse(text, mode="eval").body, {})
    except RecursionError:
        raise FormulaError("the formula is nested too deep for SymPy") from None


class _Converter:
    def __init__(self, sympy: Any) -> None:
        self.sympy = sympy
        self.functions: dict[str, Callable[..., Any]] = {
            "max": sympy.Max,
            "min": sympy.Min,
            "ceil": sympy.ceiling,
            "floor": sympy.floor,
            "abs": sympy.Abs,
            "log2": lambda value: sympy.log(value, 2),
        }

    def symbol(self, name: str) -> Any:
        return self.sympy.Symbol(name, integer=True)

    def convert(self, node: ast.expr, bound: dict[str, Any]) -> Any:
        sympy = self.sympy
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool):
                return sympy.true if node.value else sympy.false
            if isinstance(node.value, int):
                return sympy.Integer(node.value)
            if isinstance(node.value, float):
                return sympy.Rational(ast.unparse(node))
            return sympy.Symbol(repr(node.value))
        if isinstance(node, ast.Name):
            return bound[node.id] if node.id in bound else self.symbol(node.id)
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            return self.symbol(ast.unparse(node))
        if isinstance(node, ast.UnaryOp):
            operand = self.convert(node.operand, bound)
            if isinstance(node.op, ast.Not):
                return sympy.Not(self.truth(operand))
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp):
            return self.binary(node, bound)
        if isinstance(node, ast.BoolOp):
            parts = [self.truth(self.convert(value, bound)) for value in node.values]
            return (sympy.And if isinstance(node.op, ast.And) else sympy.Or)(*parts)
        if isinstance(node, ast.Compare):
            return self.compare(node, bound)
        if isinstance(node, ast.IfExp):
            then, otherwise = self.convert(node.body, bound), self.convert(node.orelse, bound)
            return sympy.Piecewise((then, self.truth(self.convert(node.test, bound))), (otherwise, True))
        if isinstance(node, ast.Call):
            return self.call(node, bound)
        return sympy.Symbol(ast.unparse(node))

    def truth(self, value: Any) -> Any:
        """A number as a condition, as Python takes it."""
        is_condition = value in (self.sympy.true, self.sympy.false) or getattr(value, "is_Boolean", False)
        return value if is_condition or getattr(value, "is_Relational", False) else self.sympy.Ne(value, 0)

    def binary(self, node: ast.BinOp, bound: dict[str, Any]) -> Any:
        left, right = self.convert(node.left, bound), self.convert(node.right, bound)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            return left / right
        if isinstance(node.op, ast.FloorDiv):
            return self.sympy.floor(left / right)
        if isinstance(node.op, ast.Mod):
            return self.sympy.Mod(left, right)
        if isinstance(node.op, ast.Pow):
            return left**right
        raise FormulaError(f"SymPy has no operator for `{ast.unparse(node)}`")

    def compare(self, node: ast.Compare, bound: dict[str, Any]) -> Any:
        sympy = self.sympy
        relations: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
            ast.Eq: sympy.Eq,
            ast.NotEq: sympy.Ne,
            ast.Lt: sympy.Lt,
            ast.LtE: sympy.Le,
            ast.Gt: sympy.Gt,
            ast.GtE: sympy.Ge,
            ast.Is: sympy.Eq,
            ast.IsNot: sympy.Ne,
        }
        parts = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators):
            relation = relations.get(type(operator))
            if relation is None:
                # Membership: an opaque condition of that text.
                parts.append(sympy.Ne(sympy.Symbol(ast.unparse(node)), 0))
                break
            parts.append(relation(self.convert(left, bound), self.convert(right, bound)))
            left = right
        return sympy.And(*parts)

    def call(self, node: ast.Call, bound: dict[str, Any]) -> Any:
        name = ast.unparse(node.func)
        generator = node.args[0] if len(node.args) == 1 else None
        if name == "sum" and isinstance(generator, ast.GeneratorExp):
            return self.series(generator, bound)
        arguments = [self.convert(argument, bound) for argument in node.args if not isinstance(argument, ast.Starred)]
        if len(arguments) == len(node.args) and not node.keywords and name in self.functions:
            return self.functions[name](*arguments)
        # A keyword belongs to the function's name, since SymPy's functions have none.
        keywords = ", ".join(f"{keyword.arg}={ast.unparse(keyword.value)}" for keyword in node.keywords)
        starred = [ast.unparse(argument) for argument in node.args if isinstance(argument, ast.Starred)]
        extra = ", ".join([*starred, *([keywords] if keywords else [])])
        return self.sympy.Function(f"{name}[{extra}]" if extra else name)(*arguments)

    def series(self, generator: ast.GeneratorExp, bound: dict[str, Any]) -> Any:
        sympy = self.sympy
        comprehension = generator.generators[0]
        ranges = comprehension.iter
        is_plain = (
            len(generator.generators) == 1
            and not comprehension.ifs
            and isinstance(comprehension.target, ast.Name)
            and isinstance(ranges, ast.Call)
            and ast.unparse(ranges.func) == "range"
        )
        if not is_plain:
            raise FormulaError(f"SymPy has no sum for `{ast.unparse(generator)}`")
        assert isinstance(ranges, ast.Call) and isinstance(comprehension.target, ast.Name)
        bounds = [self.convert(part, bound) for part in ranges.args]
        start, stop = (sympy.Integer(0), bounds[0]) if len(bounds) == 1 else bounds[:2]
        step = bounds[2] if len(bounds) == 3 else sympy.Integer(1)
        # Dummy: the index is none of the symbols outside, whatever its name.
        index = sympy.Dummy(comprehension.target.id, integer=True)
        body = self.convert(generator.elt, {**bound, comprehension.target.id: index})
        # A range that is empty sums to 0, where SymPy would go backwards.
        count = sympy.Max(0, sympy.ceiling((stop - start) / step))
        return sympy.Sum(body.subs(index, start + index * step), (index, 0, count - 1))
