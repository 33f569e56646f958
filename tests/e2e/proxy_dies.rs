//! The proxy itself is killed, with no chance to see to anything.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::for_every_dlv;
use crate::support::debug::{Debug, exec};
use crate::support::poll;
use crate::support::program::Program;
use crate::support::server::Serve;
use crate::support::toolchain::Pair;

for_every_dlv!(a_killed_proxy_leaves_no_dlv_and_no_program);

fn a_killed_proxy_leaves_no_dlv_and_no_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let _running = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    let _idle = server.client();
    assert_eq!(server.programs("loop").len(), 1);
    server.signal(Signal::SIGKILL);
    let gone = poll(Duration::from_secs(10), || server.children().is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:#?}", server.children());
}
