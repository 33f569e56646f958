//! `rollback`: the plan that brings back a snapshot.

use std::path::Path;

use super::files::{self, Content};
use super::install::load_pf_conf;
use super::plan::{Change, Plan, ProgramCall};
use super::record::InstallRecord;
use super::snapshot::{MANIFEST, Manifest, RULESET, is_roots_alone, rulesets};
use super::{Layout, PersistError, Platform, Tools};

/// What becomes of what others than dlvgate have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignChanges {
    /// It is kept, and nothing is rolled back.
    Refuse,
    /// The plan is only looked at: it is in there, with a remark that it takes `--force`.
    Tell,
    /// It becomes what it was.
    Overwrite,
}

impl ForeignChanges {
    fn judge(self, path: String, why: &'static str, plan: &mut Plan) -> Result<(), PersistError> {
        match self {
            ForeignChanges::Refuse => return Err(PersistError::Changed { path, why }),
            ForeignChanges::Tell => plan.remarks.push(format!("{path} {why}: it takes --force")),
            ForeignChanges::Overwrite => {}
        }
        Ok(())
    }
}

/// Plans the changes: each file and the loaded rules become what they were. Files that dlvgate
/// itself wrote since count as unchanged.
///
/// # Errors
/// If the snapshot is corrupt or of another system, or others have changed something since and
/// that is refused.
pub fn plan(
    layout: &Layout,
    tools: &Tools,
    folder: &Path,
    foreign: ForeignChanges,
) -> Result<Plan, PersistError> {
    if layout.is_system() {
        is_roots_alone(&folder.join(MANIFEST), folder)?;
    }
    let manifest = Manifest::read(folder)?;
    if manifest.platform != format!("{:?}", layout.platform()) {
        let why = format!("it is of {}", manifest.platform);
        return Err(PersistError::Corrupt { path: folder.display().to_string(), why });
    }
    let record = InstallRecord::read(layout)?;
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
        if !is_ours {
            let why = "was changed since the snapshot, and not by dlvgate";
            foreign.judge(path.clone(), why, &mut plan)?;
        }
        match saved {
            None => plan.changes.push(Change::Remove { path: path.clone() }),
            Some(content) if path == layout.pf_conf() => load_pf_conf(layout, tools, content, &mut plan),
            Some(content) => plan.write(path, content, None),
        }
    }
    load_ruleset(layout, tools, &manifest, folder, foreign, &mut plan)?;
    Ok(plan)
}

fn is_in(path: &str, folder: &str) -> bool {
    let name = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| !name.is_empty() && !name.contains('/') && name != "..")
}

/// The loaded rules are compared. pf's come from pf.conf; nftables' from the snapshot, since
/// nothing else has them.
fn load_ruleset(
    layout: &Layout,
    tools: &Tools,
    manifest: &Manifest,
    folder: &Path,
    foreign: ForeignChanges,
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
    let what = format!("the ruleset of {}", layout.backend());
    foreign.judge(what.clone(), "was changed since the snapshot", plan)?;
    let before = Content { bytes: now.into_bytes(), mode: saved_text.mode };
    let (call, file) = match (layout.platform(), &tools.pfctl, &tools.nft) {
        (Platform::Macos, Some(pfctl), _) => {
            let file = layout.at(layout.pf_conf()).display().to_string();
            (ProgramCall::new(pfctl, &["-f", &file]), None)
        }
        (Platform::Linux, _, Some(nft)) => {
            // One transaction: everything goes and comes, or nothing does.
            let file = folder.join("restore.nft");
            let bytes = [b"flush ruleset\n".as_slice(), &saved_text.bytes].concat();
            let call = ProgramCall::new(nft, &["-f", &file.display().to_string()]);
            (call, Some((file, Content { bytes, mode: 0o600 })))
        }
        _ => return Ok(()),
    };
    plan.changes.push(Change::Load { what, before, after: saved_text, call, file });
    Ok(())
}
