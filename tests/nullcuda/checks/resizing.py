"""Resizes and the loss on the device, eagerly and compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._inductor.utils import run_fw_bw_and_get_code
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.harness.worker.probes.work import moved_bytes
from ocr_models.batch_norm import BatchNorm2d, batch_norms, count_batch
from ocr_models.detection import resize as resizing
from ocr_models.detection.resize import resize
from ocr_models.psenet.model import PSENet
from ocr_models.psenet.task import Criterion, Targets
from tests.nullcuda import device
from tests.nullcuda.host_waits import no_host_wait

CUDA = torch.device("cuda", 0)


def eager_resize(dtype: str, channels_last: bool, autocast: bool) -> dict[str, Any]:
    """Forward and backward of a resize whose weights are made: what is launched, and types and strides."""
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(2, 8, 5, 7, device=CUDA).to(getattr(torch, dtype)).to(memory_format=memory_format).requires_grad_()
    for _ in range(2):  # the first time makes the weights
        x.grad = None
        device.reset()
        with no_host_wait(), torch.autocast("cuda", dtype=torch.bfloat16, enabled=autocast):
            resized = resize(x, torch.empty(13, 11, device="meta"))
            resized.backward(torch.empty_like(resized))
        found = {**device.counts(), "kernels": list(device.kernels())}
    assert x.grad is not None
    types = [str(each.dtype).removeprefix("torch.") for each in (resized, x.grad)]
    formats = [each.is_contiguous(memory_format=memory_format) for each in (resized, x.grad)]
    return {name: found.get(name, 0) for name in ("launches", "matmuls", "copies", "kernels")} | {
        "types": types,
        "kept_formats": all(formats),
    }


class Bytes(TorchDispatchMode):
    """Sums what all operations read and write."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no annotations here
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = function(*args, **(kwargs or {}))
        self.total += moved_bytes(function, args, kwargs or {}, results, "cuda")
        return results


def label_maps(n: int, size: int) -> Targets:
    """Maps on the device, as the preparation of a batch gives them: parts of one tensor."""
    maps = torch.zeros(n, 8, size, size, dtype=torch.bool, device=CUDA)
    return Targets(maps[:, 0], maps[:, 1:7], maps[:, 7])


def eager_loss(n: int, size: int) -> dict[str, float]:
    """Launches of forward and backward of the criterion, and bytes as multiples of its full-size logits."""
    logits = torch.randn(n, 7, size // 4, size // 4, device=CUDA, requires_grad=True)
    criterion, targets = Criterion(), label_maps(n, size)
    criterion(logits, targets)["loss"].backward()
    device.reset()
    with no_host_wait():
        criterion(logits, targets)["loss"].backward()
    launches = device.counts()["launches"]
    with Bytes() as bytes_:
        criterion(logits, targets)["loss"].backward()
    return {"launches": launches, "passes": bytes_.total / (n * 7 * size * size * 4)}


class Resizes(torch.nn.Module):
    """Layers in channels_last with resizes between them, batch norms and a resize of planes, as in PSENet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.last = torch.nn.Conv2d(8, 8, 1), BatchNorm2d(8), BatchNorm2d(8)
        self.norms = batch_norms(self)

    def forward(self, coarse: Tensor, fine: Tensor, full: Tensor) -> Tensor:
        count_batch(self.norms)
        x = self.norm(self.conv(fine)).relu()
        joined = torch.cat((x, resize(self.conv(coarse), fine)), dim=1)  # (N, 16, H, W)
        maps = self.last(x + resize(joined[:, 8:], fine)).float().contiguous()
        return resize(maps, full).square().mean()


def compiled_code(precision: str) -> dict[str, Any]:
    """Operations in the code that the compiler makes for resizes and batch norms, forward and backward."""
    model = Resizes().to(CUDA).to(memory_format=torch.channels_last)
    inputs = [torch.randn(2, 8, side, side, device=CUDA).to(memory_format=torch.channels_last) for side in (8, 16)]
    compiled: Callable[..., Tensor] = torch.compile(model, dynamic=False, fullgraph=True)

    def step() -> Tensor:
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bf16"):
            return compiled(*inputs, torch.empty(64, 64, device=CUDA))

    try:
        _, code = run_fw_bw_and_get_code(step)
    finally:
        torch._dynamo.reset()
    text = "\n".join(code)
    launched = re.findall(r"(\S+)\.run\(", text)
    return {
        "atomics": text.count("tl.atomic_add("),
        "gradients": len(re.findall(r"= torch\.ops\.ocr_models\.resize_gradient\.default\(buf", text)),
        "index_kernels": [name for name in launched if "arange" in name and "index" not in name],
        "counting": len([name for name in launched if name.startswith("triton_for_fused")]),
    }


def counting_launches() -> int:
    """Launches that count a batch in all layers of PSENet."""
    norms = PSENet().to(CUDA).batch_norms
    device.reset()
    count_batch(norms)
    return device.counts()["launches"]


def graphed() -> dict[str, Any]:
    """Steps of a resize that are recorded as CUDA graphs: how many weights are kept, after the first and after all."""
    resizing._weights.clear()
    like = torch.empty(9, 6, device=CUDA)

    def step(x: Tensor) -> Tensor:
        return resize(x * 2, like).square().sum()

    compiled = torch.compile(step, mode="reduce-overhead", dynamic=False, fullgraph=True)
    kept, launched = [], []
    try:
        for _ in range(5):
            x = torch.randn(2, 4, 5, 3, device=CUDA).requires_grad_()
            device.reset()
            torch.compiler.cudagraph_mark_step_begin()
            compiled(x).backward()
            kept.append(len(resizing._weights))
            launched.append(device.count("graph_launches"))
    finally:
        torch._dynamo.reset()
    return {"kept": kept, "graph_launches": launched[-1]}
