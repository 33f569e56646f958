//! Standard output and standard error: no write here panics, and none holds up a command that holds
//! something.
//!
//! The other end of either may be closed, full, stalled, or a terminal that is gone.
//! [`print!`](std::print) and its like panic then, and a write to a full pipe waits until it is
//! read, which may be never. So there are two ways to write:
//!
//! * A command that is over when its text is written (`show`, `doctor`) writes itself and waits for
//!   its reader, as any filter does: `say!` for people, [`print`] and `stdout` for results. It
//!   handles no signals, so these end it.
//! * A command that holds something (a session, a gate) hands its text to a `queue`, which a thread
//!   writes. Text that does not fit is dropped and counted: sessions, gates and signals come first.

mod queue;
mod results;

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

pub(crate) use queue::{STDERR, STDOUT};
pub(crate) use results::{is_reader_gone, print, stdout};

/// How long the end of the program waits for a reader that has stopped reading.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How long a ready line may take to be written before the command goes on without.
const READY_LINE: Duration = Duration::from_millis(500);

/// How often it is looked whether all is written.
const LOOK: Duration = Duration::from_millis(10);

/// Writes a line to standard error and waits for its reader. A failure is ignored: there is no
/// other place to say it.
macro_rules! say {
    ($($text:tt)*) => { $crate::stdio::tell(format_args!("{}\n", format_args!($($text)*))) };
}

/// As `say!`, without the line's end: for a question.
macro_rules! ask {
    ($($text:tt)*) => { $crate::stdio::tell(format_args!($($text)*)) };
}

/// Hands a line for standard error to the [`queue`]: for a command that holds something.
macro_rules! post {
    ($($text:tt)*) => { $crate::stdio::STDERR.post(format!("{}\n", format_args!($($text)*)).into_bytes()) };
}

pub(crate) use {ask, post, say};

/// Writes to standard error, whatever becomes of it.
pub(crate) fn tell(text: fmt::Arguments<'_>) {
    let text = text.to_string(); // one call, so that lines of several processes do not mix
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Writes a command's ready line to standard output. A failure is logged, and the command goes on:
/// a client that knows the address already must not lose its session or gate.
pub(crate) fn announce(line: &str) {
    if let Err(error) = STDOUT.deliver(format!("{line}\n").into_bytes(), READY_LINE) {
        tracing::warn!(target: "dlvgate", %error, "standard output does not take the ready line; going on without");
    }
}

/// Waits until the page of a command that holds nothing any more is written.
pub(crate) async fn written() {
    while !STDOUT.is_settled() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits a moment for what the queues have still to write. To be called when nothing is held any
/// more.
pub fn settle() {
    STDOUT.settle(LAST_WORDS);
    STDERR.settle(LAST_WORDS);
}

/// Sends the message of a panic through the queue: the usual hook waits for its reader.
pub fn take_over_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let trace = std::backtrace::Backtrace::capture();
        match trace.status() {
            std::backtrace::BacktraceStatus::Captured => post!("thread '{name}' {panic}\n{trace}"),
            _ => post!("thread '{name}' {panic}"),
        }
        STDERR.settle(LAST_WORDS); // in the main thread the program ends next
    }));
}
