//! Connections that never become a session.

use std::io::Write;
use std::sync::Mutex;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::random::Random;

use crate::place::Place;
use crate::played::whole;
use crate::played_faults::Kind;

/// All of them.
pub const KINDS: [Kind; 4] = [
    ("silent connections", silent),
    ("garbage as first bytes", garbage),
    ("HTTP", |place, _| answered(place, b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n{}")),
    ("a probe", |place, _| answered(place, b"dlvgate?\n")),
];

/// More than a server keeps of them at once would have the next client turned away, as it should.
const SILENT: u64 = 48;

/// One at a time has them, for the same reason.
static BURST: Mutex<()> = Mutex::new(());

/// A session is served beside them.
fn silent(place: &Place, random: &mut Random) -> bool {
    let Ok(_burst) = BURST.try_lock() else { return whole(place, random) };
    let connections: Vec<_> = (0..random.below(SILENT)).map(|_| place.stream()).collect();
    let served = whole(place, random);
    drop(connections);
    served
}

fn garbage(place: &Place, random: &mut Random) -> bool {
    let bytes: Vec<u8> = (0..=random.below(3000)).map(|_| random.below(256) as u8).collect();
    // `C` is DAP's, and waits for more.
    if bytes[0] == b'C' || bytes[0] == b'c' {
        return answered(place, b"\0");
    }
    answered(place, &bytes)
}

/// It is told something, or closed; either way at once.
fn answered(place: &Place, bytes: &[u8]) -> bool {
    let mut stream = place.stream();
    // The server may close before it has read all.
    let _ = stream.write_all(bytes);
    let client = Client::over(stream);
    client.half_close_if_open();
    client.end();
    true
}
