//! Marked lines in pf.conf: checked, backed up, loaded and verified, or put back.

use serde_json::json;

use super::trial::{STOCK, Trial, WITHOUT_ANCHOR};

const INSTALL: [&str; 4] = ["install", "--user", "alice", "--pf-conf"];
const ANCHOR: &str = "anchor \"com.apple/*\" all";

fn lost() -> Trial {
    let trial = Trial::new("macos").with_pf();
    trial.put("/etc/pf.conf", WITHOUT_ANCHOR);
    trial.pfctl(&["-f", trial.at("/etc/pf.conf").to_str().unwrap()]);
    assert!(!trial.pfctl(&["-s", "rules"]).contains(ANCHOR));
    trial
}

#[test]
fn the_stock_file_stays_as_it_is() {
    let trial = Trial::new("macos").with_pf();
    let before = trial.get("/etc/pf.conf");
    let text = trial.firewall(&INSTALL).ok();
    assert!(text.contains("already"), "{text}");
    assert_eq!(trial.get("/etc/pf.conf"), before);
}

#[test]
fn lost_anchor_is_restored_and_removed_again() {
    let trial = lost();
    let before = trial.everything();
    let text = trial.firewall(&INSTALL).ok();
    assert!(text.contains("sha256") && text.contains("pf.conf.dlvgate-backup"), "{text}");
    assert_eq!(trial.get("/etc/pf.conf.dlvgate-backup"), WITHOUT_ANCHOR);
    let rules = trial.pfctl(&["-s", "rules"]);
    let (anchor, block) = (rules.find(&format!("\n{ANCHOR}")).unwrap(), rules.find("block").unwrap());
    assert!(rules.starts_with("scrub-anchor \"com.apple/*\" all") && anchor < block, "{rules}");
    trial.firewall(&["uninstall"]).ok();
    assert!(trial.everything() == before);
    assert!(!trial.pfctl(&["-s", "rules"]).contains(ANCHOR), "it is unloaded too");
}

#[test]
fn a_load_that_fails_puts_everything_back() {
    for fault in [
        // Neither the check, nor the load of what it was.
        json!({"match": ["-f"], "unless": ["-n"], "times": 1, "action": "fail", "text": "pfctl: DIOCXCOMMIT: Device busy"}),
        // pfctl says that all is well, and loads nothing.
        json!({"match": ["-f"], "unless": ["-n"], "times": 1, "action": "lie"}),
        json!({"match": ["-n", "-f"], "action": "fail", "text": "stdin:1: syntax error"}),
    ] {
        let trial = lost();
        let (before, rules) = (trial.everything(), trial.pfctl(&["-s", "rules"]));
        trial.fault(&fault);
        let text = trial.firewall(&INSTALL).refused();
        assert!(trial.everything() == before, "{fault}: {text}");
        assert_eq!(trial.pfctl(&["-s", "rules"]), rules, "{fault}");
    }
}

#[test]
fn changed_file_loses_only_our_lines_by_force() {
    let trial = lost();
    trial.firewall(&INSTALL).ok();
    let edited = format!("{}pass in proto tcp to any port 80\n", trial.get("/etc/pf.conf"));
    trial.put("/etc/pf.conf", &edited);
    let text = trial.firewall(&["uninstall"]).refused();
    assert!(text.contains("/etc/pf.conf") && text.contains("--force"), "{text}");
    assert_eq!(trial.get("/etc/pf.conf"), edited);
    trial.firewall(&["uninstall", "--force"]).ok();
    assert_eq!(trial.get("/etc/pf.conf"), format!("{WITHOUT_ANCHOR}pass in proto tcp to any port 80\n"));
}

#[test]
fn system_update_does_not_block_uninstall() {
    let trial = lost();
    trial.firewall(&INSTALL).ok();
    trial.put("/etc/pf.conf", STOCK);
    let text = trial.firewall(&["uninstall"]).ok();
    assert!(text.contains("no lines of ours"), "{text}");
    assert_eq!(trial.get("/etc/pf.conf"), STOCK);
    assert!(!trial.at("/etc/sudoers.d/dlvgate").exists());
}

#[test]
fn on_linux_there_is_no_pf_conf() {
    let text = Trial::new("linux").firewall(&INSTALL).refused();
    assert!(text.contains("macOS"), "{text}");
}
