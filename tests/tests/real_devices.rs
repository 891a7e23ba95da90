//! Real printers, punches and readers: whole files on the host, whatever fails, and an operator who is told what waits.

use std::fs;
use std::path::{Path, PathBuf};

use tests::{Program, System, assert_line, assert_no_line, in_namespace, wait_for};

/// A system with this in its `system.toml` besides what is there after the first start.
fn system_with(statements: &str) -> System {
    let mut system = System::start();
    system.shut_down();
    let path = system.directory().join("system.toml");
    let text = fs::read_to_string(&path).expect("settings");
    let own: String = text.split("\n[[").next().unwrap_or_default().to_string();
    fs::write(&path, format!("{own}\n{statements}")).expect("settings can be written");
    system.run();
    system
}

const PRINTER: &str = "[[printer]]\ndevice = \"00E\"\nfolder = \"printer\"\npaper = \"green-bar\"\nstart = true\n";

/// Host files in a folder of the data directory that end so, by name.
fn files(system: &System, folder: &str, end: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(system.directory().join(folder))
        .map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
        .unwrap_or_default();
    found.retain(|path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !name.starts_with('.') && name.ends_with(end)
    });
    found.sort();
    found
}

fn wait_for_files(system: &System, folder: &str, end: &str, count: usize) -> Vec<PathBuf> {
    wait_for("the device", || Some(files(system, folder, end)).filter(|files| files.len() == count))
}

fn print(system: &System, name: &str, options: &str) {
    system.disk_put("CMSUSER", name, "TEXT", format!("first line of {name}\nsecond line\n").as_bytes()).succeeded();
    let session = system.session("CMSUSER", &format!("cp spool printer {options}\nprint {name} text a\n"));
    assert_no_line(&session, "^DMS.*E ");
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("a text")
}

#[test]
fn a_printed_file_is_text_and_pdf_in_the_folder_and_gone_from_the_queue() {
    let system = system_with(PRINTER);
    print(&system, "REPORT", "copy 2 dist ROOM2");
    let [printed] = &wait_for_files(&system, "printer", "CMSUSER-0001-REPORT-TEXT.txt", 1)[..] else { panic!("one file") };
    let (banner, body) = text(printed).split_once('\u{c}').map(|(a, b)| (a.to_string(), b.to_string())).expect("two pages");
    assert_line(&banner, r"USERID   CMSUSER +ORIGIN   CMSUSER +DISTRIBUTION   ROOM2$");
    assert_line(&banner, r"CCCCCC.*MM +MM");
    assert_line(&body, "^first line of REPORT$");
    assert_line(&body, "^second line$");
    let [pdf] = &wait_for_files(&system, "printer", "REPORT-TEXT.pdf", 1)[..] else { panic!("one document") };
    let bytes = fs::read(pdf).expect("a document");
    assert!(bytes.starts_with(b"%PDF-") && bytes.ends_with(b"%%EOF"));
    wait_for("the queue", || system.cp_says("QUERY FILES CMSUSER").contains("NO PRT").then_some(()));
    // Kept, it stays, held.
    print(&system, "OTHER", "keep");
    wait_for_files(&system, "printer", "OTHER-TEXT.txt", 1);
    wait_for("the hold", || system.cp_says("QUERY PRINTER CMSUSER").contains(" USER ").then_some(()));
}

#[test]
fn what_no_printer_takes_is_told_and_taken_when_the_operator_says_so() {
    let system = system_with(&format!("{PRINTER}class = \"A\"\nform = \"STANDARD\"\nauto = false\nseparator = false\n"));
    assert_line(&system.cp_says("QUERY UR"), r"^PRT  000E STARTED   SYSTEM   CLASS = A      NOSEP  MANUAL FORM STANDARD DEST ANY$");
    let mut operator = tests::Terminal::observe(&system.socket(), "OPERATOR");
    print(&system, "ONE", "class b");
    operator.until(r"HCPRSS9437I PRT file CMSUSER 0001 waits: no printer takes class B$");
    std::thread::sleep(std::time::Duration::from_secs(1));
    print(&system, "TWO", "class a form labels");
    operator.until(r"HCPRSS405A Mount form LABELS on printer 000E for PRT file CMSUSER 0002$");
    print(&system, "THREE", "form off hold");
    let shown = system.cp_says("QUERY UR");
    assert_line(&shown, r"^PRT FILE CMSUSER  0001 WAITS: no printer takes class B$");
    assert_line(&shown, r"^PRT FILE CMSUSER  0002 WAITS: mount form LABELS on printer 000E$");
    assert_no_line(&shown, "0003 WAITS");
    assert!(files(&system, "printer", ".txt").is_empty());
    let data = &system.cp_json("QUERY UR")["data"]["waiting"];
    let waiting: Vec<_> =
        data.as_array().expect("a list").iter().filter(|file| file["owner"] == "CMSUSER").map(|file| &file["spid"]).collect();
    assert_eq!(waiting, [1, 2]);
    system.cp("START 00E FORM LABELS").succeeded();
    wait_for_files(&system, "printer", "TWO-TEXT.txt", 1);
    system.cp("START 00E CLASS A B FORM STANDARD AUTO").succeeded();
    wait_for_files(&system, "printer", "ONE-TEXT.txt", 1);
    system.cp("DRAIN 00E").succeeded();
    system.cp("CHANGE CMSUSER PRINTER 3 NOHOLD").succeeded();
    assert_line(&system.cp_says("QUERY UR 00E"), "0003 WAITS: printer 000E takes it but is not started$");
    system.cp("HOLD CMSUSER").succeeded();
    assert_line(&system.cp_says("QUERY HOLD"), "^CMSUSER  PRT$");
    assert_line(&system.cp_says("START 00E"), "^PRT  000E STARTED ");
    assert_line(&system.cp_says("QUERY UR"), "0003 WAITS: output of CMSUSER is held; FREE CMSUSER releases it$");
    assert_line(&system.cp_says("FREE CMSUSER"), "^0000001 FILE  FREED$");
    wait_for_files(&system, "printer", "THREE-TEXT.txt", 1);
    the_operator_screen_is_told_the_same(&system);
}

/// The picture for the operator screen has the devices of QUERY UR, in its order.
fn the_operator_screen_is_told_the_same(system: &System) {
    let picture =
        console::client::watch(&system.socket()).expect("CP listens").snapshot(&console::wire::Window::everything()).expect("CP answers");
    let answer = system.cp_json("QUERY UR");
    let shown = answer["data"]["devices"].as_array().expect("a list");
    assert_eq!(picture.devices.len(), shown.len());
    for (device, shown) in picture.devices.iter().zip(shown) {
        let text = |name: &str| shown[name].as_str().unwrap_or_default();
        assert_eq!(
            [&device.number, &device.kind, &device.state, &device.classes, &device.form],
            ["rdev", "kind", "state", "class", "form"].map(text)
        );
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    assert!(now.abs_diff(picture.now) < 60, "{} is not now", picture.now);
}

#[test]
fn a_command_that_fails_or_hangs_stops_the_printer_and_the_file_stays() {
    let script = "if [ -e $D/hang ]; then sleep 600; fi; test -e $D/paper || { echo no paper >&2; exit 3; }; cat > $D/$0.out";
    let place = tempfile::tempdir().expect("a directory");
    let script = script.replace("$D", &place.path().display().to_string());
    let system = system_with(&format!(
        "[[printer]]\ndevice = \"00E\"\ncommand = [\"sh\", \"-c\", {script:?}, \"{{name}}\"]\nseconds = 2\nformats = [\"text\"]\nseparator = false\nstart = true\n"
    ));
    print(&system, "REPORT", "class a");
    let stopped = |why: &'static str| {
        wait_for("the stop", || {
            let shown = system.cp_says("QUERY UR");
            (shown.contains("STOPPED") && shown.contains(why)).then_some(())
        });
    };
    stopped("no paper");
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "0001 PRT");
    fs::write(place.path().join("hang"), "").expect("a file");
    system.cp("START 00E").succeeded();
    stopped("did not end within 2 seconds");
    fs::remove_file(place.path().join("hang")).expect("it is there");
    fs::write(place.path().join("paper"), "").expect("a file");
    system.cp("START 00E").succeeded();
    wait_for("the queue", || system.cp_says("QUERY FILES CMSUSER").contains("NO PRT").then_some(()));
    assert_line(&text(&place.path().join("REPORT.out")), "^first line of REPORT$");
    // FLUSH HOLD ends a command that hangs; the device takes the next file.
    fs::write(place.path().join("hang"), "").expect("a file");
    print(&system, "SECOND", "class a");
    wait_for("the file in progress", || system.cp_says("QUERY UR").contains(" FILE 0002 ").then_some(()));
    system.cp("FLUSH 00E HOLD").succeeded();
    wait_for("the hold", || system.cp_says("QUERY PRINTER CMSUSER").contains(" USER ").then_some(()));
    assert_line(&system.cp("FLUSH 00E").failed(46).errors, "^HCPRSU046E Device 000E has no file in progress$");
}

#[test]
fn the_operator_has_a_file_begun_again_repeated_or_given_up_and_a_start_forgets_settings() {
    let place = tempfile::tempdir().expect("a directory");
    let at = |name: &str| place.path().join(name);
    let script = format!(
        "echo run >> {0}; while [ -e {1} ]; do sleep 0.05; done; cat >> {2}",
        at("runs").display(),
        at("hang").display(),
        at("out").display()
    );
    let mut system = system_with(&format!(
        "[[printer]]\ndevice = \"00E\"\ncommand = [\"sh\", \"-c\", {script:?}]\nformats = [\"text\"]\nseparator = false\nstart = true\nclass = \"A\"\n"
    ));
    let runs = |count: usize| {
        wait_for("the command", || (fs::read_to_string(at("runs")).unwrap_or_default().lines().count() >= count).then_some(()));
        assert_eq!(text(&at("runs")).lines().count(), count);
    };
    let printed = |system: &System| wait_for("the queue", || system.cp_says("QUERY FILES CMSUSER").contains("NO PRT").then_some(()));
    fs::write(at("hang"), "").expect("a file");
    print(&system, "REPORT", "class a");
    runs(1);
    system.cp("BACKSPACE 00E").succeeded();
    runs(2);
    assert_line(&system.cp_says("QUERY UR 00E"), " FILE 0001 ");
    system.cp("REPEAT 00E 2").succeeded();
    fs::remove_file(at("hang")).expect("it is there");
    printed(&system);
    runs(4);
    assert_eq!(text(&at("out")).matches("first line of REPORT").count(), 3, "one, and two copies more");
    fs::write(at("hang"), "").expect("a file");
    print(&system, "SECOND", "class a");
    runs(5);
    system.cp("FLUSH 00E ALL").succeeded();
    printed(&system);
    fs::remove_file(at("hang")).expect("it is there");
    assert!(!text(&at("out")).contains("SECOND"), "what was given up is printed");
    // As on z/VM, the configuration says what a start begins with.
    system.cp("START 00E CLASS B").succeeded();
    system.shut_down();
    system.run();
    assert_line(&system.cp_says("QUERY UR 00E"), "^PRT  000E STARTED   SYSTEM   CLASS = A ");
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_device_and_nothing_is_lost() {
    // Of another class than the operator's console, which would be printed before.
    let system = system_with(&format!("{PRINTER}class = \"A\"\n"));
    fs::write(system.directory().join("printer"), "in the way").expect("a file");
    print(&system, "REPORT", "class a");
    wait_for("the stop", || system.cp_says("QUERY UR").contains("STOPPED").then_some(()));
    assert_line(&system.cp_says("QUERY FILES CMSUSER"), "0001 PRT");
    fs::remove_file(system.directory().join("printer")).expect("it is there");
    system.cp("START ALL").succeeded();
    wait_for_files(&system, "printer", "REPORT-TEXT.txt", 1);
}

#[test]
fn a_full_disk_stops_the_printer_and_leaves_no_half_file() {
    in_namespace("a_full_disk_stops_the_printer_and_leaves_no_half_file", |place| {
        tests::cp64();
        let mut system = System::prepare_at(&place.join("system"));
        system.run();
        system.shut_down();
        let folder = place.join("paper");
        fs::create_dir(&folder).expect("a folder");
        let mounted = Program::run(std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(&folder), b"");
        mounted.succeeded();
        let settings = system.directory().join("system.toml");
        let own = text(&settings).split("\n[[").next().unwrap_or_default().to_string();
        let printer = format!("[[printer]]\ndevice = \"00E\"\nfolder = {:?}\nstart = true\nclass = \"A\"\n", folder.display().to_string());
        fs::write(&settings, format!("{own}\n{printer}")).expect("settings");
        system.run();
        let mut operator = tests::Terminal::observe(&system.socket(), "OPERATOR");
        // Four times as much as there is room for.
        let lines = format!("{}\n", "x".repeat(99)).repeat(10_000);
        system.disk_put("CMSUSER", "LARGE", "TEXT", lines.as_bytes()).succeeded();
        system.session("CMSUSER", "print large text a\n");
        operator.until("HCPRSP9436E PRT  000E stopped: .*[Nn]o space.*file CMSUSER 0001 stays in its queue");
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0, "something half is there");
        let grown = Program::run(std::process::Command::new("mount").args(["-o", "remount,size=16m"]).arg(&folder), b"");
        grown.succeeded();
        system.cp("START 00E").succeeded();
        wait_for("the queue", || system.cp_says("QUERY FILES CMSUSER").contains("NO PRT").then_some(()));
        let printed = fs::read_dir(&folder).expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
        let printed: Vec<_> = printed.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
        assert_eq!(text(&printed[0]).lines().filter(|line| line.contains("xxxx")).count(), 10_000);
    });
}

#[test]
fn after_a_kill_every_file_was_printed_whole_and_none_is_lost() {
    let mut system = system_with(PRINTER);
    system.disk_put("CMSUSER", "MANY", "TEXT", "a line\n".repeat(500).as_bytes()).succeeded();
    for round in 0..5_u64 {
        system.cp("DRAIN 00E").succeeded();
        system.session("CMSUSER", &"print many text a\n".repeat(10));
        system.cp("START 00E").succeeded();
        std::thread::sleep(std::time::Duration::from_millis(7 * round));
        system.kill();
        system.run();
    }
    wait_for("the queue", || system.cp_says("QUERY FILES CMSUSER").contains("NO PRT").then_some(()));
    let printed: Vec<_> = files(&system, "printer", "MANY-TEXT.txt");
    assert!(printed.len() >= 50, "{} of 50 files", printed.len());
    for path in &printed {
        assert_eq!(text(path).matches("a line\n").count(), 500, "{}", path.display());
    }
    for path in files(&system, "printer", ".pdf") {
        assert!(fs::read(&path).expect("a document").ends_with(b"%%EOF"), "{}", path.display());
    }
}

#[test]
fn punched_cards_are_lines_or_a_deck_of_eighty_columns() {
    let system = system_with(
        "[[punch]]\ndevice = \"00D\"\nfolder = \"punch\"\nstart = true\nclass = \"A\"\n[[punch]]\ndevice = \"01D\"\nfolder = \"deck\"\nstart = true\nclass = \"E\"\ncoding = \"ebcdic\"\n",
    );
    system.disk_put("CMSUSER", "JOB", "DECK", b"ID MAINT\ncard two\n").succeeded();
    system.session("CMSUSER", "punch job deck a (noheader\ncp spool punch class e\npunch job deck a (noheader\n");
    let [lines] = &wait_for_files(&system, "punch", ".txt", 1)[..] else { panic!("one deck") };
    assert_eq!(text(lines), "ID MAINT\ncard two\n");
    let [deck] = &wait_for_files(&system, "deck", ".deck", 1)[..] else { panic!("one deck") };
    let bytes = fs::read(deck).expect("a deck");
    assert_eq!((bytes.len(), &bytes[..4]), (160, &[0xc9, 0xc4, 0x40, 0xd4][..]));
}

#[test]
fn what_is_dropped_into_the_readers_folder_becomes_a_file_of_its_user() {
    let mut system = system_with("[[reader]]\ndevice = \"00C\"\nfolder = \"reader\"\nstart = true\n");
    let folder = system.directory().join("reader");
    wait_for("the folder", || folder.join(".taken").is_dir().then_some(()));
    fs::create_dir(folder.join("cmsuser")).expect("a folder");
    fs::create_dir(folder.join("nobody")).expect("a folder");
    fs::create_dir(folder.join("SMALL")).expect("a folder");
    let source = system.directory().join("user.direct");
    let users = text(&source) + "\nUSER SMALL NOLOG\n  SPOOLFILE MAXSPOOL 1\n";
    fs::write(&source, users).expect("a directory");
    system.cp("DIRECTXA").succeeded();
    system.punch("SMALL", "A.X", "a card\n").succeeded();
    fs::write(folder.join("SMALL/more"), "too many").expect("a file");
    fs::write(folder.join("cmsuser/notes.txt"), "one\ntwo\n").expect("a file");
    fs::write(folder.join("cmsuser/half.part"), "not yet").expect("a file");
    fs::write(folder.join("cmsuser").join("\u{1b}[2J\n".repeat(50)), "hostile name\n").expect("a file");
    fs::write(folder.join("nobody/lost.txt"), "whose").expect("a file");
    fs::write(folder.join("deck.job"), "USERID MAINT CLASS C NAME MY JOB TAG vm2 op\ncard\n").expect("a file");
    fs::write(folder.join("bad.job"), "// no id card\n").expect("a file");
    fs::write(folder.join("stranger.job"), "ID NOBODY\ncard\n").expect("a file");
    std::os::unix::fs::symlink("/etc/passwd", folder.join("cmsuser/passwd")).expect("a link");
    rustix_fifo(&folder.join("cmsuser/pipe"));
    wait_for("the reader", || system.cp_says("QUERY FILES CMSUSER").contains("0002 RDR").then_some(()));
    wait_for("the deck", || system.cp_says("QUERY FILES MAINT").contains("0001 RDR").then_some(()));
    assert_line(&system.cp_says("QUERY READER CMSUSER ALL"), r"^OPERATOR \d{4} A RDR 00000002 001 NONE .* NOTES     TXT ");
    assert_line(&system.cp_says("QUERY READER MAINT ALL"), r"^OPERATOR 0001 C RDR 00000001 001 NONE .* MY        JOB ");
    wait_for("the refusals", || folder.join("refused/bad.job").exists().then_some(()));
    wait_for("the refusals", || folder.join("refused/stranger.job").exists().then_some(()));
    wait_for("the refusals", || folder.join("refused/more").exists().then_some(()));
    for left in ["cmsuser/half.part", "cmsuser/passwd", "nobody/lost.txt"] {
        assert!(folder.join(left).symlink_metadata().is_ok(), "{left} was taken");
    }
    assert!(!folder.join("cmsuser/notes.txt").exists());
    // A file is taken once, whatever happens in between.
    for number in 0..20 {
        fs::write(folder.join(format!("cmsuser/n{number}")), format!("card {number}\n")).expect("a file");
    }
    wait_for("some", || (!system.cp_says("QUERY FILES CMSUSER").contains("0002 RDR")).then_some(()));
    system.kill();
    system.run();
    wait_for("all", || system.cp_says("QUERY FILES CMSUSER").contains("0022 RDR").then_some(()));
    assert_eq!(fs::read_dir(folder.join(".taken")).expect("a folder").count(), 0);
    assert_line(&system.cp_says("DRAIN READER"), "^RDR  000C DRAINED   SYSTEM$");
}

fn rustix_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo can be run");
    assert!(made.success());
}

#[test]
fn wrong_statements_and_operands_are_named() {
    let mut system = System::start();
    for (command, refusal) in [
        ("START 99E", "^HCPRSU040E Device 099E does not exist$"),
        ("START 00C CLASS A", "^HCPRSU006E Invalid device type - 000C$"),
        ("START 00E CLASS ?", "^HCPCSP028E "),
        ("START 00E DEST A B C D E", "^HCPCSP032E "),
        ("START 00E FROB", "^HCPCMD003E Invalid option - FROB$"),
        ("START FROB", "^HCPCMD002E Invalid operand - FROB$"),
        ("DRAIN 00E NOW", "^HCPCMD002E Invalid operand - NOW$"),
        ("FLUSH", "^HCPCFC022E "),
        ("BACKSPACE 00E", "^HCPRSU046E Device 000E has no file in progress$"),
        ("REPEAT 00E 0", "^HCPCSP030E Copies missing or invalid$"),
        ("HOLD NOBODY", "^HCPLNM053E NOBODY not in CP directory$"),
        ("FREE CMSUSER READER", "^HCPCMD002E Invalid operand - READER$"),
    ] {
        assert_line(&system.cp(command).errors, refusal);
    }
    assert_line(&system.cp_says("QUERY UR"), "^PUN  000D DRAINED   SYSTEM   CLASS = \\*      NOSEP  AUTO   FORM STANDARD DEST ANY$");
    assert_line(&system.session("CMSUSER", "cp start 00e\n"), "^HCPCMD001E Unknown CP command: START$");
    system.shut_down();
    let path = system.directory().join("system.toml");
    let good = text(&path);
    for (bad, named) in [
        ("device = \"XYZ\"\nfolder = \"p\"\n", "XYZ"),
        ("device = \"00E\"\n", "folder or a command"),
        ("device = \"00E\"\nfolder = \"p\"\nclass = \"!\"\n", "class"),
    ] {
        fs::write(&path, format!("{}\n[[printer]]\n{bad}", good.split("\n[[").next().unwrap_or_default())).expect("settings");
        assert!(!system.try_run());
        assert!(system.complaints().contains(named), "{}", system.complaints());
    }
}
