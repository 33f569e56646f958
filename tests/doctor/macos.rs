//! Faults of a Mac, with stand-ins for its tools: the one for pfctl keeps pf's state, the others keep theirs in files. Their words are
//! those that are captured or documented of the real ones; nobody has run this on a Mac.

use super::container::{Container, User};
use super::fault::{Fault, try_all};

/// What a Mac has and this machine has not.
const TOOLS: &str = r#"
mv /usr/bin/dlvgate /opt/dlvgate
cat > /usr/bin/dlvgate <<'SCRIPT'
#!/bin/bash
case "$1" in
    doctor) shift; exec /opt/dlvgate doctor --platform macos --pfctl /sbin/pfctl "$@" ;;
    firewall) command=$2; shift 2; exec /opt/dlvgate firewall "$command" --backend pf --pfctl /sbin/pfctl "$@" ;;
    *) exec /opt/dlvgate "$@" ;;
esac
SCRIPT
cat > /usr/sbin/pfctl <<'SCRIPT'
#!/bin/sh
export STANDIN_PF_STATE=/var/standin-pf STANDIN_PF_CONF_DIR=/etc
exec /opt/standin-pfctl "$@"
SCRIPT
cat > /usr/sbin/DevToolsSecurity <<'SCRIPT'
#!/bin/sh
case "$1" in
    -enable) rm -f /var/developer-mode-off ;;
    -disable) touch /var/developer-mode-off ;;
esac
test -e /var/developer-mode-off && echo 'Developer mode is currently disabled.' || echo 'Developer mode is currently enabled.'
SCRIPT
mkdir -p /usr/libexec/ApplicationFirewall /var/alf
cat > /usr/libexec/ApplicationFirewall/socketfilterfw <<'SCRIPT'
#!/bin/sh
case "$1" in
    --getglobalstate) test -e /var/alf/on && echo 'Firewall is enabled. (State = 1)' || echo 'Firewall is disabled. (State = 0)' ;;
    --getblockall) test -e /var/alf/all && echo 'Firewall has block all state set to enabled.' || echo 'Firewall has block all state set to disabled.' ;;
    --setblockall) test "$2" = on && touch /var/alf/all || rm -f /var/alf/all ;;
    --listapps) cat /var/alf/apps 2>/dev/null ;;
    --unblockapp) sed -i "\|$2|{n;s/Block/Allow/}" /var/alf/apps ;;
    --add) printf '1 : %s \n             (Allow incoming connections) \n' "$2" >> /var/alf/apps ;;
esac
SCRIPT
cat > /usr/bin/xcode-select <<'SCRIPT'
#!/bin/sh
folder=/Library/Developer/CommandLineTools/Library/PrivateFrameworks/LLDB.framework/Versions/A/Resources
test "$1" = --install && mkdir -p "$folder" && touch "$folder/debugserver"
SCRIPT
cat > /usr/sbin/route <<'SCRIPT'
#!/bin/sh
printf '   route to: %s\n  interface: %s\n' "$4" "$(cat /var/route 2>/dev/null || echo en0)"
SCRIPT
printf '#!/bin/sh\n' > /usr/bin/launchctl
cat > /usr/bin/codesign <<'SCRIPT'
#!/bin/sh
test "$1" = --force && rm -f /var/unsigned
test "$1" = --verify && test -e /var/unsigned && echo "$2: invalid signature (code or signature have been modified)" >&2 && exit 1
exit 0
SCRIPT
chmod +x /usr/bin/dlvgate /usr/sbin/pfctl /usr/sbin/DevToolsSecurity /usr/libexec/ApplicationFirewall/socketfilterfw \
    /usr/bin/xcode-select /usr/sbin/route /usr/bin/launchctl /usr/bin/codesign
xcode-select --install
mkdir -p /etc/pf.anchors
cat > /etc/pf.conf <<'CONF'
scrub-anchor "com.apple/*"
nat-anchor "com.apple/*"
rdr-anchor "com.apple/*"
dummynet-anchor "com.apple/*"
anchor "com.apple/*"
load anchor "com.apple" from "/etc/pf.anchors/com.apple"
CONF
printf 'anchor "200.AirDrop/*"\nanchor "250.ApplicationFirewall/*"\n' > /etc/pf.anchors/com.apple
pfctl -f /etc/pf.conf 2>/dev/null
"#;

pub fn become_a_mac(container: &mut Container) {
    container.must(TOOLS);
}

pub fn of_a_mac() -> Vec<Fault> {
    let killed = "dlvgate firewall open --port 2399 --from 192.0.2.5 --hold > /tmp/open 2>&1 &\nuntil grep -q open: /tmp/open; do sleep 0.05; done; pkill -9 dlvgate; sleep 0.2";
    let apps = |path: &str| {
        format!(
            "touch /var/alf/on; printf '1 : {path} \\n             ( Block incoming connections ) \\n' > /var/alf/apps; [ {path} = /opt/dlvgate ] || printf '2 : /opt/dlvgate \\n             (Allow incoming connections) \\n' >> /var/alf/apps"
        )
    };
    let from = "--from 192.0.2.5";
    vec![
        Fault::new("developer mode is off", "permissions.developer-mode", "disabled", "DevToolsSecurity -disable"),
        Fault::new("Apple's debugserver is missing", "permissions.debugserver", "not installed", "rm -r /Library/Developer"),
        Fault::new("dlv's signature is broken", "permissions.signature", "invalid signature", "touch /var/unsigned"),
        Fault::new("an Intel dlv on an Apple processor", "delve.processor", "made for x86_64",
            r"printf '#!/bin/sh\necho 1\n' > /usr/sbin/sysctl; printf '\317\372\355\376\007\000\000\001' > /usr/local/bin/dlv; chmod +x /usr/local/bin/dlv").only_named(),
        Fault::new("pf.conf is not well-formed", "network.pf", "/etc/pf.conf:7", "echo 'pass in from <nobody to any port <ports>' >> /etc/pf.conf"),
        Fault::new("the blog's line: an anchor that nothing evaluates", "network.pf", "nothing evaluates it",
            "echo 'pass in proto tcp from any to any port 2345' > /etc/pf.anchors/delve; echo 'load anchor \"delve\" from \"/etc/pf.anchors/delve\"' >> /etc/pf.conf"),
        Fault::new("another main ruleset, without Apple's anchors", "network.pf", "has no `anchor",
            "pfctl -E 2>/dev/null; echo 'pass all' | pfctl -f - 2>/dev/null"),
        Fault::new("a rule with quick before every anchor", "network.pf", "comes before every anchor",
            "pfctl -E 2>/dev/null; printf 'block drop in quick proto tcp from any to any port 2345\\nanchor \"com.apple/*\"\\n' | pfctl -f - 2>/dev/null").asked(from),
        Fault::new("pf blocks what is not allowed", "network.filter", "blocks 192.0.2.5",
            "pfctl -E 2>/dev/null; printf 'block drop in all\\nanchor \"com.apple/*\"\\n' | pfctl -f - 2>/dev/null").asked(from),
        Fault::new("a killed guard has left rules and a token", "network.leftovers", "enable token", killed),
        Fault::new("the Application Firewall blocks everything", "network.application-firewall", "blocks all", "touch /var/alf/on /var/alf/all; socketfilterfw=/usr/libexec/ApplicationFirewall/socketfilterfw; $socketfilterfw --add /opt/dlvgate").asked(from),
        Fault::new("the Application Firewall blocks dlv", "network.application-firewall", "/usr/bin/dlv", apps("/usr/bin/dlv")).asked(from),
        Fault::new("the Application Firewall does not know dlvgate", "network.application-firewall", "does not know dlvgate", "touch /var/alf/on").asked(from),
        Fault::new("a VPN has the way to the client", "network.route", "utun3", "echo utun3 > /var/route").asked(from).only_named(),
        Fault::new("GoLand's VM options name a dlv that is gone", "goland.dlv-path", "no program",
            "mkdir -p ~/Library/'Application Support'/JetBrains/GoLand2026.2; printf -- '-Xmx2g\\n-Ddlv.path=/opt/nope/dlv\\n' > ~/Library/'Application Support'/JetBrains/GoLand2026.2/goland.vmoptions"),
    ]
}

#[test]
fn faults_of_a_mac_are_named_and_mended() {
    try_all(&of_a_mac(), become_a_mac);
}

#[test]
fn a_healthy_mac_has_nothing_to_mend() {
    let Some(mut container) = Container::new(User::Root) else { return };
    become_a_mac(&mut container);
    for arguments in ["", "--port 2345 --from 192.0.2.5"] {
        let said = container.doctor(arguments);
        // Nobody listens yet: that is no fault of the machine's.
        let first = &said["first"];
        assert!(first.is_null() || first["id"] == "network.listener", "{first:#}");
    }
}
