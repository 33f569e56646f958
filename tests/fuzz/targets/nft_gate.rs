//! nft's listings: a gate is in one state at most, and one that is in force needs no commands.
#![no_main]

use dlvgate::firewall::Peer;
use dlvgate::firewall::nftables::fuzzing::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // Peers on the first line, then what nft prints.
    let (peers, json) = text.split_once('\n').unwrap_or((text, ""));
    let peers: Vec<Peer> = peers.split(' ').filter_map(|peer| peer.parse().ok()).collect();
    let Some(read) = read(json, 2345, &peers) else { return };
    let [guarded, shut, gone] = read.holds;
    assert!(u8::from(guarded) + u8::from(shut) + u8::from(gone) <= 1, "{read:?}");
    if gone {
        assert_eq!(read.commands[2], None, "nothing is there to be removed");
    }
    // Our commands name our own table, or a rule of ours in another program's chain.
    for command in
        read.commands.iter().flatten().flat_map(|all| all["nftables"].as_array().into_iter().flatten())
    {
        for object in command.as_object().into_iter().flat_map(|command| command.values()) {
            let table = object["table"]["name"].as_str().or_else(|| {
                ["chain", "set", "element"].iter().find_map(|kind| object[*kind]["table"].as_str())
            });
            assert!(table.is_none_or(|table| table == "dlvgate_4711_2345"), "{command}");
        }
    }
});
