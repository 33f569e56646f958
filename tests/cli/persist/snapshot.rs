//! Snapshots: files are restored, other programs' changes are not lost, and corrupt snapshots are
//! not used.

use std::fs;

use super::trial::{STOCK, Trial, WITHOUT_ANCHOR};

fn snapshot(trial: &Trial) -> String {
    let folder = trial.beside("snapshot").to_str().unwrap().to_owned();
    let text = trial.firewall(&["snapshot", &folder]).ok();
    assert!(text.contains("sha256"), "{text}");
    folder
}

#[test]
fn what_dlvgate_did_since_is_rolled_back() {
    for layout in ["macos", "linux"] {
        let trial = Trial::new(layout);
        trial.put("/etc/pf.anchors/com.apple", "anchor \"200.AirDrop/*\"\n");
        let folder = snapshot(&trial);
        let files = |trial: &Trial| {
            let all = trial.everything();
            all.into_iter().filter(|(_, file)| file.is_some()).collect::<Vec<_>>()
        };
        let before = files(&trial);
        trial.firewall(&["install", "--user", "alice"]).ok();
        let diff = trial.firewall(&["rollback", &folder, "--dry-run"]).ok();
        assert!(diff.contains("-alice ALL="), "{diff}");
        trial.firewall(&["rollback", &folder]).ok();
        let left: Vec<_> = files(&trial).into_iter().filter(|one| !before.contains(one)).collect();
        let names: Vec<_> = left.iter().map(|(path, _)| path.file_name().unwrap()).collect();
        assert_eq!(names, ["dlvgate-guard"], "the helper is a program, and in no snapshot");
    }
}

#[test]
fn pf_loads_again_what_it_had() {
    let trial = Trial::new("macos").with_pf();
    let conf = trial.at("/etc/pf.conf");
    trial.pfctl(&["-f", conf.to_str().unwrap()]);
    let (folder, rules) = (snapshot(&trial), trial.pfctl(&["-s", "rules"]));
    trial.put("/etc/pf.conf", WITHOUT_ANCHOR);
    trial.pfctl(&["-f", conf.to_str().unwrap()]);
    let text = trial.firewall(&["rollback", &folder]).refused();
    assert!(text.contains("/etc/pf.conf") && text.contains("not by dlvgate"), "{text}");
    assert_eq!(trial.get("/etc/pf.conf"), WITHOUT_ANCHOR);
    trial.firewall(&["rollback", &folder, "--force"]).ok();
    assert_eq!(trial.get("/etc/pf.conf"), STOCK);
    assert_eq!(trial.pfctl(&["-s", "rules"]), rules);
    assert!(trial.firewall(&["rollback", &folder]).ok().contains("nothing to do"));
}

#[test]
fn differing_rules_are_reloaded_only_by_force() {
    let trial = Trial::new("macos").with_pf();
    trial.pfctl(&["-f", trial.at("/etc/pf.conf").to_str().unwrap()]);
    let (folder, rules) = (snapshot(&trial), trial.pfctl(&["-s", "rules"]));
    let other = trial.beside("other.conf");
    fs::write(&other, WITHOUT_ANCHOR).unwrap();
    trial.pfctl(&["-f", other.to_str().unwrap()]);
    let text = trial.firewall(&["rollback", &folder]).refused();
    assert!(text.contains("ruleset of pf"), "{text}");
    trial.firewall(&["rollback", &folder, "--force"]).ok();
    assert_eq!(trial.pfctl(&["-s", "rules"]), rules);
}

#[test]
fn dry_run_shows_what_others_changed_since() {
    let trial = Trial::new("macos").with_pf();
    let conf = trial.at("/etc/pf.conf");
    trial.pfctl(&["-f", conf.to_str().unwrap()]);
    let folder = snapshot(&trial);
    let other = trial.beside("other.conf");
    fs::write(&other, WITHOUT_ANCHOR).unwrap();
    trial.pfctl(&["-f", other.to_str().unwrap()]);
    let (rules, before) = (trial.pfctl(&["-s", "rules"]), trial.everything());
    let text = trial.firewall(&["rollback", &folder, "--dry-run"]).ok();
    assert!(text.contains("\n+anchor \"com.apple/*\" all"), "the loaded rules: {text}");
    assert!(text.contains("the ruleset of pf was changed since the snapshot: it takes --force"), "{text}");
    trial.put("/etc/pf.conf", WITHOUT_ANCHOR);
    let text = trial.firewall(&["rollback", &folder, "--dry-run"]).ok();
    assert!(text.contains("\n+anchor \"com.apple/*\"\n"), "the file: {text}");
    assert!(text.contains("not by dlvgate: it takes --force"), "{text}");
    trial.put("/etc/pf.conf", STOCK);
    assert!(trial.everything() == before && trial.pfctl(&["-s", "rules"]) == rules, "nothing is changed");
}

#[test]
fn altered_snapshot_is_refused_even_by_force() {
    let trial = Trial::new("macos");
    let folder = snapshot(&trial);
    trial.put("/etc/pf.conf", "pass\n");
    let before = trial.everything();
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        if entry.file_name() != "manifest.json" {
            fs::write(entry.path(), "pass all\n").unwrap();
        }
    }
    let text = trial.firewall(&["rollback", &folder, "--force"]).refused();
    assert!(text.contains("cannot be trusted"), "{text}");
    fs::write(format!("{folder}/manifest.json"), "{").unwrap();
    trial.firewall(&["rollback", &folder, "--force"]).refused();
    assert!(trial.everything() == before);
}

#[test]
fn a_manifest_cannot_name_any_file_of_the_system() {
    let trial = Trial::new("macos");
    let folder = snapshot(&trial);
    let manifest = format!("{folder}/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for path in ["/etc/passwd", "/etc/pf.anchors/../passwd", "/Library/LaunchDaemons/other.plist"] {
        fs::write(&manifest, text.replace("\"/etc/pf.conf\"", &format!("\"{path}\""))).unwrap();
        let said = trial.firewall(&["rollback", &folder, "--force"]).refused();
        assert!(said.contains("no snapshot holds"), "{said}");
    }
}

#[test]
fn a_snapshot_does_not_overwrite_another() {
    let trial = Trial::new("linux");
    let folder = snapshot(&trial);
    trial.firewall(&["snapshot", &folder]).refused();
}
