//! Secrets of the directory: how a user may log on, the passwords of a minidisk, and how they are hashed.
//!
//! A [`Password`] or [`LinkPassword`] holds an argon2id token, never the text; neither `Debug`, `Display` nor JSON shows even the token.

use std::fmt;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Longest clear-text password taken, in bytes.
pub const PASSWORD_MAX: usize = 128;

/// What a token of the directory source begins with when it is a hash and not clear text.
pub const TOKEN_PREFIX: &str = "$argon2id$";

/// Dearest token that is accepted: 256 MiB, 16 passes, 16 lanes. A directory must not be able to stop CP with one logon.
const COSTLIEST: (u32, u32, u32) = (256 * 1024, 16, 16);

/// Why a secret was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It begins like a hash but is none that CP can check.
    #[error("Password token is not a usable argon2id hash")]
    BadToken,
    /// Empty or longer than [`PASSWORD_MAX`].
    #[error("Password missing or longer than 128 bytes")]
    BadLength,
    /// The hash could not be made (no storage for it, or no randomness).
    #[error("Password could not be hashed")]
    HashFailed,
}

/// An argon2id hash in PHC form, `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(Box<str>);

impl SecretHash {
    /// Takes a token as it stands in the directory.
    ///
    /// # Errors
    /// [`SecretError::BadToken`] when it is no argon2id hash in PHC form or asks for more storage or passes than CP will give.
    pub fn from_token(token: &str) -> Result<Self, SecretError> {
        let parsed = PasswordHash::new(token).map_err(|_| SecretError::BadToken)?;
        let params = Params::try_from(&parsed).map_err(|_| SecretError::BadToken)?;
        let (storage, passes, lanes) = COSTLIEST;
        let affordable = params.m_cost() <= storage && params.t_cost() <= passes && params.p_cost() <= lanes;
        let argon2id = parsed.algorithm == Algorithm::Argon2id.ident();
        let complete = parsed.salt.is_some() && parsed.hash.is_some();
        if argon2id && complete && affordable { Ok(Self(token.into())) } else { Err(SecretError::BadToken) }
    }

    /// Stands for a clear-text secret while a source is only checked; it never matches and never leaves [`super::compile`].
    pub(super) fn pending() -> Self {
        Self("".into())
    }

    pub(super) fn token(&self) -> &str {
        &self.0
    }

    /// Whether `typed` is the secret. A secret set in capitals is also matched by small letters, as on z/VM, where passwords have no case.
    fn matches(&self, typed: &str) -> bool {
        if typed.is_empty() || typed.len() > PASSWORD_MAX {
            return false;
        }
        let Ok(hash) = PasswordHash::new(&self.0) else {
            return false;
        };
        let verify = |text: &str| Argon2::default().verify_password(text.as_bytes(), &hash).is_ok();
        verify(typed) || (typed.bytes().any(|b| b.is_ascii_lowercase()) && verify(&typed.to_ascii_uppercase()))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hashed)")
    }
}

/// How a user may log on: the password operand of the USER statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// By this password.
    Hashed(SecretHash),
    /// `NOPASS`: anybody, without a password.
    NoPass,
    /// `NOLOG`: nobody; the user only owns disks and receives spool files.
    NoLog,
    /// `AUTOONLY`: nobody by LOGON; by XAUTOLOG only.
    AutoOnly,
    /// `LBYONLY`: only by LOGON ... BY a user named on LOGONBY.
    LogonByOnly,
}

impl Password {
    /// The form's keyword; `HASHED` when there is a password.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Hashed(_) => "HASHED",
            Self::NoPass => "NOPASS",
            Self::NoLog => "NOLOG",
            Self::AutoOnly => "AUTOONLY",
            Self::LogonByOnly => "LBYONLY",
        }
    }

    /// The operand as it stands in the directory source; this is the hash itself and is for the source only.
    pub(super) fn operand(&self) -> &str {
        match self {
            Self::Hashed(hash) => hash.token(),
            form => form.form(),
        }
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.form())
    }
}

/// One of the three passwords of a minidisk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LinkPassword {
    /// None given: nobody links in this mode without authority.
    #[default]
    None,
    /// `ALL`: everybody links without a password.
    All,
    /// By this password.
    Hashed(SecretHash),
}

impl Serialize for LinkPassword {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::None => "NONE",
            Self::All => "ALL",
            Self::Hashed(_) => "HASHED",
        })
    }
}

/// Whether `typed` lets a user log on: only [`Password::Hashed`] ever can, and [`Password::NoPass`] whatever is typed.
///
/// It takes the time of one or two argon2id hashes (tens of milliseconds): not for a dispatcher thread.
pub fn verify(password: &Password, typed: &str) -> bool {
    match password {
        Password::Hashed(hash) => hash.matches(typed),
        Password::NoPass => true,
        Password::NoLog | Password::AutoOnly | Password::LogonByOnly => verify_nobody(typed),
    }
}

/// Never; but it takes as long as [`verify`] for a wrong password, so that a stranger cannot tell by the clock which users exist.
pub fn verify_nobody(typed: &str) -> bool {
    if !typed.is_empty() && typed.len() <= PASSWORD_MAX {
        let hashes = 1 + usize::from(typed.bytes().any(|b| b.is_ascii_lowercase()));
        for _ in 0..hashes {
            // Only the time it takes is wanted.
            let _ = Argon2id::default().hash(typed);
        }
    }
    false
}

/// Whether `typed` opens a minidisk in the mode that this password guards. As slow as [`verify`].
pub fn verify_link(password: &LinkPassword, typed: &str) -> bool {
    match password {
        LinkPassword::None => false,
        LinkPassword::All => true,
        LinkPassword::Hashed(hash) => hash.matches(typed),
    }
}

/// Makes hashes of clear-text secrets. CP uses [`Argon2id`]; tests use one with light parameters.
pub trait SecretHasher: Sync {
    /// The argon2id token of `clear`, with a salt of its own.
    ///
    /// # Errors
    /// [`SecretError::BadLength`] or [`SecretError::HashFailed`].
    fn hash(&self, clear: &str) -> Result<SecretHash, SecretError>;
}

/// argon2id with given costs and salts from the host's random source.
#[derive(Clone, Debug)]
pub struct Argon2id {
    params: Params,
}

impl Argon2id {
    /// A hasher with costs of its own: KiB of storage, passes, lanes.
    ///
    /// # Errors
    /// [`SecretError::HashFailed`] when argon2 does not know such costs.
    pub fn with_costs(kibibytes: u32, passes: u32, lanes: u32) -> Result<Self, SecretError> {
        let params = Params::new(kibibytes, passes, lanes, None).map_err(|_| SecretError::HashFailed)?;
        Ok(Self { params })
    }
}

impl Default for Argon2id {
    /// The OWASP minimum for argon2id: 19 MiB, 2 passes, 1 lane (which is argon2's own default).
    fn default() -> Self {
        Self { params: Params::DEFAULT }
    }
}

impl SecretHasher for Argon2id {
    fn hash(&self, clear: &str) -> Result<SecretHash, SecretError> {
        if clear.is_empty() || clear.len() > PASSWORD_MAX {
            return Err(SecretError::BadLength);
        }
        let salt = SaltString::generate(&mut OsRng);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let hash = argon2.hash_password(clear.as_bytes(), &salt).map_err(|_| SecretError::HashFailed)?;
        Ok(SecretHash(hash.to_string().into()))
    }
}
