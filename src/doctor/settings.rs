//! dlvgate's own configuration files.

use std::path::Path;

use super::context::Context;
use super::files::comment_out;
use super::finding::{Finding, Group, Remedy, State};

pub(super) async fn check(context: &Context) -> Vec<Finding> {
    let Some(wrong) = &context.question.settings else { return Vec::new() };
    let finding = Finding::new(Group::Delve, "settings", State::Bad, wrong.clone())
        .why("dlvgate refuses to start with a configuration file that it does not understand");
    vec![match place(wrong) {
        Some((file, line)) => {
            let Remedy { command, undo } = comment_out(file, line);
            finding.mend_undoably(command, undo.unwrap_or_default())
        }
        None => finding.mend("dlvgate config"),
    }]
}

/// `FILE:LINE: …`.
fn place(text: &str) -> Option<(&Path, usize)> {
    let mut parts = text.splitn(3, ':');
    let (file, line) = (Path::new(parts.next()?), parts.next()?.parse().ok()?);
    file.is_file().then_some((file, line))
}
