//! Configuration files, as a user has them: which value is in force, where it comes from, and what
//! is refused.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A home and a project of a test's own.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::Builder::new().prefix("dlvgate-config-").tempdir().unwrap() };
        for folder in ["home/.config/dlvgate", "project/cmd/server", "elsewhere"] {
            std::fs::create_dir_all(place.folder.path().join(folder)).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn users(&self, text: &str) -> PathBuf {
        self.write("home/.config/dlvgate/dlvgate.toml", text)
    }

    fn projects(&self, text: &str) -> PathBuf {
        self.write("project/dlvgate.toml", text)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// dlvgate in the project's `cmd/server`, without the tests' own variables.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.path("home"))
            .current_dir(self.path("project/cmd/server"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// The values of a setting that are in force, and their source.
    fn setting(&self, key: &str, variables: &[(&str, &str)]) -> (Vec<String>, String) {
        let output = self.command(&["config", "--json"]).envs(variables.iter().copied()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let all: Value = serde_json::from_slice(&output.stdout).expect(&said);
        let values = all["settings"][key]["values"].as_array().expect(key);
        let values = values.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
        (values, all["settings"][key]["source"].as_str().unwrap().to_owned())
    }

    /// Returns the message about a file that is refused.
    fn refused(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        said
    }
}

/// A server that would end by itself, were its files taken.
const SERVE: [&str; 5] = ["serve", "--firewall", "off", "--upstream", "nonsense.invalid:1"];

fn at(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.display())
}

#[test]
fn variable_beats_project_user_and_default() {
    let place = Place::new();
    assert_eq!(place.setting("max-sessions", &[]), (vec!["8".to_owned()], "default".to_owned()));
    let user = place.users("# mine\nmax-sessions = 5\n");
    assert_eq!(place.setting("max-sessions", &[]), (vec!["5".to_owned()], at(&user, 2)));
    let project = place.projects("max-sessions = 4\n");
    assert_eq!(place.setting("max-sessions", &[]), (vec!["4".to_owned()], at(&project, 1)));
    let variable = [("DLVGATE_MAX_SESSIONS", "3")];
    assert_eq!(
        place.setting("max-sessions", &variable),
        (vec!["3".to_owned()], "DLVGATE_MAX_SESSIONS".to_owned())
    );
}

#[test]
fn a_flag_wins_over_everything() {
    let place = Place::new();
    place.users("listen = \"nonsense.invalid:1\"\n");
    let output =
        place.command(&["serve", "--listen", "flag.invalid:2", "--firewall", "off"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("flag.invalid:2") && !said.contains("nonsense"), "{said}");
    let output = place.command(&["serve", "--firewall", "off"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nonsense.invalid:1"), "without the flag the file's is taken: {said}");
}

#[test]
fn strongest_source_gives_whole_lists_and_tables() {
    let place = Place::new();
    place.users("allow = [\"192.0.2.1\", \"198.51.100.0/24\"]\nsubstitute-path = [\"/x=/y\"]\n[launch-default]\nenv = { A = \"1\" }\n");
    place.projects("substitute-path = [\"/a=/b\", { from = \"/c\", to = \"/d\" }]\n");
    assert_eq!(place.setting("allow", &[]).0, ["192.0.2.1", "198.51.100.0/24"]);
    assert_eq!(place.setting("substitute-path", &[]).0, ["/a=/b", "/c=/d"]);
    assert_eq!(place.setting("launch-default", &[]).0, [r#"env={"A":"1"}"#]);
    let variable = [("DLVGATE_ALLOW", "203.0.113.1,203.0.113.2")];
    assert_eq!(place.setting("allow", &variable).0, ["203.0.113.1", "203.0.113.2"]);
}

#[test]
fn a_relative_path_starts_from_its_file() {
    let place = Place::new();
    place.projects("dlv-cwd = \"cmd\"\n");
    assert_eq!(place.setting("dlv-cwd", &[]).0, [place.path("project/cmd").display().to_string()]);
    place.users("dlv = \"bin/dlv\"\n");
    assert_eq!(
        place.setting("dlv", &[]).0,
        [place.path("home/.config/dlvgate/bin/dlv").display().to_string()]
    );
    place.users("dlv = \"dlv-dap\"\n");
    assert_eq!(place.setting("dlv", &[]).0, ["dlv-dap"], "a name alone is looked up in PATH");
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_the_remedy() {
    let place = Place::new();
    for (text, line, says) in [
        ("\nlisen = \"127.0.0.1:1\"", 2, "did you mean `listen`"),
        ("max_sessions = 2", 1, "did you mean `max-sessions`"),
        ("zzzzzzzz = 2", 1, "dlvgate config"),
        ("max-sessions = 0", 1, "max-sessions"),
        ("max-sessions = [1]", 1, "one value"),
        ("max-sessions = 1.5", 1, "float"),
        ("# a\n\nlisten = 127.0.0.1:1", 3, ""),
        ("firewall = \"iptables\"", 1, "nftables"),
        ("launch-default = [\"mode=exec\"]", 1, "needs quotes"),
        ("launch-default = { at = 2026-11-24 }", 1, "no dates"),
        ("substitute-path = [\"/a\"]", 1, "CLIENT=SERVER"),
        ("substitute-path = [{ from = \"/a\" }]", 1, "to ="),
        ("as-root = true", 1, "no setting"),
    ] {
        let file = place.users(text);
        for words in [&["config"][..], &SERVE] {
            let said = place.refused(words);
            assert!(said.contains(&at(&file, line)) && said.contains(says), "{text:?}: {said}");
        }
    }
}

#[test]
fn project_opens_and_runs_nothing_without_consent() {
    let place = Place::new();
    for text in [
        "allow = [\"0.0.0.0/0\"]",
        "firewall = \"off\"",
        "only-same-user = false",
        "record = \"recordings\"",
        "redact = false",
        "dlv = \"./evil\"",
        "dlv-cwd = \"..\"",
        "listen = \":2345\"",
        "listen = \"192.0.2.1:2345\"",
        "listen = \"dev.example:2345\"",
        "launch-default = { program = \"/bin/sh\" }",
        "launch-override = { stopOnEntry = true, env = { CC = \"./evil\" } }",
        "launch-default = { buildFlags = \"-toolexec=./evil\" }",
    ] {
        let file = place.projects(text);
        let said = place.refused(&SERVE);
        let command = format!("dlvgate trust {}", file.display());
        for part in [at(&file, 1), "your own file".to_owned(), command] {
            assert!(said.contains(&part), "{text}: {said}");
        }
        std::fs::remove_file(&file).unwrap();
        place.users(text);
        assert!(place.run(&["config"]).status.success(), "the user may: {text}");
        std::fs::remove_file(place.path("home/.config/dlvgate/dlvgate.toml")).unwrap();
    }
    place.projects("listen = \"localhost:2345\"");
    assert_eq!(place.setting("listen", &[]).0, ["localhost:2345"]);
}

/// One word that is several values when it is used, in each way that a file has to say it.
#[test]
fn argument_behind_a_delimiter_needs_consent() {
    let place = Place::new();
    for text in [
        r#"launch-override = ["stopOnEntry=false\nprogram=\"/elsewhere\"\nmode=\"exec\""]"#,
        r#"launch-default = "stopOnEntry=false\nprogram=\"/elsewhere\"""#,
        r#"launch-default = { "stopOnEntry=false\nprogram" = "/elsewhere" }"#,
        r#"launch-default = ["buildFlags=\"-race\"\nbuildFlags=\"-toolexec=./evil\""]"#,
    ] {
        let file = place.projects(text);
        let said = place.refused(&SERVE);
        assert!(said.contains("needs your consent") && said.contains(&at(&file, 1)), "{text}: {said}");
        let output = place.command(&["trust"]).stdin(std::process::Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let name = if text.contains("buildFlags") { "buildFlags" } else { "program" };
        assert!(said.contains(&format!("is taken as: {name}=")), "{text}: {said}");
        assert_eq!(output.status.code(), Some(2), "there is no terminal to agree on: {said}");
    }
}

#[test]
fn project_takes_no_place_of_users_arguments() {
    for text in ["launch-override = []", "launch-override = [\"stopOnEntry=false\"]", "[launch-override]"] {
        let place = Place::new();
        place.users("launch-override = [\"program=\\\"/srv/only-this\\\"\"]");
        let file = place.projects(text);
        let said = place.refused(&SERVE);
        assert!(said.contains("needs your consent") && said.contains(&at(&file, 1)), "{text}: {said}");
    }
}

#[test]
fn one_s_own_file_is_one_s_own_in_its_folder_too() {
    let place = Place::new();
    let file = place.users("allow = [\"192.0.2.1\"]");
    let output = place.command(&["config", "--json"]).current_dir(file.parent().unwrap()).output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["settings"]["allow"]["source"], at(&file, 1));
}

#[test]
fn project_may_ask_for_spares() {
    let place = Place::new();
    let project = place.projects("warm = 2\nwarm-idle = 60\n");
    assert_eq!(place.setting("warm", &[]), (vec!["2".to_owned()], at(&project, 1)));
    assert_eq!(place.setting("warm-idle", &[]).0, ["60"]);
    place.projects("warm = 1000\n");
    assert!(place.refused(&["config"]).contains("warm"), "and no more than there may be");
}

#[test]
fn a_project_s_file_that_others_can_write_is_refused() {
    let place = Place::new();
    let file = place.projects("max-sessions = 2");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(place.refused(&["config"]).contains("o-w"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o664)).unwrap();
    assert!(place.run(&["config"]).status.success(), "a umask of 002 is usual");
    if nix::unistd::geteuid().is_root() {
        chown(&file, Some(65_534), None).unwrap();
        assert!(place.refused(&["config"]).contains("user 65534"));
    }
}

/// The group of a root that shares it with others, such as `daemon`.
const SHARED: u32 = 1;

#[test]
fn project_file_of_a_shared_group_is_refused() {
    let place = Place::new();
    if !nix::unistd::geteuid().is_root() {
        println!("not root: a file cannot be given to a group of others");
        return;
    }
    let file = place.projects("max-sessions = 2");
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    chown(&file, None, Some(SHARED)).unwrap();
    assert!(place.run(&["config"]).status.success(), "the group can only read it");
    mode(&file, 0o664);
    let said = place.refused(&["config"]);
    assert!(said.contains("group `") && said.contains(&format!("chmod g-w {}", file.display())), "{said}");
    let trust = place.refused(&["trust", "--yes"]);
    assert!(trust.contains("chmod g-w"), "{trust}");
}

#[test]
fn project_file_in_a_folder_of_others_is_refused() {
    let place = Place::new();
    let file = place.projects("max-sessions = 2");
    let folder = place.path("project");
    let refused = |mode, says: &str| {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
        let said = place.refused(&["config"]);
        let folder = format!("its folder {}", folder.display());
        assert!(said.contains(says) && said.contains(&folder), "{mode:o}: {said}");
        // It may be /tmp, or several people's: the copied command must not take it from them.
        assert!(!said.contains("chmod") && !said.contains("chown"), "{mode:o}: {said}");
    };
    refused(0o777, "everybody can write");
    refused(0o1777, "everybody can write");
    if nix::unistd::geteuid().is_root() {
        chown(&folder, None, Some(SHARED)).unwrap();
        refused(0o775, "can write");
        chown(&folder, Some(65_534), Some(0)).unwrap();
        refused(0o755, "belongs to user 65534");
        chown(&folder, Some(0), Some(0)).unwrap();
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o775)).unwrap();
    assert!(place.run(&["config"]).status.success(), "a umask of 002 is usual");
    // A link leads to a file that others could replace.
    let open = place.path("elsewhere");
    std::fs::rename(&file, open.join("dlvgate.toml")).unwrap();
    std::os::unix::fs::symlink(open.join("dlvgate.toml"), &file).unwrap();
    assert!(place.run(&["config"]).status.success(), "to a file of the user's");
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let said = place.refused(&["config"]);
    assert!(said.contains(&format!("its folder {}", open.display())), "{said}");
}

/// As in /tmp, where every user can put a file above what others do there.
#[test]
fn another_user_s_file_in_an_open_folder_is_skipped() {
    let place = Place::new();
    if !nix::unistd::geteuid().is_root() {
        println!("not root: no file can be another user's");
        return;
    }
    let file = place.projects("max-sessions = 2");
    let mode = |mode| {
        std::fs::set_permissions(place.path("project"), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let passed_over = || {
        for words in [&["config", "--json"][..], &["trust", "--yes"], &["dlv", "dap", "--listen=0.0.0.0:0"]] {
            let said = String::from_utf8(place.run(words).stderr).unwrap();
            let warned = said.matches("belongs to user 65534, and any user").count();
            assert_eq!(warned, 1, "{words:?}: {said}");
        }
        assert_eq!(place.setting("max-sessions", &[]).0, ["8"]);
    };
    mode(0o1777);
    chown(&file, Some(65_534), None).unwrap();
    passed_over();
    // A link of theirs, to a file that is not.
    std::fs::rename(&file, place.path("elsewhere/other.toml")).unwrap();
    chown(place.path("elsewhere/other.toml"), Some(0), None).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere/other.toml"), &file).unwrap();
    std::os::unix::fs::lchown(&file, Some(65_534), None).unwrap();
    passed_over();
    place.write("dlvgate.toml", "max-sessions = 3");
    assert_eq!(place.setting("max-sessions", &[]).0, ["3"], "the next one above counts");
    // A hard link of theirs, to a file of ours that everybody can write.
    std::fs::remove_file(&file).unwrap();
    let ours = place.path("elsewhere/lock");
    std::fs::write(&ours, "max-sessions = 2").unwrap();
    std::fs::set_permissions(&ours, std::fs::Permissions::from_mode(0o666)).unwrap();
    std::fs::hard_link(&ours, &file).unwrap();
    let said = String::from_utf8(place.run(&["config", "--json"]).stderr).unwrap();
    assert!(said.contains("everybody can write it, and any user can put a file there"), "{said}");
    assert_eq!(place.setting("max-sessions", &[]).0, ["3"], "the next one above counts");
    mode(0o777);
    assert!(place.refused(&["config"]).contains("can write"), "there they could replace the user's own");
}

/// posix_acl(5) as the kernel takes it: the owner and user 1 may read and write.
#[cfg(target_os = "linux")]
#[test]
fn project_file_with_an_access_list_is_refused() {
    const LIST: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 1), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 4, u32::MAX)];
    let place = Place::new();
    let file = place.projects("max-sessions = 2");
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in LIST {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if let Err(error) = rustix::fs::setxattr(&file, "system.posix_acl_access", &list, flags) {
        println!("not run: this file system has no access control lists ({error})");
        return;
    }
    let said = place.refused(&["config"]);
    assert!(said.contains("access control list") && said.contains("setfacl -b"), "{said}");
}

#[test]
fn a_file_can_be_named_and_is_the_user_s_then() {
    let place = Place::new();
    let named = place.write("elsewhere/team.toml", "allow = [\"192.0.2.9\"]\n");
    place.projects("nonsense = 1");
    let output = place.run(&["config", "--json", "--config", named.to_str().unwrap()]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["settings"]["allow"]["source"], at(&named, 1));
    let variable = [("DLVGATE_CONFIG", named.to_str().unwrap())];
    assert_eq!(place.setting("allow", &variable).0, ["192.0.2.9"]);
    let missing = place.refused(&["config", "--config", "/nonexistent.toml"]);
    assert!(missing.contains("/nonexistent.toml"), "{missing}");
}

#[test]
fn the_example_names_every_setting_and_is_taken() {
    let place = Place::new();
    let example = String::from_utf8(place.run(&["config", "--example"]).stdout).unwrap();
    let output = place.run(&["config", "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&String> = all["settings"].as_object().unwrap().keys().collect();
    assert!(keys.len() > 10, "{keys:?}");
    let is_setting = |line: &&str| keys.iter().any(|key| line.starts_with(&format!("# {key} = ")));
    let set: Vec<String> = example.lines().filter(is_setting).map(|line| line[2..].to_owned()).collect();
    assert_eq!(set.len(), keys.len(), "{example}");
    place.users(&set.join("\n"));
    let taken = place.run(&["config"]);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
}

#[test]
fn the_documented_file_is_taken() {
    let place = Place::new();
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md")).unwrap();
    let (_, from) = page.split_once("```toml\n").unwrap();
    place.projects(from.split_once("```").unwrap().0);
    assert_eq!(place.setting("substitute-path", &[]).0.len(), 2);
    let output = place.run(&["config", "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    for key in all["settings"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("| `{key}`")), "docs/configuration.md does not have {key}");
    }
}

#[test]
fn only_two_flags_contradict_each_other() {
    let place = Place::new();
    place.users("start-timeout = 5\n");
    let start = ["serve", "--upstream", "nonsense.invalid:1", "--firewall", "off", "--listen", "127.0.0.1:0"];
    let output =
        place.command(&start).env("DLVGATE_DLV", "/x/dlv").env("DLVGATE_DLV_PORT", "4000").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nonsense.invalid"), "it gets as far as that: {said}");
    for flags in [["--dlv", "/x/dlv"], ["--dlv-port", "4000"], ["--start-timeout", "3"], ["--dlv-cwd", "/"]] {
        let said = place.refused(&[&start[..], &flags[..]].concat());
        assert!(said.contains(flags[0]) && said.contains("--upstream"), "{said}");
    }
}

#[test]
fn other_commands_do_not_mind_a_broken_file() {
    let place = Place::new();
    place.users("nonsense = 1");
    assert!(place.run(&["completions", "bash"]).status.success());
    assert!(place.run(&["--version"]).status.success());
}
