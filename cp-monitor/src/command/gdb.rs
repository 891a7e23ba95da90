//! SET GDB and QUERY GDB.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Outcome, error, invalid_operand};
use crate::debug::gdb::Server;

/// SET GDB {ON [address:port]|OFF}: a port of the host's choice on the loopback interface, unless said otherwise. Other interfaces are for class A.
pub(super) fn set(invocation: &mut Invocation<'_>) -> Outcome {
    let on = invocation.operands.on_off()?;
    let user = Arc::clone(invocation.user()?);
    if !on {
        invocation.operands.end()?;
        let was = user.debug.server.lock().take();
        return Ok(if was.is_some() { Answer::text("GDB OFF") } else { Answer::silent() });
    }
    let address = match invocation.operands.next_word() {
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        Some(word) => word.parse::<SocketAddr>().map_err(|_| invalid_operand(word))?,
    };
    invocation.operands.end()?;
    if !address.ip().is_loopback() && !invocation.has_class("A") {
        return Err(error("GDB", 3, format!("Invalid option - {address}; other interfaces than the loopback are for class A")));
    }
    // The old one first: its port may be the new one's.
    let mut server = user.debug.server.lock();
    *server = None;
    let started =
        Server::start(&user, address).map_err(|why| error("GDB", 6003, format!("gdb cannot be listened for at {address}: {why}")))?;
    let address = started.address();
    *server = Some(started);
    Ok(Answer::line(json!({ "gdb": address.to_string() }), format!("GDB ON {address}")))
}

/// QUERY GDB
pub(super) fn query(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let debug = &invocation.user()?.debug;
    let address = debug.server.lock().as_ref().map(Server::address);
    Ok(match address {
        None => Answer::line(json!({ "gdb": null }), "GDB OFF"),
        Some(address) => {
            let attached = debug.is_attached();
            let line = format!("GDB ON {address}{}", if attached { " CONNECTED" } else { "" });
            Answer::line(json!({ "gdb": address.to_string(), "connected": attached }), line)
        }
    })
}
