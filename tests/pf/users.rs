//! Rules that ask whose a socket is. On the loopback interface only a Mac can show whether they
//! match as meant.

use crate::machine::{DAEMON, Heard, Machine, PEER, me};
use crate::service::Service;
use crate::texts;

#[test]
fn gate_for_one_user_is_closed_to_another() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    let passes = || [me(), DAEMON].map(|uid| machine.user_connects(uid, &service));
    assert_eq!(passes(), [true, true], "before");
    let gate = |uid| texts::guarded_on_loopback(service.port(), &PEER.to_string(), uid);
    anchor.load(&gate(me()));
    assert_eq!(passes(), [true, false]);
    anchor.load(&gate(DAEMON));
    assert_eq!(passes(), [false, true]);
    anchor.flush();
    assert_eq!(passes(), [true, true], "afterwards");
}

#[test]
fn what_arrives_belongs_to_the_user_who_listens() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    let block = |uid: u32| {
        format!(
            "block return in quick on lo0 proto tcp from any to any port {} user = {uid}\n",
            service.port()
        )
    };
    anchor.load(&block(DAEMON));
    assert!(machine.user_connects(DAEMON, &service));
    anchor.load(&block(me()));
    assert!(!machine.user_connects(DAEMON, &service));
}

#[test]
fn other_users_connect_fails_at_once() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    let gate = texts::guarded_on_loopback(service.port(), &PEER.to_string(), me());
    anchor.load(&gate);
    assert_eq!(machine.user_hears(DAEMON, &service), Heard::Error);
}
