//! The line client against a pretended system, for trying it by hand: `try serve SOCKET` in one terminal, `try logon SOCKET USER` in another.

#[path = "../tests/fake/mod.rs"]
mod fake;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", socket] => {
            let _system = fake::System::start_at(Path::new(socket), false);
            loop {
                std::thread::park();
            }
        }
        ["guarded", socket] => {
            let _system = fake::System::start_at(Path::new(socket), true);
            loop {
                std::thread::park();
            }
        }
        ["logon", socket, userid, ref flags @ ..] => {
            let options = console::client::Options {
                logon: console::wire::Logon { here: flags.contains(&"here"), attach: flags.contains(&"attach"), ..fake::logon(userid) },
                history: std::env::var_os("TRY_HISTORY").map(Into::into),
                words: ["QUERY", "LISTFILE", "ECHO", "LATER", "FLOOD", "PROMPT", "SECRET", "LOGOFF"].map(String::from).to_vec(),
                no_color: flags.contains(&"no-color"),
            };
            match console::client::logon(Path::new(socket), options) {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{error}");
                    ExitCode::from(error.exit_code())
                }
            }
        }
        _ => {
            eprintln!("try serve|guarded SOCKET, try logon SOCKET USER [here] [attach] [no-color]");
            ExitCode::FAILURE
        }
    }
}
