"""What each regulariser does, against torch.nn, torch.optim, SciPy and its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine import MLP, generators
from core.lessons.regulariser_bench import data, jobs, lesson
from core.lessons.regulariser_bench.bench import BAGS, MEMBERS, STARTS, Bench
from core.lessons.regulariser_bench.jobs import Bagged, Baseline, Changed, Dropped, Job, Penalties, Shaken
from core.lessons.regulariser_bench.lesson import Config
from core.lessons.regulariser_bench.methods import METHODS, ByRows, Tying, applying, beta, moved

SEED = 2  # the pair that is trained again
Step = Callable[[nn.Sequential], Tensor]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return lesson.make_bench(Config(seed=3), None)


def net_of(bench: Bench, row: Tensor) -> nn.Sequential:
    """The same net in torch.nn; the order of a row is that of its parameters."""
    d, hidden, classes = bench.mlp.sizes
    net = nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    nn.utils.vector_to_parameters(row.clone(), net.parameters())
    return net


def again(bench: Bench, loss: Step, make: Any = torch.optim.Adam, rate: float = 0.0, start: Tensor | None = None,
          after: Callable[[nn.Sequential], object] = lambda net: None, steps: int = 0, **about: Any) -> nn.Sequential:
    """Trained by torch from the pair's start."""
    net = net_of(bench, bench.mlp.init(bench.rngs(STARTS))[SEED] if start is None else start)
    weights = [p for p in net.parameters() if p.ndim == 2]
    biases = [p for p in net.parameters() if p.ndim == 1]
    optimiser = make([dict(params=weights, **about), dict(params=biases, weight_decay=0.0)], lr=rate or bench.rate)
    for _ in range(steps or bench.steps):
        optimiser.zero_grad()
        loss(net).backward()
        optimiser.step()
        after(net)
    return net


def losses(bench: Bench, net: Callable[[Tensor], Tensor]) -> list[float]:
    s = bench.samples
    with torch.no_grad():
        return [float(F.cross_entropy(net(x[SEED].T), y[SEED])) for x, y in ((s.x_val, s.y_val), (s.x_test, s.y_test))]


def ended(job: Job, name: str, trial: int) -> list[float]:
    for _ in job.train():
        pass
    told = job.told[name][-1]
    return [float(part[trial, SEED]) for part in (told.val, told.test)]


def fit(bench: Bench, x: Tensor | None = None, y: Tensor | None = None, smoothing: float = 0.0) -> Step:
    s = bench.samples
    x, y = (s.x[SEED].T, s.y[SEED]) if x is None or y is None else (x, y)
    return lambda net: F.cross_entropy(net(x), y, label_smoothing=smoothing)


def weights(net: nn.Sequential) -> Tensor:
    return torch.cat([p.flatten() for p in net.parameters() if p.ndim == 2])


@pytest.fixture(scope="module")
def trained(bench: Bench) -> dict[str, Job]:
    made = {"baseline": Baseline(bench), "penalties": Penalties(bench, dict(l2=5, l1=5, decay=5)),
            "samples": Changed(bench, dict(inputs=5, labels=5, mixup=5)), "bagging": Bagged(bench)}
    for job in made.values():
        for _ in job.train():
            pass
    return made


def told(job: Job, name: str, trial: int, record: int = -1) -> list[float]:
    at = job.told[name][record]
    return [float(part[trial, SEED]) for part in (at.val, at.test)]


def test_learning_rates_and_early_stopping_are_torchs(bench: Bench, trained: dict[str, Job]):
    for trial, factor in ((0, 1.0), (3, 0.25)):
        assert METHODS["baseline"].strengths[trial] == factor
        net = again(bench, fit(bench), rate=factor * bench.rate)
        assert told(trained["baseline"], "baseline", trial) == pytest.approx(losses(bench, net), abs=2e-3)
    for trial, part in enumerate(METHODS["stopping"].strengths):
        record = jobs.stops(bench)[trial]
        assert bench.records[record] == part * bench.steps
    net = again(bench, fit(bench), steps=bench.steps // 4)
    assert told(trained["baseline"], "baseline", 0, jobs.stops(bench)[2]) == pytest.approx(losses(bench, net), abs=1e-3)


@pytest.mark.parametrize("name", ["l2", "l1", "decay"])
def test_penalties_and_decay_are_torchs(bench: Bench, trained: dict[str, Job], name: str):
    strength = METHODS[name].strengths[3]
    plain = fit(bench)
    if name == "decay":
        net = again(bench, plain, torch.optim.AdamW, weight_decay=strength)
    elif name == "l2":
        net = again(bench, lambda n: plain(n) + strength / 2 * weights(n).square().sum())
    else:
        net = again(bench, lambda n: plain(n) + strength * weights(n).abs().sum())
    assert told(trained["penalties"], name, 2) == pytest.approx(losses(bench, net), abs=3e-3)


def test_smoothed_labels_are_torchs(bench: Bench, trained: dict[str, Job]):
    net = again(bench, fit(bench, smoothing=METHODS["labels"].strengths[4]))
    assert told(trained["samples"], "labels", 3) == pytest.approx(losses(bench, net), abs=2e-3)


def test_averaged_weights_are_torchs(bench: Bench, trained: dict[str, Job]):
    decay = METHODS["averaging"].strengths[4]
    mean: list[nn.Module] = []

    def average(net: nn.Sequential) -> None:
        with torch.no_grad():
            for p, q in zip(mean[0].parameters(), net.parameters(), strict=True):
                p.mul_(decay).add_(q, alpha=1 - decay)

    mean.append(net_of(bench, bench.mlp.init(bench.rngs(STARTS))[SEED]))
    again(bench, fit(bench), after=average)
    assert told(trained["baseline"], "averaging", 3) == pytest.approx(losses(bench, mean[0]), abs=2e-3)


def test_bagging_averages_probabilities_of_nets_on_bags(bench: Bench, trained: dict[str, Job]):
    job = trained["bagging"]
    assert isinstance(job, Bagged)
    starts, bags = job.of_members(MEMBERS), job.of_members(BAGS)
    assert len({g.initial_seed() for g in starts}) == len(starts), "each member has a start of its own"
    nets = []
    for m in range(2):
        row = m * bench.S + SEED
        bag = torch.randint(32, (32,), generator=bags[row])
        assert len(bag.unique()) < 32
        x, y = bench.samples.x[SEED].T[bag], bench.samples.y[SEED][bag]
        nets.append(again(bench, fit(bench, x, y), start=bench.mlp.init([starts[row]])[0]))
    both = losses(bench, lambda x: torch.stack([net(x).softmax(1) for net in nets]).mean(0).log())
    assert told(job, "bagging", 0) == pytest.approx(both, abs=3e-3)


@pytest.mark.parametrize(("make", "names"), [
    (Penalties, ("l2", "l1", "decay", "tying")), (Changed, ("inputs", "labels", "augmentation")), (Dropped, ("dropout",)),
    (Shaken, ("weights",))])
def test_strength_zero_is_the_net_without_regulariser(monkeypatch: pytest.MonkeyPatch, make: type[Job], names: tuple[str, ...]):
    """Same samples, start and batches: what is left of a pair's difference is the regulariser's."""
    bench = lesson.make_bench(Config(problem="digits", width=8, steps=64, samples=48), None)
    monkeypatch.setattr(Job, "strengths", lambda self, name: torch.zeros(5 * self.bench.S))
    off, job = Baseline(bench), make(bench, dict.fromkeys(names, 5))
    for some in (off, job):
        for _ in some.train():
            pass
    for name in names:
        for mine, plain in zip(job.told[name], off.told["baseline"], strict=True):
            for trial in range(5):
                torch.testing.assert_close(mine.test[trial], plain.test[0], atol=2e-3, rtol=2e-3)


def test_noise_is_new_at_every_update_and_never_in_judging(bench: Bench):
    job = Shaken(bench, {"weights": 5})
    first = job.look()["weights"].test
    assert torch.equal(first, job.look()["weights"].test)
    changed = Changed(bench, {"inputs": 5})
    (x, y), (again_x, again_y) = (next(changed.trainer.batches) for _ in range(2))  # pyright: ignore
    plain = bench.samples.x.repeat(5, 1, 1)
    assert not torch.equal(x, again_x) and torch.equal(y, again_y)
    noise = (x - plain).unflatten(0, (5, -1)) / torch.tensor(METHODS["inputs"].strengths[1:]).reshape(-1, 1, 1, 1)
    torch.testing.assert_close(noise[0], noise[4], atol=1e-4, rtol=1e-4)  # strengths of a seed differ in size alone


def test_beta_is_beta():
    g = torch.Generator().manual_seed(0)
    u, v = torch.rand(2, 20000, generator=g, dtype=torch.float64)
    for alpha in (0.3, 1.0, 10.0):
        drawn = beta(torch.tensor(alpha), u, v)
        assert stats.kstest(drawn.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01
        assert float(drawn.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_mixup_mixes_samples_and_labels_alike():
    job = Changed(lesson.make_bench(Config(), None), {"mixup": 5})
    x, y = next(job.trainer.batches)  # pyright: ignore
    torch.testing.assert_close(y.sum(1), torch.ones(25, 32))
    samples = job.bench.samples
    ends = torch.cat([samples.x, F.one_hot(samples.y, 2).float().mT], 1).repeat(5, 1, 1)
    mixed = torch.cat([x, y], 1)
    for k in (0, 24):  # each mixed sample lies on the segment from its own to one other
        for i in range(4):
            a, b, z = ends[k][:, i, None], ends[k], mixed[k][:, i, None]
            share = ((z - b) * (a - b)).sum(0) / (a - b).square().sum(0).clamp_min(1e-9)
            off = (share * a + (1 - share) * b - z).abs().amax(0)
            assert float(off.min()) < 1e-4


def test_digits_move_as_scipy_moves_them():
    x = data.samples("digits", 32, 0.0, generators([1]), None).x
    identity = torch.zeros(1, 32)
    torch.testing.assert_close(moved(x, identity, identity, identity), x, atol=1e-5, rtol=0)
    dx, dy, angle = (torch.full((1, 32), value) for value in (0.7, -0.4, 0.15))
    ours = moved(x, dx, dy, angle)[0].T.unflatten(1, (8, 8)).double().numpy()
    cos, sin = np.cos(0.15), np.sin(0.15)
    turn = np.array([[cos, -sin], [sin, cos]])  # on (row, column), where ours is written for (x, y)
    centre = np.array([3.5, 3.5])
    for image, mine in zip(x[0].T.unflatten(1, (8, 8)).double().numpy()[:6], ours, strict=False):
        shift = centre - turn @ centre - np.array([-0.4, 0.7])
        theirs = ndimage.affine_transform(image, turn, shift, order=1, mode="grid-constant")
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


@pytest.mark.parametrize("problem", ["digits", "cancer"])
def test_tying_is_a_sum_over_pairs_and_its_gradient_autograds(problem: str):
    d = {"digits": 64, "cancer": 30}[problem]
    pairs = data.pairs_to_tie(problem)
    assert pairs is not None
    assert len(pairs) == {"digits": 2 * 7 * 8, "cancer": 30}[problem]
    mlp, strength = MLP((d, 3, 2), "relu"), torch.tensor([0.5, 2.0], dtype=torch.float64)
    theta = mlp.init(generators([1, 2]), dtype=torch.float64).requires_grad_()
    tying = Tying(mlp, pairs, strength)
    w = mlp.named(theta)["weight1"]
    direct = strength / 2 * (w[:, :, pairs[:, 0]] - w[:, :, pairs[:, 1]]).square().sum((1, 2))
    torch.testing.assert_close(tying.value(theta), direct)
    (gradient,) = torch.autograd.grad(direct.sum(), theta)
    torch.testing.assert_close(tying.gradient(theta.detach()), gradient)
    both = ByRows([(slice(1, 2), Tying(mlp, pairs, strength[1:]))])
    assert not both.gradient(theta.detach())[0].any()
    torch.testing.assert_close(both.gradient(theta.detach())[1], gradient[1])
    assert both.value(theta.detach()).tolist() == [0.0, pytest.approx(float(direct[1].detach()))]


def test_infinite_tying_shares_the_weights_of_a_measure():
    """Minimum of J + Ω for α → ∞ by descent on Ω alone: columns of a group become their mean."""
    pairs = data.pairs_to_tie("cancer")
    assert pairs is not None
    mlp = MLP((30, 4, 2), "relu")
    theta = mlp.init(generators([1]), dtype=torch.float64)
    tying, mean = Tying(mlp, pairs, torch.ones(1)), mlp.named(theta.clone())["weight1"].unflatten(2, (3, 10)).mean(2)
    for _ in range(400):
        theta -= 0.2 * tying.gradient(theta)
    shared = mlp.named(theta)["weight1"].unflatten(2, (3, 10))
    torch.testing.assert_close(shared, mean[:, :, None].expand_as(shared), atol=1e-9, rtol=0)


def test_each_problem_has_the_regularisers_that_apply():
    assert set(METHODS) - set(applying("digits")) == set()
    assert set(METHODS) - set(applying("cancer")) == {"augmentation"}
    for problem in (*data.PLANE, "own"):
        assert set(METHODS) - set(applying(problem)) == {"augmentation", "tying"}
    assert all(method.why_not for method in METHODS.values() if method.only)
    assert all(len(method.strengths) == 6 for method in METHODS.values())
