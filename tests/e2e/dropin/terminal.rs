//! In a terminal: `script` gives one.

use std::process::{Command, Stdio};

use dlvgate_test_support::dropin::{Dlv, Running, Which, address};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::json;

for_every_dlv!(
    a_terminal_session_is_dlv_s_own,
    the_program_of_a_headless_dlv_has_the_terminal,
    both_streams_keep_their_order_on_a_terminal
);

const SCRIPT: &str = "script";

/// Runs it in a terminal, with input from a pipe.
fn in_terminal(mut dlv: Dlv) -> Running {
    let words: Vec<String> = std::iter::once(dlv.command.get_program())
        .chain(dlv.command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let mut script = Command::new(SCRIPT);
    script.args(["-q", "-e", "-f", "-c", &words.join(" "), "/dev/null"]);
    script.envs(dlv.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    script.env("TERM", "dumb").current_dir(dlv.command.get_current_dir().expect("a folder"));
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    dlv.command = script;
    dlv.start_as_it_is()
}

fn type_in(running: &mut Running, text: &str) {
    use std::io::Write;
    running.child.stdin.as_mut().expect("a pipe").write_all(text.as_bytes()).unwrap();
}

fn wait_for(running: &Running, text: &str) {
    poll(PATIENCE, || running.stdout.text().contains(text).then_some(()))
        .unwrap_or_else(|| panic!("no {text:?} in {}", running.stdout.text()));
}

fn a_terminal_session_is_dlv_s_own(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let mut seen = Vec::new();
    for which in [Which::Real, Which::Command] {
        let binary = program.binary.to_str().unwrap();
        let mut running = in_terminal(Dlv::new(dlv, which).args(["exec", binary]));
        for (typed, answer) in [
            ("", "(dlv) "),
            ("break main.main\r", "Breakpoint 1 set"),
            ("continue\r", "func main()"),
            ("print 6*7\r", "42"),
            ("exit\r", ""),
        ] {
            type_in(&mut running, typed);
            wait_for(&running, answer);
        }
        let ended = running.ended();
        seen.push((ended.status, ended.stdout.contains("Breakpoint 1 set")));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].0.code(), Some(0));
}

fn the_program_of_a_headless_dlv_has_the_terminal(dlv: &Pair) {
    let program = Program::built(dlv, "terminal");
    for which in [Which::Real, Which::Command] {
        let binary = program.binary.to_str().unwrap();
        let words = ["exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue", binary];
        let mut running = in_terminal(Dlv::new(dlv, which).args(words));
        let front =
            address(&running.stdout.first_line().replace('\r', "")).expect("the ready line comes first");
        wait_for(&running, "terminal: true true true");
        type_in(&mut running, "a line\n");
        wait_for(&running, r#"read: "a line\n" <nil>"#);
        let mut client = Rpc::connect(front);
        client.call("Detach", json!({"Kill": true}));
        assert_eq!(running.ended().status.code(), Some(0), "{which:?}");
        running.nothing_left();
    }
}

/// On one terminal: over two ways the one stream overtook the other, in every run.
fn both_streams_keep_their_order_on_a_terminal(dlv: &Pair) {
    let program = Program::built(dlv, "order");
    let binary = program.binary.to_str().unwrap();
    let words = ["exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue", binary];
    for (which, log) in [(Which::Real, 1), (Which::Command, 1), (Which::Command, 2)] {
        let log = format!("--log-dest={log}");
        let running = in_terminal(Dlv::new(dlv, which).args([&words[..], &[&log]].concat()));
        wait_for(&running, "line 198 of both");
        wait_for(&running, "line 199 of both");
        let text = running.stdout.text();
        let numbers: Vec<usize> = text
            .lines()
            .filter_map(|line| line.trim_end().strip_prefix("line ")?.strip_suffix(" of both")?.parse().ok())
            .collect();
        assert_eq!(numbers, (0..200).collect::<Vec<_>>(), "{which:?} {log}: {text}");
    }
}
