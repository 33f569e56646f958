//! The end of the conversation as the client sees it: never a hang, never a silent close.

use std::time::Duration;

use bytes::Bytes;
use dlvgate_protocol::conversation::Key;
use dlvgate_protocol::envelope::Name;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::conversation::Conversation;
use super::link::{Transport, drain};

/// How long a client may take to hear the reason and close; one that does not read is not waited
/// for.
const LINGER: Duration = Duration::from_secs(2);

/// What a client sent before it could know of the end is answered before the end is announced: this
/// long after its last byte nothing more is expected to be on its way.
const QUIET: Duration = Duration::from_millis(20);

/// A client that never stops sending hears of the end after this.
const GATHER: Duration = Duration::from_millis(200);

/// What the client hears.
pub(super) enum ClientClose<'a> {
    /// It wanted the end: nothing but the end of the stream.
    Wanted,
    /// The reason, as the answer to whatever it has asked and asks still.
    Because(&'a str),
}

/// How long the client may take to close first, once it has the last bytes. A client that finds
/// them and the end of the stream at once may act on the end first (nvim-dap does); dlv itself
/// takes about 10 ms in between.
const CLIENT_FIRST: Duration = Duration::from_millis(20);

/// Says the last words and closes: at once where nothing is unread, as dlv does. A socket that is
/// closed with unread bytes resets, and a reset discards what was said last; so those are read
/// first.
pub(super) async fn say(
    client: &mut Transport,
    conversation: &mut Conversation,
    unread: &[u8],
    close: ClientClose<'_>,
) {
    let said = async {
        if let ClientClose::Because(text) = close {
            explain(client, conversation, unread, text).await?;
        }
        conversation.down.flush(client).await?;
        if !client.can_be_closed() {
            return client.shutdown().await;
        }
        if let Ok(closed) = tokio::time::timeout(CLIENT_FIRST, drain(client)).await {
            return closed;
        }
        client.shutdown().await?;
        if client.has_unread() { drain(client).await } else { Ok(()) }
    };
    // The client may be gone already, so failures do not matter.
    let _ = tokio::time::timeout(LINGER, said).await;
}

/// Answers pending requests and those that still come, until `disconnect` is answered or the client
/// closes.
async fn explain(
    client: &mut Transport,
    conversation: &mut Conversation,
    unread: &[u8],
    text: &str,
) -> std::io::Result<()> {
    conversation.down.complete(client).await?;
    conversation.up.keep_back();
    let mut last = LastRequests { unread, ended: false };
    let gathered = Instant::now() + GATHER;
    while !last.ended && Instant::now() < gathered {
        let Ok(requests) = tokio::time::timeout(QUIET, last.read(client, conversation)).await else { break };
        for (key, name) in requests? {
            conversation.requests.asked(key, name);
        }
    }
    let began = conversation.requests.began;
    let mut is_told = !conversation.to_say.is_empty();
    conversation.to_say.drain(..).for_each(|word| conversation.down.queue(word));
    while let Some(word) = conversation.requests.last_word(text) {
        is_told = true;
        queue(word, client, conversation).await?;
    }
    if !is_told && !began {
        conversation.requests.remark(text).into_iter().for_each(|remark| conversation.down.queue(remark));
    }
    conversation.down.flush(client).await?;
    while !last.ended && !conversation.requests.disconnected {
        for (key, name) in last.read(client, conversation).await? {
            let answer = conversation.requests.last_answer(key, &name, text);
            queue(answer, client, conversation).await?;
        }
        conversation.down.flush(client).await?;
    }
    Ok(())
}

/// Queues an answer, and sends the queue before it grows too long: a client may have sent thousands
/// of requests.
async fn queue(word: Bytes, client: &mut Transport, conversation: &mut Conversation) -> std::io::Result<()> {
    conversation.down.queue(word);
    if conversation.down.is_full() { conversation.down.flush(client).await } else { Ok(()) }
}

/// What the client still asks.
struct LastRequests<'a> {
    /// Bytes that were read before the end.
    unread: &'a [u8],
    /// The client has closed, or cannot be understood any more.
    ended: bool,
}

impl LastRequests<'_> {
    async fn read(
        &mut self,
        client: &mut Transport,
        conversation: &mut Conversation,
    ) -> std::io::Result<Vec<(Key, Name)>> {
        let goes_on = match std::mem::take(&mut self.unread) {
            [] => conversation.up.hear(client).await?,
            unread => conversation.up.overhear(unread),
        };
        self.ended = !goes_on;
        let mut requests = Vec::new();
        conversation.up.drain_events(|event| requests.extend(event.request()));
        Ok(requests)
    }
}
