//! What the scanners cost, beside what a full parse of the same bytes costs.
//! `cargo bench -p dlvgate-protocol` prints a table and fails where the DAP scanner's part of it is
//! above its limit; without `--bench` each case is run once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod corpus;
mod rounds;

use std::hint::black_box;
use std::process::ExitCode;

use dlvgate_protocol::frame::Limits;
use dlvgate_protocol::{jsonrpc, scan};
use rounds::{Case, Measured, Table};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What the scanner may take of a full parse's time, for a reply of [`corpus::LARGE`] bytes.
const LIMIT: f64 = 0.02;

/// Messages of the pipelined cases.
const PIPELINED: usize = 10_000;

fn main() -> ExitCode {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let large = large_reply(measures);
    large_answer(measures);
    small_messages(measures);
    if !measures {
        return ExitCode::SUCCESS;
    }
    let ratio = large.ratio("scanner, chunks of 16 KiB", "serde_json::Value");
    println!("scanner ÷ serde_json::Value: {ratio:.5} (limit {LIMIT})");
    ExitCode::from(u8::from(ratio > LIMIT))
}

fn large_reply(measures: bool) -> Measured {
    let wire = corpus::variables(corpus::LARGE);
    let body = corpus::body(&wire);
    let mut table = Table::new(format!("DAP: a reply to `variables` of {} bytes", wire.len()), wire.len(), 1);
    table.add(Case::new("scanner, chunks of 64 KiB", || dap(&wire, 64 * 1024)));
    table.add(Case::new("scanner, chunks of 16 KiB", || dap(&wire, 16 * 1024)));
    table.add(Case::new("envelope with RawValue", || {
        serde_json::from_slice::<Reply<'_>>(body).unwrap().body.get().len()
    }));
    table.add(Case::new("serde_json::Value", || {
        usize::from(serde_json::from_slice::<Value>(body).unwrap().is_object())
    }));
    table.add(Case::new("memchr of what is not there", || memchr::memchr(0, body).unwrap_or(1)));
    table.add(Case::new("str::from_utf8", || std::str::from_utf8(body).unwrap().len()));
    table.measure(measures)
}

fn large_answer(measures: bool) {
    let wire = corpus::local_variables(corpus::LARGE);
    let title = format!("JSON-RPC: an answer to `ListLocalVars` of {} bytes", wire.len());
    let mut table = Table::new(title, wire.len(), 1);
    table.add(Case::new("scanner, chunks of 64 KiB", || rpc(&wire, 64 * 1024)));
    table.add(Case::new("scanner, chunks of 16 KiB", || rpc(&wire, 16 * 1024)));
    table.add(Case::new("serde_json::Value", || {
        usize::from(serde_json::from_slice::<Value>(&wire).unwrap().is_object())
    }));
    table.measure(measures);
}

fn small_messages(measures: bool) {
    let (dap_one, rpc_one) = (corpus::request(), corpus::call());
    let dap_many = dap_one.repeat(PIPELINED);
    let rpc_many = rpc_one.repeat(PIPELINED);
    let title =
        format!("small messages, {PIPELINED} of each ({} and {} bytes)", dap_one.len(), rpc_one.len());
    let mut table = Table::new(title, dap_many.len(), PIPELINED);
    table.add(Case::new("DAP, one a chunk", || dap(&dap_many, dap_one.len())));
    table.add(Case::new("DAP, all in one chunk", || dap(&dap_many, dap_many.len())));
    table.add(Case::new("DAP, chunks of 16 KiB", || dap(&dap_many, 16 * 1024)));
    table.add(Case::new("DAP of a client, one a chunk", || dap_of_client(&dap_many, dap_one.len())));
    table.add(Case::new("JSON-RPC, one a chunk", || rpc(&rpc_many, rpc_one.len())));
    table.add(Case::new("JSON-RPC of a client, one a chunk", || rpc_of_client(&rpc_many, rpc_one.len())));
    table.add(Case::new("JSON-RPC, all in one chunk", || rpc(&rpc_many, rpc_many.len())));
    let body = corpus::body(&dap_one);
    table.add(Case::new("serde_json::Value", || {
        (0..PIPELINED)
            .filter(|_| serde_json::from_slice::<Value>(black_box(body)).unwrap().is_object())
            .count()
    }));
    table.measure(measures);
}

/// Scans a stream of DAP; gives how many envelopes there were.
fn dap(wire: &[u8], size: usize) -> usize {
    dap_with(scan::DapScanner::new(Limits::default()), wire, size)
}

/// The same of a client's.
fn dap_of_client(wire: &[u8], size: usize) -> usize {
    dap_with(scan::DapScanner::of_client(Limits::default()), wire, size)
}

fn dap_with(mut scanner: scan::DapScanner, wire: &[u8], size: usize) -> usize {
    let mut envelopes = 0;
    for mut chunk in black_box(wire).chunks(size) {
        while !chunk.is_empty() {
            let step = scanner.step(chunk).unwrap();
            envelopes += usize::from(black_box(&step).envelope.is_some());
            chunk = &chunk[step.consumed..];
        }
    }
    assert!(scanner.at_boundary());
    envelopes
}

/// The same for JSON-RPC.
fn rpc(wire: &[u8], size: usize) -> usize {
    rpc_with(jsonrpc::RpcScanner::new(), wire, size)
}

/// The same of a client's.
fn rpc_of_client(wire: &[u8], size: usize) -> usize {
    rpc_with(jsonrpc::RpcScanner::of_client(), wire, size)
}

fn rpc_with(mut scanner: jsonrpc::RpcScanner, wire: &[u8], size: usize) -> usize {
    let mut envelopes = 0;
    for mut chunk in black_box(wire).chunks(size) {
        while !chunk.is_empty() {
            let step = scanner.step(chunk).unwrap();
            envelopes += usize::from(black_box(&step).envelope.is_some());
            chunk = &chunk[step.consumed..];
        }
    }
    assert!(scanner.at_boundary());
    envelopes
}

/// An envelope as a program would have it that parses a message's top level.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Reply<'a> {
    seq: i64,
    r#type: &'a str,
    request_seq: i64,
    success: bool,
    command: &'a str,
    #[serde(borrow)]
    body: &'a RawValue,
}
