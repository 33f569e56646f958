//! `--standin VERB`: what a test does to the machine around pf.

use serde_json::json;

use crate::evaluate::{self, Packet};
use crate::files::Files;
use crate::load;
use crate::model::{Direction, State};
use crate::noise::Output;
use crate::services::Services;
use crate::tokens;

const USAGE: &str =
    "usage: --standin evaluate in|out IFACE PROTO SRC SPORT DST DPORT [--uid N] [--established] [--fragments] [--dry]
       --standin evaluate-many (on stdin, the words after `evaluate` of a packet a line; nothing is changed)
       --standin reboot | enable-by-other | journal | state";

pub fn run(
    state: &mut State,
    out: &mut Output,
    files: &Files,
    services: &Services,
    words: &[String],
    stdin: &str,
) -> i32 {
    match words.first().map(String::as_str) {
        Some("evaluate") => match packet(&words[1..]) {
            Some(packet) => {
                let dry = words.iter().any(|w| w == "--dry");
                let before = state.states.len();
                let verdict = evaluate::evaluate(state, &packet, services, dry);
                if state.states.len() > before {
                    out.changes.push(json!({ "change": "state made", "states": state.states.len() }));
                }
                out.out(verdict.to_string());
                0
            }
            None => usage(out),
        },
        Some("evaluate-many") => {
            for line in stdin.lines() {
                let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                let Some(packet) = packet(&words) else { return usage(out) };
                out.out(evaluate::evaluate(state, &packet, services, true).to_string());
            }
            0
        }
        Some("reboot") => {
            let (fresh, _) = load::boot(files, services, state.boot + 1, state.tokens_made);
            *state = fresh;
            out.changes.push(json!({ "change": "reboot", "boot": state.boot }));
            0
        }
        Some("enable-by-other") => {
            let token = tokens::take(state, out, 1);
            out.out(token.to_string());
            0
        }
        Some("state") => match serde_json::to_string_pretty(state) {
            Ok(text) => {
                out.out(text);
                0
            }
            Err(error) => out.fail(error.to_string()),
        },
        _ => usage(out),
    }
}

fn usage(out: &mut Output) -> i32 {
    out.err(USAGE);
    2
}

fn packet(words: &[String]) -> Option<Packet> {
    let [direction, interface, protocol, source, source_port, destination, destination_port, options @ ..] =
        words
    else {
        return None;
    };
    let mut packet = Packet {
        direction: match direction.as_str() {
            "in" => Direction::In,
            "out" => Direction::Out,
            _ => return None,
        },
        interface: interface.clone(),
        protocol: protocol.clone(),
        source: source.parse().ok()?,
        source_port: source_port.parse().ok()?,
        destination: destination.parse().ok()?,
        destination_port: destination_port.parse().ok()?,
        user: None,
        established: false,
        fragments: false,
    };
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.as_str() {
            "--uid" => packet.user = Some(options.next()?.parse().ok()?),
            "--established" => packet.established = true,
            "--fragments" => packet.fragments = true,
            "--dry" => {}
            _ => return None,
        }
    }
    Some(packet)
}
