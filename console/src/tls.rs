//! TLS for front ends that listen: a certificate and its key from files, made at the first start like the SSH host key.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where certificate and key are, as PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate and those that it is signed with.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, damaged, or cannot be made.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The two do not belong together, or cannot be used.
    #[error("The TLS certificate cannot be used: {0}")]
    Certificate(#[from] tokio_rustls::rustls::Error),
}

/// What a front end needs to speak TLS.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    fingerprint: String,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

fn failed<E: ToString>(path: &Path) -> impl Fn(E) -> TlsError {
    move |error| TlsError::File { path: path.to_path_buf(), why: error.to_string() }
}

impl Tls {
    /// Loads the files. When neither is there and `make` says so, a certificate that signs itself is made for these names.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: &Files, make: Option<Vec<String>>) -> Result<Self, TlsError> {
        if let Some(names) = make
            && !files.certificate.exists()
            && !files.key.exists()
        {
            make_files(files, names)?;
        }
        let chain = CertificateDer::pem_file_iter(&files.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(failed(&files.certificate))?;
        let Some(first) = chain.first() else { return Err(failed(&files.certificate)("there is no certificate in it")) };
        let fingerprint = fingerprint(first);
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key))?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint })
    }

    /// SHA-256 of the certificate, as browsers show it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for byte in ring::digest::digest(&ring::digest::SHA256, certificate).as_ref() {
        // Text cannot be written to a text.
        let _ = write!(text, "{}{byte:02X}", if text.is_empty() { "" } else { ":" });
    }
    text
}

fn make_files(files: &Files, names: Vec<String>) -> Result<(), TlsError> {
    let made = rcgen::generate_simple_self_signed(names).map_err(failed(&files.certificate))?;
    // The certificate last: without it the next start begins again, and a key that is half there would be refused for ever.
    let _ = std::fs::remove_file(&files.key);
    write_new(&files.key, &made.signing_key.serialize_pem()).map_err(failed(&files.key))?;
    let half = files.certificate.with_extension("new");
    let _ = std::fs::remove_file(&half);
    write_new(&half, &made.cert.pem()).map_err(failed(&half))?;
    std::fs::rename(&half, &files.certificate).map_err(failed(&files.certificate))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn files(room: &Path) -> Files {
        Files { certificate: room.join("tls_certificate.pem"), key: room.join("tls_key.pem") }
    }

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_nobody_elses() {
        let room = tempfile::tempdir().unwrap();
        let files = files(room.path());
        let names = || Some(vec!["localhost".to_string()]);
        let first = Tls::load(&files, names()).unwrap();
        assert_eq!(first.fingerprint().len(), 95);
        assert_eq!(std::fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Tls::load(&files, names()).unwrap().fingerprint(), first.fingerprint());
    }

    #[test]
    fn files_that_are_missing_damaged_or_do_not_belong_together_are_named() {
        let room = tempfile::tempdir().unwrap();
        let files = files(room.path());
        assert!(Tls::load(&files, None).unwrap_err().to_string().contains("tls_certificate.pem"));
        Tls::load(&files, Some(vec!["localhost".into()])).unwrap();
        // One of them alone is not made anew: it may be somebody's.
        std::fs::remove_file(&files.certificate).unwrap();
        assert!(Tls::load(&files, Some(vec!["localhost".into()])).is_err());
        let other = tempfile::tempdir().unwrap();
        let stranger = self::files(other.path());
        Tls::load(&stranger, Some(vec!["localhost".into()])).unwrap();
        std::fs::copy(&stranger.certificate, &files.certificate).unwrap();
        assert!(matches!(Tls::load(&files, None), Err(TlsError::Certificate(_))));
        std::fs::write(&files.key, "garbage").unwrap();
        assert!(Tls::load(&files, None).unwrap_err().to_string().contains("tls_key.pem"));
    }
}
