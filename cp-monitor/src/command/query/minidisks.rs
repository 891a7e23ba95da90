//! QUERY MDISK SNAPSHOTS MDC: where minidisks are on the host, how they were, and how they are used.

use std::sync::atomic::Ordering;

use minidisk::extent::snapshots;
use serde_json::json;

use super::nothing_more;
use crate::command::Invocation;
use crate::command::answer::{Answer, Outcome, error, host_error};
use crate::command::minidisk::which;
use crate::links::described;

/// QUERY MDISK [USERid] [userid] vdev [LOCation]
pub(super) fn mdisk(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.take("USERid");
    let disk @ (owner, vdev) = which(invocation)?;
    invocation.operands.take("LOCation");
    nothing_more(invocation)?;
    let directory = invocation.cp.directory();
    let Some(minidisk) = directory.minidisk(&owner, vdev) else {
        return Err(error("QMD", 107, format!("{owner} {vdev} is not in the CP directory")));
    };
    let volume = minidisk.volid.map_or_else(String::new, |volid| volid.to_string());
    let kind = minidisk.device.as_str();
    let file = invocation.cp.links.file(&disk);
    let (size, unit) = match minidisk.cylinders() {
        Some(cylinders) => (u64::from(cylinders), "CYL"),
        None => (minidisk.blocks().unwrap_or(0) * 8, "BLK"),
    };
    let mut lines =
        vec!["OwnerID  Odev Dtype  Vol-ID       Size".to_string(), format!("{owner:<8} {vdev} {kind:<6} {volume:<6} {size:>10} {unit}")];
    let mut data = json!({ "owner": owner, "vdev": vdev, "type": kind, "volume": volume, "size": size, "unit": unit });
    if minidisk.is_temporary() {
        lines.push("Made at LOGON and gone at LOGOFF".to_string());
    } else {
        // Where files of the host are is for those who run the system.
        if invocation.has_class("B") {
            lines.push(format!("Host file {}", file.display()));
            data["file"] = json!(file);
        }
        if let Some(built) = invocation.cp.links.built(&disk) {
            lines.push(match built.own_blocks {
                None => "It holds all its blocks itself".to_string(),
                Some(own) => format!("It holds {own} blocks itself and is built on {} layers", built.layers),
            });
            data["layers"] = json!(built.layers);
        }
    }
    let others = described(&invocation.cp.links.others(&disk));
    lines.push(others.map_or_else(|| "Nobody is linked to it".to_string(), |others| format!("Linked {others}")));
    Ok(Answer::of(data, lines))
}

/// QUERY SNAPSHOTS [userid|*] vdev
pub(super) fn snapshots_of(invocation: &mut Invocation<'_>) -> Outcome {
    let disk = which(invocation)?;
    nothing_more(invocation)?;
    let file = invocation.cp.links.file(&disk);
    let found = snapshots(&file).map_err(host_error)?;
    let zone = invocation.cp.clock.now().time_zone().clone();
    let shown: Vec<_> = found
        .into_iter()
        .map(|snapshot| {
            let taken = jiff::Timestamp::try_from(snapshot.taken).unwrap_or_default().to_zoned(zone.clone());
            (snapshot.name, taken.strftime("%Y-%m-%d %H:%M:%S").to_string())
        })
        .collect();
    let lines = match shown.as_slice() {
        [] => vec![format!("{} {} HAS NO SNAPSHOTS", disk.0, disk.1)],
        some => some.iter().map(|(name, taken)| format!("{taken} {name}")).collect(),
    };
    let data: Vec<_> = shown.iter().map(|(name, taken)| json!({ "name": name, "taken": taken })).collect();
    Ok(Answer::of(data, lines))
}

/// QUERY MDC: how much of block I/O the cache answered.
pub(super) fn cache(invocation: &mut Invocation<'_>) -> Outcome {
    nothing_more(invocation)?;
    let counts = &invocation.cp.links.block_io;
    let [found, waited, written] = [&counts.found, &counts.waited, &counts.written].map(|count| count.load(Ordering::Relaxed));
    let percent = (found * 100).checked_div(found + waited).unwrap_or(0);
    let lines = vec![
        "Minidisk cache ON for system".to_string(),
        format!("Blocks read {} found {found} waited {waited} hits {percent}%", found + waited),
        format!("Blocks written {written}"),
    ];
    Ok(Answer::of(json!({ "found": found, "waited": waited, "written": written }), lines))
}
