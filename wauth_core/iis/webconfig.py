"""web.config files for a Python application behind IIS.

:func:`build` is pure: frozen options in, documents out. Microsoft's reference says what IIS allows in each element
(https://learn.microsoft.com/en-us/iis/configuration/system.webserver/). Two of its rules matter here:

- To add an item that is already inherited is an error (HTTP 500.19). So each ``<add>`` has a ``<remove>`` before it.
- A section that is locked, or whose component is not installed, is an error too. So the notes name each of them.
"""

from __future__ import annotations

from xml.etree import ElementTree

from wauth_core.iis import errorpages, notes, xmltext
from wauth_core.iis.commandlines import log_prefix, process_arguments, script_processor
from wauth_core.iis.files import Generated, GeneratedFile
from wauth_core.iis.options import KERBEROS_ONLY, ServedFolder, WebConfigOptions, check
from wauth_core.iis.windowspath import join, parent

# Types that a stock server does not know, and answers with 404.3
MIME_TYPES = {
    ".avif": "image/avif",
    ".mjs": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}


def build(options: WebConfigOptions) -> Generated:
    """The files, folders and notes for *options*. Raises ConfigurationError for values that IIS does not accept."""
    check(options)
    folders = [folder for folder in (options.static, options.media) if folder]
    files = [GeneratedFile(join(options.root, "web.config"), xmltext.to_utf8(_root_document(options)))]
    files += [
        GeneratedFile(join(folder.path, "web.config"), xmltext.to_utf8(_served_document(options, folder)))
        for folder in folders
    ]
    if options.error_pages:
        files += errorpages.build(join(options.root, options.error_pages))
    log_folder = (parent(options.logs),) if options.logs else ()
    return Generated(tuple(files), log_folder, tuple(notes.for_webconfig(options)))


# The root file


def _root_document(options: WebConfigOptions) -> ElementTree.Element:
    root = ElementTree.Element("configuration")
    if options.handler == "fastcgi":
        _app_settings(root, options)
    web = xmltext.section(root, "system.webServer")
    _python_handler(web, options)
    if options.handler == "httpplatform":
        _http_platform(web, options)
    _http_errors(web, options)
    if options.windowsauth and options.authentication_in_webconfig:
        _authentication(web, options)
    _request_filtering(web, options)
    if options.https:
        _rewrite(web, options)
    for folder in (options.static, options.media):
        if folder and folder.location:
            location = xmltext.element(root, "location", {"path": folder.location})
            _serve_files(xmltext.section(location, "system.webServer"), options, folder)
    return root


def _app_settings(root: ElementTree.Element, options: WebConfigOptions) -> None:
    """The application's variables. wfastcgi reads its settings here and puts them into os.environ."""
    settings = {"WSGI_HANDLER": options.application.replace(":", "."), "PYTHONPATH": options.root}
    if options.logs:
        settings["WSGI_LOG"] = options.logs
    parent = xmltext.section(root, "appSettings")
    for key, value in (settings | dict(options.environment)).items():
        xmltext.element(parent, "remove", {"key": key})
        xmltext.element(parent, "add", {"key": key, "value": value})


def _python_handler(web: ElementTree.Element, options: WebConfigOptions) -> None:
    handlers = xmltext.section(web, "handlers")
    # If WebDAV is installed, its handler comes first, and takes PUT and DELETE (405)
    for name in ("WebDAV", options.name):
        xmltext.element(handlers, "remove", {"name": name})
    attributes: dict[str, str | int | bool] = {"name": options.name, "path": "*", "verb": "*"}
    if options.handler == "fastcgi":
        attributes |= {"modules": "FastCgiModule", "scriptProcessor": "|".join(script_processor(options))}
    else:
        attributes |= {"modules": "httpPlatformHandler"}
    attributes |= {"resourceType": "Unspecified", "requireAccess": "Script"}
    xmltext.element(handlers, "add", attributes)


def _http_platform(web: ElementTree.Element, options: WebConfigOptions) -> None:
    """Only attributes that the schemas of both 1.2 and 2.x know. Those whose defaults differ are written out."""
    attributes: dict[str, str | int | bool] = {
        "processPath": options.python,
        "arguments": process_arguments(options),
        "processesPerApplication": options.processes,
    }
    if options.request_minutes:
        attributes["requestTimeout"] = "{:02}:{:02}:00".format(*divmod(options.request_minutes, 60))
    attributes |= {
        "forwardWindowsAuthToken": options.windowsauth,
        "stdoutLogEnabled": bool(options.logs),
    }
    if options.logs:
        attributes["stdoutLogFile"] = log_prefix(options)
    platform = xmltext.element(web, "httpPlatform", attributes)
    variables = xmltext.element(platform, "environmentVariables")
    environment = {"PYTHONPATH": options.root, "PYTHONUTF8": "1"} | dict(options.environment)
    for name, value in environment.items():
        xmltext.element(variables, "environmentVariable", {"name": name, "value": value})


def _http_errors(web: ElementTree.Element, options: WebConfigOptions) -> None:
    """Whose error pages visitors see.

    With FastCGI, IIS cannot see which error pages are the application's: so all of them pass (PassThrough), or none
    (Auto). HttpPlatformHandler marks them by itself.
    """
    if not options.error_pages:
        if options.handler == "fastcgi":
            xmltext.element(web, "httpErrors", {"existingResponse": "PassThrough"})
        return
    errors = xmltext.element(web, "httpErrors", {"errorMode": "Custom", "existingResponse": "Auto"})
    for status in errorpages.PAGES:
        xmltext.element(errors, "remove", {"statusCode": status, "subStatusCode": -1})
        xmltext.element(
            errors,
            "error",
            {
                "statusCode": status,
                "subStatusCode": -1,
                "path": f"{options.error_pages}\\{status}.html",
                "responseMode": "File",
            },
        )


def _authentication(web: ElementTree.Element, options: WebConfigOptions) -> None:
    parent = xmltext.section(web, "security/authentication")
    xmltext.element(parent, "anonymousAuthentication", {"enabled": False})
    attributes: dict[str, str | int | bool] = {"enabled": True}
    if options.kernel_mode is not None or KERBEROS_ONLY in options.providers:
        attributes["useKernelMode"] = bool(options.kernel_mode)
    windows = xmltext.element(parent, "windowsAuthentication", attributes)
    if options.providers:
        providers = xmltext.element(windows, "providers")
        xmltext.element(providers, "clear")
        for provider in options.providers:
            xmltext.element(providers, "add", {"value": provider})
    if options.extended_protection is not None:
        xmltext.element(windows, "extendedProtection", {"tokenChecking": options.extended_protection})


def _request_filtering(web: ElementTree.Element, options: WebConfigOptions) -> None:
    needed = (options.double_escaping, options.max_upload_mb, options.max_query_bytes)
    lists = (options.deny_extensions, options.hidden_segments, options.handler == "fastcgi")
    if not any((*needed, *lists)):
        return
    filtering = xmltext.section(web, "security/requestFiltering")
    if options.double_escaping:
        filtering.set("allowDoubleEscaping", "true")
    _limits(filtering, options)
    if options.deny_extensions:
        extensions = xmltext.element(filtering, "fileExtensions")
        for extension in dict.fromkeys(e.lower() for e in options.deny_extensions):
            xmltext.element(extensions, "remove", {"fileExtension": extension})
            xmltext.element(extensions, "add", {"fileExtension": extension, "allowed": False})
    if options.hidden_segments:
        segments = xmltext.element(filtering, "hiddenSegments")
        for segment in dict.fromkeys(s.lower() for s in options.hidden_segments):
            xmltext.element(segments, "remove", {"segment": segment})
            xmltext.element(segments, "add", {"segment": segment})

    if options.handler == "fastcgi":
        _refuse_original_url(filtering)


def _limits(filtering: ElementTree.Element, options: WebConfigOptions) -> None:
    limits: dict[str, str | int | bool] = {}
    if options.max_upload_mb:
        limits["maxAllowedContentLength"] = options.max_upload_mb * 10**6
    if options.max_query_bytes:
        limits["maxQueryString"] = options.max_query_bytes
    if limits:
        xmltext.element(filtering, "requestLimits", limits)


def _refuse_original_url(filtering: ElementTree.Element) -> None:
    """Refuse a client's X-Original-URL. wfastcgi believes it, so a client could bypass IIS's rules for a path.

    Filtering comes before URL Rewrite, which may still set that header itself.
    """
    rules = xmltext.element(filtering, "filteringRules")
    name = "No X-Original-URL from clients"
    xmltext.element(rules, "remove", {"name": name})
    rule = xmltext.element(rules, "filteringRule", {"name": name, "scanUrl": False, "scanQueryString": False})
    headers = xmltext.element(rule, "scanHeaders")
    xmltext.element(headers, "add", {"requestHeader": "X-Original-URL"})
    strings = xmltext.element(rule, "denyStrings")
    xmltext.element(strings, "add", {"string": "/"})


def _rewrite(web: ElementTree.Element, options: WebConfigOptions) -> None:
    rewrite = xmltext.section(web, "rewrite")
    rules = xmltext.element(rewrite, "rules")
    redirect = _rule(rules, "Redirect HTTP to HTTPS", stopProcessing=True)
    xmltext.element(redirect, "match", {"url": "(.*)"})
    conditions = xmltext.element(redirect, "conditions")
    xmltext.element(conditions, "add", {"input": "{HTTPS}", "pattern": "^OFF$"})
    xmltext.element(
        redirect,
        "action",
        {
            "type": "Redirect",
            "url": "https://{HTTP_HOST}{REQUEST_URI}",
            "appendQueryString": False,
            "redirectType": "Permanent",
        },
    )
    if options.hsts_seconds:
        outbound = xmltext.element(rewrite, "outboundRules")
        hsts = _rule(outbound, "Strict-Transport-Security over HTTPS")
        xmltext.element(hsts, "match", {"serverVariable": "RESPONSE_Strict_Transport_Security", "pattern": ".*"})
        conditions = xmltext.element(hsts, "conditions")
        xmltext.element(conditions, "add", {"input": "{HTTPS}", "pattern": "^ON$"})
        xmltext.element(hsts, "action", {"type": "Rewrite", "value": f"max-age={options.hsts_seconds}"})


def _rule(parent: ElementTree.Element, name: str, **attributes: bool) -> ElementTree.Element:
    xmltext.element(parent, "remove", {"name": name})
    return xmltext.element(parent, "rule", {"name": name, **attributes})


# Folders that IIS serves by itself


def _served_document(options: WebConfigOptions, folder: ServedFolder) -> ElementTree.Element:
    root = ElementTree.Element("configuration")
    _serve_files(xmltext.section(root, "system.webServer"), options, folder)
    return root


def _serve_files(web: ElementTree.Element, options: WebConfigOptions, folder: ServedFolder) -> None:
    """Static files and nothing else: an uploaded file can never run here."""
    handlers = xmltext.element(web, "handlers", {"accessPolicy": "Read"})
    xmltext.element(handlers, "clear")
    xmltext.element(
        handlers,
        "add",
        {
            "name": "StaticFile",
            "path": "*",
            "verb": "GET,HEAD",
            "modules": "StaticFileModule",
            "resourceType": "File",
            "requireAccess": "Read",
        },
    )
    content = xmltext.element(web, "staticContent")
    for extension, kind in MIME_TYPES.items():
        xmltext.element(content, "remove", {"fileExtension": extension})
        xmltext.element(content, "mimeMap", {"fileExtension": extension, "mimeType": kind})
    if options.cache_static_days and folder is options.static:
        age = f"{options.cache_static_days}.00:00:00"
        xmltext.element(content, "clientCache", {"cacheControlMode": "UseMaxAge", "cacheControlMaxAge": age})
