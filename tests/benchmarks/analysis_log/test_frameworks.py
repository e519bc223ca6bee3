"""Lines as other frameworks print them, with the values that they mean."""

from __future__ import annotations

from typing import Any

import pytest

from train_logs import Analyse, failure_kind

STEPS = ("--model_mode", 2)
KERAS = "10/10 [=====] - 5s 500ms/step - loss: 0.3\n10/10 [=====] - 15s 2s/step - loss: 0.3\n"
MEGATRON = (
    " [2024-04-06 02:59:36] iteration 43/ 100 | consumed samples: 5504 | elapsed time per iteration (ms): 5444.9 | "
    "throughput per GPU (TFLOP/s/GPU): 239.8 | global batch size:   128 |\n"
)
HUGGING_FACE = "{'train_runtime': 12.3, 'train_samples_per_second': 120.5, 'train_steps_per_second': 7.5}\n"
TIMM = "Train: 0 [  50/5004 (  1%)]  Loss: 6.9 (6.9)  Time: 0.500s, 1024.00/s  (0.600s,  853.33/s)  LR: 1.000e-05\n"
TQDM = (
    "  0%|          | 0/100k [00:00<?, ?it/s]\r  1%|1 | 1.20k/100k [00:01<01:30, 1.23kit/s]\r"
    "  2%|2 | 2.40k/100k [00:02<01:30, 1.25kit/s]\r  3%|3 | 3.50k/100k [00:03<01:30, 998it/s]\r"
)
SLOW_TQDM = " 1%|1  | 1/100 [00:05<08:15,  5.00s/it]\r 50%|#  | 50/100 [00:25<00:20,  2.50it/s]\r"


@pytest.mark.parametrize(
    ("log", "keyword", "options", "expected"),
    [
        pytest.param(TQDM, "it/s", ("--position", -1, "--model_mode", 1), 1147.222, id="tqdm, unit_scale"),
        pytest.param(SLOW_TQDM, "it/s", ("--position", -1, "--model_mode", 1), 0.370, id="tqdm, s/it and it/s"),
        pytest.param(
            "08/21 02:58:41 - mmengine - INFO - Epoch(train) [1][10/25]  lr: 1.0e-02  eta: 0:00:00  time: 0.5000  "
            "data_time: 0.0004  loss: 1.7\n"
            "08/21 02:58:42 - mmengine - INFO - Epoch(val) [1][10/25]  eta: 0:00:00  time: 0.1000  data_time: 0.1\n",
            "time:",
            ("--exclude", "Epoch(val)", *STEPS),
            2,
            id="mmengine",
        ),
        pytest.param(
            "[07/01 10:00:00 d2.utils.events]: eta: 0:12:34  iter: 19  total_loss: 1.2  time: 0.5000  last_time: 0.5512"
            "  data_time: 0.0123  lr: 0.0001  max_mem: 2345M\n",
            "time:",
            STEPS,
            2,
            id="detectron2",
        ),
        pytest.param(
            "Overall training speed: 98 iterations in 0:00:49 (0.5000 s / it)\n",
            "speed:",
            ("--position", 7, *STEPS),
            2,
            id="detectron2, overall",
        ),
        pytest.param(
            "[2024/08/06 18:03:31] ppocr INFO: epoch: [1/2], loss: 69.376022, avg_reader_cost: 0.00971 s, "
            "avg_batch_cost: 0.18000 s, avg_samples: 64.0, ips: 355.10891 samples/s, eta: 0:32:33\n",
            "ips:",
            (),
            355.109,
            id="PaddleOCR",
        ),
        pytest.param(
            "2021-01-19 07:02:41 [INFO]\t[TRAIN] epoch=1, iter=5/100, batch_cost=0.5000, reader_cost=0.25 | ETA 1:2\n",
            "batch_cost=",
            STEPS,
            2,
            id="PaddleSeg",
        ),
        pytest.param(
            "Epoch: [0][ 10/100]\tTime  0.500 ( 0.650)\tData  0.001 ( 0.010)\tLoss 6.9 (6.9)\n"
            "Test: [ 0/100]\tTime  0.100 ( 0.100)\tLoss 3.0 (3.0)\n",
            "Time",
            ("--exclude", "Test:", *STEPS),
            2,
            id="imagenet example",
        ),
        pytest.param(
            MEGATRON,
            "(ms):",
            ("--model_mode", 0, "--base_batch_size", 128, "--rate_scope", "global"),
            23.508,
            id="Megatron",
        ),
        pytest.param(
            "[INFO] [timer.py:260:stop] epoch=0/micro_step=20/global_step=10, RunningAvgSamplesPerSec=99.5, "
            "CurrSamplesPerSec=120.5, MemAllocated=1.2GB\n",
            "CurrSamplesPerSec=",
            ("--rate_scope", "global"),
            120.5,
            id="DeepSpeed",
        ),
        pytest.param(
            "Epoch 0: 100%|####| 938/938 [00:12<00:00, 75.50it/s, v_num=0]\n",
            "it/s",
            ("--position", 5, "--model_mode", 3, "--base_batch_size", 2),
            151,
            id="Lightning",
        ),
        pytest.param(HUGGING_FACE, "'train_samples_per_second':", (), 120.5, id="Trainer of Hugging Face"),
        pytest.param(HUGGING_FACE, "'train_steps_per_second':", ("--model_mode", 1), 7.5, id="Trainer, steps"),
        pytest.param(KERAS, "ms/step", ("--position", 4, *STEPS), 0.8, id="Keras, time of a step"),
        pytest.param(KERAS, "/step", ("--position", 3, "--model_mode", 4), 10, id="Keras, time of an epoch"),
        pytest.param(
            "INFO:root:Epoch[0] Batch [20]\tSpeed: 1234.50 samples/sec\taccuracy=0.123\n",
            "Speed:",
            (),
            1234.5,
            id="MXNet",
        ),
        pytest.param(
            "INFO:tensorflow:global_step/sec: 3.25\n",
            "INFO:tensorflow:global_step/sec:",
            ("--model_mode", 1),
            3.25,
            id="TensorFlow",
        ),
        pytest.param(
            "DLL 2020-01-01 00:00:00 - Summary:  train_throughput : 123.4 img/s \n",
            "train_throughput",
            (),
            123.4,
            id="NVIDIA DeepLearningExamples",
        ),
        pytest.param("Img/sec per GPU: 123.5 +-1.2\n", "GPU:", ("--gpu_num", 8), 988, id="Horovod"),
        pytest.param(TIMM, "Time:", STEPS, 2, id="timm"),
        pytest.param("iter 100: loss 2.5, time 250.00ms, mfu 10.00%\n", "time", STEPS, 4, id="nanoGPT"),
        pytest.param("step 1 time: 693.2 msec\nstep 2 time: 691.8 msec\n", "time:", STEPS, 1.444, id="msec"),
    ],
)
def test_the_result_is_what_the_log_means(
    analyse: Analyse, log: str, keyword: str, options: tuple[Any, ...], expected: float
) -> None:
    code, document = analyse(log, "--keyword", keyword, *options)
    assert (code, document["FINAL_RESULT"]) == (0, expected)


@pytest.mark.parametrize(
    ("log", "keyword", "options", "named"),
    [
        pytest.param(MEGATRON, "(TFLOP/s/GPU):", (), "'TFLOP/s/GPU'", id="Megatron, TFLOP/s"),
        pytest.param(
            HUGGING_FACE, "'train_steps_per_second':", ("--gpu_num", 8), "--model_mode 1", id="steps as samples"
        ),
        pytest.param(
            "Img/sec per GPU: 123.5\n", "GPU:", ("--rate_scope", "global"), "--rate_scope process", id="one GPU as all"
        ),
        pytest.param("eta: 2 days, 20:01:28, max\n", "eta:", STEPS, "'days'", id="PaddleOCR, eta"),
        pytest.param("mfu: 10% tps: 1,234\n", "tps:", (), "'234'", id="torchtitan"),
        pytest.param("time: 0.5 data_time: 0.1\n", "time:", (), "--model_mode 0, 2 or 4", id="mmengine, time as rate"),
    ],
)
def test_what_would_be_a_wrong_number_is_refused_in_one_line(
    analyse: Analyse, log: str, keyword: str, options: tuple[Any, ...], named: str
) -> None:
    code, document = analyse(log, "--keyword", keyword, *options)
    message = document["details"]["failure"]["message"]
    assert (code, failure_kind(document)) == (1, "no_record")
    assert message.startswith("no record: line 1 has ")
    assert named in message
    assert "\n" not in message


def test_a_progress_bar_is_refused_if_its_slow_steps_cannot_be_converted(analyse: Analyse) -> None:
    code, document = analyse(SLOW_TQDM, "--keyword", "it/s", "--position", -1)
    assert (code, failure_kind(document)) == (1, "unit")
    assert "'s/it' does not fit --model_mode -1" in document["details"]["failure"]["message"]


def test_the_result_of_rates_has_the_unit_that_the_log_states(analyse: Analyse) -> None:
    for line, unit in [
        ("ips: 2.5 tokens/s", "tokens/s"),
        ("ips: 2.5it/s", "steps/s"),
        ("ips: 2.5 images/s", "samples/sec"),
        ("ips: 2.5 frobs/s", "frobs/s"),
        ("ips: 2.5", "samples/sec"),
    ]:
        assert analyse(f"{line}\n")[1]["UNIT"] == unit
    assert analyse("ips: 2.5 images/s\n", "--ips_unit", "images/s")[1]["UNIT"] == "images/s"
    for unit in ("samples/s", "tokens/s"):
        assert failure_kind(analyse("ips: 2.5it/s\n", "--ips_unit", unit)[1]) == "no_record"
