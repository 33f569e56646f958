//! What a user adds to `launch` and `attach`: all else stays, what is added is there, and adding it
//! again changes nothing.
#![no_main]

use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::message::{Argument, LaunchDefaults};
use dlvgate_protocol::sniff::Protocol;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;

fn argument(text: &str) -> Argument {
    text.parse().expect("an argument")
}

/// A key as Go compares it.
fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

fuzz_target!(|input: &[u8]| {
    // A user's own argument, as the command line gives it, then a message.
    let line = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (own, body) = (&input[..line], input.get(line + 1..).unwrap_or_default());
    let own: Option<Argument> = std::str::from_utf8(own).ok().and_then(|text| text.parse().ok());
    if let Some(own) = &own {
        let again = argument(&own.to_string());
        assert_eq!((&again.key, again.value.get()), (&own.key, own.value.get()));
    }
    // What a user writes may itself be no text that a value can hold.
    let own = own.filter(|own| serde_json::from_str::<Value>(own.value.get()).is_ok());
    let force: Vec<Argument> = own.into_iter().collect();
    let mut defaults =
        LaunchDefaults { set: vec![argument("stopOnEntry=true")], force, substitute_path: Vec::new() };
    // A skipped string may hold text that a value cannot, such as half a surrogate pair.
    let before: Result<Value, _> = serde_json::from_slice(body);
    if let (Ok(before), Ok(Some(merged))) = (before, defaults.merge(body)) {
        let mut after: Value = serde_json::from_slice(&merged).expect("what is merged is JSON");
        let said = Message::of_client(Protocol::Dap, body);
        assert_eq!(said, Message::of_client(Protocol::Dap, &merged));
        let Message::Request { name, .. } = said else { panic!("{said}") };
        assert!(["launch", "attach", "restart"].contains(&name.as_str()), "{name}");
        let start = match name.as_str() {
            "restart" => &after["arguments"]["arguments"],
            _ => &after["arguments"],
        };
        for one in &defaults.force {
            let value: Value = serde_json::from_str(one.value.get()).expect("JSON");
            // As Go matches keys to fields: the last one in whatever case.
            let members = start.as_object().expect("an object").iter();
            let of_field = members.filter(|(key, _)| folded(key) == folded(&one.key));
            assert_eq!(of_field.last().map(|(_, value)| value), Some(&value));
        }
        assert_eq!(defaults.merge(&merged), Ok(None), "a second time there is nothing to add");
        // All else is as it was.
        let mut before = before;
        for value in [&mut before, &mut after] {
            let members = value.as_object_mut().expect("an object");
            members.retain(|key, _| folded(key) != "arguments");
        }
        assert_eq!(before, after);
    }
    defaults.substitute_path.push("/a=/b".parse().expect("a rule"));
    if let Ok(Some(merged)) = defaults.merge(body) {
        let _: IgnoredAny = serde_json::from_slice(&merged).expect("what is merged is JSON");
    }
});
