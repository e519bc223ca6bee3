"""The training loss of DB: BCE of the probability map over hard examples, L1 of the threshold map, dice of the binary map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ocr_models.db.loss_parts import map_losses
from ocr_models.detection.counting import as_bool

THRESHOLD_WEIGHT = 10


class DBLoss(nn.Module):
    """The loss of a batch and its three parts. All sums run over the whole batch, not over each image.

    Everything is computed in float32; in float64 if the maps are float64.
    """

    def forward(
        self, maps: Tensor, shrink_map: Tensor, shrink_mask: Tensor, threshold_map: Tensor, threshold_mask: Tensor
    ) -> dict[str, Tensor]:
        """Compute the losses.

        Args:
            maps: (N, 3, H, W), floating, between 0 and 1: probability, threshold and binary map.
            shrink_map: (N, H, W), 0 or 1, of any type: the shrunk texts.
            shrink_mask: (N, H, W), 0 or 1, of any type; pixels with 0 do not count in `loss_probability` and `loss_binary`.
            threshold_map: (N, H, W), floating.
            threshold_mask: (N, H, W), 0 or 1, of any type; pixels with 0 do not count in `loss_threshold`.

        Returns:
            `loss` = `loss_probability` + 10 `loss_threshold` + `loss_binary`, all scalars. Each of the four carries a
            gradient; `ocr_models.db.loss_parts` has their definitions.

        Raises:
            ValueError: if the shapes do not match.
        """
        labels = (shrink_map, shrink_mask, threshold_map, threshold_mask)
        _check_shapes(maps, labels)
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
        probability, threshold, binary = map_losses(
            maps, as_bool(shrink_map), as_bool(shrink_mask), threshold_map, as_bool(threshold_mask)
        )
        return {
            "loss": probability + THRESHOLD_WEIGHT * threshold + binary,
            "loss_probability": probability,
            "loss_threshold": threshold,
            "loss_binary": binary,
        }


def _check_shapes(maps: Tensor, labels: tuple[Tensor, ...]) -> None:
    fits = maps.dim() == 4 and maps.shape[1] == 3
    if not fits or any(label.shape != (maps.shape[0], *maps.shape[2:]) for label in labels):
        found = ", ".join(str(tuple(t.shape)) for t in (maps, *labels))
        names = "maps, shrink map, shrink mask, threshold map and threshold mask"
        raise ValueError(f"{names} do not fit each other: {found}")
