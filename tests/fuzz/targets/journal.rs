//! Journals and requests: a journal is believed only if it is as the guard would write it.
#![no_main]

use dlvgate::firewall::guard::fuzzing::read;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (request, record) = read("/run/dlvgate/4711.json", input);
    if let Some(request) = request {
        assert_eq!(read("4711.json", &request).0.as_ref(), Some(&request), "the same request again");
    }
    if let Some(record) = record {
        assert_eq!(read("4711.json", &record).1.as_ref(), Some(&record), "the same journal again");
        assert_eq!(read("4712.json", &record).1, None, "another guard's is not believed");
    }
});
