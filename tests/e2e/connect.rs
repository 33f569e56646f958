//! `dlv connect`, Delve's own JSON-RPC client, through the front.

use std::net::SocketAddr;

use dlvgate_test_support::dropin::{Dlv, Ended, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;

for_every_dlv!(
    dlv_connect_debugs_through_the_drop_in,
    dlv_connect_debugs_through_a_server,
    dlv_connect_debugs_for_successive_clients,
);

/// Types these lines into `dlv connect`, and returns how the session ended.
fn connect(dlv: &Pair, front: SocketAddr, typed: &str) -> Ended {
    let words = ["connect", &front.to_string(), "--allow-non-terminal-interactive=true"];
    Dlv::new(dlv, Which::Real).args(words).env("TERM", "dumb").start_with_input(typed).ended()
}

fn saw(ended: &Ended, wanted: &[&str]) {
    for text in wanted {
        assert!(ended.stdout.contains(text), "no {text:?} in {ended:#?}");
    }
}

fn at(program: &Program, mark: &str) -> String {
    format!("main.go:{}", program.line(mark))
}

/// Breaks, continues, prints, shows the stack, and leaves.
fn first_visit(program: &Program) -> String {
    format!("break {}\ncontinue\nprint order.ID\nstack\nexit\nn\n", at(program, "// breakpoint: order"))
}

fn dlv_connect_debugs_through_the_drop_in(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let words = ["exec", "--headless", "--api-version=2", "--accept-multiclient", binary];
    let mut running = Dlv::new(dlv, Which::Command).args(words).start();
    saw(&connect(dlv, running.ready(), &first_visit(&program)), &["Breakpoint 1", "(dlv) 7", "main.main"]);
    let order = at(&program, "// breakpoint: order");
    let second = "print order.Customer.Name\nrestart\ncontinue\nprint len(stock)\nexit\ny\n";
    saw(&connect(dlv, running.ready(), second), &["Zoë Müller", "Process restarted", &order, "(dlv) 2"]);
    let ended = running.ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    running.nothing_left();
}

fn dlv_connect_debugs_through_a_server(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let server = Serve::with(dlv).dlv_flags(["exec", binary, "--accept-multiclient"]).start();
    let first = first_visit(&program);
    saw(&connect(dlv, server.front(), &first), &["(dlv) 7", "main.main"]);
    let dlv_before = server.dlv().pid;
    let second = "print order.ID\nrestart\ncontinue\nprint len(stock)\nexit\ny\n";
    saw(&connect(dlv, server.front(), second), &["(dlv) 7", "Process restarted", "(dlv) 2"]);
    server.log.wait_for("gate_removed", 1);
    server.nothing_left();
    // A client after the end gets a new dlv.
    saw(&connect(dlv, server.front(), &first), &["Breakpoint 1", "(dlv) 7"]);
    assert_ne!(server.dlv().pid, dlv_before);
}

fn dlv_connect_debugs_for_successive_clients(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let server = Serve::with(dlv).dlv_flags(["exec", binary]).start();
    for _ in 0..2 {
        let typed =
            format!("break {}\ncontinue\nprint order.ID\nexit\n", at(&program, "// breakpoint: order"));
        saw(&connect(dlv, server.front(), &typed), &["Breakpoint 1", "(dlv) 7"]);
    }
    server.closed(2);
}
