//! Console spooling: every line of a console, typed ones too, in a spool file, and never a password.

use tests::{System, assert_line, assert_no_line};

/// The records of the next reader file of CMSUSER, which is received as a CMS file of this name.
fn received(system: &System, name: &str) -> String {
    let spid = &system.cp_json("QUERY READER CMSUSER ALL")["data"][0]["spid"];
    let session = system.session("CMSUSER", &format!("receive {spid} {name} console\n"));
    assert_line(&session, &format!("^File {} CONSOLE A1 received from ", name.to_uppercase()));
    String::from_utf8(system.disk_get("CMSUSER", &name.to_uppercase(), "CONSOLE")).expect("a console is text")
}

#[test]
fn what_is_said_on_a_console_is_spooled_and_passwords_are_not() {
    let system = System::start();
    let mut terminal = system.log_on("MAINT");
    terminal.command("cp query time");
    terminal.command("cp spool console start to cmsuser");
    assert_line(&terminal.command("cp query virtual console"), r"^CONS 0009 ON L\w{4}  TERM START  HOST SYSTEM$");
    terminal.command("cp msg * hello there");
    terminal.command("cp link operator 191 291 rr sesame");
    terminal.type_line("#cp autolog cmsuser sesame#query userid");
    terminal.until("^MAINT    AT ");
    terminal.command("listfile * xyzzy");
    terminal.command("cp spool console stop close");
    terminal.command("cp msg * not this");
    assert_line(&system.cp_says("QUERY READER CMSUSER ALL"), r"^MAINT    \d{4} T CON \d{8} 001 NONE ");
    system.cp("FORCE CMSUSER");

    let kept = received(&system, "first");
    assert_line(&kept, r"^cp msg \* hello there$");
    assert_line(&kept, r"MSG FROM MAINT +: hello there$");
    assert_line(&kept, r"^cp link operator 191 291 rr \*{8}$");
    assert_line(&kept, r"^#CP autolog cmsuser \*{8}#query userid$");
    assert_line(&kept, r"^HCPLNM111E OPERATOR 0191 not linked");
    assert_line(&kept, r"^DMSLST002E File not found|^DMSLST\d{3}E ");
    assert_line(&kept, r"^Ready");
    assert!(!kept.contains("sesame"), "a password is in the file:\n{kept}");
    assert_no_line(&kept, "not this");
    assert_no_line(&kept, "query time");
}

#[test]
fn a_console_file_outlives_a_disconnect_and_is_closed_by_logoff() {
    let system = System::start();
    let mut terminal = system.log_on("MAINT");
    terminal.command("cp spool console start to cmsuser");
    terminal.command("cp msg * before");
    drop(terminal);
    tests::wait_for("the disconnect", || system.cp_says("QUERY MAINT").contains("DSC").then_some(()));
    let session = system.session("MAINT", "begin\ncp msg * after\nlogoff\n");
    assert_line(&session, "^CONNECT= ");
    let kept = received(&system, "second");
    for line in
        ["MSG FROM MAINT +: before$", "^DISCONNECT AT ", "^RECONNECTED AT ", "MSG FROM MAINT +: after$", "^CONNECT= ", "^LOGOFF AT "]
    {
        assert_line(&kept, line);
    }
}

#[test]
fn without_term_the_guest_writes_to_the_file_alone() {
    let system = System::start();
    let mut terminal = system.log_on("MAINT");
    // Its Ready message is not shown either.
    terminal.type_line("#cp spool console start noterm to cmsuser");
    terminal.type_line("#cp query userid");
    terminal.until("^MAINT    AT ");
    terminal.type_line("listfile * xyzzy");
    let quiet = || system.cp_json("QUERY READER CMSUSER ALL")["data"].as_array().is_some_and(Vec::is_empty);
    assert!(quiet());
    terminal.type_line("#cp spool console stop term close");
    let shown = terminal.command("query disk a");
    assert_line(&shown, "191");
    assert_no_line(&shown, "^DMSLST");
    let kept = received(&system, "third");
    assert_line(&kept, r"^DMSLST\d{3}E ");
    assert_line(&kept, "^MAINT    AT ");
}

#[test]
fn the_operators_console_is_spooled_from_the_start() {
    let mut system = System::start();
    assert_line(&system.cp_says("QUERY VIRTUAL CONSOLE"), "^CONS 0009 ON SYSC  TERM START  HOST SYSTEM$");
    system.session("MAINT", "cp query time\n");
    system.shut_down();
    system.run();
    assert_line(&system.cp_says("QUERY PRINTER * ALL"), r"^OPERATOR 0001 T CON \d{8} 001 NONE ");
    system.cp("TRANSFER PRINTER 1 TO CMSUSER").succeeded();
    let kept = received(&system, "log");
    for line in ["HCPCPI966I Initialization complete$", "LOGON  AS  MAINT ", "HCPWRP961W SYSTEM SHUTDOWN COMPLETE$", "^LOGOFF AT "] {
        assert_line(&kept, line);
    }
    // Closed by the operator, what was said so far is a file at once, and the next one begins.
    system.cp("CLOSE CONSOLE").succeeded();
    system.kill();
    system.run();
    assert_line(&system.cp_says("QUERY PRINTER * ALL"), r"^OPERATOR \d{4} T CON ");
}

#[test]
fn options_of_the_console_are_refused_where_they_do_not_belong() {
    let system = System::start();
    for (command, refusal) in [
        ("SPOOL PRINTER START", "^HCPCMD003E Invalid option - START$"),
        ("SPOOL READER TO CMSUSER", "^HCPCMD003E Invalid option - TO$"),
        ("SPOOL READER FORM LABELS", "^HCPCMD003E Invalid option - FORM$"),
        ("SPOOL PRINTER EOF", "^HCPCMD003E Invalid option - EOF$"),
        ("SPOOL CONSOLE START STOP", "^HCPCSP013E Conflicting option - STOP$"),
        ("SPOOL PUNCH HOLD NOHOLD", "^HCPCSP013E Conflicting option - NOHOLD$"),
        ("SPOOL PUNCH CLASS *", "^HCPCMD003E Invalid option - CLASS$"),
        ("SPOOL 191 HOLD", "^HCPCSP022E "),
        ("SPOOL PRINTER COPY 256", "^HCPCSP030E Copies missing or invalid$"),
        ("SPOOL CONSOLE FROB", "^HCPCMD003E Invalid option - FROB$"),
    ] {
        assert_line(&system.cp(command).errors, refusal);
    }
}
