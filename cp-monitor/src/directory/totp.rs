//! One-time codes of an authenticator (RFC 6238: six digits, 30 seconds, HMAC-SHA-1, which is what every authenticator knows): a second proof
//! for users who have one. Beside the directory, two files for each: the secret, and the last code that was taken.
//!
//! The secret is as it is, not hashed, because the code is made of it; its file is its owner's alone, as the hashes of passwords are.

use std::collections::HashMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use ring::rand;
use totp_rs::{Algorithm, Secret, TOTP};

use super::UserId;
use super::store::{self, StoreError};

/// The folder, in the data directory.
const FOLDER: &str = "totp";
/// Seconds that a code holds.
const STEP: u64 = 30;
/// Steps before and after now whose codes are taken: clocks differ.
const SLACK: u64 = 1;
/// Digits of a code.
const DIGITS: usize = 6;
/// Bytes of a secret, as long as the digest that it keys.
const SECRET: usize = 20;

/// Wrong codes of a user, and for how many seconds from the first they count.
const WRONG_MAX: u32 = 10;
const WRONG_SECONDS: u64 = 300;

/// What an authenticator is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret in base 32, to be typed.
    pub secret: String,
    /// The same with whose it is, to be scanned: `otpauth://totp/...`.
    pub uri: String,
}

fn file(root: &Path, user: &UserId) -> PathBuf {
    root.join(FOLDER).join(user.to_string())
}

/// The step of the last code that was taken. No userid has a full stop in it.
fn used_file(root: &Path, user: &UserId) -> PathBuf {
    root.join(FOLDER).join(format!("{user}.used"))
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The generator of this secret, none for a damaged one.
fn generator(secret: &str) -> Option<TOTP> {
    TOTP::new(Algorithm::SHA1, DIGITS, 0, STEP, Secret::Encoded(secret.to_string()).to_bytes().ok()?).ok()
}

/// The step whose code was typed, near `now` (seconds since 1970) and after `last`.
fn step_of(codes: &TOTP, typed: &str, now: u64, last: Option<u64>) -> Option<u64> {
    let (typed, now) = (typed.trim(), now / STEP);
    let mut near = (now.saturating_sub(SLACK)..=now + SLACK).filter(|&step| last.is_none_or(|last| step > last));
    near.find(|&step| codes.check(typed, step * STEP))
}

/// Gives a user a new secret; the one before is worth nothing any more.
///
/// # Errors
/// [`StoreError`]; the user has then what it had before.
pub fn create(root: &Path, user: &UserId, system: &str) -> Result<Enrolment, StoreError> {
    let folder = root.join(FOLDER);
    let failed = |source| StoreError::File { path: folder.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    let bytes: [u8; SECRET] =
        rand::generate(&rand::SystemRandom::new()).map_err(|_| failed(io::Error::other("the host has no random numbers")))?.expose();
    let secret = Secret::Raw(bytes.to_vec()).to_encoded().to_string();
    store::replace_file(&file(root, user), &format!("{secret}\n"))?;
    remove_file(&used_file(root, user)).map_err(failed)?;
    let uri = format!("otpauth://totp/{system}:{user}?secret={secret}&issuer={system}&algorithm=SHA1&digits={DIGITS}&period={STEP}");
    Ok(Enrolment { secret, uri: uri.replace('#', "%23") })
}

/// Takes a user's secret away; whether there was one.
///
/// # Errors
/// What the host says.
pub fn remove(root: &Path, user: &UserId) -> io::Result<bool> {
    let had = remove_file(&file(root, user))?;
    remove_file(&used_file(root, user))?;
    Ok(had)
}

/// Whether this user has to show a code. One whose secret cannot be read has to, and none is right.
pub fn is_wanted(root: &Path, user: &UserId) -> bool {
    read(&file(root, user)).map_or(true, |secret| secret.is_some())
}

/// A password with a code directly behind it, where there is one field for both.
pub fn with_code(typed: &str) -> Option<(&str, &str)> {
    let typed = typed.trim_end();
    let (password, code) = typed.split_at_checked(typed.len().checked_sub(DIGITS)?)?;
    code.bytes().all(|byte| byte.is_ascii_digit()).then_some((password, code))
}

/// Wrong codes of a user, and since when they are counted.
#[derive(Clone, Copy, Debug)]
struct Wrong {
    count: u32,
    since: u64,
}

/// Codes that are shown: each is right once, over a restart of CP too. Who has shown ten wrong ones has no right one for five minutes: there are only a million.
#[derive(Debug, Default)]
pub struct Codes(Mutex<HashMap<UserId, Wrong>>);

impl Codes {
    /// Whether that is a code of this user's at `now`, in seconds since 1970. It is not one again afterwards.
    pub fn takes(&self, root: &Path, user: &UserId, typed: &str, now: u64) -> bool {
        // Held to the end: of two who show the same code at once, one is right.
        let mut wrong = self.0.lock();
        let counts = wrong.get(user).copied().filter(|wrong| now < wrong.since.saturating_add(WRONG_SECONDS));
        if counts.is_some_and(|wrong| wrong.count >= WRONG_MAX) {
            return false;
        }
        let taken = take(root, user, typed, now).unwrap_or_else(|error| {
            tracing::warn!(%error, "The one-time codes of {user} cannot be looked at");
            false
        });
        if taken {
            wrong.remove(user);
        } else if is_wanted(root, user) {
            let before = counts.unwrap_or(Wrong { count: 0, since: now });
            wrong.insert(*user, Wrong { count: before.count + 1, ..before });
        }
        taken
    }
}

fn take(root: &Path, user: &UserId, typed: &str, now: u64) -> Result<bool, StoreError> {
    let path = file(root, user);
    let failed = |source| StoreError::File { path: path.clone(), source };
    let Some(secret) = read(&path).map_err(failed)? else { return Ok(false) };
    let codes = generator(&secret).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
    let last = read(&used_file(root, user)).map_err(failed)?.map(|last| last.parse().unwrap_or(u64::MAX));
    let Some(step) = step_of(&codes, typed, now, last) else { return Ok(false) };
    // Before anybody is let in by it: a code that cannot be marked as used is not taken.
    store::replace_file(&used_file(root, user), &format!("{step}\n"))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "12345678901234567890", the secret of RFC 6238.
    const SECRET_OF_RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_the_standard() {
        let codes = generator(SECRET_OF_RFC).unwrap();
        // Appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(codes.generate(seconds), code, "{seconds}");
            assert_eq!(step_of(&codes, code, seconds, None), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_code_is_right_once_and_near_its_time() {
        let codes = generator(SECRET_OF_RFC).unwrap();
        for (now, last, step) in
            [(59, None, Some(1)), (0, None, Some(1)), (89, None, Some(1)), (90, None, None), (59, Some(0), Some(1)), (59, Some(1), None)]
        {
            assert_eq!(step_of(&codes, " 287082\n", now, last), step, "{now} {last:?}");
        }
        for typed in ["", "+87082", "28708", "2870822", "28708x", "\u{663}87082"] {
            assert_eq!(step_of(&codes, typed, 59, None), None, "{typed}");
        }
    }

    #[test]
    fn a_code_stands_behind_a_password_in_one_field() {
        assert_eq!(with_code("sesame287082 "), Some(("sesame", "287082")));
        assert_eq!(with_code("287082"), Some(("", "287082")));
        for text in ["", "28708", "sesame", "sesame28708x", "se\u{fc}28708"] {
            assert_eq!(with_code(text), None, "{text}");
        }
    }

    #[test]
    fn codes_cannot_be_guessed_one_after_the_other() {
        let root = tempfile::tempdir().unwrap();
        let user: UserId = "ALAN".parse().unwrap();
        let made = create(root.path(), &user, "CP64").unwrap();
        let (codes, right) = (Codes::default(), |now| generator(&made.secret).unwrap().generate(now));
        let wrong = |now: u64| (0..WRONG_MAX - 1).for_each(|_| assert!(!codes.takes(root.path(), &user, "x", now)));
        wrong(3000);
        assert!(codes.takes(root.path(), &user, &right(3000), 3000), "a right one forgives");
        wrong(3100);
        assert!(!codes.takes(root.path(), &user, "x", 3101));
        assert!(!codes.takes(root.path(), &user, &right(3130), 3130), "too late");
        assert!(codes.takes(root.path(), &user, &right(3400), 3400), "and a while later it is one");
    }

    #[test]
    fn a_user_has_a_secret_or_none_and_a_damaged_one_keeps_everybody_out() {
        let root = tempfile::tempdir().unwrap();
        let user: UserId = "A#AN".parse().unwrap();
        let takes = |code: &str, now| Codes::default().takes(root.path(), &user, code, now);
        assert!(!is_wanted(root.path(), &user) && !takes("287082", 59), "without a secret no code is right");
        let made = create(root.path(), &user, "CP64").unwrap();
        assert!(made.uri.starts_with(&format!("otpauth://totp/CP64:A%23AN?secret={}&issuer=CP64&", made.secret)), "{made:?}");
        let code = generator(&made.secret).unwrap().generate(3000);
        assert!(is_wanted(root.path(), &user) && takes(&code, 3000));
        assert!(!takes(&code, 3000), "once, and another start of CP knows that too");
        let damage = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
        let later = generator(&made.secret).unwrap().generate(6000);
        damage(used_file(root.path(), &user), "garbage");
        assert!(!takes(&later, 6000), "which codes were used is not known");
        for text in ["garbage!", "", "GEZDGNBV"] {
            damage(file(root.path(), &user), text);
            assert!(is_wanted(root.path(), &user) && !takes("287082", 59), "{text}");
        }
        let again = create(root.path(), &user, "CP64").unwrap();
        assert_ne!(again.secret, made.secret);
        assert!(takes(&generator(&again.secret).unwrap().generate(3000), 3000));
        assert!(remove(root.path(), &user).unwrap() && !remove(root.path(), &user).unwrap());
        assert!(!is_wanted(root.path(), &user));
    }
}
