//! Every place in the sources whose words tell a reader to run what could do harm, each with the
//! reason why it does none there. A new one fails here until its reader has been thought of.

use std::fs;
use std::path::{Path, PathBuf};

use dlvgate_test_support::paths::repository;

/// Words of commands that could do harm.
const RISKY: [&str; 17] = [
    "kill {",
    "kill -",
    "chown",
    "chmod",
    "0.0.0.0/0",
    "::/0",
    "-F rules",
    "delete table",
    "}rm ",
    "rm --",
    "rm -",
    "pfctl -f",
    "flush ruleset",
    "--firewall off",
    "setblockall",
    "--force",
    "seccomp=",
];

/// File, what it says, and why it may.
const MAY: [(&str, &str, &str); 19] = [
    ("cli/firewall/status.rs", "-F rules", "of a gate that no journal names"),
    ("cli/firewall/status.rs", "delete table", "of a gate that no journal names"),
    ("cli/output.rs", "--force", "a file that the user has named"),
    ("cli/common_args.rs", "--firewall off", "where there is no packet filter that we may use"),
    ("config/others.rs", "chmod", "the one file that is read; never a folder"),
    ("doctor/checks/delve/installed.rs", "chmod", "+x, for a file named dlv in PATH"),
    ("doctor/checks/network/leftovers.rs", "-F rules", "of a guard that is gone, with nothing at its port"),
    (
        "doctor/checks/network/leftovers.rs",
        "delete table",
        "of a guard that is gone, with nothing at its port",
    ),
    ("doctor/checks/network/leftovers.rs", "kill {", "a program that dlv has built, whose dlv is gone"),
    ("doctor/checks/network/leftovers.rs", "}rm ", "a journal whose guard is gone"),
    ("doctor/checks/network/leftovers.rs", "rm --", "what dlv has built, by its name, and does not run"),
    (
        "doctor/checks/network/listener.rs",
        "kill {",
        "a dlv or dlvgate of the user's own, which is started again",
    ),
    ("doctor/checks/permissions/debugging.rs", "--force", "signs dlv itself again"),
    ("doctor/checks/permissions/folders.rs", "chown", "what root has left in the user's own home"),
    ("doctor/checks/permissions/guard.rs", "}rm ", "dlvgate's own helper, which is installed again"),
    ("firewall/pf/error.rs", "-F rules", "our own anchor"),
    ("firewall/guard/acl.rs", "chown", "a right in macOS's access control lists, which is looked for"),
    ("firewall/nftables/verify.rs", "delete table", "a table of dlvgate's"),
    ("firewall/watch/nftables.rs", "delete table", "the watch's own table"),
];

/// Files that `firewall install`, `uninstall` and `rollback` show before they touch them; each says
/// to look first.
const SHOWN_FIRST: &str = "firewall/persist/";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines of texts, without comments and tests.
fn risky_lines() -> Vec<(String, String)> {
    let root = repository().join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        if name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap();
        let code = code.split("\n#[cfg(test)]\npub(").next().unwrap();
        let lines = code.lines().map(str::trim).filter(|line| !line.starts_with("//"));
        let risky = lines.filter(|line| RISKY.iter().any(|words| line.contains(words)));
        found.extend(risky.map(|line| (name.clone(), line.to_owned())));
    }
    found
}

#[test]
fn risky_words_are_where_they_do_no_harm() {
    let may = |file: &str, line: &str| {
        let is_known = MAY.iter().any(|(name, words, _)| file == *name && line.contains(words));
        is_known || file.starts_with(SHOWN_FIRST)
    };
    let found = risky_lines();
    assert!(found.len() > 10, "{found:#?}");
    let wrong: Vec<_> = found.iter().filter(|(file, line)| !may(file, line)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
