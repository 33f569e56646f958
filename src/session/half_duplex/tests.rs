use super::*;
use crate::session::message_rewrites::MessageRewrites;
use dlvgate_protocol::sniff::Protocol;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn a_cut_message_keeps_its_length() {
    let mut half_duplex = HalfDuplex::new(
        MessageFilter::up(Protocol::Dap, &MessageRewrites::default()),
        DirectionRecorder::of_client(Tap::none()),
    );
    half_duplex.take(b"Content-Length: 10\r\n\r\n{\"a\":", &mut VecDeque::new());
    let mut sent = Vec::new();
    half_duplex.complete(&mut sent).await.unwrap();
    assert_eq!(sent, b"Content-Length: 10\r\n\r\n{\"a\":     ");
}

#[tokio::test]
async fn what_a_cancelled_write_left_is_sent_by_the_next() {
    let mut half_duplex = HalfDuplex::new(
        MessageFilter::up(Protocol::Dap, &MessageRewrites::default()),
        DirectionRecorder::of_client(Tap::none()),
    );
    let message = b"Content-Length: 10\r\n\r\n0123456789";
    half_duplex.take(message, &mut VecDeque::new());
    half_duplex.queue(Bytes::from_static(b"OURS"));
    let (mut narrow, mut reader) = tokio::io::duplex(5);
    let stuck =
        tokio::time::timeout(std::time::Duration::from_millis(10), half_duplex.flush(&mut narrow)).await;
    assert!(stuck.is_err());
    let mut got = vec![0; 5];
    reader.read_exact(&mut got).await.unwrap();
    let rest = tokio::spawn(async move {
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        rest
    });
    half_duplex.flush(&mut narrow).await.unwrap();
    drop(narrow);
    got.extend(rest.await.unwrap());
    assert_eq!(got, [&message[..], b"OURS"].concat());
}

#[test]
fn memory_for_many_events_is_given_back() {
    let mut half_duplex = HalfDuplex::new(
        MessageFilter::up(Protocol::JsonRpc, &MessageRewrites::default()),
        DirectionRecorder::of_client(Tap::none()),
    );
    half_duplex.take("{}".repeat(CHUNK / 2).as_bytes(), &mut VecDeque::new());
    let mut count = 0;
    half_duplex.drain_events(|_| count += 1);
    assert_eq!(count, CHUNK / 2);
    assert!(half_duplex.events.capacity() <= EVENTS_KEPT);
}
