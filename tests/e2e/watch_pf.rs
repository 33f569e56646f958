//! `dlvgate firewall watch` on macOS, with scripts in the place of tcpdump and ifconfig.

use std::fs;

use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::watch::Watching;
use nix::sys::signal::Signal;

/// In the form that tcpdump prints what pf logs. The kernel keeps 15 bytes of the anchor's name,
/// which is all of it.
const LINES: &str = "\
00:00:00.000000 rule 0.010.dlvgate.003.2/0(match): block in on en0: 192.0.2.6.50000 > 192.0.2.1.2345: Flags [S], seq 1, win 65535, length 0
00:00:00.100000 rule 0.010.dlvgate.003.2/0(match): block in on en0: 192.0.2.6.50000 > 192.0.2.1.2345: Flags [R], seq 2, win 0, length 0
00:00:00.200000 rule 2/0(match): block in on en0: 192.0.2.7.50000 > 192.0.2.1.22: Flags [S], seq 1, win 65535, length 0";

/// The programs, in one folder with what they leave behind.
struct Mac {
    ifconfig: FakeDlv,
    tcpdump: FakeDlv,
}

impl Mac {
    /// `shown` is what `ifconfig pflog0` does.
    fn new(shown: &str) -> Mac {
        let ifconfig = FakeDlv::new(&format!("echo \"$*\" >>\"$0.calls\"; if [ $# = 1 ]; then {shown}; fi"));
        let tcpdump = FakeDlv::new(&format!(
            "echo 'listening on pflog0' >&2; cat <<'END'\n{LINES}\nEND\nexec sleep 600"
        ));
        Mac { ifconfig, tcpdump }
    }

    fn watch(&self) -> Watching {
        let path = |program: &FakeDlv| program.path.to_str().expect("a path in UTF-8").to_owned();
        let (ifconfig, tcpdump) = (path(&self.ifconfig), path(&self.tcpdump));
        let programs = ["--ifconfig", &ifconfig, "--tcpdump", &tcpdump];
        Watching::start(None, &[&["--json", "--backend", "pf"][..], &programs].concat())
    }

    fn calls_of_ifconfig(&self) -> String {
        fs::read_to_string(self.ifconfig.file("dlv.calls")).unwrap()
    }
}

const MISSING: &str = "echo 'ifconfig: interface pflog0 does not exist' >&2; exit 1";
const UP: &str = "echo 'pflog0: flags=141<UP,RUNNING,PROMISC> mtu 33080'";
const DOWN: &str = "echo 'pflog0: flags=0<> mtu 33080'";

#[test]
fn blocked_packet_is_told_with_the_full_anchor_name() {
    let mac = Mac::new(UP);
    let watching = mac.watch();
    let told = watching.tells(|| (), |told| told["port"] == 2345);
    assert_eq!((&told["from"], &told["from_port"]), (&"192.0.2.6".into(), &50000.into()), "{told}");
    assert_eq!((&told["interface"], &told["direction"]), (&"en0".into(), &"in".into()), "{told}");
    assert_eq!(told["gate"], "anchor com.apple/010.dlvgate.003", "{told}");
    assert_eq!(told["rule"], "line 4", "{told}");
    assert_eq!(watching.stdout.lines().len(), 1, "{:#?}", watching.stdout.lines());
    watching.ends_well(Signal::SIGINT);
}

#[test]
fn the_log_s_interface_is_afterwards_as_it_was() {
    for (shown, calls) in [
        (UP, "pflog0\n"),
        (DOWN, "pflog0\npflog0 up\npflog0 down\n"),
        (MISSING, "pflog0\npflog0 create\npflog0 up\npflog0 destroy\n"),
    ] {
        let mac = Mac::new(shown);
        let watching = mac.watch();
        watching.tells(|| (), |told| told["port"] == 2345);
        watching.ends_well(Signal::SIGTERM);
        assert_eq!(mac.calls_of_ifconfig(), calls);
    }
}

#[test]
fn ended_tcpdump_says_why_and_interface_is_removed() {
    let refused = "tcpdump: pflog0: You don't have permission to capture on that device";
    for (script, words) in [
        (
            "echo 'tcpdump: pflog0: broken' >&2; exit 1",
            "ended, so no more refusals can be reported (exit status: 1): tcpdump: pflog0: broken",
        ),
        (&*format!("echo \"{refused}\" >&2; exit 1"), "sudo dlvgate firewall watch"),
    ] {
        let mac = Mac { tcpdump: FakeDlv::new(script), ..Mac::new(MISSING) };
        let mut watching = mac.watch();
        assert_eq!(watching.exit().code(), Some(1));
        watching.says(words);
        assert!(mac.calls_of_ifconfig().ends_with("pflog0 destroy\n"), "{}", mac.calls_of_ifconfig());
    }
}

#[test]
fn missing_permission_for_interface_names_command() {
    let refuses = "if [ \"$2\" = create ]; then echo 'ifconfig: SIOCIFCREATE2: Operation not permitted' >&2; exit 1; fi";
    let mac = Mac {
        ifconfig: FakeDlv::new(&format!("if [ $# = 1 ]; then exit 1; fi; {refuses}")),
        ..Mac::new(MISSING)
    };
    let mut watching = mac.watch();
    assert_eq!(watching.exit().code(), Some(1));
    watching.says("sudo dlvgate firewall watch");
}
