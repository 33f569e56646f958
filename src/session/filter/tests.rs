use super::piece::JoinedRange;
use super::*;

fn carried(filter: &mut MessageFilter, chunk: &str) -> String {
    let mut pieces = VecDeque::new();
    filter.advance(chunk.as_bytes(), &mut VecDeque::new(), &mut pieces, &mut Vec::new()).unwrap();
    let sent: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes(chunk.as_bytes())).copied().collect();
    String::from_utf8(sent).unwrap()
}

#[test]
fn a_piece_that_is_partly_sent_is_the_rest() {
    let chunk = b"0123456789";
    for mut piece in [
        Piece::Chunk(2..8),
        Piece::Changed(Bytes::from_static(b"234567")),
        Piece::Own(Bytes::from_static(b"234567")),
    ] {
        assert_eq!((piece.len(), piece.bytes(chunk)), (6, &b"234567"[..]));
        piece.advance(3);
        assert_eq!((piece.len(), piece.bytes(chunk)), (3, &b"567"[..]));
    }
}

#[test]
fn adjacent_pieces_merge_unless_bytes_are_dropped() {
    let (mut run, mut pieces) = (JoinedRange::default(), VecDeque::new());
    for range in [0..2, 2..5, 7..8, 8..9] {
        run.extend(range, &mut pieces);
    }
    run.flush(&mut pieces);
    run.flush(&mut pieces);
    assert_eq!(pieces, [Piece::Chunk(0..5), Piece::Chunk(7..9)]);
}

#[test]
fn what_a_cut_message_lacks_is_known_in_dap_alone() {
    let none = MessageRewrites::default();
    let mut dap = MessageFilter::down(Protocol::Dap, &none);
    assert_eq!(dap.missing(), Some(0));
    carried(&mut dap, "Content-Length: 10\r\n\r\n{\"a\"");
    assert_eq!(dap.missing(), Some(6));
    let mut rpc = MessageFilter::down(Protocol::JsonRpc, &none);
    assert_eq!(rpc.missing(), Some(0));
    carried(&mut rpc, "{\"a\"");
    assert_eq!(rpc.missing(), None);
}

#[test]
fn each_direction_has_its_own_amendments() {
    let rules = vec!["/home/me=/src".parse().unwrap()];
    let amended = MessageRewrites::new(rules, vec!["stopOnEntry=true".parse().unwrap()], Vec::new());
    let asks = r#"{"params":[{"Loc":"/home/me/x.go"}]}"#;
    let answers = r#"{"result":{"file":"/src/x.go"}}"#;
    let (mut up, mut down) =
        (MessageFilter::up(Protocol::JsonRpc, &amended), MessageFilter::down(Protocol::JsonRpc, &amended));
    assert_eq!(carried(&mut up, asks), asks.replace("/home/me", "/src"));
    assert_eq!(carried(&mut down, answers), answers.replace("/src", "/home/me"));
    let body = r#"{"seq":1,"type":"request","command":"launch","arguments":{}}"#;
    let launch = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    assert!(carried(&mut MessageFilter::up(Protocol::Dap, &amended), &launch).contains("stopOnEntry"));
    assert_eq!(carried(&mut MessageFilter::down(Protocol::Dap, &amended), &launch), launch);
}

#[test]
fn an_answer_of_ours_waits_for_the_end_of_an_object() {
    let mut filter = MessageFilter::down(Protocol::JsonRpc, &MessageRewrites::default());
    let mut ours = VecDeque::from([Bytes::from_static(b"OURS")]);
    let mut pieces = VecDeque::new();
    filter.advance(b"{\"id\":1", &mut ours, &mut pieces, &mut Vec::new()).unwrap();
    assert_eq!((ours.len(), pieces.len()), (1, 1));
    filter.advance(b"}", &mut ours, &mut pieces, &mut Vec::new()).unwrap();
    assert_eq!((ours.len(), pieces.back()), (0, Some(&Piece::Own(Bytes::from_static(b"OURS")))));
}
