from __future__ import annotations

import ipaddress
import os
import pwd
import re
import socket
import string
import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.harness.results import redaction
from benchmarks.harness.results.redaction import Identity, Redactor
from benchmarks.harness.worker.step_log import log_line
from samples import step_record

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


@given(line=st.sampled_from(ADDRESS_LINES), address=IPV4 | IPV6 | SPARSE_IPV6)
@example(line="  host      : @", address="fe80::1")
@example(line=ADDRESS_LINES[5], address="::ffff:0.104.99.143")
@example(line=ADDRESS_LINES[5], address="::1")
@example(line=ADDRESS_LINES[2], address="fe80::42:acff:fe11:2%eth0")
@settings(deadline=None)
def test_addresses_are_removed_from_every_line_and_nothing_else(line: str, address: str) -> None:
    found = redact(line.replace("@", address))
    assert re.fullmatch(re.escape(line).replace("@", "(<ip>|<host>)").replace("x:1:2", ".*"), found)


@given(line=st.sampled_from(["link/ether @ brd", "mac=@", "GUID:@,", "hw @_x", "  host : @"]), address=MAC)
@settings(deadline=None)
def test_hardware_addresses_are_removed(line: str, address: str) -> None:
    assert redact(line.replace("@", address)) == line.replace("@", "<mac>")


def test_an_infiniband_guid_is_removed() -> None:
    assert redact("node_guid 0002:c903:0005:f34b up") == "node_guid <mac> up"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[::]:29500", "[<ip>]:29500"),
        ("on [::1]:29500", "on [<ip>]:29500"),
        ("from ::1 to 127.0.0.1:80", "from <ip> to <ip>:80"),
        ("2001:db8::1:29500", "<ip>:29500"),
        ("fe80::1: refused", "<ip>: refused"),
        ("64:ff9b::192.0.2.33, 0:0:0:0:0:ffff:10.0.0.1", "<ip>, <ip>"),
        ("10.0.0.1, ::1", "<ip>, <ip>"),
        ("10.0.0.1.443", "<ip>.443"),
        ("10.0.0.0/8", "<ip>/8"),
        ("eth0:10.0.0.1<0>", "eth0:<ip><0>"),
        ("nvidia-cublas 13.4.1.3", "nvidia-cublas <ip>"),  # cannot be told from an address
    ],
)
def test_addresses_are_removed_in_every_notation(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(line=st.sampled_from(OTHER_HOST_LINES), host=HOST)
@example(line=OTHER_HOST_LINES[0], host="gpu004")
@example(line=OTHER_HOST_LINES[3], host="a100-st-p4d24xlarge-22.name-92732890-0458-4f76-8369-c4fee80b23e7.pcluster")
@example(line=OTHER_HOST_LINES[4], host="DESKTOP-IBGND1Q")
@example(line=OTHER_HOST_LINES[5], host="6841231")
@settings(deadline=None)
def test_names_of_other_hosts_are_removed_in_the_places_where_distributed_training_prints_them(
    line: str, host: str
) -> None:
    assert redact(line.replace("@", host)) == line.replace("@", "<host>").replace("gpu:1:2", "<host>:1:2")


@pytest.mark.parametrize(
    "name",
    [
        "ip-10-0-0-1",
        "ip-10-0-0-1.ec2.internal",
        "ip-172-31-5-9.eu-west-1.compute.internal",
        "ec2-54-12-3-4.compute-1.amazonaws.com",
        "vm-1.us-central1-a.c.project.internal",
        "node3.localdomain",
    ],
)
def test_cloud_host_names_are_removed_everywhere(name: str) -> None:
    assert redact(f"lost {name}, retrying") == "lost <host>, retrying"


@pytest.mark.parametrize("name", ["gpu-node17", "gpu-node17.cluster.example.org", "GPU-Node17", "gpu-node17.other.net"])
@pytest.mark.parametrize("line", ["on {}", "({})", "{}:1234", "{}_4242_0", "={};", "bob@{}", "over-{}-eth0", "{}, {}"])
def test_the_name_of_this_host_is_removed_everywhere_short_or_with_a_domain(line: str, name: str) -> None:
    if name == "gpu-node17" or not line.startswith("over"):  # a domain may hold dashes
        assert redact(line.format(name, name)) == line.format("<host>", "<host>")
    assert "node17" not in redact(line.format(name, name)).lower()


@given(line=st.sampled_from(OWN_NAME_LINES), name=NAME, as_host=st.booleans())
@example(line=OWN_NAME_LINES[0], name="root", as_host=False)
@example(line=OWN_NAME_LINES[0], name="a", as_host=False)
@example(line=OWN_NAME_LINES[0], name="user", as_host=False)
@example(line=OWN_NAME_LINES[0], name="host", as_host=True)
@example(line=OWN_NAME_LINES[0], name="a.*(b|c)+[", as_host=False)
@example(line=OWN_NAME_LINES[0], name="1000123", as_host=False)
@example(line=OWN_NAME_LINES[0], name="josé", as_host=False)
@settings(deadline=None, max_examples=40)
def test_names_of_this_machine_are_removed_as_whole_words(line: str, name: str, as_host: bool) -> None:
    identity = Identity(hosts=frozenset({name})) if as_host else Identity(users=frozenset({name}))
    found = Redactor(identity)(line.replace("@", name))
    rest = re.sub("<user>|<host>|<ip>|~", "", found)
    assert not re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", rest)
    assert Redactor(identity)(found) == found


def test_a_name_inside_a_word_is_kept() -> None:
    assert redact("malice alice2 Alice xgpu-node17 gpu-node170") == "malice alice2 Alice xgpu-node17 gpu-node170"


def test_of_two_names_with_the_same_beginning_the_longer_one_is_removed_whole() -> None:
    both = Redactor(Identity(users=frozenset({"al", "al-ice", "al-ice.b"}), homes=frozenset({"/srv", "/srv/al"})))
    assert both("al al-ice al-ice.b /srv/al/x /srv/x") == "<user> <user> <user> ~/x ~/x"


@pytest.mark.parametrize("name", ["host", "peer", "connect", "node", "The", "hostname"])
def test_a_name_that_is_a_word_of_a_log_line_does_not_hide_other_hosts(name: str) -> None:
    own = Redactor(Identity(users=frozenset({name}), hosts=frozenset({name})))
    for line in OTHER_HOST_LINES:
        assert "node99" not in own(line.replace("@", "node99"))


def test_a_user_name_of_digits_is_removed_but_not_from_numbers_and_times() -> None:
    by_number = Redactor(Identity(users=frozenset({"1234", "12"})))
    assert by_number("uid 1234, 0.1234 1234.5 12:1234 x1234 12") == "uid <user>, 0.1234 1234.5 12:1234 x1234 12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('File "/data/people/alice/ocr/train.py", line 3', 'File "~/ocr/train.py", line 3'),
        ("/data/people/alice", "~"),
        ("/data/people/alice-2/x", "/data/people/<user>-2/x"),
        ("/home/bob/x /home/bob.", "~/x ~."),
        ("PYTHONPATH=/home/carol/lib:/Users/eve.long/lib", "PYTHONPATH=~/lib:~/lib"),
        ("file:///home/dave/a, '/home/x-y_z@corp.com/b'", "file://~/a, '~/b'"),
        ("/nfs/home/bob/x", "/nfs~/x"),
        ("/root/x (/root) /root", "~/x (~) ~"),
        ("/home /home/ /rootfs sysroot/root", "/home /home/ /rootfs sysroot/root"),
        ("alice@gpu-node17:~/x", "<user>:~/x"),
    ],
)
def test_home_directories_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_a_home_directory_with_a_blank_is_removed() -> None:
    assert Redactor(Identity(homes=frozenset({"/Users/Al Ice/", "/", ""})))("at /Users/Al Ice/x of /") == "at ~/x of /"


@pytest.mark.parametrize("line", KEPT)
def test_lines_without_private_text_are_kept(line: str) -> None:
    assert redact(line) == line


NUMBER = st.integers().map(str) | st.floats().map(str) | st.floats(0, 1e6).map("{:.6f}".format)
WORD = st.text(string.ascii_letters, min_size=1, max_size=10).filter(lambda word: word.lower() != "alice")
TIME = st.times().map(str) | st.datetimes().map(str) | st.datetimes().map(datetime.isoformat) | st.dates().map(str)
VERSION = st.lists(st.integers(0, 3000).map(str), min_size=2, max_size=3).map(".".join)
CPP_NAME = st.lists(st.from_regex(r"[a-z]{2,8}[g-z]", fullmatch=True), min_size=2, max_size=4).map("::".join)
SLICE = st.builds("x[{}:{}:{}]".format, *[st.just("") | st.integers(-99, 999).map(str)] * 3)
PLAIN = NUMBER | WORD | TIME | VERSION | CPP_NAME | SLICE


@given(
    st.lists(st.tuples(PLAIN, st.sampled_from([" ", ", ", " = ", "; ", " (", ") ", "\n"]))).map(
        lambda pairs: "".join(map("".join, pairs))
    )
)
@settings(deadline=None)
def test_words_numbers_times_versions_names_and_slices_are_kept(text: str) -> None:
    assert redact(text) == text


WORDS_OF_THE_LOG_LINE = frozenset(
    re.findall(r"[a-z]+", log_line(step_record(loss=1.0), total_steps=2, learning_rate=0.1))
)


@given(
    index=st.integers(1, 10**6),
    seconds=st.floats(1e-6, 1e6),
    loss=st.floats(),
    learning_rate=st.floats(0, 10),
    samples=st.integers(1, 4096),
)
@settings(deadline=None, max_examples=40)
def test_the_suites_own_log_line_is_kept_whatever_the_names_of_user_and_host(
    index: int, seconds: float, loss: float, learning_rate: float, samples: int
) -> None:
    record = step_record(index, seconds=seconds, data_wait_seconds=seconds, samples=samples, loss=loss)
    line = log_line(record, 10**6, learning_rate)
    names = WORDS_OF_THE_LOG_LINE | {str(index), "0.001"}
    assert Redactor(Identity(users=names, hosts=names))(line) == line


ANY_PRIVATE = (
    IPV4
    | IPV6
    | MAC
    | HOST
    | st.sampled_from(["alice", "gpu-node17", "/home/bob", "/root", "/data/people/alice", "<user>"])
)
ANY_TEMPLATE = st.sampled_from(ADDRESS_LINES + OTHER_HOST_LINES + OWN_NAME_LINES + KEPT)
FRAGMENT = ANY_PRIVATE | st.text("0123456789abcdefg:.-_/<>[]@% \n", max_size=12)


@given(
    st.lists(FRAGMENT, max_size=8).map("".join)
    | st.builds(lambda line, name: line.replace("@", name), ANY_TEMPLATE, ANY_PRIVATE)
)
@example("alice::1")
@example("10.0.0.1::1")
@example("alice/root")
@example("host : node3")
@example("1.2.3.4.5.6.7.8")
@settings(deadline=None)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert once.count("\n") == text.count("\n")


# Beginnings of private text that are never completed: a regular expression may backtrack on them.
UNITS = [
    "a",
    "a.",
    ":",
    "1:",
    "00:",
    "00-",
    "1.",
    "/home/",
    "host",
    "host:",
    "-1",
    "a-1",
    "[",
    "[a",
    "://a",
    "_1",
    "::",
    "a::",
    "f:",
    "@",
    "%a",
    "alice",
    "gpu-node17.",
    "0000:",
    "a.b-",
    "ab.internal",
    "host ",
    "to ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_redaction_takes_time_linear_in_the_length(unit: str) -> None:
    def seconds(text: str) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            redact(text)
            best = min(best, time.perf_counter() - start)
        return best

    short = unit * (4000 // len(unit))
    # Quadratic time reaches the limit of 64 times; other work on the machine does not.
    assert seconds(short * 8) < 8 * 8 * seconds(short) + 0.01


def test_the_names_of_this_machine_are_found_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("asked the network")

    for name in ("getfqdn", "gethostbyname", "getaddrinfo", "gethostbyaddr"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setenv("HOSTNAME", "pod-7")
    monkeypatch.setenv("MASTER_ADDR", "node0.cluster")
    monkeypatch.setenv("USER", "alice")
    monkeypatch.setenv("HOME", "/srv/alice")
    identity = Identity.of_this_machine()
    assert {"pod-7", "node0.cluster", socket.gethostname()} <= identity.hosts
    assert {"alice", pwd.getpwuid(os.getuid()).pw_name} <= identity.users
    assert {"/srv/alice", pwd.getpwuid(os.getuid()).pw_dir} <= identity.homes


def test_a_home_directory_is_known_by_its_real_path_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert {str(tmp_path / "link"), str((tmp_path / "real").resolve())} <= Identity.of_this_machine().homes


def test_a_user_number_without_an_account_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_account(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", no_account)
    monkeypatch.setenv("USER", "ghost")
    assert "ghost" in Identity.of_this_machine().users


def test_a_machine_without_names_has_nothing_to_remove_but_addresses() -> None:
    nobody = Redactor(
        Identity(users=frozenset({""}), hosts=frozenset({"", "localhost", "127.0.0.1"}), homes=frozenset({"/", ""}))
    )
    assert nobody("localhost / user, 10.0.0.1") == "localhost / user, <ip>"


def test_names_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    redaction._of_this_machine.cache_clear()
    calls: list[Identity] = []

    def look_up() -> Identity:
        calls.append(ALICE)
        return ALICE

    monkeypatch.setattr(Identity, "of_this_machine", look_up)
    assert redaction.redact("alice") == redaction.redact("alice") == "<user>"
    assert len(calls) == 1
    redaction._of_this_machine.cache_clear()
