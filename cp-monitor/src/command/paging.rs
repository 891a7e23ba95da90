//! Real storage and paging: QUERY FRAMES, QUERY ALLOC, QUERY RESERVED, SET RESERVED, INDICATE PAGING.

use std::sync::Arc;

use serde_json::json;

use super::Invocation;
use super::answer::{Answer, Message, Outcome, error, invalid_operand, operand_missing};
use super::operands::is;
use crate::users::User;

/// Bytes of a page, in which space is counted.
const PAGE: u64 = 4096;
/// Entries on a line of INDICATE PAGING.
const ON_A_LINE: usize = 3;

/// QUERY FRAMES: how the frames are used, in the words of z/VM. Counts are of frames of 4 KiB.
pub(super) fn query_frames(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let cp = invocation.cp;
    let (counts, figures) = (cp.storage.counts(), cp.pager.figures());
    let reserved: u64 = cp.users.all().iter().map(|user| user.standing.reserved()).sum();
    let pageable = counts.total - counts.shared;
    let cleared = pageable.saturating_sub(counts.in_use).min(figures.space.available);
    let uncleared = figures.space.available - cleared;
    let lines = vec![
        "All Frames:".to_string(),
        format!(" Configured={0} Real={0} Usable={0} Offline=0", counts.total),
        format!(" Pageable={pageable} NotInit=0 GlobalClearedAvail={cleared} LocalClearedAvail=0"),
        format!(" LocalUnclearedAvail={uncleared} InUse={} Shared={} Reserved={reserved}", counts.in_use, counts.shared),
        format!("PC Machines: Promised={} Limit={}", cp.pc_storage.bytes() / PAGE, cp.pc_storage.most() / PAGE),
        format!("Page Tables: InUse={} Spare={}", counts.page_tables, counts.spare_tables),
    ];
    let data = json!({
        "total": counts.total, "pageable": pageable, "in_use": counts.in_use, "shared": counts.shared, "available": figures.space.available,
        "pc_promised": cp.pc_storage.bytes() / PAGE, "pc_limit": cp.pc_storage.most() / PAGE,
        "reserved": reserved, "page_tables": counts.page_tables, "spare_tables": counts.spare_tables, "paging": figures,
    });
    Ok(Answer::of(data, lines))
}

/// A count in six columns; large ones in thousands or millions, rounded down.
fn pages(count: usize) -> String {
    match count {
        0..1_000_000 => count.to_string(),
        1_000_000..1_000_000_000 => format!("{}K", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// QUERY ALLOC [PAGE|SPOOL]: the paging space, or that of the spool.
pub(super) fn query_alloc(invocation: &mut Invocation<'_>) -> Outcome {
    if invocation.operands.take("SPOOL") {
        invocation.operands.end()?;
        let space = invocation.cp.spool.space();
        let data = json!({ "used": space.used, "capacity": space.capacity });
        let in_pages = |bytes: u64| usize::try_from(bytes.div_ceil(PAGE)).unwrap_or(usize::MAX);
        let used = in_pages(space.used);
        return Ok(Answer::of(data, alloc_lines("SPOOL ", in_pages(space.capacity), used, used)));
    }
    invocation.operands.take("PAGE");
    invocation.operands.end()?;
    let figures = invocation.cp.pager.figures();
    let space = &figures.space;
    let lines = match space.slots {
        0 => vec!["There is no paging space".to_string()],
        slots => alloc_lines("PAGING", slots, space.slots_used, space.slots_high),
    };
    Ok(Answer::of(figures, lines))
}

/// One volume of so many pages, so many of them in use, and the page behind the highest that is.
fn alloc_lines(volume: &str, count: usize, used: usize, high: usize) -> Vec<String> {
    // Rounded up: 0% says that nothing is used.
    let percent = (used * 100).div_ceil(count.max(1));
    let total = |what: &str| format!("{what:<33} {:>6} {:>6}        {percent:>3}%", pages(count), pages(used));
    vec![
        "                EXTENT     EXTENT  TOTAL  PAGES   HIGH    %".to_string(),
        "VOLID  RDEV      START        END  PAGES IN USE   PAGE USED".to_string(),
        "------ ---- ---------- ---------- ------ ------ ------ ----".to_string(),
        format!(
            "{volume} ---- {:>10} {:>10} {:>6} {:>6} {:>6} {percent:>3}%",
            0,
            count.saturating_sub(1),
            pages(count),
            pages(used),
            pages(high)
        ),
        "                                  ------ ------        ----".to_string(),
        total("SUMMARY"),
        total("USABLE"),
    ]
}

fn reserved_line(user: &User) -> String {
    format!("{:<8} RSV-{:06}  ACT-{:06}", user.id, user.standing.reserved(), user.standing.figures().resident)
}

/// QUERY RESERVED: who has reserved pages, and how many of his are in real storage.
pub(super) fn query_reserved(invocation: &mut Invocation<'_>) -> Outcome {
    invocation.operands.end()?;
    let users: Vec<Arc<User>> = invocation.cp.users.all().into_iter().filter(|user| user.standing.reserved() > 0).collect();
    let data: Vec<_> = users
        .iter()
        .map(|user| json!({ "userid": user.id, "reserved": user.standing.reserved(), "resident": user.standing.figures().resident }))
        .collect();
    let lines = match users.is_empty() {
        true => vec!["No users have reserved pages".to_string()],
        false => users.iter().map(|user| reserved_line(user)).collect(),
    };
    Ok(Answer::of(data, lines))
}

/// SET RESERVED {userid|*} {pages|OFF}: pages that the pager leaves to a user.
pub(super) fn set_reserved(invocation: &mut Invocation<'_>) -> Outcome {
    if !invocation.has_class("A") {
        return Err(invalid_operand("RESERVED"));
    }
    let id = invocation.user_operand()?;
    let pages = reserved_operand(invocation.operands.word()?)?;
    invocation.operands.end()?;
    let user = invocation.logged_on(&id)?;
    let others: u64 = invocation.cp.users.all().iter().filter(|other| other.id != id).map(|other| other.standing.reserved()).sum();
    let most = most_reserved(invocation.cp).saturating_sub(others);
    if pages > most {
        return Err(error("SRV", 9436, format!("Not reserved; {most} pages can be reserved for {id}, {others} are for others")));
    }
    user.standing.reserve(pages);
    Ok(Answer::line(json!({ "userid": id, "reserved": pages }), reserved_line(&user)))
}

fn reserved_operand(word: &str) -> Result<u64, Message> {
    if is(word, "OFF") {
        return Ok(0);
    }
    word.parse().map_err(|_| if word.is_empty() { operand_missing() } else { invalid_operand(word) })
}

/// Pages that may be reserved for all users together. Those without need some too: a quarter of what there is.
fn most_reserved(cp: &crate::system::Cp) -> u64 {
    let counts = cp.storage.counts();
    (counts.total - counts.shared) as u64 / 4 * 3
}

/// INDICATE PAGING [WAIT|ALL]: users who wait for a page, or all who have pages on the paging file.
pub(super) fn indicate_paging(invocation: &mut Invocation<'_>) -> Outcome {
    if !invocation.has_class("E") {
        return Err(invalid_operand("PAGING"));
    }
    let all = invocation.operands.take("ALL");
    if !all {
        invocation.operands.take("WAIT");
    }
    invocation.operands.end()?;
    let shown = |user: &Arc<User>| if all { user.standing.figures().paged_out > 0 } else { user.standing.waits_for_page() };
    let users: Vec<Arc<User>> = invocation.cp.users.all().into_iter().filter(shown).collect();
    let entries: Vec<String> =
        users.iter().map(|user| format!("{:<8} {:06}:{:06}", user.id, 0, user.standing.figures().paged_out)).collect();
    let lines = match (entries.is_empty(), all) {
        (true, false) => vec!["No users in page wait".to_string()],
        (true, true) => vec!["No users have pages on the paging file".to_string()],
        (false, _) => entries.chunks(ON_A_LINE).map(|entries| entries.join("   ")).collect(),
    };
    let data = json!({
        "users": users.iter().map(|user| json!({
            "userid": user.id, "waits": user.standing.waits_for_page(), "pages": user.standing.figures(),
        })).collect::<Vec<_>>(),
        "paging": invocation.cp.pager.figures(),
    });
    Ok(Answer::of(data, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_shown_in_the_columns_of_the_manual() {
        let lines = alloc_lines("PAGING", 600_660, 25, 34);
        assert_eq!(lines[3], "PAGING ----          0     600659 600660     25     34   1%");
        assert_eq!(lines[5], "SUMMARY                           600660     25          1%");
        assert_eq!(lines[3].len(), lines[2].len());
        let lines = alloc_lines("PAGING", 4_000_000_000, 2_000_000, 2_000_001);
        assert_eq!(lines[3], "PAGING ---- {:>10} 3999999999  4000M  2000K  2000K   1%".replace("{:>10}", "         0"));
    }

    #[test]
    fn a_number_of_pages_is_digits() {
        assert_eq!(reserved_operand("25"), Ok(25));
        assert_eq!(reserved_operand("off"), Ok(0));
        for wrong in ["-1", "1.5", "X", "99999999999999999999999"] {
            assert_eq!(reserved_operand(wrong), Err(invalid_operand(wrong)), "{wrong}");
        }
    }
}
