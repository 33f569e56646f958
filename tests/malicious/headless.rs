//! A headless front, which speaks JSON-RPC as well: objects without a length, one after another.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use crate::arena::Arena;
use crate::attack::HOSTILE;
use crate::support::PATIENCE;
use crate::support::program::Program;
use crate::support::rpc::Rpc;
use crate::support::server::Serve;
use crate::support::toolchain::Pair;

/// A name, the bytes, and whether the connection goes on after them: by dlv's own leave, which closes on what is no request.
pub fn all() -> Vec<(&'static str, Vec<u8>, bool)> {
    let call = |method: &str, id: &str| {
        format!(r#"{{"method":{},"params":[{{}}],"id":{id}}}"#, json!(method)).into_bytes()
    };
    vec![
        ("a method that there is not", call("RPCServer.Own", "5"), true),
        ("a method of a terminal's orders", call(HOSTILE, "5"), true),
        ("a method of a megabyte", call(&"x".repeat(1_000_000), "5"), true),
        ("an id of 1e400", call("RPCServer.GetVersion", "1e400"), false),
        ("an id beyond 64 bits", call("RPCServer.GetVersion", "99999999999999999999"), false),
        ("an id that is an object", call("RPCServer.GetVersion", "{\"a\":1}"), false),
        ("1,000 calls of one id", call("RPCServer.GetVersion", "5").repeat(1000), true),
        (
            "a batch in mid-stream",
            b"{\"method\":\"RPCServer.GetVersion\",\"params\":[{}],\"id\":5}[{\"method\":\"x\",\"id\":6}]"
                .to_vec(),
            false,
        ),
        ("500,000 objects within each other", "{\"a\":".repeat(500_000).into_bytes(), false),
        (
            "a string of 10 MB that does not end",
            [b"{\"method\":\"".as_slice(), &vec![b'x'; 10_000_000]].concat(),
            false,
        ),
        (
            "a file name of a megabyte",
            [
                b"{\"method\":\"RPCServer.CreateBreakpoint\",\"params\":[{\"Breakpoint\":{\"file\":\"/"
                    .as_slice(),
                &vec![b'x'; 1_000_000],
                b"\"}}],\"id\":5}",
            ]
            .concat(),
            true,
        ),
        (
            "DAP after JSON-RPC",
            [call("RPCServer.GetVersion", "5"), b"Content-Length: 2\r\n\r\n{}".to_vec()].concat(),
            false,
        ),
        ("braces that close nothing", b"}}}}]]]]".to_vec(), false),
    ]
}

/// Reads on in the background, so that nothing waits for us.
fn drained(stream: &TcpStream) {
    let mut reader = stream.try_clone().unwrap();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while matches!(reader.read(&mut chunk), Ok(1..)) {}
    });
}

#[test]
fn json_rpc_harms_nobody() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "loop");
    let words = ["exec", program.binary.to_str().unwrap(), "--accept-multiclient"];
    for flags in [[].as_slice(), &["--substitute-path", "/a=/b"]] {
        let arena = Arena::with(
            Serve::with(&dlv).flags(["--max-sessions", "40"]).flags(flags.iter()).dlv_flags(words),
        );
        let front = arena.server.front();
        for (name, bytes, goes_on) in all() {
            println!("{name}");
            let mut stream = TcpStream::connect(front).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            drained(&stream);
            let held = stream.try_clone().unwrap();
            // dlv may close before all of it is written.
            let sent = stream
                .write_all(b"{\"method\":\"RPCServer.GetVersion\",\"params\":[{}],\"id\":1}")
                .and_then(|()| stream.write_all(&bytes));
            let mut other = Rpc::connect(front);
            other.call("IsMulticlient", json!({}));
            if goes_on {
                sent.expect("it takes them");
                let mut same = Rpc::over(stream);
                same.raw(b"{\"method\":\"RPCServer.GetVersion\",\"params\":[{}],\"id\":4711}");
            }
            arena.bounded(name);
            let _ = held.shutdown(Shutdown::Both);
        }
        crate::arena::assert_no_panic(&arena.server);
        let mut last = Rpc::connect(front);
        last.call("Detach", json!({"Kill": true}));
    }
}
