"""Whether steps have changed the parameters of a model: digests of their bytes before and after."""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn

from benchmarks.harness.protocol.training import MAX_NAMES, ParameterChange
from benchmarks.harness.worker.tensors import dtype_name
from benchmarks.harness.worker.trainer import Trainer

LARGE_UPDATE = 1000
"""An update is sure to change a value if it is this many times larger than the rounding of the value. Below that, a
parameter that stays the same proves nothing: the gradient of a bias before batch normalisation is mere rounding, and
an optimiser may clip or damp a gradient.
"""


def parameters_sha256(model: nn.Module) -> str:
    """Of the bytes of all parameters, in their order."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(tensor_digest(parameter))
    return digest.hexdigest()


def tensor_digest(tensor: Tensor) -> bytes:
    """SHA-256 of the values of a tensor of any data type and memory format."""
    dense = tensor.detach().cpu()
    in_memory_order = sorted(range(dense.dim()), key=dense.stride, reverse=True)
    content = dense.permute(in_memory_order).contiguous()  # without a copy, in channels_last too
    if not content.numel():
        return b""
    return hashlib.sha256(content.view(-1).view(torch.uint8).numpy().data).digest()


class ParameterWatch:
    """The parameters of a trainer's model, from now on."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._before = self._digests()
        self._scale = trainer.scaler.get_scale()

    def _digests(self) -> list[bytes]:
        return [tensor_digest(parameter) for parameter in self._trainer.parameters.values()]

    def change(self, steps: int) -> ParameterChange:
        """What the last `steps` steps have changed. Gradients are those of the last step, if it was not skipped."""
        trainer = self._trainer
        unchanged = [old == new for old, new in zip(self._before, self._digests(), strict=True)]
        rates = learning_rates(trainer.optimizer)
        skipped = every_step_skipped(self._scale, trainer.scaler.get_scale(), steps)
        # Good steps since the last change of the scale. A skipped step sets it to 0; so does a doubled scale.
        suspect = trainer.scaler.state_dict().get("_growth_tracker") == 0
        gradients = gradients_of_another_step(trainer) if suspect and not skipped else trainer.seen.gradients
        gradients = gradients or [None] * len(unchanged)
        untrained = [
            name
            for (name, parameter), gradient, same in zip(trainer.parameters.items(), gradients, unchanged, strict=True)
            if same and not skipped and parameter.requires_grad and gradient is not None
            if must_change(parameter, gradient, rates.get(id(parameter), 0.0))
        ]
        kept = zip(trainer.parameters.values(), unchanged, strict=True)
        changed = [not same for parameter, same in kept if parameter.requires_grad]
        return ParameterChange(
            trainable=len(changed),
            dtypes=sorted({dtype_name(each) for each in trainer.parameters.values() if each.requires_grad}),
            changed=sum(changed),
            untrained=untrained[:MAX_NAMES],
            untrained_count=len(untrained),
            every_step_skipped=skipped,
        )


def gradients_of_another_step(trainer: Trainer) -> list[Tensor | None]:
    """Of a step on the last batch, without the optimiser. Those of a skipped step overflowed and show nothing. Empty if
    these are not finite either.
    """
    if not trainer.seen.batch:
        return []
    trainer.backward(trainer.seen.batch)
    scale = trainer.scaler.get_scale()
    gradients = [None if each.grad is None else each.grad / scale for each in trainer.parameters.values()]
    trainer.optimizer.zero_grad(set_to_none=True)
    finite = all(bool(each.isfinite().all()) for each in gradients if each is not None)
    return gradients if finite else []


def learning_rates(optimizer: torch.optim.Optimizer) -> dict[int, float]:
    """Identity of a parameter -> its learning rate, the highest that is known: a schedule may have ended at 0. Infinity
    for an optimizer that has none.
    """
    return {
        id(parameter): max(math.inf if group.get("lr") is None else float(group["lr"]), group.get("initial_lr", 0.0))
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def must_change(parameter: Tensor, gradient: Tensor, learning_rate: float) -> bool:
    """Whether an optimiser with this gradient changes the parameter beyond doubt.

    A parameter that is in no optimizer, or has the learning rate 0, is judged by whether it has a gradient at all.
    """
    gradient = gradient.detach().to_dense().abs()
    if learning_rate == 0:
        return bool((gradient > 0).any())
    rounding = torch.finfo(parameter.dtype).eps * parameter.detach().abs()
    return bool((learning_rate * gradient > LARGE_UPDATE * rounding + torch.finfo(parameter.dtype).tiny).any())


def every_step_skipped(scale_before: float, scale_after: float, steps: int) -> bool:
    """Whether a gradient scaler skipped each of some steps: it halves its scale each time.

    A scale below 1 means that the gradients themselves are not finite. Then nothing is trained, and nothing will be.
    """
    return scale_after <= scale_before * 0.5**steps and 1 <= scale_after < scale_before
