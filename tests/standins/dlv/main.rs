//! A stand-in for `dlv dap` that does what a test tells it, when the test tells it. See README.md
//! beside this file.
#![allow(clippy::expect_used, reason = "a stand-in that does not work fails its test by panicking")]

mod conversation;
mod strings;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal};

use strings::Strings;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().find(|word| !word.starts_with("--")).map(String::as_str) {
        Some("version") => println!("Delve Debugger\nVersion: 1.27.1"),
        Some("dap") => dap(&words),
        _ => {
            eprintln!("Error: the stand-in knows `dlv version` and `dlv dap`, not {words:?}");
            exit(64);
        }
    }
}

fn dap(words: &[String]) {
    // Blocked in every thread, so that one of them can wait for it.
    let mut ends = SigSet::empty();
    ends.add(Signal::SIGTERM);
    ends.add(Signal::SIGINT);
    ends.thread_block().expect("a mask of signals");
    let strings = Arc::new(Strings::of_the_test());
    let theirs = Arc::clone(&strings);
    std::thread::spawn(move || {
        ends.wait().expect("a signal");
        theirs.moment("told to end");
        exit(0);
    });

    strings.moment("started");
    let wanted = words.iter().find_map(|word| word.strip_prefix("--listen=")).unwrap_or("127.0.0.1:0");
    let listener = match TcpListener::bind(wanted) {
        Ok(listener) => listener,
        Err(error) => {
            // dlv's own words end in the system's, too
            eprintln!("couldn't start listener: {error}");
            exit(1);
        }
    };
    let address = listener.local_addr().expect("an address");
    strings.listens(&listener);
    strings.moment("listening");
    announce(&strings, address);
    let accepted = listener.accept();
    drop(listener);
    match accepted {
        Ok((stream, _)) => conversation::hold(&strings, stream),
        Err(_) => loop {
            std::thread::park(); // no client can connect any more; a test wants it so
        },
    }
}

fn announce(strings: &Strings, address: SocketAddr) {
    let ready = format!("DAP server listening at: {address}\n");
    let lines = match strings.ready_lines() {
        0 => String::new(),
        1 => ready,
        // The second leads to a port on which no program listens.
        _ => format!("{ready}DAP server listening at: 127.0.0.1:1\n"),
    };
    let mut stdout = std::io::stdout().lock();
    // A reader that is gone is no reason to end: dlv ignores it, too.
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}
