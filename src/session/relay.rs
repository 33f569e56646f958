//! Forwarding: both directions side by side, each with its own buffer, so that one that waits does not hold
//! up the other.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::Instant;

use super::carrier::Carrier;
use super::cause::Cause;
use super::lane::Unframed;
use super::link::Link;
use super::socket::drain;
use super::talk::{Replies, Requests, Shared, Talk};
use crate::delve::Delve;

/// How long the first message may take to be whole enough to say what it is. One that never is would hold a dlv and a
/// place among the sessions.
const FIRST_MESSAGE: Duration = Duration::from_secs(60);

/// After the answer to `disconnect`, how long dlv may take to say the rest and close. It takes about 10 ms; a
/// multi-client server does not close at all.
const DRAIN: Duration = Duration::from_secs(2);

/// After the client's end of file or reset, how long dlv may take to close. It kills the program in about 0.2 s, and
/// finishes a build first.
const CLIENT_LEFT_GRACE: Duration = Duration::from_secs(5);

/// After dlv's exit, how long bytes that it sent before may take to arrive.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// After the connection's end, how long dlv's exit status is waited for, to tell the client.
const EXIT_STATUS: Duration = Duration::from_millis(500);

/// Messages of ours that may wait for a place between dlv's; then the client is not read further.
const MAX_TO_SAY: usize = 64;

/// Forwards until an end, and says which. Stopping by a signal is the caller's: the future can be dropped, and
/// `talk` is then as far as it was.
pub(super) async fn relay(
    client: &mut Link,
    upstream: &mut TcpStream,
    mut delve: Option<&mut Delve>,
    held: BytesMut,
    talk: &mut Talk,
) -> Cause {
    let shared = Shared::new(&mut talk.ledger);
    let cause = {
        let (mut client_in, mut client_out) = client.split();
        let (mut upstream_in, mut upstream_out) = upstream.split();
        let up = uplink(&mut talk.up, &mut client_in, &mut upstream_out, held, &shared);
        let down = downlink(&mut talk.down, &mut upstream_in, &mut client_out, &shared);
        tokio::pin!(up, down);
        let mut up_ended = false;
        let mut exit = None;
        let mut deadline = Some((Instant::now() + FIRST_MESSAGE, Cause::NoMessage { limit: FIRST_MESSAGE }));
        loop {
            tokio::select! {
                end = &mut up, if !up_ended => match end {
                    UpEnd::ClientLeft => {
                        up_ended = true;
                        deadline = Some((Instant::now() + CLIENT_LEFT_GRACE, Cause::ClientLeft));
                    }
                    UpEnd::ClientReset => break Cause::ClientReset,
                    UpEnd::Unframed(error) => break Cause::ClientGarbage(error),
                },
                end = &mut down => break match end {
                    DownEnd::ClientGone => Cause::ClientReset,
                    DownEnd::UpstreamClosed if shared.ledger().disconnected => Cause::Disconnected,
                    DownEnd::UpstreamClosed if up_ended && !shared.ledger().malformed => Cause::ClientLeft,
                    DownEnd::UpstreamClosed => dlv_gone(delve, exit, &shared).await,
                },
                status = exited(&mut delve), if exit.is_none() => {
                    exit = Some(status);
                    deadline = Some((Instant::now() + IN_FLIGHT, dlv_gone(delve.as_deref_mut(), exit, &shared).await));
                }
                () = shared.milestone.notified() => {
                    if matches!(deadline, Some((_, Cause::NoMessage { .. }))) {
                        deadline = None;
                    } else if shared.ledger().disconnected {
                        deadline = Some((Instant::now() + DRAIN, Cause::Disconnected));
                    } else if let Some(delve) = delve.as_deref_mut() {
                        delve.observe();
                    }
                }
                () = sleep_until(deadline.as_ref().map(|(at, _)| *at)) => {
                    break deadline.take().map_or(Cause::Disconnected, |(_, cause)| cause);
                }
            }
        }
    };
    if matches!(cause, Cause::ClientReset) {
        let _ = tokio::time::timeout(CLIENT_LEFT_GRACE, let_go(upstream)).await;
    }
    cause
}

/// Tells dlv that the client is gone and waits until it has seen to its program. A signal would cut its clean-up, and a
/// build that is under way would leave its binary.
async fn let_go(upstream: &mut TcpStream) -> io::Result<()> {
    upstream.shutdown().await?;
    drain(upstream).await
}

async fn exited(delve: &mut Option<&mut Delve>) -> ExitStatus {
    match delve {
        Some(delve) => delve.exited().await,
        None => pending().await,
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}

/// dlv's end, with what can be known of it in a moment.
async fn dlv_gone(delve: Option<&mut Delve>, exit: Option<ExitStatus>, shared: &Shared<'_>) -> Cause {
    let (mut status, mut stderr) = (exit, String::new());
    if let Some(delve) = delve {
        if status.is_none() {
            status = tokio::time::timeout(EXIT_STATUS, delve.exited()).await.ok();
        }
        stderr = delve.last_words().await;
    }
    let ledger = shared.ledger();
    if ledger.disconnected {
        return Cause::Disconnected;
    }
    Cause::DlvGone { status, stderr, malformed: ledger.malformed }
}

enum UpEnd {
    ClientLeft,
    ClientReset,
    Unframed(Unframed),
}

enum DownEnd {
    UpstreamClosed,
    ClientGone,
}

async fn uplink(
    carrier: &mut Carrier,
    client: &mut (impl AsyncRead + Unpin),
    upstream: &mut WriteHalf<'_>,
    mut held: BytesMut,
    shared: &Shared<'_>,
) -> UpEnd {
    let mut requests = Requests::new(shared);
    loop {
        let filled = if held.is_empty() {
            match carrier.read(client).await {
                Ok(0) => {
                    let _ = upstream.shutdown().await;
                    return UpEnd::ClientLeft;
                }
                Ok(filled) => filled,
                Err(_) => return UpEnd::ClientReset,
            }
        } else {
            let taken = carrier.take(&held);
            bytes::Buf::advance(&mut held, taken);
            taken
        };
        let inspected = carrier.inspect(filled, &mut requests, &mut VecDeque::new());
        if carrier.flush(upstream).await.is_err() {
            // dlv does not read any more; the other direction still has what it said last, and then ends.
            return pending().await;
        }
        if let Err(error) = inspected {
            return UpEnd::Unframed(error);
        }
        while shared.ledger().to_say.len() >= MAX_TO_SAY {
            shared.said.notified().await;
        }
    }
}

async fn downlink(
    carrier: &mut Carrier,
    upstream: &mut ReadHalf<'_>,
    client: &mut (impl AsyncWrite + Unpin),
    shared: &Shared<'_>,
) -> DownEnd {
    loop {
        let filled = tokio::select! {
            read = carrier.read(upstream) => match read {
                Ok(filled) if filled > 0 => filled,
                // A reset is dlv's end as well: the client gets it explained rather than repeated.
                _ => return DownEnd::UpstreamClosed,
            },
            () = shared.say.notified() => 0,
        };
        let mut ours = std::mem::take(&mut shared.ledger().to_say);
        let framed = carrier.inspect(filled, &mut Replies { shared }, &mut ours);
        if !ours.is_empty() {
            let mut ledger = shared.ledger();
            ours.append(&mut ledger.to_say);
            ledger.to_say = ours;
        } else {
            shared.said.notify_one();
        }
        if carrier.flush(client).await.is_err() {
            return DownEnd::ClientGone;
        }
        if let Err(error) = framed {
            tracing::warn!(target: "dlvgate::session", %error, "what dlv sent cannot be followed");
            return DownEnd::UpstreamClosed;
        }
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Tap;
    use crate::session::amendments::Amendments;
    use dlvgate_protocol::sniff::Protocol;
    use tokio::net::TcpListener;

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, far)
    }

    /// The clock is the test's: it jumps to the next deadline while nothing else happens.
    #[tokio::test(start_paused = true)]
    async fn a_first_message_that_never_comes_does_not_hold_the_session() {
        let ((client, _ide), (mut upstream, _dlv)) = (connection().await, connection().await);
        let held = BytesMut::from(&b"Content-Length: 100\r\n\r\n{\"seq\":1,"[..]);
        let cause = relay(
            &mut Link::Tcp(client),
            &mut upstream,
            None,
            held,
            &mut Talk::new(Protocol::Dap, &Amendments::default(), Tap::none()),
        )
        .await;
        assert!(matches!(cause, Cause::NoMessage { .. }), "{cause}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_has_spoken_may_be_silent_for_as_long_as_it_likes() {
        let ((client, _ide), (mut upstream, _dlv)) = (connection().await, connection().await);
        let held = BytesMut::from(
            &b"Content-Length: 44\r\n\r\n{\"seq\":1,\"type\":\"request\",\"command\":\"pause\"}"[..],
        );
        let mut talk = Talk::new(Protocol::Dap, &Amendments::default(), Tap::none());
        let mut client = Link::Tcp(client);
        let relay = relay(&mut client, &mut upstream, None, held, &mut talk);
        assert!(tokio::time::timeout(FIRST_MESSAGE * 1000, relay).await.is_err());
    }
}
