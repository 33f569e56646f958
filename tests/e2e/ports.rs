//! Which port dlv gets, and what else stands in its argv.

use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::ports::free_ports;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

for_every_dlv!(
    dlv_listens_on_the_port_that_was_asked_for,
    each_dlv_takes_a_port_of_the_range,
    extra_flags_reach_dlv,
    a_dlv_on_an_ipv6_address_is_found,
    reused_port_stays_with_its_first_session,
);

fn dlv_listens_on_the_port_that_was_asked_for(dlv: &Pair) {
    let port = free_ports(1);
    let server = Serve::with(dlv).flags(["--dlv-port", &port.to_string()]).start();
    for count in 1..=2 {
        let client = server.client().initialize();
        assert_eq!(server.dlv_ports(), [port]);
        Debug { client }.disconnect();
        server.closed(count);
    }
}

fn each_dlv_takes_a_port_of_the_range(dlv: &Pair) {
    let first = free_ports(2);
    let server = Serve::with(dlv).flags(["--dlv-port", &format!("{first}-{}", first + 1)]).start();
    let mut clients = [server.client(), server.client()];
    for client in &mut clients {
        client.ok("initialize", initialize_arguments());
    }
    assert_eq!(server.dlv_ports(), [first, first + 1]);
    let mut third = server.client();
    let why = third.refused("initialize", initialize_arguments());
    assert!(why.contains(&format!("{first}-{}", first + 1)) && why.contains("--dlv-port"), "{why}");
    for mut client in clients {
        client.ok("disconnect", json!({}));
        client.eof();
    }
    server.closed(2);
}

fn extra_flags_reach_dlv(dlv: &Pair) {
    let server = Serve::with(dlv).dlv_flags(["--check-go-version=false", "--only-same-user=true"]).start();
    let client = server.client().initialize();
    let arguments = server.dlv().arguments;
    assert_eq!(arguments[1], "dap", "{arguments:?}");
    for flag in ["--check-go-version=false", "--only-same-user=true"] {
        assert!(arguments.iter().any(|one| one == flag), "no {flag} in {arguments:?}");
    }
    Debug { client }.disconnect();
    server.closed(1);
}

/// Some versions of dlv print `[::]:PORT`, whatever they listen on.
fn a_dlv_on_an_ipv6_address_is_found(dlv: &Pair) {
    if !std::path::Path::new("/proc/net/if_inet6").exists() {
        println!("not run: this machine has no IPv6");
        return;
    }
    for listen in ["[::]:0", "[::1]:0"] {
        let fake = FakeDlv::new(&format!("exec {} dap '--listen={listen}'", dlv.dlv.display()));
        let server = Serve::with(dlv).dlv(&fake.path).start();
        Debug::begin_quietly(server.client()).disconnect();
        server.closed(1);
    }
}

/// dlv's side of a connection goes before its session has: from then on the system may give the
/// port to another dlv.
fn reused_port_stays_with_its_first_session(dlv: &Pair) {
    let (port, real) = (free_ports(1), dlv.dlv.display());
    let fake = FakeDlv::new(&format!(
        "echo >>\"$0.starts\"
        case $(($(wc -l <\"$0.starts\"))) in
            1) exec {real} dap --listen=127.0.0.1:{port} ;;
            2) echo 'DAP server listening at: 127.0.0.1:{port}'; exec sleep 60 ;;
            *) exec {real} \"$@\" ;;
        esac"
    ));
    let server = Serve::with(dlv).dlv(&fake.path).start();
    let mut clients = [server.client(), server.client()];
    for client in &mut clients {
        client.ok("initialize", initialize_arguments());
    }
    let starts = std::fs::read_to_string(fake.file("dlv.starts")).unwrap();
    assert_eq!((starts.lines().count(), server.dlvs().len()), (3, 2), "one was of no use, and is gone");
    for client in clients {
        Debug { client }.disconnect();
    }
    server.closed(2);
}
