from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from private_lines import HOST, OTHER_HOST_LINES, redact


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("srun: error: gpu07: task 0: Exited with exit code 1", "srun: error: <host>: task 0: Exited with exit code 1"),
        ("srun: error: gpu[07-08]: tasks 0-3: Killed", "srun: error: <host>: tasks 0-3: Killed"),
        ("srun: error: gpu07,login1: tasks 0-3: Killed", "srun: error: <host>: tasks 0-3: Killed"),
        (
            "slurmstepd: error: *** STEP 123.0 ON gpu07 CANCELLED AT 2026-11-23T12:00:00 ***",
            "slurmstepd: error: *** STEP 123.0 ON <host> CANCELLED AT 2026-11-23T12:00:00 ***",
        ),
        ("srun: error: Node failure on gpu07", "srun: error: Node failure on <host>"),
        ("salloc: Nodes gpu[01-04] are ready for job", "salloc: Nodes <host> are ready for job"),
        ("SLURM_NODELIST=gpu[01-04,07],x1", "SLURM_NODELIST=<host>"),
        ("SLURM_JOB_NODELIST='gpu[01-04]'", "SLURM_JOB_NODELIST='<host>'"),
        ("'SLURM_NODELIST': 'gpu[01-04]',", "'SLURM_NODELIST': '<host>',"),
        ("SLURMD_NODENAME=gpu07", "SLURMD_NODENAME=<host>"),
        ("SLURM_SUBMIT_HOST=login", "SLURM_SUBMIT_HOST=<host>"),
        ("SLURM_LAUNCH_NODE_IPADDR=10.0.0.1", "SLURM_LAUNCH_NODE_IPADDR=<ip>"),
        ("SLURM_TOPOLOGY_ADDR=sw1.sw2.gpu07", "SLURM_TOPOLOGY_ADDR=<host>"),
        ("LSB_HOSTS='c1 c2 c2'", "LSB_HOSTS='<host>'"),
        ("PBS_O_HOST=login2", "PBS_O_HOST=<host>"),
        ("NodeList=gpu[01-02] BatchHost=gpu01", "NodeList=<host> BatchHost=<host>"),
        ("NodeName=gpu07", "NodeName=<host>"),
        (
            "mpirun noticed that process rank 0 with PID 0 on node alpha exited on signal 9",
            "mpirun noticed that process rank 0 with PID 0 on node <host> exited on signal 9",
        ),
        (
            "srun: error: slurm_receive_msgs: [[gpu07.lab]:6818] failed",
            "srun: error: slurm_receive_msgs: [[<host>]:6818] failed",
        ),
        (
            "ssh: connect to host gpu7 port 22: Connection refused",
            "ssh: connect to host <host> port 22: Connection refused",
        ),
        (
            "ssh: Could not resolve hostname gpu7: Name or service not known",
            "ssh: Could not resolve hostname <host>: Name or service not known",
        ),
        ("ping: gpu7: Name or service not known", "ping: <host>: Name or service not known"),
        ("curl: (6) Could not resolve host: gpu7", "curl: (6) Could not resolve host: <host>"),
        ("Failed to resolve 'gpu7' ([Errno -2])", "Failed to resolve '<host>' ([Errno -2])"),
        ("Warning: Permanently added 'gpu7,10.0.0.1' (ECDSA)", "Warning: Permanently added '<host>,<ip>' (ECDSA)"),
        ("The authenticity of host 'gpu7 (10.0.0.1)'", "The authenticity of host '<host> (<ip>)'"),
        ("HTTPSConnectionPool(host='gpu7', port=443)", "HTTPSConnectionPool(host='<host>', port=443)"),
        ("\\\\nas7\\share\\x", "\\\\<host>\\share\\x"),
        ("open '\\\\\\\\nas7\\\\share\\\\x'", "open '\\\\\\\\<host>\\\\share\\\\x'"),
        ("peer gpu8.cluster.example.org:29400", "peer <host>:29400"),
        ("alices-mbp.local", "<host>"),
        ("svc-0.ns.svc.cluster.local", "<host>"),
        ("vm-10-0-0-1.corp", "<host>"),
        ("Connection to gpu7 closed by remote host.", "Connection to <host> closed by remote host."),
        ("Linux gpu7 5.15.0-91-generic #101-Ubuntu SMP", "Linux <host> 5.15.0-91-generic #101-Ubuntu SMP"),
        ("Nov 23 12:00:00 gpu7 kernel: NVRM: Xid 79", "Nov 23 12:00:00 <host> kernel: NVRM: Xid 79"),
        ("[gpu7:12345] *** Process received signal ***", "[<host>:12345] *** Process received signal ***"),
        (
            "torchrun --rdzv-endpoint gpu7:29400 --master-addr=gpu8 x.py",
            "torchrun --rdzv-endpoint <host>:29400 --master-addr=<host> x.py",
        ),
        ("mpirun --host gpu1:4,gpu2:4 x", "mpirun --host <host>:4 x"),
        ('"hosts": ["gpu1", "gpu2"]', '"hosts": [<host>]'),
        ("rdzv_endpoint=gpu7.lab.example:29400", "rdzv_endpoint=<host>:29400"),
        ("GPU7: gpu-node17:1: gpu-node18.cluster.example.org", "GPU7: <host>:1: <host>"),
        ('{\\"hostname\\": \\"gpu7\\"}', '{\\"hostname\\": \\"<host>\\"}'),
    ],
)
def test_names_of_other_hosts_are_removed_in_the_places_where_job_systems_and_ssh_print_them(
    text: str, expected: str
) -> None:
    assert redact(text) == expected
