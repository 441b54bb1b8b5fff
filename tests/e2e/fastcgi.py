"""The web server's side of FastCGI, as IIS plays it: records in, records out (https://fastcgi-archives.github.io)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER, KEEP_CONNECTION = 1, 1
CLIENT = b"10.0.0.7"
_HEADER = struct.Struct(">BBHHBB")


@dataclass
class Answer:
    """What came back for one request."""

    stdout: bytes = b""
    stderr: bytes = b""
    ended: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def status(self) -> int:
        return int(self.headers["status"].split()[0])


def record(kind: int, content: bytes, request_id: int = 1) -> bytes:
    """One record, padded to eight bytes as IIS does."""
    padding = -len(content) % 8
    return _HEADER.pack(1, kind, request_id, len(content), padding, 0) + content + bytes(padding)


def pairs(values: Mapping[str, bytes]) -> bytes:
    """Names and values in FastCGI's notation, long lengths included."""
    return b"".join(_length(name.encode()) + _length(value) + name.encode() + value for name, value in values.items())


def _length(value: bytes) -> bytes:
    return bytes([len(value)]) if len(value) < 0x80 else struct.pack(">I", len(value) | 0x80000000)


def request(parameters: Mapping[str, bytes], body: bytes = b"", request_id: int = 1) -> bytes:
    """All records of one request."""
    begin = struct.pack(">HB5x", RESPONDER, KEEP_CONNECTION)
    chunks: Iterable[bytes] = (body[start : start + 32768] for start in range(0, len(body), 32768))
    return b"".join(
        [
            record(BEGIN_REQUEST, begin, request_id),
            record(PARAMS, pairs(parameters), request_id),
            record(PARAMS, b"", request_id),
            *(record(STDIN, chunk, request_id) for chunk in chunks),
            record(STDIN, b"", request_id),
        ]
    )


def read_answer(read: Callable[[int], bytes]) -> Answer:
    """Read records until the request has ended; *read* gives as many bytes as asked for, or fewer at the end."""
    answer = Answer()
    while not answer.ended:
        header = read(_HEADER.size)
        if len(header) < _HEADER.size:
            break
        _, kind, _, length, padding, _ = _HEADER.unpack(header)
        content = read(length)
        read(padding)
        if kind == STDOUT:
            answer.stdout += content
        elif kind == STDERR:
            answer.stderr += content
        elif kind == END_REQUEST:
            answer.ended = True
    head, _, answer.body = answer.stdout.partition(b"\r\n\r\n")
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        answer.headers[name.strip().lower()] = value.strip()
    return answer


def header_variables(headers: Iterable[tuple[str, str | bytes]]) -> dict[str, bytes]:
    """A client's headers as IIS hands them over: names in capitals, hyphens as underscores, doubles joined."""
    variables: dict[str, bytes] = {}
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        value = value if isinstance(value, bytes) else value.encode("latin-1")
        variables[key] = variables[key] + b"," + value if key in variables else value
    return variables


def iis_parameters(folder: str, url: str = "/", user: bytes = b"", **more: bytes) -> dict[str, bytes]:
    """The variables that IIS sends with a request for *url*, whose full path is in PATH_INFO and SCRIPT_NAME both.

    *user* is REMOTE_USER as bytes; empty for an anonymous request, for which IIS sends the variables empty. The
    paths of URLs are in UTF-8 (FastCGIUtf8ServerVariables), that of *folder* in the ANSI code page.
    """
    path, _, query = url.partition("?")
    return {
        "SERVER_SOFTWARE": b"Microsoft-IIS/10.0",
        "SERVER_PROTOCOL": b"HTTP/1.1",
        "GATEWAY_INTERFACE": b"CGI/1.1",
        "SERVER_NAME": b"shop.example.com",
        "SERVER_PORT": b"80",
        "REQUEST_METHOD": b"GET",
        "REQUEST_URI": url.encode(),
        "SCRIPT_NAME": path.encode(),
        "PATH_INFO": path.encode(),
        "QUERY_STRING": query.encode(),
        "REMOTE_ADDR": CLIENT,
        "REMOTE_HOST": CLIENT,
        "REMOTE_USER": user,
        "LOGON_USER": user,
        "AUTH_USER": user,
        "AUTH_TYPE": b"Negotiate" if user else b"",
        "HTTPS": b"off",
        "APPL_PHYSICAL_PATH": folder.encode("cp1252", "replace"),
        "APPL_MD_PATH": b"/LM/W3SVC/1/ROOT",
        "INSTANCE_ID": b"1",
        "CONTENT_LENGTH": b"0",
        "CONTENT_TYPE": b"",
        "HTTP_HOST": b"shop.example.com",
        "HTTP_USER_AGENT": b"tests",
        **more,
    }
