//! `parlor-chaos [--kills N] [--seed S]`: lets a storm pass over three real nodes and prints what
//! came of it. It ends with 1 if anything was lost, doubled, miscounted or told out of order.
//!
//! The server is `$PARLOR_BIN`, or `parlor` beside this program.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use parlor_chaos::storm::{self, Forecast};

/// Violations shown at most.
const SHOWN: usize = 20;

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "that is what this program is for")]
#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let forecast = Forecast {
        seed: number(&arguments, "--seed")?.unwrap_or_else(rand::random),
        kills: number(&arguments, "--kills")?.unwrap_or(3) as usize,
        kills_between: 5,
        rooms: 3,
        members: 4,
        people: 6,
    };
    println!("seed {}", forecast.seed);
    let damage = storm::pass(&server()?, forecast).await?;
    println!("{}", damage.show());
    let violations = &damage.findings.violations;
    for violation in violations.iter().take(SHOWN) {
        eprintln!("{violation}");
    }
    let findings = &damage.findings;
    anyhow::ensure!(findings.acknowledged > 0 && findings.letters > 0, "nothing was said");
    Ok(if violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads the number behind an option.
fn number(arguments: &[String], name: &str) -> anyhow::Result<Option<u64>> {
    let Some(at) = arguments.iter().position(|argument| argument == name) else { return Ok(None) };
    let text = arguments.get(at + 1).with_context(|| format!("{name} needs a number"))?;
    Ok(Some(text.parse().with_context(|| format!("{name} needs a number, not {text:?}"))?))
}

fn server() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("PARLOR_BIN") {
        return Ok(named.into());
    }
    let beside = std::env::current_exe()?.with_file_name("parlor");
    anyhow::ensure!(beside.exists(), "no server: `cargo build --package parlor-server` makes it");
    Ok(beside)
}
