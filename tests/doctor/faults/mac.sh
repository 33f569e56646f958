# What a Mac has and this machine has not: stand-ins, the one for pfctl with a state of its own, the others with files.

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
