"""Lines of logs with and without private data, and strategies for private data, for the tests of the redaction.

In the lines, @ is replaced by a name or an address.
"""

from __future__ import annotations

import ipaddress
import re

from hypothesis import strategies as st

from benchmarks.harness.results.redaction import Identity, Redactor

ALICE = Identity(
    users=frozenset({"alice"}),
    hosts=frozenset({"gpu-node17.cluster.example.org"}),
    homes=frozenset({"/data/people/alice"}),
)
redact = Redactor(ALICE)

# Lines of NCCL, gloo, c10d, torchrun, Python, pytest and Slurm; @ is replaced by a name or an address.
ADDRESS_LINES = (
    "node: @",
    "[rank1]:[W1123 12:30:45.123456 ProcessGroupNCCL.cpp:4561] store at @, port 29500",
    "x:1:2 [0] NCCL INFO Bootstrap : Using eth0:@<0>",
    "x:1:2 [0] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB/SHARP [1]mlx5_1:1/RoCE [RO]; OOB ib0:@<0>",
    "x:1:2 [1] misc/socket.cc:518 NCCL WARN Net : Call to recv from @<58355> failed : Broken pipe",
    "[W socket.cpp:601] [c10d] The client socket has failed to connect to [@]:29500 (errno: 110 - Timed out).",
    "[E socket.cpp:753] [c10d] The client socket has failed to connect to any network address of (@, 47389).",
    "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:525] Connection closed by peer [@]:36094",
    "  master_addr=@",
    "  rdzv_endpoint    : @",
    "  host      : @",
    "TCPStore(client=SocketImpl(fd=13, addr=[@]:41562, remote=[@]:29500))",
    "torch.distributed.DistNetworkError: while connecting to tcp://[@]:29500",
    "OSError: [Errno 98] Address already in use: ('@', 29500)",
    '{"hostname": "@", "rank": 0}',
    "inet @/24 scope global",
    "connecting...@",
    "refused by @: giving up after 3 attempts.",
    "<address>@</address>",
)
OTHER_HOST_LINES = (
    "@:123:456 [0] NCCL INFO cudaDriverVersion 12080",
    "[1] @:22555:22555 [0] NCCL INFO Connected all rings",
    "[2026-09-09 10:46:33] @:319733:319761 [1] transport/net_ib/p2p.cc:783 NCCL WARN NET/IB: Got CQE with error",
    "gpu:1:2 [3] misc/socket.cc:49 NCCL WARN socketProgress: Connection closed by remote peer @<55693>",
    "[W socket.cpp:697] [c10d] The client socket has failed to connect to [@]:54321 (errno: 22 - Invalid argument).",
    "[E socket.cpp:753] [c10d] The client socket has failed to connect to any network address of (@, 47389).",
    "[c10d] The client socket has timed out after 60000ms while trying to connect to (@, 29500).",
    "[c10d] The IPv6 network addresses of (@, 29500) cannot be retrieved (gai error: -2 - Name or service not known).",
    "  host      : @",
    "[rank0]:   host      : @",
    "  master_addr=@",
    "  rdzv_endpoint    : @:29400",
    "The node '@_4242_0' has joined round 0 of the rendezvous 'none' as rank 1.",
    "tcp://@:29500",
    '"hostname": "@", "pid": 12',
    '<testsuite name="pytest" hostname="@">',
)
OWN_NAME_LINES = (
    "logged in as @",
    "/tmp/torchinductor_@/ab/cab.py",
    "/tmp/pytest-of-@/pytest-0",
    "@'s run",
    "PermissionError: [Errno 13] Permission denied: '/scratch/@/logs'",
    "chown @:users",
    "@.json",
    "(@)",
    "name-@",
)
KEPT = (
    "",
    "2026-11-23 12:30:45,123 WARNING step 12 of 60, 0.693147 s, 11.5 samples/s",
    "2026-11-23T12:30:45.123456+00:00",
    "terminate called after throwing an instance of 'c10::Error'",
    "frame #1: c10::detail::torchCheckFail(char const*, char const*) + 0x64 (0x7f0c5e6b1234 in libc10.so)",
    "frame #2: at::native::add_out(at::Tensor const&) c10::add c10d::add std::vector<c10::IValue>",
    "frame #3: c10d::Reducer::mark_variable_ready(unsigned long)",
    "Ad::Bad dead::beef a::b ::abs(x)",
    "tests/test_face.py::test_add PASSED",
    "    y = x[::2] + x[1::3, ::2] - z[..., ::2, :] + w[10::] + v[-1::-2] + u[1000::2] + t[a::b] + s[::1]",
    "CUDA 12.8, driver 535.129.03, NCCL version 2.21.5+cuda12.4, torch 2.15.0+cpu, glibc2.36, Python 3.11.4",
    "PCI 0000:1a:00.0 NVIDIA H200 sm_90",
    "[default0]:2026-11-23 12:00:00 rank0 started",
    "12:30:45 [0] INFO ready",
    "Root Cause (first observed failure):",
    "  <NO_OTHER_FAILURES>",
    "  rank      : 0 (local_rank: 0)",
    "  exitcode  : -9 (pid: 12345)",
    "  traceback : Signal 9 (SIGKILL) received by PID 12345",
    "The server socket has started to listen on localhost:29500, see https://pytorch.org/docs/stable/elastic",
    "failed to connect to [localhost]:29500, tcp://localhost:29500, host : localhost, master_addr=None",
    "[default0]:1234 records",
    "build 2024.11.23.1",
    "peak memory: device 3.2 GiB, host: 5.1 GiB",
    'File "/usr/lib/python3.11/site-packages/torch/nn/modules/module.py", line 1751, in _call_impl',
    "malice alice2 alices /homeless/x /rootfs /usr/share/root-ca",
    "commit 3f2a9c1b7d4e0a6f, 550e8400-e29b-41d4-a716-446655440000",
    "run-2026-11-23-12-30",
    "f :: Int, Example::, std::, ::",
    "ratio 12:30, 1:2:3, aspect 0.9:1.1, dict {1:2, 3:4}, lambda: 0",
)

# What looks like private data and is none, also if the account is called root and the host data.
LOOKALIKES = tuple(
    line.strip()
    for line in r"""
    img-1-2-3-4.png ; crop-10-20-30-40.jpg ; boxes-1-2-3-4 ; torch._inductor.internal
    google.protobuf.internal.decoder ; host: cpu ; host: pinned ; host=cuda ; square root ; user defined
    torch 2.14.1 torchvision 0.29.1+cu130 driver 550.54.15 version 10.0.0
    CPU times: user 1.2 s, sys: 3 ms ; user: defined kernels ; a user defined function
    nvidia-cublas-cu12==12.4.5.8 ; nvidia-curand-cu12 10.3.5.147 ; libcudnn.so.9.1.0.70
    opencv-python-headless 4.11.0.86 ; NCCL version 2.21.5.1 ; version 1.2.3.4 ; v1.2.3.4
    @torch.no_grad()
    "opencv": "4.11.0.86" ; loss@0.5 ; mAP@0.5:0.95 12.3 ; recall@k: 3 ; Acc@1: 70.1, Acc@5 90
    actions/checkout@v4.1 ; icon@2x.png ; a@b.T + q@k.transpose(1, 2) + x@w.grad
    [12:34:56,123]
    sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    memcpy@GLIBC_2.14 memcpy@@GLIBCXX_3.4.29 ; x @ y ; C = A@B ; 12:34:56 ; 0x7f0c5e6b1234
    pad_token=[PAD], eos_token: </s>, bos_token=<s>, num_tokens=512, token: 5, max_tokens: 2048
    std::vector<int> a::b feed::add(x) fade::in(y) ; torch.Size([8, 3, 640, 640])
    cache_key=fvg3abcdefghijklmnop ; sort_key: name ; KeyError: 'state_dict' ; "convergence_key": "hmean"
    missing_keys=[], unexpected_keys=[] ; key: value ; keyword: ips ; secret: None password=None
    12 passed, 3 tokens/s, token rate 123456.789 tokens/sec
    MONKEY=1 KEYS=3 ; public_key_pinning ; passed=3 pass: 1 bypass=2 ; tokens per second = 123456789012
    fx graph cache hit for key fvg3abcdefghijklmnopqrstuvwxyz234567
    from_pretrained hf_hub_download hf_transfer hf_tokenizers
    author: unknown ; authentication = none ; sk-learn scikit-learn ; npm_config_cache
    serial: 0.123 s, parallel: 0.05 s ; serial 1, serial = 12345 ; uuid ; on node 0 ; on node failure
    [rank0]:29500
    srun: error: Unable to create step for job 123: Job/step already completing
    Nodes 1 are fine ; step 1 on gpu ; job 12 on hold ; GPU-0 GPU-1 MIG-enabled GPU-bound GPU-accelerated
    srun: Job step aborted: Waiting up to 32 seconds ; srun: job 123 queued and waiting for resources
    2 nodes: ready ; nodes: 2 ; nodes=2, hosts=1 ; num_nodes=4 ; host to device 1.2 GB/s
    from host to device ; run-23-11-26-12-30-45 ; 2026-11-23-12-30-45-99 ; re.compile('\\d+\\w+')
    ~/.local/lib
    /usr/lib/python3/dist-packages
    C:\new\test ; \\n\\t ; one\ntwo\tthree ; threading.local self.local cfg.lan ; img_10_0_0_1.png
    lambda x: x[1::2] ; http://localhost:8080/x ; https://pytorch.org/docs/stable/elastic
    https://github.com/x/y@v1.0 ; git+https://github.com/x/y@main ; https://example.org/a?b=c@d ; user=True
    /data/icdar2015/img_1.jpg
    owner: self ; login=None ; for user input ; psenet_sp_bs8_fp32_1 ; step: 3 data: 4 gpu: 0 ; node: 3
    address: 0x1234 ; gpu 0 data 1 ; 1/2/3 ; eyJ ; glpat ; bearer of news ; Basic operations ; Cookie cutter
    /users
    [W1123 12:30:45.123456 ProcessGroupNCCL.cpp:4561]
    data/home page ; conf.local.yaml ; users: 12 ; home: x ; a/users/ ; {'loss': 0.123, 'ips': 11.5}
    nan inf -inf ; conv2d(3, 64, kernel_size=(7, 7)) ; key_padding_mask=None ; attn_key: tensor
    query_key_value=dense ; private_key_type ; access: granted ; session: 12 ; account: 3
    storage_key=abc1234567890 ; '\\bfoo\\b'
    PASS: test_x ; PASS=3 ; PRIMARY KEY: id
    [step:1000] loss ; on nodes 0-3 ; on node rank0
    Exception on node add_1 ; master_addr is only used for static rdzv_backend and when rdzv_endpoint is not specified
    docker.io/x@sha256:9f86d081
    https://medium.com/@bob/x ; Connection to the store closed ; May 12 steps
    Linux 5.15 x86_64 ; logged in ; signature=(x, y)
    The hostname of the client socket cannot be retrieved. err=-3 ; Xid (PCI:0000:1a:00): 79 ; --host
    --no-host cpu
    Settings(**values, nodes=nodes) ; min_nodes=plan.nodes, ; nodes: Annotated[Count] ; nodes: dict[str, ir.IRNode]
    machines resolve their own name ; hosts=hosts
    """.strip().splitlines()
)


def ipv6_forms(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> st.SearchStrategy[str]:
    mapped = f"::ffff:{ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)}"
    forms = [str(address), address.exploded, str(address).upper(), f"{address}%eth0", f"{address}%enp1s0f0.100", mapped]
    return st.sampled_from(forms)


IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).filter(lambda address: int(address) > 0).flatmap(ipv6_forms)  # a bare :: is C++ too
SPARSE_IPV6 = st.builds(
    "{}::{:x}".format, st.sampled_from(["fe80", "fd00", "2001:db8", "2a00:1450:4001"]), st.integers(1, 0xFFFF)
)
MAC = st.builds(
    lambda data, separator, upper: separator.join(f"{byte:02X}" if upper else f"{byte:02x}" for byte in data),
    st.sampled_from([6, 8, 20]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    st.sampled_from(":-"),
    st.booleans(),
)
LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8})?", fullmatch=True)
HOST = (
    st.lists(LABEL, min_size=1, max_size=4)
    .map(".".join)
    .filter(lambda name: not re.match(r"localhost|none$|null$|(rank|default)\d+$", name))
)
NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9]{2,10}([._+$-][A-Za-z0-9]{1,8})?", fullmatch=True)
