//! A server that is attacked, and what must hold after each attack.

use serde_json::json;

use crate::attack::{Attack, Then};
use crate::support::PATIENCE;
use crate::support::client::{Client, End};
use crate::support::debug::{Debug, initialize_arguments};
use crate::support::poll;
use crate::support::process::anonymous_memory;
use crate::support::server::{Serve, Server};
use crate::support::standin;
use crate::support::toolchain::Pair;

/// Whatever a client sends: the server may hold so much more than when it began. A chunk is 64 KiB, dlv's held start too.
pub const MEMORY: u64 = 6 * 1024 * 1024;

/// A server, and what it held when nobody had come.
pub struct Arena {
    pub server: Server,
    memory: u64,
    /// dlvs that were to be started.
    pub started: usize,
}

impl Arena {
    /// A stand-in for dlv behind it, which is quick.
    pub fn new(flags: &[&str]) -> Self {
        Self::with(Serve::with(&Pair::any()).dlv(standin::example("standin-played-dlv")).flags(flags))
    }

    /// A server of its own.
    pub fn with(serve: Serve) -> Self {
        let server = serve.start();
        let memory = anonymous_memory(server.pid());
        Self { server, memory, started: 0 }
    }

    /// All of them, one after the other; then nothing may be left.
    pub fn run(flags: &[&str], attacks: &[Attack]) {
        let mut arena = Self::new(flags);
        attacks.iter().for_each(|attack| arena.attack(attack));
        arena.end();
    }

    /// One of them, with its outcome and a session beside it and after it.
    pub fn attack(&mut self, attack: &Attack) {
        let mut client = self.server.client();
        if !attack.is_first {
            client.ok("initialize", initialize_arguments());
        }
        self.started += usize::from(attack.starts_dlv);
        // The server may answer and close before all of it is written.
        let _ = client.try_raw(&attack.bytes);
        self.serves(attack.name); // while this one is there
        self.outcome(attack, client);
        self.bounded(attack.name);
        println!("{}: {:?}", attack.name, attack.then);
    }

    fn outcome(&self, attack: &Attack, mut client: Client) {
        let name = attack.name;
        match attack.then {
            Then::Told(word) => {
                if attack.is_first {
                    client.half_close_if_open();
                } else {
                    // A client that has left is told nothing of dlv's end, so it stays to hear it.
                    client.bytes(|said| said.windows(word.len()).any(|part| part == word.as_bytes()));
                    client.half_close_if_open();
                }
                let said = client.bytes(|_| false);
                let said = String::from_utf8_lossy(&said);
                assert!(said.contains(word), "{name}: no {word:?} in {said:?}");
                assert_eq!(client.end().0, End::Eof, "{name}: a reset can swallow what was said");
            }
            Then::Closed => {
                client.half_close_if_open();
                client.end();
            }
            Then::GoesOn => {
                let (seq, text) =
                    (1_000_001, json!({"seq": 1_000_001, "type": "request", "command": "threads"}));
                client.raw(&crate::support::frames::frame(&text.to_string()));
                assert_eq!(client.response(seq)["success"], true, "{name}");
                client.half_close();
                client.end();
            }
        }
    }

    /// A session as any other.
    pub fn serves(&mut self, after: &str) {
        self.started = self.started.saturating_add(1);
        let mut client = self.server.client();
        let answer = client.ask("initialize", initialize_arguments());
        assert_eq!(answer["success"], true, "beside or after {after:?}: {answer}");
        Debug { client }.disconnect();
    }

    /// Memory is where it was.
    pub fn bounded(&self, after: &str) {
        let memory = anonymous_memory(self.server.pid());
        assert!(memory <= self.memory + MEMORY, "after {after:?}: from {} to {memory} bytes", self.memory);
    }

    /// Everybody has gone: nothing more was started than should be, nothing is left, and the log is one for a terminal.
    pub fn end(self) {
        self.all_closed();
        assert_quiet(&self.server);
    }

    /// The same where a real dlv's own words are among the lines, as it wrote them.
    pub fn end_with_dlvs_own_words(self) {
        self.all_closed();
        assert_no_panic(&self.server);
    }

    fn all_closed(&self) {
        let all_closed = || {
            let of = |name: &str| self.server.log.sessions_with(name).len();
            (of("first_byte") == of("closed")).then_some(())
        };
        poll(PATIENCE, all_closed).expect("every session ends");
        self.server.nothing_left();
        let started = self.server.log.sessions_with("dlv_starting").len();
        if self.started < usize::MAX {
            assert_eq!(started, self.started, "dlvs were started");
        }
    }
}

/// No task has ended by a panic.
pub fn assert_no_panic(server: &Server) {
    let found: Vec<String> =
        server.log.lines().into_iter().filter(|line| line.contains("panicked")).collect();
    assert!(found.is_empty(), "{found:?}");
}

/// Nothing in the log would do anything to a terminal, or begin a line that is none.
pub fn assert_quiet(server: &Server) {
    for line in server.log.lines() {
        let found: Vec<char> = line.chars().filter(|char| char.is_control() || *char == '\u{202e}').collect();
        assert!(found.is_empty(), "{found:?} in {line:?}");
        assert!(!line.contains("panicked"), "{line}");
    }
}
