//! What dlv and the debugged program print: passed on as it comes, its end kept for error messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of standard error that are kept to explain an end: a Go panic's first goroutine fits.
const TAIL_KEPT: usize = 8 * 1024;

/// Bytes read at once from one of dlv's pipes.
const CHUNK: usize = 8 * 1024;

/// The last bytes of a stream. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
}

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let excess = kept.len().saturating_sub(TAIL_KEPT);
        kept.drain(..excess);
    }

    /// The text, from a line's start where there is one; empty where nothing was printed.
    pub fn text(&self) -> String {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let whole_lines = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if bytes.len() == TAIL_KEPT && end + 1 < bytes.len() => &bytes[end + 1..],
            _ => &bytes[..],
        };
        String::from_utf8_lossy(whole_lines).trim_end().to_owned()
    }
}

/// Copies `from` to `to` until its end; what cannot be written any more is read all the same, since
/// a full pipe would stop the debugged program.
pub(super) async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    already_read: Vec<u8>,
    tail: Tail,
) {
    let mut filled = already_read.len();
    let mut chunk = already_read;
    let mut writable = true;
    loop {
        if filled > 0 {
            tail.push(&chunk[..filled]);
            writable = writable && to.write_all(&chunk[..filled]).await.is_ok() && to.flush().await.is_ok();
        }
        chunk.resize(CHUNK, 0);
        match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => filled = read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_the_end_in_whole_lines() {
        let tail = Tail::default();
        for line in 0..2000 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        let text = tail.text();
        assert!(
            text.len() <= TAIL_KEPT && text.starts_with("line ") && text.ends_with("line 1999"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_closed_reader_does_not_stop_the_program() {
        let (printer, pipe) = tokio::io::duplex(64);
        let (gone, _) = tokio::io::duplex(1);
        let tail = Tail::default();
        let copy = tokio::spawn(pass_on(pipe, gone, b"first ".to_vec(), tail.clone()));
        let mut printer = printer;
        printer.write_all(&[b'x'; 1000]).await.unwrap();
        drop(printer);
        copy.await.unwrap();
        assert_eq!(tail.text().len(), 1006);
    }
}
