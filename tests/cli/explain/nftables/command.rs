//! What a user sees.

use std::process::Output;

use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::namespace::Namespace;
use serde_json::Value;

/// A gate for port 2345 and one peer, and a host that drops by default.
const RULESET: &str = "
table inet dlvgate_4711_2345 {
    set peers4 { type ipv4_addr; elements = { 192.0.2.5 }; }
    chain input {
        type filter hook input priority raw; policy accept;
        ip saddr @peers4 tcp dport 2345 accept
        tcp dport 2345 reject with tcp reset
    }
}
table ip filter {
    chain user { ip saddr 192.0.2.0/24 tcp dport 2345 accept; }
    chain INPUT { type filter hook input priority filter; policy drop; iifname \"docker0\" drop; jump user; }
}
";

fn explain(namespace: &Namespace, arguments: &[&str]) -> (Option<i32>, String) {
    let program = [env!("CARGO_BIN_EXE_dlvgate"), "firewall", "explain"];
    let output: Output = namespace.command(&[&program[..], arguments].concat()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn a_gate_is_explained_for_its_peer_and_for_others() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(RULESET);
    let peer = ["--port", "2345", "--from", "192.0.2.5", "--interface", "eth0"];
    let (code, page) = explain(&namespace, &peer);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("passes: a TCP SYN from 192.0.2.5 to port 2345, in on eth0\n"), "{page}");
    assert!(page.contains("inet dlvgate_4711_2345 input, ip filter INPUT"), "{page}");
    assert!(page.contains("in the chain ip filter user (it ends its own chain only)"), "{page}");
    let (code, page) = explain(&namespace, &["--port", "2345", "--from", "192.0.2.6"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.starts_with("is blocked: "), "{page}");
    assert!(page.contains("in the chain inet dlvgate_4711_2345 input:\n    tcp dport 2345 reject"), "{page}");
    let (code, page) = explain(&namespace, &["--port", "22", "--from", "192.0.2.6", "--interface", "eth0"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(
        page.contains("the chain ip filter INPUT accepts it, and the chain's policy is to drop"),
        "{page}"
    );
}

#[test]
fn the_answer_is_there_for_programs_too() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(RULESET);
    let (code, json) = explain(&namespace, &["--port", "2345", "--from", "::ffff:192.0.2.6", "--json"]);
    let answer: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &answer["verdict"]), (Some(0), &"block".into()));
    let rule = &answer["settled"]["rule"];
    assert_eq!((&rule["family"], &rule["table"]), (&"inet".into(), &"dlvgate_4711_2345".into()));
    assert_eq!((&rule["chain"], rule["handle"].is_u64()), (&"input".into(), true), "{json}");
    assert_eq!(answer["settled"]["why"]["is"], "reject");
    assert_eq!(answer["question"]["from"], "192.0.2.6");
}

#[test]
fn unknown_verdict_exits_1_and_names_the_option() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(RULESET);
    let (code, page) = explain(&namespace, &["--port", "2345", "--from", "192.0.2.5"]);
    assert_eq!(code, Some(1), "{page}");
    assert!(page.starts_with("unknown: ") && page.contains("--interface"), "{page}");
    assert!(page.contains("would block it\n    iifname \"docker0\" drop"), "{page}");
}

#[test]
fn what_is_not_looked_at_is_told() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft("table netdev early { chain c { type filter hook ingress device \"lo\" priority 0; tcp dport 2345 drop; }; }");
    let (code, page) = explain(&namespace, &["--port", "2345", "--from", "127.0.0.1"]);
    assert_eq!(code, Some(0), "{page}");
    assert!(page.contains("not looked at, and may drop it too: netdev early c"), "{page}");
}

#[test]
fn missing_root_or_nft_is_reported_with_a_remedy() {
    let Some(namespace) = Namespace::new() else { return };
    let nft = FakeDlv::new("echo 'Operation not permitted (you must be root)' >&2; exit 1");
    let asked = ["--port", "2345", "--from", "192.0.2.5", "--nft"];
    let (code, said) = explain(&namespace, &[&asked[..], &[nft.path.to_str().unwrap()]].concat());
    assert_eq!(code, Some(1));
    assert!(said.contains("sudo dlvgate firewall explain --port 2345 --from 192.0.2.5"), "{said}");
    let (code, said) = explain(&namespace, &[&asked[..], &["/nonexistent/nft"]].concat());
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no nftables here"), "{said}");
}
