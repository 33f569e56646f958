use super::*;

fn argv(line: &str) -> Argv {
    Argv::parse(line.split_whitespace().map(OsString::from).collect()).unwrap()
}

fn words(line: &str, port: u16) -> String {
    let words = argv(line).listening_on(&Address::loopback(port));
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_commands_that_listen_are_told_from_the_others() {
    for line in [
        "dap",
        "dap -l :1",
        "dap --check-go-version=false --listen 127.0.0.1:1",
        "--listen=127.0.0.1:1 --headless=true --api-version=2 exec /x -- --headless=false -h",
        "exec ./x --headless",
        "--headless=T debug",
        "--unknown value exec ./x --headless",
        "--headless -l :1 attach 77 --",
        "test ./pkg --headless -- -test.run X",
        "dap --help=false",
        "-h=false dap",
        "--wd dap exec x --headless",
    ] {
        assert!(argv(line).serves().is_some(), "{line}");
    }
    for line in [
        "",
        "version",
        "help dap",
        "exec ./x",
        "debug --headless=false",
        "exec ./x -- --headless",
        "dap --help",
        "exec -h --headless",
        "connect --headless 127.0.0.1:1",
        "trace --headless x",
        "--log-dest dap version",
    ] {
        assert!(argv(line).serves().is_none(), "{line}");
    }
    assert_eq!(argv("dap").serves(), Some(Serves::Dap));
    assert_eq!(argv("core x y --headless").serves(), Some(Serves::Both));
}

#[test]
fn only_the_address_changes_in_every_spelling() {
    for (line, expected) in [
        ("dap --listen=:1 --log", "dap --listen=127.0.0.1:9 --log"),
        ("dap --listen :1 --log", "dap --listen 127.0.0.1:9 --log"),
        ("dap -l :1", "dap -l 127.0.0.1:9"),
        ("dap -l:1", "dap -l127.0.0.1:9"),
        ("dap -l=:1", "dap -l=127.0.0.1:9"),
        (
            "--listen=unix:/p exec x --headless -- --listen=:5",
            "--listen=127.0.0.1:9 exec x --headless -- --listen=:5",
        ),
        ("dap -l :1 --listen=:2", "dap -l 127.0.0.1:9 --listen=127.0.0.1:9"),
        ("dap --client-addr=:7 --log", "dap --listen=127.0.0.1:9 --log"),
        ("dap --client-addr :7 --log", "dap --listen=127.0.0.1:9 --log"),
        ("dap --log", "--listen=127.0.0.1:9 dap --log"),
    ] {
        assert_eq!(words(line, 9), expected, "{line}");
    }
    assert_eq!(words("dap --log", 0), "dap --log");
    let goland = "--listen=127.0.0.1:50626 --headless=true --api-version=2 --check-go-version=false \
                  --only-same-user=false exec /tmp/bin -- -a --listen=:1";
    assert_eq!(
        words(goland, 0),
        goland.replace("50626", "0").split_whitespace().collect::<Vec<_>>().join(" ")
    );
}

#[test]
fn values_are_read_where_they_stand() {
    let read = argv("dap -l :1 --listen=:2 --log-dest 3 --only-same-user=false");
    assert_eq!(read.listen(), Some(OsStr::new(":2")));
    assert_eq!(read.log_dest(), Some(OsStr::new("3")));
    assert_eq!(read.only_same_user(), Some(false));
    assert_eq!(argv("dap --client-addr=:7").client_addr(), Some(OsStr::new(":7")));
    let moved = argv("dap --log-dest=/tmp/log").logging_to(5);
    assert_eq!(moved.words(), ["dap", "--log-dest=5"]);
    assert!(argv("exec x --headless --accept-multiclient --continue").multiclient());
    assert!(!argv("dap --accept-multiclient").multiclient());
    assert!(argv("debug --headless").builds() && !argv("exec x").builds());
}

#[test]
fn what_dlv_would_not_understand_is_said() {
    let parse = |line: &str| Argv::parse(line.split_whitespace().map(OsString::from).collect());
    assert!(matches!(parse("dap --listen"), Err(ParseError::NoValue { flag }) if flag == "listen"));
    assert_eq!(parse("dap -l --").unwrap().listen(), Some(OsStr::new("--")), "pflag takes it for the value");
    assert!(matches!(parse("exec x --headless=maybe"), Err(ParseError::NotABool { .. })));
}

fn given(line: &str) -> Result<String, GivenError> {
    let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
    let argv = check(&words)?;
    Ok(argv.words().iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
}

#[test]
fn what_a_server_is_given_is_completed() {
    for (line, expected) in [
        ("", "dap"),
        ("--check-go-version=false --log-output dap", "dap --check-go-version=false --log-output dap"),
        ("exec ./x -- a", "exec --headless --api-version=2 ./x -- a"),
        (
            "--accept-multiclient debug ./cmd --api-version=2",
            "--accept-multiclient debug --headless ./cmd --api-version=2",
        ),
        ("attach 5", "attach --headless --api-version=2 5"),
    ] {
        assert_eq!(given(line).unwrap(), expected, "{line}");
    }
}

#[test]
fn server_owned_flag_is_refused_in_every_spelling() {
    for line in [
        "--listen=:1",
        "--listen :1",
        "-l :1",
        "-l:1",
        "exec x -l :1",
        "--log --client-addr=:1",
        "--log-dest 3",
        "exec x --headless=false",
        "exec x --help",
        "run x",
        "./bin",
    ] {
        assert!(given(line).is_err(), "{line}");
    }
    assert!(given("exec ./x -- --listen=:1 -l :2").is_ok(), "what is the program's is the program's");
    let refused = given("./bin").unwrap_err().to_string();
    assert!(refused.contains("`./bin`") && refused.contains("exec"), "{refused}");
}

#[test]
fn of_several_clients_to_dial_none_is_left() {
    let words = |line: &str| -> Vec<OsString> { line.split(' ').map(OsString::from).collect() };
    for line in ["dap --client-addr :1 --client-addr=:2", "dap --client-addr=:1 --client-addr :2 --log"] {
        let moved = Argv::parse(words(line)).unwrap().listening_on(&Address::loopback(9));
        assert!(moved.iter().all(|word| !word.to_string_lossy().contains("client-addr")), "{moved:?}");
        assert_eq!(Argv::parse(moved).unwrap().listen(), Some(OsStr::new("127.0.0.1:9")), "{line}");
    }
}

#[test]
fn bytes_that_are_no_text_stay_where_they_are() {
    use std::os::unix::ffi::OsStringExt;
    let words = |words: &[&[u8]]| -> Vec<OsString> {
        words.iter().map(|word| OsString::from_vec(word.to_vec())).collect()
    };
    for (given, moved) in [
        (words(&[b"dap", b"-\xff\xff\xe2\x82l:0"]), words(&[b"dap", b"-\xff\xff\xe2\x82l127.0.0.1:9"])),
        (words(&[b"dap", b"-\xffl=\xff"]), words(&[b"dap", b"-\xffl=127.0.0.1:9"])),
        (words(&[b"dap", b"--listen=\xff:0", b"\xff"]), words(&[b"dap", b"--listen=127.0.0.1:9", b"\xff"])),
    ] {
        assert_eq!(Argv::parse(given).unwrap().listening_on(&Address::loopback(9)), moved);
    }
}

#[test]
fn dlv_that_acts_at_its_start_waits_for_no_client() {
    for (line, waits) in [
        ("dap", true),
        ("exec ./x --headless --accept-multiclient", true),
        ("exec ./x --headless --accept-multiclient --continue", false),
        ("core ./x ./core --headless", true),
        ("debug --headless", false),
        ("test ./x --headless", false),
        ("attach 42 --headless", false),
    ] {
        let words = line.split(' ').map(OsString::from).collect();
        assert_eq!(Argv::parse(words).unwrap().waits_for_a_client(), waits, "{line}");
    }
}
