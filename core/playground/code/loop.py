"""The loop of a script: one update after another, with the lines that a set-up needs."""

from __future__ import annotations

from core.playground.code.needs import Needs
from core.playground.code.net import made, place
from core.playground.code.text import block

SCHEDULES = {
    "step": "0.1 ** (step // HORIZON)",
    "cosine": "(1 + math.cos(math.pi * min(step, HORIZON) / HORIZON)) / 2",
    "warmup": "1 / 3 + 2 / 3 * min(step, HORIZON) / HORIZON",
}
OPTIMISERS = {"adagrad": "Adagrad", "rmsprop": "RMSprop", "adam": "Adam"}
# What the last update multiplies a constant gradient by, for each method that adapts.
SIZES = {
    "adagrad": 'optimiser.state[w]["sum"].sqrt() + 1e-10',
    "rmsprop": 'optimiser.state[w]["square_avg"].sqrt() + 1e-8',
    "adam": '(optimiser.state[w]["exp_avg_sq"] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8',
}


def factor(needs: Needs) -> str | None:
    """The schedule."""
    if needs.setup.schedule == "constant":
        return None
    text = '    """What the learning rate is multiplied by."""'
    return block("def factor(step):", text, f"    return {SCHEDULES[needs.setup.schedule]}")


def train(needs: Needs) -> str | None:
    """The function `train`."""
    names = " and ".join(", ".join(needs.sets).rsplit(", ", 1))
    loop = "for step, (x, y) in zip(range(steps), batches(*sets[0])):" if needs.shuffles else "for step in range(steps):"
    return block(
        "def train(steps, every=100):",
        f'    """A list of (objective, {names} loss), one before the first step and one after each `every` steps."""',
        block(
            "sets = data()",
            made(needs),
            f"optimiser = {_optimiser(needs)}",
            _schedule(needs),
            _averaged(needs),
            _held(needs),
            "history = [report(0, model, sets)]",
            _begin_rules(needs),
            loop,
            block(_batch(needs), _gradient(needs), _update(needs), indent=4),
            "    if (step + 1) % every == 0:",
            "        history.append(report(step + 1, model, sets))",
            block(_rules(needs), indent=4),
            needs.averaging and 'report("average", average, sets)',
            "return history",
            indent=4,
        ),
    )


def _optimiser(needs: Needs) -> str | None:
    setup, momentum = needs.setup, ""
    if needs.momentum:
        momentum = ", momentum=MOMENTUM" + (", nesterov=True" if setup.method == "nesterov" else "")
    return f"torch.optim.{OPTIMISERS.get(setup.method, 'SGD')}(model.parameters(), lr=RATE{momentum})"


def _schedule(needs: Needs) -> str | None:
    if needs.setup.schedule == "constant":
        return None
    return "schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)"


def _averaged(needs: Needs) -> str | None:
    if not needs.averaging:
        return None
    return block(
        "average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING), use_buffers=True)",
        "average.update_parameters(model)  # a copy, to begin with",
    )


def _held(needs: Needs) -> str | None:
    """What is held: parameters, where in them, and the values there."""
    rows: list[str] = []
    for layer, unit, *source in needs.held:
        affine, norm = place(needs, layer - 1)
        at = f"{unit - 1}"
        if not source:
            names = [f"{affine}.weight", f"{affine}.bias", *([f"{norm}.weight", f"{norm}.bias"] if norm else [])]
        elif source[0]:
            names, at = [f"{affine}.weight"], f"({unit - 1}, {source[0] - 1})"
        else:
            names = [f"{affine}.bias"]
        rows += [f"    ({name}, {at})," for name in names]
    if not rows:
        return None
    restored = needs.setup.decay or needs.setup.l1
    kept = "held = [(p, at, p[at].detach().clone()) for p, at in held]  # with their values"
    return block("held = [  # parameters that stay as they are, and where in them", *rows, "]", restored and kept)


def _batch(needs: Needs) -> str | None:
    noise = 'x = x + INPUT_NOISE * torch.randn(2, len(x), generator=generator("inputs", step)).T'
    return block(
        not needs.shuffles and "x, y = sets[0]",
        needs.mixup and "x, y = mix(x, y, step)",
        needs.setup.input_noise and noise,
    )


def _gradient(needs: Needs) -> str | None:
    setup = needs.setup
    loss = "smoothed_loss" if needs.smoothing else "loss_function"
    masks = ", dropout_masks(step, len(x))" if needs.dropout else ""
    model = f"model({needs.features}{masks})"
    l2 = "L2 / 2 * sum(w.square().sum() for w in weights(model))"
    noisy = setup.weight_noise
    return block(
        noisy and block(
            "clean = nn.utils.parameters_to_vector(model.parameters()).detach()",
            'noise = WEIGHT_NOISE * torch.randn(len(clean), generator=generator("weights", step))',
            "nn.utils.vector_to_parameters(clean + noise, model.parameters())",
        ),
        f"loss = {loss}({model}, y)",
        setup.l2 and not noisy and f"loss = loss + {l2}",
        "optimiser.zero_grad()",
        "loss.backward()",
        noisy and "nn.utils.vector_to_parameters(clean, model.parameters())",
        noisy and setup.l2 and f"({l2}).backward()  # at the weights without noise",
    )


def _update(needs: Needs) -> str | None:
    setup = needs.setup
    rate = "RATE" if setup.schedule == "constant" else 'optimiser.param_groups[0]["lr"]'
    held = bool(needs.held)
    restored = held and (setup.decay or setup.l1)
    p_at = "p, at, _" if restored else "p, at"
    size = f"{rate} / (1 - MOMENTUM)" if needs.momentum else rate
    after = [
        setup.l1 and block(
            "for w in weights(model):  # a proximal step, which makes weights exactly zero",
            setup.method in SIZES and f"    scale = {SIZES[setup.method]}",
            f"    size = L1 * {size}{' / scale' if setup.method in SIZES else ''}",
            "    w.copy_(w.sign() * (w.abs() - size).clamp_min(0))",
            indent=4),
        restored and "    for p, at, value in held:\n        p[at] = value",
    ]
    return block(
        held and f"for {p_at} in held:\n    p.grad[at] = 0",
        setup.clip and "nn.utils.clip_grad_norm_(model.parameters(), CLIP)",
        setup.decay and block("with torch.no_grad():", "    for w in weights(model):",
                              f"        w.mul_(1 - {rate} * DECAY)"),
        "optimiser.step()",
        any(after) and block("with torch.no_grad():", *after),
        setup.schedule != "constant" and "schedule.step()",
        needs.averaging and "average.update_parameters(model)",
    )


def _begin_rules(needs: Needs) -> str | None:
    if not needs.rules:
        return None
    return block(
        needs.patience and "best, best_epoch = history[0][2], 0.0",
        needs.counts_epochs and "seen = 0",
    )


def _rules(needs: Needs) -> str | None:
    """As often as the playground looks at whole sets."""
    if not needs.rules:
        return None
    setup = needs.setup
    conditions = [
        setup.epochs and f"epoch >= {setup.epochs:g}",
        needs.until and f"validation <= {needs.until:g}",
        needs.patience and f"epoch - best_epoch >= {needs.patience:g}",
    ]
    return block(
        needs.counts_epochs and "seen += len(x)",
        "if (step + 1) % (10 if step < 500 else 100) == 0:  # as often as the playground looks",
        needs.counts_epochs and "    epoch = seen / len(sets[0][0])",
        (needs.until or needs.patience) and "    validation = measure(model, sets)[2]",
        needs.patience and "    if validation < best:\n        best, best_epoch = validation, epoch",
        f"    if {' or '.join(condition for condition in conditions if condition)}:",
        '        print(f"stopped after {step + 1} steps")',
        "        break",
    )
