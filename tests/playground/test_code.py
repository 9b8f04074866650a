"""The script of a set-up trains the same net: its losses are those of the playground's run."""

import ast
import subprocess
import sys
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
import torch

from core.playground.code import filename, script
from core.playground.code.needs import Needs
from core.playground.setup import DATA, LIVE, Setup
from core.playground.streams import Purpose
from core.simulation import FIRST, Simulation
from core.uploads import Points, PointsForm
from tests.playground.test_simulation import STRUCTURE, TOUR

SMALL = dict(samples=60, hidden=(5.0, 4.0))
STEPS = 200
RATES = {"momentum": 0.03, "nesterov": 0.03, "adagrad": 0.03, "rmsprop": 0.003, "adam": 0.01}
MORE = [
    dict(data="blobs", smoothing=0.1, mixup=0.5, dropout=0.2, input_noise=0.1, l1=0.003, method="adam"),
    dict(data="arms", loss="squared", mixup=1.0, weight_noise=0.05, l2=0.03, clip=0.3),
    dict(data="hills", mixup=0.2, smoothing=0.3, rate=0.03),
    dict(hidden=(4.0, 4.0, 4.0), skips=True, dropout=0.3, frozen=((2, 1), (3, 1, 0), (4, 1, 2)), decay=0.3),
    dict(hidden=(5.0, 4.0), skips=True),
    dict(hidden=(), dropout=0.5, frozen=((1, 1, 2),), l1=0.03),
    dict(norm="batch", share=70, batch=20, samples=60, dropout=0.1, averaging=0.9),  # 42 samples
    dict(norm="batch", share=70, samples=20, batch=1),
    dict(norm="layer", frozen=((1, 2), (7, 9), (1, 1, 30)), weight_noise=0.02, method="nesterov", rate=0.001),
    dict(method="momentum", alpha=0.0, rate=0.1),
    dict(inputs=("x2", "x1x1"), input_noise=0.1, mixup=0.1),
    dict(activation="each", activation1="linear", activation2="relu", norm="layer", frozen=((2, 1),)),
    dict(schedule="step", horizon=100, decay=0.1, l1=0.003, method="adagrad"),
    dict(schedule="cosine", horizon=100, l1=0.003, method="momentum"),
    dict(schedule="warmup", horizon=100, l1=0.01, method="rmsprop"),
    dict(schedule="cosine", l1=0.003, decay=0.1, method="adam"),
    dict(data="drawn", batch=1000, smoothing=0.1),
]


def setup_of(values: dict) -> Setup:
    """A small set-up with these values, at a rate that suits its method."""
    rate = 0.01 if "norm" in values else RATES.get(values.get("method", "sgd"), 0.1)  # with a norm, larger ones are chaotic
    return Setup(**SMALL | {"rate": rate} | values)


def exec_script(source: str, steps: int = STEPS) -> list[tuple[float, ...]]:
    namespace: dict = {"__name__": "script"}
    with torch.random.fork_rng():
        exec(compile(source, "script.py", "exec"), namespace)
        return namespace["train"](steps, every=FIRST)


def losses_of(run: Simulation, steps: int = STEPS) -> list[tuple[float, ...]]:
    rows = []
    for _ in range(steps // FIRST + 1):
        now = run.measure()
        rows.append(tuple(loss for loss in (now.objective, *now.loss) if not np.isnan(loss)))
        if not run.advance(FIRST):
            break
    return rows


def difference(setup: Setup, steps: int = STEPS) -> float:
    """Of all losses of the script and of the run, relative to those above 1."""
    run = Simulation(setup)
    one, other = np.array(exec_script(script(setup, run.problem), steps)), np.array(losses_of(run, steps))
    assert one.shape == other.shape and np.isfinite(one).all()
    assert abs(other[-1, 0] - other[0, 0]) > 1e-4 or setup.start == "zero", "it has to learn, or there is nothing to compare"
    return float((np.abs(one - other) / np.maximum(1, np.abs(other))).max())


def test_the_default():
    assert difference(Setup()) < 1e-5


@pytest.mark.parametrize("values", [*TOUR, *STRUCTURE, *MORE], ids=str)
def test_each_control_and_each_design(values):
    assert difference(setup_of(values)) < 1e-5


@pytest.mark.parametrize("values", [*accumulate(TOUR, lambda so_far, change: so_far | change)], ids=map(str, TOUR))
def test_controls_together(values):
    assert difference(setup_of(values | dict(samples=100))) < 1e-5


def test_every_live_control_is_compared():
    assert LIVE - {name for change in TOUR for name in change} == {"points", "patience", "until", "epochs"}, "they are below"


RULES = [
    dict(epochs=10),
    dict(until=0.3, method="adam", rate=0.03, samples=300),
    dict(patience=5, noise=1.0, method="adam", rate=0.1),
    dict(patience=20, until=0.01, epochs=200, batch=5, noise=0.8, samples=40),
]


@pytest.mark.parametrize("values", RULES, ids=str)
def test_rules_stop_it_at_the_same_step(values, capsys):
    run = Simulation(setup_of(values))
    run.advance(3000)
    assert run.stopped in ("epochs", "loss", "patience")
    rows = exec_script(script(run.setup, run.problem), 3000)
    assert f"stopped after {run.step} steps" in capsys.readouterr().out
    assert rows[run.step // FIRST][0] == pytest.approx(run.measure().objective, rel=1e-3)


def test_drawn_points_of_ones_own():
    setup = Setup(data="drawn", points=((100, 100, 0), (900, 100, 1), (900, 900, 2), (100, 900, 0), (500, 500, 1)), batch=2)
    assert difference(setup) < 1e-5


def test_an_uploaded_file():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40)).astype(np.float32), np.arange(40) % 2
    name = 32 * "0"
    run = Simulation(Setup(data="own", own=name), {name: PointsForm().pack(Points(x + y, y, ("a", "b")))})
    assert np.abs(np.array(exec_script(script(run.setup, run.problem))) - losses_of(run)).max() < 1e-5


def test_a_change_of_the_script_would_be_seen():
    run = Simulation(Setup(**SMALL))
    source = script(run.setup, run.problem)
    other = source.replace("RATE = 0.1 ", "RATE = 0.101 ")
    assert other != source
    assert np.abs(np.array(exec_script(other)) - losses_of(run)).max() > 1e-4


def test_it_runs_by_itself_and_prints_every_hundredth_step(tmp_path):
    run = Simulation(Setup(averaging=0.9, l1=0.003, samples=100))
    path = tmp_path / filename(run.setup)
    path.write_text(script(run.setup, run.problem, steps=STEPS), encoding="utf-8")
    done = subprocess.run([sys.executable, "-W", "error", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr
    head, *rows = (line.split() for line in done.stdout.splitlines())
    assert head == ["step", "objective", "training", "validation", "test"]
    assert [row[0] for row in rows] == ["0", "100", "200", "average"]
    for step, row in zip((0, 100, 200), rows, strict=False):
        run.advance(step - run.step)
        now = run.measure()
        assert [float(number) for number in row[1:]] == pytest.approx([now.objective, *now.loss], abs=1e-5)
    assert run.average is not None
    now = run.measure(run.average.theta, run.average.stats)
    assert [float(number) for number in rows[-1][1:]] == pytest.approx([now.objective, *now.loss], abs=1e-5)


def test_the_average_under_batch_norm_has_statistics_of_its_own(capsys):
    run = Simulation(Setup(**SMALL, norm="batch", rate=0.01, averaging=0.99))
    exec_script(script(run.setup, run.problem))
    run.advance(STEPS)
    assert run.average is not None
    now = run.measure(run.average.theta, run.average.stats)
    row = capsys.readouterr().out.splitlines()[-1].split()
    assert [float(number) for number in row[1:]] == pytest.approx([now.objective, *now.loss], abs=1e-5)


@pytest.mark.parametrize("data", [name for name in DATA if name != "own"])
def test_the_samples_are_the_same_to_the_bit(data):
    problem = Simulation(Setup(data=data)).problem
    namespace: dict = {"__name__": "script"}
    exec(script(Setup(data=data), problem), namespace)
    sets = namespace["data"]()
    assert torch.equal(torch.cat([x for x, _ in sets]).T, problem.x[0])
    assert torch.equal(torch.cat([y for _, y in sets]).squeeze(-1).to(problem.y.dtype), problem.y)
    assert [len(x) for x, _ in sets] == [n for n in np.diff([0, *problem.ends]).tolist() if n]


@pytest.mark.parametrize("values", [{}, *MORE], ids=str)
def test_it_is_plain(values):
    """It needs torch and math alone, no line is too long or in vain, and the default set-up is a page without its data."""
    setup = setup_of(values)
    source = script(setup, Simulation(setup).problem)
    tree = ast.parse(source)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"torch", "math"} and ("math" in imported) == ("math." in source)
    assert all(len(line) <= 130 and line == line.rstrip() for line in source.splitlines())
    loop = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "train")
    assert "\n\n" not in (ast.get_source_segment(source, loop) or "\n\n")
    plain = [line for line in source.splitlines() if not line.startswith(" " * 8) or line.strip()[0].isalpha()]
    assert len(plain) <= 85 or values
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)} - {"__init__", "forward"}
    assigned = {name.id for node in tree.body if isinstance(node, ast.Assign) for name in ast.walk(node.targets[0])
                if isinstance(name, ast.Name)}
    for name in defined | assigned:
        assert source.count(name) > 1, f"{name} is never used"


def test_purposes_are_those_of_the_run():
    setup = Setup(dropout=0.1, input_noise=0.1, weight_noise=0.1, mixup=0.1)
    purposes = Needs(setup, Simulation(setup).problem).purposes
    assert purposes == {purpose.name.lower(): int(purpose) for purpose in Purpose if purpose not in (Purpose.DATA, Purpose.START)}


def test_another_seed_is_another_run():
    one, other = (script(s, Simulation(s).problem) for s in (Setup(), replace(Setup(), seed=5)))
    assert exec_script(one, 100) != exec_script(other, 100)
