//! When a recorded event is due: when the client is as far as the recorded one was.

use std::collections::HashMap;

use super::script::{RecordedRequest, Script};

/// The events of a played session that are still to come.
///
/// An event waits for the last request that lets the program run before it, and for the last
/// request of any kind before it: a `stopped` that came after `setBreakpoints` must not overtake
/// it. A client that asks the next thing instead has passed the request by. One that asks nothing
/// may wait for the very event, and [`Events::pass`] gives the request up for it.
pub(super) struct Events {
    /// The first event whose request has not been passed, as a place in [`Script::events`].
    next: usize,
    /// As many recorded requests were passed: asked, or left out.
    passed: usize,
    /// Events that wait only for the request that lets the program run, by that request.
    driven: HashMap<usize, Vec<usize>>,
}

impl Events {
    pub(super) fn new() -> Events {
        Events { next: 0, passed: 0, driven: HashMap::new() }
    }

    /// Takes a request that was asked, and gives the events that are due then: places in
    /// [`Script::said`]. `was_asked` includes this request.
    pub(super) fn asked(
        &mut self,
        script: &Script,
        request: usize,
        epoch: usize,
        was_asked: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let mut due = self.driven.remove(&request).unwrap_or_default();
        let RecordedRequest { is_driver, epoch: recorded, .. } = script.asked[request];
        // What the recording has only at a later stop says nothing about how far the client is.
        if is_driver || recorded <= epoch {
            self.passed = self.passed.max(request + 1);
        }
        self.advance(script, was_asked, &mut due);
        due
    }

    fn advance(&mut self, script: &Script, was_asked: impl Fn(usize) -> bool, due: &mut Vec<usize>) {
        while let Some(&event) = script.events.get(self.next) {
            let said = &script.said[event];
            if said.asked_before > self.passed {
                break;
            }
            self.next += 1;
            match said.driver.filter(|driver| !was_asked(*driver)) {
                Some(driver) => self.driven.entry(driver).or_default().push(event),
                None => due.push(event),
            }
        }
    }

    /// The request that the next event waits for, where that is all it waits for.
    pub(super) fn waits_for(&self, script: &Script, was_asked: impl Fn(usize) -> bool) -> Option<usize> {
        let said = &script.said[*script.events.get(self.next)?];
        let is_all = self.passed > 0 && said.driver.is_none_or(was_asked);
        if is_all { said.asked_before.checked_sub(1) } else { None }
    }

    /// Gives up the request that the next event waits for; gives the events that are due then.
    pub(super) fn pass(&mut self, script: &Script, was_asked: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut due = Vec::new();
        if let Some(request) = self.waits_for(script, &was_asked) {
            self.passed = self.passed.max(request + 1);
            self.advance(script, was_asked, &mut due);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::super::path_map::PathMap;
    use super::super::player::{Player, Say};
    use super::super::script::Script;

    const SESSION: &str = r#"{"recording":1,"tool":"t","protocol":"dap","start":"s"}
{"t":1,"from":"client","message":{"seq":1,"type":"request","command":"initialize"}}
{"t":2,"from":"dlv","message":{"seq":0,"type":"response","request_seq":1,"success":true,"command":"initialize"}}
{"t":3,"from":"client","message":{"seq":2,"type":"request","command":"launch"}}
{"t":4,"from":"dlv","message":{"seq":0,"type":"event","event":"initialized"}}
{"t":5,"from":"dlv","message":{"seq":0,"type":"response","request_seq":2,"success":true,"command":"launch"}}
{"t":6,"from":"client","message":{"seq":3,"type":"request","command":"configurationDone"}}
{"t":7,"from":"dlv","message":{"seq":0,"type":"response","request_seq":3,"success":true,"command":"configurationDone"}}
{"t":8,"from":"dlv","message":{"seq":0,"type":"event","event":"output"}}
{"t":9,"from":"client","message":{"seq":4,"type":"request","command":"setBreakpoints","arguments":{"lines":[1]}}}
{"t":10,"from":"dlv","message":{"seq":0,"type":"response","request_seq":4,"success":true,"command":"setBreakpoints"}}
{"t":11,"from":"dlv","message":{"seq":0,"type":"event","event":"stopped"}}
{"t":12,"from":"client","message":{"seq":5,"type":"request","command":"threads"}}
{"t":13,"from":"dlv","message":{"seq":0,"type":"response","request_seq":5,"success":true,"command":"threads"}}
{"t":14,"from":"client","message":{"seq":6,"type":"request","command":"continue"}}
{"t":15,"from":"dlv","message":{"seq":0,"type":"response","request_seq":6,"success":true,"command":"continue"}}
{"t":16,"from":"client","message":{"seq":7,"type":"request","command":"setBreakpoints","arguments":{"lines":[2]}}}
{"t":17,"from":"dlv","message":{"seq":0,"type":"response","request_seq":7,"success":true,"command":"setBreakpoints"}}
{"t":18,"from":"dlv","message":{"seq":0,"type":"event","event":"terminated"}}
{"t":19,"from":"client","message":{"seq":8,"type":"request","command":"disconnect"}}
{"t":20,"from":"dlv","message":{"seq":0,"type":"response","request_seq":8,"success":true,"command":"disconnect"}}
"#;

    fn session() -> Script {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, SESSION).unwrap();
        Script::load(&file).unwrap()
    }

    fn names(said: Vec<Say>) -> Vec<String> {
        let name = |say: Say| {
            let message: serde_json::Value = serde_json::from_slice(&say.body).unwrap();
            let name = message.get("event").unwrap_or(&message["command"]);
            name.as_str().unwrap().to_owned()
        };
        said.into_iter().map(name).collect()
    }

    /// Sends a request, and returns the names of the messages that answer it. A number is an
    /// argument.
    fn ask(player: &mut Player<'_>, words: &str) -> Vec<String> {
        let (command, line) = words.split_once(' ').unwrap_or((words, "0"));
        let request =
            format!(r#"{{"seq":9,"type":"request","command":"{command}","arguments":{{"lines":[{line}]}}}}"#);
        names(player.hear(request.as_bytes()))
    }

    fn running(script: &Script) -> Player<'_> {
        let mut player = Player::new(script, PathMap::default());
        assert_eq!(ask(&mut player, "initialize"), ["initialize"]);
        assert_eq!(ask(&mut player, "launch"), ["initialized", "launch"]);
        assert_eq!(ask(&mut player, "configurationDone"), ["configurationDone", "output"]);
        player
    }

    #[test]
    fn event_waits_for_the_request_before_it() {
        let script = session();
        let mut player = running(&script);
        assert!(player.is_waiting());
        assert_eq!(ask(&mut player, "setBreakpoints 1"), ["setBreakpoints", "stopped"]);
        assert!(!player.is_waiting(), "`terminated` waits for `continue`, which lets the program run");
        ask(&mut player, "threads");
        assert_eq!(ask(&mut player, "continue"), ["continue"]);
        assert_eq!(ask(&mut player, "setBreakpoints 2"), ["setBreakpoints", "terminated"]);
        assert!(player.left_without().is_some());
        assert_eq!(ask(&mut player, "disconnect"), ["disconnect"]);
        assert!(player.early.is_empty() && player.left_without().is_none());
    }

    #[test]
    fn event_goes_when_its_request_was_passed_by() {
        let script = session();
        let mut player = running(&script);
        assert_eq!(ask(&mut player, "threads"), ["stopped", "threads"]);
        assert_eq!(ask(&mut player, "setBreakpoints 1"), ["setBreakpoints"]);
        assert_eq!(ask(&mut player, "continue"), ["continue"]);
        assert_eq!(ask(&mut player, "disconnect"), ["terminated", "disconnect"]);
        assert!(player.early.is_empty());
    }

    #[test]
    fn request_of_a_later_stop_releases_no_event() {
        let script = session();
        let mut player = running(&script);
        assert_eq!(ask(&mut player, "setBreakpoints 2"), ["setBreakpoints"]);
        assert!(player.is_waiting());
    }

    #[test]
    fn silent_client_gets_the_event_and_it_is_told() {
        let script = session();
        let mut player = running(&script);
        assert_eq!(names(player.go_on()), ["stopped"]);
        assert!(!player.is_waiting() && player.go_on().is_empty());
        let told: Vec<String> = player.early.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["stopped (line 12), although nothing asked setBreakpoints (line 10)"]);
        assert_eq!(ask(&mut player, "setBreakpoints 1"), ["setBreakpoints"]);
    }
}
