//! Minidisks: who may link to them and how, the host's side of them, and the file commands of CMS on them.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tests::{System, Terminal, assert_line};

/// A terminal of a user in CP READ who has no IPLed system and detaches what logon linked.
fn bare(system: &System, user: &str) -> Terminal {
    let mut terminal = Terminal::log_on_no_ipl(&system.socket(), user);
    terminal.until("^LOGON AT ");
    terminal.until_cp_read();
    terminal
}

/// Gives everybody every password of CMSUSER's 191.
fn open_to_all(system: &System) {
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).unwrap();
    let mine = text.lines().find(|line| line.contains("MDISK 0191") && line.contains("USR001")).expect("CMSUSER's disk");
    let opened = text.replace(mine, &format!("{} ALL ALL ALL", mine.trim_end()));
    std::fs::write(&source, opened).unwrap();
    system.cp("DIRECTXA").succeeded();
}

#[test]
fn link_modes_are_those_of_the_manual() {
    let system = System::start();
    open_to_all(&system);
    // What the other has on the disk, the mode asked for, and what comes of it.
    let outcomes = [
        ("", [("R", "R/O"), ("RR", "R/O"), ("W", "R/W"), ("WR", "R/W"), ("M", "R/W"), ("MR", "R/W"), ("MW", "R/W")]),
        ("RR", [("R", "R/O"), ("RR", "R/O"), ("W", "104"), ("WR", "101"), ("M", "R/W"), ("MR", "R/W"), ("MW", "R/W")]),
        ("W", [("R", "105"), ("RR", "R/O"), ("W", "105"), ("WR", "102"), ("M", "105"), ("MR", "102"), ("MW", "R/W")]),
    ];
    let mut holder = bare(&system, "MAINT");
    system.add_user("OTHER");
    let mut other = bare(&system, "OTHER");
    for (held, modes) in outcomes {
        if !held.is_empty() {
            holder.type_line(&format!("link cmsuser 191 291 {held}#query virtual 291"));
            holder.until("^DASD 0291 3390 ");
        }
        for (mode, outcome) in modes {
            other.look();
            other.type_line(&format!("link cmsuser 191 391 {mode}"));
            other.type_line("query virtual 391");
            let shown = other.until(r"^DASD 0391 3390|^HCP...040E");
            let others = if held == "RR" { "R/O BY MAINT" } else { "R/W BY MAINT" };
            match outcome {
                "R/O" | "R/W" => {
                    assert_line(&shown, &format!("^DASD 0391 3390 USR001 {outcome}"));
                    if !held.is_empty() {
                        assert_line(&shown, &format!("^DASD 0391 LINKED {outcome}; {others}$"));
                    }
                }
                "101" | "102" => {
                    assert_line(&shown, &format!("^HCPLNM{outcome}W DASD 0391 forced R/O; {others}$"));
                    assert_line(&shown, "^DASD 0391 3390 USR001 R/O");
                }
                number => assert_line(&shown, &format!("^HCPLNM{number}E CMSUSER 0191 not linked; {others}$")),
            }
            other.type_line("detach 391");
            other.until(r"^DASD 0391 DETACHED|^HCP...040E");
        }
        holder.look();
        holder.type_line("detach 291");
        holder.until(r"^DASD 0291 DETACHED|^HCP...040E");
    }
}

#[test]
fn the_host_waits_its_turn() {
    let system = System::start();
    system.disk_put("CMSUSER", "A", "FILE", b"one\n").succeeded();
    let mut writer = system.log_on("CMSUSER");
    // Held read/write: neither read nor written from the host.
    let refused = system.disk_put("CMSUSER", "B", "FILE", b"two\n").failed(1);
    assert_line(&refused.errors, "^cp64: CMSUSER 0191: .*held by another");
    system.cp64(&["disk", "rm", "CMSUSER", "191", "A", "FILE"], b"").failed(1);
    // The system disk is held by readers alone: it can be read, not written.
    assert_line(&system.cp64(&["disk", "ls", "MAINT", "190"], b"").succeeded().output, "HELPCMS");
    assert!(!system.cp64(&["disk", "get", "MAINT", "190", "LISTFILE", "HELPCMS", "-"], b"").succeeded().bytes.is_empty());
    system.cp64(&["disk", "put", "MAINT", "190", "-", "B", "FILE"], b"x\n").failed(1);
    writer.type_line("logoff");
    writer.ending();
    system.disk_put("CMSUSER", "B", "FILE", b"two\n").succeeded();
    assert_eq!(system.disk_get("CMSUSER", "B", "FILE"), b"two\n");
}

#[test]
fn the_host_tools_say_what_is_wrong() {
    let system = System::start();
    for (arguments, why) in [
        (&["disk", "ls", "NOBODY", "191"][..], "NOBODY has no minidisk 0191"),
        (&["disk", "ls", "CMSUSER", "999"], "CMSUSER has no minidisk 0999"),
        (&["disk", "get", "CMSUSER", "191", "NO", "FILE", "-"], "NO FILE"),
        (&["disk", "rm", "CMSUSER", "191", "NO", "FILE"], "NO FILE"),
        (&["disk", "put", "CMSUSER", "191", "/no/such/file", "A", "FILE"], "/no/such/file"),
        (&["disk", "put", "CMSUSER", "191", "-", "TOOLONGNAME", "FILE"], "TOOLONGNAME"),
        (&["disk", "put", "CMSUSER", "191", "-", "A*", "FILE"], "A\\*"),
    ] {
        assert_line(&system.cp64(arguments, b"x\n").failed(1).errors, &format!("^cp64: .*{why}"));
    }
    assert_eq!(system.cp64(&["disk", "ls", "../../etc", "191"], b"").code, 2, "a userid with a slash");
}

#[test]
fn any_bytes_come_back_as_they_went_in() {
    let system = System::start();
    let samples: [&[u8]; 8] = [b"", b"\n", b"no line end", b"\r\nCRLF\r\n", b" \n  \n", b"\0", b"a\n\nb\n", &[0xff, 0xfe, b'\n']];
    for (number, bytes) in samples.iter().enumerate() {
        system.disk_put("CMSUSER", &format!("S{number}"), "BYTES", bytes).succeeded();
    }
    // They pass through CMS as well.
    system.session("CMSUSER", "copyfile * bytes a = copy a\n");
    for (number, bytes) in samples.iter().enumerate() {
        assert_eq!(system.disk_get("CMSUSER", &format!("S{number}"), "BYTES"), *bytes);
        if !bytes.is_empty() {
            assert_eq!(system.disk_get("CMSUSER", &format!("S{number}"), "COPY"), *bytes, "sample {number} through COPYFILE");
        }
    }
    let mut runner = TestRunner::new(Config { cases: 25, failure_persistence: None, ..Config::default() });
    let came_back = runner.run(&(prop::collection::vec(any::<u8>(), 0..20_000), any::<bool>()), |(mut bytes, text)| {
        if text {
            bytes.iter_mut().for_each(|byte| *byte = if *byte < 20 { b'\n' } else { b' ' + *byte % 90 });
        }
        system.disk_put("MAINT", "ANY", "BYTES", &bytes).succeeded();
        prop_assert!(system.disk_get("MAINT", "ANY", "BYTES") == bytes);
        Ok(())
    });
    came_back.unwrap_or_else(|error| panic!("{error}"));
    system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
    system.cp64(&["disk", "check", "MAINT", "191"], b"").succeeded();
}

#[test]
fn the_file_commands_of_cms_do_what_they_say() {
    let system = System::start();
    system.disk_put("CMSUSER", "FIRST", "TEXT", b"alpha\nbeta\ngamma\n").succeeded();
    system.disk_put("CMSUSER", "SECOND", "TEXT", b"delta\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    let mut cms = |command: &str, shape: &str| assert_line(&terminal.command(command), shape);
    cms("copyfile first text a copy text a", "^Ready;");
    cms("copyfile first text a copy text a", r"^DMSCPY024E File COPY TEXT A1? already exists");
    cms("copyfile first text a second text a both text a", "^Ready;");
    cms("type both text a", "^delta$");
    cms("copyfile first text a copy text a (replace from 2 for 1", "^Ready;");
    cms("type copy text a", "^beta$");
    cms("copyfile second text a copy text a (append", "^Ready;");
    cms("rename copy text a renamed text a", "^Ready;");
    cms("state copy text a", r"^Ready\(00028\)");
    cms("state renamed text a", "^Ready;");
    cms("rename renamed text a first text a", r"^DMSRNM024E .*already exists");
    cms("erase second text a", "^Ready;");
    cms("erase second text a", r"^DMSERS002E File.* not found");
    cms("listfile * text a (date", r"^FIRST    TEXT     A1 V +5 +3 ");
    cms("erase * * s", r"^Ready\(000(28|36)\)");
    cms("copyfile first text a first text s", r"^DMSCPY037E Filemode S\(190\) is accessed as read/only");
    cms("copyfile no file a some file a", r"^DMSCPY002E ");
    cms("copyfile first text q new text a", r"^DMSCPY069E Filemode Q not accessed");
    cms("release a", "^Ready;");
    cms("listfile * * a", r"^DMSLST069E Filemode A not accessed");
    cms("access 191 a", "^Ready;");
    cms("access 190 b", "^Ready;");
    cms("query accessed", r"^B .*R/O");
    cms("release b", "^Ready;");
    terminal.type_line("logoff");
    terminal.ending();
    assert_eq!(system.disk_get("CMSUSER", "RENAMED", "TEXT"), b"beta\ndelta\n");
    assert_eq!(system.disk_get("CMSUSER", "BOTH", "TEXT"), b"alpha\nbeta\ngamma\ndelta\n");
    let listed = system.cp64(&["disk", "ls", "CMSUSER", "191"], b"").succeeded().output;
    assert_line(&listed, r"^FIRST    TEXT     A1 V ");
    assert_eq!(listed.lines().count(), 4, "{listed}");
    assert_line(&system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded().output, "sound");
}

#[test]
fn format_makes_an_empty_disk_and_asks_first() {
    let system = System::start();
    system.disk_put("CMSUSER", "OLD", "FILE", b"old\n").succeeded();
    let mut terminal = system.log_on("CMSUSER");
    terminal.type_line("format 191 a");
    terminal.until("^DMSFOR603R FORMAT will erase all files on disk A\\(191\\)");
    terminal.type_line("0");
    terminal.ready();
    assert_line(&terminal.command("state old file a"), "^Ready;");
    terminal.type_line("format 191 a");
    terminal.until("^DMSFOR603R");
    terminal.type_line("1");
    terminal.until("^DMSFOR605R Enter disk label");
    terminal.type_line("newlbl");
    let shown = terminal.ready();
    assert_line(&shown, r"^DMSFOR733I Formatting disk A$");
    assert_line(&shown, r"^DMSFOR732I 50 cylinders formatted on A\(191\)$");
    assert_line(&terminal.command("query disk a"), r"^NEWLBL 191  A   R/W    50 3390 4096        0 ");
    assert_line(&terminal.command("state old file a"), r"^Ready\(00028\)");
    assert_line(&terminal.command("format 190 s"), r"^Ready\(000(24|36)\)");
    terminal.type_line("logoff");
    terminal.ending();
    system.cp64(&["disk", "check", "CMSUSER", "191"], b"").succeeded();
    system.disk_put("CMSUSER", "NEW", "FILE", b"new\n").succeeded();
}

#[test]
fn a_full_minidisk_is_full_and_what_was_on_it_stays() {
    let system = System::start();
    system.add_user("SMALL");
    let half = "0123456789abcdef".repeat(50_000);
    let refused = system.disk_put("SMALL", "HUGE", "DATA", half.repeat(2).as_bytes()).failed(1);
    assert_line(&refused.errors, "^cp64: .*full");
    system.disk_put("SMALL", "HALF", "DATA", half.as_bytes()).succeeded();
    let session = system.session("SMALL", "copyfile half data a other data a\nlistfile * * a\nerase half data a\nquery disk a\n");
    assert_line(&session, r"^DMSCPY107S Disk A\(191\) is full$");
    assert_line(&session, r"^Ready\(00100\);");
    assert_line(&session, r"^HALF     DATA     A1$");
    assert_line(&session, r"191 +A +R/W +2 3390 4096 +0 ");
    system.cp64(&["disk", "check", "SMALL", "191"], b"").succeeded();
}

#[test]
fn a_new_user_can_work_at_once_and_a_removed_one_no_more() {
    let system = System::start();
    system.add_user("STUDENT");
    assert_line(&system.session("STUDENT", "query disk a\n"), r"191 +A +R/W +2 3390 4096 ");
    system.cp64(&["user", "add", "STUDENT"], b"").failed(1);
    for bad in ["TOOLONGID", "A B", ""] {
        assert_ne!(system.cp64(&["user", "add", bad], b"").code, 0, "{bad:?} was added");
    }
    system.cp64(&["user", "remove", "STUDENT"], b"").succeeded();
    system.script("STUDENT", "query disk a\n").failed(53);
}

#[test]
fn an_exec_runs_commands_until_one_fails() {
    let system = System::start();
    system.disk_put("CMSUSER", "TWICE", "EXEC", b"COPYFILE FIRST TEXT A NEXT TEXT A\nTYPE NEXT TEXT A\n").succeeded();
    system.disk_put("CMSUSER", "FIRST", "TEXT", b"from the exec\n").succeeded();
    let session = system.session("CMSUSER", "exec twice\nlistfile next text a\n");
    assert_line(&session, "^from the exec$");
    assert_line(&session, "^NEXT     TEXT     A1$");
    assert_line(&system.session("CMSUSER", "exec nothing\n"), r"^Ready\(00028\)");
}

#[test]
fn temporary_disks_are_defined_used_given_and_gone() {
    let system = System::start();
    let source = system.directory().join("user.direct");
    let text = std::fs::read_to_string(&source).unwrap();
    let with = "USER TEMP AUTOONLY 32M 32M BG\n  INCLUDE CMSDFLT\n  MDISK 0300 3390 T-DISK 3 MR\n  MDISK 0301 FB-512 V-DISK 8000\n";
    std::fs::write(&source, text + with).unwrap();
    system.cp("DIRECTXA").succeeded();
    let mut terminal = system.log_on("TEMP");
    let mut cp = |command: &str, shape: &str| assert_line(&terminal.command(&format!("cp {command}")), shape);
    cp("query virtual 300", r"^DASD 0300 3390 \(TEMP\) R/W          3 CYL ON DASD");
    cp("query virtual 301", r"^DASD 0301 FB-512 \(VDSK\) R/W       8000 BLK ON DASD");
    cp("define t3390 as 302 cyl 5", "^DASD 0302 DEFINED$");
    cp("define vfb-512 303 4000", "^DASD 0303 DEFINED$");
    cp("define tfb-512 as 304 blk 1600", "^DASD 0304 DEFINED$");
    cp("define t3390 as 302 cyl 5", "^HCPDFN092E Device 0302 already defined$");
    cp("define t3390 as 305 cyl 0", "^HCPDFN091E DASD 0305 not defined; that is no size");
    cp("define t3390 as 305 cyl 70000", "^HCPDFN091E DASD 0305 not defined; that is no size");
    let too_much = "^HCPDFN091E DASD 0305 not defined; it would exceed the user limit of V-DISK space$";
    cp("define vfb-512 as 305 blk 99999999", too_much);
    // 256 MiB are for one user, those that there are counted.
    cp("define vfb-512 as 305 blk 520000", too_much);
    cp("define vfb-512 as 305 blk 500000", "^DASD 0305 DEFINED$");
    cp("detach 305", "^DASD 0305 DETACHED$");
    cp("define t3390 as 305 cyl many", "^HCPCFC002E Invalid operand - many|^HCP...002E");
    for vdev in ["302", "303", "304"] {
        terminal.type_line(&format!("format {vdev} b (blksize 1024"));
        terminal.until("^DMSFOR603R");
        terminal.type_line("1");
        terminal.until("^DMSFOR605R");
        terminal.type_line("temp");
        assert_line(&terminal.ready(), r"^DMSFOR732I ");
        assert_line(&terminal.command("copyfile listfile helpcms s = = b"), "^Ready;");
        assert_line(&terminal.command("listfile * * b"), "^LISTFILE HELPCMS  B2$");
        terminal.command("release b");
    }
    let names: Vec<_> = std::fs::read_dir(system.directory().join("minidisks")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("TEMP")), "{names:?}");
    // Given to another user, with what is on it.
    let mut other = system.log_on("CMSUSER");
    assert_line(&terminal.command("cp give 302 to cmsuser as 202"), "^DASD 0302 GIVEN TO CMSUSER 0202$");
    other.until("^DASD 0202 GIVEN BY TEMP$");
    assert_line(&other.command("access 202 b"), "^Ready;");
    assert_line(&other.command("listfile * * b"), "^LISTFILE HELPCMS  B2$");
    assert_line(&terminal.command("cp give 302 to cmsuser"), "^HCP...040E");
    assert_line(&terminal.command("cp give 303 to cmsuser 191"), "^HCPGIV092E Device 0191 of CMSUSER already defined$");
    assert_line(&terminal.command("cp query virtual 303"), "^DASD 0303 ");
    // Detached and defined again it is all zeros.
    assert_line(&terminal.command("cp detach 303"), "^DASD 0303 DETACHED$");
    terminal.command("cp define vfb-512 303 4000");
    assert_line(&terminal.command("access 303 b"), "The disk is not CMS formatted");
    terminal.type_line("logoff");
    terminal.ending();
    other.type_line("logoff");
    other.ending();
    let mut again = system.log_on("TEMP");
    assert_line(&again.command("cp query virtual 302"), "^HCP...040E");
    assert_line(&again.command("access 300 b"), "The disk is not CMS formatted");
}

#[test]
fn the_minidisk_cache_is_counted() {
    let system = System::start();
    let read = || {
        let data = &system.cp_json("QUERY MDC")["data"];
        ["found", "waited", "written"].map(|name| data[name].as_u64().unwrap())
    };
    let before = read();
    system.session("CMSUSER", "copyfile listfile helpcms s = = a\n");
    let after = read();
    assert!(after[0] + after[1] > before[0] + before[1] && after[2] > before[2], "{before:?} {after:?}");
    assert_line(&system.cp_says("QUERY MDC"), "^Blocks read [0-9]+ found [0-9]+ waited [0-9]+ hits [0-9]+%$");
}
