"""The words below a lesson's picture: the maths beside the code that ran, and the example to take home."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

from core import catalogue
from ui.notebook import notebook

ROOT = Path(__file__).parent.parent


def _lazy_expander(label: str, mark: str, key: str):
    """An expander that knows whether it is open: what it holds, and the scripts that set formulas and colour code, are
    sent to those who open it. In a fragment, which is all that the opening runs again.
    """
    return st.expander(label, icon=f":material/{mark}:", key=key, on_change="rerun")


@st.fragment
def maths_and_code(maths: str, code: Sequence[Any], symbols: Mapping[str, str]) -> None:
    """Formulas and the source of the functions that compute them, side by side; on a phone one after the other.

    maths is Markdown with LaTeX, code the functions or classes, symbols LaTeX without its dollars, or one
    word, to the name in the code.
    """
    box = _lazy_expander("The maths, and the code that ran" if code else "The maths", "function", "maths")
    if not box.open:
        return
    with box:
        left, right = st.columns([0.45, 0.55], gap="large") if code else (st.container(), st.container())
        left.markdown(_display_formulas(maths))
        if symbols:
            left.markdown(_symbol_table(symbols))
        for one in code:
            text, place = _source(one)
            right.code(text, language="python", wrap_lines=True)
            right.caption(place)


@st.fragment
def example(slug: str) -> None:
    """The lesson's experiment as plain PyTorch, to be read and taken home; nothing where it has none."""
    path = ROOT / "examples" / f"{slug}.py"
    if not path.exists():
        return
    box = _lazy_expander("The same in plain PyTorch", "code", "example")
    if not box.open:
        return
    text, cells = _example(path, catalogue.lesson(slug).title, path.stat().st_mtime)
    with box:
        with st.container(horizontal=True, gap="small"):
            for name, data, kind in ((f"{slug}.py", text, "text/x-python"), (f"{slug}.ipynb", cells, "application/x-ipynb+json")):
                st.download_button(name, data, file_name=name, mime=kind, icon=":material/download:", on_click="ignore",
                                   key=f"{slug}:example:{name}")
        st.code(text, language="python", wrap_lines=True)


def _display_formulas(maths: str) -> str:
    """Formulas that begin a line between double dollars stand on lines of their own; only so may they be several lines long.

    Two of them with a `\\qquad` between go below each other: side by side they are wider than a phone.
    """
    def lines(hit: re.Match[str]) -> str:
        return "".join(f"\n$$\n{one.strip()}\n$$\n" for one in hit[1].split(r"\qquad"))

    return re.sub(r"^\$\$(.+?)\$\$", lines, maths, flags=re.MULTILINE | re.DOTALL)


def _symbol_table(symbols: Mapping[str, str]) -> str:
    rows = [f"| ${_latex(symbol)}$ | `{name}` |" for symbol, name in symbols.items()]
    return "\n".join(["| symbol | in the code |", "| --- | --- |", *rows])


def _latex(symbol: str) -> str:
    """A bar would end the cell of the table, and a word is not a product of its letters."""
    if symbol.isidentifier() and len(symbol) > 2:
        return rf"\text{{{symbol}}}".replace("_", r"\_")
    return symbol.replace("|", r"\vert ")


@lru_cache(maxsize=256)
def _source(one: Callable[..., Any]) -> tuple[str, str]:
    """The text of a function or class, and where it stands: "core/x.py, line 12"."""
    plain = inspect.unwrap(one)
    lines, first = inspect.getsourcelines(plain)
    path = Path(inspect.getsourcefile(plain) or "")
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return textwrap.dedent("".join(lines)).rstrip(), f"{place}, line {first}"


@lru_cache(maxsize=64)
def _example(path: Path, title: str, changed: float) -> tuple[str, str]:  # noqa: ARG001  a new time is a new text
    text = path.read_text(encoding="utf-8")
    return text, notebook(text, title)
