"""What an expression of a request may be: short, of bands that there are, and without sums that take for ever."""

import ast
import re
from typing import Any

from rio_tiler.expression import get_expression_blocks, validate_expression

from geosar_tiler.errors import InvalidError

LONGEST = 2000
"""Characters; more would be nested deeper than the parsers take."""
REDUCTIONS = frozenset({"sum", "prod", "min", "max"})
COMPLEX = frozenset({"complex", "conj", "imag", "real"})
_BAND = re.compile(r"b(\d{1,9})", re.IGNORECASE)


def check(expression: str, bands: int) -> tuple[int, int]:
    """Return how many bands an expression reads, and how many it makes; raises InvalidError or InvalidExpression.

    >>> check("b1;b2;b1-b2", bands=2)
    (2, 3)
    """
    if len(expression) > LONGEST:
        raise InvalidError(f"the expression has {len(expression)} characters; expected {LONGEST} at most.")
    blocks = get_expression_blocks(expression)
    try:
        validate_expression(expression)
        trees = [ast.parse(block.strip(), mode="eval") for block in blocks]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidError(f"the expression cannot be read: {str(error) or 'it is nested too deeply'}.") from error
    read: set[int] = set()
    for block, tree in zip(blocks, trees, strict=True):
        of_expression = _bands(tree)
        if not of_expression:
            raise InvalidError(f"the expression {block!r} has no band in it; expected one such as b1-b2.")
        read |= of_expression
        _check_calls(tree)
        _check_powers(tree)
    if missing := sorted(number for number in read if not 1 <= number <= bands):
        raise InvalidError(f"the expression names b{missing[0]}; the layer has the bands b1 to b{bands}.")
    return len(read), len(blocks)


def _bands(tree: ast.AST) -> set[int]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    return {_number(name) for name in names}


def _number(name: str) -> int:
    match = _BAND.fullmatch(name)
    if match is None:
        raise InvalidError(f"the expression names {name!r}; expected bands such as b1, numbers and functions.")
    return int(match[1])


def _check_calls(tree: ast.AST) -> None:
    """Refuse what makes one number of a picture, and numbers that no picture and no JSON holds."""
    for node in ast.walk(tree):
        called: Any = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in REDUCTIONS:
            raise InvalidError(f"the expression calls {called.id}(), which makes no picture; see /statistics.")
        if isinstance(called, ast.Name) and called.id in COMPLEX:
            raise InvalidError(f"the expression calls {called.id}(), but no layer has complex values; leave it out.")


def _check_powers(tree: ast.AST) -> None:
    """Refuse powers of numbers alone, which are worked out exactly, to any number of digits."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _bands(node):
            raise InvalidError("the expression has a power of numbers without a band; write what it amounts to.")
