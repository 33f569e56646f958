//! dlv's output: its ready line is found however it is cut, everything else is passed on untouched,
//! and little is held back.
#![no_main]

use dlvgate::delve::Address;
use dlvgate::delve::fuzzing::printed;
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;

/// Bytes of a line that may become the ready line.
const LONGEST: usize = 256;

fuzz_target!(|input: &[u8]| {
    let Some((cuts, said)) = Cuts::of(input) else { return };
    let whole = printed(std::iter::once(said));
    let mut cut = printed(chunks::each(said, cuts));
    let mut bytes = printed(said.chunks(1));
    assert!(cut.held <= LONGEST && bytes.held <= LONGEST, "{} and {} bytes held back", cut.held, bytes.held);
    cut.held = whole.held;
    bytes.held = whole.held;
    assert_eq!(whole, cut);
    assert_eq!(whole, bytes);
    match whole.ready {
        None => assert_eq!(whole.passed, said),
        Some((ready, before)) => {
            let (passed, after) = whole.passed.split_at(before);
            assert!(said.starts_with(passed) && said.ends_with(after));
            let line = &said[passed.len()..said.len() - after.len()];
            assert!(line.starts_with(ready.prefix.as_bytes()) && line.ends_with(b"\n"));
            match ready.address {
                Address::Tcp(address) => assert!(!address.ip().is_unspecified()),
                Address::Unix(path) => assert!(path.is_absolute()),
            }
        }
    }
});
