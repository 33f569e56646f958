//! Which protocol it is: what is sniffed as JSON-RPC its scanner takes, what is neither it refuses,
//! and nothing else is asked of a first byte.
#![no_main]

use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::frame::{HeaderReader, Limits};
use dlvgate_protocol::jsonrpc::RpcScanner;
use dlvgate_protocol::sniff::{PROBE, Protocol, sniff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(&first) = input.first() else { return };
    let object = RpcScanner::new().step(input);
    match sniff(first) {
        Some(Protocol::JsonRpc) => assert!(object.is_ok(), "the first byte is taken at least"),
        Some(Protocol::Dap) => {
            assert!(object.is_err());
            assert!(HeaderReader::new(Limits::default()).step(&input[..1]).is_ok());
        }
        None => assert!(object.is_err()),
    }
    if input.starts_with(PROBE) {
        assert!(
            HeaderReader::new(Limits::default()).step(input).is_err(),
            "a dlv sees at once that it is none"
        );
    }
    for protocol in [Protocol::Dap, Protocol::JsonRpc] {
        let said = Message::of(protocol, input).to_string();
        assert!(said.len() < 300, "the log gets a line, whatever comes: {said}");
    }
});
