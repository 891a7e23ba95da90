//! Commands of CMS in a machine under CP: one of each kind, as a user meets them. Every message and return code is tested on the host, in the crate `shell`.

use console::wire::ConsoleState;
use tests::{System, Terminal, assert_line, assert_no_line};

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

/// An A-disk with these EXECs.
fn system_with(execs: &[(&str, &str)]) -> System {
    let system = System::start();
    for (name, text) in execs {
        system.disk_put("CMSUSER", name, "EXEC", format!("/* */\n{text}").as_bytes()).succeeded();
    }
    system
}

#[test]
fn ht_rt_ho_so_ro_ts_and_hb_act_on_what_runs() {
    let system = system_with(&[
        ("TALK", "do i = 1; say 'line' i; 'CP MSG * beat' i; end\n"),
        ("WATCH", "do forever; 'DESBUF'; 'QUERY TRACING'; end\n"),
        ("WORK", "say 'going'; do forever; 'DESBUF'; end\n"),
        ("LONG", "say 'going'; 'CP SLEEP 1 MIN'; say 'done'\n"),
    ]);
    let mut terminal = system.log_on("CMSUSER");
    // HT hides lines, and RT shows those that come after it. Messages of CP are shown either way.
    terminal.type_line("talk");
    terminal.until("^line 5$");
    terminal.type_line("ht");
    let hidden = (0..10_000).any(|_| !terminal.until(": beat [0-9]+$").contains("line "));
    assert!(hidden, "lines are shown after HT");
    terminal.type_line("rt");
    terminal.until("^line ");
    terminal.type_line("hx");
    assert_line(&terminal.ready(), "^DMSABE222I (TALK|CP) halted by HX$");
    // SO, RO and HO act on SVCTRACE, whose record is printed when HO comes.
    terminal.command("svctrace on");
    terminal.type_line("watch");
    terminal.until("^SVCTRACE = ON$");
    for (command, state) in [("so", "SUSPENDED"), ("ro", "ON"), ("ho", "OFF")] {
        terminal.type_line(command);
        terminal.until(&format!("^SVCTRACE = {state}$"));
    }
    terminal.type_line("hi");
    assert_line(&terminal.ready(), "^DMSREX452E Error 4 running WATCH EXEC");
    assert_line(&terminal.command("query printer all"), "CMS +SVCTRACE");
    // TS begins an interactive trace, at a pause of which a line is read.
    terminal.type_line("work");
    terminal.until("^going$");
    terminal.type_line("ts");
    terminal.until(r"^ +2 \*-\*");
    // At the pause: DESBUF would take away what is typed before.
    terminal.until_state(|state| matches!(state, ConsoleState::VmRead { .. }));
    terminal.type_line("exit 7");
    assert_line(&terminal.ready(), r"^Ready\(00007\);");
    // HB lets the job that runs come to its end, and the next one stays in the reader.
    for name in ["ONE", "TWO"] {
        system.punch("CMSUSER", name, &format!("/JOB CMSUSER 1 {name}\nlong\n/*\n")).succeeded();
    }
    terminal.type_line("cmsbatch");
    terminal.until("^going$");
    terminal.type_line("hb");
    let shown = terminal.ready();
    assert_line(&shown, "^done$");
    assert_line(&shown, "^DMSBTC102I Job ONE ended with return code 0$");
    assert_line(&shown, "^DMSBTC109I CMSBATCH ends: HB was typed$");
    assert_line(&terminal.command("query reader all"), "TWO");
}

#[test]
fn an_exec_is_told_of_its_own_immediate_command_and_what_is_typed_beside_it_waits() {
    let count = "'IMMCMD SET DONE'; say 'going'; do until rc = 1; 'IMMCMD STATUS DONE'; end\nparse pull line; say 'read' line\n";
    let system = system_with(&[("COUNT", count), ("WORK", "say 'going'; do forever; 'DESBUF'; end\n")]);
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("count");
    terminal.until("^going$");
    terminal.type_line("typed ahead");
    terminal.type_line("done");
    assert_line(&terminal.ready(), "^read typed ahead$");
    // With the EXEC it is gone: the word is a command again.
    terminal.type_line("done");
    terminal.until("^Unknown CP/CMS command$");
    // What SET INPUT and SET OUTPUT say holds for the console of the machine, also after a command was halted.
    terminal.command("set output 5b (");
    terminal.command("set input ! 5b");
    terminal.type_line("work");
    terminal.until("^going$");
    terminal.type_line("hx");
    terminal.ready();
    assert_line(&terminal.command("query input"), "^INPUT  ! {2}5B$");
    assert_line(&terminal.command("query output"), r"^OUTPUT 5B \($");
}

#[test]
fn what_ends_a_sleep_is_acted_on_before_what_follows_the_sleep_runs() {
    let system = system_with(&[("NAP", "say 'going'; 'CP SLEEP 10 MIN'; say 'awake'; do 200; 'DESBUF'; end\n")]);
    let mut terminal = system.log_on("CMSUSER");
    // HX comes just before the machine sleeps or while it does, as it happens.
    for _ in 0..40 {
        terminal.type_line("nap");
        terminal.until("^going$");
        terminal.type_line("hx");
        let shown = terminal.ready();
        assert_line(&shown, "^DMSABE222I (NAP|CP) halted by HX$");
        assert_no_line(&shown, "^awake$");
    }
}

#[test]
fn several_commands_stand_in_a_line_and_what_is_typed_ahead_waits_behind_the_stack() {
    let system = system_with(&[("SLOW", "say 'going'; queue 'QUERY EMSG'; 'CP SLEEP 1 SEC'\n")]);
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("query impcp#query impex#query cmslevel");
    let shown = terminal.ready() + &terminal.ready() + &terminal.ready();
    assert_line(&shown, "^IMPCP    = ON$");
    assert_line(&shown, "^IMPEX    = ON$");
    assert_line(&shown, "^CP-64 CMS");
    // Another character does the same, and the first one is one like any other then.
    terminal.command("set linend /");
    terminal.type_line("query impcp/query impex");
    assert_line(&(terminal.ready() + &terminal.ready()), "^IMPEX    = ON$");
    assert_line(&terminal.command("query impcp#query impex"), "^DMS|^HCP");
    terminal.command("set linend #");
    // Typed while SLOW runs: first what it has stacked, then the lines in their order.
    terminal.type_line("slow");
    terminal.until("^going$");
    terminal.type_line("query rdymsg");
    terminal.type_line("query abbrev");
    let shown: String = (0..4).map(|_| terminal.ready()).collect();
    let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text} in {shown}"));
    assert!(place("EMSG     = ON") < place("RDYMSG   = LMSG") && place("RDYMSG   = LMSG") < place("ABBREV   = ON"), "{shown}");
}

#[test]
fn the_system_profile_of_the_system_disk_runs_at_ipl() {
    let mut system = System::start();
    system.shut_down();
    let profile = b"/* */ say 'maintained until Monday'\n";
    system.cp64(&["disk", "put", "MAINT", "190", "-", "SYSPROF", "EXEC"], profile).succeeded();
    system.run();
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("#cp ipl cms parm autocr");
    assert_line(&terminal.ready(), "^maintained until Monday$");
    terminal.type_line("#cp ipl cms parm nosprof autocr");
    assert_no_line(&terminal.ready(), "^maintained until Monday$");
}

#[test]
fn a_tape_goes_out_to_the_host_and_comes_back_byte_for_byte() {
    let system = System::start();
    system.disk_put("CMSUSER", "ONE", "DATA", b"first\nsecond\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    assert_line(&terminal.command("tape dump one data (wtm"), "^  ONE DATA A1$");
    terminal.type_line("#cp logoff");
    terminal.ending();
    let image = system.disk_get("CMSUSER", "TAP1", "AWSTAPE");
    // A block, as its header says, and a tape mark.
    let length = u16::from_le_bytes([image[0], image[1]]);
    assert_eq!(image[2..6], [0, 0, 0xa0, 0]);
    assert_eq!(image[6 + usize::from(length)..], [0, 0, image[0], image[1], 0x40, 0]);
    system.cp64(&["disk", "put", "--binary", "CMSUSER", "191", "-", "BACK", "AWSTAPE"], &image).succeeded();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("erase one data a");
    terminal.command("filedef tap2 disk back awstape");
    assert_line(&terminal.command("tape load * * a (tap2"), "^  ONE DATA A1$");
    assert_line(&terminal.command("type one data"), "^second$");
    assert_eq!(terminal.command("compare tap1 awstape a back awstape a").lines().filter(|line| line.starts_with("DMS")).count(), 1);
}

/// Everybody may read CMSUSER's disk, and OTHER, whose terminal this is, has it as B and an EXEC on A.
fn reader_of_cmsusers_disk(system: &System, name: &str, exec: &str) -> Terminal {
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).expect("the directory");
    let line = text.lines().find(|line| line.contains("USR001")).expect("CMSUSER's disk");
    let end = line.find(" MR").map_or(line.len(), |at| at + 3);
    std::fs::write(&source, text.replace(line, &format!("{} ALL", &line[..end]))).expect("the directory");
    system.cp("DIRECTXA").succeeded();
    system.add_user("OTHER");
    system.disk_put("OTHER", name, "EXEC", format!("/* */\n{exec}").as_bytes()).succeeded();
    let mut terminal = system.log_on("OTHER");
    terminal.command("cp link cmsuser 191 120 rr");
    terminal.command("access 120 b");
    terminal
}

#[test]
fn a_disk_that_is_detached_under_a_running_exec_is_an_error_of_its_commands() {
    let system = System::start();
    let text: String = (0..20_000).map(|at| format!("line {at} {}\n", "x".repeat(60))).collect();
    system.disk_put("CMSUSER", "README", "TEXT", text.as_bytes()).succeeded();
    let lines = "do i = 1 to 3; 'EXECIO 1 DISKR README TEXT B (VAR x'; say i rc x; end\n'CP DETACH 120'\n";
    let then = "'EXECIO * DISKR README TEXT B (STEM a.'; say 'afterwards' rc\n'TYPE README TEXT B 1 1'; say 'typing' rc\n";
    let mut terminal = reader_of_cmsusers_disk(&system, "LOSE", &format!("{lines}{then}"));
    let shown = terminal.command("lose");
    assert_line(&shown, "^3 0 line 2 x+$");
    assert_line(&shown, r"^DMSEIO104S Error on disk B\(120\), file README TEXT B: .*not attached");
    assert_line(&shown, "^afterwards 100$");
    assert_line(&shown, "^typing 100$");
    assert_line(&shown, "^Ready;");
    // The disk can be had again.
    terminal.command("cp link cmsuser 191 120 rr");
    terminal.command("access 120 b");
    assert_line(&terminal.command("head readme text b 1"), "^line 0 x+$");
}

#[test]
fn a_file_that_another_user_changes_while_it_is_read_ends_in_order() {
    let system = System::start();
    let text = |round: u32| -> String { (0..3000 + round * 500).map(|at| format!("round {round} line {at}\n")).collect() };
    system.disk_put("CMSUSER", "README", "TEXT", text(0).as_bytes()).succeeded();
    system.disk_put("CMSUSER", "MORE", "TEXT", text(1).as_bytes()).succeeded();
    let exec = "do i = 1 to 200; 'EXECIO * DISKR README TEXT B (FINIS STEM a.'; if rc <> 0 then leave; end; say 'read' i 'times' rc\n";
    let mut terminal = reader_of_cmsusers_disk(&system, "READER", exec);
    let mut owner = system.log_on("CMSUSER");
    terminal.type_line("reader");
    for _ in 0..10 {
        owner.command("copyfile more text a readme text a (replace");
        owner.command("copyfile more text a readme text a (append");
        owner.command("copyfile more text a other text a (replace upcase");
    }
    // What was read is the old file, or an error of the disk that says so. CMS goes on, and sees the new one when it accesses the disk again.
    let shown = terminal.ready();
    assert_line(&shown, r"^read \d+ times (0|32|100)$");
    assert_no_line(&shown, "DMSITP|DMSABE");
    terminal.command("access 120 b");
    assert_line(&terminal.command("head other text b 1"), "^ROUND 1 LINE 0$");
}

#[test]
fn hx_as_an_answer_ends_the_exec_too() {
    let system =
        system_with(&[("ORDER", "'SORT LIST DATA A OTHER DATA A'; say 'went on after' rc\n"), ("ASK", "pull line; say 'read' line\n")]);
    system.disk_put("CMSUSER", "LIST", "DATA", b"b\na\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("order");
    terminal.until("^DMSSRT604R Enter sort fields:$");
    terminal.until_vm_read();
    terminal.type_line("hx");
    let shown = terminal.ready();
    assert_line(&shown, "^DMSABE222I SORT halted by HX$");
    assert_line(&shown, r"^Ready\(00222\);");
    assert_no_line(&shown, "went on");
    assert_line(&terminal.command("listfile other data a"), "^DMSLST002E ");
    // A program reads what is typed.
    terminal.type_line("ask");
    terminal.until_vm_read();
    terminal.type_line("hx");
    assert_line(&terminal.ready(), "^read HX$");
    // CMS goes on as ever.
    terminal.type_line("order");
    terminal.until("^DMSSRT604R Enter sort fields:$");
    terminal.type_line("1 1");
    assert_line(&terminal.ready(), "^went on after 0$");
}

#[test]
fn hx_in_the_middle_of_sort_and_copyfile_leaves_the_disk_as_it_was() {
    let system = System::start();
    let text: String =
        (0..200_000u32).map(|at| format!("{:08} {}\n", at.wrapping_mul(2_654_435_761) % 100_000_000, "y".repeat(20))).collect();
    system.disk_put("CMSUSER", "BIG", "DATA", text.as_bytes()).succeeded();
    let mut terminal = system.log_on("CMSUSER");
    let before = terminal.command("listfile * * a (alloc noheader");
    let files = |shown: &str| shown.lines().filter(|line| line.contains(" DATA ")).map(String::from).collect::<Vec<_>>();
    let mut halted = 0;
    for wait in [20, 60, 150, 300, 600] {
        for (command, typed) in [("sort big data a other data a", Some("1 8")), ("copyfile big data a other data a (upcase", None)] {
            terminal.type_line(command);
            typed.iter().for_each(|line| terminal.type_line(line));
            std::thread::sleep(std::time::Duration::from_millis(wait));
            terminal.type_line("hx");
            let shown = terminal.ready();
            if !shown.contains("halted by HX") {
                // It was done before: HX came as a command of its own.
                terminal.ready();
            }
            // The disk has the file as a whole, or is as it was.
            let now = files(&terminal.command("listfile * * a (alloc noheader"));
            let (other, rest): (Vec<String>, Vec<String>) = now.into_iter().partition(|line| line.starts_with("OTHER"));
            assert_eq!(rest, files(&before), "{command}");
            halted += u32::from(other.is_empty());
            if !other.is_empty() {
                assert_line(&other[0], r" 200000 ");
                terminal.command("erase other data a");
            }
        }
    }
    assert!(halted > 0, "no command was slow enough to be halted");
    terminal.type_line("#cp logoff");
    terminal.ending();
    system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
}
