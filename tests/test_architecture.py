"""Data flow one way: Config -> run -> Result -> figure -> page. The rules are read off the imports."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from core.catalogue import LESSONS, PARTS, PLAYGROUND

ROOT = Path(__file__).parent.parent
STANDARD = set(sys.stdlib_module_names)
RULES = {
    "core": STANDARD | {"torch", "numpy", "core"},
    "figures": STANDARD | {"torch", "numpy", "plotly", "PIL", "core", "figures"},  # PIL writes the images of figures/wire.py
    "pages": STANDARD | {"core", "figures", "ui", "streamlit"},
    "ui": STANDARD | {"streamlit", "plotly", "torch", "segno", "core", "figures", "ui"},
    "ui/uploads": STANDARD | {"numpy", "PIL", "pydicom", "core", "ui"},
    "examples": STANDARD | {"torch", "numpy", "sklearn"},  # scikit-learn brings the data sets
}
TRAINING = {"train", "Trainer", "Supervised", "Autograd", "autograd_gradient", "Backprop", "run", "steps", "generators", "spawn",
            "normals", "uniforms", "permutations", "bernoulli", "Adam", "AdamW", "SGD", "RMSProp", "AdaGrad"}


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} is empty: there would be nothing to test"
    return found


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
        inner = [other for other in RULES if other.startswith(f"{folder}/") and path.is_relative_to(ROOT / other)]
        for module, _ in imports(path) if not inner else []:
            assert module.split(".")[0] in RULES[folder], f"{path.relative_to(ROOT)} imports {module}"


def lesson_of(path: Path) -> str:
    """The lesson that a file belongs to, or the playground, "" if none."""
    here = path.relative_to(ROOT)
    return next((entry.slug for entry in (PLAYGROUND, *LESSONS) if entry.slug in (here.parent.name, path.stem)), "")


@pytest.mark.parametrize("folder", ["core/lessons", "figures", "pages"])
def test_a_lesson_imports_no_other_lesson(folder):
    for path in sources(folder):
        for module, name in imports(path):
            if found := re.match(r"(?:core\.lessons|figures)\.(\w+)", f"{module}.{name}"):
                if found[1] in ("solid", "style", "wire", "kinds", "ends"):
                    continue
                assert found[1] == lesson_of(path) != "", f"{path.relative_to(ROOT)} imports {found[0]}"


def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    names = {}
    for folder in (*RULES, "tests", "benchmarks", "scripts"):
        for path in sources(folder):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def test_imports_run_in_no_circle():
    """What a module needs to be imported at its top; an import within a function is none."""
    names = modules()
    needs: dict[str, set[str]] = {}
    for name, path in names.items():
        package = path.relative_to(ROOT).parent.parts
        needs[name] = set()
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ImportFrom):
                continue
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(p for p in (base, node.module or "") if p)
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                needs[name].add(whole if whole in names else module)
        needs[name] = {n for n in needs[name] if n in names}
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert state.get(name) != 1, " imports ".join((*trail[trail.index(name):], name))
        if name not in state:
            state[name] = 1
            for other in sorted(needs[name]):
                visit(other, (*trail, name))
            state[name] = 2

    for name in names:
        visit(name, ())


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


CHANGING = {"append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "add", "discard", "popitem", "sort",
            "appendleft", "popleft", "fill_", "copy_", "zero_"}


def changes(tree: ast.Module) -> list[tuple[str, int]]:
    """Where a function of a module changes something that the module holds: (name, line)."""
    held = {t.id for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for t in ast.walk(target) if isinstance(t, ast.Name)}
    found = []
    for function in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.Lambda))):
        arguments = function.args
        own = {a.arg for a in (*arguments.args, *arguments.kwonlyargs, *arguments.posonlyargs)}
        own |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for node in ast.walk(function):
            target = None
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
                target = node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
                target = node.func.value
            if isinstance(target, ast.Name) and target.id in held - own:
                found.append((target.id, node.lineno))
    return found


@pytest.mark.parametrize("folder", ["core", "figures", "ui"])
def test_no_mutable_state_at_module_level(folder):
    for path in sources(folder):
        tree = ast.parse(path.read_text())
        for node in tree.body:
            assert not isinstance(node, (ast.For, ast.While, ast.With)), f"{path.name}:{node.lineno} runs at import"
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            empty = isinstance(value, (ast.List, ast.Set, ast.Dict)) and not ast.unparse(value).strip("[]{}")
            made = isinstance(value, ast.Call) and ast.unparse(value.func) in ("list", "dict", "set", "defaultdict", "deque",
                                                                               "OrderedDict", "Counter")
            made = made and not (value.args or value.keywords)
            made = made or (isinstance(value, ast.Call) and ast.unparse(value.func) in ("itertools.count", "count", "iter"))
            assert not (empty or made), f"{path.name}:{node.lineno} is there to be filled"
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Global), f"{path.name}:{node.lineno} writes a global"
        assert not changes(tree), f"{path.name} changes {changes(tree)}"


def test_a_change_of_what_a_module_holds_is_found():
    text = "KEPT = {'a': 1}\nL = [1]\ndef f(x):\n    KEPT[x] = 2\ndef g():\n    L.append(1)\ndef h(L):\n    L.append(1)\n"
    assert changes(ast.parse(text)) == [("KEPT", 4), ("L", 6)]


ROOMS = ("core/lessons/{0}/lesson.py", "core/lessons/{0}/words.py", "figures/{0}/pictures.py", "pages/{0}.py", "examples/{0}.py",
         "tests/lessons/{0}/test_lesson.py", "tests/lessons/{0}/promises.py")


def test_every_lesson_has_its_rooms(entry):
    assert entry.part in PARTS
    for room in ROOMS:
        assert (ROOT / room.format(entry.slug)).exists(), room.format(entry.slug)
