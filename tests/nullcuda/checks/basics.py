"""What the device itself does: the effects and the errors that all other checks rely on."""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from tests.nullcuda import device
from tests.nullcuda.errors import EVERY

CUDA = torch.device("cuda", 0)


def describe() -> dict[str, Any]:
    """Of the device, as torch sees it."""
    properties = torch.cuda.get_device_properties(CUDA)
    return {
        "count": torch.cuda.device_count(),
        "name": properties.name,
        "capability": [properties.major, properties.minor],
        "uuid": str(properties.uuid),
    }


def counted() -> dict[str, int]:
    """A product, a convolution, an elementwise kernel, a copy from pageable memory, waits."""
    image, kernel = torch.randn(1, 3, 8, 8, device=CUDA), torch.randn(4, 3, 3, 3, device=CUDA)
    device.reset()
    _ = image[0, 0] @ image[0, 1]
    torch.nn.functional.conv2d(image, kernel)
    _ = image + 1
    torch.ones(1000).to(CUDA, non_blocking=True)
    torch.cuda.synchronize()
    torch.cuda.current_stream().synchronize()
    event = torch.cuda.Event()
    event.record()
    event.synchronize()
    return device.counts()


def values() -> dict[str, Any]:
    """What holds true values: copies, fills, scalars; and what does not."""
    numbers = torch.arange(6.0)
    computed = [float((numbers.to(CUDA) * 2).sum()) for _ in range(5)]
    return {
        "copied": numbers.to(CUDA).cpu().tolist(),
        "filled": torch.full((3,), 7.0, device=CUDA).cpu().tolist(),
        "scalar": int(torch.tensor(12345).to(CUDA)),
        "computed": computed,
    }


def optimized(name: str) -> dict[str, bool]:
    """Whether a fused optimizer changes every parameter, and none if the scaler found infinity."""
    parameters = [torch.nn.Parameter(torch.randn(size, device=CUDA)) for size in (3, 70_000, 200_000)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    optimizer = getattr(torch.optim, name)(parameters, lr=0.1, fused=True, **options)
    scaler = torch.amp.GradScaler("cuda")
    found = {}
    for step in ("good", "overflow", "after"):
        before = [each.detach().cpu() for each in parameters]
        scaler.scale(torch.stack([each.sum() for each in parameters]).sum()).backward()
        device.reset()
        if step == "overflow":
            device.plant("overflows", 1, 1)
        scaler.step(optimizer)
        scaler.update()
        changes = [(old != new.detach().cpu()) for old, new in zip(before, parameters, strict=True)]
        found[step] = all(bool(change[0]) and bool(change[-1]) for change in changes)
    return {**found, "halved": scaler.get_scale() == 2.0**15}


def idle() -> list[bool]:
    """Whether a fused optimizer leaves its parameter as it was: if the device computes nothing, and after a reset."""
    parameter = torch.nn.Parameter(torch.ones(3, device=CUDA))
    optimizer = torch.optim.SGD([parameter], lr=0.1, fused=True)
    parameter.grad = torch.ones(3, device=CUDA)
    found = []
    for prepare in (device.compute_nothing, device.reset):
        before = parameter.detach().cpu()
        prepare()
        optimizer.step()
        found.append(torch.equal(before, parameter.detach().cpu()))
    return found


def error_text(counter: str, error: int) -> str:
    """Type and message of what torch raises after a planted error, and whether the context works after a reset."""
    image = torch.randn(1, 3, 8, 8, device=CUDA)
    device.plant(counter, 1, error, EVERY)
    try:
        torch.empty(2**28, device=CUDA)
        _ = image + 1
        torch.cuda.synchronize()
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"
    finally:
        device.reset()
        torch.cuda.empty_cache()
        torch.cuda.synchronize()
    return "no error"


def settings() -> dict[str, Any]:
    """What lasts as long as the process: settings of torch, and memory that it keeps."""
    return {
        "threads": torch.get_num_threads(),
        "search": torch.backends.cudnn.benchmark,
        "float32": torch.backends.cuda.matmul.fp32_precision,
        "host waits": torch.cuda.get_sync_debug_mode(),
        "memory": torch.cuda.memory_reserved(),
    }


def change_settings() -> dict[str, Any]:
    """The same after all of them were changed."""
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    torch.empty(2**28, device=CUDA).zero_()
    torch.cuda.set_sync_debug_mode("error")
    return settings()


def fail() -> None:
    """Raise an error that the caller must see."""
    print("printed before the failure")
    raise ValueError("of the check")


def hang() -> None:
    """Never return."""
    time.sleep(3600)


def die() -> None:
    """End the process."""
    os.abort()
