//! A project's file with settings that only the user may decide.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};

use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::script;
use serde_json::Value;

use crate::place::{Place, Ran, quoted};

/// `nobody` on Debian.
const OTHER: u32 = 65_534;

const ASKS: &str = "# ours\nallow = [\"192.0.2.0/24\"]\nmax-sessions = 3\nfirewall = \"off\"\n";

/// Whether the file is in force; what was said where it is not.
fn in_force(place: &Place) -> Result<(), String> {
    let ran = place.run(&["config", "--json"]);
    if ran.code == Some(0) {
        let all: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(all["settings"]["allow"]["values"][0], "192.0.2.0/24");
        return Ok(());
    }
    assert_eq!(ran.code, Some(2), "{ran:?}");
    Err(ran.stderr)
}

#[test]
fn consent_holds_until_the_project_file_changes() {
    let place = Place::new();
    let file = place.asks(ASKS);
    let refused = in_force(&place).unwrap_err();
    assert!(refused.contains(&format!("{}:2: allow", file.display())), "{refused}");
    assert!(refused.contains(&format!("dlvgate trust {}", file.display())), "{refused}");
    let ran = place.run(&["trust", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for shown in ["line 2: allow = [\"192.0.2.0/24\"]", "any program as you", "line 4: firewall = \"off\""] {
        assert!(ran.stderr.contains(shown), "{shown}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("max-sessions"), "that is the project's to say: {}", ran.stderr);
    in_force(&place).unwrap();

    place.asks(&ASKS.replace("192.0.2.0/24", "0.0.0.0/0"));
    assert!(in_force(&place).unwrap_err().contains("changed since"));
    place.asks(&format!("{ASKS}# one byte more"));
    assert!(in_force(&place).unwrap_err().contains("changed since"), "whatever the change is");
    place.asks(ASKS);
    in_force(&place).unwrap();

    let listed = place.run(&["trust", "--list"]).stdout;
    assert!(listed.contains(&file.display().to_string()) && listed.lines().count() == 1, "{listed}");
    assert_eq!(place.run(&["trust", "--revoke"]).code, Some(0));
    assert!(in_force(&place).is_err());
    assert_eq!(place.run(&["trust", "--revoke"]).code, Some(1), "there is none any more");
    assert_eq!(place.run(&["trust", "--list"]).stdout, "");
}

#[test]
fn consent_is_never_assumed_without_asking() {
    let place = Place::new();
    place.asks(ASKS);
    let ran = place.run(&["trust"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--yes") && place.consents().is_empty(), "{ran:?}");
}

/// `dlvgate trust` in a terminal, with this typed.
fn asked(place: &Place, typed: &str) -> String {
    let trust = place.command(&["trust"]);
    let mut script = Command::new("script");
    let words = format!("{} trust", quoted(trust.get_program().as_ref()));
    script.args(["-q", "-e", "-f", "-c", &words, "/dev/null"]).env_clear();
    script.envs(trust.get_envs().filter_map(|(key, value)| Some((key, value?))));
    script.current_dir(place.project()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = script.spawn().expect("script runs");
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn in_a_terminal_only_yes_is_yes() {
    let place = Place::new();
    place.asks(ASKS);
    for no in ["n\n", "\n", "yep\n"] {
        let said = asked(&place, no);
        assert!(said.contains("[y/N]") && said.contains("not agreed"), "{said}");
        assert!(in_force(&place).is_err(), "{no:?}");
    }
    assert!(asked(&place, "y\n").contains("agreed"));
    in_force(&place).unwrap();
}

#[test]
fn a_consent_is_to_the_file_at_its_place() {
    let (place, other) = (Place::new(), Place::new());
    place.asks(ASKS);
    assert_eq!(place.run(&["trust", "--yes"]).code, Some(0));
    // The same words in another project: relative paths in it lead elsewhere.
    other.asks(ASKS);
    let ran = other.command(&["config"]).env("HOME", place.path("home")).output().unwrap();
    assert_eq!(Ran::from(ran).code, Some(2));
    // By a link to its folder it is the same file.
    let ran = Ran::from(place.command(&["config"]).current_dir(place.path("here")).output().unwrap());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A link in its place to other words is a change.
    let evil = place.path("evil.toml");
    std::fs::write(&evil, ASKS.replace("192.0.2.0/24", "0.0.0.0/0")).unwrap();
    let file = place.project().join("dlvgate.toml");
    std::fs::remove_file(&file).unwrap();
    symlink(&evil, &file).unwrap();
    assert!(in_force(&place).unwrap_err().contains("changed since"));
}

#[test]
fn consent_that_others_can_write_does_not_count() {
    let place = Place::new();
    place.asks(ASKS);
    assert_eq!(place.run(&["trust", "--yes"]).code, Some(0));
    let [consent] = &place.consents()[..] else { panic!("{:?}", place.consents()) };
    let folder = consent.parent().unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!((mode(consent), mode(folder)), (0o600, 0o700));
    for (path, bad, good) in [(consent.as_path(), 0o620, 0o600), (folder, 0o777, 0o700)] {
        std::fs::set_permissions(path, Permissions::from_mode(bad)).unwrap();
        assert!(in_force(&place).is_err(), "{}", path.display());
        std::fs::set_permissions(path, Permissions::from_mode(good)).unwrap();
        in_force(&place).unwrap();
    }
    if nix::unistd::geteuid().is_root() {
        chown(consent, Some(OTHER), None).unwrap();
        assert!(in_force(&place).is_err(), "another user's");
    }
    // A relative state folder would be the project's.
    place.run(&["trust", "--revoke"]);
    std::fs::create_dir_all(place.project().join("state")).unwrap();
    let trust = place.command(&["trust", "--yes"]).env("XDG_STATE_HOME", "state").output().unwrap();
    assert!(trust.status.success() && place.consents().len() == 1);
}

#[test]
fn file_that_others_can_write_gets_no_consent() {
    let place = Place::new();
    let file = place.asks(ASKS);
    std::fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let ran = place.run(&["trust", "--yes"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("o-w"), "{ran:?}");
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    if nix::unistd::geteuid().is_root() {
        chown(&file, Some(OTHER), None).unwrap();
        let ran = place.run(&["trust", "--yes"]);
        assert!(ran.code == Some(2) && ran.stderr.contains("user 65534"), "{ran:?}");
    }
    assert!(place.consents().is_empty());
}

#[test]
fn root_does_not_agree_for_who_called_sudo() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: sudo cannot be played");
        return;
    }
    let place = Place::new();
    place.asks(ASKS);
    let ran = place.command(&["trust", "--yes"]).env("SUDO_UID", OTHER.to_string()).output().unwrap();
    let ran = Ran::from(ran);
    assert!(ran.code == Some(2) && ran.stderr.contains("without sudo"), "{ran:?}");
    assert!(place.consents().is_empty());
}

/// A variable that only root's environment can mean.
#[test]
fn sudo_variable_without_root_trusts_no_other_user() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: files of others cannot be made");
        return;
    }
    let place = Place::new();
    let file = place.asks("max-sessions = 3\n");
    chown(&file, Some(1), None).unwrap();
    std::fs::set_permissions(place.path(""), Permissions::from_mode(0o755)).unwrap();
    let mut command = place.command(&["config"]);
    command.env("SUDO_UID", "1");
    std::os::unix::process::CommandExt::uid(&mut command, OTHER);
    let ran = Ran::from(command.output().unwrap());
    assert!(ran.code == Some(2) && ran.stderr.contains("user 1"), "{ran:?}");
}

#[test]
fn a_project_s_dlv_is_not_run_before_the_user_agrees() {
    let place = Place::new();
    let evil = FakeDlv::new("exit 0");
    let ran = evil.file("ran");
    let program = place.project().join("dlv-of-the-project");
    script::write(&program, &format!("#!/bin/sh\ntouch {}\nexit 7\n", quoted(&ran)));
    place.asks("dlv = \"./dlv-of-the-project\"\nfirewall = \"off\"\n");
    for words in [&["dlv", "dap", "--listen=127.0.0.1:0"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = place.run(words);
        assert!(refused.code != Some(0) && refused.stderr.contains("dlvgate trust"), "{refused:?}");
        assert!(!ran.exists(), "{words:?}");
    }
    assert_eq!(place.run(&["trust", "--yes"]).code, Some(0));
    place.run(&["dlv", "dap", "--listen=127.0.0.1:0"]);
    assert!(ran.exists(), "now it is what was agreed to");
}

#[test]
fn a_file_that_asks_for_nothing_needs_no_consent() {
    let place = Place::new();
    place.asks("max-sessions = 3\ndlv-cwd = \".\"\n[launch-default]\nstopOnEntry = true\n");
    assert_eq!(place.run(&["config"]).code, Some(0));
    let ran = place.run(&["trust"]);
    assert!(ran.code == Some(0) && ran.stderr.contains("nothing that needs"), "{ran:?}");
    assert!(place.consents().is_empty());
}

/// What a clone brings along for a user whose variables name no absolute folder.
const OF_THE_CLONE: [&str; 6] = [
    "dlvgate/dlvgate.toml",
    ".config/dlvgate/dlvgate.toml",
    ".local/state/dlvgate/trusted",
    "dlv",
    "bin/dlv",
    "go/bin/dlv",
];

fn clone_with_traps(place: &Place) -> std::path::PathBuf {
    let ran = place.path("ran");
    for name in OF_THE_CLONE {
        let path = place.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = match path.extension() {
            Some(_) => "dlv = \"/of/the/clone\"\nallow = [\"192.0.2.0/24\"]\n".to_owned(),
            None => format!("#!/bin/sh\ntouch {}\n", quoted(&ran)),
        };
        script::write(&path, &text);
    }
    ran
}

#[test]
fn relative_folder_of_a_variable_is_not_searched() {
    let place = Place::new();
    let ran = clone_with_traps(&place);
    for variables in [
        &[("HOME", "")][..],
        &[("HOME", ".")],
        &[("XDG_CONFIG_HOME", ".config")],
        &[("XDG_CONFIG_HOME", "."), ("HOME", "")],
        &[("GOBIN", "")],
        &[("GOBIN", ".")],
        &[("GOPATH", "")],
        &[("GOPATH", "/nonexistent:")],
        &[("GOPATH", ":go")],
        &[("PATH", "")],
        &[("PATH", ".:/nonexistent")],
        &[("PATH", "bin")],
        &[("PATH", ":/nonexistent")],
    ] {
        let with = |words: &[&str]| {
            let mut command = place.command(words);
            // Not this machine's own dlv: the search goes through all folders.
            command.env("PATH", "/nonexistent").envs(variables.iter().copied());
            Ran::from(command.output().unwrap())
        };
        let config = with(&["config", "--json"]);
        let all: Value = serde_json::from_str(&config.stdout).expect(&config.stderr);
        assert_eq!(all["files"].as_array().unwrap().len(), 0, "{variables:?}: {all}");
        assert_eq!(all["settings"]["allow"]["source"], "default", "{variables:?}");
        with(&["dlv", "version"]);
        with(&["doctor"]);
        assert!(!ran.exists(), "{variables:?}");
    }
}

#[test]
fn relative_path_in_a_variable_is_refused() {
    let place = Place::new();
    let ran = clone_with_traps(&place);
    for (name, path) in [("DLVGATE_CONFIG", "dlvgate/dlvgate.toml"), ("DLVGATE_DLV", "bin/dlv")] {
        for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["dlv", "dap", "--listen=127.0.0.1:0"]] {
            let ran = place.run_with(words, &[(name, path)]);
            assert!(ran.code.is_some_and(|code| code != 0), "{name} {words:?}: {ran:?}");
            let said = format!("{name}={path}: write an absolute path");
            assert!(ran.stderr.contains(&said), "{name} {words:?}: {ran:?}");
        }
    }
    assert!(!ran.exists());
}

/// The sockets of `--dlv-port unix` lie in it.
#[test]
fn relative_temporary_folder_is_not_used() {
    let place = Place::new();
    let (program, said) = (place.path("dlv-of-the-user"), place.path("said"));
    script::write(&program, &format!("#!/bin/sh\necho \"$@\" > {}\n", quoted(&said)));
    for folder in ["", "."] {
        let mut command = place.command(&["dlv", "dap", "--listen=127.0.0.1:0"]);
        command.envs([("TMPDIR", folder), ("XDG_RUNTIME_DIR", folder), ("DLVGATE_DLV_PORT", "unix")]);
        command.env("DLVGATE_DLV", &program).env("DLVGATE_FIREWALL", "off").output().unwrap();
        let words = std::fs::read_to_string(&said).expect("it is run");
        assert!(words.contains("unix:/tmp/dlvgate-socket-"), "{folder:?}: {words}");
        std::fs::remove_file(&said).unwrap();
    }
}
