//! Why a session ends, for the log in a word and for the client in a sentence.

use std::fmt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use dlvgate_protocol::frame::DELVE_MAX_BODY;
use dlvgate_protocol::message::MergeError;

use super::filter::Unframed;
use crate::delve::{Address, LaunchError};
use crate::firewall::FirewallError;
use crate::shell::quoted;

/// The end's reason.
#[derive(Debug)]
#[non_exhaustive]
pub enum EndReason {
    /// dlv answered `disconnect`.
    Disconnected,
    /// The client closed its connection, or its sending half.
    ClientLeft,
    /// The client's connection was reset.
    ClientReset,
    /// The client began a message and never went on.
    FirstMessageTimeout {
        /// How long it was waited for.
        limit: Duration,
    },
    /// The client sent what cannot be framed.
    ClientProtocolError(Unframed),
    /// dlv ended, or closed the connection, before the client asked for it.
    DlvGone {
        /// Its exit status, where it is ours and has ended.
        status: Option<ExitStatus>,
        /// The end of its standard error.
        stderr: String,
        /// The client had sent it something that is not a DAP message.
        malformed: bool,
    },
    /// dlv sent what cannot be framed.
    DlvProtocolError(Unframed),
    /// There is no dlv to talk to.
    NoDlv(LaunchError),
    /// The dlv that all sessions share ended.
    DlvEnded {
        /// Its exit status.
        status: ExitStatus,
        /// The end of its standard error.
        stderr: String,
    },
    /// The dlv that all sessions share is not there, for this reason.
    SharedEnded(Arc<EndReason>),
    /// dlv serves one client, and has had it.
    AlreadyUsed,
    /// The gate could not be opened.
    GateRefused(FirewallError),
    /// The gate is gone, though the session goes on.
    GateLost(FirewallError),
    /// dlv could not be connected to.
    ConnectFailed {
        /// Where it should listen.
        address: Address,
        /// dlvgate has started this dlv.
        ours: bool,
        /// What the system said.
        source: std::io::Error,
    },
    /// `--max-sessions` are open.
    TooManySessions {
        /// The limit.
        limit: usize,
    },
    /// `--max-sessions-per-address` of the client's address are open.
    TooManyOfAddress {
        /// The limit.
        limit: usize,
    },
    /// dlvgate was asked to stop.
    Stopped {
        /// The signal's name, or what else it was.
        signal: &'static str,
    },
}

impl EndReason {
    /// One word for the log.
    pub fn name(&self) -> &'static str {
        match self {
            EndReason::Disconnected => "disconnected",
            EndReason::ClientLeft => "client_left",
            EndReason::ClientReset => "client_reset",
            EndReason::FirstMessageTimeout { .. } => "first_message_timeout",
            EndReason::ClientProtocolError(_) => "client_protocol_error",
            EndReason::DlvGone { .. } => "dlv_gone",
            EndReason::DlvProtocolError(_) => "dlv_protocol_error",
            EndReason::NoDlv(_) => "no_dlv",
            EndReason::DlvEnded { .. } => "dlv_ended",
            EndReason::SharedEnded(cause) => cause.name(),
            EndReason::AlreadyUsed => "already_used",
            EndReason::GateRefused(_) => "gate_refused",
            EndReason::GateLost(_) => "gate_lost",
            EndReason::ConnectFailed { .. } => "connect_failed",
            EndReason::TooManySessions { .. } => "too_many_sessions",
            EndReason::TooManyOfAddress { .. } => "too_many_of_address",
            EndReason::Stopped { .. } => "stopped",
        }
    }

    /// Whether the session came to its end as its client wanted.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            EndReason::Disconnected
                | EndReason::ClientLeft
                | EndReason::ClientReset
                | EndReason::Stopped { .. }
        )
    }

    /// The message to the client; `None` if it wanted the end itself.
    pub(super) fn to_client(&self) -> Option<String> {
        match self {
            EndReason::Disconnected | EndReason::ClientLeft | EndReason::ClientReset => None,
            other => Some(other.to_string()),
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndReason::Disconnected => f.write_str("disconnected"),
            EndReason::ClientLeft => f.write_str("the client closed its connection"),
            EndReason::ClientReset => f.write_str("the client's connection was reset"),
            EndReason::FirstMessageTimeout { limit } => {
                write!(f, "no message came within {} s of the first byte", limit.as_secs())
            }
            EndReason::ClientProtocolError(error) => {
                write!(
                    f,
                    "what the client sent is {error}. The session ends, since nothing after it can be read"
                )
            }
            EndReason::DlvGone { status, stderr, malformed } => dlv_gone(f, *status, stderr, *malformed),
            EndReason::DlvProtocolError(error) => write!(
                f,
                "what dlv sent is {error}. The session ends, since nothing after it can be read; is it a dlv, and nothing before it?"
            ),
            EndReason::NoDlv(error) => error.fmt(f),
            EndReason::DlvEnded { status, stderr } if stderr.is_empty() => write!(f, "dlv has ended ({status})"),
            EndReason::DlvEnded { status, stderr } => {
                write!(f, "dlv has ended ({status}). The last of its standard error:\n{stderr}")
            }
            EndReason::SharedEnded(cause) => cause.fmt(f),
            EndReason::AlreadyUsed => f.write_str(
                "this dlv serves one client, and another one was first. To let several come, and come back, start a headless \
                 one with --accept-multiclient",
            ),
            EndReason::GateLost(error) => error.fmt(f),
            EndReason::GateRefused(error) => {
                write!(f, "the gate could not be opened, so nothing was sent to dlv: {error}")
            }
            EndReason::ConnectFailed { source, .. } if is_out_of_descriptors(source) => write!(
                f,
                "dlv is ready, and dlvgate cannot connect to it: {source}. End a session, or start dlvgate with a higher limit \
                 (`ulimit -n`)"
            ),
            EndReason::ConnectFailed { address, source, ours: true } => {
                write!(
                    f,
                    "dlv said that it listens at {address}, yet it cannot be reached there: {source}. Start the session again"
                )
            }
            EndReason::ConnectFailed { address, source, ours: false } => write!(
                f,
                "no dlv answers at {address}: {source}. {}, or leave --upstream out and dlvgate starts one",
                start_again(address)
            ),
            EndReason::TooManySessions { limit } => write!(
                f,
                "{limit} debug session{} open already, and --max-sessions is {limit}: end one, or start dlvgate with a higher --max-sessions",
                if *limit == 1 { " is" } else { "s are" }
            ),
            EndReason::TooManyOfAddress { limit } => write!(
                f,
                "{limit} debug session{} open already from your address, and --max-sessions-per-address is {limit}: end one, \
                 or start dlvgate with a higher --max-sessions-per-address",
                if *limit == 1 { " is" } else { "s are" }
            ),
            EndReason::Stopped { signal } => write!(f, "the debugging proxy was stopped ({signal})"),
        }
    }
}

/// A bare dlv that other machines can reach lets each of them in: no command here starts one.
fn start_again(address: &Address) -> String {
    match address.tcp() {
        Some(address) if !address.ip().is_loopback() => "Start it there".to_owned(),
        _ => format!("Start one with `dlv dap --listen={}`", quoted(address.to_string())),
    }
}

/// It is our own limit, and nothing is wrong with dlv.
fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    use nix::errno::Errno;
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EMFILE | Errno::ENFILE))
}

fn dlv_gone(
    f: &mut fmt::Formatter<'_>,
    status: Option<ExitStatus>,
    stderr: &str,
    malformed: bool,
) -> fmt::Result {
    match status {
        Some(status) => write!(f, "dlv ended in mid-session ({status})")?,
        None => f.write_str("dlv closed the connection in mid-session")?,
    }
    if malformed {
        f.write_str("; it does so when it gets a message that is not a JSON object as DAP has it, and the client has sent one")?;
    }
    if stderr.is_empty() {
        return f.write_str(". Start the session again; if it happens each time, run dlvgate with `-- --log` to see dlv's own log");
    }
    write!(f, ". The last of its standard error:\n{stderr}")
}

/// Why a request was not passed on: dlv would close the connection without a word (go-dap,
/// `ReadBaseMessage`).
pub(super) fn body_too_large(body_len: u64) -> String {
    format!(
        "this request has {body_len} bytes and dlv takes at most 4 MiB ({DELVE_MAX_BODY} bytes) in one message. \
         Nothing of it was sent to dlv, and the session goes on"
    )
}

/// Why a request was not passed on: dlv would run it without what the user forces.
pub(super) fn cannot_be_forced(reason: &MergeError) -> String {
    format!(
        "dlvgate was told what to add to this request, and could not: {reason}. Nothing of it was sent to dlv, and the session \
         goes on"
    )
}

/// Why a message without a body was not passed on (go-dap closes the connection on it).
pub(super) const EMPTY_BODY: &str = "the client sent a message of length 0, which dlv would end the session on. It was \
                                     dropped, and the session goes on";

/// A connection that sent no byte for so long is closed.
pub(super) fn silent(limit: Duration) -> String {
    format!("no byte within {} s", limit.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_dlv_is_never_suggested() {
        let said = |address: &str| {
            let address = Address::Tcp(address.parse().unwrap());
            let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            EndReason::ConnectFailed { address, source, ours: false }.to_string()
        };
        assert!(said("127.0.0.1:2345").contains("`dlv dap --listen=127.0.0.1:2345`"));
        assert!(!said("192.0.2.1:2345").contains("dlv dap"), "{}", said("192.0.2.1:2345"));
    }
}
