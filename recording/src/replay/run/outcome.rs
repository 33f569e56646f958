//! How what came differs from the recording.

use serde_json::Value;

use super::super::coalesce::Coalesced;
use super::super::script::arguments;
use super::{ReplayState, compared};
use crate::difference::{Difference, compare};
use crate::normalize;

impl ReplayState<'_> {
    /// Where what came says something else than what was recorded. After a failure, or where the
    /// server was given up, nothing is missed.
    pub(in super::super) fn differences(&mut self, sent: usize) -> Vec<Difference> {
        let mut found = Vec::new();
        let is_given_up = self.given_up.is_some();
        if let Some((request, live)) = &self.failed {
            let recorded = self.script.said.iter().find(|said| said.answers == Some(*request));
            if let Some(said) = recorded {
                let (recorded, live) = (normalize::answer(&said.message), normalize::answer(live));
                compare(Some(said.line), &said.name, &recorded, &live, &mut found);
            }
            return found;
        }
        for asked in self.script.asked[sent..].iter().filter(|_| !is_given_up) {
            let recorded = arguments(self.script.protocol(), &asked.message).to_string();
            let path = format!("{} could not be sent: the connection had ended", asked.name);
            found.push(Difference { line: Some(asked.line), path, recorded: Some(recorded), live: None });
        }
        let stars = &mut self.stars;
        let mut starred = |name: &str, message: &Value| compared(stars, name, message).into_owned();
        let recorded: Vec<Value> =
            self.script.said.iter().map(|said| starred(&said.name, &said.message)).collect();
        let heard = self.script.said.iter().zip(&self.heard);
        let heard: Vec<Option<Value>> =
            heard.map(|(said, heard)| heard.as_ref().map(|heard| starred(&said.name, heard))).collect();
        let extra: Vec<(&str, Value)> = self
            .extra
            .iter()
            .filter(|_| !is_given_up)
            .map(|(name, message)| (name.as_str(), starred(name, message)))
            .collect();
        let all = || self.script.said.iter().zip(recorded.iter().zip(&heard));
        for (said, (recorded, heard)) in all().filter(|(said, _)| Coalesced::of(said).is_none()) {
            let recorded = normalize::answer(recorded);
            match heard {
                Some(live) => {
                    compare(Some(said.line), &said.name, &recorded, &normalize::answer(live), &mut found);
                }
                None if is_given_up => {}
                None => found.push(Difference {
                    line: Some(said.line),
                    path: said.name.clone(),
                    recorded: Some(recorded.to_string()),
                    live: None,
                }),
            }
        }
        for (name, message) in extra.iter().filter(|(name, _)| Coalesced::named(name).is_none()) {
            let live = Some(normalize::answer(message).to_string());
            found.push(Difference { line: None, path: (*name).to_owned(), recorded: None, live });
        }
        for pieces in Coalesced::ALL.into_iter().filter(|_| !is_given_up) {
            // How much a program prints cannot be told from placeholders.
            if self.script.header.redacted && pieces == Coalesced::Output {
                continue;
            }
            let ones = || all().filter(|(said, _)| Coalesced::of(said) == Some(pieces));
            let first = ones().next().map(|(said, _)| said.line);
            let whole = pieces.whole(ones().map(|(_, (recorded, _))| recorded));
            let extra = extra.iter().filter(|(name, _)| Coalesced::named(name) == Some(pieces));
            let live =
                ones().filter_map(|(_, (_, heard))| heard.as_ref()).chain(extra.map(|(_, message)| message));
            compare(first, pieces.path(), &whole, &pieces.whole(live), &mut found);
        }
        found.retain(|one| !self.options.ignored.iter().any(|ignored| ignored.covers(&one.path)));
        found
    }
}
