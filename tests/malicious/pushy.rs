//! Connections that are held, half made, torn or flooded: what a client does with a socket rather than with words.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::arena::Arena;
use crate::attack::request;
use crate::support::PATIENCE;
use crate::support::debug::initialize_arguments;
use crate::support::frames::frame;

/// What each of these is, in the order of the tests below.
pub const NAMES: [&str; 17] = [
    "a header byte by byte",
    "a body byte by byte",
    "a silent connection",
    "half a header, held",
    "a header without its body, held",
    "one byte, held",
    "closed by half without a byte",
    "closed by half in a header",
    "a reset without a byte",
    "a reset after one byte",
    "a reset in a header",
    "a reset in a body",
    "a reset after a request",
    "TCP's urgent data",
    "a window of a few bytes, and a flood",
    "100,000 requests without reading",
    "more silent connections than are kept",
];

fn initialize() -> Vec<u8> {
    request(&json!({"command": "initialize", "arguments": initialize_arguments()}))
}

fn connect(arena: &Arena) -> TcpStream {
    let stream = TcpStream::connect(arena.server.front()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    stream
}

/// A connection that has said so much.
fn said(arena: &Arena, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(arena);
    stream.write_all(bytes).unwrap();
    stream
}

fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// Byte by byte, with a whole session between them now and then.
fn dribble(arena: &mut Arena, bytes: &[u8], what: &str) -> TcpStream {
    let mut stream = connect(arena);
    for (at, byte) in bytes.iter().enumerate() {
        stream.write_all(&[*byte]).unwrap();
        if at % 20 == 0 {
            arena.serves(what);
        }
    }
    stream
}

#[test]
fn slow_clients_hold_up_nobody() {
    let mut arena = Arena::new(&["--max-sessions", "16"]);
    let message = initialize();
    let whole = dribble(&mut arena, &message, NAMES[0]);
    let mut answer = [0; 16];
    (&whole).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"Content-Length: ", "what came in parts is answered");
    arena.started += 1;
    // A first byte that is held is a session, and has a dlv; it is given a minute to say what it wants.
    let held = [&message[..message.len() - 1], &message[..10], b"Content-Length: 500\r\n\r\n", b"C"];
    let held: Vec<TcpStream> = held.iter().map(|bytes| said(&arena, bytes)).collect();
    arena.started += held.len();
    let silent = connect(&arena);
    arena.serves("slow ones that are there");
    arena.bounded("slow ones that are there");
    drop((whole, held, silent));
    arena.end();
}

#[test]
fn torn_connections_leave_nothing() {
    let mut arena = Arena::new(&[]);
    let message = initialize();
    for (what, bytes) in [(NAMES[6], &[][..]), (NAMES[7], &message[..10])] {
        let mut stream = said(&arena, bytes);
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        arena.serves(what);
    }
    for (what, bytes) in NAMES[8..13].iter().zip([&[][..], b"C", &message[..10], &message[..60], &message]) {
        reset(said(&arena, bytes));
        arena.serves(what);
    }
    // Whether a dlv is started for one that has gone already is a matter of moments.
    arena.started = usize::MAX;
    arena.end();
}

#[test]
fn urgent_data_is_no_data_of_the_session() {
    let mut arena = Arena::new(&[]);
    let mut stream = said(&arena, &initialize());
    SockRef::from(&stream).send_out_of_band(b"!").unwrap();
    stream.write_all(&request(&json!({"command": "disconnect", "seq": 78}))).unwrap();
    arena.started += 1;
    arena.serves(NAMES[13]);
    // What follows the mark may wait for more: the kernel ends a read there, as if nothing else had come. Its own session alone
    // is held up by that, until it says more or closes.
    drop(stream);
    arena.end();
}

#[test]
fn a_flood_that_is_not_read_stops_where_it_comes_from() {
    let mut arena = Arena::new(&[]);
    let mut tiny = connect(&arena);
    SockRef::from(&tiny).set_recv_buffer_size(1).unwrap();
    tiny.write_all(&initialize()).unwrap();
    tiny.write_all(&request(&json!({"command": "flood", "arguments": {"events": 50_000}}))).unwrap();
    let many = connect(&arena);
    let one = |seq: u32| {
        frame(
            &json!({"seq": seq, "type": "request", "command": "flood", "arguments": {"events": 20}})
                .to_string(),
        )
    };
    let all: Vec<u8> = (0..100_000).flat_map(one).collect();
    // It is not taken to its end: the server has stopped reading.
    let stalled = (&many).write_all(&all);
    assert!(stalled.is_err(), "100,000 requests were taken, and 2,000,000 events kept somewhere");
    arena.started += 2;
    for _ in 0..10 {
        arena.serves("floods");
    }
    arena.bounded("floods");
    reset(tiny);
    reset(many);
    arena.end();
}

#[test]
fn more_silent_connections_than_are_kept_are_closed_and_the_rest_is_served() {
    let mut arena = Arena::new(&["--max-sessions", "4"]);
    let mut silent: Vec<TcpStream> = (0..300).map(|_| connect(&arena)).collect();
    let open = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        matches!(stream.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let kept = crate::support::poll(PATIENCE, || {
        let kept = silent.iter_mut().filter_map(|stream| open(stream).then_some(())).count();
        (kept <= 68).then_some(kept)
    });
    println!("{kept:?} of 300 are kept");
    assert!(kept.expect("most are closed") >= 60);
    arena.bounded(NAMES[16]);
    silent.truncate(0);
    // The server learns of their end in its own time.
    let served = crate::support::poll(PATIENCE, || {
        let mut client = arena.server.client();
        client.try_raw(&initialize()).ok()?;
        let said = client.bytes(|bytes| bytes.len() > 16);
        (said.len() > 16).then_some(())
    });
    served.expect("the next client is served");
    arena.serves(NAMES[16]);
    arena.started = usize::MAX;
    arena.end();
}
