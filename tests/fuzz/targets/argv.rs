//! dlv's command line: with our address in it, it is the same but for that address; and what a user
//! gives after `--` brings none of its own.
#![no_main]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use dlvgate::delve::{Address, Argv, check};
use libfuzzer_sys::fuzz_target;

fn same_but_for_the_address(argv: &Argv) {
    let moved = argv.listening_on(&Address::loopback(4711));
    let again = Argv::parse(moved.clone()).expect("what was read is read again");
    let own = OsStr::new("127.0.0.1:4711");
    assert_eq!(again.listen(), Some(own), "{moved:?}");
    assert_eq!(again.client_addr(), None, "{moved:?}");
    assert_eq!(again.command(), argv.command());
    assert_eq!(again.serves(), argv.serves());
    assert_eq!(again.multiclient(), argv.multiclient());
    assert_eq!(again.log_dest(), argv.log_dest());
    assert_eq!(again.only_same_user(), argv.only_same_user());
    // The program's own arguments stay. Where a flag may take the last `--` for its value, they
    // cannot be told from here.
    let own = |words: &[OsString]| {
        let at = words.iter().rposition(|word| word == "--")?;
        let is_value = at > 0 && words[at - 1].as_encoded_bytes().starts_with(b"-");
        (!is_value).then(|| words[at..].to_vec())
    };
    if let Some(words) = own(argv.words()) {
        assert!(moved.ends_with(&words), "{moved:?}");
    }
    assert_eq!(argv.clone().unmoved().listening_on(&Address::ANY), argv.words());
}

fuzz_target!(|input: &[u8]| {
    let words: Vec<OsString> =
        input.split(|byte| *byte == b'\n').map(|word| OsString::from_vec(word.to_vec())).collect();
    if let Ok(argv) = Argv::parse(words.clone()) {
        same_but_for_the_address(&argv);
        if argv.log_dest().is_some() {
            assert_eq!(
                Argv::parse(argv.logging_to(7).words().to_vec()).expect("again").log_dest(),
                Some(OsStr::new("7"))
            );
        }
    }
    if let Ok(given) = check(&words) {
        assert!(given.listen().is_none() && given.client_addr().is_none() && given.log_dest().is_none());
        assert!(given.serves().is_some());
        same_but_for_the_address(&given);
    }
});
