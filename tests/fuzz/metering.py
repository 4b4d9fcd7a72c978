"""What code costs, counted instead of timed: the same on every machine, and on every version of Python.

A metered module is compiled from its source with every expression of its functions passed through a `Meter`,
which counts a step, and the length of the value where that has one. An expression's operands and its result
are counted each, so that the count is at least what the interpreter's own loops touch: a join is counted with
the pieces that it joins and with the text that it makes. What is longer than it is dear (the length of
something, an item of it, a list that grows by one) is not counted.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_SIZED = (str, bytes, bytearray, list, tuple, dict, set, frozenset)
_COPIED_WHOLE = (str, bytes, tuple)
"""What is made anew whenever something is added to it."""

_CONSTANT_CALLS = {"len", "isinstance", "type", "id"}
_CONSTANT_METHODS = {"append", "add", "clear", "get", "setdefault"}
_METER = "__meter__"


class Meter:
    """Counts steps, and the lengths of what they work on."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, value: Any) -> Any:
        """Count an expression's value, and return it."""
        self.count += 1 + len(value) if isinstance(value, _SIZED) else 1
        return value

    def grown(self, value: Any) -> None:
        """Count what was added to: all of it where it had to be made anew."""
        self.count += len(value) if isinstance(value, _COPIED_WHOLE) else 1

    def cost(self, call: Callable[[], object]) -> int:
        """Return what a call cost; an error is one of its ends."""
        before = self.count
        with contextlib.suppress(Exception):  # what comes of it is tested elsewhere
            call()
        return self.count - before


class _Metering(ast.NodeTransformer):
    """Passes every expression inside a function through the meter; annotations and patterns stay."""

    def __init__(self) -> None:
        self._inside = 0

    def visit(self, node: ast.AST) -> Any:
        visited = super().visit(node)
        counts = isinstance(node, ast.expr) and not isinstance(
            node, ast.Constant | ast.Starred | ast.FormattedValue | ast.Lambda | ast.Slice
        )
        if not counts or not self._inside or not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return visited
        return ast.Call(ast.Name(_METER, ast.Load()), [visited], [])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._inside += 1
        node.body = [each for statement in node.body for each in _listed(self.visit(statement))]
        self._inside -= 1
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self.visit_FunctionDef(node)  # type: ignore[arg-type]

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._inside += 1
        node.body = self.visit(node.body)
        self._inside -= 1
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        node.guard = self.visit(node.guard) if node.guard is not None else None
        node.body = [each for statement in node.body for each in _listed(self.visit(statement))]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.body = [each for statement in node.body for each in _listed(self.visit(statement))]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        constant = isinstance(node.func, ast.Name) and node.func.id in _CONSTANT_CALLS
        if isinstance(node.func, ast.Attribute):
            held = node.func.value
            if not (node.func.attr in _CONSTANT_METHODS and isinstance(held, ast.Name | ast.Attribute)):
                node.func.value = self.visit(held)
        node.args = [
            each if constant and isinstance(each, ast.Name) else self.visit(each) for each in node.args
        ]
        node.keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        node.slice = self.visit(node.slice)
        if not isinstance(node.value, ast.Name | ast.Attribute):
            node.value = self.visit(node.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not isinstance(node.value, ast.Name):
            node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        node.value = self.visit(node.value)
        if not self._inside or not isinstance(node.target, ast.Name | ast.Attribute):
            return node
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        grown = ast.Attribute(ast.Name(_METER, ast.Load()), "grown", ast.Load())
        return [node, ast.Expr(ast.Call(grown, [target], []))]


def _listed(visited: Any) -> list[Any]:
    return visited if isinstance(visited, list) else [visited]


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, meter: Meter) -> None:
        super().__init__(fullname, path)
        self._meter = meter

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(Path(self.path).read_bytes(), self.path)
        return compile(ast.fix_missing_locations(_Metering().visit(tree)), self.path, "exec")

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_METER] = self._meter
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, roots: Sequence[str], meter: Meter) -> None:
        self._roots = roots
        self._meter = meter

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self._roots:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return spec
        metered = importlib.util.spec_from_file_location(
            fullname,
            spec.origin,
            loader=_Loader(fullname, str(spec.origin), self._meter),
            submodule_search_locations=spec.submodule_search_locations,
        )
        assert metered is not None
        return metered


def metered(*names: str) -> tuple[Meter, list[ModuleType]]:
    """Import modules anew, their whole packages metered; everybody else's stay as they are."""
    meter = Meter()
    roots = {name.partition(".")[0] for name in names}
    theirs = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in roots}
    finder = _Finder(sorted(roots), meter)
    for name in theirs:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        modules = [importlib.import_module(name) for name in names]
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in roots]:
            del sys.modules[name]
        sys.modules.update(theirs)
    return meter, modules
