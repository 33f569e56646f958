//! Enabling and disabling, with and without a reference.

use serde_json::json;

use crate::model::{State, Token};
use crate::noise::Output;
use crate::store::now;

/// `-E`, also when pf is on already.
pub fn enable_with_token(state: &mut State, out: &mut Output, pid: u32) -> i32 {
    let token = take(state, out, pid);
    out.err("pf enabled");
    out.err(format!("Token : {token}"));
    0
}

/// A reference and its token, without a word to anybody.
pub fn take(state: &mut State, out: &mut Output, pid: u32) -> u64 {
    state.tokens_made += 1;
    // Large numbers without an order, as the kernel's addresses-turned-tokens are.
    let token = (state.tokens_made ^ (state.boot << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | (1 << 63);
    state.tokens.push(Token { token, pid, taken: now() });
    switch(state, true);
    out.changes.push(json!({ "change": "token", "token": token.to_string(), "held": state.tokens.len() }));
    token
}

/// `-e` holds a reference too, but no token names it.
pub fn enable(state: &mut State, out: &mut Output) -> i32 {
    let was = state.enabled;
    state.bare_reference = true;
    if was {
        return out.fail("pf already enabled");
    }
    switch(state, true);
    out.changes.push(json!({ "change": "enabled" }));
    out.err("pf enabled");
    0
}

/// `-d` takes everybody's tokens with it.
pub fn disable(state: &mut State, out: &mut Output) -> i32 {
    if !state.enabled {
        return out.fail("pf not enabled");
    }
    let lost = state.tokens.len();
    state.tokens.clear();
    state.bare_reference = false;
    switch(state, false);
    out.changes.push(json!({ "change": "disabled", "tokens_lost": lost }));
    out.err("pf disabled");
    0
}

/// `-X TOKEN`.
pub fn release(state: &mut State, out: &mut Output, token: &str) -> i32 {
    if !state.enabled {
        return out.fail("pf not enabled");
    }
    let Some(at) = state.tokens.iter().position(|t| t.token.to_string() == token) else {
        return out.fail("pf: token invalid");
    };
    state.tokens.remove(at);
    let left = state.tokens.len() + usize::from(state.bare_reference);
    out.changes.push(json!({ "change": "token released", "token": token, "references": left }));
    if left == 0 {
        switch(state, false);
        out.changes.push(json!({ "change": "disabled", "tokens_lost": 0 }));
        out.err("pf disabled");
    } else {
        out.err(format!(
            "disable request successful. {left} more pf enable reference(s) remaining, pf still enabled."
        ));
    }
    0
}

fn switch(state: &mut State, on: bool) {
    if state.enabled != on {
        state.enabled = on;
        state.status_since = now();
    }
}

/// `-s References`.
pub fn show(state: &State, out: &mut Output) {
    if state.tokens.is_empty() {
        out.out("No pf starter references held");
        return;
    }
    out.out("TOKENS:");
    out.out("PID      Process Name                 TOKEN                    TIMESTAMP");
    // The kernel puts a new one at the head of its list.
    for t in state.tokens.iter().rev() {
        let seconds = now().saturating_sub(t.taken) / 1_000_000;
        out.out(format!("{:<8} {:<28} {:<24} {}", t.pid, "pfctl", t.token, age(seconds)));
    }
}

/// `0 days 00:01:05`.
pub fn age(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    format!("{days} days {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}
