use super::*;

/// A machine with its own pf; root unless a test says otherwise.
pub struct Machine {
    pub state: State,
    pub around: Surroundings,
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

    pub fn token(&mut self) -> String {
        let answer = self.run("-E", "");
        assert_eq!((answer.code, answer.stdout.as_str()), (0, ""));
        answer.stderr.rsplit_once("pf enabled\nToken : ").unwrap().1.trim().to_owned()
    }
}

pub const ALTQ: &str = "No ALTQ support in kernel\nALTQ related functions disabled\n";
pub const GATE: &str = "table <peers> persist { 192.0.2.5 }
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
fn rules_print_normalized_with_warnings_on_stderr() {
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
fn options_and_loads_within_an_anchor_are_not_applied() {
    let mut m = machine();
    let text = "set skip on lo0\nload anchor \"y\" from \"/nowhere\"\npass all\n";
    assert_eq!(m.run("-a com.apple/x -f -", text).code, 0);
    assert!(m.state.skip.is_empty());
    assert_eq!(m.run("-f -", "set skip on lo0\npass all\n").code, 0);
    assert!(m.state.skip.contains("lo0"));
}

#[test]
fn flushing_all_of_an_anchor_says_so_in_four_lines() {
    let mut m = machine();
    m.run("-f -", "anchor \"x\"\n");
    m.run("-a x -f -", "pass all\n");
    assert_eq!(
        m.run("-a x -F all", "").stderr,
        format!("{ALTQ}rules cleared\nnat cleared\ndummynet cleared\n0 tables deleted.\n")
    );
    assert!(m.state.rulesets.contains_key("x"), "a rule refers to it");
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
fn anchors_from_the_command_line_keep_the_limits() {
    let mut m = machine();
    assert_eq!(m.run("-a _pf -f -", "pass all\n").code, 1);
    assert_eq!(m.run(&format!("-a {} -f -", "a".repeat(64)), "pass all\n").code, 1);
}
