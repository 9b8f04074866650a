"""Seven optimisers on a ravine, f(x, y) = (x² + 20 y²) / 2, from one start: the loss after 100 steps."""

import torch

STEPS, START, KAPPA = 100, (-2.5, 1.2), 20.0

OPTIMISERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.2),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.2),
    "adam": lambda p: torch.optim.Adam(p, lr=0.2),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.2),
}


def loss_of(theta: torch.Tensor) -> torch.Tensor:
    return 0.5 * (theta[0] ** 2 + KAPPA * theta[1] ** 2)


def main() -> dict[str, float]:
    final = {}
    for name, make in OPTIMISERS.items():
        theta = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
        optimiser = make([theta])
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss_of(theta).backward()
            optimiser.step()
        final[name] = loss_of(theta).item()
        print(f"{name:10s} {final[name]:.3e}")
    return final


if __name__ == "__main__":
    main()
