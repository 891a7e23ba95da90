//! DATE and TIME, and their conversions.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::error::{Error, Result};
use super::super::interpreter::Interpreter;
use super::super::value::Value;
use super::Arguments;

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// Days from 0001-01-01 to 1970-01-01.
const EPOCH: i64 = 719_162;
/// Formats of DATE: those of ANSI, and C and J as CMS has them.
const FORMATS: &str = "BCDEFJMNOSUW";

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Day {
    year: i64,
    month: i64,
    day: i64,
}

/// Days since 0001-01-01, by counting years that begin in March.
fn base(day: Day) -> i64 {
    let (year, month) = if day.month <= 2 { (day.year - 1, day.month + 9) } else { (day.year, day.month - 3) };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * month + 2) / 5 + day.day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 306
}

/// The day so many days after 0001-01-01.
fn day_of(base: i64) -> Day {
    let days = base + 306;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, over) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Day { year: year + era * 400 + over, month, day }
}

/// Microseconds of local time since 1970.
fn local(interpreter: &mut Interpreter) -> i64 {
    let clock = interpreter.clock();
    clock.unix_us + clock.zone_seconds * 1_000_000
}

/// The format of an input, argument 3, needs the input, argument 2.
fn input_for_its_format(arguments: &Arguments) -> Result<()> {
    match (arguments.get(1), arguments.get(2)) {
        (None, Some(_)) => Err(Error::new(40, 5, &[arguments.name().as_bytes(), b"2"])),
        _ => Ok(()),
    }
}

pub fn date(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let to = arguments.option(0, b'N', FORMATS)?;
    input_for_its_format(arguments)?;
    let today = local(interpreter).div_euclid(86_400_000_000) + EPOCH;
    let day = match arguments.get(1) {
        None => today,
        Some(text) => {
            let from = arguments.option(2, b'N', FORMATS)?;
            let separator = arguments.get(4);
            read_date(text, from, separator, day_of(today))
                .ok_or_else(|| Error::new(40, 19, &[arguments.name().as_bytes(), text, &[from]]))?
        }
    };
    let separator = arguments.get(3).map(|text| core::str::from_utf8(text).unwrap_or_default());
    let shown = day_of(day);
    if !(1..=9999).contains(&shown.year) {
        return Err(Error::new(40, 18, &[arguments.name().as_bytes()]));
    }
    Ok(Value::from_vec(show_date(day, to, separator).into_bytes()))
}

/// A date in one of the formats.
fn show_date(base_day: i64, format: u8, separator: Option<&str>) -> String {
    let Day { year, month, day } = day_of(base_day);
    let between = |standard: &'static str| String::from(separator.unwrap_or(standard));
    let short = year % 100;
    let of_year = base_day - base(Day { year, month: 1, day: 1 }) + 1;
    match format {
        b'B' => format!("{base_day}"),
        b'C' => format!("{}", base_day - base(Day { year: year / 100 * 100, month: 1, day: 1 }) + 1),
        b'D' => format!("{of_year}"),
        b'E' => format!("{day:02}{s}{month:02}{s}{short:02}", s = between("/")),
        b'F' => format!("{}", base_day * 86_400_000_000),
        b'J' => format!("{short:02}{of_year:03}"),
        b'M' => String::from(MONTHS[month as usize - 1]),
        b'O' => format!("{short:02}{s}{month:02}{s}{day:02}", s = between("/")),
        b'S' => format!("{year:04}{s}{month:02}{s}{day:02}", s = between("")),
        b'U' => format!("{month:02}{s}{day:02}{s}{short:02}", s = between("/")),
        b'W' => String::from(DAYS[base_day.rem_euclid(7) as usize]),
        _ => format!("{day}{s}{}{s}{year:04}", &MONTHS[month as usize - 1][..3], s = between(" ")),
    }
}

/// The day that a text in one of the formats is, as days since 0001-01-01.
fn read_date(text: &[u8], format: u8, separator: Option<&[u8]>, today: Day) -> Option<i64> {
    let text = core::str::from_utf8(text).ok()?;
    let separator = separator.map(|separator| core::str::from_utf8(separator).unwrap_or_default());
    let number = |text: &str| -> Option<i64> {
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    };
    // A year of two digits lies within fifty years of today.
    let century = |short: i64| {
        let year = today.year / 100 * 100 + short;
        match year {
            year if year > today.year + 50 => year - 100,
            year if year <= today.year - 50 => year + 100,
            year => year,
        }
    };
    let three = |standard: &str, widths: [usize; 3]| -> Option<[i64; 3]> {
        let separator = separator.unwrap_or(standard);
        let parts: Vec<&str> = match separator.is_empty() {
            false => text.split(separator).collect(),
            true => {
                let (one, two) = (widths[0], widths[0] + widths[1]);
                Vec::from([text.get(..one)?, text.get(one..two)?, text.get(two..)?])
            }
        };
        let [one, two, three] = parts[..] else { return None };
        let fits = [one, two, three].iter().zip(widths).all(|(part, width)| part.len() == width);
        fits.then_some([number(one)?, number(two)?, number(three)?])
    };
    let valid = |day: Day| (day.month >= 1 && day.month <= 12 && day.day >= 1 && day_of(base(day)) == day).then(|| base(day));
    match format {
        b'B' => number(text),
        b'F' => number(text).map(|us| us / 86_400_000_000),
        b'C' => number(text)
            .filter(|days| (1..=36_525).contains(days))
            .map(|days| base(Day { year: today.year / 100 * 100, month: 1, day: 1 }) + days - 1),
        b'D' => {
            number(text).filter(|days| (1..=366).contains(days)).map(|days| base(Day { year: today.year, month: 1, day: 1 }) + days - 1)
        }
        b'J' => {
            let (year, days) = text.split_at_checked(2).filter(|_| text.len() == 5)?;
            let first = base(Day { year: century(number(year)?), month: 1, day: 1 });
            let day = first + number(days)? - 1;
            // The year has that many days.
            (day >= first && day_of(day).year == day_of(first).year).then_some(day)
        }
        b'E' => three("/", [2, 2, 2]).and_then(|[day, month, year]| valid(Day { year: century(year), month, day })),
        b'O' => three("/", [2, 2, 2]).and_then(|[year, month, day]| valid(Day { year: century(year), month, day })),
        b'U' => three("/", [2, 2, 2]).and_then(|[month, day, year]| valid(Day { year: century(year), month, day })),
        b'S' => three("", [4, 2, 2]).and_then(|[year, month, day]| valid(Day { year, month, day })),
        b'N' => {
            let mut parts = text.split(separator.unwrap_or(" "));
            let (day, month, year) = (number(parts.next()?)?, parts.next()?, number(parts.next()?)?);
            let month = MONTHS.iter().position(|name| name[..3].eq_ignore_ascii_case(month))? as i64 + 1;
            valid(Day { year, month, day }).filter(|_| parts.next().is_none())
        }
        _ => None,
    }
}

/// Formats of TIME that can be converted.
const TIMES: &str = "CEHLMNORST";

pub fn time(interpreter: &mut Interpreter, arguments: &Arguments) -> Result<Value> {
    let to = arguments.option(0, b'N', TIMES)?;
    input_for_its_format(arguments)?;
    let now = local(interpreter);
    if let Some(text) = arguments.get(1) {
        let from = arguments.option(2, b'N', "CHLMNS")?;
        let us = read_time(text, from).ok_or_else(|| Error::new(40, 19, &[arguments.name().as_bytes(), text, &[from]]))?;
        return match to {
            b'E' | b'R' | b'O' | b'T' => Err(Error::new(40, 29, &[arguments.name().as_bytes(), &[to]])),
            to => Ok(Value::from_vec(show_time(us, to).into_bytes())),
        };
    }
    let clock = interpreter.clock();
    let text = match to {
        b'E' | b'R' => {
            let began = interpreter.settings.timer;
            if to == b'R' || began.is_none() {
                interpreter.settings.timer = Some(clock.unix_us);
            }
            match began.map(|began| (clock.unix_us - began).max(0)) {
                None | Some(0) => String::from("0"),
                Some(us) => format!("{}.{:06}", us / 1_000_000, us % 1_000_000),
            }
        }
        b'O' => format!("{}", clock.zone_seconds * 1_000_000),
        b'T' => format!("{}", clock.unix_us.div_euclid(1_000_000)),
        to => show_time(now.rem_euclid(86_400_000_000), to),
    };
    Ok(Value::from_vec(text.into_bytes()))
}

/// A time of the day in one of the formats.
fn show_time(us: i64, format: u8) -> String {
    let seconds = us / 1_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match format {
        b'C' => {
            let twelve = if hours % 12 == 0 { 12 } else { hours % 12 };
            format!("{twelve}:{minutes:02}{}", if hours < 12 { "am" } else { "pm" })
        }
        b'H' => format!("{hours}"),
        b'L' => format!("{hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, us % 1_000_000),
        b'M' => format!("{}", seconds / 60),
        b'S' => format!("{seconds}"),
        _ => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// The time of the day that a text in one of the formats is, in microseconds.
fn read_time(text: &[u8], format: u8) -> Option<i64> {
    let text = core::str::from_utf8(text).ok()?;
    let number = |text: &str, most: i64| -> Option<i64> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten().filter(|number| *number < most)
    };
    let seconds = match format {
        b'H' => number(text, 24)? * 3600,
        b'M' => number(text, 1440)? * 60,
        b'S' => number(text, 86_400)?,
        b'C' => {
            let (clock, half) = text.split_at_checked(text.len().checked_sub(2)?)?;
            let (hours, minutes) = clock.split_once(':')?;
            let hours = number(hours, 13)?;
            let afternoon = match () {
                () if half.eq_ignore_ascii_case("am") => 0,
                () if half.eq_ignore_ascii_case("pm") => 12,
                () => return None,
            };
            (hours % 12 + afternoon) * 3600 + number(minutes, 60)? * 60
        }
        _ => {
            let (clock, fraction) = match (format, text.split_once('.')) {
                (b'L', Some((clock, fraction))) => (clock, fraction),
                (b'N', None) => (text, "0"),
                _ => return None,
            };
            let mut parts = clock.split(':');
            let of_day = number(parts.next()?, 24)? * 3600 + number(parts.next()?, 60)? * 60 + number(parts.next()?, 60)?;
            let fraction = format!("{fraction:0<6}");
            return (parts.next().is_none()).then(|| Some(of_day * 1_000_000 + number(fraction.get(..6)?, 1_000_000)?))?;
        }
    };
    Some(seconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(base(Day { year: 1970, month: 1, day: 1 }), EPOCH);
        for day in (0..3_652_059).step_by(97) {
            assert_eq!(base(day_of(day)), day);
        }
        assert_eq!(show_date(EPOCH, b'W', None), "Thursday");
        assert_eq!(show_date(EPOCH, b'N', None), "1 Jan 1970");
    }
}
