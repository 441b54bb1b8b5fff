"""A DLL that holds no code: each function that it exports is another DLL's.

Wine 8 has no ``bcryptprimitives.dll``, from which Rust's standard library, and so cryptography, takes `ProcessPrng`.
That is advapi32's ``SystemFunction036`` by another name: the same two arguments, a true value for success. So a
forwarder does, and no compiler is needed. The format: https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_ALIGNMENT, _PAGE = 0x200, 0x1000
_MACHINE_X64, _DLL = 0x8664, 0x2022  # large addresses, executable, DLL
_READABLE_DATA = 0x40000040


def forwarding_dll(name: str, exports: Mapping[str, str]) -> bytes:
    """The file *name*; *exports* gives for each function ``DLL.FUNCTION``."""
    table = _export_table(name, exports)
    padded = table.ljust(-(-len(table) // _ALIGNMENT) * _ALIGNMENT, b"\0")
    dos_header = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    file_header = b"PE\0\0" + struct.pack("<HHIIIHH", _MACHINE_X64, 1, 0, 0, 0, 240, _DLL)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 0, len(padded), 0, 0, _PAGE)
    optional += struct.pack("<QIIHHHHHHIIII", 0x180000000, _PAGE, _ALIGNMENT, 6, 0, 0, 0, 6, 0, 0, 2 * _PAGE, 0x200, 0)
    optional += struct.pack("<HHQQQQII", 2, 0x100, 0x100000, _PAGE, 0x100000, _PAGE, 0, 16)
    optional += struct.pack("<II", _PAGE, len(table)) + bytes(8 * 15)  # the export directory; no other
    section = b".edata\0\0" + struct.pack(
        "<IIIIIIHHI", len(table), _PAGE, len(padded), 0x200, 0, 0, 0, 0, _READABLE_DATA
    )
    return (dos_header + file_header + optional + section).ljust(0x200, b"\0") + padded


def _export_table(name: str, exports: Mapping[str, str]) -> bytes:
    """Directory, addresses of functions, addresses of names, numbers, texts; addresses as they are in memory."""
    names = sorted(exports)  # the loader searches by halves
    count = len(names)
    functions, pointers, numbers = (_PAGE + 40 + offset * count for offset in (0, 4, 8))
    texts = bytearray()

    def put(text: str) -> int:
        at = _PAGE + 40 + 10 * count + len(texts)
        texts.extend(text.encode("ascii") + b"\0")
        return at

    library = put(name)
    addresses = [put(exports[each]) for each in names]  # one that lies within the table is a forwarder
    labels = [put(each) for each in names]
    directory = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, library, 1, count, count, functions, pointers, numbers)
    lists = struct.pack(f"<{count}I{count}I{count}H", *addresses, *labels, *range(count))
    return directory + lists + bytes(texts)
