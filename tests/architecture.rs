//! The parts of dlvgate use each other downwards only, and files do not use each other in circles.
//!
//! The test reads the `use` lines and the paths in the code of every file of the program, without
//! the code that only tests and fuzz targets compile. A file that names a re-export
//! uses the file that declares the name. A method that is called names no file, so calls are not
//! seen.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use tree::{Root, Tree};
use uses::{Uses, cycles};

#[path = "architecture/tokens.rs"]
mod tokens;
#[path = "architecture/tree.rs"]
mod tree;
#[path = "architecture/uses.rs"]
mod uses;

const CRATES: [Root; 4] = [
    Root { name: "dlvgate", file: "src/lib.rs" },
    Root { name: "main", file: "src/main.rs" },
    Root { name: "dlvgate_protocol", file: "protocol/src/lib.rs" },
    Root { name: "dlvgate_recording", file: "recording/src/lib.rs" },
];

/// The parts, and which others each may use. All may use the helpers.
const PARTS: [(&str, &[&str]); 12] = [
    ("main", &["cli"]),
    (
        "cli",
        &["config", "control", "delve", "doctor", "firewall", "front", "protocol", "recording", "session"],
    ),
    ("control", &["session"]),
    ("doctor", &["delve", "firewall", "protocol"]),
    ("front", &["firewall", "session"]),
    ("session", &["delve", "firewall", "protocol", "recording"]),
    ("recording", &["protocol"]),
    ("config", &[]),
    ("delve", &[]),
    ("firewall", &[]),
    ("protocol", &[]),
    ("lib", &[]),
];

/// The part of the helper `escape` that a library has, because it needs it too.
const ESCAPE: &str = "recording/src/escape.rs";

/// What every part may use, and what uses no part.
const HELPERS: [&str; 13] = [
    "escape",
    "failpoint",
    "parent_death",
    "privilege",
    "process_stat",
    "rlimit",
    "sha256",
    "shell",
    "shutdown",
    "sockets",
    "stdio",
    "users",
    "variables",
];

fn product() -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tree = Tree::read(&CRATES, &|file| std::fs::read_to_string(root.join(file)).ok());
    assert!(tree.modules.len() > 300, "only {} modules were read", tree.modules.len());
    tree
}

/// `session` of `src/session/mod.rs`, `recording` of a crate of its own.
fn part(file: &str) -> &str {
    let mut names = file.split('/');
    match names.next() {
        Some("src") => names.next().unwrap_or_default().trim_end_matches(".rs"),
        Some("recording") if file == ESCAPE => "escape",
        other => other.unwrap_or_default(),
    }
}

/// The uses that do not lead downwards.
fn upwards(uses: &Uses) -> Vec<String> {
    let may_use = |from: &str, to: &str| {
        let allowed = PARTS.iter().find(|(name, _)| *name == from).map(|(_, allowed)| *allowed);
        from == to
            || match allowed {
                Some(allowed) => allowed.contains(&to) || HELPERS.contains(&to),
                None => HELPERS.contains(&from) && HELPERS.contains(&to),
            }
    };
    let all = uses.iter().flat_map(|(from, used)| used.iter().map(move |to| (from, to)));
    all.filter(|(from, to)| !may_use(part(from), part(to)))
        .map(|(from, to)| format!("{from} → {to}"))
        .collect()
}

#[test]
fn files_use_each_other_in_no_circle() {
    let found = cycles(&product().uses());
    assert!(found.is_empty(), "{} cycles:\n{}", found.len(), found.join("\n"));
}

#[test]
fn parts_use_only_those_below() {
    let found = upwards(&product().uses());
    assert!(found.is_empty(), "{} uses lead upwards:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_part_has_its_layer() {
    let known: BTreeSet<&str> = PARTS.iter().map(|(name, _)| *name).chain(HELPERS).collect();
    let uses = product().uses();
    let unknown: Vec<&String> = uses.keys().filter(|file| !known.contains(part(file))).collect();
    assert!(unknown.is_empty(), "PARTS or HELPERS has to say what these may use: {unknown:?}");
}

#[test]
fn command_line_parser_is_known_to_cli_alone() {
    let tree = product();
    let names_clap = |path: &[String]| path.first().is_some_and(|head| head.starts_with("clap"));
    let found = tree.modules.iter().filter(|module| {
        let imports = module.imports.iter().map(|import| &import.path);
        part(&module.file) != "cli" && imports.chain(&module.paths).any(|path| names_clap(path))
    });
    let files: Vec<&String> = found.map(|module| &module.file).collect();
    assert!(files.is_empty(), "{files:?}");
}

/// The uses in a program of these files.
fn planted(files: &[(&str, &str)]) -> Uses {
    let read = |file: &str| files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned());
    Tree::read(&CRATES, &read).uses()
}

#[test]
fn planted_import_upwards_is_found() {
    for text in [
        "use crate::session::Session;",
        "pub fn end(_: &crate::session::Session) {}",
        "use crate::{\n    shell, // the shell\n    session::{self, Session as S},\n};",
        "use crate::session;\npub fn end(_: session::Session) {}",
        "pub use crate::session::*;",
    ] {
        let uses = planted(&[
            ("src/lib.rs", "mod delve; mod session; mod shell;"),
            ("src/delve.rs", text),
            ("src/session/mod.rs", "mod run; pub use run::Session;"),
            ("src/session/run.rs", "pub struct Session;"),
            ("src/shell.rs", ""),
        ]);
        let found = upwards(&uses);
        assert!(
            found.iter().all(|use_| use_.starts_with("src/delve.rs → src/session/")),
            "{text}: {found:?}"
        );
        assert_eq!(found.len(), 1, "{text}");
    }
}

#[test]
fn import_of_a_crate_upwards_is_found() {
    let uses = planted(&[
        ("src/lib.rs", "mod recording;"),
        ("src/recording.rs", "use dlvgate_protocol::scan::Scanner;"),
        ("protocol/src/lib.rs", "pub mod scan;"),
        ("protocol/src/scan.rs", "pub struct Scanner; use dlvgate::recording::Reader;"),
    ]);
    assert_eq!(uses["src/recording.rs"], BTreeSet::from(["protocol/src/scan.rs".to_owned()]));
    let uses = planted(&[
        ("src/lib.rs", "pub mod recording;"),
        ("src/recording.rs", "pub struct Reader;"),
        ("protocol/src/lib.rs", "use dlvgate::recording::Reader;"),
    ]);
    assert_eq!(upwards(&uses), ["protocol/src/lib.rs → src/recording.rs"]);
}

#[test]
fn planted_cycle_is_found_as_a_path() {
    let uses = planted(&[
        ("src/lib.rs", "mod delve;"),
        ("src/delve/mod.rs", "mod launch; mod process; mod stop; pub use launch::Launcher;"),
        ("src/delve/launch.rs", "use super::process::Delve;\npub struct Launcher;"),
        ("src/delve/process.rs", "pub struct Delve;\nimpl Delve { fn end(&self) { super::stop::kill() } }"),
        ("src/delve/stop.rs", "use super::Launcher;\npub fn kill() {}"),
    ]);
    let cycle = "src/delve/launch.rs → src/delve/process.rs → src/delve/stop.rs → src/delve/launch.rs";
    assert_eq!(cycles(&uses), [cycle]);
}

#[test]
fn parent_that_uses_what_it_passes_on_is_in_the_cycle() {
    let files = |parent| {
        planted(&[
            ("src/lib.rs", "mod config;"),
            ("src/config/mod.rs", parent),
            ("src/config/search.rs", "use super::NAME;\npub struct Found;"),
        ])
    };
    assert!(cycles(&files("mod search; pub use search::Found; pub const NAME: &str = \"\";")).is_empty());
    let uses = files("mod search; pub use search::Found; pub const NAME: &str = \"\"; fn f(_: Found) {}");
    assert_eq!(cycles(&uses), ["src/config/mod.rs → src/config/search.rs → src/config/mod.rs"]);
}

#[test]
fn comments_strings_and_tests_are_no_uses() {
    let uses = planted(&[
        ("src/lib.rs", "mod delve; mod session;"),
        (
            "src/delve.rs",
            r##"
            //! See [`crate::session::run`].
            /* crate::session::run /* nested */ crate::session::run */
            const TEXT: &str = "crate::session::run \" crate::session::run";
            const RAW: &str = r#"" crate::session::run"#;
            const QUOTE: char = '"';
            fn lifetime<'a>(text: &'a str) -> &'a str { text }
            pub(in crate::session) struct Hidden;
            #[cfg(test)]
            mod tests { use crate::session::run; }
            #[cfg(all(test, target_os = "linux"))]
            use crate::session::run;
            #[cfg(not(any(fuzzing, not(test))))]
            fn f() { crate::session::run() }
            "##,
        ),
        ("src/session.rs", "pub fn run() {}"),
    ]);
    assert!(uses["src/delve.rs"].is_empty(), "{uses:?}");
    let on_linux = "#[cfg(any(test, target_os = \"linux\"))]\nuse crate::session::run;";
    let uses = planted(&[
        ("src/lib.rs", "mod delve; mod session;"),
        ("src/delve.rs", on_linux),
        ("src/session.rs", "pub fn run() {}"),
    ]);
    assert_eq!(upwards(&uses), ["src/delve.rs → src/session.rs"]);
}
