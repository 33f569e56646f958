//! What of one session is still to be written: bounded, and copied once. Both directions and the
//! session's steps are in one queue, so that their order is kept.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::format::Sender;

/// Bytes that may wait for the disk.
pub(super) const LIMIT: usize = 64 * 1024 * 1024;

/// Bytes that are free before the relay reads on: what both directions may have in their hands, and
/// the session's steps.
pub(super) const SPARE: usize = 512 * 1024;

/// From here on the queue is not left until later.
const MUCH: usize = LIMIT / 4;

/// Memory that an emptied queue keeps for the next bytes.
const KEPT: usize = 256 * 1024;

/// One entry from the relay.
pub(super) enum Item {
    /// One side sent the next `len` bytes of the batch.
    Heard { at: u64, from: Sender, len: usize },
    /// The session took a step.
    Step(Box<RecordedStep>),
    /// The session is over.
    End { at: u64 },
}

/// A session's step.
pub(super) struct RecordedStep {
    pub(super) at: u64,
    pub(super) event: &'static str,
    pub(super) detail: String,
    pub(super) firewall: Option<&'static str>,
    pub(super) cause: Option<&'static str>,
}

/// Items in their order, and the bytes of all of them.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) bytes: Vec<u8>,
}

impl Batch {
    fn size(&self) -> usize {
        self.bytes.len() + self.items.len() * size_of::<Item>()
    }

    /// Empties it for further use.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.items.shrink_to(KEPT / size_of::<Item>());
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
    }
}

/// Whether the writer has to be woken after an item was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// It was empty.
    pub(super) first: bool,
    /// It has to be written now.
    pub(super) now: bool,
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueueFull;

/// The queue of one session.
#[derive(Default)]
pub(super) struct SessionQueue {
    batch: Mutex<Batch>,
    emptied: Notify,
}

impl SessionQueue {
    /// Puts an item at the end. A session's end always has room.
    pub(super) fn push(&self, item: Item, bytes: &[u8]) -> Result<Due, QueueFull> {
        let mut batch = self.batch();
        let (before, is_end) = (batch.size(), matches!(item, Item::End { .. }));
        if before + bytes.len() > LIMIT && !is_end {
            return Err(QueueFull);
        }
        let first = batch.items.is_empty();
        batch.items.push(item);
        batch.bytes.extend_from_slice(bytes);
        Ok(Due { first, now: is_end || (before < MUCH && batch.size() >= MUCH) })
    }

    /// Takes all that there is into `batch`, which has to be empty, and whose memory the queue
    /// gets.
    pub(super) fn take(&self, batch: &mut Batch) {
        std::mem::swap(&mut *self.batch(), batch);
        self.emptied.notify_waiters();
    }

    /// Returns when there is room for what the relay may read next. Can be cancelled.
    pub(super) async fn room(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.has_room() {
                return;
            }
            emptied.await;
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.batch().size() + SPARE <= LIMIT
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(queue: &SessionQueue, bytes: &[u8]) -> Result<Due, QueueFull> {
        queue.push(Item::Heard { at: 0, from: Sender::Client, len: bytes.len() }, bytes)
    }

    #[test]
    fn only_first_item_and_full_quarter_wake_the_writer() {
        let queue = SessionQueue::default();
        assert_eq!(heard(&queue, b"x"), Ok(Due { first: true, now: false }));
        assert_eq!(heard(&queue, b"x"), Ok(Due { first: false, now: false }));
        assert_eq!(heard(&queue, &vec![0; MUCH]), Ok(Due { first: false, now: true }));
        assert_eq!(heard(&queue, b"x"), Ok(Due { first: false, now: false }));
        let mut batch = Batch::default();
        queue.take(&mut batch);
        assert_eq!((batch.items.len(), batch.bytes.len()), (4, MUCH + 3));
        assert_eq!(heard(&queue, b"x"), Ok(Due { first: true, now: false }));
    }

    #[test]
    fn a_full_queue_takes_the_end_and_nothing_else() {
        let queue = SessionQueue::default();
        heard(&queue, &vec![0; LIMIT - 10]).unwrap();
        assert_eq!(heard(&queue, &[0; 11]), Err(QueueFull));
        assert_eq!(queue.push(Item::End { at: 0 }, b""), Ok(Due { first: false, now: true }));
    }

    #[test]
    fn an_emptied_batch_keeps_little_memory() {
        let queue = SessionQueue::default();
        heard(&queue, &vec![0; KEPT * 4]).unwrap();
        let mut batch = Batch::default();
        queue.take(&mut batch);
        batch.clear();
        assert!(batch.bytes.capacity() <= KEPT && batch.items.is_empty());
    }
}
