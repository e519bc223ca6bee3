"""To which operator, node of autograd and part of the step an event belongs."""

from __future__ import annotations

from benchmarks.harness.worker.profiling.events import Event, in_order
from benchmarks.harness.worker.profiling.timeline import Timeline, forward_name
from profiler_events import host, kernel


def timeline(*events: Event) -> Timeline:
    return Timeline(in_order(list(events)))


def test_the_owner_is_the_outermost_operator_of_a_library() -> None:
    step, outer, inner = host("forward", 0, 100), host("aten::linear", 10, 50), host("aten::addmm", 20, 40)
    function, within = host("_Lookup", 60, 90), host("aten::embedding", 61, 80)
    found = timeline(step, outer, inner, function, within)
    assert found.owner(inner) is outer
    assert found.owner(within) is within
    assert found.owner(function) is function


def test_the_part_of_an_operator_is_its_range_or_in_another_thread_that_of_its_time() -> None:
    forward, backward = host("forward", 0, 100), host("backward", 100, 200)
    own, other, after = (
        host("aten::mm", 10, 20),
        host("aten::mm", 110, 120, thread=2),
        host("aten::to", 210, 220),
    )
    found = timeline(forward, backward, own, other, after)
    assert [found.part(each) for each in (own, other, after)] == ["forward", "backward", "outside"]


def test_a_backward_operator_knows_what_made_its_node() -> None:
    """Operators without a gradient have the number of the next node, so the last one with it is the maker."""
    forward, backward = host("forward", 0, 100), host("backward", 100, 200)
    before, maker = host("aten::zeros", 10, 20, sequence=7), host("aten::conv2d", 30, 40, sequence=7)
    node = host("ConvolutionBackward0", 110, 150, sequence=7, of_backward=True, thread=2)
    inner, hook = host("aten::mul", 120, 130, thread=2, sequence=7), host("aten::mul", 160, 170, thread=2)
    found = timeline(forward, backward, before, maker, node, inner, hook)
    assert found.maker(inner) is maker
    assert found.maker(hook) is None
    assert found.maker(maker) is None


def test_a_kernel_is_issued_by_the_operator_of_its_number_or_around_its_call() -> None:
    operator, call = host("aten::relu", 10, 30, number=4), host("cudaLaunchKernel", 15, 20, number=90)
    launched = host("triton_poi_fused_add_0", 40, 60), host("cudaLaunchKernel", 45, 50, number=91)
    found = timeline(operator, call, *launched)
    assert found.issuer(kernel("relu", 100, 110, issuer=4)) is operator
    assert found.issuer(kernel("relu", 100, 110, issuer=77, call=90)) is operator
    assert found.issuer(kernel("add", 100, 110, call=91)) is launched[0]
    assert found.issuer(kernel("add", 100, 110)) is None


def test_a_kernel_in_a_range_of_compiled_code_is_issued_by_the_code_around_it() -> None:
    compiled, graph = host("CompiledFunction", 0, 90), host("forward", 5, 80, number=6)
    outside = host("backward", 100, 200, number=7)
    found = timeline(compiled, graph, outside)
    assert found.issuer(kernel("triton_poi_fused_add_0", 100, 110, issuer=6)) is compiled
    assert found.issuer(kernel("triton_poi_fused_add_0", 100, 110, issuer=7)) is outside


def test_the_time_of_a_thread_is_divided_among_library_operators_and_what_is_around_them() -> None:
    node = host("MulBackward0", 0, 100)
    first, within, second = host("aten::mul", 10, 40), host("aten::copy_", 20, 30), host("aten::sum", 60, 90)
    found = timeline(node, first, within, second)
    segments = {(begin, end): event.name for (begin, end), event in found.segments()}
    assert segments == {
        (0, 10): "MulBackward0",
        (10, 40): "aten::mul",
        (40, 60): "MulBackward0",
        (60, 90): "aten::sum",
        (90, 100): "MulBackward0",
    }


def test_a_node_is_named_after_its_function() -> None:
    assert forward_name("autograd::engine::evaluate_function: ReluBackward0") == "Relu"
    assert forward_name("_ResizeBackward") == "_Resize"
    assert forward_name("aten::convolution_backward") is None
