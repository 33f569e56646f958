//! Sessions with a real dlv and a real program.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::process::Process;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::random::Random;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::place::Place;
use crate::played_faults::{Kind, cut_off};

/// All of them.
pub const KINDS: [Kind; 9] = [
    ("no fault", whole),
    ("exit code 3", |place, _| {
        let program = Program::built(&Pair::any(), "exit3");
        let debug = Debug::begin(place.client(), "launch", exec(&program), &program.main(), &[]);
        debug.client.event("terminated");
        debug.disconnect();
        true
    }),
    ("restarted at once", |place, random| {
        let debug = stopped(place, random);
        debug.debug.disconnect();
        whole(place, random)
    }),
    ("client resets", |place, random| leave(place, random, Client::reset)),
    ("client closes", |place, random| leave(place, random, drop)),
    ("client closes its half", |place, random| {
        let stopped = stopped(place, random);
        stopped.debug.client.half_close();
        stopped.debug.client.eof();
        true
    }),
    ("dlv is killed", |place, random| killed(place, random, Signal::SIGKILL)),
    ("dlv is terminated", |place, random| killed(place, random, Signal::SIGTERM)),
    ("the program is killed", |place, random| {
        let Stopped { mut debug, thread, token } = stopped(place, random);
        let (program, _) = family(place, &token);
        // Held at a breakpoint, it dies when it is let go.
        program.signal(Signal::SIGKILL);
        debug.client.send("continue", json!({"threadId": thread}));
        debug.client.send("disconnect", json!({}));
        debug.client.event("terminated");
        debug.client.end();
        true
    }),
];

/// What every debugging is: a stop, frames, variables, steps, the program's end.
fn whole(place: &Place, random: &mut Random) -> bool {
    let program = Program::built(&Pair::any(), "demo");
    let (mut debug, thread) = Debug::stopped_at(place.client(), &program, "// breakpoint: order");
    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    assert_eq!(debug.evaluate(&top, "order.ID"), "7");
    for _ in 0..random.below(3) {
        let line = debug.top(thread)["line"].as_i64();
        assert!(debug.step("next", thread)["line"].as_i64() > line);
    }
    debug.run_out(thread);
    true
}

/// A session of the program that counts, at its first stop.
struct Stopped {
    debug: Debug,
    thread: i64,
    token: String,
}

/// The program was given this session's token, and has it.
fn stopped(place: &Place, random: &mut Random) -> Stopped {
    let program = Program::built(&Pair::any(), "loop");
    let token = format!("token-{:08x}-{:08x}", random.below(1 << 32), random.below(1 << 32));
    let launch = json!({"mode": "exec", "program": program.binary, "args": [token]});
    let line = program.line("// breakpoint: tick");
    let mut debug = Debug::begin(place.client(), "launch", launch, &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "os.Args[1]"), format!("{token:?}"));
    let mut last = -1;
    for _ in 0..random.below(4) {
        let top = debug.top(thread);
        let count: i64 = debug.evaluate(&top, "count").parse().unwrap();
        assert!(count > last, "{count} after {last}");
        last = count;
        debug.go_on(thread);
        debug.stop("breakpoint");
    }
    Stopped { debug, thread, token }
}

/// The program of this session, and its dlv.
fn family(place: &Place, token: &str) -> (Process, Process) {
    let found = poll(PATIENCE, || {
        let all = place.server.children();
        let program = all.iter().find(|one| one.arguments.iter().any(|word| word == token))?.clone();
        let dlv = all.into_iter().find(|one| one.pid == program.parent)?;
        Some((program, dlv))
    });
    found.expect("a program with the token, and a dlv that is its parent")
}

fn leave(place: &Place, random: &mut Random, end: fn(Client)) -> bool {
    if random.below(4) == 0 {
        let mut client = place.client();
        client.send("initialize", initialize_arguments());
        end(client);
        return true;
    }
    let Stopped { mut debug, thread, .. } = stopped(place, random);
    match random.below(3) {
        0 => {}
        1 => drop(debug.client.send("stackTrace", json!({"threadId": thread}))),
        _ => debug.go_on(thread),
    }
    end(debug.client);
    true
}

fn killed(place: &Place, random: &mut Random, signal: Signal) -> bool {
    let Stopped { mut debug, thread, token } = stopped(place, random);
    let (_, dlv) = family(place, &token);
    if random.below(2) == 0 {
        debug.client.send("continue", json!({"threadId": thread}));
    }
    let pending = debug.client.send("threads", Value::Null);
    dlv.signal(signal);
    if cut_off(&debug.client) {
        return true; // dlv writes a header, and then the body
    }
    debug.client.response(pending);
    debug.client.event("terminated");
    debug.client.eof();
    true
}
