//! Forwarding: both directions side by side; one that waits does not hold up the other.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::pin;
use std::process::ExitStatus;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::conversation::{Conversation, PendingRequests};
use super::end_reason::EndReason;
use super::filter::Unframed;
use super::half_duplex::CopyEnd;
use super::link::{Transport, drain};
use super::poll_on_wake::PollOnWake;
use crate::delve::Delve;

/// How long the first message may take to be whole enough to say what it is. One that never is
/// would hold a dlv and a place among the sessions.
const FIRST_MESSAGE: Duration = Duration::from_secs(60);

/// After the answer to `disconnect`, how long dlv may take to say the rest and close. It takes
/// about 10 ms; a multi-client server does not close at all.
const DRAIN: Duration = Duration::from_secs(2);

/// After the client's end of file or reset, how long dlv may take to close. It kills the program in
/// about 0.2 s, and finishes a build first.
const CLIENT_LEFT_GRACE: Duration = Duration::from_secs(5);

/// After dlv's exit, how long bytes that it sent before may take to arrive.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// At a session's end, how long a client that is behind has to take what dlv said before: the
/// kernel would keep that for it, were it connected to dlv itself.
const SLOW_CLIENT: Duration = Duration::from_secs(60);

/// After the connection's end, how long to wait for dlv's exit status, which the client gets.
const EXIT_STATUS: Duration = Duration::from_millis(500);

/// Messages of ours that may wait for a place between dlv's; then the client is not read further.
const MAX_TO_SAY: usize = 64;

/// Chunks that a direction carries before others have their turn.
const TURN: usize = 32;

/// Forwards until an end, and says which. Stopping by a signal is the caller's: the future can be
/// dropped, and `conversation` is then as far as it was.
pub(super) async fn relay(
    client: &mut Transport,
    upstream: &mut Transport,
    mut delve: Option<&mut Delve>,
    held: BytesMut,
    conversation: &mut Conversation,
) -> EndReason {
    let mut relay = Relay::new(client, upstream, conversation, &held);
    drop(held);
    let mut exit = None;
    let mut deadline =
        Some((Instant::now() + FIRST_MESSAGE, EndReason::FirstMessageTimeout { limit: FIRST_MESSAGE }));
    let mut over_at = None;
    let cause = loop {
        let happened = {
            let at = deadline.as_ref().map(|(at, _)| *at);
            let mut aside = pin!(PollOnWake::new(beside(&mut delve, exit.is_some(), at)));
            poll_fn(|cx| match relay.poll(cx) {
                Poll::Ready(event) => Poll::Ready(event),
                Poll::Pending => aside.as_mut().poll(cx),
            })
            .await
        };
        match happened {
            RelayEvent::Milestone => {
                if matches!(deadline, Some((_, EndReason::FirstMessageTimeout { .. }))) {
                    deadline = None;
                } else if relay.conversation.requests.disconnected {
                    deadline = Some((Instant::now() + DRAIN, EndReason::Disconnected));
                } else if let Some(delve) = delve.as_deref_mut() {
                    delve.observe();
                }
            }
            RelayEvent::ClientLeft => {
                let _ = relay.upstream.shutdown().await;
                deadline = Some((Instant::now() + CLIENT_LEFT_GRACE, EndReason::ClientLeft));
            }
            RelayEvent::ClientReset => break EndReason::ClientReset,
            RelayEvent::ClientUnframed(error) => break EndReason::ClientProtocolError(error),
            RelayEvent::UpstreamClosed => {
                let requests = &relay.conversation.requests;
                break if requests.disconnected {
                    EndReason::Disconnected
                } else if relay.client_left && !requests.malformed {
                    EndReason::ClientLeft
                } else {
                    dlv_gone(delve, exit, requests).await
                };
            }
            RelayEvent::UpstreamUnframed(_) if relay.conversation.requests.disconnected => {
                break EndReason::Disconnected;
            }
            RelayEvent::UpstreamUnframed(error) => break EndReason::DlvProtocolError(error),
            RelayEvent::DelveExited(status) => {
                exit = Some(status);
                let cause = dlv_gone(delve.as_deref_mut(), exit, &relay.conversation.requests).await;
                deadline = Some((Instant::now() + IN_FLIGHT, cause));
            }
            RelayEvent::Late => {
                let Some((_, cause)) = deadline.take() else { break EndReason::Disconnected };
                let now = Instant::now();
                let over_at = *over_at.get_or_insert(now + SLOW_CLIENT);
                let is_at_its_end = !matches!(cause, EndReason::FirstMessageTimeout { .. });
                if !is_at_its_end || !relay.is_behind(exit.is_some()) || now >= over_at {
                    break cause;
                }
                deadline = Some((now + IN_FLIGHT, cause));
            }
        }
    };
    if matches!(cause, EndReason::ClientReset) {
        let _ = tokio::time::timeout(CLIENT_LEFT_GRACE, let_go(upstream)).await;
    }
    cause
}

/// Tells dlv that the client is gone and waits until it has seen to its program. A signal would cut
/// its clean-up, and a build that is under way would leave its binary.
async fn let_go(upstream: &mut Transport) -> io::Result<()> {
    upstream.shutdown().await?;
    drain(upstream).await
}

/// What may happen besides messages: dlv's end, unless that is known, and the end of a time.
async fn beside(delve: &mut Option<&mut Delve>, has_exited: bool, deadline: Option<Instant>) -> RelayEvent {
    let exited = async {
        match delve {
            Some(delve) if !has_exited => delve.exited().await,
            _ => pending().await,
        }
    };
    let late = async {
        match deadline {
            Some(at) => tokio::time::sleep_until(at).await,
            None => pending().await,
        }
    };
    tokio::select! {
        status = exited => RelayEvent::DelveExited(status),
        () = late => RelayEvent::Late,
    }
}

/// dlv's end, with what can be known of it in a moment.
async fn dlv_gone(
    delve: Option<&mut Delve>,
    exit: Option<ExitStatus>,
    requests: &PendingRequests,
) -> EndReason {
    let (mut status, mut stderr) = (exit, String::new());
    if let Some(delve) = delve {
        if status.is_none() {
            status = tokio::time::timeout(EXIT_STATUS, delve.exited()).await.ok();
        }
        stderr = delve.last_words().await;
    }
    if requests.disconnected {
        return EndReason::Disconnected;
    }
    EndReason::DlvGone { status, stderr, malformed: requests.malformed }
}

/// What the relay has to act on.
enum RelayEvent {
    /// See [`PendingRequests::milestone`].
    Milestone,
    /// The client has closed its sending half; all that it said is sent.
    ClientLeft,
    ClientReset,
    ClientUnframed(Unframed),
    UpstreamClosed,
    /// What dlv sends cannot be followed.
    UpstreamUnframed(Unframed),
    DelveExited(ExitStatus),
    /// A time is over.
    Late,
}

/// Both directions on one task: a chunk is carried within one poll, and what one direction finds
/// out the other knows in the same poll, without a lock or a wake-up.
struct Relay<'a> {
    client: &'a mut Transport,
    upstream: &'a mut Transport,
    conversation: &'a mut Conversation,
    /// Messages of ours between the client's.
    nothing: VecDeque<Bytes>,
    /// Nothing more is carried to dlv.
    up_is_over: bool,
    client_left: bool,
    /// There was more to carry when others had their turn.
    gave_way: bool,
}

impl<'a> Relay<'a> {
    fn new(
        client: &'a mut Transport,
        upstream: &'a mut Transport,
        conversation: &'a mut Conversation,
        held: &[u8],
    ) -> Relay<'a> {
        conversation.up.take(held, &mut VecDeque::new());
        conversation.client_spoke();
        let nothing = VecDeque::new();
        Relay {
            client,
            upstream,
            conversation,
            nothing,
            up_is_over: false,
            client_left: false,
            gave_way: false,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<RelayEvent> {
        match self.turns(cx) {
            Ok(()) => Poll::Pending,
            Err(event) => Poll::Ready(event),
        }
    }

    /// Carries what there is, but not for ever: others have their turn.
    fn turns(&mut self, cx: &mut Context<'_>) -> Result<(), RelayEvent> {
        self.gave_way = false;
        for _ in 0..TURN {
            let mut there_is_more = self.carry(cx, Relay::poll_up)?;
            let was_full = self.is_full();
            there_is_more |= self.carry(cx, Relay::poll_down)?;
            if std::mem::take(&mut self.conversation.requests.milestone) {
                return Err(RelayEvent::Milestone);
            }
            if there_is_more {
                break;
            }
            // The client was not asked to be heard of while too much of ours waited.
            if !was_full || self.is_full() {
                return Ok(());
            }
        }
        self.gave_way = true;
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// The client has not got yet what dlv has said. While dlv runs, that there is more does not
    /// count: it may never stop.
    fn is_behind(&self, dlv_has_exited: bool) -> bool {
        self.conversation.down.is_behind() || dlv_has_exited && self.gave_way
    }

    /// Carries the available bytes of one direction; returns whether there may be more.
    fn carry(
        &mut self,
        cx: &mut Context<'_>,
        direction: fn(&mut Relay<'a>, &mut Context<'_>) -> Poll<Option<RelayEvent>>,
    ) -> Result<bool, RelayEvent> {
        for _ in 0..TURN {
            match direction(self, cx) {
                // First of all: the program's binary has to be known before dlv can be gone.
                Poll::Ready(None) if self.conversation.requests.milestone => return Ok(true),
                Poll::Ready(None) => {}
                Poll::Ready(Some(event)) => return Err(event),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Too much of ours waits to be said.
    fn is_full(&self) -> bool {
        self.conversation.to_say.len() >= MAX_TO_SAY
    }

    /// Carries one chunk to dlv; an event where that is at an end.
    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<Option<RelayEvent>> {
        if self.up_is_over || self.is_full() {
            return Poll::Pending;
        }
        let carried = self.conversation.up.poll_carry(cx, self.client, self.upstream, &mut self.nothing);
        self.conversation.client_spoke();
        let Err(halt) = ready!(carried) else {
            return Poll::Ready(None);
        };
        self.up_is_over = true;
        match halt {
            CopyEnd::End => {
                self.client_left = true;
                Poll::Ready(Some(RelayEvent::ClientLeft))
            }
            CopyEnd::Unreadable => Poll::Ready(Some(RelayEvent::ClientReset)),
            CopyEnd::Unframed(error) => Poll::Ready(Some(RelayEvent::ClientUnframed(error))),
            // dlv does not read any more; the other direction still has what it said last, and then
            // ends.
            CopyEnd::Unwritable => Poll::Pending,
        }
    }

    /// Carries one chunk to the client; an event where that is at an end.
    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<Option<RelayEvent>> {
        let Conversation { down, to_say, .. } = &mut *self.conversation;
        let carried = down.poll_carry(cx, self.upstream, self.client, to_say);
        self.conversation.dlv_spoke();
        let Err(halt) = ready!(carried) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(match halt {
            CopyEnd::Unwritable => RelayEvent::ClientReset,
            // A reset is dlv's end as well: the client gets it explained rather than repeated.
            CopyEnd::End | CopyEnd::Unreadable => RelayEvent::UpstreamClosed,
            CopyEnd::Unframed(error) => RelayEvent::UpstreamUnframed(error),
        }))
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
