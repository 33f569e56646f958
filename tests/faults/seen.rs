//! The client goes on as an IDE does, and looks at what comes.

use std::time::Duration;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::{PATIENCE, frames, poll};
use serde_json::json;

use super::bring::Progress;
use super::fault::Fault;
use super::inject::make_good;
use super::stage::Stage;
use super::step::Step;
use super::view::View;

/// How long a killed server's connections may take to end: the kernel closes them.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Goes on to the session's end; gives what was seen from the fault on.
pub fn go_on(stage: &mut Stage, mut progress: Progress) -> View {
    if stage.client.is_none() {
        return View::Gone;
    }
    if (stage.cell.step, stage.cell.fault) == (Step::Connect, Fault::NoDescriptors) {
        wait_for_descriptors(stage);
    }
    if stage.cell.fault == Fault::ClientHalfClosed {
        if stage.cell.step < Step::Sniff {
            progress.asked.clear(); // it cannot ask any more
        }
        progress.disconnects = stage.cell.step >= Step::Disconnect;
        return over(stage, &progress);
    }
    let stalls = stage.cell.fault == Fault::ClientStalled && stage.cell.step < Step::FirstByte;
    if !stalls && !progress.rest.is_empty() {
        let rest = std::mem::take(&mut progress.rest);
        let _ = client(stage).try_raw(&rest);
    }
    let asked = progress.asked.clone();
    if !stage.until(|stage| {
        is_over(stage) || has_all(client(stage), &asked) || has_failed(client(stage), &progress)
    }) {
        return over(stage, &progress); // it has waited for long enough
    }
    progress.disconnects = stage.cell.step >= Step::Disconnect;
    let goes_well = has_all(client(stage), &asked) && !has_failed(client(stage), &progress) && !stalls;
    if goes_well && !progress.disconnects && !is_over(stage) {
        let (seq, body) = client(stage).compose("disconnect", json!({}));
        if client(stage).try_raw(&frames::frame(&body)).is_ok() {
            progress.asked.push(seq);
            progress.disconnects = true;
        }
    }
    over(stage, &progress)
}

/// Waits until the connection is over, or for long enough.
fn over(stage: &mut Stage, progress: &Progress) -> View {
    if stage.server.status().is_some() {
        poll(AT_ONCE, || is_over(stage).then_some(()));
    }
    let ended = stage.until(is_over);
    let view = View::of(client(stage), progress);
    assert!(
        ended || view == View::Waited || stage.cell.is_hurried(),
        "{:?}: the server does not close",
        stage.cell
    );
    view
}

/// No client is let in while there are none; the kernel keeps it waiting.
fn wait_for_descriptors(stage: &mut Stage) {
    // The first was let in before: it is another one that has to wait.
    stage.client = Some(stage.server.client());
    let refused = || {
        let lines = stage.server.log.lines();
        lines.iter().any(|line| line.contains("could not be accepted")).then_some(())
    };
    poll(PATIENCE, refused).expect("the log says why no client is let in");
    make_good(stage);
}

fn client(stage: &mut Stage) -> &mut Client {
    stage.client.as_mut().expect("it is there")
}

fn is_over(stage: &mut Stage) -> bool {
    client(stage).end_if_any().is_some()
}

fn has_all(client: &Client, asked: &[i64]) -> bool {
    let arrivals = client.arrivals();
    let is_answered = |seq: &i64| {
        arrivals.iter().any(|one| one.message["type"] == "response" && one.message["request_seq"] == *seq)
    };
    asked.iter().all(is_answered)
}

/// Whether it has been told that something is wrong.
fn has_failed(client: &Client, progress: &Progress) -> bool {
    matches!(View::of(client, progress), View::Told { .. })
}
