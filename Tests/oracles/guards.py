# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/GuardsTests/Fixtures/{integers,expressions}.json.

integers.json: which integer literals a floating-point type holds without rounding, by Python's
exact integers and numpy's conversions.
expressions.json: random kill switch expressions, parsed by Python's own grammar (the language is
written like Python's) and evaluated here in Kleene's three-valued logic.

Run: python Tests/oracles/guards.py (needs numpy)
"""

import ast
import json
import math
import pathlib
import random

import numpy

here = pathlib.Path(__file__).resolve().parent
fixtures = here.parent / "GuardsTests" / "Fixtures"
dice = random.Random(20)


def literals():
    values = [0, 1, -1, 2**11, 2**11 + 1, 65504, 65519, 65520, 2**24, 2**24 + 1, 2**53, 2**53 + 1]
    values += [2**63, 2**63 + 2**11, 2**64 - 1, 2**64, 10**22, 10**23, 2**100, 2**100 + 1]
    values += [2**127, 2**128 - 2**104, 2**128 - 2**103, 2**128, 2**1023, 2**1024 - 2**970]
    values += [2**1024 - 2**969, 2**1024, 10**308, 10**309, 10**400]
    for _ in range(300):
        bits = dice.randrange(1, 1030)
        width = dice.choice([4, 10, 11, 12, 23, 24, 25, 52, 53, 54, 64, 65])
        value = dice.getrandbits(width) | 1
        values.append(value << max(0, bits - width))
    return [sign * value for value in values for sign in (1, -1)]


def verdict(value, kind, bits):
    """'exact', 'rounded' or 'overflow'."""
    if kind is numpy.float64:
        try:
            nearest = float(value)
        except OverflowError:
            return "overflow"
        return "exact" if int(nearest) == value else "rounded"
    # Rounded once to the type's significand, ties to even, from the exact integer.
    magnitude = abs(value)
    shift = max(0, magnitude.bit_length() - bits)
    head, tail = magnitude >> shift, magnitude & ((1 << shift) - 1)
    half = 1 << (shift - 1) if shift else 0
    if shift and (tail > half or (tail == half and head & 1)):
        head += 1
    nearest = head << shift
    if nearest > int(numpy.finfo(kind).max):
        return "overflow"
    return "exact" if nearest == magnitude else "rounded"


KINDS = {"FP64": (numpy.float64, 53), "FP32": (numpy.float32, 24), "FP16": (numpy.float16, 11)}

with open(fixtures / "integers.json", "w") as file:
    rows = []
    for value in literals():
        row = {"literal": str(value)}
        row |= {name: verdict(value, *kind) for name, kind in KINDS.items()}
        rows.append(row)
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


NUMBERS = ["a", "b", "n"]
CATEGORIES = ["Fair", "Good", "Ideal"]
ROWS = [
    {"a": a, "b": b, "n": n, "cut": cut, "flag": flag}
    for a, b, n, cut, flag in [
        (1.5, 0.0, 3, "Ideal", True),
        (None, 2.25, -1, "Fair", False),
        (-2.0, None, 0, None, True),
        (0.0, 0.0, None, "Good", None),
        (1e300, 1e300, 7, "Ideal", False),
        (None, None, None, None, None),
    ]
]


def number(depth):
    if depth == 0 or dice.random() < 0.4:
        return dice.choice(NUMBERS + [str(dice.choice([0, 1, 2, 1.5, 3, 2.25, 1e10]))])
    kind = dice.randrange(4)
    if kind == 0:
        return "-" + number(depth - 1)
    if kind == 1:
        return "(" + number(depth - 1) + ")"
    return f"{number(depth - 1)} {dice.choice('+-*/')} {number(depth - 1)}"


def comparison(depth):
    kind = dice.randrange(8)
    if kind == 0:
        return f"cut {dice.choice(['==', '!='])} '{dice.choice(CATEGORIES)}'"
    if kind == 1:
        some = ", ".join(f'"{c}"' for c in dice.sample(CATEGORIES, dice.randrange(1, 3)))
        return f"cut {dice.choice(['in', 'not in'])} [{some}]"
    if kind == 2:
        return dice.choice(["flag", "flag == true", "flag != false"])
    if kind == 3:
        return f"missing({dice.choice(NUMBERS + ['cut', 'flag'])})"
    if kind == 4:
        return f"{dice.choice(NUMBERS)} {dice.choice(['in', 'not in'])} [1.5, -2, 0, 3]"
    operator = dice.choice(["<", "<=", ">", ">=", "==", "!="])
    return f"{number(depth)} {operator} {number(depth)}"


def condition(depth):
    if depth == 0 or dice.random() < 0.25:
        return comparison(2)
    kind = dice.randrange(4)
    if kind == 0:
        return "not " + dice.choice([comparison(1), "(" + condition(depth - 1) + ")"])
    if kind == 1:
        return "(" + condition(depth - 1) + ")"
    return f"{condition(depth - 1)} {dice.choice(['and', 'or'])} {condition(depth - 1)}"


def evaluate(node, row):
    """None is missing, or neither true nor false."""
    if isinstance(node, ast.Expression):
        return evaluate(node.body, row)
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return {"true": True, "false": False}[node.id] if node.id in ("true", "false") else row[node.id]
    if isinstance(node, ast.Call):
        return row[node.args[0].id] is None
    if isinstance(node, ast.List):
        return [evaluate(element, row) for element in node.elts]
    if isinstance(node, ast.UnaryOp):
        value = evaluate(node.operand, row)
        if value is None:
            return None
        return (not value) if isinstance(node.op, ast.Not) else -value
    if isinstance(node, ast.BoolOp):
        values = [evaluate(value, row) for value in node.values]
        ends = isinstance(node.op, ast.Or)
        if ends in values:
            return ends
        return None if None in values else not ends
    if isinstance(node, ast.BinOp):
        left, right = evaluate(node.left, row), evaluate(node.right, row)
        if left is None or right is None:
            return None
        left, right = float(left), float(right)
        if isinstance(node.op, ast.Div):
            if right == 0:
                return None
            result = left / right
        elif isinstance(node.op, ast.Mult):
            result = left * right
        else:
            result = left + right if isinstance(node.op, ast.Add) else left - right
        return result if math.isfinite(result) else None
    left, right = evaluate(node.left, row), evaluate(node.comparators[0], row)
    if left is None or right is None:
        return None
    return {
        ast.Lt: lambda: left < right, ast.LtE: lambda: left <= right,
        ast.Gt: lambda: left > right, ast.GtE: lambda: left >= right,
        ast.Eq: lambda: left == right, ast.NotEq: lambda: left != right,
        ast.In: lambda: left in right, ast.NotIn: lambda: left not in right,
    }[type(node.ops[0])]()


with open(fixtures / "expressions.json", "w") as file:
    cases = []
    for _ in range(400):
        text = condition(3)
        tree = ast.parse(text, mode="eval")
        cases.append({"when": text, "holds": [evaluate(tree, row) is True for row in ROWS]})
    document = {"rows": ROWS, "cases": cases}
    lines = ",\n".join(json.dumps(case) for case in cases)
    file.write(f'{{"rows": {json.dumps(ROWS)},\n"cases": [\n{lines}\n]}}\n')
