//! The edge: environment, stdin, the lock, faults, the journal, and the answer.

use std::env;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::faults::{self, Fault, Kind};
use crate::files::Files;
use crate::load;
use crate::noise::Output;
use crate::run::{self, Surroundings};
use crate::services::Services;
use crate::store::{Store, now};

/// The stand-in itself failed: its folder, its fault file.
pub const BROKEN: u8 = 70;

pub fn invocation() -> io::Result<i32> {
    let argv: Vec<String> = env::args().skip(1).collect();
    let folder = env::var_os("STANDIN_PF_STATE").map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("STANDIN_PF_STATE names no folder"))?;
    let started = now();
    // Before the lock: the writer of stdin may be slow, or need a pfctl first.
    let stdin = stdin_text(&argv)?;
    let is_verb = argv.first().is_some_and(|a| a == "--standin");
    let asked = env::var("STANDIN_PF_FAULT").ok();
    let fault =
        if is_verb { None } else { faults::find(&Store::open(folder.clone())?, asked.as_deref(), &argv)? };
    if let Some(Fault { action: Kind::Delay, ms, .. }) = fault {
        thread::sleep(Duration::from_millis(ms));
    }
    let store = Store::open(folder)?;
    if is_verb && argv.get(1).is_some_and(|v| v == "journal") {
        return answer(&store.read("journal.jsonl")?.unwrap_or_default(), "", 0);
    }
    let around = surroundings(&store, stdin)?;
    let mut state = match store.load()? {
        Some(state) => state,
        None => load::boot(&around.files, &around.services, 1, 0).0,
    };
    let mut out = Output::default();
    let early = fault.as_ref().filter(|f| !f.after && matches!(f.action, Kind::Fail | Kind::Hang));
    let mut code = 0;
    if early.is_none() {
        let mut next = state.clone();
        code = run::run(&mut next, &mut out, &around, &argv);
        if fault.as_ref().is_some_and(|f| f.action == Kind::Lie) {
            out.changes.clear();
        } else {
            state = next;
        }
        store.save(&state)?;
    }
    let mut hangs = false;
    if let Some(fault) = &fault {
        match fault.action {
            Kind::Fail => {
                out.stdout.clear();
                out.stderr = if fault.text.is_empty() { String::new() } else { format!("{}\n", fault.text) };
                code = fault.exit;
            }
            Kind::Stderr => out.err(&fault.text),
            Kind::Hang => hangs = true,
            Kind::Lie | Kind::Delay => {}
        }
    }
    if !(is_verb && argv.get(1).is_some_and(|v| v == "state")) {
        store.journal(&json!({
            "t": now(),
            "started": started,
            "pid": around.pid,
            "argv": argv,
            "stdin": around.stdin,
            "exit": if hangs { Value::Null } else { code.into() },
            "change": out.changes,
            "fault": fault.as_ref().map(|f| format!("{:?}", f.action).to_lowercase()),
            "stdout": out.stdout,
            "stderr": out.stderr,
        }))?;
    }
    drop(store);
    if hangs {
        loop {
            thread::park();
        }
    }
    answer(&out.stdout, &out.stderr, code)
}

fn surroundings(store: &Store, stdin: String) -> io::Result<Surroundings> {
    let uid = match env::var("STANDIN_PF_UID") {
        Ok(text) => {
            text.parse().map_err(|_| io::Error::other(format!("STANDIN_PF_UID is no uid: {text}")))?
        }
        Err(_) => 0,
    };
    Ok(Surroundings {
        uid,
        pid: std::process::id(),
        files: Files { folder: env::var_os("STANDIN_PF_CONF_DIR").map(PathBuf::from) },
        services: Services::new(&store.read("services")?.unwrap_or_default())
            .naming(env::var_os("STANDIN_PF_NAMES").is_some()),
        stdin,
    })
}

/// stdin is read only where pfctl reads it: `-f -`.
fn stdin_text(argv: &[String]) -> io::Result<String> {
    let is_verb = argv.first().is_some_and(|word| word == "--standin");
    let packets = is_verb && argv.get(1).is_some_and(|verb| verb == "evaluate-many");
    let wanted = packets || crate::args::parse(argv).is_ok_and(|args| args.file.as_deref() == Some("-"));
    let mut bytes = Vec::new();
    if wanted {
        io::stdin().read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(stdout: &str, stderr: &str, code: i32) -> io::Result<i32> {
    // A caller that hung up does not want the answer; what was done stays done.
    let _ = io::stderr().write_all(stderr.as_bytes());
    let _ = io::stdout().write_all(stdout.as_bytes());
    Ok(code)
}
