"""What the pictures of the penalties show, in a sentence each, for readers who cannot see them. None depends on the α at
which the player stands, so that a board need not be sent again when it moves."""

from __future__ import annotations

import torch

from core.lessons.weight_penalties import NAMED, ORDER, PENALTIES, Config, Result
from core.lessons.weight_penalties_problem import gone_from, order_of_death
from figures.weight_penalties import part


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence, for every panel that the result allows."""
    out = {"zeros": _zeros(result, scene), **_two(result, scene)}
    for penalty in (p for p in ORDER if p in scene.penalties):
        out |= {f"{kind}-{penalty}": text for kind, text in _one(result, scene, penalty).items()}
    if result.pair is not None:
        order = order_of_death(result.weights[0])
        out["bars"] = (f"Bars of the weights by name. Last to go under L1: {result.names[order[-1]]}; first: "
                       f"{result.names[order[0]]}.")
    plain = result.plain
    if plain is not None and plain.subgradient is not None and plain.proximal is not None:
        rest = int((plain.proximal[-1] == 0).sum())
        never = int((plain.subgradient[-1] == 0).sum())
        out["near"] = (f"Size of the weight of {result.names[plain.watched]} over {len(plain.subgradient) - 1} steps. Proximal "
                       f"steps end at exactly 0 at {rest} of {len(result.alphas)} strengths, sub-gradient steps at {never}.")
    if result.adam:
        far = {name: distance[result.alphas > 0.2].max() for name, distance in result.adam.items()}
        out["adam"] = (f"Distance to the L2 fit against α. Where α is above 0.2, Adam with L2 ends at most "
                       f"{float(far['adam']):.1g} away from it, AdamW up to {float(far['adamw']):.2g}.")
    return out


def _two(result: Result, scene: Config) -> dict[str, str]:
    pair = result.pair
    if pair is None:
        return {}
    text = [f"Curves of equal loss over the weights of {pair.names[0]} and {pair.names[1]} round the fit without penalty at "
            f"({pair.free[0]:.2f}, {pair.free[1]:.2f})."]
    for penalty in (p for p in ORDER if p in scene.penalties):
        first = gone_from(pair.touch[ORDER.index(penalty)])
        gone = [f"{name} from α = {float(result.alphas[i]):.3g}" for name, i in zip(pair.names, first, strict=True)
                if i < len(result.alphas)]
        text.append(f"With {NAMED[penalty]} the touching point has a weight of exactly 0: {', '.join(gone)}." if gone else
                    f"With {NAMED[penalty]} it never has a weight of exactly 0.")
    out = {"map": " ".join(text)}
    if pair.alone == pair.alone:
        rho = [part(p, scene) for p in ORDER if p in scene.penalties]
        gone = [f"0 from α = {abs(pair.alone) / r:.2g} on under {NAMED[p]}" if r else f"never 0 under {NAMED[p]}"
                for p, r in zip([p for p in ORDER if p in scene.penalties], rho, strict=True)]
        out["posterior"] = (f"Prior, likelihood and posterior of the weight of {pair.names[0]} alone. The likelihood peaks at "
                            f"{pair.alone:.2f}; the posterior's peak is {', '.join(gone)}.")
    return out


def _one(result: Result, scene: Config, penalty: str) -> dict[str, str]:
    k, name, alphas = ORDER.index(penalty), PENALTIES[penalty], result.alphas
    w, best = result.weights[k], int(result.chosen[k])
    W, zeros, gone = w.shape[1], result.zeros[k], gone_from(w)
    low, high = float(alphas[0]), float(alphas[-1])
    sizes = w.abs().amax(1)
    spread = (f"{name}: the largest of {W} weights goes from {float(sizes[0]):.2g} at α = {low:.2g} to {float(sizes[-1]):.2g} "
              f"at α = {high:.2g}; {int(zeros[0])} are exactly 0 at the weakest penalty and {int(zeros[-1])} at the strongest.")
    largest = int(w[0].abs().argmax())
    dead = gone[largest] < len(alphas)
    end = f"exactly 0 for good from α = {float(alphas[gone[largest]]):.3g} on" if dead else "never 0 for good"
    train, test = result.loss["train"][k], result.loss["test"][k]
    pull = (-result.slopes[k] / alphas[:, None]).abs()
    rests = w == 0
    held = f"At most {float(pull[rests].max()):.3g} α on those at 0." if bool(rests.any()) else "No weight is exactly 0."
    rho = part(penalty, scene)
    return {
        **({"paths": f"{name}: {W} weights against α. The largest at first, {result.names[largest]}, is {end}."}
           if result.pair else {}),
        "spread": spread, "map": spread,
        "errors": f"{name}: the training loss goes from {float(train[0]):.3f} to {float(train[-1]):.3f} as α grows. Validation "
                  f"chooses α = {float(alphas[best]):.3g}, where the test loss is {float(test[best]):.3f}.",
        "balance": f"{name}: the loss pulls on every weight that is not 0 with the force of the penalty. {held}",
        "field": f"{name}: arrows towards " + ("both axes, equally long wherever they start." if rho == 1 else
                 "the origin, longer the farther out they start." if rho == 0 else
                 "both axes, longer the farther out they start, but not fading to nothing near them."),
    }


def _zeros(result: Result, scene: Config) -> str:
    W = result.weights.shape[-1]
    text = []
    for penalty in (p for p in ORDER if p in scene.penalties):
        zeros = result.zeros[ORDER.index(penalty)]
        half = (zeros >= W / 2).nonzero()
        at = f"half of them from α = {float(result.alphas[int(half[0])]):.2g}" if len(half) else "never half of them"
        text.append(f"{PENALTIES[penalty]} has at most {int(zeros.max())} of {W} weights at exactly 0, {at}")
    if result.plain is not None:
        most = int(torch.as_tensor((result.plain.weights == 0).sum(1)).max())
        text.append(f"L1 by sub-gradient steps at most {most}")
    return "Exact zeros against α. " + "; ".join(text) + "."
