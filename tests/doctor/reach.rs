//! `dlvgate doctor --probe`, from another machine: what becomes of a connection, and that nothing
//! is spent by the question.

use serde_json::Value;

use super::container::{Container, User};

/// The client's machine, at the other end of the wire: a network namespace in the container. What
/// answers is in the container itself.
const OTHER: &str = "ip netns add other 2>/dev/null || { mkdir -p /run/netns; ip netns add other; }
ip link set wire0 netns other
ip -n other address add 192.0.2.5/24 dev wire0
ip -n other link set wire0 up
ip -n other link set lo up
for i in $(seq 100); do ip netns exec other ping -c1 -W1 192.0.2.1 >/dev/null 2>&1 && break; sleep 0.05; done";

const LISTENS: &str =
    "for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp /proc/net/tcp6 && break; sleep 0.05; done";

struct Machines(Container);

impl Machines {
    fn new() -> Option<Machines> {
        let mut container = Container::new(User::Root)?;
        container.must(OTHER);
        Some(Machines(container))
    }

    fn serve(&mut self, command: &str) {
        self.0.must(&format!("{command} > /tmp/served 2>&1 &\nserver=$!\n{LISTENS}"));
    }

    fn end(&mut self) {
        self.0.run("kill -9 $server; wait $server 2>/dev/null; for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp /proc/net/tcp6 || break; sleep 0.05; done");
    }

    fn reach(&mut self, flags: &str) -> Value {
        let (_, said) =
            self.0.run(&format!("ip netns exec other dlvgate doctor --probe 192.0.2.1:2345 --json {flags}"));
        let line = said.lines().find(|line| line.starts_with('['));
        let all: Value = serde_json::from_str(line.unwrap_or_else(|| panic!("it says: {said}"))).unwrap();
        all[0].clone()
    }
}

#[test]
fn refused_and_filtered_are_told_apart() {
    let Some(mut machines) = Machines::new() else { return };
    assert_eq!(machines.reach("")["way"]["is"], "refused");
    machines.0.must("nft 'add table inet host; add chain inet host input { type filter hook input priority 0; }; add rule inet host input tcp dport 2345 drop'");
    let filtered = machines.reach("");
    assert_eq!(filtered["way"]["is"], "filtered", "{filtered}");
    machines.0.must("nft flush ruleset; nft 'add table inet host; add chain inet host input { type filter hook input priority 0; }; add rule inet host input tcp dport 2345 reject with icmpx admin-prohibited'");
    let rejected = machines.reach("");
    assert_eq!(rejected["way"]["is"], "unreachable", "{rejected}");
    let (code, page) = machines.0.run("nft flush ruleset; ip netns exec other dlvgate doctor --probe 192.0.2.1:2345 > /tmp/page; code=$?; cat /tmp/page; echo exit $code");
    assert!(page.contains("✗ 192.0.2.1:2345: refused") && page.contains("exit 1"), "{code}: {page}");
    assert!(page.contains("$ dlvgate doctor --port 2345 --from 192.0.2.5"), "{page}");
}

#[test]
fn a_dlv_for_one_client_is_not_spent_by_the_question() {
    let Some(mut machines) = Machines::new() else { return };
    machines.serve("dlv dap --listen=192.0.2.1:2345 --only-same-user=false");
    for _ in 0..25 {
        let open = machines.reach("");
        assert_eq!((&open["way"]["is"], &open["who"]["is"]), (&"open".into(), &"not_asked".into()), "{open}");
    }
    // Its one session is still to be had, from the other machine.
    let (_, answer) = machines.0.run(
        r#"kill -0 $server && ip netns exec other timeout 5 python3 -c '
import json, socket
s = socket.create_connection(("192.0.2.1", 2345))
b = json.dumps({"seq": 1, "type": "request", "command": "initialize", "arguments": {"adapterID": "go", "pathFormat": "path", "linesStartAt1": True, "columnsStartAt1": True}}).encode()
s.sendall(b"Content-Length: %d\r\n\r\n" % len(b) + b)
answer = s.makefile("rb")
length = int(answer.readline().split(b":")[1])
answer.readline()
print(answer.read(length).decode())'"#,
    );
    assert!(answer.contains(r#""command":"initialize""#), "{answer}");
    machines.end();
    // Asked, it says nothing and is gone: that is how it is known.
    machines.serve("dlv dap --listen=192.0.2.1:2345 --only-same-user=false");
    let asked = machines.reach("--identify");
    assert_eq!(asked["who"]["is"], "delve", "{asked}");
    machines.end();
}

#[test]
fn who_is_there_is_told_where_it_is_asked() {
    let Some(mut machines) = Machines::new() else { return };
    machines.serve("dlvgate serve --listen 192.0.2.1:2345 --allow 192.0.2.5 --once");
    for _ in 0..5 {
        let dlvgate = machines.reach("--identify");
        assert_eq!(dlvgate["who"]["is"], "dlvgate", "{dlvgate}");
        assert!(dlvgate["who"]["said"].as_str().unwrap().contains("serves DAP"), "{dlvgate}");
    }
    machines.0.must("kill -0 $server"); // --once, and no session was spent
    machines.end();
    machines.0.must("go build -o /tmp/shop .");
    machines.serve(
        "dlv exec --headless --accept-multiclient --only-same-user=false --listen=192.0.2.1:2345 /tmp/shop",
    );
    let headless = machines.reach("--identify");
    assert_eq!(headless["who"]["is"], "delve", "{headless}");
    assert!(headless["who"]["said"].as_str().unwrap().contains("JSON-RPC"), "{headless}");
    machines.end();
    machines.serve("python3 -m http.server --bind 192.0.2.1 2345");
    let other = machines.reach("--identify");
    assert_eq!(other["who"]["is"], "other", "{other}");
    machines.end();
    // On the machine itself doctor reads the process table, and connects to no program.
    machines.serve("dlv dap --listen=192.0.2.1:2345");
    let (_, page) = machines.0.run("dlvgate doctor --probe 192.0.2.1:2345");
    assert!(page.contains("dlv itself is there"), "{page}");
    machines.0.must("kill -0 $server");
}
