# A site of one page on this machine's IIS, made by what the generator writes: it names whoever asks.
$ErrorActionPreference = 'Stop'
$site = 'C:\inetpub\windowsauth-ci'
New-Item -ItemType Directory -Force $site | Out-Null
@'
from wauth_wsgi import WindowsAuthWSGI


def page(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [str(environ["wauth.identity"]).encode()]


app = WindowsAuthWSGI(page, required=True)
'@ | Set-Content -Encoding utf8 "$site\shop.py"

# An interpreter that the application pool may read.
python -m venv "$site\.venv"
& "$site\.venv\Scripts\python.exe" -m pip install --quiet ".[iis]" wfastcgi
Push-Location $site
& .\.venv\Scripts\wauth.exe webconfig shop:app --handler fastcgi -w --site WindowsauthCI --host-name localhost `
    --setup-script setup-iis.ps1
if ($LASTEXITCODE) { exit 1 }
Stop-Website 'Default Web Site' -ErrorAction SilentlyContinue
.\setup-iis.ps1
Pop-Location

$me = "$env:USERDOMAIN\$env:USERNAME"
$said = (Invoke-WebRequest -UseBasicParsing -UseDefaultCredentials http://localhost/).Content
if ($said -ne $me) { throw "IIS named '$said' instead of '$me'." }

# A client's own header names nobody, and without Windows Authentication nobody comes in.
$said = (Invoke-WebRequest -UseBasicParsing -UseDefaultCredentials http://localhost/ -Headers @{ 'Remote-User' = 'EXAMPLE\alice' }).Content
if ($said -ne $me) { throw "A forged header made '$said'." }
try { Invoke-WebRequest -UseBasicParsing http://localhost/ | Out-Null; throw 'Nobody was let in.' }
catch { if ($_.Exception.Response.StatusCode.value__ -ne 401) { throw } }
Write-Host "IIS names $said; forged headers and strangers are refused."
