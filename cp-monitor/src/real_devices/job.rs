//! One spool file on its way to a device: the names it goes by, and what its separator page says.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use spool::FileInfo;

use super::folder::harmless;
use super::pdf::About;
use super::settings::form_name;

/// A file as a device shows it.
pub struct Job<'a> {
    /// The file.
    pub file: &'a FileInfo,
    /// When it was made.
    created: Zoned,
}

impl<'a> Job<'a> {
    /// Times are told in `zone`.
    pub fn new(file: &'a FileInfo, zone: TimeZone) -> Self {
        let created = Timestamp::from_second(i64::try_from(file.created).unwrap_or(0)).unwrap_or_default();
        Self { file, created: created.to_zoned(zone) }
    }

    /// The name of its host file without the extension: when it was made, whose it is, its number and name.
    pub fn stem(&self) -> String {
        let mut stem = format!("{}-{}-{}", self.created.strftime("%Y%m%d-%H%M%S"), harmless(self.file.owner.as_str()), self.file.spid);
        let name = &self.file.attributes.name;
        for part in [name.name(), name.file_type()] {
            if !part.is_empty() {
                stem.push('-');
                stem.push_str(&harmless(part));
            }
        }
        stem
    }

    /// What a document says of itself.
    pub fn about(&self) -> About {
        let at = self.created.with_time_zone(TimeZone::UTC);
        let part = |number: i8| u8::try_from(number).unwrap_or(0);
        About {
            title: format!("{} {}", self.file.attributes.name.name(), self.file.attributes.name.file_type()).trim().to_string(),
            author: self.file.origin.to_string(),
            created: (
                u16::try_from(at.year()).unwrap_or(0),
                part(at.month()),
                part(at.day()),
                part(at.hour()),
                part(at.minute()),
                part(at.second()),
            ),
        }
    }

    /// The lines of its separator page; `system` and `device` say where it was printed.
    pub fn label(&self, system: &str, device: &str) -> Vec<String> {
        let FileInfo { attributes, origin, owner, records, .. } = self.file;
        let name = &attributes.name;
        let word = |word: Option<spool::Word>| word.map_or_else(|| "OFF".to_string(), |word| word.to_string());
        let (spid, class) = (self.file.spid.to_string(), attributes.class.to_string());
        let copies = format!("{:03}", attributes.copies.number());
        let mut lines = vec![
            format!("USERID   {owner:<10} ORIGIN   {origin:<10} DISTRIBUTION   {}", word(attributes.dist)),
            format!("SPOOLID  {spid:<10} CLASS    {class:<10} FORM           {}", form_name(attributes.form)),
            format!("RECORDS  {records:<10} COPIES   {copies:<10} DESTINATION    {}", word(attributes.dest)),
            format!("NAME     {} {}", name.name(), name.file_type()),
            format!("CREATED  {}", self.created.strftime("%Y-%m-%d %H:%M:%S %Z")),
            format!("SYSTEM   {system:<10} PRINTER  {device}"),
        ];
        if !attributes.tag.as_str().is_empty() {
            lines.push(format!("TAG      {}", attributes.tag.as_str()));
        }
        lines.into_iter().map(|line| line.trim_end().chars().take(129).collect()).collect()
    }

    /// A word of a command with what stands in braces filled in. Names are made harmless, and never look like an option.
    pub fn fill(&self, word: &str) -> String {
        let attributes = &self.file.attributes;
        let name = &attributes.name;
        let values = [
            ("{user}", self.file.owner.to_string()),
            ("{origin}", self.file.origin.to_string()),
            ("{spid}", self.file.spid.to_string()),
            ("{name}", name.name().to_string()),
            ("{type}", name.file_type().to_string()),
            ("{class}", attributes.class.to_string()),
            ("{form}", form_name(attributes.form)),
            ("{dest}", attributes.dest.map_or_else(String::new, |dest| dest.to_string())),
            ("{copies}", attributes.copies.number().to_string()),
        ];
        values.iter().fold(word.to_string(), |word, (name, value)| word.replace(name, &harmless(value)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use spool::{Attributes, Class, Device, FileName, Queue, Spid, Userid, Word};

    /// A printer file of CMSUSER with this number and class.
    pub(in crate::real_devices) fn file(spid: u16, class: char) -> FileInfo {
        FileInfo {
            owner: Userid::new("CMSUSER").unwrap(),
            queue: Queue::Printer,
            spid: Spid::new(spid).unwrap(),
            serial: u64::from(spid),
            origin: Userid::new("CMSUSER").unwrap(),
            device: Device::Printer,
            created: 1_790_000_000,
            records: 3,
            bytes: 30,
            longest: 10,
            attributes: Attributes { class: Class::new(class).unwrap(), ..Attributes::default() },
        }
    }

    #[test]
    fn hostile_names_become_harmless_ones() {
        let mut file = file(7, 'A');
        file.attributes.name = FileName::File(Word::new("../../A").unwrap(), Some(Word::new("-o;rm").unwrap()));
        let job = Job::new(&file, TimeZone::UTC);
        assert_eq!(job.stem(), "20260921-141320-CMSUSER-0007-______A-_o_rm");
        assert_eq!(job.fill("-t={name} {type}"), "-t=______A _o_rm");
        let label = job.label("CP64", "000E");
        assert_eq!(label[1], "SPOOLID  0007       CLASS    A          FORM           STANDARD");
        assert!(label.iter().any(|line| line.starts_with("CREATED  2026-09-21")));
    }
}
