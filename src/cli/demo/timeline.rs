//! The demo's page: a line for each thing that happens, with its time.

use std::time::Instant;

use crate::cli::colour;
use crate::escape::printable;
use crate::stdio::STDOUT;

/// Writes to standard output. Clones write to the same page.
#[derive(Clone)]
pub(super) struct Timeline {
    began: Instant,
    colour: bool,
}

impl Timeline {
    pub(super) fn start() -> Timeline {
        Timeline { began: Instant::now(), colour: colour::is_wanted(&std::io::stdout()) }
    }

    /// Prints who did what.
    pub(super) fn line(&self, who: &str, what: &str) {
        let time = format!("{:9.1} ms", self.began.elapsed().as_secs_f64() * 1000.0);
        let who = format!("{who:8}");
        let who = if self.colour { format!("\x1b[1m{who}\x1b[0m") } else { who };
        self.write(&format!("{time}  {who} {}", printable(what)));
    }

    /// What the user of an IDE would see.
    pub(super) fn text(&self, text: &str) {
        let text = printable(text);
        let text = if self.colour { format!("\x1b[36m{text}\x1b[0m") } else { text.into_owned() };
        self.write(&format!("{:23}{text}", ""));
    }

    /// A station of the tour.
    pub(super) fn heading(&self, text: &str) {
        let rule = "─".repeat(72_usize.saturating_sub(text.chars().count()));
        let text = if self.colour { format!("\x1b[1;34m{text}\x1b[0m") } else { text.to_owned() };
        self.write(&format!("\n── {text} {rule}"));
    }

    /// A command that is run.
    pub(super) fn command(&self, command: &str) {
        let command = printable(command);
        let command = if self.colour { format!("\x1b[1m{command}\x1b[0m") } else { command.into_owned() };
        self.write(&format!("$ {command}"));
    }

    /// What it prints.
    pub(super) fn plain(&self, line: &str) {
        self.write(&printable(line));
    }

    fn write(&self, line: &str) {
        // a reader that is gone ends the page, not the session
        STDOUT.post(format!("{line}\n").into_bytes());
    }
}
