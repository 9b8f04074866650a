"""MC dropout, a deep ensemble and a bagged ensemble on a curve with a gap, in plain PyTorch."""

import torch
from torch import nn

GAP, N, M, T, P_DROP, NOISE = 2.0, 60, 10, 200, 0.1, 0.2


def truth(x):
    return torch.sin(1.5 * x) + 0.3 * x


def net(p=0.0):
    first, second = (nn.Linear(1, 32), nn.ReLU(), nn.Dropout(p)), (nn.Linear(32, 32), nn.ReLU(), nn.Dropout(p))
    return nn.Sequential(*first, *second, nn.Linear(32, 1))


def fit(model, x, y, steps=500, alpha=1e-4):
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        weights = sum((p**2).sum() for p in model.parameters() if p.ndim == 2)
        loss = ((model(x) - y) ** 2).mean() + alpha / 2 * weights
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


def one_pass(model, x):
    """A thinned net: one mask for all x, drawn by feeding a single row through each Dropout layer."""
    for layer in model:
        x = x * layer(torch.ones(1, x.shape[1])) if isinstance(layer, nn.Dropout) else layer(x)
    return x


def main(seed=0):
    torch.manual_seed(seed)
    x = (4 - GAP) * (2 * torch.rand(N, 1) - 1)
    x = x + GAP * x.sign()  # uniform on [-4, -2] and [2, 4]
    y = truth(x) + NOISE * torch.randn(N, 1)
    grid = torch.linspace(-7, 7, 113)[:, None]
    dropout_net = fit(net(P_DROP), x, y)
    deep = [fit(net(), x, y) for _ in range(M)]
    bagged = [fit(net(), x[i], y[i]) for i in (torch.randint(N, (N,)) for _ in range(M))]
    with torch.no_grad():
        dropout_net.train()  # keep dropout on
        passes = {"mc_dropout": torch.stack([one_pass(dropout_net, grid) for _ in range(T)]),
                  "deep_ensemble": torch.stack([m(grid) for m in deep]), "bagging": torch.stack([m(grid) for m in bagged])}
    away = grid[:, 0].abs()
    regions = {"data": (away >= GAP) & (away <= 4), "gap": away < GAP, "far": away > 5}
    numbers = {f"{m}_{r}": p[:, where].std(0).mean().item() for m, p in passes.items() for r, where in regions.items()}
    print("\n".join(f"mean σ, {name}: {value:.3f}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
