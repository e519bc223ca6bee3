from __future__ import annotations

import pytest

from private_lines import redact


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
        ("alice@gpu-node17:~/x", "<user>@<host>:~/x"),
    ],
)
def test_home_directories_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C:\\Users\\bob\\x", "~\\x"),
        ("'C:\\\\Users\\\\bob\\\\x'", "'~\\\\x'"),
        ("C:/Users/bob/x", "~/x"),
        ("/users/bob/x /homes/eve/y /home1/dan/z", "~/x ~/y ~/z"),
        ("file=%2Fhome%2Fbob%2Fx", "file=~%2Fx"),
    ],
)
def test_home_directories_of_other_systems_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail bob.smith@corp.com now", "mail <user>@<host> now"),
        ("Author: Bob <bob@lab.example>", "Author: Bob <<user>@<host>>"),
        ("mailto:bob%40corp.com", "mailto:<user>@<host>"),
        ("scp bob@gpu7:/data/x .", "scp <user>@<host>:/data/x ."),
        ("rsync -av bob@gpu7:x y", "rsync -av <user>@<host>:x y"),
        ("bob@10.0.0.1: refused", "<user>@<ip>: refused"),
        ("ssh bob@gpu7", "ssh <user>@<host>"),
        ("bob@gpu7: Permission denied (publickey).", "<user>@<host>: Permission denied (publickey)."),
        ("git@github.com:org/x.git", "<user>@<host>:org/x.git"),
    ],
)
def test_mail_addresses_and_remote_paths_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/tmp/torchinductor_bob/ab", "/tmp/torchinductor_<user>/ab"),
        ("/tmp/pytest-of-root/pytest-0", "/tmp/pytest-of-<user>/pytest-0"),
        ("uid=1000(bob) gid=1000(bob)", "uid=1000(<user>) gid=1000(<user>)"),
        ("USER=bob", "USER=<user>"),
        ('"username": "bob"', '"username": "<user>"'),
        ("UserId=bob(1000) GroupId=grp(1000)", "UserId=<user>(1000) GroupId=<user>(1000)"),
        ("wandb: Currently logged in as: bob (team)", "wandb: Currently logged in as: <user> (team)"),
        ("SLURM_JOB_USER=bob SLURM_JOB_ACCOUNT=lab7", "SLURM_JOB_USER=<user> SLURM_JOB_ACCOUNT=<user>"),
    ],
)
def test_names_of_accounts_are_removed_in_the_places_where_programs_print_them(text: str, expected: str) -> None:
    assert redact(text) == expected
