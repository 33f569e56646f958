use clap::CommandFactory as _;

use super::*;
use crate::cli::serve_command;
use crate::config::FileOwner;

/// Words for any flag: each flag's own parser says which of them it takes.
const WORDS: [&str; 8] = [
    "192.0.2.1",
    "2001:db8::/32",
    "/a=/b",
    "/home/me/shop=/go/src/shop",
    "stopOnEntry=false",
    "showRegisters=true",
    "program=\"/elsewhere\"",
    "buildFlags=\"-toolexec=./evil\"",
];

fn project(key: &str, value: Value) -> Config {
    let entry = ConfigEntry { key: key.to_owned(), value, line: 1 };
    let file = ConfigFile {
        path: "/project/dlvgate.toml".into(),
        owner: FileOwner::Project,
        entries: vec![entry],
        sha256: String::new(),
        consent: Consent::None,
    };
    Config { files: vec![file], ..Config::default() }
}

/// What `serve` gets where nothing but this file says anything.
fn used(config: &Config, arg: &Arg) -> Vec<String> {
    let serve = with_defaults(serve_command(), config).mut_args(|arg| arg.env(None::<&str>));
    let matches = serve.no_binary_name(true).try_get_matches_from(Vec::<OsString>::new()).unwrap();
    let raw = matches.get_raw(arg.get_id().as_str()).into_iter().flatten();
    raw.map(|value| value.to_string_lossy().into_owned()).collect()
}

/// All ways in which a file can say these two words so that they arrive as one.
fn in_one_word(arg: &Arg, [one, other]: [&str; 2]) -> Vec<Value> {
    let delimiter = arg.get_value_delimiter().unwrap();
    let both = format!("{one}{delimiter}{other}");
    let mut ways = vec![Value::String(both.clone()), Value::Array(vec![Value::String(both.clone())])];
    if let (true, Some((name, json))) = (key(arg).starts_with("launch-"), other.split_once('=')) {
        let name = format!("{one}{delimiter}{name}");
        let value = match serde_json::from_str(json).unwrap() {
            serde_json::Value::Bool(on) => Value::Boolean(on),
            text => Value::String(text.as_str().unwrap().to_owned()),
        };
        ways.push(Value::Table([(name, value)].into_iter().collect()));
    }
    if key(arg) == "substitute-path" {
        let (from, to) = both.split_once('=').unwrap();
        let sides = [("from", from), ("to", to)].map(|(side, path)| (side.to_owned(), path.into()));
        ways.push(Value::Table(sides.into_iter().collect()));
    }
    ways
}

#[test]
fn value_is_judged_as_its_flag_splits_it() {
    let serve = serve_command();
    let mut tried = Vec::new();
    for arg in settings(&serve).filter(|arg| arg.get_value_delimiter().is_some()) {
        let takes = |word: &&str| in_force(arg, &[(*word).to_owned()]).is_ok();
        let words: Vec<&str> = WORDS.into_iter().filter(takes).collect();
        assert!(words.len() > 1, "a word is missing that --{} takes", key(arg));
        let asks = |config: &Config| !asked(config, &serve).unwrap().is_empty();
        for one in &words {
            for other in &words {
                let alone = |word: &str| asks(&project(key(arg), Value::Array(vec![word.into()])));
                let needs_consent = alone(one) || alone(other);
                for value in in_one_word(arg, [*one, *other]) {
                    let config = project(key(arg), value);
                    assert_eq!(used(&config, arg), [*one, *other], "{:?}", config.files[0].entries);
                    assert_eq!(asks(&config), needs_consent, "{:?}", config.files[0].entries);
                }
            }
        }
        tried.push(key(arg));
    }
    assert!(tried.contains(&"launch-override") && tried.contains(&"allow"), "{tried:?}");
}

#[test]
fn flags_of_one_name_take_the_same_values() {
    let (serve, all) = (serve_command(), crate::cli::Cli::command());
    let mut shared = 0;
    for command in std::iter::once(&all).chain(all.find_subcommand("doctor")) {
        for other in settings(command) {
            let Some(arg) = settings(&serve).find(|arg| key(arg) == key(other)) else { continue };
            assert_eq!(other.get_value_delimiter(), arg.get_value_delimiter(), "--{}", key(arg));
            shared += 1;
        }
    }
    assert!(shared > 1, "--log and --dlv are flags of several commands");
}
