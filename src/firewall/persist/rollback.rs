//! `rollback`: the plan that brings back a snapshot.

use std::path::Path;

use super::files;
use super::install::load_pf_conf;
use super::plan::{Call, Change, Plan};
use super::record::Record;
use super::snapshot::{Manifest, RULESET, rulesets};
use super::{Layout, PersistError, Platform, Tools};

/// What is to be done: each file becomes what it was. One that somebody else has changed since is refused; what dlvgate
/// itself wrote since is not.
///
/// # Errors
/// Where the snapshot is corrupt or of another system, or something was changed since, without `force`.
pub fn plan(layout: &Layout, tools: &Tools, folder: &Path, force: bool) -> Result<Plan, PersistError> {
    let manifest = Manifest::read(folder)?;
    if manifest.platform != format!("{:?}", layout.platform()) {
        let why = format!("it is of {}", manifest.platform);
        return Err(PersistError::Corrupt { path: folder.display().to_string(), why });
    }
    let record = Record::read(layout)?;
    let mut plan = Plan::default();
    for (path, saved) in &manifest.files {
        let known = layout.of_a_snapshot();
        let is_ours_to_write = known.0.contains(&path.as_str())
            || known.1.iter().any(|folder| is_in(path, folder))
            || (is_in(path, layout.jobs()) && path.contains("dlvgate"));
        if !is_ours_to_write {
            let why = "it names a file that no snapshot holds".to_owned();
            return Err(PersistError::Corrupt { path: path.clone(), why });
        }
        let saved = saved.as_ref().map(|saved| saved.read(folder)).transpose()?;
        let there = files::read(&layout.at(path))?;
        if saved == there {
            continue;
        }
        let is_ours = match (&there, &record) {
            (None, _) => true,
            (Some(there), Some(record)) => record.wrote(path, there) || path == layout.record(),
            (Some(_), None) => false,
        };
        if !is_ours && !force {
            let why = "was changed since the snapshot, and not by dlvgate";
            return Err(PersistError::Changed { path: path.clone(), why });
        }
        match saved {
            None => plan.changes.push(Change::Remove { path: path.clone() }),
            Some(content) if path == layout.pf_conf() => load_pf_conf(layout, tools, content, &mut plan),
            Some(content) => plan.write(path, content, None),
        }
    }
    load_ruleset(layout, tools, &manifest, folder, force, &mut plan)?;
    Ok(plan)
}

fn is_in(path: &str, folder: &str) -> bool {
    let name = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/') && name != "..")
}

/// The loaded rules are compared. pf's come from pf.conf; nftables' from the snapshot, since nothing else has them.
fn load_ruleset(
    layout: &Layout,
    tools: &Tools,
    manifest: &Manifest,
    folder: &Path,
    force: bool,
    plan: &mut Plan,
) -> Result<(), PersistError> {
    let Some(saved) = manifest.rulesets.get(RULESET) else { return Ok(()) };
    let saved_text = saved.read(folder)?;
    let Some(now) = rulesets(layout, tools)?.remove(RULESET) else { return Ok(()) };
    if now.as_bytes() == saved_text.bytes {
        return Ok(());
    }
    let loads_pf_conf = plan
        .changes
        .iter()
        .any(|change| matches!(change, Change::Write { path, .. } if path == layout.pf_conf()));
    if loads_pf_conf {
        return Ok(());
    }
    if !force {
        let path = format!("the ruleset of {}", layout.backend());
        return Err(PersistError::Changed { path, why: "was changed since the snapshot" });
    }
    match (layout.platform(), &tools.pfctl, &tools.nft) {
        (Platform::Macos, Some(pfctl), _) => {
            let file = layout.at(layout.pf_conf()).display().to_string();
            plan.changes.push(Change::Run { call: Call::new(pfctl, &["-f", &file]), undo: None });
        }
        (Platform::Linux, _, Some(nft)) => {
            // One transaction: everything goes and comes, or nothing does.
            let file = folder.join("restore.nft");
            let bytes = [b"flush ruleset\n".as_slice(), &saved_text.bytes].concat();
            files::write(&file, &files::Content { bytes, mode: 0o600 })?;
            let call = Call::new(nft, &["-f", &file.display().to_string()]);
            plan.changes.push(Change::Run { call, undo: None });
        }
        _ => {}
    }
    Ok(())
}
