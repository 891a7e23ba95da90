//! `cp64 logon`: a terminal session with a user's virtual console.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use console::client::{self, ClientError};
use console::wire;

use super::{Ended, Place, history};

/// Options of a logon.
#[derive(Args)]
pub struct Options {
    /// The user to log on as [default: the name of the account, in capitals]
    user: Option<String>,
    /// Log on with the password of this user (LOGONBY)
    #[arg(long, value_name = "USER")]
    by: Option<String>,
    /// Take the session over when it is connected elsewhere
    #[arg(long)]
    here: bool,
    /// Do not load the system that the directory names
    #[arg(long)]
    no_ipl: bool,
    /// Only look at the user's console, whoever has it; from a pipe too
    #[arg(long, conflicts_with_all = ["here", "no_ipl"])]
    observe: bool,
    /// No colour
    #[arg(long)]
    no_color: bool,
}

/// Logs on and stays until the session ends.
pub fn run(place: &Place, options: Options) -> Ended {
    let user = match options.user.or_else(|| std::env::var("USER").ok()) {
        Some(user) => user.to_uppercase(),
        None => return Err("Name the user to log on as: cp64 logon USER".to_string()),
    };
    let directory = place.directory()?;
    let of_cp = cp_monitor::command::TABLE.iter().map(|command| command.pattern.to_uppercase());
    let of_cms = cp_monitor::help::CMS.iter().map(|(name, _)| (*name).to_string());
    let words = of_cp.chain(of_cms).filter(|name| name != "*").collect::<BTreeSet<String>>().into_iter().collect();
    let session = client::Options {
        history: history(&directory, &user),
        words,
        no_color: options.no_color,
        logon: wire::Logon {
            userid: user,
            by: options.by,
            password: None,
            here: options.here,
            attach: options.observe,
            observe: options.observe,
            no_ipl: options.no_ipl,
            terminal: wire::Terminal { columns: 0, rows: 0, script: false, draws: false },
        },
    };
    match client::logon(&place.socket()?, session) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(error @ ClientError::Refused { .. }) => {
            eprintln!("{error}");
            Ok(ExitCode::from(error.exit_code()))
        }
        Err(error) => Err(error.to_string()),
    }
}
