"""Build XML documents with the library, and with checks that the library does not make.

``xml.etree`` escapes what needs escaping. But it writes a control character or half a surrogate pair unchanged, and
then IIS or Task Scheduler refuses the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

from wauth_core.exceptions import ConfigurationError

# XML 1.0, production 2 (Char): https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(
    parent: ElementTree.Element | None, tag: str, attributes: Mapping[str, str | int | bool] | None = None
) -> ElementTree.Element:
    """Make an element with checked attributes, and append it to *parent* if there is one."""
    checked = {name: _checked(_as_text(value), name) for name, value in (attributes or {}).items()}
    if parent is None:
        return ElementTree.Element(tag, checked)
    return ElementTree.SubElement(parent, tag, checked)


def text_element(parent: ElementTree.Element, tag: str, text: str | int | bool) -> ElementTree.Element:
    """Append an element that holds *text*."""
    child = ElementTree.SubElement(parent, tag)
    child.text = _checked(_as_text(text), tag)
    return child


def section(root: ElementTree.Element, path: str) -> ElementTree.Element:
    """The element at *path* ("system.webServer/handlers") under *root*. Missing elements are created."""
    current = root
    for tag in path.split("/"):
        found = current.find(tag)
        current = ElementTree.SubElement(current, tag) if found is None else found
    return current


def to_utf8(root: ElementTree.Element) -> bytes:
    """The document as IIS reads it: UTF-8, with a declaration, indented, one line end at the end."""
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'.encode()


def to_utf16(root: ElementTree.Element) -> bytes:
    """The document as Task Scheduler reads it: UTF-16, little endian, with a byte order mark."""
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    return b"\xff\xfe" + f'<?xml version="1.0" encoding="UTF-16"?>\n{body}\n'.encode("utf-16-le")


def _as_text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _checked(value: str, name: str) -> str:
    bad = _NOT_XML.search(value)
    if bad:
        raise ConfigurationError(
            f"{name} is {value!r}: the character {bad.group()!r} cannot stand in an XML file. Rename the file or "
            "folder."
        )
    return value
