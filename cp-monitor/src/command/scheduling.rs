//! SET and QUERY of what the dispatcher goes by: SHARE, QUICKDSP, SRM.

use serde_json::{Value, json};

use super::answer::{Answer, Message, Outcome, invalid_operand, not_logged_on, operand_missing};
use super::operands::is;
use super::{Invocation, Operands};
use crate::directory::{Share, ShareAmount, ShareLimit, UserId, percent};
use crate::dispatcher::policy::Srm;

/// Longest DSPSLICE, in milliseconds.
const LONGEST_SLICE: u64 = 100;
/// Most slices of interactive bias.
const MOST_BIAS: u32 = 100;
/// Largest percentage of a storage or loading buffer, and most members.
const BUFFER_MOST: u32 = 32767;

/// SET SHARE userid {INITial | {ABSolute n%|RELative n} [max] [NOLimit|LIMITSoft|LIMITHard]}
pub(super) fn set_share(invocation: &mut Invocation<'_>) -> Outcome {
    let id = invocation.user_operand()?;
    let change = share_operands(&mut invocation.operands)?;
    let user = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    // The directory as it is on line now, not as it was at logon.
    let share = change.unwrap_or_else(|| invocation.cp.directory().user(&id).map_or_else(Share::default, |entry| entry.share));
    user.entitle(|entitlement| entitlement.share = share);
    Ok(share_answer(&id, &share))
}

/// What follows the userid; none for INITIAL.
fn share_operands(operands: &mut Operands<'_>) -> Result<Option<Share>, Message> {
    if operands.take("INITial") {
        operands.end()?;
        return Ok(None);
    }
    let Some(normal) = amount(operands)? else { return Err(operands.next_word().map_or_else(operand_missing, invalid_operand)) };
    let maximum = match amount(operands)? {
        // A number alone is of the same kind.
        None if operands.peek().is_some_and(|word| word.starts_with(|first: char| first.is_ascii_digit())) => {
            Some(value(operands, matches!(normal, ShareAmount::Absolute { .. }))?)
        }
        named => named,
    };
    let limit = if operands.take("LIMITSoft") {
        ShareLimit::LimitSoft
    } else if operands.take("LIMITHard") {
        ShareLimit::LimitHard
    } else if maximum.is_none() {
        operands.take("NOLimit");
        ShareLimit::NoLimit
    } else {
        ShareLimit::LimitSoft
    };
    operands.end()?;
    Ok(Some(Share { normal, maximum: maximum.unwrap_or(normal), limit }))
}

fn amount(operands: &mut Operands<'_>) -> Result<Option<ShareAmount>, Message> {
    if operands.take("RELative") {
        return value(operands, false).map(Some);
    }
    if operands.take("ABSolute") {
        return value(operands, true).map(Some);
    }
    Ok(None)
}

fn value(operands: &mut Operands<'_>, absolute: bool) -> Result<ShareAmount, Message> {
    let word = operands.word()?;
    let weight = |word: &str| {
        let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        word.parse().ok().filter(|weight| digits && (1..=10_000).contains(weight)).map(ShareAmount::Relative)
    };
    let value = if absolute { percent(word) } else { weight(word) };
    value.ok_or_else(|| invalid_operand(word))
}

/// QUERY SHARE [userid]
pub(super) fn query_share(invocation: &mut Invocation<'_>) -> Outcome {
    let id = whose(invocation)?;
    let user = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    Ok(share_answer(&id, &user.entitlement().share))
}

/// A user named, or the issuer; class G sees itself alone.
fn whose(invocation: &mut Invocation<'_>) -> Result<UserId, Message> {
    let own = invocation.user().map(|user| user.id);
    let id = if invocation.operands.is_empty() { own.clone()? } else { invocation.user_operand()? };
    invocation.operands.end()?;
    if !own.is_ok_and(|own| own == id) && !invocation.has_class("AE") {
        return Err(invalid_operand(id.as_str()));
    }
    Ok(id)
}

fn share_answer(id: &UserId, share: &Share) -> Answer {
    let amount = |amount| match amount {
        ShareAmount::Relative(weight) => format!("RELATIVE SHARE = {weight:>5}"),
        ShareAmount::Absolute { tenths } => format!("ABSOLUTE SHARE = {:>5}", tenths_text(tenths)),
    };
    let maximum = match share.limit {
        ShareLimit::NoLimit => "MAXIMUM SHARE = NOLIMIT".to_string(),
        ShareLimit::LimitSoft => format!("MAXIMUM SHARE = LIMITSOFT {}", amount(share.maximum)),
        ShareLimit::LimitHard => format!("MAXIMUM SHARE = LIMITHARD {}", amount(share.maximum)),
    };
    let lines = vec![format!("USER {id:<8}: {}", amount(share.normal)), format!("               {maximum}")];
    Answer::of(json!({ "userid": id, "share": share }), lines)
}

/// A share in few letters, for the operator screen: `R100`, `A5%`.
pub fn share_text(share: &Share) -> String {
    match share.normal {
        ShareAmount::Relative(weight) => format!("R{weight}"),
        ShareAmount::Absolute { tenths } => format!("A{}", tenths_text(tenths)),
    }
}

fn tenths_text(tenths: u16) -> String {
    if tenths.is_multiple_of(10) { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

/// SET QUICKDSP userid {ON|OFF}
pub(super) fn set_quickdsp(invocation: &mut Invocation<'_>) -> Outcome {
    let id = invocation.user_operand()?;
    let on = invocation.operands.on_off()?;
    invocation.operands.end()?;
    let user = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    user.entitle(|entitlement| entitlement.quickdsp = on);
    Ok(quickdsp_answer(&id, on))
}

/// QUERY QUICKDSP [userid]
pub(super) fn query_quickdsp(invocation: &mut Invocation<'_>) -> Outcome {
    let id = whose(invocation)?;
    let user = invocation.cp.users.get(&id).ok_or_else(|| not_logged_on(id))?;
    Ok(quickdsp_answer(&id, user.entitlement().quickdsp))
}

fn quickdsp_answer(id: &UserId, on: bool) -> Answer {
    let shown = if on { "ON" } else { "OFF" };
    Answer::line(json!({ "userid": id, "quickdsp": on }), format!("USER {id:<8}: QUICKDSP = {shown}"))
}

/// One setting of SET SRM: its name, how it reads its operands and how it is shown.
struct Setting {
    pattern: &'static str,
    read: fn(&mut Srm, &mut Operands<'_>) -> Result<(), Message>,
    initial: fn(&mut Srm, &Srm),
    show: fn(&Srm) -> (Value, String),
}

const SETTINGS: &[Setting] = &[
    Setting {
        pattern: "IABias",
        read: |srm, operands| {
            srm.bias_intensity = number(operands, 0, 100, true)?;
            srm.bias_slices = number(operands, 0, MOST_BIAS, false)?;
            Ok(())
        },
        initial: |srm, initial| (srm.bias_intensity, srm.bias_slices) = (initial.bias_intensity, initial.bias_slices),
        show: |srm| {
            let data = json!({ "intensity_percent": srm.bias_intensity, "duration_slices": srm.bias_slices });
            (data, format!("IABIAS : INTENSITY={}%; DURATION={}", srm.bias_intensity, srm.bias_slices))
        },
    },
    Setting {
        pattern: "LDUbuf",
        read: |srm, operands| buffer(&mut srm.loading, operands, true),
        initial: |srm, initial| srm.loading = initial.loading,
        show: |srm| (json!(srm.loading), buffer_line("LDUBUF ", srm.loading, "%")),
    },
    Setting {
        pattern: "STORBuf",
        read: |srm, operands| buffer(&mut srm.storage, operands, true),
        initial: |srm, initial| srm.storage = initial.storage,
        show: |srm| (json!(srm.storage), buffer_line("STORBUF", srm.storage, "%")),
    },
    Setting {
        pattern: "DSPBuf",
        read: |srm, operands| buffer(&mut srm.members, operands, false),
        initial: |srm, initial| srm.members = initial.members,
        show: |srm| (json!(srm.members), buffer_line("DSPBUF ", srm.members, "")),
    },
    Setting {
        pattern: "DSPSlice",
        read: |srm, operands| {
            srm.slice = std::time::Duration::from_millis(number(operands, 1, LONGEST_SLICE as u32, false)?.into());
            Ok(())
        },
        initial: |srm, initial| srm.slice = initial.slice,
        show: |srm| {
            let milliseconds = srm.slice.as_millis() as u64;
            (json!(milliseconds), format!("DISPATCHING MINOR TIMESLICE = {milliseconds} MS"))
        },
    },
];

/// A number, with a percent sign if it is a percentage.
fn number(operands: &mut Operands<'_>, least: u32, most: u32, percentage: bool) -> Result<u32, Message> {
    let word = operands.word()?;
    let digits = if percentage { word.strip_suffix('%').unwrap_or(word) } else { word };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && (least..=most).contains(number)).ok_or_else(|| invalid_operand(word))
}

/// Three numbers for the classes 1 and up, 2 and up, 3: each at most as large as the one before.
fn buffer(buffer: &mut [u32; 3], operands: &mut Operands<'_>, percentage: bool) -> Result<(), Message> {
    let mut most = BUFFER_MOST;
    for place in buffer.iter_mut() {
        *place = number(operands, 0, most, percentage)?;
        most = *place;
    }
    Ok(())
}

fn buffer_line(name: &str, [first, second, third]: [u32; 3], unit: &str) -> String {
    format!("{name}: Q1={first}{unit} Q2={second}{unit} Q3={third}{unit}")
}

/// SET SRM {IABIAS i% n | LDUBUF p p p | STORBUF p p p | DSPBUF n n n | DSPSLICE ms} or INITIAL behind the name
pub(super) fn set_srm(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    let setting = SETTINGS.iter().find(|setting| is(word, setting.pattern)).ok_or_else(|| invalid_operand(word))?;
    let mut srm = invocation.cp.dispatcher.with_policy(|policy, _| *policy.srm());
    if invocation.operands.take("INITial") {
        (setting.initial)(&mut srm, &Srm::default());
    } else {
        (setting.read)(&mut srm, &mut invocation.operands)?;
    }
    invocation.operands.end()?;
    invocation.cp.dispatcher.with_policy(|policy, _| policy.set_srm(srm));
    let (data, line) = (setting.show)(&srm);
    Ok(Answer::line(data, line))
}

/// QUERY SRM [setting]
pub(super) fn query_srm(invocation: &mut Invocation<'_>) -> Outcome {
    let chosen = invocation.operands.next_word();
    invocation.operands.end()?;
    let srm = invocation.cp.dispatcher.with_policy(|policy, _| *policy.srm());
    if let Some(word) = chosen {
        let setting = SETTINGS.iter().find(|setting| is(word, setting.pattern)).ok_or_else(|| invalid_operand(word))?;
        let (data, line) = (setting.show)(&srm);
        return Ok(Answer::line(data, line));
    }
    let shown: Vec<_> = SETTINGS.iter().map(|setting| (setting.pattern.to_lowercase(), (setting.show)(&srm))).collect();
    let data: serde_json::Map<_, _> = shown.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect();
    Ok(Answer::of(data, shown.into_iter().map(|(_, (_, line))| line).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Result<Option<Share>, u32> {
        share_operands(&mut Operands::new(text)).map_err(|message| message.number)
    }

    fn lines(text: &str) -> String {
        let share = share(text).expect("it is right").expect("it is not INITIAL");
        share_answer(&"LINUX1".parse().unwrap(), &share).lines.join("\n")
    }

    #[test]
    fn shares_are_read_and_shown_as_vm_does() {
        assert_eq!(lines("rel 100"), "USER LINUX1  : RELATIVE SHARE =   100\n               MAXIMUM SHARE = NOLIMIT");
        assert_eq!(
            lines("ABSOLUTE 12.5% RELATIVE 300 LIMITHARD"),
            "USER LINUX1  : ABSOLUTE SHARE = 12.5%\n               MAXIMUM SHARE = LIMITHARD RELATIVE SHARE =   300"
        );
        // A maximum alone is of the same kind, and soft.
        assert!(lines("REL 100 200").ends_with("LIMITSOFT RELATIVE SHARE =   200"));
        assert!(lines("ABS 10 20% LIMITH").ends_with("LIMITHARD ABSOLUTE SHARE =   20%"));
        assert!(lines("ABS 10% LIMITHARD").ends_with("LIMITHARD ABSOLUTE SHARE =   10%"));
        assert_eq!(share("initial"), Ok(None));
    }

    #[test]
    fn wrong_shares_are_invalid_operands() {
        for wrong in [
            "RELATIVE 0",
            "RELATIVE 10001",
            "RELATIVE -1",
            "RELATIVE +5",
            "RELATIVE 5%",
            "ABSOLUTE 0",
            "ABSOLUTE 0%",
            "ABSOLUTE 101%",
            "ABSOLUTE 100.1%",
            "ABSOLUTE 1.25%",
            "100",
            "RELATIVE 100 NONSENSE",
            "RELATIVE 100 200 NOLIMIT",
            "RELATIVE 100 ABSOLUTE 0% LIMITHARD",
            "INITIAL 5",
            "ÄBSOLUTE 5%",
        ] {
            assert_eq!(share(wrong), Err(2), "{wrong}");
        }
        for missing in ["", "RELATIVE", "ABSOLUTE", "RELATIVE 100 RELATIVE"] {
            assert_eq!(share(missing), Err(26), "{missing}");
        }
    }

    #[test]
    fn buffers_do_not_grow_with_the_class() {
        let mut three = [0; 3];
        assert!(buffer(&mut three, &mut Operands::new("300% 250 200%"), true).is_ok());
        assert_eq!(buffer_line("STORBUF", three, "%"), "STORBUF: Q1=300% Q2=250% Q3=200%");
        assert_eq!(buffer(&mut three, &mut Operands::new("100 200 50"), true).map_err(|message| message.number), Err(2));
        assert_eq!(buffer(&mut three, &mut Operands::new("100 50"), true).map_err(|message| message.number), Err(26));
    }
}
