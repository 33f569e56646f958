//! The system itself, as far as a mount namespace hides it from everybody else: a real install, and
//! a real sudo.

use std::path::Path;
use std::process::Command;

/// Runs as root in a mount namespace in which what `install` writes to is empty.
const SETUP: &str = "
set -e
mount -t tmpfs -o mode=750 tmpfs /etc/sudoers.d
mkdir -p /usr/local/libexec /var/lib/dlvgate
mount -t tmpfs -o mode=755 tmpfs /usr/local/libexec
mount -t tmpfs -o mode=755 tmpfs /var/lib/dlvgate
mount -t tmpfs -o mode=755 tmpfs /run/systemd 2>/dev/null || true
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp \"$@\"; }
";

/// What a script printed in such a namespace, or `None` if this user can make none.
pub fn says(script: &str) -> Option<String> {
    if !nix::unistd::geteuid().is_root() || !Path::new("/usr/sbin/visudo").exists() {
        println!("not run: it takes root, and sudo");
        return None;
    }
    let script = SETUP.to_owned() + script;
    let output = Command::new("unshare")
        .args(["--mount", "--net", "bash", "-c", &script])
        .env("DLVGATE", env!("CARGO_BIN_EXE_dlvgate"))
        .env_remove("SUDO_UID")
        .output()
        .expect("unshare runs");
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_user_may_start_the_guard_and_nothing_else() {
    let Some(text) = says(
        r#"
"$DLVGATE" firewall install --user nobody
as_nobody sudo -n -l
helper=/usr/local/libexec/dlvgate-guard
for words in "serve" "guard" "guard --backend pf" "guard --backend nftables --nft /bin/sh" "firewall open --port 22 --from ::1"; do
    as_nobody sudo -n $helper $words </dev/null && echo "ALLOWED: $words"
done
as_nobody sudo -n $helper guard --backend nftables </dev/null
"$DLVGATE" firewall uninstall
ls -A /etc/sudoers.d /usr/local/libexec /var/lib/dlvgate
"#,
    ) else {
        return;
    };
    assert!(text.contains("installed: nobody"), "{text}");
    assert!(text.contains("NOPASSWD: /usr/local/libexec/dlvgate-guard guard --backend nftables"), "{text}");
    assert!(!text.contains("ALLOWED") && text.contains("a password is required"), "{text}");
    assert!(text.contains("\"dlvgate_guard\":1"), "the guard greets: {text}");
    assert!(text.contains("nothing of dlvgate is left"), "{text}");
}

#[test]
fn user_s_proxy_opens_a_gate_by_the_installed_guard() {
    let Some(text) = says(
        r#"
"$DLVGATE" firewall install --user nobody
cp "$DLVGATE" /usr/local/libexec/dlvgate
ip link set lo up
as_nobody /usr/local/libexec/dlvgate firewall open --port 4000 --from 192.0.2.5 < <(sleep 1; nft list ruleset >&2; ps -eo user,args | grep '[d]lvgate-guard guard' >&2)
as_nobody /usr/local/libexec/dlvgate firewall open --port 22 --from 192.0.2.5 </dev/null || true
echo "left: $(nft list ruleset)"
"#,
    ) else {
        return;
    };
    assert!(text.contains("open: port 4000 for 192.0.2.5, guarded by nftables"), "{text}");
    assert!(text.contains("ip saddr @peers4 tcp dport 4000 accept"), "{text}");
    assert!(text.contains("root     /usr/local/libexec/dlvgate-guard guard"), "{text}");
    assert!(text.contains("port 22 is the system's"), "{text}");
    assert!(text.contains("left: \n"), "{text}");
}

#[test]
fn a_helper_that_others_could_change_is_not_started() {
    let Some(text) = says(
        r#"
"$DLVGATE" firewall install --user nobody
cp "$DLVGATE" /usr/local/libexec/dlvgate
chmod 777 /usr/local/libexec/dlvgate-guard
as_nobody /usr/local/libexec/dlvgate firewall open --port 4000 --from 192.0.2.5 </dev/null || true
rm /usr/local/libexec/dlvgate-guard
as_nobody /usr/local/libexec/dlvgate firewall open --port 4000 --from 192.0.2.5 </dev/null || true
"#,
    ) else {
        return;
    };
    assert!(text.contains("root must not trust what is at /usr/local/libexec/dlvgate-guard"), "{text}");
    assert!(text.contains("sudo dlvgate firewall install"), "{text}");
}

#[test]
fn nft_gets_its_whole_ruleset_back_when_forced() {
    let Some(text) = says(
        r#"
cd /var/lib/dlvgate
nft add table inet theirs
"$DLVGATE" firewall snapshot /var/lib/dlvgate/snapshot >/dev/null
nft flush ruleset
nft add table inet other
"$DLVGATE" firewall rollback /var/lib/dlvgate/snapshot || true
"$DLVGATE" firewall rollback /var/lib/dlvgate/snapshot --force
nft list ruleset
mkdir -m 777 /var/lib/dlvgate/open
"$DLVGATE" firewall snapshot /var/lib/dlvgate/open/snapshot || true
"#,
    ) else {
        return;
    };
    assert!(text.contains("the ruleset of nftables was changed since the snapshot"), "{text}");
    assert!(text.contains("table inet theirs") && !text.contains("table inet other"), "{text}");
    assert!(text.contains("root would trust it, and /var/lib/dlvgate/open: others"), "{text}");
}

#[test]
fn dry_run_of_nft_shows_rules_and_writes_nothing() {
    let Some(text) = says(
        r#"
cd /var/lib/dlvgate
nft add table inet theirs
"$DLVGATE" firewall snapshot /var/lib/dlvgate/snapshot >/dev/null
nft flush ruleset
nft add table inet other
"$DLVGATE" firewall rollback /var/lib/dlvgate/snapshot --dry-run
echo "exit $?"
nft list ruleset | sed 's/^/now: /'
ls /var/lib/dlvgate/snapshot
"$DLVGATE" firewall rollback /var/lib/dlvgate/snapshot --force
ls /var/lib/dlvgate/snapshot
"#,
    ) else {
        return;
    };
    assert!(text.contains("\n-table inet other {") && text.contains("\n+table inet theirs {"), "{text}");
    assert!(text.contains("it takes --force\nexit 0\nnow: table inet other {"), "{text}");
    assert!(text.contains("rolled back") && !text.contains("\nrestore.nft\n"), "{text}");
}

/// macOS's /etc and /var are links into /private.
#[test]
fn link_is_judged_by_its_target() {
    let Some(text) = says(
        r#"
cd /var/lib/dlvgate
mkdir -p private/var
ln -s private/var var
ln -s var again
"$DLVGATE" firewall snapshot /var/lib/dlvgate/again/kept >/dev/null && echo "SAVED"
"$DLVGATE" firewall rollback /var/lib/dlvgate/again/kept && echo "ROLLED BACK"
mkdir -m 777 open
ln -s open trap
"$DLVGATE" firewall snapshot /var/lib/dlvgate/trap/kept || true
ln -s circle circle
"$DLVGATE" firewall snapshot /var/lib/dlvgate/circle/kept || true
mkdir -m 777 writable
cd writable
cp -r ../private/var/kept .
"$DLVGATE" firewall rollback kept || true
"#,
    ) else {
        return;
    };
    assert!(text.contains("SAVED") && text.contains("ROLLED BACK"), "{text}");
    assert!(text.contains("and /var/lib/dlvgate/open: others"), "{text}");
    assert!(text.contains("circle"), "{text}");
    assert!(text.contains("and /var/lib/dlvgate/writable: others"), "a relative path: {text}");
}
