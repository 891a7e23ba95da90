//! PROP and QUERY PROP: the programmable operator.

use serde_json::json;
use spool::Queue;

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, host_error, invalid_operand};
use crate::prop::table::{self, Logging, Table};
use crate::prop::{Standing, read_host_file};
use crate::users::spool_userid;

/// The table that PROP LOAD takes from the data directory.
const TABLE: &str = "prop.rtable";

/// PROP {LOAD [spid] | CHECK [spid] | STOP | LOGGING {ON|OFF|ALL}}
pub(super) fn prop(invocation: &mut Invocation<'_>) -> Outcome {
    let word = invocation.operands.word()?;
    if super::operands::is(word, "LOad") {
        let table = read(invocation)?;
        invocation.cp.prop.load(table);
        return Ok(answer(invocation.cp.prop.standing()));
    }
    if super::operands::is(word, "CHeck") {
        let entries = read(invocation)?.entries.len();
        return Ok(Answer::line(json!({ "entries": entries }), format!("The table is good; {entries} entries")));
    }
    if super::operands::is(word, "STOP") {
        invocation.operands.end()?;
        invocation.cp.prop.stop();
        return Ok(answer(None));
    }
    if super::operands::is(word, "LOGging") {
        let word = invocation.operands.word()?;
        let logging = Logging::of(word).ok_or_else(|| invalid_operand(word))?;
        invocation.operands.end()?;
        if !invocation.cp.prop.set_logging(logging) {
            return Err(error("PRP", 9460, "PROP is not active; use PROP LOAD"));
        }
        return Ok(answer(invocation.cp.prop.standing()));
    }
    Err(invalid_operand(word))
}

/// The table of the data directory, or of a file in the issuer's reader.
fn read(invocation: &mut Invocation<'_>) -> Result<Table, Message> {
    let refused = |lines: Vec<String>| error("PRP", 9464, format!("Routing table not loaded\n{}", lines.join("\n")));
    let operator = invocation.cp.operator_id();
    let Some(word) = invocation.operands.next_word() else {
        return read_host_file(&invocation.cp.data().root().join(TABLE), operator).map_err(refused);
    };
    invocation.operands.end()?;
    let spid = word.parse::<u16>().ok().and_then(|number| spool::Spid::new(number).ok()).ok_or_else(|| invalid_operand(word))?;
    let owner = spool_userid(&invocation.user()?.id);
    if invocation.cp.spool.get(owner, Queue::Reader, spid).map_err(host_error)?.is_none() {
        return Err(error("PRP", 42, format!("RDR file {spid} does not exist")));
    }
    let mut file = invocation.cp.spool.reader(owner, Queue::Reader, spid).map_err(host_error)?;
    let mut text = String::new();
    let mut lines = 0;
    while let Some(record) = file.next_record().map_err(host_error)? {
        lines += 1;
        if lines > table::LINES_MAX {
            break;
        }
        text += &String::from_utf8_lossy(record.data);
        text.push('\n');
    }
    table::parse(&text, operator).map_err(|faults| refused(faults.iter().map(ToString::to_string).collect()))
}

/// QUERY PROP [ALL]
pub(super) fn query(invocation: &mut Invocation<'_>) -> Outcome {
    let all = invocation.operands.take("ALL");
    invocation.operands.end()?;
    let standing = invocation.cp.prop.standing();
    let entries: Vec<_> = standing.iter().filter(|_| all).flat_map(entries).collect();
    let mut answer = answer(standing);
    answer.lines.extend(entries);
    Ok(answer)
}

fn entries(standing: &Standing) -> Vec<String> {
    let acted = standing.table.entries.iter().zip(&standing.acted);
    acted.map(|(entry, acted)| format!("LINE {:04} ACTED {acted:06}", entry.line)).collect()
}

fn answer(standing: Option<Standing>) -> Answer {
    let Some(standing) = standing else { return Answer::line(json!({ "active": false }), "PROP NOT ACTIVE") };
    let (table, logging) = (&standing.table, standing.logging.name());
    let acted: u64 = standing.acted.iter().sum();
    let data = json!({
        "active": true, "entries": table.entries.len(), "logging": logging.to_lowercase(), "heard": standing.heard, "acted": acted,
        "lost": standing.lost, "logical_operator": table.logical_operator, "machine": table.machine,
        "by_line": table.entries.iter().zip(&standing.acted).map(|(entry, acted)| json!([entry.line, acted])).collect::<Vec<_>>(),
    });
    let lines = vec![
        format!(
            "PROP ACTIVE  ENTRIES {:04}  LOGGING {logging}  LGLOPR {}  MACHINE {}",
            table.entries.len(),
            table.logical_operator,
            table.machine
        ),
        format!("HEARD {:06}  ACTED {acted:06}  LOST {:06}", standing.heard, standing.lost),
    ];
    Answer::of(data, lines)
}

/// A table that lies in the data directory at start is loaded; what is wrong with it is said to the operator.
pub fn load_at_start(cp: &std::sync::Arc<crate::system::Cp>) {
    if !cp.data().root().join(TABLE).exists() {
        return;
    }
    let reply = super::execute(cp, super::Origin::host(cp), "PROP LOAD");
    reply.lines.iter().for_each(|line| cp.say_to_operator(line));
}
