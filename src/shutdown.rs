//! Requests to stop: the first one politely, the second in a hurry.

mod disposition;

use std::io;

use nix::sys::signal::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

pub use disposition::die_of;
use disposition::is_ignored;

/// The request to stop so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopRequest {
    Nothing,
    Stop(&'static str),
    Hurry(&'static str),
}

/// Tells every session when to stop. Clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    asked: watch::Receiver<StopRequest>,
    /// A second side that may ask: for one session alone.
    own: Option<watch::Receiver<StopRequest>>,
}

/// The side that asks.
#[derive(Clone, Debug)]
pub struct Trigger {
    asked: watch::Sender<StopRequest>,
    hurries: bool,
}

/// Returns a pair: a request on one side is seen on the other.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(StopRequest::Nothing);
    (Trigger { asked: sender, hurries: true }, Shutdown { asked: receiver, own: None })
}

/// Returns a pair that ignores further requests to stop: dlv has got the first, and takes its time.
pub fn patient_channel() -> (Trigger, Shutdown) {
    let (trigger, shutdown) = channel();
    (Trigger { hurries: false, ..trigger }, shutdown)
}

impl Trigger {
    /// Asks for a stop; a second call asks for it in a hurry. `why` is the signal's name.
    pub fn stop(&self, why: &'static str) {
        self.asked.send_modify(|asked| {
            *asked = match *asked {
                StopRequest::Nothing => StopRequest::Stop(why),
                _ if self.hurries => StopRequest::Hurry(why),
                told => told,
            };
        });
    }
}

/// SIGINT, SIGTERM and SIGHUP, heard from the moment this is made: none of them finds its default
/// action any more, which would leave things behind. A SIGHUP that we were started to ignore stays
/// ignored, as nohup(1) wants it. The other two are heard all the same, as dlv hears them: a plain
/// shell has what it starts in the background ignore SIGINT.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: if is_ignored(Number::SIGHUP) { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    /// Passes each signal on to the trigger, for as long as the future runs.
    pub async fn pass_on(mut self, trigger: Trigger) {
        loop {
            let name = tokio::select! {
                _ = self.interrupt.recv() => "SIGINT",
                _ = self.terminate.recv() => "SIGTERM",
                () = next(&mut self.hangup) => "SIGHUP",
            };
            trigger.stop(name);
            tracing::info!(target: "dlvgate", signal = name, "stopping");
        }
    }
}

async fn next(heard: &mut Option<Signal>) {
    match heard {
        Some(heard) => drop(heard.recv().await),
        None => std::future::pending().await,
    }
}

impl Shutdown {
    /// Returns one that also stops when `own` does.
    pub(crate) fn or(&self, own: Shutdown) -> Shutdown {
        Shutdown { asked: self.asked.clone(), own: Some(own.asked) }
    }

    /// Waits for the first call to stop, and returns the signal's name.
    pub async fn begun(&self) -> &'static str {
        self.wait(name).await
    }

    /// The signal's name, where a stop was asked for.
    pub fn asked(&self) -> Option<&'static str> {
        name(*self.asked.borrow()).or_else(|| self.own.as_ref().and_then(|own| name(*own.borrow())))
    }

    /// Waits for the second.
    pub async fn hurried(&self) {
        self.wait(|asked| matches!(asked, StopRequest::Hurry(_)).then_some("")).await;
    }

    async fn wait(&self, heard: impl Fn(StopRequest) -> Option<&'static str>) -> &'static str {
        match &self.own {
            None => asked_for(self.asked.clone(), &heard).await,
            Some(own) => tokio::select! {
                name = asked_for(self.asked.clone(), &heard) => name,
                name = asked_for(own.clone(), &heard) => name,
            },
        }
    }
}

fn name(asked: StopRequest) -> Option<&'static str> {
    match asked {
        StopRequest::Nothing => None,
        StopRequest::Stop(name) | StopRequest::Hurry(name) => Some(name),
    }
}

async fn asked_for(
    mut asked: watch::Receiver<StopRequest>,
    heard: impl Fn(StopRequest) -> Option<&'static str>,
) -> &'static str {
    loop {
        let now = *asked.borrow_and_update();
        if let Some(name) = heard(now) {
            return name;
        }
        if asked.changed().await.is_err() {
            std::future::pending::<()>().await; // every sender is gone
        }
    }
}
