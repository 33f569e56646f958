//! One exchange after the other on one connection a target: round trips, and throughput.

use serde_json::{Value, json};

use super::{Series, Tables, Unit, one};
use crate::connection::{Connection, Exchange};
use crate::field::{Field, Lane};
use crate::options::Options;
use crate::rounds::interleaved;
use crate::statistics::median;
use crate::targets::{Sessions, Target};

/// Restarts of all processes: the CPU that a process stays on, and its memory layout, are chance.
const STARTS: usize = 10;

/// What the client speaks.
#[derive(Clone, Copy)]
enum Protocol {
    Dap,
    JsonRpc,
}

/// The request, and how often it is sent.
struct Plan {
    protocol: Protocol,
    command: &'static str,
    arguments: Value,
    /// How many such requests are in one write.
    at_once: usize,
    /// Exchanges before a target's turn that are not measured: caches and the scheduler get to know
    /// it again.
    warm_up: usize,
    /// Exchanges of one turn.
    measured: usize,
    rounds: usize,
    figure: fn(&Exchange, &[f64]) -> Option<f64>,
}

/// Round trips of some 100 bytes each way.
pub fn small(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "evaluate",
        arguments: evaluate(1),
        at_once: 1,
        warm_up: 20,
        measured: 200,
        rounds: 100,
        figure: microseconds,
    };
    let recording = options.builds().iter().filter_map(Target::recording);
    let targets: Vec<_> = options.targets().into_iter().chain(recording).collect();
    Ok(one(Unit::Microseconds, plan.carry_out(options, &targets)?))
}

/// The same with replies that are written in two parts.
pub fn apart(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "evaluate",
        arguments: evaluate(2),
        at_once: 1,
        warm_up: 20,
        measured: 200,
        rounds: 100,
        figure: microseconds,
    };
    Ok(one(Unit::Microseconds, plan.carry_out(options, &options.targets())?))
}

/// Round trips of GoLand's protocol.
pub fn rpc(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::JsonRpc,
        command: "RPCServer.Eval",
        arguments: json!({"Scope": {"GoroutineID": 1, "Frame": 0}, "Expr": "total"}),
        at_once: 1,
        warm_up: 20,
        measured: 200,
        rounds: 100,
        figure: microseconds,
    };
    Ok(one(Unit::Microseconds, plan.carry_out(options, &options.targets())?))
}

/// The upstream answers it in so many writes.
fn evaluate(writes: usize) -> Value {
    json!({"frameId": writes, "context": "watch", "expression": "total"})
}

/// Round trips with a reply of 64 KiB.
pub fn reply_64k(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "variables",
        arguments: json!({"variablesReference": 64 * 1024}),
        at_once: 1,
        warm_up: 5,
        measured: 50,
        rounds: 60,
        figure: microseconds,
    };
    Ok(one(Unit::Microseconds, plan.carry_out(options, &options.targets())?))
}

/// Replies of 1 MiB.
pub fn reply_1m(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "variables",
        arguments: json!({"variablesReference": 1024 * 1024}),
        at_once: 1,
        warm_up: 2,
        measured: 12,
        rounds: 80,
        figure: megabytes_per_second,
    };
    Ok(one(Unit::MegabytesPerSecond, plan.carry_out(options, &options.targets())?))
}

/// 64 requests in one write, until all are answered.
pub fn pipelined(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "evaluate",
        arguments: evaluate(1),
        at_once: 64,
        warm_up: 5,
        measured: 50,
        rounds: 60,
        figure: microseconds,
    };
    Ok(one(Unit::Microseconds, plan.carry_out(options, &options.targets())?))
}

/// A request that is answered after 20,000 output events.
pub fn flood(options: &Options) -> anyhow::Result<Tables> {
    let plan = Plan {
        protocol: Protocol::Dap,
        command: "continue",
        arguments: json!({"threadId": options.count(20_000)}),
        at_once: 1,
        warm_up: 1,
        measured: 3,
        rounds: 30,
        figure: milliseconds,
    };
    Ok(one(Unit::Milliseconds, plan.carry_out(options, &options.targets())?))
}

/// The middle one of a turn's exchanges.
fn microseconds(_: &Exchange, seconds: &[f64]) -> Option<f64> {
    median(seconds).map(|median| median * 1e6)
}

fn milliseconds(_: &Exchange, seconds: &[f64]) -> Option<f64> {
    median(seconds).map(|median| median * 1e3)
}

/// An answer's bytes in the time of the middle one.
fn megabytes_per_second(exchange: &Exchange, seconds: &[f64]) -> Option<f64> {
    median(seconds).map(|median| exchange.answer_bytes() as f64 / 1e6 / median)
}

impl Protocol {
    /// Of JSON-RPC, dlvgate wants to know that its upstream speaks it: it serves several sessions
    /// then.
    fn sessions(self) -> Sessions {
        match self {
            Protocol::Dap => Sessions::One,
            Protocol::JsonRpc => Sessions::Several(8),
        }
    }
}

impl Plan {
    fn begin(&self, lane: &Lane) -> anyhow::Result<(Connection, Exchange)> {
        let (connection, exchange) = match self.protocol {
            Protocol::Dap => {
                let mut connection = Connection::open(lane.address)?;
                let exchange = connection.learn(self.command, &self.arguments)?;
                (connection, exchange)
            }
            Protocol::JsonRpc => {
                let mut connection = Connection::open_rpc(lane.address)?;
                let exchange = connection.learn_rpc(self.command, &self.arguments)?;
                (connection, exchange)
            }
        };
        Ok((connection, exchange.times(self.at_once)))
    }

    fn carry_out(&self, options: &Options, targets: &[Target]) -> anyhow::Result<Vec<Series>> {
        let rounds = options.rounds(self.rounds);
        let starts = STARTS.min(rounds);
        let mut figures = vec![Vec::new(); targets.len()];
        for start in 0..starts {
            let some =
                self.rounds(options, targets, rounds * (start + 1) / starts - rounds * start / starts)?;
            figures.iter_mut().zip(some).for_each(|(all, some)| all.extend(some));
        }
        Ok(Series::all(targets.iter().map(|target| target.name.clone()), figures))
    }

    /// Some of the rounds, with everything started for them.
    fn rounds(&self, options: &Options, targets: &[Target], rounds: usize) -> anyhow::Result<Vec<Vec<f64>>> {
        let field = Field::start(targets, self.protocol.sessions())?;
        let sessions = field.lanes.iter().map(|lane| self.begin(lane));
        let mut sessions = sessions.collect::<anyhow::Result<Vec<_>>>()?;
        let (warm_up, measured) = (options.count(self.warm_up), options.count(self.measured));
        let figures = interleaved(&mut sessions, rounds, |(connection, exchange)| {
            for _ in 0..warm_up {
                connection.ask(exchange)?;
            }
            let mut seconds = Vec::with_capacity(measured);
            for _ in 0..measured {
                seconds.push(connection.ask(exchange)?.as_secs_f64());
            }
            connection.check(exchange)?;
            Ok((self.figure)(exchange, &seconds).unwrap_or(f64::NAN))
        })?;
        for (connection, _) in sessions {
            connection.close()?;
        }
        Ok(figures)
    }
}
