"""Passwords, tokens and keys, and the numbers that identify a single device."""

from __future__ import annotations

from benchmarks.harness.results.redaction.rules import END, GAP, SEPARATOR, START, Rule, family

# The value of a key: the rest of a quoted string, or all up to the next blank or separator.
_STRING = (
    r"(?<=\\[\"'])[^\"'\\\n\x1b]+|(?<=\")(?:[^\"\\\n\x1b]|\\[^\n\x1b])+|(?<=')(?:[^'\\\n\x1b]|\\[^\n\x1b])+|(?<![\"'])"
)
_NO_VALUE = r"(?!(?i:none|null|true|false|undefined|unset|nan)(?![\w-])|<|\[|\*\*)"
_VALUE = rf"{_NO_VALUE}(?:{_STRING}[^\s\"'`,;)}}\]&<>\\\x1b]+)"
_ENVIRONMENT_VALUE = rf"{_NO_VALUE}(?:{_STRING}[^\s\"'`<>\x1b]+)"
# A value that no person wrote: long, with a digit. So that `pad_token=[PAD]` and `sort_key: name` stay.
_NO_CREDENTIAL = r"(?<!cache_)(?<!sort_)(?<!hash_)(?<!graph_)(?<!storage_)(?<!group_)(?<!lookup_)(?<!dispatch_)"
_RANDOM_VALUE = rf"(?=[A-Za-z_.~+/-]{{0,60}}\d)(?![\d.e+-]+{END})[\w.~+/=-]{{12,}}"

_SECRET_WORD = (
    r"(?:pass(?:word|wd|phrase)|secret|credentials?|(?:api|access|secret|security|private|auth|session|account|signing|encryption"
    r"|license|refresh|bearer|bot|deploy|personal|identity|client|service)[_-]?(?:key|token|secret))"
)
_KEY = rf"{START}(?i:{_SECRET_WORD}(?:[_-]?(?:id|value|hash))?)"
_VARIABLE = (
    r"(?:(?<=[A-Z0-9]_)(?:KEY|TOKEN|SECRET|PASS|PASSPHRASE|CREDENTIALS?|AUTH)|(?<=[A-Z0-9_])(?:PASSWORD|PASSWD)"
    r"|(?<=MYSQL_)PWD)(?![A-Za-z0-9_])"
)
_CAMEL = r"(?:[a-z](?:Password|Secret|ApiKey|AccessKey|AccessToken|AuthToken))(?![a-z])"

# Credentials that their issuers made recognisable: GitHub, GitLab, Hugging Face, OpenAI, Slack, AWS, Google, PyPI, npm,
# Docker, JSON web tokens.
_ISSUED = (
    rf"{START}(?:gh[pousr]_[A-Za-z0-9]{{6,}}|github_pat_\w{{6,}}|gl(?:pat|dt|rt|cbt)-[\w-]{{6,}}"
    r"|(?:hf|npm)_(?=[a-z]{0,40}[A-Z0-9])[A-Za-z0-9]{6,}|sk-(?=[a-z-]{0,40}[A-Z0-9])[\w-]{16,}"
    r"|xox[a-z]-[\w-]{6,}|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{8,}|AIza[\w-]{20,}|ya29\.[\w.-]{10,}"
    r"|pypi-(?=[a-z-]{0,40}[A-Z0-9])[\w-]{16,}|dckr_pat_[\w-]{6,}|eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*)"
)

# In a URL the credentials stand before the host.
_IN_URL = r"[^\s/@\"'<>\x1b]"
_USER_INFO = (
    rf"(?:{_IN_URL}|@(?={_IN_URL}*@))+(?=@)"
    r"|[^\s/@:\"'<>\x1b]*:(?!\d{1,5}/)[^\s/@?\"'<>\x1b]*/[^\s/@:?\"'<>\x1b]*(?=@)"
)

CREDENTIALS = family(
    r"key|token|secret|pass|credential|auth|bearer|cookie|signature=|sig=|mysql_pwd|curl",
    Rule(
        "<secret>",
        r"(?!<)[^\s\"'\x1b][^\"'\n\x1b]*",
        before=rf"{START}(?i:(?:proxy-)?authorization|(?:set-)?cookie){SEPARATOR}",
    ),
    Rule("<secret>", r"(?=[A-Za-z_.~+/-]{0,60}\d)[\w.~+/=-]{6,}", before=rf"{START}(?i:bearer)[ \t]{{1,4}}"),
    Rule(
        "<secret>", r"[^\s:\x1b]+:[^\s\"'\x1b]+", before=rf"{START}curl (?:[^\n\x1b]{{0,200}} )?(?:-u|--user)[ =][\"']?"
    ),
    Rule("<secret>", r"(?!<)[^\s\x1b]+", before=rf"{START}login [^\s\x1b]{{1,100}} password "),  # .netrc
    Rule("<secret>", r"(?=[A-Za-z_.~+/%-]{0,60}\d)[\w.~+/%-]{16,}", before=rf"{START}(?i:sig|signature)="),
    Rule("<secret>", _ENVIRONMENT_VALUE, before=rf"{_VARIABLE}=(?:\\*[\"'])?"),
    Rule("<secret>", _VALUE, before=rf"{_VARIABLE}{SEPARATOR}"),
    Rule("<secret>", _VALUE, before=rf"(?:{_KEY}|{_CAMEL}){SEPARATOR}"),
    Rule("<secret>", _VALUE, before=rf"--(?i:(?:[a-z]{{1,20}}-){{0,3}}(?:password|passwd|token|secret|key))[ =]{GAP}"),
    Rule(
        "<secret>", _RANDOM_VALUE, before=rf"{START}{_NO_CREDENTIAL}(?i:key|token)(?:\\*[\"'])?{GAP}={GAP}(?:\\*[\"'])?"
    ),
    Rule("<secret>", _RANDOM_VALUE, before=rf"{START}(?i:token)(?:\\*[\"'])?: {GAP}(?:\\*[\"'])?"),
)
ISSUED = family(
    r"gh[pousr]_|github_pat|gl[a-z]{2,3}-|hf_|npm_|sk-|xox|akia|asia|aroa|aida|aiza|ya29|pypi-|dckr_pat|eyj|hooks\.slack|sha256:|ssh-|ecdsa-",
    Rule("<secret>", _ISSUED),
    Rule("<secret>", r"[\w/]{8,}", before=r"hooks\.slack\.com/services/"),
    Rule(  # public key, with its owner
        "<secret>",
        r"AAAA[A-Za-z0-9+/=]{16,}(?: [\w.+-]{1,64}@[\w.-]*\w)?",
        before=rf"{START}(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d{{3}}) ",
    ),
    Rule("<secret>", r"[A-Za-z0-9+/]{42,44}=?", before=rf"{START}SHA256:"),  # fingerprint of an SSH key
)
URL_CREDENTIALS = family("://", Rule("<secret>", _USER_INFO, before="://(?!<)"))

# Numbers of devices: UUIDs of GPUs and of their partitions, in full or shortened; serial numbers; ids of machines.
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
SERIALS = family(
    r"gpu-|mig-|serial|uuid|machine|product|chassis|board",
    Rule(
        "<serial>",
        rf"(?:MIG-)?GPU-(?=[a-f-]{{0,7}}\d)[0-9A-Fa-f]{{4,8}}(?:-[0-9A-Fa-f]{{1,12}}){{0,4}}{END}|MIG-{_UUID}",
    ),
    Rule(
        "<serial>",
        r"(?=[A-Za-z-]{0,20}\d)[A-Za-z0-9-]{6,40}(?![\w.])",
        before=rf"{START}(?i:serial(?:[ _-]?(?:number|no\.?|num|#))?){SEPARATOR}",
    ),
    Rule(
        "<serial>", rf"{_UUID}|[0-9A-Fa-f]{{32}}{END}", before=rf"{START}(?i:uuid|machine[_-]?id)(?:{SEPARATOR}|[ \t])"
    ),
)
