"""What the pictures of the penalties show, in a sentence each, for readers who cannot see them. None depends on the α at
which the player stands, so that a board need not be sent again when it moves."""

from __future__ import annotations

from core.lessons.weight_penalties import NAMED, ORDER, PENALTIES, Config, Result
from core.lessons.weight_penalties_problem import LINEAR, gone_from
from core.lessons.weight_penalties_words import at_zero_under_l2, from_where
from core.words import listed, short
from figures.weight_penalties import part


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence, for every panel that the result allows."""
    out = {"setup": _setup(result), "zeros": _zeros(result, scene), **_two(result, scene)}
    for penalty in (p for p in ORDER if p in scene.penalties):
        out |= {f"{kind}-{penalty}": text for kind, text in _one(result, scene, penalty).items()}
    if result.pair is not None:
        order = result.order()
        out["bars"] = (f"Bars of the weights by name. Last to go under L1: {result.names[order[-1]]}; first: "
                       f"{result.names[order[0]]}.")
    plain, strong = result.plain, short(result.alphas[-1])
    if plain is not None and plain.subgradient is not None and plain.proximal is not None:
        ends = [short(v[-1, -1].abs()) for v in (plain.proximal, plain.subgradient)]
        out["near"] = (f"Size of the weight of {result.names[plain.watched]} over {len(plain.subgradient) - 1} steps. At "
                       f"α = {strong} proximal steps leave it at {'exactly ' if ends[0] == '0' else ''}{ends[0]}, sub-gradient "
                       f"steps at {ends[1]}.")
    if result.adam:
        far = {name: short(distance[-1]) for name, distance in result.adam.items()}
        out["adam"] = (f"Distance to the L2 fit, as a part of its length, against α. At α = {strong} Adam with L2 ends "
                       f"{far['adam']} away from it, AdamW {far['adamw']}.")
    return out


def _setup(result: Result) -> str:
    w = result.weights[ORDER.index("l2"), 0]
    largest = int(w.abs().argmax())
    name = result.names[largest] if result.problem in LINEAR else ""
    what = "Bars of weights by name" if name else "A map of the weights"
    return (f"{what}, fitted under L2 with α = {short(result.alphas[0])}. The largest of all {len(w)} has size "
            f"{short(w[largest].abs())}{f', that of {name}' if name else ''}.")


def _two(result: Result, scene: Config) -> dict[str, str]:
    pair = result.pair
    if pair is None:
        return {}
    text = [f"Curves of equal loss over the weights of {pair.names[0]} and {pair.names[1]} round the fit without penalty at "
            f"({pair.free[0]:.2f}, {pair.free[1]:.2f})."]
    for penalty in (p for p in ORDER if p in scene.penalties):
        first = gone_from(pair.touch[ORDER.index(penalty)])
        gone = [name for i, name in sorted(zip(first, pair.names, strict=True)) if i < len(result.alphas)]
        if not gone:
            text.append(f"With {NAMED[penalty]} the touching point stays at no weight of exactly 0.")
        elif len(gone) == 1 or first[0] == first[1]:
            text.append(f"With {NAMED[penalty]} the touching point ends where the weight of {listed(gone)} is exactly 0.")
        else:
            text.append(f"With {NAMED[penalty]} the touching point comes to where the weight of {gone[0]} is exactly 0, then to "
                        "where both are.")
    out = {"map": " ".join(text)}
    if pair.alone == pair.alone:
        rho = {p: part(p, scene) for p in ORDER if p in scene.penalties}
        gone = [f"0 from α = {short(abs(pair.alone) / r)} on under {NAMED[p]}" if r else f"0 at no α under {NAMED[p]}"
                for p, r in rho.items()]
        out["posterior"] = (f"Prior, likelihood and posterior of the weight of {pair.names[0]} alone. The likelihood peaks at "
                            f"{short(pair.alone)}; the posterior's peak is {', '.join(gone)}.")
    return out


def _one(result: Result, scene: Config, penalty: str) -> dict[str, str]:
    k, name, alphas = ORDER.index(penalty), PENALTIES[penalty], result.alphas
    w, best = result.weights[k], int(result.chosen[k])
    W, zeros = w.shape[1], result.zeros[k]
    low, high = short(alphas[0]), short(alphas[-1])
    sizes = w.abs().amax(1)
    spread = (f"{name}: the largest of {W} weights goes from {short(sizes[0])} at α = {low} to {short(sizes[-1])} "
              f"at α = {high}; {int(zeros[0])} are exactly 0 at the weakest penalty and {int(zeros[-1])} at the strongest.")
    largest = int(w[0].abs().argmax())
    held = float(result.held[k, largest])
    end = (f"held at exactly 0 {from_where(result, held)} on" if held < float("inf") else
           f"not held at 0 up to α = {high}") + (f". {at_zero_under_l2(result)}" if penalty == "l2" else ".")
    train, test = result.loss["train"][k], result.loss["test"][k]
    pull = (-result.slopes[k, -1] / alphas[-1]).abs()
    rests = w[-1] == 0
    on = f"on those at 0 at most {short(pull[rests].max())} α" if bool(rests.any()) else "no weight is exactly 0"
    rho = part(penalty, scene)
    return {
        **({"paths": f"{name}: {W} weights against α. The largest at first, {result.names[largest]}, is {end}"}
           if result.pair else {}),
        "spread": spread, "map": spread,
        "errors": f"{name}: the training loss goes from {short(train[0], 3)} to {short(train[-1], 3)} as α grows. Validation "
                  f"chooses α = {float(alphas[best]):.3g}, where the test loss is {short(test[best], 3)}.",
        "balance": f"{name}: the loss pulls on every weight that is not 0 with the force of the penalty. At α = {high} {on}.",
        "field": f"{name}: arrows towards " + ("both axes, equally long wherever they start." if rho == 1 else
                 "the origin, longer the farther out they start." if rho == 0 else
                 "both axes, longer the farther out they start, but not fading to nothing near them."),
    }


def _zeros(result: Result, scene: Config) -> str:
    W, high = result.weights.shape[-1], short(result.alphas[-1])
    text = [f"{PENALTIES[p]} has {int(zeros[0])} of {W} weights at exactly 0 at the weakest penalty and {int(zeros[-1])} at the "
            "strongest" for p in ORDER if p in scene.penalties for zeros in [result.zeros[ORDER.index(p)]]]
    if result.plain is not None:
        text.append(f"L1 by sub-gradient steps {int((result.plain.weights[-1] == 0).sum())} at α = {high}")
    return f"Exact zeros against α. {'; '.join(text)}. {at_zero_under_l2(result)}"
