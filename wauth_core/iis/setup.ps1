$ErrorActionPreference = 'Stop'
$AppHost = 'MACHINE/WEBROOT/APPHOST'
$Location = if ($Application) { "$Site/$Application" } else { $Site }
$Pool = $Location -replace '/', '.'
$Inherit = [System.Security.AccessControl.InheritanceFlags]'ContainerInherit, ObjectInherit'
$Changed = 0

# Each step is a state that is looked at and, if it is not so, brought about. What cannot be looked at is not so.
function Step([string]$What, [scriptblock]$IsSo, [scriptblock]$MakeItSo) {
    $so = try { [bool](& $IsSo) } catch { $false }
    if ($so) { Write-Verbose "$What, already"; return }
    if ($PSCmdlet.ShouldProcess($Location, $What)) {
        & $MakeItSo
        $script:Changed++
        Write-Output "$What"
    }
}

function Run([string]$Program, [string[]]$Arguments) {
    & $Program @Arguments | Out-Null  # no 2>&1: Windows PowerShell would throw at the first line
    if ($LASTEXITCODE) { throw "$Program $Arguments ended with $LASTEXITCODE" }
}

function Sid([string]$Account) {
    ([System.Security.Principal.NTAccount]$Account).Translate([System.Security.Principal.SecurityIdentifier]).Value
}

function HasRight([string]$Path, [string]$Sid, [System.Security.AccessControl.FileSystemRights]$Rights) {
    $rules = (Get-Acl -LiteralPath $Path).GetAccessRules($true, $true, [System.Security.Principal.SecurityIdentifier])
    [bool]($rules | Where-Object {
        $_.IdentityReference.Value -eq $Sid -and $_.AccessControlType -eq 'Allow' -and
        ($_.FileSystemRights -band $Rights) -eq $Rights -and $_.InheritanceFlags -eq $Inherit
    })
}

# IIS's cmdlets return some values as they are, and some as the Value of an object
function Plain($Found) { if ($null -ne $Found.Value) { "$($Found.Value)" } else { "$Found" } }

function PoolProperty([string]$Name, $Value) {
    Step "Pool: $Name is '$Value'" {
        (Plain (Get-ItemProperty "IIS:\AppPools\$Pool" -Name $Name)) -eq "$Value"
    } { Set-ItemProperty "IIS:\AppPools\$Pool" -Name $Name -Value $Value }
}

function SiteSetting([string]$Section, [string]$Name, $Value) {
    Step "Server configuration for this site: $Name of $Section is $Value" {
        (Plain (Get-WebConfigurationProperty -PSPath $AppHost -Location $Location -Filter $Section -Name $Name)) -eq "$Value"
    } { Set-WebConfigurationProperty -PSPath $AppHost -Location $Location -Filter $Section -Name $Name -Value $Value }
}

function Ask([string]$Layer, [bool]$SignIn) {
    $request = [System.Net.WebRequest]::CreateHttp('http://127.0.0.1/' + $Application)
    if ($HostName) { $request.Host = $HostName }
    $request.UseDefaultCredentials = $SignIn
    $request.AllowAutoRedirect = $false
    $request.Timeout = 120000
    try { $response = $request.GetResponse() } catch [System.Net.WebException] {
        $response = $_.Exception.Response
        if (-not $response) { Write-Output "${Layer}: no answer ($($_.Exception.Message))"; return }
    }
    Write-Output "${Layer}: $([int]$response.StatusCode) $($response.Headers['WWW-Authenticate'])"
    $response.Close()
}

# Step 1: what would fail is refused before anything is changed
$build = [System.Environment]::OSVersion.Version.Build
if ($build -lt 17763) { Write-Warning "Windows build $build is older than Windows Server 2019 and Windows 10 1809: not tried." }
$certificate = $null
if ($CertificateThumbprint) {
    $CertificateThumbprint = ($CertificateThumbprint -replace '[^0-9A-Fa-f]', '').ToUpperInvariant()
    $certificate = Get-Item -LiteralPath "Cert:\LocalMachine\My\$CertificateThumbprint" -ErrorAction SilentlyContinue
    if (-not $certificate) { throw "There is no certificate $CertificateThumbprint in LocalMachine\My." }
    if (-not $certificate.HasPrivateKey) { throw "The certificate $CertificateThumbprint has no private key here." }
    if ($certificate.NotAfter -lt (Get-Date)) { throw "The certificate $CertificateThumbprint ended on $($certificate.NotAfter)." }
}
$isManaged = $Account -match '\$$'
if ($Account -and -not $isManaged -and -not $Credential -and -not $WhatIfPreference) {
    $Credential = Get-Credential -UserName $Account -Message "The password of the pool's account"
}
$noCertificate = 'web.config sends everybody to HTTPS, and there is no certificate for it: give -CertificateThumbprint.'
$refuse = {
    foreach ($module in $Downloads.Keys) {
        if (-not (Get-WebGlobalModule -Name $module)) { throw "Install $($Downloads[$module]) first, then run this script again." }
    }
    $others = Get-Website | Where-Object { $_.name -ne $Site -and $_.state -eq 'Started' }
    $taken = $others | Where-Object { $_.bindings.Collection | Where-Object { $_.bindingInformation -eq "*:80:$HostName" } }
    if ($taken -and -not $Application) {
        throw "The site '$(@($taken)[0].name)' has the binding *:80:$HostName already. Give -HostName, or stop that site."
    }
    if ($Application -and -not (Get-Website | Where-Object { $_.name -eq $Site })) { throw "There is no site $Site to put $Application below." }
    $secure = Get-WebBinding -Name $Site -Protocol 'https' -ErrorAction SilentlyContinue
    if ($NeedsHttps -and -not $certificate -and -not ($secure | Where-Object { $_.certificateHash })) { throw $noCertificate }
}
$iisIsHere = [bool](Get-Module -ListAvailable -Name WebAdministration)
if ($iisIsHere) {
    Import-Module WebAdministration
    & $refuse
} elseif ($NeedsHttps -and -not $certificate) { throw $noCertificate }

# Step 2: features of Windows
if (Get-Command Install-WindowsFeature -ErrorAction SilentlyContinue) {
    Step "Features: $ServerFeatures" {
        -not (Get-WindowsFeature -Name $ServerFeatures | Where-Object InstallState -ne 'Installed')
    } { Install-WindowsFeature -Name $ServerFeatures -IncludeManagementTools | Out-Null }
} else {
    foreach ($feature in $DesktopFeatures) {
        Step "Feature: $feature" {
            (Get-WindowsOptionalFeature -Online -FeatureName $feature).State -eq 'Enabled'
        } { Enable-WindowsOptionalFeature -Online -All -NoRestart -FeatureName $feature | Out-Null }
    }
}
if (-not (Get-Module -ListAvailable -Name WebAdministration)) {
    Write-Warning 'IIS is not here yet, so the rest cannot be looked at.'
    return
}

# Step 3: on a new server the same can be looked at only now; nothing but features was added
if (-not $iisIsHere) {
    Import-Module WebAdministration
    & $refuse
}

# Step 4: the application pool: no .NET, always running, recycled at night
Step "Pool $Pool" { Test-Path "IIS:\AppPools\$Pool" } { New-WebAppPool -Name $Pool | Out-Null }
PoolProperty 'managedRuntimeVersion' ''
PoolProperty 'startMode' 'AlwaysRunning'
PoolProperty 'processModel.idleTimeout' ([TimeSpan]::Zero)
PoolProperty 'processModel.loadUserProfile' $true
PoolProperty 'recycling.periodicRestart.time' ([TimeSpan]::Zero)
Step 'Pool: recycled at 03:00' {
    $times = @((Get-ItemProperty "IIS:\AppPools\$Pool" -Name 'recycling.periodicRestart.schedule').Collection)
    $times.Count -eq 1 -and "$($times[0].value)" -eq '03:00:00'
} {
    Clear-ItemProperty "IIS:\AppPools\$Pool" -Name 'recycling.periodicRestart.schedule'
    New-ItemProperty "IIS:\AppPools\$Pool" -Name 'recycling.periodicRestart.schedule' -Value @{value = '03:00:00'} | Out-Null
}
if ($Account) {
    $password = if ($Credential) { $Credential.GetNetworkCredential().Password } else { '' }
    Step "Pool: runs as $Account" {
        $model = (Get-Item "IIS:\AppPools\$Pool").processModel
        $model.identityType -eq 'SpecificUser' -and $model.userName -eq $Account -and
        ($isManaged -or -not $Credential -or $model.password -eq $password)
    } {
        $model = @{identityType = 'SpecificUser'; userName = $Account; password = $password}
        Set-ItemProperty "IIS:\AppPools\$Pool" -Name 'processModel' -Value $model
    }
    $PoolAccount = $Account
} else {
    PoolProperty 'processModel.identityType' 'ApplicationPoolIdentity'
    $PoolAccount = "IIS AppPool\$Pool"
}

# Step 5: the site, or the application below one
if ($Application) {
    Step "Application /$Application of $Site" { Get-WebApplication -Site $Site -Name $Application } {
        New-WebApplication -Site $Site -Name $Application -PhysicalPath $Root -ApplicationPool $Pool | Out-Null
    }
} else {
    Step "Site $Site" { Get-Website | Where-Object { $_.name -eq $Site } } {
        New-Website -Name $Site -PhysicalPath $Root -ApplicationPool $Pool -HostHeader $HostName -Port 80 | Out-Null
    }
}
$place = 'IIS:\Sites\' + ($Location -replace '/', '\')
foreach ($pair in @(@('physicalPath', $Root), @('applicationPool', $Pool))) {
    Step "Site: $($pair[0]) is $($pair[1])" {
        (Get-Item $place).($pair[0]) -eq $pair[1]
    } { Set-ItemProperty $place -Name $pair[0] -Value $pair[1] }
}
$preloaded = if ($Application) { 'preloadEnabled' } else { 'applicationDefaults.preloadEnabled' }
Step 'Site: loaded before the first visitor comes' {
    (Get-ItemProperty $place -Name $preloaded).Value
} { Set-ItemProperty $place -Name $preloaded -Value $true }
foreach ($alias in $VirtualDirectories.Keys) {
    $folder = $VirtualDirectories[$alias]
    Step "Virtual directory /$alias is $folder" {
        (Get-Item "$place\$alias").physicalPath -eq $folder
    } {
        $there = @{Site = $Site; Name = $alias}
        if ($Application) { $there['Application'] = $Application }
        if (Get-WebVirtualDirectory @there) { Set-ItemProperty "$place\$alias" -Name 'physicalPath' -Value $folder }
        else { New-WebVirtualDirectory @there -PhysicalPath $folder | Out-Null }
    }
}

# Step 6: bindings
if (-not $Application) {
    Step "Binding *:80:$HostName" { Get-WebBinding -Name $Site -Protocol 'http' -Port 80 -HostHeader $HostName } {
        New-WebBinding -Name $Site -Protocol 'http' -Port 80 -HostHeader $HostName
    }
    if ($certificate) {
        $sni = if ($HostName) { 1 } else { 0 }
        Step "Binding *:443:$HostName" { Get-WebBinding -Name $Site -Protocol 'https' -Port 443 -HostHeader $HostName } {
            New-WebBinding -Name $Site -Protocol 'https' -Port 443 -HostHeader $HostName -SslFlags $sni
        }
        Step "Binding *:443:$HostName has the certificate $CertificateThumbprint" {
            (Get-WebBinding -Name $Site -Protocol 'https' -Port 443 -HostHeader $HostName).certificateHash -eq $CertificateThumbprint
        } {
            $binding = Get-WebBinding -Name $Site -Protocol 'https' -Port 443 -HostHeader $HostName
            if ($binding.certificateHash) { $binding.RemoveSslCertificate() }
            $binding.AddSslCertificate($CertificateThumbprint, 'My')
        }
    }
}

# Step 7: rights. What drives and profiles give to everybody ends at the site's folder; only logs and uploads are written to
foreach ($folder in $Made) {
    Step "Folder $folder" { Test-Path -LiteralPath $folder -PathType Container } {
        New-Item -ItemType Directory -Force -Path $folder | Out-Null
    }
}
foreach ($folder in $Closed) {
    Step "Folder ${folder}: inherits no rights" { (Get-Acl -LiteralPath $folder).AreAccessRulesProtected } {
        $full = '(OI)(CI)F'
        Run 'icacls.exe' @($folder, '/inheritance:r', '/grant:r', "*S-1-5-18:$full", "*S-1-5-32-544:$full")
    }
}
$grants = @($Readable | ForEach-Object { , @($_, $PoolAccount, 'RX', 'ReadAndExecute') })
$grants += @($Writable | ForEach-Object { , @($_, $PoolAccount, 'M', 'Modify') })
$grants += @($Served | ForEach-Object { , @($_, $Visitors, 'RX', 'ReadAndExecute') })
foreach ($grant in $grants) {
    $folder, $who, $short, $rights = $grant
    Step "Folder ${folder}: $who may $rights" {
        HasRight $folder $(if ($who -like 'S-1-*') { $who } else { Sid $who }) $rights
    } {
        $sid = if ($who -like 'S-1-*') { $who } else { Sid $who }
        Run 'icacls.exe' @($folder, '/grant', "*${sid}:(OI)(CI)$short")
    }
}

# Step 8: sections that web.config sets, unlocked for this site alone
foreach ($section in $Unlocked) {
    Step "Section $section may be set by this site's web.config" {
        (Get-WebConfiguration -PSPath $AppHost -Location $Location -Filter "/$section").OverrideMode -eq 'Allow'
    } { Set-WebConfiguration -PSPath $AppHost -Location $Location -Filter "/$section" -Metadata 'overrideMode' -Value 'Allow' }
}

# Step 9: what stands in the server's own configuration
foreach ($program in $FastCgi) {
    $found = {
        Get-WebConfiguration -PSPath $AppHost -Filter 'system.webServer/fastCgi/application' |
            Where-Object { $_.fullPath -eq $program.fullPath -and $_.arguments -eq $program.arguments }
    }
    Step "FastCGI application $($program.fullPath)" $found {
        Add-WebConfigurationProperty -PSPath $AppHost -Filter 'system.webServer/fastCgi' -Name '.' -Value $program
    }
}
foreach ($setting in $SiteSettings) { SiteSetting $setting[0] $setting[1] $setting[2] }
if ($Providers) {
    $section = 'system.webServer/security/authentication/windowsAuthentication/providers'
    Step "Server configuration for this site: providers $Providers" {
        $now = (Get-WebConfigurationProperty -PSPath $AppHost -Location $Location -Filter $section -Name '.').Collection.value
        "$now" -eq "$Providers"
    } {
        Remove-WebConfigurationProperty -PSPath $AppHost -Location $Location -Filter $section -Name '.'
        foreach ($provider in $Providers) {
            Add-WebConfigurationProperty -PSPath $AppHost -Location $Location -Filter $section -Name '.' -Value @{value = $provider}
        }
    }
}

# Step 10: the service principal name
if ($NeedsSpn -and $HostName) {
    $owner = if ($PoolDecrypts -and $Account) { $Account } else { $env:COMPUTERNAME + '$' }
    # An account's name need not be its CN; the first line of its own list holds its distinguished name
    $own = & setspn.exe -L $owner | Where-Object { $_ -match '\b(CN=.+):\s*$' } | ForEach-Object { $Matches[1] }
    $holders = @(& setspn.exe -Q "HTTP/$HostName" | Where-Object { $_ -match '^CN=' })
    if ($holders.Count -gt 1) { Write-Warning "HTTP/$HostName is on several accounts, so Kerberos fails: $holders" }
    elseif ($holders.Count -eq 1 -and $holders[0].Trim() -ne $own) {
        Write-Warning "HTTP/$HostName is on $($holders[0]); here $owner decrypts the tickets."
    }
    elseif (-not $holders -and $SetSpn) {
        Step "HTTP/$HostName is on $owner" { $false } { Run 'setspn.exe' @('-S', "HTTP/$HostName", $owner) }
    }
    elseif (-not $holders) {
        Write-Output "For Kerberos a domain administrator runs, or you give -SetSpn: setspn -S HTTP/$HostName $owner"
    }
}
$headers = 'HKLM:\SYSTEM\CurrentControlSet\Services\HTTP\Parameters'
foreach ($limit in $HttpLimits.Keys) {
    $value = (Get-ItemProperty -Path $headers -Name $limit -ErrorAction SilentlyContinue).$limit
    if ($value -lt $HttpLimits[$limit]) {
        Write-Output "For people in many groups: reg add $($headers -replace ':', '') /v $limit /t REG_DWORD /d $($HttpLimits[$limit]) /f"
    }
}

# Step 11: run, and ask each layer
if ($WhatIfPreference) { return }
if ((Get-WebAppPoolState -Name $Pool).Value -ne 'Started') { Start-WebAppPool -Name $Pool }
elseif ($script:Changed) { Restart-WebAppPool -Name $Pool }
if ((Get-WebsiteState -Name $Site).Value -ne 'Started') { Start-Website -Name $Site }
Write-Output "$Location is set up; $script:Changed changes."
Ask 'HTTP.sys and IIS' $false
Ask 'Windows sign-in and Python' $true
Write-Output 'A 401 to the second on this machine alone is the loop-back check. Other answers: https://windowsauth.readthedocs.io/en/stable/iis/errors.html'
