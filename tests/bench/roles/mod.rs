//! What this program is besides the driver: it starts itself in these roles.

mod conversation;
mod copy;
mod reaper;
mod replies;
mod upstream;

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Context;

pub use copy::Runtime;

/// The first argument of a process in a role.
const WORD: &str = "role";

/// A role, and what it has to know.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Stands in for dlv, as fast as can be.
    Upstream,
    /// Forwards with tokio's `copy_bidirectional`: a buffer of so many bytes for each direction.
    Copy { upstream: SocketAddr, buffer: usize, runtime: Runtime },
    /// Kills what the driver leaves.
    Reaper,
}

impl Role {
    /// The role that these arguments name; `None` for the driver.
    pub fn of(mut arguments: impl Iterator<Item = String>) -> Option<anyhow::Result<Role>> {
        (arguments.next()? == WORD).then(|| Role::parse(&arguments.collect::<Vec<_>>()))
    }

    fn parse(words: &[String]) -> anyhow::Result<Role> {
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["upstream"] => Ok(Role::Upstream),
            ["copy", upstream, buffer, runtime] => Ok(Role::Copy {
                upstream: upstream.parse()?,
                buffer: buffer.parse()?,
                runtime: runtime.parse()?,
            }),
            ["reaper"] => Ok(Role::Reaper),
            _ => anyhow::bail!("no such role: {words:?}"),
        }
    }

    /// What starts this program in the role.
    pub fn command(self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("where is this program?")?);
        command.arg(WORD);
        match self {
            Role::Upstream => command.arg("upstream"),
            Role::Copy { upstream, buffer, runtime } => {
                command.arg("copy").arg(upstream.to_string()).arg(buffer.to_string()).arg(runtime.name())
            }
            Role::Reaper => command.arg("reaper"),
        };
        Ok(command)
    }

    /// Does what the role is for.
    pub fn play(self) -> anyhow::Result<()> {
        match self {
            Role::Upstream => upstream::serve(),
            Role::Copy { upstream, buffer, runtime } => copy::serve(upstream, buffer, runtime),
            Role::Reaper => reaper::wait(),
        }
    }
}
