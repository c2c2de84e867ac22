"""The protocol's lines: whatever comes in, a request or an error goes on."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.daemon import client, protocol
from photond.daemon.client import encode_request
from photond.daemon.protocol import (
    COMMANDS,
    MAX_LINE_BYTES,
    ProtocolError,
    decode_request,
    encode_error,
    encode_item,
    encode_result,
)
from photond.errors import ConfigError, ExitCode

PATHS = st.binary(max_size=20).map(
    lambda name: "/" + name.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SEARCH = {
    "configuration": st.none() | TEXTS,
    "database": st.none() | PATHS,
    "pack": st.none() | TEXTS,
    "limit": st.none() | st.integers(1, 1_000_000),
    "offset": st.integers(0, 1_000_000_000),
    "min_score": st.floats(-1, 1),
    "each_copy": st.booleans(),
    "offline": st.booleans(),
    "names_only": st.booleans(),
    "text": TEXTS,
}
REQUESTS = st.one_of(
    *(st.tuples(st.just(name), st.just({})) for name in COMMANDS if name != "query"),
    st.tuples(
        st.sampled_from(["rescan", "retry"]),
        st.fixed_dictionaries({"paths": st.lists(PATHS, max_size=3)}),
    ),
    st.tuples(st.just("query"), st.fixed_dictionaries(SEARCH)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(REQUESTS)
def test_a_request_is_one_line_of_ascii_and_comes_back_as_it_was(request_) -> None:
    command, fields = request_
    line = encode_request(command, **fields)
    assert line.isascii()
    assert line.find(b"\n") == len(line) - 1
    decoded = json.loads(json.dumps(msgspec.to_builtins(decode_request(line))))
    assert decoded.pop("photond") == 1
    assert decoded.pop("command") == command
    assert {name: decoded[name] for name in fields} == json.loads(json.dumps(fields))


def answer(line: bytes) -> dict:
    """What a client would be told of a line that it sent."""
    try:
        return {"result": msgspec.to_builtins(decode_request(line))}
    except ProtocolError as error:
        encoded = encode_error(error)
        assert encoded.count(b"\n") == 1
        return json.loads(encoded)


@given(st.binary())
def test_any_bytes_are_answered(data) -> None:
    assert set(answer(data)) <= {"result", "error"}


@given(
    JSON,
    st.sampled_from([*COMMANDS, "", "Status"]) | JSON,
    st.dictionaries(st.sampled_from(["paths", "text", "limit", "database", "x"]), JSON),
)
def test_any_json_is_answered(version, command, more) -> None:
    for value in (version, {"photond": 1, "command": command} | more, {"photond": version}):
        answer(json.dumps(value).encode())


@given(REQUESTS, st.data())
def test_a_damaged_request_is_answered(request_, data) -> None:
    line = bytearray(encode_request(request_[0], **request_[1]))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] = data.draw(st.integers(0, 255))
    answer(bytes(line))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"photond": 1, "command": "query", "limit": NaN}', "not JSON"),
        (b'{"photond": 1, "command": "rescan", "paths": ["/\\ud800"]}', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"command": "status"}', "does not say its version"),
        (b'{"photond": 2, "command": "status"}', "unknown version"),
        (b'{"photond": true, "command": "status"}', "unknown version"),
        (b'{"photond": 1}', "no command"),
        (b'{"photond": 1, "command": "explode"}', '"explode"'),
        (b'{"photond": 1, "command": "status", "verbose": true}', "`verbose`"),
        (b'{"photond": 1, "command": "rescan", "paths": ["relative"]}', "paths"),
        (b'{"photond": 1, "command": "rescan", "paths": ["/a\\u0000b"]}', "paths"),
        (b'{"photond": 1, "command": "query", "limit": 2}', "text"),
        (b'"' + b"x" * MAX_LINE_BYTES, "longer than"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(line, said) -> None:
    error = answer(line)["error"]
    assert said in error["message"]
    assert error["exit_code"] == ExitCode.USAGE


def test_an_error_carries_what_the_command_line_would_print() -> None:
    assert json.loads(encode_error(ConfigError("a \udcff", "Mend it."))) == {
        "error": {"message": "a \udcff", "remedy": "Mend it.", "exit_code": 3}
    }


@given(JSON)
def test_items_and_results_are_a_line_each(value) -> None:
    for encode, key in ((encode_item, "item"), (encode_result, "result")):
        line = encode(value)
        assert line.isascii()
        assert line.count(b"\n") == 1
        assert list(json.loads(line)) == [key]


def test_the_client_speaks_the_version_of_the_daemon() -> None:
    assert client.VERSION == protocol.VERSION
