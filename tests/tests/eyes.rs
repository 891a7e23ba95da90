//! More than one pair of eyes: secondary users, observers, SEND and FOR, watching terminals, idle consoles, recordings.

use console::wire::{ConsoleState, Ending};
use tests::{System, Terminal, assert_line, assert_no_line, wait_for};

/// A system with a machine that nobody is connected to, and a terminal of somebody else.
fn with_machine() -> (System, Terminal) {
    let system = System::start();
    system.cp("XAUTOLOG CMSUSER").succeeded();
    wait_for("CMS", || system.cp_says("indicate user cmsuser").contains("IPLSYS=CMS").then_some(()));
    let maint = system.log_on("MAINT");
    (system, maint)
}

#[test]
fn a_secondary_user_sees_and_types_for_a_disconnected_machine() {
    let (system, mut maint) = with_machine();
    assert_line(&maint.command("cp query secuser cmsuser"), "^CMSUSER  SECUSER IS UNDEFINED$");
    assert_line(&maint.command("cp set secuser cmsuser *"), r"^HCPCFX6768I SECUSER of MAINT initiated for CMSUSER\.$");
    assert_line(&maint.command("cp query secuser cmsuser"), "^CMSUSER  SECUSER MAINT IS LOGGED ON$");
    assert_line(&maint.command("cp query secuser all"), "^CMSUSER  SECUSER MAINT IS LOGGED ON$");
    maint.type_line("cp send cmsuser query userid");
    maint.until("^CMSUSER : CMSUSER  AT CP64$");
    maint.until("^CMSUSER : Ready;");
    maint.type_line("cp send cp cmsuser query time");
    maint.until("^CMSUSER : TIME IS ");

    // While somebody is connected there, it is that user's own again.
    let mut own = Terminal::log_on(&system.socket(), "CMSUSER");
    own.until("^RECONNECTED AT ");
    own.type_line("begin");
    own.command("query disk a");
    maint.look();
    assert_no_line(&maint.command("cp query time"), "^CMSUSER : .* 191 ");
    own.disconnect();
    maint.type_line("cp send cp cmsuser query userid");
    maint.until("^CMSUSER : CMSUSER  AT CP64$");
    assert_line(&maint.command("cp set secuser cmsuser off"), r"^HCPCFX6768I SECUSER of MAINT terminated for CMSUSER\.$");
    maint.command("cp send cp cmsuser query time");
    assert_no_line(&maint.command("cp query secuser"), "^CMSUSER :");
}

#[test]
fn a_general_user_sends_only_where_it_is_the_secondary_user_of_somebody_disconnected() {
    let system = System::start();
    let names = system.add_users(2);
    let (mut one, mut two) = (system.log_on(&names[0]), system.log_on(&names[1]));
    assert_line(&one.command(&format!("cp send {} query time", names[1])), r"^Ready\(00068\)");
    assert_line(
        &one.command(&format!("cp for {} cmd query time", names[1])),
        r"^HCPFOR068E FOR failed; you are not the secondary user of U",
    );
    assert_line(&one.command(&format!("cp set secuser {} *", names[1])), r"^HCPCFX6770E You are not authorized to set the SECUSER of U");
    assert_line(&one.command(&format!("cp query secuser {}", names[1])), r"^Ready\(00002\)");
    two.command(&format!("cp set secuser {}", names[0]));
    assert_line(&two.command("cp q sec"), &format!("^SECUSER {} IS LOGGED ON$", names[0]));
    assert_line(&one.command(&format!("cp send {} query time", names[1])), "is not disconnected$");
    two.disconnect();
    one.type_line(&format!("cp send cp {} query userid", names[1]));
    one.until(&format!("^{:<8}: {} +AT CP64$", names[1], names[1]));
    let told = one.command(&format!("cp for {} cmd query userid", names[1]));
    assert_line(&told, &format!("^{:<8}: {} +AT CP64$", names[1], names[1]));
    // FOR has the authority of the other, and the number of its message.
    assert_line(&one.command(&format!("cp for {} cmd shutdown", names[1])), r"^Ready\(00001\)");
    assert_line(&one.command(&format!("cp set secuser {} off", names[1])), "terminated for");
}

#[test]
fn at_answers_behind_the_systems_name_with_the_issuers_authority() {
    let (_system, mut maint) = with_machine();
    for sysid in ["cp64", "*"] {
        let told = maint.command(&format!("cp at {sysid} cmd query userid"));
        assert_line(&told, "^CP64    : MAINT    AT CP64");
        assert_line(&told, "^Ready;");
    }
    assert_line(&maint.command("cp at * query names"), "^CP64    : .*CMSUSER  - DSC");
    // The number of the command's message is the number of AT's.
    let told = maint.command("cp at * cmd query virtual 999");
    assert_line(&told, "^CP64    : HCPQVD040E Device 0999 does not exist$");
    assert_line(&told, r"^Ready\(00040\)");
    let told = maint.command("cp at elsewhr cmd query userid");
    assert_line(&told, "^HCPATC9465E ELSEWHR is not known here; this system is CP64 and knows no other$");
    assert_line(&told, r"^Ready\(09465\)");
    assert_line(&maint.command("cp at *"), "^HCPCFC026E Operand missing or invalid$");
    assert_line(&maint.command("cp at * link operator 191 391 r"), "^CP64    : HCPLNM111E OPERATOR 0191 not linked; no read password$");
}

#[test]
fn an_observer_hears_everything_also_what_the_directory_says_and_loops_end() {
    let (system, mut maint) = with_machine();
    maint.command("cp set observer cmsuser *");
    assert_line(&maint.command("cp query observer cmsuser"), "^CMSUSER  OBSERVER MAINT IS LOGGED ON$");
    assert_line(&maint.command("cp query secuser cmsuser"), "IS UNDEFINED$");
    let mut own = Terminal::log_on(&system.socket(), "CMSUSER");
    own.until("^RECONNECTED AT ");
    own.type_line("begin");
    own.command("query userid");
    maint.until("^CMSUSER : CMSUSER  AT CP64$");
    // Each hears the other: a line goes no further than once.
    system.cp("SET OBSERVER MAINT CMSUSER").succeeded();
    own.until(r"^HCPCFX6768I OBSERVER of CMSUSER initiated for MAINT\.$");
    maint.look();
    own.command("cp query time");
    maint.until("^CMSUSER : TIME IS ");
    system.cp("message maint hello").succeeded();
    own.until(r"^MAINT   : \d\d:\d\d:\d\d  \* MSG FROM OPERATOR: hello$");
    assert_no_line(&own.shown(), "^MAINT   : CMSUSER :");
    // One or the other, never both.
    maint.command("cp set secuser cmsuser operator");
    assert_line(&maint.command("cp query observer cmsuser"), "IS UNDEFINED$");
    assert_line(&maint.command("cp set secuser cmsuser nobody"), r"^HCPLNM053E NOBODY not in CP directory$");
    assert_line(&maint.command("cp query observer"), "^OBSERVER CMSUSER IS LOGGED ON$");

    // From the CONSOLE statement.
    let direct = system.directory().join("user.direct");
    let source =
        std::fs::read_to_string(&direct).unwrap() + "\nUSER CLASSA NOPASS 32M 64M G\n  IPL CMS\n  CONSOLE 0009 3215 T MAINT OBSERVER\n";
    std::fs::write(&direct, source).unwrap();
    system.cp("DIRECTXA").succeeded();
    system.cp("XAUTOLOG CLASSA").succeeded();
    maint.until("^CLASSA  : LOGON AT |^CLASSA  : CP-64 CMS");
    assert_line(&maint.command("cp query observer classa"), "^CLASSA   OBSERVER MAINT IS LOGGED ON$");
    maint.command("cp set observer classa off");
    maint.command("cp set observer classa reset");
    assert_line(&maint.command("cp query observer classa"), "^CLASSA   OBSERVER MAINT IS LOGGED ON$");
}

#[test]
fn who_watches_sees_and_cannot_type() {
    let system = System::start();
    assert_line(&system.cp_says("query secuser all"), "^NO SECUSERS ARE DEFINED$");
    assert_line(&system.cp_says("q obs all"), "^NO OBSERVERS ARE DEFINED$");
    system.cp("QUERY SECUSER CMSUSER").failed(45);
    system.cp("SET SECUSER").failed(26);
    system.cp("SEND CMSUSER").failed(26);
    system.cp("FOR OPERATOR QUERY TIME").failed(2);
    let mut own = system.log_on("CMSUSER");
    let mut watchers: Vec<_> = (0..3).map(|_| Terminal::watch(&system.socket(), "CMSUSER")).collect();
    watchers[0].type_line("logoff");
    watchers[1].attention();
    own.type_line("query userid");
    for watcher in &mut watchers {
        watcher.until("^CMSUSER  AT CP64$");
    }
    own.ready();
    watchers.remove(0).disconnect();
    assert_line(&own.command("query disk a"), " 191 ");
    assert_no_line(&own.shown(), "^logoff$");
    // The program looks from a pipe, too, and ends with the console.
    let looking = std::thread::scope(|scope| {
        let looking = scope.spawn(|| system.cp64(&["logon", "CMSUSER", "--observe"], b"logoff\n").succeeded());
        wait_for("the watcher", || {
            let log = std::fs::read_to_string(system.directory().join("audit.log")).unwrap_or_default();
            (log.matches("watches the console").count() == 4).then_some(())
        });
        own.type_line("logoff");
        looking.join().unwrap()
    });
    assert_line(&looking.output, "^LOGOFF AT ");
    assert_eq!(watchers[1].ending(), Ending::LoggedOff);
    assert_ne!(system.cp64(&["logon", "CMSUSER", "--observe"], b"").code, 0, "nobody is there to be watched");
}

#[test]
fn an_idle_console_is_warned_then_disconnected_or_logged_off() {
    let system = System::start();
    let (mut idle, mut busy) = (system.log_on("CMSUSER"), system.log_on("MAINT"));
    assert_line(&system.cp_says("query idletime"), "^IDLETIME OFF$");
    system.cp("SET IDLETIME 0").failed(2);
    system.cp("SET IDLETIME 5 DAYS").failed(2);
    assert_line(&system.cp_says("set idletime 10 min logoff"), "^IDLETIME 10 MINUTES LOGOFF$");
    let ended = std::thread::scope(|scope| {
        let ended = scope.spawn(|| {
            assert_line(&system.cp_says("set idlet 5 sec"), "^IDLETIME 5 SECONDS DISCONNECT$");
            idle.until(r"^HCPIDL9452W Nobody has typed at this console for \d seconds?; in \d seconds? it is disconnected$");
            idle.ending()
        });
        while !ended.is_finished() {
            busy.command("query time");
        }
        ended.join().unwrap()
    });
    assert_eq!(ended, Ending::Disconnected);
    assert_line(&idle.shown(), "^HCPIDL9453I This console was idle for ");
    assert_line(&system.cp_says("set idletime 2 sec logoff"), "^IDLETIME 2 SECONDS LOGOFF$");
    assert_eq!(busy.ending(), Ending::LoggedOff);
    assert_line(&system.cp_says("query names"), "^CMSUSER  - DSC , OPERATOR - SYSC$");
}

#[test]
fn a_recorded_console_is_played_again_without_its_passwords() {
    let system = System::start();
    let direct = system.directory().join("user.direct");
    let source = std::fs::read_to_string(&direct).unwrap()
        + "\nUSER OWNER NOPASS 32M 64M G\n  MDISK 0191 3390 1 10 USR009 MR opensesame opensesame\n";
    std::fs::write(&direct, source).unwrap();
    system.cp("DIRECTXA").succeeded();
    let mut maint = system.log_on("MAINT");
    let answer = maint.command("cp set conrecord on");
    assert_line(&answer, r"^Console of MAINT is recorded in recordings/MAINT-\d{8}-\d{6}\.cast$");
    assert_line(&maint.command("cp query conrecord"), "^Console of MAINT is recorded in ");
    maint.command("query userid");
    maint.command("cp link owner 191 291 rr sesame");
    maint.type_line("cp link owner 191 292 rr");
    maint.until_state(|state| state == ConsoleState::VmRead { hidden: true });
    maint.type_line("opensesame");
    maint.ready();
    assert_line(&maint.command("query virtual 292"), "^DASD 0292 ");
    assert_line(&maint.command("cp set conrecord off"), "^Console of MAINT was recorded in ");
    assert_line(&maint.command("cp query conrec"), "^NO CONSOLES ARE RECORDED$");
    maint.command("query disk a");

    let file = std::fs::read_dir(system.directory().join("recordings")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("sesame"), "{text}");
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let header = lines.next().unwrap();
    assert_eq!((&header["version"], &header["width"], &header["title"]), (&2.into(), &80.into(), &"MAINT at CP64".into()));
    assert!(lines.all(|event| event[0].is_number() && event[1] == "o" && event[2].is_string()));
    let played = system.cp64(&["replay", &file.to_string_lossy(), "--speed", "1000"], b"").succeeded().output;
    assert_line(&played, r"^MAINT    AT CP64\r?$");
    assert!(!played.contains("query disk a"), "it was stopped: {played}");
    system.cp64(&["replay", &system.directory().join("system.toml").to_string_lossy()], b"").failed(1);

    // Another's, by whoever may, and to the end of the session.
    assert_line(&system.cp_says("set conrecord maint on"), "^Console of MAINT is recorded in ");
    maint.until("^HCPREC9454I This console is recorded by OPERATOR$");
    maint.type_line("logoff");
    maint.ending();
    let recorded = std::fs::read_dir(system.directory().join("recordings")).unwrap().map(|entry| entry.unwrap().path());
    let whole = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap().contains("LOGOFF AT ");
    assert_eq!(recorded.map(whole).filter(|whole| *whole).count(), 1);
}
