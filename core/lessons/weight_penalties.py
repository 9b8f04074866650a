"""L1 holds weights at zero, L2 only lets them pass through: one fit for every strength α, under three penalties at once.

Objective of a fit, J a mean over the N training samples and biases free:

    J̃(w) = J(w) + α (ρ ‖w‖₁ + (1 − ρ)/2 ‖w‖²)      ρ = 1 for L1, 0 for L2, between them the elastic net

J is 1/(2N) ‖t − Xw‖² on diabetes, the orthonormal design and the net, and the mean cross-entropy in nats on breast
cancer and digits. The lecture's ½ β Σ (t_n − wᵀφ_n)² + ½ α' wᵀw is βN J̃ with α = α'/(βN). Fits are proximal steps
(`core.proximal`), whose zeros are exact; the contrast is sub-gradient descent on |w|.

Shapes: R = 3 penalties, A strengths, P parameters, W penalised weights, D features, N samples, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core import proximal
from core.controls import Number, Refused, choice, choices, number
from core.engine import generators
from core.lesson import Scene, last
from core.lessons import weight_penalties_descents as penalty_descents
from core.lessons import weight_penalties_problem as penalised
from core.lessons import weight_penalties_zeros as between
from core.lessons.weight_penalties_pair import fit_pair
from core.lessons.weight_penalties_problem import LINEAR, SPLITS, TABLES, Problem, gone_from
from core.lessons.weight_penalties_result import NAMED, ORDER, PENALTIES, Result
from core.lessons.weight_penalties_words import at_alpha, at_zero_under_l2, first_to_go, from_where
from core.question import Amount, Challenge, Pick, Verdict
from core.words import short

PROBLEMS = {"diabetes": "Diabetes, 10 features", "cancer": "Breast cancer, 30 features", "orthonormal": "Orthonormal design",
            "net": "A small net on diabetes", "digits": "Digits, 8 × 8 pixels"}
FEATURES = {"age": "age", "sex": "sex", "bmi": "body mass index", "pressure": "blood pressure", "total": "total cholesterol",
            "ldl": "LDL cholesterol", "hdl": "HDL cholesterol", "tch": "TCH ratio", "triglycerides": "log triglycerides",
            "sugar": "blood sugar"}
CANCER_PAIR = ("worst concave points", "worst texture")
# The features among which a reader predicts.
ASKED = {"diabetes": ("age", "blood pressure", "blood sugar", "body mass index", "TCH ratio"),
         "cancer": ("mean radius", "mean smoothness", "worst concave points", "worst perimeter", "worst texture")}

A = 61
DECADES = {"diabetes": (-2.5, 1), "cancer": (-2.5, 1), "orthonormal": (-2.5, 1), "net": (-3.5, 0.5), "digits": (-3.5, 0.5)}
# Proximal steps between two looks, and how many looks go by between two reports after the first.
EVERY = {"diabetes": 100, "cancer": 40, "orthonormal": 100, "net": 4, "digits": 4}
LOOKS = 3
SHARE_AT = A // 3  # the strength at which a net's zeros are asked for
LEFT = 3  # weights that the challenge wants left


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("diabetes", options=PROBLEMS, label="What is fitted", help="Each is fitted at 61 strengths α at once.")
    penalties: tuple[str, ...] = choices(("l1", "l2"), options=PENALTIES, label="Penalties", view=True)
    first: str = choice("bmi", options=FEATURES, label="Horizontal feature", when=("problem", ("diabetes",)),
                        help="The map of two weights fits these two features alone.")
    second: str = choice("sugar", options=FEATURES, label="Vertical feature", when=("problem", ("diabetes",)))
    alpha_index: int = number(32, low=0, high=A - 1, step=1, label="Strength α", view=True, hidden=True)
    l1_ratio: float = number(0.5, low=0.1, high=0.9, step=0.1, label="Elastic net's part of L1, ρ", more=True)
    train_size: int = number(60, low=40, high=200, step=10, label="Training samples N", more=True)
    decoys: int = number(0, low=0, high=20, step=1, label="Added features of pure noise", more=True, when=("problem", TABLES),
                         help="Columns of random numbers that have nothing to do with the target.")
    step: float = number(0.5, low=0.1, high=1.0, step=0.1, label="Plain step ε·L", more=True, when=("problem", LINEAR),
                         help="Step of the plain descents as a part of 1/L, L the largest curvature of J.")

    def rules(self) -> None:
        if self.problem == "diabetes" and self.first == self.second:
            raise Refused("second", "the two axes need two different features")


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
    result = fit = None
    for look, fit in enumerate(fits):
        if look % LOOKS == 0:
            yield replace(result := _result(config, problem, fit), pair=pair)
    assert result is not None and fit is not None
    if result.iteration < fit.iteration:
        result = _result(config, problem, fit)
    result = replace(result, pair=pair)
    if exact:
        held = [between.held_from(problem, result.theta[k], alphas, part) for k, part in enumerate((1.0, config.l1_ratio))]
        result = replace(result, held=torch.stack([*held, result.held[2]]),
                         passed=between.passages(problem, result.theta[2], alphas))
        watched = result.order()[0]
        yield replace(result, plain=penalty_descents.plain_linear(problem, alphas, config.step, config.seed + 2000, watched),
                      adam=penalty_descents.adam(problem, alphas, result.theta[2]))
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


def seen(result: Result, config: Config) -> str:
    """What there is to see at this α and over all of them, computed from the run."""
    at, W = config.alpha_index, result.weights.shape[-1]
    text = f"At α = {result.alphas[at]:.3g}: "
    text += "; ".join(at_alpha(result, p, at) for p in PENALTIES if p in config.penalties) + "."
    text += f" {at_zero_under_l2(result, '**L2**')}"
    if result.problem in LINEAR:
        text += first_to_go(result)
    else:
        text += (f" After {result.iteration} proximal steps the largest slope of the objective left is "
                 f"{short(result.residual.max())}.")
    best = [f"{PENALTIES[p]} α = {result.alphas[c]:.3g} (test loss {short(result.loss['test'][k, c], 3)})"
            for k, p in enumerate(PENALTIES) if p in config.penalties for c in [int(result.chosen[k])]]
    text += f" Of the {A} strengths fitted, validation chooses for {' and for '.join(best)}."
    if result.plain is not None:
        text += (f" Sub-gradient steps on |w| leave {int((result.plain.weights[at] == 0).sum())} of {W} weights at exactly zero, "
                 f"proximal steps {int(result.zeros[0, at])}.")
    return text


def predict(result: Result, config: Config) -> Pick | Amount:
    """Which weight goes first or lasts longest, where weights have names; otherwise what the penalty does to them all."""
    penalty = next(p for p in PENALTIES if p in config.penalties)
    if penalty != "l2" and config.problem in ASKED:
        return _ask_order(result, config, penalty)
    if penalty != "l2" and config.problem not in LINEAR:
        return _ask_share(result, penalty)
    return _ask_threshold(result) if penalty == "l1" else _ask_ever(result, penalty)


def _ask_order(result: Result, config: Config, penalty: str) -> Pick:
    """The first to be held at zero, or on breast cancer, where many of them are gone at once, the last."""
    by, held = NAMED[penalty], dict(zip(result.names, result.held[ORDER.index(penalty)].tolist(), strict=True))
    options = {name: name[0].upper() + name[1:] for name in ASKED[config.problem]}
    when = {name: held[name] for name in options}
    first = config.problem == "diabetes"
    pick = min if first else max
    if config.decoys:
        options["noise"] = "A column of noise"
        when["noise"] = pick(at for name, at in held.items() if name.startswith("noise "))
    extreme = pick(when.values())
    told = [f"{name} {from_where(result, at)}" for name, at in sorted(when.items(), key=lambda item: item[1])]
    end = "is the first to stay at zero" if first else "is the last to go"
    return Pick(text=f"As α grows, {by} brings weights to exactly zero and holds them there. Which of these {end}? And does L2 "
                "hold any?", options=options,
                right=tuple(name for name, at in when.items() if at == extreme),
                why=f"Held at zero by {by}: {', '.join(told)}. {at_zero_under_l2(result)}")


def _ask_threshold(result: Result) -> Pick:
    """On an orthonormal design, where the soft threshold says it."""
    largest = int(result.weights[0, 0].abs().argmax())
    free, held, name = float(result.alpha_max[0]), float(result.held[0, largest]), result.names[largest]
    places = {"half": free / 2, "same": free, "double": 2 * free}
    # On the way there `held` is one of the strengths, which are 14 % apart.
    right = [key for key, at in places.items() if at * (1 - 1e-9) <= held < 1.2 * at]
    return Pick(text=f"Without penalty the weight {name} has size {free:.2f}, and the features are orthonormal. From which α on "
                "does L1 hold it at exactly zero?", right=tuple(right) or ("never",),
                options={**{key: f"α = {at:.2f}" for key, at in places.items()}, "never": "It never does"},
                why=f"L1 takes α off the size of every weight, so {name} is zero from α = {short(free, 3)} on; L2 divides by "
                f"1 + α and leaves {short(result.weights[2, -1, largest].abs())} of it at α = {short(result.alphas[-1])}.")


def _ask_share(result: Result, penalty: str) -> Amount:
    """How many of a net's or the digits' weights are zero a third of the way up the range."""
    at, W, by = SHARE_AT, result.weights.shape[-1], NAMED[penalty]
    count = int(result.zeros[ORDER.index(penalty), at])
    return Amount(text=f"{W} weights are fitted under {by} with α = {short(result.alphas[at])}. How many in a hundred are "
                  "exactly zero?", low=0, high=100, step=1, truth=100 * count / W, within=10, unit=" %",
                  why=f"There {by} has {count} of {W} weights at exactly 0, L2 {int(result.zeros[2, at])}.")


def _ask_ever(result: Result, penalty: str) -> Pick:
    k, W, by = ORDER.index(penalty), result.weights.shape[-1], NAMED[penalty]
    held = int(result.held[k].isfinite().sum())
    low, high = (short(a) for a in result.alphas[[0, -1]])
    says = (at_zero_under_l2(result) if penalty == "l2" else
            f"{by[0].upper()}{by[1:]} holds {held} of {W} weights at exactly zero at α = {high}, where the largest has size "
            f"{short(result.weights[k, -1].abs().max())}.")
    asked = (f"does {by} bring to exactly zero and hold there" if result.problem in LINEAR else
             f"do proximal steps under {by} make exactly zero")
    return Pick(text=f"α grows from {low} to {high}. How many of the {W} weights {asked}?",
                options={"none": "Not one", "some": "Some of them", "all": "All of them"},
                right=("none" if held == 0 else "all" if held == W else "some",), why=says)


def _edge(_: Result, config: Config, answer: float) -> Verdict:
    """Fits the scene's data at the answer and at 0.98 times it, and counts what is left."""
    if config.problem not in LINEAR:
        return Verdict(False, "Here weights are those of a net or of ten digits; choose a problem with one weight a feature.")
    weights = problem_of(config).lasso(torch.tensor([answer, 0.98 * answer], dtype=torch.float64))
    here, below = (weights != 0).sum(1).tolist()
    words = f"At α = {answer:.4g} L1 keeps {here} of {weights.shape[1]} weights, at 0.98 times that {below}."
    if here > LEFT:
        return Verdict(False, f"{words} Too many are left: go to a larger α.")
    return Verdict(below > LEFT, words if below > LEFT else f"{words} The edge lies at a smaller α.")


CHALLENGE = Challenge(
    text=f"Its own scene has ten features and ten columns of noise. Find the edge at which L1 is down to {LEFT} weights: an α at "
    f"which it keeps at most {LEFT}, while at 0.98 α it keeps more.",
    check=_edge, answer=Number(low=0.001, high=3.0, step=0.0005, label="Strength α"), scene=dict(decoys=10, train_size=150),
)
