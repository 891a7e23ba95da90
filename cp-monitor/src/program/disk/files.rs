//! Single files of a minidisk: listed, copied to the host and from it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use minidisk::edf::{FileEntry, FileId, RecordFormat};
use minidisk::text::{self, Export, Import};

use super::{Disk, Ended, because, local, print, whole};

fn format_of(entry: &FileEntry) -> (&'static str, u32) {
    match entry.format {
        RecordFormat::Fixed(length) => ("F", length),
        RecordFormat::Variable => ("V", entry.lrecl),
    }
}

pub(super) fn list(disk: &Disk, json: bool) -> Ended {
    let mut out = String::new();
    if !json {
        out.push_str("FILENAME FILETYPE FM FORMAT LRECL       RECS     BLOCKS     DATE     TIME\n");
    }
    for entry in disk.files() {
        let (format, lrecl) = format_of(entry);
        let (name, file_type) = (entry.id.name(), entry.id.file_type());
        if json {
            let value = serde_json::json!({
                "name": name, "type": file_type, "mode": entry.mode, "format": format, "lrecl": lrecl,
                "records": entry.records, "blocks": entry.blocks, "modified": entry.modified.to_string(),
            });
            out.push_str(&format!("{value}\n"));
        } else {
            out.push_str(&format!(
                "{name:<8} {file_type:<8} A{} {format} {lrecl:>10} {:>10} {:>10} {}\n",
                entry.mode, entry.records, entry.blocks, entry.modified
            ));
        }
    }
    print(&out);
    Ok(ExitCode::SUCCESS)
}

/// A failure leaves the old file of the host.
pub(super) fn get(disk: &mut Disk, id: &FileId, target: &Path, how: Export) -> Ended {
    let export = |disk: &mut Disk, out: &mut dyn Write| {
        text::export(disk, id, how, |bytes| out.write_all(bytes)).map_err(|error| format!("{} {}: {error}", id.name(), id.file_type()))
    };
    if target.as_os_str() == "-" {
        export(disk, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    whole::write(target, |out| export(disk, out))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn put(disk: &mut Disk, id: &FileId, file: &Path, how: Import) -> Ended {
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut open| open.read_to_end(&mut bytes))
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    text::import(disk, id, 1, local(&jiff::Zoned::now()), &bytes, how).map_err(because)?;
    disk.commit().map_err(because)?;
    Ok(ExitCode::SUCCESS)
}
