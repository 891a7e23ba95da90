//! The `cp64` program: starts the system, and is every tool that works on one.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run()
}
