use super::*;

fn walk(text: &str, chunk: usize) -> (Vec<String>, Walker) {
    let mut walker = Walker::new(&["a", "b"]);
    let mut found = Vec::new();
    for mut rest in text.as_bytes().chunks(chunk) {
        while !rest.is_empty() && !walker.is_done() && !walker.is_broken() {
            let step = walker.advance(rest);
            rest = &rest[step.consumed..];
            if let Some((field, value)) = step.found {
                found.push(match value {
                    FoundValue::String => format!("{field}={}", walker.string()),
                    FoundValue::Scalar => format!("{field}:{}", walker.raw().as_str().unwrap()),
                    FoundValue::Compound => format!("{field}{{"),
                });
            }
        }
    }
    (found, walker)
}

fn whole(text: &str, fields: &[&str]) {
    for chunk in 1..=text.len() {
        let (found, walker) = walk(text, chunk);
        assert_eq!(found, fields, "{text} by {chunk}");
        assert!(walker.is_done(), "{text} by {chunk}");
    }
}

#[test]
fn fields_are_found_at_the_top_level_only() {
    whole(r#"{}"#, &[]);
    whole(r#" { "a" : 1 , "b" : null } "#, &["0:1", "1:null"]);
    whole(r#"{"b":"x\"}{","a":-1.5e3}"#, &["1=x\"}{", "0:-1.5e3"]);
    whole(r#"{"x":{"a":1,"b":[{"a":"}"}]},"a":2}"#, &["0:2"]);
    whole(r#"{"x":[["a",{"a":"\\"}],"\"a\":1"],"y":"\\","b":true}"#, &["1:true"]);
    whole(r#"{"a":[1],"b":{}}"#, &["0{", "1{"]);
    whole(r#"{"x":"a","\u0061":"\u0062","ab":1}"#, &["0=b"]);
}

#[test]
fn what_is_no_object_breaks_and_keeps_what_was_found() {
    for (text, fields) in [
        ("[1]", &[][..]),
        ("1", &[]),
        (r#"{"a":1,}"#, &["0:1"]),
        (r#"{"a":1]"#, &["0:1"]),
        (r#"{"a" 1}"#, &[]),
        (r#"{"a":}"#, &[]),
        (r#"{"a":1 2}"#, &["0:1"]),
        (r#"{a:1}"#, &[]),
        (r#"{,}"#, &[]),
    ] {
        for chunk in 1..=text.len() {
            let (found, walker) = walk(text, chunk);
            assert_eq!(found, fields, "{text}");
            assert!(walker.is_broken(), "{text}");
        }
    }
}
