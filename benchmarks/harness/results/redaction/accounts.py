"""Home directories, e-mail addresses and names of accounts, by their form."""

from __future__ import annotations

from benchmarks.harness.results.redaction.addresses import IPV4, IPV6
from benchmarks.harness.results.redaction.rules import END, GAP, START, Rule, family

_OWNER = r"[\w.@+$-]*[\w$]"
_HOME = (
    rf"/(?:home\d*|homes|[Uu]sers)/+{_OWNER}|(?<![\w.~-])/root(?![\w-])"
    rf"|(?:(?<![A-Za-z0-9])[A-Za-z]:)?(?:\\+|/)(?:Users|Documents and Settings)(?:\\+|/+){_OWNER}"
    rf"|%2[Ff](?:home|Users)%2[Ff][\w.+$-]*[\w$]"
)
HOMES = family("/root|home|users|documents and settings", Rule("~", _HOME))

# An e-mail address ends in a domain of letters. What a program prints with `@` and is none: a picture for two
# densities (icon@2x.png), a product of matrices (a@b.grad, q@k.transpose(...)), a version (checkout@v4.1).
_LOCAL = r"(?<![\w.+%-])[\w.+%-]{1,64}"
_NO_DOMAIN = (
    r"png|jpe?g|gif|bmp|tiff?|webp|txt|json|jsonl|ya?ml|npy|npz|zip|gz|tar|pth|csv|xml|html|grad|data|weight|bias|mT|mH"
)
_DOMAIN = (
    rf"(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,6}}(?!(?:{_NO_DOMAIN}){END})[A-Za-z][A-Za-z-]{{0,40}}[A-Za-z]{END}"
    r"(?![\w.]{0,40}\()"
)
# ssh, scp, rsync: name@host:path; name@host, if the host is an address or already replaced.
_SSH_HOST = r"(?=[\w.-]{0,30}[A-Za-z])[A-Za-z0-9][\w.-]{1,62}(?=:[/~.A-Za-z]|: Permission denied|:~| ?\$ )"
AT = family(
    "@|%40",
    Rule("<user>@<host>", rf"{_LOCAL}(?:@|%40)(?:<host>|<ip>|{_DOMAIN}|{_SSH_HOST})"),
    Rule("<host>", rf"{_DOMAIN}|[A-Za-z][\w.-]{{1,62}}(?=[:/\s\"']|$)", before="<(?:user|secret)>@"),
    Rule("<user>", rf"[A-Za-z_][\w.+-]{{0,63}}(?=@(?:{IPV6}|{IPV4}))"),
    Rule(
        "<user>@<host>",
        r"[A-Za-z_][\w.+-]{0,63}@[A-Za-z][\w.-]{1,62}",
        before=rf"{START}(?:ssh|scp|sftp|rsync|mosh)[ \t](?:-[\w ]{{1,20}}[ \t])?",
    ),
)

# Names of accounts where programs print them.
_NAME = (
    r"(?!(?i:none|null|true|false|unknown|default|self|cpu|gpu|cuda|device|host|nobody)(?![\w-]))"
    r"[A-Za-z_][\w.+-]{0,62}(?<![.-])"
)
_USER_KEY = (
    rf"{START}(?:(?i:user_?name|logname|login|sudo_user|remote_user)|USER|user|SLURM_JOB_ACCOUNT|UserId|GroupId"
    r"|UserName|owner)"
)
USERS = family(
    r"user|log|owner|account=|torchinductor_|pytest-of-|[ug]id=|groups=|groupid|mail/",
    Rule("<user>", _NAME, before=r"/torchinductor_|/pytest-of-|/spool/mail/|/var/mail/"),
    Rule("<user>", _NAME, before=rf"{START}(?i:logged in as):? '?"),  # wandb
    Rule("<user>", _NAME + r"(?=\))", before=r"(?:[ug]id|groups)=\d{1,12}\("),
    Rule("<user>", rf"(?!\d){_NAME}(?![\w(.]*\()", before=rf"{_USER_KEY}{GAP}={GAP}(?:\\*[\"'])?"),
    Rule("<user>", rf"{_NAME}(?=\(\d)", before=r"(?:User|Group)Id="),
    Rule("<user>", _NAME, before=rf"{_USER_KEY}\\*[\"']:{GAP}\\*[\"']"),
    Rule("<user>", rf"{_NAME}(?=\(| by | from )", before=rf"{START}for user "),
    Rule("<user>", _NAME, before=rf"{START}(?i:user) '"),
)
