use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Every size of chunk is tried; under Miri some.
const STEP: usize = if cfg!(miri) { 97 } else { 1 };

fn rules() -> Arc<PathRules> {
    let texts = ["/home/me/shop=/go/src/shop", "/home/me/lib=/go/src/lib"];
    Arc::new(PathRules::new(texts.iter().map(|text| text.parse().unwrap()).collect()))
}

fn rewrite(mut rewriter: Rewriter, wire: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut sent, mut rest, mut sizes) = (Vec::new(), wire, sizes.iter().cycle());
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
        let mut pieces = VecDeque::new();
        rewriter.advance(chunk, &mut pieces);
        for piece in pieces {
            match piece {
                RewritePiece::Chunk(range) => sent.extend_from_slice(&chunk[range]),
                RewritePiece::Own(bytes) => sent.extend_from_slice(&bytes),
            }
        }
        rest = after;
    }
    sent
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn cut_requests_are_rewritten_to_dlv_s_paths() {
    for (asked, sent) in [
        (
            r#"{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"id":0,"file":"/home/me/shop/main.go","line":7},"LocExpr":"/home/me/shop/main.go:7"}],"id":3}"#,
            r#"{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"id":0,"file":"/go/src/shop/main.go","line":7},"LocExpr":"/go/src/shop/main.go:7"}],"id":3}"#,
        ),
        (
            r#" {"params":[{"Scope":{"GoroutineID":-1},"Loc":"\/home\/me\/shop\/a b.go:1"}],"method":"x"}{"method":"RPCServer.ListSources","params":[{"Filter":"/home/me/shop"}]}"#,
            r#" {"params":[{"Scope":{"GoroutineID":-1},"Loc":"/go/src/shop/a b.go:1"}],"method":"x"}{"method":"RPCServer.ListSources","params":[{"Filter":"/home/me/shop"}]}"#,
        ),
        (
            "{\"params\":[{\"LOC\":\"/home/me/shop/a.go\",\"\\u0046ile\":\"/home/me/shop/a.go\",\"\u{17f}ource\u{17f}\":[\"/home/me/shop/a.go\"],\"userdata\":{\"Loc\":\"/home/me/shop/a.go\"}}]}",
            "{\"params\":[{\"LOC\":\"/go/src/shop/a.go\",\"\\u0046ile\":\"/go/src/shop/a.go\",\"\u{17f}ource\u{17f}\":[\"/go/src/shop/a.go\"],\"userdata\":{\"Loc\":\"/home/me/shop/a.go\"}}]}",
        ),
        (
            r#"{"params":[{"Expr":"/home/me/shop/x","Loc":"main.main","UserData":{"file":"/home/me/shop/x"},"SubstitutePathRules":[["/home/me/shop","/y"]]}]}"#,
            r#"{"params":[{"Expr":"/home/me/shop/x","Loc":"main.main","UserData":{"file":"/home/me/shop/x"},"SubstitutePathRules":[["/home/me/shop","/y"]]}]}"#,
        ),
    ] {
        for size in (1..asked.len() + 1).step_by(STEP) {
            let got = rewrite(Rewriter::to_server(rules()), asked.as_bytes(), &[size]);
            assert_eq!(text(got), sent, "by {size}");
        }
    }
}

#[test]
fn what_dlv_answers_names_the_client_s_files() {
    let frame = |path: &str| json!({"pc": 1, "file": path, "line": 3, "function": {"name": "/go/src/shop"}});
    let goroutine = |path: &str| json!({"currentLoc": frame(path), "userCurrentLoc": frame(path), "startLoc": frame(path)});
    let answer = |shop: &str, lib: &str| {
        json!({"id": 1, "error": null, "result": {
            "State": {"currentThread": {"file": format!("{shop}/main.go"), "ReturnValues": null}},
            "Locations": [frame(&format!("{lib}/a\"b.go")), {"Arguments": [{"name": "file", "value": "/go/src/shop/x",
                "children": [{"name": "path", "value": "/go/src/shop/x"}]}], "file": "/usr/lib/go/fmt.go"}],
            "Goroutines": [goroutine(&format!("{shop}/é.go"))],
            "Sources": [format!("{shop}/main.go"), "/usr/lib/go/fmt.go", format!("{lib}/a.go")],
            "List": [{"ImportPath": "/go/src/shop", "DirectoryPath": shop, "Files": [format!("{shop}/main.go")]}],
        }})
    };
    let said = answer("/go/src/shop", "/go/src/lib").to_string();
    for size in [1, 2, 3, 7, 64, said.len()] {
        let got = rewrite(Rewriter::to_client(rules()), said.as_bytes(), &[size]);
        let got: Json = serde_json::from_slice(&got).unwrap();
        assert_eq!(got, answer("/home/me/shop", "/home/me/lib"), "by {size}");
    }
}

#[test]
fn what_is_too_long_or_too_deep_goes_on_as_it_is() {
    let long = format!(r#"{{"file":"/go/src/shop/{}"}}"#, "x".repeat(2 * PATH_MAX));
    let nested = format!(r#"{}{{"file":"/go/src/shop/x"}}{}"#, "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
    let after = nested.clone() + r#"{"file":"/go/src/shop/x"}"#;
    let done = nested.clone() + r#"{"file":"/home/me/shop/x"}"#;
    for (said, expected) in [(&long, &long), (&nested, &nested), (&after, &done)] {
        for size in [STEP, 1000, said.len()] {
            let got = rewrite(Rewriter::to_client(rules()), said.as_bytes(), &[size]);
            assert!(text(got) == *expected, "by {size}");
        }
    }
}

#[test]
fn values_below_the_depth_limit_stay_unchanged() {
    let at_depth = |inner: &str| {
        let level = DEPTH_MAX - 1;
        format!("{}{inner}{}", "[".repeat(level), "]".repeat(level))
    };
    for (said, expected) in [
        (r#"{"x":{"y":[{}]},"file":"/go/src/shop/x"}"#, r#"{"x":{"y":[{}]},"file":"/home/me/shop/x"}"#),
        (
            r#"{"file":["/go/src/shop/x",1],"File":"/go/src/shop/x"}"#,
            r#"{"file":["/go/src/shop/x",1],"File":"/home/me/shop/x"}"#,
        ),
    ] {
        let got = rewrite(Rewriter::to_client(rules()), at_depth(said).as_bytes(), &[1000]);
        assert!(text(got) == at_depth(expected), "{said}");
    }
}

#[test]
fn long_file_name_and_endless_key_are_bounded() {
    let path = |len: usize, front: &str| {
        format!(r#"{{"file":"{front}{}"}}"#, "x".repeat(len - 2 - "/go/src/shop/".len()))
    };
    let got = rewrite(Rewriter::to_client(rules()), path(8192, "/go/src/shop/").as_bytes(), &[1000]);
    assert!(text(got) == path(8192, "/go/src/shop/").replace("/go/src/shop/", "/home/me/shop/"));
    let longer = path(8193, "/go/src/shop/");
    assert!(text(rewrite(Rewriter::to_client(rules()), longer.as_bytes(), &[1000])) == longer);
    let mut rewriter = Rewriter::to_client(rules());
    rewriter.advance(format!("{{\"{}", "k".repeat(100_000)).as_bytes(), &mut VecDeque::new());
    assert!(rewriter.held.len() <= KEY_MAX + 1, "{}", rewriter.held.len());
}

#[test]
fn what_is_no_json_goes_on_as_it_is() {
    for said in [
        "GET / HTTP/1.1",
        "}}]]{{\"file\"",
        "{\"file\":nul",
        "\"",
        "{\"file\":\"\\x\"}",
        "{\"file\"\"/go/src/shop\"}",
    ] {
        for size in (1..said.len() + 1).step_by(STEP) {
            let got = text(rewrite(Rewriter::to_client(rules()), said.as_bytes(), &[size]));
            assert!(said.starts_with(&got), "{said}: {got}");
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    let known = ["file", "File", "Loc", "Sources", "Files", "DirectoryPath", "UserData", "value", "name"];
    prop_oneof![3 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z\"\\\\]{0,4}"]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "(/go/src/shop|/go/src/lib|/usr)(/[a-zé \"\\\\]{0,5}){0,3}",
        1 => any::<String>(),
    ]
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        4 => path().prop_map(Json::from),
        1 => any::<i32>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map(key(), inner, 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// The same on a parsed object.
fn naive(value: &mut Json, kind: KeyMeaning, rules: &PathRules) {
    match value {
        Json::String(path) if kind == KeyMeaning::Path => {
            if let Some(mapped) = rules.to_client(path) {
                *path = mapped;
            }
        }
        Json::Array(values) => {
            for value in values {
                let inner = match (kind, &value) {
                    (KeyMeaning::Paths, Json::String(_)) => KeyMeaning::Path,
                    (KeyMeaning::Paths, Json::Array(_)) => KeyMeaning::Paths,
                    (KeyMeaning::Foreign, _) => KeyMeaning::Foreign,
                    _ => KeyMeaning::Other,
                };
                naive(value, inner, rules);
            }
        }
        Json::Object(members) => {
            for (key, value) in members {
                let inner = if kind == KeyMeaning::Foreign {
                    KeyMeaning::Foreign
                } else {
                    KeyMeaning::of(key.as_bytes())
                };
                // A list of names is an array; a name alone under such a key is none.
                let inner =
                    if inner == KeyMeaning::Paths && value.is_string() { KeyMeaning::Other } else { inner };
                naive(value, inner, rules);
            }
        }
        _ => {}
    }
}

proptest! {
    // Under Miri, which takes some thousand times as long, a few.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if cfg!(miri) { 3 } else { 2000 })
    })]

    #[test]
    fn streams_are_rewritten_as_parsed_objects_are(
        mut tree in tree(),
        sizes in proptest::collection::vec(1..50_usize, 1..8),
    ) {
        let wire = json!({"result": tree}).to_string();
        let got = rewrite(Rewriter::to_client(rules()), wire.as_bytes(), &sizes);
        naive(&mut tree, KeyMeaning::Other, &rules());
        prop_assert_eq!(serde_json::from_slice::<Json>(&got).unwrap(), json!({"result": tree}));
        let untouched = rewrite(Rewriter::to_client(Arc::default()), wire.as_bytes(), &sizes);
        prop_assert_eq!(untouched, wire.as_bytes());
    }
}
