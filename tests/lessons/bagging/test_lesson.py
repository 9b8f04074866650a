"""Bagging's runs: against scikit-learn's trees and torch.nn's nets, their data, and what is shown of them."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from statistics import mean
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from sklearn.tree import DecisionTreeRegressor
from torch import nn

from core.controls import InvalidValue
from core.data import toys
from core.drawings import LEVELS
from core.engine import MLP, generators
from core.lessons.bagging import data, lesson, measure
from core.lessons.bagging.data import FRAMES, from_dots, to_dots
from core.lessons.bagging.lesson import BAGS, LEAST, POINTS, SHARES, Config, Result, Stats
from core.lessons.bagging.lesson import FRAMES as AT
from core.lessons.bagging.members import NET_RATE, NET_STEPS, bags, counts, plant, train_nets
from core.uploads import Points
from examples import bagging as example

SHORT: dict[str, Any] = dict(members=6, sets=6, n_train=20)
whole = lru_cache(maxsize=16)(lesson.run)


def stats(result: Result) -> Stats:
    assert result.stats is not None
    return result.stats


@pytest.mark.parametrize("problem", ["curve", "two_moons"])
def test_trees_are_scikit_learns_on_weighted_samples(problem: str):
    drawn = data.of_problem(problem, 1, 40, 0.3, 5, ()).drawn
    bag = bags(6, 40, 1.0, torch.Generator().manual_seed(1))
    grown = plant(drawn.x.expand(6, -1, -1), drawn.y.expand(6, -1), bag, 3)
    fresh = torch.rand(len(drawn.x), 300, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for k, weight in enumerate(counts(bag, 40).numpy()):
        # Of equal splits theirs takes one by chance: ours is one of theirs.
        theirs = [DecisionTreeRegressor(max_depth=3, random_state=s).fit(drawn.x.numpy().T, drawn.y.numpy(), weight)
                  for s in range(12)]
        apart = [np.abs(tree.predict(fresh.numpy().T) - grown.predict(fresh)[k].numpy()).max() for tree in theirs]
        assert min(apart) < 1e-9


@pytest.mark.parametrize("classes", [False, True])
def test_nets_are_torchs_on_the_bag_itself(classes: bool):
    drawn = data.of_problem("two_moons" if classes else "curve", 1, 30, 0.3, 5, ()).drawn
    bag = bags(2, 30, 0.3, torch.Generator().manual_seed(1))
    seeds = torch.tensor([3, 4])
    *_, nets = train_nets(drawn.x.expand(2, -1, -1), drawn.y.expand(2, -1), bag, 4, classes, seeds)
    mlp = MLP((len(drawn.x), 4, 1), "tanh")
    start = mlp.init(generators(seeds.tolist()))
    for k in range(2):
        net = nn.Sequential(nn.Linear(len(drawn.x), 4), nn.Tanh(), nn.Linear(4, 1))
        with torch.no_grad():
            for layer, view in zip((net[0], net[2]), mlp.views(start), strict=True):
                layer.weight.copy_(view.weight[k])
                layer.bias.copy_(view.bias[k, :, 0])
        inputs = (drawn.x.T if classes else 4 * drawn.x.T - 2).float()
        optimiser = torch.optim.Adam(net.parameters(), lr=NET_RATE)
        loss = nn.BCEWithLogitsLoss() if classes else nn.MSELoss()
        for _ in range(NET_STEPS):
            optimiser.zero_grad()
            loss(net(inputs[bag[k]])[:, 0], drawn.y[bag[k]].float()).backward()
            optimiser.step()
        out = net(inputs)[:, 0].detach()
        np.testing.assert_allclose(nets.predict(drawn.x)[k], out.sigmoid() if classes else out, atol=2e-2)


def test_statistics_are_those_of_trees_grown_one_by_one():
    """Everything again with scikit-learn's trees, from the same training sets and bags. Variances are means over as many groups
    of six as there are among the trees that are measured; errors are those of the first six."""
    config = Config(members=6, sets=6, n_train=30, depth=3, bag="third", seed=4)
    made = data.of_problem("curve", 6, 30, config.noise, 4, ())
    found, at = stats(whole(config)), made.asked.numpy().T
    said, tested, outside = [], [], []
    for t in range(6):
        rows = bags(128, 30, SHARES["third"], data.generator(4, 320 + t + 1))[: lesson.MEASURED]
        x, y, test = made.sets.x[t].numpy().T, made.sets.y[t].numpy(), made.tests.x[t].numpy().T
        trees = [DecisionTreeRegressor(max_depth=3).fit(x, y, w) for w in counts(rows, 30).numpy()]
        said.append([tree.predict(at) for tree in trees])
        tested.append(np.mean((np.mean([tree.predict(test) for tree in trees[:6]], 0) - made.tests.y[t].numpy()) ** 2))
        pairs = list(zip(trees[:6], rows.tolist()[:6], strict=True))
        out = [[tree.predict(x[[i]])[0] for tree, row in pairs if i not in row] for i in range(30)]
        outside.append(np.mean([(mean(each) - y[i]) ** 2 for i, each in enumerate(out) if each]))
    h, values = list(BAGS).index("third"), np.array(said)
    average = np.stack([values[:, m : m + 6].mean(1) for m in range(0, lesson.MEASURED - 5, 6)], 1)
    assert float(found.variance[h, -1]) == pytest.approx(average.var(0, ddof=1).mean(), rel=1e-9)
    assert float(found.sigma2[h]) == pytest.approx(values.var(0, ddof=1).mean(), rel=1e-9)
    truth = np.sin(2 * np.pi * at[:, 0])
    assert float(found.error[h, -1]) == pytest.approx(((average - truth) ** 2).mean(), rel=1e-6)
    assert found.test[:, -1].tolist() == pytest.approx(tested, rel=1e-9)
    assert found.out_of_bag[:, -1].tolist() == pytest.approx(outside, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_averaging_takes_variance_and_leaves_bias(seed: int):
    result = whole(Config(seed=seed, learner="stump"))
    found, h = stats(result), result.home
    assert found.variance[h, -1] < 0.7 * found.variance[h, 0]
    assert float(found.bias[h, -1]) == pytest.approx(float(found.bias[h, 0]), rel=0.2)
    for w in range(len(BAGS)):
        theory = measure.variance_of_mean(found.rho[w], found.sigma2[w], result.frames)
        np.testing.assert_allclose(found.variance[w], theory, rtol=0.2)
        assert float(found.variance[w, -1]) == pytest.approx(float(theory[-1]), rel=1e-9)
        if w < 3:
            assert found.variance[w, -1] > 1.5 * found.sigma2[w] / 64, "not σ²/M"
    assert found.rho.diff().min() > 0, "larger bags are more alike"
    assert float(found.rho[-1]) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("values", [dict(problem="two_moons", members=2), dict(learner="stump", members=3, sets=6),
                                    dict(members=9, depth=5, n_train=20), dict(learner="net", members=1, sets=6, n_train=20)])
def test_correlations_are_possible_ones_however_few_members_are_averaged(values: dict[str, Any], seed: int):
    few = stats(whole(Config(seed=seed, **values)))
    many = stats(whole(Config(seed=seed, **{**values, "members": lesson.MEASURED})))
    assert torch.equal(few.rho, many.rho) and torch.equal(few.sigma2, many.sigma2), "how many are averaged changes neither"
    assert (few.rho >= 0).all() and (few.rho <= 1).all()
    M = values["members"]
    theory = measure.variance_of_mean(few.rho, few.sigma2, torch.tensor(M))
    np.testing.assert_allclose(few.variance[:, -1], theory, rtol=0.15)
    assert (few.variance[:, -1] > 0.95 * few.sigma2 / M).all(), "less than that would need members that avoid each other"


@pytest.mark.parametrize("problem", ["curve", "two_moons"])
def test_out_of_bag_stands_beside_the_test_error(problem: str):
    """In the mean of five seeds within 15 %, and at each within four standard errors of the two."""
    pairs = []
    for seed in range(5):
        found = stats(whole(Config(seed=seed, problem=problem)))
        each = [values[:, -1] for values in (found.out_of_bag, found.test)]
        pairs.append([float(values.mean()) for values in each])
        assert abs(pairs[-1][0] - pairs[-1][1]) < 4 * sum(float(v.var()) / 16 for v in each) ** 0.5
    outside, test = (mean(values) for values in zip(*pairs, strict=True))
    assert outside == pytest.approx(test, rel=0.15)


def test_weights_are_chosen_by_data_that_train_no_member():
    for seed in range(5):
        made = data.of_problem("curve", 3, 30, 0.3, seed, ())
        for t in range(3):
            assert not torch.isin(made.held_out.x[t], made.sets.x[t]).any()
            assert not torch.isin(made.tests.x[t], torch.cat([made.held_out.x[t], made.sets.x[t]], 1)).any()
        found = stats(whole(Config(seed=seed)))
        votes = dict(zip(found.arms, found.votes.mean(1).tolist(), strict=True))
        assert votes["weighted"] < votes["fitted"], "weights of the training set favour what knows it by heart"
        assert found.weights.min() >= 0 and torch.allclose(found.weights.sum(1), torch.ones(16).double())


def test_only_held_out_samples_choose_the_weights(monkeypatch: pytest.MonkeyPatch):
    """Other test samples change no weight, other held-out ones do; the weights for comparison are those of the training set."""
    plain, made = stats(whole(Config(**SHORT))), data.of_problem
    fitted = plain.arms.index("fitted")
    for part, same in (("tests", True), ("held_out", False)):
        def other(*about: Any, part: str = part) -> data.Data:
            drawn = made(*about)
            return drawn._replace(**{part: getattr(drawn, part)._replace(y=-getattr(drawn, part).y)})

        monkeypatch.setattr(data, "of_problem", other)
        found = stats(lesson.run(Config(**SHORT)))
        assert torch.equal(found.weights, plain.weights) == same, part
        assert torch.equal(found.votes[fitted], plain.votes[fitted]) == (part == "held_out")


def test_members_and_training_sets_do_not_depend_on_how_many_there_are():
    few, many = whole(Config(**SHORT)), whole(Config(**{**SHORT, "members": 12}))
    assert torch.equal(few.said, many.said[:6]) and torch.equal(few.distinct, many.distinct[:6])
    assert stats(few).test[:, -1].equal(stats(many).test[:, list(AT).index(6)])
    more = whole(Config(**{**SHORT, "sets": 8}))
    assert torch.equal(stats(few).test, stats(more).test[:6])


def test_partial_results_show_the_members_first():
    for learner in ("tree", "net"):
        results = list(lesson.steps(Config(**SHORT, learner=learner)))
        assert results[0].stats is None and results[-1].done and all(not r.done for r in results[:-1])
        assert results[-2].said.equal(results[-1].said)


def test_one_member_and_its_average_are_one():
    result = whole(Config(**{**SHORT, "members": 1}))
    assert result.frames.tolist() == [1] and lesson.averages(result)[0].equal(result.said[0])
    assert not lesson.disagreement(result).any()
    votes = stats(result).votes
    np.testing.assert_allclose(votes[1:], votes[:1].expand(3, -1), rtol=1e-9)


def test_averages_and_disagreement_are_numpys():
    result = whole(Config(**SHORT, problem="circles"))
    for f, m in enumerate(result.frames.tolist()):
        part = result.said[:m].double().numpy()
        np.testing.assert_allclose(lesson.averages(result)[f], part.mean(0), atol=1e-6)
        np.testing.assert_allclose(lesson.disagreement(result)[f], part.std(0), atol=1e-6)


@pytest.mark.parametrize("problem", ["two_moons", "circles"])
def test_the_truth_is_bayes_rule_by_quadrature(problem: str):
    x = torch.tensor([[0.4, -1.0, 1.2], [0.3, 0.2, -0.4]], dtype=torch.float64)

    def density(a: float, b: float, ring: Any, end: float) -> float:
        return quad(lambda t: np.exp(-((a - ring(t)[0]) ** 2 + (b - ring(t)[1]) ** 2) / 0.18), 0, end, limit=200)[0] / end

    outer = lambda t: (np.cos(t), np.sin(t))  # noqa: E731
    inner = (lambda t: (1 - np.cos(t), 0.5 - np.sin(t))) if problem == "two_moons" else (lambda t: (np.cos(t) / 2, np.sin(t) / 2))
    end = np.pi if problem == "two_moons" else 2 * np.pi
    for k, (a, b) in enumerate(x.T.tolist()):
        one, two = density(a, b, outer, end), density(a, b, inner, end)
        assert float(data.truth(problem, x, 0.3)[k]) == pytest.approx(two / (one + two), abs=1e-5)
    samples, y = getattr(toys, problem)(4000, 0.3, torch.Generator().manual_seed(1))
    said = data.truth(problem, samples.double(), 0.3)
    for low in (0.0, 0.25, 0.5, 0.75):  # among samples of which so many should be B, so many are
        here = (said >= low) & (said < low + 0.25)
        assert float(y[here].double().mean()) == pytest.approx(float(said[here].mean()), abs=0.06)


@pytest.mark.parametrize("problem", list(FRAMES))
def test_what_a_pad_holds_is_what_trains(problem: str):
    drawn = data.of_problem(problem, 1, 60, 0.3, 2, ()).drawn
    dots = to_dots(problem, drawn)
    again = from_dots(problem, dots)
    assert to_dots(problem, again) == dots and torch.equal(again.x, drawn.x) and torch.equal(again.y, drawn.y)
    field = "dots" if problem == "curve" else "dots_2d"
    moved = ((5, LEVELS - 1, dots[0][2]), *dots[1:], (700, 20, 0))
    scene = Config(**SHORT, problem=problem, **{field: moved})
    result, plain = whole(scene), whole(Config(**SHORT, problem=problem))
    assert len(result.y) == 61 and result.drawn and not plain.drawn
    assert result.x[0, 0] == pytest.approx(FRAMES[problem][0][0] + np.ptp(FRAMES[problem][0]) * 5 / (LEVELS - 1))
    assert not result.said.equal(plain.said)
    assert torch.equal(stats(result).rho, stats(plain).rho), "other training sets stay those of the source"


def test_a_drawing_of_too_few_points_is_refused():
    with pytest.raises(InvalidValue, match=f"at least {LEAST}"):
        Config(dots=((1, 1, 0),) * (LEAST - 1))
    for learner in ("tree", "stump", "net"):
        for bag in BAGS:
            same = replace(Config(**SHORT), learner=learner, bag=bag, dots=((500, 900, 0),) * LEAST)
            result = whole(same)
            assert result.said.isfinite().all() and result.done


def test_own_points_train_hold_out_and_test_apart():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    own = Points((rng.standard_normal((2, 80)) + 1.5 * y).astype(np.float32), y, ("no", "yes"))
    scene = Config(**SHORT, points="0" * 32)
    result = list(lesson.steps(scene, {scene.points: POINTS.pack(own)}))[-1]
    assert result.own is not None and not result.known and result.classes and result.truth.isnan().all()
    made = data.of_points(own, 6, 20, 0)
    groups = [{tuple(p) for p in part.flatten(1).T.tolist()} for part in
              (made.sets.x.movedim(1, 0), made.held_out.x[0], made.tests.x[0])]
    assert len(set.union(*groups)) == sum(map(len, groups)), "no point is in two of them"
    assert stats(result).votes[1].mean() < 0.4 and stats(result).bias.isfinite().all()


def test_the_example_tells_the_same():
    """Means over five seeds of the example, and of the lesson at its settings."""
    theirs = [example.main(seed) for seed in range(5)]
    ours = [whole(Config(seed=seed, members=32)) for seed in range(5)]
    assert mean(n["distinct"] for n in theirs) == pytest.approx(mean(float(r.distinct.mean()) for r in ours), abs=0.01)
    measured = {"rho": lambda s, h: s.rho[h], "sigma2": lambda s, h: s.sigma2[h], "average": lambda s, h: s.error[h, -1],
                "one_member": lambda s, h: s.error[h, 0], "out_of_bag": lambda s, h: s.out_of_bag[:, -1].mean()}
    for name, of in measured.items():
        assert mean(n[name] for n in theirs) == pytest.approx(mean(float(of(stats(r), r.home)) for r in ours), rel=0.15), name
    assert all(n["by_formula"] == pytest.approx(n["variance_of_average"], rel=1e-9) for n in theirs)
