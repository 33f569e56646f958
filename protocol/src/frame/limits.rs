//! How long headers and bodies may be.

/// Longest header line taken by default, in bytes without its line end.
///
/// A `Content-Length` line has some 25; a proxy or editor that adds headers stays far below this.
pub const MAX_HEADER_LINE: usize = 4096;

/// Most header lines of one message taken by default, without the blank line.
///
/// Known clients send one or two.
pub const MAX_HEADERS: usize = 32;

/// A body limit that no body reaches.
pub const UNLIMITED_BODY: u64 = u64::MAX;

/// Longest body that Delve takes from a client, in bytes: 4 MiB (go-dap's inbound limit).
///
/// Delve closes the connection without a word on a longer one. What Delve sends may be longer.
pub const DELVE_MAX_BODY: u64 = 4 * 1024 * 1024;

/// What a reader takes before it gives up on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest header line, in bytes without its line end.
    pub header_line: usize,
    /// Most header lines of one message, without the blank line.
    pub headers: usize,
    /// Longest body, in bytes. Only [`FrameCodec`](crate::codec::FrameCodec) enforces it; a
    /// [`DapScanner`](crate::scan::DapScanner) leaves the decision to its caller.
    pub body: u64,
}

impl Default for Limits {
    /// [`MAX_HEADER_LINE`], [`MAX_HEADERS`] and [`UNLIMITED_BODY`].
    fn default() -> Limits {
        Limits { header_line: MAX_HEADER_LINE, headers: MAX_HEADERS, body: UNLIMITED_BODY }
    }
}
