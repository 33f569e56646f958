//! Which scenario runs which block. A block is named by its page and by words that no other ```sh
//! block of that page has.

use crate::pages::{self, Block, Page};
use crate::scenarios::{configuration, doctor, firewall, goland, packages, recordings, run};
use crate::stage::Stage;

/// What runs a block, and looks at what came of it.
pub type Scenario = fn(&Stage, &Block);

/// One line of the table.
struct Claim {
    name: &'static str,
    page: &'static str,
    words: &'static str,
}

/// Makes each line a test, and of all lines the table.
macro_rules! claims {
    ($($name:ident: $page:literal, $words:literal => $scenario:path;)+) => {
        const CLAIMS: &[Claim] =
            &[$(Claim { name: stringify!($name), page: $page, words: $words }),+];
        $(#[test]
        fn $name() {
            check($page, $words, $scenario);
        })+
    };
}

claims! {
    readme_start: "README.md", "make demo" => run;
    readme_stranger: "README.md", "tar -xzf" => packages::unpacked;
    readme_serve: "README.md", "serve --listen 127.0.0.1:2345\n" => run;
    readme_command: "README.md", "-- exec ./bin/server --accept-multiclient -- --config" => run;
    readme_link: "README.md", "~/dlvgate/dlv exec --headless" => run;
    readme_recordings: "README.md", "replay --as client" => recordings::from_end_to_end;
    readme_install: "README.md", "firewall install" => firewall::install;
    clients_link: "docs/clients.md", "~/dlvgate/dlv version" => goland::link;
    configuration_commands: "docs/configuration.md", "dlvgate config --example" => configuration::commands;
    configuration_trust: "docs/configuration.md", "dlvgate trust --list" => configuration::trust;
    doctor_commands: "docs/doctor.md", "dlvgate doctor --fix" => doctor::healthy;
    firewall_by_hand_in_pf: "docs/firewall.md", "010.by-hand" => firewall::by_hand_in_pf;
    firewall_by_hand_in_nftables: "docs/firewall.md", "by_hand" => firewall::by_hand_in_nftables;
    firewall_audit: "docs/firewall.md", "firewall status --json" => firewall::audit;
    firewall_audit_without: "docs/firewall.md", "pfctl -s References" => firewall::audit_without_dlvgate;
    firewall_remove: "docs/firewall.md", "firewall uninstall" => firewall::remove;
    firewall_remove_by_hand: "docs/firewall.md", "rm -r /run/dlvgate" => firewall::remove_by_hand;
    goland_remote: "docs/goland.md", "go build -gcflags" => run;
    goland_another_machine: "docs/goland.md", "--allow 192.0.2.5 -- exec" => run;
    goland_ssh: "docs/goland.md", "ssh -L" => run;
    goland_folders: "docs/goland.md", "--substitute-path" => run;
    goland_dialog: "docs/goland.md", "dlvgate dlv debug" => run;
    goland_link: "docs/goland.md", "~/dlvgate/dlv version" => goland::link;
    goland_find: "docs/goland.md", "find /Applications" => goland::find;
    packages_install: "docs/packages.md", "sha256sum" => packages::unpacked;
    packages_make: "docs/packages.md", "make packages" => run;
    recordings_record: "docs/recordings.md", "DLVGATE_RECORD" => recordings::record_each;
    recordings_show: "docs/recordings.md", "show --grep" => recordings::show;
    recordings_redact: "docs/recordings.md", "show --redact" => recordings::redact;
    recordings_as_dlv: "docs/recordings.md", "replay --as dlv" => recordings::as_dlv;
    recordings_as_client: "docs/recordings.md", "replay --as client" => recordings::as_client;
    recordings_example: "docs/recordings.md", "cargo run -p dlvgate-recording" => recordings::example;
    troubleshooting_port: "docs/troubleshooting.md", "doctor --port 2345 --from" => doctor::healthy;
    troubleshooting_reach: "docs/troubleshooting.md", "doctor --probe" => doctor::healthy;
    troubleshooting_last: "docs/troubleshooting.md", "--record recordings" => run;
    format_jq: "docs/recording-format.md", "jq -c" => recordings::jq;
}

/// Blocks that nothing here can run: page, words, why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("docs/goland.md", "socketfilterfw --getglobalstate", "macOS has this program, Linux has not"),
    ("docs/packages.md", "xattr -d", "macOS has this program, Linux has not"),
    ("docs/packages.md", "launchctl bootstrap", "macOS has this program, Linux has not"),
    (
        "docs/packages.md",
        "systemctl --user",
        "a test has no systemd of its own; tests/cli/packages passes the socket",
    ),
    (
        "docs/packages.md",
        "sudo apt install",
        "`make check-packages` does, with the package, in a fresh Debian",
    ),
];

fn has(block: &Block, page: &str, words: &str) -> bool {
    // A line's end may be what tells two blocks apart.
    block.page == page && block.language == "sh" && block.text.contains(words)
}

fn check(page: &str, words: &str, scenario: Scenario) {
    let pages = pages::all();
    let blocks: Vec<&Block> = blocks(&pages).filter(|block| has(block, page, words)).collect();
    let [block] = blocks[..] else {
        panic!(
            "{page} must have one ```sh block with {words:?}, and has {}: fix the line of tests/docs/claims.rs, or \
             remove it with its block",
            blocks.len()
        );
    };
    if let Some(stage) = Stage::new() {
        scenario(&stage, block);
    }
}

fn blocks(pages: &[Page]) -> impl Iterator<Item = &Block> {
    pages.iter().flat_map(|page| &page.blocks)
}

#[test]
fn each_block_has_a_scenario_or_a_reason() {
    let pages = pages::all();
    let mut wrong = Vec::new();
    for block in blocks(&pages).filter(|block| block.language == "sh") {
        let claims =
            CLAIMS.iter().filter(|claim| has(block, claim.page, claim.words)).map(|claim| claim.name);
        let reasons = NOT_RUN.iter().filter(|(page, words, _)| has(block, page, words)).map(|(.., why)| *why);
        let all: Vec<&str> = claims.chain(reasons).collect();
        if all.len() != 1 {
            wrong.push(format!("{} is claimed by {all:?}:\n{}", block.place(), block.text));
        }
    }
    for (page, words, _) in NOT_RUN {
        let found = blocks(&pages).filter(|block| has(block, page, words)).count();
        if found != 1 {
            wrong.push(format!("NOT_RUN: {page} has {found} ```sh blocks with {words:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "each ```sh block needs one line in tests/docs/claims.rs: in `claims!`, with `run` where it is enough that each \
         command does what its kind does, or in NOT_RUN with the reason\n\n{}",
        wrong.join("\n")
    );
}
