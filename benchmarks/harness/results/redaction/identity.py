"""The names that identify this machine, its job and its user."""

from __future__ import annotations

import os
import platform
import pwd
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.protocol.node_list import hosts_of

# Variables that name accounts, and hosts: set by shells, containers, Slurm, PBS, LSF, Kubernetes, MPI and torchrun.
_USER_VARIABLES = (
    *("USER", "LOGNAME", "USERNAME", "SUDO_USER", "DOAS_USER", "REMOTE_USER", "NB_USER", "JUPYTERHUB_USER"),
    *("SLURM_JOB_USER", "SLURM_JOB_ACCOUNT", "PBS_O_LOGNAME", "LSFUSER"),
)
_HOST_VARIABLE = re.compile(
    r"(?:HOSTNAME|COMPUTERNAME|NODE_NAME|NODENAME|POD_NAME|POD_IP|HOST_IP|MASTER_ADDR|RANK0_HOST)"
    r"|(?:SLURMD?|PBS|LSB|LSF|PET|PMIX?|OMPI|HYDRA|MPI|HOROVOD|TORCHELASTIC|KUBERNETES|RAY|SGE|FLUX|COBALT)_(?:\w+_)?"
    r"(?:HOST|HOSTS|HOSTNAME|NODELIST|NODE_LIST|NODENAME|NODE_ALIASES|ADDR|ADDRESS|IPADDR|ENDPOINT)"
)
_HOME_VARIABLES = ("PBS_O_HOME", "SLURM_HOME")


@dataclass(frozen=True)
class Identity:
    """Names to be replaced.

    Attributes:
        users: names of accounts and people.
        hosts: names of machines, with or without the domain.
        homes: absolute paths of home directories.
    """

    users: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    homes: frozenset[str] = frozenset()

    def __or__(self, other: Identity) -> Identity:
        return Identity(self.users | other.users, self.hosts | other.hosts, self.homes | other.homes)

    @classmethod
    def of_this_machine(cls, environment: Mapping[str, str] = os.environ) -> Identity:
        """Look the names up without the network: a name server that does not answer must not stop a run."""
        users = {environment.get(name, "") for name in _USER_VARIABLES}
        homes = {os.path.expanduser("~"), *(environment.get(name, "") for name in _HOME_VARIABLES)}  # noqa: PTH111  # Path.home() raises without HOME and account
        try:
            account = pwd.getpwuid(os.getuid())
        except KeyError:  # in a container the user id may have no account
            pass
        else:
            users |= {account.pw_name, account.pw_gecos.partition(",")[0]}  # the second is the person's full name
            homes.add(account.pw_dir)
        homes |= {os.path.realpath(home) for home in homes if home}
        own = {socket.gethostname(), platform.node()}
        return cls(frozenset(users), frozenset({*own, *_aliases(own), *_job_hosts(environment)}), frozenset(homes))


def _job_hosts(environment: Mapping[str, str]) -> Iterator[str]:
    """Hosts that the environment names."""
    for name, value in environment.items():
        if not _HOST_VARIABLE.fullmatch(name):
            continue
        if name == "SLURM_TOPOLOGY_ADDR":  # switches and the node, joined by dots
            value = value.replace(".", " ")
        yield from hosts_of(value)


def _aliases(names: set[str]) -> Iterator[str]:
    """Other names of this machine, such as that with its domain, which /etc/hosts has."""
    try:
        lines = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        found = line.partition("#")[0].split()[1:]
        if names & set(found):
            yield from found
