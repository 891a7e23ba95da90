//! Messages of commands that are refused: the whole text, and the return code.

use crate::double::User;

/// The command, its return code and its message.
type Refusal = (&'static str, i32, &'static str);

const REFUSALS: &[Refusal] = &[
    ("cmsbatch now", 24, "DMSBTC070E Invalid parameter NOW"),
    ("compare hello exec a short exec a", 40, "DMSCMP010E Premature EOF on file SHORT EXEC A1"),
    ("copyfile hello exec a x exec a (append replace", 24, "DMSCPY042E APPEND goes with neither REPLACE, NEWFILE, RECFM nor LRECL"),
    ("copyfile hello exec a x exec a (ovly newfile", 24, "DMSCPY042E OVLY goes with neither APPEND nor NEWFILE"),
    ("copyfile hello exec a x exec a (specs", 24, "DMSCPY063E No specification list entered"),
    ("copyfile hello exec a x exec a (frlabel zzz", 32, "DMSCPY171E Label ZZZ not found in file HELLO EXEC A1"),
    ("comp hello exec a short exec a (col x", 24, "DMSCMP029E Invalid parameter X in the option COL field"),
    ("copyfile hello exec a x exec a (fill", 24, "DMSCPY005E No FILL specified"),
    ("copyfile hello exec a x exec a (tol", 24, "DMSCPY005E No TOL specified"),
    ("execload hello exec", 1, "DMSEXL412S EXECLOAD failed: HELLO EXEC is already in storage; EXECDROP drops it, PUSH replaces it"),
    ("filedef in", 24, "DMSFLD027E No device specified"),
    ("filedef in disk hello exec a (lrecl", 24, "DMSFLD005E No LRECL specified"),
    ("format", 24, "DMSFOR050E Parameter missing: specify a device address and a filemode"),
    ("format 191 a (label recomp", 24, "DMSFOR066E LABEL and RECOMP are conflicting options"),
    ("genmod hello exec a (name", 24, "DMSMOD005E No NAME specified"),
    ("identify who", 24, "DMSIDE070E Invalid parameter WHO"),
    ("namefind :userid bob (file", 24, "DMSNAM005E No FILE specified"),
    ("namefind :userid zzz", 32, "DMSNAM637E Names file entry not found"),
    ("nocount", 24, "DMSEIO621E Bad Plist: X.0 is no number of lines"),
    ("peek (for", 24, "DMSPEK005E No FOR specified"),
    ("print hello exec a (cc hex", 24, "DMSPRT066E CC and HEX are conflicting options"),
    ("release", 24, "DMSARE050E Parameter missing: specify a device address or a filemode"),
    ("rename hello exec a x exec b", 24, "DMSRNM051E Invalid mode change from A to B"),
    ("sendfile hello exec a to bob (old ack", 24, "DMSSFI066E OLD goes with neither ACK, NOTE nor EBCDIC"),
    ("sort hello exec a x exec a", 24, "DMSSRT063E No list entered"),
    ("tape modeset (den 17", 24, "DMSTAP029E Invalid parameter 17 in the option DEN field"),
    ("tape modeset (trtch", 24, "DMSTAP005E No TRTCH specified"),
    ("tell bob", 24, "DMSTEL646E Userid and message text must be specified"),
    ("type hello exec (col", 24, "DMSTYP005E No COL specified"),
    ("vmlink nobody", 28, "DMSVML2064E NOBODY is no nickname in VMLINK NAMES and no userid with a device number"),
];

/// A user with files on A that the commands are about.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_file(0x191, "HELLO EXEC", 1, &["say hello", " ", "exit"]);
    user.has_file(0x191, "SHORT EXEC", 1, &["say hello"]);
    user.has_file(0x191, "NOCOUNT EXEC", 1, &["/* */ x.0 = 'many'; 'EXECIO * DISKW OUT DATA A (STEM x.'; exit rc"]);
    user.has_file(0x191, "READER EXEC", 1, &["/* */ 'EXECIO * DISKW OUT DATA A'; exit rc"]);
    user.has_file(0x191, "PULLS EXEC", 1, &["/* */ pull line; say 'read' line"]);
    user.has_file(0x191, "STACKS EXEC", 1, &["/* */ queue 'HX'; queue ''; 'EXECIO * DISKW OUT DATA A'; 'TYPE OUT DATA A'"]);
    user.has_file(0x191, "CMSUSER NAMES", 1, &[":nick.bob :userid.bob"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn commands_say_why_they_are_refused_and_change_nothing() {
    let mut user = user();
    user.does("execload hello exec");
    let files = user.does("listfile * * a (date");
    for (command, code, message) in REFUSALS {
        // A list that is asked for is left empty.
        user.types(&[""]);
        let (rc, shown) = user.fails(command);
        assert_eq!((rc, shown.last().map(String::as_str)), (*code, Some(*message)), "{command}");
        assert_eq!(user.does("listfile * * a (date"), files, "{command}");
    }
}

#[test]
fn movefile_says_which_of_its_definitions_it_cannot_use() {
    for (from, to, message) in [
        ("disk hello exec a", "disk hello exec a", "DMSMVE129S Input and output of MOVEFILE are the same: INMOVE"),
        ("printer", "disk x exec a", "DMSMVE128S I/O option(s) not supported: INMOVE cannot be read"),
        ("disk hello exec a", "reader", "DMSMVE128S I/O option(s) not supported: OUTMOVE cannot be written"),
    ] {
        let mut user = user();
        user.does(&format!("filedef inmove {from}"));
        user.does(&format!("filedef outmove {to}"));
        assert_eq!(user.fails("movefile"), (40, vec![message.to_string()]));
        assert!(!user.disk_has(0x191, "X EXEC"));
    }
}

/// What asks for lines, with what is typed before HX.
const QUESTIONS: &[(&str, &[&str])] = &[
    ("copyfile hello exec a x exec a (specs", &["1-4 1 ++"]),
    ("copyfile hello exec a x exec a (translate", &[]),
    ("debug", &["x 0 8"]),
    ("format 191 a", &[]),
    ("format 191 a", &["yes"]),
    ("movefile in out", &["a line", "another"]),
    ("names bob", &["robert"]),
    ("note bob", &["Dear Bob,"]),
    ("rdrlist", &["query search"]),
    ("reader", &["first"]),
    ("sort hello exec a x exec a", &[]),
];

#[test]
fn hx_as_the_answer_to_a_command_ends_it_and_changes_nothing() {
    let mut user = user();
    user.world.borrow_mut().arrives(b'U', "SOME", "DATA", &[b"card"]);
    user.does("filedef in terminal");
    user.does("filedef out disk x exec a");
    let files = user.does("listfile * * a (date");
    for (command, typed) in QUESTIONS {
        user.types(typed);
        user.types(&[" Hx "]);
        let (rc, shown) = user.fails(command);
        assert_eq!(rc, 222, "{command}: {shown:?}");
        let name = match *command {
            "reader" => "EXECIO",
            command => command.split(' ').next().unwrap_or_default(),
        };
        assert_eq!(shown.last(), Some(&format!("DMSABE222I {} halted by HX", name.to_ascii_uppercase())), "{command}");
        assert_eq!(user.does("listfile * * a (date"), files, "{command}");
    }
    assert!(user.world.borrow().sent.is_empty());
}

#[test]
fn hx_is_data_where_a_program_reads_and_on_the_stack() {
    let mut user = user();
    user.types(&["hx"]);
    assert_eq!(user.does("pulls"), ["read HX"]);
    assert_eq!(user.does("stacks"), ["", "HX", ""]);
}
