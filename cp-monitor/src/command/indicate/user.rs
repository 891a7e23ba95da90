//! INDICATE USER: what a user has and uses.

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::clock::{processor_minutes, processor_time};
use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, invalid_operand, not_logged_on};
use crate::command::share_text;
use crate::directory::{MachineKind, StorageSize, UserId};
use crate::storage::MachineFigures;
use crate::users::User;

/// INDICATE USER [userid|*] [EXP]
pub(super) fn user(invocation: &mut Invocation<'_>) -> Outcome {
    let own = invocation.user()?.id;
    let mut expanded = invocation.operands.take("EXP");
    let id = if expanded || invocation.operands.is_empty() { own } else { invocation.user_operand()? };
    expanded |= invocation.operands.take("EXP");
    invocation.operands.end()?;
    // Class G sees itself alone.
    if id != own && !invocation.has_class("E") {
        return Err(invalid_operand(id.as_str()));
    }
    let target = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    let used = used_by(invocation, &target, id);
    let lines = if expanded { used.expanded() } else { used.short() };
    Ok(Answer::of(used.data(), lines))
}

/// What is known of a user.
struct UsedBy {
    id: UserId,
    machine: &'static str,
    storage: u64,
    system: Option<String>,
    devices: usize,
    pages: MachineFigures,
    reserved: u64,
    share: String,
    connect_seconds: u64,
    virtual_us: u64,
    total_us: u64,
    io: u64,
    /// Files in the queues: reader, printer, punch.
    files: [u64; 3],
}

fn used_by(invocation: &Invocation<'_>, user: &User, id: UserId) -> UsedBy {
    let counts = invocation.cp.spool.counts(crate::users::spool_userid(&id)).unwrap_or_default();
    UsedBy {
        id,
        machine: if user.entry.machine == MachineKind::Pc { "PC" } else { "CMS" },
        storage: user.storage.load(Ordering::Relaxed),
        system: user.with_machine(|machine| machine.system().map(str::to_string)),
        devices: user.devices.lock().iter().count(),
        pages: user.standing.figures(),
        reserved: user.standing.reserved(),
        share: share_text(&user.entitlement().share),
        connect_seconds: user.logged_on.elapsed().as_secs(),
        virtual_us: user.usage.virtual_us(),
        total_us: user.usage.total_us(),
        io: user.usage.io(),
        files: [counts.reader, counts.printer, counts.punch],
    }
}

impl UsedBy {
    fn storage(&self) -> String {
        StorageSize::from_bytes(self.storage).map_or_else(|| self.storage.to_string(), |size| size.to_string())
    }

    fn system(&self) -> &str {
        self.system.as_deref().unwrap_or("DEV NONE")
    }

    /// Hours and minutes logged on.
    fn connected(&self) -> String {
        format!("{:02}:{:02}", self.connect_seconds / 3600, self.connect_seconds / 60 % 60)
    }

    /// Pages that there are at all, in real storage or on the paging file.
    fn instantiated(&self) -> u64 {
        self.pages.resident + self.pages.paged_out
    }

    /// The lines of z/VM, which scripts parse.
    fn short(&self) -> Vec<String> {
        let Self { id, machine, devices, pages, reserved, io, files: [reader, printer, punch], .. } = self;
        vec![
            format!("USERID={id:<8} MACH={machine:<3} STOR={} VIRT=V XSTORE=NONE", self.storage()),
            format!("IPLSYS={:<8} DEVNUM={devices:05}", self.system()),
            format!("PAGES: RES={}  WS={}  LOCKEDREAL=0  RESVD={reserved}", pages.resident, pages.working_set),
            format!("       INSTAN={}", self.instantiated()),
            format!("NPREF={}  PREF=0  READS={}  WRITES={}", pages.paged_out, pages.reads, pages.writes),
            format!(
                "CPU 00: CTIME={} VTIME={} TTIME={} IO={io:06}",
                self.connected(),
                processor_minutes(self.virtual_us),
                processor_minutes(self.total_us)
            ),
            format!("        RDR={reader:06} PRT={printer:06} PCH={punch:06} TYPE=CP   CPUAFFIN=ON"),
        ]
    }

    /// EXP: every amount by itself, where it is and how much of it is in use, and processor time to hundredths.
    fn expanded(&self) -> Vec<String> {
        let Self { id, machine, devices, pages, reserved, share, io, files: [reader, printer, punch], .. } = self;
        let (used, id) = (self.instantiated(), id.as_str());
        vec![
            format!("Userid={id:<8} Machine={machine:<3} Storage={} Virt=V Xstore=NONE", self.storage()),
            format!("Iplsys={:<8} Devnum={devices:05} Share={share}", self.system()),
            format!("Spool: Rdr={reader:06} Prt={printer:06} Pch={punch:06}"),
            format!("Spaces: Private={id}:BASE Shared={}", self.system.as_deref().unwrap_or("NONE")),
            format!("Pages: Instan={used} Main={} Dasd={} Xstore=0", pages.resident, pages.paged_out),
            format!("       WS={} Locked=0 Resvd={reserved}", pages.working_set),
            format!("Paging: Reads={} Writes={} Migrates=0", pages.reads, pages.writes),
            format!(
                "CPU 00: Ctime={} Vtime={} Ttime={} IO={io:06} Type=CP Cpuaffin=ON",
                self.connected(),
                processor_time(self.virtual_us),
                processor_time(self.total_us)
            ),
        ]
    }

    fn data(&self) -> serde_json::Value {
        let [reader, printer, punch] = self.files;
        json!({
            "userid": self.id, "machine": self.machine, "system": self.system, "storage": self.storage, "devices": self.devices,
            "resident_pages": self.pages.resident, "pages": self.pages, "reserved": self.reserved, "share": self.share,
            "connect_seconds": self.connect_seconds, "virtual_us": self.virtual_us, "total_us": self.total_us, "io": self.io,
            "reader": reader, "printer": printer, "punch": punch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(system: Option<&str>) -> UsedBy {
        UsedBy {
            id: "MAINT".parse().unwrap(),
            machine: "CMS",
            storage: 32 << 20,
            system: system.map(str::to_string),
            devices: 36,
            pages: MachineFigures { resident: 1622, working_set: 1601, paged_out: 13, reads: 1, writes: 14 },
            reserved: 40,
            share: "R100".to_string(),
            connect_seconds: 38 * 60 + 59,
            virtual_us: 61_250_000,
            total_us: 3_600_000_000,
            io: 603,
            files: [0, 432, 7],
        }
    }

    #[test]
    fn the_short_form_is_line_for_line_that_of_zvm() {
        assert_eq!(
            used(Some("CMS")).short(),
            [
                "USERID=MAINT    MACH=CMS STOR=32M VIRT=V XSTORE=NONE",
                "IPLSYS=CMS      DEVNUM=00036",
                "PAGES: RES=1622  WS=1601  LOCKEDREAL=0  RESVD=40",
                "       INSTAN=1635",
                "NPREF=13  PREF=0  READS=1  WRITES=14",
                "CPU 00: CTIME=00:38 VTIME=001:01 TTIME=060:00 IO=000603",
                "        RDR=000000 PRT=000432 PCH=000007 TYPE=CP   CPUAFFIN=ON",
            ]
        );
        assert_eq!(used(None).short()[1], "IPLSYS=DEV NONE DEVNUM=00036");
    }

    #[test]
    fn the_expanded_form_says_where_everything_is() {
        assert_eq!(
            used(Some("CMS")).expanded(),
            [
                "Userid=MAINT    Machine=CMS Storage=32M Virt=V Xstore=NONE",
                "Iplsys=CMS      Devnum=00036 Share=R100",
                "Spool: Rdr=000000 Prt=000432 Pch=000007",
                "Spaces: Private=MAINT:BASE Shared=CMS",
                "Pages: Instan=1635 Main=1622 Dasd=13 Xstore=0",
                "       WS=1601 Locked=0 Resvd=40",
                "Paging: Reads=1 Writes=14 Migrates=0",
                "CPU 00: Ctime=00:38 Vtime=001:01.25 Ttime=060:00.00 IO=000603 Type=CP Cpuaffin=ON",
            ]
        );
        assert_eq!(used(None).expanded()[3], "Spaces: Private=MAINT:BASE Shared=NONE");
    }
}
