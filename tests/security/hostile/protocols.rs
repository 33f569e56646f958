//! What speaks something else.

use dlvgate_test_support::frames::frame;

use super::input::Expected::{Answered, Closed};
use super::input::Input;
use super::place::Place;

/// A beginning that is neither DAP nor JSON-RPC.
fn foreign(name: &'static str, bytes: &'static [u8]) -> Input {
    Input::says(name, Answered("neither DAP"), || bytes.to_vec())
}

/// A request of HTTP's whose body is a message.
fn http(name: &'static str, words: &'static str, line: &'static str) -> Input {
    Input::says(name, Answered(words), move || {
        let body =
            frame(r#"{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"go"}}"#);
        let head = format!("{line}\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), &body].concat()
    })
}

pub fn inputs() -> Vec<Input> {
    const PROBE: &[u8] = b"dlvgate?\r\n\r\n";
    vec![
        foreign("the_hello_of_tls", &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
        foreign("the_banner_of_ssh", b"SSH-2.0-OpenSSH_9.9\r\n"),
        foreign("a_negotiation_of_smb", b"\0\0\0\x45\xffSMB\x72\0\0\0\0\x18\x53\xc8\0\0"),
        foreign("a_greeting_of_socks", &[5, 1, 0]),
        foreign("a_command_of_redis", b"*1\r\n$4\r\nPING\r\n"),
        foreign("a_connection_of_rdp", b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"),
        foreign("a_batch_of_json_rpc", br#"[{"method":"RPCServer.State","params":[{}],"id":1}]"#),
        http("a_get_of_http", "neither DAP", "GET / HTTP/1.1"),
        http(
            "a_post_whose_body_is_a_message",
            "neither DAP",
            "POST / HTTP/1.1\r\nOrigin: http://evil.example",
        ),
        http("a_connect_of_http", "is not a header line", "CONNECT 127.0.0.1:2345 HTTP/1.1"),
        http("a_method_that_is_a_header", "is not a header line", "Content-Length / HTTP/1.1"),
        http("http_2_without_tls", "neither DAP", "PRI * HTTP/2.0\r\n\r\nSM\r\n"),
        Input::says("a_call_of_json_rpc", Answered("\"id\":7"), || {
            br#"{"method":"RPCServer.Detach","params":[{"Kill":true}],"id":7}"#.to_vec()
        }),
        Input::says("json_rpc_that_is_garbage", Answered("serves DAP"), || b"{{{{\"id\":\x1b[2J".to_vec()),
        Input::says("json_rpc_with_an_id_of_a_megabyte", Answered("serves DAP"), || {
            [b"{\"id\":\"".as_slice(), &vec![b'7'; 1_000_000], b"\"}"].concat()
        }),
        Input::says("json_rpc_a_million_deep", Answered("serves DAP"), || b"{\"id\":".repeat(1_000_000)),
        Input::says("a_string_of_json_rpc_that_never_ends", Answered("serves DAP"), || {
            [b"{\"id\":1,\"method\":\"".as_slice(), &vec![b'm'; 8_000_000]].concat()
        }),
        Input::says("a_megabyte_of_white_space", Answered("serves DAP"), || vec![b' '; 1_000_000]),
        Input::says("the_doctor_s_question", Answered("dlvgate "), || PROBE.to_vec()),
        Input::says("the_doctor_s_question_a_hundred_thousand_times", Answered("dlvgate "), || {
            PROBE.repeat(100_000)
        }),
        Input::says("the_doctor_s_question_cut", Answered("dlvgate "), || PROBE[..5].to_vec()),
        Input::says("the_doctor_s_question_with_a_message_behind_it", Answered("dlvgate "), || {
            [PROBE, &frame(r#"{"seq":1,"type":"request","command":"initialize"}"#)].concat()
        }),
        Input::says("a_megabyte_of_nuls", Answered("0x00"), || vec![0; 1_000_000]),
        Input::says("nothing_and_the_end", Closed, Vec::new),
    ]
}

#[test]
fn no_other_protocol_starts_anything() {
    Place::played().suffers("protocols", inputs());
}
