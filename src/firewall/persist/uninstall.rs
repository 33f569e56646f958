//! `uninstall`: the plan.

use std::fs;

use super::files::{self, Content};
use super::install::load_pf_conf;
use super::plan::{Change, Plan, ProgramCall};
use super::record::InstallRecord;
use super::{Layout, PersistError, Platform, Tools, pf_conf};
use crate::firewall::guard::GROUPS;

/// Plans the changes: everything that `install` wrote goes, and nothing else.
///
/// # Errors
/// If nothing is installed, or a file is not as it was written, without `force`.
pub fn plan(layout: &Layout, tools: &Tools, force: bool) -> Result<Plan, PersistError> {
    let Some(record) = InstallRecord::read(layout)? else {
        return Err(PersistError::NotInstalled { record: layout.record().to_owned() });
    };
    let mut plan = Plan::default();
    for port in &record.openings {
        stop_job(layout, tools, *port, &mut plan);
    }
    if let Some(written) = &record.pf_conf {
        restore_pf_conf(layout, tools, &record, &written.path, force, &mut plan)?;
    }
    for file in &record.files {
        let Some(there) = files::read(&layout.at(&file.path))? else { continue };
        if !force && !record.wrote(&file.path, &there) {
            let why = "was changed since it was installed";
            return Err(PersistError::Changed { path: file.path.clone(), why });
        }
        plan.changes.push(Change::Remove { path: file.path.clone() });
    }
    if !record.openings.is_empty() && layout.platform() == Platform::Linux {
        if let Some(systemctl) = &tools.jobs {
            let call = ProgramCall::new(systemctl, &["daemon-reload"]);
            plan.changes.push(Change::Run { call, undo: None });
        }
    }
    plan.changes.push(Change::Remove { path: layout.record().to_owned() });
    let folders = record.folders.iter().rev();
    plan.changes.extend(folders.map(|path| Change::RemoveFolder { path: path.clone() }));
    plan.changes.extend(groups(layout));
    Ok(plan)
}

/// The control groups of guards that have ended; one in which a guard is stays.
fn groups(layout: &Layout) -> Vec<Change> {
    let Ok(entries) = fs::read_dir(layout.at(GROUPS)) else { return Vec::new() };
    let folders = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    let folders = folders.map(|path| layout.name_of(&path)).chain([GROUPS.to_owned()]);
    folders.map(|path| Change::RemoveFolder { path }).collect()
}

/// A job that does not run is no reason to keep its file.
fn stop_job(layout: &Layout, tools: &Tools, port: u16, plan: &mut Plan) {
    let Some(program) = &tools.jobs else { return };
    let (job, file) = (layout.job(port), layout.job_file(port));
    let (words, undo) = match layout.platform() {
        Platform::Macos => (
            vec!["bootout".to_owned(), format!("system/{job}")],
            vec!["bootstrap".to_owned(), "system".to_owned(), file],
        ),
        Platform::Linux => (
            vec!["disable".to_owned(), "--now".to_owned(), job.clone()],
            vec!["enable".to_owned(), "--now".to_owned(), job],
        ),
    };
    let call = |arguments| ProgramCall { program: program.clone(), arguments };
    plan.changes.push(Change::Run { call: call(words), undo: Some(call(undo)) });
}

fn restore_pf_conf(
    layout: &Layout,
    tools: &Tools,
    record: &InstallRecord,
    path: &str,
    force: bool,
    plan: &mut Plan,
) -> Result<(), PersistError> {
    let Some(there) = files::read(&layout.at(path))? else { return Ok(()) };
    let Some(text) = pf_conf::without_ours(&String::from_utf8_lossy(&there.bytes)) else {
        // A system update brings its own file; an install that was killed had not come to it.
        plan.remarks.push(format!("{path} has no lines of ours: it stays as it is"));
        return Ok(());
    };
    if !force && !record.wrote(path, &there) {
        let why = "was changed since; --force removes the marked lines only";
        return Err(PersistError::Changed { path: path.to_owned(), why });
    }
    load_pf_conf(layout, tools, Content { bytes: text.into_bytes(), mode: there.mode }, plan);
    Ok(())
}
