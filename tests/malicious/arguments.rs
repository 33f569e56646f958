//! Launches that ask for too much, of a real dlv: the client may have any program run, but the server has to stay as it is.

use serde_json::{Value, json};

use crate::arena::Arena;
use crate::attack::{Attack, HOSTILE, Then, later, request};
use crate::support::server::Serve;
use crate::support::toolchain::Pair;

fn launch(arguments: &Value) -> Vec<u8> {
    request(&json!({"command": "launch", "arguments": arguments}))
}

pub fn all() -> Vec<Attack> {
    let exec = |program: &str| json!({"mode": "exec", "program": program});
    let names: Vec<Value> =
        (0..20_000).map(|at| json!({"from": format!("/a/{at}"), "to": format!("/b/{at}")})).collect();
    let with = |key: &str, value: Value| {
        let mut arguments = exec("/bin/false");
        arguments[key] = value;
        launch(&arguments)
    };
    let goes_on = |name, bytes| later(name, bytes, Then::GoesOn);
    vec![
        goes_on("a program outside", launch(&exec("../../../../../../etc/passwd"))),
        goes_on("a program named by a terminal's orders", launch(&exec(HOSTILE))),
        goes_on("a program's name of a megabyte", launch(&exec(&"x/".repeat(500_000)))),
        goes_on("a program that is a device", launch(&exec("/dev/zero"))),
        goes_on("20,000 substitutePath", with("substitutePath", names.into())),
        goes_on("a substitutePath that is a number", with("substitutePath", json!(5))),
        goes_on(
            "an environment of a terminal's orders",
            with("env", json!({HOSTILE: HOSTILE, "": "", "A=B": "c"})),
        ),
        goes_on("a working directory of NULs", with("cwd", json!("\0\0/\0"))),
        goes_on("a dlvCwd that is no folder", with("dlvCwd", json!("/etc/passwd"))),
        goes_on(
            "build flags with a shell's words",
            launch(
                &json!({"mode": "debug", "program": "/nonexistent", "buildFlags": "\"; touch /tmp/dlvgate-owned; `id` $(id)"}),
            ),
        ),
        goes_on("a mode that is none", launch(&json!({"mode": HOSTILE, "program": "x"}))),
        goes_on("100,000 arguments", with("args", json!(vec!["x"; 100_000]))),
        goes_on(
            "a launch with an object in every place",
            launch(&json!({"mode": {}, "program": {}, "args": {}, "env": [], "substitutePath": {}})),
        ),
    ]
}

#[test]
fn launch_arguments_harm_nobody() {
    let dlv = Pair::any();
    // Amended launches are held until they are whole: that is bounded, too.
    for flags in [[].as_slice(), &["--substitute-path", "/a=/b", "--launch-set", "stopOnEntry=true"]] {
        let mut arena = Arena::with(Serve::with(&dlv).flags(flags.iter()));
        all().iter().for_each(|attack| arena.attack(attack));
        arena.end_with_dlvs_own_words();
    }
    assert!(!std::path::Path::new("/tmp/dlvgate-owned").exists(), "a shell has read build flags");
}
