//! What nft and tcpdump print of refused packets: a line tells of one refusal at most.
#![no_main]

use dlvgate::firewall::watch::fuzzing::refusals;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (dropped, blocked) = refusals(text);
    assert!(dropped <= text.lines().count() && blocked <= text.lines().count());
});
