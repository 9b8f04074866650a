"""A script as a Jupyter notebook."""

from __future__ import annotations

import ast
import json
from typing import Any


def notebook(source: str, title: str) -> str:
    """The script `source` as the JSON of a notebook, format 4.5, with `title` as its heading.

    The docstring becomes text. Imports make one cell, constants that stand together another, and each function or class
    has its own; what stood under `if __name__ == "__main__":` is called in the last. Comments stay with what follows them.
    Raises SyntaxError where the source is no Python.
    """
    docstring, blocks = _blocks(source)
    cells = [_cell(0, "markdown", f"# {title}\n\n{docstring}".strip())]
    cells += [_cell(i, "code", code) for i, code in enumerate(blocks, 1)]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
             "language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1)


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def _blocks(source: str) -> tuple[str, list[str]]:
    """The docstring, and the code in pieces that belong together."""
    tree, lines = ast.parse(source), source.splitlines()
    docstring = ast.get_docstring(tree) or ""
    nodes = tree.body[1:] if docstring else tree.body
    at = (tree.body[0].end_lineno or 0) if docstring else 0
    kinds: list[str] = []
    blocks: list[str] = []
    for node in nodes:
        kind, end = _kind(node), node.end_lineno or at
        if kind == "guard":
            first = node.body[0]  # pyright: ignore[reportAttributeAccessIssue]
            inside = lines[min(node.lineno, first.lineno - 1) : end]
            code = "\n".join([*lines[at : node.lineno - 1], *(line[first.col_offset :] for line in inside)])
        else:
            code = "\n".join(lines[at:end])
        if kinds and kind == kinds[-1] and kind in ("import", "statement"):
            blocks[-1] += "\n" + code
        else:
            blocks.append(code)
            kinds.append(kind)
        at = end
    rest = "\n".join(lines[at:])
    return docstring, [block.strip("\n") for block in [*blocks, rest] if block.strip()]


def _kind(node: ast.stmt) -> str:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return "import"
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return "definition"
    if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
        return "guard"
    return "statement"
