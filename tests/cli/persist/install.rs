//! The helper, its sudoers entry, openings at boot: put in place, shown, refused, and removed
//! without a trace.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::trial::Trial;

const LAYOUTS: [(&str, &str); 2] = [
    ("macos", "/Library/PrivilegedHelperTools/dlvgate-guard"),
    ("linux", "/usr/local/libexec/dlvgate-guard"),
];

const OPENING: [&str; 7] = ["install", "--user", "alice", "--open", "2345", "--from", "192.0.2.5"];

#[test]
fn uninstalled_a_system_is_byte_for_byte_what_it_was() {
    for (layout, helper) in LAYOUTS {
        let trial = Trial::new(layout);
        let before = trial.everything();
        trial.firewall(&OPENING).ok();
        let mode = |path| fs::metadata(trial.at(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(helper), mode("/etc/sudoers.d/dlvgate")), (0o755, 0o440));
        let own = fs::read(env!("CARGO_BIN_EXE_dlvgate")).unwrap();
        assert!(fs::read(trial.at(helper)).unwrap() == own, "the helper is this program");
        assert!(trial.firewall(&["uninstall"]).ok().contains("nothing of dlvgate is left"));
        assert!(trial.everything() == before, "{layout}");
    }
}

/// The kernel removes no group by itself.
#[test]
fn uninstall_removes_groups_that_are_empty() {
    let trial = Trial::new("linux");
    let group = |name: &str| trial.at("/sys/fs/cgroup/dlvgate").join(name);
    trial.firewall(&OPENING).ok();
    fs::create_dir_all(group("1000")).unwrap();
    fs::create_dir_all(group("1001/in-use")).unwrap();
    trial.firewall(&["uninstall"]).ok();
    assert!(!group("1000").exists() && group("1001").exists());
    trial.firewall(&OPENING).ok();
    fs::remove_dir(group("1001/in-use")).unwrap();
    trial.firewall(&["uninstall"]).ok();
    assert!(!group("").exists() && trial.at("/sys/fs/cgroup").exists());
}

#[test]
fn a_dry_run_shows_every_change_and_makes_none() {
    for (layout, helper) in LAYOUTS {
        let trial = Trial::new(layout);
        let before = trial.everything();
        let diff = trial.firewall(&[&OPENING[..], &["--dry-run"]].concat()).ok();
        let entry = format!("+alice ALL=(root) NOPASSWD: {helper} guard --backend");
        assert!(diff.contains(&entry) && diff.contains("+++ /etc/sudoers.d/dlvgate"), "{diff}");
        assert!(diff.contains("--from") && diff.contains("192.0.2.5"), "{diff}");
        assert!(trial.everything() == before);
        trial.firewall(&OPENING).ok();
        let installed = trial.everything();
        let diff = trial.firewall(&["uninstall", "--dry-run"]).ok();
        assert!(diff.contains("-alice ALL=(root)"), "{diff}");
        assert!(trial.everything() == installed);
    }
}

#[test]
fn second_install_only_adds_a_second_user() {
    let trial = Trial::new("linux");
    let before = trial.everything();
    trial.firewall(&OPENING).ok();
    let installed = trial.everything();
    assert!(trial.firewall(&OPENING).ok().contains("nothing to do"));
    assert!(trial.everything() == installed);
    trial.firewall(&["install", "--user", "bob"]).ok();
    let sudoers = trial.get("/etc/sudoers.d/dlvgate");
    assert!(sudoers.contains("alice ALL=") && sudoers.contains("bob ALL="), "{sudoers}");
    trial.firewall(&["uninstall"]).ok();
    assert!(trial.everything() == before);
}

const POLICY: &str = "/etc/dlvgate/policy.toml";

#[test]
fn policy_is_written_shown_and_removed() {
    for (layout, _) in LAYOUTS {
        let trial = Trial::new(layout);
        let before = trial.everything();
        let held = ["install", "--user", "alice", "--ports", "30000-30099", "--peers", "192.0.2.0/24"];
        let diff = trial.firewall(&[&held[..], &["--dry-run"]].concat()).ok();
        assert!(
            diff.contains("+++ /etc/dlvgate/policy.toml") && diff.contains("+ports = [\"30000-30099\"]"),
            "{diff}"
        );
        let at = |path: &str| diff.find(&format!("+++ {path}")).unwrap();
        assert!(at(POLICY) < at("/etc/sudoers.d/dlvgate"), "before the entry: {diff}");
        assert!(trial.everything() == before);
        let said = trial.firewall(&held).ok();
        assert!(said.contains("alice may open ports 30000-30099 for 192.0.2.0/24"), "{said}");
        let mode = fs::metadata(trial.at(POLICY)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644);
        assert!(trial.firewall(&held).ok().contains("nothing to do"));
        trial.firewall(&["uninstall"]).ok();
        assert!(trial.everything() == before, "{layout}");
    }
}

#[test]
fn install_changes_what_it_names_of_a_policy() {
    let trial = Trial::new("linux");
    trial.firewall(&["install", "--user", "alice", "--ports", "30000-30099", "--ports", "2345"]).ok();
    trial.firewall(&["install", "--user", "bob", "--peers", "192.0.2.0/24"]).ok();
    trial.firewall(&["install", "--user", "alice", "--peers", "::/0"]).ok();
    trial.firewall(&["install", "--user", "alice"]).ok();
    let text = trial.get(POLICY);
    let alice = "[users.\"alice\"]\nports = [\"30000-30099\", \"2345\"]\npeers = [\"::/0\"]\n";
    assert!(text.contains(alice) && text.contains("[users.\"bob\"]\npeers = [\"192.0.2.0/24\"]\n"), "{text}");
}

#[test]
fn unreadable_policy_is_kept_unless_forced() {
    let trial = Trial::new("linux");
    trial.put(POLICY, "mode = \"open\"\n");
    let before = trial.everything();
    let held = ["install", "--user", "alice", "--ports", "30000"];
    let text = trial.firewall(&held).refused();
    assert!(text.contains("policy.toml cannot be trusted"), "{text}");
    assert!(trial.everything() == before, "nothing of it is done");
    trial.firewall(&[&held[..], &["--force"]].concat()).ok();
    assert!(trial.get(POLICY).contains("ports = [\"30000\"]"));
    for range in ["22", "1000-2000", "3000-2000", "x"] {
        let said = trial.firewall(&["install", "--user", "alice", "--ports", range]);
        assert_eq!(said.code, 2, "{}", said.text);
    }
}

#[test]
fn ambiguous_user_name_is_refused() {
    for name in ["ALL", "%admin", "alice ALL=(ALL) ALL #"] {
        let trial = Trial::new("linux");
        let before = trial.everything();
        let text = trial.firewall(&["install", "--user", name]).refused();
        assert!(text.contains("no user"), "{text}");
        assert!(trial.everything() == before);
    }
    let text = Trial::new("linux").firewall(&["install"]).refused();
    assert!(text.contains("--user"), "{text}");
}

#[test]
fn foreign_files_are_overwritten_only_by_force() {
    let trial = Trial::new("linux");
    trial.put("/etc/sudoers.d/dlvgate", "# mine\n");
    let before = trial.everything();
    let text = trial.firewall(&OPENING).refused();
    assert!(text.contains("/etc/sudoers.d/dlvgate") && text.contains("--force"), "{text}");
    assert!(trial.everything() == before, "nothing of it is done");
    trial.firewall(&[&OPENING[..], &["--force"]].concat()).ok();
    assert!(trial.get("/etc/sudoers.d/dlvgate").contains("alice"));
}

#[test]
fn changed_files_are_named_and_kept_unless_forced() {
    let trial = Trial::new("macos");
    trial.firewall(&OPENING).ok();
    trial.put("/Library/LaunchDaemons/io.github.dlvgate.open.2345.plist", "mine now");
    let before = trial.everything();
    let text = trial.firewall(&["uninstall"]).refused();
    assert!(text.contains("open.2345.plist") && text.contains("--force"), "{text}");
    assert!(trial.everything() == before, "nothing of it is done");
    trial.firewall(&["uninstall", "--force"]).ok();
    assert!(!trial.at("/Library").exists());
}

#[test]
fn an_uninstall_without_an_install_says_so() {
    let text = Trial::new("linux").firewall(&["uninstall"]).refused();
    assert!(text.contains("installed nothing"), "{text}");
}

#[test]
fn a_record_that_is_corrupt_is_not_obeyed() {
    let trial = Trial::new("linux");
    trial.firewall(&OPENING).ok();
    trial.put("/var/lib/dlvgate/installed.json", "{");
    let before = trial.everything();
    let text = trial.firewall(&["uninstall"]).refused();
    assert!(text.contains("installed.json") && text.contains("cannot be trusted"), "{text}");
    assert!(trial.everything() == before);
}

#[test]
fn a_step_that_fails_undoes_the_ones_before_it() {
    let trial = Trial::new("linux");
    // The folder of the opening at boot cannot be made: that is the last step.
    trial.put("/etc/systemd", "a file");
    let before = trial.everything();
    trial.firewall(&OPENING).refused();
    assert!(trial.everything() == before);
}

#[test]
fn killed_install_is_uninstalled_like_any_other() {
    for killed_before in ["/usr/local/libexec/dlvgate-guard", "/etc/sudoers.d/dlvgate"] {
        let trial = Trial::new("linux");
        let before = trial.everything();
        trial.firewall(&OPENING).ok();
        // The files that are written after the record are not there yet.
        let files = [
            "/usr/local/libexec/dlvgate-guard",
            "/etc/sudoers.d/dlvgate",
            "/etc/systemd/system/dlvgate-open-2345.service",
        ];
        for file in files.into_iter().skip_while(|file| *file != killed_before) {
            fs::remove_file(trial.at(file)).unwrap();
        }
        trial.firewall(&["uninstall"]).ok();
        assert!(trial.everything() == before, "{killed_before}");
    }
}

#[test]
fn the_record_is_the_first_thing_that_is_written() {
    let diff = Trial::new("linux").firewall(&[&OPENING[..], &["--dry-run"]].concat()).ok();
    let at = |path: &str| diff.find(&format!("+++ {path}")).unwrap_or_else(|| panic!("no {path} in {diff}"));
    let record = at("/var/lib/dlvgate/installed.json");
    assert!(
        record < at("/usr/local/libexec/dlvgate-guard") && record < at("/etc/sudoers.d/dlvgate"),
        "{diff}"
    );
}

#[test]
fn only_root_may_change_the_system_itself() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["firewall", "uninstall"]);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("sudo") && text.contains("--root"), "{text}");
}
