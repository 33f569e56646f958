//! The stand-in for pfctl, which says what would become of packets.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use dlvgate_test_support::standin;
use serde_json::Value;
use tempfile::TempDir;

use crate::machine::{Connection, DAEMON, Heard, Outcome, PEER, Pf, me};

/// Where the stand-in keeps what the kernel would.
const STATE: &str = "STANDIN_PF_STATE";

pub struct Evaluated {
    folder: TempDir,
    pfctl: PathBuf,
}

impl Evaluated {
    pub fn new() -> Evaluated {
        let folder = tempfile::Builder::new().prefix("dlvgate-pf-").tempdir().unwrap();
        Evaluated { folder, pfctl: standin::built() }
    }

    fn attempt(&self, uid: u32, from: Ipv4Addr, port: u16) -> Outcome {
        static LAST: AtomicU16 = AtomicU16::new(50_000);
        let wire = Wire {
            pfctl: self.pfctl.clone(),
            folder: self.folder.path().to_owned(),
            client: (from, LAST.fetch_add(1, Ordering::Relaxed), uid),
            port,
        };
        let answers = [wire.there("out", true), wire.there("in", true), wire.back("out"), wire.back("in")];
        match answers.into_iter().find(|answer| answer["decision"] != "pass") {
            None => Outcome::Connected(Box::new(wire)),
            Some(blocked) if blocked["return"] == true => Outcome::Refused,
            Some(_) => Outcome::Silent,
        }
    }
}

impl Pf for Evaluated {
    fn pfctl(&self) -> &Path {
        &self.pfctl
    }

    fn equip(&self, command: &mut Command) {
        command.env(STATE, self.folder.path());
    }

    fn as_user(&self, command: &mut Command) {
        command.env("STANDIN_PF_UID", DAEMON.to_string());
    }

    fn connect(&self, from: Ipv4Addr, port: u16) -> Outcome {
        self.attempt(me(), from, port)
    }

    fn user_hears(&self, uid: u32, port: u16) -> Heard {
        match self.attempt(uid, PEER, port) {
            Outcome::Connected(_) => Heard::Connected,
            Outcome::Refused => Heard::Error,
            Outcome::Silent => Heard::Nothing,
        }
    }

    /// Over a network: on the loopback interface no packet is that large.
    fn passes_in_fragments(&self, from: Ipv4Addr, port: u16) -> Option<bool> {
        let mut command = Command::new(&self.pfctl);
        command.env(STATE, self.folder.path()).args(["--standin", "evaluate", "in", "en0", "tcp"]);
        command.args([&from.to_string(), "50000", &PEER.to_string(), &port.to_string(), "--fragments"]);
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer in JSON");
        Some(answer["decision"] == "pass")
    }
}

/// A connection over the loopback interface: each packet leaves and arrives.
struct Wire {
    pfctl: PathBuf,
    folder: PathBuf,
    client: (Ipv4Addr, u16, u32),
    port: u16,
}

impl Wire {
    fn there(&self, direction: &str, is_first: bool) -> Value {
        let (from, from_port, uid) = self.client;
        let owner = if direction == "out" { uid } else { me() };
        self.evaluate(direction, (from, from_port), (PEER, self.port), owner, is_first)
    }

    fn back(&self, direction: &str) -> Value {
        let (from, from_port, uid) = self.client;
        let owner = if direction == "out" { me() } else { uid };
        self.evaluate(direction, (PEER, self.port), (from, from_port), owner, false)
    }

    fn evaluate(
        &self,
        direction: &str,
        from: (Ipv4Addr, u16),
        to: (Ipv4Addr, u16),
        owner: u32,
        is_first: bool,
    ) -> Value {
        let mut command = Command::new(&self.pfctl);
        command.env(STATE, &self.folder).args(["--standin", "evaluate", direction, "lo0", "tcp"]);
        for (address, port) in [from, to] {
            command.args([address.to_string(), port.to_string()]);
        }
        command.args(["--uid", &owner.to_string()]);
        if !is_first {
            command.arg("--established");
        }
        let output = command.output().unwrap();
        serde_json::from_slice(&output.stdout).expect("an answer in JSON")
    }
}

impl Connection for Wire {
    fn carries(&mut self) -> bool {
        let answers = [self.there("out", false), self.there("in", false), self.back("out"), self.back("in")];
        answers.iter().all(|answer| answer["decision"] == "pass")
    }
}
