#Requires -Version 5.1
#Requires -PSEdition Desktop
#Requires -RunAsAdministrator
# The set-up script on a real Windows Server or 10/11, which CI has not: it is changed by this, so use a machine to throw away.
#   Install-Module Pester -MinimumVersion 5.5 -Force -SkipPublisherCheck
#   $env:WAUTH_PYTHON = 'C:\Sites\test\.venv\Scripts\python.exe'   # with windowsauth[iis], HttpPlatformHandler 2 installed
#   Invoke-Pester tests\windows\setup-iis.Tests.ps1 -Output Detailed

BeforeDiscovery {
    $body = Get-Content -Raw (Join-Path $PSScriptRoot '..\..\wauth_core\iis\setup.ps1')
    $steps = [regex]::Matches($body, '(?m)^# Step (\d+): ') | ForEach-Object { [int]$_.Groups[1].Value } | Select-Object -Skip 1
}

BeforeAll {
    $root = Join-Path $env:SystemDrive 'Sites\WauthPester'
    New-Item -ItemType Directory -Force -Path $root | Out-Null
    Set-Content (Join-Path $root 'app.py') ("def app(environ, start):\n    start('200 OK', [])\n    return [b'hello']".Replace('\n', "`n"))
    Push-Location $root
    & $env:WAUTH_PYTHON -m wauth_core webconfig app:app -w -f --handler httpplatform --site WauthPester `
        --host-name wauthpester.test --setup-script setup.ps1 -l logs\python.log
    $script = Join-Path $root 'setup.ps1'

    function Get-State {
        Import-Module WebAdministration
        $pool = Get-Item IIS:\AppPools\WauthPester -ErrorAction SilentlyContinue
        [pscustomobject]@{
            Pool = if ($pool) { "$($pool.startMode) $($pool.managedRuntimeVersion) $($pool.processModel.identityType)" }
            Site = "$((Get-Website | Where-Object name -eq 'WauthPester').bindings.Collection.bindingInformation)"
            Rights = (Get-Acl $root).Sddl
            Lock = (Get-WebConfiguration -PSPath 'MACHINE/WEBROOT/APPHOST' -Location WauthPester -Filter '/system.webServer/handlers').OverrideMode
        } | ConvertTo-Json
    }

    function Remove-All {
        Import-Module WebAdministration
        if (Get-Website | Where-Object name -eq 'WauthPester') { Remove-Website -Name WauthPester }
        if (Test-Path IIS:\AppPools\WauthPester) { Remove-WebAppPool -Name WauthPester }
        & icacls.exe $root /reset /T | Out-Null
    }
}

AfterAll {
    Remove-All
    Pop-Location
}

Describe 'setup-iis.ps1' {
    It 'changes nothing with -WhatIf' {
        Remove-All
        $before = Get-State
        & $script -WhatIf
        Get-State | Should -Be $before
    }

    It 'refuses a parameter that does not exist' {
        { & $script -WhatIff } | Should -Throw
    }

    It 'sets up the site, and finds nothing to do the second time' {
        & $script | Out-Null
        $first = Get-State
        & $script | Where-Object { $_ -match '; (\d+) changes' } | Should -Match '; 0 changes'
        Get-State | Should -Be $first
    }

    It 'repairs what was changed by hand' {
        $right = Get-State
        Set-ItemProperty IIS:\AppPools\WauthPester -Name startMode -Value OnDemand
        & icacls.exe $root /inheritance:e | Out-Null
        & $script | Out-Null
        Get-State | Should -Be $right
    }

    It 'comes to the same end after it was stopped before step <_>' -ForEach $steps {
        $right = Get-State
        Remove-All
        $text = Get-Content -Raw $script
        $cut = Join-Path $root 'cut.ps1'
        Set-Content -Encoding UTF8 $cut $text.Substring(0, $text.IndexOf("# Step ${_}: "))
        & $cut | Out-Null
        & $script | Out-Null
        Get-State | Should -Be $right
    }

    It 'answers through every layer' {
        $said = & $script
        $said -match '^HTTP.sys and IIS: 401 .*Negotiate' | Should -Not -BeNullOrEmpty
    }
}
