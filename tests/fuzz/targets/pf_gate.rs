//! What pfctl prints of our gates: only exactly their rules are taken for them, and names for
//! names.
#![no_main]

use dlvgate::firewall::Peer;
use dlvgate::firewall::pf::fuzzing::{gate, holds, loaded, slot, tokens};
use libfuzzer_sys::fuzz_target;

/// Stands before every gate's rules.
const SCRUB: &str = "scrub in all fragment reassemble";

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Peers on the first line, then what pfctl prints.
    let (peers, printed) = text.split_once('\n').unwrap_or((text, ""));
    let peers: Vec<Peer> = peers.split(' ').filter_map(|peer| peer.parse().ok()).collect();
    for peer in &peers {
        assert_eq!(peer.to_string().parse().as_ref(), Ok(peer), "a peer is read as it is written");
    }
    let [guarded, shut] = loaded(2345, &peers, 1000);
    for rules in [&guarded, &shut] {
        assert!(rules.lines().all(|line| !line.contains(['\r', '\0']) && rules.ends_with('\n')));
        let is_ours =
            |line: &str| line.starts_with("table <peers> ") || line == SCRUB || line.contains(" port 2345");
        assert!(rules.lines().all(is_ours), "a rule about something else: {rules}");
    }
    let as_printed = |rules: &str| -> String {
        let rules = rules.lines().filter(|line| !line.starts_with("table"));
        let printed = |line: &str| {
            let icmp = "block return-icmp(port-unr, port-unr) ";
            line.replacen(" port 2345", " port = 2345", 1).replacen("block return-icmp ", icmp, 1) + "\n"
        };
        rules.map(printed).collect()
    };
    assert_eq!(holds(&as_printed(&shut), 2345, &peers, 1000)[1], true);
    assert_eq!(holds(&as_printed(&guarded), 2345, &peers, 1000)[0], true);
    let [is_guarded, is_shut] = holds(printed, 2345, &peers, 1000);
    for (is_it, rules) in [(is_guarded, &guarded), (is_shut, &shut)] {
        // The port may have a name; the labels hold its number.
        if is_it {
            let rules = as_printed(rules);
            assert_eq!(printed.lines().count(), rules.lines().count());
            for (printed, own) in printed.lines().zip(rules.lines()) {
                let Some((before, after)) = own.split_once("port = 2345") else {
                    assert_eq!((printed, own), (SCRUB, SCRUB));
                    continue;
                };
                assert!(printed.starts_with(before) && printed.ends_with(after), "{printed}");
            }
        }
    }
    for name in printed.lines() {
        if let Some((_, anchor)) = slot(name) {
            assert_eq!(anchor, name, "each slot has one name");
        }
        gate(name);
    }
    tokens(printed);
});
