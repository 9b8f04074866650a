"""L1 holds weights at zero, L2 only lets them pass through: one fit for every strength α, under three penalties at once.

Objective of a fit, J a mean over the N training samples and biases free:

    J̃(w) = J(w) + α (ρ ‖w‖₁ + (1 − ρ)/2 ‖w‖²)      ρ = 1 for L1, 0 for L2, between them the elastic net

J is 1/(2N) ‖t − Xw‖² on diabetes, the orthonormal design and the net, and the mean cross-entropy in nats on breast
cancer and digits. The lecture's ½ β Σ (t_n − wᵀφ_n)² + ½ α' wᵀw is βN J̃ with α = α'/(βN). Fits are proximal steps
(`proximal`), whose zeros are exact; the contrast is sub-gradient descent on |w|.

Shapes: R = 3 penalties, A strengths, P parameters, W penalised weights, D features, N samples, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.controls import InvalidValue, choice, choices, number
from core.engine import generators
from core.lesson import Scene, last
from core.lessons.weight_penalties import descents as penalty_descents
from core.lessons.weight_penalties import problem as penalised
from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties import zeros as between
from core.lessons.weight_penalties.pair import fit_pair
from core.lessons.weight_penalties.problem import LINEAR, SPLITS, TABLES, Problem, gone_from
from core.lessons.weight_penalties.result import PENALTIES, Result

PROBLEMS = {"diabetes": "Diabetes, 10 features", "cancer": "Breast cancer, 30 features", "orthonormal": "Orthonormal design",
            "net": "A small net on diabetes", "digits": "Digits, 8 × 8 pixels"}
FEATURES = {"age": "age", "sex": "sex", "bmi": "body mass index", "pressure": "blood pressure", "total": "total cholesterol",
            "ldl": "LDL cholesterol", "hdl": "HDL cholesterol", "tch": "TCH ratio", "triglycerides": "log triglycerides",
            "sugar": "blood sugar"}
CANCER_PAIR = ("worst concave points", "worst texture")

A = 61
DECADES = {"diabetes": (-2.5, 1), "cancer": (-2.5, 1), "orthonormal": (-2.5, 1), "net": (-3.5, 0.5), "digits": (-3.5, 0.5)}
# Proximal steps between two looks, and how many looks go by between two reports after the first.
EVERY = {"diabetes": 100, "cancer": 40, "orthonormal": 100, "net": 4, "digits": 4}
LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("diabetes", options=PROBLEMS, label="What is fitted",
                          help="Each is fitted at 61 penalty strengths α at once.")
    penalties: tuple[str, ...] = choices(("l1", "l2"), options=PENALTIES, label="Penalties", view=True)
    first: str = choice("bmi", options=FEATURES, label="Horizontal feature", when=("problem", ("diabetes",)),
                        help="The map of two weights fits these two features alone.")
    second: str = choice("sugar", options=FEATURES, label="Vertical feature", when=("problem", ("diabetes",)))
    alpha_index: int = number(32, low=0, high=A - 1, step=1, label="Penalty strength α", view=True, hidden=True)
    l1_ratio: float = number(0.5, low=0.1, high=0.9, step=0.1, label="Elastic net's part of L1, ρ", more=True)
    train_size: int = number(60, low=40, high=200, step=10, label="Training samples N", more=True)
    decoys: int = number(0, low=0, high=20, step=1, label="Added features of pure noise", more=True, when=("problem", TABLES),
                         help="Columns of random numbers that have nothing to do with the target.")
    step: float = number(0.5, low=0.1, high=1.0, step=0.1, label="Plain step ε·L", more=True, when=("problem", LINEAR),
                         help="Step of the plain descents as a part of 1/L, L the largest curvature of J.")

    def rules(self) -> None:
        if self.problem == "diabetes" and self.first == self.second:
            raise InvalidValue("second", "the two axes need two different features")


def strengths(problem: str) -> Tensor:
    """The A values of α, evenly spaced in their logarithm."""
    low, high = DECADES[problem]
    return torch.logspace(low, high, A, dtype=torch.float64)


def problem_of(config: Config) -> Problem:
    """The scene's data, split by its seed and scaled by its training part."""
    return penalised.problem(config.problem, seed=config.seed, train_size=config.train_size, decoys=config.decoys)


def rows_of(config: Config, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """l1 and l2 [R·A, 1] of every row, in the order of PENALTIES."""
    alphas = strengths(config.problem).to(dtype)
    part = torch.tensor([1.0, config.l1_ratio, 0.0], dtype=dtype)[:, None]
    return (part * alphas).reshape(-1, 1), ((1 - part) * alphas).reshape(-1, 1)


def steps(config: Config) -> Iterator[Result]:
    """The fits at every α, reported while they converge; what hangs on them comes last."""
    problem = problem_of(config)
    mlp, dtype = problem.mlp, problem.x["train"].dtype
    l1, l2 = rows_of(config, dtype)
    start = torch.zeros(len(l1), mlp.P, dtype=dtype)
    if mlp.hidden:
        start += mlp.init(generators([config.seed]), dtype=dtype)
    exact, alphas = config.problem in LINEAR, strengths(config.problem)
    fits = proximal.fista(problem.gradient(), problem.curvature(), start, l1, l2, penalised=problem.mask,
                          tolerance=1e-9 if exact else 1e-4, most=20_000 if exact else 360, every=EVERY[config.problem])
    pair = fit_pair(problem, _names(config, problem), l1, l2) if exact else None
    result = shown = fit = None
    for look, fit in enumerate(fits):
        if look % LOOKS == 0:
            result = _result(config, problem, fit)
            shown = replace(result, pair=pair)
            yield shown
    assert result is not None and shown is not None and fit is not None
    if result.iteration < fit.iteration:
        result = _result(config, problem, fit)
    result = replace(result, pair=pair)
    if exact:
        # `shown` is yielded again, as a pause, until all is there.
        ends, held = result.theta, list(result.held)
        for k, part in enumerate((1.0, config.l1_ratio)):
            for found in between.held_from(problem, ends[k], alphas, part):
                held[k] = found
                yield shown
        result = replace(result, held=torch.stack(held), passed=between.passages(problem, ends[2], alphas))
        yield shown
        for plain in penalty_descents.plain_linear(problem, alphas, config.step, config.seed + 2000, result.order()[0]):
            result = replace(result, plain=plain)
            yield shown
        yield replace(result, adam=penalty_descents.adam(problem, alphas, ends[2]))
    else:
        for plain in penalty_descents.plain(problem, start[:A], alphas, config.seed):
            yield replace(result, plain=plain)


def run(config: Config) -> Result:
    return last(steps(config))


def _result(config: Config, problem: Problem, fit: proximal.Fit) -> Result:
    mlp, free = problem.mlp, problem.mask > 0
    loss = {s: problem.loss.value(mlp.forward(fit.w, problem.x[s]), problem.y[s]).reshape(3, A) for s in SPLITS}
    weights = fit.w[:, free].reshape(3, A, -1)
    top = problem.alpha_max()
    l1, l2 = (v.reshape(3, A) for v in rows_of(config, fit.w.dtype))
    closed = None
    if config.problem == "orthonormal":
        moment = problem.design.T[:-1] @ problem.y["train"][0, 0] / len(problem.design)
        closed = proximal.proximal_map(moment.expand(3, A, -1), l1[..., None], l2[..., None])
    return Result(
        problem=config.problem, names=problem.names, alphas=strengths(config.problem), iteration=fit.iteration,
        theta=fit.w.reshape(3, A, -1), weights=weights, slopes=problem.gradient()(fit.w)[:, free].reshape(3, A, -1),
        residual=fit.residual.reshape(3, A), loss=loss, zeros=(weights == 0).sum(-1),
        objective=loss["train"] + l1 * weights.abs().sum(-1) + l2 / 2 * weights.square().sum(-1),
        chosen=loss["validation"].argmin(1), closed=closed, pixels=problem.pixels,
        held=torch.tensor([[*strengths(config.problem).tolist(), float("inf")][i] for path in weights for i in gone_from(path)],
                          dtype=torch.float64).reshape(3, -1),
        alpha_max=torch.tensor([top, top / config.l1_ratio, float("nan") if mlp.hidden else float("inf")], dtype=torch.float64),
    )


def _names(config: Config, problem: Problem) -> tuple[str, str]:
    """The two features of the map."""
    if config.problem == "diabetes":
        return FEATURES[config.first], FEATURES[config.second]
    return CANCER_PAIR if config.problem == "cancer" else (problem.names[0], problem.names[1])


PART = {"l1": 1.0, "l2": 0.0}  # of L1 in the penalty; the elastic net's is the scene's


def part(penalty: str, scene: Config) -> float:
    return PART.get(penalty, scene.l1_ratio)
