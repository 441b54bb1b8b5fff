"""What IIS accepts in a web.config, as data: elements, attributes, keys of collections, locks, inherited
items.

Written from Microsoft's reference of each element
(https://learn.microsoft.com/en-us/iis/configuration/system.webserver/), for IIS 10, URL Rewrite 2 and
HttpPlatformHandler 1.2 and 2.x. :func:`problems` says everything that is wrong with a document, as IIS
would, but all at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

Check = Callable[[str], bool]


def one_of(*values: str) -> Check:
    return lambda value: value in values


def whole(low: int, high: int) -> Check:
    return lambda value: re.fullmatch(r"-?\d+", value) is not None and low <= int(value) <= high


def any_text(value: str) -> bool:
    return True


def some_text(value: str) -> bool:
    return bool(value.strip())


def days(value: str) -> bool:
    return re.fullmatch(r"\d+\.\d\d:\d\d:\d\d", value) is not None


def minutes(value: str) -> bool:
    """A time that both versions of HttpPlatformHandler take: whole minutes."""
    return re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:00", value) is not None and value != "00:00:00"


boolean = one_of("true", "false")


@dataclass(frozen=True)
class Element:
    """An element's attributes, its children, and, if it is a collection, what its items are and what makes
    them unique."""

    attributes: dict[str, Check] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    children: dict[str, Element] = field(default_factory=dict)
    item: str = ""
    item_element: Element | None = None
    key: tuple[str, ...] = ()
    case_sensitive: bool = False
    can_clear: bool = True
    can_remove: bool = True
    inherited: tuple[tuple[str, ...], ...] = ()


def collection(
    item: str,
    item_attributes: dict[str, Check],
    key: tuple[str, ...],
    *,
    required: tuple[str, ...] | None = None,
    item_children: dict[str, Element] | None = None,
    attributes: dict[str, Check] | None = None,
    case_sensitive: bool = False,
    can_clear: bool = True,
    can_remove: bool = True,
    inherited: tuple[tuple[str, ...], ...] = (),
) -> Element:
    """An element whose children are *item* elements; what they *require* is the key if nothing is said."""
    return Element(
        attributes=attributes or {},
        item=item,
        item_element=Element(item_attributes, key if required is None else required, item_children or {}),
        key=key,
        case_sensitive=case_sensitive,
        can_clear=can_clear,
        can_remove=can_remove,
        inherited=inherited,
    )


_CONDITIONS = collection(
    "add", {"input": any_text, "pattern": any_text, "negate": boolean}, (), can_clear=False, can_remove=False
)
_ERRORS = ("401", "403", "404", "405", "406", "412", "500", "501", "502")

# Only what the generator may ever use: an attribute that is missing here is refused even if IIS knows it.
SECTIONS: dict[str, Element] = {
    "appSettings": collection("add", {"key": some_text, "value": any_text}, ("key",)),
    "system.webServer/handlers": collection(
        "add",
        {
            "name": some_text,
            "path": some_text,
            "verb": any_text,
            "modules": any_text,
            "scriptProcessor": any_text,
            "resourceType": one_of("File", "Directory", "Either", "Unspecified"),
            "requireAccess": one_of("None", "Read", "Write", "Script", "Execute"),
        },
        ("name",),
        attributes={"accessPolicy": one_of("None", "Read", "Read, Script", "Read, Execute, Script")},
        required=("name", "path", "verb"),
        case_sensitive=True,
        inherited=(
            ("StaticFile",),
            ("WebDAV",),
            ("TRACEVerbHandler",),
            ("OPTIONSVerbHandler",),
            ("PageHandlerFactory-Integrated-4.0",),
        ),
    ),
    "system.webServer/httpPlatform": Element(
        attributes={
            "processPath": some_text,
            "arguments": any_text,
            "startupTimeLimit": whole(0, 3600),
            "rapidFailsPerMinute": whole(0, 100),
            "requestTimeout": minutes,
            "stdoutLogEnabled": boolean,
            "stdoutLogFile": some_text,
            "processesPerApplication": whole(1, 100),
            "forwardWindowsAuthToken": boolean,
        },
        required=("processPath", "forwardWindowsAuthToken"),
        children={
            "environmentVariables": collection(
                "environmentVariable", {"name": some_text, "value": any_text}, ("name",), can_remove=False
            )
        },
    ),
    "system.webServer/httpErrors": collection(
        "error",
        {
            "statusCode": whole(400, 999),
            "subStatusCode": whole(-1, 999),
            "path": lambda value: some_text(value) and not re.match(r"[A-Za-z]:|[\\/]", value),
            "responseMode": one_of("File", "ExecuteURL", "Redirect"),
        },
        ("statusCode", "subStatusCode"),
        attributes={
            "errorMode": one_of("DetailedLocalOnly", "Custom", "Detailed"),
            "existingResponse": one_of("Auto", "Replace", "PassThrough"),
        },
        required=("statusCode", "subStatusCode", "path"),
        inherited=tuple((status, "-1") for status in _ERRORS),
    ),
    "system.webServer/staticContent": Element(
        children={
            "clientCache": Element(
                {
                    "cacheControlMode": one_of("NoControl", "DisableCache", "UseMaxAge", "UseExpires"),
                    "cacheControlMaxAge": days,
                }
            )
        },
        item="mimeMap",
        item_element=Element({"fileExtension": some_text, "mimeType": some_text}, ("fileExtension", "mimeType")),
        key=("fileExtension",),
        inherited=tuple((extension,) for extension in (".json", ".woff", ".woff2", ".svg", ".js", ".map", ".webp")),
    ),
    "system.webServer/security/authentication/anonymousAuthentication": Element({"enabled": boolean}, ("enabled",)),
    "system.webServer/security/authentication/windowsAuthentication": Element(
        {"enabled": boolean, "useKernelMode": boolean},
        ("enabled",),
        {
            "providers": collection(
                "add",
                {"value": one_of("Negotiate", "NTLM", "Negotiate:Kerberos")},
                ("value",),
                inherited=(("Negotiate",), ("NTLM",)),
            ),
            "extendedProtection": Element({"tokenChecking": one_of("None", "Allow", "Require")}),
        },
    ),
    "system.webServer/security/requestFiltering": Element(
        attributes={"allowDoubleEscaping": boolean},
        children={
            "requestLimits": Element(
                {"maxAllowedContentLength": whole(0, 2**32 - 1), "maxQueryString": whole(0, 2**32 - 1)}
            ),
            "fileExtensions": collection(
                "add",
                {"fileExtension": some_text, "allowed": boolean},
                ("fileExtension",),
                required=("fileExtension", "allowed"),
                inherited=((".config",), (".cs",), (".java",), (".mdb",), (".vb",)),
            ),
            "hiddenSegments": collection(
                "add",
                {"segment": some_text},
                ("segment",),
                inherited=(("web.config",), ("bin",), ("app_code",), ("app_data",), ("app_browsers",)),
            ),
            "filteringRules": collection(
                "filteringRule",
                {"name": some_text, "scanUrl": boolean, "scanQueryString": boolean},
                ("name",),
                item_children={
                    "scanHeaders": collection("add", {"requestHeader": some_text}, ("requestHeader",)),
                    "denyStrings": collection("add", {"string": some_text}, ("string",)),
                },
            ),
        },
    ),
    "system.webServer/rewrite/rules": collection(
        "rule",
        {"name": some_text, "stopProcessing": boolean},
        ("name",),
        item_children={
            "match": Element({"url": some_text}, ("url",)),
            "conditions": _CONDITIONS,
            "action": Element(
                {
                    "type": one_of("None", "Rewrite", "Redirect", "CustomResponse", "AbortRequest"),
                    "url": some_text,
                    "appendQueryString": boolean,
                    "redirectType": one_of("Permanent", "Found", "SeeOther", "Temporary"),
                },
                ("type",),
            ),
        },
    ),
    "system.webServer/rewrite/outboundRules": collection(
        "rule",
        {"name": some_text},
        ("name",),
        item_children={
            "match": Element({"serverVariable": some_text, "pattern": any_text}, ("serverVariable",)),
            "conditions": _CONDITIONS,
            "action": Element({"type": one_of("None", "Rewrite"), "value": any_text}, ("type",)),
        },
    ),
}

# A new server refuses these in web.config until they are unlocked: the notes must name each one that is used.
LOCKED = (
    "system.webServer/handlers",
    "system.webServer/security/authentication/anonymousAuthentication",
    "system.webServer/security/authentication/windowsAuthentication",
)
GROUPS = (
    "system.webServer",
    "system.webServer/security",
    "system.webServer/security/authentication",
    "system.webServer/rewrite",
)

State = dict[str, set[tuple[str, ...]]]


def problems(document: bytes, inherited: State | None = None) -> list[str]:
    """Everything IIS would refuse in *document*; *inherited* is the state of the folders above, see
    :func:`state_of`."""
    return list(_walk_document(document, dict(inherited or {})))


def state_of(document: bytes, location: str) -> State:
    """Which items are known below *location* once *document* has been read."""
    state: State = {}
    root = ElementTree.fromstring(document)
    list(_walk_group(root, "", state))
    for element in root.findall("location"):
        if element.get("path") == location:
            list(_walk_group(element, "", state))
    return state


def used_sections(document: bytes) -> set[str]:
    """The sections that occur in *document*."""
    found = set()

    def walk(element: ElementTree.Element, path: str) -> None:
        for child in element:
            below = f"{path}/{child.tag}" if path else child.tag
            if below in SECTIONS:
                found.add(below)
            elif child.tag == "location":
                walk(child, "")
            else:
                walk(child, below)

    walk(ElementTree.fromstring(document), "")
    return found


def _walk_document(document: bytes, state: State) -> Iterator[str]:
    root = ElementTree.fromstring(document)
    if root.tag != "configuration" or root.attrib:
        yield f"the root is {root.tag}"
    locations = root.findall("location")
    paths = [element.get("path", "").lower() for element in locations]
    if len(set(paths)) != len(paths):
        yield f"a location occurs twice: {paths}"
    for path in paths:
        if not path or path != path.strip("/"):
            yield f"{path!r} is not the path of a location"
    for element in locations:
        root.remove(element)
    yield from _walk_group(root, "", state)
    for element in locations:
        below = {section: set(items) for section, items in state.items()}
        yield from _walk_group(element, "", below)


def _walk_group(element: ElementTree.Element, path: str, state: State) -> Iterator[str]:
    tags = [child.tag for child in element if child.tag != "location"]
    if len(set(tags)) != len(tags):
        yield f"{path or 'the root'} holds an element twice: {tags}"
    for child in element:
        below = f"{path}/{child.tag}" if path else child.tag
        if child.tag == "location":
            continue
        if below in SECTIONS:
            yield from _walk_element(child, SECTIONS[below], below, state)
        elif below in GROUPS:
            if child.attrib:
                yield f"{below} takes no attributes"
            yield from _walk_group(child, below, state)
        else:
            yield f"{below} is not allowed in web.config"


def _walk_element(element: ElementTree.Element, rule: Element, path: str, state: State) -> Iterator[str]:
    for name, value in element.attrib.items():
        check = rule.attributes.get(name)
        if check is None:
            yield f"{path} has no attribute {name}"
        elif not check(value):
            yield f"{path}: {name}={value!r} is not valid"
    for name in rule.required:
        if name not in element.attrib:
            yield f"{path} lacks {name}"
    if (element.text or "").strip():
        yield f"{path} holds text"
    known = state.setdefault(path, {_key(rule, items) for items in rule.inherited})
    for child in element:
        if rule.item and child.tag == rule.item and rule.item_element:
            yield from _walk_element(child, rule.item_element, f"{path}/{child.tag}", {})
            key = _key(rule, tuple(child.get(name, "-1" if name == "subStatusCode" else "") for name in rule.key))
            if rule.key and key in known:
                yield f"{path}: {key} is added, but is there already (0x800700b7)"
            known.add(key)
        elif rule.item and child.tag == "remove" and rule.can_remove:
            if set(child.attrib) != set(rule.key):
                yield f"{path}: <remove> takes {rule.key}, not {sorted(child.attrib)}"
            known.discard(_key(rule, tuple(child.get(name, "") for name in rule.key)))
        elif rule.item and child.tag == "clear" and rule.can_clear:
            known.clear()
        elif child.tag in rule.children:
            yield from _walk_element(child, rule.children[child.tag], f"{path}/{child.tag}", state)
        else:
            yield f"{path} has no child {child.tag}"


def _key(rule: Element, values: tuple[str, ...]) -> tuple[str, ...]:
    return values if rule.case_sensitive else tuple(value.lower() for value in values)
