//! Known facts of Apple's pf and pfctl, a test a fact: other tests rely on them when they use this
//! stand-in.

mod calls;
mod packets;
mod printed;
mod tokens;

use serde_json::Value;

use crate::run::tests::{ALTQ, GATE, Machine, machine};

const WARNING: &str = "pfctl: Use of -f option, could result in flushing of rules
present in the main ruleset added by the system at startup.
See /etc/pf.conf for further details.

";
const FROM_PEER: &str = "in en0 tcp 192.0.2.5 50000 192.0.2.1 2345";
const FROM_OTHER: &str = "in en0 tcp 192.0.2.6 50000 192.0.2.1 2345";

impl Machine {
    fn fine(&mut self, line: &str, stdin: &str) -> String {
        let answer = self.run(line, stdin);
        assert_eq!(answer.code, 0, "{line}: {}", answer.stderr);
        answer.stdout
    }

    fn verdict(&mut self, packet: &str) -> Value {
        serde_json::from_str(&self.fine(&format!("--standin evaluate {packet}"), "")).unwrap()
    }

    fn passes(&mut self, packet: &str) -> bool {
        self.verdict(packet)["decision"] == "pass"
    }
}

fn enabled() -> Machine {
    let mut m = machine();
    m.token();
    m
}

/// Exit code, standard output, standard error.
fn said(m: &mut Machine, line: &str, stdin: &str) -> (i32, String, String) {
    let answer = m.run(line, stdin);
    (answer.code, answer.stdout, answer.stderr)
}
