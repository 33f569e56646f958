//! Stepping through a program.

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;

for_every_dlv!(next_goes_to_the_next_line, step_in_enters_the_function_and_step_out_leaves_it);

fn next_goes_to_the_next_line(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: call");
    let here = program.line("// breakpoint: call");
    let next = debug.step("next", thread);
    assert_eq!((&next["name"], &next["line"]), (&"main.main".into(), &(here + 1).into()));
    debug.run_out(thread);
    server.closed(1);
}

fn step_in_enters_the_function_and_step_out_leaves_it(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: call");
    let inside = debug.step("stepIn", thread);
    assert_eq!(inside["name"], "main.total");
    let outside = debug.step("stepOut", thread);
    assert_eq!(outside["name"], "main.main");
    debug.run_out(thread);
    server.closed(1);
}
