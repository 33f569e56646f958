//! A machine on which nothing is wrong.

use super::container::{Container, User};
use super::fault::{BUSY_TRIES, list};

/// What a check may take, and reading the answer.
const LIMIT_MS: u64 = 3000;

#[test]
fn a_healthy_machine_has_no_alarm_and_answers_in_time() {
    for user in [User::Root, User::Me] {
        let Some(mut container) = Container::new(user) else { return };
        let mut said = container.doctor("");
        for _ in 0..BUSY_TRIES {
            if said["took_ms"].as_u64().unwrap() < LIMIT_MS {
                break;
            }
            said = container.doctor("");
        }
        assert!(said["first"].is_null(), "{user:?}: {:#}", said["first"]);
        let took = said["took_ms"].as_u64().unwrap();
        assert!(took < LIMIT_MS, "{user:?}: {took} ms");
        println!("{user:?}: {} findings in {took} ms", list(&said["findings"]).len());
        let unknown: Vec<_> =
            list(&said["findings"]).iter().filter(|one| one["state"] == "unknown").collect();
        // Only root is told what the packet filter does.
        let expected = if user == User::Root { 0 } else { 1 };
        assert_eq!(unknown.len(), expected, "{unknown:#?}");
        let (code, page) = container.run("dlvgate doctor > /tmp/page; code=$?; cat /tmp/page; (exit $code)");
        assert!(
            page.contains("✓ dlv 1.2") && !page.contains('✗') && !page.contains("First:"),
            "{code} {page}"
        );
    }
}

#[test]
fn a_running_session_is_no_fault() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must("dlvgate serve --listen 192.0.2.1:2345 --allow 192.0.2.5 --firewall nftables > /tmp/serve 2>&1 &\nuntil grep -q listening /tmp/serve; do sleep 0.05; done");
    let said = container.doctor("--port 2345 --from 192.0.2.5");
    assert!(said["first"].is_null(), "{:#}", said["first"]);
    // Another address is kept out by the gate, and doctor says so.
    let said = container.doctor("--port 2345 --from 192.0.2.6");
    assert_eq!(said["first"]["id"], "network.filter", "{:#}", said["first"]);
    assert!(said["first"]["why"].as_str().unwrap().contains("a gate of dlvgate's"), "{:#}", said["first"]);
}
