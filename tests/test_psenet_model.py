"""The network: its shapes and sizes, how its weights are drawn, and how official ones are read."""

from __future__ import annotations

import ast
import copy
import functools
import math
import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck

from ocr_models.psenet import PSENet, load_official_checkpoint, load_official_state_dict

ROOT = Path(__file__).parents[1]
DEPTHS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}
CHANNELS = {"resnet18": (64, 128, 256, 512), "resnet50": (256, 512, 1024, 2048)}
SMALL = {"backbone": "resnet18", "neck_channels": 4, "hidden_channels": 4}


def without_memory(backbone: str, **widths: int) -> PSENet:
    """Shapes alone: on the meta device nothing is stored or computed."""
    with torch.device("meta"):
        return PSENet(backbone, **widths)


@functools.cache
def drawn(backbone: str) -> PSENet:
    torch.manual_seed(0)
    return PSENet(backbone)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def quarter(side: int) -> int:
    """Two convolutions of stride 2, each of which rounds up."""
    return math.ceil(math.ceil(side / 2) / 2)


# shapes


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
@pytest.mark.parametrize("size", [(64, 96), (100, 132), (33, 65), (1, 7), (736, 1280)])
def test_logits_are_seven_maps_of_a_quarter_of_the_image_rounded_up(backbone: str, size: tuple[int, int]) -> None:
    images = torch.empty(2, 3, *size, device="meta")
    logits = without_memory(backbone)(images)
    assert logits.shape == (2, 7, quarter(size[0]), quarter(size[1]))


@pytest.mark.parametrize("size", [(64, 64), (100, 132)])
def test_logits_of_real_pixels_are_finite(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        logits = PSENet(**SMALL)(torch.randn(1, 3, *size))
    assert logits.shape == (1, 7, quarter(size[0]), quarter(size[1]))
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


def test_the_logits_are_the_same_in_any_memory_format() -> None:
    torch.manual_seed(0)
    model, images = PSENet(**SMALL).double().eval(), torch.randn(2, 3, 64, 96).double()
    expected = model(images)
    model.to(memory_format=torch.channels_last)
    torch.testing.assert_close(model(images), expected)
    model.det_head.to(memory_format=torch.contiguous_format)
    logits = model(images)
    torch.testing.assert_close(logits, expected)
    assert logits.is_contiguous()  # the head's own format: what the criterion works on in planes


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_stages_have_their_channels_at_a_4th_8th_16th_and_32nd(backbone: str) -> None:
    features = without_memory(backbone).backbone(torch.empty(1, 3, 128, 192, device="meta"))
    expected = [
        (1, channels, 128 // s, 192 // s) for channels, s in zip(CHANNELS[backbone], (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(feature.shape) for feature in features] == expected


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_stages_have_their_depths(backbone: str) -> None:
    found = without_memory(backbone).backbone
    assert tuple(len(stage) for stage in (found.layer1, found.layer2, found.layer3, found.layer4)) == DEPTHS[backbone]


def test_the_stem_is_three_convolutions_and_a_pool() -> None:
    backbone = without_memory("resnet50").backbone
    stem = (backbone.conv1, backbone.conv2, backbone.conv3)
    found = [(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride) for conv in stem]
    assert found == [(3, 64, (3, 3), (2, 2)), (64, 64, (3, 3), (1, 1)), (64, 128, (3, 3), (1, 1))]
    assert (backbone.maxpool.kernel_size, backbone.maxpool.stride, backbone.maxpool.padding) == (3, 2, 1)


def test_bottlenecks_have_their_stride_in_the_3x3_convolution() -> None:
    strides = {}
    for name, module in without_memory("resnet50").backbone.named_modules():
        if isinstance(module, Bottleneck):
            strides[name] = (module.conv1.stride[0], module.conv2.stride[0], module.conv3.stride[0])
            assert module.conv2.kernel_size == (3, 3)
    assert {name for name, stride in strides.items() if stride != (1, 1, 1)} == {"layer2.0", "layer3.0", "layer4.0"}
    assert {strides[name] for name in ("layer2.0", "layer3.0", "layer4.0")} == {(1, 2, 1)}


def test_parameter_counts() -> None:
    large, small = without_memory("resnet50"), without_memory("resnet18")
    assert parameter_count(large) == 28_749_767
    assert parameter_count(large.backbone) == 23_631_808
    assert parameter_count(large.det_head) == 256 * 1024 * 9 + 256 + 2 * 256 + 7 * 256 + 7
    assert parameter_count(small) < parameter_count(large) / 1.5


def test_neck_and_head_can_be_narrower() -> None:
    model = without_memory("resnet18", neck_channels=8, hidden_channels=5)
    assert {level.shape[1] for level in model.fpn(*model.backbone(torch.empty(1, 3, 64, 64, device="meta")))} == {8}
    assert tuple(model.det_head.conv1.weight.shape) == (5, 32, 3, 3)
    assert model(torch.empty(1, 3, 64, 96, device="meta")).shape == (1, 7, 16, 24)


def test_the_head_alone_has_biases() -> None:
    biased = {
        name
        for name, module in without_memory("resnet50").named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is not None
    }
    assert biased == {"det_head.conv1", "det_head.conv2"}


def test_an_unknown_backbone_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="'resnet34' is not known: choose one of resnet18, resnet50"):
        PSENet("resnet34")


# what the neck computes, from the recipe


def test_levels_are_merged_from_the_top_down() -> None:
    """Every layer replaced by the identity: what is left is upsampling and addition."""
    neck = PSENet(**SMALL).fpn
    for name in dict(neck.named_children()):
        setattr(neck, name, nn.Identity())
    f2, f3, f4, f5 = (torch.randn(1, 4, 16 // s, 24 // s) for s in (1, 2, 4, 8))

    def doubled(x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    p4 = f4 + doubled(f5)
    p3 = f3 + doubled(p4)
    for found, expected in zip(neck(f2, f3, f4, f5), (f2 + doubled(p3), p3, p4, f5), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_head_sees_the_levels_from_the_largest_to_the_smallest_all_at_the_largest_size() -> None:
    head = PSENet(**SMALL).det_head
    seen: list[Tensor] = []
    head.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    head(*(torch.full((1, 4, 16 // s, 24 // s), float(s)) for s in (1, 2, 4, 8)))
    expected = torch.tensor([1.0, 2, 4, 8]).repeat_interleave(4).view(1, 16, 1, 1).expand(1, 16, 16, 24)
    torch.testing.assert_close(seen[0], expected)


# initialisation


def test_convolution_weights_are_normal_with_the_variance_of_their_output_connections() -> None:
    large = {
        name: module
        for name, module in drawn("resnet50").named_modules()
        if isinstance(module, nn.Conv2d) and module.weight.numel() >= 30_000
    }
    assert len(large) > 40
    for name, conv in large.items():
        weight = conv.weight.detach().double()
        kh, kw = conv.kernel_size
        std = math.sqrt(2 / (kh * kw * conv.out_channels))
        error = 1 / math.sqrt(weight.numel())
        assert abs(weight.std().item() / std - 1) < 5 * error / math.sqrt(2), name
        assert abs(weight.mean().item() / std) < 5 * error, name
        assert abs((weight / std).abs().lt(1).double().mean().item() - 0.6827) < 5 * 0.5 * error, name  # normal


def test_batch_norms_start_as_the_identity() -> None:
    norms = [module for module in drawn("resnet50").modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 3 + 16 * 3 + 4 + 7 + 1
    for norm in norms:
        assert (norm.weight == 1).all()
        assert (norm.bias == 0).all()


def test_the_seed_makes_the_weights() -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.detach().flatten() for parameter in PSENet(**SMALL).parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


# official weights


@pytest.fixture(scope="module")
def original() -> PSENet:
    torch.manual_seed(1)
    return PSENet(**SMALL)


@pytest.fixture
def model(original: PSENet) -> PSENet:
    return copy.deepcopy(original)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Other ones than the model's."""
    torch.manual_seed(2)
    return PSENet(**SMALL).state_dict()


def assert_holds(model: nn.Module, weights: dict[str, Tensor]) -> None:
    found = model.state_dict()
    assert found.keys() == weights.keys()
    assert all(torch.equal(value, weights[key]) for key, value in found.items())


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_weights_load_however_they_are_wrapped(
    model: PSENet, weights: dict[str, Tensor], prefix: str, wrapped: bool
) -> None:
    entries: dict[str, Any] = {prefix + key: value for key, value in weights.items()}
    load_official_state_dict(model, {"state_dict": entries, "epoch": 600, "optimizer": {}} if wrapped else entries)
    assert_holds(model, weights)


def test_each_key_may_have_the_prefix_or_not(model: PSENet, weights: dict[str, Tensor]) -> None:
    entries = {("module." if i % 2 else "") + key: value for i, (key, value) in enumerate(weights.items())}
    load_official_state_dict(model, entries)
    assert_holds(model, weights)


def test_one_error_names_all_that_does_not_fit_and_leaves_the_model_as_it_was(
    model: PSENet, weights: dict[str, Tensor]
) -> None:
    before = copied(model)
    entries: dict[str, Any] = {f"module.{key}": value for key, value in weights.items()}
    del entries["module.backbone.conv1.weight"], entries["module.fpn.smooth1_.bn.running_var"]
    entries["module.surplus.weight"] = entries["another"] = torch.zeros(1)
    entries["module.det_head.conv2.weight"] = torch.zeros(19, 4, 1, 1)
    entries["module.det_head.conv2.bias"] = "text"
    with pytest.raises(ValueError, match="the weights do not fit the model") as error:
        load_official_state_dict(model, entries)
    missing, unexpected, misshapen = str(error.value).split("; ")
    assert missing.endswith("missing: backbone.conv1.weight, fpn.smooth1_.bn.running_var")
    assert unexpected == "unexpected: surplus.weight, another"
    assert misshapen.startswith("of another shape: det_head.conv2.weight (19, 4, 1, 1) instead of (7, 4, 1, 1)")
    assert "det_head.conv2.bias str instead of (7,)" in misshapen
    assert_holds(model, before)


@pytest.mark.parametrize("fault", ["missing", "unexpected", "of another shape"])
def test_each_fault_alone_is_an_error(model: PSENet, weights: dict[str, Tensor], fault: str) -> None:
    before, entries = copied(model), dict(weights)
    if fault == "missing":
        del entries["backbone.conv1.weight"]
    elif fault == "unexpected":
        entries["surplus"] = torch.zeros(1)
    else:
        entries["backbone.conv1.weight"] = torch.zeros(64, 1, 3, 3)
    with pytest.raises(ValueError, match=f"model: {fault}: [^;]*$"):
        load_official_state_dict(model, entries)
    assert_holds(model, before)


def test_weights_of_another_backbone_do_not_fit(model: PSENet) -> None:
    other = without_memory("resnet50", neck_channels=4, hidden_channels=4).state_dict()
    with pytest.raises(ValueError, match=r"unexpected: .*layer1\.0\.conv3\.weight"):
        load_official_state_dict(model, other)


@pytest.mark.parametrize("entries", [{"state_dict": None}, {"state_dict": [1]}, {1: torch.zeros(1)}])
def test_what_is_no_mapping_of_names_does_not_fit(model: PSENet, entries: Any) -> None:
    with pytest.raises(ValueError, match="do not fit the model"):
        load_official_state_dict(model, entries)


def test_a_tensor_that_is_not_dense_does_not_fit(model: PSENet, weights: dict[str, Tensor]) -> None:
    before = copied(model)
    with pytest.raises(ValueError, match=r"det_head\.conv2\.bias"):
        load_official_state_dict(model, {**weights, "det_head.conv2.bias": torch.zeros(7).to_sparse()})
    assert_holds(model, before)


# checkpoint files


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_a_saved_checkpoint_loads(model: PSENet, weights: dict[str, Tensor], tmp_path: Path, zipped: bool) -> None:
    content = {"epoch": 600, "lr": 1e-5, "state_dict": {f"module.{key}": value for key, value in weights.items()}}
    path = saved(tmp_path / "official.pth.tar", content, _use_new_zipfile_serialization=zipped)
    load_official_checkpoint(model, str(path))
    assert_holds(model, weights)


class CreatesAFile:
    """Unpickled carelessly, this creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["pickle", "zipped", "legacy"])
def test_code_in_a_checkpoint_is_refused_and_not_run(
    model: PSENet, weights: dict[str, Tensor], tmp_path: Path, kind: str
) -> None:
    before, path, trace = copied(model), tmp_path / "evil.pth", tmp_path / "trace"
    content = {"state_dict": weights, "epoch": CreatesAFile(trace)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"epoch": CreatesAFile(trace)}, protocol=2))
    else:
        saved(path, content, _use_new_zipfile_serialization=kind == "zipped")
    with pytest.raises(ValueError, match=r"evil\.pth is no checkpoint that can be read safely: "):
        load_official_checkpoint(model, path)
    assert not trace.exists()
    assert_holds(model, before)


def test_that_code_would_be_run_by_a_careless_reader(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(CreatesAFile(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_refused_with_its_path(
    model: PSENet, weights: dict[str, Tensor], tmp_path: Path, share: float
) -> None:
    before, path = copied(model), saved(tmp_path / "cut.pth", weights)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"cut\.pth is no checkpoint that can be read safely: ."):
        load_official_checkpoint(model, path)
    assert_holds(model, before)


def damaged_files() -> Iterator[tuple[str, bytes]]:
    for seed in range(3):
        yield f"random{seed}", b"%" + random.Random(seed).randbytes(300)
    yield "text", b"<html>404: not found</html>\n"


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in damaged_files()])
def test_what_is_no_checkpoint_is_refused_with_its_path(model: PSENet, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"noise\.pth is no checkpoint that can be read safely: .") as error:
        load_official_checkpoint(model, path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),  # EOFError without words, whose first line is then asked for
        pytest.param(b"\x80\x02}", id="ends-early"),
        pytest.param(b"\x80\x02M\x01", id="half-a-number"),
        pytest.param(b"\x80\x02h\x07.", id="unknown-memo"),
        pytest.param(b"\x80\x02q\x00.", id="empty-stack"),
    ],
)
def test_a_damaged_pickle_is_refused_with_its_path(model: PSENet, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"noise\.pth is no checkpoint that can be read safely"):
        load_official_checkpoint(model, path)


@pytest.mark.parametrize(("content", "kind"), [([1, 2], "list"), (torch.zeros(3), "Tensor"), (7, "int")])
def test_a_file_that_holds_no_dict_is_refused(model: PSENet, tmp_path: Path, content: object, kind: str) -> None:
    path = saved(tmp_path / "other.pth", content)
    with pytest.raises(ValueError, match=rf"other\.pth holds a {kind}, not a dict of weights"):
        load_official_checkpoint(model, path)


def test_weights_in_a_file_that_do_not_fit_are_refused_with_its_path(model: PSENet, tmp_path: Path) -> None:
    path = saved(tmp_path / "other.pth", {"state_dict": {"surplus": torch.zeros(1)}})
    with pytest.raises(ValueError, match=r"other\.pth: the weights do not fit the model: missing: .*surplus"):
        load_official_checkpoint(model, path)


def test_a_missing_file_or_a_folder_is_the_systems_own_error(model: PSENet, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        load_official_checkpoint(model, tmp_path / "absent.pth")
    with pytest.raises(IsADirectoryError):
        load_official_checkpoint(model, tmp_path)


def unsafe_loads(source: str) -> list[int]:
    """Lines on which torch.load is called, or taken under another name, without weights_only=True."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords)
            lines += [] if safe else [node.lineno]
        elif isinstance(node, ast.ImportFrom) and node.module in ("torch", "torch.serialization"):
            lines += [node.lineno for alias in node.names if alias.name == "load"]
    return lines


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "torch.load(path, **options)",
        "from torch import load",
        "from torch.serialization import load as read",
    ],
)
def test_an_unsafe_load_would_be_found(source: str) -> None:
    assert unsafe_loads(f"import torch\n{source}\n") == [2]


def test_files_are_read_with_weights_only() -> None:
    sources = [path for folder in ("ocr_models", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in sources}
    assert any("torch.load(" in text for text in texts.values())
    assert {path: lines for path, text in texts.items() if (lines := unsafe_loads(text))} == {}
