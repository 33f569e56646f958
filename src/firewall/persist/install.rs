//! `install`: the plan.

use super::files::{self, Content};
use super::plan::{Change, Plan, ProgramCall};
use super::record::{InstallRecord, WrittenFile};
use super::{Layout, PersistError, Platform, Tools, daemon, pf_conf, sudoers};
use crate::firewall::Peer;
use crate::firewall::guard::policy::{Allowance, Policies};
use crate::firewall::guard::root_owned::check_owners;

/// The arguments of an install.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The user who may start the guard without a password; `None` leaves sudoers as it is.
    pub user: Option<String>,
    /// The changes to this user's policy; `None` leaves a part as it is.
    pub allowance: Allowance,
    /// Ports that are to be open after each boot, and for whom.
    pub openings: Vec<(u16, Vec<Peer>)>,
    /// Whether pf.conf is to have the anchor.
    pub pf_conf: bool,
    /// Whether to overwrite what was changed since.
    pub force: bool,
}

/// Plans the changes. `program` is the running dlvgate, of which the helper is a copy.
///
/// # Errors
/// If something is there that dlvgate did not write, or could be changed by others than root.
pub fn plan(layout: &Layout, tools: &Tools, wanted: &Wanted, program: Vec<u8>) -> Result<Plan, PersistError> {
    let mut record = InstallRecord::read(layout)?.unwrap_or_else(InstallRecord::empty);
    let before = record.clone();
    let mut plan = Plan::default();
    let mut files = vec![(layout.helper().to_owned(), Content { bytes: program, mode: 0o755 }, None)];
    if let Some(user) = &wanted.user {
        let sudoers = sudoers_file(layout, tools, user)?;
        // Before the entry: there is no moment in which the user may more.
        files.extend(policy_file(layout, user, wanted, &mut plan)?);
        files.push(sudoers);
    }
    for (port, peers) in &wanted.openings {
        let text = daemon::text(layout, *port, peers);
        files.push((layout.job_file(*port), Content { bytes: text.into_bytes(), mode: 0o644 }, None));
    }
    let mut written = Vec::new();
    for (path, content, check) in files {
        if layout.is_system() {
            check_owners(&layout.at(&path))?;
        }
        let there = files::read(&layout.at(&path))?;
        let is_ours = there.as_ref().is_none_or(|there| record.wrote(&path, there) || *there == content);
        if !is_ours && !wanted.force {
            return Err(PersistError::Changed { path, why: "is there, and dlvgate did not write it so" });
        }
        note_folders(layout, &path, &mut record);
        record.note(&path, &content);
        if there.as_ref() != Some(&content) {
            plan.write(&path, content, check);
            written.push(path);
        }
    }
    for (port, _) in &wanted.openings {
        let is_new = !record.openings.contains(port);
        if is_new {
            record.openings.push(*port);
        }
        if written.contains(&layout.job_file(*port)) {
            start_job(layout, tools, *port, is_new, &mut plan);
        }
    }
    if wanted.pf_conf {
        edit_pf_conf(layout, tools, wanted.force, &mut record, &mut plan)?;
    }
    if record != before {
        note_folders(layout, layout.record(), &mut record);
        // First: `uninstall` then knows of every file, also of an install that was killed.
        let (path, content) = (layout.record().to_owned(), record.content());
        plan.changes.insert(0, Change::Write { path, content, check: None });
    }
    Ok(plan)
}

type PlannedFile = (String, Content, Option<ProgramCall>);

fn sudoers_file(layout: &Layout, tools: &Tools, user: &str) -> Result<PlannedFile, PersistError> {
    sudoers::check_name(user)?;
    let path = layout.sudoers().to_owned();
    let there = files::read(&layout.at(&path))?;
    let text = there.map(|there| String::from_utf8_lossy(&there.bytes).into_owned()).unwrap_or_default();
    let mut users = sudoers::users(&text);
    if !users.iter().any(|one| one == user) {
        users.push(user.to_owned());
    }
    let text = sudoers::text(&users, layout.helper(), layout.backend());
    let check = match &tools.visudo {
        Some(visudo) => ProgramCall::new(visudo, &["-c", "-f"]),
        None => {
            let why = "to check the sudoers entry before it is put in place (package sudo)";
            return Err(PersistError::NoProgram { program: "/usr/sbin/visudo".to_owned(), why });
        }
    };
    Ok((path, Content { bytes: text.into_bytes(), mode: 0o440 }, Some(check)))
}

/// Plans the policy with this user's changes; `None` without changes.
fn policy_file(
    layout: &Layout,
    user: &str,
    wanted: &Wanted,
    plan: &mut Plan,
) -> Result<Option<PlannedFile>, PersistError> {
    let Allowance { ports, peers } = &wanted.allowance;
    if ports.is_none() && peers.is_none() {
        return Ok(None);
    }
    let path = layout.policy();
    let there = files::read(&layout.at(path))?;
    let text = there.map(|there| String::from_utf8_lossy(&there.bytes).into_owned()).unwrap_or_default();
    let mut policies = match Policies::parse(&text) {
        Ok(policies) => policies,
        Err(_) if wanted.force => Policies::default(),
        Err(why) => return Err(PersistError::Corrupt { path: path.to_owned(), why }),
    };
    let one = policies.users.entry(user.to_owned()).or_default();
    *one = Allowance {
        ports: ports.clone().or_else(|| one.ports.take()),
        peers: peers.clone().or_else(|| one.peers.take()),
    };
    plan.remarks.push(format!("{user} may open ports {} for {}", one.ports_in_words(), one.peers_in_words()));
    let content = Content { bytes: policies.text().into_bytes(), mode: 0o644 };
    Ok(Some((path.to_owned(), content, None)))
}

/// The folders that have to be made for this file, to be removed with it.
fn note_folders(layout: &Layout, path: &str, record: &mut InstallRecord) {
    let file = layout.at(path);
    let missing = file.ancestors().skip(1).take_while(|folder| !folder.exists());
    let mut missing: Vec<String> = missing.map(|folder| layout.name_of(folder)).collect();
    missing.reverse();
    for folder in missing {
        if !record.folders.contains(&folder) {
            record.folders.push(folder);
        }
    }
}

/// A job whose file is another than before is stopped first.
fn start_job(layout: &Layout, tools: &Tools, port: u16, is_new: bool, plan: &mut Plan) {
    let Some(program) = &tools.jobs else {
        let what =
            format!("port {port} opens at the next boot: no launchd or systemd runs here to open it now");
        plan.remarks.push(what);
        return;
    };
    let (job, file) = (layout.job(port), layout.job_file(port));
    let run = |words: &[&str], undo: Option<&[&str]>| Change::Run {
        call: ProgramCall::new(program, words),
        undo: undo.map(|words| ProgramCall::new(program, words)),
    };
    match layout.platform() {
        Platform::Macos => {
            let label = format!("system/{job}");
            if !is_new {
                plan.changes.push(run(&["bootout", &label], None));
            }
            plan.changes.push(run(&["bootstrap", "system", &file], Some(&["bootout", &label])));
        }
        Platform::Linux => {
            plan.changes.push(run(&["daemon-reload"], None));
            plan.changes.push(run(&["enable", &job], Some(&["disable", &job])));
            plan.changes.push(run(&["restart", &job], Some(&["stop", &job])));
        }
    }
}

/// Marked lines before the first rule: candidate, check, backup, load, verify; or everything as it
/// was.
fn edit_pf_conf(
    layout: &Layout,
    tools: &Tools,
    force: bool,
    record: &mut InstallRecord,
    plan: &mut Plan,
) -> Result<(), PersistError> {
    if layout.platform() != Platform::Macos {
        return Err(PersistError::OtherPlatform { what: "--pf-conf" });
    }
    let path = layout.pf_conf();
    let Some(there) = files::read(&layout.at(path))? else {
        return Err(PersistError::Changed { path: path.to_owned(), why: "is not there" });
    };
    let text = String::from_utf8_lossy(&there.bytes).into_owned();
    if pf_conf::has_anchors(&text) {
        let lines = pf_conf::ANCHORS.join("` and `");
        plan.remarks.push(format!("{path} has the lines `{lines}` already: it stays as it is"));
        return Ok(());
    }
    if record.pf_conf.is_some() && !force {
        let why = "had our lines, and an anchor was taken out of them";
        return Err(PersistError::Changed { path: path.to_owned(), why });
    }
    let text = pf_conf::without_ours(&text).unwrap_or(text);
    let content = Content { bytes: pf_conf::with_ours(&text).into_bytes(), mode: there.mode };
    let backup = layout.pf_conf_backup();
    record.note(backup, &there);
    record.pf_conf = Some(WrittenFile { path: path.to_owned(), sha256: content.sha256() });
    plan.remarks.push(format!("{path} as it was, sha256 {}, is in {backup}", there.sha256()));
    plan.write(backup, there, None);
    load_pf_conf(layout, tools, content, plan);
    if let Some(pfctl) = &tools.pfctl {
        let verify = |line| Change::Verify { call: ProgramCall::new(pfctl, &["-s", "rules"]), line };
        plan.changes.extend(pf_conf::ANCHORS.map(verify));
    }
    Ok(())
}

/// Puts pf.conf in place and has pf load it; should a later step fail, what was there is loaded
/// again.
pub(super) fn load_pf_conf(layout: &Layout, tools: &Tools, content: Content, plan: &mut Plan) {
    let path = layout.pf_conf();
    let Some(pfctl) = &tools.pfctl else {
        plan.write(path, content, None);
        return;
    };
    let file = layout.at(path).display().to_string();
    let load = ProgramCall::new(pfctl, &["-f", &file]);
    plan.changes.push(Change::OnUndo(load.clone()));
    plan.write(path, content, Some(ProgramCall::new(pfctl, &["-n", "-f"])));
    plan.changes.push(Change::Run { call: load, undo: None });
}
