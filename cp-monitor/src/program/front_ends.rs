//! Where people and programs reach a running system: started together, stopped together.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use console::{local, ssh, tn3270};
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
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses {
    pub metrics: Option<At>,
    pub tn3270: Option<At>,
    pub ssh: Option<SocketAddr>,
}

/// The front ends of a system.
#[derive(Default)]
pub struct FrontEnds {
    local: Option<local::Listening>,
    metrics: Option<metrics::Serving>,
    tn3270: Option<tn3270::Listening>,
    ssh: Option<ssh::Listening>,
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
            let listening = tn3270::start(address, open, host.clone(), tn3270::Bounds::default()).map_err(because)?;
            cp.say_to_operator(&format!("3270 terminals are served at {}", listening.address()));
            self.tn3270 = Some(listening);
        }
        if let Some(address) = addresses.ssh {
            let listening = ssh::start(ssh_options(cp, address)?, host.clone()).map_err(because)?;
            cp.say_to_operator(&format!("SSH is served at {}; the host key is {}", listening.address(), listening.fingerprint()));
            self.ssh = Some(listening);
        }
        self.local = Some(local::start(socket, host, local::Options::default()).map_err(because)?);
        Ok(())
    }

    /// Stops them all.
    pub fn stop(self) {
        if let Some(serving) = self.metrics {
            serving.stop();
        }
        if let Some(listening) = self.tn3270 {
            listening.stop();
        }
        if let Some(listening) = self.ssh {
            listening.stop();
        }
        if let Some(listening) = self.local {
            listening.stop();
        }
    }
}

/// SSH for this system: sessions run the same `cp64 logon` as at a local terminal, with the authority of the system's owner.
fn ssh_options(cp: &Cp, address: SocketAddr) -> Result<ssh::Options, String> {
    let root = cp.config.directory.as_path();
    let arguments = ["--system".as_ref(), root.as_os_str(), "logon".as_ref()].map(OsStr::to_os_string).to_vec();
    Ok(ssh::Options {
        address,
        host_key: root.join("ssh_host_key"),
        banner: std::fs::read_to_string(root.join("banner")).unwrap_or_default(),
        client: ssh::Client { program: std::env::current_exe().map_err(because)?, arguments },
        bounds: ssh::Bounds::default(),
    })
}
