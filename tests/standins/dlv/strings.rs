//! The strings by which a test moves the stand-in: moments go out, orders come in, each a line of a
//! Unix socket.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dlvgate_test_support::frames::frame;
use socket2::SockRef;

/// Where the socket is. Without it nothing is held, and nothing goes wrong.
const CONTROL: &str = "STANDIN_DLV_CONTROL";

/// Bytes of one line of a flood.
const LINE: usize = 1000;

pub struct Strings {
    state: Mutex<State>,
    changed: Condvar,
    moments: Option<Mutex<UnixStream>>,
}

struct State {
    /// Moments at which to wait.
    held: HashSet<String>,
    ready_lines: usize,
    listener: Option<TcpListener>,
    connection: Option<Arc<TcpStream>>,
    /// The connection is to end with a RST.
    resets: bool,
}

impl Strings {
    /// Reads the first line, which names the moments to hold: `started,listening`.
    pub fn of_the_test() -> Strings {
        let state =
            State { held: HashSet::new(), ready_lines: 1, listener: None, connection: None, resets: false };
        let strings = Strings { state: Mutex::new(state), changed: Condvar::new(), moments: None };
        let Some(path) = std::env::var_os(CONTROL) else { return strings };
        // The test may be over.
        let Ok(moments) = UnixStream::connect(path) else { return strings };
        let mut first = String::new();
        let mut orders = BufReader::new(moments.try_clone().expect("a second handle"));
        if orders.read_line(&mut first).is_err() {
            return strings;
        }
        strings.state().held = first.trim().split(',').map(str::to_owned).collect();
        strings.obeyed_from(orders, moments)
    }

    fn obeyed_from(mut self, orders: BufReader<UnixStream>, moments: UnixStream) -> Strings {
        self.moments = Some(Mutex::new(moments));
        ORDERS.lock().unwrap_or_else(PoisonError::into_inner).replace(orders);
        self
    }

    /// Says that this moment has come, and waits until the test lets it pass.
    pub fn moment(self: &Arc<Strings>, name: &str) {
        if let Some(orders) = ORDERS.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let strings = Arc::clone(self);
            std::thread::spawn(move || strings.obey(orders));
        }
        let Some(moments) = &self.moments else { return };
        let mut pipe = moments.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.write_all(format!("{} {name}\n", std::process::id()).as_bytes());
        drop(pipe);
        let mut state = self.state();
        while state.held.contains(name) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn listens(&self, listener: &TcpListener) {
        self.state().listener = listener.try_clone().ok();
    }

    pub fn ready_lines(&self) -> usize {
        self.state().ready_lines
    }

    /// From here on orders reach this connection.
    pub fn connected(self: &Arc<Strings>, stream: TcpStream) -> Arc<TcpStream> {
        let stream = Arc::new(stream);
        let mut state = self.state();
        state.listener = None;
        state.connection = Some(Arc::clone(&stream));
        drop(state);
        self.moment("connected");
        stream
    }

    /// Whether the connection is to end with a RST.
    pub fn resets(&self) -> bool {
        self.state().resets
    }

    fn obey(&self, orders: BufReader<UnixStream>) {
        for order in orders.lines().map_while(Result::ok) {
            let (word, number) = order.split_once(' ').unwrap_or((&order, "0"));
            let number: usize = number.parse().expect("a number after the order");
            match word {
                "release" => self.state().held.clear(),
                "ready-lines" => self.state().ready_lines = number,
                "exit" => exit(i32::try_from(number).expect("a status")),
                "line" => {
                    let _ = std::io::stdout().write_all(b"DAP server listening at: 127.0.0.1:1\n");
                }
                "print" => print(number),
                "say" => self.say(number),
                "garble" => self.write(b"\x7fELF this is no header\r\n\r\n"),
                "refuse" => {
                    let listener = self.state().listener.take();
                    let _ = listener.map(|one| SockRef::from(&one).shutdown(Shutdown::Both));
                }
                "reset" => self.reset(),
                _ => panic!("no such order: {order}"),
            }
            self.changed.notify_all();
        }
        exit(0); // the test is over
    }

    fn reset(&self) {
        let mut state = self.state();
        state.resets = true;
        state.held.clear();
        if let Some(connection) = state.connection.take() {
            let _ = SockRef::from(&*connection).set_linger(Some(Duration::ZERO));
            // Wakes who reads; it sends nothing.
            let _ = connection.shutdown(Shutdown::Read);
        }
    }

    /// As many events, each with some text.
    fn say(&self, count: usize) {
        let text = "x".repeat(LINE);
        let body = format!(
            r#"{{"seq":0,"type":"event","event":"output","body":{{"category":"stdout","output":"{text}"}}}}"#
        );
        (0..count).for_each(|_| self.write(&frame(&body)));
    }

    fn write(&self, bytes: &[u8]) {
        let connection = self.state().connection.clone();
        if let Some(connection) = connection {
            let _ = (&*connection).write_all(bytes);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Read by the thread that the first moment starts.
static ORDERS: Mutex<Option<BufReader<UnixStream>>> = Mutex::new(None);

/// As many lines on both of the standard streams.
fn print(lines: usize) {
    let line = format!("{}\n", "x".repeat(LINE));
    for _ in 0..lines {
        let _ = std::io::stdout().write_all(line.as_bytes());
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
