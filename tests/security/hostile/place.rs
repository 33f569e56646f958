//! A server with an honest session, to which one input after the other happens.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll, standin};
use serde_json::json;

use super::input::Input;
use super::memory::Peak;

/// By how much the server's own memory may grow during a whole kind: some sessions' buffers, and
/// what an allocator keeps. Some inputs alone are larger than that.
const GROWTH: u64 = 8 * 1024 * 1024;

/// Sessions that may be open at once; with the honest one there are two or three.
pub const SESSIONS: usize = 8;

/// What an honest client speaks.
enum Honest {
    Dap(Debug),
    Rpc(Rpc),
}

/// The server, and what of it was honest.
pub struct Place {
    server: Server,
    honest: Option<Honest>,
    /// dlvs that were started for honest sessions.
    started: AtomicUsize,
    /// All of the front's sessions have the same dlv, and this program.
    shared: Option<Program>,
    /// dlv writes to the standard error that has the log.
    is_loud: bool,
}

/// The stand-in, under the name that it stands for.
fn played_dlv() -> PathBuf {
    static COPIED: OnceLock<PathBuf> = OnceLock::new();
    let copy = || {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("dlv");
        // By another process: a handle that is open for writing must not be inherited, or the
        // program is "busy".
        let mut copy = Command::new("cp");
        copy.arg("--remove-destination").arg(standin::example("standin-played-dlv")).arg(&path);
        assert!(copy.status().unwrap().success());
        path
    };
    COPIED.get_or_init(copy).clone()
}

impl Place {
    /// In front of the stand-in, and with all in the log that can be.
    pub fn played() -> Self {
        Self::new(Serve::with(&Pair::any()).dlv(played_dlv()).flags(["-vv"]), None)
    }

    /// The same with the usual log, for what would be a hundred thousand lines.
    pub fn played_quietly() -> Self {
        Self::new(Serve::with(&Pair::any()).dlv(played_dlv()), None)
    }

    /// The same, where the stand-in has something to say on standard error.
    pub fn played_aloud() -> Self {
        Self { is_loud: true, ..Self::played_quietly() }
    }

    /// In front of a real dlv.
    pub fn real() -> Self {
        Self { is_loud: true, ..Self::new(Serve::with(&Pair::any()).flags(["-vv"]), None) }
    }

    /// In front of a real headless dlv that all share.
    pub fn headless() -> Self {
        let pair = Pair::any();
        let program = Program::built(&pair, "loop");
        let words = ["exec", program.binary.to_str().unwrap(), "--accept-multiclient"];
        Self { is_loud: true, ..Self::new(Serve::with(&pair).dlv_flags(words), Some(program)) }
    }

    fn new(serve: Serve, shared: Option<Program>) -> Self {
        // The text form is the one that is read in terminals.
        let sessions = SESSIONS.to_string();
        let server = serve.flags(["--log-format", "text", "--max-sessions", &sessions]).start();
        let mut place = Self { server, honest: None, started: AtomicUsize::new(0), shared, is_loud: false };
        place.serves();
        place.honest = Some(match place.shared {
            Some(_) => {
                let mut rpc = Rpc::connect(place.server.front());
                rpc.call("IsMulticlient", json!({}));
                Honest::Rpc(rpc)
            }
            None => {
                place.started.fetch_add(1, Ordering::Relaxed);
                Honest::Dap(Debug::begin_quietly(place.client()))
            }
        });
        place
    }

    /// A client that has said nothing yet.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// An honest session works, from its beginning to its end.
    pub fn serves(&self) {
        if self.shared.is_some() {
            let mut rpc = Rpc::connect(self.server.front());
            assert_eq!(rpc.call("IsMulticlient", json!({}))["IsMulticlient"], true);
            self.client().initialize();
            return;
        }
        self.started.fetch_add(1, Ordering::Relaxed);
        let mut debug = Debug::begin_quietly(self.client());
        debug.client.ok("threads", serde_json::Value::Null);
        debug.disconnect();
    }

    /// All of these happen, one after the other.
    pub fn suffers(mut self, kind: &str, inputs: Vec<Input>) {
        let (began, peak, count) = (Instant::now(), Peak::of(self.server.pid()), inputs.len());
        let (mut least, mut most) = (0, 0);
        for input in inputs {
            let starts = input.happens(&mut self);
            least += starts.start();
            most += starts.end();
            let honest = match self.shared {
                Some(_) => 1,
                None => self.started.load(Ordering::Relaxed),
            };
            let dlvs = self.started_dlvs(honest + least);
            assert!(
                dlvs <= honest + most,
                "{}: {dlvs} dlvs, of which {honest} for honest sessions",
                input.name
            );
            let grown = peak.growth();
            assert!(grown <= GROWTH, "{}: the server has grown by {grown} bytes", input.name);
        }
        self.serves();
        let grown = peak.growth();
        drop(peak);
        match self.honest.take() {
            Some(Honest::Rpc(mut rpc)) => {
                rpc.call("State", json!({"NonBlocking": true}));
            }
            Some(Honest::Dap(mut debug)) => {
                debug.client.ok("threads", serde_json::Value::Null);
                debug.disconnect();
            }
            None => {}
        }
        if self.shared.is_none() {
            poll(PATIENCE, || self.server.children().is_empty().then_some(())).expect("all dlvs are gone");
            self.server.nothing_left();
        }
        self.assert_log();
        println!("{kind}: {count} inputs, grown by {} KiB at most, {:?}", grown / 1024, began.elapsed());
    }

    /// How many dlvs the log tells of, once there are so many at least.
    fn started_dlvs(&self, at_least: usize) -> usize {
        let starting = |line: &&String| line.contains("transition=\"dlv_starting\"");
        let count = || self.server.log.lines().iter().filter(starting).count();
        poll(PATIENCE, || Some(count()).filter(|count| *count >= at_least))
            .unwrap_or_else(|| panic!("{} dlvs were started, not {at_least}", count()))
    }

    /// Nothing in it is obeyed by a terminal, or looks like an entry and is none. What dlv prints
    /// is dlv's.
    fn assert_log(&self) {
        let lines = self.server.log.lines();
        let (ours, others): (Vec<&String>, Vec<&String>) = lines.iter().partition(|line| is_entry(line));
        assert!(!ours.is_empty());
        assert!(
            self.is_loud || others.is_empty(),
            "{:?} are no entries of ours",
            &others[..others.len().min(9)]
        );
        for line in ours {
            assert!(!line.contains(is_obeyed), "{line:?}");
            assert!(!line.contains(" ERROR dlvgate"), "{line}");
        }
    }
}

/// What a terminal obeys, or is written in another direction.
fn is_obeyed(char: char) -> bool {
    let turns = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    char.is_control() || turns
}

/// A line that begins with a time as our log has it, or that goes on.
fn is_entry(line: &str) -> bool {
    const TIME: &str = "0000-00-00T00:00:00.000000Z ";
    let like = |(byte, wanted): (u8, u8)| byte == wanted || (wanted == b'0' && byte.is_ascii_digit());
    line.starts_with("    ") || (line.len() > TIME.len() && line.bytes().zip(TIME.bytes()).all(like))
}
