"""Small changes of a module, each of which a test should notice."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
METHODS = set([
    "abs",
    "amax",
    "any",
    "clamp",
    "clamp_",
    "clone",
    "contiguous",
    "cpu",
    "detach",
    "eval",
    "exp",
    "flatten",
    "float",
    "log",
    "mean",
    "sqrt",
    "square",
    "sign",
    "softmax",
    "log_softmax",
    "sum",
])
"""Methods without which `x.method(...)` is `x`."""
FUNCTIONS = set(["abs", "bool", "float", "int", "max", "min", "reversed", "round", "sorted"])
"""Functions in place of which each argument is returned."""
KEPT_DECORATORS = ("property", "abstractmethod", "dataclass", "contextmanager", "staticmethod")
UNSEEN = 1e-6
"""Twice a constant below this changes no result by more than rounding, so it becomes 1."""
TYPES = {"Literal", "dict", "set"}
TYPE_FIELDS = {"annotation", "returns"}
"""Fields of a node that hold a type."""


@dataclass(frozen=True)
class Mutant:
    """One change of a module.

    Attributes:
        place: Index of the changed node's parent in `ast.walk`, field, and index in that field.
        replacement: The node in its place; `None`: it is removed from its list.
        name: Function, code before and after, and a number if it is not the first of that kind.
    """

    place: tuple[int, str, int | None]
    replacement: ast.AST | None
    name: str


def find_mutants(source: str) -> list[Mutant]:
    """Return every change of a module's code, in a fixed order, with unique names."""
    tree = ast.parse(source)
    functions = name_functions(tree)
    seen: Counter[str] = Counter()
    mutants = []
    types = find_types(tree)
    for index, parent in enumerate(ast.walk(tree)):
        for field, item, child in child_slots(parent) if parent not in types else []:
            for replacement in replacements(child, parent, field) if child not in types else []:
                change = f"{format_node(child)} -> {format_node(replacement)}"
                if isinstance(child, ast.operator | ast.cmpop):
                    change = f"{format_node(parent)}, {change}"
                name = f"{functions[parent]}: {change}"
                seen[name] += 1
                name += f" ({seen[name]})" if seen[name] > 1 else ""
                mutants.append(Mutant((index, field, item), replacement, name))
    return mutants


def apply_mutant(source: str, mutant: Mutant) -> ast.Module:
    """Return the syntax tree of a module with one change."""
    tree = ast.parse(source)
    index, field, item = mutant.place
    parent = next(node for number, node in enumerate(ast.walk(tree)) if number == index)
    if item is None:
        setattr(parent, field, mutant.replacement)
    elif mutant.replacement is None:
        del getattr(parent, field)[item]
    else:
        getattr(parent, field)[item] = mutant.replacement
    return ast.fix_missing_locations(tree)


def name_functions(tree: ast.Module) -> dict[ast.AST, str]:
    """Return the function or class that each node lies in, outermost first."""
    names: dict[ast.AST, str] = {tree: "module"}
    for node in ast.walk(tree):
        own = names[node]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            own = node.name if own == "module" else f"{own}.{node.name}"
            names[node] = own
        names |= dict.fromkeys(ast.iter_child_nodes(node), own)
    return names


def child_slots(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """Yield the children of a node that can be changed: field, index in it, and child."""
    for field, value in ast.iter_fields(parent):
        if field in TYPE_FIELDS:
            continue
        for item, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST) and not is_docstring(child):
                yield field, item, child


def find_types(tree: ast.Module) -> set[ast.AST]:
    """Return the nodes of annotations, lists of literals and others that only assert."""
    roots = [getattr(node, field, None) for node in ast.walk(tree) for field in TYPE_FIELDS]
    roots += [
        node
        for node in ast.walk(tree)
        if (isinstance(node, ast.Subscript) and format_node(node.value) in TYPES)
        or (isinstance(node, ast.keyword) and node.arg == "strict")
        or (isinstance(node, ast.Call) and format_node(node.func) == "dataclass")
    ]
    return {node for root in roots if root for node in ast.walk(root)}


def is_docstring(node: ast.AST) -> bool:
    """Return whether a node is a string that stands alone, or an assertion."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def format_node(node: ast.AST | None) -> str:
    """Return the first line of a node's code, or the name of an operator."""
    if node is None or isinstance(node, ast.operator | ast.cmpop):
        return "nothing" if node is None else type(node).__name__
    return ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]


def replacements(node: ast.AST, parent: ast.AST, field: str) -> Iterator[ast.AST | None]:
    """Yield the replacements of a node."""
    if isinstance(node, ast.stmt):
        yield from replace_statement(node)
    elif isinstance(node, ast.Constant):
        yield from replace_constant(node.value, parent)
    elif isinstance(node, ast.Call):
        yield from replace_call(node)
    elif type(node) in OPERATORS:
        yield OPERATORS[type(node)]()
    elif isinstance(node, ast.BoolOp | ast.UnaryOp | ast.IfExp):
        yield from replace_operation(node)
    if field in {"ifs", "decorator_list"} and not format_node(node).startswith(KEPT_DECORATORS):
        yield None


def replace_operation(node: ast.BoolOp | ast.UnaryOp | ast.IfExp) -> Iterator[ast.AST]:
    """Yield the operands of an operation, and the other one of `and` and `or`."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        yield from node.values
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    else:
        yield node.operand


def replace_statement(node: ast.stmt) -> Iterator[ast.AST | None]:
    """Yield the replacements of a statement."""
    if isinstance(node, ast.With):
        for item in range(len(node.items)):
            left = node.items[:item] + node.items[item + 1 :]
            yield ast.With(left, node.body) if left else ast.If(ast.Constant(1), node.body, [])
    elif isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Expr | ast.AugAssign | ast.Continue | ast.Break | ast.Delete) or (
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    ):
        yield ast.Pass()


def replace_constant(value: object, parent: ast.AST) -> Iterator[ast.AST]:
    """Yield another constant: the next integer, twice the number, the other truth, another key."""
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, float):
        yield ast.Constant(2 * value if abs(value) >= UNSEEN else 1.0)
    elif isinstance(value, str) and re.fullmatch(r"[\w.-]+", value):
        in_message = isinstance(parent, ast.JoinedStr)
        yield from [] if in_message else [ast.Constant("mutant")]


def replace_call(call: ast.Call) -> Iterator[ast.AST]:
    """Yield what a call is applied to, and the call with fewer or exchanged arguments."""
    function = call.func
    named = function.id if isinstance(function, ast.Name) else ""
    if isinstance(function, ast.Attribute) and function.attr in METHODS:
        yield from [function.value] if format_node(function.value) != "math" else []
    if named in FUNCTIONS:
        yield from (each for each in call.args if not isinstance(each, ast.Starred))
    for item, keyword in enumerate(call.keywords):
        if keyword.arg != "strict":
            left = call.keywords[:item] + call.keywords[item + 1 :]
            yield ast.Call(function, call.args, left)
    if len(call.args) > 1 and named not in FUNCTIONS:
        first, second, *rest = call.args
        if format_node(first) != format_node(second):
            yield ast.Call(function, [second, first, *rest], call.keywords)
