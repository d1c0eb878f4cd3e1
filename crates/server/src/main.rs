//! The `parlor` binary. Everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    parlor_server::cli::run(std::env::args_os())
}
