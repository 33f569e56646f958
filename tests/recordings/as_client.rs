//! Every recorded session, its client played against a real dlv: of the version that it was
//! recorded with, and of another.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dlvgate_protocol::message::Argument;
use dlvgate_recording::replay::{ClientPlayer, Ignore, Pace, Replayed, Script, Server};
use dlvgate_test_support::PATIENCE;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::{Value, json};

use crate::as_dlv::Replay;
use crate::scenarios::{self, Listens, Scenario, Stage};
use crate::theatre;
use crate::theatre::{PROGRAMS, Prepared, fixture, real_dlv};

fn replay(recorded: &str, live: &Pair, scenario: &Scenario, patience: Duration) -> Replayed {
    let prepared = Prepared::new(live, scenario);
    let running = real_dlv(live, scenario, &prepared);
    let script = Script::load(&fixture(recorded, scenario)).unwrap();
    let mut client =
        ClientPlayer::new(Arc::new(script)).timeout(patience).map_path(PROGRAMS, prepared.parent());
    for pattern in scenario.ignore {
        client = client.ignore(pattern.parse::<Ignore>().unwrap());
    }
    if prepared.pid() != 0 {
        client = client.set(format!("processId={}", prepared.pid()).parse::<Argument>().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.run(running.ready())).unwrap()
}

fn no_difference(dlv: &'static str) {
    let Some(pair) = Pair::find(dlv) else { panic!("{dlv} is not installed: run tests/setup/install-delve") };
    let mut failed = Vec::new();
    for scenario in scenarios::all() {
        let replayed = replay(dlv, &pair, &scenario, PATIENCE);
        if !replayed.is_same() {
            failed.push(format!("{dlv}/{}: {replayed}", scenario.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn dlv_1_20_answers_as_it_was_recorded() {
    no_difference("dlv-1.20");
}

#[test]
fn dlv_1_27_answers_as_it_was_recorded() {
    if Pair::find("dlv-1.27").is_some() {
        no_difference("dlv-1.27");
    }
}

/// Another version does not answer everything, and its answers come at once.
const NEVER_COMES: Duration = Duration::from_secs(5);

/// What the other version of dlv does differently: `fixtures/sessions/other-version.md` lists it,
/// with the reasons.
struct Explained {
    recorded: String,
    live: String,
    /// One of the sessions, or `*`.
    session: String,
    pattern: Ignore,
    row: String,
}

fn explained() -> Vec<Explained> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/other-version.md");
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| 1.") || line.starts_with("| either"));
    let explained = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [recorded, live, session, pattern, why] = cells[..] else { panic!("five cells: {row}") };
        assert!(!why.is_empty(), "{row}");
        let pattern = pattern.trim_matches('`').parse().unwrap();
        Explained {
            recorded: format!("dlv-{recorded}"),
            live: format!("dlv-{live}"),
            session: session.to_owned(),
            pattern,
            row: row.to_owned(),
        }
    });
    explained.collect()
}

fn only_explained_differences(recorded: &'static str, live: &'static str) {
    let (Some(_), Some(pair)) = (Pair::find(recorded), Pair::find(live)) else {
        return; // the tests of the versions themselves say what is missing
    };
    let explained: Vec<Explained> = explained()
        .into_iter()
        .filter(|one| one.recorded == "dlv-either" || (one.recorded == recorded && one.live == live))
        .collect();
    let (mut used, mut unexplained) = (vec![false; explained.len()], Vec::new());
    for scenario in scenarios::all() {
        for difference in replay(recorded, &pair, &scenario, NEVER_COMES).differences {
            let mut is_explained = false;
            for (one, used) in explained.iter().zip(&mut used) {
                let is_meant = one.session == "*" || one.session == scenario.name;
                if is_meant && one.pattern.covers(&difference.path) {
                    (is_explained, *used) = (true, true);
                }
            }
            if !is_explained {
                unexplained.push(format!("{}: {difference}", scenario.name));
            }
        }
    }
    assert!(
        unexplained.is_empty(),
        "recorded with {recorded}, played against {live}:\n{}",
        unexplained.join("\n")
    );
    for (one, used) in explained.iter().zip(used) {
        assert!(used, "nothing differs so any more: {}", one.row);
    }
}

#[test]
fn dlv_1_27_differs_from_1_20_as_explained() {
    only_explained_differences("dlv-1.20", "dlv-1.27");
}

#[test]
fn dlv_1_20_differs_from_1_27_as_explained() {
    only_explained_differences("dlv-1.27", "dlv-1.20");
}

#[test]
fn a_difference_is_shown_and_is_a_failure() {
    let file = |name: &str| format!("{}/fixtures/sessions/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let other = Replay::start(file("dlv-1.20/debug").as_ref(), &[]);
    let play = |flags: &[&str], front: SocketAddr| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        command.args(["replay", "--as", "client", "--connect", &front.to_string()]).args(flags);
        command.arg(file("dlv-1.27/debug")).output().unwrap()
    };
    let output = play(&[], other.front);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("initialize.body.supportsRestartRequest\n    recorded  true\n    live      nothing"),
        "{text}"
    );
    let same = Replay::start(file("dlv-1.27/debug").as_ref(), &[]);
    let output = play(&[], same.front);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let ignored = [
        "initialize",
        "**.presentationHint",
        "exited",
        "process",
        "output",
        "scopes",
        "stackTrace",
        "variables",
    ];
    let ignored: Vec<&str> = ignored.iter().flat_map(|path| ["--ignore", path]).collect();
    let other = Replay::start(file("dlv-1.20/debug").as_ref(), &[]);
    let output = play(&ignored, other.front);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let unreached = play(&[], SocketAddr::from(([127, 0, 0, 1], 1)));
    assert_eq!(unreached.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unreached.stderr).contains("cannot be reached"), "{unreached:?}");
}

/// Plays a session's client from the command line against a real dlv; gives the exit code, what is
/// printed, and the time.
fn played(dlv: &Pair, session: &str, flags: &[&str]) -> (Option<i32>, String, Duration) {
    let running = Dlv::new(dlv, Which::Real).args(["dap", "--listen=127.0.0.1:0"]).start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["replay", "--as", "client", "--connect", &running.ready().to_string()]).args(flags);
    command.arg(format!("{}/fixtures/sessions/{}/{session}.jsonl", env!("CARGO_MANIFEST_DIR"), dlv.name));
    let begun = Instant::now();
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text, begun.elapsed())
}

/// Less than the time that one answer may take.
const AT_ONCE: Duration = Duration::from_secs(30);

#[test]
fn failed_launch_ends_replay_with_its_errors() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let broken = Program::source("broken");
        let folder = format!("{PROGRAMS}/demo={}", broken.folder.display());
        let (code, text, took) = played(&dlv, "debug", &["--map-path", &folder]);
        assert_eq!(code, Some(1), "{text}");
        assert!(took < AT_ONCE, "{}: {took:?}: {text}", dlv.name);
        let begins = "launch failed, and nothing after it was played:\nFailed to launch: ";
        assert!(text.starts_with(begins), "{}: {text}", dlv.name);
        let error = text.find("main.go:").expect("the compiler's words");
        assert!(text.find("launch.success").is_some_and(|difference| error < difference), "{text}");
        assert!(text.contains("not sent, ") && !text.contains("could not be sent"), "{text}");
        assert!(text.lines().count() < 30, "{text}");
    }
}

#[test]
fn attach_to_a_process_that_is_gone_ends_replay() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let mut gone = Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let (code, text, took) = played(&dlv, "attach", &["--set", &format!("processId={}", gone.id())]);
        assert_eq!(code, Some(1), "{text}");
        assert!(took < AT_ONCE, "{}: {took:?}: {text}", dlv.name);
        assert!(text.starts_with("attach failed, and nothing after it was played:\n"), "{text}");
        assert!(text.contains("--set processId=PID names another process"), "{text}");
    }
}

/// What dlv loads of a slice names its elements by their address, and a client asks for more of one
/// by that name.
fn ask_by_address(stage: &Stage<'_>) {
    let (mut debug, thread) = Debug::stopped_at(stage.client(), stage.program, "// breakpoint: data");
    let top = debug.top(thread);
    // In that context nothing is cut.
    let whole = json!({"expression": "tree.Branches", "frameId": top["id"], "context": "clipboard"});
    let branches = debug.client.ok("evaluate", whole)["result"].as_str().unwrap().to_owned();
    let (_, rest) = branches.split_once("(*main.Branch)(").unwrap_or_else(|| panic!("{branches}"));
    let (address, _) = rest.split_once(')').unwrap();
    let branch = format!("(*(*\"main.Branch\")({address}))");
    let leaves = debug.evaluate(&top, &format!("{branch}.Leaves"));
    assert!(leaves.starts_with("[]main.Leaf"), "{leaves}");
    debug.evaluate(&top, &format!("{branch}.Up"));
    if stage.dlv.at_least(1, 27) {
        assert!(debug.evaluate(&top, "dlv target list").starts_with("*\t"));
    }
    debug.run_out(thread);
}

#[test]
fn addresses_and_process_ids_are_the_live_ones() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let scenario = Scenario {
            name: "addresses",
            program: "deep",
            listens: Listens::Dap,
            play: ask_by_address,
            ignore: &[],
        };
        let recorded = theatre::record(&dlv, &scenario);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, recorded).unwrap();
        let prepared = Prepared::new(&dlv, &scenario);
        let running = real_dlv(&dlv, &scenario, &prepared);
        let client = ClientPlayer::new(Arc::new(Script::load(file.path()).unwrap()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let replayed = runtime.block_on(client.run(running.ready())).unwrap();
        assert!(replayed.is_same(), "{}: {replayed}", dlv.name);
    }
}

/// dlv agrees to a restart, and answers once more where it fails.
fn restarts(second: bool) -> tempfile::NamedTempFile {
    let request = |seq: u32, command: &str| json!({"seq": seq, "type": "request", "command": command});
    let answer = |seq: u32, command: &str, success: bool| {
        json!({"seq": 0, "type": "response", "request_seq": seq, "success": success, "command": command,
               "message": if success { Value::Null } else { "Failed to restart".into() }})
    };
    let failed = second.then(|| ("dlv", answer(2, "restart", false)));
    let lines = [
        ("client", request(1, "initialize")),
        ("dlv", answer(1, "initialize", true)),
        ("client", request(2, "restart")),
        ("dlv", answer(2, "restart", true)),
    ];
    let end = [("client", request(3, "disconnect")), ("dlv", answer(3, "disconnect", true))];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, r#"{{"recording":1,"tool":"t","protocol":"dap","start":"2026-01-01T00:00:00Z"}}"#)
        .unwrap();
    for ((from, message), t) in lines.into_iter().chain(failed).chain(end).zip(1..) {
        writeln!(file, "{}", json!({"t": t, "from": from, "message": message})).unwrap();
    }
    file
}

#[test]
fn second_answer_to_a_restart_is_compared() {
    for (recorded, live, is_same) in [(true, true, true), (false, true, false), (false, false, true)] {
        let (recorded, live) = (restarts(recorded), restarts(live));
        let load = |file: &tempfile::NamedTempFile| Arc::new(Script::load(file.path()).unwrap());
        let (client, live) = (ClientPlayer::new(load(&recorded)), load(&live));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let replayed = runtime.block_on(async {
            let server = Server::bind("127.0.0.1:0", live, Pace::AtOnce).await.unwrap();
            tokio::join!(client.run(server.address()), server.serve_one()).0.unwrap()
        });
        assert_eq!(replayed.is_same(), is_same, "{replayed}");
    }
}

#[test]
fn program_that_ends_early_is_not_waited_for() {
    let Some(dlv) = Pair::find("dlv-1.27") else { return };
    let other = Program::built(&dlv, "exit3");
    let demo = format!("{PROGRAMS}/demo/demo-binary={}", other.binary.display());
    let (code, text, took) = played(&dlv, "stepping", &["--map-path", &demo]);
    assert_eq!(code, Some(1), "{text}");
    assert!(took < AT_ONCE, "{took:?}: {text}");
    assert!(text.contains(": stopped\n"), "{text}");
}

/// Plays a session's client against a server of this kind; gives the exit code, what is printed,
/// and the time.
fn played_to(
    patience: &str,
    serve: impl FnOnce(TcpStream) + Send + 'static,
) -> (Option<i32>, String, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["replay", "--as", "client", "--connect", &address, "--timeout", patience]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/debug.jsonl"));
    let begun = Instant::now();
    let output = command.output().unwrap();
    let took = begun.elapsed();
    server.join().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), took)
}

const OTHER: &str = r#"{"seq":0,"type":"event","event":"other"}"#;

/// What a server does with its one client.
type Serves = Box<dyn FnOnce(TcpStream) + Send>;

/// Says each of these, for as long as the client is there.
fn drip(mut stream: TcpStream, mut said: impl Iterator<Item = Vec<u8>>, pause: Duration) {
    while said.next().is_some_and(|said| stream.write_all(&said).is_ok()) {
        std::thread::sleep(pause);
    }
}

#[test]
fn server_that_never_answers_ends_replay() {
    let pause = Duration::from_millis(50);
    let silent = |mut stream: TcpStream| drop(std::io::copy(&mut stream, &mut std::io::sink()));
    let drips = move |stream: TcpStream| {
        let begun = format!("Content-Length: 1000000\r\n\r\n{{\"a\":\"{}", "x".repeat(2_000)).into_bytes();
        drip(stream, begun.into_iter().map(|byte| vec![byte]), pause);
    };
    let others = move |stream: TcpStream| {
        let events = std::iter::repeat(OTHER).map(frame);
        drip(stream, events, pause);
    };
    let kinds: [Serves; 3] = [Box::new(silent), Box::new(drips), Box::new(others)];
    for serve in kinds {
        let (code, text, took) = played_to("2", serve);
        assert_eq!(code, Some(1), "{text}");
        assert!(took < Duration::from_secs(8), "{took:?}: {text}");
        assert!(text.starts_with("the server is silent: no answer to initialize (line"), "{text}");
        assert!(text.lines().count() < 10, "{text}");
    }
}

#[test]
fn server_that_says_too_much_ends_replay() {
    let long = |mut stream: TcpStream| {
        let length = 300 << 20;
        let header = format!("Content-Length: {length}\r\n\r\n\"");
        let _ = stream.write_all(header.as_bytes());
        let chunk = vec![b'x'; 1 << 20];
        while stream.write_all(&chunk).is_ok() {}
    };
    let many = |stream: TcpStream| {
        let event = frame(OTHER);
        drip(stream, std::iter::repeat(event.repeat(1_000)), Duration::ZERO);
    };
    let kinds: [(Serves, &str); 2] = [
        (Box::new(long), "a message of more than 256 MiB"),
        (Box::new(many), "messages that were not recorded"),
    ];
    for (serve, said) in kinds {
        let (code, text, _) = played_to("60", serve);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(text.lines().count() < 10, "{text}");
    }
}

#[test]
fn the_proxy_answers_as_dlv_did() {
    for name in ["stepping", "goland", "panic"] {
        let pair = Pair::any();
        let scenario = scenarios::all().into_iter().find(|one| one.name == name).unwrap();
        let prepared = Prepared::new(&pair, &scenario);
        let own = theatre::record(&pair, &scenario);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("own.jsonl");
        std::fs::write(&file, own).unwrap();
        let mut serve = Serve::with(&pair);
        if scenario.listens == Listens::Headless {
            serve = serve.dlv_flags(theatre::headless(&prepared));
        }
        let server = serve.start();
        let client = ClientPlayer::new(Arc::new(Script::load(&file).unwrap()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let replayed = runtime.block_on(client.run(server.front())).unwrap();
        assert!(replayed.is_same(), "{name}: {replayed}");
    }
}
