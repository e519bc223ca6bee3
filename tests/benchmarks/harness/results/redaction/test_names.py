from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.harness.results.redaction import Identity, Redactor
from private_lines import NAME, OTHER_HOST_LINES, OWN_NAME_LINES, redact


@pytest.mark.parametrize("name", ["gpu-node17", "gpu-node17.cluster.example.org", "GPU-Node17", "gpu-node17.other.net"])
@pytest.mark.parametrize("line", ["on {}", "({})", "{}:1234", "{}_4242_0", "={};", "over-{}-eth0", "{}, {}"])
def test_the_name_of_this_host_is_removed_everywhere_short_or_with_a_domain(line: str, name: str) -> None:
    if name == "gpu-node17" or not line.startswith("over"):  # a domain may hold dashes
        assert redact(line.format(name, name)) == line.format("<host>", "<host>")
    assert "node17" not in redact(line.format(name, name)).lower()


@given(line=st.sampled_from(OWN_NAME_LINES), name=NAME, as_host=st.booleans())
@example(line=OWN_NAME_LINES[0], name="b", as_host=False)
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


def test_a_machine_without_names_has_nothing_to_remove_but_addresses() -> None:
    nobody = Redactor(
        Identity(users=frozenset({""}), hosts=frozenset({"", "localhost", "127.0.0.1"}), homes=frozenset({"/", ""}))
    )
    assert nobody("localhost / user, 10.0.0.1") == "localhost / user, <ip>"


def test_a_home_directory_with_a_blank_is_removed() -> None:
    assert Redactor(Identity(homes=frozenset({"/Users/Al Ice/", "/", ""})))("at /Users/Al Ice/x of /") == "at ~/x of /"


def test_a_list_of_thousands_of_nodes_costs_little_more_than_one_name() -> None:
    nodes = frozenset(f"gpu{number:05}" for number in range(10_000))
    many = Redactor(Identity(hosts=nodes))
    assert many("on gpu00000, gpu09999 and GPU01234.lab, not gpu10000") == "on <host>, <host> and <host>, not gpu10000"


@pytest.mark.parametrize(
    "name", ["root", "user", "data", "step", "gpu", "localhost", "psenet", "icdar2015", "redaction"]
)
def test_a_name_that_is_a_word_of_the_logs_or_a_file_of_the_project_is_no_name(name: str) -> None:
    own = Redactor(Identity(users=frozenset({name}), hosts=frozenset({name})))
    assert (
        own(f"square {name}: 3/60 {name} /data/{name}/img_1.jpg")
        == f"square {name}: 3/60 {name} /data/{name}/img_1.jpg"
    )
    assert own(f"{name}@gpu7.lab.example /home/{name}/x") == "<user>@<host> ~/x"


def test_the_full_name_of_a_host_is_replaced_even_if_it_begins_with_a_common_word() -> None:
    own = Redactor(Identity(hosts=frozenset({"data.lab.example"})))
    assert own("data of data.lab.example and gpu8.lab.example") == "data of <host> and <host>"
