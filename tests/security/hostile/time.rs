//! Those who take their time, never read, come in crowds, or go in the middle.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use dlvgate_test_support::client::{Client, reset};
use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::frames::{frame, request};
use dlvgate_test_support::process::descriptors;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use super::input::Expected::{Closed, Gone, PassedOn};
use super::input::Input;
use super::place::{Place, SESSIONS};

/// Connections that may be silent, beside the sessions: the limit that `docs/security.md` is about.
const SILENT: usize = 64;

/// When nothing more is taken for so long, nothing more is taken.
const STUCK: Duration = Duration::from_millis(300);

fn initialize() -> Vec<u8> {
    request(1, "initialize", initialize_arguments())
}

fn connect(place: &Place) -> TcpStream {
    let stream = TcpStream::connect(place.server().front()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A connection whose receiver takes as little at once as the system allows.
fn narrow(place: &Place) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.connect(&place.server().front().into()).unwrap();
    socket.set_write_timeout(Some(STUCK)).unwrap();
    socket.into()
}

/// A byte with each packet.
fn drips(name: &'static str, cut: fn(&[u8]) -> usize) -> Input {
    Input::does(name, PassedOn, move |place| {
        let mut client = place.client();
        let message = initialize();
        let (slow, rest) = message.split_at(cut(&message));
        for byte in slow {
            client.raw(&[*byte]);
        }
        place.serves();
        client.raw(rest);
        client.response(1);
        client
    })
}

/// Ends with a RST after so much of a first message, and comes back only to be closed.
fn resets(name: &'static str, dlvs: usize, said: fn(&[u8]) -> usize) -> Input {
    Input::does(name, Gone, move |place| {
        let mut stream = connect(place);
        let message = initialize();
        stream.write_all(&message[..said(&message)]).unwrap();
        reset(stream);
        place.client()
    })
    .starting(0..=dlvs)
}

/// Asks without reading, until nothing more is taken or all is asked; the server serves meanwhile;
/// then it goes.
fn never_reads(name: &'static str, asked: fn() -> Vec<u8>) -> Input {
    Input::does(name, Gone, move |place| {
        let mut stream = narrow(place);
        stream.write_all(&initialize()).unwrap();
        let asked = asked();
        let mut at = 0;
        while at < asked.len() {
            match stream.write(&asked[at..]) {
                Ok(sent) => at += sent,
                Err(_) => break,
            }
        }
        place.serves();
        reset(stream);
        place.client()
    })
    .starting(1..=1)
}

fn header(message: &[u8]) -> usize {
    message.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4
}

/// A crowd that says nothing, in nearly all places; then in all, when one more is closed.
fn crowd(place: &Place) -> Client {
    let before = descriptors(place.server().pid());
    let mut crowd: Vec<TcpStream> = (0..SILENT).map(|_| connect(place)).collect();
    place.serves();
    crowd.extend((0..SESSIONS).map(|_| connect(place)));
    let over = place.client();
    over.end();
    drop(crowd);
    poll(PATIENCE, || (descriptors(place.server().pid()) <= before).then_some(())).expect("all are gone");
    over
}

pub fn inputs() -> Vec<Input> {
    vec![
        drips("a_header_a_byte_at_a_time", header),
        drips("a_body_a_byte_at_a_time", |message| message.len() - 1),
        Input::does("one_letter_and_then_nothing", Closed, |place| {
            let mut client = place.client();
            client.raw(b"C");
            client
        }),
        Input::does("a_body_that_stays_half", Closed, |place| {
            let mut client = place.client();
            let message = initialize();
            client.raw(&message[..message.len() - 1]);
            client
        })
        .starting(1..=1),
        Input::does("an_end_of_file_before_the_answer", PassedOn, |place| {
            let mut client = place.client();
            client.raw(&initialize());
            client.half_close();
            client
        }),
        resets("a_reset_before_the_first_byte", 0, |_| 0),
        resets("a_reset_after_the_first_byte", 0, |_| 1),
        resets("a_reset_in_the_header", 0, |message| header(message) - 2),
        resets("a_reset_between_header_and_body", 1, header),
        resets("a_reset_in_the_body", 1, |message| message.len() - 1),
        resets("a_reset_while_dlv_starts", 1, <[u8]>::len),
        Input::does("a_reset_in_the_middle_of_answers", Gone, |place| {
            let mut stream = connect(place);
            stream.write_all(&initialize()).unwrap();
            stream.write_all(&request(2, "flood", json!({"events": 5_000}))).unwrap();
            stream.peek(&mut [0]).unwrap();
            reset(stream);
            place.client()
        })
        .starting(1..=1),
        Input::does("a_byte_of_urgent_data_in_the_header", PassedOn, |place| {
            let stream = connect(place);
            let message = initialize();
            (&stream).write_all(&message[..10]).unwrap();
            SockRef::from(&stream).send_out_of_band(b"!").unwrap();
            (&stream).write_all(&message[10..]).unwrap();
            // The system gives what is before the byte and keeps what is behind it until something
            // happens again.
            stream.shutdown(Shutdown::Write).unwrap();
            Client::over(stream)
        }),
        never_reads("a_hundred_thousand_requests_of_one_who_never_reads", || {
            request(2, "threads", Value::Null).repeat(100_000)
        }),
        never_reads("a_flood_of_events_to_one_who_never_reads", || {
            request(2, "flood", json!({"events": 50_000}))
        }),
        never_reads("a_hundred_thousand_mistakes_of_one_who_never_reads", || frame("").repeat(100_000)),
        Input::does("a_crowd_that_says_nothing", Closed, crowd),
        Input::does("three_hundred_connections_that_go_at_once", Gone, |place| {
            for _ in 0..300 {
                let stream = connect(place);
                stream.shutdown(Shutdown::Both).unwrap();
            }
            place.client()
        }),
        // Each hinders no other client, and costs no more than its first bytes.
        Input::does("fifty_unfinished_headers_without_json_rpc", Gone, |place| {
            let crowd: Vec<TcpStream> = (0..50)
                .map(|_| {
                    let mut stream = connect(place);
                    stream.write_all(b"{\"id\":").unwrap();
                    stream
                })
                .collect();
            place.serves();
            drop(crowd);
            place.client()
        }),
    ]
}

#[test]
fn slow_or_leaving_client_harms_no_other() {
    Place::played_quietly().suffers("time", inputs());
}
