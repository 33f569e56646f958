//! A network namespace of a test's own: a loopback interface, and a ruleset that no other test
//! sees.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::{PATIENCE, poll};

/// Where root's programs are, independent of the user's PATH.
const PATH: &str = "/usr/sbin:/sbin:/usr/bin:/bin";

/// A network namespace, removed when dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new one, or `None` if this user cannot make one; then it says so.
    pub fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            println!("not run: a network namespace needs root");
            return None;
        }
        for program in [["ip", "-V"], ["nft", "--version"], ["setpriv", "--version"]] {
            if tool(program[0]).arg(program[1]).output().is_err() {
                println!("not run: {} is missing; tests/setup/install-network installs it", program[0]);
                return None;
            }
        }
        let name = format!("dlvgate-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        succeeds(tool("ip").args(["netns", "add", &name]));
        let namespace = Self { name };
        succeeds(tool("ip").args(["-n", &namespace.name, "link", "set", "lo", "up"]));
        Some(namespace)
    }

    /// Its name, as ip knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs ip in it.
    pub fn ip(&self, words: &[&str]) {
        succeeds(tool("ip").args(["-n", &self.name]).args(words));
    }

    /// The words that run a program in it; the process keeps its id.
    pub fn prefix(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// Does something on a thread that is in it: sockets and children that are made there belong to
    /// it.
    pub fn inside<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        let handle = File::open(format!("/run/netns/{}", self.name)).expect("the namespace");
        std::thread::scope(|scope| {
            let entered = scope.spawn(move || {
                setns(handle, CloneFlags::CLONE_NEWNET).expect("root may enter it");
                action()
            });
            entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Feeds a script to nft.
    pub fn nft(&self, script: &str) {
        self.try_nft(script).unwrap_or_else(|said| panic!("nft refuses {script}: {said}"));
    }

    /// The same; what nft says where it refuses it.
    pub fn try_nft(&self, script: &str) -> Result<(), String> {
        let mut nft = self.command(&["nft", "-f", "-"]);
        let mut child = nft.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nft runs");
        child.stdin.take().expect("a pipe").write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = || String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said()) }
    }

    /// Holds a table that takes no change from anybody else, with one chain and one rule, as
    /// firewalld can; it goes with what this gives.
    pub fn own_table(&self, name: &str, chain: &str, rule: &str) -> TableOwner {
        let mut nft = self.command(&["nft", "-i"]);
        let nft = nft.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("nft runs");
        let mut owner = TableOwner(nft);
        let commands = format!(
            "add table inet {name} {{ flags owner; }}\nadd chain inet {name} c {{ {chain} }}\nadd rule inet {name} c {rule}\n"
        );
        owner.0.stdin.as_mut().expect("a pipe").write_all(commands.as_bytes()).unwrap();
        poll(PATIENCE, || self.ruleset().contains("\"rule\"").then_some(())).expect("the table is there");
        owner
    }

    /// The whole ruleset as nft prints it in JSON, but for the handles, which count up.
    pub fn ruleset(&self) -> String {
        // While another nft changes the ruleset, nft may print nothing at all.
        let printed = poll(PATIENCE, || serde_json::from_str(&self.printed()).ok());
        let mut ruleset: Value = printed.expect("JSON");
        drop_handles(&mut ruleset);
        serde_json::to_string_pretty(&ruleset).unwrap()
    }

    /// The same word for word, the handles of all rules among them.
    pub fn printed(&self) -> String {
        let output = succeeds(&mut self.command(&["nft", "-j", "list", "ruleset"]));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What a user of the machine gets who connects to this loopback port: the shell's complaint,
    /// or nothing.
    pub fn connect_as(&self, user: u32, port: u16) -> String {
        let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let user = user.to_string();
        let become_it = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups"];
        let output =
            self.command(&[&become_it[..], &["timeout", "20", "bash", "-c", &connect]].concat()).output();
        String::from_utf8_lossy(&output.expect("setpriv runs").stderr).into_owned()
    }

    /// A wire to another one: an interface of this name on either side, with these hardware
    /// addresses.
    pub fn wire(&self, other: &Self, interface: &str, macs: [&str; 2]) {
        let end = |namespace: &Self, mac| format!("name {interface} address {mac} netns {}", namespace.name);
        let add = format!("link add {} type veth peer {}", end(self, macs[0]), end(other, macs[1]));
        succeeds(tool("ip").args(add.split(' ')));
        for end in [self, other] {
            end.ip(&["link", "set", interface, "up"]);
        }
    }

    /// A command that runs in it; the process keeps its id.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let [ip, rest @ ..] = self.prefix();
        let mut command = tool(ip);
        command.args(rest).args(arguments);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = tool("ip").args(["netns", "del", &self.name]).status();
    }
}

/// The nft that holds a table.
pub struct TableOwner(Child);

impl Drop for TableOwner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", PATH).env("LC_ALL", "C");
    command
}

fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The packets that the rule with this comment has counted, in a ruleset as above.
pub fn count(ruleset: &str, comment: &str) -> u64 {
    let ruleset: Value = serde_json::from_str(ruleset).expect("JSON");
    let mut rules = ruleset["nftables"].as_array().expect("a list").iter().map(|one| &one["rule"]);
    let rule = rules.find(|rule| rule["comment"] == comment).expect("a rule with this comment");
    let mut statements = rule["expr"].as_array().expect("statements").iter();
    statements.find_map(|one| one["counter"]["packets"].as_u64()).expect("a counter")
}

fn drop_handles(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("handle");
            object.values_mut().for_each(drop_handles);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_handles),
        _ => {}
    }
}
