//! `cp64 user`: the user directory from the host.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use console::{client, ssh};
use cp_monitor::clock::Clock;
use cp_monitor::directory::edit::{self, EditError, NewMinidisk, NewUser};
use cp_monitor::directory::{
    Argon2id, DeviceNumber, LinkMode, Password, PrivilegeClasses, SecretHasher, StorageSize, UserId, keys, store, totp,
};
use cp_monitor::system::{data, minidisks};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

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
    /// Have a user show a one-time code of an authenticator too; prints what the authenticator is to be given
    Totp {
        /// The user
        user: UserId,
        /// No code any more
        #[arg(long)]
        off: bool,
    },
    /// Public keys that a user may log on with over SSH
    Key {
        #[command(subcommand)]
        what: Key,
    },
}

/// What to do to a user's public keys. They are in force at once.
#[derive(Subcommand)]
pub enum Key {
    /// Add the keys of a file (id_ed25519.pub, authorized_keys), or of standard input
    Add {
        /// The user
        user: UserId,
        /// The file; - is standard input
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// List them: fingerprint, type and comment
    List {
        /// The user
        user: UserId,
    },
    /// Take one away
    Remove {
        /// The user
        user: UserId,
        /// Its fingerprint, as list shows it
        fingerprint: String,
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
        What::Key { what } => return on_keys(&directory, what),
        What::Totp { user, off } => return on_codes(&directory, user, off),
    };
    let online = store::update(&directory, &hasher, change).map_err(because)?;
    let (folder, clock) = (data::minidisks(&directory), Clock::of_host());
    for (owner, minidisk) in minidisks::added(&before, &online.directory) {
        minidisks::make_formatted(&folder, owner, minidisk, &clock).map_err(because)?;
    }
    if let Some(user) = removed {
        // Somebody of the same name who is added later is somebody else.
        keys::replace(&directory, &user.userid, &[]).map_err(because)?;
        totp::remove(&directory, &user.userid).map_err(because)?;
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

fn on_keys(directory: &Path, what: Key) -> Ended {
    let known = |user: UserId| -> Result<Vec<String>, String> {
        store::load(directory).map_err(because)?.user(&user).ok_or_else(|| format!("{user} is not in the directory"))?;
        keys::list(directory, &user).map_err(because)
    };
    match what {
        Key::Add { user, file } => {
            let mut lines = known(user)?;
            let added = read_keys(&file)?;
            for line in &added {
                let (key, fingerprint) = ssh::public_key(line)?;
                if lines.iter().any(|other| ssh::public_key(other).is_ok_and(|(other, _)| other == key)) {
                    print(&format!("{user} has {fingerprint} already\n"));
                } else {
                    lines.push(line.clone());
                    print(&format!("{user} may log on with {fingerprint}\n"));
                }
            }
            keys::replace(directory, &user, &lines).map_err(because)?;
        }
        Key::List { user } => {
            for line in known(user)? {
                let (_, fingerprint) = ssh::public_key(&line)?;
                let mut words = line.split_whitespace();
                let kind = words.next().unwrap_or_default().to_string();
                print(&format!("{fingerprint} {kind} {}\n", words.skip(1).collect::<Vec<_>>().join(" ")));
            }
        }
        Key::Remove { user, fingerprint } => {
            let before = known(user)?;
            let is_it = |line: &String| ssh::public_key(line).is_ok_and(|(_, other)| other == fingerprint);
            let after: Vec<String> = before.iter().filter(|line| !is_it(line)).cloned().collect();
            if after.len() == before.len() {
                return Err(format!("{user} has no key {fingerprint}"));
            }
            keys::replace(directory, &user, &after).map_err(because)?;
            print(&format!("{user} may log on with {fingerprint} no more\n"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a user a secret and prints it, at a terminal also as a picture to be scanned; or takes it away. In force at once.
fn on_codes(directory: &Path, user: UserId, off: bool) -> Ended {
    store::load(directory).map_err(because)?.user(&user).ok_or_else(|| format!("{user} is not in the directory"))?;
    if off {
        return match totp::remove(directory, &user).map_err(because)? {
            true => {
                print(&format!("{user} shows no code any more\n"));
                Ok(ExitCode::SUCCESS)
            }
            false => Err(format!("{user} has to show no code")),
        };
    }
    let made = totp::create(directory, &user, &data::settings_of(directory).map_err(because)?.system_id).map_err(because)?;
    if std::io::stdout().is_terminal()
        && let Ok(picture) = QrCode::new(&made.uri)
    {
        print(&format!("{}\n", picture.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()));
    }
    print(&format!("{user} shows a code of an authenticator with this secret from now on:\n{}\n{}\n", made.secret, made.uri));
    Ok(ExitCode::SUCCESS)
}

/// Most bytes of a file of keys.
const KEYS_MAX: u64 = 64 << 10;

/// The keys of a file, without blank lines and comments, and without control characters in what follows a key.
fn read_keys(file: &Path) -> Result<Vec<String>, String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().take(KEYS_MAX).read_to_string(&mut text),
        false => File::open(file).and_then(|opened| opened.take(KEYS_MAX).read_to_string(&mut text)),
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<String> = lines.map(|line| line.chars().filter(|c| !c.is_control()).collect()).collect();
    if lines.is_empty() { Err("There is no key in it".to_string()) } else { Ok(lines) }
}
