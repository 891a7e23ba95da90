//! The gdb server: any bytes as what a peer sends.

use cp_monitor::debug::gdb::converse;

/// Answers a peer that sends these bytes, with a PC machine and with a CMS machine behind the server.
pub fn gdb(bytes: &[u8]) {
    for pc in [true, false] {
        converse(bytes, pc);
    }
}
