use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::delve::{Argv, Launcher, PortPlan, PortPool, Reaper, Streams};
use crate::firewall::{Disabled, Firewall};
use crate::session::lifecycle::Step;
use crate::session::warm::pool::Order;
use crate::shutdown;

fn spares() -> Arc<Spares> {
    let launcher = Launcher {
        program: Some(Path::new("/bin/sh").to_owned()),
        folder: None,
        environment: Vec::new(),
        argv: Argv::default(),
        ports: PortPool::new(PortPlan::Any),
        limit: None,
        streams: Streams::Served,
        reaper: Reaper::default(),
    };
    let (_, stop) = shutdown::channel();
    Spares::new(launcher, Firewall::off(Disabled::Chosen), 1, Duration::from_secs(60), false, stop)
}

/// A spare that lies ready, with dlv's end of its connection.
async fn ready(spares: &Arc<Spares>) -> (u64, TcpStream) {
    let Order::Start(number) = spares.state().pool.next(spares.now()) else { panic!("one is wanted") };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let spare = Spare::waiting(number, ours, spares.launcher.target().unwrap());
    assert_eq!(spare.backend.lifecycle.next(), Step::Wait);
    spares.is_ready(spare);
    (number, listener.accept().await.unwrap().0)
}

#[tokio::test]
async fn one_that_lives_is_had_by_one_session_alone() {
    let spares = spares();
    let (number, _dlv) = ready(&spares).await;
    let visit = Checkout::new(&spares);
    assert_eq!(visit.take_now().map(|spare| spare.number), Some(number));
    assert!(visit.take_now().is_none());
}

/// Its manager has not checked it since.
#[tokio::test]
async fn one_whose_dlv_has_ended_is_not_handed_out() {
    let spares = spares();
    let (number, dlv) = ready(&spares).await;
    drop(dlv);
    assert!(Checkout::new(&spares).take_now().is_none());
    assert_eq!(spares.state().pool.next(spares.now()), Order::End(number));
}

#[tokio::test]
async fn one_that_says_something_unasked_is_no_dlv() {
    let spares = spares();
    let (_, dlv) = ready(&spares).await;
    dlv.writable().await.unwrap();
    dlv.try_write(b"?").unwrap();
    assert!(Checkout::new(&spares).take_now().is_none());
}
