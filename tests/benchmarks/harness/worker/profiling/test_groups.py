"""From the names of operators and kernels to kinds of work."""

from __future__ import annotations

import pytest

from benchmarks.harness.worker.profiling.groups import group_of


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("aten::conv2d", "convolution"),
        ("aten::convolution_backward", "convolution"),
        ("aten::linear", "matmul"),
        ("aten::mm", "matmul"),
        ("aten::batch_norm", "normalisation"),
        ("aten::native_layer_norm_backward", "normalisation"),
        ("aten::relu_", "activation"),
        ("aten::max_pool2d_with_indices_backward", "pooling"),
        ("aten::upsample_bilinear2d", "resize"),
        ("_Resize", "resize"),
        ("aten::scaled_dot_product_attention", "attention"),
        ("aten::_safe_softmax", "attention"),
        ("aten::lstm", "LSTM"),
        ("aten::_ctc_loss", "loss"),
        ("aten::copy_", "copy"),
        ("aten::to", "copy"),
        ("c10d::allreduce_", "communication"),
        ("torch::distributed::reducer::mul_out", "communication"),
        ("aten::add", "other"),
        ("aten::topk", "other"),  # begins like aten::to
        ("aten::resize_", "other"),  # of memory, not of an image
        ("aten::clamp_", "other"),
        ("aten::max_unpool", "pooling"),
    ],
)
def test_in_the_forward_pass_the_name_of_an_operator_decides(name: str, group: str) -> None:
    assert group_of(name, "forward") == group


@pytest.mark.parametrize(
    ("part", "group"), [("prepare", "augmentation"), ("loss", "loss"), ("optimizer", "optimiser"), ("data", "copy")]
)
def test_parts_of_a_step_have_groups_of_their_own(part: str, group: str) -> None:
    assert group_of("aten::to", part) == group


@pytest.mark.parametrize(
    ("kernel", "operator", "group"),
    [
        ("sm90_xmma_fprop_implicit_gemm_bf16", "aten::conv2d", "convolution"),
        ("void cudnn::bn_fw_tr_1C11_kernel_NCHW<float>", "", "normalisation"),
        ("nvjet_hsh_128x256", "", "matmul"),
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "aten::conv2d", "communication"),
        ("Memcpy HtoD (Pinned -> Device)", "aten::to", "copy"),
        ("Memset (Device)", "aten::convolution_backward", "convolution"),
        ("void at::native::vectorized_elementwise_kernel<4>", "aten::gelu", "activation"),
        ("void at::native::vectorized_elementwise_kernel<4>", "aten::mul", "other"),
    ],
)
def test_on_a_gpu_the_operator_decides_and_then_the_kernel(kernel: str, operator: str, group: str) -> None:
    assert group_of(operator, "forward", kernel=kernel) == group


@pytest.mark.parametrize(
    ("kernel", "group"),
    [
        ("triton_red_fused__native_batch_norm_legit_functional_12", "normalisation"),
        ("triton_poi_fused_convolution_relu_3", "activation"),  # the convolution is a kernel of its own
        ("triton_poi_fused__to_copy_native_layer_norm_0", "normalisation"),
        ("triton_per_fused__softmax_mul_5", "attention"),
        ("triton_poi_fused_add_mul_7", "fused"),
        ("triton_red_fused_gelu_native_layer_norm_2", "fused"),
        ("triton_tem_fused_mm_1", "matmul"),
        ("triton_tem_fused_convolution_4", "convolution"),
    ],
)
def test_a_kernel_of_the_compiler_is_what_all_of_its_known_operators_are(kernel: str, group: str) -> None:
    assert group_of("", "forward", kernel=kernel) == group


def test_code_of_the_compiler_on_the_cpu_is_fused() -> None:
    assert group_of("graph_0_cpp_fused_relu_1", "forward") == "activation"
    assert group_of("CompiledFunction", "forward") == "fused"
    assert group_of("CompiledFunction", "forward", kernel="sm90_xmma_fprop_implicit_gemm_bf16") == "convolution"
    assert group_of("## Call CompiledFxGraph f3 ##", "backward") == "fused"
