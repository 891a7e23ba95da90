//! Which file a device takes next, and why a file waits. Pure.

use std::collections::{BTreeMap, BTreeSet};

use spool::{FileInfo, Hold, Queue, Userid};

use super::settings::{Refusal, Taking, form_name};

/// Users whose output the operator holds back (HOLD), by queue.
pub type HeldUsers = BTreeSet<(Userid, Queue)>;

/// Whether nobody holds the file back.
fn is_free(file: &FileInfo, held: &HeldUsers) -> bool {
    file.attributes.hold == Hold::None && !held.contains(&(file.owner, file.queue))
}

/// The files that a device takes, in the order in which it does. `files` are in the order of each owner's queue; among owners it is first
/// come, first served.
pub fn in_order(files: Vec<FileInfo>, taking: &Taking, held: &HeldUsers) -> Vec<FileInfo> {
    let chosen: Vec<_> =
        files.into_iter().filter(|file| is_free(file, held)).filter_map(|file| taking.rank(&file).ok().map(|rank| (rank, file))).collect();
    // A file that its owner has put in front of older ones counts as old as the oldest of these.
    let mut ages = Vec::with_capacity(chosen.len());
    let mut floor = BTreeMap::new();
    for (rank, file) in chosen.iter().rev() {
        let age: &mut u64 = floor.entry((*rank, file.owner)).or_insert(u64::MAX);
        *age = (*age).min(file.serial);
        ages.push(*age);
    }
    ages.reverse();
    let mut numbered: Vec<_> =
        ages.into_iter().zip(chosen).enumerate().map(|(place, (age, (rank, file)))| (rank, age, place, file)).collect();
    numbered.sort_by_key(|(rank, age, place, _)| (*rank, *age, *place));
    numbered.into_iter().map(|(_, _, _, file)| file).collect()
}

/// A device as the question who takes a file sees it.
pub struct Candidate<'a> {
    /// Its name: `printer 000E`.
    pub name: String,
    /// It is started, and not stopped by an error.
    pub works: bool,
    /// What it takes.
    pub taking: &'a Taking,
}

/// Why a file stays in its queue, in a sentence; `None` when a device will take it.
pub fn why_waiting(file: &FileInfo, devices: &[Candidate<'_>], held: &HeldUsers) -> Option<String> {
    let kind = if file.queue == Queue::Punch { "punch" } else { "printer" };
    if held.contains(&(file.owner, file.queue)) {
        return Some(format!("output of {} is held; FREE {} releases it", file.owner, file.owner));
    }
    match file.attributes.hold {
        Hold::None => {}
        Hold::User => return Some("it is in user hold".to_string()),
        Hold::System | Hold::Both => return Some("it is in system hold".to_string()),
    }
    let mut nearest: Option<(Refusal, &Candidate<'_>)> = None;
    let mut idle = None;
    for device in devices {
        match device.taking.rank(file) {
            Ok(_) if device.works => return None,
            Ok(_) => idle = idle.or(Some(device)),
            Err(refusal) if nearest.is_none_or(|(known, _)| refusal > known) => nearest = Some((refusal, device)),
            Err(_) => {}
        }
    }
    let attributes = &file.attributes;
    Some(match (idle, nearest) {
        (Some(device), _) => format!("{} takes it but is not started", device.name),
        (None, Some((Refusal::Form, device))) => {
            format!("mount form {} on {}", form_name(attributes.form), device.name)
        }
        (None, Some((Refusal::Dest, _))) => {
            format!("no {kind} takes destination {}", attributes.dest.map_or_else(|| "OFF".to_string(), |dest| dest.to_string()))
        }
        (None, Some((Refusal::Class, _))) => format!("no {kind} takes class {}", attributes.class),
        (None, None) => format!("there is no {kind}"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::job::tests::file;
    use super::*;
    use spool::Word;

    fn taking(class: &str, form: &str, auto: bool) -> Taking {
        Taking::of(class, form, auto, "OFF", false).unwrap()
    }

    fn of(owner: &str, spid: u16, serial: u64, class: char) -> FileInfo {
        FileInfo { owner: Userid::new(owner).unwrap(), serial, ..file(spid, class) }
    }

    #[test]
    fn first_come_first_served_within_the_order_of_the_classes() {
        // MAINT has put its second file in front.
        let files = vec![of("CMSUSER", 1, 10, 'A'), of("CMSUSER", 2, 40, 'B'), of("MAINT", 2, 30, 'A'), of("MAINT", 1, 5, 'A')];
        let order = |taking: &Taking| in_order(files.clone(), taking, &HeldUsers::new()).iter().map(|file| file.serial).collect::<Vec<_>>();
        assert_eq!(order(&taking("*", "STANDARD", true)), [30, 5, 10, 40]);
        assert_eq!(order(&taking("BA", "STANDARD", true)), [40, 30, 5, 10]);
        assert_eq!(order(&taking("B", "STANDARD", true)), [40]);
        let held = HeldUsers::from([(Userid::new("MAINT").unwrap(), Queue::Printer)]);
        assert_eq!(in_order(files.clone(), &taking("A", "STANDARD", true), &held).len(), 1);
    }

    #[test]
    fn the_reason_names_what_would_help() {
        let mut waiting = file(1, 'B');
        let any = taking("*", "STANDARD", false);
        let (a, b) = (taking("A", "STANDARD", true), taking("B", "STANDARD", false));
        let why = |file: &FileInfo, devices: &[(&Taking, bool)]| {
            let devices: Vec<_> =
                devices.iter().map(|(taking, works)| Candidate { name: "printer 000E".into(), works: *works, taking }).collect();
            why_waiting(file, &devices, &HeldUsers::new())
        };
        assert_eq!(why(&waiting, &[(&any, true)]), None);
        assert_eq!(why(&waiting, &[]).unwrap(), "there is no printer");
        assert_eq!(why(&waiting, &[(&a, true)]).unwrap(), "no printer takes class B");
        assert_eq!(why(&waiting, &[(&a, true), (&b, false)]).unwrap(), "printer 000E takes it but is not started");
        waiting.attributes.form = Some(Word::new("LABELS").unwrap());
        assert_eq!(why(&waiting, &[(&a, true), (&b, true)]).unwrap(), "mount form LABELS on printer 000E");
        waiting.attributes.dest = Some(Word::new("ROOM2").unwrap());
        assert_eq!(why(&waiting, &[(&b, true)]).unwrap(), "no printer takes destination ROOM2");
        waiting.attributes.hold = Hold::User;
        assert_eq!(why(&waiting, &[(&any, true)]).unwrap(), "it is in user hold");
    }
}
