//! The log on a terminal: a line for each thing that a person cares for.
//!
//! The steps of a session become sentences, without those that follow from others. All else is the
//! message with its fields. `-v`, `--log` and `--log-format` give the full form.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::local_time;
use crate::escape::printable;

const DIM: &str = "2";
const BOLD: &str = "1";
const YELLOW: &str = "33";
const RED: &str = "31";

/// What entries about the packet filter have as their target.
const FIREWALL: &str = "dlvgate::firewall";

/// The packet filter that loads no rules.
const OFF: &str = "off";

/// Formats entries for people.
pub(super) struct TerminalFormat {
    pub(super) has_colours: bool,
}

impl<S, N> FormatEvent<S, N> for TerminalFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut entry = Entry::default();
        event.record(&mut entry);
        let level = *event.metadata().level();
        let Some(text) = entry.text(level, event.metadata().target()) else { return Ok(()) };
        write!(writer, "{}  ", self.paint(DIM, &local_time::now()))?;
        match level {
            Level::ERROR => write!(writer, "{} ", self.paint(RED, "ERROR"))?,
            Level::WARN => write!(writer, "{} ", self.paint(YELLOW, "WARN"))?,
            _ => {}
        }
        if let Some(number) = entry.session.filter(|number| *number > 0) {
            write!(writer, "{} ", self.paint(BOLD, &format!("#{number}")))?;
        }
        // Colours are ours alone: what others have said is harmless before it meets them.
        writeln!(writer, "{}", printable(&text))
    }
}

impl TerminalFormat {
    fn paint(&self, colour: &str, text: &str) -> String {
        if self.has_colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// The fields of an entry.
#[derive(Default)]
struct Entry {
    message: String,
    session: Option<u64>,
    transition: Option<String>,
    at_us: u64,
    cause: Option<String>,
    firewall: Option<String>,
    backend: Option<String>,
    detail: String,
    /// All others, as `key=value`.
    rest: String,
}

impl Entry {
    /// The sentence; `None` for an entry that says nothing to a person.
    fn text(&self, level: Level, target: &str) -> Option<String> {
        match &self.transition {
            Some(transition) => self.step(transition),
            None if target == FIREWALL && level == Level::INFO && self.backend.as_deref() == Some(OFF) => {
                None
            }
            None => Some(format!("{}{}", self.message, self.rest)),
        }
    }

    /// A step of a session, a spare or a shared dlv.
    fn step(&self, transition: &str) -> Option<String> {
        let after = seconds(self.at_us);
        let has_gate = self.firewall.as_deref() != Some(OFF);
        match transition {
            "first_byte" => Some(format!("connected: {}", self.detail)),
            "dlv_ready" => Some(format!("dlv is ready after {after} ({})", self.detail)),
            "gate_open" if has_gate => Some(format!("gate open: {}, for your processes only", self.detail)),
            "spare_ready" => Some(format!("a spare dlv is ready ({})", self.detail)),
            "ending" => {
                let cause = self.cause.as_deref().unwrap_or_default();
                let why = if self.detail.is_empty() { cause } else { &self.detail };
                Some(format!("ended after {after}: {why}"))
            }
            "gate_removed" if has_gate => Some(format!("gate removed: {}", self.detail)),
            _ => None,
        }
    }

    fn put(&mut self, name: &str, value: String) {
        match name {
            "message" => self.message = value,
            "transition" => self.transition = Some(value),
            "cause" => self.cause = Some(value),
            "firewall" => self.firewall = Some(value),
            "backend" => self.backend = Some(value),
            "detail" => self.detail = value,
            "signal" => self.rest = format!(" ({value})"),
            _ => {
                // Writing to a String never fails.
                let _ = write!(self.rest, " {name}={value}");
            }
        }
    }
}

impl Visit for Entry {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "session" => self.session = Some(value),
            "at_us" => self.at_us = value,
            "wall_us" => {}
            name => self.put(name, value.to_string()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

/// Microseconds as people say them.
fn seconds(micros: u64) -> String {
    match micros {
        ..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10),
        _ => format!("{} min {} s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is shown of these entries, without the times.
    fn shown(has_colours: bool, log: impl FnOnce()) -> Vec<String> {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .event_format(TerminalFormat { has_colours })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
    }

    #[test]
    fn steps_become_sentences() {
        let none: Option<&str> = None;
        let lines = shown(false, || {
            let step = |transition: &str, at_us: u64, firewall: Option<&str>, detail: &str| {
                tracing::info!(target: "dlvgate::session", session = 1_u64, transition, at_us, wall_us = 7_u64, cause = none, firewall, detail);
            };
            step("first_byte", 0, None, "DAP from 127.0.0.1:49018");
            step("dlv_starting", 90, None, "");
            step("dlv_ready", 15_100, None, "pid 4720 at 127.0.0.1:40001");
            step("gate_open", 16_000, Some("off"), "port 40001");
            step("gate_open", 16_000, Some("nftables"), "port 40001");
            tracing::warn!(target: "dlvgate::session", session = 1_u64, transition = "ending", at_us = 5_700_000_u64, cause = "dlv_gone", detail = "dlv ended");
        });
        assert_eq!(
            lines,
            [
                "#1 connected: DAP from 127.0.0.1:49018",
                "#1 dlv is ready after 15 ms (pid 4720 at 127.0.0.1:40001)",
                "#1 gate open: port 40001, for your processes only",
                "WARN #1 ended after 5.7 s: dlv ended",
            ]
        );
    }

    #[test]
    fn other_entries_keep_their_fields() {
        let lines = shown(true, || {
            tracing::info!(target: "dlvgate::firewall", backend = "off", "off: nothing filters");
            tracing::error!(target: "dlvgate::firewall", port = 2345_u16, error = %"a\x1b[31mb", "the gate is stuck");
        });
        assert_eq!(lines, ["\x1b[31mERROR\x1b[0m the gate is stuck port=2345 error=a·[31mb"]);
        let lines = shown(false, || tracing::info!(target: "dlvgate", signal = "SIGINT", "stopping"));
        assert_eq!(lines, ["stopping (SIGINT)"]);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            [999, 15_900, 5_760_000, 61_000_000].map(seconds),
            ["0 ms", "15 ms", "5.7 s", "1 min 1 s"]
        );
    }
}
