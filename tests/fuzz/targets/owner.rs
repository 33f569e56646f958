//! Owners of connections: only an answer about exactly this connection names an owner.
#![no_main]

use dlvgate::front::fuzzing::{in_answer, in_list, in_table, question};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let peer = "127.0.0.1:50000".parse().expect("an address");
    let front = "127.0.0.1:2345".parse().expect("an address");
    let other = "127.0.0.1:50001".parse().expect("an address");
    let sequence = 7;
    if in_answer(input, sequence, peer, front).is_some() {
        assert_eq!(in_answer(input, sequence, other, front), None);
        assert_eq!(in_answer(input, sequence, peer, other), None);
        assert_eq!(in_answer(input, sequence + 1, peer, front), None, "the answer to another question");
        // The socket stands where it stands in the question.
        let asked = question(sequence, peer, front);
        assert_eq!(input[20..24], asked[24..28], "ports");
    }
    if in_list(input, peer, front).is_some() {
        let ports = [9, 41, 195, 80]; // 2345 and 50000
        assert!(input.windows(ports.len()).any(|bytes| bytes == ports), "no socket of these ports");
    }
    if let Ok(text) = std::str::from_utf8(input) {
        if in_table(text, peer, front).is_some() {
            let text = text.to_ascii_uppercase();
            assert!(text.contains("C350") && text.contains("929"), "no row of these ports");
        }
    }
});
