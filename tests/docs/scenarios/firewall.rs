//! The gate: by hand, looked at, and removed.

use std::time::Duration;

use dlvgate_test_support::poll;
use serde_json::Value;

use crate::pages::Block;
use crate::play;
use crate::running::Running;
use crate::stage::Stage;

/// A host that lets nothing in but its own.
const HOST: &str = "table ip filter {
    chain INPUT {
        type filter hook input priority filter; policy drop;
        iif \"lo\" accept
    }
}";

const EXPLAIN: &str = "dlvgate firewall explain --port 2345 --from";

/// What the packet filter says of a client from this address.
fn decides(stage: &Stage, from: &str) -> String {
    stage.run(&format!("{EXPLAIN} {from}")).lines().next().expect("an answer").to_owned()
}

/// Port 2345 is open for 192.0.2.5.
fn opened(stage: &Stage) -> Running {
    stage.namespace.nft(HOST);
    let holder = stage.start("dlvgate firewall open --port 2345 --from 192.0.2.5 --hold");
    holder.says("open: port 2345");
    holder
}

/// One user may start the guard without a password, and `--dry-run` only says so.
pub fn install(stage: &Stage, block: &Block) {
    for command in block.commands() {
        let code = play::one(stage, &command);
        assert!(code.contains("nobody"), "{code}");
        assert!(stage.run("cat /etc/sudoers.d/dlvgate").contains("nobody ALL=(root) NOPASSWD: "));
        let dry = command.split(" #").next().expect("a command").trim_end().to_owned() + " --dry-run";
        stage.run(&dry);
    }
}

/// In pf: the peer passes, others do not; afterwards the port and pf are as they were.
pub fn by_hand_in_pf(stage: &Stage, block: &Block) {
    stage.pf();
    let info = || stage.run("pfctl -s info 2>&1");
    let passes = |from: &str, pieces: &str| {
        let packet =
            format!("pfctl --standin evaluate in en0 tcp {from} 50000 192.0.2.1 2345 {pieces} --dry");
        let answer: Value = serde_json::from_str(&stage.run(&packet)).expect("JSON");
        answer["decision"] == "pass"
    };
    let commands = block.commands();
    let [open, enable, afterwards] = &commands[..] else { panic!("three commands: {commands:?}") };
    stage.run(open);
    let token = stage.run(&format!("{{ {}; }} 2>&1", enable.split(" #").next().expect("a command")));
    let token =
        token.split("Token : ").nth(1).unwrap_or_else(|| panic!("no token: {token}")).trim().to_owned();
    assert!(info().contains("Status: Enabled"));
    for pieces in ["", "--fragments"] {
        assert!(passes("192.0.2.5", pieces) && !passes("192.0.2.6", pieces), "{pieces}");
    }
    stage.run(&afterwards.replace("TOKEN", &token));
    assert!(info().contains("Status: Disabled"));
    assert_eq!(stage.run("pfctl -a com.apple/010.by-hand -s rules 2>/dev/null"), "");
}

/// In nftables, on a host that drops everything.
pub fn by_hand_in_nftables(stage: &Stage, block: &Block) {
    stage.namespace.nft(&HOST.replace("iif \"lo\" accept", ""));
    let before = stage.namespace.ruleset();
    let commands = block.commands();
    let [close, open, afterwards] = &commands[..] else { panic!("three commands: {commands:?}") };
    stage.run(close);
    assert!(decides(stage, "192.0.2.5").starts_with("is blocked"));
    let said = stage.run(open);
    let handle =
        said.split("# handle ").nth(1).unwrap_or_else(|| panic!("no handle: {said}")).trim().to_owned();
    assert!(decides(stage, "192.0.2.5").starts_with("passes"), "{}", decides(stage, "192.0.2.5"));
    assert!(decides(stage, "192.0.2.6").starts_with("is blocked"));
    stage.run(&afterwards.replace(" N'", &format!(" {handle}'")));
    assert_eq!(stage.namespace.ruleset(), before);
}

/// Checks that open ports are listed, and refusals told.
pub fn audit(stage: &Stage, block: &Block) {
    let _gate = opened(stage);
    for command in block.commands() {
        if command.contains("firewall watch") {
            let watch = stage.start(&command);
            // It may not see what comes before it is there.
            poll(Duration::from_secs(20), || {
                assert!(stage.try_connect(Some("192.0.2.6"), 2345).is_err());
                watch.stdout.text().contains("192.0.2.6:").then_some(())
            });
            let ended = watch.stop();
            assert!(ended.stdout.contains("was refused at port 2345"), "{ended:?}");
            assert_eq!(ended.code, Some(0), "{ended:?}");
            continue;
        }
        let said = play::one(stage, &command);
        if command.contains("explain") {
            assert!(said.starts_with("is blocked: a TCP SYN from 192.0.2.6 to port 2345"), "{said}");
        } else {
            assert!(said.contains("2345") && said.contains("192.0.2.5"), "{said}");
        }
        if command.contains("--json") {
            let _: Value = serde_json::from_str(&said).expect("JSON");
        }
    }
}

/// The anchor that the page takes for its example, with pf enabled; gives the token.
fn gate_in_pf(stage: &Stage) -> String {
    stage.pf();
    stage.run(
        "printf '%s\\n' 'table <peers> persist { 127.0.0.1 }' \
         'block return in log quick proto tcp from any to any port 40001 label \"dlvgate:4711:40001:deny\"' \
         | pfctl -a com.apple/010.dlvgate.000 -f -",
    );
    let said = stage.run("pfctl -E 2>&1");
    said.split("Token : ").nth(1).expect("a token").trim().to_owned()
}

/// The same is seen without dlvgate.
pub fn audit_without_dlvgate(stage: &Stage, block: &Block) {
    let _gate = opened(stage);
    let token = gate_in_pf(stage);
    for command in block.commands() {
        let said = play::one(stage, &command);
        let wanted = match () {
            () if command.contains("Anchors") => "com.apple/010.dlvgate.000",
            () if command.contains("-s rules") => "block return in log quick",
            () if command.contains("References") => &token,
            () if command.contains("nft ") => "# handle ",
            () => "192.0.2.5",
        };
        assert!(said.contains(wanted), "{command}\n{said}");
    }
}

/// Of a gate whose guard was killed, and of an installed helper, nothing is left.
pub fn remove(stage: &Stage, block: &Block) {
    stage.run("sudo dlvgate firewall install");
    let gate = opened(stage);
    let untouched = stage.namespace.ruleset();
    gate.kill();
    assert_eq!(stage.namespace.ruleset(), untouched, "a killed guard leaves its rules");
    let said = play::as_printed(stage, block);
    assert!(said[0].contains("2345"), "{}", said[0]);
    assert!(!stage.namespace.ruleset().contains("dlvgate"), "{}", stage.namespace.ruleset());
    assert_eq!(stage.run("ls -A /etc/sudoers.d /usr/local/libexec /run/dlvgate | grep dlvgate- || true"), "");
}

/// The same by hand.
pub fn remove_by_hand(stage: &Stage, block: &Block) {
    stage.namespace.nft(HOST);
    let before = stage.namespace.ruleset();
    let token = gate_in_pf(stage);
    stage.namespace.nft("table inet dlvgate_4711_40001 {\n}");
    let said = stage
        .run("nft -e -a insert rule ip filter INPUT tcp dport 40001 accept comment '\"dlvgate:4711:40001\"'");
    let handle = said.split("# handle ").nth(1).expect("a handle").trim().to_owned();
    stage.run("mkdir /run/dlvgate && touch /run/dlvgate/4711.json");
    for command in block.commands() {
        play::one(stage, &command.replace("TOKEN", &token).replace("handle 17", &format!("handle {handle}")));
    }
    assert_eq!(stage.namespace.ruleset(), before);
    assert_eq!(stage.run("pfctl -a com.apple/010.dlvgate.000 -s rules 2>/dev/null"), "");
    assert!(stage.run("pfctl -s info 2>&1").contains("Status: Disabled"));
    assert_eq!(stage.run("ls -d /run/dlvgate 2>/dev/null || true"), "");
}
