"""What weight_penalties promises, to be counted over seeds."""

from __future__ import annotations

import math

import torch
from sklearn.linear_model import Lasso

from core.lessons.weight_penalties import lesson, words
from core.lessons.weight_penalties.lesson import Config, Result
from tests.promises import Promise

L1, L2 = 0, 2


def holds_at_zero_and_only_passes(result: Result, scene: Config) -> bool:
    """Every weight is 0 from its own α on under L1, by scikit-learn; under L2 it is 0 at single α alone, by a linear system."""
    problem = lesson.problem_of(scene)
    x, t = problem.x["train"][0], problem.y["train"][0, 0]
    held = result.held[L1]
    last = float(result.held[L1].max())
    for alpha in (float(held.median()), 0.7 * last):
        w = Lasso(alpha=alpha, tol=1e-12, max_iter=500_000).fit(x.T.numpy(), t.numpy()).coef_
        if not bool((torch.tensor(w)[held < alpha * (1 - 1e-6)] == 0).all()):
            return False

    def ridge(alpha: float) -> torch.Tensor:
        return torch.linalg.solve(x @ x.T / len(t) + alpha * torch.eye(len(x), dtype=x.dtype), x @ t / len(t))

    assert result.passed is not None
    passed = [(int(i), alpha) for i, alpha in result.passed.tolist()]
    return len(passed) > 0 and all(ridge(0.999 * a)[i] * ridge(1.001 * a)[i] < 0 for i, a in passed)


def one_after_another(result: Result, _: Config) -> bool:
    held = result.held[L1].tolist()
    return len(set(held)) == len(held) == 10 and math.isfinite(max(held)) and not bool((result.weights[L2] == 0).any())


def decoys_are_out(result: Result, scene: Config) -> bool:
    w = result.weights[:, scene.alpha_index]
    return w.shape[1] == 20 and bool((w[L1, 10:] == 0).all() and (w[L1, :10] != 0).any() and (w[L2, 10:] != 0).all())


def twins(result: Result, scene: Config) -> bool:
    """L1 ends with one of them; under L2 both have weight of one sign, the smaller at least a fifth of the larger."""
    assert result.pair is not None
    l1, l2 = result.pair.touch[L1, scene.alpha_index], result.pair.touch[L2, scene.alpha_index]
    return bool((l1 != 0).sum() == 1 and l2.min() > 0.2 * l2.max() > 0)


def closed_forms(result: Result, _: Config) -> bool:
    assert result.closed is not None
    return bool((result.weights - result.closed).abs().max() < 1e-8)


def cancer(result: Result, scene: Config) -> bool:
    problem = lesson.problem_of(scene)
    x = problem.x["train"][0]
    alike = ((x @ x.T / x.shape[1]).fill_diagonal_(0) > 0.95).any()
    kept = (result.weights[:, scene.alpha_index] != 0).sum(1)
    return bool(alike) and int(kept[L1]) < 10 and int(kept[L2]) == 30


def looks_away(result: Result, scene: Config) -> bool:
    first = result.weights[L1, scene.alpha_index, :80].reshape(8, 10)
    return int((first == 0).all(0).sum()) >= 2 and int((first != 0).any(1).sum()) == 1


def digits(result: Result, scene: Config) -> bool:
    w = result.weights[:, scene.alpha_index]
    return float((w[L1] == 0).double().mean()) > 0.8 and not bool((w[L2] == 0).any())


def too_strong(result: Result, scene: Config) -> bool:
    at, best = scene.alpha_index, int(result.chosen[L1])
    return bool(result.alphas[at] > result.alpha_max[L1] and (result.weights[L1, at] == 0).all()
                and result.loss["test"][L1, at] > result.loss["test"][L1, best])


def edge_is_found(result: Result, scene: Config) -> bool:
    """Just above the α at which all but three weights are held, and neither 5 % below nor 8 % above."""
    assert words.CHALLENGE.answer is not None
    edge = sorted(result.held[L1].tolist())[-words.LEFT - 1]
    met, low, high = (words.CHALLENGE.check(result, scene, words.CHALLENGE.answer.nearest(f * edge)).right
                      for f in (1.005, 0.95, 1.08))
    return met and not low and not high


PROMISES = [
    Promise(claim="title: L1 holds at zero over an interval, L2 only passes through", holds=holds_at_zero_and_only_passes),
    Promise(preset="Diamond and circle", holds=one_after_another),
    Promise(preset="Ten decoys", holds=decoys_are_out),
    Promise(preset="Twin features", holds=twins),
    Promise(preset="Orthonormal", holds=closed_forms),
    Promise(preset="Breast cancer", holds=cancer),
    Promise(preset="A small net", holds=looks_away),
    Promise(preset="Digits", holds=digits),
    Promise(preset="Too strong", holds=too_strong),
    Promise(claim="the challenge can be met", values=dict(words.CHALLENGE.scene), holds=edge_is_found),
]
