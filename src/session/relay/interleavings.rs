//! Random conversations in random order: what goes in comes out, byte for byte.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::session::message_rewrites::MessageRewrites;
use dlvgate_protocol::sniff::Protocol;

const CASES: u32 = 10_000;

/// One takes about a millisecond.
const PATIENCE: Duration = Duration::from_secs(20);

/// A conversation: what each side sends, and how the two are cut and interleaved.
#[derive(Clone, Debug)]
struct Interleaving {
    protocol: Protocol,
    client: Vec<u8>,
    dlv: Vec<u8>,
    /// The next sender, and how many bytes.
    turns: Vec<(bool, usize)>,
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 2 => Just("\n"), 1 => Just(" \r\n\t ")]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{0,6}",
        2 => Just("\\\"}{][\\\\\\u007d,\"".to_owned()).prop_map(|text| text.replace(",\"", ",")),
        1 => (0..3000_usize).prop_map(|len| "x".repeat(len)),
        1 => Just("é 世 🚀".to_owned()),
    ]
}

/// JSON-RPC requests, and their answers in another order, with a `Command` that is answered last.
fn json_rpc() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let call = (prop_oneof![Just("Command"), Just("State"), Just("Stacktrace")], text(), gap(), gap());
    (proptest::collection::vec(call, 1..8), any::<u64>()).prop_map(|(calls, order)| {
        let (mut sent, mut answers) = (String::new(), Vec::new());
        for (id, (method, text, before, after)) in calls.into_iter().enumerate() {
            sent += &format!(
                r#"{{"method":"RPCServer.{method}","params":[{{"text":"{text}"}}],"id":{id}}}{before}"#
            );
            let answer =
                format!(r#"{{"id":{id},"result":{{"State":["{text}",[{{}}]]}},"error":null}}{after}"#);
            answers.insert(order as usize % (answers.len() + 1), answer);
        }
        (sent.into_bytes(), answers.concat().into_bytes())
    })
}

fn dap() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (proptest::collection::vec(text(), 1..8), any::<u64>()).prop_map(|(texts, order)| {
        let frame = |body: String| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let (mut sent, mut answers) = (String::new(), Vec::new());
        for (seq, text) in texts.into_iter().enumerate() {
            let asked = format!(r#"{{"seq":{seq},"type":"request","command":"evaluate","arguments":{{"expression":"{text}"}}}}"#);
            let answer = format!(r#"{{"seq":0,"type":"response","request_seq":{seq},"success":true,"command":"evaluate","body":{{"result":"{text}"}}}}"#);
            sent += &frame(asked);
            answers.insert(order as usize % (answers.len() + 1), frame(answer));
        }
        (sent.into_bytes(), answers.concat().into_bytes())
    })
}

fn interleaving() -> impl Strategy<Value = Interleaving> {
    let both = prop_oneof![
        2 => json_rpc().prop_map(|said| (Protocol::JsonRpc, said)),
        1 => dap().prop_map(|said| (Protocol::Dap, said)),
    ];
    (both, proptest::collection::vec((any::<bool>(), 1..400_usize), 1..30))
        .prop_map(|((protocol, (client, dlv)), turns)| Interleaving { protocol, client, dlv, turns })
}

async fn connection(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let (near, far) = tokio::join!(listener.accept(), TcpStream::connect(listener.local_addr().unwrap()));
    let (near, far) = (near.unwrap().0, far.unwrap());
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap();
        // Closed with a reset: twenty thousand connections that the system remembers for a minute
        // make every look at its table slow, dlv's own too.
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    (near, far)
}

/// Sends both sides' bytes turn by turn; returns what each side got.
async fn replay(interleaving: &Interleaving, listener: &TcpListener) -> (Vec<u8>, Vec<u8>) {
    let ((client, mut ide), (upstream, mut dlv)) = (connection(listener).await, connection(listener).await);
    let (mut from_ide, mut from_dlv) =
        (VecDeque::from(interleaving.client.clone()), VecDeque::from(interleaving.dlv.clone()));
    // A long conversation is not sent byte by byte.
    let least = (from_ide.len() + from_dlv.len()) / 40;
    let mut turns = interleaving.turns.iter().cycle();
    let mut conversation =
        Conversation::new(interleaving.protocol, &MessageRewrites::default(), dlvgate_recording::Tap::none());
    let (mut client, mut upstream) = (Transport::Tcp(client), Transport::Tcp(upstream));
    let speaking = async {
        let (mut at_ide, mut at_dlv) = (Vec::new(), Vec::new());
        while !(from_ide.is_empty() && from_dlv.is_empty()) {
            let (client_speaks, len) = *turns.next().unwrap();
            let client_speaks = (client_speaks && !from_ide.is_empty()) || from_dlv.is_empty();
            let (bytes, to) =
                if client_speaks { (&mut from_ide, &mut ide) } else { (&mut from_dlv, &mut dlv) };
            let part: Vec<u8> = bytes.drain(..len.max(least).min(bytes.len())).collect();
            to.write_all(&part).await.unwrap();
            tokio::task::yield_now().await;
        }
        let read = async |from: &mut TcpStream, into: &mut Vec<u8>, len| {
            while into.len() < len {
                assert!(from.read_buf(into).await.unwrap() > 0);
            }
        };
        read(&mut dlv, &mut at_dlv, interleaving.client.len()).await;
        read(&mut ide, &mut at_ide, interleaving.dlv.len()).await;
        (at_dlv, at_ide)
    };
    tokio::select! {
        heard = tokio::time::timeout(PATIENCE, speaking) => heard.expect("something is held back"),
        cause = relay(&mut client, &mut upstream, None, BytesMut::new(), &mut conversation) => panic!("it ended: {cause}"),
    }
}

#[test]
fn ten_thousand_interleavings_are_relayed_unchanged() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let tried = runner.run(&interleaving(), |interleaving| {
        let (at_dlv, at_ide) = runtime.block_on(replay(&interleaving, &listener));
        prop_assert!(at_dlv == interleaving.client, "what the client said reached dlv changed");
        prop_assert!(at_ide == interleaving.dlv, "what dlv said reached the client changed");
        Ok(())
    });
    tried.unwrap();
}
