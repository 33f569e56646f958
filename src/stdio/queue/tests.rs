use std::sync::mpsc::{self, Receiver, Sender};

use super::*;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

/// A stream that takes a text only when it is allowed to, and returns what it took.
struct Stalled {
    allowed: Mutex<Option<Receiver<()>>>,
    took: Mutex<Vec<String>>,
    lost: Mutex<Vec<u64>>,
}

impl Stalled {
    const fn new() -> Stalled {
        Stalled { allowed: Mutex::new(None), took: Mutex::new(Vec::new()), lost: Mutex::new(Vec::new()) }
    }

    fn stall(&self) -> Sender<()> {
        let (allow, allowed) = mpsc::channel();
        *self.allowed.lock().unwrap() = Some(allowed);
        allow
    }

    fn tell(&self, lost: u64) {
        self.lost.lock().unwrap().push(lost);
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        let allowed = self.allowed.lock().unwrap().take();
        let waited = allowed.map(|allowed| {
            let waited = allowed.recv();
            *self.allowed.lock().unwrap() = Some(allowed);
            waited
        });
        match waited {
            Some(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            _ => {
                self.took.lock().unwrap().push(String::from_utf8_lossy(text).into_owned());
                Ok(())
            }
        }
    }
}

#[test]
fn a_stalled_stream_holds_nothing_up() {
    static STREAM: Stalled = Stalled::new();
    static QUEUE: TextQueue =
        TextQueue::new("a test", |text| STREAM.write(text), |_, lost| STREAM.tell(lost));
    let allow = STREAM.stall();
    let long = "x".repeat(LIMIT / 4);
    for _ in 0..10 {
        QUEUE.post(long.clone().into_bytes()); // where one waited, this test would not end
    }
    assert_eq!(QUEUE.lock().lost, 6, "more than its limit is not kept");
    QUEUE.settle(SHORT);
    assert!(!QUEUE.is_settled());
    (0..5).for_each(|_| allow.send(()).unwrap());
    QUEUE.settle(LONG);
    assert!(QUEUE.is_settled());
    assert_eq!(STREAM.took.lock().unwrap().len(), 4);
    let state = QUEUE.lock();
    assert_eq!((state.bytes, state.lost), (0, 0), "there is room again");
    drop(state);
    QUEUE.post(b"after".to_vec());
    QUEUE.settle(LONG);
    assert_eq!(*STREAM.lost.lock().unwrap(), [6], "the loss is told once");
}

#[test]
fn texts_are_written_one_by_one_in_order() {
    static STREAM: Stalled = Stalled::new();
    static QUEUE: TextQueue =
        TextQueue::new("a test", |text| STREAM.write(text), |_, lost| STREAM.tell(lost));
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    texts.iter().for_each(|text| QUEUE.post(text.clone().into_bytes()));
    QUEUE.settle(LONG);
    assert_eq!(*STREAM.took.lock().unwrap(), texts);
}

#[test]
fn a_delivery_says_what_became_of_it() {
    static STREAM: Stalled = Stalled::new();
    static QUEUE: TextQueue =
        TextQueue::new("a test", |text| STREAM.write(text), |_, lost| STREAM.tell(lost));
    assert!(QUEUE.deliver(b"taken".to_vec(), LONG).is_ok());
    let allow = STREAM.stall();
    let late = QUEUE.deliver(b"late".to_vec(), SHORT).unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    drop(allow);
    let lost = QUEUE.deliver(b"lost".to_vec(), LONG).unwrap_err();
    assert_eq!(lost.kind(), io::ErrorKind::BrokenPipe);
    QUEUE.post(b"lost too".to_vec()); // and nothing panics
    QUEUE.settle(LONG);
    assert_eq!(*STREAM.took.lock().unwrap(), ["taken"]);
}
