//! The stand-in for pfctl as a test sees it: what it was asked, when, and what pf holds now.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Serve;
use crate::standin;
use crate::toolchain::Pair;

/// A pf of the test's own.
pub struct StandinPf {
    state: TempDir,
    program: PathBuf,
    journals: PathBuf,
}

/// One call of pfctl that took effect.
#[derive(Clone, Debug)]
pub struct Call {
    /// Microseconds since the epoch, when its change was made.
    pub t: u64,
    /// The ruleset that it was fed.
    pub stdin: String,
    /// The kinds of changes that it made.
    pub changes: Vec<String>,
}

impl StandinPf {
    /// pf as on a fresh Mac: off, with the stock ruleset.
    pub fn fresh() -> Self {
        let program = standin::built();
        let state = tempfile::Builder::new().prefix("dlvgate-standin-pf-").tempdir().unwrap();
        let journals = state.path().join("journals");
        Self { state, program, journals }
    }

    /// A server whose firewall this is.
    pub fn serve(&self, dlv: &Pair) -> Serve {
        let program = self.program.to_str().expect("a path in UTF-8");
        Serve::with(dlv)
            .flags(["--firewall", "pf", "--pfctl", program, "--journals", self.journals()])
            .env("STANDIN_PF_STATE", self.state.path())
    }

    /// This command, with this pf.
    pub fn with<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("STANDIN_PF_STATE", self.state.path());
        command.arg("--pfctl").arg(&self.program).args(["--journals", self.journals()])
    }

    /// Loads rules as another program would.
    pub fn load(&self, anchor: &str, rules: &str) {
        self.feed(&["-a", anchor, "-f", "-"], rules);
    }

    /// Loads a main ruleset as another program would.
    pub fn load_main(&self, rules: &str) {
        self.feed(&["-f", "-"], rules);
    }

    fn feed(&self, arguments: &[&str], rules: &str) {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("STANDIN_PF_STATE", self.state.path());
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().expect("a pipe").write_all(rules.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{rules}");
    }

    /// The folder of the guards' journals, of this pf alone.
    pub fn journals(&self) -> &str {
        self.journals.to_str().expect("a path in UTF-8")
    }

    /// From now on calls go wrong in this way; see tests/standins/pfctl/README.md.
    pub fn fault(&self, fault: &Value) {
        // At once: a call that is under way must not read a half.
        let whole = self.state.path().join("faults.json.new");
        fs::write(&whole, fault.to_string()).unwrap();
        fs::rename(whole, self.state.path().join("faults.json")).unwrap();
    }

    /// Calls that hold all these arguments fail with this complaint.
    pub fn fails(&self, arguments: &[&str], unless: &[&str], text: &str) {
        self.fault(&json!({"match": arguments, "unless": unless, "action": "fail", "text": text}));
    }

    /// Calls work again.
    pub fn works(&self) {
        self.fault(&json!([]));
    }

    /// Runs pfctl as the test's user.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(arguments).env("STANDIN_PF_STATE", self.state.path()).output().unwrap()
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether a new connection from this address to this port gets through on the loopback
    /// interface.
    pub fn passes(&self, from: &str, port: u16) -> bool {
        self.evaluates(&["in", "lo0", "tcp", from, "50000", "127.0.0.1", &port.to_string()])
    }

    /// The same, of a connection whose first packet comes in fragments.
    pub fn passes_in_fragments(&self, interface: &str, from: &str, port: u16) -> bool {
        let to = if from.contains(':') { "2001:db8::1" } else { "192.0.2.1" };
        self.evaluates(&["in", interface, "tcp", from, "50000", to, &port.to_string(), "--fragments"])
    }

    /// The same, from another machine.
    pub fn passes_on(&self, interface: &str, from: &str, port: u16) -> bool {
        let to = if from.contains(':') { "2001:db8::1" } else { "192.0.2.1" };
        self.evaluates(&["in", interface, "tcp", from, "50000", to, &port.to_string()])
    }

    /// Whether this user's process may connect to this port on loopback.
    pub fn passes_user(&self, uid: u32, port: u16) -> bool {
        let (port, uid) = (port.to_string(), uid.to_string());
        self.evaluates(&["out", "lo0", "tcp", "127.0.0.1", "50000", "127.0.0.1", &port, "--uid", &uid])
    }

    fn evaluates(&self, packet: &[&str]) -> bool {
        let call = [&["--standin", "evaluate"], packet, &["--dry"]].concat();
        let answer: Value = serde_json::from_str(&self.says(&call)).expect("an answer in JSON");
        match answer["decision"].as_str() {
            Some("pass") => true,
            Some("block") => false,
            _ => panic!("no decision: {answer}"),
        }
    }

    /// Every call that changed something, in the order in which they took effect.
    pub fn calls(&self) -> Vec<Call> {
        let journal = fs::read_to_string(self.state.path().join("journal.jsonl")).unwrap_or_default();
        let lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
        let calls = lines.map(|line| Call {
            t: line["t"].as_u64().expect("a time"),
            stdin: line["stdin"].as_str().unwrap_or_default().to_owned(),
            changes: names(&line["change"], "change"),
        });
        calls.collect()
    }

    /// The calls that changed this.
    pub fn changes(&self, what: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.changes.iter().any(|change| change == what)).collect()
    }

    /// The anchors of ours that hold rules or tables: an empty one stays, as it does on a Mac.
    pub fn gates(&self) -> Vec<String> {
        let anchors = self.says(&["-v", "-s", "Anchors"]);
        let ours = anchors.lines().map(str::trim).filter(|anchor| anchor.contains("dlvgate"));
        let holds = |anchor: &&str| {
            ["rules", "Tables"].iter().any(|what| !self.says(&["-a", anchor, "-s", what]).is_empty())
        };
        ours.filter(holds).map(str::to_owned).collect()
    }

    /// Returns what dlvgate has left: rules and tables, tokens (no other program takes one),
    /// journals and slots.
    pub fn left(&self) -> Option<String> {
        let gates = self.gates();
        if !gates.is_empty() {
            return Some(format!("rules or tables are left: {gates:?}"));
        }
        let tokens = self.says(&["-s", "References"]);
        if !tokens.contains("No pf starter references held") {
            return Some(format!("tokens are left: {tokens}"));
        }
        let journals: Vec<_> = fs::read_dir(&self.journals).into_iter().flatten().flatten().collect();
        (!journals.is_empty()).then(|| format!("journals are left: {journals:?}"))
    }

    /// How many gates, tokens and journals of ours there are.
    pub fn held(&self) -> [usize; 3] {
        let tokens = self.says(&["-s", "References"]);
        let files = fs::read_dir(&self.journals).into_iter().flatten().flatten();
        let journals = files.filter(|file| file.path().extension().is_some_and(|end| end == "json")).count();
        let holders = |text: &str| text.lines().filter(|line| line.contains("pfctl")).count();
        [self.gates().len(), holders(&tokens), journals]
    }

    /// Forgets what it was asked: a test of hours would fill a disk with it.
    pub fn forget_calls(&self) {
        fs::write(self.state.path().join("journal.jsonl"), "").unwrap();
    }

    /// No rule, no table, no token and no journal is left.
    pub fn assert_untouched(&self) {
        assert_eq!(self.left(), None);
        assert!(self.says(&["-s", "info"]).contains("Status: Disabled"));
    }
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|one| Some(one[key].as_str()?.to_owned())).collect()
}
