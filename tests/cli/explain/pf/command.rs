//! What a user sees.

use std::process::{Command, Output};

use serde_json::Value;

use super::machine::Pf;

const GATE: &str = "table <peers> persist { 192.0.2.5 }
scrub in all fragment reassemble
pass in quick proto tcp from <peers> to any port 2345 no state label \"dlvgate:1:2345\"
pass out quick proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:1:2345\"
block return in log quick proto tcp from any to any port 2345 label \"dlvgate:1:2345:deny\"
";

/// pf is on, and holds a gate for port 2345.
fn gated() -> Pf {
    holding(GATE)
}

fn holding(gate: &str) -> Pf {
    let pf = Pf::new();
    pf.run(&["-a", "com.apple/010.dlvgate.000", "-f", "-"], gate);
    pf.run(&["-E"], "");
    pf
}

const LOOPBACK_GATE: &str = "table <peers> persist { 127.0.0.1 }
scrub in all fragment reassemble
block return-icmp out log quick on lo0 proto tcp from any to any port 2345 user != 501 label \"dlvgate:1:2345:user\"
pass quick on lo0 proto tcp from <peers> to any port 2345 no state label \"dlvgate:1:2345\"
pass quick on lo0 proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:1:2345\"
block return in log quick proto tcp from any to any port 2345 label \"dlvgate:1:2345:deny\"
";

const LINK_LOCAL_GATE: &str =
    "scrub in all fragment reassemble
pass in quick on en0 inet6 proto tcp from fe80::1 to any port 2345 no state label \"dlvgate:1:2345\"
pass out quick on en0 inet6 proto tcp from any port 2345 to fe80::1 flags A/A no state label \"dlvgate:1:2345\"
block return in log quick proto tcp from any to any port 2345 label \"dlvgate:1:2345:deny\"
";

fn text(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_gate_is_explained_for_its_peer_and_for_others() {
    let pf = gated();
    let (code, page) = text(&pf.explain(&["--port", "2345", "--from", "192.0.2.5"]));
    assert_eq!(code, Some(0), "{page}");
    assert!(
        page.starts_with("passes: a TCP SYN from 192.0.2.5 to port 2345, in on any interface but lo0\n"),
        "{page}"
    );
    assert!(page.contains("line 2 of the anchor com.apple/010.dlvgate.000"), "{page}");
    assert!(page.contains("quick ends the evaluation"), "{page}");
    assert!(page.contains("line 4 of the anchor com.apple/010.dlvgate.000 (not reached)"), "{page}");
    let (code, page) = text(&pf.explain(&["--port", "2345", "--from", "192.0.2.6"]));
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("is blocked: "), "{page}");
}

#[test]
fn over_loopback_the_user_decides_and_has_to_be_said() {
    let pf = holding(LOOPBACK_GATE);
    let leaves = ["--port", "2345", "--from", "127.0.0.1", "--direction", "out"];
    let (code, page) = text(&pf.explain(&leaves));
    assert_eq!(code, Some(1), "{page}");
    assert!(page.starts_with("unknown: ") && page.contains("--uid"), "{page}");
    let (code, page) = text(&pf.explain(&[&leaves[..], &["--uid", "502"]].concat()));
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("is blocked: ") && page.contains("user != 501"), "{page}");
    let (code, page) = text(&pf.explain(&[&leaves[..], &["--uid", "501"]].concat()));
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("passes: ") && page.contains("line 3 of the anchor"), "{page}");
    let (code, page) = text(&pf.explain(&["--port", "2345", "--from", "127.0.0.1"]));
    assert_eq!(code, Some(0), "on its way in the user was judged already: {page}");
    assert!(page.starts_with("passes: "), "{page}");
}

#[test]
fn a_link_local_peer_is_explained_with_its_interface() {
    let pf = holding(LINK_LOCAL_GATE);
    for (from, verdict) in [
        ("fe80::1%en0", "passes: "),
        ("fe80::1%en1", "is blocked: "),
        ("fe80::2%en0", "is blocked: "),
        ("fe80::1", "unknown: "),
    ] {
        let (_, page) = text(&pf.explain(&["--port", "2345", "--from", from]));
        assert!(page.starts_with(verdict), "{from}: {page}");
    }
}

#[test]
fn the_answer_is_there_for_programs_too() {
    let (code, json) = text(&gated().explain(&["--port", "2345", "--from", "::ffff:192.0.2.6", "--json"]));
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &answer["verdict"]), (Some(0), &"block".into()));
    assert_eq!(answer["settled"]["rule"]["anchor"], "com.apple/010.dlvgate.000");
    assert_eq!(answer["settled"]["rule"]["line"], 4);
    assert_eq!(answer["settled"]["why"]["is"], "quick");
    assert_eq!(answer["question"]["from"], "192.0.2.6");
}

#[test]
fn unknown_verdict_exits_1_and_names_the_option() {
    let pf = gated();
    pf.run(&["-f", "-"], "block drop on en0 all\n");
    let (code, page) = text(&pf.explain(&["--port", "2345", "--from", "192.0.2.5"]));
    assert_eq!(code, Some(1), "{page}");
    assert!(page.starts_with("unknown: ") && page.contains("--interface"), "{page}");
    let (code, page) = text(&pf.explain(&["--port", "2345", "--from", "192.0.2.5", "--interface", "en0"]));
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("no rule evaluates this anchor"), "{page}");
}

#[test]
fn a_user_who_is_not_root_is_told_what_to_run() {
    let pf = Pf::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["firewall", "explain", "--port", "2345", "--from", "192.0.2.5", "--pfctl"]).arg(pf.pfctl());
    let output = command.env("STANDIN_PF_UID", "501").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("sudo dlvgate firewall explain --port 2345 --from 192.0.2.5"), "{stderr}");
}

#[test]
fn a_system_without_pf_is_told_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args([
        "firewall",
        "explain",
        "--port",
        "2345",
        "--from",
        "192.0.2.5",
        "--pfctl",
        "/nonexistent/pfctl",
    ]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("there is no pf here"), "{stderr}");
}

#[test]
fn addresses_of_two_families_are_a_usage_error() {
    let output = Pf::new().explain(&["--port", "2345", "--from", "192.0.2.5", "--to", "::1"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn fragments_of_a_stranger_are_blocked_by_a_gate() {
    let pf = gated();
    for (from, verdict) in
        [("192.0.2.5", "passes: "), ("192.0.2.6", "is blocked: "), ("2001:db8::6", "is blocked: ")]
    {
        let (code, page) = text(&pf.explain(&["--port", "2345", "--from", from, "--fragments"]));
        assert_eq!(code, Some(0), "{page}");
        assert!(page.starts_with(&format!("{verdict}a TCP SYN in fragments from {from}")), "{page}");
        assert!(page.contains("line 1 of the anchor com.apple/010.dlvgate.000 (`scrub in all"), "{page}");
    }
    let bare = holding(&GATE.replace("scrub in all fragment reassemble\n", ""));
    let (_, page) = text(&bare.explain(&["--port", "2345", "--from", "192.0.2.6", "--fragments"]));
    assert!(page.starts_with("passes: ") && page.contains("no scrub rule"), "{page}");
    let (_, page) = text(&bare.explain(&["--port", "2345", "--from", "192.0.2.6"]));
    assert!(page.starts_with("is blocked: ") && page.contains("in IP fragments it passes"), "{page}");
}

#[test]
fn fragments_are_not_followed_through_nftables() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args([
        "firewall",
        "explain",
        "--backend",
        "nftables",
        "--port",
        "2345",
        "--from",
        "192.0.2.5",
        "--fragments",
    ]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("connection tracking"), "{stderr}");
}
