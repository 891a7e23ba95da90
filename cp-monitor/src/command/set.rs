//! SET and TERMINAL: how CP treats a user and the terminal.

use std::time::Duration;

use console::BreakIn;
use console::line_mode::More;
use console::presentation::inbound::Aid;
use serde_json::json;

use super::answer::{Answer, Message, Outcome, error, invalid_operand, operand_missing};
use super::operands::is;
use super::{Invocation, eyes, pf_keys, scheduling};
use crate::users::{Emsg, Settings};

/// SET {MSG|WNG|IMSG|SMSG|EMSG|RUN|LOGMSG|PFnn|SHARE|QUICKDSP|SRM|SECUSER|OBSERVER|CONRECORD|IDLETIME|VTOD} value
pub(super) fn set(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    if is(word, "LOGmsg") {
        return set_log_message(invocation);
    }
    if is(word, "RESERVed") {
        return super::paging::set_reserved(invocation);
    }
    if is(word, "GDB") {
        return super::gdb::set(invocation);
    }
    if is(word, "VTOD") {
        return super::pc::set_vtod(invocation);
    }
    if let Some(set) = eyes::setting(word) {
        return set(invocation);
    }
    if let Some(number) = pf_keys::number(word) {
        return pf_keys::set(invocation, number?);
    }
    // Class A decides who gets what of the processors.
    let scheduling: Option<fn(&mut Invocation<'_>) -> Outcome> = match word {
        _ if !invocation.has_class("A") => None,
        word if is(word, "SHARE") => Some(scheduling::set_share),
        word if is(word, "QUIckdsp") => Some(scheduling::set_quickdsp),
        word if is(word, "SRM") => Some(scheduling::set_srm),
        _ => None,
    };
    if let Some(set) = scheduling {
        return set(invocation);
    }
    if is(word, "EMSG") {
        let emsg = emsg(invocation.operands.word()?)?;
        invocation.operands.end()?;
        invocation.user()?.session.lock().settings.emsg = emsg;
        return Ok(Answer::silent());
    }
    let field: fn(&mut Settings) -> &mut bool = if is(word, "MSG") || is(word, "MESSAGE") {
        |settings| &mut settings.msg
    } else if is(word, "WNG") || is(word, "WARNING") {
        |settings| &mut settings.wng
    } else if is(word, "IMSG") {
        |settings| &mut settings.imsg
    } else if is(word, "SMSG") {
        |settings| &mut settings.smsg
    } else if is(word, "RUN") {
        |settings| &mut settings.run
    } else {
        return Err(invalid_operand(word));
    };
    let on = invocation.operands.on_off()?;
    invocation.operands.end()?;
    *field(&mut invocation.user()?.session.lock().settings) = on;
    Ok(Answer::silent())
}

fn emsg(word: &str) -> Result<Emsg, Message> {
    [("ON", Emsg::On), ("OFF", Emsg::Off), ("TEXT", Emsg::Text), ("CODE", Emsg::Code)]
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, emsg)| emsg)
        .ok_or_else(|| invalid_operand(word))
}

/// SET LOGMSG {ON text|OFF|NULL}: what users see at logon; class B.
fn set_log_message(invocation: &mut Invocation<'_>) -> Outcome {
    if !invocation.has_class("B") {
        return Err(invalid_operand("LOGMSG"));
    }
    let mut lines = invocation.cp.logmsg.lock();
    if invocation.operands.take("OFF") || invocation.operands.take("NULL") {
        lines.clear();
        return Ok(Answer::silent());
    }
    if !invocation.operands.take("ON") || invocation.operands.is_empty() {
        return Err(operand_missing());
    }
    lines.push(format!("* {}", invocation.operands.rest()));
    Ok(Answer::silent())
}

/// TERMINAL {LINEND|ESCAPE|CHARDEL|LINEDEL {ON|OFF|char} | MORE n m | LINESIZE n | BRKKEY key | BREAKIN when | CONMODE {3215|3270}}...
pub(super) fn terminal(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.operands.is_empty() {
        return Err(operand_missing());
    }
    let user = invocation.user()?.clone();
    let mut settings = user.session.lock().settings.clone();
    let mut preferences = user.console.preferences();
    while let Some(word) = invocation.operands.next_word() {
        if is(word, "MORE") {
            preferences.more = More { alarm: seconds(invocation)?, clear: seconds(invocation)? };
        } else if is(word, "LINESize") {
            settings.columns = line_size(invocation.operands.word()?)?;
            preferences.line_size = settings.columns;
        } else if is(word, "BRKkey") {
            preferences.break_key = break_key(invocation.operands.word()?)?;
        } else if is(word, "BREAKIn") {
            preferences.break_in = break_in(invocation.operands.word()?)?;
        } else if is(word, "CONMODE") {
            settings.full_screen = console_mode(invocation.operands.word()?)?;
        } else {
            edit_character(&mut settings, word, invocation.operands.word()?)?;
        }
    }
    let before = std::mem::replace(&mut user.session.lock().settings, settings.clone());
    if before.full_screen != settings.full_screen {
        user.show_pc_screen(settings.full_screen);
    }
    let more = preferences.more;
    user.console.prefer(|kept| {
        (kept.more, kept.break_in, kept.break_key) = (more, preferences.break_in, preferences.break_key);
        kept.line_size = preferences.line_size;
    });
    Ok(Answer { data: json!({ "more": [more.alarm.as_secs(), more.clear.as_secs()] }), lines: Vec::new() })
}

fn seconds(invocation: &mut Invocation<'_>) -> Result<Duration, Message> {
    let word = invocation.operands.word()?;
    word.parse().ok().filter(|&seconds| seconds <= 255).map(Duration::from_secs).ok_or_else(|| invalid_operand(word))
}

fn line_size(word: &str) -> Result<u16, Message> {
    if word.eq_ignore_ascii_case("OFF") {
        return Ok(0);
    }
    word.parse().ok().filter(|size| (1..=255).contains(size)).ok_or_else(|| invalid_operand(word))
}

/// PA1, PA2, PA3, CLEAR or a PF key; NONE is no key.
fn break_key(word: &str) -> Result<Option<Aid>, Message> {
    let upper = word.to_uppercase();
    if let Some(number) = pf_keys::number(word) {
        return Ok(Some(Aid::Pf(number?)));
    }
    match upper.as_str() {
        "NONE" => Ok(None),
        "CLEAR" => Ok(Some(Aid::Clear)),
        "PA1" => Ok(Some(Aid::Pa(1))),
        "PA2" => Ok(Some(Aid::Pa(2))),
        "PA3" => Ok(Some(Aid::Pa(3))),
        _ => Err(invalid_operand(word)),
    }
}

/// Whether the console is a display.
fn console_mode(word: &str) -> Result<bool, Message> {
    match word {
        "3270" => Ok(true),
        "3215" => Ok(false),
        _ => Err(invalid_operand(word)),
    }
}

fn break_in(word: &str) -> Result<BreakIn, Message> {
    if is(word, "IMmed") {
        Ok(BreakIn::Immediate)
    } else if is(word, "GUESTctl") {
        Ok(BreakIn::GuestControl)
    } else {
        Err(invalid_operand(word))
    }
}

fn edit_character(settings: &mut Settings, what: &str, value: &str) -> Result<(), Message> {
    let edit = &mut settings.edit;
    let (place, default) = if is(what, "LINENd") {
        (&mut edit.linend, '#')
    } else if is(what, "ESCape") {
        (&mut edit.escape, '"')
    } else if is(what, "CHardel") {
        (&mut edit.chardel, '@')
    } else if is(what, "LINEDel") {
        (&mut edit.linedel, '[')
    } else {
        return Err(invalid_operand(what));
    };
    let mut characters = value.chars();
    *place = match (value.to_ascii_uppercase().as_str(), characters.next(), characters.next()) {
        ("ON", _, _) => Some(default),
        ("OFF", _, _) => None,
        (_, Some(character), None) if !character.is_alphanumeric() => Some(character),
        _ => return Err(error("TRM", 29, format!("Invalid character - {value}"))),
    };
    Ok(())
}
