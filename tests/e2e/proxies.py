"""nginx, HAProxy and Caddy of the tests' own, set up as docs/howto/sources.md tells; alice signs in by Basic."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

from tests.e2e.application import SIGNING_KEY
from tests.e2e.hostile import SECRET_TEXT
from tests.e2e.servers import Process
from tests.ports import free_port

PASSWORD = "a password for tests"
BASIC = ("Authorization", "Basic " + base64.b64encode(f"alice:{PASSWORD}".encode()).decode())

SIGN = r"""
import crypto from 'crypto';

function signed(request) {
    const user = request.variables.remote_user;
    if (!user) return '';
    const at = Math.floor(Date.now() / 1000), name = 'EXAMPLE\\' + user;
    const message = [request.method, request.headersIn.Host, at, name].join('\n');
    const mac = crypto.createHmac('sha256', 'KEY').update(message).digest('hex');
    return `${at} ${mac} ${name}`;
}

export default {signed};
"""

NGINX = r"""
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
user root;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  large_client_header_buffers 4 64k;
  js_path {folder};
  js_import wauth from wauth.js;
  js_set $wauth_signed wauth.signed;
  server {{
    listen 127.0.0.1:{port};
    auth_basic Windows;
    auth_basic_user_file {folder}/people;
    proxy_set_header Host $http_host;
    proxy_set_header Authorization "";
{locations}
  }}
}}
"""
NGINX_LOCATION = r"""
    location /{name}/ {{
      proxy_set_header Host $http_host;
      proxy_set_header RemoteUser "EXAMPLE\\$remote_user";
      proxy_set_header WauthSecret "{secret}";
      proxy_pass http://127.0.0.1:{port}/;
    }}
    location /signed/{name}/ {{
      proxy_set_header Host $http_host;
      proxy_set_header RemoteUser $wauth_signed;
      proxy_pass http://127.0.0.1:{port}/;
    }}
    location /open/{name}/ {{
      auth_basic off;
      proxy_set_header Host $http_host;
      proxy_set_header RemoteUser "";
      proxy_set_header WauthSecret "";
      proxy_pass http://127.0.0.1:{port}/;
    }}
    location /careless/{name}/ {{
      auth_basic off;
      proxy_pass http://127.0.0.1:{port}/;
    }}
"""

HAPROXY = r"""
global
  log stderr local0 info
  tune.bufsize 131072
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
userlist people
  user alice insecure-password "{password}"
frontend site
  bind 127.0.0.1:{port}
  acl open path_beg /open/ /careless/
  http-request auth realm Windows unless open or {{ http_auth(people) }}
  http-request set-var(txn.user) http_auth_user unless open
  http-request set-var(txn.name) str(EXAMPLE\\),concat(,txn.user) unless open
  http-request set-var(txn.at) date unless open
  http-request set-var-fmt(txn.message) "%[method]\n%[req.hdr(host)]\n%[var(txn.at)]\n%[var(txn.name)]" unless open
  acl sign path_beg /signed/
  http-request del-header RemoteUser unless {{ path_beg /careless/ }}
  http-request del-header WauthSecret unless {{ path_beg /careless/ }}
  http-request set-var(txn.mac) var(txn.message),hmac(sha256,{key64}),hex if sign
  http-request set-header RemoteUser "%[var(txn.at)] %[var(txn.mac)] %[var(txn.name)]" if sign
  http-request set-header RemoteUser "%[var(txn.name)]" if !sign !open
  http-request set-header WauthSecret "{secret}" if !sign !open
  http-request del-header Authorization
{uses}
{backends}
"""
HAPROXY_USE = r"""
  use_backend {name} if {{ path_reg ^(/signed|/open|/careless)?/{name}/ }}
"""
HAPROXY_BACKEND = r"""
backend {name}
  http-request replace-path ^(/signed|/open|/careless)?/{name}(/.*) \2
  server one 127.0.0.1:{port}
"""


CADDY = r"""
{{
  admin off
  auto_https off
  storage file_system {folder}
}}
http://:{port} {{
  bind 127.0.0.1
  vars domain `EXAMPLE\`
  @closed not path /open/* /careless/*
  basicauth @closed {{
    alice {hashed}
  }}
{sites}
}}
"""
CADDY_SITE = r"""
  handle_path /{name}/* {{
    reverse_proxy 127.0.0.1:{port} {{
      header_up RemoteUser {{vars.domain}}{{http.auth.user.id}}
      header_up WauthSecret "{secret}"
      header_up -Authorization
    }}
  }}
  handle_path /open/{name}/* {{
    reverse_proxy 127.0.0.1:{port} {{
      header_up -RemoteUser
      header_up -WauthSecret
    }}
  }}
  handle_path /careless/{name}/* {{
    reverse_proxy 127.0.0.1:{port}
  }}
"""


def nginx(folder, backends):
    """A running nginx; *backends* maps a name to the port it is a proxy for."""
    folder.mkdir(mode=0o755)
    port = free_port()
    hashed = subprocess.run(["openssl", "passwd", "-apr1", PASSWORD], capture_output=True, text=True, check=True)
    (folder / "people").write_text(f"alice:{hashed.stdout}")
    (folder / "wauth.js").write_text(SIGN.replace("KEY", SIGNING_KEY))
    locations = "".join(NGINX_LOCATION.format(name=n, port=p, secret=SECRET_TEXT) for n, p in backends.items())
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, locations=locations))
    return Process(["nginx", "-c", str(configuration)], folder / "out.log", port, name="nginx")


def haproxy(folder, backends):
    """A running HAProxy; *backends* as for `nginx`."""
    folder.mkdir(mode=0o755)
    port = free_port()
    configuration = folder / "haproxy.cfg"
    configuration.write_text(
        HAPROXY.format(
            port=port,
            password=PASSWORD,
            secret=SECRET_TEXT,
            key64=base64.b64encode(SIGNING_KEY.encode()).decode(),
            uses="".join(HAPROXY_USE.format(name=name) for name in backends),
            backends="".join(HAPROXY_BACKEND.format(name=name, port=number) for name, number in backends.items()),
        )
    )
    return Process(["haproxy", "-db", "-f", str(configuration)], folder / "out.log", port, name="haproxy")


def caddy(folder, backends):
    """A running Caddy; *backends* as for `nginx`. It computes no HMAC."""
    folder.mkdir(mode=0o755)
    port = free_port()
    hashing = ["htpasswd", "-nbBC", "5", "alice", PASSWORD]
    hashed = subprocess.run(hashing, capture_output=True, text=True, check=True).stdout.strip().partition(":")[2]
    sites = "".join(CADDY_SITE.format(name=n, port=p, secret=SECRET_TEXT) for n, p in backends.items())
    configuration = folder / "Caddyfile"
    configuration.write_text(CADDY.format(folder=folder, port=port, hashed=hashed, sites=sites))
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(configuration)]
    return Process(command, folder / "out.log", port, {"HOME": str(folder)}, name="caddy")


def why_not(name):
    """Why this proxy cannot run here, or None."""
    if shutil.which(name) is None:
        return f"{name} is not installed"
    if name == "nginx" and not Path("/usr/lib/nginx/modules/ngx_http_js_module.so").exists():
        return "nginx lacks njs (libnginx-mod-http-js)"
    return None


PROXIES = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
