"""Five kinds of norm in one small convolutional net on 8 × 8 digits: same start, same batches, plain SGD."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

STEPS, BATCH, RATE, TRAIN, SEED = 50, 16, 0.5, 1024, 0
NORMS = {
    "none": lambda c: nn.Identity(),
    "batch": lambda c: nn.BatchNorm2d(c),
    "layer": lambda c: nn.GroupNorm(1, c),  # layer norm with γ and β per channel
    "group": lambda c: nn.GroupNorm(2, c),
    "instance": lambda c: nn.InstanceNorm2d(c, affine=True),  # over 4 positions rounding alone can move its losses
}


def net(norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in, fan_out, size in ((1, 8, 2), (8, 8, 1), (8, 16, 2), (16, 16, 1)):
        layers += [nn.Conv2d(fan_in, fan_out, size, stride=size), NORMS[norm](fan_out), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 10))
    generator = torch.Generator().manual_seed(SEED + 1000)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            weight = parameter.data.flatten(1)
            weight.copy_(torch.randn(weight.shape, generator=generator) * (2 / weight.shape[1]) ** 0.5)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


def main() -> dict[str, float]:
    digits = load_digits()
    final = {}
    for norm in NORMS:
        generator = torch.Generator().manual_seed(SEED)
        order = torch.randperm(len(digits.target), generator=generator)
        x = torch.from_numpy(digits.images).float()[order][:, None] / 16
        y = torch.from_numpy(digits.target).long()[order]
        x = (x - x[:TRAIN].mean()) / x[:TRAIN].std(correction=0)
        model, losses = net(norm), []
        optimiser = torch.optim.SGD(model.parameters(), lr=RATE)
        while len(losses) < STEPS:
            for index in torch.randperm(TRAIN, generator=generator).split(BATCH)[: STEPS - len(losses)]:
                loss = F.cross_entropy(model(x[index]), y[index])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            validation = F.cross_entropy(model(x[TRAIN : TRAIN + 256]), y[TRAIN : TRAIN + 256])
        final[norm], final[f"{norm}, validation"] = sum(losses[-10:]) / 10, validation.item()
        print(f"{norm:9s} training loss {final[norm]:.4f}, validation loss {validation:.4f}")
    return final


if __name__ == "__main__":
    main()
