"""What arrives at the first layer of a network: a network that shrinks its input does less work than it seems to."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class FirstLayer(TorchDispatchMode):
    """Observes, as a context, what arrives where a network first applies its parameters to its input.

    It follows what is computed from the input alone, and from the parameters alone, up to where they meet.

    Attributes:
        shape: of the tensor that arrives there; None if the input never meets a parameter.
    """

    def __init__(self, model: nn.Module, inputs: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.shape: list[int] | None = None
        # The tensors are kept, so that no other tensor gets the identity of one that is gone.
        self._data: dict[int, Tensor] = {id(inputs): inputs}
        self._weights: dict[int, Tensor] = {id(each): each for each in model.parameters()}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        if self.shape is None:
            self._follow([each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)], results)
        return results

    def _follow(self, operands: list[Tensor], results: Any) -> None:
        data = [each for each in operands if id(each) in self._data]
        weights = [each for each in operands if id(each) in self._weights]
        if data and weights:
            self.shape = list(data[0].shape)
            self._data.clear()
            self._weights.clear()
        elif data or weights:
            computed = {id(each): each for each in tree_leaves(results) if isinstance(each, Tensor)}
            (self._data if data else self._weights).update(computed)
