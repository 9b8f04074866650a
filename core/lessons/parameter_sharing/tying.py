"""Two tasks with weights of their own that a penalty pulls together: J_A(w_A) + J_B(w_B) + λ ‖w_A − w_B‖², λ from 0 to ∞.

J are mean losses over each task's samples. An update is a gradient step on J_A + J_B and then the exact minimiser of the tie
(a proximal step, Parikh and Boyd 2014), so that λ = ∞ is a number like any other: it makes both equal.

Shapes: T strengths, S seeds, rows of theta: T, S, then task A and task B; D inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.engine import MLP, SGD, Supervised, Trainer, cross_entropy, normals, spawn, squared, uniforms
from core.lessons.parameter_sharing.images import CONTRAST, digits, moved

SHARES = tuple(i / 20 for i in range(21))  # s: λ = unit s / (1 − s)
UNIT = {"linear": 1.0, "nets": 0.02}
SEEDS = {"linear": 10, "nets": 5}
FEW, MANY_TIMES, TEST, CHUNK = 6, 8, 300, 5
MOMENTS = (5, 10, 20, 40, 80, 160)  # updates after which the tasks are looked at, for the player
RATE, UPDATES = {"linear": 0.2, "nets": 0.05}, {"linear": 600, "nets": 240}
TRUTH_A = (1.2, 0.6)


@dataclass(frozen=True)
class Tying:
    """Both tasks after `step` updates, at each strength; test losses without noise of the test set where it is linear."""

    step: int
    problem: str
    w: Tensor  # [T, S, 2, P] weights of both tasks; none of earlier nets
    apart: Tensor  # [T, S] ‖w_A − w_B‖
    test: Tensor  # [T, S, 2] mean squared error, expected, or test error in [0, 1]
    exact: Tensor | None  # [T, S, 2, 2] closed form, where it is linear
    exact_test: Tensor | None  # [T, S, 2]
    truth: Tensor | None  # [2, 2] w* of both tasks
    before: tuple[Tying, ...] = ()  # the same after fewer updates

    @property
    def moments(self) -> tuple[Tying, ...]:
        """What the player shows, this one last."""
        return *self.before, self


def strength(share: float, unit: float) -> float:
    """λ of the slider's s: 0 at 0, `unit` in the middle, ∞ at 1."""
    return math.inf if share >= 1 else unit * share / (1 - share)


def pull_together(theta: Tensor, strength_R: Tensor, rate: float) -> None:
    """The proximal step of λ ‖w_A − w_B‖², in place: rows 2r and 2r + 1 keep their mean, their difference falls to 1/(1 + 4 ε λ).

    It minimises ‖w − v‖² / 2ε + λ ‖w_A − w_B‖² exactly; with λ = ∞ both rows are their mean, to the bit.
    """
    a, b = theta[0::2], theta[1::2]
    mean, half = (a + b) / 2, (a - b) / 2 / (1 + 4 * rate * strength_R[:, None])
    a.copy_(mean + half)
    b.copy_(mean - half)


def tied_least_squares(x_A: Tensor, y_A: Tensor, x_B: Tensor, y_B: Tensor, tie: float) -> tuple[Tensor, Tensor]:
    """The minimisers [D] of mean (y_A − w_A·x)² + mean (y_B − w_B·x)² + λ ‖w_A − w_B‖², for x [D, N] and y [N], λ ≤ ∞."""
    H_A, H_B = x_A @ x_A.T / len(y_A), x_B @ x_B.T / len(y_B)
    c_A, c_B = x_A @ y_A / len(y_A), x_B @ y_B / len(y_B)
    if math.isinf(tie):
        both = torch.linalg.solve(H_A + H_B, c_A + c_B)
        return both, both
    eye = tie * torch.eye(len(x_A), dtype=x_A.dtype)
    system = torch.cat([torch.cat([H_A + eye, -eye], 1), torch.cat([-eye, H_B + eye], 1)])
    w_A, w_B = torch.linalg.solve(system, torch.cat([c_A, c_B])).chunk(2)
    return w_A, w_B


class Pair:
    """Both tasks of a scene at all strengths."""

    def __init__(self, problem: str, distance: float, noise: float, root: Generator):
        self.problem, self.noise = problem, noise
        self.ties = torch.tensor([strength(s, UNIT[problem]) for s in SHARES], dtype=torch.float64)
        self.seeds = spawn([root] * SEEDS[problem])
        self.truth = torch.tensor([TRUTH_A, TRUTH_A], dtype=torch.float64)
        self.truth[1] += distance * torch.tensor([-0.6, 0.8], dtype=torch.float64)
        self.exact: Tensor | None = None
        self.before: list[Tying] = []
        (self._lines if problem == "linear" else self._digits)()

    def _rows(self, one: Tensor) -> Tensor:
        """Values [S, 2, ...] for each row: the same at every strength."""
        return one.expand(len(SHARES), *one.shape).reshape(-1, *one.shape[2:])

    def _lines(self) -> None:
        """Task A has MANY_TIMES as many samples as task B, each of which is repeated: means do not change."""
        few, many = FEW, FEW * MANY_TIMES
        draws = normals(self.seeds, 2, 3, many, dtype=torch.float64)
        x, e = draws[:, :, :2], draws[:, :, 2]
        x[:, 1], e[:, 1] = (part[:, 1, ..., :few].repeat_interleave(MANY_TIMES, -1) for part in (x, e))
        y = torch.einsum("td,stdn->stn", self.truth, x) + self.noise * e
        solved = [[torch.stack(tied_least_squares(x[s, 0], y[s, 0], x[s, 1], y[s, 1], float(t))) for s in range(len(x))]
                  for t in self.ties]
        self.exact = torch.stack([torch.stack(row) for row in solved])
        net = MLP(sizes=(2, 1))
        batch = self._rows(x), self._rows(y)[:, None]
        theta = torch.zeros(len(batch[0]), net.P, dtype=torch.float64)
        self._start(net, theta, squared, SGD(RATE[self.problem]), iter(lambda: batch, None), lambda t: t[:, 2:].zero_())

    def _digits(self) -> None:
        """Task B sees digits one pixel further to the left, and has few of them."""
        data = [digits(g) for g in spawn(self.seeds)]
        images = torch.stack([torch.stack([im, moved(im, -1, 0)]) for im, _ in data])[..., 2:-2, 2:-2]
        x, y = CONTRAST * images.flatten(3), torch.stack([label for _, label in data])
        self.tests = self._rows(x[:, :, -TEST:].transpose(2, 3)), self._rows(y[:, None, -TEST:].expand(-1, 2, -1))
        net = MLP(sizes=(64, 16, 10), activation="relu")
        both = net.init(self.seeds).repeat_interleave(2, 0)  # one start, so that units correspond
        theta = both.unflatten(0, (-1, 2)).expand(len(SHARES), -1, -1, -1).reshape(-1, net.P)
        self._start(net, theta, cross_entropy, SGD(RATE[self.problem], momentum=0.9), self._batches(x, y), lambda _: None)

    def _batches(self, x: Tensor, y: Tensor, size: int = 16) -> Iterator[tuple[Tensor, Tensor]]:
        """The same images for all strengths."""
        count = torch.tensor([20 * MANY_TIMES, 20])[None, :, None]
        streams, each = spawn(self.seeds), torch.arange(len(x))[:, None, None]
        while True:
            i = (uniforms(streams, 2, size) * count).long()
            picked = x[each, torch.arange(2)[:, None], i]
            yield self._rows(picked.transpose(2, 3)), self._rows(y[each, i])

    def _start(self, net: MLP, theta: Tensor, loss: object, optimiser: SGD, batches: Iterator, fix: Callable) -> None:
        tie = self.ties.to(theta.dtype).repeat_interleave(len(self.seeds))

        def project(t: Tensor) -> None:
            fix(t)
            pull_together(t, tie, RATE[self.problem])

        self.net = net
        self.trainer = Trainer(Supervised(net, loss), theta, optimiser, batches, project=project)  # type: ignore[arg-type]

    def steps(self) -> Iterator[Tying]:
        updates = UPDATES[self.problem]
        result = self._seen()
        yield result
        while self.trainer.step < updates:
            self.trainer.advance(CHUNK)
            if self.trainer.step in (*MOMENTS, updates):
                seen = self._seen()
                result = replace(seen, before=tuple(self.before))
                self.before.append(seen if self.exact is not None else replace(seen, w=seen.w[..., :0]))
            yield result

    def _losses(self, w: Tensor) -> Tensor:
        """Expected squared error of w [..., 2, 2] for inputs that are standard normal."""
        return (w - self.truth).square().sum(-1) + self.noise**2

    def _seen(self) -> Tying:
        shape = len(SHARES), len(self.seeds), 2, -1
        w = self.trainer.theta.clone().reshape(shape)
        apart = w.diff(dim=2).square().sum((2, 3)).sqrt()
        if self.exact is not None:
            w = w[..., :2].clone()
            return Tying(self.trainer.step, self.problem, w, apart, self._losses(w), self.exact, self._losses(self.exact),
                         self.truth)
        with torch.no_grad():
            x, y = self.tests
            wrong = (self.net.forward(self.trainer.theta, x).argmax(1) != y).float().mean(1).reshape(shape[:3])
        return Tying(self.trainer.step, self.problem, w, apart, wrong, None, None, None)


def distances(result: Tying) -> Tensor:
    """‖w_A − w_B‖ at each strength, mean over seeds, [T]."""
    return result.apart.mean(1)



