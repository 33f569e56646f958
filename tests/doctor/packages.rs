//! Installs missing programs with the distribution's real packages: this needs the network.

use super::container::{Container, User};

/// Packages, the finding that names their absence, and its remedy.
const MISSING: [(&str, &str, &str); 2] = [
    ("delve", "delve.found", "apt-get install -y delve"),
    (
        "golang golang-go golang-src golang-doc golang-1.19 golang-1.19-go golang-1.19-src golang-1.19-doc",
        "go.found",
        "apt-get install -y golang-go",
    ),
];

#[test]
fn printed_command_installs_what_is_missing() {
    let Some(mut container) = Container::with_network(User::Root) else { return };
    if !container.run("dpkg -s delve golang-go >/dev/null && echo both").1.contains("both") {
        println!("not run: dlv and Go are not the distribution's");
        return;
    }
    container.must("apt-get update >/dev/null 2>&1");
    for (packages, finding, remedy) in MISSING {
        container.run(&format!("dpkg --remove --force-depends $(dpkg-query -W -f '${{Package}} ' {packages} 2>/dev/null) 2>&1 | tail -1"));
        let said = container.doctor("");
        let first = &said["first"];
        assert_eq!(first["id"], finding, "{first:#}");
        assert_eq!(first["remedies"][0]["command"], remedy, "{first:#}");
        let printed = container.must(&format!("{remedy} 2>&1 | tail -3"));
        let after = container.doctor("");
        assert!(after["first"].is_null(), "after `{printed}`: {:#}", after["first"]);
    }
}
