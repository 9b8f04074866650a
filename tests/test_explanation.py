"""What stands below a lesson's picture: source beside the maths, the example, and its notebook."""

from __future__ import annotations

import ast
import contextlib
import io
import runpy
from pathlib import Path

import nbformat
import pytest
from streamlit.testing.v1 import AppTest

from core.lessons.weight_penalties import proximal
from ui.notebook import notebook

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def cells_of(text: str, kind: str) -> list[str]:
    book = nbformat.reads(text, as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == kind]


@pytest.mark.parametrize("path", EXAMPLES, ids=[p.stem for p in EXAMPLES])
def test_every_example_is_a_valid_notebook_with_the_same_code(path):
    source = path.read_text()
    text = notebook(source, "A title")
    book = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    (words,) = cells_of(text, "markdown")
    assert words.startswith("# A title\n\n")
    assert (ast.get_docstring(ast.parse(source)) or "no docstring") in words
    code = cells_of(text, "code")
    assert code[-1] == "main()"
    assert len(code) >= 3
    # Nothing is lost: the same statements in the same order, with main called outside its guard.
    *wanted, guard = ast.parse(source).body[1:]
    assert [ast.dump(n) for n in ast.parse("\n\n".join(code)).body] == [ast.dump(n) for n in [*wanted, *guard.body]]
    comments = [line for line in source.splitlines() if line.lstrip().startswith("#")]
    assert all(any(line in cell.splitlines() for cell in code) for line in comments)


def test_the_notebook_prints_what_the_example_prints():
    path = ROOT / "examples" / "optimisers.py"
    told, again = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(told):
        runpy.run_path(str(path), run_name="__main__")
    with contextlib.redirect_stdout(again):
        space: dict[str, object] = {"__name__": "__main__"}
        for cell in cells_of(notebook(path.read_text(), "Optimisers"), "code"):
            exec(cell, space)
    assert again.getvalue() == told.getvalue()
    assert len(told.getvalue().splitlines()) == 7


SCRIPT = '''"""What it does.

And why.
"""
# first the imports
import math
from math import pi  # a remark

A = 1
B = """two
lines"""


# a decorator
@staticmethod
def f():
    return 1
class C:
    pass

A += 1

if __name__ == "__main__":
    print(A)
    # twice
    for _ in range(2):
        print(B)
'''


def test_cells_are_what_belongs_together():
    code = cells_of(notebook(SCRIPT, "T"), "code")
    assert code == [
        "# first the imports\nimport math\nfrom math import pi  # a remark",
        'A = 1\nB = """two\nlines"""',
        "# a decorator\n@staticmethod\ndef f():\n    return 1",
        "class C:\n    pass",
        "A += 1",
        "print(A)\n# twice\nfor _ in range(2):\n    print(B)",
    ]


@pytest.mark.parametrize(("source", "code"), [
    ("", []), ("x = 1", ["x = 1"]), ('"""Only words."""\n', []), ("# a remark\n", ["# a remark"]),
    ("x = 1\n# go\nif __name__ == '__main__': print(x)", ["x = 1", "# go\nprint(x)"]),
])
def test_small_scripts(source, code):
    text = notebook(source, "T")
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert cells_of(text, "code") == code


def page() -> AppTest:
    def script():
        from core.lessons.weight_penalties import proximal
        from ui import explanation

        symbols = {r"\epsilon": "learning_rate", "|w|": "w", "min_delta": "min_delta"}
        explanation.maths_and_code("Let $a$:\n$$x +\ny.$$\nThen $$b$$ again.\n\n$$\nz,\\qquad "
                                   "y\n$$", [proximal.proximal_map], symbols)
        explanation.example("optimisers")
        explanation.example("no_such_lesson")

    return AppTest.from_function(script)


def unfolded(app: AppTest) -> AppTest:
    for key in ("maths", "example"):
        app.session_state[key] = True
    return app.run()


def test_only_who_opens_the_words_is_sent_them():
    app = page().run()
    assert not app.exception
    assert len(app.expander) == 2
    assert len(app.code) == len(app.markdown) == 0


def test_the_code_stands_beside_the_maths():
    app = unfolded(page())
    assert not app.exception
    assert [e.label for e in app.expander] == ["The maths, and the code that ran", "The same in plain PyTorch"]
    source = Path(proximal.__file__).read_text().splitlines()
    first = next(i for i, line in enumerate(source, 1) if line.startswith("def proximal_map"))
    assert app.code[0].value.splitlines() == source[first - 1 : first - 1 + len(app.code[0].value.splitlines())]
    assert "return" in app.code[0].value.splitlines()[-1]
    assert app.caption[0].value == f"core/lessons/weight_penalties/proximal.py, line {first}"
    assert app.markdown[0].value == "Let $a$:\n\n$$\nx +\ny.\n$$\n\nThen $$b$$ again.\n\n\n$$\nz,\n$$\n\n$$\ny\n$$"
    table = app.markdown[1].value
    assert r"| $\epsilon$ | `learning_rate` |" in table
    assert r"| $\vert w\vert $ | `w` |" in table
    assert r"| $\text{min\_delta}$ | `min_delta` |" in table
    assert app.code[1].value == (ROOT / "examples" / "optimisers.py").read_text().rstrip("\n")


def test_without_code_there_is_only_the_maths():
    def script():
        from ui import explanation

        explanation.maths_and_code("$$x$$", (), {})

    app = unfolded(AppTest.from_function(script))
    assert not app.exception
    assert [e.label for e in app.expander] == ["The maths"]
    assert len(app.markdown) == 1
