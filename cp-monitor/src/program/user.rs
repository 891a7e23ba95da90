//! `cp64 user`: the user directory from the host.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use clap::Subcommand;
use console::client;
use cp_monitor::clock::Clock;
use cp_monitor::directory::edit::{self, EditError, NewMinidisk, NewUser};
use cp_monitor::directory::{Argon2id, DeviceNumber, LinkMode, Password, PrivilegeClasses, SecretHasher, StorageSize, UserId, store};
use cp_monitor::system::{data, minidisks};

use super::{Ended, Place, because, print};

/// What to do to the directory.
#[derive(Subcommand)]
pub enum What {
    /// Add a user with a formatted 191 minidisk
    Add {
        /// The new user, 1 to 8 characters
        user: UserId,
        /// Cylinders of the 191 minidisk (180 blocks of 4 KiB each); 0 for none
        #[arg(long, default_value_t = 50)]
        cylinders: u32,
        /// Storage of the machine
        #[arg(long, default_value = "32M")]
        storage: StorageSize,
        /// Most storage DEFINE STORAGE gives
        #[arg(long, default_value = "256M")]
        max_storage: StorageSize,
        /// Privilege classes
        #[arg(long, default_value = "G")]
        classes: PrivilegeClasses,
        /// Profile to include
        #[arg(long, default_value = "CMSDFLT")]
        profile: UserId,
    },
    /// Remove a user from the directory; the minidisks' files are kept under other names
    Remove {
        /// The user
        user: UserId,
    },
    /// Set a user's password: asked for, or a line of standard input
    Password {
        /// The user
        user: UserId,
    },
}

/// A new source made of the old one.
type Change = Box<dyn FnOnce(&str) -> Result<String, EditError>>;

/// Changes the directory and puts it on line, in the running system too.
pub fn run(place: &Place, what: What) -> Ended {
    let directory = place.existing()?;
    let hasher = Argon2id::default();
    let before = store::load(&directory).map_err(because)?;
    let removed = match &what {
        What::Remove { user } => before.user(user).cloned(),
        _ => None,
    };
    let (said, change): (String, Change) = match what {
        What::Add { user, cylinders, storage, max_storage, classes, profile } => {
            let disk = NewMinidisk { vdev: DeviceNumber(0x191), cylinders, mode: LinkMode::Mr };
            let minidisks = if cylinders == 0 { Vec::new() } else { vec![disk] };
            let new =
                NewUser { userid: user, password: Password::AutoOnly, storage, max_storage, classes, profile: Some(profile), minidisks };
            (format!("User {user} added"), Box::new(move |source| edit::add_user(source, &new)))
        }
        What::Remove { user } => (format!("User {user} removed"), Box::new(move |source| edit::remove_user(source, user))),
        What::Password { user } => {
            let password = Password::Hashed(hasher.hash(&ask_password(user)?).map_err(because)?);
            (format!("Password of {user} set"), Box::new(move |source| edit::set_password(source, user, &password)))
        }
    };
    let online = store::update(&directory, &hasher, change).map_err(because)?;
    let (folder, clock) = (data::minidisks(&directory), Clock::of_host());
    for (owner, minidisk) in minidisks::added(&before, &online.directory) {
        minidisks::make_formatted(&folder, owner, minidisk, &clock).map_err(because)?;
    }
    if let Some(user) = removed {
        let aside = minidisks::set_aside(&folder, user.userid, &user.minidisks, &clock).map_err(because)?;
        aside.iter().for_each(|name| print(&format!("Minidisk kept as {}\n", folder.join(name).display())));
    }
    // A system that runs takes the new directory over; one that does not reads it when it starts.
    let running = client::command(&place.socket()?, "DIRECTXA");
    let how = if running.is_ok_and(|answer| answer.code == 0) { "; the running system uses it from the next LOGON" } else { "" };
    print(&format!("{said}{how}\n"));
    Ok(ExitCode::SUCCESS)
}

fn ask_password(user: UserId) -> Result<String, String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(because)?;
        return Ok(line.trim_end_matches(['\n', '\r']).to_string());
    }
    let first = rpassword::prompt_password(format!("New password of {user}: ")).map_err(because)?;
    let second = rpassword::prompt_password("The same again: ").map_err(because)?;
    if first == second { Ok(first) } else { Err("The two are not the same; nothing was changed".to_string()) }
}
