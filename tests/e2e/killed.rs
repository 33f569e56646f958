//! `kill -9` of each process, at each moment of a gate's life, with each packet filter: what is
//! left, and until when.
//!
//! The table in docs/firewall.md is this test's; `DLVGATE_WRITE_DOCS=1` rewrites it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::page::has_table;
use dlvgate_test_support::process::{is_alive, signal_pid};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::nftables::HOST;

/// What the product promises.
const PROMISE: Duration = Duration::from_secs(2);

/// The moment, its fault point, and how the table names it.
const MOMENTS: [(&str, &str); 5] = [
    ("journal", "journal written, nothing loaded"),
    ("load", "rules loaded, not read back"),
    ("token", "pf enabled, token not noted"),
    ("readback", "read back, no byte forwarded"),
    ("", "the program stands at a breakpoint"),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Victim {
    Proxy,
    Guard,
    Both,
    Dlv,
}

const VICTIMS: [(Victim, &str); 4] =
    [(Victim::Proxy, "proxy"), (Victim::Guard, "guard"), (Victim::Both, "both"), (Victim::Dlv, "dlv")];

/// A packet filter of the test's own.
enum Filter {
    Pf(StandinPf),
    Nftables { namespace: Namespace, before: String, journals: TempDir },
}

impl Filter {
    fn nftables() -> Option<Self> {
        let namespace = Namespace::new()?;
        namespace.nft(HOST);
        let before = namespace.ruleset();
        Some(Self::Nftables { namespace, before, journals: tempfile::tempdir().unwrap() })
    }

    fn serve(&self) -> Serve {
        match self {
            Self::Pf(pf) => pf.serve(&Pair::any()),
            Self::Nftables { namespace, journals, .. } => {
                let flags = ["--firewall", "nftables", "--listen", "127.0.0.1:2345", "--journals"];
                Serve::with(&Pair::any()).flags(flags).flags([journals.path()]).inside(namespace)
            }
        }
    }

    fn client(&self, server: &Server) -> Client {
        match self {
            Self::Pf(_) => server.client(),
            Self::Nftables { namespace, .. } => namespace.inside(|| server.client()),
        }
    }

    /// Rules, tokens and journals of ours.
    fn left(&self) -> Option<String> {
        match self {
            Self::Pf(pf) => pf.left(),
            Self::Nftables { namespace, before, journals } => {
                let notes: Vec<_> = fs::read_dir(journals.path()).unwrap().flatten().collect();
                if !notes.is_empty() {
                    return Some(format!("{notes:?}"));
                }
                let now = namespace.ruleset();
                // The host's own counters have counted meanwhile.
                let same =
                    crate::nftables::counters_at_zero(&now) == crate::nftables::counters_at_zero(before);
                (!same).then_some(now)
            }
        }
    }
}

struct Case<'a> {
    filter: &'a Filter,
    moment: &'a str,
    victim: Victim,
}

impl Case<'_> {
    /// Brings a session to the moment, kills, and returns how long it took until nothing was left;
    /// for a guard that was killed, from the next start on.
    fn run(&self, folder: &Path) -> Duration {
        let marker = folder.join(format!("{}-{:?}", self.moment, self.victim));
        let mut server = self.start(&marker);
        let client = self.filter.client(&server);
        let (client, program) = self.bring(client, &server, &marker);
        let (proxy, guard, dlv) = (server.pid(), server.guard().pid, server.dlv().pid);
        let victims = match self.victim {
            Victim::Proxy => vec![proxy],
            Victim::Guard => vec![guard],
            Victim::Both => vec![proxy, guard],
            Victim::Dlv => vec![dlv],
        };
        assert!(self.filter.left().is_some(), "there is something to lose");
        victims.into_iter().for_each(|pid| signal_pid(pid, Signal::SIGKILL));
        let _ = fs::remove_file(&marker);
        let killed = Instant::now();
        self.until("dlv and the program are gone", killed, || {
            let program_lives = program.is_some_and(is_alive);
            (is_alive(dlv) || program_lives).then(|| format!("dlv {dlv}, program {program:?}"))
        });
        let since = match self.victim {
            Victim::Proxy | Victim::Dlv => killed,
            Victim::Guard => {
                assert_eq!(server.exit().code(), Some(1), "a proxy without a guard does not go on");
                assert!(self.filter.left().is_some(), "no guard could close it");
                self.next_start()
            }
            Victim::Both => self.next_start(),
        };
        self.until("rule, token and journal are gone", since, || self.filter.left());
        let took = since.elapsed();
        if self.victim == Victim::Dlv {
            // What served this session serves the next one.
            drop(client);
            let next = self.filter.client(&server);
            Debug::begin_quietly(next).disconnect();
            server.signal(Signal::SIGTERM);
            assert_eq!(server.exit().code(), Some(0));
        }
        took
    }

    fn start(&self, marker: &Path) -> Server {
        let serve = self.filter.serve();
        if self.moment.is_empty() {
            return serve.start();
        }
        serve.env("DLVGATE_FAULT_POINT", format!("{}={}", self.moment, marker.display())).start()
    }

    /// The client, and the process of the debugged program where there is one.
    fn bring(&self, mut client: Client, server: &Server, marker: &Path) -> (Client, Option<i32>) {
        if self.moment.is_empty() {
            let program = Program::built(&Pair::any(), "demo");
            let (debug, _) = Debug::stopped_at(client, &program, "// breakpoint: order");
            let running = server.programs("demo-binary");
            assert_eq!(running.len(), 1, "{running:?}");
            return (debug.client, Some(running[0].pid));
        }
        client.send("initialize", initialize_arguments());
        poll(PATIENCE, || marker.exists().then_some(())).expect("the moment comes");
        (client, None)
    }

    /// A dlvgate that is started, and asked to end; when it was ready.
    fn next_start(&self) -> Instant {
        let since = Instant::now();
        let mut next = self.filter.serve().start();
        assert_eq!(self.filter.left(), None, "the next start closes it before it serves");
        next.signal(Signal::SIGTERM);
        assert_eq!(next.exit().code(), Some(0));
        since
    }

    fn until(&self, what: &str, since: Instant, left: impl Fn() -> Option<String>) {
        let mut last = None;
        let gone = poll(PROMISE.saturating_sub(since.elapsed()), || {
            last = left();
            last.is_none().then_some(())
        });
        let Self { moment, victim, .. } = self;
        assert!(gone.is_some(), "{victim:?} killed at {moment:?}: not within 2 s: {what}: {last:?}");
    }
}

fn row(moment: &str, filters: &[(&str, &Filter)], folder: &Path, slowest: &mut Duration) -> String {
    let mut row = String::new();
    for (_, filter) in filters {
        for (victim, _) in VICTIMS {
            *slowest = (*slowest).max(Case { filter, moment, victim }.run(folder));
            row.push_str(match victim {
                Victim::Proxy | Victim::Dlv => " within 2 s |",
                Victim::Guard | Victim::Both => " next start |",
            });
        }
    }
    row
}

#[test]
fn killing_any_process_at_any_time_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let pf = Filter::Pf(StandinPf::fresh());
    let Some(nftables) = Filter::nftables() else { return };
    let mut table =
        String::from("| killed | | the proxy | the guard | both | dlv |\n|---|---|---|---|---|---|\n");
    let mut slowest = Duration::ZERO;
    for (moment, words) in MOMENTS {
        for (name, filter) in [("pf", &pf), ("nftables", &nftables)] {
            if moment == "token" && name == "nftables" {
                continue;
            }
            let row = row(moment, &[(name, filter)], folder.path(), &mut slowest);
            let _ = writeln!(table, "| {words} | {name} |{row}");
        }
    }
    println!("{table}\nthe slowest: {} ms", slowest.as_millis());
    has_table("docs/firewall.md", "killed", &table);
}
