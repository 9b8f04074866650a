"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import torch

from core.controls import Number
from core.formatting import format_as, format_number, join_words, table
from core.lessons.weight_penalties.lesson import A, Config, part, problem_of
from core.lessons.weight_penalties.problem import GAUSSIAN, LINEAR, first_zero, gone_from
from core.lessons.weight_penalties.result import NAMED, ORDER, PENALTIES, Result
from core.question import Amount, Challenge, Pick, Verdict


def at_zero_under_l2(result: Result, name: str = "L2") -> str:
    """A sentence: that L2 holds no weight at zero, and which of them pass through it."""
    low, high = (format_number(a) for a in result.alphas[[0, -1]])
    if result.problem not in LINEAR:
        # A net's minimum may lie where all weights are zero, which the fits then approach.
        return (f"{name}'s step divides the weights, which makes none exactly zero; at α = {high} the largest is left with size "
                f"{format_number(result.weights[2, -1].abs().max())}.")
    passed = [] if result.passed is None else [(int(i), alpha) for i, alpha in result.passed.tolist()]
    if not passed:
        return f"{name} holds no weight at zero" + (f" and none passes through it from α = {low} to {high}."
                                                    if result.passed is not None else ".")
    names = list(dict.fromkeys(result.names[i] for i, _ in passed))
    weight, alpha = passed[0]
    least = "at least " if result.problem not in GAUSSIAN else ""
    many = f"{least}{len(passed)} times" if len(passed) > 1 else f"{least}once"
    others = f", as {'does' if len(names) == 2 else 'do'} {join_words(names[1:])}" if 2 <= len(names) <= 4 else ""
    return (f"{name} holds no weight at zero: from α = {low} to {high} its weights pass through it {many}; "
            f"{result.names[weight]} is exactly 0 at α = {format_number(alpha, 3)} and goes on with the other sign{others}.")


def first_to_go(result: Result) -> str:
    first, who = _first(result, "l1")
    if first <= float(result.alphas[0]):
        return (f"L1 holds {who} at zero from the weakest penalty on; nothing is left from α_max = "
                f"{format_number(result.alpha_max[0], 3)} on.")
    text = f"The first that L1 switches off for good: {who}, {from_where(result, first)}"
    back = [name for name, i in zip(result.names, first_zero(result.weights[0]), strict=True)
            if i < len(result.alphas) and float(result.alphas[i]) < first]
    if 0 < len(back) <= 5:
        text += f" (before that, zero is reached and left again by {join_words(back)})"
    return text + f"; nothing is left from α_max = {format_number(result.alpha_max[0], 3)} on."


def _first(result: Result, penalty: str) -> tuple[float, str]:
    """The α from which on a penalty holds a weight at zero, inf if it holds none, and which it is."""
    held = result.held[ORDER.index(penalty)].tolist()
    names = [name for name, at in zip(result.names, held, strict=True) if at == min(held)]
    return min(held), join_words(names) if len(names) <= 3 else f"{len(names)} weights"


def rests(result: Result, penalty: str) -> str:
    """Which weight stays at zero first under a penalty, or that none does, as a sentence."""
    first, who = _first(result, penalty)
    if first < float("inf"):
        return f"Under {NAMED[penalty]}, first to stay at zero: {who}, {from_where(result, first)}."
    if penalty != "l2" or result.passed is None:
        return "No weight stays at zero."
    times = len(result.passed)
    if not times:
        return "No weight stays at zero, and none passes through it."
    least = "" if result.problem in GAUSSIAN else "at least "
    return f"No weight stays at zero; they pass through it {least}{f'{times} times' if times > 1 else 'once'}."


def from_where(result: Result, alpha: float) -> str:
    """From where on a weight is zero; below the weakest strength nothing is known."""
    if alpha == float("inf"):
        return "nowhere"
    return "at every α here" if alpha <= float(result.alphas[0]) else f"from α = {format_number(alpha, 3)}"


# The features among which a reader predicts.
ASKED = {"diabetes": ("age", "blood pressure", "blood sugar", "body mass index", "TCH ratio"),
         "cancer": ("mean radius", "mean smoothness", "worst concave points", "worst perimeter", "worst texture")}


SHARE_AT = A // 3  # the strength at which a net's zeros are asked for


LEFT = 3  # weights that the challenge wants left


def summary(result: Result, config: Config) -> str:
    """How many weights are exactly zero at this α, and a table of that and of what validation chooses."""
    at, W = config.alpha_index, result.weights.shape[-1]
    shown = [p for p in ORDER if p in config.penalties]
    zeros = {p: int(result.zeros[ORDER.index(p), at]) for p in shown}
    first, *others = [shown[0], shown[-1]] if len(shown) > 2 else shown
    said = f"At this penalty strength {NAMED[first]} has {_many(zeros[first], W)} of its weights at exactly zero"
    said += "".join(f", {NAMED[p]} {_many(zeros[p], W)}" for p in others)
    rows = []
    for p in shown:
        k, left = ORDER.index(p), result.weights[ORDER.index(p), at].abs()
        best, left = int(result.chosen[k]), left[left > 0]
        rows.append((PENALTIES[p], f"{zeros[p]} of {W}", format_number(left.min()) if len(left) else "–",
                     format_number(result.alphas[best]), format_number(result.loss["test"][k, best], 3)))
    if result.plain is not None:
        rows.append(("L1 by sub-gradient steps", f"{int((result.plain.weights[at] == 0).sum())} of {W}", "", "", ""))
    return f"**{said}.**\n\n" + table((f"α = {format_number(result.alphas[at], 3)}", "exactly zero", "smallest other weight",
                                       "α validation chooses", "test loss there"), rows)


def _many(count: int, of: int) -> str:
    return "none" if count == 0 else "all" if count == of else str(count)


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
    right = tuple(name for name, at in when.items() if at == extreme)
    who = join_words(["a column of noise" if name == "noise" else name for name in right])
    what = "which weight does {} hold at zero first" if first else "which is the last weight that {} brings to zero"
    return Pick(text=f"As the penalty grows, {what.format(by)}?", options=options, right=right,
                why=f"Of these {by} holds {who} at zero {'first' if first else 'last'}, {from_where(result, extreme)}"
                    + (", while L2 holds no weight there." if not bool(result.held[ORDER.index('l2')].isfinite().any()) else "."))


def _ask_threshold(result: Result) -> Pick:
    """On an orthonormal design, where the soft threshold says it."""
    largest = int(result.weights[0, 0].abs().argmax())
    free, held, name = float(result.alpha_max[0]), float(result.held[0, largest]), result.names[largest]
    places = {"half": free / 2, "same": free, "double": 2 * free}
    # On the way there `held` is one of the strengths, which are 14 % apart.
    right = [key for key, at in places.items() if at * (1 - 1e-9) <= held < 1.2 * at]
    return Pick(text=f"Without penalty the weight {name} has size {free:.2f}. From which penalty strength α on does L1 "
                "hold it at zero?", right=tuple(right) or ("never",),
                options={**{key: f"α = {at:.2f}" for key, at in places.items()}, "never": "It never does"},
                why=f"On orthonormal features L1 takes α off the size of every weight, so {name} is zero from "
                    f"α = {format_number(free, 3)} on, while L2 divides it by 1 + α.")


def _ask_share(result: Result, penalty: str) -> Amount:
    """How many of a net's or the digits' weights are zero a third of the way up the range."""
    at, W, by = SHARE_AT, result.weights.shape[-1], NAMED[penalty]
    count = int(result.zeros[ORDER.index(penalty), at])
    others = ", L2 none" if not int(result.zeros[ORDER.index("l2"), at]) else ""
    return Amount(text=f"What share of the {W} weights is exactly zero under {by} with penalty strength "
                       f"α = {format_number(result.alphas[at])}?",
                  low=0, high=100, step=1, truth=100 * count / W, within=10, unit=" %",
                  why=f"There {by} has {count} of {W} weights at exactly zero{others}.")


def _ask_ever(result: Result, penalty: str) -> Pick:
    k, W, by = ORDER.index(penalty), result.weights.shape[-1], NAMED[penalty]
    held = int(result.held[k].isfinite().sum())
    at = f"at α = {format_number(result.alphas[-1])}, the strongest penalty here"
    if held:
        says = f"{by[0].upper()}{by[1:]} holds {'all' if held == W else held} of the weights at exactly zero {at}."
    elif penalty == "l2" and result.problem not in LINEAR:
        says = (f"{by}'s step divides the weights, which makes none exactly zero, though the largest ends at size "
                f"{format_number(result.weights[k, -1].abs().max())}.")
    else:
        says = rests(result, penalty)
    asked = (f"does {by} bring to exactly zero and hold there" if result.problem in LINEAR else
             f"do proximal steps under {by} make exactly zero")
    return Pick(text=f"As the penalty strength α grows, how many of the {W} weights {asked}?",
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
    text=f"Its own scene has ten features and ten columns of noise. Find the edge at which L1 is down to {LEFT} weights: a "
    f"penalty strength α at which it keeps at most {LEFT}, while at 0.98 α it keeps more.",
    check=_edge, answer=Number(low=0.001, high=3.0, step=0.0005, label="Penalty strength α"),
    scene=dict(decoys=10, train_size=150),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence, for every panel that the result allows."""
    out = {"setup": _setup(result), "zeros": _zeros(result, scene), **_two(result, scene)}
    for penalty in (p for p in ORDER if p in scene.penalties):
        out |= {f"{kind}-{penalty}": text for kind, text in _one(result, scene, penalty).items()}
    if result.pair is not None:
        order = result.order()
        out["bars"] = (f"Bars of the weights by name. Last to go under L1: {result.names[order[-1]]}; first: "
                       f"{result.names[order[0]]}. {first_to_go(result)}")
    plain, strong = result.plain, format_number(result.alphas[-1])
    if plain is not None and plain.subgradient is not None and plain.proximal is not None:
        ends = [format_number(v[-1, -1].abs()) for v in (plain.proximal, plain.subgradient)]
        out["near"] = (f"Size of the weight of {result.names[plain.watched]} over {len(plain.subgradient) - 1} steps. At "
                       f"α = {strong} proximal steps leave it at {'exactly ' if ends[0] == '0' else ''}{ends[0]}, sub-gradient "
                       f"steps at {ends[1]}.")
    if result.adam:
        far = {name: format_number(distance[-1]) for name, distance in result.adam.items()}
        out["adam"] = (f"Distance to the L2 fit, as a part of its length, against α. At α = {strong} Adam with L2 ends "
                       f"{far['adam']} away from it, AdamW {far['adamw']}.")
    return out


def _setup(result: Result) -> str:
    w = result.weights[ORDER.index("l2"), 0]
    largest = int(w.abs().argmax())
    name = result.names[largest] if result.problem in LINEAR else ""
    what = "Bars of weights by name" if name else "A map of the weights"
    return (f"{what}, fitted under L2 with α = {format_number(result.alphas[0])}. The largest of all {len(w)} has size "
            f"{format_number(w[largest].abs())}{f', that of {name}' if name else ''}.")


def _two(result: Result, scene: Config) -> dict[str, str]:
    pair = result.pair
    if pair is None:
        return {}
    text = [f"Curves of equal loss over the weights of {pair.names[0]} and {pair.names[1]} round the fit without penalty at "
            f"({format_as(pair.free[0], '.2f')}, {format_as(pair.free[1], '.2f')})."]
    for penalty in (p for p in ORDER if p in scene.penalties):
        first = gone_from(pair.touch[ORDER.index(penalty)])
        gone = [name for i, name in sorted(zip(first, pair.names, strict=True)) if i < len(result.alphas)]
        if not gone:
            text.append(f"With {NAMED[penalty]} the touching point stays at no weight of exactly 0.")
        elif len(gone) == 1 or first[0] == first[1]:
            text.append(f"With {NAMED[penalty]} the touching point ends where the weight of {join_words(gone)} is exactly 0.")
        else:
            text.append(f"With {NAMED[penalty]} the touching point comes to where the weight of {gone[0]} is exactly 0, then to "
                        "where both are.")
    out = {"map": " ".join(text)}
    if pair.alone == pair.alone:
        rho = {p: part(p, scene) for p in ORDER if p in scene.penalties}
        gone = [f"0 from α = {format_number(abs(pair.alone) / r)} on under {NAMED[p]}" if r else f"0 at no α under {NAMED[p]}"
                for p, r in rho.items()]
        out["posterior"] = (f"Prior, likelihood and posterior of the weight of {pair.names[0]} alone. The likelihood peaks at "
                            f"{format_number(pair.alone)}; the posterior's peak is {', '.join(gone)}.")
    return out


def _one(result: Result, scene: Config, penalty: str) -> dict[str, str]:
    k, name, alphas = ORDER.index(penalty), PENALTIES[penalty], result.alphas
    w, best = result.weights[k], int(result.chosen[k])
    W, zeros = w.shape[1], result.zeros[k]
    low, high = format_number(alphas[0]), format_number(alphas[-1])
    sizes = w.abs().amax(1)
    spread = (f"{name}: the largest of {W} weights goes from {format_number(sizes[0])} at α = {low} to "
              f"{format_number(sizes[-1])} "
              f"at α = {high}; {int(zeros[0])} are exactly 0 at the weakest penalty and {int(zeros[-1])} at the strongest.")
    largest = int(w[0].abs().argmax())
    held = float(result.held[k, largest])
    end = (f"held at exactly 0 {from_where(result, held)} on" if held < float("inf") else
           f"not held at 0 up to α = {high}") + (f". {at_zero_under_l2(result)}" if penalty == "l2" else ".")
    train, test = result.loss["train"][k], result.loss["test"][k]
    pull = (-result.slopes[k, -1] / alphas[-1]).abs()
    rests = w[-1] == 0
    on = f"on those at 0 at most {format_number(pull[rests].max())} α" if bool(rests.any()) else "no weight is exactly 0"
    rho = part(penalty, scene)
    return {
        **({"paths": f"{name}: {W} weights against α. The largest at first, {result.names[largest]}, is {end}"}
           if result.pair else {}),
        "spread": spread, "map": spread,
        "errors": f"{name}: the training loss goes from {format_number(train[0], 3)} to {format_number(train[-1], 3)} "
                  "as α grows. Validation "
                  f"chooses α = {float(alphas[best]):.3g}, where the test loss is {format_number(test[best], 3)}.",
        "balance": f"{name}: the loss pulls on every weight that is not 0 with the force of the penalty. At α = {high} {on}.",
        "field": f"{name}: arrows towards " + ("both axes, equally long wherever neither weight is 0." if rho == 1 else
                 "the origin, longer the farther out they start." if rho == 0 else
                 "both axes, longer the farther out they start, but not fading to nothing near them."),
    }


def _zeros(result: Result, scene: Config) -> str:
    W, high = result.weights.shape[-1], format_number(result.alphas[-1])
    text = [f"{PENALTIES[p]} has {int(zeros[0])} of {W} weights at exactly 0 at the weakest penalty and {int(zeros[-1])} at the "
            "strongest" for p in ORDER if p in scene.penalties for zeros in [result.zeros[ORDER.index(p)]]]
    if result.plain is not None:
        text.append(f"L1 by sub-gradient steps {int((result.plain.weights[-1] == 0).sum())} at α = {high}")
    return f"Exact zeros against α. {'; '.join(text)}. {at_zero_under_l2(result)}"
