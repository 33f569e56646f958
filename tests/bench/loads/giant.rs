//! How much the resident set of a server grows, at its highest, while one message of 1 GiB passes.

use serde_json::json;

use super::{Series, Tables, Unit, one};
use crate::connection::Connection;
use crate::field::Field;
use crate::memory;
use crate::options::Options;
use crate::rounds::interleaved;
use crate::targets::Sessions;

const BYTES: usize = 1 << 30;
const ROUNDS: usize = 1;
/// Replies of 1 MiB before: what a server keeps for any large reply is there then.
const WARM_UP: usize = 4;

/// Of every target that has a process.
pub fn measure(options: &Options) -> anyhow::Result<Tables> {
    let bytes = options.count(BYTES);
    let mut targets: Vec<_> = options.targets().into_iter().filter(|target| target.has_process()).collect();
    if !memory::can_be_told() {
        targets.clear();
    }
    let figures = interleaved(&mut targets, options.rounds(ROUNDS), |target| {
        let field = Field::start(std::slice::from_ref(target), Sessions::One)?;
        let server = field.only_process()?;
        let mut connection = Connection::open(field.lanes[0].address)?;
        let mut exchange = connection.learn("variables", &json!({"variablesReference": 1 << 20}))?;
        for _ in 0..WARM_UP {
            connection.ask(&mut exchange)?;
        }
        let before = memory::forget_peak(server)?;
        connection.swallow("variables", &json!({"variablesReference": bytes}), bytes)?;
        let growth = memory::peak(server)? - before;
        connection.close()?;
        Ok(growth / 1024.0)
    })?;
    Ok(one(Unit::Mebibytes, Series::all(targets.into_iter().map(|target| target.name), figures)))
}
