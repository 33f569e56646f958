//! What a printed command must not do to who copies it: end a program that is not dlv's, open more
//! than was asked, change whose a folder is, or take away another's rules.

use serde_json::Value;

use super::container::{Container, User};
use super::fault::list;

/// Words of a command that no finding may print, each with the reason.
const NEVER: [(&str, &str); 10] = [
    ("0.0.0.0/0", "opens to all of IPv4"),
    ("::/0", "opens to all of IPv6"),
    ("--firewall off", "takes the gate away"),
    ("flush ruleset", "takes all rules away"),
    ("pfctl -f", "takes away what another program has loaded"),
    ("pfctl -d", "turns the filter off"),
    ("setblockall off", "opens for every program"),
    ("chmod -R", "reaches into others' folders"),
    ("seccomp=unconfined", "opens every system call"),
    ("rm -r", "reaches into folders"),
];

/// Programs that a printed command may end: what dlv builds, dlv, and dlvgate.
const MAY_END: [&str; 3] = ["dlv", "dlvgate", "__debug_bin"];

/// Why a command would do harm in this machine, if it would.
pub fn harm(container: &mut Container, command: &str) -> Option<String> {
    if let Some((_, why)) = NEVER.iter().find(|(words, _)| command.contains(words)) {
        return Some((*why).to_owned());
    }
    let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "sudo").collect();
    match words.first().copied().unwrap_or_default() {
        "kill" => {
            let pid = words[1].trim_end_matches(';');
            let (_, program) = container.run(&format!("readlink /proc/{pid}/exe"));
            let name = program.trim().rsplit('/').next().unwrap_or_default().to_owned();
            let may = MAY_END.iter().any(|may| name.starts_with(may));
            (!may).then(|| format!("ends process {pid}, which is {name}"))
        }
        "chown" if !words.last().unwrap().starts_with("/home/me/") => {
            Some("changes the owner of what is not in the user's home".to_owned())
        }
        "chmod" if !words.contains(&"+x") => Some("changes who may write".to_owned()),
        "rm" => {
            let ours = |word: &&&str| {
                word.starts_with("__debug_bin")
                    || word.contains("/dlvgate/")
                    || word.ends_with("/dlvgate-guard")
            };
            let rest = words[1..].iter().filter(|word| **word != "--");
            rest.clone().find(|word| !ours(word)).map(|word| format!("removes {word}"))
        }
        "nft" if words.contains(&"delete") && !command.contains("dlvgate") => {
            Some("removes another's rules".to_owned())
        }
        "pfctl" if words.contains(&"-F") && !command.contains("dlvgate") => {
            Some("removes another's rules".to_owned())
        }
        _ => None,
    }
}

/// Returns the harmful commands among all that doctor prints.
pub fn of_all(container: &mut Container, said: &Value) -> Vec<String> {
    let commands = list(&said["findings"]).iter().flat_map(|finding| list(&finding["remedies"]));
    let commands: Vec<String> =
        commands.filter_map(|one| one["command"].as_str().map(str::to_owned)).collect();
    commands.iter().filter_map(|command| Some(format!("`{command}` {}", harm(container, command)?))).collect()
}

/// A copy of a program under a tunnel's name, which listens.
const LISTENS: &str = r#"import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 2345))
s.listen()
while True:
    s.accept()[0].close()
"#;

#[test]
fn tunnel_is_named_and_left_alone() {
    for (name, words) in [("ssh", "a tunnel of ssh"), ("docker-proxy", "Docker has published")] {
        let Some(mut container) = Container::new(User::Root) else { return };
        container.must(&format!(
            "cp $(readlink -f $(command -v python3)) /tmp/{name}\ncat > /tmp/listens.py <<'PYTHON'\n{LISTENS}PYTHON\n\
             /tmp/{name} /tmp/listens.py -L 2345:127.0.0.1:2345 >/dev/null 2>&1 &\n\
             for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp && break; sleep 0.05; done"
        ));
        let said = container.doctor("--port 2345");
        assert!(said["first"].is_null(), "{:#}", said["first"]);
        let finding = list(&said["findings"]).iter().find(|one| one["id"] == "network.listener").unwrap();
        assert!(finding["seen"].as_str().unwrap().contains(words), "{finding:#}");
        assert!(finding["why"].as_str().unwrap().contains("that is fine"), "{finding:#}");
        let commands = finding["remedies"].to_string();
        assert!(
            !commands.contains("kill") && commands.contains("--probe 127.0.0.1:2345 --identify"),
            "{finding:#}"
        );
        let (_, said) = container.run("dlvgate doctor --probe 127.0.0.1:2345; echo exit $?");
        assert!(said.contains("? 127.0.0.1:2345: ") && said.contains(words), "{said}");
        // Its other end is not there.
        let (_, said) = container.run("dlvgate doctor --probe 127.0.0.1:2345 --identify; echo exit $?");
        assert!(said.contains("✗ 127.0.0.1:2345: nothing answers") && said.contains("exit 1"), "{said}");
    }
}

#[test]
fn server_behind_a_tunnel_is_told() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must(
        "dlvgate serve --listen 127.0.0.1:2346 >/tmp/serve 2>&1 &
until grep -q listening /tmp/serve; do sleep 0.05; done",
    );
    let relay = r#"import socket, threading
def pump(a, b):
    while (d := a.recv(4096)): b.sendall(d)
    b.shutdown(socket.SHUT_WR)
s = socket.socket()
s.bind(("127.0.0.1", 2345))
s.listen()
while True:
    c = s.accept()[0]
    d = socket.create_connection(("127.0.0.1", 2346))
    for pair in ((c, d), (d, c)): threading.Thread(target=pump, args=pair).start()
"#;
    container.must(&format!(
        "cp $(readlink -f $(command -v python3)) /tmp/ssh\ncat > /tmp/relay.py <<'PYTHON'\n{relay}PYTHON\n\
         /tmp/ssh /tmp/relay.py >/dev/null 2>&1 &\n\
         for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp && break; sleep 0.05; done"
    ));
    let (_, said) = container.run("dlvgate doctor --probe 127.0.0.1:2345 --identify; echo exit $?");
    assert!(said.contains("✓ 127.0.0.1:2345: open") && said.contains("dlvgate is there"), "{said}");
    assert!(said.contains("exit 0"), "{said}");
}

#[test]
fn program_of_a_server_outlives_the_remedy() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must(
        "go build -o \"it's a shop\" .
dlvgate serve --listen 127.0.0.1:2345 -- exec \"./it's a shop\" --accept-multiclient -- '--name=$HOME; x' '' >/tmp/serve 2>&1 &
until grep -q listening /tmp/serve; do sleep 0.05; done",
    );
    let said = container.doctor("--port 2345 --from 192.0.2.5");
    let commands: Vec<&str> =
        list(&said["first"]["remedies"]).iter().filter_map(|one| one["command"].as_str()).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    container.run(&format!("cd /\n{}\n{}", commands[0], commands[1]));
    let (_, words) = container.run(
        "for i in $(seq 100); do grep -q ':0929 .* 0A ' /proc/net/tcp /proc/net/tcp6 && break; sleep 0.05; done
tr '\\0' '|' < /proc/$(pgrep -nx dlvgate)/cmdline; readlink /proc/$(pgrep -nx dlvgate)/cwd",
    );
    let wanted = "serve|--listen|:2345|--allow|192.0.2.5|--|exec|./it's a shop|--accept-multiclient|--|--name=$HOME; x||";
    assert!(words.contains(wanted) && words.contains("/home/me/shop"), "{words}");
}

#[test]
fn fix_in_a_folder_with_colons_edits_its_own_file() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must(
        "mkdir -p 'a:1:b' && echo precious > a && cd 'a:1:b' && printf '\\nlistne = 1\\n' > dlvgate.toml",
    );
    let (_, page) = container.run("dlvgate doctor --fix < /dev/null");
    assert!(page.contains("done: "), "{page}");
    assert_eq!(container.must("cat ../a").trim(), "precious");
    assert!(container.must("cat dlvgate.toml").contains("# listne"));
}

/// A folder's name that a careless command would run, split, or take for something else.
const HOSTILE: &str = r#"$'x; touch pwned; $(touch pwned)\n`touch pwned` "it\'s" -rf'"#;

#[test]
fn hostile_names_run_nothing() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must(&format!(
        r#"place=/tmp/{HOSTILE}
export HOME="$place/home"
mkdir -p "$HOME/bin" "$HOME/.config/JetBrains/GoLand2026.2" "$HOME/.config/JetBrains/GoLand2026.3" "$place/other"
cd "$place"
printf '#!/bin/sh\necho Version: 1.5.0\n' > "$HOME/bin/dlv"
cp /usr/bin/dlv "$place/other/dlv"
printf '#!/bin/sh\nexit 1\n' > "$HOME/bin/go"
chmod +x "$HOME/bin/dlv" "$HOME/bin/go"
export PATH="$HOME/bin:$PATH:$place/other"
printf 'dlv.path=/opt/nope/dlv\n' > "$HOME/.config/JetBrains/GoLand2026.2/idea.properties"
printf 'umask 022\neval "$(goenv init -)"\n' > "$HOME/.profile"
printf '#!/bin/sh\n' > __debug_bin7
chmod +x __debug_bin7
printf '\nlistne = 1\n' > dlvgate.toml
dlvgate --config /dev/null serve --listen '[::1]:2345' -- exec "./$(basename "$place")" >/tmp/serve 2>&1 &
until grep -q listening /tmp/serve; do sleep 0.05; done"#
    ));
    copy_all(&mut container, 4);
    assert!(container.must("cat dlvgate.toml").contains("# listne"));
    assert!(
        container.must("cat \"$HOME/.config/JetBrains/GoLand2026.2/idea.properties\"").contains("# dlv.path")
    );
    container.must("test ! -e __debug_bin7");
    // A dlv that GoLand brings counts where no other is named.
    container.must(
        r#"rm "$HOME/.config/JetBrains/GoLand2026.2/idea.properties"
rm "$HOME/bin/go"
bundled=/opt/GoLand-2026.2/plugins/go-plugin/lib/dlv/linux
mkdir -p $bundled
printf '#!/bin/sh\necho Version: 1.8.3\n' > $bundled/dlv
chmod +x $bundled/dlv
export DLVGATE_DLV=/usr/bin/dlv"#,
    );
    copy_all(&mut container, 1);
    let properties = container.must("cat \"$HOME/.config/JetBrains/GoLand2026.3/idea.properties\"");
    assert!(properties.contains("dlv.path="), "{properties}");
}

/// Runs every command that doctor prints, as one copies it. So many have a hostile name in them.
fn copy_all(container: &mut Container, hostile: usize) {
    let said = container.doctor("--port 2345");
    let remedies = list(&said["findings"]).iter().flat_map(|finding| list(&finding["remedies"]));
    let commands: Vec<&str> = remedies.filter_map(|one| one["command"].as_str()).collect();
    let named = commands.iter().filter(|command| command.contains("touch pwned")).count();
    assert!(named >= hostile, "{commands:#?}");
    let harmful = of_all(container, &said);
    assert!(harmful.is_empty(), "{harmful:#?}");
    for command in &commands {
        container
            .run(&format!("cat > /tmp/copied <<'COPIED'\n{command}\nCOPIED\ntimeout 10 bash /tmp/copied"));
        container.must("! find /tmp -xdev -name pwned 2>/dev/null | grep .");
    }
}
