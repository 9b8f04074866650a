"""Dropout on digits in plain PyTorch: losses with masks on and off, and weight scaling beside the mean of thinned nets."""

import torch
from sklearn.datasets import load_digits
from torch import nn

P_DROP, N, BATCH, STEPS, T = 0.5, 200, 32, 300, 1000


def net():
    """nn.Dropout(p): p is the drop probability, and kept units are scaled by 1/(1 − p) in training."""
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(P_DROP), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(P_DROP),
                         nn.Linear(32, 10))


def fit(model, x, y):
    """Train, and return the mean loss with masks on of the last updates."""
    optimiser, losses, order = torch.optim.Adam(model.parameters(), lr=1e-2), [], []
    model.train()
    for _ in range(STEPS):
        order = order if len(order) >= BATCH else torch.randperm(len(x))
        batch, order = order[:BATCH], order[BATCH:]
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return sum(losses[-15:]) / 15


def main(seed=0):
    torch.manual_seed(seed)
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    order, x = torch.randperm(len(x)), x.float() / 16
    train, test = order[:N], order[N : N + 400]
    model = net()
    numbers = {"masks_on": fit(model, x[train], y[train])}
    with torch.no_grad():
        model.eval()  # masks off: the full net needs no scaling
        numbers["masks_off"] = nn.functional.cross_entropy(model(x[train]), y[train]).item()
        numbers["test"] = nn.functional.cross_entropy(model(x[test]), y[test]).item()
        # One softmax layer: thin the last hidden layer alone. The geometric mean is exact, the arithmetic one is not.
        h, full = model[:5](x[test[:20]]), model(x[test[:20]])
        masks = (torch.rand(T, 1, 32) >= P_DROP) / (1 - P_DROP)
        logits = model[6](masks * h)
        centred = logits - logits.mean(-1, keepdim=True)
        apart = centred - (full - full.mean(-1, keepdim=True))
        numbers["layer_geometric"] = (apart.mean(0).pow(2).mean() / apart.pow(2).mean()).sqrt().item()
        apart = logits.softmax(-1) - full.softmax(-1)
        numbers["layer_arithmetic"] = (apart.mean(0).pow(2).mean() / apart.pow(2).mean()).sqrt().item()
    print("\n".join(f"{name}: {value:.3f}" for name, value in numbers.items()))
    return numbers


if __name__ == "__main__":
    main()
