//! Forwarding: both directions side by side, each with its own buffer, so that one that waits does not hold
//! up the other.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use dlvgate_protocol::envelope::{Envelope, Kind};
use dlvgate_protocol::frame::{DELVE_MAX_BODY, FrameError, Header};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::carrier::Carrier;
use super::cause::{Cause, EMPTY_BODY, body_too_large};
use super::lane::Watcher;
use super::ledger::Ledger;
use crate::delve::Delve;

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

/// The state of the conversation; it outlives the relay, for the last words.
pub(super) struct Talk {
    pub(super) up: Carrier,
    pub(super) down: Carrier,
    pub(super) ledger: Ledger,
}

impl Talk {
    pub(super) fn new() -> Talk {
        Talk { up: Carrier::new(), down: Carrier::new(), ledger: Ledger::new() }
    }
}

/// Forwards until an end, and says which. Stopping by a signal is the caller's: the future can be dropped, and
/// `talk` is then as far as it was.
pub(super) async fn relay(
    client: &mut TcpStream,
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
        let mut deadline: Option<(Instant, Cause)> = None;
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
                    if shared.ledger().disconnected {
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
    super::farewell::drain(upstream).await
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
        stderr = delve.stderr().text();
    }
    let ledger = shared.ledger();
    if ledger.disconnected {
        return Cause::Disconnected;
    }
    Cause::DlvGone { status, stderr, malformed: ledger.malformed }
}

/// What both directions look at. They run on one task and never hold the ledger across a wait.
struct Shared<'a> {
    ledger: Mutex<&'a mut Ledger>,
    /// There is a message of ours to say.
    say: Notify,
    /// Messages of ours were said.
    said: Notify,
    /// Something happened that the relay acts on: `disconnect` was answered, a program was started.
    milestone: Notify,
}

impl<'a> Shared<'a> {
    fn new(ledger: &'a mut Ledger) -> Shared<'a> {
        Shared {
            ledger: Mutex::new(ledger),
            say: Notify::new(),
            said: Notify::new(),
            milestone: Notify::new(),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, &'a mut Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum UpEnd {
    ClientLeft,
    ClientReset,
    Unframed(FrameError),
}

enum DownEnd {
    UpstreamClosed,
    ClientGone,
}

async fn uplink(
    carrier: &mut Carrier,
    client: &mut ReadHalf<'_>,
    upstream: &mut WriteHalf<'_>,
    mut held: BytesMut,
    shared: &Shared<'_>,
) -> UpEnd {
    let mut requests = Requests { shared, body_len: 0 };
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
    client: &mut WriteHalf<'_>,
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
            tracing::warn!(target: "dlvgate::session", %error, "what dlv sent is not framed as DAP");
            return DownEnd::UpstreamClosed;
        }
    }
}

/// Watches what the client asks.
struct Requests<'a, 'b> {
    shared: &'a Shared<'b>,
    /// The length of the present body in bytes.
    body_len: u64,
}

impl Watcher for Requests<'_, '_> {
    fn header(&mut self, header: &Header) -> bool {
        self.body_len = header.body_len;
        if header.body_len == 0 {
            let mut ledger = self.shared.ledger();
            let remark = ledger.remark(EMPTY_BODY);
            ledger.to_say.push_back(remark);
            self.shared.say.notify_one();
        }
        header.body_len <= DELVE_MAX_BODY
    }

    fn envelope(&mut self, envelope: Envelope, passed: bool) {
        let mut ledger = self.shared.ledger();
        match envelope.kind {
            Kind::Request { command } if passed => ledger.asked(envelope.seq.unwrap_or_default(), command),
            Kind::Request { command } => {
                let text = body_too_large(self.body_len);
                let answer = ledger.refuse(envelope.seq.unwrap_or_default(), command.as_str(), &text);
                ledger.to_say.push_back(answer);
                self.shared.say.notify_one();
            }
            Kind::Unknown => ledger.malformed = true,
            _ => {}
        }
    }
}

/// Watches what dlv answers.
struct Replies<'a, 'b> {
    shared: &'a Shared<'b>,
}

impl Watcher for Replies<'_, '_> {
    fn header(&mut self, _: &Header) -> bool {
        true
    }

    fn envelope(&mut self, envelope: Envelope, _: bool) {
        let mut ledger = self.shared.ledger();
        match envelope.kind {
            Kind::Response { request_seq, success, command } => {
                ledger.answered(request_seq, &command, success);
                if ledger.disconnected {
                    self.shared.milestone.notify_one();
                }
            }
            // dlv has built and started the program.
            Kind::Event { event } if &event == "initialized" => self.shared.milestone.notify_one(),
            Kind::Event { event } if &event == "terminated" => ledger.terminated = true,
            _ => {}
        }
    }
}

/// Connects to dlv: the only connection that it ever gets from us.
///
/// # Errors
/// What the system says, or that nothing answered in time.
pub(super) async fn dial(address: std::net::SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(limit, TcpStream::connect(address)).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
    })??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
