"""The network against the recipe's in its plainest form: benchmarks/components/parseq/baseline."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend

from benchmarks.components.parseq.baseline.step import baseline_loss
from benchmarks.harness.worker.probes.flops import model_report
from narrow_parseq import LABELS, NARROW, baseline, drawn, images, orders
from ocr_models.parseq import PARSeq, Size, draw_permutations, encode, load_reference_state_dict, permuted_loss
from ocr_models.parseq.embedding import TokenEmbedding
from ocr_models.parseq.model import Inputs
from ocr_models.parseq.prepare import PrepareBatch


def loss_of(model: PARSeq, targets: Tensor, permutations: Tensor) -> Tensor:
    return permuted_loss(model(Inputs(images(), targets[:, :-1], permutations)), targets, permutations)


# training


@pytest.mark.parametrize("labels", [LABELS, ["a", "b"], ["ab", "c"], ["abcdefghijklmnopqrstuvwxy", "abc"]])
def test_loss_and_gradient_are_those_of_one_pass_per_order(labels: list[str]) -> None:
    model, plain, targets = copy.deepcopy(drawn()), baseline(), encode(labels)
    permutations = orders(targets.shape[1] - 2)
    loss, expected = loss_of(model, targets, permutations), baseline_loss(plain, images(), targets, permutations)
    torch.testing.assert_close(loss, expected)
    loss.backward(), expected.backward()
    expected_gradients = {name: each.grad for name, each in plain.named_parameters()}
    torch.testing.assert_close({name: each.grad for name, each in model.named_parameters()}, expected_gradients)


def test_labels_padded_to_25_characters_have_the_same_loss_if_their_own_are_read_in_the_same_order() -> None:
    own, fixed = encode(LABELS), encode(LABELS, width=27)
    longer = draw_permutations(25, torch.Generator().manual_seed(3))
    shorter = [[place for place in row if place <= 5] for row in longer.tolist()]
    permutations = torch.tensor([[*row, 6] for row in shorter])
    permutations[1] = torch.tensor([0, 6, 5, 4, 3, 2, 1])
    torch.testing.assert_close(loss_of(drawn(), fixed, longer), loss_of(drawn(), own, permutations))


def test_logits_have_an_order_a_sample_and_a_position() -> None:
    assert drawn()(Inputs(images(), encode(LABELS)[:, :-1], orders(5))).shape == (6, 2, 6, 95)


def test_dropout_is_on_in_training_only() -> None:
    model, targets, permutations = copy.deepcopy(drawn()).train(), encode(LABELS), orders(5)
    assert loss_of(model, targets, permutations) != loss_of(model, targets, permutations)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        logits = model(Inputs(images(), targets[:, :-1], orders(5)[[0, 0]]))
    assert not torch.equal(*logits)  # each order has its own
    model.eval()
    assert loss_of(model, targets, permutations) == loss_of(model, targets, permutations)


def test_each_layer_with_dropout_uses_it() -> None:
    model, targets, permutations = copy.deepcopy(drawn()).train(), encode(LABELS), orders(5)
    layers = [each for each in model.modules() if isinstance(each, nn.Dropout)]
    dropped: list[torch.Size] = []
    for layer in layers:
        layer.register_forward_hook(lambda module, inputs, output: dropped.append(output.shape))
        layer.p = 0.0
    assert loss_of(model, targets, permutations) == loss_of(model, targets, permutations)
    assert sorted({tuple(each) for each in dropped}) == [(2, 6, 24), (2, 36, 24), (2, 36, 96)]
    assert len(dropped) == 2 * (2 + 4)  # queries and tokens; three sublayers, and inside the last
    for layer in layers:
        layer.p = 0.1
        assert loss_of(model, targets, permutations) != loss_of(model, targets, permutations)
        layer.p = 0.0
    assert len(layers) == 4


def test_the_embedding_is_a_lookup_with_its_gradient() -> None:
    embedding, tokens = TokenEmbedding(16).double(), torch.tensor([[95, 3, 3, 0], [95, 96, 1, 3]])
    weight = embedding.embedding.weight
    weights = torch.randn(2, 4, 16).double()
    found, expected = embedding(tokens.to(torch.uint8)), 4 * weight[tokens]
    torch.testing.assert_close(found, expected)
    (own,), (other,) = (torch.autograd.grad((each * weights).sum(), weight) for each in (found, expected))
    torch.testing.assert_close(own, other)


def test_a_batch_is_prepared_on_the_device_with_the_orders_of_its_first_sample() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(2, 48).view(2, 3, 32, 128)
    tokens = encode(LABELS, width=27)
    order = torch.stack([torch.randperm(25) for _ in range(4)]).view(2, 2, 25)
    inputs, targets = PrepareBatch()((pixels, tokens.to(torch.uint8), order.to(torch.uint8)))
    torch.testing.assert_close(inputs.images, (pixels / 255 - 0.5) / 0.5)
    assert torch.equal(inputs.tokens, tokens[:, :-1])
    assert torch.equal(targets.tokens, tokens)
    assert targets.tokens.dtype == torch.int64
    assert torch.equal(targets.permutations, inputs.permutations)
    assert torch.equal(inputs.permutations[2::2, 1:-1], order[0] + 1)


# sizes and cost


def without_memory(size: str | Size) -> PARSeq:
    with torch.device("meta"):
        return PARSeq(size)


@pytest.mark.parametrize(("size", "parameters"), [("parseq", 23_832_671), ("parseqtiny", 6_018_143)])
def test_parameter_counts(size: str, parameters: int) -> None:
    assert sum(each.numel() for each in without_memory(size).parameters()) == parameters


@pytest.mark.parametrize(("size", "dim"), [("parseq", 384), ("parseqtiny", 192)])
def test_the_operations_of_a_step_are_those_of_six_orders_on_one_memory(size: str, dim: int) -> None:
    """Twice as many backwards as forwards, but images need no gradient; the lookup of tokens counts only backwards."""
    patches = 128 * 96 * dim
    encoder = 12 * (12 * 128 * dim**2 + 2 * 128 * 128 * dim)
    queries = 6 * 26
    projections = queries * 12 * dim**2 + (26 + 128) * 2 * dim**2
    decoder = projections + 2 * queries * (26 + 128) * dim + queries * 95 * dim
    gradient_of_the_embedding = 97 * 26 * dim
    inputs = Inputs(torch.empty(1, 3, 32, 128), encode(["a"], width=27)[:, :-1], orders(25))
    report = model_report(without_memory(size), inputs)
    assert report.flops_per_sample == 2 * (2 * patches + 3 * (encoder + decoder) + gradient_of_the_embedding)
    assert report.first_layer_shape == [1, 3, 32, 128]


def test_an_unknown_size_is_refused_with_the_choice() -> None:
    with pytest.raises(ValueError, match="'parseqhuge' is not known: choose one of parseq, parseqtiny"):
        PARSeq("parseqhuge")


def test_weights_of_another_size_are_refused_and_its_own_load() -> None:
    model = PARSeq(NARROW)
    load_reference_state_dict(model, {"state_dict": drawn().float().state_dict()})
    drawn().double()
    with pytest.raises(ValueError, match=r"missing: .*encoder\.blocks\.2"):
        load_reference_state_dict(PARSeq(dataclasses.replace(NARROW, depth=3)), model.state_dict())


def test_initial_weights_are_drawn_as_in_the_recipe() -> None:
    torch.manual_seed(0)
    for name, parameter in PARSeq(Size(96, 3, 6, depth=1)).named_parameters():
        last = name.rpartition(".")[2]
        if "norm" in name:
            assert (parameter == (last == "weight")).all(), name
        elif name == "encoder.patch_embed.proj.weight":
            assert parameter.std().item() == pytest.approx((1 / 3 / 96) ** 0.5, rel=0.1)
        elif name == "encoder.patch_embed.proj.bias":
            assert parameter.abs().max() <= 96**-0.5
        elif last in ("bias", "in_proj_bias"):
            assert (parameter == 0).all(), name
        else:
            expected = (2 / (4 * 96)) ** 0.5 if last == "in_proj_weight" else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.05), name
            if last == "in_proj_weight":  # of a uniform distribution
                assert parameter.abs().max() <= 3**0.5 * expected


# precision and compilation


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_norms_are_computed_in_float32(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model, targets, permutations = PARSeq(NARROW), encode(LABELS), orders(5)
    found: dict[str, torch.dtype] = {}
    model.encoder.norm.register_forward_hook(lambda *args: found.update(memory=args[2].dtype))
    model.decoder.norm.register_forward_hook(lambda *args: found.update(decoded=args[2].dtype))
    with torch.autocast("cpu", dtype=dtype):
        logits = model(Inputs(images().float(), targets[:, :-1], permutations))
        loss = permuted_loss(logits, targets, permutations)
    loss.backward()
    assert found == {"memory": torch.float32, "decoded": torch.float32}
    assert (logits.dtype, loss.dtype) == (dtype, torch.float32)
    assert {each.grad.dtype for each in model.parameters() if each.grad is not None} == {torch.float32}


def test_batches_of_other_labels_and_orders_run_in_one_compiled_graph() -> None:
    backend = CompileCounterWithBackend("aot_eager")
    model, prepare = copy.deepcopy(drawn()).float(), PrepareBatch()

    def step(batch: list[Tensor]) -> Tensor:
        inputs, targets = prepare(batch)
        return permuted_loss(model(inputs), *targets)

    compiled = torch.compile(step, backend=backend, dynamic=False, fullgraph=True)
    for seed in range(2):
        torch.manual_seed(seed)
        pixels = torch.randint(256, (2, 3, 32, 128), dtype=torch.uint8)
        order = torch.stack([torch.randperm(25) for _ in range(4)]).view(2, 2, 25).to(torch.uint8)
        batch = [pixels, encode(["a" * (1 + 9 * seed), "b"], width=27).to(torch.uint8), order]
        torch.testing.assert_close(compiled(batch), step(batch))
        compiled(batch).backward()
    assert backend.frame_count == 1
