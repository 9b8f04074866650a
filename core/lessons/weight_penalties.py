"""L1 switches weights off, L2 only turns them down: one fit for every strength α, under three penalties at once.

Objective of a fit, J a mean over the N training samples and biases free:

    J̃(w) = J(w) + α (ρ ‖w‖₁ + (1 − ρ)/2 ‖w‖²)      ρ = 1 for L1, 0 for L2, between them the elastic net

J is 1/(2N) ‖t − Xw‖² on diabetes, the orthonormal design and the net, and the mean cross-entropy in nats on breast
cancer and digits. The lecture's ½ β Σ (t_n − wᵀφ_n)² + ½ α' wᵀw is βN J̃ with α = α'/(βN). Fits are proximal steps
(`core.proximal`), whose zeros are exact; the contrast is sub-gradient descent on |w|.

Shapes: R = 3 penalties, A strengths, P parameters, W penalised weights, D features, N samples, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core import proximal
from core.data import real
from core.engine import L1, L2, MLP, SGD, Adam, AdamW, Loss, binary_cross_entropy, cross_entropy, generators, gradient, train
from core.lesson import Refused, Scene, choice, choices, last, number

PROBLEMS = {"diabetes": "Diabetes, 10 features", "cancer": "Breast cancer, 30 features", "orthonormal": "Orthonormal design",
            "net": "A small net on diabetes", "digits": "Digits, 8 × 8 pixels"}
LINEAR = ("diabetes", "cancer", "orthonormal")  # one weight a feature
GAUSSIAN = ("diabetes", "orthonormal")  # linear, with a squared loss
TABLES = ("diabetes", "cancer", "net")
PENALTIES = {"l1": "L1", "elastic": "Elastic net", "l2": "L2"}
FEATURES = {"age": "age", "sex": "sex", "bmi": "body mass index", "pressure": "blood pressure", "total": "total cholesterol",
            "ldl": "LDL cholesterol", "hdl": "HDL cholesterol", "tch": "TCH ratio", "triglycerides": "log triglycerides",
            "sugar": "blood sugar"}
CANCER_PAIR = ("worst concave points", "worst texture")
SPLITS = ("train", "validation", "test")

A = 61
DECADES = {"diabetes": (-2.5, 1), "cancer": (-2.5, 1), "orthonormal": (-2.5, 1), "net": (-3.5, 0.5), "digits": (-3.5, 0.5)}
ORTHONORMAL_WEIGHTS = (1.0, -0.8, 0.6, -0.45, 0.3, 0.2, -0.1, 0.05, 0.0, 0.0)
NET, NET_RATE = (8,), 0.05
HELD_OUT = 120  # for validation; on digits 300, and as many for the test
PLAIN_STEPS = 200  # on rows of features; on the net and the digits a half more
ADAM_STEPS, ADAM_RATE = 400, 0.01
NEVER = -1

half_squared = Loss(lambda out, y: (out - y).square().mean((1, 2)) / 2, lambda out, y: (out - y) / (out.shape[1] * out.shape[2]),
                    name="half squared error")


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("diabetes", options=PROBLEMS, label="What is fitted", help="Each is fitted at 61 strengths α at once.")
    penalties: tuple[str, ...] = choices(("l1", "l2"), options=PENALTIES, label="Penalties", view=True)
    first: str = choice("bmi", options=FEATURES, label="Horizontal feature", when=("problem", ("diabetes",)),
                        help="The map of two weights fits these two features alone.")
    second: str = choice("sugar", options=FEATURES, label="Vertical feature", when=("problem", ("diabetes",)))
    guess: str = choice("none", options={"none": "No guess yet", **FEATURES, "l2": "None, whichever the penalty"}, view=True,
                        label="Your guess: which weight does L1 switch off first?", when=("problem", ("diabetes",)),
                        help="Then read the verdict below the pictures.")
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


@dataclass(frozen=True)
class Pair:
    """The fit of two features alone, which can be drawn.

    x [Gx] and y [Gy] of the two weights, loss [Gy, Gx] at the bias that suits each point best; free [2] and free_loss: the
    fit without penalty; touch [R, A, 2] and level [R, A]: the penalised fits and J there. alone: the moment c = xᵀt/N of
    the first feature, for the posterior of its weight alone, and precision: β, one over the variance of t about that fit;
    NaN where the noise is not Gaussian. samples: N.
    """

    names: tuple[str, str]
    x: Tensor
    y: Tensor
    loss: Tensor
    free: Tensor
    free_loss: float
    touch: Tensor
    level: Tensor
    alone: float
    precision: float
    samples: int


@dataclass(frozen=True)
class Plain:
    """Sub-gradient descent on L1 at every α: weights [A, W] at the end; where features have one weight each also the
    course [T+1, A] of one weight (`watched`) under it and under proximal steps of the same size from the same start."""

    weights: Tensor
    watched: int = NEVER
    subgradient: Tensor | None = None
    proximal: Tensor | None = None
    rate: float = 0.0


@dataclass(frozen=True)
class Result:
    """Fits so far, in the order of PENALTIES. theta [R, A, P]; weights and slopes (∂J) [R, A, W]; residual [R, A]: the
    largest slope of J̃ left.

    loss and error: split -> [R, A], error (0–1) only for classes; objective [R, A]: J̃ on the training part; zeros [R, A]:
    exact ones; chosen [R]: index of the α of least validation loss. alpha_max [R]: from there on all weights are zero, by
    the closed form (inf for L2, NaN where there is none); closed [R, A, W]: the path in closed form, where there is one.
    adam: name -> [A], the distance ‖w − ŵ‖/‖ŵ‖ to the L2 fit. pixels: which of the 64 pixels are in use, for digits.
    """

    problem: str
    names: tuple[str, ...]
    alphas: Tensor
    iteration: int
    theta: Tensor
    weights: Tensor
    slopes: Tensor
    residual: Tensor
    loss: dict[str, Tensor]
    error: dict[str, Tensor]
    objective: Tensor
    zeros: Tensor
    chosen: Tensor
    alpha_max: Tensor
    closed: Tensor | None = None
    pair: Pair | None = None
    plain: Plain | None = None
    adam: dict[str, Tensor] = field(default_factory=dict)
    pixels: Tensor | None = None


@dataclass(frozen=True)
class Problem:
    """Data and model of one scene: x [1, D, n] and y as the loss takes them, by split."""

    mlp: MLP
    loss: Loss
    names: tuple[str, ...]
    x: dict[str, Tensor]
    y: dict[str, Tensor]
    pixels: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        return self.mlp.weight_mask(self.x["train"].dtype)

    @property
    def design(self) -> Tensor:
        """[N, D + 1], the last column all ones: the bias is the last parameter of a model without hidden layers."""
        x = self.x["train"][0].T
        return torch.cat([x, torch.ones_like(x[:, :1])], 1)

    def curvature(self) -> float:
        """An upper bound on the largest curvature of J; on the net, what 1/ε stands for."""
        if self.mlp.hidden:
            return 1 / NET_RATE
        top = float(torch.linalg.eigvalsh(self.design.T @ self.design / len(self.design))[-1])
        return top * {"half squared error": 1, "binary cross-entropy": 0.25, "cross-entropy": 0.5}[self.loss.name]

    def gradient(self) -> proximal.Gradient:
        """∂J of rows; by Gram matrix or design where that is all there is to it."""
        x, y, loss = self.x["train"], self.y["train"], self.loss
        if self.mlp.hidden or loss is cross_entropy:
            return lambda w: gradient(self.mlp, w, x, y, loss)[1]
        design, t = self.design, y[0, 0]
        if loss is half_squared:
            gram, moment = design.T @ design / len(t), design.T @ t / len(t)
            return lambda w: torch.addmm(-moment, w, gram)
        return lambda w: (torch.sigmoid(w @ design.T) - t) @ design / len(t)

    def alpha_max(self) -> float:
        """The largest |∂J/∂w| at w = 0 and the best bias: the L1 strength from which on all weights are zero."""
        if self.mlp.hidden:
            return float("nan")
        x, y = self.x["train"][0], self.y["train"]
        t = torch.nn.functional.one_hot(y[0], self.mlp.sizes[-1]).T.to(x.dtype) if self.loss is cross_entropy else y[0]
        return float(((t - t.mean(1, keepdim=True)) @ x.T / x.shape[1]).abs().max())


def strengths(problem: str) -> Tensor:
    """The A values of α, evenly spaced in their logarithm."""
    low, high = DECADES[problem]
    return torch.logspace(low, high, A, dtype=torch.float64)


def problem_of(config: Config) -> Problem:
    """The scene's data, split by its seed and scaled by its training part."""
    shuffle, noise = generators([config.seed, config.seed + 1000])
    if config.problem == "digits":
        return _digits(config, shuffle)
    if config.problem == "orthonormal":
        return _orthonormal(config, shuffle)
    table = real.breast_cancer() if config.problem == "cancer" else real.diabetes()
    extra = torch.randn(len(table.y_N), config.decoys, generator=noise, dtype=torch.float64)
    names = (*table.feature_names, *(f"noise {i + 1}" for i in range(config.decoys)))
    parts = _parts(len(table.y_N), config.train_size, HELD_OUT, None, shuffle)
    x = _standard(torch.cat([table.x_ND, extra], 1), parts["train"])
    y = table.y_N.to(torch.float64)
    y = y if config.problem == "cancer" else _standard(y[:, None], parts["train"])[:, 0]
    mlp = MLP(sizes=(len(names), *(NET if config.problem == "net" else ()), 1))
    loss = binary_cross_entropy if config.problem == "cancer" else half_squared
    return Problem(mlp, loss, names, {s: x[i].T[None].contiguous() for s, i in parts.items()},
                   {s: y[i][None, None] for s, i in parts.items()})


def _parts(n: int, train: int, validation: int, test: int | None, generator: torch.Generator) -> dict[str, Tensor]:
    order = torch.randperm(n, generator=generator)
    stop = None if test is None else train + validation + test
    return dict(zip(SPLITS, (order[:train], order[train : train + validation], order[train + validation : stop]), strict=True))


def _standard(x: Tensor, rows: Tensor) -> Tensor:
    """Columns with mean 0 and standard deviation 1 over `rows`; a column constant there is only centred."""
    spread = x[rows].std(0, correction=0)
    return (x - x[rows].mean(0)) / torch.where(spread > 0, spread, 1.0)


def _orthonormal(config: Config, g: torch.Generator) -> Problem:
    true = torch.tensor(ORTHONORMAL_WEIGHTS, dtype=torch.float64)
    D, N = len(true), config.train_size

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    # Orthogonal to the constant too, so that the bias of the fit is the mean of t whatever the weights.
    q = torch.linalg.qr(torch.cat([torch.ones(N, 1, dtype=torch.float64), draw(N, D)], 1))[0][:, 1:]
    x = {"train": N**0.5 * q, "validation": draw(HELD_OUT, D), "test": draw(HELD_OUT, D)}
    t = {s: v @ true + draw(len(v)) for s, v in x.items()}
    names = tuple(f"w{'₁₂₃₄₅₆₇₈₉'[i]}" if i < 9 else "w₁₀" for i in range(D))
    return Problem(MLP(sizes=(D, 1)), half_squared, names, {s: v.T[None].contiguous() for s, v in x.items()},
                   {s: (v - t["train"].mean())[None, None] for s, v in t.items()})


def _digits(config: Config, g: torch.Generator) -> Problem:
    data = real.digits()
    parts = _parts(len(data.labels_N), config.train_size, 300, 300, g)
    flat = data.images_NHW.flatten(1)
    # A pixel that no training image inks has slope zero: its weights would be zero under any penalty.
    pixels = (flat[parts["train"]].std(0) > 0).nonzero()[:, 0]
    names = tuple(f"pixel in row {p // 8 + 1}, column {p % 8 + 1}" for p in pixels.tolist())
    return Problem(MLP(sizes=(len(pixels), 10)), cross_entropy, names,
                   {s: flat[i][:, pixels].T[None].contiguous() for s, i in parts.items()},
                   {s: data.labels_N[i][None] for s, i in parts.items()}, pixels)


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
    exact = config.problem in LINEAR
    fits = proximal.fista(problem.gradient(), problem.curvature(), start, l1, l2, penalised=problem.mask,
                          tolerance=1e-9 if exact else 1e-4, most=20_000 if exact else 360, every=100 if exact else 12)
    pair = _pair(config, problem) if exact else None
    result = None
    for fit in fits:
        result = replace(_result(config, problem, fit), pair=pair)
        yield result
    assert result is not None
    if exact:
        yield replace(result, plain=_plain_linear(config, problem, result), adam=_adam(problem, result))
    else:
        for plain in _plain(config, problem, start[:A]):
            yield replace(result, plain=plain)


def run(config: Config) -> Result:
    return last(steps(config))


def _result(config: Config, problem: Problem, fit: proximal.Fit) -> Result:
    mlp, free = problem.mlp, problem.mask > 0
    loss: dict[str, Tensor] = {}
    error: dict[str, Tensor] = {}
    for split in SPLITS:
        out, y = mlp.forward(fit.w, problem.x[split]), problem.y[split]
        loss[split] = problem.loss.value(out, y).reshape(3, A)
        if problem.loss.error:
            error[split] = problem.loss.error(out, y).reshape(3, A)
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
        residual=fit.residual.reshape(3, A), loss=loss, error=error, zeros=(weights == 0).sum(-1),
        objective=loss["train"] + l1 * weights.abs().sum(-1) + l2 / 2 * weights.square().sum(-1),
        chosen=loss["validation"].argmin(1), closed=closed, pixels=problem.pixels,
        alpha_max=torch.tensor([top, top / config.l1_ratio, float("nan") if mlp.hidden else float("inf")], dtype=torch.float64),
    )


def _pair(config: Config, problem: Problem, points: int = 41) -> Pair:
    names = problem.names[:2]
    if config.problem == "diabetes":
        names = FEATURES[config.first], FEATURES[config.second]
    elif config.problem == "cancer":
        names = CANCER_PAIR
    columns = [problem.names.index(name) for name in names]
    two = replace(problem, mlp=MLP(sizes=(2, 1)), x={"train": problem.x["train"][:, columns]})
    smooth = two.loss is half_squared
    # The last row is the fit without penalty; classes that a line parts have none, so there it is a very weak L2.
    none = torch.zeros(1, 1, dtype=torch.float64)
    l1, l2 = (torch.cat([v, none]) for v in rows_of(config))
    l2[-1] = 0 if smooth else 1e-4
    w = last(proximal.fista(two.gradient(), two.curvature(), torch.zeros(len(l1), 3, dtype=l1.dtype), l1, l2,
                            penalised=two.mask)).w
    free, touch = w[-1, :2], w[:-1, :2].reshape(3, A, 2)
    reach = float(free.abs().sum())
    x = torch.linspace(-1.35, 1.35, points, dtype=w.dtype) * reach + 0.35 * free[0]
    y = torch.linspace(-0.9, 0.9, points, dtype=w.dtype) * reach + 0.35 * free[1]
    grid = torch.cartesian_prod(y, x).flip(1)
    values = two.loss.value(two.mlp.forward(w, two.x["train"]), two.y["train"])
    t = two.y["train"][0, 0]
    alone = float(two.x["train"][0, 0] @ t) / len(t) if smooth else float("nan")
    precision = 1 / (float(t.square().mean()) - alone**2) if smooth else float("nan")
    return Pair((names[0], names[1]), x, y, _best_bias_loss(two, grid).reshape(points, points), free, float(values[-1]), touch,
                values[:-1].reshape(3, A), alone, precision, len(t))


def _best_bias_loss(two: Problem, w: Tensor) -> Tensor:
    """J of rows w [K, 2] at the bias that suits each best: the mean residual, or a few Newton steps of the logistic loss."""
    x, y = two.x["train"], two.y["train"]
    out = (w @ x[0])[:, None]
    if two.loss is half_squared:
        return two.loss.value(out + (y - out).mean(2, keepdim=True), y)
    bias = torch.zeros(len(w), 1, 1, dtype=w.dtype)
    for _ in range(8):
        p = torch.sigmoid(out + bias)
        # Damped, because far from the data all probabilities are 0 or 1 and the curvature vanishes.
        bias = bias - ((p - y).mean(2, keepdim=True) / (p * (1 - p)).mean(2, keepdim=True).clamp_min(1e-3)).clamp(-2, 2)
    return two.loss.value(out + bias, y)


def first_zero(result: Result) -> list[int]:
    """For every weight the index of the least α at which L1 has it exactly at zero, NEVER if none has."""
    zero = result.weights[0] == 0
    return torch.where(zero.any(0), zero.int().argmax(0), NEVER).tolist()


def gone_from(result: Result) -> list[int]:
    """For every weight the index of the α from which on L1 has it at zero for good, NEVER if it is alive at the last."""
    alive = result.weights[0] != 0
    after = torch.where(alive.any(0), A - alive.flip(0).int().argmax(0), 0)
    return [NEVER if i == A else i for i in after.tolist()]


def order_of_death(result: Result) -> list[int]:
    """Weights from the first that L1 switches off for good to the last; among equals the smaller first."""
    gone, size = gone_from(result), result.weights[0].abs().amax(0).tolist()
    return sorted(range(len(gone)), key=lambda i: (A if gone[i] == NEVER else gone[i], size[i]))


def _plain_linear(config: Config, problem: Problem, result: Result) -> Plain:
    rate = config.step / problem.curvature()
    x, y, mask = problem.x["train"], problem.y["train"], problem.mask
    g = generators([config.seed + 2000])[0]
    start = 0.3 * torch.randn(problem.mlp.P, generator=g, dtype=torch.float64).expand(A, -1) * mask
    l1 = strengths(config.problem)[:, None] * mask

    def objective(w: Tensor) -> Tensor:
        return problem.loss.value((w[:, :-1] @ x[0] + w[:, -1:])[:, None], y)

    down, prox = (proximal.descend(objective, start, l1, rate, PLAIN_STEPS, proximal=p) for p in (False, True))
    watched = order_of_death(result)[0]
    return Plain(down[-1][:, mask > 0], watched, down[:, :, watched], prox[:, :, watched], rate)


def _plain(config: Config, problem: Problem, start: Tensor) -> Iterator[Plain]:
    rate = NET_RATE if problem.mlp.hidden else 1 / problem.curvature()
    alphas = strengths(config.problem).to(start.dtype)
    progress = train(problem.mlp, start, problem.x["train"], problem.y["train"], problem.loss, SGD(rate),
                     steps=PLAIN_STEPS * 3 // 2, generators=generators([config.seed] * A), penalty=L1(alphas), record_every=20)
    for now in progress:
        yield Plain(now.theta[:, problem.mask > 0], rate=rate)


def _adam(problem: Problem, result: Result) -> dict[str, Tensor]:
    """Adam with an L2 penalty in the gradient, and AdamW, at every α: where they end against the L2 fit.

    Only where the target is centred: the bias stays at 0, so it does not matter that AdamW decays it too.
    """
    if problem.loss is not half_squared:
        return {}
    slope, mask = problem.gradient(), problem.mask
    alphas = result.alphas[:, None]
    goal = result.theta[2]
    out = {}
    for name, optimiser in (("adam", Adam(ADAM_RATE)), ("adamw", AdamW(ADAM_RATE, weight_decay=alphas))):
        theta = torch.zeros_like(goal)
        state = optimiser.init(theta)
        for _ in range(ADAM_STEPS):
            grad = slope(theta)
            optimiser.step(theta, grad + L2(alphas).gradient(theta, mask) if name == "adam" else grad, state)
        out[name] = (theta - goal).norm(dim=1) / goal.norm(dim=1)
    return out


def seen(result: Result, config: Config) -> str:
    """What there is to see at this α and over all of them, computed from the run."""
    at, W = config.alpha_index, result.weights.shape[-1]
    text = f"At α = {result.alphas[at]:.3g}: "
    text += "; ".join(_at_alpha(result, p, at) for p in PENALTIES if p in config.penalties) + "."
    count = int((result.zeros[2] > 0).sum())
    text += (" **L2** has not one exact zero at any of the 61 strengths." if count == 0 else
             f" **L2** has an exact zero at {count} of the 61 strengths.")
    if result.problem in LINEAR:
        text += _first_to_go(result)
    else:
        text += (f" After {result.iteration} proximal steps the largest slope of the objective left is "
                 f"{float(result.residual.max()):.2g}.")
    best = [f"{PENALTIES[p]} α = {result.alphas[c]:.3g} (test loss {result.loss['test'][k, c]:.3f})"
            for k, p in enumerate(PENALTIES) if p in config.penalties for c in [int(result.chosen[k])]]
    text += f" Validation chooses for {' and for '.join(best)}."
    if result.plain is not None:
        text += (f" Sub-gradient steps on |w| leave {int((result.plain.weights[at] == 0).sum())} of {W} weights at exactly zero, "
                 f"proximal steps {int(result.zeros[0, at])}.")
    return text + _verdict(result, config)


def first_gone(result: Result) -> tuple[list[str], int]:
    """The weights that L1 switches off for good at the least α of all, and its index (NEVER if none)."""
    gone = gone_from(result)
    least = min((i for i in gone if i != NEVER), default=NEVER)
    return [name for name, i in zip(result.names, gone, strict=True) if i == least != NEVER], least


def _first_to_go(result: Result) -> str:
    names, index = first_gone(result)
    if not names:
        return ""
    who = ", ".join(names) if len(names) <= 3 else f"{len(names)} weights at once"
    text = f" The first that L1 switches off for good: **{who}**, at α = {result.alphas[index]:.3g}"
    back = [name for name, i in zip(result.names, first_zero(result), strict=True) if NEVER < i < index]
    if 0 < len(back) <= 5:
        text += f" (before that, zero is reached and left again by {', '.join(back)})"
    return text + f"; nothing is left from α_max = {result.alpha_max[0]:.3g} on."


def _at_alpha(result: Result, penalty: str, at: int) -> str:
    k = list(PENALTIES).index(penalty)
    w, zero = result.weights[k, at], int(result.zeros[k, at])
    if zero == len(w):
        return f"**{PENALTIES[penalty]}** has every one of {len(w)} weights at exactly 0"
    if zero == 0:
        return f"**{PENALTIES[penalty]}** keeps all {len(w)} weights, the smallest with |w| = {float(w.abs().min()):.2g}"
    kept = [result.names[i] for i in w.nonzero()[:, 0].tolist()] if result.problem in LINEAR else []
    which = f" ({', '.join(kept)})" if 0 < len(kept) <= 5 else ""
    return f"**{PENALTIES[penalty]}** has {zero} of {len(w)} weights at exactly 0 and keeps {len(w) - zero}{which}"


def _verdict(result: Result, config: Config) -> str:
    if config.problem != "diabetes" or config.guess == "none":
        return ""
    firsts, _ = first_gone(result)
    if config.guess == "l2":
        return " You guessed none: " + (f"L1 does, with {', '.join(firsts)} first." if firsts else "right.")
    guess = FEATURES[config.guess]
    return f" You guessed {guess}: " + ("right." if guess in firsts else f"it was {', '.join(firsts) or 'none'}.")
