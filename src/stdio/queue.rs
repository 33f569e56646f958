//! The queue of a standard stream, and the thread that writes it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;

/// Bytes that may wait before those wait whose output is passed on: what a pipe holds.
const PASSAGE: usize = 64 * 1024;

/// Bytes that may wait for a reader: some 5,000 entries of the log, minutes of a busy server's.
const LIMIT: usize = 1024 * 1024;

/// The stack of a thread that writes, and rarely formats one entry of the log.
const STACK: usize = 256 * 1024;

/// Standard output of a command that holds something.
pub(crate) static STDOUT: TextQueue =
    TextQueue::new("standard output", |text| write(io::stdout().lock(), text), log_loss);

/// Standard error of a command that holds something: the log, and the last error of every command.
pub(crate) static STDERR: TextQueue =
    TextQueue::new("standard error", |text| write(io::stderr().lock(), text), log_loss);

fn log_loss(stream: &str, lost: u64) {
    tracing::warn!(target: "dlvgate", lost, "{stream} was not read: lines were lost");
}

fn write(mut to: impl Write, text: &[u8]) -> io::Result<()> {
    to.write_all(text)?;
    to.flush()
}

/// Texts for one stream, in order. To hand one over never waits for the reader and never fails.
#[derive(Debug)]
pub(crate) struct TextQueue {
    name: &'static str,
    /// Writes a text, and may take as long as it likes.
    write: fn(&[u8]) -> io::Result<()>,
    /// Gets the number of texts that did not fit, once the stream takes some again.
    tell: fn(&str, u64),
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug)]
struct QueueState {
    waiting: VecDeque<Vec<u8>>,
    /// Bytes that wait or are being written.
    bytes: usize,
    /// How many were handed over, and how many the thread is through with.
    taken: u64,
    done: u64,
    /// The last one that could not be written, and why.
    failed: Option<(u64, io::Error)>,
    /// How many did not fit since this was said last.
    lost: u64,
    has_thread: bool,
    /// Tasks that wait until the queue is shorter.
    passages: Vec<Waker>,
    /// The thread waits to be woken. While it writes, nothing has to be done for it to go on.
    is_idle: bool,
}

impl TextQueue {
    const fn new(name: &'static str, write: fn(&[u8]) -> io::Result<()>, tell: fn(&str, u64)) -> TextQueue {
        let state = QueueState {
            waiting: VecDeque::new(),
            bytes: 0,
            taken: 0,
            done: 0,
            failed: None,
            lost: 0,
            has_thread: false,
            is_idle: false,
            passages: Vec::new(),
        };
        TextQueue { name, write, tell, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Hands a text over, to be written with one call. Drops it where there is no room.
    pub(crate) fn post(&'static self, text: Vec<u8>) {
        self.take(text);
    }

    /// Hands a text over and waits until it is written, for `limit` at most.
    ///
    /// # Errors
    /// The stream's own, or that it takes too long.
    pub(super) fn deliver(&'static self, text: Vec<u8>, limit: Duration) -> io::Result<()> {
        let Some(number) = self.take(text) else { return Err(io::ErrorKind::WouldBlock.into()) };
        let state = self.wait(limit, |state| state.done >= number);
        match &state.failed {
            Some((failed, error)) if *failed >= number => Err(copy(error)),
            _ if state.done >= number => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::TimedOut, "it is not read")),
        }
    }

    /// For what others print, of which nothing is dropped.
    pub(crate) fn passage(&'static self) -> Passage {
        Passage(self)
    }

    /// Waits until all is written, for `limit` at most.
    pub(super) fn settle(&self, limit: Duration) {
        drop(self.wait(limit, |state| state.done == state.taken));
    }

    /// Whether all is written.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.lock();
        state.done == state.taken
    }

    /// The text's number; `None` if it was dropped.
    fn take(&'static self, text: Vec<u8>) -> Option<u64> {
        let mut state = self.lock();
        if state.bytes + text.len() > LIMIT || !self.has_thread(&mut state) {
            state.lost += 1;
            return None;
        }
        state.bytes += text.len();
        state.waiting.push_back(text);
        state.taken += 1;
        let (number, is_idle) = (state.taken, std::mem::take(&mut state.is_idle));
        drop(state);
        if is_idle {
            self.changed.notify_all();
        }
        Some(number)
    }

    /// Starts the thread with the first text. Where the system has no thread for us, the next text
    /// tries again.
    fn has_thread(&'static self, state: &mut QueueState) -> bool {
        if !state.has_thread {
            let thread = std::thread::Builder::new().name(self.name.to_owned()).stack_size(STACK);
            state.has_thread = thread.spawn(move || self.write_all()).is_ok();
        }
        state.has_thread
    }

    /// The thread, which ends with the process.
    fn write_all(&'static self) {
        loop {
            let mut state = self.lock();
            let text = loop {
                match state.waiting.pop_front() {
                    Some(text) => break text,
                    None => {
                        state.is_idle = true;
                        state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            };
            drop(state);
            let written = (self.write)(&text);
            let mut state = self.lock();
            state.done += 1;
            state.bytes -= text.len();
            state.failed = written.err().map(|error| (state.done, error)).or(state.failed.take());
            let passages = std::mem::take(&mut state.passages);
            let lost = if state.waiting.is_empty() { std::mem::take(&mut state.lost) } else { 0 };
            drop(state);
            self.changed.notify_all();
            passages.into_iter().for_each(Waker::wake);
            if lost > 0 {
                (self.tell)(self.name, lost);
            }
        }
    }

    fn wait(&self, limit: Duration, until: impl Fn(&QueueState) -> bool) -> MutexGuard<'_, QueueState> {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !until(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes on what others print, in order with our own texts. It waits for the stream's reader, and
/// no thread of the runtime does.
#[derive(Debug)]
pub(crate) struct Passage(&'static TextQueue);

impl AsyncWrite for Passage {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, text: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.lock();
        if state.bytes >= PASSAGE {
            state.passages.push(cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        let part = &text[..text.len().min(PASSAGE)];
        match self.0.take(part.to_vec()) {
            Some(_) => Poll::Ready(Ok(part.len())),
            // there is no thread to write it
            None => Poll::Ready(Err(io::ErrorKind::WouldBlock.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// An error cannot be cloned.
fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// For the log's formatter, which writes each entry with one call.
impl Write for &'static TextQueue {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.post(text.to_vec());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
