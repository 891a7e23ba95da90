//! Programs: GENMOD, LOADMOD, START, nucleus extensions, DEBUG. The double of CP enters no program: it says that one was called.

use minidisk::edf::RecordFormat;

use crate::double::User;

/// The smallest executable that GENMOD takes.
pub fn executable() -> Vec<u8> {
    let mut file = vec![0; 0x200];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let mut put = |at: usize, value: u64, bytes: usize| file[at..at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
    put(16, 3, 2);
    put(18, 62, 2);
    put(24, 0x180, 8);
    put(32, 64, 8);
    put(56, 1, 2);
    put(64, 1, 4);
    put(64 + 32, 0x200, 8);
    put(64 + 40, 0x400, 8);
    file
}

/// A user with an executable, and a module that is none.
fn user() -> User {
    let mut user = User::before_ipl("CMSUSER");
    user.add_disk(0x191, "MNT191", 900);
    user.has_bytes(0x191, "HELLO PROGRAM", &executable());
    user.has_bytes(0x191, "WRONG PROGRAM", b"no program");
    user.has_records(0x191, "WRONG MODULE", 1, RecordFormat::Fixed(8), &["no modul"]);
    user.has_file(0x191, "CALL EXEC", 1, &["/* */ 'HELLO from exec'; say rc", "address command 'HELLO x'; say rc"]);
    user.ipl("AUTOCR", &[]);
    user
}

#[test]
fn a_module_is_made_and_runs_by_its_name() {
    let mut user = user();
    user.does("genmod hello");
    assert_eq!(user.does("listfile hello module a (format")[1], "HELLO    MODULE   A1 F       4096");
    assert_eq!(user.fails("hello there"), (5, vec!["called with there".into()]));
    assert_eq!(user.does("hello"), ["called with "]);
    assert_eq!(user.does("call"), ["called with from exec", "9", "called with x", "1"]);
    user.does("genmod hello program a (name other");
    assert_eq!(user.does("other"), ["called with "]);
    let map = user.does("modmap hello");
    assert_eq!(
        map,
        ["Name      Size (hex)  In the file  Entry point  Addresses", "HELLO            400          200          180          0"]
    );
    user.does("loadm hello");
    assert_eq!(user.fails("sta * two words"), (9, vec!["called with two words".into()]));
    assert_eq!(user.does("start"), ["called with "]);
}

#[test]
fn nucleus_extensions_stay_until_they_are_dropped() {
    let mut user = user();
    user.does("genmod hello");
    assert_eq!(user.does("nucxmap"), ["No nucleus extensions"]);
    user.does("nucxload listfile hello");
    user.does("nucxload hello");
    user.does("erase hello module a");
    assert_eq!(user.fails("listfile x"), (1, vec!["called with x".into()]));
    let map = user.does("nucxmap listfile");
    assert!(map.len() == 2 && map[1].starts_with("LISTFILE  ") && map[1].ends_with("  00000400"), "{map:?}");
    assert_eq!(user.fails("nucxload hello").0, 1);
    assert_eq!(user.fails("nucxload hello (push"), (28, vec!["DMSNXL002E File HELLO MODULE * not found".into()]));
    assert_eq!(user.does("hello"), ["called with "], "the old one is still there");
    user.does("nucxdrop listfile");
    user.does("listfile call exec a");
    user.does("nucxdrop *");
    assert_eq!(user.fails("hello").0, -3);
    assert_eq!(user.fails("nucxload"), (24, vec!["DMSNXL001E No filename specified".into()]));
    assert_eq!(user.fails("nucxload a b c"), (24, vec!["DMSNXL070E Invalid parameter C".into()]));
    assert_eq!(user.fails("nucxload a (x"), (24, vec!["DMSNXL003E Invalid option: X".into()]));
    assert_eq!(user.fails("nucxload wrong").0, 32);
    assert_eq!(user.fails("nucxdrop"), (24, vec!["DMSNXD386E Missing operand(s)".into()]));
    assert_eq!(user.fails("nucxdrop a"), (28, vec!["DMSNXD616E A is no nucleus extension".into()]));
    assert_eq!(user.fails("nucxdrop a (x"), (24, vec!["DMSNXD003E Invalid option: X".into()]));
    assert_eq!(user.fails("nucxmap a"), (28, vec!["DMSNXM616E A is no nucleus extension".into()]));
    assert_eq!(user.fails("nucxmap a b"), (24, vec!["DMSNXM070E Invalid parameter B".into()]));
    assert_eq!(user.fails("nucxmap (x"), (24, vec!["DMSNXM003E Invalid option: X".into()]));
}

#[test]
fn what_is_no_program_is_refused() {
    let mut user = user();
    assert_eq!(user.fails("genmod wrong"), (32, vec!["DMSMOD115E File WRONG PROGRAM A1 is no ELF executable for x86-64".into()]));
    assert_eq!(user.fails("genmod"), (24, vec!["DMSMOD001E No filename specified".into()]));
    assert_eq!(user.fails("genmod none"), (28, vec!["DMSMOD002E File NONE PROGRAM * not found".into()]));
    assert_eq!(user.fails("genmod hello program a b"), (24, vec!["DMSMOD070E Invalid parameter B".into()]));
    assert_eq!(user.fails("genmod hello program q").0, 36);
    assert_eq!(user.fails("genmod hello (x"), (24, vec!["DMSMOD003E Invalid option: X".into()]));
    assert_eq!(user.fails("genmod hello (name a.b"), (20, vec!["DMSMOD062E Invalid character in fileid A.B MODULE".into()]));
    assert_eq!(user.fails("wrong"), (32, vec!["DMSMOD116E File WRONG MODULE A1 is no module that GENMOD has made".into()]));
    assert_eq!(user.fails("loadmod wrong"), (32, vec!["DMSLOD116E File WRONG MODULE A1 is no module that GENMOD has made".into()]));
    assert_eq!(user.fails("start"), (40, vec!["DMSMOD021E No module is loaded; LOADMOD loads one".into()]));
    assert_eq!(user.fails("start x"), (24, vec!["DMSMOD070E Invalid parameter X".into()]));
    assert_eq!(user.fails("modmap wrong"), (32, vec!["DMSMDP116E File WRONG MODULE A1 is no module that GENMOD has made".into()]));
    assert_eq!(user.fails("mod none"), (28, vec!["DMSMDP002E File NONE MODULE * not found".into()]));
    assert_eq!(user.fails("loadmod"), (24, vec!["DMSLOD001E No filename specified".into()]));
    assert_eq!(user.fails("loadmod none"), (28, vec!["DMSLOD002E File NONE MODULE * not found".into()]));
    assert_eq!(user.fails("loadmod wrong exec"), (24, vec!["DMSLOD070E Invalid parameter EXEC".into()]));
    assert_eq!(user.fails("loadmod wrong (x"), (24, vec!["DMSLOD003E Invalid option: X".into()]));
    user.breaks_after(0x191, Some(1));
    assert_eq!(user.fails("genmod hello").0, 100);
    user.breaks_after(0x191, None);
    assert!(!user.disk_has(0x191, "HELLO MODULE"));
}

#[test]
fn debug_looks_at_storage() {
    let mut user = user();
    assert_eq!(user.does("debug x 10 4"), ["000000000010  10111213                             *....            *"]);
    assert_eq!(user.does("debug store 20 414243"), [""; 0]);
    assert_eq!(user.does("debug x 20 3"), ["000000000020  414243                               *ABC             *"]);
    assert_eq!(user.fails("debug x ffff"), (32, vec!["DMSDBG730E Storage at FFFF is outside of this machine".into()]));
    assert_eq!(user.fails("debug store ffff 00"), (32, vec!["DMSDBG730E Storage at FFFF is outside of this machine".into()]));
    assert_eq!(user.fails("debug x xyz"), (24, vec!["DMSDBG070E Invalid parameter XYZ".into()]));
    assert_eq!(user.fails("debug x 0 1001").0, 24);
    assert_eq!(user.fails("debug store 0 123"), (24, vec!["DMSDBG070E Invalid parameter 123".into()]));
    assert_eq!(user.fails("debug nonsense"), (24, vec!["DMSDBG070E Invalid parameter NONSENSE".into()]));
    assert_eq!(user.fails("debug gpr"), (4, vec!["DMSDBG729W No program interruption since IPL".into()]));
    user.types(&["x 0 1", "wrong", "return"]);
    let shown = user.does("debug");
    assert_eq!(shown[0], "DMSDBG728I DEBUG entered; RETURN ends it");
    assert!(shown[1].starts_with("000000000000  00 ") && shown[2].starts_with("DMSDBG070E"), "{shown:?}");
}
