//! nftables that cannot be used, or does not take a gate, with a script in nft's place: the reason
//! is told, and nothing is forwarded.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;

/// A script in nft's place; `$*` are its arguments.
fn serve_with_nft(script: &FakeDlv) -> Serve {
    let nft = script.path.to_str().expect("a path in UTF-8");
    Serve::with(&Pair::any()).flags(["--firewall", "nftables", "--nft", nft])
}

fn why_it_does_not_start(serve: Serve) -> String {
    let output = serve.run();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_missing_nft_is_explained_at_the_start() {
    let serve = Serve::with(&Pair::any()).flags(["--firewall", "nftables", "--nft", "/nonexistent/nft"]);
    let why = why_it_does_not_start(serve);
    assert!(why.contains("/nonexistent/nft") && why.contains("apt-get install nftables"), "{why}");
}

#[test]
fn an_nft_for_root_only_is_explained_with_a_remedy() {
    // nft's own words to a user who is not root.
    let words = "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted";
    let why = why_it_does_not_start(serve_with_nft(&FakeDlv::new(&format!("echo '{words}' >&2; exit 1"))));
    assert!(why.contains("you must be root") && why.contains("sudo"), "{why}");
}

#[test]
fn an_nft_that_prints_no_ruleset_is_explained() {
    let why = why_it_does_not_start(serve_with_nft(&FakeDlv::new("echo 'table inet x {'")));
    assert!(why.contains("nft --version"), "{why}");
}

/// The first request is refused with these words, dlv got no byte, and its end leaves nothing.
pub fn assert_refused(server: &Server, mut client: Client, words: &[&str]) {
    let why = client.refused("initialize", initialize_arguments());
    words.iter().for_each(|word| assert!(why.contains(word), "no {word:?} in {why:?}"));
    drop(client);
    server.closed(1);
    let names: Vec<String> = server.log.transitions().into_iter().map(|one| one.name).collect();
    assert!(!names.iter().any(|name| name == "upstream_connected" || name == "forwarding"), "{names:?}");
    assert!(names.iter().any(|name| name == "dlv_stopped"), "{names:?}");
}

#[test]
fn rules_that_cannot_be_read_back_are_no_gate() {
    // It takes every transaction, and has an empty ruleset afterwards.
    let nft = FakeDlv::new("cat >/dev/null; echo '{\"nftables\": []}'");
    let server = serve_with_nft(&nft).start();
    assert_refused(&server, server.client(), &["dlvgate_", "the table is not there"]);
}

#[test]
fn an_nft_that_hangs_is_not_waited_for() {
    let script = "case \"$*\" in *list*) echo '{\"nftables\": []}';; *) exec sleep 60;; esac";
    let nft = FakeDlv::new(script);
    let server = serve_with_nft(&nft).start();
    assert_refused(&server, server.client(), &["did not answer within 5 s"]);
}
