"""The cmdlets of Windows PowerShell 5.1 that the set-up script uses, with the parameters that Microsoft documents.

Sources: https://learn.microsoft.com/en-us/powershell/module/webadministration/, …/module/servermanager/, …/module/dism/
and …/module/microsoft.powershell.{core,management,security,utility}/, for Windows Server 2019 to 2025. Not all of their
parameters: those that may be used. Beside them stand two programs, and the common parameter -ErrorAction.
"""

from __future__ import annotations

_PROPERTY = ("-PSPath", "-Location", "-Filter", "-Name")
_BINDING = ("-Name", "-Protocol", "-Port", "-HostHeader")

CMDLETS: dict[str, tuple[str, ...]] = {
    # ServerManager and DISM
    "Get-WindowsFeature": ("-Name",),
    "Install-WindowsFeature": ("-Name", "-IncludeManagementTools"),
    "Get-WindowsOptionalFeature": ("-Online", "-FeatureName"),
    "Enable-WindowsOptionalFeature": ("-Online", "-All", "-NoRestart", "-FeatureName"),
    # WebAdministration
    "Get-WebGlobalModule": ("-Name",),
    "Get-Website": (),
    "New-Website": ("-Name", "-PhysicalPath", "-ApplicationPool", "-HostHeader", "-Port"),
    "Start-Website": ("-Name",),
    "Get-WebsiteState": ("-Name",),
    "New-WebAppPool": ("-Name",),
    "Get-WebAppPoolState": ("-Name",),
    "Start-WebAppPool": ("-Name",),
    "Restart-WebAppPool": ("-Name",),
    "Get-WebApplication": ("-Site", "-Name"),
    "New-WebApplication": ("-Site", "-Name", "-PhysicalPath", "-ApplicationPool"),
    "Get-WebVirtualDirectory": ("-Site", "-Name", "-Application"),
    "New-WebVirtualDirectory": ("-Site", "-Name", "-Application", "-PhysicalPath"),
    "Get-WebBinding": (*_BINDING, "-ErrorAction"),
    "New-WebBinding": (*_BINDING, "-SslFlags"),
    "Get-WebConfiguration": ("-PSPath", "-Location", "-Filter"),
    "Set-WebConfiguration": ("-PSPath", "-Location", "-Filter", "-Metadata", "-Value"),
    "Get-WebConfigurationProperty": _PROPERTY,
    "Set-WebConfigurationProperty": (*_PROPERTY, "-Value"),
    "Add-WebConfigurationProperty": (*_PROPERTY, "-Value"),
    "Remove-WebConfigurationProperty": _PROPERTY,
    # Core, Management, Security, Utility
    "Get-Command": ("-ErrorAction",),
    "Get-Module": ("-ListAvailable", "-Name"),
    "Import-Module": (),
    "Where-Object": ("-ne", "-eq"),
    "ForEach-Object": (),
    "Get-Item": ("-LiteralPath", "-ErrorAction"),
    "New-Item": ("-ItemType", "-Force", "-Path"),
    "Get-ItemProperty": ("-Name", "-Path", "-ErrorAction"),
    "Set-ItemProperty": ("-Name", "-Value"),
    "New-ItemProperty": ("-Name", "-Value"),
    "Clear-ItemProperty": ("-Name",),
    "Test-Path": ("-LiteralPath", "-PathType"),
    "Get-Acl": ("-LiteralPath",),
    "Get-Credential": ("-UserName", "-Message"),
    "Get-Date": (),
    "Out-Null": (),
    "Write-Output": (),
    "Write-Verbose": (),
    "Write-Warning": (),
    # Programs
    "setspn.exe": ("-Q",),
}
