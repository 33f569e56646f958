use super::*;

fn read(text: &str) -> Result<Option<Header>, FrameError> {
    let limits = Limits { header_line: 40, headers: 3, ..Limits::default() };
    let (consumed, header) = HeaderReader::new(limits).step(text.as_bytes())?;
    assert_eq!(consumed, text.len());
    Ok(header)
}

#[test]
fn only_what_go_dap_takes_is_canonical() {
    for (text, canonical) in [
        ("Content-Length: 5\r\n\r\n", true),
        ("Content-Length: 005\r\n\r\n", true),
        ("content-length: 5\r\n\r\n", false),
        ("Content-Length:5\r\n\r\n", false),
        ("Content-Length:  5\r\n\r\n", false),
        ("Content-Length: 5 \r\n\r\n", false),
        (" Content-Length: 5\r\n\r\n", false),
        ("Content-Length : 5\r\n\r\n", false),
        ("Content-Length: 5\n\r\n", false),
        ("Content-Length: 5\r\n\n", false),
        ("Content-Length: 5\n\n", false),
        ("Content-Length: 5\r\nContent-Length: 5\r\n\r\n", false),
        ("Content-Type: x\r\nContent-Length: 5\r\n\r\n", false),
        ("Content-Length: 5\r\nContent-Type: x\r\n\r\n", false),
    ] {
        assert_eq!(read(text), Ok(Some(Header { body_len: 5, canonical })), "{text:?}");
    }
    let header = read("Content-Length: 9223372036854775807\r\n\r\n").unwrap().unwrap();
    assert!(header.canonical);
    let header = read("Content-Length: 9223372036854775808\r\n\r\n").unwrap().unwrap();
    assert!(!header.canonical, "Go's int overflows");
}

#[test]
fn an_odd_header_does_not_make_the_next_one_odd() {
    let mut reader = HeaderReader::new(Limits::default());
    assert!(!reader.step(b"content-length: 1\r\n\r\n").unwrap().1.unwrap().canonical);
    assert!(reader.at_boundary());
    assert!(reader.step(b"Content-Length: 1\r\n\r\n").unwrap().1.unwrap().canonical);
}

#[test]
fn what_is_no_header_is_refused_and_stays_refused() {
    let bad = |value: &str| FrameError::BadContentLength { excerpt: value.into() };
    for (text, error) in [
        ("GET / HTTP/1.1\r\n", FrameError::NotAHeader { excerpt: "GET / HTTP/1.1".into() }),
        ("POST http://x\r\n", FrameError::NotAHeader { excerpt: "POST http://x".into() }),
        (": 5\r\n", FrameError::NotAHeader { excerpt: ": 5".into() }),
        ("\r\n", FrameError::MissingContentLength { headers: 0 }),
        ("A: 1\r\nB: 2\r\n\r\n", FrameError::MissingContentLength { headers: 2 }),
        ("Content-Length: abc\r\n", bad("abc")),
        ("Content-Length: -5\r\n", bad("-5")),
        ("Content-Length: +5\r\n", bad("+5")),
        ("Content-Length:\r\n", bad("")),
        ("Content-Length: 1 2\r\n", bad("1 2")),
        ("Content-Length: 18446744073709551616\r\n", bad("18446744073709551616")),
        (
            "Content-Length: 1\r\ncontent-length: 2\r\n",
            FrameError::ConflictingContentLength { first: 1, second: 2 },
        ),
    ] {
        let mut reader = HeaderReader::new(Limits::default());
        assert_eq!(reader.step(text.as_bytes()), Err(error.clone()), "{text:?}");
        assert_eq!(reader.step(b"Content-Length: 1\r\n\r\n"), Err(error));
        assert!(!reader.at_boundary());
    }
}

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let line = |len: usize| format!("X: {}", "a".repeat(len - 3));
    for end in ["\n", "\r\n"] {
        assert_eq!(read(&format!("{}{end}", line(40))), Ok(None));
        let error = read(&format!("{}{end}", line(41))).unwrap_err();
        assert_eq!(error, FrameError::LineTooLong { limit: 40, excerpt: line(40) });
    }
    assert!(matches!(read(&line(41)), Err(FrameError::LineTooLong { .. })), "no line end needed");
    assert!(matches!(read(&format!("{}\rb", line(40))), Err(FrameError::LineTooLong { .. })));
}

#[test]
fn header_over_the_line_limit_is_refused() {
    let length = "Content-Length: 5\r\n\r\n";
    assert!(read(&format!("A: 1\r\nB: 2\r\n{length}")).unwrap().is_some());
    let error = read(&format!("A: 1\r\nB: 2\r\nC: 3\r\n{length}")).unwrap_err();
    assert_eq!(error, FrameError::TooManyHeaders { limit: 3, excerpt: "Content-Length: 5".into() });
}

#[test]
fn a_usual_header_is_read_in_one_look_and_no_other() {
    let limits = Limits::default();
    assert_eq!(usual(b"Content-Length: 12\r\n\r\n{}", limits), Some((22, 12)));
    assert_eq!(
        usual(b"Content-Length: 123456789012345678\r\n\r\n", limits),
        Some((38, 123_456_789_012_345_678))
    );
    for other in [
        "Content-Length: 1234567890123456789\r\n\r\n",
        "Content-Length: 12\r\nA: b\r\n\r\n",
        "Content-Length: 12",
        "",
    ] {
        assert_eq!(usual(other.as_bytes(), limits), None, "{other}");
    }
}

/// By bytes nothing is ever read in one go.
#[test]
fn whole_header_reads_like_one_cut_into_bytes() {
    for text in [
        "Content-Length: 5\r\n\r\n",
        "Content-Length: 000000000000000005\r\n\r\n",
        "Content-Length: 0000000000000000005\r\n\r\n",
        "Content-Length: 9999999999999999999\r\n\r\n",
        "Content-Length: 18446744073709551616\r\n\r\n",
        "Content-Length: \r\n\r\n",
        "Content-Length: 5\r\nA: 1\r\n\r\n",
    ] {
        for header_line in [0, 16, 17, 18, 34, 35, 36, 40] {
            for headers in 0..3 {
                let limits = Limits { header_line, headers, ..Limits::default() };
                let whole = HeaderReader::new(limits).step(text.as_bytes()).map(|(_, header)| header);
                let mut reader = HeaderReader::new(limits);
                let steps = text.as_bytes().chunks(1).map(|byte| reader.step(byte));
                let by_bytes =
                    steps.map(|step| step.map(|(_, header)| header)).find(|step| *step != Ok(None));
                assert_eq!(by_bytes, Some(whole), "{text:?} with {limits:?}");
            }
        }
    }
}
