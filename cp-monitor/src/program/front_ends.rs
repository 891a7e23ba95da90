//! Where people and programs reach a running system: started together, stopped together.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use console::tls::{Files, Tls};
use console::{Client, Proofs, local, ssh, tn3270, web};
use cp_monitor::metrics;
use cp_monitor::system::{Cp, Terminals};

use super::because;

/// An address, and whether other hosts may reach it.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub address: SocketAddr,
    pub open: bool,
}

/// Where to listen beside the data directory's socket.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    pub metrics: Option<At>,
    pub tn3270: Option<At>,
    pub tn3270_tls: Option<SocketAddr>,
    pub ssh: Option<SocketAddr>,
    /// How long somebody over SSH may type nothing, and stay in all; none: for ever.
    pub ssh_idle: Option<Duration>,
    pub ssh_absolute: Option<Duration>,
    pub web: Option<SocketAddr>,
    pub web_tls: Option<SocketAddr>,
    /// Certificate and key for TLS, instead of those of the data directory.
    pub tls: Option<Files>,
}

/// The front ends of a system.
#[derive(Default)]
pub struct FrontEnds {
    local: Option<local::Listening>,
    metrics: Option<metrics::Serving>,
    tn3270: Vec<tn3270::Listening>,
    ssh: Option<ssh::Listening>,
    web: Vec<web::Listening>,
}

impl FrontEnds {
    /// Starts them and tells the operator where they are. Those that began are stopped when one cannot.
    ///
    /// # Errors
    /// What the host says.
    pub fn start(cp: &Arc<Cp>, socket: &Path, addresses: &Addresses) -> Result<Self, String> {
        let mut begun = Self::default();
        match begun.begin(cp, socket, addresses) {
            Ok(()) => Ok(begun),
            Err(why) => {
                begun.stop();
                Err(why)
            }
        }
    }

    fn begin(&mut self, cp: &Arc<Cp>, socket: &Path, addresses: &Addresses) -> Result<(), String> {
        let host = Arc::new(Terminals(Arc::clone(cp)));
        if let Some(At { address, open }) = addresses.metrics {
            let serving = metrics::start(address, open, cp).map_err(because)?;
            cp.say_to_operator(&format!("Metrics are at http://{}/metrics", serving.address()));
            self.metrics = Some(serving);
        }
        if let Some(At { address, open }) = addresses.tn3270 {
            let listening = tn3270::start(address, open, None, host.clone(), tn3270::Bounds::default()).map_err(because)?;
            cp.say_to_operator(&format!("3270 terminals are served at {}", listening.address()));
            self.tn3270.push(listening);
        }
        let tls = match (addresses.tn3270_tls, addresses.web_tls) {
            (None, None) => None,
            _ => Some(certificate(cp, addresses)?),
        };
        if let (Some(address), Some(tls)) = (addresses.tn3270_tls, &tls) {
            let listening = tn3270::start(address, true, Some(tls), host.clone(), tn3270::Bounds::default()).map_err(because)?;
            cp.say_to_operator(&format!("3270 terminals are served by TLS at {}", listening.address()));
            self.tn3270.push(listening);
        }
        let proofs = Proofs::new(host.clone());
        if let Some(address) = addresses.ssh {
            let listening = ssh::start(ssh_options(cp, address, addresses)?, Arc::clone(&proofs)).map_err(because)?;
            cp.say_to_operator(&format!("SSH is served at {}; the host key is {}", listening.address(), listening.fingerprint()));
            self.ssh = Some(listening);
        }
        for (address, tls) in [(addresses.web, None), (addresses.web_tls, tls)] {
            let Some(address) = address else { continue };
            let scheme = if tls.is_some() { "https" } else { "http" };
            let (system, client) = (cp.config.system_id.clone(), client(cp)?);
            let options = web::Options { address, tls, system, client, bounds: web::Bounds::default() };
            let listening = web::start(options, Arc::clone(&proofs)).map_err(because)?;
            cp.say_to_operator(&format!("Browsers are served at {scheme}://{}/", listening.address()));
            self.web.push(listening);
        }
        self.local = Some(local::start(socket, host, local::Options::default()).map_err(because)?);
        Ok(())
    }

    /// Stops them all.
    pub fn stop(self) {
        if let Some(serving) = self.metrics {
            serving.stop();
        }
        self.tn3270.into_iter().for_each(tn3270::Listening::stop);
        self.web.into_iter().for_each(web::Listening::stop);
        if let Some(listening) = self.ssh {
            listening.stop();
        }
        if let Some(listening) = self.local {
            listening.stop();
        }
    }
}

/// The certificate and key of the system, made at the first start that wants them; or those that were named.
fn certificate(cp: &Cp, addresses: &Addresses) -> Result<Tls, String> {
    let root = cp.config.directory.as_path();
    let tls = match &addresses.tls {
        Some(files) => Tls::load(files, None),
        None => {
            let files = Files { certificate: root.join("tls_certificate.pem"), key: root.join("tls_key.pem") };
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            Tls::load(&files, Some(vec![host, "localhost".into(), "127.0.0.1".into(), "::1".into()]))
        }
    };
    let tls = tls.map_err(because)?;
    cp.say_to_operator(&format!("The TLS certificate is SHA256 {}", tls.fingerprint()));
    Ok(tls)
}

/// Sessions from elsewhere run the same `cp64 logon` as at a local terminal, with the authority of the system's owner.
fn client(cp: &Cp) -> Result<Client, String> {
    let root = cp.config.directory.as_path();
    let arguments = ["--system".as_ref(), root.as_os_str(), "logon".as_ref()].map(OsStr::to_os_string).to_vec();
    Ok(Client { program: std::env::current_exe().map_err(because)?, arguments })
}

/// SSH for this system.
fn ssh_options(cp: &Cp, address: SocketAddr, addresses: &Addresses) -> Result<ssh::Options, String> {
    let root = cp.config.directory.as_path();
    Ok(ssh::Options {
        address,
        host_key: root.join("ssh_host_key"),
        banner: std::fs::read_to_string(root.join("banner")).unwrap_or_default(),
        client: client(cp)?,
        bounds: ssh::Bounds { idle: addresses.ssh_idle, absolute: addresses.ssh_absolute, ..ssh::Bounds::default() },
    })
}
