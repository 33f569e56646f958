//! Clients that go without a disconnect.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, build, exec};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;

for_every_dlv!(
    a_client_that_closes_leaves_nothing_behind,
    a_client_that_resets_leaves_nothing_behind,
    half_closed_client_gets_the_rest,
    client_gone_during_a_build_leaves_nothing,
    client_gone_after_its_header_leaves_nothing,
);

/// Ends sessions with a program at a stop, and with one that runs, in this way.
fn leave(server: &Server, dlv: &Pair, end: fn(Client)) {
    let program = Program::built(dlv, "loop");
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    end(debug.client);
    server.closed(1);

    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    end(debug.client);
    server.closed(2);
}

fn a_client_that_closes_leaves_nothing_behind(dlv: &Pair) {
    leave(&Serve::with(dlv).start(), dlv, drop);
}

fn a_client_that_resets_leaves_nothing_behind(dlv: &Pair) {
    leave(&Serve::with(dlv).start(), dlv, Client::reset);
}

fn half_closed_client_gets_the_rest(dlv: &Pair) {
    leave(&Serve::with(dlv).start(), dlv, |client| {
        client.half_close();
        client.eof();
    });
}

/// dlv waits for its build before it ends.
fn client_gone_during_a_build_leaves_nothing(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("demo"));
    let mut client = server.client().initialize();
    client.send("launch", build("debug", &program));
    drop(client);
    server.closed(1);
    program.assert_no_binary();
}

fn client_gone_after_its_header_leaves_nothing(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    let mut client = server.client();
    client.raw(b"Content-Length: 2\r\n\r\n");
    server.log.wait_for("first_byte", 1); // a closed connection has no owner
    drop(client);
    server.log.wait_for("closed", 1);
    server.nothing_left();
    // Nothing that the first did is in the way of the next.
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(2);
}
