"""Weights and checkpoint files of the authors' implementation: loaded, or refused without running their code."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ocr_models.psenet import PSENet, load_official_checkpoint, load_official_state_dict
from suite import ROOT


def small_psenet() -> PSENet:
    return PSENet("resnet18", neck_channels=4, hidden_channels=4)


@pytest.fixture(scope="module")
def original() -> PSENet:
    torch.manual_seed(1)
    return small_psenet()


@pytest.fixture
def model(original: PSENet) -> PSENet:
    return copy.deepcopy(original)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """They differ from those of the model."""
    torch.manual_seed(2)
    return small_psenet().state_dict()


def assert_has(model: nn.Module, weights: dict[str, Tensor]) -> None:
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
    assert_has(model, weights)


def test_each_key_may_have_the_prefix_or_not(model: PSENet, weights: dict[str, Tensor]) -> None:
    entries = {("module." if i % 2 else "") + key: value for i, (key, value) in enumerate(weights.items())}
    load_official_state_dict(model, entries)
    assert_has(model, weights)


def test_one_error_names_every_misfit_and_the_model_is_unchanged(model: PSENet, weights: dict[str, Tensor]) -> None:
    before = copied(model)
    entries: dict[str, Any] = {f"module.{key}": value for key, value in weights.items()}
    del entries["module.backbone.conv1.weight"], entries["module.fpn.smooth1_.bn.running_var"]
    entries["module.surplus.weight"] = entries["another"] = torch.zeros(1)
    entries["module.det_head.conv2.weight"] = torch.zeros(19, 4, 1, 1)
    entries["module.det_head.conv2.bias"] = "text"
    with pytest.raises(ValueError, match="the weights do not fit the model") as error:
        load_official_state_dict(model, entries)
    missing, unexpected, no_tensor, misshapen = str(error.value).split("; ")
    assert missing.endswith("missing: backbone.conv1.weight, fpn.smooth1_.bn.running_var")
    assert unexpected == "unexpected: surplus.weight, another"
    assert no_tensor == "not a tensor: det_head.conv2.bias (str)"
    assert misshapen == "of another shape: det_head.conv2.weight (19, 4, 1, 1) instead of (7, 4, 1, 1)"
    assert_has(model, before)


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
    assert_has(model, before)


def test_weights_of_another_backbone_do_not_fit(model: PSENet) -> None:
    other = PSENet("resnet50", neck_channels=4, hidden_channels=4).state_dict()
    with pytest.raises(ValueError, match=r"unexpected: .*layer1\.0\.conv3\.weight"):
        load_official_state_dict(model, other)


@pytest.mark.parametrize("entries", [{"state_dict": None}, {"state_dict": [1]}, [torch.zeros(1)], {1: torch.zeros(1)}])
def test_entries_without_names_do_not_fit(model: PSENet, entries: Any) -> None:
    with pytest.raises(ValueError, match="do not fit the model"):
        load_official_state_dict(model, entries)


def test_an_array_that_is_not_a_tensor_is_named_with_its_type(model: PSENet, weights: dict[str, Tensor]) -> None:
    entries: dict[str, Any] = weights | {"det_head.conv2.bias": weights["det_head.conv2.bias"].numpy()}
    with pytest.raises(ValueError, match=r"do not fit the model: not a tensor: det_head\.conv2\.bias \(ndarray\)$"):
        load_official_state_dict(model, entries)


def test_a_tensor_that_is_not_dense_does_not_fit(model: PSENet, weights: dict[str, Tensor]) -> None:
    before = copied(model)
    with pytest.raises(ValueError, match=r"det_head\.conv2\.bias"):
        load_official_state_dict(model, {**weights, "det_head.conv2.bias": torch.zeros(7).to_sparse()})
    assert_has(model, before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(model: PSENet, weights: dict[str, Tensor], value: float) -> None:
    before = copied(model)
    with pytest.raises(ValueError, match=r"model: not finite: det_head\.conv2\.bias$"):
        load_official_state_dict(model, {**weights, "det_head.conv2.bias": torch.full((7,), value)})
    assert_has(model, before)


def test_an_entry_that_is_given_twice_is_refused(model: PSENet, weights: dict[str, Tensor]) -> None:
    twice = {**weights, "module.det_head.conv2.bias": torch.zeros(7)}
    with pytest.raises(ValueError, match=r"some are given twice, with and without `module\.`"):
        load_official_state_dict(model, twice)


def test_many_entries_make_one_short_line(model: PSENet) -> None:
    with pytest.raises(ValueError, match="and 1980 more") as caught:
        load_official_state_dict(model, {f"{number}\n" * 100: torch.zeros(1) for number in range(2000)})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 10_000


# checkpoint files


def saved(path: Path, content: object, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("zipped", [True, False])
def test_a_saved_checkpoint_loads(model: PSENet, weights: dict[str, Tensor], tmp_path: Path, zipped: bool) -> None:
    content = {"epoch": 600, "lr": 1e-5, "state_dict": {f"module.{key}": value for key, value in weights.items()}}
    path = saved(tmp_path / "official.pth.tar", content, _use_new_zipfile_serialization=zipped)
    load_official_checkpoint(model, str(path))
    assert_has(model, weights)


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
    with pytest.raises(ValueError, match=r"evil\.pth is not a checkpoint that can be read safely: "):
        load_official_checkpoint(model, path)
    assert not trace.exists()
    assert_has(model, before)


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
    with pytest.raises(ValueError, match=r"cut\.pth is not a checkpoint that can be read safely: ."):
        load_official_checkpoint(model, path)
    assert_has(model, before)


def damaged_files() -> Iterator[tuple[str, bytes]]:
    for seed in range(3):
        yield f"random{seed}", b"%" + random.Random(seed).randbytes(300)
    yield "text", b"<html>404: not found</html>\n"


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in damaged_files()])
def test_another_kind_of_file_is_refused_with_its_path(model: PSENet, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"noise\.pth is not a checkpoint that can be read safely: .") as error:
        load_official_checkpoint(model, path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),  # EOFError has no message
        pytest.param(b"\x80\x02}", id="ends-early"),
        pytest.param(b"\x80\x02M\x01", id="half-a-number"),
        pytest.param(b"\x80\x02h\x07.", id="unknown-memo"),
        pytest.param(b"\x80\x02q\x00.", id="empty-stack"),
    ],
)
def test_a_damaged_pickle_is_refused_with_its_path(model: PSENet, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.pth"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"noise\.pth is not a checkpoint that can be read safely"):
        load_official_checkpoint(model, path)


@pytest.mark.parametrize(("content", "kind"), [([1, 2], "list"), (torch.zeros(3), "Tensor"), (7, "int")])
def test_a_file_without_a_dict_is_refused(model: PSENet, tmp_path: Path, content: object, kind: str) -> None:
    path = saved(tmp_path / "other.pth", content)
    with pytest.raises(ValueError, match=rf"other\.pth contains a {kind}, not a dict of weights"):
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
