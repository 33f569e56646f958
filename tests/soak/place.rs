//! The servers that sessions come to, and what they may have open when none is there.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::poll;
use dlvgate_test_support::process::{anonymous_memory, descriptors};
use dlvgate_test_support::random::Random;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::samples::{Sample, Samples};

/// How long the last of a round may take to be gone: a dlv that hangs is given 5 s, and 5 s more
/// after SIGTERM.
const SETTLED: Duration = Duration::from_secs(60);

/// Which packet filter a server has.
enum Filter {
    Pf(StandinPf),
    Nftables,
    Off,
}

/// What of it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    children: usize,
    ports: usize,
    files: Vec<usize>,
    temporary: BTreeSet<PathBuf>,
    rules: String,
}

/// A server with all around it.
pub struct Place<'a> {
    pub name: &'static str,
    pub server: Server,
    namespace: &'a Namespace,
    filter: Filter,
    records: Option<TempDir>,
    /// The filter as it was before the server.
    untouched: String,
    at_rest: Option<Rest>,
    /// In this round sessions may be refused, since the filter fails at some of them.
    pub is_rough: bool,
    samples: Vec<Samples>,
    open: i64,
    has_had_dlv: bool,
    pub sessions: u64,
}

/// More than come at once: those on their way out hold theirs still.
const SESSIONS: [&str; 2] = ["--max-sessions", "24"];

impl<'a> Place<'a> {
    /// A stand-in for dlv behind the stand-in for pfctl, every session recorded.
    pub fn with_pf(namespace: &'a Namespace, dlv: &Path) -> Self {
        let (pf, records) = (StandinPf::fresh(), tempfile::tempdir().unwrap());
        let serve =
            pf.serve(&Pair::any()).dlv(dlv).flags(SESSIONS).flags(["--record".as_ref(), records.path()]);
        Self::new("pf, recorded", serve, namespace, Filter::Pf(pf), Some(records))
    }

    /// The same with spares, and nothing recorded.
    pub fn with_spares(namespace: &'a Namespace, dlv: &Path) -> Self {
        let pf = StandinPf::fresh();
        let serve = pf.serve(&Pair::any()).dlv(dlv).flags(SESSIONS).flags(["--warm", "2"]);
        Self::new("pf, --warm 2", serve, namespace, Filter::Pf(pf), None)
    }

    /// A stand-in for dlv, and no filter.
    pub fn without_filter(namespace: &'a Namespace, dlv: &Path) -> Self {
        let serve = Serve::with(&Pair::any()).dlv(dlv).flags(SESSIONS);
        Self::new("no filter", serve, namespace, Filter::Off, None)
    }

    /// A real dlv behind the kernel's own filter.
    pub fn with_nftables(namespace: &'a Namespace) -> Self {
        let serve = Serve::with(&Pair::any()).flags(SESSIONS).flags(["--firewall", "nftables"]);
        Self::new("nftables, real dlv", serve, namespace, Filter::Nftables, None)
    }

    fn new(
        name: &'static str,
        serve: Serve,
        namespace: &'a Namespace,
        filter: Filter,
        records: Option<TempDir>,
    ) -> Self {
        let untouched = match filter {
            Filter::Nftables => namespace.ruleset(),
            _ => String::new(),
        };
        let mut place = Self {
            name,
            untouched,
            server: serve.inside(namespace).start(),
            namespace,
            filter,
            records,
            at_rest: None,
            is_rough: false,
            samples: Vec::new(),
            open: 0,
            has_had_dlv: false,
            sessions: 0,
        };
        let parts = ["server", "guard"].into_iter().take(place.processes().len());
        place.samples = parts.map(|part| Samples::new(format!("{name}: {part}"))).collect();
        place
    }

    /// A connection to its front.
    pub fn stream(&self) -> TcpStream {
        let stream =
            self.namespace.inside(|| TcpStream::connect(self.server.front())).expect("the front listens");
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// A client of its.
    pub fn client(&self) -> Client {
        Client::over(self.stream())
    }

    /// Lets the filter fail at some of the next sessions, in a way by chance, or at none.
    pub fn choose_faults(&mut self, random: &mut Random) -> Option<&'static str> {
        let Filter::Pf(pf) = &self.filter else { return None };
        if random.below(3) > 0 {
            return None;
        }
        let (skip, times) = (random.below(8), 1 + random.below(3));
        let (name, action) = [
            ("pfctl fails", json!({"action": "fail", "text": "pfctl: DIOCXCOMMIT: Device busy"})),
            ("pfctl lies", json!({"action": "lie"})),
            ("pfctl is slow", json!({"action": "delay", "ms": 300})),
            ("pfctl hangs", json!({"action": "hang"})),
            (
                "pfctl fails after its change",
                json!({"action": "fail", "after": true, "text": "pfctl: killed"}),
            ),
        ][random.below(5) as usize]
            .clone();
        let mut fault = json!({"match": ["-f"], "unless": ["-n"], "skip": skip, "times": times});
        for (key, value) in action.as_object().expect("an object") {
            fault[key] = value.clone();
        }
        pf.fault(&fault);
        self.is_rough = true;
        Some(name)
    }

    /// Once all clients are gone: waits until nothing of them is left, and notes what the server
    /// holds.
    pub fn settle(&mut self, began: Instant) {
        if let Filter::Pf(pf) = &self.filter {
            pf.works();
        }
        self.read_log();
        if !self.has_had_dlv {
            return; // it has no reaper yet
        }
        let first = self.at_rest.is_none();
        let mut last = None;
        let settled = poll(SETTLED, || {
            self.read_log();
            let rest = (self.open == 0).then(|| self.rest());
            // The first time there is nothing to compare with but the look before.
            let wanted = if first { last.clone() } else { self.at_rest.clone() };
            let same = rest.is_some() && rest == wanted;
            last = rest.clone();
            same.then_some(rest).flatten()
        });
        let Some(rest) = settled else {
            panic!(
                "{}: not as before: {} sessions open\nnow: {last:#?}\nbefore: {:#?}",
                self.name, self.open, self.at_rest
            );
        };
        self.at_rest = Some(rest);
        self.is_rough = false;
        if let Some(records) = &self.records {
            for file in fs::read_dir(records.path()).unwrap().flatten() {
                fs::remove_file(file.path()).unwrap();
            }
        }
        if let Filter::Pf(pf) = &self.filter {
            pf.forget_calls();
        }
        let (at, pids) = (began.elapsed(), self.processes());
        for (samples, pid) in self.samples.iter_mut().zip(pids) {
            let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").count();
            samples.add(Sample { at, memory: anonymous_memory(pid), files: descriptors(pid), threads });
        }
    }

    /// How often it was looked at.
    pub fn looks(&self) -> usize {
        self.samples.iter().map(Samples::len).min().unwrap_or_default()
    }

    /// Ends it: nothing at all may stay.
    pub fn end(mut self) -> Vec<Samples> {
        self.server.signal(Signal::SIGTERM);
        assert_eq!(self.server.exit().code(), Some(0), "{}", self.name);
        match &self.filter {
            Filter::Pf(pf) => pf.assert_untouched(),
            Filter::Nftables => assert_eq!(self.rules(), self.untouched, "{}", self.name),
            Filter::Off => {}
        }
        self.samples.iter().for_each(Samples::check);
        self.samples
    }

    fn processes(&self) -> Vec<i32> {
        match self.filter {
            Filter::Off => vec![self.server.pid()],
            _ => vec![self.server.pid(), self.server.guard().pid],
        }
    }

    fn rest(&self) -> Rest {
        let mut temporary = BTreeSet::new();
        walk(self.server.folder(), &mut temporary);
        Rest {
            children: self.server.children().len(),
            ports: self.server.ports().len(),
            files: self.processes().into_iter().map(descriptors).collect(),
            temporary,
            rules: self.rules(),
        }
    }

    fn rules(&self) -> String {
        match &self.filter {
            Filter::Pf(pf) => format!("{:?}", pf.held()),
            Filter::Nftables => self.namespace.ruleset(),
            Filter::Off => String::new(),
        }
    }

    /// Counts the sessions that are open, and looks for what no session may cause.
    fn read_log(&mut self) {
        for line in self.server.log.take() {
            // A real dlv's own remarks, and its program's, come between ours.
            if matches!(self.filter, Filter::Nftables) && !line.starts_with('{') {
                continue;
            }
            let entry: Value =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}: not JSON: {line}", self.name));
            // Where pfctl fails at it too, the gate is gone all the same: the rules are compared.
            let excused = self.is_rough && entry["message"] == "the gate could not be shut";
            assert!(entry["level"] != "ERROR" || excused, "{}: {line}", self.name);
            match entry["transition"].as_str() {
                Some("first_byte") => {
                    self.open += 1;
                    self.sessions += 1;
                }
                Some("closed") => self.open -= 1,
                Some("dlv_starting") => self.has_had_dlv = true,
                _ => {}
            }
        }
    }
}

/// All files in a folder and in those within it.
fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        }
        found.insert(path);
    }
}
