//! A block's commands, one after the other, each until it has done what such a command does.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::paths::repository;
use dlvgate_test_support::rpc::Rpc;
use serde_json::{Value, json};

use crate::pages::{Block, without_comment};
use crate::stage::Stage;

/// Commands that are not run as they are printed: how each begins, what is run in its place, and
/// why.
const INSTEAD: &[(&str, &str, &str)] = &[
    ("make demo", "make --dry-run -C \"$REPOSITORY\" demo && dlvgate demo", "a release build takes minutes"),
    ("make packages", "make --dry-run -C \"$REPOSITORY\" packages", "it takes minutes"),
    ("make check-packages", "make --dry-run -C \"$REPOSITORY\" check-packages", "the same"),
    ("cargo install --path .", "grep -x 'name = \"dlvgate\"' \"$REPOSITORY/Cargo.toml\"", "the same"),
    ("ssh -L ", "ssh -G -L ", "there is no other machine: ssh reads the line, and does not connect"),
];

/// Runs the commands of a block as they are printed; gives what each wrote to standard output.
pub fn as_printed(stage: &Stage, block: &Block) -> Vec<String> {
    block.commands().iter().map(|command| one(stage, command)).collect()
}

/// One of them: it ends with exit code 0, or serves what it is there to serve and ends with 0 when
/// it is told to.
pub fn one(stage: &Stage, command: &str) -> String {
    let command = &adapted(command);
    let words = without_comment(command);
    let has = |one: &str| words.contains(one);
    let in_background = words.lines().count() > 1;
    let in_place = ["/dlv ", "dlvgate dlv "].iter().any(|word| has(word)) && !has("dlv version");
    let for_one_client = in_place || has("replay --as dlv");
    if !in_background && (has("dlvgate serve") || has(" serve") || for_one_client) {
        return front(stage, command, for_one_client);
    }
    stage.run(command)
}

/// As it is typed: an ellipsis stands for what may follow.
fn adapted(command: &str) -> String {
    let command = command.replace(" …", "");
    let instead = INSTEAD.iter().find(|(begin, ..)| command.starts_with(begin));
    match instead {
        Some((begin, instead, _)) => {
            let instead = instead.replace("\"$REPOSITORY", &format!("\"{}", repository().display()));
            if begin.ends_with(' ') { command.replacen(begin, &instead, 1) } else { instead }
        }
        None => command,
    }
}

/// Something that listens: the ready line comes, a client is answered, and it ends with 0 on a
/// signal.
fn front(stage: &Stage, command: &str, for_one_client: bool) -> String {
    let running = stage.start(command);
    running.says("server listening at: ");
    let line = running.stdout.first_line();
    let (protocol, address) = line.trim_end().split_once(" server listening at: ").expect("the ready line");
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    if let Some(printed) = printed_port(command) {
        assert_eq!(port, printed, "{}", running.said());
    }
    let mut words = command.split_whitespace();
    let from = words.find(|word| *word == "--allow").and_then(|_| words.next());
    let stream = stage.connect(from, port);
    match protocol {
        "DAP" => {
            let mut client = Client::over(stream).initialize();
            client.ask("disconnect", Value::Null);
        }
        "API" => {
            let mut client = Rpc::over(stream);
            let version = client.call("GetVersion", json!({}));
            assert!(version["DelveVersion"].is_string(), "{version}");
        }
        _ => panic!("no ready line of dlv's: {line}"),
    }
    let ended = if protocol == "DAP" && for_one_client { running.ended() } else { running.stop() };
    assert_eq!(ended.code, Some(0), "{command}\n{}\n{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// The port of `--listen` or `-l`, where one is printed.
fn printed_port(command: &str) -> Option<u16> {
    let words = without_comment(command).split_whitespace().skip_while(|word| !word.starts_with("--listen"));
    let mut words = words.flat_map(|word| word.split('='));
    words.next()?;
    words.next()?.rsplit(':').next()?.parse().ok()
}
