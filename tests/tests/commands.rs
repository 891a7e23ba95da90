//! The CP command language as users and their scripts meet it: shapes of responses, message numbers, classes, abbreviations, nonsense.

use std::time::{Duration, Instant};

use console::wire::ConsoleState;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use regex::Regex;
use tests::{System, Terminal, assert_line, assert_no_line};

const DATE: &str = r"\d\d:\d\d:\d\d \S+ [A-Z]+DAY \d\d/\d\d/\d\d";
const CPU: &str = r"\d{3}:\d\d\.\d\d";

/// A command and, for each line of its response in order, its shape. `<date>` and `<cpu>` stand for the shapes above.
struct Case(&'static str, &'static [&'static str]);

/// Commands of a general user and system programmer, on a console that has just been logged on.
const ANSWERS: &[Case] = &[
    Case("QUERY NAMES", &[r"^MAINT    - L\w{4}, OPERATOR - SYSC$"]),
    Case("QUERY USERS", &[r"^ *2 USERS, +0 DIALED, +0 NET$"]),
    Case("QUERY MAINT", &[r"^MAINT    - L\w{4}$"]),
    Case("QUERY OPERATOR", &[r"^OPERATOR - SYSC$"]),
    Case("QUERY TIME", &[r"^TIME IS <date>$", r"^CONNECT= \d\d:\d\d:\d\d VIRTCPU= <cpu> TOTCPU= <cpu>$"]),
    Case("QUERY CPLEVEL", &[r"^CP-64 Version \d+\.\d+\.\d+, ", r"^IPL at <date>$"]),
    Case("QUERY USERID", &[r"^MAINT    AT CP64$"]),
    Case("QUERY FILES", &[r"^FILES:   NO RDR,   NO PRT,   NO PUN$"]),
    Case("QUERY READER", &[r"^NO READER FILES$"]),
    Case("QUERY PRINTER * ALL", &[r"^NO PRINTER FILES$"]),
    Case("QUERY PUNCH", &[r"^NO PUNCH FILES$"]),
    Case("QUERY VIRTUAL STORAGE", &[r"^STORAGE = 64M$"]),
    Case(
        "QUERY VIRTUAL CONSOLE",
        &[
            r"^CONS 0009 ON L\w{4}  TERM STOP  HOST SYSTEM$",
            r"^     0009 CL T NOCONT NOHOLD COPY 001    READY FORM STANDARD$",
            r"^     0009 TO MAINT    PRT DIST MAINT       FLASHC 000 DEST OFF$",
            r"^     0009 FLASH      CHAR      MDFY       0 FCB      LPP OFF$",
            r"^     0009 3215   NOEOF CLOSED NOKEEP MSG NONAME$",
            r"^     0009 SUBCHANNEL = \w{4}$",
        ],
    ),
    Case(
        "QUERY VIRTUAL UR",
        &[
            r"^RDR  000C CL \* NOCONT NOHOLD +EOF +READY$",
            r"^     000C 2540 +CLOSED +NOKEEP NORESCAN +SUBCHANNEL = \w{4}$",
            r"^PUN  000D CL A NOCONT NOHOLD COPY 001 +READY FORM STANDARD$",
            r"^     000D TO MAINT    PUN DIST MAINT       DEST OFF$",
            r"^     000D FLASH      CHAR      MDFY       0 FCB$",
            r"^     000D 2540   NOEOF CLOSED NOKEEP MSG NONAME$",
            r"^     000D SUBCHANNEL = \w{4}$",
            r"^PRT  000E CL A NOCONT NOHOLD COPY 001 +READY FORM STANDARD$",
            r"^     000E TO MAINT    PRT DIST MAINT       FLASHC 000 DEST OFF$",
            r"^     000E FLASH      CHAR      MDFY       0 FCB      LPP OFF$",
            r"^     000E 1403   NOEOF CLOSED NOKEEP MSG NONAME$",
            r"^     000E SUBCHANNEL = \w{4}$",
        ],
    ),
    Case(
        "QUERY VIRTUAL DASD",
        &[
            r"^DASD 0190 3390 SYS001 R/W +100 CYL ON DASD  +\S+ \S+ SUBCHANNEL = \w{4}$",
            r"^DASD 0191 3390 SYS001 R/W +100 CYL ON DASD  +\S+ \S+ SUBCHANNEL = \w{4}$",
            r"^DASD 019D 3390 ",
            r"^DASD 019E 3390 ",
        ],
    ),
    Case("QUERY VIRTUAL 191", &[r"^DASD 0191 3390 SYS001 R/W "]),
    Case("QUERY 00D", &[r"^PUN  000D ", r"^     000D ", r"^     000D ", r"^     000D ", r"^     000D SUBCHANNEL = "]),
    Case("QUERY STORAGE", &[r"^STORAGE = \d+[KMGT] CONFIGURED = \d+[KMGT] INC = \S+ STANDBY = 0  RESERVED = 0$"]),
    Case("QUERY PROCESSORS", &[r"^PROCESSOR 00 MASTER CP\b", r"^PROCESSOR 01 ALTERNATE CP\b"]),
    Case("QUERY SHARE", &[r"^USER MAINT +: RELATIVE SHARE = +100$", r"^ +MAXIMUM SHARE = NOLIMIT$"]),
    Case(
        "SET SHARE * ABSOLUTE 12.5% 20% LIMITHARD",
        &[r"^USER MAINT +: ABSOLUTE SHARE = 12\.5%$", r"^ +MAXIMUM SHARE = LIMITHARD ABSOLUTE SHARE =   20%$"],
    ),
    Case("SET SHARE MAINT INITIAL", &[r"^USER MAINT +: RELATIVE SHARE = +100$", r"^ +MAXIMUM SHARE = NOLIMIT$"]),
    Case("SET QUICKDSP MAINT ON", &[r"^USER MAINT +: QUICKDSP = ON$"]),
    Case("QUERY QUICKDSP", &[r"^USER MAINT +: QUICKDSP = ON$"]),
    Case(
        "QUERY SRM",
        &[
            r"^IABIAS : INTENSITY=90%; DURATION=2$",
            r"^LDUBUF : Q1=100% Q2=75% Q3=60%$",
            r"^STORBUF: Q1=300% Q2=250% Q3=200%$",
            r"^DSPBUF : Q1=32767 Q2=32767 Q3=32767$",
            r"^DISPATCHING MINOR TIMESLICE = 5 MS$",
        ],
    ),
    Case("SET SRM IABIAS 80% 3", &[r"^IABIAS : INTENSITY=80%; DURATION=3$"]),
    Case("QUERY SRM IABIAS", &[r"^IABIAS : INTENSITY=80%; DURATION=3$"]),
    Case("SET SRM IABIAS INITIAL", &[r"^IABIAS : INTENSITY=90%; DURATION=2$"]),
    Case("INDICATE ACTIVE", &[r"^\d{5} USERS, \d{5} DISP, \d{5} ELIG, \d{5} DORM$"]),
    Case("INDICATE I/O", &[r"^No users in I/O wait$"]),
    Case("QUERY SET", &[r"^MSG ON +, WNG ON +, EMSG ON +, IMSG ON", r"^SMSG OFF +, RUN OFF"]),
    Case(
        "QUERY TERMINAL",
        &[r"^LINEND # +, LINEDEL \S+ *, CHARDEL \S+ *, ESCAPE \S+", r"^LINESIZE \S+, MORE \d{3} \d{3}, BRKKEY PA1", r"^CONMODE 3215$"],
    ),
    Case("QUERY PRIVCLASS", &[r"^PRIVILEGE CLASSES FOR USER MAINT$", r"^ +CURRENTLY: ABCDEFG$", r"^ +DIRECTORY: ABCDEFG$"]),
    Case("QUERY LINKS 191", &[r"^MAINT    0191 R/W$"]),
    Case("QUERY LINKS 190", &[r"^MAINT    0190 R/W, OPERATOR 0190 R/O$"]),
    Case("QUERY LOGMSG", &[r"^There is no logmsg data$"]),
    Case("QUERY TAG DEV PUNCH", &[r"^PUN 000D TAG NOT SET$"]),
    Case(
        "INDICATE USER",
        &[
            r"^USERID=MAINT +MACH=CMS STOR=64M ",
            r"^IPLSYS=CMS      DEVNUM=\d{5}$",
            r"^PAGES: RES=\d+  WS=\d+  LOCKEDREAL=0  RESVD=0$",
            r"^       INSTAN=\d+$",
            r"^NPREF=0  PREF=0  READS=0  WRITES=0$",
            r"^CPU 00: CTIME=\d\d:\d\d VTIME=\d{3}:\d\d TTIME=\d{3}:\d\d IO=\d{6}$",
            r"^        RDR=000000 PRT=000000 PCH=000000 TYPE=CP   CPUAFFIN=ON$",
        ],
    ),
    Case(
        "INDICATE USER EXP",
        &[
            r"^Userid=MAINT    Machine=CMS Storage=64M Virt=V Xstore=NONE$",
            r"^Iplsys=CMS      Devnum=\d{5} Share=R\d+$",
            r"^Spool: Rdr=\d{6} Prt=\d{6} Pch=\d{6}$",
            r"^Spaces: Private=MAINT:BASE Shared=CMS$",
            r"^Pages: Instan=\d+ Main=\d+ Dasd=0 Xstore=0$",
            r"^       WS=\d+ Locked=0 Resvd=0$",
            r"^Paging: Reads=0 Writes=0 Migrates=0$",
            r"^CPU 00: Ctime=\d\d:\d\d Vtime=\d{3}:\d\d\.\d\d Ttime=\d{3}:\d\d\.\d\d IO=\d{6} Type=CP Cpuaffin=ON$",
        ],
    ),
    Case("IND PAG WAIT", &[r"^No users in page wait$"]),
    Case("IND PAGING ALL", &[r"^No users have pages on the paging file$"]),
    Case("IND ACT 2 HRS", &[r"^\d{5} USERS, \d{5} DISP, \d{5} ELIG, \d{5} DORM$"]),
    Case("DISPLAY 200.20", &[r"^00000200  \w{8} \w{8} \w{8} \w{8}  \*.{16}\*$", r"^00000210  "]),
    Case("DISPLAY G0-3", &[r"^GRG  0 =( +R[AC]X \w{16}){2}$", r"^GRG  2 =( +R[BD]X \w{16}){2}$"]),
    Case("DISPLAY PSW", &[r"^PSW = \w{8} \w{8} \w{16}$"]),
    Case("DEFINE PRINTER 20E", &[r"^PRT  020E DEFINED$"]),
    Case("DEFINE 20E AS 21E", &[r"^DEV  021E DEFINED$"]),
    Case("DETACH 21E", &[r"^PRT  021E DETACHED$"]),
    Case("LINK TO * 190 AS 290 RR", &[r"^DASD 0290 LINKED R/O; R/W BY MAINT; R/O BY OPERATOR$"]),
    Case("DETACH 290", &[r"^DASD 0290 DETACHED$"]),
    Case("LINK * 191 291 RR", &[r"^DASD 0291 LINKED R/O; R/W BY MAINT$"]),
    Case("DETACH 291", &[r"^DASD 0291 DETACHED$"]),
    Case("MESSAGE * hello there", &[r"^\d\d:\d\d:\d\d +\* MSG FROM MAINT +: hello there$"]),
    Case("MSGNOH * just this", &[r"^just this$"]),
    Case("WARNING MAINT look out", &[r"^\d\d:\d\d:\d\d +\* WNG FROM MAINT +: look out$"]),
    Case("SET MSG OFF", &[]),
    Case("SET MSG ON", &[]),
    Case("SET EMSG TEXT", &[]),
    Case("FROBNICATE", &[r"^Unknown CP command: FROBNICATE$"]),
    Case("SET EMSG CODE", &[]),
    Case("FROBNICATE", &[r"^HCPCMD001E$"]),
    Case("SET EMSG ON", &[]),
    Case("FROBNICATE", &[r"^HCPCMD001E Unknown CP command: FROBNICATE$"]),
    Case("TERMINAL LINEND \"#", &[]),
    Case("SPOOL PUNCH CLASS C COPY 2 HOLD TO CMSUSER", &[]),
    Case(
        "QUERY VIRTUAL 00D",
        &[r"^PUN  000D CL C NOCONT HOLD +COPY 002 ", r"^     000D TO CMSUSER  RDR ", "^     000D ", "^     000D ", "^     000D "],
    ),
    Case("SPOOL PUNCH CLASS A COPY 1 NOHOLD OFF", &[]),
    Case("TAG DEV PUNCH to the node", &[]),
    Case("QUERY TAG PUNCH", &[r"^PUN 000D TAG:$", r"^to the node$"]),
    Case("CLOSE PUNCH", &[]),
    Case("CLOSE READER", &[]),
    Case("PURGE READER ALL", &[r"^NO FILES PURGED$"]),
    Case("CHANGE READER ALL CLASS B", &[r"^NO FILES CHANGED$"]),
    Case("ORDER READER CLASS A", &[r"^NO FILES ORDERED$"]),
    Case("TRANSFER READER ALL TO OPERATOR", &[r"^NO FILES TRANSFERRED$"]),
    Case("* a comment", &[]),
    Case("DIRECTXA", &[r"^EOJ DIRECTORY UPDATED AND ON LINE$"]),
    Case("XAUTOLOG CMSUSER", &[r"^Command accepted$"]),
    Case("FORCE CMSUSER", &[]),
];

/// Commands that fail, with the message that says so; its number is the return code.
const REFUSALS: &[(&str, &str)] = &[
    ("FROBNICATE", r"^HCPCMD001E Unknown CP command: FROBNICATE$"),
    ("QUERY", r"^HCP...026E Operand missing or invalid$"),
    ("QUERY CMSUSER", r"^HCPCQU045E CMSUSER not logged on$"),
    ("QUERY NOBODY", r"^HCP...053E NOBODY not in CP directory$"),
    ("QUERY VIRTUAL 999", r"^HCP...040E Device 0999 does not exist$"),
    ("QUERY NAMES PLEASE", r"^HCPCMD002E Invalid operand - "),
    ("QUERY LINKS 999", r"^HCP...040E Device 0999 does not exist$"),
    ("QUERY READER 0", r"^HCP...027E "),
    ("SET MSG MAYBE", r"^HCP...(002|026)E "),
    ("SET NOTHING ON", r"^HCPCMD002E Invalid operand - NOTHING$"),
    ("TERMINAL", r"^HCP...026E Operand missing or invalid$"),
    ("TERMINAL LINEND", r"^HCP...026E "),
    ("MESSAGE", r"^HCP...020E Userid missing or invalid$"),
    ("MESSAGE CMSUSER hello", r"^HCP...045E CMSUSER not logged on$"),
    ("SMSG OPERATOR hello", r"^HCPMSG057E OPERATOR not receiving; SMSG off$"),
    ("LINK NOBODY 191 291 RR", r"^HCPLNM(053E NOBODY|107E NOBODY 0191) "),
    ("LINK CMSUSER 777 291 RR", r"^HCPLNM107E CMSUSER 0777 not linked; not in CP directory$"),
    ("LINK OPERATOR 191 291 RR", r"^HCPLNM111E OPERATOR 0191 not linked; no read password$"),
    ("LINK OPERATOR 191 291 W", r"^HCPLNM112E OPERATOR 0191 not linked; no write password$"),
    ("LINK OPERATOR 191 291 MW", r"^HCPLNM113E OPERATOR 0191 not linked; no multiple password$"),
    ("LINK MAINT 190 190 RR", r"^HCPLNM110E MAINT 0190 not linked; DASD 0190 already defined$"),
    ("LINK MAINT", r"^HCP...022E "),
    ("DETACH", r"^HCP...022E "),
    ("DETACH 999", r"^HCP...040E Device 0999 does not exist$"),
    ("DETACH 009", r"^HCP...\d{3,4}E "),
    ("DEFINE PRINTER 00E", r"^HCP...092E Device 000E already defined$"),
    ("DEFINE STORAGE 9999G", r"^HCP...\d{3}E "),
    ("DEFINE", r"^HCP...026E "),
    ("SPOOL PUNCH CLASS ?", r"^HCP...028E "),
    ("SPOOL 999 CLASS A", r"^HCP...040E "),
    ("CLOSE 999", r"^HCP...040E "),
    ("PURGE READER 9998", r"^HCP...042E Spool file 9998 does not exist$"),
    ("CHANGE READER 9998 CLASS A", r"^HCP...042E "),
    ("TRANSFER READER 9998 TO CMSUSER", r"^HCP...042E "),
    ("TRANSFER READER ALL TO NOBODY", r"^HCP...053E NOBODY not in CP directory$"),
    ("TAG FILE 9998 text", r"^HCP...042E "),
    ("DISPLAY", r"^HCP...026E "),
    ("DISPLAY ZZZ", r"^HCP...004E Invalid hexloc - "),
    ("DISPLAY FFFFFFFFFFFFFFFF", r"^HCP...160E Hexloc "),
    ("STORE 200 XY", r"^HCP...005E Invalid hexdata - "),
    ("STORE FFFFFFFFFFFF 00", r"^HCP...160E "),
    ("INDICATE NONSENSE", r"^HCPCMD002E "),
    ("INDICATE ACTIVE 5 DAYS", r"^HCPCMD002E Invalid operand - DAYS$"),
    ("INDICATE ACTIVE 5", r"^HCP...026E "),
    ("SET SHARE", r"^HCP...020E Userid missing or invalid$"),
    ("SET SHARE NOBODY RELATIVE 5", r"^HCP...045E NOBODY not logged on$"),
    ("SET SHARE * RELATIVE 0", r"^HCPCMD002E Invalid operand - 0$"),
    ("SET SHARE * RELATIVE 10001", r"^HCPCMD002E Invalid operand - 10001$"),
    ("SET SHARE * ABSOLUTE 101%", r"^HCPCMD002E Invalid operand - 101%$"),
    ("SET SHARE * ABSOLUTE 0", r"^HCPCMD002E Invalid operand - 0$"),
    ("SET SHARE * ABSOLUTE 0%", r"^HCPCMD002E Invalid operand - 0%$"),
    ("SET SHARE * ABSOLUTE -1%", r"^HCPCMD002E Invalid operand - -1%$"),
    ("SET SHARE * RELATIVE 100 RELATIVE 0 LIMITHARD", r"^HCPCMD002E Invalid operand - 0$"),
    ("SET SHARE * RELATIVE 100 ABSOLUTE 100.1% LIMITHARD", r"^HCPCMD002E Invalid operand - 100\.1%$"),
    ("SET SHARE * ABSOLUTE", r"^HCP...026E "),
    ("SET QUICKDSP * MAYBE", r"^HCPCMD002E Invalid operand - MAYBE$"),
    ("SET SRM DSPSLICE 0", r"^HCPCMD002E Invalid operand - 0$"),
    ("SET SRM STORBUF 100 200 300", r"^HCPCMD002E Invalid operand - 200$"),
    ("QUERY SRM NONSENSE", r"^HCPCMD002E "),
    ("SLEEP SOON", r"^HCPCMD002E "),
    ("IPL NOTHING", r"^HCP...044E Named Saved System \(NSS\) NOTHING does not exist$"),
    ("IPL 999", r"^HCP...040E "),
    ("IPL 191", r"^HCP...232E "),
    ("SYSTEM NONSENSE", r"^HCPCMD002E "),
    ("LOGON CMSUSER", r"^HCP...054E Already logged on"),
];

fn shapes(case: &Case) -> Vec<Regex> {
    case.1.iter().map(|shape| Regex::new(&shape.replace("<date>", DATE).replace("<cpu>", CPU)).unwrap()).collect()
}

/// Types a command at CP READ and answers its lines: those before the mark that is asked for behind it.
fn answer(terminal: &mut Terminal, command: &str) -> Vec<String> {
    terminal.look();
    terminal.type_line(command);
    terminal.type_line("QUERY TAG DEV 00E");
    let shown = terminal.until("^END OF THE ANSWER$");
    let mut lines: Vec<_> = shown.lines().map(str::to_string).collect();
    lines.pop();
    assert_eq!(lines.pop().as_deref(), Some("PRT 000E TAG:"));
    lines
}

/// A console of MAINT in CP READ, whose printer's tag marks the end of every answer.
fn console(system: &System) -> Terminal {
    let mut terminal = system.log_on("MAINT");
    terminal.attention();
    terminal.until_cp_read();
    terminal.type_line("TAG DEV 00E END OF THE ANSWER");
    terminal.until_told(ConsoleState::CpRead);
    terminal
}

#[test]
fn every_command_answers_in_the_shape_that_scripts_read() {
    let system = System::start_with(&["--processors", "2"]);
    let mut terminal = console(&system);
    for case in ANSWERS {
        let lines = answer(&mut terminal, case.0);
        let shapes = shapes(case);
        let fits = lines.len() == shapes.len() && shapes.iter().zip(&lines).all(|(shape, line)| shape.is_match(line));
        assert!(fits, "{} answers\n{}\ninstead of\n{:#?}", case.0, lines.join("\n"), case.1);
    }
}

#[test]
fn what_fails_says_why_and_its_number_is_the_return_code() {
    let system = System::start();
    let mut terminal = console(&system);
    for (command, shape) in REFUSALS {
        let lines = answer(&mut terminal, command);
        assert_eq!(lines.len(), 1, "{command} answers {lines:#?}");
        assert_line(&lines[0], shape);
    }
    // The same from CMS, where DIAGNOSE X'08' hands the number to the shell.
    terminal.type_line("BEGIN");
    let message = Regex::new(r"(?m)^HCP[A-Z]{3}(\d+)E").unwrap();
    for (command, shape) in REFUSALS.iter().filter(|(command, _)| !command.starts_with("IPL")) {
        let shown = terminal.command(&format!("cp {command}"));
        assert_line(&shown, shape);
        let number: u32 = message.captures(&shown).expect("a message")[1].parse().unwrap();
        assert_line(&shown, &format!(r"^Ready\({number:05}\); T="));
    }
    let shown = terminal.command("cp query cmsuser");
    assert_line(&shown, r"^Ready\(00045\); T=");
}

#[test]
fn the_host_gets_the_low_byte_of_the_number() {
    let system = System::start();
    for (command, code) in [("QUERY NAMES", 0), ("FROBNICATE", 1), ("QUERY CMSUSER", 45), ("QUERY NOBODY", 53), ("LINK * 999 998 RR", 107)]
    {
        assert_eq!(system.cp(command).code, code, "{command}");
        assert_eq!(system.cp_json(command)["code"], code, "{command}");
    }
}

#[test]
fn json_carries_the_data_behind_the_lines() {
    let system = System::start();
    let _terminal = system.log_on("CMSUSER");
    let names = system.cp_json("QUERY NAMES");
    assert_eq!(names["code"], 0);
    assert_eq!(names["data"][0]["userid"], "CMSUSER");
    assert_eq!(names["data"][1]["line"], "SYSC");
    assert_line(names["lines"][0].as_str().unwrap(), "^CMSUSER  - L");
    assert_eq!(system.cp_json("QUERY USERS")["data"]["users"], 2);
    assert!(system.cp_json("QUERY STORAGE")["data"]["storage"].as_u64().unwrap() >= 16 << 20);
    assert!(system.cp_json("QUERY TIME")["data"]["total_us"].as_u64().is_some());
    assert_eq!(system.cp_json("INDICATE USER CMSUSER")["data"]["system"], "CMS");
    let load = tests::wait_for("a sample of the load", || {
        let load = system.cp_json("INDICATE LOAD")["data"].clone();
        (!load["processors"].as_array()?.is_empty()).then_some(load)
    });
    assert!(load["average_percent"].is_number() && load["average_stolen_percent"].is_number());
    assert_eq!(load["stolen"].as_array().map(Vec::len), load["processors"].as_array().map(Vec::len), "each processor's");
    assert_eq!(system.cp_json("QUERY SHARE CMSUSER")["data"]["userid"], "CMSUSER");
    system.punch("CMSUSER", "A.DECK", "one\ntwo\n").succeeded();
    let file = &system.cp_json("QUERY READER CMSUSER ALL")["data"][0];
    assert_eq!((file["records"].as_u64(), file["name"].as_str()), (Some(2), Some("A")));
}

#[test]
fn a_general_user_cannot_do_what_operators_do_and_cannot_tell_that_it_exists() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    for command in ["SHUTDOWN", "FORCE MAINT", "WARNING ALL hi", "MSGNOH MAINT hi", "AUTOLOG MAINT", "DIRECTXA", "FROBNICATE"] {
        let shown = terminal.command(&format!("cp {command}"));
        let word = command.split(' ').next().unwrap();
        assert_line(&shown, &format!("^HCPCMD001E Unknown CP command: {word}$"));
        assert_line(&shown, r"^Ready\(00001\);");
    }
    let shown = terminal.command("cp query commands");
    assert_no_line(&shown, "SHUTDOWN|FORCE|WARNING|DIRECTXA");
    assert_line(&shown, "QUERY");
    // Class G sees its own and nobody else's.
    for command in [
        "query files maint",
        "query reader maint",
        "query share maint",
        "indicate user maint",
        "indicate queues",
        "set share maint relative 5",
        "set quickdsp * on",
        "set srm dspslice 5",
        "query srm",
        "purge maint reader all",
    ] {
        assert_line(&terminal.command(&format!("cp {command}")), r"^Ready\(000\d\d\); T=");
    }
    assert_line(&terminal.command("cp xautolog maint"), r"^Ready\(00057\);");
    assert_line(&system.cp_says("query names"), "^CMSUSER .* OPERATOR");
}

#[test]
fn abbreviations_are_as_short_as_the_manual_says_and_no_shorter() {
    let system = System::start();
    let mut terminal = console(&system);
    for (short, shape) in [
        ("Q N", "^MAINT    - L"),
        ("Q U", "USERS"),
        ("Q T", "^TIME IS"),
        ("Q CP", "^CP-64 Version"),
        ("Q USERID", " AT CP64"),
        ("Q F", "^FILES:"),
        ("Q R", "^NO READER"),
        ("Q RDR", "^NO READER"),
        ("Q PR", "^NO PRINTER"),
        ("Q PRT", "^NO PRINTER"),
        ("Q PU", "^NO PUNCH"),
        ("Q PCH", "^NO PUNCH"),
        ("Q V", "^STORAGE = 64M"),
        ("Q V DA", "^DASD 0190"),
        ("Q V STOR", "^STORAGE = 64M"),
        ("Q DA", "^DASD 0190"),
        ("Q PROC", "^PROCESSOR 00"),
        ("Q STOR", "^STORAGE = "),
        ("Q TERM", "^LINEND"),
        ("Q PRIV", "^PRIVILEGE"),
        ("Q COMM", "QUERY"),
        ("IND", "^AVGPROC-"),
        ("IND U", "^USERID=MAINT"),
        ("M * x", "MSG FROM MAINT"),
        ("D G0", "^GRG  0"),
        ("DEF PRT 30E", "^PRT  030E DEFINED"),
        ("DET 30E", "^PRT  030E DETACHED"),
        ("PUR RDR ALL", "^NO FILES PURGED"),
        ("CH R ALL CL A", "^NO FILES CHANGED"),
        ("ORD R CL A", "^NO FILES ORDERED"),
        ("TRAN R ALL TO OPERATOR", "^NO FILES TRANSFERRED"),
        ("SHUTDOW", "^HCPCMD001E"),
        ("FORC CMSUSER", "^HCPCMD001E"),
        ("LIN CMSUSER 191 291", "^HCPCMD001E"),
        ("XAUTOL CMSUSER", "^HCPCMD001E"),
    ] {
        assert_line(&answer(&mut terminal, short).join("\n"), shape);
    }
}

#[test]
fn several_commands_in_one_diagnose_are_carried_out_in_order() {
    let system = System::start();
    let mut terminal = system.log_on("CMSUSER");
    terminal.command("cp terminal linend off");
    let shown = terminal.command("cp query userid\u{15}query virtual storage");
    assert_line(&shown, r"^Ready(\(\d+\))?; T=");
    assert_line(&terminal.command("listfile"), "^Ready");
}

#[test]
fn sleep_ends_by_itself_and_by_a_line() {
    let system = System::start();
    let mut terminal = console(&system);
    // A terminal that is slow is told only how it stands now, and so perhaps never that it ran meanwhile.
    let begun = Instant::now();
    terminal.type_line("SLEEP 1 SEC");
    terminal.until_told(ConsoleState::CpRead);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it did not sleep");
    terminal.type_line("SLEEP");
    terminal.until_told(ConsoleState::Running);
    terminal.type_line("");
    terminal.until_told(ConsoleState::CpRead);
    assert_eq!(answer(&mut terminal, "QUERY USERID"), ["MAINT    AT CP64"]);
}

/// Words of the language and words of no language.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "QUERY",
        "Q",
        "SET",
        "TERMINAL",
        "SPOOL",
        "CLOSE",
        "PURGE",
        "CHANGE",
        "ORDER",
        "TRANSFER",
        "TAG",
        "LINK",
        "DETACH",
        "DEFINE",
        "DISPLAY",
        "STORE",
        "INDICATE",
        "MESSAGE",
        "SMSG",
        "ECHO",
        "BEGIN",
        "IPL",
        "SYSTEM",
        "CP",
        "*",
        "EXTERNAL",
        "XAUTOLOG",
        "LOGON",
        "NAMES",
        "USERS",
        "TIME",
        "FILES",
        "READER",
        "PRINTER",
        "PUNCH",
        "VIRTUAL",
        "DASD",
        "STORAGE",
        "SHARE",
        "LINKS",
        "ALL",
        "CLASS",
        "FORM",
        "DEST",
        "TO",
        "FROM",
        "FOR",
        "DEV",
        "FILE",
        "HOLD",
        "COPY",
        "NAME",
        "MAINT",
        "CMSUSER",
        "OPERATOR",
        "NOBODY",
        "190",
        "191",
        "00C",
        "00D",
        "00E",
        "009",
        "FFFF",
        "FFFFFFFF",
        "0",
        "-1",
        "1-",
        "-",
        "0.FFFFFFFFFFFFFFFF",
        "FFFFFFFFFFFFFFFF-0",
        "G16",
        "GF",
        "PSW",
        "ON",
        "OFF",
        "MW",
        "RR",
        "EW",
        "PASS=",
        "99999999999999999999",
        "LINEND",
        "MORE",
        "PARM",
        "CLEAR",
        "RESET",
        "CMS",
        "64M",
    ]);
    prop_oneof![4 => known.prop_map(str::to_string), 1 => "[ -~]{0,12}", 1 => any::<String>(), 1 => "[A-Z0-9]{1,70}"]
}

#[test]
fn no_line_of_random_words_brings_cp_down() {
    let mut system = System::start();
    let socket = system.socket();
    let mut user = console(&system);
    user.type_line("SET RUN ON");
    let mut runner = TestRunner::new(Config { cases: 2000, failure_persistence: None, ..Config::default() });
    let ends = |line: &str| {
        // These do what they should, and the test would be over.
        let upper = line.to_uppercase();
        ["LOG", "DISC", "SHUTDOWN", "FORCE", "SL", "EC"].iter().any(|word| upper.split_whitespace().any(|found| found.starts_with(word)))
    };
    let checked = runner.run(&prop::collection::vec(word(), 0..7), |words| {
        let line = words.join(" ");
        prop_assume!(!ends(&line));
        let answer = console::client::command(&socket, &line);
        prop_assert!(answer.is_ok(), "{line:?}: {answer:?}");
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
    assert!(system.is_running());
    assert_line(&system.cp_says("QUERY TIME"), "^TIME IS ");
    assert_line(&answer(&mut user, "QUERY USERID").join("\n"), "^MAINT    AT CP64$");
}
