//! `cp64 accounting`: the accounting records of a system, whether it runs or not.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use cp_monitor::accounting::read::Records;
use cp_monitor::accounting::{Record, Used};
use cp_monitor::clock::{hours, processor_time};
use cp_monitor::system::data;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use super::{Ended, Place, because};

/// Options of `cp64 accounting`.
#[derive(Args)]
#[command(
    after_help = "A record is shown when it ended within the times that are asked for. With --json each record, or each sum, is a line of its own."
)]
pub struct Options {
    /// Only these users
    #[arg(long, value_name = "USER")]
    user: Vec<String>,
    /// Only what is charged to these account numbers
    #[arg(long, value_name = "NUMBER")]
    account: Vec<String>,
    /// From this day on, or this time: 2026-11-25, 2026-11-25T08:30
    #[arg(long, value_name = "DATE", value_parser = civil)]
    since: Option<DateTime>,
    /// Until the end of this day, or until this time
    #[arg(long, value_name = "DATE", value_parser = civil_end)]
    until: Option<DateTime>,
    /// Sums instead of records
    #[arg(long, value_name = "BY", num_args = 0..=1, require_equals = true, default_missing_value = "user")]
    totals: Option<By>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// What sums are made by.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
enum By {
    /// Each user
    User,
    /// Each account number
    Account,
    /// Each day
    Day,
}

fn civil(text: &str) -> Result<DateTime, String> {
    text.parse().map_err(|_| "a day or a time, such as 2026-11-25 or 2026-11-25T08:30".to_string())
}

fn civil_end(text: &str) -> Result<DateTime, String> {
    let at = civil(text)?;
    // A day alone is meant to its end.
    if text.contains(['T', 't', ' ']) { Ok(at) } else { at.checked_add(1.day()).map_err(because) }
}

/// Seconds since 1970 UTC of a time on the clocks here.
fn unix(at: DateTime) -> Result<u64, String> {
    let zoned = at.to_zoned(TimeZone::system()).map_err(because)?;
    Ok(u64::try_from(zoned.timestamp().as_second()).unwrap_or(0))
}

fn local(seconds: u64, format: &str) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
    at.to_zoned(TimeZone::system()).strftime(format).to_string()
}

/// Lists or sums what was asked for; fails at the end when some records could not be read.
pub fn run(place: &Place, options: &Options) -> Ended {
    let folder = data::accounting(&place.existing()?);
    let since = options.since.map(unix).transpose()?.unwrap_or(0);
    let until = options.until.map(unix).transpose()?.unwrap_or(u64::MAX);
    let named = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let wanted = |record: &Record| {
        (since..until).contains(&record.to) && named(&options.user, &record.userid) && named(&options.account, record.charged_to())
    };
    let records = Records::in_folder(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut sums: BTreeMap<String, (u64, Used)> = BTreeMap::new();
    let mut bad = 0;
    if options.totals.is_none() && !options.json {
        let _ = writeln!(out, "{RECORD_HEADING}");
    }
    for record in records {
        let record = match record {
            Ok(record) if wanted(&record) => record,
            Ok(_) => continue,
            Err(unreadable) if unreadable.unfinished => continue,
            Err(unreadable) => {
                eprintln!("cp64: {unreadable}");
                bad += 1;
                continue;
            }
        };
        let written = match options.totals {
            Some(by) => {
                let sum = sums.entry(key(by, &record)).or_default();
                *sum = (sum.0 + 1, sum.1 + record.used);
                Ok(())
            }
            None if options.json => writeln!(out, "{}", json!(record)),
            None => writeln!(out, "{}", record_line(&record)),
        };
        // A reader who has gone away is not an error.
        if written.is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(by) = options.totals {
        let _ = write_sums(&mut out, by, &sums, options.json);
    }
    let _ = out.flush();
    if bad > 0 { Err(format!("{bad} accounting records could not be read")) } else { Ok(ExitCode::SUCCESS) }
}

fn key(by: By, record: &Record) -> String {
    match by {
        By::User => record.userid.clone(),
        By::Account => record.charged_to().to_string(),
        By::Day => local(record.to, "%Y-%m-%d"),
    }
}

const RECORD_HEADING: &str =
    "Date       Time     Userid   Account  Why       Connect    VIRTCPU     TOTCPU      I/O    Read   Punch   Print   Paged";

fn record_line(record: &Record) -> String {
    format!(
        "{} {:<8} {:<8} {:<8} {}",
        local(record.to, "%Y-%m-%d %H:%M:%S"),
        record.userid,
        record.charged_to(),
        record.why.word(),
        figures(&record.used)
    )
}

fn figures(used: &Used) -> String {
    format!(
        "{:>8} {:>10} {:>10} {:>8} {:>7} {:>7} {:>7} {:>7}",
        hours(used.connect_seconds),
        processor_time(used.virtual_us),
        processor_time(used.total_us),
        used.io,
        used.cards_read,
        used.cards_punched,
        used.lines_printed,
        used.page_reads.saturating_add(used.page_writes)
    )
}

fn write_sums(out: &mut impl Write, by: By, sums: &BTreeMap<String, (u64, Used)>, as_json: bool) -> std::io::Result<()> {
    let name = match by {
        By::User => "userid",
        By::Account => "account",
        By::Day => "day",
    };
    if as_json {
        for (key, (records, used)) in sums {
            let mut value = json!(used);
            value[name] = json!(key);
            value["records"] = json!(records);
            writeln!(out, "{value}")?;
        }
        return Ok(());
    }
    let heading = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    writeln!(out, "{heading:<10} Records  Connect    VIRTCPU     TOTCPU      I/O    Read   Punch   Print   Paged")?;
    let mut all = (0, Used::default());
    for (key, (records, used)) in sums {
        writeln!(out, "{key:<10} {records:>7} {}", figures(used))?;
        all = (all.0 + records, all.1 + *used);
    }
    writeln!(out, "{:<10} {:>7} {}", "Total", all.0, figures(&all.1))
}
