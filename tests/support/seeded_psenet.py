"""Numbers of a PSENet with the seeded weights of tests/golden: `python seeded_psenet.py FOLDER OUTPUT.npz`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ocr_models.psenet import PSENet, PSENetLoss, load_official_state_dict
from seeded import images, seeded_entry, training_images


def official_keys(folder: Path) -> list[tuple[str, list[int]]]:
    return [(key, shape) for key, shape in json.loads((folder / "official_state_dict_keys.json").read_text())]


def seeded_model(folder: Path, seed: int) -> PSENet:
    entries = {key: seeded_entry(key, shape, seed + i) for i, (key, shape) in enumerate(official_keys(folder))}
    model = PSENet()
    load_official_state_dict(model, entries)
    return model


def forward_numbers(folder: Path) -> dict[str, Tensor]:
    given = np.load(folder / "forward.npz")
    seed = int(given["seed"])
    inputs = images(given["input_shape"].tolist(), seed)
    model = seeded_model(folder, seed)
    with torch.no_grad():
        quarter = model.eval()(inputs)
        full = upsampled(quarter, inputs)
        return {
            "eval_quarter": quarter,
            "train_quarter": model.train()(inputs),
            "eval_full_mean": full.mean(),
            "eval_full_std": full.std(),
        }


def trajectory_numbers(folder: Path) -> dict[str, Tensor]:
    given = np.load(folder / "trajectory.npz")
    seed = int(given["seed"])
    model = seeded_model(folder, seed).train()
    criterion = PSENetLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.99, weight_decay=5e-4)
    rows = []
    for step in range(len(given["losses"])):
        inputs = training_images(given["image_shape"].tolist(), seed, step)
        targets = [torch.from_numpy(given[f"{step}.{name}"]) for name in ("gt_text", "gt_kernels", "training_mask")]
        losses = criterion(upsampled(model(inputs), inputs), *targets)
        optimizer.zero_grad()
        (losses["loss_text"].mean() + losses["loss_kernels"].mean()).backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        means = [losses[name].detach().mean() for name in ("loss_text", "loss_kernels", "iou_text", "iou_kernel")]
        rows.append(torch.stack([*means, norm]))
        optimizer.step()
    return {"losses": torch.stack(rows)}


def upsampled(logits: Tensor, images: Tensor) -> Tensor:
    return F.interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=False)


if __name__ == "__main__":
    source, output = map(Path, sys.argv[1:])
    numbers = forward_numbers(source) | trajectory_numbers(source)
    found: dict[str, Any] = {name: value.numpy() for name, value in numbers.items()}
    np.savez(output, **found)
