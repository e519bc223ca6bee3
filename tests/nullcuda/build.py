"""Builds the null CUDA device for the torch that is installed: three libraries, from the C sources in source/."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).parent / "source"
DEVICE_SOURCES = (
    "state.c",
    "memory.c",
    "runtime.c",
    "kernels.c",
    "cublas.c",
    "cudnn.c",
    "cudnn_rnn.c",
    "nccl.c",
)
TORCH_LIBRARIES = ("libc10_cuda", "libtorch_cuda", "libtorch_python", "libtorch_cuda_linalg", "libtorch_cpu")
SHARED = ("gcc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-Wall", "-Wno-unused-parameter")
STUBBED = re.compile(r"__cuda\w+|(?:cuda[A-Z]|cublas|cudnn|cusparse|cufft|cusolver|nccl)\w*")
"""Functions of CUDA's libraries that need a GPU."""
REAL = re.compile(r"\w+Get(?:ErrorName|ErrorString|Version|CudartVersion|Property)|ncclGetLastError")
"""Those of them that do not: errors then have their real names and texts."""
CUDA_MAJOR = 13
"""Its packages and structures are those that the sources know."""


class BuildError(RuntimeError):
    """The compiler refused the device: its messages."""


def missing() -> str | None:
    """What the device needs and this machine lacks, as one line; None if it can be built."""
    for tool in ("gcc", "nm", "c++filt"):
        if shutil.which(tool) is None:
            return f"the null CUDA device needs {tool}, which is not installed"
    site = _site_packages()
    try:
        torch = version("torch")
    except PackageNotFoundError:
        return "the null CUDA device needs torch"
    if not (site / "torch" / "lib" / "libtorch_cuda.so").is_file():
        return f"the null CUDA device needs a CUDA build of torch; {torch} is not one"
    for folder, header in _headers(site):
        if not (folder / header).is_file():
            return f"the null CUDA device needs {header} of CUDA {CUDA_MAJOR}, which torch {torch} has not installed"
    return None


def build(target: Path) -> None:
    """Compile the device into a folder, in about two seconds.

    Raises:
        BuildError: if the compiler refuses a source.
    """
    site = _site_packages()
    cuda, cudnn, nccl, driver = (folder for folder, _ in _headers(site))
    generic = target / "generic.c"
    generic.write_text(_generic_stubs(site), encoding="ascii")
    device = [*(str(SOURCES / name) for name in DEVICE_SOURCES), str(generic)]
    # Types that no function here uses; their headers need the CUDA C++ library.
    unused = ["-D__CUDA_FP16_H__", "-D__CUDA_BF16_H__", "-D__CUDA_FP8_H__"]
    includes = [*unused, "-I", str(cuda), "-I", str(cudnn), "-I", str(nccl), "-idirafter", str(driver)]
    _run([*SHARED, "-fno-builtin", *includes, *device, "-o", str(target / "libnullcuda.so"), "-ldl", "-lpthread"])
    libcuda = str(target / "libcuda.so.1")
    _run([*SHARED, "-I", str(driver), str(SOURCES / "driver.c"), "-Wl,-soname,libcuda.so.1", "-o", libcuda, "-ldl"])
    (target / "libcuda.so").symlink_to("libcuda.so.1")  # the name by which Triton links it
    build_nvml(target / "libnvidia-ml.so.1")


def build_nvml(target: Path, *options: str) -> None:
    """Compile the stub of NVML alone; `-DOLD_DRIVER` leaves out what came after R510.

    Raises:
        BuildError: if the compiler refuses it.
    """
    _run([*SHARED, *options, str(SOURCES / "nvml.c"), "-o", str(target)])


def _site_packages() -> Path:
    found = find_spec("torch")  # does not import it
    return Path(found.origin).parents[1] if found and found.origin else Path(sysconfig.get_paths()["purelib"])


def _headers(site: Path) -> tuple[tuple[Path, str], ...]:
    return (
        (site / "nvidia" / f"cu{CUDA_MAJOR}" / "include", "cuda_runtime_api.h"),
        (site / "nvidia" / "cudnn" / "include", "cudnn.h"),
        (site / "nvidia" / "nccl" / "include", "nccl.h"),
        (site / "triton" / "backends" / "nvidia" / "include", "cuda.h"),
    )


def _generic_stubs(site: Path) -> str:
    """A function that does nothing and succeeds for each that torch needs and the sources do not define."""
    needed: set[str] = set()
    for library in TORCH_LIBRARIES:
        path = site / "torch" / "lib" / f"{library}.so"
        symbols = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True, check=True)
        names = (word.partition("@")[0] for word in symbols.stdout.split())
        needed.update(name for name in names if STUBBED.fullmatch(name))
    text = "".join((SOURCES / name).read_text(encoding="ascii") for name in DEVICE_SOURCES)
    text = re.sub(r"DESCRIPTOR\((\w+)\)", r"cudnnCreate\1Descriptor(\ncudnnDestroy\1Descriptor(\n", text)
    defined = set(re.findall(r"\b(\w+)\(", text))
    generic = sorted(name for name in needed - defined if not REAL.fullmatch(name))
    return "".join(f"long {name}() {{ return 0; }}\n" for name in generic)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}\n{done.stderr}")
