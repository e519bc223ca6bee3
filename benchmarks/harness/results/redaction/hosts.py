"""Names of machines, by the places in which programs print them and by their form."""

from __future__ import annotations

from benchmarks.harness.results.redaction.rules import END, GAP, SEPARATOR, START, Rule, family

# Not an address: one look ahead, simpler than the patterns of the addresses, because it stands in every rule.
_NO_ADDRESS = (
    r"(?!(?:[0-9A-Fa-f]{1,4}:){0,6}:|(?:[0-9A-Fa-f]{2,4}[:-]){5}|[0-9A-Fa-f]{4}(?::[0-9A-Fa-f]{4}){3}"
    r"|\d{1,3}(?:\.\d{1,3}){3}(?!\d))"
)
NAME = rf"{START}{_NO_ADDRESS}(?!(?:localhost|None|null)(?![\w-]|\.\w))[^\W_](?:[\w.-]*[^\W_])?"
# After "host:" a word may also be a device, a setting or a number, as in "host: cpu" and "host: 5.1 GiB".
_NO_HOST = (
    r"(?!(?i:none|null|nan|true|false|yes|no|on|off|auto|default|unknown|unset|cpus?|gpus?|cuda|mps|xpu|tpu|devices?|host"
    r"|memory|pinned|pageable|ram|ok|error|failed|idle|busy|and|or|is|was|the|to|in|not|with)(?![\w\[-]|\.\w))"
    r"(?!\d{1,4}(?:\.\d+)?(?![\w.-]))"
)
# Slurm's lists: gpu[01-04,07]-ib,login1
_RANGE = r"(?:\[\d[\d,-]*\][\w.-]*)"
_NODE = rf"{NAME}{_RANGE}{{0,3}}"
_NODES = rf"{_NODE}(?:(?::\d{{1,5}})?,[A-Za-z0-9][\w.-]*{_RANGE}{{0,3}})*"
# Not "on node 3", "on nodes 0-3", "on node rank0", nor a node of a graph, "on node add_1"
_CLEARLY_A_NODE = rf"(?=[A-Za-z][A-Za-z0-9.-]*(?:\d|\[\d))(?!rank\d|[A-Za-z0-9.-]*_){_NODES}"

_HOST_KEY = (
    r"(?i:(?:batch|exec|req|head|master|submit)?_?host(?:_?name)?|node_?name|master[_-]?addr(?:ess)?|rdzv[_-]?endpoint|pod_?name"
    r"|alloc_?node|computername)"
)
_LIST_KEY = r"(?i:node_?list|hosts|hostlist|nodes|node_?aliases|topology_addr|launch_node_ipaddr)"

KEYS = family(
    r"host|node|addr|endpoint|pod_?name|computername",
    # torchrun's error report and settings, JSON, XML
    Rule("<host>", _NO_HOST + NAME, before=rf"{START}{_HOST_KEY}{SEPARATOR}"),
    Rule("<host>", r"(?!<)[^\"'\n\x1b<]+", before=rf"{START}{_LIST_KEY}(?:\\*[\"'])?{GAP}[:=]{GAP}\\*[\"'](?=[^\W\d])"),
    Rule("<host>", r"[^\]\n\x1b<]+", before=rf"{START}{_LIST_KEY}(?:\\*[\"'])?{GAP}[:=]{GAP}\[(?=\\*[\"'][^\W\d])"),
    Rule("<host>", _NO_HOST + _NODES, before=rf"{START}(?:{_LIST_KEY}(?<!nodes)(?<!hosts)|LSB_HOSTS)="),
    Rule(
        "<host>",
        _NO_HOST + _NODES,
        before=r"--(?:[a-z]{1,10}[-_]){0,3}(?:endpoint|addr|address|host|hosts|nodelist)[ =]",
    ),
    Rule("<host>", _CLEARLY_A_NODE, before=rf"{START}{_LIST_KEY}(?:=|:? {GAP}(?:are )?)"),
)
SLURM = family(
    r"srun|on node|from node|to node|nodes|node failure|cancelled|\[\[",
    Rule("<host>", rf"{_NODES}(?=: tasks? \d)", before=rf"{START}srun: [a-z]{{1,10}}: "),
    Rule("<host>", _NODES, before=rf"{START}(?i:step|job) [\w.+=]{{1,40}} (?i:on) (?=[^\s]{{1,80}} CANCELLED)"),
    Rule("<host>", _CLEARLY_A_NODE, before=rf"{START}(?:on|from|to) nodes? '?|[Nn]ode failure on "),
    Rule("<host>", rf"{_NODE}(?= exited)", before=rf"{START}on node "),
    Rule("<host>", _NODES + r"(?= are ready)", before=rf"{START}Nodes "),
    Rule("<host>", NAME + r"(?=\]:\d)", before=r"\[\["),
)
_SYSLOG_TIME = rf"{START}(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d "

CONNECTIONS = family(
    r"connection to|linux|[a-z] [ \d]\d \d\d:\d\d|:\d+\] |\]:\d|connect to|address|<\d|://|the node|resolv"
    r"|permanently added|authenticity|service not known",
    Rule("<host>", NAME + r"(?=\]:\d{2,5}(?![\d:./-]))", before=r"(?<!\w)\[(?!(?:rank|default)\d+\])"),  # c10d
    Rule("<host>", NAME + r"(?=, ?\d+\))", before=r"(?:connect to|address(?:es)? of) \("),  # c10d: (name, port)
    Rule("<host>", NAME + r"(?=<\d+>)", before=rf"{START}(?:peer|from|to) "),  # NCCL: name<port>
    Rule("<host>", NAME + r"(?=:\d)", before="://"),  # tcp://name:port
    Rule("<host>", NAME + r"(?=_\d+_\d+)", before=rf"{START}[Tt]he node '?"),  # torchrun: name_process_agent
    Rule("<host>", NAME, before=r"[Rr]esolve (?:host(?:name)?:? '?|')"),
    Rule("<host>", NAME, before=r"connect to host |[Pp]ermanently added '\[?|of host '"),
    Rule("<host>", NAME + r"(?= closed)", before=rf"{START}Connection to "),
    Rule("<host>", NAME + r"(?= \d+\.\d+\.\d+\S{0,60} #\d)", before=rf"{START}Linux "),  # uname -a
    Rule("<host>", NAME + r"(?= [\w./-]{1,40}(?:\[\d+\])?:)", before=_SYSLOG_TIME),
    Rule("<host>", NAME + r"(?=:\d{1,9}\] (?:\*\*\*|mca|PMIX|\[ ?\d+\]|Signal|Failing))", before=r"\["),  # Open MPI
    Rule("<host>", NAME + r"(?=: Name or service not known)", before=r"(?:ping|ssh|getaddrinfo|curl): (?=[A-Za-z])"),
)

# Windows: \\name\share, and the same with the backslashes doubled
UNC = family(
    r"\\\\",
    Rule("<host>", r"[^\W_][\w.-]+(?=\\[\w$])", before=r"(?<![\w:\\])\\\\"),
    Rule("<host>", r"[^\W_][\w.-]+(?=\\\\[\w$])", before=r"(?<![\w:\\])\\\\\\\\"),
)

_DOMAIN = r"(?:\.(?=[A-Za-z0-9-]{0,62}[A-Za-z])[A-Za-z0-9-]*[A-Za-z0-9])*"
_DASHED_ADDRESS = r"(?:-(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){4}"
_CLOUD = rf"(?:ip|ec2|vm|host|node|worker|compute|server|dhcp|static|pool|cpe|gke){_DASHED_ADDRESS}{END}[\w-]*{_DOMAIN}"
_ADDRESS_IN_A_DOMAIN = (
    rf"[A-Za-z][A-Za-z0-9]{{0,20}}{_DASHED_ADDRESS}{END}[\w-]{{0,40}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,5}}"
    r"\.(?:internal|com|net|local|localdomain|cloud)(?![\w-])"
)
# Internal domains. `torch._inductor.internal` and `google.protobuf.internal` are modules: no label has a digit or dash.
_LABELS = r"(?:[A-Za-z0-9-]{1,63}\.){1,8}"
_INTERNAL = (
    rf"(?=[A-Za-z.]{{0,60}}[\d-])(?!\d+\.){_LABELS}(?:internal|local|lan|corp|intranet|home\.arpa)(?![\w-]|\.\w|\()"
    rf"|{_LABELS}(?:svc\.cluster\.local|localdomain)(?![\w-])|(?:metadata\.google|(?:host|kubernetes)\.docker)\.internal"
)
# NCCL's prefix: name:process:thread [device]
NCCL = family(
    r":\d+:\d+ \[",
    Rule("<host>", rf"(?<![\w.-])(?=[\w.-]+:\d+:\d+ \[-?\d+\] )(?!\d\d?:){NAME}(?=:\d+:\d+ \[)"),
)
CLOUD = family(
    r"-\d{1,3}-\d{1,3}-\d{1,3}-\d",
    Rule("<host>", rf"(?<![\w.-])(?:\w{{1,20}}-){{0,3}}?(?:{_CLOUD}|{_ADDRESS_IN_A_DOMAIN})"),
)
DOMAINS = family(
    r"\.(?:internal|local|lan|corp|intranet|home\.arpa)",
    Rule("<host>", rf"(?<![\w.-])(?:{_INTERNAL})"),
)
