//! The codec: the same bodies however a stream is cut, what is written is read back, and memory
//! follows what came, not what was announced.
#![no_main]

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::codec::FrameCodec;
use dlvgate_protocol::frame::Limits;
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::{Decoder, Encoder};

/// What the codec may set aside on a header's word.
const RESERVED: usize = 64 * 1024;

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: Limits) -> (Vec<Bytes>, Option<String>) {
    let mut codec = FrameCodec::new(limits);
    let mut input = BytesMut::new();
    let (mut bodies, mut came) = (Vec::new(), 0);
    for chunk in chunks {
        input.extend_from_slice(chunk);
        came += chunk.len();
        loop {
            match codec.decode(&mut input) {
                Ok(Some(body)) => {
                    assert!(body.len() as u64 <= limits.body);
                    bodies.push(body);
                }
                Ok(None) => break,
                Err(error) => return (bodies, Some(error.to_string())),
            }
        }
        // A buffer doubles as it grows.
        assert!(input.capacity() <= 2 * (came + RESERVED), "{} bytes for {came}", input.capacity());
    }
    match codec.decode_eof(&mut input) {
        Ok(body) => {
            assert!(body.is_none(), "a whole body was left lying");
            (bodies, None)
        }
        Err(error) => (bodies, Some(error.to_string())),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, rest)) = Cuts::of(input) else { return };
    let Some((&limit, wire)) = rest.split_first() else { return };
    let limits = Limits { body: if limit == 255 { u64::MAX } else { u64::from(limit) }, ..Limits::default() };
    let whole = decode(std::iter::once(wire), limits);
    assert_eq!(whole, decode(chunks::each(wire, cuts), limits));

    let mut written = BytesMut::new();
    for body in &whole.0 {
        FrameCodec::new(limits).encode(body.clone(), &mut written).expect("writing does not fail");
    }
    assert_eq!(decode(std::iter::once(&written[..]), limits), (whole.0, None));
});
