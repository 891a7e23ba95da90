//! The programmable operator: tables that are right and wrong, what entries do, and that no loop has no end.

use tests::{System, Terminal, assert_line, wait_for};

/// An entry in its columns.
fn entry(text: &str, class: &str, userid: &str, action: &str, parm: &str) -> String {
    format!("{text:<25} {:3} {:3} {class:>2} {userid:<8} {:8} {action:<8} {parm}\n", "", "", "")
}

fn table(system: &System, text: &str) {
    std::fs::write(system.directory().join("prop.rtable"), text).unwrap();
}

#[test]
fn messages_act_by_text_user_and_class() {
    let system = System::start();
    let (mut maint, mut user) = (system.log_on("MAINT"), system.log_on("CMSUSER"));
    assert_line(&system.cp_says("query prop"), "^PROP NOT ACTIVE$");
    table(
        &system,
        &("LGLOPR MAINT\nMACHINE MAINT\nROUTE\n".to_string()
            + &entry("/restart /", "1", "CMSUSER", "CP", "XAUTOLOG OPERATOR # MSGNOH CMSUSER you said &W2 of &USERID")
            + &entry("$help$", "1", "", "TOLGLOPR", "")
            + &entry("/run/", "4", "", "STATE", "PROFILE EXEC")
            + &entry("$Ready;$", "8", "CMS*", "CP", "MSGNOH MAINT heard &USERID")
            + &entry("$LOGOFF AS$CMSUSER$", "3", "", "CP", "MSGNOH MAINT gone")),
    );
    assert_line(&system.cp_says("prop check"), "^The table is good; 5 entries$");
    assert_line(&system.cp_says("prop lo"), "^PROP ACTIVE  ENTRIES 0005  LOGGING ON  LGLOPR MAINT  MACHINE MAINT$");

    user.type_line("cp msg operator restart printer\"#force maint");
    user.until("^you said printer#force of CMSUSER$");
    user.command("cp msg operator I need help");
    maint.until(r"^\d\d:\d\d:\d\d  \* MSG FROM CMSUSER : I need help$");
    user.command("cp smsg operator run it");
    maint.until(r"^EXEC STATE CMSUSER CP64 4 PROFILE EXEC run it$|^DMS.*not found|^Ready\(");
    system.cp("SET OBSERVER CMSUSER OPERATOR").succeeded();
    user.command("query userid");
    maint.until("^heard CMSUSER$");
    system.cp("SET OBSERVER CMSUSER OFF").succeeded();
    user.type_line("logoff");
    maint.until("^gone$");
    assert_line(&system.cp_says("query prop all"), "^LINE 0004 ACTED 000001$");
    let log = wait_for("the log", || {
        let file = std::fs::read_dir(system.directory().join("prop")).ok()?.next()?.ok()?;
        std::fs::read_to_string(file.path()).ok().filter(|log| log.contains("line 8"))
    });
    assert_line(&log, r"^\d\d:\d\d:\d\d 1 CMSUSER  line 4    restart printer#force maint => XAUTOLOG OPERATOR \(54\) ");
    assert!(system.cp_says("query names").contains("MAINT"), "a message added a command");
    assert_line(&system.cp_says("prop stop"), "^PROP NOT ACTIVE$");
    system.cp("PROP LOGGING ON").failed(9460 & 0xff);
}

#[test]
fn a_rule_that_calls_itself_rests_and_the_others_go_on() {
    let system = System::start();
    let mut operator = Terminal::observe(&system.socket(), "OPERATOR");
    table(
        &system,
        &("ROUTE\n".to_string()
            + &entry("$ping$", "1", "", "CP", "MSG OPERATOR ping again")
            + &entry("$hello$", "1", "", "CP", "MSG OPERATOR heard you")),
    );
    system.cp("PROP LOAD").succeeded();
    system.cp("MSG OPERATOR ping").succeeded();
    operator.until(r"HCPPRP9461W The entry in line 2 acts too often; it rests for 60 seconds$");
    system.cp("MSG OPERATOR hello").succeeded();
    operator.until("heard you$");
    assert_line(&system.cp_says("query prop all"), "^LINE 0002 ACTED 000010$");
    assert_eq!(operator.shown().matches("ping again").count(), 10);
}

#[test]
fn a_wrong_table_is_told_by_line_and_the_old_one_stays() {
    let mut system = System::start();
    system.cp("PROP LOAD").failed(9464 & 0xff);
    table(&system, &("LOGGING OFF\nROUTE\n".to_string() + &entry("/a/", "", "", "", "")));
    system.cp("PROP LOAD").succeeded();
    // From a reader; the first is wrong in two places.
    let wrong = format!("ROUTE\n{}{}", entry("LOGON", "", "", "CP", "Q T"), entry("/a/", "5", "", "", ""));
    system.cp64(&["punch", "--to", "OPERATOR", "--name", "PROP.RTABLE", "-"], wrong.as_bytes()).succeeded();
    let told = system.cp("PROP LOAD 1").failed(9464 & 0xff).errors;
    assert_line(&told, "^HCPPRP9464E Routing table not loaded$");
    assert_line(&told, r"^Line 2: the text must begin and end with / or \$$");
    assert_line(&told, "^Line 3: message class 5 is not heard");
    assert_line(&system.cp_says("query prop"), "^PROP ACTIVE  ENTRIES 0001  LOGGING OFF ");
    let right = format!("ROUTE\n{}{}", entry("/a/", "", "", "", ""), entry("/b/", "", "", "", ""));
    system.cp64(&["punch", "--to", "OPERATOR", "--name", "PROP.RTABLE", "-"], right.as_bytes()).succeeded();
    assert_line(&system.cp_says("prop load 2"), "^PROP ACTIVE  ENTRIES 0002 ");
    system.cp("PROP LOAD 3").failed(42);
    system.cp("PROP LOAD X").failed(2);
    system.cp("PROP LOGGING SOME").failed(2);
    system.cp("PROP").failed(26);
    assert_line(&system.session("CMSUSER", "cp prop stop"), "^HCPCMD001E|^Unknown CP");
    // What lies in the data directory is loaded by a start.
    system.shut_down();
    system.run();
    assert_line(&system.cp_says("query prop"), "^PROP ACTIVE  ENTRIES 0001 ");
}
