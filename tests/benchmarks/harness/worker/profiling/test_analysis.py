"""The figures of profiled steps, from hand-made events of a GPU and of the CPU."""

from __future__ import annotations

import pytest

from benchmarks.harness.protocol.profile_report import MAX_NAME_LENGTH, MAX_ROWS
from benchmarks.harness.worker.exceptions import ProfilerError
from benchmarks.harness.worker.probes.work import Operation
from benchmarks.harness.worker.profiling.analysis import Analysis, Profiled, device_work
from benchmarks.harness.worker.profiling.events import Event, in_order
from benchmarks.harness.worker.profiling.rows import short
from benchmarks.harness.worker.profiling.waits import RANGE
from profiler_events import host, kernel

CONVOLUTION = ((2, 3, 8, 8), (4, 3, 3, 3))


def analysis(*events: Event, on_gpu: bool = True, steps: int = 1) -> Analysis:
    return Analysis(Profiled(in_order(list(events)), steps, 0.25, on_gpu))


def gpu_step() -> list[Event]:
    """One step of 1000 microseconds on the host; the device is done after 1200."""
    return [
        host(RANGE, 0, 1000),
        host("prepare", 0, 100),
        host("aten::lerp", 10, 90, number=1),
        host("forward", 100, 300),
        host("aten::conv2d", 110, 200, number=2, sequence=5),
        host("aten::convolution", 120, 190, number=3, sequence=5, shapes=CONVOLUTION),
        host("cudaLaunchKernel", 130, 140, number=70),
        host("loss", 300, 400),
        host("aten::mul", 310, 390, number=4, sequence=6),
        host("backward", 400, 800),
        host("MulBackward0", 410, 500, thread=2, sequence=6, of_backward=True),
        host("aten::mul", 420, 490, thread=2, number=5),
        host("ConvolutionBackward0", 510, 700, thread=2, sequence=5, of_backward=True),
        host("aten::convolution_backward", 520, 690, thread=2, number=6),
        host("cudaStreamSynchronize", 600, 640, thread=2, number=71),
        host("nccl:all_reduce", 700, 720, thread=2, number=8),
        host("optimizer", 800, 1000),
        host("aten::_fused_sgd_", 810, 900, number=7),
        kernel("lerp", 100, 150, issuer=1),
        kernel("fprop", 200, 400, call=70),
        kernel("mul", 400, 450, issuer=4),
        kernel("mul", 500, 550, issuer=5),
        kernel("wgrad", 600, 900, issuer=6),
        kernel("ncclDevKernel_AllReduce", 800, 1000, issuer=8, stream=20),
        kernel("sgd", 1100, 1200, issuer=7),
    ]


def test_the_device_is_busy_if_any_stream_is_and_the_window_ends_with_its_last_work() -> None:
    found = analysis(*gpu_step()).rank_profile(1, communicates=True)
    assert found.rank == 1
    assert found.profiled_seconds == pytest.approx(1200e-6)
    assert found.busy_seconds == pytest.approx(850e-6)
    assert found.busy_fraction == pytest.approx(850 / 1200)
    assert (found.kernels_per_step, found.launches_per_step, found.host_waits_per_step) == (7, 1, 1)
    assert found.operators_per_step == 6
    assert found.data_wait_seconds == 0.25


def test_communication_overlaps_with_what_the_device_computes_meanwhile() -> None:
    found = analysis(*gpu_step()).rank_profile(0, communicates=True).communication
    assert found is not None
    assert (found.seconds_per_step, found.overlapped_seconds_per_step) == pytest.approx((200e-6, 100e-6))
    assert analysis(*gpu_step()).rank_profile(0, communicates=False).communication is None


def test_a_backward_operator_belongs_to_the_group_of_its_forward_operator() -> None:
    detail = analysis(*gpu_step()).detail([])
    found = {each.group: {part: round(1e6 * time) for part, time in each.parts.items()} for each in detail.groups}
    assert found == {
        "convolution": {"forward": 200, "backward": 250},
        "communication": {"backward": 150},  # 100 microseconds are shared with wgrad
        "loss": {"loss": 50, "backward": 50},
        "augmentation": {"prepare": 50},
        "optimiser": {"optimizer": 100},
    }
    assert sum(each.share for each in detail.groups) == pytest.approx(1)
    assert [each.group for each in detail.groups][:2] == ["convolution", "communication"]


def test_a_kernel_and_an_operator_have_rates_if_their_work_is_known() -> None:
    work = Operation(4_000_000, 2_000, "forward", "aten::convolution", CONVOLUTION)
    detail = analysis(*gpu_step()).detail([work])
    operators = {each.name: each for each in detail.top_operators}
    kernels = {each.name: each for each in detail.top_kernels}
    assert operators["aten::conv2d"].tflops == pytest.approx(4e6 / 200e-6 / 1e12)
    assert operators["aten::conv2d"].terabytes_per_second == pytest.approx(2e3 / 200e-6 / 1e12)
    assert (kernels["fprop"].operator, kernels["fprop"].tflops) == ("aten::conv2d", operators["aten::conv2d"].tflops)
    assert operators["aten::convolution_backward"].tflops is None
    assert operators["aten::mul"].count_per_step == 2
    assert sum(each.share for each in detail.top_kernels) + detail.other_kernels.share == pytest.approx(1)


def test_an_operator_that_is_called_once_is_known_whatever_shapes_the_profiler_reports() -> None:
    """It shortens the list of tensors that an optimiser gets. Of an operator of another step nothing is known."""
    work = Operation(0, 50_000, "optimizer", "aten::_fused_sgd_", ((4,), (5,), (6,)))
    nested = host("aten::zero_", 820, 830, shapes=((4,),))
    small = Operation(0, 16, "forward", "aten::zero_", ((4,),))
    operators = {each.name: each for each in analysis(*gpu_step(), nested).detail([work, small]).top_operators}
    assert operators["aten::_fused_sgd_"].terabytes_per_second == pytest.approx(50_000 / 100e-6 / 1e12)
    others = [work, Operation(0, 9_000, "optimizer", "aten::_fused_sgd_", ((7,),)), small]
    operators = {each.name: each for each in analysis(*gpu_step(), nested).detail(others).top_operators}
    assert operators["aten::_fused_sgd_"].terabytes_per_second is None


def test_work_that_two_calls_with_the_same_shapes_do_differently_is_unknown() -> None:
    works = [Operation(flops, 2_000, "forward", "aten::convolution", CONVOLUTION) for flops in (1, 2)]
    operators = {each.name: each for each in analysis(*gpu_step()).detail(works).top_operators}
    assert operators["aten::conv2d"].tflops is None
    works = [Operation(4, moved, "forward", "aten::convolution", CONVOLUTION) for moved in (2_000, 2_001)]
    operators = {each.name: each for each in analysis(*gpu_step()).detail(works).top_operators}
    assert operators["aten::conv2d"].tflops == pytest.approx(4 / 200e-6 / 1e12)


def test_the_longest_gap_is_described_by_what_is_around_it() -> None:
    gaps = analysis(*gpu_step()).detail([]).gaps
    assert gaps.seconds_per_step == pytest.approx(350e-6)
    assert gaps.count_per_step == 5
    first = gaps.longest[0]
    assert first.seconds == pytest.approx(100e-6)
    assert {(each.part, each.before, each.after) for each in gaps.longest} == {
        ("prepare", None, "aten::lerp"),
        ("forward", "aten::lerp", "aten::conv2d"),
        ("backward", "aten::mul", "aten::mul"),
        ("backward", "aten::mul", "aten::convolution_backward"),
        ("outside", "nccl:all_reduce", "aten::_fused_sgd_"),
    }


def test_a_resize_made_of_matrix_products_is_a_resize_in_both_directions() -> None:
    events = [
        host(RANGE, 0, 1000),
        host("forward", 0, 400),
        host("_Resize", 10, 390, sequence=3),
        host("aten::matmul", 20, 380),
        host("backward", 400, 1000),
        host("_ResizeBackward", 410, 990, sequence=3, of_backward=True),
        host("aten::matmul", 420, 980),
    ]
    detail = analysis(*events, on_gpu=False).detail([])
    assert [each.group for each in detail.groups] == ["resize"]


def test_on_the_cpu_the_time_in_operators_counts_in_all_threads() -> None:
    events = [
        host(RANGE, 0, 1000),
        host("forward", 0, 500),
        host("aten::conv2d", 100, 400),
        host("aten::relu", 300, 600, thread=2),
    ]
    busy = analysis(*events, on_gpu=False, steps=2)
    found, detail = busy.rank_profile(0, communicates=False), busy.detail([])
    assert (found.busy_seconds, found.profiled_seconds) == pytest.approx((500e-6, 1000e-6))
    assert (found.kernels_per_step, found.launches_per_step, found.host_waits_per_step) == (None, None, None)
    assert (detail.top_kernels, detail.other_kernels.names) == ([], 0)
    assert {each.name: round(1e6 * each.seconds_per_step) for each in detail.top_operators} == {
        "aten::conv2d": 150,
        "aten::relu": 150,
    }
    assert {each.group: each.share for each in detail.groups} == pytest.approx({"convolution": 0.5, "activation": 0.5})


def test_the_threads_of_gloo_exchange_gradients_beside_the_operators() -> None:
    events = [
        host(RANGE, 0, 1000),
        host("backward", 0, 1000),
        host("aten::mm", 0, 600),
        host("gloo:all_reduce", 400, 900, thread=9),
    ]
    found = analysis(*events, on_gpu=False).rank_profile(0, communicates=True)
    assert found.busy_seconds == pytest.approx(600e-6)
    assert found.communication is not None
    assert found.communication.seconds_per_step == pytest.approx(500e-6)
    assert found.communication.overlapped_seconds_per_step == pytest.approx(200e-6)


def test_a_profiler_that_reports_no_kernel_fails_the_case_with_what_to_do() -> None:
    without = [each for each in gpu_step() if each.kind != "kernel"]
    with pytest.raises(ProfilerError, match=r"no kernel of the steps: .*--cap-add SYS_ADMIN"):
        analysis(*without)


def test_a_profiler_that_lost_kernels_fails_the_case() -> None:
    launches = [host("cudaLaunchKernel", 900 + each, 901 + each, number=100 + each) for each in range(20)]
    with pytest.raises(ProfilerError, match=r"7 kernels of 21 launches: profile fewer steps \(--ocr-steps\)"):
        analysis(*gpu_step(), *launches)


def test_a_trace_without_the_steps_fails_the_case() -> None:
    with pytest.raises(ProfilerError, match="reported no steps"):
        analysis(host("aten::mm", 0, 10), on_gpu=False)


def test_only_the_longest_names_are_listed_and_the_others_are_summed() -> None:
    operators = [host(f"aten::op{each}", 10 * each, 10 * each + 5) for each in range(MAX_ROWS + 5)]
    detail = analysis(host(RANGE, 0, 1000), *operators, on_gpu=False).detail([])
    assert len(detail.top_operators) == MAX_ROWS
    assert (detail.other_operators.names, detail.other_operators.count_per_step) == (5, 5)
    assert detail.other_operators.share == pytest.approx(5 / (MAX_ROWS + 5))


def test_a_name_is_one_line_of_bounded_length_with_its_beginning_and_end() -> None:
    found = short("void cutlass::Kernel2<\n" + "x" * 500 + "end")
    assert (found[:21], found[-3:]) == ("void cutlass::Kernel2", "end")
    assert len(found) <= MAX_NAME_LENGTH
    assert "\n" not in found


def test_work_of_the_device_is_counted_once_where_streams_overlap() -> None:
    """Operators and ranges of the host are no work of the device."""
    events = [
        host("aten::mm", 0, 20),
        host("forward", 90, 900),
        kernel("gemm", 100, 400),
        kernel("Memcpy HtoD (Pinned -> Device)", 300, 500, stream=9),
        kernel("relu", 600, 700),
    ]
    assert device_work(events) == (3, 0.5)
    assert device_work(events[:2]) == (0, 0.0)
