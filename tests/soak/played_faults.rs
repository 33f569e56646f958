//! Sessions with the stand-in for dlv in which something goes wrong.

use std::io::{Read, Write};

use dlvgate_test_support::PATIENCE;
use dlvgate_test_support::client::{Client, reset};
use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::process::signal_pid;
use dlvgate_test_support::random::Random;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::place::Place;
use crate::played::{Played, whole};

/// What no message has that dlv has finished.
const MADE_UP: [u8; 8] = [b' '; 8];

/// A kind of session: its name, and its steps; `false` if the place has refused it.
pub type Kind = (&'static str, fn(&Place, &mut Random) -> bool);

/// All of them, with the one that has no fault.
pub const KINDS: [Kind; 17] = [
    ("no fault", whole),
    ("client resets", |place, random| leave(place, random, Client::reset)),
    ("client closes", |place, random| leave(place, random, drop)),
    ("client closes its half", half_closed),
    ("client stalls, then resets", |place, random| stalled(place, random, false)),
    ("client stalls, then reads all", |place, random| stalled(place, random, true)),
    ("client sends garbage in mid-session", garbage),
    ("client floods with requests", flooded),
    ("dlv floods with output", |place, random| {
        let Some(mut session) = Played::begin(place, random) else { return false };
        session.flood(2000 + random.below(2000));
        session.finish();
        true
    }),
    ("dlv is killed", |place, random| killed(place, random, Signal::SIGKILL)),
    ("dlv is terminated", |place, random| killed(place, random, Signal::SIGTERM)),
    ("the program is killed", |place, random| {
        let Some(mut session) = Played::begin(place, random) else { return false };
        signal_pid(session.program, Signal::SIGKILL);
        session.ask(5);
        session.finish();
        true
    }),
    ("dlv exits with 0", |place, random| misbehaved(place, random, "exit 0")),
    ("dlv exits with 3, its program runs on", |place, random| {
        misbehaved(place, random, "exit 3, program left")
    }),
    ("dlv exits within a message", |place, random| misbehaved(place, random, "cut off")),
    ("dlv says garbage", |place, random| misbehaved(place, random, "garbage")),
    ("dlv hangs, and the client leaves", |place, random| {
        let Some(mut session) = Played::begin(place, random) else { return false };
        session.client.send("misbehave", json!({"how": "hang"}));
        session.client.send("threads", json!({}));
        true
    }),
];

/// The client goes at some moment.
fn leave(place: &Place, random: &mut Random, end: fn(Client)) -> bool {
    if random.below(3) == 0 {
        let mut client = place.client();
        client.send("initialize", initialize_arguments());
        end(client);
        return true;
    }
    let Some(mut session) = Played::begin(place, random) else { return false };
    match random.below(3) {
        0 => {}
        1 => drop(session.send(50)),
        _ => drop(session.client.send("flood", json!({"events": 2000}))),
    }
    end(session.client);
    true
}

/// Closes the client's half; earlier requests are still answered.
fn half_closed(place: &Place, random: &mut Random) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    let asked = session.send(1 + random.below(100));
    session.client.half_close();
    session.answered(&asked);
    session.client.eof();
    session.all_ours();
    true
}

/// Bytes that it does not read while another whole session is served.
const UNREAD_EVENTS: u64 = 12_000;

fn stalled(place: &Place, random: &mut Random, reads: bool) -> bool {
    let mut stream = place.stream();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let requests = [
        json!({"seq": 1, "type": "request", "command": "initialize", "arguments": initialize_arguments()}),
        json!({"seq": 2, "type": "request", "command": "launch", "arguments": {"token": "stalled"}}),
        json!({"seq": 3, "type": "request", "command": "flood", "arguments": {"events": UNREAD_EVENTS}}),
        json!({"seq": 4, "type": "request", "command": "disconnect"}),
    ];
    let bytes: Vec<u8> = requests.iter().flat_map(|one| frame(&one.to_string())).collect();
    if stream.write_all(&bytes).is_err() {
        assert!(place.is_rough, "{}: it takes no bytes", place.name);
        return false;
    }
    whole(place, random);
    if !reads {
        reset(stream);
        return true;
    }
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("the rest, and the end");
    let count = |text: &str| said.windows(text.len()).filter(|part| *part == text.as_bytes()).count() as u64;
    if place.is_rough && count("gate could not be opened") > 0 {
        return false;
    }
    assert_eq!(count("\"output\":\"stalled "), UNREAD_EVENTS, "{}", place.name);
    assert_eq!(count("\"event\":\"terminated\""), 1);
    true
}

fn garbage(place: &Place, random: &mut Random) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    let bytes: Vec<u8> = (0..=random.below(3000)).map(|_| random.below(256) as u8).collect();
    let asked = session.send(random.below(5));
    let _ = session.client.try_raw(&[b"Content-Length: garbage\r\n\r\n".as_slice(), &bytes].concat());
    session.told_of_the_end(&asked);
    true
}

fn flooded(place: &Place, random: &mut Random) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    session.ask(2000 + random.below(2000));
    session.finish();
    true
}

fn killed(place: &Place, random: &mut Random, signal: Signal) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    session.ask(random.below(10));
    let asked = session.send(random.below(100));
    signal_pid(session.dlv, signal);
    session.told_of_the_end(&asked);
    true
}

fn misbehaved(place: &Place, random: &mut Random, how: &str) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    session.ask(random.below(10));
    session.client.send("misbehave", json!({"how": how}));
    if how == "cut off" {
        assert!(cut_off(&session.client), "{}", session.client.transcript());
        return true;
    }
    session.told_of_the_end(&[]);
    true
}

/// Whether dlv has died within a message. Its rest is made up with spaces then: what follows can be
/// read, and it itself cannot.
pub fn cut_off(client: &Client) -> bool {
    client.end();
    let said = client.bytes(|_| false);
    let Some(at) = said.windows(MADE_UP.len()).position(|part| part == MADE_UP) else { return false };
    let rest = &said[at..];
    assert!(rest.windows(12).any(|part| part == b"\"terminated\""), "{}", client.transcript());
    true
}
