"""Network and hardware addresses, by their form."""

from __future__ import annotations

from benchmarks.harness.results.redaction.rules import END, START, Rule, family

# Hardware addresses of Ethernet and InfiniBand: pairs of hexadecimal digits; InfiniBand GUIDs: four groups of four;
# Cisco's notation: three groups of four, with a letter. A date and time with dashes is no address.
_PAIR = "[0-9A-Fa-f]{2}"
_QUAD = "[0-9A-Fa-f]{4}"
_DATE = r"\d\d-[01]\d-[0-3]\d-[0-2]\d-[0-5]\d-[0-5]\d(?!-)"
MAC = (
    rf"(?:{START}(?:(?:{_PAIR}:){{5,}}{_PAIR}{END}|(?<!\d{{4}}-)(?!{_DATE})(?:{_PAIR}-){{5,}}{_PAIR}{END}"
    rf"|{_QUAD}(?::{_QUAD}){{3}}(?![^\W_]|:)|(?<!\w\.)(?=[\d.]{{0,13}}[A-Fa-f]){_QUAD}\.{_QUAD}\.{_QUAD}(?![^\W_]|\.[\w<])))"
)
_GUID = rf"0x[0-9A-Fa-f]{{12,}}{END}"

_OCTET = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
IPV4 = rf"(?<!\d){_OCTET}(?:\.{_OCTET}){{3}}(?!\d)"

# Versions of four parts look like addresses. They are recognised by what precedes them, except for addresses of private
# networks after `==`, which also stands in assertions.
_PRIVATE_NETWORK = r"(?:10|127|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))\."
_LIBRARY = r"(?i:version|opencv[\w-]{0,30}|cudnn|cublas|cuda|nccl|nvidia-(?:cu|nccl|nv)[\w-]{0,20})"
_VERSION = (
    rf"(?:{START}{_LIBRARY}(?:\\*[\"'])?[ \t]{{0,4}}[:=-]{{0,2}}[ \t]{{0,4}}(?:\\*[\"'])?[vV]?|\.so\.|{START}[vV]"
    rf"|(?<=[A-Za-z])(?:==|>=|<=|~=|!=)(?!{_PRIVATE_NETWORK}))\d+(?:\.\d+){{3,6}}(?![\d:/])"
)

# An address with `::` looks like a C++ name (c10::add, Ad::Bad, feed::add(x)) or a slice (x[::2], x[1:, a::3]). The
# differences: an address is not in a subscript, and after a comma it has more digits than a slice; the parts of a C++
# name have none.
_GROUP = "[0-9A-Fa-f]{1,4}"
_GROUPS = rf"{_GROUP}(?::{_GROUP}){{0,6}}"
_SLICE = r"(?:(?<=,)|(?<=, ))(?!::1(?![^\W_.]))(?:\d{1,3}|[A-Fa-f])?::(?:\d{1,3}|[A-Fa-f])?(?![^\W_]|[:.%])"
_CPP_NAME = r"c10d?::|(?![Ff][C-Fc-f])[A-Fa-f]*::[A-Fa-f]*(?![^\W_]|:)|[A-Fa-f]+::[A-Fa-f]+\("
_NO_SUBSCRIPT = r"(?<![\w\])]\[)(?<!\[-)"
IPV6 = (
    rf"(?:{START}(?:{_GROUP}:){{6}}(?:{_GROUP}:{_GROUP}{END}|{IPV4})"
    rf"|{START}(?<!::){_NO_SUBSCRIPT}(?!{_SLICE}|{_CPP_NAME})"
    rf"(?:{_GROUPS})?::(?:{_GROUPS}(?:(?:\.\d{{1,3}}){{3}})?)?(?![^\W_]|::)"
    rf"|{_NO_SUBSCRIPT}(?<=\[)::(?=\]))(?:%[\w.~-]*[\w~])?"
)

MACS = family(
    r":[0-9a-f]{2}:[0-9a-f]{2}:|-[0-9a-f]{2}-[0-9a-f]{2}-|:[0-9a-f]{4}:[0-9a-f]{4}:|\.[0-9a-f]{4}\.|guid",
    Rule("<mac>", MAC),
    Rule("<mac>", _GUID, before=rf"{START}(?i:\w{{0,10}}guid)[ \t:=]{{1,20}}"),
)
IPS = family(
    r"::|\.\d{1,3}\.\d{1,3}\.\d|:[0-9a-f]{1,4}:[0-9a-f]{1,4}:[0-9a-f]{1,4}:",
    Rule(None, _VERSION),
    Rule("<ip>", IPV6),
    Rule("<ip>", IPV4),
)
