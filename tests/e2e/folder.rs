//! The folder that dlv runs in: Go modules and relative programs are found from there.

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

for_every_dlv!(dlv_builds_in_the_folder_that_was_named);

fn dlv_builds_in_the_folder_that_was_named(dlv: &Pair) {
    let program = Program::source("demo");
    let folder = program.folder.to_str().expect("a path in UTF-8");
    let server = Serve::with(dlv).flags(["--dlv-cwd", folder]).start();
    let line = program.line("// breakpoint: order");
    let arguments = json!({"mode": "debug", "program": "."});
    let mut debug = Debug::begin(server.client(), "launch", arguments, &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    debug.run_out(thread);
    server.closed(1);
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let output = Serve::with(&Pair::any()).flags(["--dlv-cwd", "/nonexistent/project"]).run();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/project"));
}
