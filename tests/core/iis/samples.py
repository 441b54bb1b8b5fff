"""Options that several test files use."""

from __future__ import annotations

from dataclasses import replace

from wauth_core.iis.options import (
    DENIED_EXTENSIONS,
    HIDDEN_SEGMENTS,
    ServedFolder,
    WebConfigOptions,
)

ROOT = r"D:\Sites\shop"
HTTPPLATFORM = WebConfigOptions(
    root=ROOT,
    application="shop.wsgi:application",
    python=r"D:\Sites\shop\.venv\Scripts\python.exe",
    name="Django HttpPlatform",
)
FASTCGI = replace(
    HTTPPLATFORM,
    handler="fastcgi",
    name="Django FastCGI",
    wfastcgi=r"D:\Sites\shop\.venv\Lib\site-packages\wfastcgi.py",
)
STATIC = ServedFolder("/static/", ROOT + r"\static")
MEDIA = ServedFolder("/media/", ROOT + r"\media")
ODD_ROOT = r"D:\Sites\Zoë's shop & café, 100%"
ODD = replace(
    FASTCGI,
    root=ODD_ROOT,
    python=ODD_ROOT + r"\.venv\Scripts\python.exe",
    wfastcgi=ODD_ROOT + r"\.venv\Lib\site-packages\wfastcgi.py",
    name='Zoë\'s <"handler"> & more',
    static=ServedFolder("/static/", ODD_ROOT + r"\static"),
    logs=ODD_ROOT + r"\logs\wfastcgi.log",
)

# One golden file, or set of files, for each option.
CASES: dict[str, WebConfigOptions] = {
    "fastcgi": FASTCGI,
    "fastcgi-logs": replace(FASTCGI, logs=ROOT + r"\logs\wfastcgi.log"),
    "fastcgi-odd-paths": ODD,
    "fastcgi-environment": replace(FASTCGI, environment=(("DJANGO_SETTINGS_MODULE", "shop.settings"),)),
    "fastcgi-error-pages": replace(FASTCGI, error_pages="error_pages"),
    "httpplatform": HTTPPLATFORM,
    "httpplatform-logs": replace(HTTPPLATFORM, logs=ROOT + r"\logs\python.log"),
    "httpplatform-uvicorn": replace(
        HTTPPLATFORM, server="uvicorn", interface="asgi", application="shop.asgi:application"
    ),
    "httpplatform-hypercorn": replace(HTTPPLATFORM, server="hypercorn"),
    "httpplatform-granian": replace(HTTPPLATFORM, server="granian", server_arguments=("--log-level", "warning")),
    "httpplatform-processes": replace(HTTPPLATFORM, processes=4),
    "httpplatform-odd-paths": replace(
        HTTPPLATFORM, root=ODD_ROOT, python=ODD_ROOT + r"\.venv\Scripts\python.exe", name="Zoë & co"
    ),
    "httpplatform-error-pages": replace(HTTPPLATFORM, error_pages="error_pages"),
    "static": replace(FASTCGI, static=STATIC),
    "media": replace(FASTCGI, media=MEDIA),
    "static-cached-and-media": replace(HTTPPLATFORM, static=STATIC, media=MEDIA, cache_static_days=7),
    "static-elsewhere": replace(FASTCGI, static=ServedFolder("/assets/", r"E:\big disk\static")),
    "static-on-another-host": replace(FASTCGI, static=ServedFolder("https://cdn.example.com/s/", ROOT + r"\static")),
    "windowsauth": replace(FASTCGI, windowsauth=True),
    "windowsauth-httpplatform": replace(HTTPPLATFORM, windowsauth=True),
    "windowsauth-kept-locked": replace(HTTPPLATFORM, windowsauth=True, authentication_in_webconfig=False),
    "windowsauth-kernel-mode": replace(HTTPPLATFORM, windowsauth=True, kernel_mode=True),
    "windowsauth-user-mode": replace(HTTPPLATFORM, windowsauth=True, kernel_mode=False),
    "windowsauth-providers": replace(HTTPPLATFORM, windowsauth=True, providers=("Negotiate", "NTLM")),
    "windowsauth-kerberos": replace(HTTPPLATFORM, windowsauth=True, providers=("Negotiate:Kerberos",)),
    "windowsauth-extended-protection": replace(HTTPPLATFORM, windowsauth=True, extended_protection="Require"),
    "https": replace(FASTCGI, https=True),
    "https-without-hsts": replace(HTTPPLATFORM, https=True, hsts_seconds=0),
    "request-filtering": replace(
        HTTPPLATFORM,
        deny_extensions=DENIED_EXTENSIONS,
        hidden_segments=(*HIDDEN_SEGMENTS, "App_Data", "web.config"),
    ),
    "httpplatform-limits": replace(
        HTTPPLATFORM, request_minutes=90, max_upload_mb=200, max_query_bytes=8192, double_escaping=True
    ),
    "fastcgi-limits": replace(FASTCGI, request_minutes=10, max_upload_mb=100),
    "everything": replace(
        HTTPPLATFORM,
        windowsauth=True,
        providers=("Negotiate", "NTLM"),
        extended_protection="Allow",
        https=True,
        logs=ROOT + r"\logs\python.log",
        static=STATIC,
        media=MEDIA,
        cache_static_days=30,
        deny_extensions=DENIED_EXTENSIONS,
        hidden_segments=HIDDEN_SEGMENTS,
        error_pages="error_pages",
        processes=2,
        environment=(("DJANGO_SETTINGS_MODULE", "shop.settings"),),
    ),
}
