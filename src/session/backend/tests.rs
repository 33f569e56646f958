use std::future::pending;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::firewall::Disabled;
use crate::shutdown;

/// A backend, and the transitions that it reports.
fn observed(lifecycle: BackendLifecycle) -> (Backend, Arc<Mutex<Vec<Transition>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&told);
    let events = EventLog::of_a_server(Some(Arc::new(move |entry| {
        notes.lock().unwrap().push(entry.transition);
    })));
    (Backend::new(lifecycle, events), told)
}

#[tokio::test]
async fn running_dlv_is_gated_and_given_back_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().into();
    let (mut backend, told) = observed(Lifecycle::with_running_delve(address, true));
    let (_trigger, stop) = shutdown::channel();
    backend.open_gate(&Firewall::off(Disabled::Chosen), None, &stop).await.unwrap();
    backend.connect(None, pending()).await.unwrap();
    assert!(backend.lifecycle.relayed().is_some_and(|relayed| relayed.gate.is_some()));
    let (mut dlv, _) = listener.accept().await.unwrap();
    assert!(backend.tear_down(&stop).await.is_none());
    assert_eq!(dlv.read(&mut [0]).await.unwrap(), 0, "the connection is closed");
    let steps = [
        Transition::GateOpening,
        Transition::GateOpen,
        Transition::UpstreamConnected,
        Transition::GateShut,
        Transition::GateRemoved,
    ];
    assert_eq!(*told.lock().unwrap(), steps);
    assert_eq!(backend.lifecycle.next(), Step::Close);
}

#[tokio::test]
async fn failed_connection_is_not_logged_as_made() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (mut backend, told) = observed(Lifecycle::with_running_delve(closed.into(), false));
    let cause = backend.connect(None, pending()).await.unwrap_err();
    assert!(matches!(cause, EndReason::ConnectFailed { ours: false, .. }), "{cause}");
    assert_eq!((backend.lifecycle.next(), told.lock().unwrap().len()), (Step::Dial, 0));
}

#[tokio::test]
async fn step_without_a_dlv_does_nothing() {
    let (mut backend, told) = observed(Lifecycle::with_own_delve());
    let (_trigger, stop) = shutdown::channel();
    let firewall = Firewall::off(Disabled::Chosen);
    assert!(matches!(backend.open_gate(&firewall, None, &stop).await, Err(EndReason::Stopped { .. })));
    assert!(matches!(backend.connect(None, pending()).await, Err(EndReason::Stopped { .. })));
    assert!(backend.lifecycle.relayed().is_none() && told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn first_reason_of_an_end_is_logged_alone() {
    let (mut backend, told) = observed(Lifecycle::of_a_spare());
    backend.begin_end("spare_died", false, "dlv has ended");
    backend.begin_end("spare_idle", false, "no session took it");
    assert_eq!(*told.lock().unwrap(), [Transition::Ending]);
    assert!(backend.lifecycle.is_ending());
}
