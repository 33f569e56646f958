use super::*;
use crate::session::message_rewrites::MessageRewrites;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::Tap;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (listener.accept().await.unwrap().0, far)
}

/// The clock is the test's: it jumps to the next deadline while nothing else happens.
#[tokio::test(start_paused = true)]
async fn missing_first_message_ends_the_session() {
    let ((client, _ide), (upstream, _dlv)) = (connection().await, connection().await);
    let held = BytesMut::from(&b"Content-Length: 100\r\n\r\n{\"seq\":1,"[..]);
    let cause = relay(
        &mut Transport::Tcp(client),
        &mut Transport::Tcp(upstream),
        None,
        held,
        &mut Conversation::new(Protocol::Dap, &MessageRewrites::default(), Tap::none()),
    )
    .await;
    assert!(matches!(cause, EndReason::FirstMessageTimeout { .. }), "{cause}");
}

/// A message that is answered by us, with a remark that is longer than itself.
const EMPTY: &[u8] = b"Content-Length: 0\r\n\r\n";

/// Bytes of that remark; its number has ten digits always.
fn remark_length() -> usize {
    PendingRequests::new(Protocol::Dap).remark(crate::session::end_reason::EMPTY_BODY).unwrap().len()
}

async fn hear(from: &mut (impl AsyncRead + Unpin), length: usize) {
    let mut heard = from.take(length as u64);
    let copied = tokio::io::copy(&mut heard, &mut tokio::io::sink()).await.unwrap();
    assert_eq!(copied, length as u64);
}

/// Relays a client in a task that nothing else wakes.
async fn relayed(says: impl AsyncFnOnce(&mut TcpStream)) {
    let ((client, mut ide), (upstream, _dlv)) = (connection().await, connection().await);
    let relayed = tokio::spawn(async move {
        let mut conversation = Conversation::new(Protocol::Dap, &MessageRewrites::default(), Tap::none());
        let cause = relay(
            &mut Transport::Tcp(client),
            &mut Transport::Tcp(upstream),
            None,
            BytesMut::new(),
            &mut conversation,
        )
        .await;
        panic!("it ended: {cause}")
    });
    let said = tokio::time::timeout(Duration::from_secs(20), says(&mut ide)).await;
    assert!(!relayed.is_finished());
    relayed.abort();
    said.expect("nothing is held back");
}

#[tokio::test]
async fn too_many_remarks_do_not_stop_the_client() {
    relayed(async |ide| {
        for _ in 0..3 {
            ide.write_all(&EMPTY.repeat(MAX_TO_SAY * 2)).await.unwrap();
            hear(ide, MAX_TO_SAY * 2 * remark_length()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn client_that_does_not_read_is_paused_and_loses_none() {
    relayed(async |ide| {
        let (mut hears, mut asks) = ide.split();
        let many = EMPTY.repeat(1000);
        let (mut asked, mut at) = (0, 0);
        // Until nothing more is taken, neither by us nor by the system.
        while let Ok(sent) = tokio::time::timeout(Duration::from_millis(300), asks.write(&many[at..])).await {
            asked += sent.unwrap();
            at = asked % many.len();
            assert!(asked < 256 * 1024 * 1024, "it is read for ever");
        }
        let rest = &EMPTY[asked % EMPTY.len()..];
        let messages = asked / EMPTY.len() + 1;
        let finish = async { asks.write_all(rest).await.unwrap() };
        tokio::join!(finish, hear(&mut hears, messages * remark_length()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn client_may_be_silent_after_its_first_message() {
    let ((client, _ide), (upstream, _dlv)) = (connection().await, connection().await);
    let held = BytesMut::from(
        &b"Content-Length: 44\r\n\r\n{\"seq\":1,\"type\":\"request\",\"command\":\"pause\"}"[..],
    );
    let mut conversation = Conversation::new(Protocol::Dap, &MessageRewrites::default(), Tap::none());
    let (mut client, mut upstream) = (Transport::Tcp(client), Transport::Tcp(upstream));
    let relay = relay(&mut client, &mut upstream, None, held, &mut conversation);
    assert!(tokio::time::timeout(FIRST_MESSAGE * 1000, relay).await.is_err());
}

/// What dlv says before it closes.
const LAST_WORDS: usize = 16 * 1024 * 1024;

/// dlv's end: says its last words, as fast as they are taken, and is gone.
async fn say_last_words(mut dlv: UnixStream) {
    let header = format!("Content-Length: {LAST_WORDS}\r\n\r\n");
    let words = [header.as_bytes(), &vec![b' '; LAST_WORDS]].concat();
    let _ = dlv.write_all(&words).await; // the relay may end before
}

/// A client that closes its half, and then reads nothing for so long; what the relay ends with, and
/// what the client has got in the end.
async fn last_words_after(silence: Duration) -> (EndReason, u64) {
    let ((client, mut ide), (upstream, dlv)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    ide.shutdown().await.unwrap();
    let hearing = async {
        // The clock jumps only while nothing moves.
        tokio::time::sleep(silence).await;
        tokio::io::copy(&mut ide, &mut tokio::io::sink()).await.unwrap()
    };
    let relayed = async {
        let (mut client, mut upstream) = (Transport::Unix(client), Transport::Unix(upstream));
        let mut conversation = Conversation::new(Protocol::Dap, &MessageRewrites::default(), Tap::none());
        relay(&mut client, &mut upstream, None, BytesMut::new(), &mut conversation).await
    };
    let (cause, heard, ()) = tokio::join!(relayed, hearing, say_last_words(dlv));
    (cause, heard)
}

#[tokio::test(start_paused = true)]
async fn slow_client_gets_all_of_dlv_s_output_at_the_end() {
    let (cause, heard) = last_words_after(CLIENT_LEFT_GRACE * 3).await;
    assert!(heard > LAST_WORDS as u64, "{heard} bytes: {cause}");
}

#[tokio::test(start_paused = true)]
async fn client_that_never_reads_does_not_hold_its_session() {
    let (cause, heard) = last_words_after(CLIENT_LEFT_GRACE + SLOW_CLIENT * 2).await;
    assert!(matches!(cause, EndReason::ClientLeft) && heard < LAST_WORDS as u64, "{heard} bytes: {cause}");
}
