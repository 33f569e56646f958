//! Bringing a session to a step.

use std::path::Path;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::process::descriptors;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Server;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, frames, poll};
use serde_json::json;

use super::fault::Fault;
use super::stage::Stage;
use super::step::Step;

/// Bytes of a body that are its beginning.
const BEGINNING: usize = 10;

/// How far the client is.
#[derive(Default)]
pub struct Progress {
    /// Requests that it has sent, or begun, and that are not answered.
    pub asked: Vec<i64>,
    /// The rest of the message that it has begun.
    pub rest: Vec<u8>,
    /// It has asked for the end, which is the last thing that it asks.
    pub disconnects: bool,
    /// Messages that had come before.
    pub before: usize,
}

/// Brings a new client's session there, and holds it.
pub fn bring(stage: &mut Stage) -> Progress {
    let client = connect(&stage.server);
    let (client, mut progress) = match stage.cell.step {
        Step::Connect | Step::Sniff | Step::Launch | Step::Ready | Step::Gate | Step::FirstByte => {
            begin(stage, client)
        }
        Step::Running | Step::Stopped => debug(stage, client),
        Step::Disconnect | Step::Drain | Step::Close => end(stage, client),
    };
    progress.before = client.arrivals().len();
    stage.client = Some(client);
    gate_is_right(stage);
    progress
}

/// Checks that the gate lets the client alone through while dlv serves, and no one once dlv is told
/// to end.
fn gate_is_right(stage: &Stage) {
    if !stage.cell.step.is_dialled() && stage.cell.step != Step::Close {
        return;
    }
    let ready = stage.server.log.wait_for("dlv_ready", 1);
    let detail = ready.line["detail"].as_str().expect("where dlv is").to_owned();
    let port = detail.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    assert_eq!(stage.pf.passes("127.0.0.1", port), stage.cell.step != Step::Close, "{:?}", stage.cell);
    assert!(!stage.pf.passes("192.0.2.9", port), "{:?}: a stranger", stage.cell);
}

/// Connects, and waits until the server has noticed.
fn connect(server: &Server) -> Client {
    let before = descriptors(server.pid());
    let client = server.client();
    poll(PATIENCE, || (descriptors(server.pid()) > before).then_some(())).expect("it is accepted");
    client
}

/// Sends as much of the first message as is sent at the step.
fn begin(stage: &Stage, mut client: Client) -> (Client, Progress) {
    let (seq, body) = client.compose("initialize", initialize_arguments());
    let message = frames::frame(&body);
    let sent = match (stage.cell.step, stage.cell.fault) {
        (Step::Connect, _) => 0,
        (Step::Sniff, _) => message.len() - body.len(),
        // Before what it asks can be told, and after.
        (Step::Launch | Step::Ready, Fault::ClientStalled) => message.len() - body.len() + BEGINNING,
        (Step::Gate, Fault::ClientStalled) => message.len() - 1,
        _ => message.len(),
    };
    client.raw(&message[..sent]);
    match stage.cell.step {
        Step::Sniff => {
            stage.server.log.wait_for("forwarding", 1);
            stage.strings.wait("connected");
        }
        Step::Gate => {
            poll(PATIENCE, || stage.marker.exists().then_some(())).expect("the gate is being opened");
            stage.strings.wait("listening");
        }
        Step::Launch | Step::Ready | Step::FirstByte => stage.strings.wait(stage.cell.step.held()),
        _ => {}
    }
    (client, Progress { asked: vec![seq], rest: message[sent..].to_vec(), ..Progress::default() })
}

/// A program runs, or stands at a breakpoint.
fn debug(stage: &Stage, client: Client) -> (Client, Progress) {
    let stops = stage.cell.step == Step::Stopped;
    if stage.cell.is_real() {
        let program = Program::built(&Pair::any(), "loop");
        let debug = match stops {
            true => Debug::stopped_at(client, &program, "// breakpoint: tick").0,
            false => Debug::begin(client, "launch", exec(&program), &program.main(), &[]),
        };
        return (debug.client, Progress::default());
    }
    let mut client = Debug::begin(client, "launch", json!({}), Path::new("/"), &[]).client;
    if !stops {
        return (client, Progress::default());
    }
    // A request that is under way.
    let asked = client.send("stackTrace", json!({"threadId": 1}));
    stage.strings.wait(Step::Stopped.held());
    (client, Progress { asked: vec![asked], ..Progress::default() })
}

/// The client has asked for the end.
fn end(stage: &Stage, mut client: Client) -> (Client, Progress) {
    client.ok("initialize", initialize_arguments());
    let asked = client.send("disconnect", json!({}));
    match stage.cell.step {
        Step::Disconnect => stage.strings.wait("asked disconnect"),
        Step::Drain => stage.strings.wait("answered disconnect"),
        _ => stage.strings.wait("told to end"),
    }
    if stage.cell.step == Step::Disconnect {
        return (client, Progress { asked: vec![asked], ..Progress::default() });
    }
    assert_eq!(client.response(asked)["success"], true);
    (client, Progress::default())
}
