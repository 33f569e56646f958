//! Doing it: each fault at whatever step the session is held.

use std::io::Write;
use std::net::TcpStream;

use dlvgate_test_support::process::{is_alive, signal_pid};
use nix::sys::signal::Signal;
use serde_json::json;

use super::bring::Progress;
use super::clock::DAY;
use super::fault::Fault;
use super::limits;
use super::stage::Stage;
use super::step::Step;

/// How long a client is silent that may be silent for as long as it likes.
const HOUR: i64 = 60 * 60;

/// What a flood is: so many lines of 1,000 bytes.
const FLOOD: usize = 1000;

/// What TLS begins with.
const NO_DAP: &[u8] = b"\x16\x03\x01\x02\x00\x01";
/// Where a header is expected.
const NO_HEADER: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Waits until the session is ending, where the fault alone makes it.
pub fn settle(stage: &mut Stage) {
    if !stage.cell.ends_at_once() {
        return;
    }
    let noticed = stage.until(|stage| {
        let is_over = stage.client.as_ref().is_none_or(|client| client.end_if_any().is_some());
        is_over || !stage.server.log.sessions_with("ending").is_empty() || stage.server.status().is_some()
    });
    assert!(noticed, "{:?}: not noticed", stage.cell);
}

/// Makes it go wrong.
pub fn inject(stage: &mut Stage, progress: &mut Progress) {
    let (step, proxy) = (stage.cell.step, stage.server.pid());
    match stage.cell.fault {
        Fault::ClientGone => stage.client.take().expect("it is there").reset(),
        Fault::ClientHalfClosed => stage.client.as_ref().expect("it is there").half_close_if_open(),
        // One that has begun a message is waited for until a limit; one that has said something,
        // for ever.
        Fault::ClientStalled if step < Step::FirstByte => {}
        Fault::ClientStalled => stage.pass(HOUR),
        Fault::ClientProtocolError => {
            let bytes = if step == Step::Connect { NO_DAP } else { NO_HEADER };
            let _ = stage.client.as_mut().expect("it is there").try_raw(bytes);
            progress.rest.clear();
        }
        Fault::DlvExits0 => stage.strings.order("exit 0"),
        Fault::DlvExits1 => stage.strings.order("exit 1"),
        Fault::DlvKilled => signal_pid(dlv(stage), Signal::SIGKILL),
        Fault::DlvHangs => signal_pid(dlv(stage), Signal::SIGSTOP),
        Fault::DlvFloods => {
            stage.strings.order(&format!("print {FLOOD}"));
            if step.is_dialled() {
                stage.strings.order(&format!("say {FLOOD}"));
            }
        }
        Fault::DlvProtocolError => stage.strings.order("garble"),
        Fault::NoReadyLine => stage.strings.order("ready-lines 0"),
        Fault::TwoReadyLines if step == Step::Ready => stage.strings.order("ready-lines 2"),
        Fault::TwoReadyLines => stage.strings.order("line"),
        Fault::UpstreamResets if step == Step::Gate => stage.strings.order("refuse"),
        Fault::UpstreamResets => stage.strings.order("reset"),
        Fault::DiskFull => stage.disks.iter().for_each(super::disk::Disk::fill),
        Fault::NoDescriptors => stage.descriptors = Some(limits::no_descriptors(proxy)),
        Fault::PfctlHangs => stage.pf.fault(&json!({"action": "hang"})),
        Fault::PfctlFails => stage.pf.fails(&[], &[], "pfctl: DIOCXCOMMIT: Device busy"),
        Fault::PfctlLies => stage.pf.fault(&json!({"action": "lie"})),
        Fault::GuardDies => signal_pid(stage.guard, Signal::SIGKILL),
        Fault::ReaperDies => stage.server.reaper().expect("one runs").signal(Signal::SIGKILL),
        Fault::MemoryLimit => use_up_memory(stage),
        Fault::Sigterm => stage.server.signal(Signal::SIGTERM),
        Fault::Sigint => stage.server.signal(Signal::SIGINT),
        Fault::Sigkill => stage.server.signal(Signal::SIGKILL),
        Fault::ClockForward => stage.clock.wall(DAY),
        Fault::ClockBack => stage.clock.wall(-DAY),
    }
}

fn dlv(stage: &Stage) -> i32 {
    if stage.cell.is_real() { stage.server.dlv().pid } else { stage.strings.pid() }
}

/// Other clients come, and each takes some, until there is none.
fn use_up_memory(stage: &Stage) {
    limits::no_memory(stage.server.pid());
    let mut others = Vec::new();
    while is_alive(stage.server.pid()) && others.len() < 1000 {
        let Ok(mut other) = TcpStream::connect(stage.server.front()) else { break };
        let _ = other.write_all(b"Content-Length: 30000\r\n\r\n{");
        others.push(other);
    }
}

/// Restores what the fault took away, for the next client.
pub fn make_good(stage: &mut Stage) {
    stage.disks.iter().for_each(super::disk::Disk::empty);
    if let Some(files) = stage.descriptors.take() {
        limits::descriptors(stage.server.pid(), files);
    }
    stage.pf.works();
}
