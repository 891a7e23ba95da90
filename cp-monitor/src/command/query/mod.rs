//! QUERY: one table of what can be asked, one file for each family of answers.

mod devices;
mod files;
mod minidisks;
mod settings;
mod users;

use super::answer::{Outcome, operand_missing};
use super::operands::is;
use super::{Classes, Invocation, eyes, paging, scheduling};
use crate::directory::UserId;

pub use devices::device_lines;
pub(super) use files::file_data;
pub use files::spool_files_line;

/// One thing that QUERY answers.
struct Question {
    pattern: &'static str,
    classes: Classes,
    answer: fn(&mut Invocation<'_>) -> Outcome,
}

const fn question(pattern: &'static str, classes: Classes, answer: fn(&mut Invocation<'_>) -> Outcome) -> Question {
    Question { pattern, classes, answer }
}

/// What can be asked; the first that matches wins. A word that is none of these is a device number or a userid.
const QUESTIONS: &[Question] = &[
    question("Names", Classes::Any, users::names),
    question("Users", Classes::Any, users::count),
    question("Time", Classes::Any, users::time),
    question("CPlevel", Classes::Any, users::level),
    question("USERID", Classes::Any, users::userid),
    question("Files", Classes::Of("DG"), files::files),
    question("Reader", Classes::Of("DG"), files::reader),
    question("RDR", Classes::Of("DG"), files::reader),
    question("PRinter", Classes::Of("DG"), files::printer),
    question("PRT", Classes::Of("DG"), files::printer),
    question("PUnch", Classes::Of("DG"), files::punch),
    question("PCH", Classes::Of("DG"), files::punch),
    question("TAG", Classes::Of("G"), files::tag),
    question("Virtual", Classes::Of("G"), devices::virtual_devices),
    question("DAsd", Classes::Of("BG"), devices::dasd),
    question("MDC", Classes::Of("BG"), minidisks::cache),
    question("MDISK", Classes::Of("BG"), minidisks::mdisk),
    question("SNAPshots", Classes::Of("BG"), minidisks::snapshots_of),
    question("LINKs", Classes::Of("G"), devices::links),
    question("UR", Classes::Of("BD"), super::unit_record::query),
    question("UR", Classes::Of("G"), devices::unit_record),
    question("HOLD", Classes::Of("D"), super::unit_record::query_hold),
    question("MAXSPOOL", Classes::Of("DG"), files::max_spool),
    question("CONsole", Classes::Of("G"), devices::console),
    question("STORage", Classes::Of("BEG"), settings::storage),
    question("PROCessors", Classes::Any, settings::processors),
    question("CPUs", Classes::Of("G"), super::pc::query_cpus),
    question("FRAMES", Classes::Of("BE"), paging::query_frames),
    question("ALLOC", Classes::Of("D"), paging::query_alloc),
    question("RESERVed", Classes::Of("AE"), paging::query_reserved),
    question("SHARE", Classes::Of("AEG"), scheduling::query_share),
    question("QUIckdsp", Classes::Of("AEG"), scheduling::query_quickdsp),
    question("SRM", Classes::Of("AE"), scheduling::query_srm),
    question("SECuser", Classes::Of("ABCG"), eyes::query_secuser),
    question("OBServer", Classes::Of("ABCG"), eyes::query_observer),
    question("CONRECord", Classes::Of("ACG"), eyes::query_recording),
    question("IDLETime", Classes::Any, eyes::query_idle_time),
    question("PROP", Classes::Of("AC"), super::prop::query),
    question("GDB", Classes::Of("AG"), super::gdb::query),
    question("VTOD", Classes::Of("G"), super::pc::query_vtod),
    question("TRAce", Classes::Of("G"), super::trace::query),
    question("SET", Classes::Of("G"), settings::set),
    question("TERMinal", Classes::Of("G"), settings::terminal),
    question("PRIVclass", Classes::Any, settings::classes),
    question("COMMands", Classes::Any, settings::commands),
    question("LOGmsg", Classes::Any, users::log_message),
    question("RECORDing", Classes::Of("ABCEF"), super::accounting::query_recording),
];

/// QUERY what...
pub(super) fn query(invocation: &mut Invocation<'_>) -> Outcome {
    let Some(word) = invocation.operands.next_word() else { return Err(operand_missing()) };
    let found = QUESTIONS.iter().find(|question| question.classes.allow(invocation.classes) && is(word, question.pattern));
    if let Some(question) = found {
        return (question.answer)(invocation);
    }
    if let Some(answer) = super::pf_keys::query(invocation, word) {
        return answer;
    }
    if let Some(vdev) = super::operands::device(word)
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && let Ok(user) = invocation.user()
        && (user.devices.lock().contains(vdev) || !is_userid(invocation, word))
    {
        return devices::one(invocation, vdev);
    }
    users::user(invocation, word)
}

fn is_userid(invocation: &Invocation<'_>, word: &str) -> bool {
    word.parse::<UserId>().is_ok_and(|id| invocation.cp.directory().user(&id).is_some())
}

/// Operands that choose nothing are refused: `nothing_more` ends the questions that take none.
fn nothing_more(invocation: &mut Invocation<'_>) -> Result<(), super::Message> {
    invocation.operands.end()
}
