//! The job that restores an opening at boot: launchd's on macOS, systemd's on Linux. It runs the
//! helper's `firewall open`, which holds the gate until a signal ends it, and leaves nothing when
//! it ends.

use super::{Layout, Platform};
use crate::firewall::Peer;

/// The job's file.
pub(super) fn text(layout: &Layout, port: u16, peers: &[Peer]) -> String {
    let mut words = vec![layout.helper().to_owned(), "firewall".into(), "open".into()];
    words.extend(["--port".to_owned(), port.to_string(), "--hold".into()]);
    // Peers are addresses and names of interfaces: no character of theirs means anything in either
    // format.
    words.extend(peers.iter().flat_map(|peer| ["--from".to_owned(), peer.to_string()]));
    match layout.platform() {
        Platform::Macos => plist(&layout.job(port), &words),
        Platform::Linux => unit(port, &words),
    }
}

/// launchd.plist(5). launchd restarts a job that ends.
fn plist(label: &str, words: &[String]) -> String {
    let words: String = words.iter().map(|word| format!("        <string>{word}</string>\n")).collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{label}</string>
    <key>ProgramArguments</key>
    <array>
{words}    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <true/>
    <key>Umask</key>
    <integer>18</integer>
    <key>WorkingDirectory</key>
    <string>/</string>
</dict>
</plist>
"#
    )
}

/// What the job may do, of systemd.exec(5). A systemd that does not know a line leaves it out, with
/// a warning.
///
/// The folder of the journals is all guards' and outlives the job. Processes of others are looked
/// up in the journals, so that `ProtectProc` stays as it is. nft's modules are loaded by the kernel
/// for it, from outside.
const HARDENING: &str = "\
RuntimeDirectory=dlvgate
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
UMask=0022
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN
AmbientCapabilities=
SystemCallFilter=@system-service seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallErrorNumber=ENOSYS
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET AF_INET6
IPAddressDeny=any
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
KeyringMode=private
RemoveIPC=yes
";

/// systemd.service(5). `%` begins a specifier, and is in a link-local peer.
fn unit(port: u16, words: &[String]) -> String {
    let command = words.join(" ").replace('%', "%%");
    format!(
        "[Unit]\nDescription=dlvgate: port {port} open for its peers\nAfter=network.target nftables.service\n\n\
         [Service]\nExecStart={command}\nRestart=on-failure\n{HARDENING}\n[Install]\nWantedBy=multi-user.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_is_hardened_by_systemd_s_own_count() {
        let folder = tempfile::tempdir().unwrap();
        let unit = folder.path().join("dlvgate-open-2345.service");
        let text = text(&Layout::new(None, Platform::Linux), 2345, &["192.0.2.0/24".parse().unwrap()]);
        for line in [
            "NoNewPrivileges=yes",
            "CapabilityBoundingSet=CAP_NET_ADMIN",
            "ProtectSystem=strict",
            "ProtectHome=yes",
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{text}");
        }
        std::fs::write(&unit, text).unwrap();
        let mut analyze = std::process::Command::new("systemd-analyze");
        let Ok(output) = analyze.args(["security", "--offline=true"]).arg(&unit).output() else {
            println!("not counted: systemd-analyze is missing");
            return;
        };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let level = said.lines().find_map(|line| line.split("dlvgate-open-2345.service: ").nth(1));
        let level: f32 = level.and_then(|level| level.split_whitespace().next()?.parse().ok()).expect(&said);
        assert!(level < 3.0, "{said}"); // 9.6 without these lines
    }

    #[test]
    fn the_job_holds_the_port_for_its_peers() {
        let peers = ["192.0.2.0/24".parse().unwrap(), "fe80::1%en0".parse().unwrap()];
        let text = text(&Layout::new(None, Platform::Macos), 2345, &peers);
        assert!(text.contains("<string>io.github.dlvgate.open.2345</string>"), "{text}");
        assert!(text.contains("<string>--from</string>\n        <string>fe80::1%en0</string>"), "{text}");
        let text = super::text(&Layout::new(None, Platform::Linux), 2345, &peers);
        let line = "ExecStart=/usr/local/libexec/dlvgate-guard firewall open --port 2345 --hold --from 192.0.2.0/24 --from fe80::1%%en0\n";
        assert!(text.contains(line), "{text}");
    }
}
