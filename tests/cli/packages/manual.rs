use std::fs;
use std::process::Command;

use super::{dlvgate, has, says};

/// The commands that --help lists, and `firewall`'s.
fn commands(of: &[&str]) -> Vec<String> {
    let help = says(&[of, &["--help"]].concat());
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let names = list
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_a_page_and_each_renders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(dlvgate(&["man", path]).status.success());
    let (all, firewall) = (commands(&[]), commands(&["firewall"]));
    assert!(
        all.contains(&"serve".to_owned()) && firewall.contains(&"sweep".to_owned()),
        "{all:?} {firewall:?}"
    );
    let firewall = firewall.into_iter().map(|name| format!("firewall-{name}"));
    for name in all.into_iter().chain(firewall) {
        let page = folder.path().join(format!("dlvgate-{name}.1"));
        assert!(page.is_file(), "{name} has no page");
    }
    if !has("groff") {
        return;
    }
    for page in fs::read_dir(folder.path()).unwrap().flatten() {
        let groff = Command::new("groff")
            .args(["-K", "utf8", "-man", "-Tutf8", "-ww", "-z"])
            .arg(page.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&groff.stderr).into_owned();
        assert!(groff.status.success() && said.is_empty(), "{}: {said}", page.path().display());
    }
}
