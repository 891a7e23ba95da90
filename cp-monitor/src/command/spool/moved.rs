//! The lines about files that moved: what the sender and the receiver of CLOSE and TRANSFER are told.

use std::sync::Arc;

use console::wire::LineKind;
use spool::{Closed, FileInfo, Queue, Spid, Userid};

use crate::directory::UserId;
use crate::system::Cp;
use crate::users::User;

/// Tells a user who is logged on and wants CP's information messages.
pub(super) fn tell(cp: &Cp, userid: Userid, line: &str) {
    let id: Option<UserId> = userid.as_str().parse().ok();
    let Some(user) = id.and_then(|id| cp.users.get(&id)) else { return };
    if user.session.lock().settings.imsg {
        user.console.write(LineKind::Cp, line);
    }
}

/// Tells the receiver that a file came and the sender where it went.
pub fn announce(cp: &Arc<Cp>, sender: Option<&Arc<User>>, closed: &Closed) {
    let file = &closed.file;
    let sender_id = sender.map(|user| crate::users::spool_userid(&user.id));
    let own = sender_id == Some(file.owner);
    if file.attributes.msg && (!own || file.queue == Queue::Reader) {
        tell(cp, file.owner, &sent_from(file, file.origin.as_str(), file.device.abbreviation(), closed.was));
    }
    if let Some(sender) = sender_id.filter(|_| !own) {
        tell(cp, sender, &sent_to(file, file.device.abbreviation(), closed.was));
    }
    cp.note_queued(file);
}

/// What the sender of a file is told: it was `kind` file `was` and is now the receiver's.
pub(super) fn sent_to(file: &FileInfo, kind: &str, was: Spid) -> String {
    let (queue, spid) = (file.queue.abbreviation(), file.spid);
    format!("{kind} FILE {was} SENT TO   {:<8} {queue} AS  {spid} {}", file.owner, file_line(file))
}

/// What the receiver of a file is told: `from` sent it, it was `kind` file `was` there.
pub(super) fn sent_from(file: &FileInfo, from: &str, kind: &str, was: Spid) -> String {
    let (queue, spid) = (file.queue.abbreviation(), file.spid);
    format!("{queue} FILE {spid} SENT FROM {from:<8} {kind} WAS {was} {}", file_line(file))
}

/// `RECS 0018 CPY  001 T NOHOLD NOKEEP`, the end of the lines about files that moved; `CPY *003` when copies are collated.
fn file_line(file: &FileInfo) -> String {
    let attributes = &file.attributes;
    let hold = if attributes.hold == spool::Hold::None { "NOHOLD" } else { "HOLD" };
    let keep = if attributes.keep { "KEEP" } else { "NOKEEP" };
    let star = if attributes.copies.collated() { '*' } else { ' ' };
    let copies = attributes.copies.number();
    format!("RECS {} CPY {star}{copies:03} {} {hold} {keep}", short_count(file.records), attributes.class)
}

/// Four places: `0018`, `101K`, `012M`.
fn short_count(records: u64) -> String {
    match records {
        0..=9999 => format!("{records:04}"),
        10_000..=999_999 => format!("{:03}K", records / 1000),
        _ => format!("{:03}M", records / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_take_four_places() {
        assert_eq!([0, 9999, 10_000, 101_999, 12_000_000].map(short_count), ["0000", "9999", "010K", "101K", "012M"]);
    }
}
