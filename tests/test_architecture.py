"""Data flow one way: Config -> run -> Result -> figure -> page. The rules are read off the imports."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from core.catalogue import LESSONS, PARTS

ROOT = Path(__file__).parent.parent
STANDARD = set(sys.stdlib_module_names)
RULES = {
    "core": STANDARD | {"torch", "numpy", "core"},
    "figures": STANDARD | {"torch", "numpy", "plotly", "core", "figures"},
    "pages": STANDARD | {"core", "figures", "ui", "streamlit"},
    "ui": STANDARD | {"streamlit", "plotly", "torch", "segno", "core", "figures", "ui"},
    "examples": STANDARD | {"torch", "numpy", "sklearn"},  # scikit-learn brings the data sets
}
TRAINING = {"train", "gradient", "autograd_gradient", "Backprop", "run", "steps", "generators", "spawn", "normals", "uniforms",
            "permutations", "bernoulli", "Adam", "AdamW", "SGD", "RMSProp", "AdaGrad"}


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> list[tuple[str, str]]:
    """(module, name) for each import of a file; name is empty for `import module`."""
    found = []
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(p for p in (base, node.module or "") if p)
            found += [(module, alias.name) for alias in node.names]
    return found


@pytest.mark.parametrize("folder", RULES)
def test_imports(folder):
    for path in sources(folder):
        for module, _ in imports(path):
            assert module.split(".")[0] in RULES[folder], f"{path.relative_to(ROOT)} imports {module}"


def lesson_of(stem: str) -> str:
    """The lesson that a file belongs to, "" if none: all that is a lesson's own begins with its name."""
    return max((entry.slug for entry in LESSONS if f"{stem}_".startswith(f"{entry.slug}_")), key=len, default="")


@pytest.mark.parametrize("folder", ["core/lessons", "figures", "pages"])
def test_a_lesson_imports_no_other_lesson(folder):
    for path in sources(folder):
        for module, name in imports(path):
            if found := re.match(r"core\.lessons\.(\w+)", f"{module}.{name}"):
                assert lesson_of(found[1]) == lesson_of(path.stem) != "", f"{path.name} imports {found[0]}"


def test_figures_never_train():
    for path in sources("figures"):
        for module, name in imports(path):
            if module.startswith("core"):
                assert name not in TRAINING, f"{path.name} imports {name} from {module}"
        text = path.read_text()
        for word in ("torch.rand", "np.random", "numpy.random", ".backward(", "torch.Generator", "manual_seed"):
            assert word not in text, f"{path.name} uses {word}"


def test_figures_name_no_size_of_type_and_no_colour_of_their_own():
    for path in sources("figures"):
        if path.name == "style.py":
            continue
        text = path.read_text()
        assert "#" not in "".join(n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)
                                  and isinstance(n.value, str) and len(n.value) == 7), path.name
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.keyword) and node.arg and "font" in node.arg and isinstance(node.value, ast.Call):
                where = f"{path.name}:{node.value.lineno}"
                assert not any(k.arg == "size" for k in node.value.keywords), f"{where} sets a size of type"


def test_nothing_seeds_the_process():
    for folder in RULES:
        if folder == "examples":
            continue
        for path in sources(folder):
            for node in ast.walk(ast.parse(path.read_text())):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                assert called not in ("torch.manual_seed", "random.seed", "np.random.seed", "numpy.random.seed"), path.name


@pytest.mark.parametrize("folder", ["core", "figures", "ui"])
def test_no_mutable_state_at_module_level(folder):
    for path in sources(folder):
        for node in ast.parse(path.read_text()).body:
            assert not isinstance(node, (ast.For, ast.While, ast.With)), f"{path.name}:{node.lineno} runs at import"
            assert not isinstance(node, ast.Global)
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Global), f"{path.name}:{node.lineno} writes a global"


def test_every_lesson_has_its_rooms(entry):
    assert entry.part in PARTS
    for room in (f"core/lessons/{entry.slug}.py", f"figures/{entry.slug}.py", f"pages/{entry.slug}.py",
                 f"examples/{entry.slug}.py", f"tests/lessons/test_{entry.slug}.py", f"tests/promises/{entry.slug}.py"):
        assert (ROOT / room).exists(), room
