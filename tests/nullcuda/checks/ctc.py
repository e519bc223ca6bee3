"""CTC on the device."""

from __future__ import annotations

import torch

from ocr_models.crnn import ctc_loss
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait


def launches(dtype: str, steps: int) -> int:
    """Kernels of forward and backward. torch raises an error if the host waits."""
    logits = torch.rand(4, steps, 37, device="cuda", dtype=getattr(torch, dtype), requires_grad=True)
    labels = torch.ones(4, 25, device="cuda", dtype=torch.int64)
    lengths = torch.ones(4, device="cuda", dtype=torch.int64)
    device.reset()
    with no_host_wait():
        ctc_loss(logits, labels, lengths)[0].backward()
    return device.count("launches")


def native_waits() -> int:
    """Host waits of torch's own CTC, with the recipe's padded labels."""
    logits = torch.rand(4, 26, 37, device="cuda", requires_grad=True)
    labels = torch.ones(4, 25, dtype=torch.int64).cuda()  # copies have true values, which torch checks
    lengths = torch.ones(4, dtype=torch.int64).cuda()
    steps = torch.full((4,), 26).cuda()
    device.reset()
    log_probs = logits.log_softmax(2).transpose(0, 1)
    torch.nn.functional.ctc_loss(log_probs, labels, steps, lengths, zero_infinity=True).backward()
    counts = device.counts()
    return sum(value for name, value in counts.items() if name.endswith("_waits"))
