//! The external functions of CMS: DIAG, DIAGRC, STORAGE, CMSFLAG.

use alloc::format;
use alloc::vec::Vec;

use crate::cp::Cp;
use crate::rexx::{Error, Value};
use crate::session::Shell;

/// What separates the lines of CP's response in the value of DIAG(8): programs look for it.
const NEW_LINE: u8 = 0x15;

/// The value of a function of CMS; none when there is no such function.
pub(super) fn call<C: Cp>(shell: &mut Shell<C>, name: &[u8], arguments: &[Option<Value>]) -> Option<Result<Value, Error>> {
    let texts: Vec<Option<Vec<u8>>> = arguments.iter().map(|argument| argument.as_ref().map(Value::to_vec)).collect();
    Some(match name {
        b"DIAG" => diagnose(shell, "DIAG", &texts).map(|(_, data)| Value::from_vec(data)),
        b"DIAGRC" => diagnose(shell, "DIAGRC", &texts).map(|(code, data)| {
            let condition = u8::from(code != 0);
            let mut answer = format!("{code:<9} {condition}     ").into_bytes();
            answer.extend_from_slice(&data);
            Value::from_vec(answer)
        }),
        b"STORAGE" => storage(shell, &texts),
        b"CMSFLAG" => flag(shell, &texts),
        _ => return None,
    })
}

/// An argument of a call, when it is given.
fn text(arguments: &[Option<Vec<u8>>], at: usize) -> Option<&[u8]> {
    arguments.get(at)?.as_deref()
}

/// A hexadecimal number.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

/// An incorrect call: an argument that is not what it should be.
fn incorrect(function: &str, at: usize, value: &[u8]) -> Error {
    Error::new(40, 12, &[function.as_bytes(), format!("{}", at + 1).as_bytes(), value])
}

/// DIAGNOSE by its code in hexadecimal: the return code and the data.
fn diagnose<C: Cp>(shell: &mut Shell<C>, function: &str, arguments: &[Option<Vec<u8>>]) -> Result<(u32, Vec<u8>), Error> {
    let Some(code) = text(arguments, 0) else {
        return Err(Error::new(40, 3, &[function.as_bytes(), b"1"]));
    };
    match hexadecimal(code) {
        Some(0x00) => {
            let identification = shell.cp.identification();
            let mut data = identification.system_name.to_vec();
            data.extend_from_slice(&identification.userid);
            Ok((0, data))
        }
        Some(0x08) => {
            let command = text(arguments, 1).unwrap_or_default();
            let response = shell.cp.command(command);
            let lines = response.text.iter().map(|byte| if *byte == b'\n' { NEW_LINE } else { *byte });
            Ok((response.code, lines.collect()))
        }
        Some(0x0c) => {
            // Date and time in characters, and the two counters of processor time.
            let timer = shell.cp.timer();
            let mut data = timer.date.to_vec();
            data.extend_from_slice(&timer.time);
            data.extend_from_slice(&timer.virtual_us.to_be_bytes());
            data.extend_from_slice(&timer.total_us.to_be_bytes());
            Ok((0, data))
        }
        Some(0x60) => Ok((0, shell.cp.storage_size().to_be_bytes().to_vec())),
        _ => Err(incorrect(function, 0, code)),
    }
}

/// STORAGE(): the size of storage in hexadecimal. STORAGE(address,length): what is there. STORAGE(address,length,data): the same, and the data are
/// put there, which may be CMS itself: then it ends as any program that does so.
fn storage<C: Cp>(shell: &mut Shell<C>, arguments: &[Option<Vec<u8>>]) -> Result<Value, Error> {
    let Some(address) = text(arguments, 0) else {
        return Ok(Value::string(format!("{:X}", shell.cp.storage_size()).as_bytes()));
    };
    let from = hexadecimal(address).ok_or_else(|| incorrect("STORAGE", 0, address))?;
    let length = match text(arguments, 1) {
        None => 1,
        Some(length) => {
            let number = core::str::from_utf8(length).ok().and_then(|text| text.trim().parse::<u32>().ok());
            number.ok_or_else(|| incorrect("STORAGE", 1, length))?
        }
    };
    let bytes = shell.cp.storage(from, length as usize).ok_or_else(|| incorrect("STORAGE", 0, address))?;
    if let Some(data) = text(arguments, 2)
        && !shell.cp.store(from, data)
    {
        return Err(incorrect("STORAGE", 0, address));
    }
    Ok(Value::from_vec(bytes))
}

/// CMSFLAG(name): 1 when the setting is on.
fn flag<C: Cp>(shell: &mut Shell<C>, arguments: &[Option<Vec<u8>>]) -> Result<Value, Error> {
    let name = text(arguments, 0).unwrap_or_default().to_ascii_uppercase();
    let settings = &shell.session.settings;
    let on = match name.as_slice() {
        b"ABBREV" => settings.abbreviations,
        b"IMPCP" => settings.implied_cp,
        b"IMPEX" => settings.implied_exec,
        b"CMSTYPE" => true,
        b"EXECTRAC" => settings.exec_trace,
        b"AUTOREAD" | b"DOS" | b"PROTECT" | b"RELPAGE" | b"SUBSET" => false,
        _ => return Err(incorrect("CMSFLAG", 0, &name)),
    };
    Ok(Value::string(if on { b"1" } else { b"0" }))
}
