//! A client from another project: `@vscode/debugadapter-testsupport`, from npm.

use std::process::Command;

use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::paths::repository;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;

for_every_dlv!(the_client_of_vscodes_own_tests_debugs_a_program);

fn the_client_of_vscodes_own_tests_debugs_a_program(dlv: &Pair) {
    let folder = repository().join("tests/clients/testsupport");
    assert!(folder.join("node_modules").is_dir(), "run `npm ci` in {}", folder.display());
    let (server, program) = (Serve::with(dlv).start(), Program::source("demo"));
    let mut session = Command::new("node");
    session.arg(folder.join("session.mjs")).arg(server.front().port().to_string()).arg(&program.folder);
    let output = session.current_dir(&program.folder).output().expect("node runs");
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}\n{}", said[0], said[1]);
    server.closed(1);
}
