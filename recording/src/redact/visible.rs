//! What a redacted recording still shows, for the one who sends it.

use std::collections::BTreeSet;
use std::fmt;

use super::texts::Treatment;

/// Different texts of a kind that are counted, and those that are shown as examples.
const COUNTED: usize = 10_000;
const EXAMPLES: usize = 8;

/// Texts that stay, by their kind.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    messages: BTreeSet<String>,
    names: BTreeSet<String>,
    types: BTreeSet<String>,
    paths: BTreeSet<String>,
    expressions: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Visible {
    pub(super) fn message(&mut self, name: &str) {
        note(&mut self.messages, name);
    }

    pub(super) fn text(&mut self, treatment: Treatment, text: &str) {
        let of = match treatment {
            Treatment::Name => &mut self.names,
            Treatment::Path => &mut self.paths,
            Treatment::Expression => &mut self.expressions,
            Treatment::Type => &mut self.types,
            _ => &mut self.others,
        };
        note(of, text);
    }
}

fn note(texts: &mut BTreeSet<String>, text: &str) {
    if texts.len() < COUNTED && !text.is_empty() && !texts.contains(text) {
        texts.insert(text.to_owned());
    }
}

impl fmt::Display for Visible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("commands and events", &self.messages),
            ("names of functions, variables, threads", &self.names),
            ("types", &self.types),
            ("files of the project", &self.paths),
            ("expressions, without their literals", &self.expressions),
            ("words of the protocol and versions", &self.others),
        ];
        writeln!(f, "what stays readable:")?;
        for (what, texts) in kinds.iter().filter(|(_, texts)| !texts.is_empty()) {
            let examples: Vec<&str> = texts.iter().take(EXAMPLES).map(String::as_str).collect();
            let more = if texts.len() > EXAMPLES { ", …" } else { "" };
            writeln!(f, "  {:>5} {what}: {}{more}", texts.len(), examples.join(", "))?;
        }
        write!(
            f,
            "  also: line numbers, counts, lengths, times, process ids, memory addresses, ports, how dlv was called but for its arguments"
        )
    }
}
