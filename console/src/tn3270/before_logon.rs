//! Commands before LOGON. Pure.

use crate::wire::{Logon, Terminal};

/// A LOGON of that user, from a terminal of that size.
pub(super) fn request(userid: &str, password: Option<String>, terminal: Terminal) -> Logon {
    let userid = userid.to_uppercase();
    Logon { userid, by: None, password, here: false, attach: false, observe: false, no_ipl: false, terminal }
}

/// What somebody asks for.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Logon(Logon),
    /// A line of that user's machine, of that number.
    Dial(String, Option<u16>),
}

/// `DIAL userid [vdev]`, behind its first word.
fn dial<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Asked, String> {
    let userid = words.next().ok_or("HCPDIA020E Userid missing or invalid")?.to_uppercase();
    let invalid =
        |word: &str| format!("HCPDIA022E Virtual device number missing or invalid - {}", word.chars().take(12).collect::<String>());
    let vdev = words.next().map(|word| u16::from_str_radix(word, 16).map_err(|_| invalid(word))).transpose()?;
    match words.next() {
        Some(word) => Err(format!("HCPDIA003E Invalid option - {}", word.chars().take(12).collect::<String>())),
        None => Ok(Asked::Dial(userid, vdev)),
    }
}

/// What a line asks for: `Logon userid [password] [BY userid] [HERE] [NOIPL]`, or `Dial userid [vdev]`.
///
/// # Errors
/// What CP says to anything else.
pub(super) fn parse(line: &str, terminal: Terminal) -> Result<Asked, String> {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or_default().to_uppercase();
    if command.starts_with('D') && "DIAL".starts_with(&command) {
        return dial(words);
    }
    if !command.starts_with('L') || !("LOGON".starts_with(&command) || "LOGIN".starts_with(&command)) {
        return Err("HCPCFC015E Command not valid before LOGON: ".to_string() + &command.chars().take(12).collect::<String>());
    }
    let userid = words.next().ok_or("HCPCFC026E Operand missing or invalid")?;
    let mut request = request(userid, None, terminal);
    while let Some(word) = words.next() {
        match word.to_uppercase().as_str() {
            "BY" => request.by = Some(words.next().ok_or("HCPCFC026E Operand missing or invalid")?.to_uppercase()),
            "HERE" => request.here = true,
            "NOIPL" => request.no_ipl = true,
            _ if request.password.is_none() && request.by.is_none() => request.password = Some(word.to_string()),
            _ => return Err(format!("HCPLGA003E Invalid option - {word}")),
        }
    }
    Ok(Asked::Logon(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Terminal = Terminal { columns: 80, rows: 24, script: false, draws: false };

    #[test]
    fn logon_takes_its_operands_in_any_order_behind_the_userid() {
        let logon = |line| match parse(line, TERMINAL) {
            Ok(Asked::Logon(logon)) => logon,
            other => panic!("{other:?}"),
        };
        let asked = logon("l alan secret here");
        assert_eq!((asked.userid.as_str(), asked.password.as_deref(), asked.here), ("ALAN", Some("secret"), true));
        let asked = logon("LOGON alan NOIPL by maint");
        assert_eq!((asked.by.as_deref(), asked.no_ipl, asked.password), (Some("MAINT"), true, None));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(matches!(parse("dial vtam", TERMINAL), Ok(Asked::Dial(userid, None)) if userid == "VTAM"));
        assert!(matches!(parse("D linux 2f8", TERMINAL), Ok(Asked::Dial(userid, Some(0x2f8))) if userid == "LINUX"));
        assert_eq!(parse("DIAL LINUX x", TERMINAL).unwrap_err(), "HCPDIA022E Virtual device number missing or invalid - x");
        assert!(parse("DIAL LINUX 2f8 more", TERMINAL).unwrap_err().starts_with("HCPDIA003E"));
        assert!(parse("D", TERMINAL).unwrap_err().starts_with("HCPDIA020E"));
        assert!(parse("SHUTDOWN", TERMINAL).unwrap_err().starts_with("HCPCFC015E"));
        assert!(parse("", TERMINAL).unwrap_err().starts_with("HCPCFC015E"));
        assert!(parse("LOGON", TERMINAL).unwrap_err().starts_with("HCPCFC026E"));
        assert!(parse("LOGON A BY", TERMINAL).unwrap_err().starts_with("HCPCFC026E"));
        assert_eq!(parse("LOGON A B C", TERMINAL).unwrap_err(), "HCPLGA003E Invalid option - C");
    }
}
