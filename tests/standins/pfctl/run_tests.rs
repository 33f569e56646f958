use super::*;

/// A machine with its own pf; root unless a test says otherwise.
pub struct Machine {
    pub state: State,
    around: Surroundings,
}

pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn machine() -> Machine {
    let (files, services) = (Files::default(), Services::new(""));
    let (state, boot) = load::boot(&files, &services, 1, 0);
    assert_eq!(boot.stderr, "");
    Machine { state, around: Surroundings { uid: 0, pid: 7, files, services, stdin: String::new() } }
}

impl Machine {
    pub fn run(&mut self, line: &str, stdin: &str) -> Answer {
        let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        self.around.stdin = stdin.to_owned();
        let mut out = Output::default();
        let code = run(&mut self.state, &mut out, &self.around, &argv);
        Answer { code, stdout: out.stdout, stderr: out.stderr }
    }

    fn token(&mut self) -> String {
        let answer = self.run("-E", "");
        assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));
        answer.stderr.rsplit_once("pf enabled\nToken : ").unwrap().1.trim().to_owned()
    }
}

const ALTQ: &str = "No ALTQ support in kernel\nALTQ related functions disabled\n";
const GATE: &str = "table <peers> persist { 192.0.2.5 }
pass in quick proto tcp from <peers> to any port 2345 no state label \"dlvgate:2345\"
pass out quick proto tcp from any port 2345 to <peers> no state label \"dlvgate:2345\"
block return in log quick proto tcp from any to any port 2345 label \"dlvgate:2345:deny\"
";

#[test]
fn pf_is_off_at_first_and_has_the_stock_main_ruleset() {
    let mut m = machine();
    assert!(m.run("-s info", "").stdout.starts_with("Status: Disabled"));
    assert_eq!(
        m.run("-sr", "").stdout,
        "scrub-anchor \"com.apple/*\" all fragment reassemble\nanchor \"com.apple/*\" all\n"
    );
    assert_eq!(
        m.run("-v -s Anchors", "").stdout,
        "  com.apple\n  com.apple/200.AirDrop\n  com.apple/250.ApplicationFirewall\n"
    );
}

#[test]
fn tokens_are_counted_and_the_last_one_turns_pf_off() {
    let mut m = machine();
    assert_eq!(m.run("-s References", "").stdout, "No pf starter references held\n");
    let (one, two) = (m.token(), m.token());
    assert_ne!(one, two);
    let held = m.run("-s References", "").stdout;
    assert!(
        held.starts_with(
            "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n"
        )
    );
    assert!(held.contains(&one) && held.contains(&two));
    let first = m.run(&format!("-X {one}"), "");
    assert_eq!(first.code, 0);
    assert_eq!(
        first.stderr,
        format!(
            "{ALTQ}disable request successful. 1 more pf enable reference(s) remaining, pf still enabled.\n"
        )
    );
    let stale = m.run(&format!("-X {one}"), "");
    assert_eq!((stale.code, stale.stderr), (1, format!("{ALTQ}pfctl: pf: token invalid\n")));
    let last = m.run(&format!("-X {two}"), "");
    assert_eq!((last.code, last.stderr), (0, format!("{ALTQ}pf disabled\n")));
    let off = m.run(&format!("-X {two}"), "");
    assert_eq!((off.code, off.stderr), (1, format!("{ALTQ}pfctl: pf not enabled\n")));
}

#[test]
fn disabling_destroys_everybodys_tokens() {
    let mut m = machine();
    m.run("--standin enable-by-other", "");
    let own = m.token();
    assert_eq!(m.run("-d", "").code, 0);
    assert_eq!(m.run("-s References", "").stdout, "No pf starter references held\n");
    assert_eq!(m.run(&format!("-X {own}"), "").code, 1);
}

#[test]
fn without_root_only_a_dry_run_works() {
    let mut m = machine();
    m.around.uid = 501;
    let refused = m.run("-sr", "");
    assert_eq!((refused.code, refused.stderr.as_str()), (1, "pfctl: /dev/pf: Permission denied\n"));
    assert_eq!(m.run("-a com.apple/x -nf -", GATE).code, 0);
    assert_eq!(m.run("-a com.apple/x -f -", GATE).code, 1);
    assert!(!m.state.rulesets.contains_key("com.apple/x"));
}

#[test]
fn rules_are_printed_normalized_and_warnings_go_to_stderr() {
    let mut m = machine();
    let load = m.run("-a com.apple/x -f -", GATE);
    assert_eq!((load.code, load.stdout.as_str()), (0, ""));
    assert!(load.stderr.starts_with("pfctl: Use of -f option, could result in flushing of rules\n"));
    assert!(load.stderr.ends_with(ALTQ));
    let expected: String =
        GATE.lines().skip(1).map(|l| l.replace("port 2345", "port = 2345") + "\n").collect();
    assert_eq!(m.run("-a com.apple/x -sr", "").stdout, expected);
    let numbered = m.run("-a com.apple/x -vv -sr", "").stdout;
    assert!(numbered.starts_with("@0 pass in quick"));
    assert!(numbered.contains("\n  [ Evaluations: 0 "));
    let dry = m.run("-nvf -", GATE).stdout;
    assert_eq!(dry, format!("table <peers> persist {{ 192.0.2.5 }}\n{expected}"));
}

#[test]
fn a_dry_run_prints_a_wildcard_anchor_without_its_name() {
    assert_eq!(machine().run("-nvf -", "anchor \"com.apple/*\"\n").stdout, "anchor \"/*\" all\n");
}

#[test]
fn a_bad_file_changes_nothing_and_names_the_line() {
    let mut m = machine();
    m.run("-a com.apple/x -f -", GATE);
    let before = m.state.clone();
    let bad = m.run("-a com.apple/x -f -", "pass in all\npas in all\n");
    assert_eq!(bad.code, 1);
    assert!(
        bad.stderr
            .ends_with("stdin:2: syntax error\npfctl: Syntax error in config file: pf rules not loaded\n")
    );
    assert_eq!(m.state, before);
    let dry = m.run("-nf -", "pass in all");
    assert_eq!(dry.code, 1);
    assert!(dry.stderr.ends_with("\n\nstdin:1: syntax error\n"));
}

#[test]
fn reading_an_anchor_that_is_not_there_exits_0() {
    let answer = machine().run("-a com.apple/none -sr", "");
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));
    assert!(answer.stderr.ends_with("pfctl: DIOCGETRULES: Invalid argument\n"));
}

#[test]
fn children_survive_a_load_of_the_main_ruleset() {
    let mut m = machine();
    m.run("-a com.apple/x -f -", GATE);
    assert_eq!(m.run("-f /etc/pf.conf", "").code, 0);
    assert!(m.run("-a com.apple/x -sr", "").stdout.contains("2345"));
}

#[test]
fn options_and_loads_within_an_anchor_are_not_applied() {
    let mut m = machine();
    let text = "set skip on lo0\nload anchor \"y\" from \"/nowhere\"\npass all\n";
    assert_eq!(m.run("-a com.apple/x -f -", text).code, 0);
    assert!(m.state.skip.is_empty());
    assert_eq!(m.run("-f -", "set skip on lo0\npass all\n").code, 0);
    assert!(m.state.skip.contains("lo0"));
}

#[test]
fn a_persist_table_survives_a_flush_of_the_rules() {
    let mut m = machine();
    m.run("-a com.apple/x -f -", GATE);
    assert!(m.run("-a com.apple/x -F rules", "").stderr.ends_with("rules cleared\n"));
    assert_eq!(m.run("-a com.apple/x -s Tables", "").stdout, "peers\n");
    assert!(m.run("-a com.apple/x -F Tables", "").stderr.ends_with("1 tables deleted.\n"));
    assert!(m.run("-a com.apple/x -sr", "").stderr.contains("DIOCGETRULES"), "an empty anchor is gone");
}

#[test]
fn flushing_all_of_an_anchor_says_so_in_four_lines() {
    assert_eq!(
        machine().run("-a com.apple/x -F all", "").stderr,
        format!("{ALTQ}rules cleared\nnat cleared\ndummynet cleared\n0 tables deleted.\n")
    );
}

#[test]
fn a_table_is_edited_from_the_command_line() {
    let mut m = machine();
    m.run("-a com.apple/x -f -", GATE);
    let t = "-a com.apple/x -t peers -T";
    assert!(m.run(&format!("{t} add 10.0.0.1"), "").stderr.ends_with("1/1 addresses added.\n"));
    assert_eq!(m.run(&format!("{t} show"), "").stdout, "   192.0.2.5\n   10.0.0.1\n");
    assert_eq!(m.run(&format!("{t} delete 10.0.0.1"), "").code, 0);
    m.run(&format!("{t} replace fd00::1"), "");
    assert_eq!(m.run(&format!("{t} show"), "").stdout, "   fd00::1\n");
    assert_eq!(m.run("-a com.apple/x -t none -T show", "").code, 255);
}

#[test]
fn killing_states_ignores_ports_and_refuses_labels() {
    let mut m = machine();
    m.run("-E", "");
    m.run("-f -", "pass all\n");
    for port in [2345, 22] {
        m.run(&format!("--standin evaluate in en0 tcp 10.0.0.9 52998 10.0.0.5 {port}"), "");
    }
    assert!(
        m.run("-s states", "")
            .stdout
            .starts_with("ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED\n")
    );
    assert_eq!(m.run("-k label -k dlvgate:2345", "").code, 1);
    assert_eq!(m.state.states.len(), 2);
    let killed = m.run("-k 10.0.0.9 -k 10.0.0.0/8", "");
    assert!(killed.stderr.ends_with("killed 2 states from 1 sources and 1 destinations\n"));
    assert!(m.state.states.is_empty());
}

#[test]
fn a_reboot_wipes_rules_tokens_and_states() {
    let mut m = machine();
    let before = m.token();
    m.run("-a com.apple/x -f -", GATE);
    m.run("--standin evaluate in en0 tcp 10.0.0.9 1 10.0.0.5 2", "");
    m.run("--standin reboot", "");
    assert!(!m.state.enabled && m.state.states.is_empty() && m.state.tokens.is_empty());
    assert!(!m.state.rulesets.contains_key("com.apple/x"));
    assert!(m.run("-sr", "").stdout.contains("com.apple/*"), "launchd has loaded /etc/pf.conf");
    assert_ne!(m.token(), before);
}

#[test]
fn anchors_from_the_command_line_keep_the_limits() {
    let mut m = machine();
    assert_eq!(m.run("-a _pf -f -", "pass all\n").code, 1);
    assert_eq!(m.run(&format!("-a {} -f -", "a".repeat(64)), "pass all\n").code, 1);
}
