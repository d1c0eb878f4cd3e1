//! The project's own chores, run as `cargo xtask …` (an alias in `.cargo/config.toml`):
//!
//! * `tidy` checks what no other lint sees: directions between crates, where SQL may stand, how
//!   long a file may grow, what must not be left behind in a commit;
//! * `codegen` writes everything that is made from the server's types, and with `--check` only
//!   compares.
//!
//! It deliberately depends on none of the crates it looks after. Start reading at
//! [`tidy::run`] and [`codegen::run`].
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod codegen;
mod limits_table;
mod roles_table;
mod settings_table;
mod tidy;
mod workspace;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let clean = match words.as_slice() {
        ["tidy"] => tidy::run()?,
        ["codegen"] => codegen::run(codegen::Mode::Write)?,
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check)?,
        _ => {
            eprintln!("usage: cargo xtask tidy | codegen [--check]");
            false
        }
    };
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
