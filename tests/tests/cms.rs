//! Commands of CMS in a machine under CP: one of each kind, as a user meets them. Every message and return code is tested on the host, in the crate `shell`.

use tests::{System, assert_line, assert_no_line};

#[test]
fn variables_synonyms_and_execs_in_storage_work_in_a_machine() {
    let system = System::start();
    system.disk_put("CMSUSER", "MY", "SYNONYM", b"LISTFILE DIR 2\n").succeeded();
    system.disk_put("CMSUSER", "HELLO", "EXEC", b"/* */\nsay 'hello' value('WHO',, 'GLOBAL PEOPLE')\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("globalv select people setp who everybody");
    terminal.command("synonym my");
    assert_line(&terminal.command("dir hello exec"), "^HELLO +EXEC +A1$");
    terminal.command("execload hello exec");
    terminal.command("erase hello exec a");
    assert_line(&terminal.command("hello"), "^hello everybody$");
    assert_line(&terminal.command("which hello"), "^HELLO is the EXEC HELLO EXEC A1, in storage$");
    assert_line(&terminal.command("xmitmsg 2 A B C (caller abc"), "^DMSABC002E File A B C not found$");
    // What was said for good is there after IPL, and what was in storage is not.
    terminal.type_line("#cp ipl cms parm autocr");
    assert_line(&terminal.ready(), "^Ready;");
    assert_line(&terminal.command("globalv select people list"), "^ WHO=everybody$");
    assert_line(&terminal.command("execmap"), r"^DMSEXM416E");
}

#[test]
fn tools_and_packed_files_work_in_a_machine() {
    let system = System::start();
    let lines: String = (1..=200).map(|number| format!("{number:>8}          line {number}\n")).collect();
    system.disk_put("CMSUSER", "LONG", "DATA", lines.as_bytes()).succeeded();
    let mut terminal = system.log_on("CMSUSER");
    assert_line(&terminal.command("grep /line 77/ long data"), "^ +77 +line 77$");
    assert_line(&terminal.command("tail long data a 1"), "^ +200 +line 200$");
    assert_line(&terminal.command("wc long data"), "^     200      600 ");
    terminal.command("copyfile long data a packed data a (pack");
    terminal.command("copyfile packed data a again data a (unpack");
    assert_no_line(&terminal.command("diff long data a again data a"), "DMS|^[<>]");
    assert_line(&terminal.command("vmlink maint 19e"), "^DMSVML2060I MAINT 19E linked as 0120 file mode Z$");
    assert_line(&terminal.command("vmlink maint 19e (detach"), "^DMSVML2061I MAINT 19E detached$");
}
