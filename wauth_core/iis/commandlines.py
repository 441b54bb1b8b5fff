"""The command lines that IIS starts Python with."""

from __future__ import annotations

from wauth_core.iis.options import WebConfigOptions
from wauth_core.iis.windowspath import command_line, quote


def script_processor(options: WebConfigOptions) -> tuple[str, str]:
    """FastCGI's ``fullPath`` and ``arguments``, spelled the same in the handler and in the server's own list."""
    return quote(options.python), quote(options.wfastcgi)


def process_arguments(options: WebConfigOptions) -> str:
    """The command line, after the interpreter, that HttpPlatformHandler runs."""
    port = "%HTTP_PLATFORM_PORT%"
    extra = options.server_arguments
    if options.server == "hypercorn":
        application = f"{options.interface}:{options.application}"
        return command_line("-m", "hypercorn", "--bind", f"127.0.0.1:{port}", *extra, application)
    if options.server == "granian":
        listen = ("--host", "127.0.0.1", "--port", port, "--interface", options.interface)
        return command_line("-m", "granian", *listen, *extra, options.application)
    authentication = "--windows-auth" if options.windowsauth else "--no-windows-auth"
    served_by = ("-m", "wauth_core", "serve", "--server", options.server, "--port", port, authentication)
    logs = ("--logs", log_prefix(options)) if options.logs else ()
    return command_line(*served_by, *logs, *extra, options.application)


def log_prefix(options: WebConfigOptions) -> str:
    """HttpPlatformHandler's ``stdoutLogFile``. The handler adds ``_YYYYMMDDhhmmss_PID.log``."""
    return options.logs.removesuffix(".log")
