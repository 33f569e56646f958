use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, BufReader};

use super::super::journal::{GuardRecord, Journals, ProcessIdentity};
use super::super::limits::tests::Told;
use super::super::state_machine::SYSTEM_PORTS;
use super::super::wire::{MAX_GATES, MAX_PEERS};
use super::*;
use crate::firewall::backend::{FirewallBackend, LeftGates, LoadedGate};
use crate::sockets::Does;

/// A packet filter that records its calls.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: BTreeMap<u16, Vec<Peer>>,
    said: Vec<String>,
    /// The addresses of the last gate.
    at: Vec<IpAddr>,
    refuses: bool,
    refuses_to_shut: bool,
    /// It does not say whether it filters.
    says_nothing: bool,
    /// Gates would not work.
    does_not_work: bool,
}

impl Notes {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn refusal() -> BackendError {
        PfError::NotRoot { said: "no".to_owned() }.into()
    }
}

impl GateBackend for Notes {
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), GateOpenError> {
        let mut state = self.state();
        if state.refuses {
            return Err(GateOpenError { why: Notes::refusal(), may_be_left: false });
        }
        state.said.push(format!("open {port}"));
        state.at = at.to_vec();
        state.open.insert(port, peers.to_vec());
        Ok(())
    }

    async fn shut(&self, port: u16) -> Result<(), BackendError> {
        let mut state = self.state();
        if state.refuses_to_shut {
            return Err(Notes::refusal());
        }
        state.said.push(format!("shut {port}"));
        state.open.insert(port, Vec::new());
        Ok(())
    }

    async fn remove(&self, port: u16) -> Result<(), BackendError> {
        let mut state = self.state();
        if state.refuses {
            return Err(Notes::refusal());
        }
        state.said.push(format!("remove {port}"));
        state.open.remove(&port);
        Ok(())
    }

    async fn is_filtering(&self) -> Result<bool, BackendError> {
        if self.state().says_nothing { Err(Notes::refusal()) } else { Ok(true) }
    }

    async fn check(&self) -> Result<(), BackendError> {
        if self.state().does_not_work { Err(Notes::refusal()) } else { Ok(()) }
    }

    async fn loaded(&self) -> Result<Vec<LoadedGate>, BackendError> {
        Ok(Vec::new())
    }

    async fn sweep(&self, _: &LeftGates) -> Result<(), BackendError> {
        Ok(())
    }
}

const HELLO: &str = r#"{"id":1,"do":{"hello":{"version":1,"pid":1,"purpose":"sessions"}}}"#;

fn open(port: u16, peers: &[&str]) -> String {
    json!({"id": 2, "do": {"open": {"port": port, "peers": peers}}}).to_string()
}

struct Run {
    replies: Vec<Value>,
    /// The gates open when the last line was answered.
    open: BTreeMap<u16, Vec<Peer>>,
    notes: Notes,
    journals: Journals,
    /// What a journal said while it was open.
    written: usize,
    left: Vec<String>,
    /// How long the guard took to end.
    ending: Duration,
    _folder: tempfile::TempDir,
}

/// Feeds these lines to the guard of this user, and ends the pipe.
fn run(uid: u32, notes: &Notes, lines: &[Vec<u8>]) -> Run {
    run_where(uid, notes, lines, |_| ())
}

/// The same, after this was done to the journals' folder.
fn run_where(uid: u32, notes: &Notes, lines: &[Vec<u8>], spoil: impl FnOnce(&Path)) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path().join("journals"));
    let store = Arc::new(JournalStore::open(journals.clone(), FirewallBackend::Pf, uid).unwrap());
    spoil(journals.folder());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (replies, open, written, left, ending) = runtime.block_on(async {
        let (mut requests, theirs) = tokio::io::duplex(LINE_LIMIT * 2);
        let (answers, reader) = tokio::io::duplex(LINE_LIMIT * 64);
        let guard = Guard::new(notes.clone(), store, CallerLimits::none(uid));
        let serving = guard.run(Vec::new(), BufReader::new(theirs), answers, std::future::pending());
        let speaking = async {
            for line in lines {
                let _ = requests.write_all(line).await;
                let _ = requests.write_all(b"\n").await;
            }
            // Everything is read, and so answered, when the guard waits again.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let open = notes.state().open.clone();
            let written = journals.read().unwrap().len();
            drop(requests);
            (open, written, Instant::now())
        };
        let (left, (open, written, over)) = tokio::join!(serving, speaking);
        let ending = over.elapsed();
        let mut lines = BufReader::new(reader).lines();
        let mut replies = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            replies.push(serde_json::from_str(&line).unwrap());
        }
        (replies, open, written, left, ending)
    });
    Run { replies, open, notes: notes.clone(), journals, written, left, ending, _folder: folder }
}

fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn failure(run: &Run, line: usize) -> &str {
    // The first is the greeting.
    run.replies[line + 1]["failed"].as_str().unwrap_or_default()
}

#[test]
fn end_of_the_pipe_shuts_and_removes_gates() {
    let run = run(501, &Notes::default(), &lines(&[HELLO, &open(40001, &["127.0.0.1"])]));
    assert_eq!(run.open.keys().collect::<Vec<_>>(), [&40001]);
    assert_eq!(run.written, 1, "the journal was there while it was open");
    assert_eq!(run.notes.state().said, ["open 40001", "shut 40001", "remove 40001"]);
    assert!(run.left.is_empty() && run.journals.read().unwrap().is_empty());
}

#[test]
fn client_of_another_version_is_refused() {
    let old = HELLO.replace("\"version\":1", "\"version\":2");
    let run = run(501, &Notes::default(), &lines(&[&open(40001, &[]), &old, &open(40001, &[])]));
    assert!(failure(&run, 0).contains("hello") && failure(&run, 1).contains("firewall install"));
    assert!(failure(&run, 2).contains("hello") && run.notes.state().said.is_empty());
}

#[test]
fn a_user_cannot_cut_off_the_system_s_own_ports() {
    let asked = lines(&[HELLO, &open(22, &["127.0.0.1"])]);
    assert!(failure(&run(501, &Notes::default(), &asked), 1).contains("system's"));
    assert!(run(0, &Notes::default(), &asked).open.contains_key(&22), "root may");
}

#[test]
fn guard_whose_answers_are_not_read_removes_all() {
    let folder = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let store = Arc::new(JournalStore::open(Journals::new(folder.path()), FirewallBackend::Pf, 501).unwrap());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let ended = runtime.block_on(async {
        let (mut requests, theirs) = tokio::io::duplex(LINE_LIMIT);
        let (answers, unread) = tokio::io::duplex(400); // the greeting, and the answer to `open`
        let asked = format!("{HELLO}\n{}\n{}", open(40001, &[]), "{\"id\":3,\"do\":\"status\"}\n".repeat(50));
        requests.write_all(asked.as_bytes()).await.unwrap();
        let begun = Instant::now();
        let guard = Guard::new(notes.clone(), store, CallerLimits::none(501));
        guard.run(Vec::new(), BufReader::new(theirs), answers, std::future::pending()).await;
        drop((requests, unread));
        begun.elapsed()
    });
    assert_eq!(notes.state().said, ["open 40001", "shut 40001", "remove 40001"]);
    assert!(ended <= LOOK, "no look comes before: {ended:?}");
}

#[test]
fn limits_are_said() {
    let many = vec!["192.0.2.5"; MAX_PEERS + 1];
    let mut asked = vec![HELLO.to_owned(), open(40000, &many), open(0, &[])];
    asked.extend((0..=u16::try_from(MAX_GATES).unwrap()).map(|port| open(41000 + port, &[])));
    asked.push(open(41000, &[]));
    let asked: Vec<Vec<u8>> = asked.into_iter().map(String::into_bytes).collect();
    let run = run(501, &Notes::default(), &asked);
    assert!(failure(&run, 1).contains("65 peers") && failure(&run, 2).contains("port 0"));
    assert!(failure(&run, 3 + MAX_GATES).contains("64 gates"), "{}", failure(&run, 3 + MAX_GATES));
    assert!(failure(&run, 4 + MAX_GATES).contains("has a gate already"));
    assert_eq!(run.open.len(), MAX_GATES);
}

#[test]
fn unended_line_is_ignored_and_long_line_ends_guard() {
    let long =
        run(501, &Notes::default(), &[HELLO.into(), vec![b' '; LINE_LIMIT + 1], open(40001, &[]).into()]);
    assert!(failure(&long, 1).contains("16384") && long.open.is_empty());
    assert_eq!(long.replies.len(), 3, "the guard has ended");
}

#[test]
fn cut_line_is_the_end_and_not_a_long_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let read = |sent: &[u8]| {
        let mut line = Vec::new();
        let read = runtime.block_on(next_line(&mut BufReader::new(sent), &mut line)).unwrap();
        (read, line.len())
    };
    assert!(matches!(read(b"{}\n{}"), (CallerLine::Whole, 3)));
    assert!(matches!(read(b"{\"id\":1"), (CallerLine::End, 7)) && matches!(read(b""), (CallerLine::End, 0)));
    assert!(matches!(read(&[b' '; LINE_LIMIT - 1]), (CallerLine::End, _)));
    assert!(matches!(read(&[b' '; LINE_LIMIT]), (CallerLine::TooLong, LINE_LIMIT)));
    let whole = [vec![b' '; LINE_LIMIT - 1], vec![b'\n']].concat();
    assert!(matches!(read(&whole), (CallerLine::Whole, LINE_LIMIT)), "the longest that is read");
}

#[test]
fn a_refused_gate_leaves_no_journal() {
    let notes = Notes::default();
    notes.state().refuses = true;
    let run = run(501, &notes, &lines(&[HELLO, &open(40001, &[])]));
    assert!(failure(&run, 1).contains("pf refuses") && run.written == 0);
}

#[test]
fn end_waits_a_second_at_most_for_listeners() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = lines(&[HELLO, &open(port, &["127.0.0.1"])]);
    let second = Duration::from_secs(1);
    let waited = run(0, &Notes::default(), &asked).ending;
    assert!(waited >= second && waited < second * 2, "{waited:?}");
    drop(listener);
    let run = run(0, &Notes::default(), &asked);
    assert!(run.ending < second / 2, "{:?}", run.ending);
    assert_eq!(run.notes.state().said.last(), Some(&format!("remove {port}")));
}

#[test]
fn guard_reports_a_broken_packet_filter_and_ends() {
    let asked = lines(&[HELLO, &open(40001, &[])]);
    for (says_nothing, filtering) in [(true, Value::Null), (false, Value::Bool(true))] {
        let notes = Notes::default();
        notes.state().says_nothing = says_nothing;
        notes.state().does_not_work = true;
        let run = run(501, &notes, &asked);
        assert_eq!(run.replies.len(), 1, "{:?}", run.replies);
        assert_eq!(run.replies[0]["filtering"], filtering);
        assert!(run.replies[0]["failed"].as_str().unwrap().contains("pf refuses") && run.open.is_empty());
    }
}

#[test]
fn unremovable_gate_is_reported_and_stays_noted() {
    let notes = Notes::default();
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path().join("journals"));
    let store = Arc::new(JournalStore::open(journals.clone(), FirewallBackend::Pf, 501).unwrap());
    let mut guard = Guard::new(notes.clone(), store, CallerLimits::none(501));
    let status = || GuardRequest { id: 1, operation: Operation::Status };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        guard.perform(serde_json::from_str(HELLO).unwrap()).await.unwrap();
        guard.perform(serde_json::from_str(&open(40002, &[])).unwrap()).await.unwrap();
        assert_eq!(guard.perform(status()).await, Ok(Some(vec![40002])));
        notes.state().refuses = true;
        let drop = GuardRequest { id: 3, operation: Operation::Drop { port: 40002 } };
        let why = guard.perform(drop).await.unwrap_err().to_string();
        assert!(why.contains("pf refuses"), "{why}");
        assert_eq!(guard.perform(status()).await, Ok(Some(vec![40002])));
    });
    assert_eq!(journals.read().unwrap()[0].record.as_ref().unwrap().gates.len(), 1);
}

/// Found by fuzzing.
#[test]
fn unshut_gate_that_is_gone_is_not_reported_left() {
    let notes = Notes::default();
    notes.state().refuses_to_shut = true;
    let run = run(501, &notes, &lines(&[HELLO, &open(40001, &[]), &open(40002, &[])]));
    assert_eq!(run.open.len(), 2);
    assert!(run.left.is_empty() && notes.state().open.is_empty(), "{:?}", run.left);
    assert!(run.journals.read().unwrap().is_empty());
}

#[test]
fn end_loads_no_rule_without_a_journal() {
    let asked = lines(&[HELLO, &open(40001, &[]), &open(40001, &[])]);
    let run = run_where(501, &Notes::default(), &asked, |folder| std::fs::remove_dir(folder).unwrap());
    for line in [1, 2] {
        assert!(failure(&run, line).contains("nothing is opened without it"), "{}", failure(&run, line));
    }
    assert!(run.notes.state().said.is_empty() && run.left.is_empty(), "{:?}", run.notes.state().said);
}

/// A guard of user 1000 in such a system, which has said hello, its packet filter and its journals.
struct Held {
    guard: Guard<Notes>,
    notes: Notes,
    journals: Journals,
    _folder: tempfile::TempDir,
}

const ALICE: u32 = 1000;
const BOB: u32 = 1001;

impl Held {
    async fn to(told: &Told) -> Held {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::new(folder.path().join("journals"));
        let notes = Notes::default();
        let store = Arc::new(JournalStore::open(journals.clone(), FirewallBackend::Pf, ALICE).unwrap());
        let mut guard = Guard::new(notes.clone(), store, told.limits(ALICE));
        guard.perform(serde_json::from_str(HELLO).unwrap()).await.unwrap();
        Held { guard, notes, journals, _folder: folder }
    }

    async fn ask(&mut self, operation: Operation) -> Result<Option<Vec<u16>>, String> {
        self.guard.perform(GuardRequest { id: 1, operation }).await.map_err(|refusal| refusal.to_string())
    }

    async fn open(&mut self, port: u16) -> Result<Option<Vec<u16>>, String> {
        let peers = vec!["127.0.0.1".parse().unwrap()];
        self.ask(Operation::Open { port, peers, socket: false }).await
    }

    /// What it says without being asked.
    async fn look(&mut self) -> String {
        let mut said = Vec::new();
        self.guard.look(&mut said).await.unwrap();
        String::from_utf8(said).unwrap()
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.state().said)
    }
}

#[tokio::test]
async fn port_of_another_user_reaches_no_filter_and_disk() {
    let told = Told::default();
    told.comes(5432, BOB, Does::Listen);
    let mut held = Held::to(&told).await;
    assert!(held.open(5432).await.unwrap_err().contains("user 1001 listens on port 5432"));
    let why = held.ask(Operation::Shut { port: 5432 }).await.unwrap_err();
    assert!(why.contains("no gate here"), "{why}");
    assert!(held.said().is_empty() && held.journals.read().unwrap().is_empty());
}

#[tokio::test]
async fn reply_tells_ports_of_other_users_apart() {
    let told = Told::default();
    told.comes(40001, BOB, Does::Listen).comes(40002, ALICE, Does::Listen).comes(40002, BOB, Does::Connect);
    let mut held = Held::to(&told).await;
    for (port, of_another) in [(40001, true), (40002, true), (40003, false), (22, false)] {
        let reply = held.guard.answer(open(port, &["127.0.0.1"]).as_bytes()).await;
        assert!(reply.failed.is_some() && reply.of_another == of_another, "{reply:?}");
    }
}

#[tokio::test]
async fn gate_goes_when_another_user_comes_to_its_port() {
    for does in [Does::Listen, Does::Connect] {
        let told = Told::default();
        told.comes(40001, ALICE, Does::Listen).comes(40002, ALICE, Does::Listen);
        let mut held = Held::to(&told).await;
        held.open(40001).await.unwrap();
        held.open(40002).await.unwrap();
        assert_eq!((held.look().await, held.said().len()), (String::new(), 2));
        told.comes(40001, BOB, does);
        let said = held.look().await;
        assert_eq!(said.matches("lost").count(), 1, "{said}");
        assert!(said.contains("\"lost\":40001") && said.contains("user 1001"), "{said}");
        assert_eq!(held.said(), ["remove 40001"], "and it is not shut before");
        let gates = &held.journals.read().unwrap()[0].record.as_ref().unwrap().gates.len();
        assert_eq!(*gates, 1);
        held.ask(Operation::Shut { port: 40001 }).await.unwrap();
        held.ask(Operation::Drop { port: 40001 }).await.unwrap();
        assert!(held.said().is_empty(), "there is nothing left to shut");
    }
}

#[tokio::test]
async fn gate_stays_when_another_user_is_at_another_address() {
    let told = Told::default();
    told.listens("127.0.0.1:40001", ALICE);
    let mut held = Held::to(&told).await;
    held.open(40001).await.unwrap();
    assert_eq!(held.notes.state().at, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
    let gates = held.journals.read().unwrap().remove(0).record.unwrap().gates;
    assert_eq!(gates[0].at, held.notes.state().at, "as the journal has it");
    told.listens("127.0.0.2:40001", BOB);
    assert_eq!(held.look().await, "");
    held.ask(Operation::Shut { port: 40001 }).await.unwrap();
    assert_eq!(held.said(), ["open 40001", "shut 40001"], "which does not cut them off");
}

/// The caller asks without end, and reads each answer as late as the guard lets it.
#[tokio::test]
async fn answers_read_late_put_off_no_look() {
    tokio::time::pause();
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen);
    let mut held = Held::to(&told).await;
    held.open(40001).await.unwrap();
    told.comes(40001, BOB, Does::Listen);
    let asked = "{\"id\":3,\"do\":\"status\"}\n".repeat(100);
    let (answers, reader) = tokio::io::duplex(64);
    let serving =
        held.guard.run(Vec::new(), BufReader::new(asked.as_bytes()), answers, std::future::pending());
    let reading = async {
        let begun = Instant::now();
        let mut lines = BufReader::with_capacity(1, reader).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("lost") {
                return begun.elapsed();
            }
            tokio::time::sleep(ANSWER_LIMIT * 9 / 10).await;
        }
        panic!("nothing is said of it");
    };
    let (_, took) = tokio::join!(serving, reading);
    assert!(took < LOOK * 8, "which of a look and a request is first is chance: {took:?}");
}

#[tokio::test]
async fn gate_of_a_port_with_a_stranger_is_not_shut() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen);
    let mut held = Held::to(&told).await;
    held.open(40001).await.unwrap();
    told.all_go();
    told.comes(40001, BOB, Does::Listen);
    let why = held.ask(Operation::Shut { port: 40001 }).await.unwrap_err();
    assert!(why.contains("user 1001 listens"), "{why}");
    assert_eq!(held.said(), ["open 40001", "remove 40001"]);
    assert!(held.journals.read().unwrap().is_empty());
}

#[tokio::test]
async fn gates_go_when_nothing_is_told_for_long() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen);
    let mut held = Held::to(&told).await;
    held.open(40001).await.unwrap();
    told.goes_blind();
    for _ in 1..BLIND_LOOKS {
        assert_eq!(held.look().await, "");
    }
    assert!(held.look().await.contains("does not say any more"));
    assert_eq!(held.said(), ["open 40001", "remove 40001"]);
}

/// A process that lives stands for another guard.
#[tokio::test]
async fn gates_of_other_guards_count_and_keep_their_ports() {
    let told = Told::default();
    told.comes(40001, ALICE, Does::Listen).comes(40002, ALICE, Does::Listen);
    let mut held = Held::to(&told).await;
    let mut live = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let journals = held.journals.clone();
    let pid = live.id();
    let other = |uid: u32, first: u16, gates: u16, peers: usize| {
        let mut record = GuardRecord::begin(FirewallBackend::Pf, uid).unwrap();
        record.guard = ProcessIdentity::now(pid).unwrap();
        for port in first..first + gates {
            record.open(port, vec!["192.0.2.5".parse().unwrap(); peers], Vec::new());
        }
        journals.write(&record).unwrap();
    };
    other(BOB, 40002, 1, 64);
    held.open(40001).await.unwrap();
    let reply = held.guard.answer(open(40002, &["127.0.0.1"]).as_bytes()).await;
    let why = reply.failed.unwrap();
    assert!(why.contains("a gate of user 1001") && !why.contains("delete"), "{why}");
    assert!(reply.of_another, "{why}");
    held.ask(Operation::Drop { port: 40001 }).await.unwrap();
    other(ALICE, 41000, 32, 1);
    assert!(held.open(40001).await.unwrap_err().contains("16 gates already"));
    other(ALICE, 41000, 4, 64);
    assert!(held.open(40001).await.unwrap_err().contains("257 peers"));
    assert!(!held.said().contains(&"open 40002".to_owned()));
    live.kill().unwrap();
    live.wait().unwrap();
    held.open(40001).await.expect("what a killed guard holds is for the next sweep, and does not count");
}

/// What this line asks to open, by another reading of it than the guard's.
fn asks(line: &[u8]) -> Option<(u16, Vec<Peer>)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let (object, asked) = (value.as_object()?, value.get("do")?.get("open")?.as_object()?);
    let exact = object.len() == 2 && object["do"].as_object()?.len() == 1 && asked.len() == 2;
    let peers = asked.get("peers")?.as_array()?;
    let peers: Option<Vec<Peer>> = peers.iter().map(|peer| peer.as_str()?.parse().ok()).collect();
    let port = u16::try_from(asked.get("port")?.as_u64()?).ok()?;
    (exact && object.get("id")?.is_u64()).then_some((port, peers?))
}

fn a_line() -> impl Strategy<Value = Vec<u8>> {
    let port = prop_oneof![Just(0_u64), Just(22), Just(65_536), 40_000_u64..40_004];
    let peer = prop_oneof![
        Just("127.0.0.1"),
        Just("192.0.2.0/24"),
        Just("fe80::1%en0"),
        Just("fe80::1"),
        Just("0.0.0.0/0"),
        Just("any } pass all"),
        Just("$(reboot)"),
    ];
    let request = (0..5, port, prop::collection::vec(peer, 0..3)).prop_map(|(kind, port, peers)| {
        let operation = match kind {
            0 | 1 => json!({"open": {"port": port, "peers": peers}}),
            2 => json!({"shut": {"port": port}}),
            3 => json!({"drop": {"port": port}}),
            _ => json!("status"),
        };
        json!({"id": 3, "do": operation}).to_string().into_bytes()
    });
    let broken =
        (request.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut line, at, byte)| {
            let at = at.index(line.len());
            line[at] = if byte == b'\n' { b' ' } else { byte };
            line
        });
    let garbage = prop::collection::vec(any::<u8>().prop_filter("a line", |byte| *byte != b'\n'), 0..80);
    let extra = request.clone().prop_map(|line| {
        String::from_utf8(line).unwrap().replacen('{', "{\"rule\":\"pass all\",", 1).into_bytes()
    });
    prop_oneof![4 => request, 3 => broken, 2 => garbage, 1 => extra]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_requests_open_only_what_they_ask_for(
        garbled in prop::collection::vec(a_line(), 1..30)
    ) {
        let mut asked: Vec<Vec<u8>> = vec![HELLO.into()];
        asked.extend(garbled);
        let run = run(501, &Notes::default(), &asked);
        let wanted: Vec<(u16, Vec<Peer>)> = asked.iter().filter_map(|line| asks(line)).collect();
        for (port, peers) in &run.open {
            prop_assert!(*port >= SYSTEM_PORTS);
            // A shut gate has no peers.
            prop_assert!(peers.is_empty() || wanted.contains(&(*port, peers.clone())), "{port} for {peers:?}");
        }
        prop_assert_eq!(run.replies.len(), asked.len() + 1, "each line has an answer");
        prop_assert!(run.notes.state().open.is_empty() && run.left.is_empty());
        prop_assert!(run.journals.read().unwrap().is_empty());
    }
}
