"""L1 and L2 on the diabetes data: proximal steps make exact zeros, autograd on |w| does not. Needs scikit-learn.

Objective: 1/(2N) ‖t − Xw‖² + α Ω(w), with Ω = ‖w‖₁ for L1 and ½ ‖w‖² for L2; everything is standardised.
"""

import torch
from sklearn.datasets import load_diabetes
from torch import nn

N, RATE, STEPS = 60, 0.1, 3000


def standardised(seed: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    data = load_diabetes(scaled=False)
    rows = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(seed))[:N]
    x, t = torch.tensor(data.data)[rows], torch.tensor(data.target)[rows]
    return (x - x.mean(0)) / x.std(0, correction=0), (t - t.mean()) / t.std(correction=0), data.feature_names


def fit(x: torch.Tensor, t: torch.Tensor, alpha: float, penalty: str) -> torch.Tensor:
    model = nn.Linear(x.shape[1], 1, bias=False, dtype=x.dtype)
    nn.init.zeros_(model.weight)
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, weight_decay=alpha if penalty == "l2" else 0.0)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = 0.5 * (model(x)[:, 0] - t).square().mean()
        if penalty == "l1 by autograd":
            loss = loss + alpha * model.weight.abs().sum()
        loss.backward()
        optimiser.step()
        if penalty == "l1":
            with torch.no_grad():  # the proximal map of RATE · alpha · ‖w‖₁: soft-thresholding
                w = model.weight
                w.copy_(w.sign() * (w.abs() - RATE * alpha).clamp(min=0))
    return model.weight.detach()[0]


def main(alpha: float = 0.2, seed: int = 0) -> dict[str, float]:
    x, t, names = standardised(seed)
    told: dict[str, float] = {}
    for penalty in ("l1", "l1 by autograd", "l2"):
        w = fit(x, t, alpha, penalty)
        told[f"{penalty}: exact zeros"] = int((w == 0).sum())
        print(f"{penalty}: {told[f'{penalty}: exact zeros']} of {len(w)} weights are exactly 0")
        for name, value in zip(names, w.tolist(), strict=True):
            told[f"{penalty}: {name}"] = value
            print(f"    {name:4s} {value:+.6f}")
    return told


if __name__ == "__main__":
    main()
