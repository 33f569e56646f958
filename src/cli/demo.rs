//! placeholder
use std::process::ExitCode;
/// Demo
#[derive(Debug, clap::Args)]
pub struct DemoArgs {}
pub(super) async fn run(_args: DemoArgs) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
