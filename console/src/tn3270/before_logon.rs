//! Commands before LOGON. Pure.

use crate::wire::{Logon, Terminal};

/// A LOGON of that user, from a terminal of that size.
pub(super) fn request(userid: &str, password: Option<String>, terminal: Terminal) -> Logon {
    let userid = userid.to_uppercase();
    Logon { userid, by: None, password, here: false, attach: false, observe: false, no_ipl: false, terminal }
}

/// What a line asks for: `Logon userid [password] [BY userid] [HERE] [NOIPL]`.
///
/// # Errors
/// What CP says to anything else.
pub(super) fn parse(line: &str, terminal: Terminal) -> Result<Logon, String> {
    let mut words = line.split_whitespace();
    let command = words.next().unwrap_or_default().to_uppercase();
    if command.starts_with('D') && "DIAL".starts_with(&command) {
        // No machine of this release offers lines to be dialled.
        return match words.next() {
            None => Err("HCPDIA020E Userid missing or invalid".to_string()),
            Some(userid) => {
                Err(format!("HCPDIA055E Line(s) not available on {}", userid.chars().take(8).collect::<String>().to_uppercase()))
            }
        };
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
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Terminal = Terminal { columns: 80, rows: 24, script: false, draws: false };

    #[test]
    fn logon_takes_its_operands_in_any_order_behind_the_userid() {
        let asked = parse("l alan secret here", TERMINAL).unwrap();
        assert_eq!((asked.userid.as_str(), asked.password.as_deref(), asked.here), ("ALAN", Some("secret"), true));
        let asked = parse("LOGON alan NOIPL by maint", TERMINAL).unwrap();
        assert_eq!((asked.by.as_deref(), asked.no_ipl, asked.password), (Some("MAINT"), true, None));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(parse("dial vtam", TERMINAL).unwrap_err(), "HCPDIA055E Line(s) not available on VTAM");
        assert!(parse("D", TERMINAL).unwrap_err().starts_with("HCPDIA020E"));
        assert!(parse("SHUTDOWN", TERMINAL).unwrap_err().starts_with("HCPCFC015E"));
        assert!(parse("", TERMINAL).unwrap_err().starts_with("HCPCFC015E"));
        assert!(parse("LOGON", TERMINAL).unwrap_err().starts_with("HCPCFC026E"));
        assert!(parse("LOGON A BY", TERMINAL).unwrap_err().starts_with("HCPCFC026E"));
        assert_eq!(parse("LOGON A B C", TERMINAL).unwrap_err(), "HCPLGA003E Invalid option - C");
    }
}
