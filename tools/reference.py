"""Write docs/reference/: what the code says of itself, so that it cannot say anything else.

    .venv/bin/python -m tools.reference

`construct.md` comes of the props' and the construct's docstrings, types and defaults, `cli.md` of the
commands' own help. tests/docs/ fails where the files are not what this writes.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import typer.main

from bridge_cli.main import app
from claude_context_bridge import BridgeProps, ContextBridge, Domain

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "reference"
_WIDTH = 100  # characters of the help's lines, whatever terminal this runs in


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
        print(f"docs/reference/{name}: {len(text):,} characters")


def pages() -> dict[str, str]:
    """Return the files' texts, by name."""
    return {"construct.md": construct_page(), "cli.md": cli_page()}


def construct_page() -> str:
    """Return what a `ContextBridge` can be told, and what it offers."""
    groups = [base for base in BridgeProps.__mro__[1:-1] if base.__doc__]
    lines = [
        "# The construct",
        "",
        "<!-- Written by `python -m tools.reference`; edit the docstrings instead. -->",
        "",
        "`from claude_context_bridge import BridgeProps, ContextBridge, Domain`",
        "",
        *_told(ContextBridge),
        "",
        "## Props",
        "",
        "`BridgeProps` takes keyword arguments only. Each has a default; a bad value, or one that "
        "contradicts another, raises `ValueError` at synth, which names the prop, the value and what is "
        "allowed.",
    ]
    for group in groups:
        title = cast(str, group.__doc__).strip().rstrip(".")
        lines += ["", f"### {title}", "", "| prop | takes | default | |", "|---|---|---|---|"]
        said = _attribute_docs(group)
        types = _annotations(group)
        for field in fields(group):
            limit = _limit(field)
            takes = str(limit) if limit else f"`{types[field.name]}`"
            default, why = _default(field, group), _cell(said[field.name])
            lines.append(f"| `{field.name}` | {_cell(takes)} | `{default}` | {why} |")
    lines += ["", "## `Domain`", "", *_told(Domain), "", "| | |", "|---|---|"]
    lines += [f"| `{name}` | `{kind}` |" for name, kind in _annotations(Domain).items()]
    lines += ["", "## What it offers", "", *_members(ContextBridge)]
    return "\n".join(lines).rstrip() + "\n"


def _told(of: type) -> list[str]:
    return inspect.cleandoc(_fenced(of.__doc__ or "")).splitlines()


def _fenced(text: str) -> str:
    """Turn indented code of a docstring into a fence."""
    text = inspect.cleandoc(text)
    return re.sub(r"(?:^    .*\n?)+", _in_a_fence, text, flags=re.MULTILINE)


def _in_a_fence(code: re.Match[str]) -> str:
    return f"```python\n{textwrap.dedent(code[0]).rstrip()}\n```\n"


def _source(of: type) -> ast.ClassDef:
    return cast(ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(of))).body[0])


def _attribute_docs(of: type) -> dict[str, str]:
    """Return the strings that stand under a class's attributes, by attribute."""
    body = _source(of).body
    return {
        cast(ast.Name, node.target).id: inspect.cleandoc(cast(str, after.value.value))
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }


def _annotations(of: type) -> dict[str, str]:
    return {
        cast(ast.Name, node.target).id: ast.unparse(node.annotation)
        for node in _source(of).body
        if isinstance(node, ast.AnnAssign)
    }


def _limit(field: Field[Any]) -> object | None:
    metadata = getattr(field.type, "__metadata__", ())
    return metadata[0] if metadata else None


def _default(field: Field[Any], of: type) -> str:
    if field.default is not MISSING and isinstance(field.default, str | int | tuple | None):
        return repr(field.default)
    for node in _source(of).body:
        if isinstance(node, ast.AnnAssign) and cast(ast.Name, node.target).id == field.name and node.value:
            text = ast.unparse(node.value)
            return re.sub(r"^field\(default_factory=lambda: (.*)\)$", r"\1", text)
    raise ValueError(f"{field.name} has no default")


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _members(of: type) -> Iterator[str]:
    """Yield a table of the public properties, then the methods, with what their docstrings say."""
    ours = [base for base in of.__mro__ if base.__module__.startswith("claude_context_bridge")]
    named = {name: member for base in reversed(ours) for name, member in vars(base).items()}
    own = {name: member for name, member in named.items() if not name.startswith("_")}
    yield "| property | |"
    yield "|---|---|"
    for name, member in own.items():
        if isinstance(member, property):
            yield f"| `{name}` | {_cell(member.__doc__ or '')} |"
    yield from ("", "| method | |", "|---|---|")
    for name, member in own.items():
        if inspect.isfunction(member):
            parameters = list(inspect.signature(member).parameters.values())[1:]
            signature = ", ".join(
                f"**{each.name}" if each.kind is each.VAR_KEYWORD else str(each) for each in parameters
            )
            plain = re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", signature)
            yield f"| `{name}({_cell(plain)})` | {_cell(member.__doc__ or '')} |"


def cli_page() -> str:
    """Return every command's help, as `--help` prints it."""
    group: Any = typer.main.get_command(app)
    lines = [
        "# The command line",
        "",
        "<!-- Written by `python -m tools.reference`; edit the commands' help instead. -->",
        "",
        "`bridge` and `ask-claude` are the same program. This is what each command prints with `--help`.",
    ]
    for path, text in _helps(group, ("bridge",)):
        lines += ["", f"## `{' '.join(path)}`", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def _helps(command: Any, path: tuple[str, ...], parent: Any = None) -> Iterator[tuple[tuple[str, ...], str]]:
    context = command.make_context(
        path[-1], [], parent=parent, resilient_parsing=True, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines()).strip()
    if hasattr(command, "list_commands"):
        for name in command.list_commands(context):
            yield from _helps(command.get_command(context, name), (*path, name), context)


if __name__ == "__main__":
    main()
