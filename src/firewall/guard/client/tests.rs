use std::fs;

use super::*;
use crate::script;

/// A guard that answers nothing to the first `open`, until the next request has come.
const SLOW: &str = r#"#!/bin/sh
echo '{"dlvgate_guard":1,"pid":7,"filtering":true,"found":[],"failed":null}'
read -r hello
echo '{"id":1}'
read -r open
read -r next
echo "$next" >"$0.next"
echo '{"id":2,"failed":"too late"}'
echo '{"id":3,"failed":"too late"}'
read -r shut
echo '{"id":4}'
read -r open
echo '{"id":5,"failed":"no","of_another":true}'
"#;

#[tokio::test]
async fn abandoned_gate_is_dropped_and_its_answer_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("guard");
    script::write(&program, SLOW);
    let start = Start {
        backend: FirewallBackend::NATIVE,
        programs: Programs::default(),
        journals: Some(folder.path().to_owned()),
        program: Some(program.clone()),
        purpose: Purpose::Sessions,
        may_ask: false,
        as_root: false,
    };
    let (client, _) = GuardClient::start(&start).await.unwrap();
    tokio::time::pause(); // nothing else happens, so the limit is over at once
    let opened = client.open(40001, &[], None).await;
    assert!(matches!(opened, Err(GuardError::Silent { .. })), "{opened:?}");
    tokio::time::resume();
    client.shut(40002).await.expect("only its own answer counts");
    let opened = client.open(40003, &[], None).await;
    assert!(matches!(opened, Err(GuardError::OfAnother { .. })), "{opened:?}");
    let next = fs::read_to_string(program.with_extension("next")).unwrap();
    assert_eq!(wire::parse(next.as_bytes()).unwrap().operation, Operation::Drop { port: 40001 });
}
