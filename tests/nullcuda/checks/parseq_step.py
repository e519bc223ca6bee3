"""PARSeq's step on the device."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ocr_models.parseq import PARSeq, Size, permuted_loss
from ocr_models.parseq.labels import END, PAD, START
from ocr_models.parseq.prepare import PrepareBatch
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

ATTENTION = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]
"""The device cannot plan cuDNN's."""

BATCH_SIZE = 128  # more tokens than torch looks up without sorting them
SIZE = Size(dim=48, heads=3, decoder_heads=6, depth=2)


def counted(dtype: str) -> tuple[dict[str, int], list[str]]:
    """The device's counters of a step, and the names of its kernels. torch raises an error if the host waits."""
    half = {} if dtype == "float32" else {"dtype": getattr(torch, dtype)}
    model, prepare = PARSeq(SIZE).cuda(), PrepareBatch().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0, fused=True)
    pixels = torch.zeros(BATCH_SIZE, 3, 32, 128, dtype=torch.uint8, device="cuda")
    tokens = torch.tensor([START, 1, 2, END] + [PAD] * 23, dtype=torch.uint8).repeat(BATCH_SIZE, 1).cuda()
    order = torch.arange(25, dtype=torch.uint8).repeat(BATCH_SIZE, 2, 1).cuda()
    for _ in range(3):  # the first steps allocate memory
        device.reset()
        with no_host_wait(), sdpa_kernel(ATTENTION):
            with torch.autocast("cuda", **half) if half else nullcontext():
                inputs, targets = prepare((pixels, tokens, order))
                loss = permuted_loss(model(inputs), *targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 20)
            optimizer.step()
    return device.counts(), sorted(device.kernels())
