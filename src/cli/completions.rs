//! `dlvgate completions`: what the shell completes.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use crate::stdio;

/// Print the completions of a shell
///
/// bash: `dlvgate completions bash > ~/.local/share/bash-completion/completions/dlvgate`
/// zsh: `dlvgate completions zsh > "${fpath[1]}/_dlvgate"`
/// fish: `dlvgate completions fish > ~/.config/fish/completions/dlvgate.fish`
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, mut program: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new(); // what it is given must not fail
    clap_complete::generate(args.shell, &mut program, "dlvgate", &mut script);
    stdio::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
